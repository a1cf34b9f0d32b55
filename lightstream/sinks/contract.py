"""What the engine asks of a sink."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from lightstream.dataclass import dataclass
from lightstream.errors import SparkRuntimeException
from lightstream.plan.types import StructType

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True, slots=True)
class Batch:
    """The output of one micro-batch, as a relation on `cursor`.

    `sql` is a SELECT whose columns are those of `schema`, in order. `rerun` says that a batch of this id may have
    been written before a crash.
    """

    batch_id: int
    sql: str
    schema: StructType
    output_mode: str  # append, complete, update
    cursor: duckdb.DuckDBPyConnection
    rerun: bool = False


WRITTEN_TWICE = "Going on would write rows twice. Write to another table, or restore the checkpoint."


def has_batch(batch: Batch, last: int | None, place: str, hint: str) -> bool:
    """Return whether a place has a batch, and not only those before; `last` is its last one of the query.

    Raises:
        SparkRuntimeException: LIGHTSTREAM_SINK_AHEAD_OF_CHECKPOINT when it has batches that the checkpoint has not.
    """
    if last is None or last < batch.batch_id:
        return False
    if last == batch.batch_id and batch.rerun:
        return True
    raise SparkRuntimeException(
        "LIGHTSTREAM_SINK_AHEAD_OF_CHECKPOINT",
        f"{place} holds batch {last} of this query, but its checkpoint is about to run batch {batch.batch_id}: it was "
        f"set back, or restored from an old copy. {hint}",
        sqlstate="42K03",
        parameters={"tableName": place, "batchId": str(batch.batch_id)},
    )


class Sink(Protocol):
    """Where a query's output goes.

    Guarantee: each implementation states its own, for a batch that is run again after a crash.
    """

    description: str  # as the progress names it
    temporary_checkpoint: bool  # whether a query can do without a checkpoint location

    def open(self, query_id: str, cursor: duckdb.DuckDBPyConnection) -> None:
        """Make ready for the batches of a query; called before `start()` returns."""

    def write(self, batch: Batch) -> int:
        """Write a batch; return the number of rows written, -1 when it is not known."""

    def idle(self) -> None:
        """Learn that there is no batch to write for now: give free what others may wait for."""

    def stop(self) -> None:
        """Release handles."""

"""What the engine and the batch executor ask of a source."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Any, Protocol

from lightstream.conf import Conf
from lightstream.dataclass import dataclass
from lightstream.plan.required import Required
from lightstream.plan.types import StructType

if TYPE_CHECKING:
    import duckdb

__all__ = ["Reader", "Required", "Scan", "Stream"]


@dataclass(frozen=True, slots=True)
class Scan:
    """Rows as SQL text that can stand in FROM, and the frames it refers to by name.

    `sql` may be inexact where the source's own rules and DuckDB's differ; then it *fails* with a DuckDB error, never
    gives a wrong value, and `exact(cursor, error)` returns the scan that takes its place (or raises Spark's error).
    `verified()` is asked once the statement has run, before its rows are used: False makes the scan exact too (a check
    of the files may so run beside the statement). `rows` is their number, where the source knows it.
    """

    sql: str
    frames: dict[str, Any] = field(default_factory=dict)
    exact: Callable[[duckdb.DuckDBPyConnection, Exception | None], Scan] | None = None
    verified: Callable[[], bool] | None = None
    rows: int | None = None


class Stream(Protocol):
    """One running source of one streaming query. Offsets are JSON text as Spark writes it to the offset log."""

    description: str
    needs_polling: bool = False  # it cannot tell when data arrives

    def latest_offset(self, start: str | None, *, ignore_limits: bool = False) -> str | None:
        """Return the end of the next batch; `start` itself (or None at first) when there is nothing new."""

    def input_of(self, start: str | None, end: str | None) -> object:
        """Return what a batch reads after `start` up to and including `end`, to be scanned and compared."""

    def expected(self, count: int) -> Sequence[object]:
        """Return what the next batches will most likely read, as far as it is known and worth reading early."""

    def scan(self, what: Any, columns: tuple[Required, ...], cursor: duckdb.DuckDBPyConnection) -> Scan:
        """Return the rows of what `input_of` or `expected` gave."""

    def reported(self, end: str | None) -> tuple[str | None, Mapping[str, str]]:
        """Return what the progress says after a batch up to `end`: the newest offset there is, and metrics.

        Spark: not every source tells the newest offset, and few have metrics.
        """

    def prepare_available_now(self) -> bool:
        """Fix the horizon for an availableNow run; return False when the source cannot."""

    def commit(self, end: str) -> None:
        """Learn that the batch up to `end` is done; called as the next batch's offsets are written."""

    def interrupt(self) -> None:
        """Learn, in another thread, that the query was asked to stop: a `scan` that waits for rows need not go on.

        What DuckDB runs is cancelled by itself. The scan that ends fails.
        """

    def set_wakeup(self, wakeup: Callable[[], None]) -> None:
        """Take the function to call, from any thread, when new data may have arrived."""

    def stop(self) -> None:
        """Release threads and handles."""


class Reader(Protocol):
    """A format bound to its paths, schema and options: what `DataSourceScan.reader` holds."""

    schema: StructType  # the data's columns, partition columns last
    metadata: StructType | None  # fields of the hidden `_metadata` column, or None
    name: str  # for `explain`

    def scan(self, columns: tuple[Required, ...], cursor: duckdb.DuckDBPyConnection) -> Scan:
        """Return all rows, for a batch query."""

    def open_stream(self, source_directory: str | None, durable: bool, conf: Conf) -> Stream:
        """Start reading as a stream, with its own log below `source_directory` (`<checkpoint>/sources/K`)."""

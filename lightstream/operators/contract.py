"""What the engine asks of a plan that runs batch by batch (`lightstream.operators.incremental`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lightstream.dataclass import dataclass
from lightstream.plan.logical import DataSourceScan
from lightstream.plan.types import StructType

if TYPE_CHECKING:
    import duckdb

    from lightstream.sources.contract import Stream


@dataclass(frozen=True, slots=True)
class BatchInput:
    """One micro-batch to run. Offsets are by position of `IncrementalPlan.scans`."""

    batch_id: int
    starts: tuple[str | None, ...]
    ends: tuple[str | None, ...]
    timestamp_ms: int  # current_timestamp() of the whole batch
    watermark_ms: int  # this batch's: evicts state
    late_watermark_ms: int  # the previous batch's: filters late rows


@dataclass(frozen=True, slots=True)
class StateMetrics:
    """The numbers of one stateful operator in one batch (Spark's StateOperatorProgress)."""

    operator_name: str
    rows_total: int
    rows_updated: int
    rows_removed: int
    rows_dropped_by_watermark: int
    updates_time_ms: int
    removals_time_ms: int
    commit_time_ms: int
    memory_used_bytes: int
    custom: dict[str, int]


@dataclass(frozen=True, slots=True)
class EventTimeStats:
    """Event times of a batch's rows at one watermark node, in milliseconds since the epoch; None without rows."""

    min_ms: int | None
    max_ms: int | None
    avg_ms: int | None
    delay_ms: int


@dataclass(frozen=True, slots=True)
class BatchOutput:
    """What came out: `sql` selects the rows, in the plan's column order, from temporary tables of the cursor."""

    sql: str
    input_rows: tuple[int, ...]  # by scan
    event_times: tuple[EventTimeStats, ...]  # by watermark node
    metrics: dict[str, dict[str, Any]]  # what `observe` asks for, by its name, in the form of the progress


class IncrementalPlan:
    """A streaming plan, analysed and compiled, bound to its state. See `lightstream.operators.incremental`.

    Interface as the engine uses it, in this order: `open(...)`; then for each batch `run`, the sink, `commit_state`,
    `metrics`.
    """

    schema: StructType
    scans: tuple[DataSourceScan, ...]  # the distinct streaming sources, in plan order
    watermark_delays_ms: tuple[int, ...]
    is_stateful: bool

    def open(
        self,
        cursor: duckdb.DuckDBPyConnection,
        streams: tuple[Stream, ...],
        state_directory: str,
        durable: bool,
    ) -> int | None:
        """Attach the state; return the id of the last batch in it, None when it is new or there is none."""
        raise NotImplementedError

    def run(self, batch: BatchInput) -> BatchOutput:
        """Compute a batch into temporary tables. Nothing durable is written."""
        raise NotImplementedError

    def commit_state(self, batch_id: int) -> None:
        """Write the batch's new state and its id in one transaction."""
        raise NotImplementedError

    def metrics(self) -> tuple[StateMetrics, ...]:
        """Return the last batch's numbers, the last operator of the flow first."""
        raise NotImplementedError

    def wants_no_data_batch(self, next_watermark_ms: int, used_watermark_ms: int) -> bool:
        """Return whether a stateful operator asks for a batch without data."""
        raise NotImplementedError

    def due_ms(self) -> int | None:
        """Return the earliest processing time at which a stateful operator asks for a batch without data."""
        raise NotImplementedError

    def explain(self) -> dict[str, Any]:
        """Return the compiled statements by step, for `explain`."""
        raise NotImplementedError

    def close(self) -> None:
        """Detach the state and drop temporary tables."""
        raise NotImplementedError

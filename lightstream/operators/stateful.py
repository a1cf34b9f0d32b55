"""What every operator with state has in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import field
from typing import Any

from lightstream.compile.compiler import Compiled
from lightstream.conf import Conf
from lightstream.dataclass import dataclass
from lightstream.errors import AnalysisException
from lightstream.operators.batch import BatchRun
from lightstream.operators.contract import BatchInput
from lightstream.operators.state import StateDatabase
from lightstream.plan import logical as lp
from lightstream.plan import types as t
from lightstream.plan.expressions import Attribute


@dataclass(slots=True)
class Changes:
    """What a batch does to an operator's state. `write`, run in the state's transaction, fills in the numbers."""

    write: Callable[[], None] = lambda: None
    updated: int = 0
    removed: int = 0
    dropped: int = 0  # rows that came too late
    custom: dict[str, int] = field(default_factory=dict)


class StatefulOperator:
    """A step of a streaming plan that keeps rows between batches.

    The plan calls `open` once; then for each batch `run`, which makes the temporary tables that `output` reads and
    writes nothing durable, and after the sink `Changes.write`.
    """

    name = ""
    reading: Compiled  # the statement that it begins with: over a source, or over tables of steps before it
    output: lp.TableScan

    def __init__(self, operator_id: int) -> None:
        self.operator_id = operator_id
        self._evicted_at_ms: int | None = None

    @property
    def readings(self) -> tuple[Compiled, ...]:
        """The statements that it begins with: one for each input."""
        return (self.reading,)

    def compile(self) -> None:
        """Compile what depends on the columns that are asked for above; when all of that has been compiled."""

    def open(self, state: StateDatabase) -> None:
        """Look at the stored rows.

        Raises:
            SparkRuntimeException: they were written by another operator, or with other schemas.
        """
        raise NotImplementedError

    @property
    def rows(self) -> int:
        """Return how many rows are stored."""
        raise NotImplementedError

    def run(self, run: BatchRun) -> Changes:
        """Compute a batch."""
        raise NotImplementedError

    def output_watermark_ms(self, input_ms: int) -> int:
        """Return the watermark of what comes out, by that of what comes in."""
        return input_ms

    def wants_no_data_batch(self, next_watermark_ms: int, used_watermark_ms: int) -> bool:
        """Return whether the watermark's move is worth a batch without data."""
        return False

    def due_ms(self) -> int | None:
        """Return the earliest processing time at which a batch without data is asked for."""
        return None

    def explain(self) -> dict[str, str]:
        """Return the statements by step."""
        return {}

    def watermark_moved(self, batch: BatchInput) -> bool:
        """Return whether stored rows may have been reached by the watermark since this was asked last."""
        moved = self._evicted_at_ms != batch.watermark_ms
        self._evicted_at_ms = batch.watermark_ms
        return moved


def event_time(columns: tuple[Attribute, ...]) -> Attribute | None:
    """Return the first column that is an event time, or a window of one."""
    return next((column for column in columns if lp.DELAY_MARK in (column.metadata or {})), None)


def check_event_times(columns: Iterable[Attribute], conf: Conf) -> None:
    """Refuse columns among which there is more than one event time, when there may be several operators with state.

    Raises:
        AnalysisException: MULTIPLE_EVENT_TIME_COLUMNS.
    """
    times = {column.id: column.name for column in columns if lp.DELAY_MARK in (column.metadata or {})}
    if len(times) > 1 and conf.boolean("spark.sql.streaming.statefulOperator.allowMultiple"):
        names = f"({', '.join(times.values())})"
        raise AnalysisException(
            "MULTIPLE_EVENT_TIME_COLUMNS",
            f"A stateful operator is given more than one event time column: {names}. Leave out all but one, with "
            "select or drop, before it.",
            sqlstate="42K09",
            parameters={"eventTimeCols": names},
        )


def at_or_before(text: str, data_type: Any, watermark_ms: int) -> str:
    """Return the condition that an event time, or the end of a window, has been reached by a watermark."""
    if isinstance(data_type, t.StructType):
        return f"struct_extract({text}, 'end') <= make_timestamptz({watermark_ms * 1000})"
    return f"{text} <= make_timestamptz({watermark_ms * 1000})"

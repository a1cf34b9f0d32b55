"""Sinks in the user's Python: foreachBatch and foreach."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from lightstream.errors import PySparkAttributeError, PySparkException, PythonException
from lightstream.plan.logical import LogicalPlan
from lightstream.sinks.contract import Batch
from lightstream.sinks.frames import attach_catalog, batch_table

if TYPE_CHECKING:
    import duckdb


class ForeachBatchSink:
    """Calls `function(frame, batch_id)` with each batch as a DataFrame, empty batches too.

    The frame can be used as often as the function likes, until it returns.

    Guarantee: at least once; a batch that is given again has the same id and the same rows.
    """

    description = "ForeachBatchSink"
    temporary_checkpoint = True

    def __init__(self, function: Callable[[Any, int], Any], frame_of: Callable[[LogicalPlan], Any]) -> None:
        self._function = function
        self._frame_of = frame_of

    def open(self, query_id: str, cursor: duckdb.DuckDBPyConnection) -> None:
        """Make a place for the batches."""
        attach_catalog(cursor)

    def write(self, batch: Batch) -> int:
        """Call the function.

        Raises:
            PySparkException: FOREACH_BATCH_USER_FUNCTION_ERROR with the traceback of the function.
        """
        with batch_table(batch) as (plan, _):
            frame = self._frame_of(plan)
            try:
                self._function(frame, batch.batch_id)
            except Exception as error:
                raise PySparkException(
                    "FOREACH_BATCH_USER_FUNCTION_ERROR",
                    "An error occurred in the user provided function in foreach batch sink. "
                    f"Reason: {user_traceback(error)}",
                    sqlstate="39000",
                    parameters={"reason": str(error)},
                ) from error
        return -1

    def idle(self) -> None:
        """Nothing to give free."""

    def stop(self) -> None:
        """Nothing to release."""


class ForeachSink:
    """Calls `process(row)` for each row, between `open(partition_id, batch_id)` and `close(error)`.

    A batch is one partition, with id 0.

    Guarantee: at least once; a batch that is given again has the same id and the same rows.
    """

    temporary_checkpoint = True

    def __init__(self, writer: Any, rows_of: Callable[[LogicalPlan], Iterable[Any]]) -> None:
        self._process = writer if callable(writer) else _method(writer, "process", required=True)
        self._open = None if callable(writer) else _method(writer, "open")
        self._close = None if callable(writer) else _method(writer, "close")
        self._rows_of = rows_of
        self.description = f"ForeachWriterTable({type(writer).__name__}@{id(writer) & 0xFFFFFFFF:x})"

    def open(self, query_id: str, cursor: duckdb.DuckDBPyConnection) -> None:
        """Make a place for the batches."""
        attach_catalog(cursor)

    def write(self, batch: Batch) -> int:
        """Give the rows to the writer.

        Raises:
            PythonException: PYTHON_EXCEPTION with the traceback of the writer.
        """
        with batch_table(batch) as (plan, count):
            try:
                self._give(plan, batch.batch_id)
            except Exception as error:
                raise PythonException(
                    "PYTHON_EXCEPTION",
                    f"An exception was thrown by the foreach writer: {user_traceback(error)}",
                    sqlstate="38000",
                    parameters={"msg": "foreach", "traceback": str(error)},
                ) from error
        return count

    def _give(self, plan: LogicalPlan, batch_id: int) -> None:
        wanted = self._open is None or self._open(0, batch_id)
        failure: Exception | None = None
        try:
            if wanted and self._process is not None:
                for row in self._rows_of(plan):
                    self._process(row)
        except Exception as error:
            failure = error
        if self._close is not None:
            self._close(failure)
        if failure is not None:
            raise failure

    def idle(self) -> None:
        """Nothing to give free."""

    def stop(self) -> None:
        """Nothing to release."""


def _method(writer: Any, name: str, required: bool = False) -> Callable[..., Any] | None:
    method = getattr(writer, name, None)
    if callable(method):
        return method  # type: ignore[no-any-return]
    if required or hasattr(writer, name):
        raise PySparkAttributeError(
            "ATTRIBUTE_NOT_CALLABLE",
            f"Attribute `{name}` in provided object `f` is not callable.",
            parameters={"attr_name": name, "obj_name": "f"},
        )
    return None


def user_traceback(error: Exception) -> str:
    """Return a traceback that begins with the user's own frames."""
    frames = error.__traceback__
    here = __file__
    while frames is not None and frames.tb_frame.f_code.co_filename == here:
        frames = frames.tb_next
    return "".join(traceback.format_exception(type(error), error, frames)).rstrip("\n")

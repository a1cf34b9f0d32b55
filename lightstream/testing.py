"""Tests of streaming queries, step by step: add rows, run a batch, look at what came out.

    from lightstream.testing import StreamTest, memory_stream

    orders = memory_stream("user string, amount int")
    with StreamTest(orders.df.groupBy("user").sum("amount"), "update") as test:
        orders.add_data(("ann", 10), ("bob", 5))
        test.run_batch()
        test.check_last_batch(("ann", 10), ("bob", 5))

Nothing runs by itself: a batch runs when the test says so, in its thread, and the time is what the test sets. The rest
is the engine as programs use it: offsets, checkpoint, state, watermarks, progress. `docs/testing.md` has more.
"""

from __future__ import annotations

import contextlib
import datetime
import math
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

from lightstream.clock import ManualClock
from lightstream.errors import PySparkException
from lightstream.sql.assertions import assertDataFrameEqual, assertSchemaEqual

if TYPE_CHECKING:
    import polars

    from lightstream.plan.types import StructType
    from lightstream.sql.dataframe import DataFrame
    from lightstream.sql.session import SparkSession
    from lightstream.sql.streaming.progress import StreamingQueryProgress
    from lightstream.stream.query import StreamRun

__all__ = [
    "MemoryStream",
    "StreamTest",
    "assertDataFrameEqual",
    "assertSchemaEqual",
    "expect_failure",
    "memory_stream",
]

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


class MemoryStream:
    """A source of rows that a test adds. It keeps them, so that a query can start again from its checkpoint."""

    def __init__(self, schema: StructType | str, session: SparkSession) -> None:
        from lightstream.sources.memory import MemorySource
        from lightstream.sources.registry import scan_of
        from lightstream.sql.dataframe import DataFrame

        self._session = session
        empty = session.createDataFrame([], schema)
        self.schema: StructType = empty.schema
        """The rows' columns."""
        self._source = MemorySource(self.schema, self._table(empty))
        self.df: DataFrame = DataFrame(scan_of(self._source, streaming=True), session)
        """The rows as a streaming DataFrame."""

    def add_data(self, *rows: Any) -> None:
        """Add rows: tuples, dicts or Rows, or one frame (Polars, pandas, Arrow). Spark: AddData.

        What is added by now is in the next batch, whole.

        Raises:
            PySparkTypeError: a value is not of its column's type.
        """
        frame = rows[0] if len(rows) == 1 and not isinstance(rows[0], tuple | list | Mapping) else None
        if frame is not None and not hasattr(frame, "columns"):
            frame = None  # a value, of a stream with one column
        single = len(self.schema.fields) == 1
        data = (
            [row if isinstance(row, tuple | list | Mapping) else (row,) for row in rows]
            if single
            else list(rows)
        )
        self._source.add(
            self._table(self._session.createDataFrame(data if frame is None else frame, self.schema))
        )

    @staticmethod
    def _table(frame: DataFrame) -> Any:
        table = frame._run().arrow()
        return table.rename_columns([f"c{i}" for i in range(table.num_columns)])


def memory_stream(schema: StructType | str, session: SparkSession | None = None) -> MemoryStream:
    """Return a stream of rows with a schema (a StructType or DDL text), of a session (by default the active one)."""
    from lightstream.sql.session import SparkSession

    return MemoryStream(schema, session or SparkSession.builder.getOrCreate())


class StreamTest:
    """A streaming query that a test runs batch by batch.

    It starts when the object is made, and a `with` statement ends it and removes its checkpoint.

    Args:
        df: the streaming DataFrame: over `memory_stream`s, or any other sources.
        output_mode: append, complete or update.
        checkpoint: the checkpoint's directory, which then stays; a temporary one without it.
        at: the time at the start, as for `set_clock`.

    Raises:
        AnalysisException: Spark refuses the query in this mode.
    """

    def __init__(
        self,
        df: DataFrame,
        output_mode: str = "append",
        *,
        checkpoint: str | None = None,
        at: int | datetime.datetime = 0,
    ) -> None:
        self._df = df
        self._mode = output_mode
        self._temporary = checkpoint is None
        self._checkpoint = checkpoint or tempfile.mkdtemp(prefix="lightstream-test-")
        self._clock = ManualClock()
        self._run: StreamRun | None = None
        self._batches: list[tuple[list[Any], polars.DataFrame]] = []
        self.set_clock(at)
        try:
            self.start_stream()
        except BaseException:
            self.close()
            raise

    # ---- life -------------------------------------------------------------------------------------------------

    def start_stream(self, df: DataFrame | None = None, output_mode: str | None = None) -> None:
        """Start the query from its checkpoint, also with another DataFrame or mode. Spark: StartStream.

        Raises:
            StreamingQueryException: the checkpoint is that of another query.
            AssertionError: the query runs.
        """
        assert self._run is None or not self._run.is_active, "The query runs: stop it first."
        from lightstream.stream.start import start_query

        self._df = self._df if df is None else df
        self._mode = self._mode if output_mode is None else output_mode
        writer = self._df.writeStream.outputMode(self._mode).foreachBatch(self._take)
        request = writer.option("checkpointLocation", self._checkpoint)._request(None, {})
        self._run = start_query(replace(request, clock=self._clock, stepped=True))
        if self._run.failure is not None:
            raise self._run.failure.again()

    def stop_stream(self) -> None:
        """End the query; the checkpoint stays. Spark: StopStream."""
        if self._run is not None:
            self._run.stop()

    def restart(self, df: DataFrame | None = None, output_mode: str | None = None) -> None:
        """Stop the query and start it from its checkpoint, as `start_stream` does."""
        self.stop_stream()
        self.start_stream(df, output_mode)

    def close(self) -> None:
        """End the query and remove a temporary checkpoint."""
        try:
            self.stop_stream()
        finally:
            if self._temporary:
                shutil.rmtree(self._checkpoint, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _take(self, rows: DataFrame, batch_id: int) -> None:
        self._batches.append((rows.collect(), rows.toPolars()))

    # ---- batches ----------------------------------------------------------------------------------------------

    def run_batch(self) -> StreamingQueryProgress:
        """Run one batch, with data or, where the watermark asks for one, without; return its progress.

        Raises:
            AssertionError: there is nothing to run.
            StreamingQueryException: the batch failed; its cause is `__cause__`.
        """
        assert self._step(), (
            "There is no batch to run: nothing was added, and no operator waits for the watermark."
        )
        return self.last_progress

    def process_all_available(self) -> int:
        """Run batches until there is nothing left to run; return how many. Spark: ProcessAllAvailable."""
        count = 0
        while self._step():
            count += 1
        return count

    def _step(self) -> bool:
        assert self._run is not None
        assert self._run.is_active or self._run.failure is not None, "The query is stopped: start it first."
        return self._run.step()

    # ---- time -------------------------------------------------------------------------------------------------

    def set_clock(self, time: int | datetime.datetime) -> None:
        """Set the time: milliseconds since the epoch, or a datetime (local, when it has no zone, as in rows)."""
        if isinstance(time, datetime.datetime):
            time = (time.astimezone() - _EPOCH) // datetime.timedelta(milliseconds=1)
        self._clock.set(time)

    def advance_clock(self, by: int | str | datetime.timedelta) -> None:
        """Move the time by milliseconds, a timedelta, or text such as "10 minutes". Spark: AdvanceManualClock."""
        if isinstance(by, datetime.timedelta):
            by = by // datetime.timedelta(milliseconds=1)
        elif isinstance(by, str):
            from lightstream.stream.triggers import PROCESSING_TIME, trigger_of

            by = trigger_of(PROCESSING_TIME, by).interval_ms
        self._clock.advance(by)

    # ---- what came out ----------------------------------------------------------------------------------------

    @property
    def last_progress(self) -> StreamingQueryProgress:
        """The progress of the last batch of this run."""
        from lightstream.sql.streaming.progress import progress_of

        assert self._run is not None
        ran = [record for record in self._run.recent_progress() if "addBatch" in record["durationMs"]]
        assert ran, "No batch has run since the start."
        return progress_of(ran[-1])

    @property
    def last_batch(self) -> polars.DataFrame:
        """The rows of the last batch."""
        assert self._batches, "No batch has run."
        return self._batches[-1][1]

    @property
    def rows(self) -> polars.DataFrame:
        """The rows of all batches, over all restarts; in complete mode those of the last one."""
        assert self._batches, "No batch has run."
        if self._mode == "complete":
            return self.last_batch
        import polars

        return polars.concat([frame for _, frame in self._batches], how="vertical_relaxed")

    def check_last_batch(self, *rows: Any) -> None:
        """Check the rows of the last batch, in any order. Spark: CheckLastBatch.

        Args:
            rows: tuples, dicts, Rows or plain values, or one Polars frame.

        Raises:
            AssertionError: they differ.
        """
        assert self._batches, "No batch has run."
        self._check(self._batches[-1][0], rows)

    def check_answer(self, *rows: Any) -> None:
        """Check the rows of all batches, as `rows` has them, in any order. Spark: CheckAnswer.

        Raises:
            AssertionError: they differ.
        """
        batches = self._batches[-1:] if self._mode == "complete" else self._batches
        self._check([row for found, _ in batches for row in found], rows)

    def check_state(
        self, total: int, updated: int | None = None, dropped: int | None = None, operator: int = 0
    ) -> None:
        """Check the state after the last batch: rows in all, rows that it has put, and rows that came too late.

        `operator` counts from the end of the flow, as `stateOperators` in the progress does. Spark: assertNumStateRows.

        Raises:
            AssertionError: the numbers differ.
        """
        state = self.last_progress.stateOperators[operator]
        found = {"total": state.numRowsTotal, "updated": state.numRowsUpdated}
        found["dropped"] = state.numRowsDroppedByWatermark
        given = {"total": total, "updated": updated, "dropped": dropped}
        expected = {name: value for name, value in given.items() if value is not None}
        assert {name: found[name] for name in expected} == expected, f"The state has {found}, not {expected}."

    def _check(self, found: list[Any], expected: tuple[Any, ...]) -> None:
        if len(expected) == 1 and hasattr(expected[0], "iter_rows"):
            expected = tuple(expected[0].iter_rows(named=True))
        names = self._df.columns
        wanted = [_values(row, names) for row in expected]
        have = [tuple(map(_plain, row)) for row in found]
        missing, more = list(wanted), []
        for row in have:
            match = next((i for i, other in enumerate(missing) if _same(row, other)), None)
            if match is None:
                more.append(row)
            else:
                del missing[match]
        if missing or more:
            lines = [f"The rows differ. Columns: {', '.join(names)}"]
            lines += [f"  missing     {row!r}" for row in missing]
            lines += [f"  unexpected  {row!r}" for row in more]
            raise AssertionError("\n".join(lines))


@contextlib.contextmanager
def expect_failure(condition: str) -> Iterator[None]:
    """Expect that what is done within fails with a condition, or by a cause that has it. Spark: ExpectFailure.

    Raises:
        AssertionError: nothing failed, or with another condition.
    """
    try:
        yield
    except PySparkException as error:
        conditions = []
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, PySparkException) and cause.condition is not None:
                conditions.append(cause.condition)
            cause = cause.__cause__
        if condition not in conditions:
            raise AssertionError(
                f"It failed with {', by '.join(conditions) or error}, not {condition}."
            ) from error
        return
    raise AssertionError(f"Nothing failed; {condition} was expected.")


def _values(row: Any, names: list[str]) -> tuple[Any, ...]:
    if isinstance(row, Mapping):
        unknown = set(row) - set(names)
        assert not unknown, (
            f"There are no columns {', '.join(sorted(unknown))}; there are {', '.join(names)}."
        )
        return tuple(_plain(row.get(name)) for name in names)
    if not isinstance(row, tuple | list):
        row = (row,)
    return tuple(map(_plain, row))


def _plain(value: Any) -> Any:
    """Return a value in which structs are tuples of their fields, however they were written."""
    if hasattr(value, "__fields__"):
        return tuple(map(_plain, value))
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(_plain, value))
    return value


def _same(found: Any, expected: Any) -> bool:
    if isinstance(found, float) and isinstance(expected, float):
        return math.isclose(found, expected, rel_tol=1e-12) or (math.isnan(found) and math.isnan(expected))
    if isinstance(found, tuple) and isinstance(expected, Mapping):
        expected = tuple(expected.values())  # a struct given as a dict
    if isinstance(found, tuple | list) and isinstance(expected, tuple | list):
        return len(found) == len(expected) and all(map(_same, found, expected))
    return bool(found == expected)

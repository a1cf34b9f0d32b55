"""One micro-batch, step by step, and where a query goes on after a crash.

The order of a batch
--------------------
1. **plan**: ask each source for its next end offset. There is a batch when an end differs from its start, or when a
   stateful operator asks for one because the watermark has moved since the batch before. The batch's id, offsets,
   watermark and timestamp are fixed here.
2. **offsets**: write them to `offsets/N`, forced to disk. From here on batch N means exactly these rows, whatever
   arrives. Sources then learn that batch N-1 is done, and log entries that are too old are removed.
3. **compute**: run the plan's statements into temporary tables. Nothing durable changes. `stop()` cancels this step,
   and only this one: a batch whose sink has begun is finished.
4. **sink**: give the rows to the sink with the batch id. A sink with a memory of its own (`duckdb`, `toTable`)
   writes rows and batch id in one transaction and skips an id that it has.
5. **state**: write the new state and the batch id in one transaction of the state database.
6. **commit**: advance the watermark by the event times that were seen, write `commits/N` with the watermark of
   batch N+1. Not forced to disk: to lose it means to run batch N once more, as in any other crash.

Batch N filters late rows with the watermark of batch N-1 (`offsets/N-1`) and evicts state with its own. Both come
from the logs, so that they survive a restart.

Every way to crash
------------------
`offsets/N` without `commits/N` is a batch to run again, with the offsets, watermark and timestamp of `offsets/N`.

| died | sink has N | state has N | what happens on restart |
|---|---|---|---|
| before offsets/N is complete | no | no | the batch is planned anew |
| after offsets/N, or while computing | no | no | run again |
| in the transaction of sink or state | as before it | as before it | the transaction never happened |
| after the sink | yes | no | computed again, for the state; a sink with a memory skips it |
| after the state | yes | yes | straight to the commit |
| after commits/N | yes | yes | the next batch is planned |

*Sinks without a memory* (foreachBatch, foreach, console, memory) are given batch N again when the process died in or
after the sink and before the state: at least once, with the same id and the same rows, as in Spark.

*State has N*: its sink step came before, and succeeded, so there is nothing left to write, also when
`commits/N` was deleted by hand. The same batch cannot be computed again either: the state it was computed from is
gone. So a stateful query does not repeat a batch whose state is written, where Spark, which keeps old
versions of its state, calls foreachBatch again. A stateless query repeats it like Spark. The next watermark is found
by running the statements once more for the event times alone.

*State and logs that do not fit* (a checkpoint restored in part, a state directory deleted, a table that holds later
batches than the checkpoint) are an error that names both: going on would lose or double rows.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from lightstream import crash
from lightstream.checkpoint.logs import CommitEntry, OffsetEntry, offset_conf
from lightstream.dataclass import dataclass
from lightstream.errors import SparkRuntimeException
from lightstream.execute.errors import translated
from lightstream.operators.contract import BatchInput, BatchOutput
from lightstream.sinks.contract import Batch
from lightstream.stream.progress import ProgressReporter, SourceReport, TriggerReport
from lightstream.stream.watermark import WatermarkTracker

if TYPE_CHECKING:
    import duckdb

    from lightstream.checkpoint.directory import CheckpointDirectory
    from lightstream.clock import Clock
    from lightstream.conf import Conf
    from lightstream.operators.incremental import IncrementalPlan
    from lightstream.sinks.contract import Sink
    from lightstream.sources.contract import Stream

logger = logging.getLogger(__name__)


class StopQuery(Exception):
    """The query was asked to stop; the batch at hand stays uncommitted."""


@dataclass(slots=True)
class Status:
    """What a query is doing now."""

    message: str = "Initializing StreamExecution"
    data_available: bool = False
    trigger_active: bool = False


@dataclass(frozen=True, slots=True)
class PlannedBatch:
    """A batch that is to be run: what it reads, and its clocks. `rerun`: its offsets are in the log already."""

    batch_id: int
    starts: tuple[str | None, ...]
    ends: tuple[str | None, ...]
    timestamp_ms: int
    watermark_ms: int
    rerun: bool = False

    @property
    def has_data(self) -> bool:
        """Return whether a source has something new."""
        return self.starts != self.ends


class MicroBatchRunner:
    """Runs the batches of one query, one `run_trigger` at a time, in one thread."""

    def __init__(
        self,
        *,
        plan: IncrementalPlan,
        sink: Sink,
        output_mode: str,
        checkpoint: CheckpointDirectory,
        cursor: duckdb.DuckDBPyConnection,
        conf: Conf,
        clock: Clock,
        reporter: ProgressReporter,
        status: Status,
        stopping: Callable[[], bool],
        computing: Callable[[bool], None],
    ) -> None:
        self.plan = plan
        self.sink = sink
        self.checkpoint = checkpoint
        self.reporter = reporter
        self.status = status
        self.streams: tuple[Stream, ...] = ()
        self.committed: tuple[str | None, ...] = ()
        self.available: tuple[str | None, ...] = ()
        self.has_run = False
        self._output_mode = output_mode
        self._cursor = cursor
        self._conf = conf
        self._clock = clock
        self._stopping = stopping
        self._computing = computing
        self._single_late_rule = not conf.boolean("spark.sql.streaming.statefulOperator.allowMultiple")
        self._no_data_batches = conf.boolean("spark.sql.streaming.noDataMicroBatches.enabled")
        self._batches_to_retain = conf.integer("spark.sql.streaming.minBatchesToRetain")
        self._ignore_limits = False
        self._told: list[str | None] = []
        self._rerun: PlannedBatch | None = None
        self._state_has_it = False
        self._output_rows = -1
        self.batch_id = 0
        self._late_ms = 0
        self._used_ms = 0
        self._tracker = WatermarkTracker("min")
        self._offset_conf: dict[str, str] = {}

    # ---- life ---------------------------------------------------------------------------------------------------

    def open(self, *, ignore_limits: bool, available_now: bool, wakeup: Callable[[], None]) -> bool:
        """Open sources and state and find the batch to begin with.

        Returns whether the sources could fix what "available now" means (True when that was not asked for).

        Raises:
            SparkRuntimeException: logs and state do not fit together.
        """
        self.status.message = "Initializing sources"
        self._ignore_limits = ignore_limits
        point = self.checkpoint.plan_restart(len(self.plan.scans))
        conf = self._sticky_conf(point.conf)
        streams: list[Stream] = []
        self.streams = ()
        for index, scan in enumerate(self.plan.scans):
            directory = self.checkpoint.source_directory(index)
            streams.append(scan.reader.open_stream(directory, self.checkpoint.durable, conf))
            self.streams = tuple(streams)  # what is open is closed, also when the next one fails to open
        fixed = True
        for stream in self.streams:
            stream.set_wakeup(wakeup)
            if available_now:
                fixed = stream.prepare_available_now() and fixed
        if not fixed:
            # Spark: if one source cannot, all is taken in a single batch.
            self._ignore_limits = True
        none = (None,) * len(self.streams)
        self.batch_id = point.batch_id
        self.committed = self.available = point.start_offsets or none
        self._told = list(none)
        self._tracker = WatermarkTracker(
            conf.get("spark.sql.streaming.multipleWatermarkPolicy") or "min", point.watermark_ms
        )
        before = self.checkpoint.offsets.get(point.batch_id - 1)
        self._late_ms = before.batch_watermark_ms if before is not None else 0
        if point.rerun and point.end_offsets is not None and point.batch_timestamp_ms is not None:
            self._rerun = PlannedBatch(
                point.batch_id,
                self.committed,
                point.end_offsets,
                point.batch_timestamp_ms,
                point.watermark_ms,
                rerun=True,
            )
        state_id = self.plan.open(
            self._cursor, self.streams, self.checkpoint.state_directory, self.checkpoint.durable
        )
        self._state_has_it = self._check_state(state_id)
        return fixed

    def close(self) -> None:
        """Close sources, sink and state; the first error is raised after all were closed."""
        failure: BaseException | None = None
        for closing in (
            *(stream.stop for stream in self.streams),
            self._end_transaction,
            self.sink.stop,
            self.plan.close,
        ):
            try:
                closing()
            except Exception as error:
                failure = failure or error
        if failure is not None:
            raise failure

    def _end_transaction(self) -> None:
        """End a transaction that a step has left open when it failed: files in it could not be detached."""
        import duckdb

        with contextlib.suppress(duckdb.Error):  # the usual case: there is none
            self._cursor.execute("ROLLBACK")

    def needs_polling(self) -> bool:
        """Return whether a source cannot tell when data arrives."""
        return any(stream.needs_polling for stream in self.streams)

    def _sticky_conf(self, stored: dict[str, str]) -> Conf:
        """Return the settings of this run: those in the offset log win over the session's."""
        conf = self._conf
        fresh = offset_conf(
            conf.integer("spark.sql.shuffle.partitions"),
            conf.get("spark.sql.streaming.multipleWatermarkPolicy") or "min",
        )
        self._offset_conf = {**fresh, **stored}
        sticky = conf.copy()
        for key, value in stored.items():
            sticky.values[key] = value
        return sticky

    def _check_state(self, state_id: int | None) -> bool:
        """Return whether the state holds the batch that is to be run again."""
        if not self.plan.is_stateful:
            return False
        expected = self.batch_id - 1 if self.batch_id > 0 else None
        if state_id == expected:
            return False
        if self._rerun is not None and state_id == self.batch_id:
            return True
        if state_id is None:
            raise SparkRuntimeException(
                "STREAMING_STATEFUL_OPERATOR_MISSING_STATE_DIRECTORY",
                f"The logs of the checkpoint {self.checkpoint.location} end with batch {self.batch_id - 1}, and its "
                f"state in {self.checkpoint.state_directory} is missing or empty: its files were deleted, or the "
                "query had no stateful operator before. Restore the state's files, remove the stateful operator, or "
                "start with a new checkpoint directory.",
                sqlstate="42K03",
                parameters={"operatorsInBatch": self.plan.operator_names},
            )
        raise SparkRuntimeException(
            "LIGHTSTREAM_STATE_OUT_OF_STEP",
            f"The logs of the checkpoint {self.checkpoint.location} end with batch {self.batch_id - 1}, its state "
            f"with batch {state_id}. Part of the checkpoint was deleted or restored from a copy. Restore all of it "
            "from one copy, or start the query with a new checkpoint directory (it then reads all its input again).",
            sqlstate="42K03",
            parameters={"checkpointLocation": self.checkpoint.location, "stateBatchId": str(state_id)},
        )

    # ---- one trigger --------------------------------------------------------------------------------------------

    def run_trigger(self) -> dict[str, Any] | None:
        """Run a batch if there is one to run; return its report, None when there was nothing to do."""
        self.reporter.start_trigger()
        self.status.trigger_active = True
        try:
            with self.reporter.timed("triggerExecution"):
                batch = self._rerun if self._rerun is not None else self._plan()
                report = None if batch is None else self._run(batch)
            if report is None:
                self.status.message = "Waiting for data to arrive"
                return None
            return self.reporter.finish(report)
        finally:
            self.status.trigger_active = False

    def report_idle(self) -> bool:
        """Report a trigger without a batch, if one is due; return whether listeners are to be told."""
        metrics = self.plan.metrics() if self.has_run else ()
        return self.reporter.finish_idle(
            TriggerReport(
                batch_id=self.batch_id,
                executed=False,
                sources=self._source_reports(self.committed, self.committed, (0,) * len(self.streams)),
                sink=self.sink.description,
                output_rows=0 if self._output_rows >= 0 else -1,
                state=metrics,
                watermark_ms=self._tracker.global_ms
                if self.plan.watermark_delays_ms and self.has_run
                else None,
            )
        )

    def _plan(self) -> PlannedBatch | None:
        ends: list[str | None] = []
        with self.reporter.timed("latestOffset"):
            for stream, start in zip(self.streams, self.committed, strict=True):
                self.status.message = f"Getting offsets from {stream.description}"
                end = stream.latest_offset(start, ignore_limits=self._ignore_limits)
                ends.append(start if end is None else end)
        self.available = tuple(ends)
        self.status.data_available = self.available != self.committed
        watermark_ms, now_ms = self._tracker.global_ms, self._clock.now_ms()
        if not self.status.data_available and not (
            self._no_data_batches
            and self.has_run
            and (
                self.plan.wants_no_data_batch(watermark_ms, self._used_ms)
                or ((due_ms := self.due_ms()) is not None and due_ms <= now_ms)
            )
        ):
            return None
        return PlannedBatch(self.batch_id, self.committed, self.available, now_ms, watermark_ms)

    def due_ms(self) -> int | None:
        """Return when a batch is due without data; None when none is waited for."""
        return self.plan.due_ms() if self._no_data_batches and self.has_run else None

    def _run(self, batch: PlannedBatch) -> TriggerReport:
        self.available = batch.ends
        self.status.data_available = batch.has_data
        self._write_offsets(batch)
        self._tell_sources(batch)
        self.status.message = "Processing new data" if batch.has_data else "No new data but cleaning up state"
        # Reading and planning happen inside the statements here.
        for part in ("getBatch", "queryPlanning"):
            with self.reporter.timed(part):
                pass
        with self.reporter.timed("addBatch"):
            output, rows = self._execute(batch)
        with self.reporter.timed("commitOffsets"):
            self._commit(batch, output)
        return TriggerReport(
            batch_id=batch.batch_id,
            executed=True,
            sources=self._source_reports(
                batch.starts,
                batch.ends,
                output.input_rows if output is not None else (0,) * len(self.streams),
            ),
            sink=self.sink.description,
            output_rows=rows,
            state=self.plan.metrics(),
            event_times=output.event_times if output is not None else (),
            watermark_ms=batch.watermark_ms if self.plan.watermark_delays_ms else None,
            metrics=output.metrics if output is not None else {},
        )

    # ---- the steps of a batch -----------------------------------------------------------------------------------

    def _write_offsets(self, batch: PlannedBatch) -> None:
        self._check_stop()
        if batch.rerun:
            return
        if crash.at is not None:
            crash.at("before-offsets", batch.batch_id)
        self.status.message = "Writing offsets to log"
        with self.reporter.timed("walCommit"):
            self.checkpoint.offsets.add(
                batch.batch_id,
                OffsetEntry(batch.watermark_ms, batch.timestamp_ms, batch.ends, self._offset_conf),
            )
        if crash.at is not None:
            crash.at("after-offsets", batch.batch_id)

    def _tell_sources(self, batch: PlannedBatch) -> None:
        for index, (stream, start) in enumerate(zip(self.streams, batch.starts, strict=True)):
            if start is not None and self._told[index] != start:
                stream.commit(start)
                self._told[index] = start
        if not batch.rerun:
            self.checkpoint.purge(batch.batch_id, self._batches_to_retain)
        if crash.at is not None:
            crash.at("after-source-commit", batch.batch_id)

    def _execute(self, batch: PlannedBatch) -> tuple[BatchOutput | None, int]:
        """Compute, sink and state; nothing but event times when the state has the batch."""
        if self._state_has_it:
            logger.warning(
                "Batch %d of %s was written before the last stop and is not given to the sink again.",
                batch.batch_id,
                self.checkpoint.location,
            )
            return (self._compute(batch) if self.plan.watermark_delays_ms else None), 0
        output = self._compute(batch)
        self.plan.read_ahead()
        if crash.at is not None:
            crash.at("after-compute", batch.batch_id)
        rows = self._write_sink(batch, output)
        if crash.at is not None:
            crash.at("after-sink", batch.batch_id)
        if self.plan.is_stateful:
            self.plan.commit_state(batch.batch_id)
            if crash.at is not None:
                crash.at("after-state", batch.batch_id)
        return output, rows

    def _compute(self, batch: PlannedBatch) -> BatchOutput:
        late_ms = batch.watermark_ms if self._single_late_rule else self._late_ms
        self._read_to_the_end()
        self._computing(True)
        try:
            self._check_stop()
            output = self.plan.run(
                BatchInput(
                    batch.batch_id, batch.starts, batch.ends, batch.timestamp_ms, batch.watermark_ms, late_ms
                )
            )
        except Exception:
            self._check_stop()  # an error that the cancelling itself has caused
            raise
        finally:
            self._computing(False)
        self._check_stop()
        return output

    def _read_to_the_end(self) -> None:
        """Read what an earlier statement left unread: DuckDB registers no frame while there is such a rest."""
        import duckdb

        with contextlib.suppress(duckdb.Error):  # the usual case: there is none
            self._cursor.fetchall()

    def _write_sink(self, batch: PlannedBatch, output: BatchOutput) -> int:
        try:
            rows = self.sink.write(
                Batch(
                    batch.batch_id, output.sql, self.plan.schema, self._output_mode, self._cursor, batch.rerun
                )
            )
        except Exception as error:
            known = translated(error)
            if known is error:
                raise
            raise known from error
        self._output_rows = rows
        return rows

    def _commit(self, batch: PlannedBatch, output: BatchOutput | None) -> None:
        if output is not None:
            self._tracker.update(output.event_times)
        self.checkpoint.commits.add(batch.batch_id, CommitEntry(self._tracker.global_ms))
        if crash.at is not None:
            crash.at("after-commit", batch.batch_id)
        self._late_ms = self._used_ms = batch.watermark_ms
        self.committed = batch.ends
        self.batch_id = batch.batch_id + 1
        self._rerun = None
        self._state_has_it = False
        self.has_run = True

    def _check_stop(self) -> None:
        if self._stopping():
            raise StopQuery

    def _source_reports(
        self, starts: Sequence[str | None], ends: Sequence[str | None], rows: Sequence[int]
    ) -> tuple[SourceReport, ...]:
        return tuple(
            SourceReport(stream.description, start, end, count, *stream.reported(end))
            for stream, start, end, count in zip(self.streams, starts, ends, rows, strict=True)
        )

"""A streaming query that runs: its thread, its trigger loop, and what can be asked of it."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lightstream.errors import PySparkException, SparkRuntimeException
from lightstream.execute.errors import translated
from lightstream.stream import triggers
from lightstream.stream.failure import StreamingQueryException, failed, full_text, reason_of
from lightstream.stream.listeners import Idle, Progressed, Started, Terminated
from lightstream.stream.microbatch import MicroBatchRunner, Status, StopQuery
from lightstream.stream.progress import ProgressReporter, iso_text

if TYPE_CHECKING:
    import duckdb

    from lightstream.clock import Clock
    from lightstream.conf import Conf
    from lightstream.stream.active import ActiveQueries

logger = logging.getLogger(__name__)


class StreamRun:
    """One run of a query, from its start to its end. All methods can be called from any thread."""

    def __init__(
        self,
        *,
        query_id: str,
        name: str | None,
        trigger: triggers.Trigger,
        conf: Conf,
        clock: Clock,
        queries: ActiveQueries,
        cursor: duckdb.DuckDBPyConnection,
        plan_text: Callable[[], str],
        on_end: Callable[[bool], None],
    ) -> None:
        self.id = query_id
        self.run_id = str(uuid.uuid4())
        self.name = name
        self.trigger = trigger
        self.status = Status()
        self.reporter = ProgressReporter(
            query_id,
            self.run_id,
            name,
            clock,
            conf.integer("spark.sql.streaming.numRecentProgressUpdates"),
            conf.duration_ms("spark.sql.streaming.noDataProgressEventInterval"),
        )
        self.runner: MicroBatchRunner | None = None
        self._conf = conf
        self._clock = clock
        self._queries = queries
        self._cursor = cursor
        self._plan_text = plan_text
        self._on_end = on_end
        self._polling_ms = conf.duration_ms("spark.sql.streaming.pollingDelay")
        self._waits_when_missed = (conf.get("lightstream.trigger.missed") or "") == "wait"
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._ended = threading.Event()
        self._interrupt_lock = threading.Lock()
        self._interruptible = False
        self._progress = threading.Condition()
        self._triggers_started = 0
        self._idle_trigger = 0  # the newest trigger that found no data
        self._failure: StreamingQueryException | None = None
        self._stepped = False
        label = f"{name or '<unnamed>'} [id = {self.id}, runId = {self.run_id}]"
        self._thread = threading.Thread(
            target=self._main, name=f"stream execution thread for {label}", daemon=True
        )

    # ---- what can be asked --------------------------------------------------------------------------------------

    @property
    def is_active(self) -> bool:
        """Return whether the query runs."""
        return not self._ended.is_set()

    @property
    def failure(self) -> StreamingQueryException | None:
        """Return the error that terminated the query, None while it runs and after a clean end."""
        return self._failure if self._ended.is_set() else None

    def start(self, runner: MicroBatchRunner, stepped: bool = False) -> None:
        """Tell listeners and begin; `stepped`: triggers run when `step` is called, in the caller's thread."""
        self.runner = runner
        self._queries.bus.post(Started(self.id, self.run_id, self.name, iso_text(self._clock.now_ms())))
        self._stepped = stepped
        if not stepped:
            self._thread.start()
            return
        try:
            self._open(runner)
        except BaseException as error:
            self._end(runner, error)

    def step(self) -> bool:
        """Run one trigger; return whether it ran a batch.

        Raises:
            StreamingQueryException: the query failed, now or earlier.
        """
        runner = self.runner
        assert runner is not None
        assert self._stepped
        ran = False
        if not self._ended.is_set():
            try:
                ran = self._trigger(runner)
            except BaseException as error:
                self._end(runner, error)
        if self._failure is not None:
            raise self._failure.again()
        return ran

    def await_termination(self, timeout_s: float | None = None) -> bool:
        """Wait for the end; return whether it has come.

        Raises:
            StreamingQueryException: the query failed.
        """
        self._not_from_within()
        ended = self._ended.wait(timeout_s)
        if ended and self._failure is not None:
            raise self._failure.again()
        return ended

    def process_all_available(self) -> None:
        """Wait until a trigger that begins after this call finds no data.

        Raises:
            StreamingQueryException: the query failed.
        """
        self._not_from_within()
        with self._progress:
            seen = self._triggers_started
            if self.trigger.interval_ms == 0:
                self._wake.set()
            self._progress.wait_for(lambda: self._idle_trigger > seen or self._ended.is_set())
        if self._ended.is_set() and self._failure is not None:
            raise self._failure.again()

    def stop(self) -> None:
        """End the query and wait until it has; a batch that is computing is cancelled.

        From within the query (foreachBatch) it returns at once, and the query ends after the batch.

        Raises:
            PySparkException: it takes longer than `spark.sql.streaming.stopTimeout`.
        """
        self.request_stop()
        if threading.current_thread() is self._thread:
            return
        timeout_ms = self._conf.duration_ms("spark.sql.streaming.stopTimeout")
        if not self.wait_ended(timeout_ms / 1000 if timeout_ms > 0 else None):
            raise PySparkException(
                None,
                f"The query {self.name or self.id} did not stop within {timeout_ms} milliseconds "
                "(spark.sql.streaming.stopTimeout). It ends after its current batch.",
            )

    def request_stop(self) -> None:
        """Ask the query to end, without waiting."""
        self._stop.set()
        self._wake.set()
        if self._stepped and self.runner is not None and not self._ended.is_set():
            self._end(self.runner, None)
        self._interrupt()

    def wait_ended(self, timeout_s: float | None) -> bool:
        """Wait for the end after `request_stop`; return whether it has come."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            # A cancellation that falls between two statements is lost: it is given again until it is heard.
            left_s = 0.05 if deadline is None else min(0.05, max(deadline - time.monotonic(), 0))
            if self._ended.wait(left_s):
                return True
            if deadline is not None and time.monotonic() >= deadline:
                return False
            self._interrupt()

    def explain(self, extended: bool = False) -> str:
        """Return the statements that a batch runs; with `extended`, the logical plan above them."""
        runner = self.runner
        if runner is None or not runner.has_run:
            return "No physical plan. Waiting for data."
        steps = "\n".join(f"-- {step}\n{text}" for step, text in runner.plan.explain().items())
        physical = f"== Physical Plan ==\n{steps}\n"
        return f"== Analyzed Logical Plan ==\n{self._plan_text()}\n\n{physical}" if extended else physical

    # ---- the thread ---------------------------------------------------------------------------------------------

    def computing(self, begins: bool) -> None:
        """Note that the statements of a batch begin or have ended: only they can be cancelled."""
        with self._interrupt_lock:
            self._interruptible = begins

    def stopping(self) -> bool:
        """Return whether the query was asked to end."""
        return self._stop.is_set()

    def _interrupt(self) -> None:
        with self._interrupt_lock:
            if self._interruptible and self.runner is not None:
                self.runner.plan.interrupt()

    def _main(self) -> None:
        runner = self.runner
        assert runner is not None
        error: BaseException | None = None
        try:
            fixed = self._open(runner)
            self._loop(runner, self.trigger.kind == triggers.ONCE or not fixed)
        except BaseException as caught:
            error = caught
        self._end(runner, error)

    def _open(self, runner: MicroBatchRunner) -> bool:
        return runner.open(
            ignore_limits=self.trigger.kind == triggers.ONCE,
            available_now=self.trigger.kind == triggers.AVAILABLE_NOW,
            wakeup=self._wake.set,
        )

    def _end(self, runner: MicroBatchRunner, error: BaseException | None) -> None:
        """Close everything; `error` is what ended the query."""
        cause = None if isinstance(error, StopQuery) else error
        if isinstance(error, Exception) and cause is not None:
            cause = translated(error)
            if cause is not error:
                cause.__cause__ = error
        try:
            runner.close()
        except Exception:
            # What is committed stays committed: this is no failure of the query.
            logger.warning("A part of the query %s could not be closed.", self.name or self.id, exc_info=True)
        self._finish(runner, cause)

    def _loop(self, runner: MicroBatchRunner, single: bool) -> None:
        while not self._stop.is_set():
            started_ms = self._clock.now_ms()
            ran = self._trigger(runner)
            if single or (self.trigger.ends and not ran):
                return
            if self.trigger.ends:
                continue
            if self.trigger.interval_ms > 0:
                self._wait_for_next_trigger(started_ms)
            elif not ran:
                self._wait_for_data(runner)

    def _trigger(self, runner: MicroBatchRunner) -> bool:
        # Cleared before the sources are asked: what arrives from here on wakes the loop again.
        self._wake.clear()
        with self._progress:
            self._triggers_started += 1
            number = self._triggers_started
        if self._stop.is_set():
            raise StopQuery
        record = runner.run_trigger()
        if record is not None:
            self._queries.bus.post(Progressed(record))
            return True
        if runner.report_idle():
            self._queries.bus.post(Idle(self.id, self.run_id, iso_text(self.reporter.start_ms)))
        with self._progress:
            self._idle_trigger = number
            self._progress.notify_all()
        return False

    def _wait_for_data(self, runner: MicroBatchRunner) -> None:
        runner.sink.idle()
        timeout_ms = max(self.reporter.next_idle_ms() - self._clock.now_ms(), 1)
        if runner.needs_polling():
            timeout_ms = min(timeout_ms, max(self._polling_ms, 1))
        due_ms = runner.due_ms()
        if due_ms is not None:
            timeout_ms = min(timeout_ms, max(due_ms - self._clock.now_ms(), 1))
        self._clock.wait(self._wake, timeout_ms)

    def _wait_for_next_trigger(self, started_ms: int) -> None:
        interval_ms = self.trigger.interval_ms
        due_ms = triggers.next_start_ms(started_ms, interval_ms)
        now_ms = self._clock.now_ms()
        if now_ms - started_ms > interval_ms:
            logger.warning(
                "The query %s is falling behind: its trigger interval is %d ms, its last batch took %d ms.",
                self.name or self.id,
                interval_ms,
                now_ms - started_ms,
            )
        if now_ms >= due_ms:
            if not self._waits_when_missed:
                return
            due_ms = triggers.next_start_ms(now_ms, interval_ms)
        if self.runner is not None:
            self.runner.sink.idle()
        self.status.message = "Waiting for next trigger"
        self.status.data_available = False
        # More than an interval is left only when the clock was set back: the query does not wait for its old time.
        while not self._stop.is_set() and 0 < (left_ms := due_ms - self._clock.now_ms()) <= interval_ms:
            self._clock.wait(self._stop, left_ms)

    def _finish(self, runner: MicroBatchRunner, cause: BaseException | None) -> None:
        failure = None
        if cause is not None:
            names = [stream.description for stream in runner.streams]
            failure = failed(
                self.id,
                self.run_id,
                self.name,
                cause,
                list(zip(names, runner.committed, strict=False)),
                list(zip(names, runner.available, strict=False)),
                self._plan_text(),
            )
            logger.error("The query %s failed: %s", self.name or self.id, reason_of(cause))
        self._failure = failure
        self.status.message = "Stopped" if cause is None else f"Terminated with exception: {reason_of(cause)}"
        self.status.data_available = self.status.trigger_active = False
        try:
            self._on_end(cause is None)
        except Exception:
            logger.warning("The query %s could not clean up.", self.name or self.id, exc_info=True)
        with contextlib.suppress(Exception):
            self._cursor.close()
        self._queries.end(self, failure)
        condition = cause.getCondition() if isinstance(cause, PySparkException) else None
        self._queries.bus.post(
            Terminated(self.id, self.run_id, None if cause is None else full_text(cause), condition)
        )
        with self._progress:
            self._ended.set()
            self._progress.notify_all()

    def _not_from_within(self) -> None:
        if threading.current_thread() is self._thread:
            raise SparkRuntimeException(
                None, "Cannot wait for a query state from the same thread that is running the query"
            )

    def recent_progress(self) -> list[dict[str, Any]]:
        """Return the retained progress records, oldest first."""
        return self.reporter.recent()

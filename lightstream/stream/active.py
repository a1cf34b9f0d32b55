"""The queries that run: those of a session by name and id, and those of this process by checkpoint."""

from __future__ import annotations

import atexit
import os
import threading
import time
import weakref
from typing import TYPE_CHECKING

from lightstream.errors import IllegalArgumentException
from lightstream.stream.listeners import ListenerBus

if TYPE_CHECKING:
    from lightstream.database.connection import Database
    from lightstream.execute.session import SessionState
    from lightstream.stream.failure import StreamingQueryException
    from lightstream.stream.query import StreamRun

_EXIT_TIMEOUT_S = 5.0

_lock = threading.Lock()
_of_session: weakref.WeakKeyDictionary[SessionState, ActiveQueries] = weakref.WeakKeyDictionary()
_by_checkpoint: dict[str, StreamRun] = {}
_exit_hook = False


class ActiveQueries:
    """The queries of one session, and what `awaitAnyTermination` waits for."""

    def __init__(self) -> None:
        self.bus = ListenerBus()
        self._changed = threading.Condition()
        self._runs: dict[str, StreamRun] = {}  # by run id, in order of their starts
        self._names: set[str] = set()
        self._terminated = False
        self._failure: StreamingQueryException | None = None

    def all(self) -> list[StreamRun]:
        """Return the active queries, oldest first."""
        with self._changed:
            return list(self._runs.values())

    def get(self, query_id: str) -> StreamRun | None:
        """Return the active query of an id."""
        with self._changed:
            return next((run for run in self._runs.values() if run.id == query_id), None)

    def reserve(self, name: str | None) -> None:
        """Take a name for a query that is being started.

        Raises:
            IllegalArgumentException: an active query has it.
        """
        if name is None:
            return
        with self._changed:
            if name in self._names:
                raise IllegalArgumentException(
                    None,
                    f"Cannot start query with name {name} as a query with that name is already active in this "
                    "SparkSession",
                )
            self._names.add(name)

    def release(self, name: str | None) -> None:
        """Give back a name whose query did not start."""
        if name is not None:
            with self._changed:
                self._names.discard(name)

    def add(self, run: StreamRun) -> None:
        """Count a query as active; its name was reserved."""
        with self._changed:
            self._runs[run.run_id] = run

    def end(self, run: StreamRun, failure: StreamingQueryException | None) -> None:
        """Count a query as terminated."""
        with self._changed:
            self._runs.pop(run.run_id, None)
            if run.name is not None:
                self._names.discard(run.name)
            # Spark: a failure stays until it is reset; a clean end does not cover it.
            if failure is not None or not self._terminated:
                self._failure = failure
            self._terminated = True
            self._changed.notify_all()

    def await_any(self, timeout_s: float | None) -> bool:
        """Wait until a query terminates, or has since the last reset; return whether one did.

        Raises:
            StreamingQueryException: one of them failed.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._terminated, timeout_s)
            if self._failure is not None:
                raise self._failure.again()
            return self._terminated

    def reset_terminated(self) -> None:
        """Forget the queries that have terminated."""
        with self._changed:
            self._terminated = False
            self._failure = None


def queries_of(session: SessionState) -> ActiveQueries:
    """Return the queries of a session."""
    with _lock:
        found = _of_session.get(session)
        if found is None:
            found = _of_session[session] = ActiveQueries()
        return found


def on_checkpoint(path: str) -> StreamRun | None:
    """Return the query of this process that runs on a checkpoint directory."""
    with _lock:
        return _by_checkpoint.get(os.path.realpath(path))


def occupy(path: str, run: StreamRun) -> None:
    """Note which query runs on a checkpoint directory."""
    global _exit_hook
    with _lock:
        _by_checkpoint[os.path.realpath(path)] = run
        if not _exit_hook:
            _exit_hook = True
            atexit.register(stop_all)


def vacate(path: str, run: StreamRun) -> None:
    """Note that a query has left its checkpoint directory."""
    with _lock:
        if _by_checkpoint.get(os.path.realpath(path)) is run:
            del _by_checkpoint[os.path.realpath(path)]


def stop_queries(database: Database) -> None:
    """Stop the queries of all sessions that share a database: before it is closed."""
    with _lock:
        groups = [queries for session, queries in _of_session.items() if session.database is database]
    for queries in groups:
        for run in queries.all():
            run.stop()


def stop_all(timeout_s: float = _EXIT_TIMEOUT_S) -> None:
    """Stop all queries of this process: at exit, a thread inside DuckDB would end the process with an abort."""
    with _lock:
        runs = list(_by_checkpoint.values())
        buses = [queries.bus for queries in _of_session.values()]
    deadline = time.monotonic() + timeout_s
    for run in runs:
        run.request_stop()
    for run in runs:
        run.wait_ended(max(deadline - time.monotonic(), 0))
    for bus in buses:
        bus.close(max(deadline - time.monotonic(), 0.1))

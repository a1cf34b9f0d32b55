"""Telling listeners what happens to queries, from a thread of its own."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from typing import Any

from lightstream.dataclass import dataclass

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Started:
    """A query was started."""

    id: str
    run_id: str
    name: str | None
    timestamp: str


@dataclass(frozen=True, slots=True)
class Progressed:
    """A query ran a batch; `record` is as `progress.ProgressReporter` makes it."""

    record: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Idle:
    """A query has had nothing to do for a while."""

    id: str
    run_id: str
    timestamp: str


@dataclass(frozen=True, slots=True)
class Terminated:
    """A query has ended; `exception` and `error_class` are None after a clean end."""

    id: str
    run_id: str
    exception: str | None
    error_class: str | None


Event = Started | Progressed | Idle | Terminated
Receiver = Callable[[Event], None]


class ListenerBus:
    """Hands the events of a session's queries to its listeners, in order.

    Spark: `Started` reaches listeners before `start()` returns, in the caller's thread; all else comes later, in the
    thread of the bus. A listener that raises is logged and does no harm. One that is added twice is called twice.
    """

    def __init__(self) -> None:
        self._receivers: list[tuple[Any, Receiver]] = []
        self._lock = threading.Lock()
        self._events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def add(self, listener: Any, receiver: Receiver) -> None:
        """Call `receiver` with each event from now on, on behalf of `listener`."""
        with self._lock:
            self._receivers.append((listener, receiver))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="stream listener bus", daemon=True)
                self._thread.start()

    def remove(self, listener: Any) -> None:
        """Take back one `add`; a listener that is not there is no error."""
        with self._lock:
            for position, (known, _) in enumerate(self._receivers):
                if known is listener:
                    del self._receivers[position]
                    return

    def listeners(self) -> list[Any]:
        """Return the listeners, as often as they were added."""
        with self._lock:
            return [listener for listener, _ in self._receivers]

    def post(self, event: Event) -> None:
        """Deliver an event soon, or now if it is `Started`."""
        if isinstance(event, Started):
            self._deliver(event)
        elif self._thread is not None:
            self._events.put(event)

    def close(self, timeout_s: float) -> None:
        """Wait until what was posted is delivered, and end the thread: one that is left holds on to DuckDB at exit."""
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            self._events.put(None)
            thread.join(timeout_s)
            self._thread = None

    def _run(self) -> None:
        while (event := self._events.get()) is not None:
            self._deliver(event)

    def _deliver(self, event: Event) -> None:
        with self._lock:
            receivers = list(self._receivers)
        for listener, receiver in receivers:
            try:
                receiver(event)
            except Exception:
                logger.warning("The listener %r failed on %s.", listener, type(event).__name__, exc_info=True)

"""The one place that reads time, so that triggers and watermarks can be tested without sleeping."""

from __future__ import annotations

import threading
import time


class Clock:
    """Wall-clock time in milliseconds since the Unix epoch, and waiting on it."""

    def now_ms(self) -> int:
        """Return the current time in milliseconds since the Unix epoch."""
        return time.time_ns() // 1_000_000

    def wait(self, event: threading.Event, timeout_ms: int | None) -> bool:
        """Wait until `event` is set or `timeout_ms` have passed; return whether it is set."""
        return event.wait(None if timeout_ms is None else timeout_ms / 1000)


class ManualClock(Clock):
    """A clock that moves only when it is told to, for tests."""

    def __init__(self, start_ms: int = 0) -> None:
        self._now_ms = start_ms
        self._changed = threading.Condition()

    def now_ms(self) -> int:
        with self._changed:
            return self._now_ms

    def advance(self, by_ms: int) -> None:
        """Move the clock forward and wake whoever waits on it."""
        with self._changed:
            self._now_ms += by_ms
            self._changed.notify_all()

    def set(self, now_ms: int) -> None:
        """Set the clock, backwards too, and wake whoever waits on it."""
        with self._changed:
            self._now_ms = now_ms
            self._changed.notify_all()

    def wait(self, event: threading.Event, timeout_ms: int | None) -> bool:
        # The event may be set without a change of the clock: look at it every few real milliseconds.
        with self._changed:
            deadline = None if timeout_ms is None else self._now_ms + timeout_ms
            while not event.is_set() and (deadline is None or self._now_ms < deadline):
                self._changed.wait(0.005)
        return event.is_set()


SYSTEM_CLOCK = Clock()

"""Wakes a stream when files may have arrived, from a thread of its own."""

from __future__ import annotations

import contextlib
import logging
import os
import select
import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lightstream.errors import PySparkException
from lightstream.sources.discovery import AUDIT_INTERVAL_S, FileDiscovery

if TYPE_CHECKING:
    from lightstream.sources.inotify import Inotify
    from lightstream.sources.logged_files import LoggedFiles

logger = logging.getLogger(__name__)

POLL_INTERVAL_S = 0.1


class Watching(threading.Thread):
    """Calls `wakeup` after each change below a stream's path.

    On Linux by inotify. Elsewhere by watchdog, and wherever events may not tell all, also by looking at the
    directories' times every `poll_interval_s`.
    """

    def __init__(
        self,
        discovery: FileDiscovery | LoggedFiles,
        wakeup: Callable[[], None],
        *,
        poll_interval_s: float = POLL_INTERVAL_S,
        audit_interval_s: float = AUDIT_INTERVAL_S,
    ) -> None:
        super().__init__(name="lightstream-files", daemon=True)
        self._discovery = discovery
        self._wakeup = wakeup
        self._poll_interval_s = poll_interval_s
        self._audit_interval_s = audit_interval_s
        self._inotify: Inotify | None = None
        self._observer: Any = None
        self._alarm: float | None = None
        self._stopping = False
        self._pipe_lock = threading.Lock()
        self._read_end, self._write_end = os.pipe()
        os.set_blocking(self._write_end, False)
        self.ready = threading.Event()

    def wake_in(self, delay_s: float) -> None:
        """Call `wakeup` after a while, for a file that was held back; an earlier alarm stays."""
        due = time.monotonic() + delay_s
        if self._alarm is None or due < self._alarm:
            self._alarm = due
            self._poke()

    def stop(self) -> None:
        """End the thread and wait for it."""
        self._stopping = True
        self._poke()
        if self.is_alive() and threading.current_thread() is not self:
            self.join()

    def run(self) -> None:
        try:
            self._start_events()
            self.ready.set()
            self._wakeup()  # what arrived before the events were on
            self._loop()
        finally:
            self._end_events()

    def _start_events(self) -> None:
        if sys.platform == "linux":
            from lightstream.sources.inotify import Inotify

            try:
                self._inotify = Inotify()
                self._discovery.watch(self._inotify)
            except OSError as error:
                logger.warning(
                    "Cannot watch %s (%s); looking at it every %g s instead.",
                    self._discovery.path,
                    error,
                    self._poll_interval_s,
                )
                self._close_inotify()
        else:
            self._observer = observe(self._discovery.path, self._wakeup)

    def _end_events(self) -> None:
        self._discovery.unwatch()
        self._close_inotify()
        if self._observer is not None:
            self._observer.stop()
            self._observer.join()
        with self._pipe_lock:
            os.close(self._read_end)
            os.close(self._write_end)
            self._write_end = -1

    def _close_inotify(self) -> None:
        if self._inotify is not None:
            self._inotify.close()
            self._inotify = None

    def _loop(self) -> None:
        poll = select.poll()
        poll.register(self._read_end, select.POLLIN)
        if self._inotify is not None:
            poll.register(self._inotify.fileno(), select.POLLIN)
        next_audit = time.monotonic() + self._audit_interval_s
        next_poll = time.monotonic()
        while not self._stopping:
            polling = not self._discovery.events_tell_all()
            deadlines = [next_audit]
            if polling:
                deadlines.append(next_poll)
            if self._alarm is not None:
                deadlines.append(self._alarm)
            ready = poll.poll(max(0.0, min(deadlines) - time.monotonic()) * 1000)
            wake = False
            for descriptor, _ in ready:
                if descriptor == self._read_end:
                    os.read(self._read_end, 4096)
                elif self._inotify is not None:
                    wake |= self._inotify.fetch()
            now = time.monotonic()
            if self._alarm is not None and now >= self._alarm:
                self._alarm, wake = None, True
            if now >= next_audit:
                wake |= self._audit()
                next_audit = time.monotonic() + self._audit_interval_s
            if polling and now >= next_poll:
                wake |= self._discovery.may_have_changed()
                # A slow file system is not asked all the time.
                next_poll = time.monotonic() + max(self._poll_interval_s, 10 * (time.monotonic() - now))
            if wake and not self._stopping:
                self._wakeup()

    def _audit(self) -> bool:
        try:
            return self._discovery.audit()
        except PySparkException:
            return True  # the stream's own look fails too, and ends the query

    def _poke(self) -> None:
        with self._pipe_lock, contextlib.suppress(BlockingIOError):  # full of pokes already
            if self._write_end >= 0:
                os.write(self._write_end, b"!")


def observe(path: str, wakeup: Callable[[], None]) -> Any:
    """Start a watchdog observer that calls `wakeup` on every event; None when it cannot watch the path."""
    from watchdog.events import FileSystemEvent, FileSystemEventHandler
    from watchdog.observers import Observer

    class Handler(FileSystemEventHandler):
        def on_any_event(self, event: FileSystemEvent) -> None:
            wakeup()

    from lightstream.sources.globs import split_glob

    observer = Observer()
    try:
        for base, _ in split_glob(path):
            observer.schedule(Handler(), base, recursive=True)
        observer.start()
    except OSError as error:
        logger.warning("Cannot watch %s (%s).", path, error)
        return None
    return observer

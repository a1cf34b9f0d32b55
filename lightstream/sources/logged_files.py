"""The files of a directory that a streaming file sink writes, as a stream finds them: by the sink's log."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from lightstream.checkpoint.sink_log import DIRECTORY, logged_files, newest_id
from lightstream.sources.being_written import Writing
from lightstream.sources.discovery import Candidate
from lightstream.sources.file_options import ListingOptions
from lightstream.sources.filesystems import Trust, trust_of
from lightstream.sources.globs import name_pattern
from lightstream.sources.paths import from_uri
from lightstream.sources.seen import SeenFiles

if TYPE_CHECKING:
    from lightstream.sources.inotify import Inotify
    from lightstream.sources.object_discovery import Looking
    from lightstream.sources.watching import Watching


class LoggedFiles:
    """What `FileDiscovery` is to a directory of which every file counts.

    A file that the log names is complete. One look reads the entries that are new.

    Args:
        path: the sink's directory.
        listing: the options that say which files count.
        seen: the files that were taken.
        trust: overrides what is known of the file system, for tests.
    """

    def __init__(
        self, path: str, listing: ListingOptions, seen: SeenFiles, *, trust: Trust | None = None
    ) -> None:
        self.path = path
        self._log = os.path.join(path, DIRECTORY)
        self._glob = name_pattern(listing.name_glob) if listing.name_glob is not None else None
        self._seen = seen
        self._trust = trust if trust is not None else trust_of(path)
        self._lock = threading.RLock()
        self._latest_id = -1
        self._candidates: dict[str, Candidate] = {}
        self._inotify: Inotify | None = None

    def look(self) -> None:
        """Learn of the entries that are new.

        Raises:
            SparkRuntimeException: the log cannot be read.
        """
        with self._lock:
            if self._inotify is not None:
                self._inotify.drain()
            if not self._has_changed():
                return
            self._latest_id, files = logged_files(self.path, self._latest_id)
            for file in files:
                path = from_uri(file.uri)
                directory, name = os.path.split(path)
                wanted = self._glob is None or self._glob.fullmatch(name) is not None
                if wanted and self._seen.is_new(directory, name, file.mtime_ms):
                    found = Candidate(path, directory, name, file.mtime_ms * 1_000_000, file.size, True)
                    self._candidates[path] = found

    def _has_changed(self) -> bool:
        return newest_id(self.path) > self._latest_id

    def new_files(self) -> list[Candidate]:
        """Return the files that are to be taken, in no order."""
        with self._lock:
            return [candidate for candidate in self._candidates.values() if self.is_new(candidate)]

    def is_new(self, candidate: Candidate) -> bool:
        """Return whether a file is still to be taken, given what was taken since it was found."""
        return self._seen.is_new(candidate.directory, candidate.name, candidate.mtime_ms)

    def refresh(self, candidate: Candidate) -> Writing:
        """Return that a file is not being written: it is in the log."""
        return Writing.NO

    def quiet_in_s(self, candidate: Candidate) -> float:
        """Return in how many seconds a file will have been quiet for long enough: it is."""
        return 0.001

    def taken(self, candidate: Candidate) -> None:
        """Remember that a file was taken."""
        with self._lock:
            self._seen.add(candidate.directory, candidate.name, candidate.mtime_ms)
            self._candidates.pop(candidate.path, None)

    def trust(self, directory: str) -> Trust:
        """Return how far the file system is trusted."""
        return self._trust

    def watching(self, wakeup: Callable[[], None], audit_interval_s: float) -> Watching | Looking:
        """Return the thread that calls `wakeup` when files may have arrived, not started yet."""
        from lightstream.sources.watching import Watching

        return Watching(self, wakeup, audit_interval_s=audit_interval_s)

    # What the watching thread asks

    def watch(self, inotify: Inotify) -> None:
        """Take events from now on.

        Raises:
            OSError: the log cannot be watched (the kernel's limit).
        """
        with self._lock:
            inotify.add(self._log)
            self._inotify = inotify

    def unwatch(self) -> None:
        """Rely on the log's time again."""
        with self._lock:
            self._inotify = None

    def events_tell_all(self) -> bool:
        """Return whether every entry comes as an event."""
        return self._inotify is not None and self._trust is Trust.EVENTS

    def may_have_changed(self) -> bool:
        """Return whether a look without events could find something."""
        return self._trust is Trust.NOTHING or self._has_changed()

    def close(self) -> None:
        """Let go of what is kept for the log."""

    def audit(self) -> bool:
        """Return whether there is a new file, whatever the events say."""
        return self._has_changed()

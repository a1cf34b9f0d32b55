"""Finds the objects of a stream by listing: what `FileDiscovery` is to directories, in an object store.

A store tells nobody what is new. Each look lists all names below the path; where the user says that names sort by
time (`namesSortByTime`), it lists those behind the last name that was taken, and all of them once a minute, so that a
name that did not sort is found late and not never. An object is there when it is complete: nothing is held back.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

from lightstream.checkpoint.sink_log import DIRECTORY as SINK_LOG
from lightstream.sources.being_written import Writing
from lightstream.sources.discovery import AUDIT_INTERVAL_S, Candidate
from lightstream.sources.file_options import ListingOptions
from lightstream.sources.filesystems import Trust
from lightstream.sources.globs import name_pattern, split_glob
from lightstream.sources.partitions import PartitionDirectory, parse_directory, partition_columns
from lightstream.sources.seen import SeenFiles
from lightstream.sources.trees import is_data, is_listed
from lightstream.storage.objects import ObjectStore, Stored
from lightstream.storage.paths import split

LOOK_INTERVAL_S = 1.0
"""How often a stream without a trigger looks for new objects: each look is a request that costs money."""


class ObjectDiscovery:
    """The objects below one path (a directory or a pattern) that a stream has not taken yet.

    Args:
        store: where they are.
        path: a whole path.
        listing: the options that say which objects count.
        seen: the objects that were taken.
        bases: the directories above which no partition column is looked for; None where matches decide.
        names_sort_by_time: new objects have greater names than all before.
    """

    def __init__(
        self,
        store: ObjectStore,
        path: str,
        listing: ListingOptions,
        seen: SeenFiles,
        *,
        bases: frozenset[str] | None,
        names_sort_by_time: bool,
        audit_interval_s: float = AUDIT_INTERVAL_S,
    ) -> None:
        root, key = split(path)
        self._store = store
        self._specs = [(f"{root}{base}".rstrip("/"), patterns) for base, patterns in split_glob(f"/{key}")]
        self._listing = listing
        self._glob = name_pattern(listing.name_glob) if listing.name_glob is not None else None
        self._seen = seen
        self._bases = bases
        self._sorted = names_sort_by_time
        self._audit_interval_s = audit_interval_s
        self._next_audit = 0.0
        self._last: dict[str, str] = {}  # by base, the greatest name that was found
        self._candidates: dict[str, Candidate] = {}
        self._inside: set[str] = set()  # candidates that count with partition columns only
        self._roots: set[str] = set()
        self._layout: dict[str, PartitionDirectory] = {}
        self._partitioned = False

    def look(self) -> None:
        """Learn of all objects that were there when this was called.

        Raises:
            SparkRuntimeException: the store cannot be listed, or partition directories contradict each other.
        """
        everything = not self._sorted or time.monotonic() >= self._next_audit
        if everything:
            self._next_audit = time.monotonic() + self._audit_interval_s
            self._candidates.clear()
            self._inside.clear()
        layout = len(self._layout), len(self._roots)
        for base, patterns in self._specs:
            for found in self._listed(base, everything):
                self._consider(found, base, patterns)
        if layout != (len(self._layout), len(self._roots)) and not self._listing.recursive:
            bases = self._bases if self._bases is not None else frozenset(self._roots)
            self._layout = {path: parse_directory(path, bases) for path in self._layout}
            self._partitioned = bool(partition_columns(self._layout))

    def new_files(self) -> list[Candidate]:
        """Return the objects that are to be taken, in no order."""
        inside = self._listing.recursive or self._partitioned
        return [
            candidate
            for path, candidate in self._candidates.items()
            if (inside or path not in self._inside) and self.is_new(candidate)
        ]

    def is_new(self, candidate: Candidate) -> bool:
        """Return whether an object is still to be taken, given what was taken since it was found."""
        return self._seen.is_new(candidate.directory, candidate.name, candidate.mtime_ms)

    def refresh(self, candidate: Candidate) -> Writing:
        """Return that an object is not being written: it would not be there."""
        return Writing.NO

    def quiet_in_s(self, candidate: Candidate) -> float:
        """Return in how many seconds an object will have been quiet for long enough: it is."""
        return 0.001

    def taken(self, candidate: Candidate) -> None:
        """Remember that an object was taken."""
        self._seen.add(candidate.directory, candidate.name, candidate.mtime_ms)
        self._candidates.pop(candidate.path, None)
        self._inside.discard(candidate.path)

    def trust(self, directory: str) -> Trust:
        """Return that only a listing tells."""
        return Trust.NOTHING

    def watching(self, wakeup: Callable[[], None], audit_interval_s: float) -> Looking:
        """Return the thread that calls `wakeup` when objects may have arrived, not started yet."""
        return Looking(wakeup)

    def _listed(self, base: str, everything: bool) -> Iterator[Stored]:
        last = self._last.get(base)
        for found in self._store.objects(base, None if everything else last):
            if last is None or found.path > last:
                last = found.path
            yield found
        if last is not None:
            self._last[base] = last

    def _consider(self, found: Stored, base: str, patterns: tuple[str, ...]) -> None:
        path, size, mtime_ms = found
        directory, _, name = path.rpartition("/")
        if path in self._candidates or not self._seen.is_new(directory, name, mtime_ms):
            return
        names = path[len(base) + 1 :].split("/")
        depth = len(patterns)
        if len(names) < depth or SINK_LOG in names[:depth]:
            return
        if not all(name_pattern(p).fullmatch(each) for p, each in zip(patterns, names, strict=False)):
            return
        below = names[depth:]  # of the directory that matched; none where the object itself did
        if not all(map(is_listed, below or names[-1:])):
            return
        if self._glob is not None and not self._glob.fullmatch(name):
            return
        self._candidates[path] = Candidate(path, directory, name, mtime_ms * 1_000_000, size, True)
        if len(below) > 1:
            self._inside.add(path)
        if is_data(name):
            self._layout.setdefault(directory, PartitionDirectory((), None))
            matched = directory if not below else "/".join(path.split("/")[: -len(below)])
            self._roots.add(matched)


class Looking(threading.Thread):
    """Calls `wakeup` every so often, so that a stream without a trigger looks for new objects."""

    def __init__(self, wakeup: Callable[[], None]) -> None:
        super().__init__(name="lightstream-objects", daemon=True)
        self._wakeup = wakeup
        self._stopped = threading.Event()

    def run(self) -> None:
        while not self._stopped.wait(LOOK_INTERVAL_S):
            self._wakeup()

    def wake_in(self, delay_s: float) -> None:
        """Nothing is held back here."""

    def stop(self) -> None:
        """End the thread and wait for it."""
        self._stopped.set()
        if self.is_alive() and threading.current_thread() is not self:
            self.join()

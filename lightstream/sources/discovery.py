"""Finds the files of a stream: a listing at first, then what inotify names, then a listing every so often.

What a look costs follows what changed. What a look sees is exact: every file whose rename, link or close was done
when the look began (`inotify` says why). Where events do not tell all (other file systems, other machines, limits of
the kernel), the directories' modification times tell which to list, and where these cannot be relied on either,
every look lists, as Spark does.
"""

from __future__ import annotations

import os
import stat
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import field
from typing import TYPE_CHECKING

from lightstream.checkpoint.sink_log import DIRECTORY as SINK_LOG
from lightstream.dataclass import dataclass
from lightstream.errors import SparkRuntimeException
from lightstream.sources.being_written import Writing, look_at
from lightstream.sources.file_options import ListingOptions
from lightstream.sources.filesystems import Trust, trust_of
from lightstream.sources.globs import name_pattern, split_glob
from lightstream.sources.partitions import PartitionDirectory, parse_directory, partition_columns
from lightstream.sources.seen import SeenFiles
from lightstream.sources.trees import cannot_list, is_data, is_listed

if TYPE_CHECKING:
    from lightstream.sources.inotify import Event, Inotify
    from lightstream.sources.watching import Watching

AUDIT_INTERVAL_S = 60.0
QUIET_MS = 2000
# A directory changed this shortly before it was listed may change again without its time showing it.
_RACY_EVENTS_NS = 50_000_000
_RACY_OTHERS_NS = 3_000_000_000
# Beyond this many, directories whose events are complete are looked at by the audit only.
_CHECKED_EACH_LOOK = 256
_SETTLED_AGE_NS = 10_000_000_000
_NO_LEVELS: frozenset[tuple[int, int]] = frozenset()


@dataclass(slots=True)
class Candidate:
    """A file that was not taken yet, as of the last look at it."""

    path: str
    directory: str
    name: str
    mtime_ns: int
    size: int
    complete: bool = False  # an event said that it was closed, or renamed into place
    changed_at: float = 0.0  # monotonic seconds of the last change of size or time that we saw

    @property
    def mtime_ms(self) -> int:
        """The modification time in ms since the Unix epoch, as Spark counts it."""
        return self.mtime_ns // 1_000_000


@dataclass(slots=True)
class _Directory:
    path: str
    # Which patterns of the glob, and how many of their components, lead here.
    levels: frozenset[tuple[int, int]]
    is_root: bool  # its files are input
    is_inside: bool  # below a root: its files are input if partitioned or recursive
    candidates: dict[str, Candidate] = field(default_factory=dict)
    children: set[str] = field(default_factory=set)
    passed_over: set[str] = field(
        default_factory=set
    )  # what is no input, so that listings need not ask again
    mtime_ns: int = -1
    inode: tuple[int, int] = (0, 0)
    racy: bool = True
    watch: int | None = None
    trusted: bool = False  # every change since the last listing came, or will come, as an event
    has_data: bool = False


class FileDiscovery:
    """The files below one path (a directory or a pattern) that a stream has not taken yet.

    Args:
        path: an absolute local path.
        listing: the options that say which files count.
        seen: the files that were taken.
        trust: overrides what is known of the file system, for tests.
        quiet_ms: how long a file must not have changed where nothing tells whether it is being written.
        audit_interval_s: how often all directories are listed, whatever the events say.
    """

    def __init__(
        self,
        path: str,
        listing: ListingOptions,
        seen: SeenFiles,
        *,
        bases: frozenset[str] | None = None,
        trust: Trust | None = None,
        quiet_ms: int = QUIET_MS,
        audit_interval_s: float = AUDIT_INTERVAL_S,
    ) -> None:
        self.path = path
        self.lock = threading.RLock()
        self._listing = listing
        self._glob = name_pattern(listing.name_glob) if listing.name_glob is not None else None
        self._specs = split_glob(path)
        self._patterns = any(patterns for _, patterns in self._specs)
        self._bases = bases
        self._seen = seen
        self._trust = trust
        self._quiet_s = quiet_ms / 1000
        self._audit_interval_s = audit_interval_s
        self._next_audit = time.monotonic() + audit_interval_s
        self._directories: dict[str, _Directory] = {}
        self._by_watch: dict[int, _Directory] = {}
        self._inotify: Inotify | None = None
        self._thorough = True
        self._layout: dict[str, PartitionDirectory] = {}
        self._partitioned = False
        self._layout_bases: frozenset[str] = frozenset()
        self._layout_dirty = False

    # What the stream asks

    def look(self) -> None:
        """Learn of all changes that were complete when this was called.

        Raises:
            SparkRuntimeException: a directory cannot be listed, or partition directories contradict each other.
        """
        with self.lock:
            self._add_bases()
            if self._inotify is not None:
                self._apply(self._inotify.drain())
            everything = time.monotonic() >= self._next_audit
            self._thorough |= everything
            self._check_directories(everything=everything)
            if everything:
                self._next_audit = time.monotonic() + self._audit_interval_s
            self._thorough = False
            self._check_layout()

    def watching(self, wakeup: Callable[[], None], audit_interval_s: float) -> Watching:
        """Return the thread that calls `wakeup` when files may have arrived, not started yet."""
        from lightstream.sources.watching import Watching

        return Watching(self, wakeup, audit_interval_s=audit_interval_s)

    def events_tell_all(self) -> bool:
        """Return whether every change of every directory comes as an event."""
        with self.lock:
            return (
                self._inotify is not None
                and self._trust is Trust.EVENTS
                and len(self._by_watch) == len(self._directories)
                and all(base in self._directories for base, _ in self._specs)
            )

    def audit(self) -> bool:
        """List all directories without keeping looks waiting for the listing; return whether there is a new file.

        Called from another thread every so often, it saves the looks this work.
        """
        with self.lock:
            paths = list(self._directories)
            self._next_audit = time.monotonic() + 2 * self._audit_interval_s
        for path in paths:
            try:
                names = os.listdir(path)
            except OSError:
                continue  # a look will see it too, and say so
            with self.lock:
                directory = self._directories.get(path)
                if directory is not None and directory.trusted:
                    self._consider_all(directory, names)
        return bool(self.new_files())

    def new_files(self) -> list[Candidate]:
        """Return the files that are to be taken, whether complete or not, in no order."""
        with self.lock:
            recursive = self._listing.recursive or self._partitioned
            return [
                candidate
                for directory in self._directories.values()
                if directory.candidates
                for candidate in directory.candidates.values()
                if (directory.is_root or recursive or not directory.is_inside) and self.is_new(candidate)
            ]

    def is_new(self, candidate: Candidate) -> bool:
        """Return whether a file is still to be taken, given what was taken since it was found."""
        return self._seen.is_new(candidate.directory, candidate.name, candidate.mtime_ms)

    def refresh(self, candidate: Candidate) -> Writing:
        """Look at a file again, now that it is to be taken; return whether it is being written.

        UNKNOWN means that it has not been quiet for long enough.
        """
        trusted = self.trust(candidate.directory) is Trust.EVENTS
        state = look_at(candidate.path, ask_kernel=trusted)
        if state.writing is Writing.YES and candidate.complete:
            # The kernel tells of the close just before it counts the writer out.
            for pause_s in (0, 0.00005, 0.0001, 0.0002, 0.0005):
                time.sleep(pause_s)
                state = look_at(candidate.path, ask_kernel=True)
                if state.writing is not Writing.YES:
                    break
            else:
                candidate.complete = False
        if state.writing is Writing.GONE:
            self.forget(candidate)
            return Writing.GONE
        changed = (state.size, state.mtime_ns) != (candidate.size, candidate.mtime_ns)
        if changed or not candidate.changed_at:
            candidate.changed_at = time.monotonic()
            candidate.size, candidate.mtime_ns = state.size, state.mtime_ns
        if state.writing is not Writing.UNKNOWN:
            return state.writing
        if trusted and candidate.complete:
            return Writing.NO
        if not changed and time.monotonic() - candidate.changed_at >= self._quiet_s:
            return Writing.NO
        if abs(time.time_ns() - state.mtime_ns) > max(_SETTLED_AGE_NS, self._quiet_s * 2e9):
            return Writing.NO
        return Writing.UNKNOWN

    def quiet_in_s(self, candidate: Candidate) -> float:
        """Return in how many seconds a file will have been quiet for long enough."""
        return max(0.001, candidate.changed_at + self._quiet_s - time.monotonic())

    def taken(self, candidate: Candidate) -> None:
        """Remember that a file was taken."""
        with self.lock:
            self._seen.add(candidate.directory, candidate.name, candidate.mtime_ms)
            self.forget(candidate)

    def forget(self, candidate: Candidate) -> None:
        """Drop a candidate."""
        with self.lock:
            directory = self._directories.get(candidate.directory)
            if directory is not None:
                directory.candidates.pop(candidate.name, None)

    def trust(self, directory: str) -> Trust:
        """Return how far the file system of a directory is trusted."""
        if self._trust is None:
            # One answer for all: a mount below a watched directory is rare, and its audit finds what it hides.
            self._trust = trust_of(directory)
        return self._trust

    @property
    def bases(self) -> frozenset[str]:
        """The directories above which no partition column is looked for."""
        if self._bases is not None:
            return self._bases
        roots = {directory.path for directory in self._directories.values() if directory.is_root}
        matched = {
            directory.path
            for directory in self._directories.values()
            if directory.has_data and not directory.is_inside
        }
        return frozenset(roots | matched)

    # What the watching thread asks

    def watch(self, inotify: Inotify) -> None:
        """Take events from now on.

        Raises:
            OSError: a directory cannot be watched (the kernel's limit).
        """
        with self.lock:
            self._inotify = inotify
            try:
                for directory in self._directories.values():
                    self._add_watch(directory)
            except OSError:
                self.unwatch()
                raise

    def unwatch(self) -> None:
        """Rely on the directories' times again."""
        with self.lock:
            self._inotify = None
            self._by_watch.clear()
            for directory in self._directories.values():
                directory.watch, directory.trusted, directory.mtime_ns = None, False, -1

    def may_have_changed(self) -> bool:
        """Return whether a look without events could find something: cheap, lists nothing."""
        with self.lock:
            paths = [(each.path, each.mtime_ns) for each in self._directories.values()]
            missing = any(base not in self._directories for base, _ in self._specs)
        if missing and any(os.path.isdir(base) for base, _ in self._specs):
            return True
        if paths and self.trust(paths[0][0]) is Trust.NOTHING:
            return True
        return any(_mtime_ns(path) != mtime_ns for path, mtime_ns in paths)

    # Directories

    def _add_bases(self) -> None:
        for number, (base, patterns) in enumerate(self._specs):
            known = self._directories.get(base)
            if known is None or (number, 0) not in known.levels:
                self._add_directory(base, frozenset([(number, 0)]), not patterns, False)

    def _add_directory(
        self, path: str, levels: frozenset[tuple[int, int]], is_root: bool, is_inside: bool
    ) -> None:
        known = self._directories.get(path)
        if known is not None:
            if known.levels >= levels and known.is_root >= is_root and known.is_inside >= is_inside:
                return
            known.levels |= levels
            known.is_root |= is_root
            known.is_inside |= is_inside
            known.mtime_ns, known.trusted = -1, False
            self._layout_dirty |= is_root
            self._list(known)
            return
        if not os.path.isdir(path):
            return
        directory = self._directories[path] = _Directory(path, levels, is_root, is_inside)
        self._layout_dirty |= is_root
        if self._inotify is not None:
            try:
                self._add_watch(directory)
            except OSError:
                self.unwatch()
        self._list(directory)

    def _drop_directory(self, path: str) -> None:
        directory = self._directories.pop(path, None)
        if directory is None:
            return
        if directory.watch is not None:
            self._by_watch.pop(directory.watch, None)
            if self._inotify is not None:
                self._inotify.remove(directory.watch)
        if self._layout.pop(path, None) is not None:
            self._layout_dirty = True
        parent, name = os.path.split(path)
        if parent in self._directories:
            self._directories[parent].children.discard(name)
        for name in list(directory.children):
            self._drop_directory(os.path.join(path, name))

    def _add_watch(self, directory: _Directory) -> None:
        assert self._inotify is not None
        try:
            watch = self._inotify.add(directory.path)
        except (FileNotFoundError, NotADirectoryError):
            return
        directory.watch = watch
        # Two paths to one directory (links) share a watch, which then names but one of them: the other goes by time.
        self._by_watch[watch] = directory

    def _check_directories(self, *, everything: bool) -> None:
        untrusted_only = len(self._directories) > _CHECKED_EACH_LOOK and not everything
        for directory in list(self._directories.values()):
            if self._directories.get(directory.path) is not directory:
                continue
            if untrusted_only and directory.trusted and directory.is_inside:
                continue
            try:
                status = os.stat(directory.path)
            except (FileNotFoundError, NotADirectoryError):
                self._drop_directory(directory.path)
                continue
            inode = (status.st_dev, status.st_ino)
            if inode != directory.inode:
                # Another directory has taken the path: its watch is still on the one before.
                self._rewatch(directory)
            elif everything:
                directory.passed_over.clear()
            elif status.st_mtime_ns == directory.mtime_ns and not directory.racy:
                directory.trusted = self._complete_events(directory)
                continue
            elif directory.trusted and status.st_mtime_ns == directory.mtime_ns:
                continue
            self._list(directory)

    def _complete_events(self, directory: _Directory) -> bool:
        return (
            directory.watch is not None
            and self._by_watch.get(directory.watch) is directory
            and self.trust(directory.path) is Trust.EVENTS
        )

    def _rewatch(self, directory: _Directory) -> None:
        if directory.watch is not None and self._inotify is not None:
            self._by_watch.pop(directory.watch, None)
            self._inotify.remove(directory.watch)
            directory.watch = None
        if self._inotify is not None and directory.watch is None:
            try:
                self._add_watch(directory)
            except OSError:
                self.unwatch()

    def _list(self, directory: _Directory) -> None:
        """List a directory and consider every name that is not known yet."""
        trusted = self._complete_events(directory)
        try:
            status = os.stat(directory.path)
            now_ns = time.time_ns()
            names = os.listdir(directory.path)
        except (FileNotFoundError, NotADirectoryError):
            self._drop_directory(directory.path)
            return
        except OSError as error:
            raise cannot_list(directory.path, error) from error
        self._consider_all(directory, names)
        directory.inode = (status.st_dev, status.st_ino)
        directory.mtime_ns = status.st_mtime_ns
        racy_ns = _RACY_EVENTS_NS if self.trust(directory.path) is Trust.EVENTS else _RACY_OTHERS_NS
        directory.racy = self.trust(directory.path) is Trust.NOTHING or now_ns - status.st_mtime_ns < racy_ns
        directory.trusted = trusted

    # Names

    def _consider_all(self, directory: _Directory, names: list[str]) -> None:
        known = self._seen.known(directory.path)
        forgotten = self._seen.forgotten(directory.path)
        if forgotten:
            self._seen.sweep(directory.path, frozenset(names))
        # A file below the age limit may have been touched since: an event tells, or a thorough look. Where names
        # are all that counts, another file may have come under the name.
        again = frozenset(forgotten) if self._thorough or self._seen.name_only else frozenset()
        for name in names:
            if (
                (name not in known or name in again)
                and name not in directory.candidates
                and name not in directory.children
                and name not in directory.passed_over
            ):
                self._consider(directory, name, complete=False)

    def _apply(self, events: list[Event]) -> None:
        from lightstream.sources.inotify import (
            APPEARED,
            CLOSE_WRITE,
            DISAPPEARED,
            GONE_SELF,
            MOVED_TO,
            OVERFLOW,
        )

        touched: dict[str, _Directory] = {}
        for event in events:
            if event.mask & OVERFLOW:
                for each in self._directories.values():
                    each.trusted, each.mtime_ns = False, -1
                continue
            directory = self._by_watch.get(event.watch)
            if directory is None:
                continue
            if event.mask & GONE_SELF:
                self._by_watch.pop(event.watch, None)
                if self._inotify is not None:
                    self._inotify.remove(event.watch)
                directory.watch, directory.trusted, directory.mtime_ns = None, False, -1
                # Makes the check watch whatever is at the path now.
                directory.inode = (0, 0)
                continue
            touched[directory.path] = directory
            if event.mask & DISAPPEARED:
                directory.candidates.pop(event.name, None)
                if event.name in directory.children:
                    directory.children.discard(event.name)
                    self._drop_directory(os.path.join(directory.path, event.name))
            elif event.mask & APPEARED and event.name not in directory.children:
                complete = bool(event.mask & (CLOSE_WRITE | MOVED_TO))
                self._consider(directory, event.name, complete=complete)
        for directory in touched.values():
            if directory.trusted:
                directory.mtime_ns = _mtime_ns(directory.path)

    def _consider(self, directory: _Directory, name: str, *, complete: bool) -> None:
        """Look at a name that is new in a directory, or whose file changed."""
        if name == SINK_LOG:
            return  # a pattern may match it
        inside = (directory.is_root or directory.is_inside) and is_listed(name)
        matched = self._matched_levels(directory, name)
        if not inside and not matched:
            return
        candidate = directory.candidates.get(name)
        if candidate is not None:
            candidate.complete |= complete
            return
        path = f"{directory.path}/{name}" if directory.path != "/" else f"/{name}"
        try:
            status = os.stat(path)
        except OSError:
            return  # gone again, or a link to nothing
        directory.passed_over.discard(name)
        is_root = any(level == len(self._specs[spec][1]) for spec, level in matched)
        if stat.S_ISDIR(status.st_mode):
            if self._is_loop(path, status):
                return
            directory.children.add(name)
            self._add_directory(path, matched, is_root, inside)
        elif (
            not stat.S_ISREG(status.st_mode)
            or not (inside or (is_root and is_listed(name)))
            or (self._glob is not None and not self._glob.fullmatch(name))
        ):
            directory.passed_over.add(name)
        else:
            mtime_ms = status.st_mtime_ns // 1_000_000
            if not self._seen.is_new(directory.path, name, mtime_ms):
                self._seen.ignore(directory.path, name, mtime_ms)
                return
            directory.candidates[name] = Candidate(
                path, directory.path, name, status.st_mtime_ns, status.st_size, complete
            )
            if is_data(name) and not directory.has_data:
                directory.has_data = True
                self._layout_dirty = True

    def _matched_levels(self, directory: _Directory, name: str) -> frozenset[tuple[int, int]]:
        if not self._patterns:
            return _NO_LEVELS
        return frozenset(
            (spec, level + 1)
            for spec, level in directory.levels
            if level < len(self._specs[spec][1]) and name_pattern(self._specs[spec][1][level]).fullmatch(name)
        )

    def _is_loop(self, path: str, status: os.stat_result) -> bool:
        if not os.path.islink(path):
            return False
        parent = os.path.dirname(path)
        while len(parent) > 1:
            above = os.stat(parent)
            if (above.st_dev, above.st_ino) == (status.st_dev, status.st_ino):
                return True
            parent = os.path.dirname(parent)
        return False

    # Partition directories

    def _check_layout(self) -> None:
        if self._listing.recursive or not self._layout_dirty:
            return
        bases = self.bases
        if bases != self._layout_bases:
            self._layout, self._layout_bases = {}, bases
        for directory in self._directories.values():
            if directory.has_data and directory.path not in self._layout:
                self._layout[directory.path] = parse_directory(directory.path, bases)
        try:
            columns = partition_columns(self._layout)
        except SparkRuntimeException:
            # A directory that no longer holds files cannot contradict the others.
            for path in [path for path in self._layout if not any(self._data_names(path))]:
                del self._layout[path]
                self._directories[path].has_data = False
            columns = partition_columns(self._layout)
        self._partitioned = bool(columns)
        self._layout_dirty = False

    def _data_names(self, path: str) -> Iterator[str]:
        try:
            names = os.listdir(path)
        except OSError:
            return
        for name in names:
            wanted = is_listed(name) and is_data(name) and (self._glob is None or self._glob.fullmatch(name))
            if wanted and os.path.isfile(os.path.join(path, name)):
                yield name


def _mtime_ns(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return -1

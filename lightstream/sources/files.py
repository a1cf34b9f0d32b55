"""The streaming file source, independent of the files' format: which files each batch takes."""

from __future__ import annotations

import bisect
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from lightstream.checkpoint.damage import damaged
from lightstream.checkpoint.source_log import SourceLog
from lightstream.conf import Conf
from lightstream.errors import (
    IllegalArgumentException,
    SparkRuntimeException,
    UnsupportedOperationException,
    unsupported,
)
from lightstream.sources.being_written import Writing
from lightstream.sources.discovery import AUDIT_INTERVAL_S, QUIET_MS, Candidate, FileDiscovery
from lightstream.sources.file_options import OFF, read_listing_options, read_stream_options
from lightstream.sources.filesystems import Trust
from lightstream.sources.listing import FileEntry, has_sink_log, partition_bases
from lightstream.sources.logged_files import LoggedFiles
from lightstream.sources.partitions import parse_directory, partition_columns, partition_values
from lightstream.sources.paths import display_path, file_path, from_uri, is_glob, to_uri
from lightstream.sources.seen import SeenFiles
from lightstream.sources.trees import Trees, is_data
from lightstream.storage.paths import is_remote
from lightstream.storage.settings import settings_of

if TYPE_CHECKING:
    from lightstream.sources.cleaner import SourceCleaner
    from lightstream.sources.object_discovery import Looking, ObjectDiscovery
    from lightstream.sources.watching import Watching

logger = logging.getLogger(__name__)

_HELD_WARNING_S = 60.0
# DuckDB reads larger batches with all its threads: reading them early gains little and holds their rows in memory.
# Smaller ones are read in less time than it takes to hand them over.
_MAX_BYTES_AHEAD = 64_000_000
_MIN_BYTES_AHEAD = 1_000_000


class FileStream:
    """One file source of one running query: plans which files a batch takes, and remembers them in the source log.

    A file is taken once, when nobody has it open for writing (`being_written`), in the order of modification times.

    Args:
        path: a directory or a pattern, as the user wrote it.
        options: the reader's options.
        source_directory: `<checkpoint>/sources/K`; None keeps the log in memory.
        durable: force the log to disk.
        conf: the session's settings.
        columns: all columns of the DataFrame, where new partition columns are to be refused.
        partition_columns: those of them that were found in directory names.

    Raises:
        IllegalArgumentException: an option's value, in Spark's words.
        SparkRuntimeException: the source log is damaged.
    """

    needs_polling = False

    def __init__(
        self,
        path: str,
        options: Mapping[str, str],
        source_directory: str | None,
        *,
        durable: bool = True,
        conf: Conf | None = None,
        columns: Collection[str] | None = None,
        partition_columns: Collection[str] = (),
        trust: Trust | None = None,
        quiet_ms: int = QUIET_MS,
        audit_interval_s: float = AUDIT_INTERVAL_S,
    ) -> None:
        conf = conf or Conf()
        self._path = file_path(path)
        self._trees = Trees(settings_of(conf.values, options))
        self._tree = self._trees.at(self._path)
        self.description = f"FileStreamSource[{display_path(self._path)}]"
        self._options = read_stream_options(options)
        self._listing = read_listing_options(options)
        self._columns = None if columns is None else frozenset(name.lower() for name in columns)
        self._required_partitions = frozenset(name.lower() for name in partition_columns)
        self._lock = threading.RLock()
        self._log = SourceLog(
            source_directory,
            durable=durable,
            compact_interval=conf.integer("spark.sql.streaming.fileSource.log.compactInterval"),
        )
        self._seen = SeenFiles(self._options.max_file_age_ms, name_only=self._options.file_name_only)
        self._restore()
        self._discovery: FileDiscovery | LoggedFiles | ObjectDiscovery
        self._discovery = self._tree.discovery(
            self._path,
            self._listing,
            self._options,
            self._seen,
            bases=self._listing_bases(),
            trust=trust,
            quiet_ms=quiet_ms,
            audit_interval_s=audit_interval_s,
        )
        self._ignores_sink_log = conf.boolean("spark.sql.streaming.fileStreamSink.ignoreMetadata")
        self._decided = False  # whether a sink's log says which files there are
        self._audit_interval_s = audit_interval_s
        self._horizon: list[Candidate] | None = None
        self._unread: list[Candidate] | None = None
        self._held: dict[str, float] = {}
        self._warned: set[str] = set()
        self._recent: dict[int, list[FileEntry]] = {}
        self._committed: int | None = None
        self._wakeup: Callable[[], None] | None = None
        self._watching: Watching | Looking | None = None
        self._looked = False
        self._cleaner: SourceCleaner | None = None
        if self._options.clean_source != OFF:
            if is_remote(self._path):
                raise unsupported("The option cleanSource of objects", "Set a lifecycle rule for the bucket.")
            from lightstream.sources.cleaner import open_cleaner

            threads = conf.integer("spark.sql.streaming.fileSource.cleaner.numThreads")
            self._cleaner = open_cleaner(self._options, self._path, threads)

    # The engine's contract

    def latest_offset(self, start: str | None, *, ignore_limits: bool = False) -> str | None:
        """Choose the next batch's files and write them to the source log; return its end, `{"logOffset":N}`.

        Returns `start` when there is nothing new. Every file that was complete when this was called is seen.

        Raises:
            SparkRuntimeException: the log ends before `start`; the directory cannot be read, or its partition
                directories contradict each other.
        """
        with self._lock:
            newest = self._log.latest_id
            if start is not None and _log_offset(start) > newest:
                self._log.entries_between(newest, _log_offset(start))
            files = self._next_files(ignore_limits)
            if files:
                entries = [self._entry(file.path, file.size, file.mtime_ms) for file in files]
                newest = self._log.add([(entry.uri, entry.mtime_ms) for entry in entries])
                for file in files:
                    self._discovery.taken(file)
                self._recent[newest] = entries
            self._seen.end_batch()
            self._start_watching()
            return None if newest < 0 else json.dumps({"logOffset": newest}, separators=(",", ":"))

    def files_between(self, start: str | None, end: str) -> list[FileEntry]:
        """Return the files to read rows from, after `start` up to and including `end`.

        Empty files give no rows and are left out, as are files that were deleted before a restart (Spark: too).

        Raises:
            SparkRuntimeException: the log does not reach that far; or the partition directories do not fit the
                DataFrame's columns.
        """
        first, last = -1 if start is None else _log_offset(start), _log_offset(end)
        with self._lock:
            if last > self._log.latest_id:
                raise damaged(
                    os.path.join(self._log.path or "", str(last)),
                    "it is missing, and the offset log refers to it",
                )
            if all(log_id in self._recent for log_id in range(first + 1, last + 1)):
                entries = [entry for log_id in range(first + 1, last + 1) for entry in self._recent[log_id]]
            else:
                entries = self._logged_entries(first, last)
        return self._to_read(self._present(entries))

    def expected(self, count: int) -> list[list[FileEntry]]:
        """Return the files that the next batches will read if nothing happens to them; large batches end the list."""
        found: list[list[FileEntry]] = []
        options = self._options
        if options.max_files is None and options.max_bytes is None:
            return found
        with self._lock:
            waiting = self._horizon if self._horizon is not None else self._unread or []
            position = 0
            while position < len(waiting) and len(found) < count:
                files = _within(waiting, position, options.max_files, options.max_bytes)
                if not _MIN_BYTES_AHEAD <= sum(file.size for file in files) <= _MAX_BYTES_AHEAD:
                    break
                position += len(files)
                found.append([self._entry(file.path, file.size, file.mtime_ms) for file in files])
        return [self._to_read(entries) for entries in found]

    def _waiting(self, max_files: int, max_bytes: int) -> list[FileEntry]:
        """Return the files that the next batches will read first, as far as they are known."""
        with self._lock:
            waiting = self._horizon if self._horizon is not None else self._unread or []
            files = _within(waiting, 0, max_files, max_bytes) if waiting else []
            return [self._entry(file.path, file.size, file.mtime_ms) for file in files]

    def reported(self, end: str | None) -> tuple[str | None, Mapping[str, str]]:
        """Tell nothing: Spark's file source reports no newest offset."""
        return None, {}

    def prepare_available_now(self) -> bool:
        """Fix the files that this run takes, by one listing; later ones wait for the next run.

        Where nothing tells whether a fresh file is complete, this waits until it has been quiet for a while.
        """
        with self._lock:
            while True:
                found = self._look()
                states = [(file, self._discovery.refresh(file)) for file in found]
                waits = [self._discovery.quiet_in_s(f) for f, state in states if state is Writing.UNKNOWN]
                if not waits:
                    break
                time.sleep(max(waits))
            self._note_held([file for file, state in states if state is Writing.YES])
            ready = [file for file, state in states if state is Writing.NO]
            self._horizon = sorted(ready, key=self._order)
            return True

    def commit(self, end: str) -> None:
        """Learn that all batches up to `end` are done; clean their files if `cleanSource` says so."""
        last = _log_offset(end)
        with self._lock:
            first = last - 1 if self._committed is None else self._committed
            self._committed = max(first, last)
            files: list[str] = []
            if self._cleaner is not None and first < last:
                # Of what an earlier process finished, only the last entry is known not to be cleaned yet.
                files = [from_uri(entry.uri) for entry in self._log.entries_between(first, last)]
            for log_id in [log_id for log_id in self._recent if log_id <= last]:
                self._was_read(self._recent.pop(log_id))
        if self._cleaner is not None and files:
            self._cleaner.clean(files)

    def _was_read(self, entries: list[FileEntry]) -> None:
        """Learn that the batch which reads some files is done."""

    def interrupt(self) -> None:
        """Nothing waits here."""

    def set_wakeup(self, wakeup: Callable[[], None]) -> None:
        """Take the function to call, from any thread, when files may have arrived."""
        with self._lock:
            self._wakeup = wakeup
            if self._looked:
                self._start_watching()

    def stop(self) -> None:
        """End the threads; what was asked to be cleaned is cleaned."""
        with self._lock:
            watching, self._watching, self._wakeup = self._watching, None, None
            cleaner, self._cleaner = self._cleaner, None
            if isinstance(self._discovery, LoggedFiles):
                self._discovery.close()
        if watching is not None:
            watching.stop()
        if cleaner is not None:
            cleaner.stop()

    @property
    def held_files(self) -> tuple[str, ...]:
        """The files that were not taken in the last look because they are, or may be, still being written."""
        with self._lock:
            return tuple(sorted(self._held))

    # Choosing files

    def _look(self) -> list[Candidate]:
        """Return the files that are to be taken.

        Spark: whether the directory is the output of a streaming file sink is decided when the first files are seen.
        """
        if not self._decided and not self._ignores_sink_log and has_sink_log([self._path], self._trees):
            if self._options.clean_source != OFF:
                raise UnsupportedOperationException(
                    None,
                    "Clean up source files is not supported when reading from the output directory of FileStreamSink.",
                )
            self._discovery = self._tree.logged_files(self._path, self._listing, self._seen)
            self._decided = True
            if self._watching is not None:
                self._watching.stop()
                self._watching = None
        self._discovery.look()
        found = self._discovery.new_files()
        self._decided |= bool(found)
        return found

    def _next_files(self, ignore_limits: bool) -> list[Candidate]:
        options = self._options
        max_files = None if ignore_limits else options.max_files
        max_bytes = None if ignore_limits else options.max_bytes
        if self._horizon is not None:
            files, self._horizon = self._split(self._horizon, max_files, max_bytes, check=False)
            return files
        listed = self._unread
        if listed is None:
            listed = sorted(self._look(), key=self._order)
            self._looked = True
            self._held.clear()
        files, rest = self._split(listed, max_files, max_bytes, check=True)
        self._unread = None
        if not options.latest_first and rest:
            # Spark keeps what it has listed for the next batches, unless too little of it is left.
            left = len(rest) if max_files is not None else sum(file.size for file in rest)
            if left >= (max_files or max_bytes or 0) * options.discard_cached_input_ratio:
                self._unread = rest[: options.max_cached_files] or None
        return files

    def _split(
        self, files: list[Candidate], max_files: int | None, max_bytes: int | None, *, check: bool
    ) -> tuple[list[Candidate], list[Candidate]]:
        """Split sorted files into those of the next batch and the rest; files being written are in neither."""
        chosen: list[Candidate] = []
        held: list[Candidate] = []
        size = 0
        position = 0
        while position < len(files) and (max_files is None or len(chosen) < max_files):
            file = files[position]
            if not check and not self._discovery.is_new(file):
                position += 1
                continue
            if check:
                mtime_ns = file.mtime_ns
                writing = self._discovery.refresh(file)
                if writing is not Writing.NO:
                    if writing is not Writing.GONE:
                        held.append(file)
                    position += 1
                    continue
                if file.mtime_ns != mtime_ns and position + 1 < len(files):
                    # Written to since it was listed: it goes back in line.
                    del files[position]
                    bisect.insort(files, file, lo=position, key=self._order)
                    if files[position] is not file:
                        continue
            if max_bytes is not None and chosen and size + file.size > max_bytes:
                break
            size += file.size
            chosen.append(file)
            position += 1
        self._note_held(held)
        return chosen, files[position:]

    def _order(self, file: Candidate) -> tuple[int, str]:
        return (-file.mtime_ms if self._options.latest_first else file.mtime_ms, file.path)

    def _note_held(self, held: list[Candidate]) -> None:
        now = time.monotonic()
        for file in held:
            since = self._held.setdefault(file.path, file.changed_at or now)
            if now - since > _HELD_WARNING_S and file.path not in self._warned:
                self._warned.add(file.path)
                logger.warning("%s waits until the process that is writing it closes it.", file.path)
            if self._watching is not None:
                told = self._discovery.trust(file.directory) is Trust.EVENTS
                self._watching.wake_in(1.0 if told else self._discovery.quiet_in_s(file))

    def _start_watching(self) -> None:
        # After the first look, so that a short run does without, and a long one is not kept waiting by it.
        if self._wakeup is None or self._watching is not None or self._horizon is not None:
            return
        self._watching = self._discovery.watching(self._wakeup, self._audit_interval_s)
        self._watching.start()

    # Entries

    def _restore(self) -> None:
        directories: dict[str, str] = {}
        for entry in self._log.entries():
            encoded, _, name = entry.uri.rpartition("/")
            directory = directories.get(encoded)
            if directory is None:
                directory = directories[encoded] = from_uri(encoded) or "/"
            if "%" in name:
                name = os.path.basename(from_uri(f"file:///{name}"))
            self._seen.add(directory, name, entry.mtime_ms)
        self._seen.end_batch()

    def _entry(self, path: str, size: int, mtime_ms: int) -> FileEntry:
        return FileEntry(path, to_uri(path), size, mtime_ms)

    def _logged_entries(self, first: int, last: int) -> list[FileEntry]:
        entries = self._log.entries_between(first, last)
        return [FileEntry(from_uri(entry.uri), entry.uri, -1, entry.mtime_ms) for entry in entries]

    def _present(self, entries: list[FileEntry]) -> list[FileEntry]:
        """Return the files that are still there, with their sizes. Objects are asked for where no size is known."""
        asked = [entry.path for entry in entries if entry.size < 0 or not is_remote(entry.path)]
        sizes = dict(zip(asked, self._tree.sizes(asked), strict=True))
        found = []
        for entry in entries:
            size = sizes.get(entry.path, entry.size)
            if size is None:
                logger.warning(
                    "%s was taken for a batch and is gone; the batch is run without it.", entry.path
                )
            else:
                found.append(entry if size == entry.size else replace(entry, size=size))
        return found

    def _to_read(self, entries: list[FileEntry]) -> list[FileEntry]:
        entries = self._with_partitions([entry for entry in entries if is_data(_name(entry.path))])
        return [entry for entry in entries if entry.size]

    def _listing_bases(self) -> frozenset[str] | None:
        """Return where to stop looking for partition directories; None where the pattern's matches decide."""
        if not is_glob(self._path):
            if self._tree.is_file(self._path):
                raise IllegalArgumentException(None, "Option 'basePath' must be a directory")
            return frozenset([self._path])
        return (
            partition_bases([], self._listing, self._trees) if self._listing.base_path is not None else None
        )

    def _with_partitions(self, entries: list[FileEntry]) -> list[FileEntry]:
        """Add partition values, as Spark finds them when it reads these very files."""
        if self._listing.recursive:
            return entries
        if not is_glob(self._path):
            bases = frozenset([self._path])
        elif self._listing.base_path is not None:
            bases = partition_bases([], self._listing, self._trees)
        else:
            # Without a base, Spark takes each file for a table of its own, which has no partitions.
            self._check_partitions((), entries)
            return entries
        directories = {os.path.dirname(entry.path) for entry in entries}
        parsed = {directory: parse_directory(directory, bases) for directory in directories}
        columns = partition_columns(parsed)
        self._check_partitions(columns, entries)
        if not columns:
            return entries
        values = {path: partition_values(each) for path, each in parsed.items() if each.columns}
        return [
            FileEntry(entry.path, entry.uri, entry.size, entry.mtime_ms, values[os.path.dirname(entry.path)])
            for entry in entries
            if os.path.dirname(entry.path) in values
        ]

    def _check_partitions(self, columns: Collection[str], entries: list[FileEntry]) -> None:
        found = frozenset(name.lower() for name in columns)
        missing = self._required_partitions - found if any(entry.size for entry in entries) else frozenset()
        extra = found - self._columns if self._columns is not None else frozenset()
        if missing or extra:
            what = "have lost" if missing else "have gained"
            raise SparkRuntimeException(
                "LIGHTSTREAM_PARTITION_COLUMNS_CHANGED",
                f"The directories below {self._path} {what} the partition column(s) "
                f"{', '.join(sorted(missing or extra))} since the DataFrame was made. Name all partition columns in "
                "its schema, and start the query again.",
                sqlstate="KD009",
            )


def _within(
    files: list[Candidate], start: int, max_files: int | None, max_bytes: int | None
) -> list[Candidate]:
    """Return the files from a position on that fit into one batch, at least one."""
    end = len(files) if max_files is None else start + max_files
    chosen = files[start : start + 1]
    size = chosen[0].size
    for file in files[start + 1 : end]:
        size += file.size
        if max_bytes is not None and size > max_bytes:
            break
        chosen.append(file)
    return chosen


def _log_offset(offset: str) -> int:
    try:
        value = json.loads(offset)
        log_offset = value["logOffset"] if isinstance(value, dict) else value
        if isinstance(log_offset, int):
            return log_offset
    except (ValueError, KeyError):
        pass
    raise SparkRuntimeException(
        "LIGHTSTREAM_CHECKPOINT_DAMAGED",
        f'The offset {offset} of a file source should be {{"logOffset":N}}. Restore the checkpoint directory from a '
        "backup, or start the query with a new one (it then reads all its input again).",
        sqlstate="KD002",
    )


def _name(path: str) -> str:
    return path.rsplit("/", 1)[-1]

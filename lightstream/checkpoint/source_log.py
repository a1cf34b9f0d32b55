"""The file source's log of taken files, `sources/K/N`, in Spark's v1 text format.

Spark reads the log from its newest `.compact` file on, and works out where that is: with one `.compact` file of id
C, it takes the smallest divisor of C + 1 that is not below its own compact interval (10) as the interval; with more,
the distance of the last two. Id I is then a compaction when I + 1 is a multiple of the interval.

Compacting every 10 entries makes each batch pay for all of history. Here the distance doubles up to
`MAX_COMPACT_DISTANCE` instead, and stays readable for Spark: one `.compact` file is kept, and its C + 1 is a prime
number, so that the only interval Spark can derive is C + 1 itself, and it needs no other compaction before 2 C + 1.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable, Iterator, Sequence

from lightstream import crash
from lightstream.atomic import TEMPORARY_SUFFIX, create_once, open_once, remove, write_all
from lightstream.checkpoint.damage import check_version, concurrent_update, damaged
from lightstream.dataclass import dataclass

logger = logging.getLogger(__name__)

MAX_COMPACT_DISTANCE = 1000
COMPACT_SUFFIX = ".compact"
_HEADER = b"v1"


@dataclass(frozen=True, slots=True)
class SourceLogEntry:
    """One taken file: its url-encoded `file:///` URI, its modification time, and the log id that took it."""

    uri: str
    mtime_ms: int
    batch_id: int


class SourceLog:
    """The log of one file source. Its ids count on their own: they advance only when files are taken.

    Args:
        path: `<checkpoint>/sources/K`; None keeps the log in memory.
        durable: force entries to disk.
        compact_interval: `spark.sql.streaming.fileSource.log.compactInterval`; the first compaction's distance.
        tidy: remove what a writer that was killed has left; False where another process may be writing.

    Raises:
        SparkRuntimeException: LIGHTSTREAM_CHECKPOINT_DAMAGED when files are missing.
    """

    def __init__(
        self, path: str | None, *, durable: bool = True, compact_interval: int = 10, tidy: bool = True
    ) -> None:
        self.path = path
        self.durable = durable
        self._compact_interval = compact_interval
        self._memory: list[list[SourceLogEntry]] = []
        self._plain: list[int] = []
        self._compact: list[int] = []
        if path is not None:
            self._open(path, tidy)
        self._next_compact_id = self._choose_compact_id()

    @property
    def latest_id(self) -> int:
        """The newest id, -1 when the log is empty."""
        if self.path is None:
            return len(self._memory) - 1
        return max([-1, *self._plain[-1:], *self._compact[-1:]])

    def add(self, files: Sequence[tuple[str, int]]) -> int:
        """Write the next entry, a (uri, modification time in ms) for each file; return its id.

        Raises:
            SparkRuntimeException: CONCURRENT_STREAM_LOG_UPDATE when another writer was faster.
        """
        log_id = self.latest_id + 1
        if self.path is None:
            self._memory.append([SourceLogEntry(uri, mtime_ms, log_id) for uri, mtime_ms in files])
            return log_id
        body = "".join(
            f'\n{{"path":{_quote(uri)},"timestamp":{mtime_ms},"batchId":{log_id}}}' for uri, mtime_ms in files
        ).encode()
        try:
            if log_id == self._next_compact_id:
                self._write_compact(self.path, log_id, body)
            else:
                create_once(self.path, str(log_id), _HEADER + body, durable=self.durable, label="source-log")
                self._plain.append(log_id)
        except FileExistsError as error:
            raise concurrent_update(str(error.filename2 or error.filename or self.path), log_id) from None
        return log_id

    def entries(self) -> Iterator[SourceLogEntry]:
        """Yield all entries, oldest first."""
        if self.path is None:
            for entries in self._memory:
                yield from entries
            return
        if self._compact:
            yield from self._read(self.path, f"{self._compact[-1]}{COMPACT_SUFFIX}")
        for log_id in self._after_compact():
            yield from self._read(self.path, str(log_id))

    def entries_between(self, start: int, end: int) -> list[SourceLogEntry]:
        """Return the entries of the ids after `start` up to and including `end`.

        Raises:
            SparkRuntimeException: LIGHTSTREAM_CHECKPOINT_DAMAGED when the log does not reach that far.
        """
        if end > self.latest_id:
            raise damaged(
                os.path.join(self.path or "", str(end)),
                f"it is missing, and the offset log refers to it (the log ends at {self.latest_id})",
            )
        if self.path is None:
            return [entry for entries in self._memory[start + 1 : end + 1] for entry in entries]
        found: list[SourceLogEntry] = []
        plain = set(self._plain)
        if any(log_id not in plain for log_id in range(start + 1, end + 1)):
            for entry in self._read(self.path, f"{self._compact[-1]}{COMPACT_SUFFIX}"):
                if start < entry.batch_id <= end and entry.batch_id not in plain:
                    found.append(entry)
        for log_id in range(start + 1, end + 1):
            if log_id in plain:
                found += [entry for entry in self._read(self.path, str(log_id)) if entry.batch_id == log_id]
        return found

    def _open(self, path: str, tidy: bool) -> None:
        os.makedirs(path, exist_ok=True)
        with os.scandir(path) as scanned:
            for file in scanned:
                number, suffix = file.name.removesuffix(COMPACT_SUFFIX), file.name.endswith(COMPACT_SUFFIX)
                if number.isdecimal() and number.isascii() and file.is_file():
                    (self._compact if suffix else self._plain).append(int(number))
                elif tidy and file.name.endswith(TEMPORARY_SUFFIX):
                    os.unlink(file.path)
        self._plain.sort()
        self._compact.sort()
        if tidy:
            self._drop_superseded(path)
            self._discard_unfinished(path)
        expected = self._compact[-1] + 1 if self._compact else 0
        for log_id in self._after_compact():
            if log_id != expected:
                raise damaged(os.path.join(path, str(expected)), f"it is missing, while {log_id} is there")
            expected += 1

    def _drop_superseded(self, path: str) -> None:
        # A crash right after a compaction leaves the older .compact file, which would make Spark derive a wrong
        # interval. Those that Spark itself wrote fit their interval, and stay.
        if len(self._compact) > 1 and (self._compact[-1] + 1) % (self._compact[-1] - self._compact[-2]) != 0:
            self._remove_before(path, self._compact[-1])

    def _discard_unfinished(self, path: str) -> None:
        # See `OffsetLog.discard_unfinished`; no batch can have been planned with it.
        if self._plain and self._plain[-1] == self.latest_id:
            name = str(self._plain[-1])
            if os.path.getsize(os.path.join(path, name)) == 0:
                logger.warning("Removed %s, which a power failure left empty.", os.path.join(path, name))
                remove(path, name)
                self._plain.pop()

    def _after_compact(self) -> list[int]:
        newest = self._compact[-1] if self._compact else -1
        return [log_id for log_id in self._plain if log_id > newest]

    def _choose_compact_id(self) -> int:
        """Return the id of the next compaction: prime minus one where that is possible (see the module's text)."""
        following = self.latest_id + 1
        if not self._compact:
            return max(self._compact_interval - 1, following)
        newest = self._compact[-1]
        last_readable = newest + spark_compact_interval(self._compact, self._compact_interval)
        wanted = newest + 1 + min(newest + 1, MAX_COMPACT_DISTANCE)
        for prime in range(max(wanted, following + 1), last_readable + 2):
            if _is_prime(prime):
                return prime - 1
        for prime in range(last_readable + 1, following, -1):
            if _is_prime(prime):
                return prime - 1
        return max(last_readable, following)

    def _write_compact(self, path: str, log_id: int, body: bytes) -> None:
        name = f"{log_id}{COMPACT_SUFFIX}"
        with open_once(path, name, durable=self.durable, label="compaction") as target:
            if self._compact:
                _copy(os.path.join(path, f"{self._compact[-1]}{COMPACT_SUFFIX}"), target)
            else:
                write_all(target, _HEADER)
            for older in self._after_compact():
                with open(os.path.join(path, str(older)), "rb") as file:
                    write_all(target, file.read()[len(_HEADER) :])
            write_all(target, body)
        # Where no prime was near (a log that Spark began), Spark's own scheme goes on: it needs the last two.
        previous = self._compact[-1] if self._compact else -1
        as_spark = previous >= 0 and (log_id + 1) % (log_id - previous) == 0 and not _is_prime(log_id + 1)
        self._compact.append(log_id)
        self._remove_before(path, previous if as_spark else log_id)
        self._next_compact_id = self._choose_compact_id()

    def _remove_before(self, path: str, log_id: int) -> None:
        # The older .compact files first: as long as they are there, Spark derives another interval.
        for older in [older for older in self._compact if older < log_id]:
            if crash.at is not None:
                crash.at("compaction-removing")
            remove(path, f"{older}{COMPACT_SUFFIX}")
        for older in [older for older in self._plain if older < log_id]:
            if crash.at is not None:
                crash.at("compaction-removing")
            remove(path, str(older))
        self._compact = [kept for kept in self._compact if kept >= log_id]
        self._plain = [kept for kept in self._plain if kept >= log_id]

    def _read(self, path: str, name: str) -> Iterator[SourceLogEntry]:
        full = os.path.join(path, name)
        try:
            with open(full, encoding="utf-8") as file:
                lines = file.read().split("\n")
        except UnicodeDecodeError:
            raise damaged(full, "it is not text in UTF-8") from None
        if lines == [""]:
            raise damaged(full, "it is empty")
        check_version(full, lines[0])
        return _parse_lines(full, lines[1:])


def spark_compact_interval(compact_ids: Sequence[int], default_interval: int = 10) -> int:
    """Return the interval that Spark derives from the ids of the `.compact` files of a log."""
    if len(compact_ids) >= 2:
        return compact_ids[-1] - compact_ids[-2]
    if not compact_ids:
        return default_interval
    size = compact_ids[-1] + 1
    if default_interval >= size // 2:
        return size
    return next((d for d in range(default_interval, size // 2 + 1) if size % d == 0), size)


def _is_prime(number: int) -> bool:
    return number > 1 and all(number % d for d in range(2, int(number**0.5) + 1))


def _quote(uri: str) -> str:
    # An encoded URI holds nothing that JSON would escape.
    if '"' not in uri and "\\" not in uri and uri.isprintable():
        return f'"{uri}"'
    return json.dumps(uri, ensure_ascii=False)


def _copy(source: str, target: int) -> None:
    """Append a file to a descriptor; on Linux the bytes stay in the kernel."""
    with open(source, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        done = 0
        if hasattr(os, "copy_file_range"):
            try:
                while done < size:
                    copied = os.copy_file_range(file.fileno(), target, size - done)
                    if copied == 0:
                        break
                    done += copied
            except OSError:
                # Not on this file system: go on from where it stopped.
                pass
        file.seek(done)
        while chunk := file.read(1 << 20):
            write_all(target, chunk)


def _parse_lines(path: str, lines: Iterable[str]) -> Iterator[SourceLogEntry]:
    for number, line in enumerate(lines, start=2):
        # Lines as Spark and lightstream write them are cut apart; anything else goes through the JSON parser.
        if line.startswith('{"path":"') and line.endswith("}") and "\\" not in line:
            path_end = line.find('","timestamp":', 9)
            time_end = line.find(',"batchId":', path_end)
            mtime_text, id_text = line[path_end + 14 : time_end], line[time_end + 11 : -1]
            if 0 < path_end < time_end and mtime_text.isdecimal() and id_text.isdecimal():
                yield SourceLogEntry(line[9:path_end], int(mtime_text), int(id_text))
                continue
        try:
            value = json.loads(line)
            yield SourceLogEntry(str(value["path"]), int(value["timestamp"]), int(value["batchId"]))
        except (ValueError, TypeError, KeyError):
            raise damaged(path, f"line {number} is not an entry of a source log") from None

"""The log of a file sink, `_spark_metadata` in its directory: which files are the table, in Spark's v1 text format.

Entry N has the files of batch N, one JSON object a line. Every so many batches an entry is a `.compact` file, with all
files so far; what is before it is removed after a while, in which readers that listed it can still read it. Readers
begin at the newest `.compact` file.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress

from lightstream import crash
from lightstream.atomic import TEMPORARY_SUFFIX, create_once, remove
from lightstream.checkpoint.damage import check_version, concurrent_update, damaged
from lightstream.checkpoint.source_log import COMPACT_SUFFIX, spark_compact_interval
from lightstream.dataclass import dataclass

DIRECTORY = "_spark_metadata"
_HEADER = "v1"
_ATTEMPTS = 10


@dataclass(frozen=True, slots=True)
class SinkFile:
    """One file of a sink: its url-encoded `file:///` URI, size in bytes and modification time."""

    uri: str
    size: int
    mtime_ms: int
    added: bool = True

    def line(self) -> str:
        """Return the file as a line of the log."""
        values = {
            "path": self.uri,
            "size": self.size,
            "isDir": False,
            "modificationTime": self.mtime_ms,
            "blockReplication": 1,
            "blockSize": 33_554_432,
            "action": "add" if self.added else "delete",
        }
        return json.dumps(values, separators=(",", ":"), ensure_ascii=False)


def is_sink_output(directory: str) -> bool:
    """Return whether a directory was written by a streaming file sink."""
    return os.path.isdir(os.path.join(directory, DIRECTORY))


def newest_id(directory: str) -> int:
    """Return the newest id of a sink's log, -1 when it is empty."""
    plain, compact = _ids(os.path.join(directory, DIRECTORY))
    return max([-1, *plain[-1:], *compact[-1:]])


def logged_files(directory: str, after: int = -1) -> tuple[int, list[SinkFile]]:
    """Return the newest id of a sink's log, and its files, those of ids behind `after` if that can be told apart.

    Raises:
        SparkRuntimeException: LIGHTSTREAM_CHECKPOINT_DAMAGED when a part of the log is missing or cannot be read.
    """
    path = os.path.join(directory, DIRECTORY)
    for attempt in range(_ATTEMPTS):
        plain, compact = _ids(path)
        latest = max([-1, *plain[-1:], *compact[-1:]])
        names = _names_to_read(path, plain, compact, latest, after)
        try:
            found = [_parsed(path, name, line) for name in names for line in _lines(path, name)]
        except FileNotFoundError:  # removed behind a newer .compact file
            if attempt + 1 == _ATTEMPTS:
                raise
            continue
        gone = {file.uri for file in found if not file.added}
        return latest, [file for file in found if file.added and file.uri not in gone]
    raise AssertionError


def _names_to_read(
    path: str, plain: Sequence[int], compact: Sequence[int], latest: int, after: int
) -> list[str]:
    known = set(plain)
    first = after + 1
    names: list[str] = []
    if after < 0 or any(log_id not in known for log_id in range(first, latest + 1)):
        first = max(compact, default=-1) + 1
        if first > 0:
            names.append(f"{first - 1}{COMPACT_SUFFIX}")
    for log_id in range(first, latest + 1):
        if log_id not in known:
            raise damaged(os.path.join(path, str(log_id)), f"it is missing, while {latest} is there")
        names.append(str(log_id))
    return names


def _ids(path: str) -> tuple[list[int], list[int]]:
    plain: list[int] = []
    compact: list[int] = []
    with os.scandir(path) as scanned:
        for file in scanned:
            number, suffix = file.name.removesuffix(COMPACT_SUFFIX), file.name.endswith(COMPACT_SUFFIX)
            if number.isdecimal() and number.isascii() and file.is_file():
                (compact if suffix else plain).append(int(number))
    return sorted(plain), sorted(compact)


def _lines(path: str, name: str) -> list[str]:
    full = os.path.join(path, name)
    with open(full, encoding="utf-8") as file:
        lines = file.read().split("\n")
    if lines == [""]:
        raise damaged(full, "it is empty")
    check_version(full, lines[0])
    return lines[1:]


def _parsed(path: str, name: str, line: str) -> SinkFile:
    try:
        value = json.loads(line)
        uri, size, mtime_ms = str(value["path"]), int(value["size"]), int(value["modificationTime"])
        return SinkFile(uri, size, mtime_ms, value.get("action", "add") == "add")
    except (ValueError, TypeError, KeyError):
        raise damaged(os.path.join(path, name), "a line is not an entry of a sink's log") from None


class SinkLog:
    """The log of one sink, as its query writes it.

    Args:
        directory: the sink's directory.
        compact_interval: `spark.sql.streaming.fileSink.log.compactInterval`; a log that is there goes on with its own.
        cleanup_delay_ms: how long what a `.compact` file has taken over stays; None keeps it for ever.
        batches_to_retain: how many of the newest batches have entries of their own.
        retention_ms: files that are older are left out of `.compact` files; None keeps all.

    Raises:
        OSError: the directory cannot be made or listed.
    """

    def __init__(
        self,
        directory: str,
        *,
        compact_interval: int = 10,
        cleanup_delay_ms: int | None = 600_000,
        batches_to_retain: int = 100,
        retention_ms: int | None = None,
    ) -> None:
        self.directory = directory
        self.path = os.path.join(directory, DIRECTORY)
        self._cleanup_delay_ms = cleanup_delay_ms
        self._batches_to_retain = batches_to_retain
        self._retention_ms = retention_ms
        os.makedirs(self.path, exist_ok=True)
        self._drop_unfinished()
        plain, compact = _ids(self.path)
        self._interval = spark_compact_interval(compact, compact_interval)
        self._entries = sorted(
            [*((i, str(i)) for i in plain), *((i, f"{i}{COMPACT_SUFFIX}") for i in compact)]
        )

    @property
    def latest_id(self) -> int:
        """The newest id, -1 when the log is empty."""
        return self._entries[-1][0] if self._entries else -1

    def add(self, batch_id: int, files: Iterable[SinkFile]) -> None:
        """Write the entry of a batch: from now on its files are part of the table. It is forced to disk.

        Raises:
            SparkRuntimeException: CONCURRENT_STREAM_LOG_UPDATE when another writer was faster.
        """
        compacts = (batch_id + 1) % self._interval == 0
        name = f"{batch_id}{COMPACT_SUFFIX}" if compacts else str(batch_id)
        earlier = self._kept() if compacts else []
        data = "\n".join([_HEADER, *earlier, *(file.line() for file in files)]).encode()
        try:
            create_once(self.path, name, data, durable=True, label="sink-log")
        except FileExistsError:
            raise concurrent_update(os.path.join(self.path, name), batch_id) from None
        self._entries.append((batch_id, name))
        self._remove_old(batch_id)

    def _kept(self) -> list[str]:
        """Return the lines of all entries, without those of files that are too old."""
        plain, compact = _ids(self.path)
        names = _names_to_read(self.path, plain, compact, self.latest_id, -1)
        if self._retention_ms is None:
            return [line for name in names for line in _lines(self.path, name)]
        oldest_ms = time.time_ns() // 1_000_000 - self._retention_ms
        lines = [(name, line) for name in names for line in _lines(self.path, name)]
        return [line for name, line in lines if _parsed(self.path, name, line).mtime_ms >= oldest_ms]

    def _drop_unfinished(self) -> None:
        # A power failure may leave a name without its content; whoever wrote it had not been told that it was written.
        with os.scandir(self.path) as scanned:
            for file in scanned:
                if file.name.endswith(TEMPORARY_SUFFIX) or (
                    file.is_file() and not file.name.startswith(".") and file.stat().st_size == 0
                ):
                    remove(self.path, file.name)

    def _remove_old(self, batch_id: int) -> None:
        """Remove the entries before the `.compact` file that the retained batches need, if they are old enough."""
        if self._cleanup_delay_ms is None:
            return
        oldest = batch_id + 1 - self._batches_to_retain
        needed = oldest - oldest % self._interval - 1
        latest_ms = time.time_ns() // 1_000_000 - self._cleanup_delay_ms
        while self._entries[0][0] < needed:
            _, name = self._entries[0]
            with suppress(FileNotFoundError):
                if os.stat(os.path.join(self.path, name)).st_mtime_ns // 1_000_000 > latest_ms:
                    return
            if crash.at is not None:
                crash.at("sink-log-removing")
            remove(self.path, name)
            del self._entries[0]

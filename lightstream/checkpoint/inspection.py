"""A checkpoint looked at from outside: what is in it, whether it is whole, and back to an earlier batch."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable
from dataclasses import field
from typing import Any, TypeVar

from lightstream.atomic import shown
from lightstream.checkpoint.directory import LOCK_FILE, CheckpointDirectory
from lightstream.checkpoint.logs import CommitLog, OffsetEntry, OffsetLog
from lightstream.checkpoint.restart import decide_restart
from lightstream.checkpoint.source_log import SourceLog, SourceLogEntry
from lightstream.dataclass import dataclass
from lightstream.errors import PySparkException, SparkRuntimeException, unsupported

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class BatchShown:
    """One batch: its offsets by source (None: none), its time and watermark in milliseconds, whether it is done."""

    batch_id: int
    timestamp_ms: int
    watermark_ms: int
    done: bool
    offsets: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class FilesSeen:
    """The log of one file source: how many files it lists, up to which offset."""

    source: int
    files: int
    offset: int


@dataclass(frozen=True, slots=True)
class StateShown:
    """The state database: bytes on disk, the batch it is of, and its operators and tables with their rows.

    `unread` says why it could not be opened; the rest is then empty.
    """

    bytes: int
    batch_id: int | None = None
    operators: tuple[tuple[int, str], ...] = ()
    tables: tuple[tuple[str, int], ...] = ()
    unread: str = ""


@dataclass(slots=True)
class Inspected:
    """What a checkpoint holds, and what is wrong with it."""

    path: str
    query_id: str | None = None
    batches: list[BatchShown] = field(default_factory=list)
    sources: list[FilesSeen] = field(default_factory=list)
    state: StateShown | None = None
    faults: list[str] = field(default_factory=list)


def inspect(path: str) -> Inspected:
    """Read all of a checkpoint, without changing anything: also while a query runs on it.

    Raises:
        SparkRuntimeException: LIGHTSTREAM_CHECKPOINT_NOT_FOUND.
    """
    _check_exists(path)
    return _Inspection(path).found


def rewind(path: str, batch_id: int) -> None:
    """Go back to where a batch had just ended: the query then runs the following ones anew.

    The rows that a sink has of later batches stay there. Files that were found since are read by the first new batch.

    Raises:
        SparkRuntimeException: LIGHTSTREAM_CHECKPOINT_NOT_FOUND; LIGHTSTREAM_CHECKPOINT_LOCKED while the query runs;
            LIGHTSTREAM_CHECKPOINT_NO_SUCH_BATCH when the logs do not have it, or it was not done.
        UnsupportedOperationException: the query has state of a later batch.
    """
    _check_exists(path)
    with CheckpointDirectory(path) as checkpoint:
        known = [i for i in checkpoint.commits.ids() if i in checkpoint.offsets.ids()]
        if batch_id not in known:
            there = f"it has the batches {known[0]} to {known[-1]}" if known else "it has none"
            raise SparkRuntimeException(
                "LIGHTSTREAM_CHECKPOINT_NO_SUCH_BATCH",
                f"The checkpoint {path} cannot go back to batch {batch_id}: {there} that are done. Name one of these.",
                sqlstate="42K03",
                parameters={"checkpointLocation": path, "batchId": str(batch_id)},
            )
        last = checkpoint.offsets.ids()[-1]
        if batch_id < last and os.path.exists(checkpoint.state_directory):
            raise unsupported(
                f"Going back to batch {batch_id} of {last} in the checkpoint {path} of a query with state",
                "The state of earlier batches is not kept. Start the query with a new checkpoint directory.",
            )
        # The commits first: a batch that is done without having been planned would be damage.
        checkpoint.commits.rewind(batch_id)
        checkpoint.offsets.rewind(batch_id)


class _Inspection:
    def __init__(self, path: str) -> None:
        self._path = path
        self.found = Inspected(shown(path))
        self.found.query_id = self._query_id()
        offsets = OffsetLog(os.path.join(path, "offsets"), durable=False, tidy=False)
        commits = CommitLog(os.path.join(path, "commits"), durable=False, tidy=False)
        entries = self._batches(offsets, commits)
        latest = None if offsets.latest_id() is None else entries.get(offsets.ids()[-1])
        self._logs_agree(offsets, commits, entries)
        self._sources(latest)
        self._state(offsets.latest_id(), commits.latest_id())

    def _try(self, look: Callable[[], Result]) -> Result | None:
        """Return what can be read; None when it is damaged, which is noted."""
        try:
            return look()
        except (PySparkException, OSError) as error:
            self._fault(str(error))
            return None

    def _fault(self, text: str) -> None:
        if text not in self.found.faults:
            self.found.faults.append(text)

    def _query_id(self) -> str | None:
        path = os.path.join(self._path, "metadata")
        try:
            with open(path, "rb") as file:
                return str(json.loads(file.read())["id"])
        except FileNotFoundError:
            self._fault(f"{path} is missing: it holds the query's id")
        except (ValueError, TypeError, KeyError, OSError) as error:
            self._fault(f"{path} does not hold the query's id: {error}")
        return None

    def _batches(self, offsets: OffsetLog, commits: CommitLog) -> dict[int, OffsetEntry]:
        entries = {}
        done = set(commits.ids())
        for batch_id in offsets.ids():
            entry = self._try(lambda batch_id=batch_id: offsets.get(batch_id))  # type: ignore[misc]
            if entry is None:
                continue
            entries[batch_id] = entry
            self.found.batches.append(
                BatchShown(
                    batch_id,
                    entry.batch_timestamp_ms,
                    entry.batch_watermark_ms,
                    batch_id in done,
                    entry.offsets,
                )
            )
        for batch_id in commits.ids():
            self._try(lambda batch_id=batch_id: commits.get(batch_id))  # type: ignore[misc]
        return entries

    def _logs_agree(self, offsets: OffsetLog, commits: CommitLog, entries: dict[int, OffsetEntry]) -> None:
        ids = offsets.ids()
        for before, after in itertools.pairwise(ids):
            if after != before + 1:
                self._fault(f"{offsets.file(before + 1)} is missing, while {after} is there")
        if len(entries) == len(ids):
            self._try(lambda: decide_restart(offsets.latest(), commits.latest(), offsets.get, self._path))

    def _sources(self, latest: OffsetEntry | None) -> None:
        directory = os.path.join(self._path, "sources")
        for number, offset in enumerate(latest.offsets if latest is not None else ()):
            position = _log_offset(offset)
            path = os.path.join(directory, str(number))
            if position is None:
                continue
            if not os.path.isdir(path):
                self._fault(f"{path} is missing: it lists the files that source {number} has taken")
                continue
            log = self._try(lambda path=path: SourceLog(path, durable=False, tidy=False))  # type: ignore[misc]
            entries: list[SourceLogEntry] | None = None
            if log is not None:
                entries = self._try(lambda log=log: list(log.entries()))  # type: ignore[misc]
            if log is None or entries is None:
                continue
            self.found.sources.append(FilesSeen(number, len(entries), log.latest_id))
            if log.latest_id < position:
                self._fault(
                    f"{path} ends with {log.latest_id}, and the newest batch reads up to {position}: a part is gone"
                )

    def _state(self, planned: int | None, done: int | None) -> None:
        path = os.path.join(self._path, "state", "state.duckdb")
        if not os.path.exists(path):
            if os.path.isdir(os.path.join(self._path, "state", "0")):
                self.found.state = StateShown(0, unread="kept by Spark, whose form is not read here")
            elif os.path.isdir(os.path.dirname(path)) and done is not None:
                self._fault(f"{path} is missing, and the query has state")
            return
        size = sum(os.path.getsize(name) for name in (path, path + ".wal") if os.path.exists(name))
        import duckdb

        try:
            with duckdb.connect(path, read_only=True) as state:
                [(batch_id,)] = state.execute("SELECT max(batch_id) FROM progress").fetchall()
                operators = state.execute(
                    "SELECT operator_id, name FROM operators ORDER BY operator_id"
                ).fetchall()
                tables = [
                    (name, state.execute(f'SELECT count(*) FROM "{name}"').fetchall()[0][0])
                    for (name,) in state.execute(
                        "SELECT table_name FROM duckdb_tables() WHERE table_name NOT IN ('progress', 'operators') "
                        "ORDER BY table_name"
                    ).fetchall()
                ]
        except duckdb.Error as error:
            if "lock" in str(error).lower():
                self.found.state = StateShown(size, unread="a running query has it open")
            else:
                self.found.state = StateShown(size, unread="it cannot be opened")
                self._fault(f"{path} cannot be opened: {error}")
            return
        self.found.state = StateShown(size, batch_id, tuple(operators), tuple(tables))
        # Between the two a batch is half done: it is run again.
        expected = {done, planned} if planned is not None else {None}
        if batch_id not in expected:
            self._fault(f"{path} is of batch {batch_id}, while the logs end with batch {done}")


def holder(path: str) -> str | None:
    """Return the process that runs a query on a checkpoint, None when there is none that this machine can tell."""
    try:
        import fcntl

        with open(os.path.join(path, LOCK_FILE), "rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return file.read(200).decode(errors="replace").strip() or "another process"
    except (ImportError, OSError):
        pass
    return None


def _log_offset(offset: str | None) -> int | None:
    """Return the position in its log that a file source's offset gives; None for another source."""
    value: Any = None if offset is None else json.loads(offset)
    found = value.get("logOffset") if isinstance(value, dict) else None
    return found if isinstance(found, int) else None


def _check_exists(path: str) -> None:
    if not any(os.path.exists(os.path.join(path, name)) for name in ("metadata", "offsets", "commits")):
        path = shown(path)
        raise SparkRuntimeException(
            "LIGHTSTREAM_CHECKPOINT_NOT_FOUND",
            f"{path} is no checkpoint: it has neither metadata nor offsets. Name the directory that was given as "
            "checkpointLocation.",
            sqlstate="42K03",
            parameters={"checkpointLocation": path},
        )

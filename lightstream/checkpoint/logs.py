"""The offset log and the commit log: one small file a batch, in Spark's v1 text format."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from dataclasses import field
from typing import Any, Generic, TypeVar

from lightstream import crash
from lightstream.atomic import TEMPORARY_SUFFIX, create_once, remove
from lightstream.checkpoint.damage import check_version, concurrent_update, damaged
from lightstream.dataclass import dataclass
from lightstream.errors import SparkRuntimeException

logger = logging.getLogger(__name__)

NO_OFFSET = "-"

# What Spark 4.3 writes into each offset file, with its defaults. On a restart Spark takes these over into the
# query's settings, so a key that is missing here would get Spark's default of that day.
OFFSET_CONF: Mapping[str, str] = {
    "spark.sql.streaming.stateStore.providerClass": (
        "org.apache.spark.sql.execution.streaming.state.HDFSBackedStateStoreProvider"
    ),
    "spark.sql.dropDuplicates.deterministicKeyOrder.enabled": "true",
    "spark.sql.streaming.stateStore.rocksdb.mergeOperatorVersion": "2",
    "spark.sql.streaming.stateStore.rocksdb.formatVersion": "5",
    "spark.sql.streaming.queryEvolution.enableSourceEvolution": "false",
    "spark.sql.streaming.stateStore.encodingFormat": "unsaferow",
    "spark.sql.streaming.statefulOperator.useStrictDistribution": "true",
    "spark.sql.streaming.flatMapGroupsWithState.stateFormatVersion": "2",
    "spark.sql.streaming.multipleWatermarkPolicy": "min",
    "spark.sql.streaming.stateStore.rowChecksum.enabled": "false",
    "spark.sql.streaming.statefulOperator.alwaysNullableOutput.enabled": "true",
    "spark.sql.streaming.aggregation.stateFormatVersion": "2",
    "spark.sql.function.protobufExtensions.enabled": "false",
    "spark.sql.shuffle.partitions": "200",
    "spark.sql.streaming.join.stateFormatVersion": "2",
    "spark.sql.streaming.stateStore.compression.codec": "lz4",
    "spark.sql.optimizer.pruneFiltersCanPruneStreamingSubplan": "false",
}


def offset_conf(shuffle_partitions: int, watermark_policy: str = "min") -> dict[str, str]:
    """Return the settings that an offset file carries, Spark's defaults apart from those given."""
    return {
        **OFFSET_CONF,
        "spark.sql.shuffle.partitions": str(shuffle_partitions),
        "spark.sql.streaming.multipleWatermarkPolicy": watermark_policy,
    }


@dataclass(frozen=True, slots=True)
class OffsetEntry:
    """What a batch will read: its end offset for each source, in plan order (None: no offset), and its clocks."""

    batch_watermark_ms: int
    batch_timestamp_ms: int
    offsets: tuple[str | None, ...]
    conf: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CommitEntry:
    """A batch is done; the watermark that the next one will use."""

    next_batch_watermark_ms: int = 0


Entry = TypeVar("Entry")


class _BatchLog(Generic[Entry]):
    """Files named by batch id in one directory. The ids are kept in memory: no batch lists the directory.

    Args:
        path: the directory.
        durable: force entries to disk.
        tidy: remove what a writer that was killed has left; False where another process may be writing.
    """

    condition = ""
    label = ""

    def __init__(self, path: str, *, durable: bool, tidy: bool = True) -> None:
        self.path = path
        self.durable = durable
        self._ids: list[int] = sorted(_scan_ids(path, tidy))

    def ids(self) -> tuple[int, ...]:
        """Return the ids of all entries, ascending."""
        return tuple(self._ids)

    def latest_id(self) -> int | None:
        """Return the newest id, or None when the log is empty."""
        return self._ids[-1] if self._ids else None

    def latest(self) -> tuple[int, Entry] | None:
        """Return the newest id and its entry, or None when the log is empty."""
        batch_id = self.latest_id()
        return None if batch_id is None else (batch_id, self._read(batch_id))

    def get(self, batch_id: int) -> Entry | None:
        """Return an entry, or None when there is none of that id.

        Raises:
            SparkRuntimeException: the file is damaged, or of a newer version.
        """
        return self._read(batch_id) if batch_id in self._ids else None

    def file(self, batch_id: int) -> str:
        """Return the path of an entry's file."""
        return os.path.join(self.path, str(batch_id))

    def add(self, batch_id: int, entry: Entry) -> None:
        """Write an entry; it is complete, and durable where the log is, when this returns.

        Raises:
            SparkRuntimeException: CONCURRENT_STREAM_LOG_UPDATE when there is one of that id;
                STREAMING_CHECKPOINT_LOG_WRITE_FAILURE when the disk refuses.
        """
        data = self._format(entry).encode()
        try:
            try:
                create_once(self.path, str(batch_id), data, durable=self.durable, label=self.label)
            except FileNotFoundError:
                os.makedirs(self.path, exist_ok=True)
                create_once(self.path, str(batch_id), data, durable=self.durable, label=self.label)
        except FileExistsError:
            raise concurrent_update(self.file(batch_id), batch_id) from None
        except OSError as error:
            raise SparkRuntimeException(
                f"STREAMING_CHECKPOINT_LOG_WRITE_FAILURE.{self.condition}",
                f"Batch {batch_id} could not be written to {self.path}: {error}. Make room or give write access, "
                "then start the query again.",
                sqlstate="58030",
                parameters={"batchId": str(batch_id), "checkpointLocation": os.path.dirname(self.path)},
            ) from error
        self._ids.append(batch_id)
        if len(self._ids) > 1 and self._ids[-2] > batch_id:
            self._ids.sort()

    def purge(self, before: int) -> None:
        """Remove the entries of ids below `before`."""
        kept = 0
        while kept < len(self._ids) and self._ids[kept] < before:
            if crash.at is not None:
                crash.at("purge-removing")
            remove(self.path, str(self._ids[kept]))
            kept += 1
        del self._ids[:kept]

    def rewind(self, last: int) -> None:
        """Remove the entries of ids above `last`, the newest first."""
        while self._ids and self._ids[-1] > last:
            remove(self.path, str(self._ids.pop()))

    def discard_unfinished(self) -> None:
        """Remove newest entries that are empty files.

        A file gets its name just before its content is forced to disk: a power failure between the two leaves the
        name alone. Whoever wrote it had not been told that it was written, so it counts for nothing. In a durable
        log only the newest can have that fate.
        """
        while self._ids and os.path.getsize(self.file(self._ids[-1])) == 0:
            logger.warning("Removed %s, which a power failure left empty.", self.file(self._ids[-1]))
            remove(self.path, str(self._ids.pop()))
            if self.durable:
                break

    def _read(self, batch_id: int) -> Entry:
        path = self.file(batch_id)
        try:
            with open(path, "rb") as file:
                text = file.read().decode()
        except FileNotFoundError:
            raise damaged(path, "it was removed while the query ran") from None
        except UnicodeDecodeError:
            raise damaged(path, "it is not text in UTF-8") from None
        if not text:
            raise damaged(path, "it is empty")
        lines = text.split("\n")
        check_version(path, lines[0])
        return self._parse(path, lines[1:])

    def _format(self, entry: Entry) -> str:
        raise NotImplementedError

    def _parse(self, path: str, lines: list[str]) -> Entry:
        raise NotImplementedError


class OffsetLog(_BatchLog[OffsetEntry]):
    """`offsets/N`: the write-ahead log of what each batch reads."""

    condition = "OFFSET_LOG"
    label = "offsets"

    def _format(self, entry: OffsetEntry) -> str:
        metadata = {
            "batchWatermarkMs": entry.batch_watermark_ms,
            "batchTimestampMs": entry.batch_timestamp_ms,
            "conf": entry.conf,
        }
        lines = ["v1", json.dumps(metadata, separators=(",", ":"), ensure_ascii=False)]
        for offset in entry.offsets:
            if offset is not None and ("\n" in offset or offset == NO_OFFSET):
                raise ValueError(f"an offset must be one line of JSON, not {offset!r}")
            lines.append(NO_OFFSET if offset is None else offset)
        return "\n".join(lines)

    def _parse(self, path: str, lines: list[str]) -> OffsetEntry:
        if not lines:
            raise damaged(path, "it ends after its first line")
        metadata = _json_object(path, lines[0], "the second line")
        conf = metadata.get("conf", {})
        if not isinstance(conf, dict):
            raise damaged(path, "conf on the second line is not a JSON object")
        offsets = tuple(None if line == NO_OFFSET else line for line in lines[1:])
        for number, offset in enumerate(offsets, start=3):
            # Some sources' offsets are plain numbers or text: all that a file can lose is its end.
            if offset is not None:
                _json_value(path, offset, f"line {number}")
        return OffsetEntry(
            batch_watermark_ms=_milliseconds(path, metadata, "batchWatermarkMs"),
            batch_timestamp_ms=_milliseconds(path, metadata, "batchTimestampMs"),
            offsets=offsets,
            conf={str(key): str(value) for key, value in conf.items()},
        )


class CommitLog(_BatchLog[CommitEntry]):
    """`commits/N`: the batches that are done."""

    condition = "COMMIT_LOG"
    label = "commits"

    def _format(self, entry: CommitEntry) -> str:
        return f'v1\n{{"nextBatchWatermarkMs":{entry.next_batch_watermark_ms}}}'

    def _parse(self, path: str, lines: list[str]) -> CommitEntry:
        if not lines:
            raise damaged(path, "it ends after its first line")
        return CommitEntry(
            _milliseconds(path, _json_object(path, lines[0], "line 2"), "nextBatchWatermarkMs")
        )


def _scan_ids(path: str, tidy: bool) -> list[int]:
    ids = []
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                name = entry.name
                if name.isdecimal() and name.isascii() and entry.is_file():
                    ids.append(int(name))
                elif tidy and name.endswith(TEMPORARY_SUFFIX):
                    os.unlink(entry.path)
    except FileNotFoundError:
        pass
    return ids


def _json_value(path: str, text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise damaged(path, f"{where} is not JSON ({error})") from None


def _json_object(path: str, text: str, where: str) -> dict[str, Any]:
    value = _json_value(path, text, where)
    if not isinstance(value, dict):
        raise damaged(path, f"{where} is not a JSON object")
    return value


def _milliseconds(path: str, metadata: dict[str, Any], key: str) -> int:
    # Spark reads a missing value as 0.
    value = metadata.get(key, 0)
    if not isinstance(value, int) or isinstance(value, bool):
        raise damaged(path, f"{key} is {value!r}, not a number of milliseconds")
    return value

"""`kafka`: records of topics as a stream, and between offsets as a batch.

Offsets are in the checkpoint, as Spark writes them; nothing is committed to Kafka. Each record is in exactly one batch,
and a batch that runs again reads the same offsets.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lightstream.atomic import create_once
from lightstream.clock import SYSTEM_CLOCK
from lightstream.conf import Conf
from lightstream.errors import SparkRuntimeException, UnsupportedOperationException
from lightstream.functions.spelling import quote
from lightstream.plan.required import Required
from lightstream.plan.types import StructType
from lightstream.sources.contract import Scan
from lightstream.sources.kafka.client import client, is_away, text_of, unreachable
from lightstream.sources.kafka.messages import Messages, Ranges, kafka_schema
from lightstream.sources.kafka.offsets import (
    Brokers,
    DataLoss,
    Offsets,
    Partition,
    failed,
    limited,
    offsets_text,
    parse_offsets,
)
from lightstream.sources.kafka.options import KafkaOptions, source_options

if TYPE_CHECKING:
    import duckdb

logger = logging.getLogger(__name__)
_REST_S = 0.1  # between two looks that find nothing
_LOOK_S = 2.0  # how long a look for new records waits for the brokers, when the query may look again


def open_kafka(options: Mapping[str, str], schema: StructType | None, streaming: bool) -> KafkaReader:
    """Return the reader of `kafka`.

    Raises:
        UnsupportedOperationException: the program gives a schema.
        IllegalArgumentException: an option cannot be, or is missing.
        PySparkImportError: confluent-kafka is not installed.
    """
    if schema is not None:
        raise UnsupportedOperationException(
            "_LEGACY_ERROR_TEMP_2242", "kafka source does not support user-specified schema."
        )
    found = source_options(options, streaming)
    client()
    return KafkaReader(found)


class KafkaReader:
    """Topics, with where to start and end."""

    metadata: StructType | None = None

    def __init__(self, options: KafkaOptions) -> None:
        self.schema = kafka_schema(options.headers)
        self.name = f"kafka {options.description}"
        self._options = options

    def scan(self, columns: tuple[Required, ...], cursor: duckdb.DuckDBPyConnection) -> Scan:
        """Return the records between the program's two offsets, as they are now.

        Raises:
            SparkRuntimeException: no broker answers; records are gone.
        """
        options = self._options
        brokers = Brokers(options)
        loss = DataLoss(options.fail_on_data_loss)
        begin = brokers.resolved(options.start, True, loss)
        end = brokers.resolved(options.end, False, loss)
        for (topic, number), first in begin.items():
            last = end.get((topic, number), first)
            if first > last:
                raise SparkRuntimeException(
                    "RESOLVED_START_OFFSET_GREATER_THAN_END_OFFSET",
                    f"The resolved start offset {first} is greater than the resolved end offset {last} for topic "
                    f"{topic} partition {number}.",
                )
        return range_scan(Messages(options, brokers, threading.Event()), begin, end, columns)

    def open_stream(self, source_directory: str | None, durable: bool, conf: Conf) -> KafkaStream:
        """Start reading as a stream: where it starts is found out once, and kept in the checkpoint.

        Raises:
            SparkRuntimeException: no broker answers.
        """
        return KafkaStream(self._options, source_directory, durable)


def range_scan(messages: Messages, begin: Offsets, end: Offsets, columns: tuple[Required, ...]) -> Scan:
    """Return the columns that are needed of the records between offsets."""
    names = tuple(dict.fromkeys(column.path[0] for column in columns))
    # A partition that is gone reads nothing.
    known = {partition: begin[partition] for partition in end if partition in begin}
    messages.go_to(known)  # the first answer comes while the statement is made
    ranges = Ranges(messages, known, {p: end[p] for p in known}, names)
    frame = f"lightstream_kafka_{id(ranges)}"
    items = ", ".join(f"{quote(column.path[0])} AS {quote(column.output)}" for column in columns)

    def told(cursor: duckdb.DuckDBPyConnection, error: Exception | None) -> Scan:
        if ranges.failure is not None:
            raise ranges.failure
        if error is not None:
            raise error
        return scan

    scan = Scan(f"(SELECT {items or '1 AS one'} FROM {frame})", {frame: ranges}, told)
    return scan


class KafkaStream:
    """One query's reading of topics."""

    needs_polling = True

    def __init__(self, options: KafkaOptions, directory: str | None, durable: bool) -> None:
        self.description = f"KafkaV2[{options.description}]"
        self._options = options
        self._loss = DataLoss(options.fail_on_data_loss)
        self._brokers = Brokers(options)
        self._messages: Messages | None = None
        self._directory, self._durable = directory, durable
        self._start: Offsets | None = None
        self._latest: Offsets = {}
        self._horizon: Offsets | None = None
        self._last_batch_ms = 0
        self._away_since_ms: int | None = None
        self._stopped = threading.Event()
        self._idle_since_s: float | None = None  # when a look has found nothing

    # ---- offsets ----------------------------------------------------------------------------------------------

    def latest_offset(self, start: str | None, *, ignore_limits: bool = False) -> str | None:
        """Return the end of the next batch.

        While no broker answers there is nothing new, for as long as `kafkaConsumer.pollTimeoutMs` says.

        Raises:
            SparkRuntimeException: no broker answers, at the start or for too long.
        """
        begin = self._initial() if start is None else parse_offsets(start)
        if self._horizon is not None:
            end = self._horizon
        else:
            self._rest()
            looked_s = time.monotonic()
            try:
                end = self._look(_LOOK_S)
            except client().KafkaException as error:
                if self._may_wait(error, start, ignore_limits):
                    return start
                raise unreachable(self._brokers.servers, text_of(error)) from error
            self._idle_since_s = looked_s if end == begin else None
        self._latest = end
        if not ignore_limits:
            end = self._within_limits(begin, end)
        return offsets_text(end)

    def _rest(self) -> None:
        """Wait a moment after a look that has found nothing, or until a record arrives."""
        if self._idle_since_s is None:
            return
        left_s = self._idle_since_s + _REST_S - time.monotonic()
        if left_s <= 0:
            return
        if self._messages is not None:
            self._messages.wait(left_s)
        else:
            self._stopped.wait(left_s)

    def _look(self, timeout_s: float) -> Offsets:
        found = self._brokers.latest(self._brokers.partitions(timeout_s), timeout_s)
        self._away_since_ms = None
        return found

    def _may_wait(self, error: BaseException, start: str | None, ignore_limits: bool) -> bool:
        if not is_away(error):
            raise failed(error) from error
        now_ms = SYSTEM_CLOCK.now_ms()
        if self._away_since_ms is None:
            self._away_since_ms = now_ms
            logger.warning("No Kafka broker of %s answers: %s", self._brokers.servers, text_of(error))
        # A query of one batch would take "nothing new" for its end.
        may = start is not None and not ignore_limits
        return may and now_ms - self._away_since_ms < self._options.poll_timeout_ms

    def _within_limits(self, begin: Offsets, end: Offsets) -> Offsets:
        options = self._options
        if options.min_offsets is not None and self._horizon is None:
            now_ms = SYSTEM_CLOCK.now_ms()
            new = sum(offset - begin.get(partition, 0) for partition, offset in end.items())
            if now_ms - self._last_batch_ms < options.max_delay_ms and new < options.min_offsets:
                return begin
            self._last_batch_ms = now_ms
        if options.max_offsets is None:
            return end
        added = [partition for partition in end if partition not in begin]
        return limited(options.max_offsets, begin, end, self._earliest(added))

    def _earliest(self, partitions: Sequence[Partition]) -> Offsets:
        try:
            return self._brokers.earliest(partitions)
        except client().KafkaException as error:
            if is_away(error):
                raise unreachable(self._brokers.servers, text_of(error)) from error
            raise failed(error) from error

    def _initial(self) -> Offsets:
        """Return where the query has started, from the checkpoint if it is not its first start."""
        if self._start is None:
            path = None if self._directory is None else os.path.join(self._directory, "0")
            if path is not None and os.path.exists(path):
                self._start = _kept(path)
            else:
                self._start = self._brokers.resolved(self._options.start, True, self._loss)
                if self._directory is not None:
                    os.makedirs(self._directory, exist_ok=True)
                    # Spark: the first byte keeps its versions before 2.1.1 away.
                    data = f"\0v1\n{offsets_text(self._start)}".encode()
                    create_once(self._directory, "0", data, durable=self._durable, label="source-log")
        return self._start

    def reported(self, end: str | None) -> tuple[str | None, Mapping[str, str]]:
        """Return the newest offsets, and how far the query is behind them."""
        if not self._latest:
            return None, {}
        if end is None:
            return offsets_text(self._latest), {}
        done = parse_offsets(end)
        behind = [offset - done.get(partition, 0) for partition, offset in self._latest.items()]
        return offsets_text(self._latest), {
            "avgOffsetsBehindLatest": repr(sum(behind) / len(behind)),
            "maxOffsetsBehindLatest": str(max(behind)),
            "minOffsetsBehindLatest": str(min(behind)),
        }

    def prepare_available_now(self) -> bool:
        """Fix what is there now.

        Raises:
            SparkRuntimeException: no broker answers.
        """
        from lightstream.sources.kafka.options import Place

        self._horizon = self._brokers.resolved(Place(all=-1), False, self._loss)
        return True

    def commit(self, end: str) -> None:
        """Nothing is committed to Kafka: the checkpoint has the offsets."""

    # ---- records ----------------------------------------------------------------------------------------------

    def input_of(self, start: str | None, end: str | None) -> tuple[Offsets, Offsets]:
        """Return the offsets of a batch.

        Raises:
            SparkRuntimeException: KAFKA_DATA_LOSS: partitions are gone, or their offsets went back.
        """
        begin = dict(self._initial() if start is None else parse_offsets(start))
        last = dict(begin if end is None else parse_offsets(end))
        added = [partition for partition in last if partition not in begin]
        if added:
            found = self._earliest(added)
            missing = [partition for partition in added if partition not in found]
            if missing:
                self._loss.report(
                    "INITIAL_OFFSET_NOT_FOUND_FOR_PARTITIONS",
                    f"Cannot find initial offsets for partitions {_listed(missing)}. They may have been deleted.",
                )
            for (topic, number), offset in found.items():
                if offset != 0:
                    self._loss.report(
                        "ADDED_PARTITION_DOES_NOT_START_FROM_OFFSET_ZERO",
                        f"Added partition {topic}-{number} starts from {offset} instead of 0.",
                    )
            begin.update(found)
        deleted = [partition for partition in begin if partition not in last]
        if deleted:
            self._loss.report("PARTITIONS_DELETED", f"Partitions {_listed(deleted)} have been deleted.")
        for partition, offset in last.items():
            if offset < begin.get(partition, offset):
                self._loss.report(
                    "PARTITION_OFFSET_CHANGED",
                    f"Partition {_listed([partition])} offset was changed from {begin[partition]} to {offset}.",
                )
        return begin, last

    def expected(self, count: int) -> Sequence[object]:
        """Nothing is read early: the client does that itself."""
        return ()

    def scan(self, what: Any, columns: tuple[Required, ...], cursor: duckdb.DuckDBPyConnection) -> Scan:
        """Return the records of a batch."""
        if self._messages is None:
            self._messages = Messages(self._options, self._brokers, self._stopped)
        begin, end = what
        return range_scan(self._messages, begin, end, columns)

    def interrupt(self) -> None:
        """End the wait for records."""
        self._stopped.set()

    def set_wakeup(self, wakeup: Callable[[], None]) -> None:
        """A look waits itself when the one before has found nothing: it ends when a record arrives."""

    def stop(self) -> None:
        """Close the consumer."""
        if self._messages is not None:
            self._messages.close()


def _kept(path: str) -> Offsets:
    with open(path, encoding="utf-8") as file:
        text = file.read()
    version, _, offsets = text.removeprefix("\0").partition("\n")
    if version != "v1":
        raise SparkRuntimeException(
            "LIGHTSTREAM_LOG_DAMAGED",
            f"The file {path} should hold v1 and the offsets where the query has started. Restore the checkpoint from "
            "a copy, or start the query with a new checkpoint directory.",
        )
    return parse_offsets(offsets)


def _listed(partitions: Sequence[Partition]) -> str:
    return ", ".join(f"{topic}-{number}" for topic, number in sorted(partitions))

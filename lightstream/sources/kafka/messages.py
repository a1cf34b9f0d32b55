"""Records between offsets as Arrow record batches, made while they arrive."""

from __future__ import annotations

import logging
import threading
import time
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from lightstream.errors import SparkRuntimeException
from lightstream.plan import types as t
from lightstream.plan.types import StructField, StructType
from lightstream.sources.kafka.client import client, configuration, is_away, made
from lightstream.sources.kafka.offsets import DataLoss, Offsets, Partition, failed

if TYPE_CHECKING:
    from lightstream.sources.kafka.offsets import Brokers
    from lightstream.sources.kafka.options import KafkaOptions

logger = logging.getLogger(__name__)

_HEADERS = t.ArrayType(
    StructType([StructField("key", t.StringType()), StructField("value", t.BinaryType())]), True
)
_AT_ONCE = 20_000  # records that are taken from librdkafka in one call
_WAIT_S = 0.1  # how long one call waits: then DuckDB may look whether the query was stopped
_AHEAD = 100_000  # records of the batches to come that are kept; a partition with more of them waits


def kafka_schema(headers: bool) -> StructType:
    """Return Spark's columns of a Kafka source."""
    fields = [
        StructField("key", t.BinaryType()),
        StructField("value", t.BinaryType()),
        StructField("topic", t.StringType()),
        StructField("partition", t.IntegerType()),
        StructField("offset", t.LongType()),
        StructField("timestamp", t.TimestampType()),
        StructField("timestampType", t.IntegerType()),
    ]
    return StructType([*fields, StructField("headers", _HEADERS)] if headers else fields)


class Ranges:
    """Records from some offsets up to, and without, others, for one reading by DuckDB or several."""

    def __init__(self, messages: Messages, begin: Offsets, end: Offsets, names: Sequence[str]) -> None:
        self._messages = messages
        self._begin, self._end = begin, end
        self._names = names
        self.failure: Exception | None = None

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        import pyarrow as pa

        names = self._names or ("partition",)
        schema = pa.schema(list(zip(names, (made.type for made in _arrays(names, ())), strict=True)))

        def batches() -> Iterator[Any]:
            try:
                for rows in self._messages.between(self._begin, self._end):
                    yield pa.RecordBatch.from_arrays(_arrays(names, rows), schema=schema)
            except Exception as error:
                self.failure = error  # what comes out of DuckDB is its text only
                raise

        return pa.RecordBatchReader.from_batches(schema, batches()).__arrow_c_stream__(requested_schema)


class Messages:
    """A consumer that is told what to read. It stays where it is, so that the next batch need not look for its place.

    Not for several threads.
    """

    def __init__(self, options: KafkaOptions, brokers: Brokers, stopped: threading.Event) -> None:
        kafka = client()
        self._options, self._brokers = options, brokers
        self._stopped = stopped
        self._loss = DataLoss(options.fail_on_data_loss)
        self._consumer = made(
            kafka.Consumer,
            {
                # Java's default, which is not librdkafka's.
                "isolation.level": "read_uncommitted",
                "enable.auto.offset.store": False,
                # Much is asked for at once: the answer to one request is what a call gives.
                "queued.min.messages": 500_000,
                **configuration(options.client),
                "enable.auto.commit": False,
                "auto.offset.reset": "error",
                "enable.partition.eof": True,
            },
        )
        self._eof = kafka.KafkaError._PARTITION_EOF
        self._places: Offsets = {}  # where the consumer is; empty when nobody knows
        self._later: list[Any] = []  # records of batches to come, in their order
        self._paused: list[Any] = []

    def close(self) -> None:
        """Close the consumer."""
        self._consumer.close()

    def go_to(self, begin: Offsets) -> None:
        """Begin to fetch what `between` will ask for from here; no more than that where it is there already."""
        if self._places == begin:
            return
        self._later = []
        self._places = dict(begin)
        self._assign(begin)

    def wait(self, timeout_s: float) -> None:
        """Wait for a record behind those that were read, which is kept; not where nothing was read yet."""
        deadline = time.monotonic() + timeout_s
        while (left_s := deadline - time.monotonic()) > 0 and not self._stopped.is_set():
            if not self._places:
                self._stopped.wait(left_s)
                return
            for message in self._consumer.consume(1, timeout=left_s):
                error = message.error()
                if error is None:
                    self._later.append(message)
                    return
                if error.code() != self._eof and not is_away_error(error):
                    self._places = {}  # the next batch begins anew, and meets it

    def between(self, begin: Offsets, end: Offsets) -> Iterator[list[Any]]:
        """Yield the records from some offsets up to others; an empty list now and then while there are none.

        Raises:
            SparkRuntimeException: records are gone; no broker answers for too long.
        """
        open_ = {partition: last for partition, last in end.items() if last > begin[partition]}
        if not open_:
            return
        self.go_to(begin)
        taken, later = self._later, []
        places, self._places, self._later = dict(begin), {}, []
        deadline = time.monotonic() + self._options.poll_timeout_ms / 1000
        last_error = "nothing has arrived"
        while open_:
            if self._stopped.is_set():
                raise SparkRuntimeException(None, "The query was stopped.")
            rows = []
            moved = False
            last = _last_offsets(taken, end)
            if last is not None:  # as nearly always
                rows, taken = taken, []
                for partition, offset in last.items():
                    places[partition] = offset + 1
                    if offset + 1 == end[partition]:
                        open_.pop(partition, None)
            for message in taken:
                error = message.error()
                if error is not None:
                    partition = (message.topic(), message.partition())
                    if error.code() == self._eof:
                        # Behind the last record may be offsets without one: ends of transactions, compacted records.
                        if partition in open_ and message.offset() >= open_[partition]:
                            del open_[partition]
                    elif partition in open_ and self._is_gone(error):
                        moved = self._lost(partition, places, open_) or moved
                    elif is_away_error(error):
                        last_error = error.str()
                    else:
                        raise failed(_Told(error))
                    continue
                partition = (message.topic(), message.partition())
                offset = message.offset()
                if offset < end[partition]:
                    rows.append(message)
                    places[partition] = offset + 1
                    if offset + 1 < end[partition]:
                        continue
                else:
                    later.append(message)
                open_.pop(partition, None)
            if moved:
                self._assign(places)
                later = []  # they come again
            if rows:
                deadline = time.monotonic() + self._options.poll_timeout_ms / 1000
            elif time.monotonic() > deadline:
                raise _timed_out(
                    self._brokers.servers, open_, places, self._options.poll_timeout_ms, last_error
                )
            yield rows
            if open_:
                self._pause(later, open_)
                left = sum(last - places[partition] for partition, last in open_.items())
                taken = self._consumer.consume(min(_AT_ONCE, max(left, 1)), timeout=_WAIT_S)
        self._resume()
        self._places, self._later = dict(end), later

    def _assign(self, places: Offsets) -> None:
        kafka = client()
        self._paused = []
        self._consumer.assign([kafka.TopicPartition(*p, offset) for p, offset in places.items()])

    def _pause(self, later: list[Any], open_: Mapping[Partition, int]) -> None:
        if len(later) < _AHEAD or self._paused:
            return
        kafka = client()
        done = {(m.topic(), m.partition()) for m in later} - set(open_)
        self._paused = [kafka.TopicPartition(*partition) for partition in done]
        self._consumer.pause(self._paused)

    def _resume(self) -> None:
        if self._paused:
            self._consumer.resume(self._paused)
            self._paused = []

    def _is_gone(self, error: Any) -> bool:
        kafka = client().KafkaError
        return error.code() in (
            kafka._AUTO_OFFSET_RESET, kafka.OFFSET_OUT_OF_RANGE, kafka._UNKNOWN_PARTITION, kafka._UNKNOWN_TOPIC,
            kafka.UNKNOWN_TOPIC_OR_PART,
        )  # fmt: skip

    def _lost(self, partition: Partition, places: Offsets, open_: dict[Partition, int]) -> bool:
        """Put a partition where its records are there again, or leave it; return whether it was moved.

        Raises:
            SparkRuntimeException: KAFKA_DATA_LOSS.COULD_NOT_READ_OFFSET_RANGE.
        """
        topic, number = partition
        self._loss.report(
            "COULD_NOT_READ_OFFSET_RANGE",
            f"Could not read records in offset [{places[partition]}, {open_[partition]}) for topic partition "
            f"{topic}-{number} with consumer group {self._options.client['group.id']}.",
        )
        kafka = client()
        try:
            first = self._brokers.earliest([partition])[partition]
        except (kafka.KafkaException, KeyError):
            first = open_[partition]
        # Offsets that went back belong to a topic that was made anew: none of them are those that were asked for.
        if not places[partition] < first < open_[partition]:
            places[partition] = open_.pop(partition)
            return False
        places[partition] = first
        return True


def _last_offsets(messages: Sequence[Any], end: Offsets) -> Offsets | None:
    """Return the last offset of each partition; None where a message is an error, or not before the end."""
    kind = client().Message  # its functions are mapped: a third of the time of a loop
    if any(map(kind.error, messages)):
        return None
    # A partition's messages are in order.
    partitions = zip(map(kind.topic, messages), map(kind.partition, messages), strict=True)
    last = dict(zip(partitions, map(kind.offset, messages), strict=True))
    return last if all(offset < end[partition] for partition, offset in last.items()) else None


class _Told(Exception):
    """An error that came as a message."""


def is_away_error(error: Any) -> bool:
    """Return whether an error that came as a message may pass."""
    return bool(error.retriable()) or is_away(_Told(error))


def _timed_out(
    servers: str, open_: Mapping[Partition, int], places: Offsets, timeout_ms: int, reason: str
) -> SparkRuntimeException:
    topic, number = next(iter(open_))
    return SparkRuntimeException(
        "LIGHTSTREAM_KAFKA_UNREACHABLE",
        f"The records of {topic}-{number} from offset {places[topic, number]} to {open_[topic, number]} have not come "
        f"from {servers} within {timeout_ms} ms (the option kafkaConsumer.pollTimeoutMs): {reason}. A query that is "
        "started again goes on where it was.",
        sqlstate="08000",
        parameters={"servers": servers},
    )


# ---- columns --------------------------------------------------------------------------------------------------

# Arrays are made of buffers: `pyarrow.array` of a list looks for pandas, whose import takes longer than a first batch.


def _binary(values: Sequence[bytes | None]) -> Any:
    import pyarrow as pa

    if None in values:
        return pa.array(values, pa.binary())
    found: Sequence[Any] = values
    return _joined(pa.binary(), found)


def _joined(kind: Any, values: Sequence[bytes]) -> Any:
    import pyarrow as pa

    ends = array("i", accumulate(map(len, values), initial=0))
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(b"".join(values))]
    return pa.Array.from_buffers(kind, len(values), buffers)


def _text(values: Sequence[str]) -> Any:
    import pyarrow as pa

    return _joined(pa.string(), [value.encode() for value in values])


def _ints(values: Sequence[int]) -> Any:
    import pyarrow as pa

    return pa.Array.from_buffers(pa.int32(), len(values), [None, pa.py_buffer(array("i", values))])


def _longs(values: Sequence[int]) -> Any:
    import pyarrow as pa

    return pa.Array.from_buffers(pa.int64(), len(values), [None, pa.py_buffer(array("q", values))])


def _times(values: Sequence[tuple[int, int]]) -> Any:
    import pyarrow as pa

    return _longs([ms * 1000 for _, ms in values]).view(pa.timestamp("us", tz="UTC"))


def _time_types(values: Sequence[tuple[int, int]]) -> Any:
    # Spark's numbers begin with -1 for a record without a time.
    return _ints([kind - 1 for kind, _ in values])


def _header_lists(values: Sequence[Any]) -> Any:
    import pyarrow as pa

    header = pa.struct([pa.field("key", pa.string()), pa.field("value", pa.binary())])
    # Spark: a record without headers has a null.
    rows = [[{"key": k, "value": v} for k, v in some] if some else None for some in values]
    return pa.array(rows, pa.list_(header))


# For each column the array of its values, and the method of a message that gives a value.
_COLUMNS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "key": (_binary, "key"),
    "value": (_binary, "value"),
    "topic": (_text, "topic"),
    "partition": (_ints, "partition"),
    "offset": (_longs, "offset"),
    "timestamp": (_times, "timestamp"),
    "timestampType": (_time_types, "timestamp"),
    "headers": (_header_lists, "headers"),
}


def _arrays(names: Sequence[str], messages: Sequence[Any]) -> list[Any]:
    """Return columns of some messages."""
    kind = client().Message
    found = []
    for name in names:
        make, method = _COLUMNS[name]
        found.append(make(list(map(getattr(kind, method), messages))))
    return found

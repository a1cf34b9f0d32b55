"""`kafka`: rows as records of topics."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from lightstream.errors import AnalysisException, IllegalArgumentException, SparkRuntimeException
from lightstream.plan import types as t
from lightstream.plan.types import StructType
from lightstream.sinks.contract import Batch, has_batch
from lightstream.sources.kafka.client import (
    client,
    configuration,
    is_away,
    kafka_options,
    made,
    text_of,
    unreachable,
)

if TYPE_CHECKING:
    import duckdb
    import pyarrow

_AT_ONCE = 10_000
_TIMEOUT_S = 60.0
_HEADERS = t.ArrayType(
    StructType([t.StructField("key", t.StringType()), t.StructField("value", t.BinaryType())])
)
EXACTLY_ONCE = "lightstream.exactlyOnce"


class Records:
    """How the rows of a schema become records.

    Raises:
        AnalysisException: a column is missing, or not of its type.
    """

    def __init__(self, schema: StructType, topic: str | None) -> None:
        fields = {field.name: field.dataType for field in schema}
        if topic is None and "topic" not in fields:
            raise AnalysisException(
                None,
                "topic option required when no 'topic' attribute is present. Use the topic option for setting a topic.",
            )
        if "value" not in fields:
            raise AnalysisException(None, "Required attribute 'value' not found.")
        text, either = (t.StringType,), (t.StringType, t.BinaryType)
        for name, kinds, shown in (
            ("topic", text, "a string"), ("key", either, "a string or binary"), ("value", either, "a string or binary"),
            ("partition", (t.IntegerType,), "an int"), ("headers", (t.ArrayType,), _HEADERS.simpleString()),
        ):  # fmt: skip
            kind = fields.get(name)
            right = kind is None or isinstance(kind, kinds)
            if name == "headers" and kind is not None:
                right = kind.simpleString() == _HEADERS.simpleString()
            if kind is not None and not right:
                raise AnalysisException(
                    None, f"{name} attribute unsupported type {kind.simpleString()}. {name} must be {shown}."
                )
        self._topic = topic
        self._names = schema.names

    def of(self, batch: pyarrow.RecordBatch) -> Iterable[dict[str, Any]]:
        """Yield the arguments of `Producer.produce` for each row.

        Raises:
            SparkRuntimeException: KAFKA_NULL_TOPIC_IN_DATA.
        """
        count = batch.num_rows
        column = {name: batch.column(i) for i, name in enumerate(self._names)}

        def values(name: str) -> list[Any]:
            return column[name].to_pylist() if name in column else [None] * count

        topics = [self._topic] * count if self._topic is not None else values("topic")
        if None in topics:
            raise SparkRuntimeException(
                "KAFKA_NULL_TOPIC_IN_DATA",
                "The Kafka message data sent to the producer contains a null topic. Use the option topic for setting "
                "a default one.",
            )
        headers = [
            None if some is None else [(one["key"], one["value"]) for one in some]
            for some in values("headers")
        ]
        for topic, key, value, partition, header in zip(
            topics, values("key"), values("value"), values("partition"), headers, strict=True
        ):
            record = {"topic": topic, "key": key, "value": value, "headers": header}
            if partition is not None:
                record["partition"] = partition
            yield record


class RecordWriter:
    """A producer.

    Raises:
        IllegalArgumentException: an option cannot be.
    """

    def __init__(self, options: Mapping[str, str], transactional_id: str | None = None) -> None:
        given = kafka_options(options, "producer")
        given.setdefault("linger.ms", "20")
        self.servers = given["bootstrap.servers"]
        # Java's default: what is sent again keeps its place and is not there twice.
        defaults = {"enable.idempotence": "true"} if not {"acks", "enable.idempotence"} & set(given) else {}
        more: dict[str, Any] = {"delivery.report.only.error": True}  # no call for each record that is taken
        if transactional_id is not None:
            more["transactional.id"] = transactional_id
        given = {name: value for name, value in given.items() if name != "group.id"}
        self.producer = made(client().Producer, {**defaults, **configuration(given), **more})
        self._failure: Any = None

    def write(self, batches: Iterable[pyarrow.RecordBatch], records: Records) -> int:
        """Send rows, and wait until all of them are taken; return how many.

        Raises:
            SparkRuntimeException: one was not taken.
        """
        count = 0
        self._failure = None
        for batch in batches:
            for record in records.of(batch):
                self._send(record)
            count += batch.num_rows
            self.producer.poll(0)
        while self.producer.flush(_TIMEOUT_S) and self._failure is None:
            pass  # librdkafka gives up on a record after delivery.timeout.ms
        self._check()
        return count

    def _send(self, record: dict[str, Any]) -> None:
        while True:
            try:
                self.producer.produce(**record, on_delivery=self._delivered)
                return
            except BufferError:
                self.producer.poll(0.1)
                self._check()
            except client().KafkaException as error:
                raise write_failed(self.servers, error) from error

    def _delivered(self, error: Any, message: Any) -> None:
        if error is not None and self._failure is None:
            self._failure = error

    def _check(self) -> None:
        if self._failure is not None:
            self.producer.purge()
            raise write_failed(self.servers, client().KafkaException(self._failure))


def write_failed(servers: str, error: BaseException) -> SparkRuntimeException:
    """Return the error for records that were not taken."""
    if is_away(error) or "timed out" in text_of(error):
        return unreachable(servers, text_of(error))
    return SparkRuntimeException(
        "LIGHTSTREAM_KAFKA_WRITE_FAILED", f"Kafka did not take a record: {text_of(error)}", sqlstate="58000"
    )


class KafkaSink:
    """Sends each row as a record.

    Guarantee: at least once. As in Spark, a batch that is run again is sent again.
    """

    temporary_checkpoint = False

    def __init__(self, options: Mapping[str, str]) -> None:
        self.description = (
            f"org.apache.spark.sql.kafka010.KafkaSourceProvider$KafkaTable@{id(self) & 0xFFFFFFFF:x}"
        )
        self._options = options
        self._writer: RecordWriter | None = None
        kafka_options(options, "producer")
        client()

    def open(self, query_id: str, cursor: duckdb.DuckDBPyConnection) -> None:
        """Nothing to open: the producer is made for the first batch."""

    def write(self, batch: Batch) -> int:
        """Send the rows of a batch.

        Raises:
            AnalysisException: a column is missing, or not of its type.
            SparkRuntimeException: no broker answers, or does not take a record.
        """
        records = Records(batch.schema, self._options.get("topic"))
        if self._writer is None:
            self._writer = RecordWriter(self._options)
        return self._writer.write(batches_of(batch), records)

    def idle(self) -> None:
        """Nothing to give free."""

    def stop(self) -> None:
        """Nothing is left to send."""


class ExactlyOnceKafkaSink:
    """Sends the rows of each batch in a transaction of Kafka that holds the batch's id too. Spark has not got this.

    The id is an offset of a consumer group called after the query, for partition 0 of the topic. A batch that is run
    again and whose id is there is not sent again.

    Guarantee: exactly once for readers of committed records; as long as the brokers keep the offset:
    a query that died between Kafka's commit and its own has to be started again within `offsets.retention.minutes`.
    """

    temporary_checkpoint = False

    def __init__(self, options: Mapping[str, str]) -> None:
        self.description = f"KafkaTransactions@{id(self) & 0xFFFFFFFF:x}"
        self._options = options
        topic = options.get("topic")
        if topic is None:
            raise IllegalArgumentException(
                None,
                f"The option {EXACTLY_ONCE} needs the option topic: one topic, which holds the batches' ids too.",
            )
        self._topic: str = topic
        self._writer: RecordWriter | None = None
        self._group: Any = None
        self._query_id = ""
        self._next = 0
        kafka_options(options, "producer")
        client()

    def open(self, query_id: str, cursor: duckdb.DuckDBPyConnection) -> None:
        """Remember the query's id."""
        self._query_id = query_id

    def write(self, batch: Batch) -> int:
        """Send the rows of a batch, if they were not sent before.

        Raises:
            AnalysisException: a column is missing, or not of its type.
            SparkRuntimeException: no broker answers, or does not take a record; Kafka holds later batches.
        """
        kafka = client()
        records = Records(batch.schema, self._topic)
        try:
            writer = self._writer or self._start()
            if has_batch(
                batch, self._next - 1, f"The topic {self._topic}", "Going on would send records twice."
            ):
                return 0
            producer = writer.producer
            producer.begin_transaction()
            try:
                count = writer.write(batches_of(batch), records)
                producer.send_offsets_to_transaction(
                    [kafka.TopicPartition(self._topic, 0, batch.batch_id + 1)],
                    self._group.consumer_group_metadata(),
                    _TIMEOUT_S,
                )
                producer.commit_transaction(_TIMEOUT_S)
            except Exception:
                self._writer = None  # the next start of the query ends the transaction
                raise
        except kafka.KafkaException as error:
            raise write_failed(self._options["kafka.bootstrap.servers"], error) from error
        self._next = batch.batch_id + 1
        return count

    def _start(self) -> RecordWriter:
        kafka = client()
        name = f"lightstream-{self._query_id}"
        writer = RecordWriter(self._options, name)
        writer.producer.init_transactions(_TIMEOUT_S)  # ends what an earlier run has left, and keeps it out
        given = {k: v for k, v in kafka_options(self._options, "producer").items() if _is_common(k)}
        self._group = made(
            kafka.Consumer, {**configuration(given), "group.id": name, "enable.auto.commit": False}
        )
        [mark] = self._group.committed([kafka.TopicPartition(self._topic, 0)], _TIMEOUT_S)
        self._next = max(mark.offset, 0)
        self._writer = writer
        return writer

    def idle(self) -> None:
        """Nothing to give free."""

    def stop(self) -> None:
        """Leave the group."""
        if self._group is not None:
            self._group.close()


def _is_common(name: str) -> bool:
    return name.startswith(("bootstrap.", "security.", "sasl.", "ssl.", "client.", "broker.", "socket."))


def batches_of(batch: Batch) -> Iterable[pyarrow.RecordBatch]:
    """Return the rows of a batch, a part at a time."""
    # Rows that cannot be computed are found before the first one is sent.
    table: pyarrow.Table = batch.cursor.query(batch.sql).to_arrow_table()
    found: Iterable[pyarrow.RecordBatch] = table.to_batches(max_chunksize=_AT_ONCE)
    return found


def write_rows(rows: Callable[[], pyarrow.Table], schema: StructType, options: Mapping[str, str]) -> None:
    """Send the rows of a batch query.

    Raises:
        IllegalArgumentException: an option cannot be.
        AnalysisException: a column is missing, or not of its type.
        SparkRuntimeException: no broker answers, or does not take a record.
    """
    records = Records(schema, options.get("topic"))
    writer = RecordWriter(options)
    writer.write(rows().to_batches(max_chunksize=_AT_ONCE), records)

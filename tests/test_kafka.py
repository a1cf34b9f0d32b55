"""The Kafka source and sinks, against a broker of the test's own."""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka_broker import Broker, free_port, running

from lightstream.errors import PySparkException, StreamingQueryException
from lightstream.sources.kafka.client import configuration
from lightstream.sources.kafka.offsets import limited, offsets_text, parse_offsets
from lightstream.sql import SparkSession

pytest.importorskip("confluent_kafka")

T0 = 1_700_000_000_000


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with running(tmp_path_factory.mktemp("kafka")) as found:
        yield found


@pytest.fixture(scope="module")
def spark() -> Iterator[SparkSession]:
    session = SparkSession.builder.config("spark.sql.session.timeZone", "UTC").getOrCreate()
    yield session
    session.stop()


@pytest.fixture
def topic(broker: Broker, request: pytest.FixtureRequest) -> str:
    """A topic of two partitions with four records: v0 and v2, v1 and v3, a second apart."""
    name = f"t-{abs(hash(request.node.name))}"
    broker.create(name, 2)
    for i in range(4):
        broker.put(name, [{"key": f"k{i}", "value": f"v{i}", "timestamp": T0 + 1000 * i}], partition=i % 2)
    return name


class Use:
    """The topic as a program reads it."""

    def __init__(self, spark: SparkSession, broker: Broker, topic: str, path: Path) -> None:
        self.spark, self.broker, self.topic = spark, broker, topic
        self.checkpoint = path / "checkpoint"
        self.batches: list[list[str]] = []

    def options(self, reader: Any, **options: Any) -> Any:
        named = {"subscribe", "subscribePattern", "assign"} & set(options)
        reader = reader.format("kafka").option("kafka.bootstrap.servers", self.broker.servers)
        return (reader if named else reader.option("subscribe", self.topic)).options(**options)

    def read(self, **options: Any) -> list[str]:
        frame = self.options(self.spark.read, **options).load()
        return sorted(row.v for row in frame.selectExpr("CAST(value AS STRING) AS v").collect())

    def start(self, available: bool = False, **options: Any) -> Any:
        options = {"startingOffsets": "earliest", **options}
        frame = self.options(self.spark.readStream, **options).load().selectExpr("CAST(value AS STRING) AS v")
        writer = frame.writeStream.foreachBatch(
            lambda rows, batch_id: self.batches.append(sorted(row.v for row in rows.collect()))
        ).option("checkpointLocation", str(self.checkpoint))
        return (writer.trigger(availableNow=True) if available else writer).start()

    def run(self, **options: Any) -> Any:
        query = self.start(available=True, **options)
        query.awaitTermination()
        return query

    def offsets(self) -> list[str]:
        directory = self.checkpoint / "offsets"
        return [(directory / n).read_text().splitlines()[2] for n in sorted(os.listdir(directory))]

    def text(self, *offsets: int) -> str:
        return json.dumps({self.topic: {str(i): o for i, o in enumerate(offsets)}}, separators=(",", ":"))


@pytest.fixture
def use(spark: SparkSession, broker: Broker, topic: str, tmp_path: Path) -> Use:
    return Use(spark, broker, topic, tmp_path)


def condition(action: Callable[[], Any]) -> tuple[str | None, str]:
    """Return condition and text of what an action is refused with, or what has ended a query."""
    with pytest.raises(PySparkException) as failure:
        action()
    error: Any = failure.value
    if isinstance(error, StreamingQueryException) and isinstance(error.__cause__, PySparkException):
        error = error.__cause__
    return error.getCondition(), str(error)


# ---- batches ----------------------------------------------------------------------------------------------------


def test_the_columns(use: Use) -> None:
    use.broker.put(
        use.topic, [{"value": None, "headers": [("h", b"\x00"), ("n", None), ("h", b"2")], "timestamp": T0}]
    )
    frame = use.options(use.spark.read, includeHeaders="true").load()
    assert frame.schema.simpleString() == (
        "struct<key:binary,value:binary,topic:string,partition:int,offset:bigint,timestamp:timestamp,"
        "timestampType:int,headers:array<struct<key:string,value:binary>>>"
    )
    assert all(field.nullable for field in frame.schema)
    first, last = frame.where("partition = 0 AND offset <> 1").orderBy("offset").collect()
    assert (first.key, first.value, first.topic, first.partition, first.offset) == (
        b"k0",
        b"v0",
        use.topic,
        0,
        0,
    )
    assert (first.timestampType, first.headers) == (0, None)
    assert (last.key, last.value) == (None, None)
    assert [tuple(h) for h in last.headers] == [("h", b"\x00"), ("n", None), ("h", b"2")]
    assert frame.selectExpr("CAST(timestamp AS LONG) AS s").orderBy("s").head()[0] == T0 // 1000
    assert frame.count() == 5 and frame.groupBy("topic").count().collect()[0][1] == 5
    assert use.options(use.spark.read).load().columns[-1] == "timestampType"


def test_offsets_of_a_batch(use: Use) -> None:
    everything = ["v0", "v1", "v2", "v3"]
    assert use.read() == use.read(startingOffsets="earliest", endingOffsets="latest") == everything
    assert use.read(startingOffsets=use.text(1, -2), endingOffsets=use.text(-1, 1)) == ["v1", "v2"]
    assert use.read(startingTimestamp=T0 + 2000) == ["v2", "v3"]
    times = use.text(T0 + 1, T0)
    assert use.read(startingOffsetsByTimestamp=times, startingOffsets="earliest") == ["v1", "v2", "v3"]
    assert use.read(endingTimestamp=T0 + 1000) == ["v0"]
    assert use.read(endingTimestamp=T0 + 99_000) == everything  # no record is as new: up to the end
    late = {"startingTimestamp": T0 + 99_000}
    assert condition(lambda: use.read(**late))[0] == "LIGHTSTREAM_KAFKA_NO_OFFSET_AT_TIME"
    assert use.read(**late, startingOffsetsByTimestampStrategy="latest") == []


def test_topics_and_partitions(use: Use) -> None:
    other = use.topic + "-other"
    use.broker.create(other)
    use.broker.put(other, ["w"])
    assert use.read(subscribe=f" {use.topic} ,{other}") == ["v0", "v1", "v2", "v3", "w"]
    assert use.read(subscribePattern=f"{use.topic}(-o.*)?") == ["v0", "v1", "v2", "v3", "w"]
    assert use.read(subscribePattern=".*other$") == ["w"] and use.read(subscribePattern="nope") == []
    assert use.read(assign=json.dumps({use.topic: [1]})) == ["v1", "v3"]
    assert condition(lambda: use.read(subscribe="nope"))[0] == "LIGHTSTREAM_KAFKA_UNKNOWN_TOPIC"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"startingOffsets": "latest"}, "starting offset can't be latest for batch queries on Kafka"),
        ({"endingOffsets": "earliest"}, "ending offset can't be earliest for batch queries on Kafka"),
        ({"startingOffsets": '{"t":{"0":-1}}'}, "startingOffsets for t-0 can't be latest"),
        ({"endingOffsets": '{"t":{"0":-2}}'}, "ending offset for t-0 can't be earliest"),
        ({"startingOffsets": '{"t":{"0":5}}', "endingOffsets": '{"t":{"0":3}}'}, "start offset 5 is greater"),
        ({"startingOffsets": "sometime"}, "Expected e.g."),
        ({"startingTimestamp": "today"}, "milliseconds since the epoch"),
        ({"startingOffsetsByTimestampStrategy": "guess"}, "error or latest"),
        ({"subscribe": " , "}, "No topics to subscribe to"),
        ({"assign": "[1]"}, "Expected e.g."),
        ({"subscribePattern": "("}, "is no pattern"),
        ({"subscribePattern": ""}, "Pattern to subscribe is empty"),
        ({"subscribe": "t", "assign": "{}"}, "Only one of the following options"),
        ({"failOnDataLoss": "maybe"}, "true or false"),
        ({"maxOffsetsPerTrigger": "0"}, "a number above 0"),
        ({"minOffsetsPerTrigger": "9", "maxOffsetsPerTrigger": "3"}, r"minOffsetPerTrigger\(9\) is higher"),
        ({"kafka.auto.offset.reset": "earliest"}, "'auto.offset.reset' is not supported.*startingoffsets"),
        ({"kafka.key.deserializer": "x"}, "'key.deserializer' is not supported"),
        ({"kafka.value.deserializer": "x"}, "'value.deserializer' is not supported"),
        ({"kafka.enable.auto.commit": "true"}, "'enable.auto.commit' is not supported"),
        ({"kafka.interceptor.classes": "x"}, "'interceptor.classes' is not supported"),
        ({"kafka.bootstrap.servers": " "}, "'kafka.bootstrap.servers' must be specified"),
        ({"kafka.nonsense": "1"}, "The Kafka client refuses its options.*nonsense"),
        ({"kafka.ssl.truststore.location": "a.jks"}, "Java key store"),
    ],
)
def test_options_that_cannot_be(use: Use, options: dict[str, str], words: str) -> None:
    with pytest.raises(PySparkException, match=words):
        use.read(**options)


def test_what_else_is_refused(use: Use) -> None:
    reader = use.spark.read.format("kafka").option("kafka.bootstrap.servers", "x")
    assert "One of the following options must be specified" in condition(reader.load)[1]
    stream = use.options(use.spark.readStream)
    for name in ("endingOffsets", "endingTimestamp", "endingOffsetsByTimestamp"):
        assert (
            "not valid in streaming queries"
            in condition(use.options(use.spark.readStream, **{name: "1"}).load)[1]
        )
    assert "does not support user-specified schema" in condition(stream.schema("a int").load)[1]
    assert condition(lambda: use.read(startingOffsets='{"x":{"0":1}}'))[0] == (
        "KAFKA_START_OFFSET_DOES_NOT_MATCH_ASSIGNED"
    )
    assert condition(lambda: use.read(startingOffsetsByTimestamp=json.dumps({use.topic: {"0": 1}})))[0] == (
        "KAFKA_TIMESTAMP_OFFSET_DOES_NOT_MATCH_ASSIGNED"
    )
    assert condition(lambda: use.read(startingOffsets=use.text(2, 0), endingTimestamp=T0))[0] == (
        "RESOLVED_START_OFFSET_GREATER_THAN_END_OFFSET"
    )
    assert (
        condition(lambda: use.read(startingOffsets=use.text(9, 0)))[0] == "KAFKA_DATA_LOSS.START_OFFSET_RESET"
    )
    assert use.read(startingOffsets=use.text(9, 1), failOnDataLoss="false") == ["v0", "v2", "v3"]


def test_the_package_that_is_missing_is_named(use: Use, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    found, text = condition(use.read)
    assert found == "PACKAGE_NOT_INSTALLED" and "pip install 'lightstream[kafka]'" in text


def test_options_in_the_names_of_java() -> None:
    login = 'org.apache.kafka.common.security.plain.PlainLoginModule required username="u" password="p";'
    found = configuration({"sasl.jaas.config": login, "fetch.max.wait.ms": "5", "max.poll.records": "9",
                           "ssl.truststore.location": "ca.pem", "group.id": "g"})  # fmt: skip
    found.pop("logger")
    assert found == {
        "log.connection.close": False, "sasl.username": "u", "sasl.password": "p", "fetch.wait.max.ms": "5",
        "ssl.ca.location": "ca.pem", "group.id": "g",
    }  # fmt: skip
    assert (
        condition(lambda: configuration({"sasl.jaas.config": "Krb5LoginModule x"}))[0]
        == "LIGHTSTREAM_UNSUPPORTED"
    )


def test_offsets_are_shared_out() -> None:
    begin, end = {("t", 0): 0, ("t", 1): 100}, {("t", 0): 1000, ("t", 1): 103, ("t", 2): 7}
    assert limited(10, begin, end, {("t", 2): 7}) == {("t", 0): 9, ("t", 1): 101, ("t", 2): 7}
    assert limited(5000, begin, end, {("t", 2): 0}) == end
    assert limited(5, end, end, {}) == end
    text = offsets_text({("b", 10): 5, ("b", 9): 4, ("a", 0): 3})
    assert text == '{"a":{"0":3},"b":{"9":4,"10":5}}' and parse_offsets(text)["b", 10] == 5


# ---- streams ----------------------------------------------------------------------------------------------------


def test_a_stream_with_limits(use: Use) -> None:
    query = use.run(maxOffsetsPerTrigger=3)
    assert use.batches == [["v0", "v1"], ["v2", "v3"]]
    assert use.offsets() == [use.text(1, 1), use.text(2, 2)]
    assert (use.checkpoint / "sources/0/0").read_bytes() == b"\0v1\n" + use.text(0, 0).encode()
    sources = [json.loads(p.json)["sources"][0] for p in query.recentProgress]
    assert [(s["startOffset"], s["endOffset"], s["latestOffset"], s["numInputRows"]) for s in sources] == [
        (None, {use.topic: {"0": 1, "1": 1}}, {use.topic: {"0": 2, "1": 2}}, 2),
        ({use.topic: {"0": 1, "1": 1}}, {use.topic: {"0": 2, "1": 2}}, {use.topic: {"0": 2, "1": 2}}, 2),
    ]
    assert sources[0]["metrics"] == {
        "avgOffsetsBehindLatest": "1.0", "maxOffsetsBehindLatest": "1", "minOffsetsBehindLatest": "1",
    }  # fmt: skip
    assert sources[1]["metrics"]["avgOffsetsBehindLatest"] == "0.0"
    assert query.lastProgress.sources[0].metrics["maxOffsetsBehindLatest"] == "0"
    assert sources[0]["description"] == f"KafkaV2[Subscribe[{use.topic}]]"


def test_a_stream_goes_on_where_it_was(use: Use) -> None:
    use.run()
    use.broker.put(use.topic, ["v4"], partition=1)
    use.run(startingOffsets="latest")  # only asked at the first start
    (use.checkpoint / "commits" / "1").unlink()
    use.broker.put(use.topic, ["v5"])
    use.run()
    assert use.batches == [["v0", "v1", "v2", "v3"], ["v4"], ["v4"], ["v5"]]


def test_records_are_taken_as_they_come(use: Use) -> None:
    query = use.start(startingOffsets="latest")
    query.processAllAvailable()
    use.broker.put(use.topic, ["a"])
    query.processAllAvailable()
    use.broker.grow(use.topic, 3)
    use.broker.put(use.topic, ["b", "c"], partition=2)
    query.processAllAvailable()
    query.stop()
    assert [rows for rows in use.batches if rows] == [["a"], ["b", "c"]]
    assert use.offsets()[-1] == use.text(3, 2, 2)


def test_a_batch_waits_for_enough_records(use: Use) -> None:
    query = use.start(minOffsetsPerTrigger=3, maxTriggerDelay="1h")
    query.processAllAvailable()
    assert use.batches == [["v0", "v1", "v2", "v3"]]  # the first one never waits
    use.broker.put(use.topic, ["a", "b"])
    query.processAllAvailable()
    assert len(use.batches) == 1
    use.broker.put(use.topic, ["c"], partition=1)
    query.processAllAvailable()
    query.stop()
    assert use.batches[1:] == [["a", "b", "c"]]
    use.broker.put(use.topic, ["d"])
    use.run(minOffsetsPerTrigger=3)
    assert use.batches[2:] == [["d"]]


def test_transactions(use: Use) -> None:
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": use.broker.servers, "transactional.id": use.topic})
    producer.init_transactions(10)
    for value, ends in (("kept", producer.commit_transaction), ("gone", producer.abort_transaction)):
        producer.begin_transaction()
        producer.produce(use.topic, value=value, partition=0)
        producer.flush()
        ends(10)
    # The ends of transactions have offsets, and no records.
    use.run(maxOffsetsPerTrigger=2)
    assert sorted(v for rows in use.batches for v in rows) == ["gone", "kept", "v0", "v1", "v2", "v3"]
    assert use.read(**{"kafka.isolation.level": "read_committed"}) == ["kept", "v0", "v1", "v2", "v3"]


# ---- what is gone -----------------------------------------------------------------------------------------------


def test_records_that_were_aged_out(use: Use, caplog: pytest.LogCaptureFixture) -> None:
    use.run()
    use.broker.put(use.topic, ["v4", "v5", "v6"])
    use.broker.drop_before(use.topic, 0, 4)
    found, text = condition(use.run)
    assert (
        found == "KAFKA_DATA_LOSS.COULD_NOT_READ_OFFSET_RANGE"
        and f"[2, 5) for topic partition {use.topic}-0" in text
    )
    with caplog.at_level(logging.WARNING):
        use.run(failOnDataLoss="false")
    assert use.batches[1:] == [["v6"]] and "failOnDataLoss is false" in caplog.text


def test_topics_that_were_deleted(use: Use) -> None:
    other = use.topic + "-other"
    use.broker.create(other)
    use.broker.put(other, ["w"])
    pattern = {"subscribePattern": f"{use.topic}.*"}
    use.run(**pattern)
    use.broker.delete(other)
    use.broker.put(use.topic, ["v4"])
    assert condition(lambda: use.run(**pattern))[0] == "KAFKA_DATA_LOSS.PARTITIONS_DELETED"
    use.run(**pattern, failOnDataLoss="false")
    use.broker.create(other)
    use.broker.put(other, ["x"])
    use.run(**pattern)
    assert use.batches == [["v0", "v1", "v2", "v3", "w"], ["v4"], ["x"]]


def test_a_topic_that_was_made_anew(use: Use) -> None:
    use.run()
    use.broker.delete(use.topic)
    use.broker.create(use.topic, 2)
    use.broker.put(use.topic, ["new"])
    assert condition(use.run)[0] == "KAFKA_DATA_LOSS.PARTITION_OFFSET_CHANGED"
    use.run(failOnDataLoss="false")
    use.broker.put(use.topic, ["newer"])
    use.run(failOnDataLoss="false")
    assert use.batches[-1] == ["newer"]


def until(holds: Callable[[], bool]) -> None:
    """Wait for what another thread does and tells nobody."""
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        threading.Event().wait(0.005)


# ---- brokers that are away --------------------------------------------------------------------------------------


def test_nobody_answers_at_the_start(use: Use, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lightstream.sources.kafka.offsets._START_TIMEOUT_S", 0.3)
    nobody = {"kafka.bootstrap.servers": f"127.0.0.1:{free_port()}"}
    for attempt in (lambda: use.read(**nobody), lambda: use.run(**nobody)):
        found, text = condition(attempt)
        assert found == "LIGHTSTREAM_KAFKA_UNREACHABLE" and nobody["kafka.bootstrap.servers"] in text


def test_a_broker_goes_and_comes_back(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("lightstream.sources.kafka.source._LOOK_S", 0.2)
    with running(tmp_path / "kafka") as broker:
        broker.create("t")
        broker.put("t", ["a"])
        use = Use(spark, broker, "t", tmp_path)
        with caplog.at_level(logging.WARNING, "lightstream.sources.kafka.source"):
            query = use.start()
            query.processAllAvailable()
            broker.stop()
            query.processAllAvailable()  # a look that finds nobody finds nothing new
            assert query.isActive and "No Kafka broker" in caplog.text
            broker.start()
            broker.put("t", ["b"])
            query.processAllAvailable()
            assert use.batches == [["a"], ["b"]]
            broker.stop()
            query.stop()
            (use.checkpoint / "commits" / "1").unlink()
            query = use.start()
            until(lambda: query.status["message"] == "Processing new data")
            query.stop()  # while it waits for the records of batch 1
            assert query.exception() is None
            found, text = condition(use.start(**{"kafkaConsumer.pollTimeoutMs": 300}).awaitTermination)
    assert found == "LIGHTSTREAM_KAFKA_UNREACHABLE" and "127.0.0.1" in text

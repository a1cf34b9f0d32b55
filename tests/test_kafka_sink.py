"""The Kafka sinks: rows as records, at least once as in Spark, and exactly once by Kafka's transactions."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka_broker import Broker, free_port, running

from lightstream.errors import PySparkException
from lightstream.sql import SparkSession

pytest.importorskip("confluent_kafka")


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with running(tmp_path_factory.mktemp("kafka")) as found:
        yield found


@pytest.fixture(scope="module")
def spark() -> Iterator[SparkSession]:
    session = SparkSession.builder.config("spark.sql.session.timeZone", "UTC").getOrCreate()
    yield session
    session.stop()


def values(broker: Broker, topic: str, **config: Any) -> list[str]:
    return sorted(message.value().decode() for message in broker.records(topic, **config))


def write(broker: Broker, frame: Any, mode: str | None = None, **options: Any) -> None:
    writer = frame.write.format("kafka").option("kafka.bootstrap.servers", broker.servers).options(**options)
    (writer if mode is None else writer.mode(mode)).save()


def test_the_columns_of_a_record(spark: SparkSession, broker: Broker) -> None:
    broker.create("sink-a", 2)
    broker.create("sink-b")
    frame = spark.sql(
        "SELECT * FROM VALUES"
        " ('k', X'00ff', 'sink-a', 1, array(named_struct('key', 'h', 'value', X'01'))),"
        " (NULL, NULL, 'sink-b', 0, NULL) AS t(key, value, topic, partition, headers)"
    )
    write(broker, frame)
    [first] = broker.records("sink-a")
    assert (first.key(), first.value(), first.partition()) == (b"k", b"\x00\xff", 1)
    assert first.headers() == [("h", b"\x01")]
    [second] = broker.records("sink-b")
    assert (second.key(), second.value(), second.headers()) == (None, None, None)
    # The option goes before the column; other columns are left out.
    write(broker, frame.selectExpr("'v' AS value", "topic", "1 AS other"), "append", topic="sink-b")
    assert [message.value() for message in broker.records("sink-b")] == [None, b"v", b"v"]


@pytest.mark.parametrize(
    ("query", "options", "words"),
    [
        ("'v' AS value", {}, "topic option required when no 'topic' attribute is present"),
        ("'k' AS key", {"topic": "t"}, "Required attribute 'value' not found"),
        ("1 AS value", {"topic": "t"}, "value must be a string or binary"),
        ("'v' AS value, 1 AS key", {"topic": "t"}, "key must be a string or binary"),
        ("'v' AS value, 1 AS topic", {}, "topic must be a string"),
        ("'v' AS value, '1' AS partition", {"topic": "t"}, "partition must be an int"),
        (
            "'v' AS value, array(1) AS headers",
            {"topic": "t"},
            "headers must be array<struct<key:string,value:binary>>",
        ),
        ("'v' AS value, CAST(NULL AS STRING) AS topic", {}, "null topic"),
        (
            "'v' AS value",
            {"topic": "t", "kafka.value.serializer": "x"},
            "'value.serializer' is not supported",
        ),
        ("'v' AS value", {"topic": "t", "kafka.bootstrap.servers": ""}, "'kafka.bootstrap.servers' must be"),
    ],
)
def test_what_cannot_be_written(
    spark: SparkSession, broker: Broker, query: str, options: dict[str, str], words: str
) -> None:
    with pytest.raises(PySparkException, match=words):
        write(broker, spark.sql(f"SELECT {query}"), **options)


def test_modes_of_a_batch(spark: SparkSession, broker: Broker) -> None:
    frame = spark.sql("SELECT 'v' AS value")
    for mode in ("overwrite", "ignore"):
        with pytest.raises(PySparkException, match=f"Save mode {mode.title()} not allowed for Kafka"):
            write(broker, frame, mode, topic="t")


def test_nobody_takes_the_records(spark: SparkSession) -> None:
    options = {
        "kafka.bootstrap.servers": f"127.0.0.1:{free_port()}",
        "kafka.delivery.timeout.ms": "300",
        "topic": "t",
    }
    with pytest.raises(PySparkException) as failure:
        spark.sql("SELECT 'v' AS value").write.format("kafka").options(**options).save()
    assert failure.value.getCondition() == "LIGHTSTREAM_KAFKA_UNREACHABLE"


def copy(spark: SparkSession, broker: Broker, source: str, path: Path, **options: Any) -> Any:
    stream = spark.readStream.format("kafka").option("kafka.bootstrap.servers", broker.servers)
    frame = stream.options(subscribe=source, startingOffsets="earliest", maxOffsetsPerTrigger=2).load()
    writer = frame.select("key", "value").writeStream.format("kafka").options(**options)
    writer = writer.option("kafka.bootstrap.servers", broker.servers).trigger(availableNow=True)
    query = writer.option("checkpointLocation", str(path / "checkpoint")).start()
    query.awaitTermination()
    return query


@pytest.mark.parametrize("once", ["false", "true"])
def test_a_batch_that_is_run_again(spark: SparkSession, broker: Broker, tmp_path: Path, once: str) -> None:
    source, target = f"source-{once}", f"target-{once}"
    broker.create(source)
    broker.create(target)
    broker.put(source, ["a", "b", "c"])
    options = {"topic": target, "lightstream.exactlyOnce": once}
    query = copy(spark, broker, source, tmp_path, **options)
    assert values(broker, target) == ["a", "b", "c"]
    sink = query.lastProgress.sink
    name = (
        "KafkaTransactions"
        if once == "true"
        else "org.apache.spark.sql.kafka010.KafkaSourceProvider$KafkaTable"
    )
    assert sink.description.partition("@")[0] == name and sink.numOutputRows == 1
    (tmp_path / "checkpoint" / "commits" / "1").unlink()
    broker.put(source, ["d"])
    copy(spark, broker, source, tmp_path, **options)
    assert values(broker, target) == (["a", "b", "c", "d"] if once == "true" else ["a", "b", "c", "c", "d"])
    if once == "true":
        for name in ("commits/1", "commits/2", "offsets/2"):
            (tmp_path / "checkpoint" / name).unlink()
        with pytest.raises(PySparkException, match="LIGHTSTREAM_SINK_AHEAD_OF_CHECKPOINT"):
            copy(spark, broker, source, tmp_path, **options)


def test_exactly_once_needs_one_topic(spark: SparkSession, broker: Broker, tmp_path: Path) -> None:
    broker.create("source-one")
    with pytest.raises(PySparkException, match="needs the option topic"):
        copy(spark, broker, "source-one", tmp_path, **{"lightstream.exactlyOnce": "true"})
    with pytest.raises(PySparkException, match="true or false"):
        copy(spark, broker, "source-one", tmp_path, topic="t", **{"lightstream.exactlyOnce": "maybe"})


# ---- kills ------------------------------------------------------------------------------------------------------

PROGRAM = """
import sys
from lightstream.sql import SparkSession
servers, source, target, path = sys.argv[1:]
spark = SparkSession.builder.config("lightstream.database", path + "/result.duckdb").getOrCreate()
frame = spark.readStream.format("kafka").option("kafka.bootstrap.servers", servers).options(
    subscribe=source, startingOffsets="earliest", maxOffsetsPerTrigger=7).load()
frame = frame.selectExpr("CAST(value AS STRING) AS value")
if target:
    writer = frame.writeStream.format("kafka").option("kafka.bootstrap.servers", servers)
    writer = writer.options(topic=target, **{"lightstream.exactlyOnce": "true"})
else:
    writer = frame.groupBy("value").count().writeStream.outputMode("update").option("keys", "value")
writer = writer.option("checkpointLocation", path + "/checkpoint").trigger(availableNow=True)
(writer.start() if target else writer.toTable("result")).awaitTermination()
"""


def run_killed(broker: Broker, source: str, target: str, path: Path, points: list[str]) -> int:
    """Run the program, killed at each point, and at last to its end; return how often it was killed."""
    kills = 0
    for point in [*points, ""]:
        environment = {**os.environ, "LIGHTSTREAM_CRASH_AT": point}
        command = [sys.executable, "-c", PROGRAM, broker.servers, source, target, str(path)]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode in (0, -signal.SIGKILL), done.stderr
        kills += done.returncode != 0
    return kills


@pytest.mark.parametrize(
    ("target", "points"),
    [("", ("after-offsets", "after-sink")), ("killed-target", ("after-sink",))],
)
def test_queries_that_are_killed(
    spark: SparkSession, broker: Broker, tmp_path: Path, target: str, points: tuple[str, ...]
) -> None:
    source = f"killed-{target or 'source'}"
    broker.create(source, 2)
    if target:
        broker.create(target)
    sent = [f"v{i % 9}" for i in range(60)]
    for number in range(2):
        broker.put(source, sent[number::2], partition=number)
    assert run_killed(broker, source, target, tmp_path, [f"{point}@1" for point in points]) == len(points)
    if target:
        assert values(broker, target, **{"isolation.level": "read_committed"}) == sorted(sent)
    else:
        import duckdb

        with duckdb.connect(str(tmp_path / "result.duckdb")) as connection:
            assert dict(connection.execute("SELECT * FROM result").fetchall()) == Counter(sent)

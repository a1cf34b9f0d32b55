"""(m) Kafka to a table: JSON values, counted by a key."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.contract import Bar, Benchmark, Contender, Measure, Values, Work
from benchmarks.data import PROJECT
from benchmarks.engines import LIGHTSTREAM, open_session, start_to_table
from benchmarks.usage import Stopwatch

_MESSAGES = 1_000_000
_BYTES = 200
_KEYS = 1000
_PARTITIONS = 2
# This broker answers with all that it has, which is more than librdkafka takes as it comes.
_LARGEST = str(2_000_000_000)


def _values(count: int) -> list[str]:
    """Return JSON texts of 200 bytes each."""
    found = []
    for i in range(count):
        row = {"key": f"k{i % _KEYS}", "n": i, "x": round(i / 7, 3), "pad": ""}
        row["pad"] = "p" * (_BYTES - len(json.dumps(row)))
        found.append(json.dumps(row))
    return found


@contextmanager
def _filled(work: Work) -> Iterator[tuple[Any, int]]:
    """Give a broker with a topic of messages, and how many they are."""
    sys.path.append(str(PROJECT / "tests"))
    tests = importlib.import_module("kafka_broker")
    from confluent_kafka import Producer

    count = work.scaled(_MESSAGES, 20_000)
    directory = Path(work.path("kafka"))
    directory.mkdir()
    with tests.running(directory) as broker:
        broker.create("messages", _PARTITIONS)
        producer = Producer({"bootstrap.servers": broker.servers, "linger.ms": 50, "batch.size": 1_000_000})
        values = [{"value": value} for value in _values(20_000)]
        for start in range(0, count, 1000):
            some = values[start % 20_000 :][:1000]
            partition = start // 1000 % _PARTITIONS
            taken = producer.produce_batch("messages", some, partition=partition)
            assert taken == len(some), "the queue of the producer is full"
            while len(producer) > 50_000:
                producer.poll(0.01)
        producer.flush()
        yield broker, count


def to_a_table(work: Work) -> Values:
    """Return what a query takes from its start to its end."""
    with _filled(work) as (broker, count):
        from lightstream.sql import functions

        spark = open_session(work, LIGHTSTREAM)
        options = {"kafka.bootstrap.servers": broker.servers, "kafka.receive.message.max.bytes": _LARGEST}
        stream = spark.readStream.format("kafka").options(**options)
        stream = stream.options(subscribe="messages", startingOffsets="earliest").load()
        parsed = functions.from_json(stream["value"].cast("string"), "key string, n bigint, x double")
        frame = stream.select(parsed.alias("j")).groupBy("j.key").count()
        with Stopwatch() as watch:
            start_to_table(frame, work, "complete", "counts", availableNow=True).awaitTermination()
        [row] = spark.table("counts").selectExpr("sum(count) AS s", "count(*) AS c").collect()
        assert row.s == count, f"{row.s} of {count} messages were counted"
        return {"seconds": watch.wall_s, "cpu_s": watch.cpu_s, "per_s": count / watch.wall_s, "rows": row.c}


def bare_client(work: Work) -> Values:
    """Return what the client takes that reads and looks at nothing."""
    with _filled(work) as (broker, count):
        from confluent_kafka import Consumer, TopicPartition

        consumer = Consumer({"bootstrap.servers": broker.servers, "group.id": "bare", "enable.auto.commit": False,
                             "receive.message.max.bytes": int(_LARGEST), "queued.min.messages": 500_000})  # fmt: skip
        with Stopwatch() as watch:
            consumer.assign([TopicPartition("messages", number, 0) for number in range(_PARTITIONS)])
            left = count
            while left:
                left -= len(consumer.consume(min(20_000, left), 1.0))
        consumer.close()
        return {"seconds": watch.wall_s, "cpu_s": watch.cpu_s, "per_s": count / watch.wall_s, "rows": _KEYS}


BENCHMARKS = (
    Benchmark(
        "m",
        "Kafka to a table",
        (Contender("lightstream", to_a_table), Contender("bare client", bare_client)),
        (Measure("seconds", "query"), Measure("cpu_s", "CPU"), Measure("per_s", "messages a second", "")),
        (Bar("at least 250,000 messages a second", "seconds", _MESSAGES / 250_000),),
        "A million messages of 200 bytes in two partitions: from_json, count by key, complete mode. The broker is one "
        "process on the same machine, and takes about a second of the time to make its first answer.",
    ),
)

"""`rate`, `rate-micro-batch` and `socket` against Spark: options, batches, offsets, progress."""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from typing import Any

import pytest
from stream_cases import Cases, Engine, compare

CASES = Cases("stream made")

OPTIONS: dict[str, list[dict[str, Any]]] = {
    "rate": [
        {}, {"rowsPerSecond": 0}, {"rowsPerSecond": -1}, {"rowsPerSecond": "abc"}, {"rowsPerSecond": "1.5"},
        {"rampUpTime": "abc"}, {"rampUpTime": "-5s"}, {"rampUpTime": "5"}, {"rampUpTime": "1m"},
        {"rampUpTime": "1y"}, {"numPartitions": 0}, {"numPartitions": "x"}, {"other": 1},
    ],
    "rate-micro-batch": [
        {}, {"rowsPerBatch": 0}, {"rowsPerBatch": 5}, {"rowsPerBatch": 5, "startTimestamp": -1},
        {"rowsPerBatch": 5, "startTimestamp": "x"}, {"rowsPerBatch": 5, "advanceMillisPerBatch": -1},
        {"rowsPerBatch": 5, "advanceMillisPerBatch": 0}, {"rowsPerBatch": 5, "numPartitions": 0},
    ],
    "socket": [
        {}, {"host": "localhost"}, {"port": 1}, {"host": "localhost", "port": "x"}, {"host": "localhost", "port": 1},
        {"host": "localhost", "port": 1, "includeTimestamp": "x"},
        {"host": "localhost", "port": 1, "includeTimestamp": True},
    ],
}  # fmt: skip


@CASES
def options(engine: Engine) -> None:
    for name, given in OPTIONS.items():
        for some in given:
            reader = engine.spark.readStream.format(name).options(**some)
            engine.attempt(f"{name} {some}", lambda made=reader: made.load().schema.simpleString())


@CASES
def what_they_cannot(engine: Engine) -> None:
    for name in OPTIONS:
        given = {"rowsPerBatch": 1, "host": "localhost", "port": 1}
        batch = engine.spark.read.format(name).options(**given)
        engine.attempt(f"{name} as a batch", lambda made=batch: made.load().collect())
        stream = engine.spark.readStream.format(name).options(**given).schema("a int")
        engine.attempt(f"{name} with a schema", lambda made=stream: made.load().schema)
        stream = engine.spark.readStream.format(name).options(**given)
        engine.attempt(
            f"{name} with a path", lambda made=stream: made.load("somewhere").schema.simpleString()
        )


def per_batch(engine: Engine, **given: Any) -> Any:
    options = {
        "rowsPerBatch": 7,
        "numPartitions": 2,
        "startTimestamp": 1000,
        "advanceMillisPerBatch": 500,
        **given,
    }
    return engine.spark.readStream.format("rate-micro-batch").options(**options).load()


@CASES
def as_many_rows_each_batch(engine: Engine) -> None:
    for trigger in ("availableNow", "once", "availableNow"):
        engine.run(per_batch(engine), **{trigger: True})


@CASES
def offsets_of_rate_micro_batch(engine: Engine) -> None:
    for rows in (7, 3):
        query = engine.run(per_batch(engine, rowsPerBatch=rows), availableNow=True)
        source = query.lastProgress["sources"][0]
        engine.tell([source[name] for name in ("startOffset", "endOffset", "latestOffset", "description")])


@CASES
def state_over_rate_micro_batch(engine: Engine) -> None:
    F = engine.F
    counted = (
        per_batch(engine).groupBy((F.col("value") % 3).alias("k")).agg(F.sum("value"), F.max("timestamp"))
    )
    for _ in range(3):
        engine.run(counted, "update", once=True)


@CASES
def windows_over_rate_micro_batch(engine: Engine) -> None:
    F = engine.F
    events = per_batch(engine, advanceMillisPerBatch=60_000).withWatermark("timestamp", "1 minute")
    windows = events.groupBy(F.window("timestamp", "2 minutes")).count()
    for _ in range(5):
        engine.run(windows, "append", once=True)


@CASES
def the_first_batch_of_rate_has_no_rows(engine: Engine) -> None:
    rate = engine.spark.readStream.format("rate").option("rowsPerSecond", 3).load()
    query = engine.run(rate, availableNow=True)
    source = query.lastProgress["sources"][0]
    engine.tell([source[name] for name in ("startOffset", "endOffset", "latestOffset", "description")])
    engine.tell((engine.directory / "checkpoint/sources/0/0").read_text().split("\n")[0])


@CASES
def lines_of_a_socket(engine: Engine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        sent = threading.Event()

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall("a\nb\r\n\nüber \x07\n".encode() + b"\xff\xfe|\nno end")
                sent.wait(60)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        port = server.getsockname()[1]
        lines = (
            engine.spark.readStream.format("socket").option("host", "127.0.0.1").option("port", port).load()
        )
        seen: list[str] = []
        writer = lines.writeStream.foreachBatch(
            lambda rows, _: seen.extend(row.value for row in rows.collect())
        )
        query = writer.option("checkpointLocation", engine.path("checkpoint")).start()

        def ends_at(offset: str) -> bool:  # a batch is reported after its rows were seen
            return bool(query.recentProgress) and query.lastProgress["sources"][0]["endOffset"] == offset

        engine.until(lambda: ends_at("4"))
        engine.tell(sorted(seen))
        sent.set()
        engine.until(lambda: len(seen) == 6)
        engine.tell(sorted(seen))
        query.stop()
        thread.join()


@pytest.mark.parametrize("program", list(CASES))
def test_made(spark: Any, lightstream: Any, tmp_path: Path, program: Any) -> None:
    compare(spark, lightstream, tmp_path, program)

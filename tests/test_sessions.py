"""Session windows: what comes out is what the rows say, however they are batched, stored, folded and restarted."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sql_api_fixtures import condition_of

from lightstream.operators import key_index, keyed
from lightstream.sql import SparkSession
from lightstream.sql import functions as F

BATCHES = 12
GAP = 7


@pytest.fixture
def spark() -> Iterator[Any]:
    session = SparkSession.builder.create()
    session.conf.set("spark.sql.session.timeZone", "UTC")
    yield session
    session.stop()


@pytest.fixture
def batches(tmp_path: Path) -> list[list[tuple[Any, int]]]:
    """Rows (key, second) of some batches, none of which is late by more than 60 seconds; one file each."""
    draw = random.Random(11)
    found = []
    (tmp_path / "in").mkdir()
    for batch in range(BATCHES):
        rows = [(draw.choice([None, "a", "b", "c"]), 40 * batch + draw.randrange(-20, 40)) for _ in range(12)]
        found.append(rows)
        path = tmp_path / "in" / f"{batch:02}.json"
        path.write_text("".join(json.dumps({"k": k, "s": 1000 + s}) + "\n" for k, s in rows))
        os.utime(path, (1_700_000_000 + batch, 1_700_000_000 + batch))
    return found


def sessions_of(rows: list[tuple[Any, int]]) -> list[tuple[Any, int, int, int]]:
    """Return the sessions: key, start, end, number of rows."""
    found: list[list[Any]] = []
    for key, second in sorted(rows, key=lambda row: (str(row[0]), row[1])):
        if found and found[-1][0] == key and second <= found[-1][2]:
            found[-1][2:] = [second + GAP, found[-1][3] + 1]
        else:
            found.append([key, second, second + GAP, 1])
    return [tuple(row) for row in found]


def run(spark: Any, directory: Path, mode: str, stops: tuple[int, ...]) -> tuple[dict[int, Any], list[Any]]:
    """Run a file a batch, stopped and started again after some batches; return rows by batch and the progress."""
    given: dict[int, Any] = {}
    progress: list[Any] = []
    files = sorted((directory / "in").iterdir())
    (directory / "arriving").mkdir()
    for begin, end in zip((0, *stops), (*stops, BATCHES), strict=True):
        for path in files[begin:end]:
            os.link(path, directory / "arriving" / path.name)
        frame = spark.readStream.schema("k string, s int").option("maxFilesPerTrigger", 1)
        frame = frame.json(str(directory / "arriving")).withColumn("t", F.timestamp_seconds("s"))
        frame = frame.withWatermark("t", "1 minute").groupBy("k", F.session_window("t", f"{GAP} seconds"))
        parts = (
            "cast(session_window.start as bigint) - 1000 a",
            "cast(session_window.end as bigint) - 1000 b",
        )
        writer = frame.agg(F.count("*").alias("n")).selectExpr("k", *parts, "n").writeStream.outputMode(mode)
        writer = writer.option("checkpointLocation", str(directory / "checkpoint"))
        query = writer.foreachBatch(
            lambda rows, i: given.__setitem__(i, [tuple(row) for row in rows.collect()])
        )
        query = query.trigger(availableNow=True).start()
        query.awaitTermination(60)
        progress += query.recentProgress
    return given, progress


@pytest.mark.parametrize("stops", [(), (2, 3, 8)])
@pytest.mark.parametrize("fold_rows", [2, 20_000])
def test_sessions_come_out_once_and_leave_the_state(
    spark: Any,
    batches: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fold_rows: int,
    stops: tuple[int, ...],
) -> None:
    monkeypatch.setattr(keyed, "_MIN_FOLD_ROWS", fold_rows)
    monkeypatch.setattr(key_index, "_MIN_ROWS", 1)  # a key has several rows, in the state and in the batch
    given, progress = run(spark, tmp_path, "append", stops)
    everything = sessions_of([row for rows in batches for row in rows])
    watermark = max(second for rows in batches for _, second in rows) - 60
    out = sorted((row for rows in given.values() for row in rows), key=repr)
    assert out == sorted((row for row in everything if row[2] <= watermark), key=repr)
    last = progress[-1].stateOperators[0]
    assert last.numRowsTotal == len(everything) - len(out) > 0
    assert len(out) > 8
    assert sum(entry.stateOperators[0].numRowsDroppedByWatermark for entry in progress) == 0


@pytest.mark.parametrize("fold_rows", [2, 20_000])
def test_all_sessions_of_each_batch(
    spark: Any, batches: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fold_rows: int
) -> None:
    monkeypatch.setattr(keyed, "_MIN_FOLD_ROWS", fold_rows)
    monkeypatch.setattr(key_index, "_MIN_ROWS", 1)  # a key has several rows, in the state and in the batch
    given, progress = run(spark, tmp_path, "complete", (5,))
    for batch in range(BATCHES):
        expected = sessions_of([row for rows in batches[: batch + 1] for row in rows])
        assert sorted(given[batch], key=repr) == sorted(expected, key=repr)
        state = progress[batch].stateOperators[0]
        touched = {key for key, _ in batches[batch]}
        assert state.numRowsTotal == len(expected)
        assert state.numRowsUpdated == sum(row[0] in touched for row in expected)


def test_only_the_sessions_of_touched_keys_are_written(spark: Any, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    rows = [{"k": f"k{i}", "s": 1000 + 100 * j} for i in range(50) for j in range(3)]
    for name, part in (("0.json", rows), ("1.json", [{"k": "k7", "s": 1105}])):
        (tmp_path / "in" / name).write_text("".join(json.dumps(row) + "\n" for row in part))
        os.utime(tmp_path / "in" / name, (1_700_000_000 + int(name[0]),) * 2)
    frame = spark.readStream.schema("k string, s int").option("maxFilesPerTrigger", 1)
    frame = frame.json(str(tmp_path / "in")).withColumn("t", F.timestamp_seconds("s"))
    counts = frame.groupBy("k", F.session_window("t", "10 seconds")).count()
    query = counts.writeStream.format("noop").outputMode("complete").trigger(availableNow=True).start()
    query.awaitTermination(60)
    numbers = [(s.numRowsTotal, s.numRowsUpdated) for p in query.recentProgress for s in p.stateOperators]
    assert numbers == [(150, 150), (150, 3)]


def test_what_is_refused(spark: Any, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    stream = spark.readStream.schema("k string, t timestamp").json(str(tmp_path / "in"))
    session = F.session_window("t", "10 seconds")
    counts = stream.withWatermark("t", "1 second").groupBy("k", session).count()
    start = counts.writeStream.format("noop").outputMode("update").start
    assert condition_of(start) == "AnalysisException STREAMING_OUTPUT_MODE.UNSUPPORTED_OPERATION"
    two = stream.groupBy(session, F.window("t", "1 minute"))
    assert condition_of(two.count) == "AnalysisException _LEGACY_ERROR_TEMP_1039"
    batch = spark.sql("select timestamp'2025-01-01 00:00:00' t, 'a' k")
    condition = condition_of(batch.rollup("k", session).count)
    assert condition == "UnsupportedOperationException LIGHTSTREAM_UNSUPPORTED"

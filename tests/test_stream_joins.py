"""Joins of streams: one result however files are batched, state that comes and goes, changes that are refused."""

from __future__ import annotations

import json
import os
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from lightstream.errors import AnalysisException, PySparkException
from lightstream.operators import joined, key_index
from lightstream.operators.mapped_rows import MappedRows
from lightstream.sql import SparkSession
from lightstream.sql import functions as F

BATCHES = 8
SPAN = 40  # rows match when they are less than this many seconds apart
DELAY = 30


@pytest.fixture
def spark() -> Iterator[Any]:
    session = SparkSession.builder.create()
    session.conf.set("spark.sql.session.timeZone", "UTC")
    yield session
    session.stop()


@pytest.fixture
def rows(tmp_path: Path) -> dict[str, list[tuple[Any, int]]]:
    """Rows (key, seconds) of both sides, a file a batch; no row comes too late."""
    draw = random.Random(11)
    found: dict[str, list[tuple[Any, int]]] = {"left": [], "right": []}
    for side, into in found.items():
        (tmp_path / side).mkdir()
        for batch in range(BATCHES):
            drawn = [
                (draw.choice([None, *"abcd"]), 1000 + 20 * batch + draw.randrange(20)) for _ in range(12)
            ]
            path = tmp_path / side / f"{batch}.json"
            path.write_text("".join(json.dumps({"k": k, "n": n}) + "\n" for k, n in drawn))
            os.utime(path, (1_700_000_000 + batch, 1_700_000_000 + batch))
            into += drawn
    return found


def streams(spark: Any, directory: Path, **options: Any) -> tuple[Any, Any]:
    def side(name: str, letter: str) -> Any:
        frame = spark.readStream.schema("k string, n int").options(**options).json(str(directory / name))
        named = frame.selectExpr(f"k {letter}k", f"n {letter}n", f"timestamp_seconds(n) {letter}t")
        return named.withWatermark(f"{letter}t", f"{DELAY} seconds")

    return side("left", "l"), side("right", "r")


def near(spark: Any, directory: Path, kind: str, **options: Any) -> Any:
    left, right = streams(spark, directory, **options)
    span = f"interval {SPAN} seconds"
    condition = F.expr(f"lk = rk and lt > rt - {span} and lt < rt + {span}")
    frame = left.join(right, condition, kind)
    return frame.select("lk", "ln", *([] if kind == "leftsemi" else ["rk", "rn"]))


def run(frame: Any, checkpoint: Path) -> tuple[list[tuple[Any, ...]], list[Any]]:
    found: list[tuple[Any, ...]] = []
    query = (
        frame.writeStream.option("checkpointLocation", str(checkpoint))
        .foreachBatch(lambda batch, _: found.extend(tuple(row) for row in batch.collect()))
        .trigger(availableNow=True)
        .start()
    )
    query.awaitTermination()
    return found, query.recentProgress


def expected(kind: str, rows: dict[str, list[tuple[Any, int]]]) -> Counter[Any]:
    """What comes out in the end: pairs, and rows that can find no match any more."""
    watermark = min(max(n for _, n in side) for side in rows.values()) - DELAY
    # Spark: in a full outer join, null keys are equal.
    pairs = [
        (left, right)
        for left in rows["left"]
        for right in rows["right"]
        if left[0] == right[0] and abs(left[1] - right[1]) < SPAN and (kind == "full" or left[0] is not None)
    ]
    if kind == "leftsemi":
        met = {id(left) for left, _ in pairs}
        return Counter(left for left in rows["left"] if id(left) in met)
    found = Counter((*left, *right) for left, right in pairs)
    for side, kinds in ((0, ("left", "full")), (1, ("right", "full"))):
        met = {id(pair[side]) for pair in pairs}
        for row in rows[("left", "right")[side]] if kind in kinds else ():
            if id(row) not in met and row[1] + SPAN <= watermark:
                found[(*row, None, None) if side == 0 else (None, None, *row)] += 1
    return found


@pytest.fixture(params=["a scan", "a copy", "a copy that is made anew with each batch"])
def looked_up(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """How the stored rows are looked up."""
    used = []
    if request.param != "a scan":
        monkeypatch.setattr(joined, "_MIN_COPY_ROWS", 1)
        monkeypatch.setattr(key_index, "_FRACTION", 1)
        near = MappedRows.near
        monkeypatch.setattr(MappedRows, "near", lambda *given: used.append(1) or near(*given))
    if request.param == "a copy that is made anew with each batch":
        monkeypatch.setattr(joined, "_SINCE_FRACTION", 1_000_000)
    yield
    assert bool(used) == (request.param != "a scan")


@pytest.mark.parametrize("fold_rows", [1, 20_000])
@pytest.mark.parametrize("kind", ["inner", "left", "right", "full", "leftsemi"])
@pytest.mark.usefixtures("looked_up")
def test_all_at_once_file_by_file_and_restarted(
    spark: Any, rows: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, fold_rows: int
) -> None:
    monkeypatch.setattr(joined, "_MIN_FOLD_ROWS", fold_rows)
    wanted = expected(kind, rows)
    at_once, _ = run(near(spark, tmp_path, kind), tmp_path / "c1")
    by_file, progress = run(near(spark, tmp_path, kind, maxFilesPerTrigger=1), tmp_path / "c2")
    assert Counter(at_once) == Counter(by_file) == wanted
    assert sum(wanted.values()) > 50
    part, restarted = tmp_path / "part", []
    for side in ("left", "right"):
        (part / side).mkdir(parents=True)
    for batch in range(BATCHES):
        for side in ("left", "right"):
            os.link(tmp_path / side / f"{batch}.json", part / side / f"{batch}.json")
        restarted += run(near(spark, part, kind), tmp_path / "c3")[0]
    assert Counter(restarted) == wanted
    last = progress[-1].stateOperators[0]
    with duckdb.connect(str(tmp_path / "c2" / "state" / "state.duckdb"), read_only=True) as state:
        tables = {name for (name,) in state.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
        counts = {
            name: state.execute(f"SELECT count(*) FROM {name}").fetchone()[0]
            for name in tables
            if name in ("join_0_l", "join_0_r", "join_0_l_matched", "join_0_r_matched")
        }
    # Rows that can find no match have left, and with the tables' next version their marks.
    assert counts["join_0_l"] + counts["join_0_r"] == last.numRowsTotal < 12 * BATCHES
    assert sum(entry.stateOperators[0].numRowsRemoved for entry in progress) > 4 * BATCHES
    if fold_rows == 1:
        for letter in "lr":
            assert counts.get(f"join_0_{letter}_matched", 0) <= 2 * counts[f"join_0_{letter}"]


def test_hashes_of_another_version_are_made_anew(spark: Any, rows: Any, tmp_path: Path) -> None:
    for side in ("left", "right"):
        (tmp_path / "part" / side).mkdir(parents=True)
    found = []
    for batch in range(BATCHES):
        for side in ("left", "right"):
            os.link(tmp_path / side / f"{batch}.json", tmp_path / "part" / side / f"{batch}.json")
        found += run(near(spark, tmp_path / "part", "left"), tmp_path / "c")[0]
        with duckdb.connect(str(tmp_path / "c" / "state" / "state.duckdb")) as state:
            for letter in "lr":
                state.execute(f"UPDATE join_0_{letter} SET h = 0")
                state.execute(f"UPDATE join_0_{letter}_hashed_by SET version = 'v0'")
    assert Counter(found) == expected("left", rows)


def test_a_changed_join_over_a_checkpoint_is_refused(spark: Any, rows: Any, tmp_path: Path) -> None:
    run(near(spark, tmp_path, "inner"), tmp_path / "c")
    (tmp_path / "left" / "more.json").write_text('{"k": "a", "n": 2000}\n')
    left, right = streams(spark, tmp_path)
    both = left.select("lk").union(right.select("rk"))
    near_in_time = "lt > rt - interval 1 second and lt < rt + interval 1 second"
    for frame, condition in (
        (left.join(right, F.expr(f"ln = rn and {near_in_time}")), "STATE_STORE_KEY_SCHEMA_NOT_COMPATIBLE"),
        (
            left.join(right, F.expr(f"lk = rk and {near_in_time}")).select("lk"),
            "STATE_STORE_VALUE_SCHEMA_NOT_COMPATIBLE",
        ),
        (near(spark, tmp_path, "left"), "STATE_STORE_VALUE_SCHEMA_NOT_COMPATIBLE"),
        (both, "STREAMING_STATEFUL_OPERATOR_NOT_MATCH_IN_STATE_METADATA"),
        (both.dropDuplicates(["lk"]), "STREAMING_STATEFUL_OPERATOR_NOT_MATCH_IN_STATE_METADATA"),
    ):
        with pytest.raises(PySparkException, match=condition):
            run(frame, tmp_path / "c")


def test_two_event_times_are_one_too_many(spark: Any, rows: Any, tmp_path: Path) -> None:
    left, right = streams(spark, tmp_path)
    both = left.join(right, F.expr("lk = rk and lt = rt"))
    for number, frame in enumerate((both.dropDuplicates(["lk"]), both.groupBy("lt", "rt").count())):
        with pytest.raises(PySparkException, match="MULTIPLE_EVENT_TIME_COLUMNS"):
            run(frame, tmp_path / f"c{number}")


def test_a_join_without_an_equality_fails_when_it_runs(spark: Any, rows: Any, tmp_path: Path) -> None:
    left, right = streams(spark, tmp_path)
    with pytest.raises(PySparkException, match="without equality predicate"):
        run(left.join(right, F.expr("lt > rt")), tmp_path / "c")


def test_conditions_of_a_join_are_deterministic(spark: Any, rows: Any, tmp_path: Path) -> None:
    left, right = streams(spark, tmp_path)
    with pytest.raises(AnalysisException) as caught:
        left.join(right, F.expr("lk = rk and rand() < 0.5"))
    assert caught.value.getCondition() == "INVALID_NON_DETERMINISTIC_EXPRESSIONS"


def test_floating_point_keys_are_equal_as_numbers_are(spark: Any, tmp_path: Path) -> None:
    for side, values in (("left", [0.0, "NaN", 1.5]), ("right", [-0.0, "NaN", 2.5])):
        (tmp_path / side).mkdir()
        for number, value in enumerate(values):
            (tmp_path / side / f"{number}.json").write_text(json.dumps({"x": value}) + "\n")
    frames = [
        spark.readStream.schema("x double").option("maxFilesPerTrigger", 1).json(str(tmp_path / side))
        for side in ("left", "right")
    ]
    found, _ = run(frames[0].join(frames[1], "x"), tmp_path / "c")
    assert sorted(map(repr, found)) in (["(0.0,)", "(nan,)"], ["(-0.0,)", "(nan,)"])


def test_a_stream_joined_with_itself_is_two_sources(spark: Any, rows: Any, tmp_path: Path) -> None:
    stream = spark.readStream.schema("k string, n int").json(str(tmp_path / "left"))
    found, progress = run(stream.join(stream.select("k", F.col("n").alias("m")), "k"), tmp_path / "c")
    assert len(progress[0].sources) == 2 and progress[0].numInputRows == 24 * BATCHES
    pairs = [(k, n, m) for k, n in rows["left"] for j, m in rows["left"] if k == j and k is not None]
    assert Counter(found) == Counter(pairs)

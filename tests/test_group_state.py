"""applyInPandasWithState and applyInPolarsWithState: what functions are given, what is kept, and when they time out."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest
from sql_api_fixtures import condition_of

from lightstream.operators import keyed
from lightstream.sql import SparkSession
from lightstream.sql import functions as F
from lightstream.sql.streaming.state import GroupStateTimeout

OUTPUT = "k string, n long"
FILES = [
    [("a", 0), ("b", 1), ("a", 2)],
    [("a", 20), (None, 21)],
    [("c", 40)],
    [("c", 60), ("a", 5)],
    [("b", 61), ("b", 62), (None, 90)],
]


@pytest.fixture
def spark() -> Iterator[Any]:
    session = SparkSession.builder.create()
    session.conf.set("spark.sql.session.timeZone", "UTC")
    yield session
    session.stop()


def put(directory: Path, *positions: int) -> None:
    (directory / "in").mkdir(exist_ok=True)
    for position in positions:
        path = directory / "in" / f"{position}.json"
        rows = [{"k": k, "m": m} for k, m in FILES[position]]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        os.utime(path, (1_700_000_000 + position, 1_700_000_000 + position))


def stream(spark: Any, directory: Path) -> Any:
    frame = spark.readStream.schema("k string, m int").option("maxFilesPerTrigger", 1)
    frame = frame.json(str(directory / "in"))
    return frame.withColumn("t", F.timestamp_seconds(F.col("m") * 60)).withWatermark("t", "5 minutes")


def run(frame: Any, directory: Path, mode: str = "update") -> tuple[list[list[tuple[Any, ...]]], list[Any]]:
    given: list[list[tuple[Any, ...]]] = []
    writer = frame.writeStream.outputMode(mode).option("checkpointLocation", str(directory / "checkpoint"))
    query = writer.foreachBatch(
        lambda rows, i: given.append(sorted((tuple(row) for row in rows.collect()), key=repr))
    )
    query = query.trigger(availableNow=True).start()
    query.awaitTermination(60)
    return given, query.recentProgress


def count(key: tuple[Any, ...], frames: Any, state: Any) -> Any:
    rows = sum(len(frame) for frame in frames)
    total = rows + (state.get[0] if state.exists else 0)
    state.update((total,))
    name = None if pd.isna(key[0]) else key[0]
    yield pd.DataFrame({"k": [name], "n": [total]})


def polars_count(key: tuple[Any, ...], frame: pl.DataFrame, state: Any) -> pl.DataFrame:
    assert frame["k"].unique().to_list() == [key[0]]
    total = len(frame) + (state.getOption or (0,))[0]
    state.update((total,))
    return pl.DataFrame({"n": [total], "k": [key[0]]})


@pytest.mark.parametrize("kind", ["Pandas", "Polars"])
@pytest.mark.parametrize("stops", [(), (1, 3)])
@pytest.mark.parametrize("fold_rows", [1, 20_000])
def test_state_is_kept_by_key(
    spark: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    stops: tuple[int, ...],
    fold_rows: int,
) -> None:
    monkeypatch.setattr(keyed, "_MIN_FOLD_ROWS", fold_rows)
    given: list[Any] = []
    progress: list[Any] = []
    for begin, end in zip((0, *stops), (*stops, len(FILES)), strict=True):
        put(tmp_path, *range(begin, end))
        groups = stream(spark, tmp_path).groupBy("k")
        apply = getattr(groups, f"applyIn{kind}WithState")
        function = count if kind == "Pandas" else polars_count
        more, entries = run(apply(function, OUTPUT, "n long", "update", "NoTimeout"), tmp_path)
        given += more
        progress += entries
    totals: Counter[Any] = Counter()
    for position, rows in enumerate(FILES):
        totals.update(k for k, _ in rows)
        touched = {k for k, _ in rows}
        assert given[position] == sorted(((k, totals[k]) for k in touched), key=repr)
        state = progress[position].stateOperators[0]
        assert (state.operatorName, state.numRowsTotal, state.numRowsUpdated, state.numRowsRemoved) == (
            "applyInPandasWithState",
            len(totals),
            len(touched),
            0,
        )


@pytest.mark.parametrize("fold_rows", [1, 20_000])
def test_groups_time_out_when_the_watermark_has_passed(
    spark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fold_rows: int
) -> None:
    monkeypatch.setattr(keyed, "_MIN_FOLD_ROWS", fold_rows)

    def function(key: Any, frames: Any, state: Any) -> Any:
        if state.hasTimedOut:
            [frame] = frames
            assert len(frame) == 0 and list(frame.columns) == ["k", "m", "t"]
            state.remove()
            yield pd.DataFrame({"k": [str(key[0])], "n": [-state.getCurrentWatermarkMs() // 60_000]})
            return
        last = max(int(frame["m"].max()) for frame in frames)
        state.update((last,))
        state.setTimeoutTimestamp(max(last, state.getCurrentWatermarkMs() // 60_000) * 60_000)
        yield pd.DataFrame({"k": [str(key[0])], "n": [last]})

    put(tmp_path, *range(len(FILES)))
    frame = stream(spark, tmp_path).groupBy("k")
    frame = frame.applyInPandasWithState(
        function, OUTPUT, "last long", "append", GroupStateTimeout.EventTimeTimeout
    )
    given, progress = run(frame, tmp_path, "append")
    assert given[:2] == [[("a", 2), ("b", 1)], [("a", 20), ("nan", 21)]]
    assert given[2:4] == [[("b", -16), ("c", 40)], [("a", -35), ("c", 60), ("nan", -35)]]
    numbers = [
        (s.numRowsTotal, s.numRowsRemoved, s.numRowsDroppedByWatermark)
        for p in progress
        for s in p.stateOperators
    ]
    assert numbers[-1][0] == 1  # the watermark has not reached the last row
    assert sum(removed for _, removed, _ in numbers) == sum(n < 0 for rows in given for _, n in rows) > 3
    assert sum(dropped for _, _, dropped in numbers) == 2  # a at minutes 0 and 5


def test_groups_time_out_by_the_clock_without_data(spark: Any, tmp_path: Path) -> None:
    def function(key: Any, frame: Any, state: Any) -> Any:
        if state.hasTimedOut:
            assert len(frame) == 0
            state.remove()
            return pl.DataFrame({"k": [key[0]], "n": [-1]})
        state.update((len(frame),))
        state.setTimeoutDuration(1)
        return [pl.DataFrame({"k": [key[0]], "n": [len(frame)]})]

    put(tmp_path, 0, 1)
    frame = stream(spark, tmp_path).groupBy("k")
    frame = frame.applyInPolarsWithState(function, OUTPUT, "n long", "append", "ProcessingTimeTimeout")
    query = frame.writeStream.format("memory").queryName("outs").outputMode("append").start()
    query.processAllAvailable()
    # A group times out a millisecond after the batch that had its rows, in a later batch.
    while query.lastProgress.stateOperators[0].numRowsTotal > 0:
        query.processAllAvailable()
    assert spark.table("outs").where("n = -1").groupBy("k").count().count() == 3
    batches = query.lastProgress.batchId
    query.processAllAvailable()
    query.processAllAvailable()
    assert query.lastProgress.batchId == batches  # nothing is waited for: no batches without data
    query.stop()


def test_values_of_all_kinds_come_back(spark: Any, tmp_path: Path) -> None:
    import datetime
    import decimal

    value = (
        1, 2.5, "ü", True, None, b"\x00\xff", datetime.date(2025, 1, 2), datetime.datetime(2025, 1, 2, 3, 4, 5, 6),
        decimal.Decimal("1.50"), [1, None], {"a": [1]}, (3, "x"),
    )  # fmt: skip
    seen: list[Any] = []

    def function(key: Any, frames: Any, state: Any) -> Any:
        if state.exists:
            seen.append(state.get)
        state.update(value)
        return iter(())

    put(tmp_path, *range(len(FILES)))
    types = (
        "i int, d double, s string, b boolean, n string, y binary, e date, t timestamp, c decimal(5,2), "
        "l array<int>, m map<string, array<int>>, u struct<a: int, b: string>"
    )
    frame = stream(spark, tmp_path).groupBy("k")
    run(frame.applyInPandasWithState(function, OUTPUT, types, "update", "NoTimeout"), tmp_path)
    assert len(seen) == 5
    for found in seen:
        assert found == value


def failure(frame: Any, directory: Path) -> str:
    query = frame.writeStream.format("noop").outputMode("update").trigger(availableNow=True).start()
    with pytest.raises(Exception) as caught:
        query.awaitTermination(60)
    return str(caught.value)


@pytest.mark.parametrize(
    ("use", "timeout", "text"),
    [
        (lambda state: state.get, "NoTimeout", "STATE_NOT_EXISTS"),
        (lambda state: state.update(None), "NoTimeout", "CANNOT_BE_NONE"),
        (lambda state: state.setTimeoutDuration(5), "NoTimeout", "CANNOT_WITHOUT"),
        (lambda state: state.setTimeoutDuration(0), "ProcessingTimeTimeout", "VALUE_NOT_POSITIVE"),
        (lambda state: state.setTimeoutDuration("5"), "ProcessingTimeTimeout", "NOT_EXPECTED_TYPE"),
        (lambda state: state.setTimeoutTimestamp(5), "NoTimeout", "CANNOT_WITHOUT"),
        (lambda state: state.setTimeoutTimestamp(0), "EventTimeTimeout", "VALUE_NOT_POSITIVE"),
        (lambda state: 1 // 0, "NoTimeout", "ZeroDivisionError"),
    ],
)
def test_errors_of_the_function_end_the_query(
    spark: Any, tmp_path: Path, use: Any, timeout: str, text: str
) -> None:
    def function(key: Any, frames: Any, state: Any) -> Any:
        use(state)
        return iter(())

    put(tmp_path, 0)
    frame = stream(spark, tmp_path).groupBy("k")
    said = failure(frame.applyInPandasWithState(function, OUTPUT, "n int", "update", timeout), tmp_path)
    assert "PYTHON_EXCEPTION" in said and text in said
    assert "in function" in said, "the user's own traceback"


def test_what_is_given_back_is_checked(spark: Any, tmp_path: Path) -> None:
    put(tmp_path, 0)
    groups = stream(spark, tmp_path).groupBy("k")
    for made, text in [
        (None, "UDF_RETURN_TYPE"),
        (pd.DataFrame({"k": ["a"], "n": [1]}), "UDF_RETURN_TYPE"),
        ([1], "UDF_RETURN_TYPE"),
        ([pd.DataFrame({"k": ["a"]})], "RESULT_COLUMN_SCHEMA_MISMATCH"),
        ([pd.DataFrame({"k": ["a"], "x": [1]})], "RESULT_COLUMN_NAMES_MISMATCH"),
    ]:
        frame = groups.applyInPandasWithState(
            lambda k, f, s, m=made: m, OUTPUT, "n int", "update", "NoTimeout"
        )
        assert text in failure(frame, tmp_path)
    frame = groups.applyInPolarsWithState(lambda k, f, s: 5, OUTPUT, "n int", "update", "NoTimeout")
    assert "UDF_RETURN_TYPE" in failure(frame, tmp_path)


def test_what_is_refused(spark: Any, tmp_path: Path) -> None:
    put(tmp_path, 0)
    groups = stream(spark, tmp_path).groupBy("k")

    def apply(mode: str, timeout: str = "NoTimeout", of: Any = groups) -> Any:
        return of.applyInPandasWithState(count, OUTPUT, "n long", mode, timeout)

    def start(frame: Any, mode: str) -> Any:
        return lambda: frame.writeStream.format("noop").outputMode(mode).start()

    for call in (
        start(apply("update"), "append"),
        start(apply("append"), "update"),
        start(apply("append", of=apply("append").groupBy("k")), "append"),
        start(apply("update").groupBy("k").count(), "update"),
        start(
            apply("append", "EventTimeTimeout", stream(spark, tmp_path).select("k").groupBy("k")),
            "append",
        ),
    ):
        assert condition_of(call) == "AnalysisException _LEGACY_ERROR_TEMP_3102"
    assert condition_of(lambda: apply("complete")).startswith("IllegalArgumentException")
    batch = spark.createDataFrame([("a",)], "k string").groupBy("k")
    assert condition_of(lambda: apply("append", of=batch)).startswith("UnsupportedOperationException")


def test_a_changed_state_is_refused(spark: Any, tmp_path: Path) -> None:
    put(tmp_path, 0)
    groups = stream(spark, tmp_path).groupBy("k")
    run(groups.applyInPandasWithState(count, OUTPUT, "n long", "update", "NoTimeout"), tmp_path)
    put(tmp_path, 1)
    with pytest.raises(Exception, match="STATE_STORE_VALUE_SCHEMA_NOT_COMPATIBLE"):
        run(groups.applyInPandasWithState(count, OUTPUT, "n int", "update", "NoTimeout"), tmp_path)

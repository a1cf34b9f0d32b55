"""transformWithState: variables, timers, times to live, initial state; batch by batch, folded and restarted."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sql_api_fixtures import condition_of

from lightstream.errors import UnsupportedOperationException
from lightstream.operators import keyed
from lightstream.sql import Row, SparkSession
from lightstream.sql import functions as F
from lightstream.sql.streaming import StatefulProcessor

OUTPUT = "k string, n long, w string"
FILES = [
    [("a", 60), ("b", 61), ("a", 62)],
    [("a", 80), (None, 81)],
    [("c", 100)],
    [("c", 120), ("a", 65), ("b", 121)],
    [("b", 122), (None, 150)],
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
        path.write_text("".join(json.dumps({"k": k, "m": m}) + "\n" for k, m in FILES[position]))
        os.utime(path, (1_700_000_000 + position, 1_700_000_000 + position))


def stream(spark: Any, directory: Path, late: bool = True) -> Any:
    frame = spark.readStream.schema("k string, m int").option("maxFilesPerTrigger", 1)
    frame = frame.json(str(directory / "in"))
    frame = frame.withColumn("t", F.timestamp_seconds(F.col("m") * 60))
    return frame.withWatermark("t", "5 minutes") if late else frame


def run(frame: Any, directory: Path) -> tuple[list[list[Any]], list[Any]]:
    given: list[list[Any]] = []
    writer = frame.writeStream.option("checkpointLocation", str(directory / "checkpoint"))
    query = writer.foreachBatch(
        lambda rows, i: given.append(sorted((tuple(row) for row in rows.collect()), key=repr))
    )
    query = query.trigger(availableNow=True).start()
    query.awaitTermination(60)
    return given, query.recentProgress


class Variables(StatefulProcessor):
    def init(self, handle: Any) -> None:
        self.total = handle.getValueState("total", "n int")
        self.minutes = handle.getListState("minutes", "m int")
        self.seen = handle.getMapState("seen", "tens int", "n int")

    def handleInputRows(self, key: Any, rows: Any, times: Any) -> Iterator[Row]:
        minutes = [row.m for row in rows]
        self.total.update(((self.total.get() or (0,))[0] + len(minutes),))
        self.minutes.appendList([(m,) for m in minutes])
        for m in minutes:
            self.seen.updateValue((m // 10,), ((self.seen.getValue((m // 10,)) or (0,))[0] + 1,))
        told = (list(self.minutes.get()), sorted(self.seen.iterator()))
        assert sorted(self.seen.keys()) == [k for k, _ in told[1]] and self.seen.exists()
        assert (times.getCurrentProcessingTimeInMs(), times.getCurrentWatermarkInMs()) == (-1, -1)
        yield Row(w=str(told), n=self.total.get()[0], k=key[0])


@pytest.mark.parametrize("stops", [(), (1, 3)])
@pytest.mark.parametrize("fold_rows", [1, 20_000])
def test_variables_are_kept_by_key(
    spark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stops: tuple[int, ...], fold_rows: int
) -> None:
    monkeypatch.setattr(keyed, "_MIN_FOLD_ROWS", fold_rows)
    given: list[Any] = []
    progress: list[Any] = []
    for begin, end in zip((0, *stops), (*stops, len(FILES)), strict=True):
        put(tmp_path, *range(begin, end))
        groups = stream(spark, tmp_path, late=False).groupBy("k")
        more, entries = run(groups.transformWithState(Variables(), OUTPUT, "append", "None"), tmp_path)
        given += more
        progress += entries
    minutes: dict[Any, list[int]] = {}
    for position, rows in enumerate(FILES):
        for k, m in rows:
            minutes.setdefault(k, []).append(m)
        expected = []
        for k in {k for k, _ in rows}:
            tens = sorted(((ten,), (n,)) for ten, n in Counter(m // 10 for m in minutes[k]).items())
            expected.append((k, len(minutes[k]), str(([(m,) for m in minutes[k]], tens))))
        assert given[position] == sorted(expected, key=repr)
        state = progress[position].stateOperators[0]
        stored = sum(2 + len({m // 10 for m in found}) for found in minutes.values())
        assert (state.operatorName, state.numRowsTotal) == ("transformWithStateInPySparkExec", stored)
        assert (state.numRowsUpdated, state.numRowsDroppedByWatermark) == (
            len({k for k, _ in rows}) + 2 * len(rows),
            0,
        )


class Timers(StatefulProcessor):
    def init(self, handle: Any) -> None:
        self.handle = handle

    def handleInputRows(self, key: Any, rows: Any, times: Any) -> Iterator[Row]:
        last = max(row.m for row in rows)
        self.handle.registerTimer(last * 60_000)
        self.handle.registerTimer((last + 1) * 60_000)
        self.handle.registerTimer((last + 2) * 60_000)
        self.handle.deleteTimer((last + 1) * 60_000)
        yield Row(k=str(key[0]), n=last, w=str(len(list(self.handle.listTimers()))))

    def handleExpiredTimer(self, key: Any, timerValues: Any, expiredTimerInfo: Any) -> Iterator[Row]:
        assert expiredTimerInfo.getExpiryTimeInMs() <= timerValues.getCurrentWatermarkInMs()
        yield Row(k=str(key[0]), n=-expiredTimerInfo.getExpiryTimeInMs() // 60_000, w="")


@pytest.mark.parametrize("stops", [(), (2,)])
@pytest.mark.parametrize("fold_rows", [1, 20_000])
def test_timers_fire_once(
    spark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stops: tuple[int, ...], fold_rows: int
) -> None:
    monkeypatch.setattr(keyed, "_MIN_FOLD_ROWS", fold_rows)
    given: list[Any] = []
    progress: list[Any] = []
    for begin, end in zip((0, *stops), (*stops, len(FILES)), strict=True):
        put(tmp_path, *range(begin, end))
        groups = stream(spark, tmp_path).groupBy("k")
        more, entries = run(groups.transformWithState(Timers(), OUTPUT, "append", "EventTime"), tmp_path)
        given += more
        progress += entries
    fired = [(k, -n) for rows in given for k, n, _ in rows if n < 0]
    last = {("a", 62), ("b", 61), ("a", 80), ("None", 81), ("c", 100), ("c", 120), ("b", 121), ("b", 122)}
    expected = {(k, m + more) for k, m in last for more in (0, 2)} - {("b", 123)}  # which was deleted
    assert sorted(fired) == sorted(expected)
    assert sum(p.stateOperators[0].numRowsDroppedByWatermark for p in progress) == 1


class Expiring(StatefulProcessor):
    def init(self, handle: Any) -> None:
        self.short = handle.getValueState("short", "n int", 1)
        self.list = handle.getListState("list", "n int", 1)
        self.map = handle.getMapState("map", "n int", "m int", 10_000_000)
        self.never = handle.getValueState("never", "n int")

    def handleInputRows(self, key: Any, rows: Any, times: Any) -> Iterator[Row]:
        found = (self.short.get(), list(self.list.get()), list(self.map.keys()), self.never.get())
        for row in rows:
            self.short.update((row.m,))
            self.list.appendValue((row.m,))
            self.map.updateValue((row.m,), (1,))
            self.never.update((row.m,))
        assert self.short.exists() and self.list.exists()
        yield Row(k=key[0], n=1, w=str(found))


@pytest.mark.parametrize("fold_rows", [1, 20_000])
def test_values_expire(spark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fold_rows: int) -> None:
    monkeypatch.setattr(keyed, "_MIN_FOLD_ROWS", fold_rows)
    put(tmp_path, *range(len(FILES)))
    groups = stream(spark, tmp_path).groupBy("k")
    given, progress = run(groups.transformWithState(Expiring(), OUTPUT, "append", "ProcessingTime"), tmp_path)
    seen: dict[Any, list[int]] = {}
    for rows, told in zip(FILES, given, strict=False):
        for k, _, text in told:
            before = seen.get(k, [])
            last = (before[-1],) if before else None
            assert text == str((None, [], [(m,) for m in before], last))
        for k, m in rows:
            seen.setdefault(k, []).append(m)
    # What has expired is gone: of the groups without rows in the last batch, too.
    total = sum(1 + len(found) for found in seen.values())
    assert progress[-1].stateOperators[0].numRowsTotal == total + 2 * len(given[4])


class Frames(StatefulProcessor):
    def init(self, handle: Any) -> None:
        self.total = handle.getValueState("total", "n long")

    def handleInputRows(self, key: Any, rows: Any, times: Any) -> Iterator[pd.DataFrame]:
        before = self.total.get()
        count = sum(len(frame) for frame in rows)
        self.total.update(((before[0] if before else 0) + count,))
        yield pd.DataFrame({"w": [str(before)], "n": [count], "k": [str(key[0])]})

    def handleInitialState(self, key: Any, initial: Any, times: Any) -> None:
        self.total.update((initial["i"].sum(),))


def test_an_initial_state(spark: Any, tmp_path: Path) -> None:
    put(tmp_path, *range(len(FILES)))
    first = spark.createDataFrame([("a", 100), ("z", 7), ("a", 50)], "k string, i int").groupBy("k")
    groups = stream(spark, tmp_path).groupBy("k")
    frame = groups.transformWithStateInPandas(Frames(), OUTPUT, "append", "None", first)
    given, progress = run(frame, tmp_path)
    assert given[0] == [("a", 2, "(150,)"), ("b", 1, "None")]
    assert given[1] == [("a", 1, "(152,)"), ("nan", 1, "None")]
    assert [p.stateOperators[0].numRowsTotal for p in progress[:2]] == [3, 4]


class Times(StatefulProcessor):
    def init(self, handle: Any) -> None:
        pass

    def handleInputRows(self, key: Any, rows: Any, times: Any) -> Iterator[Row]:
        for row in rows:
            yield Row(e=row.t, k=row.k)


def test_a_window_above(spark: Any, tmp_path: Path) -> None:
    put(tmp_path, *range(len(FILES)))
    groups = stream(spark, tmp_path).groupBy("k")
    frame = groups.transformWithState(Times(), "k string, e timestamp", "append", "EventTime", None, "e")
    counts = frame.groupBy(F.window("e", "10 minutes")).count().selectExpr("minute(window.start) m", "count")
    given, _ = run(counts, tmp_path)
    assert [row for rows in given for row in rows] == [(0, 3), (20, 2), (40, 1), (0, 3)]
    late = groups.transformWithState(Times(), "k string, e timestamp", "append", "None", None, "e")
    with pytest.raises(Exception, match="EMITTING_ROWS_OLDER_THAN_WATERMARK_NOT_ALLOWED"):
        run(late.groupBy(F.window("e", "10 minutes")).count(), tmp_path / "other")


def uses(init: Any = None, rows: Any = None) -> StatefulProcessor:
    class Uses(StatefulProcessor):
        def init(self, handle: Any) -> None:
            self.handle = handle
            self.value = handle.getValueState("value", "n int")
            self.list = handle.getListState("list", "n int")
            if init:
                init(handle)

        def handleInputRows(self, key: Any, given: Any, times: Any) -> Iterator[Row]:
            if rows:
                rows(self)
            return iter(())

    return Uses()


@pytest.mark.parametrize(
    ("processor", "text"),
    [
        (uses(init=lambda h: h.getMapState("value", "n int", "m int")), "DUPLICATE_STATE_VARIABLE_DEFINED"),
        (uses(init=lambda h: h.getValueState("v", "n int", 5)), "INCORRECT_TIME_MODE_TO_ASSIGN_TTL"),
        (uses(init=lambda h: h.registerTimer(5)), "INVALID_TIME_MODE"),
        (uses(init=lambda h: 1 // 0), "ZeroDivisionError"),
        (uses(rows=lambda p: p.handle.getValueState("v", "n int")), "INVALID_HANDLE_STATE"),
        (uses(rows=lambda p: p.handle.registerTimer(5)), "INVALID_TIME_MODE"),
        (uses(rows=lambda p: p.list.put([])), "EMPTY_LIST_VALUE"),
        (uses(rows=lambda p: p.value.update((1, 2))), "STRUCT_ARRAY_LENGTH_MISMATCH"),
        (uses(rows=lambda p: 1 // 0), "ZeroDivisionError"),
    ],
)
def test_errors_of_the_processor_end_the_query(
    spark: Any, tmp_path: Path, processor: StatefulProcessor, text: str
) -> None:
    put(tmp_path, 0)
    frame = stream(spark, tmp_path).groupBy("k").transformWithState(processor, OUTPUT, "append", "None")
    with pytest.raises(Exception, match="PYTHON_EXCEPTION") as caught:
        run(frame, tmp_path)
    assert text in str(caught.value)


def test_what_is_refused(spark: Any, tmp_path: Path) -> None:
    put(tmp_path, 0)
    frame = stream(spark, tmp_path)

    def transform(mode: str = "append", time: str = "None", of: Any = frame, **more: Any) -> Any:
        return lambda: of.groupBy("k").transformWithState(
            Times(), "k string, e timestamp", mode, time, **more
        )

    start = transform()().writeStream.format("noop").outputMode("complete").start
    batch = spark.createDataFrame([("a",)], "k string")
    for call, condition in [
        (transform(time="foo"), "IllegalArgumentException STATEFUL_PROCESSOR_UNKNOWN_TIME_MODE"),
        (transform(mode="foo"), "IllegalArgumentException STREAMING_OUTPUT_MODE.INVALID"),
        (transform(eventTimeColumnName="x"), "AnalysisException UNRESOLVED_COLUMN.WITH_SUGGESTION"),
        (transform(eventTimeColumnName="k"), "AnalysisException EVENT_TIME_IS_NOT_ON_TIMESTAMP_TYPE"),
        (start, "AnalysisException STREAMING_OUTPUT_MODE.UNSUPPORTED_OPERATION"),
        (transform(of=batch), "UnsupportedOperationException LIGHTSTREAM_UNSUPPORTED"),
    ]:
        assert condition_of(call) == condition


def test_variables_are_not_read_as_a_state_store(spark: Any, tmp_path: Path) -> None:
    put(tmp_path, 0)
    run(stream(spark, tmp_path).groupBy("k").transformWithState(uses(), OUTPUT, "append", "None"), tmp_path)
    reader = spark.read.format("statestore").option("stateVarName", "seen")
    with pytest.raises(UnsupportedOperationException, match="a variable of the state"):
        reader.load(str(tmp_path / "checkpoint"))


def test_a_changed_processor_is_refused(spark: Any, tmp_path: Path) -> None:
    put(tmp_path, 0)
    groups = stream(spark, tmp_path).groupBy("k")
    run(groups.transformWithState(uses(), OUTPUT, "append", "None"), tmp_path)
    put(tmp_path, 1)
    other = uses(init=lambda handle: handle.getValueState("more", "n int"))
    with pytest.raises(Exception, match="STATE_STORE_VALUE_SCHEMA_NOT_COMPATIBLE"):
        run(groups.transformWithState(other, OUTPUT, "append", "None"), tmp_path)
    same = uses(init=lambda handle: handle.deleteIfExists("more"))
    run(groups.transformWithState(same, OUTPUT, "append", "None"), tmp_path)

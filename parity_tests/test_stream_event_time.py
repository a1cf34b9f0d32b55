"""Event time: windows, watermarks, late rows, deduplication, limits; each query batch by batch with its numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from stream_cases import Cases, Engine, compare

CASES = Cases("event time")
Query = Callable[[Any, Any], Any]  # (frame, F)

SCHEMA = "ts timestamp, k string, n int"
# Minutes of an hour, with rows that come late, far too late, at the same moment, and without a time.
FILES: list[list[Any]] = [
    [1, 2, 6],
    [4, 12],
    [21, 22, 3, None],
    [2, 60, 60],
    [59, 21, 49, 50, 51],
    [75, 40, 74.999],
]


def put(engine: Engine, *positions: int) -> None:
    for position in positions:
        rows = []
        for i, minutes in enumerate(FILES[position]):
            time = None
            if minutes is not None:
                seconds = round(minutes * 60, 3)
                hours, rest = divmod(seconds, 3600)
                time = f"2025-01-01T{int(hours):02}:{int(rest // 60):02}:{rest % 60:06.3f}Z"
            rows.append(
                {"ts": time, "k": "abc"[(position + i) % 3] if i < 4 else None, "n": 10 * position + i}
            )
        engine.write(f"{position}.json", rows, at=position)


def tell_state(engine: Engine, query: Any) -> None:
    for entry in query.recentProgress:
        if "addBatch" not in entry["durationMs"]:
            continue
        engine.tell(entry["batchId"], entry["numInputRows"], entry.get("eventTime", {}))
        for state in entry["stateOperators"]:
            engine.tell(
                state["operatorName"],
                state["numRowsTotal"],
                state["numRowsUpdated"],
                state["numRowsRemoved"],
                state["numRowsDroppedByWatermark"],
                state["customMetrics"].get("numDroppedDuplicateRows"),
            )


def query(mode: str, make: Query, **settings: str) -> Callable[[Engine], None]:
    """A query over all files, one a batch; then again over one file more, from the same checkpoint."""

    def program(engine: Engine) -> None:
        for key, value in settings.items():
            engine.set(f"spark.sql.streaming.{key}", value)
        for positions in ((0, 1, 2, 3, 4), (5,)):
            put(engine, *positions)
            frame = make(engine.stream(schema=SCHEMA, maxFilesPerTrigger=1), engine.F)
            running = engine.start(frame, mode, availableNow=True)
            assert running.awaitTermination(120)
            tell_state(engine, running)

    return program


def late(df: Any, delay: str = "10 minutes") -> Any:
    return df.withWatermark("ts", delay)


WINDOWS: dict[str, Query] = {
    "tumbling": lambda df, F: late(df).groupBy(F.window("ts", "5 minutes")).count(),
    "tumbling and a key": lambda df, F: (
        late(df)
        .groupBy(F.window("ts", "5 minutes"), "k")
        .agg(F.count("*"), F.sum("n"), F.max("n"), F.avg("n"))
    ),
    "the key first": lambda df, F: late(df).groupBy("k", F.window("ts", "5 minutes")).count(),
    "sliding": lambda df, F: late(df).groupBy(F.window("ts", "10 minutes", "5 minutes"), "k").count(),
    "sliding, uneven": lambda df, F: late(df).groupBy(F.window("ts", "10 minutes", "4 minutes")).sum("n"),
    "with a start": lambda df, F: (
        late(df).groupBy(F.window("ts", "10 minutes", "10 minutes", "3 minutes")).count()
    ),
    "with a start before": lambda df, F: (
        late(df).groupBy(F.window("ts", "10 minutes", "5 minutes", "-2 minutes")).count()
    ),
    "a window by another name": lambda df, F: (
        late(df).groupBy(F.window("ts", "5 minutes").alias("w")).count()
    ),
    "start and end taken out": lambda df, F: (
        late(df)
        .groupBy(F.window("ts", "5 minutes"), "k")
        .count()
        .select("window.start", "window.end", "k", "count")
    ),
    "the time itself": lambda df, F: late(df).groupBy("ts").count(),
    "the time and a key": lambda df, F: late(df).groupBy("ts", "k").agg(F.min("n")),
    "no delay": lambda df, F: late(df, "0 seconds").groupBy(F.window("ts", "5 minutes")).count(),
    "a delay of hours": lambda df, F: late(df, "5 hours").groupBy(F.window("ts", "5 minutes")).count(),
    "time computed before": lambda df, F: (
        late(df.withColumn("ts", F.col("ts") + F.expr("interval 30 seconds")))
        .groupBy(F.window("ts", "5 minutes"))
        .count()
    ),
    "time renamed after": lambda df, F: (
        late(df).withColumnRenamed("ts", "t").groupBy(F.window("t", "5 minutes")).count()
    ),
    "filter on another column after": lambda df, F: (
        late(df).where("n % 2 = 0").groupBy(F.window("ts", "5 minutes")).count()
    ),
    "filter on the time after": lambda df, F: (
        late(df).where("minute(ts) <> 22").groupBy(F.window("ts", "5 minutes")).count()
    ),
    "filter before": lambda df, F: late(df.where("n % 2 = 0")).groupBy(F.window("ts", "5 minutes")).count(),
    "filter on a key above": lambda df, F: (
        late(df).groupBy(F.window("ts", "5 minutes"), "k").count().where("k = 'a' or k is null")
    ),
    "filter on an aggregate above": lambda df, F: (
        late(df).groupBy(F.window("ts", "5 minutes")).count().where("count > 1")
    ),
    "the time of a window": lambda df, F: (
        late(df).groupBy(F.window_time(F.window("ts", "5 minutes"))).count()
    ),
    "a window of a window": lambda df, F: (
        late(df).groupBy(F.window(F.window("ts", "5 minutes"), "10 minutes"), "k").count()
    ),
    "a pivot of texts": lambda df, F: (
        late(df).groupBy(F.window("ts", "5 minutes")).pivot("k", ["a", "b"]).agg(F.max("ts"), F.count("n"))
    ),
    "state of many kinds": lambda df, F: (
        late(df)
        .groupBy(F.window("ts", "15 minutes"))
        .agg(F.stddev("n"), F.approx_count_distinct("n"), F.corr("n", "n"), F.min("ts"))
    ),
    "SQL text": lambda df, F: (
        late(df).createOrReplaceTempView("event_rows"),
        df.sparkSession.sql(
            "select window.start, k, count(*) c from event_rows group by window(ts, '5 minutes'), k"
        ),
    )[1],
    "union": lambda df, F: (
        late(df)
        .union(late(df.withColumn("n", -F.col("n")), "1 minute"))
        .groupBy(F.window("ts", "5 minutes"))
        .sum("n")
    ),
    "window of a table": lambda df, F: (
        late(df)
        .join(df.sparkSession.createDataFrame([("a", 1), ("b", 2)], "k string, weight int"), "k")
        .groupBy(F.window("ts", "5 minutes"))
        .sum("weight")
    ),
}
for _name, _make in WINDOWS.items():
    for _mode in ("append", "update", "complete"):
        if _name == "state of many kinds" and _mode == "complete":
            continue  # the same operators as in update mode
        CASES.add(f"{_name}, {_mode}", query(_mode, _make))

CHAINS: dict[str, Query] = {
    "windows of windows": lambda df, F: (
        late(df)
        .groupBy(F.window("ts", "5 minutes"), "k")
        .count()
        .groupBy(F.window("window", "10 minutes"))
        .agg(F.sum("count"))
    ),
    "windows of window times": lambda df, F: (
        late(df)
        .groupBy(F.window("ts", "5 minutes"), "k")
        .count()
        .select(F.window_time("window").alias("t"), "count")
        .groupBy(F.window("t", "20 minutes"))
        .agg(F.max("count"))
    ),
    "a pivot of numbers": lambda df, F: (
        late(df).groupBy(F.window("ts", "10 minutes", "5 minutes")).pivot("k", ["a", "b"]).sum("n")
    ),
    "a pivot in SQL": lambda df, F: (
        late(df).createOrReplaceTempView("event_rows"),
        df.sparkSession.sql(
            "select * from (select ts, k from event_rows) pivot (count(1) for k in ('a' as x, 'b'))"
        ),
    )[1],
    "deduplicated, then counted": lambda df, F: (
        late(df).dropDuplicates(["k", "ts"]).groupBy(F.window("ts", "5 minutes")).count()
    ),
    "deduplicated within the watermark, then counted": lambda df, F: (
        late(df).dropDuplicatesWithinWatermark(["k"]).groupBy(F.window("ts", "5 minutes")).count()
    ),
}
for _name, _make in CHAINS.items():
    CASES.add(_name, query("append", _make))
CASES.add("deduplicated, then counted, update", query("update", CHAINS["deduplicated, then counted"]))

DUPLICATES: dict[str, Query] = {
    "a key": lambda df, F: df.dropDuplicates(["k"]).select("k"),
    "a key, late rows": lambda df, F: late(df).dropDuplicates(["k"]).select("k"),
    "key and time": lambda df, F: late(df).dropDuplicates(["k", "ts"]).select("k", "ts"),
    "time": lambda df, F: late(df).dropDuplicates(["ts"]).select("ts"),
    "all columns": lambda df, F: df.dropDuplicates(),
    "distinct": lambda df, F: df.select("k", (F.col("n") % 3).alias("m")).distinct(),
    "within the watermark": lambda df, F: late(df).dropDuplicatesWithinWatermark(["k"]).select("k"),
    "within the watermark, all columns": lambda df, F: (
        late(df).select("ts", "k").dropDuplicatesWithinWatermark()
    ),
}
for _name, _make in DUPLICATES.items():
    for _mode in ("append", "update"):
        CASES.add(f"duplicates by {_name}, {_mode}", query(_mode, _make))

CASES.add("limit", query("append", lambda df, F: df.select("k").limit(6)))
CASES.add("limit of a limit", query("append", lambda df, F: df.select("k").limit(9).limit(6)))
for _name, _constant in {
    "limit": lambda df: df.limit(6),
    "duplicates": lambda df: df.dropDuplicates(["k"]),
    "duplicates within": lambda df: df.withWatermark("ts", "1 minute").dropDuplicatesWithinWatermark(["k"]),
    "distinct": lambda df: df.select("one", "k").distinct(),
}.items():
    CASES.add(
        f"a constant, {_name}",
        query("append", lambda df, F, c=_constant: c(df.selectExpr("1 AS one", "k", "ts")).select("one")),
    )
CASES.add(
    "rows without nulls",
    query("append", lambda df, F: late(df).na.drop().groupBy(F.window("ts", "5 minutes"), "k").count()),
)
CASES.add(
    "windows over groups by time",
    query(
        "append",
        lambda df, F: (
            late(df)
            .groupBy("ts", "k")
            .agg(F.sum("n").alias("n"))
            .withColumn("m", F.lit(1))
            .groupBy(F.window("ts", "5 minutes"))
            .agg(F.sum("n"))
        ),
    ),
)
CASES.add("a watermark and no state", query("append", lambda df, F: late(df).select("k", "ts")))
CASES.add("a watermark and a filter", query("append", lambda df, F: late(df).where("k || '' = 'a'")))
CASES.add("keys without time, update", query("update", lambda df, F: late(df).groupBy("k").count()))
CASES.add("no keys, update", query("update", lambda df, F: late(df).agg(F.count("*"), F.max("ts"))))
CASES.add(
    "the start of a window, update",
    query("update", lambda df, F: late(df).groupBy(F.window("ts", "5 minutes").start).count()),
)


def two_watermarks(df: Any, F: Any) -> Any:
    even, odd = late(df.where("n % 2 = 0"), "1 minute"), late(df.where("n % 2 = 1"), "20 minutes")
    return even.union(odd).groupBy(F.window("ts", "5 minutes")).count()


for _policy in ("min", "max"):
    CASES.add(f"two watermarks, {_policy}", query("append", two_watermarks, multipleWatermarkPolicy=_policy))
CASES.add(
    "no batches without data",
    query("append", WINDOWS["tumbling"], **{"noDataMicroBatches.enabled": "false"}),
)
CASES.add(
    "one watermark for late rows and closing",
    query("append", WINDOWS["tumbling and a key"], **{"statefulOperator.allowMultiple": "false"}),
)


@CASES
def a_batch_without_data_closes_windows(engine: Engine) -> None:
    F = engine.F
    counts = late(engine.stream(schema=SCHEMA)).groupBy(F.window("ts", "5 minutes"), "k").count()
    running = engine.start(counts, "append")
    for position in range(len(FILES)):
        put(engine, position)
        running.processAllAvailable()
    tell_state(engine, running)
    running.stop()


@CASES
def windows_rolled_up(engine: Engine) -> None:
    F = engine.F
    put(engine, *range(len(FILES)))
    frame = late(engine.stream(schema=SCHEMA, maxFilesPerTrigger=2))
    running = engine.start(
        frame.rollup(F.window("ts", "5 minutes"), "k").count(), "append", availableNow=True
    )
    assert running.awaitTermination(120)
    tell_state(engine, running)


@CASES
def a_query_goes_on_from_its_state_with_another_filter(engine: Engine) -> None:
    F = engine.F
    for positions, condition in (((0, 1, 2), "n % 2 = 0"), ((3, 4), "n % 2 = 1"), ((5,), "true")):
        put(engine, *positions)
        frame = late(engine.stream(schema=SCHEMA, maxFilesPerTrigger=1)).where(condition)
        running = engine.start(
            frame.groupBy(F.window("ts", "5 minutes")).count(), "append", availableNow=True
        )
        assert running.awaitTermination(120)
        tell_state(engine, running)


@pytest.mark.parametrize("program", list(CASES))
def test_event_time(spark: Any, lightstream: Any, tmp_path: Any, program: Callable[[Engine], None]) -> None:
    compare(spark, lightstream, tmp_path, program)


BATCH: dict[str, Query] = {
    **{
        name: make for name, make in WINDOWS.items() if name not in ("union", "SQL text", "window of a table")
    },
    "window in a select": lambda df, F: df.select(F.window("ts", "10 minutes"), "n"),
    "start in a select": lambda df, F: df.select(F.window("ts", "10 minutes").start, "n"),
    "a field with a name": lambda df, F: df.groupBy(
        F.window("ts", "7 minutes").getField("end").alias("e")
    ).count(),
    "the same window twice": lambda df, F: df.select(
        F.window("ts", "1 hour"), F.window("ts", "1 hour").alias("w")
    ),
    "two windows": lambda df, F: df.select(F.window("ts", "1 hour"), F.window("ts", "2 hours")),
    "days": lambda df, F: df.groupBy(F.window("ts", "1 day")).count(),
    "weeks": lambda df, F: df.groupBy(F.window("ts", "1 week", "1 day")).count(),
    "months": lambda df, F: df.groupBy(F.window("ts", "1 month")).count(),
    "no interval": lambda df, F: df.groupBy(F.window("ts", "abc")).count(),
    "no length": lambda df, F: df.groupBy(F.window("ts", "0 seconds")).count(),
    "slides by more than its length": lambda df, F: df.groupBy(
        F.window("ts", "5 minutes", "10 minutes")
    ).count(),
    "starts after its slide": lambda df, F: df.groupBy(
        F.window("ts", "5 minutes", "5 minutes", "6 minutes")
    ).count(),
    "a number": lambda df, F: df.groupBy(F.window("n", "5 minutes")).count(),
    "a date": lambda df, F: df.groupBy(F.window(F.to_date("ts"), "12 hours")).count(),
    "text": lambda df, F: df.groupBy(F.window(F.col("ts").cast("string"), "12 hours")).count(),
    "without a zone": lambda df, F: df.groupBy(
        F.window(F.col("ts").cast("timestamp_ntz"), "5 minutes")
    ).count(),
    "before 1970": lambda df, F: df.groupBy(
        F.window(F.col("ts") - F.expr("interval 60 years"), "7 minutes", "3 minutes")
    ).count(),
    "count of windows": lambda df, F: df.select(F.count(F.window("ts", "10 minutes"))),
    "window_time": lambda df, F: (
        df.groupBy(F.window("ts", "5 minutes")).count().select(F.window_time("window"), "count")
    ),
    "watermark in a batch": lambda df, F: df.withWatermark("ts", "1 minute"),
    "watermark on anything in a batch": lambda df, F: df.withWatermark("n", "1 minute"),
    "watermark without an interval": lambda df, F: df.withWatermark("ts", "abc"),
    "within a watermark, in a batch": lambda df, F: df.dropDuplicatesWithinWatermark(["k"]),
    "SQL": lambda df, F: (
        df.createOrReplaceTempView("event_rows"),
        df.sparkSession.sql(
            "select window, window.end, count(*) from event_rows group by window(ts, '10 minutes', '5 minutes')"
        ),
    )[1],
    "SQL, one argument": lambda df, F: (
        df.createOrReplaceTempView("event_rows"),
        df.sparkSession.sql("select window(ts) from event_rows"),
    )[1],
    "SQL, no literal": lambda df, F: (
        df.createOrReplaceTempView("event_rows"),
        df.sparkSession.sql("select window(ts, k) from event_rows"),
    )[1],
}

for _name, _windows in {
    "a window": lambda F: F.window("ts", "10 minutes"),
    "a sliding window": lambda F: F.window("ts", "10 minutes", "4 minutes"),
    "a session": lambda F: F.session_window("ts", "10 minutes"),
    "the time of a window": lambda F: F.window_time(F.window("ts", "10 minutes")),
    "the time of a session": lambda F: F.window_time(F.session_window("ts", "10 minutes")),
    "a window of a window": lambda F: F.window(F.window("ts", "5 minutes"), "10 minutes"),
}.items():
    if _name != "a session":  # refused
        BATCH[f"pivot by {_name}"] = lambda df, F, w=_windows: df.groupBy(w(F)).pivot("k", ["a", "b"]).count()
    BATCH[f"pivot of times by {_name}"] = lambda df, F, w=_windows: (
        df.groupBy(w(F).alias("w"), "k").pivot("k", ["a"]).agg(F.count("n"), F.max("ts").alias("m"))
    )
    BATCH[f"counts by {_name}"] = lambda df, F, w=_windows: df.groupBy("k", w(F)).count()
    BATCH[f"selected: {_name}"] = lambda df, F, w=_windows: df.select("n", w(F))

BATCH_CASES = Cases("event time, batch")


def _batch(make: Query) -> Callable[[Engine], None]:
    def program(engine: Engine) -> None:
        put(engine, *range(len(FILES)))
        frame = engine.spark.read.schema(SCHEMA).json(engine.path("in"))
        engine.attempt("refused", lambda: engine.tell_frame(make(frame, engine.F)))

    return program


for _name, _make in BATCH.items():
    BATCH_CASES.add(_name, _batch(_make))


@pytest.mark.parametrize("program", list(BATCH_CASES))
def test_event_time_of_a_table(
    spark: Any, lightstream: Any, tmp_path: Any, program: Callable[[Engine], None]
) -> None:
    compare(spark, lightstream, tmp_path, program)


REFUSALS = Cases("event time, refused")


def _refused(mode: str, make: Query) -> Callable[[Engine], None]:
    def program(engine: Engine) -> None:
        put(engine, 0)

        def start() -> None:
            engine.start(make(engine.stream(schema=SCHEMA), engine.F), mode).stop()

        engine.attempt("start", start)

    return program


for _name, _mode, _make in (
    ("append without a watermark", "append", lambda df, F: df.groupBy(F.window("ts", "1 minute")).count()),
    ("append by a key without time", "append", lambda df, F: late(df).groupBy("k").count()),
    ("append by a time computed later", "append", lambda df, F: late(df).groupBy(F.hour("ts")).count()),
    (
        "append by the start",
        "append",
        lambda df, F: late(df).groupBy(F.window("ts", "1 minute").start).count(),
    ),
    (
        "append by a window of an expression",
        "append",
        lambda df, F: (
            late(df).groupBy(F.window(F.col("ts") + F.expr("interval 1 minute"), "1 minute")).count()
        ),
    ),
    ("within a watermark that is not there", "append", lambda df, F: df.dropDuplicatesWithinWatermark(["k"])),
    ("complete without an aggregation", "complete", lambda df, F: late(df).dropDuplicates(["k"])),
    ("limit, update", "update", lambda df, F: late(df).limit(3)),
    ("windows of windows, update", "update", CHAINS["windows of windows"]),
    ("watermark on a number", "append", lambda df, F: df.withWatermark("n", "1 minute")),
    ("watermark on no column", "append", lambda df, F: df.withWatermark("none", "1 minute")),
    ("watermark back in time", "append", lambda df, F: df.withWatermark("ts", "-1 minute")),
    ("watermark in no time", "append", lambda df, F: df.withWatermark("ts", "soon")),
    (
        "watermark on a field",
        "append",
        lambda df, F: df.select(F.struct("ts").alias("s")).withWatermark("s.ts", "1 minute"),
    ),
    (
        "watermark on the time without a zone",
        "append",
        lambda df, F: late(df.selectExpr("cast(ts as timestamp_ntz) ts")),
    ),
):
    REFUSALS.add(_name, _refused(_mode, _make))


@pytest.mark.parametrize("program", list(REFUSALS))
def test_event_time_that_is_refused(
    spark: Any, lightstream: Any, tmp_path: Any, program: Callable[[Engine], None]
) -> None:
    compare(spark, lightstream, tmp_path, program)

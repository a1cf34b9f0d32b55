"""Session windows: in batch queries, and over streams batch by batch with the numbers of each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from known import known
from stream_cases import Cases, Engine, compare

CASES = Cases("sessions")
Query = Callable[[Any, Any], Any]  # (frame, F)

SCHEMA = "ts timestamp, k string, n int"
# Minutes of a day: rows that join two sessions, that touch one, that come late and far too late, and without a time.
FILES: list[list[tuple[float | None, str | None]]] = [
    [(0, "a"), (4, "a"), (9, "a"), (1, "b"), (2, None), (None, "a")],
    [(20, "a"), (30, "a"), (14, "a"), (6, "b"), (6.5, "b")],
    [(25, "a"), (40, "c"), (41, "c"), (41, "c"), (8, "a"), (3, None)],
    [(28, "a"), (20, "d"), (42, "d"), (36, "c")],
    [(60, "a"), (47, "c"), (33, "a"), (33, "a")],
    [(90, "e"), (55.1, "b"), (58, "b"), (57, "b"), (66, "a")],
]


def put(engine: Engine, *positions: int) -> None:
    for position in positions:
        rows = []
        for i, (minutes, key) in enumerate(FILES[position]):
            time = None
            if minutes is not None:
                hours, rest = divmod(round(minutes * 60), 3600)
                time = f"2025-01-01T{hours:02}:{rest // 60:02}:{rest % 60:02}Z"
            rows.append({"ts": time, "k": key, "n": 10 * position + i})
        engine.write(f"{position}.json", rows, at=position)


def tell_state(engine: Engine, query: Any) -> None:
    for entry in query.recentProgress:
        if "addBatch" in entry["durationMs"]:
            engine.tell(entry["batchId"], entry["numInputRows"], entry.get("eventTime", {}))
            for state in entry["stateOperators"]:
                numbers = ("Total", "Updated", "Removed", "DroppedByWatermark")
                engine.tell(state["operatorName"], *(state[f"numRows{number}"] for number in numbers))


def query(mode: str, make: Query, again: bool = False, **settings: str) -> Callable[[Engine], None]:
    """A query over all files, one a batch; with `again`, over the last one from the same checkpoint."""

    def program(engine: Engine) -> None:
        for key, value in settings.items():
            engine.set(f"spark.sql.streaming.{key}", value)
        for positions in ((0, 1, 2, 3, 4), (5,)) if again else (range(6),):
            put(engine, *positions)
            frame = make(engine.stream(schema=SCHEMA, maxFilesPerTrigger=1), engine.F)
            running = engine.start(frame, mode, availableNow=True)
            assert running.awaitTermination(120)
            tell_state(engine, running)

    return program


def late(df: Any, delay: str = "10 minutes") -> Any:
    return df.withWatermark("ts", delay)


def by_text(df: Any, F: Any) -> Any:
    late(df).createOrReplaceTempView("session_rows")
    return df.sparkSession.sql(
        "select session_window.start as s, session_window.end as e, k, count(*) c, sum(n) as total "
        "from session_rows group by session_window(ts, '5 minutes'), k"
    )


GAP = "case when k = 'a' then '5 minutes' when k = 'b' then '30 seconds' when k = 'c' then '0 seconds' end"
STREAMS: dict[str, Query] = {
    "a key": lambda df, F: late(df).groupBy("k", F.session_window("ts", "5 minutes")).count(),
    "the session first": lambda df, F: (
        late(df).groupBy(F.session_window("ts", "5 minutes"), "k").agg(F.sum("n"), F.max("n"), F.avg("n"))
    ),
    "SQL text": by_text,
}
for _name, _make in STREAMS.items():
    for _mode in ("append", "complete"):
        CASES.add(f"{_name}, {_mode}", query(_mode, _make, again=_name == "a key"))

MORE: dict[str, Query] = {
    "a gap for each row": lambda df, F: (
        late(df).groupBy("k", F.session_window("ts", F.expr(GAP))).agg(F.count("*"), F.min("n"))
    ),
    "a gap of a calendar interval": lambda df, F: (
        late(df).groupBy("k", F.session_window("ts", F.expr("make_interval(0, 0, 0, 0, 0, n)"))).count()
    ),
    "two keys": lambda df, F: (
        late(df).groupBy("k", (F.col("n") % 2).alias("odd"), F.session_window("ts", "8 minutes")).count()
    ),
    "no delay": lambda df, F: late(df, "0 seconds").groupBy("k", F.session_window("ts", "5 minutes")).count(),
    "a delay of hours": lambda df, F: (
        late(df, "5 hours").groupBy("k", F.session_window("ts", "5 minutes")).count()
    ),
    "moments": lambda df, F: (
        late(df)
        .groupBy("k", F.session_window("ts", "5 minutes"))
        .agg(F.stddev("n"), F.var_pop("n"), F.skewness("n"), F.corr("n", "n"), F.covar_samp("n", "n"))
    ),
    "sketches and sets": lambda df, F: (
        late(df)
        .groupBy("k", F.session_window("ts", "5 minutes"))
        .agg(
            F.approx_count_distinct("n"), F.sort_array(F.collect_set("n")), F.sort_array(F.collect_list("n"))
        )
    ),
    "by order": lambda df, F: (
        late(df)
        .groupBy("k", F.session_window("ts", "5 minutes"))
        .agg(F.max_by("n", "n"), F.min_by("n", "n"), F.min("ts"), F.max("ts"), F.bool_or(F.col("n") > 1))
    ),
    "first of the earliest": lambda df, F: (
        late(df.where("n % 10 <> 3"))
        .groupBy("k", F.session_window("ts", "5 minutes"))
        .agg(F.count("*"), F.count_if(F.col("n") > 10), F.sum(F.col("n") * 1.5))
    ),
    "filter above": lambda df, F: (
        late(df).groupBy("k", F.session_window("ts", "5 minutes")).count().where("k = 'a' and count > 1")
    ),
    "filter on the session": lambda df, F: (
        late(df)
        .groupBy("k", F.session_window("ts", "5 minutes"))
        .count()
        .where("session_window.start >= timestamp'2025-01-01 00:04:00Z'")
    ),
    "the session column from a select": lambda df, F: (
        late(df)
        .select("k", F.session_window("ts", "5 minutes").alias("s"), "n")
        .groupBy("k", "s")
        .agg(F.sum("n"))
    ),
}
for _name, _make in MORE.items():
    CASES.add(_name, query("append", _make))

CHAINS: dict[str, Query] = {
    "then windows of session times": lambda df, F: (
        late(df)
        .groupBy(F.session_window("ts", "5 minutes"), "k")
        .count()
        .select(F.window_time("session_window").alias("t"), "count")
        .groupBy(F.window("t", "20 minutes"))
        .agg(F.sum("count"), F.count("*"))
    ),
    "then windows of sessions": lambda df, F: (
        late(df)
        .groupBy(F.session_window("ts", "5 minutes"), "k")
        .count()
        .groupBy(F.window("session_window", "30 minutes"))
        .agg(F.sum("count"))
    ),
    "of windows": lambda df, F: (
        late(df)
        .groupBy(F.window("ts", "2 minutes"), "k")
        .count()
        .groupBy(F.session_window("window", "3 minutes"), "k")
        .agg(F.sum("count"))
    ),
    "of sessions": lambda df, F: (
        late(df)
        .groupBy(F.session_window("ts", "2 minutes"), "k")
        .count()
        .groupBy(F.session_window("session_window", "6 minutes"), "k")
        .agg(F.sum("count"))
    ),
    "of deduplicated rows": lambda df, F: (
        late(df).dropDuplicates(["k", "ts"]).groupBy("k", F.session_window("ts", "5 minutes")).count()
    ),
}
for _name, _make in CHAINS.items():
    CASES.add(_name, query("append", _make))
CASES.add(
    "no watermark at all, complete",
    query("complete", lambda df, F: df.groupBy("k", F.session_window("ts", "5 minutes")).count()),
)
CASES.add(
    "one watermark for late rows and closing",
    query("append", STREAMS["a key"], **{"statefulOperator.allowMultiple": "false"}),
)


@CASES
def a_batch_without_data_closes_sessions(engine: Engine) -> None:
    running = engine.start(STREAMS["a key"](engine.stream(schema=SCHEMA), engine.F), "append")
    for position in range(len(FILES)):
        put(engine, position)
        running.processAllAvailable()
    tell_state(engine, running)
    running.stop()


@CASES
def refusals(engine: Engine) -> None:
    F = engine.F
    put(engine, 0)
    df = late(engine.stream(schema=SCHEMA))
    session = F.session_window("ts", "5 minutes")
    engine.attempt("update", lambda: engine.start(df.groupBy("k", session).count(), "update").stop())
    plain = engine.stream(schema=SCHEMA)
    engine.attempt("no watermark", lambda: engine.start(plain.groupBy("k", session).count()).stop())
    engine.attempt("two windows", lambda: df.groupBy(session, F.window("ts", "5 minutes")).count())
    engine.attempt("two sessions", lambda: df.groupBy(session, F.session_window("ts", "6 minutes")).count())
    engine.attempt("gap of another text", lambda: df.groupBy(F.session_window("ts", "abc")).count())
    engine.attempt("gap of a number", lambda: df.groupBy(F.session_window("ts", F.lit(5))).count())
    engine.attempt("time of a number", lambda: df.groupBy(F.session_window("n", "5 minutes")).count())
    engine.attempt(
        "gap of a year-month", lambda: df.groupBy(F.session_window("ts", F.expr("interval 1 month")))
    )


for _mode in ("append", "complete"):

    def without_a_key(engine: Engine, mode: str = _mode) -> None:
        put(engine, 0)
        sessions = late(engine.stream(schema=SCHEMA)).groupBy(engine.F.session_window("ts", "5 minutes"))
        engine.fail(engine.start(sessions.count(), mode))

    CASES.add(f"without another key, {_mode}", without_a_key)


@pytest.mark.parametrize("program", list(CASES))
def test_sessions(spark: Any, lightstream: Any, tmp_path: Any, program: Callable[[Engine], None]) -> None:
    compare(spark, lightstream, tmp_path, program)


BATCH: dict[str, Query] = {
    **{name: make for name, make in STREAMS.items() if name != "SQL text"},
    **{
        name: make
        for name, make in (MORE | CHAINS).items()
        if name not in ("of deduplicated rows", "first of the earliest")
    },
    "no other key": lambda df, F: df.groupBy(F.session_window("ts", "5 minutes")).count(),
    "in a select": lambda df, F: df.select("k", F.session_window("ts", "5 minutes"), "n"),
    "its start in a select": lambda df, F: df.select(F.session_window("ts", "5 minutes").start, "n"),
    "a key of its start": lambda df, F: df.groupBy(F.session_window("ts", "5 minutes").start).count(),
    "distinct": lambda df, F: df.select(F.session_window("ts", "5 minutes"), "k").distinct(),
    "distinct aggregates": lambda df, F: df.groupBy("k", F.session_window("ts", "5 minutes")).agg(
        F.countDistinct("n"), F.sum("n")
    ),
    "sums of the session": lambda df, F: df.groupBy("k", F.session_window("ts", "5 minutes")).agg(
        F.max("session_window.end")
    ),
    "grouped twice": lambda df, F: (
        df.groupBy("k", F.session_window("ts", "5 minutes")).count().groupBy("session_window").sum("count")
    ),
    "a gap of a day-time interval": lambda df, F: df.groupBy(
        "k", F.session_window("ts", F.expr("make_dt_interval(0, 0, n % 7)"))
    ).count(),
    "dropDuplicates": lambda df, F: df.select(F.session_window("ts", "5 minutes"), "k").dropDuplicates(
        ["session_window", "k"]
    ),
    "a gap of days": lambda df, F: df.groupBy("k", F.session_window("ts", "1 day 2 hours")).count(),
    "a gap of months": lambda df, F: df.groupBy("k", F.session_window("ts", "1 month")).count(),
    "a gap of nothing": lambda df, F: df.groupBy("k", F.session_window("ts", "0 seconds")).count(),
    "a negative gap": lambda df, F: df.groupBy("k", F.session_window("ts", "-5 minutes")).count(),
    "a gap of bad text in rows": lambda df, F: df.groupBy(
        "k", F.session_window("ts", F.expr("if(n > 2, 'abc', '5 minutes')"))
    ).count(),
    "a gap of null": lambda df, F: df.groupBy("k", F.session_window("ts", F.lit(None))).count(),
    "a gap of an interval literal": lambda df, F: df.groupBy(
        "k", F.session_window("ts", F.expr("interval 5 minutes"))
    ).count(),
    "a gap of a number": lambda df, F: df.groupBy("k", F.session_window("ts", F.lit(5))).count(),
    "a date": lambda df, F: df.groupBy("k", F.session_window(F.to_date("ts"), "36 hours")).count(),
    "without a zone": lambda df, F: df.groupBy(
        "k", F.session_window(F.col("ts").cast("timestamp_ntz"), "5 minutes")
    ).count(),
    "text": lambda df, F: df.groupBy(F.session_window(F.col("ts").cast("string"), "12 hours")).count(),
}


@pytest.mark.parametrize("name", [known(f"sessions of a batch: {name}", name) for name in BATCH])
def test_sessions_in_batches(spark: Any, lightstream: Any, tmp_path: Any, name: str) -> None:
    def program(engine: Engine) -> None:
        put(engine, *range(len(FILES)))
        frame = engine.spark.read.schema(SCHEMA).json(engine.path("in"))
        engine.attempt(name, lambda: engine.tell_frame(BATCH[name](frame, engine.F)))

    compare(spark, lightstream, tmp_path, program)

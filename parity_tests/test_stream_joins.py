"""Joins of streams with streams and with tables: each query batch by batch, with the numbers of its state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from stream_cases import Cases, Engine, compare

CASES = Cases("stream joins")
Query = Callable[[Any, Any, Any], Any]  # (left, right, F)

LEFT = "lt timestamp, k string, a int"
RIGHT = "rt timestamp, j string, b int"
# Minutes of an hour and keys, one file a batch: rows that match at once, later, never, twice; that come late; whose
# key or time is null.
LEFT_FILES: list[list[tuple[float | None, str | None, int | None]]] = [
    [(1, "a", 1), (2, "b", 2), (2, "b", 3), (3, None, 4), (5, "x", 5)],
    [(7, "a", 6), (12, "c", 7), (None, "b", 8)],
    [(21, "a", 9), (3, "c", 10), (22, "d", None)],
    [(26, "d", 11), (14, "b", 12), (60, "a", 13)],
    [(58, "a", 14), (20, "d", 15), (61, None, 16), (49.5, "e", 17)],
    [(90, "a", 18), (70, "e", 19)],
]
RIGHT_FILES: list[list[tuple[float | None, str | None, int | None]]] = [
    [(3, "a", 1), (4, "b", 2), (4, None, 3)],
    [(9, "a", 4), (2, "b", 5), (16, "c", 6), (None, "a", 7)],
    [(22, "a", 8), (24, "d", 9), (6, "b", 10), (21, "a", None)],
    [(30, "d", 11), (30, "d", 12), (61, "a", 13)],
    [(21, "d", 14), (60, None, 15), (50, "e", 16), (75, "y", 17)],
    [(88, "z", 18), (91, "a", 19), (70, "e", 20)],
]


def _time(minutes: float | None) -> str | None:
    if minutes is None:
        return None
    seconds = round(minutes * 60)
    return f"2025-01-01T{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}Z"


def put(engine: Engine, *positions: int) -> None:
    for position in positions:
        for side, files, names in (("left", LEFT_FILES, "lt k a"), ("right", RIGHT_FILES, "rt j b")):
            time, key, value = names.split()
            rows = [{time: _time(t), key: k, value: v} for t, k, v in files[position]]
            engine.write(f"{position}.json", rows, at=position, into=side)


def sides(engine: Engine, **options: Any) -> tuple[Any, Any]:
    return engine.stream("left", LEFT, **options), engine.stream("right", RIGHT, **options)


def tell_state(engine: Engine, query: Any) -> None:
    for entry in query.recentProgress:
        if "addBatch" not in entry["durationMs"]:
            continue
        rows = [source["numInputRows"] for source in entry["sources"]]
        engine.tell(entry["batchId"], rows, entry.get("eventTime", {}))
        for state in entry["stateOperators"]:
            engine.tell(
                state["operatorName"],
                state["numRowsTotal"],
                state["numRowsUpdated"],
                state["numRowsRemoved"],
                state["numRowsDroppedByWatermark"],
            )


def query(make: Query, mode: str = "append", **settings: str) -> Callable[[Engine], None]:
    """A query over most files, one of each side a batch; then again over the others, from the same checkpoint."""

    def program(engine: Engine) -> None:
        for key, value in settings.items():
            engine.set(f"spark.sql.streaming.{key}", value)
        for side in ("left", "right"):
            (engine.directory / side).mkdir()
        for positions in ((0, 1, 2, 3), (4, 5)):
            put(engine, *positions)
            frame = make(*sides(engine, maxFilesPerTrigger=1), engine.F)
            running = engine.start(frame, mode, availableNow=True)
            assert running.awaitTermination(120)
            tell_state(engine, running)

    return program


def late(left: Any, right: Any, delay: str = "10 minutes", other: str = "5 minutes") -> tuple[Any, Any]:
    return left.withWatermark("lt", delay), right.withWatermark("rt", other)


def within(kind: str, condition: str, **names: str) -> Query:
    """A join of both sides with watermarks by a condition in SQL."""

    def make(left: Any, right: Any, F: Any) -> Any:
        left, right = late(left, right)
        return left.join(right, F.expr(condition), kind)

    return make


BETWEEN = "k = j and rt >= lt and rt <= lt + interval 5 minutes"
KINDS = ("inner", "left", "right", "full", "leftsemi")

for _kind in KINDS:
    CASES.add(f"{_kind}, a range of time", query(within(_kind, BETWEEN)))
    CASES.add(f"{_kind}, the time is a key", query(within(_kind, "k = j and lt = rt")))
    CASES.add(f"{_kind}, conditions of one side", query(within(_kind, f"{BETWEEN} and a % 2 = 1 and b <> 8")))

for _kind in ("inner", "left", "right"):
    CASES.add(
        f"{_kind}, a key that is a constant",
        query(
            lambda left, right, F, kind=_kind: within(kind, BETWEEN)(
                left.withColumn("k", F.lit("a")), right.where("b > 0"), F
            )
        ),
    )

RANGES: dict[str, str] = {
    "strict": "k = j and rt > lt and rt < lt + interval 5 minutes",
    "arithmetic on both sides": (
        "k = j and rt - interval 2 minutes <= lt + interval 3 minutes and rt + interval 1 minute > lt"
    ),
    "a sum of intervals": "k = j and rt >= lt and rt <= lt + interval 2 minutes + interval 2 minutes",
    "between": "k = j and rt between lt and lt + interval 5 minutes",
    "before and after": "k = j and lt between rt - interval 3 minutes and rt + interval 3 minutes",
    "one bound": "k = j and rt <= lt + interval 5 minutes",
    "the other bound": "k = j and rt >= lt - interval 5 minutes",
    "seconds": (
        "k = j and cast(rt as bigint) >= cast(lt as bigint) and cast(rt as bigint) <= cast(lt as bigint) + 300"
    ),
    "a difference": "k = j and rt >= lt and rt - lt <= interval 5 minutes",
    "not": "k = j and not (rt < lt) and not (rt > lt + interval 5 minutes)",
    "a constant that is computed": "k = j and rt >= lt and rt <= lt + 5 * interval 1 minute",
    "or": "k = j and rt >= lt and (rt <= lt + interval 5 minutes or a = 7)",
    "another column": "k = j and rt >= lt and rt <= lt + interval 5 minutes and a < b",
}
for _name, _condition in RANGES.items():
    CASES.add(f"inner, {_name}", query(within("inner", _condition)))
for _name, _kind in (
    ("strict", "left"),
    ("arithmetic on both sides", "full"),
    ("before and after", "left"),
    ("seconds", "full"),
    ("one bound", "left"),
    ("one bound", "right"),
    ("the other bound", "full"),
    ("the other bound", "leftsemi"),
    ("between", "left"),
    ("between", "right"),
):
    _program = query(within(_kind, RANGES[_name]))
    CASES.add(f"{_kind}, {_name}", lambda e, program=_program: e.attempt("run", lambda: program(e)))


def windows(kind: str) -> Query:
    def make(left: Any, right: Any, F: Any) -> Any:
        left, right = late(left, right)
        left = left.select(F.window("lt", "10 minutes").alias("w"), "k", "a")
        right = right.select(F.window("rt", "10 minutes").alias("w"), F.col("j").alias("k"), "b")
        return left.join(right, ["w", "k"], kind)

    return make


def using(kind: str) -> Query:
    def make(left: Any, right: Any, F: Any) -> Any:
        left, right = late(left, right)
        right = right.withColumnRenamed("rt", "lt").withColumnRenamed("j", "k")
        return left.join(right, ["lt", "k"], kind)

    return make


for _kind in ("inner", "full", "leftsemi"):
    CASES.add(f"{_kind}, windows", query(windows(_kind)))
for _kind in ("left", "right", "full"):
    CASES.add(f"{_kind}, using columns", query(using(_kind)))


def one_watermark(side: str, kind: str, condition: str) -> Query:
    def make(left: Any, right: Any, F: Any) -> Any:
        if side == "left":
            left = left.withWatermark("lt", "10 minutes")
        else:
            right = right.withWatermark("rt", "5 minutes")
        return left.join(right, F.expr(condition), kind)

    return make


OTHERS: dict[str, Query] = {
    "no watermark": lambda one, two, F: one.join(two, F.expr("k = j")),
    "columns left out": lambda one, two, F: (
        late(one, two)[0].join(late(one, two)[1], F.expr("k = j")).select("k", "b")
    ),
    "one side's time left out": lambda one, two, F: (
        late(one, two)[0].join(late(one, two)[1], F.expr("k = j")).select("k", "b", "rt")
    ),
    "left watermark only": one_watermark("left", "inner", BETWEEN),
    "left watermark only, time key": one_watermark("left", "inner", "k = j and lt = rt"),
    "right watermark only, time key, left": one_watermark("right", "left", "k = j and lt = rt"),
    "null-safe": within("inner", "k <=> j and rt >= lt and rt <= lt + interval 5 minutes"),
    "null-safe, full": within("full", "k <=> j and rt >= lt and rt <= lt + interval 5 minutes"),
    "computed keys": within(
        "left", "upper(k) = concat(upper(j), '') and rt >= lt and rt <= lt + interval 5 minutes"
    ),
    "number and text": within(
        "inner", "a = cast(b as string) and rt >= lt and rt <= lt + interval 60 minutes"
    ),
    "doubles": within("inner", "a / 2 = b / 2 and rt >= lt and rt <= lt + interval 60 minutes"),
    "a constant side": within("left", f"{BETWEEN} and j = 'a'"),
    "a constant outer side": within("left", f"{BETWEEN} and k = 'a'"),
    "time conditions of one side": within("left", f"{BETWEEN} and minute(lt) <> 7"),
    "filtered below": lambda one, two, F: (p := late(one.where("k = 'a'"), two))[0].join(
        p[1], F.expr(BETWEEN)
    ),
    "filtered below, left": lambda one, two, F: (p := late(one.where("k in ('a', 'd')"), two))[0].join(
        p[1], F.expr(BETWEEN), "left"
    ),
    "filtered above": lambda one, two, F: within("inner", BETWEEN)(one, two, F).where("k = 'a' and b > 1"),
    "filtered above on the other side, left": lambda one, two, F: within("left", BETWEEN)(one, two, F).where(
        "b > 1"
    ),
    "without a match, left": lambda one, two, F: within("left", BETWEEN)(one, two, F).where("b is null"),
    "filtered above, full": lambda one, two, F: within("full", BETWEEN)(one, two, F).where("a > 1"),
    "nothing asked": lambda one, two, F: within("left", BETWEEN)(one, two, F).select(F.lit(1).alias("one")),
    "SQL": lambda one, two, F: (
        (p := late(one, two))[0].createOrReplaceTempView("lefts"),
        p[1].createOrReplaceTempView("rights"),
        one.sparkSession.sql(
            "select one.*, two.b from lefts one left outer join rights two on one.k = two.j and two.rt between "
            "one.lt and one.lt + interval 5 minutes and two.rt >= one.lt"
        ),
    )[2],
    "itself": lambda one, two, F: (
        (w := one.withWatermark("lt", "10 minutes"))
        .alias("x")
        .join(w.alias("y"), F.expr("x.k = y.k and y.lt > x.lt and y.lt < x.lt + interval 10 minutes"))
    ),
    "itself, left": lambda one, two, F: (
        (w := one.withWatermark("lt", "10 minutes"))
        .alias("x")
        .join(w.alias("y"), F.expr("x.k = y.k and y.lt > x.lt and y.lt < x.lt + interval 10 minutes"), "left")
    ),
    "a table joined before": lambda one, two, F: (
        p := late(
            one.join(one.sparkSession.createDataFrame([("a", 1.5), ("d", 2.5)], "k string, w double"), "k"),
            two,
        )
    )[0].join(p[1], F.expr(BETWEEN), "left"),
    "a table joined after": lambda one, two, F: within("left", BETWEEN)(one, two, F).join(
        one.sparkSession.createDataFrame([("a", 1.5), ("d", 2.5)], "k string, w double"), "k", "left"
    ),
    "exploded": lambda one, two, F: within("left", BETWEEN)(one, two, F).withColumn(
        "e", F.explode(F.array("a", "b"))
    ),
    "counted in windows": lambda one, two, F: (
        within("inner", "k = j and lt = rt")(one, two, F).groupBy(F.window("lt", "10 minutes"), "k").count()
    ),
    "a range counted in windows": lambda one, two, F: (
        within("inner", BETWEEN)(one, two, F).groupBy(F.window("lt", "10 minutes")).count()
    ),
    "one watermark, counted in windows": lambda one, two, F: (
        one_watermark("left", "inner", "k = j")(one, two, F).groupBy(F.window("lt", "10 minutes")).count()
    ),
    "a left join counted in windows": lambda one, two, F: (
        within("left", BETWEEN)(one, two, F)
        .groupBy(F.window("lt", "10 minutes"))
        .agg(F.count("*"), F.count("b"))
    ),
    "deduplicated, then joined": lambda one, two, F: (
        (p := late(one, two))[0]
        .dropDuplicates(["k", "lt"])
        .join(p[1].dropDuplicates(["j", "rt"]), F.expr(BETWEEN), "left")
    ),
    "joined, then deduplicated": lambda one, two, F: (
        within("inner", BETWEEN)(one, two, F).select("lt", "k", "b").dropDuplicates(["lt", "k"])
    ),
    "joined, then deduplicated within the watermark": lambda one, two, F: (
        within("left", BETWEEN)(one, two, F).select("lt", "k", "b").dropDuplicatesWithinWatermark(["k"])
    ),
    "windows counted, then joined": lambda one, two, F: (
        (p := late(one, two))[0]
        .groupBy(F.window("lt", "10 minutes").alias("w"), "k")
        .count()
        .join(
            p[1].groupBy(F.window("rt", "10 minutes").alias("w"), F.col("j").alias("k")).agg(F.sum("b")),
            ["w", "k"],
        )
    ),
    "windows counted, then left joined": lambda one, two, F: (
        (p := late(one, two))[0]
        .groupBy(F.window("lt", "10 minutes").alias("w"), "k")
        .count()
        .join(
            p[1].select(F.window("rt", "10 minutes").alias("w"), F.col("j").alias("k"), "b"),
            ["w", "k"],
            "left",
        )
    ),
    "three streams": lambda one, two, F: (
        within("inner", "k = j and lt = rt")(one, two, F)
        .select("lt", "k", "a", "b")
        .join(
            two.selectExpr("rt t3", "j k3", "b c").withWatermark("t3", "1 minute"),
            F.expr("k = k3 and lt = t3"),
            "left",
        )
    ),
    "three streams in ranges": lambda one, two, F: (
        within("inner", BETWEEN)(one, two, F)
        .select("lt", "k", "a", "b")
        .join(
            two.selectExpr("rt t3", "j k3", "b c").withWatermark("t3", "1 minute"),
            F.expr("k = k3 and t3 > lt and t3 < lt + interval 8 minutes"),
            "left",
        )
    ),
    "three streams without watermarks": lambda one, two, F: (
        one.join(two, F.expr("k = j"))
        .join(two.selectExpr("j k3", "b c"), F.expr("k = k3"))
        .select("a", "b", "c")
    ),
}
for _name, _make in OTHERS.items():
    CASES.add(_name, query(_make))
for _name, _settings in {
    "the larger watermark": {"multipleWatermarkPolicy": "max"},
    "no batches without data": {"noDataMicroBatches.enabled": "false"},
    "one watermark for late rows and eviction": {"statefulOperator.allowMultiple": "false"},
}.items():
    CASES.add(f"full, {_name}", query(within("full", BETWEEN), **_settings))
for _name in ("inner", "leftsemi"):
    CASES.add(f"{_name}, update", query(within(_name, BETWEEN), "update"))
CASES.add("no watermark, update", query(OTHERS["no watermark"], "update"))
CASES.add(
    "counted, update",
    query(lambda one, two, F: within("inner", BETWEEN)(one, two, F).groupBy("k").count(), "update"),
)
CASES.add("counted in windows, update", query(OTHERS["a range counted in windows"], "update"))
CASES.add(
    "one watermark, counted in windows, update",
    query(OTHERS["one watermark, counted in windows"], "update"),
)


def _live(make: Query) -> Callable[[Engine], None]:
    """Files that come one after the other, now of one side, now of both, with the batches without data between them."""

    def program(engine: Engine) -> None:
        for side in ("left", "right"):
            (engine.directory / side).mkdir()
        running = engine.start(make(*sides(engine), engine.F))
        for position in range(5):
            rows = {
                "left": [{"lt": _time(t), "k": k, "a": v} for t, k, v in LEFT_FILES[position]],
                "right": [{"rt": _time(t), "j": k, "b": v} for t, k, v in RIGHT_FILES[position]],
            }
            for side in ("left", "right") if position % 2 else ("right", "left"):
                engine.write(f"{position}.json", rows[side], at=position, into=side)
                running.processAllAvailable()
        tell_state(engine, running)
        running.stop()

    return program


for _kind in ("inner", "full", "leftsemi"):
    CASES.add(f"{_kind}, live", _live(within(_kind, BETWEEN)))
CASES.add("left, the time is a key, live", _live(within("left", "k = j and lt = rt")))

# What a filter says of the other side's columns, while that side alone has data.
EQUAL = "k = j and a = b and rt between lt - interval 1 hour and lt + interval 5 minutes"
FILTERED: dict[str, Query] = {
    "below": lambda left, right, F: late(left.where("a > 4"), right)[0].join(
        late(left, right)[1], F.expr(EQUAL)
    ),
    "above the watermark": lambda left, right, F: (
        late(left, right)[0].where("a > 4").join(late(left, right)[1], F.expr(EQUAL))
    ),
    "of the time": lambda left, right, F: (
        late(left, right)[0]
        .where("lt > timestamp'2025-01-01 00:10:00'")
        .join(late(left, right)[1], F.expr("lt = rt and k = j"))
    ),
    "above the join": lambda left, right, F: within("inner", EQUAL)(left, right, F).where("a > 4"),
    "of a projection": lambda left, right, F: (
        late(left.where("a > 4").selectExpr("lt", "k", "a as a"), right)[0]
        .where("k <> 'b'")
        .join(late(left, right.where("b % 2 = 0"))[1], F.expr(EQUAL))
    ),
    "left outer": lambda left, right, F: late(left.where("a > 4"), right)[0].join(
        late(left, right)[1], F.expr(EQUAL), "left"
    ),
    "right outer": lambda left, right, F: late(left.where("a > 4"), right)[0].join(
        late(left, right)[1], F.expr(EQUAL), "right"
    ),
    "semi": lambda left, right, F: late(left.where("a > 4"), right)[0].join(
        late(left, right)[1], F.expr(EQUAL), "leftsemi"
    ),
}
for _name, _make in FILTERED.items():
    CASES.add(f"a filter {_name}, live", _live(_make))


# Seconds and keys, by side, after both sides had a row at 6,000 and the watermark is known: rows that leave at once,
# since nothing is late yet, with and without others that they match.
LEAVING: dict[str, dict[str, list[tuple[int, str]]]] = {
    "right rows": {"right": [(60, "a"), (120, "b")]},
    "left rows": {"left": [(60, "a"), (120, "b")]},
    "right rows beside left ones": {"left": [(6000, "q")], "right": [(60, "a"), (120, "b")]},
    "left rows beside right ones": {"left": [(60, "a"), (120, "b")], "right": [(6000, "q")]},
    "rows that match": {"left": [(60, "a"), (120, "b")], "right": [(60, "a"), (120, "b")]},
    "rows that match twice": {"left": [(60, "a"), (60, "a")], "right": [(60, "a")]},
    "rows among others": {
        "left": [(60, "a"), (6000, "a"), (6001, "b"), (6000, "x")],
        "right": [(60, "a"), (6000, "a"), (90, "a")],
    },
}


def _leaving(kind: str, condition: str) -> Callable[[Engine], None]:
    def program(engine: Engine) -> None:
        engine.set("spark.sql.streaming.noDataMicroBatches.enabled", "false")
        for name, later in LEAVING.items():
            for number, arriving in enumerate(({"left": [(6000, "x")], "right": [(6000, "x")]}, later)):
                for side, column in (("left", "lt k"), ("right", "rt j")):
                    time, key = column.split()
                    rows = [{time: _time(s / 60), key: k} for s, k in arriving.get(side, [])]
                    engine.write(f"{number}.json", rows, at=number, into=f"{name} {side}")
            left = engine.stream(f"{name} left", LEFT, maxFilesPerTrigger=1)
            right = engine.stream(f"{name} right", RIGHT, maxFilesPerTrigger=1)
            left, right = late(left, right, "1 minute", "1 minute")
            joined = left.join(right, engine.F.expr(condition), kind)
            running = engine.start(joined, checkpoint=f"{name} checkpoint", availableNow=True)
            assert running.awaitTermination(120)
            tell_state(engine, running)

    return program


for _kind in KINDS:
    CASES.add(f"{_kind}, rows that leave at once, by key", _leaving(_kind, "k = j and lt = rt"))
CASES.add(
    "leftsemi, rows that leave at once, by range",
    _leaving("leftsemi", "k = j and rt between lt and lt + interval 40 seconds"),
)


@pytest.mark.parametrize("program", list(CASES))
def test_joins_of_streams(
    spark: Any, lightstream: Any, tmp_path: Any, program: Callable[[Engine], None]
) -> None:
    compare(spark, lightstream, tmp_path, program)


# ---- with tables ----------------------------------------------------------------------------------------------

STATIC = Cases("streams joined with tables")
TABLE = [("a", 1.5), ("b", None), ("d", 2.5), (None, 3.5), ("a", -1.0)]


def table_of(frame: Any) -> Any:
    return frame.sparkSession.createDataFrame(TABLE, "j string, w double")


WITH_TABLES: dict[str, tuple[str, Query]] = {
    "inner": ("append", lambda one, two, F: one.join(table_of(one), F.expr("k = j and w > a - 9"))),
    "left": ("append", lambda one, two, F: one.join(table_of(one), F.expr("k = j and a > 2"), "left")),
    "semi and anti": (
        "append",
        lambda one, two, F: one.join(table_of(one), F.expr("k = j"), "leftsemi").union(
            one.join(table_of(one), F.expr("k = j"), "leftanti")
        ),
    ),
    "right": ("append", lambda one, two, F: table_of(one).join(one, F.expr("k = j"), "right")),
    "cross": ("append", lambda one, two, F: table_of(one).crossJoin(one)),
    "a hint": ("append", lambda one, two, F: one.join(F.broadcast(table_of(one)), F.expr("k = j"))),
    "a view": (
        "append",
        lambda one, two, F: (
            table_of(one).createOrReplaceTempView("weights"),
            one.createOrReplaceTempView("lefts"),
            one.sparkSession.sql("select * from lefts left join weights on k = j and w > 0"),
        )[2],
    ),
    "filtered above": (
        "append",
        lambda one, two, F: one.join(table_of(one), F.expr("k = j"), "left").where("w > 0"),
    ),
    "deduplicated": (
        "append",
        lambda one, two, F: one.join(table_of(one), F.expr("k = j")).select("k").dropDuplicates(["k"]),
    ),
    "counted before, complete": (
        "complete",
        lambda one, two, F: one.groupBy("k").count().join(table_of(one), F.expr("k = j"), "left"),
    ),
    "counted before, update": (
        "update",
        lambda one, two, F: one.groupBy("k").count().join(table_of(one), F.expr("k = j")),
    ),
    "windows counted before": (
        "append",
        lambda one, two, F: (
            one.withWatermark("lt", "1 minute")
            .groupBy(F.window("lt", "5 minutes"), "k")
            .count()
            .join(table_of(one), F.expr("k = j"), "left")
        ),
    ),
    "counted after, complete": (
        "complete",
        lambda one, two, F: one.join(table_of(one), F.expr("k = j"), "left").groupBy("w").count(),
    ),
}
for _name, (_mode, _make) in WITH_TABLES.items():
    STATIC.add(_name, query(_make, _mode))


@STATIC
def files_beside_a_stream_are_listed_once(engine: Engine) -> None:
    (engine.directory / "left").mkdir()
    rows = [{"lt": _time(t), "k": k, "a": v} for t, k, v in LEFT_FILES[0]]
    engine.write("0.json", [{"j": "a", "w": 1.5}], into="table")
    stream = engine.stream("left", LEFT)
    table = engine.spark.read.schema("j string, w double").json(engine.path("table"))
    running = engine.start(stream.join(table, engine.F.expr("k = j"), "left"))
    for number, content in enumerate(([{"j": "a", "w": 7.5}], [{"j": "b", "w": 2.5}])):
        engine.write(f"{number}.json", rows, into="left")
        running.processAllAvailable()
        if number == 0:
            engine.write("1.json", content, into="table")  # a new file: not seen
    running.stop()
    tell_state(engine, running)


@pytest.mark.parametrize("program", list(STATIC))
def test_joins_with_tables(
    spark: Any, lightstream: Any, tmp_path: Any, program: Callable[[Engine], None]
) -> None:
    compare(spark, lightstream, tmp_path, program)


# ---- what fails or is refused ---------------------------------------------------------------------------------

REFUSALS = Cases("stream joins, refused")


def _refused(make: Query, mode: str) -> Callable[[Engine], None]:
    def program(engine: Engine) -> None:
        for side in ("left", "right"):
            (engine.directory / side).mkdir()
        put(engine, 0, 1, 2)
        running: list[Any] = []

        def start() -> None:
            frame = make(*sides(engine, maxFilesPerTrigger=1), engine.F)
            running.append(engine.start(frame, mode, availableNow=True))

        engine.attempt("start", start)
        if running:
            engine.fail(running[0])
            tell_state(engine, running[0])

    return program


FAILING: dict[str, tuple[str, Query]] = {
    "no condition": ("append", lambda one, two, F: one.crossJoin(two)),
    "no equality": ("append", within("inner", "rt >= lt and rt <= lt + interval 5 minutes")),
    "no equality, left": ("append", within("left", "rt >= lt and rt <= lt + interval 5 minutes")),
    "equality with a constant": ("append", within("inner", "k = 'a' and j = 'a'")),
    "one of two equalities": ("append", within("inner", "k = j or a = b")),
    **{
        f"{kind}, no watermark": (
            "append",
            lambda one, two, F, kind=kind: one.join(two, F.expr("k = j"), kind),
        )
        for kind in (*KINDS[1:], "leftanti")
    },
    **{
        f"{kind}, watermarks and no range": ("append", within(kind, "k = j"))
        for kind in (*KINDS[1:], "leftanti")
    },
    **{
        f"{kind}, a range without watermarks": (
            "append",
            lambda one, two, F, kind=kind: one.join(two, F.expr(BETWEEN), kind),
        )
        for kind in KINDS[1:]
    },
    **{
        f"{kind}, left watermark only": ("append", one_watermark("left", kind, BETWEEN)) for kind in KINDS[1:]
    },
    **{
        f"{kind}, right watermark only": ("append", one_watermark("right", kind, BETWEEN))
        for kind in KINDS[1:]
    },
    "a difference, left": ("append", within("left", RANGES["a difference"])),
    "months, left": (
        "append",
        within("left", "k = j and rt >= lt and rt <= lt + interval 1 month and rt - interval 1 month >= lt"),
    ),
    "leftanti, a range": ("append", within("leftanti", BETWEEN)),
    **{f"{kind}, update": ("update", within(kind, BETWEEN)) for kind in ("left", "right", "full")},
    **{f"{kind}, complete": ("complete", within(kind, BETWEEN)) for kind in KINDS},
    "counted, complete": (
        "complete",
        lambda one, two, F: within("inner", BETWEEN)(one, two, F).groupBy("k").count(),
    ),
    "counted by a key, append": (
        "append",
        lambda one, two, F: within("inner", BETWEEN)(one, two, F).groupBy("k").count(),
    ),
    "counted, then joined, update": (
        "update",
        lambda one, two, F: one.groupBy("k").count().join(two, F.expr("k = j")),
    ),
    "counted without time, then joined": (
        "append",
        lambda one, two, F: one.groupBy("k").count().join(two, F.expr("k = j")),
    ),
    "null-safe time, left": ("append", within("left", "k = j and lt <=> rt and rt >= lt")),
    "three streams, two times": (
        "append",
        lambda one, two, F: within("inner", BETWEEN)(one, two, F).join(
            two.selectExpr("rt t3", "j k3", "b c").withWatermark("t3", "1 minute"),
            F.expr("k = k3 and lt = t3"),
        ),
    ),
    "a random condition": ("append", within("inner", f"{BETWEEN} and rand() < 2")),
    "joined, then limited, update": (
        "update",
        lambda one, two, F: within("inner", BETWEEN)(one, two, F).limit(3),
    ),
    "joined, then sorted": ("append", lambda one, two, F: within("inner", BETWEEN)(one, two, F).orderBy("a")),
}
for _name, (_mode, _make) in FAILING.items():
    REFUSALS.add(_name, _refused(_make, _mode))


@pytest.mark.parametrize("program", list(REFUSALS))
def test_joins_that_are_refused(
    spark: Any, lightstream: Any, tmp_path: Any, program: Callable[[Engine], None]
) -> None:
    compare(spark, lightstream, tmp_path, program)


# ---- restarts -------------------------------------------------------------------------------------------------

RESTARTS = Cases("stream joins, changed")


def _changed(before: Query, after: Query) -> Callable[[Engine], None]:
    def program(engine: Engine) -> None:
        for side in ("left", "right"):
            (engine.directory / side).mkdir()
        for positions, make in (((0, 1), before), ((2, 3), after)):
            put(engine, *positions)
            frame = make(*sides(engine, maxFilesPerTrigger=1), engine.F)
            running = engine.start(frame, availableNow=True)
            if make is before:
                assert running.awaitTermination(120)
                tell_state(engine, running)
            else:
                engine.fail(running)
                tell_state(engine, running)

    return program


_BY_KEY = within("left", BETWEEN)
CHANGES: dict[str, tuple[Query, Query]] = {
    "another key": (_BY_KEY, within("left", BETWEEN.replace("k = j", "a = b"))),
    "a key more": (_BY_KEY, within("left", f"{BETWEEN} and a = b")),
    "a column less": (_BY_KEY, lambda one, two, F: _BY_KEY(one, two, F).drop("a")),
    "another range": (_BY_KEY, within("left", BETWEEN.replace("5 minutes", "1 minute"))),
    "another condition": (_BY_KEY, within("left", f"{BETWEEN} and a <> 7")),
    "a filter": (_BY_KEY, lambda one, two, F: _BY_KEY(one, two, F).where("a <> 7")),
    "other sides": (
        lambda one, two, F: (p := late(one.selectExpr("lt", "k", "a + 0.5 as a"), two))[0].join(
            p[1], F.expr(BETWEEN), "inner"
        ),
        lambda one, two, F: (p := late(one.selectExpr("lt", "k", "a + 0.5 as a"), two))[1].join(
            p[0], F.expr(BETWEEN), "inner"
        ),
    ),
    "no join": (
        _BY_KEY,
        lambda one, two, F: late(one, two)[0].union(
            late(one, two)[1].withColumnsRenamed({"rt": "lt", "j": "k"})
        ),
    ),
    "another kind": (_BY_KEY, within("full", BETWEEN)),
}
for _name, (_before, _after) in CHANGES.items():
    RESTARTS.add(_name, _changed(_before, _after))


@pytest.mark.parametrize("program", list(RESTARTS))
def test_joins_that_change(
    spark: Any, lightstream: Any, tmp_path: Any, program: Callable[[Engine], None]
) -> None:
    compare(spark, lightstream, tmp_path, program)

"""Event streams and stateful queries over them, drawn at random: what the two engines are compared on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

SCHEMA = "ts timestamp, k string, n int, x double"
ROUND, RUNNING = "one run a round", "a running query"
Frame = Any
Make = Callable[..., Frame]  # (stream, functions), or (one stream, the other, functions)
SIDES = ("in", "other")  # the directories of the streams


@dataclass(frozen=True, slots=True)
class Query:
    """A query over a stream; `text` says what it is. `static`: a batch query gives what the stream ends with."""

    text: str
    make: Make
    mode: str
    static: bool = False
    one_file: bool = False  # its rows depend on the order of files in a batch
    streams: int = 1


@dataclass(frozen=True, slots=True)
class Case:
    """A stream of files, how they arrive, and a query. Times are seconds since 2025-01-01T00:00Z."""

    query: Query
    rounds: tuple[tuple[tuple[dict[str, Any], ...], ...], ...]  # rows by file, files by round
    how: str
    files_a_batch: int
    stops: tuple[int, ...] = ()  # rounds before which a running query is stopped and started again
    settings: dict[str, str] = field(default_factory=dict)
    sides: tuple[str, ...] = ()  # where each file goes; empty: all to the one stream

    def __str__(self) -> str:
        lines = [
            f"{self.query.text}; {self.query.mode}; {self.how}, {self.files_a_batch} files a batch, "
            f"stops {self.stops}, {self.settings}, {self.sides}"
        ]
        for number, files in enumerate(self.rounds):
            lines += [f"  round {number}: {[list(row.values()) for row in rows]}" for rows in files]
        return "\n".join(lines)


# ---- rows ------------------------------------------------------------------------------------------------------


def time_text(seconds: float) -> str:
    """Return a time as it stands in a file."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    days, hours = divmod(hours, 24)
    return f"2025-01-{1 + days:02}T{hours:02}:{minutes:02}:{rest:06.3f}Z"


def draw_files(draw: Random) -> list[tuple[dict[str, Any], ...]]:
    """Draw some files: times that move on, with disorder, gaps, moments that repeat, nulls, rows that come late."""
    now_s = draw.choice([0, 3600, 86_000])
    pace_s = draw.choice([10, 60, 300, 600])
    disorder = draw.choice([0, 0.5, 2])
    files = []
    rows: list[dict[str, Any]] = []
    for _ in range(draw.randint(2, 6)):
        found = []
        for _ in range(draw.choice([0, 1, 2, 3, 5, 8])):
            if rows and draw.random() < 0.15:
                found.append(draw.choice(rows))  # again
                continue
            seconds: float | None = now_s + draw.randint(-int(disorder * pace_s), pace_s)
            chance = draw.random()
            if chance < 0.08:
                seconds = None
            elif chance < 0.2:
                seconds = draw.randint(0, max(now_s, 1))  # far too late, perhaps
            elif chance < 0.4:
                seconds = round((seconds or 0) / 300) * 300  # on the edge of a window
            elif chance < 0.5:
                seconds = (seconds or 0) + draw.choice([0.001, 0.999])
            row = {
                "ts": None if seconds is None else time_text(max(seconds, 0)),
                "k": draw.choice(["a", "b", "c", "", None]),
                "n": draw.choice([0, 1, 2, 3, -1, 7, None]),
                "x": draw.choice([0.5, -0.25, 4.0, 0.0, None]),
            }
            found.append(row)
            rows.append(row)
        files.append(tuple(found))
        now_s += draw.choice([0, pace_s, pace_s, 2 * pace_s, 20 * pace_s])
    return files


def draw_case(draw: Random) -> Case:
    """Draw a stream and a query."""
    files = draw_files(draw)
    query = draw_query(draw)
    sides: tuple[str, ...] = ()
    if query.streams > 1:
        files += draw_files(draw)
        draw.shuffle(files)
        sides = tuple(draw.choice(SIDES) for _ in files)
    settings = {}
    if draw.random() < 0.25:
        settings["spark.sql.streaming.noDataMicroBatches.enabled"] = "false"
    if draw.random() < 0.5:
        settings["spark.sql.streaming.multipleWatermarkPolicy"] = draw.choice(["min", "max"])
    if draw.random() < 0.1:
        settings["spark.sql.streaming.statefulOperator.allowMultiple"] = "false"
    if draw.random() < 0.4:
        # One file a round: with more, a running query takes as many as have come when it looks.
        stops = tuple(i for i in range(1, len(files)) if draw.random() < 0.2)
        return Case(query, tuple((rows,) for rows in files), RUNNING, 1, stops, settings, sides)
    cuts = sorted(draw.sample(range(1, len(files)), min(draw.choice([0, 1, 2]), len(files) - 1)))
    rounds = tuple(tuple(files[a:b]) for a, b in zip((0, *cuts), (*cuts, len(files)), strict=True))
    return Case(query, rounds, ROUND, 1 if query.one_file else draw.choice([1, 1, 2, 3]), (), settings, sides)


# ---- queries ---------------------------------------------------------------------------------------------------


def draw_query(draw: Random) -> Query:
    """Draw a stateful query and an output mode, now and then one in which Spark refuses it."""
    kinds = [_aggregation] * 3 + [_duplicates] * 2 + [_join] * 4
    kinds += [_chain, _within, _limit, _watermarks, _sessions, _table_join]
    return draw.choice(kinds)(draw)


_DELAYS = ["0 seconds", "30 seconds", "5 minutes", "10 minutes", "1 hour", "2 days"]
_AGGREGATES = {
    "count(*)": False,
    "count(n)": False,
    "sum(n)": False,
    "sum(x)": False,
    "min(n)": False,
    "max(x)": False,
    "max(ts)": False,
    "min(k)": False,
    "avg(n)": False,
    "avg(x)": False,
    "stddev(x)": False,
    "var_pop(n)": False,
    "bool_or(n > 2)": False,
    "approx_count_distinct(k)": False,
    "count_if(n > 0)": False,
    "bit_xor(n)": False,
    "corr(n, x)": False,
}


def _watermark(draw: Random) -> tuple[str, str]:
    delay = draw.choice(_DELAYS)
    return f"watermark {delay}", delay


def _window(draw: Random, of: str = "ts", least_s: int = 60) -> tuple[str, list[str]]:
    """Return the text and the arguments of a window."""
    length = draw.choice([s for s in (60, 120, 300, 600, 900, 3600) if s >= least_s])
    arguments = [f"{length} seconds"]
    if draw.random() < 0.4:
        arguments.append(f"{draw.choice([length, length // 2, length // 3, max(length // 5, 1)])} seconds")
        if draw.random() < 0.4:
            arguments.append(f"{draw.choice([7, -13, 20])} seconds")
    return f"window({of}, {', '.join(arguments)})", arguments


def _aggregates(draw: Random) -> list[str]:
    return draw.sample(sorted(_AGGREGATES), draw.randint(1, 4))


def _condition(draw: Random) -> str | None:
    return draw.choice([None, None, "n > 0", "k is not null", "n % 2 = 0 or x is null", "minute(ts) < 40"])


def _aggregation(draw: Random) -> Query:
    marked = draw.random() < 0.85
    text, delay = _watermark(draw) if marked else ("no watermark", "")
    window_text, window = _window(draw)
    keys = draw.choice(
        [["w"], ["w"], ["w", "k"], ["k", "w"], ["ts"], ["k"], ["k", "n % 3"], [], ["w", "n % 2", "k"]]
    )
    aggregates, before, above = (
        _aggregates(draw),
        _condition(draw),
        draw.choice([None, None, None, "a0 is not null"]),
    )
    filtered = draw.choice([None, None, "k", "first"])
    mode = draw.choice(["append", "append", "update", "complete"])

    def make(df: Frame, F: Any) -> Frame:
        if before is not None and filtered != "k":
            df = df.where(before)
        if marked:
            df = df.withWatermark("ts", delay)
        if before is not None and filtered == "k":
            df = df.where(before)
        columns = [F.window("ts", *window).alias("w") if key == "w" else F.expr(key) for key in keys]
        found = df.groupBy(*columns).agg(*(F.expr(a).alias(f"a{i}") for i, a in enumerate(aggregates)))
        return found if above is None else found.where(above)

    shown = (
        f"{text}, filter {before} {filtered}, group by {keys} ({window_text}): {aggregates}, having {above}"
    )
    static = mode == "complete" or not marked
    return Query(shown, make, mode, static and mode != "append")


def _chain(draw: Random) -> Query:
    text, delay = _watermark(draw)
    first_text, first = _window(draw)
    second_text, second = _window(draw, "w", 300)
    key, form = draw.choice([[], ["k"]]), draw.choice(["window", "window_time", "dedup", "dedup within"])
    aggregate = draw.choice(["count(*)", "sum(c)", "max(c)", "avg(c)"])
    mode = "append" if draw.random() < 0.9 else "update"

    def make(df: Frame, F: Any) -> Frame:
        df = df.withWatermark("ts", delay)
        if form == "dedup":
            return df.dropDuplicates(["k", "ts"]).groupBy(F.window("ts", *first).alias("w"), *key).count()
        if form == "dedup within":
            return (
                df.dropDuplicatesWithinWatermark(["k"])
                .groupBy(F.window("ts", *first).alias("w"), *key)
                .count()
            )
        counts = df.groupBy(F.window("ts", *first).alias("w"), *key).agg(F.count("*").alias("c"))
        if form == "window":
            outer = F.window("w", *second)
        else:
            counts = counts.select(F.window_time("w").alias("t"), "c")
            outer = F.window("t", *second)
        return counts.groupBy(outer.alias("v")).agg(F.expr(aggregate).alias("a"))

    # Which of several rows of a key comes first tells what it counts for.
    one_file = form == "dedup within"
    return Query(
        f"{text}, {form}: {first_text} {key}, then {second_text} {aggregate}", make, mode, one_file=one_file
    )


def _duplicates(draw: Random) -> Query:
    marked = draw.random() < 0.7
    text, delay = _watermark(draw) if marked else ("no watermark", "")
    keys = draw.choice([["k"], ["k", "n"], ["k", "ts"], ["ts"], ["n", "x"], ["distinct"]])
    mode = draw.choice(["append", "update"])
    before = _condition(draw)

    def make(df: Frame, F: Any) -> Frame:
        if marked:
            df = df.withWatermark("ts", delay)
        if before is not None:
            df = df.where(before)
        if keys == ["distinct"]:
            return df.select("k", (F.col("n") % 2).alias("m")).distinct()
        return df.dropDuplicates(keys).select(*keys)

    return Query(f"{text}, filter {before}, dropDuplicates {keys}", make, mode, static=not marked)


def _within(draw: Random) -> Query:
    text, delay = _watermark(draw)
    keys = draw.choice([["k"], ["k", "n"], ["x"]])
    mode = draw.choice(["append", "update"])

    def make(df: Frame, F: Any) -> Frame:
        return df.withWatermark("ts", delay).dropDuplicatesWithinWatermark(keys).select(*keys)

    # Which of several rows of a key comes first tells when the key is forgotten.
    return Query(f"{text}, dropDuplicatesWithinWatermark {keys}", make, mode, one_file=True)


def _limit(draw: Random) -> Query:
    count, before = draw.randint(1, 12), _condition(draw)

    def make(df: Frame, F: Any) -> Frame:
        df = df.select("k", "n", "ts")
        return (df if before is None else df.where(before)).limit(count)

    return Query(f"filter {before}, limit {count}", make, "append", one_file=True)


def _watermarks(draw: Random) -> Query:
    delays = draw.sample(_DELAYS, 2)
    window_text, window = _window(draw)
    key, aggregates = draw.choice([[], ["k"]]), _aggregates(draw)
    split = draw.choice(["n % 2 = 0", "k = 'a'", "true"])
    mode = draw.choice(["append", "append", "update"])

    def make(df: Frame, F: Any) -> Frame:
        one = df.where(split).withWatermark("ts", delays[0])
        other = df.where(f"({split}) is not true").withWatermark("ts", delays[1])
        return (
            one.union(other)
            .groupBy(F.window("ts", *window), *key)
            .agg(*(F.expr(a).alias(f"a{i}") for i, a in enumerate(aggregates)))
        )

    return Query(f"watermarks {delays} by {split}, {window_text} {key}: {aggregates}", make, mode)


def _sessions(draw: Random) -> Query:
    marked = draw.random() < 0.9
    text, delay = _watermark(draw) if marked else ("no watermark", "")
    gap = draw.choice(["10 seconds", "1 minute", "5 minutes", "20 minutes"])
    aggregates, before = _aggregates(draw), _condition(draw)
    keys = draw.choice([["k"], ["k"], ["n % 2"], ["k", "n % 2"]])
    mode = draw.choice(["append", "append", "append", "complete", "update"])

    def make(df: Frame, F: Any) -> Frame:
        if marked:
            df = df.withWatermark("ts", delay)
        if before is not None:
            df = df.where(before)
        columns = [
            *(F.expr(key).alias(f"k{i}") for i, key in enumerate(keys)),
            F.session_window("ts", gap).alias("w"),
        ]
        return df.groupBy(*columns).agg(*(F.expr(a).alias(f"a{i}") for i, a in enumerate(aggregates)))

    shown = f"{text}, filter {before}, sessions {gap} {keys}: {aggregates}"
    return Query(shown, make, mode)  # late rows are dropped in complete mode, too


_EQUAL = [
    "lk = rk",
    "lk = rk",
    "lk = rk and ln = rn",
    "lk <=> rk",
    "lt = rt",
    "lk = rk and lt = rt",
    "ln % 2 = rn % 2",
]
_RANGES = [
    "rt between lt and lt + interval 5 minutes", "rt >= lt - interval 10 minutes and rt < lt + interval 1 hour",
    "lt > rt and lt <= rt + interval 1 minute", "rt >= lt", "rt <= lt + interval 10 minutes",
]  # fmt: skip


def _join(draw: Random) -> Query:
    delays = [draw.choice(_DELAYS) if draw.random() < 0.85 else None for _ in range(2)]
    kind = draw.choice(["inner", "inner", "left", "right", "full", "leftsemi"])
    conditions = [draw.choice(_EQUAL)]
    if draw.random() < 0.7:
        # Not one that nothing meets: Spark sees that, and then not even the times of the rows.
        possible = [r for r in _RANGES if "lt = rt" not in conditions[0] or "lt > rt" not in r]
        conditions.append(draw.choice(possible))
    if draw.random() < 0.3:
        conditions.append(draw.choice(["ln > 0", "rn is not null", "ln < rn", "rk <> 'a'"]))
    before = _condition(draw)
    above = draw.choice([None, None, None, "window", "filter"]) if kind != "leftsemi" else None
    mode = "append" if draw.random() < 0.93 else draw.choice(["update", "complete"])
    condition = " and ".join(conditions)

    def make(one: Frame, other: Frame, F: Any) -> Frame:
        if before is not None:
            one = one.where(before)
        left, right = (
            one.selectExpr("ts as lt", "k as lk", "n as ln"),
            other.selectExpr("ts as rt", "k as rk", "n as rn"),
        )
        if delays[0]:
            left = left.withWatermark("lt", delays[0])
        if delays[1]:
            right = right.withWatermark("rt", delays[1])
        found = left.join(right, F.expr(condition), kind)
        if above == "filter":
            return found.where("ln is not null or rn is null")
        if above == "window":
            return found.groupBy(F.window("lt", "10 minutes")).agg(F.count("*").alias("c"))
        return found

    shown = f"watermarks {delays}, filter {before}, {kind} join on {condition}, above {above}"
    static = kind == "inner" and above != "window" and not any(delays)
    return Query(shown, make, mode, static, streams=2)


def _table_join(draw: Random) -> Query:
    kind = draw.choice(["inner", "left", "right", "full", "leftsemi", "leftanti", "cross"])
    flipped, counted = draw.random() < 0.3, draw.random() < 0.5
    condition = draw.choice(["k = rk", "k <=> rk", "k = rk and n > rn", "n = rn", "n > rn"])
    mode = draw.choice(["append", "update", "complete"]) if counted else "append"

    def make(df: Frame, F: Any) -> Frame:
        rows = [("a", 1), ("a", 2), ("b", None), (None, 3), ("z", 0)]
        table = df.sparkSession.createDataFrame(rows, "rk string, rn int")
        on = None if kind == "cross" else F.expr(condition)
        one, other = (table, df) if flipped else (df, table)
        found = one.crossJoin(other) if on is None else one.join(other, on, kind)
        return found.groupBy("k").agg(F.count("*").alias("c"), F.sum("n").alias("s")) if counted else found

    shown = f"{kind} join with a table on {condition}, the table first: {flipped}, counted: {counted}"
    return Query(shown, make, mode, static=False)

"""(g) What a trigger costs with many files already seen, against few."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from benchmarks.contract import Bar, Benchmark, Contender, Values, Work
from benchmarks.engines import LIGHTSTREAM, open_session, read_stream, start_to_table
from benchmarks.hand import count_into, new_files, open_database
from benchmarks.triggers import timed_triggers, trigger_measures

LINKS_A_FILE = 1000
ROW = '{"gt":"sit","x":1.0}\n'


def fill(work: Work, count: int) -> str:
    """Make a directory of `count` files of one row each; most are links, which is all that a listing sees."""
    incoming, originals = work.path("incoming"), work.path("originals")
    os.makedirs(incoming)
    os.makedirs(originals)
    for number in range(count):
        original = f"{originals}/{number // LINKS_A_FILE}"
        if number % LINKS_A_FILE == 0:
            _write(original)
        os.link(original, f"{incoming}/seen-{number:06d}.json")
    return incoming


def _write(path: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(ROW)


def arrival(work: Work, incoming: str) -> Callable[[int], None]:
    """Return the function that lets the n-th new file arrive."""

    def arrive(number: int) -> None:
        new = work.path("new.json")
        _write(new)
        os.rename(new, f"{incoming}/t-{number:06d}.json")

    return arrive


def stream(work: Work, full: int, small: int) -> Values:
    """Take what is there, then one new file at a time, each until the query is idle again."""
    seen, triggers = work.scaled(full, small), work.scaled(60, 5)
    incoming = fill(work, seen)
    spark = open_session(work, LIGHTSTREAM)
    started_s = time.monotonic()
    query = start_to_table(read_stream(spark, incoming).groupBy("gt").count(), work, "complete", "counts")
    query.processAllAvailable()
    first_s = time.monotonic() - started_s
    values = timed_triggers(triggers, arrival(work, incoming), query.processAllAvailable)
    rows = sum(row["count"] for row in spark.table("counts").collect())
    query.stop()
    if rows != seen + triggers:
        raise SystemExit(f"{rows} rows were counted of {seen + triggers}")
    return {**values, "first_s": first_s}


def by_hand(work: Work, full: int, small: int) -> Values:
    """List the directory, keep what was seen in a set, count the new file."""
    seen, triggers = work.scaled(full, small), work.scaled(60, 5)
    incoming = fill(work, seen)
    step = count_into(open_database(work.path("results.duckdb")))
    known: set[str] = set()
    new_files(incoming, known)

    def take() -> None:
        for file in new_files(incoming, known):
            step(file)

    return timed_triggers(triggers, arrival(work, incoming), take)


FEW = {"full": 200, "small": 20}
MANY = {"full": 200_000, "small": 2_000}

BENCHMARKS = (
    Benchmark(
        "g",
        "a trigger with 200,000 files already seen, against 200",
        (
            Contender("lightstream, 200 files", stream, FEW),
            Contender("lightstream, 200,000 files", stream, MANY),
            Contender("hand-written loop, 200 files", by_hand, FEW),
            Contender("hand-written loop, 200,000 files", by_hand, MANY),
        ),
        trigger_measures("file"),
        (
            Bar(
                "no more than 2x",
                "trigger_ms",
                2,
                "lightstream, 200 files",
                contender="lightstream, 200,000 files",
            ),
        ),
        "From the rename of a file of one row until the query is idle again, median of 60 triggers. The loop by hand "
        "lists the directory.",
        most_rounds=1,
    ),
)

"""(h) What the engine costs a batch, step by step, on files of one row."""

from __future__ import annotations

import os
import statistics
import time
from typing import Any

from benchmarks.contract import Bar, Benchmark, Contender, Measure, Values, Work
from benchmarks.engines import LIGHTSTREAM, files_of, open_session, read_stream, start_to_table
from benchmarks.hand import count_into, open_database, read_json
from benchmarks.usage import Stopwatch

STEPS = {
    "plan": "before-offsets",
    "offsets": "after-offsets",
    "sources": "after-source-commit",
    "compute": "after-compute",
    "sink": "after-sink",
    "state": "after-state",
    "commit": "after-commit",
}
"""Each step and the point of `lightstream.crash` at which it ends."""


def make_files(work: Work, count: int) -> str:
    """Make a directory of files of one row each."""
    incoming = work.path("incoming")
    os.makedirs(incoming)
    with open(files_of(work.data)[0], encoding="utf-8") as text:
        row = text.readline()
    for number in range(count):
        with open(f"{incoming}/{number:05d}.json", "w", encoding="utf-8") as file:
            file.write(row)
    return incoming


def reading_ms(files: list[str]) -> float:
    """Return what DuckDB alone takes to read a file of one row and group it."""
    import duckdb

    db = duckdb.connect()
    times_ms = []
    for file in files:
        begun_s = time.perf_counter()
        db.execute(f"SELECT gt, count(*) FROM {read_json([file], gt='VARCHAR')} GROUP BY gt").fetchall()
        times_ms.append(1000 * (time.perf_counter() - begun_s))
    return statistics.median(times_ms)


def stream(work: Work, mode: str, durable: bool = True) -> Values:
    """Run a batch for each file and note when each step ends; the first tenth is left out."""
    from lightstream import crash
    from lightstream.stream.microbatch import MicroBatchRunner

    count = work.scaled(400, 20)
    incoming = make_files(work, count)
    spark = open_session(work, LIGHTSTREAM)
    frame = read_stream(spark, incoming, 1)
    frame = frame.groupBy("gt").count() if mode == "complete" else frame.select("gt", "Model", "Index")
    batches: list[dict[str, float]] = []
    ends = {point: step for step, point in STEPS.items()}
    run_trigger = MicroBatchRunner.run_trigger
    latest_s = 0.0

    def reached(point: str, batch_id: int | None = None) -> None:
        nonlocal latest_s
        if point not in ends or not batches:
            return
        now_s = time.perf_counter()
        batches[-1][ends[point]] = 1000 * (now_s - latest_s)
        latest_s = now_s

    def timed_trigger(runner: Any) -> Any:
        nonlocal latest_s
        batches.append({})
        latest_s = begun_s = time.perf_counter()
        record = run_trigger(runner)
        ended_s = time.perf_counter()
        batches[-1]["report"] = 1000 * (ended_s - latest_s)
        batches[-1]["batch"] = 1000 * (ended_s - begun_s)
        return record

    crash.at = reached  # the points at which the tests of recovery kill the process
    setattr(MicroBatchRunner, run_trigger.__name__, timed_trigger)
    with Stopwatch() as watch:
        if durable:
            query = start_to_table(frame, work, mode, "results", availableNow=True)
        else:
            writer = frame.writeStream.outputMode(mode).format("memory").queryName("results")
            query = writer.trigger(availableNow=True).start()
        query.awaitTermination()
    full = [batch for batch in batches if "commit" in batch][count // 10 :]
    values = {
        f"{step}_ms": statistics.median(batch[step] for batch in full)
        for step in (*STEPS, "report", "batch")
        if step in full[0]
    }
    values["cpu_ms"] = 1000 * watch.cpu_s / count
    values["reading_ms"] = reading_ms(files_of(incoming)[:100])
    values["engine_ms"] = values["batch_ms"] - values["reading_ms"]
    return values


def by_hand(work: Work) -> Values:
    """Count each file in a transaction."""
    incoming = make_files(work, work.scaled(400, 20))
    step = count_into(open_database(work.path("results.duckdb")))
    times_ms = []
    with Stopwatch() as watch:
        for file in files_of(incoming):
            begun_s = time.perf_counter()
            step(file)
            times_ms.append(1000 * (time.perf_counter() - begun_s))
    values = {"batch_ms": statistics.median(times_ms), "reading_ms": reading_ms(files_of(incoming)[:100])}
    values["cpu_ms"] = 1000 * watch.cpu_s / len(times_ms)
    return {**values, "engine_ms": values["batch_ms"] - values["reading_ms"]}


BENCHMARKS = (
    Benchmark(
        "h",
        "the engine's share of a batch, by step",
        (
            Contender("lightstream", stream, {"mode": "complete"}),
            Contender("append", stream, {"mode": "append"}),
            Contender("temporary checkpoint", stream, {"mode": "complete", "durable": False}),
            Contender("hand-written loop", by_hand),
        ),
        (
            Measure("engine_ms", "without reading", "ms"),
            Measure("batch_ms", "batch", "ms"),
            Measure("cpu_ms", "CPU", "ms"),
            Measure("reading_ms", "reading", "ms"),
            *(Measure(f"{step}_ms", step, "ms") for step in (*STEPS, "report")),
        ),
        (Bar("under 10 ms a durable batch", "engine_ms", 10),),
        "Medians over 400 files of one row, one a batch, back to back. `reading` is a raw statement that reads and "
        "groups one such file, and part of `compute`; `without reading` is the batch less that. The first line is a "
        "count into a table (complete mode, durable), the second a projection to a table "
        "(durable), the third a count into the memory sink. `CPU` is of all batches, the first ones included.",
    ),
)

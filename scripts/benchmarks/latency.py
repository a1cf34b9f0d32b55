"""(d) From a file's rename into the directory to its rows in the result, at one small file every 200 ms."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from benchmarks.contract import Bar, Benchmark, Contender, Measure, Values, Work
from benchmarks.engines import LIGHTSTREAM, SPARK, files_of, open_session, read_stream, start_to_table
from benchmarks.hand import count_into, new_files, open_database
from benchmarks.usage import Stopwatch

INTERVAL_S = 0.2
ROWS = 100
POLL_S = 0.003
HAND_POLL_S = 0.005
TIMEOUT_S = 60.0


def stage(work: Work, count: int) -> str:
    """Write files of 100 rows each; return their directory."""
    staging = work.path("staging")
    os.makedirs(staging)
    rows: list[str] = []
    for file in files_of(work.data):
        with open(file, encoding="utf-8") as text:
            rows += text.read().splitlines(keepends=True)
        if len(rows) >= count * ROWS:
            break
    for number in range(count):
        with open(f"{staging}/{number:05d}.json", "w", encoding="utf-8") as target:
            target.writelines(rows[number * ROWS % len(rows) :][:ROWS])
    return staging


def drop(staging: str, incoming: str) -> None:
    """Rename the files into the directory, one every interval; print when each became visible."""
    times = []
    due = time.monotonic() + INTERVAL_S
    for file in files_of(staging):
        time.sleep(max(0.0, due - time.monotonic()))
        times.append(time.monotonic())
        os.rename(file, os.path.join(incoming, os.path.basename(file)))
        due += INTERVAL_S
    print(json.dumps(times))


def measure(work: Work, incoming: str, visible_files: Callable[[], int], count: int) -> Values:
    """Let the files come and look at the result until all are in it; `visible_files` tells how many are."""
    seen_s: list[float] = []
    with Stopwatch() as watch:
        program = "import sys; from benchmarks.latency import drop; drop(*sys.argv[1:])"
        writer = subprocess.Popen(
            [sys.executable, "-c", program, work.path("staging"), incoming], stdout=subprocess.PIPE, text=True
        )
        give_up_s = time.monotonic() + count * INTERVAL_S + TIMEOUT_S
        while len(seen_s) < count and time.monotonic() < give_up_s:
            seen_s += [time.monotonic()] * (visible_files() - len(seen_s))
            time.sleep(POLL_S)
        output, _ = writer.communicate()
    came_s = json.loads(output)
    if len(seen_s) != len(came_s):
        raise SystemExit(f"{len(seen_s)} of {len(came_s)} files are in the result")
    waits_ms = sorted(1000 * (seen - came) for seen, came in zip(seen_s, came_s, strict=True))
    return {
        "median_ms": waits_ms[len(waits_ms) // 2],
        "p99_ms": waits_ms[min(len(waits_ms) - 1, int(len(waits_ms) * 0.99))],
        "most_ms": waits_ms[-1],
        "cpu_s": watch.cpu_s,
        "rows": count * ROWS,
    }


def prepared(work: Work) -> tuple[str, int]:
    """Stage the files and put one in as a start; return the directory and how many are to come."""
    count = work.scaled(120, 5)
    staging, incoming = stage(work, count + 1), work.path("incoming")
    os.makedirs(incoming)
    os.rename(f"{staging}/00000.json", f"{incoming}/00000.json")
    return incoming, count


def lightstream(work: Work) -> Values:
    """Count into a table, look at the table through a cursor of the session's database."""
    incoming, count = prepared(work)
    spark = open_session(work, LIGHTSTREAM)
    query = start_to_table(read_stream(spark, incoming).groupBy("gt").count(), work, "complete", "counts")
    query.processAllAvailable()
    cursor = spark._state.database.cursor()
    values = measure(work, incoming, lambda: _rows(cursor) // ROWS - 1, count)
    query.stop()
    return values


def spark(work: Work) -> Values:
    """Count into foreachBatch, whose function has the result at hand once it has collected it."""
    incoming, count = prepared(work)
    session = open_session(work, SPARK)
    latest = [0]

    def take(frame: Any, batch_id: int) -> None:
        latest[0] = sum(row["count"] for row in frame.collect())

    writer = read_stream(session, incoming).groupBy("gt").count().writeStream.outputMode("complete")
    query = writer.option("checkpointLocation", work.path("checkpoint")).foreachBatch(take).start()
    query.processAllAvailable()
    values = measure(work, incoming, lambda: latest[0] // ROWS - 1, count)
    query.stop()
    return values


def by_hand(work: Work) -> Values:
    """List the directory every 5 ms and count each new file in a transaction."""
    incoming, count = prepared(work)
    db = open_database(work.path("results.duckdb"))
    cursor = db.cursor()
    ended = threading.Event()
    step = count_into(db)
    seen: set[str] = set()

    def loop() -> None:
        while not ended.wait(HAND_POLL_S):
            for file in new_files(incoming, seen):
                step(file)

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        return measure(work, incoming, lambda: _rows(cursor) // ROWS - 1, count)
    finally:
        ended.set()
        thread.join()


def _rows(cursor: Any) -> int:
    [(rows,)] = cursor.execute("SELECT coalesce(sum(count), 0) FROM counts").fetchall()
    return int(rows)


BENCHMARKS = (
    Benchmark(
        "d",
        "latency from file visible to result visible",
        (
            Contender("lightstream", lightstream),
            Contender("hand-written loop", by_hand),
            Contender("Spark", spark, spark=True),
        ),
        (
            Measure("median_ms", "median", "ms"),
            Measure("p99_ms", "p99", "ms"),
            Measure("most_ms", "most", "ms"),
            Measure("cpu_s", "CPU"),
        ),
        (
            Bar("median under 20 ms", "median_ms", 20),
            Bar("p99 under 60 ms", "p99_ms", 60),
        ),
        "120 files of 100 rows, one every 200 ms, after a first one; durable; the result is looked at every 3 ms.",
        most_rounds=2,
    ),
)

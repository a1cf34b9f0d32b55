"""The long run behind `scripts/soak`: thousands of small batches, while nothing that should stay small may grow."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.contract import Work
from benchmarks.data import PROJECT
from benchmarks.engines import LIGHTSTREAM, open_session, start_to_table
from benchmarks.usage import memory_bytes

MODES = ("complete", "append", "update", "windows")
BASE_BATCH = 100
BASE_WINDOWS = 500  # batches, of the mode "windows"
MOST_TIMES = 3.0
ROWS = 100
KEYS = 50
ROW_BYTES = 24  # what the values of a row take plain
AHEAD = 4
LOOK_EVERY = 10
RETAINED = 100  # spark.sql.streaming.minBatchesToRetain
COMPACT_DISTANCE = 1000  # lightstream.checkpoint.source_log.MAX_COMPACT_DISTANCE
FLOOR_BYTES = 1 << 20  # DuckDB's files grow by blocks of 256 kB, its logs are folded in at 1 MB
SCHEMA = "k STRING, n BIGINT, text STRING"
WINDOW_S, LATE_S = 60, 600  # a batch of the mode "windows" is a window; its rows spread over some before it


@dataclass(frozen=True, slots=True)
class Column:
    """One thing that is watched. `floor` is a size below which growth says nothing; `limit` replaces the rule of 3x."""

    key: str
    label: str
    scale: float = 1.0
    floor: float = 0.0
    limit: float | None = None
    judged: bool = True


COLUMNS = (
    Column("batch_ms", "ms/batch", judged=False),
    Column("cpu_ms", "CPU ms"),
    Column("database", "database kB", 1e3, floor=FLOOR_BYTES),
    Column("database_wal", "WAL kB", 1e3, floor=FLOOR_BYTES / 2),
    Column("row_bytes", "bytes/row", limit=ROW_BYTES),
    Column("state", "state kB", 1e3, floor=FLOOR_BYTES),
    Column("state_wal", "WAL kB", 1e3, floor=FLOOR_BYTES / 2),
    Column("logs", "log files", limit=2 * (RETAINED + 5)),
    Column("log_bytes", "log kB", 1e3),
    Column("source_files", "source log", limit=COMPACT_DISTANCE + 100),
    Column("source_bytes", "bytes/file"),
    Column("memory", "memory MB", 1e6),
    Column("threads", "threads"),
    Column("handles", "handles"),
)


class Watch:
    """Looks at a query's files and process after each batch, and sees to it that there is a next one."""

    def __init__(self, work: Work, mode: str, batches: int, every: int) -> None:
        self.work, self.mode, self.batches, self.every = work, mode, batches, every
        self.incoming = work.path("incoming")
        self.done = threading.Event()
        self.failed: list[str] = []
        self.seen = 0
        """How many batches with data there were."""
        self._fed = 0
        self._base: dict[str, float] = {}
        self._most: dict[str, float] = {}
        self._row_s, self._cpu_s = time.monotonic(), time.process_time()
        self._row_batch = 0
        os.makedirs(self.incoming)

    def feed(self, until: int) -> None:
        """Put files in, up to this number in all."""
        while self._fed < min(until, self.batches):
            path = self.work.path("new.json")
            with open(path, "w", encoding="utf-8") as file:
                for row in range(ROWS):
                    number = self._fed * ROWS + row
                    if self.mode == "windows":
                        number = max(0, self._fed * WINDOW_S - row * LATE_S // ROWS)
                    file.write(f'{{"k":"key{number % KEYS}","n":{number},"text":"row {number}"}}\n')
            os.rename(path, f"{self.incoming}/{self._fed:06d}.json")
            self._fed += 1

    def after(self, batches: int) -> None:
        """Look at everything after a batch; print a row of the table when one is due."""
        self.seen = batches
        self.feed(batches + AHEAD)
        base = min(BASE_WINDOWS if self.mode == "windows" else BASE_BATCH, self.batches)
        due = batches in (base, self.batches) or batches % self.every == 0
        if due or batches % LOOK_EVERY == 0:
            for key, value in self._look(batches).items():
                self._most[key] = max(self._most.get(key, 0.0), value)
        if due:
            now_s = time.monotonic()
            self._most["cpu_ms"] = (
                1000 * (time.process_time() - self._cpu_s) / max(1, batches - self._row_batch)
            )
            self._most["batch_ms"] = 1000 * (now_s - self._row_s) / max(1, batches - self._row_batch)
            print(_row(str(batches), self._most), flush=True)
            if batches == base:
                self._base = dict(self._most)
            elif self._base:
                self._judge(batches)
            self._most = {}
            self._row_s, self._cpu_s, self._row_batch = time.monotonic(), time.process_time(), batches
        if batches >= self.batches:
            self.done.set()

    def _judge(self, batches: int) -> None:
        for column in COLUMNS:
            value = self._most[column.key]
            limit = column.limit
            if limit is None:
                limit = MOST_TIMES * max(self._base[column.key], column.floor)
                if column.key == "state" and self.mode == "windows":
                    limit = MOST_TIMES * self._base[column.key]
                if column.key == "database" and self.mode in ("append", "windows"):
                    continue  # it holds the rows: their bytes are judged
            if column.judged and value > limit:
                self.failed.append(
                    f"{self.mode}, batch {batches}: {column.label} {value / column.scale:.1f}, "
                    f"the limit is {limit / column.scale:.1f}"
                )

    def _look(self, batches: int) -> dict[str, float]:
        work = self.work
        logs = [
            entry for name in ("offsets", "commits") for entry in _sizes(work.path("checkpoint-out", name))
        ]
        sources = _sizes(work.path("checkpoint-out", "sources", "0"))
        database, wal = _size(work.path("results.duckdb")), _size(work.path("results.duckdb.wal"))
        state = work.path("checkpoint-out", "state", "state.duckdb")
        return {
            "database": database,
            "database_wal": wal,
            "row_bytes": max(0, database - FLOOR_BYTES) / (batches * ROWS),
            "state": _size(state),
            "state_wal": _size(state + ".wal"),
            "logs": len(logs),
            "log_bytes": sum(logs),
            "source_files": len(sources),
            "source_bytes": sum(sources) / batches,
            "memory": memory_bytes(),
            "threads": len(os.listdir("/proc/self/task")),
            "handles": len(os.listdir("/proc/self/fd")),
        }


def _sizes(directory: str) -> list[int]:
    try:
        with os.scandir(directory) as entries:
            return [size for entry in entries if (size := _size(entry.path)) or entry.is_file()]
    except OSError:
        return []


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def _row(first: str, values: dict[str, float] | None = None) -> str:
    cells = [first.rjust(7)]
    for column in COLUMNS:
        text = (
            column.label if values is None else f"{values[column.key] / column.scale:.1f}".removesuffix(".0")
        )
        cells.append(text.rjust(len(column.label)))
    return " | ".join(cells)


def run(mode: str, batches: int, every: int) -> list[str]:
    """Run one query for so many batches; return what has grown too large."""
    from lightstream.sql.streaming.listener import StreamingQueryListener

    with tempfile.TemporaryDirectory(prefix="lightstream-soak-") as scratch:
        work = Work(scratch, scratch, False, time.monotonic())
        watch = Watch(work, mode, batches, every)
        spark = open_session(work, LIGHTSTREAM)
        rows = spark.readStream.schema(SCHEMA).option("maxFilesPerTrigger", 1).json(watch.incoming)
        frame = _query(rows, mode)

        class Listener(StreamingQueryListener):
            def onQueryStarted(self, event: Any) -> None: ...

            def onQueryProgress(self, event: Any) -> None:
                if event.progress.numInputRows:  # none where the watermark alone moves
                    watch.after(watch.seen + 1)

            def onQueryTerminated(self, event: Any) -> None:
                watch.done.set()

        spark.streams.addListener(Listener())
        print(f"\n{mode}, {batches:,} batches of {ROWS} rows\n{_row('batches')}", flush=True)
        watch.feed(AHEAD)
        query = start_to_table(frame, work, "append" if mode == "windows" else mode, "out")
        watch.done.wait()
        if (failure := query.exception()) is not None:
            raise SystemExit(f"the query failed: {failure}")
        found = _total(spark, mode)
        query.stop()
        spark.stop()
        expected = batches * ROWS if mode == "complete" else batches * ROWS * (KEYS - 1) // KEYS
        if mode in ("complete", "append") and found != expected:
            watch.failed.append(f"{mode}: the result has {found} rows of {expected}")
        return watch.failed


def _query(rows: Any, mode: str) -> Any:
    if mode == "append":
        return rows.where("k <> 'key1'").select("k", "n", "text")
    if mode == "windows":
        from lightstream.sql import functions as F

        times = rows.withColumn("at", F.timestamp_seconds("n")).withWatermark("at", f"{2 * LATE_S} seconds")
        counts = times.groupBy(F.window("at", f"{WINDOW_S} seconds"), "k").agg(F.count("*"), F.avg("n"))
        return counts.selectExpr("window.start", "k", "`count(1)` AS n", "`avg(n)` AS mean")
    return rows.groupBy("k").count()


def _total(spark: Any, mode: str) -> int:
    value = {"append": "count(*)", "windows": "coalesce(sum(n), 0)"}.get(mode, "sum(count)")
    [(rows,)] = spark.sql(f"SELECT {value} FROM out").collect()
    return int(rows)


def main(words: Sequence[str] | None = None) -> int:
    """Run each mode in a process of its own; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="scripts/soak",
        description="Run thousands of small batches and watch files, memory, threads and file handles. Each row shows "
        "the highest values since the row before; nothing may pass three times its value after 100 batches, or 500 "
        "in the mode windows, where each batch begins a window and the watermark ends one.",
        epilog="exit codes: 0 nothing has grown, 1 something has",
    )
    parser.add_argument(
        "modes", nargs="*", metavar="MODE", help=f"{', '.join(MODES)} (default: the first two)"
    )
    parser.add_argument("--batches", type=int, default=5000, metavar="N", help="of each (default 5000)")
    parser.add_argument(
        "--every", type=int, metavar="N", help="batches a row of the table (default: a tenth)"
    )
    parser.add_argument("--in-process", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(words)
    modes = options.modes or list(MODES[:2])
    if any(mode not in MODES for mode in modes) or options.batches < 1:
        parser.error(f"the modes are {', '.join(MODES)}, and there is at least one batch")
    every = options.every or max(1, options.batches // 10)
    if options.in_process:
        failed = run(modes[0], options.batches, every)
        for line in failed:
            print(line, file=sys.stderr)
        return 1 if failed else 0
    path = os.pathsep.join((str(PROJECT), str(PROJECT / "scripts")))
    sizes = [f"--batches={options.batches}", f"--every={every}"]
    codes = [
        subprocess.run(
            [sys.executable, "-m", "benchmarks.soak", mode, "--in-process", *sizes],
            env={**os.environ, "PYTHONPATH": path},
        ).returncode
        for mode in modes
    ]
    return 1 if any(codes) else 0


if __name__ == "__main__":
    sys.exit(main())

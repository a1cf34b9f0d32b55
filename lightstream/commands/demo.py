"""`lightstream demo`: the activity data, streamed through the textbook's queries."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import sysconfig
import tempfile
import threading
import time
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightstream.dataclass import dataclass
from lightstream.errors import PySparkException
from lightstream.run import FAILED, INTERRUPTED, OK, USAGE

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from lightstream.sql import SparkSession
    from lightstream.sql.streaming import StreamingQuery

_REFRESH_SECONDS = 0.1
_BAR_WIDTH = 40
# Slow enough to watch forty files go by.
_PACE_ON_A_TERMINAL_SECONDS = 0.2
_PLAIN_EVERY_BATCHES = 10
_COUNTS_SQL = "select * from activity_counts order by count desc"


@dataclass(slots=True)
class Seen:
    """What the progress of a query has told so far."""

    query: StreamingQuery
    what: str
    batches: int = 0
    rows: int = 0
    batch_ms: int = 0
    _last: int = field(default=-1, repr=False)

    def update(self) -> None:
        """Take in the progress entries that are new."""
        for progress in self.query.recentProgress:
            if progress.batchId > self._last and progress.numInputRows:
                self._last = progress.batchId
                self.batches += 1
                self.rows += progress.numInputRows
                self.batch_ms = progress.batchDuration


def run(data: Path | None, database: Path | None, pace_seconds: float | None) -> int:
    """Run the demo; return the exit code."""
    directory = data or sample()
    if directory is None:
        print("lightstream demo: the sample is not here; name a directory with --data", file=sys.stderr)
        return USAGE
    if database is not None and database.exists():
        print(
            f"lightstream demo: {database} exists, and the demo overwrites nothing: name a new file",
            file=sys.stderr,
        )
        return USAGE
    path = database or Path(tempfile.mkdtemp(prefix="lightstream-demo-")) / "activity.duckdb"
    from rich.console import Console

    # In a pipe, lines are as long as they are.
    console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
    if pace_seconds is None:
        pace_seconds = _PACE_ON_A_TERMINAL_SECONDS if console.is_terminal else 0.0
    import logging

    import lightstream

    # A machine that is slower than the pace is no news here, and warnings would tear the live view.
    logging.getLogger("lightstream").setLevel(logging.ERROR)
    spark = lightstream.session(str(path))
    try:
        return _stream(spark, console, directory, path, pace_seconds)
    except KeyboardInterrupt:
        console.print(f"\nstopped; what was counted until then is in {path}")
        return INTERRUPTED
    finally:
        spark.stop()


def sample() -> Path | None:
    """Return the directory of the sample: the checkout's, or what came with the installation."""
    checkout = Path(__file__).resolve().parents[2] / "data" / "activity-data"
    installed = Path(sysconfig.get_path("data")) / "share" / "lightstream" / "activity-data"
    return next((directory for directory in (checkout, installed) if directory.is_dir()), None)


def _stream(spark: SparkSession, console: Console, directory: Path, path: Path, pace_seconds: float) -> int:
    static = spark.read.json(str(directory))
    files = sum(1 for name in os.listdir(directory) if name.endswith(".json"))
    console.print(f"[bold]{files} files[/bold] in {directory}, one file a micro-batch")
    console.print(f"results in [bold]{path}[/bold]; while this runs, in another terminal:")
    console.print(f"  {_command(path)}\n", style="cyan", soft_wrap=True)
    started = time.monotonic()
    seen = _start_queries(spark, static.schema, directory, pace_seconds)
    finished = threading.Event()
    failures: list[BaseException] = []
    threading.Thread(target=_wait, args=(seen, finished, failures), daemon=True).start()
    if console.is_terminal:
        _watch(spark, console, seen, finished, started)
    else:
        _report(console, seen, finished)
    if failures:
        raise failures[0]
    return _conclude(spark, console, static, seen, path, time.monotonic() - started)


def _start_queries(spark: SparkSession, schema: Any, directory: Path, pace_seconds: float) -> list[Seen]:
    from lightstream.sql.functions import expr

    streaming = spark.readStream.schema(schema).option("maxFilesPerTrigger", 1).json(str(directory))
    trigger = f"{int(pace_seconds * 1000)} milliseconds"
    counts = streaming.groupBy("gt").count().writeStream.outputMode("complete")
    stairs = (
        streaming.withColumn("stairs", expr("gt like '%stairs%'"))
        .where("stairs")
        .where("gt is not null")
        .select("gt", "model", "arrival_time", "creation_time")
        .writeStream.outputMode("append")
    )
    people = streaming.groupBy("User").count().writeStream.outputMode("complete")
    return [
        Seen(
            writer.queryName(name).format("memory").trigger(processingTime=trigger).start(),
            what,
        )
        for name, writer, what in (
            ("activity_counts", counts, "counts, complete"),
            ("simple_transform", stairs, "a filter, append"),
            ("person_counts", people, "counts, complete"),
        )
    ]


def _wait(seen: list[Seen], finished: threading.Event, failures: list[BaseException]) -> None:
    try:
        for one in seen:
            one.query.processAllAvailable()
    except PySparkException as error:
        failures.append(error)
    finally:
        finished.set()


# --- what people see ----------------------------------------------------------------------------------------------


def _watch(
    spark: SparkSession, console: Console, seen: list[Seen], finished: threading.Event, started: float
) -> None:
    from rich.live import Live

    with Live(console=console, auto_refresh=False, transient=True) as live:
        done = False
        while not done:
            done = finished.wait(_REFRESH_SECONDS)
            for one in seen:
                one.update()
            live.update(_view(_counts(spark), seen, time.monotonic() - started), refresh=True)


def _report(console: Console, seen: list[Seen], finished: threading.Event) -> None:
    told = 0
    done = False
    while not done:
        done = finished.wait(_REFRESH_SECONDS)
        for one in seen:
            one.update()
        if seen[0].batches >= told + _PLAIN_EVERY_BATCHES or (done and seen[0].batches > told):
            told = seen[0].batches
            console.print(f"  {told} batches, {seen[0].rows:,} rows counted")


def _conclude(
    spark: SparkSession, console: Console, static: Any, seen: list[Seen], path: Path, seconds: float
) -> int:
    counts = _counts(spark)
    expected = {row[0]: row[1] for row in static.groupBy("gt").count().collect()}
    stairs = spark.table("simple_transform").count()
    console.print(_view(counts, seen, seconds))
    console.print(f"\n{sum(counts.values()):,} rows in {seconds:.1f} s, {stairs:,} of them on stairs.")
    if counts != expected:
        console.print("These are NOT the counts of a batch query over the same files.", style="bold red")
        return FAILED
    console.print("A batch query over the same files gives exactly these counts.", style="green")
    console.print("\nThe results are plain DuckDB tables. Query them:")
    console.print(f"  {_command(path)}", style="cyan", soft_wrap=True)
    return OK


def _counts(spark: SparkSession) -> dict[str, int]:
    return {row[0]: row[1] for row in spark.sql(_COUNTS_SQL).collect()}


def _view(counts: dict[str, int], seen: list[Seen], seconds: float) -> RenderableType:
    from rich import box
    from rich.console import Group
    from rich.table import Table

    queries = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    queries.add_column("query")
    queries.add_column("what", style="dim")
    for title in ("batches", "rows", "rows/s", "last batch"):
        queries.add_column(title, justify="right")
    for one in seen:
        queries.add_row(
            one.query.name,
            one.what,
            f"{one.batches:,}",
            f"{one.rows:,}",
            f"{one.rows / seconds:,.0f}",
            f"{one.batch_ms} ms",
        )
    bars = Table(box=None, header_style="bold", pad_edge=False)
    bars.add_column("activity")
    bars.add_column("rows", justify="right")
    bars.add_column("")
    most = max(counts.values(), default=1)
    for activity, count in sorted(counts.items()):
        bars.add_row(activity, f"{count:,}", "█" * max(round(count / most * _BAR_WIDTH), 1), style=None)
    return Group(queries, bars)


def _command(path: Path) -> str:
    program = sys.argv[0]
    found = shutil.which("lightstream")
    on_path = found is not None and os.path.realpath(found) == os.path.realpath(program)
    if on_path or os.path.basename(program) != "lightstream":
        program = "lightstream"
    else:
        program = min(program, os.path.relpath(program), key=len)
    return f'{shlex.quote(program)} sql {shlex.quote(str(path))} "{_COUNTS_SQL}"'

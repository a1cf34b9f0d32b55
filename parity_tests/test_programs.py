"""Streaming programs on both engines: the rows of each batch, the progress, the schemas, the refusals."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from known import KNOWN

from lightstream.parity.answers import columns_of, failed, rows_of, same

ROOT = Path(__file__).parent.parent
SCHEMA = "k string, n int, x double, ts timestamp"
FILES: list[list[dict[str, Any]]] = [
    [
        {"k": "a", "n": 1, "x": 0.5, "ts": "2025-01-01T00:01:00Z"},
        {"k": "b", "n": 2, "x": -1.25, "ts": "2025-01-01T00:02:00Z"},
        {"k": None, "n": 3, "x": 4.0, "ts": "2025-01-01T00:06:00Z"},
    ],
    [{"k": "a", "n": None, "x": 2.1, "ts": "2025-01-01T00:04:00Z"}, {"k": "c", "n": 7, "x": 8.0, "ts": None}],
    [],
    [
        {"k": "b", "n": 5, "x": 0.3, "ts": "2025-01-01T00:21:00Z"},
        {"k": "b", "n": 5, "x": None, "ts": "2025-01-01T00:22:00Z"},
        {"k": None, "n": 1, "x": 1.0, "ts": "2025-01-01T00:03:00Z"},
    ],
    [
        {"k": "d", "n": 9, "x": 16.7, "ts": "2025-01-01T00:02:30Z"},
        {"k": "a", "n": 4, "x": 0.5, "ts": "2025-01-01T01:00:00Z"},
    ],
]


@dataclass(slots=True)
class Engine:
    """What a program is given: a session, its functions and types, and a directory; and what it tells of itself."""

    spark: Any
    F: Any
    T: Any
    directory: Path
    told: list[Any] = field(default_factory=list)

    def put(self, *positions: int) -> None:
        """Let files arrive, each with a time of its own: that is the order in which they are taken."""
        arriving = self.directory / "in"
        arriving.mkdir(exist_ok=True)
        for position in positions:
            hidden = self.directory / f"{position}.json"
            hidden.write_text("".join(json.dumps(row) + "\n" for row in FILES[position]))
            os.utime(hidden, (1_700_000_000 + position, 1_700_000_000 + position))
            hidden.rename(arriving / hidden.name)

    def stream(self, **options: Any) -> Any:
        return self.spark.readStream.schema(SCHEMA).options(**options).json(str(self.directory / "in"))

    def tell(self, *what: Any) -> None:
        self.told.append(list(what))

    def start(self, frame: Any, mode: str, **trigger: Any) -> Any:
        """Start a query that tells the id, schema and rows of each batch."""

        def batch(rows: Any, batch_id: int) -> None:
            self.tell("batch", batch_id, columns_of(rows), rows_of(rows))

        writer = frame.writeStream.outputMode(mode).foreachBatch(batch)
        writer = writer.option("checkpointLocation", str(self.directory / "checkpoint"))
        return (writer.trigger(**trigger) if trigger else writer).start()

    def finish(self, query: Any) -> None:
        """Wait for the end of a query, and tell of its batches."""
        assert query.awaitTermination(120)
        self.tell_progress(query)

    def tell_progress(self, query: Any) -> None:
        # Reports of idle triggers depend on the time that passes: only batches are told.
        ran = [entry for entry in query.recentProgress if "addBatch" in entry["durationMs"]]
        self.tell("progress", [[entry["batchId"], entry["numInputRows"]] for entry in ran])
        self.tell("state", [[state["numRowsTotal"] for state in entry["stateOperators"]] for entry in ran])


# Filters are of a kind that Spark doesn't push into its reader, but for `rows_that_a_filter_keeps`: rows that the
# reader leaves out don't count as input there.


def complete_file_by_file(engine: Engine) -> None:
    engine.put(0, 1, 2, 3, 4)
    counts = engine.stream(maxFilesPerTrigger=1).groupBy("k").count()
    engine.finish(engine.start(counts, "complete", availableNow=True))


def update_file_by_file(engine: Engine) -> None:
    F = engine.F
    engine.put(0, 1, 2, 3, 4)
    groups = engine.stream(maxFilesPerTrigger=1).groupBy("k")
    measured = groups.agg(F.sum("n"), F.avg("x"), F.min("ts"), F.max("n").alias("most"), F.stddev("x"))
    engine.finish(engine.start(measured, "update", availableNow=True))


def append_file_by_file(engine: Engine) -> None:
    F = engine.F
    engine.put(0, 1, 2, 3, 4)
    frame = engine.stream(maxFilesPerTrigger=1)
    frame = frame.withColumn("big", F.expr("n > 2")).where("big or n * 2 = 4 or n is null")
    frame = frame.select("k", "big", (F.col("x") * 2).alias("twice"), F.hour("ts"), "ts")
    engine.finish(engine.start(frame, "append", availableNow=True))


def once_takes_everything(engine: Engine) -> None:
    engine.put(0, 1, 2, 3, 4)
    counts = engine.stream(maxFilesPerTrigger=1).groupBy("k").count()
    engine.finish(engine.start(counts, "complete", once=True))


def available_now_again_from_a_checkpoint(engine: Engine) -> None:
    engine.put(0, 1)
    for arriving in ((2, 3), (4,), ()):
        counts = engine.stream(maxFilesPerTrigger=2).groupBy("k").agg(engine.F.sum("n"), engine.F.count("*"))
        engine.finish(engine.start(counts, "update", availableNow=True))
        engine.put(*arriving)


def files_that_arrive_while_it_runs(engine: Engine) -> None:
    engine.put(0)
    query = engine.start(engine.stream().groupBy("k").count(), "update", processingTime="0 seconds")
    for position in (1, 3, 4):
        query.processAllAvailable()
        engine.put(position)
    query.processAllAvailable()
    engine.tell_progress(query)
    query.stop()
    engine.tell("active", query.isActive, query.exception())


def windows_with_a_watermark(engine: Engine) -> None:
    F = engine.F
    engine.put(0, 1, 2, 3, 4)
    frame = engine.stream(maxFilesPerTrigger=1).withWatermark("ts", "10 minutes")
    counts = frame.groupBy(F.window("ts", "5 minutes"), "k").count()
    engine.finish(engine.start(counts, "append", availableNow=True))


def memory_tables(engine: Engine) -> None:
    engine.put(0, 1, 3, 4)
    frame = engine.stream(maxFilesPerTrigger=1)
    engine.tell(frame.isStreaming, columns_of(frame))
    for mode, changed in (
        ("append", frame.where("coalesce(n, 0) > 1")),
        ("complete", frame.groupBy("k").count()),
    ):
        writer = changed.writeStream.format("memory").queryName(f"parity_{mode}").outputMode(mode)
        query = writer.trigger(availableNow=True).start()
        engine.finish(query)
        table = engine.spark.sql(f"select * from parity_{mode}")
        engine.tell(mode, query.name, columns_of(table), rows_of(table))
        engine.tell([row[0] for row in engine.spark.sql(f"select count(*) from parity_{mode}").collect()])


def distinct_rows(engine: Engine) -> None:
    engine.put(0, 1, 2, 3, 4)
    frame = engine.stream(maxFilesPerTrigger=2).select("k", "n").dropDuplicates(["k"])
    engine.finish(engine.start(frame.select("k"), "append", availableNow=True))


def a_table_of_numbers_joins(engine: Engine) -> None:
    engine.put(0, 1, 2, 3, 4)
    names = engine.spark.createDataFrame(
        [("a", "first"), ("b", "second"), ("b", "twice")], "k string, name string"
    )
    frame = engine.stream(maxFilesPerTrigger=2).join(names, "k", "left").groupBy("name").agg({"n": "max"})
    engine.finish(engine.start(frame, "complete", availableNow=True))


def rows_that_a_filter_keeps(engine: Engine) -> None:
    engine.put(0, 1, 2, 3, 4)
    frame = engine.stream(maxFilesPerTrigger=1).where("k is not null").select("k", "n")
    engine.finish(engine.start(frame, "append", availableNow=True))


def aggregates_from_a_dict(engine: Engine) -> None:
    engine.put(0, 1, 3, 4)
    frame = engine.stream().groupBy("k").agg({"n": "sum", "*": "count"})
    engine.finish(engine.start(frame, "complete", availableNow=True))


PROGRAMS = (
    aggregates_from_a_dict,
    rows_that_a_filter_keeps,
    complete_file_by_file,
    update_file_by_file,
    append_file_by_file,
    once_takes_everything,
    available_now_again_from_a_checkpoint,
    files_that_arrive_while_it_runs,
    windows_with_a_watermark,
    memory_tables,
    distinct_rows,
    a_table_of_numbers_joins,
)


def known(case: str, *values: Any) -> Any:
    marks = [pytest.mark.xfail(reason=KNOWN[case], strict=True)] if case in KNOWN else []
    return pytest.param(*values, marks=marks, id=case)


def engines(spark: Any, lightstream: Any, directory: Path) -> list[Engine]:
    import pyspark.sql.functions as spark_functions
    import pyspark.sql.types as spark_types

    import lightstream.sql.functions as our_functions
    import lightstream.sql.types as our_types

    made = []
    for name, *parts in (
        ("spark", spark, spark_functions, spark_types),
        ("lightstream", lightstream, our_functions, our_types),
    ):
        (directory / name).mkdir()
        made.append(Engine(*parts, directory / name))
    return made


@pytest.mark.parametrize("program", [known(program.__name__, program) for program in PROGRAMS])
def test_program(spark: Any, lightstream: Any, tmp_path: Path, program: Callable[[Engine], None]) -> None:
    in_spark, here = engines(spark, lightstream, tmp_path)
    program(in_spark)
    program(here)
    assert in_spark.told, "a program that tells nothing compares nothing"
    for position, (expected, found) in enumerate(zip(in_spark.told, here.told, strict=False)):
        # Spark spreads rows over tasks and adds up their sums: doubles may differ in the last digits (see `same`).
        assert same(expected, found), f"at {position}:\nspark: {expected}\n here: {found}"
    assert len(in_spark.told) == len(here.told)


# ---- refusals -------------------------------------------------------------------------------------------------------


def _start(mode: str, make: Callable[[Any, Any], Any]) -> Callable[[Engine], Any]:
    def attempt(engine: Engine) -> Any:
        query = make(engine.stream(), engine.F).writeStream.format("noop").outputMode(mode)
        query = query.option("checkpointLocation", str(engine.directory / "checkpoint")).start()
        query.stop()

    return attempt


def counts(df: Any, F: Any) -> Any:
    return df.groupBy("k").count()


REFUSALS: dict[str, Callable[[Engine], Any]] = {
    "complete without aggregation": _start("complete", lambda df, F: df.where("n > 1")),
    "append of an aggregation": _start("append", counts),
    "append of an aggregation without keys": _start("append", lambda df, F: df.agg(F.count("*"))),
    "complete of distinct rows": _start("complete", lambda df, F: df.distinct()),
    "a mode that is none": _start("some", counts),
    "limit, update": _start("update", lambda df, F: df.limit(3)),
    "limit, complete": _start("complete", lambda df, F: df.limit(3)),
    "sort, append": _start("append", lambda df, F: df.orderBy("n")),
    "sort of an aggregation, update": _start("update", lambda df, F: counts(df, F).orderBy("count")),
    "aggregation of an aggregation, update": _start(
        "update", lambda df, F: counts(df, F).groupBy("count").agg(F.count("*"))
    ),
    "aggregation of an aggregation, complete": _start(
        "complete", lambda df, F: counts(df, F).groupBy("count").agg(F.count("*"))
    ),
    "distinct aggregate": _start("update", lambda df, F: df.groupBy("k").agg(F.count_distinct("n"))),
    "offset": _start("append", lambda df, F: df.offset(2)),
    "sample": _start("append", lambda df, F: df.sample(0.5)),
    "increasing id": _start("append", lambda df, F: df.withColumn("i", F.monotonically_increasing_id())),
    "a window function": _start("append", lambda df, F: df.selectExpr("sum(n) over (partition by k)")),
    "pivot": _start("complete", lambda df, F: df.groupBy("k").pivot("n").count()),
    "collect": lambda engine: engine.stream().collect(),
    "show": lambda engine: engine.stream().show(),
    "count": lambda engine: engine.stream().count(),
    "write": lambda engine: engine.stream().write,
    "writeStream of a table": lambda engine: engine.spark.range(3).writeStream,
    "union with a table": _start(
        "append", lambda df, F: df.select("n").union(df.sparkSession.range(3).selectExpr("int(id)"))
    ),
    "no schema": lambda engine: engine.spark.readStream.json(str(engine.directory / "in")),
    "a column that is not there": lambda engine: engine.stream().select("missing"),
    "no checkpoint location": lambda engine: engine.stream().writeStream.format("parquet").start(),
    "trigger of no length": lambda engine: engine.stream().writeStream.trigger(processingTime="-1 seconds"),
    "two triggers": lambda engine: engine.stream().writeStream.trigger(once=True, availableNow=True),
    "console with a bad mode": lambda engine: engine.stream().writeStream.format("console").outputMode(""),
    "memory without a name": lambda engine: engine.stream().writeStream.format("memory").start(),
    "files per trigger: none": lambda engine: (
        engine.stream(maxFilesPerTrigger=0).writeStream.format("noop").start().processAllAvailable()
    ),
}


@pytest.mark.parametrize(
    "attempt", [known(f"refusal: {name}", attempt) for name, attempt in REFUSALS.items()]
)
def test_refusal(spark: Any, lightstream: Any, tmp_path: Path, attempt: Callable[[Engine], Any]) -> None:
    answers = []
    for engine in engines(spark, lightstream, tmp_path):
        engine.put(0)
        with pytest.raises(Exception) as caught:
            attempt(engine)
        found = failed(caught.value)
        legacy = found.error is not None and (found.error[1] or "_LEGACY").startswith("_LEGACY")
        # The text of Spark's unnamed conditions is all that a program can match on; it ends where the plan begins.
        answers.append((found.error, re.split("[;\n]", found.text)[0] if legacy else None))
    assert answers[0] == answers[1]


# ---- the example, as people run it ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def activity(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """What docs/examples/activity.py prints, on Spark and on lightstream."""
    arguments = [str(ROOT / "docs/examples/activity.py"), str(ROOT / "data/activity-data")]
    printed = []
    for engine in (["--engine", "spark"], []):
        directory = tmp_path_factory.mktemp("activity")
        run = subprocess.run(
            [sys.executable, "-m", "lightstream.cli", "run", *engine, *arguments],
            cwd=directory,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert run.returncode == 0, run.stderr[-3000:]
        printed.append(run.stdout)
    return printed[0], printed[1]


def tables(printed: str) -> list[str]:
    return re.findall(r"(?:^[+|].*\n)+(?:only showing .*\n)?", printed, flags=re.MULTILINE)


def test_the_example_prints_the_same_schema_and_final_counts(activity: tuple[str, str]) -> None:
    in_spark, here = activity
    schema = [re.search(r"^root\n(?: \|-- .*\n)+", printed, re.MULTILINE) for printed in activity]
    assert schema[0] is not None
    assert schema[1] is not None
    assert schema[0].group() == schema[1].group()
    # The last two tables: the rows of the filtered stream counted, and the counts of all files by `gt`.
    assert len(tables(in_spark)) >= 6
    assert tables(in_spark)[-2:] == tables(here)[-2:]
    # What a stream has counted after some seconds, between the two, depends on the speed of the machine.


@pytest.mark.parametrize("position", [known("activity: the first rows of the files", 0)])
def test_the_example_shows_the_same_first_rows(activity: tuple[str, str], position: int) -> None:
    in_spark, here = activity
    assert tables(in_spark)[position] == tables(here)[position]

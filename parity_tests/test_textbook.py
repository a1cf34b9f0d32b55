"""The textbook's streaming chapter over the activity data, statement by statement and as a program."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from known import known
from stream_cases import Cases, Engine, compare

ROOT = Path(__file__).parent.parent
DATA = sorted((ROOT / "data/activity-data").glob("part-*.json"))
CASES = Cases("textbook")


def data(engine: Engine, files: int = 3) -> str:
    """Copy some files of the activity data, each with a time of its own; return their directory."""
    for position, file in enumerate(DATA[:files]):
        engine.write(file.name, file.read_bytes(), at=position)
    return engine.path("in")


def static(engine: Engine) -> Any:
    return engine.spark.read.json(data(engine))


def streaming(engine: Engine) -> Any:
    schema = static(engine).schema
    return engine.spark.readStream.schema(schema).option("maxFilesPerTrigger", 1).json(engine.path("in"))


def memory(engine: Engine, frame: Any, name: str, mode: str) -> Any:
    query = frame.writeStream.queryName(name).format("memory").outputMode(mode).start()
    query.processAllAvailable()
    return query


@CASES
def the_data_as_a_table(engine: Engine) -> None:
    frame = static(engine)
    engine.tell(frame.schema.json(), frame.columns, frame.count(), frame.isStreaming)
    engine.tell_frame(frame.groupBy("gt").count())


@CASES
def print_the_schema(engine: Engine) -> None:
    static(engine).printSchema()
    engine.tell(engine.printed())


@CASES
def show_the_first_rows(engine: Engine) -> None:
    static(engine).orderBy("Creation_Time").show(3, truncate=True)
    engine.tell(engine.printed())


@CASES
def settings(engine: Engine) -> None:
    engine.set("spark.sql.shuffle.partitions", "5")
    engine.tell(engine.spark.conf.get("spark.sql.shuffle.partitions"))
    engine.set("spark.sql.streaming.schemaInference", "true")
    data(engine)
    frame = engine.spark.readStream.option("maxFilesPerTrigger", 1).json(engine.path("in"))
    engine.tell(frame.schema.json())


@CASES
def the_data_as_a_stream(engine: Engine) -> None:
    frame = streaming(engine)
    engine.tell(frame.isStreaming, frame.schema.json(), frame.columns)


@CASES
def counts_by_activity(engine: Engine) -> None:
    counts = streaming(engine).groupBy("gt").count()
    engine.tell(counts.isStreaming, counts.columns, counts.dtypes)
    engine.run(counts, "complete")


@CASES
def counts_in_memory(engine: Engine) -> None:
    query = memory(engine, streaming(engine).groupBy("gt").count(), "activity_counts", "complete")
    engine.tell([active.name for active in engine.spark.streams.active], query.isActive, query.name)
    engine.tell_progress(query)
    engine.spark.sql("select * from activity_counts order by gt").show(3)
    engine.tell(engine.printed())
    engine.tell_frame(engine.spark.sql("SELECT * FROM activity_counts"))


@CASES
def stairs(engine: Engine) -> None:
    expr = engine.F.expr
    frame = (
        streaming(engine)
        .withColumn("stairs", expr("gt like '%stairs%'"))
        .where("stairs")
        .where("gt is not null")
        .select("gt", "model", "arrival_time", "creation_time")
    )
    engine.tell(frame.columns, frame.dtypes)
    query = memory(engine, frame, "simple_transform", "append")
    engine.tell_progress(query)
    engine.tell_frame(
        engine.spark.sql("select gt, count(*), max(arrival_time) from simple_transform group by gt")
    )
    engine.tell(engine.spark.table("simple_transform").columns)


@CASES
def averages_by_activity_and_model(engine: Engine) -> None:
    frame = streaming(engine).drop("Arrival_Time", "Creation_Time", "Index").groupBy("gt", "model").avg()
    engine.tell(frame.columns)
    engine.run(frame, "complete")


@CASES
def history_joins(engine: Engine) -> None:
    history = static(engine).groupBy("gt", "model").avg().select("gt", "model", "avg(x)")
    frame = streaming(engine).select("gt", "model", "Index").join(history, ["gt", "model"])
    engine.run(frame.groupBy("gt").agg(engine.F.max("avg(x)"), engine.F.count("*")), "complete")


@CASES
def console_every_so_often(engine: Engine) -> None:
    counts = streaming(engine).groupBy("gt").count().orderBy("gt")
    engine.printed()
    writer = counts.writeStream.trigger(processingTime="100 milliseconds").queryName("t1").format("console")
    query = writer.outputMode("complete").start()
    query.processAllAvailable()
    query.stop()
    engine.tell(engine.printed())


@CASES
def console_once(engine: Engine) -> None:
    counts = streaming(engine).groupBy("gt").count().orderBy("gt")
    engine.printed()
    writer = counts.writeStream.trigger(once=True).queryName("t2").format("console").outputMode("complete")
    writer.start().awaitTermination(60)
    engine.tell(engine.printed())


@CASES
def available_now(engine: Engine) -> None:
    writer = streaming(engine).groupBy("gt").count().writeStream.queryName("t3").format("noop")
    query = writer.outputMode("complete").trigger(availableNow=True).start()
    engine.finish(query)
    engine.tell(query.isActive)


@CASES
def what_sorting_says(engine: Engine) -> None:
    writer = streaming(engine).orderBy("Arrival_Time").writeStream.format("noop")
    engine.attempt("orderBy", writer.start)


@CASES
def stopping(engine: Engine) -> None:
    query = memory(engine, streaming(engine).groupBy("gt").count(), "stopped_counts", "complete")
    for active in engine.spark.streams.active:
        active.stop()
    engine.tell(engine.spark.streams.active, query.isActive, query.awaitTermination())
    engine.tell_frame(engine.spark.table("stopped_counts"))


@pytest.mark.parametrize("program", list(CASES))
def test_statement(spark: Any, lightstream: Any, tmp_path: Any, program: Callable[[Engine], None]) -> None:
    compare(spark, lightstream, tmp_path, program)


# ---- the program, as people run it ----------------------------------------------------------------------------------


def prints(program: str, directory: Path, files: int) -> tuple[str, str]:
    """Return what a program of docs/examples prints over a few files, on Spark and on lightstream."""
    data = directory / "activity-data"
    data.mkdir()
    for file in DATA[:files]:
        shutil.copy(file, data)
    texts = []
    for engine in (["--engine", "spark"], []):
        command = ["-m", "lightstream.cli", "run", *engine, str(ROOT / "docs/examples" / program), str(data)]
        run = subprocess.run(
            [sys.executable, *command],
            cwd=directory,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert run.returncode == 0, run.stderr[-3000:]
        texts.append(run.stdout)
    return texts[0], texts[1]


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """What docs/examples/activity.py prints."""
    return prints("activity.py", tmp_path_factory.mktemp("activity"), 4)


def tables(text: str) -> list[str]:
    """Return the tables that `show` printed: those of the console sink stand below the number of their batch."""
    found = re.finditer(r"(-\n)?((?:^[+|].*\n)+(?:only showing .*\n)?)", text, flags=re.MULTILINE)
    return [match[2] for match in found if not match[1]]


def test_the_program_prints_the_same(printed: tuple[str, str]) -> None:
    schemas = [re.search(r"^root\n(?: \|-- .*\n)+", text, re.MULTILINE) for text in printed]
    assert schemas[0] is not None
    assert schemas[1] is not None
    assert schemas[0].group() == schemas[1].group()
    in_spark, here = map(tables, printed)
    assert len(in_spark) == len(here) == 6
    # The last two: the rows of the filtered stream counted, and the counts of all files by `gt`. What a stream has
    # counted after some seconds, before that, depends on the speed of the machine.
    assert in_spark[-2:] == here[-2:]


@pytest.mark.parametrize("position", [known("textbook: the first rows of the files", 0)])
def test_the_program_shows_the_same_first_rows(printed: tuple[str, str], position: int) -> None:
    in_spark, here = map(tables, printed)
    assert in_spark[position] == here[position]


def test_the_program_of_event_time_prints_the_same(tmp_path: Path) -> None:
    in_spark, here = prints("event_time.py", tmp_path, 2)
    assert in_spark.count("only showing top") + in_spark.count("+\n\n") >= 6
    assert in_spark == here

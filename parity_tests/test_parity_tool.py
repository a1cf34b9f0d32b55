"""`lightstream parity`, `assert_parity` and the fixture `engine`, on real Spark and on lightstream."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars
import pytest

from lightstream.parity import assert_parity

ROOT = Path(__file__).parent.parent
SAMPLE = ROOT / "data" / "activity-data"

# One that differs, honestly: it asks what it runs on. A query that fails on both, one that fails on one.
PROGRAM = """
import sys
from pyspark.sql import SparkSession, functions as F
from pyspark.sql import DataFrame

on_spark = DataFrame.__module__.startswith("pyspark.")
spark = SparkSession.builder.getOrCreate()
stream = spark.readStream.schema("k string, n int").option("maxFilesPerTrigger", 1).json("in")
what = sys.argv[1]


def wait(query):
    try:
        query.awaitTermination()
    except Exception as error:
        print(type(error).__name__, error.getCondition())


def now(frame, mode="append"):
    return frame.writeStream.outputMode(mode).trigger(availableNow=True)


if what == "same":
    sums = stream.groupBy("k").agg(F.sum("n").alias("s"), F.avg("n"))
    wait(now(sums, "complete").format("memory").queryName("sums").start())
    wait(now(sums, "update").format("console").start())
    class Printer:
        def process(self, row):
            print(row)
    wait(now(stream).foreach(Printer()).start())
    def each(rows, batch_id):
        print(batch_id, rows.count(), rows.where("n > 1").count())
    wait(now(stream.where("k is not null")).foreachBatch(each).option("checkpointLocation", "mine").start())
    wait(now(stream).option("checkpointLocation", "other").toTable("kept"))
    wait(now(stream.selectExpr("cast(k as int) as k")).format("noop").start())
    def fails(rows, batch_id):
        raise ValueError("mine")
    wait(now(stream).foreachBatch(fails).start())
    try:
        now(stream, "complete").format("noop").start()
    except Exception as error:
        print(error.getCondition())
    spark.sql("select * from sums order by s desc nulls last").show()
    spark.table("kept").orderBy("n").collect()
    forever = stream.writeStream.queryName("forever").format("memory").start()
    forever.awaitTermination()
    raise KeyError("the end")
if what == "rows":
    wait(now(stream.withColumn("n", F.col("n") * (2 if on_spark else 3))).queryName("rows").format("noop").start())
if what == "error":
    spark.range(3).selectExpr("id", "assert_true(id < 2)" if on_spark else "id").collect()
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the program and the files that it reads."""
    home = tmp_path_factory.mktemp("parity-tool")
    (home / "app.py").write_text(PROGRAM, encoding="utf-8")
    (home / "in").mkdir()
    for number in range(3):
        path = home / "in" / f"{9 - number}.json"
        path.write_text(f'{{"k":"a","n":{number}}}\n{{"k":null,"n":5}}\n', encoding="utf-8")
        os.utime(path, (1_700_000_000 + number // 2,) * 2)  # the first two arrive at once
    return home


def parity(home: Path, *words: str) -> tuple[int, str]:
    """Return the exit code and what the command prints, without the frames of tables."""
    done = subprocess.run(
        [sys.executable, "-m", "lightstream.cli", "parity", *words],
        cwd=home,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "140"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, " ".join(done.stdout.replace("│", " ").split())


def test_a_program_that_is_the_same(home: Path) -> None:
    code, printed = parity(home, "app.py", "same")
    for line in (
        "sums memory, complete, 3 batches 6 same",
        "query 1 console, update, 3 batches 6 same",
        "query 2 foreach, append, 3 batches 6 same",
        "query 3 foreachBatch, append, 3 batches 3 same",
        "query 4 table, append, 3 batches 6 same",
        "query 5 noop, append, 0 batches same both fail: NumberFormatException [CAST_INVALID_INPUT]",
        "query 6 foreachBatch, append, 0 batches same both fail: ValueError",
        "query 7 noop, complete, 0 batches same",
        "forever memory, append, 3 batches 6 same",
        "results 5 of 5 that the program asks for",
        "the program ended with KeyError same",
        "The same on both.",
    ):
        assert line in printed
    assert code == 0
    # What it made stays apart from where it was called.
    assert sorted(path.name for path in home.iterdir()) == ["app.py", "in"]


def test_a_program_whose_rows_differ(home: Path) -> None:
    code, printed = parity(home, "app.py", "rows")
    assert code == 1
    assert "rows noop, append, 3 batches 6 different" in printed
    assert "The first difference: query rows, batch 0" in printed
    assert "Spark lightstream" in printed


def test_an_error_on_one_side(home: Path) -> None:
    code, printed = parity(home, "app.py", "error")
    assert code == 1
    assert "The first difference: the program" in printed
    assert "no error" in printed


@pytest.mark.long
def test_the_example(home: Path) -> None:
    code, printed = parity(home, str(ROOT / "docs" / "examples" / "activity.py"), str(SAMPLE))
    assert code == 0, printed
    assert "activity_counts memory, complete, 40 batches 280 same" in printed
    assert "simple_transform memory, append, 40 batches 3,963 same" in printed
    assert "The same on both." in printed


# ---- in tests -------------------------------------------------------------------------------------------------------

FILES: list[Any] = [
    [{"k": "a", "n": 1, "x": 0.1}, {"k": None, "n": None, "x": 0.2}],
    '{"k":"a","n":2,"x":0.3}\n{"k":"b","n":"not a number"}\n',
    polars.DataFrame({"k": ["b"], "n": [5], "x": [1.5]}),
]
SCHEMA = "k string, n int, x double"


def test_a_query_is_compared_in_all_modes(spark: Any) -> None:
    assert_parity(
        lambda df, F: df.groupBy("k").agg(F.sum("n"), F.avg("x")), FILES, schema=SCHEMA, files_per_batch=2
    )
    assert_parity("select k, n * 2 as twice, x from data where n is not null", FILES)
    assert_parity(
        lambda df: df.groupBy("k").count().orderBy("k"), FILES, schema=SCHEMA, output_mode="complete"
    )


def test_a_directory_of_files_is_compared(spark: Any, home: Path) -> None:
    assert_parity("select k, count(*) as n from data group by k", home / "in", output_mode="update")


def test_the_first_difference_is_in_the_message(spark: Any) -> None:
    def other(df: Any, F: Any) -> Any:
        return df.groupBy("k").agg(F.sum(df.n * (1 if F.__name__.startswith("pyspark") else 10)).alias("s"))

    with pytest.raises(AssertionError) as differ:
        assert_parity(other, FILES, schema=SCHEMA, output_mode="update")
    text = str(differ.value)
    assert "the engines differ in output mode update" in text
    assert "query query, batch 0" in text
    assert "│ s │ 1     │ 10          │" in text


def test_errors_are_compared(spark: Any) -> None:
    with pytest.raises(AssertionError, match="no batch ran on either engine"):
        assert_parity("select cast(k as int) from data", FILES[:1], schema=SCHEMA)

    def refuses(df: Any, F: Any) -> Any:
        return df.select("nothing" if F.__name__.startswith("pyspark") else "k")

    with pytest.raises(AssertionError, match="UNRESOLVED_COLUMN"):
        assert_parity(refuses, FILES[:1], schema=SCHEMA)


@pytest.mark.long
def test_the_examples_of_tests(tmp_path: Path) -> None:
    """The plugin as people name it: the fixture runs a test on each engine."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "lightstream.parity", "-p", "no:cacheprovider",
         str(ROOT / "docs" / "examples" / "test_parity.py")],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )  # fmt: skip
    assert "4 passed" in done.stdout, done.stdout[-3000:] + done.stderr[-2000:]

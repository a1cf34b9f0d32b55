"""`lightstream parity` without Spark: what is taken down of a program, and the command's exits.

Where two engines are needed, lightstream takes Spark's place: `parity_tests/test_parity_tool.py` has the real thing.
"""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from lightstream.cli import main
from lightstream.parity import programs
from lightstream.parity.observer import reads
from lightstream.parity.programs import Outcome, mirror
from lightstream.parity.recording import Ordering

START = """
import os, sys
from pyspark.sql import SparkSession, functions as F
spark = SparkSession.builder.getOrCreate()
stream = spark.readStream.schema("k string, n int").option("maxFilesPerTrigger", 1).json("in")
counts = stream.groupBy("k").count()
def start(frame, mode="append", **trigger):
    return frame.writeStream.outputMode(mode).trigger(**(trigger or {"availableNow": True}))
"""


@pytest.fixture(autouse=True)
def working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with three files, the later ones first by name, where the program runs."""
    home = tmp_path / "home"
    (home / "in").mkdir(parents=True)
    for number, name in enumerate(("c", "b", "a")):
        path = home / "in" / f"{name}.json"
        rows: Iterable[Any] = ({"k": "x", "n": number}, {"k": name, "n": None})
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        os.utime(path, (1_700_000_000 + number,) * 2)
    monkeypatch.chdir(home)
    return home


def run(tmp_path: Path, text: str, *arguments: str, files: Iterable[str] = ()) -> Outcome:
    """Run a program on lightstream and return what was taken down."""
    program = tmp_path / "app.py"
    program.write_text(START + text, encoding="utf-8")
    return programs._run("lightstream", program, arguments, tmp_path / "own", 60, list(files))


def test_queries_are_taken_down_with_their_batches(tmp_path: Path) -> None:
    seen = run(
        tmp_path,
        """
start(counts.orderBy("k"), "complete").format("memory").queryName("counts").start().awaitTermination()
start(stream.where("n > 0")).format("noop").option("checkpointLocation", "there").start().awaitTermination()
start(stream).foreachBatch(lambda rows, batch_id: print(batch_id, rows.count())).start().awaitTermination()
start(counts, "update").option("checkpointLocation", "/never").toTable("kept").awaitTermination()
""",
    )
    assert (seen.code, seen.errors) == (0, "")
    counted, noop, function, table = seen.program.queries.values()
    assert [(q.name, q.sink, q.mode) for q in seen.program.queries.values()] == [
        ("counts", "memory", "complete"),
        ("query 1", "noop", "append"),
        ("query 2", "foreachBatch", "append"),
        ("query 3", "table", "update"),
    ]
    assert counted.columns == (("k", "StringType()", True), ("count", "LongType()", True))
    assert counted.ordering == Ordering((0,))
    assert [batch.reads for batch in counted.batches.values()] == [
        ("in/c.json",),
        ("in/b.json",),
        ("in/a.json",),
    ]
    assert counted.batches[1].rows == [("b", 1), ("c", 1), ("x", 2)]
    assert counted.numbers == {0: (2, (2,)), 1: (2, (3,)), 2: (2, (4,))}
    assert [batch.rows for batch in noop.batches.values()] == [[], [("x", 1)], [("x", 2)]]
    assert (noop.ordering, len(function.batches), len(table.batches)) == (None, 3, 3)
    assert sorted(path.name for path in (seen.directory / "checkpoints").iterdir()) == [
        "at__never", f"at_{str(seen.directory / 'work' / 'there').replace('/', '_').replace('-', '_')}",
        "counts", "query_2",
    ]  # fmt: skip
    # What a function asks of a batch is no result of the program's: its rows are there already.
    assert [(result.label, len(result.rows)) for result in seen.program.results] == [
        ("table counts at the end", 4),
        ("table kept at the end", 6),
    ]


def test_results_are_taken_down(tmp_path: Path) -> None:
    seen = run(
        tmp_path,
        """
frame = spark.read.schema("k string, n int").json("in")
frame.orderBy("n", "k").show(2)
start(counts, "complete").format("memory").queryName("counts").start().awaitTermination()
table = spark.sql("select * from counts order by count desc")
table.select("k").limit(1).collect(), table.first(), table.count(), spark.sql("select * from counts limit 2").head(5)
frame.select(F.expr("uuid()")).take(1)
try:
    frame.selectExpr("cast(k as int)").collect()
except Exception:
    pass
""",
    )
    assert seen.errors == ""
    shown, limited, first, counted, head, random, failed, final = seen.program.results
    assert shown.label == "show() in app.py:11"
    assert (shown.rows, shown.limit) == ([("a", None), ("b", None), ("c", None)], 2)
    assert shown.ordering == Ordering((1, 0))
    assert shown.seen == {}
    assert (limited.rows, limited.ordering) == ([("x",)], Ordering(None))
    assert (first.rows, first.limit, first.seen) == ([("x", 3)], 1, {"counts": 3})
    assert (counted.rows, counted.columns) == ([(4,)], None)
    assert (head.vague, head.limit) == ("without ORDER BY, any rows are right", 5)
    assert random.vague == "it is random"
    assert failed.failure is not None
    assert failed.failure.condition == "CAST_INVALID_INPUT"
    assert (final.label, len(final.rows)) == ("table counts at the end", 4)


def test_waiting_without_a_timeout_ends_when_all_is_processed(tmp_path: Path) -> None:
    seen = run(
        tmp_path,
        """
first = counts.writeStream.outputMode("update").format("noop").queryName("one").start()
second = stream.writeStream.format("noop").queryName("two").start()
spark.streams.awaitAnyTermination()
third = stream.writeStream.format("noop").queryName("three").start()
third.awaitTermination()
print(third.isActive)
""",
    )
    assert (seen.code, seen.errors) == (0, "")
    assert [len(query.batches) for query in seen.program.queries.values()] == [3, 3, 3]
    assert (seen.directory / "stdout.txt").read_text(encoding="utf-8") == "False\n"


def test_errors_are_taken_down(tmp_path: Path) -> None:
    seen = run(
        tmp_path,
        """
def fails(rows, batch_id):
    raise ValueError("mine")
for query in (start(stream).foreachBatch(fails), start(stream.selectExpr("int(k)")).format("noop"),
              start(counts).format("noop")):
    try:
        query.start().awaitTermination()
    except Exception as error:
        print(error.getCondition())
sys.argv[1] == "go" or start(stream).format("memory").start()
""",
        "stop",
    )
    failures = [query.failure for query in seen.program.queries.values()]
    assert [(failure.kind, failure.condition) for failure in failures if failure is not None] == [
        ("ValueError", None),
        ("NumberFormatException", "CAST_INVALID_INPUT"),
        ("AnalysisException", "STREAMING_OUTPUT_MODE.UNSUPPORTED_OPERATION"),
        ("AnalysisException", "_LEGACY_ERROR_TEMP_1194"),
    ]
    assert seen.program.failure is not None
    assert seen.program.failure.condition == "_LEGACY_ERROR_TEMP_1194"
    assert (seen.code, seen.program.ended) == (1, True)


def test_files_of_one_time_are_taken_in_the_order_that_is_told(
    tmp_path: Path, working_directory: Path
) -> None:
    for path in (working_directory / "in").iterdir():
        os.utime(path, (1_700_000_000,) * 2)
    told = ["in/b.json", "in/c.json", "in/a.json"]
    seen = run(tmp_path, 'start(stream).format("noop").start().awaitTermination()', files=told)
    (query,) = seen.program.queries.values()
    assert [path for batch in query.batches.values() for path in batch.reads] == told


def test_what_a_batch_reads_is_told_by_the_logs(tmp_path: Path) -> None:
    (tmp_path / "offsets").mkdir()
    (tmp_path / "sources" / "0").mkdir(parents=True)
    for batch_id, offset in enumerate(
        ('{"logOffset":1}', '{"logOffset":2}\n{"p":5}', '{"logOffset":2}\n{"p":5}')
    ):
        (tmp_path / "offsets" / str(batch_id)).write_text(f"v1\n{{}}\n{offset}", encoding="utf-8")

    def entry(name: str, log_id: int) -> str:
        return "\n" + json.dumps({"path": f"file:///in/{name}", "timestamp": 1, "batchId": log_id})

    (tmp_path / "sources/0/1.compact").write_text("v1" + entry("a%20b", 0) + entry("c", 1), encoding="utf-8")
    (tmp_path / "sources/0/2").write_text("v1" + entry("d", 2), encoding="utf-8")
    assert reads(str(tmp_path), 0) == ["/in/a b", "/in/c"]
    assert reads(str(tmp_path), 1) == ["/in/d", 'source 1 up to {"p":5}']
    assert reads(str(tmp_path), 2) == []


def test_a_mirrored_directory(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "data" / "deep").mkdir(parents=True)
    (source / "data" / "deep" / "one.json").write_text("1", encoding="utf-8")
    (source / ".git").mkdir()
    (source / "env").mkdir()
    (source / "env" / "pyvenv.cfg").touch()
    (source / "spark-warehouse").mkdir()
    copy = tmp_path / "copy"
    mirror(source, copy)
    assert (copy / "data/deep/one.json").read_text(encoding="utf-8") == "1"
    (copy / "data/deep/two.json").touch()
    (copy / "data/deep/one.json").unlink()
    assert [path.name for path in (source / "data/deep").iterdir()] == ["one.json"]
    assert (copy / ".git").is_symlink()
    assert (copy / "env").is_symlink()
    assert not (copy / "spark-warehouse").exists()
    (source / "kept").mkdir()
    mirror(source, source / "kept" / "copy", apart=source / "kept")
    assert not (source / "kept" / "copy" / "kept").exists()
    (source / "kept").rename(tmp_path / "kept")
    few = tmp_path / "few"
    mirror(source, few, most=4)
    assert (few / "data").is_dir()
    assert (few / "data" / "deep").is_symlink()


# ---- the command ----------------------------------------------------------------------------------------------------


def call(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr("sys.argv", ["lightstream", "parity", *words])
    return main()


@pytest.fixture
def twice_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """lightstream in Spark's place."""
    original = programs._run
    monkeypatch.setattr(programs, "_run", lambda engine, *rest: original("lightstream", *rest))
    monkeypatch.setattr("lightstream.real_spark.check", lambda: None)


COUNT = """
where = "/spark/" in os.getcwd()
frame = stream.withColumn("n", F.expr("n + 1") if where and sys.argv[1:] == ["change"] else F.col("n"))
start(frame.groupBy("k").agg(F.sum("n").alias("n")), "complete").format("memory").queryName("sums").start()
spark.streams.awaitAnyTermination()
open("made.txt", "x").close()
if where and sys.argv[1:] == ["exit"]:
    sys.exit(7)
"""


def test_a_program_that_is_the_same(
    twice_here: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "app.py").write_text(START + COUNT, encoding="utf-8")
    assert call(monkeypatch, "--keep", str(tmp_path / "kept"), str(tmp_path / "app.py")) == 0
    printed = capsys.readouterr().out
    assert "sums memory, complete, 3 batches 9 same" in " ".join(printed.split())
    assert "The same on both." in printed
    assert (tmp_path / "kept" / "spark" / "work" / "made.txt").exists()
    assert not Path("made.txt").exists()


def test_a_program_that_differs(
    twice_here: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "app.py").write_text(START + COUNT, encoding="utf-8")
    assert call(monkeypatch, str(tmp_path / "app.py"), "change") == 1
    printed = capsys.readouterr().out
    assert "The first difference: query sums, batch 0" in printed
    assert "│ k │ x     │ x           │" in printed
    assert "│ n │ 1     │ 0           │" in printed
    assert call(monkeypatch, str(tmp_path / "app.py"), "exit") == 1
    assert "│ exit code │ 7     │ 0           │" in capsys.readouterr().out


def test_a_program_that_takes_too_long(
    twice_here: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "app.py").write_text("import threading; threading.Event().wait()", encoding="utf-8")
    assert call(monkeypatch, "--timeout", "1", str(tmp_path / "app.py")) == 1
    assert "was not done after 1 s" in capsys.readouterr().out


def test_called_wrongly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "missing.py") == 2
    assert "can't open file 'missing.py'" in capsys.readouterr().err
    (tmp_path / "app.py").touch()
    assert call(monkeypatch, "--keep", str(tmp_path), str(tmp_path / "app.py")) == 2
    assert "nothing is overwritten" in capsys.readouterr().err
    assert call(monkeypatch) == 2
    assert call(monkeypatch, "--unknown", str(tmp_path / "app.py")) == 2


def test_without_pyspark_one_line_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "app.py").write_text("raise AssertionError('ran')", encoding="utf-8")
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "pyspark" else find(name))
    assert call(monkeypatch, str(tmp_path / "app.py")) == 3
    printed = capsys.readouterr()
    assert printed.out == ""
    assert len(printed.err.splitlines()) == 1
    assert "pip install pyspark" in printed.err

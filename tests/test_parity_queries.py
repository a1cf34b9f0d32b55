"""`assert_parity` and the fixture `engine` without Spark, whose place lightstream takes.

`parity_tests/test_parity_tool.py` has the real thing.
"""

from __future__ import annotations

import datetime
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars
import pytest

from lightstream.parity import assert_parity, queries
from lightstream.sql import functions

PROJECT = Path(__file__).resolve().parent.parent
FILES: list[Any] = [[{"k": "a", "n": 1}, {"k": None, "n": None}], [], [{"k": "a", "n": 2}]]
SCHEMA = "k string, n int"


@pytest.fixture(autouse=True)
def both_here(monkeypatch: pytest.MonkeyPatch) -> None:
    original = queries.engine_of
    monkeypatch.setattr(
        queries, "engine_of", lambda name, path: replace(original("lightstream", path), name=name)
    )


def test_the_forms_of_queries(tmp_path: Path) -> None:
    assert_parity("select k, sum(n) as n from data group by k", FILES, schema=SCHEMA)
    assert_parity(lambda df: df.where("n > 1"), FILES, schema=SCHEMA, output_mode="append")
    seen = []

    def query(df: Any, F: Any, factor: int = 2) -> Any:
        seen.append(F)
        return df.select(F.col("n") * factor)

    assert_parity(query, FILES, schema=SCHEMA, output_mode=["append", "update"])
    assert seen == [functions] * 4


def test_the_forms_of_data(tmp_path: Path) -> None:
    day = datetime.datetime(2025, 1, 2, 3, 4, 5)
    rows: list[Any] = [
        [{"t": day, "d": Decimal("1.5")}],
        '{"t":"2025-01-02","d":2}\n',
        polars.DataFrame({"t": [day], "d": [3]}),
    ]
    found = queries._files(rows, tmp_path / "in")
    texts = [path.read_text(encoding="utf-8") for path in sorted(found.iterdir())]
    assert texts[0] == '{"t": "2025-01-02T03:04:05", "d": "1.5"}\n'
    assert texts[1] == rows[1]
    assert '"d":3' in texts[2]
    times = [path.stat().st_mtime for path in sorted(found.iterdir())]
    assert times == sorted(set(times))
    assert_parity("select t, d from data", rows, schema="t timestamp, d double", output_mode="append")


def test_a_directory_is_taken_in_the_order_of_its_times(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for number, name in enumerate(("c", "a", "b", "_hidden")):
        (source / name).write_text(f'{{"n":{number}}}\n', encoding="utf-8")
        os.utime(source / name, (100 + number,) * 2)
    found = queries._files(source, tmp_path / "in")
    ordered = sorted(found.iterdir(), key=lambda path: path.stat().st_mtime)
    assert [path.name for path in ordered] == ["c", "a", "b"]
    assert_parity("select n from data", source, output_mode="append")
    with pytest.raises(ValueError, match="no files"):
        assert_parity("select n from data", [])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda df: df.withColumn("n", df.n + 1), "│ n │ 2     │ 1           │"),
        (lambda df: df.where("n = 1"), "only in lightstream's: 1"),
        (lambda df: df.select("k", df.n.cast("long").alias("n")), "n LongType()"),
        (lambda df: df.select("n", "missing"), "[UNRESOLVED_COLUMN"),
    ],
)
def test_the_first_difference_is_the_message(change: Callable[[Any], Any], message: str) -> None:
    turns = iter([True, False])
    with pytest.raises(AssertionError) as differ:
        assert_parity(
            lambda df: change(df) if next(turns) else df, FILES, schema=SCHEMA, output_mode="append"
        )
    assert "the engines differ in output mode append" in str(differ.value)
    assert message in str(differ.value)


def test_nothing_compared_is_an_error() -> None:
    with pytest.raises(
        AssertionError, match=r"no batch ran on either engine[\s\S]*append: .*CAST_INVALID_INPUT"
    ):
        assert_parity("select cast(k as int) from data", FILES, schema=SCHEMA)
    with pytest.raises(AssertionError, match=r"no batch ran[\s\S]*complete: .*UNSUPPORTED_OPERATION"):
        assert_parity("select k from data", FILES, schema=SCHEMA, output_mode="complete")
    with pytest.raises(ZeroDivisionError):  # the query's own fault is shown as it is
        assert_parity(lambda df: df.limit(1 // 0), FILES, schema=SCHEMA)


def test_the_fixture_without_pyspark(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        """
from lightstream.parity import assert_parity

def test_engine(engine):
    assert engine.spark.range(3).where(engine.F.col("id") > 0).count() == 2
    assert engine.T.LongType().simpleString() == "bigint"
    assert engine.name == "lightstream"
    (engine.directory / "mine").touch()

def test_query():
    assert_parity("select * from data", [[{"n": 1}]])
""",
        encoding="utf-8",
    )
    start = "import sys; sys.modules['pyspark'] = None; import pytest; sys.exit(pytest.main(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", start, "-ra", "-p", "lightstream.parity", "-p", "no:cacheprovider", "."],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "1 failed, 1 passed, 1 skipped" in done.stdout
    skipped = next(line for line in done.stdout.splitlines() if line.startswith("SKIPPED"))
    assert "pip install pyspark" in skipped
    assert "PySparkImportError: [PACKAGE_NOT_INSTALLED]" in done.stdout
    assert "real_spark.py" not in done.stdout  # the message, without the way to it


def test_the_plugin_costs_little() -> None:
    heavy = "('duckdb', 'polars', 'pyarrow', 'pandas', 'rich', 'typer', 'pyspark', 'lightstream.sql')"
    code = f"import sys, lightstream.parity; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=PROJECT
    )
    assert done.stdout == "[]\n"


def test_pytest_does_not_rewrite_our_modules() -> None:
    import lightstream.commands.doctor as seldom_imported

    assert "rewrite" not in type(seldom_imported.__loader__).__module__

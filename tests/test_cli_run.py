"""`lightstream run`: a program runs as with `python app.py`, and its failures look like its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lightstream.run import Run, parse, unbound_shell_names

PROJECT = Path(__file__).resolve().parent.parent


def lightstream(
    *words: str, cwd: Path, stdin: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own, with a `lightstream` that is this checkout's."""
    return subprocess.run(
        [sys.executable, "-m", "lightstream.cli", *words],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(PROJECT), **environment},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
    )


def program(directory: Path, text: str, name: str = "app.py") -> Path:
    path = directory / name
    path.write_text(text, encoding="utf-8")
    return path


# ---- the call ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "run"),
    [
        (["app.py"], Run("app.py")),
        (["app.py", "--engine", "spark", "-x"], Run("app.py", ("--engine", "spark", "-x"))),
        (["--engine", "spark", "app.py", "a"], Run("app.py", ("a",), "spark")),
        (["--engine=spark", "--database=a.duckdb", "app.py"], Run("app.py", (), "spark", "a.duckdb")),
        (["--database", "a b.duckdb", "app.py"], Run("app.py", (), "lightstream", "a b.duckdb")),
        (["-m", "pytest", "-m", "slow"], Run("pytest", ("-m", "slow"), is_module=True)),
        (["--engine", "spark", "-m", "app"], Run("app", (), "spark", is_module=True)),
        (["-m"], None),
        ([], None),
        (["--engine"], None),
        (["--engine", "flink", "app.py"], None),
        (["--database", "a.duckdb"], None),
        (["--help"], None),
        (["-h", "app.py"], None),
        (["--bogus", "app.py"], None),
    ],
)
def test_what_follows_the_program_is_the_programs(words: list[str], run: Run | None) -> None:
    assert parse(words) == run


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "Missing argument 'APP.PY'"),
        (("--engine", "flink", "app.py"), "'lightstream', 'spark'"),
        (("--bogus", "app.py"), "No such option"),
        (("missing.py",), "can't open file 'missing.py': No such file or directory"),
        (("--database", "no/such/a.duckdb", "app.py"), "there is no directory"),
        (("--engine", "spark", "--database", "a.duckdb", "app.py"), "--database is lightstream's"),
    ],
)
def test_wrong_calls_end_with_2(tmp_path: Path, words: tuple[str, ...], told: str) -> None:
    program(tmp_path, "print('ran')")
    done = lightstream("run", *words, cwd=tmp_path, COLUMNS="200")
    assert done.returncode == 2, done.stderr
    assert told in done.stderr
    assert "ran" not in done.stdout
    assert "Traceback" not in done.stderr


# ---- as python runs it ---------------------------------------------------------------------------------------------

_SHOW_SELF = """
import sys, __main__
print([sys.argv, sys.path[0], __name__, __file__, __spec__, __package__, __main__.__dict__ is globals()])
print(__doc__, sorted(name for name in globals() if not name.startswith("__")))
import beside
print(beside.__file__)
"""


def test_the_program_sees_what_python_shows_it(tmp_path: Path) -> None:
    folder = tmp_path / "programs"
    folder.mkdir()
    program(folder, '"""A program."""\n' + _SHOW_SELF)
    program(folder, "", "beside.py")
    link = tmp_path / "link.py"  # python goes to the place of the file itself
    link.symlink_to(folder / "app.py")
    for path in ("programs/app.py", "link.py"):
        ours = lightstream("run", path, "a", "--engine", cwd=tmp_path)
        pythons = subprocess.run(
            [sys.executable, path, "a", "--engine"], cwd=tmp_path, capture_output=True, text=True, timeout=60
        )
        assert ours.stdout == pythons.stdout, ours.stderr
        assert ours.returncode == pythons.returncode == 0


@pytest.mark.parametrize(
    "text",
    [
        "import sys; sys.exit(7)",
        "import sys; sys.exit('gave up')",
        "raise SystemExit",
        "def f():\n    return 1 / 0\n\nprint('before')\nf()\n",
        "print('before')\nx = (\n",
        "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise KeyError('k') from e\n",
        "import sys\nsys.excepthook = lambda *error: print('hook', error[0].__name__)\n1 / 0\n",
        "import atexit; atexit.register(print, 'at exit')\n{}['missing']\n",
        "# coding: latin-1\nprint('\xe9')\n",
    ],
)
def test_ends_as_under_python(tmp_path: Path, text: str) -> None:
    path = tmp_path / "app.py"
    path.write_bytes(text.encode("latin-1"))
    ours = lightstream("run", "app.py", cwd=tmp_path)
    pythons = subprocess.run(
        [sys.executable, "app.py"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert (ours.stdout, ours.stderr, ours.returncode) == (pythons.stdout, pythons.stderr, pythons.returncode)


# ---- on lightstream ------------------------------------------------------------------------------------------------


def test_a_pyspark_program_runs_and_needs_no_pyspark(tmp_path: Path) -> None:
    program(
        tmp_path,
        "import sys\n"
        "import pyspark\n"
        "from pyspark.sql import SparkSession, functions as F\n"
        "spark = SparkSession.builder.appName('a').getOrCreate()\n"
        "spark.range(3).select((F.col('id') + 1).alias('next')).show()\n"
        "print(pyspark.__version__, pyspark.__file__.endswith('pyspark_names.py'))\n"
        "print([name for name in ('typer', 'rich', 'pyarrow', 'pandas', 'watchdog') if name in sys.modules])\n",
    )
    done = lightstream("run", "app.py", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ("+----+\n|next|\n+----+\n|   1|\n|   2|\n|   3|\n+----+\n\n4.3.0 True\n[]\n")


def test_an_error_of_ours_shows_the_programs_line_and_not_our_inside(tmp_path: Path) -> None:
    program(tmp_path, "def pick(frame):\n    return frame.select('nope')\n\npick(spark.range(3))\n")
    done = lightstream("run", "app.py", cwd=tmp_path)
    assert done.returncode == 1
    assert "pick(spark.range(3))" in done.stderr
    assert "return frame.select('nope')" in done.stderr
    assert "[UNRESOLVED_COLUMN.WITH_SUGGESTION]" in done.stderr
    assert "Did you mean" in done.stderr
    assert str(PROJECT / "lightstream") not in done.stderr


def test_what_lightstream_lacks_ends_with_3(tmp_path: Path) -> None:
    program(tmp_path, "from pyspark.ml import Pipeline\n")
    done = lightstream("run", "app.py", cwd=tmp_path)
    assert done.returncode == 3
    assert "from pyspark.ml import Pipeline" in done.stderr
    assert "The module pyspark.ml is not supported by lightstream" in done.stderr
    assert "--engine spark" in done.stderr


# ---- modules, as of python -m --------------------------------------------------------------------------------------

_TESTS = """
import sys
import lightstream.sql
from pyspark.sql import SparkSession
from pyspark.testing import assertDataFrameEqual

def test_counts():
    spark = SparkSession.builder.getOrCreate()
    assert type(spark).__module__.startswith("lightstream.")
    assertDataFrameEqual(spark.range(3).where("id > 1"), [(2,)])
"""


def test_a_projects_tests_run_without_pyspark(tmp_path: Path) -> None:
    program(tmp_path, _TESTS, "test_counts.py")
    done = lightstream("run", "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
    assert "warning" not in done.stdout
    program(tmp_path, "def test_fails(): assert False", "test_fails.py")
    failed = lightstream("run", "-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=tmp_path)
    assert failed.returncode == 1
    assert "1 failed, 1 passed" in failed.stdout


def test_processes_that_share_the_tests_import_the_same(tmp_path: Path) -> None:
    program(tmp_path, _TESTS, "test_counts.py")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "lightstream.parity", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(PROJECT), "LIGHTSTREAM_STANDS_IN": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_a_module_runs_as_under_python(tmp_path: Path) -> None:
    program(tmp_path, "import sys; print(__name__, sys.argv[1:]); sys.exit(7)", "tool.py")
    done = lightstream("run", "-m", "tool", "a", "-m", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (7, "__main__ ['a', '-m']\n"), done.stderr
    missing = lightstream("run", "-m", "no_such_tool", cwd=tmp_path)
    assert (missing.returncode, missing.stderr) == (1, "lightstream run: No module named no_such_tool\n")


# ---- the shell's names ---------------------------------------------------------------------------------------------


def test_a_program_of_the_shell_finds_spark_and_sc(tmp_path: Path) -> None:
    program(tmp_path, "def rows():\n    return spark.range(2).count()\nprint(rows(), sc.version)\n")
    done = lightstream("run", "app.py", cwd=tmp_path)
    assert (done.stdout, done.returncode) == ("2 4.3.0\n", 0), done.stderr
    program(tmp_path, "print([n for n in ('spark', 'sc') if n in globals()])\n")
    assert lightstream("run", "app.py", cwd=tmp_path).stdout == "[]\n"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("spark.range(1)", {"spark"}),
        ("def f():\n  return spark.range(1)", {"spark"}),
        ("f = lambda: sc\nspark", {"spark", "sc"}),
        ("[spark for _ in x]", {"spark"}),
        ("class A:\n  def f(self): return spark", {"spark"}),
        ("def f(spark): return spark", set()),
        ("spark = make()\nspark.x", set()),
        ("(spark := make())\nspark.x", set()),
        ("from session import spark\nspark.x", set()),
        ("import spark\nspark.x", set()),
        ("with make() as spark: spark.x", set()),
        ("for spark in s: spark.x", set()),
        ("def spark(): pass\nspark()", set()),
        ("class spark: pass\nspark()", set()),
        ("def f():\n  global spark\n  spark = make()\nf()\nspark.x", set()),
        ("def f():\n  global spark\n  return spark\n", {"spark"}),
        ("match x:\n  case spark: spark.x", set()),
        ("[spark for spark in x]", set()),
        ("print('spark', 1)  # spark", set()),
        ("x.spark", set()),
    ],
)
def test_which_names_of_the_shell_a_program_counts_on(text: str, names: set[str]) -> None:
    assert unbound_shell_names(text.encode(), "app.py") == names


def test_results_stay_in_the_database_that_is_named(tmp_path: Path) -> None:
    program(tmp_path, "spark.range(3).write.saveAsTable('kept')\n")
    done = lightstream("run", "--database", "a.duckdb", "app.py", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    done = lightstream("sql", "a.duckdb", "-f", "csv", "select count(*) as n from kept", cwd=tmp_path)
    assert done.stdout == "n\n3\n", done.stderr


def test_queries_that_still_run_end_with_the_program(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "one.json").write_text('{"a": 1}\n', encoding="utf-8")
    (tmp_path / "tmp").mkdir()
    program(
        tmp_path,
        "stream = spark.readStream.schema('a long').json('data')\n"
        "query = stream.writeStream.queryName('q').format('memory').start()\n"
        "query.processAllAvailable()\n"
        "print(spark.table('q').count(), query.isActive)\n",
    )
    done = lightstream("run", "app.py", cwd=tmp_path, TMPDIR=str(tmp_path / "tmp"))
    assert (done.stdout, done.stderr, done.returncode) == ("1 True\n", "", 0)
    assert list((tmp_path / "tmp").rglob("offsets")) == []  # the temporary checkpoint is gone


def test_a_program_with_a_listener_ends_without_a_word(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"k": 1}\n')
    text = f"""
from pyspark.sql import SparkSession
from pyspark.sql.streaming import StreamingQueryListener

class Listener(StreamingQueryListener):
    def onQueryStarted(self, event): print("started")
    def onQueryProgress(self, event): pass
    def onQueryIdle(self, event): pass
    def onQueryTerminated(self, event): print("terminated")

spark = SparkSession.builder.getOrCreate()
spark.streams.addListener(Listener())
stream = spark.readStream.schema("k int").json({str(tmp_path)!r})
query = stream.writeStream.format("noop").trigger(availableNow=True).start()
query.awaitTermination()
"""
    done = lightstream("run", str(program(tmp_path, text)), cwd=tmp_path)
    assert (done.stdout, done.stderr, done.returncode) == ("started\nterminated\n", "", 0)

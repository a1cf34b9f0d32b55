"""`lightstream sql`: formats, what it refuses, and databases that somebody has open."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import duckdb
import pytest
from test_cli_run import lightstream

from lightstream.commands import sql
from lightstream.commands.printing import distinct, results
from lightstream.errors import PySparkException


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "a.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE counts AS SELECT * FROM (VALUES ('sit', 12), ('bike', 3)) v(gt, n)")
        connection.execute(
            "CREATE TABLE odd AS SELECT '' AS empty, NULL AS none, 'a,b' AS comma, 'say \"x\"' AS quoted, "
            "'nan'::DOUBLE AS nan, 'two' || chr(10) || 'lines' AS lines, ' s ' AS spaced, 0.1::DOUBLE AS tenth"
        )
    return path


def run(
    capsys: pytest.CaptureFixture[str], database: Path, text: str, form: str = "table", limit: int = 0
) -> str:
    assert sql.run(str(database), text, sql.Format(form), limit) == 0
    return capsys.readouterr().out


def test_a_table_in_a_pipe(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, database, "FROM counts ORDER BY n") == (
        "+------+----+\n"
        "| gt   |  n |\n"
        "+------+----+\n"
        "| bike |  3 |\n"
        "| sit  | 12 |\n"
        "+------+----+\n"
        "(2 rows)\n"
    )  # fmt: skip


def test_a_table_shows_null_control_characters_and_wide_text(
    database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = run(capsys, database, "SELECT none, lines, '漢字' AS wide, chr(27) || '[2J' AS escape FROM odd")
    assert out == (
        "+------+------------+------+---------+\n"
        "| none | lines      | wide | escape  |\n"
        "+------+------------+------+---------+\n"
        "| NULL | two\\nlines | 漢字 | \\x1b[2J |\n"
        "+------+------------+------+---------+\n"
        "(1 row)\n"
    )


def test_a_table_is_cut_and_says_so(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = run(capsys, database, "FROM range(1000000); FROM counts", limit=2)
    assert "(the first 2 rows; --rows 0 prints all)" in out
    assert out.endswith("| sit  | 12 |\n| bike |  3 |\n+------+----+\n(2 rows)\n")
    assert "(0 rows)" in run(capsys, database, "FROM counts WHERE n > 99", limit=2)


def test_csv_tells_null_from_an_empty_text(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = run(capsys, database, "FROM odd", "csv")
    assert out == (
        'empty,none,comma,quoted,nan,lines,spaced,tenth\n"",,"a,b","say ""x""",nan,"two\nlines"," s ",0.1\n'
    )
    with duckdb.connect() as connection:
        path = database.with_suffix(".csv")
        path.write_text(out, encoding="utf-8")
        row = connection.execute(
            f"FROM read_csv('{path}', all_varchar = true, allow_quoted_nulls = false)"
        ).fetchone()
    assert row == ("", None, "a,b", 'say "x"', "nan", "two\nlines", " s ", "0.1")


def test_json_is_one_object_a_line(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = run(
        capsys,
        database,
        "SELECT 1 AS a, 2 AS a, {'k': [1, NULL]} AS n; SELECT nan, none, lines FROM odd",
        "json",
    )
    assert out == '{"a":1,"a_1":2,"n":{"k":[1,null]}}\n{"nan":"NaN","none":null,"lines":"two\\nlines"}\n'


def test_explain_is_printed_as_drawn(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = run(capsys, database, "EXPLAIN FROM counts")
    assert "counts" in out
    assert "explain_key" not in out


def test_names_that_occur_twice() -> None:
    assert distinct(["a", "a", "a_1", "a", "b"]) == ["a", "a_2", "a_1", "a_3", "b"]


def test_rows_that_are_left_do_not_leak_into_the_next_result() -> None:
    messages = [
        {"columns": [["a", "INTEGER"]]},
        {"rows": [["1"]]},
        {"rows": [["2"]]},
        {"columns": [["b", "DATE"]]},
    ]
    assert [columns for columns, _ in results(messages)] == [[("a", "INTEGER")], [("b", "DATE")]]


# ---- refusals --------------------------------------------------------------------------------------------------


def condition_of(database: Path, text: str) -> str | None:
    with pytest.raises(PySparkException) as refused:
        list(sql.read(str(database), text, "text"))
    return refused.value.getCondition()


def test_refusals(database: Path, tmp_path: Path) -> None:
    assert condition_of(database, "DROP TABLE counts") == "LIGHTSTREAM_SQL_NOT_READING"
    assert condition_of(database, "SELECT nope FROM counts") == "LIGHTSTREAM_SQL_FAILED"
    assert condition_of(tmp_path / "none.duckdb", "SELECT 1") == "LIGHTSTREAM_DATABASE_NOT_FOUND"
    assert not (tmp_path / "none.duckdb").exists()
    (tmp_path / "text.duckdb").write_text("no database" * 1000, encoding="utf-8")
    assert condition_of(tmp_path / "text.duckdb", "SELECT 1") == "LIGHTSTREAM_DATABASE_UNUSABLE"


def test_the_command_from_outside(database: Path, tmp_path: Path) -> None:
    done = lightstream(
        "sql", "a.duckdb", "-f", "csv", cwd=tmp_path, stdin="select gt from counts order by gt"
    )
    assert (done.stdout, done.stderr, done.returncode) == ("gt\nbike\nsit\n", "", 0)
    done = lightstream("sql", "a.duckdb", "selec 1", cwd=tmp_path)
    assert (done.stdout, done.returncode) == ("", 1)
    assert 'syntax error at or near "selec"' in done.stderr
    assert "Traceback" not in done.stderr
    done = lightstream("sql", "b.duckdb", "select 1", cwd=tmp_path)
    assert (done.stdout, done.returncode) == ("", 2)
    done = lightstream("sql", cwd=tmp_path)
    assert done.returncode == 2


# ---- a database that somebody has open ---------------------------------------------------------------------------

_HOLD = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"


@pytest.fixture
def holder(database: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process, not of lightstream, that has the database open."""
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(database)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stdin is not None
        assert process.stdout.readline() == "open\n"
        yield process
        process.stdin.close()


def test_a_database_that_is_held_and_nobody_answers(
    database: Path, holder: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql, "_PATIENCE_SECONDS", 0)
    with pytest.raises(PySparkException, match=rf"held by process {holder.pid} ") as refused:
        list(sql.read(str(database), "SELECT 1", "text"))
    assert refused.value.getCondition() == "LIGHTSTREAM_DATABASE_LOCKED"


def test_a_database_that_is_given_back_in_time(
    database: Path, holder: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def let_go(seconds: float) -> None:
        assert holder.stdin is not None
        holder.stdin.close()
        holder.wait(30)

    monkeypatch.setattr(sql, "time", SimpleNamespace(monotonic=lambda: 0.0, sleep=let_go))
    assert list(sql.read(str(database), "SELECT count(*) FROM counts", "text"))[1] == {"rows": [("2",)]}


def test_while_a_program_is_writing(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for number in range(3):
        (tmp_path / "data" / f"{number}.json").write_text('{"gt": "sit"}\n{"gt": "bike"}\n', encoding="utf-8")
    (tmp_path / "app.py").write_text(
        "import subprocess, sys\n"
        "stream = spark.readStream.schema('gt string').option('maxFilesPerTrigger', 1).json('data')\n"
        "counts = stream.groupBy('gt').count()\n"
        "query = counts.writeStream.queryName('c').format('memory').outputMode('complete').start()\n"
        "query.processAllAvailable()\n"
        "ask = [sys.executable, '-m', 'lightstream.cli', 'sql', 'a.duckdb', '-f', 'csv', 'from c order by gt']\n"
        "print(subprocess.run(ask, capture_output=True, text=True), query.isActive)\n",
        encoding="utf-8",
    )
    done = lightstream("run", "--database", "a.duckdb", "app.py", cwd=tmp_path)
    assert "stdout='gt,count\\nbike,3\\nsit,3\\n'" in done.stdout, done.stdout + done.stderr
    assert "True" in done.stdout
    # And after it, from the file itself.
    done = lightstream("sql", "a.duckdb", "-f", "csv", "from c order by gt", cwd=tmp_path)
    assert done.stdout == "gt,count\nbike,3\nsit,3\n", done.stderr

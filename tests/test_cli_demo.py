"""`lightstream demo` ends in the exact counts of what it streamed."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest
from test_cli_run import PROJECT, lightstream

from lightstream.commands import demo

SAMPLE = PROJECT / "data" / "activity-data"
# data/README.md
SAMPLE_COUNTS = {
    "sit": 2461, "stand": 2277, "stairsdown": 1872, "walk": 2651, "stairsup": 2091, "null": 2089, "bike": 2159,
}  # fmt: skip


def test_the_sample_ends_in_its_exact_counts(tmp_path: Path) -> None:
    done = lightstream("demo", "--database", "a.duckdb", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "40 batches, 15,600 rows counted" in done.stdout
    assert "15,600 rows in" in done.stdout
    assert "3,963 of them on stairs" in done.stdout
    assert "gives exactly these counts" in done.stdout
    for activity, count in SAMPLE_COUNTS.items():
        assert f"{activity} " in done.stdout and f"{count:,}" in done.stdout
    assert 'lightstream sql a.duckdb "select * from activity_counts' in done.stdout
    with duckdb.connect(str(tmp_path / "a.duckdb"), read_only=True) as connection:
        assert dict(connection.execute("FROM activity_counts").fetchall()) == SAMPLE_COUNTS
        assert connection.execute("SELECT count(*) FROM simple_transform").fetchone() == (3963,)
        assert connection.execute("SELECT sum(count) FROM person_counts").fetchone() == (15_600,)


def test_a_database_that_exists_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = tmp_path / "mine.duckdb"
    mine.write_text("mine", encoding="utf-8")
    assert demo.run(SAMPLE, mine, 0) == 2
    assert mine.read_text(encoding="utf-8") == "mine"
    assert "overwrites nothing" in capsys.readouterr().err


def test_other_data_and_a_database_of_its_own(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    for name in ("part-00000.json", "part-00001.json"):
        shutil.copy(SAMPLE / name, data / name)
    (tmp_path / "tmp").mkdir()
    done = lightstream("demo", "--data", "data", cwd=tmp_path, TMPDIR=str(tmp_path / "tmp"))
    assert done.returncode == 0, done.stderr
    assert "2 files in data" in done.stdout
    [made] = (tmp_path / "tmp").glob("lightstream-demo-*/activity.duckdb")
    assert str(made) in done.stdout


def test_data_that_is_no_activity_data(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.json").write_text('{"b": 1}\n', encoding="utf-8")
    done = lightstream("demo", "--data", "data", cwd=tmp_path)
    assert done.returncode == 1
    assert "`gt`" in done.stderr
    assert "Traceback" not in done.stderr


def test_where_the_sample_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert demo.sample() == SAMPLE
    monkeypatch.setattr(demo, "__file__", str(tmp_path / "lightstream/commands/demo.py"))
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(tmp_path))
    assert demo.sample() is None
    installed = tmp_path / "share" / "lightstream" / "activity-data"
    installed.mkdir(parents=True)
    assert demo.sample() == installed

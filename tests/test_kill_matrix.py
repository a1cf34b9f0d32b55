"""Kills of queries of each plan, started again: what an uninterrupted run leaves. `scripts/kill_matrix` does more."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import duckdb
import pytest
from kills import expected
from kills.logs import read_logs
from kills.matrix import Kill, Run, Scenario, report, run_kills
from kills.program import PLANS, STORED

from lightstream.crash import POINTS, STEPS


def test_queries_that_are_killed_leave_what_others_leave(tmp_path: Path) -> None:
    outcomes = run_kills(24, seed=20, jobs=2, directory=str(tmp_path), points=STEPS)
    assert len({outcome.scenario.plan for outcome in outcomes}) >= min(len(outcomes), len(PLANS)) - 2
    assert [difference for outcome in outcomes for difference in outcome.differences] == []
    assert sum(len(outcome.kills) for outcome in outcomes) >= 24, report(outcomes)


def test_queries_that_write_to_an_object_store(tmp_path: Path) -> None:
    points = ("offsets-named", "part-named", "sink-log-named", "commits-written")
    outcomes = run_kills(3, seed=3, jobs=1, directory=str(tmp_path), points=points, sinks=STORED)
    assert [difference for outcome in outcomes for difference in outcome.differences] == []
    assert sum(len(outcome.kills) for outcome in outcomes) >= 3, report(outcomes)


def test_a_run_that_is_not_killed(tmp_path: Path) -> None:
    run = Run(Scenario(0, "update", "file", ()), str(tmp_path))
    assert run.run().differences == []
    # What the comparison is good for: a row twice, a row less, a log entry less.
    with duckdb.connect(run.job.file) as connection:
        connection.execute("INSERT INTO result SELECT * FROM result LIMIT 1")
    run._compare()
    assert len(run.outcome.differences) == 1 and "the table has" in run.outcome.differences.pop()
    with duckdb.connect(run.job.file) as connection:
        connection.execute("DELETE FROM result WHERE c = (SELECT max(c) FROM result)")
    run._compare()
    assert len(run.outcome.differences) == 2
    run.outcome.differences.clear()
    (tmp_path / "checkpoint" / "commits" / "3").unlink()
    run._compare()
    assert any("commits" in difference for difference in run.outcome.differences)


def test_a_point_that_is_not_reached_is_no_kill(tmp_path: Path) -> None:
    outcome = Run(Scenario(0, "append", "table", (Kill("point", "after-state#1"),)), str(tmp_path)).run()
    assert (outcome.kills, outcome.missed, outcome.differences) == ([], ["after-state"], [])


def test_logs_that_spark_cannot_read_are_noticed(tmp_path: Path) -> None:
    for name, text in (
        ("metadata", "{}"),
        ("offsets/0", 'v1\n{}\n{"logOffset":0}'),
        ("offsets/1", 'v1\n{}\n{"logOffset":3}'),
        ("commits/0", "v1\n{}"),
        ("commits/1", ""),
        ("sources/0/1.compact", "v1"),
        ("sources/0/2", 'v1\n{"path":"file:///a.json","timestamp":1,"batchId":2}'),
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    said = "\n".join(read_logs(str(tmp_path)).complaints)
    assert "commits/1 is damaged" in said and "the source log with 2" in said
    (tmp_path / "sources" / "0" / "4").write_text("v1")
    assert "Spark looks for" in "\n".join(read_logs(str(tmp_path)).complaints)


@pytest.mark.parametrize("plan", ["append", "complete", "update", "keyed"])
def test_the_expected_rows_agree_however_files_are_batched(plan: str) -> None:
    alone = expected.outputs(plan, [[name] for name in expected.NAMES])
    rows = expected.table(plan, alone)
    assert expected.digest(plan, rows.elements()) == expected.final(plan)
    numbers = [n for name in expected.NAMES for _, n in expected.rows_of(name)]
    if plan == "append":
        assert rows == Counter(
            (k, n) for name in expected.NAMES for k, n in expected.rows_of(name) if n % 2 == 0
        )
    else:
        assert sum(row[1] for row in expected.final(plan)) == len(numbers)
        assert sum(row[2] for row in expected.final(plan)) == sum(numbers)


def test_points_have_names_of_their_own() -> None:
    assert len(set(POINTS)) == len(POINTS) and set(STEPS) <= set(POINTS)

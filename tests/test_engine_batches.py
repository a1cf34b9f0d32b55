"""The order of a batch, and what a restart makes of every way to stop in the middle."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from engine_fakes import Rig, Rows, RowsStream, grouped, new_session

from lightstream import crash as crash_points
from lightstream.checkpoint.logs import CommitLog, OffsetLog
from lightstream.errors import PySparkException, SparkRuntimeException, StreamingQueryException
from lightstream.operators.incremental import IncrementalPlan
from lightstream.sinks.noop import NoopSink
from lightstream.stream import triggers
from lightstream.stream.triggers import Trigger

NOW = Trigger(triggers.AVAILABLE_NOW)


class Killed(BaseException):
    """Stands for the end of the process: nothing after the crash point happens."""


@pytest.fixture
def crash(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A function that sets where the next query dies, as (point, batch id)."""
    wanted: list[tuple[str, int]] = []

    def die(point: str, batch_id: int | None = None) -> None:
        if (point, batch_id) in wanted:
            wanted.clear()
            raise Killed

    monkeypatch.setattr(crash_points, "at", die)
    yield lambda point, batch_id: wanted.append((point, batch_id))


def died(run: Any) -> None:
    with pytest.raises(StreamingQueryException) as caught:
        run.await_termination(10)
    assert isinstance(caught.value.__cause__, Killed)


# ---- order ----------------------------------------------------------------------------------------------------


def test_the_steps_of_a_batch_come_in_their_order(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    steps: list[str] = []

    def watch(owner: Any, name: str, label: str) -> None:
        original = getattr(owner, name)

        def noted(self: Any, *args: Any, **kwargs: Any) -> Any:
            steps.append(label)
            return original(self, *args, **kwargs)

        monkeypatch.setattr(owner, name, noted)

    watch(RowsStream, "latest_offset", "plan")
    watch(OffsetLog, "add", "offsets")
    watch(RowsStream, "commit", "source told")
    watch(IncrementalPlan, "run", "compute")
    watch(NoopSink, "write", "sink")
    watch(IncrementalPlan, "commit_state", "state")
    watch(CommitLog, "add", "commit")
    rig, source = Rig(), Rows(("a", 1), ("b", 2), limit=1)
    rig.start(grouped(source), "noop", mode="update", trigger=NOW, checkpoint=tmp_path).await_termination(10)
    one = ["plan", "offsets", "compute", "sink", "state", "commit"]
    assert steps == [*one, *one[:2], "source told", *one[2:], "plan"]
    rig.close()


def test_a_source_learns_of_a_batch_when_the_next_is_planned(tmp_path: Path) -> None:
    rig, source = Rig(), Rows(("a", 1), ("b", 2), ("c", 3), limit=1)
    rig.start(source, "noop", trigger=NOW, checkpoint=tmp_path).await_termination(10)
    assert source.stream.commits == ['{"rows":1}', '{"rows":2}']
    source.add(("d", 4))
    rig.start(source, "noop", trigger=NOW, checkpoint=tmp_path).await_termination(10)
    assert source.stream.commits == ['{"rows":3}']
    rig.close()


def test_the_logs_say_what_was_done(tmp_path: Path) -> None:
    rig, source = Rig(), Rows(("a", 1), ("b", 2), limit=1)
    rig.start(source, "noop", trigger=NOW, checkpoint=tmp_path).await_termination(10)
    version, metadata, offset = (tmp_path / "offsets" / "1").read_text().split("\n")
    assert (version, offset) == ("v1", '{"rows":2}')
    assert list(json.loads(metadata)) == ["batchWatermarkMs", "batchTimestampMs", "conf"]
    assert (tmp_path / "commits" / "1").read_text() == 'v1\n{"nextBatchWatermarkMs":0}'
    rig.close()


def test_old_log_entries_are_removed(tmp_path: Path) -> None:
    rig, source = Rig(), Rows(*[("a", i) for i in range(6)], limit=1)
    conf = {"spark.sql.streaming.minBatchesToRetain": "2"}
    rig.start(source, "noop", trigger=NOW, checkpoint=tmp_path, conf=conf).await_termination(10)
    kept = {log: sorted(p.name for p in (tmp_path / log).iterdir()) for log in ("offsets", "commits")}
    assert kept == {"offsets": ["3", "4", "5"], "commits": ["3", "4", "5"]}
    source.add(("b", 7))
    run = rig.start(source, "noop", trigger=NOW, checkpoint=tmp_path, conf=conf)
    run.await_termination(10)
    assert run.recent_progress()[0]["batchId"] == 6
    rig.close()


# ---- restarts -------------------------------------------------------------------------------------------------


def test_a_query_goes_on_where_it_was(tmp_path: Path) -> None:
    rig, source = Rig(), Rows(("a", 1))
    first = rig.start(source, "noop", trigger=NOW, checkpoint=tmp_path)
    first.await_termination(10)
    source.add(("b", 2), ("c", 3))
    second = rig.start(source, "noop", trigger=NOW, checkpoint=tmp_path)
    second.await_termination(10)
    assert second.id == first.id
    assert second.run_id != first.run_id
    (report,) = second.recent_progress()
    assert (report["batchId"], report["numInputRows"]) == (1, 2)
    rig.close()


def test_a_batch_without_commit_is_run_again_exactly(tmp_path: Path) -> None:
    rig, source, given = Rig(), Rows(("a", 1), ("b", 2), limit=1), []

    def keep(frame: Any, batch_id: int) -> None:
        given.append((batch_id, frame.tuples()))

    def run() -> None:
        rig.start(
            source, "foreachBatch", foreach_batch=keep, trigger=NOW, checkpoint=tmp_path
        ).await_termination(10)

    run()
    offsets = (tmp_path / "offsets" / "1").read_text()
    (tmp_path / "commits" / "1").unlink()
    source.limit = None
    source.add(("late", 9))
    run()
    assert given == [(0, [("a", 1)]), (1, [("b", 2)]), (1, [("b", 2)]), (2, [("late", 9)])]
    assert (tmp_path / "offsets" / "1").read_text() == offsets
    rig.close()


def test_commits_that_are_further_behind_are_run_from_the_newest_batch(tmp_path: Path) -> None:
    rig, source, given = Rig(), Rows(*[("a", i) for i in range(4)], limit=1), []
    args: dict[str, Any] = {
        "format": "foreachBatch",
        "foreach_batch": lambda frame, batch_id: given.append(batch_id),
        "trigger": NOW,
        "checkpoint": tmp_path,
    }
    rig.start(source, **args).await_termination(10)
    for batch in ("1", "2", "3"):
        (tmp_path / "commits" / batch).unlink()
    rig.start(source, **args).await_termination(10)
    assert given == [0, 1, 2, 3, 3]
    rig.close()


def test_the_offsets_before_the_batch_to_run_again_must_be_there(tmp_path: Path) -> None:
    rig, source = Rig(), Rows(("a", 1), ("b", 2), limit=1)
    rig.start(source, "noop", trigger=NOW, checkpoint=tmp_path).await_termination(10)
    (tmp_path / "commits" / "1").unlink()
    (tmp_path / "offsets" / "0").unlink()
    run = rig.start(source, "noop", trigger=NOW, checkpoint=tmp_path)
    with pytest.raises(StreamingQueryException, match="LIGHTSTREAM_CHECKPOINT_DAMAGED"):
        run.await_termination(10)
    rig.close()


def test_the_time_of_a_batch_stays_when_it_is_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = []
    run_batch = IncrementalPlan.run

    def noted(self: Any, batch: Any) -> Any:
        times.append(batch.timestamp_ms)
        return run_batch(self, batch)

    monkeypatch.setattr(IncrementalPlan, "run", noted)
    rig, source = Rig(), Rows(("a", 1))
    rig.start(source, "noop", trigger=NOW, checkpoint=tmp_path).await_termination(10)
    (tmp_path / "commits" / "0").unlink()
    rig.start(source, "noop", trigger=NOW, checkpoint=tmp_path).await_termination(10)
    assert len(times) == 2
    assert times[0] == times[1]
    rig.close()


# ---- dying at every step --------------------------------------------------------------------------------------

BATCHES = [("a", 1), ("b", 2), ("a", 3), ("c", 4), ("a", 5)]
PLANS = {
    "rows": (lambda source: source.plan, "append"),
    "complete": (grouped, "complete"),
    "update": (grouped, "update"),
}


def final_table(plan: str, keys: bool = False) -> list[tuple[Any, ...]]:
    if plan == "rows":
        return sorted(BATCHES)
    if plan == "complete" or keys:
        return [("a", 3, 9), ("b", 1, 2), ("c", 1, 4)]
    return [("a", 1, 1), ("a", 2, 4), ("a", 3, 9), ("b", 1, 2), ("c", 1, 4)]


@pytest.mark.parametrize("batch_id", [0, 2])
@pytest.mark.parametrize(
    ("plan", "point"),
    [
        (plan, point)
        for plan in PLANS
        for point in crash_points.STEPS
        if (plan, point) != ("rows", "after-state")
    ],
)
def test_a_table_is_the_same_wherever_a_query_dies(
    crash: Any, tmp_path: Path, plan: str, point: str, batch_id: int
) -> None:
    rig, source = Rig(new_session(str(tmp_path / "out.db"))), Rows(*BATCHES, limit=1)
    make, mode = PLANS[plan]
    args: dict[str, Any] = {
        "format": "", "table": ("t",), "mode": mode, "trigger": NOW, "checkpoint": tmp_path / "checkpoint",
    }  # fmt: skip
    crash(point, batch_id)
    died(rig.start(make(source), **args))
    run = rig.start(make(source), **args)
    run.await_termination(10)
    assert sorted(rig.sql("from t")) == final_table(plan)
    assert run.runner is not None
    assert run.runner.batch_id == 5
    rig.close()


@pytest.mark.parametrize("point", crash_points.STEPS)
def test_a_file_of_its_own_is_the_same_wherever_a_query_dies(crash: Any, tmp_path: Path, point: str) -> None:
    import duckdb

    target = tmp_path / "target.db"
    args: dict[str, Any] = {
        "format": "duckdb",
        "mode": "update",
        "trigger": NOW,
        "checkpoint": tmp_path / "checkpoint",
        "options": {"path": str(target), "dbtable": "t", "keys": "k"},
    }
    source = Rows(*BATCHES, limit=2)
    rig = Rig()
    crash(point, 1)
    died(rig.start(grouped(source), **args))
    rig.close()
    rig = Rig()
    rig.start(grouped(source), **args).await_termination(10)
    rig.close()
    with duckdb.connect(str(target), read_only=True) as connection:
        assert sorted(connection.execute("from t").fetchall()) == final_table("update", keys=True)


@pytest.mark.parametrize(
    ("point", "times"),
    [("after-offsets", 1), ("after-compute", 1), ("after-sink", 2), ("after-state", 1), ("after-commit", 1)],
)
def test_a_function_gets_a_batch_again_until_its_state_is_written(
    crash: Any, tmp_path: Path, point: str, times: int
) -> None:
    rig, source, given = Rig(), Rows(*BATCHES, limit=1), []
    args: dict[str, Any] = {
        "format": "foreachBatch",
        "foreach_batch": lambda frame, batch_id: given.append((batch_id, sorted(frame.tuples()))),
        "mode": "complete",
        "trigger": NOW,
        "checkpoint": tmp_path,
    }
    crash(point, 2)
    died(rig.start(grouped(source), **args))
    rig.start(grouped(source), **args).await_termination(10)
    again = [batch for batch in given if batch[0] == 2]
    assert again == [(2, [("a", 2, 4), ("b", 1, 2)])] * times
    assert [batch_id for batch_id, _ in dict(given).items()] == [0, 1, 2, 3, 4]
    assert given[-1] == (4, final_table("complete"))
    rig.close()


def test_the_watermark_is_found_again_when_only_the_commit_is_missing(
    crash: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lightstream.operators.contract import BatchOutput, EventTimeStats

    run_batch = IncrementalPlan.run

    def with_event_time(self: Any, batch: Any) -> BatchOutput:
        output = run_batch(self, batch)
        seen = 1000 * (batch.batch_id + 1) if batch.starts != batch.ends else None
        return BatchOutput(
            output.sql, output.input_rows, (EventTimeStats(seen, seen, seen, 0),), output.metrics
        )

    opened = IncrementalPlan.open

    def open_with_watermark(self: Any, *args: Any) -> Any:
        self.watermark_delays_ms = (0,)
        return opened(self, *args)

    monkeypatch.setattr(IncrementalPlan, "run", with_event_time)
    monkeypatch.setattr(IncrementalPlan, "open", open_with_watermark)
    rig, source = Rig(), Rows(("a", 1), ("b", 2), limit=1)
    crash("after-state", 1)
    died(rig.start(grouped(source), "noop", mode="update", trigger=NOW, checkpoint=tmp_path))
    rig.start(grouped(source), "noop", mode="update", trigger=NOW, checkpoint=tmp_path).await_termination(10)
    assert (tmp_path / "commits" / "1").read_text() == 'v1\n{"nextBatchWatermarkMs":2000}'
    rig.close()


def test_a_query_can_start_again_after_its_state_failed_within_the_transaction(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Any, batch_id: int) -> None:
        self._cursor.execute("BEGIN")
        raise ValueError("the disk is full")

    rig, source = Rig(), Rows(("a", 1))
    args: dict[str, Any] = {"mode": "update", "trigger": NOW, "checkpoint": tmp_path}
    with monkeypatch.context() as patch, pytest.raises(StreamingQueryException, match="the disk is full"):
        patch.setattr(IncrementalPlan, "commit_state", fail)
        rig.start(grouped(source), "noop", **args).await_termination(10)
    rig.start(grouped(source), "noop", **args).await_termination(10)
    assert (tmp_path / "commits" / "0").exists()
    rig.close()


# ---- checkpoints in pieces ------------------------------------------------------------------------------------


@pytest.fixture
def stateful(tmp_path: Path) -> Iterator[tuple[Rig, Rows, dict[str, Any], Path]]:
    """A stateful query into a table that has run three batches."""
    rig, source = Rig(new_session(str(tmp_path / "out.db"))), Rows(*BATCHES[:3], limit=1)
    checkpoint = tmp_path / "checkpoint"
    args: dict[str, Any] = {
        "format": "", "table": ("t",), "mode": "complete", "trigger": NOW, "checkpoint": checkpoint,
    }  # fmt: skip
    rig.start(grouped(source), **args).await_termination(10)
    yield rig, source, args, checkpoint
    rig.close()


def refused(run: Any, condition: str) -> PySparkException:
    with pytest.raises(StreamingQueryException) as caught:
        run.await_termination(10)
    cause = caught.value.__cause__
    assert isinstance(cause, SparkRuntimeException)
    assert cause.getCondition() == condition
    return cause


def test_a_state_that_was_deleted_is_an_error(stateful: Any) -> None:
    rig, source, args, checkpoint = stateful
    shutil.rmtree(checkpoint / "state")
    source.add(("d", 1))
    cause = refused(rig.start(grouped(source), **args), "STREAMING_STATEFUL_OPERATOR_MISSING_STATE_DIRECTORY")
    assert "end with batch 2" in str(cause) and "is missing or empty" in str(cause)


def test_a_state_of_later_batches_is_an_error(stateful: Any) -> None:
    rig, source, args, checkpoint = stateful
    for log in ("offsets", "commits"):
        (checkpoint / log / "2").unlink()
    cause = refused(rig.start(grouped(source), **args), "LIGHTSTREAM_STATE_OUT_OF_STEP")
    assert "end with batch 1, its state with batch 2" in str(cause)


def test_a_table_of_later_batches_is_an_error(tmp_path: Path) -> None:
    rig, source = Rig(new_session(str(tmp_path / "out.db"))), Rows(*BATCHES[:3], limit=1)
    args: dict[str, Any] = {
        "format": "", "table": ("t",), "trigger": NOW, "checkpoint": tmp_path / "checkpoint",
    }  # fmt: skip
    rig.start(source, **args).await_termination(10)
    for log in ("offsets", "commits"):
        (tmp_path / "checkpoint" / log / "2").unlink()
    cause = refused(rig.start(source, **args), "LIGHTSTREAM_SINK_AHEAD_OF_CHECKPOINT")
    assert "holds batch 2 of this query" in str(cause)
    assert sorted(rig.sql("from t")) == sorted(BATCHES[:3])
    rig.close()


def test_a_commit_deleted_by_hand_writes_nothing_twice(stateful: Any) -> None:
    rig, source, args, checkpoint = stateful
    (checkpoint / "commits" / "2").unlink()
    source.add(*BATCHES[3:])
    rig.start(grouped(source), **args).await_termination(10)
    assert sorted(rig.sql("from t")) == final_table("complete")


# ---- failures -------------------------------------------------------------------------------------------------


def test_a_batch_that_fails_stays_uncommitted_and_runs_again(tmp_path: Path) -> None:
    rig, source, given = Rig(), Rows(("a", 1), ("b", 2), limit=1), []

    def keep(frame: Any, batch_id: int) -> None:
        if batch_id == 1 and not given[1:]:
            given.append("failed")
            raise ValueError("not today")
        given.append((batch_id, frame.tuples()))

    args: dict[str, Any] = {
        "format": "foreachBatch", "foreach_batch": keep, "trigger": NOW, "checkpoint": tmp_path,
    }  # fmt: skip
    with pytest.raises(StreamingQueryException, match="ValueError: not today"):
        rig.start(source, **args).await_termination(10)
    assert (tmp_path / "offsets" / "1").exists()
    assert not (tmp_path / "commits" / "1").exists()
    rig.start(source, **args).await_termination(10)
    assert given == [(0, [("a", 1)]), "failed", (1, [("b", 2)])]
    rig.close()


def test_what_was_opened_is_closed_when_a_source_does_not_open(tmp_path: Path) -> None:
    rig, good, bad = Rig(), Rows(("a", 1)), Rows(("b", 2))
    bad.open_stream = lambda *args: (_ for _ in ()).throw(ValueError("no such place"))  # type: ignore[assignment, method-assign]
    from lightstream.plan import relations as r

    plan = rig.session.analyze(r.SetOperation(good.plan, bad.plan, "union"))
    with pytest.raises(StreamingQueryException, match="ValueError: no such place"):
        rig.start(plan, "noop", trigger=NOW, checkpoint=tmp_path).await_termination(10)
    assert good.stream.stopped
    # Nothing holds the checkpoint.
    rig.start(good, "noop", trigger=NOW, checkpoint=tmp_path).await_termination(10)
    rig.close()

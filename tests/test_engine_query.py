"""What can be asked of a running query, and how it ends."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from engine_fakes import Gate, Rig, Rows, WatchedClock, grouped, new_session

from lightstream.errors import IllegalArgumentException, PySparkException, StreamingQueryException
from lightstream.stream import triggers
from lightstream.stream.active import on_checkpoint, queries_of, stop_queries
from lightstream.stream.triggers import Trigger

NOW = Trigger(triggers.AVAILABLE_NOW)


@pytest.fixture
def rig() -> Any:
    rig = Rig()
    yield rig
    rig.close()


def in_thread(call: Any) -> threading.Thread:
    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    return thread


# ---- process_all_available ------------------------------------------------------------------------------------


def test_process_all_available_waits_for_what_has_arrived(rig: Rig) -> None:
    source = Rows(limit=1)
    run = rig.start(source, name="m")
    for i in range(5):
        source.add(("a", i), ("b", i))
        run.process_all_available()
        assert len(rig.sql("from m")) == 2 * (i + 1)


def test_process_all_available_returns_for_a_query_that_has_ended(rig: Rig) -> None:
    run = rig.start(Rows(("a", 1)), "noop", trigger=NOW)
    run.await_termination(10)
    run.process_all_available()


def test_process_all_available_ends_with_the_query(rig: Rig) -> None:
    source, gate = Rows(("a", 1)), Gate()
    source.before_scan = gate
    run = rig.start(source, "noop")
    assert gate.reached.wait(10)
    waiting = in_thread(run.process_all_available)
    run.request_stop()
    gate.open.set()
    waiting.join(10)
    assert not waiting.is_alive()


def test_process_all_available_raises_what_failed(rig: Rig) -> None:
    source = Rows(("a", 1))
    source.fail_scan = ValueError("broken")
    with pytest.raises(StreamingQueryException, match="ValueError: broken"):
        rig.start(source, "noop").process_all_available()


def test_a_look_that_began_before_the_call_does_not_count() -> None:
    clock = WatchedClock(1000)
    rig, source, gate = Rig(clock=clock), Rows(), Gate()
    opened = source.open_stream

    def held(*args: Any) -> Any:
        stream = opened(*args)
        look = stream.latest_offset

        def look_then_wait(start: str | None, *, ignore_limits: bool = False) -> str | None:
            found = look(start, ignore_limits=ignore_limits)
            if not gate.reached.is_set():
                gate()
            return found

        stream.latest_offset = look_then_wait  # type: ignore[method-assign]
        return stream

    source.open_stream = held  # type: ignore[method-assign]
    run = rig.start(source, name="m")
    assert gate.reached.wait(10)  # the first look has found nothing and is not over
    source.rows.append(("a", 1))
    waiting = in_thread(run.process_all_available)
    while not run._wake.is_set():
        time.sleep(0)
    gate.open.set()
    waiting.join(10)
    assert rig.sql("from m") == [("a", 1)]
    rig.close()


# ---- stop -----------------------------------------------------------------------------------------------------


def test_stop_ends_the_query_and_can_be_repeated(rig: Rig) -> None:
    source = Rows(("a", 1))
    run = rig.start(source, "noop")
    assert run.is_active
    run.stop()
    run.stop()
    assert not run.is_active
    assert run.failure is None
    assert source.stream.stopped
    assert (run.status.message, run.status.data_available, run.status.trigger_active) == (
        "Stopped",
        False,
        False,
    )


@pytest.mark.parametrize("make", [lambda source: source.plan, grouped])
def test_stop_cancels_a_batch_that_computes(tmp_path: Path, make: Any) -> None:
    rig, source = Rig(), Rows(("a", 1))
    started = threading.Event()
    run = None

    def endless() -> None:
        started.set()
        assert run is not None
        run._cursor.execute(
            "SELECT count(*) FROM range(1000000000) a, range(1000000) b WHERE a.range * b.range = 7"
        )

    gate = Gate()
    source.before_scan = lambda: (gate(), endless())
    run = rig.start(make(source), "noop", mode="update", checkpoint=tmp_path)
    gate.open.set()
    assert started.wait(10)
    run.stop()
    assert run.failure is None
    assert (tmp_path / "offsets" / "0").exists()
    assert not (tmp_path / "commits").exists()
    source.before_scan = None
    rig.start(make(source), "noop", mode="update", checkpoint=tmp_path, trigger=NOW).await_termination(10)
    assert (tmp_path / "commits" / "0").exists()
    rig.close()


def test_stop_lets_a_function_finish_its_batch(rig: Rig, tmp_path: Path) -> None:
    gate = Gate()
    run = rig.start(Rows(("a", 1)), "foreachBatch", foreach_batch=gate, checkpoint=tmp_path)
    assert gate.reached.wait(10)
    stopping = in_thread(run.stop)
    assert run.is_active
    gate.open.set()
    stopping.join(10)
    assert not run.is_active
    assert (tmp_path / "commits" / "0").exists()


def test_stop_gives_up_after_its_timeout(rig: Rig) -> None:
    gate = Gate()
    run = rig.start(
        Rows(("a", 1)), "foreachBatch", foreach_batch=gate, conf={"spark.sql.streaming.stopTimeout": "20ms"}
    )
    assert gate.reached.wait(10)
    with pytest.raises(PySparkException, match="did not stop within 20 milliseconds"):
        run.stop()
    gate.open.set()
    assert run.wait_ended(10)


def test_a_query_can_stop_itself_but_not_wait_for_itself(rig: Rig) -> None:
    errors: list[str] = []
    ready = threading.Event()
    runs: list[Any] = []

    def within(frame: Any, batch_id: int) -> None:
        assert ready.wait(10)
        for call in (runs[0].process_all_available, runs[0].await_termination):
            with pytest.raises(PySparkException) as caught:
                call()
            errors.append(str(caught.value))
        runs[0].stop()

    source = Rows(("a", 1), ("b", 2), limit=1)
    runs.append(rig.start(source, "foreachBatch", foreach_batch=within))
    ready.set()
    assert runs[0].await_termination(10)
    assert errors == ["Cannot wait for a query state from the same thread that is running the query"] * 2
    assert [report["batchId"] for report in runs[0].recent_progress()] == [0]


# ---- termination ----------------------------------------------------------------------------------------------


def test_await_termination_says_whether_it_has_come(rig: Rig) -> None:
    run = rig.start(Rows(), "noop")
    assert run.await_termination(0.01) is False
    run.stop()
    assert run.await_termination(0.01) is True
    assert run.await_termination() is True


def test_a_failure_is_raised_to_everyone_who_waits(rig: Rig) -> None:
    source = Rows(("a", 1))
    source.fail_scan = ValueError("broken")
    run = rig.start(source, "noop", name="bad")
    caught = []
    for _ in range(2):
        with pytest.raises(StreamingQueryException) as error:
            run.await_termination(10)
        caught.append(error.value)
    assert caught[0] is not caught[1]
    assert caught[0].__cause__ is source.fail_scan
    assert (caught[0].getCondition(), caught[0].getSqlState()) == ("STREAM_FAILED", "XXKST")
    assert type(caught[0]).__name__ == "StreamingQueryException"
    assert str(caught[0]) == (
        f"[STREAM_FAILED] Query [id = {run.id}, runId = {run.run_id}] terminated with exception: ValueError: broken "
        "SQLSTATE: XXKST\n"
        "=== Streaming Query ===\n"
        f"Identifier: bad [id = {run.id}, runId = {run.run_id}]\n"
        "Current Committed Offsets: {}\n"
        'Current Available Offsets: {Rows[]: {"rows":1}}\n'
        "\n"
        "Current State: ACTIVE\n"
        "Thread State: RUNNABLE\n"
        "\n"
        "Logical Plan:\n"
        "WriteToMicroBatchDataSource NoopTable\n"
        "+- ~DataSourceScan [k, v]"
    )
    assert run.status.message == "Terminated with exception: ValueError: broken"
    assert run.recent_progress() == []


def test_the_words_of_a_spark_error_are_kept(rig: Rig) -> None:
    source = Rows(("a", 1))
    source.fail_scan = PySparkException("DIVIDE_BY_ZERO", "Division by zero.", sqlstate="22012")
    run = rig.start(source, "noop")
    with pytest.raises(
        StreamingQueryException, match=r"exception: \[DIVIDE_BY_ZERO\] Division by zero. SQLSTATE: 22012"
    ):
        run.await_termination(10)


def test_errors_of_duckdb_become_those_of_spark(rig: Rig) -> None:
    from lightstream.plan import expressions as e
    from lightstream.plan import relations as r
    from lightstream.plan import types as t

    source = Rows(("x", 1))
    bad = e.Alias(e.Cast(e.UnresolvedAttribute(("k",)), t.IntegerType()), ("i",))
    plan = rig.session.analyze(r.Project(source.plan, (bad,)))
    with pytest.raises(StreamingQueryException, match="CAST_INVALID_INPUT"):
        rig.start(plan, "noop").await_termination(10)


# ---- names and ids --------------------------------------------------------------------------------------------


def test_a_name_is_taken_while_its_query_runs(rig: Rig) -> None:
    run = rig.start(Rows(), "noop", name="dup")
    with pytest.raises(
        IllegalArgumentException, match="Cannot start query with name dup as a query with that name"
    ):
        rig.start(Rows(), "noop", name="dup")
    other = Rig()
    other.start(Rows(), "noop", name="dup")  # in another session it is free
    other.close()
    run.stop()
    rig.start(Rows(), "noop", name="dup").stop()


def test_a_start_that_fails_takes_no_name(rig: Rig, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a directory")
    with pytest.raises(PySparkException, match="LIGHTSTREAM_CHECKPOINT_UNUSABLE"):
        rig.start(Rows(), "noop", name="n", checkpoint=blocked)
    rig.start(Rows(), "noop", name="n").stop()


def test_a_second_start_on_a_checkpoint_ends_the_first(rig: Rig, tmp_path: Path) -> None:
    first = rig.start(Rows(("a", 1)), "noop", name="one", checkpoint=tmp_path)
    first.process_all_available()
    second = rig.start(Rows(("a", 1)), "noop", name="two", checkpoint=tmp_path)
    assert not first.is_active
    assert first.failure is None
    assert second.is_active
    assert second.id == first.id
    assert on_checkpoint(str(tmp_path)) is second


def test_a_second_start_on_a_checkpoint_can_be_refused(rig: Rig, tmp_path: Path) -> None:
    first = rig.start(Rows(), "noop", checkpoint=tmp_path)
    with pytest.raises(PySparkException, match=f"Cannot start query with id {first.id} as another query"):
        rig.start(
            Rows(),
            "noop",
            checkpoint=tmp_path,
            conf={"spark.sql.streaming.stopActiveRunOnRestart": "false"},
        )
    assert first.is_active


def test_active_queries_are_found_by_id(rig: Rig) -> None:
    queries = queries_of(rig.session)
    one, two = rig.start(Rows(), "noop"), rig.start(Rows(), "noop")
    assert queries.all() == [one, two]
    assert queries.get(two.id) is two
    one.stop()
    assert queries.all() == [two]
    assert queries.get(one.id) is None


def test_the_queries_of_a_database_can_be_stopped_together(rig: Rig) -> None:
    other = Rig(rig.session.new_session())
    elsewhere = Rig()
    one, two, three = rig.start(Rows(), "noop"), other.start(Rows(), "noop"), elsewhere.start(Rows(), "noop")
    stop_queries(rig.session.database)
    assert [run.is_active for run in (one, two, three)] == [False, False, True]
    elsewhere.close()


# ---- any termination ------------------------------------------------------------------------------------------


def failing(rig: Rig) -> Any:
    source = Rows(("a", 1))
    source.fail_scan = ValueError("broken")
    run = rig.start(source, "noop")
    run.wait_ended(10)
    return run


def test_await_any_hears_of_every_end_since_the_last_reset(rig: Rig) -> None:
    queries = queries_of(rig.session)
    assert queries.await_any(0.01) is False
    rig.start(Rows(), "noop", trigger=NOW).await_termination(10)
    assert queries.await_any(0) is True
    assert queries.await_any(None) is True
    queries.reset_terminated()
    assert queries.await_any(0) is False


def test_await_any_raises_a_failure_which_a_clean_end_does_not_cover(rig: Rig) -> None:
    queries = queries_of(rig.session)
    failing(rig)
    rig.start(Rows(), "noop", trigger=NOW).await_termination(10)
    for _ in range(2):
        with pytest.raises(StreamingQueryException, match="broken"):
            queries.await_any(1)
    queries.reset_terminated()
    rig.start(Rows(), "noop", trigger=NOW).await_termination(10)
    failing(rig)
    with pytest.raises(StreamingQueryException, match="broken"):
        queries.await_any(1)


# ---- checkpoints ----------------------------------------------------------------------------------------------


def temporary(run: Any) -> str:
    path: str = run.runner.checkpoint.path
    return path


def test_a_temporary_checkpoint_goes_with_the_query_and_stays_after_a_failure(rig: Rig) -> None:
    run = rig.start(Rows(("a", 1)), "noop")
    run.process_all_available()
    assert os.path.exists(temporary(run))
    run.stop()
    assert not os.path.exists(temporary(run))
    kept = failing(rig)
    assert os.path.exists(os.path.join(temporary(kept), "offsets", "0"))
    source = Rows(("a", 1))
    source.fail_scan = ValueError("broken")
    gone = rig.start(source, "noop", conf={"spark.sql.streaming.forceDeleteTempCheckpointLocation": "true"})
    gone.wait_ended(10)
    assert not os.path.exists(temporary(gone))


def test_the_session_can_say_where_checkpoints_are(rig: Rig, tmp_path: Path) -> None:
    conf = {"spark.sql.streaming.checkpointLocation": f"file://{tmp_path}"}
    rig.start(Rows(("a", 1)), "noop", name="named", trigger=NOW, conf=conf).await_termination(10)
    rig.start(Rows(("a", 1)), "noop", trigger=NOW, conf=conf).await_termination(10)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert "named" in names
    assert len(names) == 2
    assert (tmp_path / "named" / "commits" / "0").exists()


def test_refusals_come_before_anything_is_made(rig: Rig, tmp_path: Path) -> None:
    with pytest.raises(PySparkException) as caught:
        rig.start(Rows(), "noop", mode="complete", checkpoint=tmp_path / "checkpoint")
    assert caught.value.getCondition() == "STREAMING_OUTPUT_MODE.UNSUPPORTED_OPERATION"
    assert not (tmp_path / "checkpoint").exists()


# ---- explain, latency, exit -----------------------------------------------------------------------------------


def test_explain_shows_the_sql_of_a_batch(rig: Rig) -> None:
    source = Rows()
    run = rig.start(grouped(source), "noop", mode="update")
    assert run.explain() == "No physical plan. Waiting for data."
    source.add(("a", 1))
    run.process_all_available()
    assert "GROUP BY" in run.explain()
    assert run.explain().startswith("== Physical Plan ==\n")
    assert "+- ~Aggregate [k, n, s]" in run.explain(extended=True)


def test_news_start_a_batch_within_milliseconds(rig: Rig) -> None:
    source = Rows()
    run = rig.start(source, "noop")
    run.process_all_available()
    waits = []
    for i in range(20):
        asked = source.stream.asked
        began = time.perf_counter()
        source.add(("a", i))
        while source.stream.asked == asked:
            time.sleep(0)
        waits.append(time.perf_counter() - began)
        run.process_all_available()
    assert sorted(waits)[10] < 0.02  # by a wide margin: a busy machine, not a poll


PROGRAM = """
import sys, time
sys.path[:0] = {paths!r}
from engine_fakes import Rig, Rows
source = Rows(("a", 1))
rig = Rig()
if sys.argv[1] == "computing":
    import threading
    reached = threading.Event()
    def endless():
        reached.set()
        cursor = rig.started[0]._cursor
        cursor.execute("SELECT count(*) FROM range(1000000000) a, range(100000) b WHERE a.range * b.range = 7")
    def scan():
        while not rig.started: pass
        endless()
    source.before_scan = scan
    run = rig.start(source, "noop", checkpoint=sys.argv[2])
    reached.wait()
else:
    run = rig.start(source, "noop", checkpoint=sys.argv[2])
    run.process_all_available()
print("end of the program")
if sys.argv[1] == "raising":
    raise RuntimeError("the program fails")
"""


@pytest.mark.parametrize(("how", "status"), [("idle", 0), ("computing", 0), ("raising", 1)])
def test_a_program_that_ends_takes_its_queries_with_it(tmp_path: Path, how: str, status: int) -> None:
    here = os.path.dirname(__file__)
    program = PROGRAM.format(paths=[os.path.dirname(here), here])
    checkpoint = tmp_path / "checkpoint"
    done = subprocess.run(
        [sys.executable, "-c", program, how, str(checkpoint)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (status, "end of the program\n"), done.stderr
    assert "Fatal" not in done.stderr
    assert "terminate" not in done.stderr
    assert (checkpoint / "commits" / "0").exists() is (how != "computing")
    rig = Rig()
    rig.start(Rows(("a", 1), ("b", 2)), "noop", checkpoint=checkpoint, trigger=NOW).await_termination(10)
    assert (checkpoint / "commits" / "1").exists()
    rig.close()


def test_a_session_can_have_several_queries_on_one_source() -> None:
    rig, source = Rig(new_session()), Rows(("a", 1))
    one, two = rig.start(source, name="one"), rig.start(source, name="two")
    one.process_all_available()
    two.process_all_available()
    source.add(("b", 2))
    one.process_all_available()
    two.process_all_available()
    assert sorted(rig.sql("from one")) == sorted(rig.sql("from two")) == [("a", 1), ("b", 2)]
    rig.close()

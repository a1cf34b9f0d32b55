"""Progress reports: their form, their numbers, and when there is one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from engine_fakes import Rig, Rows, WatchedClock, grouped

from lightstream.clock import ManualClock
from lightstream.operators.contract import EventTimeStats, StateMetrics
from lightstream.stream import triggers
from lightstream.stream.active import queries_of
from lightstream.stream.listeners import Event, Idle, ListenerBus, Progressed, Started, Terminated
from lightstream.stream.progress import ProgressReporter, SourceReport, TriggerReport, iso_text, rounded
from lightstream.stream.triggers import Trigger

NOW = Trigger(triggers.AVAILABLE_NOW)


def report(batch_id: int = 0, rows: int = 7, **more: Any) -> TriggerReport:
    sources = (SourceReport("Rows[]", None, '{"rows":7}', rows),)
    return TriggerReport(batch_id, True, sources, "MemorySink", 5, **more)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(1_735_689_600_000)


@pytest.fixture
def reporter(clock: ManualClock) -> ProgressReporter:
    return ProgressReporter("id-1", "run-1", None, clock, retained=100, idle_interval_ms=10_000)


def test_a_report_has_the_fields_and_the_order_of_spark(
    clock: ManualClock, reporter: ProgressReporter
) -> None:
    reporter.start_trigger()
    with reporter.timed("walCommit"):
        clock.advance(20)
    with reporter.timed("addBatch"):
        clock.advance(480)
    record = reporter.finish(report())
    assert json.dumps(rounded(record), separators=(",", ":")) == (
        '{"id":"id-1","runId":"run-1","name":null,"timestamp":"2025-01-01T00:00:00.000Z","batchId":0,'
        '"batchDuration":500,"numInputRows":7,"inputRowsPerSecond":0.0,"processedRowsPerSecond":14.0,'
        '"durationMs":{"addBatch":480,"walCommit":20},"stateOperators":[],"sources":[{"description":"Rows[]",'
        '"startOffset":null,"endOffset":{"rows":7},"latestOffset":null,"numInputRows":7,"inputRowsPerSecond":0.0,'
        '"processedRowsPerSecond":14.0}],"sink":{"description":"MemorySink","numOutputRows":5}}'
    )


def test_rates_count_from_the_trigger_before_and_are_exact_until_json(
    clock: ManualClock, reporter: ProgressReporter
) -> None:
    reporter.start_trigger()
    reporter.finish(report())
    clock.advance(3000)
    reporter.start_trigger()
    clock.advance(700)
    record = reporter.finish(report(1))
    assert record["inputRowsPerSecond"] == 7 / 3
    assert record["processedRowsPerSecond"] == 7 / 0.7
    shown = rounded(record)
    assert (shown["inputRowsPerSecond"], shown["processedRowsPerSecond"]) == (2.3, 10.0)
    assert shown["sources"][0]["inputRowsPerSecond"] == 2.3


def test_a_trigger_without_duration_has_finite_rates(reporter: ProgressReporter) -> None:
    for _ in range(2):
        reporter.start_trigger()
        record = reporter.finish(report())
    assert record["processedRowsPerSecond"] == 7000.0
    assert record["inputRowsPerSecond"] == 7000.0


def test_event_times_are_those_of_the_first_watermark_that_had_rows(reporter: ProgressReporter) -> None:
    reporter.start_trigger()
    times = (
        EventTimeStats(None, None, None, 0),
        EventTimeStats(1000, 3000, 2000, 0),
        EventTimeStats(7, 7, 7, 0),
    )
    record = reporter.finish(report(event_times=times, watermark_ms=0))
    assert record["eventTime"] == {
        "avg": "1970-01-01T00:00:02.000Z",
        "max": "1970-01-01T00:00:03.000Z",
        "min": "1970-01-01T00:00:01.000Z",
        "watermark": "1970-01-01T00:00:00.000Z",
    }
    assert list(record)[9:12] == ["durationMs", "eventTime", "stateOperators"]


def test_state_operators_have_the_fields_of_spark(reporter: ProgressReporter) -> None:
    reporter.start_trigger()
    metrics = StateMetrics("stateStoreSave", 9, 3, 2, 1, 11, 12, 13, 14, {"b": 2, "a": 1})
    record = reporter.finish(report(state=(metrics,)))
    assert record["stateOperators"] == [
        {
            "operatorName": "stateStoreSave", "numRowsTotal": 9, "numRowsUpdated": 3, "allUpdatesTimeMs": 11,
            "numRowsRemoved": 2, "allRemovalsTimeMs": 12, "commitTimeMs": 13, "memoryUsedBytes": 14,
            "numRowsDroppedByWatermark": 1, "numShufflePartitions": 1, "numStateStoreInstances": 1,
            "customMetrics": {"a": 1, "b": 2},
        }
    ]  # fmt: skip


def test_times_of_any_year_can_be_written() -> None:
    assert iso_text(0) == "1970-01-01T00:00:00.000Z"
    assert iso_text(-1) == "1969-12-31T23:59:59.999Z"
    assert iso_text(253_402_300_800_000) == "+10000-01-01T00:00:00.000Z"


@pytest.mark.parametrize(("retained", "kept"), [(5, 4), (1, 0), (100, 99)])
def test_one_less_is_kept_than_the_setting_says(clock: ManualClock, retained: int, kept: int) -> None:
    reporter = ProgressReporter("id", "run", None, clock, retained, 10_000)
    for batch_id in range(120):
        reporter.start_trigger()
        reporter.finish(report(batch_id))
    assert [record["batchId"] for record in reporter.recent()] == list(range(120 - kept, 120))


# ---- idle -----------------------------------------------------------------------------------------------------


def test_an_idle_query_reports_at_its_start_and_then_every_ten_seconds() -> None:
    clock = WatchedClock(0)
    rig, source = Rig(clock=clock), Rows()
    events = listen(rig)
    run = rig.start(source, "noop", name="quiet")
    assert clock.next_wait() == 10_000
    assert len(run.recent_progress()) == 1  # reported, but not to listeners
    clock.advance(9_999)
    source.stream.wakeup()
    assert clock.next_wait() == 1
    assert len(run.recent_progress()) == 1
    clock.advance(1)
    assert clock.next_wait() == 10_000
    assert len(run.recent_progress()) == 2
    clock.advance(4_000)
    source.add(("a", 1))
    assert clock.next_wait() == 10_000  # counted from the batch
    clock.advance(10_000)
    clock.next_wait()
    run.stop()
    queries_of(rig.session).bus.close(10)
    assert [type(event) for event in events] == [Started, Idle, Progressed, Idle, Terminated]
    assert [record["numInputRows"] for record in run.recent_progress()] == [0, 0, 1, 0]
    assert [record["batchId"] for record in run.recent_progress()] == [0, 0, 0, 1]
    rig.close()


def test_an_idle_report_repeats_the_state_and_has_few_durations() -> None:
    clock = WatchedClock(0)
    rig, source = Rig(clock=clock), Rows(("a", 1), ("b", 2))
    run = rig.start(grouped(source), mode="complete", name="m")
    clock.next_wait()
    clock.advance(10_000)
    clock.next_wait()
    batch, idle = run.recent_progress()
    assert sorted(batch["durationMs"]) == [
        "addBatch", "commitOffsets", "getBatch", "latestOffset", "queryPlanning", "triggerExecution", "walCommit",
    ]  # fmt: skip
    assert sorted(idle["durationMs"]) == ["latestOffset", "triggerExecution"]
    (state,) = idle["stateOperators"]
    assert (state["numRowsTotal"], state["numRowsUpdated"], state["commitTimeMs"]) == (2, 0, 0)
    assert (batch["sink"]["numOutputRows"], idle["sink"]["numOutputRows"]) == (2, 0)
    assert idle["sources"][0]["startOffset"] == idle["sources"][0]["endOffset"] == {"rows": 2}
    rig.close()


def test_the_interval_of_idle_reports_can_be_set() -> None:
    clock = WatchedClock(0)
    rig = Rig(clock=clock)
    rig.start(Rows(), "noop", conf={"spark.sql.streaming.noDataProgressEventInterval": "3s"})
    assert clock.next_wait() == 3000
    rig.close()


# ---- listeners ------------------------------------------------------------------------------------------------


def listen(rig: Rig) -> list[Event]:
    events: list[Event] = []
    queries_of(rig.session).bus.add(events, events.append)
    return events


def test_events_come_in_order_and_the_first_before_start_returns() -> None:
    rig, source = Rig(), Rows(("a", 1), ("b", 2), limit=1)
    events = listen(rig)
    run = rig.start(source, "noop", name="n", trigger=NOW)
    assert isinstance(events[0], Started)
    assert (events[0].id, events[0].run_id, events[0].name) == (run.id, run.run_id, "n")
    run.await_termination(10)
    queries_of(rig.session).bus.close(10)
    assert [type(event) for event in events] == [Started, Progressed, Progressed, Terminated]
    assert events[3] == Terminated(run.id, run.run_id, None, None)
    rig.close()


def test_a_failure_is_told_with_its_traceback_and_condition() -> None:
    rig = Rig()
    events = listen(rig)

    def boom(frame: Any, batch_id: int) -> None:
        raise ValueError("my text")

    run = rig.start(Rows(("a", 1)), "foreachBatch", foreach_batch=boom)
    run.wait_ended(10)
    queries_of(rig.session).bus.close(10)
    (ended,) = [event for event in events if isinstance(event, Terminated)]
    assert ended.error_class == "FOREACH_BATCH_USER_FUNCTION_ERROR"
    assert ended.exception is not None
    assert 'raise ValueError("my text")' in ended.exception
    rig.close()


def test_sessions_do_not_hear_of_each_other() -> None:
    one, two = Rig(), Rig()
    events = listen(two)
    one.start(Rows(), "noop", trigger=NOW).await_termination(10)
    queries_of(two.session).bus.close(10)
    assert events == []
    one.close()
    two.close()


def test_a_listener_that_raises_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    bus, heard = ListenerBus(), []

    def broken(event: Event) -> None:
        raise RuntimeError("deaf")

    bus.add("broken", broken)
    bus.add("good", heard.append)
    bus.post(Idle("i", "r", "t"))
    bus.post(Started("i", "r", None, "t"))
    bus.close(10)
    assert len(heard) == 2
    assert "deaf" in caplog.text


def test_a_listener_added_twice_hears_twice_and_is_removed_once_at_a_time() -> None:
    bus, heard, listener = ListenerBus(), [], object()
    for _ in range(2):
        bus.add(listener, heard.append)
    bus.post(Started("i", "r", None, "t"))
    assert len(heard) == 2
    bus.remove(listener)
    bus.post(Started("i", "r", None, "t"))
    assert len(heard) == 3
    bus.remove(listener)
    bus.remove(listener)
    bus.post(Started("i", "r", None, "t"))
    assert len(heard) == 3

"""When batches start: interval text, alignment, once, availableNow, and batches without data."""

from __future__ import annotations

import pytest
from engine_fakes import Rig, Rows, WatchedClock

from lightstream.errors import AnalysisException, IllegalArgumentException, PySparkException
from lightstream.stream import triggers
from lightstream.stream.triggers import Trigger, next_start_ms, refuse, trigger_of

# Each as Spark 4.3 reads it.
INTERVALS = {
    "5 seconds": 5000,
    "5 second": 5000,
    "5 SECONDS": 5000,
    "interval 5 seconds": 5000,
    "INTERVAL 5 seconds": 5000,
    "1.5 seconds": 1500,
    "500 milliseconds": 500,
    "10 microseconds": 0,
    "1500 microseconds": 1,
    "+5 seconds": 5000,
    "1 minute 30 seconds": 90_000,
    "1 minute -30 seconds": 30_000,
    "1 day": 86_400_000,
    "3 weeks 2 days": 1_987_200_000,
    ".5 seconds": 500,
    "5. seconds": 5000,
    "1.123456789 seconds": 1123,
    "1 hours 1 hours": 7_200_000,
    "\t1  minute\n": 60_000,
    "0 months": 0,
    "1 day 2 hours 3 minutes 4 seconds 5 milliseconds 6 microseconds": 93_784_005,
}
REFUSED = {
    "interval5 seconds": "INVALID_PREFIX",
    "1.5 minutes": "INVALID_FRACTION",
    "1.5 days": "INVALID_FRACTION",
    "0.9999 milliseconds": "INVALID_FRACTION",
    "5seconds": "INVALID_VALUE",
    "1e3 seconds": "INVALID_VALUE",
    "1.5. seconds": "INVALID_VALUE",
    "5 s": "INVALID_UNIT",
    "500 ms": "INVALID_UNIT",
    "1 minute, 30 seconds": "INVALID_UNIT",
    "1 quarter": "INVALID_UNIT",
    "5 nanoseconds": "INVALID_UNIT",
    "1 secondss": "INVALID_UNIT",
    "": "INPUT_IS_EMPTY",
    "interval": "INPUT_IS_EMPTY",
    "interval '5' second": "UNRECOGNIZED_NUMBER",
    "abc": "UNRECOGNIZED_NUMBER",
    "PT5S": "UNRECOGNIZED_NUMBER",
    "5 seconds abc": "UNRECOGNIZED_NUMBER",
    "1.0000000001 seconds": "INVALID_PRECISION",
    "5": "MISSING_UNIT",
    "5 seconds 5": "MISSING_UNIT",
    "-": "MISSING_NUMBER",
    "99999999999999999999 seconds": "ARITHMETIC_EXCEPTION",
    "9223372036854775807 seconds": "ARITHMETIC_EXCEPTION",
}


@pytest.mark.parametrize(("text", "interval_ms"), INTERVALS.items())
def test_an_interval_is_read_as_spark_reads_it(text: str, interval_ms: int) -> None:
    assert trigger_of(triggers.PROCESSING_TIME, text) == Trigger(triggers.PROCESSING_TIME, interval_ms)


@pytest.mark.parametrize(("text", "subcondition"), REFUSED.items())
def test_an_interval_that_spark_refuses_is_refused(text: str, subcondition: str) -> None:
    with pytest.raises(IllegalArgumentException) as caught:
        trigger_of(triggers.PROCESSING_TIME, text)
    assert caught.value.getCondition() == f"INVALID_INTERVAL_FORMAT.{subcondition}"
    assert caught.value.getSqlState() == "22006"


@pytest.mark.parametrize("text", ["1 month", "1 year", "1 second 1 month"])
def test_months_have_no_length(text: str) -> None:
    with pytest.raises(IllegalArgumentException, match=f"Doesn't support month or year interval: {text}"):
        trigger_of(triggers.PROCESSING_TIME, text)


@pytest.mark.parametrize("text", ["-5 seconds", "- 5 seconds", "-.5 seconds", "-1 microsecond"])
def test_a_negative_interval_is_refused(text: str) -> None:
    with pytest.raises(IllegalArgumentException, match="the interval of trigger should not be negative"):
        trigger_of(triggers.PROCESSING_TIME, text)


def test_triggers_are_aligned_to_the_epoch() -> None:
    assert next_start_ms(0, 1000) == 1000
    assert next_start_ms(999, 1000) == 1000
    assert next_start_ms(1000, 1000) == 2000
    assert next_start_ms(1_700_000_000_123, 60_000) == 1_700_000_040_000


@pytest.mark.parametrize(
    ("trigger", "mode", "sink", "condition"),
    [
        (Trigger(triggers.CONTINUOUS, 1000), "append", "console", "_LEGACY_ERROR_TEMP_3102"),
        (Trigger(triggers.CONTINUOUS, 1000), "append", "foreachBatch", "_LEGACY_ERROR_TEMP_1195"),
        (
            Trigger(triggers.REAL_TIME, 5000),
            "append",
            "console",
            "STREAMING_REAL_TIME_MODE.OUTPUT_MODE_NOT_SUPPORTED",
        ),
        (
            Trigger(triggers.REAL_TIME, 1000),
            "update",
            "console",
            "INVALID_STREAMING_REAL_TIME_MODE_TRIGGER_INTERVAL",
        ),
        (
            Trigger(triggers.REAL_TIME, 5000),
            "update",
            "console",
            "STREAMING_REAL_TIME_MODE.INPUT_STREAM_NOT_SUPPORTED",
        ),
    ],
)
def test_other_kinds_of_execution_are_refused(trigger: Trigger, mode: str, sink: str, condition: str) -> None:
    error = refuse(trigger, mode, sink)
    assert isinstance(error, PySparkException)
    assert error.getCondition() == condition


def test_a_continuous_query_does_not_start() -> None:
    rig = Rig()
    with pytest.raises(AnalysisException, match="Continuous processing does not support"):
        rig.start(Rows(), "noop", trigger=Trigger(triggers.CONTINUOUS, 1000))


# ---- processing time ------------------------------------------------------------------------------------------


def test_processing_time_starts_at_once_then_at_multiples_of_the_interval() -> None:
    clock = WatchedClock(10_300)
    rig, source = Rig(clock=clock), Rows(("a", 1))
    run = rig.start(source, "noop", trigger=Trigger(interval_ms=2000))
    assert clock.next_wait() == 1700
    assert run.status.message == "Waiting for next trigger"
    source.add(("b", 2))  # does not start a batch: it is not time
    clock.advance(1700)
    assert clock.next_wait() == 2000
    times = [report["timestamp"] for report in run.recent_progress()]
    assert times == ["1970-01-01T00:00:10.300Z", "1970-01-01T00:00:12.000Z"]
    rig.close()


def test_a_trigger_that_was_missed_starts_at_once_and_is_not_repeated() -> None:
    clock = WatchedClock(10_000)
    rig, source = Rig(clock=clock), Rows(("a", 1))

    def slow() -> None:
        source.before_scan = None
        clock.advance(5500)
        source.rows.append(("b", 2))

    source.before_scan = slow
    run = rig.start(source, "noop", trigger=Trigger(interval_ms=2000))
    assert clock.next_wait() == 500  # from 15.5 s, when the second batch began, to 16 s
    assert [report["timestamp"] for report in run.recent_progress()] == [
        "1970-01-01T00:00:10.000Z",
        "1970-01-01T00:00:15.500Z",
    ]
    rig.close()


def test_a_clock_that_is_set_back_does_not_hold_up_the_next_trigger() -> None:
    clock = WatchedClock(7_200_300)
    rig, source = Rig(clock=clock), Rows(("a", 1))

    def set_back() -> None:
        source.before_scan = None
        clock.set(300)
        source.rows.append(("b", 2))

    source.before_scan = set_back
    run = rig.start(source, "noop", trigger=Trigger(interval_ms=2000))
    assert clock.next_wait() == 1700
    assert [report["timestamp"] for report in run.recent_progress()] == [
        "1970-01-01T02:00:00.300Z",
        "1970-01-01T00:00:00.300Z",
    ]
    rig.close()


def test_a_clock_that_jumps_ahead_starts_one_trigger() -> None:
    clock = WatchedClock(10_000)
    rig, source = Rig(clock=clock), Rows(("a", 1))
    run = rig.start(source, "noop", trigger=Trigger(interval_ms=2000))
    assert clock.next_wait() == 2000
    source.add(("b", 2))
    clock.advance(7 * 86_400_000 + 500)
    assert clock.next_wait() == 1500  # one batch for a week of triggers, and the next in step again
    assert [report["timestamp"] for report in run.recent_progress()] == [
        "1970-01-01T00:00:10.000Z",
        "1970-01-08T00:00:10.500Z",
    ]
    rig.close()


def test_a_missed_trigger_can_wait_for_the_next() -> None:
    clock = WatchedClock(10_000)
    rig, source = Rig(clock=clock), Rows(("a", 1))

    def slow() -> None:
        source.before_scan = None
        clock.advance(5500)
        source.rows.append(("b", 2))

    source.before_scan = slow
    run = rig.start(
        source, "noop", trigger=Trigger(interval_ms=2000), conf={"lightstream.trigger.missed": "wait"}
    )
    assert clock.next_wait() == 500
    assert len(run.recent_progress()) == 1
    clock.advance(500)
    assert clock.next_wait() == 2000
    assert run.recent_progress()[-1]["timestamp"] == "1970-01-01T00:00:16.000Z"
    rig.close()


def test_stop_wakes_a_query_that_waits_for_its_trigger() -> None:
    clock = WatchedClock(10_000)
    rig = Rig(clock=clock)
    run = rig.start(Rows(), "noop", trigger=Trigger(interval_ms=3_600_000))
    clock.next_wait()
    run.stop()
    assert not run.is_active


# ---- default --------------------------------------------------------------------------------------------------


def test_without_a_trigger_data_starts_a_batch_and_nothing_else_wakes_the_loop() -> None:
    clock = WatchedClock(50_000)
    rig, source = Rig(clock=clock), Rows()
    run = rig.start(source, "noop")
    assert clock.next_wait() == 10_000  # until an idle report is due, not a moment of polling
    assert source.stream.asked == 1
    source.add(("a", 1))
    assert clock.next_wait() == 10_000
    assert run.recent_progress()[-1]["numInputRows"] == 1
    assert source.stream.asked == 3  # the batch, and the look after it
    rig.close()


def test_a_source_that_cannot_tell_is_asked_each_polling_delay() -> None:
    clock = WatchedClock(50_000)
    rig, source = Rig(clock=clock), Rows()
    opened = source.open_stream

    def cannot_tell(*args: object) -> object:
        stream = opened(*args)  # type: ignore[arg-type]
        stream.needs_polling = True  # type: ignore[attr-defined]
        return stream

    source.open_stream = cannot_tell  # type: ignore[assignment, method-assign]
    rig.start(source, "noop", conf={"spark.sql.streaming.pollingDelay": "25ms"})
    assert clock.next_wait() == 25
    clock.advance(25)
    assert clock.next_wait() == 25
    assert source.stream.asked == 2
    rig.close()


def test_batches_follow_each_other_while_there_is_data() -> None:
    rig, source = Rig(), Rows(*[("a", i) for i in range(7)], limit=2)
    run = rig.start(source, "noop")
    run.process_all_available()
    assert [report["numInputRows"] for report in run.recent_progress()] == [2, 2, 2, 1]
    rig.close()


# ---- once and availableNow ------------------------------------------------------------------------------------


def test_once_takes_everything_in_one_batch_whatever_the_limit() -> None:
    rig, source = Rig(), Rows(*[("a", i) for i in range(15)], limit=3)
    run = rig.start(source, "noop", trigger=Trigger(triggers.ONCE))
    run.await_termination(10)
    assert [report["numInputRows"] for report in run.recent_progress()] == [15]
    assert run.status.message == "Stopped"
    rig.close()


def test_available_now_keeps_to_the_limit_and_to_what_was_there_at_the_start() -> None:
    rig, source = Rig(), Rows(*[("a", i) for i in range(7)], limit=3)
    source.before_scan = lambda: source.rows.append(("late", 0))
    run = rig.start(source, "noop", trigger=Trigger(triggers.AVAILABLE_NOW))
    assert run.await_termination(10)
    assert [report["numInputRows"] for report in run.recent_progress()] == [3, 3, 1]
    rig.close()


def test_available_now_with_a_source_that_cannot_is_one_batch() -> None:
    rig, source = Rig(), Rows(*[("a", i) for i in range(7)], limit=3, fixes=False)
    run = rig.start(source, "noop", trigger=Trigger(triggers.AVAILABLE_NOW))
    assert run.await_termination(10)
    assert [report["numInputRows"] for report in run.recent_progress()] == [7]
    rig.close()


@pytest.mark.parametrize("kind", [triggers.ONCE, triggers.AVAILABLE_NOW])
def test_a_restart_without_news_runs_no_batch_and_reports_once(kind: str, tmp_path: object) -> None:
    rig, source = Rig(), Rows(("a", 1))
    rig.start(source, "noop", trigger=Trigger(kind), checkpoint=tmp_path).await_termination(10)
    run = rig.start(source, "noop", trigger=Trigger(kind), checkpoint=tmp_path)
    run.await_termination(10)
    (report,) = run.recent_progress()
    assert report["batchId"] == 1
    assert report["numInputRows"] == 0
    assert report["sources"][0]["startOffset"] == report["sources"][0]["endOffset"] == {"rows": 1}
    assert report["sink"] == {"description": "NoopTable", "numOutputRows": -1}
    rig.close()


# ---- batches without data -------------------------------------------------------------------------------------


def wants_batches(
    monkeypatch: pytest.MonkeyPatch, rig: Rig, source: Rows, answers: list[bool], **more: object
) -> list[tuple[int, int]]:
    """Run a query whose plan asks for a batch without data as `answers` say; return what it was asked."""
    from lightstream.operators.incremental import IncrementalPlan

    asked: list[tuple[int, int]] = []

    def wants(self: IncrementalPlan, next_ms: int, used_ms: int) -> bool:
        asked.append((next_ms, used_ms))
        return answers.pop(0) if answers else False

    monkeypatch.setattr(IncrementalPlan, "wants_no_data_batch", wants)
    run = rig.start(source, "noop", trigger=Trigger(triggers.AVAILABLE_NOW), **more)  # type: ignore[arg-type]
    assert run.await_termination(10)
    return asked


def test_an_operator_can_ask_for_batches_without_data(monkeypatch: pytest.MonkeyPatch) -> None:
    rig, source = Rig(), Rows(("a", 1))
    wants_batches(monkeypatch, rig, source, [True, True, False])
    reports = rig.started[-1].recent_progress()
    assert [report["batchId"] for report in reports] == [0, 1, 2]
    assert [report["numInputRows"] for report in reports] == [1, 0, 0]
    assert reports[1]["sources"][0]["startOffset"] == reports[1]["sources"][0]["endOffset"]
    rig.close()


def test_batches_without_data_can_be_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    rig, source = Rig(), Rows(("a", 1))
    asked = wants_batches(
        monkeypatch, rig, source, [True], conf={"spark.sql.streaming.noDataMicroBatches.enabled": "false"}
    )
    assert asked == []
    assert len(rig.started[-1].recent_progress()) == 1
    rig.close()


def test_a_run_without_a_batch_asks_for_none(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    rig, source = Rig(), Rows(("a", 1))
    wants_batches(monkeypatch, rig, source, [], checkpoint=tmp_path)
    asked = wants_batches(monkeypatch, rig, source, [True], checkpoint=tmp_path)
    assert asked == []
    rig.close()

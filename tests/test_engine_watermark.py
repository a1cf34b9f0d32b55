"""The watermark: per node, over nodes, through batches and restarts."""

from __future__ import annotations

from pathlib import Path

import pytest
from engine_fakes import Rig, Rows, count_of

from lightstream.operators.contract import BatchInput, BatchOutput, EventTimeStats
from lightstream.operators.incremental import IncrementalPlan
from lightstream.stream import triggers
from lightstream.stream.triggers import Trigger
from lightstream.stream.watermark import WatermarkTracker


def stats(max_ms: int | None, delay_ms: int = 0) -> EventTimeStats:
    return EventTimeStats(max_ms, max_ms, max_ms, delay_ms)


def test_it_is_the_largest_event_time_less_the_delay_and_never_goes_back() -> None:
    tracker = WatermarkTracker("min")
    tracker.update([stats(10_000, 3000)])
    assert tracker.global_ms == 7000
    tracker.update([stats(8000, 3000)])
    assert tracker.global_ms == 7000
    tracker.update([stats(11_000, 3000)])
    assert tracker.global_ms == 8000


def test_it_stays_without_rows_and_before_1970() -> None:
    tracker = WatermarkTracker("min")
    tracker.update([stats(None)])
    assert tracker.global_ms == 0
    tracker.update([stats(-5000)])
    assert tracker.global_ms == 0


@pytest.mark.parametrize(
    ("policy", "expected"),
    [("min", [0, 4000, 6000]), ("max", [9000, 9000, 9000]), ("MAX", [9000, 9000, 9000])],
)
def test_several_nodes_are_taken_together(policy: str, expected: list[int]) -> None:
    tracker = WatermarkTracker(policy)
    seen = []
    for batch in ([stats(9000), stats(None)], [stats(None), stats(4000)], [stats(None), stats(6000)]):
        tracker.update(batch)
        seen.append(tracker.global_ms)
    assert seen == expected


def test_after_a_restart_a_node_without_rows_holds_it() -> None:
    tracker = WatermarkTracker("min", 5000)
    tracker.update([stats(9000), stats(None)])
    assert tracker.global_ms == 5000


# ---- through the engine ---------------------------------------------------------------------------------------


class Seen:
    """A plan's inputs, and event times that a test makes up: `v` of the last row is the event time in ms."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, source: Rows, delay_ms: int = 0) -> None:
        self.batches: list[BatchInput] = []
        run = IncrementalPlan.run

        def run_with_event_times(plan: IncrementalPlan, batch: BatchInput) -> BatchOutput:
            self.batches.append(batch)
            plan.watermark_delays_ms = (delay_ms,)
            output = run(plan, batch)
            start, end = count_of(batch.starts[0]), count_of(batch.ends[0])
            times = [v for _, v in source.rows[start:end] if v is not None]
            made_up = (
                EventTimeStats(min(times), max(times), sum(times) // len(times), delay_ms)
                if times
                else EventTimeStats(None, None, None, delay_ms)
            )
            return BatchOutput(output.sql, output.input_rows, (made_up,), output.metrics)

        monkeypatch.setattr(IncrementalPlan, "run", run_with_event_times)
        monkeypatch.setattr(
            IncrementalPlan, "wants_no_data_batch", lambda self, next_ms, used_ms: next_ms > used_ms
        )

    @property
    def watermarks(self) -> list[tuple[int, int]]:
        return [(batch.watermark_ms, batch.late_watermark_ms) for batch in self.batches]


def test_a_batch_evicts_with_its_watermark_and_filters_with_that_of_the_batch_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rig, source = Rig(), Rows(("a", 10_000), ("a", 20_000), ("a", 30_000), limit=1)
    seen = Seen(monkeypatch, source, delay_ms=1000)
    run = rig.start(source, "noop", trigger=Trigger(triggers.AVAILABLE_NOW))
    run.await_termination(10)
    # Three batches of data, then one without because the watermark moved.
    assert seen.watermarks == [(0, 0), (9000, 0), (19_000, 9000), (29_000, 19_000)]
    assert [report["eventTime"]["watermark"][14:19] for report in run.recent_progress()] == [
        "00:00",
        "00:09",
        "00:19",
        "00:29",
    ]
    assert run.recent_progress()[0]["eventTime"] == {
        "avg": "1970-01-01T00:00:10.000Z",
        "max": "1970-01-01T00:00:10.000Z",
        "min": "1970-01-01T00:00:10.000Z",
        "watermark": "1970-01-01T00:00:00.000Z",
    }
    assert set(run.recent_progress()[3]["eventTime"]) == {"watermark"}
    rig.close()


def test_with_one_stateful_operator_allowed_both_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    rig, source = Rig(), Rows(("a", 10_000), ("a", 20_000), limit=1)
    seen = Seen(monkeypatch, source)
    conf = {"spark.sql.streaming.statefulOperator.allowMultiple": "false"}
    rig.start(source, "noop", trigger=Trigger(triggers.AVAILABLE_NOW), conf=conf).await_termination(10)
    assert seen.watermarks == [(0, 0), (10_000, 10_000), (20_000, 20_000)]
    rig.close()


def test_both_survive_a_restart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    rig, source = Rig(), Rows(("a", 10_000), ("a", 20_000), limit=1)
    seen = Seen(monkeypatch, source)
    conf = {"spark.sql.streaming.noDataMicroBatches.enabled": "false"}
    now = Trigger(triggers.AVAILABLE_NOW)
    rig.start(source, "noop", trigger=now, checkpoint=tmp_path, conf=conf).await_termination(10)
    source.add(("a", 30_000))
    rig.start(source, "noop", trigger=now, checkpoint=tmp_path, conf=conf).await_termination(10)
    assert seen.watermarks == [(0, 0), (10_000, 0), (20_000, 10_000)]
    # The same for a batch that is run again.
    (tmp_path / "commits" / "2").unlink()
    rig.start(source, "noop", trigger=now, checkpoint=tmp_path, conf=conf).await_termination(10)
    assert seen.watermarks[3:] == [(20_000, 10_000)]
    assert (tmp_path / "commits" / "2").read_text() == 'v1\n{"nextBatchWatermarkMs":30000}'
    rig.close()


def test_the_policy_of_a_checkpoint_stays(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    rig, source = Rig(), Rows(("a", 10_000))
    Seen(monkeypatch, source)
    now = Trigger(triggers.AVAILABLE_NOW)
    conf = {"spark.sql.streaming.multipleWatermarkPolicy": "max", "spark.sql.shuffle.partitions": "7"}
    rig.start(source, "noop", trigger=now, checkpoint=tmp_path, conf=conf).await_termination(10)
    source.add(("a", 20_000))
    rig.start(source, "noop", trigger=now, checkpoint=tmp_path).await_termination(10)
    newest = max(
        (tmp_path / "offsets").iterdir(), key=lambda path: int(path.name) if path.name.isdigit() else -1
    )
    assert '"spark.sql.streaming.multipleWatermarkPolicy":"max"' in newest.read_text()
    assert '"spark.sql.shuffle.partitions":"7"' in newest.read_text()
    rig.close()


def test_the_mean_of_event_times() -> None:
    """Known difference: Spark keeps a mean while it reads, and comes to 2004-05-17T16:40:16.124Z."""
    import datetime

    from lightstream.sql import SparkSession
    from lightstream.testing import StreamTest, memory_stream

    session = SparkSession.builder.create()
    events = memory_stream("ts timestamp", session)
    with StreamTest(events.df.withWatermark("ts", "30 seconds").distinct()) as test:
        at = [(2, 40, 0), None, (2, 40, 0), (2, 40, 0), (2, 44, 32), None, None, (2, 37, 37)]
        day = datetime.datetime(2025, 1, 1, tzinfo=datetime.UTC)
        events.add_data(
            *((None if t is None else day.replace(hour=t[0], minute=t[1], second=t[2]),) for t in at)
        )
        assert test.run_batch().eventTime["avg"] == "2004-05-17T16:40:16.125Z"
    session.stop()

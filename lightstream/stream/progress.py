"""What a query reports about each trigger: the numbers of `StreamingQueryProgress`, in the form of Spark's JSON."""

from __future__ import annotations

import contextlib
import datetime
import json
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any

from lightstream.dataclass import dataclass

if TYPE_CHECKING:
    from lightstream.clock import Clock
    from lightstream.operators.contract import EventTimeStats, StateMetrics

_EPOCH = datetime.datetime(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class SourceReport:
    """One source in one trigger; offsets are JSON text, None before the first."""

    description: str
    start: str | None
    end: str | None
    rows: int = 0
    latest: str | None = None
    metrics: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TriggerReport:
    """What one trigger did. An idle trigger has `executed` False and the id of the batch that is to come."""

    batch_id: int
    executed: bool
    sources: tuple[SourceReport, ...]
    sink: str
    output_rows: int  # -1 when the sink does not tell
    state: tuple[StateMetrics, ...] = ()
    event_times: tuple[EventTimeStats, ...] = ()
    watermark_ms: int | None = None  # None for a plan without watermark
    metrics: dict[str, dict[str, Any]] = field(default_factory=dict)


class ProgressReporter:
    """Times the parts of triggers and keeps the most recent reports of one run of a query."""

    def __init__(
        self, query_id: str, run_id: str, name: str | None, clock: Clock, retained: int, idle_interval_ms: int
    ) -> None:
        self._identity = {"id": query_id, "runId": run_id, "name": name}
        self._clock = clock
        self._idle_interval_ms = idle_interval_ms
        # Spark drops the oldest as soon as there are as many as it may retain.
        self._recent: deque[dict[str, Any]] = deque(maxlen=max(retained - 1, 0))
        self._lock = threading.Lock()
        self._durations: dict[str, int] = {}
        self._start_ms = -1
        self._previous_start_ms = -1
        self._last_entry_ms: int | None = None

    @property
    def start_ms(self) -> int:
        """Return when the current trigger started."""
        return self._start_ms

    def recent(self) -> list[dict[str, Any]]:
        """Return the retained reports, oldest first."""
        with self._lock:
            return list(self._recent)

    def start_trigger(self) -> None:
        """Begin a trigger."""
        self._previous_start_ms, self._start_ms = self._start_ms, self._clock.now_ms()
        self._durations = {}

    @contextlib.contextmanager
    def timed(self, part: str) -> Iterator[None]:
        """Add the time of a block to a part of the trigger (a key of `durationMs`)."""
        started_ms = self._clock.now_ms()
        try:
            yield
        finally:
            elapsed_ms = self._clock.now_ms() - started_ms
            self._durations[part] = self._durations.get(part, 0) + max(elapsed_ms, 0)

    def finish(self, report: TriggerReport) -> dict[str, Any]:
        """Report a trigger that ran a batch."""
        record = self._record(report)
        with self._lock:
            self._recent.append(record)
        self._last_entry_ms = self._clock.now_ms()
        return record

    def finish_idle(self, report: TriggerReport) -> bool:
        """Report a trigger that found nothing to do, if it is time to; return whether listeners are to be told.

        Spark: the first trigger of a run is reported at once, but not to listeners; after that, one each
        `noDataProgressEventInterval` without a batch.
        """
        now_ms = self._clock.now_ms()
        first = self._last_entry_ms is None
        if self._last_entry_ms is not None and now_ms - self._last_entry_ms < self._idle_interval_ms:
            return False
        record = self._record(report)
        with self._lock:
            self._recent.append(record)
        self._last_entry_ms = now_ms
        return not first

    def next_idle_ms(self) -> int:
        """Return when the next idle report is due."""
        return (self._last_entry_ms or 0) + self._idle_interval_ms

    def _record(self, report: TriggerReport) -> dict[str, Any]:
        end_ms = self._clock.now_ms()
        batch_ms = max(end_ms - self._start_ms, 0)
        processed_s = max(batch_ms, 1) / 1000
        # The first trigger of a run has no rate of arrival.
        waited_s = (
            max(self._start_ms - self._previous_start_ms, 1) / 1000 if self._previous_start_ms >= 0 else None
        )

        def rates(rows: int) -> dict[str, Any]:
            return {
                "numInputRows": rows,
                "inputRowsPerSecond": 0.0 if waited_s is None else rows / waited_s,
                "processedRowsPerSecond": rows / processed_s,
            }

        record: dict[str, Any] = {
            **self._identity,
            "timestamp": iso_text(self._start_ms),
            "batchId": report.batch_id,
            "batchDuration": batch_ms,
            **rates(sum(source.rows for source in report.sources)),
            "durationMs": dict(sorted(self._durations.items())),
        }
        event_time = _event_time(report)
        if event_time:
            record["eventTime"] = event_time
        record["stateOperators"] = [_state_operator(metrics, report.executed) for metrics in report.state]
        record["sources"] = [
            {
                "description": source.description,
                "startOffset": _offset(source.start),
                "endOffset": _offset(source.end),
                "latestOffset": _offset(source.latest),
                **rates(source.rows),
                **({"metrics": dict(sorted(source.metrics.items()))} if source.metrics else {}),
            }
            for source in report.sources
        ]
        record["sink"] = {"description": report.sink, "numOutputRows": report.output_rows}
        if report.metrics:
            record["observedMetrics"] = dict(sorted(report.metrics.items()))
        return record


def rounded(record: dict[str, Any]) -> dict[str, Any]:
    """Return a report with its rates to one decimal, as Spark's JSON has them."""
    return {
        **record,
        **_rounded_rates(record),
        "sources": [{**source, **_rounded_rates(source)} for source in record["sources"]],
    }


def _rounded_rates(part: dict[str, Any]) -> dict[str, float]:
    return {key: round(part[key], 1) for key in ("inputRowsPerSecond", "processedRowsPerSecond")}


def iso_text(timestamp_ms: int) -> str:
    """Return a time as Spark's reports write it.

    >>> iso_text(1735689600000)
    '2025-01-01T00:00:00.000Z'
    """
    try:
        text = (_EPOCH + datetime.timedelta(milliseconds=timestamp_ms)).isoformat(timespec="milliseconds")
    except OverflowError:  # a year that Python has not
        from lightstream.execute.show import civil

        days, rest = divmod(timestamp_ms, 86_400_000)
        year, month, day = civil(days)
        clock = datetime.datetime(2000, 1, 1) + datetime.timedelta(milliseconds=rest)
        sign = "+" if year > 9999 else "-" if year < 0 else ""
        text = f"{sign}{abs(year):04}-{month:02}-{day:02}T{clock.time().isoformat(timespec='milliseconds')}"
    return text + "Z"


def _event_time(report: TriggerReport) -> dict[str, str]:
    if report.watermark_ms is None:
        return {}
    found: dict[str, str] = {}
    # Spark: with several watermarks, those of the first that had rows.
    for stats in report.event_times:
        if stats.min_ms is not None and stats.max_ms is not None and stats.avg_ms is not None:
            found = {
                "avg": iso_text(stats.avg_ms),
                "max": iso_text(stats.max_ms),
                "min": iso_text(stats.min_ms),
            }
            break
    return {**found, "watermark": iso_text(report.watermark_ms)}


def _state_operator(metrics: StateMetrics, executed: bool) -> dict[str, Any]:
    # An idle trigger repeats what the state holds and did nothing to it.
    record: dict[str, Any] = {
        "operatorName": metrics.operator_name,
        "numRowsTotal": metrics.rows_total,
        "numRowsUpdated": metrics.rows_updated if executed else 0,
        "allUpdatesTimeMs": metrics.updates_time_ms if executed else 0,
        "numRowsRemoved": metrics.rows_removed if executed else 0,
        "allRemovalsTimeMs": metrics.removals_time_ms if executed else 0,
        "commitTimeMs": metrics.commit_time_ms if executed else 0,
        "memoryUsedBytes": metrics.memory_used_bytes,
        "numRowsDroppedByWatermark": metrics.rows_dropped_by_watermark if executed else 0,
        "numShufflePartitions": 1,
        "numStateStoreInstances": 1,
    }
    if metrics.custom:
        record["customMetrics"] = dict(sorted(metrics.custom.items()))
    return record


def _offset(text: str | None) -> Any:
    return None if text is None else json.loads(text)

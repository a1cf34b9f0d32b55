"""When batches start: the kinds of trigger and the arithmetic of processing time."""

from __future__ import annotations

from lightstream.dataclass import dataclass
from lightstream.errors import AnalysisException, IllegalArgumentException, PySparkException
from lightstream.functions.interval_text import parse_interval

PROCESSING_TIME = "processingTime"
ONCE = "once"
AVAILABLE_NOW = "availableNow"
CONTINUOUS = "continuous"
REAL_TIME = "realTime"


@dataclass(frozen=True, slots=True)
class Trigger:
    """What starts batches; `interval_ms` 0 is "back to back, whenever there is data"."""

    kind: str = PROCESSING_TIME
    interval_ms: int = 0

    @property
    def ignores_limits(self) -> bool:
        """Return whether a batch takes everything, whatever maxFilesPerTrigger says."""
        return self.kind == ONCE

    @property
    def ends(self) -> bool:
        """Return whether the query ends by itself."""
        return self.kind in (ONCE, AVAILABLE_NOW)


def trigger_of(kind: str, text: str | None = None) -> Trigger:
    """Return the trigger of a kind; `text` is its interval.

    Raises:
        IllegalArgumentException: the interval cannot be parsed, has months, or is negative.
    """
    if text is None:
        return Trigger(kind)
    interval = parse_interval(text)
    if interval.months:
        raise IllegalArgumentException(
            "_LEGACY_ERROR_TEMP_3262",
            f"Doesn't support month or year interval: {text}",
            parameters={"interval": text},
        )
    interval_ms = interval.days * 86_400_000 + interval.us // 1000
    if interval_ms < 0:
        raise IllegalArgumentException(
            None, "requirement failed: the interval of trigger should not be negative"
        )
    return Trigger(kind, interval_ms)


def next_start_ms(start_ms: int, interval_ms: int) -> int:
    """Return when the trigger after one that started at `start_ms` is due: the next multiple since 1970.

    >>> next_start_ms(4_500, 2_000), next_start_ms(4_000, 2_000)
    (6000, 6000)
    """
    return start_ms // interval_ms * interval_ms + interval_ms


def refuse(trigger: Trigger, output_mode: str, sink: str) -> PySparkException | None:
    """Return the error for a trigger that cannot run here, None when it can.

    Spark: continuous and real-time execution keep tasks running between batches. Spark itself refuses both for files.
    """
    if trigger.kind == CONTINUOUS:
        if sink == "foreachBatch":
            return AnalysisException(
                "_LEGACY_ERROR_TEMP_1195",
                "'foreachBatch' is not supported with continuous trigger.",
                parameters={"source": sink},
            )
        return AnalysisException(
            "_LEGACY_ERROR_TEMP_3102",
            "Continuous processing does not support StreamingRelation operations.;\nlightstream runs micro-batches "
            "only: use trigger(processingTime=...), whose default starts a batch as soon as data arrives.",
        )
    if trigger.kind == REAL_TIME:
        if sink not in ("console", "foreach"):
            return IllegalArgumentException(
                "STREAMING_REAL_TIME_MODE.OPERATOR_OR_SINK_NOT_IN_ALLOWLIST",
                f"Streaming real-time mode does not support the sink {sink}.",
                sqlstate="0A000",
                parameters={"errorType": "sink(s)", "errors": sink},
            )
        if trigger.interval_ms < 5000:
            return IllegalArgumentException(
                "INVALID_STREAMING_REAL_TIME_MODE_TRIGGER_INTERVAL",
                f"The real-time trigger interval is {trigger.interval_ms} ms, below the minimum of 5000 ms.",
                sqlstate="22023",
                parameters={"interval": str(trigger.interval_ms), "minBatchDuration": "5000"},
            )
        if output_mode.lower() != "update":
            return AnalysisException(
                "STREAMING_REAL_TIME_MODE.OUTPUT_MODE_NOT_SUPPORTED",
                f"Streaming real-time mode does not support the output mode {output_mode.capitalize()}. "
                "Set it to Update.",
                sqlstate="0A000",
                parameters={"outputMode": output_mode.capitalize()},
            )
        return AnalysisException(
            "STREAMING_REAL_TIME_MODE.INPUT_STREAM_NOT_SUPPORTED",
            "Streaming real-time mode does not support these sources. lightstream runs micro-batches only: use "
            "trigger(processingTime=...), whose default starts a batch as soon as data arrives.",
            sqlstate="0A000",
            parameters={"className": "lightstream"},
        )
    return None

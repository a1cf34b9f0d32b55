"""`pyspark.sql.streaming.state`: the state of one group, for `applyInPandasWithState`."""

from __future__ import annotations

import datetime
from typing import Any

from lightstream.errors import PySparkRuntimeError, PySparkTypeError, PySparkValueError

__all__ = ["GroupState", "GroupStateTimeout"]


class GroupStateTimeout:
    """When the state of a group without new rows times out."""

    NoTimeout: str = "NoTimeout"
    ProcessingTimeTimeout: str = "ProcessingTimeTimeout"
    EventTimeTimeout: str = "EventTimeTimeout"


class GroupState:
    """What a function keeps for one group from call to call. Made by lightstream, valid during one call."""

    NO_TIMESTAMP: int = -1

    def __init__(
        self,
        optionalValue: Any,
        batchProcessingTimeMs: int,
        eventTimeWatermarkMs: int,
        timeoutConf: str,
        hasTimedOut: bool,
        watermarkPresent: bool,
        defined: bool,
        updated: bool,
        removed: bool,
        timeoutTimestamp: int,
        keyAsUnsafe: bytes,
        valueSchema: Any,
    ) -> None:
        self._value = optionalValue
        self._batch_processing_time_ms = batchProcessingTimeMs
        self._event_time_watermark_ms = eventTimeWatermarkMs
        self._timeout_conf = timeoutConf
        self._has_timed_out = hasTimedOut
        self._watermark_present = watermarkPresent
        self._defined = defined
        self._updated = updated
        self._removed = removed
        self._timeout_timestamp = timeoutTimestamp
        self._value_schema = valueSchema

    @property
    def exists(self) -> bool:
        """Return whether there is a value."""
        return self._defined

    @property
    def get(self) -> tuple[Any, ...]:
        """Return the value.

        Raises:
            PySparkValueError: STATE_NOT_EXISTS.
        """
        if not self.exists:
            raise PySparkValueError(
                "STATE_NOT_EXISTS", "State is either not defined or has already been removed."
            )
        return tuple(self._value)

    @property
    def getOption(self) -> tuple[Any, ...] | None:
        """Return the value, or None where there is none."""
        return tuple(self._value) if self.exists else None

    @property
    def hasTimedOut(self) -> bool:
        """Return whether the function is called because the group's time is up, without rows."""
        return self._has_timed_out

    def update(self, newValue: Any) -> None:
        """Set the value: a tuple of the state's fields.

        Raises:
            PySparkTypeError: CANNOT_BE_NONE.
        """
        if newValue is None:
            raise PySparkTypeError(
                "CANNOT_BE_NONE",
                "Argument `newValue` cannot be None.",
                parameters={"arg_name": "newValue"},
            )
        self._value = tuple(map(python_value, newValue))
        self._defined, self._updated, self._removed = True, True, False

    def remove(self) -> None:
        """Remove the value."""
        self._defined, self._updated, self._removed = False, False, True

    def setTimeoutDuration(self, durationMs: int) -> None:
        """Let the group time out so many milliseconds after this batch's processing time.

        Raises:
            PySparkTypeError: a text was given.
            PySparkRuntimeError: CANNOT_WITHOUT, the timeouts are not those of processing time.
            PySparkValueError: VALUE_NOT_POSITIVE.
        """
        if isinstance(durationMs, str):
            raise PySparkTypeError(
                "NOT_EXPECTED_TYPE",
                "Argument `durationMs` should be an int, got str.",
                parameters={"expected_type": "int", "arg_name": "durationMs", "arg_type": "str"},
            )
        if self._timeout_conf != GroupStateTimeout.ProcessingTimeTimeout:
            raise _without_timeouts()
        if durationMs <= 0:
            raise _not_positive("durationMs", durationMs)
        self._timeout_timestamp = durationMs + self._batch_processing_time_ms

    def setTimeoutTimestamp(self, timestampMs: int | datetime.datetime) -> None:
        """Let the group time out when the watermark has passed a time, in milliseconds since 1970.

        Raises:
            PySparkRuntimeError: CANNOT_WITHOUT, the timeouts are not those of event time.
            PySparkValueError: VALUE_NOT_POSITIVE; INVALID_TIMEOUT_TIMESTAMP, it is before the watermark.
        """
        if self._timeout_conf != GroupStateTimeout.EventTimeTimeout:
            raise _without_timeouts()
        if isinstance(timestampMs, datetime.datetime):
            timestampMs = int(timestampMs.timestamp() * 1000)
        if timestampMs <= 0:
            raise _not_positive("timestampMs", timestampMs)
        if timestampMs < self._event_time_watermark_ms != GroupState.NO_TIMESTAMP:
            raise PySparkValueError(
                "INVALID_TIMEOUT_TIMESTAMP",
                f"Timeout timestamp ({timestampMs}) cannot be earlier than the current watermark "
                f"({self._event_time_watermark_ms}).",
                parameters={"timestamp": str(timestampMs), "watermark": str(self._event_time_watermark_ms)},
            )
        self._timeout_timestamp = int(timestampMs)

    def getCurrentWatermarkMs(self) -> int:
        """Return the batch's watermark in milliseconds since 1970.

        Raises:
            PySparkRuntimeError: CANNOT_WITHOUT, the query has none.
        """
        if not self._watermark_present:
            raise PySparkRuntimeError(
                "CANNOT_WITHOUT",
                "Cannot get event time watermark timestamp without setting watermark before applyInPandasWithState.",
                parameters={
                    "condition1": "get event time watermark timestamp",
                    "condition2": "setting watermark before applyInPandasWithState",
                },
            )
        return self._event_time_watermark_ms

    def getCurrentProcessingTimeMs(self) -> int:
        """Return the batch's processing time in milliseconds since 1970: the same for a batch that is run again."""
        return self._batch_processing_time_ms

    def __str__(self) -> str:
        return f"GroupState({self.get})" if self.exists else "GroupState(<undefined>)"


def python_value(value: Any) -> Any:
    """Return a value of NumPy or pandas as Python's own."""
    if hasattr(value, "to_pytimedelta"):
        return value.to_pytimedelta()
    if hasattr(value, "to_pydatetime"):
        return value.to_pydatetime()
    if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, list):
        return [python_value(item) for item in value]
    return value


def _without_timeouts() -> PySparkRuntimeError:
    what, needs = "set timeout duration", "enabling processing time timeout in applyInPandasWithState"
    return PySparkRuntimeError(
        "CANNOT_WITHOUT",
        f"Cannot {what} without {needs}.",
        parameters={"condition1": what, "condition2": needs},
    )


def _not_positive(name: str, value: Any) -> PySparkValueError:
    return PySparkValueError(
        "VALUE_NOT_POSITIVE",
        f"Value for `{name}` must be positive, got '{value}'.",
        parameters={"arg_name": name, "arg_value": type(value).__name__},
    )

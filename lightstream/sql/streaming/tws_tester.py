"""`pyspark.sql.streaming.tws_tester`: a StatefulProcessor tried without a query."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from lightstream.errors import IllegalArgumentException, PySparkAssertionError, PySparkValueError
from lightstream.plan import types as t
from lightstream.sql.row import Row
from lightstream.sql.streaming.processor_state import (
    EVENT_TIME,
    NONE,
    PROCESSING_TIME,
    TIMERS,
    ProcessorState,
    Variable,
)
from lightstream.sql.streaming.stateful_processor import (
    ExpiredTimerInfo,
    ListState,
    MapState,
    StatefulProcessor,
    StatefulProcessorHandle,
    TimerValues,
    ValueState,
)

__all__ = ["TwsTester"]


class _MemoryState(ProcessorState):
    """State in memory, of keys that get their numbers as they come. Spark: no value expires."""

    def __init__(self, time_mode: str) -> None:
        super().__init__(time_mode, 0)
        self.numbers: dict[Any, int] = {}
        self.variables: dict[str, Variable] = {}
        self.watermark_ms = 0

    def choose(self, key: Any) -> None:
        """Go to a key."""
        self.current = self.numbers.setdefault(key, len(self.numbers))

    def variable(
        self, kind: str, name: str, schemas: tuple[t.StructType | str, ...], ttl_ms: int | None
    ) -> Variable:
        """Define a state variable."""
        self.variables[name] = super().variable(kind, name, schemas, None)
        return self.variables[name]

    def rows(self, table: str) -> list[tuple[Any, ...]]:
        """Return the rows of the current key in a table."""
        return self._rows.setdefault(table, {}).get(self.current, [])

    def register_timer(self, expiry_ms: int) -> None:
        """Register a timer of the current key.

        Raises:
            IllegalArgumentException: the watermark has passed it.
        """
        if self._time_mode == EVENT_TIME and expiry_ms <= self.watermark_ms:
            raise IllegalArgumentException(
                message=f"Cannot register timer with expiry {expiry_ms} ms which is not later than the current "
                f"watermark {self.watermark_ms} ms."
            )
        super().register_timer(expiry_ms)

    def keys_with_timers(self) -> list[Any]:
        """Return the keys that have timers, in the order in which these came."""
        keys = {number: key for key, number in self.numbers.items()}
        return [keys[number] for number, rows in self._rows.get(TIMERS, {}).items() if rows]

    def _check_timers(self, what: str, failed: str) -> None:
        if self._time_mode == NONE:
            raise _unsupported("Timers with TimeMode.None")


class TwsTester:
    """Calls a processor with the rows of a key, and shows and sets its state.

    Nothing moves by itself: no value expires, and time and watermark are those that were set.

    Args:
        processor: The processor, whose `init` is called.
        initialStateRow: The initial state, as pairs of a key and a Row.
        initialStatePandas: The same for a processor of frames, as pairs of a key and a frame.
        timeMode: None, ProcessingTime or EventTime.
        outputMode: Taken and not used, as in Spark.
        eventTimeExtractor: Returns the event time of a row in milliseconds. Rows that are late are left out by it.

    Raises:
        PySparkValueError: ARGUMENT_REQUIRED, event time without an extractor.
    """

    def __init__(
        self,
        processor: StatefulProcessor,
        initialStateRow: list[tuple[Any, Row]] | None = None,
        initialStatePandas: list[tuple[Any, Any]] | None = None,
        timeMode: str = "None",
        outputMode: str = "Append",
        eventTimeExtractor: Callable[[Any], int] | None = None,
    ) -> None:
        self.processor = processor
        self._time_mode = timeMode.lower()
        self._event_time = eventTimeExtractor
        self._now_ms = 0
        assert self._time_mode in (NONE, PROCESSING_TIME, EVENT_TIME)
        if self._time_mode == EVENT_TIME and eventTimeExtractor is None:
            raise PySparkValueError(
                "ARGUMENT_REQUIRED",
                "Argument `eventTimeExtractor` is required when timeMode is EventTime.",
                parameters={"arg_name": "eventTimeExtractor", "condition": "timeMode is EventTime"},
            )
        assert initialStateRow is None or initialStatePandas is None, (
            "Cannot specify both Row and Pandas initial states."
        )
        self._state = _MemoryState(self._time_mode)
        self.handle = StatefulProcessorHandle(self._state)
        processor.init(self.handle)
        self._state.initializing = False
        self._uses_frames = initialStatePandas is not None
        for key, part in initialStateRow or initialStatePandas or ():
            self._state.choose(key)
            processor.handleInitialState((key,), part, self._times())

    def test(self, key: Any, input: list[Row]) -> list[Row]:
        """Return what comes out for the rows of a key."""
        self._uses_frames = False
        found: list[Row] = self._handled(key, [row for row in input if self._is_in_time(row)])
        return found

    def testInPandas(self, key: Any, input: Any) -> Any:
        """Return what comes out for the rows of a key, which are a frame, as a frame."""
        self._uses_frames = True
        if self._time_mode == EVENT_TIME:
            input = input[input.apply(self._is_in_time, axis=1)].reset_index(drop=True)
        return self._handled(key, [input])

    def setProcessingTime(self, currentTimeMs: int) -> Any:
        """Set the time, in milliseconds since 1970, and return what comes out for the timers that it has reached.

        Raises:
            PySparkValueError: the time mode is another one.
            IllegalArgumentException: it does not move forward.
        """
        if self._time_mode != PROCESSING_TIME:
            raise _unsupported("setProcessingTime with TimeMode other than ProcessingTime")
        _check_forward("Processing time", self._now_ms, currentTimeMs)
        self._now_ms = currentTimeMs
        return self._expired(currentTimeMs)

    def setWatermark(self, currentWatermarkMs: int) -> Any:
        """Set the watermark, in milliseconds since 1970, and return what comes out for the timers that it has reached.

        Raises:
            PySparkValueError: the time mode is another one.
            IllegalArgumentException: it does not move forward.
        """
        if self._time_mode != EVENT_TIME:
            raise _unsupported("setWatermark with TimeMode other than EventTime")
        _check_forward("Watermark", self._state.watermark_ms, currentWatermarkMs)
        self._state.watermark_ms = currentWatermarkMs
        return self._expired(currentWatermarkMs)

    # ---- state --------------------------------------------------------------------------------------------------

    def updateValueState(self, stateName: str, key: Any, value: tuple[Any, ...]) -> None:
        """Set a key's value."""
        ValueState(self._variable(stateName, key, "value")).update(value)

    def peekValueState(self, stateName: str, key: Any) -> tuple[Any, ...] | None:
        """Return a key's value, None where there is none."""
        return ValueState(self._variable(stateName, key, "value")).get()

    def updateListState(self, stateName: str, key: Any, value: list[tuple[Any, ...]]) -> None:
        """Set a key's list."""
        variable = self._variable(stateName, key, "list")
        variable.put([variable.row(one) for one in value])

    def peekListState(self, stateName: str, key: Any) -> list[tuple[Any, ...]]:
        """Return a key's list."""
        return list(ListState(self._variable(stateName, key, "list")).get())

    def updateMapState(self, stateName: str, key: Any, value: dict[Any, Any]) -> None:
        """Set a key's map."""
        variable = self._variable(stateName, key, "map")
        variable.put([variable.row(*entry) for entry in value.items()])

    def peekMapState(self, stateName: str, key: Any) -> dict[Any, Any]:
        """Return a key's map."""
        return dict(MapState(self._variable(stateName, key, "map")).iterator())

    def deleteState(self, stateName: str, key: Any) -> None:
        """Remove what a variable has for a key.

        Raises:
            PySparkAssertionError: STATE_NOT_EXISTS, there is no such variable.
        """
        if stateName not in self._state.definitions:
            raise PySparkAssertionError(
                "STATE_NOT_EXISTS", "State is either not defined or has already been removed."
            )
        self._state.choose(key)
        self._state.variables[stateName].remove([])

    def _variable(self, name: str, key: Any, kind: str) -> Variable:
        definition = self._state.definitions.get(name)
        assert definition is not None and definition.kind == kind, f"State {name} has not been initialized."
        self._state.choose(key)
        return self._state.variables[name]

    # ---- calls --------------------------------------------------------------------------------------------------

    def _handled(self, key: Any, parts: list[Any]) -> Any:
        self._state.choose(key)
        return self._output(self.processor.handleInputRows((key,), iter(parts), self._times()))

    def _expired(self, reached_ms: int) -> Any:
        found: list[Any] = []
        for key in self._state.keys_with_timers():
            self._state.choose(key)
            for expiry_ms in self._state.timers():
                if expiry_ms <= reached_ms:
                    info = ExpiredTimerInfo(expiry_ms)
                    found.extend(self.processor.handleExpiredTimer((key,), self._times(), info))
                    self._state.delete_timer(expiry_ms)
        return self._output(found)

    def _output(self, made: Iterable[Any]) -> Any:
        found = list(made)
        if not self._uses_frames:
            return found
        import pandas

        return pandas.concat(found, ignore_index=True) if found else pandas.DataFrame()

    def _times(self) -> TimerValues:
        if self._time_mode == NONE:
            return TimerValues()
        return TimerValues(self._now_ms, self._state.watermark_ms if self._time_mode == EVENT_TIME else -1)

    def _is_in_time(self, row: Any) -> bool:
        if self._time_mode != EVENT_TIME or self._event_time is None:
            return True
        return bool(self._event_time(row) > self._state.watermark_ms)


def _check_forward(what: str, before_ms: int, now_ms: int) -> None:
    if now_ms <= before_ms:
        raise IllegalArgumentException(
            message=f"{what} must move forward. Current: {before_ms} ms, provided: {now_ms} ms."
        )


def _unsupported(operation: str) -> PySparkValueError:
    return PySparkValueError(
        "UNSUPPORTED_OPERATION", f"{operation} is not supported.", parameters={"operation": operation}
    )

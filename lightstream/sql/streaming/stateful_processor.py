"""`pyspark.sql.streaming.stateful_processor`: what `transformWithState` calls, and what it keeps for each group."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lightstream.plan.types import StructType
    from lightstream.sql.streaming.processor_state import ProcessorState, Variable

__all__ = [
    "ExpiredTimerInfo",
    "ListState",
    "MapState",
    "StatefulProcessor",
    "StatefulProcessorHandle",
    "TimerValues",
    "ValueState",
]


class ValueState:
    """One value for each group."""

    def __init__(self, variable: Variable) -> None:
        self._variable = variable

    def exists(self) -> bool:
        """Return whether there is a value."""
        return bool(self._variable.rows())

    def get(self) -> tuple[Any, ...] | None:
        """Return the value, None where there is none."""
        rows = self._variable.rows()
        return rows[0][0] if rows else None

    def update(self, newValue: tuple[Any, ...]) -> None:
        """Set the value."""
        self._variable.put([self._variable.row(newValue)])

    def clear(self) -> None:
        """Remove the value."""
        self._variable.remove([])


class ListState:
    """A list of values for each group."""

    def __init__(self, variable: Variable) -> None:
        self._variable = variable

    def exists(self) -> bool:
        """Return whether there are values."""
        return bool(self._variable.rows())

    def get(self) -> Iterator[tuple[Any, ...]]:
        """Return the values."""
        return iter([row[0] for row in self._variable.rows()])

    def put(self, newState: list[tuple[Any, ...]]) -> None:
        """Set the values.

        Raises:
            PySparkRuntimeError: there are none.
        """
        if not newState:
            raise self._variable.refuse_empty()
        self._variable.put([self._variable.row(value) for value in newState], len(newState))

    def appendValue(self, newState: tuple[Any, ...]) -> None:
        """Add a value."""
        self.appendList([newState])

    def appendList(self, newState: list[tuple[Any, ...]]) -> None:
        """Add values.

        Raises:
            PySparkRuntimeError: there are none.
        """
        if not newState:
            raise self._variable.refuse_empty()
        new = [self._variable.row(value) for value in newState]
        self._variable.put([*self._variable.rows(), *new], len(new))

    def clear(self) -> None:
        """Remove all values."""
        self._variable.remove([])


class MapState:
    """Values by key for each group."""

    def __init__(self, variable: Variable) -> None:
        self._variable = variable

    def exists(self) -> bool:
        """Return whether there are values."""
        return bool(self._variable.rows())

    def getValue(self, key: tuple[Any, ...]) -> tuple[Any, ...] | None:
        """Return a key's value, None where there is none."""
        wanted = self._variable.normal(key, 0)
        return next((row[1] for row in self._variable.rows() if row[0] == wanted), None)

    def containsKey(self, key: tuple[Any, ...]) -> bool:
        """Return whether a key has a value."""
        wanted = self._variable.normal(key, 0)
        return any(row[0] == wanted for row in self._variable.rows())

    def updateValue(self, key: tuple[Any, ...], value: tuple[Any, ...]) -> None:
        """Set a key's value."""
        new = self._variable.row(key, value)
        self._variable.put([*(row for row in self._variable.rows() if row[0] != new[0]), new])

    def iterator(self) -> Iterator[tuple[tuple[Any, ...], tuple[Any, ...]]]:
        """Return keys and values."""
        return iter([(row[0], row[1]) for row in self._variable.rows()])

    def keys(self) -> Iterator[tuple[Any, ...]]:
        """Return the keys."""
        return iter([row[0] for row in self._variable.rows()])

    def values(self) -> Iterator[tuple[Any, ...]]:
        """Return the values."""
        return iter([row[1] for row in self._variable.rows()])

    def removeKey(self, key: tuple[Any, ...]) -> None:
        """Remove a key and its value."""
        wanted = self._variable.normal(key, 0)
        self._variable.remove([row for row in self._variable.rows() if row[0] != wanted])

    def clear(self) -> None:
        """Remove all keys."""
        self._variable.remove([], len(self._variable.rows()))


class TimerValues:
    """The times of a batch in milliseconds since 1970; -1 where the time mode has none."""

    def __init__(self, currentProcessingTimeInMs: int = -1, currentWatermarkInMs: int = -1) -> None:
        self._processing_time_ms = currentProcessingTimeInMs
        self._watermark_ms = currentWatermarkInMs

    def getCurrentProcessingTimeInMs(self) -> int:
        """Return the batch's processing time."""
        return self._processing_time_ms

    def getCurrentWatermarkInMs(self) -> int:
        """Return the batch's watermark."""
        return self._watermark_ms


class ExpiredTimerInfo:
    """A timer whose time has come."""

    def __init__(self, expiryTimeInMs: int = -1) -> None:
        self._expiry_ms = expiryTimeInMs

    def getExpiryTimeInMs(self) -> int:
        """Return the time that it was registered for, in milliseconds since 1970."""
        return self._expiry_ms


class StatefulProcessorHandle:
    """What a processor is given in `init`: its state variables, and the timers of the group that is being handled.

    Args:
        state: the state of the groups of a batch.
    """

    def __init__(self, state: ProcessorState) -> None:
        self._state = state

    def getValueState(
        self, stateName: str, schema: StructType | str, ttlDurationMs: int | None = None
    ) -> ValueState:
        """Return a state variable of one value; to be called in `init`.

        Raises:
            PySparkRuntimeError: it is called elsewhere, or the name is taken.
        """
        return ValueState(self._state.variable("value", stateName, (schema,), ttlDurationMs))

    def getListState(
        self, stateName: str, schema: StructType | str, ttlDurationMs: int | None = None
    ) -> ListState:
        """Return a state variable of a list; to be called in `init`.

        Raises:
            PySparkRuntimeError: it is called elsewhere, or the name is taken.
        """
        return ListState(self._state.variable("list", stateName, (schema,), ttlDurationMs))

    def getMapState(
        self,
        stateName: str,
        userKeySchema: StructType | str,
        valueSchema: StructType | str,
        ttlDurationMs: int | None = None,
    ) -> MapState:
        """Return a state variable of values by key; to be called in `init`.

        Raises:
            PySparkRuntimeError: it is called elsewhere, or the name is taken.
        """
        return MapState(self._state.variable("map", stateName, (userKeySchema, valueSchema), ttlDurationMs))

    def registerTimer(self, expiryTimestampMs: int) -> None:
        """Let `handleExpiredTimer` be called for the group when a time has come, in milliseconds since 1970."""
        self._state.register_timer(expiryTimestampMs)

    def deleteTimer(self, expiryTimestampMs: int) -> None:
        """Remove a timer of the group."""
        self._state.delete_timer(expiryTimestampMs)

    def listTimers(self) -> Iterator[int]:
        """Return the group's timers, in milliseconds since 1970."""
        return iter(self._state.timers())

    def deleteIfExists(self, stateName: str) -> None:
        """Remove a state variable of an earlier run of the query, with all its values; to be called in `init`."""
        self._state.delete_variable(stateName)


class StatefulProcessor(ABC):
    """What a program implements for `transformWithState` (with Rows) and `transformWithStateInPandas` (with frames).

    For each batch a copy of the processor is made and given a handle by `init`; then its groups are handled, then the
    timers whose time has come, then it is closed.
    """

    @abstractmethod
    def init(self, handle: StatefulProcessorHandle) -> None:
        """Ask the handle for the state variables."""

    @abstractmethod
    def handleInputRows(self, key: Any, rows: Any, timerValues: TimerValues) -> Iterator[Any]:
        """Handle a group's rows, an iterator; return an iterator of what comes out."""

    def handleExpiredTimer(
        self, key: Any, timerValues: TimerValues, expiredTimerInfo: ExpiredTimerInfo
    ) -> Iterator[Any]:
        """Handle a timer; return an iterator of what comes out."""
        return iter([])

    def close(self) -> None:  # noqa: B027
        """Clean up after a batch."""

    def handleInitialState(self, key: Any, initialState: Any, timerValues: TimerValues) -> None:  # noqa: B027
        """Take a group's part of the initial state; in the first batch, before the group's rows."""

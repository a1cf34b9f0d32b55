"""Values that a program shares with its functions (`sc.broadcast`, `sc.accumulator`): one process, and no copy."""

from __future__ import annotations

from abc import ABC, abstractmethod
from threading import Lock
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Broadcast(Generic[T]):
    """A value for functions to read."""

    def __init__(self, value: T) -> None:
        self._value = value

    @property
    def value(self) -> T:
        """The value."""
        return self._value

    def unpersist(self, blocking: bool = False) -> None:
        """Do nothing: the value is held once."""

    def destroy(self, blocking: bool = False) -> None:
        """Do nothing: the value is held once."""


class AccumulatorParam(ABC, Generic[T]):
    """How values of a type are added up."""

    @abstractmethod
    def zero(self, value: T) -> T:
        """Return the value to begin with, for a value of the type."""

    @abstractmethod
    def addInPlace(self, value1: T, value2: T) -> T:
        """Return the sum of two values; the first may be changed."""


class _Sum(AccumulatorParam[Any]):
    def zero(self, value: Any) -> Any:
        return type(value)()

    def addInPlace(self, value1: Any, value2: Any) -> Any:
        return value1 + value2


class Accumulator(Generic[T]):
    """A value that functions add to.

    Spark: adds again what a task that is repeated adds. Here nothing is repeated but what a restarted query runs again.
    """

    def __init__(self, value: T, accum_param: AccumulatorParam[T]) -> None:
        self._value = value
        self._lock = Lock()
        self.accum_param = accum_param

    @property
    def value(self) -> T:
        """What was added up so far."""
        return self._value

    @value.setter
    def value(self, value: T) -> None:
        with self._lock:
            self._value = value

    def add(self, term: T) -> None:
        """Add a value."""
        with self._lock:
            self._value = self.accum_param.addInPlace(self._value, term)

    def __iadd__(self, term: T) -> Accumulator[T]:
        self.add(term)
        return self

    def __str__(self) -> str:
        return str(self._value)

    def __repr__(self) -> str:
        return f"Accumulator<value={self._value}>"


def accumulator(value: Any, accum_param: AccumulatorParam[Any] | None) -> Accumulator[Any]:
    """Return an accumulator; numbers need no parameter.

    Raises:
        TypeError: another value without a parameter.
    """
    if accum_param is None:
        if not isinstance(value, int | float | complex):
            raise TypeError(
                f"No default accumulator param for type {type(value).__name__}: give accum_param."
            )
        accum_param = _Sum()
    return Accumulator(value, accum_param)

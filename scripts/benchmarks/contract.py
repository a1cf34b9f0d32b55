"""What a benchmark is: contenders that do the same job, what is measured of each, and the bars to hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Values = dict[str, float]
"""What one run of one contender has measured, by name. `rows`, when there, must be the same for all contenders."""

SMALL, FULL = "small", "full"


@dataclass(frozen=True, slots=True)
class Work:
    """What a contender's program gets: input files, an empty directory for its output, and its size."""

    data: str
    scratch: str
    small: bool
    started_s: float
    """When the process was started, on the monotonic clock."""

    def path(self, *parts: str) -> str:
        """Return a path below the scratch directory."""
        return "/".join((self.scratch, *parts))

    def scaled(self, full: int, small: int) -> int:
        """Return a number of files, rows or batches by the size of the run."""
        return small if self.small else full


@dataclass(frozen=True, slots=True)
class Contender:
    """One way to do the job: a program, run in a process of its own for each round."""

    name: str
    program: Callable[..., Values]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    spark: bool = False


@dataclass(frozen=True, slots=True)
class Measure:
    """A column of the table: the values of one key in one unit (`s`, `ms`, `MB` or nothing)."""

    key: str
    label: str
    unit: str = "s"


@dataclass(frozen=True, slots=True)
class Bar:
    """`contender`'s median of `key` is at most `at_most` (times that of `to`, when given) plus `plus`."""

    text: str
    key: str
    at_most: float
    to: str | None = None
    to_key: str | None = None
    plus: float = 0.0
    contender: str = "lightstream"


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A job, its contenders and its bars."""

    letter: str
    title: str
    contenders: tuple[Contender, ...]
    measures: tuple[Measure, ...]
    bars: tuple[Bar, ...] = ()
    note: str = ""
    most_rounds: int = 100

"""What a function with state over groups is to the operator that calls it (`operators.arbitrary`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Protocol

from lightstream.dataclass import dataclass
from lightstream.plan import types as t

if TYPE_CHECKING:
    import pyarrow


@dataclass(frozen=True, slots=True)
class StateTable:
    """Rows that are kept for each key, in an order: an Arrow table of them has columns `n`, `place`, `v0`, `v1`, ...

    `counted` says whether they count as rows of the state.
    """

    name: str
    types: tuple[t.DataType, ...]
    counted: bool = True


@dataclass(frozen=True, slots=True)
class GroupBatch:
    """The groups of a batch, numbered by their keys: those with rows, and those whose state asks for a call."""

    keys: pyarrow.Table  # one row a group: `k0`, `k1`, ...
    rows: pyarrow.Table  # `n`, `c0`, `c1`, ..., by group
    initial: pyarrow.Table | None  # the same of the initial state, in the first batch of a query that has one
    state: Mapping[str, pyarrow.Table]  # by state table, by group; only `n` where nothing is stored
    timestamp_ms: int
    watermark_ms: int


@dataclass(slots=True)
class GroupResult:
    """What the calls gave: rows as `c0`, `c1`, ..., and the state of the groups that have changed it."""

    output: pyarrow.Table
    # By table: groups whose rows are replaced, and their new rows (`n`, `place`, `v0`, ...).
    changed: Mapping[str, tuple[Sequence[int], pyarrow.Table]] = field(default_factory=dict)
    updated: int = 0
    removed: int = 0


class GroupProgram(Protocol):
    """A user's function or processor, with all that is needed to call it."""

    name: str
    """The operator's name in progress reports."""
    drops_late_rows: bool
    waits_for_watermark: bool
    """Whether a move of the watermark is worth a batch without data."""
    waits_for_clock: tuple[str, str] | None
    """A state table, and the processing time in milliseconds at which its rows are due: they are worth one, too."""

    def open(self) -> Sequence[StateTable]:
        """Return the tables of state; called once, before there is data."""
        ...

    def due(self, timestamp_ms: int, watermark_ms: int) -> Sequence[tuple[str, str]]:
        """Return conditions on rows of state tables: groups that have such a row take part without data, too."""
        ...

    def run(self, batch: GroupBatch) -> GroupResult:
        """Call the function for each group."""
        ...

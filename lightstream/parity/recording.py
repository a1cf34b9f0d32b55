"""What a program did on one engine, as it is written down while it runs and read afterwards."""

from __future__ import annotations

import os
import pickle
import threading
from dataclasses import field
from typing import Any

from lightstream.dataclass import dataclass

Row = tuple[Any, ...]
Columns = tuple[tuple[str, str, bool | None], ...]


@dataclass(frozen=True, slots=True)
class Failure:
    """An error: its class (None where Spark doesn't tell), its condition, and its text, which is not compared."""

    kind: str | None
    condition: str | None
    text: str

    def same(self, other: Failure) -> bool:
        """Tell whether two errors are of one class and condition."""
        kinds = self.kind == other.kind or self.kind is None or other.kind is None
        return self.condition == other.condition and kinds

    def __str__(self) -> str:
        return " ".join(part for part in (self.kind, self.condition and f"[{self.condition}]") if part)


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as its sink got it: what it read (files, in order), and its rows in the order in which they came."""

    reads: tuple[str, ...]
    rows: list[Row]


@dataclass(frozen=True, slots=True)
class Ordering:
    """How the order of a result's rows is fixed: by the columns of `keys`; None when a key is no column of it."""

    keys: tuple[int, ...] | None


@dataclass(slots=True)
class Query:
    """A streaming query: what it is, its batches by id, and its numbers.

    `numbers` has input rows and rows of each state for the batches that were reported. `rows_known` is False for sinks
    whose rows cannot be seen.
    """

    name: str
    sink: str = ""
    mode: str = "append"
    columns: Columns = ()
    ordering: Ordering | None = None
    rows_known: bool = True
    batches: dict[int, Batch] = field(default_factory=dict)
    numbers: dict[int, tuple[int, tuple[int, ...]]] = field(default_factory=dict)
    failure: Failure | None = None


@dataclass(slots=True)
class Result:
    """What the program asked an engine for: rows, or one value.

    `limit` is how many rows it wanted; there is one more in `rows` where it is known that there are more. `seen` is
    how many batches each query had written to its table, None when one was being written meanwhile. `vague` says why
    another answer would be right, too.
    """

    label: str
    columns: Columns | None
    rows: list[Row]
    limit: int | None = None
    ordering: Ordering | None = None
    seen: dict[str, int] | None = field(default_factory=dict)
    vague: str | None = None
    failure: Failure | None = None


@dataclass(slots=True)
class Program:
    """A whole run: queries in the order of their starts, results in the order in which they were asked for."""

    queries: dict[str, Query] = field(default_factory=dict)
    results: list[Result] = field(default_factory=list)
    failure: Failure | None = None
    ended: bool = False


class Recording:
    """Takes things down, from any thread; what a killed program had told until then can be read."""

    def __init__(self, path: str) -> None:
        self._file = open(path, "wb")  # noqa: SIM115  it stays open as long as the process lives
        self._lock = threading.Lock()

    def tell(self, kind: str, *what: Any) -> None:
        """Take one thing down: see `read` for the kinds."""
        with self._lock:
            pickle.dump((kind, what), self._file)
            self._file.flush()


def read(path: str) -> Program:
    """Return what was taken down."""
    program = Program()
    if not os.path.exists(path):  # killed before it began
        return program
    with open(path, "rb") as file:
        while True:
            try:
                kind, what = pickle.load(file)
            except (EOFError, pickle.UnpicklingError):  # the process was killed while it wrote
                return program
            if kind == "query":
                program.queries[what[0].name] = what[0]
            elif kind == "batch":
                name, batch_id, batch = what
                program.queries[name].batches[batch_id] = batch
            elif kind == "progress":
                program.queries[what[0]].numbers.update(what[1])
            elif kind == "query failed":
                program.queries[what[0]].failure = what[1]
            elif kind == "result":
                program.results.append(what[0])
            elif kind == "failed":
                program.failure = what[0]
            elif kind == "ended":
                program.ended = True

"""One side of a join of two streams: the rows that arrive, and those that are stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lightstream.operators.state import StateDatabase

# Fewer removed rows than this are not worth a new table.
_MIN_FOLD_ROWS = 20_000


class StoredRows:
    """The stored rows of one side, in one table without an index that is appended to.

    What a batch joins with is found by scanning the key columns. Where it matters which rows have found a match, they
    have an `id`, and on an outer side the mark `matched`. Removed rows give back their room when the table is written
    anew: once there are as many of them as of rows.

    Args:
        name: the table's name in the state database.
        marks: whether rows have an `id`.
    """

    def __init__(self, state: StateDatabase, name: str, marks: bool) -> None:
        self._state = state
        self._name = name
        self.table = state.table(name)
        self.rows = state.row_count(name)
        """How many rows are stored."""
        self.next_id = 0
        """The first id that no row has had."""
        if marks and self.rows:
            self.next_id = int(state.value(f"SELECT max(id) + 1 FROM {self.table}"))
        self._removed = 0

    # ---- writing, in the state's transaction --------------------------------------------------------------------

    def add(self, rows: str) -> int:
        """Store the rows of a SELECT; return how many."""
        if self._state.has_table(self._name):
            added = self._state.execute(f"INSERT INTO {self.table} {rows}")
        else:
            added = self._state.execute(f"CREATE TABLE {self.table} AS {rows}")
            self._state.created(self._name)
        self.rows += added
        return added

    def mark(self, ids: str) -> None:
        """Mark the rows with the ids of a SELECT as matched."""
        self._state.execute(f"UPDATE {self.table} SET matched = TRUE WHERE NOT matched AND id IN ({ids})")

    def remove(self, condition: str) -> int:
        """Remove the rows that meet a condition; return how many."""
        removed = self._state.execute(f"DELETE FROM {self.table} WHERE {condition}")
        self.rows -= removed
        self._removed += removed
        return removed

    def fold(self) -> None:
        """Write the table anew when much of it is removed rows."""
        if self._removed >= max(_MIN_FOLD_ROWS, self.rows):
            self._state.execute(f"CREATE OR REPLACE TABLE {self.table} AS SELECT * FROM {self.table}")
            self._removed = 0


@dataclass(frozen=True, slots=True)
class ArrivedRows:
    """A batch's rows of one side, in a temporary table.

    Args:
        table: the temporary table.
        stored: the side's rows of earlier batches.
        columns: the names of the columns that are kept.
        kept: the condition that a row is not late and meets the conditions of its side.
        failing: the condition that it is not late and does not.
        reached: the condition that a row finds no match in later batches; None when nothing says so.
        evicting: stored rows may have been reached since the batch before.
    """

    table: str
    stored: StoredRows
    columns: Sequence[str]
    marks: bool
    kept: str
    failing: str
    reached: str | None
    evicting: bool

    @property
    def rows(self) -> str:
        """The new rows as a relation; with ids where rows are told apart."""
        number = f"{self.stored.next_id} + rowid AS id, " if self.marks else ""
        return f"(SELECT {number}{', '.join(self.columns)} FROM {self.table} WHERE {self.kept})"

    @property
    def stored_table(self) -> str | None:
        """The table of stored rows; None when there are none."""
        return self.stored.table if self.stored.rows else None

    def leaving(self) -> str | None:
        """Return a SELECT of all rows, with ids, that leave in this batch and had no match before it."""
        if self.reached is None:
            return None
        found = f"SELECT * FROM {self.rows} WHERE {self.reached}"
        if self.evicting and self.stored.rows:
            listed = ", ".join(("id", *self.columns))
            found += (
                f" UNION ALL SELECT {listed} FROM {self.stored.table} WHERE {self.reached} AND NOT matched"
            )
        return found

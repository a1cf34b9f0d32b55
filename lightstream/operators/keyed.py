"""Rows of state by key, in two levels without an index."""

from __future__ import annotations

from collections.abc import Sequence

from lightstream.functions.spelling import quote
from lightstream.operators.batch import BatchRun
from lightstream.operators.key_index import KeyIndex
from lightstream.operators.state import StateDatabase

# A level below this is not worth splitting: every statement over it takes its fixed time.
_MIN_FOLD_ROWS = 20_000
# `recent` is folded into `base` when it has this part of its rows: each row is then rewritten a few times at most.
_FOLD_FRACTION = 8
# Up to here it is quicker to write all rows anew than to find those of the changed keys.
_MAX_WHOLE_ROWS = 500
# A base below this is looked up by a scan of its keys, and so is any when a batch has more than this part of its rows.
_MIN_INDEX_ROWS = 250_000
_INDEX_FRACTION = 64


def same_keys(keys: Sequence[str], left: str = "s", right: str = "d") -> str:
    """Return the condition that rows of two relations have the same keys, nulls being equal."""
    return " AND ".join(f"{left}.{quote(k)} IS NOT DISTINCT FROM {right}.{quote(k)}" for k in keys) or "TRUE"


class KeyedTable:
    """One operator's stored rows: a large `base`, and a small `recent` whose rows take the place of base's.

    A batch looks its keys up in both and writes to `recent` alone, so that it costs what the batch holds and a look
    at base: a scan of its keys or, when it is large, an index in memory. Once in a while `recent` is folded into
    `base`, which also gives back the room of removed rows.

    Args:
        name: the tables' name in the state database.
        keys: the columns that tell rows apart; without any there is one row.
        columns: all columns, keys first.
    """

    def __init__(self, state: StateDatabase, name: str, keys: Sequence[str], columns: Sequence[str]) -> None:
        self._state = state
        self._name = name
        self._keys = keys
        self._same = same_keys(keys)
        self._index: KeyIndex | None = None
        self._listed = ", ".join(columns)
        self._base, self._recent = state.table(name), state.table(f"{name}_recent")
        self._has_recent = state.has_table(f"{name}_recent")
        self._base_rows = state.row_count(name)
        self._recent_rows = state.row_count(f"{name}_recent")
        self._removed = 0  # rows of base that were removed or replaced since the last fold
        self._has_gaps = False  # rows of base were deleted: the others may be moved by DuckDB
        self.rows = self._recent_rows
        """How many keys are stored."""
        if self._base_rows:
            hidden = f"SELECT count(*) FROM {self._base} s ANTI JOIN {self._recent} d ON {self._same}"
            self.rows += int(state.value(hidden)) if self._recent_rows else self._base_rows

    # ---- reading ----------------------------------------------------------------------------------------------

    def all(self, condition: str = "") -> str | None:
        """Return a SELECT of the stored rows that meet a condition on their keys; None when there can be none."""
        if not self.rows:
            return None
        where = f" WHERE {condition}" if condition else ""
        recent = f"SELECT {self._listed} FROM {self._recent} s{where}"
        if not self._base_rows:
            return recent
        base = f"SELECT {self._listed} FROM {self._base} s"
        if self._recent_rows:
            base += f" ANTI JOIN {self._recent} d ON {self._same}"
        return f"{base}{where} UNION ALL {recent}"

    def of(self, keys: str, run: BatchRun) -> str | None:
        """Return a SELECT of the stored rows with the keys of a batch's relation; None when there can be none."""
        if not self.rows:
            return None
        recent = f"SELECT s.* FROM {self._recent} s SEMI JOIN {keys} d ON {self._same}"
        if not self._base_rows:
            return recent
        near = self._near(run.place(keys))
        base = f"SELECT s.* FROM {near or self._base} s SEMI JOIN {keys} d ON {self._same}"
        if not self._recent_rows:
            return base
        # Step by step: what is found is little, and nothing of the large tables should be joined with another.
        return (
            f"WITH found_recent AS MATERIALIZED ({recent}), found_base AS MATERIALIZED ({base}) "
            f"SELECT s.* FROM found_base s ANTI JOIN found_recent d ON {self._same} "
            "UNION ALL SELECT * FROM found_recent"
        )

    def _near(self, keys: str) -> str | None:
        """Return the part of base that has all of its rows with the keys of a relation, where it is known."""
        if self._base_rows < _MIN_INDEX_ROWS or self._has_gaps or not self._keys:
            return None
        if self._index is None:
            self._index = KeyIndex(self._state.cursor, self._base, self._keys)
            self._has_gaps = not self._index.is_whole
            if self._has_gaps:
                self._index = None
                return None
        found = self._index.look_up(keys, self._base_rows // _INDEX_FRACTION, f"{self._name}_places")
        if found is None:
            return None
        return f"(SELECT b.* FROM {self._base} b SEMI JOIN {found} p ON b.rowid = p.place)"

    def earliest(self, expression: str) -> int | None:
        """Return the least value of an expression over the stored rows; None where there is none."""
        everything = self.all()
        if everything is None:
            return None
        found = self._state.value(f"SELECT min({expression}) FROM ({everything})")
        return None if found is None else int(found)

    # ---- writing, in the state's transaction --------------------------------------------------------------------

    @property
    def needs_count(self) -> bool:
        """Return whether `put` has to be told how many keys are new."""
        return self._base_rows > 0

    def put(self, rows: str, keys: str, new: int | None = None) -> int:
        """Store rows, in place of those that have their keys; return how many.

        Args:
            rows: a SELECT of the columns.
            keys: a relation with the rows' keys.
            new: how many of the keys are not stored yet; None to take it from what is replaced.
        """
        replaced = 0
        if self._recent_rows:
            replaced = self._state.execute(f"DELETE FROM {self._recent} s USING {keys} d WHERE {self._same}")
            self._recent_rows -= replaced
            self.rows -= replaced
        inserted = self.add(rows)
        if new is not None and self._base_rows:
            # What is in base only was replaced as well.
            shadowed = inserted - replaced - new
            self._removed += shadowed
            self.rows -= shadowed
        return inserted

    def replace(self, rows: str, count: int) -> bool:
        """Store `count` rows in place of all there are, if that is little to write; return whether."""
        if self._base_rows or not self._recent_rows or count > _MAX_WHOLE_ROWS:
            return False
        self._state.change(f"DELETE FROM {self._recent}", f"INSERT INTO {self._recent} {rows}")
        self._recent_rows = self.rows = count
        return True

    def add(self, rows: str) -> int:
        """Store rows whose keys are not stored yet; return how many."""
        if not self._has_recent:
            added = self._state.execute(f"CREATE TABLE {self._recent} AS {rows}")
            self._has_recent = True
            self._state.created(f"{self._name}_recent")
        else:
            added = self._state.execute(f"INSERT INTO {self._recent} {rows}")
        self._recent_rows += added
        self.rows += added
        return added

    def remove(self, condition: str, count: int | None = None) -> int:
        """Remove the stored rows that meet a condition; return how many.

        Args:
            condition: on the keys, or on columns that never change for a key.
            count: how many keys that are, where rows may have been replaced.
        """
        gone = 0
        if self._recent_rows:
            gone = self._state.execute(f"DELETE FROM {self._recent} s WHERE {condition}")
            self._recent_rows -= gone
        if self._base_rows:
            from_base = self._state.execute(f"DELETE FROM {self._base} s WHERE {condition}")
            if from_base:
                self._has_gaps, self._index = True, None
            self._base_rows -= from_base
            self._removed += from_base
            gone += from_base
        removed = gone if count is None else count
        self.rows -= removed
        return removed

    def fold(self) -> None:
        """Bring `recent` into `base` when it has grown, or when much of `base` is gone."""
        changed = self._recent_rows + self._removed
        if changed < max(_MIN_FOLD_ROWS, self._base_rows // _FOLD_FRACTION):
            return
        everything = self.all() or f"SELECT {self._listed} FROM {self._recent} LIMIT 0"
        self._base_rows = self._write_base(everything)
        self._state.change(
            f"CREATE OR REPLACE TABLE {self._recent} AS SELECT {self._listed} FROM {self._base} LIMIT 0"
        )
        self._state.created(self._name)
        self._recent_rows = self._removed = 0
        self._has_gaps, self._index = False, None

    def _write_base(self, rows: str) -> int:
        """Make base anew; return the number of rows."""
        columns = self._state.columns(f"{self._name}_recent")
        states = any(kind == "AGGREGATE_STATE" for _, kind in columns)  # a type that cannot be written down
        if self.rows < _MIN_INDEX_ROWS or states or all(kind != "VARCHAR" for _, kind in columns):
            return self._state.execute(f"CREATE OR REPLACE TABLE {self._base} AS {rows}")
        # To take one value out of compressed text, DuckDB decompresses two thousand.
        plain = (
            f"{quote(name)} {kind}{' USING COMPRESSION uncompressed' if kind == 'VARCHAR' else ''}"
            for name, kind in columns
        )
        new = self._state.table(f"{self._name}_new")
        self._state.change(f"CREATE OR REPLACE TABLE {new} ({', '.join(plain)})")
        written = self._state.execute(f"INSERT INTO {new} {rows}")
        self._state.change(
            f"DROP TABLE IF EXISTS {self._base}", f"ALTER TABLE {new} RENAME TO {quote(self._name)}"
        )
        return written

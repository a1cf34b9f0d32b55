"""Rows of state by key, in levels without an index on disk."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lightstream.functions.spelling import quote
from lightstream.operators.batch import BatchRun
from lightstream.operators.key_index import IndexedTable, Wanted, hash_of, is_large
from lightstream.operators.mapped_rows import MappedRows, copy_of
from lightstream.operators.state import StateDatabase

# A level below this is not worth splitting: every statement over it takes its fixed time.
_MIN_FOLD_ROWS = 20_000
# What lies above `base` is folded into it when it has this part of its rows: each row is then rewritten a few times.
_FOLD_FRACTION = 8
# Up to here it is quicker to write all rows anew than to find those of the changed keys.
_MAX_WHOLE_ROWS = 500


def same_keys(keys: Sequence[str], left: str = "s", right: str = "d") -> str:
    """Return the condition that rows of two relations have the same keys, nulls being equal."""
    return " AND ".join(f"{left}.{quote(k)} IS NOT DISTINCT FROM {right}.{quote(k)}" for k in keys) or "TRUE"


def level_names(name: str) -> tuple[str, str, str]:
    """Return the names of the tables of a `KeyedTable`: base, middle, recent. The rows of a later one come first."""
    return name, f"{name}_middle", f"{name}_recent"


class _Level:
    """A level that is only ever written as a whole: its rows keep their places until one is removed.

    Args:
        name: the table's name in the state database.
        keys: the columns that tell rows apart.
        mapped: whether rows are read from a mapped copy, which is worth it where the level is seldom written.
    """

    def __init__(self, state: StateDatabase, name: str, keys: Sequence[str], mapped: bool = False) -> None:
        self._state = state
        self._keys = keys
        self.name = name
        self.table = state.table(name)
        self.rows = state.row_count(name)
        self.removed = 0
        self._mapped = mapped
        self._lookup: MappedRows | IndexedTable | None = None
        self._looked = False

    def _forget(self, removed: bool = False) -> None:
        """Let go of what tells where rows are, for it is no longer so; until the level is written if they may move."""
        if self._lookup is not None:
            self._lookup.close()
        self._lookup, self._looked = None, removed

    def can_look_up(self) -> bool:
        """Return whether rows are found without a scan."""
        if self.rows and not self._looked:
            self._looked = True
            state, hashed, name = self._state, hash_of(self._keys), f"{self.name}_near"
            if self._mapped:
                columns = state.columns(self.name)
                self._lookup = copy_of(state.cursor, self.table, hashed, columns, name, state.directory)
            if self._lookup is None:
                self._lookup = IndexedTable.of(state.cursor, self.table, hashed, name)
        return self._lookup is not None

    def near(self, wanted: Wanted | None) -> str:
        """Return the part of the level that has all of its rows with some keys, or all of it."""
        if wanted is None or not self.can_look_up():
            return self.table
        assert self._lookup is not None
        return self._lookup.near(wanted)

    def remove(self, condition: str) -> int:
        """Remove the rows (`s`) that meet a condition; return how many."""
        if not self.rows:
            return 0
        gone = self._state.execute(f"DELETE FROM {self.table} s WHERE {condition}")
        if gone:
            self._forget(removed=True)
        self.rows -= gone
        self.removed += gone
        return gone

    def clear(self) -> None:
        """Remove all rows."""
        if self.rows:
            self._state.change(f"DROP TABLE {self.table}")
            self._state.dropped(self.name)
        self._written(0)

    def write(self, rows: str, columns: Sequence[tuple[str, str]], plain: bool) -> None:
        """Write the level anew.

        Args:
            rows: a SELECT of all rows; it may read the level itself.
            columns: their names and types.
            plain: leave text uncompressed: to take one value out of compressed text, DuckDB decompresses two thousand.
        """
        states = any(kind == "AGGREGATE_STATE" for _, kind in columns)  # a type that cannot be written down
        if not plain or states or all(kind != "VARCHAR" for _, kind in columns):
            written = self._state.execute(f"CREATE OR REPLACE TABLE {self.table} AS {rows}")
        else:
            new = self._state.table(f"{self.name}_new")
            listed = (
                f"{quote(name)} {kind}{' USING COMPRESSION uncompressed' if kind == 'VARCHAR' else ''}"
                for name, kind in columns
            )
            self._state.change(f"CREATE OR REPLACE TABLE {new} ({', '.join(listed)})")
            written = self._state.execute(f"INSERT INTO {new} {rows}")
            self._state.change(
                f"DROP TABLE IF EXISTS {self.table}", f"ALTER TABLE {new} RENAME TO {quote(self.name)}"
            )
        self._state.created(self.name)
        self._written(written)

    def _written(self, rows: int) -> None:
        self.rows, self.removed = rows, 0
        self._forget()


class KeyedTable:
    """One operator's stored rows, in three levels: those of a key are where it is found first.

    A batch looks its keys up and writes to the first level, `recent`, alone, so that it costs what the batch holds and
    a look at the others: a scan of their keys or, when `base` is large, an index in memory. When `recent` has grown it
    is folded into `base`, which also gives back the room of removed rows; into `middle`, when `base` is so large that
    this is not yet worth it.

    Args:
        name: the tables' name in the state database.
        keys: the columns that tell rows apart; without any there is one row.
        columns: all columns, keys first.
    """

    def __init__(self, state: StateDatabase, name: str, keys: Sequence[str], columns: Sequence[str]) -> None:
        self._state = state
        self._keys = keys
        self._same = same_keys(keys)
        self._listed = ", ".join(columns)
        base, middle, self._recent_name = level_names(name)
        self._base, self._middle = _Level(state, base, keys, mapped=True), _Level(state, middle, keys)
        self._recent = state.table(self._recent_name)
        self._recent_rows = state.row_count(self._recent_name)
        self.rows = self._recent_rows
        """How many rows are stored."""
        for level, above in ((self._middle, self._above(False)), (self._base, self._above())):
            if level.rows:
                live = f"SELECT count(*) FROM {level.table} s{self._without(above)}"
                self.rows += int(state.value(live)) if above else level.rows

    def _above(self, middle: bool = True) -> list[str]:
        """Return the tables above base, or above the middle level, that have rows."""
        found = [self._middle.table] if middle and self._middle.rows else []
        return [*found, self._recent] if self._recent_rows else found

    def _without(self, relations: Iterable[str]) -> str:
        return "".join(f" ANTI JOIN {relation} d ON {self._same}" for relation in relations)

    # ---- reading ----------------------------------------------------------------------------------------------

    def all(self, condition: str = "") -> str | None:
        """Return a SELECT of the stored rows that meet a condition on their keys; None when there can be none."""
        if not self.rows:
            return None
        where = f" WHERE {condition}" if condition else ""
        levels = []
        for level, above in ((self._base, self._above()), (self._middle, self._above(False))):
            if level.rows:
                levels.append(f"SELECT {self._listed} FROM {level.table} s{self._without(above)}{where}")
        if self._recent_rows or not levels:
            levels.append(f"SELECT {self._listed} FROM {self._recent} s{where}")
        return " UNION ALL ".join(levels)

    def of(self, keys: str, run: BatchRun) -> str | None:
        """Return a SELECT of the stored rows with the keys of a batch's relation; None when there can be none."""
        if not self.rows:
            return None
        wanted = self._wanted(run.place(keys))
        levels = [level.near(wanted) for level in (self._base, self._middle) if level.rows]
        if self._recent_rows or not levels:
            levels.append(self._recent)
        if len(levels) == 1:
            return f"SELECT s.* FROM {levels[0]} s SEMI JOIN {keys} d ON {self._same}"
        rows = " UNION ALL ".join(
            f"SELECT {self._listed}, {i} AS level FROM {level}" for i, level in enumerate(levels)
        )
        # Step by step: what is found is little, and nothing of the large tables should be joined with another.
        return (
            f"WITH found AS MATERIALIZED (SELECT s.* FROM ({rows}) s SEMI JOIN {keys} d ON {self._same}) "
            f"SELECT {self._listed} FROM found s ANTI JOIN found d ON {self._same} AND s.level < d.level"
        )

    def _wanted(self, keys: str) -> Wanted | None:
        """Return what to look keys up by in an index, where that is worth it."""
        if not self._keys or not is_large(self._base.rows) or not self._base.can_look_up():
            return None
        return Wanted.of(self._state.cursor, keys, hash_of(self._keys), self._base.rows)

    def earliest(self, expression: str) -> int | None:
        """Return the least value of an expression over the stored rows; None where there is none."""
        everything = self.all()
        if everything is None:
            return None
        found = self._state.value(f"SELECT min({expression}) FROM ({everything})")
        return None if found is None else int(found)

    # ---- writing, in the state's transaction --------------------------------------------------------------------

    @property
    def is_small(self) -> bool:
        """Return whether so little is stored that it can be written anew with each batch."""
        return not self.needs_count and self._recent_rows <= _MAX_WHOLE_ROWS

    @property
    def needs_count(self) -> bool:
        """Return whether `put` has to be told how many rows are new."""
        return bool(self._base.rows or self._middle.rows)

    def put(self, rows: str, keys: str, new: int | None = None) -> int:
        """Store rows, in place of those that have their keys; return how many.

        Args:
            rows: a SELECT of the columns.
            keys: a relation with the rows' keys.
            new: by how many the stored rows become more; None to take it from what is replaced.
        """
        before = self.rows
        if self._recent_rows:
            replaced = self._state.execute(f"DELETE FROM {self._recent} s USING {keys} d WHERE {self._same}")
            self._recent_rows -= replaced
            self.rows -= replaced
        inserted = self.add(rows)
        if new is not None and self.needs_count:
            self.rows = before + new  # rows of the levels below were replaced as well
        return inserted

    def replace(self, rows: str, count: int) -> bool:
        """Store `count` rows in place of all there are, if that is little to write; return whether."""
        if self.needs_count or not self._recent_rows or count > _MAX_WHOLE_ROWS:
            return False
        self._state.change(f"DELETE FROM {self._recent}", f"INSERT INTO {self._recent} {rows}")
        self._recent_rows = self.rows = count
        return True

    def add(self, rows: str) -> int:
        """Store rows whose keys are not stored yet; return how many."""
        if self._state.has_table(self._recent_name):
            added = self._state.execute(f"INSERT INTO {self._recent} {rows}")
        else:
            added = self._state.execute(f"CREATE TABLE {self._recent} AS {rows}")
            self._state.created(self._recent_name)
        self._recent_rows += added
        self.rows += added
        return added

    def remove(self, condition: str, count: int | None = None) -> int:
        """Remove the stored rows that meet a condition; return how many.

        Args:
            condition: on the keys, or on columns that never change for a key.
            count: how many rows that are, where some may have been replaced.
        """
        gone = 0
        if self._recent_rows:
            gone = self._state.execute(f"DELETE FROM {self._recent} s WHERE {condition}")
            self._recent_rows -= gone
        gone += self._middle.remove(condition) + self._base.remove(condition)
        removed = gone if count is None else count
        self.rows -= removed
        return removed

    def fold(self) -> None:
        """Bring `recent` a level down when it has grown; all into `base` when much is above it, or of it is gone."""
        changed = self._recent_rows + self._middle.rows + self._middle.removed + self._base.removed
        down_to_base = changed >= max(_MIN_FOLD_ROWS, self._base.rows // _FOLD_FRACTION)
        if not down_to_base and self._recent_rows < _MIN_FOLD_ROWS:
            return
        recent = f"SELECT {self._listed} FROM {self._recent} s"
        columns = self._state.columns(self._recent_name)
        if down_to_base:
            self._base.write(self.all() or f"{recent} LIMIT 0", columns, is_large(self.rows))
            self._middle.clear()
        else:
            older = f"SELECT {self._listed} FROM {self._middle.table} s{self._without([self._recent])}"
            self._middle.write(f"{older} UNION ALL {recent}" if self._middle.rows else recent, columns, True)
        self._state.change(f"CREATE OR REPLACE TABLE {self._recent} AS {recent} LIMIT 0")
        self._recent_rows = 0

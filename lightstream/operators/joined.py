"""One side of a join of two streams: the rows that arrive, and those that are stored."""

from __future__ import annotations

from collections.abc import Sequence

from lightstream.dataclass import dataclass
from lightstream.operators.batch import qualified
from lightstream.operators.key_index import Wanted, hash_of
from lightstream.operators.mapped_rows import MappedRows, copy_of
from lightstream.operators.state import StateDatabase

# Fewer removed rows than this are not worth a new table.
_MIN_FOLD_ROWS = 20_000
# Fewer rows are found by a scan of their hashes.
_MIN_COPY_ROWS = 1_500_000
# When more rows than this part of all are not in the copy, it is made anew.
_SINCE_FRACTION = 4


class _Lookup:
    """The rows of a large table by their keys' hash: a copy of them as they once were, and those that came since."""

    def __init__(self, copy: MappedRows, since: str) -> None:
        self.copy = copy
        self.since = since
        """A temporary table with the rows that came since."""
        self.since_rows = 0
        self.gone = "FALSE"
        """The condition that a row is no longer stored."""


class StoredRows:
    """The stored rows of one side, in one table without an index that is appended to.

    What a batch's rows may match is found by the column `h`, a hash of the keys: by scanning it, for numbers are
    scanned many times faster than text, or, where there are many rows, by a copy of them with an index. Where it
    matters which rows have found a match, rows have an `id`, and the ids of those that have are appended to a table of
    their own. Removed rows give back their room when the tables are written anew, once there are as many of them as
    of rows.

    Args:
        name: the table's name in the state database.
        columns: the columns, without `h` and `id`.
        keys: those of them that are the keys.
        numbered: whether rows have an `id`.
    """

    def __init__(
        self, state: StateDatabase, name: str, columns: Sequence[str], keys: Sequence[str], numbered: bool
    ) -> None:
        self._state = state
        self._name = name
        self._hash = f"{hash_of(keys)} AS h"
        self._columns = (*columns, "id") if numbered else tuple(columns)
        self._listed = ", ".join(self._columns)
        self._hashed_by = state.table(f"{name}_hashed_by")
        self._matched = f"{name}_matched"
        self.table = state.table(name)
        self.rows = state.row_count(name)
        """How many rows are stored."""
        self.next_id = 0
        """An id from which on no row has had one."""
        self._matched_rows = state.row_count(self._matched)
        self._removed = 0
        self._lookup: _Lookup | None = None
        self._can_look_up = True
        if numbered:
            for table in filter(state.has_table, (name, self._matched)):
                highest = state.value(f"SELECT coalesce(max(id), -1) FROM {state.table(table)}")
                self.next_id = max(self.next_id, highest + 1)
        # Another version of DuckDB may hash otherwise.
        same = f"SELECT count(*) FROM {self._hashed_by} WHERE version = version()"
        self._rehash = state.has_table(name) and not state.value(same)

    def maybe_equal(self, new: str, columns: str) -> str | None:
        """Return a SELECT of the stored rows that may have a key of some rows; None when there are no stored rows.

        Args:
            new: a relation with a column `h`.
            columns: what to select.
        """
        if not self.rows:
            return None
        lookup = self._look_up()
        wanted = None if lookup is None else Wanted.of(self._state.cursor, new, "h", self.rows)
        if lookup is not None and wanted is not None:
            copied = lookup.copy.near(wanted)
            since = f"(SELECT {self._listed} FROM {lookup.since} s SEMI JOIN {new} d ON s.h = d.h)"
            found = f"SELECT {self._listed} FROM {copied} UNION ALL SELECT {self._listed} FROM {since}"
            return f"SELECT {columns} FROM ({found}) WHERE ({lookup.gone}) IS NOT TRUE"
        stored = f"(SELECT {self._listed}, {self._hash} FROM {self.table})" if self._rehash else self.table
        return f"SELECT {columns} FROM {stored} s SEMI JOIN {new} d ON s.h = d.h"

    def _look_up(self) -> _Lookup | None:
        """Return what finds rows without a scan; None where a scan is the better or the only way."""
        found = self._lookup
        if found is not None and found.since_rows > self.rows // _SINCE_FRACTION:
            self._forget()
            found = None
        if found is None and self._can_look_up and not self._rehash and self.rows >= _MIN_COPY_ROWS:
            state = self._state
            columns = [column for column in state.columns(self._name) if column[0] in self._columns]
            copy = copy_of(state.cursor, self.table, "h", columns, f"{self._name}_near", state.directory)
            if copy is None:
                self._can_look_up = False
                return None
            since = f"{self._name}_since"
            state.cursor.execute(f"CREATE OR REPLACE TEMP TABLE {since} AS FROM {self.table} LIMIT 0")
            self._lookup = found = _Lookup(copy, qualified(since))
        return found

    def _forget(self) -> None:
        if self._lookup is not None:
            self._lookup.copy.close()
            self._lookup = None

    def unmatched(self, columns: str, condition: str) -> str | None:
        """Return a SELECT of the stored rows that meet a condition and have found no match; None without any rows."""
        if not self.rows:
            return None
        found = f"SELECT {columns} FROM {self.table} s WHERE {condition}"
        if not self._matched_rows:
            return found
        # Of the many ids those are taken out first that matter: an ANTI JOIN keeps all of its right side.
        ids = f"SELECT id FROM {self.table} s WHERE {condition}"
        matched = f"SELECT id FROM {self._state.table(self._matched)} SEMI JOIN ({ids}) s USING (id)"
        return f"SELECT * FROM ({found}) s ANTI JOIN ({matched}) d ON s.id = d.id"

    # ---- writing, in the state's transaction --------------------------------------------------------------------

    def add(self, rows: str) -> int:
        """Store the rows of a SELECT that has all columns; return how many."""
        added = f"SELECT {self._listed}, {self._hash} FROM ({rows})"
        if self._lookup is not None:
            self._state.change(f"INSERT INTO {self._lookup.since} {added}")
        if self._state.has_table(self._name):
            count = self._state.execute(f"INSERT INTO {self.table} {added}")
        else:
            count = self._create(added)
            self._state.change(f"CREATE TABLE {self._hashed_by} AS SELECT version() AS version")
            self._state.created(self._name)
        self.rows += count
        if self._lookup is not None:
            self._lookup.since_rows += count
        return count

    def _create(self, rows: str) -> int:
        """Make the table with the rows of a SELECT; return how many."""
        # Rows that are met are scattered: of compressed text all would be unpacked to get at them.
        columns = (
            f"{name} {kind}{' USING COMPRESSION uncompressed' if kind == 'VARCHAR' else ''}"
            for name, kind in self._state.columns_of(rows)
        )
        self._state.change(f"CREATE TABLE {self.table} ({', '.join(columns)})")
        return self._state.execute(f"INSERT INTO {self.table} {rows}")

    def mark(self, ids: str) -> None:
        """Note that the rows with the ids of a SELECT have found a match."""
        table = self._state.table(self._matched)
        if self._state.has_table(self._matched):
            self._matched_rows += self._state.execute(f"INSERT INTO {table} {ids}")
        else:
            self._matched_rows = self._state.execute(f"CREATE TABLE {table} AS {ids}")
            self._state.created(self._matched)

    def evict(self, reached: str) -> int:
        """Remove the rows that the watermark has reached, as it will have reached all that it had; return how many."""
        removed = self._delete(reached)
        if removed and self._lookup is not None:
            self._lookup.gone = reached
        return removed

    def remove(self, ids: str) -> int:
        """Remove the rows with the ids of a SELECT; return how many."""
        removed = self._delete(f"id IN ({ids})")
        if removed:  # and so again with the next batches: a copy would not be worth it
            self._can_look_up = False
            self._forget()
        return removed

    def _delete(self, condition: str) -> int:
        removed = self._state.execute(f"DELETE FROM {self.table} WHERE {condition}")
        self.rows -= removed
        self._removed += removed
        return removed

    def fold(self) -> None:
        """Write tables anew when much in them is of removed rows, or hashes are those of another DuckDB."""
        if self._rehash or self._removed >= max(_MIN_FOLD_ROWS, self.rows):
            old = f"{self._name}_old"
            self._state.change(f"ALTER TABLE {self.table} RENAME TO {old}")
            self._create(f"SELECT {self._listed}, {self._hash} FROM {self._state.table(old)}")
            self._state.change(
                f"DROP TABLE {self._state.table(old)}", f"UPDATE {self._hashed_by} SET version = version()"
            )
            self._rehash, self._removed = False, 0
        # A row may be noted several times, and still when it is gone.
        if self._matched_rows >= max(_MIN_FOLD_ROWS, 2 * self.rows):
            table = self._state.table(self._matched)
            self._matched_rows = self._state.execute(
                f"CREATE OR REPLACE TABLE {table} AS SELECT DISTINCT id FROM {table} SEMI JOIN {self.table} USING (id)"
            )


@dataclass(frozen=True, slots=True)
class ArrivedRows:
    """A batch's rows of one side, in a temporary table.

    Args:
        table: the temporary table.
        stored: the side's rows of earlier batches.
        columns: the names of the columns that are kept.
        keys: those of them that are the keys.
        kept: the condition that a row is not late and meets the conditions of its side.
        failing: the condition that it is not late and does not.
        reached: the condition that a row finds no match in later batches; None when nothing says so.
        evicting: stored rows may have been reached since the batch before.
        count: how many rows have arrived, those that are not kept among them.
        leaving_count: how many of those that are kept are reached.
    """

    table: str
    stored: StoredRows
    columns: Sequence[str]
    keys: Sequence[str]
    kept: str
    failing: str
    reached: str | None
    evicting: bool
    count: int
    leaving_count: int

    @property
    def rows(self) -> str:
        """The new rows as a relation, with the keys' hash `h` and an `id`."""
        items = f"{', '.join(self.columns)}, {hash_of(self.keys)} AS h, {self.stored.next_id} + rowid AS id"
        return f"(SELECT {items} FROM {self.table} WHERE {self.kept})"

    def leaving(self) -> str | None:
        """Return a SELECT of all rows, with ids, that leave in this batch and had no match before it."""
        if self.reached is None:
            return None
        listed = ", ".join((*self.columns, "id"))
        found = f"SELECT {listed} FROM {self.rows} WHERE {self.reached}"
        stored = self.stored.unmatched(listed, self.reached) if self.evicting else None
        return found if stored is None else f"{found} UNION ALL {stored}"

"""Where the rows of many keys are: an index in memory, made anew when the rows are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lightstream.dataclass import dataclass
from lightstream.functions.spelling import quote

if TYPE_CHECKING:
    import duckdb
    import polars
    import pyarrow


# Fewer rows are looked up by a scan of their keys, and so are any when a batch has more than this part of them.
_MIN_ROWS = 250_000
_FRACTION = 64


def is_large(rows: int) -> bool:
    """Return whether a batch's keys are quicker found among so many rows by an index than by a scan."""
    return rows >= _MIN_ROWS


def hash_of(keys: Sequence[str]) -> str:
    """Return the hash of some columns, in SQL."""
    return f"hash({', '.join(map(quote, keys))})"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Keys that are looked up: their hashes, each once, in order."""

    hashes: polars.Series

    @classmethod
    def of(cls, cursor: duckdb.DuckDBPyConnection, relation: str, hashed: str, rows: int) -> Wanted | None:
        """Return the keys of a relation; None when there are so many that a scan finds them quicker.

        Args:
            cursor: where statements run.
            relation: the relation.
            hashed: the hash of its keys, in SQL.
            rows: among how many rows they are looked up.
        """
        most = rows // _FRACTION
        # A key may stand in several rows of the relation: it counts once.
        hashes = cursor.query(f"SELECT DISTINCT {hashed} AS h FROM {relation} LIMIT {most + 1}").pl()["h"]
        return None if len(hashes) > most else cls(hashes.sort())


class Found:
    """Rows that Python has found, which statements read under one name.

    It is registered once, for to register costs as much as a small statement. What is registered stays: `close`.

    Args:
        cursor: where statements run.
        name: the name.
        rows: what the next statement reads; later ones have the same schema.
    """

    def __init__(self, cursor: duckdb.DuckDBPyConnection, name: str, rows: pyarrow.Table) -> None:
        self._cursor = cursor
        self.name = name
        self.rows = rows
        cursor.register(name, self)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Return the rows as a stream, for DuckDB."""
        return self.rows.__arrow_c_stream__(requested_schema)

    def close(self) -> None:
        """Take the name back."""
        self._cursor.unregister(self.name)


class KeyIndex:
    """The places of rows by the hash of their keys.

    A scan of five million keys takes longer than all else in a small batch. DuckDB's own index is no help: it makes
    writing many times slower and the file grow. This one is 8 bytes a row in memory, and nothing on disk: hashes may
    change with DuckDB's version. Whoever asks it compares the keys themselves.

    Args:
        hashes: the rows' hashes.
        places: where each of these rows is.
    """

    def __init__(self, hashes: polars.Series, places: polars.Series) -> None:
        # A number a row: the place takes the last bits of the hash, so that one sort does for both.
        self._low = (1 << len(places).bit_length()) - 1
        high = (1 << 64) - 1 - self._low
        self._entries = ((hashes & high) | places.cast(hashes.dtype)).sort()

    def look_up(self, wanted: Wanted) -> polars.Series:
        """Return the places of the rows that may have some keys."""
        import polars

        last = wanted.hashes | self._low
        at = self._entries.search_sorted(last - self._low, "left")
        found = []
        while (inside := at < len(self._entries)).any():
            at, last = at.filter(inside), last.filter(inside)
            entries = self._entries.gather(at)
            same = entries <= last
            found.append(entries.filter(same) & self._low)
            at, last = at.filter(same) + 1, last.filter(same)  # different keys may have one hash
        places = polars.concat(found) if found else self._entries.head(0)
        # Different keys that have one hash but for its last bits find each other's rows.
        return places.cast(polars.Int64).alias("place")


class IndexedTable:
    """A table's rows by `rowid`, which they keep as long as none is deleted."""

    def __init__(self, table: str, index: KeyIndex, places: Found) -> None:
        self._table = table
        self._index = index
        self._places = places

    @classmethod
    def of(cls, cursor: duckdb.DuckDBPyConnection, table: str, hashed: str, name: str) -> IndexedTable | None:
        """Index a table; None when a row was deleted: DuckDB may move the others when it next writes the table.

        Args:
            cursor: where statements run.
            table: the table.
            hashed: the hash of its keys, in SQL.
            name: what statements call the places that were looked up last.
        """
        [(rows, newest)] = cursor.execute(
            f"SELECT count(*), coalesce(max(rowid), -1) FROM {table}"
        ).fetchall()
        if newest != rows - 1:
            return None
        found = cursor.query(f"SELECT {hashed} AS h, rowid AS place FROM {table}").pl()
        none = found.select("place").clear().to_arrow()
        return cls(table, KeyIndex(found["h"], found["place"]), Found(cursor, name, none))

    def near(self, wanted: Wanted) -> str:
        """Return a SELECT of the rows that may have some keys; it is that until the next call."""
        self._places.rows = self._index.look_up(wanted).to_frame().to_arrow()
        places = quote(self._places.name)
        return f"(SELECT b.* FROM {self._table} b SEMI JOIN {places} p ON b.rowid = p.place)"

    def close(self) -> None:
        """Take the name back."""
        self._places.close()

"""Where the rows of many keys are: an index in memory, made anew when the rows are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lightstream.dataclass import dataclass
from lightstream.functions.spelling import quote

if TYPE_CHECKING:
    import duckdb
    import polars


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
        begin = self._entries.search_sorted(last - self._low, "left")
        end = self._entries.search_sorted(last, "right")
        found = []
        while (more := end > begin).any():  # more than once where different keys have one hash
            begin, end = begin.filter(more), end.filter(more)
            found.append(self._entries.gather(begin) & self._low)
            begin = begin + 1
        places = polars.concat(found) if found else self._entries.head(0)
        # Different keys that have one hash but for its last bits find each other's rows.
        return places.cast(polars.Int64).alias("place")


def index_of(cursor: duckdb.DuckDBPyConnection, table: str, hashed: str) -> KeyIndex | None:
    """Return an index of a table's rows by `rowid`, which they keep as long as none is deleted.

    None when one was: DuckDB may move the others when it next writes the table.

    Args:
        cursor: where statements run.
        table: the table.
        hashed: the hash of its keys, in SQL.
    """
    [(rows, newest)] = cursor.execute(f"SELECT count(*), coalesce(max(rowid), -1) FROM {table}").fetchall()
    if newest != rows - 1:
        return None
    found = cursor.query(f"SELECT {hashed} AS h, rowid AS place FROM {table}").pl()
    return KeyIndex(found["h"], found["place"])

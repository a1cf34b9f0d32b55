"""Where the rows of many keys are: an index in memory, made anew when the rows are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lightstream.dataclass import dataclass
from lightstream.functions.spelling import quote

if TYPE_CHECKING:
    import duckdb
    import polars


@dataclass(frozen=True, slots=True)
class Wanted:
    """Keys that are looked up: their hashes, each once, in order."""

    hashes: polars.Series

    @classmethod
    def of(
        cls, cursor: duckdb.DuckDBPyConnection, relation: str, keys: Sequence[str], most: int
    ) -> Wanted | None:
        """Return the keys of a relation; None when there are more than `most`."""
        # A key may stand in several rows of the relation: it counts once.
        select = f"SELECT DISTINCT {_hash(keys)} AS h FROM {relation} LIMIT {most + 1}"
        hashes = _frame(cursor, select)["h"]
        return None if len(hashes) > most else cls(hashes.sort())


class KeyIndex:
    """The places of a table's rows by the hash of their keys.

    A scan of five million keys takes longer than all else in a small batch. DuckDB's own index is no help: it makes
    writing many times slower and the file grow. This one is 8 bytes a row in memory, and nothing on disk: hashes may
    change with DuckDB's version. Whoever asks it compares the keys themselves.

    Args:
        cursor: where statements run.
        table: the table; as long as no row is deleted, its rows keep their places.
        keys: the columns.
    """

    def __init__(self, cursor: duckdb.DuckDBPyConnection, table: str, keys: Sequence[str]) -> None:
        [(rows, newest)] = cursor.execute(
            f"SELECT count(*), coalesce(max(rowid), -1) FROM {table}"
        ).fetchall()
        self.is_whole: bool = newest == rows - 1
        """Whether no row was deleted: otherwise DuckDB may move rows when it next writes the table."""
        # A number a row: the place takes the last bits of the hash, so that one sort does for both.
        self._low = (1 << max(int(newest), 0).bit_length()) - 1
        high = (1 << 64) - 1 - self._low
        select = f"SELECT ({_hash(keys)} & {high}::UBIGINT) | rowid::UBIGINT AS h FROM {table}"
        self._entries = _frame(cursor, select)["h"].sort()

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


def _hash(keys: Sequence[str]) -> str:
    return f"hash({', '.join(map(quote, keys))})"


def _frame(cursor: duckdb.DuckDBPyConnection, sql: str) -> polars.DataFrame:
    frame: polars.DataFrame = cursor.query(sql).pl()
    return frame

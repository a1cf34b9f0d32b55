"""Where the rows of many keys are: an index in memory, made anew when the rows are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lightstream.functions.spelling import quote

if TYPE_CHECKING:
    import duckdb
    import polars


class KeyIndex:
    """The places of a table's rows by the hash of their keys.

    A scan of five million keys takes longer than all else in a small batch. DuckDB's own index is no help: it makes
    writing many times slower and the file grow. This one is 12 bytes a row in memory, and nothing on disk: hashes may
    change with DuckDB's version. Whoever asks it compares the keys themselves.

    Args:
        cursor: where statements run.
        table: the table; as long as no row is deleted, its rows keep their places.
        keys: the columns.
    """

    def __init__(self, cursor: duckdb.DuckDBPyConnection, table: str, keys: Sequence[str]) -> None:
        self._cursor = cursor
        self._hash = f"hash({', '.join(map(quote, keys))})"
        # Without a sort in DuckDB, which would move the places with the hashes.
        found = self._select(f"SELECT {self._hash} AS h, rowid AS place FROM {table}")
        order = found["h"].arg_sort()
        self._hashes = found["h"].gather(order)
        self._places = found["place"].gather(order)
        newest = found["place"].max()
        self.is_whole = newest is None or newest == len(found) - 1
        """Whether no row was deleted: otherwise DuckDB may move rows when it next writes the table."""

    def look_up(self, keys: str, most: int, name: str) -> str | None:
        """Find the rows that may have the keys of a relation.

        Args:
            keys: the relation.
            most: how many keys it may have; None is returned when there are more.
            name: what to call the frame that is returned, of one column `place`.
        """
        import polars

        # A key may stand in several rows of the relation: it counts once.
        wanted = self._select(f"SELECT DISTINCT {self._hash} AS h FROM {keys} LIMIT {most + 1}")["h"].sort()
        if len(wanted) > most:
            return None
        begin = self._hashes.search_sorted(wanted, "left")
        end = self._hashes.search_sorted(wanted, "right")
        found = []
        while (more := end > begin).any():  # more than once where different keys have one hash
            begin, end = begin.filter(more), end.filter(more)
            found.append(self._places.gather(begin))
            begin = begin + 1
        places = polars.concat(found) if found else self._places.head(0)
        self._cursor.register(name, places.alias("place").to_frame())
        return quote(name)

    def _select(self, sql: str) -> polars.DataFrame:
        frame: polars.DataFrame = self._cursor.query(sql).pl()
        return frame

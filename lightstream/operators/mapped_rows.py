"""A copy of a table's rows in a mapped file, out of which those of a few keys are taken."""

from __future__ import annotations

import itertools
import mmap
import tempfile
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from lightstream.functions.spelling import quote
from lightstream.operators.key_index import Found, KeyIndex, Wanted

if TYPE_CHECKING:
    import duckdb
    import pyarrow

# A batch of the file: a lookup takes rows out of each, which costs as much as taking a hundred rows.
_BATCH_ROWS = 1_000_000
# How a type is written, where every value comes back as it was; others are not copied.
_SAME = frozenset(
    (
        "BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "FLOAT", "DOUBLE", "VARCHAR", "BLOB", "DATE",
        "TIMESTAMP", "TIMESTAMP WITH TIME ZONE",
    )
)  # fmt: skip
_AS = {"HUGEINT": "DECIMAL(38,0)"}


class MappedRows:
    """A table's rows in the order in which they were read, and an index of them by the hash of their keys.

    DuckDB looks at all rows of a table to find a few by their place. Here a row is where its place says. The file has
    no name: it is gone with the process, however that ends. What is read of it is memory that the system takes back
    when it is short.

    Args:
        cursor: where statements run.
        table: the table.
        hashed: the hash of its keys, in SQL.
        columns: the columns that are copied, with their types in DuckDB.
        name: what statements call the rows that were looked up last.
        directory: where the file is made; None for the system's temporary directory.

    Raises:
        ValueError: a type is not one of those that come back as they were.
        duckdb.Error: a value does not fit in Arrow's type.
        OSError: there is no room for the file.
        pyarrow.ArrowException: likewise.
    """

    def __init__(
        self,
        cursor: duckdb.DuckDBPyConnection,
        table: str,
        hashed: str,
        columns: Sequence[tuple[str, str]],
        name: str,
        directory: str | None,
    ) -> None:
        import polars
        import pyarrow as pa

        kinds = [(quote(column), kind, _written(kind)) for column, kind in columns]
        items = ", ".join(f"CAST({column} AS {written}) AS {column}" for column, _, written in kinds)
        back = ", ".join(
            column if written == kind else f"CAST({column} AS {kind}) AS {column}"
            for column, kind, written in kinds
        )
        self._select = f"(SELECT {back} FROM {quote(name)})"
        hashes: list[polars.Series] = []
        reader = cursor.query(f"SELECT {items}, {hashed} FROM {table}").to_arrow_reader(_BATCH_ROWS)
        hash_at = len(kinds)
        with tempfile.TemporaryFile(dir=directory) as file:
            with pa.ipc.new_file(file, reader.schema.remove(hash_at)) as writer:
                for piece in _pieces(reader):
                    writer.write_table(piece.select(range(hash_at)))
                    hashes.append(polars.Series(values=piece.column(hash_at), dtype=polars.UInt64))
            file.flush()
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        copied = pa.ipc.open_file(pa.py_buffer(mapped))
        self._schema = copied.schema
        self._batches = [copied.get_batch(i) for i in range(copied.num_record_batches)]
        ends = list(itertools.accumulate(batch.num_rows for batch in self._batches))
        self.rows = ends[-1] if ends else 0
        """How many rows there are."""
        self._starts = polars.Series([0, *ends[:-1]], dtype=polars.Int64)
        places = polars.int_range(self.rows, eager=True)
        self._index = KeyIndex(polars.concat(hashes) if hashes else places.cast(polars.UInt64), places)
        self._found = Found(cursor, name, self._schema.empty_table())

    def near(self, wanted: Wanted) -> str:
        """Return a SELECT of the rows that may have some keys; it is that until the next call."""
        import pyarrow as pa

        places = self._index.look_up(wanted).sort()
        cuts = [*places.search_sorted(self._starts), len(places)]
        found = [
            batch.take((places[begin:end] - start).to_arrow())
            for batch, start, begin, end in zip(self._batches, self._starts, cuts, cuts[1:], strict=False)
            if end > begin
        ]
        # In one piece: DuckDB takes as long for each as for a thousand rows.
        self._found.rows = pa.Table.from_batches(found, self._schema).combine_chunks()
        return self._select

    def close(self) -> None:
        """Give the file back."""
        self._found.close()


def copy_of(
    cursor: duckdb.DuckDBPyConnection,
    table: str,
    hashed: str,
    columns: Sequence[tuple[str, str]],
    name: str,
    directory: str | None,
) -> MappedRows | None:
    """Return a table's mapped rows; None where they cannot be had: the table itself still has them."""
    import duckdb
    import pyarrow as pa

    try:
        return MappedRows(cursor, table, hashed, columns, name, directory)
    except (ValueError, OSError, duckdb.Error, pa.ArrowException):
        return None


def _pieces(reader: pyarrow.RecordBatchReader) -> Iterator[pyarrow.Table]:
    """Yield what a reader has, many of its batches as one; text of more than two gigabytes stays in several."""
    import pyarrow as pa

    batches: list[pyarrow.RecordBatch] = []
    for batch in reader:
        batches.append(batch)
        if sum(b.num_rows for b in batches) >= _BATCH_ROWS:
            yield pa.Table.from_batches(batches, reader.schema).combine_chunks()
            batches = []
    if batches:
        yield pa.Table.from_batches(batches, reader.schema).combine_chunks()


def _written(kind: str) -> str:
    if kind in _SAME or kind.startswith("DECIMAL("):
        return kind
    if kind not in _AS:
        raise ValueError(f"{kind} is not copied")
    return _AS[kind]

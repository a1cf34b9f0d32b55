"""Reading what a statement answers.

DuckDB refuses the next statement on a connection while a result is not read to its end, so results are always read
whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lightstream.execute.batch import portable
from lightstream.sinks.contract import Batch

if TYPE_CHECKING:
    import duckdb


def first_row(cursor: duckdb.DuckDBPyConnection) -> tuple[Any, ...] | None:
    """Return the first row of the statement that was just run, None without one."""
    rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows[0] if rows else None


def changed_rows(cursor: duckdb.DuckDBPyConnection) -> int:
    """Return how many rows the INSERT, UPDATE or CREATE ... AS that was just run has written."""
    row = first_row(cursor)
    return int(row[0]) if row is not None else 0


def row_count(batch: Batch) -> int:
    """Return the number of rows of a batch, all of whose values are computed: one that cannot be is an error."""
    # DuckDB leaves out what a plain count(*) does not need.
    counted = f"SELECT count(*) FILTER (batch IS NOT NULL) FROM ({batch.sql}) AS batch"
    return changed_rows(batch.cursor.execute(counted))


def rows_of(batch: Batch, limit: int) -> list[tuple[Any, ...]]:
    """Return rows of a batch as `execute.batch.Result.tuples` gives them."""
    columns = [f"c{i}" for i in range(len(batch.schema.fields))]
    if not columns:
        return [() for _ in batch.cursor.execute(f"{batch.sql} LIMIT {limit}").fetchall()]
    items = ", ".join(
        portable(column, field.dataType) for column, field in zip(columns, batch.schema.fields, strict=True)
    )
    rows: list[tuple[Any, ...]] = batch.cursor.execute(
        f"SELECT {items} FROM ({batch.sql}) AS batch({', '.join(columns)}) LIMIT {limit}"
    ).fetchall()
    return rows

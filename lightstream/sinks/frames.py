"""Batches as tables that any cursor of the session can read: what foreachBatch and foreach see."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lightstream.execute.tables import schema_scan
from lightstream.plan.logical import TableScan
from lightstream.sinks.contract import Batch
from lightstream.sinks.rows import changed_rows

if TYPE_CHECKING:
    import duckdb

CATALOG = "lightstream_batches"

_numbers = itertools.count(1)


def attach_catalog(cursor: duckdb.DuckDBPyConnection) -> None:
    """Make the in-memory catalog in which batches are kept.

    DuckDB's temporary tables belong to one cursor, and each query of a session runs on its own. A second catalog in
    memory is seen by all cursors and never reaches the session's file.
    """
    cursor.execute(f"ATTACH IF NOT EXISTS ':memory:' AS {CATALOG}")


@contextmanager
def batch_table(batch: Batch) -> Iterator[tuple[TableScan, int]]:
    """Keep a batch as a table for the time of a block; give its plan and its number of rows."""
    columns = tuple(f"c{i}" for i in range(len(batch.schema.fields)))
    table = f"{CATALOG}.main.batch_{next(_numbers)}"
    named = f" ({', '.join(columns)})" if columns else ""
    count = changed_rows(batch.cursor.execute(f"CREATE TABLE {table}{named} AS {batch.sql}"))
    try:
        yield schema_scan(table, batch.schema, columns), count
    finally:
        batch.cursor.execute(f"DROP TABLE IF EXISTS {table}")

"""The noop sink: computes every batch and writes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightstream.sinks.contract import Batch
from lightstream.sinks.rows import row_count

if TYPE_CHECKING:
    import duckdb


class NoopSink:
    """Writes nothing; counts the rows.

    Guarantee: none needed.
    """

    description = "NoopTable"
    temporary_checkpoint = True

    def open(self, query_id: str, cursor: duckdb.DuckDBPyConnection) -> None:
        """Nothing to open."""

    def write(self, batch: Batch) -> int:
        """Count the rows."""
        return row_count(batch)

    def idle(self) -> None:
        """Nothing to give free."""

    def stop(self) -> None:
        """Nothing to release."""

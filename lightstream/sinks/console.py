"""The console sink: prints every batch as `show()` does."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, TextIO

from lightstream.errors import IllegalArgumentException
from lightstream.sinks.contract import Batch
from lightstream.sinks.rows import row_count, rows_of

if TYPE_CHECKING:
    import duckdb

_RULE = "-" * 43


class ConsoleSink:
    """Prints batches to standard output.

    Args:
        rows: how many rows of a batch are shown.
        truncate: whether cells are cut to 20 characters.
        output: where to print; standard output of that moment without one.

    Guarantee: at least once.
    """

    temporary_checkpoint = True

    def __init__(
        self, time_zone: str, rows: int = 20, truncate: bool = True, output: TextIO | None = None
    ) -> None:
        self._time_zone = time_zone
        self._rows = max(rows, 0)
        self._truncate = truncate
        self._output = output
        identity = f"{id(self) & 0xFFFFFFFF:x}"
        self.description = f"org.apache.spark.sql.execution.streaming.ConsoleTable$@{identity}"

    def open(self, query_id: str, cursor: duckdb.DuckDBPyConnection) -> None:
        """Nothing to open."""

    def write(self, batch: Batch) -> int:
        """Print a batch in one piece."""
        from lightstream.execute.show import show_rows

        rows = rows_of(batch, self._rows + 1)
        shown = show_rows(
            rows,
            batch.schema,
            self._rows,
            20 if self._truncate else 0,
            time_zone=self._time_zone,
        )
        output = self._output or sys.stdout
        output.write(f"{_RULE}\nBatch: {batch.batch_id}\n{_RULE}\n{shown}\n")
        output.flush()
        return len(rows) if len(rows) <= self._rows else row_count(batch)

    def idle(self) -> None:
        """Nothing to give free."""

    def stop(self) -> None:
        """Nothing to release."""


def console_options(options: dict[str, str]) -> tuple[int, bool]:
    """Return rows and truncation from the sink's options.

    Raises:
        IllegalArgumentException: numRows is no number, or truncate is neither true nor false.
    """
    text = options.get("numrows", "20")
    try:
        rows = int(text)
    except ValueError:
        raise IllegalArgumentException(
            None, f'For input string: "{text}". The option numRows of the console sink is a number of rows.'
        ) from None
    flag = options.get("truncate", "true")
    if flag.lower() not in ("true", "false"):
        raise IllegalArgumentException(
            None, f"{flag} is not a boolean string. The option truncate of the console sink is true or false."
        )
    return rows, flag.lower() == "true"

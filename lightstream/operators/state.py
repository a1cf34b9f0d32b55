"""The state database of one query: a DuckDB file below its checkpoint, attached while the query runs."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from lightstream import crash
from lightstream.database.creation import attach, attach_once, ensure_database
from lightstream.dataclass import dataclass
from lightstream.errors import PySparkException, SparkRuntimeException
from lightstream.execute.errors import translated
from lightstream.functions.spelling import quote
from lightstream.sinks.rows import changed_rows

if TYPE_CHECKING:
    import duckdb

_aliases = itertools.count(1)
FILE_NAME = "state.duckdb"


@dataclass(frozen=True, slots=True)
class Shown:
    """An operator's rows as Spark's state data source shows them (`lightstream.sources.state_store`).

    Each column is its name, its type as JSON, and its SQL over the rows. `refused` says why there are no values.
    """

    table: str
    stored_keys: Sequence[str]
    keys: Sequence[tuple[str, Any, str]]
    values: Sequence[tuple[str, Any, str]] = ()
    refused: str = ""


class StateDatabase:
    """Tables of state and the id of the last batch that is in them, changed in one transaction a batch."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, directory: str, durable: bool) -> None:
        self.cursor = cursor
        self.alias = f"lightstream_state_{next(_aliases)}"
        self.path = os.path.join(directory, FILE_NAME) if durable else ":memory:"
        self.directory = directory if durable else None
        """Where files of the state are; None where it is in memory."""
        if durable:
            os.makedirs(directory, exist_ok=True)
        import duckdb

        try:
            if durable:
                ensure_database(self.path, lambda path: attach_once(cursor, path))
            attach(cursor, self.path, self.alias)
            if crash.at is not None:
                crash.at("state-attached")
            # All at once, so that a state that was begun is complete.
            cursor.execute(
                f"BEGIN; CREATE TABLE IF NOT EXISTS {self.alias}.progress (batch_id BIGINT);"
                f"CREATE TABLE IF NOT EXISTS {self.alias}.operators (operator_id INTEGER, name VARCHAR,"
                " key_schema VARCHAR, value_schema VARCHAR, shown VARCHAR);"
                f"ALTER TABLE {self.alias}.operators ADD COLUMN IF NOT EXISTS shown VARCHAR"
            )
            [(rows, last)] = cursor.execute(
                f"SELECT count(*), max(batch_id) FROM {self.alias}.progress"
            ).fetchall()
            if rows == 0:
                cursor.execute(f"INSERT INTO {self.alias}.progress VALUES (NULL)")
            if crash.at is not None:
                crash.at("state-made")
            cursor.execute("COMMIT")
        except duckdb.Error as error:
            self._roll_back()
            self.close()
            known = translated(error)
            if isinstance(known, PySparkException) and known.condition == "LIGHTSTREAM_DISK_ERROR":
                raise known from None
            if "lock" in str(error).lower():
                raise PySparkException(
                    "LIGHTSTREAM_DATABASE_LOCKED",
                    f"The state database {self.path} is open in another process, and DuckDB lets one process at a "
                    f"time write to a file. Close it there, then start the query again.  ({error})",
                ) from None
            raise PySparkException(
                "LIGHTSTREAM_STATE_UNREADABLE",
                f"The state database {self.path} cannot be opened: {error} If the file is damaged, restore the "
                "checkpoint from a copy, or delete the checkpoint to start over.",
                sqlstate="KD002",
            ) from None
        self.last_batch_id: int | None = last
        self._waiting: list[str] = []
        tables = cursor.execute(
            "SELECT table_name FROM duckdb_tables() WHERE database_name = ?", [self.alias]
        ).fetchall()
        self._tables = {name for (name,) in tables}
        if crash.at is not None:
            crash.at("state-ready")

    def table(self, name: str) -> str:
        """Return a state table's qualified name."""
        return f"{self.alias}.{quote(name)}"

    def row_count(self, name: str) -> int:
        """Return the number of rows of a state table; 0 when it does not exist."""
        if not self.has_table(name):
            return 0
        return int(self.value(f"SELECT count(*) FROM {self.table(name)}"))

    def has_table(self, name: str) -> bool:
        """Return whether a state table exists."""
        return name in self._tables

    def columns(self, name: str) -> list[tuple[str, str]]:
        """Return the columns of a state table with their types in DuckDB."""
        return self.columns_of(f"SELECT * FROM {self.table(name)}")

    def created(self, name: str) -> None:
        """Learn that a commit has created a state table."""
        self._tables.add(name)

    def dropped(self, name: str) -> None:
        """Learn that a commit has removed a state table."""
        self._tables.discard(name)

    def check_operator(
        self, operator_id: int, name: str, key_schema: Any, value_schema: Any, shown: Shown | None = None
    ) -> None:
        """Record an operator's schemas, or compare them with those that the state was written with.

        Args:
            operator_id: its number, from the sources on.
            name: Spark's name of it.
            key_schema: what must be the same for the state to fit.
            value_schema: likewise.
            shown: what `spark.read.format("statestore")` shows of it; without it, it is refused there.

        Raises:
            SparkRuntimeException: STATE_STORE_KEY_SCHEMA_NOT_COMPATIBLE, STATE_STORE_VALUE_SCHEMA_NOT_COMPATIBLE,
                STREAMING_STATEFUL_OPERATOR_NOT_MATCH_IN_STATE_METADATA.
        """
        new = (name, json.dumps(key_schema), json.dumps(value_schema))
        seen = None if shown is None else json.dumps(asdict(shown))
        rows = self.cursor.execute(
            f"SELECT name, key_schema, value_schema, shown FROM {self.alias}.operators WHERE operator_id = ?",
            [operator_id],
        ).fetchall()
        if not rows:
            if self.last_batch_id is not None:
                raise _other_operators(self.path, name)
            self.cursor.execute(
                f"INSERT INTO {self.alias}.operators VALUES (?, ?, ?, ?, ?)", [operator_id, *new, seen]
            )
            if crash.at is not None:
                crash.at("operator-noted")
            return
        row = rows[0]
        if row[0] != new[0]:
            raise _other_operators(self.path, name)
        for position, what in ((1, "KEY"), (2, "VALUE")):
            if row[position] != new[position]:
                raise SparkRuntimeException(
                    f"STATE_STORE_{what}_SCHEMA_NOT_COMPATIBLE",
                    f"Provided {what.lower()} schema does not match the existing state {what.lower()} schema. "
                    f"Existing: {row[position]}; provided: {new[position]}. A query cannot change its grouping keys or "
                    "aggregates over one checkpoint: use a new checkpointLocation.",
                    sqlstate="XXKST",
                    parameters={
                        f"stored{what.title()}Schema": row[position],
                        f"new{what.title()}Schema": new[position],
                    },
                )

        if row[3] != seen:
            self.cursor.execute(
                f"UPDATE {self.alias}.operators SET shown = ? WHERE operator_id = ?", [seen, operator_id]
            )

    def check_operators(self, count: int) -> None:
        """Compare how many operators there are with how many the state was written by.

        Raises:
            SparkRuntimeException: STREAMING_STATEFUL_OPERATOR_NOT_MATCH_IN_STATE_METADATA.
        """
        if self.value(f"SELECT count(*) FROM {self.alias}.operators") != count:
            raise _other_operators(self.path, f"{count} in all")

    def columns_of(self, select: str) -> list[tuple[str, str]]:
        """Return names and DuckDB's types of what a SELECT gives."""
        self._send()
        return [(row[0], row[1]) for row in self.cursor.execute(f"DESCRIBE {select}").fetchall()]

    def value(self, sql: str) -> Any:
        """Return the one value that a query gives."""
        self._send()
        [(found,)] = self.cursor.execute(sql).fetchall()
        return found

    def change(self, *statements: str) -> None:
        """Change state tables, within `transaction`, by statements whose counts nobody asks for."""
        # They go in one call with the next one: calls are a good part of a small batch's time.
        self._waiting.extend(statements)
        if crash.at is not None:
            self._send()
            crash.at("state-changed")

    def execute(self, statement: str) -> int:
        """Change state tables, within `transaction`; return how many rows the statement has changed."""
        self._waiting.append(statement)
        self._send()
        changed = changed_rows(self.cursor)
        if crash.at is not None:
            crash.at("state-changed")
        return changed

    def _send(self) -> None:
        if self._waiting:
            statements, self._waiting = self._waiting, []
            self.cursor.execute("; ".join(statements))

    @contextlib.contextmanager
    def transaction(self, batch_id: int) -> Iterator[None]:
        """Change state tables (`change`, `execute`) and record the batch, all or nothing."""
        self._waiting = ["BEGIN"]
        try:
            yield
            self._waiting += [f"UPDATE {self.alias}.progress SET batch_id = {batch_id}", "COMMIT"]
            self._send()
        except BaseException:
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        import duckdb

        with contextlib.suppress(duckdb.Error):  # the failed statement may have ended the transaction itself
            self.cursor.execute("ROLLBACK")

    def close(self) -> None:
        """Detach the database."""
        import duckdb

        if crash.at is not None:
            crash.at("state-detaching")
        with contextlib.suppress(duckdb.Error):  # the instance may be closed already
            self.cursor.execute(f"DETACH {self.alias}")
        if crash.at is not None:
            crash.at("state-detached")


def check_no_state(directory: str) -> None:
    """Refuse to go on without operators with state where there were some.

    Raises:
        SparkRuntimeException: STREAMING_STATEFUL_OPERATOR_NOT_MATCH_IN_STATE_METADATA.
    """
    path = os.path.join(directory, FILE_NAME)
    if os.path.exists(path):
        raise _other_operators(path, "none")


def _other_operators(path: str, name: str) -> SparkRuntimeException:
    return SparkRuntimeException(
        "STREAMING_STATEFUL_OPERATOR_NOT_MATCH_IN_STATE_METADATA",
        f"The streaming stateful operators of this query ({name}) do not match those in the state metadata of {path}. "
        "Stateful operators cannot be added, removed or changed over one checkpoint: use a new checkpointLocation.",
        sqlstate="42K03",
    )

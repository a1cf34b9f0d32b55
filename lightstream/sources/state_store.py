"""The formats `statestore` and `state-metadata`: the state of a query, as Spark's state data source shows it.

The state holds the newest batch only, in one partition. It can be read when no other process runs the query.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from lightstream.conf import Conf
from lightstream.errors import (
    NumberFormatException,
    SparkRuntimeException,
    UnsupportedOperationException,
    unsupported,
)
from lightstream.functions.spelling import quote, text_sql
from lightstream.plan import types as t
from lightstream.plan.required import Required
from lightstream.sources.contract import Scan, Stream
from lightstream.sources.paths import local_path

if TYPE_CHECKING:
    import duckdb
    import pyarrow

    from lightstream.database.connection import Database

FORMATS = ("statestore", "state-metadata")
_OF_BATCHES = (
    "snapshotstartbatchid", "snapshotpartitionid", "readchangefeed", "changestartbatchid", "changeendbatchid",
)  # fmt: skip


class StateReader:
    """The rows of one operator's state, or the operators of a state."""

    metadata: t.StructType | None = None

    def __init__(self, name: str, schema: t.StructType, items: list[str], source: str, state: _State) -> None:
        self.name = name
        self.schema = schema
        self._items = dict(zip(schema.names, items, strict=True))
        self._source = source
        self._state = state

    def scan(self, columns: tuple[Required, ...], cursor: duckdb.DuckDBPyConnection) -> Scan:
        """Return all rows; they are copied, so that the query can go on."""
        items = [f"{self._items[column.path[0]]} AS {quote(column.output)}" for column in columns]
        sql = f"SELECT {', '.join(items) or '1 AS one'} FROM {self._source}"
        if _PREFIX not in sql:
            return Scan(f"({sql})")
        rows = self._state.rows(sql)
        frame = f"lightstream_state_rows_{id(rows)}"
        return Scan(f"(SELECT * FROM {frame})", {frame: rows})

    def open_stream(self, source_directory: str | None, durable: bool, conf: Conf) -> Stream:
        """Refused."""
        raise _not_streamed(self.name)


def open_state_store(
    name: str,
    paths: tuple[str, ...],
    schema: t.StructType | None,
    options: Mapping[str, str],
    is_streaming: bool,
    database: Database,
) -> StateReader:
    """Return the reader of a checkpoint's state.

    Args:
        name: one of `FORMATS`.
        paths: the checkpoint's directory.
        schema: must be None.
        options: keys in lower case: operatorId, batchId, storeName, joinSide.
        is_streaming: must be False.
        database: the session's, which may have the state open.

    Raises:
        SparkRuntimeException: STDS_... conditions: no checkpoint, no such operator, an impossible option.
        UnsupportedOperationException: LIGHTSTREAM_UNSUPPORTED: older batches, and what Spark's buffers have and
            the state has not.
    """
    if is_streaming:
        raise _not_streamed(name)
    if schema is not None:
        raise UnsupportedOperationException(
            "_LEGACY_ERROR_TEMP_2242", "StateDataSource source does not support user-specified schema."
        )
    path = paths[0] if paths else options.get("path")
    if path is None:
        raise SparkRuntimeException(
            "STDS_REQUIRED_OPTION_UNSPECIFIED",
            "'path' must be specified.",
            sqlstate="42601",
            parameters={"optionName": "path"},
        )
    state = _State(local_path(path), database)
    if name == "state-metadata":
        return _operators(state)
    for option in _OF_BATCHES:
        if option in options:
            raise unsupported(f"The option {option} of statestore", "The state holds the newest batch only.")
    operator_id, batch_id = _whole(options, "operatorId", 0), _whole(options, "batchId", None)
    side = options.get("joinside", "none").lower()
    if side not in ("left", "right", "none"):
        raise _invalid("joinSide", "Valid values are left,right,none")
    store = options.get("storename", "default")
    if "statevarname" in options or store != "default":
        names = {i: operator for i, operator, _ in state.operators()}
        name_of = names.get(operator_id or 0, "")
        if name_of.startswith("transformWithState"):
            raise unsupported(
                f"Reading a variable of the state ({name_of})", "It is kept in another form than Spark's."
            )
        raise _invalid(
            "stateVarName", "Only operators with arbitrary state have stores by name; this one has not."
        )
    last = state.last_batch_id()
    if last is None and not state.has_commits():
        raise SparkRuntimeException(
            "STDS_COMMITTED_BATCH_UNAVAILABLE",
            f"There is no committed batch in the checkpoint {path}. Run the query first.",
            sqlstate="KD006",
            parameters={"checkpointLocation": path},
        )
    if last is not None and batch_id not in (None, last):
        raise unsupported(
            f"Batch {batch_id} of the state of {path}", f"The state holds the newest batch only, {last}."
        )
    operators = state.operators()
    known = operator_id is not None and operator_id < len(operators)
    if operator_id is None or not known or (side != "none" and operators[operator_id][2] is not None):
        raise SparkRuntimeException(
            "STDS_FAILED_TO_READ_STATE_SCHEMA",
            f"The checkpoint {path} has no state of operator {operator_id}"
            f"{'' if side == 'none' else f', join side {side}'}. It has {len(operators)} stateful operators.",
            sqlstate="42K03",
            parameters={
                "sourceOptions": f"checkpointLocation={path}, operatorId={operator_id}, joinSide={side}"
            },
        )
    _, operator, shown = operators[operator_id]
    if shown is None or shown["refused"]:
        what = f" of {shown['refused']}" if shown is not None else ""
        raise unsupported(f"Reading the state{what} ({operator})", "It is kept in another form than Spark's.")
    parts = [_struct(shown["keys"]), _struct(shown["values"])]
    fields = [t.StructField(n, kind) for n, (kind, _) in zip(("key", "value"), parts, strict=True)]
    found = t.StructType([*fields, t.StructField("partition_id", t.IntegerType())])
    items = [*(text for _, text in parts), "CAST(0 AS INTEGER)"]
    return StateReader(name, found, items, state.table(shown["table"], shown["stored_keys"]), state)


class _State:
    """The state database of a checkpoint, opened for each question."""

    def __init__(self, checkpoint: str, database: Database) -> None:
        self._path = os.path.join(checkpoint, "state", "state.duckdb")
        self._commits = os.path.join(checkpoint, "commits")
        self._database = database
        self._tables: set[str] = set()

    @contextlib.contextmanager
    def _open(self) -> Iterator[tuple[duckdb.DuckDBPyConnection, str]]:
        """Give a cursor, and the prefix of the state's tables: this process may have them open for a running query."""
        import duckdb

        own = self._database.cursor_if_open()
        if own is not None:
            found = own.execute(
                "SELECT database_name, path FROM duckdb_databases() WHERE path IS NOT NULL"
            ).fetchall()
            for alias, path in found:
                if os.path.realpath(path) == os.path.realpath(self._path):
                    yield own, f"{quote(alias)}.main."
                    return
        try:
            connection = duckdb.connect(self._path, read_only=True)
        except duckdb.Error as error:
            raise unsupported(
                f"Reading the state {self._path} now", f"Another process or session has it open. ({error})"
            ) from None
        with connection:
            yield connection, ""

    def rows(self, sql: str) -> pyarrow.Table:
        """Return what a SELECT over the tables (by the names that `table` gives) finds."""
        with self._open() as (cursor, prefix):
            return cursor.query(sql.replace(_PREFIX, prefix)).to_arrow_table()

    def _all(self, sql: str) -> list[tuple[Any, ...]]:
        if not os.path.exists(self._path):
            return []
        with self._open() as (cursor, prefix):
            return cursor.execute(sql.replace(_PREFIX, prefix)).fetchall()

    def has_commits(self) -> bool:
        """Return whether a batch of the query is committed."""
        try:
            return any(name.isdigit() for name in os.listdir(self._commits))
        except OSError:
            return False

    def last_batch_id(self) -> int | None:
        """Return the batch that the state is of."""
        rows = self._all(f"SELECT max(batch_id) FROM {_PREFIX}progress")
        return rows[0][0] if rows else None

    def operators(self) -> list[tuple[int, str, Any]]:
        """Return the operators as Spark numbers them: from the end of the flow."""
        rows = self._all(f"SELECT * FROM {_PREFIX}operators ORDER BY operator_id DESC")
        named = [(row[0], row[1], row[4] if len(row) > 4 else None) for row in rows]
        return [(i, name, None if shown is None else json.loads(shown)) for i, name, shown in named]

    def table(self, name: str, keys: list[str]) -> str:
        """Return the stored rows of an operator: all levels of `lightstream.operators.keyed`."""
        listed = self._all("SELECT table_name FROM duckdb_tables()")
        levels = [
            f"{_PREFIX}{quote(n)}" for n in (f"{name}_recent", f"{name}_middle", name) if (n,) in listed
        ]
        if not levels:
            raise unsupported("Reading a state without rows", "Run a batch with data first.")
        same = " AND ".join(f"s.{quote(k)} IS NOT DISTINCT FROM d.{quote(k)}" for k in keys) or "TRUE"
        rows = " UNION ALL ".join(
            f"SELECT s.* FROM {level} s" + "".join(f" ANTI JOIN {above} d ON {same}" for above in levels[:i])
            for i, level in enumerate(levels)
        )
        return f"({rows})"


_PREFIX = "\x01state\x01"


def _operators(state: _State) -> StateReader:
    last = state.last_batch_id()
    rows = [
        f"({number}, {text_sql(name)}, 'default', 1, {last}, {last}, CAST(NULL AS VARCHAR))"
        for number, (_, name, _) in enumerate(state.operators() if last is not None else [])
    ]
    schema = t.StructType(
        [
            t.StructField("operatorId", t.LongType()),
            t.StructField("operatorName", t.StringType()),
            t.StructField("stateStoreName", t.StringType()),
            t.StructField("numPartitions", t.IntegerType()),
            t.StructField("minBatchId", t.LongType()),
            t.StructField("maxBatchId", t.LongType()),
            t.StructField("operatorProperties", t.StringType()),
        ]
    )
    kinds = ("BIGINT", "VARCHAR", "VARCHAR", "INTEGER", "BIGINT", "BIGINT", "VARCHAR")
    items = [f"CAST(c{i} AS {kind})" for i, kind in enumerate(kinds)]
    names = ", ".join(f"c{i}" for i in range(len(kinds)))
    none = f"({', '.join(['NULL'] * len(kinds))})"
    source = f"(SELECT * FROM (VALUES {', '.join(rows) or none}) v({names}) WHERE c0 IS NOT NULL)"
    return StateReader("state-metadata", schema, items, source, state)


def _struct(columns: list[list[Any]]) -> tuple[t.StructType, str]:
    if not columns:
        raise unsupported("Reading a state without keys", "Spark shows a struct without fields.")
    known = [name.lower() for name, _, _ in columns]
    twice = sorted({name for name in known if known.count(name) > 1})
    if twice:
        raise unsupported(
            f"Reading a state with several columns {', '.join(twice)}", "DuckDB has no such structs."
        )
    fields = [{"name": name, "type": kind, "nullable": True, "metadata": {}} for name, kind, _ in columns]
    schema = t.StructType.fromJson({"type": "struct", "fields": fields})
    names = [f"{quote(name)} := {text}" for name, _, text in columns]
    return schema, f"struct_pack({', '.join(names)})"


def _whole(options: Mapping[str, str], name: str, default: int | None) -> int | None:
    text = options.get(name.lower())
    if text is None:
        return default
    try:
        value = int(text)
    except ValueError:
        raise NumberFormatException(None, f'For input string: "{text}"') from None
    if value < 0:
        raise SparkRuntimeException(
            "STDS_INVALID_OPTION_VALUE.IS_NEGATIVE",
            f"Invalid value for source option '{name}': cannot be negative.",
            sqlstate="42616",
            parameters={"optionName": name},
        )
    return value


def _invalid(option: str, why: str) -> SparkRuntimeException:
    return SparkRuntimeException(
        "STDS_INVALID_OPTION_VALUE.WITH_MESSAGE",
        f"Invalid value for source option '{option}': {why}",
        sqlstate="42616",
        parameters={"optionName": option, "message": why},
    )


def _not_streamed(name: str) -> UnsupportedOperationException:
    return UnsupportedOperationException(
        "_LEGACY_ERROR_TEMP_2049", f"Data source {name} does not support streamed reading."
    )

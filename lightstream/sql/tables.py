"""Tables of the session's DuckDB database: created, filled and looked up."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Literal

from lightstream.analyze.analyzer import table_not_found
from lightstream.dataclass import dataclass
from lightstream.errors import AnalysisException, ParseException, unsupported
from lightstream.plan import expressions as e
from lightstream.plan import logical as lp
from lightstream.plan import relations as r
from lightstream.plan import types as t

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

    from lightstream.execute.session import SessionState
    from lightstream.sql.dataframe import DataFrame
    from lightstream.sql.session import SparkSession

SaveMode = Literal["append", "overwrite", "ignore", "error"]
_PART = r"(?:\w+|`(?:[^`]|``)+`)"
_NAME = re.compile(rf"{_PART}(?:\.{_PART})*")


@dataclass(frozen=True, slots=True)
class TablePath:
    """A table's place: DuckDB's schema and name."""

    schema: str
    name: str

    @property
    def shown(self) -> str:
        """The name as Spark's messages have it."""
        return f"`spark_catalog`.`{'default' if self.schema == 'main' else self.schema}`.`{self.name}`"

    def sql(self) -> str:
        """The quoted name."""
        from lightstream.functions.spelling import quote

        return f"{quote(self.schema)}.{quote(self.name)}"


def table_name(text: str) -> tuple[str, ...]:
    """Return the parts of a table's name; a part that is not a word stands in backquotes.

    Raises:
        ParseException: it is no name.
    """
    from lightstream.parse.failure import empty_statement
    from lightstream.parse.identifier import parse_identifier

    if not text.strip():
        raise empty_statement(text)
    if _NAME.fullmatch(text.strip()) is None:
        raise ParseException(
            "PARSE_SYNTAX_ERROR",
            f"'{text}' is no name of a table or view. Put parts with other characters than letters, digits and "
            "underscores in backquotes.",
            sqlstate="42601",
            parameters={"error": f"'{text}'", "hint": ""},
        )
    return parse_identifier(text.strip())


def path_of(state: SessionState, parts: tuple[str, ...]) -> TablePath:
    """Return a table's place from the parts of its name; Spark's `default` is DuckDB's `main`."""
    left = [
        p for i, p in enumerate(parts) if not (i == 0 and len(parts) == 3 and p.lower() == "spark_catalog")
    ]
    if len(left) > 2:
        raise AnalysisException(
            "REQUIRES_SINGLE_PART_NAMESPACE",
            f"The table name {'.'.join(parts)} must have at most a schema before it.",
            sqlstate="42K05",
            parameters={"sessionCatalog": "spark_catalog", "namespace": ".".join(parts[:-1])},
        )
    schema = left[0] if len(left) == 2 else state.conf.schema.lower()
    return TablePath("main" if schema.lower() == "default" else schema, left[-1])


def find(state: SessionState, parts: tuple[str, ...]) -> lp.LogicalPlan | None:
    """Return the scan of a table of the database (temporary views do not count), None when there is none."""
    from lightstream.execute.tables import find_table

    path = path_of(state, parts)
    return find_table((path.schema, path.name), state)


def need(state: SessionState, parts: tuple[str, ...]) -> lp.LogicalPlan:
    """Return the scan of a table of the database.

    Raises:
        AnalysisException: TABLE_OR_VIEW_NOT_FOUND.
    """
    found = find(state, parts)
    if found is None:
        raise table_not_found(parts, state.conf.schema)
    return found


# ---- writing --------------------------------------------------------------------------------------------------


def save_table(session: SparkSession, name: str, df: DataFrame, mode: SaveMode) -> None:
    """Write a DataFrame as a table."""
    parts = table_name(name)
    present = find(session._state, parts)
    if present is None or mode == "overwrite":
        create_table(session._state, path_of(session._state, parts), df._plan.schema, df._plan)
    elif mode == "error":
        raise exists_already(path_of(session._state, parts))
    elif mode == "append":
        _append_by_name(session._state, path_of(session._state, parts), present, df._plan)


def exists_already(path: TablePath) -> AnalysisException:
    """Return TABLE_OR_VIEW_ALREADY_EXISTS."""
    return AnalysisException(
        "TABLE_OR_VIEW_ALREADY_EXISTS",
        f"Cannot create table or view {path.shown} because it already exists. Choose a different name, drop the "
        'existing one, or use mode("append"), mode("overwrite") or IF NOT EXISTS.',
        sqlstate="42P07",
        parameters={"relationName": path.shown},
    )


def create_table(
    state: SessionState,
    path: TablePath,
    schema: t.StructType,
    query: lp.LogicalPlan | None = None,
    comment: str | None = None,
) -> None:
    """Create a table (in place of one of that name), with the rows of a query. Spark: its columns can be NULL."""
    from lightstream.functions.spelling import duck_type, quote, text_sql
    from lightstream.sinks.memory import check_columns

    check_columns(schema)
    for field in schema.fields:
        _check_storable(field.name, field.dataType)
    if query is not None:
        _check_not_read(path, query, state)
    columns = ", ".join(f"{quote(f.name)} {duck_type(f.dataType)}" for f in schema.fields)
    cursor = state.database.cursor(state.conf.time_zone)
    _check_schema(cursor, path)
    create = [f"CREATE OR REPLACE TABLE {path.sql()} ({columns})"]
    if comment is not None:
        create.append(f"COMMENT ON TABLE {path.sql()} IS {text_sql(comment)}")
    if query is not None:
        _insert(state, cursor, path, schema.names, query, create)
        return
    with transaction(cursor):
        for statement in create:
            cursor.execute(statement)


def insert_into(session: SparkSession, name: str, df: DataFrame, overwrite: bool) -> None:
    """Insert the rows of a DataFrame into a table, by position."""
    insert(session._state, table_name(name), df._plan, overwrite=overwrite)


def insert(
    state: SessionState,
    parts: tuple[str, ...],
    query: lp.LogicalPlan,
    *,
    overwrite: bool = False,
    columns: tuple[str, ...] = (),
    by_name: bool = False,
) -> None:
    """Insert the rows of a query into a table by position, into named columns, or by name.

    Raises:
        AnalysisException: TABLE_OR_VIEW_NOT_FOUND, INSERT_COLUMN_ARITY_MISMATCH, INCOMPATIBLE_DATA_FOR_TABLE.
    """
    path, table = path_of(state, parts), need(state, parts)
    targets = {a.name.lower(): a for a in table.output}
    if by_name:
        columns = tuple(a.name for a in query.output)
    chosen: list[e.Attribute] = list(table.output)
    if columns:
        for name in columns:
            if name.lower() not in targets:
                raise AnalysisException(
                    "UNRESOLVED_COLUMN.WITH_SUGGESTION",
                    f"The table {path.shown} has no column `{name}`. Its columns are "
                    f"{', '.join(f'`{a.name}`' for a in table.output)}.",
                    sqlstate="42703",
                    parameters={
                        "objectName": f"`{name}`",
                        "proposal": ", ".join(f"`{a.name}`" for a in table.output),
                    },
                )
        chosen = [targets[name.lower()] for name in columns]
    if len(query.output) != len(chosen):
        raise _arity_mismatch(path, chosen, query)
    stored = _stored(state, path, query, chosen)
    if overwrite:
        _check_not_read(path, query, state)
    cursor = state.database.cursor(state.conf.time_zone)
    first = [f"DELETE FROM {path.sql()}"] if overwrite else []
    _insert(state, cursor, path, [a.name for a in chosen], stored, first)


def _append_by_name(
    state: SessionState, path: TablePath, table: lp.LogicalPlan, query: lp.LogicalPlan
) -> None:
    names = {a.name.lower() for a in table.output}
    if len(query.output) != len(table.output):
        raise AnalysisException(
            "_LEGACY_ERROR_TEMP_1161",
            f"The column number of the existing table {path.shown.replace('`', '')} ({table.schema.simpleString()}) "
            f"doesn't match the data schema ({query.schema.simpleString()}).",
            parameters={
                "tableName": path.shown.replace("`", ""),
                "existingTableSchema": table.schema.simpleString(),
                "querySchema": query.schema.simpleString(),
            },
        )
    for attribute in query.output:
        if attribute.name.lower() not in names:
            raise AnalysisException(
                "_LEGACY_ERROR_TEMP_1162",
                f"Cannot resolve '{attribute.name}' given input columns: "
                f"[{', '.join(a.name for a in table.output)}].",
            )
    insert(state, (path.schema, path.name), query, by_name=True)


def _arity_mismatch(path: TablePath, targets: list[e.Attribute], query: lp.LogicalPlan) -> AnalysisException:
    few = len(query.output) < len(targets)
    table_columns = ", ".join(f"`{a.name}`" for a in targets)
    data_columns = ", ".join(f"`{a.name}`" for a in query.output)
    return AnalysisException(
        f"INSERT_COLUMN_ARITY_MISMATCH.{'NOT_ENOUGH' if few else 'TOO_MANY'}_DATA_COLUMNS",
        f"Cannot write to {path.shown}, the reason is {'not enough' if few else 'too many'} data columns: "
        f"table columns: {table_columns}; data columns: {data_columns}.",
        sqlstate="21S01",
        parameters={"tableName": path.shown, "tableColumns": table_columns, "dataColumns": data_columns},
    )


def _stored(
    state: SessionState, path: TablePath, query: lp.LogicalPlan, targets: list[e.Attribute]
) -> lp.LogicalPlan:
    """Return the query with its columns in the types of the table, by Spark's ANSI rules of assignment."""
    from lightstream.functions.casts import can_store

    items: list[e.Expression] = []
    for source, target in zip(query.output, targets, strict=True):
        if source.type == target.type:
            items.append(source)
            continue
        if not can_store(source.type, target.type):
            raise AnalysisException(
                "INCOMPATIBLE_DATA_FOR_TABLE.CANNOT_SAFELY_CAST",
                f"Cannot write incompatible data for the table {path.shown}: cannot safely cast `{target.name}` "
                f'"{source.type.sql()}" to "{target.type.sql()}".',
                sqlstate="KD000",
                parameters={
                    "tableName": path.shown,
                    "colName": f"`{target.name}`",
                    "srcType": f'"{source.type.sql()}"',
                    "targetType": f'"{target.type.sql()}"',
                },
            )
        items.append(e.Alias(e.Cast(source, target.type), (target.name,)))
    if all(isinstance(item, e.Attribute) for item in items):
        return query
    return state.analyze(r.Project(query, tuple(items)))


def _insert(
    state: SessionState,
    cursor: duckdb.DuckDBPyConnection,
    path: TablePath,
    names: Sequence[str],
    query: lp.LogicalPlan,
    first: Sequence[str],
) -> None:
    """Insert the rows of a query in a transaction, after other statements."""
    import time

    from lightstream.execute.batch import batch_scan, compile_observed, insert_compiled, set_now
    from lightstream.functions.spelling import quote

    if query.is_streaming:
        from lightstream.sql.dataframe_actions import streaming_action

        raise streaming_action(query)
    compiled = compile_observed(query, state.conf, cursor)
    set_now(cursor, time.time_ns() // 1000)
    prefix = f"INSERT INTO {path.sql()} ({', '.join(map(quote, names))}) "
    insert_compiled(compiled, cursor, batch_scan, first, prefix)


@contextmanager
def transaction(cursor: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Run statements of a cursor together, or none of them.

    Raises:
        PySparkException: Spark's error for what DuckDB refused.
    """
    import duckdb

    from lightstream.execute.errors import translated

    try:
        cursor.execute("BEGIN")
        yield
        cursor.execute("COMMIT")
    except Exception as error:
        with suppress(duckdb.Error):  # a COMMIT that failed has rolled back already
            cursor.execute("ROLLBACK")
        raise translated(error) from None


def _check_storable(name: str, data_type: t.DataType) -> None:
    """Refuse types that would come back from DuckDB as others."""
    match data_type:
        case t.ArrayType():
            _check_storable(name, data_type.elementType)
        case t.MapType():
            _check_storable(name, data_type.keyType)
            _check_storable(name, data_type.valueType)
        case t.StructType():
            for field in data_type.fields:
                _check_storable(f"{name}.{field.name}", field.dataType)
        case t.NullType() | t.AnsiIntervalType() | t.CalendarIntervalType() | t.VariantType():
            raise unsupported(
                f"A table column of the type {data_type.simpleString()} (`{name}`)",
                "Cast it to another type.",
            )


def _check_schema(cursor: duckdb.DuckDBPyConnection, path: TablePath) -> None:
    rows = cursor.execute(
        "SELECT 1 FROM duckdb_schemas() WHERE database_name = current_database() AND lower(schema_name) = lower(?)",
        [path.schema],
    ).fetchall()
    if not rows:
        raise schema_not_found(path.schema)


def schema_not_found(name: str) -> AnalysisException:
    """Return SCHEMA_NOT_FOUND."""
    return AnalysisException(
        "SCHEMA_NOT_FOUND",
        f"The schema `spark_catalog`.`{name}` cannot be found. Verify the spelling.",
        sqlstate="42704",
        parameters={"schemaName": f"`spark_catalog`.`{name}`"},
    )


def _check_not_read(path: TablePath, query: lp.LogicalPlan, state: SessionState) -> None:
    """Refuse to replace a table by rows that are read from it."""
    present = find(state, (path.schema, path.name))
    if isinstance(present, lp.TableScan) and any(
        isinstance(node, lp.TableScan) and node.table == present.table for node in query.walk()
    ):
        raise AnalysisException(
            "UNSUPPORTED_OVERWRITE.TABLE",
            f"Can't overwrite the target that is also being read from: the table {path.shown}.",
            sqlstate="42902",
            parameters={"table": path.shown},
        )


# ---- looking up -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TableEntry:
    """A table, a view of the database, or a temporary view."""

    name: str
    schema: str | None
    kind: str  # MANAGED, VIEW, TEMPORARY
    comment: str | None = None

    @property
    def is_temporary(self) -> bool:
        """Whether it is a temporary view."""
        return self.kind == "TEMPORARY"


def entries(state: SessionState, schema: str | None, pattern: str | None = None) -> list[TableEntry]:
    """Return the tables and views of a schema (the current one without), and the temporary views.

    Raises:
        AnalysisException: SCHEMA_NOT_FOUND.
    """
    from lightstream.sinks.memory import MARK

    schema = state.conf.schema.lower() if schema is None else schema
    wanted = "main" if schema.lower() == "default" else schema
    if wanted.lower() == "global_temp":
        views = [TableEntry(name, "global_temp", "TEMPORARY") for name in sorted(state.database.global_views)]
        views += [TableEntry(name, None, "TEMPORARY") for name in sorted(state.views)]
        return [entry for entry in views if matches(entry.name, pattern)]
    cursor = state.database.cursor()
    _check_schema(cursor, TablePath(wanted, ""))
    rows = cursor.execute(
        "SELECT table_name, 'MANAGED', comment FROM duckdb_tables() WHERE database_name = current_database() AND "
        "lower(schema_name) = lower($1) AND NOT temporary AND NOT internal UNION ALL "
        "SELECT view_name, 'VIEW', comment FROM duckdb_views() WHERE database_name = current_database() AND "
        "lower(schema_name) = lower($1) AND NOT temporary AND NOT internal ORDER BY 1",
        [wanted],
    ).fetchall()
    shown = "default" if wanted == "main" else wanted
    # The table of a memory sink is a temporary view of the session that made it, and listed as that.
    found = [TableEntry(name, shown, kind, comment) for name, kind, comment in rows if comment != MARK]
    found += [TableEntry(name, None, "TEMPORARY") for name in sorted(state.views)]
    return [entry for entry in found if matches(entry.name, pattern)]


def schemas(state: SessionState, pattern: str | None = None) -> list[str]:
    """Return the schemas of the database, DuckDB's `main` as Spark's `default`."""
    rows = state.database.cursor().execute(
        "SELECT schema_name FROM duckdb_schemas() WHERE database_name = current_database() AND NOT internal AND "
        "schema_name NOT IN ('information_schema', 'pg_catalog', 'lightstream', 'main') ORDER BY 1"
    )
    found = sorted(["default", *(name for (name,) in rows.fetchall())])
    return [name for name in found if matches(name, pattern)]


def matches(name: str, pattern: str | None) -> bool:
    """Return whether a name fits a pattern of SHOW: `*` for anything, `|` between alternatives, any case."""
    if pattern is None:
        return True
    return any(
        re.fullmatch(part.strip().replace("*", ".*"), name, re.IGNORECASE) for part in pattern.split("|")
    )

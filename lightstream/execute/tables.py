"""Tables of the session's database as plans: DuckDB's types read as Spark's."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lightstream.conf import DEFAULT_SCHEMA
from lightstream.errors import AnalysisException, unsupported
from lightstream.functions.spelling import quote
from lightstream.plan import expressions as e
from lightstream.plan import logical as lp
from lightstream.plan import types as t

if TYPE_CHECKING:
    from lightstream.execute.session import SessionState

_TYPES: dict[str, t.DataType] = {
    "BOOLEAN": t.BooleanType(), "TINYINT": t.ByteType(), "SMALLINT": t.ShortType(), "INTEGER": t.IntegerType(),
    "BIGINT": t.LongType(), "FLOAT": t.FloatType(), "DOUBLE": t.DoubleType(), "VARCHAR": t.StringType(),
    "BLOB": t.BinaryType(), "DATE": t.DateType(), "TIMESTAMP": t.TimestampNTZType(), "TIME": t.TimeType(),
    "TIMESTAMP WITH TIME ZONE": t.TimestampType(), "UTINYINT": t.ShortType(), "USMALLINT": t.IntegerType(),
    "UINTEGER": t.LongType(), "UBIGINT": t.DecimalType(20, 0), "HUGEINT": t.DecimalType(38, 0),
    "JSON": t.StringType(), "UUID": t.StringType(),
}  # fmt: skip


KINDS_OF_TABLES = ("duckdb", "parquet", "orc", "json", "default")
"""How Spark would keep a table's rows; here the database does, and no query can tell."""


def find_table(name: tuple[str, ...], session: SessionState) -> lp.TableScan | None:
    """Return the scan of a table or view in the session's database, None when there is none of that name."""
    rows = _columns(name, session)
    if not rows:
        return None
    return table_scan(_full_name(rows), [(row[3], row[4], bool(row[5])) for row in rows])


def find_stream(
    name: tuple[str, ...], session: SessionState, options: Mapping[str, str]
) -> lp.DataSourceScan | None:
    """Return the stream of the rows that are appended to a table; None when there is none of that name.

    Raises:
        AnalysisException: it is a view of the database.
    """
    from lightstream.sources.registry import scan_of
    from lightstream.sources.table import TableReader

    rows = _columns(name, session)
    if not rows:
        return None
    text = ".".join(name)
    tables = session.database.cursor().execute(
        "SELECT 1 FROM duckdb_tables() WHERE database_name = ? AND schema_name = ? AND table_name = ?",
        rows[0][:3],
    )
    if not tables.fetchall():
        raise AnalysisException(
            "_LEGACY_ERROR_TEMP_1018",
            f"{text} is a permanent view, which is not supported by streaming reading API such as "
            "`DataStreamReader.table` yet.",
            parameters={"quoted": text},
        )
    # Spark: no column of a stream of files is known to have no nulls.
    schema = t.StructType([t.StructField(row[3], spark_type(row[4]), True) for row in rows])
    return scan_of(TableReader(text, _full_name(rows), schema, session.database, options), streaming=True)


def _columns(name: tuple[str, ...], session: SessionState) -> list[tuple[Any, ...]]:
    """Return the columns of a table or view: its name in three parts, name, type, whether it may be null."""
    path = [part for part in name if part.lower() not in ("spark_catalog",)]
    if len(path) > 2:
        return []
    cursor = session.database.cursor()
    schema = path[0] if len(path) == 2 else session.conf.schema
    schema = "main" if schema.lower() == DEFAULT_SCHEMA else schema
    return cursor.execute(
        "SELECT database_name, schema_name, table_name, column_name, data_type, is_nullable FROM duckdb_columns() "
        "WHERE database_name = current_database() AND lower(schema_name) = lower(?) AND lower(table_name) = lower(?) "
        "ORDER BY column_index",
        [schema, path[-1]],
    ).fetchall()


def _full_name(rows: list[tuple[Any, ...]]) -> str:
    return ".".join(map(quote, rows[0][:3]))


def table_scan(table: str, columns: list[tuple[str, str, bool]]) -> lp.TableScan:
    """Return the scan of a table whose columns are given as (name, DuckDB type, nullable)."""
    attributes = tuple(
        e.Attribute(name, spark_type(duck), nullable, e.fresh_id()) for name, duck, nullable in columns
    )
    return lp.TableScan(attributes, table, tuple(name for name, _, _ in columns))


def schema_scan(table: str, schema: t.StructType, names: tuple[str, ...] | None = None) -> lp.TableScan:
    """Return the scan of a table whose Spark schema is known."""
    attributes = tuple(
        e.Attribute(f.name, f.dataType, f.nullable, e.fresh_id(), (), f.metadata) for f in schema
    )
    return lp.TableScan(attributes, table, names or tuple(schema.names))


def spark_type(duck: str) -> t.DataType:
    """Return the Spark type of a DuckDB column type.

    Raises:
        UnsupportedOperationException: Spark has no such type.
    """
    known = _TYPES.get(duck)
    if known is not None:
        return known
    if match := re.fullmatch(r"DECIMAL\((\d+),\s*(\d+)\)", duck):
        return t.DecimalType(int(match[1]), int(match[2]))
    if duck.endswith("[]"):
        return t.ArrayType(spark_type(duck[:-2]))
    if match := re.fullmatch(r"(STRUCT|MAP)\((.*)\)", duck, re.DOTALL):
        parts = _split(match[2])
        if match[1] == "MAP":
            return t.MapType(spark_type(parts[0]), spark_type(parts[1]))
        fields = []
        for part in parts:
            found = re.match(r'("(?:[^"]|"")*"|\S+)\s+(.*)', part, re.DOTALL)
            if found is None:
                break
            fields.append(t.StructField(found[1].strip('"').replace('""', '"'), spark_type(found[2])))
        else:
            return t.StructType(fields)
    raise unsupported(f"The DuckDB type {duck}", "Cast the column in a DuckDB view.")


def _split(text: str) -> list[str]:
    """Split at the commas that are not inside brackets or quotes."""
    parts, depth, start, quoted = [], 0, 0, False
    for i, character in enumerate(text):
        if character == '"':
            quoted = not quoted
        elif not quoted and character in "([":
            depth += 1
        elif not quoted and character in ")]":
            depth -= 1
        elif not quoted and depth == 0 and character == ",":
            parts.append(text[start:i].strip())
            start = i + 1
    return [*parts, text[start:].strip()]

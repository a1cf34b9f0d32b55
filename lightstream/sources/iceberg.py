"""Iceberg tables as a source, by the library pyiceberg: a snapshot for a batch query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lightstream.conf import Conf
from lightstream.errors import (
    AnalysisException,
    IllegalArgumentException,
    QueryExecutionException,
    missing_package,
    unsupported,
)
from lightstream.functions.spelling import quote
from lightstream.plan import types as t
from lightstream.plan.required import Required
from lightstream.sources.contract import Scan, Stream

if TYPE_CHECKING:
    import duckdb
    from pyiceberg.catalog import Catalog
    from pyiceberg.table import Table

READ_OPTIONS = ("path", "catalog", "snapshot-id", "as-of-timestamp")
_CATALOG = "catalog."


def iceberg_module() -> Any:
    """Return the library.

    Raises:
        PySparkImportError: PACKAGE_NOT_INSTALLED.
    """
    try:
        import pyiceberg
        import pyiceberg.catalog
        import pyiceberg.exceptions
    except ImportError:
        raise missing_package("An Iceberg table", "pyiceberg", "iceberg") from None
    return pyiceberg


def open_catalog(options: Mapping[str, str], known: Sequence[str]) -> Catalog:
    """Return the catalog that options name: by `catalog` in pyiceberg's configuration, by `catalog.*` its properties.

    Args:
        options: keys in lower case.
        known: the other options that there are.

    Raises:
        UnsupportedOperationException: another option.
        IllegalArgumentException: there is no such catalog.
    """
    pyiceberg = iceberg_module()
    properties = {key.removeprefix(_CATALOG): v for key, v in options.items() if key.startswith(_CATALOG)}
    unknown = sorted(key for key in options if key not in known and not key.startswith(_CATALOG))
    if unknown:
        raise unsupported(f"The option {unknown[0]} of the format iceberg")
    try:
        catalog: Catalog = pyiceberg.catalog.load_catalog(options.get("catalog", "default"), **properties)
    except (ValueError, pyiceberg.exceptions.NotInstalledError) as error:
        raise IllegalArgumentException(
            None,
            f"The Iceberg catalog cannot be opened: {error}. Give its properties as options, such as catalog.type, "
            "catalog.uri and catalog.warehouse, or its name in pyiceberg's configuration as the option catalog.",
        ) from None
    return catalog


def open_iceberg(
    paths: Sequence[str], schema: t.StructType | None, options: Mapping[str, str], is_streaming: bool
) -> IcebergReader:
    """Return the reader of a table.

    Args:
        paths: its name in the catalog, `shop.orders`.
        schema: must be None.
        options: keys in lower case.
        is_streaming: refused.

    Raises:
        AnalysisException: TABLE_OR_VIEW_NOT_FOUND.
        PySparkImportError: pyiceberg is missing.
        UnsupportedOperationException: a stream; a schema; a type that Spark does not have.
    """
    if is_streaming:
        raise unsupported("Reading an Iceberg table as a stream")
    if schema is not None:
        raise unsupported("A schema for an Iceberg table", "Leave .schema(...) out: the table has its own.")
    if len(paths) != 1:
        raise IllegalArgumentException("_LEGACY_ERROR_TEMP_2047", "'path' is not specified.")
    catalog = open_catalog(options, READ_OPTIONS)
    pyiceberg = iceberg_module()
    try:
        table = catalog.load_table(paths[0])
    except (pyiceberg.exceptions.NoSuchTableError, pyiceberg.exceptions.NoSuchNamespaceError, ValueError):
        raise AnalysisException(
            "TABLE_OR_VIEW_NOT_FOUND",
            f"The Iceberg catalog has no table {paths[0]}.",
            sqlstate="42P01",
            parameters={"relationName": paths[0]},
        ) from None
    return IcebergReader(paths[0], table, _snapshot_id(table, paths[0], options))


def _snapshot_id(table: Table, path: str, options: Mapping[str, str]) -> int | None:
    for name in ("snapshot-id", "as-of-timestamp"):
        if name in options and not options[name].isdecimal():
            raise IllegalArgumentException(
                None, f"The option {name} is a whole number, not {options[name]!r}."
            )
    if "snapshot-id" in options and "as-of-timestamp" in options:
        raise IllegalArgumentException(None, "Give snapshot-id or as-of-timestamp, not both.")
    if "as-of-timestamp" in options:
        found = table.snapshot_as_of_timestamp(int(options["as-of-timestamp"]))
    elif "snapshot-id" in options:
        found = table.snapshot_by_id(int(options["snapshot-id"]))
    else:
        return None
    if found is None:
        raise IllegalArgumentException(None, f"The Iceberg table {path} has no such snapshot.")
    return int(found.snapshot_id)


class IcebergReader:
    """A table at one snapshot."""

    metadata: t.StructType | None = None

    def __init__(self, path: str, table: Table, snapshot_id: int | None) -> None:
        self.name = f"iceberg {path}"
        self._path = path
        self._table = table
        self._snapshot_id = snapshot_id
        schema = table.schema()
        if snapshot_id is not None:
            schema = table.scan(snapshot_id=snapshot_id).projection()
        self.schema = t.StructType([_field(field) for field in schema.fields])

    def scan(self, columns: tuple[Required, ...], cursor: duckdb.DuckDBPyConnection) -> Scan:
        """Return all rows.

        Raises:
            QueryExecutionException: FAILED_READ_FILE.NO_HINT.
        """
        names = tuple(dict.fromkeys(column.path[0] for column in columns)) or (self.schema.names[0],)
        try:
            rows = self._table.scan(selected_fields=names, snapshot_id=self._snapshot_id).to_arrow()
        except (OSError, ValueError) as error:
            raise QueryExecutionException(
                "FAILED_READ_FILE.NO_HINT",
                f"The Iceberg table {self._path} cannot be read: {error}",
                sqlstate="KD001",
                parameters={"path": self._path},
            ) from error
        frame = f"lightstream_iceberg_{id(rows)}"
        items = ", ".join(f"{quote(column.path[0])} AS {quote(column.output)}" for column in columns)
        return Scan(f"(SELECT {items or '1 AS one'} FROM {frame})", {frame: rows}, rows=rows.num_rows)

    def open_stream(self, source_directory: str | None, durable: bool, conf: Conf) -> Stream:
        """Never called: streams are refused."""
        raise unsupported("Reading an Iceberg table as a stream")


def _field(field: Any) -> t.StructField:
    return t.StructField(field.name, _spark_type(field.field_type, field.name), not field.required)


def _spark_type(kind: Any, name: str) -> t.DataType:
    from pyiceberg import types as i

    match kind:
        case i.StructType():
            return t.StructType([_field(field) for field in kind.fields])
        case i.ListType():
            return t.ArrayType(_spark_type(kind.element_type, name), not kind.element_required)
        case i.MapType():
            key, value = _spark_type(kind.key_type, name), _spark_type(kind.value_type, name)
            return t.MapType(key, value, not kind.value_required)
        case i.DecimalType():
            return t.DecimalType(kind.precision, kind.scale)
    known: dict[Any, t.DataType] = {
        i.BooleanType: t.BooleanType(), i.IntegerType: t.IntegerType(), i.LongType: t.LongType(),
        i.FloatType: t.FloatType(), i.DoubleType: t.DoubleType(), i.DateType: t.DateType(),
        i.TimestampType: t.TimestampNTZType(), i.TimestamptzType: t.TimestampType(), i.StringType: t.StringType(),
        i.BinaryType: t.BinaryType(), i.FixedType: t.BinaryType(),
    }  # fmt: skip
    if type(kind) not in known:
        raise unsupported(f"The Iceberg column {name} ({kind})")
    return known[type(kind)]

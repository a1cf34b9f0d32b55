"""Which columns of some rows go into files and which into the names of directories, and what Spark refuses there."""

from __future__ import annotations

from collections.abc import Sequence

from lightstream.dataclass import dataclass
from lightstream.errors import AnalysisException
from lightstream.plan import types as t

_NAMES = {"parquet": "Parquet", "orc": "ORC", "avro": "Avro", "json": "JSON", "csv": "CSV", "text": "Text"}
Column = tuple[t.StructField, str]
"""A column, and what it is called in the statement that has the rows: `c0`, `c1`, ..."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of files and those of directories, in their order."""

    data: tuple[Column, ...]
    partitions: tuple[Column, ...]

    @property
    def schema(self) -> t.StructType:
        """The columns of the files."""
        return t.StructType([field for field, _ in self.data])


def make_layout(schema: t.StructType, partition_by: Sequence[str], *, case_sensitive: bool) -> Layout:
    """Return the layout of rows.

    Raises:
        AnalysisException: COLUMN_ALREADY_EXISTS, ALL_PARTITION_COLUMNS_NOT_ALLOWED,
            INVALID_PARTITION_COLUMN_DATA_TYPE; a column that is not there.
    """

    def key(name: str) -> str:
        return name if case_sensitive else name.lower()

    refuse_duplicates([key(name) for name in partition_by])
    columns = [(field, f"c{position}") for position, field in enumerate(schema)]
    partitions = []
    for name in partition_by:
        column = next((c for c in columns if key(c[0].name) == key(name)), None)
        if column is None:
            raise AnalysisException(
                "_LEGACY_ERROR_TEMP_1155",
                f"Partition column `{name}` not found in schema {schema.simpleString()}.",
                parameters={"col": name, "schemaCatalog": schema.simpleString()},
            )
        field = column[0]
        if isinstance(field.dataType, t.StructType | t.ArrayType | t.MapType | t.NullType | t.VariantType):
            raise AnalysisException(
                "INVALID_PARTITION_COLUMN_DATA_TYPE",
                f'Cannot use "{field.dataType.sql()}" for partition column.',
                sqlstate="0A000",
                parameters={"type": f'"{field.dataType.sql()}"'},
            )
        # The directory is called as the program says, not as the column.
        partitions.append((t.StructField(name, field.dataType, field.nullable), column[1]))
    chosen = {name for _, name in partitions}
    data = tuple(column for column in columns if column[1] not in chosen)
    if partitions and not data:
        raise AnalysisException(
            "ALL_PARTITION_COLUMNS_NOT_ALLOWED",
            "Cannot use all columns for partition columns: a file would have none.",
            sqlstate="KD005",
        )
    return Layout(data, tuple(partitions))


def refuse_duplicates(names: Sequence[str]) -> None:
    """Refuse a name that is there twice.

    Raises:
        AnalysisException: COLUMN_ALREADY_EXISTS.
    """
    for position, name in enumerate(names):
        if name in names[:position]:
            raise AnalysisException(
                "COLUMN_ALREADY_EXISTS",
                f"The column `{name}` already exists. Choose another name or rename the existing column.",
                sqlstate="42711",
                parameters={"columnName": f"`{name}`"},
            )


def refuse_empty(format: str, schema: t.StructType) -> None:
    """Refuse a schema, or a struct in it, without fields.

    Raises:
        AnalysisException: EMPTY_SCHEMA_NOT_SUPPORTED_FOR_DATASOURCE.
    """
    if not schema.fields or any(_has_empty(field.dataType) for field in schema):
        raise AnalysisException(
            "EMPTY_SCHEMA_NOT_SUPPORTED_FOR_DATASOURCE",
            f"The {_NAMES[format]} datasource does not support writing empty or nested empty schemas. Please make "
            "sure the data schema has at least one or more column(s).",
            sqlstate="0A000",
            parameters={"format": _NAMES[format]},
        )


def _has_empty(data_type: t.DataType) -> bool:
    return isinstance(data_type, t.StructType) and (
        not data_type.fields or any(_has_empty(field.dataType) for field in data_type)
    )


def unsupported_type(format: str, field: t.StructField) -> AnalysisException:
    """Return UNSUPPORTED_DATA_TYPE_FOR_DATASOURCE."""
    shown = field.dataType.sql()
    return AnalysisException(
        "UNSUPPORTED_DATA_TYPE_FOR_DATASOURCE",
        f'The {_NAMES[format]} datasource doesn\'t support the column `{field.name}` of the type "{shown}".',
        sqlstate="0A000",
        parameters={
            "columnName": f"`{field.name}`",
            "columnType": f'"{shown}"',
            "format": _NAMES[format],
        },
    )

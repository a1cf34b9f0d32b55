"""The column that takes the text of bad records."""

from __future__ import annotations

from collections.abc import Sequence

from lightstream.errors import AnalysisException
from lightstream.plan import types as t
from lightstream.plan.required import Required


def check_corrupt_column(type_name: str, name: str) -> None:
    """Refuse a corrupt-record column that is no string.

    Raises:
        AnalysisException: `INVALID_CORRUPT_RECORD_TYPE`.
    """
    if type_name != "string":
        raise AnalysisException(
            "INVALID_CORRUPT_RECORD_TYPE",
            f"The column `{name}` for corrupt records must be a string, but is {type_name.upper()}.",
            sqlstate="42804",
            parameters={"columnName": f"`{name}`", "actualType": f'"{type_name.upper()}"'},
        )


def check_corrupt_use(
    name: str, schema: t.StructType, partitions: t.StructType, columns: Sequence[Required]
) -> None:
    """Refuse a read that misuses the corrupt-record column.

    Raises:
        AnalysisException: it is no string, or the only column that is needed.
    """
    for column in schema.fields:
        if column.name == name:
            check_corrupt_column(column.dataType.simpleString(), name)
    directories = set(partitions.names)
    needed = {c.path[0] for c in columns if c.path[0] not in directories and len(c.path) == 1}
    if needed == {name}:
        raise AnalysisException(
            "UNSUPPORTED_FEATURE.QUERY_ONLY_CORRUPT_RECORD_COLUMN",
            f"A query of raw JSON or CSV files cannot use the column {name} alone: whether a record is corrupt depends "
            "on the other columns it is read for. Select another column too, or write the rows somewhere first.",
            sqlstate="0A000",
        )

"""Data types as texts: read from JSON, and shown as `printSchema` shows them."""

from __future__ import annotations

import json
import re
from typing import Any

from lightstream.errors import PySparkValueError
from lightstream.plan import types as t


def name_sql(name: str) -> str:
    """Return a name as SQL has it: in backquotes where it needs them."""
    return name if re.fullmatch("[a-zA-Z_][a-zA-Z0-9_]*", name) else f"`{name.replace('`', '``')}`"


def tree_string(schema: t.StructType, max_depth: int) -> str:
    """Return a schema as `printSchema` shows it."""
    lines = ["root"]
    _tree(schema, " |-- ", lines, max_depth)
    return "\n".join(lines) + "\n"


def _tree(data_type: t.DataType, prefix: str, lines: list[str], depth: int) -> None:
    if depth <= 0:
        return
    if isinstance(data_type, t.StructType):
        for field in data_type.fields:
            nullable = str(field.nullable).lower()
            lines.append(f"{prefix}{field.name}: {_tree_name(field.dataType)} (nullable = {nullable})")
            _tree(field.dataType, _deeper(prefix), lines, depth - 1)
    elif isinstance(data_type, t.ArrayType):
        null = str(data_type.containsNull).lower()
        lines.append(f"{prefix}element: {_tree_name(data_type.elementType)} (containsNull = {null})")
        _tree(data_type.elementType, _deeper(prefix), lines, depth - 1)
    elif isinstance(data_type, t.MapType):
        null = str(data_type.valueContainsNull).lower()
        lines.append(f"{prefix}key: {_tree_name(data_type.keyType)}")
        _tree(data_type.keyType, _deeper(prefix), lines, depth - 1)
        lines.append(f"{prefix}value: {_tree_name(data_type.valueType)} (valueContainsNull = {null})")
        _tree(data_type.valueType, _deeper(prefix), lines, depth - 1)


def _deeper(prefix: str) -> str:
    return prefix[: -len("-- ")] + "    |-- "


def _tree_name(data_type: t.DataType) -> str:
    if isinstance(data_type, t.DecimalType | t.CharType | t.VarcharType | t.TimeType | t.AnsiIntervalType):
        return data_type.simpleString()
    return data_type.typeName()


_ATOMIC_BY_JSON_NAME: dict[str, type[t.DataType]] = {
    cls._name: cls
    for cls in (
        t.NullType, t.StringType, t.BinaryType, t.BooleanType, t.DateType, t.TimestampType, t.TimestampNTZType,
        t.DoubleType, t.FloatType, t.ByteType, t.ShortType, t.IntegerType, t.LongType,
        t.CalendarIntervalType, t.VariantType,
    )
}  # fmt: skip


def from_json_value(value: str | dict[str, Any]) -> t.DataType:
    """Build a type from what `DataType.jsonValue` gives."""
    if isinstance(value, str):
        atomic = _ATOMIC_BY_JSON_NAME.get(value)
        if atomic is not None:
            return atomic()
        from lightstream.plan.ddl import parse_type

        return parse_type(value)
    kind = value["type"]
    if kind == "struct":
        return t.StructType.fromJson(value)
    if kind == "array":
        return t.ArrayType(from_json_value(value["elementType"]), value["containsNull"])
    if kind == "map":
        return t.MapType(
            from_json_value(value["keyType"]),
            from_json_value(value["valueType"]),
            value["valueContainsNull"],
        )
    raise PySparkValueError("CANNOT_PARSE_DATATYPE", f"Unable to parse the data type {kind!r}.")


def from_json_text(text: str) -> t.DataType:
    """Build a type from the JSON text that `DataType.json` gives."""
    return from_json_value(json.loads(text))

"""From a file's columns to those that are asked for: by name, and by the conversions that Spark's reader has."""

from __future__ import annotations

from dataclasses import replace

from lightstream.dataclass import dataclass
from lightstream.errors import QueryExecutionException, unsupported
from lightstream.functions.spelling import duck_type, quote, text_sql
from lightstream.plan import types as t
from lightstream.sources.file_bytes import read_failed
from lightstream.sources.parquet.schema import (
    REPEATED,
    Node,
    list_element,
    map_entry,
    spark_type,
)
from lightstream.sources.paths import to_uri


@dataclass(frozen=True, slots=True)
class Columns:
    """How columns of one file are read.

    Args:
        path: the file, for errors.
        case_sensitive: whether names are told apart by case.
    """

    path: str
    case_sensitive: bool

    def column_sql(self, root: Node, name: str, data_type: t.DataType) -> str:
        """Return the SQL of a column as a type; NULL when the file has none of that name.

        Raises:
            QueryExecutionException: FAILED_READ_FILE.PARQUET_COLUMN_DATA_TYPE_MISMATCH.
            QueryExecutionException: FAILED_READ_FILE.NO_HINT, for two columns of the name, or a struct as another type.
            UnsupportedOperationException: a conversion that is not supported here.
        """
        node = self._find(root, name)
        if node is None:
            return null_sql(data_type)
        others = [child for child in root.children if child.name.lower() == node.name.lower()]
        if len(others) > 1:
            raise unsupported(f"Reading {self.path}, where columns differ in case only ({node.name}),")
        return self._read(
            quote(node.name), node, data_type, node.name, 0, repeated=node.repetition == REPEATED
        )

    def _find(self, group: Node, name: str) -> Node | None:
        found = [child for child in group.children if self._same(child.name, name)]
        if len(found) > 1:
            names = ", ".join(child.name for child in found)
            raise read_failed(
                self.path, f'Found duplicate field(s) "{name}": [{names}] in case-insensitive mode.'
            )
        return found[0] if found else None

    def _same(self, left: str, right: str) -> bool:
        return left == right or (not self.case_sensitive and left.lower() == right.lower())

    def _read(self, raw: str, node: Node, wanted: t.DataType, shown: str, depth: int, repeated: bool) -> str:
        """Return a value of a node as a type; `raw` is what DuckDB reads."""
        variable = f"x{depth}"
        if repeated:
            if not isinstance(wanted, t.ArrayType):
                raise self._mismatch(node, wanted, shown)
            item = self._read(variable, node, wanted.elementType, shown, depth + 1, repeated=False)
            return raw if item == variable else f"list_transform({raw}, lambda {variable}: {item})"
        if node.physical is not None:
            value = leaf_sql(raw, node, wanted)
            if value is None:
                raise self._mismatch(node, wanted, shown)
            return value
        match wanted:
            case t.ArrayType() if node.kind == "LIST":
                element, _ = list_element(node)
                item = self._read(
                    variable, element, wanted.elementType, f"{shown}, list, element", depth + 1, False
                )
                return raw if item == variable else f"list_transform({raw}, lambda {variable}: {item})"
            case t.MapType() if node.kind == "MAP":
                return self._map(raw, node, wanted, shown, depth)
            case t.StructType() if not node.kind:
                return self._struct(raw, node, wanted, shown, depth)
        raise self._mismatch(node, wanted, shown)

    def _map(self, raw: str, node: Node, wanted: t.MapType, shown: str, depth: int) -> str:
        key, value = map_entry(node)
        variable = f"x{depth}"
        keys = self._read(variable, key, wanted.keyType, f"{shown}, key_value, key", depth + 1, False)
        values = self._read(variable, value, wanted.valueType, f"{shown}, key_value, value", depth + 1, False)
        if keys == values == variable:
            return raw
        return (
            f"CASE WHEN {raw} IS NOT NULL THEN map(list_transform(map_keys({raw}), lambda {variable}: {keys}), "
            f"list_transform(map_values({raw}), lambda {variable}: {values})) END"
        )

    def _struct(self, raw: str, node: Node, wanted: t.StructType, shown: str, depth: int) -> str:
        parts, same = [], len(wanted.fields) == len(node.children)
        for position, field in enumerate(wanted.fields):
            child = self._find(node, field.name)
            if child is None:
                same = False
                parts.append(f"{quote(field.name)} := {null_sql(field.dataType)}")
                continue
            inner = f"struct_extract({raw}, {text_sql(child.name)})"
            value = self._read(
                inner, child, field.dataType, f"{shown}, {child.name}", depth, child.repetition == REPEATED
            )
            same &= value == inner and position < len(node.children)
            same &= same and node.children[position] is child and child.name == field.name
            parts.append(f"{quote(field.name)} := {value}")
        if same:
            return raw
        return f"CASE WHEN {raw} IS NOT NULL THEN struct_pack({', '.join(parts)}) END"

    def _mismatch(self, node: Node, wanted: t.DataType, shown: str) -> QueryExecutionException:
        physical = "BINARY" if node.physical == "BYTE_ARRAY" else node.physical
        if node.physical is None or isinstance(wanted, t.StructType):
            return read_failed(
                self.path, f"The Parquet column {shown} cannot be read as {wanted.simpleString()}."
            )
        name = to_uri(self.path)
        return QueryExecutionException(
            "FAILED_READ_FILE.PARQUET_COLUMN_DATA_TYPE_MISMATCH",
            f"Encountered error while reading file {name}. Data type mismatches when reading Parquet column "
            f"[{shown}]. Expected Spark type {wanted.simpleString()}, actual Parquet type {physical}.",
            sqlstate="KD001",
            parameters={
                "path": name,
                "column": f"[{shown}]",
                "expectedType": wanted.simpleString(),
                "actualType": str(physical),
            },
        )


def null_sql(data_type: t.DataType) -> str:
    """Return NULL of a type."""
    return f"CAST(NULL AS {duck_type(data_type)})"


def leaf_sql(raw: str, node: Node, wanted: t.DataType) -> str | None:
    """Return a value of a column without parts as a type; None where Spark has no such conversion.

    Raises:
        UnsupportedOperationException: Spark has it, and lightstream does not.
    """
    if node.kind == "UNKNOWN":  # nothing but NULLs
        return None if leaf_sql(raw, replace(node, kind=""), wanted) is None else null_sql(wanted)
    match node.physical:
        case "BOOLEAN":
            return raw if isinstance(wanted, t.BooleanType) else None
        case "INT32":
            return _int32(raw, node, wanted)
        case "INT64":
            return _int64(raw, node, wanted)
        case "FLOAT":
            if isinstance(wanted, t.FloatType):
                return raw
            return f"CAST({raw} AS DOUBLE)" if isinstance(wanted, t.DoubleType) else None
        case "DOUBLE":
            return raw if isinstance(wanted, t.DoubleType) else None
        case "INT96":
            if isinstance(wanted, t.TimestampType):
                return f"({raw} AT TIME ZONE 'UTC')"
            return raw if isinstance(wanted, t.TimestampNTZType) else None
        case "BYTE_ARRAY" | "FIXED_LEN_BYTE_ARRAY":
            return _bytes(raw, node, wanted)
    return None


def _int32(raw: str, node: Node, wanted: t.DataType) -> str | None:
    natural = None if node.kind == "DECIMAL" else spark_type(node)
    if isinstance(wanted, t.DecimalType):
        return _decimal(raw, node, wanted)
    if natural is None or (node.kind, node.bits) == ("UINT", 32):
        # Spark takes the digits without a point, and counts without a sign for ones with.
        if type(wanted) is type(natural):
            return f"CAST({raw} AS {duck_type(wanted)})"
        if isinstance(wanted, t.IntegralType | t.DoubleType | t.DateType | t.YearMonthIntervalType):
            raise unsupported(f"Reading the Parquet column {node.name} as {wanted.simpleString()}")
        return None
    if isinstance(natural, t.DateType):
        match wanted:
            case t.DateType():
                return raw
            case t.TimestampNTZType():
                return f"CAST({raw} AS TIMESTAMP)"
        raw = f"({raw} - DATE '1970-01-01')"
    match wanted:
        case t.ByteType() | t.ShortType():
            if type(wanted) is type(natural):
                return raw
            size = 256 if isinstance(wanted, t.ByteType) else 65536
            wide = f"(CAST({raw} AS BIGINT) + {size // 2})"
            # The lowest bits, as Java takes them.
            return f"CAST(({wide} % {size} + {size}) % {size} - {size // 2} AS {duck_type(wanted)})"
        case t.IntegerType() | t.LongType() | t.DoubleType():
            return raw if type(wanted) is type(natural) else f"CAST({raw} AS {duck_type(wanted)})"
        case t.DateType():
            return f"(DATE '1970-01-01' + CAST({raw} AS INTEGER))"
        case t.YearMonthIntervalType():
            return f"CAST({raw} AS INTEGER)"
    return None


def _int64(raw: str, node: Node, wanted: t.DataType) -> str | None:
    kind = node.kind
    if isinstance(wanted, t.DecimalType):
        if kind == "UINT":
            return f"CAST({raw} AS DECIMAL(20, 0))" if (wanted.precision, wanted.scale) == (20, 0) else None
        return _decimal(raw, node, wanted)
    if isinstance(wanted, t.LongType | t.DayTimeIntervalType):
        if kind in ("", "INT"):
            return raw
        if kind == "TIMESTAMP":
            function = {"MILLIS": "epoch_ms", "MICROS": "epoch_us", "NANOS": "epoch_ns"}[node.unit]
            return f"{function}({raw})"
        raise unsupported(f"Reading the Parquet column {node.name} ({kind}) as {wanted.simpleString()}")
    if kind == "TIMESTAMP" and node.unit in ("MILLIS", "MICROS"):
        if isinstance(wanted, t.TimestampType):
            return (
                f"CAST({raw} AS TIMESTAMPTZ)"
                if node.utc
                else f"(CAST({raw} AS TIMESTAMP) AT TIME ZONE 'UTC')"
            )
        if isinstance(wanted, t.TimestampNTZType):
            return f"({raw} AT TIME ZONE 'UTC')" if node.utc else f"CAST({raw} AS TIMESTAMP)"
    if isinstance(wanted, t.TimeType) and kind == "TIME":
        raise unsupported(f"Reading the Parquet column {node.name} (TIME)")
    return None


def _bytes(raw: str, node: Node, wanted: t.DataType) -> str | None:
    fixed = node.physical == "FIXED_LEN_BYTE_ARRAY"
    if isinstance(wanted, t.DecimalType):
        return _decimal(raw, node, wanted) if node.kind == "DECIMAL" else None
    if isinstance(wanted, t.StringType) and not fixed:
        if node.kind in ("STRING", "ENUM", "JSON"):
            return raw if node.kind == "STRING" else f"CAST({raw} AS VARCHAR)"
        if node.kind in ("", "BSON"):
            return f"decode({raw})"
    if isinstance(wanted, t.BinaryType):
        if node.kind in ("", "BSON"):
            return raw
        if node.kind in ("STRING", "ENUM", "JSON"):
            return f"encode(CAST({raw} AS VARCHAR))"
    if isinstance(wanted, t.StringType | t.BinaryType) and not (fixed and isinstance(wanted, t.StringType)):
        raise unsupported(f"Reading the Parquet column {node.name} ({node.kind}) as {wanted.simpleString()}")
    return None


_WHOLE_DIGITS = {"INT32": 10, "INT64": 20}


def _decimal(raw: str, node: Node, wanted: t.DecimalType) -> str | None:
    if node.kind == "DECIMAL":
        more_scale = wanted.scale - node.scale
        fits = more_scale >= 0 and wanted.precision - node.precision >= more_scale
        if (node.precision, node.scale) == (wanted.precision, wanted.scale):
            return raw
        return f"CAST({raw} AS {duck_type(wanted)})" if fits else None
    digits = _WHOLE_DIGITS.get(node.physical or "")
    if digits is None or node.kind not in ("", "INT") or wanted.precision - wanted.scale < digits:
        return None
    return f"CAST({raw} AS {duck_type(wanted)})"

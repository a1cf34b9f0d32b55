"""What is in Parquet files: the tree of columns in a footer, and the Spark type of each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any

from lightstream.dataclass import dataclass
from lightstream.errors import AnalysisException, unsupported
from lightstream.plan import types as t
from lightstream.sources.file_bytes import escape_glob

if TYPE_CHECKING:
    import duckdb

REPEATED, REQUIRED = "REPEATED", "REQUIRED"


@dataclass(frozen=True, slots=True)
class Node:
    """One column of a file, or a group of columns.

    `physical` is Parquet's type (None for a group), `kind` its annotation, in one word: STRING, DATE, DECIMAL, INT,
    UINT, TIMESTAMP, LIST, MAP, ...; "" without one.
    """

    name: str
    repetition: str
    physical: str | None
    kind: str = ""
    unit: str = ""  # of times: MILLIS, MICROS, NANOS
    utc: bool = False  # of times: a moment, not a local time
    bits: int = 0  # of integers
    precision: int = 0
    scale: int = 0
    length: int = 0  # of values of fixed length
    children: tuple[Node, ...] = field(default=())


def read_nodes(paths: Sequence[str], cursor: duckdb.DuckDBPyConnection) -> dict[str, Node]:
    """Return the root of each file's columns, by path.

    Raises:
        duckdb.Error: a file cannot be read.
    """
    sql = (
        "SELECT file_name, name, type, type_length, repetition_type, num_children, converted_type, scale, precision, "
        "logical_type FROM parquet_schema(?)"
    )
    rows: dict[str, list[tuple[Any, ...]]] = {}
    for path, *row in cursor.execute(sql, [[escape_glob(path) for path in paths]]).fetchall():
        rows.setdefault(path, []).append(tuple(row))
    # Files of one schema share its tree: most have the same.
    known: dict[tuple[tuple[Any, ...], ...], Node] = {}
    nodes = {}
    for path, elements in rows.items():
        key = tuple(elements)
        if key not in known:
            known[key] = _tree(iter(elements))
        nodes[path] = known[key]
    return nodes


def _tree(rows: Iterator[tuple[Any, ...]]) -> Node:
    name, physical, length, repetition, count, converted, scale, precision, logical = next(rows)
    children = tuple(_tree(rows) for _ in range(count or 0))
    annotation = _annotation(converted, logical)
    return Node(
        name,
        repetition or REQUIRED,
        None if children or physical is None or count else physical,
        precision=int(precision or 0),
        scale=int(scale or 0),
        length=int(length or 0),
        children=children,
        **annotation,
    )


_CONVERTED: dict[str, dict[str, Any]] = {
    "UTF8": {"kind": "STRING"}, "ENUM": {"kind": "ENUM"}, "JSON": {"kind": "JSON"}, "BSON": {"kind": "BSON"},
    "DATE": {"kind": "DATE"}, "DECIMAL": {"kind": "DECIMAL"}, "LIST": {"kind": "LIST"}, "MAP": {"kind": "MAP"},
    "MAP_KEY_VALUE": {"kind": "MAP"}, "INTERVAL": {"kind": "INTERVAL"},
    "TIMESTAMP_MILLIS": {"kind": "TIMESTAMP", "unit": "MILLIS", "utc": True},
    "TIMESTAMP_MICROS": {"kind": "TIMESTAMP", "unit": "MICROS", "utc": True},
    "TIME_MILLIS": {"kind": "TIME", "unit": "MILLIS", "utc": True},
    "TIME_MICROS": {"kind": "TIME", "unit": "MICROS", "utc": True},
}  # fmt: skip
_CONVERTED |= {f"INT_{bits}": {"kind": "INT", "bits": bits} for bits in (8, 16, 32, 64)}
_CONVERTED |= {f"UINT_{bits}": {"kind": "UINT", "bits": bits} for bits in (8, 16, 32, 64)}
_LOGICAL = re.compile(r"(\w+?)Type\(")
_UNIT = re.compile(r"unit=TimeUnit\((?:\w+=<null>, )*(MILLIS|MICROS|NANOS)=(?!<null>)")


def _annotation(converted: str | None, logical: str | None) -> dict[str, Any]:
    """Return the fields of a node that say what its values mean; the newer notation goes before the older."""
    name = _LOGICAL.match(logical or "")
    if name is None:
        return _CONVERTED.get(converted or "", {} if converted is None else {"kind": converted})
    assert logical is not None
    kind = {"INT": "INT", "NULL": "UNKNOWN"}.get(name[1].upper(), name[1].upper())
    if kind in ("TIMESTAMP", "TIME"):
        unit = _UNIT.search(logical)
        return {"kind": kind, "unit": unit[1] if unit else "", "utc": "isAdjustedToUTC=1" in logical}
    if kind == "INT":
        bits = re.search(r"bitWidth=(.)", logical, re.DOTALL)  # DuckDB writes the number as a character
        signed = "isSigned=1" in logical
        return {"kind": "INT" if signed else "UINT", "bits": ord(bits[1]) if bits else 0}
    return {"kind": kind}


# ---- the types that Spark gives columns -----------------------------------------------------------------------


def spark_schema(root: Node) -> t.StructType:
    """Return the schema that Spark gives a file.

    Raises:
        AnalysisException: PARQUET_TYPE_ILLEGAL, PARQUET_TYPE_NOT_SUPPORTED.
    """
    fields = []
    for child in root.children:
        data_type = spark_type(child)
        nullable = child.repetition not in (REPEATED, REQUIRED)
        if child.repetition == REPEATED:
            data_type = t.ArrayType(data_type, False)
        fields.append(t.StructField(child.name, data_type, nullable))
    return t.StructType(fields)


def spark_type(node: Node) -> t.DataType:
    """Return the type that Spark gives a column, a list's element or the like, whether or not it is repeated."""
    if node.physical is None:
        if node.kind == "LIST":
            element, nullable = list_element(node)
            return t.ArrayType(spark_type(element), nullable)
        if node.kind == "MAP":
            key, value = map_entry(node)
            return t.MapType(spark_type(key), spark_type(value), value.repetition != REQUIRED)
        if node.kind:
            raise unsupported(f"The Parquet column {node.name} ({node.kind})")
        return spark_schema(node)
    found = _leaf_type(node)
    if node.kind == "TIME" and (node.physical, node.utc) == ("INT64", False):
        raise AnalysisException(
            "UNSUPPORTED_TIME_TYPE",
            f"The data type TIME is not supported (the Parquet column {node.name}).",
            sqlstate="0A000",
        )
    if found is None:
        annotated = f"{node.physical} ({_shown_annotation(node)})" if node.kind else node.physical
        raise AnalysisException(
            "PARQUET_TYPE_ILLEGAL",
            f"Illegal Parquet type: {annotated} of the column {node.name}.",
            sqlstate="42846",
            parameters={"parquetType": annotated},
        )
    return found


def _shown_annotation(node: Node) -> str:
    if node.kind in ("TIMESTAMP", "TIME"):
        return f"{node.kind}({node.unit},{str(node.utc).lower()})"
    return node.kind


def _leaf_type(node: Node) -> t.DataType | None:
    kind = node.kind
    if kind == "UNKNOWN":
        return _leaf_type(replace(node, kind=""))
    if kind == "DECIMAL" and node.physical in ("INT32", "INT64", "BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY"):
        return t.DecimalType(node.precision, node.scale)
    match node.physical:
        case "BOOLEAN":
            return t.BooleanType()
        case "FLOAT":
            return t.FloatType()
        case "DOUBLE":
            return t.DoubleType()
        case "INT96":
            return t.TimestampType()
        case "INT32":
            small: dict[tuple[str, int], t.DataType] = {
                ("", 0): t.IntegerType(), ("DATE", 0): t.DateType(), ("INT", 8): t.ByteType(),
                ("INT", 16): t.ShortType(), ("INT", 32): t.IntegerType(), ("UINT", 8): t.ShortType(),
                ("UINT", 16): t.IntegerType(), ("UINT", 32): t.LongType(),
            }  # fmt: skip
            return small.get((kind, node.bits))
        case "INT64":
            if kind == "TIMESTAMP" and node.unit in ("MILLIS", "MICROS"):
                return t.TimestampType() if node.utc else t.TimestampNTZType()
            large: dict[tuple[str, int], t.DataType] = {
                ("", 0): t.LongType(), ("INT", 64): t.LongType(), ("UINT", 64): t.DecimalType(20, 0),
            }  # fmt: skip
            return large.get((kind, node.bits))
        case "BYTE_ARRAY":
            if kind in ("STRING", "ENUM", "JSON"):
                return t.StringType()
            return t.BinaryType() if kind in ("", "BSON") else None
        case "FIXED_LEN_BYTE_ARRAY":
            return t.BinaryType() if kind == "" else None
    return None


def list_element(node: Node) -> tuple[Node, bool]:
    """Return the element of a list and whether it can be null.

    Raises:
        UnsupportedOperationException: a list in one of the older forms.
    """
    middle = node.children[0]
    standard = (
        len(node.children) == 1
        and middle.repetition == REPEATED
        and middle.physical is None
        and len(middle.children) == 1
        and middle.name not in ("array", f"{node.name}_tuple")
        and middle.children[0].repetition != REPEATED
    )
    if not standard:
        raise unsupported(f"The Parquet column {node.name}, a list in an older form,")
    element = middle.children[0]
    return element, element.repetition != REQUIRED


def map_entry(node: Node) -> tuple[Node, Node]:
    """Return key and value of a map.

    Raises:
        UnsupportedOperationException: no map as the format describes it.
    """
    middle = node.children[0]
    if len(node.children) != 1 or middle.repetition != REPEATED or len(middle.children) != 2:
        raise unsupported(f"The Parquet column {node.name}, a map in an older form,")
    return middle.children[0], middle.children[1]

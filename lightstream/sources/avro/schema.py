"""Avro's schemas and Spark's, one for the other, by the tables of Spark's Avro guide."""

from __future__ import annotations

import json
from typing import Any

from lightstream.errors import AnalysisException, missing_package, unsupported
from lightstream.plan import types as t

SPARK_TYPE = "spark.sql.catalyst.type"
"""The property in which Spark keeps what Avro has no type for."""

_PRIMITIVES: dict[str, t.DataType] = {
    "boolean": t.BooleanType(), "int": t.IntegerType(), "long": t.LongType(), "float": t.FloatType(),
    "double": t.DoubleType(), "bytes": t.BinaryType(), "string": t.StringType(), "enum": t.StringType(),
    "fixed": t.BinaryType(),
}  # fmt: skip
_LOGICAL: dict[tuple[str, str], t.DataType] = {
    ("int", "date"): t.DateType(),
    ("long", "timestamp-millis"): t.TimestampType(),
    ("long", "timestamp-micros"): t.TimestampType(),
    ("long", "local-timestamp-millis"): t.TimestampNTZType(),
    ("long", "local-timestamp-micros"): t.TimestampNTZType(),
}
# What a union of two numbers is.
_WIDER = {frozenset(("int", "long")): t.LongType(), frozenset(("float", "double")): t.DoubleType()}
_NOT_READ = ("timestamp-nanos", "local-timestamp-nanos")


def avro_module() -> Any:
    """Return the library.

    Raises:
        PySparkImportError: PACKAGE_NOT_INSTALLED.
    """
    try:
        import fastavro
    except ImportError:
        raise missing_package("The format Avro", "fastavro", "avro") from None
    return fastavro


def parsed_schema(text: str, option: str) -> dict[str, Any]:
    """Return the Avro schema of a record that an option gives, with its named types in their places.

    Raises:
        AnalysisException: it is none.
    """
    fastavro = avro_module()
    try:
        schema = json.loads(text)
        fastavro.parse_schema(schema)
        if isinstance(schema, dict) and schema.get("type") == "record":
            return schema
        reason = "it is no record"
    except (ValueError, fastavro.schema.SchemaParseException, fastavro.schema.UnknownType) as error:
        reason = str(error)
    raise AnalysisException(
        "INVALID_AVRO_SCHEMA",
        f"The option {option} is no Avro schema of a record: {reason}.",
        sqlstate="22000",
    )


def spark_schema(schema: Any) -> t.StructType:
    """Return the schema that Spark gives a record.

    Raises:
        UnsupportedOperationException: a type that is not read here.
    """
    from fastavro.schema import expand_schema

    found, _ = _spark_type(expand_schema(schema), "")
    assert isinstance(found, t.StructType)
    return found


def _spark_type(schema: Any, name: str) -> tuple[t.DataType, bool]:
    """Return the type of an Avro schema, and whether it can be null."""
    if isinstance(schema, list):
        return _union(schema, name)
    kind = schema if isinstance(schema, str) else schema["type"]
    if not isinstance(kind, str):  # {"type": {"type": ...}}
        return _spark_type(kind, name)
    if kind == "null":
        return t.NullType(), True
    if kind == "record":
        fields = [(field["name"], *_spark_type(field["type"], field["name"])) for field in schema["fields"]]
        return t.StructType([t.StructField(*field) for field in fields]), False
    if kind == "array":
        element, nullable = _spark_type(schema["items"], name)
        return t.ArrayType(element, nullable), False
    if kind == "map":
        value, nullable = _spark_type(schema["values"], name)
        return t.MapType(t.StringType(), value, nullable), False
    logical = None if isinstance(schema, str) else schema.get("logicalType")
    if logical == "decimal" and kind in ("bytes", "fixed"):
        return t.DecimalType(schema["precision"], schema.get("scale", 0)), False
    if logical in _NOT_READ or kind not in _PRIMITIVES:
        raise unsupported(f"The Avro column {name} ({logical or f'{kind}, which contains itself'})")
    written = None if isinstance(schema, str) else schema.get(SPARK_TYPE)
    if written is not None and kind in ("int", "long"):
        from lightstream.plan.ddl import parse_type

        return parse_type(written), False
    return _LOGICAL.get((kind, str(logical)), _PRIMITIVES[kind]), False


def _union(members: list[Any], name: str) -> tuple[t.DataType, bool]:
    others = [member for member in members if member != "null"]
    nullable = len(others) < len(members)
    if len(others) == 1:
        found, inner = _spark_type(others[0], name)
        return found, nullable or inner
    if all(isinstance(member, str) for member in others) and frozenset(others) in _WIDER:
        return _WIDER[frozenset(others)], nullable
    if not others:
        return t.NullType(), True
    raise unsupported(f"The Avro column {name}, a union of several types,", "Spark makes a struct of it.")


# ---- the schemas that Spark writes ------------------------------------------------------------------------------

_WRITTEN: dict[type[t.DataType], Any] = {
    t.BooleanType: "boolean", t.ByteType: "int", t.ShortType: "int", t.IntegerType: "int", t.LongType: "long",
    t.FloatType: "float", t.DoubleType: "double", t.BinaryType: "bytes", t.StringType: "string",
    t.DateType: {"type": "int", "logicalType": "date"},
    t.TimestampType: {"type": "long", "logicalType": "timestamp-micros"},
    t.TimestampNTZType: {"type": "long", "logicalType": "local-timestamp-micros"},
}  # fmt: skip


def avro_schema(schema: t.StructType, name: str, namespace: str) -> dict[str, Any]:
    """Return the Avro schema that Spark writes for a schema.

    Raises:
        UnsupportedOperationException: a type that is not written here.
    """
    made = _avro_type(schema, False, name, namespace)
    assert isinstance(made, dict)
    return made


def _avro_type(data_type: t.DataType, nullable: bool, name: str, namespace: str) -> Any:
    inner = f"{namespace}.{name}" if namespace else name
    made: Any
    match data_type:
        case t.StructType():
            fields = [
                {"name": f.name, "type": _avro_type(f.dataType, f.nullable, f.name, inner)} for f in data_type
            ]
            made = {"type": "record", "name": name, "fields": fields}
            if namespace:
                made["namespace"] = namespace
        case t.ArrayType():
            items = _avro_type(data_type.elementType, data_type.containsNull, name, namespace)
            made = {"type": "array", "items": items}
        case t.MapType():
            if not isinstance(data_type.keyType, t.StringType):
                raise unsupported(f"A map in Avro ({name}) with keys that are no strings")
            values = _avro_type(data_type.valueType, data_type.valueContainsNull, name, namespace)
            made = {"type": "map", "values": values}
        case t.DecimalType():
            size = (10**data_type.precision - 1).bit_length() // 8 + 1
            made = {
                "type": "fixed", "name": "fixed", "namespace": inner, "size": size, "logicalType": "decimal",
                "precision": data_type.precision, "scale": data_type.scale,
            }  # fmt: skip
        case t.DayTimeIntervalType():
            made = {"type": "long", SPARK_TYPE: data_type.simpleString()}
        case t.YearMonthIntervalType():
            made = {"type": "int", SPARK_TYPE: data_type.simpleString()}
        case _:
            made = _WRITTEN.get(type(data_type))
            if made is None:
                raise unsupported(f"An Avro column of the type {data_type.simpleString()} ({name})")
    return [made, "null"] if nullable else made

"""Writing Avro files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from lightstream.errors import PySparkException, unsupported
from lightstream.plan import types as t
from lightstream.sources.arrow_values import Rebuild, arrow_type
from lightstream.sources.avro.schema import avro_module, avro_schema, parsed_schema, spark_schema

if TYPE_CHECKING:
    import pyarrow as pa


def written_schema(schema: t.StructType, options: Mapping[str, str]) -> dict[str, Any]:
    """Return the Avro schema of the files for some columns: that of the option `avroSchema`, or as Spark makes it.

    Raises:
        UnsupportedOperationException: a type that is not written here; an `avroSchema` of other columns or types.
        PySparkImportError: PACKAGE_NOT_INSTALLED.
    """
    avro_module()
    made = avro_schema(
        schema, options.get("recordname", "topLevelRecord"), options.get("recordnamespace", "")
    )
    given = options.get("avroschema")
    if given is None:
        return made
    chosen = parsed_schema(given, "avroSchema")
    _refuse_ambiguous(chosen)
    if spark_schema(chosen).simpleString() != spark_schema(made).simpleString():
        raise unsupported(
            f"Writing {schema.simpleString()} by an avroSchema of {spark_schema(chosen).simpleString()}",
            "Names and types have to be the same, in the same order.",
        )
    return chosen


def _refuse_ambiguous(schema: Any) -> None:
    """Refuse what could take a value as another: milliseconds, for one in microseconds, and unions of several types."""
    match schema:
        case list():
            if sum(member != "null" for member in schema) > 1:
                raise unsupported("Writing by an avroSchema with a union of several types")
            for member in schema:
                _refuse_ambiguous(member)
        case dict():
            if str(schema.get("logicalType")).endswith("-millis"):
                raise unsupported(f"Writing by an avroSchema with {schema['logicalType']}")
            for part in ("type", "items", "values"):
                _refuse_ambiguous(schema.get(part))
            for field in schema.get("fields", ()):
                _refuse_ambiguous(field["type"])


def write_avro(
    rows: pa.RecordBatchReader,
    schema: t.StructType,
    written: dict[str, Any],
    path: str,
    codec: str,
    version: str,
) -> None:
    """Write rows into a new file.

    Raises:
        UnsupportedOperationException: a value that the schema does not have, such as NULL in a required field.
    """
    fastavro = avro_module()
    with open(path, "wb") as file:
        try:
            parsed = fastavro.parse_schema(written)
            metadata = {"org.apache.spark.version": version}
            fastavro.writer(file, parsed, _records(rows, schema), codec=codec, metadata=metadata)
        except (TypeError, ValueError) as error:
            raise unsupported(f"Writing these values by the Avro schema ({error})") from error


def _records(rows: pa.RecordBatchReader, schema: t.StructType) -> Iterator[dict[str, Any]]:
    """Yield records; times are numbers, as in the files, and not what Python has for them."""
    import pyarrow as pa

    def refused(found: t.DataType, wanted: t.DataType) -> PySparkException:
        return unsupported(f"An Avro column of the type {found.simpleString()}")

    def leaf(array: pa.Array, found: t.DataType, wanted: t.DataType) -> pa.Array:
        match found:
            case t.TimestampType() | t.TimestampNTZType():
                return array.cast(arrow_type(found)).cast(pa.int64())
            case t.DateType():
                return array.cast(pa.int32())
        return array

    rebuild = Rebuild(leaf, True, refused)
    for batch in rows:
        columns = [
            rebuild.column(array, field.dataType, field.dataType).to_pylist(maps_as_pydicts="strict")
            for array, field in zip(batch.columns, schema, strict=True)
        ]
        for values in zip(*columns, strict=True):
            yield dict(zip(schema.names, values, strict=True))

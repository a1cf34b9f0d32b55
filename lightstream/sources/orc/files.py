"""Writing ORC files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightstream.plan import types as t
from lightstream.sources.orc.schema import orc_field
from lightstream.sources.orc.values import writing

if TYPE_CHECKING:
    import pyarrow as pa


def write_orc(rows: pa.RecordBatchReader, schema: t.StructType, path: str, compression: str) -> None:
    """Write rows into a new file, as Spark would: with the types that ORC lacks as attributes of columns.

    Raises:
        UnsupportedOperationException: values that readers would take for others.
    """
    import pyarrow as pa
    from pyarrow.orc import ORCWriter

    columns = pa.schema([orc_field(field) for field in schema])
    rebuild = writing()
    with pa.OSFile(path, "wb") as file, ORCWriter(file, compression=compression) as writer:
        writer.write(columns.empty_table())
        for batch in rows:
            arrays = [
                rebuild.column(array, field.dataType, field.dataType).cast(column.type)
                for array, field, column in zip(batch.columns, schema, columns, strict=True)
            ]
            writer.write(pa.table(arrays, schema=columns))

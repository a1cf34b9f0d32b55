"""`from_json` for many texts at once: pyarrow's parser says which of them DuckDB reads as Spark does.

It takes JSON strictly, and only values of the schema's types; what it takes, and what has none of the peculiarities
that are looked for here, has one meaning. All other texts are read one by one by Spark's rules.
"""

from __future__ import annotations

import functools
from array import array
from typing import TYPE_CHECKING, Any

from lightstream.execute.natives.json_values import from_json
from lightstream.functions.interned import texts_of
from lightstream.plan import types as t
from lightstream.plan.type_texts import from_json_text
from lightstream.sources.json.quick import is_unusual

if TYPE_CHECKING:
    import pyarrow

_LONG_BYTES = 1000
# Halves of characters, a zero below zero, and words for numbers, of which each parser knows others.
_PECULIAR = r"\\u[dD][89a-fA-F]|-0(?:[^0-9.]|$)|[:,\[]\s*[-+]?(?:NaN|I[nN][fF])"
_MARKS = (b"\\", b"-", b"N", b"I")  # without one of these bytes there is none of them


def checked_json(texts: Any, names: Any) -> Any:
    """Return texts as they are where DuckDB reads them as Spark does, and otherwise what Spark reads, as JSON.

    Args:
        texts: an Arrow array of the batch's texts.
        names: the same in every row: that of the schema and the settings of `from_json` (`functions.interned`).
    """
    import pyarrow as pa

    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks()
    if not len(texts):
        return texts
    schema, options = texts_of(names[0].as_py())
    plain = _is_plain(texts)
    if _takes(texts.filter(plain), _arrow_schema(schema)):
        if plain.true_count + texts.null_count == len(texts):
            return texts
        exact = [not ok for ok in plain.to_pylist()]
    else:
        exact = [True] * len(texts)
    return pa.array(
        [
            from_json(text, schema, options) if wanted and text is not None else text
            for text, wanted in zip(texts.to_pylist(), exact, strict=True)
        ],
        pa.string(),
    )


def _is_plain(texts: pyarrow.Array) -> pyarrow.BooleanArray:
    """Return which texts begin and end like one object, and have none of the peculiarities."""
    import pyarrow.compute as pc

    found = pc.and_(pc.starts_with(texts, "{"), pc.ends_with(texts, "}"))
    data = texts.buffers()[2]
    bytes_ = b"" if data is None else data.to_pybytes()
    if any(mark in bytes_ for mark in _MARKS):
        found = pc.and_not(found, pc.match_substring_regex(texts, _PECULIAR))
    lengths = pc.binary_length(texts)
    if (pc.max(lengths).as_py() or 0) > _LONG_BYTES:
        import pyarrow as pa

        long = [length is not None and length > _LONG_BYTES for length in lengths.to_pylist()]
        odd = [
            is_long and is_unusual(text.as_py().encode()) for is_long, text in zip(long, texts, strict=True)
        ]
        found = pc.and_not(found, pa.array(odd))
    return found


def _takes(texts: pyarrow.Array, schema: pyarrow.Schema) -> bool:
    """Return whether pyarrow reads all texts, each as one object."""
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import json

    if not len(texts):
        return True
    # Of buffers: pyarrow looks for pandas when it is given Python's values, and that takes long to import. The lines
    # are needed: no string goes over the end of one, so that each text is an object or it is not.
    ends = pa.Array.from_buffers(pa.int32(), 2, [None, pa.py_buffer(array("i", (0, len(texts))))])
    line_end = pa.Array.from_buffers(
        pa.string(), 1, [None, pa.py_buffer(array("i", (0, 1))), pa.py_buffer(b"\n")]
    )
    lines = pc.binary_join(pa.ListArray.from_arrays(ends, texts), line_end[0])[0].as_buffer()
    try:
        found = json.read_json(
            pa.BufferReader(lines),
            read_options=json.ReadOptions(use_threads=False, block_size=lines.size + 1),
            parse_options=json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore"),
        )
    except pa.ArrowException:
        return False
    # Each text gives at least one row, as it begins with a brace; and none a row and a half, as it ends with one.
    return found.num_rows == len(texts) and not any(map(_has_infinity, found.columns))


def _has_infinity(column: Any) -> bool:
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    if pa.types.is_floating(kind):
        return bool(pc.any(pc.is_inf(column)).as_py())
    if pa.types.is_list(kind):
        return _has_infinity(pc.list_flatten(column))
    if pa.types.is_struct(kind):
        return any(_has_infinity(pc.struct_field(column, i)) for i in range(kind.num_fields))
    return False


@functools.lru_cache(maxsize=64)
def _arrow_schema(schema: str) -> pyarrow.Schema:
    import pyarrow as pa

    found = from_json_text(schema)
    assert isinstance(found, t.StructType)
    return pa.schema([pa.field(field.name, _arrow_type(field.dataType)) for field in found])


def _arrow_type(data_type: t.DataType) -> pyarrow.DataType:
    import pyarrow as pa

    match data_type:
        case t.StructType():
            return pa.struct([pa.field(f.name, _arrow_type(f.dataType)) for f in data_type])
        case t.ArrayType():
            return pa.list_(_arrow_type(data_type.elementType))
    names: dict[type[t.DataType], str] = {
        t.StringType: "string", t.BooleanType: "bool_", t.ByteType: "int8", t.ShortType: "int16",
        t.IntegerType: "int32", t.LongType: "int64", t.DoubleType: "float64",
    }  # fmt: skip
    return getattr(pa, names[type(data_type)])()

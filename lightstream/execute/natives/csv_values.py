"""CSV in strings, by the rules of Spark's CSV source."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any

from lightstream.errors import unsupported
from lightstream.execute.natives.failure import failing
from lightstream.execute.natives.json_values import json_writer
from lightstream.plan import types as t
from lightstream.plan.type_texts import from_json_text
from lightstream.sources.csv.exact import RowReader, malformed
from lightstream.sources.csv.infer import TypeInference
from lightstream.sources.csv.options import CsvOptions, parse_options
from lightstream.sources.csv.tokenizer import TokenError, make_tokenizer

_NO_LINE_END = "\uffff"  # a string is one record, whatever line ends it has


def _options(settings: str) -> CsvOptions:
    found = json.loads(settings)
    return parse_options(
        {**found["options"], "lineSep": _NO_LINE_END, "multiLine": "false"},
        time_zone=found["time_zone"],
        corrupt_column=found["corrupt_column"],
    )


@failing
def from_csv(text: str, schema: str, options: str) -> str | None:
    """Return the value of a text under a schema, as JSON that DuckDB casts to the schema's type."""
    return _reader(schema, options)(text)


@functools.lru_cache(maxsize=64)
def _reader(schema: str, settings: str) -> Callable[[str], str | None]:
    data_type = from_json_text(schema)
    assert isinstance(data_type, t.StructType)
    options = _options(settings)
    fields = t.StructType([f for f in data_type if f.name != options.corrupt_column])
    reader = RowReader(fields, data_type, options)
    tokenizer, write = make_tokenizer(options), json_writer(data_type)

    def read(text: str) -> str | None:
        try:
            row: list[Any] | None = reader.row(text, lambda: tokenizer(text))
        except TokenError:
            raise malformed(text) from None
        return write(row)

    return read


@failing
def schema_of_csv(text: str, options: str) -> str:
    """Return the type that Spark infers from a text."""
    parsed = _options(options)
    cells = make_tokenizer(parsed)(text)
    if cells is None:
        raise unsupported("schema_of_csv of text without a record")
    from dataclasses import replace

    inference = TypeInference(
        [f"_c{index}" for index in range(len(cells))], replace(parsed, infer_schema=True)
    )
    inference.add(cells)
    return inference.schema().sql()

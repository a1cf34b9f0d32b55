"""From tokens to values of a schema, with the partial results that Spark keeps of a bad record."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lightstream.errors import unsupported
from lightstream.plan import types as t
from lightstream.sources.json import tokens as k
from lightstream.sources.json.characters import to_text
from lightstream.sources.json.options import JsonOptions
from lightstream.sources.json.record_reader import BadValue
from lightstream.sources.json.scalars import ATOMIC, Converter, refuse, value_token
from lightstream.sources.json.tokens import Tokenizer


class PartialValue(BadValue):
    """A bad value of which a part can be kept."""

    def __init__(self, kept: Any) -> None:
        super().__init__()
        self.kept = kept


class PartialRows(BadValue):
    """Bad elements of a top-level array; `rows` are what is kept of all of them."""

    def __init__(self, rows: list[list[Any] | None]) -> None:
        super().__init__()
        self.rows = rows


def make_converter(data_type: t.DataType, options: JsonOptions) -> Converter:
    """Return the function that converts the current token to a value of a type.

    Values: int, float, str, bytes, bool, Decimal, days and microseconds since 1970 as int, list for structs and
    arrays, list of (key, value) for maps, a dict of a variant's bytes.

    Raises:
        UnsupportedOperationException: a type that cannot be read from JSON here.
    """
    if isinstance(data_type, t.StructType):
        return _struct(data_type, options)
    if isinstance(data_type, t.ArrayType):
        return _array(make_converter(data_type.elementType, options))
    if isinstance(data_type, t.MapType):
        if not isinstance(data_type.keyType, t.StringType):
            raise unsupported(f"Reading JSON into {data_type.simpleString()} (keys must be strings)")
        return _map(make_converter(data_type.valueType, options))
    make = ATOMIC.get(type(data_type))
    if make is None:
        raise unsupported(f"Reading JSON into a column of type {data_type.simpleString()}")
    return make(data_type, options)


def make_root(schema: t.StructType, options: JsonOptions) -> Callable[[Tokenizer], list[list[Any] | None]]:
    """Return the function that converts a record, at its first token, to rows.

    The function raises PartialValue (one row), PartialRows, or BadValue when nothing can be kept.
    """
    if options.variant_column is not None:
        from lightstream.sources.json.variants import converted

        width = len(schema.fields)  # none, where the column is not needed
        return lambda p: [[converted(p)][:width]]
    names = {field.name: index for index, field in reversed(list(enumerate(schema.fields)))}
    converters = [make_converter(field.dataType, options) for field in schema.fields]
    element = make_converter(schema, options)

    def root(p: Tokenizer) -> list[list[Any] | None]:
        token = p.token
        if token == k.START_OBJECT:
            return [_convert_object(p, names, converters)]
        if token == k.START_ARRAY:
            rows: list[list[Any] | None] = []
            bad = False
            while p.next_token() not in (None, k.END_ARRAY):
                try:
                    row = element(p)
                    if row is None:
                        raise BadValue("null in a top-level array")
                    rows.append(row)
                except PartialValue as partial:
                    bad = True
                    rows.append(partial.kept)
            if bad:
                raise PartialRows(rows)
            return rows
        if token == k.STRING:
            p.string()
        raise BadValue("no object")

    return root


def _convert_object(p: Tokenizer, names: dict[str, int], converters: list[Converter]) -> list[Any]:
    row: list[Any] = [None] * len(converters)
    bad = False
    while True:
        token = p.next_token()
        if token is None or token == k.END_OBJECT:
            break
        name = p.current_name()
        index = None if name is None else names.get(name)
        if index is None:
            p.skip_children()
            continue
        try:
            row[index] = converters[index](p)
        except PartialValue as partial:
            bad = True
            row[index] = partial.kept
        except BadValue:
            bad = True
            p.skip_children()
    if bad:
        raise PartialValue(row)
    return row


def _struct(data_type: t.StructType, options: JsonOptions) -> Converter:
    names = {field.name: index for index, field in reversed(list(enumerate(data_type.fields)))}
    converters = [make_converter(field.dataType, options) for field in data_type.fields]

    def convert(p: Tokenizer) -> Any:
        token = value_token(p)
        if token is None:
            return None
        if token != k.START_OBJECT:
            raise refuse(p, token)
        return _convert_object(p, names, converters)

    return convert


def _array(element: Converter) -> Converter:
    def convert(p: Tokenizer) -> Any:
        token = value_token(p)
        if token is None:
            return None
        if token != k.START_ARRAY:
            raise refuse(p, token)
        values: list[Any] = []
        bad = False
        while p.next_token() not in (None, k.END_ARRAY):
            try:
                values.append(element(p))
            except PartialValue as partial:
                bad = True
                values.append(partial.kept)
        if bad:
            raise PartialValue(values)
        return values

    return convert


def _map(value: Converter) -> Converter:
    def convert(p: Tokenizer) -> Any:
        token = value_token(p)
        if token is None:
            return None
        if token != k.START_OBJECT:
            raise refuse(p, token)
        pairs: list[tuple[str, Any]] = []
        partial_seen = False
        bad: BadValue | None = None
        while p.next_token() not in (None, k.END_OBJECT):
            name = to_text(p.current_name() or "")
            try:
                pairs.append((name, value(p)))
            except PartialValue as partial:
                partial_seen = True
                pairs.append((name, partial.kept))
            except BadValue as error:
                bad = bad or error
                p.skip_children()
        if bad is not None:
            raise BadValue("bad value in a map")
        if partial_seen:
            raise PartialValue(pairs)
        return pairs

    return convert

"""JSON in strings, by the rules of Spark's JSON source."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from lightstream.errors import SparkRuntimeException, unsupported
from lightstream.execute.natives.failure import failing
from lightstream.execute.show import civil, time_text
from lightstream.plan import types as t
from lightstream.plan.type_texts import from_json_text
from lightstream.sources.json import tokens as k
from lightstream.sources.json.characters import to_text
from lightstream.sources.json.convert import PartialRows, PartialValue, make_converter, make_root
from lightstream.sources.json.exact import make_tokenizer
from lightstream.sources.json.infer_types import final_type, make_inferrer
from lightstream.sources.json.options import JsonOptions, parse_options
from lightstream.sources.json.record_reader import STANDARD, BadValue
from lightstream.sources.json.scalars import ATOMIC
from lightstream.sources.json.tokens import Tokenizer
from lightstream.sources.record_options import FAILFAST

# ---- from_json ------------------------------------------------------------------------------------------------


@failing
def from_json(text: str, schema: str, options: str) -> str | None:
    """Return the value of a text under a schema, as JSON that DuckDB casts to the schema's type."""
    return _reader(schema, options)(text)


@functools.lru_cache(maxsize=64)
def _reader(schema: str, options: str) -> Callable[[str], str | None]:
    data_type = from_json_text(schema)
    settings = json.loads(options)
    parsed = parse_options(
        settings["options"], time_zone=settings["time_zone"], corrupt_column=settings["corrupt_column"]
    )
    tokenizer = make_tokenizer(parsed, raw_text=False)
    if isinstance(data_type, t.StructType):
        return _struct_reader(data_type, parsed, tokenizer)
    convert = make_converter(data_type, parsed)
    write = json_writer(data_type)
    element = data_type.elementType if isinstance(data_type, t.ArrayType) else None
    one = make_converter(element, parsed) if isinstance(element, t.StructType) else None

    def read(text: str) -> str | None:
        is_one = False
        try:
            tokens = tokenizer(text.encode())
            token = tokens.next_token()
            if token is None:
                return None
            if one is not None and token == k.START_OBJECT:  # Spark: an object for an array of them
                is_one = True
                return write([one(tokens)])
            return write(convert(tokens))
        except PartialValue as partial:
            kept = [partial.kept] if is_one else partial.kept
            return _refused(text, parsed, write(kept))
        except BadValue:
            return _refused(text, parsed, None)

    return read


def _struct_reader(
    schema: t.StructType, options: JsonOptions, tokenizer: Callable[[bytes], Tokenizer]
) -> Callable[[str], str | None]:
    corrupt = next((i for i, f in enumerate(schema.fields) if f.name == options.corrupt_column), None)
    fields = [f for f in schema.fields if f.name != options.corrupt_column]
    root, write = make_root(t.StructType(fields), options), json_writer(schema)

    def whole(row: list[Any], text: str | None) -> str | None:
        if corrupt is not None:
            row = [*row[:corrupt], text, *row[corrupt:]]
        return write(row)

    def read(text: str) -> str | None:
        nothing: list[Any] = [None] * len(fields)
        try:
            tokens = tokenizer(text.encode())
            token = tokens.next_token()
            if token is None:
                return None
            if token == k.START_ARRAY:
                raise BadValue("an array where an object is wanted")
            return whole(root(tokens)[0] or nothing, None)
        except PartialValue as partial:
            row = partial.kept
        except (BadValue, PartialRows):
            row = nothing
        return _refused(text, options, whole(row, text))

    return read


def _refused(text: str, options: JsonOptions, kept: str | None) -> str | None:
    if options.mode == FAILFAST:
        raise SparkRuntimeException(
            "MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION",
            f"A record is malformed: {text[:200]}. The mode is FAILFAST; with PERMISSIVE its fields would become null.",
            sqlstate="22023",
        )
    return kept


def json_writer(data_type: t.DataType) -> Callable[[Any], str | None]:
    """Return what writes a converter's value as JSON that DuckDB casts to the type."""
    convert = _json_value(data_type)
    return lambda value: None if value is None else json.dumps(convert(value), ensure_ascii=False)


def _json_value(data_type: t.DataType) -> Callable[[Any], Any]:
    """Return what makes a converter's value one that JSON carries and DuckDB casts back."""
    match data_type:
        case t.StructType():
            fields = [(f.name, _json_value(f.dataType)) for f in data_type.fields]
            return lambda row: {
                name: None if value is None else convert(value)
                for (name, convert), value in zip(fields, row, strict=True)
            }
        case t.ArrayType():
            item = _json_value(data_type.elementType)
            return lambda values: [None if value is None else item(value) for value in values]
        case t.MapType():
            inner = _json_value(data_type.valueType)
            return lambda pairs: _unique(
                {key: None if v is None else inner(v) for key, v in pairs}, len(pairs)
            )
        case t.DoubleType() | t.FloatType() | t.DecimalType():
            return str
        case t.DateType():
            return _day
        case t.TimestampType():
            return lambda us: _moment(us) + "+00"
        case t.TimestampNTZType():
            return _moment
        case t.VariantType():
            return lambda variant: {name: data.hex() for name, data in variant.items()}
    return lambda value: value


def _unique(found: dict[str, Any], count: int) -> dict[str, Any]:
    if len(found) < count:
        raise unsupported("A JSON object with a key twice, read as a map", "Spark would keep both entries.")
    return found


def _day(days: int) -> str:
    # As DuckDB reads it, which knows more years than Python and no sign before large ones.
    year, month, day = civil(days)
    return f"{'-' if year < 0 else ''}{abs(year):04}-{month:02}-{day:02}"


def _moment(us: int) -> str:
    days, rest = divmod(us, 86_400_000_000)
    return f"{_day(days)} {time_text(rest)}"


# ---- paths ----------------------------------------------------------------------------------------------------

_STEP = re.compile(r"\.(?:\*|([^.\[]+))|\[(?:'([^'?]+)'|(\d+)|(\*))\]")
_ANY = "*"
Step = tuple[str, Any]  # ("name", name), ("index", number), ("index", _ANY)
_RAW, _QUOTED, _FLAT = range(3)


@failing
def get_json_object(text: str, path: str) -> str | None:
    """Return what a path leads to: a string as it is, anything else as JSON."""
    steps = _steps(path)
    if steps is None:
        return None
    try:
        tokens = _tokens(text)
        if tokens.next_token() is None:
            return None
        out: list[str] = []
        return "".join(out) if _found(tokens, out, _RAW, steps) else None
    except BadValue:
        return None


@functools.lru_cache(maxsize=256)
def _steps(path: str) -> tuple[Step, ...] | None:
    if not path.startswith("$"):
        return None
    steps: list[Step] = []
    at = 1
    while at < len(path):
        match = _STEP.match(path, at)
        if match is None:
            return None
        name, quoted, index, everything = match.groups()
        if name is not None or quoted is not None:
            steps.append(("name", name if name is not None else quoted))
        elif index is not None:
            steps.append(("index", int(index)))
        else:
            steps.append(("index", _ANY) if everything else ("any", _ANY))  # Spark: `.*` leads nowhere
        at = match.end()
    return tuple(steps)


_OPTIONS = JsonOptions(tolerance=replace(STANDARD, non_numeric_numbers=False))
_tokenizer = make_tokenizer(_OPTIONS, raw_text=False)
_copied = ATOMIC[t.StringType](t.StringType(), _OPTIONS)


def _tokens(text: str) -> Tokenizer:
    return _tokenizer(text.encode())


def _copy(p: Tokenizer) -> str:
    """Return the current value as JSON."""
    if p.token == k.STRING:
        return _quoted(to_text(p.string()))
    if p.token == k.NULL:
        return "null"
    return str(_copied(p))


def _quoted(text: str) -> str:
    from lightstream.sources.json.rewritten import QUOTED as escapes

    return f'"{text.translate(escapes)}"'


def _found(p: Tokenizer, out: list[str], style: int, steps: tuple[Step, ...]) -> bool:
    """Write what steps lead to from the current token; return whether there was something."""
    if not steps:
        if p.token == k.STRING and style == _RAW:
            out.append(to_text(p.string()))
        elif p.token == k.START_ARRAY and style == _FLAT:
            some = False
            while p.next_token() != k.END_ARRAY:
                some |= _found(p, out, style, ())
            return some
        else:
            out.append(_copy(p) + ("," if style == _FLAT else ""))
        return True
    (kind, wanted), rest = steps[0], steps[1:]
    if p.token == k.START_OBJECT and kind == "name":
        return _in_object(p, out, style, wanted, rest)
    if p.token == k.START_ARRAY and kind == "index":
        if wanted == _ANY:
            return _in_array(p, out, style, rest)
        inner = _QUOTED if rest and rest[0] == ("index", _ANY) else style
        p.next_token()
        return _at_index(p, out, inner, wanted, rest)
    p.skip_children()
    return False


def _in_object(p: Tokenizer, out: list[str], style: int, wanted: str, rest: tuple[Step, ...]) -> bool:
    found = False
    while p.next_token() != k.END_OBJECT:
        name = p.current_name()
        p.next_token()
        if found or name != wanted or p.token == k.NULL:
            p.skip_children()
        else:
            found = _found(p, out, style, rest)
    return found


def _in_array(p: Tokenizer, out: list[str], style: int, rest: tuple[Step, ...]) -> bool:
    if rest and rest[0] == ("index", _ANY):
        parts = _parts(p, _FLAT, rest[1:])
        out.append(f"[{','.join(part.rstrip(',') for part in parts)}]")
        return bool(parts)
    if style == _QUOTED:
        parts = _parts(p, _QUOTED, rest)
        out.append(f"[{','.join(parts)}]")
        return bool(parts)
    parts = _parts(p, _FLAT if style == _FLAT else _QUOTED, rest)
    if len(parts) > 1:
        out.append(f"[{','.join(part.rstrip(',') for part in parts)}]")
    elif parts:
        out.append(parts[0].rstrip(","))
    return bool(parts)


def _parts(p: Tokenizer, style: int, rest: tuple[Step, ...]) -> list[str]:
    parts = []
    while p.next_token() != k.END_ARRAY:
        out: list[str] = []
        if _found(p, out, style, rest):
            parts.append("".join(out))
    return parts


def _at_index(p: Tokenizer, out: list[str], style: int, index: int, rest: tuple[Step, ...]) -> bool:
    found = False
    while p.token != k.END_ARRAY:
        if index == 0:
            found = _found(p, out, style, rest)
        else:
            p.skip_children()
        index -= 1
        p.next_token()
    return found


# ---- arrays, objects ------------------------------------------------------------------------------------------


@failing
def json_array_length(text: str) -> int | None:
    """Return how many elements the array of a text has; None for anything else."""
    try:
        p = _tokens(text)
        if p.next_token() != k.START_ARRAY:
            return None
        count = 0
        while p.next_token() != k.END_ARRAY:
            p.skip_children()
            count += 1
        return count
    except BadValue:
        return None


@failing
def json_object_keys(text: str) -> list[str] | None:
    """Return the keys of the object of a text; None for anything else."""
    try:
        p = _tokens(text)
        if p.next_token() != k.START_OBJECT:
            return None
        keys = []
        while p.next_token() != k.END_OBJECT:
            keys.append(to_text(p.current_name() or ""))
            p.next_token()
            p.skip_children()
        return keys
    except BadValue:
        return None


@failing
def json_tuple(text: str, names: list[str]) -> list[str | None]:
    """Return the values of an object's fields: strings as they are, anything else as JSON."""
    found: dict[str, str | None] = {}
    try:
        p = _tokens(text)
        if p.next_token() != k.START_OBJECT:
            return [None] * len(names)
        while p.next_token() != k.END_OBJECT:
            name = to_text(p.current_name() or "")
            p.next_token()
            if name in names and p.token != k.NULL:
                found[name] = to_text(p.string()) if p.token == k.STRING else _copy(p)
            else:
                p.skip_children()
    except BadValue:
        return [None] * len(names)
    return [found.get(name) for name in names]


# ---- schema_of_json -------------------------------------------------------------------------------------------


@failing
def schema_of_json(text: str, options: str) -> str:
    """Return the type that Spark infers from a text."""
    settings = json.loads(options)
    parsed = parse_options(settings["options"], time_zone=settings["time_zone"])
    try:
        p = make_tokenizer(parsed, raw_text=False)(text.encode())
        if p.next_token() is None:
            return "STRING"
        found = final_type(make_inferrer(parsed)(p), parsed)
    except BadValue:
        raise unsupported("schema_of_json of text that is not JSON") from None
    return (found or t.StructType([])).sql()

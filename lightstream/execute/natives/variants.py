"""Variants: out of JSON and SQL's values, into them, and parts of them."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from lightstream.errors import SparkRuntimeException
from lightstream.execute.natives.failure import failing
from lightstream.execute.variant_changes import append, delete, insert, put, without_nulls
from lightstream.execute.variant_texts import json_text, merged, plain_text, schema_of, schema_text
from lightstream.functions.variant_paths import steps_of
from lightstream.plan import types as t
from lightstream.plan import variants as v
from lightstream.plan.type_texts import from_json_text
from lightstream.plan.variants import Reader, Tree
from lightstream.sources.json.record_reader import BadValue, Tolerance
from lightstream.sources.json.tokens import Tokenizer
from lightstream.sources.json.variants import duplicate_key, parse

Variant = dict[str, bytes]  # as DuckDB gives its structs: value and metadata


def _variant(tree: Tree) -> Variant:
    value, metadata = v.encode(tree)
    return {"value": value, "metadata": metadata}


def _reader(variant: Variant) -> Reader:
    return Reader(variant["value"], variant["metadata"])


def tree_of(variant: Variant) -> Tree:
    """Return the tree of a variant."""
    return _reader(variant).tree()


# ---- JSON -----------------------------------------------------------------------------------------------------

_STRICT = Tolerance(single_quotes=False, non_numeric_numbers=False)
_MARK = "\ufeff"  # which the tokenizer skips, as in a file


def _tokens(record: bytes) -> Tokenizer:
    return Tokenizer(record, _STRICT)


@failing
def parse_json(text: str, fails: bool) -> Variant | None:
    """Return the variant of a JSON text. Where the text is none: fail, or return None."""
    try:
        tree = None if text.startswith(_MARK) else parse(text, _tokens)
        if tree is not None:
            return _variant(tree)
    except BadValue:
        pass
    except SparkRuntimeException as error:
        if error.condition != "VARIANT_DUPLICATE_KEY":
            raise
    if not fails:
        return None
    raise SparkRuntimeException(
        "MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION",
        f"Malformed records are detected in record parsing: {text[:200]}. Parse Mode: FAILFAST. "
        "With try_parse_json they are NULL.",
        sqlstate="22023",
    )


@failing
def variant_json(variant: Variant, zone: str) -> str:
    """Return a variant as JSON."""
    return json_text(tree_of(variant), zone)


@failing
def variant_text(variant: Variant, zone: str) -> str | None:
    """Return a variant as a string: a string as it is, None for a null."""
    return plain_text(tree_of(variant), zone)


# ---- schemas --------------------------------------------------------------------------------------------------


@failing
def variant_schema(variant: Variant) -> str:
    """Return the schema of a variant, as JSON."""
    return json.dumps(schema_of(tree_of(variant)))


@failing
def variant_schemas(schemas: list[str | None]) -> str:
    """Return the text of what schemas have in common, given as JSON."""
    return schema_text(functools.reduce(merged, (json.loads(one) for one in schemas if one), "VOID"))


# ---- paths ----------------------------------------------------------------------------------------------------


@failing
def variant_get(variant: Variant, path: str) -> Variant | None:
    """Return what a path leads to."""
    steps = steps_of(path)
    if steps is None:
        raise SparkRuntimeException(
            "INVALID_VARIANT_GET_PATH",
            f"The path `{path}` is not a valid variant extraction path. A valid path should start with `$` and is "
            "followed by zero or more segments like `[123]`, `.name`, `['name']`, or `[\"name\"]`.",
            sqlstate="22023",
        )
    reader = _reader(variant)
    at: int | None = 0
    for step in steps:
        if at is None:
            return None
        at = reader.field(at, step) if isinstance(step, str) else reader.element(at, step)
    return None if at is None else _variant(reader.tree(at))


# ---- out of a variant -----------------------------------------------------------------------------------------

_LONG = 1 << 63


@failing
def variant_value(variant: Variant) -> dict[str, Any] | None:
    """Return a value without parts by its kind, of anything else the kind; None for a null."""
    tree = tree_of(variant)
    kind = v.kind_of(tree)
    if kind == "null":
        return None
    found: dict[str, Any] = {"kind": kind, "whole": None, "text": None, "bytes": None}
    if isinstance(tree, bytes):
        value = v.value_of(tree)
        match value:
            case bool() | int():
                found["whole"] = int(value)
            case float():  # as text: of a NaN in a struct DuckDB's Python makes a NULL
                found["text"] = repr(value)
            case str():
                found["text"] = value
            case bytes():
                found["bytes"] = value
            case Decimal():
                sign, digits, exponent = value.as_tuple()
                us = int("".join(map(str, digits))) * 10**6 // 10 ** -int(exponent)
                us = -us if sign else us
                found |= {"text": f"{value:f}", "whole": us if -_LONG <= us < _LONG else None}
    return found


def _invalid(tree: Tree, target: str) -> SparkRuntimeException:
    return SparkRuntimeException(
        "INVALID_VARIANT_CAST",
        f'The variant value `{json_text(tree, "UTC")}` cannot be cast into "{target}". '
        "Please use `try_variant_get` instead.",
        sqlstate="22023",
    )


def _parts(wanted: type) -> Callable[[Variant, str, bool], Any]:
    def parts(variant: Variant, target: str, fails: bool) -> Any:
        tree = tree_of(variant)
        if isinstance(tree, wanted):
            return tree
        if fails and tree != v.NULL:
            raise _invalid(tree, target)
        return None

    return parts


_items, _fields = _parts(list), _parts(dict)


@failing
def variant_items(variant: Variant, target: str, fails: bool) -> list[Variant] | None:
    """Return an array's elements; None for a null. For anything else fail, or return None."""
    found = _items(variant, target, fails)
    return None if found is None else [_variant(item) for item in found]


@failing
def variant_entries(variant: Variant, target: str, fails: bool) -> list[dict[str, Any]] | None:
    """Return an object's names and values; None for a null. For anything else fail, or return None."""
    found = _fields(variant, target, fails)
    return (
        None if found is None else [{"key": name, "value": _variant(child)} for name, child in found.items()]
    )


@failing
def variant_fields(
    variant: Variant, names: list[str], target: str, fails: bool
) -> list[Variant | None] | None:
    """Return an object's fields of some names; None for a null. For anything else fail, or return None."""
    found = _fields(variant, target, fails)
    return None if found is None else [_variant(found[name]) if name in found else None for name in names]


@failing
def variant_explode(variant: Variant) -> list[dict[str, Any]] | None:
    """Return place, name and value of each part; None for what has no parts."""
    parts = _reader(variant).parts()
    if parts is None:
        return None
    metadata = variant["metadata"]  # Spark: the parts keep the names of the whole
    return [
        {"pos": i, "key": key, "value": {"value": part, "metadata": metadata}}
        for i, (key, part) in enumerate(parts)
    ]


@failing
def is_variant_null(variant: Variant) -> bool:
    """Return whether a variant is a null."""
    if not variant["value"]:
        raise v.malformed()
    return variant["value"][:1] == v.NULL  # Spark: whatever else is there


@failing
def is_valid_variant(variant: Variant) -> bool:
    """Return whether a variant's bytes are a variant."""
    try:
        _check(tree_of(variant))
    except SparkRuntimeException:
        return False
    return True


def _check(tree: Tree) -> None:
    """Look at the values that bytes of the right length may not be."""
    if isinstance(tree, bytes):
        if v.kind_of(tree) == "decimal":
            v.value_of(tree)
        return
    for child in tree.values() if isinstance(tree, dict) else tree:
        _check(child)


# ---- changed --------------------------------------------------------------------------------------------------


@failing
def variant_change(variant: Variant, path: str, value: Variant, how: str) -> Variant | None:
    """Return a variant with a value at a path; `how` is the function's name, perhaps with ` existing` behind it."""
    name, _, existing = how.partition(" ")
    tree, new = tree_of(variant), tree_of(value)
    try:
        match name.removeprefix("try_"):
            case "variant_insert":
                tree = insert(tree, path, new, name)
            case "variant_set":
                tree = put(tree, path, new, name, makes=not existing)
            case _:
                tree = append(tree, path, new, name)
    except SparkRuntimeException as error:
        if name.startswith("try_") and error.condition in _TRIED:
            return None
        raise
    return _variant(tree)


_TRIED = ("VARIANT_PATH_TYPE_MISMATCH", "VARIANT_DUPLICATE_KEY")


@failing
def variant_delete(variant: Variant, paths: list[str | None]) -> Variant:
    """Return a variant without what paths lead to, one after the other."""
    given = [path for path in paths if path is not None]
    if not given:
        return variant
    tree = tree_of(variant)
    for path in given:
        tree = delete(tree, path, "variant_delete")
    return _variant(tree)


@failing
def variant_strip_nulls(variant: Variant, arrays: bool) -> Variant:
    """Return a variant without nulls."""
    return _variant(without_nulls(tree_of(variant), arrays))


# ---- into a variant -------------------------------------------------------------------------------------------


@failing
def to_variant(text: str, schema: str) -> Variant:
    """Return the variant of a value, given as JSON whose leaves are texts (`functions.variant_casts`)."""
    return _variant(_builder(schema)(json.loads(text)))


@functools.lru_cache(maxsize=64)
def _builder(schema: str) -> Callable[[Any], Tree]:
    build = _build(from_json_text(schema))
    return build


def _build(data_type: t.DataType) -> Callable[[Any], Tree]:
    inner = _build_present(data_type)
    return lambda value: v.NULL if value is None else inner(value)


def _build_present(data_type: t.DataType) -> Callable[[Any], Tree]:
    match data_type:
        case t.StructType():
            parts = [(f.name, _build(f.dataType)) for f in data_type.fields]
            return lambda values: {
                name: part(value) for (name, part), value in zip(parts, values, strict=True)
            }
        case t.ArrayType():
            element = _build(data_type.elementType)
            return lambda values: [element(value) for value in values]
        case t.MapType():
            item = _build(data_type.valueType)
            return lambda pairs: _unique([(key, item(value)) for key, value in pairs])
        case t.VariantType():
            return lambda pair: Reader(bytes.fromhex(pair[0]), bytes.fromhex(pair[1])).tree()
        case t.DecimalType():
            return _decimal
    return _LEAVES[type(data_type)]


def _unique(pairs: list[tuple[str, Tree]]) -> Tree:
    found: dict[str, Tree] = {}
    for name, value in pairs:
        if name in found:
            raise duplicate_key(name)
        found[name] = value
    return found


def _decimal(text: str) -> bytes:
    sign, digits, exponent = Decimal(text).as_tuple()
    unscaled = int("".join(map(str, digits)))
    return v.from_decimal(-unscaled if sign else unscaled, -int(exponent))


def _whole(text: str) -> bytes:
    return v.from_int(int(text))


_LEAVES: dict[type[t.DataType], Callable[[str], bytes]] = {
    t.BooleanType: lambda text: v.TRUE if text == "true" else v.FALSE,
    t.ByteType: _whole, t.ShortType: _whole, t.IntegerType: _whole, t.LongType: _whole,
    t.FloatType: lambda text: v.from_float(float(text)),
    t.DoubleType: lambda text: v.from_double(float(text)),
    t.StringType: v.from_text,
    t.BinaryType: lambda text: v.from_bytes(bytes.fromhex(text)),
    t.DateType: lambda text: v.from_date(int(text)),
    t.TimestampType: lambda text: v.from_instant(int(text), local=False),
    t.TimestampNTZType: lambda text: v.from_instant(int(text), local=True),
}  # fmt: skip

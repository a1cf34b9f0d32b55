"""Variants as Spark writes them: as JSON, and the schema of one."""

from __future__ import annotations

import base64
import datetime
from decimal import Decimal
from functools import reduce
from typing import Any

from lightstream.errors import unsupported
from lightstream.execute.show import civil, date_text, ntz_text, zone_of
from lightstream.plan import variants as v
from lightstream.plan.literal_texts import float_text, java_double_text
from lightstream.plan.type_texts import name_sql
from lightstream.plan.variants import Tree
from lightstream.sources.json.rewritten import QUOTED

# ---- JSON -----------------------------------------------------------------------------------------------------


def json_text(tree: Tree, zone: str) -> str:
    """Return a variant as `to_json` writes it. Spark: decimals lose their last zeros."""
    if isinstance(tree, dict):
        return (
            "{" + ",".join(f"{_quoted(name)}:{json_text(child, zone)}" for name, child in tree.items()) + "}"
        )
    if isinstance(tree, list):
        return "[" + ",".join(json_text(child, zone) for child in tree) + "]"
    text, is_quoted = _plain(tree, zone)
    return _quoted(text) if is_quoted else text


def plain_text(tree: Tree, zone: str) -> str | None:
    """Return a variant as a cast to a string gives it: strings as they are, None for a null."""
    match v.kind_of(tree):
        case "null":
            return None
        case "array" | "object":
            return json_text(tree, zone)
        case "string":
            return str(v.value_of(tree))
        case "timestamp":
            us = int(v.value_of(tree))
            return ntz_text(us + _offset_s(us, zone) * 1_000_000)
        case "binary":
            try:
                return bytes(v.value_of(tree)).decode()
            except UnicodeDecodeError:
                raise unsupported("A string of bytes that are not UTF-8") from None
    return _plain(tree, zone)[0]


def shown_text(value: dict[str, bytes]) -> str:
    """Return the text of a variant as `show` prints it."""
    return json_text(v.Reader(value["value"], value["metadata"]).tree(), "UTC")


def _quoted(text: str) -> str:
    return f'"{text.translate(QUOTED)}"'


def _plain(tree: bytes, zone: str) -> tuple[str, bool]:
    """Return a value without parts as text, and whether JSON has it in quotes."""
    value: Any = v.value_of(tree)
    match v.kind_of(tree):
        case "null":
            return "null", False
        case "boolean":
            return ("true" if value else "false"), False
        case "double" | "float" as kind:
            finite = value == value and abs(value) != float("inf")
            return (java_double_text(value) if kind == "double" else float_text(value)), not finite
        case "decimal":
            return decimal_text(value), False
        case "date":
            return date_text(value), True
        case "timestamp":
            return _instant_text(value, zone), True
        case "timestamp_ntz":
            return ntz_text(value), True
        case "binary":
            return base64.b64encode(value).decode(), True
        case "string" | "uuid":
            return value, True
    return str(value), False


def decimal_text(value: Decimal) -> str:
    """Return a decimal without an exponent and without zeros at its end."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _offset_s(us: int, name: str) -> int:
    seconds = us // 1_000_000
    year = civil(seconds // 86400)[0]
    if not 1 < year < 9999:
        raise unsupported("A timestamp of so early or late a year in the text of a variant")
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC).astimezone(zone_of(name))
    offset = moment.utcoffset() or datetime.timedelta()
    return offset // datetime.timedelta(seconds=1)


def _instant_text(us: int, name: str) -> str:
    offset_s = _offset_s(us, name)
    # Spark writes an offset without its seconds, though the time is that of the whole offset.
    minutes = abs(offset_s) // 60
    sign = "-" if offset_s < 0 else "+"
    return f"{ntz_text(us + offset_s * 1_000_000)}{sign}{minutes // 60:02}:{minutes % 60:02}"


# ---- schemas --------------------------------------------------------------------------------------------------

# A schema is the name of a type, [digits, scale] of a decimal, {"array": element} or {"object": {name: schema}}.
Schema = Any
_NAMES = {
    "null": "VOID", "boolean": "BOOLEAN", "long": "BIGINT", "double": "DOUBLE", "float": "FLOAT", "date": "DATE",
    "timestamp": "TIMESTAMP", "timestamp_ntz": "TIMESTAMP_NTZ", "binary": "BINARY", "string": "STRING", "uuid": "UUID",
}  # fmt: skip
_LONG_DIGITS = (20, 0)
_MOST_DIGITS = 38
_WIDER = {
    frozenset(("BIGINT", "DOUBLE")): "DOUBLE", frozenset(("BIGINT", "FLOAT")): "FLOAT",
    frozenset(("FLOAT", "DOUBLE")): "DOUBLE", frozenset(("DATE", "TIMESTAMP")): "TIMESTAMP",
    frozenset(("DATE", "TIMESTAMP_NTZ")): "TIMESTAMP_NTZ", frozenset(("TIMESTAMP", "TIMESTAMP_NTZ")): "TIMESTAMP",
}  # fmt: skip


def schema_of(tree: Tree) -> Schema:
    """Return the schema of a variant."""
    if isinstance(tree, dict):
        return {"object": {name: schema_of(child) for name, child in tree.items()}}
    if isinstance(tree, list):
        return {"array": reduce(merged, map(schema_of, tree), "VOID")}
    kind = v.kind_of(tree)
    if kind != "decimal":
        return _NAMES[kind]
    whole, _, fraction = decimal_text(v.value_of(tree).copy_abs()).partition(".")
    return [max(1, len(whole.lstrip("0")) + len(fraction)), len(fraction)]


def merged(one: Schema, other: Schema) -> Schema:
    """Return the schema of what has either of two schemas."""
    if one == other or other == "VOID":
        return one
    if one == "VOID":
        return other
    if isinstance(one, dict) and isinstance(other, dict):
        if "array" in one and "array" in other:
            return {"array": merged(one["array"], other["array"])}
        if "object" in one and "object" in other:
            left, right = one["object"], other["object"]
            names = sorted({*left, *right}, key=v.in_java_order)
            return {"object": {n: merged(left.get(n, "VOID"), right.get(n, "VOID")) for n in names}}
        return "VARIANT"
    if isinstance(one, dict) or isinstance(other, dict):
        return "VARIANT"
    if isinstance(one, list) or isinstance(other, list):
        return _merged_decimal(one, other)
    return _WIDER.get(frozenset((one, other)), "VARIANT")


def _merged_decimal(one: Schema, other: Schema) -> Schema:
    pair = [_LONG_DIGITS if kind == "BIGINT" else kind for kind in (one, other)]
    if "FLOAT" in pair or "DOUBLE" in pair:
        return "DOUBLE"
    if any(isinstance(kind, str) for kind in pair):
        return "VARIANT"
    scale = max(kind[1] for kind in pair)
    digits = max(kind[0] - kind[1] for kind in pair) + scale
    return "DOUBLE" if digits > _MOST_DIGITS else [digits, scale]


def schema_text(schema: Schema) -> str:
    """Return a schema as `schema_of_variant` writes it."""
    if isinstance(schema, str):
        return schema
    if isinstance(schema, list):
        return f"DECIMAL({schema[0]},{schema[1]})"
    if "array" in schema:
        return f"ARRAY<{schema_text(schema['array'])}>"
    fields = (f"{name_sql(name)}: {schema_text(child)}" for name, child in schema["object"].items())
    return f"OBJECT<{', '.join(fields)}>"

"""Casts from and to variants.

Spark casts a variant as the value that it holds, but with an error of its own: so there is one arm for each kind
of value, spelled as the cast from that type.
"""

from __future__ import annotations

from lightstream.errors import unsupported
from lightstream.functions.casts import can_cast, cast_sql
from lightstream.functions.registry import SqlContext
from lightstream.functions.spelling import duck_type, error_with_value_sql, let, native_sql, quote, text_sql
from lightstream.plan import types as t

# ---- from a variant -------------------------------------------------------------------------------------------

# Kind of value to its type, and where `variant_value` has it.
_HELD: dict[str, tuple[t.DataType, str]] = {
    "boolean": (t.BooleanType(), "({0}.whole = 1)"),
    "long": (t.LongType(), "{0}.whole"),
    "float": (t.FloatType(), 'CAST({0}."text" AS FLOAT)'),
    "double": (t.DoubleType(), 'CAST({0}."text" AS DOUBLE)'),
    "date": (t.DateType(), "(DATE '1970-01-01' + CAST({0}.whole AS INTEGER))"),
    "timestamp": (t.TimestampType(), "make_timestamptz({0}.whole)"),
    "timestamp_ntz": (t.TimestampNTZType(), "make_timestamp({0}.whole)"),
    "binary": (t.BinaryType(), "{0}.bytes"),
    "string": (t.StringType(), '{0}."text"'),
}


def from_variant(sql: str, target: t.DataType, mode: str, ctx: SqlContext) -> str:
    """Return a cast of a variant; where its value is of no such type, fail, or under "try" be NULL."""
    if isinstance(target, t.VariantType):
        return sql
    if isinstance(target, t.StringType):
        return native_sql("variant_text", sql, text_sql(ctx.time_zone))
    fails = "FALSE" if mode == "try" else "TRUE"
    wanted = (text_sql(target.sql()), fails)
    depth = _depth(target)
    each = f"ls_v{depth}"
    match target:
        case t.ArrayType():
            items = native_sql("variant_items", sql, *wanted)
            return (
                f"list_transform({items}, lambda {each}: {from_variant(each, target.elementType, mode, ctx)})"
            )
        case t.MapType():
            pairs = native_sql("variant_entries", sql, *wanted)
            value = from_variant(f'{each}."value"', target.valueType, mode, ctx)
            made = f'list_transform({pairs}, lambda {each}: struct_pack(k := {each}."key", v := {value}))'
            return f"map_from_entries({made})"
        case t.StructType():
            names = f"[{', '.join(text_sql(field.name) for field in target)}]"
            if len({field.name.lower() for field in target}) < len(target) or not target.fields:
                raise unsupported(f"A cast of a variant to {target.simpleString()}")
            found = native_sql("variant_fields", sql, names, *wanted)
            return let(found, lambda row: _struct(row, target, mode, ctx), f"w{depth}")
    failure = "NULL" if mode == "try" else _invalid(sql, target)
    value = native_sql("variant_value", sql)
    return let(value, lambda held: _plain(held, target, failure, ctx), f"h{depth}")


def _struct(row: str, target: t.StructType, mode: str, ctx: SqlContext) -> str:
    parts = (
        f"{quote(field.name)} := {from_variant(f'{row}[{i}]', field.dataType, mode, ctx)}"
        for i, field in enumerate(target, 1)
    )
    return f"CASE WHEN {row} IS NOT NULL THEN struct_pack({', '.join(parts)}) END"


def _plain(held: str, target: t.DataType, failure: str, ctx: SqlContext) -> str:
    arms = []
    for kind, (source, place) in _HELD.items():
        if can_cast(source, target, "ansi"):
            value = cast_sql(place.format(held), source, target, "try", ctx)
            arms.append(f"WHEN {held}.kind = '{kind}' THEN {value}")
    decimal = _from_decimal(held, target, ctx)
    if decimal is not None:
        arms.append(f"WHEN {held}.kind = 'decimal' THEN {decimal}")
    if not arms:
        arms.append(f"WHEN FALSE THEN CAST(NULL AS {duck_type(target)})")
    return f"CASE WHEN {held}.kind IS NOT NULL THEN coalesce(CASE {' '.join(arms)} END, {failure}) END"


def _from_decimal(held: str, target: t.DataType, ctx: SqlContext) -> str | None:
    """Return the cast of a decimal of whatever scale, which is held as text, and in microseconds."""
    text = f'{held}."text"'
    match target:
        case t.BooleanType():
            return f"regexp_matches({text}, '[1-9]')"
        case t.IntegralType():
            return cast_sql(f"split_part({text}, '.', 1)", t.StringType(), target, "try", ctx)
        case t.FractionalType():
            return cast_sql(text, t.StringType(), target, "try", ctx)
        case t.TimestampType():
            return f"make_timestamptz({held}.whole)"
    return None


def _invalid(sql: str, target: t.DataType) -> str:
    return error_with_value_sql(
        "INVALID_VARIANT_CAST",
        f'The variant value `{{}}` cannot be cast into "{target.sql()}". Please use `try_variant_get` instead.',
        native_sql("variant_json", sql, "'UTC'"),
        "22023",
        "SparkRuntimeException",
    )


def _depth(data_type: t.DataType) -> int:
    """Return how deep a type nests: the names of lambda parameters must differ between levels."""
    match data_type:
        case t.ArrayType():
            return 1 + _depth(data_type.elementType)
        case t.MapType():
            return 1 + _depth(data_type.valueType)
        case t.StructType():
            return 1 + max((_depth(field.dataType) for field in data_type), default=0)
    return 0


# ---- to a variant ---------------------------------------------------------------------------------------------


def to_variant(sql: str, source: t.DataType) -> str:
    """Return a value as a variant: a native function makes it of JSON, whose leaves are texts that lose nothing."""
    if t.holds(source, t.TimeType):
        raise unsupported("A variant of the type TIME", "Spark fails with an internal error.")
    text = f"CAST(to_json({_texts(sql, source)}) AS VARCHAR)"
    made = native_sql("to_variant", text, text_sql(source.json()))
    return f"CASE WHEN ({sql}) IS NOT NULL THEN {made} END"


def _texts(sql: str, source: t.DataType) -> str:
    """Return a value with its leaves as texts: structs as lists, maps as lists of pairs."""
    each = f"ls_x{_depth(source)}"
    match source:
        case t.ArrayType():
            return f"list_transform({sql}, lambda {each}: to_json({_texts(each, source.elementType)}))"
        case t.MapType():
            value = _texts(f"{each}.value", source.valueType)
            pair = f"[to_json({each}.key), to_json({value})]"
            return f"list_transform(map_entries({sql}), lambda {each}: to_json({pair}))"
        case t.StructType():
            parts = (
                f"to_json({_texts(f'struct_extract_at({sql}, {i})', field.dataType)})"
                for i, field in enumerate(source, 1)
            )
            return f"CASE WHEN {sql} IS NOT NULL THEN [{', '.join(parts)}] END"
        case t.VariantType():
            pair = f'[hex({sql}."value"), hex({sql}.metadata)]'
            return f"CASE WHEN {sql} IS NOT NULL THEN {pair} END"
        case t.BinaryType():
            return f"hex({sql})"
        case t.DateType():
            return f"CAST({sql} - DATE '1970-01-01' AS VARCHAR)"
        case t.TimestampType() | t.TimestampNTZType():
            return f"CAST(epoch_us({sql}) AS VARCHAR)"
    return f"CAST({sql} AS VARCHAR)"


# ---- out of JSON, which has no bytes --------------------------------------------------------------------------


def in_json(data_type: t.DataType) -> t.DataType:
    """Return a type with hexadecimal texts where variants have bytes."""
    match data_type:
        case t.VariantType():
            texts = [t.StructField(name, t.StringType()) for name in ("value", "metadata")]
            return t.StructType(texts)
        case t.StructType():
            return t.StructType([t.StructField(f.name, in_json(f.dataType)) for f in data_type])
        case t.ArrayType():
            return t.ArrayType(in_json(data_type.elementType))
        case t.MapType():
            return t.MapType(data_type.keyType, in_json(data_type.valueType))
    return data_type


def out_of_json(sql: str, data_type: t.DataType) -> str:
    """Return a value of the type that `in_json` gives as one of the type itself."""
    if not t.holds(data_type, t.VariantType):
        return sql
    each = f"ls_b{_depth(data_type)}"
    match data_type:
        case t.ArrayType():
            return f"list_transform({sql}, lambda {each}: {out_of_json(each, data_type.elementType)})"
        case t.MapType():
            value = out_of_json(f"{each}.value", data_type.valueType)
            pairs = f"list_transform(map_entries({sql}), lambda {each}: struct_pack(k := {each}.key, v := {value}))"
            return f"map_from_entries({pairs})"
        case t.StructType():
            parts = [
                f"{quote(f.name)} := {out_of_json(f'struct_extract_at({sql}, {i})', f.dataType)}"
                for i, f in enumerate(data_type, 1)
            ]
        case _:
            parts = [f'"{name}" := from_hex({sql}."{name}")' for name in ("value", "metadata")]
    return f"CASE WHEN {sql} IS NOT NULL THEN struct_pack({', '.join(parts)}) END"

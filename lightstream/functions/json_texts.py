"""JSON in strings: reading it, writing it, looking into it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from lightstream.conf import Conf
from lightstream.dataclass import dataclass
from lightstream.errors import AnalysisException, unsupported
from lightstream.functions import mismatch
from lightstream.functions.cast_text import java_decimal_text, java_text, to_text
from lightstream.functions.date_patterns import pattern_of, written
from lightstream.functions.interned import name_of
from lightstream.functions.record_texts import (
    CORRUPT,
    READ,
    TIMESTAMP,
    bind_schema_of,
    check_text,
    instant_text,
    options_of,
    schema_of,
    settings_json,
    settings_text,
)
from lightstream.functions.registry import Bound, SqlContext, generator, scalar
from lightstream.functions.signatures import only_strings
from lightstream.functions.signatures import parse as signature
from lightstream.functions.spelling import duck_type, let, native_sql, text_sql
from lightstream.plan import types as t
from lightstream.plan.expressions import Call, Expression, Literal, type_of


def wrong_schema(name: str, args: tuple[Expression, ...], found: t.DataType) -> AnalysisException:
    """Return DATATYPE_MISMATCH.INVALID_JSON_SCHEMA."""
    message = f'Input schema "{found.sql()}" must be a struct, an array, a map or a variant.'
    return mismatch.data_mismatch("INVALID_JSON_SCHEMA", name, args, message, schema=f'"{found.sql()}"')


# ---- from_json ------------------------------------------------------------------------------------------------


def _bind_from_json(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    schema = schema_of(name, args)
    if not isinstance(schema, t.StructType | t.ArrayType | t.MapType | t.VariantType):
        raise wrong_schema(name, args[:1], schema)
    check_text(name, args)
    _check_readable(schema)
    text = signature("string -> any").bind(name, args[:1], conf).args[0]
    schema = t.as_nullable(schema)
    return Bound((text, *args[1:]), schema, True)


def _check_readable(data_type: t.DataType) -> None:
    match data_type:
        case t.StructType():
            for field in data_type:
                _check_readable(field.dataType)
        case t.ArrayType():
            _check_readable(data_type.elementType)
        case t.MapType() if isinstance(data_type.keyType, t.StringType):
            _check_readable(data_type.valueType)
        case _ if not isinstance(data_type, (*READ, t.VariantType)):
            raise unsupported(f"from_json into {data_type.simpleString()}")


def _from_json_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    schema, settings = call.type.json(), settings_json(options_of(call.name, call.args, 2), ctx)
    structure = _structure(call.type) if _is_plain(call) else None
    if isinstance(structure, dict):
        short = text_sql(name_of(schema, settings))
        return (
            f"json_transform({native_sql('checked_json', args[0], short)}, {text_sql(json.dumps(structure))})"
        )
    read = native_sql("from_json", args[0], text_sql(schema), text_sql(settings))
    if t.holds(call.type, t.VariantType):
        from lightstream.functions.variant_casts import in_json, out_of_json

        texts = f"CAST(CAST({read} AS JSON) AS {duck_type(in_json(call.type))})"
        return let(texts, lambda found: out_of_json(found, call.type), "json")
    return f"CAST(CAST({read} AS JSON) AS {duck_type(call.type)})"


def _is_plain(call: Call) -> bool:
    """Return whether no option changes what JSON is."""
    options = options_of(call.name, call.args, 2)
    return all(key.lower() == "mode" for key in options)


_TRANSFORMED = (
    t.StringType, t.BooleanType, t.ByteType, t.ShortType, t.IntegerType, t.LongType, t.DoubleType,
)  # fmt: skip


def _structure(data_type: t.DataType) -> Any:
    """Return a type as `json_transform` takes it; None where values need Spark's rules."""
    match data_type:
        case t.StructType():
            parts = {field.name: _structure(field.dataType) for field in data_type}
            # DuckDB's names are the same in any case.
            apart = len({name.lower() for name in parts}) == len(data_type) and CORRUPT not in parts
            return parts if parts and apart and None not in parts.values() else None
        case t.ArrayType():
            element = _structure(data_type.elementType)
            return None if element is None else [element]
    return duck_type(data_type) if type(data_type) in _TRANSFORMED else None


def _shown_from(call: Call, args: Sequence[str]) -> str:
    # Spark names a map that it reads after what it reads.
    return "entries" if isinstance(call.type, t.MapType) else f"{call.name}({args[0]})"


scalar("from_json", _bind_from_json, _from_json_sql, shown=_shown_from, constants=(1,))

# ---- to_json --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Writing:
    """How values are written: options of to_json."""

    ctx: SqlContext
    date: str = "yyyy-MM-dd"
    timestamp: str = TIMESTAMP
    timestamp_ntz: str = "yyyy-MM-dd'T'HH:mm:ss[.SSS]"
    nulls: bool = False
    sorts: bool = False


_WRITING = {"dateformat": "date", "timestampformat": "timestamp", "timestampntzformat": "timestamp_ntz"}


def _writing(name: str, options: dict[str, str], ctx: SqlContext) -> _Writing:
    given: dict[str, str | bool] = {}
    for key, value in options.items():
        lower = key.lower()
        if lower in _WRITING:
            pattern_of(name, value, reads=False)
            given[_WRITING[lower]] = value
        elif lower in ("ignorenullfields", "sortkeys") and value.lower() in ("true", "false"):
            true = value.lower() == "true"
            given["sorts" if lower == "sortkeys" else "nulls"] = true if lower == "sortkeys" else not true
        else:
            raise unsupported(f"The option {key} of {name}")
    return _Writing(ctx, **given)  # type: ignore[arg-type]


def _bind_to_json(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if not 1 <= len(args) <= 2:
        raise mismatch.wrong_count(name, "[1, 2]", len(args))
    found = type_of(args[0])
    if isinstance(found, t.NullType):  # whatever it is computed from
        return Bound((Literal(None, found), *args[1:]), t.StringType(), True)
    if not isinstance(found, t.StructType | t.ArrayType | t.MapType | t.VariantType):
        raise wrong_schema(name, args[:1], found)
    _json_text("x", found, _writing(name, options_of(name, args, 1), SqlContext()), 0)
    return Bound(args, t.StringType(), True)


def _to_json_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    if isinstance(type_of(call.args[0]), t.NullType):
        return "CAST(NULL AS VARCHAR)"
    writing = _writing(call.name, options_of(call.name, call.args, 1), ctx)
    return let(args[0], lambda v: _json_text(v, type_of(call.args[0]), writing, 0), "json")


def _json_text(v: str, data_type: t.DataType, writing: _Writing, depth: int) -> str:
    """Return the JSON of a value as text; NULL for NULL."""
    name = f"ls_j{depth}"
    match data_type:
        case t.StructType():
            values = [(f, f"struct_extract({v}, {text_sql(f.name)})") for f in data_type]
            return f"CASE WHEN {v} IS NOT NULL THEN {_object_text(values, writing, depth)} END"
        case t.ArrayType():
            item = _json_text(name, data_type.elementType, writing, depth + 1)
            items = f"list_transform({v}, lambda {name}: coalesce({item}, 'null'))"
            return f"'[' || array_to_string({items}, ',') || ']'"
        case t.MapType():
            key = _key_text(f"{name}.key", data_type.keyType, writing.ctx)
            value = _json_text(f"{name}.value", data_type.valueType, writing, depth + 1)
            pair = f"CAST(to_json({key}) AS VARCHAR) || ':' || coalesce({value}, 'null')"
            if writing.sorts:
                raise unsupported("to_json of a map with the option sortKeys")
            return f"'{{' || array_to_string(list_transform(map_entries({v}), lambda {name}: {pair}), ',') || '}}'"
        case t.StringType():
            return f"CAST(to_json({v}) AS VARCHAR)"
        case t.BooleanType() | t.IntegralType():
            return f"CAST({v} AS VARCHAR)"
        case t.FloatType() | t.DoubleType():
            return f"CASE WHEN isfinite({v}) THEN {java_text(v)} ELSE '\"' || {java_text(v)} || '\"' END"
        case t.DecimalType():
            return java_decimal_text(v, data_type, writing.ctx)
        case t.DateType():
            moment = f"CAST({v} AS TIMESTAMP)"
            return _in_quotes(let(moment, lambda d: written(writing.date, d, d, writing.ctx), f"d{depth}"))
        case t.TimestampNTZType():
            return _in_quotes(
                let(v, lambda d: written(writing.timestamp_ntz, d, d, writing.ctx), f"d{depth}")
            )
        case t.TimestampType():
            return _in_quotes(instant_text(v, writing.timestamp, writing.ctx, f"d{depth}"))
        case t.BinaryType():
            return _in_quotes(f"to_base64({v})")
        case t.AnsiIntervalType():
            return _in_quotes(to_text(v, data_type, "ansi", writing.ctx))
        case t.VariantType():
            return native_sql("variant_json", v, text_sql(writing.ctx.time_zone))
        case t.NullType():
            return f"CAST({v} AS VARCHAR)"  # which is NULL, but may fail to be computed
    raise unsupported(f"to_json of {data_type.simpleString()}")


def _object_text(values: Sequence[tuple[t.StructField, str]], writing: _Writing, depth: int) -> str:
    parts = []
    for field, value in sorted(values, key=lambda each: each[0].name) if writing.sorts else values:
        text = _json_text(value, field.dataType, writing, depth + 1)
        key = text_sql(json.dumps(field.name, ensure_ascii=False) + ":")
        parts.append(f"{key} || coalesce({text}, 'null')" if writing.nulls else f"{key} || {text}")
    return f"('{{' || concat_ws(',', {', '.join(parts)}) || '}}')" if parts else "'{}'"


def json_record(values: Sequence[tuple[t.StructField, str]], options: dict[str, str], ctx: SqlContext) -> str:
    """Return the JSON of a row, whose values are given as SQL, as text; `options` are those of `to_json`.

    Raises:
        UnsupportedOperationException: an option or a type that is not supported here.
    """
    return _object_text(values, _writing("JSON files", options, ctx), 0)


def _in_quotes(text: str) -> str:
    return f"('\"' || {text} || '\"')"


def _key_text(v: str, data_type: t.DataType, ctx: SqlContext) -> str:
    """Return the text of a map's key, as Spark's values print themselves."""
    match data_type:
        case t.StringType():
            return v
        case t.BooleanType() | t.IntegralType():
            return f"CAST({v} AS VARCHAR)"
        case t.FloatType() | t.DoubleType():
            return java_text(v)
        case t.DecimalType():
            return java_decimal_text(v, data_type, ctx)
        case t.StructType():
            parts = (
                f"coalesce({_key_text(f'struct_extract({v}, {text_sql(f.name)})', f.dataType, ctx)}, 'null')"
                for f in data_type
            )
            return f"'[' || concat_ws(',', {', '.join(parts)}) || ']'"
    raise unsupported(f"to_json of a map with keys of type {data_type.simpleString()}")


scalar("to_json", _bind_to_json, _to_json_sql, shown="{name}({0})")

# ---- looking into JSON ----------------------------------------------------------------------------------------


def _native(name: str) -> str:
    return native_sql(name, "{args}")


scalar("get_json_object", only_strings("string, string -> string?"), _native("get_json_object"))
scalar("json_array_length", only_strings("string -> int?"), _native("json_array_length"))
scalar("json_object_keys", only_strings("string -> array<string>?"), _native("json_object_keys"))


def _schema_of_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    options = options_of(call.name, call.args, 1)
    return native_sql("schema_of_json", args[0], settings_text(options, ctx))


scalar("schema_of_json", bind_schema_of("json"), _schema_of_sql, shown="{name}({0})")


def _bind_json_tuple(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if len(args) < 2:
        raise mismatch.wrong_count(name, "> 1", len(args))
    for i, argument in enumerate(args):
        if not isinstance(type_of(argument), t.StringType):
            raise mismatch.data_mismatch(
                "NON_STRING_TYPE", name, args, f"All arguments of {name} must be strings ({i})."
            )
    bound = signature("string+ -> any").bind(name, args, conf)
    fields = [t.StructField(f"c{i}", t.StringType(), True) for i in range(len(args) - 1)]
    return Bound(bound.args, t.StructType(fields), False)


def _json_tuple_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    found = native_sql("json_tuple", args[0], f"[{', '.join(args[1:])}]")
    cells = ", ".join(f"c{i} := ls_t[{i + 1}]" for i in range(len(args) - 1))
    # Text that is NULL, or no object, makes a row of NULLs.
    return f"list_transform([{found}], lambda ls_t: struct_pack({cells}))"


generator("json_tuple", _bind_json_tuple, _json_tuple_sql)

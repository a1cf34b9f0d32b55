"""CSV in strings: reading it, writing it, inferring its schema."""

from __future__ import annotations

import json
from collections.abc import Sequence

from lightstream.conf import Conf
from lightstream.errors import AnalysisException, unsupported
from lightstream.functions import mismatch
from lightstream.functions.cast_text import to_text
from lightstream.functions.cast_times import to_local
from lightstream.functions.date_patterns import pattern_of, written
from lightstream.functions.json_texts import options_of, schema_of, settings_text
from lightstream.functions.registry import Bound, SqlContext, scalar
from lightstream.functions.signatures import parse as signature
from lightstream.functions.spelling import duck_type, let, native_sql, text_sql
from lightstream.plan import types as t
from lightstream.plan.expressions import Call, Cast, Expression, Literal, nullable_of, type_of

# ---- from_csv -------------------------------------------------------------------------------------------------

_READ = (
    t.BooleanType, t.IntegralType, t.FractionalType, t.StringType, t.DateType, t.TimestampType, t.TimestampNTZType,
)  # fmt: skip


def _bind_from_csv(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if not 2 <= len(args) <= 3:
        raise mismatch.wrong_count(name, "[2, 3]", len(args))
    schema = schema_of(name, args)
    if not isinstance(schema, t.StructType):
        shown = schema.sql()
        raise AnalysisException(
            "INVALID_SCHEMA.NON_STRUCT_TYPE",
            f'The input schema is not a struct type, but "{shown}".',
            sqlstate="42K07",
            parameters={"inputSchema": mismatch.text_of(args[1]), "dataType": f'"{shown}"'},
        )
    options = options_of(name, args, 2)
    mode = {key.lower(): value for key, value in options.items()}.get("mode", "PERMISSIVE").upper()
    if mode not in ("PERMISSIVE", "FAILFAST"):
        raise AnalysisException(
            "PARSE_MODE_UNSUPPORTED",
            f"The function `{name}` doesn't support the {mode} mode. Acceptable modes are PERMISSIVE and FAILFAST.",
            sqlstate="42601",
            parameters={"funcName": f"`{name}`", "mode": mode},
        )
    if not isinstance(type_of(args[0]), t.StringType | t.NullType):
        raise mismatch.unexpected_input(name, args[:1], 0, '"STRING"')
    for field in schema:
        if not isinstance(field.dataType, _READ):
            raise unsupported(f"from_csv into {field.dataType.simpleString()}")
    text = signature("string -> any").bind(name, args[:1], conf).args[0]
    return Bound((text, *args[1:]), t.as_nullable(schema), nullable_of(args[0]))


def _from_csv_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    options = settings_text(options_of(call.name, call.args, 2), ctx)
    read = native_sql("from_csv", args[0], text_sql(call.type.json()), options)
    return f"CAST(CAST({read} AS JSON) AS {duck_type(call.type)})"


scalar("from_csv", _bind_from_csv, _from_csv_sql, shown="{name}({0})")

# ---- schema_of_csv --------------------------------------------------------------------------------------------


def _bind_schema_of(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if not 1 <= len(args) <= 2:
        raise mismatch.wrong_count(name, "[1, 2]", len(args))
    options_of(name, args, 1)
    text = args[0].child if isinstance(args[0], Cast) else args[0]
    if not isinstance(text, Literal):
        raise mismatch.not_constant(name, args, 0, "csv")
    if text.value is None:
        raise mismatch.data_mismatch(
            "UNEXPECTED_NULL", name, args, "The csv must not be null.", exprName="csv"
        )
    if not isinstance(text.type, t.StringType):
        raise mismatch.unexpected_input(name, args[:1], 0, '"STRING"')
    return Bound(args, t.StringType(), False)


def _schema_of_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    return native_sql("schema_of_csv", args[0], settings_text(options_of(call.name, call.args, 1), ctx))


scalar("schema_of_csv", _bind_schema_of, _schema_of_sql, shown="{name}({0})")

# ---- to_csv ---------------------------------------------------------------------------------------------------

_DEFAULTS: dict[str, str | bool] = {
    "sep": ",", "quote": '"', "escape": "\\", "charToEscapeQuoteEscaping": "", "nullValue": "", "emptyValue": '""',
    "quoteAll": False, "escapeQuotes": True, "ignoreLeadingWhiteSpace": True, "ignoreTrailingWhiteSpace": True,
    "dateFormat": "yyyy-MM-dd", "timestampFormat": "yyyy-MM-dd'T'HH:mm:ss[.SSS][XXX]",
    "timestampNTZFormat": "yyyy-MM-dd'T'HH:mm:ss[.SSS]",
}  # fmt: skip
_FORMATS = ("dateFormat", "timestampFormat", "timestampNTZFormat")


def _writing(name: str, options: dict[str, str]) -> dict[str, str | bool]:
    """Return how records are written: the options of to_csv.

    Raises:
        UnsupportedOperationException: an option that is not supported here.
    """
    names = {key.lower(): key for key in _DEFAULTS} | {"delimiter": "sep"}
    writing = dict(_DEFAULTS)
    for key, value in options.items():
        known = names.get(key.lower())
        if known is None:
            raise unsupported(f"The option {key} of {name}")
        if isinstance(_DEFAULTS[known], bool):
            if value.lower() not in ("true", "false"):
                raise unsupported(f"The option {key} of {name} with the value {value}")
            writing[known] = value.lower() == "true"
            continue
        if known in _FORMATS:
            pattern_of(name, value, reads=False)
        elif known not in ("nullValue", "emptyValue", "charToEscapeQuoteEscaping") and len(value) != 1:
            raise unsupported(f"The option {key} of {name} with the value {value!r}")
        writing[known] = value
    return writing


def _bind_to_csv(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if not 1 <= len(args) <= 2:
        raise mismatch.wrong_count(name, "[1, 2]", len(args))
    found = type_of(args[0])
    if not isinstance(found, t.StructType):
        raise mismatch.data_mismatch(
            "UNSUPPORTED_INPUT_TYPE",
            name,
            args[:1],
            f'The input of {name} can\'t be "{found.sql()}" type data.',
            functionName=f"`{name}`",
            dataType=f'"{found.sql()}"',
        )
    writing = _writing(name, options_of(name, args, 1))
    for field in found:
        _cell("x", field.dataType, writing, SqlContext())
    return Bound(args, t.StringType(), True)


def _to_csv_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    writing = _writing(call.name, options_of(call.name, call.args, 1))
    struct = type_of(call.args[0])
    assert isinstance(struct, t.StructType)

    def body(v: str) -> str:
        cells = ", ".join(
            _cell(f"struct_extract({v}, {text_sql(f.name)})", f.dataType, writing, ctx) for f in struct
        )
        options = text_sql(json.dumps(writing))
        return f"CASE WHEN {v} IS NOT NULL THEN {native_sql('to_csv', f'[{cells}]', options)} END"

    return let(args[0], body, "csv")


def _cell(v: str, data_type: t.DataType, writing: dict[str, str | bool], ctx: SqlContext) -> str:
    """Return the text of a value, as it stands in a record."""
    match data_type:
        case t.StringType():
            return v
        case t.DateType():
            pattern = str(writing["dateFormat"])
            return let(f"CAST({v} AS TIMESTAMP)", lambda d: written(pattern, d, d, ctx), "cell")
        case t.TimestampNTZType():
            pattern = str(writing["timestampNTZFormat"])
            return let(v, lambda d: written(pattern, d, d, ctx), "cell")
        case t.TimestampType():
            pattern = str(writing["timestampFormat"])
            return let(to_local(v, ctx), lambda d: written(pattern, d, v, ctx), "cell")
        case t.BooleanType() | t.IntegralType() | t.FloatType() | t.DoubleType() | t.AnsiIntervalType():
            return to_text(v, data_type, "ansi", ctx)
        case t.DecimalType(scale=scale) if scale <= 6:
            return to_text(v, data_type, "ansi", ctx)
        case t.NullType():
            return "CAST(NULL AS VARCHAR)"
    raise unsupported(f"to_csv of {data_type.simpleString()}")


scalar("to_csv", _bind_to_csv, _to_csv_sql, shown="{name}({0})")

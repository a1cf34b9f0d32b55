"""CSV in strings: reading it, writing it, inferring its schema."""

from __future__ import annotations

from collections.abc import Sequence

from lightstream.conf import Conf
from lightstream.errors import AnalysisException, unsupported
from lightstream.functions import mismatch
from lightstream.functions.cast_text import bytes_text, java_decimal_text, to_text
from lightstream.functions.date_patterns import pattern_of, written
from lightstream.functions.record_texts import (
    READ,
    TIMESTAMP,
    bind_schema_of,
    check_text,
    instant_text,
    options_of,
    schema_of,
    settings_text,
)
from lightstream.functions.registry import Bound, SqlContext, scalar
from lightstream.functions.signatures import parse as signature
from lightstream.functions.spelling import duck_type, let, native_sql, text_sql
from lightstream.plan import types as t
from lightstream.plan.expressions import Call, Expression, Literal, nullable_of, type_of

# ---- from_csv -------------------------------------------------------------------------------------------------


def _bind_from_csv(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    schema = schema_of(name, args)
    if not isinstance(schema, t.StructType):
        shown = schema.sql()
        raise AnalysisException(
            "INVALID_SCHEMA.NON_STRUCT_TYPE",
            f'The input schema is not a struct type, but "{shown}".',
            sqlstate="42K07",
            parameters={"inputSchema": mismatch.text_of(args[1]), "dataType": f'"{shown}"'},
        )
    check_text(name, args)
    for field in schema:
        if not isinstance(field.dataType, READ):
            raise unsupported(f"from_csv into {field.dataType.simpleString()}")
    text = signature("string -> any").bind(name, args[:1], conf).args[0]
    return Bound((text, *args[1:]), t.as_nullable(schema), nullable_of(args[0]))


def _from_csv_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    options = settings_text(options_of(call.name, call.args, 2), ctx)
    read = native_sql("from_csv", args[0], text_sql(call.type.json()), options)
    return f"CAST(CAST({read} AS JSON) AS {duck_type(call.type)})"


scalar("from_csv", _bind_from_csv, _from_csv_sql, shown="{name}({0})", constants=(1,))

# ---- schema_of_csv --------------------------------------------------------------------------------------------


def _schema_of_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    return native_sql("schema_of_csv", args[0], settings_text(options_of(call.name, call.args, 1), ctx))


scalar("schema_of_csv", bind_schema_of("csv"), _schema_of_sql, shown="{name}({0})")

# ---- to_csv ---------------------------------------------------------------------------------------------------

_DEFAULTS: dict[str, str | bool] = {
    "sep": ",", "quote": '"', "escape": "\\", "charToEscapeQuoteEscaping": "", "nullValue": "", "emptyValue": '""',
    "quoteAll": False, "escapeQuotes": True, "ignoreLeadingWhiteSpace": True, "ignoreTrailingWhiteSpace": True,
    "dateFormat": "yyyy-MM-dd", "timestampFormat": TIMESTAMP,
    "timestampNTZFormat": "yyyy-MM-dd'T'HH:mm:ss[.SSS]", "lineSep": "\n", "comment": "#",
}  # fmt: skip
_BLANKS = "".join(map(chr, range(0x21)))
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
        elif (known == "sep" and not value) or (known in ("quote", "escape", "comment") and len(value) != 1):
            raise unsupported(f"The option {key} of {name} with the value {value!r}")
        writing[known] = value
    if writing["charToEscapeQuoteEscaping"] == writing["quote"] != writing["escape"]:
        raise unsupported(f"The option charToEscapeQuoteEscaping of {name} with the same character as quote")
    return writing


def _bind_to_csv(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if not 1 <= len(args) <= 2:
        raise mismatch.wrong_count(name, "[1, 2]", len(args))
    found = type_of(args[0])
    if isinstance(found, t.NullType):
        return Bound((Literal(None, found), *args[1:]), t.StringType(), True)
    if not isinstance(found, t.StructType) or t.holds(found, t.VariantType):
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
    options = options_of(call.name, call.args, 1)
    struct = type_of(call.args[0])
    if isinstance(struct, t.NullType):
        return "CAST(NULL AS VARCHAR)"
    assert isinstance(struct, t.StructType)

    def body(v: str) -> str:
        values = [(field, f"struct_extract({v}, {text_sql(field.name)})") for field in struct]
        return f"CASE WHEN {v} IS NOT NULL THEN nullif({csv_record(values, options, ctx)}, '') END"

    return let(args[0], body, "csv")


def csv_record(values: Sequence[tuple[t.StructField, str]], options: dict[str, str], ctx: SqlContext) -> str:
    """Return the CSV of a row, whose values are given as SQL, as text; `options` are those of `to_csv`.

    Raises:
        UnsupportedOperationException: an option or a type that is not supported here.
    """
    writing = _writing("CSV files", options)
    cells = [
        _written(_cell(value, field.dataType, writing, ctx), writing, first=position == 0)
        for position, (field, value) in enumerate(values)
    ]
    return "(" + f" || {text_sql(str(writing['sep']))} || ".join(cells) + ")" if cells else "''"


def csv_header(names: Sequence[str], options: dict[str, str]) -> str:
    """Return the record of some names, as SQL."""
    writing = _writing("CSV files", options)
    cells = [_written(text_sql(name), writing, first=position == 0) for position, name in enumerate(names)]
    return f" || {text_sql(str(writing['sep']))} || ".join(cells)


def _written(text: str, writing: dict[str, str | bool], *, first: bool) -> str:
    """Return a cell with quotes around it where it needs them; the first one must not begin a comment."""
    quote, escape, separator, line_end = (
        str(writing[name]) for name in ("quote", "escape", "sep", "lineSep")
    )
    escape_escape = str(writing["charToEscapeQuoteEscaping"]) or escape

    def quoted(v: str) -> str:
        v = _trimmed(v, writing, ("ignoreLeadingWhiteSpace",))
        if len(line_end) > 1:
            v = f"replace({v}, chr(10), {text_sql(line_end)})"
        v = _trimmed(v, writing, ("ignoreTrailingWhiteSpace",))
        if quote != escape:
            v = f"replace({v}, {text_sql(escape)}, {text_sql(escape_escape + escape)})"
        v = f"replace({v}, {text_sql(quote)}, {text_sql(escape + quote)})"
        return f"({text_sql(quote)} || {v} || {text_sql(quote)})"

    def cell(v: str) -> str:
        left = _trimmed(v, writing, ("ignoreLeadingWhiteSpace",))
        marks = sorted({separator, "\n", "\r", *line_end, *([quote] if writing["escapeQuotes"] else [])})
        special = " OR ".join(f"contains({left}, {text_sql(mark)})" for mark in marks)
        if writing["quoteAll"]:
            special = "true"
        elif not writing["escapeQuotes"]:
            special += f" OR starts_with({left}, {text_sql(quote)})"
        if first:
            special += f" OR starts_with({v}, {text_sql(str(writing['comment']))})"
        return f"CASE WHEN {special} THEN {quoted(v)} ELSE {_trimmed(v, writing)} END"

    def instead(option: str) -> str:
        # What stands in quotes already is left as it is.
        constant = str(writing[option])
        whole = len(constant) > 1 and constant[0] == constant[-1] == quote
        return text_sql(constant) if whole else cell(text_sql(constant))

    def either(v: str) -> str:
        return (
            f"CASE WHEN {v} IS NULL THEN {instead('nullValue')} "
            f"WHEN {_trimmed(v, writing)} = '' THEN {instead('emptyValue')} ELSE {cell(v)} END"
        )

    return let(text, either, "csv_cell")


_TRIMS = {"ignoreLeadingWhiteSpace": "ltrim", "ignoreTrailingWhiteSpace": "rtrim"}


def _trimmed(v: str, writing: dict[str, str | bool], options: Sequence[str] = tuple(_TRIMS)) -> str:
    for option in options:
        if writing[option]:
            v = f"{_TRIMS[option]}({v}, {text_sql(_BLANKS)})"
    return v


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
            return instant_text(v, str(writing["timestampFormat"]), ctx, "cell")
        case t.BooleanType() | t.IntegralType() | t.FloatType() | t.DoubleType() | t.AnsiIntervalType():
            return to_text(v, data_type, "ansi", ctx)
        case t.DecimalType():
            return java_decimal_text(v, data_type, ctx)
        case t.BinaryType():
            return bytes_text(v)
        case t.NullType():
            return f"CAST({v} AS VARCHAR)"  # which is NULL, but may fail to be computed
    raise unsupported(f"to_csv of {data_type.simpleString()}")


scalar("to_csv", _bind_to_csv, _to_csv_sql, shown="{name}({0})")

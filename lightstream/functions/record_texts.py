"""What records in strings have in common, in JSON as in CSV: options, schemas, times."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from lightstream.conf import Conf
from lightstream.errors import AnalysisException, ParseException, unsupported
from lightstream.functions import mismatch
from lightstream.functions.cast_times import is_utc, to_local
from lightstream.functions.date_patterns import written
from lightstream.functions.registry import Bound, SqlContext
from lightstream.functions.spelling import let, text_sql
from lightstream.plan import types as t
from lightstream.plan.ddl import parse_type_or_schema
from lightstream.plan.expressions import Call, Cast, Expression, Literal, type_of

CORRUPT = "_corrupt_record"
TIMESTAMP = "yyyy-MM-dd'T'HH:mm:ss[.SSS][XXX]"
READ = (
    t.BooleanType, t.IntegralType, t.FractionalType, t.StringType, t.DateType, t.TimestampType, t.TimestampNTZType,
)  # fmt: skip
"""The types, none with parts, that records are read into."""


def options_of(name: str, args: Sequence[Expression], position: int) -> dict[str, str]:
    """Return the options of a call: an argument `map('key', 'value', ...)` of constants, or none.

    Raises:
        AnalysisException: INVALID_OPTIONS.NON_MAP_FUNCTION, INVALID_OPTIONS.NON_STRING_TYPE.
        UnsupportedOperationException: options that are computed.
    """
    if len(args) <= position:
        return {}
    argument = args[position]
    found = type_of(argument)
    if not isinstance(found, t.MapType) or not isinstance(argument, Call) or argument.name != "map":
        raise AnalysisException(
            "INVALID_OPTIONS.NON_MAP_FUNCTION",
            "Invalid options: Must use the `map()` function for options.",
            sqlstate="42K06",
        )
    if not isinstance(found.keyType, t.StringType) or not isinstance(found.valueType, t.StringType):
        raise AnalysisException(
            "INVALID_OPTIONS.NON_STRING_TYPE",
            f'Invalid options: A type of keys and values in `map()` must be string, but got "{found.sql()}".',
            sqlstate="42K06",
            parameters={"mapType": f'"{found.sql()}"'},
        )
    texts = [a.value if isinstance(a, Literal) else None for a in argument.args]
    if None in texts:
        raise unsupported(f"{name} with options that are not constants")
    return {str(key): str(value) for key, value in zip(texts[::2], texts[1::2], strict=True)}


def settings_text(options: dict[str, str], ctx: SqlContext) -> str:
    """Return the options of a call, and what the session adds to them, as a constant for a native function."""
    return text_sql(settings_json(options, ctx))


def settings_json(options: dict[str, str], ctx: SqlContext) -> str:
    """Return the options of a call, and what the session adds to them, as text."""
    return json.dumps({"options": options, "time_zone": ctx.time_zone, "corrupt_column": CORRUPT})


def schema_of(name: str, args: tuple[Expression, ...]) -> t.DataType:
    """Return the type that a call's second argument writes down.

    Raises:
        AnalysisException: WRONG_NUM_ARGS, INVALID_SCHEMA.NON_STRING_LITERAL, PARSE_SYNTAX_ERROR.
    """
    if not 2 <= len(args) <= 3:
        raise mismatch.wrong_count(name, "[2, 3]", len(args))
    return written_type(constant_schema(args[1]))


def constant_schema(given: Expression) -> str:
    """Return the text that an argument which writes down a type must be.

    Raises:
        AnalysisException: INVALID_SCHEMA.NON_STRING_LITERAL.
    """
    if not isinstance(given, Literal) or not isinstance(given.value, str):
        shown = mismatch.text_of(given)
        raise AnalysisException(
            "INVALID_SCHEMA.NON_STRING_LITERAL",
            f'The input schema "{shown}" is not a valid schema string. The input expression must be string literal '
            "and not null.",
            sqlstate="42K07",
            parameters={"inputSchema": f'"{shown}"'},
        )
    return given.value


def written_type(text: str) -> t.DataType:
    """Return the type of a text: a schema, a type, or the JSON that `DataType.json` gives.

    Raises:
        AnalysisException: what is wrong with it as a type.
    """
    try:
        return parse_type_or_schema(text)
    except ParseException as error:
        from lightstream.plan.type_texts import from_json_text

        try:
            return from_json_text(text)
        except Exception:  # whatever is wrong with it as JSON
            raise AnalysisException(
                error.condition, error.message, sqlstate=error.sqlstate, parameters=error.parameters
            ) from None


def check_text(name: str, args: tuple[Expression, ...]) -> None:
    """Refuse a mode that functions do not have, and what is no text.

    Raises:
        AnalysisException: PARSE_MODE_UNSUPPORTED, DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE.
    """
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


def bind_schema_of(kind: str) -> Callable[[str, tuple[Expression, ...], Conf], Bound]:
    """Return how `schema_of_json` or `schema_of_csv` is bound; `kind` is `json` or `csv`."""

    def bind(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
        if not 1 <= len(args) <= 2:
            raise mismatch.wrong_count(name, "[1, 2]", len(args))
        options_of(name, args, 1)
        text = args[0].child if isinstance(args[0], Cast) else args[0]
        if not isinstance(text, Literal):
            raise mismatch.not_constant(name, args, 0, kind)
        if text.value is None:
            raise mismatch.data_mismatch(
                "UNEXPECTED_NULL", name, args, f"The {kind} must not be null.", exprName=kind
            )
        if not isinstance(text.type, t.StringType):
            raise mismatch.unexpected_input(name, args[:1], 0, '"STRING"')
        return Bound(args, t.StringType(), False)

    return bind


def instant_text(v: str, pattern: str, ctx: SqlContext, name: str) -> str:
    """Return an instant by a pattern; `name` tells its binding from others."""
    local = to_local(v, ctx)
    text = let(local, lambda d: written(pattern, d, v, ctx), name)
    if is_utc(ctx) or pattern != TIMESTAMP:
        return text
    # Before there were time zones, offsets had seconds.
    seconds = f"abs(epoch_us({local}) - epoch_us({v})) // 1000000 % 60"
    tail = f"':' || lpad(CAST({seconds} AS VARCHAR), 2, '0')"
    return f"({text} || CASE WHEN {seconds} > 0 THEN {tail} ELSE '' END)"

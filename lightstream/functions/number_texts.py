"""Numbers as text by patterns, and back: to_char, to_number."""

from __future__ import annotations

from collections.abc import Sequence

from lightstream.conf import Conf
from lightstream.errors import AnalysisException, ArithmeticException
from lightstream.functions import mismatch
from lightstream.functions.coercion import as_decimal, cast_to
from lightstream.functions.number_patterns import number_pattern
from lightstream.functions.registry import Bound, SqlContext, any_nullable, bind_call, scalar
from lightstream.functions.signatures import parse as signature
from lightstream.functions.spelling import duck_type, native_sql
from lightstream.plan import types as t
from lightstream.plan.expressions import Call, Expression, Literal, nullable_of, type_of

_BINARY = {"base64": "base64", "hex": "hex"}


def _pattern(name: str, args: tuple[Expression, ...]) -> str | None:
    """Return the constant pattern of a call, None for NULL."""
    given = args[1]
    if not isinstance(given, Literal):
        raise mismatch.not_constant(name, args, 1, "format")
    if given.value is None:
        return None
    text = str(given.value)
    number_pattern(text)
    return text


def _bind_to_char(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if len(args) != 2:
        raise mismatch.wrong_count(name, "2", len(args))
    source = type_of(args[0])
    if isinstance(source, t.DatetimeType) and not isinstance(source, t.TimeType):
        return _as(bind_call("date_format", args, conf))
    if isinstance(source, t.BinaryType):
        return _as(_of_binary(name, args, conf))
    if isinstance(source, t.FloatType | t.DoubleType):
        target = t.DecimalType(14, 7) if isinstance(source, t.FloatType) else t.DecimalType(30, 15)
    elif isinstance(source, t.IntegralType | t.DecimalType):
        target = as_decimal(source)
    elif isinstance(source, t.StringType | t.NullType):
        target = t.DecimalType(38, 18)
    else:
        raise mismatch.unexpected_input(name, args, 0, '"DECIMAL"')
    value, pattern = cast_to(args[0], target, conf.ansi), cast_to(args[1], t.StringType(), conf.ansi)
    known = _pattern(name, (value, pattern)) is not None
    null = nullable_of(value) and not isinstance(source, t.IntegralType | t.DecimalType)
    return Bound((value, pattern), t.StringType(), null or nullable_of(args[0]) or not known)


def _of_binary(name: str, args: tuple[Expression, ...], conf: Conf) -> Expression:
    given = args[1]
    if not isinstance(given, Literal):
        raise mismatch.not_constant(name, args, 1, "format")
    form = str(given.value).lower()
    if form in _BINARY:
        return bind_call(_BINARY[form], args[:1], conf)
    if form == "utf-8":
        return bind_call("decode", (args[0], Literal("utf-8", t.StringType())), conf)
    raise AnalysisException(
        "INVALID_PARAMETER_VALUE.BINARY_FORMAT",
        f"The value of parameter(s) `format` in `{name}` is invalid: expects one of binary formats 'base64', 'hex', "
        f"'utf-8', but got '{given.value}'.",
        sqlstate="22023",
    )


def _as(replacement: Expression) -> Bound:
    """Return a call that stands for another one, which it shows too."""
    return Bound((replacement,), type_of(replacement), nullable_of(replacement))


def _to_char_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    if len(args) == 1:
        return args[0]
    return native_sql("to_char", f"CAST({args[0]} AS VARCHAR)", args[1])


def _shown_to_char(call: Call, args: Sequence[str]) -> str:
    if len(args) > 1:
        return f"to_char({', '.join(args)})"
    stands_for = call.args[0]
    if (
        call.shown.lower() == "to_varchar"
        and isinstance(stands_for, Call)
        and stands_for.name != "date_format"
    ):
        return f"to_varchar({args[0].partition('(')[2]}"
    return args[0]


scalar("to_char to_varchar", _bind_to_char, _to_char_sql, shown=_shown_to_char)


def _bind_to_number(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    bound = signature("string, string -> any").bind(name, args, conf)
    text = _pattern(name, bound.args)
    if text is None:
        return Bound(bound.args, t.DecimalType(10, 0), True)
    pattern = number_pattern(text)
    if pattern.precision > 38:
        raise ArithmeticException(
            "DECIMAL_PRECISION_EXCEEDS_MAX_PRECISION",
            f"Decimal precision {pattern.precision} exceeds max precision 38.",
            sqlstate="22003",
        )
    result = t.DecimalType(pattern.precision, pattern.scale)
    return Bound(bound.args, result, name == "try_to_number" or any_nullable(bound.args))


def _to_number_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    fails = "FALSE" if call.name == "try_to_number" else "TRUE"
    return f"CAST({native_sql('to_number', *args, fails)} AS {duck_type(call.type)})"


scalar("to_number", _bind_to_number, _to_number_sql)
scalar("try_to_number", _bind_to_number, _to_number_sql)

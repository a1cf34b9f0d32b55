"""Operators whose results are numbers: arithmetic, signs, bits."""

from __future__ import annotations

from collections.abc import Sequence

from lightstream.conf import Conf
from lightstream.errors import AnalysisException
from lightstream.functions import decimals, mismatch
from lightstream.functions.coercion import (
    arithmetic_decimal,
    as_decimal,
    cast_to,
    common_type,
    literal_decimal,
)
from lightstream.functions.errors import BY_ZERO_MESSAGES
from lightstream.functions.registry import Bound, SqlContext, any_nullable, scalar
from lightstream.functions.signatures import parse as signature
from lightstream.functions.spelling import duck_type, error_sql, let
from lightstream.plan import types as t
from lightstream.plan.expressions import Call, Cast, Expression, Literal, type_of

_FLOATS = (t.FloatType, t.DoubleType)


def _bind_arithmetic(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    """Bind `+ - * / % div` over numbers; what has a date or interval in it is bound by `intervals`."""
    operator = {"mod": "%"}.get(name, name)
    if len(args) != 2:
        raise mismatch.wrong_count(name, "2", len(args))
    kinds = [type_of(a) for a in args]
    if any(isinstance(k, t.TimeType) for k in kinds):
        raise mismatch.no_time_type()
    if any(isinstance(k, t.DatetimeType | t.AnsiIntervalType | t.CalendarIntervalType) for k in kinds):
        from lightstream.functions.intervals import bind_time_arithmetic

        return bind_time_arithmetic(operator, args, conf)
    left, right = _numbers(operator, args, conf)
    one, other = type_of(left), type_of(right)
    if isinstance(one, t.DecimalType) and isinstance(other, t.DecimalType):
        if operator == "div":
            return Bound((left, right), t.LongType(), True)
        result: t.DataType = arithmetic_decimal(operator, one, other)
    else:
        result = one
    nullable = operator in ("/", "%", "div") or any_nullable((left, right))
    if isinstance(result, t.DecimalType) and not conf.ansi:
        nullable = True
    return Bound((left, right), result, nullable)


def _numbers(operator: str, args: tuple[Expression, ...], conf: Conf) -> tuple[Expression, Expression]:
    """Return both operands with the types on which the operator works."""
    left, right = literals_next_to_decimals(args, conf)
    one, other = type_of(left), type_of(right)
    if isinstance(one, t.NullType) and isinstance(other, t.NullType):
        target: t.DataType | None = t.LongType() if operator == "div" else t.DoubleType()
    elif (isinstance(one, t.StringType) and isinstance(other, t.StringType | t.NullType)) or (
        isinstance(other, t.StringType) and isinstance(one, t.NullType)
    ):
        target = t.StringType() if conf.ansi else t.DoubleType()
    else:
        target = common_type((one, other), conf.ansi)
        if not conf.ansi and isinstance(target, t.StringType):
            target = t.DoubleType()
    if target is None or not isinstance(target, t.NumericType):
        raise wrong_operands(operator, args, conf)
    if (
        isinstance(target, t.DecimalType)
        and not isinstance(one, t.NullType)
        and not isinstance(other, t.NullType)
    ):
        return _as_decimal(left, conf), _as_decimal(right, conf)
    if operator == "/":
        if isinstance(target, t.DecimalType) and isinstance(one, t.DecimalType):
            return left, cast_to(right, target, conf.ansi)
        # Spark casts a string next to a whole number to bigint first.
        if isinstance(target, t.LongType):
            left, right = cast_to(left, target, conf.ansi), cast_to(right, target, conf.ansi)
        target = t.DoubleType()
    elif operator == "div" and not isinstance(target, t.DecimalType):
        if not isinstance(target, t.IntegralType):
            raise wrong_operands(operator, args, conf)
        target = t.LongType()
    return cast_to(left, target, conf.ansi), cast_to(right, target, conf.ansi)


def wrong_operands(operator: str, args: tuple[Expression, ...], conf: Conf) -> AnalysisException:
    """Return the error of an operator whose operands agree on a type it has not, or on no type."""
    one, other = (type_of(a) for a in args)
    if not conf.ansi:  # a string is a double; under ANSI rules it takes the type of what it meets
        one, other = (t.DoubleType() if isinstance(k, t.StringType) else k for k in (one, other))
    strings = isinstance(one, t.StringType) or isinstance(other, t.StringType)
    plain = all(
        isinstance(k, t.AtomicType | t.NullType) and not isinstance(k, t.AnsiIntervalType)
        for k in (one, other)
    )
    doubles = isinstance(one, t.DoubleType) or isinstance(other, t.DoubleType)
    exact = isinstance(one, t.DecimalType) or isinstance(other, t.DecimalType)
    if one == other or (strings and plain) or (doubles and exact):
        shown = other if isinstance(one, t.StringType) else one
        return mismatch.wrong_operand(operator, args, _required(operator), shown.sql())
    return mismatch.different_operands(operator, args)


def _required(operator: str) -> str:
    if operator == "/":
        return '("DOUBLE" or "DECIMAL")'
    if operator in ("&", "|", "^"):
        return '"INTEGRAL"'
    if operator in ("and", "or"):
        return '"BOOLEAN"'
    if operator == "div":
        return '("BIGINT" or "DECIMAL" or "INTERVAL DAY TO SECOND" or "INTERVAL YEAR TO MONTH")'
    return '"NUMERIC"'


def literals_next_to_decimals(args: tuple[Expression, ...], conf: Conf) -> tuple[Expression, Expression]:
    """Give a whole constant next to a decimal its smallest decimal type."""
    kinds = [type_of(a) for a in args]
    done = []
    for this, that in ((0, 1), (1, 0)):
        argument = args[this]
        if (
            isinstance(kinds[that], t.DecimalType)
            and isinstance(argument, Literal)
            and isinstance(kinds[this], t.IntegralType)
            and argument.value is not None
        ):
            argument = Cast(argument, literal_decimal(argument.value), implicit=True, nullable=True)
        done.append(argument)
    return done[0], done[1]


def _as_decimal(argument: Expression, conf: Conf) -> Expression:
    found = type_of(argument)
    if isinstance(found, t.NullType):
        return argument
    return cast_to(argument, as_decimal(found), conf.ansi)


def _decimal_pair(call: Call) -> tuple[t.DecimalType, t.DecimalType] | None:
    one, other = (type_of(a) for a in call.args)
    if isinstance(one, t.DecimalType) and isinstance(other, t.DecimalType):
        return one, other
    return None


def _is_time(call: Call) -> bool:
    kinds = (t.DatetimeType, t.AnsiIntervalType, t.CalendarIntervalType)
    return any(isinstance(type_of(a), kinds) for a in call.args)


def _arithmetic_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    operator = {"mod": "%"}.get(call.name, call.name)
    if _is_time(call):
        from lightstream.functions.intervals import time_arithmetic_sql

        return time_arithmetic_sql(operator, call, args, ctx)
    left, right = args
    pair = _decimal_pair(call)
    if pair is not None:
        return decimals.arithmetic(operator, left, right, pair, call.type, ctx.ansi)
    if operator in ("/", "%") and isinstance(call.type, _FLOATS):
        return _float_division(operator, call, left, right, ctx)
    if operator in ("%", "div"):
        symbol = "%" if operator == "%" else "//"
        divisor = right
        if operator == "%" and not (isinstance(call.args[1], Literal) and call.args[1].value != -1):
            # DuckDB fails where the quotient has no room; what is left is 0, as by 1.
            divisor = f"CASE WHEN {right} = -1 THEN CAST(1 AS {duck_type(call.type)}) ELSE {right} END"
        text = f"({left} {symbol} {divisor})"
        if ctx.ansi:
            return text
        if operator == "div":
            text = f"(CASE WHEN {right} = -1 THEN {wrapping('-', '0', left, call.type)} ELSE {left} // {right} END)"
        return f"(CASE WHEN {right} <> 0 THEN {text} END)"
    if isinstance(call.type, t.IntegralType):
        if not ctx.ansi:
            return wrapping(operator, left, right, call.type)
        return checked(operator, left, right)
    return f"({left} {operator} {right})"


def checked(operator: str, left: str, right: str) -> str:
    """Return whole-number arithmetic that fails on overflow wherever it stands.

    DuckDB's optimizer takes `a + 1 > 5` for `a > 4`, which never overflows; the operators' other names it leaves alone.
    """
    return f"{_CHECKED[operator]}({left}, {right})"


_CHECKED = {"+": "add", "-": "subtract", "*": "multiply"}


def _float_division(operator: str, call: Call, left: str, right: str, ctx: SqlContext) -> str:
    divisor = call.args[1]
    if isinstance(divisor, Literal | Cast):
        inner = divisor.child if isinstance(divisor, Cast) else divisor
        if isinstance(inner, Literal) and inner.value is not None and inner.value != 0:
            return f"({left} {operator} {right})"
    if not ctx.ansi:
        return f"(CASE WHEN {right} <> 0 THEN {left} {operator} {right} END)"
    condition = "DIVIDE_BY_ZERO" if operator == "/" else "REMAINDER_BY_ZERO"
    failure = error_sql(condition, BY_ZERO_MESSAGES[condition], "22012")
    return f"(CASE WHEN {right} = 0 AND {left} IS NOT NULL THEN {failure} ELSE {left} {operator} {right} END)"


def wrapping(operator: str, left: str, right: str, result: t.DataType, wide: str = "") -> str:
    """Return whole-number arithmetic that wraps around, as Java's (Spark without ANSI)."""
    from lightstream.functions.cast_numbers import BITS

    bits = BITS[type(result)]
    wide = wide or ("HUGEINT" if bits > 32 else "BIGINT")
    mask, half = 2**bits - 1, 2 ** (bits - 1)
    value = f"CAST({left} AS {wide}) {operator} CAST({right} AS {wide})"
    return (
        f"CAST((((({value}) & CAST({mask} AS {wide})) + {half}) & CAST({mask} AS {wide})) - {half} "
        f"AS {duck_type(result)})"
    )


def _shown_arithmetic(call: Call, args: Sequence[str]) -> str:
    if _is_time(call):
        from lightstream.functions.intervals import shown_time_arithmetic

        return shown_time_arithmetic(call.name, call, args)
    return f"({args[0]} {call.name} {args[1]})"


for _operator in ("+", "-", "*", "/", "div"):
    scalar(_operator, _bind_arithmetic, _arithmetic_sql, shown=_shown_arithmetic)


def _shown_remainder(call: Call, args: Sequence[str]) -> str:
    if call.shown.lower() == "mod":
        return f"mod({args[0]}, {args[1]})"
    return f"({args[0]} % {args[1]})"


scalar("% mod", _bind_arithmetic, _arithmetic_sql, shown=_shown_remainder)


def _bind_sign(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    return signature("numeric|daytime|yearmonth|interval -> $0").bind(name, args, conf)


def _negative(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    if isinstance(call.type, t.DecimalType):
        return let(args[0], lambda v: decimals.negative(v, call.type), "negative")
    if isinstance(call.type, t.FractionalType | t.CalendarIntervalType):
        return f"(-{args[0]})"
    if not ctx.ansi and isinstance(call.type, t.IntegralType):
        return wrapping("-", "0", args[0], call.type)
    # Subtraction keeps the type and fails on overflow; DuckDB's minus sign widens.
    return checked("-", f"CAST(0 AS {duck_type(call.type)})", args[0])


def _shown_negative(call: Call, args: Sequence[str]) -> str:
    return f"(- {args[0]})" if call.shown == "(-)" else f"negative({args[0]})"


# `(-)` is the minus sign: it shows otherwise than the function.
scalar("negative (-)", _bind_sign, _negative, shown=_shown_negative)
scalar("positive", _bind_sign, "{0}", shown="(+ {0})")


# ---- bits -----------------------------------------------------------------------------------------------------


def _bind_bits(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if len(args) != 2:
        raise mismatch.wrong_count(name, "2", len(args))
    kinds = [type_of(a) for a in args]
    if all(isinstance(k, t.NullType) for k in kinds):
        target: t.DataType | None = t.IntegerType()
    else:
        target = common_type(kinds, conf.ansi)
    fractions = any(isinstance(k, t.DecimalType) for k in kinds) and any(
        isinstance(k, t.IntegralType) for k in kinds
    )
    if target is None or fractions or not isinstance(target, t.IntegralType):
        raise wrong_operands(name, args, conf)
    bound = tuple(cast_to(a, target, conf.ansi) for a in args)
    return Bound(bound, target, any_nullable(bound))


def _bits_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    if call.name == "^":
        return f"xor({args[0]}, {args[1]})"
    return f"({args[0]} {call.name} {args[1]})"


for _operator in ("&", "|", "^"):
    scalar(_operator, _bind_bits, _bits_sql, shown=f"({{0}} {_operator} {{1}})")


def _bind_invert(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    args = tuple(cast_to(a, t.IntegerType()) if isinstance(type_of(a), t.NullType) else a for a in args)
    return signature("integral -> $0").bind(name, args, conf)


scalar("~", _bind_invert, "(~{0})", shown="~{0}")

"""Mathematics: roots and logarithms, rounding, shifts."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from lightstream.conf import Conf
from lightstream.errors import AnalysisException, unsupported
from lightstream.functions import decimals, mismatch
from lightstream.functions.coercion import INTEGRAL_DIGITS, cast_to
from lightstream.functions.registry import (
    NOT_CONSTANT,
    Bound,
    SqlContext,
    any_nullable,
    bind_call,
    is_constant,
    scalar,
)
from lightstream.functions.signatures import parse as signature
from lightstream.functions.spelling import duck_type, error_sql, let, native_sql
from lightstream.plan import types as t
from lightstream.plan.expressions import Call, Cast, Expression, Literal, type_of

# ---- functions of one double ----------------------------------------------------------------------------------

_ONE_DOUBLE: dict[str, str] = {
    "sqrt": "sqrt({0})", "exp": "exp({0})", "sin": "sin({0})", "cos": "cos({0})", "tan": "tan({0})",
    "asin": "asin({0})", "acos": "acos({0})", "atan": "atan({0})", "sinh": "sinh({0})", "cosh": "cosh({0})",
    "tanh": "tanh({0})", "atanh": "atanh({0})",
    "cot": "(1e0 / tan({0}))", "sec": "(1e0 / cos({0}))", "csc": "(1e0 / sin({0}))",
    "degrees": "({0} * 57.29577951308232e0)", "radians": "({0} * 0.017453292519943295e0)",
    "asinh": "asinh({0})", "acosh": "acosh({0})",
    # exp(x) - 1 without losing digits near 0.
    "expm1": "CASE WHEN abs({0}) < 1 THEN 2 * exp({0} / 2) * sinh({0} / 2) ELSE exp({0}) - 1 END",
}  # fmt: skip
for _name, _sql in _ONE_DOUBLE.items():
    scalar(_name, "double -> double?", _sql, shown=f"{_name.upper()}({{0}})")


def _cbrt_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    # One step of Newton's method: DuckDB's root of 27 is 3.0000000000000004.
    return let(
        args[0],
        lambda v: (
            f"CASE WHEN {v} = 0 OR NOT isfinite({v}) THEN {v} ELSE cbrt({v}) - (cbrt({v}) * cbrt({v}) * "
            f"cbrt({v}) - {v}) / (3 * cbrt({v}) * cbrt({v})) END"
        ),
        "cbrt",
    )


scalar("cbrt", "double -> double?", _cbrt_sql, shown="CBRT({0})")
scalar("ln", "double -> double?", "CASE WHEN {0} > 0 THEN ln({0}) END")
scalar("log10", "double -> double?", "CASE WHEN {0} > 0 THEN log10({0}) END", shown="LOG10({0})")
scalar(
    "log2",
    "double -> double?",
    "CASE WHEN {0} > 0 THEN ln({0}) / ln(CAST(2 AS DOUBLE)) END",
    shown="LOG2({0})",
)
scalar("log1p", "double -> double?",
       "CASE WHEN {0} > 1e16 THEN ln({0}) WHEN {0} > -1 THEN "
       "CASE WHEN 1 + {0} = 1 THEN {0} ELSE ln(1 + {0}) * {0} / (1 + {0} - 1) END END",
       shown="LOG1P({0})")  # fmt: skip


def _log_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    if len(args) == 1:
        return f"CASE WHEN {args[0]} > 0 THEN ln({args[0]}) END"
    base, value = args
    return f"CASE WHEN {base} > 0 AND {value} > 0 THEN ln({value}) / ln({base}) END"


def _shown_log(call: Call, args: Sequence[str]) -> str:
    return f"LOG({', '.join(args if len(args) == 2 else ('E()', *args))})"


scalar("log", "double, double? -> double?", _log_sql, shown=_shown_log)
scalar(
    "rint",
    "double -> double?",
    "CASE WHEN abs({0} - trunc({0})) = 0.5 THEN 2 * round({0} / 2) ELSE round({0}) END",
)


def _shown_power(call: Call, args: Sequence[str]) -> str:
    return f"{'POWER' if call.shown.lower() == 'power' else 'pow'}({args[0]}, {args[1]})"


scalar("pow power", "double, double -> double", "pow({0}, {1})", shown=_shown_power)
scalar("atan2", "double, double -> double", "atan2({0}, {1})", shown="ATAN2({0}, {1})")
_LARGER = "greatest(abs({0}), abs({1}))"
scalar(
    "hypot",
    "double, double -> double",
    "CASE WHEN {0} IS NULL OR {1} IS NULL THEN NULL WHEN isinf({0}) OR isinf({1}) THEN CAST('inf' AS DOUBLE) "
    f"WHEN {_LARGER} = 0 OR {_LARGER} BETWEEN 1e-150 AND 1e150 THEN sqrt({{0}} * {{0}} + {{1}} * {{1}}) "
    # Squares that no double has room for.
    f"ELSE {_LARGER} * sqrt(pow({{0}} / {_LARGER}, 2) + pow({{1}} / {_LARGER}, 2)) END",
    shown="HYPOT({0}, {1})",
)
scalar("e", " -> double!", f"CAST({math.e!r} AS DOUBLE)", shown="E()")
scalar("pi", " -> double!", f"CAST({math.pi!r} AS DOUBLE)", shown="PI()")


def _bind_sign(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if len(args) == 1 and isinstance(type_of(args[0]), t.AnsiIntervalType):
        return Bound(args, t.DoubleType(), True)
    return signature("double -> double?").bind(name, args, conf)


def _sign_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    sign = f"CAST(sign({args[0]}) AS DOUBLE)"
    if isinstance(type_of(call.args[0]), t.AnsiIntervalType):
        return sign
    # NaN is itself, and so is -0.0.
    return f"CASE WHEN isnan({args[0]}) OR {args[0]} = 0 THEN {args[0]} ELSE {sign} END"


scalar("sign signum", _bind_sign, _sign_sql,
       shown=lambda call, args: f"{'SIGNUM' if call.shown.lower() == 'signum' else 'sign'}({args[0]})")  # fmt: skip
scalar(
    "factorial", "int -> bigint?", "CASE WHEN {0} BETWEEN 0 AND 20 THEN CAST(factorial({0}) AS BIGINT) END"
)

# ---- NaN ------------------------------------------------------------------------------------------------------


def _bind_isnan(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    return signature("double|float -> boolean!").bind(name, args, conf)


scalar("isnan", _bind_isnan, "coalesce(isnan({0}), FALSE)")


def _bind_nanvl(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if len(args) != 2:
        raise mismatch.wrong_count(name, "2", len(args))
    target: t.DataType = t.DoubleType()
    if {type(type_of(a)) for a in args} in ({t.FloatType}, {t.FloatType, t.NullType}):
        target = t.FloatType()
    bound = []
    for i, argument in enumerate(args):
        if not isinstance(type_of(argument), t.NumericType | t.StringType | t.NullType):
            raise mismatch.unexpected_input(name, args, i, '("DOUBLE" or "FLOAT")')
        bound.append(cast_to(argument, target, conf.ansi))
    return Bound(tuple(bound), target, any_nullable(bound))


scalar("nanvl", _bind_nanvl, "CASE WHEN isnan({0}) THEN {1} ELSE {0} END")

# ---- rounding -------------------------------------------------------------------------------------------------


def _digits(name: str, args: tuple[Expression, ...]) -> int:
    if not is_constant(args[1]):
        raise mismatch.not_constant(name, args, 1, "scale")
    try:
        found = _whole(args[1])
    except ValueError:
        raise mismatch.not_constant(name, args, 1, "scale") from None
    if found is NOT_CONSTANT:
        raise unsupported(
            f"The function {name} with the scale {mismatch.text_of(args[1])}, which is computed"
        )
    return 0 if found is None else found


def _whole(expression: Expression) -> Any:
    """Return the whole number that an expression of constants is; the `NOT_CONSTANT` mark where that takes more."""
    match expression:
        case Literal():
            return None if expression.value is None else int(expression.value)
        case Cast():
            return _whole(expression.child)
        case Call() if expression.name in _WHOLE and isinstance(expression.type, t.IntegralType):
            values = [_whole(argument) for argument in expression.args]
            if NOT_CONSTANT in values or None in values:
                return NOT_CONSTANT
            found = _WHOLE[expression.name](*values)
            return found if -(2**31) <= found < 2**31 else NOT_CONSTANT
    return NOT_CONSTANT


_WHOLE: dict[str, Callable[..., int]] = {
    "+": int.__add__, "-": int.__sub__, "*": int.__mul__, "negative": int.__neg__, "abs": int.__abs__,
}  # fmt: skip


def _rounded_type(source: t.DataType, digits: int) -> t.DataType:
    if not isinstance(source, t.DecimalType):
        return source
    whole = source.precision - source.scale
    if digits < 0:
        return t.DecimalType(min(38, max(whole + 1, -digits + 1)), 0)
    scale = min(source.scale, digits)
    return t.DecimalType(min(38, whole + scale + 1), scale)


def _bind_round(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    bound = signature("numeric, int=0 -> $0?").bind(name, args, conf)
    return Bound(bound.args, _rounded_type(bound.type, _digits(name, bound.args)), True)


def _round_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    scale = call.args[1].child if isinstance(call.args[1], Cast) else call.args[1]
    if isinstance(scale, Literal) and scale.value is None:
        return f"CAST(NULL AS {duck_type(call.type)})"
    digits = _digits(call.name, call.args)
    source = type_of(call.args[0])
    even = call.name == "bround"
    match source:
        case t.DecimalType():
            assert isinstance(call.type, t.DecimalType)
            return round_decimal(args[0], source, digits, even, call.type)
        case t.IntegralType():
            return args[0] if digits >= 0 else _round_whole(args[0], source, digits, even, ctx)
    return let(args[0], lambda v: _round_float(v, source, digits, even), "round")


def _round_float(v: str, source: t.DataType, digits: int, even: bool) -> str:
    """Round a float by its shortest text, half up or half even, as Java's BigDecimal does: 1.005 is 1.01."""
    name = duck_type(source)
    if abs(digits) > 18:
        rounded = native_sql("round_text", f"CAST({v} AS VARCHAR)", str(digits), "TRUE" if even else "FALSE")
        return f"CAST({rounded} AS {name})"

    def exact(scale: int) -> str:
        text = f"TRY_CAST(CAST({v} AS VARCHAR) AS DECIMAL(38,{scale}))"
        if even or digits < 0:
            text = round_decimal(
                text, t.DecimalType(38, scale), digits, even, t.DecimalType(38, max(digits, 0))
            )
        return f"CAST(CAST({text} AS VARCHAR) AS {name})"

    # From 2^53 on doubles are whole numbers. A zero has no sign, as in Java's BigDecimal.
    small = exact(18 if even or digits < 0 else digits)
    large = exact(0) if digits < 0 else v
    return f"CASE WHEN abs({v}) < 1e16 THEN {small} WHEN abs({v}) < 1e37 THEN {large} ELSE {v} END"


def _round_whole(sql: str, source: t.DataType, digits: int, even: bool, ctx: SqlContext) -> str:
    from lightstream.functions.arithmetic import wrapping

    whole = t.DecimalType(20, 0)
    rounded = round_decimal(f"CAST({sql} AS DECIMAL(20,0))", whole, digits, even, t.DecimalType(38, 0))
    if not ctx.ansi:
        return wrapping("+", f"CAST({rounded} AS HUGEINT)", "0", source)
    failure = error_sql("ARITHMETIC_OVERFLOW", "Overflow.", "22003")

    def body(v: str) -> str:
        known = f"TRY_CAST({v} AS {duck_type(source)})"
        return f"CASE WHEN {v} IS NOT NULL THEN coalesce({known}, {failure}) END"

    return let(rounded, body, "whole")


def round_decimal(sql: str, source: t.DecimalType, digits: int, even: bool, result: t.DecimalType) -> str:
    """Return a decimal rounded to a number of digits (before the point when negative), half up or half even."""
    name = duck_type(result)
    if digits >= source.scale:
        return f"CAST({sql} AS {name})"
    if not even and digits >= 0:
        return f"CAST({sql} AS {name})"  # DuckDB's cast of decimals rounds half up
    step = f"CAST('{10 ** (source.scale - digits)}' AS HUGEINT)"

    def body(v: str) -> str:
        half = f"2 * abs({v} % {step})"
        up = f"{half} >= {step}"
        if even:
            up = f"{half} > {step} OR ({half} = {step} AND ({v} // {step}) % 2 <> 0)"
        units = f"({v} // {step} + CASE WHEN {up} THEN CAST(sign({v}) AS HUGEINT) ELSE 0 END)"
        if digits < 0:
            return f"CAST({units} * CAST('{10**-digits}' AS HUGEINT) AS {name})"
        return decimals.from_unscaled(units, result)

    return let(decimals.unscaled(sql, source, source.scale), body, "digits")


scalar("round", _bind_round, _round_sql)
scalar("bround", _bind_round, _round_sql)


def _as_decimal(source: t.DataType) -> t.DecimalType:
    if isinstance(source, t.IntegralType):
        return t.DecimalType(INTEGRAL_DIGITS[type(source)], 0)
    if isinstance(source, t.FloatType):
        return t.DecimalType(14, 7)
    return t.DecimalType(30, 15) if isinstance(source, t.DoubleType) else t.DecimalType(38, 18)


def _bind_ceil(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if len(args) == 2:
        if (
            not is_constant(args[1])
            or not isinstance(type_of(args[1]), t.IntegerType)
            or _whole(args[1]) is None
        ):
            raise AnalysisException(
                "NON_FOLDABLE_ARGUMENT",
                f'The function `{name}` requires the parameter `scale` to be a constant "INT".',
                sqlstate="42K08",
                parameters={"funcName": f"`{name}`", "paramName": "`scale`", "paramType": '"INT"'},
            )
        bound = signature("numeric, int -> $0?").bind(name, args, conf)
        digits = _digits(name, bound.args)
        value = bound.args[0]
        if not isinstance(type_of(value), t.DecimalType):
            value = cast_to(value, _as_decimal(type_of(args[0])), conf.ansi)
        return Bound((value, bound.args[1]), _rounded_type(type_of(value), digits), True)
    bound = signature("numeric -> $0").bind(name, args, conf)
    source = bound.type
    if isinstance(source, t.DecimalType):
        result: t.DataType = source
        if source.scale:
            result = t.DecimalType(min(38, source.precision - source.scale + 1), 0)
        return Bound(bound.args, result, True)
    if isinstance(source, t.IntegralType):
        return Bound((cast_to(bound.args[0], t.LongType(), conf.ansi),), t.LongType(), True)
    return Bound((cast_to(bound.args[0], t.DoubleType(), conf.ansi),), t.LongType(), True)


def _ceil_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    source = type_of(call.args[0])
    function = "floor" if call.name == "floor" else "ceil"
    if isinstance(source, t.LongType):
        return args[0]
    if isinstance(source, t.DoubleType):
        from lightstream.functions.cast_numbers import number_to_number

        value = f"{function}({args[0]})"
        whole = number_to_number(value, source, t.LongType(), "legacy")
        if not ctx.ansi:
            return whole
        failure = error_sql("ARITHMETIC_OVERFLOW", f"Overflow in {function}.", "22003")
        limit = "9223372036854775807e0"
        beyond = f"{value} > {limit} AND NOT isnan({value}) OR {value} < -{limit}"
        return f"CASE WHEN {beyond} THEN {failure} ELSE {whole} END"
    assert isinstance(source, t.DecimalType) and isinstance(call.type, t.DecimalType)
    if len(args) == 1:
        return f"CAST({function}({args[0]}) AS {duck_type(call.type)})" if source.scale else args[0]
    digits = _digits(call.name, call.args)
    if digits >= source.scale:
        return f"CAST({args[0]} AS {duck_type(call.type)})"
    step = f"CAST('{10 ** (source.scale - digits)}' AS HUGEINT)"
    sign, away = ("<", "- 1") if function == "floor" else (">", "+ 1")

    def body(v: str) -> str:
        units = f"({v} // {step} {away[0]} CASE WHEN {v} {sign} 0 AND {v} % {step} <> 0 THEN 1 ELSE 0 END)"
        if digits < 0:
            return f"CAST({units} * CAST('{10**-digits}' AS HUGEINT) AS {duck_type(call.type)})"
        assert isinstance(call.type, t.DecimalType)
        return decimals.from_unscaled(units, call.type)

    return let(decimals.unscaled(args[0], source, source.scale), body, "digits")


def _shown_ceil(call: Call, args: Sequence[str]) -> str:
    if len(args) == 2 or call.shown.lower() == "ceiling":
        return f"{call.shown.lower()}({', '.join(args)})"
    return f"{call.shown.upper()}({args[0]})"


scalar("ceil ceiling", _bind_ceil, _ceil_sql, shown=_shown_ceil)
scalar("floor", _bind_ceil, _ceil_sql, shown=_shown_ceil)

# ---- whole numbers --------------------------------------------------------------------------------------------


def _bind_abs(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    return signature("numeric|daytime|yearmonth -> $0").bind(name, args, conf)


def _abs_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    if not ctx.ansi and isinstance(call.type, t.IntegralType):
        from lightstream.functions.arithmetic import wrapping

        return f"CASE WHEN {args[0]} < 0 THEN {wrapping('-', '0', args[0], call.type)} ELSE {args[0]} END"
    if isinstance(call.type, t.DecimalType) and call.type.precision > decimals.MINUS_DIGITS:
        return let(
            args[0],
            lambda v: f"CASE WHEN {v} < 0 THEN {decimals.negative(v, call.type)} ELSE {v} END",
            "abs",
        )
    return f"abs({args[0]})"


scalar("abs", _bind_abs, _abs_sql)


def _bind_pmod(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    rest = bind_call("%", args, conf)
    again = bind_call("%", (bind_call("+", (rest, rest.args[1]), conf), rest.args[1]), conf)
    value: Expression = again if again.type == rest.type else cast_to(again, rest.type, conf.ansi)
    return Bound((rest.args[0], rest.args[1], rest, value), rest.type, True)


def _pmod_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    # Small numbers add up as ints in Java: by a negative divisor the remainder stays what it is.
    small = isinstance(call.type, t.ByteType | t.ShortType)
    negative = f"{args[2]} < 0 AND {args[1]} > 0" if small else f"{args[2]} < 0"
    return f"CASE WHEN {negative} THEN {args[3]} ELSE {args[2]} END"


scalar("pmod", _bind_pmod, _pmod_sql, shown="pmod({0}, {1})")
scalar("bit_count", "integral|boolean -> int", "CAST(bit_count(CAST({0} AS BIGINT)) AS INTEGER)")


def _bit_get_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    from lightstream.functions.cast_numbers import BITS
    from lightstream.functions.spelling import error_with_value_sql

    bits = BITS[type(type_of(call.args[0]))]
    failure = error_with_value_sql(
        "INVALID_PARAMETER_VALUE.BIT_POSITION_RANGE",
        f"The value of parameter(s) `pos` in `{call.name}` is invalid: expects an integer value in [0, {bits}), but "
        "got {}.",
        f"CAST({args[1]} AS VARCHAR)",
        "22023",
        "IllegalArgumentException",
    )
    bit = f"CAST((CAST({args[0]} AS BIGINT) >> {args[1]}) & 1 AS TINYINT)"
    return f"CASE WHEN {args[1]} >= 0 AND {args[1]} < {bits} THEN {bit} WHEN {args[0]} IS NOT NULL THEN {failure} END"


scalar("bit_get", "integral, int -> tinyint", _bit_get_sql)
scalar("getbit", "integral, int -> tinyint", _bit_get_sql)


def _bind_shift(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    return signature("int|bigint, int -> $0").bind(name, args, conf)


def _shift_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    from lightstream.functions.arithmetic import wrapping

    bits = 64 if isinstance(call.type, t.LongType) else 32
    count = f"({args[1]} & {bits - 1})"
    if call.name == "shiftleft":
        return wrapping("*", args[0], f"(CAST(1 AS HUGEINT) << {count})", call.type, "HUGEINT")
    if call.name == "shiftright":
        return f"CAST(CAST({args[0]} AS BIGINT) >> {count} AS {duck_type(call.type)})"
    unsigned = f"(CAST({args[0]} AS HUGEINT) & CAST('{2**bits - 1}' AS HUGEINT))"
    return wrapping("+", f"({unsigned} >> {count})", "0", call.type, "HUGEINT")


for _name, _operator in (("shiftleft", "<<"), ("shiftright", ">>"), ("shiftrightunsigned", ">>>")):
    scalar(f"{_name} {_operator}", _bind_shift, _shift_sql,
           shown=lambda call, args: f"({args[0]} {call.shown} {args[1]})" if call.shown[0] in "<>"
           else f"{call.name}({args[0]}, {args[1]})")  # fmt: skip

_WIDTH_BUCKET = (
    "CASE WHEN {3} <= 0 OR {3} = 9223372036854775807 OR {1} = {2} OR isnan({0}) OR NOT isfinite({1}) "
    "OR NOT isfinite({2}) THEN NULL "
    "WHEN {1} < {2} THEN CASE WHEN {0} < {1} THEN 0 WHEN {0} >= {2} THEN {3} + 1 "
    "ELSE CAST(trunc({3} * ({0} - {1}) / ({2} - {1})) AS BIGINT) + 1 END "
    "WHEN {0} > {1} THEN 0 WHEN {0} <= {2} THEN {3} + 1 "
    "ELSE CAST(trunc({3} * ({1} - {0}) / ({1} - {2})) AS BIGINT) + 1 END"
)


def _bind_width_bucket(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    kinds = [type_of(a) for a in args[:3]]
    for kind in (t.YearMonthIntervalType, t.DayTimeIntervalType):
        if len(args) == 4 and all(isinstance(k, kind) for k in kinds):
            count = signature("bigint -> bigint").bind(name, args[3:], conf).args
            return Bound((*args[:3], *count), t.LongType(), True)
    if len(args) == 4 and any(isinstance(k, t.AnsiIntervalType) for k in kinds):
        raise mismatch.different_types(name, args, kinds)
    return signature("double, double, double, bigint -> bigint?").bind(name, args, conf)


def _width_bucket(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    bounds = [f"CAST({a} AS DOUBLE)" for a in args[:3]]
    known = " AND ".join(f"{a} IS NOT NULL" for a in args)
    return f"CASE WHEN {known} THEN {_WIDTH_BUCKET.format(*bounds, args[3])} END"


scalar("width_bucket", _bind_width_bucket, _width_bucket)

# ---- arithmetic that gives NULL instead of failing ------------------------------------------------------------


def _bind_try(operator: str) -> Callable[[str, tuple[Expression, ...], Conf], Bound]:
    def bind(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
        if len(args) != 2:
            raise mismatch.wrong_count(name, "2", len(args))
        inner = bind_call(operator, args, conf)
        operands = inner.args
        if not all(isinstance(type_of(a), t.NumericType) for a in args):
            # Spark: among numbers only the operation is tried, else what its operands need too.
            operands = tuple(
                replace(a, mode="try") if isinstance(a, Cast) and a.implicit else a for a in operands
            )
        return Bound((*operands, inner), inner.type, True)

    return bind


def _try_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    from lightstream.functions.registry import scalar_sql

    inner = call.args[2]
    assert isinstance(inner, Call)
    # Division is kept from zeros; sums and products are tried, without ANSI rules they would wrap around.
    divides = inner.name in ("/", "%")
    exact = isinstance(inner.type, t.DecimalType)  # without ANSI rules they are NULL where they do not fit
    rules = SqlContext(not divides and not exact, ctx.time_zone)

    # What fails in an operand still fails: operands are evaluated outside TRY.
    def bound(sql: str, name: str, body: Callable[[str], str]) -> str:
        if sql.isidentifier() or sql.strip('"').isidentifier():
            return body(sql)
        return f"list_transform([{sql}], lambda ls_{name}: {body(f'ls_{name}')})[1]"

    def tried(left: str, right: str) -> str:
        return _tried(scalar_sql(inner, [left, right], rules), divides, exact, right)

    if divides:  # a divisor of zero decides: the left side is not evaluated
        return bound(args[1], "right", lambda right: tried(args[0], right))
    return bound(args[0], "left", lambda left: bound(args[1], "right", lambda right: tried(left, right)))


def _tried(sql: str, divides: bool, exact: bool, divisor: str) -> str:
    if exact and not divides:
        return sql
    return f"CASE WHEN {divisor} <> 0 THEN {sql} END" if divides else f"TRY({sql})"


for _name, _operator in (
    ("try_add", "+"), ("try_subtract", "-"), ("try_multiply", "*"), ("try_divide", "/"), ("try_mod", "%"),
):  # fmt: skip
    scalar(_name, _bind_try(_operator), _try_sql, shown=f"{_name}({{0}}, {{1}})")

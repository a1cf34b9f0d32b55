"""Operators: arithmetic, comparison, logic, bits, element access."""

from __future__ import annotations

import decimal
import re
from collections.abc import Sequence

from lightstream.conf import Conf
from lightstream.errors import AnalysisException, unsupported
from lightstream.functions import decimals, mismatch
from lightstream.functions.coercion import (
    arithmetic_decimal,
    as_decimal,
    cast_to,
    common_type,
    literal_decimal,
    tightest_type,
)
from lightstream.functions.errors import BY_ZERO_MESSAGES
from lightstream.functions.registry import Bound, SqlContext, any_nullable, bind_call, scalar
from lightstream.functions.signatures import is_orderable
from lightstream.functions.signatures import parse as signature
from lightstream.functions.spelling import NATIVE, duck_type, error_sql, let
from lightstream.plan import types as t
from lightstream.plan.expressions import Call, Cast, Expression, Literal, nullable_of, type_of

_FLOATS = (t.FloatType, t.DoubleType)


# ---- arithmetic -----------------------------------------------------------------------------------------------


def _bind_arithmetic(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    """Bind `+ - * / % div` over numbers; what has a date or interval in it is bound by `datetime`."""
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
    left, right = _literals_next_to_decimals(args, conf)
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


def _literals_next_to_decimals(args: tuple[Expression, ...], conf: Conf) -> tuple[Expression, Expression]:
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
        text = f"({left} {symbol} {right})"
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


# ---- comparison -----------------------------------------------------------------------------------------------


def _bind_comparison(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if len(args) != 2:
        raise mismatch.wrong_count(name, "2", len(args))
    whole = _whole_bound(name, args)
    if whole is None and not conf.ansi and name in ("==", "=", "<=>"):
        whole = _truth_bound(name, args, conf)
    return whole if isinstance(whole, Bound) else _compared(name, whole or args, conf)


def _truth_bound(
    name: str, args: tuple[Expression, ...], conf: Conf
) -> tuple[Expression, ...] | Bound | None:
    """Return operands in which a boolean that is compared with a number is a number, as Spark has it without ANSI
    rules. Next to the constants 1 and 0 the boolean is the answer. None where there is no such pair.
    """
    for truth, number in (args, args[::-1]):
        kind = type_of(number)
        if not isinstance(type_of(truth), t.BooleanType) or not isinstance(kind, t.NumericType):
            continue
        if not isinstance(number, Literal) or number.value not in (0, 1):
            return tuple(cast_to(a, kind, False) for a in args)
        answer = truth if number.value == 1 else bind_call("not", (truth,), conf)
        if name == "<=>":
            answer = bind_call("and", (bind_call("isnotnull", (truth,), conf), answer), conf)
        return Bound((answer,), t.BooleanType(), nullable_of(answer))
    return None


def _compared(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    left, right = _literals_next_to_decimals(args, conf)
    if isinstance(type_of(left), t.StringType) and isinstance(type_of(right), t.NullType):
        right = Literal(None, t.StringType())  # whatever it is computed from
    elif isinstance(type_of(right), t.StringType) and isinstance(type_of(left), t.NullType):
        left = Literal(None, t.StringType())
    if t.same_structure(type_of(left), type_of(right)):
        target: t.DataType | None = type_of(left)
    else:
        target = comparison_type(type_of(left), type_of(right), conf)
    if target is None:
        raise mismatch.different_operands(name, args)
    check_orderable(name, args, target)
    bound = (cast_to(left, target, conf.ansi), cast_to(right, target, conf.ansi))
    return Bound(bound, t.BooleanType(), name != "<=>" and any_nullable(bound))


# What a fraction on the right of `whole number < fraction` is rounded to; on the left it is the other way.
_ROUNDED = {
    ">": decimal.ROUND_FLOOR,
    ">=": decimal.ROUND_CEILING,
    "<": decimal.ROUND_CEILING,
    "<=": decimal.ROUND_FLOOR,
}


def _whole_bound(name: str, args: tuple[Expression, ...]) -> tuple[Expression, ...] | Bound | None:
    """Return operands in which a decimal constant next to a whole number is a whole number, as Spark compares them.

    Past the range of a bigint the answer is known. None where there is no such constant.
    """
    rounding = _ROUNDED.get(name)
    for this, that in ((0, 1), (1, 0)):
        constant, other = args[this], type_of(args[that])
        if (
            rounding is None
            or not isinstance(constant, Literal)
            or not isinstance(constant.type, t.DecimalType)
            or constant.value is None
            or not isinstance(other, t.IntegralType)
        ):
            continue
        value = decimal.Decimal(constant.value)
        if not -(2**63) <= value < 2**63:
            true = (value < 0) == ((name[0] == ">") == (this == 1))
            return Bound((Literal(true, t.BooleanType()),), t.BooleanType(), False)
        if this == 0:
            opposite = {
                decimal.ROUND_FLOOR: decimal.ROUND_CEILING,
                decimal.ROUND_CEILING: decimal.ROUND_FLOOR,
            }
            rounding = opposite[rounding]
        rounded = Literal(int(value.to_integral_value(rounding)), t.LongType())
        return (rounded, args[1]) if this == 0 else (args[0], rounded)
    return None


def comparison_type(one: t.DataType, other: t.DataType, conf: Conf) -> t.DataType | None:
    """Return the type in which two values compare. Inside arrays and structs strings stay strings."""
    nested = (t.ArrayType, t.StructType, t.MapType)
    if isinstance(one, nested) and isinstance(other, nested) and not _leaves_compare(one, other):
        return None
    if not conf.ansi:
        return _legacy_comparison_type(one, other)
    return common_type((one, other))


def _legacy_comparison_type(one: t.DataType, other: t.DataType) -> t.DataType | None:
    for this, that in ((one, other), (other, one)):
        if isinstance(this, t.StringType) and isinstance(that, t.AtomicType):
            if isinstance(that, t.AnsiIntervalType):
                return None
            return t.DoubleType() if isinstance(that, t.DecimalType) else that
    return common_type((one, other), False)


def _leaves_compare(one: t.DataType, other: t.DataType) -> bool:
    """Return whether what stands at the same places of two nested types compares: strings with strings only, and
    decimals with what one of the two types holds.
    """
    left, right = _leaves(one), _leaves(other)
    return len(left) == len(right) and all(map(_leaf_compares, left, right))


def _leaf_compares(one: t.DataType, other: t.DataType) -> bool:
    if one == other or isinstance(one, t.NullType) or isinstance(other, t.NullType):
        return True
    if isinstance(one, t.StringType) or isinstance(other, t.StringType):
        return False
    if isinstance(one, t.DecimalType) or isinstance(other, t.DecimalType):
        return tightest_type(one, other) is not None
    return True


def _leaves(data_type: t.DataType) -> list[t.DataType]:
    if isinstance(data_type, t.ArrayType):
        return _leaves(data_type.elementType)
    if isinstance(data_type, t.MapType):
        return _leaves(data_type.keyType) + _leaves(data_type.valueType)
    if isinstance(data_type, t.StructType):
        return [leaf for f in data_type for leaf in _leaves(f.dataType)]
    return [data_type]


def check_orderable(name: str, args: Sequence[Expression], data_type: t.DataType) -> None:
    """Raise DATATYPE_MISMATCH.INVALID_ORDERING_TYPE for maps and other types without an order."""
    if not is_orderable(data_type):
        raise mismatch.data_mismatch(
            "INVALID_ORDERING_TYPE",
            name,
            args,
            f'The `{name}` does not support ordering on type "{data_type.sql()}".',
            functionName=f"`{name}`",
            dataType=f'"{data_type.sql()}"',
        )


def _comparison_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    symbol = {"==": "=", "=": "=", "<=>": "IS NOT DISTINCT FROM"}.get(call.name, call.name)
    kinds = [type_of(argument) for argument in call.args]
    if symbol in ("<", "<=", ">", ">=") and any(map(holds_nulls, kinds)):
        args = [order_key(text, t.as_nullable(kind)) for text, kind in zip(args, kinds, strict=True)]
    return args[0] if len(args) == 1 else f"({args[0]} {symbol} {args[1]})"


def order_key(sql: str, data_type: t.DataType) -> str:
    """Return what DuckDB orders as Spark orders a value: inside arrays and structs NULL comes first there."""
    if not holds_nulls(data_type):
        return sql
    if isinstance(data_type, t.ArrayType):
        inner = data_type.elementType
        return f"list_transform({sql}, lambda ls_i: {_placed('ls_i', inner)})"
    assert isinstance(data_type, t.StructType)

    def body(v: str) -> str:
        fields = (
            f"f{i} := {_placed(f'struct_extract_at({v}, {i})', field.dataType)}"
            for i, field in enumerate(data_type, 1)
        )
        return f"CASE WHEN {v} IS NOT NULL THEN struct_pack({', '.join(fields)}) END"

    return body(sql)


def _placed(sql: str, data_type: t.DataType) -> str:
    return f"struct_pack(known := {sql} IS NOT NULL, key := {order_key(sql, data_type)})"


def refuse_null_order(data_type: t.DataType) -> None:
    """Refuse an order over arrays or structs that may hold NULLs."""
    # In Spark's order a NULL inside an array or struct comes first, in DuckDB's last.
    if holds_nulls(data_type):
        raise unsupported(
            f"Comparing values of type {data_type.simpleString()}, which may contain NULLs, by order"
        )


def holds_nulls(data_type: t.DataType) -> bool:
    """Return whether there may be a NULL in the arrays or structs of a type."""
    if isinstance(data_type, t.ArrayType):
        return data_type.containsNull or holds_nulls(data_type.elementType)
    return isinstance(data_type, t.StructType) and any(
        f.nullable or holds_nulls(f.dataType) for f in data_type
    )


def _shown_comparison(call: Call, args: Sequence[str]) -> str:
    symbol = "=" if call.name == "==" else call.name
    return args[0] if len(args) == 1 else f"({args[0]} {symbol} {args[1]})"


scalar("== =", _bind_comparison, _comparison_sql, shown=_shown_comparison)
for _operator in ("<", "<=", ">", ">=", "<=>"):
    scalar(_operator, _bind_comparison, _comparison_sql, shown=_shown_comparison)


def _bind_not_equal(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    return _bind_comparison("==", args, conf)


def _not_equal_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    return f"(NOT {args[0]})" if len(args) == 1 else f"({args[0]} <> {args[1]})"


def _shown_not_equal(call: Call, args: Sequence[str]) -> str:
    return f"(NOT {args[0]})" if len(args) == 1 else f"(NOT ({args[0]} = {args[1]}))"


scalar("!= <>", _bind_not_equal, _not_equal_sql, shown=_shown_not_equal)


def _bind_between(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    signature("any, any, any -> boolean").check_count(name, args)
    value, low, high = args
    bounds = []
    for operator, bound in ((">=", low), ("<=", high)):
        # Spark: the value, which stands in both, is no constant there.
        fraction = isinstance(value, Literal) and isinstance(value.type, t.DecimalType)
        binder = _compared if fraction else _bind_comparison
        found = binder(operator, (value, bound), conf)
        bounds.append(Call(operator, found.args, found.type, found.nullable, shown=operator))
    lower, upper = bounds
    both = bind_call("and", (lower, upper), conf)
    return Bound((value, low, high, both), t.BooleanType(), both.nullable)


# The arguments come first for the column name; what is evaluated is the fourth.
scalar("between", _bind_between, "{3}", shown="between({0}, {1}, {2})")


def _bind_in(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if not args:
        raise mismatch.wrong_count(name, "> 0", len(args))
    kinds = [type_of(a) for a in args]
    alike = all(t.same_structure(kind, kinds[0]) for kind in kinds)
    target = kinds[0] if alike else common_type(kinds, conf.ansi)
    if target is None:
        raise mismatch.different_types(name, args, kinds)
    check_orderable(name, args, target)
    bound = tuple(cast_to(a, target, conf.ansi) for a in args)
    return Bound(bound, t.BooleanType(), any_nullable(bound))


def _in_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    if len(args) == 1:  # `isin()` of nothing
        return f"(CASE WHEN {args[0]} IS NOT NULL THEN FALSE END)"
    return f"({args[0]} IN ({', '.join(args[1:])}))"


def _shown_in(call: Call, args: Sequence[str]) -> str:
    return f"({args[0]} IN ({', '.join(args[1:])}))"


scalar("in", _bind_in, _in_sql, shown=_shown_in)


# ---- logic ----------------------------------------------------------------------------------------------------


def _bind_logic(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if len(args) != 2:
        raise mismatch.wrong_count(name, "2", len(args))
    kinds = [type_of(a) for a in args]
    target = common_type(kinds, conf.ansi)
    if not isinstance(target, t.BooleanType) and not all(isinstance(k, t.NullType) for k in kinds):
        raise wrong_operands(name, args, conf)
    bound = tuple(cast_to(a, t.BooleanType(), conf.ansi) for a in args)
    return Bound(bound, t.BooleanType(), any_nullable(bound))


# A cast to a narrower type that DuckDB itself checks; of a constant it does no harm.
_NARROWING = re.compile(
    r"(?<!_)CAST\((?!-?\d+ AS|'[^']*' AS|NULL AS).* AS (?:TINYINT|SMALLINT|INTEGER|DECIMAL)"
)


def may_fail(sql: str) -> bool:
    """Return whether evaluating a text on a row that it should not see could fail the statement."""
    return (
        any(mark in sql for mark in ("error(", " // ", " % ", NATIVE)) or _NARROWING.search(sql) is not None
    )


def _logic_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    left, right = args
    word = call.name.upper()
    plain = f"({left} {word} {right})"
    if not may_fail(right):
        return plain
    # Spark stops at the left side where that decides; a DuckDB projection evaluates both.
    decided = "FALSE" if word == "AND" else "TRUE"
    return let(
        left,
        lambda v: f"(CASE {v} WHEN {decided} THEN {decided} ELSE {v} {word} {right} END)",
        f"and{len(right) % 997}",
    )


scalar("and", _bind_logic, _logic_sql, shown="({0} AND {1})")
scalar("or", _bind_logic, _logic_sql, shown="({0} OR {1})")
scalar("not !", "boolean -> boolean", "(NOT {0})", shown="(NOT {0})")
scalar("isnull", "any -> boolean!", "({0} IS NULL)", shown="({0} IS NULL)")
scalar("isnotnull", "any -> boolean!", "({0} IS NOT NULL)", shown="({0} IS NOT NULL)")


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


# ---- elements -------------------------------------------------------------------------------------------------


def _bind_element(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    """Bind `container[key]`."""
    container, key = args
    found = type_of(container)
    if isinstance(found, t.ArrayType):
        if not isinstance(type_of(key), t.IntegralType | t.NullType):
            raise mismatch.unexpected_input(name, args, 1, '"INTEGRAL"')
        if isinstance(type_of(key), t.NullType):
            key = cast_to(key, t.IntegerType(), conf.ansi)
        return Bound((container, key), found.elementType, element_nullable(container, key, 0, conf.ansi))
    if isinstance(found, t.MapType):
        cast = _key_as(key, found.keyType, conf)
        if cast is None:
            raise mismatch.unexpected_input(name, args, 1, f'"{found.keyType.sql()}"')
        return Bound((container, cast), found.valueType, True)
    if isinstance(found, t.NullType):
        return Bound(args, found, True)
    raise AnalysisException(
        "INVALID_EXTRACT_BASE_FIELD_TYPE",
        f'Can\'t extract a value from "{mismatch.text_of(container)}". Need a complex type [STRUCT, ARRAY, MAP] but '
        f'got "{found.sql()}".',
        sqlstate="42000",
        parameters={"base": f'"{mismatch.text_of(container)}"', "other": f'"{found.sql()}"'},
    )


def element_nullable(array: Expression, index: Expression, first: int, fails: bool) -> bool:
    """Return whether Spark declares an element nullable; `first` is the first element's index.

    Spark: it looks into `array(...)` when the index is constant, and takes other constant indexes for missing.
    """
    found = type_of(array)
    assert isinstance(found, t.ArrayType)
    if isinstance(index, Literal) and index.value is not None:
        if isinstance(array, Call) and array.name == "array":
            # With indexes from 1, negative ones count from the end.
            at = index.value + len(array.args) if first and index.value < 0 else index.value - first
            if 0 <= at < len(array.args):
                return nullable_of(array.args[at])
            return not fails
        return True
    return not fails or found.containsNull or any_nullable((array, index))


def _key_as(key: Expression, wanted: t.DataType, conf: Conf) -> Expression | None:
    from lightstream.functions.coercion import implicit_cast

    return implicit_cast(key, wanted, conf.ansi)


def _element_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    container, key = args
    if isinstance(call.type, t.NullType) and isinstance(type_of(call.args[0]), t.NullType):
        return "NULL"
    if isinstance(type_of(call.args[0]), t.MapType):
        return f"map_extract_value({container}, {key})"

    def body(values: str) -> str:
        value = f"{values}[{key} + 1]"
        if not ctx.ansi:
            return f"CASE WHEN {key} >= 0 THEN {value} END"
        failure = index_failure(key, f"len({values})")
        return f"CASE WHEN {key} < 0 OR {key} >= len({values}) THEN {failure} ELSE {value} END"

    return let(container, body, "array")


def index_failure(index: str, size: str, condition: str = "INVALID_ARRAY_INDEX", instead: str = "get") -> str:
    """Return the failure of an array index out of bounds."""
    from lightstream.functions.spelling import error_with_value_sql

    return error_with_value_sql(
        condition,
        f"The index is out of bounds: {{}}. Use the SQL function `{instead}()` to tolerate accessing an element at an "
        "invalid index and return NULL instead.",
        f"'index ' || {index} || ', the array has ' || {size} || ' elements'",
        "22003",
        "ArrayIndexOutOfBoundsException",
    )


scalar("[]", _bind_element, _element_sql, shown="{0}[{1}]")

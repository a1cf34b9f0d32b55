"""Operators that are true or false: comparisons, logic, tests for NULL."""

from __future__ import annotations

import decimal
import re
from collections.abc import Sequence

from lightstream.conf import Conf
from lightstream.errors import unsupported
from lightstream.functions import mismatch
from lightstream.functions.arithmetic import literals_next_to_decimals, wrong_operands
from lightstream.functions.coercion import (
    cast_to,
    common_type,
    tightest_type,
)
from lightstream.functions.registry import Bound, SqlContext, any_nullable, bind_call, scalar
from lightstream.functions.signatures import is_orderable
from lightstream.functions.signatures import parse as signature
from lightstream.functions.spelling import NATIVE, let
from lightstream.plan import types as t
from lightstream.plan.expressions import Call, Expression, Literal, nullable_of, type_of

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
    left, right = literals_next_to_decimals(args, conf)
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
    if not any(map(may_fail, args[1:])):
        return f"({args[0]} IN ({', '.join(args[1:])}))"
    # Spark looks at one after the other, and stops at the first that is equal.
    found = " ".join(f"WHEN ls_in = {arg} THEN TRUE" for arg in args[1:])
    null = " OR ".join(f"{arg} IS NULL" for arg in args[1:])
    body = f"CASE WHEN ls_in IS NULL THEN NULL {found} WHEN {null} THEN NULL ELSE FALSE END"
    return f"list_transform([{args[0]}], lambda ls_in: {body})[1]"


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
    r"(?<!_)CAST\((?!-?\d+ AS|'[^']*' AS|NULL AS|CAST\(-?\d+ AS [^()]*(?:\(\d+,\d+\))?\) AS)"
    r".* AS (?:TINYINT|SMALLINT|INTEGER|DECIMAL)"
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

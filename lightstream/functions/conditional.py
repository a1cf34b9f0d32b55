"""Functions that choose among values: CASE, coalesce, if, nullif, greatest."""

from __future__ import annotations

from collections.abc import Sequence

from lightstream.conf import Conf
from lightstream.functions import mismatch
from lightstream.functions.coercion import cast_to, common_type
from lightstream.functions.registry import Bound, SqlContext, any_nullable, bind_call, scalar
from lightstream.functions.signatures import parse as signature
from lightstream.plan import types as t
from lightstream.plan.expressions import Call, Expression, Literal, nullable_of, type_of


def _bind_when(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    """Bind CASE: condition, value, condition, value, ..., and the else value when the number is odd."""
    if len(args) < 2:
        raise mismatch.wrong_count(name, "> 1", len(args))
    pairs = len(args) // 2
    values = [args[2 * i + 1] for i in range(pairs)] + ([args[-1]] if len(args) % 2 else [])
    target = common_type([type_of(v) for v in values], conf.ansi)
    if target is None:
        raise mismatch.different_types("casewhen", args, [type_of(v) for v in values])
    for i in range(pairs):
        condition = type_of(args[2 * i])
        if not isinstance(condition, t.BooleanType):
            raise mismatch.unexpected_input("when", args, 2 * i, '"BOOLEAN"')
    bound: list[Expression] = []
    for i in range(pairs):
        bound += [
            cast_to(args[2 * i], t.BooleanType(), conf.ansi),
            cast_to(args[2 * i + 1], target, conf.ansi),
        ]
    if len(args) % 2:
        bound.append(cast_to(args[-1], target, conf.ansi))
    return Bound(tuple(bound), target, _when_nullable(bound, pairs))


def _when_nullable(bound: list[Expression], pairs: int) -> bool:
    """Return whether CASE can give NULL; what follows a condition that is the constant TRUE does not count."""
    for i in range(pairs):
        condition, value = bound[2 * i : 2 * i + 2]
        if nullable_of(value):
            return True
        if isinstance(condition, Literal) and condition.value is True:
            return False
    return len(bound) % 2 == 0 or nullable_of(bound[-1])


def _when_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    pairs = len(args) // 2
    parts = [f"WHEN {args[2 * i]} THEN {args[2 * i + 1]}" for i in range(pairs)]
    if len(args) % 2:
        parts.append(f"ELSE {args[-1]}")
    return f"CASE {' '.join(parts)} END"


def _shown_when(call: Call, args: Sequence[str]) -> str:
    return _when_sql(call, args, SqlContext())


scalar("when", _bind_when, _when_sql, shown=_shown_when)


def _bind_if(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if args and isinstance(type_of(args[0]), t.StringType):
        raise mismatch.unexpected_input(name, args, 0, '"BOOLEAN"')
    bound = signature("boolean, T, T -> T").bind(name, args, conf)
    return Bound(bound.args, bound.type, any_nullable(bound.args[1:]))


scalar("if", _bind_if, "CASE WHEN {0} THEN {1} ELSE {2} END", shown="(IF({0}, {1}, {2}))")


def _bind_coalesce(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    bound = signature("T+ -> T").bind(name, args, conf)
    return Bound(bound.args, bound.type, all(nullable_of(a) for a in bound.args))


scalar("coalesce", _bind_coalesce, "coalesce({args})")


def _bind_two(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    signature("any, any -> any").check_count(name, args)
    return _bind_coalesce(name, args, conf)


scalar("nvl ifnull", _bind_two, "coalesce({args})")


def _bind_nvl2(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    bound = signature("any, T, T -> T").bind(name, args, conf)
    return Bound(bound.args, bound.type, any_nullable(bound.args[1:]))


scalar("nvl2", _bind_nvl2, "CASE WHEN {0} IS NOT NULL THEN {1} ELSE {2} END")


def _bind_nullif(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    signature("any, any -> any").check_count(name, args)
    equal = bind_call("==", args, conf)
    return Bound((args[0], args[1], equal), type_of(args[0]), True)


scalar(
    "nullif",
    _bind_nullif,
    "CASE WHEN {2} THEN NULL ELSE {0} END",
    shown="nullif({0}, {1})",
)


def _bind_null_if_zero(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if len(args) != 1:
        raise mismatch.wrong_count(name, "1", len(args))
    return _bind_nullif(name, (args[0], Literal(0, t.IntegerType())), conf)


scalar("nullifzero", _bind_null_if_zero, "CASE WHEN {2} THEN NULL ELSE {0} END", shown="nullifzero({0})")


def _bind_zero_if_null(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if len(args) != 1:
        raise mismatch.wrong_count(name, "1", len(args))
    bound = _bind_coalesce(name, (args[0], Literal(0, t.IntegerType())), conf)
    return Bound(bound.args, bound.type, False)


scalar("zeroifnull", _bind_zero_if_null, "coalesce({0}, {1})", shown="zeroifnull({0})")


def _bind_extreme(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    from lightstream.functions.predicates import check_orderable, refuse_null_order

    if len(args) < 2:
        raise mismatch.wrong_count(name, "> 1", len(args))
    kinds = [type_of(a) for a in args]
    target = common_type(kinds, conf.ansi)
    strings = {isinstance(k, t.StringType) for k in kinds if not isinstance(k, t.NullType)}
    if target is None or len(strings) > 1:
        raise mismatch.different_types(name, args, kinds)
    check_orderable(name, args, target)
    for kind in (target, *kinds):
        refuse_null_order(kind)
    bound = tuple(cast_to(a, target, conf.ansi) for a in args)
    return Bound(bound, target, all(nullable_of(a) for a in bound))


def _extreme_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    texts = list(dict.fromkeys(args))  # DuckDB fails on some queries with one column three times
    if isinstance(call.type, t.FloatType | t.DoubleType):
        # Its own functions make 0.0 of -0.0. Of equal values a list's is the last one, Spark's the first one.
        return f"list_{'max' if call.name == 'greatest' else 'min'}([{', '.join(reversed(texts))}])"
    return f"{call.name}({', '.join(texts)})"


scalar("greatest", _bind_extreme, _extreme_sql)
scalar("least", _bind_extreme, _extreme_sql)

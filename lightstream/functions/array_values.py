"""The values of arrays: looked for, as sets, in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lightstream.conf import Conf
from lightstream.functions import mismatch
from lightstream.functions.coercion import cast_to, searched_type, tightest_type
from lightstream.functions.elements import array_type, element_type
from lightstream.functions.normal_forms import normal_form
from lightstream.functions.predicates import check_orderable
from lightstream.functions.registry import Bound, SqlContext, any_nullable, scalar
from lightstream.functions.signatures import parse as signature
from lightstream.functions.signatures import with_result
from lightstream.functions.spelling import duck_type, error_sql, let
from lightstream.plan import types as t
from lightstream.plan.expressions import (
    Call,
    Expression,
    LambdaFunction,
    Literal,
    type_of,
)

# ---- looking for values ---------------------------------------------------------------------------------------


def _bind_search(result: t.DataType, three_valued: bool) -> object:
    """Return a binder for `(array<T>, T)`: is it there, where is it, the array without it."""

    def bind(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
        signature("any, any -> any").check_count(name, args)
        array, value = args
        found = type_of(array)
        removed = isinstance(result, t.ArrayType)
        nothing = [isinstance(type_of(a), t.NullType) for a in args]
        if name == "array_position" and isinstance(found, t.ArrayType):  # finds NULL nowhere
            nothing = [isinstance(found.elementType, t.NullType) and nothing[1]]
        if any(nothing) and not removed:
            raise mismatch.data_mismatch(
                "NULL_TYPE", name, args, f"Null typed values cannot be used as arguments of `{name}`."
            )
        if not isinstance(found, t.ArrayType):
            raise (
                mismatch.not_of_elements(name, args)
                if removed
                else mismatch.unexpected_input(name, args, 0, '"ARRAY"')
            )
        searched = searched_type if name == "array_contains" else tightest_type
        common = searched(found.elementType, type_of(value), conf.ansi)
        texts = [isinstance(kind, t.StringType) for kind in (found.elementType, common)]
        if common is None or (texts[0] != texts[1] and not isinstance(found.elementType, t.NullType)):
            raise mismatch.not_of_elements(name, args)
        check_orderable(name, args, common)
        wanted = t.ArrayType(common, found.containsNull)
        bound = (cast_to(array, wanted, conf.ansi), cast_to(value, common, conf.ansi))
        nullable = any_nullable(bound) or (three_valued and found.containsNull)
        return Bound(bound, type_of(bound[0]) if removed else result, nullable)

    return bind


def _contains_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    array_type = type_of(call.args[0])
    assert isinstance(array_type, t.ArrayType)
    if not array_type.containsNull:
        return f"list_contains({args[0]}, {args[1]})"
    return let(
        args[0],
        lambda a: (
            f"CASE WHEN list_contains({a}, {args[1]}) THEN TRUE WHEN len({a}) = list_count({a}) "
            f"AND {args[1]} IS NOT NULL THEN FALSE END"
        ),
        "array",
    )


scalar("array_contains", _bind_search(t.BooleanType(), True), _contains_sql)  # type: ignore[arg-type]
scalar(
    "array_position",
    _bind_search(t.LongType(), False),  # type: ignore[arg-type]
    "CASE WHEN {0} IS NOT NULL AND {1} IS NOT NULL THEN coalesce(CAST(list_position({0}, {1}) AS BIGINT), 0) END",
)
scalar(
    "array_remove",
    _bind_search(t.ArrayType(t.NullType()), False),  # type: ignore[arg-type]
    "CASE WHEN {1} IS NOT NULL THEN list_filter({0}, lambda ls_e: ls_e IS DISTINCT FROM {1}) END",
)

# ---- arrays as sets: in order of first appearance, NULL equal to NULL -----------------------------------------


def _bind_pair(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    """Bind two arrays to their tightest common type."""
    signature("any, any -> any").check_count(name, args)
    kinds = [type_of(a) for a in args]
    arrays = all(isinstance(kind, t.ArrayType) for kind in kinds)
    common = tightest_type(kinds[0], kinds[1], conf.ansi) if arrays else None
    if not isinstance(common, t.ArrayType):
        raise mismatch.data_mismatch(
            "BINARY_ARRAY_DIFF_TYPES",
            name,
            args,
            f'Input to function `{name}` should have been two "ARRAY" with same element type, but it\'s '
            f'["{kinds[0].sql()}", "{kinds[1].sql()}"].',
        )
    bound = []
    for argument, kind in zip(args, kinds, strict=True):
        assert isinstance(kind, t.ArrayType)
        bound.append(cast_to(argument, t.ArrayType(common.elementType, kind.containsNull), conf.ansi))
    return Bound(tuple(bound), common, any_nullable(bound))


def _bind_set(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    bound = _bind_pair(name, args, conf)
    one, other = (type_of(a) for a in bound.args)
    assert isinstance(one, t.ArrayType) and isinstance(other, t.ArrayType)
    check_orderable(name, args, one)
    nulls = {
        "array_union": one.containsNull or other.containsNull,
        "array_intersect": one.containsNull and other.containsNull,
        "array_except": one.containsNull,
    }
    if isinstance(bound.type, t.ArrayType) and name in nulls:
        element = one.elementType if name == "array_except" else bound.type.elementType
        return Bound(bound.args, t.ArrayType(element, nulls[name]), bound.nullable)
    return bound


def _distinct(array: str) -> str:
    return let(
        array, lambda a: f"list_filter({a}, lambda ls_e, ls_i: list_position({a}, ls_e) = ls_i)", "distinct"
    )


def _set_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    left, right = _normal(call, args)
    if call.name == "array_union":
        return _distinct(f"({left} || {right})")
    keep = "IS NOT NULL" if call.name == "array_intersect" else "IS NULL"
    kept = f"list_filter({_distinct(left)}, lambda ls_x: list_position({right}, ls_x) {keep})"
    return f"CASE WHEN {right} IS NOT NULL THEN {kept} END"


def _bind_distinct(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    bound = signature("array -> $0").bind(name, args, conf)
    check_orderable(name, args, bound.type)
    return bound


def _normal(call: Call, args: Sequence[str]) -> list[str]:
    """Return arrays with one zero: elements of other types keep their zeros."""
    return [
        normal_form(text, t.ArrayType(element)) if isinstance(element, t.FloatType | t.DoubleType) else text
        for text, element in zip(args, (array_type((a,)).elementType for a in call.args), strict=True)
    ]


scalar("array_distinct", _bind_distinct, lambda call, args, ctx: _distinct(_normal(call, args)[0]))
for _name in ("array_union", "array_intersect", "array_except"):
    scalar(_name, _bind_set, _set_sql)


def _bind_overlap(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    bound = _bind_pair(name, args, conf)
    one, other = (type_of(a) for a in bound.args)
    assert isinstance(one, t.ArrayType) and isinstance(other, t.ArrayType)
    check_orderable(name, args, one.elementType)
    nullable = any_nullable(bound.args) or one.containsNull or other.containsNull
    return Bound(bound.args, t.BooleanType(), nullable)


scalar(
    "arrays_overlap",
    _bind_overlap,
    "CASE WHEN {0} IS NULL OR {1} IS NULL THEN NULL WHEN list_has_any({0}, {1}) THEN TRUE "
    "WHEN len({0}) > 0 AND len({1}) > 0 AND (len({0}) > list_count({0}) OR len({1}) > list_count({1})) "
    "THEN NULL ELSE FALSE END",
)

# ---- order ----------------------------------------------------------------------------------------------------


def _bind_sorted(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if len(args) == 2 and not isinstance(type_of(args[1]), t.BooleanType | t.NullType):
        raise mismatch.unexpected_input(name, args, 1, '"BOOLEAN"')
    bound = signature("array, boolean=true -> $0").bind(name, args, conf)
    if not isinstance(bound.args[1], Literal):
        raise mismatch.not_constant(name, args, 1, "ascendingOrder")
    if bound.args[1].value is None:
        bound = replace(bound, nullable=True)
    check_orderable(name, args, array_type(bound.args).elementType)
    _refuse_nested_nulls(array_type(bound.args))
    return bound


def _refuse_nested_nulls(array: t.ArrayType) -> None:
    # Inside structs and arrays Spark orders NULL first, DuckDB last.
    from lightstream.functions.predicates import refuse_null_order

    refuse_null_order(array.elementType)


def _sort_array_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    order = call.args[1]
    assert isinstance(order, Literal)
    if order.value is None:
        return f"CAST(NULL AS {duck_type(call.type)})"
    if order.value:
        return f"list_sort({args[0]}, 'ASC', 'NULLS FIRST')"
    return f"list_sort({args[0]}, 'DESC', 'NULLS LAST')"


scalar("sort_array", _bind_sorted, _sort_array_sql, constants=(1,))


def _bind_array_sort(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if len(args) == 2:
        return _bind_comparator(name, args, conf)
    if len(args) == 1 and isinstance(type_of(args[0]), t.NullType):
        raise mismatch.unexpected_input(name, args, 0, '"ARRAY"')
    bound = signature("array -> $0").bind(name, args, conf)
    check_orderable(name, args, array_type(bound.args).elementType)
    _refuse_nested_nulls(array_type(bound.args))
    return bound


def _bind_comparator(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    compare = args[1]
    assert isinstance(compare, LambdaFunction)
    if not isinstance(type_of(compare.body), t.IntegerType):
        found = type_of(compare.body).sql()
        message = f'The `{name}` requires return "INT" type, but the actual is "{found}" type.'
        raise mismatch.data_mismatch("UNEXPECTED_RETURN_TYPE", name, args, message)
    array = signature("array -> $0").bind(name, args[:1], conf)
    return Bound((*array.args, compare), array.type, array.nullable)


def _array_sort_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    if len(args) == 1:
        return f"list_sort({args[0]}, 'ASC', 'NULLS LAST')"
    from lightstream.functions.higher_order import applied

    failure = error_sql(
        "COMPARATOR_RETURNS_NULL",
        "The comparator has returned a NULL for a comparison. It should return a positive integer for greater, 0 for "
        "equal and a negative integer for less.",
        "22004",
        "SparkRuntimeException",
    )
    # Each element goes behind those that are not greater: what is equal keeps its order.
    order = f"coalesce({applied(args[1], ['ls_e[1]', 'ls_a'])}, {failure})"
    before, after = (f"list_filter(ls_s, lambda ls_a: {order} {sign} 0)" for sign in (">=", "<"))
    step = f"lambda ls_s, ls_e: {before} || ls_e || {after}"

    def body(v: str) -> str:
        wrapped = f"list_transform({v}, lambda ls_w: [ls_w])"
        return f"CASE WHEN len({v}) < 2 THEN {v} ELSE list_reduce({wrapped}, {step}) END"

    return let(args[0], body, "array")


def _shown_array_sort(call: Call, args: Sequence[str]) -> str:
    return f"array_sort({args[0]}, {args[1] if len(args) > 1 else _COMPARATOR})"


_V = "namedlambdavariable()"
_COMPARATOR = (
    f"lambdafunction((IF((({_V} IS NULL) AND ({_V} IS NULL)), 0, (IF(({_V} IS NULL), 1, (IF(({_V} IS NULL), -1, "
    f"(IF(({_V} < {_V}), -1, (IF(({_V} > {_V}), 1, 0)))))))))), {_V}, {_V})"
)
scalar(
    "array_sort",
    _bind_array_sort,
    _array_sort_sql,
    shown=_shown_array_sort,
    lambda_types=lambda args, position, count: [(array_type(args).elementType, True)] * 2,
)


def _bind_best(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    bound = signature("array -> any?").bind(name, args, conf)
    check_orderable(name, args, element_type(bound.args))
    _refuse_nested_nulls(array_type(bound.args))
    return Bound(bound.args, element_type(bound.args), True)


scalar("array_max", _bind_best, "list_max({0})")
scalar("array_min", _bind_best, "list_min({0})")
scalar("array_compact", with_result("array", lambda args: t.ArrayType(element_type(args), False)),
       "list_filter({0}, lambda ls_e: ls_e IS NOT NULL)")  # fmt: skip

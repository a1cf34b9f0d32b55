"""Functions with lambdas over arrays and maps.

The compiler gives a lambda as text, `lambda "x", "i": body`. Where DuckDB's lambda has not the parameters that Spark's
has (the index counts from 0, a map's lambda takes key and value), the body is bound inside another lambda.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from lightstream.conf import Conf
from lightstream.functions import mismatch
from lightstream.functions.coercion import cast_to, common_type
from lightstream.functions.registry import Bound, SqlContext, any_nullable, scalar
from lightstream.functions.spelling import let
from lightstream.plan import types as t
from lightstream.plan.expressions import Call, Expression, LambdaFunction, nullable_of, type_of

_LAMBDA = re.compile(r'lambda ((?:"(?:[^"]|"")*"|\w+)(?:, (?:"(?:[^"]|"")*"|\w+))*): (.*)', re.DOTALL)
_Parameters = list[tuple[t.DataType, bool]]


def applied(text: str, values: Sequence[str]) -> str:
    """Return a lambda's body with its parameters bound to values."""
    names, body = _split(text)
    for name, value in reversed(list(zip(names, values, strict=False))):
        body = f"list_transform([{value}], lambda {name}: {body})[1]"
    return body


def _split(text: str) -> tuple[list[str], str]:
    match = _LAMBDA.fullmatch(text)
    assert match is not None, text
    return re.findall(r'"(?:[^"]|"")*"|\w+', match.group(1)), match.group(2)


def _over_array(text: str) -> str:
    """Return a one- or two-parameter lambda over an array as DuckDB's: its index is a bigint from 1."""
    names, body = _split(text)
    if len(names) == 1:
        return text
    inner = f"list_transform([CAST(ls_i - 1 AS INTEGER)], lambda {names[1]}: {body})[1]"
    return f"lambda {names[0]}, ls_i: {inner}"


def _array(args: Sequence[Expression], position: int = 0) -> t.ArrayType | None:
    found = type_of(args[position])
    return found if isinstance(found, t.ArrayType) else None


def _element_type(args: tuple[Expression, ...], position: int, count: int) -> _Parameters:
    array = _array(args)
    return [(t.NullType(), True) if array is None else (array.elementType, array.containsNull)]


def _element_types(args: tuple[Expression, ...], position: int, count: int) -> _Parameters:
    index = [(t.IntegerType(), False)] if count == 2 else []
    return [*_element_type(args, position, count), *index]


def _check_array(name: str, args: tuple[Expression, ...]) -> t.ArrayType:
    array = _array(args)
    if array is None:
        raise mismatch.unexpected_input(name, args, 0, '"ARRAY"')
    return array


def _condition(name: str, args: tuple[Expression, ...]) -> None:
    if not isinstance(type_of(args[1]), t.BooleanType | t.NullType):
        raise mismatch.unexpected_input(name, args, 1, '"BOOLEAN"')


# ---- arrays ---------------------------------------------------------------------------------------------------


def _bind_array_function(
    name: str, args: tuple[Expression, ...], result: Callable[[t.ArrayType, Expression], Bound]
) -> Bound:
    if len(args) != 2:
        raise mismatch.wrong_count(name, "2", len(args))
    return result(_check_array(name, args), args[1])


def _bind_transform(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    def result(array: t.ArrayType, body: Expression) -> Bound:
        return Bound(args, t.ArrayType(type_of(body), nullable_of(body)), nullable_of(args[0]))

    return _bind_array_function(name, args, result)


def _bind_filter(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    def result(array: t.ArrayType, body: Expression) -> Bound:
        _condition(name, args)
        return Bound(args, array, nullable_of(args[0]))

    return _bind_array_function(name, args, result)


def _bind_quantifier(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    def result(array: t.ArrayType, body: Expression) -> Bound:
        _condition(name, args)
        return Bound(args, t.BooleanType(), nullable_of(args[0]) or nullable_of(body))

    return _bind_array_function(name, args, result)


def _quantifier_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    """Spell `exists` and `forall` with three values: undecided elements leave the answer NULL."""
    decides = "TRUE" if call.name == "exists" else "FALSE"
    otherwise = "FALSE" if call.name == "exists" else "TRUE"
    return let(
        f"list_transform({args[0]}, {args[1]})",
        lambda v: (
            f"CASE WHEN {v} IS NULL THEN NULL WHEN list_contains({v}, {decides}) THEN {decides} "
            f"WHEN len({v}) = list_count({v}) THEN {otherwise} END"
        ),
        "tested",
    )


scalar("transform", _bind_transform, lambda call, args, ctx: f"list_transform({args[0]}, {_over_array(args[1])})",
       lambda_types=_element_types)  # fmt: skip
scalar("filter", _bind_filter, lambda call, args, ctx: f"list_filter({args[0]}, {_over_array(args[1])})",
       lambda_types=_element_types)  # fmt: skip
scalar("exists", _bind_quantifier, _quantifier_sql, lambda_types=_element_type)
scalar("forall", _bind_quantifier, _quantifier_sql, lambda_types=_element_type)


def _aggregate_types(args: tuple[Expression, ...], position: int, count: int) -> _Parameters:
    array = _array(args)
    state = (t.as_nullable(type_of(args[1])), True)
    if position == 3:
        return [state]
    return [state, (t.NullType(), True) if array is None else (array.elementType, array.containsNull)]


def _bind_aggregate(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if len(args) not in (3, 4):
        raise mismatch.wrong_count(name, "[3, 4]", len(args))
    _check_array(name, args)
    state, merged = type_of(args[1]), type_of(args[2])
    if not t.same_structure(state, merged):
        if isinstance(merged, t.NullType):
            return Bound(args, t.as_nullable(state), True)
        raise mismatch.unexpected_input(name, args, 2, f'"{state.sql()}"')
    if t.as_nullable(state) != t.as_nullable(merged):  # fields go by their places
        merge = args[2]
        assert isinstance(merge, LambdaFunction)
        body = cast_to(merge.body, t.as_nullable(state), conf.ansi)
        args = (*args[:2], replace(merge, body=body), *args[3:])
    result = type_of(args[3]) if len(args) == 4 else t.as_nullable(state)
    return Bound(args, result, True)


def _aggregate_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    folded = f"list_reduce({args[0]}, {args[2]}, {args[1]})"
    if len(args) == 3:
        return folded
    finished = let(folded, lambda v: applied(args[3], [v]), "folded")
    return f"CASE WHEN {args[0]} IS NOT NULL THEN {finished} END"


def _shown_aggregate(call: Call, args: Sequence[str]) -> str:
    shown = list(args)
    if len(args) == 3:
        shown.append("lambdafunction(namedlambdavariable(), namedlambdavariable())")
    return f"{call.shown.lower()}({', '.join(shown)})"


scalar(
    "aggregate reduce",
    _bind_aggregate,
    _aggregate_sql,
    shown=_shown_aggregate,
    lambda_types=_aggregate_types,
    lambdas_from=2,
)


def _zip_types(args: tuple[Expression, ...], position: int, count: int) -> _Parameters:
    arrays = [_array(args, i) for i in range(2)]
    return [(a.elementType if a else t.NullType(), True) for a in arrays]


def _bind_zip_with(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if len(args) != 3:
        raise mismatch.wrong_count(name, "3", len(args))
    _check_array(name, args)
    if _array(args, 1) is None:
        raise mismatch.unexpected_input(name, args, 1, '"ARRAY"')
    return Bound(args, t.ArrayType(type_of(args[2]), nullable_of(args[2])), any_nullable(args[:2]))


def _zip_with_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    left, right, function = args
    body = applied(function, [f"{left}[ls_i]", f"{right}[ls_i]"])
    rows = f"list_transform(range(1, greatest(len({left}), len({right})) + 1), lambda ls_i: {body})"
    return f"CASE WHEN {left} IS NOT NULL AND {right} IS NOT NULL THEN {rows} END"


scalar("zip_with", _bind_zip_with, _zip_with_sql, lambda_types=_zip_types, lambdas_from=2)

# ---- maps -----------------------------------------------------------------------------------------------------


def _map(args: Sequence[Expression], position: int = 0) -> t.MapType | None:
    found = type_of(args[position])
    return found if isinstance(found, t.MapType) else None


def _entry_types(args: tuple[Expression, ...], position: int, count: int) -> _Parameters:
    found = _map(args)
    if found is None:
        return [(t.NullType(), True)] * 2
    return [(found.keyType, False), (found.valueType, found.valueContainsNull)]


def _bind_map_function(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if len(args) != 2:
        raise mismatch.wrong_count(name, "2", len(args))
    found, body = _map(args), args[1]
    if found is None:
        raise mismatch.unexpected_input(name, args, 0, '"MAP"')
    result: t.DataType = found
    if name == "transform_keys":
        result = t.MapType(type_of(body), found.valueType, found.valueContainsNull)
    elif name == "transform_values":
        result = t.MapType(found.keyType, type_of(body), nullable_of(body))
    else:
        _condition(name, args)
    return Bound(args, result, nullable_of(args[0]))


def _map_function_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    body = applied(args[1], ["ls_kv.key", "ls_kv.value"])
    entries = f"map_entries({args[0]})"
    if call.name == "map_filter":
        return f"map_from_entries(list_filter({entries}, lambda ls_kv: {body}))"
    pair = f"k := {body}, v := ls_kv.value"
    if call.name == "transform_values":
        pair = f"k := ls_kv.key, v := {body}"
    return f"map_from_entries(list_transform({entries}, lambda ls_kv: struct_pack({pair})))"


for _name in ("transform_keys", "transform_values", "map_filter"):
    scalar(_name, _bind_map_function, _map_function_sql, lambda_types=_entry_types)


def _map_zip_types(args: tuple[Expression, ...], position: int, count: int) -> _Parameters:
    one, other = _map(args, 0), _map(args, 1)
    if one is None or other is None:
        return [(t.NullType(), True)] * 3
    key = common_type((one.keyType, other.keyType)) or one.keyType
    return [(key, False), (one.valueType, True), (other.valueType, True)]


def _bind_map_zip(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if len(args) != 3:
        raise mismatch.wrong_count(name, "3", len(args))
    one, other = _map(args, 0), _map(args, 1)
    if one is None or other is None:
        raise mismatch.unexpected_input(name, args, 0 if one is None else 1, '"MAP"')
    key = common_type((one.keyType, other.keyType), conf.ansi)
    if key is None:
        raise mismatch.data_mismatch(
            "MAP_ZIP_WITH_DIFF_TYPES",
            name,
            args,
            f"The keys of the maps given to `{name}` have different types.",
        )
    left = cast_to(args[0], t.MapType(key, one.valueType, one.valueContainsNull), conf.ansi)
    right = cast_to(args[1], t.MapType(key, other.valueType, other.valueContainsNull), conf.ansi)
    result = t.MapType(key, type_of(args[2]), nullable_of(args[2]))
    return Bound((left, right, args[2]), result, any_nullable(args[:2]))


def _map_zip_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    left, right, function = args
    new = f"list_filter(map_keys({right}), lambda ls_k: NOT list_contains(map_keys({left}), ls_k))"
    keys = f"(map_keys({left}) || {new})"
    values = [f"map_extract_value({m}, ls_k)" for m in (left, right)]
    body = applied(function, ["ls_k", *values])
    return f"map_from_entries(list_transform({keys}, lambda ls_k: struct_pack(k := ls_k, v := {body})))"


scalar("map_zip_with", _bind_map_zip, _map_zip_sql, lambda_types=_map_zip_types, lambdas_from=2)

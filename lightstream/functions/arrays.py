"""Arrays and structs: making them, and arrays of others."""

from __future__ import annotations

from collections.abc import Sequence

from lightstream.conf import Conf
from lightstream.errors import unsupported
from lightstream.functions import mismatch
from lightstream.functions.coercion import cast_to, common_type, tightest_type
from lightstream.functions.elements import element_nullable, element_type, index_failure
from lightstream.functions.registry import Bound, SqlContext, any_nullable, scalar
from lightstream.functions.signatures import parse as signature
from lightstream.functions.spelling import duck_type, error_sql, let, quote
from lightstream.plan import types as t
from lightstream.plan.expressions import (
    Alias,
    Attribute,
    Call,
    Expression,
    GetField,
    LambdaVariable,
    Literal,
    nullable_of,
    type_of,
)
from lightstream.plan.type_texts import name_sql

# ---- making arrays and structs --------------------------------------------------------------------------------


def _bind_array(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    target = common_type([type_of(a) for a in args], conf.ansi)
    if target is None:
        raise mismatch.different_types(name, args, [type_of(a) for a in args])
    bound = tuple(cast_to(a, target, conf.ansi) for a in args)
    return Bound(bound, t.ArrayType(target, any_nullable(bound)), False)


def _array_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    if not args:
        return f"CAST([] AS {duck_type(call.type)})"
    return f"[{', '.join(args)}]"


scalar("array", _bind_array, _array_sql)


def field_name(expression: Expression, position: int) -> str:
    """Return the name that a value gets as a field of `struct(...)`."""
    if isinstance(expression, Alias | Attribute | GetField | LambdaVariable):
        return expression.name
    return f"col{position}"


def _bind_struct(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    values = tuple(a.child if isinstance(a, Alias) else a for a in args)
    names = [field_name(a, i) for i, a in enumerate(args, 1)]
    return Bound(args, _struct_type(names, values), False)


def _struct_type(names: Sequence[str], values: Sequence[Expression]) -> t.StructType:
    fields = [t.StructField(n, type_of(v), nullable_of(v)) for n, v in zip(names, values, strict=True)]
    return t.StructType(fields)


def _struct_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    assert isinstance(call.type, t.StructType)
    values = args if call.name == "struct" else args[1::2]
    pairs = zip(call.type.names, values, strict=True)
    return f"struct_pack({', '.join(f'{quote(n)} := {v}' for n, v in pairs)})"


def _shown_struct(call: Call, args: Sequence[str]) -> str:
    if call.shown == "(,)":  # a row: `(a, b)`
        pairs = (
            f"{field_name(a, i)}, {text}" for i, (a, text) in enumerate(zip(call.args, args, strict=True), 1)
        )
        return f"named_struct({', '.join(pairs)})"
    shown = []
    for argument, text in zip(call.args, args, strict=True):
        shown.append(f"{text} AS {name_sql(argument.name)}" if isinstance(argument, Alias) else text)
    return f"struct({', '.join(shown)})"


def _bind_named_struct(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if len(args) % 2:
        raise mismatch.wrong_count(name, "2n (n > 0)", len(args))
    names = []
    for i in range(0, len(args), 2):
        key = args[i]
        if not isinstance(key, Literal) or not isinstance(key.value, str):
            raise mismatch.data_mismatch(
                "CREATE_NAMED_STRUCT_WITHOUT_FOLDABLE_STRING",
                name,
                args,
                "Only foldable `STRING` expressions are allowed to appear at odd position.",
            )
        names.append(str(key.value))
    return Bound(args, _struct_type(names, args[1::2]), False)


scalar("struct (,)", _bind_struct, _struct_sql, shown=_shown_struct)
scalar("named_struct", _bind_named_struct, _struct_sql)

# ---- size and elements ----------------------------------------------------------------------------------------


def _size_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    function = "cardinality" if isinstance(type_of(call.args[0]), t.MapType) else "len"
    size = f"CAST({function}({args[0]}) AS INTEGER)"
    return size if ctx.ansi else f"coalesce({size}, -1)"


def _bind_size(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    bound = signature("array|map -> int").bind(name, args, conf)
    return bound if conf.ansi else Bound(bound.args, bound.type, False)


scalar("size cardinality", _bind_size, _size_sql)
scalar("array_size", "array -> int", "CAST(len({0}) AS INTEGER)")


def _bind_element_at(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    signature("any, any -> any").check_count(name, args)
    container, key = args
    found = type_of(container)
    if isinstance(found, t.MapType):
        from lightstream.functions.maps import key_looked_up

        return Bound(key_looked_up(name, args, found, conf), found.valueType, True)
    if not isinstance(found, t.ArrayType):
        raise mismatch.unexpected_input(name, args, 0, '("ARRAY" or "MAP")')
    if not isinstance(type_of(key), t.IntegralType) or isinstance(type_of(key), t.LongType):
        raise mismatch.unexpected_input(name, args, 1, '"INT"')
    fails = conf.ansi and name == "element_at"
    nullable = element_nullable(container, key, 1, fails)
    return Bound((container, cast_to(key, t.IntegerType())), found.elementType, nullable)


def _element_at_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    container, key = args
    if isinstance(type_of(call.args[0]), t.MapType):
        return f"map_extract_value({container}, {key})"
    zero = error_sql(
        "INVALID_INDEX_OF_ZERO",
        "The index 0 is invalid. An index shall be either < 0 or > 0 (the first element has index 1).",
        "22003",
        "SparkRuntimeException",
    )

    def body(array: str) -> str:
        value = f"{array}[{key}]"
        beyond = ""
        if ctx.ansi and call.name == "element_at":
            failure = index_failure(
                key, f"len({array})", "INVALID_ARRAY_INDEX_IN_ELEMENT_AT", "try_element_at"
            )
            beyond = f"WHEN abs(CAST({key} AS BIGINT)) > len({array}) THEN {failure} "
        return f"CASE WHEN {key} = 0 AND {array} IS NOT NULL THEN {zero} {beyond}ELSE {value} END"

    return let(container, body, "array")


scalar("element_at", _bind_element_at, _element_at_sql)
scalar("try_element_at", _bind_element_at, _element_at_sql)


def _bind_get(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    bound = signature("array, int -> any?").bind(name, args, conf)
    array = type_of(args[0])
    if not isinstance(array, t.ArrayType):
        raise mismatch.unexpected_input(name, args, 0, '"ARRAY"')
    return Bound(bound.args, array.elementType, element_nullable(bound.args[0], bound.args[1], 0, False))


scalar("get", _bind_get, "{0}[CASE WHEN {1} >= 0 THEN CAST({1} AS BIGINT) + 1 END]")

# ---- building on arrays ---------------------------------------------------------------------------------------


def _bind_extend(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    signature("array, any -> any").check_count(name, args)
    array, value = _extended(name, args, conf)
    return Bound((array, value), t.ArrayType(t.as_nullable(type_of(value)), True), nullable_of(array))


def _extended(name: str, args: tuple[Expression, ...], conf: Conf) -> tuple[Expression, Expression]:
    """Return the array (first) and the value (last), both with the element type that holds either."""
    found = type_of(args[0])
    if not isinstance(found, t.ArrayType):
        raise mismatch.unexpected_input(name, args, 0, '"ARRAY"')
    common = tightest_type(found.elementType, type_of(args[-1]), conf.ansi)
    if common is None:
        raise mismatch.not_of_elements(name, args)
    return cast_to(args[0], t.ArrayType(common, found.containsNull), conf.ansi), cast_to(
        args[-1], common, conf.ansi
    )


scalar("array_append", _bind_extend, "({0} || [{1}])")
scalar("array_prepend", _bind_extend, "([{1}] || {0})")


def _bind_insert(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    signature("any, any, any -> any").check_count(name, args)
    if not isinstance(type_of(args[0]), t.ArrayType):
        raise mismatch.not_of_elements(name, args)
    if not isinstance(type_of(args[1]), t.ByteType | t.ShortType | t.IntegerType):
        raise mismatch.unexpected_input(name, args, 1, '"INT"')
    array, value = _extended(name, args, conf)
    at = cast_to(args[1], t.IntegerType())
    result = t.ArrayType(t.as_nullable(type_of(value)), True)
    return Bound((array, at, value), result, any_nullable((array, at)))


# What Java has room for.
_MOST_ELEMENTS = 2147483632


def _too_large(kind: str, name: str) -> str:
    return error_sql(
        f"COLLECTION_SIZE_LIMIT_EXCEEDED.{kind}",
        f"An array of {name} cannot have more than {_MOST_ELEMENTS} elements.",
        "54000",
        "SparkRuntimeException",
    )


def _insert_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    array, at, value = args
    zero = error_sql(
        "INVALID_INDEX_OF_ZERO",
        "The index 0 is invalid. An index shall be either < 0 or > 0 (the first element has index 1).",
        "22003",
        "SparkRuntimeException",
    )
    null = f"CAST(NULL AS {duck_type(element_type(call.args))})"
    far = f"abs(CAST({at} AS BIGINT))"
    large = _too_large("FUNCTION", "array_insert")
    # DuckDB computes constants in branches that are not taken: there is no gap where the place is refused.
    gap = f"CASE WHEN {far} > {_MOST_ELEMENTS} THEN 0 ELSE {far} END - 1"

    def body(a: str) -> str:
        # From the end, position -1 is behind the last element.
        front = f"CASE WHEN {at} > 0 THEN {at} - 1 ELSE len({a}) + {at} + 1 END"
        return (
            f"CASE WHEN {a} IS NULL OR {at} IS NULL THEN NULL WHEN {at} = 0 THEN {zero} "
            f"WHEN {far} > {_MOST_ELEMENTS} THEN {large} "
            f"WHEN {at} > len({a}) THEN {a} || repeat([{null}], {gap} - len({a})) || [{value}] "
            f"WHEN -{at} > len({a}) + 1 THEN [{value}] || repeat([{null}], {gap} - len({a})) || {a} "
            f"ELSE {a}[1:{front}] || [{value}] || {a}[({front}) + 1:] END"
        )

    return let(array, body, "array")


scalar("array_insert", _bind_insert, _insert_sql)


def _repeat_type(args: tuple[Expression, ...]) -> t.DataType:
    return t.ArrayType(type_of(args[0]), nullable_of(args[0]))


def _bind_repeat(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if len(args) == 2 and not isinstance(type_of(args[1]), t.IntegerType | t.NullType):
        raise mismatch.unexpected_input(name, args, 1, '"INT"')
    bound = signature("any, int -> any").bind(name, args, conf)
    return Bound(bound.args, _repeat_type(bound.args), nullable_of(bound.args[1]))


def _repeat_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    large = _too_large("PARAMETER", "array_repeat")
    value, count = args
    checked = let(count, lambda n: f"CASE WHEN {n} > {_MOST_ELEMENTS} THEN {large} ELSE {n} END", "count")
    return f"repeat([{value}], {checked})"


scalar("array_repeat", _bind_repeat, _repeat_sql)


def _bind_flatten(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    bound = signature("any -> any").bind(name, args, conf)
    outer = type_of(bound.args[0])
    if not isinstance(outer, t.ArrayType) or not isinstance(outer.elementType, t.ArrayType):
        raise mismatch.unexpected_input(name, args, 0, '"ARRAY" of "ARRAY"')
    return Bound(bound.args, outer.elementType, nullable_of(bound.args[0]) or outer.containsNull)


scalar("flatten", _bind_flatten, "CASE WHEN len({0}) = list_count({0}) THEN flatten({0}) END")


def _slice_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    array, start, length = args

    def failure(name: str, message: str) -> str:
        condition = f"INVALID_PARAMETER_VALUE.{name}"
        return error_sql(
            condition,
            f"The value of parameter(s) in `slice` is invalid: {message}",
            "22023",
            "SparkRuntimeException",
        )

    def body(a: str) -> str:
        first = f"CASE WHEN {start} > 0 THEN {start} ELSE len({a}) + {start} + 1 END"
        return (
            f"CASE WHEN {a} IS NULL OR {start} IS NULL OR {length} IS NULL THEN NULL "
            f"WHEN {start} = 0 THEN {failure('START', 'the start must not be 0.')} "
            f"WHEN {length} < 0 THEN {failure('LENGTH', 'the length must not be negative.')} "
            f"WHEN {first} < 1 THEN {a}[2:1] ELSE {a}[{first}:({first}) + {length} - 1] END"
        )

    return let(array, body, "array")


scalar("slice", "array, int, int -> $0", _slice_sql)


def _zip_names(args: tuple[Expression, ...]) -> list[str]:
    return [a.name if isinstance(a, Attribute | GetField | Alias) else str(i) for i, a in enumerate(args)]


def _bind_zip(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    bound = signature("array* -> any").bind(name, args, conf)
    kinds = [type_of(a) for a in bound.args]
    fields = [
        t.StructField(n, k.elementType, True)
        for n, k in zip(_zip_names(args), kinds, strict=True)
        if isinstance(k, t.ArrayType)
    ]
    if not fields:
        raise unsupported("arrays_zip without arguments")
    return Bound(bound.args, t.ArrayType(t.StructType(fields), False), any_nullable(bound.args))


def _zip_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    assert isinstance(call.type, t.ArrayType) and isinstance(call.type.elementType, t.StructType)
    names = call.type.elementType.names
    parts = ", ".join(f"{quote(n)} := {a}[ls_i]" for n, a in zip(names, args, strict=True))
    longest = f"greatest({', '.join(f'len({a})' for a in args)})" if len(args) > 1 else f"len({args[0]})"
    known = " AND ".join(f"{a} IS NOT NULL" for a in args)
    rows = f"list_transform(range(1, {longest} + 1), lambda ls_i: struct_pack({parts}))"
    return f"CASE WHEN {known} THEN {rows} END"


scalar("arrays_zip", _bind_zip, _zip_sql)

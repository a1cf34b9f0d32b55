"""Arrays and structs: making them, their elements, sets and order."""

from __future__ import annotations

from collections.abc import Sequence

from lightstream.conf import Conf
from lightstream.errors import AnalysisException, unsupported
from lightstream.functions import mismatch
from lightstream.functions.coercion import cast_to, common_type, tightest_type
from lightstream.functions.elements import element_nullable, index_failure
from lightstream.functions.normal_forms import normal_form
from lightstream.functions.predicates import check_orderable
from lightstream.functions.registry import Bound, SqlContext, any_nullable, scalar
from lightstream.functions.signatures import parse as signature
from lightstream.functions.signatures import with_result
from lightstream.functions.spelling import duck_type, error_sql, let, quote
from lightstream.plan import types as t
from lightstream.plan.expressions import (
    Alias,
    Attribute,
    Call,
    Expression,
    GetField,
    LambdaFunction,
    LambdaVariable,
    Literal,
    nullable_of,
    type_of,
)

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
        shown.append(f"{text} AS {argument.name}" if isinstance(argument, Alias) else text)
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


scalar("get", _bind_get, "CASE WHEN {1} >= 0 THEN {0}[CAST({1} AS BIGINT) + 1] END")

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
            nothing = [isinstance(found.elementType, t.NullType)]
        if any(nothing) and not removed:
            raise mismatch.data_mismatch(
                "NULL_TYPE", name, args, f"Null typed values cannot be used as arguments of `{name}`."
            )
        if not isinstance(found, t.ArrayType):
            raise (
                _element_mismatch(name, args)
                if removed
                else mismatch.unexpected_input(name, args, 0, '"ARRAY"')
            )
        common = tightest_type(found.elementType, type_of(value), conf.ansi)
        if name == "array_contains" and isinstance(type_of(value), t.NumericType):
            common = common_type([found.elementType, type_of(value)], conf.ansi)
        if common is None or (
            isinstance(found.elementType, t.StringType) != isinstance(common, t.StringType)
        ):
            raise _element_mismatch(name, args)
        check_orderable(name, args, common)
        wanted = t.ArrayType(common, found.containsNull)
        bound = (cast_to(array, wanted, conf.ansi), cast_to(value, common, conf.ansi))
        nullable = any_nullable(bound) or (three_valued and found.containsNull)
        return Bound(bound, type_of(bound[0]) if removed else result, nullable)

    return bind


def _element_mismatch(name: str, args: tuple[Expression, ...]) -> AnalysisException:
    return mismatch.data_mismatch(
        "ARRAY_FUNCTION_DIFF_TYPES",
        name,
        args,
        f'Input to `{name}` should have been "ARRAY" followed by a value with same element type, but it\'s '
        f'["{type_of(args[0]).sql()}", "{type_of(args[-1]).sql()}"].',
    )


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


def _array_of(args: tuple[Expression, ...]) -> t.ArrayType:
    found = type_of(args[0])
    assert isinstance(found, t.ArrayType)
    return found


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
        element = bound.type.elementType if name == "array_union" else one.elementType
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
        for text, element in zip(args, (_array_of((a,)).elementType for a in call.args), strict=True)
    ]


scalar("array_distinct", _bind_distinct, lambda call, args, ctx: _distinct(_normal(call, args)[0]))
for _name in ("array_union", "array_intersect", "array_except"):
    scalar(_name, _bind_set, _set_sql)


def _bind_overlap(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    bound = _bind_pair(name, args, conf)
    one, other = (type_of(a) for a in bound.args)
    assert isinstance(one, t.ArrayType) and isinstance(other, t.ArrayType)
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
    bound = signature("array, boolean=true -> $0").bind(name, args, conf)
    if not isinstance(bound.args[1], Literal):
        raise unsupported("sort_array with an order that is not constant")
    check_orderable(name, args, _array_of(bound.args).elementType)
    _refuse_nested_nulls(_array_of(bound.args))
    return bound


def _refuse_nested_nulls(array: t.ArrayType) -> None:
    # Inside structs and arrays Spark orders NULL first, DuckDB last.
    from lightstream.functions.predicates import refuse_null_order

    refuse_null_order(array.elementType)


def _sort_array_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    order = call.args[1]
    assert isinstance(order, Literal)
    if order.value:
        return f"list_sort({args[0]}, 'ASC', 'NULLS FIRST')"
    return f"list_sort({args[0]}, 'DESC', 'NULLS LAST')"


scalar("sort_array", _bind_sorted, _sort_array_sql)


def _bind_array_sort(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if len(args) == 2:
        return _bind_comparator(name, args, conf)
    if len(args) == 1 and isinstance(type_of(args[0]), t.NullType):
        raise mismatch.unexpected_input(name, args, 0, '"ARRAY"')
    bound = signature("array -> $0").bind(name, args, conf)
    check_orderable(name, args, _array_of(bound.args).elementType)
    _refuse_nested_nulls(_array_of(bound.args))
    return bound


def _bind_comparator(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    compare = args[1]
    if not isinstance(compare, LambdaFunction) or len(compare.parameters) != 2:
        raise unsupported("array_sort with a function that has not two parameters")
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
    order = f"coalesce({applied(args[1], ['ls_a', 'ls_e[1]'])}, {failure})"
    before, after = (f"list_filter(ls_s, lambda ls_a: {order} {sign} 0)" for sign in ("<=", ">"))
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
    lambda_types=lambda args, position, count: [(_array_of(args).elementType, True)] * 2,
)


def _element(args: tuple[Expression, ...]) -> t.DataType:
    return _array_of(args).elementType


def _bind_best(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    bound = signature("array -> any?").bind(name, args, conf)
    check_orderable(name, args, _element(bound.args))
    _refuse_nested_nulls(_array_of(bound.args))
    return Bound(bound.args, _element(bound.args), True)


scalar("array_max", _bind_best, "list_max({0})")
scalar("array_min", _bind_best, "list_min({0})")
scalar("array_compact", with_result("array", lambda args: t.ArrayType(_element(args), False)),
       "list_filter({0}, lambda ls_e: ls_e IS NOT NULL)")  # fmt: skip

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
        raise _element_mismatch(name, args)
    return cast_to(args[0], t.ArrayType(common, found.containsNull), conf.ansi), cast_to(
        args[-1], common, conf.ansi
    )


scalar("array_append", _bind_extend, "({0} || [{1}])")
scalar("array_prepend", _bind_extend, "([{1}] || {0})")


def _bind_insert(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    signature("any, any, any -> any").check_count(name, args)
    if not isinstance(type_of(args[0]), t.ArrayType):
        raise _element_mismatch(name, args)
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
    null = f"CAST(NULL AS {duck_type(_element(call.args))})"
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

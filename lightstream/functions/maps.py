"""Maps."""

from __future__ import annotations

from collections.abc import Sequence

from lightstream.conf import Conf
from lightstream.errors import AnalysisException, unsupported
from lightstream.functions import mismatch
from lightstream.functions.coercion import cast_to, common_type, searched_type, tightest_type
from lightstream.functions.registry import Bound, SqlContext, any_nullable, scalar
from lightstream.functions.signatures import only_strings
from lightstream.functions.signatures import parse as signature
from lightstream.functions.spelling import duck_type, error_sql
from lightstream.plan import types as t
from lightstream.plan.expressions import Call, Expression, nullable_of, type_of


def _check_policy(conf: Conf) -> None:
    if (conf.get("spark.sql.mapKeyDedupPolicy") or "").upper() != "EXCEPTION":
        raise unsupported("spark.sql.mapKeyDedupPolicy other than EXCEPTION")


def _check_key(name: str, args: Sequence[Expression], key: t.DataType) -> None:
    if isinstance(key, t.MapType | t.VariantType):
        raise mismatch.data_mismatch(
            "INVALID_MAP_KEY_TYPE", name, args, f'The key of map cannot be/contain "{key.sql()}".'
        )


def _bind_map(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    _check_policy(conf)
    if len(args) % 2:
        raise mismatch.wrong_count(name, "2n (n is non-negative integer)", len(args))
    key = common_type([type_of(a) for a in args[::2]], conf.ansi)
    value = common_type([type_of(a) for a in args[1::2]], conf.ansi)
    if key is None or value is None:
        kind, part = ("KEY", args[::2]) if key is None else ("VALUE", args[1::2])
        shown = ", ".join(f'"{type_of(a).sql()}"' for a in part)
        raise mismatch.data_mismatch(
            f"CREATE_MAP_{kind}_DIFF_TYPES",
            name,
            args,
            f"The given {kind.lower()}s of `map` are not one type: {shown}.",
        )
    _check_key(name, args, key)
    bound = tuple(cast_to(a, value if i % 2 else key, conf.ansi) for i, a in enumerate(args))
    return Bound(bound, t.MapType(key, value, any_nullable(bound[1::2])), False)


def _map_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    if not args:
        return f"CAST(map([], []) AS {duck_type(call.type)})"
    keys = [f"({key} + 0)" if _is_float(call) else key for key in args[::2]]
    return f"map([{', '.join(keys)}], [{', '.join(args[1::2])}])"


def _is_float(call: Call) -> bool:
    """Return whether keys are numbers with a negative zero, which Spark takes for zero when it makes a map."""
    assert isinstance(call.type, t.MapType)
    return isinstance(call.type.keyType, t.FloatType | t.DoubleType)


# Equal keys and NULL keys fail in DuckDB too.
scalar("map", _bind_map, _map_sql)


def _map_of(args: tuple[Expression, ...], position: int = 0) -> t.MapType:
    found = type_of(args[position])
    assert isinstance(found, t.MapType)
    return found


def _bind_keys(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    bound = signature("map -> any").bind(name, args, conf)
    found = _map_of(bound.args)
    return Bound(bound.args, t.ArrayType(found.keyType, True), bound.nullable)


def _bind_values(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    bound = signature("map -> any").bind(name, args, conf)
    found = _map_of(bound.args)
    return Bound(bound.args, t.ArrayType(found.valueType, True), bound.nullable)


def entry_type(found: t.MapType) -> t.StructType:
    """Return the struct of a map's entries."""
    return t.StructType(
        [
            t.StructField("key", found.keyType, False),
            t.StructField("value", found.valueType, found.valueContainsNull),
        ]
    )


def _bind_entries(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    bound = signature("map -> any").bind(name, args, conf)
    return Bound(bound.args, t.ArrayType(entry_type(_map_of(bound.args)), False), bound.nullable)


scalar("map_keys", _bind_keys, "map_keys({0})")
scalar("map_values", _bind_values, "map_values({0})")
scalar("map_entries", _bind_entries, "map_entries({0})")


def key_looked_up(
    name: str, args: tuple[Expression, ...], found: t.MapType, conf: Conf
) -> tuple[Expression, Expression]:
    """Return a map and a key to look up in it, both with the type that holds either's keys."""
    searched = searched_type if name == "map_contains_key" else tightest_type
    key = searched(found.keyType, type_of(args[1]), conf.ansi)
    if key is None:
        raise _key_mismatch(name, args)
    wanted = t.MapType(key, found.valueType, found.valueContainsNull)
    return cast_to(args[0], wanted, conf.ansi), cast_to(args[1], key, conf.ansi)


def _key_mismatch(name: str, args: Sequence[Expression]) -> AnalysisException:
    return mismatch.data_mismatch(
        "MAP_FUNCTION_DIFF_TYPES",
        name,
        args,
        f'Input to `{name}` should have been "MAP" followed by a value with same key type, but it\'s '
        f'["{type_of(args[0]).sql()}", "{type_of(args[1]).sql()}"].',
    )


def _bind_contains_key(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    signature("any, any -> any").check_count(name, args)
    found = type_of(args[0])
    if isinstance(type_of(args[1]), t.NullType):
        raise mismatch.data_mismatch(
            "NULL_TYPE", name, args, f"Null typed values cannot be used as arguments of `{name}`."
        )
    if not isinstance(found, t.MapType):
        raise _key_mismatch(name, args)
    return Bound(key_looked_up(name, args, found, conf), t.BooleanType(), True)


scalar("map_contains_key", _bind_contains_key, "list_contains(map_keys({0}), {1})")


_UNEQUAL = (
    error_sql(
        "_LEGACY_ERROR_TEMP_2128",
        "The key array and value array of MapData must have the same length.",
        "",
        "SparkRuntimeException",
    )
    .replace("{", "{{")
    .replace("}", "}}")
)


def _bind_from_arrays(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    _check_policy(conf)
    bound = signature("array, array -> any").bind(name, args, conf)
    keys, values = (type_of(a) for a in bound.args)
    assert isinstance(keys, t.ArrayType) and isinstance(values, t.ArrayType)
    _check_key(name, args, keys.elementType)
    result = t.MapType(keys.elementType, values.elementType, values.containsNull)
    return Bound(bound.args, result, bound.nullable)


scalar(
    "map_from_arrays",
    _bind_from_arrays,
    f"CASE WHEN {{0}} IS NULL OR {{1}} IS NULL THEN NULL WHEN len({{0}}) <> len({{1}}) THEN {_UNEQUAL} "
    "ELSE map({0}, {1}) END",
)


def _bind_from_entries(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    _check_policy(conf)
    bound = signature("array -> any").bind(name, args, conf)
    array = type_of(bound.args[0])
    assert isinstance(array, t.ArrayType)
    entry = array.elementType
    if not isinstance(entry, t.StructType) or len(entry) != 2:
        raise mismatch.unexpected_input(name, args, 0, '"ARRAY" of pair "STRUCT"')
    key, value = entry.fields
    _check_key(name, args, key.dataType)
    nullable = nullable_of(bound.args[0]) or array.containsNull
    return Bound(bound.args, t.MapType(key.dataType, value.dataType, value.nullable), nullable)


def _from_entries_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    pairs = args[0]
    if _is_float(call):
        entry = "struct_pack(k := struct_extract_at(ls_p, 1) + 0, v := struct_extract_at(ls_p, 2))"
        pairs = f"list_transform({pairs}, lambda ls_p: {entry})"
    return f"CASE WHEN len({args[0]}) = list_count({args[0]}) THEN map_from_entries({pairs}) END"


scalar(
    "map_from_entries",
    _bind_from_entries,
    _from_entries_sql,
)


def _bind_concat(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    _check_policy(conf)
    if not args:
        return Bound((), t.MapType(t.StringType(), t.StringType(), True), False)
    kinds = [type_of(a) for a in args]
    target = common_type(kinds, conf.ansi)
    if not all(isinstance(k, t.MapType) for k in kinds) or not isinstance(target, t.MapType):
        if all(isinstance(k, t.MapType) for k in kinds):
            raise mismatch.different_types(name, args, kinds)
        raise mismatch.data_mismatch(
            "MAP_CONCAT_DIFF_TYPES",
            name,
            args,
            f"The `{name}` should all be of type map, but it's other types.",
        )
    bound = tuple(cast_to(a, target, conf.ansi) for a in args)
    return Bound(bound, target, any_nullable(bound))


def _concat_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    if not args:
        return f"CAST(map([], []) AS {duck_type(call.type)})"
    # By way of entries, which fail on equal keys; DuckDB's map_concat lets the last one win.
    return f"map_from_entries({' || '.join(f'map_entries({a})' for a in args)})"


scalar("map_concat", _bind_concat, _concat_sql)


def _str_to_map_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    from lightstream.functions.patterns import split_sql

    text, pair, key_value = args
    pairs = split_sql(text, call.args[1], pair, "-1")
    parts = split_sql("ls_pair", call.args[2], key_value, "2")
    entry = f"list_transform([{parts}], lambda ls_kv: struct_pack(k := ls_kv[1], v := ls_kv[2]))[1]"
    return f"map_from_entries(list_transform({pairs}, lambda ls_pair: {entry}))"


def _bind_str_to_map(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    _check_policy(conf)
    bound = only_strings("string, string=',', string=':' -> map<string,string>")(name, args, conf)
    return Bound(bound.args, t.MapType(t.StringType(), t.StringType(), True), bound.nullable)


scalar("str_to_map", _bind_str_to_map, _str_to_map_sql)

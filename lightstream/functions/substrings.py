"""Parts of strings and bytes: cut out, cut off, padded, replaced."""

from __future__ import annotations

from collections.abc import Sequence

from lightstream.conf import Conf
from lightstream.functions import mismatch
from lightstream.functions.binary import binary_sql, bind_binary, is_binary
from lightstream.functions.registry import Bound, SqlContext, scalar
from lightstream.functions.signatures import parse as signature
from lightstream.functions.spelling import error_sql, let
from lightstream.functions.strings import joined_sql
from lightstream.plan import types as t
from lightstream.plan.expressions import Call, Expression, Literal, type_of


def _bind_trim(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    return signature("string, string? -> string").bind(name, args, conf)


def _trim_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    if len(args) == 1:
        return f"{call.name}({args[0]}, ' ')"
    return f"{call.name}({args[1]}, {args[0]})"


def _shown_trim(call: Call, args: Sequence[str]) -> str:
    if len(args) == 1:
        return f"{call.name}({args[0]})"
    side = {"trim": "BOTH", "ltrim": "LEADING", "rtrim": "TRAILING"}[call.name]
    return f"TRIM({side} {args[0]} FROM {args[1]})"


# With two arguments the characters to take off come first, as in `trim(BOTH 'x' FROM s)`.
for _name in ("trim", "ltrim", "rtrim"):
    scalar(_name, _bind_trim, _trim_sql, shown=_shown_trim)


def _btrim_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    characters = args[1] if len(args) == 2 else "' '"
    return f"trim({args[0]}, {characters})"


scalar("btrim", "string, string? -> string", _btrim_sql)


def _bind_pad(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    found = bind_binary(name, args, conf)
    return found or signature("string, int, string=' ' -> string").bind(name, args, conf)


def _pad_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    if is_binary(call):
        return binary_sql(call, args)
    text, length, pad = args
    known = call.args[2]
    padded = f"{call.name}({text}, greatest({length}, 0), {pad})"
    if isinstance(known, Literal) and known.value:
        return f"CASE WHEN {length} IS NOT NULL THEN {padded} END"
    cut = f"substring({text}, 1, greatest({length}, 0))"
    return (
        f"CASE WHEN {length} IS NULL OR {pad} IS NULL THEN NULL WHEN {pad} = '' THEN {cut} ELSE {padded} END"
    )


scalar("lpad", _bind_pad, _pad_sql)
scalar("rpad", _bind_pad, _pad_sql)


def _bind_substring(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    found = bind_binary(name, args, conf)
    return found or signature("string, int, int=2147483647 -> string").bind(name, args, conf)


def _substring_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    if is_binary(call):
        return binary_sql(call, args)
    text, start, length = args
    first, size = call.args[1], call.args[2]
    if isinstance(first, Literal) and first.value is not None and first.value >= 0:
        at = max(first.value, 1)
        if isinstance(size, Literal) and size.value is not None:
            if size.value >= 2**31 - 1:
                return f"substring({text}, {at})"
            return f"substring({text}, {at}, {max(size.value, 0)})"
        return f"CASE WHEN {length} IS NOT NULL THEN substring({text}, {at}, greatest({length}, 0)) END"

    # From the end: what would begin before the text is cut off at its begin.
    def body(v: str) -> str:
        at = f"CASE WHEN {start} > 0 THEN {start} - 1 WHEN {start} < 0 THEN length({v}) + {start} ELSE 0 END"
        cut = let(
            at,
            lambda a: (
                f"substring({v}, greatest({a}, 0) + 1, "
                f"greatest({a} + CAST({length} AS BIGINT) - greatest({a}, 0), 0))"
            ),
            "at",
        )
        return f"CASE WHEN {start} IS NOT NULL AND {length} IS NOT NULL THEN {cut} END"

    return let(text, body, "text")


scalar("substring substr", _bind_substring, _substring_sql)


def _bind_left(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    return bind_binary(name, args, conf) or signature("string, int -> string").bind(name, args, conf)


def _left_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    if is_binary(call):
        return binary_sql(call, args)
    return f"CASE WHEN {args[1]} IS NOT NULL THEN substring({args[0]}, 1, greatest({args[1]}, 0)) END"


scalar("left", _bind_left, _left_sql)
scalar("right", "string, int -> string?",
       "CASE WHEN {1} IS NOT NULL THEN CASE WHEN {1} <= 0 THEN left({0}, 0) ELSE right({0}, {1}) END END")  # fmt: skip


def _substring_index_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    text, delimiter, count = args

    def body(v: str) -> str:
        parts = f"string_split({v}, {delimiter})"
        return (
            f"CASE WHEN {v} IS NULL OR {delimiter} IS NULL OR {count} IS NULL THEN NULL "
            f"WHEN {count} = 0 OR {delimiter} = '' THEN '' "
            f"WHEN {count} > 0 THEN {joined_sql(f'{parts}[1:{count}]', delimiter)} "
            f"ELSE {joined_sql(f'{parts}[greatest(len({parts}) + {count} + 1, 1):]', delimiter)} END"
        )

    return let(text, body, "text")


scalar("substring_index", "string, string, int -> string", _substring_index_sql)


def _overlay_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    if is_binary(call):
        return binary_sql(call, args)
    text, part, at, length = args
    return (
        f"(substring({text}, 1, greatest({at}, 1) - 1) || {part} || substring({text}, {at} + "
        f"CASE WHEN {length} >= 0 THEN {length} WHEN {length} < 0 THEN length({part}) END))"
    )


def _bind_overlay(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    for position, argument in enumerate(args[:2]):
        if isinstance(type_of(argument), t.ArrayType | t.MapType | t.StructType):
            raise mismatch.unexpected_input(name, args, position, '("STRING" or "BINARY")')
    found = bind_binary(name, args, conf)
    if found is None and len(args) > 1 and isinstance(type_of(args[1]), t.BinaryType):
        raise mismatch.different_types(name, args, [type_of(a) for a in args[:2]])
    return found or signature("string, string, int, int=-1 -> string").bind(name, args, conf)


scalar("overlay", _bind_overlay, _overlay_sql)


def _split_part_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    text, delimiter, part = args
    failure = error_sql(
        "INVALID_INDEX_OF_ZERO",
        "The index 0 is invalid. An index shall be either < 0 or > 0 (the first element has index 1).",
        "22003",
        "SparkRuntimeException",
    )
    whole = f"CASE WHEN abs({part}) = 1 THEN {text} ELSE '' END"
    return (
        f"CASE WHEN {text} IS NULL OR {delimiter} IS NULL OR {part} IS NULL THEN NULL WHEN {part} = 0 THEN {failure} "
        f"WHEN {delimiter} = '' THEN {whole} ELSE split_part({text}, {delimiter}, {part}) END"
    )


scalar("split_part", "string, string, int -> string?", _split_part_sql)

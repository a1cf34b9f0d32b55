"""Strings and bytes: their case and length, what is found in them, putting them together."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lightstream.conf import Conf
from lightstream.errors import unsupported
from lightstream.functions import mismatch
from lightstream.functions.binary import binary_sql, bind_binary, is_binary
from lightstream.functions.coercion import cast_to
from lightstream.functions.registry import Bound, SqlContext, any_nullable, scalar
from lightstream.functions.signatures import parse as signature
from lightstream.functions.spelling import let, native_sql
from lightstream.plan import types as t
from lightstream.plan.expressions import Call, Expression, Literal, nullable_of, type_of

# ---- upper and lower case -------------------------------------------------------------------------------------

# Letters that become two letters in upper case: DuckDB maps one to one.
_GROW_IN_UPPER = "[ŉǰΐΰևẖ-ẚὐὒὔὖᾀ-ᾯᾲ-ᾴᾶ-ᾼῂ-ῄῆ-ῌῒΐῖῗῢ-ῤῦῧῲ-ῴῶ-ῼﬀ-ﬆﬓ-ﬗ]"


def upper_sql(text: str) -> str:
    """Return text in upper case (`ß` becomes `SS`)."""
    return let(
        text,
        lambda v: (
            f"CASE WHEN regexp_matches({v}, '{_GROW_IN_UPPER}') THEN {native_sql('upper', v)} "
            f"ELSE upper(replace({v}, 'ß', 'SS')) END"
        ),
        "upper",
    )


def lower_sql(text: str) -> str:
    """Return text in lower case; a sigma at the end of a word has a form of its own."""
    between = r"''.:\x{B7}\x{2019}\p{Mn}"  # what a word may hold beside letters
    final = rf"(\p{{L}}[{between}]*)Σ([{between}]*(?:[^\p{{L}}{between}]|$))"
    return let(
        text,
        lambda v: (
            f"CASE WHEN contains({v}, 'Σ') THEN lower(regexp_replace({v}, '{final}', '\\1ς\\2', 'g')) "
            f"ELSE lower(replace({v}, 'İ', 'i̇')) END"
        ),
        "lower",
    )


scalar("upper ucase", "string -> string", lambda call, args, ctx: upper_sql(args[0]))
scalar("lower lcase", "string -> string", lambda call, args, ctx: lower_sql(args[0]))


def _initcap_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    def body(v: str) -> str:
        words = f"list_transform(string_split(lower({v}), ' '), lambda ls_w: upper(ls_w[1]) || ls_w[2:])"
        ascii_only = f"strlen({v}) = length({v})"
        return (
            f"CASE WHEN {ascii_only} THEN array_to_string({words}, ' ') ELSE {native_sql('initcap', v)} END"
        )

    return let(args[0], body, "text")


scalar("initcap", "string -> string", _initcap_sql)

# ---- length ---------------------------------------------------------------------------------------------------


def _is_binary(call: Call, position: int = 0) -> bool:
    return isinstance(type_of(call.args[position]), t.BinaryType)


def _length_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    return f"CAST({'octet_length' if _is_binary(call) else 'length'}({args[0]}) AS INTEGER)"


def _bytes_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    size = f"{'octet_length' if _is_binary(call) else 'strlen'}({args[0]})"
    return f"CAST({size}{' * 8' if call.name == 'bit_length' else ''} AS INTEGER)"


scalar("length char_length character_length len", "string|binary -> int", _length_sql)
scalar("octet_length", "string|binary -> int", _bytes_sql)
scalar("bit_length", "string|binary -> int", _bytes_sql)

# ---- finding --------------------------------------------------------------------------------------------------


def _bind_contains(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    return bind_binary(name, args, conf) or signature("string, string -> boolean").bind(name, args, conf)


def _contains_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    if is_binary(call):
        return binary_sql(call, args)
    word = {"startswith": "starts_with", "endswith": "ends_with"}.get(call.name, call.name)
    return f"{word}({args[0]}, {args[1]})"


for _name in ("contains", "startswith", "endswith"):
    scalar(_name, _bind_contains, _contains_sql)


def _is_first(argument: Expression) -> bool:
    return isinstance(argument, Literal) and argument.value == 1


def _instr_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    if all(map(_is_first, call.args[2:])):
        return f"CAST(strpos({args[0]}, {args[1]}) AS INTEGER)"
    return native_sql("instr", *args[:3], args[3] if len(args) > 3 else "1")


def _shown_instr(call: Call, args: Sequence[str]) -> str:
    return f"instr({', '.join((*args, '1') if len(args) == 3 else args)})"


scalar("instr", "string, string, int?, int? -> int", _instr_sql, shown=_shown_instr)


def _locate_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    part, text, start = args
    first = call.args[2]
    if isinstance(first, Literal) and first.value == 1:
        return f"CAST(strpos({text}, {part}) AS INTEGER)"

    def body(v: str) -> str:
        found = f"strpos(substring({v}, {start}), {part})"
        return (
            f"CASE WHEN {start} IS NULL THEN 0 WHEN {v} IS NULL OR {part} IS NULL THEN NULL WHEN {start} < 1 THEN 0 "
            f"WHEN {part} = '' THEN 1 WHEN {found} > 0 AND {start} <= length({v}) + 1 "
            f"THEN CAST({found} + {start} - 1 AS INTEGER) ELSE 0 END"
        )

    return let(text, body, "text")


def _bind_locate(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    bound = signature("string, string, int=1 -> int").bind(name, args, conf)
    return Bound(bound.args, bound.type, any_nullable(bound.args[:2]))


scalar("locate position", _bind_locate, _locate_sql)


def _find_in_set_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    found = f"coalesce(list_position(string_split({args[1]}, ','), {args[0]}), 0)"
    return (
        f"CASE WHEN {args[0]} IS NULL OR {args[1]} IS NULL THEN NULL WHEN contains({args[0]}, ',') THEN 0 "
        f"ELSE CAST({found} AS INTEGER) END"
    )


scalar("find_in_set", "string, string -> int", _find_in_set_sql)

# ---- putting together -----------------------------------------------------------------------------------------


def joined_sql(texts: str, separator: str) -> str:
    """Return the texts of a list, one after the other, without the NULLs; NULL when list or separator is NULL."""
    if re.fullmatch(r"'(?:[^']|'')*'", separator):
        return f"array_to_string({texts}, {separator})"
    # DuckDB's own takes a constant separator only.
    kept = f"list_filter({texts}, lambda ls_j: ls_j IS NOT NULL)"
    joined = f"list_reduce({kept}, lambda ls_j, ls_k: ls_j || {separator} || ls_k, '')"
    return f"CASE WHEN {separator} IS NOT NULL THEN substr({joined}, length({separator}) + 1) END"


def _bind_concat(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    from lightstream.functions.coercion import common_type

    if not args:
        return Bound((), t.StringType(), False)
    kinds = [type_of(a) for a in args]
    if any(isinstance(k, t.ArrayType) for k in kinds):
        target = common_type(kinds, conf.ansi)
        if not isinstance(target, t.ArrayType) or any(isinstance(k, t.NullType) for k in kinds):
            if all(
                isinstance(k, t.ArrayType | t.AtomicType | t.NullType | t.CalendarIntervalType) for k in kinds
            ):
                raise mismatch.different_types(name, args, kinds)
            wrong = next((i for i, k in enumerate(kinds) if not isinstance(k, t.ArrayType)), 0)
            raise mismatch.unexpected_input(name, args, wrong, '("STRING" or "BINARY" or "ARRAY")')
    elif all(isinstance(k, t.BinaryType) for k in kinds):
        target = t.BinaryType()
    else:
        target = t.StringType()
        for i, kind in enumerate(kinds):
            if not isinstance(kind, t.AtomicType | t.NullType | t.CalendarIntervalType):
                raise mismatch.unexpected_input(name, args, i, '("STRING" or "BINARY" or "ARRAY")')
    bound = tuple(cast_to(a, target, conf.ansi) for a in args)
    return Bound(bound, target, any_nullable(bound))


def _concat_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    return f"({' || '.join(args)})" if args else "''"


scalar("concat", _bind_concat, _concat_sql)


def _bind_concat_ws(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if not args:
        raise mismatch.wrong_count(name, "> 0", 0)
    if not isinstance(type_of(args[0]), t.AtomicType | t.NullType):
        raise mismatch.unexpected_input(name, args, 0, '"STRING"')
    bound = [cast_to(args[0], t.StringType(), conf.ansi)]
    for i, argument in enumerate(args[1:], 1):
        kind = type_of(argument)
        if isinstance(kind, t.ArrayType):
            if not isinstance(kind.elementType, t.AtomicType | t.NullType):
                raise mismatch.unexpected_input(name, args, i, '("ARRAY<STRING>" or "STRING")')
            bound.append(cast_to(argument, t.ArrayType(t.StringType(), kind.containsNull), conf.ansi))
        elif isinstance(kind, t.AtomicType | t.NullType):
            bound.append(cast_to(argument, t.StringType(), conf.ansi))
        else:
            raise mismatch.unexpected_input(name, args, i, '("ARRAY<STRING>" or "STRING")')
    return Bound(tuple(bound), t.StringType(), nullable_of(bound[0]))


def _concat_ws_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    separator, parts = args[0], args[1:]
    if not parts:
        return f"CASE WHEN {separator} IS NOT NULL THEN '' END"
    arrays = [isinstance(type_of(a), t.ArrayType) for a in call.args[1:]]
    if not any(arrays):
        return f"concat_ws({separator}, {', '.join(parts)})"
    lists = [part if array else f"[{part}]" for part, array in zip(parts, arrays, strict=True)]
    joined = lists[0] if len(lists) == 1 else f"list_concat({', '.join(lists)})"
    return f"CASE WHEN {separator} IS NOT NULL THEN coalesce({joined_sql(joined, separator)}, '') END"


scalar("concat_ws", _bind_concat_ws, _concat_ws_sql)


def _array_join_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    if len(args) == 2:
        return joined_sql(args[0], args[1])
    kept = f"list_transform({args[0]}, lambda ls_e: coalesce(ls_e, {args[2]}))"
    return f"CASE WHEN {args[2]} IS NOT NULL THEN {joined_sql(kept, args[1])} END"


def _bind_array_join(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    parsed = signature("array<string>, string, string? -> string")
    parsed.check_count(name, args)
    for i in range(1, len(args)):
        if not isinstance(type_of(args[i]), t.StringType | t.NullType):
            raise mismatch.unexpected_input(name, args, i, '"STRING"')
    if t.holds(type_of(args[0]), t.VariantType):
        source = type_of(args[0]).sql()
        message = f'cannot cast "{source}" to "ARRAY<STRING>".'
        kinds = {"srcType": f'"{source}"', "targetType": '"ARRAY<STRING>"'}
        raise mismatch.data_mismatch("CAST_WITHOUT_SUGGESTION", name, args, message, **kinds)
    return parsed.bind(name, args, conf)


scalar("array_join", _bind_array_join, _array_join_sql)
scalar("repeat", "string, int -> string", "repeat({0}, {1})")
scalar("space", "int -> string", "repeat(' ', {0})")
scalar("replace", "string, string, string='' -> string", "replace({0}, {1}, {2})")
scalar("translate", "string, string, string -> string", "translate({0}, {1}, {2})")


def _bind_reverse(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if len(args) == 1 and isinstance(type_of(args[0]), t.ArrayType):
        return Bound(args, type_of(args[0]), nullable_of(args[0]))
    return bind_binary(name, args, conf) or signature("string -> string").bind(name, args, conf)


def _reverse_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    if isinstance(call.type, t.ArrayType):
        return f"list_reverse({args[0]})"
    if is_binary(call):
        return binary_sql(call, args)
    # By code points; DuckDB's own reverse keeps combining characters together.
    return f"array_to_string(list_reverse(regexp_extract_all({args[0]}, '(?s).')), '')"


scalar("reverse", _bind_reverse, _reverse_sql)


def _bind_elt(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if len(args) < 2:
        raise mismatch.wrong_count(name, "> 1", len(args))
    kind = "binary" if all(isinstance(type_of(a), t.BinaryType) for a in args[1:]) else "string"
    return signature(f"int, {kind}+ -> {kind}?").bind(name, args, conf)


def _elt_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    from lightstream.functions.elements import index_failure

    cases = " ".join(f"WHEN {i} THEN {value}" for i, value in enumerate(args[1:], 1))
    if not ctx.ansi:
        return f"CASE {args[0]} {cases} END"
    failure = index_failure(args[0], str(len(args) - 1))
    return f"CASE {args[0]} {cases} ELSE {failure} END"


scalar("elt", _bind_elt, _elt_sql)


def _mask_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    text, upper, lower, digit, other = args

    # One pass over the characters, so that a replacement is not replaced again.
    def choice(pattern: str, replacement: str, expression: Expression) -> str:
        if isinstance(expression, Literal) and expression.value is None:
            return f"WHEN regexp_matches(ls_c, '{pattern}') THEN ls_c"
        return f"WHEN regexp_matches(ls_c, '{pattern}') THEN {replacement}"

    kept = "ls_c" if isinstance(call.args[4], Literal) and call.args[4].value is None else other
    cases = " ".join(
        (
            choice("\\p{Lu}", upper, call.args[1]),
            choice("\\p{Ll}", lower, call.args[2]),
            choice("\\p{Nd}", digit, call.args[3]),
        )
    )
    masked = f"CASE {cases} ELSE {kept} END"
    return f"array_to_string(list_transform(regexp_extract_all({text}, '(?s).'), lambda ls_c: {masked}), '')"


def _bind_mask(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    bound = signature("string, string='X', string='x', string='n', string=null -> string").bind(
        name, args, conf
    )
    for i, argument in enumerate(args):
        if not isinstance(type_of(argument), t.StringType | t.NullType):
            raise mismatch.unexpected_input(name, args, i, '"STRING"')
    if not all(isinstance(a, Literal) for a in bound.args[1:]):
        raise unsupported("mask with characters that are not constant")
    return Bound(bound.args, t.StringType(), True)


scalar("mask", _bind_mask, _mask_sql)

"""Matching text: LIKE, regular expressions, split."""

from __future__ import annotations

from collections.abc import Sequence

from lightstream.conf import Conf
from lightstream.errors import AnalysisException, SparkRuntimeException, unsupported
from lightstream.functions import regex
from lightstream.functions.registry import Bound, SqlContext, any_nullable, scalar
from lightstream.functions.signatures import parse as signature
from lightstream.functions.spelling import error_sql, let, native_sql, text_sql
from lightstream.functions.strings import lower_sql
from lightstream.plan import types as t
from lightstream.plan.expressions import Call, Expression, Literal, type_of

# ---- LIKE -----------------------------------------------------------------------------------------------------


def _bind_like(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    bound = signature("string, string, string='\\' -> boolean").bind(name, args, conf)
    escape, pattern = bound.args[2], bound.args[1]
    if not isinstance(escape, Literal) or len(str(escape.value)) != 1:
        raise unsupported(f"{name} with an escape that is not one constant character")
    if isinstance(pattern, Literal) and pattern.value is not None:
        _check_escapes(pattern.value, escape.value)
    return Bound(bound.args, t.BooleanType(), any_nullable(bound.args[:2]))


def _check_escapes(pattern: str, escape: str) -> None:
    at = 0
    while at < len(pattern):
        if pattern[at] == escape:
            if at + 1 == len(pattern):
                kind, what = "ESC_AT_THE_END", "the escape character is not allowed to end with."
            elif pattern[at + 1] not in ("_", "%", escape):
                kind, what = (
                    "ESC_IN_THE_MIDDLE",
                    f"the escape character is not allowed to precede '{pattern[at + 1]}'.",
                )
            else:
                at += 2
                continue
            raise AnalysisException(
                f"INVALID_FORMAT.{kind}", f"The format is invalid: '{pattern}'. {what}", sqlstate="42601"
            )
        at += 1


def _like_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    text, pattern, escape = args
    found, mark = call.args[1], call.args[2]
    assert isinstance(mark, Literal)
    if call.name == "ilike":
        text, pattern = lower_sql(text), lower_sql(pattern)
    if isinstance(found, Literal) and found.value is not None and mark.value not in found.value:
        return f"({text} LIKE {pattern})"
    return f"({text} LIKE {pattern} ESCAPE {escape})"


def _shown_like(call: Call, args: Sequence[str]) -> str:
    escape = call.args[2] if len(call.args) > 2 else None
    tail = ""
    if isinstance(escape, Literal) and escape.value != "\\":
        tail = f" ESCAPE '{escape.value}'"
    if call.name == "ilike":
        return f"ilike({args[0]}, {args[1]})"
    return f"{args[0]} LIKE {args[1]}{tail}"


scalar("like", _bind_like, _like_sql, shown=_shown_like)
scalar("ilike", _bind_like, _like_sql, shown=_shown_like)


def _bind_quantified(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    bound = signature("string, string+ -> boolean?").bind(name, args, conf)
    for pattern in bound.args[1:]:
        if isinstance(pattern, Literal):
            _check_escapes(pattern.value, "\\")
    return bound


def _quantified_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    word = "NOT LIKE" if call.name.startswith("not") else "LIKE"
    matches = [f"{args[0]} {word} {pattern} ESCAPE '\\'" for pattern in args[1:]]
    return f"({(' AND ' if call.name.endswith('all') else ' OR ').join(matches)})"


# `text LIKE ANY ('a%', 'b%')` with constant patterns; others are ANDs and ORs.
for _name in ("likeany", "notlikeany", "likeall", "notlikeall"):
    scalar(_name, _bind_quantified, _quantified_sql, shown="{name}({0})")

# ---- regular expressions --------------------------------------------------------------------------------------


def _constant_pattern(call: Call, position: int = 1) -> regex.Translated | None:
    """Return the translated pattern, None for NULL.

    Raises:
        UnsupportedOperationException: it is not constant, or cannot be translated.
    """
    pattern = call.args[position]
    if not isinstance(pattern, Literal):
        raise unsupported(f"{call.name} with a pattern that is not constant")
    return None if pattern.value is None else regex.translate(str(pattern.value))


def _null(call: Call) -> str:
    from lightstream.functions.spelling import duck_type

    return f"CAST(NULL AS {duck_type(call.type)})"


def _guarded(found: regex.Translated | None, text: str, sql: str, pattern: str = "") -> str:
    """Return `sql`; where the pattern has a `$`, text that ends in a line break fails.

    Java's `$` matches before a final line break too, RE2's does not. Where the pattern is not constant, `pattern` is
    its SQL.
    """
    if found is not None and not found.looks_for_end:
        return sql
    what = f"'{found.java}'" if found else "of a column"
    failure = error_sql(
        "LIGHTSTREAM_UNSUPPORTED",
        f"The regular expression {what}, whose $ Java lets match before a line break at the end of the text, "
        "is not supported by lightstream over text that ends in one. Use \\z for the very end.",
        "0A000",
        "UnsupportedOperationException",
    )
    ends = f"regexp_matches({text}, '[\\n\\r\\x{{85}}\\x{{2028}}\\x{{2029}}]\\z')"
    if found is None:
        ends = f"contains({pattern}, '$') AND {ends}"
    return f"CASE WHEN {ends} THEN {failure} ELSE {sql} END"


def _rlike_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    if not isinstance(call.args[1], Literal):
        matches = f"regexp_matches({args[0]}, {native_sql('java_pattern', args[1])})"
        return _guarded(None, args[0], matches, args[1])
    found = _constant_pattern(call)
    if found is None:
        return _null(call)
    return _guarded(found, args[0], f"regexp_matches({args[0]}, {text_sql(found.re2)})")


def _shown_rlike(call: Call, args: Sequence[str]) -> str:
    return f"{'RLIKE' if call.shown.lower() == 'rlike' else call.shown.upper()}({', '.join(args)})"


scalar("rlike regexp regexp_like", "string, string -> boolean", _rlike_sql, shown=_shown_rlike)


def _group(call: Call, found: regex.Translated) -> int:
    group = call.args[2]
    if not isinstance(group, Literal) or group.value is None:
        raise unsupported(f"{call.name} with a group that is not constant")
    if not 0 <= group.value <= found.groups:
        raise SparkRuntimeException(
            "INVALID_PARAMETER_VALUE.REGEX_GROUP_INDEX",
            f"The value of parameter(s) `idx` in `{call.name}` is invalid: Expects group index between 0 and "
            f"{found.groups}, but got {group.value}.",
            sqlstate="22023",
        )
    return int(group.value)


def _extract_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    found = _constant_pattern(call)
    if found is None:
        return _null(call)
    group = _group(call, found)
    text = f"{call.name}({args[0]}, {text_sql(found.re2)}, {group})"
    if call.name == "regexp_extract_all" and group:  # a group that takes no part in a match is empty
        text = f"list_transform({text}, lambda ls_g: coalesce(ls_g, ''))"
    if call.name == "regexp_extract_all" and found.may_match_nothing:
        # Java finds nothing between the two halves of a character beyond 16 bits, too.
        failure = error_sql(
            "LIGHTSTREAM_UNSUPPORTED",
            f"regexp_extract_all with the pattern '{found.java}', which can match empty text, is not supported by "
            "lightstream over characters beyond U+FFFF.",
            "0A000",
            "UnsupportedOperationException",
        )
        beyond = f"regexp_matches({args[0]}, '[^\\x{{0}}-\\x{{FFFF}}]')"
        text = f"CASE WHEN {beyond} THEN {failure} ELSE {text} END"
    return _guarded(found, args[0], text)


scalar("regexp_extract", "string, string, int=1 -> string", _extract_sql)


def _bind_extract_all(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    bound = signature("string, string, int=1 -> string").bind(name, args, conf)
    return Bound(bound.args, t.ArrayType(t.StringType(), True), bound.nullable)


scalar("regexp_extract_all", _bind_extract_all, _extract_sql)


def _substr_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    found = _constant_pattern(call)
    if found is None:
        return _null(call)
    pattern = text_sql(found.re2)
    # Spark: a match of nothing is none, too.
    return _guarded(found, args[0], f"nullif(regexp_extract({args[0]}, {pattern}, 0), '')")


scalar("regexp_substr", "string, string -> string?", _substr_sql)


def _count_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    found = _constant_pattern(call)
    if found is None:
        return _null(call)
    if found.may_match_nothing:
        _refuse_empty(call, found)
    count = f"CAST(len(regexp_extract_all({args[0]}, {text_sql(found.re2)})) AS INTEGER)"
    return _guarded(found, args[0], count)


scalar("regexp_count", "string, string -> int", _count_sql)


def _instr_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    found = _constant_pattern(call)
    if found is None:
        return _null(call)
    pattern = text_sql(f"(?s)^(.*?)(?:{found.re2})")
    before = f"length(regexp_extract({args[0]}, {pattern}, 1))"
    at = (
        f"CASE WHEN regexp_matches({args[0]}, {text_sql(found.re2)}) "
        f"THEN CAST({before} + 1 AS INTEGER) WHEN {args[0]} IS NOT NULL THEN 0 END"
    )
    return _guarded(found, args[0], at)


scalar("regexp_instr", "string, string, int=0 -> int", _instr_sql)


def _refuse_empty(call: Call, found: regex.Translated) -> None:
    # After a match Java tries an empty match at the same place, RE2 goes on.
    raise unsupported(f"{call.name} with the pattern '{found.java}', which can match empty text")


def _replace_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    pattern, new, start = call.args[1:]
    if not isinstance(start, Literal) or start.value != 1:
        raise unsupported("regexp_replace from a position")
    if isinstance(new, Literal) and new.value is None:
        return _null(call)
    if not isinstance(pattern, Literal) or not isinstance(new, Literal):
        return _replaced_by_columns(call, args)
    found = _constant_pattern(call)
    if found is None:
        return _null(call)
    literal = regex.is_literal(found.java)
    text = regex.replacement(str(new.value), found.groups)
    if literal and "\\" not in text:
        return f"replace({args[0]}, {text_sql(literal)}, {text_sql(text)})"
    if found.may_replace_nothing:
        _refuse_empty(call, found)
    sql = f"regexp_replace({args[0]}, {text_sql(found.re2)}, {text_sql(text)}, 'g')"
    return _guarded(found, args[0], sql)


def _replaced_by_columns(call: Call, args: Sequence[str]) -> str:
    """Return the replacing by a pattern or a replacement that differs from row to row: both are translated then."""
    found = _constant_pattern(call) if isinstance(call.args[1], Literal) else None
    if found is not None and found.may_replace_nothing:
        _refuse_empty(call, found)
    pattern = text_sql(found.re2) if found else native_sql("java_replaced_pattern", args[1])
    new = native_sql("java_replacement", args[2], args[1])
    return _guarded(found, args[0], f"regexp_replace({args[0]}, {pattern}, {new}, 'g')", args[1])


scalar("regexp_replace", "string, string, string, int=1 -> string", _replace_sql)

# ---- split ----------------------------------------------------------------------------------------------------


def split_sql(text: str, pattern: Expression, pattern_sql: str, limit: str) -> str:
    """Return text split at a constant pattern, into at most `limit` parts when it is positive.

    Raises:
        UnsupportedOperationException: the pattern is not constant, or can match empty text.
    """
    if not isinstance(pattern, Literal):
        raise unsupported("split at a pattern that is not constant")
    if pattern.value is None:
        return "CAST(NULL AS VARCHAR[])"
    java = str(pattern.value)
    if java == "":
        return _characters(text, limit)
    literal = regex.is_literal(java)
    if literal is not None:
        re2, parts = regex.quoted_literal(literal), f"string_split({text}, {text_sql(literal)})"
        found = None
    else:
        found = regex.translate(java)
        if found.may_match_nothing:
            raise unsupported(f"split at the pattern '{java}', which can match empty text")
        re2, parts = found.re2, f"string_split_regex({text}, {text_sql(found.re2)})"
    result = _limited(text, parts, re2, limit)
    return result if found is None else _guarded(found, text, result)


def _characters(text: str, limit: str) -> str:
    characters = f"regexp_extract_all({text}, '(?s).')"
    whole = f"CASE WHEN {text} = '' THEN [''] ELSE {characters} END"
    if not limit.lstrip("-").isdigit():
        raise unsupported("split with a limit that is not constant")
    size = int(limit)
    if size <= 0:
        return whole
    rest = f"[substring({text}, {size})]"
    return f"CASE WHEN length({text}) <= {size} THEN {whole} ELSE {characters}[1:{size - 1}] || {rest} END"


def _limited(text: str, parts: str, re2: str, limit: str) -> str:
    if not limit.lstrip("-").isdigit():
        raise unsupported("split with a limit that is not constant")
    size = int(limit)
    if size <= 0:
        return parts
    if size == 1:
        return f"CASE WHEN {text} IS NOT NULL THEN [{text}] END"
    rest = text_sql(f"(?s)^(?:.*?(?:{re2})){{{size - 1}}}(.*)$")
    return let(
        parts,
        lambda v: (
            f"CASE WHEN len({v}) > {size} THEN {v}[1:{size - 1}] || [regexp_extract({text}, {rest}, "
            f"{_groups(re2) + 1})] ELSE {v} END"
        ),
        "parts",
    )


def _groups(re2: str) -> int:
    import re

    return len(re.findall(r"(?<!\\)\((?!\?)|\(\?P<", re2))


def _bind_split(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    bound = signature("string, string, int=-1 -> string").bind(name, args, conf)
    return Bound(bound.args, t.ArrayType(t.StringType(), False), bound.nullable)


def _split_call_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    limit = call.args[2]
    if not isinstance(limit, Literal) or limit.value is None:
        raise unsupported("split with a limit that is not constant")
    return let(args[0], lambda v: split_sql(v, call.args[1], args[1], str(limit.value)), "split")


scalar("split", _bind_split, _split_call_sql)


def is_text(expression: Expression) -> bool:
    """Return whether an expression is a string."""
    return isinstance(type_of(expression), t.StringType)

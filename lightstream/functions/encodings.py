"""Text as bytes and numbers, and back: characters' codes, base64, hexadecimal, URLs, UTF-8."""

from __future__ import annotations

from collections.abc import Sequence

from lightstream.conf import Conf
from lightstream.errors import unsupported
from lightstream.functions import mismatch
from lightstream.functions.registry import Bound, SqlContext, any_nullable, bind_call, scalar
from lightstream.functions.signatures import only_strings
from lightstream.functions.signatures import parse as signature
from lightstream.functions.spelling import error_sql, error_with_value_sql, let, native_sql
from lightstream.plan import types as t
from lightstream.plan.expressions import Call, Expression, Literal, type_of

_BASE64 = "(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?"


def _unusual_base64_sql() -> str:
    return error_sql(
        "LIGHTSTREAM_UNSUPPORTED",
        "Base64 text with other characters, or without its padding, is not supported by lightstream.",
        "0A000",
        "UnsupportedOperationException",
    )


def _unbase64_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    failure = _unusual_base64_sql()
    return let(
        args[0],
        lambda v: (
            f"CASE WHEN regexp_full_match({v}, '{_BASE64}') THEN from_base64({v}) "
            f"WHEN {v} IS NOT NULL THEN {failure} END"
        ),
        "base",
    )


scalar("unbase64", "string -> binary", _unbase64_sql)


def _bind_to_binary(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    bound = signature("string, string? -> binary?").bind(name, args, conf)
    form = bound.args[1] if len(bound.args) == 2 else None
    if form is not None and not isinstance(form, Literal):
        raise unsupported(f"{name} with a format that is not a constant")
    if form is not None and form.value is not None and str(form.value).lower() not in _FORMATS:
        if name != "try_to_binary":
            message = "The format must be one of the constants 'hex', 'utf-8', 'utf8' and 'base64'."
            raise mismatch.data_mismatch("INVALID_ARG_VALUE", name, args, message)
        return Bound(bound.args, bound.type, True)
    exact = name == "to_binary" and isinstance(form, Literal) and str(form.value).lower() == "base64"
    return Bound(bound.args, bound.type, any_nullable(bound.args)) if exact else bound


_FORMATS = ("hex", "utf-8", "utf8", "base64")


def _to_binary_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    form = call.args[1] if len(call.args) == 2 else None
    kind = str(form.value).lower() if isinstance(form, Literal) else "hex"
    if kind not in _FORMATS:
        return "CAST(NULL AS BLOB)"
    if kind in ("utf-8", "utf8"):
        return f"encode({args[0]})"

    def body(v: str) -> str:
        pattern = "[0-9a-fA-F]*" if kind == "hex" else _BASE64
        read = f"unhex(repeat('0', length({v}) % 2) || {v})" if kind == "hex" else f"from_base64({v})"
        failure = error_with_value_sql(
            "CONVERSION_INVALID_INPUT",
            f"The value '{{}}' ('{kind.upper()}') cannot be converted to \"BINARY\" because it is malformed. Use "
            "`try_to_binary` to tolerate malformed input and return NULL instead.",
            v,
            "22018",
            "IllegalArgumentException",
        )
        otherwise = "" if call.name.startswith("try_") else f" ELSE {failure}"
        if kind == "base64":
            # Spark takes some of these: white space, missing padding.
            unusual = f"regexp_full_match({v}, '[A-Za-z0-9+/=\\s]*')"
            otherwise = f" WHEN {unusual} THEN {_unusual_base64_sql()}{otherwise}"
        return f"CASE WHEN regexp_full_match({v}, '{pattern}') THEN {read}{otherwise} END"

    return let(args[0], body, "text")


scalar("to_binary", _bind_to_binary, _to_binary_sql)
scalar("try_to_binary", _bind_to_binary, _to_binary_sql)


def _url_decode_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    def body(v: str) -> str:
        failure = error_with_value_sql(
            "CANNOT_DECODE_URL",
            "The provided URL cannot be decoded: {}. Please ensure that the URL is properly formatted and try again.",
            v,
            "22546",
            "IllegalArgumentException",
        )
        otherwise = "" if call.name.startswith("try_") else f" ELSE {failure}"
        read = f"url_decode(replace({v}, '+', ' '))"
        return (
            f"CASE WHEN regexp_full_match({v}, '(?s)(?:[^%]|%[0-9a-fA-F]{{2}})*') THEN {read}{otherwise} END"
        )

    return let(args[0], body, "url")


scalar("url_decode", "string -> string?", _url_decode_sql)
scalar("try_url_decode", "string -> string?", _url_decode_sql)


# ---- UTF-8 ----------------------------------------------------------------------------------------------------


def _bind_utf8(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    # A string of ours is always valid; bytes are looked at as they are.
    if len(args) == 1 and isinstance(type_of(args[0]), t.BinaryType):
        return Bound(args, t.BooleanType() if name == "is_valid_utf8" else t.StringType(), True)
    return signature(f"string -> {'boolean' if name == 'is_valid_utf8' else 'string'}?").bind(
        name, args, conf
    )


def _utf8_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    if not isinstance(type_of(call.args[0]), t.BinaryType):
        return f"CASE WHEN {args[0]} IS NOT NULL THEN TRUE END" if call.name == "is_valid_utf8" else args[0]
    if call.name == "make_valid_utf8":
        return native_sql("make_valid_utf8", args[0])

    def body(v: str) -> str:
        text = f"TRY(decode({v}))"
        if call.name == "is_valid_utf8":
            return f"CASE WHEN {v} IS NOT NULL THEN {text} IS NOT NULL END"
        if call.name == "try_validate_utf8":
            return text
        failure = error_with_value_sql(
            "INVALID_UTF8_STRING",
            "Invalid UTF8 byte sequence found in string: {}.",
            f"hex({v})",
            "22029",
            "IllegalArgumentException",
        )
        return f"CASE WHEN {v} IS NOT NULL THEN coalesce({text}, {failure}) END"

    return let(args[0], body, "bytes")


for _name in ("is_valid_utf8", "make_valid_utf8", "validate_utf8", "try_validate_utf8"):
    scalar(_name, _bind_utf8, _utf8_sql)
scalar("to_base32", "binary -> string", native_sql("to_base32", "{0}"))
scalar("from_base32", "string -> binary", native_sql("from_base32", "{0}"))

# ---- URLs -----------------------------------------------------------------------------------------------------

# Java's encoder writes a blank as `+`, keeps `*` and encodes `~`.
scalar(
    "url_encode",
    "string -> string?",
    "replace(replace(replace(url_encode({0}), '%20', '+'), '~', '%7E'), '%2A', '*')",
)


def _parse_url_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    fails = "TRUE" if ctx.ansi and call.name == "parse_url" else "FALSE"
    if len(args) == 2:
        return native_sql("parse_url", args[0], args[1], fails)
    return f"CASE WHEN {args[1]} = 'QUERY' THEN {native_sql('parse_url_query', args[0], args[2], fails)} END"


scalar("parse_url", only_strings("string, string, string? -> string?"), _parse_url_sql)
scalar("try_parse_url", only_strings("string, string, string? -> string?"), _parse_url_sql)
scalar("quote", "string -> string?", r"('''' || replace({0}, '''', '\''') || '''')")


# ---- codes ----------------------------------------------------------------------------------------------------

scalar("ascii", "string -> int", "CASE WHEN {0} = '' THEN 0 ELSE unicode({0}) END")
scalar("chr char", "bigint -> string", "CASE WHEN {0} < 0 THEN '' ELSE chr(CAST({0} & 255 AS INTEGER)) END")
scalar("base64", "binary -> string", "to_base64({0})")
scalar("bin", "bigint -> string", "bin({0})")


def _hex_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    return f"hex({args[0]})"


scalar("hex", "bigint|binary|string -> string", _hex_sql)
scalar(
    "unhex",
    "string -> binary?",
    "CASE WHEN regexp_full_match({0}, '[0-9a-fA-F]*') THEN unhex(repeat('0', length({0}) % 2) || {0}) END",
)
scalar("encode", "string, string -> binary?", lambda call, args, ctx: _charset(call, f"encode({args[0]})"))


def _bind_decode(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if len(args) < 2:
        raise mismatch.wrong_count(name, "> 1", len(args))
    if len(args) == 2:
        return signature("binary, string -> string?").bind(name, args, conf)
    # The result of the first pair whose key is the value, NULLs too.
    cases: list[Expression] = []
    for i in range(1, len(args) - 1, 2):
        cases += [bind_call("<=>", (args[0], args[i]), conf), args[i + 1]]
    found = bind_call("when", (*cases, *(args[-1:] if len(args) % 2 == 0 else ())), conf)
    return Bound((*args, found), found.type, found.nullable)


def _decode_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    return args[-1] if len(args) > 2 else _charset(call, f"decode({args[0]})")


def _shown_decode(call: Call, args: Sequence[str]) -> str:
    # What is evaluated stands behind the arguments.
    written = args[:-1] if args and isinstance(call.args[-1], Call) and call.args[-1].name == "when" else args
    return f"decode({', '.join(written)})"


scalar("decode", _bind_decode, _decode_sql, shown=_shown_decode)


def _charset(call: Call, sql: str) -> str:
    charset = call.args[1]
    if not isinstance(charset, Literal) or str(charset.value).upper() not in ("UTF-8", "UTF8"):
        raise unsupported(f"The function {call.name} with a character set other than UTF-8")
    return sql

"""Dates and timestamps from text and to text: to_date, to_timestamp, unix_timestamp, date_format, from_unixtime."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from lightstream.conf import Conf
from lightstream.errors import unsupported
from lightstream.functions import mismatch
from lightstream.functions.cast_times import to_instant, to_local
from lightstream.functions.casts import can_cast, cast_nullable, refused_cast
from lightstream.functions.coercion import cast_to
from lightstream.functions.date_patterns import pattern_of, read, written
from lightstream.functions.local_time import constant_text
from lightstream.functions.registry import Binder, Bound, SqlContext, any_nullable, bind_call, scalar
from lightstream.functions.signatures import parse as signature
from lightstream.functions.spelling import duck_type, error_with_value_sql, let
from lightstream.plan import types as t
from lightstream.plan.expressions import Call, Cast, Expression, Literal, nullable_of, type_of

_DATETIMES = (t.DateType, t.TimestampType, t.TimestampNTZType)
_NO_NUMBERS = ("to_timestamp", "to_timestamp_ltz", "try_to_timestamp")
_DEFAULT = Literal("yyyy-MM-dd HH:mm:ss", t.StringType())


# ---- from text ------------------------------------------------------------------------------------------------


def _cast(name: str, argument: Expression, target: t.DataType, mode: str) -> Expression:
    source = type_of(argument)
    numbers = isinstance(source, t.NumericType) and isinstance(target, t.TimestampType)
    if isinstance(source, t.ArrayType | t.MapType | t.StructType):
        raise mismatch.unexpected_input(name, (argument,), 0, '"STRING"')
    if not isinstance(source, (*_DATETIMES, t.StringType, t.NullType)) and not numbers:
        argument = cast_to(argument, t.StringType(), mode != "legacy")
        source = t.StringType()
    if source == target:
        return argument
    if not can_cast(source, target, mode):
        raise refused_cast(f"{name}({mismatch.text_of(argument)})", source, target, mode)
    exact = isinstance(
        source, (t.IntegralType, t.DecimalType, *_DATETIMES)
    )  # then it is a cast, also if it tries
    nullable = nullable_of(argument) or cast_nullable(False, source, target, "ansi" if exact else mode)
    return Cast(argument, target, mode, True, nullable)


def _text_binder(target: t.DataType, tries: bool) -> Binder:
    """Bind `to_x(value)` as a cast, `to_x(text, pattern)` as reading; other values have no need of the pattern."""

    def bind(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
        signature("any, any? -> any").check_count(name, args)
        mode = "try" if tries else "ansi" if conf.ansi else "legacy"
        value = args[0]
        if len(args) == 1 or isinstance(type_of(value), _DATETIMES):
            cast = _cast(name, value, target, mode)
            rest = tuple(cast_to(a, t.StringType(), conf.ansi) for a in args[1:])
            loose = bool(rest) and mode != "ansi"
            return Bound((cast, *rest), target, loose or any_nullable((cast, *rest)))
        if isinstance(type_of(value), t.NumericType) and name in _NO_NUMBERS:
            # Spark: an internal error.
            raise mismatch.unexpected_input(name, args, 0, '("STRING" or "DATE" or "TIMESTAMP")')
        bound = signature("string, string -> any").bind(name, args, conf)
        pattern_of(name, constant_text(name, bound.args[1], "a pattern"), reads=True)
        return Bound(bound.args, target, mode != "ansi" or bound.nullable)

    return bind


def _text_reader(
    target: t.DataType, tries: bool, hint: str
) -> Callable[[Call, Sequence[str], SqlContext], str]:
    def spell(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
        nothing = f"CAST(NULL AS {duck_type(target)})"
        if len(args) == 1:
            return args[0]
        pattern = constant_text(call.name, call.args[1], "a pattern")
        if pattern is None:
            return nothing
        if type_of(call.args[0]) == target:
            return args[0]
        return let(
            args[0], lambda v: _read_sql(v, pattern, target, ctx, ctx.ansi and not tries, hint), "text"
        )

    return spell


def _read_sql(v: str, pattern: str, target: t.DataType, ctx: SqlContext, raises: bool, hint: str) -> str:
    reading = read(pattern, v)
    if reading.offset:
        if isinstance(target, t.TimestampNTZType):
            raise unsupported("A time zone in a pattern for a timestamp without time zone")
        value = f"make_timestamptz(epoch_us({reading.local}) - {reading.offset})"
        if isinstance(target, t.DateType):
            value = f"CAST({to_local(value, ctx)} AS DATE)"
    elif isinstance(target, t.DateType):
        value = f"CAST({reading.local} AS DATE)"
    elif isinstance(target, t.TimestampNTZType):
        value = reading.local
    else:
        value = to_instant(reading.local, ctx)
    if not raises:
        return value
    failure = error_with_value_sql(
        "CANNOT_PARSE_TIMESTAMP",
        f"The text '{{}}' cannot be read by the pattern '{pattern.replace('{', '(').replace('}', ')')}'. "
        f"Use `{hint}` to get NULL instead.",
        v,
        "22007",
        "DateTimeException",
    )
    return f"coalesce({value}, CASE WHEN {v} IS NOT NULL THEN {failure} END)"


for _names, _target, _tries, _hint in (
    ("to_date", t.DateType(), False, "try_to_date"),
    ("to_timestamp to_timestamp_ltz", t.TimestampType(), False, "try_to_timestamp"),
    ("to_timestamp_ntz", t.TimestampNTZType(), False, "try_to_timestamp"),
    ("try_to_date", t.DateType(), True, ""),
    ("try_to_timestamp", t.TimestampType(), True, ""),
):
    scalar(_names, _text_binder(_target, _tries), _text_reader(_target, _tries, _hint))


def _bind_unix(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    least = "any?" if name == "unix_timestamp" else "any"
    signature(f"{least}, any? -> any").check_count(name, args)
    if not args:
        args = (bind_call("current_timestamp", (), conf),)
    value, pattern = args[0], args[1] if len(args) > 1 else _DEFAULT
    found = type_of(value)
    if isinstance(found, t.NullType):
        value = cast_to(value, t.StringType(), conf.ansi)
    elif not isinstance(found, (*_DATETIMES, t.StringType)):
        required = '("STRING" or "DATE" or "TIMESTAMP" or "TIMESTAMP_NTZ")'
        raise mismatch.unexpected_input(name, (value, pattern), 0, required)
    pattern = cast_to(pattern, t.StringType(), conf.ansi)
    reads = isinstance(type_of(value), t.StringType)
    if reads:
        pattern_of(name, constant_text(name, pattern, "a pattern"), reads=True)
    bound = (value, pattern)
    return Bound(bound, t.LongType(), any_nullable(bound) or not conf.ansi)


def _unix(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    from lightstream.functions.cast_times import time_cast

    source, target = type_of(call.args[0]), t.TimestampType()
    if isinstance(source, t.StringType):
        pattern = constant_text(call.name, call.args[1], "a pattern")
        if pattern is None:
            return "CAST(NULL AS BIGINT)"
        instant = let(
            args[0], lambda v: _read_sql(v, pattern, target, ctx, ctx.ansi, "try_to_timestamp"), "text"
        )
    else:
        # Spark: a local timestamp counts as if it were in UTC.
        as_it_is = isinstance(source, t.TimestampType | t.TimestampNTZType)
        instant = args[0] if as_it_is else time_cast(args[0], source, target, "ansi", ctx)
    return f"(epoch_us({instant}) // 1000000)"  # Spark: towards zero


scalar("unix_timestamp", _bind_unix, _unix)
scalar("to_unix_timestamp", _bind_unix, _unix)


# ---- to text --------------------------------------------------------------------------------------------------


def _bind_format(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if len(args) == 2 and isinstance(type_of(args[0]), t.TimeType):
        pattern = constant_text(name, args[1], "a pattern") or ""
        if set(re.sub("'[^']*'", "", pattern)) & set("GyuDMLdQqEecVzOXxZBYWwFAnNp"):
            raise unsupported("A time of day by a pattern that has more than the time")
        return signature("any, string -> string").bind(name, args, conf)
    bound = signature("timestamp, string -> string").bind(name, args, conf)
    pattern_of(name, constant_text(name, bound.args[1], "a pattern"), reads=False)
    return bound


def _format(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    pattern = constant_text(call.name, call.args[1], "a pattern")
    if pattern is None:
        return "CAST(NULL AS VARCHAR)"
    if isinstance(type_of(call.args[0]), t.TimeType):
        local = f"(DATE '1970-01-01' + {args[0]})"
        return let(local, lambda v: written(pattern, v, v, ctx), "local")
    return _written(args[0], pattern, ctx)


def _written(instant: str, pattern: str, ctx: SqlContext) -> str:
    return let(
        instant, lambda v: let(to_local(v, ctx), lambda local: written(pattern, local, v, ctx), "local"), "at"
    )


scalar("date_format", _bind_format, _format)


def _bind_from_unix(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    signature("any, any? -> any").check_count(name, args)
    bound = signature("bigint, string -> string?").bind(
        name, args if len(args) > 1 else (*args, _DEFAULT), conf
    )
    pattern_of(name, constant_text(name, bound.args[1], "a pattern"), reads=False)
    return bound


def _from_unix(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    pattern = constant_text(call.name, call.args[1], "a pattern")
    if pattern is None:
        return "CAST(NULL AS VARCHAR)"
    return _written(f"make_timestamptz({args[0]} * 1000000)", pattern, ctx)


scalar("from_unixtime", _bind_from_unix, _from_unix)

"""Variants changed at a path."""

from __future__ import annotations

from collections.abc import Sequence

from lightstream.conf import Conf
from lightstream.functions import mismatch
from lightstream.functions.casts import can_cast, refused_cast
from lightstream.functions.coercion import cast_to
from lightstream.functions.registry import Bound, SqlContext, any_nullable, is_constant, scalar
from lightstream.functions.spelling import native_sql, text_sql
from lightstream.functions.variants import checked
from lightstream.plan import types as t
from lightstream.plan.expressions import Call, Expression, Literal, nullable_of, type_of

_VARIANT, _STRING = t.VariantType(), t.StringType()


def _bind_change(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    most = 4 if name.endswith("_set") else 3
    if not 3 <= len(args) <= most:
        raise mismatch.wrong_count(name, "3" if most == 3 else "[3, 4]", len(args))
    given = (*args, Literal(True, t.BooleanType())) if len(args) < most else args
    bound = checked(name, given, conf, "3")
    path = _path(name, given, 1, conf)
    value = type_of(args[2])
    if not can_cast(value, _VARIANT, "ansi"):
        raise refused_cast(mismatch.call_text(name, args), value, _VARIANT, "legacy")
    flag = (_flag(name, given, 3, "create_if_missing", conf),) if most == 4 else ()
    found = (bound[0], path, cast_to(args[2], _VARIANT, conf.ansi), *flag)
    return Bound(found, _VARIANT, name.startswith("try_") or any_nullable(args))


def _path(name: str, args: tuple[Expression, ...], place: int, conf: Conf) -> Expression:
    if not isinstance(type_of(args[place]), t.StringType | t.NullType):
        raise mismatch.unexpected_input(name, args, place, '"STRING"')
    return cast_to(args[place], _STRING, conf.ansi)


def _flag(name: str, args: tuple[Expression, ...], place: int, shown: str, conf: Conf) -> Expression:
    flag = args[place]
    if not isinstance(type_of(flag), t.BooleanType | t.NullType):
        raise mismatch.unexpected_input(name, args, place, '"BOOLEAN"')
    if not is_constant(flag):
        raise mismatch.not_constant(name, args, place, shown)
    return cast_to(flag, t.BooleanType(), conf.ansi)


def _change_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    how = text_sql(call.name)
    if len(args) == 4:
        how = (
            f"CASE WHEN {args[3]} THEN {how} WHEN NOT {args[3]} THEN {text_sql(call.name + ' existing')} END"
        )
    return native_sql("variant_change", *args[:3], how)


for _name in ("variant_insert", "variant_set", "variant_array_append"):
    scalar(_name, _bind_change, _change_sql)
    scalar(f"try_{_name}", _bind_change, _change_sql)


def _bind_delete(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if len(args) < 2:
        raise mismatch.wrong_count(name, "> 1", len(args))
    bound = checked(name, args, conf, "> 1")
    paths = (_path(name, args, place, conf) for place in range(1, len(args)))
    return Bound((bound[0], *paths), _VARIANT, nullable_of(args[0]))


scalar(
    "variant_delete",
    _bind_delete,
    lambda call, args, ctx: native_sql("variant_delete", args[0], f"[{', '.join(args[1:])}]"),
)


def _bind_strip(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if not 1 <= len(args) <= 2:
        raise mismatch.wrong_count(name, "[1, 2]", len(args))
    given = (*args, Literal(True, t.BooleanType())) if len(args) < 2 else args
    bound = checked(name, given, conf, "[1, 2]")
    return Bound((bound[0], _flag(name, given, 1, "include_arrays", conf)), _VARIANT, any_nullable(given))


scalar("variant_strip_nulls", _bind_strip, native_sql("variant_strip_nulls", "{0}", "{1}"))

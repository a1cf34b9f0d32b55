"""Variants: values of any type, as JSON has them."""

from __future__ import annotations

from collections.abc import Sequence

from lightstream.conf import Conf
from lightstream.errors import AnalysisException, unsupported
from lightstream.functions import mismatch
from lightstream.functions.casts import can_cast, refused_cast
from lightstream.functions.coercion import cast_to
from lightstream.functions.record_texts import constant_schema, written_type
from lightstream.functions.registry import (
    AggregateParts,
    Binder,
    Bound,
    SqlContext,
    aggregate,
    any_nullable,
    generator,
    scalar,
)
from lightstream.functions.signatures import only_strings
from lightstream.functions.spelling import native_sql
from lightstream.functions.variant_casts import from_variant, to_variant
from lightstream.functions.variant_paths import last_name
from lightstream.plan import types as t
from lightstream.plan.expressions import Call, Expression, nullable_of, type_of

_VARIANT = t.VariantType()

scalar("parse_json", only_strings("string -> variant"), native_sql("parse_json", "{0}", "TRUE"))
scalar("try_parse_json", only_strings("string -> variant?"), native_sql("parse_json", "{0}", "FALSE"))


# ---- of one variant -------------------------------------------------------------------------------------------


def checked(name: str, args: tuple[Expression, ...], conf: Conf, count: str) -> tuple[Expression, ...]:
    """Return a call's arguments, of which the first must be a variant. Spark: nothing but NULL is cast to one.

    Raises:
        AnalysisException: WRONG_NUM_ARGS.WITHOUT_SUGGESTION, DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE.
    """
    if not args:
        raise mismatch.wrong_count(name, count, 0)
    if not isinstance(type_of(args[0]), t.VariantType | t.NullType):
        raise mismatch.unexpected_input(name, args, 0, '"VARIANT"')
    return (cast_to(args[0], _VARIANT, conf.ansi), *args[1:])


def _of_one(result: t.DataType, nullable: bool | None = None) -> Binder:
    def bind(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
        if len(args) != 1:
            raise mismatch.wrong_count(name, "1", len(args))
        bound = checked(name, args, conf, "1")
        return Bound(bound, result, any_nullable(bound) if nullable is None else nullable)

    return bind


scalar(
    "is_variant_null",
    _of_one(t.BooleanType(), False),
    f"coalesce({native_sql('is_variant_null', '{0}')}, FALSE)",
)
scalar("is_valid_variant", _of_one(t.BooleanType()), native_sql("is_valid_variant", "{0}"))
_SCHEMA = native_sql("variant_schema", "{0}")
scalar(
    "schema_of_variant",
    _of_one(t.StringType()),
    f"CASE WHEN {{0}} IS NOT NULL THEN {native_sql('variant_schemas', f'[{_SCHEMA}]')} END",
)
aggregate(
    "schema_of_variant_agg",
    _of_one(t.StringType(), False),
    AggregateParts(
        (f"list({_SCHEMA})",),
        native_sql("variant_schemas", "coalesce({0}, [])"),
        ("flatten(list({0}))",),
    ),
)


# ---- a part of one --------------------------------------------------------------------------------------------


def _bind_get(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if not 2 <= len(args) <= 3:
        raise mismatch.wrong_count(name, "[2, 3]", len(args))
    target: t.DataType = _VARIANT
    if len(args) == 3:
        target = t.as_nullable(_target(args[2]))
    bound = checked(name, args, conf, "[2, 3]")
    if not isinstance(type_of(args[1]), t.StringType | t.NullType):
        raise mismatch.unexpected_input(name, args, 1, '"STRING"')
    path = cast_to(args[1], t.StringType(), conf.ansi)
    if target != _VARIANT and not can_cast(_VARIANT, target, "ansi"):
        raise refused_cast(mismatch.call_text(name, args[:2]), _VARIANT, target, "ansi")
    return Bound((bound[0], path), target, True)


def _target(given: Expression) -> t.DataType:
    found = written_type(constant_schema(given))
    if t.holds(found, t.CharType, t.VarcharType):
        raise unsupported("A variant as char or varchar")
    return found


def _get_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    found = native_sql("variant_get", args[0], args[1])
    return from_variant(found, call.type, "try" if call.name.startswith("try_") else "ansi", ctx)


scalar("variant_get", _bind_get, _get_sql, shown="{name}({0}, {1})", constants=(2,))
scalar("try_variant_get", _bind_get, _get_sql, shown="{name}({0}, {1})", constants=(2,))


def _bind_extract(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if not isinstance(type_of(args[0]), t.VariantType):
        raise AnalysisException(
            "COLUMN_IS_NOT_VARIANT_TYPE",
            "The semi-structured extraction operator (`:`) can only be applied to a column of the VARIANT type.",
            sqlstate="42K09",
        )
    return Bound(args, _VARIANT, True)


def _shown_extract(call: Call, args: Sequence[str]) -> str:
    name = last_name(args[1])
    return f"variant_get({args[0]}, {args[1]})" + (f" AS {name}" if name is not None else "")


# `v:a.b[0]` in SQL text.
scalar("(extract)", _bind_extract, native_sql("variant_get", "{0}", "{1}"), shown=_shown_extract)


# ---- rows of one ----------------------------------------------------------------------------------------------


def _bind_explode(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if len(args) != 1:
        raise mismatch.wrong_count(name, "1", len(args))
    name = name.strip("()")
    outer = name.endswith("_outer")
    fields = [
        t.StructField("pos", t.IntegerType(), outer),
        t.StructField("key", t.StringType(), True),
        t.StructField("value", _VARIANT, outer),
    ]
    return Bound(checked(name, args, conf, "1"), t.StructType(fields), False)


for _name, _outer in (("variant_explode", False), ("variant_explode_outer", True)):
    generator(
        f"{_name} ({_name})",  # by the name in parentheses FROM calls it
        _bind_explode,
        lambda call, args, ctx: native_sql("variant_explode", args[0]),
        outer=_outer,
        parameters=("input",),
        only_in_from=True,
    )


# ---- of values with parts -------------------------------------------------------------------------------------


def _bind_object(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if len(args) != 1:
        raise mismatch.wrong_count(name, "1", len(args))
    found = type_of(args[0])
    if not isinstance(found, t.StructType | t.ArrayType | t.MapType) or not _fits(found):
        raise refused_cast(mismatch.call_text(name, args), found, _VARIANT, "legacy")
    return Bound(args, _VARIANT, nullable_of(args[0]))


def _fits(data_type: t.DataType) -> bool:
    match data_type:
        case t.StructType():
            return all(_fits(field.dataType) for field in data_type)
        case t.ArrayType():
            return _fits(data_type.elementType)
        case t.MapType():
            return isinstance(data_type.keyType, t.StringType) and _fits(data_type.valueType)
    return isinstance(data_type, t.AtomicType) and not isinstance(data_type, t.AnsiIntervalType)


scalar(
    "to_variant_object",
    _bind_object,
    lambda call, args, ctx: to_variant(args[0], type_of(call.args[0])),
    foldable=False,
)

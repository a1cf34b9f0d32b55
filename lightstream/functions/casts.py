"""Casts: which there are, and how each is spelled so that its values are Spark's."""

from __future__ import annotations

from lightstream.errors import AnalysisException, unsupported
from lightstream.functions import cast_numbers, cast_text, cast_times
from lightstream.functions.coercion import INTEGRAL_DIGITS
from lightstream.functions.registry import SqlContext
from lightstream.functions.spelling import duck_type, let, quote
from lightstream.plan import types as t

_NUMBERS = (t.NumericType, t.BooleanType)
_CONTEXT = SqlContext()


def macros() -> list[str]:
    """Return DuckDB macros to create at connect: none, every spelling stands on its own."""
    return []


# ---- which casts there are ------------------------------------------------------------------------------------


def can_store(source: t.DataType, target: t.DataType) -> bool:
    """Return whether Spark's ANSI store assignment takes a value of one type for a column of another."""
    match source, target:
        case t.ArrayType(), t.ArrayType():
            return can_store(source.elementType, target.elementType)
        case t.MapType(), t.MapType():
            return can_store(source.keyType, target.keyType) and can_store(source.valueType, target.valueType)
        case t.StructType(), t.StructType():
            return len(source.fields) == len(target.fields) and all(
                can_store(a.dataType, b.dataType) for a, b in zip(source.fields, target.fields, strict=True)
            )
        case (t.NullType(), _) | (t.NumericType(), t.NumericType()) | (t.AtomicType(), t.StringType()):
            return True
        case t.DateType() | t.TimestampType() | t.TimestampNTZType(), _:
            return isinstance(target, t.DateType | t.TimestampType | t.TimestampNTZType)
    return type(source) is type(target)


def can_cast(source: t.DataType, target: t.DataType, mode: str) -> bool:
    """Return whether Spark has the cast. `mode` is "ansi", "try" (the same casts) or "legacy"."""
    if isinstance(source, t.NullType) or source == target:
        return True
    if isinstance(target, t.NullType):
        return False
    if isinstance(target, t.StringType | t.CharType | t.VarcharType):
        return True
    if isinstance(source, t.VariantType):
        return _can_cast_variant(target)
    if isinstance(target, t.VariantType):
        return _can_cast_to_variant(source)
    nested = _can_cast_nested(source, target, mode)
    if nested is not None:
        return nested
    if isinstance(source, t.StringType | t.CharType | t.VarcharType):
        return isinstance(target, t.AtomicType | t.CalendarIntervalType)
    if isinstance(source, t.NumericType):
        return _can_cast_number(source, target, mode)
    if isinstance(source, t.BooleanType):
        return isinstance(target, t.NumericType) or (mode == "legacy" and isinstance(target, t.TimestampType))
    if isinstance(source, t.TimestampType):
        if isinstance(target, t.BooleanType):
            return mode == "legacy"
        return isinstance(target, t.NumericType | t.DateType | t.TimestampNTZType)
    if isinstance(source, t.DateType):
        if isinstance(target, t.NumericType | t.BooleanType):
            return mode == "legacy"
        return isinstance(target, t.TimestampType | t.TimestampNTZType)
    if isinstance(source, t.TimestampNTZType):
        return isinstance(target, t.TimestampType | t.DateType)
    if isinstance(source, t.TimeType):
        return isinstance(target, t.TimeType)
    if isinstance(source, t.AnsiIntervalType):
        same = isinstance(target, t.AnsiIntervalType) and type(source) is type(target)
        return same or isinstance(target, t.IntegralType | t.DecimalType)
    return False


def _can_cast_nested(source: t.DataType, target: t.DataType, mode: str) -> bool | None:
    if isinstance(source, t.ArrayType):
        if not isinstance(target, t.ArrayType):
            return False
        return _can_cast_part(
            source.elementType, target.elementType, source.containsNull, target.containsNull, mode
        )
    if isinstance(source, t.MapType):
        if not isinstance(target, t.MapType):
            return False
        nulls = source.valueContainsNull, target.valueContainsNull
        return can_cast(source.keyType, target.keyType, mode) and _can_cast_part(
            source.valueType, target.valueType, *nulls, mode
        )
    if isinstance(source, t.StructType):
        if not isinstance(target, t.StructType) or len(source) != len(target):
            return False
        return all(
            _can_cast_part(a.dataType, b.dataType, a.nullable, b.nullable, mode)
            for a, b in zip(source, target, strict=True)
        )
    return None


def _can_cast_part(
    source: t.DataType, target: t.DataType, has_null: bool, takes_null: bool, mode: str
) -> bool:
    # Spark: without ANSI rules a cast that can fail needs room for a NULL.
    has_null = has_null or (mode == "legacy" and forces_null(source, target))
    return can_cast(source, target, mode) and (takes_null or not has_null)


def _can_cast_variant(target: t.DataType) -> bool:
    match target:
        case t.ArrayType():
            return _can_cast_variant(target.elementType)
        case t.MapType():
            return isinstance(target.keyType, t.StringType) and _can_cast_variant(target.valueType)
        case t.StructType():
            return all(_can_cast_variant(field.dataType) for field in target)
    return not isinstance(target, t.NullType | t.AnsiIntervalType | t.CalendarIntervalType)


def _can_cast_to_variant(source: t.DataType) -> bool:
    if isinstance(source, t.ArrayType):
        return _can_cast_to_variant(source.elementType)
    return isinstance(source, t.AtomicType) and not isinstance(source, t.AnsiIntervalType)


def _can_cast_number(source: t.DataType, target: t.DataType, mode: str) -> bool:
    if isinstance(target, t.NumericType | t.BooleanType | t.TimestampType):
        return True
    if isinstance(target, t.AnsiIntervalType):
        return isinstance(source, t.IntegralType | t.DecimalType)
    return mode == "legacy" and isinstance(target, t.BinaryType) and isinstance(source, t.IntegralType)


def refused_cast(text: str, source: t.DataType, target: t.DataType, mode: str) -> AnalysisException:
    """Return the error for a cast that `can_cast` refuses; `text` is the cast as shown in column names."""
    message = (
        f'Cannot resolve "{text}" due to data type mismatch: cannot cast "{source.sql()}" to "{target.sql()}"'
    )
    kind, hint = "WITHOUT", "."
    if mode != "legacy" and isinstance(source, t.NumericType) and isinstance(target, t.DateType):
        kind, hint = "WITH_FUNC", ". Use the function `DATE_FROM_UNIX_DATE` instead."
    elif mode != "legacy" and can_cast(source, target, "legacy"):
        if isinstance(source, t.DateType) and isinstance(target, t.NumericType):
            kind, hint = "WITH_FUNC", ". Use the function `UNIX_DATE` instead."
        elif mode == "ansi":
            kind = "WITH_CONF"
            hint = ' with ANSI mode on. Set "spark.sql.ansi.enabled" to "false" to allow the cast.'
    return AnalysisException(
        f"DATATYPE_MISMATCH.CAST_{kind}_SUGGESTION",
        message + hint,
        sqlstate="42K09",
        parameters={
            "sqlExpr": f'"{text}"',
            "srcType": f'"{source.sql()}"',
            "targetType": f'"{target.sql()}"',
        },
    )


def cast_nullable(child_nullable: bool, source: t.DataType, target: t.DataType, mode: str) -> bool:
    """Return whether a cast's result can be NULL, as Spark declares it (wider than what can happen)."""
    if child_nullable:
        return True
    if source == target or isinstance(source, t.NullType):
        return False
    return not _widens(source, target) if mode == "try" else forces_null(source, target)


def forces_null(source: t.DataType, target: t.DataType) -> bool:
    """Return whether Spark declares a cast's result nullable whatever the value is."""
    if source == target or isinstance(source, t.NullType):
        return False
    if isinstance(source, t.VariantType):
        return True
    if isinstance(source, t.StringType):
        return not isinstance(target, t.BinaryType | t.StringType)
    if isinstance(target, t.StringType | t.CharType | t.VarcharType):
        return False
    if isinstance(target, t.DecimalType):
        return not _fits_decimal(source, target)
    if isinstance(source, t.TimestampType):
        return isinstance(target, t.ByteType | t.ShortType | t.IntegerType)
    if isinstance(source, t.FractionalType):
        if isinstance(source, t.DecimalType):
            return isinstance(target, t.IntegralType)
        return isinstance(target, t.IntegralType | t.TimestampType)
    if isinstance(source, t.DateType):
        return not isinstance(target, t.TimestampType)
    if isinstance(source, t.TimestampNTZType):
        return isinstance(target, t.DateType)
    return isinstance(target, t.CalendarIntervalType)


def _widens(source: t.DataType, target: t.DataType) -> bool:
    """Return whether a type holds whatever another one does, by Spark's word: then `try_cast` needs no NULL."""
    if source == target or isinstance(source, t.NullType):
        return True
    if isinstance(source, t.VariantType):
        return False
    match source, target:
        case t.IntegralType(), t.IntegralType():
            return cast_numbers.BITS[type(source)] <= cast_numbers.BITS[type(target)]
        case t.NumericType(), t.FloatType() | t.DoubleType():
            return not isinstance(source, t.DoubleType | t.DecimalType)
        case t.NumericType(), t.DecimalType():
            exact = not isinstance(source, t.DecimalType) or target.scale >= source.scale
            return exact and _fits_decimal(source, target)
        case t.DatetimeType(), t.TimestampType() | t.TimestampNTZType():
            return True
        case (t.LongType(), t.TimestampType()) | (t.TimestampType(), t.LongType()):
            return True
        case (t.DayTimeIntervalType(), t.DayTimeIntervalType()) | (
            t.YearMonthIntervalType(),
            t.YearMonthIntervalType(),
        ):
            return True
        case (t.AtomicType(), t.StringType()) | (t.StringType(), t.BinaryType()):
            return True
        case t.ArrayType(), t.ArrayType():
            return source.containsNull <= target.containsNull and _widens(
                source.elementType, target.elementType
            )
        case t.MapType(), t.MapType():
            parts = _widens(source.keyType, target.keyType) and _widens(source.valueType, target.valueType)
            return source.valueContainsNull <= target.valueContainsNull and parts
        case t.StructType(), t.StructType():
            pairs = list(zip(source, target, strict=False))
            return len(source) == len(target) and all(
                one.nullable <= other.nullable and _widens(one.dataType, other.dataType)
                for one, other in pairs
            )
    return False


def _fits_decimal(source: t.DataType, target: t.DecimalType) -> bool:
    if isinstance(source, t.DecimalType):
        whole, scale = source.precision - source.scale, source.scale
    elif isinstance(source, t.BooleanType):
        whole, scale = 1, 0
    elif type(source) in INTEGRAL_DIGITS:
        whole, scale = INTEGRAL_DIGITS[type(source)], 0
    else:
        return False
    room = target.precision - target.scale
    # With a digit to spare rounding cannot overflow either.
    return room > whole or (room == whole and target.scale >= scale)


# ---- how a cast is spelled ------------------------------------------------------------------------------------


def cast_sql(
    sql: str, source: t.DataType, target: t.DataType, mode: str = "ansi", ctx: SqlContext = _CONTEXT
) -> str:
    """Return DuckDB text of `sql` cast from one Spark type to another.

    Under "ansi" a bad value fails the statement with Spark's condition, under "try" it becomes NULL, under "legacy"
    it becomes what Spark's non-ANSI cast makes of it.
    """
    if source == target or t.as_nullable(source) == t.as_nullable(target):
        return sql
    if isinstance(source, t.NullType):
        return (
            f"CAST({sql} AS {duck_type(target)})"
            if sql.upper() != "NULL"
            else f"CAST(NULL AS {duck_type(target)})"
        )
    if isinstance(source, t.CharType | t.VarcharType):
        source = t.StringType()
    if isinstance(source, t.VariantType) or isinstance(target, t.VariantType):
        from lightstream.functions.variant_casts import from_variant, to_variant

        is_from = isinstance(source, t.VariantType)
        return from_variant(sql, target, mode, ctx) if is_from else to_variant(sql, source)
    if isinstance(target, t.StringType):
        return cast_text.to_text(sql, source, mode, ctx)
    if isinstance(target, t.CharType | t.VarcharType):
        raise unsupported(f"A cast to {target.simpleString()}")
    if isinstance(source, t.StringType):
        return cast_text.from_text(sql, target, mode, ctx)
    if isinstance(source, t.ArrayType | t.MapType | t.StructType):
        return _nested(sql, source, target, mode, ctx)
    if isinstance(source, _NUMBERS) and isinstance(target, _NUMBERS):
        return cast_numbers.number_to_number(sql, source, target, mode)
    if isinstance(source, t.AnsiIntervalType) or isinstance(target, t.AnsiIntervalType):
        return cast_times.interval_cast(sql, source, target, mode)
    return cast_times.time_cast(sql, source, target, mode, ctx)


def _nested(sql: str, source: t.DataType, target: t.DataType, mode: str, ctx: SqlContext) -> str:
    depth = _depth(source)
    if isinstance(source, t.ArrayType) and isinstance(target, t.ArrayType):
        name = f"ls_e{depth}"
        inner = cast_sql(name, source.elementType, target.elementType, mode, ctx)
        return f"list_transform({sql}, lambda {name}: {inner})"
    if isinstance(source, t.MapType) and isinstance(target, t.MapType):
        name = f"ls_e{depth}"
        key = cast_sql(f"{name}.key", source.keyType, target.keyType, mode, ctx)
        value = cast_sql(f"{name}.value", source.valueType, target.valueType, mode, ctx)
        pairs = f"list_transform(map_entries({sql}), lambda {name}: struct_pack(k := {key}, v := {value}))"
        return f"map_from_entries({pairs})"
    if isinstance(source, t.StructType) and isinstance(target, t.StructType):
        return let(sql, lambda value: _struct(value, source, target, mode, ctx), f"s{depth}")
    raise unsupported(f"A cast from {source.simpleString()} to {target.simpleString()}")


def _struct(value: str, source: t.StructType, target: t.StructType, mode: str, ctx: SqlContext) -> str:
    items = []
    for i, (a, b) in enumerate(zip(source, target, strict=True), 1):
        item = cast_sql(f"struct_extract_at({value}, {i})", a.dataType, b.dataType, mode, ctx)
        items.append(f"{quote(b.name)} := {item}")
    return f"CASE WHEN {value} IS NOT NULL THEN struct_pack({', '.join(items)}) END"


def _depth(data_type: t.DataType) -> int:
    """Return how deep a type nests: the names of lambda parameters must differ between levels."""
    if isinstance(data_type, t.ArrayType):
        return 1 + _depth(data_type.elementType)
    if isinstance(data_type, t.MapType):
        return 1 + max(_depth(data_type.keyType), _depth(data_type.valueType))
    if isinstance(data_type, t.StructType):
        return 1 + max((_depth(f.dataType) for f in data_type), default=0)
    return 0


def pretty_sql(sql: str, data_type: t.DataType, ctx: SqlContext = _CONTEXT) -> str:
    """Return the text of a value as `DataFrame.show` prints it: NULL as `NULL`, bytes as `[41 FF]`."""
    return f"coalesce({cast_text.to_text(sql, data_type, 'ansi', ctx, pretty=True)}, 'NULL')"

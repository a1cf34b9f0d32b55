"""Spark's implicit conversions: the common type of values that meet, and which argument types convert unasked."""

from __future__ import annotations

import decimal
from collections.abc import Sequence

from lightstream.plan import types as t
from lightstream.plan.expressions import Cast, Expression, Literal, nullable_of, type_of

_PRECEDENCE: tuple[type[t.DataType], ...] = (
    t.ByteType, t.ShortType, t.IntegerType, t.LongType, t.FloatType, t.DoubleType,
)  # fmt: skip
INTEGRAL_DIGITS: dict[type[t.DataType], int] = {
    t.ByteType: 3, t.ShortType: 5, t.IntegerType: 10, t.LongType: 20,
}  # fmt: skip
MAX_PRECISION = 38
_MIN_ADJUSTED_SCALE = 6


# ---- the type of values that meet -----------------------------------------------------------------------------


def common_type(types: Sequence[t.DataType], ansi: bool = True) -> t.DataType | None:
    """Return the type that all values convert to (CASE, IN, coalesce, arrays, set operations); None without one.

    Spark: under ANSI rules a string next to another type takes that type (a number: bigint or double).
    """
    found: t.DataType = t.NullType()
    for data_type in sorted(types, key=_has_no_string):
        wider = _wider(found, data_type, ansi)
        if wider is None:
            return None
        found = wider
    return found


def common_type_without_strings(types: Sequence[t.DataType]) -> t.DataType | None:
    """Return the type of the values of a column that is written row by row (VALUES, unpivot, transpose).

    Spark: no string is read as another type there and nothing is written as one, also not in arrays and structs; for
    the rest the rules without ANSI hold.
    """
    found = common_type(types, ansi=False)
    return found if found is not None and not any(_writes_text(kind, found) for kind in types) else None


def _writes_text(source: t.DataType, target: t.DataType) -> bool:
    match source, target:
        case t.ArrayType(), t.ArrayType():
            return _writes_text(source.elementType, target.elementType)
        case t.MapType(), t.MapType():
            key = _writes_text(source.keyType, target.keyType)
            return key or _writes_text(source.valueType, target.valueType)
        case t.StructType(), t.StructType():
            return any(_writes_text(a.dataType, b.dataType) for a, b in zip(source, target, strict=True))
    return isinstance(target, t.StringType) and not isinstance(source, t.StringType | t.NullType)


def tightest_type(one: t.DataType, other: t.DataType, ansi: bool = True) -> t.DataType | None:
    """Return the type that holds both without losing digits and without reading strings; None without one.

    Spark: without ANSI rules no struct is converted to another one.
    """
    if isinstance(one, t.NullType) or isinstance(other, t.NullType) or one == other:
        return common_type((one, other))
    if isinstance(one, t.ArrayType) and isinstance(other, t.ArrayType):
        element = tightest_type(one.elementType, other.elementType, ansi)
        null = one.containsNull or other.containsNull
        return None if element is None else t.ArrayType(element, null)
    if not ansi and isinstance(one, t.StructType) and not t.same_structure(one, other):
        return None
    if isinstance(one, t.StructType | t.MapType):
        common = _wider_nested(one, other, ansi)
        parts = list(zip(_parts(one), _parts(other), strict=True)) if common is not None else []
        return None if any(tightest_type(*pair, ansi) is None for pair in parts) else common
    strings = isinstance(one, t.StringType) or isinstance(other, t.StringType)
    common = None if strings else common_type((one, other), False)
    exact = (t.DecimalType, t.DayTimeIntervalType, t.YearMonthIntervalType)
    if isinstance(one, exact) and type(one) is type(other):
        return None
    if isinstance(one, t.DecimalType) or isinstance(other, t.DecimalType):
        return common if common in (one, other) and isinstance(common, t.DecimalType) else None
    return common


def searched_type(element: t.DataType, value: t.DataType, ansi: bool = True) -> t.DataType | None:
    """Return the type in which a value is looked for among elements or keys: also numbers in it are widened."""
    if isinstance(element, t.NumericType) and isinstance(value, t.NumericType):
        return common_type([element, value], ansi)
    nested = isinstance(value, t.ArrayType) or (isinstance(value, t.StructType) and ansi)
    if nested and not isinstance(element, t.NullType):
        return common_type_without_strings([element, value])
    return tightest_type(element, value, ansi)


def _parts(data_type: t.DataType) -> list[t.DataType]:
    if isinstance(data_type, t.MapType):
        return [data_type.keyType, data_type.valueType]
    return [f.dataType for f in data_type.fields] if isinstance(data_type, t.StructType) else []


def _has_no_string(data_type: t.DataType) -> bool:
    if isinstance(data_type, t.ArrayType):
        return _has_no_string(data_type.elementType)
    return not isinstance(data_type, t.StringType)


def _wider(one: t.DataType, other: t.DataType, ansi: bool) -> t.DataType | None:
    if one == other:
        return one
    if isinstance(one, t.NullType):
        return other
    if isinstance(other, t.NullType):
        return one
    if isinstance(one, t.StringType) or isinstance(other, t.StringType):
        return _with_string(one, other, ansi)
    if isinstance(one, t.NumericType) and isinstance(other, t.NumericType):
        return _wider_number(one, other, ansi)
    if isinstance(one, t.DatetimeType) and isinstance(other, t.DatetimeType):
        return _wider_datetime(one, other)
    if isinstance(one, t.DayTimeIntervalType) and isinstance(other, t.DayTimeIntervalType):
        return t.DayTimeIntervalType(min(one.startField, other.startField), max(one.endField, other.endField))
    if isinstance(one, t.YearMonthIntervalType) and isinstance(other, t.YearMonthIntervalType):
        return t.YearMonthIntervalType(
            min(one.startField, other.startField), max(one.endField, other.endField)
        )
    return _wider_nested(one, other, ansi)


def _with_string(one: t.DataType, other: t.DataType, ansi: bool) -> t.DataType | None:
    rest = other if isinstance(one, t.StringType) else one
    if not ansi:
        atomic = isinstance(rest, t.AtomicType) and not isinstance(rest, t.BinaryType | t.BooleanType)
        return t.StringType() if atomic else None
    if isinstance(rest, t.IntegralType):
        return t.LongType()
    if isinstance(rest, t.FractionalType):
        return t.DoubleType()
    if isinstance(rest, t.AnsiIntervalType) or not isinstance(rest, t.AtomicType):
        return None
    return rest


def _wider_number(one: t.DataType, other: t.DataType, ansi: bool) -> t.DataType:
    if isinstance(one, t.DecimalType) or isinstance(other, t.DecimalType):
        if isinstance(one, t.FloatType | t.DoubleType) or isinstance(other, t.FloatType | t.DoubleType):
            return t.DoubleType()
        return wider_decimal(as_decimal(one), as_decimal(other))
    wider = max(type(one), type(other), key=_PRECEDENCE.index)
    if wider is t.FloatType and ansi and type(one) is not type(other):
        return t.DoubleType()
    return wider()


def _wider_datetime(one: t.DataType, other: t.DataType) -> t.DataType | None:
    if isinstance(one, t.TimeType) or isinstance(other, t.TimeType):
        if isinstance(one, t.TimeType) and isinstance(other, t.TimeType):
            return t.TimeType(max(one.precision, other.precision))
        return None
    if isinstance(one, t.TimestampType) or isinstance(other, t.TimestampType):
        return t.TimestampType()
    return t.TimestampNTZType()


def _wider_nested(one: t.DataType, other: t.DataType, ansi: bool) -> t.DataType | None:
    if isinstance(one, t.ArrayType) and isinstance(other, t.ArrayType):
        element = _wider(one.elementType, other.elementType, ansi)
        if element is None:
            return None
        null = one.containsNull or other.containsNull
        return t.ArrayType(element, null or _gains_null(element, one.elementType, other.elementType))
    if isinstance(one, t.MapType) and isinstance(other, t.MapType):
        key = _wider(one.keyType, other.keyType, ansi)
        value = _wider(one.valueType, other.valueType, ansi)
        if key is None or value is None or _gains_null(key, one.keyType, other.keyType):
            return None
        null = one.valueContainsNull or other.valueContainsNull
        return t.MapType(key, value, null or _gains_null(value, one.valueType, other.valueType))
    if isinstance(one, t.StructType) and isinstance(other, t.StructType) and len(one) == len(other):
        fields = []
        for left, right in zip(one, other, strict=True):
            found = _wider(left.dataType, right.dataType, ansi)
            if found is None or left.name.lower() != right.name.lower():
                return None
            null = left.nullable or right.nullable or _gains_null(found, left.dataType, right.dataType)
            fields.append(t.StructField(left.name, found, null))
        return t.StructType(fields)
    return None


def _gains_null(target: t.DataType, *sources: t.DataType) -> bool:
    from lightstream.functions.casts import forces_null

    return any(forces_null(source, target) for source in sources)


# ---- decimals -------------------------------------------------------------------------------------------------


def as_decimal(data_type: t.DataType) -> t.DecimalType:
    """Return the decimal that holds every value of an integral type (a decimal as it is)."""
    if isinstance(data_type, t.DecimalType):
        return data_type
    return t.DecimalType(INTEGRAL_DIGITS[type(data_type)], 0)


def wider_decimal(one: t.DecimalType, other: t.DecimalType) -> t.DecimalType:
    """Return the decimal that holds the values of both; past 38 digits the fraction gives way."""
    scale = max(one.scale, other.scale)
    precision = max(one.precision - one.scale, other.precision - other.scale) + scale
    if precision > MAX_PRECISION:
        return t.DecimalType(MAX_PRECISION, max(0, scale - (precision - MAX_PRECISION)))
    return t.DecimalType(precision, scale)


def literal_decimal(value: int) -> t.DecimalType:
    """Return the smallest decimal of a whole constant: next to a decimal, `2` is a decimal(1,0)."""
    return t.DecimalType(len(str(abs(value))), 0)


def arithmetic_decimal(operator: str, one: t.DecimalType, other: t.DecimalType) -> t.DecimalType:
    """Return the result type of `+ - * / %` over decimals (with `allowPrecisionLoss`, Spark's default)."""
    p1, s1, p2, s2 = one.precision, one.scale, other.precision, other.scale
    match operator:
        case "+" | "-":
            scale = max(s1, s2)
            precision = max(p1 - s1, p2 - s2) + scale + 1
        case "*":
            scale, precision = s1 + s2, p1 + p2 + 1
        case "/":
            scale = max(_MIN_ADJUSTED_SCALE, s1 + p2 + 1)
            precision = p1 - s1 + s2 + scale
        case _:
            scale = max(s1, s2)
            precision = min(p1 - s1, p2 - s2) + scale
    return adjusted(precision, scale)


def adjusted(precision: int, scale: int) -> t.DecimalType:
    """Return decimal(precision, scale); past 38 digits the scale shrinks, but not below 6."""
    if precision <= MAX_PRECISION:
        return t.DecimalType(precision, scale)
    whole = precision - scale
    return t.DecimalType(MAX_PRECISION, max(MAX_PRECISION - whole, min(scale, _MIN_ADJUSTED_SCALE)))


# ---- conversions unasked --------------------------------------------------------------------------------------


def implicit_type(source: t.DataType, target: t.DataType, ansi: bool = True) -> t.DataType | None:
    """Return the type an argument gets where `target` is expected; None when it does not convert unasked."""
    if source == target or isinstance(source, t.NullType):
        return target
    if isinstance(source, t.StringType) and isinstance(target, t.AtomicType):
        return target if ansi or not isinstance(target, t.BooleanType) else None
    if isinstance(source, t.NumericType) and isinstance(target, t.NumericType):
        return target
    if isinstance(target, t.StringType):
        return target if isinstance(source, t.AtomicType | t.CalendarIntervalType) else None
    if isinstance(source, t.DatetimeType) and isinstance(target, t.DatetimeType):
        times = isinstance(source, t.TimeType) + isinstance(target, t.TimeType)
        return target if times != 1 else None
    return target if _nested_converts(source, target, ansi) else None


def _nested_converts(source: t.DataType, target: t.DataType, ansi: bool) -> bool:
    """Tell whether arrays, maps and structs convert unasked.

    Spark: under ANSI rules what can be stored in a column of the target type. Otherwise arrays and maps whose parts
    convert, if no NULL can come up where the target has none; no structs.
    """
    if ansi:
        return _storable(source, target)
    if isinstance(source, t.ArrayType) and isinstance(target, t.ArrayType):
        return _part_converts(
            source.elementType, target.elementType, source.containsNull, target.containsNull
        )
    if isinstance(source, t.MapType) and isinstance(target, t.MapType):
        nulls = source.valueContainsNull, target.valueContainsNull
        return _part_converts(source.keyType, target.keyType, False, False) and _part_converts(
            source.valueType, target.valueType, *nulls
        )
    return False


def _part_converts(source: t.DataType, target: t.DataType, has_null: bool, takes_null: bool) -> bool:
    if not takes_null and (has_null or _gains_null(target, source)):
        return False
    return implicit_type(source, target, ansi=False) is not None


def _storable(source: t.DataType, target: t.DataType) -> bool:
    if source == target or isinstance(source, t.NullType):
        return True
    if isinstance(source, t.NumericType) and isinstance(target, t.NumericType):
        return True
    if isinstance(target, t.StringType):
        return isinstance(source, t.AtomicType | t.CalendarIntervalType)
    if isinstance(source, t.DatetimeType) and isinstance(target, t.DatetimeType):
        return not isinstance(source, t.TimeType) and not isinstance(target, t.TimeType)
    if isinstance(source, t.ArrayType) and isinstance(target, t.ArrayType):
        nulls = target.containsNull or not source.containsNull
        return nulls and _storable(source.elementType, target.elementType)
    if isinstance(source, t.MapType) and isinstance(target, t.MapType):
        nulls = target.valueContainsNull or not source.valueContainsNull
        parts = _storable(source.keyType, target.keyType) and _storable(source.valueType, target.valueType)
        return nulls and parts
    if isinstance(source, t.StructType) and isinstance(target, t.StructType):
        return len(source) == len(target) and all(
            (b.nullable or not a.nullable) and _storable(a.dataType, b.dataType)
            for a, b in zip(source, target, strict=True)
        )
    return False


def implicit_cast(expression: Expression, target: t.DataType, ansi: bool = True) -> Expression | None:
    """Return the expression as `target`, cast where needed; None when its type does not convert unasked."""
    if implicit_type(type_of(expression), target, ansi) is None:
        return None
    return cast_to(expression, target, ansi)


def cast_to(expression: Expression, target: t.DataType, ansi: bool = True) -> Expression:
    """Return the expression cast to `target`. A constant stays one where its text in column names stays too."""
    source = type_of(expression)
    if source == target:
        return expression
    if t.as_nullable(source) == t.as_nullable(target):
        return expression
    if t.holds(target, t.TimeType) and not t.holds(source, t.TimeType):
        from lightstream.functions.mismatch import no_time_type

        raise no_time_type()
    if isinstance(expression, Literal):
        folded = _fold(expression, target)
        if folded is not None:
            return folded
    from lightstream.functions.casts import cast_nullable

    mode = "ansi" if ansi else "legacy"
    nullable = cast_nullable(nullable_of(expression), source, target, mode)
    return Cast(expression, target, mode, implicit=True, nullable=nullable)


_BITS: dict[type[t.DataType], int] = {
    t.ByteType: 8, t.ShortType: 16, t.IntegerType: 32, t.LongType: 64,
}  # fmt: skip


def _fold(literal: Literal, target: t.DataType) -> Literal | None:
    value = literal.value
    if value is None:
        return Literal(None, target, label=literal.label)
    if not isinstance(literal.type, t.IntegralType):
        return None
    bits = _BITS.get(type(target))
    if bits is not None and -(2 ** (bits - 1)) <= value < 2 ** (bits - 1):
        return Literal(value, target, label=literal.label)
    if (
        isinstance(target, t.DecimalType)
        and target.scale == 0
        and literal_decimal(value).precision <= target.precision
    ):
        return Literal(decimal.Decimal(value), target, label=literal.label)
    return None

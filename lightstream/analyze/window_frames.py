"""The frames of windows: their bounds as constants of the type that is sorted by, and what Spark refuses."""

from __future__ import annotations

import decimal
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lightstream.analyze.naming import shown, whole_constant
from lightstream.errors import AnalysisException, ArithmeticException, ParseException, unsupported
from lightstream.plan import expressions as e
from lightstream.plan import types as t

if TYPE_CHECKING:
    from lightstream.analyze.expressions import ExpressionResolver


def resolved_frame(
    resolver: ExpressionResolver, frame: e.WindowFrame, orders: Sequence[e.SortOrder]
) -> e.WindowFrame:
    """Return a frame whose bounds are constants.

    Raises:
        AnalysisException: DATATYPE_MISMATCH.SPECIFIED_WINDOW_FRAME_..., DATATYPE_MISMATCH.RANGE_FRAME_...,
            INVALID_SQL_SYNTAX.INVALID_WINDOW_FRAME_BOUND.
        ArithmeticException: CAST_OVERFLOW.
    """
    kinds = [e.type_of(order.child) for order in orders]
    # Spark: dates and timestamps are moved by numbers and intervals; everything else by values of its own type.
    moved = len(kinds) == 1 and not isinstance(kinds[0], t.DateType | t.TimestampType)
    wanted = kinds[0] if frame.kind == "range" and moved else None
    bounds = [_bound(resolver, bound, wanted) for bound in (frame.lower, frame.upper)]
    _check_bounds(frame.kind, bounds)
    if frame.kind == "range":
        _check_range(bounds, kinds)
    return e.WindowFrame(frame.kind, *bounds)


def _bound(
    resolver: ExpressionResolver, bound: e.FrameBoundary, wanted: t.DataType | None
) -> e.FrameBoundary:
    from lightstream.functions import registry
    from lightstream.functions.casts import can_cast

    offset, preceding = bound.offset, bound.preceding
    if not isinstance(offset, e.Expression):  # unbounded, or the current row
        return bound
    value = resolver.value(offset)
    if not registry.is_constant(value):
        raise ParseException(
            "INVALID_SQL_SYNTAX.INVALID_WINDOW_FRAME_BOUND",
            f"A window frame is bounded by a constant, not by {shown(value)}.",
            sqlstate="42000",
        )
    moved = registry.bind_call("(-)", (value,), resolver.conf) if preceding else value
    kind = e.type_of(moved)
    cast = wanted is not None and kind != wanted and can_cast(kind, wanted, "ansi")
    number = _number(value)
    signed = -number if preceding else number
    if cast:
        assert wanted is not None
        text = f"{shown(moved)} FOLLOWING"
        return e.FrameBoundary(e.Literal(_converted(signed, kind, wanted), wanted), text=text)
    if isinstance(moved, e.Call) and moved.name == "negative":  # a minus sign that is written as well
        text = f"{shown(moved.args[0])} PRECEDING"
    else:
        text = f"{shown(moved)} FOLLOWING"
    return e.FrameBoundary(e.Literal(signed, kind), text=text)


def _number(value: e.Expression) -> Any:
    """Return the value of a constant bound."""
    if isinstance(value, e.Literal) and isinstance(value.type, t.NumericType | t.AnsiIntervalType):
        return value.value
    if isinstance(value, e.Literal) and isinstance(value.type, t.StringType):
        try:
            return decimal.Decimal(str(value.value).strip())
        except decimal.InvalidOperation:
            pass
    found = whole_constant(value)
    if found is None:
        raise unsupported(f"A window frame bounded by {shown(value)}")
    return found


def _converted(number: Any, source: t.DataType, target: t.DataType) -> Any:
    """Return a bound cast to the type that is sorted by."""
    from lightstream.functions.cast_times import interval_unit

    if isinstance(source, t.AnsiIntervalType) and not isinstance(target, t.AnsiIntervalType):
        number = decimal.Decimal(number) / interval_unit(source)
    if isinstance(target, t.AnsiIntervalType):
        unit = interval_unit(target)
        return int(number * unit) if not isinstance(source, t.AnsiIntervalType) else int(number / unit) * unit
    if isinstance(target, t.FloatType | t.DoubleType):
        return float(number)
    rounded: Any
    if isinstance(target, t.DecimalType):
        exact = decimal.Decimal(str(number))
        rounded = exact.quantize(decimal.Decimal(1).scaleb(-target.scale), decimal.ROUND_HALF_UP)
        fits = abs(rounded) < decimal.Decimal(10) ** (target.precision - target.scale)
    elif isinstance(target, t.IntegralType):
        from lightstream.functions.cast_numbers import BITS

        rounded = int(number)
        room = 2 ** (BITS[type(target)] - 1)
        fits = -room <= rounded < room
    else:
        return number
    if not fits:
        raise ArithmeticException(
            "CAST_OVERFLOW",
            f'The bound {number} of a window frame cannot be cast to "{target.sql()}" due to an overflow.',
            sqlstate="22003",
        )
    return rounded


def _check_bounds(kind: str, bounds: Sequence[e.FrameBoundary]) -> None:
    accepted: tuple[type[t.DataType], ...] = (t.IntegerType,)
    if kind == "range":
        accepted = (t.NumericType, t.AnsiIntervalType, t.CalendarIntervalType)
    literals = [bound.offset for bound in bounds if isinstance(bound.offset, e.Literal)]
    for literal in literals:
        if not isinstance(literal.type, accepted):
            raise _refused(
                "SPECIFIED_WINDOW_FRAME_UNACCEPTED_TYPE",
                f'A window frame of {kind} is not bounded by a value of type "{literal.type.sql()}".',
            )
    if len(literals) < 2:
        return
    lower, upper = literals
    if lower.type != upper.type:
        one, other = f'"{lower.type.sql()}"', f'"{upper.type.sql()}"'
        raise _refused(
            "SPECIFIED_WINDOW_FRAME_DIFF_TYPES",
            f"The window frame begins at a value of type {one} and ends at one of type {other}; they must agree.",
            lowerType=one,
            upperType=other,
        )
    if lower.value > upper.value:
        raise _refused(
            "SPECIFIED_WINDOW_FRAME_WRONG_COMPARISON",
            "The lower bound of a window frame must be less than or equal to the upper bound.",
            comparison="less than or equal",
        )


def _check_range(bounds: Sequence[e.FrameBoundary], kinds: Sequence[t.DataType]) -> None:
    values = [bound.offset for bound in bounds if isinstance(bound.offset, e.Literal)]
    if not kinds and any(bound.offset is not None for bound in bounds):
        raise _refused("RANGE_FRAME_WITHOUT_ORDER", "A range window frame needs an ORDER BY.")
    if not values:
        return
    if len(kinds) > 1:
        raise _refused("RANGE_FRAME_MULTI_ORDER", "A range window frame with values takes one sort key.")
    found, given = kinds[0], values[0].type
    if isinstance(found, t.DateType):
        valid = given == t.DayTimeIntervalType(0, 0) or isinstance(
            given, t.IntegerType | t.YearMonthIntervalType
        )
    elif isinstance(found, t.TimestampType | t.TimestampNTZType):
        valid = isinstance(given, t.AnsiIntervalType | t.CalendarIntervalType)
    else:
        valid = found == given
    if not valid:
        one, other = f'"{found.sql()}"', f'"{given.sql()}"'
        raise _refused(
            "RANGE_FRAME_INVALID_TYPE",
            f"A window sorted by values of type {one} has no frame bounded by values of type {other}.",
            orderSpecType=one,
            valueBoundaryType=other,
        )


def _refused(condition: str, text: str, **parameters: str) -> AnalysisException:
    return AnalysisException(f"DATATYPE_MISMATCH.{condition}", text, sqlstate="42K09", parameters=parameters)

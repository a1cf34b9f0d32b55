"""Arithmetic with dates, timestamps and intervals."""

from __future__ import annotations

from collections.abc import Sequence

from lightstream.conf import Conf
from lightstream.errors import unsupported
from lightstream.functions import mismatch
from lightstream.functions.cast_times import is_utc, to_instant, to_local
from lightstream.functions.coercion import cast_to
from lightstream.functions.errors import BY_ZERO_MESSAGES
from lightstream.functions.local_time import shifted
from lightstream.functions.registry import Bound, SqlContext, any_nullable
from lightstream.functions.spelling import error_sql, let
from lightstream.plan import types as t
from lightstream.plan.expressions import Call, Expression, Literal, type_of

_DATETIMES = (t.DateType, t.TimestampType, t.TimestampNTZType)
_DAYS = (t.ByteType, t.ShortType, t.IntegerType)
_DAY = 86_400_000_000
_INTERVALS = (t.DayTimeIntervalType, t.YearMonthIntervalType)


def bind_time_arithmetic(operator: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    """Bind `+ - * /` where a date, timestamp or interval takes part."""
    left, right = _typed_nulls(operator, args)
    one, other = type_of(left), type_of(right)
    if operator in ("+", "-"):
        if isinstance(one, _INTERVALS) and isinstance(other, _DATETIMES) and operator == "+":
            left, right, one, other = right, left, other, one
        if operator == "+" and isinstance(other, t.DateType) and isinstance(one, _DAYS):
            left, right, one, other = right, left, other, one
        if isinstance(one, t.DateType) and isinstance(other, _DAYS):
            return Bound((left, right), t.DateType(), any_nullable(args))
        found = _plus_interval(operator, (left, right), one, other) or _difference(
            operator, (left, right), one, other, conf
        )
        if found is not None:
            return found
    if operator == "*" and isinstance(other, _INTERVALS) and not isinstance(one, _INTERVALS):
        left, right, one, other = right, left, other, one
    if operator in ("*", "/") and isinstance(one, _INTERVALS):
        scaled = _scaled(left, right, conf)
        if scaled is not None:
            return scaled
    if operator == "div" and isinstance(one, _INTERVALS) and type(one) is type(other):
        return Bound((left, right), t.LongType(), True)
    raise _refused(operator, args, conf)


def _typed_nulls(operator: str, args: tuple[Expression, ...]) -> tuple[Expression, Expression]:
    """Give an operand NULL the type that the other one wants."""
    typed = list(args)
    for this, that in ((0, 1), (1, 0)):
        if not isinstance(type_of(args[this]), t.NullType):
            continue
        other = type_of(args[that])
        target: t.DataType | None = None
        if isinstance(other, _INTERVALS) and operator in ("+", "-", "div"):
            target = other
        elif isinstance(other, _DATETIMES) and operator == "+":
            target = t.DayTimeIntervalType()
        elif isinstance(other, _DATETIMES) and operator == "-":
            target = other
        if target is not None:
            typed[this] = cast_to(args[this], target)
    return typed[0], typed[1]


def _refused(operator: str, args: tuple[Expression, ...], conf: Conf) -> Exception:
    """Return Spark's error for operands of which one is a date, a timestamp or an interval."""
    from lightstream.functions.arithmetic import wrong_operands

    one, other = (type_of(a) for a in args)
    calendar = t.CalendarIntervalType
    partners = (
        (*_DATETIMES, t.StringType, calendar) if operator in ("+", "-") else (t.NumericType, t.StringType)
    )
    for this, that in ((one, other), (other, one)):
        right = operator in ("+", "*") or (this is one if operator == "/" else True)
        if (
            isinstance(this, calendar)
            and isinstance(that, partners)
            and right
            and operator not in ("%", "div")
        ):
            return unsupported("Arithmetic with an interval of months, days and time at once")
    if operator in ("+", "-"):
        if isinstance(one, t.StringType) and isinstance(other, t.DayTimeIntervalType):
            return unsupported("A string plus or minus an interval", "Cast the string to a timestamp first.")
        if isinstance(other, t.StringType) and isinstance(one, t.DayTimeIntervalType) and operator == "+":
            return unsupported("An interval plus a string", "Cast the string to a timestamp first.")
        for date, days in ((args[0], args[1]), (args[1], args[0])):
            if isinstance(type_of(date), t.DateType) and isinstance(type_of(days), t.NumericType):
                name = "date_add" if operator == "+" else "date_sub"
                return mismatch.unexpected_input(name, (date, days), 1, '("INT" or "SMALLINT" or "TINYINT")')
    whole = (t.DateType, t.DayTimeIntervalType, calendar)
    unexpected = {
        "+": isinstance(one, whole) or isinstance(other, whole),
        "-": isinstance(one, _DATETIMES) or isinstance(other, (*_DATETIMES, *whole)),
        "*": isinstance(one, (*_INTERVALS, calendar)) or isinstance(other, (*_INTERVALS, calendar)),
        "/": isinstance(one, (*_INTERVALS, calendar)),
    }
    if unexpected.get(operator):
        return mismatch.unexpected_input(operator, args, 0, '"(TIMESTAMP OR TIMESTAMP WITHOUT TIME ZONE)"')
    return wrong_operands(operator, args, conf)


def shown_time_arithmetic(operator: str, call: Call, args: Sequence[str]) -> str:
    """Return the text of date, timestamp and interval arithmetic in column names."""
    one, other = (type_of(a) for a in call.args)
    if isinstance(one, t.DateType) and isinstance(other, t.IntegralType):
        return f"{'date_add' if operator == '+' else 'date_sub'}({args[0]}, {args[1]})"
    if isinstance(one, _DATETIMES) and isinstance(other, _INTERVALS):
        if isinstance(call.type, t.DateType) and isinstance(other, t.DayTimeIntervalType):
            days = f"extractansiintervaldays({args[1]})"
            return f"date_add({args[0]}, {days if operator == '+' else f'(- {days})'})"
        return f"{args[0]} {operator} {args[1]}"
    return f"({args[0]} {operator} {args[1]})"


def _plus_interval(
    operator: str, args: tuple[Expression, Expression], one: t.DataType, other: t.DataType
) -> Bound | None:
    if isinstance(one, _DATETIMES) and isinstance(other, t.YearMonthIntervalType):
        return Bound(args, one, any_nullable(args))
    if isinstance(one, t.DateType) and isinstance(other, t.DayTimeIntervalType):
        whole_days = other.endField == other.DAY
        return Bound(args, one if whole_days else t.TimestampType(), any_nullable(args))
    if isinstance(one, _DATETIMES) and isinstance(other, t.DayTimeIntervalType):
        return Bound(args, one, any_nullable(args))
    if isinstance(one, t.DayTimeIntervalType) and isinstance(other, t.DayTimeIntervalType):
        fields = min(one.startField, other.startField), max(one.endField, other.endField)
        return Bound(args, t.DayTimeIntervalType(*fields), any_nullable(args))
    if isinstance(one, t.YearMonthIntervalType) and isinstance(other, t.YearMonthIntervalType):
        fields = min(one.startField, other.startField), max(one.endField, other.endField)
        return Bound(args, t.YearMonthIntervalType(*fields), any_nullable(args))
    return None


def _difference(
    operator: str, args: tuple[Expression, Expression], one: t.DataType, other: t.DataType, conf: Conf
) -> Bound | None:
    if operator != "-":
        return None
    kinds = (one, other)
    loose: tuple[type[t.DataType], ...] = (t.StringType, t.NullType)
    if not conf.ansi and not (isinstance(one, t.StringType) and isinstance(other, t.DateType)):
        loose = (t.NullType,)
    if any(isinstance(k, t.TimestampType | t.TimestampNTZType) for k in kinds):
        target: t.DataType = t.TimestampType()
        if not any(isinstance(k, t.TimestampType) for k in kinds):
            target = t.TimestampNTZType()
        result = t.DayTimeIntervalType()
    elif any(isinstance(k, t.DateType) for k in kinds):
        target, result = t.DateType(), t.DayTimeIntervalType(t.DayTimeIntervalType.DAY)
    else:
        return None
    if not all(isinstance(k, (*_DATETIMES, *loose)) for k in kinds):
        return None
    bound = tuple(cast_to(a, target, conf.ansi) for a in args)
    return Bound(bound, result, any_nullable(bound))


def _scaled(interval: Expression, factor: Expression, conf: Conf) -> Bound | None:
    kind = type_of(factor)
    if isinstance(kind, t.StringType):
        factor = cast_to(factor, t.DoubleType(), conf.ansi)
    elif isinstance(kind, t.NullType):
        factor = cast_to(factor, t.IntegerType(), conf.ansi)
    elif not isinstance(kind, t.NumericType):
        return None
    whole: t.DataType = t.DayTimeIntervalType()
    if isinstance(type_of(interval), t.YearMonthIntervalType):
        whole = t.YearMonthIntervalType()
    return Bound((interval, factor), whole, any_nullable((interval, factor)))


def time_arithmetic_sql(operator: str, call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    """Return DuckDB text of date, timestamp and interval arithmetic."""
    left, right = args
    one, other = (type_of(a) for a in call.args)
    if isinstance(one, _INTERVALS) and isinstance(other, _INTERVALS):
        if operator != "div":
            return f"({left} {operator} {right})"
        quotient = f"({left} // {right})"
        return quotient if ctx.ansi else f"(CASE WHEN {right} <> 0 THEN {quotient} END)"
    if isinstance(one, _INTERVALS):
        return _scale_sql(operator, left, right, one, other, ctx)
    if isinstance(other, t.YearMonthIntervalType):
        return _plus_months(operator, left, right, one, ctx)
    if isinstance(other, t.DayTimeIntervalType):
        return _plus_time(operator, left, right, call, ctx)
    if isinstance(one, t.DateType) and isinstance(other, t.IntegralType):
        return f"({left} {operator} CAST({right} AS INTEGER))"
    if isinstance(one, t.DateType):
        return f"(CAST({left} - {right} AS BIGINT) * 86400000000)"
    if isinstance(one, t.TimestampType) and isinstance(other, t.TimestampType):
        # Spark: the difference is that of the local times.
        return f"(epoch_us({to_local(left, ctx)}) - epoch_us({to_local(right, ctx)}))"
    return f"(epoch_us({left}) - epoch_us({right}))"


def _plus_months(operator: str, left: str, right: str, one: t.DataType, ctx: SqlContext) -> str:
    months = f"to_months(CAST({right} AS INTEGER))"
    if isinstance(one, t.DateType):
        return f"CAST({left} {operator} {months} AS DATE)"
    if isinstance(one, t.TimestampType):
        return shifted(left, lambda local: f"({local} {operator} {months})", ctx)
    return f"({left} {operator} {months})"


def _plus_time(operator: str, left: str, right: str, call: Call, ctx: SqlContext) -> str:
    one, interval = type_of(call.args[0]), call.args[1]
    if isinstance(call.type, t.DateType):
        return f"({left} {operator} CAST({right} // {_DAY} AS INTEGER))"
    if isinstance(one, t.TimestampNTZType):
        return f"make_timestamp(epoch_us({left}) {operator} {right})"
    if isinstance(one, t.DateType):
        left = to_instant(f"CAST({left} AS TIMESTAMP)", ctx)
    short = isinstance(interval, Literal) and abs(interval.value or 0) < _DAY
    if is_utc(ctx) or short:
        return f"make_timestamptz(epoch_us({left}) {operator} {right})"

    # Spark: whole days are those of the calendar, of 23 hours at times; only the rest of the interval is time.
    def body(interval: str) -> str:
        days = f"to_days(CAST({interval} // {_DAY} AS INTEGER))"
        day = shifted(left, lambda local: f"({local} {operator} {days})", ctx)
        return f"make_timestamptz(epoch_us({day}) {operator} {interval} % {_DAY})"

    return let(right, body, "interval")


def _scale_sql(
    operator: str, left: str, right: str, one: t.DataType, other: t.DataType, ctx: SqlContext
) -> str:
    carrier = "INTEGER" if isinstance(one, t.YearMonthIntervalType) else "BIGINT"
    if operator == "*" and isinstance(other, t.IntegralType):
        return f"CAST(CAST({left} AS HUGEINT) * {right} AS {carrier})"
    if operator == "*":
        return f"CAST(round(CAST({left} AS DOUBLE) * CAST({right} AS DOUBLE)) AS {carrier})"
    if isinstance(other, t.IntegralType):
        wide = f"CAST({right} AS HUGEINT)"
        rounded = f"(CAST({left} AS HUGEINT) * 2 + sign({left}) * abs({wide})) // ({wide} * 2)"
    else:
        rounded = f"round(CAST({left} AS DOUBLE) / CAST({right} AS DOUBLE))"
    failure = error_sql("INTERVAL_DIVIDED_BY_ZERO", BY_ZERO_MESSAGES["DIVIDE_BY_ZERO"], "22012")
    return (
        f"(CASE WHEN {right} = 0 AND {left} IS NOT NULL THEN {failure} ELSE CAST({rounded} AS {carrier}) END)"
    )

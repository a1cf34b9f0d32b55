"""The fields of dates, timestamps and intervals: year(), hour(), extract(...)."""

from __future__ import annotations

from collections.abc import Sequence

from lightstream.conf import Conf
from lightstream.dataclass import dataclass
from lightstream.errors import AnalysisException, unsupported
from lightstream.functions import mismatch
from lightstream.functions.cast_times import to_local
from lightstream.functions.registry import NOT_CONSTANT, Bound, SqlContext, any_nullable, constant, scalar
from lightstream.functions.signatures import parse as signature
from lightstream.plan import types as t
from lightstream.plan.expressions import Call, Expression, type_of

_WHOLE = t.IntegerType()
_SECONDS = t.DecimalType(8, 6)


@dataclass(frozen=True, slots=True)
class Field:
    """A field: whether a time has it (a date otherwise), its DuckDB text over a DATE or local TIMESTAMP, its type."""

    of_time: bool
    sql: str
    type: t.DataType = _WHOLE


_FIELDS = {
    "year": Field(False, "year({0})"),
    "yearofweek": Field(False, "isoyear({0})"),
    "quarter": Field(False, "quarter({0})"),
    "month": Field(False, "month({0})"),
    "weekofyear": Field(False, "week({0})"),
    "day": Field(False, "day({0})"),
    "dayofyear": Field(False, "dayofyear({0})"),
    "dayofweek": Field(False, "(dayofweek({0}) + 1)"),
    "weekday": Field(False, "(isodow({0}) - 1)"),
    "dayofweek_iso": Field(False, "isodow({0})"),
    "hour": Field(True, "hour({0})"),
    "minute": Field(True, "minute({0})"),
    "second": Field(True, "second({0})"),
    # DuckDB's microseconds are those of the minute.
    "seconds": Field(
        True, "CAST(microsecond({0}) AS DECIMAL(8,0)) * CAST(0.000001 AS DECIMAL(7,6))", _SECONDS
    ),
}
_NAMES = {
    "year": "year y years yr yrs",
    "yearofweek": "yearofweek",
    "quarter": "quarter qtr",
    "month": "month mon mons months",
    "weekofyear": "week w weeks",
    "day": "day d days",
    "dayofweek": "dayofweek dow",
    "dayofweek_iso": "dayofweek_iso dow_iso",
    "dayofyear": "doy",
    "hour": "hour h hours hr hrs",
    "minute": "minute m min mins minutes",
    "seconds": "second s sec seconds secs",
}
_FIELD_OF = {name: field for field, names in _NAMES.items() for name in names.split()}
_DAY = 86_400_000_000
# Fields of intervals over their carriers, months or microseconds; the signs are those of the interval.
_MONTH_FIELDS = {"year": ("{0} // 12", t.IntegerType()), "month": ("{0} % 12", t.ByteType())}
_TIME_FIELDS: dict[str, tuple[str, t.DataType]] = {
    "day": (f"{{0}} // {_DAY}", t.IntegerType()),
    "hour": (f"{{0}} % {_DAY} // 3600000000", t.ByteType()),
    "minute": ("{0} % 3600000000 // 60000000", t.ByteType()),
    "seconds": (
        "CAST({0} % 60000000 AS DECIMAL(8,0)) * CAST(0.000001 AS DECIMAL(7,6))",
        _SECONDS,
    ),
}


def _field_sql(field: Field, argument: str, source: t.DataType, ctx: SqlContext) -> str:
    from lightstream.functions.spelling import duck_type

    local = to_local(argument, ctx) if isinstance(source, t.TimestampType) else argument
    return f"CAST({field.sql.format(local)} AS {duck_type(field.type)})"


def _plain(names: str, key: str) -> None:
    field = _FIELDS[key]

    def spell(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
        return _field_sql(field, args[0], type_of(call.args[0]), ctx)

    def bind(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
        if field.of_time and args and isinstance(type_of(args[0]), t.TimeType):
            raise mismatch.no_time_type()
        return signature("anytimestamp -> int" if field.of_time else "date -> int").bind(name, args, conf)

    scalar(names, bind, spell)


_plain("year", "year")
_plain("quarter", "quarter")
_plain("month", "month")
_plain("day", "day")
_plain("dayofmonth", "day")
_plain("dayofyear", "dayofyear")
_plain("dayofweek", "dayofweek")
_plain("weekday", "weekday")
_plain("weekofyear", "weekofyear")
_plain("hour", "hour")
_plain("minute", "minute")
_plain("second", "second")
scalar("dayname", "date -> string", "strftime({0}, '%a')")
scalar("monthname", "date -> string", "strftime({0}, '%b')")


# ---- extract --------------------------------------------------------------------------------------------------


def _bind_extract(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    signature("any, any -> any").check_count(name, args)
    value = constant(args[0])
    if value is NOT_CONSTANT:
        raise AnalysisException(
            "NON_FOLDABLE_ARGUMENT",
            f"The function `{name}` requires the parameter `field` to be a constant of type STRING.",
            sqlstate="42K08",
            parameters={"funcName": f"`{name}`", "paramName": "`field`", "paramType": '"STRING"'},
        )
    if value is None:
        return Bound(args, t.DoubleType(), True)
    key, source = _FIELD_OF.get(str(value).lower(), ""), type_of(args[1])
    if isinstance(source, t.TimeType):
        raise mismatch.no_time_type()
    if isinstance(source, t.CalendarIntervalType):
        raise unsupported(f"The function {name} of an interval of months, days and time at once")
    if isinstance(source, t.YearMonthIntervalType | t.DayTimeIntervalType):
        fields = _MONTH_FIELDS if isinstance(source, t.YearMonthIntervalType) else _TIME_FIELDS
        if key in list(fields)[source.startField : source.endField + 1]:
            return Bound(args, fields[key][1], any_nullable(args))
    elif key:
        field = _FIELDS[key]
        parsed = signature("any, anytimestamp -> any" if field.of_time else "any, date -> any")
        bound = parsed.bind(name, args, conf)
        return Bound(bound.args, field.type, any_nullable(bound.args))
    text = mismatch.text_of(args[1])
    raise AnalysisException(
        "INVALID_EXTRACT_FIELD",
        f'Cannot extract `{value}` from "{text}".',
        sqlstate="42601",
        parameters={"field": f"`{value}`", "expr": f'"{text}"'},
    )


def _extract(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    from lightstream.functions.spelling import duck_type

    value, source = constant(call.args[0]), type_of(call.args[1])
    if value is None:
        return "CAST(NULL AS DOUBLE)"
    key = _FIELD_OF[str(value).lower()]
    if isinstance(source, t.AnsiIntervalType):
        fields = _MONTH_FIELDS if isinstance(source, t.YearMonthIntervalType) else _TIME_FIELDS
        return f"CAST({fields[key][0].format(args[1])} AS {duck_type(call.type)})"
    return _field_sql(_FIELDS[key], args[1], source, ctx)


scalar("extract datepart", _bind_extract, _extract, shown="{name}({0} FROM {1})")
scalar("date_part", _bind_extract, _extract)

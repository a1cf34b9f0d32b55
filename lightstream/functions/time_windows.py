"""Windows of event time: `window`, `session_window`, `window_time`; `analyze.time_windows` makes columns of them."""

from __future__ import annotations

from collections.abc import Sequence

from lightstream.conf import Conf
from lightstream.errors import AnalysisException, IllegalArgumentException
from lightstream.functions import mismatch
from lightstream.functions.cast_times import to_instant, to_local
from lightstream.functions.coercion import cast_to
from lightstream.functions.interval_text import Interval, parse_interval
from lightstream.functions.registry import Bound, SqlContext, scalar
from lightstream.functions.spelling import native_sql
from lightstream.plan import expressions as e
from lightstream.plan import types as t
from lightstream.plan.expressions import Call, Expression, Literal, type_of

WINDOW_MARK = "spark.timeWindow"
"""The key in the metadata of a column that `window` made, as in Spark."""
SESSION_MARK = "spark.sessionWindow"
"""The key in the metadata of a column that `session_window` made, as in Spark."""

_DAY_US = 86_400_000_000
# With more windows a row, a list of them all is longer to write than to compute.
_MAX_WRITTEN = 12


def window_struct(data_type: t.DataType) -> t.StructType:
    """Return the type of windows over times of a type."""
    return t.StructType([t.StructField("start", data_type), t.StructField("end", data_type)])


def interval_us(text: str) -> int:
    """Return the microseconds of an interval's text without months.

    Raises:
        AnalysisException: CANNOT_PARSE_INTERVAL.
        IllegalArgumentException: it has months.
    """
    interval = interval_of(text)
    if interval.months:
        raise IllegalArgumentException(
            "_LEGACY_ERROR_TEMP_3231", f"Intervals greater than a month is not supported ({text})."
        )
    return interval.days * _DAY_US + interval.us


def interval_of(text: str) -> Interval:
    """Return months, days and microseconds of an interval's text.

    Raises:
        AnalysisException: CANNOT_PARSE_INTERVAL.
    """
    try:
        return parse_interval(text)
    except IllegalArgumentException as error:
        raise AnalysisException(
            "CANNOT_PARSE_INTERVAL",
            f"Unable to parse '{text}'. Write it as '10 minutes' or '1 hour 30 seconds'. ({error.getMessage()})",
            sqlstate="22006",
            parameters={"intervalString": f"'{text}'"},
        ) from None


def _microseconds(argument: Expression) -> Literal:
    value = argument.value if isinstance(argument, Literal) else None
    if isinstance(value, str):
        return Literal(interval_us(value), t.LongType())
    if isinstance(value, int) and isinstance(type_of(argument), t.IntegerType | t.LongType):
        return Literal(value, t.LongType())
    raise AnalysisException(
        "_LEGACY_ERROR_TEMP_1207",
        "The duration and time inputs to window must be an integer, long or string literal.",
    )


def _bind_window(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if not 2 <= len(args) <= 4:
        raise mismatch.wrong_count(name, "[2, 3, 4]", len(args))
    length = _microseconds(args[1])
    slide = _microseconds(args[2]) if len(args) > 2 else length
    start = _microseconds(args[3]) if len(args) > 3 else Literal(0, t.LongType())
    time = _event_time(args[0], conf)
    bound = (time, length, slide, start)
    data_type = type_of(time)
    _check_time(name, bound)
    for what, value in (("window_duration", length.value), ("slide_duration", slide.value)):
        if value <= 0:
            raise mismatch.data_mismatch(
                "VALUE_OUT_OF_RANGE",
                name,
                bound,
                f"The `{what}` must be between (0, 9223372036854775807] (current value = {value}L).",
                exprName=f"`{what}`",
                valueRange="(0, 9223372036854775807]",
                currentValue=f"{value}L",
            )
    if slide.value > length.value:
        raise _constraint(bound, "slide_duration", slide.value, "<=", "window_duration", length.value)
    if abs(start.value) >= slide.value:
        raise _constraint(bound, "abs(start_time)", abs(start.value), "<", "slide_duration", slide.value)
    return Bound(bound, window_struct(data_type), slide.value != length.value)


def _event_time(time: Expression, conf: Conf) -> Expression:
    """Return the time that windows are made of: that of a window, or a column, cast if need be."""
    found = type_of(time)
    if isinstance(found, t.StructType) and found.names == ["start", "end"]:
        from lightstream.functions.registry import bind_call

        return bind_call("window_time", (time,), conf)
    if isinstance(found, t.DateType | t.StringType | t.NullType):
        return cast_to(time, t.TimestampType(), conf.ansi)
    return time


def _check_time(name: str, args: tuple[Expression, ...]) -> None:
    if not isinstance(type_of(args[0]), t.TimestampType | t.TimestampNTZType):
        raise mismatch.unexpected_input(
            name,
            args,
            0,
            '("(TIMESTAMP OR TIMESTAMP WITHOUT TIME ZONE)" or "STRUCT<start: TIMESTAMP, end: TIMESTAMP>" or '
            '"STRUCT<start: TIMESTAMP_NTZ, end: TIMESTAMP_NTZ>")',
        )


def _constraint(
    args: tuple[Expression, ...], left: str, left_value: int, relation: str, right: str, right_value: int
) -> AnalysisException:
    return mismatch.data_mismatch(
        "PARAMETER_CONSTRAINT_VIOLATION",
        "window",
        args,
        f"The `{left}`({left_value}L) must be {relation} the `{right}`({right_value}L).",
        leftExprName=f"`{left}`",
        leftExprValue=f"{left_value}L",
        constraint=relation,
        rightExprName=f"`{right}`",
        rightExprValue=f"{right_value}L",
    )


def _shown_window(call: Call, args: Sequence[str]) -> str:
    return f"window({', '.join(args)})" if call.type == t.NullType() else "window"


def _timestamp(us: str, data_type: t.DataType) -> str:
    return f"make_timestamptz({us})" if isinstance(data_type, t.TimestampType) else f"make_timestamp({us})"


def _window_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    """Return the window of a time, or the list of windows that it may be in; no longer ones than it can be in."""
    length, slide, start = (a.value for a in call.args[1:] if isinstance(a, Literal))
    data_type = type_of(call.args[0])

    def of(begin: str) -> str:
        end = _timestamp(f"{begin} + {length}", data_type)
        return f'struct_pack("start" := {_timestamp(begin, data_type)}, "end" := {end})'

    def body(last: str) -> str:
        if slide == length:
            return of(last)
        count = -(-length // slide)
        if count <= _MAX_WRITTEN:
            return f"[{', '.join(of(f'{last} - {i * slide}') for i in range(count))}]"
        return f"list_transform(range({count}), lambda ls_w: {of(f'{last} - ls_w * {slide}')})"

    us = f"epoch_us({args[0]})"
    # DuckDB's remainder has the sign of the dividend, as Java's.
    remainder = f"(({us} - {start}) % {slide} + {slide}) % {slide}"
    return body(f"({us} - {remainder})")  # DuckDB computes what is written several times once


scalar("window", _bind_window, _window_sql, shown=_shown_window)


def _bind_window_time(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if len(args) != 1:
        raise mismatch.wrong_count(name, "1", len(args))
    window = args[0]
    found = type_of(window)
    made = isinstance(window, Call) and window.name in ("window", "session_window")
    marked = isinstance(window, e.Attribute) and (window.metadata or {}).keys() & {WINDOW_MARK, SESSION_MARK}
    if not isinstance(found, t.StructType) or found.names != ["start", "end"] or not (made or marked):
        raise AnalysisException(
            "_LEGACY_ERROR_TEMP_3101",
            f"The input is not a correct window column: window_time({mismatch.text_of(window)})",
        )
    return Bound(args, found["end"].dataType, True)


def _window_time_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    return _timestamp(f"epoch_us(struct_extract({args[0]}, 'end')) - 1", call.type)


scalar("window_time", _bind_window_time, _window_time_sql)


def _bind_session(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if len(args) != 2:
        raise mismatch.wrong_count(name, "2", len(args))
    time, gap = _event_time(args[0], conf), args[1]
    if isinstance(gap, Literal) and (gap.value is None or isinstance(gap.value, str)):
        gap = Literal(_gap_value(gap.value), t.CalendarIntervalType())
    bound = (time, gap)
    _check_time(name, bound)
    found = type_of(gap)
    if not isinstance(found, t.CalendarIntervalType | t.StringType):
        raise AnalysisException(
            "_LEGACY_ERROR_TEMP_1040",
            "Gap duration expression used in session window must be CalendarIntervalType, but got "
            + repr(found).removesuffix("()").replace(", ", ","),
        )
    return Bound(bound, window_struct(type_of(time)), False)


def _gap_value(text: str | None) -> tuple[int, int, int] | None:
    """Return months, days and microseconds of a gap; None, in which no row is, where the text is no interval."""
    try:
        interval = parse_interval(text or "")
    except IllegalArgumentException:
        return None
    return interval.months, interval.days, interval.us


def has_fixed_gap(call: Call) -> bool:
    """Return whether the gap of a session window is the same for all rows, and positive."""
    gap = call.args[1]
    return isinstance(gap, Literal) and gap.value is not None and sum(gap.value) > 0


def _gap_parts(gap: Expression, text: str) -> tuple[str, str, str]:
    """Return months, days and microseconds of a gap."""
    if isinstance(gap, Literal):
        months, days, us = map(str, gap.value or (0, 0, "NULL"))
        return months, days, us
    if isinstance(type_of(gap), t.StringType):
        parts = native_sql("interval_parts", text)
        return f"CAST({parts}[1] AS INTEGER)", f"CAST({parts}[2] AS INTEGER)", f"{parts}[3]"
    months = f"CAST(datepart('year', {text}) * 12 + datepart('month', {text}) AS INTEGER)"
    minutes = f"(datepart('hour', {text}) * 60 + datepart('minute', {text}))"
    us = f"({minutes} * 60000000 + datepart('microseconds', {text}))"
    return months, f"CAST(datepart('day', {text}) AS INTEGER)", us


def _session_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    """Return the session of a row alone: from its time to the gap after it."""
    data_type = type_of(call.args[0])
    time = end = args[0]
    months, days, us = _gap_parts(call.args[1], args[1])
    if (months, days) != ("0", "0"):
        # Months and days are those of the local calendar.
        local = isinstance(data_type, t.TimestampType)
        end = f"({to_local(end, ctx) if local else end} + to_months({months}) + to_days({days}))"
        end = to_instant(end, ctx) if local else end
    end = _timestamp(f"epoch_us({end}) + {us}", data_type)
    return f'struct_pack("start" := {time}, "end" := {end})'


def _shown_session(call: Call, args: Sequence[str]) -> str:
    return "session_window"


scalar("session_window", _bind_session, _session_sql, shown=_shown_session)

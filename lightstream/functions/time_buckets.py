"""time_bucket: the start of the bucket of equal length that a timestamp lies in."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lightstream.conf import Conf
from lightstream.errors import unsupported
from lightstream.functions import mismatch
from lightstream.functions.cast_times import is_utc, to_local
from lightstream.functions.coercion import cast_to
from lightstream.functions.local_time import floor_divided, shifted
from lightstream.functions.registry import Bound, SqlContext, any_nullable, is_constant, scalar
from lightstream.functions.spelling import duck_type, let
from lightstream.functions.zones import zone_of
from lightstream.plan import types as t
from lightstream.plan.expressions import Call, Cast, Expression, Literal, type_of

_DAY = 86_400_000_000
_SIZES = '("INTERVAL DAY TO SECOND" or "INTERVAL YEAR TO MONTH")'


def _bind(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if not 2 <= len(args) <= 3:
        raise mismatch.wrong_count(name, "[2, 3]", len(args))
    kinds = [type_of(argument) for argument in args]
    given = kinds[-1] if isinstance(kinds[1], t.NullType) else kinds[1]
    result: t.DataType = t.TimestampType()
    if isinstance(given, t.TimestampNTZType):
        result = given
    if len(args) == 2:
        args = (*args, _epoch(result, conf.time_zone))
    if not isinstance(kinds[0], t.AnsiIntervalType | t.NullType):
        raise mismatch.unexpected_input(name, args, 0, _SIZES)
    if not isinstance(kinds[1], t.TimestampType | t.TimestampNTZType | t.NullType):
        raise mismatch.unexpected_input(name, args, 1, '"(TIMESTAMP OR TIMESTAMP WITHOUT TIME ZONE)"')
    if len(kinds) == 3 and kinds[2] != result and not isinstance(kinds[2], t.NullType):
        raise mismatch.unexpected_input(name, args, 2, f'"{result.sql()}"')
    for position, what in ((0, "bucketSize"), (2, "origin")):
        if not is_constant(args[position]):
            raise mismatch.not_constant(name, args, position, what)
    size = _size(args[0])
    if size is not None and size <= 0:
        message = f"The `bucketSize` must be positive (current value = {size})."
        raise mismatch.data_mismatch("VALUE_OUT_OF_RANGE", name, args, message, exprName="`bucketSize`")
    typed = (args[0], *(cast_to(argument, result, conf.ansi) for argument in args[1:]))
    return Bound(typed, result, any_nullable(args))


def _epoch(kind: t.DataType, zone: str) -> Literal:
    """Return the midnight with which 1970 begins in the session's time zone."""
    text = "1970-01-01 00:00:00"
    found = zone_of(zone)
    if isinstance(kind, t.TimestampNTZType):
        return Literal(0, kind)
    if isinstance(found, int):
        return Literal(-found, kind, text)
    import datetime
    import zoneinfo

    midnight = datetime.datetime(1970, 1, 1, tzinfo=zoneinfo.ZoneInfo(found))
    return Literal(round(midnight.timestamp()) * 1_000_000, kind, text)


def _size(size: Expression) -> int | None:
    """Return the microseconds or months of a bucket; None for NULL."""
    while isinstance(size, Cast) and isinstance(size.child, Literal) and size.child.value is None:
        size = size.child
    if not isinstance(size, Literal):
        raise unsupported("time_bucket with a size that is computed", "Write the interval as a constant.")
    return None if size.value is None else int(size.value)


def _sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    size, origin = _size(call.args[0]), args[2]
    if size is None:
        return f"CAST(NULL AS {duck_type(call.type)})"
    local = isinstance(call.type, t.TimestampNTZType)
    months = isinstance(type_of(call.args[0]), t.YearMonthIntervalType)

    def moved(change: Callable[[str], str]) -> str:
        return change(origin) if local else shifted(origin, change, ctx)

    def start(count: str) -> str:
        """Return the start of a bucket by its number: of days and months by the clocks of the time zone."""
        if months:
            return moved(lambda at: f"({at} + to_months(CAST({count} * {size} AS INTEGER)))")
        days, rest = f"({count} * {size} // {_DAY})", f"({count} * {size} % {_DAY})"
        begin = moved(lambda at: f"({at} + to_days(CAST({days} AS INTEGER)))")
        return f"make_timestamptz(epoch_us({begin}) + {rest})"

    def by_clocks(v: str) -> str:
        """Return the last start that is not after the timestamp: around the one by length."""
        if months:
            one, other = (v, origin) if local else (to_local(v, ctx), to_local(origin, ctx))
            apart = f"((year({one}) - year({other})) * 12 + month({one}) - month({other}))"
        else:
            apart = f"(epoch_us({v}) - epoch_us({origin}))"
        near = floor_divided(apart, size)
        starts = f"list_transform([{near} - 1, {near}, {near} + 1], lambda ls_n: {start('ls_n')})"
        return f"list_max(list_filter({starts}, lambda ls_s: ls_s <= {v}))"

    def by_length(v: str) -> str:
        make = "make_timestamp" if local else "make_timestamptz"
        count = floor_divided(f"(epoch_us({v}) - epoch_us({origin}))", size)
        return f"{make}(epoch_us({origin}) + {count} * {size})"

    if not months and (local or size < _DAY or is_utc(ctx)):
        return let(args[1], by_length, "ts")
    return let(args[1], by_clocks, "ts")


scalar("time_bucket", _bind, _sql)

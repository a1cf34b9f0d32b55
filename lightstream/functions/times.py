"""Times of day. Spark 4.3 keeps most of TIME behind a switch that is off, and says so; what it lets through is here."""

from __future__ import annotations

from collections.abc import Sequence

from lightstream.conf import Conf
from lightstream.functions import mismatch
from lightstream.functions.cast_times import to_local
from lightstream.functions.registry import Bound, SqlContext, scalar
from lightstream.functions.signatures import parse as signature
from lightstream.plan import types as t
from lightstream.plan.expressions import Call, Cast, Expression, Literal

# Functions that Spark refuses while `spark.sql.timeType.enabled` is off, with how many arguments they take.
_SWITCHED_OFF = {
    "make_time": "any, any, any", "time_diff": "any, any, any", "time_trunc": "any, any",
    "time_from_seconds": "any", "time_from_millis": "any", "time_from_micros": "any",
    "time_to_seconds": "any", "time_to_millis": "any", "time_to_micros": "any",
    "to_time": "any, any?", "try_to_time": "any, any?", "time": "any",
}  # fmt: skip


def _bind_switched_off(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    signature(f"{_SWITCHED_OFF[name]} -> any").check_count(name, args)
    raise mismatch.no_time_type()


for _name in _SWITCHED_OFF:
    scalar(_name, _bind_switched_off, "NULL")


def _bind_current(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    bound = signature("int=6 -> any").bind(name, args, conf)
    precision = _whole(bound.args[0])
    if precision is None:
        raise mismatch.not_constant(name, bound.args, 0, "precision")
    if not 0 <= precision <= 6:
        raise mismatch.data_mismatch(
            "VALUE_OUT_OF_RANGE",
            name,
            bound.args,
            f"The `precision` must be between [0, 6] (current value = {precision}).",
        )
    return Bound(bound.args, t.TimeType(precision), False)


def _whole(argument: Expression) -> int | None:
    """Return the value of a constant, of a sum of constants too."""
    match argument:
        case Literal(value=int() as value):
            return value
        case Cast(child=child):
            return _whole(child)
        case Call(name="+", args=(left, right)):
            one, other = _whole(left), _whole(right)
            return None if one is None or other is None else one + other
    return None


def _current_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    assert isinstance(call.type, t.TimeType)
    unit = 10 ** (6 - call.type.precision)
    now = to_local("getvariable('lightstream_now')", ctx)
    local = f"epoch_us({now})"
    return f"CAST(make_timestamp({local} - {local} % {unit}) AS TIME)"


scalar("current_time localtime", _bind_current, _current_sql, shown="current_time({0})")

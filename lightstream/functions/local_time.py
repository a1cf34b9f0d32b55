"""What the date and time functions share: floor division, and local time that keeps its offset where it can."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lightstream.conf import Conf
from lightstream.errors import unsupported
from lightstream.functions import mismatch
from lightstream.functions.cast_times import is_utc, to_instant
from lightstream.functions.coercion import cast_to
from lightstream.functions.registry import NOT_CONSTANT, Binder, Bound, SqlContext, any_nullable, constant
from lightstream.functions.spelling import let
from lightstream.plan import types as t
from lightstream.plan.expressions import Cast, Expression, type_of


def floor_divided(sql: str, divisor: int) -> str:
    """Return a BIGINT text divided towards minus infinity (DuckDB's `//` goes towards zero)."""
    return let(
        sql, lambda v: f"({v} // {divisor} - CASE WHEN {v} % {divisor} < 0 THEN 1 ELSE 0 END)", "whole"
    )


def shifted(instant: str, change: Callable[[str], str], ctx: SqlContext) -> str:
    """Return an instant whose local time `change` changed.

    As in Java the offset from UTC stays where the new local time has it (it matters in a repeated hour); elsewhere
    the new local time gives the instant.
    """
    if is_utc(ctx):
        return f"make_timestamptz(epoch_us({change(f'make_timestamp(epoch_us({instant}))')}))"

    def body(v: str) -> str:
        local = f"CAST({v} AS TIMESTAMP)"

        def place(new: str) -> str:
            near = f"make_timestamptz(epoch_us({v}) + (epoch_us({new}) - epoch_us({local})))"
            return f"CASE WHEN CAST({near} AS TIMESTAMP) = {new} THEN {near} ELSE {to_instant(new, ctx)} END"

        return let(change(local), place, "new")

    return let(instant, body, "instant")


def constant_text(name: str, argument: Expression, what: str) -> str | None:
    """Return the value of a string argument that must be a constant here (None for NULL).

    Raises:
        UnsupportedOperationException: for one that is not.
    """
    value = constant(argument.child if isinstance(argument, Cast) else argument)
    if value is NOT_CONSTANT:
        raise unsupported(f"The function {name} with {what} that is not a constant")
    return None if value is None else str(value)


def exact_types(allowed: Sequence[type[t.DataType]], shown: str, result: t.DataType) -> Binder:
    """Return a binder for functions of one argument for which Spark converts nothing but NULL."""

    def bind(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
        if len(args) != 1:
            raise mismatch.wrong_count(name, "1", len(args))
        argument, found = args[0], type_of(args[0])
        if isinstance(found, t.NullType):
            argument = cast_to(argument, allowed[0](), conf.ansi)
        elif not isinstance(found, tuple(allowed)):
            raise mismatch.unexpected_input(name, args, 0, shown)
        return Bound((argument,), result, any_nullable((argument,)))

    return bind

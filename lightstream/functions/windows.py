"""Functions that need OVER: ranks, and values of other rows.

What the analyzer must know of a window stands in the entries' `extra`: `frame` is "rows" where Spark fixes the frame
to the rows up to this one, "offset" for lag and lead, and absent where the given frame counts. All need ORDER BY.
"""

from __future__ import annotations

from collections.abc import Sequence

from lightstream.conf import Conf
from lightstream.errors import AnalysisException, unsupported
from lightstream.functions import mismatch
from lightstream.functions.coercion import cast_to, implicit_type
from lightstream.functions.registry import OVER, Binder, Bound, SqlContext, is_constant, window
from lightstream.functions.signatures import parse as signature
from lightstream.plan import types as t
from lightstream.plan.expressions import Call, Expression, Literal, nullable_of, type_of

# ---- ranks ----------------------------------------------------------------------------------------------------


def _any_arguments(result: t.DataType) -> Binder:
    """Spark: the rank functions take any number of arguments and pay no heed to them."""

    def bind(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
        return Bound((), result, False)

    return bind


window("row_number", "-> int!", f"CAST(row_number(){OVER} AS INTEGER)", frame="rows")
window(
    "rank", _any_arguments(t.IntegerType()), f"CAST(rank(){OVER} AS INTEGER)", shown="RANK()", frame="rows"
)
window(
    "dense_rank",
    _any_arguments(t.IntegerType()),
    f"CAST(dense_rank(){OVER} AS INTEGER)",
    shown="DENSE_RANK()",
    frame="rows",
)
window("percent_rank", _any_arguments(t.DoubleType()), "percent_rank()", shown="PERCENT_RANK()", frame="rows")
window("cume_dist", "-> double!", "cume_dist()")


def _bind_ntile(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    signature("any=1 -> int!").check_count(name, args)
    buckets = args[0] if args else Literal(1, t.IntegerType())
    if not isinstance(type_of(buckets), t.IntegerType):
        raise mismatch.unexpected_input(name, (buckets,), 0, '"INT"')
    if not is_constant(buckets):
        raise mismatch.not_constant(name, (buckets,), 0, "buckets")
    if isinstance(buckets, Literal) and buckets.value <= 0:
        raise _out_of_range(name, (buckets,), "buckets", 2147483647, str(buckets.value))
    return Bound((buckets,), t.IntegerType(), False)


def _out_of_range(
    name: str, args: Sequence[Expression], what: str, most: int, value: str
) -> AnalysisException:
    return mismatch.data_mismatch(
        "VALUE_OUT_OF_RANGE",
        name,
        args,
        f"The {what} must be between (0, {most}] (current value = {value}).",
        exprName=what,
        valueRange=f"(0, {most}]",
        currentValue=value,
    )


window("ntile", _bind_ntile, f"CAST(ntile({{0}}){OVER} AS INTEGER)", frame="rows")


# ---- values of other rows -------------------------------------------------------------------------------------


def _bind_offset(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    """Bind lag and lead: value, offset (1), default (NULL), whether NULLs are skipped (a fourth argument)."""
    if not args:
        raise unsupported(f"The function {name} without an argument")
    signature("any, any=1, any=null, any? -> any").check_count(name, args)
    value = args[0]
    offset = args[1] if len(args) > 1 else Literal(1, t.IntegerType())
    default = args[2] if len(args) > 2 else Literal(None, t.NullType())
    bound = (value, offset, default)
    if not is_constant(offset):
        raise mismatch.not_constant(name, bound, 1, "offset")
    if not isinstance(type_of(offset), t.IntegerType):
        raise AnalysisException(
            "_LEGACY_ERROR_TEMP_1035",
            f"The offset of {name} must be a constant of type INT, other than NULL.",
        )
    found = type_of(value)
    if not _fits_default(type_of(default), found, conf.ansi):
        raise mismatch.unexpected_input(name, bound, 2, f'("{found.sql()}" or "VOID")')
    if not isinstance(type_of(default), t.NullType):
        default = cast_to(default, found, conf.ansi)
    skips = _flag(name, args[3]) if len(args) > 3 else ()
    nullable = nullable_of(value) or nullable_of(default)
    return Bound((value, offset, default, *skips), found, nullable)


def _fits_default(source: t.DataType, found: t.DataType, ansi: bool) -> bool:
    return t.as_nullable(source) == t.as_nullable(found) or implicit_type(source, found, ansi) is not None


def _flag(name: str, argument: Expression) -> tuple[Expression, ...]:
    """Return an `ignoreNulls` argument, or nothing when it is FALSE."""
    if not isinstance(argument, Literal) or not isinstance(argument.value, bool):
        text = mismatch.text_of(argument)
        raise AnalysisException(
            "INVALID_PARAMETER_VALUE.BOOLEAN",
            f"The value of parameter(s) `ignoreNulls` in `{name}` is invalid: expects a boolean literal, but got "
            f'"{text}".',
            sqlstate="22023",
            parameters={
                "functionName": f"`{name}`",
                "parameter": "`ignoreNulls`",
                "invalidValue": f'"{text}"',
            },
        )
    return (argument,) if argument.value else ()


def _offset_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    skips = call.ignore_nulls or len(args) > 3
    offset = call.args[1]
    if skips:
        if not isinstance(offset, Literal):
            raise unsupported(f"{call.name} IGNORE NULLS with a computed offset")
        skips = offset.value != 0  # the row itself, NULL or not
    return f"{call.name}({args[0]}, {args[1]}, {args[2]}{' IGNORE NULLS' if skips else ''})"


for _name in ("lag", "lead"):
    window(_name, _bind_offset, _offset_sql, shown="{name}({0}, {1}, {2})", ignore_nulls=True, frame="offset")


def _bind_nth(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    signature("any, any, any? -> any").check_count(name, args)
    value, offset = args[:2]
    kind = type_of(offset)
    if not isinstance(kind, t.NullType) and implicit_type(kind, t.IntegerType(), conf.ansi) is None:
        raise mismatch.unexpected_input(name, args, 1, '"INT"')
    if not is_constant(offset):
        raise mismatch.not_constant(name, args, 1, "offset")
    if isinstance(offset, Literal) and (offset.value is None or isinstance(offset.value, int)):
        at = offset.value or 0
        if at <= 0:
            raise _out_of_range(name, args, "offset", 2**63 - 1, f"{at}L")
    skips = _flag(name, args[2]) if len(args) > 2 else ()
    return Bound((value, cast_to(offset, t.IntegerType(), conf.ansi), *skips), type_of(value), True)


def _nth_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    skips = " IGNORE NULLS" if call.ignore_nulls or len(args) > 2 else ""
    return f"nth_value({args[0]}, {args[1]}{skips})"


def _shown_nth(call: Call, args: Sequence[str]) -> str:
    skips = " ignore nulls" if call.ignore_nulls or len(args) > 2 else ""
    return f"nth_value({args[0]}, {args[1]}){skips}"


window("nth_value", _bind_nth, _nth_sql, shown=_shown_nth, ignore_nulls=True)

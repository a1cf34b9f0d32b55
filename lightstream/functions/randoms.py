"""What chance gives: numbers, texts, orders. With a seed they are Spark's, for rows of one partition in their order.

A call with a seed is given the number of its row, as its last argument, by the analyser (`rows` in its entry says how
many arguments it has before that). Without a seed DuckDB's generator is used.
"""

from __future__ import annotations

from collections.abc import Sequence

from lightstream.conf import Conf
from lightstream.errors import AnalysisException, unsupported
from lightstream.functions import mismatch
from lightstream.functions.casts import cast_sql
from lightstream.functions.coercion import cast_to
from lightstream.functions.registry import Bound, SqlContext, is_constant, scalar
from lightstream.functions.spelling import native_sql
from lightstream.plan import types as t
from lightstream.plan.expressions import Call, Expression, Literal, nullable_of, type_of

_SEEDS = (t.IntegerType, t.LongType, t.NullType)


def _seed(name: str, args: tuple[Expression, ...], position: int) -> None:
    """Raise DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE for a seed that is no whole number."""
    if not isinstance(type_of(args[position]), _SEEDS):
        raise mismatch.unexpected_input(name, args, position, '("INT" or "BIGINT")')


def _drawn(name: str, call: Call, args: Sequence[str], before: int) -> str:
    """Return the drawing of a function by seed, row and what else it takes."""
    if len(args) != before + 2:
        raise unsupported(
            f"{call.name} with a seed in this place", "Give it a column of its own, in a select list."
        )
    seed, row = args[before:]
    return native_sql(name, f"coalesce(CAST({seed} AS BIGINT), 0)", row, *args[:before])


# ---- numbers --------------------------------------------------------------------------------------------------


def _bind_number(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if len(args) > 1:
        raise mismatch.wrong_count(name, "[0, 1]", len(args))
    if args:
        _seed(name, args, 0)
        if not is_constant(args[0]):
            raise AnalysisException(
                "SEED_EXPRESSION_IS_UNFOLDABLE",
                f'The seed expression "{mismatch.text_of(args[0])}" of {name} must be a constant.',
                sqlstate="42K08",
                parameters={"seedExpr": f'"{mismatch.text_of(args[0])}"', "exprWithSeed": f'"{name}"'},
            )
    return Bound(args, t.DoubleType(), False)


def _rand_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    return _drawn("random_double", call, args, 0) if args else "random()"


def _randn_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    return (
        _drawn("random_gaussian", call, args, 0)
        if args
        else "(sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random()))"
    )


scalar(
    "rand random", _bind_number, _rand_sql, shown="rand({args})", deterministic=False, foldable=False, rows=1
)
scalar("randn", _bind_number, _randn_sql, deterministic=False, foldable=False, rows=1)


def _bind_uniform(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if not 2 <= len(args) <= 3:
        raise mismatch.wrong_count(name, "[2, 3]", len(args))
    for i in (0, 1):
        if not isinstance(type_of(args[i]), t.NumericType | t.NullType):
            raise mismatch.unexpected_input(name, args, i, '"NUMERIC"')
    if len(args) == 3:
        _seed(name, args, 2)
    for i, what in enumerate(("min", "max", "seed")[: len(args)]):
        if not is_constant(args[i]):
            raise mismatch.not_constant(name, args, i, what)
    return Bound(args, _between(type_of(args[0]), type_of(args[1])), False)


_WHOLE = (t.LongType, t.IntegerType, t.ShortType, t.ByteType)


def _between(low: t.DataType, high: t.DataType) -> t.DataType:
    """Return the type of a number between two. Spark: of two decimals the second, unless it fits into the first."""
    if isinstance(low, t.DecimalType) and isinstance(high, t.DecimalType):
        whole = high.precision - high.scale <= low.precision - low.scale
        return low if whole and high.scale <= low.scale else high
    for kind in (t.NullType, t.DoubleType, t.FloatType, t.DecimalType, *_WHOLE):
        for found in (high, low):
            if isinstance(found, kind):
                return t.DoubleType() if kind is t.NullType else found
    return t.DoubleType()


def _uniform_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    low, high = (cast_sql(args[i], type_of(call.args[i]), t.DoubleType(), "ansi", ctx) for i in (0, 1))
    drawn = "random()" if len(args) == 2 else _drawn("random_double", call, args[2:], 0)
    number = f"({low} + ({high} - {low}) * {drawn})"
    return cast_sql(number, t.DoubleType(), call.type, "ansi" if ctx.ansi else "legacy", ctx)


scalar("uniform", _bind_uniform, _uniform_sql, deterministic=False, foldable=False, rows=3)

# ---- texts ----------------------------------------------------------------------------------------------------


def _bind_randstr(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if not 1 <= len(args) <= 2:
        raise mismatch.wrong_count(name, "[1, 2]", len(args))
    if not isinstance(type_of(args[0]), t.NumericType | t.StringType | t.NullType):
        raise mismatch.unexpected_input(name, args, 0, '"INT"')
    if len(args) == 2:
        _seed(name, args, 1)
    for i, what in enumerate(("length", "seed")[: len(args)]):
        if not is_constant(args[i]):
            raise mismatch.not_constant(name, args, i, what)
    length = args[0]
    if isinstance(length, Literal) and isinstance(length.value, int) and length.value < 0:
        message = f"The `length` must be between [0, 2147483647] (current value = {length.value})."
        raise mismatch.data_mismatch("VALUE_OUT_OF_RANGE", name, args, message, exprName="length")
    return Bound((cast_to(length, t.IntegerType(), conf.ansi), *args[1:]), t.StringType(), False)


LETTERS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _randstr_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    length = f"greatest(coalesce({args[0]}, 0), 0)"
    if len(args) > 1:
        return _drawn("random_text", call, (length, *args[1:]), 1)
    letter = f"substr('{LETTERS}', 1 + CAST(floor(random() * {len(LETTERS)}) AS INTEGER), 1)"
    # The condition is there so that each letter is drawn for itself.
    return f"array_to_string(list_transform(range({length}), lambda ls_i: CASE WHEN ls_i >= 0 THEN {letter} END), '')"


scalar("randstr", _bind_randstr, _randstr_sql, deterministic=False, foldable=False, rows=2)


def _bind_uuid(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if args:
        raise unsupported("uuid with a seed")
    return Bound((), t.StringType(), False)


scalar("uuid", _bind_uuid, "CAST(gen_random_uuid() AS VARCHAR)", deterministic=False, foldable=False)

# ---- orders ---------------------------------------------------------------------------------------------------


def _bind_shuffle(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if not 1 <= len(args) <= 2:
        raise mismatch.wrong_count(name, "[1, 2]", len(args))
    array, found = args[0], type_of(args[0])
    if isinstance(found, t.NullType):
        found = t.ArrayType(found, True)
        array = cast_to(array, found, conf.ansi)
    if not isinstance(found, t.ArrayType):
        raise mismatch.unexpected_input(name, args, 0, '"ARRAY"')
    if len(args) == 2 and not isinstance(type_of(args[1]), t.NullType):
        if not isinstance(args[1], Literal) or not isinstance(args[1].type, t.IntegerType | t.LongType):
            raise AnalysisException(
                "INVALID_PARAMETER_VALUE.LONG",
                f'The seed of shuffle must be a whole number as a constant, but is "{mismatch.text_of(args[1])}".',
                sqlstate="22023",
                parameters={
                    "parameter": "`seed`", "functionName": "`shuffle`",
                    "invalidValue": f'"{mismatch.text_of(args[1])}"',
                },
            )  # fmt: skip
        raise unsupported("shuffle with a seed")
    return Bound((array,), found, nullable_of(array))


def _shuffle_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    drawn = "list_transform({0}, lambda ls_e, ls_i: {{k: CASE WHEN ls_i > 0 THEN random() END, v: ls_e}})"
    return f"list_transform(list_sort({drawn.format(args[0])}), lambda ls_p: ls_p.v)"


scalar("shuffle", _bind_shuffle, _shuffle_sql, deterministic=False, foldable=False)

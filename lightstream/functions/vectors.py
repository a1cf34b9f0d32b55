"""Vectors: arrays of floats. Sums are made of doubles, as Spark makes them, and rounded to a float at the end."""

from __future__ import annotations

from collections.abc import Sequence

from lightstream.conf import Conf
from lightstream.functions import mismatch
from lightstream.functions.cast_numbers import to_float
from lightstream.functions.registry import AggregateParts, Bound, SqlContext, aggregate, scalar
from lightstream.functions.spelling import error_sql, let
from lightstream.plan import types as t
from lightstream.plan.expressions import Call, Expression, Literal, type_of

_MISMATCH = error_sql(
    "VECTOR_DIMENSION_MISMATCH", "Vectors must have the same dimension.", "22000", "SparkRuntimeException"
)
_DEGREE = error_sql(
    "INVALID_VECTOR_NORM_DEGREE",
    "The degree of a vector's norm must be 1.0, 2.0, or float('inf').",
    "22023",
    "SparkRuntimeException",
)


def _vectors(name: str, args: tuple[Expression, ...], count: int) -> None:
    """Raise DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE for an argument that is no array of floats."""
    for i, argument in enumerate(args[:count]):
        found = type_of(argument)
        if not isinstance(found, t.ArrayType) or not isinstance(found.elementType, t.FloatType):
            raise mismatch.unexpected_input(name, args, i, '"ARRAY<FLOAT>"')


def _as_float(sql: str) -> str:
    return to_float(sql, t.DoubleType(), t.FloatType())


# ---- of two vectors -------------------------------------------------------------------------------------------


def _bind_pair(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if len(args) != 2:
        raise mismatch.wrong_count(name, "2", len(args))
    _vectors(name, args, 2)
    return Bound(args, t.FloatType(), True)


_OF_PAIRS = {
    "vector_inner_product": "list_inner_product({0}, {1})",
    "vector_l2_distance": "list_distance({0}, {1})",
    "vector_cosine_similarity": (
        "list_inner_product({0}, {1}) / "
        "nullif(sqrt(list_inner_product({0}, {0})) * sqrt(list_inner_product({1}, {1})), 0)"
    ),
}


def _pair_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    def pair(one: str, other: str) -> str:
        known = f"list_count({one}) = len({one}) AND list_count({other}) = len({other})"
        doubles = f"[CAST({one} AS DOUBLE[]), CAST({other} AS DOUBLE[])]"
        return f"CASE WHEN len({one}) <> len({other}) THEN {_MISMATCH} WHEN {known} THEN {doubles} END"

    both = let(args[0], lambda one: let(args[1], lambda other: pair(one, other), "other"), "one")
    # DuckDB looks into lists that are NULL: into what was there before they became so.
    found = _as_float(_OF_PAIRS[call.name].format("coalesce(ls_p[1], [])", "coalesce(ls_p[2], [])"))
    return f"list_transform([{both}], lambda ls_p: CASE WHEN ls_p IS NOT NULL THEN {found} END)[1]"


for _name in _OF_PAIRS:
    scalar(_name, _bind_pair, _pair_sql)

# ---- of one vector and the degree of a norm -------------------------------------------------------------------


def _bind_norm(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if not 1 <= len(args) <= 2:
        raise mismatch.wrong_count(name, "[1, 2]", len(args))
    if len(args) == 1:
        args = (*args, Literal(2.0, t.FloatType()))
    _vectors(name, args, 1)
    if not isinstance(type_of(args[1]), t.FloatType):
        raise mismatch.unexpected_input(name, args, 1, '"FLOAT"')
    return Bound(args, t.FloatType() if name == "vector_norm" else t.as_nullable(type_of(args[0])), True)


def _norm_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    def sizes(vector: str, degree: str) -> str:
        return (
            f"CASE WHEN {vector} IS NULL THEN NULL "
            f"WHEN {degree} NOT IN (1, 2, CAST('inf' AS FLOAT)) THEN {_DEGREE} "
            f"WHEN list_count({vector}) = len({vector}) AND {degree} IS NOT NULL "
            f"THEN list_transform(CAST({vector} AS DOUBLE[]), lambda ls_x: abs(ls_x)) END"
        )

    def body(vector: str, degree: str) -> str:
        norm = (
            f"CASE {degree} WHEN 2 THEN sqrt(list_sum(list_transform(ls_s, lambda ls_x: ls_x * ls_x))) "
            "WHEN 1 THEN list_sum(ls_s) ELSE list_max(ls_s) END"
        )
        norm = f"CASE WHEN len(ls_s) = 0 THEN 0 ELSE {norm} END"
        if call.name == "vector_norm":
            found = _as_float(norm)
        else:
            parts = f"list_transform(CAST({vector} AS DOUBLE[]), lambda ls_x: CAST(ls_x / ls_n AS FLOAT))"
            scaled = f"CASE WHEN len({vector}) = 0 THEN {vector} WHEN ls_n <> 0 THEN {parts} END"
            found = f"list_transform([{norm}], lambda ls_n: {scaled})[1]"
        return f"list_transform([{sizes(vector, degree)}], lambda ls_s: {found})[1]"

    return let(args[0], lambda one: let(args[1], lambda other: body(one, other), "degree"), "vector")


for _name in ("vector_norm", "vector_normalize"):
    scalar(_name, _bind_norm, _norm_sql)

# ---- of many vectors ------------------------------------------------------------------------------------------


def _bind_many(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if len(args) != 1:
        raise mismatch.wrong_count(name, "1", len(args))
    _vectors(name, args, 1)
    return Bound(args, t.ArrayType(t.FloatType(), False), True)


# Floats are added up one after the other, in the order of the rows. Spark: a mean is one that moves with each row.
_STEPS = {"vector_sum": "ls_a + ls_x", "vector_avg": "ls_a + (ls_x - ls_a) / ls_i"}


def _many_parts(call: Call, ctx: SqlContext) -> AggregateParts:
    step = _STEPS[call.name]
    column = "list_transform(ls_all, lambda ls_v: ls_v[ls_d])"
    sums = (
        "list_transform(range(1, len(ls_all[1]) + 1), "
        f"lambda ls_d: list_reduce({column}, lambda ls_a, ls_x, ls_i: {step}))"
    )
    other = "list_filter(ls_all, lambda ls_v: len(ls_v) <> len(ls_all[1]))"
    failure = _MISMATCH.replace("{", "{{").replace("}", "}}")  # the parts are a template
    found = f"CASE WHEN len({other}) > 0 THEN {failure} WHEN len(ls_all) > 0 THEN {sums} END"
    known = "list_filter({0}, lambda ls_v: list_count(ls_v) = len(ls_v))"
    final = f"list_transform([{known}], lambda ls_all: {found})[1]"
    return AggregateParts(("list({0})",), final, ("flatten(list({0} ORDER BY touched))",))


for _name in _STEPS:
    aggregate(_name, _bind_many, _many_parts)

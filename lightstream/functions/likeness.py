"""How alike strings are: in letters, in sound, by their check digit."""

from __future__ import annotations

from collections.abc import Sequence

from lightstream.conf import Conf
from lightstream.functions import mismatch
from lightstream.functions.registry import Bound, SqlContext, scalar
from lightstream.functions.signatures import parse as signature
from lightstream.functions.spelling import let, native_sql
from lightstream.plan import types as t
from lightstream.plan.expressions import Call, Expression, type_of


def _levenshtein_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    # DuckDB counts bytes, Spark characters: they agree where every character is one byte.
    plain = " AND ".join(f"strlen({a}) = length({a})" for a in args[:2])
    distance = f"CAST(levenshtein({args[0]}, {args[1]}) AS INTEGER)"
    exact = native_sql("levenshtein", *args[:2])
    distance = f"CASE WHEN {plain} THEN {distance} ELSE {exact} END"
    known = " AND ".join(f"{a} IS NOT NULL" for a in args[:2])
    if len(args) == 3:
        # Without a limit there is no answer; only where Spark interprets it takes a NULL in a column for 0.
        limit = args[2]
        known += f" AND {limit} IS NOT NULL"
        distance = let(distance, lambda d: f"CASE WHEN {d} > {limit} THEN -1 ELSE {d} END", "distance")
    return f"CASE WHEN {known} THEN {distance} END"


scalar("levenshtein", "string, string, int? -> int", _levenshtein_sql)


scalar(
    "jaro_winkler_similarity", "string, string -> double?", native_sql("jaro_winkler_similarity", "{args}")
)


def _bind_soundex(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if args and not isinstance(
        type_of(args[0]), t.StringType | t.NullType
    ):  # Spark: nothing is cast to a string
        raise mismatch.unexpected_input(name, args, 0, '"STRING"')
    return signature("string -> string").bind(name, args, conf)


scalar("soundex", _bind_soundex, native_sql("soundex", "{0}"))

_LUHN = (
    "list_sum(list_transform(list_reverse(regexp_extract_all({0}, '.')), lambda ls_d, ls_i: CASE WHEN ls_i % 2 = 0 "
    "THEN CAST(ls_d AS INTEGER) * 2 - CASE WHEN ls_d >= '5' THEN 9 ELSE 0 END ELSE CAST(ls_d AS INTEGER) END)) % 10 = 0"
)
scalar("luhn_check", "string -> boolean?", f"CASE WHEN regexp_full_match({{0}}, '[0-9]+') THEN {_LUHN} "
       "WHEN {0} IS NOT NULL THEN FALSE END")  # fmt: skip

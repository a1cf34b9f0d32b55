"""Every recorded answer of Spark to a function or cast, against ours.

`parity_tests/record_functions.py` records the answers. What differs is listed here with its reason, and the lists stay
true: an entry that no longer differs fails.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lightstream.errors import PySparkException
from lightstream.sql import SparkSession

ANSWERS: dict[str, list[Any]] = json.loads(
    (Path(__file__).parent / "golden" / "function_answers.json").read_text(encoding="utf-8")
)
# Results whose last digit is not Spark's: Java's StrictMath, and the order in which moments are added.
LAST_DIGIT = (
    "exp(1)", "cosh(1)", "corr(i, d)", "covar_pop(i, d)", "covar_samp(i, d)", "skewness(i)", "kurtosis(i)",
    "regr_slope(i, d)", "regr_sxy(i, d)", "regr_intercept(i, d)", "regr_r2(i, d)",
)  # fmt: skip
# Java 17 prints some floats with a digit more than they need.
LONGER_FLOATS = (
    "cast(99999999999.9 as float)",
    "cast(123456789.123456789 as float)",
    "cast(2147483647.9D as float)",
)
# What is refused by name although Spark has it.
REFUSED = (
    "'abab' rlike '(ab)\\\\1'", "'abc' rlike 'a(?=b)'", "'aaa' rlike 'a++'", "'abc' rlike '[[:alpha:]]'",
    "'abc\\n' rlike 'c$'", "'a]b' rlike '[]]'", "'a&&b' rlike '[a&&b]'", "regexp_replace('abc', 'x*', '-')",
    "regexp_replace('abcabc', 'b', 'X', 3)", "split('a|b', '|')",
)  # fmt: skip
# Spark looks into constants when it declares what can be NULL.
NULLABILITY = ("array(1)[NULL]", "try_element_at(array(1, 2), 0)")
OTHER_ERROR = ("sequence(1, 'a')",)
# Column names that the analyser makes otherwise, or that were not settled.
NAMES = (
    "negative(5)", "negative(1.5)", "(1, 2) in ((1, 2), (3, 4))", "(1, 'a')", "round(0.1F + 0.2F, 5)",
    "NULL[0] = 1",
)  # fmt: skip
NAMES_WITH = (
    "interval",
    "timestamp'",
    "cast(NULL as array<",
    "->",
    "date'0001",
    "as array<",
    "as map<",
    "as struct<",
    "F as ",
)


@pytest.fixture(scope="module")
def session() -> Iterator[SparkSession]:
    session = SparkSession.builder.config("spark.sql.session.timeZone", "UTC").getOrCreate()
    try:
        yield session
    finally:
        session.stop()


def answer(session: SparkSession, statement: str) -> list[Any]:
    """Return ours as the recorder writes Spark's."""
    try:
        frame = session.sql(f"select {statement}")
        field = frame.schema.fields[0]
    except PySparkException as error:
        return [_error(error)]
    known = [field.name, field.dataType.jsonValue(), field.nullable]
    try:
        return [*known, frame.toDF("v").selectExpr("cast(v as string) as v").collect()[0][0]]
    except PySparkException as error:
        return [*known, _error(error)]


def _error(error: PySparkException) -> dict[str, Any]:
    return {
        "condition": error.getCondition(),
        "class": type(error).__name__,
        "sqlstate": error.getSqlState(),
    }


def _expression(statement: str) -> str:
    return statement.split(" from values ")[0]


def differences(statement: str, ours: list[Any]) -> dict[str, tuple[Any, Any]]:
    """Return what differs between Spark's answer and ours."""
    theirs = ANSWERS[statement]
    if len(theirs) == 1 or len(ours) == 1:
        return {} if theirs[-1] == ours[-1] else {"error": (theirs[-1], ours[-1])}
    parts = zip(("name", "type", "nullable", "value"), theirs, ours, strict=True)
    return {
        what: (a, b) for what, a, b in parts if json.dumps(a, sort_keys=True) != json.dumps(b, sort_keys=True)
    }


def _excused(statement: str, found: dict[str, tuple[Any, Any]]) -> set[str]:
    expression = _expression(statement)
    excused = set()
    if expression in (*LAST_DIGIT, *LONGER_FLOATS):
        excused.add("value")
    if expression in REFUSED or expression in OTHER_ERROR:
        excused |= {"error", "value"}
    if expression in NULLABILITY:
        excused.add("nullable")
    # A typed literal is a cast here, which shows, and which Spark's rules call nullable.
    if expression in NAMES or any(part in expression for part in NAMES_WITH):
        excused |= {"name", "nullable"}
    value = found.get("value", (None, None))[1]
    theirs, error = found.get("error", (None, None))
    if isinstance(theirs, dict) and str(theirs["condition"]).startswith("DATATYPE_MISMATCH.CAST_WITH_"):
        excused.add("error")  # which suggestion comes with a refused cast is the analyser's
    for ours in (value, error):
        if (
            isinstance(ours, dict)
            and ours["condition"] == "LIGHTSTREAM_UNSUPPORTED"
            and "interval" in expression
        ):
            excused |= {"value", "error"}
    return excused


def _families() -> dict[str, list[str]]:
    families: dict[str, list[str]] = {}
    for statement in ANSWERS:
        expression = _expression(statement)
        family = (
            "aggregates" if expression != statement else expression.split("(")[0].strip().split(" ")[0][:12]
        )
        families.setdefault("casts" if "cast" in family else family, []).append(statement)
    big = {name: cases for name, cases in families.items() if len(cases) > 20}
    rest = [case for name, cases in families.items() if name not in big for case in cases]
    return {**big, "others": rest}


@pytest.mark.parametrize("family", sorted(_families()))
def test_answers_are_sparks(session: SparkSession, family: str) -> None:
    wrong = []
    for statement in _families()[family]:
        found = differences(statement, answer(session, statement))
        bad = {what: pair for what, pair in found.items() if what not in _excused(statement, found)}
        if bad:
            wrong.append(f"{_expression(statement)}: {bad}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("expression", (*LAST_DIGIT, *LONGER_FLOATS))
def test_values_that_differ_differ_in_the_last_digits_only(session: SparkSession, expression: str) -> None:
    statement = next(s for s in ANSWERS if _expression(s) == expression)
    theirs, ours = ANSWERS[statement][3], answer(session, statement)[3]
    assert theirs != ours
    assert float(theirs) == pytest.approx(float(ours), rel=1e-7 if "float" in expression else 1e-14)


@pytest.mark.parametrize("expression", REFUSED)
def test_what_is_refused_is_refused_by_name(session: SparkSession, expression: str) -> None:
    last = answer(session, expression)[-1]
    assert last["condition"] == "LIGHTSTREAM_UNSUPPORTED"

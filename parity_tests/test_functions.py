"""Functions and operators: each expression on both engines, its name, type, nullability and value, or its error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from answers import ask, ask_all
from dates_cases import CASES as DATE_CASES
from dates_cases import QUERY_CASES, ZONES
from function_cases import AGGREGATE_CASES, CASES, TABLES
from known import known
from variant_cases import CASES as VARIANT_CASES
from variant_cases import FROM_JSON as VARIANT_FROM_JSON
from variant_cases import OTHER_FUNCTIONS as OTHER_FUNCTIONS_OF_VARIANTS
from variant_cases import PATHS as VARIANT_PATHS
from variant_cases import QUERIES as VARIANT_QUERIES

from lightstream.parity.answers import Answer, difference

ONE_ROW = "from values (0)"  # Spark computes expressions over literal rows while it plans: no job
LOS_ANGELES = "America/Los_Angeles"
# Family of texts to (zone, texts, what follows the expression; None for whole queries).
FAMILIES: dict[str, tuple[str, tuple[str, ...], str | None]] = {
    **{name: ("UTC", texts, ONE_ROW) for name, texts in CASES.items()},
    **{
        f"{name} in {zone}": (zone, texts, ONE_ROW)
        for zone in ZONES
        for name, texts in DATE_CASES.items()
        if zone == "UTC" or name != "hashing"
    },
    **{f"{name} in {LOS_ANGELES}": (LOS_ANGELES, texts, ONE_ROW) for name, texts in VARIANT_CASES.items()},
    "queries of variants": ("UTC", VARIANT_QUERIES, None),
    "paths of variants": ("UTC", VARIANT_PATHS, None),
    "other functions of variants": ("UTC", OTHER_FUNCTIONS_OF_VARIANTS, None),
    "from_json with variants": ("UTC", VARIANT_FROM_JSON, None),
    **{
        f"aggregates of {name}": ("UTC", texts, f"from {TABLES[name]}")
        for name, texts in AGGREGATE_CASES.items()
    },
    **{
        f"queries of {name} in {zone}": (zone, texts, None)
        for zone in ZONES
        for name, texts in QUERY_CASES.items()
        if zone == "UTC" or name == "dates"
    },
}


def cases() -> Iterator[Any]:
    for family, (_, texts, _) in FAMILIES.items():
        for text in dict.fromkeys(texts):
            case = f"{family}: {text}"
            yield known(case, family, text)


@pytest.fixture(scope="session")
def answers_of(spark: Any, lightstream: Any) -> Callable[[str], tuple[dict[str, Answer], dict[str, Answer]]]:
    """Answers of a family, of Spark and of lightstream; both are asked once."""
    asked: dict[str, tuple[dict[str, Answer], dict[str, Answer]]] = {}

    def family(name: str) -> tuple[dict[str, Answer], dict[str, Answer]]:
        if name not in asked:
            zone, texts, table = FAMILIES[name]
            found = []
            for session in (spark, lightstream):
                session.conf.set("spark.sql.session.timeZone", zone)
                try:
                    if table is None:
                        found.append({text: ask(session, text) for text in texts})
                    elif table == ONE_ROW:
                        found.append({text: ask(session, f"select {text} {table}") for text in texts})
                    else:
                        found.append(ask_all(session, texts, table))
                finally:
                    session.conf.set("spark.sql.session.timeZone", "UTC")
            asked[name] = (found[0], found[1])
        return asked[name]

    return family


@pytest.mark.parametrize(("family", "text"), list(cases()))
def test_expression(
    answers_of: Callable[[str], tuple[dict[str, Answer], dict[str, Answer]]], family: str, text: str
) -> None:
    in_spark, here = (answers[text] for answers in answers_of(family))
    found = difference(in_spark, here)
    assert found is None, found

"""SQL statements on both engines, clause by clause: schema, rows, or the error's condition."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from answers import ask
from known import known
from sql_text_cases import CASES, SETUP

from lightstream.parity.answers import Answer, difference

Both = tuple[list[Answer], list[Answer]]


def cases() -> Iterator[Any]:
    for family, texts in CASES.items():
        for position, text in enumerate(texts):
            case = f"sql {family} {position}: {text}"
            yield known(case, family, position)


@pytest.fixture(scope="session")
def statements(spark: Any, lightstream: Any) -> Callable[[str], Both]:
    """Answers of a family, of Spark and of lightstream; the statements run once, in their order."""
    asked: dict[str, Both] = {}

    def family(name: str) -> Both:
        if name not in asked:
            found = []
            for session in (spark, lightstream):
                for text in SETUP:
                    session.sql(text)
                found.append([ask(session, text) for text in CASES[name]])
            asked[name] = (found[0], found[1])
        return asked[name]

    return family


@pytest.mark.parametrize(("family", "position"), list(cases()))
def test_statement(statements: Callable[[str], Both], family: str, position: int) -> None:
    in_spark, here = (answers[position] for answers in statements(family))
    found = difference(in_spark, here)
    assert found is None, found

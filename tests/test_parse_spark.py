"""The parser against what Spark's own parser said, once, about some two thousand texts (`golden/parse_spark.json`)."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from parse_rendering import render

from lightstream.errors import PySparkException, UnsupportedOperationException
from lightstream.parse import parse_expression, parse_statement

GOLDEN = json.loads((Path(__file__).parent / "golden" / "parse_spark.json").read_text(encoding="utf-8"))
TREES: dict[str, str] = GOLDEN["trees"]
VERDICTS: dict[str, list[Any]] = GOLDEN["verdicts"]
_WHERE = re.compile(r"\(line (\d+), pos (\d+)\)")


def test_expressions_become_sparks_trees() -> None:
    wrong = {
        text: (found, tree)
        for text, tree in TREES.items()
        if (found := render(parse_expression(text))) != tree
    }
    assert not wrong
    assert len(TREES) > 600


def _verdict(kind: str, text: str) -> list[Any]:
    parse = parse_statement if kind == "statement" else parse_expression
    try:
        parse(text)
    except UnsupportedOperationException:
        return [kind, "refused"]
    except PySparkException as error:
        where = _WHERE.search(str(error))
        position = [int(number) for number in where.groups()] if where else []
        return [kind, error.getCondition(), *position]
    return [kind, "accepted"]


def test_what_spark_accepts_is_translated_or_refused_by_name() -> None:
    texts = {text: v for text, v in VERDICTS.items() if v[1] in ("accepted", "refused")}
    wrong = {text: found for text, v in texts.items() if (found := _verdict(v[0], text)) != v}
    assert not wrong
    assert len(texts) > 600


def test_what_spark_refuses_fails_with_its_condition_and_position() -> None:
    texts = {text: v for text, v in VERDICTS.items() if v[1] not in ("accepted", "refused")}
    wrong = {}
    for text, verdict in texts.items():
        found = _verdict(verdict[0], text)
        same = found[1] not in ("accepted", "refused") if verdict[1] == "error" else found == verdict
        if not same and found[1:] != verdict[1:2]:
            wrong[text] = (found, verdict)
    assert not wrong
    assert len(texts) > 400


_SOUP = """select from where group by order having limit offset union all except intersect join left on using as with
values table distinct case when then else end and or not in is null like between exists cast interval day over
partition rows preceding current row lateral view explode pivot unpivot for a b t x 1 2.5 'x' "y" `q` ( ) , . * + - / %
= <> < > <=> || :: -> => [ ] ; ! ~ ? : { $ -- /* */ 1e3 1L .5 date'2024-01-01' create temp view insert into show set
describe explain drop if"""


@given(st.lists(st.sampled_from(_SOUP.split()), max_size=14))
def test_no_text_fails_otherwise_than_with_an_error_of_ours(words: list[str]) -> None:
    text = " ".join(words)
    for parse in (parse_statement, parse_expression):
        try:
            parse(text)
        except PySparkException as error:
            assert error.getCondition()


@pytest.mark.parametrize("text", ["(" * 4000 + "1" + ")" * 4000, "not " * 9000 + "a", "- " * 9000 + "a"])
def test_deep_nesting_fails_by_name(text: str) -> None:
    with pytest.raises(PySparkException) as caught:
        parse_expression(text)
    assert caught.value.getCondition() == "FAILED_TO_PARSE_TOO_COMPLEX"


@pytest.mark.parametrize(
    ("before", "after"), [("trim(", ")"), ("substring(", ", 1)"), ("case a when ", " then 1 end"), ("(", ")")]
)
def test_nesting_costs_no_more_than_its_length(before: str, after: str) -> None:
    # Sixty levels: a parser that reads each level twice would not come back.
    parse_expression(before * 60 + "a" + after * 60)

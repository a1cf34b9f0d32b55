"""Dotted names, as column look-ups take them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from lightstream.errors import AnalysisException
from lightstream.parse.identifier import parse_identifier


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a", ("a",)),
        ("a.b.c", ("a", "b", "c")),
        ("`a.b`.c", ("a.b", "c")),
        ("a.b.`c d`", ("a", "b", "c d")),
        ("`a``b`", ("a`b",)),
        ("````", ("`",)),
        ("a b", ("a b",)),
        ("Größe.x", ("Größe", "x")),
        ("*", ("*",)),
        ("", ("",)),
    ],
)
def test_names_are_split_at_their_dots(text: str, parts: tuple[str, ...]) -> None:
    assert parse_identifier(text) == parts


@pytest.mark.parametrize("text", ["a..b", ".a", "a.", "`a", "a`b`", "`a`b", "`a`.", "`a`..b", "a.`b"])
def test_impossible_names_fail(text: str) -> None:
    with pytest.raises(AnalysisException) as caught:
        parse_identifier(text)
    assert caught.value.getCondition() == "INVALID_ATTRIBUTE_NAME_SYNTAX"


def test_the_grammar_is_not_loaded_for_names() -> None:
    code = (
        "import sys; from lightstream.parse.identifier import parse_identifier; parse_identifier('a.`b c`');"
        "print([n for n in sys.modules if n.startswith('lightstream.parse.') or n in ('sqlglot', 'duckdb')])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert found.strip() == "['lightstream.parse.identifier']"

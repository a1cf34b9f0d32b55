"""Java's regular expressions in RE2's words: what is translated, what is refused, and that the rest means the same."""

from __future__ import annotations

import duckdb
import pytest

from lightstream.errors import PySparkException, UnsupportedOperationException
from lightstream.functions import regex
from lightstream.functions.spelling import text_sql


@pytest.mark.parametrize(
    ("java", "re2"),
    (
        (r"\d+", r"\d+"),
        (r"a.b", r"a[^\n\r\x{85}\x{2028}\x{2029}]b"),
        (r"(?s)a.b", r"a(?s:.)b"),
        (r"\s", r"[\s\x0B]"),
        (r"[\s,]", r"[\s\x0B,]"),
        (r"(?<year>\d)", r"(?P<year>\d)"),
        (r"a$", r"a\z"),
        (r"\p{Alpha}", r"[[:alpha:]]"),
        (r"\u00e9", r"\x{00e9}"),
        (r"\Qa.b\E", r"a\.b"),
    ),
)
def test_translations(java: str, re2: str) -> None:
    assert regex.translate(java).re2 == re2


@pytest.mark.parametrize(
    "java",
    (
        r"a(?=b)",
        r"(?<!a)b",
        r"(a)\1",
        "a*+",
        "[a[b]]",
        "[a&&b]",
        "(?>a)",
        r"\G",
        r"\X",
        "a{2000}",
        "(?m)^a",
        "(?i)é",
    ),
)
def test_refusals(java: str) -> None:
    with pytest.raises(UnsupportedOperationException) as caught:
        regex.translate(java)
    assert java in str(caught.value)


@pytest.mark.parametrize("java", ("(", "a)", "(a"))
def test_patterns_that_are_none(java: str) -> None:
    with pytest.raises(PySparkException) as caught:
        regex.translate(java)
    assert caught.value.getCondition() == "INVALID_PARAMETER_VALUE.PATTERN"


@pytest.mark.parametrize(
    ("java", "text", "matches"),
    (
        (r"a.c", "a\rc", False),  # RE2's own dot would match
        (r"a\sc", "a\x0bc", True),  # RE2's own \s would not
        (r"^\w+$", "abc_1", True),
        (r"\p{Lu}\p{Ll}+", "Élan", True),
        (r"[^\d\s]", " 1\x0b", False),
        (r"x{2,3}", "axxb", True),
    ),
)
def test_translations_mean_the_same(java: str, text: str, matches: bool) -> None:
    sql = f"SELECT regexp_matches({text_sql(text)}, {text_sql(regex.translate(java).re2)})"
    assert duckdb.execute(sql).fetchone() == (matches,)


def test_replacements() -> None:
    assert regex.replacement("[$1]", 1) == "[\\1]"
    assert regex.replacement(r"\$5", 0) == "$5"
    assert regex.replacement(r"a\\b", 0) == r"a\\b"
    with pytest.raises(UnsupportedOperationException):
        regex.replacement("$2", 1)
    with pytest.raises(UnsupportedOperationException):
        regex.replacement("${name}", 1)


def test_patterns_without_special_characters() -> None:
    assert regex.is_literal("a,b") == "a,b"
    assert regex.is_literal(r"\.") == "."
    assert regex.is_literal("a.b") is None
    assert regex.is_literal(r"\d") is None
    assert regex.translate("a*").may_match_nothing
    assert not regex.translate("a+").may_match_nothing

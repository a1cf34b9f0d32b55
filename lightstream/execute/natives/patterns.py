"""Java's regular expressions that differ from row to row, as RE2's."""

from __future__ import annotations

from lightstream.errors import unsupported
from lightstream.execute.natives.failure import failing
from lightstream.functions import regex


@failing
def java_pattern(pattern: str) -> str:
    """Return a pattern as RE2's."""
    return regex.translate(pattern).re2


@failing
def java_replaced_pattern(pattern: str) -> str:
    """Return a pattern as RE2's, if RE2 replaces the same texts by it."""
    found = regex.translate(pattern)
    if found.may_replace_nothing:
        raise unsupported(f"regexp_replace with the pattern '{pattern}', which can match empty text")
    return found.re2


@failing
def java_replacement(text: str, pattern: str) -> str:
    """Return the text that takes the place of a match of a pattern as RE2's."""
    return regex.replacement(text, regex.translate(pattern).groups)

"""Dotted names (`a.b.`c d``), as column look-ups take them. Plain Python: imported wherever columns are named."""

from __future__ import annotations

from functools import lru_cache

from lightstream.errors import AnalysisException


@lru_cache(maxsize=4096)
def parse_identifier(text: str) -> tuple[str, ...]:
    """Split a dotted name at its dots; backticks quote a part, a doubled backtick stands for one.

    Raises:
        AnalysisException: INVALID_ATTRIBUTE_NAME_SYNTAX for unbalanced backticks or an empty part.
    """
    if "`" not in text:
        parts = tuple(text.split("."))
        if "" in parts and text:
            raise _invalid(text)
        return parts
    found: list[str] = []
    at, size = 0, len(text)
    while True:
        if at < size and text[at] == "`":
            part, at = _quoted(text, at + 1)
        else:
            end = text.find(".", at)
            end = size if end < 0 else end
            part = text[at:end]
            at = end
            if not part or "`" in part:
                raise _invalid(text)
        found.append(part)
        if at == size:
            return tuple(found)
        if text[at] != ".":
            raise _invalid(text)
        at += 1


def _quoted(text: str, at: int) -> tuple[str, int]:
    part = ""
    while True:
        end = text.find("`", at)
        if end < 0:
            raise _invalid(text)
        part += text[at:end]
        if text[end + 1 : end + 2] != "`":
            return part, end + 1
        part += "`"
        at = end + 2


def _invalid(text: str) -> AnalysisException:
    return AnalysisException(
        "INVALID_ATTRIBUTE_NAME_SYNTAX",
        f"{text} is no column name: the backticks must pair, and no part may be empty.",
        sqlstate="42601",
        parameters={"name": text},
    )

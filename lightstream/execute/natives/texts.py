"""Texts: bytes as UTF-8 and as base 32, how names sound."""

from __future__ import annotations

import base64
import re

from lightstream.errors import SparkRuntimeException, unsupported
from lightstream.execute.natives.failure import failing


def make_valid_utf8(data: bytes) -> str:
    """Return bytes as text, with a replacement character for what is no UTF-8."""
    return data.decode("utf-8", "replace")


def to_base32(data: bytes) -> str:
    """Return bytes as base 32."""
    return base64.b32encode(data).decode()


@failing
def from_base32(text: str) -> bytes:
    """Return the bytes that base 32 stands for; the padding may be missing."""
    bare = text.rstrip("=")
    if not re.fullmatch("[A-Za-z2-7]*", bare) or len(bare) % 8 not in (0, 2, 4, 5, 7):
        raise unsupported(f"from_base32 of the text {text!r}")
    return base64.b32decode(bare.upper() + "=" * (-len(bare) % 8))


def levenshtein(one: str, other: str) -> int:
    """Return how many characters must be put in, taken out or replaced to make one text of the other."""
    row = list(range(len(other) + 1))
    for i, char in enumerate(one, 1):
        before, row[0] = row[0], i
        for j, with_char in enumerate(other, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (char != with_char))
    return row[-1]


def upper(text: str) -> str:
    """Return text in upper case, in which some letters are two."""
    return text.upper()


def initcap(text: str) -> str:
    """Return text with each word, between blanks, beginning with a letter in title case and going on in lower case."""
    words = ((word[:1], word.lower()) for word in text.split(" "))
    return " ".join(first.title() + lower[len(first.lower()) :] for first, lower in words)


_SOUNDS = "01230127022455012623017202"  # of A to Z; 7 is for H and W, which part nothing


def soundex(text: str) -> str:
    """Return the Soundex code of a name; text that begins with no letter stays as it is."""
    if not re.match("[A-Za-z]", text):
        return text
    code = text[0].upper()
    last = _SOUNDS[ord(code) - 65]
    for char in text[1:]:
        char = char.upper() if char.isascii() else char  # to Python the upper case of "ß" is "SS"
        if not "A" <= char <= "Z":
            last = "0"
            continue
        sound = _SOUNDS[ord(char) - 65]
        if sound in "123456" and sound != last:
            code += sound
            if len(code) == 4:
                break
        if sound != "7":
            last = sound
    return code.ljust(4, "0")


@failing
def instr(text: str, part: str, start: int, occurrence: int) -> int:
    """Return where (from 1) a part is found for the nth time; from a negative start backwards. 0 for nowhere."""
    if occurrence < 1:
        raise SparkRuntimeException(
            "INVALID_PARAMETER_VALUE.OCCURRENCE",
            "The value of parameter(s) `occurrence` in `instr` is invalid: expects a positive integer, but got "
            f"{occurrence}.",
            sqlstate="22023",
        )
    if start == 0:
        return 0
    if not part:
        return 1
    at = start - 2 if start > 0 else len(text) + start + 1
    for _ in range(occurrence):
        at = text.find(part, at + 1) if start > 0 else text.rfind(part, 0, max(at - 1 + len(part), 0))
        if at < 0:
            return 0
    return at + 1


def jaro_winkler_similarity(one: str, other: str) -> float:
    """Return how alike two texts are, from 0 to 1: Jaro's measure, more where they begin alike."""
    if one == other or not (one and other):
        return float(one == other)
    reach = max(max(len(one), len(other)) // 2 - 1, 0)
    taken = [False] * len(other)
    left: list[str] = []
    for i, char in enumerate(one):
        for j in range(max(i - reach, 0), min(i + reach + 1, len(other))):
            if not taken[j] and other[j] == char:
                taken[j] = True
                left.append(char)
                break
    if not left:
        return 0.0
    right = [char for char, is_taken in zip(other, taken, strict=True) if is_taken]
    moved = sum(a != b for a, b in zip(left, right, strict=True)) / 2
    count = len(left)
    jaro = (count / len(one) + count / len(other) + (count - moved) / count) / 3
    alike = 0
    while alike < min(4, len(one), len(other)) and one[alike] == other[alike]:
        alike += 1
    return jaro + alike * 0.1 * (1 - jaro)


def interval_parts(text: str) -> list[int] | None:
    """Return months, days and microseconds of an interval's text; None where it is none."""
    from lightstream.errors import IllegalArgumentException
    from lightstream.functions.interval_text import parse_interval

    try:
        found = parse_interval(text)
    except IllegalArgumentException:
        return None
    return [found.months, found.days, found.us]

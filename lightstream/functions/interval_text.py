"""Spark's interval text ("5 seconds", "interval 1.5 seconds", "1 minute 30 seconds") as numbers."""

from __future__ import annotations

from lightstream.dataclass import dataclass
from lightstream.errors import IllegalArgumentException

_UNIT_US = {
    "day": 0,
    "week": 0,
    "hour": 3_600_000_000,
    "minute": 60_000_000,
    "second": 1_000_000,
    "millisecond": 1000,
    "microsecond": 1,
}
_UNIT_DAYS = {"day": 1, "week": 7}
_UNIT_MONTHS = {"month": 1, "year": 12}


@dataclass(frozen=True, slots=True)
class Interval:
    """Months, days and microseconds, kept apart as Spark keeps them."""

    months: int
    days: int
    us: int


def parse_interval(text: str) -> Interval:
    """Return the interval that a text stands for.

    Raises:
        IllegalArgumentException: INVALID_INTERVAL_FORMAT with Spark's subconditions.

    >>> parse_interval("interval 1 minute -1.5 seconds")
    Interval(months=0, days=0, us=58500000)
    """
    words = text.lower().split()
    if words and words[0].startswith("interval"):
        if words[0] != "interval":
            raise _bad(text, "INVALID_PREFIX", f"Invalid interval prefix {words[0]}.", prefix=words[0])
        words = words[1:]
    if not words:
        raise _bad(text, "INPUT_IS_EMPTY", "An interval cannot be empty.")
    months = days = us = 0
    position = 0
    while position < len(words):
        word = words[position]
        sign = 1
        if word[0] in "+-":
            sign = -1 if word[0] == "-" else 1
            number = word[1:]
            if not number:
                position += 1
                if position == len(words):
                    raise _bad(text, "MISSING_NUMBER", f"A number is missing after {word}.", word=word)
                word = number = words[position]
        else:
            number = word
        whole, nanos = _number(text, word, number)
        position += 1
        if position == len(words):
            raise _bad(text, "MISSING_UNIT", f"A unit is missing after {word}.", word=word)
        unit_word = words[position]
        unit = unit_word.removesuffix("s")
        if nanos is not None and unit_word[0] != "s":
            raise _bad(text, "INVALID_FRACTION", f"{unit_word} cannot have a fraction.", unit=unit_word)
        if unit in _UNIT_MONTHS:
            months += sign * whole * _UNIT_MONTHS[unit]
        elif unit in _UNIT_US:
            days += sign * whole * _UNIT_DAYS.get(unit, 0)
            us += sign * (whole * _UNIT_US[unit] + (nanos or 0) // 1000)
        else:
            raise _bad(text, "INVALID_UNIT", f"Invalid unit {unit_word}.", unit=unit_word)
        if abs(months) > 2**31 - 1 or abs(days) > 2**31 - 1 or abs(us) > 2**63 - 1:
            raise _bad(text, "ARITHMETIC_EXCEPTION", "The interval is too large.", input=text)
        position += 1
    return Interval(months, days, us)


def _number(text: str, word: str, number: str) -> tuple[int, int | None]:
    """Return the whole part and, if there is a point, the fraction in billionths."""
    first = number[0]
    if not (first.isascii() and first.isdigit()) and first != ".":
        raise _bad(text, "UNRECOGNIZED_NUMBER", f"Unrecognized number {word}.", number=word)
    whole, point, fraction = number.partition(".")
    if not _is_digits(whole) or not _is_digits(fraction) or (first == "." and not fraction):
        raise _bad(text, "INVALID_VALUE", f"Invalid value {word}.", value=word)
    if len(fraction) > 9:
        raise _bad(text, "INVALID_PRECISION", f"{word} has more than nanoseconds.", value=word)
    if len(whole) > 19:
        raise _bad(text, "ARITHMETIC_EXCEPTION", "The interval is too large.", input=text)
    return int(whole or "0"), int((fraction or "0").ljust(9, "0")) if point else None


def _is_digits(text: str) -> bool:
    return not text or (text.isascii() and text.isdigit())


def _bad(text: str, subcondition: str, why: str, **parameters: str) -> IllegalArgumentException:
    return IllegalArgumentException(
        f"INVALID_INTERVAL_FORMAT.{subcondition}",
        f"Error parsing '{text}' to interval. {why} Write it as '5 seconds' or '1 minute 30 seconds'.",
        sqlstate="22006",
        parameters={"input": text, **parameters},
    )

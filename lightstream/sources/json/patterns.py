"""Java date-time patterns (`yyyy-MM-dd'T'HH:mm:ss.SSSXXX`), for parsing only, with strict rules as Spark sets them."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from lightstream.errors import IllegalArgumentException, unsupported
from lightstream.sources.json.datetimes import (
    Local,
    Zone,
    days_from_civil,
    days_from_valid_civil,
    days_in_month,
    local_micros,
    to_utc,
)

Fields = dict[str, int]
# Parses at a position into the fields; returns the next position, or -1.
Element = Callable[[str, int, Fields], int]

_REFUSED_LETTERS = "YWwuecABnNpEFqQ"  # week-based ones, and those Spark refuses for parsing
_MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_RANGES = {
    "month": (1, 12), "day": (1, 31), "day_of_year": (1, 366), "hour": (0, 23), "clock_hour": (1, 24),
    "hour_of_half": (0, 11), "clock_hour_of_half": (1, 12), "minute": (0, 59), "second": (0, 59), "half": (0, 1),
}  # fmt: skip
_NUMBERS = {
    "d": "day", "H": "hour", "k": "clock_hour", "K": "hour_of_half", "h": "clock_hour_of_half", "m": "minute",
    "s": "second",
}  # fmt: skip
_DIGITS = re.compile(r"[0-9]+")


class CompiledPattern:
    """A pattern ready to parse text."""

    def __init__(self, elements: list[Element]) -> None:
        self._elements = elements

    def timestamp(self, text: str, zone: Zone) -> int | None:
        """Return microseconds since 1970, in `zone` where the text names none; None when it does not match."""
        fields = self._parse(text)
        local = None if fields is None else _local(fields)
        if local is None or fields is None:
            return None
        if "offset" in fields:
            offset = fields["offset"]
            return to_utc(local, lambda year, month, day, second: offset)
        return to_utc(local, zone)

    def timestamp_ntz(self, text: str) -> int | None:
        """Return local microseconds since 1970; None when the text does not match or names a time zone."""
        fields = self._parse(text)
        if fields is None or "offset" in fields:
            return None
        local = _local(fields)
        return None if local is None else local_micros(local)

    def date(self, text: str) -> int | None:
        """Return days since 1970; None when the text does not match."""
        fields = self._parse(text)
        date = None if fields is None else _date(fields)
        days = None if date is None else days_from_valid_civil(*date)
        return days if days is not None and -(2**31) <= days < 2**31 else None

    def _parse(self, text: str) -> Fields | None:
        fields: Fields = {}
        position = _run(self._elements, text, 0, fields)
        if position != len(text):
            return None
        for name, (low, high) in _RANGES.items():
            if name in fields and not low <= fields[name] <= high:
                return None
        return fields if _consistent_clock(fields) else None


@cache
def compile_pattern(pattern: str) -> CompiledPattern:
    """Return a pattern ready to parse.

    Raises:
        IllegalArgumentException: Spark refuses the pattern.
        UnsupportedOperationException: it has letters that are not supported here.
    """
    elements, rest = _elements(pattern, 0, pattern, "S" in _unquoted(pattern))
    if rest != len(pattern):
        raise _bad_pattern(pattern)
    return CompiledPattern(elements)


def _unquoted(pattern: str) -> str:
    return "".join(pattern.split("'")[::2])


def _elements(
    text: str, at: int, pattern: str, fractions: bool, nested: bool = False
) -> tuple[list[Element], int]:
    out: list[Element] = []
    while at < len(text):
        char = text[at]
        if char == "'":
            end = text.find("'", at + 1)
            if end < 0:
                raise _bad_pattern(pattern)
            out.append(_literal(text[at + 1 : end] or "'"))
            at = end + 1
        elif char == "[":
            inner, at = _elements(text, at + 1, pattern, fractions, nested=True)
            out.append(_optional(inner))
        elif char == "]":
            if not nested:
                raise _bad_pattern(pattern)
            return out, at + 1
        elif char in "{}#":
            raise _bad_pattern(pattern)
        elif char.isascii() and char.isalpha():
            count = len(text[at:]) - len(text[at:].lstrip(char))
            at += count
            following = _fixed_digits_after(text, at)
            out.append(_letter(char, count, following, pattern))
        else:
            out.append(_literal(char))
            at += 1
    return out, at


def _fixed_digits_after(text: str, at: int) -> int:
    """Return how many digits the fixed-width numbers that follow without a gap take."""
    total = 0
    while at < len(text) and text[at] in "MdHkKhmsL":
        count = len(text[at:]) - len(text[at:].lstrip(text[at]))
        if count != 2:
            break
        total += 2
        at += 2
    return total


def _letter(letter: str, count: int, following: int, pattern: str) -> Element:
    if letter in _REFUSED_LETTERS:
        raise IllegalArgumentException(
            "INCONSISTENT_BEHAVIOR_CROSS_VERSION.DATETIME_PATTERN_RECOGNITION",
            f"The letter {letter!r} of the datetime pattern {pattern!r} cannot be used for parsing.",
            sqlstate="42K0B",
            parameters={"pattern": pattern, "config": "spark.sql.legacy.timeParserPolicy", "docroot": ""},
        )
    if letter == "y" and count <= 6:
        return (
            _short_year(following) if count == 2 else _year(1 if count < 4 else count, count >= 4, following)
        )
    if letter in "ML" and count <= 4:
        if count <= 2:
            return _number("month", 2, 2, 0) if count == 2 else _number("month", 1, 19, following)
        return _month_name(count == 3)
    if letter in _NUMBERS and count <= 2:
        name = _NUMBERS[letter]
        return _number(name, 2, 2, 0) if count == 2 else _number(name, 1, 19, following)
    if letter == "D" and count <= 3:
        return _number("day_of_year", count, 3 if count > 1 else 19, 0)
    if letter == "S" and count <= 9:
        return _fraction(count)
    if letter == "a" and count == 1:
        return _half
    if letter in "Xx" and count <= 5:
        return _offset(count, zero="Z" if letter == "X" else "")
    if letter == "Z" and count in (1, 2, 3):
        return _offset(2, zero="")
    if letter == "Z" and count == 5:
        return _offset(5, zero="Z")
    if letter in "yMLdHkKhmsDSaXx" or not letter.isalpha():
        raise _bad_pattern(pattern)
    raise unsupported(f"The letter {letter!r} in the datetime pattern {pattern!r}")


def _bad_pattern(pattern: str) -> IllegalArgumentException:
    return IllegalArgumentException(
        "INVALID_DATETIME_PATTERN.WITH_SUGGESTION",
        f"The datetime pattern {pattern!r} is not valid.",
        sqlstate="22007",
        parameters={"pattern": pattern, "docroot": ""},
    )


def _run(elements: list[Element], text: str, at: int, fields: Fields) -> int:
    for element in elements:
        at = element(text, at, fields)
        if at < 0:
            return -1
    return at


def _literal(literal: str) -> Element:
    wanted = literal.lower()

    def parse(text: str, at: int, fields: Fields) -> int:
        end = at + len(wanted)
        return end if text[at:end].lower() == wanted else -1

    return parse


def _optional(inner: list[Element]) -> Element:
    def parse(text: str, at: int, fields: Fields) -> int:
        attempt = dict(fields)
        end = _run(inner, text, at, attempt)
        if end < 0:
            return at
        fields.update(attempt)
        return end

    return parse


def _set(fields: Fields, name: str, value: int, end: int) -> int:
    # A field given twice must have one value.
    if fields.setdefault(name, value) != value:
        return -1
    return end


def _number(name: str, low: int, high: int, reserved: int) -> Element:
    def parse(text: str, at: int, fields: Fields) -> int:
        match = _DIGITS.match(text, at)
        if match is None:
            return -1
        length = len(match.group())
        if length > high or reserved:
            length = min(high, max(low, length - reserved))
        if length < low or length > len(match.group()):
            return -1
        return _set(fields, name, int(text[at : at + length]), at + length)

    return parse


def _year(low: int, padded: bool, reserved: int) -> Element:
    def parse(text: str, at: int, fields: Fields) -> int:
        sign = text[at : at + 1]
        start = at + 1 if sign in ("+", "-") and sign else at
        if sign == "+" and not padded:
            return -1
        match = _DIGITS.match(text, start)
        if match is None:
            return -1
        length = len(match.group())
        if reserved:
            length = max(low, length - reserved)
        length = min(length, 19)
        if length < low or length > len(match.group()):
            return -1
        value = int(text[start : start + length])
        if sign == "-":
            if value == 0:
                return -1
            value = -value
        elif padded and (length > low) != (sign == "+"):
            return -1
        return _set(fields, "year", value, start + length)

    return parse


def _short_year(reserved: int) -> Element:
    def parse(text: str, at: int, fields: Fields) -> int:
        if not (text[at : at + 2].isascii() and text[at : at + 2].isdigit() and len(text[at : at + 2]) == 2):
            return -1
        return _set(fields, "year", 2000 + int(text[at : at + 2]), at + 2)

    return parse


def _month_name(short: bool) -> Element:
    def parse(text: str, at: int, fields: Fields) -> int:
        for index, name in enumerate(_MONTHS):
            wanted = name[:3] if short else name
            if text[at : at + len(wanted)].lower() == wanted:
                return _set(fields, "month", index + 1, at + len(wanted))
        return -1

    return parse


def _fraction(digits: int) -> Element:
    def parse(text: str, at: int, fields: Fields) -> int:
        match = _DIGITS.match(text, at)
        if match is None:
            return -1
        part = match.group()[:digits]
        return _set(fields, "nano", int(part.ljust(9, "0")), at + len(part))

    return parse


def _half(text: str, at: int, fields: Fields) -> int:
    word = text[at : at + 2].lower()
    if word not in ("am", "pm"):
        return -1
    return _set(fields, "half", int(word == "pm"), at + 2)


_OFFSETS = {
    1: re.compile(r"([+-])([0-9]{2})(?:([0-9]{2}))?"),
    2: re.compile(r"([+-])([0-9]{2})([0-9]{2})"),
    3: re.compile(r"([+-])([0-9]{2}):([0-9]{2})"),
    4: re.compile(r"([+-])([0-9]{2})([0-9]{2})(?:([0-9]{2}))?"),
    5: re.compile(r"([+-])([0-9]{2}):([0-9]{2})(?::([0-9]{2}))?"),
}


def _offset(style: int, zero: str) -> Element:
    pattern = _OFFSETS[style]

    def parse(text: str, at: int, fields: Fields) -> int:
        if zero and text[at : at + 1].upper() == zero:
            return _set(fields, "offset", 0, at + 1)
        match = pattern.match(text, at)
        if match is None:
            return -1
        sign, *parts = match.groups()
        hour, minute, second = (int(part or 0) for part in (*parts, None, None)[:3])
        if minute > 59 or second > 59:
            return -1
        seconds = hour * 3600 + minute * 60 + second
        if seconds > 18 * 3600:
            return -1
        return _set(fields, "offset", -seconds if sign == "-" else seconds, match.end())

    return parse


def _consistent_clock(fields: Fields) -> bool:
    """Bring hours of all kinds to the hour of the day; False when two of them differ."""
    if "clock_hour" in fields:
        hour = fields.pop("clock_hour") % 24
        if fields.setdefault("hour", hour) != hour:
            return False
    if "clock_hour_of_half" in fields:
        hour = fields.pop("clock_hour_of_half") % 12
        if fields.setdefault("hour_of_half", hour) != hour:
            return False
    if "half" in fields and "hour_of_half" in fields:
        hour = fields["half"] * 12 + fields["hour_of_half"]
        if fields.setdefault("hour", hour) != hour:
            return False
    elif "hour" in fields:
        hour = fields["hour"]
        if "hour_of_half" in fields and hour % 12 != fields["hour_of_half"]:
            return False
        if "half" in fields and hour // 12 != fields["half"]:
            return False
    return True


def _date(fields: Fields) -> tuple[int, int, int] | None:
    year = fields.get("year", 1970)
    if "day_of_year" in fields:
        day = fields["day_of_year"]
        for month in range(1, 13):
            length = days_in_month(year, month)
            if day <= length:
                if fields.get("month", month) != month or fields.get("day", day) != day:
                    return None
                return year, month, day
            day -= length
        return None
    date = (year, fields.get("month", 1), fields.get("day", 1))
    return date if days_from_civil(*date) is not None and abs(year) <= 999_999_999 else None


def _local(fields: Fields) -> Local | None:
    date = _date(fields)
    if date is None:
        return None
    if "hour" in fields:
        hour = fields["hour"]
    elif "hour_of_half" in fields:
        hour = fields["hour_of_half"]  # morning, where the text does not say
    else:
        hour = 12 if fields.get("half") == 1 else 0
    second = hour * 3600 + fields.get("minute", 0) * 60 + fields.get("second", 0)
    return (*date, second, fields.get("nano", 0) // 1000)

"""Interval literals: `INTERVAL 1 DAY 2 HOURS`, `INTERVAL '1-2' YEAR TO MONTH`, `INTERVAL '1 day'`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lightstream.parse.literals import InvalidLiteral, invalid_typed_literal
from lightstream.plan.expressions import Literal
from lightstream.plan.types import DayTimeIntervalType, YearMonthIntervalType

_MONTHS = {"year": 12, "month": 1}
_MICROSECONDS = {
    "week": 7 * 86_400_000_000,
    "day": 86_400_000_000,
    "hour": 3_600_000_000,
    "minute": 60_000_000,
    "second": 1_000_000,
    "millisecond": 1_000,
    "microsecond": 1,
}
_YEAR_MONTH_FIELDS = {"year": 0, "month": 1}
_DAY_TIME_FIELDS = {
    "week": 0, "day": 0, "hour": 1, "minute": 2, "second": 3, "millisecond": 3, "microsecond": 3,
}  # fmt: skip
_NAMES = [*_MONTHS, *_MICROSECONDS, "nanosecond"]
UNITS = frozenset(form.upper() for name in _NAMES for form in (name, name + "s"))
FIELDS = frozenset(("YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"))

_PAIR = re.compile(r"\s*([+-]?)\s*(\d*)(?:\.(\d{0,9}))?\s+([a-z]+)(?=\s|$)")
_AMOUNT = re.compile(r"\s*([+-]?)\s*(\d*)(?:\.(\d{0,9}))?\s*")
_YEAR_TO_MONTH = re.compile(r"([+-]?)(\d+)-(\d+)")
_SECONDS = r"(\d{1,2})(?:\.(\d{1,9}))?"
# By the first and the last field: the pattern, and the fields its groups hold.
_SPANS: dict[tuple[str, str], tuple[re.Pattern[str], str]] = {
    ("day", "hour"): (re.compile(r"([+-]?)(\d+) (\d{1,2})"), "dh"),
    ("day", "minute"): (re.compile(r"([+-]?)(\d+) (\d{1,2}):(\d{1,2})"), "dhm"),
    ("day", "second"): (re.compile(r"([+-]?)(\d+) (\d{1,2}):(\d{1,2}):" + _SECONDS), "dhmsf"),
    ("hour", "minute"): (re.compile(r"([+-]?)(\d+):(\d{1,2})"), "hm"),
    ("hour", "second"): (re.compile(r"([+-]?)(\d+):(\d{1,2}):" + _SECONDS), "hmsf"),
    ("minute", "second"): (re.compile(r"([+-]?)(\d+):" + _SECONDS), "msf"),
}
_FIELD_MICROSECONDS = {"d": 86_400_000_000, "h": 3_600_000_000, "m": 60_000_000, "s": 1_000_000}
_FIELD_LIMITS = {"h": 23, "m": 59, "s": 59}


def from_units(pairs: Sequence[tuple[str, str]], shown: str) -> Literal:
    """Return the interval of (amount, unit) pairs; `shown` is the literal's text for messages.

    Raises:
        InvalidLiteral: INVALID_INTERVAL_FORMAT, mixed year-month and day-time units, overflow.
    """
    units = [_unit(unit) for _, unit in pairs]
    if "nanosecond" in units:
        raise _invalid(shown, "INVALID_UNIT", "There are no intervals of nanoseconds.")
    is_year_month = [unit in _MONTHS for unit in units]
    if any(is_year_month) and not all(is_year_month):
        raise InvalidLiteral(
            "_LEGACY_ERROR_TEMP_0029", f"Cannot mix year-month and day-time fields: {shown}.", None
        )
    total = 0
    for (amount, _), unit in zip(pairs, units, strict=True):
        total += _amount(amount, unit, shown)
    if is_year_month[0]:
        fields = [_YEAR_MONTH_FIELDS[unit] for unit in units]
        return _year_month(total, min(fields), max(fields), shown)
    fields = [_DAY_TIME_FIELDS[unit] for unit in units]
    return _day_time(total, min(fields), max(fields), shown)


def from_span(text: str, negative: bool, first: str, last: str) -> Literal:
    """Return the interval of `INTERVAL 'text' FIRST TO LAST`.

    Raises:
        InvalidLiteral: INVALID_INTERVAL_FORMAT.
    """
    first, last = first.lower(), last.lower()
    if (first, last) == ("year", "month"):
        match = _YEAR_TO_MONTH.fullmatch(text.strip())
        if match is None or int(match.group(3)) > 11:
            raise _invalid(text, "INTERVAL_PARSING", "Write years and months, at most 11, as 'y-m'.")
        months = int(match.group(2)) * 12 + int(match.group(3))
        return _year_month(-months if (match.group(1) == "-") != negative else months, 0, 1, text)
    if (first, last) not in _SPANS:
        raise _invalid(
            text, "UNSUPPORTED_FROM_TO_EXPRESSION", f"There are no intervals from {first} to {last}."
        )
    pattern, fields = _SPANS[first, last]
    match = pattern.fullmatch(text.strip())
    if match is None:
        raise _invalid(
            text,
            "UNMATCHED_FORMAT_STRING_WITH_NOTICE",
            f"It does not match the format of INTERVAL '...' {first.upper()} TO {last.upper()}.",
        )
    sign, *values = match.groups()
    total = 0
    for position, (field, value) in enumerate(zip(fields, values, strict=True)):
        if field == "f":
            total += int((value or "")[:6].ljust(6, "0"))
            continue
        if position > 0 and int(value) > _FIELD_LIMITS[field]:
            raise _invalid(text, "DAY_TIME_PARSING", f"The field {value} is above {_FIELD_LIMITS[field]}.")
        total += int(value) * _FIELD_MICROSECONDS[field]
    return _day_time(
        -total if (sign == "-") != negative else total, _DAY_TIME_FIELDS[first], _DAY_TIME_FIELDS[last], text
    )


def from_text(text: str, shown: str) -> Literal:
    """Return the interval of `INTERVAL 'text'`, where the text holds amounts and units.

    Raises:
        InvalidLiteral: INVALID_TYPED_LITERAL, or as `from_units`.
    """
    body = text.strip().lower()
    if body.startswith("interval") and body[8:9].isspace():
        body = body[8:].strip()
    pairs: list[tuple[str, str]] = []
    at = 0
    while at < len(body):
        match = _PAIR.match(body, at)
        if match is None or match.group(4).upper() not in UNITS:
            raise invalid_typed_literal("INTERVAL", text)
        pairs.append((body[match.start() : match.start(4)], match.group(4)))
        at = match.end()
    if not pairs:
        raise invalid_typed_literal("INTERVAL", text)
    return from_units(pairs, shown)


def _unit(word: str) -> str:
    return word.lower().removesuffix("s")


def _amount(text: str, unit: str, shown: str) -> int:
    match = _AMOUNT.fullmatch(text)
    if match is None or not (match.group(2) or match.group(3)):
        raise _invalid(shown, "INVALID_VALUE", f"{text.strip()} is no amount.")
    sign, whole, fraction = match.groups()
    value = int(whole or 0) * (_MONTHS.get(unit) or _MICROSECONDS[unit])
    if fraction is not None:
        if unit != "second":
            raise _invalid(shown, "INVALID_FRACTION", f"An amount of {unit}s cannot have a fraction.")
        value += int(fraction[:6].ljust(6, "0"))
    return -value if sign == "-" else value


def _year_month(months: int, first: int, last: int, shown: str) -> Literal:
    if not -(2**31) <= months < 2**31:
        raise _invalid(shown, "ARITHMETIC_EXCEPTION", "The interval is too long.")
    return Literal(months, YearMonthIntervalType(first, last))


def _day_time(microseconds: int, first: int, last: int, shown: str) -> Literal:
    if not -(2**63) <= microseconds < 2**63:
        raise _invalid(shown, "ARITHMETIC_EXCEPTION", "The interval is too long.")
    return Literal(microseconds, DayTimeIntervalType(first, last))


def _invalid(text: str, reason: str, message: str) -> InvalidLiteral:
    return InvalidLiteral(
        f"INVALID_INTERVAL_FORMAT.{reason}",
        f"Error parsing '{text.strip()}' to interval. {message}",
        "22006",
        input=text,
    )

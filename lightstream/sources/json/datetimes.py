"""Dates and timestamps in text, as Spark's CAST reads them: to days and microseconds since 1970."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

MICROS_PER_SECOND = 1_000_000
_MICROS_PER_DAY = 86_400_000_000
_MAX_LONG = 2**63 - 1

# White space and control characters that are trimmed: single bytes only.
_TRIMMED = "".join(map(chr, range(0x21))) + "\x7f"

_DATE = re.compile(r"([+-]?)([0-9]{4,7})(?:-([0-9]{1,2})(?:-([0-9]{1,2})(?:[ T].*)?)?)?\Z", re.DOTALL)
_TIME = r"([0-9]{1,2})(?::([0-9]{1,2})(?::([0-9]{1,2})(?:\.([0-9]*))?([^0-9].*)?)?)?"
_TIMESTAMP = re.compile(
    rf"([+-]?)([0-9]{{4,6}})(?:-([0-9]{{1,2}})(?:-([0-9]{{1,2}})(?:[ T]{_TIME})?)?)?\Z", re.DOTALL
)
_TIME_ONLY = re.compile(rf"(T|(?=[0-9]{{1,2}}:)){_TIME}\Z", re.DOTALL)
_OFFSET = re.compile(r"([+-])([0-9]{1,2})(?::?([0-9]{2}))?(?::?([0-9]{2}))?\Z")
_LENIENT_HOUR = re.compile(r"([+-])([0-9]):")
_LENIENT_MINUTE = re.compile(r"([+-])([0-9][0-9]):([0-9])\Z")
_REGION = re.compile(r"[A-Za-z][A-Za-z0-9~/._+-]+\Z")

# java.time.ZoneId.SHORT_IDS
_SHORT_IDS = {
    "ACT": "Australia/Darwin", "AET": "Australia/Sydney", "AGT": "America/Argentina/Buenos_Aires",
    "ART": "Africa/Cairo", "AST": "America/Anchorage", "BET": "America/Sao_Paulo", "BST": "Asia/Dhaka",
    "CAT": "Africa/Harare", "CNT": "America/St_Johns", "CST": "America/Chicago", "CTT": "Asia/Shanghai",
    "EAT": "Africa/Addis_Ababa", "ECT": "Europe/Paris", "IET": "America/Indiana/Indianapolis",
    "IST": "Asia/Kolkata", "JST": "Asia/Tokyo", "MIT": "Pacific/Apia", "NET": "Asia/Yerevan",
    "NST": "Pacific/Auckland", "PLT": "Asia/Karachi", "PNT": "America/Phoenix", "PRT": "America/Puerto_Rico",
    "PST": "America/Los_Angeles", "SST": "Pacific/Guadalcanal", "VST": "Asia/Ho_Chi_Minh",
    "EST": "-05:00", "MST": "-07:00", "HST": "-10:00",
}  # fmt: skip

# Seconds east of UTC at a local time (year, month, day, second of the day).
Zone = Callable[[int, int, int, int], int]


def days_from_civil(year: int, month: int, day: int) -> int | None:
    """Return days since 1970-01-01 of a date in the proleptic Gregorian calendar; None when it does not exist."""
    if not 1 <= month <= 12 or not 1 <= day <= days_in_month(year, month):
        return None
    return days_from_valid_civil(year, month, day)


def days_from_valid_civil(year: int, month: int, day: int) -> int:
    """Return days since 1970-01-01 of a date that exists."""
    shifted = year - (month <= 2)
    era = shifted // 400
    year_of_era = shifted - era * 400
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return era * 146097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719468


def days_in_month(year: int, month: int) -> int:
    """Return the number of days of a month."""
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month in (4, 6, 9, 11) else 31


def parse_date(text: str) -> int | None:
    """Return the days since 1970-01-01 of a date in Spark's CAST syntax, or None."""
    match = _DATE.match(text.strip(_TRIMMED))
    if match is None:
        return None
    sign, year, month, day = match.groups()
    number = -int(year) if sign == "-" else int(year)
    days = days_from_civil(number, int(month or 1), int(day or 1))
    return days if days is not None and -(2**31) <= days < 2**31 else None


def parse_timestamp(text: str, zone: Zone) -> int | None:
    """Return the microseconds since 1970 of a timestamp in Spark's CAST syntax, or None.

    Args:
        text: the text.
        zone: the time zone of text that names none.

    Spark: a time without a date is a time of today.
    """
    parts = _timestamp_parts(text) or _time_parts(text)
    if parts is None:
        return None
    local, zone_text = parts
    if zone_text is not None:
        named = find_zone(zone_text.strip(_JAVA_TRIMMED))
        if named is None:
            return None
        zone = named
    if local[0] == _TODAY:
        local = (*_today(zone), *local[3:])
    return to_utc(local, zone)


def parse_timestamp_ntz(text: str) -> int | None:
    """Return the microseconds since 1970 of a local timestamp; None when the text has a time zone."""
    parts = _timestamp_parts(text)
    if parts is None or parts[1] is not None:
        return None
    return local_micros(parts[0])


_JAVA_TRIMMED = "".join(map(chr, range(0x21)))
Local = tuple[int, int, int, int, int]  # year, month, day, second of the day, microsecond


_TODAY = -(10**9)  # a year that no text can have


def _timestamp_parts(text: str) -> tuple[Local, str | None] | None:
    match = _TIMESTAMP.match(text.strip(_TRIMMED))
    if match is None:
        return None
    sign, year, month, day, hour, minute, second, fraction, zone_text = match.groups()
    number = -int(year) if sign == "-" else int(year)
    month_number, day_number = int(month or 1), int(day or 1)
    clock = _clock(hour, minute, second, fraction)
    if clock is None or days_from_civil(number, month_number, day_number) is None:
        return None
    return (number, month_number, day_number, *clock), zone_text


def _time_parts(text: str) -> tuple[Local, str | None] | None:
    match = _TIME_ONLY.match(text if text.startswith("T") else text.strip(_TRIMMED))
    if match is None:
        return None
    _, hour, minute, second, fraction, zone_text = match.groups()
    clock = _clock(hour, minute, second, fraction)
    return None if clock is None else ((_TODAY, 1, 1, *clock), zone_text)


def _clock(
    hour: str | None, minute: str | None, second: str | None, fraction: str | None
) -> tuple[int, int] | None:
    hours, minutes, seconds = int(hour or 0), int(minute or 0), int(second or 0)
    if hours > 23 or minutes > 59 or seconds > 59:
        return None
    return hours * 3600 + minutes * 60 + seconds, int((fraction or "")[:6].ljust(6, "0"))


def _today(zone: Zone) -> tuple[int, int, int]:
    from datetime import UTC, datetime

    from lightstream.clock import SYSTEM_CLOCK

    now = datetime.fromtimestamp(SYSTEM_CLOCK.now_ms() // 1000, UTC)
    seconds = now.hour * 3600 + now.minute * 60 + now.second
    # The offset at the local time that UTC's clock shows: right except within hours of a change of the rules.
    local = datetime.fromtimestamp(
        SYSTEM_CLOCK.now_ms() // 1000 + zone(now.year, now.month, now.day, seconds), UTC
    )
    return local.year, local.month, local.day


def local_micros(local: Local) -> int | None:
    """Return the microseconds since 1970 of a local time as if it were UTC; None outside 64 bits."""
    year, month, day, second, micro = local
    micros = days_from_valid_civil(year, month, day) * _MICROS_PER_DAY + second * MICROS_PER_SECOND + micro
    return micros if -_MAX_LONG - 1 <= micros <= _MAX_LONG else None


def to_utc(local: Local, zone: Zone) -> int | None:
    """Return the microseconds since 1970 of a local time in a zone; None outside 64 bits."""
    year, month, day, second, micro = local
    seconds = days_from_valid_civil(year, month, day) * 86_400 + second - zone(year, month, day, second)
    micros = seconds * MICROS_PER_SECOND + micro
    return micros if -_MAX_LONG - 1 <= micros <= _MAX_LONG else None


@cache
def find_zone(name: str) -> Zone | None:
    """Return a time zone by any name that Spark takes (`Z`, `+1:00`, `UTC+2`, `PST`, `Europe/Paris`), or None."""
    resolved = resolve_zone(name)
    if resolved is None:
        return None
    if isinstance(resolved, int):
        return _fixed(resolved)
    return _region(resolved)


def resolve_zone(name: str) -> int | str | None:
    """Return what a zone's name stands for: an offset in seconds, a region that may exist, or None."""
    text = _LENIENT_HOUR.sub(r"\g<1>0\g<2>:", name, count=1)
    text = _LENIENT_MINUTE.sub(r"\g<1>\g<2>:0\g<3>", text)
    text = _SHORT_IDS.get(text, text)
    if text in ("Z", "UTC", "GMT", "UT"):
        return 0
    for prefix in ("UTC", "GMT", "UT", ""):
        if text.startswith(prefix) and text[len(prefix) :][:1] in ("+", "-"):
            return parse_offset(text[len(prefix) :])
    # Some files of the time zone database are no zone names in Java.
    if not _REGION.match(text) or text.startswith(("posix/", "right/", "posixrules", "Factory", "localtime")):
        return None
    return text


def parse_offset(text: str) -> int | None:
    """Return the seconds of an offset `+h`, `+hh`, `+hhmm`, `+hh:mm`, `+hhmmss` or `+hh:mm:ss`; None for others."""
    match = _OFFSET.match(text)
    if match is None:
        return None
    sign, hour, minute, second = match.groups()
    body = text[1:]
    wanted = [hour, *(part for part in (minute, second) if part is not None)]
    if body not in (":".join(wanted), "".join(wanted)) or (len(hour) == 1 and minute is not None):
        return None
    hours, minutes, seconds = int(hour), int(minute or 0), int(second or 0)
    total = hours * 3600 + minutes * 60 + seconds
    if minutes > 59 or seconds > 59 or total > 18 * 3600:
        return None
    return -total if sign == "-" else total


def _fixed(offset: int) -> Zone:
    return lambda year, month, day, second: offset


def _region(name: str) -> Zone | None:
    import zoneinfo

    try:
        info = zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return None
    return _zone_of(info)


def _zone_of(info: Any) -> Zone:
    from datetime import datetime, timedelta

    def offset(year: int, month: int, day: int, second: int) -> int:
        # Python's years end at 9999; rules repeat every 400 years, and before year 1 there was local mean time.
        if not 1 <= year <= 9999:
            year = 9600 + year % 400 if year > 0 else 4 - (year % 4)
            day = min(day, 28) if month == 2 else day
        when = datetime(year, month, day) + timedelta(seconds=second)
        delta = info.utcoffset(when)
        seconds: int = delta.days * 86_400 + delta.seconds
        return seconds

    return offset

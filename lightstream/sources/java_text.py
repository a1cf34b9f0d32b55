"""Numbers, dates and times in text, as Java and Spark read them."""

from __future__ import annotations

import datetime
import re
from decimal import Decimal

_INTEGER = re.compile(r"[+-]?\d+")
_DECIMAL = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_DOUBLE = re.compile(
    r"(?P<sign>[+-]?)(?:(?P<word>NaN|Infinity)"
    r"|(?P<hex>0[xX](?:[0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)[pP][+-]?[0-9]+)[fFdD]?"
    r"|(?P<plain>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)[fFdD]?)"
)
_DATE = re.compile(r"([+-]?\d{4,7})(?:-(\d{1,2})(?:-(\d{1,2})(?:[ T].*)?)?)?", re.ASCII | re.DOTALL)
_TIME = r"(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,9}))?)?"
_TIMESTAMP = re.compile(
    rf"(?:([+-]?\d{{4,6}})(?:-(\d{{1,2}})(?:-(\d{{1,2}})(?:[ T](?:{_TIME}\s*(\S.*)?)?)?)?)?)", re.ASCII
)
_TIME_ONLY = re.compile(_TIME, re.ASCII)
_OFFSET = re.compile(r"(?:UTC|GMT|UT)?([+-])(\d{1,2})(?::?(\d{2}))?(?::?(\d{2}))?")

# Java's parsers trim what String.trim does: everything up to the space.
_JAVA_BLANKS = "".join(map(chr, range(33)))


def java_integer(text: str) -> int | None:
    """Return what Long.parseLong reads, of any size; None when it refuses the text."""
    return int(text) if _INTEGER.fullmatch(text) else None


def java_decimal(text: str) -> Decimal | None:
    """Return what BigDecimal's constructor reads; None when it refuses the text."""
    return Decimal(text) if _DECIMAL.fullmatch(text) else None


def java_double(text: str) -> float | None:
    """Return what Double.parseDouble reads; None when it refuses the text."""
    match = _DOUBLE.fullmatch(text.strip(_JAVA_BLANKS))
    if match is None:
        return None
    if match["word"]:
        value = float(match["word"])
    elif match["hex"]:
        try:
            value = float.fromhex(match["hex"])
        except OverflowError:
            value = float("inf")
    else:
        value = float(match["plain"])
    return -value if match["sign"] == "-" else value


def spark_date(text: str) -> datetime.date | None:
    """Return what Spark's cast to DATE reads; None when it refuses the text.

    Spark: years below 1 and above 9999 are dates there; here they are refused.
    """
    match = _DATE.fullmatch(text.strip())
    if match is None:
        return None
    try:
        return datetime.date(int(match[1]), int(match[2] or 1), int(match[3] or 1))
    except ValueError:
        return None


def spark_time(text: str) -> datetime.time | None:
    """Return what Spark's cast to TIME reads; None when it refuses the text."""
    match = _TIME_ONLY.fullmatch(text.strip())
    if match is None:
        return None
    try:
        return datetime.time(int(match[1]), int(match[2]), int(match[3] or 0), _microseconds(match[4]))
    except ValueError:
        return None


def spark_timestamp(text: str, time_zone: str) -> datetime.datetime | None:
    """Return what Spark's cast to TIMESTAMP reads, in UTC; None when it refuses the text.

    `time_zone` is that of text without one. Spark: a time without a date means today there; here it is refused.
    """
    match = _TIMESTAMP.fullmatch(text.strip())
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, zone_text = match.groups()
    zone = _zone(zone_text.strip() if zone_text else time_zone)
    if zone is None:
        return None
    try:
        local = datetime.datetime(
            int(year), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0), int(second or 0),
            _microseconds(fraction), tzinfo=zone,
        )  # fmt: skip
        return local.astimezone(datetime.UTC)
    except (ValueError, OverflowError):
        return None


def _microseconds(fraction: str | None) -> int:
    return int((fraction or "")[:6].ljust(6, "0"))


def _zone(text: str) -> datetime.tzinfo | None:
    if text in ("Z", "UTC", "GMT", "UT"):
        return datetime.UTC
    match = _OFFSET.fullmatch(text)
    if match is not None:
        seconds = int(match[2]) * 3600 + int(match[3] or 0) * 60 + int(match[4] or 0)
        if seconds > 18 * 3600:
            return None
        return datetime.timezone(datetime.timedelta(seconds=-seconds if match[1] == "-" else seconds))
    import zoneinfo

    try:
        return zoneinfo.ZoneInfo(text)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return None

"""Time zones by name, as Java reads them, and conversions between a zone's local time and instants."""

from __future__ import annotations

import re

from lightstream.errors import DateTimeException
from lightstream.functions.spelling import let, text_sql

# Java's short names, which Spark takes.
_SHORT = {
    "ACT": "Australia/Darwin", "AET": "Australia/Sydney", "AGT": "America/Argentina/Buenos_Aires",
    "ART": "Africa/Cairo", "AST": "America/Anchorage", "BET": "America/Sao_Paulo", "BST": "Asia/Dhaka",
    "CAT": "Africa/Harare", "CNT": "America/St_Johns", "CST": "America/Chicago", "CTT": "Asia/Shanghai",
    "EAT": "Africa/Addis_Ababa", "ECT": "Europe/Paris", "IET": "America/Indiana/Indianapolis",
    "IST": "Asia/Kolkata", "JST": "Asia/Tokyo", "MIT": "Pacific/Apia", "NET": "Asia/Yerevan",
    "NST": "Pacific/Auckland", "PLT": "Asia/Karachi", "PNT": "America/Phoenix",
    "PRT": "America/Puerto_Rico", "PST": "America/Los_Angeles", "SST": "Pacific/Guadalcanal",
    "VST": "Asia/Ho_Chi_Minh", "EST": "-05:00", "MST": "-07:00", "HST": "-10:00",
}  # fmt: skip
_OFFSET = re.compile(
    r"(?:UTC|GMT|UT)?([+-])(?:(\d{1,2})(?::(\d{1,2})(?::(\d\d))?)?|(\d\d)(\d\d)(\d\d)?)", re.ASCII
)


def zone_of(name: str) -> str | int:
    """Return a zone's name for DuckDB, or its fixed offset from UTC in microseconds.

    Raises:
        DateTimeException: INVALID_TIMEZONE for a name that Java does not know.
    """
    text = _SHORT.get(name, name)
    if text in ("Z", "UTC", "GMT", "UT"):
        return 0
    offset = _OFFSET.fullmatch(text)
    if offset:
        sign, *groups = offset.groups()
        hours, minutes, seconds = (int(groups[i] or groups[i + 3] or 0) for i in range(3))
        total = hours * 3600 + minutes * 60 + seconds
        if minutes < 60 and seconds < 60 and total <= 18 * 3600:
            return (total if sign == "+" else -total) * 1_000_000
        raise _invalid(name)
    import zoneinfo

    try:
        zoneinfo.ZoneInfo(text)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise _invalid(name) from None
    return text


def _invalid(name: str) -> DateTimeException:
    return DateTimeException(
        "INVALID_TIMEZONE",
        f"The time zone {name} is not known: it is a name such as 'Europe/Paris' or an offset such as '+05:30'.",
        sqlstate="22009",
        parameters={"timeZone": name},
    )


def local_in(instant: str, zone: str | int) -> str:
    """Return an instant (TIMESTAMPTZ) as a zone's local TIMESTAMP."""
    if isinstance(zone, int):
        return f"make_timestamp(epoch_us({instant}) + ({zone}))"
    return f"timezone({text_sql(zone)}, {instant})"


def instant_in(local: str, zone: str | int) -> str:
    """Return a zone's local TIMESTAMP as an instant; of a repeated hour's two, the first, as in Java."""
    if isinstance(zone, int):
        return f"make_timestamptz(epoch_us({local}) - ({zone}))"
    name = text_sql(zone)

    def body(v: str) -> str:
        late = f"timezone({name}, {v})"
        day_before = f"make_timestamptz(epoch_us({late}) - 86400000000)"
        offset = f"(epoch_us(timezone({name}, {day_before})) - epoch_us({day_before}))"
        early = f"make_timestamptz(epoch_us({v}) - {offset})"
        return f"CASE WHEN timezone({name}, {early}) = {v} THEN {early} ELSE {late} END"

    return let(local, body, "zoned")

"""From text to dates and timestamps, by the options of a read."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Protocol

from lightstream.errors import unsupported
from lightstream.sources.json.characters import is_basic
from lightstream.sources.json.datetimes import (
    days_from_valid_civil,
    find_zone,
    parse_date,
    parse_timestamp,
    parse_timestamp_ntz,
)


class TemporalOptions(Protocol):
    """What the options of a format say about dates and times."""

    @property
    def time_zone(self) -> str:
        """The zone of times that name none."""

    @property
    def date_format(self) -> str | None:
        """The pattern of dates; None for Spark's own forms."""

    @property
    def timestamp_format(self) -> str | None:
        """The pattern of timestamps; None for Spark's own forms."""

    @property
    def timestamp_ntz_format(self) -> str | None:
        """The pattern of timestamps without a zone; None for Spark's own forms."""

    @property
    def datetime_fallback(self) -> bool | None:
        """Whether what a pattern refuses is read by Spark's own forms; None: where there is no pattern."""


def timestamp_parser(options: TemporalOptions, *, with_fallback: bool = True) -> Callable[[str], int | None]:
    """Return the function from text to microseconds since 1970 (None: no timestamp) that the options ask for."""
    zone = find_zone(options.time_zone)
    if zone is None:
        raise unsupported(f"The time zone {options.time_zone!r}")

    def by_cast(text: str) -> int | None:
        return parse_timestamp(text, zone)

    def by_cast_without_gmt(text: str) -> int | None:
        return parse_timestamp(text.replace("GMT", ""), zone)

    pattern = options.timestamp_format
    if pattern is None:
        first: Callable[[str], int | None] = by_cast
    else:
        from lightstream.sources.json.patterns import compile_pattern

        compiled = compile_pattern(pattern)

        def first(text: str) -> int | None:
            return compiled.timestamp(text, zone)

    fallback = options.datetime_fallback
    if fallback is None:
        fallback = pattern is None
    if not fallback or not with_fallback:
        return first

    def first_or_cast(text: str) -> int | None:
        micros = first(text)
        return by_cast_without_gmt(text) if micros is None else micros

    return first_or_cast


def timestamp_ntz_parser(options: TemporalOptions) -> Callable[[str], int | None]:
    """Return the function from text to local microseconds since 1970 (None: no timestamp)."""
    pattern = options.timestamp_ntz_format
    if pattern is None:
        return parse_timestamp_ntz
    from lightstream.sources.json.patterns import compile_pattern

    return compile_pattern(pattern).timestamp_ntz


_JAVA_INT = re.compile(r"[+-]?\d+\Z")  # digits of any script


def date_parser(options: TemporalOptions, *, reads_day_numbers: bool = True) -> Callable[[str], int | None]:
    """Return the function from text to days since 1970 (None: no date) that the options ask for.

    `reads_day_numbers`: whether text that is a number counts days, as in JSON.
    """
    pattern = options.date_format
    first: Callable[[str], int | None] = parse_date
    if pattern is not None:
        from lightstream.sources.json.patterns import compile_pattern

        first = compile_pattern(pattern).date
    fallback = options.datetime_fallback
    if fallback is None:
        fallback = pattern is None
    if not fallback:
        return first

    def with_fallback(text: str) -> int | None:
        days = first(text)
        if days is None:
            days = parse_date(text.replace("GMT", ""))
        if (
            days is None
            and reads_day_numbers
            and _JAVA_INT.match(text)
            and is_basic(text)
            and -(2**31) <= int(text) < 2**31
        ):
            days = _julian_to_gregorian(int(text))
        return days

    return with_fallback


def _julian_to_gregorian(days: int) -> int:
    """Move days counted in the old hybrid calendar to the day with the same year, month and day."""
    if days >= -141427:  # 1582-10-15
        return days
    # Days since 0000-03-01 in the Julian calendar.
    shifted = days + 719470
    cycle, rest = divmod(shifted, 1461)
    year_of_cycle = min(rest // 365, 3)
    day_of_year = rest - 365 * year_of_cycle
    month_index = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * month_index + 2) // 5 + 1
    month = month_index + 3 if month_index < 10 else month_index - 9
    year = cycle * 4 + year_of_cycle + (month <= 2)
    return days_from_valid_civil(year, month, day)

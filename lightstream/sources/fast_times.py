"""Dates and times in text as DuckDB's casts read them: which texts they read as Spark does."""

from __future__ import annotations

import re

from lightstream.functions.spelling import text_sql
from lightstream.sources.json.datetimes import resolve_zone
from lightstream.sources.two_ways import NotFastError

# Dates and times in the form that both sides read alike.
DATE_SHAPE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_CLOCK = "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
_FRACTION = r"\.[0-9]{1,6}"
_OFFSET = "(Z|[+-](0[0-9]|1[0-7]):[0-5][0-9])"
# Patterns for just that form: `yyyy-MM-dd'T'HH:mm:ss[.SSS][XXX]` and the like.
_USUAL_PATTERN = re.compile(r"yyyy-MM-dd('T'| )HH:mm:ss(\.S{1,6}|\[\.S{1,6}\])?(XXX|\[XXX\]|'Z')?\Z")
_CLOCK_CHANGE = "INTERVAL 4 HOUR"  # no clock was put back by more since 1970


def timestamp_shapes(pattern: str | None) -> tuple[str | None, str | None]:
    """Return what text with and without a zone looks like that DuckDB's cast reads as the pattern does.

    Text with a literal `Z` at the end counts as without.

    Raises:
        NotFastError: the pattern is another one.
    """
    if pattern is None:
        time = f"{DATE_SHAPE}[T ]{_CLOCK}({_FRACTION})?"
        return f"{time}{_OFFSET}", time
    match = _USUAL_PATTERN.match(pattern)
    if match is None:
        raise NotFastError
    separator, fraction, zone = match.groups()
    time = f"{DATE_SHAPE}{separator.strip(chr(39))}{_CLOCK}"
    if fraction:
        digits = rf"\.[0-9]{{1,{fraction.count('S')}}}"
        time += f"({digits})?" if fraction.startswith("[") else digits
    if zone == "'Z'":
        return None, f"{time}Z"
    if not zone:
        return None, time
    return f"{time}{_OFFSET}", time if zone.startswith("[") else None


def in_zone(plain: str, time_zone: str) -> str:
    """Return the moment of the SQL of a local time's text in a zone; NULL where it cannot be told.

    Raises:
        NotFastError: a zone that DuckDB does not have.
    """
    zone = resolve_zone(time_zone)
    if zone is None:
        raise NotFastError
    if isinstance(zone, int):
        sign, minutes = "-" if zone < 0 else "+", abs(zone) // 60
        if zone % 60 or minutes >= 18 * 60:
            raise NotFastError
        return f"TRY_CAST({plain} || '{sign}{minutes // 60:02}:{minutes % 60:02}' AS TIMESTAMPTZ)"
    # DuckDB takes the later of two instants that show the same local time, Spark the earlier: neither is guessed.
    local = f"TRY_CAST({plain} AS TIMESTAMP)"
    instant = f"timezone({text_sql(zone)}, {local})"
    before = f"timezone({text_sql(zone)}, {instant} - {_CLOCK_CHANGE})"
    plain_clock = f"{before} = {local} - {_CLOCK_CHANGE} AND {local} >= TIMESTAMP '1970-01-03'"
    return f"CASE WHEN {plain_clock} THEN {instant} END"

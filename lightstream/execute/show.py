"""The table that `DataFrame.show` and the console sink print: values as text, and the frame around them."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Sequence
from typing import Any

from lightstream.errors import unsupported
from lightstream.plan import types as t
from lightstream.plan.literal_texts import float_text, interval_text, java_double_text

# What Spark counts as two columns wide: Hangul, kana, ideographs, full-width forms.
_FULL_WIDTH = re.compile(
    "[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]"
)
_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\f": "\\f", "\b": "\\b", "\x0b": "\\v", "\x07": "\\a"}
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_MICROSECOND = datetime.timedelta(microseconds=1)
_ESCAPED = re.compile("[\n\r\t\f\b\x0b\x07]")


def show_rows(
    rows: Sequence[Sequence[Any]],
    schema: t.StructType,
    limit: int,
    truncate: int = 20,
    vertical: bool = False,
    time_zone: str = "UTC",
) -> str:
    """Return the text of `show(limit, truncate, vertical)` without its final newline.

    Args:
        rows: `limit + 1` tuples or fewer, as `Result.tuples()` gives them.
        limit: how many rows to show; a further one only says that there are more.
        truncate: longest cell in characters; 0 for no limit.
    """
    texts = [text_of(field.dataType, time_zone) for field in schema.fields]
    shown = [
        ["NULL" if value is None else text(value) for text, value in zip(texts, row, strict=True)]
        for row in rows[:limit]
    ]
    return render_table(shown, schema.names, truncate, vertical, limit if len(rows) > limit else None)


def render_table(
    rows: Sequence[Sequence[str | None]],
    names: Sequence[str],
    truncate: int = 20,
    vertical: bool = False,
    more: int | None = None,
) -> str:
    """Return rows of text in Spark's frame; `more` is the number of rows shown when there are more, else None."""
    head = [_cell(name, 0) for name in names]  # Spark: column names are never cut
    body = [[_cell("NULL" if cell is None else cell, truncate) for cell in row] for row in rows]
    text = _vertical(head, body) if vertical else _horizontal(head, body, left=truncate <= 0)
    if more is not None:
        text += f"only showing top {more} {'row' if more == 1 else 'rows'}"
    elif vertical and not body:
        text += "(0 rows)"
    return text


def _horizontal(head: list[str], body: list[list[str]], left: bool) -> str:
    widths = [max(3, *(_width(row[i]) for row in (head, *body))) for i in range(len(head))]
    rule = "+" + "+".join("-" * width for width in widths) + "+\n"

    def line(row: list[str]) -> str:
        cells = (_pad(cell, width, left) for cell, width in zip(row, widths, strict=True))
        return "|" + "|".join(cells) + "|\n"

    return rule + line(head) + rule + "".join(line(row) for row in body) + rule


def _vertical(head: list[str], body: list[list[str]]) -> str:
    name_width = max([3, *(_width(name) for name in head)])
    data_width = max([3, *(_width(cell) for row in body for cell in row)])
    lines = []
    for number, row in enumerate(body):
        lines.append(f"-RECORD {number}".ljust(name_width + data_width + 5, "-") + "\n")
        for name, cell in zip(head, row, strict=True):
            lines.append(f" {_pad(name, name_width, True)} | {_pad(cell, data_width, True)} \n")
    return "".join(lines)


def _cell(text: str, truncate: int) -> str:
    text = _ESCAPED.sub(lambda match: _ESCAPES[match.group()], text)
    if 0 < truncate < _units(text):
        keep = truncate if truncate < 4 else truncate - 3
        # Spark cuts between UTF-16 units; half a character prints as a question mark.
        cut = text.encode("utf-16-le")[: 2 * keep].decode("utf-16-le", "replace").replace("\ufffd", "?")
        return cut if truncate < 4 else cut + "..."
    return text


def _units(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def _width(text: str) -> int:
    return len(text) if text.isascii() else _units(text) + len(_FULL_WIDTH.findall(text))


def _pad(text: str, width: int, left: bool) -> str:
    fill = " " * (width - _width(text))
    return text + fill if left else fill + text


# ---- values as text -------------------------------------------------------------------------------------------


def text_of(data_type: t.DataType, time_zone: str) -> Callable[[Any], str]:
    """Return the function that writes a value of a type (never None) as `show` does."""
    if isinstance(data_type, t.ArrayType):
        element = _nullable_text(data_type.elementType, time_zone)
        return lambda value: "[" + ", ".join(map(element, value)) + "]"
    if isinstance(data_type, t.MapType):
        key = _nullable_text(data_type.keyType, time_zone)
        item = _nullable_text(data_type.valueType, time_zone)
        return lambda value: "{" + ", ".join(f"{key(k)} -> {item(v)}" for k, v in map_entries(value)) + "}"
    if isinstance(data_type, t.StructType):
        parts = [_nullable_text(field.dataType, time_zone) for field in data_type.fields]
        names = data_type.names
        return lambda value: (
            "{" + ", ".join(part(v) for part, v in zip(parts, struct_values(value, names), strict=True)) + "}"
        )
    if isinstance(data_type, t.VariantType):
        from lightstream.execute.variant_texts import shown_text

        return shown_text
    if isinstance(data_type, t.TimestampType):
        zone = zone_of(time_zone)
        return lambda value: _timestamp(value, zone)
    for kind, text in _TEXTS:
        if isinstance(data_type, kind):
            return text
    if isinstance(data_type, t.DayTimeIntervalType | t.YearMonthIntervalType):
        return lambda value: interval_text(value, data_type)
    if isinstance(data_type, t.CalendarIntervalType):  # DuckDB gives Python its months as days
        raise unsupported("Showing an interval of months, days and time here", "Cast it to a string.")
    return str


def _nullable_text(data_type: t.DataType, time_zone: str) -> Callable[[Any], str]:
    text = text_of(data_type, time_zone)
    return lambda value: "NULL" if value is None else text(value)


def map_entries(value: Any) -> list[tuple[Any, Any]]:
    """Return a map's entries, whether it comes as a dict, as (keys, values) or as DuckDB's two lists."""
    if isinstance(value, dict):
        if set(value) == {"key", "value"} and isinstance(value["key"], list):
            return list(zip(value["key"], value["value"], strict=True))
        return list(value.items())
    keys, values = value
    return list(zip(keys, values, strict=True))


def struct_values(value: Any, names: list[str]) -> list[Any]:
    """Return a struct's values in field order, whether it comes as a dict or as a sequence."""
    if isinstance(value, dict):
        return [value[name] for name in names]
    return list(value)


def _binary(value: bytes) -> str:
    return "[" + value.hex(" ").upper() + "]"


def _timestamp(value: int | datetime.datetime, zone: datetime.tzinfo) -> str:
    if isinstance(value, datetime.datetime):
        value = (value - _EPOCH) // _MICROSECOND
    try:
        local = (_EPOCH + datetime.timedelta(seconds=value // 1_000_000)).astimezone(zone)
        offset = local.utcoffset() or datetime.timedelta()
    except OverflowError:  # a year that Python has not: written in UTC
        offset = datetime.timedelta()
    return ntz_text(value + offset // _MICROSECOND)


def ntz_text(value: int | datetime.datetime) -> str:
    """Return a local date and time (microseconds or a naive datetime) without trailing zeros of the fraction."""
    if isinstance(value, datetime.datetime):
        value = (value - datetime.datetime(1970, 1, 1)) // _MICROSECOND
    days, rest = divmod(value, 86_400_000_000)
    return f"{date_text(days)} {time_text(rest)}"


def time_text(value: int | datetime.time) -> str:
    """Return a time of day (microseconds or a time) without trailing zeros of the fraction."""
    if isinstance(value, datetime.time):
        value = ((value.hour * 60 + value.minute) * 60 + value.second) * 1_000_000 + value.microsecond
    seconds, fraction = divmod(value, 1_000_000)
    text = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{text}.{fraction:06}".rstrip("0") if fraction else text


def date_text(value: int | datetime.date) -> str:
    """Return a date (days since the epoch or a date)."""
    if isinstance(value, int):
        year, month, day = civil(value)
    else:
        year, month, day = value.year, value.month, value.day
    sign = "+" if year > 9999 else "-" if year < 0 else ""
    return f"{sign}{abs(year):04}-{month:02}-{day:02}"


def civil(days: int) -> tuple[int, int, int]:
    """Return year, month and day of a day number of the proleptic Gregorian calendar (0 is 1970-01-01)."""
    era_day = days + 719_468
    era, day_of_era = divmod(era_day, 146_097)
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted = (5 * day_of_year + 2) // 153  # months from March
    month = shifted + 3 if shifted < 10 else shifted - 9
    return year_of_era + era * 400 + (month <= 2), month, day_of_year - (153 * shifted + 2) // 5 + 1


def zone_of(name: str) -> datetime.tzinfo:
    """Return the rules of a time zone, or of an offset."""
    match = re.fullmatch(r"(?:UTC|GMT|UT)?([+-])(\d{1,2})(?::(\d{2}))?(?::(\d{2}))?", name)
    if match:
        hours, minutes, seconds = int(match.group(2)), int(match.group(3) or 0), int(match.group(4) or 0)
        offset = datetime.timedelta(hours=hours, minutes=minutes, seconds=seconds)
        return datetime.timezone(-offset if match.group(1) == "-" else offset)
    if name in ("Z", "UTC", "GMT", "UT"):
        return datetime.UTC
    import zoneinfo

    return zoneinfo.ZoneInfo(name)


_TEXTS: tuple[tuple[type[t.DataType] | tuple[type[t.DataType], ...], Callable[[Any], str]], ...] = (
    (t.BooleanType, lambda value: "true" if value else "false"),
    (t.DoubleType, java_double_text),
    (t.FloatType, float_text),
    (t.DecimalType, lambda value: f"{value:f}"),
    (t.BinaryType, _binary),
    (t.DateType, date_text),
    (t.TimestampNTZType, ntz_text),
    (t.TimeType, time_text),
)

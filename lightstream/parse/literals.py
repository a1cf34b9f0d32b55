"""The text of literals to typed constants: numbers, strings, binary, dates, timestamps and times."""

from __future__ import annotations

import datetime as dt
import re
import struct
from dataclasses import replace
from decimal import Decimal
from functools import lru_cache

from lightstream.errors import unsupported
from lightstream.plan import types as t
from lightstream.plan.expressions import Cast, Expression, Literal

_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([01][0-7]{2})|(.))", re.DOTALL)
_ESCAPED = {"0": "\0", "b": "\b", "n": "\n", "r": "\r", "t": "\t", "Z": "\x1a", "%": "\\%", "_": "\\_"}
_WHOLE = {"L": (t.LongType(), 64), "S": (t.ShortType(), 16), "Y": (t.ByteType(), 8)}
_MAX_FLOAT32 = struct.unpack("<f", b"\xff\xff\x7f\x7f")[0]

_DATE = re.compile(r"\s*([+-]?)(\d{4,7})(?:-(\d{1,2})(?:-(\d{1,2})(?:[ T].*)?)?)?\s*", re.DOTALL)
_TIME_PART = r"(\d{1,2})(?::(\d{1,2})(?::(\d{1,2})(?:\.(\d{0,9}))?)?)?"
_TIMESTAMP = re.compile(
    r"\s*([+-]?)(\d{4,6})(?:-(\d{1,2})(?:-(\d{1,2})(?:[ T](?:"
    + _TIME_PART
    + r"(?:\s*([A-Za-z+-].*?))?)?)?)?)?\s*",
    re.DOTALL,
)
_TIME_ONLY = re.compile(r"\s*(?:T?\d{1,2}:.*|T\d{1,2}.*)", re.DOTALL)
_TIME = re.compile(r"\s*(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{0,6})\d*)?)?\s*")
_OFFSET = re.compile(r"(?:UTC|GMT|UT)?([+-])(\d{1,2})(?::?(\d{2})(?::?(\d{2}))?)?")
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_SPECIAL_DATES = ("now", "today", "yesterday", "tomorrow")


class InvalidLiteral(Exception):
    """The text is no value of the type. `condition`, `message` and `sqlstate` say it as Spark does."""

    def __init__(self, condition: str, message: str, sqlstate: str | None, **parameters: str) -> None:
        self.condition = condition
        self.message = message
        self.sqlstate = sqlstate
        self.parameters = parameters
        super().__init__(message)


# ---- strings --------------------------------------------------------------------------------------------------


def unquote(text: str) -> str:
    """Return the value of a string token, raw ones (`r'...'`) included."""
    if text[0] in "rR":
        return text[2:-1]
    quote, body = text[0], text[1:-1]
    body = body.replace(quote * 2, quote) if "\\" not in body else _unescape(body, quote)
    return body


def _unescape(body: str, quote: str) -> str:
    # Doubled quotes first, but not the second half of an escaped one: \'' ends with a doubled quote of its own.
    parts = re.split(r"(\\.)", body, flags=re.DOTALL)
    body = "".join(p if p.startswith("\\") else p.replace(quote * 2, quote) for p in parts)
    text = _ESCAPE.sub(_unescaped, body)
    if any("\ud800" <= char <= "\udfff" for char in text):
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _unescaped(match: re.Match[str]) -> str:
    short, long, octal, char = match.groups()
    if short or long:
        code = int(short or long, 16)
        return chr(code) if code <= 0x10FFFF else "?"
    if octal:
        return chr(int(octal, 8))
    return _ESCAPED.get(char, char)


def unquote_identifier(text: str) -> str:
    """Return the name in a backtick token."""
    return text[1:-1].replace("``", "`")


# ---- numbers --------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1024)
def number(text: str, negative: bool = False) -> Literal:
    """Return the constant of a number token.

    Raises:
        InvalidLiteral: INVALID_NUMERIC_LITERAL_RANGE, DECIMAL_PRECISION_EXCEEDS_MAX_PRECISION.
    """
    sign = "-" if negative else ""
    upper = text.upper()
    if upper.endswith("BD"):
        return _decimal(sign + text[:-2])
    suffix = upper[-1]
    if suffix in _WHOLE:
        kind, bits = _WHOLE[suffix]
        value = int(sign + text[:-1])
        if not -(2 ** (bits - 1)) <= value < 2 ** (bits - 1):
            raise _out_of_range(sign + text[:-1], kind, str(-(2 ** (bits - 1))), str(2 ** (bits - 1) - 1))
        return Literal(value, kind)
    if suffix == "F":
        return _float(sign + text[:-1])
    if suffix == "D" or "E" in upper:
        return _double(sign + (text[:-1] if suffix == "D" else text))
    if "." in text:
        return _decimal(sign + text)
    value = int(sign + text)
    if -(2**31) <= value < 2**31:
        return Literal(value, t.IntegerType())
    if -(2**63) <= value < 2**63:
        return Literal(value, t.LongType())
    return _decimal(sign + text)


def _decimal(text: str) -> Literal:
    value = Decimal(text)
    if not value:
        value = value.copy_abs()
    _, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    precision, scale = len(digits), -exponent
    if scale < 0:
        precision, scale = precision - scale, 0
        value = Decimal(int(value))
    precision = max(precision, scale)
    if precision > 38:
        raise InvalidLiteral(
            "DECIMAL_PRECISION_EXCEEDS_MAX_PRECISION",
            f"Decimal precision {precision} exceeds max precision 38.",
            "22003",
            precision=str(precision),
            maxPrecision="38",
        )
    return Literal(value, t.DecimalType(precision, scale))


def _double(text: str) -> Literal:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise _out_of_range(text, t.DoubleType(), "-1.7976931348623157E+308", "1.7976931348623157E+308")
    return Literal(value, t.DoubleType())


def _float(text: str) -> Literal:
    value = float(text)
    if abs(Decimal(text)) > Decimal(_MAX_FLOAT32):
        raise _out_of_range(text, t.FloatType(), "-3.4028234663852886E+38", "3.4028234663852886E+38")
    return Literal(struct.unpack("<f", struct.pack("<f", value))[0], t.FloatType())


def _out_of_range(text: str, kind: t.DataType, low: str, high: str) -> InvalidLiteral:
    name = kind.simpleString()
    return InvalidLiteral(
        "INVALID_NUMERIC_LITERAL_RANGE",
        f"The numeric literal {text} is outside the range of {name}, {low} to {high}.",
        "22003",
        rawStrippedQualifier=text,
        typeName=name,
        minValue=low,
        maxValue=high,
    )


# ---- typed literals -------------------------------------------------------------------------------------------


def typed(type_name: str, text: str) -> Expression:
    """Return the value of `DATE'...'` and its like.

    A timestamp without a time zone becomes a cast, because the session's time zone gives it its meaning.

    Raises:
        InvalidLiteral: INVALID_TYPED_LITERAL, UNSUPPORTED_TYPED_LITERAL.
        UnsupportedOperationException: years outside 1 to 9999, and words like `now`.
    """
    name = type_name.upper()
    if name == "DATE":
        return Literal(_date(text), t.DateType())
    if name in ("TIMESTAMP", "TIMESTAMP_LTZ"):
        return _timestamp(name, text)
    if name == "TIMESTAMP_NTZ":
        local, _ = _local_timestamp(name, text)
        return Literal(_microseconds(local.replace(tzinfo=dt.UTC)), t.TimestampNTZType())
    if name == "TIME":
        return Literal(_time(text), t.TimeType(6))
    if name == "X":
        padded = text if len(text) % 2 == 0 else "0" + text
        if not re.fullmatch("[0-9a-fA-F]*", padded):
            raise invalid_typed_literal(name, text)
        return Literal(bytes.fromhex(padded), t.BinaryType())
    raise InvalidLiteral(
        "UNSUPPORTED_TYPED_LITERAL",
        f'There are no literals of the type "{name}". Supported types are "DATE", "TIMESTAMP_NTZ", '
        '"TIMESTAMP_LTZ", "TIMESTAMP", "INTERVAL", "X", "TIME".',
        "0A000",
        unsupportedType=f'"{name}"',
    )


def invalid_typed_literal(type_name: str, text: str) -> InvalidLiteral:
    """Return INVALID_TYPED_LITERAL."""
    return InvalidLiteral(
        "INVALID_TYPED_LITERAL",
        f"The value of the typed literal \"{type_name}\" is invalid: '{text}'.",
        "42604",
        valueType=f'"{type_name}"',
        value=f"'{text}'",
    )


def _date(text: str) -> dt.date:
    word = text.strip().lower()
    if word == "epoch":
        return dt.date(1970, 1, 1)
    if word in _SPECIAL_DATES:
        raise unsupported(f"The literal DATE'{text}'", "Use current_date().")
    match = _DATE.fullmatch(text)
    if match is None:
        raise invalid_typed_literal("DATE", text)
    sign, year, month, day = match.groups()
    return _calendar_date("DATE", text, sign, int(year), int(month or 1), int(day or 1))


def _calendar_date(name: str, text: str, sign: str, year: int, month: int, day: int) -> dt.date:
    if (sign == "-" or not 1 <= year <= 9999) and 1 <= month <= 12 and 1 <= day <= 31:
        raise unsupported(f"The literal {name}'{text}', whose year is not in 1 to 9999,")
    try:
        return dt.date(year, month, day)
    except ValueError:
        raise invalid_typed_literal(name, text) from None


def _timestamp(name: str, text: str) -> Expression:
    if text.strip().lower() == "epoch":
        return Literal(0, t.TimestampType())
    local, zone = _local_timestamp(name, text)
    if zone is None:
        return Cast(Literal(text, t.StringType()), t.TimestampType(), "literal")
    try:
        moment = local.replace(tzinfo=_time_zone(zone))
    except (ValueError, KeyError, OSError):
        raise invalid_typed_literal(name, text) from None
    return Literal(_microseconds(moment), t.TimestampType())


def timestamp_in(text: str, zone: str) -> Literal:
    """Return the constant of a timestamp's text without a zone, read in a time zone.

    Spark: a time that the clock leaves out is later by what it leaves out; of a repeated hour's two, the first.
    """
    local, _ = _local_timestamp("TIMESTAMP", text)
    moment = local.replace(tzinfo=_session_zone(zone))
    return shown_in(Literal(_microseconds(moment), t.TimestampType()), zone)


def shown_in(timestamp: Literal, zone: str) -> Literal:
    """Return a timestamp constant that knows its text in a time zone."""
    if timestamp.value is None or timestamp.local is not None:
        return timestamp
    try:
        moment = (_EPOCH + dt.timedelta(microseconds=timestamp.value)).astimezone(_session_zone(zone))
    except OverflowError:  # no year of Python's
        return timestamp
    text = moment.strftime("%Y-%m-%d %H:%M:%S").rjust(19, "0")
    if moment.microsecond:
        text += f".{moment.microsecond:06d}".rstrip("0")
    return replace(timestamp, local=text)


def _session_zone(name: str) -> dt.tzinfo:
    from lightstream.functions.zones import zone_of

    zone = zone_of(name)
    if isinstance(zone, int):
        return dt.timezone(dt.timedelta(microseconds=zone)) if zone else dt.UTC
    from zoneinfo import ZoneInfo  # costs 5 ms

    return ZoneInfo(zone)


def _local_timestamp(name: str, text: str) -> tuple[dt.datetime, str | None]:
    if text.strip().lower() in (*_SPECIAL_DATES, "epoch") or _TIME_ONLY.fullmatch(text):
        raise unsupported(f"The literal {name}'{text}'", "Give a date and a time.")
    match = _TIMESTAMP.fullmatch(text)
    if match is None:
        raise invalid_typed_literal(name, text)
    sign, year, month, day, hour, minute, second, fraction, zone = match.groups()
    date = _calendar_date(name, text, sign, int(year), int(month or 1), int(day or 1))
    micros = int((fraction or "")[:6].ljust(6, "0"))
    try:
        time = dt.time(int(hour or 0), int(minute or 0), int(second or 0), micros)
    except ValueError:
        raise invalid_typed_literal(name, text) from None
    return dt.datetime.combine(date, time), zone


def _time_zone(zone: str) -> dt.tzinfo:
    offset = _OFFSET.fullmatch(zone)
    if offset:
        sign, hours, minutes, seconds = offset.groups()
        delta = dt.timedelta(hours=int(hours), minutes=int(minutes or 0), seconds=int(seconds or 0))
        if delta > dt.timedelta(hours=18) or int(minutes or 0) > 59 or int(seconds or 0) > 59:
            raise ValueError(zone)
        return dt.timezone(-delta if sign == "-" else delta)
    if zone in ("Z", "z"):
        return dt.UTC
    from zoneinfo import ZoneInfo  # costs 5 ms

    return ZoneInfo(zone)


def _time(text: str) -> int:
    match = _TIME.fullmatch(text)
    if match is None:
        raise invalid_typed_literal("TIME", text)
    hour, minute, second = (int(part or 0) for part in match.groups()[:3])
    if hour > 23 or minute > 59 or second > 59:
        raise invalid_typed_literal("TIME", text)
    return ((hour * 60 + minute) * 60 + second) * 1_000_000 + int((match.group(4) or "").ljust(6, "0"))


def _microseconds(moment: dt.datetime) -> int:
    return (moment - _EPOCH) // dt.timedelta(microseconds=1)

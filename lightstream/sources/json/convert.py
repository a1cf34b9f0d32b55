"""From tokens to values of a schema, with the partial results that Spark keeps of a bad record."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation, Overflow
from typing import Any

from lightstream.errors import unsupported
from lightstream.plan import types as t
from lightstream.sources.json import tokens as k
from lightstream.sources.json.datetimes import (
    MICROS_PER_SECOND,
    find_zone,
    parse_date,
    parse_timestamp,
    parse_timestamp_ntz,
)
from lightstream.sources.json.options import JsonOptions
from lightstream.sources.json.tokens import BadValue, Tokenizer, to_text

Converter = Callable[[Tokenizer], Any]


class PartialValue(BadValue):
    """A bad value of which a part can be kept."""

    def __init__(self, kept: Any) -> None:
        super().__init__()
        self.kept = kept


class PartialRows(BadValue):
    """Bad elements of a top-level array; `rows` are what is kept of all of them."""

    def __init__(self, rows: list[list[Any] | None]) -> None:
        super().__init__()
        self.rows = rows


def make_converter(data_type: t.DataType, options: JsonOptions) -> Converter:
    """Return the function that converts the current token to a value of a type.

    Values: int, float, str, bytes, bool, Decimal, days and microseconds since 1970 as int, list for structs and
    arrays, list of (key, value) for maps.

    Raises:
        UnsupportedOperationException: a type that cannot be read from JSON here.
    """
    if isinstance(data_type, t.StructType):
        return _struct(data_type, options)
    if isinstance(data_type, t.ArrayType):
        return _array(make_converter(data_type.elementType, options))
    if isinstance(data_type, t.MapType):
        if not isinstance(data_type.keyType, t.StringType):
            raise unsupported(f"Reading JSON into {data_type.simpleString()} (keys must be strings)")
        return _map(make_converter(data_type.valueType, options))
    make = _ATOMIC.get(type(data_type))
    if make is None:
        raise unsupported(f"Reading JSON into a column of type {data_type.simpleString()}")
    return make(data_type, options)


def make_root(schema: t.StructType, options: JsonOptions) -> Callable[[Tokenizer], list[list[Any] | None]]:
    """Return the function that converts a record, at its first token, to rows.

    The function raises PartialValue (one row), PartialRows, or BadValue when nothing can be kept.
    """
    names = {field.name: index for index, field in reversed(list(enumerate(schema.fields)))}
    converters = [make_converter(field.dataType, options) for field in schema.fields]
    element = make_converter(schema, options)

    def root(p: Tokenizer) -> list[list[Any] | None]:
        token = p.token
        if token == k.START_OBJECT:
            return [_convert_object(p, names, converters)]
        if token == k.START_ARRAY:
            rows: list[list[Any] | None] = []
            bad = False
            while p.next_token() not in (None, k.END_ARRAY):
                try:
                    row = element(p)
                    if row is None:
                        raise BadValue("null in a top-level array")
                    rows.append(row)
                except PartialValue as partial:
                    bad = True
                    rows.append(partial.kept)
            if bad:
                raise PartialRows(rows)
            return rows
        if token == k.STRING:
            p.string()
        raise BadValue("no object")

    return root


def _convert_object(p: Tokenizer, names: dict[str, int], converters: list[Converter]) -> list[Any]:
    row: list[Any] = [None] * len(converters)
    bad = False
    while True:
        token = p.next_token()
        if token is None or token == k.END_OBJECT:
            break
        name = p.current_name()
        index = None if name is None else names.get(name)
        if index is None:
            p.skip_children()
            continue
        try:
            row[index] = converters[index](p)
        except PartialValue as partial:
            bad = True
            row[index] = partial.kept
        except BadValue:
            bad = True
            p.skip_children()
    if bad:
        raise PartialValue(row)
    return row


def _value_token(p: Tokenizer) -> int | None:
    """Step from a name to its value; None stands for null."""
    token = p.token
    while token == k.FIELD_NAME:
        token = p.next_token()
    return None if token == k.NULL else token


def _refuse(p: Tokenizer, token: int) -> BadValue:
    if token == k.STRING:
        p.string()  # a broken string moves the position, whatever type was wanted
    return BadValue("wrong type")


def _struct(data_type: t.StructType, options: JsonOptions) -> Converter:
    names = {field.name: index for index, field in reversed(list(enumerate(data_type.fields)))}
    converters = [make_converter(field.dataType, options) for field in data_type.fields]

    def convert(p: Tokenizer) -> Any:
        token = _value_token(p)
        if token is None:
            return None
        if token != k.START_OBJECT:
            raise _refuse(p, token)
        return _convert_object(p, names, converters)

    return convert


def _array(element: Converter) -> Converter:
    def convert(p: Tokenizer) -> Any:
        token = _value_token(p)
        if token is None:
            return None
        if token != k.START_ARRAY:
            raise _refuse(p, token)
        values: list[Any] = []
        bad = False
        while p.next_token() not in (None, k.END_ARRAY):
            try:
                values.append(element(p))
            except PartialValue as partial:
                bad = True
                values.append(partial.kept)
        if bad:
            raise PartialValue(values)
        return values

    return convert


def _map(value: Converter) -> Converter:
    def convert(p: Tokenizer) -> Any:
        token = _value_token(p)
        if token is None:
            return None
        if token != k.START_OBJECT:
            raise _refuse(p, token)
        pairs: list[tuple[str, Any]] = []
        partial_seen = False
        bad: BadValue | None = None
        while p.next_token() not in (None, k.END_OBJECT):
            name = to_text(p.current_name() or "")
            try:
                pairs.append((name, value(p)))
            except PartialValue as partial:
                partial_seen = True
                pairs.append((name, partial.kept))
            except BadValue as error:
                bad = bad or error
                p.skip_children()
        if bad is not None:
            raise BadValue("bad value in a map")
        if partial_seen:
            raise PartialValue(pairs)
        return pairs

    return convert


def _boolean(data_type: t.DataType, options: JsonOptions) -> Converter:
    def convert(p: Tokenizer) -> Any:
        token = _value_token(p)
        if token == k.TRUE:
            return True
        if token == k.FALSE:
            return False
        if token is None:
            return None
        raise _refuse(p, token)

    return convert


def _integral(low: int, high: int) -> Callable[[t.DataType, JsonOptions], Converter]:
    def make(data_type: t.DataType, options: JsonOptions) -> Converter:
        def convert(p: Tokenizer) -> Any:
            token = _value_token(p)
            if token is None:
                return None
            if token != k.INT:
                raise _refuse(p, token)
            number = int(p.number)
            if not low <= number <= high:
                raise BadValue("out of range")
            return number - 256 if high == 255 and number > 127 else number

        return convert

    return make


_SPECIAL = {
    "NaN": float("nan"), "+INF": float("inf"), "+Infinity": float("inf"), "Infinity": float("inf"),
    "-INF": float("-inf"), "-Infinity": float("-inf"),
}  # fmt: skip


def _floating(parse: Callable[[str], float]) -> Callable[[t.DataType, JsonOptions], Converter]:
    def make(data_type: t.DataType, options: JsonOptions) -> Converter:
        special = _SPECIAL if options.tolerance.non_numeric_numbers else {}

        def convert(p: Tokenizer) -> Any:
            token = _value_token(p)
            if token == k.FLOAT:
                number = _SPECIAL.get(p.number)
                return parse(p.number) if number is None else number
            if token == k.INT:
                return parse(str(int(p.number)))
            if token is None:
                return None
            if token == k.STRING and p.string() in special:
                return special[p.string()]
            raise _refuse(p, token)

        return convert

    return make


def parse_float32(text: str) -> float:
    """Return the 32-bit float nearest to a decimal number, rounded once."""
    double = float(text)
    single = _to_float32(double)
    if single == double or double != double or abs(double) == float("inf"):
        return single
    # A double half-way between two floats has lost the digits that decide.
    exact, rounded = Decimal(text), Decimal(double)
    if exact == rounded:
        return single
    neighbour = _to_float32(double + (double - single)) if abs(single) != float("inf") else _below(single)
    if _distance(single, rounded) != _distance(neighbour, rounded):
        return single
    low, high = sorted((single, neighbour))
    return low if exact < rounded else high


def _to_float32(double: float) -> float:
    try:
        return float(struct.unpack("<f", struct.pack("<f", double))[0])
    except OverflowError:
        return float("inf") if double > 0 else float("-inf")


_LARGEST_FLOAT = float(struct.unpack("<f", b"\xff\xff\x7f\x7f")[0])
_BEYOND_FLOAT = Decimal(2**128)


def _below(infinite: float) -> float:
    return _LARGEST_FLOAT if infinite > 0 else -_LARGEST_FLOAT


def _distance(single: float, number: Decimal) -> Decimal:
    value = Decimal(single) if abs(single) != float("inf") else _BEYOND_FLOAT.copy_sign(number)
    return _WIDE.subtract(value, number).copy_abs()


def _string(data_type: t.DataType, options: JsonOptions) -> Converter:
    def convert(p: Tokenizer) -> Any:
        token = _value_token(p)
        if token is None:
            return None
        if token == k.STRING:
            return to_text(p.string())
        return p.raw().decode("utf-8", "replace")

    return convert


def _binary(data_type: t.DataType, options: JsonOptions) -> Converter:
    def convert(p: Tokenizer) -> Any:
        token = _value_token(p)
        if token is None:
            return None
        if token != k.STRING:
            raise _refuse(p, token)
        return p.binary()

    return convert


_JAVA_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\Z")
_WIDE = Context(
    prec=2100, rounding=ROUND_HALF_UP, Emin=-999999999, Emax=999999999, traps=[InvalidOperation, Overflow]
)
_MAX_EXPONENT = 2000


def parse_decimal(text: str) -> Decimal:
    """Return a decimal number in the syntax of Java's BigDecimal.

    Raises:
        BadValue: the text is no number.
    """
    if not _JAVA_DECIMAL.match(text):
        raise BadValue("no number")
    try:
        return Decimal(text)
    except InvalidOperation:
        raise BadValue("no number") from None


def to_decimal(number: Decimal, precision: int, scale: int) -> Decimal:
    """Return a number rounded half up to a scale.

    Raises:
        BadValue: it has more digits than the precision.
    """
    if number.adjusted() > precision:
        if number == 0:
            return Decimal(0).scaleb(-scale)
        raise BadValue("too many digits")
    if number.adjusted() < -scale - 1:
        return Decimal(0).scaleb(-scale)
    rounded = number.quantize(Decimal(1).scaleb(-scale), context=_WIDE)
    if not rounded:
        return Decimal(0).scaleb(-scale)
    if len(rounded.as_tuple().digits) > precision:
        raise BadValue("too many digits")
    return rounded


def _decimal(data_type: t.DataType, options: JsonOptions) -> Converter:
    assert isinstance(data_type, t.DecimalType)
    precision, scale = data_type.precision, data_type.scale

    def convert(p: Tokenizer) -> Any:
        token = _value_token(p)
        if token is None:
            return None
        if token in (k.INT, k.FLOAT):
            return to_decimal(parse_decimal(p.number), precision, scale)
        if token == k.STRING and p.string():
            return to_decimal(parse_decimal(p.string().replace(",", "")), precision, scale)
        raise _refuse(p, token)

    return convert


def _timestamp(data_type: t.DataType, options: JsonOptions) -> Converter:
    parse = timestamp_parser(options)

    def convert(p: Tokenizer) -> Any:
        token = _value_token(p)
        if token is None:
            return None
        if token == k.STRING and p.string():
            micros = parse(p.string())
            if micros is None:
                raise BadValue("no timestamp")
            return micros
        if token == k.INT:
            seconds = int(p.number)
            if not -(2**63) <= seconds < 2**63:
                raise BadValue("out of range")
            return (seconds * MICROS_PER_SECOND + 2**63) % 2**64 - 2**63
        raise _refuse(p, token)

    return convert


def timestamp_parser(options: JsonOptions, *, with_fallback: bool = True) -> Callable[[str], int | None]:
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


def timestamp_ntz_parser(options: JsonOptions) -> Callable[[str], int | None]:
    """Return the function from text to local microseconds since 1970 (None: no timestamp)."""
    pattern = options.timestamp_ntz_format
    if pattern is None:
        return parse_timestamp_ntz
    from lightstream.sources.json.patterns import compile_pattern

    return compile_pattern(pattern).timestamp_ntz


def _timestamp_ntz(data_type: t.DataType, options: JsonOptions) -> Converter:
    return _from_text(timestamp_ntz_parser(options))


def _from_text(parse: Callable[[str], Any]) -> Converter:
    def convert(p: Tokenizer) -> Any:
        token = _value_token(p)
        if token is None:
            return None
        if token == k.STRING and p.string():
            value = parse(p.string())
            if value is None:
                raise BadValue("not in the format")
            return value
        raise _refuse(p, token)

    return convert


_JAVA_INT = re.compile(r"[+-]?[0-9]+\Z")


def date_parser(options: JsonOptions) -> Callable[[str], int | None]:
    """Return the function from text to days since 1970 (None: no date) that the options ask for."""
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
        if days is None and _JAVA_INT.match(text) and -(2**31) <= int(text) < 2**31:
            days = _julian_to_gregorian(int(text))
        return days

    return with_fallback


def _julian_to_gregorian(days: int) -> int:
    """Move days counted in the old hybrid calendar to the day with the same year, month and day."""
    if days >= -141427:  # 1582-10-15
        return days
    from lightstream.sources.json.datetimes import days_from_valid_civil

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


def _date(data_type: t.DataType, options: JsonOptions) -> Converter:
    return _from_text(date_parser(options))


def _null(data_type: t.DataType, options: JsonOptions) -> Converter:
    def convert(p: Tokenizer) -> Any:
        _value_token(p)
        return None

    return convert


_ATOMIC: dict[type[t.DataType], Callable[[t.DataType, JsonOptions], Converter]] = {
    t.BooleanType: _boolean,
    t.ByteType: _integral(-128, 255),  # Spark's parser takes 128..255 and wraps them
    t.ShortType: _integral(-(2**15), 2**15 - 1),
    t.IntegerType: _integral(-(2**31), 2**31 - 1),
    t.LongType: _integral(-(2**63), 2**63 - 1),
    t.FloatType: _floating(parse_float32),
    t.DoubleType: _floating(float),
    t.StringType: _string,
    t.BinaryType: _binary,
    t.DecimalType: _decimal,
    t.TimestampType: _timestamp,
    t.TimestampNTZType: _timestamp_ntz,
    t.DateType: _date,
    t.NullType: _null,
}

"""From the text of a cell to a value of a type."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from lightstream.errors import unsupported
from lightstream.plan import types as t
from lightstream.sources.csv.options import CsvOptions
from lightstream.sources.java_text import java_double
from lightstream.sources.json.characters import is_basic
from lightstream.sources.json.numbers import parse_decimal, parse_float32, to_decimal
from lightstream.sources.json.record_reader import BadValue
from lightstream.sources.json.temporal import date_parser, timestamp_ntz_parser, timestamp_parser

# From the text of a cell to a value; raises BadValue for text that is none.
Converter = Callable[[str], Any]

_INTEGER = re.compile(r"[+-]?\d+\Z")  # digits of any script


def make_converter(data_type: t.DataType, options: CsvOptions) -> Callable[[str | None], Any]:
    """Return the function from a cell to a value of a type; None, and the text of `nullValue`, become None.

    Values: int, float, str, bool, Decimal, days and microseconds since 1970 as int. The function raises BadValue.

    Raises:
        UnsupportedOperationException: a type that cannot be read from CSV here.
    """
    convert = _converter(data_type, options)
    null = options.null_value

    def cell(text: str | None) -> Any:
        return None if text is None or text == null else convert(text)

    return cell


def _converter(data_type: t.DataType, options: CsvOptions) -> Converter:
    match data_type:
        case t.StringType():
            return str
        case t.BinaryType():
            return str.encode
        case t.ByteType() | t.ShortType() | t.IntegerType() | t.LongType():
            return _integral(data_type)
        case t.DoubleType():
            return _floating(options, float, _same)
        case t.FloatType():
            return _floating(options, parse_float32, _float32)
        case t.BooleanType():
            return _boolean
        case t.DecimalType(precision=precision, scale=scale):
            return lambda text: to_decimal(parse_decimal(text.replace(",", "")), precision, scale)
        case t.DateType():
            return _needed(date_parser(options, reads_day_numbers=False))
        case t.TimestampType():
            return _needed(timestamp_parser(options))
        case t.TimestampNTZType():
            return _needed(timestamp_ntz_parser(options))
    raise unsupported(f"Reading CSV into a column of type {data_type.simpleString()}")


_BITS: dict[type[t.DataType], int] = {t.ByteType: 8, t.ShortType: 16, t.IntegerType: 32, t.LongType: 64}


def _integral(data_type: t.DataType) -> Converter:
    limit: int = 2 ** (_BITS[type(data_type)] - 1)

    def convert(text: str) -> int:
        if not _INTEGER.match(text) or not is_basic(text):
            raise BadValue("no integer")
        value = int(text)
        if not -limit <= value < limit:
            raise BadValue("out of range")
        return value

    return convert


def _same(value: float) -> float:
    return value


def _float32(value: float) -> float:
    import struct

    try:
        return float(struct.unpack("<f", struct.pack("<f", value))[0])
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


_PLAIN_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\Z")


def _floating(
    options: CsvOptions, parse: Callable[[str], float], rounded: Callable[[float], float]
) -> Converter:
    special = {
        options.positive_inf: float("inf"), options.negative_inf: float("-inf"), options.nan: float("nan"),
    }  # fmt: skip

    def convert(text: str) -> float:
        if text in special:
            return special[text]
        if _PLAIN_NUMBER.match(text):
            return parse(text)
        bare = text.strip(_BLANKS)
        if _PLAIN_NUMBER.match(bare.rstrip("fFdD")) and len(bare) - len(bare.rstrip("fFdD")) <= 1:
            return parse(bare.rstrip("fFdD"))
        value = java_double(text)
        if value is None:
            raise BadValue("no number")
        return rounded(value)

    return convert


_BLANKS = "".join(map(chr, range(0x21)))


def _boolean(text: str) -> bool:
    word = text.lower()
    if word not in ("true", "false"):
        raise BadValue("no boolean")
    return word == "true"


def _needed(parse: Callable[[str], int | None]) -> Converter:
    def convert(text: str) -> int:
        value = parse(text)
        if value is None:
            raise BadValue("not in the format")
        return value

    return convert

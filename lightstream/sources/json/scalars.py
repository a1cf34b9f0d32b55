"""From tokens to values of the types without parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lightstream.plan import types as t
from lightstream.sources.json import tokens as k
from lightstream.sources.json.characters import shown_text, to_text
from lightstream.sources.json.datetimes import MICROS_PER_SECOND
from lightstream.sources.json.numbers import parse_decimal, parse_float32, to_decimal
from lightstream.sources.json.options import JsonOptions
from lightstream.sources.json.record_reader import BadValue
from lightstream.sources.json.temporal import date_parser, timestamp_ntz_parser, timestamp_parser
from lightstream.sources.json.tokens import Tokenizer

Converter = Callable[[Tokenizer], Any]


def value_token(p: Tokenizer) -> int | None:
    """Step from a name to its value; None stands for null."""
    token = p.token
    while token == k.FIELD_NAME:
        token = p.next_token()
    return None if token == k.NULL else token


def refuse(p: Tokenizer, token: int) -> BadValue:
    """Return the error for a token of the wrong type."""
    if token == k.STRING:
        p.string()  # a broken string moves the position, whatever type was wanted
    return BadValue("wrong type")


def _boolean(data_type: t.DataType, options: JsonOptions) -> Converter:
    def convert(p: Tokenizer) -> Any:
        token = value_token(p)
        if token == k.TRUE:
            return True
        if token == k.FALSE:
            return False
        if token is None:
            return None
        raise refuse(p, token)

    return convert


def _integral(low: int, high: int) -> Callable[[t.DataType, JsonOptions], Converter]:
    def make(data_type: t.DataType, options: JsonOptions) -> Converter:
        def convert(p: Tokenizer) -> Any:
            token = value_token(p)
            if token is None:
                return None
            if token != k.INT:
                raise refuse(p, token)
            number = int(p.number)
            if not low <= number <= high:
                raise BadValue("out of range")
            return number - 256 if high == 255 and number > 127 else number

        return convert

    return make


SPECIAL = {
    "NaN": float("nan"), "+INF": float("inf"), "+Infinity": float("inf"), "Infinity": float("inf"),
    "-INF": float("-inf"), "-Infinity": float("-inf"),
}  # fmt: skip


def _floating(parse: Callable[[str], float]) -> Callable[[t.DataType, JsonOptions], Converter]:
    def make(data_type: t.DataType, options: JsonOptions) -> Converter:
        special = SPECIAL if options.tolerance.non_numeric_numbers else {}

        def convert(p: Tokenizer) -> Any:
            token = value_token(p)
            if token == k.FLOAT:
                number = SPECIAL.get(p.number)
                return parse(p.number) if number is None else number
            if token == k.INT:
                return parse(str(int(p.number)))
            if token is None:
                return None
            if token == k.STRING and p.string() in special:
                return special[p.string()]
            raise refuse(p, token)

        return convert

    return make


def _string(data_type: t.DataType, options: JsonOptions) -> Converter:
    def convert(p: Tokenizer) -> Any:
        token = value_token(p)
        if token is None:
            return None
        if token == k.STRING:
            return to_text(p.string())
        return shown_text(p.raw())

    return convert


def _binary(data_type: t.DataType, options: JsonOptions) -> Converter:
    def convert(p: Tokenizer) -> Any:
        token = value_token(p)
        if token is None:
            return None
        if token != k.STRING:
            raise refuse(p, token)
        return p.binary()

    return convert


def _decimal(data_type: t.DataType, options: JsonOptions) -> Converter:
    assert isinstance(data_type, t.DecimalType)
    precision, scale = data_type.precision, data_type.scale

    def convert(p: Tokenizer) -> Any:
        token = value_token(p)
        if token is None:
            return None
        if token in (k.INT, k.FLOAT):
            return to_decimal(parse_decimal(p.number), precision, scale)
        if token == k.STRING and p.string():
            return to_decimal(parse_decimal(p.string().replace(",", "")), precision, scale)
        raise refuse(p, token)

    return convert


def _timestamp(data_type: t.DataType, options: JsonOptions) -> Converter:
    parse = timestamp_parser(options)

    def convert(p: Tokenizer) -> Any:
        token = value_token(p)
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
        raise refuse(p, token)

    return convert


def _timestamp_ntz(data_type: t.DataType, options: JsonOptions) -> Converter:
    return _from_text(timestamp_ntz_parser(options))


def _from_text(parse: Callable[[str], Any]) -> Converter:
    def convert(p: Tokenizer) -> Any:
        token = value_token(p)
        if token is None:
            return None
        if token == k.STRING and p.string():
            value = parse(p.string())
            if value is None:
                raise BadValue("not in the format")
            return value
        raise refuse(p, token)

    return convert


def _date(data_type: t.DataType, options: JsonOptions) -> Converter:
    return _from_text(date_parser(options))


def _null(data_type: t.DataType, options: JsonOptions) -> Converter:
    def convert(p: Tokenizer) -> Any:
        value_token(p)
        return None

    return convert


def _variant(data_type: t.DataType, options: JsonOptions) -> Converter:
    from lightstream.sources.json.variants import converted

    def convert(p: Tokenizer) -> Any:
        value_token(p)
        return converted(p)

    return convert


ATOMIC: dict[type[t.DataType], Callable[[t.DataType, JsonOptions], Converter]] = {
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
    t.VariantType: _variant,
}

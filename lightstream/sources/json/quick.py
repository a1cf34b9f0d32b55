"""A short cut for records where nothing is unusual: Python's own JSON parser, and a check of every value.

Where anything could differ from Spark's rules the short cut declines, and the tokenizer reads the record.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from lightstream.plan import types as t
from lightstream.sources.json.numbers import to_decimal
from lightstream.sources.json.options import JsonOptions
from lightstream.sources.json.record_reader import MAX_DEPTH, MAX_NAME_CHARS, STANDARD, BadValue
from lightstream.sources.json.temporal import date_parser, timestamp_ntz_parser, timestamp_parser

_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")
_LONG_NUMBER = re.compile(rb"[0-9.eE+-]{1001}")
_MINUS_ZERO = re.compile(rb"-0(?![0-9.])")
_SPACE = " \t\r\n"
_MAX_RAW_CHARS = 1000

Check = Callable[[Any], Any]


class _Unsure(Exception):
    """The record has something that the short cut does not judge."""


def make_quick(schema: t.StructType, options: JsonOptions) -> Callable[[bytes], list[Any] | None] | None:
    """Return a function from a record to its row, or to None when the tokenizer has to look at it.

    Returns None itself where no record could be read that way.
    """
    if options.tolerance != STANDARD or options.encoding is not None or options.multi_line:
        return None
    wants_digits = t.holds(schema, t.DecimalType)
    checks: list[tuple[str, Check]] = []
    for field in schema.fields:
        check = _check(field.dataType, options)
        if check is None:
            return None
        checks.append((field.name, check))
    decoder = json.JSONDecoder(
        object_pairs_hook=_unique, parse_float=Decimal if wants_digits else None, strict=True
    )
    scan = decoder.scan_once  # type: ignore[attr-defined]

    def quick(record: bytes) -> list[Any] | None:
        if is_unusual(record):
            return None
        if b"-0" in record and _MINUS_ZERO.search(record):
            return None
        try:
            text = record.decode("utf-8")
            if text[:1] != "{":
                text = text.lstrip(_SPACE)
            value, _ = scan(text, 0)
            if type(value) is not dict:
                return None
            get = value.get
            return [check(get(name)) for name, check in checks]
        except (_Unsure, ValueError, StopIteration, RecursionError, ArithmeticError, BadValue):
            return None

    return quick


def is_unusual(record: bytes) -> bool:
    """Return whether a record may have numbers, names or nesting beyond what Spark's parser takes, or surrogates."""
    if b"\\u" in record and _SURROGATE_ESCAPE.search(record):
        return True
    return len(record) > _MAX_RAW_CHARS and (
        _LONG_NUMBER.search(record) is not None
        or (len(record) > 2 * MAX_DEPTH and record.count(b"{") + record.count(b"[") > MAX_DEPTH)
        or len(record) > MAX_NAME_CHARS
    )


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise _Unsure
    return value


def _check(data_type: t.DataType, options: JsonOptions) -> Check | None:
    if isinstance(data_type, t.StructType):
        return _check_struct(data_type, options)
    if isinstance(data_type, t.ArrayType):
        return _check_array(data_type, options)
    if isinstance(data_type, t.MapType):
        return _check_map(data_type, options)
    if type(data_type) in _RANGES:
        return _check_integer(*_RANGES[type(data_type)])
    if isinstance(data_type, t.DecimalType):
        return _check_decimal(data_type)
    if isinstance(data_type, t.TimestampType):
        return _check_timestamp(timestamp_parser(options))
    if isinstance(data_type, t.TimestampNTZType):
        return _check_text(timestamp_ntz_parser(options))
    if isinstance(data_type, t.DateType):
        return _check_text(date_parser(options))
    return _ATOMIC.get(type(data_type))


_RANGES: dict[type[t.DataType], tuple[int, int]] = {
    t.ByteType: (-128, 127),
    t.ShortType: (-(2**15), 2**15 - 1),
    t.IntegerType: (-(2**31), 2**31 - 1),
    t.LongType: (-(2**63), 2**63 - 1),
}


def _check_integer(low: int, high: int) -> Check:
    def check(value: Any) -> Any:
        if value is None or (type(value) is int and low <= value <= high):
            return value
        raise _Unsure

    return check


def _check_string(value: Any) -> Any:
    if value is None or type(value) is str:
        return value
    raise _Unsure


def _check_boolean(value: Any) -> Any:
    if value is None or value is True or value is False:
        return value
    raise _Unsure


def _check_double(value: Any) -> Any:
    kind = type(value)
    if value is None or kind is float:
        return value
    if kind is int or kind is Decimal:
        return float(value)
    raise _Unsure


def _check_null(value: Any) -> Any:
    if type(value) is dict or type(value) is list:
        raise _Unsure  # Spark goes on reading inside of it
    return None


_ATOMIC: dict[type[t.DataType], Check] = {
    t.StringType: _check_string,
    t.BooleanType: _check_boolean,
    t.DoubleType: _check_double,
    t.NullType: _check_null,
}


def _check_decimal(data_type: t.DecimalType) -> Check:
    precision, scale = data_type.precision, data_type.scale

    def check(value: Any) -> Any:
        if value is None:
            return None
        if type(value) is int or type(value) is Decimal:
            return to_decimal(Decimal(value), precision, scale)
        raise _Unsure

    return check


def _check_text(parse: Callable[[str], int | None]) -> Check:
    def check(value: Any) -> Any:
        if value is None:
            return None
        parsed = parse(value) if type(value) is str and value else None
        if parsed is None:
            raise _Unsure
        return parsed

    return check


def _check_timestamp(parse: Callable[[str], int | None]) -> Check:
    text = _check_text(parse)

    def check(value: Any) -> Any:
        if type(value) is int and abs(value) < 2**43:
            return value * 1_000_000
        return text(value)

    return check


def _check_struct(data_type: t.StructType, options: JsonOptions) -> Check | None:
    checks: list[tuple[str, Check]] = []
    for field in data_type.fields:
        inner = _check(field.dataType, options)
        if inner is None:
            return None
        checks.append((field.name, inner))

    def check(value: Any) -> Any:
        if value is None:
            return None
        if type(value) is not dict:
            raise _Unsure
        get = value.get
        return [inner(get(name)) for name, inner in checks]

    return check


def _check_array(data_type: t.ArrayType, options: JsonOptions) -> Check | None:
    element = _check(data_type.elementType, options)
    if element is None:
        return None

    def check(value: Any) -> Any:
        if value is None:
            return None
        if type(value) is not list:
            raise _Unsure
        return [element(item) for item in value]

    return check


def _check_map(data_type: t.MapType, options: JsonOptions) -> Check | None:
    inner = _check(data_type.valueType, options)
    if inner is None:
        return None

    def check(value: Any) -> Any:
        if value is None:
            return None
        if type(value) is not dict:
            raise _Unsure
        return [(name, inner(item)) for name, item in value.items()]

    return check

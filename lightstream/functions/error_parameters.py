"""The parameters of errors met while a statement runs (`getMessageParameters`): read back from their messages."""

from __future__ import annotations

import re
from collections.abc import Callable

_ANSI = '"spark.sql.ansi.enabled"'
_SUFFIXES = {"TINYINT": "Y", "SMALLINT": "S", "INT": "", "BIGINT": "L"}
# Condition to what its messages look like, and the parameters that are always the same.
_READ: dict[str, tuple[str, dict[str, str]]] = {
    "CAST_INVALID_INPUT": (
        r"The value (?P<expression>.*) of the type (?P<sourceType>\".*?\") cannot be cast to "
        r"(?P<targetType>\".*?\") because it is malformed",
        {"ansiConfig": _ANSI},
    ),
    "NUMERIC_VALUE_OUT_OF_RANGE.WITH_SUGGESTION": (
        r"(?P<value>-?[\d.]+) cannot be represented as Decimal\((?P<precision>\d+), (?P<scale>\d+)\)",
        {"config": _ANSI},
    ),
    "DIVIDE_BY_ZERO": ("", {"config": _ANSI}),
    "REMAINDER_BY_ZERO": ("", {"config": _ANSI}),
    "INVALID_ARRAY_INDEX": (r".*index (?P<indexValue>-?\d+), the array has (?P<arraySize>\d+) elements", {}),
    "INVALID_ARRAY_INDEX_IN_ELEMENT_AT": (
        r".*index (?P<indexValue>-?\d+), the array has (?P<arraySize>\d+) elements",
        {},
    ),
    "ILLEGAL_DAY_OF_WEEK": (r"No day of the week has the name (?P<string>.*)\.$", {}),
    "USER_RAISED_EXCEPTION": (r"(?P<errorMessage>.*)", {}),
    "CANNOT_DECODE_URL": (r"The provided URL cannot be decoded: (?P<url>.*)\. Please ensure", {}),
    "INVALID_FORMAT.MISMATCH_INPUT": (
        r"The format is invalid: (?P<format>.*)\. The input (?P<inputType>\"\w+\") (?P<input>.*) does not match",
        {},
    ),
    "INVALID_PARAMETER_VALUE.BIT_POSITION_RANGE": (
        r"The value of parameter\(s\) (?P<parameter>`\w+`) in (?P<functionName>`\w+`) is invalid: expects an integer "
        r"value in \[0, (?P<upper>\d+)\), but got (?P<invalidValue>-?\d+)",
        {},
    ),
    "INVALID_PARAMETER_VALUE.START": (
        r"The value of parameter\(s\) in (?P<functionName>`\w+`)",
        {"parameter": "`start`"},
    ),
}
_TRY = {"addition": "try_add", "subtraction": "try_subtract", "multiplication": "try_multiply"}


def parameters_of(condition: str | None, message: str) -> dict[str, str]:
    """Return the parameters of Spark's that a message of ours holds; none where it does not hold them all."""
    reader = _READERS.get(condition or "")
    if reader is not None:
        return reader(message)
    if condition not in _READ:
        return {}
    pattern, fixed = _READ[condition]
    found = re.match(pattern, message, re.DOTALL)
    return {} if found is None else {**found.groupdict(), **fixed}


def _cast_overflow(message: str) -> dict[str, str]:
    found = re.match(r"The value (-?\d+) of the type \"(\w+)\" cannot be cast to (\".*?\")", message)
    if found is None or found.group(2) not in _SUFFIXES:
        return {}
    value, source, target = found.groups()
    return {
        "value": f"{value}{_SUFFIXES[source]}",
        "sourceType": f'"{source}"',
        "targetType": target,
        "ansiConfig": _ANSI,
    }


def _arithmetic_overflow(message: str) -> dict[str, str]:
    found = re.match(r"Overflow in (addition|subtraction|multiplication) of INT(?:32|64) \((?!0 - )", message)
    if found is None:
        return {}
    instead = f" Use '{_TRY[found.group(1)]}' to tolerate overflow and return NULL instead."
    return {"message": "overflow", "alternative": instead, "config": _ANSI}


def _binary_overflow(message: str) -> dict[str, str]:
    found = re.match(r"Overflow in (\w+) of INT(8|16) \((-?\d+) ([-+*]) (-?\d+)\)", message)
    if found is None or found.group(1) not in _TRY:
        return {}
    operation, _, left, symbol, right = found.groups()
    return {
        "value1": f"{left}S",
        "symbol": symbol,
        "value2": f"{right}S",
        "functionName": f"`{_TRY[operation]}`",
    }


_READERS: dict[str, Callable[[str], dict[str, str]]] = {
    "CAST_OVERFLOW": _cast_overflow,
    "ARITHMETIC_OVERFLOW": _arithmetic_overflow,
    "BINARY_ARITHMETIC_OVERFLOW": _binary_overflow,
}

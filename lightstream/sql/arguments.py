"""Errors for arguments of a wrong kind, with the conditions of pyspark."""

from __future__ import annotations

from typing import Any

from lightstream.errors import PySparkTypeError, PySparkValueError


def not_expected(argument: str, expected: str, value: Any) -> PySparkTypeError:
    """Return NOT_EXPECTED_TYPE: `argument` should have been `expected`, and `value` is not."""
    kind = type(value).__name__
    return PySparkTypeError(
        "NOT_EXPECTED_TYPE",
        f"Argument `{argument}` should be {expected}, got {kind}.",
        sqlstate="42K09",
        parameters={"arg_name": argument, "expected_type": expected, "arg_type": kind},
    )


def need_str(argument: str, value: Any) -> str:
    """Return a text argument; refuse anything else."""
    if not isinstance(value, str):
        raise not_expected(argument, "str", value)
    return value


def need_bool(argument: str, value: Any) -> bool:
    """Return a boolean argument; refuse anything else."""
    if not isinstance(value, bool):
        raise not_expected(argument, "bool", value)
    return value


def need_int(argument: str, value: Any) -> int:
    """Return a whole number; refuse anything else, booleans too."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise not_expected(argument, "int", value)
    return value


def cannot_be_empty(item: str) -> PySparkValueError:
    """Return CANNOT_BE_EMPTY."""
    return PySparkValueError(
        "CANNOT_BE_EMPTY", f"At least one {item} must be specified.", parameters={"item": item}
    )


def cannot_set_together(arguments: str) -> PySparkValueError:
    """Return CANNOT_SET_TOGETHER."""
    return PySparkValueError(
        "CANNOT_SET_TOGETHER",
        f"{arguments} should not be set together.",
        parameters={"arg_list": arguments},
    )


def not_allowed(argument: str, allowed: list[str]) -> PySparkValueError:
    """Return VALUE_NOT_ALLOWED."""
    return PySparkValueError(
        "VALUE_NOT_ALLOWED",
        f"Value for `{argument}` has to be amongst the following values: {allowed}.",
        parameters={"arg_name": argument, "allowed_values": str(allowed)},
    )


def required(argument: str, condition: str) -> PySparkTypeError:
    """Return ARGUMENT_REQUIRED: `argument` is needed when `condition`."""
    return PySparkTypeError(
        "ARGUMENT_REQUIRED",
        f"Argument `{argument}` is required when {condition}.",
        parameters={"arg_name": argument, "condition": condition},
    )

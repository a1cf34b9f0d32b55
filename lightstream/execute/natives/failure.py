"""How a function that DuckDB calls back fails with Spark's error."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from lightstream.errors import PySparkException, unsupported
from lightstream.functions.spelling import failure_text

P = ParamSpec("P")
R = TypeVar("R")


def failing(function: Callable[P, R]) -> Callable[P, R]:
    """Let a function's Spark errors come through DuckDB: in a text that `functions.errors.translate` reads."""

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except PySparkException as found:
            error = found
        except RecursionError:
            error = unsupported("A value of so many levels")
        message = error.message.replace("{}", "")  # which stands for a value that comes behind
        text = failure_text(error.condition, message, error.sqlstate or "", type(error).__name__)
        raise ValueError(text) from None

    return call

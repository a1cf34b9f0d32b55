"""`pyspark.sql.functions.builtin`: the same functions under the name of their module in pyspark."""

from __future__ import annotations

from typing import Any

from lightstream.sql import functions as _functions

__all__ = _functions.__all__


def __getattr__(name: str) -> Any:
    return getattr(_functions, name)

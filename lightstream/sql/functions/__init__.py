"""`pyspark.sql.functions`: the built-in functions, made when they are first asked for."""

from __future__ import annotations

from typing import Any

from lightstream.sql.functions import special as _special
from lightstream.sql.functions.table import SIGNATURES as _SIGNATURES
from lightstream.sql.functions.table import UNLISTED as _UNLISTED

_UNLISTED_SPECIAL = ("polars_udf", "random", "uuid")  # the first is an extension
_lines = {line.partition("(")[0]: line for line in (_SIGNATURES + _UNLISTED).splitlines()}
_classes = (
    "AnalyzeArgument", "AnalyzeResult", "ArrowUDFType", "OrderingColumn", "PandasUDFType", "PartitioningColumn",
    "SelectedColumn", "SkipRestOfInputTableException", "UserDefinedFunction", "UserDefinedTableFunction",
)  # fmt: skip

__all__ = sorted(
    [*_classes, *_special.__all__, *(line.partition("(")[0] for line in _SIGNATURES.splitlines())]
)


def __getattr__(name: str) -> Any:
    line = _lines.get(name)
    value: Any
    if line is not None:
        from lightstream.sql.functions.build import build

        value = build(line)
    elif name in _classes:
        from lightstream.sql import udf, udtf

        value = getattr(udf if hasattr(udf, name) else udtf, name)
    elif name in ("builtin", "partitioning"):
        from importlib import import_module

        value = import_module(f"{__name__}.{name}")
    elif name in _special.__all__ or name in _UNLISTED_SPECIAL:
        value = getattr(_special, name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, *(line.partition("(")[0] for line in _UNLISTED.splitlines()), *_UNLISTED_SPECIAL]

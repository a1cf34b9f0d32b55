"""What of pyspark's DataFrame API is here, told by the classes themselves: for `docs/api.md`."""

# ruff: noqa: E501

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from typing import Any

# Where pyspark has each class, and where it is here.
CLASSES = {
    "SparkSession": "session",
    "DataFrame": "dataframe",
    "DataFrameNaFunctions": "dataframe",
    "DataFrameStatFunctions": "dataframe",
    "Column": "column",
    "GroupedData": "group",
    "Window": "window",
    "WindowSpec": "window",
    "Row": "types",
    "Catalog": "catalog",
    "DataFrameReader": "readwriter",
    "DataFrameWriter": "readwriter",
    "DataFrameWriterV2": "readwriter",
    "DataStreamReader": "streaming",
    "DataStreamWriter": "streaming",
    "StreamingQuery": "streaming",
    "StreamingQueryManager": "streaming",
    "UDFRegistration": "udf",
    "TableValuedFunction": "tvf",
    "PandasCogroupedOps": "pandas.group_ops",
}
REFUSED = "Refused"


def public(cls: type) -> Iterator[tuple[str, Any]]:
    """Yield the public members of a class by name, those of its own bases included."""
    for name in dir(cls):
        if not name.startswith("_"):
            yield name, inspect.getattr_static(cls, name)


def is_refused(member: Any) -> bool:
    """Return whether a member only says that it is not supported."""
    if isinstance(member, property):
        member = member.fget
    if isinstance(member, staticmethod | classmethod):
        member = member.__func__
    return (getattr(member, "__doc__", None) or "").startswith(REFUSED)


def ours(name: str) -> type:
    """Return lightstream's class."""
    found: type = getattr(importlib.import_module(f"lightstream.sql.{CLASSES[name]}"), name)
    return found


def page(note: str) -> str:
    """Return the text of docs/api.md."""
    lines = [
        "# The DataFrame API",
        "",
        note,
        "",
        "Every public method and property of these classes of pyspark 4.3 exists under its name and with its parameters (`tests/test_api_table.py` "
        "compares them with the installed pyspark). It works as in Spark, or raises `LIGHTSTREAM_UNSUPPORTED` with its name. Functions are listed in "
        "[functions.md](functions.md).",
        "",
        "| class | works | refused by name |",
        "| --- | --- | --- |",
    ]
    for name in CLASSES:
        members = [(n, m) for n, m in public(ours(name)) if not inspect.isclass(m)]
        works = [f"`{n}`" for n, m in members if not is_refused(m)]
        refused = [f"`{n}`" for n, m in members if is_refused(m)]
        lines.append(f"| `{name}` | {', '.join(works)} | {', '.join(refused)} |")
    return "\n".join(lines) + "\n"

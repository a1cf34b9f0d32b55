"""What an engine answers: the schema and the rows, or the error; and when two answers are the same."""

from __future__ import annotations

import contextlib
import math
from typing import Any

from lightstream.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Answer:
    """Columns as (name, type, nullable) and rows; or the class and condition of the error, and its text."""

    columns: tuple[Any, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()
    error: tuple[str, str | None] | None = None
    text: str = ""


def failed(error: Exception) -> Answer:
    """Return the answer that is an error of either engine; any other error is a fault of the test or the engine."""
    if type(error).__name__ == "Py4JJavaError":  # which pyspark makes of errors that it does not know
        found: Any = error
        with contextlib.suppress(Exception):  # Java's exceptions have a condition only where they are Spark's
            found = found.java_exception
            return Answer(error=(type(error).__name__, found.getCondition()), text=str(error)[:200])
    if not hasattr(error, "getCondition"):
        return Answer(error=(type(error).__name__, None), text=str(error)[:200])
    return Answer(error=(type(error).__name__, error.getCondition()), text=str(error)[:200])


def columns_of(frame: Any) -> tuple[Any, ...]:
    """Return name, type and nullability of each column."""
    return tuple((field.name, repr(field.dataType), field.nullable) for field in frame.schema.fields)


def plain(value: Any) -> Any:
    """Return a value without the classes of its engine: rows as tuples of names and values, maps in order."""
    if type(value).__name__ == "VariantVal":
        return ("variant", bytes(value.value), bytes(value.metadata))
    if hasattr(value, "__fields__"):
        return ("row", tuple(value.__fields__), tuple(map(plain, value)))
    if isinstance(value, dict):
        return ("map", sorted(((plain(k), plain(v)) for k, v in value.items()), key=repr))
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, bytearray):
        return bytes(value)
    return value


def rows_of(frame: Any) -> tuple[tuple[Any, ...], ...]:
    """Return the rows, in an order that does not depend on the engine."""
    return tuple(sorted((tuple(map(plain, row)) for row in frame.collect()), key=order))


def order(row: Any) -> str:
    """Return what rows are sorted by: doubles by their first digits, so that the last ones do not matter."""
    if isinstance(row, list | tuple):
        return "(" + ",".join(map(order, row)) + ")"
    return f"{row:.9e}" if isinstance(row, float) else repr(row)


def same(left: Any, right: Any) -> bool:
    """Tell whether two values are equal, and of one type."""
    if isinstance(left, float) and isinstance(right, float):
        if math.isnan(left) or math.isnan(right):
            return math.isnan(left) and math.isnan(right)
        # A sum of doubles depends on the order of its addends, and each engine has its own: the last digits differ.
        return math.isclose(left, right, rel_tol=1e-12) and math.copysign(1, left) == math.copysign(1, right)
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    return type(left) is type(right) and left == right


def _same_error(spark: tuple[str, str | None] | None, ours: tuple[str, str | None] | None) -> bool:
    if spark is not None and ours is not None and spark[0] == "Py4JJavaError" and spark[1] is not None:
        return spark[1] == ours[1]
    return spark == ours


def difference(spark: Answer, ours: Answer, names: bool = True) -> str | None:
    """Say how the answers differ; None when they are the same. Without `names`, of columns the types are compared."""
    if not _same_error(spark.error, ours.error):
        shown = f"{ours.error or ours.rows} {ours.text}"
        return f"spark: {spark.error or spark.rows} {spark.text}\n here: {shown}"
    if not same(spark.rows, ours.rows):
        return f"spark: {spark.rows}\n here: {ours.rows}"
    if spark.columns != ours.columns and (
        names or [c[1] for c in spark.columns] != [c[1] for c in ours.columns]
    ):
        return f"spark: {spark.columns}\n here: {ours.columns}"
    return None

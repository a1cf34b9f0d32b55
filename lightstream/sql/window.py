"""Windows for `Column.over`: partitions, order and frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from lightstream.dataclass import dataclass
from lightstream.errors import AnalysisException
from lightstream.plan.expressions import (
    Expression,
    FrameBoundary,
    Literal,
    SortOrder,
    WindowExpression,
    WindowFrame,
)
from lightstream.plan.types import IntegerType, LongType
from lightstream.sql.arguments import need_int
from lightstream.sql.column import column_expression, flatten

__all__ = ["Window", "WindowSpec"]

_MIN = -(1 << 63)
_MAX = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class _Parts:
    partition_by: tuple[Expression, ...] = ()
    order_by: tuple[SortOrder, ...] = ()
    frame: WindowFrame | None = None
    bounds: tuple[int, int] | None = None


class WindowSpec:
    """A window; made by `Window.partitionBy`, `Window.orderBy`, `Window.rowsBetween` or `Window.rangeBetween`."""

    def __init__(self, parts: _Parts | None = None) -> None:
        self._parts = parts or _Parts()

    def partitionBy(self, *cols: Any) -> WindowSpec:
        """Return the window with its rows split by these columns."""
        return WindowSpec(replace(self._parts, partition_by=tuple(map(column_expression, flatten(cols)))))

    def orderBy(self, *cols: Any) -> WindowSpec:
        """Return the window with its rows in this order."""
        return WindowSpec(replace(self._parts, order_by=tuple(map(sort_order, flatten(cols)))))

    def rowsBetween(self, start: int, end: int) -> WindowSpec:
        """Return the window with a frame of rows relative to the current one (0), both ends included."""
        return self._framed("rows", start, end)

    def rangeBetween(self, start: int, end: int) -> WindowSpec:
        """Return the window with a frame of order values relative to the current row's (0), both ends included."""
        return self._framed("range", start, end)

    def _framed(self, kind: str, start: int, end: int) -> WindowSpec:
        frame = WindowFrame(kind, _boundary(kind, "start", start), _boundary(kind, "end", end))
        return WindowSpec(replace(self._parts, frame=frame, bounds=(start, end)))

    def _over(self, function: Expression) -> WindowExpression:
        parts = self._parts
        if parts.bounds is not None and (parts.bounds[0] >= _MAX or parts.bounds[1] <= _MIN + 1):
            raise AnalysisException(
                "DATATYPE_MISMATCH.SPECIFIED_WINDOW_FRAME_WRONG_COMPARISON",
                f"The lower bound of a window frame must be less than or equal to the upper bound, but they are "
                f"{parts.bounds[0]} and {parts.bounds[1]}.",
                sqlstate="42K09",
                parameters={"comparison": "less than or equal"},
            )
        return WindowExpression(function, parts.partition_by, parts.order_by, parts.frame)


class Window:
    """Where windows begin: `Window.partitionBy("user").orderBy("time")`."""

    unboundedPreceding: int = _MIN
    unboundedFollowing: int = _MAX
    currentRow: int = 0

    @staticmethod
    def partitionBy(*cols: Any | Sequence[Any]) -> WindowSpec:
        """Return a window with its rows split by these columns."""
        return WindowSpec().partitionBy(*cols)

    @staticmethod
    def orderBy(*cols: Any | Sequence[Any]) -> WindowSpec:
        """Return a window with its rows in this order."""
        return WindowSpec().orderBy(*cols)

    @staticmethod
    def rowsBetween(start: int, end: int) -> WindowSpec:
        """Return a window with a frame of rows relative to the current one."""
        return WindowSpec().rowsBetween(start, end)

    @staticmethod
    def rangeBetween(start: int, end: int) -> WindowSpec:
        """Return a window with a frame of order values relative to the current row's."""
        return WindowSpec().rangeBetween(start, end)


def sort_order(column: Any) -> SortOrder:
    """Return a sort key; a column without a direction sorts upwards with NULLs first."""
    expression = column_expression(column)
    return expression if isinstance(expression, SortOrder) else SortOrder(expression)


def _boundary(kind: str, end: str, offset: int) -> FrameBoundary:
    # The smallest and the largest numbers of 64 bits stand for "unbounded", as in Spark.
    if offset <= _MIN + 1 or offset >= _MAX:
        return FrameBoundary(None)
    need_int(end, offset)
    if kind == "rows" and not -(1 << 31) <= offset < 1 << 31:
        raise AnalysisException(
            f"INVALID_BOUNDARY.{end.upper()}",
            f"The boundary `{end}` of a window's rows is no number of 32 bits: {offset}.",
            sqlstate="22003",
            parameters={"boundary": f"`{end}`", "invalidValue": f"{offset}L"},
        )
    return FrameBoundary(Literal(offset, IntegerType() if kind == "rows" else LongType()) if offset else 0)

"""Functions over windows: their calls resolved, and what Spark refuses of a window."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from lightstream.analyze.calls import makes_rows
from lightstream.analyze.naming import shown
from lightstream.analyze.window_frames import resolved_frame
from lightstream.errors import AnalysisException
from lightstream.plan import expressions as e

if TYPE_CHECKING:
    from lightstream.analyze.expressions import ExpressionResolver


# The frame that Spark gives to ranks, and the only one that may be written for them.
_ALL_ROWS = e.WindowFrame("rows", e.FrameBoundary(None), e.FrameBoundary(None))
_ROWS_SO_FAR = e.WindowFrame("rows", e.FrameBoundary(None), e.FrameBoundary(0))


def window_call(resolver: ExpressionResolver, window: e.WindowExpression) -> e.Expression:
    """Return the call of a function over a window."""
    from lightstream.functions.signatures import is_orderable

    resolver.in_window = True
    try:
        function = resolver.value(window.function)
    finally:
        resolver.in_window = False
    orders = resolver.orders(window.order_by)
    resolved = e.WindowExpression(
        function,
        tuple(resolver.value(item) for item in window.partition_by),
        orders,
        None if window.frame is None else resolved_frame(resolver, window.frame, orders),
    )
    if isinstance(function, e.PythonUdf) and function.aggregates:
        # Each row's function is given the lists of its frame.
        over = (replace(resolved, function=values) for values in function.args)
        return replace(function, args=tuple(over))
    if makes_rows(function):
        raise AnalysisException(
            "UNSUPPORTED_GENERATOR.NESTED_IN_EXPRESSIONS",
            f'The generator is not supported: nested in expressions "{shown(resolved)}".',
            sqlstate="42K0E",
            parameters={"expression": f'"{shown(resolved)}"'},
        )
    _check_window(resolved)
    for key in resolved.partition_by:
        if not is_orderable(e.type_of(key)):
            raise AnalysisException(
                "EXPRESSION_TYPE_IS_NOT_ORDERABLE",
                f'The expression "{shown(key)}" cannot be sorted because its type "{e.type_of(key).sql()}" is not '
                "orderable.",
                sqlstate="42822",
                parameters={"expr": f'"{shown(key)}"', "exprType": f'"{e.type_of(key).sql()}"'},
            )
    return resolved


def _check_window(window: e.WindowExpression) -> None:
    """Raise where a function does not stand over such a window."""
    function = window.function
    frame = _required_frame(function)
    if frame is None:
        if not _is_distinct(function) and _is_ordered_set(function) and _is_ordered(window):
            raise AnalysisException(
                "INVALID_WINDOW_SPEC_FOR_AGGREGATION_FUNC",
                f'Cannot specify ORDER BY or a window frame for "{shown(function)}".',
                sqlstate="42601",
                parameters={"aggFunc": f'"{shown(function)}"'},
            )
        return
    if not window.order_by:
        raise AnalysisException(
            "WINDOW_FUNCTION_FRAME_NOT_ORDERED",
            f"The window function {shown(function)} requires the window to be ordered: add an ORDER BY clause.",
            sqlstate="42601",
            parameters={"wf": shown(function)},
        )
    if window.frame is not None and frame == "offset":
        name = function.name if isinstance(function, e.Call) else ""
        raise AnalysisException(
            "_LEGACY_ERROR_TEMP_1035", f"Cannot specify window frame for {name} function."
        )
    if window.frame is not None and frame == "rows" and window.frame != _ROWS_SO_FAR:
        raise AnalysisException(
            "_LEGACY_ERROR_TEMP_1036",
            f"Window Frame {_frame_text(window.frame)} must match the required frame {_frame_text(_ROWS_SO_FAR)}.",
        )


def _frame_text(frame: e.WindowFrame) -> str:
    """Return a frame as Spark prints the tree of its bounds."""
    kind = "RowFrame" if frame.kind == "rows" else "RangeFrame"
    bounds = (_bound_text(frame.lower, "preceding"), _bound_text(frame.upper, "following"))
    return f"specifiedwindowframe({kind}, {', '.join(bounds)})"


def _bound_text(bound: e.FrameBoundary, side: str) -> str:
    if not bound.text:
        return f"unbounded{side}$()" if bound.offset is None else "currentrow$()"
    value, _, direction = bound.text.rpartition(" ")
    if direction == "PRECEDING":
        return f"-{value}"
    return re.sub(r"^\(- (.*)\)$", r"-\1", value)


def _is_distinct(function: e.Expression) -> bool:
    """Return whether a call takes distinct values, which is refused when the whole query is known."""
    return isinstance(function, e.Call) and function.distinct


def _is_ordered(window: e.WindowExpression) -> bool:
    return bool(window.order_by) or window.frame not in (None, _ALL_ROWS)


def _is_ordered_set(function: e.Expression) -> bool:
    """Return whether an aggregate has an order of its own, so that Spark gives it no other one in a window."""
    if not isinstance(function, e.Call):
        return False
    return function.name in ("median", "percentile_cont", "percentile_disc") or bool(
        function.order_by and function.name == "listagg"
    )


def _required_frame(function: e.Expression) -> str | None:
    """Return how Spark fixes a window function's frame: "rows", "offset", "" for one that only needs an order."""
    from lightstream.functions import registry

    entry = registry.lookup(function.name) if isinstance(function, e.Call) else None
    if entry is None or entry.kind != "window":
        return None
    return str(entry.extra.get("frame", ""))

"""`window(...)` in a select list or a GROUP BY: a column of the input below, one row for each window of a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

from lightstream.conf import Conf
from lightstream.errors import AnalysisException
from lightstream.functions import registry
from lightstream.functions.time_windows import WINDOW_MARK
from lightstream.plan import expressions as e
from lightstream.plan import logical as lp
from lightstream.plan import types as t

Item = TypeVar("Item", bound=e.Expression)

_NAMES = frozenset({"window", "window_time"})


def has_time_window(expression: e.Expression) -> bool:
    """Return whether an expression makes windows of times."""
    return any(isinstance(node, e.Call) and node.name in _NAMES for node in expression.walk())


def with_time_windows(child: lp.LogicalPlan, items: Sequence[Item]) -> tuple[lp.LogicalPlan, list[Item]]:
    """Return an input with the columns of the windows in some expressions, and the expressions over them."""
    if not any(map(has_time_window, items)):
        return child, list(items)
    windows = TimeWindows(child)
    taken = windows.take(items)
    return windows.child, taken


class TimeWindows:
    """An operator's input, with the columns of the windows in the operator's expressions."""

    def __init__(self, child: lp.LogicalPlan) -> None:
        self.child = child
        self._columns: list[tuple[e.Call, e.Attribute]] = []

    def take(self, items: Sequence[Item]) -> list[Item]:
        """Return expressions over `child`, which gets a column for each new window in them.

        Raises:
            AnalysisException: there are windows of two kinds.
        """
        return [self._rewrite(item) for item in items]  # type: ignore[misc]

    def _rewrite(self, node: e.Expression) -> e.Expression:
        node = node.map_children(self._rewrite)
        if not isinstance(node, e.Call) or node.name not in _NAMES:
            return node
        for call, column in self._columns:
            if call == node:
                return column
        if node.name == "window" and any(call.name == "window" for call, _ in self._columns):
            raise AnalysisException(
                "_LEGACY_ERROR_TEMP_1039",
                "Multiple time/session window expressions would result in a cartesian product of rows, therefore they "
                "are currently not supported.",
            )
        column = self._add(node)
        self._columns.append((node, column))
        return column

    def _add(self, call: e.Call) -> e.Attribute:
        time = call.args[0]
        inherited = time.metadata or {} if isinstance(time, e.Attribute) else {}
        delay: dict[str, Any] = (
            {lp.DELAY_MARK: inherited[lp.DELAY_MARK]} if lp.DELAY_MARK in inherited else {}
        )
        if call.name == "window_time":
            from lightstream.analyze.naming import shown

            alias = e.Alias(call, (shown(call),), delay or None, e.fresh_id())
            self.child = lp.Project(self.child, (*self.child.output, alias))
            return alias.to_attribute()
        # Spark: rows without a time are in no window.
        self.child = lp.Filter(self.child, registry.bind_call("isnotnull", (time,), Conf()))
        metadata = {WINDOW_MARK: True, **delay}
        length, slide = (a.value for a in call.args[1:3] if isinstance(a, e.Literal))
        if length == slide:
            alias = e.Alias(call, ("window",), metadata, e.fresh_id())
            self.child = lp.Project(self.child, (*self.child.output, alias))
            return alias.to_attribute()
        every = replace(call, type=t.ArrayType(call.type, False))
        column = e.Attribute("window", call.type, True, e.fresh_id(), (), metadata)
        self.child = lp.Expand(self.child, every, column)
        if length % slide:
            # The earliest of them may end before the time.
            end = e.GetField(column, "end", 1, e.type_of(time), True)
            self.child = lp.Filter(self.child, registry.bind_call(">", (end, time), Conf()))
        return column

"""Windows of times in a select list or a GROUP BY: a column of the input below, one row for each window of a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

from lightstream.conf import Conf
from lightstream.errors import AnalysisException
from lightstream.functions import registry
from lightstream.functions.time_windows import SESSION_MARK, WINDOW_MARK, has_fixed_gap
from lightstream.plan import expressions as e
from lightstream.plan import logical as lp
from lightstream.plan import types as t

Item = TypeVar("Item", bound=e.Expression)

_WINDOWS = frozenset({"window", "session_window"})
_NAMES = _WINDOWS | {"window_time"}


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
        if node.name in _WINDOWS and not self._is_of_all_windows(node):
            raise AnalysisException(
                "_LEGACY_ERROR_TEMP_1039",
                "Multiple time/session window expressions would result in a cartesian product of rows, therefore they "
                "are currently not supported.",
            )
        column = self._add(node)
        self._columns.append((node, column))
        return column

    def _is_of_all_windows(self, node: e.Call) -> bool:
        """Return whether a window is made of the other windows, if there are any: `window(window(ts, ...), ...)`."""
        within = set(node.walk())
        for call, column in reversed(self._columns):
            if column in within:
                within.update(call.walk())
        return all(column in within for call, column in self._columns if call.name in _WINDOWS)

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
        if call.name == "session_window":
            return self._add_session(call, delay)
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

    def _add_session(self, call: e.Call, delay: dict[str, Any]) -> e.Attribute:
        """Add the session that each row would be alone; an aggregation by it merges them."""
        time = call.args[0]
        alias = e.Alias(call, ("session_window",), {SESSION_MARK: True, **delay}, e.fresh_id())
        column = alias.to_attribute()
        self.child = lp.Project(self.child, (*self.child.output, alias))
        self.child = lp.Filter(self.child, registry.bind_call("isnotnull", (time,), Conf()))
        if not has_fixed_gap(call):
            start, end = (
                e.GetField(column, name, i, e.type_of(time), True) for i, name in enumerate(("start", "end"))
            )
            self.child = lp.Filter(self.child, registry.bind_call(">", (end, start), Conf()))
        return column


def is_session(key: e.Alias | e.Attribute) -> bool:
    """Return whether a grouping key is a session, whose rows are merged with those that they overlap or touch."""
    column = key if isinstance(key, e.Attribute) else key.to_attribute()
    return SESSION_MARK in (column.metadata or {})


def with_merged_sessions(
    child: lp.LogicalPlan, keys: Sequence[e.Alias | e.Attribute]
) -> tuple[lp.LogicalPlan, tuple[e.Attribute, ...]]:
    """Return the input of a batch aggregation with the session of each row's group, and the keys as its columns."""
    if not all(isinstance(key, e.Attribute) for key in keys):
        known = {a.id for a in child.output}
        computed = tuple(key for key in keys if key.id not in known)
        child = lp.Project(child, (*child.output, *computed))
    columns = tuple(key if isinstance(key, e.Attribute) else key.to_attribute() for key in keys)
    session = next(key for key in columns if SESSION_MARK in (key.metadata or {}))
    others = tuple(key for key in columns if key is not session)
    return lp.MergedSessions(child, others, session), columns

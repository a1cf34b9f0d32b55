"""Spark's query grammar: set operations, SELECT and its clauses, WITH, VALUES. FROM is in `tables`."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any, TypeVar

from lightstream.dataclass import dataclass
from lightstream.errors import AnalysisException, ParseException, unsupported
from lightstream.parse.calls import NamedWindow, Window
from lightstream.parse.expressions import row_values
from lightstream.parse.tables import Tables
from lightstream.parse.tokens import END, Token
from lightstream.plan import relations as r
from lightstream.plan.expressions import (
    Alias,
    AllColumns,
    Expression,
    Literal,
    SortOrder,
    UnresolvedAttribute,
    UnresolvedOrdinal,
    UnresolvedStar,
    WindowExpression,
)
from lightstream.plan.types import IntegerType

_SET_KINDS = {"UNION": "union", "EXCEPT": "except", "MINUS": "except", "INTERSECT": "intersect"}
_STAR = (UnresolvedStar(),)

T = TypeVar("T")

Keys = tuple[Expression, ...]
# How to group: the kind, the keys, and for "sets" the positions of each set's keys.
Grouped = tuple[str, Keys, tuple[tuple[int, ...], ...]]


@dataclass(frozen=True, slots=True)
class GroupingElement:
    """ROLLUP, CUBE or GROUPING SETS: the sets it stands for, and its keys when each stands alone in it."""

    kind: str
    sets: list[Keys]
    singles: Keys | None = None


class Queries(Tables):
    """Reads queries, and single expressions."""

    def single_expression(self) -> Expression:
        """Read an expression with its alias, if it has one, and the end of the text."""
        found = self.named_expression()
        self.expect_end()
        return found

    def expect_end(self) -> None:
        """Raise PARSE_SYNTAX_ERROR when something is left."""
        if self.token.kind != END:
            is_last = self.ahead().kind == END or (self.at > 0 and self.tokens[self.at - 1].key == ";")
            self.fail(f": extra input '{self.token.text}'" if is_last else "")
        if self.named_windows:
            raise _missing_window(next(iter(self.named_windows.values())))

    def query(self) -> r.Relation:
        """Read a query with its WITH, ORDER BY and LIMIT."""
        if self.token.key == "WITH" and self.is_name(self.ahead()):
            return self._with()
        return self._organized(self._term())

    def query_from(self, plan: r.Relation) -> r.Relation:
        """Read on in a query whose first, parenthesized part was read already."""
        return self._organized(self._term(plan))

    # ---- WITH ----

    def with_tables(self) -> tuple[bool, tuple[tuple[str, r.Relation, tuple[str, ...]], ...]]:
        """Read `WITH [RECURSIVE] name [(columns)] AS (query), ...`; return whether it is recursive, and the tables."""
        first = self.token
        self.expect("WITH")
        recursive = self.token.key == "RECURSIVE" and self.is_name(self.ahead()) and self.ahead().key != "AS"
        if recursive:
            self.advance()
        tables = tuple(self.separated(self._common_table))
        names = [name.lower() for name, _, _ in tables]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            shown = ", ".join(f"`{name}`" for name in twice)
            raise self.located(
                first,
                self.tokens[self.at - 1],
                "DUPLICATED_CTE_NAMES",
                f"CTE definition can't have duplicate names: {shown}.",
                "42602",
                {"duplicateNames": shown},
            )
        return recursive, tables

    def _with(self) -> r.Relation:
        recursive, tables = self.with_tables()
        return r.With(tables, self.query(), recursive)

    def _common_table(self) -> tuple[str, r.Relation, tuple[str, ...]]:
        name = self.name()
        columns: tuple[str, ...] = ()
        if self.token.key == "(" and not self.starts_query(1):
            columns = tuple(self.in_parentheses(self.name))
        if self.sees("MAX", "RECURSION", "LEVEL"):
            raise unsupported("MAX RECURSION LEVEL")
        self.accept("AS")
        self.expect("(")
        query = self.query()
        self.expect(")")
        return name, query, columns

    # ---- set operations ----

    def _term(self, first: r.Relation | None = None) -> r.Relation:
        # INTERSECT binds more tightly than UNION and EXCEPT, a pipe operator less.
        left = self._intersections(first)
        while self.token.key in (*_SET_KINDS, "|>"):
            left = self._piped(left) if self.accept("|>") else self._set_operation(left, self._intersections)
        return left

    def _intersections(self, first: r.Relation | None = None) -> r.Relation:
        left = first or self._query_primary()
        while self.token.key == "INTERSECT":
            left = self._set_operation(left, self._query_primary)
        return left

    def _set_operation(self, left: r.Relation, read: Callable[[], r.Relation]) -> r.Relation:
        kind = _SET_KINDS[self.advance().key]
        quantifier = self.accept_any("ALL", "DISTINCT")
        return r.SetOperation(left, read(), kind, all=quantifier == "ALL")

    def _query_primary(self) -> r.Relation:
        key = self.token.key
        if key == "SELECT":
            return self._select(None)
        if key == "(":
            self.advance()
            found = self.query()
            self.expect(")")
            return found
        if key == "VALUES":
            return self.values()
        if key == "TABLE":
            self.advance()
            return r.UnresolvedTable(self.names())
        if key == "FROM":
            self.advance()
            found = self.from_clause()
            if self.token.key == "INSERT" and self.ahead().key in ("INTO", "OVERWRITE"):
                raise unsupported("FROM ... INSERT")
            return self._select(found) if self.token.key == "SELECT" else found
        self.fail()

    # ---- ORDER BY and LIMIT ----

    def _organized(self, found: r.Relation) -> r.Relation:
        return self._order_and_limit(found)

    def _order_and_limit(self, found: r.Relation) -> r.Relation:
        start = self.token
        orders = self._by("ORDER", self.sort_order)
        cluster = self._by("CLUSTER", self.expression)
        distribute = self._by("DISTRIBUTE", self.expression)
        sort = self._by("SORT", self.sort_order)
        if (orders and (cluster or distribute or sort)) or (cluster and (distribute or sort)):
            raise self.located(
                start,
                self.tokens[self.at - 1],
                "UNSUPPORTED_FEATURE.COMBINATION_QUERY_RESULT_CLAUSES",
                "The feature is not supported: Combination of ORDER BY/SORT BY/DISTRIBUTE BY/CLUSTER BY.",
                "0A000",
            )
        if orders:
            found = r.Sort(found, tuple(map(_sort_ordinal, orders)))
        # DISTRIBUTE BY places rows on machines; on one machine only the order within a partition is left of it.
        sort = sort or [SortOrder(key) for key in cluster]
        if sort:
            found = r.Sort(found, tuple(map(_sort_ordinal, sort)), is_global=False)
        if self.token.key == "WINDOW" and self.at_clause():
            raise unsupported("A WINDOW clause after ORDER BY", "Put it before ORDER BY.")
        limit = offset = None
        if self.token.key == "LIMIT" and self.at_clause():
            self.advance()
            after = self.ahead()
            if self.token.key != "ALL" or (self.starts_expression(after) and after.key != "OFFSET"):
                limit = self.expression()
            else:
                self.advance()
        if self.token.key == "OFFSET" and self.at_clause():
            self.advance()
            offset = self.expression()
        if offset is not None:
            found = r.Offset(found, offset)
        if limit is not None:
            found = r.Limit(found, limit)
        return found

    # ---- pipe operators ----

    def _piped(self, found: r.Relation) -> r.Relation:
        first, key = self.token, self.token.key
        if key == "SELECT":
            return self._select(found)
        if key in ("WHERE", "EXTEND", "SET", "DROP", "AS", "AGGREGATE"):
            self.advance()
        if key == "WHERE":
            return r.Filter(r.PipeInput(found), self.expression())
        if key == "EXTEND":
            items = self.separated(self.named_expression)
            if any(isinstance(item, UnresolvedStar) for item in items):
                raise _star_in_extend()
            return r.Project(found, (*_STAR, *items))
        if key == "SET":
            for item in self.separated(self._assignment):  # Spark: each sees what those before it have set
                found = r.WithColumns(found, (item,), only_present=True)
            return found
        if key == "DROP":
            return r.Project(found, (UnresolvedStar((), tuple(self.separated(self.names))),))
        if key == "AS":
            return r.SubqueryAlias(found, self.name())
        if key == "AGGREGATE":
            return self._piped_aggregate(found)
        if key in ("PIVOT", "UNPIVOT") or key in _SET_KINDS or key == "TABLESAMPLE":
            return self._piped_rows(found, key)
        if key in ("ORDER", "SORT", "CLUSTER", "DISTRIBUTE", "LIMIT", "OFFSET"):
            organized = self._order_and_limit(r.PipeInput(found))
            if key not in ("LIMIT", "OFFSET") and isinstance(organized, r.Limit | r.Offset):
                clause = "LIMIT" if isinstance(organized, r.Limit) else "OFFSET"
                raise self.located(
                    first,
                    self.tokens[self.at - 1],
                    "MULTIPLE_QUERY_RESULT_CLAUSES_WITH_PIPE_OPERATORS",
                    f"{key} BY and {clause} cannot coexist in the same SQL pipe operator using '|>'.",
                    "42000",
                    {"clause1": f"{key} BY", "clause2": clause},
                )
            return organized
        joined = self._extended(found, once=True)
        if joined is found:
            self.fail()
        return joined

    def _assignment(self) -> Expression:
        name = self.name()
        self.expect("=")
        return Alias(self.expression(), (name,))

    def _piped_aggregate(self, found: r.Relation) -> r.Relation:
        items: tuple[Expression, ...] = ()
        if not self.sees("GROUP", "BY"):
            items = tuple(self.separated(self.named_expression))
        keys = tuple(_ordinal(key) for key in self._by("GROUP", self._piped_key))
        return r.Aggregate(found, keys, items, keys_first=True, piped=True)

    def _piped_key(self) -> Expression:
        token, is_call = self.token, self.ahead().key == "("
        refused = {"ALL": "GROUP BY ALL", "ROLLUP": "GROUP BY ROLLUP", "CUBE": "GROUP BY CUBE"}.get(
            token.key, ""
        )
        if self.sees("GROUPING", "SETS", "("):
            refused = "GROUPING SETS"
        elif is_call == (token.key == "ALL"):
            refused = ""
        if refused:
            raise self.located(
                token,
                token,
                "UNSUPPORTED_FEATURE.PIPE_OPERATOR_AGGREGATE_UNSUPPORTED_CASE",
                f"The SQL pipe operator |> AGGREGATE does not support {refused}.",
                "0A000",
                {"case": refused},
            )
        return self.named_expression()

    def _piped_rows(self, found: r.Relation, key: str) -> r.Relation:
        if key in _SET_KINDS:
            return self._set_operation(found, self._query_primary)
        if key == "TABLESAMPLE":
            return self._sample()(found)
        self.advance()
        return self._pivot(found) if key == "PIVOT" else self._unpivot(found)

    def _by(self, key: str, item: Callable[[], T]) -> list[T]:
        return self.separated(item) if self.accept(key, "BY") else []

    # ---- SELECT ----

    def _select(self, source: r.Relation | None) -> r.Relation:
        windows_before = len(self.named_windows)
        self.expect("SELECT")
        distinct = self._quantifier()
        if self.sees("TRANSFORM", "(") and self._using_after_call():
            raise unsupported("TRANSFORM ... USING")
        items = tuple(self.separated(self.named_expression))
        if source is None and self.accept("FROM"):
            source = self.from_clause()
        elif source is not None:
            source = self.lateral_views(source)
        found = source or r.OneRow()
        if self._accept_clause("WHERE"):
            found = r.Filter(found, self.expression())
        found = self._grouped(found, items)
        if len(self.named_windows) > windows_before:
            found = self._with_windows(found, windows_before)
        elif self.token.key == "WINDOW" and self.at_clause():
            self._window_clause()
        if distinct:
            found = r.Aggregate(found, _STAR, _STAR, kind="distinct")
        return found

    def _quantifier(self) -> bool:
        if self.token.key in ("DISTINCT", "ALL"):
            after = self.ahead()
            if self.starts_expression(after) and after.key not in ("AS", "WHERE"):
                return self.advance().key == "DISTINCT"
        return False

    def _using_after_call(self) -> bool:
        depth, distance = 0, 1
        while self.ahead(distance).text:
            depth += (self.ahead(distance).key == "(") - (self.ahead(distance).key == ")")
            distance += 1
            if depth == 0:
                break
        return self.ahead(distance).key == "USING"

    def _accept_clause(self, key: str) -> bool:
        return self.at_clause() and self.accept(key) if self.token.key == key else False

    def _grouped(self, found: r.Relation, items: tuple[Expression, ...]) -> r.Relation:
        grouping: Grouped | None = None
        if self.accept("GROUP", "BY"):
            grouping = self._grouping()
        having = self.expression() if self._accept_clause("HAVING") else None
        qualify = self.expression() if self._accept_clause("QUALIFY") else None
        if grouping is not None:
            kind, keys, sets = grouping
            found = r.Aggregate(found, keys, items, kind=kind, having=having, grouping_sets=sets)
        elif having is not None:
            found = r.Aggregate(found, (), items, having=having)
        else:
            found = r.Project(found, items)
        return found if qualify is None else r.Qualify(found, qualify)

    # ---- GROUP BY ----

    def _grouping(self) -> Grouped:
        elements = self.separated(self._grouping_element)
        if len(elements) == 1 and _is_all(elements[0]):
            return "all", (), ()
        if len(elements) == 1 and isinstance(elements[0], GroupingElement):
            only = elements[0]
            return (only.kind, only.singles, ()) if only.singles is not None else _positions(only.sets)
        keys = tuple(_ordinal(element) for element in elements if isinstance(element, Expression))
        if len(keys) == len(elements):
            if self.token.key == "WITH" and self.ahead().key in ("ROLLUP", "CUBE"):
                self.advance()
                return self.advance().key.lower(), keys, ()
            if self.sees("GROUPING", "SETS", "("):
                return _positions(self._grouping_sets().sets, keys)
            return "groupby", keys, ()
        alternatives = [
            element.sets if isinstance(element, GroupingElement) else [(_ordinal(element),)]
            for element in elements
        ]
        return _positions([tuple(itertools.chain(*parts)) for parts in itertools.product(*alternatives)])

    def _grouping_element(self) -> Expression | GroupingElement:
        if self.sees("GROUPING", "SETS", "("):
            return self._grouping_sets()
        if self.token.key in ("ROLLUP", "CUBE") and self.ahead().key == "(":
            return self._rollup_or_cube()
        return self.expression()

    def _grouping_sets(self) -> GroupingElement:
        self.seek(self.at + 2)
        return GroupingElement("sets", list(itertools.chain(*self.in_parentheses(self._grouping_set))))

    def _grouping_set(self) -> list[Keys]:
        if self.accept("(", ")"):
            return [()]
        element = self._grouping_element()
        return element.sets if isinstance(element, GroupingElement) else [_row_keys(element)]

    def _rollup_or_cube(self) -> GroupingElement:
        kind = self.advance().key.lower()
        groups = [_row_keys(item) for item in self.in_parentheses(self.expression)]
        chosen: list[tuple[Keys, ...]] = []
        for size in range(len(groups), -1, -1):
            chosen += [tuple(groups[:size])] if kind == "rollup" else itertools.combinations(groups, size)
        sets = [tuple(itertools.chain(*some)) for some in chosen]
        singles = tuple(group[0] for group in groups) if all(len(group) == 1 for group in groups) else None
        return GroupingElement(kind, sets, singles)

    # ---- named windows ----

    def _window_clause(self) -> dict[str, Window]:
        clause = self.advance()
        defined: dict[str, Window | str] = {}
        for name, window in self.separated(self._window_definition):
            if name.lower() in defined:
                raise self.located(
                    clause,
                    self.tokens[self.at - 1],
                    "INVALID_SQL_SYNTAX.REPETITIVE_WINDOW_DEFINITION",
                    f"Invalid SQL syntax: The definition of window `{name}` is repetitive.",
                    "42000",
                    {"windowName": f"`{name}`"},
                )
            defined[name.lower()] = window
        return {name: self._defined_window(window, defined, clause) for name, window in defined.items()}

    def _window_definition(self) -> tuple[str, Window | str]:
        name = self.name()
        self.expect("AS")
        return name, self.window()

    def _defined_window(self, window: Window | str, defined: dict[str, Window | str], at: Token) -> Window:
        if not isinstance(window, str):
            return window
        target = defined.get(window.lower())
        if target is None or isinstance(target, str):
            reason = "INVALID_WINDOW_REFERENCE" if target is None else "UNRESOLVED_WINDOW_REFERENCE"
            raise self.located(
                at,
                self.tokens[self.at - 1],
                f"INVALID_SQL_SYNTAX.{reason}",
                f"Invalid SQL syntax: The window reference `{window}` names no window specification.",
                "42000",
                {"windowName": f"`{window}`"},
            )
        return target

    def _with_windows(self, found: r.Relation, before: int) -> r.Relation:
        windows = self._window_clause() if self.token.key == "WINDOW" and self.at_clause() else {}

        def replaced(node: Expression) -> Expression:
            if not isinstance(node, NamedWindow):
                return node
            window = windows.get(node.name.lower())
            if window is None:
                raise _missing_window(node.name)
            del self.named_windows[node.at]
            return WindowExpression(node.function, *window)

        changes: dict[str, Any] = {}
        for item in fields(found):
            value = getattr(found, item.name)
            if isinstance(value, tuple) and value and isinstance(value[0], Expression):
                changes[item.name] = tuple(part.transform_up(replaced) for part in value)
            elif isinstance(value, Expression):
                changes[item.name] = value.transform_up(replaced)
        found = replace(found, **changes)
        if len(self.named_windows) > before:
            raise unsupported("A named window outside the select list")
        return found

    # ---- VALUES ----

    def values(self) -> r.Relation:
        """Read `VALUES row, ... [alias]`."""
        self.expect("VALUES")
        rows = tuple(row_values(row) for row in self.separated(self.expression))
        table = self.aliased(r.Values(rows))
        names = table.columns if isinstance(table, r.SubqueryAlias) else ()
        if names and len(names) != len(rows[0]):
            raise ParseException(
                "INVALID_INLINE_TABLE.NUM_COLUMNS_MISMATCH",
                f"The inline table has {len(names)} names for {len(rows[0])} columns.",
                sqlstate="42000",
            )
        return table


def _star_in_extend() -> AnalysisException:
    return AnalysisException(
        "INVALID_USAGE_OF_STAR_OR_REGEX",
        "Invalid usage of '*' in |> EXTEND: what comes in is there already.",
        sqlstate="42000",
        parameters={"elem": "'*'", "prettyName": "expression `pipeexpression`"},
    )


def _missing_window(name: str) -> AnalysisException:
    return AnalysisException(
        "MISSING_WINDOW_SPECIFICATION",
        f"Window specification is not defined in the WINDOW clause for {name}.",
        sqlstate="42P20",
        parameters={"windowName": name},
    )


def _ordinal(key: Expression) -> Expression:
    if isinstance(key, Literal) and type(key.type) is IntegerType and key.value is not None:
        return UnresolvedOrdinal(key.value)
    return key


def _is_all(key: object) -> bool:
    return isinstance(key, UnresolvedAttribute) and [part.upper() for part in key.parts] == ["ALL"]


def _sort_ordinal(order: SortOrder) -> SortOrder:
    if _is_all(order.child):
        return replace(order, child=AllColumns())
    return replace(order, child=_ordinal(order.child))


def _row_keys(expression: Expression) -> Keys:
    return tuple(map(_ordinal, row_values(expression)))


def _positions(sets: list[Keys], keys: Keys = ()) -> Grouped:
    found = list(dict.fromkeys((*keys, *itertools.chain(*sets))))
    positions = {key: position for position, key in enumerate(found)}
    return "sets", tuple(found), tuple(tuple(dict.fromkeys(positions[key] for key in one)) for one in sets)

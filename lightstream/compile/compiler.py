"""Resolved plans to one DuckDB SELECT. Scans stay open: `Compiled.render` puts in what each source gives."""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

from lightstream.analyze.conjuncts import conjuncts
from lightstream.compile.conditions import tables_of, texts_in_order
from lightstream.compile.expressions import ExpressionCompiler, is_not_in, outer_key
from lightstream.compile.select import Select, distinct_names, is_column
from lightstream.conf import Conf
from lightstream.dataclass import dataclass
from lightstream.errors import AnalysisException, internal, unsupported
from lightstream.functions.normal_forms import has_several_forms, normal_form
from lightstream.functions.registry import SqlContext, aggregate_parts, is_constant
from lightstream.functions.spelling import duck_type, error_sql, let, quote
from lightstream.plan import expressions as e
from lightstream.plan import logical as lp
from lightstream.plan import types as t
from lightstream.plan.required import Required

# A constant orders nothing; in DuckDB's ORDER BY it is a position or an error.
_CONSTANT = re.compile(r"\(?-?\d+\)?|'(?:[^']|'')*'|TRUE|FALSE|NULL")
_MARK = "\x01scan{}\x01"


@dataclass(frozen=True, slots=True)
class CompiledScan:
    """One place where a source's rows stand in the statement, and the columns it needs."""

    node: lp.DataSourceScan | lp.LocalScan
    columns: tuple[Required, ...]


@dataclass(frozen=True, slots=True)
class Compiled:
    """A statement with open scans; `names` are its output columns, distinct also without regard to case."""

    template: str
    scans: tuple[CompiledScan, ...]
    names: tuple[str, ...]

    def render(self, relations: Sequence[str]) -> str:
        """Return the statement with each scan replaced by a relation's text."""
        text = self.template
        for position, relation in enumerate(relations):
            text = text.replace(_MARK.format(position), relation)
        return text

    def shown(self) -> str:
        """Return the statement for a reader, with scans by name."""
        return self.render([f"scan_{i}" for i in range(len(self.scans))])


def compile_plan(plan: lp.LogicalPlan, conf: Conf) -> Compiled:
    """Compile a plan to one SELECT of its output columns."""
    compiler = Compiler(conf, shares=True)
    output = plan.output
    select = compiler.plan(plan, {a.id for a in output})
    names = distinct_names(output)
    text = compiler.with_shared(select.text(zip((a.id for a in output), names, strict=True)))
    return Compiled(text, tuple(compiler.scans), tuple(names))


class Compiler:
    """One compilation: the scans met so far and the names given."""

    def __init__(self, conf: Conf, shares: bool = False) -> None:
        self._shares = shares  # whether tables that are computed once are put before the statement
        self.context = SqlContext(ansi=conf.ansi, time_zone=conf.time_zone)
        self.scans: list[CompiledScan] = []
        self.expressions = ExpressionCompiler(self.context, self._subquery)
        self._outer: Mapping[int, str] = {}
        self._names = 0
        self._tables_once: dict[
            int, tuple[str, str]
        ] = {}  # the names and texts of tables that are computed once
        self._recursions: dict[int, str] = {}  # the SQL names of recursive tables, by their first column

    def _fresh(self, prefix: str = "q") -> str:
        self._names += 1
        return f"{prefix}{self._names}"

    def _subquery(self, plan: lp.LogicalPlan, columns: Mapping[int, str]) -> str:
        saved, self._outer = self._outer, self._enclosing(columns)
        try:
            select = self.plan(plan, {a.id for a in plan.output})
            return select.text(zip((a.id for a in plan.output), distinct_names(plan.output), strict=True))
        finally:
            self._outer = saved

    def _enclosing(self, columns: Mapping[int, str]) -> Mapping[int, str]:
        """Return what a query below some columns may refer to."""
        own = {outer_key(i): text for i, text in columns.items() if i >= 0}
        return ChainMap(own, dict(self._outer))

    def sql(self, expression: e.Expression, columns: Mapping[int, str]) -> str:
        """Return an expression's text over columns, and over those of the enclosing queries."""
        reach = ChainMap(dict(columns), dict(self._outer)) if self._outer else columns
        return self.expressions.sql(expression, reach)

    # ---- operators --------------------------------------------------------------------------------------------

    def plan(self, plan: lp.LogicalPlan, needed: set[int]) -> Select:
        """Return a SELECT that has at least the `needed` columns."""
        method: Any = getattr(self, "_" + type(plan).__name__.lower(), None)
        if method is None:
            raise unsupported(f"{type(plan).__name__} in a batch query")
        found = method(plan, needed)
        if not isinstance(found, Select):
            raise internal(f"{type(plan).__name__} gave no SELECT")
        return found

    def wrapped(self, select: Select, plan: lp.LogicalPlan) -> Select:
        """Return a SELECT over `select`, which is that of `plan`, as a subquery."""
        return self._wrapped(select, (*plan.output, *plan.hidden))

    def _wrapped(self, select: Select, output: Sequence[e.Attribute]) -> Select:
        alias = self._fresh()
        present = [a for a in output if a.id in select.columns]
        names = distinct_names(present)
        text = select.text(zip((a.id for a in present), names, strict=True))
        columns = {a.id: f"{alias}.{quote(name)}" for a, name in zip(present, names, strict=True)}
        return Select(f"({text}) AS {alias}", columns)

    def _onerow(self, plan: lp.OneRow, needed: set[int]) -> Select:
        return Select("(SELECT 1)", {})

    def _range(self, plan: lp.Range, needed: set[int]) -> Select:
        alias = self._fresh()
        column = plan.columns[0]
        source = (
            f"range(CAST({plan.start} AS BIGINT), CAST({plan.end} AS BIGINT), CAST({plan.step} AS BIGINT))"
        )
        return Select(
            f"{source} AS {alias}({quote(column.name)})", {column.id: f"{alias}.{quote(column.name)}"}
        )

    def _values(self, plan: lp.Values, needed: set[int]) -> Select:
        alias = self._fresh()
        rows = ", ".join("(" + ", ".join(self.sql(v, {}) for v in row) + ")" for row in plan.rows)
        names = distinct_names(plan.columns)
        listed = ", ".join(map(quote, names))
        columns = {a.id: f"{alias}.{quote(n)}" for a, n in zip(plan.columns, names, strict=True)}
        return Select(f"(VALUES {rows}) AS {alias}({listed})", columns)

    def _localscan(self, plan: lp.LocalScan, needed: set[int]) -> Select:
        return self._scan(plan, plan.columns, needed)

    def _datasourcescan(self, plan: lp.DataSourceScan, needed: set[int]) -> Select:
        metadata = plan.metadata
        if metadata is None or metadata.id not in needed or not isinstance(metadata.type, t.StructType):
            return self._scan(plan, plan.columns, needed)
        # The source gives the fields of the hidden struct one by one.
        paths = [((metadata.name, field.name), f"{metadata.name}.{field.name}") for field in metadata.type]
        select = self._scan(plan, plan.columns, needed, paths)
        fields = ", ".join(
            f"{quote(path[1])} := scan_{len(self.scans) - 1}.{quote(output)}" for path, output in paths
        )
        return replace(select, columns={**select.columns, metadata.id: f"struct_pack({fields})"})

    def _scan(
        self,
        plan: lp.DataSourceScan | lp.LocalScan,
        available: Sequence[e.Attribute],
        needed: set[int],
        paths: Sequence[tuple[tuple[str, ...], str]] = (),
    ) -> Select:
        used = [a for a in available if a.id in needed]
        names = distinct_names(used)
        position = len(self.scans)
        alias = f"scan_{position}"
        if isinstance(plan, lp.LocalScan):
            # Two columns of a frame may share a name: they are asked for by position.
            positions = {a.id: str(i) for i, a in enumerate(plan.columns)}
            required = [Required((positions[a.id],), name) for a, name in zip(used, names, strict=True)]
        else:
            required = [Required((a.name,), name) for a, name in zip(used, names, strict=True)]
        required.extend(Required(path, output) for path, output in paths)
        self.scans.append(CompiledScan(plan, tuple(required)))
        columns = {a.id: f"{alias}.{quote(name)}" for a, name in zip(used, names, strict=True)}
        return Select(f"{_MARK.format(position)} AS {alias}", columns)

    def _tablescan(self, plan: lp.TableScan, needed: set[int]) -> Select:
        alias = self._fresh("t")
        columns = {
            a.id: f"{alias}.{quote(name)}"
            for a, name in zip(plan.columns, plan.source_names, strict=True)
            if a.id in needed
        }
        plan.asked.update(columns)
        return Select(f"{plan.table} AS {alias}", columns)

    def _shared(self, plan: lp.Shared, needed: set[int]) -> Select:
        if not self._shares:
            return self.plan(plan.child, needed)
        alias, table = self._fresh(), self._shared_table(plan)
        names = distinct_names(plan.output)
        columns = {a.id: f"{alias}.{quote(n)}" for a, n in zip(plan.output, names, strict=True)}
        return Select(f"{table} AS {alias}", columns)

    def _subqueryalias(self, plan: lp.SubqueryAlias, needed: set[int]) -> Select:
        return self.plan(plan.child, needed)

    def _deferred(self, plan: lp.Deferred, needed: set[int]) -> Select:
        return self.plan(plan.settle(), needed)

    def _watermark(self, plan: lp.Watermark, needed: set[int]) -> Select:
        return self.plan(plan.child, needed)

    def _collectmetrics(self, plan: lp.CollectMetrics, needed: set[int]) -> Select:
        return self.plan(plan.child, needed)

    def _rename(self, plan: lp.Rename, needed: set[int]) -> Select:
        pairs = [*zip(plan.child.output, plan.columns, strict=True)]
        pairs += zip(plan.child.hidden, plan.hidden_columns, strict=False)
        pairs = [(old, new) for old, new in pairs if new.id in needed]
        child = self.plan(plan.child, {old.id for old, _ in pairs})
        moved = {new.id: child.columns[old.id] for old, new in pairs}
        volatile = frozenset(new.id for old, new in pairs if old.id in child.volatile)
        return replace(child, columns=moved, volatile=volatile)

    def _project(self, plan: lp.Project, needed: set[int]) -> Select:
        items = [item for item in plan.items if item.id in needed]
        uses: dict[int, int] = {}
        for item in items:
            for node in item.walk():
                if isinstance(node, e.Attribute):
                    uses[node.id] = uses.get(node.id, 0) + 1
                elif isinstance(node, e.SubqueryExpression):
                    for attribute in node.outer:
                        uses[attribute.id] = uses.get(attribute.id, 0) + 2
        # A file's hidden `_metadata` passes through projections that do not name it.
        hidden = needed & {a.id for a in plan.hidden}
        child = self.plan(plan.child, set(uses) | hidden)
        repeated = any(
            count > 1 and (i in child.volatile or not _is_cheap(child.columns.get(i, "")))
            for i, count in uses.items()
        )
        if repeated or (child.distinct and not _passes(items, child)):
            child = self.wrapped(child, plan.child)
        child, texts = self._texts(items, child, plan.child)
        columns = {item.id: text for item, text in zip(items, texts, strict=True)}
        columns.update({i: child.columns[i] for i in hidden if i in child.columns})
        volatile = {item.id for item in items if is_volatile(item, child.volatile)}
        return replace(child, columns=columns, volatile=frozenset(volatile))

    def _filter(self, plan: lp.Filter, needed: set[int]) -> Select:
        parts, below = conjuncts(plan.condition), plan.child
        while isinstance(below, lp.Filter):
            parts, below = [*conjuncts(below.condition), *parts], below.child
        used = {i for part in parts for i in e.references(part)}
        child = self.plan(below, needed | used)
        if not child.takes_where or used & child.volatile:
            child = self.wrapped(child, below)
        texts = [self.sql(part, child.columns) for part in parts]
        later = [p for p, text in zip(parts, texts, strict=True) if _has_lambda_and_subquery(text)]
        if later:
            parts = [part for part in parts if part not in later]
            texts = [text for text in texts if not _has_lambda_and_subquery(text)]
        child = child.with_where(*texts_in_order(parts, texts, tables_of(below)))
        if not later:
            return child
        child, texts = self._texts(later, child, below)  # these are columns of the rows that are left
        return child.with_where(*texts)

    def _texts(
        self, items: Sequence[e.Expression], child: Select, plan: lp.LogicalPlan
    ) -> tuple[Select, list[str]]:
        """Return the texts of expressions over a SELECT, which is that of `plan`.

        DuckDB takes no subqueries in lambdas: where there would be some, they become columns below.
        """
        texts = [self.sql(item, child.columns) for item in items]
        if not any(map(_has_lambda_and_subquery, texts)):
            return child, texts
        keys: list[e.Alias] = []

        def take(node: e.Expression) -> e.Expression:
            if isinstance(node, e.SubqueryExpression) or is_not_in(node):
                keys.append(e.Alias(node, ("subquery",), id=e.fresh_id()))
                return keys[-1].to_attribute()
            return node.map_children(take)

        items = [take(item) for item in items]
        child = self._with_named(keys, self.wrapped(child, plan), plan)
        return child, [self.sql(item, child.columns) for item in items]

    def _with_named(self, keys: Sequence[e.Alias], child: Select, plan: lp.LogicalPlan) -> Select:
        """Return a SELECT, which is that of `plan`, with columns for what is computed from it."""
        named = {key.id: self.sql(key, child.columns) for key in keys}
        child = replace(child, columns={**child.columns, **named})
        return self._wrapped(child, (*plan.output, *plan.hidden, *(key.to_attribute() for key in keys)))

    def _aggregate(self, plan: lp.Aggregate, needed: set[int]) -> Select:
        keys = plan.output[: len(plan.keys)]
        aggregates = [a for a in plan.aggregates if a.id in needed]
        if not keys and not aggregates:  # one row; Spark computes what it is made of, which may fail
            return replace(self.aggregate_input(plan, ()), columns={}, group="", having=("count(*) >= 0",))
        if not plan.grouping_sets:
            plan = replace(plan, keys=tuple(_unless_constant(key, needed) for key in plan.keys))
        child = self.aggregate_input(plan, aggregates)
        named: list[e.Alias] = []
        aggregates = [self._without_lambdas(a, child.columns, named) for a in aggregates]
        if named:
            below = {key.id: self.sql(key, child.columns) for key in named}
            present = [a for a in (*keys, *plan.child.output, *plan.child.hidden) if a.id in child.columns]
            child = replace(child, columns={**child.columns, **below})
            child = self._wrapped(child, (*present, *(key.to_attribute() for key in named)))
        columns = {key.id: child.columns[key.id] for key in keys}
        if len(plan.grouping_sets) > 1 or (plan.grouping_sets and keys):
            # Spark makes each row once a set: without rows there is no grand total either.
            child = replace(child, having=("count(*) > 0",))
        for aggregate in aggregates:
            columns[aggregate.id] = self.sql(aggregate.child, child.columns)
        texts = [columns[key.id] for key in keys]
        group = ", ".join(texts)
        if plan.grouping_sets:
            sets = ("(" + ", ".join(texts[i] for i in positions) + ")" for positions in plan.grouping_sets)
            group = f"GROUPING SETS ({', '.join(sets)})"
            grouped = set(chain.from_iterable(plan.grouping_sets))
            if plan.grouping_id is not None:
                columns[plan.grouping_id.id] = _grouping_id(texts, grouped) if texts else "0"
            for place, key in enumerate(keys):
                if place not in grouped:
                    columns[key.id] = f"CAST(NULL AS {duck_type(key.type)})"
        return replace(child, columns=columns, group=group)

    def _without_lambdas(
        self, aggregate: e.Alias, columns: Mapping[int, str], named: list[e.Alias]
    ) -> e.Alias:
        """Return an aggregate that is finished by a lambda without lambdas in its cores, which DuckDB does not take."""
        call = aggregate.child
        if not isinstance(call, e.Call) or "lambda " not in aggregate_parts(call, self.context).final:
            return aggregate

        def take(value: e.Expression) -> e.Expression:
            if "lambda " not in self.sql(value, columns):
                return value
            named.append(e.Alias(value, ("argument",), id=e.fresh_id()))
            return named[-1].to_attribute()

        kept = None if call.filter is None else take(call.filter)
        return replace(aggregate, child=replace(call, args=tuple(map(take, call.args)), filter=kept))

    def aggregate_input(self, plan: lp.Aggregate, aggregates: Sequence[e.Alias]) -> Select:
        """Return the input of an aggregation with each key as a plain column under the key's id."""
        used: set[int] = set()
        for item in (*plan.keys, *aggregates):
            used |= e.references(item)
        child = self.plan(plan.child, used)
        if not child.takes_where or child.order or used & child.volatile or self._names_outer(child, used):
            child = self.wrapped(child, plan.child)
        columns = {**child.columns, **{key.id: self._key(key, child.columns) for key in plan.keys}}
        child = replace(child, columns=columns)
        if all(is_column(columns[key.id]) for key in plan.keys):
            return child
        # A computed key gets a name below: GROUP BY would take a constant for a position.
        keys = plan.output[: len(plan.keys)]
        known = {key.id for key in keys}
        below = (a for a in (*plan.child.output, *plan.child.hidden) if a.id not in known)
        return self._wrapped(child, (*keys, *below))

    def _names_outer(self, child: Select, used: set[int]) -> bool:
        """Return whether columns hold those of an enclosing query: DuckDB would aggregate them there."""
        texts = [child.columns[i] for i in used if i in child.columns] if self._outer else []
        return any(outer in text for outer in self._outer.values() for text in texts)

    def _mergedsessions(self, plan: lp.MergedSessions, needed: set[int]) -> Select:
        from lightstream.compile.sessions import numbered

        child = self.wrapped(
            self.plan(plan.child, needed | {plan.session.id, *(k.id for k in plan.keys)}), plan.child
        )
        alias, number = self._fresh(), self._fresh("n")
        # The wrapped input's own alias goes: its columns are told apart by their names.
        texts = {i: text.split(".", 1)[1] for i, text in child.columns.items()}
        keys, session = [texts[key.id] for key in plan.keys], texts[plan.session.id]
        start, end = (f"struct_extract({session}, '{part}')" for part in ("start", "end"))
        over = f"OVER (PARTITION BY {', '.join([*keys, number])})"
        merged = f'struct_pack("start" := min({start}) {over}, "end" := max({end}) {over})'
        source = f"(SELECT * REPLACE ({merged} AS {session}) FROM {numbered(child.source, keys, start, end, number)})"
        return Select(f"{source} AS {alias}", {i: f"{alias}.{text}" for i, text in texts.items()})

    def _key(self, key: e.Expression, columns: Mapping[int, str]) -> str:
        """Return a grouping key, in the form that Spark groups by."""
        text = self.sql(key, columns)
        return text if is_constant(key) else normal_form(text, e.type_of(key))

    def _window(self, plan: lp.Window, needed: set[int]) -> Select:
        wanted = [item for item in plan.items if item.id in needed]
        keys: list[e.Alias] = []
        items = [replace(item, child=_with_named_keys(item.child, keys)) for item in wanted]
        used = set(needed)
        for item in (*wanted, *keys):
            used |= e.references(item)
        child = self.plan(plan.child, used)
        child = self.wrapped(child, plan.child) if not child.is_bare else child
        if keys:
            child = self._with_named(keys, child, plan.child)
        columns = dict(child.columns)
        for item in items:
            columns[item.id] = self.sql(item, child.columns)
        return self.wrapped(replace(child, columns=columns), plan)

    def _sort(self, plan: lp.Sort, needed: set[int]) -> Select:
        used: set[int] = set()
        for order in plan.orders:
            used |= e.references(order)
        child = self.plan(plan.child, needed | used)
        if child.limit is not None or child.offset or child.distinct or used & child.volatile:
            child = self.wrapped(child, plan.child)
        reach = ChainMap(child.columns, dict(self._outer))
        keys = [o for o in plan.orders if not _CONSTANT.fullmatch(self.expressions.sql(o.child, reach))]
        return replace(child, order=tuple(self.expressions.order(o, reach) for o in keys))

    def _limit(self, plan: lp.Limit, needed: set[int]) -> Select:
        child = self.plan(plan.child, needed)
        if child.limit is not None or child.offset:
            child = self.wrapped(child, plan.child)
        return replace(child, limit=plan.count, offset=plan.offset)

    def _tail(self, plan: lp.Tail, needed: set[int]) -> Select:
        inner = self.wrapped(self.plan(plan.child, needed), plan.child)
        number, total = self._fresh("n"), self._fresh("n")
        numbered = Select(
            f"(SELECT *, row_number() OVER () AS {number}, count(*) OVER () AS {total} FROM {inner.source})"
            f" AS {self._fresh()}",
            {i: text.split(".", 1)[1] for i, text in inner.columns.items()},
        )
        return replace(numbered, where=(f"{number} > {total} - {plan.count}",), order=(number,))

    def _deduplicate(self, plan: lp.Deduplicate, needed: set[int]) -> Select:
        if plan.within_watermark:
            raise AnalysisException(
                "_LEGACY_ERROR_TEMP_3102",
                "dropDuplicatesWithinWatermark is not supported with batch DataFrames/DataSets",
            )
        keys = {k.id for k in plan.keys}
        child = self.plan(plan.child, needed | keys)
        if not child.is_bare:
            child = self.wrapped(child, plan.child)
        if any(has_several_forms(k.type) for k in plan.keys):
            columns = {**child.columns, **{k.id: self._key(k, child.columns) for k in plan.keys}}
            child = self.wrapped(replace(child, columns=columns), plan.child)
        on = ", ".join(child.columns[k.id] for k in plan.keys)
        return self.wrapped(replace(child, distinct=f"DISTINCT ON ({on})"), plan.child)

    def _lateral(self, plan: lp.Join, needed: set[int], lateral: Sequence[e.Attribute]) -> Select:
        used = needed | {a.id for a in lateral}
        used |= set() if plan.condition is None else e.references(plan.condition)
        left = self._joinable(plan.left, used & {a.id for a in (*plan.left.output, *plan.left.hidden)})
        saved, self._outer = self._outer, self._enclosing(left.columns)
        try:
            right = self.wrapped(self.plan(plan.right, used & {a.id for a in plan.right.output}), plan.right)
        finally:
            self._outer = saved
        columns = {**left.columns, **right.columns}
        source = right.source
        if plan.condition is not None:  # DuckDB takes no condition on a lateral outer join: it goes inside
            names = [a for a in plan.right.output if a.id in right.columns]
            inner = Select(right.source, right.columns, (self.sql(plan.condition, columns),))
            wrapped = self._wrapped(inner, names)
            source, columns = wrapped.source, {**left.columns, **wrapped.columns}
        word = "LEFT JOIN" if plan.kind == "leftouter" else "JOIN"
        return Select(f"{left.source} {word} LATERAL {source} ON TRUE", columns)

    def _shared_table(self, plan: lp.Shared) -> str:
        if id(plan) not in self._tables_once:
            saved, self._outer = self._outer, {}
            select = self.plan(plan.child, {a.id for a in plan.output})
            self._outer = saved
            text = select.text(zip((a.id for a in plan.output), distinct_names(plan.output), strict=True))
            self._tables_once[id(plan)] = (self._fresh("w"), text)
        return self._tables_once[id(plan)][0]

    def with_shared(self, text: str) -> str:
        """Return a statement with the tables before it that are computed once."""
        tables = ", ".join(f"{name} AS MATERIALIZED ({query})" for name, query in self._tables_once.values())
        return f"WITH {tables} {text}" if tables else text

    def _recursive(self, plan: lp.Recursive, needed: set[int]) -> Select:
        # The level counts the rounds, of which Spark allows a hundred.
        table, alias = self._fresh("r"), self._fresh()
        self._recursions[plan.reference.columns[0].id] = table
        level = e.Attribute("level", t.IntegerType(), False, e.fresh_id())
        *names, counter = distinct_names((*plan.columns, level))
        texts = []
        for position, side in enumerate((plan.anchor, plan.step)):
            select = self.wrapped(self.plan(side, {a.id for a in side.output}), side)
            output = list(zip((a.id for a in side.output), names, strict=True))
            count = "0"
            if position:
                text = f"(SELECT max({quote(counter)}) FROM {table})"
                failure = error_sql(
                    "RECURSION_LEVEL_LIMIT_EXCEEDED",
                    "Recursion level limit 100 reached but query has not exhausted, try increasing "
                    "'spark.sql.cteRecursionLevelLimit'.",
                    "42836",
                    "SparkRuntimeException",
                )
                count = f"CAST(CASE WHEN {text} >= 99 THEN {failure} ELSE {text} + 1 END AS INTEGER)"
            select = replace(select, columns={**select.columns, level.id: count})
            texts.append(select.text([*output, (level.id, counter)]))
        query = f"WITH RECURSIVE {table} AS ({texts[0]} UNION ALL {texts[1]}) SELECT * FROM {table}"
        columns = {a.id: f"{alias}.{quote(n)}" for a, n in zip(plan.columns, names, strict=True)}
        return Select(f"({query}) AS {alias}", columns)

    def _recursivereference(self, plan: lp.RecursiveReference, needed: set[int]) -> Select:
        alias = self._fresh()
        table = self._recursions[plan.columns[0].id]
        names = distinct_names(plan.columns)
        columns = {a.id: f"{alias}.{quote(n)}" for a, n in zip(plan.columns, names, strict=True)}
        return Select(f"{table} AS {alias}", columns)

    def _join(self, plan: lp.Join, needed: set[int]) -> Select:
        if plan.lateral is not None:
            return self._lateral(plan, needed, plan.lateral)
        used = needed | (set() if plan.condition is None else e.references(plan.condition))
        # Below the outputs of the two sides an id may stand twice, with two meanings.
        left, right = (
            self._joinable(side, used & {a.id for a in (*side.output, *side.hidden)})
            for side in (plan.left, plan.right)
        )
        columns = {**left.columns, **right.columns}
        words = {
            "inner": "JOIN",
            "leftouter": "LEFT JOIN",
            "rightouter": "RIGHT JOIN",
            "fullouter": "FULL JOIN",
            "leftsemi": "SEMI JOIN",
            "leftanti": "ANTI JOIN",
        }
        if plan.condition is None and plan.kind == "inner":
            return Select(f"{left.source} CROSS JOIN {right.source}", columns)
        parts = conjuncts(plan.condition)
        texts = [self.sql(part, columns) for part in parts]
        tables = tables_of(plan.left) + tables_of(plan.right)
        condition = " AND ".join(texts_in_order(parts, texts, tables)) or "TRUE"
        kept = left.columns if plan.kind in ("leftsemi", "leftanti") else columns
        return Select(f"{left.source} {words[plan.kind]} {right.source} ON {condition}", dict(kept))

    def _joinable(self, plan: lp.LogicalPlan, needed: set[int]) -> Select:
        select = self.plan(plan, needed)
        single = not any(word in select.source for word in (" JOIN ", " CROSS "))
        return select if select.is_bare and single else self.wrapped(select, plan)

    def _setoperation(self, plan: lp.SetOperation, needed: set[int]) -> Select:
        # UNION ALL may drop columns that nobody reads; the others compare whole rows.
        prune = plan.kind == "union" and plan.all
        keep = [i for i, a in enumerate(plan.columns) if not prune or a.id in needed] or [0]
        names = distinct_names([plan.columns[i] for i in keep])
        texts = []
        for side in (plan.left, plan.right):
            output = [side.output[i] for i in keep]
            select = self.plan(side, {a.id for a in output})
            texts.append("(" + select.text(zip((a.id for a in output), names, strict=True)) + ")")
        word = plan.kind.upper() + (" ALL" if plan.all else "")
        alias = self._fresh()
        columns = {plan.columns[i].id: f"{alias}.{quote(n)}" for i, n in zip(keep, names, strict=True)}
        return Select(f"({texts[0]} {word} {texts[1]}) AS {alias}", columns)

    def _expand(self, plan: lp.Expand, needed: set[int]) -> Select:
        child = self.plan(plan.child, needed | e.references(plan.elements))
        if not child.is_bare:
            child = self.wrapped(child, plan.child)
        element = f"unnest({self.sql(plan.elements, child.columns)})"
        return self.wrapped(replace(child, columns={**child.columns, plan.column.id: element}), plan)

    def _generate(self, plan: lp.Generate, needed: set[int]) -> Select:
        is_tuple = isinstance(plan.generator, e.Call) and plan.generator.name == "json_tuple"
        if is_tuple and not needed & {a.id for a in plan.generated}:
            return self.plan(plan.child, needed)  # Spark: one row for each, of which nothing is asked
        used = needed | e.references(plan.generator)
        child = self.plan(plan.child, used)
        if not child.takes_where or child.order or used & child.volatile:
            child = self.wrapped(child, plan.child)
        # A generator's spelling is a list with one struct a row, its fields in the order of `generated`.
        text = self.sql(plan.generator, child.columns)
        if plan.outer:
            text = let(text, lambda v: f"CASE WHEN len({v}) > 0 THEN {v} ELSE [NULL] END", "outer")
        row = e.Attribute("row", e.type_of(plan.generator), True, e.fresh_id())
        rows = replace(child, columns={**child.columns, row.id: f"unnest({text})"})
        select = self._wrapped(rows, (*plan.child.output, *plan.child.hidden, row))
        columns = dict(select.columns)
        made = columns.pop(row.id)
        for position, attribute in enumerate(plan.generated, 1):
            columns[attribute.id] = f"struct_extract_at({made}, {position})"
        return replace(select, columns=columns)


def _grouping_id(keys: Sequence[str], grouped: Collection[int]) -> str:
    """Return the bits that tell by which keys a row is not grouped; DuckDB knows no keys that are in no set."""
    if len(grouped) == len(keys):
        return f"grouping_id({', '.join(keys)})"
    places = range(len(keys) - 1, -1, -1)
    bits = [f"(grouping_id({keys[i]}) << {place})" for i, place in enumerate(places) if i in grouped]
    never = sum(1 << place for i, place in enumerate(places) if i not in grouped)
    return " + ".join([*bits, f"CAST({never} AS BIGINT)"])


def _unless_constant(key: e.Alias | e.Attribute, needed: set[int]) -> e.Alias | e.Attribute:
    """Return a grouping key; a constant that nobody reads is not computed, as in Spark."""
    if key.id in needed or not isinstance(key, e.Alias) or not is_constant(key.child):
        return key
    return replace(key, child=e.Literal(None, key.type))


def _with_named_keys(item: e.Expression, keys: list[e.Alias]) -> e.Expression:
    """Return a window expression over plain columns; what is computed for them is added to `keys`.

    DuckDB takes no constants for keys, no calls that can fail, and no lambdas in arguments.
    """
    if not isinstance(item, e.WindowExpression):
        return item

    def named(key: e.Expression) -> e.Expression:
        if isinstance(key, e.Attribute):
            return key
        keys.append(e.Alias(key, ("key",), id=e.fresh_id()))
        return keys[-1].to_attribute()

    def argument(value: e.Expression) -> e.Expression:
        return named(value) if e.references(value) else value

    # Spark leaves out constants, whatever they would be.
    partition = tuple(named(key) for key in item.partition_by if not is_constant(key))
    order = tuple(replace(order, child=named(order.child)) for order in item.order_by)
    function = item.function
    if isinstance(function, e.Call):
        kept = None if function.filter is None else argument(function.filter)
        function = replace(function, args=tuple(map(argument, function.args)), filter=kept)
    return replace(item, function=function, partition_by=partition, order_by=order)


def _is_cheap(text: str) -> bool:
    return is_column(text) or (len(text) < 12 and "(" not in text)


def _passes(items: Sequence[e.Expression], child: Select) -> bool:
    return {item.id for item in items if isinstance(item, e.Attribute)} == set(child.columns)


def _has_lambda_and_subquery(text: str) -> bool:
    return "lambda " in text and "(SELECT " in text


def is_volatile(item: e.Expression, below: frozenset[int] = frozenset()) -> bool:
    """Return whether an expression may give another value each time, or reads a column in `below`."""
    from lightstream.functions import registry

    for node in item.walk():
        if isinstance(node, e.Attribute) and node.id in below:
            return True
        if isinstance(node, e.PythonUdf) and not node.deterministic:
            return True
        if isinstance(node, e.Call):
            function = registry.lookup(node.name)
            if function is not None and not function.deterministic:
                return True
    return False

"""Resolving relations, one function each. Inputs that are resolved already are taken as they are."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

from lightstream.analyze.expressions import ExpressionResolver
from lightstream.analyze.scope import Scope, scope_of
from lightstream.conf import DEFAULT_SCHEMA
from lightstream.errors import (
    AnalysisException,
    ParseException,
)
from lightstream.functions.registry import search_path
from lightstream.plan import expressions as e
from lightstream.plan import logical as lp
from lightstream.plan import relations as r
from lightstream.plan import types as t

if TYPE_CHECKING:
    from lightstream.execute.session import SessionState

Input = r.Relation | lp.LogicalPlan
_rules: dict[type[r.Relation], Callable[[Any, Analyzer], lp.LogicalPlan]] = {}
# The rules that are not in this module: it is imported when a query first has such a relation.
_MODULES: dict[type[r.Relation], str] = {
    kind: module
    for module, kinds in {
        "columns": (r.Project, r.WithColumns, r.WithColumnsRenamed, r.ToDF, r.Drop),
        "to_schema": (r.ToSchema,),
        "rows": (r.Filter, r.Sort, r.Limit, r.Offset, r.Tail, r.Deduplicate, r.WithWatermark, r.Sample),
        "aggregate": (r.Aggregate,),
        "qualify": (r.Qualify,),
        "combine": (r.Join, r.SetOperation),
        "reshape": (r.Generate, r.Unpivot, r.Pivot, r.SampleBy),
        "metrics": (r.CollectMetrics,),
        "table_functions": (r.UnresolvedTableFunction,),
    }.items()
    for kind in kinds
}


def rule(kind: type[r.Relation]) -> Callable[[Callable[[Any, Analyzer], lp.LogicalPlan]], Any]:
    """Register the function that resolves one kind of relation."""

    def register(function: Callable[[Any, Analyzer], lp.LogicalPlan]) -> Any:
        _rules[kind] = function
        return function

    return register


def analyze(relation: Input, session: SessionState, is_settled: bool = False) -> lp.LogicalPlan:
    """Return the resolved plan of a relation; one that `is_settled` stands in no other query.

    Raises:
        AnalysisException: a name, type or combination that Spark refuses.
        NoEnclosingQuery: it uses columns of a query that it does not stand in yet.
    """
    return Analyzer(session, is_settled=is_settled).plan(relation)


class Analyzer:
    """One analysis: the session, the CTEs in sight and the enclosing query's scope."""

    def __init__(
        self,
        session: SessionState,
        tables: dict[str, lp.LogicalPlan] | None = None,
        outer: Scope | None = None,
        is_settled: bool = False,
    ) -> None:
        self.session = session
        self.is_settled = is_settled  # no enclosing query is waited for
        self.conf = session.conf
        self.tables = tables or {}
        self.outer = outer

    def plan(self, relation: Input) -> lp.LogicalPlan:
        """Resolve a relation, or return a plan as it is."""
        if isinstance(relation, lp.Deferred):
            if self.outer is None and not self.is_settled:
                raise lp.NoEnclosingQuery
            return self.plan(relation.relation)
        if isinstance(relation, lp.LogicalPlan):
            return relation
        found = _rules.get(type(relation))
        if found is None:
            import_module(f"lightstream.analyze.{_MODULES[type(relation)]}")
            found = _rules[type(relation)]
        return found(relation, self)

    def over(self, *plans: lp.LogicalPlan) -> ExpressionResolver:
        """Return a resolver over the outputs of plans."""
        return self.resolver(scope_of(plans, self.conf.case_sensitive, self.outer))

    def resolver(self, scope: Scope) -> ExpressionResolver:
        """Return a resolver over a scope."""
        return ExpressionResolver(scope, self.session, self._subquery, self.is_settled)

    def _subquery(self, relation: r.Relation, scope: Scope) -> lp.LogicalPlan:
        # `scope` is the empty scope between the query and its subquery: it records what is used from outside.
        return Analyzer(self.session, self.tables, scope).plan(relation)

    def with_tables(self, tables: dict[str, lp.LogicalPlan]) -> Analyzer:
        """Return this analysis with more CTEs in sight."""
        return Analyzer(self.session, {**self.tables, **tables}, self.outer, self.is_settled)


def attributes_of(schema: t.StructType) -> tuple[e.Attribute, ...]:
    """Return fresh columns for a schema."""
    return tuple(e.Attribute(f.name, f.dataType, f.nullable, e.fresh_id(), (), f.metadata) for f in schema)


def renewed(plan: lp.LogicalPlan, shared: Collection[int] | None = None) -> lp.Rename:
    """Return a plan's columns, or those that are shared, under fresh ids, so that it can stand twice in one query."""
    columns = tuple(
        replace(a, id=e.fresh_id()) if shared is None or a.id in shared else a for a in plan.output
    )
    # Spark: `_metadata` cannot be named through a view, but input_file_name() reads it.
    hidden = tuple(replace(a, id=e.fresh_id(), name=f"({a.name.strip('()')})") for a in plan.hidden)
    return lp.Rename(plan, columns, hidden)


def renamed(child: lp.LogicalPlan, names: Sequence[str]) -> lp.LogicalPlan:
    """Return a plan with other names for its columns.

    Raises:
        AnalysisException: ASSIGNMENT_ARITY_MISMATCH.
    """
    if len(names) != len(child.output):
        raise AnalysisException(
            "ASSIGNMENT_ARITY_MISMATCH",
            f"The number of column aliases ({len(names)}) does not match the number of columns "
            f"({len(child.output)}).",
            sqlstate="42802",
            parameters={"numExpr": str(len(names)), "numTarget": str(len(child.output))},
        )
    return lp.Project(
        child,
        tuple(
            a if a.name == name else e.Alias(a, (name,), id=e.fresh_id())
            for a, name in zip(child.output, names, strict=True)
        ),
    )


@rule(r.UnresolvedTable)
def _table(relation: r.UnresolvedTable, analyzer: Analyzer) -> lp.LogicalPlan:
    name = relation.name
    if len(name) == 1 and name[0].lower() in analyzer.tables:
        return lp.SubqueryAlias(renewed(analyzer.tables[name[0].lower()]), name[0])
    plan = analyzer.session.table(name, relation.is_streaming, relation.options)
    if plan is None and len(name) == 2 and analyzer.session.reads_files(name[0]):
        # Spark: json.`/a/path`
        return analyzer.session.read(
            r.DataSourceRead(name[0], None, {}, (name[1],), is_streaming=relation.is_streaming)
        )
    if plan is not None and relation.is_streaming and not plan.is_streaming:
        raise _not_a_stream(name)
    if plan is None:
        raise table_not_found(name, analyzer.conf.schema)
    namespace: tuple[str, ...] = ()
    if isinstance(plan, lp.TableScan):
        schema = name[-2] if len(name) > 1 else analyzer.conf.schema.lower()
        namespace = ("spark_catalog", schema)
    return lp.SubqueryAlias(renewed(plan), name[-1], namespace)


def table_not_found(name: Sequence[str], schema: str = DEFAULT_SCHEMA) -> AnalysisException:
    """Return TABLE_OR_VIEW_NOT_FOUND."""
    text = ".".join(f"`{part}`" for part in name)
    return AnalysisException(
        "TABLE_OR_VIEW_NOT_FOUND",
        f"The table or view {text} cannot be found. Verify the spelling, and that the session has the database that "
        "the table is in.",
        sqlstate="42P01",
        parameters={"relationName": text, "searchPath": search_path(schema)},
    )


def _not_a_stream(name: tuple[str, ...]) -> AnalysisException:
    text = ".".join(name)
    return AnalysisException(
        "_LEGACY_ERROR_TEMP_1008",
        f"{text} is not a temp view of streaming logical plan, please use batch API such as `DataFrameReader.table` "
        "to read it.",
        parameters={"quoted": text},
    )


@rule(r.DataSourceRead)
def _read(relation: r.DataSourceRead, analyzer: Analyzer) -> lp.LogicalPlan:
    return analyzer.session.read(relation)


@rule(r.LocalData)
def _local(relation: r.LocalData, analyzer: Analyzer) -> lp.LogicalPlan:
    return lp.LocalScan(attributes_of(relation.schema), relation.data)


@rule(r.Range)
def _range(relation: r.Range, analyzer: Analyzer) -> lp.LogicalPlan:
    if relation.step == 0:
        raise AnalysisException("_LEGACY_ERROR_TEMP_3152", "requirement failed: step (0) cannot be 0")
    column = e.Attribute("id", t.LongType(), False, e.fresh_id())
    return lp.Range((column,), relation.start, relation.end, relation.step)


@rule(r.OneRow)
def _one_row(relation: r.OneRow, analyzer: Analyzer) -> lp.LogicalPlan:
    return lp.OneRow(())


@rule(r.Values)
def _values(relation: r.Values, analyzer: Analyzer) -> lp.LogicalPlan:
    from lightstream.functions.coercion import cast_to, common_type_without_strings

    resolver = analyzer.resolver(Scope((), analyzer.conf.case_sensitive))
    rows = [[_evaluable(resolver.value(item)) for item in row] for row in relation.rows]
    width = len(rows[0])
    if any(len(row) != width for row in rows):
        raise ParseException(
            "INVALID_INLINE_TABLE.NUM_COLUMNS_MISMATCH",
            f"Inline table expected {width} columns in every row.",
            sqlstate="42000",
        )
    columns: list[e.Attribute] = []
    for position in range(width):
        items = [row[position] for row in rows]
        target = common_type_without_strings([e.type_of(item) for item in items])
        if target is None:  # Spark: a table of literals alone is looked at when it is parsed
            literals = all(isinstance(item, e.Literal) for row in relation.rows for item in row)
            raise (ParseException if literals else AnalysisException)(
                "INVALID_INLINE_TABLE.INCOMPATIBLE_TYPES_IN_INLINE_TABLE",
                f"Found incompatible types in the column `col{position + 1}` of an inline table.",
                sqlstate="42000",
            )
        for row in rows:
            item = row[position]
            known = isinstance(item, e.Literal) and item.value is None
            row[position] = e.Literal(None, target) if known else cast_to(item, target, analyzer.conf.ansi)
        nullable = any(e.nullable_of(row[position]) for row in rows)
        columns.append(e.Attribute(f"col{position + 1}", target, nullable, e.fresh_id()))
    return lp.Values(tuple(columns), tuple(tuple(row) for row in rows))


def _evaluable(item: e.Expression) -> e.Expression:
    """Return an item of an inline table; Raise where it is not the same value whatever rows there are."""
    from lightstream.analyze.calls import is_volatile, makes_rows
    from lightstream.analyze.naming import shown
    from lightstream.functions.registry import lookup

    nodes = list(item.walk())
    if any(isinstance(node, e.SubqueryExpression) for node in nodes):
        raise AnalysisException(
            "UNSUPPORTED_SUBQUERY_EXPRESSION_CATEGORY.SCALAR_SUBQUERY_IN_VALUES",
            "There cannot be a scalar subquery in VALUES. Select it.",
            sqlstate="0A000",
        )
    entries = [lookup(node.name) for node in nodes if isinstance(node, e.Call)]
    aggregates = any(entry is not None and entry.kind == "aggregate" for entry in entries)
    windows = any(isinstance(node, e.WindowExpression) for node in nodes)
    if aggregates or windows or is_volatile(item) or any(map(makes_rows, nodes)):
        raise AnalysisException(
            "INVALID_INLINE_TABLE.CANNOT_EVALUATE_EXPRESSION_IN_INLINE_TABLE",
            f'Cannot evaluate the expression "{shown(item)}" in an inline table: it is not a constant.',
            sqlstate="42000",
            parameters={"expr": f'"{shown(item)}"'},
        )
    return item


@rule(r.SubqueryAlias)
def _subquery_alias(relation: r.SubqueryAlias, analyzer: Analyzer) -> lp.LogicalPlan:
    child = analyzer.plan(relation.input)
    if relation.columns:
        if len(relation.columns) != len(child.output) and isinstance(
            relation.input, r.UnresolvedTableFunction
        ):
            raise AnalysisException(
                "NUM_TABLE_VALUE_ALIASES_MISMATCH",
                f"The number of aliases ({len(relation.columns)}) does not match the number of columns of "
                f"`{relation.input.name}` ({len(child.output)}).",
                sqlstate="42826",
                parameters={
                    "funcName": f"`{relation.input.name}`",
                    "aliasesNum": str(len(relation.columns)),
                    "outColsNum": str(len(child.output)),
                },
            )
        child = renamed(child, relation.columns)
    return lp.SubqueryAlias(child, relation.alias)


@rule(r.PipeInput)
def _pipe_input(relation: r.PipeInput, analyzer: Analyzer) -> lp.LogicalPlan:
    child = analyzer.plan(relation.input)
    return child if isinstance(child, lp.SubqueryAlias) else lp.Rename(child, child.output, child.hidden)


@rule(r.With)
def _with(relation: r.With, analyzer: Analyzer) -> lp.LogicalPlan:
    inner = analyzer
    for name, query, columns in relation.tables:
        if relation.recursive:
            from lightstream.analyze.combine import recursive

            plan = recursive(name, query, columns, inner)
        else:
            plan = inner.plan(query)
            if columns:
                plan = renamed(plan, columns)
            if not plan.is_streaming and _is_volatile(plan):
                plan = lp.Shared(plan)
        inner = inner.with_tables({name.lower(): plan})
    return inner.plan(relation.input)


def _is_volatile(plan: lp.LogicalPlan) -> bool:
    from lightstream.analyze.calls import is_volatile

    return any(is_volatile(expression) for expression in lp.expressions(plan))


@rule(r.Command)
def _command(relation: r.Command, analyzer: Analyzer) -> lp.LogicalPlan:
    query = None if relation.query is None else analyzer.plan(relation.query)
    return lp.Command((), relation.kind, relation.args, query)

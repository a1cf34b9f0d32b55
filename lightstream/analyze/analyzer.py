"""Resolving relations, one function each. Inputs that are resolved already are taken as they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lightstream.analyze.calls import makes_rows
from lightstream.analyze.expressions import ExpressionResolver, check_no_maps, check_sorts
from lightstream.analyze.naming import name_item
from lightstream.analyze.scope import Scope, scope_of, unresolved_column
from lightstream.errors import (
    AnalysisException,
    IllegalArgumentException,
    ParseException,
    internal,
    unsupported,
)
from lightstream.plan import expressions as e
from lightstream.plan import logical as lp
from lightstream.plan import relations as r
from lightstream.plan import types as t

if TYPE_CHECKING:
    from lightstream.execute.session import SessionState

Input = r.Relation | lp.LogicalPlan
_rules: dict[type[r.Relation], Callable[[Any, Analyzer], lp.LogicalPlan]] = {}


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
            # The other rules live in modules that are imported when first needed.
            from lightstream.analyze import aggregate, combine, metrics, reshape, table_functions

            del aggregate, combine, metrics, reshape, table_functions
            found = _rules.get(type(relation))
        if found is None:
            raise unsupported(f"{type(relation).__name__}")
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


# ---- leaves ---------------------------------------------------------------------------------------------------


def attributes_of(schema: t.StructType) -> tuple[e.Attribute, ...]:
    """Return fresh columns for a schema."""
    return tuple(e.Attribute(f.name, f.dataType, f.nullable, e.fresh_id(), (), f.metadata) for f in schema)


def renewed(plan: lp.LogicalPlan) -> lp.Rename:
    """Return a plan's columns under fresh ids, so that it can stand twice in one query."""
    columns = tuple(replace(a, id=e.fresh_id()) for a in plan.output)
    # Spark: `_metadata` cannot be named through a view, but input_file_name() reads it.
    hidden = tuple(replace(a, id=e.fresh_id(), name=f"({a.name.strip('()')})") for a in plan.hidden)
    return lp.Rename(plan, columns, hidden)


@rule(r.UnresolvedTable)
def _table(relation: r.UnresolvedTable, analyzer: Analyzer) -> lp.LogicalPlan:
    name = relation.name
    if len(name) == 1 and name[0].lower() in analyzer.tables:
        return lp.SubqueryAlias(renewed(analyzer.tables[name[0].lower()]), name[0])
    plan = analyzer.session.table(name, relation.is_streaming)
    if plan is None and len(name) == 2 and analyzer.session.reads_files(name[0]):
        # Spark: json.`/a/path`
        return analyzer.session.read(
            r.DataSourceRead(name[0], None, {}, (name[1],), is_streaming=relation.is_streaming)
        )
    if plan is not None and relation.is_streaming and not plan.is_streaming:
        raise _not_a_stream(name, plan)
    if plan is None:
        text = ".".join(f"`{part}`" for part in name)
        raise AnalysisException(
            "TABLE_OR_VIEW_NOT_FOUND",
            f"The table or view {text} cannot be found. Verify the spelling and correctness of the schema and catalog.",
            sqlstate="42P01",
            parameters={"relationName": text},
        )
    return lp.SubqueryAlias(renewed(plan), name[-1])


def _not_a_stream(name: tuple[str, ...], plan: lp.LogicalPlan) -> Exception:
    text = ".".join(name)
    if isinstance(plan, lp.TableScan):
        return unsupported(
            f"Reading the table {text} as a stream", "Read the files that it was made of, or a Delta table."
        )
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
    from lightstream.functions.coercion import common_type, implicit_cast

    resolver = analyzer.resolver(Scope((), analyzer.conf.case_sensitive))
    rows = [[resolver.value(item) for item in row] for row in relation.rows]
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
        target = common_type([e.type_of(item) for item in items])
        if target is None:
            raise AnalysisException(
                "INVALID_INLINE_TABLE.INCOMPATIBLE_TYPES_IN_INLINE_TABLE",
                f"Found incompatible types in the column `col{position + 1}` of an inline table.",
                sqlstate="42000",
            )
        for row in rows:
            cast = implicit_cast(row[position], target)
            if cast is None:
                raise internal(f"no cast from {e.type_of(row[position])} to {target}")
            row[position] = cast
        nullable = any(e.nullable_of(row[position]) for row in rows)
        columns.append(e.Attribute(f"col{position + 1}", target, nullable, e.fresh_id()))
    return lp.Values(tuple(columns), tuple(tuple(row) for row in rows))


# ---- select, where --------------------------------------------------------------------------------------------


@rule(r.Project)
def _project(relation: r.Project, analyzer: Analyzer) -> lp.LogicalPlan:
    from lightstream.analyze.aggregate import has_aggregate
    from lightstream.analyze.time_windows import with_time_windows

    child = analyzer.plan(relation.input)
    resolver = analyzer.over(child)
    items = resolver.named_all(relation.items, lateral=True)
    if resolver.lateral_used:
        from lightstream.analyze.reshape import with_lateral_aliases

        return with_lateral_aliases(child, items, resolver.lateral_used)
    child, items = with_time_windows(child, items)
    if any(has_aggregate(item) for item in items):
        from lightstream.analyze.aggregate import build_aggregate

        return build_aggregate(child, (), items)
    return project(child, items)


def project(child: lp.LogicalPlan, items: Sequence[e.Alias | e.Attribute]) -> lp.LogicalPlan:
    """Return a projection, with window functions and generators taken out into operators of their own."""
    from lightstream.analyze.reshape import with_generators, with_windows
    from lightstream.analyze.time_windows import with_time_windows
    from lightstream.functions.registry import wants_row

    child, items = with_time_windows(child, items)
    for item in items:
        kinds = {type(node) for node in item.walk()}
        if e.WindowExpression in kinds or (e.Call in kinds and any(map(wants_row, item.walk()))):
            return with_windows(child, items)
        if e.Call in kinds and any(makes_rows(node) for node in item.walk()):
            return with_generators(child, items)
    check_columns(child, items)
    return lp.Project(child, tuple(items))


def check_columns(child: lp.LogicalPlan, items: Sequence[e.Expression]) -> None:
    """Refuse columns of other DataFrames.

    Raises:
        AnalysisException: MISSING_ATTRIBUTES.
    """
    known = {a.id for a in child.output} | {a.id for a in child.hidden}
    for item in items:
        if isinstance(item, e.Attribute) and item.id in known:
            continue
        for node in item.walk():
            if isinstance(node, e.Attribute) and node.id not in known:
                names = ", ".join(f'"{a.name}"' for a in child.output)
                same_name = any(a.name == node.name for a in child.output)
                kind = (
                    "RESOLVED_ATTRIBUTE_APPEAR_IN_OPERATION"
                    if same_name
                    else "RESOLVED_ATTRIBUTE_MISSING_FROM_INPUT"
                )
                raise AnalysisException(
                    f"MISSING_ATTRIBUTES.{kind}",
                    f'Resolved attribute(s) "{node.name}" missing from {names}: the column belongs to another '
                    "DataFrame. Refer to it by name, or join the two.",
                    sqlstate="XX000",
                    parameters={"missingAttributes": f'"{node.name}"', "input": names},
                )


@rule(r.Filter)
def _filter(relation: r.Filter, analyzer: Analyzer) -> lp.LogicalPlan:
    from lightstream.functions.registry import wants_row

    child = analyzer.plan(relation.input)
    wider, (given,) = _above_aggregation(child, [relation.condition], analyzer)
    if wider is not child:  # HAVING, in a DataFrame
        return lp.Project(_filter(r.Filter(wider, given), analyzer), child.output)
    try:
        condition = analyzer.over(child).condition(relation.condition, "filter")
    except AnalysisException as error:
        below = _below_projection(child, error)
        condition = analyzer.over(child, *below).condition(relation.condition, "filter")
    _refuse_in_where(condition)
    if any(map(wants_row, condition.walk())):
        kept = e.Alias(condition, ("condition",), id=e.fresh_id())
        below_it = project(child, [*child.output, kept])
        return lp.Project(lp.Filter(below_it, kept.to_attribute()), child.output)
    missing = e.references(condition) - {a.id for a in (*child.output, *child.hidden)}
    widened = _carry(child, missing) if missing else child
    if widened is None:
        check_columns(child, (condition,))
        raise internal("filter columns that cannot be carried")
    filtered = lp.Filter(widened, condition)
    return lp.Project(filtered, child.output) if missing else filtered


def _above_aggregation(
    child: lp.LogicalPlan, expressions: Sequence[e.Expression], analyzer: Analyzer
) -> tuple[lp.LogicalPlan, Sequence[e.Expression]]:
    below = child.child if isinstance(child, lp.Project) else child
    if not isinstance(below, lp.Aggregate) or below.is_streaming or not below.aggregates:
        return child, expressions
    from lightstream.analyze.aggregate import with_aggregates

    return with_aggregates(child, below, expressions, analyzer)


def _refuse_in_where(condition: e.Expression) -> None:
    from lightstream.analyze.aggregate import has_aggregate
    from lightstream.analyze.naming import shown

    if any(isinstance(node, e.WindowExpression) for node in condition.walk()):
        raise AnalysisException(
            "WINDOW_FUNCTION_NOT_ALLOWED_IN_CLAUSE",
            "It is not allowed to use window functions inside WHERE clause.",
            sqlstate="42601",
            parameters={"clauseName": "WHERE"},
        )
    if has_aggregate(condition):
        raise AnalysisException(
            "INVALID_WHERE_CONDITION",
            f'The WHERE condition "{shown(condition)}" contains an aggregate function. '
            "Rewrite the query to avoid it: use HAVING, or a subquery.",
            sqlstate="42903",
            parameters={"condition": f'"{shown(condition)}"', "expressionList": shown(condition)},
        )


# ---- order, limit ---------------------------------------------------------------------------------------------


@rule(r.Qualify)
def _qualify(relation: r.Qualify, analyzer: Analyzer) -> lp.LogicalPlan:
    from lightstream.analyze.aggregate import qualified

    return qualified(relation, analyzer)


@rule(r.Sort)
def _sort(relation: r.Sort, analyzer: Analyzer) -> lp.LogicalPlan:
    if isinstance(relation.input, r.Aggregate) and relation.input.kind != "distinct":
        from lightstream.analyze.aggregate import sorted_aggregate

        return sorted_aggregate(relation, relation.input, analyzer)
    if isinstance(relation.input, r.Project):
        from lightstream.analyze.aggregate import sorted_global_aggregate

        found = sorted_global_aggregate(relation, relation.input, analyzer)
        if found is not None:
            return found
    child = analyzer.plan(relation.input)
    wider, keys = _above_aggregation(child, [order.child for order in relation.orders], analyzer)
    given = [replace(order, child=key) for order, key in zip(relation.orders, keys, strict=True)]
    plan = order_by(wider, sort_orders(given, wider, analyzer), relation.is_global, analyzer)
    return plan if wider is child else lp.Project(plan, child.output)


def sort_orders(
    orders: Sequence[e.SortOrder], child: lp.LogicalPlan, analyzer: Analyzer
) -> list[e.SortOrder]:
    """Resolve sort keys over a plan's output, and below its projection where the output lacks a name."""
    resolved = []
    for order in orders:
        ordinal = as_ordinal(order.child)
        if ordinal is not None:
            resolved.append(replace(order, child=_ordinal(ordinal, child.output, "ORDER BY")))
            continue
        if isinstance(order.child, e.UnresolvedStar):  # ORDER BY ALL
            resolved.extend(replace(order, child=column) for column in child.output)
            continue
        resolved.append(replace(order, child=_sort_key(order.child, child, analyzer)))
    return resolved


def _sort_key(key: e.Expression, child: lp.LogicalPlan, analyzer: Analyzer) -> e.Expression:
    # Spark: what the query has below its select list comes before the columns of an enclosing query.
    own = Analyzer(analyzer.session, analyzer.tables)
    try:
        return own.over(child).value(key)
    except AnalysisException as error:
        try:
            below = _below_projection(child, error)
            return own.over(child, *below).value(key)
        except AnalysisException:
            if analyzer.outer is None:
                raise
    return analyzer.over(child).value(key)


def order_by(
    child: lp.LogicalPlan, orders: Sequence[e.SortOrder], is_global: bool, analyzer: Analyzer
) -> lp.LogicalPlan:
    """Return a Sort; columns that only the sort needs are carried through the projection below and dropped above."""
    check_sorts(orders)
    _refuse_in_sort(orders)
    needed: set[int] = set()
    for order in orders:
        needed |= e.references(order)
    missing = needed - {a.id for a in (*child.output, *child.hidden)}
    if not missing:
        return lp.Sort(child, tuple(orders), is_global)
    widened = _carry(child, missing)
    if widened is None:
        check_columns(child, orders)
        raise internal("sort columns that cannot be carried")
    return lp.Project(lp.Sort(widened, tuple(orders), is_global), child.output)


def _refuse_in_sort(orders: Sequence[e.SortOrder]) -> None:
    from lightstream.analyze.expressions import check_subqueries
    from lightstream.functions.registry import lookup

    for order in orders:
        nodes = list(order.child.walk())
        windows = any(isinstance(node, e.WindowExpression) for node in nodes)
        found = [lookup(node.name) for node in nodes if isinstance(node, e.Call)]
        if not windows and any(entry is not None and entry.kind == "aggregate" for entry in found):
            raise AnalysisException(
                "UNSUPPORTED_EXPR_FOR_OPERATOR",
                "A sort key contains an aggregate function. Aggregate first, then sort by the column.",
                sqlstate="42K0E",
            )
        check_subqueries(order.child, "a sort key")


def _carry(plan: lp.LogicalPlan, ids: set[int]) -> lp.LogicalPlan | None:
    """Return the plan with columns from below its projection added to its output; None when it cannot be."""
    if isinstance(plan, lp.Project):
        below = {a.id: a for a in plan.child.output}
        if ids <= below.keys():
            return lp.Project(plan.child, (*plan.items, *(below[i] for i in sorted(ids))))
        deeper = _carry(plan.child, ids - below.keys())
        if deeper is None:
            return None
        every = {a.id: a for a in deeper.output}
        return lp.Project(deeper, (*plan.items, *(every[i] for i in sorted(ids))))
    if isinstance(plan, lp.SubqueryAlias | lp.Filter | lp.Sort | lp.Watermark):
        inner = _carry(plan.child, ids)
        return None if inner is None else replace(plan, child=inner)
    return None


def _below_projection(child: lp.LogicalPlan, error: AnalysisException) -> tuple[lp.LogicalPlan, ...]:
    """Return the inputs of the projections below, where Spark looks for names that the output lacks."""
    if not (error.getCondition() or "").startswith("UNRESOLVED_COLUMN"):
        raise error
    found: list[lp.LogicalPlan] = []
    plan = child
    while isinstance(plan, lp.Project | lp.Filter | lp.Sort | lp.Watermark):  # not below an alias
        if isinstance(plan, lp.Project):
            found.append(plan.child)
        plan = plan.child
    if not found:
        raise error
    return tuple(found)


def as_ordinal(expression: e.Expression) -> e.UnresolvedOrdinal | None:
    """Return the position that a grouping or sort key is: a bare whole number, in a DataFrame's keys, too."""
    if isinstance(expression, e.Literal) and isinstance(expression.type, t.IntegerType):
        return None if expression.value is None else e.UnresolvedOrdinal(expression.value)
    return expression if isinstance(expression, e.UnresolvedOrdinal) else None


def _ordinal(ordinal: e.UnresolvedOrdinal, output: Sequence[e.Attribute], clause: str) -> e.Attribute:
    if not 1 <= ordinal.position <= len(output):
        name = "ORDER_BY_POS_OUT_OF_RANGE" if clause == "ORDER BY" else "GROUP_BY_POS_OUT_OF_RANGE"
        raise AnalysisException(
            name,
            f"{clause} position {ordinal.position} is not in the select list (valid range is [1, {len(output)}]).",
            sqlstate="42805",
            parameters={"index": str(ordinal.position), "size": str(len(output))},
        )
    return output[ordinal.position - 1]


def constant_integer(expression: e.Expression, clause: str, analyzer: Analyzer) -> int:
    """Return the value of an expression that has to be a constant whole number."""
    value = analyzer.resolver(Scope((), analyzer.conf.case_sensitive)).value(expression)
    if isinstance(value, e.Call) and value.name == "negative" and isinstance(value.args[0], e.Literal):
        value = replace(value.args[0], value=-value.args[0].value)
    if isinstance(value, e.Cast) and isinstance(value.child, e.Literal):
        value = value.child
    if not isinstance(value, e.Literal) or not isinstance(value.type, t.IntegralType) or value.value is None:
        raise AnalysisException(
            "INVALID_LIMIT_LIKE_EXPRESSION.DATA_TYPE",
            f"The {clause} expression must be a constant integer.",
            sqlstate="42K0E",
            parameters={"name": clause},
        )
    return int(value.value)


def _count(expression: e.Expression, clause: str, analyzer: Analyzer) -> int:
    count = constant_integer(expression, clause, analyzer)
    if count < 0:
        raise AnalysisException(
            "INVALID_LIMIT_LIKE_EXPRESSION.IS_NEGATIVE",
            f"The {clause} expression must be equal to or greater than 0, but got {count}.",
            sqlstate="42K0E",
            parameters={"name": clause, "v": str(count)},
        )
    return count


@rule(r.Limit)
def _limit(relation: r.Limit, analyzer: Analyzer) -> lp.LogicalPlan:
    child = analyzer.plan(relation.input)
    count = _count(relation.count, "limit", analyzer)
    if isinstance(child, lp.Limit) and child.count is None:
        return replace(child, count=count)
    return lp.Limit(child, count)


@rule(r.Offset)
def _offset(relation: r.Offset, analyzer: Analyzer) -> lp.LogicalPlan:
    return lp.Limit(analyzer.plan(relation.input), None, _count(relation.count, "offset", analyzer))


@rule(r.Tail)
def _tail(relation: r.Tail, analyzer: Analyzer) -> lp.LogicalPlan:
    return lp.Tail(analyzer.plan(relation.input), relation.count)


# ---- names ----------------------------------------------------------------------------------------------------


@rule(r.SubqueryAlias)
def _subquery_alias(relation: r.SubqueryAlias, analyzer: Analyzer) -> lp.LogicalPlan:
    child = analyzer.plan(relation.input)
    if relation.columns:
        if len(relation.columns) != len(child.output):
            if isinstance(relation.input, r.UnresolvedTableFunction):
                raise AnalysisException(
                    "NUM_TABLE_VALUE_ALIASES_MISMATCH",
                    f"The number of aliases ({len(relation.columns)}) does not match the number of columns of "
                    f"`{relation.input.name}` ({len(child.output)}).",
                    sqlstate="42826",
                )
            raise AnalysisException(
                "ASSIGNMENT_ARITY_MISMATCH",
                f"The number of column aliases ({len(relation.columns)}) does not match the number of columns "
                f"({len(child.output)}).",
                sqlstate="42802",
                parameters={"numExpr": str(len(child.output)), "numTarget": str(len(relation.columns))},
            )
        child = _renamed(child, relation.columns)
    return lp.SubqueryAlias(child, relation.alias)


def _renamed(child: lp.LogicalPlan, names: Sequence[str]) -> lp.LogicalPlan:
    return lp.Project(
        child,
        tuple(
            a if a.name == name else e.Alias(a, (name,), id=e.fresh_id())
            for a, name in zip(child.output, names, strict=True)
        ),
    )


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
                plan = _renamed(plan, columns)
        inner = inner.with_tables({name.lower(): plan})
    return inner.plan(relation.input)


@rule(r.WithColumns)
def _with_columns(relation: r.WithColumns, analyzer: Analyzer) -> lp.LogicalPlan:
    from lightstream.analyze.aggregate import has_aggregate

    child = analyzer.plan(relation.input)
    resolver = analyzer.over(child)
    new = resolver.named_all(relation.items)
    same = resolver.scope.same
    if relation.only_present:
        for item in new:
            if not any(same(item.name, a.name) for a in child.output):
                raise unresolved_column((item.name,), child.output)
    for position, item in enumerate(new):
        if any(same(item.name, other.name) for other in new[:position]):
            raise duplicate_column(item.name)
    items: list[e.Alias | e.Attribute] = []
    replaced: set[int] = set()
    for attribute in child.output:
        match = next((n for n in new if same(n.name, attribute.name)), None)
        if match is not None:
            replaced.add(id(match))
        items.append(attribute if match is None else match)
    items.extend(n for n in new if id(n) not in replaced)
    if any(has_aggregate(item) for item in items):
        from lightstream.analyze.aggregate import build_aggregate

        return build_aggregate(child, (), items)
    return project(child, items)


def duplicate_column(name: str) -> AnalysisException:
    """Return the error for a column that is given twice."""
    return AnalysisException(
        "COLUMN_ALREADY_EXISTS",
        f"The column `{name.lower()}` already exists. Choose another name or rename the existing column.",
        sqlstate="42711",
        parameters={"columnName": f"`{name.lower()}`"},
    )


@rule(r.WithColumnsRenamed)
def _with_columns_renamed(relation: r.WithColumnsRenamed, analyzer: Analyzer) -> lp.LogicalPlan:
    child = analyzer.plan(relation.input)
    same = analyzer.over(child).scope.same
    names = [a.name for a in child.output]
    for old, new in relation.renames:
        names = [new if same(name, old) else name for name in names]
    return _renamed(child, names)


@rule(r.ToDF)
def _to_df(relation: r.ToDF, analyzer: Analyzer) -> lp.LogicalPlan:
    child = analyzer.plan(relation.input)
    if len(relation.names) != len(child.output):
        old = ", ".join(a.name for a in child.output)
        raise AnalysisException(
            "ASSIGNMENT_ARITY_MISMATCH",
            f"The number of columns given ({len(relation.names)}: {', '.join(relation.names)}) does not match the "
            f"number of columns ({len(child.output)}: {old}).",
            sqlstate="42802",
            parameters={"numExpr": str(len(child.output)), "numTarget": str(len(relation.names))},
        )
    return _renamed(child, relation.names)


@rule(r.ToSchema)
def _to_schema(relation: r.ToSchema, analyzer: Analyzer) -> lp.LogicalPlan:
    from lightstream.functions.casts import can_cast

    child = analyzer.plan(relation.input)
    resolver = analyzer.over(child)
    items: list[e.Alias | e.Attribute] = []
    for field in relation.schema:
        found = resolver.scope.find((field.name,))
        if found is None:
            if not field.nullable:
                raise unresolved_column((field.name,), child.output)
            items.append(e.Alias(e.Literal(None, field.dataType), (field.name,), id=e.fresh_id()))
            continue
        source = e.type_of(found)
        if e.nullable_of(found) and not field.nullable:
            raise AnalysisException(
                "NULLABLE_COLUMN_OR_FIELD",
                f"Column or field `{field.name}` is nullable while it's required to be non-nullable.",
                sqlstate="42000",
                parameters={"name": f"`{field.name}`"},
            )
        if source == field.dataType:
            items.append(e.Alias(found, (field.name,), id=e.fresh_id()))
        elif can_cast(source, field.dataType, "ansi"):
            cast = e.Cast(found, field.dataType, "ansi", implicit=True, nullable=e.nullable_of(found))
            items.append(e.Alias(cast, (field.name,), id=e.fresh_id()))
        else:
            raise AnalysisException(
                "INVALID_COLUMN_OR_FIELD_DATA_TYPE",
                f'Column or field `{field.name}` is of type "{source.sql()}" while it\'s required to be '
                f'"{field.dataType.sql()}".',
                sqlstate="42000",
                parameters={"name": f"`{field.name}`"},
            )
    return lp.Project(child, tuple(items))


@rule(r.Drop)
def _drop(relation: r.Drop, analyzer: Analyzer) -> lp.LogicalPlan:
    child = analyzer.plan(relation.input)
    same = analyzer.over(child).scope.same
    gone: set[int] = set()
    for column in relation.columns:
        if isinstance(column, e.Attribute):
            gone.add(column.id)
        elif isinstance(column, e.UnresolvedAttribute):
            # Spark: a dot in the name is part of the name; `t.a` from SQL-like references is looked up qualified.
            name = ".".join(column.parts)
            matches = [a for a in child.output if same(a.name, name)]
            if not matches and len(column.parts) > 1:
                found = analyzer.over(child).scope.find(column.parts)
                matches = [found] if isinstance(found, e.Attribute) else []
            if not matches and relation.only_present:
                raise unresolved_column(column.parts, child.output)
            gone |= {a.id for a in matches}
    return lp.Project(child, tuple(a for a in child.output if a.id not in gone))


@rule(r.Deduplicate)
def _deduplicate(relation: r.Deduplicate, analyzer: Analyzer) -> lp.LogicalPlan:
    child = analyzer.plan(relation.input)
    if relation.columns is None:
        keys = child.output
    else:
        same = analyzer.over(child).scope.same
        found: list[e.Attribute] = []
        for name in relation.columns:
            matches = [a for a in child.output if same(a.name, name)]
            if not matches:
                names = ", ".join(a.name for a in child.output)
                raise AnalysisException(
                    "UNRESOLVED_COLUMN_AMONG_FIELD_NAMES",
                    f'Cannot resolve column name "{name}" among ({names}).',
                    sqlstate="42703",
                    parameters={"colName": f'"{name}"', "fieldNames": names},
                )
            found.extend(m for m in matches if m not in found)
        keys = tuple(found)
    check_no_maps(keys)
    if not child.is_streaming:
        from lightstream.analyze.time_windows import is_session, with_merged_sessions

        if any(map(is_session, keys)):  # Spark: in a batch this is an aggregation
            child, _ = with_merged_sessions(child, keys)
    return lp.Deduplicate(child, keys, relation.within_watermark)


@rule(r.WithWatermark)
def _with_watermark(relation: r.WithWatermark, analyzer: Analyzer) -> lp.LogicalPlan:
    from lightstream.functions.time_windows import interval_of

    child = analyzer.plan(relation.input)
    interval = interval_of(relation.delay)
    # Spark: a month has 31 days here.
    delay_ms = (interval.months * 31 + interval.days) * 86_400_000 + interval.us // 1000
    if delay_ms < 0:
        raise IllegalArgumentException(
            None, f"requirement failed: delay threshold ({relation.delay}) should not be negative."
        )
    if not child.is_streaming:
        return child  # Spark: without effect in a batch query, whatever the column is
    column = analyzer.over(child).value(e.UnresolvedAttribute(tuple(relation.column.split("."))))
    if not isinstance(column, e.Attribute):
        raise AnalysisException(
            "EVENT_TIME_MUST_BE_TOP_LEVEL_COLUMN",
            f"The event time of withWatermark must be a column of its own, but '{relation.column}' is a field of one. "
            "Give it a name with select or withColumn first.",
            sqlstate="42K09",
            parameters={"eventExpr": relation.column},
        )
    if not isinstance(column.type, t.TimestampType):
        raise AnalysisException(
            "EVENT_TIME_IS_NOT_ON_TIMESTAMP_TYPE",
            f'The event time `{column.name}` has the invalid type "{column.type.sql()}", but expected "TIMESTAMP".',
            sqlstate="42K09",
            parameters={"eventName": f"`{column.name}`", "eventType": f'"{column.type.sql()}"'},
        )
    return lp.Watermark(child, column, delay_ms)


@rule(r.Sample)
def _sample(relation: r.Sample, analyzer: Analyzer) -> lp.LogicalPlan:
    from lightstream.analyze.reshape import sampled

    child = analyzer.plan(relation.input)
    fraction = relation.upper - relation.lower
    if fraction < 0 or (fraction > 1 and not relation.with_replacement):
        raise IllegalArgumentException(
            message=f"requirement failed: Sampling fraction ({fraction}) must be "
            + (
                "nonnegative with replacement"
                if relation.with_replacement
                else "on interval [0, 1] without replacement"
            )
        )
    return sampled(child, relation, analyzer)


@rule(r.Command)
def _command(relation: r.Command, analyzer: Analyzer) -> lp.LogicalPlan:
    query = None if relation.query is None else analyzer.plan(relation.query)
    return lp.Command((), relation.kind, relation.args, query)


__all__ = ["Analyzer", "analyze", "attributes_of", "name_item", "project", "renewed", "rule"]

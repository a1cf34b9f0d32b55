"""Relations that say which columns there are: select, withColumn, drop and their kin."""

from __future__ import annotations

from collections.abc import Sequence

from lightstream.analyze.analyzer import Analyzer, renamed, rule
from lightstream.analyze.calls import makes_rows
from lightstream.analyze.scope import unresolved_column
from lightstream.errors import (
    AnalysisException,
)
from lightstream.plan import expressions as e
from lightstream.plan import logical as lp
from lightstream.plan import relations as r


@rule(r.Project)
def _project(relation: r.Project, analyzer: Analyzer) -> lp.LogicalPlan:
    from lightstream.analyze.aggregate import has_aggregate
    from lightstream.analyze.time_windows import with_time_windows

    child = apart(analyzer.plan(relation.input))
    resolver = analyzer.over(child)
    items = resolver.named_all(relation.items, lateral=True)
    if resolver.lateral_used:
        from lightstream.analyze.reshape import with_lateral_aliases

        return with_lateral_aliases(child, items, resolver.lateral_used)
    child, items = with_time_windows(child, items)
    if any(has_aggregate(item) for item in items):
        from lightstream.analyze.aggregate import build_aggregate, refuse_outer, refuse_scalar_subqueries

        refuse_scalar_subqueries(items)
        refuse_outer(items)
        return build_aggregate(child, (), items)
    return project(child, items)


def apart(child: lp.LogicalPlan) -> lp.LogicalPlan:
    """Return a plan that is no aggregation: what stands above its projection may not name its aggregates."""
    if isinstance(child, lp.Aggregate) and child.aggregates and not child.is_streaming:
        return lp.Project(child, child.output)
    return child


def project(child: lp.LogicalPlan, items: Sequence[e.Alias | e.Attribute]) -> lp.LogicalPlan:
    """Return a projection, with window functions and generators taken out into operators of their own."""
    from lightstream.analyze.time_windows import with_time_windows
    from lightstream.functions.registry import wants_row

    child, items = with_time_windows(child, items)
    for item in items:
        kinds = {type(node) for node in item.walk()}
        if e.WindowExpression in kinds or (e.Call in kinds and any(map(wants_row, item.walk()))):
            from lightstream.analyze.reshape import with_windows

            return with_windows(child, items)
        if e.Call in kinds and any(makes_rows(node) for node in item.walk()):
            from lightstream.analyze.reshape import with_generators

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


@rule(r.WithColumns)
def _with_columns(relation: r.WithColumns, analyzer: Analyzer) -> lp.LogicalPlan:
    from lightstream.analyze.aggregate import has_aggregate

    child = apart(analyzer.plan(relation.input))
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
    child = apart(analyzer.plan(relation.input))
    same = analyzer.over(child).scope.same
    names = [a.name for a in child.output]
    for old, new in relation.renames:
        names = [new if same(name, old) else name for name in names]
    return renamed(child, names)


@rule(r.ToDF)
def _to_df(relation: r.ToDF, analyzer: Analyzer) -> lp.LogicalPlan:
    child = apart(analyzer.plan(relation.input))
    return renamed(child, relation.names)


@rule(r.Drop)
def _drop(relation: r.Drop, analyzer: Analyzer) -> lp.LogicalPlan:
    child = apart(analyzer.plan(relation.input))
    scope = analyzer.over(child).scope
    gone: set[int] = set()
    for column in relation.columns:
        found = scope.find(column.parts) if isinstance(column, e.UnresolvedAttribute) else column
        if isinstance(found, e.Attribute):
            gone.add(found.id)
        elif isinstance(found, str):
            matches = {a.id for a in child.output if scope.same(a.name, found)}
            if not matches and relation.only_present:
                raise unresolved_column((found,), child.output)
            gone |= matches
    return lp.Project(child, tuple(a for a in child.output if a.id not in gone))

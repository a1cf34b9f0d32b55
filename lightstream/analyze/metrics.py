"""`observe`: metrics that a plan collects of the rows that pass one place in it."""

from __future__ import annotations

from lightstream.analyze.aggregate import build_aggregate, is_aggregate_call
from lightstream.analyze.analyzer import Analyzer, rule
from lightstream.analyze.naming import shown
from lightstream.errors import AnalysisException
from lightstream.plan import expressions as e
from lightstream.plan import logical as lp
from lightstream.plan import relations as r


@rule(r.CollectMetrics)
def _collect_metrics(relation: r.CollectMetrics, analyzer: Analyzer) -> lp.LogicalPlan:
    child = analyzer.plan(relation.input)
    items = tuple(analyzer.over(child).named_all(relation.metrics))
    for item in items:
        _check(item, item.child if isinstance(item, e.Alias) else item, False)
    plan = lp.CollectMetrics(child, relation.name, items, relation.observation)
    check_metric_names(plan)
    return plan


def metrics_plan(node: lp.CollectMetrics, rows: lp.LogicalPlan) -> lp.LogicalPlan:
    """Return the aggregation that gives the metrics of a node, of rows with its input's columns."""
    return build_aggregate(rows, (), node.items)


def check_metric_names(plan: lp.LogicalPlan) -> None:
    """Refuse a plan with different metrics of one name.

    Raises:
        AnalysisException: DUPLICATED_METRICS_NAME.
    """
    found: dict[str, tuple[e.Expression, ...]] = {}
    for node in plan.walk():
        if isinstance(node, lp.CollectMetrics) and found.setdefault(node.name, node.items) is not node.items:
            raise AnalysisException(
                "DUPLICATED_METRICS_NAME",
                f"The metric name is not unique: {node.name}. Different metrics cannot share a name; the same metrics "
                "may occur several times, as in a self-join.",
                sqlstate="42710",
                parameters={"metricName": node.name},
            )


def _check(item: e.Alias | e.Attribute, node: e.Expression, aggregated: bool) -> None:
    """Refuse what cannot be collected in one pass. `aggregated`: the node is an argument of an aggregate function."""
    if isinstance(node, e.WindowExpression):
        raise _invalid("WINDOW_EXPRESSIONS_UNSUPPORTED", "Window expressions are not allowed", item)
    if not aggregated and _is_random(node):
        raise _invalid(
            "NON_AGGREGATE_FUNC_ARG_IS_NON_DETERMINISTIC",
            "A non-deterministic expression can be used as an argument of an aggregate function only",
            item,
        )
    if isinstance(node, e.Attribute) and not aggregated:
        raise _invalid(
            "NON_AGGREGATE_FUNC_ARG_IS_ATTRIBUTE",
            "A column can be used as an argument of an aggregate function only",
            item,
        )
    if isinstance(node, e.Call) and is_aggregate_call(node):
        if aggregated:
            raise _invalid("NESTED_AGGREGATES_UNSUPPORTED", "Nested aggregates are not allowed", item)
        if node.distinct:
            raise _invalid(
                "AGGREGATE_EXPRESSION_WITH_DISTINCT_UNSUPPORTED",
                "Aggregate expressions with DISTINCT are not allowed",
                item,
            )
        if node.filter is not None:
            raise _invalid(
                "AGGREGATE_EXPRESSION_WITH_FILTER_UNSUPPORTED",
                "Aggregate expressions with FILTER are not allowed",
                item,
            )
        aggregated = True
    for child in node.children:
        _check(item, child, aggregated)


def _is_random(node: e.Expression) -> bool:
    from lightstream.functions import registry

    if isinstance(node, e.PythonUdf):
        return not node.deterministic
    function = registry.lookup(node.name) if isinstance(node, e.Call) else None
    # Spark: of the aggregates, those that depend on the order of rows are not deterministic; as aggregates they may be.
    return function is not None and not function.deterministic and function.kind != "aggregate"


def _invalid(kind: str, why: str, item: e.Alias | e.Attribute) -> AnalysisException:
    text = shown(item.child) + f" AS {item.name}" if isinstance(item, e.Alias) else item.name
    return AnalysisException(
        f"INVALID_OBSERVED_METRICS.{kind}",
        f'Invalid observed metrics. {why}, but found: "{text}".',
        sqlstate="42K0E",
        parameters={"expr": f'"{text}"'},
    )

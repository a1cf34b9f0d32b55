"""Window functions, generators, pivot and unpivot: what changes the shape of rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lightstream.analyze.analyzer import Analyzer, check_columns, rule
from lightstream.analyze.expressions import trim_alias
from lightstream.errors import AnalysisException, unsupported
from lightstream.plan import expressions as e
from lightstream.plan import logical as lp
from lightstream.plan import relations as r
from lightstream.plan import types as t


def with_windows(child: lp.LogicalPlan, items: Sequence[e.Alias | e.Attribute]) -> lp.LogicalPlan:
    """Return a projection whose window functions are columns of a Window operator below it."""
    if child.is_streaming:
        raise AnalysisException(
            "NON_TIME_WINDOW_NOT_SUPPORTED_IN_STREAMING",
            "Window functions are not supported on streaming DataFrames/Datasets. Structured Streaming only supports "
            "time-window aggregation using the WINDOW function.",
            sqlstate="42KDE",
        )
    windows: list[e.Alias] = []

    def take(node: e.Expression) -> e.Expression:
        if isinstance(node, e.WindowExpression):
            for known in windows:
                if known.child == node:
                    return known.to_attribute()
            alias = e.Alias(node, ("window",), id=e.fresh_id())
            windows.append(alias)
            return alias.to_attribute()
        return node.map_children(take)

    outputs = [
        item if isinstance(item, e.Attribute) else replace(item, child=take(item.child)) for item in items
    ]
    check_columns(child, items)
    return lp.Project(lp.Window(child, tuple(windows)), tuple(outputs))


def with_generators(child: lp.LogicalPlan, items: Sequence[e.Alias | e.Attribute]) -> lp.LogicalPlan:
    """Return a projection over a Generate for the one generator that a select list may hold."""
    from lightstream.analyze.analyzer import _is_generator

    found = [item for item in items if any(_is_generator(node) for node in item.walk())]
    if len(found) > 1:
        raise AnalysisException(
            "UNSUPPORTED_GENERATOR.MULTI_GENERATOR",
            f"The generator is not supported: only one generator allowed per SELECT clause but found {len(found)}.",
            sqlstate="42K0E",
            parameters={"num": str(len(found))},
        )
    item = found[0]
    generator = trim_alias(item)
    if not _is_generator(generator):
        raise AnalysisException(
            "UNSUPPORTED_GENERATOR.NESTED_IN_EXPRESSIONS",
            "The generator is not supported: nested in expressions.",
            sqlstate="42K0E",
        )
    names = item.names if isinstance(item, e.Alias) else ()
    plan = generate(child, generator, names if len(names) > 1 else _own_names(item, generator), outer=False)
    outputs: list[e.Alias | e.Attribute] = []
    for other in items:
        outputs.extend(plan.generated if other is item else (other,))
    check_columns(plan, outputs)
    return lp.Project(plan, tuple(outputs))


def _own_names(item: e.Alias | e.Attribute, generator: e.Expression) -> tuple[str, ...]:
    from lightstream.analyze.naming import shown

    # An alias that the analyser gave is the call's own text: then the generator names its columns itself.
    return () if not isinstance(item, e.Alias) or item.name == shown(generator) else item.names


def generate(
    child: lp.LogicalPlan, generator: e.Expression, names: Sequence[str], outer: bool
) -> lp.Generate:
    """Return a Generate; the generator's type is a struct of the columns that it makes."""
    struct = e.type_of(generator)
    if not isinstance(generator, e.Call) or not isinstance(struct, t.StructType):
        raise unsupported("This generator")
    if names and len(names) != len(struct.fields):
        raise AnalysisException(
            "NUM_TABLE_VALUE_ALIASES_MISMATCH",
            f"The number of aliases supplied ({len(names)}) does not match the number of columns that the generator "
            f"makes ({len(struct.fields)}).",
            sqlstate="42826",
        )
    is_outer = outer or generator.name.endswith("_outer")
    columns = tuple(
        e.Attribute(name, field.dataType, field.nullable or is_outer, e.fresh_id())
        for name, field in zip(names or struct.names, struct.fields, strict=True)
    )
    return lp.Generate(child, generator, columns, is_outer)


@rule(r.Generate)
def _generate(relation: r.Generate, analyzer: Analyzer) -> lp.LogicalPlan:
    child = analyzer.plan(relation.input)
    generator = analyzer.over(child).value(relation.generator)
    plan = generate(child, generator, relation.columns, relation.outer)
    qualifier = (relation.alias,) if relation.alias else ()
    return replace(plan, generated=tuple(replace(a, qualifier=qualifier) for a in plan.generated))


@rule(r.Unpivot)
def _unpivot(relation: r.Unpivot, analyzer: Analyzer) -> lp.LogicalPlan:
    raise unsupported("unpivot")


@rule(r.Pivot)
def _pivot(relation: r.Pivot, analyzer: Analyzer) -> lp.LogicalPlan:
    child = analyzer.plan(relation.input)
    if child.is_streaming:
        raise AnalysisException(
            "_LEGACY_ERROR_TEMP_3102", "pivot is not supported on a streaming DataFrames/Datasets"
        )
    raise unsupported("pivot")

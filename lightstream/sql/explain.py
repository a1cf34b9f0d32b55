"""Plans as text, for `explain` and error messages."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from lightstream.conf import Conf
from lightstream.errors import PySparkException
from lightstream.plan import expressions as e
from lightstream.plan import logical as lp
from lightstream.plan import types as t


def explained(plan: lp.LogicalPlan, conf: Conf, mode: str = "simple") -> str:
    """Return what `explain` prints: the plan, and below it the DuckDB statement of a batch plan."""
    parts = []
    if mode != "simple":
        columns = ", ".join(f"{a.name}: {a.type.simpleString()}" for a in plan.output)
        parts.append(f"== Analyzed Logical Plan ==\n{columns}\n{tree(plan)}\n")
    parts.append(f"== Physical Plan ==\n{tree(plan)}\n")
    if not plan.is_streaming and not isinstance(plan, lp.Command):
        parts.append(f"== DuckDB ==\n{_statement(plan, conf)}\n")
    return "\n".join(parts)


def _statement(plan: lp.LogicalPlan, conf: Conf) -> str:
    from lightstream.compile.compiler import compile_plan

    try:
        return compile_plan(plan, conf).shown()
    except PySparkException as error:
        return str(error)


def tree(plan: lp.LogicalPlan) -> str:
    """Return a plan with its inputs indented below it."""
    lines: list[str] = []
    _lines(plan, "", "", lines)
    return "\n".join(lines)


def _lines(plan: lp.LogicalPlan, prefix: str, below: str, lines: list[str]) -> None:
    lines.append(prefix + _node(plan))
    children = plan.children
    for position, child in enumerate(children):
        last = position == len(children) - 1
        _lines(child, below + ("+- " if last else ":- "), below + ("   " if last else ":  "), lines)


def _node(plan: lp.LogicalPlan) -> str:
    name = type(plan).__name__
    if isinstance(plan, lp.DataSourceScan):
        source = getattr(plan.reader, "name", None) or type(plan.reader).__name__
        return f"{'StreamingRelation' if plan.streaming else 'Relation'} {source} {_shown(plan.columns)}"
    if isinstance(plan, lp.LocalScan | lp.Values):
        return f"LocalRelation {_shown(plan.columns)}"
    details = []
    for item in fields(plan):
        value = getattr(plan, item.name)
        if isinstance(value, lp.LogicalPlan) or value in (None, (), False):
            continue
        if isinstance(value, tuple) and value and isinstance(value[0], lp.LogicalPlan):
            continue
        details.append(_shown(value))
    return " ".join([name, *details])


def _shown(value: Any) -> str:
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_shown, value))}]"
    if isinstance(value, e.Expression):
        return expression_text(value)
    return str(value)


def expression_text(expression: e.Expression) -> str:
    """Return a resolved expression with attribute ids, as Spark prints it in plans: `(id#3 > 1)`."""
    from lightstream.analyze.naming import shown

    def numbered(node: e.Expression) -> e.Expression:
        return (
            e.Attribute(_numbered(node), node.type, node.nullable, node.id)
            if isinstance(node, e.Attribute)
            else node
        )

    if isinstance(expression, e.Attribute):
        return _numbered(expression)
    if isinstance(expression, e.Alias):
        return f"{expression_text(expression.child)} AS {expression.name}#{expression.id}"
    return shown(expression.transform_up(numbered))


def _numbered(attribute: e.Attribute) -> str:
    return f"{attribute.name}#{attribute.id}{'L' if isinstance(attribute.type, t.LongType) else ''}"

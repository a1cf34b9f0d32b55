"""Filters moved down a streaming plan, as Spark's optimizer moves them.

In a batch query this would be for speed alone, and DuckDB does it. In a stream it shows: event times are those of the
rows that reach the watermark, and the state holds the groups of the rows that reach the aggregation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from lightstream.analyze.conjuncts import conjuncts
from lightstream.compile.compiler import is_volatile
from lightstream.conf import Conf
from lightstream.execute.pushdown import all_of, filtered, substituted
from lightstream.functions import registry
from lightstream.functions.information import NO_DATA
from lightstream.plan import expressions as e
from lightstream.plan import logical as lp
from lightstream.plan import types as t

Sources = Sequence[lp.DataSourceScan]


def push_filters(plan: lp.LogicalPlan) -> lp.LogicalPlan:
    """Return a streaming plan with each filter as far down as Spark takes it.

    What a join's other side says of a column may depend on whether there is data in the batch: then the filter asks
    `(no_data)`, by the position of the source in the plan.
    """
    return _push((), plan, lp.streaming_scans(plan))


def _push(conditions: Sequence[e.Expression], plan: lp.LogicalPlan, sources: Sources) -> lp.LogicalPlan:
    """Return a plan with conditions on its rows, each where it belongs."""
    if not plan.is_streaming:
        return filtered(plan, conditions)
    match plan:
        case lp.Filter():
            # What stands lower is asked first.
            return _push((*conjuncts(plan.condition), *conditions), plan.child, sources)
        case lp.SubqueryAlias():
            return replace(plan, child=_push(conditions, plan.child, sources))
        case lp.Rename():
            down, up = _split(conditions, lambda refs: True)
            before = dict(zip((a.id for a in plan.columns), plan.child.output, strict=True))
            child = _push([substituted(c, before) for c in down], plan.child, sources)
            return filtered(replace(plan, child=child), up)
        case lp.Watermark():
            down, up = _split(conditions, lambda refs: plan.column.id not in refs)
            return filtered(replace(plan, child=_push(down, plan.child, sources)), up)
        case lp.Project() if not any(is_volatile(item) for item in plan.items):
            down, up = _split(conditions, lambda refs: True)
            items = {item.id: item.child for item in plan.items if isinstance(item, e.Alias)}
            child = _push([substituted(c, items) for c in down], plan.child, sources)
            return filtered(replace(plan, child=child), up)
        case lp.Aggregate() if plan.keys and not plan.grouping_sets:
            known = {key.id for key in plan.output[: len(plan.keys)]}
            down, up = _split(conditions, lambda refs: refs <= known and bool(refs))
            keys = {key.id: key.child for key in plan.keys if isinstance(key, e.Alias)}
            child = _push([substituted(c, keys) for c in down], plan.child, sources)
            return filtered(replace(plan, child=child), up)
        case lp.Expand() | lp.Generate():
            below = {a.id for a in plan.child.output}
            down, up = _split(conditions, lambda refs: refs <= below and bool(refs))
            return filtered(replace(plan, child=_push(down, plan.child, sources)), up)
        case lp.SetOperation(kind="union", all=True):
            down, up = _split(conditions, lambda refs: True)
            sides = []
            for side in (plan.left, plan.right):
                columns: dict[int, e.Expression] = dict(
                    zip((a.id for a in plan.columns), side.output, strict=True)
                )
                sides.append(_push([substituted(c, columns) for c in down], side, sources))
            return filtered(replace(plan, left=sides[0], right=sides[1]), up)
        case lp.Join(lateral=None):
            return _through_join(conditions, plan, sources)
    return filtered(plan.map_children(lambda child: _push((), child, sources)), conditions)


def _through_join(conditions: Sequence[e.Expression], plan: lp.Join, sources: Sources) -> lp.LogicalPlan:
    left = {a.id for a in plan.left.output}
    right = {a.id for a in plan.right.output}
    plan = replace(plan, kind=_narrowed(plan.kind, conditions, left, right))
    kind = plan.kind
    # Conditions on the rows that come out, then those of the join, which say less about a side that is kept whole.
    to_left, rest = _split(conditions, lambda refs: kind in _LEFT_KEPT and refs <= left and bool(refs))
    to_right, up = _split(rest, lambda refs: kind in ("inner", "rightouter") and refs <= right and bool(refs))
    own: list[e.Expression] = conjuncts(plan.condition)
    said = [*own, *to_left, *to_right]
    if kind in ("inner", "leftsemi", "rightouter"):
        down, own = _split(own, lambda refs: refs <= left and bool(refs))
        to_left += down
        to_left += _inferred(said, left, plan.left, plan.right, to_left, sources)
    if kind in ("inner", "leftsemi", "leftouter", "leftanti"):
        down, own = _split(own, lambda refs: refs <= right and bool(refs))
        to_right += down
        to_right += _inferred(said, right, plan.right, plan.left, to_right, sources)
    join = replace(
        plan,
        left=_push(to_left, plan.left, sources),
        right=_push(to_right, plan.right, sources),
        condition=None if plan.condition is None else all_of(own),
    )
    return filtered(join, up)


_LEFT_KEPT = ("inner", "leftouter", "leftsemi", "leftanti")


def _narrowed(kind: str, conditions: Sequence[e.Expression], left: set[int], right: set[int]) -> str:
    """Return an outer join's kind without the padded rows that a condition above throws away."""
    if kind not in ("leftouter", "rightouter", "fullouter"):
        return kind
    needed = {a.id for condition in conditions for a in _never_null(condition)}
    keeps_left = kind in ("leftouter", "fullouter") and not needed & right
    keeps_right = kind in ("rightouter", "fullouter") and not needed & left
    kinds = {(True, True): "fullouter", (True, False): "leftouter", (False, True): "rightouter"}
    return kinds.get((keeps_left, keeps_right), "inner")


def _inferred(
    said: Sequence[e.Expression],
    columns: set[int],
    side: lp.LogicalPlan,
    other: lp.LogicalPlan,
    pushed: Sequence[e.Expression],
    sources: Sources,
) -> list[e.Expression]:
    """Return what the conditions of a join and of its other side say of one side's columns."""
    own = _constraints(side)
    present = [*own, *pushed]
    found = _consequences([*said, *own, *_constraints(other)], columns, present)
    scans = lp.streaming_scans(other)
    if len(scans) != 1 or not found:
        return found
    always = _consequences([*said, *own, *_constraints(other, without_data=True)], columns, present)
    position = next(i for i, known in enumerate(sources) if known is scans[0])
    no_data = registry.bind_call(NO_DATA, (e.Literal(position, t.IntegerType()),), Conf())
    return [c if c in always else registry.bind_call("or", (no_data, c), Conf()) for c in found]


def _consequences(
    known: Sequence[e.Expression], side: set[int], present: Sequence[e.Expression]
) -> list[e.Expression]:
    """Return what conditions say of one side, beyond what is there: as Spark infers it.

    Columns that are compared are not null; what holds of a column holds of those that are equal to it.
    """
    found: list[e.Expression] = []
    columns = {a.id: a for condition in known for a in _never_null(condition) if a.nullable}
    said = [*known, *(registry.bind_call("isnotnull", (a,), Conf()) for a in columns.values())]
    for one, other in [_equal_columns(condition) for condition in known if _equal_columns(condition)]:
        for old, new in ((one, other), (other, one)):
            said += [substituted(c, {old.id: new}) for c in known if old.id in e.references(c)]
    for condition in said:
        used = e.references(condition)
        trivial = len(used) == 1 and len(_equal_columns(condition)) == 2
        if not used or not used <= side or trivial or condition in found or condition in present:
            continue
        if _is_simple(condition):
            found.append(condition)
    return found


def _constraints(plan: lp.LogicalPlan, without_data: bool = False) -> list[e.Expression]:
    """Return conditions that all rows of a plan meet, as its filters say them.

    `without_data`: what Spark still knows in a batch without data. It has put an empty relation, of which it knows
    nothing, for a source and the filters next to it.
    """
    if without_data and _is_next_to_source(plan):
        return []
    match plan:
        case lp.Filter():
            return [*conjuncts(plan.condition), *_constraints(plan.child, without_data)]
        case lp.SubqueryAlias() | lp.Watermark() | lp.CollectMetrics():
            return _constraints(plan.child, without_data)
        case lp.Rename():
            moved = {old.id: new for old, new in zip(plan.child.output, plan.columns, strict=True)}
            return [
                substituted(c, moved)
                for c in _constraints(plan.child, without_data)
                if e.references(c) <= set(moved)
            ]
        case lp.Project():
            named = {
                item.child.id: item.to_attribute()
                for item in plan.items
                if isinstance(item, e.Alias) and isinstance(item.child, e.Attribute)
            }
            named |= {item.id: item for item in plan.items if isinstance(item, e.Attribute)}
            constants = (
                registry.bind_call("<=>", (item.to_attribute(), item.child), Conf())
                for item in plan.items
                if isinstance(item, e.Alias) and isinstance(item.child, e.Literal)
            )
            return [
                *constants,
                *(
                    substituted(c, named)
                    for c in _constraints(plan.child, without_data)
                    if e.references(c) <= set(named)
                ),
            ]
        case lp.Join(kind="inner"):
            return [
                *conjuncts(plan.condition),
                *_constraints(plan.left, without_data),
                *_constraints(plan.right, without_data),
            ]
    return []


def _is_next_to_source(plan: lp.LogicalPlan) -> bool:
    while isinstance(plan, lp.Filter | lp.Project | lp.SubqueryAlias | lp.Rename):
        plan = plan.child
    return isinstance(plan, lp.DataSourceScan)


# Functions that are null whenever an argument is, as Spark knows them.
_NULL_IF_ANY_IS = frozenset(
    ("==", "<", "<=", ">", ">=", "!=", "+", "-", "*", "/", "div", "%", "negative", "upper", "lower", "[]")
)


def _never_null(condition: e.Expression) -> list[e.Attribute]:
    """Return the columns that cannot be null in a row that meets a condition."""
    match condition:
        case e.Call(name="isnotnull"):
            return _never_null(condition.args[0])
        case e.Call(name="not"):
            inner = condition.args[0]
            return _never_null(inner) if isinstance(inner, e.Call) and inner.name in _NULL_IF_ANY_IS else []
        case e.Call() if condition.name in _NULL_IF_ANY_IS:
            return [a for argument in condition.args for a in _never_null(argument)]
        case e.Cast():
            return _never_null(condition.child)
        case e.Attribute():
            return [condition]
    return []


def _equal_columns(condition: e.Expression) -> tuple[e.Attribute, ...]:
    """Return the two columns that a condition compares by `=`; none when it is anything else."""
    if isinstance(condition, e.Call) and condition.name == "==":
        one, other = condition.args
        if isinstance(one, e.Attribute) and isinstance(other, e.Attribute):
            return one, other
    return ()


def _split(
    conditions: Sequence[e.Expression], goes_down: Callable[[set[int]], bool]
) -> tuple[list[e.Expression], list[e.Expression]]:
    down: list[e.Expression] = []
    up: list[e.Expression] = []
    for condition in conditions:
        goes = _is_simple(condition) and goes_down(e.references(condition))
        (down if goes else up).append(condition)
    return down, up


def _is_simple(condition: e.Expression) -> bool:
    return not is_volatile(condition) and not any(
        isinstance(node, e.SubqueryExpression) for node in condition.walk()
    )

"""`DataFrame.zip`: the columns of two DataFrames that are selections of the same rows."""

from __future__ import annotations

from dataclasses import fields

from lightstream.errors import AnalysisException, unsupported
from lightstream.plan import logical as lp
from lightstream.plan.expressions import Alias, fresh_id


def zipped(left: lp.LogicalPlan, right: lp.LogicalPlan) -> lp.LogicalPlan:
    """Return the columns of both sides, side by side.

    Raises:
        AnalysisException: ZIP_PLANS_NOT_MERGEABLE, the two are not selections of the same rows.
    """
    base, left_selects = _stripped(left)
    other, right_selects = _stripped(right)
    if base is not other and not _are_same(base, other):
        if _shape(base) == _shape(other):
            raise unsupported("zip of DataFrames that were made apart", "Make both from one DataFrame.")
        raise AnalysisException(
            "ZIP_PLANS_NOT_MERGEABLE",
            "The two DataFrames in zip() cannot be merged: they must be selections of columns of the same DataFrame.",
            sqlstate="42K03",
        )
    plan = base
    for selects, kept in ((left_selects, base.output), (right_selects, (*base.output, *left.output))):
        for select in selects:
            known = {item.id for item in select.items}
            plan = lp.Project(plan, (*select.items, *(a for a in kept if a.id not in known)))
            kept = tuple({a.id: a for a in (*kept, *select.output)}.values())
    taken = {a.id for a in left.output}
    own = (Alias(a, (a.name,), id=fresh_id()) if a.id in taken else a for a in right.output)
    return lp.Project(plan, (*left.output, *own))


def _shape(plan: lp.LogicalPlan) -> list[object]:
    """Return the kinds of a plan's steps, and what its sources look like."""
    return [(type(node), () if node.children else str(node.schema)) for node in plan.walk()]


def _are_same(left: lp.LogicalPlan, right: lp.LogicalPlan) -> bool:
    """Return whether two plans are the same steps over the same sources, with columns of the same ids."""
    if left is right:
        return True
    if type(left) is not type(right) or not left.children:
        return False
    for item in fields(left):
        one, other = getattr(left, item.name), getattr(right, item.name)
        if isinstance(one, lp.LogicalPlan) and isinstance(other, lp.LogicalPlan):
            if not _are_same(one, other):
                return False
        elif one != other:
            return False
    return True


def _stripped(plan: lp.LogicalPlan) -> tuple[lp.LogicalPlan, list[lp.Project]]:
    """Return what the selections stand on, and them, the first one first."""
    selects: list[lp.Project] = []
    while isinstance(plan, lp.Project):
        selects.insert(0, plan)
        plan = plan.child
    return plan, selects

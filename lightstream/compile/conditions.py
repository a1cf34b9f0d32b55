"""The parts of a condition as texts for WHERE and ON."""

from __future__ import annotations

from collections.abc import Sequence

from lightstream.functions.predicates import may_fail
from lightstream.plan import expressions as e
from lightstream.plan import logical as lp


def tables_of(plan: lp.LogicalPlan) -> list[set[int]]:
    """Return the columns of each table that a plan joins, by their ids."""
    match plan:
        case lp.Join():
            return tables_of(plan.left) + tables_of(plan.right)
        case lp.Filter() | lp.SubqueryAlias():
            return tables_of(plan.child)
    return [{a.id for a in (*plan.output, *plan.hidden)}]


def texts_in_order(
    parts: Sequence[e.Expression], texts: Sequence[str], tables: Sequence[set[int]]
) -> list[str]:
    """Return the texts of the parts of a condition, such that none fails on a row that an earlier part leaves out.

    DuckDB asks each part where it can: equalities as joins, comparisons in scans. It keeps no order, so a part that may
    fail asks those before it of the same tables itself; of other tables it may not, which it would then wait for.
    Spark, too, asks for each table first what concerns it alone.
    """
    if not any(map(may_fail, texts)):
        return list(texts)
    scopes = [frozenset(i for i, ids in enumerate(tables) if ids & e.references(part)) for part in parts]
    fragile = [may_fail(text) for text in texts]
    found = [text for text, fails in zip(texts, fragile, strict=True) if not fails]
    for scope in dict.fromkeys(s for s, fails in zip(scopes, fragile, strict=True) if fails):
        last = max(i for i, fails in enumerate(fragile) if fails and scopes[i] == scope)
        chain = [
            text
            for i, text in enumerate(texts[: last + 1])
            if (scopes[i] == scope if fragile[i] else scopes[i] <= scope and "(SELECT " not in text)
        ]
        found.append(_one_by_one(chain))
    return found


def _one_by_one(texts: Sequence[str]) -> str:
    text = texts[-1]
    for earlier in reversed(texts[:-1]):
        text = f"(CASE WHEN {earlier} THEN {text} ELSE FALSE END)"
    return text

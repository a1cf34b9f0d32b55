"""Sessions in SQL: which rows belong to one."""

from __future__ import annotations

from collections.abc import Sequence


def numbered(rows: str, keys: Sequence[str], start: str, end: str, number: str) -> str:
    """Return a relation with a column that is the same for all rows of a key whose times overlap or touch.

    Args:
        rows: a relation.
        keys: columns; nulls are equal.
        start: when a row begins, an expression over the relation.
        end: when it ends, which is later.
        number: the name of the new column.
    """
    partition = f"PARTITION BY {', '.join(keys)} " if keys else ""
    before = f"max({end}) OVER ({partition}ORDER BY {start} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"
    # Of rows with one start any may be the first: so all of them are counted together.
    begins = f"count(*) FILTER (WHERE {number}_before IS NULL OR {number}_before < {start})"
    return (
        f"(SELECT *, {begins} OVER ({partition}ORDER BY {start}) AS {number} "
        f"FROM (SELECT *, {before} AS {number}_before FROM {rows}))"
    )

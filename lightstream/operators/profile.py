"""What DuckDB's profile says about the statement that was run last."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb


def rows_read(cursor: duckdb.DuckDBPyConnection) -> int:
    """Return how many rows the last statement read from outside DuckDB."""
    profile = json.loads(cursor.get_profiling_information(format="json"))

    def leaves(operator: dict[str, Any]) -> int:
        children = operator.get("children") or []
        if children:
            return sum(leaves(child) for child in children)
        info = operator.get("extra_info") or {}
        own = "Table" in info or info.get("Function") in ("RANGE", "GENERATE_SERIES")
        # Other leaves read again what the statement has read already.
        if own or operator.get("type") != "TABLE_SCAN":
            return 0
        return int(operator.get("intermediate_rows") or 0)

    return sum(leaves(operator) for operator in profile.get("operator") or [])

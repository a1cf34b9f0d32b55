"""What the fuzzer finds and is known to differ (docs/parity.md): by the cut-down query and both answers."""

from __future__ import annotations

import re

from lightstream.parity.answers import Answer

# A pattern of the cut-down query, and the reason.
KNOWN: tuple[tuple[str, str], ...] = ()


def known_difference(query: str, spark: Answer, ours: Answer) -> str | None:
    """Return why a cut-down query answers otherwise than in Spark, if that is known."""
    for pattern, reason in KNOWN:
        if re.search(pattern, query):
            return reason
    return None

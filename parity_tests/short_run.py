"""What the short run leaves out: half of the time that Spark takes.

`scripts/test` runs the short run, `scripts/test --all` and plain `pytest parity_tests` everything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest

# Tests with many costly cases of one kind, and one of how many the short run takes: the first, then each n-th.
ONE_OF = {
    "test_stream_joins.py::test_joins_of_streams": 4,
    "test_stream_joins.py::test_joins_with_tables": 3,
    "test_stream_event_time.py::test_event_time": 3,
    "test_stream_arbitrary_state.py::test_arbitrary_state": 2,
    "test_stream_sessions.py::test_sessions": 2,
    "test_stream_refusals.py::test_refusals": 4,
    "test_stream_queries.py::test_query": 2,
    "test_frames.py::test_program": 3,
    "test_files.py::test_rows": 2,
    "test_fuzz.py::test_drawn_queries": 4,
}


def split(items: Sequence[pytest.Item]) -> tuple[list[pytest.Item], list[pytest.Item]]:
    """Return the items of the short run, and the others."""
    short, others = [], []
    seen: Counter[str] = Counter()
    for item in items:
        name = f"{item.path.name}::{getattr(item, 'originalname', item.name)}"
        leave_out = seen[name] % ONE_OF.get(name, 1) != 0 or item.get_closest_marker("long") is not None
        seen[name] += 1
        (others if leave_out else short).append(item)
    return short, others

"""The watermark of a query: the largest event time seen, less the delay, over all watermark nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lightstream.operators.contract import EventTimeStats


class WatermarkTracker:
    """Follows each watermark node and derives the global watermark, which never goes back.

    Spark: nodes are followed within one run only. After a restart the global watermark comes from the logs and a
    node counts as 0 until it sees rows, so that with policy `min` every node must have rows before it moves again.
    """

    def __init__(self, policy: str, start_ms: int = 0) -> None:
        self._choose = max if policy.lower() == "max" else min
        self._nodes_ms: dict[int, int] = {}
        self.global_ms = start_ms

    def update(self, stats: Sequence[EventTimeStats]) -> None:
        """Take in the event times of a batch, by node."""
        for node, seen in enumerate(stats):
            before_ms = self._nodes_ms.get(node)
            if seen.max_ms is not None:
                node_ms = seen.max_ms - seen.delay_ms
                if before_ms is None or node_ms > before_ms:
                    self._nodes_ms[node] = node_ms
            elif before_ms is None:
                self._nodes_ms[node] = 0
        if self._nodes_ms:
            self.global_ms = max(self.global_ms, self._choose(self._nodes_ms.values()))

"""Named places at which a test kills the process: before, between and after all that a query writes.

`LIGHTSTREAM_CRASH_AT=<point>` kills the process (SIGKILL) the first time that it comes to a point, `<point>@<batch id>`
when it does so in that batch, `<point>#<n>` the n-th time. Without the variable `at` is None, and a point costs one
comparison:

    if crash.at is not None:
        crash.at("after-offsets", batch_id)
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

STEPS = (
    "before-offsets",
    "after-offsets",
    "after-source-commit",
    "after-compute",
    "after-sink",
    "after-state",
    "after-commit",
)
"""The steps of a micro-batch, in their order."""


def _file(name: str) -> tuple[str, ...]:
    """Return the points of one file of `lightstream.atomic`."""
    return (f"{name}-begun", f"{name}-written", f"{name}-named", f"{name}-forced")


POINTS = (
    # start
    "lock-taken",
    "lock-signed",
    *_file("metadata"),
    "database-opened",
    "table-made",
    "table-ready",
    "state-attached",
    "state-made",
    "state-ready",
    "operator-noted",
    # a batch
    *_file("source-log"),
    *_file("compaction"),
    "compaction-removing",
    "before-offsets",
    *_file("offsets"),
    "after-offsets",
    "clean-begun",
    "clean-done",
    "purge-removing",
    "after-source-commit",
    "after-compute",
    "file-attached",
    "rows-deleted",
    "rows-inserted",
    "batch-noted",
    "parts-written",
    "part-named",
    "parts-forced",
    *_file("sink-log"),
    "sink-log-removing",
    "after-sink",
    "state-changed",
    "after-state",
    *_file("commits"),
    "after-commit",
    # the end
    "file-detaching",
    "file-detached",
    "state-detaching",
    "state-detached",
    "database-closing",
    "database-closed",
)
"""Every point, in the order in which a query comes to them."""


def _from_environment() -> Callable[..., None] | None:
    wanted = os.environ.get("LIGHTSTREAM_CRASH_AT", "")
    if not wanted:
        return None
    wanted, _, count = wanted.partition("#")
    wanted, _, batch = wanted.partition("@")
    if wanted not in POINTS:
        raise ValueError(f"LIGHTSTREAM_CRASH_AT names {wanted}; the points are {', '.join(POINTS)}")
    left = int(count or 1)
    current = -1

    def crash(point: str, batch_id: int | None = None) -> None:
        nonlocal left, current
        if batch_id is not None:
            current = batch_id
        if point == wanted and (not batch or int(batch) == current):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return crash


at: Callable[..., None] | None = _from_environment()
"""Called with a point, and the batch's id where it is known; None in all processes but those of tests."""

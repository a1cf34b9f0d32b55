"""What a trigger costs, with something new and without."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from benchmarks.contract import Measure, Values
from benchmarks.usage import cpu_seconds


def timed_triggers(count: int, arrive: Callable[[int], None], take: Callable[[], None]) -> Values:
    """Let things arrive one at a time, and take each; `take` is called once more, when nothing is new."""
    waits_ms, idle_ms = [], []
    cpu_s = cpu_seconds()
    for number in range(count):
        arrive(number)
        begun_s = time.monotonic()
        take()
        ended_s = time.monotonic()
        take()
        waits_ms.append(1000 * (ended_s - begun_s))
        idle_ms.append(1000 * (time.monotonic() - ended_s))
    return {
        "trigger_ms": statistics.median(waits_ms),
        "cpu_ms": 1000 * (cpu_seconds() - cpu_s) / count,
        "idle_ms": statistics.median(idle_ms),
    }


def trigger_measures(what: str) -> tuple[Measure, ...]:
    """Return how the values are shown, and `first_s`, of triggers that each take one of some things."""
    return (
        Measure("trigger_ms", f"trigger with one new {what}", "ms"),
        Measure("cpu_ms", "CPU", "ms"),
        Measure("idle_ms", "trigger without", "ms"),
        Measure("first_s", f"taking the seen {what}s"),
    )

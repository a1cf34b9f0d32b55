"""Runs the contenders of a benchmark, each round each in a process of its own, and judges the bars."""

from __future__ import annotations

import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache

from benchmarks.contract import Bar, Benchmark, Contender, Values, Work
from benchmarks.data import PROJECT

Results = dict[str, list[Values]]
"""By contender, what each round has measured."""

TIMEOUT_S = 1800


class ProgramFailed(Exception):
    """A contender's program ended with an error."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a bar was met: the value and its limit; None where a contender was not measured."""

    bar: Bar
    value: float | None
    limit: float | None

    @property
    def holds(self) -> bool | None:
        """Return whether the bar holds; None when that was not measured."""
        return None if self.value is None or self.limit is None else self.value <= self.limit


def run(
    benchmark: Benchmark, data: str, small: bool, rounds: int, with_spark: bool, tell: Callable[[str], None]
) -> Results:
    """Run all rounds; the contenders take turns, each round from the next one on.

    What has run before leaves the machine's caches to its successor: that is another one each round.

    Raises:
        ProgramFailed: a program failed, or contenders came to different results.
    """
    chosen = [contender for contender in benchmark.contenders if with_spark or not contender.spark]
    results: Results = {contender.name: [] for contender in chosen}
    for number in range(min(rounds, benchmark.most_rounds)):
        first = number % len(chosen)
        for contender in chosen[first:] + chosen[:first]:
            tell(f"({benchmark.letter}) round {number + 1}: {contender.name}")
            results[contender.name].append(_run_once(contender, data, small))
    counts = {contender: {values.get("rows") for values in rounds} for contender, rounds in results.items()}
    if len(set().union(*counts.values())) > 1:
        raise ProgramFailed(f"({benchmark.letter}) the contenders' results differ: {counts}")
    return results


def _run_once(contender: Contender, data: str, small: bool) -> Values:
    scratch = tempfile.mkdtemp(dir=_scratch().name)
    result = os.path.join(scratch, "measured.json")
    os.mkdir(os.path.join(scratch, "work"))
    orders = {
        "module": contender.program.__module__,
        "function": contender.program.__name__,
        "arguments": dict(contender.arguments),
        "result": result,
    }
    os.sync()  # what the one before has left to write is not this one's
    work = Work(data, os.path.join(scratch, "work"), small, time.monotonic())
    path = os.pathsep.join((str(PROJECT), str(PROJECT / "scripts")))
    environment = with_bytecode() | {
        "LIGHTSTREAM_BENCH_ORDERS": json.dumps({**orders, "work": asdict(work)}),
        "PYTHONPATH": path,
    }
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.child"],
        cwd=scratch,
        env=environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    if done.returncode != 0:
        raise ProgramFailed(f"{contender.name} ended with code {done.returncode}:\n{done.stderr[-4000:]}")
    with open(result, encoding="utf-8") as file:
        values: Values = json.load(file)
    return values


@cache
def _scratch() -> tempfile.TemporaryDirectory[str]:
    """Return a directory that is removed at the end.

    Not sooner: a file system may give out the inodes of removed files only after looking at each of them, and what
    one contender has left would slow down the next.
    """
    return tempfile.TemporaryDirectory(prefix="lightstream-bench-", ignore_cleanup_errors=True)


@cache
def with_bytecode() -> dict[str, str]:
    """Return the environment of a process whose packages are compiled.

    What a user starts is installed, with its bytecode; a checkout may have none, or be kept from writing it.
    """
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    cached = os.path.join(tempfile.gettempdir(), f"lightstream-bench-bytecode-{os.getuid()}")
    environment["PYTHONPYCACHEPREFIX"] = cached
    found = map(importlib.util.find_spec, ("lightstream", "duckdb", "typer", "rich", "click"))
    packages = [
        os.path.dirname(spec.origin) for spec in found if spec is not None and spec.origin is not None
    ]
    subprocess.run([sys.executable, "-m", "compileall", "-q", *packages], env=environment, check=True)
    return environment


def median(results: Results, contender: str, key: str) -> float | None:
    """Return the median over the rounds; None when it was not measured."""
    found = [values[key] for values in results.get(contender, ()) if key in values]
    return statistics.median(found) if found else None


def judge(benchmark: Benchmark, results: Results) -> list[Verdict]:
    """Return how each bar was met."""
    verdicts = []
    for bar in benchmark.bars:
        value = median(results, bar.contender, bar.key)
        base = 1.0 if bar.to is None else median(results, bar.to, bar.to_key or bar.key)
        verdicts.append(Verdict(bar, value, None if base is None else bar.at_most * base + bar.plus))
    return verdicts

"""All benchmarks, by letter."""

from __future__ import annotations

from benchmarks import counting, filtering
from benchmarks.contract import Benchmark

BENCHMARKS: dict[str, Benchmark] = {
    benchmark.letter: benchmark
    for benchmark in sorted(
        (*counting.BENCHMARKS, *filtering.BENCHMARKS),
        key=lambda benchmark: benchmark.letter,
    )
}

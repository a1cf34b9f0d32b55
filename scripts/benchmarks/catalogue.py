"""All benchmarks, by letter."""

from __future__ import annotations

from benchmarks import (
    analysis,
    counting,
    filtering,
    formats,
    joins,
    kafka,
    keys,
    latency,
    many_files,
    objects,
    overhead,
    startup,
    windows,
)
from benchmarks.contract import Benchmark

SUBJECTS = (
    analysis,
    counting,
    filtering,
    formats,
    joins,
    kafka,
    keys,
    latency,
    many_files,
    objects,
    overhead,
    startup,
    windows,
)

BENCHMARKS: dict[str, Benchmark] = {
    benchmark.letter: benchmark
    for benchmark in sorted(
        (benchmark for subject in SUBJECTS for benchmark in subject.BENCHMARKS),
        key=lambda found: found.letter,
    )
}

"""(e) From the start of a process to the first result, as a user starts a program."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.contract import Bar, Benchmark, Contender, Measure, Values, Work
from benchmarks.data import SAMPLE
from benchmarks.engines import files_of
from benchmarks.usage import cpu_seconds

PROGRAMS = Path(__file__).resolve().parent / "programs"


def start(work: Work, command: list[str]) -> Values:
    """Run a program and stop the time when it prints its first line, the rows that it has counted."""
    incoming = work.path("incoming")
    os.makedirs(incoming)
    shutil.copy(files_of(str(SAMPLE))[0], incoming)
    cpu_s = cpu_seconds()
    started_s = time.monotonic()
    program = subprocess.Popen(
        [sys.executable, *command, incoming, work.path("checkpoint")],
        cwd=work.scratch,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert program.stdout is not None
    line = program.stdout.readline()
    seconds = time.monotonic() - started_s
    cpu_s = cpu_seconds() - cpu_s
    program.communicate()
    return {"seconds": seconds, "cpu_s": cpu_s, "rows": int(line)}


def by_runner(work: Work, engine: str) -> Values:
    """Start the program with `lightstream run`."""
    return start(
        work, ["-m", "lightstream.cli", "run", "--engine", engine, str(PROGRAMS / "first_result.py")]
    )


def by_hand(work: Work) -> Values:
    """Start the loop for one file."""
    return start(work, [str(PROGRAMS / "first_result_by_hand.py")])


BENCHMARKS = (
    Benchmark(
        "e",
        "cold start",
        (
            Contender("lightstream", by_runner, {"engine": "lightstream"}),
            Contender("DuckDB by hand", by_hand),
            Contender("Spark", by_runner, {"engine": "spark"}, spark=True),
        ),
        (Measure("seconds", "to first result"), Measure("cpu_s", "CPU")),
        (Bar("under 0.8 s", "seconds", 0.8),),
        "`lightstream run` of a program that counts one file into a table with a checkpoint, from the start of the "
        "process to the printed result.",
    ),
)

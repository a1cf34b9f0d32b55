"""(e) From the start of a process to the first result, as a user starts a program."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.contract import Bar, Benchmark, Contender, Measure, Values, Work
from benchmarks.data import SAMPLE
from benchmarks.engines import files_of
from benchmarks.usage import cpu_seconds

PROGRAMS = Path(__file__).resolve().parent / "programs"


def start(work: Work, command: list[str]) -> Values:
    """Run a program and stop the time when it prints its first line, the rows that it has counted."""
    # What a user starts is installed, with its bytecode; a checkout may have none, or be kept from writing it.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    cache = os.path.join(tempfile.gettempdir(), f"lightstream-bench-bytecode-{os.getuid()}")
    environment["PYTHONPYCACHEPREFIX"] = cache
    compileall = [sys.executable, "-m", "compileall", "-q", *(os.path.dirname(p) for p in _packages())]
    subprocess.run(compileall, env=environment, check=True)
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
        env=environment,
    )
    assert program.stdout is not None
    line = program.stdout.readline()
    seconds = time.monotonic() - started_s
    cpu_s = cpu_seconds() - cpu_s
    program.communicate()
    return {"seconds": seconds, "cpu_s": cpu_s, "rows": int(line)}


def _packages() -> list[str]:
    """Return where the packages are that a start imports."""
    found = (importlib.util.find_spec(name) for name in ("lightstream", "duckdb", "typer", "rich", "click"))
    return [spec.origin for spec in found if spec is not None and spec.origin is not None]


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

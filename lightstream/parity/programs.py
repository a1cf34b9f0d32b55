"""Runs a program on both engines, each in a process, a working directory and with checkpoints of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from lightstream.dataclass import dataclass
from lightstream.parity.recording import Program, read

ENGINES = ("spark", "lightstream")
_MOST_ENTRIES = 20_000
_NOT_TAKEN_ALONG = ("spark-warehouse", "metastore_db", "derby.log")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a program's process ended; `code` is None when it was stopped because it took too long."""

    engine: str
    program: Program
    code: int | None
    seconds: float
    directory: Path

    @property
    def errors(self) -> str:
        """What it printed to its standard error."""
        return (self.directory / "stderr.txt").read_text(encoding="utf-8", errors="replace")


def run_both(
    program: Path,
    arguments: Sequence[str],
    directory: Path,
    timeout_s: float,
    say: Callable[[str], None] = lambda engine: None,
) -> list[Outcome]:
    """Run a program on Spark and, if that went to its end, on lightstream, below a directory that is there for it.

    lightstream is told in which order Spark took files of one modification time.
    """
    say("spark")
    spark = _run("spark", program, arguments, directory / "spark", timeout_s, ())
    if not spark.program.ended:
        return [spark]
    batches = [batch for query in spark.program.queries.values() for batch in query.batches.values()]
    files = list(dict.fromkeys(path for batch in batches for path in batch.reads))
    say("lightstream")
    return [spark, _run("lightstream", program, arguments, directory / "lightstream", timeout_s, files)]


def _run(
    engine: str,
    program: Path,
    arguments: Sequence[str],
    own: Path,
    timeout_s: float,
    files: Sequence[str],
) -> Outcome:
    work = own / "work"
    mirror(Path.cwd(), work, apart=own.parent)
    order = {
        "engine": engine,
        "program": os.path.abspath(program),
        "arguments": list(arguments),
        "recording": str(own / "recording"),
        "checkpoints": str(own / "checkpoints"),
        "files": list(files),
    }
    started = time.monotonic()
    with open(own / "stdout.txt", "wb") as out, open(own / "stderr.txt", "wb") as err:
        process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("child.py")), json.dumps(order)],
            cwd=work,
            env=_environment(engine, own),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
        )
        try:
            code: int | None = process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    return Outcome(engine, read(str(own / "recording")), code, time.monotonic() - started, own)


def _environment(engine: str, own: Path) -> dict[str, str]:
    environment = dict(os.environ)
    home = str(Path(__file__).resolve().parent.parent.parent)
    if os.path.basename(home) != "site-packages":
        # A checkout: the other process has to find it, too.
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [home, environment.get("PYTHONPATH")]))
    if engine == "spark":
        from lightstream.parity.on_spark import SETTINGS

        settings = {**SETTINGS, "spark.sql.warehouse.dir": str(own / "warehouse")}
        words = [f'--conf "{name}={value}"' for name, value in settings.items()]
        given = environment.get("PYSPARK_SUBMIT_ARGS", "pyspark-shell")
        environment["PYSPARK_SUBMIT_ARGS"] = " ".join([*words, given])
    return environment


def mirror(source: Path, target: Path, most: int = _MOST_ENTRIES, apart: Path | None = None) -> None:
    """Make a working directory that has what another has, and in which new files stay apart from it.

    Directories are made anew, files are links. Hidden directories, virtual environments, and directories that come
    after `most` entries are links as a whole. `apart`, and what may not be read, is left out.
    """
    target.mkdir(parents=True)
    waiting = [(source, target)]
    count = 0
    while waiting:
        here, there = waiting.pop(0)
        try:
            with os.scandir(here) as scanned:
                entries = sorted(scanned, key=lambda entry: entry.name)
        except PermissionError:
            continue
        count += len(entries)
        for entry in entries:
            if (here == source and entry.name in _NOT_TAKEN_ALONG) or Path(entry.path) == apart:
                continue
            copy = there / entry.name
            whole = entry.name.startswith(".") or count > most
            if (
                not whole
                and entry.is_dir(follow_symlinks=False)
                and not (Path(entry.path) / "pyvenv.cfg").exists()
            ):
                copy.mkdir()
                waiting.append((Path(entry.path), copy))
            else:
                copy.symlink_to(os.path.realpath(entry.path))

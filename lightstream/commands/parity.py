"""`lightstream parity`: one program on both engines."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from lightstream import real_spark
from lightstream.errors import PySparkException
from lightstream.run import FAILED, INTERRUPTED, NOT_HERE, OK, USAGE

if TYPE_CHECKING:
    from rich.console import Console

    from lightstream.parity.programs import Outcome

_NAMES = {"spark": "Spark", "lightstream": "lightstream"}
_LAST_LINES = 15


def run(program: Path, arguments: tuple[str, ...], timeout_s: float, keep: Path | None) -> int:
    """Run a program on both engines and print how they compare; return the exit code."""
    if not program.is_file():
        return _complain(f"can't open file {str(program)!r}: there is no such file", USAGE)
    if keep is not None and keep.exists():
        return _complain(f"--keep: {keep} exists, and nothing is overwritten: name a new directory", USAGE)
    try:
        real_spark.check()
    except PySparkException as error:
        return _complain(str(error), NOT_HERE)
    from rich.console import Console

    # In a pipe, lines are as long as they are.
    console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
    directory = keep.absolute() if keep is not None else Path(tempfile.mkdtemp(prefix="lightstream-parity-"))
    try:
        return _compare(console, program, arguments, directory, timeout_s)
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        if keep is None:
            shutil.rmtree(directory, ignore_errors=True)


def _compare(
    console: Console, program: Path, arguments: tuple[str, ...], directory: Path, timeout_s: float
) -> int:
    from lightstream.parity.compare import compare_programs
    from lightstream.parity.programs import run_both
    from lightstream.parity.report import print_comparison

    with console.status("") as status:
        outcomes = run_both(
            program, arguments, directory, timeout_s, lambda engine: status.update(f"on {_NAMES[engine]} ...")
        )
    for outcome in outcomes:
        if outcome.code is None:
            console.print(
                f"{_NAMES[outcome.engine]} was not done after {timeout_s:g} s: --timeout gives it more."
            )
        elif not outcome.program.ended:
            console.print(f"The process with {_NAMES[outcome.engine]} ended with code {outcome.code}.")
        else:
            continue
        _print_end(console, outcome)
        return FAILED
    comparison = compare_programs(*(outcome.program for outcome in outcomes))
    spark, ours = outcomes
    if spark.code != ours.code and spark.program.failure is None and ours.program.failure is None:
        from lightstream.parity.compare import Difference

        comparison.differences.append(Difference("the program", (("exit code", spark.code, ours.code),)))
    print_comparison(console, comparison)
    console.print(f"Spark took {spark.seconds:.1f} s, lightstream {ours.seconds:.1f} s.", style="dim")
    if comparison.differences:
        return FAILED
    left = [line.name for line in comparison.lines if line.verdict == "not compared"]
    if left:
        console.print(f"The same, but nothing could be compared of: {', '.join(left)}.", style="yellow")
    else:
        console.print("The same on both.", style="green")
    return OK


def _print_end(console: Console, outcome: Outcome) -> None:
    lines = outcome.errors.rstrip().splitlines()[-_LAST_LINES:]
    if lines:
        console.print("The end of what it printed to its standard error:")
        console.print("\n".join(f"  {line}" for line in lines), markup=False)


def _complain(message: str, code: int) -> int:
    print(f"lightstream parity: {message}", file=sys.stderr)
    return code

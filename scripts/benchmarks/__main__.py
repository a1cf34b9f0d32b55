"""The command behind `scripts/bench`."""

from __future__ import annotations

import argparse
import datetime
import signal
import sys
from collections.abc import Sequence

from benchmarks import machine
from benchmarks.catalogue import BENCHMARKS
from benchmarks.data import PROJECT, input_directory, warm
from benchmarks.report import section, write
from benchmarks.runner import ProgramFailed, judge, run


def command_line() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    letters = "\n".join(f"  {letter}  {benchmark.title}" for letter, benchmark in BENCHMARKS.items())
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Run lightstream, Spark, raw DuckDB and a loop written by hand side by side.",
        epilog=f"benchmarks:\n{letters}\n\nexit codes: 0 done, 1 a program failed, or a bar does not hold with --check",
    )
    parser.add_argument("letters", nargs="*", metavar="LETTER", help="which to run (default: all)")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="rounds of each (default 3)")
    parser.add_argument("--without-spark", action="store_true", help="leave Spark out (no pyspark, no Java)")
    parser.add_argument("--small", action="store_true", help="on the sample data: a quick look")
    parser.add_argument("--data", metavar="DIR", help="read the JSON files of this directory")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a bar does not hold")
    parser.add_argument("--write", action="store_true", help="put the figures into docs/benchmarks.md")
    return parser


def main(words: Sequence[str] | None = None) -> int:
    """Run the benchmarks that were asked for; return the exit code."""
    words = sys.argv[1:] if words is None else words
    parser = command_line()
    options = parser.parse_args(words)
    unknown = [letter for letter in options.letters if letter not in BENCHMARKS]
    if unknown:
        parser.error(f"there is no benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    data = input_directory(options.data, options.small)
    files, size = warm(data)
    described = f"{files} files of JSON lines, {size / 1e6:,.0f} MB"
    print(f"{described}; load {machine.load()}\n")
    if options.small:
        print("The bars are meant for the full set.\n")
    shown = " ".join("DIR" if word == options.data else word for word in words)
    sections = {}
    all_hold = True
    for letter in options.letters or BENCHMARKS:
        benchmark = BENCHMARKS[letter]
        about = (
            f"{datetime.date.today()}, commit {machine.commit(str(PROJECT))}, "
            f"load before {machine.load()}: `scripts/bench {shown}`"
        )
        try:
            results = run(benchmark, data, options.small, options.rounds, not options.without_spark, _tell)
        except ProgramFailed as error:
            print(error, file=sys.stderr)
            return 1
        verdicts = judge(benchmark, results)
        all_hold = all_hold and all(verdict.holds is not False for verdict in verdicts)
        sections[letter] = section(benchmark, results, verdicts, about)
        print(sections[letter], flush=True)
    if options.write:
        write(
            PROJECT / "docs" / "benchmarks.md",
            sections,
            machine.describe(not options.without_spark),
            described,
        )
    return 0 if all_hold or not options.check else 1


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    signal.signal(
        signal.SIGTERM, signal.default_int_handler
    )  # ends the program that runs, and what it started
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)

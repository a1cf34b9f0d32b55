"""Every documented example of Spark's functions, on both engines: the same, refused by name, or different.

    scripts/conformance                      # ask both engines, print the table by family
    scripts/conformance --write              # and write docs/conformance.md
    scripts/conformance --show different     # and the statements that differ, with both answers
    scripts/conformance --cached             # take Spark's answers from the last run (.data/), where they are there

The examples are not kept: they are read out of the running Spark (`DESCRIBE FUNCTION EXTENDED`), so that a new Spark
brings its own. `test_conformance.py` holds docs/conformance.md true.
"""

# ruff: noqa: E501
from __future__ import annotations

import argparse
import contextlib
import dataclasses
import datetime
import os
import pickle
import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from answers import REFUSED

from lightstream.parity.answers import Answer, columns_of, difference, failed, order, plain

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "conformance.md"
KEPT_ANSWERS = ROOT / ".data" / "conformance.pickle"
NOTE = "<!-- Written by scripts/conformance --write: change the code, not this page. -->"
ZONE = "America/Los_Angeles"  # the one of the documented results; it has summer time
VERDICTS = ("same", "refused", "different")


# ---- the examples ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Example:
    """A statement, the settings that the documentation makes before it, and whose example it is."""

    function: str
    family: str
    settings: tuple[tuple[str, str], ...]
    statement: str


def examples(spark: Any) -> list[Example]:
    """Return the examples of all built-in functions, as the running Spark describes them."""
    infos = spark._jvm.org.apache.spark.sql.api.python.PythonSQLUtils.listBuiltinFunctionInfos()
    families = {info.getName(): info.getGroup().removesuffix("_funcs") for info in infos}
    found = []
    for name in sorted(row[0] for row in spark.sql("SHOW SYSTEM FUNCTIONS").collect()):
        lines = [row[0] for row in spark.sql(f"DESCRIBE FUNCTION EXTENDED `{name}`").collect()]
        settings: dict[str, str] = {}
        for statement in statements("\n".join(lines)):
            setting = re.fullmatch(r"SET ([\w.]+)=(\w+)", statement)
            if setting:
                settings[setting[1]] = setting[2]
            else:
                found.append(
                    Example(name, families.get(name, "operators"), tuple(settings.items()), statement)
                )
    return list(dict.fromkeys(found))  # one is there twice


def statements(description: str) -> list[str]:
    """Return the statements of a description: from a line that begins with `>` to the semicolon at a line's end."""
    part = description.partition("Examples:\n")[2]
    return [text.strip() for text in re.findall(r"^ *> (.*?);\s*$", part, re.MULTILINE | re.DOTALL)]


# ---- what differs from run to run -----------------------------------------------------------------------------


def _now(value: Any) -> Any:
    """Return `now` or `today` for a time that is: it must come from the clock, in the session's zone."""
    from zoneinfo import ZoneInfo

    here = datetime.datetime.now(ZoneInfo(ZONE)).replace(tzinfo=None)
    match value:
        case datetime.datetime() if abs(value - here) < datetime.timedelta(minutes=5):
            return "now"
        case datetime.date() if (
            not isinstance(value, datetime.datetime) and abs(value - here.date()).days <= 1
        ):
            return "today"
        case datetime.time():
            return f"a time of {type(value).__name__}"
        case int() if abs(value - here.replace(tzinfo=ZoneInfo(ZONE)).timestamp()) < 300:
            return "now in seconds"
    return value


def _matching(pattern: str) -> Callable[[Any], Any]:
    return lambda value: (
        f"text like {pattern}" if isinstance(value, str) and re.fullmatch(pattern, value) else value
    )


def _between(low: float, high: float) -> Callable[[Any], Any]:
    return lambda value: (
        f"a {type(value).__name__} from {low} to {high}"
        if isinstance(value, int | float) and low <= value < high
        else value
    )


# What a statement calls to what its values become before they are compared: their type and their range.
RULES: tuple[tuple[str, Callable[[Any], Any]], ...] = (
    (r"uuid\(", _matching(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")),
    (r"(rand|random)\(", _between(0, 1)),
    (r"randn\(", _between(-10, 10)),
    (r"uniform\(10, 20", _between(10, 20)),
    (r"uniform\(", _between(0, 10)),
    (r"randstr\(3", _matching("[0-9A-Za-z]{3}")),
    # Of values that are equally frequent Spark takes any.
    (r"mode\(col, false\)", lambda value: "one of them" if value in (-10, 0, 10) else value),
    (r"shuffle\(", lambda value: sorted(value, key=repr) if isinstance(value, list) else value),
    (r"version\(\)", _matching(r"4\.\d+\.\d+ [0-9a-f]{40}")),
    (r"(current_date|curdate|current_timestamp|now|localtimestamp|current_time|localtime|unix_timestamp)\b", _now),
)  # fmt: skip


def settled(statement: str, rows: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return rows in which what chance or the clock gives is replaced by its type and range, by the rules."""
    for pattern, rule in RULES:
        if re.search(rf"\b{pattern}", statement):
            return tuple(tuple(map(rule, row)) for row in rows)
    return rows


# ---- asking ---------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def machine_in(zone: str) -> Iterator[None]:
    """Let this process be in a time zone: times reach Python in the machine's, which both engines take from it."""
    before = os.environ.get("TZ")
    try:
        os.environ["TZ"] = zone
        time.tzset()
        yield
    finally:
        os.environ.pop("TZ") if before is None else os.environ.__setitem__("TZ", before)
        time.tzset()


@machine_in(ZONE)
def ask(session: Any, example: Example) -> Answer:
    """Return what an engine answers to an example, under the settings that come before it."""
    zone = session.conf.get("spark.sql.session.timeZone")
    session.conf.set("spark.sql.session.timeZone", ZONE)
    try:
        for key, value in example.settings:  # one that is refused refuses what depends on it
            session.conf.set(key, value)
        frame = session.sql(example.statement)
        columns = columns_of(frame)
        if re.search(
            r"CalendarInterval|YearMonthInterval|Variant", str(columns)
        ):  # Python has no such values
            texts = frame.toDF(*(f"c{i}" for i in range(len(columns))))
            frame = texts.selectExpr(*(f"cast(c{i} as string)" for i in range(len(columns))))
        rows = [tuple(map(plain, row)) for row in frame.collect()]
        return Answer(columns, tuple(sorted(settled(example.statement, tuple(rows)), key=order)))
    except Exception as error:  # every engine's errors are what is compared
        return failed(error)
    finally:
        session.conf.set("spark.sql.session.timeZone", zone)
        for key, _ in example.settings:
            session.conf.unset(key)


def verdict(spark: Answer, ours: Answer) -> tuple[str, str]:
    """Return same, refused or different, and what there is to say about it."""
    if ours.error and ours.error[1] == REFUSED:
        return "refused", ours.text
    found = difference(_judged(spark), _judged(ours))
    return ("same", "") if found is None else ("different", found)


def _judged(answer: Answer) -> Answer:
    """Return an answer with what is compared of an error: its condition, or its class where it has none."""
    return replace(answer, error=answer.error and ("", answer.error[1] or answer.error[0]))


@dataclass(frozen=True, slots=True)
class Result:
    """An example with its verdict."""

    example: Example
    verdict: str
    detail: str


def compare(asked: Sequence[Example], answer_of: Callable[[Example], Answer], session: Any) -> list[Result]:
    """Return the verdict on each example: Spark's answers by a function, ours by asking a session."""
    results = []
    for example in asked:
        results.append(Result(example, *verdict(answer_of(example), ask(session, example))))
    return results


# ---- the page -------------------------------------------------------------------------------------------------


def counted(results: Iterable[Result], key: Callable[[Example], str]) -> dict[str, Counter[str]]:
    """Return how often each verdict fell, by function or by family."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for result in results:
        found[key(result.example)][result.verdict] += 1
    return dict(sorted(found.items()))


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def summary(results: Sequence[Result]) -> str:
    """Return the table by family, with a line of totals."""
    rows: list[list[object]] = []
    for family, counts in (
        *counted(results, lambda e: e.family).items(),
        ("**all**", Counter(r.verdict for r in results)),
    ):
        rows.append([family, counts.total(), *(counts[v] for v in VERDICTS)])
    return table(("family", "statements", *VERDICTS), rows)


def page(results: Sequence[Result], version: str) -> str:
    """Return docs/conformance.md."""
    by_function = counted(results, lambda e: e.function)
    rows = [
        [f"`{name}`".replace("|", "\\|"), *(c[v] or "" for v in VERDICTS)] for name, c in by_function.items()
    ]
    return "\n\n".join(
        (
            "# Conformance",
            NOTE,
            f"The examples that Spark {version} documents for its built-in functions (`DESCRIBE FUNCTION EXTENDED`), read from a "
            f"running Spark and run on both engines, in the time zone {ZONE}. A statement is the *same* when column names, "
            "types, nullability and rows are Spark's, or when both fail with the same error condition; *refused* when lightstream says "
            "that it does not support it; *different* otherwise. Doubles are equal when they differ by less than one part in "
            "10¹². What depends on chance or on the clock is compared by type and range.",
            "`scripts/conformance --show different` prints the statements. `parity_tests/test_conformance.py` fails when a "
            "function has become worse than this page says.",
            "## By family",
            summary(results),
            "## By function",
            table(("function", *VERDICTS), rows),
        )
    ) + "\n"  # fmt: skip


def read_page() -> dict[str, tuple[int, ...]]:
    """Return how many statements of each function the page calls same, refused and different."""
    text = PAGE.read_text(encoding="utf-8").partition("## By function")[2]
    lines = re.findall(r"^\| `(.+)` \| (\d*) \| (\d*) \| (\d*) \|$", text, re.MULTILINE)
    return {name.replace("\\|", "|"): tuple(int(n or 0) for n in numbers) for name, *numbers in lines}


# ---- the command ----------------------------------------------------------------------------------------------


def _start_spark() -> Any:
    from conftest import start_spark

    return start_spark(str(ROOT / ".data" / "warehouse"))


def _spark_answers(cached: bool) -> tuple[str, dict[Example, Answer]]:
    """Return Spark's version, examples and answers: of the last run when that is asked for and there was one."""
    if cached and KEPT_ANSWERS.exists():
        version, kept = pickle.loads(KEPT_ANSWERS.read_bytes())
        return version, {Example(*fields): Answer(*answer) for fields, answer in kept}
    spark = _start_spark()
    version, answers = str(spark.version), {example: ask(spark, example) for example in examples(spark)}
    spark.stop()
    KEPT_ANSWERS.parent.mkdir(exist_ok=True)
    KEPT_ANSWERS.write_bytes(pickle.dumps((version, [(_fields(e), _fields(a)) for e, a in answers.items()])))
    return version, answers


def _fields(data: Any) -> tuple[Any, ...]:
    """Return what a dataclass holds: this file is `__main__` in one process and a module in another."""
    return tuple(getattr(data, field.name) for field in dataclasses.fields(data))


def main() -> int:
    """Compare, print the table; write the page when asked to."""
    parser = argparse.ArgumentParser(
        prog="scripts/conformance", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--write", action="store_true", help="write docs/conformance.md")
    parser.add_argument("--cached", action="store_true", help="take Spark's answers from the last run")
    parser.add_argument("--show", choices=VERDICTS, action="append", default=[], help="print statements too")
    parser.add_argument("--only", default="", help="families or functions that match a regular expression")
    arguments = parser.parse_args()
    version, answers = _spark_answers(arguments.cached)
    wanted = re.compile(arguments.only)
    asked = [e for e in answers if wanted.search(e.family) or wanted.search(e.function)]
    from lightstream.sql import SparkSession

    results = compare(asked, answers.__getitem__, SparkSession.builder.create())
    for result in results:
        if result.verdict in arguments.show:
            print(f"{result.example.function}: {result.example.statement}\n{result.detail}\n")
    print(summary(results))
    if arguments.write and not arguments.only:
        PAGE.write_text(page(results, version), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

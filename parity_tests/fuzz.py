"""Queries drawn at random, on both engines: the same schema and rows, the same error, or refused by name.

    scripts/fuzz                      # 1,000 queries
    scripts/fuzz --queries 10000      # more
    scripts/fuzz --seed 7             # others
    scripts/fuzz --family dates       # expressions of one family of functions only
    scripts/fuzz --kind queries       # whole queries only (or expressions, or frames)

A difference is cut down to the least that still differs, and printed as SQL that runs on either engine.
"""

from __future__ import annotations

import argparse
import itertools
import math
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any

from answers import REFUSED
from fuzz_drawing import (
    FAMILIES,
    Drawer,
    Node,
    Query,
    Table,
    draw_query,
    draw_settings,
    draw_table,
    guarded,
    simpler,
    simpler_queries,
    with_expressions,
)
from fuzz_frames import frame_of
from fuzz_known import INEXACT, known_difference

from lightstream.parity.answers import Answer, columns_of, difference, failed, order, plain, same

KINDS = ("expressions", "queries", "frames")
_BATCH = 12
_MOST_TRIALS = 150
_LITERAL_ROWS = "org.apache.spark.sql.catalyst.optimizer.ConvertToLocalRelation"
_OPTIMIZER = "org.apache.spark.sql.catalyst.optimizer."
# What makes Spark leave out what need not be computed.
_LEAVING_OUT = ",".join(
    _OPTIMIZER + rule
    for rule in (
        "NullPropagation", "ConstantFolding", "ConstantPropagation", "FoldablePropagation", "SimplifyConditionals",
        "BooleanSimplification", "SimplifyBinaryComparison", "PruneFilters", "PropagateEmptyRelation",
        "EliminateWindowPartitions", "RemoveLiteralFromGroupExpressions", "PushFoldableIntoBranches",
        "ReplaceNullWithFalseInPredicate", "OptimizeIn", "InferFiltersFromConstraints", "PushDownPredicates",
        "ColumnPruning", "LikeSimplification", "OptimizeOneRowPlan", "EliminateLimits", "CombineFilters",
        "EliminateOuterJoin", "PushPredicateThroughNonJoin", "PushPredicateThroughJoin", "PushDownLeftSemiAntiJoin",
    )
)  # fmt: skip
_AS_IT_IS = {
    "spark.sql.adaptive.enabled": "true",
    "spark.sql.codegen.factoryMode": "FALLBACK",
    "spark.sql.codegen.wholeStage": "true",
    "spark.sql.optimizer.collapseProjectAlwaysInline": "false",
}
_INTERPRETED = {"spark.sql.codegen.factoryMode": "NO_CODEGEN", "spark.sql.codegen.wholeStage": "false"}
# Other ways to the same answer: literal rows while planning or not, no rules that leave out, no generated code.
_OTHERWISE = (
    {"spark.sql.optimizer.excludedRules": ""},
    {"spark.sql.optimizer.excludedRules": _LITERAL_ROWS},
    {
        "spark.sql.optimizer.excludedRules": f"{_LITERAL_ROWS},{_LEAVING_OUT}",
        "spark.sql.adaptive.enabled": "false",
    },
    {"spark.sql.optimizer.excludedRules": f"{_LITERAL_ROWS},{_LEAVING_OUT}", **_INTERPRETED},
    {"spark.sql.optimizer.excludedRules": _LEAVING_OUT},
    # What stands in a query below and is used twice is put in where it is used.
    {
        "spark.sql.optimizer.excludedRules": _LITERAL_ROWS,
        "spark.sql.optimizer.collapseProjectAlwaysInline": "true",
    },
)
# Python has no such values, or not all of them: they are compared as text.
_AS_TEXT = re.compile(r"Date|Timestamp|Interval|Time")


@dataclass(frozen=True, slots=True)
class Case:
    """Something to ask: an expression over `t`, a query, or a query by way of DataFrames."""

    kind: str
    what: Node | Query
    tables: tuple[Table, ...]
    settings: tuple[tuple[str, str], ...]

    @property
    def query(self) -> str:
        """The case as a query."""
        return f"select {self.what.sql} from t" if isinstance(self.what, Node) else self.what.sql

    def __str__(self) -> str:
        lines = [f"set {key} = {value};" for key, value in self.settings]
        used = [t for t in self.tables if t.name == "t" or re.search(rf"\b{t.name}\b", self.query)]
        lines += [f"{table.statement};" for table in used]
        return "\n".join(
            [*lines, self.query + ";" + ("  -- as a DataFrame" if self.kind == "frames" else "")]
        )


@dataclass(slots=True)
class Found:
    """A difference, cut down."""

    case: Case
    spark: Answer
    ours: Answer
    what: str
    seed: int

    def __str__(self) -> str:
        return f"-- seed {self.seed}\n{self.case}\n{self.what}\n"


@dataclass(slots=True)
class Tally:
    """What was compared."""

    compared: Counter[str] = field(default_factory=Counter)
    same: int = 0
    failed: int = 0
    refused: int = 0
    known: Counter[str] = field(default_factory=Counter)
    different: int = 0
    refusals: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        total = sum(self.compared.values())
        kinds = ", ".join(f"{count} {name}" for name, count in self.compared.items())
        return (
            f"{total} queries ({kinds}): {self.same} the same, {self.failed} of them errors; {self.refused} refused by "
            f"name, {sum(self.known.values())} known to differ, {self.different} different"
        )


# ---- asking -----------------------------------------------------------------------------------------------------


def _collected(frame: Any, ordered: bool) -> Answer:
    columns = columns_of(frame)
    if any(_AS_TEXT.search(kind) for _, kind, _ in columns):
        renamed = frame.toDF(*(f"c{i}" for i in range(len(columns))))
        frame = renamed.selectExpr(
            *(
                f"cast(c{i} as string) as c{i}" if _AS_TEXT.search(kind) else f"c{i}"
                for i, (_, kind, _) in enumerate(columns)
            )
        )
    rows = [tuple(map(plain, row)) for row in frame.collect()]
    return Answer(columns, tuple(rows if ordered else sorted(rows, key=order)))


class Engine:
    """One of the two engines, with the tables of a case."""

    def __init__(self, session: Any) -> None:
        self.session = session
        self.is_spark = type(session).__module__.startswith("pyspark")
        package = type(session).__module__.partition(".sql")[0]
        self.functions = import_module(f"{package}.sql.functions")
        self._made: dict[str, str] = {}
        self._otherwise = False

    def prepare(self, case: Case) -> None:
        """Make the tables and settings of a case."""
        for key, value in case.settings:
            self.session.conf.set(key, value)
        for key, value in _AS_IT_IS.items():
            if self.is_spark and self._otherwise:
                self.session.conf.set(key, value)
        self._otherwise = False
        if self.is_spark:
            # Spark computes expressions over literal rows while it plans, also those that nothing needs.
            rule = "" if case.kind == "expressions" else _LITERAL_ROWS
            self.session.conf.set("spark.sql.optimizer.excludedRules", rule)
        for table in case.tables:
            # A view keeps the settings with which it was made.
            made = f"{table.statement} {case.settings}"
            if self._made.get(table.name) != made:
                self.session.sql(table.statement)
                self._made[table.name] = made

    def ask(self, case: Case) -> Answer:
        """Return what the engine answers to a case."""
        try:
            self.prepare(case)
        except Exception as error:  # every engine's errors are what is compared
            return failed(error)
        return self._answer(case)

    def _answer(self, case: Case) -> Answer:
        try:
            if case.kind == "frames":
                assert isinstance(case.what, Query)
                frame = frame_of(case.what, self.session, self.functions)
            else:
                frame = self.session.sql(case.query)
            return _collected(frame, isinstance(case.what, Query) and bool(case.what.ordered))
        except Exception as error:  # every engine's errors are what is compared
            return failed(error)

    def ask_otherwise(self, case: Case) -> Iterator[Answer]:
        """Yield what Spark answers when it leaves out what need not be computed otherwise than it does."""
        for settings in _OTHERWISE:
            self.prepare(case)
            self._otherwise = True
            for key, value in settings.items():
                self.session.conf.set(key, value)
            yield self._answer(case)

    def ask_all(self, cases: Sequence[Case]) -> list[Answer]:
        """Return what the engine answers to expressions over one table; many go into one statement."""
        try:
            self.prepare(cases[0])
        except Exception as error:  # every engine's errors are what is compared
            return [failed(error)] * len(cases)
        answers: list[Answer] = []
        texts: list[str] = []
        for case in cases:
            try:
                columns = columns_of(self.session.sql(case.query))
                text = f"cast({case.what.sql} as string)" if _AS_TEXT.search(columns[0][1]) else case.what.sql
                texts.append(f"{text} as c{len(answers)}")
                answers.append(Answer(columns))
            except Exception as error:  # every engine's errors are what is compared
                answers.append(failed(error))
        try:
            rows = self.session.sql(f"select {', '.join([*texts, 'id'])} from t").collect()
            rows = [tuple(map(plain, row)) for row in rows]
            position = iter(range(len(texts)))
            for i, answer in enumerate(answers):
                if answer.error is None:
                    at = next(position)
                    answers[i] = Answer(
                        answer.columns, tuple(sorted(((row[at],) for row in rows), key=order))
                    )
            return answers
        except Exception:  # one of them fails
            return [
                self.ask(case) if answer.error is None else answer
                for case, answer in zip(cases, answers, strict=True)
            ]


# ---- comparing --------------------------------------------------------------------------------------------------


_DAY_TIME = re.compile(r"INTERVAL '(-?)(?:(\d+) )?(\d+):(\d+):(\d+(?:\.\d+)?)' DAY TO SECOND")
_DOUBLE = re.compile(r"-?\d+\.\d+(E-?\d+)?")
# Sums of doubles in another order: where the exact result is nothing, what is left has no digits to agree on.
_MOMENTS = re.compile(r"\b(regr_|corr|covar|std|var|skewness|kurtosis)")


def _alike(query: str, left: Any, right: Any) -> bool:
    """Tell whether values are the same but for digits that no two libraries of mathematics agree on."""
    if same(left, right):
        return True
    if isinstance(left, tuple | list) and isinstance(right, tuple | list) and len(left) == len(right):
        return all(_alike(query, a, b) for a, b in zip(left, right, strict=True))
    if isinstance(left, float) and isinstance(right, float):
        if "percentile_disc(" in query and left == right:  # one of two zeros that are equal in its order
            return True
        return bool(_MOMENTS.search(query)) and abs(left - right) < 1e-12
    if isinstance(left, str) and isinstance(right, str) and INEXACT.search(query):
        if _DOUBLE.fullmatch(left) and _DOUBLE.fullmatch(right):
            return math.isclose(float(left), float(right), rel_tol=1e-12)
        found = [_DAY_TIME.fullmatch(text) for text in (left, right)]
        seconds = [_seconds(match) for match in found if match is not None]
        return len(seconds) == 2 and math.isclose(*seconds, rel_tol=1e-12, abs_tol=2e-6)
    return False


def _seconds(match: re.Match[str]) -> float:
    sign, days, hours, minutes, seconds = match.groups()
    total = int(days or 0) * 86400 + int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    return -total if sign else total


def compare(spark: Answer, ours: Answer, query: str = "") -> str | None:
    """Say how two answers differ; None when they are the same, or ours is a refusal by name."""
    if ours.error and ours.error[1] == REFUSED:
        return None
    if spark.error and ours.error and spark.error[1] == ours.error[1]:
        return None  # the class follows from how a statement is run
    if spark.error and spark.error[0] == "Py4JJavaError":
        return None  # an internal error of Spark's
    found = difference(spark, ours)
    if found is not None and not spark.error and not ours.error and len(spark.rows) == len(ours.rows):
        # In an order by doubles, -0.0 and 0.0 are equal.
        left, right = (tuple(sorted(answer.rows, key=order)) for answer in (spark, ours))
        zeros = str(spark.rows).replace("-0.0", "0.0") == str(ours.rows).replace("-0.0", "0.0")
        if spark.columns == ours.columns and zeros and same(left, right):
            return None
        if spark.columns == ours.columns and _alike(query, spark.rows, ours.rows):
            return None
    return found


class Fuzzer:
    """Draws, compares, and cuts down what differs."""

    def __init__(
        self, spark: Any, ours: Any, family: str | None = None, kinds: Sequence[str] = KINDS
    ) -> None:
        self.spark, self.ours = Engine(spark), Engine(ours)
        self.family = family
        self.kinds = kinds
        self.tally = Tally()
        self._seen: Counter[tuple[str, ...]] = Counter()
        self._failures: Counter[tuple[str, ...]] = Counter()

    def run(self, seed: int) -> Iterator[Found]:
        """Draw tables and some seventy queries over them; yield what differs."""
        random = Random(seed)
        tables = (draw_table(random, "t"), draw_table(random, "u", "u_"))
        settings = tuple(draw_settings(random).items())
        if "expressions" in self.kinds:
            drawer = Drawer(random, tables[0].scope)
            pool = FAMILIES[self.family] if self.family else [t for f in FAMILIES.values() for t in f]
            nodes = [drawer.any(random.choice([1, 2, 2, 3]), pool) for _ in range(48)]
            cases = [Case("expressions", node, tables, settings) for node in nodes]
            for start in range(0, len(cases), _BATCH):
                batch = cases[start : start + _BATCH]
                pairs = zip(batch, self.spark.ask_all(batch), self.ours.ask_all(batch), strict=True)
                for case, *answers in pairs:
                    yield from self._judge(case, *answers, seed)
        for kind in ("queries", "frames"):
            for _ in range(12 if kind in self.kinds else 0):
                case = Case(kind, draw_query(random, *tables), tables, settings)
                yield from self._judge(case, self.spark.ask(case), self.ours.ask(case), seed)

    def _judge(self, case: Case, spark: Answer, ours: Answer, seed: int) -> Iterator[Found]:
        self.tally.compared[case.kind] += 1
        if compare(spark, ours, case.query) is None:
            if ours.error and ours.error[1] == REFUSED:
                self.tally.refused += 1
                self.tally.refusals[ours.text.splitlines()[0][:90]] += 1
                return
            self.tally.same += 1
            self.tally.failed += spark.error is not None
            return
        if self._another_error(case, spark, ours):
            self.tally.same += 1
            self.tally.failed += 1
            return
        mark = (str(spark.error), str(ours.error), re.sub(r"\d+", "", ours.text[:110]) if ours.error else "")
        self._failures[mark] += 1
        if mark[0] != mark[1] and self._failures[mark] > 4:  # it is printed already, most likely
            self.tally.different += 1
            return
        found = self._cut_down(case, seed)
        if found is None:  # it came with the others of its statement, and does not come again
            found = Found(case, spark, ours, compare(spark, ours) or "", seed)
        reason = self._reached_otherwise(found) or known_difference(found.case.query, found.spark, found.ours)
        if reason is None and self._fails_unneeded(found):
            reason = "what fails is a constant, or in rows, that the result does not need"
        if reason is None and self._fails_beside_null(found):
            reason = "what fails is computed beside a NULL, or not"
        if reason is not None:
            self.tally.known[reason] += 1
            return
        self.tally.different += 1
        mark = (str(sorted(found.case.what.calls)), str(found.spark.error), str(found.ours.error))
        self._seen[mark] += 1
        if self._seen[mark] <= 1:
            yield found

    def _another_error(self, case: Case, spark: Answer, ours: Answer) -> bool:
        """Tell whether both fail, here by another of the errors that the parts and rows of a case have in Spark."""
        if not spark.error or not ours.error:
            return False
        parts = [case.what] if isinstance(case.what, Node) else case.what.nodes
        seen = set()
        while parts:
            part = parts.pop()
            parts += part.children
            for row in range(len(case.tables[0].rows)):
                tables = (case.tables[0].only(row=row), *case.tables[1:])
                asked = Case("expressions", part, tables, case.settings)
                answer = self.spark.ask(asked)
                seen.add(answer.error and answer.error[1])
                if ours.error[1] in seen:
                    return True
                if len(seen) == 1 and answer.error is None:
                    continue
        # Of two errors in one text Spark tells one, and lightstream may tell the other.
        shorter = simpler_queries(case.what) if isinstance(case.what, Query) else ()
        for query in itertools.islice(shorter, 60):
            answer = self.spark.ask(replace(case, what=query))
            if answer.error and answer.error[1] == ours.error[1]:
                return True
        pairs = itertools.product(*(range(len(table.rows)) for table in case.tables))
        for rows in pairs if case.kind != "expressions" else ():
            tables = tuple(table.only(row=row) for table, row in zip(case.tables, rows, strict=True))
            answer = self.spark.ask(replace(case, tables=tables))
            if answer.error and answer.error[1] == ours.error[1]:
                return True
        return False

    def _reached_otherwise(self, found: Found) -> str | None:
        """Return a reason where one engine fails, and Spark itself answers as lightstream by another plan."""
        answers = (found.spark, found.ours)
        fails = any(answer.error and answer.error[0] != "AnalysisException" for answer in answers)
        if not fails and "levenshtein(" not in found.case.query:
            return None
        for other in self.spark.ask_otherwise(found.case):
            if compare(other, found.ours, found.case.query) is None:
                if fails:
                    return "what fails is reached by one of Spark's plans, and not by another"
                return "a limit of levenshtein that is NULL: Spark's interpreter takes it for 0, its code does not"
        return None

    def _fails_unneeded(self, found: Found) -> bool:
        """Tell whether Spark fails by a part that fails here, too, when it is asked for: a constant, or of no row."""
        error, ours = found.spark.error, found.ours
        if not error or error[0] == "AnalysisException" or ours.error:
            return False
        columns = {name for table in found.case.tables for name in table.scope}
        parts = [found.case.what] if isinstance(found.case.what, Node) else found.case.what.nodes
        while parts:
            part = parts.pop()
            parts = parts + part.children
            if ours.rows and columns & set(re.findall(r"\w+", part.sql)):
                continue
            alone = self.ours.ask(replace(found.case, kind="expressions", what=part))
            if alone.error and alone.error[1] in (error[1], REFUSED):
                return True
        return False

    def _fails_beside_null(self, found: Found) -> bool:
        """Tell whether the engine that fails answers as the other when it leaves out one argument beside a NULL."""
        failing = [
            bool(answer.error) and answer.error[0] != "AnalysisException"
            for answer in (found.spark, found.ours)
        ]
        if failing[0] == failing[1]:
            return False
        engine, wanted = (self.spark, found.ours) if failing[0] else (self.ours, found.spark)
        what = found.case.what
        others = guarded(what) if isinstance(what, Node) else with_expressions(what, guarded)
        for other in itertools.islice(others, 40):
            answer = engine.ask(replace(found.case, what=other))
            if not answer.error and difference(wanted, answer, names=False) is None:
                return True
        return False

    def _cut_down(self, case: Case, seed: int) -> Found | None:
        trials = 0
        best: Found | None = None

        def differs(tried: Case) -> bool:
            nonlocal trials, best
            trials += 1
            spark, ours = self.spark.ask(tried), self.ours.ask(tried)
            what = compare(spark, ours, tried.query)
            if what is None:
                return False
            if (
                spark.error
                and ours.error
                and best
                and (spark.error, ours.error) != (best.spark.error, best.ours.error)
            ):
                return False  # two errors in one text: which is told first is another matter
            best = Found(tried, spark, ours, what, seed)
            return True

        if not differs(case):
            return None
        progress = True
        while progress and trials < _MOST_TRIALS:
            progress = False
            what = case.what
            for other in simpler(what) if isinstance(what, Node) else simpler_queries(what):
                if trials >= _MOST_TRIALS:
                    break
                if len(other) <= len(what) and differs(Case(case.kind, other, case.tables, case.settings)):
                    case, progress = Case(case.kind, other, case.tables, case.settings), True
                    break
        for tables in self._smaller_tables(case):
            if differs(Case(case.kind, case.what, tables, case.settings)):
                case = Case(case.kind, case.what, tables, case.settings)
        for key, _ in case.settings:
            settings = tuple(
                (k, {"spark.sql.ansi.enabled": "true"}.get(k, "UTC") if k == key else v)
                for k, v in case.settings
            )
            if settings != case.settings and differs(Case(case.kind, case.what, case.tables, settings)):
                case = Case(case.kind, case.what, case.tables, settings)
        return best

    def _smaller_tables(self, case: Case) -> Iterator[tuple[Table, ...]]:
        used = set(re.findall(r"\w+", case.query))
        tables = tuple(table.only(used) for table in case.tables)
        yield tables
        for row in range(len(tables[0].rows)):
            yield (tables[0].only(row=row), *tables[1:])


# ---- the command ------------------------------------------------------------------------------------------------


def settled(session: Any) -> Any:
    """Return a session of Spark with what makes small queries fast; none of it changes an answer."""
    session.conf.set("spark.sql.shuffle.partitions", "1")
    session.conf.set("spark.sql.leafNodeDefaultParallelism", "1")
    return session


def main() -> int:
    """Compare, print what differs and the tally."""
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--queries", type=int, default=1000, help="how many (1000)")
    parser.add_argument("--seed", type=int, default=0, help="which (0)")
    parser.add_argument("--family", choices=list(FAMILIES), help="expressions of one family only")
    parser.add_argument("--kind", choices=KINDS, action="append", help="only these")
    parser.add_argument("--refusals", action="store_true", help="print what was refused, and how often")
    arguments = parser.parse_args()
    from conftest import start_spark

    from lightstream.sql import SparkSession

    root = Path(__file__).resolve().parent.parent
    spark = settled(start_spark(str(root / ".data" / "warehouse")))
    kinds = ("expressions",) if arguments.family else arguments.kind or KINDS
    fuzzer = Fuzzer(spark, SparkSession.builder.create(), arguments.family, kinds)
    started = time.monotonic()
    seed = arguments.seed
    while sum(fuzzer.tally.compared.values()) < arguments.queries:
        for found in fuzzer.run(seed):
            print(found, flush=True)
        seed += 1
    print(f"{fuzzer.tally}; seeds {arguments.seed} to {seed - 1}, {time.monotonic() - started:.0f} s")
    for reason, count in fuzzer.tally.known.most_common():
        print(f"  known: {count:5} {reason}")
    if arguments.refusals:
        for text, count in fuzzer.tally.refusals.most_common(60):
            print(f"  refused: {count:5} {text}")
    spark.stop()
    return 1 if fuzzer.tally.different else 0


if __name__ == "__main__":
    sys.exit(main())

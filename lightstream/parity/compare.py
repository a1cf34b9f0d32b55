"""Compares two recordings of one program: query by query, batch by batch, and result by result."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import field
from typing import Any

from lightstream.dataclass import dataclass
from lightstream.parity.answers import order, same
from lightstream.parity.recording import Batch, Columns, Failure, Ordering, Program, Query, Result, Row

SAME = "same"
DIFFERENT = "different"
NOT_COMPARED = "not compared"
_MOST_PAIRS = 1_000_000


@dataclass(frozen=True, slots=True)
class Difference:
    """Where two engines differ, as a small table: (what, Spark's, lightstream's), and how much more there is."""

    where: str
    cells: tuple[tuple[str, Any, Any], ...]
    more: str = ""

    def __str__(self) -> str:
        lines = [
            self.where,
            *(f"  {what}: Spark {spark}, lightstream {ours}" for what, spark, ours in self.cells),
        ]
        return "\n".join([*lines, *([self.more] if self.more else [])])


@dataclass(frozen=True, slots=True)
class Line:
    """What came of comparing one query, or the program's results."""

    name: str
    what: str
    verdict: str
    rows: int = 0
    note: str = ""


@dataclass(slots=True)
class Comparison:
    """All that was compared."""

    lines: list[Line] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)

    def add(self, found: Iterable[Difference]) -> bool:
        """Take in differences; return whether there are any."""
        before = len(self.differences)
        self.differences += found
        return len(self.differences) > before


def compare_programs(spark: Program, ours: Program) -> Comparison:
    """Return what came of comparing two runs of a program."""
    found = Comparison()
    for name in dict.fromkeys([*spark.queries, *ours.queries]):
        one, other = spark.queries.get(name), ours.queries.get(name)
        if one is None or other is None:
            there = "started" if one is not None else "not started"
            here = "started" if other is not None else "not started"
            found.differences.append(Difference(f"query {name}", (("", there, here),)))
            found.lines.append(Line(name, "", DIFFERENT))
            continue
        line, differences = compare_queries(one, other)
        found.lines.append(line)
        found.differences += differences
    _results(found, spark, ours)
    if (difference := _failures("the program", spark.failure, ours.failure)) is not None:
        # Where the programs end otherwise, what is missing follows from it.
        found.differences.insert(0, difference)
    ends = [str(run.failure or "no error") for run in (spark, ours)]
    found.lines.append(
        Line("the program", f"ended with {ends[0]}", DIFFERENT if difference is not None else SAME)
    )
    return found


# ---- queries --------------------------------------------------------------------------------------------------------


def compare_queries(spark: Query, ours: Query) -> tuple[Line, list[Difference]]:
    """Return what came of comparing a query.

    Batches of one id are compared as long as they read the same on both engines. Where batches were cut otherwise, what
    was written until both had read the same is compared instead.
    """
    where = f"query {spark.name}"
    what = f"{spark.sink}, {spark.mode}"
    if (spark.sink, spark.mode) != (ours.sink, ours.mode):
        cells = ("sink, output mode", what, f"{ours.sink}, {ours.mode}")
        return Line(spark.name, what, DIFFERENT), [Difference(where, (cells,))]
    failure = _failures(where, spark.failure, ours.failure)
    if spark.columns != ours.columns:
        # A query that fails early has no columns.
        columns = _columns(where, spark.columns, ours.columns)
        return Line(spark.name, what, DIFFERENT), [columns if failure is None else failure]
    compared = rows = 0
    differences: list[Difference] = []
    notes: list[str] = []
    ids = sorted(spark.batches.keys() & ours.batches.keys())
    for batch_id in ids:
        left, right = spark.batches[batch_id], ours.batches[batch_id]
        if sorted(left.reads) != sorted(right.reads):
            break
        at = f"{where}, batch {batch_id}"
        difference = compare_rows(at, spark.columns, left.rows, right.rows, ours.ordering)
        difference = difference or _numbers(
            at, spark.numbers.get(batch_id), ours.numbers.get(batch_id), ours.ordering is not None
        )
        if difference is not None:
            differences.append(difference)
        compared += 1
        rows += len(left.rows)
    most = max(len(spark.batches), len(ours.batches))
    batches = f"{compared} batches" if compared == most else f"{compared} of {most} batches"
    checked = False
    if compared < len(ids):
        checked, difference = _until_both_read_the_same(where, spark, ours)
        differences += [difference] if difference is not None else []
        batches += ", and what was written in all" if checked else ""
        notes.append(f"other files from batch {ids[compared]} on" + ("" if checked else ", not compared"))
    elif len(spark.batches) != len(ours.batches):
        notes.append(
            f"Spark had run {len(spark.batches)} batches when it ended, lightstream {len(ours.batches)}"
        )
    if not spark.rows_known:
        notes.append("Spark does not tell its rows")
    if failure is not None:
        differences.insert(0, failure)
    elif spark.failure is not None:
        notes.append(f"both fail: {spark.failure}")
    verdict = SAME if compared or checked or not most else NOT_COMPARED
    return Line(
        spark.name, f"{what}, {batches}", DIFFERENT if differences else verdict, rows, "; ".join(notes)
    ), differences


def _until_both_read_the_same(where: str, spark: Query, ours: Query) -> tuple[bool, Difference | None]:
    """Compare what was written until the last point at which both had read the same; return whether there is one."""
    if spark.mode == "update":
        return False, None  # which rows are newer is known to those who know the keys
    ends = {tuple(sorted(taken)): batch_id for batch_id, taken in _taken(spark.batches)}
    found = [
        (ends[key], mine) for mine, taken in _taken(ours.batches) if (key := tuple(sorted(taken))) in ends
    ]
    if not found:
        return False, None
    theirs, mine = found[-1]

    def written(batches: dict[int, Batch], last: int) -> list[Row]:
        if spark.mode == "complete":
            return batches[last].rows
        return [row for batch_id in sorted(batches) if batch_id <= last for row in batches[batch_id].rows]

    at = f"{where}, after batch {theirs} of Spark and {mine} of lightstream"
    ordering = ours.ordering if spark.mode == "complete" else None
    left, right = written(spark.batches, theirs), written(ours.batches, mine)
    return True, compare_rows(at, spark.columns, left, right, ordering)


def _taken(batches: dict[int, Batch]) -> Iterable[tuple[int, list[str]]]:
    """Return for each batch what was read up to its end; how far another source than files is, is told by its last."""
    files: list[str] = []
    for batch_id in sorted(batches):
        files = files + list(batches[batch_id].reads)
        yield batch_id, files


def _numbers(
    at: str,
    spark: tuple[int, tuple[int, ...]] | None,
    ours: tuple[int, tuple[int, ...]] | None,
    sorts: bool,
) -> Difference | None:
    if spark is None or ours is None:  # stopped before it was reported
        return None
    cells: list[tuple[str, Any, Any]] = []
    if spark[0] != ours[0]:
        cells.append(("numInputRows", spark[0], ours[0]))
    # To sort, Spark looks at its rows twice, and then counts those of the state twice.
    if spark[1] != ours[1] and not sorts:
        cells.append(("numRowsTotal of the state", list(spark[1]), list(ours[1])))
    return Difference(at, tuple(cells)) if cells else None


def _failures(where: str, spark: Failure | None, ours: Failure | None) -> Difference | None:
    if spark is None and ours is None:
        return None
    if spark is not None and ours is not None and spark.same(ours):
        return None
    there, here = [str(one) if one is not None else "no error" for one in (spark, ours)]
    text, mine = [one.text.partition("\n")[0] if one is not None else "" for one in (spark, ours)]
    return Difference(where, (("error", there, here), ("its text", text, mine)))


# ---- results --------------------------------------------------------------------------------------------------------


def _results(found: Comparison, spark: Program, ours: Program) -> None:
    sides = [_by_label(run.results) for run in (spark, ours)]
    compared = rows = 0
    skipped: dict[str, int] = defaultdict(int)
    differences: list[Difference] = []
    # A program that has failed on one side asks for nothing more there.
    failed = spark.failure is not None or ours.failure is not None
    for label in dict.fromkeys([*sides[0], *sides[1]]):
        left, right = sides[0].get(label, []), sides[1].get(label, [])
        if not failed and (not left or not right):
            there, here = ["asked for" if side else "not asked for" for side in (left, right)]
            differences.append(Difference(label, (("", there, here),)))
        for one, other in zip(left, right, strict=False):
            if not _of_one_state(one, other, spark, ours):
                skipped["read what a stream was changing"] += 1
                continue
            difference, vague = compare_results(one, other)
            differences += [difference] if difference is not None else []
            if vague is not None and difference is None:
                skipped[f"compared in schema and number of rows only: {vague}"] += 1
            compared += 1
            rows += len(one.rows)
        if left and right and len(left) != len(right):
            skipped["asked for on one engine more often"] += abs(len(left) - len(right))
    most = max(len(spark.results), len(ours.results))
    if most or differences:
        note = "; ".join(f"{count} {why}" for why, count in skipped.items())
        verdict = DIFFERENT if differences else SAME if compared else NOT_COMPARED
        found.lines.append(
            Line("results", f"{compared} of {most} that the program asks for", verdict, rows, note)
        )
    found.differences += differences


def _by_label(results: Iterable[Result]) -> dict[str, list[Result]]:
    grouped: dict[str, list[Result]] = defaultdict(list)
    for result in results:
        grouped[result.label].append(result)
    return grouped


def _of_one_state(one: Result, other: Result, spark: Program, ours: Program) -> bool:
    """Tell whether the tables that streams write to had taken in the same when two results were made."""
    if one.seen is None or other.seen is None or one.seen.keys() != other.seen.keys():
        return False
    for name in one.seen:
        state = [
            _state(run.queries.get(name), result.seen[name])
            for run, result in ((spark, one), (ours, other))
            if result.seen is not None
        ]
        if state[0] != state[1]:
            return False
    return True


def _state(query: Query | None, batches: int) -> Any:
    if query is None:
        return None
    taken = [sorted(query.batches[i].reads) for i in sorted(query.batches) if i < batches]
    # What rows of an update there are depends on each batch, all else on all of them.
    return taken if query.mode == "update" else sorted(path for reads in taken for path in reads)


def compare_results(spark: Result, ours: Result) -> tuple[Difference | None, str | None]:
    """Return the difference of two results, and why their rows were not compared, when they were not."""
    where = spark.label
    if (failure := _failures(where, spark.failure, ours.failure)) is not None:
        return failure, None
    if spark.columns != ours.columns:
        return _columns(where, spark.columns or (), ours.columns or ()), None
    left, right, limit, ordering, vague = spark.rows, ours.rows, spark.limit, ours.ordering, ours.vague
    truncated = limit is not None and max(len(left), len(right)) >= limit
    if limit is not None and len(left) == len(right) and where.startswith("show") and len(left) <= limit:
        truncated = False  # it asks for one more, and there is none
    if truncated and vague is None:
        if ordering is None:
            vague = "without ORDER BY, any rows are right"
        elif ordering.keys is None:
            vague = "it is ordered by what it does not show"
        elif len(left) == len(right) and left:
            # Rows that are equal to the last in the order could as well be others.
            left, right = ([r for r in side if _differ(r, side[-1], ordering.keys)] for side in (left, right))
    if vague is not None:
        if len(spark.rows) != len(ours.rows) and "random" not in vague:
            return Difference(where, (("number of rows", len(spark.rows), len(ours.rows)),)), None
        return None, vague
    return compare_rows(where, spark.columns or (), left, right, ordering), None


# ---- rows -----------------------------------------------------------------------------------------------------------


def compare_rows(
    where: str, columns: Columns, spark: Sequence[Row], ours: Sequence[Row], ordering: Ordering | None
) -> Difference | None:
    """Return how two lists of rows differ; the order counts where it is fixed.

    Doubles may differ in their last digits (`same`).
    """
    theirs, mine = _apart(spark, ours)
    names = [column[0] for column in columns] or ["value"]
    if theirs or mine:
        more = _more(spark, ours, theirs, mine)
        if not theirs or not mine:
            there, here = ("", "no such row") if theirs else ("no such row", "")
            row = (theirs or mine)[0]
            values = [(n, *((v, "") if theirs else ("", v))) for n, v in _named(names, row)]
            return Difference(where, (("row", there or "has", here or "has"), *values), more)
        one, other = _nearest(theirs, mine)
        pairs = [
            (name, a, b) for (name, a), (_, b) in zip(_named(names, one), _named(names, other), strict=False)
        ]
        # Equal cells tell which row it is.
        return Difference(where, tuple(pairs), more)
    if ordering is not None and ordering.keys is not None:
        for position, (one, other) in enumerate(zip(spark, ours, strict=True)):
            if _differ(one, other, ordering.keys):
                pairs = [(names[k], one[k], other[k]) for k in ordering.keys]
                return Difference(f"{where}, order of rows, row {position + 1}", tuple(pairs))
    return None


def _differ(one: Row, other: Row, keys: Sequence[int]) -> bool:
    return not all(same(one[key], other[key]) for key in keys)


def _named(names: Sequence[str], row: Row) -> list[tuple[str, Any]]:
    return list(zip(names, row, strict=False))


def _apart(spark: Sequence[Row], ours: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """Return the rows that only one side has."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in ours:
        groups[order(row)].append(row)
    theirs = []
    for row in spark:
        group = groups.get(order(row), ())
        for position, candidate in enumerate(group):
            if same(row, candidate):
                del group[position]  # type: ignore[union-attr]
                break
        else:
            theirs.append(row)
    mine = [row for group in groups.values() for row in group]
    if theirs and mine and len(theirs) * len(mine) <= _MOST_PAIRS:
        # `order` rounds doubles: two that are the same can stand on two sides of a border.
        for row in list(theirs):
            match = next((i for i, candidate in enumerate(mine) if same(row, candidate)), None)
            if match is not None:
                theirs.remove(row)
                del mine[match]
    return theirs, mine


def _nearest(theirs: list[Row], mine: list[Row]) -> tuple[Row, Row]:
    """Return a row of Spark's and the most similar one of lightstream's."""
    one = theirs[0]
    return one, max(mine[:1000], key=lambda row: sum(map(same, one, row)))


def _more(spark: Sequence[Row], ours: Sequence[Row], theirs: list[Row], mine: list[Row]) -> str:
    if len(spark) != len(ours):
        return (
            f"rows of Spark: {len(spark):,}, of lightstream: {len(ours):,}; "
            f"only in Spark's: {len(theirs):,}, only in lightstream's: {len(mine):,}"
        )
    return f"{len(theirs):,} of {len(spark):,} rows differ"


def _columns(where: str, spark: Columns, ours: Columns) -> Difference:
    cells = []
    for position in range(max(len(spark), len(ours))):
        pair = [
            _column(side[position]) if position < len(side) else "no such column" for side in (spark, ours)
        ]
        if pair[0] != pair[1]:
            cells.append((f"column {position + 1}", *pair))
    return Difference(f"{where}, schema", tuple(cells))  # type: ignore[arg-type]


def _column(column: tuple[str, str, bool | None]) -> str:
    name, kind, nullable = column
    return f"{name} {kind}" + (" not null" if nullable is False else "")

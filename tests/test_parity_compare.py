"""What counts as a difference between two recordings, and how it is shown."""

from __future__ import annotations

import io
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from rich.console import Console

from lightstream.parity.compare import (
    DIFFERENT,
    NOT_COMPARED,
    SAME,
    Comparison,
    compare_programs,
    compare_queries,
    compare_results,
    compare_rows,
)
from lightstream.parity.recording import Batch, Failure, Ordering, Program, Query, Recording, Result, read
from lightstream.parity.report import print_comparison, text_of

COLUMNS = (("k", "StringType()", True), ("n", "LongType()", False))


def query(*batches: tuple[Any, list[Any]], mode: str = "append", **more: Any) -> Query:
    """A query whose batches read the files of a text, one letter a file, and give rows."""
    made = {i: Batch(tuple(files), rows) for i, (files, rows) in enumerate(batches)}
    return Query("counts", "memory", mode, COLUMNS, batches=made, **more)


def result(rows: list[Any], label: str = "collect() in app.py:3", **more: Any) -> Result:
    return Result(label, COLUMNS, rows, **more)


# ---- rows -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spark", "ours"),
    [
        ([("a", 1), ("b", 2)], [("b", 2), ("a", 1)]),
        ([(0.1 + 0.2,)], [(0.3,)]),
        ([(1.00000000005,), (0.99999999995,)], [(0.99999999995,), (1.00000000005,)]),
        ([(float("nan"),), (None,)], [(None,), (float("nan"),)]),
        ([("a", [1, ("row", ("x",), (0.3,))])], [("a", [1, ("row", ("x",), (0.1 + 0.2,))])]),
        ([], []),
    ],
)
def test_rows_that_are_the_same(spark: list[Any], ours: list[Any]) -> None:
    assert compare_rows("here", (), spark, ours, None) is None


@pytest.mark.parametrize(
    ("spark", "ours"),
    [
        ([(1,)], [(1.0,)]),
        ([(1,)], [(True,)]),
        ([(0.0,)], [(-0.0,)]),
        ([(1.0,)], [(1.0 + 1e-11,)]),
        ([(Decimal("1.0"),)], [("1.0",)]),
        ([("a",)], [("a",), ("a",)]),
        ([("a",), ("a",), ("b",)], [("a",), ("b",), ("b",)]),
        ([(None,)], [("",)]),
    ],
)
def test_rows_that_differ(spark: list[Any], ours: list[Any]) -> None:
    assert compare_rows("here", (), spark, ours, None) is not None
    assert compare_rows("here", (), ours, spark, None) is not None


def test_the_most_similar_row_is_shown_beside() -> None:
    spark = [("a", 1), ("b", 2), ("c", 3)]
    found = compare_rows("query counts, batch 2", COLUMNS, spark, [("c", 4), ("a", 1), ("b", 2)], None)
    assert found is not None
    assert found.cells == (("k", "c", "c"), ("n", 3, 4))
    assert found.more == "1 of 3 rows differ"
    missing = compare_rows("there", COLUMNS, spark, spark[:2], None)
    assert missing is not None
    assert missing.cells == (("row", "has", "no such row"), ("k", "c", ""), ("n", 3, ""))
    assert missing.more == "rows of Spark: 3, of lightstream: 2; only in Spark's: 1, only in lightstream's: 0"


def test_the_order_counts_where_it_is_fixed() -> None:
    up, down = [("a", 1), ("b", 1), ("c", 2)], [("c", 2), ("a", 1), ("b", 1)]
    by_number = Ordering((1,))
    assert compare_rows("x", COLUMNS, up, down, None) is None
    assert compare_rows("x", COLUMNS, up, down, Ordering(None)) is None
    found = compare_rows("x", COLUMNS, up, down, by_number)
    assert found is not None
    assert found.where == "x, order of rows, row 1"
    assert found.cells == (("n", 1, 2),)
    # Rows that the order does not tell apart may stand as they like.
    assert compare_rows("x", COLUMNS, up, [("b", 1), ("a", 1), ("c", 2)], by_number) is None


# ---- queries --------------------------------------------------------------------------------------------------------

FIRST, SECOND, THIRD = [("a", 1)], [("b", 2)], [("c", 3)]


def test_a_query_that_is_the_same() -> None:
    spark = query(("x", FIRST), ("y", SECOND), numbers={0: (1, (1,)), 1: (1, (2,))})
    line, differences = compare_queries(spark, spark)
    assert differences == []
    assert (line.verdict, line.what, line.rows, line.note) == (SAME, "memory, append, 2 batches", 2, "")


def test_the_batch_and_the_row_that_differ_are_named() -> None:
    line, differences = compare_queries(
        query(("x", FIRST), ("y", SECOND)), query(("x", FIRST), ("y", [("b", 9)]))
    )
    assert line.verdict == DIFFERENT
    (found,) = differences
    assert (found.where, found.cells) == ("query counts, batch 1", (("k", "b", "b"), ("n", 2, 9)))


@pytest.mark.parametrize(
    ("change", "where", "cells"),
    [
        ({"numbers": {0: (2, (1,))}}, "query counts, batch 0", (("numInputRows", 1, 2),)),
        ({"numbers": {0: (1, (3,))}}, "query counts, batch 0", (("numRowsTotal of the state", [1], [3]),)),
        (
            {"columns": (("k", "StringType()", False),)},
            "query counts, schema",
            (("column 1", "k StringType()", "k StringType() not null"),),
        ),
        ({"mode": "update"}, "query counts", (("sink, output mode", "memory, append", "memory, update"),)),
        (
            {"failure": Failure("ValueError", None, "mine\nand more")},
            "query counts",
            (("error", "no error", "ValueError"), ("its text", "", "mine")),
        ),
    ],
)
def test_what_else_differs(change: dict[str, Any], where: str, cells: Any) -> None:
    spark = replace(query(("x", FIRST), numbers={0: (1, (1,))}), columns=(("k", "StringType()", True),))
    _, (found,) = compare_queries(spark, replace(spark, **change))
    assert (found.where, found.cells) == (where, cells)


def test_the_state_of_a_query_that_sorts_is_not_compared() -> None:
    spark, ours = query(("x", FIRST), numbers={0: (1, (2,))}), query(("x", FIRST), numbers={0: (1, (1,))})
    assert compare_queries(spark, ours)[1]
    ours.ordering = Ordering((0,))
    assert compare_queries(spark, ours)[1] == []


def test_the_same_error_is_no_difference() -> None:
    spark = query(failure=Failure(None, "CAST_INVALID_INPUT", "one text"))
    ours = query(failure=Failure("NumberFormatException", "CAST_INVALID_INPUT", "another"))
    line, differences = compare_queries(spark, ours)
    assert (line.verdict, line.note, differences) == (SAME, "both fail: [CAST_INVALID_INPUT]", [])
    other = query(failure=Failure("NumberFormatException", "CAST_OVERFLOW", "another"))
    assert compare_queries(spark, other)[0].verdict == DIFFERENT


def test_a_query_that_ran_longer_is_compared_as_far_as_both_ran() -> None:
    line, differences = compare_queries(query(("x", FIRST), ("y", SECOND)), query(("x", FIRST)))
    assert (line.verdict, line.what, differences) == (SAME, "memory, append, 1 of 2 batches", [])
    assert line.note == "Spark had run 2 batches when it ended, lightstream 1"
    assert compare_queries(query(("x", FIRST)), query())[0].verdict == NOT_COMPARED
    assert compare_queries(query(), query())[0].verdict == SAME


@pytest.mark.parametrize("mode", ["append", "complete"])
def test_batches_that_were_cut_otherwise_are_compared_where_both_had_read_the_same(mode: str) -> None:
    two = FIRST + SECOND if mode == "complete" else SECOND
    spark = query(("x", FIRST), ("y", two), ("z", THIRD), mode=mode)
    ours = query(("xy", FIRST + SECOND), mode=mode)
    line, differences = compare_queries(spark, ours)
    assert (line.verdict, differences) == (SAME, [])
    assert line.what == f"memory, {mode}, 0 of 3 batches, and what was written in all"
    assert line.note == "other files from batch 0 on"
    ours.batches[0] = Batch(("x", "y"), [("a", 1), ("b", 3)])
    _, (found,) = compare_queries(spark, ours)
    assert found.where == "query counts, after batch 1 of Spark and 0 of lightstream"


def test_updates_of_other_batches_are_not_compared() -> None:
    line, differences = compare_queries(
        query(("x", FIRST), ("y", SECOND), mode="update"), query(("xy", FIRST + THIRD), mode="update")
    )
    assert (line.verdict, differences) == (NOT_COMPARED, [])
    assert line.note == "other files from batch 0 on, not compared"


# ---- results --------------------------------------------------------------------------------------------------------


def test_results_that_show_some_rows_of_many() -> None:
    spark, ours = result([("a", 1)], limit=1), result([("b", 2)], limit=1)
    difference, vague = compare_results(spark, ours)
    assert (difference, vague) == (None, "without ORDER BY, any rows are right")
    # Fewer than it wants are all.
    found, _ = compare_results(replace(spark, limit=2), replace(ours, limit=2))
    assert found is not None
    found, _ = compare_results(spark, replace(ours, rows=[]))
    assert found is not None
    assert found.cells == (("number of rows", 1, 0),)


def test_show_knows_whether_there_is_more() -> None:
    label = "show() in app.py:3"
    found, _ = compare_results(result(FIRST, label, limit=1), result(SECOND, label, limit=1))
    assert found is not None
    both = FIRST + SECOND
    found, vague = compare_results(result(both, label, limit=1), result(SECOND + FIRST, label, limit=1))
    assert (found, vague) == (None, "without ORDER BY, any rows are right")


def test_the_first_rows_of_an_order() -> None:
    ordering = Ordering((1,))
    spark = result([("a", 1), ("b", 2)], limit=2)
    # Of several rows that are equal in the order, any may be the last.
    other_last = result([("a", 1), ("c", 2)], limit=2, ordering=ordering)
    assert compare_results(spark, other_last) == (None, None)
    other_first = result([("x", 1), ("b", 2)], limit=2, ordering=ordering)
    found, _ = compare_results(spark, other_first)
    assert found is not None


def program(*results: Result, failure: Failure | None = None, **queries: Query) -> Program:
    return Program({q.name: q for q in queries.values()}, list(results), failure, True)


def test_results_are_compared_where_streams_had_read_the_same() -> None:
    spark_query, our_query = query(("x", FIRST), ("y", SECOND)), query(("xy", FIRST + SECOND))
    spark = program(
        result(FIRST, seen={"counts": 1}), result(FIRST + SECOND, seen={"counts": 2}), q=spark_query
    )
    ours = program(result([], seen={"counts": 0}), result(FIRST + THIRD, seen={"counts": 1}), q=our_query)
    found = compare_programs(spark, ours)
    assert [difference.where for difference in found.differences] == ["collect() in app.py:3"]
    line = found.lines[1]
    assert (line.name, line.what) == ("results", "1 of 2 that the program asks for")
    assert line.note == "1 read what a stream was changing"


def test_a_result_that_only_one_engine_is_asked_for() -> None:
    found = compare_programs(program(result(FIRST)), program())
    assert [d.cells for d in found.differences] == [(("", "asked for", "not asked for"),)]


def test_programs_that_end_otherwise() -> None:
    found = compare_programs(
        program(result(FIRST), q=query()), program(failure=Failure("ValueError", None, "no"))
    )
    assert found.differences[0].cells[0] == ("error", "no error", "ValueError")
    assert [d.where for d in found.differences] == ["the program", "query counts"]
    same_end = program(failure=Failure("ValueError", None, "no"))
    assert compare_programs(same_end, program(failure=Failure("ValueError", None, "other"))).differences == []


# ---- what is taken down, and shown ----------------------------------------------------------------------------------


def test_what_a_killed_program_told_can_be_read(tmp_path: Any) -> None:
    recording = Recording(str(tmp_path / "recording"))
    recording.tell("query", query())
    recording.tell("batch", "counts", 0, Batch(("x",), FIRST))
    content = (tmp_path / "recording").read_bytes()
    recording.tell("ended")
    assert read(str(tmp_path / "recording")).ended
    (tmp_path / "half").write_bytes(content[:-5])
    half = read(str(tmp_path / "half"))
    assert (list(half.queries), half.queries["counts"].batches, half.ended) == (["counts"], {}, False)


def test_the_report() -> None:
    found = Comparison()
    line, differences = compare_queries(
        query(("x", FIRST), ("y", SECOND)), query(("x", FIRST), ("y", [("b", None)]))
    )
    found.lines.append(line)
    found.differences = differences * 3
    out = io.StringIO()
    print_comparison(Console(file=out, width=100, color_system=None), found)
    text = out.getvalue()
    assert "counts   memory, append, 2 batches      2   different" in text
    assert "The first difference: query counts, batch 1" in text
    assert "│ n │ 2     │ NULL        │" in text
    assert "1 of 1 rows differ" in text
    assert "2 more differences." in text


def test_wide_rows_show_what_differs() -> None:
    columns = tuple((f"c{i}", "LongType()", True) for i in range(40))
    row = tuple(range(40))
    found = compare_rows("here", columns, [row], [(*row[:33], -1, *row[34:])], None)
    assert found is not None
    text = text_of(found)
    assert "c33" in text
    assert "c0 " in text
    assert len(text.splitlines()) < 20

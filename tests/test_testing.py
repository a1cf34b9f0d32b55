"""`lightstream.testing`: queries run step by step."""

from __future__ import annotations

import datetime
import os
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lightstream.sql import SparkSession
from lightstream.sql import functions as F
from lightstream.testing import StreamTest, expect_failure, memory_stream

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def spark() -> Iterator[Any]:
    session = SparkSession.builder.create()
    session.conf.set("spark.sql.session.timeZone", "UTC")
    yield session
    session.stop()


EXAMPLES = {
    name: function
    for name, function in runpy.run_path(str(ROOT / "docs" / "examples" / "test_steps.py")).items()
    if name.startswith("test_")
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_example(name: str) -> None:
    EXAMPLES[name]()


def test_the_page() -> None:
    text = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
    code = text.partition("```python\n")[2].partition("```")[0]
    names: dict[str, Any] = {}
    exec(code, names)
    names["test_totals"]()


def test_rows_of_every_form(spark: Any) -> None:
    import polars

    stream = memory_stream("a int, b string, c struct<x:int,y:array<double>>, d timestamp", spark)
    moment = datetime.datetime(2025, 1, 1, 12)
    with StreamTest(stream.df) as test:
        stream.add_data((1, "one", (1, [0.5]), moment), {"a": 2, "d": None})
        test.run_batch()
        test.check_last_batch((1, "one", {"x": 1, "y": [0.5]}, moment), {"a": 2})
        stream.add_data(polars.DataFrame({"a": [3], "b": ["x"], "c": [None], "d": [None]}))
        stream.add_data()
        test.run_batch()
        test.check_last_batch((3, "x", None, None))
        assert test.rows.get_column("a").to_list() == [1, 2, 3]
        assert test.last_progress.numInputRows == 1
    assert spark.streams.active == []


def test_a_column_of_a_batch_query(spark: Any) -> None:
    stream = memory_stream("n int", spark)
    with StreamTest(stream.df.where("n > 1").select((F.col("n") * 2).alias("m"))) as test:
        stream.add_data(1, 2, 3)
        assert test.process_all_available() == 1
        test.check_answer(4, 6)
        assert test.last_batch.columns == ["m"]


@pytest.mark.parametrize("rows", [[(1,)], [(1,), (2,), (2,)], [(1,), (3,)], []])
def test_what_differs_is_told(spark: Any, rows: list[Any]) -> None:
    stream = memory_stream("n int", spark)
    with StreamTest(stream.df) as test:
        stream.add_data(1, 2)
        test.run_batch()
        with pytest.raises(AssertionError, match="The rows differ"):
            test.check_answer(*rows)
        with pytest.raises(AssertionError, match="no columns m"):
            test.check_answer({"m": 1})


def test_there_is_no_batch_to_run(spark: Any) -> None:
    stream = memory_stream("n int", spark)
    with StreamTest(stream.df) as test:
        with pytest.raises(AssertionError, match="no batch to run"):
            test.run_batch()
        with pytest.raises(AssertionError, match="No batch has run"):
            test.check_last_batch()
        test.stop_stream()
        with pytest.raises(AssertionError, match="start it first"):
            test.run_batch()


def test_failures(spark: Any) -> None:
    stream = memory_stream("n int", spark)
    with expect_failure("STREAMING_OUTPUT_MODE.UNSUPPORTED_OPERATION"):
        StreamTest(stream.df, "complete")
    with pytest.raises(AssertionError, match="not DIVIDE_BY_ZERO"), expect_failure("DIVIDE_BY_ZERO"):
        StreamTest(stream.df, "complete")
    with pytest.raises(AssertionError, match="Nothing failed"), expect_failure("DIVIDE_BY_ZERO"):
        pass
    with StreamTest(stream.df.selectExpr("1 / n")) as test:
        stream.add_data(0)
        for _ in range(2):
            with expect_failure("DIVIDE_BY_ZERO"):
                test.run_batch()
        test.start_stream(stream.df)
        test.run_batch()
        test.check_answer(0)


def test_a_changed_query_over_the_checkpoint(spark: Any, tmp_path: Path) -> None:
    stream = memory_stream("k string, n int", spark)
    with StreamTest(stream.df.groupBy("k").count(), "update", checkpoint=str(tmp_path)) as test:
        stream.add_data(("a", 1), ("b", 2))
        test.run_batch()
        test.restart(stream.df.where("n > 1").groupBy("k").count())
        stream.add_data(("a", 1), ("b", 2))
        test.run_batch()
        test.check_last_batch(("b", 2))
        with expect_failure("STATE_STORE_KEY_SCHEMA_NOT_COMPATIBLE"):
            test.restart(stream.df.groupBy("n").count())
        assert not [query for query in spark.streams.active if query.isActive]
    assert os.path.exists(tmp_path / "commits" / "1")


def test_a_batch_that_was_not_committed_is_run_again(spark: Any, tmp_path: Path) -> None:
    stream = memory_stream("n int", spark)
    with StreamTest(stream.df, checkpoint=str(tmp_path)) as test:
        stream.add_data(1)
        test.run_batch()
        test.stop_stream()
        (tmp_path / "commits" / "0").unlink()
        stream.add_data(2)
        test.start_stream()
        test.run_batch()
        test.check_last_batch(1)
        test.run_batch()
        test.check_last_batch(2)


def test_the_session_ends_the_query() -> None:
    session = SparkSession.builder.create()
    stream = memory_stream("n int", session)
    test = StreamTest(stream.df)
    session.stop()
    test.close()


def test_a_memory_stream_is_a_stream_as_any_other(spark: Any) -> None:
    stream = memory_stream("n int", spark)
    stream.add_data(1, 2)
    writer = stream.df.writeStream.format("memory").queryName("kept")
    writer.trigger(availableNow=True).start().awaitTermination(10)
    query = stream.df.writeStream.format("memory").queryName("kept_too").start()
    query.processAllAvailable()
    stream.add_data(3)
    query.processAllAvailable()
    assert query.lastProgress.sources[0].endOffset == "1"
    query.stop()
    assert spark.table("kept").count() == 2
    assert spark.table("kept_too").count() == 3

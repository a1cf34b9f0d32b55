"""`spark.read.format("statestore")`: what the state of a query holds, while it runs and after."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lightstream.errors import UnsupportedOperationException
from lightstream.operators import keyed
from lightstream.sql import SparkSession
from lightstream.sql import functions as F
from lightstream.testing import StreamTest, expect_failure, memory_stream


@pytest.fixture
def spark() -> Iterator[Any]:
    session = SparkSession.builder.create()
    session.conf.set("spark.sql.session.timeZone", "UTC")
    yield session
    session.stop()


def state(spark: Any, path: Path, **options: Any) -> list[Any]:
    return sorted(
        map(tuple, spark.read.format("statestore").options(**options).load(str(path)).collect()), key=repr
    )


@pytest.mark.parametrize("fold_rows", [1, 20_000])
def test_rows_of_a_running_query(
    spark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fold_rows: int
) -> None:
    monkeypatch.setattr(keyed, "_MIN_FOLD_ROWS", fold_rows)
    rows = memory_stream("k string, n int", spark)
    with StreamTest(
        rows.df.groupBy("k").agg(F.avg("n"), F.max("n")), "update", checkpoint=str(tmp_path)
    ) as test:
        rows.add_data(("a", 1), ("b", None))
        test.run_batch()
        expected = [(("a",), (1.0, 1, 1), 0), (("b",), (0.0, 0, None), 0)]
        assert state(spark, tmp_path) == expected
        rows.add_data(("a", 3))
        test.run_batch()
        expected[0] = (("a",), (4.0, 2, 3), 0)
        assert state(spark, tmp_path, batchId=1, operatorId=0) == expected
        assert spark.read.format("statestore").load(str(tmp_path)).where("key.k = 'a'").count() == 1
    assert state(spark, tmp_path) == expected
    [operator] = spark.read.format("state-metadata").load(str(tmp_path)).collect()
    assert (operator.operatorName, operator.maxBatchId, operator.numPartitions) == ("stateStoreSave", 1, 1)


@pytest.mark.parametrize(
    ("aggregate", "options", "what"),
    [
        ("stddev(n)", {}, "Reading the state of stddev"),
        ("sum(n) + avg(n)", {}, "several columns sum"),
        ("first(n)", {}, "Reading the state of first"),
        ("count(n)", {"batchId": 0}, "Batch 0"),
        ("count(n)", {"readChangeFeed": "true"}, "readchangefeed"),
        ("count(n)", {"snapshotStartBatchId": 0}, "snapshotstartbatchid"),
    ],
)
def test_what_is_refused(
    spark: Any, tmp_path: Path, aggregate: str, options: dict[str, Any], what: str
) -> None:
    rows = memory_stream("k string, n int", spark)
    with StreamTest(rows.df.groupBy("k").agg(F.expr(aggregate)), "update", checkpoint=str(tmp_path)) as test:
        for _ in range(2):
            rows.add_data(("a", 1))
            test.run_batch()
        with pytest.raises(UnsupportedOperationException, match=what):
            state(spark, tmp_path, **options)


def test_another_aggregate_of_the_same_type_is_refused(spark: Any) -> None:
    rows = memory_stream("k string, n bigint", spark)
    with StreamTest(rows.df.groupBy("k").agg(F.count("n")), "update") as test:
        rows.add_data(("a", 1))
        test.run_batch()
        with expect_failure("STATE_STORE_VALUE_SCHEMA_NOT_COMPATIBLE"):
            test.restart(rows.df.groupBy("k").agg(F.sum("n")))


def test_a_query_that_has_no_state_any_more(spark: Any) -> None:
    rows = memory_stream("k string", spark)
    with StreamTest(rows.df.groupBy("k").count(), "update") as test:
        rows.add_data("a")
        test.run_batch()
        with expect_failure("STREAMING_STATEFUL_OPERATOR_NOT_MATCH_IN_STATE_METADATA"):
            test.restart(rows.df)


def test_a_state_of_an_older_version(spark: Any, tmp_path: Path) -> None:
    """Its operators say nothing of what they show until the query is started again."""
    import duckdb

    rows = memory_stream("k string", spark)
    with StreamTest(rows.df.groupBy("k").count(), "update", checkpoint=str(tmp_path)) as test:
        rows.add_data("a")
        test.run_batch()
        test.stop_stream()
        with duckdb.connect(str(tmp_path / "state" / "state.duckdb")) as connection:
            connection.execute("ALTER TABLE operators DROP COLUMN shown")
        with pytest.raises(UnsupportedOperationException, match="Reading the state"):
            state(spark, tmp_path)
        test.start_stream()
        assert state(spark, tmp_path) == [(("a",), (1,), 0)]

"""What `observe` refuses, and how an Observation waits."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from sql_api_fixtures import spark as spark

from lightstream.errors import UnsupportedOperationException
from lightstream.sql import Observation
from lightstream.sql import functions as F


@pytest.mark.parametrize(
    "action", [lambda df: df.show(2), lambda df: df.take(3), lambda df: df.limit(3).collect()]
)
def test_rows_that_a_limit_cuts_off_are_not_counted(spark: Any, action: Any) -> None:
    observation = Observation("o")
    action(spark.range(50).observe(observation, F.count("id").alias("n")))
    with pytest.raises(UnsupportedOperationException, match="a limit"):
        _ = observation.get


def test_get_waits_for_the_action_of_another_thread(spark: Any) -> None:
    observation = Observation()
    frame = spark.range(7).observe(observation, F.sum("id").alias("s"))
    found: list[dict[str, Any]] = []
    waiting = threading.Thread(target=lambda: found.append(observation.get))
    waiting.start()
    assert found == []
    frame.collect()
    waiting.join(30)
    assert found == [{"s": 21}]


def test_rows_are_read_once(spark: Any) -> None:
    observation = Observation()
    frame = spark.range(100).selectExpr("rand() as x").observe(observation, F.sum("x").alias("s"))
    assert sum(row["x"] for row in frame.collect()) == pytest.approx(observation.get["s"])


def test_a_table_is_written_of_what_was_observed(spark: Any) -> None:
    observation = Observation()
    spark.range(5).observe(observation, F.count("id").alias("n")).write.saveAsTable("observed")
    assert observation.get == {"n": 5} and spark.table("observed").count() == 5


def test_intervals_are_refused_in_a_stream(spark: Any, tmp_path: Path) -> None:
    frame = spark.readStream.schema("n int").json(str(tmp_path)).observe("m", F.expr("max(interval 1 day)"))
    with pytest.raises(UnsupportedOperationException, match="interval day"):
        frame.writeStream.format("noop").start()

"""Rows and columns turned, sampled, joined laterally and recursively; the answers were looked up in Spark 4.3."""

from __future__ import annotations

from typing import Any

import pytest
from sql_api_fixtures import condition_of, spark

from lightstream.sql import SparkSession
from lightstream.sql import functions as F
from lightstream.sql.map_order import map_order

__all__ = ["spark"]

SALES = (
    "values (2023, 'q1', 10), (2023, 'q1', 5), (2023, 'q2', 20), (2024, null, 3) as t(year, quarter, amount)"
)


def rows(frame: Any) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in frame.collect()]


def test_a_sample_is_sparks_of_one_partition(spark: SparkSession) -> None:
    found = [row.id for row in spark.range(0, 100, 1, 1).sample(0.1, 42).collect()]
    assert found == [7, 16, 18, 50, 58, 63, 66, 72, 79, 88, 90]
    parts = spark.range(1000).randomSplit([1.0, 3.0], 7)
    assert sorted(row.id for part in parts for row in part.collect()) == list(range(1000))


def test_random_numbers_with_a_seed_are_those_of_one_partition(spark: SparkSession) -> None:
    drawn = spark.range(0, 3, 1, 1).select(F.rand(0), F.randn(0), F.randstr(F.lit(2), F.lit(0)))
    assert rows(drawn) == [
        (0.7604953758285915, 1.6034991609278433, "ce"),
        (0.5234194256885571, 0.14416006165776865, "V0"),
        (0.0953472826424725, -0.6253564498627744, "PX"),
    ]
    assert spark.range(0, 3, 1, 1).filter(F.rand(1) < 0.5).count() < 3
    assert spark.range(20).filter(F.rand() < 2).orderBy(F.rand()).count() == 20
    for refused in (F.when(F.col("id") > 1, F.rand(0)), F.col("id") / F.lit(None) + F.rand(0)):
        with pytest.raises(Exception, match="A random number with a seed in a condition"):
            spark.range(3).select(refused)


def test_a_sample_with_replacement_has_sparks_distribution_only(spark: SparkSession) -> None:
    assert 14_500 < spark.range(10_000).sample(True, 1.5, 3).count() < 15_500
    with pytest.raises(Exception, match="must be on interval"):
        spark.range(3).sample(1.5)


def test_quantiles_are_exact_and_ids_are_positions(spark: SparkSession) -> None:
    frame = spark.createDataFrame([(1,), (2,), (None,), (4,), (10,)], "n int")
    assert frame.approxQuantile("n", [0.0, 0.25, 0.5, 1.0], 0.3) == [1.0, 1.0, 2.0, 10.0]
    ids = frame.select(F.monotonically_increasing_id().alias("i"), F.spark_partition_id().alias("p"))
    assert rows(ids) == [(i, 0) for i in range(5)]


def test_a_pivot_leaves_null_where_there_are_no_rows(spark: SparkSession) -> None:
    frame = spark.sql(f"select * from {SALES}")
    assert sorted(rows(frame.groupBy("year").pivot("quarter", ["q1", "q2"]).count())) == [
        (2023, 2, 1),
        (2024, None, None),
    ]
    assert frame.groupBy("year").pivot("quarter").agg(F.sum("amount").alias("s"), F.max("amount")).columns == [
        "year", "null_s", "null_max(amount)", "q1_s", "q1_max(amount)", "q2_s", "q2_max(amount)",
    ]  # fmt: skip


def test_grouping_tells_what_a_row_sums_up(spark: SparkSession) -> None:
    found = spark.sql(
        f"select year, quarter, grouping(quarter), grouping_id(), sum(amount) from {SALES} "
        "group by rollup(year, quarter) order by grouping_id(), 1, 2"
    )
    assert rows(found) == [
        (2023, "q1", 0, 0, 15), (2023, "q2", 0, 0, 20), (2024, None, 0, 0, 3),
        (2023, None, 1, 1, 35), (2024, None, 1, 1, 3), (None, None, 1, 3, 38),
    ]  # fmt: skip


def test_a_lateral_subquery_is_ordered_by_its_own_columns(spark: SparkSession) -> None:
    found = spark.sql(
        "select a.k, l.v from values (1), (2) as a(k), lateral (select v from values (1, 'x', 1), (1, 'y', 2), "
        "(2, 'z', 3) as b(k, v, w) where b.k = a.k order by w desc limit 1) l order by a.k"
    )
    assert rows(found) == [(1, "y"), (2, "z")]


def test_a_recursion_ends_after_a_hundred_rounds(spark: SparkSession) -> None:
    text = (
        "with recursive r(n) as (select 1 union all select n + 1 from r where n < {}) select count(*) from r"
    )
    assert rows(spark.sql(text.format(100))) == [(100,)]
    too_far = spark.sql(text.format(101))
    assert condition_of(too_far.collect) == "SparkRuntimeException RECURSION_LEVEL_LIMIT_EXCEEDED"


def test_aliases_of_the_select_list_are_known_to_its_later_items(spark: SparkSession) -> None:
    assert rows(spark.sql(f"select year y, sum(amount) s, s + 1 t from {SALES} group by y order by t")) == [
        (2024, 3, 4),
        (2023, 35, 36),
    ]


def test_pipes_and_qualify(spark: SparkSession) -> None:
    found = spark.sql(
        f"from {SALES} |> where amount > 3 |> aggregate sum(amount) s group by quarter |> order by s"
    )
    assert rows(found) == [("q1", 15), ("q2", 20)]
    found = spark.sql(
        f"select amount from {SALES} qualify row_number() over (partition by year order by amount) = 1"
    )
    assert sorted(rows(found)) == [(3,), (5,)]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (("id", "pay"), ["pay", "id"]),
        (("name", "id", "pay", "dept", "boss", "hired"), ["name", "pay", "dept", "id", "hired", "boss"]),
    ],
)
def test_a_dict_of_aggregates_comes_in_the_jvms_order(keys: tuple[str, ...], expected: list[str]) -> None:
    assert map_order(keys) == expected


def test_global_views_have_names_of_their_own(spark: SparkSession) -> None:
    spark.range(1).createGlobalTempView("v")
    assert condition_of(lambda: spark.table("v")) == "AnalysisException TABLE_OR_VIEW_NOT_FOUND"
    spark.range(2).createTempView("v")
    assert spark.table("global_temp.v").count() == 1
    assert spark.newSession().table("global_temp.v").count() == 1
    assert spark.catalog.dropGlobalTempView("v")
    assert spark.table("v").count() == 2

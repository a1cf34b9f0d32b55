"""What analysis refuses, with Spark's conditions (each checked against Spark 4.3), and the names that it gives."""

import pytest

from lightstream.errors import AnalysisException
from lightstream.sql import SparkSession
from lightstream.sql import functions as F


@pytest.fixture(scope="module")
def spark():
    session = SparkSession.builder.create()
    session.conf.set("spark.sql.session.timeZone", "UTC")
    yield session
    session.stop()


@pytest.fixture(scope="module")
def df(spark, tmp_path_factory):
    path = tmp_path_factory.mktemp("rows")
    (path / "a.json").write_text(
        '{"gt":"walk","Model":"m","x":1.5,"n":1,"s":{"a":1,"b":"q"}}\n{"gt":"sit","x":2.5,"n":2}\n'
    )
    return spark.read.schema("gt string, Model string, x double, n int, s struct<a:int,b:string>").json(
        str(path)
    )


REFUSALS = {
    "an unknown column": (lambda s, d: d.select("nope"), "UNRESOLVED_COLUMN.WITH_SUGGESTION"),
    "an unknown column in a filter": (lambda s, d: d.where("nope > 1"), "UNRESOLVED_COLUMN.WITH_SUGGESTION"),
    "an unknown column without columns": (
        lambda s, d: s.sql("select nope"),
        "UNRESOLVED_COLUMN.WITHOUT_SUGGESTION",
    ),
    "an unknown field": (lambda s, d: d.select("s.zz"), "FIELD_NOT_FOUND"),
    "a column of another frame": (
        lambda s, d: d.select(s.range(3)["id"]),
        "MISSING_ATTRIBUTES.RESOLVED_ATTRIBUTE_MISSING_FROM_INPUT",
    ),
    "an ambiguous name": (
        lambda s, d: d.alias("a").join(d.alias("b"), F.col("a.gt") == F.col("b.gt")).select("gt"),
        "AMBIGUOUS_REFERENCE",
    ),
    "a column outside of the groups": (lambda s, d: d.groupBy("gt").agg(F.col("x")), "MISSING_AGGREGATION"),
    "a column beside an aggregate": (lambda s, d: d.select(F.sum("x"), "gt"), "MISSING_GROUP_BY"),
    "an aggregate of an aggregate": (lambda s, d: d.agg(F.sum(F.max("x"))), "NESTED_AGGREGATE_FUNCTION"),
    "an aggregate in a filter": (lambda s, d: d.where(F.sum("x") > 1), "INVALID_WHERE_CONDITION"),
    "a filter that is no boolean": (lambda s, d: d.where("x"), "DATATYPE_MISMATCH.FILTER_NOT_BOOLEAN"),
    "a union of different widths": (lambda s, d: d.union(d.select("gt")), "NUM_COLUMNS_MISMATCH"),
    "a negative limit": (lambda s, d: d.limit(-1), "INVALID_LIMIT_LIKE_EXPRESSION.IS_NEGATIVE"),
    "an unknown table": (lambda s, d: s.table("zz"), "TABLE_OR_VIEW_NOT_FOUND"),
    "an unknown function": (lambda s, d: d.select(F.expr("nosuch(x)")), "UNRESOLVED_ROUTINE"),
    "a position that is not there": (lambda s, d: s.sql("select 1 order by 2"), "ORDER_BY_POS_OUT_OF_RANGE"),
    "a missing using column": (
        lambda s, d: d.join(s.range(3), "gt"),
        "UNRESOLVED_USING_COLUMN_FOR_JOIN",
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_refusal(spark, df, name):
    make, condition = REFUSALS[name]
    with pytest.raises(AnalysisException) as caught:
        make(spark, df)
    assert caught.value.getCondition() == condition


def test_suggestions_are_the_nearest_names(df):
    with pytest.raises(AnalysisException, match=r"Did you mean one of the following\? \[`gt`, `x`, `n`, `s`"):
        df.select("gtt")


# Spark 4.3 printed these names.
NAMES = [
    (lambda d: d.select("model", "GT"), ["model", "GT"]),
    (lambda d: d.groupBy("GT").count(), ["GT", "count"]),
    (lambda d: d.select(F.col("x").cast("int"), (F.col("x") + 1).cast("int")), ["x", "CAST((x + 1) AS INT)"]),
    (lambda d: d.select(F.col("x") + 1, F.expr("x is null")), ["(x + 1)", "(x IS NULL)"]),
    (
        lambda d: d.select(F.expr("count(*) over (partition by gt order by x)")),
        [
            "count(1) OVER (PARTITION BY gt ORDER BY x ASC NULLS FIRST RANGE BETWEEN UNBOUNDED PRECEDING AND "
            "CURRENT ROW)"
        ],
    ),
    (lambda d: d.select("s.a", F.col("s")["b"], F.col("s").getField("a")), ["a", "s.b", "s.a"]),
    (lambda d: d.withColumn("GT", F.lit(1)), ["GT", "Model", "x", "n", "s"]),
    (lambda d: d.drop("GT", "zz"), ["Model", "x", "n", "s"]),
    (lambda d: d.withColumnRenamed("GT", "b"), ["b", "Model", "x", "n", "s"]),
    (lambda d: d.agg(F.sum("n") + 1, F.countDistinct("gt")), ["(sum(n) + 1)", "count(DISTINCT gt)"]),
    (lambda d: d.join(d, "gt").select("gt"), ["gt"]),
    (lambda d: d.select("s.*"), ["a", "b"]),
]


@pytest.mark.parametrize(("make", "names"), NAMES)
def test_column_names(df, make, names):
    assert make(df).columns == names


def test_hidden_metadata_can_be_asked_for(df):
    for frame in (df, df.select("gt"), df.where("x > 2")):
        assert {row[0] for row in frame.select("_metadata.file_name").collect()} == {"a.json"}
    twice = df.limit(1).select("_metadata.file_name", F.col("_metadata.file_size").alias("size"), "_metadata")
    assert [row[0] for row in twice.collect()] == ["a.json"]
    assert "_metadata" not in df.columns


def test_subqueries(spark, df):
    df.createOrReplaceTempView("rows_view")
    assert spark.sql("select (select max(x) from rows_view) m").collect()[0].m == 2.5
    query = "select gt from rows_view o where exists (select 1 from rows_view i where i.n = o.n + 1)"
    assert [row.gt for row in spark.sql(query).collect()] == ["walk"]
    query = "select gt from rows_view where x in (select max(x) from rows_view)"
    assert [row.gt for row in spark.sql(query).collect()] == ["sit"]
    query = "select gt, (select count(*) from rows_view i where i.x <= o.x) c from rows_view o order by x"
    assert [tuple(row) for row in spark.sql(query).collect()] == [("walk", 1), ("sit", 2)]


def test_a_self_join_tells_its_sides_apart(df):
    assert df.join(df, df.gt == df.gt).count() == 2
    with pytest.raises(AnalysisException, match="ambiguous"):
        df.join(df, df.gt == df.Model)


WINDOWS = {
    "a rank without an order": ("rank() over (partition by gt)", "WINDOW_FUNCTION_FRAME_NOT_ORDERED"),
    "a rank without OVER": ("rank()", "WINDOW_FUNCTION_WITHOUT_OVER_CLAUSE"),
    "lag with a frame": (
        "lag(n) over (order by n rows between 1 preceding and current row)",
        "_LEGACY_ERROR_TEMP_1035",
    ),
    "a rank with another frame": (
        "rank() over (order by n rows between 1 preceding and current row)",
        "_LEGACY_ERROR_TEMP_1036",
    ),
    "several names for one column": ("struct(n) as (a, b)", "MULTI_ALIAS_WITHOUT_GENERATOR"),
}


@pytest.mark.parametrize("name", WINDOWS)
def test_expressions_that_are_refused(df, name):
    text, condition = WINDOWS[name]
    with pytest.raises(AnalysisException) as caught:
        df.select(F.expr(text))
    assert caught.value.getCondition() == condition


def test_the_frame_of_ranks_shows(df):
    frame = "ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW"
    assert df.select(F.expr("ntile(2) over (order by n)")).columns == [
        f"ntile(2) OVER (ORDER BY n ASC NULLS FIRST {frame})"
    ]
    assert df.select(F.expr("lag(n) over (order by n)")).columns == [
        "lag(n, 1, NULL) OVER (ORDER BY n ASC NULLS FIRST ROWS BETWEEN -1 FOLLOWING AND -1 FOLLOWING)"
    ]

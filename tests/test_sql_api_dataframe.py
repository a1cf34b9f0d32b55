"""DataFrames: what each method gives, and what it refuses, as Spark 4.3.0 does."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sql_api_fixtures import condition_of, spark

import lightstream.sql.functions as F
from lightstream.sql import Column, DataFrame, Row, SparkSession

__all__ = ["spark"]


@pytest.fixture
def df(spark: SparkSession) -> DataFrame:
    rows = [(1, "a", 1.5), (2, "bb", None), (None, "c" * 30, 3.0)]
    return spark.createDataFrame(rows, "id int, name string, v double")


@pytest.fixture
def other(spark: SparkSession) -> DataFrame:
    return spark.createDataFrame([(1, "x"), (3, "y")], "id int, w string")


@pytest.fixture
def stream(spark: SparkSession, tmp_path: Path) -> DataFrame:
    (tmp_path / "a.json").write_text('{"id":1}\n')
    return spark.readStream.schema("id int").json(str(tmp_path))


def rows_of(df: DataFrame) -> list[tuple[Any, ...]]:
    return sorted((tuple(row) for row in df.collect()), key=repr)


# ---- columns --------------------------------------------------------------------------------------------------


def test_columns_of_a_dataframe(df: DataFrame) -> None:
    assert df.columns == ["id", "name", "v"]
    assert df.dtypes == [("id", "int"), ("name", "string"), ("v", "double")]
    assert repr(df) == "DataFrame[id: int, name: string, v: double]"
    assert repr(df["ID"]) == "Column<'ID'>"
    assert repr(df.id) == repr(df["id"]) == repr(df[0]) == "Column<'id'>"
    assert repr(df[-1]) == "Column<'v'>"
    assert df[["id", "v"]].columns == ["id", "v"]
    assert df[df.id > 1].count() == 1
    assert {"id", "name", "v"} <= set(dir(df))
    assert not df.isStreaming


def test_columns_take_the_spelling_of_the_reference(df: DataFrame) -> None:
    assert df.select(df["ID"], "Name").columns == ["ID", "Name"]


@pytest.mark.parametrize(
    ("use", "columns"),
    [
        (lambda df: df.select("*", "id"), ["id", "name", "v", "id"]),
        (lambda df: df.select(["id", "v"]), ["id", "v"]),
        (lambda df: df.select(df["*"], "id"), ["id", "name", "v", "id"]),
        (lambda df: df.select((df.id + 1).alias("q"), 1 + df.id), ["q", "(id + 1)"]),
        (lambda df: df.select(df.colRegex("`(i.*|v)`")), ["id", "v"]),
        (lambda df: df.selectExpr("id + 1 as x", "name"), ["x", "name"]),
        (lambda df: df.alias("q").select("q.id"), ["id"]),
        (lambda df: df.withColumn("ID", F.lit(1)), ["ID", "name", "v"]),
        (lambda df: df.withColumns({"x": F.lit(1), "v": F.lit(2)}), ["id", "name", "v", "x"]),
        (lambda df: df.withColumnRenamed("zz", "y"), ["id", "name", "v"]),
        (lambda df: df.withColumnsRenamed({"id": "a", "name": "b"}), ["a", "b", "v"]),
        (lambda df: df.toDF("a", "b", "c"), ["a", "b", "c"]),
        (lambda df: df.drop("zz", "ID"), ["name", "v"]),
        (lambda df: df.drop(df.id, "v"), ["name"]),
        (lambda df: df.groupBy("id").agg({"v": "sum", "*": "count"}), ["id", "sum(v)", "count(1)"]),
        (lambda df: df.groupBy("name").sum(), ["name", "sum(id)", "sum(v)"]),
        (lambda df: df.groupBy("id").max("v", "id"), ["id", "max(v)", "max(id)"]),
        (lambda df: df.groupBy("id").mean("v"), ["id", "avg(v)"]),
        (lambda df: df.groupBy(["id"]).count(), ["id", "count"]),
        (lambda df: df.groupBy(1).count(), ["id", "count"]),
        (lambda df: df.groupBy().count(), ["count"]),
        (lambda df: df.agg(F.sum("v"), F.count("*")), ["sum(v)", "count(1)"]),
        (lambda df: df.agg({"v": "average"}), ["avg(v)"]),
        (lambda df: df.repartition(2, "id").coalesce(1).hint("broadcast"), ["id", "name", "v"]),
        (lambda df: df.transform(lambda d, n: d.select(n), "id"), ["id"]),
    ],
)
def test_names_of_columns(df: DataFrame, use: Callable[[DataFrame], DataFrame], columns: list[str]) -> None:
    assert use(df).columns == columns


@pytest.mark.parametrize(
    ("use", "condition"),
    [
        (lambda df: df["zz"], "AnalysisException UNRESOLVED_COLUMN.WITH_SUGGESTION"),
        (lambda df: df["a.b"], "AnalysisException UNRESOLVED_COLUMN.WITH_SUGGESTION"),
        (lambda df: df.zz, "PySparkAttributeError ATTRIBUTE_NOT_SUPPORTED"),
        (lambda df: df[1.5], "PySparkTypeError NOT_EXPECTED_TYPE"),
        (lambda df: df.select("zz"), "AnalysisException UNRESOLVED_COLUMN.WITH_SUGGESTION"),
        (lambda df: df.select(1), "PySparkTypeError NOT_EXPECTED_TYPE"),
        (lambda df: df.filter(1), "PySparkTypeError NOT_EXPECTED_TYPE"),
        (lambda df: df.withColumn("id", 1), "PySparkTypeError NOT_EXPECTED_TYPE"),
        (lambda df: df.withColumns({"a": F.lit(1), "A": F.lit(2)}), "AnalysisException COLUMN_ALREADY_EXISTS"),
        (lambda df: df.toDF("a"), "AnalysisException ASSIGNMENT_ARITY_MISMATCH"),
        (lambda df: df.dropDuplicates("id"), "PySparkTypeError NOT_EXPECTED_TYPE"),
        (lambda df: df.limit(-1), "AnalysisException INVALID_LIMIT_LIKE_EXPRESSION.IS_NEGATIVE"),
        (lambda df: df.take(-1), "AnalysisException INVALID_LIMIT_LIKE_EXPRESSION.IS_NEGATIVE"),
        (lambda df: df.orderBy(), "PySparkValueError CANNOT_BE_EMPTY"),
        (lambda df: df.orderBy(0), "PySparkIndexError ZERO_INDEX"),
        (lambda df: df.groupBy("id").sum("name"), "AnalysisException _LEGACY_ERROR_TEMP_1323"),
        (lambda df: df.groupBy("id").sum("zz"), "AnalysisException UNRESOLVED_COLUMN.WITH_SUGGESTION"),
        (lambda df: df.groupBy("id").pivot("name", ["a"]).pivot("v"),
         "UnsupportedOperationException REPEATED_CLAUSE"),
        (lambda df: df.agg({"v": "foo"}), "AnalysisException UNRESOLVED_ROUTINE"),
        (lambda df: df.join(df, "id", "foo"), "AnalysisException UNSUPPORTED_JOIN_TYPE"),
        (lambda df: df.join(df, "zz"), "AnalysisException UNRESOLVED_USING_COLUMN_FOR_JOIN"),
        (lambda df: df.join(1), "PySparkTypeError NOT_EXPECTED_TYPE"),
        (lambda df: df.union(df.select("id")), "AnalysisException NUM_COLUMNS_MISMATCH"),
        (lambda df: df.sample("a"), "PySparkTypeError NOT_EXPECTED_TYPE"),
        (lambda df: df.repartition(0), "IllegalArgumentException None"),
        (lambda df: df.repartition("zz"), "AnalysisException UNRESOLVED_COLUMN.WITH_SUGGESTION"),
        (lambda df: df.hint(1), "PySparkTypeError NOT_EXPECTED_TYPE"),
        (lambda df: df.withWatermark(1, "a"), "PySparkTypeError NOT_EXPECTED_TYPE"),
        (lambda df: df.withWatermark("id", ""), "PySparkTypeError NOT_EXPECTED_TYPE"),
        (lambda df: df.withMetadata("id", 1), "PySparkTypeError NOT_EXPECTED_TYPE"),
        (lambda df: df.show("a"), "PySparkTypeError NOT_EXPECTED_TYPE"),
        (lambda df: df.show(True), "PySparkTypeError NOT_EXPECTED_TYPE"),
        (lambda df: df.show(truncate="x"), "PySparkTypeError NOT_EXPECTED_TYPE"),
        (lambda df: df.show(vertical=1), "PySparkTypeError NOT_EXPECTED_TYPE"),
        (lambda df: df.explain(True, "x"), "PySparkValueError CANNOT_SET_TOGETHER"),
        (lambda df: df.explain(mode="foo"), "IllegalArgumentException None"),
        (lambda df: df.fillna(None), "PySparkTypeError NOT_EXPECTED_TYPE"),
        (lambda df: df.fillna(0, subset=["zz"]), "AnalysisException UNRESOLVED_COLUMN.WITH_SUGGESTION"),
        (lambda df: df.fillna({"zz": 1}), "AnalysisException UNRESOLVED_COLUMN.WITH_SUGGESTION"),
        (lambda df: df.dropna(how="x"), "PySparkValueError VALUE_NOT_ALLOWED"),
        (lambda df: df.dropna(subset=1), "PySparkTypeError NOT_EXPECTED_TYPE"),
        (lambda df: df.replace(1), "PySparkTypeError ARGUMENT_REQUIRED"),
        (lambda df: df.replace([1, 2], [5]), "PySparkValueError LENGTH_SHOULD_BE_THE_SAME"),
        (lambda df: df.replace(1, "a"), "PySparkValueError MIXED_TYPE_REPLACEMENT"),
        (lambda df: df.summary("foo"), "IllegalArgumentException UNRECOGNIZED_STATISTIC"),
        (lambda df: df.corr("id", "name"), "IllegalArgumentException None"),
        (lambda df: df.corr("id", "v", "spearman"), "PySparkValueError VALUE_NOT_ALLOWED"),
        (lambda df: df.writeStream, "AnalysisException WRITE_STREAM_NOT_ALLOWED"),
        (lambda df: df.createOrReplaceTempView("a b"), "AnalysisException _LEGACY_ERROR_TEMP_1321"),
        (lambda df: df.createOrReplaceTempView(""), "AnalysisException _LEGACY_ERROR_TEMP_1321"),
        (lambda df: df.createOrReplaceTempView("a.b"), "AnalysisException TEMP_VIEW_NAME_TOO_MANY_NAME_PARTS"),
        (lambda df: df.union(df).join(df, "id").select(df.v), "UnsupportedOperationException LIGHTSTREAM_UNSUPPORTED"),
        (lambda df: df.groupingSets([], "id").count(), "UnsupportedOperationException LIGHTSTREAM_UNSUPPORTED"),
        (lambda df: df.sparkSession.read.json(df.rdd), "UnsupportedOperationException LIGHTSTREAM_UNSUPPORTED"),
        (lambda df: df.rdd.glom(), "UnsupportedOperationException LIGHTSTREAM_UNSUPPORTED"),
        (lambda df: df.rdd.getNumPartitions(), "UnsupportedOperationException LIGHTSTREAM_UNSUPPORTED"),
        (lambda df: df.toJSON(use_unicode=False), "UnsupportedOperationException LIGHTSTREAM_UNSUPPORTED"),
    ],
)  # fmt: skip
def test_refusals(df: DataFrame, use: Callable[[DataFrame], Any], condition: str) -> None:
    assert condition_of(lambda: use(df)) == condition


def test_unresolved_columns_propose_the_columns_in_order(df: DataFrame) -> None:
    with pytest.raises(Exception, match=r"\[`id`, `name`, `v`\]"):
        df["zz"]


def test_ambiguous_columns_are_refused(spark: SparkSession, df: DataFrame, other: DataFrame) -> None:
    both = spark.createDataFrame([(1, 2)], ["a", "a"])
    assert condition_of(lambda: both["a"]) == "AnalysisException AMBIGUOUS_REFERENCE"
    joined = df.join(other, df.id == other.id)
    assert condition_of(lambda: joined.select("id")) == "AnalysisException AMBIGUOUS_REFERENCE"
    assert joined.select(df.id, other["id"]).columns == ["id", "id"]


# ---- rows -----------------------------------------------------------------------------------------------------


def test_first_and_last_rows(df: DataFrame) -> None:
    first = Row(id=1, name="a", v=1.5)
    assert df.head() == df.first() == first
    assert df.head(1) == df.take(1) == [first]
    assert df.tail(1)[0].v == 3.0
    assert df.head(0) == df.tail(-1) == []
    assert df.limit(0).head() is None
    assert df.limit(0).first() is None
    assert df.limit(0).isEmpty()
    assert not df.isEmpty()
    assert df.offset(1).count() == 2
    assert list(df.toLocalIterator()) == df.collect()
    seen: list[Row] = []
    df.foreach(seen.append)
    df.foreachPartition(seen.extend)
    assert seen == df.collect() * 2


@pytest.mark.parametrize(
    ("use", "ids"),
    [
        (lambda df: df.orderBy("id"), [None, 1, 2]),
        (lambda df: df.orderBy("id", ascending=False), [2, 1, None]),
        (lambda df: df.sort(["v", "id"], ascending=[0, 1]), [None, 1, 2]),
        (lambda df: df.orderBy(df.id.desc_nulls_first()), [None, 2, 1]),
        (lambda df: df.orderBy(-1), [2, 1, None]),
        (lambda df: df.orderBy(1), [None, 1, 2]),
        (lambda df: df.orderBy("id", ascending=[True, False]), [None, 1, 2]),
    ],
)
def test_order(df: DataFrame, use: Callable[[DataFrame], DataFrame], ids: list[int | None]) -> None:
    assert [row.id for row in use(df).collect()] == ids


@pytest.mark.parametrize(
    ("how", "rows"),
    [
        ("inner", [(1, "a", "x")]),
        ("left_outer", [(1, "a", "x"), (2, "bb", None), (None, "c" * 30, None)]),
        ("RIGHT", [(1, "a", "x"), (3, None, "y")]),
        ("full", [(1, "a", "x"), (2, "bb", None), (3, None, "y"), (None, "c" * 30, None)]),
        ("leftsemi", [(1, "a")]),
        ("left_anti", [(2, "bb"), (None, "c" * 30)]),
    ],
)
def test_joins(df: DataFrame, other: DataFrame, how: str, rows: list[Any]) -> None:
    assert rows_of(df.drop("v").join(other, "id", how)) == sorted(rows, key=repr)


def test_joins_on_conditions(df: DataFrame, other: DataFrame) -> None:
    assert df.join(other).count() == df.crossJoin(other).count() == 6
    assert df.join(other, [df.id == other.id, df.v > 1]).columns == ["id", "name", "v", "id", "w"]
    both = df.alias("x").join(df.alias("y"), F.col("x.id") == F.col("y.id"))
    assert both.select("x.id", "y.v").count() == 2


def test_a_table_joined_under_new_names_keeps_them_apart(df: DataFrame, other: DataFrame) -> None:
    twice = other.join(other.selectExpr("w as again", "1 as one"), F.lit(True)).select("w", "again")
    assert rows_of(twice) == [("x", "x"), ("x", "y"), ("y", "x"), ("y", "y")]
    table = df.sparkSession.createDataFrame([("k", "x"), ("k", "y")], "k string, w string")
    keyed = (
        df.select(F.lit("k").alias("k")).limit(1).join(table, "k").join(table.selectExpr("w as v", "k"), "k")
    )
    assert rows_of(keyed.select("w", "v")) == [("x", "x"), ("x", "y"), ("y", "x"), ("y", "y")]


def test_a_self_join_compares_the_two_sides(df: DataFrame) -> None:
    assert df.join(df, df.id == df.id).count() == 2
    assert df.join(df.filter("id = 1"), df.id == df.id).count() == 1
    ids = df.select("id")
    assert sorted(map(tuple, ids.join(ids, ids.id == ids.id).collect())) == [(1, 1), (2, 2)]


def test_set_operations(df: DataFrame) -> None:
    assert df.union(df).count() == 6
    assert df.unionByName(df.select("v", "name", "id")).distinct().count() == 3
    assert df.union(df).dropDuplicates(["ID"]).count() == 3
    assert df.subtract(df).count() == 0
    assert df.union(df).exceptAll(df).count() == 3
    assert df.intersect(df).count() == 3
    named = df.unionByName(df.select("id", F.lit(1).alias("w")), allowMissingColumns=True)
    assert named.columns == ["id", "name", "v", "w"]


def test_subqueries_of_dataframes(df: DataFrame, other: DataFrame) -> None:
    assert df.filter(df.id.isin(other.select("id"))).count() == 1
    top = other.agg(F.max("id")).scalar()
    assert [row[0] for row in df.select(top).limit(1).collect()] == [3]


def test_stars_of_a_dataframe_in_functions(df: DataFrame) -> None:
    assert [row[0] for row in df.select(F.count(df["*"])).collect()] == [3]
    assert df.select(F.struct(df["*"]).alias("s")).select("s.v").count() == 3


def test_grouping_sets(df: DataFrame) -> None:
    assert rows_of(df.rollup("name").count()) == sorted(
        [("a", 1), ("bb", 1), ("c" * 30, 1), (None, 3)], key=repr
    )
    by_either = df.groupingSets([["id"], ["name"]], "id", "name").count()
    assert by_either.columns == ["id", "name", "count"]
    assert by_either.count() == 6
    assert (
        condition_of(lambda: df.groupingSets([["v"]], "id")) == "PySparkValueError GROUPING_COLUMN_MISMATCH"
    )


def test_grouped_data_prints(df: DataFrame) -> None:
    assert repr(df.groupBy("id")) == (
        "GroupedData[grouping expressions: [id], value: [id: int, name: string ... 1 more field], type: GroupBy]"
    )


# ---- missing values -------------------------------------------------------------------------------------------


def nullability(df: DataFrame) -> list[bool]:
    return [field.nullable for field in df.schema.fields]


def test_fillna(df: DataFrame) -> None:
    assert [(r.id, r.v) for r in df.fillna(0).collect()] == [(1, 1.5), (2, 0.0), (0, 3.0)]
    assert [r.id for r in df.fillna(1.5).collect()] == [1, 2, 1]
    assert df.fillna("z").collect() == df.collect()
    assert nullability(df.fillna("z")) == [True, False, True]
    filled = df.na.fill({"id": 9, "v": 1})
    assert [(r.id, r.v) for r in filled.collect()] == [(1, 1.5), (2, 1.0), (9, 3.0)]
    assert nullability(filled) == [False, True, False]
    assert [r.id for r in df.fillna(0, subset=["v", "name"]).collect()] == [1, 2, None]
    assert df.fillna(True).collect() == df.collect()


def test_nan_is_missing_too(spark: SparkSession) -> None:
    df = spark.createDataFrame([(float("nan"), 1), (2.0, None)], "d double, i int")
    assert [r.d for r in df.fillna(0).collect()] == [0.0, 2.0]
    assert df.dropna().count() == 0
    assert df.dropna("all").count() == 2
    assert df.dropna(subset="d").count() == 1


def test_dropna(df: DataFrame) -> None:
    assert [r.id for r in df.dropna().collect()] == [1]
    assert df.dropna(how="all").count() == 3
    assert df.dropna(thresh=2).count() == 3
    assert df.dropna(thresh=3).count() == 1
    assert df.na.drop(subset="v").count() == 2


def test_replace(df: DataFrame) -> None:
    assert [r.id for r in df.replace(1, 5).collect()] == [5, 2, None]
    assert [r.name[:1] if r.name else None for r in df.replace({"a": "q", "bb": None}).collect()] == [
        "q",
        None,
        "c",
    ]
    assert [r.id for r in df.replace([1, 2], [5, 6], "id").collect()] == [5, 6, None]
    assert [r.id for r in df.na.replace([1, 2], 7).collect()] == [7, 7, None]
    assert [r.v for r in df.replace(1.5, 2).collect()] == [2.0, None, 3.0]
    assert df.replace(True, False).collect() == df.collect()


# ---- statistics -----------------------------------------------------------------------------------------------


def test_describe(df: DataFrame) -> None:
    found = df.describe()
    assert found.dtypes == [("summary", "string"), ("id", "string"), ("name", "string"), ("v", "string")]
    assert [tuple(row) for row in found.collect()] == [
        ("count", "2", "3", "2"),
        ("mean", "1.5", None, "2.25"),
        ("stddev", "0.7071067811865476", None, "1.0606601717798212"),
        ("min", "1", "a", "1.5"),
        ("max", "2", "c" * 30, "3.0"),
    ]
    assert df.describe("id").columns == ["summary", "id"]


def test_correlation(df: DataFrame) -> None:
    # Spark counts NULL as 0 here.
    assert df.corr("id", "v") == pytest.approx(-1.0)
    assert df.cov("id", "v") == pytest.approx(-1.5)
    pairs = df.sparkSession.createDataFrame([(1, 2.0), (2, 4.0), (3, 7.0)], "a int, b double")
    assert pairs.corr("a", "b") == pytest.approx(0.9933992677987828)
    assert pairs.stat.cov("a", "b") == pytest.approx(2.5)


# ---- printing, views, and what has no effect ------------------------------------------------------------------


def test_show_prints(df: DataFrame, capsys: pytest.CaptureFixture[str]) -> None:
    df.select("id").show(1)
    assert capsys.readouterr().out == "+---+\n| id|\n+---+\n|  1|\n+---+\nonly showing top 1 row\n"
    df.select("id").show(vertical=True, truncate=False)
    assert capsys.readouterr().out.startswith("-RECORD 0---\n id  | 1    \n")
    df.select("id").limit(1).show(truncate="5")
    assert capsys.readouterr().out == "+---+\n| id|\n+---+\n|  1|\n+---+\n\n"


def test_print_schema(df: DataFrame, capsys: pytest.CaptureFixture[str]) -> None:
    df.select("id").printSchema()
    assert capsys.readouterr().out == "root\n |-- id: integer (nullable = true)\n\n"


def test_explain_shows_plan_and_statement(df: DataFrame, capsys: pytest.CaptureFixture[str]) -> None:
    df.filter("id > 1").select("name").explain()
    text = capsys.readouterr().out
    assert text.startswith("== Physical Plan ==\nProject [name#")
    assert "+- Filter (id#" in text
    assert "== DuckDB ==\nSELECT " in text
    df.explain("extended")
    assert capsys.readouterr().out.startswith(
        "== Analyzed Logical Plan ==\nid: int, name: string, v: double\n"
    )


def test_temporary_views(spark: SparkSession, df: DataFrame) -> None:
    df.createTempView("people")
    assert spark.table("PEOPLE").columns == df.columns
    assert spark.sql("select people.id from people where id > 1").collect() == [Row(id=2)]
    assert condition_of(lambda: df.createTempView("People")) == (
        "AnalysisException TEMP_TABLE_OR_VIEW_ALREADY_EXISTS"
    )
    df.select("id").createOrReplaceTempView("people")
    assert spark.table("people").columns == ["id"]


def test_cache_is_remembered_and_has_no_effect(df: DataFrame) -> None:
    assert str(df.storageLevel) == "Serialized 1x Replicated"
    assert df.cache() is df
    assert repr(df.storageLevel) == "StorageLevel(True, True, False, True, 1)"
    assert repr(df.unpersist().storageLevel) == "StorageLevel(False, False, False, False, 1)"


def test_checkpoint_keeps_the_rows(spark: SparkSession, tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text('{"id":1}\n')
    kept = spark.read.schema("id int").json(str(file)).localCheckpoint()
    file.write_text('{"id":2}\n')
    assert kept.collect() == [Row(id=1)]


def test_metadata_of_columns(df: DataFrame) -> None:
    assert df.withMetadata("id", {"a": 1}).schema["id"].metadata == {"a": 1}
    assert df.select(df.id.alias("x", metadata={"b": 2})).schema["x"].metadata == {"b": 2}


# ---- streams --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "action",
    ["collect", "count", "show", "toPandas", "cache", "isEmpty", "head", "first", "toLocalIterator", "localCheckpoint",
     "inputFiles", "describe", "toArrow", "toPolars"],
)  # fmt: skip
def test_actions_on_a_stream_are_refused(stream: DataFrame, action: str) -> None:
    method = getattr(stream, action)
    assert condition_of(method) == "AnalysisException _LEGACY_ERROR_TEMP_3102"


def test_other_refusals_on_a_stream(stream: DataFrame) -> None:
    assert stream.isStreaming
    assert condition_of(lambda: stream.write) == "AnalysisException CALL_ON_STREAMING_DATASET_UNSUPPORTED"
    assert condition_of(lambda: stream.groupBy().pivot("id")) == "AnalysisException _LEGACY_ERROR_TEMP_3063"
    with pytest.raises(Exception, match=r"^Queries with streaming sources must be executed with writeStream"):
        stream.collect()


def test_a_pivot_of_numbers_by_a_session_is_refused(spark: SparkSession) -> None:
    rows = spark.range(2).selectExpr("id", "timestamp_seconds(id) ts")
    pivot = rows.groupBy(F.session_window("ts", "1 minute")).pivot("id", [0, 1])
    assert condition_of(lambda: pivot.count()) == "UnsupportedOperationException LIGHTSTREAM_UNSUPPORTED"
    assert len(pivot.agg(F.max("ts")).collect()) == 1


def test_a_stream_can_be_planned_and_named(spark: SparkSession, stream: DataFrame) -> None:
    assert repr(stream.filter("id > 1").repartition(3)) == "DataFrame[id: int]"
    stream.createOrReplaceTempView("numbers")
    assert spark.table("numbers").isStreaming
    assert spark.sql("select id + 1 as n from numbers").isStreaming


# ---- the whole surface ----------------------------------------------------------------------------------------

CLASSES = [
    ("session", "SparkSession"), ("conf", "RuntimeConfig"), ("dataframe", "DataFrame"),
    ("dataframe", "DataFrameNaFunctions"), ("dataframe", "DataFrameStatFunctions"), ("column", "Column"),
    ("group", "GroupedData"), ("window", "Window"), ("window", "WindowSpec"), ("readwriter", "DataFrameReader"),
    ("readwriter", "DataFrameWriter"), ("catalog", "Catalog"), ("streaming.readwriter", "DataStreamReader"),
]  # fmt: skip


@pytest.mark.parametrize(("module", "name"), CLASSES)
def test_classes_have_the_methods_of_pyspark(module: str, name: str) -> None:
    pytest.importorskip("pyspark.sql", reason="pyspark is not installed")
    import importlib

    theirs = getattr(importlib.import_module(f"pyspark.sql.{module}"), name)
    ours = getattr(importlib.import_module(f"lightstream.sql.{module}"), name)

    def shape(function: Any) -> list[tuple[str, str, str]]:
        parameters = inspect.signature(function).parameters.values()
        empty = inspect.Parameter.empty
        return [(p.name, p.kind.name, "" if p.default is empty else repr(p.default)) for p in parameters]

    for each in dir(theirs):
        if each.startswith("_"):
            continue
        assert hasattr(ours, each) or each in dir(ours), each
        if inspect.isfunction(getattr(theirs, each)):
            assert shape(getattr(ours, each)) == shape(getattr(theirs, each)), each


def test_rows_have_names() -> None:
    row = Row(a=1, b=Row(c=[Row(d=2)]))
    assert repr(row) == "Row(a=1, b=Row(c=[Row(d=2)]))"
    assert (row.a, row["a"], row[0], "a" in row) == (1, 1, 1, True)
    assert row.asDict(True) == {"a": 1, "b": {"c": [{"d": 2}]}}
    assert json.loads(json.dumps(row)) == [1, [[[2]]]]
    assert Row("x", "y")(1, 2) == Row(x=1, y=2)
    assert condition_of(lambda: row.zz) == "PySparkAttributeError ATTRIBUTE_NOT_SUPPORTED"
    assert condition_of(lambda: row["zz"]) == "PySparkValueError None"
    assert condition_of(lambda: Row("a")(1, 2)) == "PySparkValueError TOO_MANY_VALUES"
    assert condition_of(lambda: setattr(row, "a", 2)) == "PySparkRuntimeError READ_ONLY"
    assert isinstance(F.col("a"), Column)

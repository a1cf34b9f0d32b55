"""Python table functions, without Spark: what they are given, what comes of their rows, streams, and refusals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sql_api_fixtures import condition_of, spark

from lightstream.errors import PythonException
from lightstream.sql import SparkSession
from lightstream.sql import functions as F
from lightstream.sql.types import IntegerType, StructField, StructType

__all__ = ["spark"]


@F.udtf(returnType="position int, word string")
class Words:
    def eval(self, text: str | None) -> Any:
        yield from enumerate((text or "").split())


class Summary:
    """The rows of a partition, and what its object was told."""

    made = 0

    def __init__(self) -> None:
        Summary.made += 1
        self.rows: list[Any] = []

    def eval(self, row: Any) -> None:
        self.rows.append(tuple(row))
        if row.n < 0:
            raise F.SkipRestOfInputTableException("enough")

    def terminate(self) -> Any:
        yield (repr(self.rows),)


def rows(frame: Any) -> list[tuple[Any, ...]]:
    return sorted(map(tuple, frame.collect()))


def test_rows_are_made_of_constants_and_of_columns(spark: SparkSession) -> None:
    assert rows(Words(F.lit("to be"))) == [(0, "to"), (1, "be")]
    texts = spark.createDataFrame([(1, "a b"), (2, ""), (3, "c")], "id int, text string")
    joined = texts.lateralJoin(Words(F.col("text").outer()))
    assert rows(joined) == [(1, "a b", 0, "a"), (1, "a b", 1, "b"), (3, "c", 0, "c")]
    assert rows(joined.select(texts.id, "word").filter("word > 'a'")) == [(1, "b"), (3, "c")]
    left = texts.lateralJoin(Words(F.col("text").outer()), how="left")
    assert rows(left) == rows(joined)  # Spark: those without rows are left out here, too
    assert [field.nullable for field in left.schema] == [True, True, True, True]


def test_sql_names_a_function(spark: SparkSession) -> None:
    spark.udtf.register("words", Words)
    spark.createDataFrame([(1, "a b"), (2, "c")], "id int, text string").createOrReplaceTempView("texts")
    found = spark.sql(
        "select t.id, upper(w.w) from texts t, lateral words(text => t.text) as w(p, w) where p = 0"
    )
    assert rows(found) == [(1, "A"), (2, "C")]
    assert spark.catalog.functionExists("words")


def test_a_table_comes_in_partitions_and_in_order(spark: SparkSession) -> None:
    table = spark.createDataFrame([("b", 1), ("a", 3), ("b", 0), ("a", 2)], "k string, n int")
    summary = F.udtf(Summary, returnType="rows string")
    Summary.made = 0
    found = rows(summary(table.asTable().partitionBy("k").orderBy(F.col("n").desc())))
    assert found == [("[('a', 3), ('a', 2)]",), ("[('b', 1), ('b', 0)]",)]
    assert Summary.made == 2
    assert rows(summary(table.asTable().withSinglePartition().orderBy("n"))) == [
        ("[('b', 0), ('b', 1), ('a', 2), ('a', 3)]",)
    ]


def test_the_rest_of_a_partition_can_be_skipped(spark: SparkSession) -> None:
    table = spark.createDataFrame([("a", 1), ("a", -1), ("a", -2), ("b", -5), ("b", -6)], "k string, n int")
    found = F.udtf(Summary, returnType="rows string")(table.asTable().partitionBy("k").orderBy(F.desc("n")))
    assert rows(found) == [("[('a', 1), ('a', -1)]",), ("[('b', -5)]",)]


def test_a_function_says_its_columns(spark: SparkSession) -> None:
    class Columns:
        def __init__(self, told: Any) -> None:
            self.width = len(told.schema)

        @staticmethod
        def analyze(count: Any, name: Any) -> Any:
            assert (count.isConstantExpression, name.dataType.simpleString()) == (True, "string")
            return F.AnalyzeResult(
                StructType([StructField(f"{name.value}{i}", IntegerType()) for i in range(count.value)])
            )

        def eval(self, count: int, name: str) -> Any:
            yield tuple(range(self.width))

    frame = F.udtf(Columns)(F.lit(1) + 1, name=F.lit("c"))
    assert (frame.columns, rows(frame)) == (["c0", "c1"], [(0, 1)])


def test_a_table_without_rows_is_not_given_to_a_function(spark: SparkSession) -> None:
    empty = spark.createDataFrame([], "k string, n int")
    summary = F.udtf(Summary, returnType="rows string")
    Summary.made = 0
    assert rows(summary(empty.asTable().partitionBy("k"))) == rows(summary(empty.asTable())) == []
    assert rows(empty.lateralJoin(Words(F.col("k").outer()))) == []
    assert Summary.made == 0


def test_there_is_one_partition_where_none_is_asked_for(spark: SparkSession) -> None:
    table = spark.createDataFrame([("a", 1), ("b", 2)], "k string, n int").repartition(2)
    assert rows(F.udtf(Summary, returnType="rows string")(table.asTable())) == [("[('a', 1), ('b', 2)]",)]


def test_a_stream_goes_through_a_function(spark: SparkSession, tmp_path: Path) -> None:
    for number, text in enumerate(("a b", "c")):
        (tmp_path / f"{number}.json").write_text(json.dumps({"id": number, "text": text}) + "\n")
    stream = (
        spark.readStream.schema("id int, text string").option("maxFilesPerTrigger", 1).json(str(tmp_path))
    )
    joined = stream.lateralJoin(Words(F.col("text").outer())).select("id", "word")
    query = joined.writeStream.format("memory").queryName("said").trigger(availableNow=True).start()
    assert query.awaitTermination(60)
    assert rows(spark.table("said")) == [(0, "a"), (0, "b"), (1, "c")]


def test_an_error_shows_the_functions_own_line(spark: SparkSession) -> None:
    @F.udtf(returnType="n int")
    class Fails:
        def eval(self, n: int) -> Any:
            yield (1 // n,)

    with pytest.raises(PythonException, match="ZeroDivisionError"):
        Fails(F.lit(0)).collect()


def test_arrow_comes_and_goes_in_batches(spark: SparkSession) -> None:
    pa = pytest.importorskip("pyarrow")

    @F.arrow_udtf(returnType="k string, total long")
    class Total:
        def __init__(self) -> None:
            self.key, self.total = None, 0

        def eval(self, batch: Any) -> Any:
            self.key = batch.column("k")[0].as_py()
            self.total += sum(batch.column("n").to_pylist())

        def terminate(self) -> Any:
            yield pa.table({"total": [self.total], "k": [self.key]})

    table = spark.createDataFrame([("b", 1), ("a", 3), ("b", 2)], "k string, n int")
    assert rows(Total(table.asTable().partitionBy("k"))) == [("a", 3), ("b", 3)]
    lateral = lambda: table.lateralJoin(Total(F.col("n").outer()))  # noqa: E731
    assert condition_of(lateral) == "AnalysisException LATERAL_JOIN_WITH_ARROW_UDTF_UNSUPPORTED"


def test_what_is_refused(spark: SparkSession) -> None:
    spark.udtf.register("words", Words)
    left = "select * from values ('a') o(x)"
    for query in (
        f"{left}, lateral (select count(*) from words(o.x))",
        f"{left}, lateral (select * from words(o.x) order by word limit 1)",
        f"{left} left join lateral words(o.x) on position = 0",
        "select (select max(word) from words(o.x)) from values ('a') o(x)",
    ):
        with pytest.raises(Exception, match="LIGHTSTREAM_UNSUPPORTED"):
            spark.sql(query).collect()


def test_a_polars_function_is_given_series(spark: SparkSession) -> None:
    pl = pytest.importorskip("polars")

    def centred(x: Any) -> Any:
        return x - x.mean()

    def spread(x: Any) -> float:
        return float(x.max() - x.min())

    centred.__annotations__ = {"x": pl.Series, "return": pl.Series}
    spread.__annotations__ = {"x": pl.Series, "return": float}
    frame = spark.createDataFrame([("a", 1.0), ("a", 4.0), ("b", 4.0)], "k string, x double")
    assert rows(frame.select(F.polars_udf(centred, "double")("x"))) == [(-2.0,), (1.0,), (1.0,)]
    assert rows(frame.groupBy("k").agg(F.polars_udf(spread, "double")("x"))) == [("a", 3.0), ("b", 0.0)]
    upper = F.polars_udf(lambda s: s.str.to_uppercase(), "string")
    assert rows(frame.select(upper("k")).distinct()) == [("A",), ("B",)]
    assert condition_of(frame.select(F.polars_udf(lambda s: 5, "int")("k")).collect) == (
        "PythonException PYTHON_EXCEPTION"
    )

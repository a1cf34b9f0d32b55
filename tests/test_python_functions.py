"""Python functions in queries, without Spark: conversions, errors, streams, and whole frames."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import pytest
from sql_api_fixtures import condition_of, spark

from lightstream.errors import AnalysisException, PythonException
from lightstream.sql import Row, SparkSession
from lightstream.sql import functions as F

__all__ = ["spark"]


def rows(frame: Any) -> list[tuple[Any, ...]]:
    return sorted(map(tuple, frame.collect()))


def test_a_function_is_given_nulls_rows_and_dicts(spark: SparkSession) -> None:
    frame = spark.sql("select null as n, named_struct('x', 1) as s, map('a', 2) as m, array(1, null) as xs")
    seen = F.udf(lambda *values: repr(values))
    (row,) = frame.select(seen("n", "s", "m", "xs").alias("seen")).collect()
    assert row.seen == "(None, Row(x=1), {'a': 2}, [1, None])"


def test_times_are_local_to_the_machine(spark: SparkSession) -> None:
    frame = spark.sql("select timestamp'2020-01-01 10:00:00Z' as t, interval 1 day as d")
    found = frame.select(
        F.udf(lambda t: t.tzinfo is None, "boolean")("t").alias("naive"),
        F.udf(lambda t: t, "timestamp")("t").alias("t"),
        F.udf(lambda d: d + datetime.timedelta(hours=1), "interval day to second")("d").alias("d"),
    )
    (row,) = found.collect()
    assert row.naive
    assert row.t == frame.collect()[0].t
    assert row.d == datetime.timedelta(days=1, hours=1)


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        (True, "string", "true"),
        ([1, None], "string", "[1, None]"),
        ("12", "int", 12),
        (2.0, "int", 2),
        (1, "double", 1.0),
        ((1, 2), "array<int>", [1, 2]),
        ({"b": "q", "a": 3}, "a int, b string", Row(a=3, b="q")),
        (("x", 1), "a string, b int", Row(a="x", b=1)),
    ],
)
def test_a_result_is_converted_to_its_type(spark: SparkSession, value: Any, kind: str, expected: Any) -> None:
    assert spark.range(1).select(F.udf(lambda _: value, kind)("id")).collect()[0][0] == expected


@pytest.mark.parametrize(
    ("value", "kind"),
    [("text", "int"), (("a", "b"), "array<string>"), ((1,), "a int, b int"), (5, "decimal(10,2)")],
)
def test_a_result_that_does_not_fit_fails(spark: SparkSession, value: Any, kind: str) -> None:
    frame = spark.range(1).select(F.udf(lambda _: value, kind)("id"))
    assert condition_of(frame.collect) == "PythonException PYTHON_EXCEPTION"


def test_an_error_shows_the_users_line(spark: SparkSession) -> None:
    def broken(x: int) -> int:
        return {}[f"no such key {x}"]

    with pytest.raises(PythonException) as caught:
        spark.range(3).select(F.udf(broken, "int")("id")).collect()
    assert "in broken" in str(caught.value)
    assert "KeyError: 'no such key 0'" in str(caught.value)


def test_functions_have_names_for_sql(spark: SparkSession) -> None:
    spark.udf.register("plus", lambda a, b=1: a + b, "long")
    assert rows(spark.sql("select plus(id), plus(id, 5), plus(id, b => 7) from range(2)")) == [
        (1, 5, 7),
        (2, 6, 8),
    ]
    spark.udf.register("plus", lambda a: -a, "long")
    assert rows(spark.sql("select plus(id) from range(1, 3)")) == [(-2,), (-1,)]
    # Spark: its own functions come first.
    spark.udf.register("upper", lambda text: "mine")
    assert spark.sql("select upper('a')").collect() == [Row(**{"upper(a)": "A"})]


def test_a_function_that_is_not_deterministic_is_called_for_each_row(spark: SparkSession) -> None:
    calls: list[int] = []
    counter = F.udf(lambda: calls.append(1) or len(calls), "int").asNondeterministic()
    assert len(set(spark.range(50).select(counter()).collect())) == 50


def test_a_stream_runs_functions(spark: SparkSession, tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    (source / "a.json").write_text("".join(json.dumps({"n": n}) + "\n" for n in range(4)))
    doubled = F.udf(lambda n: n * 2, "int")
    frame = spark.readStream.schema("n int").json(str(source))
    frame = frame.filter(F.udf(lambda n: n % 2 == 1, "boolean")("n")).select(doubled("n").alias("d"))
    found: list[Any] = []
    query = frame.writeStream.foreachBatch(lambda batch, _: found.extend(rows(batch)))
    query.trigger(availableNow=True).start().awaitTermination(60)
    assert sorted(found) == [(2,), (6,)]


def test_frames_go_through_pandas(spark: SparkSession) -> None:
    pytest.importorskip("pandas")
    frame = spark.createDataFrame([("a", 1), ("a", 3), ("b", 5), (None, 7)], "k string, n int")

    def centred(group: Any) -> Any:
        return group.assign(n=group.n - group.n.mean())

    assert rows(frame.groupBy("k").applyInPandas(centred, "k string, n double").fillna("?")) == [
        ("?", 0.0),
        ("a", -1.0),
        ("a", 1.0),
        ("b", 0.0),
    ]

    def large(frames: Any) -> Any:
        for one in frames:
            yield one[one.n > 3][["n"]]

    assert rows(frame.mapInPandas(large, "n long")) == [(5,), (7,)]

    def misnamed(frames: Any) -> Any:
        for one in frames:
            yield one[["k"]]

    assert condition_of(frame.mapInPandas(misnamed, "n int").collect) == "PythonException PYTHON_EXCEPTION"


def test_frames_go_through_polars(spark: SparkSession, tmp_path: Path) -> None:
    pl = pytest.importorskip("polars")
    frame = spark.createDataFrame(
        [("a", 1, [1.5]), ("a", 3, None), ("b", 5, []), (None, 7, [None])], "k string, n int, x array<double>"
    )

    def large(frames: Any) -> Any:
        for one in frames:
            assert isinstance(one, pl.DataFrame) and one.columns == ["k", "n", "x"]
            yield one.filter(pl.col("n") > 1).select(pl.col("n").cast(pl.Int64) * 2, "x")

    found = frame.mapInPolars(large, "x array<double>, n long").orderBy("n")
    assert list(map(tuple, found.collect())) == [(None, 6), ([], 10), ([None], 14)]

    def largest(key: Any, group: Any) -> Any:
        return group.select(pl.lit(str(key)).alias("key"), pl.col("n").max())

    def both(left: Any, right: Any) -> Any:
        return pl.DataFrame({"left": [left.height], "right": [right.height]})

    groups = frame.groupBy("k")
    assert rows(groups.applyInPolars(largest, "key string, n int")) == [
        ("('a',)", 3), ("('b',)", 5), ("(None,)", 7)
    ]  # fmt: skip
    other = spark.createDataFrame([("b", 1), ("c", 1)], "k string, n int").groupBy("k")
    assert rows(groups.cogroup(other).applyInPolars(both, "left int, right int")) == [
        (0, 1), (1, 0), (1, 1), (2, 0)
    ]  # fmt: skip
    nothing = groups.applyInPolars(lambda group: pl.DataFrame(), "n int")
    assert rows(nothing) == [] and nothing.schema.names == ["n"]
    misnamed = frame.mapInPolars(lambda frames: (one.select("k") for one in frames), "n int")
    assert condition_of(misnamed.collect) == "PythonException PYTHON_EXCEPTION"


def test_a_stream_goes_through_polars(spark: SparkSession, tmp_path: Path) -> None:
    pl = pytest.importorskip("polars")
    source = tmp_path / "in"
    source.mkdir()
    stream = spark.readStream.schema("n int, t timestamp").option("maxFilesPerTrigger", 1).json(str(source))
    for file in range(2):
        lines = [json.dumps({"n": n + file, "t": f"2025-01-0{n + 1}T00:00:00Z"}) + "\n" for n in range(3)]
        (source / f"{file}.json").write_text("".join(lines))
    odd = stream.mapInPolars(lambda fs: (f.filter(pl.col("n") % 2 == 1) for f in fs), "n int, t timestamp")
    query = odd.writeStream.format("memory").queryName("odd").trigger(availableNow=True).start()
    assert query.awaitTermination(60)
    found = spark.sql("select n, cast(t as date) as d from odd").collect()
    assert sorted((row.n, row.d.isoformat()) for row in found) == [
        (1, "2025-01-01"), (1, "2025-01-02"), (3, "2025-01-03")
    ]  # fmt: skip


def test_what_is_refused(spark: SparkSession, tmp_path: Path) -> None:
    for action in (
        lambda: F.udf(lambda n: n, "int", useArrow=False),
        lambda: F.udtf(type("Rows", (), {"eval": lambda self: iter(())}), returnType="n int", useArrow=False),
    ):
        assert condition_of(action) == "UnsupportedOperationException LIGHTSTREAM_UNSUPPORTED"


@pytest.mark.parametrize("annotation", ["no Python (", "(1).missing", "Unknown[int]", 3])
def test_annotations_that_mean_nothing_are_those_of_a_function_of_rows(
    spark: SparkSession, annotation: Any
) -> None:
    def doubled(value: Any) -> Any:
        return value * 2

    doubled.__annotations__ = {"value": annotation, "return": annotation}
    assert rows(spark.range(2).select(F.udf(doubled, "bigint")("id"))) == [(0,), (2,)]


def test_groups_are_aggregated_by_pandas(spark: SparkSession) -> None:
    pandas = pytest.importorskip("pandas")

    def spread(values: Any) -> float:
        return float(values.max() - values.min())

    spread.__annotations__ = {"values": pandas.Series, "return": float}
    frame = spark.createDataFrame([("a", 1), ("a", 4), ("b", 5)], "k string, n int")
    assert rows(frame.groupBy("k").agg(F.pandas_udf(spread, "double")("n"))) == [("a", 3.0), ("b", 0.0)]
    stream = spark.readStream.format("rate").load().groupBy().agg(F.pandas_udf(spread, "double")("value"))
    with pytest.raises(AnalysisException, match="doesn't support group aggregate pandas UDF"):
        stream.writeStream.format("noop").outputMode("complete").start()

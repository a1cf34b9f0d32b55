"""Plans to SQL, against golden text. After a wanted change: `UPDATE_GOLDEN=1 pytest tests/test_compile.py`."""

import os
import pathlib

import pytest

from lightstream.compile.compiler import compile_plan
from lightstream.operators.incremental import IncrementalPlan
from lightstream.sql import SparkSession
from lightstream.sql import functions as F
from lightstream.sql.window import Window

GOLDEN = pathlib.Path(__file__).parent / "golden" / "compiled.txt"
SCHEMA = "gt string, Model string, x double, n int, t timestamp, s struct<a:int,b:string>, l array<int>"


@pytest.fixture(scope="module")
def frame(tmp_path_factory):
    directory = tmp_path_factory.mktemp("data")
    spark = SparkSession.builder.create()
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    yield spark.read.schema(SCHEMA).json(str(directory))
    spark.stop()


@pytest.fixture(scope="module")
def stream(frame, tmp_path_factory):
    return frame.sparkSession.readStream.schema(SCHEMA).json(str(tmp_path_factory.mktemp("stream")))


QUERIES = {
    "only the columns that are needed are read": lambda df: df.groupBy("gt").count(),
    "a name takes the spelling of the reference": lambda df: df.select("model", "GT"),
    "filters and projections are one select": lambda df: (
        df.withColumn("big", F.col("x") > 1).where("big").where("gt is not null").select("gt", "model")
    ),
    "what is used twice is computed once": lambda df: df.withColumn("y", F.abs("x") + 1).select(
        (F.col("y") * F.col("y")).alias("z")
    ),
    "a sort by a column that is not selected": lambda df: df.select("gt").orderBy(F.desc("x")).limit(3),
    "a filter by a column that is not selected": lambda df: df.select("gt").where("x > 1"),
    "a filter above a group": lambda df: df.groupBy("gt").agg(F.sum("n").alias("s")).where("s > 1"),
    "a computed key": lambda df: df.groupBy((F.col("n") % 3).alias("k")).agg(F.max("x")),
    "arithmetic over aggregates": lambda df: df.agg(F.sum("n") + 1, F.count("*")),
    "a self-join": lambda df: df.join(df, df.gt == df.gt).select(df.x),
    "a join by name": lambda df: df.join(df.groupBy("gt").count(), "gt", "left"),
    "a full join by name": lambda df: df.select("gt").join(df.select("gt", "x"), "gt", "full"),
    "a union prunes both sides": lambda df: df.union(df).select("gt"),
    "a union of different types": lambda df: df.select("n").union(df.select("x")),
    "distinct": lambda df: df.select("gt").distinct(),
    "one row for each value of a column": lambda df: df.dropDuplicates(["gt"]).select("gt", "x"),
    "struct fields": lambda df: df.select("s.a", F.col("s")["b"], "s.*"),
    "a window function": lambda df: df.select(
        "gt", F.row_number().over(Window.partitionBy("gt").orderBy("x")).alias("r")
    ).where("r = 1"),
    "limit, then filter": lambda df: df.limit(3).where("x > 1").select("gt"),
    "a condition that may fail above a join": lambda df: df.join(df.groupBy("gt").count().alias("c")).where(
        "Model = c.gt and c.count > 0 and n > 0 and 1 / n > 0.5"
    ),
    "what all sides of an OR say": lambda df: (
        df.alias("l")
        .join(df.alias("r"), F.expr("(l.gt = r.gt and l.x > 1) or (l.n = 2 and l.gt = r.gt)"))
        .select("l.x")
    ),
    "offset": lambda df: df.orderBy("x").offset(2).limit(3).select("gt"),
}


def rendered(plan, conf):
    return compile_plan(plan, conf).shown()


def golden() -> dict[str, str]:
    entries = {}
    for entry in GOLDEN.read_text().split("\n\n"):
        name, _, text = entry.strip().partition("\n")
        entries[name.removeprefix("-- ")] = text
    return entries


def compiled(frame):
    conf = frame._state.conf
    return {name: rendered(make(frame)._plan, conf) for name, make in QUERIES.items()}


def test_compiled_text_is_the_golden_text(frame):
    found = compiled(frame)
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text("\n\n".join(f"-- {name}\n{text}" for name, text in found.items()) + "\n")
    assert found == golden()


@pytest.mark.parametrize("name", QUERIES)
def test_duckdb_accepts_it(frame, name):
    frame_of = QUERIES[name](frame)
    assert frame_of.collect() == [] or name == "arithmetic over aggregates"


def test_a_streaming_count_merges_in_one_statement(stream):
    plan = IncrementalPlan.of(stream.groupBy("gt").count()._plan, "complete", stream._state.conf)
    assert plan.explain() == {
        "aggregate the batch": 'SELECT scan_0."gt" AS k0, count(1) AS s0, TRUE AS touched FROM scan_0 AS scan_0 '
        'GROUP BY scan_0."gt"',
        "merge with the state": "SELECT k0, sum(s0) AS s0, bool_or(touched) AS touched, bool_or(NOT touched) AS "
        "known FROM (batch UNION ALL SELECT k0, s0, FALSE AS touched FROM (state)) GROUP BY k0",
        "output": 'SELECT t1."c0" AS "gt", t1."c1" AS "count" FROM (SELECT k0 AS "c0", CAST(s0 AS BIGINT) AS "c1" '
        "FROM temp.main.lightstream_merged_0) AS t1",
    }

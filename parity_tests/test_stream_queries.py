"""What a query computes, batch by batch: over four files, two a batch where there is state, in its output modes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from stream_cases import Cases, Engine, compare

CASES = Cases("stream query")
Query = Callable[[Any, Any, Any], Any]  # (frame, F, T)


def query(mode: str, make: Query, files: int = 2) -> Callable[[Engine], None]:
    def program(engine: Engine) -> None:
        engine.put(0, 1, 3, 4)
        frame = make(engine.stream(maxFilesPerTrigger=files), engine.F, engine.T)
        engine.tell(frame.isStreaming)
        engine.run(frame, mode)

    return program


def in_one_partition(program: Callable[[Engine], None]) -> Callable[[Engine], None]:
    """Return a program in which Spark sorts without looking at its input first: it would count the state twice."""

    def alone(engine: Engine) -> None:
        engine.set("spark.sql.shuffle.partitions", "1")
        program(engine)

    return alone


STATELESS: dict[str, Query] = {
    "columns as they are": lambda df, F, T: df,
    "one column": lambda df, F, T: df.select("k"),
    "no row passes": lambda df, F, T: df.where("n + 1 > 100"),
    "an empty schema": lambda df, F, T: df.select(),
    "lateral": lambda df, F, T: df.lateralJoin(
        df.sparkSession.tvf.explode(F.array(F.col("n").outer(), F.lit(0))).toDF("m")
    ),
    "exists": lambda df, F, T: df.where(
        df.sparkSession.range(6).where(F.col("id") == F.col("n").outer()).exists()
    ),
    "literals only": lambda df, F, T: df.select(F.lit(1), F.lit("a").alias("b"), F.lit(None)),
    "arithmetic": lambda df, F, T: df.select(
        (F.col("n") + 1), F.col("n") % 2, (F.col("n") / 2).alias("half"), F.col("n") * F.col("x")
    ),
    "selectExpr": lambda df, F, T: df.selectExpr(
        "k as key", "n * 2 as twice", "x > 1 or n is null as big", "cast(x as int)", "upper(k) || '!' as loud"
    ),
    "case and if": lambda df, F, T: df.selectExpr(
        "case when n > 3 then 'big' when n > 1 then 'some' end", "if(x < 0, 'minus', k)", "coalesce(n, -1)"
    ),
    "when, otherwise": lambda df, F, T: df.select(
        F.when(F.col("n") > 2, "big").when(F.col("n").isNull(), "none").otherwise(F.col("k")).alias("size")
    ),
    "dates and times": lambda df, F, T: df.select(
        F.hour("ts"), F.date_trunc("hour", "ts"), F.to_date("ts"), F.date_format("ts", "yyyy/MM/dd HH:mm")
    ),
    "string functions": lambda df, F, T: df.select(
        F.concat_ws("-", "k", F.col("n").cast("string")),
        F.length("k"),
        F.substring("k", 1, 1),
        F.lpad("k", 3, "*"),
    ),
    "structs": lambda df, F, T: df.select(F.struct("k", "n").alias("s")).select("s.k", "s", "s.*"),
    "arrays": lambda df, F, T: df.select(F.array("n", F.lit(0)).alias("l")).select(
        "l", F.size("l"), F.col("l")[0], F.array_contains("l", 5)
    ),
    "maps": lambda df, F, T: (
        df.where("k || '' is not null")
        .select(F.create_map("k", "n").alias("m"))
        .select("m", F.col("m")["a"], F.map_keys("m"))
    ),
    "withColumn in a chain": lambda df, F, T: (
        df.withColumn("n", F.col("n") + 1)
        .withColumn("m", F.col("n") * 2)
        .withColumn("n", F.col("m") - F.col("n"))
        .withColumnRenamed("m", "most")
        .drop("x", "nothing")
    ),
    "withColumns": lambda df, F, T: df.withColumns({"a": F.col("n") + 1, "k": F.upper("k")}),
    "toDF": lambda df, F, T: df.select("k", "n").toDF("first", "second"),
    "names of other case": lambda df, F, T: df.select("K", F.col("N").alias("M")).where("m + 0 > 1"),
    "alias and its columns": lambda df, F, T: df.alias("t").select("t.k", F.col("t.n")),
    "filters in a chain": lambda df, F, T: (
        df.where(F.col("n") % 2 == 1).filter("x + 0 < 8").where("k <=> 'a'")
    ),
    "in and between": lambda df, F, T: df.where(F.concat("k", F.lit("")).isin("a", "b")).where(
        (F.col("n") + 0).between(2, 5)
    ),
    "like and rlike": lambda df, F, T: df.select(F.col("k").like("a%"), F.col("k").rlike("^[bc]")),
    "cast of everything": lambda df, F, T: df.select(
        F.col("n").cast("string"),
        F.col("n").cast("double"),
        F.col("x").cast("decimal(5,2)"),
        F.col("ts").cast("long"),
    ),
    "explode": lambda df, F, T: df.select("k", F.explode(F.array("n", F.lit(7))).alias("one")),
    "explode of sequences": lambda df, F, T: df.where("n + 0 < 6").select(
        "k", F.explode(F.sequence(F.lit(1), "n")).alias("i")
    ),
    "explode_outer": lambda df, F, T: df.select(
        "n", F.explode_outer(F.when(F.col("n") > 2, F.array(F.lit(1), F.lit(2)))).alias("one")
    ),
    "posexplode": lambda df, F, T: df.select("k", F.posexplode(F.split(F.lit("x,y"), ","))),
    "words of a text": lambda df, F, T: df.select(
        F.explode(F.split(F.concat_ws(" ", F.lit("row"), "k"), " ")).alias("word")
    ),
    "fillna and dropna": lambda df, F, T: df.fillna({"n": -1, "k": "?"}).dropna(subset=["x"]),
    "replace": lambda df, F, T: df.select("k", "n").replace({"a": "A"}, subset=["k"]),
    "union with itself": lambda df, F, T: df.select("k").union(df.select("k")),
    "unionByName": lambda df, F, T: df.select("k", "n").unionByName(df.selectExpr("n + 1 as n", "k")),
    "unionByName with missing columns": lambda df, F, T: df.select("k", "n").unionByName(
        df.select("k", "x"), allowMissingColumns=True
    ),
    "metadata columns": lambda df, F, T: df.select(
        "_metadata.file_name", F.col("_metadata.file_modification_time").alias("at"), "n"
    ),
    "a constant time in a batch": lambda df, F, T: df.select(
        (F.current_timestamp() == F.current_timestamp()).alias("same"),
        F.current_date() >= F.lit("2020-01-01"),
    ),
    "repartition": lambda df, F, T: df.repartition(3).select("k").coalesce(1),
    "hints": lambda df, F, T: df.hint("broadcast").select("n"),
    "transform": lambda df, F, T: df.transform(lambda d: d.select("k")).transform(
        lambda d: d.where("k || '' > 'a'")
    ),
    "higher-order functions": lambda df, F, T: df.select(
        F.transform(F.array("n", F.lit(2)), lambda v: v + 1).alias("l"),
        F.filter(F.array(F.lit(1), F.lit(5)), lambda v: v > 2),
    ),
    "to another schema": lambda df, F, T: df.to(
        T.StructType([T.StructField("n", T.LongType()), T.StructField("k", T.StringType())])
    ),
}

AGGREGATES: dict[str, Query] = {
    "count": lambda df, F, T: df.groupBy("k").count(),
    "count of columns": lambda df, F, T: df.groupBy("k").agg(
        F.count("n"), F.count("*"), F.count(F.lit(1)).alias("c")
    ),
    "sums": lambda df, F, T: df.groupBy("k").sum("n", "x"),
    "sums of all numbers": lambda df, F, T: df.groupBy("k").sum(),
    "averages": lambda df, F, T: df.groupBy("k").avg("n", "x"),
    "least and most": lambda df, F, T: df.groupBy("k").agg(F.min("n"), F.max("x"), F.min("ts"), F.max("k")),
    "spread": lambda df, F, T: df.groupBy("k").agg(
        F.stddev("n"), F.variance("n"), F.var_pop("x"), F.stddev_pop("x"), F.skewness("n"), F.kurtosis("n")
    ),
    "correlation": lambda df, F, T: df.groupBy("k").agg(
        F.corr("n", "x"), F.covar_samp("n", "x"), F.covar_pop("n", "x")
    ),
    "by and with order": lambda df, F, T: df.groupBy("k").agg(F.max_by("n", "ts"), F.min_by("x", "ts")),
    "sets": lambda df, F, T: df.groupBy("k").agg(F.sort_array(F.collect_set("n")).alias("seen")),
    "lists": lambda df, F, T: df.groupBy("k").agg(F.sort_array(F.collect_list("n")).alias("all")),
    "distinct, about": lambda df, F, T: df.groupBy("k").agg(F.approx_count_distinct("n")),
    "booleans": lambda df, F, T: df.groupBy("k").agg(
        F.expr("bool_or(n > 4)"), F.expr("every(n > 0)"), F.expr("some(x < 0)")
    ),
    "conditional counts": lambda df, F, T: df.groupBy("k").agg(
        F.count_if(F.col("n") > 2),
        F.sum(F.when(F.col("x") > 1, 1).otherwise(0)).alias("big"),
        F.expr("count(*) filter (where n > 2) as filtered"),
    ),
    "bits": lambda df, F, T: df.groupBy("k").agg(F.bit_and("n"), F.bit_or("n"), F.bit_xor("n")),
    "decimals": lambda df, F, T: df.groupBy("k").agg(
        F.sum(F.col("x").cast("decimal(10,2)")).alias("s"), F.avg(F.col("x").cast("decimal(10,2)")).alias("a")
    ),
    "products": lambda df, F, T: df.groupBy("k").agg(F.product("n")),
    "computed from aggregates": lambda df, F, T: df.groupBy("k").agg(
        (F.sum("n") / F.count("n")).alias("mean"), (F.max("n") - F.min("n") + 1).alias("range")
    ),
    "rollup": lambda df, F, T: df.rollup("k").agg(F.count("*"), F.max("n"), F.grouping("k")),
    "cube": lambda df, F, T: (
        df.cube("k", (F.col("n") % 2).alias("odd")).agg(F.sum("n").alias("s"), F.grouping_id()).where("s > 2")
    ),
    "no keys": lambda df, F, T: df.groupBy().agg(F.count("*"), F.sum("n"), F.max("ts")),
    "agg without groupBy": lambda df, F, T: df.agg(F.avg("x"), F.min("k")),
    "two keys": lambda df, F, T: df.groupBy("k", "n").count(),
    "an expression as key": lambda df, F, T: df.groupBy(
        F.col("n") % 2, (F.col("x") > 1).alias("big")
    ).count(),
    "an expression of a key": lambda df, F, T: (
        df.groupBy(F.upper("k").alias("key"))
        .agg(F.sum("n").alias("s"))
        .select(F.concat("key", F.lit("!")), (F.col("s") * 2).alias("twice"))
    ),
    "hours": lambda df, F, T: df.groupBy(F.hour("ts").alias("hour")).agg(F.count("*").alias("c")),
    "windows": lambda df, F, T: df.groupBy(F.window("ts", "10 minutes")).count(),
    "sliding windows": lambda df, F, T: df.groupBy(F.window("ts", "10 minutes", "5 minutes"), "k").agg(
        F.sum("n")
    ),
    "windows with a start": lambda df, F, T: (
        df.groupBy(F.window("ts", "1 hour", startTime="15 minutes"))
        .count()
        .select("window.start", "window.end", "count")
    ),
    "structs as keys": lambda df, F, T: df.groupBy(F.struct("k", "n").alias("both")).count(),
    "a filter before": lambda df, F, T: df.where("n % 2 = 1").groupBy("k").count(),
    "having": lambda df, F, T: df.groupBy("k").agg(F.count("*").alias("c")).where("c > 1"),
    "having, by name": lambda df, F, T: df.groupBy("k").count().filter(F.col("count") >= 2).select("k"),
    "columns above": lambda df, F, T: (
        df.groupBy("k").count().withColumn("share", F.col("count") / 10).drop("count")
    ),
    "aggregates of exploded rows": lambda df, F, T: (
        df.select(F.explode(F.array("n", "n")).alias("n")).groupBy("n").count()
    ),
    "aggregates of a union": lambda df, F, T: df.select("k").union(df.select("k")).groupBy("k").count(),
    "files counted": lambda df, F, T: df.groupBy("_metadata.file_name").count(),
    "first and last of one value": lambda df, F, T: df.groupBy("n").agg(
        F.first(F.lit("x")), F.last(F.col("n")), F.any_value("n")
    ),
    "median": lambda df, F, T: df.groupBy("k").agg(F.median("n"), F.percentile("x", 0.5)),
    "select distinct": lambda df, F, T: df.groupBy("k", "n").agg(F.lit(1).alias("one")).drop("one"),
}

COMPLETE_ONLY: dict[str, Query] = {
    "sorted": lambda df, F, T: df.groupBy("k").count().orderBy("count", "k"),
    "sorted downwards": lambda df, F, T: (
        df.groupBy("k").agg(F.sum("n").alias("s")).sort(F.desc("s"), F.asc("k"))
    ),
    "the top": lambda df, F, T: (
        df.groupBy("k").agg(F.sum("n").alias("s")).orderBy(F.desc_nulls_last("s")).limit(2)
    ),
    "a limit": lambda df, F, T: df.groupBy("k").count().limit(10),
    "sorted and computed": lambda df, F, T: (
        df.groupBy("k").count().orderBy("k").select(F.upper("k"), "count")
    ),
}

for name, make in STATELESS.items():
    CASES.add(f"append, {name}", query("append", make, files=4))
for name in ("arithmetic", "structs"):
    CASES.add(f"update, {name}", query("update", STATELESS[name]))
# Each aggregate in one of its modes; some in both.
BOTH = ("count", "least and most", "no keys", "having", "windows", "a filter before", "lists", "spread")
for position, (name, make) in enumerate(AGGREGATES.items()):
    for mode in ("update", "complete"):
        if name in BOTH or mode == ("update", "complete")[position % 2]:
            CASES.add(f"{mode}, {name}", query(mode, make))
for name, make in COMPLETE_ONLY.items():
    CASES.add(f"complete, {name}", in_one_partition(query("complete", make)))


@CASES
def a_filter_by_a_key_above_an_aggregation(engine: Engine) -> None:
    engine.put(0, 1)
    engine.run(engine.stream().groupBy("k").count().where("k is not null"), "update")


@CASES
def state_below_a_sort(engine: Engine) -> None:
    engine.put(0, 1)
    engine.run(engine.stream().groupBy("k").count().orderBy("k"), "complete")


# ---- SQL text -----------------------------------------------------------------------------------------------------

SQL: dict[str, tuple[str, str]] = {
    "a filter": ("append", "select k, n + 1 as more from stream where n % 2 = 1 or k is null"),
    "a subquery": ("append", "select m from (select n * 2 as m from stream) where m + 0 > 4"),
    "a common table expression": (
        "append",
        "with t as (select k, n from stream) select upper(k) u from t where n > 1",
    ),
    "lateral view": ("append", "select k, v from stream lateral view explode(array(n, 0)) as v"),
    "values joined": (
        "append",
        "select w, n from stream join values ('a', 'x'), ('b', 'y') t(key, w) on k = key",
    ),
    "union all": ("append", "select k from stream union all select upper(k) from stream"),
    "group by": ("update", "select k, count(*) c, sum(n) from stream group by k"),
    "group by position": ("complete", "select n % 2 as odd, max(x) from stream group by 1"),
    "having": ("complete", "select k, count(*) as c from stream group by k having c > 1 and sum(n) > 1"),
    "order by, limit": (
        "complete",
        "select k, count(*) as c from stream group by k order by c desc, k limit 2",
    ),
    "select distinct": ("update", "select distinct k from stream"),
    "group by all": ("complete", "select k, min(ts) from stream group by all"),
    "windows": ("complete", "select window.start, count(*) from stream group by window(ts, '30 minutes')"),
}


def sql(mode: str, text: str) -> Callable[[Engine], None]:
    def program(engine: Engine) -> None:
        engine.put(0, 1, 3, 4)
        engine.stream(maxFilesPerTrigger=2).createOrReplaceTempView("stream")
        try:
            frame = engine.spark.sql(text)
            engine.tell(frame.isStreaming)
            engine.run(frame, mode)
        finally:
            engine.spark.catalog.dropTempView("stream")

    return program


for name, (mode, text) in SQL.items():
    CASES.add(f"sql, {name}", in_one_partition(sql(mode, text)))


# ---- joins with a table -------------------------------------------------------------------------------------------

JOINS: dict[str, tuple[str, Query]] = {
    "inner": ("append", lambda df, t, F: df.join(t, "k")),
    "inner, on an expression": (
        "append",
        lambda df, t, F: df.join(t, df.k == t.k).select(df.n, t.name, df.k),
    ),
    "left": ("append", lambda df, t, F: df.join(t, "k", "left").select("k", "n", "name")),
    "left semi": ("append", lambda df, t, F: df.join(t, "k", "left_semi")),
    "left anti": ("append", lambda df, t, F: df.join(t, "k", "left_anti")),
    "right, of a table": ("append", lambda df, t, F: t.join(df, "k", "right").select("k", "n", "name")),
    "inner, of a table": ("append", lambda df, t, F: t.join(df, t.k == df.k).select("name", "n")),
    "cross": ("append", lambda df, t, F: df.select("n").crossJoin(t.select("name"))),
    "no equality": ("append", lambda df, t, F: df.join(t, F.length(t.name) > df.n + 3).select("n", "name")),
    "null-safe": ("append", lambda df, t, F: df.join(t, df.k.eqNullSafe(t.k)).select("n", "name")),
    "broadcast": ("append", lambda df, t, F: df.join(F.broadcast(t), ["k"]).select("name")),
    "then counted": ("complete", lambda df, t, F: df.join(t, "k", "left").groupBy("name").agg(F.sum("n"))),
    "a table counted": ("append", lambda df, t, F: df.join(t.groupBy("k").count(), "k").select("k", "count")),
    "twice": (
        "append",
        lambda df, t, F: (
            df.join(t, "k").join(t.selectExpr("name as again", "k"), "k").select("again", "name")
        ),
    ),
}


def join(mode: str, make: Query) -> Callable[[Engine], None]:
    def program(engine: Engine) -> None:
        engine.put(0, 1, 3, 4)
        rows = [("a", "first"), ("b", "second"), ("b", "twice"), (None, "nobody"), ("z", "never")]
        table = engine.spark.createDataFrame(rows, "k string, name string")
        engine.run(make(engine.stream(maxFilesPerTrigger=2), table, engine.F), mode)

    return program


for name, (mode, make) in JOINS.items():
    CASES.add(f"join, {name}", join(mode, make))


@CASES
def a_table_of_files_is_read_again_in_each_batch(engine: Engine) -> None:
    engine.put(0, 1)
    engine.write("names.json", [{"k": "a", "name": "first"}], into="names")
    names = engine.spark.read.schema("k string, name string").json(engine.path("names"))
    engine.run(engine.stream(maxFilesPerTrigger=1).join(names, "k", "left").select("k", "name"))


@CASES
def two_streams_in_a_union(engine: Engine) -> None:
    engine.put(0, 1)
    engine.write("other.json", [{"k": "o", "n": 100}, {"k": "p", "n": 200}], into="more")
    more = engine.stream("more", maxFilesPerTrigger=1).select("k", "n")
    frame = engine.stream(maxFilesPerTrigger=1).select("k", "n").union(more)
    query = engine.run(frame)
    engine.tell(
        [[len(p["sources"]), [s["numInputRows"] for s in p["sources"]]] for p in query.recentProgress]
    )


@CASES
def two_streams_in_a_union_are_counted(engine: Engine) -> None:
    engine.put(0, 1, 3)
    engine.write("other.json", [{"k": "a", "n": 100}, {"k": "p", "n": 200}], into="more")
    frame = engine.stream(maxFilesPerTrigger=1).select("k").union(engine.stream("more").select("k"))
    engine.run(frame.groupBy("k").count(), "complete")


@CASES
def the_batch_is_a_table_as_any_other(engine: Engine) -> None:
    engine.put(0, 1)

    def batch(rows: Any, batch_id: int) -> None:
        F = engine.F
        engine.tell(batch_id, rows.isStreaming, rows.count(), rows.columns, rows.dtypes)
        engine.tell_frame(rows.groupBy("k").agg(F.count_distinct("n")).orderBy("k"))
        engine.tell_frame(rows.dropDuplicates(["k"]).select("k"))
        engine.tell_frame(rows.selectExpr("sum(n) over (partition by k)").limit(10))
        rows.createOrReplaceTempView("batch_rows")
        engine.tell_frame(rows.sparkSession.sql("select max(x) from batch_rows"))

    query = engine.stream().writeStream.foreachBatch(batch).trigger(availableNow=True).start()
    assert query.awaitTermination(120)


def _variants(engine: Engine) -> Any:
    for number, text in enumerate(('{"a":[1.50,null]}', "null", "{", '{"b":{"z":1,"y":2}}', '"x"')):
        engine.write(f"{number}.json", [{"k": f"k{number % 2}", "n": number, "j": text}])
    frame = engine.stream(schema="k string, n int, j string", maxFilesPerTrigger=2)
    return frame.withColumn("v", engine.F.try_parse_json("j"))


@CASES
def variants(engine: Engine) -> None:
    engine.run(_variants(engine).selectExpr("n", "v", "v:a[0]::double as a", "schema_of_variant(v) as s"))


@CASES
def variants_in_the_state(engine: Engine) -> None:
    F = engine.F
    engine.run(_variants(engine).groupBy("k").agg(F.first("v"), F.schema_of_variant_agg("v")), "complete")


@CASES
def the_rows_of_keys_have_variants(engine: Engine) -> None:
    engine.run(_variants(engine).dropDuplicates(["k"]).select("k", "v"))


@CASES
def variants_are_grouped_by_what_they_hold(engine: Engine) -> None:
    engine.run(_variants(engine).groupBy(engine.F.expr("v:b.z::int")).count(), "complete")


@CASES
def variants_are_no_keys(engine: Engine) -> None:
    engine.attempt("groupBy", lambda: _variants(engine).groupBy("v").count())
    engine.attempt("dropDuplicates", lambda: _variants(engine).dropDuplicates(["v"]))


@pytest.mark.parametrize("program", list(CASES))
def test_query(spark: Any, lightstream: Any, tmp_path: Any, program: Callable[[Engine], None]) -> None:
    compare(spark, lightstream, tmp_path, program)

"""DataFrame programs as people write them. Each gets an engine and returns a DataFrame, or a value to compare."""

from __future__ import annotations

import contextlib
import datetime
import decimal
import io
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

PROGRAMS: dict[str, Callable[[Any], Any]] = {}


def program(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    PROGRAMS[function.__name__] = function
    return function


def many(family: str, **programs: Callable[[Any], Any]) -> None:
    for name, function in programs.items():
        PROGRAMS[f"{family}_{name}"] = function


EMP = [
    (1, "ann", "it", 100.0, datetime.date(2020, 1, 1), None), (2, "bob", "it", 80.5, datetime.date(2021, 5, 5), 1),
    (3, "cat", "hr", 70.0, datetime.date(2019, 3, 3), 1), (4, "dan", "hr", None, datetime.date(2022, 7, 7), 3),
    (5, "eve", "ops", 60.25, None, 2), (6, "fay", None, 60.25, datetime.date(2020, 2, 29), 2),
]  # fmt: skip
EMP_SCHEMA = "id int, name string, dept string, pay double, hired date, boss int"
DEPT = [("it", "London", 1), ("hr", "Paris", 2), ("fin", "Rome", 3), (None, "Nowhere", 4)]
SALES = [
    (2023, "q1", "a", 10), (2023, "q2", "a", 20), (2023, "q1", "b", 5), (2024, "q1", "a", 7), (2024, "q2", "b", 9),
    (2024, "q4", None, 1), (2024, None, "b", 3),
]  # fmt: skip


def engine(session: Any, functions: Any, types: Any, sql: Any) -> Any:
    """Return what programs use: the session `spark`, `F`, `T`, `W`, `Row`, and DataFrames."""
    made = SimpleNamespace(spark=session, F=functions, T=types, W=sql.Window, Row=sql.Row, sql=sql)
    made.emp = session.createDataFrame(EMP, EMP_SCHEMA)
    made.dept = session.createDataFrame(DEPT, "dept string, city string, floor int")
    made.sales = session.createDataFrame(SALES, "year int, quarter string, item string, amount int")
    row = sql.Row
    made.nested = session.createDataFrame(
        [
            (1, [1, 2, 3], {"a": 1, "b": 2}, row(x=1, y=row(p=1.5, q="p"))),
            (2, [], {"c": None}, row(x=2, y=None)),
            (3, None, None, None),
        ],
        "id int, xs array<int>, m map<string,int>, s struct<x:int,y:struct<p:double,q:string>>",
    )
    made.holes = session.createDataFrame(
        [
            (1, "a", 1.0, True),
            (2, None, None, None),
            (None, "c", float("nan"), False),
            (None, None, None, None),
        ],
        "i int, s string, d double, b boolean",
    )
    return made


# ---- selection ------------------------------------------------------------------------------------------------

many(
    "select",
    star=lambda s: s.emp.select("*"),
    names=lambda s: s.emp.select("id", "name"),
    listed=lambda s: s.emp.select(["id", s.F.col("name")]),
    columns=lambda s: s.emp.select(
        s.emp.id, s.emp["name"], s.F.col("pay") * 2, (s.F.col("id") + 1).alias("next")
    ),
    expr=lambda s: s.emp.selectExpr("id", "upper(name) as n", "pay / 2"),
    arithmetic=lambda s: s.emp.select(
        s.F.col("id") + 1,
        1 + s.F.col("id"),
        10 - s.F.col("id"),
        s.F.col("id") * 1.5,
        s.F.col("id") / 2,
        s.F.col("id") % 2,
        -s.F.col("id"),
        s.F.col("id") ** 2,
    ),
    negative=lambda s: s.emp.select(-s.emp.pay, s.F.negative("pay"), s.F.negate("id"), s.F.expr("-id")),
    comparison=lambda s: s.emp.select(
        s.emp.id > 2,
        s.emp.id == 2,
        s.emp.id != 2,
        s.emp.id <= 2,
        s.emp.boss.eqNullSafe(None),
        ~(s.emp.id > 2),
    ),
    logic=lambda s: s.emp.select(
        (s.emp.id > 1) & (s.emp.pay < 90), (s.emp.id > 1) | s.emp.pay.isNull(), ~s.emp.dept.isNotNull()
    ),
    isin=lambda s: s.emp.filter(s.emp.dept.isin("it", "hr")).select("id"),
    isin_list=lambda s: s.emp.filter(s.F.col("id").isin([1, 5])).select("id"),
    isin_empty=lambda s: s.emp.filter(s.F.col("id").isin([])).select("id"),
    not_isin=lambda s: s.emp.filter(~s.F.col("dept").isin("it")).select("id"),
    between=lambda s: s.emp.select("id", s.emp.pay.between(60, 80).alias("b"), s.emp.pay.between(60, 80)),
    like=lambda s: s.emp.select(
        s.emp.name.like("%a%"),
        s.emp.name.ilike("A%"),
        s.emp.name.rlike("^[a-c]"),
        s.emp.name.startswith("a"),
        s.emp.name.endswith("n"),
        s.emp.name.contains("a"),
    ),
    substr=lambda s: s.emp.select(s.emp.name.substr(1, 2), s.emp.name[1:2]),
    when=lambda s: s.emp.select(
        s.F.when(s.emp.pay > 90, "high").when(s.emp.pay > 65, "mid").otherwise("low").alias("band")
    ),
    when_named=lambda s: s.emp.select(
        s.F.when(s.emp.id > 3, 1), s.F.when(s.emp.id > 3, s.emp.id).otherwise(0)
    ),
    cast=lambda s: s.emp.select(
        s.emp.id.cast("string"),
        s.emp.pay.cast(s.T.IntegerType()),
        s.emp.id.astype("double").alias("d"),
        s.F.lit("x").try_cast("int"),
    ),
    bits=lambda s: s.emp.select(s.emp.id.bitwiseAND(1), s.emp.id.bitwiseOR(8), s.emp.id.bitwiseXOR(3)),
    literals=lambda s: s.emp.limit(1).select(
        s.F.lit(1),
        s.F.lit("a"),
        s.F.lit(1.5),
        s.F.lit(None),
        s.F.lit(True),
        s.F.lit(decimal.Decimal("1.50")),
        s.F.lit(datetime.date(2020, 1, 1)),
        s.F.lit(datetime.datetime(2020, 1, 1, 10)),
        s.F.lit([1, 2]),
        s.F.lit(b"ab"),
        s.F.lit(datetime.timedelta(days=1, hours=2)),
    ),
    nested=lambda s: s.nested.select(
        "s.x",
        "s.y.q",
        s.nested.s.y.p,
        s.nested.s["x"],
        s.F.col("s").getField("x"),
        s.nested.xs[0],
        s.nested.xs.getItem(0),
        s.nested.m["a"],
        s.nested.m.getItem("a"),
    ).filter("x = 1"),
    nested_star=lambda s: s.nested.select("id", "s.*"),
    regex=lambda s: s.emp.select(s.emp.colRegex("`(id|na.*)`")),
    df_star=lambda s: s.emp.select(s.emp["*"], s.F.lit(1).alias("one")).limit(1),
    alias_star=lambda s: s.emp.alias("e").select("e.*").filter("e.id = 1"),
    by_index=lambda s: s.emp.select(s.emp[0], s.emp[1]),
    getitem_list=lambda s: s.emp[["id", "name"]],
    getitem_filter=lambda s: s.emp[s.emp.id > 4],
    unknown=lambda s: s.emp.select("nope"),
    unknown_attribute=lambda s: s.emp.nope,
    unknown_item=lambda s: s.emp["nope"],
    empty=lambda s: s.emp.select(),
    distinct=lambda s: s.emp.select("dept").distinct(),
    with_column=lambda s: s.emp.withColumn("double", s.emp.pay * 2).withColumn("pay", s.F.lit(0)),
    with_columns=lambda s: s.emp.withColumns({"a": s.emp.id + 1, "b": s.F.upper("name")}).select("a", "b"),
    renamed=lambda s: s.emp.withColumnRenamed("id", "key").withColumnRenamed("nope", "x"),
    renamed_many=lambda s: s.emp.withColumnsRenamed({"id": "key", "name": "label"}).columns,
    renamed_swap=lambda s: s.emp.select("id", "boss").withColumnsRenamed({"id": "boss", "boss": "id"}),
    to_df=lambda s: s.dept.toDF("a", "b", "c"),
    to_df_wrong=lambda s: s.dept.toDF("a", "b"),
    drop=lambda s: s.emp.drop("pay", "nope").drop(s.emp.name),
    drop_column=lambda s: s.emp.join(s.dept, s.emp.dept == s.dept.dept).drop(s.dept.dept).columns,
    transform=lambda s: s.emp.transform(lambda df, n: df.limit(n), 2).transform(lambda df: df.select("id")),
    metadata=lambda s: s.emp.select(s.emp.id.alias("i", metadata={"a": 1})).schema.fields[0].metadata,
    with_metadata=lambda s: s.emp.withMetadata("id", {"k": "v"}).schema["id"].metadata,
    to_schema=lambda s: s.emp.to(
        s.T.StructType().add("name", "string").add("id", "long").add("extra", "integer")
    ),
    column_repr=lambda s: [
        repr(c)
        for c in (
            s.F.col("a") + 1,
            s.F.lit("x"),
            s.F.sum("a").alias("s"),
            s.F.col("a").isNull() & (s.F.col("b") == 2),
            s.F.when(s.F.col("a") > 1, 2).otherwise(3),
            s.F.col("a").cast("int"),
            s.F.col("a").desc(),
            -s.F.col("a"),
            s.F.upper("x"),
        )
    ],
    bool_column=lambda s: bool(s.emp.id),
    in_column=lambda s: "a" in s.emp.name,
    float_literal=lambda s: s.emp.limit(1).select(s.F.expr("0.1F"), s.F.lit(0.1) + s.F.lit(1)),
    duplicate_names=lambda s: s.emp.select("id", "id").columns,
    ambiguous=lambda s: s.emp.select("id", "id").select("id"),
    of_other=lambda s: s.emp.select(s.dept.city),
    explode=lambda s: s.nested.select("id", s.F.explode("xs")),
    explode_named=lambda s: s.nested.select("id", s.F.explode("xs").alias("x"), s.F.lit(1).alias("one")),
    explode_outer=lambda s: s.nested.select("id", s.F.explode_outer("xs")),
    explode_map=lambda s: s.nested.select("id", s.F.explode("m")),
    explode_map_named=lambda s: s.nested.select(s.F.explode("m").alias("k", "v")),
    posexplode=lambda s: s.nested.select("id", s.F.posexplode("xs")),
    posexplode_outer=lambda s: s.nested.select("id", s.F.posexplode_outer("xs").alias("p", "x")),
    explode_split=lambda s: (
        s.spark.createDataFrame([("a b c",), ("d",)], ["t"])
        .select(s.F.explode(s.F.split("t", " ")).alias("w"))
        .groupBy("w")
        .count()
    ),
    inline=lambda s: s.spark.createDataFrame(
        [([(1, "a"), (2, "b")],)], "v array<struct<n:int,t:string>>"
    ).select(s.F.inline("v")),
    explode_with_column=lambda s: s.nested.withColumn("x", s.F.explode("xs")).select("id", "x"),
)

many(
    "fields",
    add=lambda s: s.nested.select(s.nested.s.withField("z", s.F.lit(1)).alias("s")),
    replace=lambda s: s.nested.select(s.nested.s.withField("x", s.F.lit("new")).alias("s")),
    unnamed=lambda s: s.nested.select(s.nested.s.withField("z", s.F.lit(1))),
    deep=lambda s: s.nested.select(s.nested.s.withField("y.p", s.F.lit(9)).alias("s")),
    deep_add=lambda s: s.nested.select(s.nested.s.withField("y.r", s.F.col("id")).alias("s")),
    from_itself=lambda s: s.nested.withColumn("s", s.F.col("s").withField("x2", s.F.col("s.x") * 2)),
    drop=lambda s: s.nested.select(s.nested.s.dropFields("x").alias("s")),
    drop_two=lambda s: s.nested.select(s.nested.s.dropFields("y.p", "nope").alias("s")),
    drop_unnamed=lambda s: s.nested.select(s.nested.s.dropFields("x")),
    drop_all=lambda s: s.nested.select(s.nested.s.dropFields("x", "y")),
    missing=lambda s: s.nested.select(s.nested.s.withField("nope.a", s.F.lit(1))),
    not_struct=lambda s: s.nested.select(s.nested.id.withField("a", s.F.lit(1))),
    chain=lambda s: s.nested.select(
        s.nested.s.withField("a", s.F.lit(1)).withField("b", s.F.lit(2)).dropFields("x").alias("s")
    ),
    duplicate=lambda s: s.spark.sql("select named_struct('a', 1, 'a', 2) s").select(
        s.F.col("s").withField("a", s.F.lit(5)).alias("s")
    ),
    lit_struct=lambda s: s.spark.range(1).select(
        s.F.struct(s.F.lit(1).alias("a")).withField("b", s.F.lit("x"))
    ),
)

many(
    "filter",
    text=lambda s: s.emp.filter("pay > 65 and dept = 'it'").select("id"),
    where=lambda s: s.emp.where(s.F.col("pay").isNull()).select("id"),
    chain=lambda s: s.emp.filter(s.emp.id > 1).filter(s.emp.id < 4).select("id"),
    nan=lambda s: s.holes.filter(s.F.isnan("d")).select("s"),
    not_boolean=lambda s: s.emp.filter("id + 1"),
    dropped_column=lambda s: s.emp.select("name").filter(s.emp.id > 4),
    after_select=lambda s: s.emp.select("name").where("id > 4"),
)

# ---- joins ----------------------------------------------------------------------------------------------------

many(
    "join",
    using=lambda s: s.emp.join(s.dept, "dept"),
    using_list=lambda s: s.emp.join(s.dept, ["dept"], "left"),
    using_outer=lambda s: s.emp.join(s.dept, "dept", "outer"),
    using_right=lambda s: s.emp.join(s.dept, "dept", "right"),
    using_semi=lambda s: s.emp.join(s.dept, "dept", "left_semi"),
    using_anti=lambda s: s.emp.join(s.dept, "dept", "anti"),
    on=lambda s: s.emp.join(s.dept, s.emp.dept == s.dept.dept).select(s.emp.id, s.dept.city),
    on_left=lambda s: s.emp.join(s.dept, s.emp.dept == s.dept.dept, "left").select(
        s.emp.id, s.dept.city, s.dept.dept
    ),
    on_full=lambda s: s.emp.join(s.dept, s.emp.dept == s.dept.dept, "full_outer").select("id", "city"),
    on_list=lambda s: s.emp.join(s.dept, [s.emp.dept == s.dept.dept, s.emp.id > s.dept.floor]).select(
        "id", "city"
    ),
    null_safe=lambda s: s.emp.join(s.dept, s.emp.dept.eqNullSafe(s.dept.dept)).select("id", "city"),
    cross=lambda s: s.emp.select("id").crossJoin(s.dept.select("city")),
    none=lambda s: s.emp.select("id").join(s.dept.select("city")).count(),
    self=lambda s: (
        s.emp.alias("a")
        .join(s.emp.alias("b"), s.F.col("a.boss") == s.F.col("b.id"))
        .select("a.name", s.F.col("b.name").alias("boss"))
    ),
    self_left=lambda s: (
        s.emp.alias("a").join(s.emp.alias("b"), s.F.expr("a.boss = b.id"), "left").select("a.id", "b.id")
    ),
    self_same=lambda s: s.emp.join(s.emp, s.emp.id == s.emp.id).count(),
    self_using=lambda s: s.emp.join(s.emp.withColumnRenamed("pay", "pay2"), "id").select("id", "pay", "pay2"),
    aggregated=lambda s: s.emp.join(s.emp.groupBy("dept").agg(s.F.avg("pay").alias("mean")), "dept").select(
        "id", (s.F.col("pay") - s.F.col("mean")).alias("d")
    ),
    ambiguous=lambda s: s.emp.join(s.dept, s.emp.dept == s.dept.dept).select("dept"),
    bad_type=lambda s: s.emp.join(s.dept, "dept", "sideways"),
    bad_column=lambda s: s.emp.join(s.dept, "nope"),
    three=lambda s: (
        s.emp.join(s.dept, "dept")
        .join(s.sales.groupBy("item").count(), s.F.col("floor") == s.F.col("count"), "left")
        .select("id", "city", "item")
    ),
    condition_text=lambda s: (
        s.emp.alias("e").join(s.dept.alias("d"), s.F.expr("e.dept = d.dept and d.floor = 1")).select("e.id")
    ),
    broadcast=lambda s: s.emp.join(s.F.broadcast(s.dept), "dept").select("id", "city"),
    semi_select=lambda s: s.emp.join(s.dept, s.emp.dept == s.dept.dept, "leftsemi").select("id"),
    renamed=lambda s: s.emp.join(
        s.dept.withColumnRenamed("dept", "d"), s.F.col("dept") == s.F.col("d"), "left_anti"
    ).select("id"),
    lateral=lambda s: s.emp.select("id", "dept").lateralJoin(
        s.dept.where(s.F.col("dept") == s.F.col("dept").outer()).select("city")
    ),
    lateral_left=lambda s: s.emp.select("id", s.F.col("dept").alias("dd")).lateralJoin(
        s.dept.where(s.F.col("dept") == s.F.col("dd").outer()).select("city"), how="left"
    ),
    lateral_tvf=lambda s: s.nested.select("id", "xs").lateralJoin(s.spark.tvf.explode(s.F.col("xs").outer())),
    lateral_tvf_left=lambda s: s.nested.select("id", "xs").lateralJoin(
        s.spark.tvf.explode(s.F.col("xs").outer()), how="left"
    ),
    lateral_bound=lambda s: s.nested.lateralJoin(s.spark.tvf.explode(s.nested.xs.outer())).collect(),
    outer_alone=lambda s: s.emp.select(s.F.col("id").outer(), "name"),
    outer_unknown=lambda s: s.emp.select(s.F.col("nowhere").outer()).collect(),
    outer_bound=lambda s: s.emp.where(s.dept.where(s.dept.dept == s.emp.dept.outer()).exists()).collect(),
    outer_scalar=lambda s: s.emp.alias("e").select(
        "id",
        s.dept.alias("d")
        .where(s.F.col("d.dept") == s.F.col("e.dept").outer())
        .select(s.F.max("floor"))
        .scalar()
        .alias("floor"),
    ),
    subquery_scalar=lambda s: s.emp.where(s.emp.pay > s.emp.select(s.F.avg("pay")).scalar()).select("id"),
    subquery_exists=lambda s: (
        s.emp.alias("e")
        .where(s.dept.alias("d").where(s.F.col("d.dept") == s.F.col("e.dept").outer()).exists())
        .select("id")
    ),
    isin_frame=lambda s: s.emp.where(s.emp.dept.isin(s.dept.select("dept"))).select("id"),
)

# ---- groups ---------------------------------------------------------------------------------------------------

many(
    "group",
    count=lambda s: s.emp.groupBy("dept").count(),
    sorted_by_aggregate=lambda s: s.emp.groupBy("dept").count().orderBy(s.F.sum("pay").desc(), "dept"),
    filtered_by_aggregate=lambda s: (
        s.emp.groupBy("dept").count().where((s.F.max("id") > 1) & (s.F.col("count") > 1))
    ),
    filtered_by_grouping=lambda s: (
        s.emp.rollup("dept").count().where(s.F.grouping("dept") == 0).orderBy("dept")
    ),
    sorted_by_other_aggregate_of_rows=lambda s: s.emp.orderBy(s.F.max("id")),
    by_a_position_of_none=lambda s: s.emp.groupBy(s.F.lit(0)).agg(s.F.sum("id")),
    by_the_position_of_an_aggregate=lambda s: s.emp.groupBy(s.F.lit(2)).agg(s.F.sum("id")),
    by_its_own_position=lambda s: s.emp.groupBy(s.F.lit(1)).agg(s.F.sum("id")),
    by_a_position_beside_a_star=lambda s: s.emp.groupBy(s.F.lit(1)).agg(s.F.count("*")),
    below_an_alias=lambda s: s.emp.select("id").alias("e").where(s.F.col("pay") > 1),
    sum=lambda s: s.emp.groupBy("dept").sum("pay"),
    sums=lambda s: s.emp.groupBy("dept").sum(),
    avg_max=lambda s: s.emp.groupBy("dept").agg(s.F.avg("pay"), s.F.max("id").alias("m")),
    mean=lambda s: s.emp.groupBy("dept").mean("pay", "id"),
    minmax=lambda s: (
        s.emp.groupBy("dept").min("id").collect().__len__(),
        s.emp.groupBy().max("id").collect(),
    ),
    dict=lambda s: s.emp.groupBy("dept").agg({"pay": "avg", "id": "max"}),
    dict_many=lambda s: s.emp.agg(
        {"pay": "avg", "id": "max", "name": "min", "boss": "count", "hired": "max"}
    ),
    dict_names=lambda s: (
        s.emp.agg(
            {
                "zeta" if False else "name": "count",
                "id": "sum",
                "pay": "stddev",
                "dept": "first",
                "boss": "mean",
                "hired": "min",
            }
        ).columns
    ),
    dict_star=lambda s: s.emp.groupBy("dept").agg({"*": "count"}),
    dict_two=lambda s: s.emp.agg({"id": "sum", "pay": "sum"}).columns,
    total=lambda s: s.emp.agg(s.F.sum("pay"), s.F.count("*"), s.F.countDistinct("dept"), s.F.count("pay")),
    expression=lambda s: s.emp.groupBy((s.emp.id % 2).alias("odd")).agg(s.F.collect_list("id").alias("ids")),
    unnamed_expression=lambda s: s.emp.groupBy(s.emp.id % 2).count(),
    two=lambda s: s.sales.groupBy("year", "item").agg(s.F.sum("amount").alias("s")).orderBy("year", "item"),
    by_list=lambda s: s.sales.groupBy(["year", "item"]).count(),
    by_position=lambda s: s.sales.groupBy(1).count(),
    having=lambda s: s.emp.groupBy("dept").count().filter("count > 1"),
    having_column=lambda s: s.emp.groupBy("dept").agg(s.F.count("*").alias("n")).where(s.F.col("n") > 1),
    nothing=lambda s: s.emp.groupBy().count(),
    stats=lambda s: (
        s.emp.groupBy("dept")
        .agg(s.F.stddev("pay"), s.F.variance("pay"), s.F.first("name"), s.F.last("name"), s.F.min("name"))
        .count()
    ),
    distinct_sum=lambda s: s.sales.agg(
        s.F.sum_distinct("amount"), s.F.count_distinct("year", "item"), s.F.approx_count_distinct("item")
    ),
    filtered=lambda s: s.emp.groupBy("dept").agg(
        s.F.sum(s.F.when(s.emp.pay > 70, 1).otherwise(0)).alias("n")
    ),
    rollup=lambda s: s.sales.rollup("year", "item").sum("amount"),
    cube=lambda s: s.sales.cube("year", "item").agg(
        s.F.sum("amount"), s.F.grouping("year"), s.F.grouping_id()
    ),
    cube_count=lambda s: s.sales.cube("year", "quarter").count().orderBy("year", "quarter"),
    sets=lambda s: s.sales.groupingSets([("year", "item"), ("year",), ()], "year", "item").agg(
        s.F.sum("amount")
    ),
    rollup_grouping=lambda s: (
        s.sales.rollup("year").agg(s.F.grouping("year").alias("g"), s.F.count("*")).filter("g = 0")
    ),
    pivot=lambda s: s.sales.groupBy("year").pivot("quarter", ["q1", "q2"]).sum("amount"),
    pivot_found=lambda s: s.sales.groupBy("year").pivot("quarter").sum("amount"),
    pivot_two=lambda s: (
        s.sales.groupBy("year")
        .pivot("quarter", ["q1", "q2"])
        .agg(s.F.sum("amount").alias("s"), s.F.max("amount"))
    ),
    pivot_one_alias=lambda s: (
        s.sales.groupBy("year").pivot("item", ["a", "b"]).agg(s.F.sum("amount").alias("total"))
    ),
    pivot_count=lambda s: s.sales.groupBy("year").pivot("item").count(),
    pivot_numbers=lambda s: s.sales.groupBy("item").pivot("year").avg("amount"),
    pivot_none=lambda s: s.sales.groupBy().pivot("item", ["a", "b"]).sum("amount"),
    pivot_missing=lambda s: s.sales.groupBy("year").pivot("quarter", ["zz"]).sum("amount"),
    pivot_first=lambda s: (
        s.sales.where("item = 'a'").groupBy("year").pivot("quarter").agg(s.F.first("amount"))
    ),
    pivot_collect=lambda s: (
        s.sales.groupBy("year").pivot("item", ["a"]).agg(s.F.sort_array(s.F.collect_list("amount")))
    ),
    pivot_date=lambda s: s.emp.groupBy("dept").pivot("hired", [datetime.date(2020, 1, 1)]).count(),
    pivot_double=lambda s: s.emp.groupBy().pivot("pay", [60.25, 70.0]).count(),
    pivot_bool=lambda s: s.holes.groupBy().pivot("b").count(),
    pivot_twice=lambda s: s.sales.groupBy("year").pivot("item").pivot("quarter"),
    pivot_rollup=lambda s: s.sales.rollup("year").pivot("item"),
    pivot_wrong_value=lambda s: s.sales.groupBy("year").pivot("year", ["x"]).count(),
    unknown=lambda s: s.emp.groupBy("nope").count(),
    not_numeric=lambda s: s.emp.groupBy("dept").sum("name"),
    not_aggregate=lambda s: s.emp.groupBy("dept").agg(s.F.col("pay")),
    aggregate_expression=lambda s: s.emp.groupBy("dept").agg(
        (s.F.sum("pay") / s.F.count("*")).alias("x"), s.F.round(s.F.avg("pay"), 1)
    ),
    repr=lambda s: repr(s.sales.groupBy("year")),
    keys_not_kept=lambda s: s.emp.groupBy("dept").agg(s.F.max("pay").alias("pay")).select("pay"),
    select_aggregate=lambda s: s.emp.select(s.F.max("pay"), s.F.min("pay")),
)

# ---- windows --------------------------------------------------------------------------------------------------

many(
    "window",
    row_number=lambda s: s.emp.select("id", s.F.row_number().over(s.W.partitionBy("dept").orderBy("id"))),
    top=lambda s: (
        s.emp.withColumn("rn", s.F.row_number().over(s.W.partitionBy("dept").orderBy(s.F.desc("pay"))))
        .filter("rn = 1")
        .drop("rn")
    ),
    ranks=lambda s: s.emp.select(
        "id",
        *[
            f().over(s.W.orderBy("pay")).alias(n)
            for n, f in (
                ("r", s.F.rank),
                ("d", s.F.dense_rank),
                ("p", s.F.percent_rank),
                ("c", s.F.cume_dist),
            )
        ],
    ),
    running=lambda s: s.emp.select(
        "id",
        s.F.sum("pay").over(s.W.orderBy("id").rowsBetween(s.W.unboundedPreceding, s.W.currentRow)).alias("s"),
    ),
    running_named=lambda s: s.emp.select(
        s.F.sum("pay").over(s.W.orderBy("id").rowsBetween(s.W.unboundedPreceding, s.W.currentRow))
    ),
    sliding=lambda s: s.emp.select("id", s.F.avg("id").over(s.W.orderBy("id").rowsBetween(-1, 1))),
    ranges=lambda s: s.emp.select("id", s.F.count("*").over(s.W.orderBy("id").rangeBetween(-2, 0))),
    whole=lambda s: s.emp.select(
        "id",
        s.F.max("pay").over(s.W.partitionBy("dept")).alias("m"),
        s.F.count("*").over(s.W.partitionBy()).alias("n"),
    ),
    lag=lambda s: s.emp.select(
        "id",
        s.F.lag("name").over(s.W.orderBy("id")),
        s.F.lead("name", 2, "x").over(s.W.orderBy("id")).alias("l"),
        s.F.lag("id", -1).over(s.W.orderBy("id")),
        s.F.lag("id", 0).over(s.W.orderBy("id")),
    ),
    difference=lambda s: s.emp.withColumn("d", s.emp.pay - s.F.lag("pay").over(s.W.orderBy("id"))).select(
        "id", "d"
    ),
    first_last=lambda s: s.emp.select(
        "id",
        s.F.first("pay", ignorenulls=True).over(s.W.orderBy("id")).alias("f"),
        s.F.last("pay", True).over(s.W.orderBy("id")).alias("l"),
        s.F.last_value("pay", True).over(s.W.orderBy("id")).alias("v"),
    ),
    nth=lambda s: s.emp.select(
        "id",
        s.F.nth_value("name", 2).over(s.W.orderBy("id")).alias("n"),
        s.F.ntile(2).over(s.W.orderBy("id")).alias("t"),
    ),
    of_group=lambda s: (
        s.sales.groupBy("item")
        .agg(s.F.sum("amount").alias("a"))
        .withColumn("r", s.F.rank().over(s.W.orderBy(s.F.desc("a"))))
    ),
    no_order=lambda s: s.emp.select(s.F.row_number().over(s.W.partitionBy("dept"))),
    in_filter=lambda s: s.emp.filter(s.F.row_number().over(s.W.orderBy("id")) == 1),
    no_window=lambda s: s.emp.select(s.F.row_number()),
    order_expression=lambda s: s.emp.select(
        "id", s.F.row_number().over(s.W.orderBy(s.F.length("name"), s.F.col("id").desc())).alias("r")
    ),
    collect=lambda s: s.emp.select(
        "id", s.F.collect_list("name").over(s.W.partitionBy("dept").orderBy("id")).alias("names")
    ),
    bad_frame=lambda s: s.emp.select(s.F.rank().over(s.W.orderBy("id").rowsBetween(-1, 0))),
    over_text=lambda s: s.emp.select("id", s.F.lag("name", 1, "{over}").over(s.W.orderBy("id")).alias("l")),
)

# ---- rows -----------------------------------------------------------------------------------------------------

many(
    "rows",
    order=lambda s: [r.id for r in s.emp.orderBy("pay", "id").collect()],
    order_desc=lambda s: [r.id for r in s.emp.orderBy(s.F.desc("pay"), s.emp.id.desc()).collect()],
    order_nulls=lambda s: [
        [r.id for r in s.emp.orderBy(c, "id").collect()]
        for c in (
            s.emp.dept.asc_nulls_last(),
            s.emp.dept.desc_nulls_first(),
            s.emp.dept.asc_nulls_first(),
            s.emp.dept.desc_nulls_last(),
        )
    ],
    order_ascending=lambda s: [r.id for r in s.emp.sort(["dept", "id"], ascending=[False, True]).collect()],
    order_flag=lambda s: [r.id for r in s.emp.sort("id", ascending=False).collect()],
    order_expression=lambda s: [r.id for r in s.emp.orderBy(s.F.length("name") + s.emp.id).collect()],
    order_position=lambda s: [r.id for r in s.emp.select("id").orderBy(-1).collect()],
    order_dropped=lambda s: [r.name for r in s.emp.select("name").orderBy(s.emp.id.desc()).collect()],
    limit=lambda s: s.emp.orderBy("id").limit(2),
    offset=lambda s: s.emp.orderBy("id").offset(4).select("id"),
    head=lambda s: (
        s.emp.orderBy("id").head(),
        s.emp.orderBy("id").head(2),
        s.emp.orderBy("id").first(),
        s.emp.orderBy("id").take(1),
        s.emp.orderBy("id").tail(2),
    ),
    empty_head=lambda s: (
        s.emp.filter("false").head(),
        s.emp.filter("false").first(),
        s.emp.filter("false").take(1),
        s.emp.filter("false").isEmpty(),
        s.emp.isEmpty(),
    ),
    count=lambda s: (s.emp.count(), s.emp.filter("id > 4").count()),
    iterator=lambda s: [r.id for r in s.emp.orderBy("id").toLocalIterator()],
    union=lambda s: s.emp.select("id").union(s.dept.select("floor")),
    union_all=lambda s: s.emp.select("id").unionAll(s.emp.select("id")).count(),
    union_types=lambda s: s.emp.select("id").union(s.emp.select("pay")),
    union_mismatch=lambda s: s.emp.select("id").union(s.dept),
    union_incompatible=lambda s: s.emp.select("id").union(s.nested.select("xs")),
    union_by_name=lambda s: s.emp.select("id", "name").unionByName(s.emp.select("name", "id")),
    union_missing=lambda s: s.emp.select("id", "name").unionByName(
        s.dept.select("city", s.F.col("floor").alias("id")), allowMissingColumns=True
    ),
    union_missing_refused=lambda s: s.emp.select("id", "name").unionByName(s.dept.select("city")),
    union_missing_struct=lambda s: s.nested.select("s").unionByName(
        s.spark.range(1).select(s.F.struct(s.F.lit(5).alias("x")).alias("s")), allowMissingColumns=True
    ),
    intersect=lambda s: s.emp.select("dept").intersect(s.dept.select("dept")),
    intersect_all=lambda s: s.emp.select("dept").intersectAll(s.emp.select("dept")),
    subtract=lambda s: s.emp.select("dept").subtract(s.dept.select("dept")),
    except_all=lambda s: s.emp.select("dept").exceptAll(s.dept.select("dept")),
    duplicates=lambda s: s.emp.dropDuplicates(["dept"]).count(),
    duplicates_all=lambda s: s.emp.select("dept", "pay").dropDuplicates(),
    duplicates_unknown=lambda s: s.emp.dropDuplicates(["nope"]),
    duplicates_text=lambda s: s.emp.dropDuplicates("dept"),
    repartition=lambda s: (
        s.emp.repartition(3).coalesce(1).repartition("dept").repartition(2, "dept").hint("broadcast").count()
    ),
    cache=lambda s: (
        s.emp.cache().count(),
        s.emp.persist().count(),
        s.emp.unpersist().count(),
        s.emp.storageLevel is not None,
    ),
    checkpoint=lambda s: s.emp.localCheckpoint().count(),
    unpivot=lambda s: s.emp.unpivot("id", ["pay", "boss"], "what", "value"),
    unpivot_list=lambda s: s.emp.select("id", "name", "dept").unpivot(["id"], ["name", "dept"], "k", "v"),
    melt_rest=lambda s: s.emp.select("id", "pay", "boss").melt("id", None, "k", "v"),
    unpivot_types=lambda s: s.emp.unpivot("id", ["pay", "name"], "k", "v"),
    unpivot_none=lambda s: s.emp.select("id").unpivot("id", None, "k", "v"),
    unpivot_expression=lambda s: s.emp.unpivot("id", [s.emp.pay, (s.emp.boss + 1).alias("b")], "k", "v"),
    transpose=lambda s: (
        s.sales.groupBy("year").agg(s.F.sum("amount").alias("a"), s.F.count("*").alias("n")).transpose()
    ),
    transpose_index=lambda s: s.emp.select("pay", "id", "boss").transpose("id"),
    transpose_null_index=lambda s: s.emp.filter("id in (1, 4, 5)").select("boss", "id").transpose(),
    transpose_types=lambda s: s.emp.select("id", "name", "pay").transpose(),
    transpose_empty=lambda s: s.emp.select("id", "pay").filter("id > 9").transpose(),
    transpose_alone=lambda s: s.emp.select("id").limit(1).transpose(),
    transpose_dates=lambda s: (
        s.emp.filter("id < 3").select("hired", "id", s.F.lit(5).cast("long")).transpose()
    ),
    transpose_array=lambda s: s.nested.select("xs", "id").transpose(),
    transpose_expression=lambda s: s.emp.select("id", "boss").transpose(s.emp.id + 1),
    transpose_unknown=lambda s: s.emp.select("id", "boss").transpose("nowhere"),
    transpose_many=lambda s: s.spark.range(501).selectExpr("id", "id as b").transpose(),
    zip=lambda s: s.emp.select("name").zip(s.emp.select((s.F.col("id") + 1).alias("next"), "pay")),
    zip_chains=lambda s: (
        s.emp.withColumn("twice", s.F.col("id") * 2)
        .select("twice")
        .zip(s.emp.select("id", "pay").withColumnRenamed("pay", "p").select("p"))
    ),
    zip_self=lambda s: s.emp.select("id").zip(s.emp.select("id")),
    zip_filtered=lambda s: (lambda e: e.select("id").zip(e.select("name")))(s.emp.filter("id > 2")),
    zip_filtered_apart=lambda s: (
        s.emp.filter("id > 2").select("id").zip(s.emp.filter("id > 2").select("name"))
    ),
    zip_one_filtered=lambda s: s.emp.filter("id > 2").select("id").zip(s.emp.select("name")),
    zip_others=lambda s: s.emp.select("id").zip(s.dept.select("city")),
    random_split=lambda s: sum(part.count() for part in s.spark.range(100).randomSplit([1.0, 2.0], 5)),
    sample_all=lambda s: s.emp.sample(1.0).count(),
    sample_none=lambda s: s.emp.sample(0.0).count(),
    sample_size=lambda s: 400 < s.spark.range(10000).sample(0.05, seed=3).count() < 600,
    sample_replacement=lambda s: 14000 < s.spark.range(10000).sample(True, 1.5, 3).count() < 16000,
    sample_same=lambda s: (
        s.spark.range(1000).sample(0.1, 7).collect() == s.spark.range(1000).sample(0.1, 7).collect()
    ),
    sample_seed=lambda s: [r.id for r in s.spark.range(0, 100, 1, 1).sample(0.1, 42).collect()],
    sample_bad=lambda s: s.emp.sample(-0.1).count(),
    sample_over=lambda s: s.emp.sample(1.5).count(),
    sample_by=lambda s: s.emp.stat.sampleBy("dept", {"it": 1.0, "hr": 0.0}, 1),
    zip_index=lambda s: s.emp.coalesce(1).zipWithIndex().select("id", "index").orderBy("id"),
    range=lambda s: s.spark.range(3),
    range_step=lambda s: s.spark.range(10, 0, -3),
    range_partitions=lambda s: s.spark.range(0, 10, 2, 2).count(),
    increasing=lambda s: s.emp.coalesce(1).select("id", s.F.monotonically_increasing_id()),
    partition_id=lambda s: s.emp.coalesce(1).select(s.F.spark_partition_id()).distinct(),
    same_semantics=lambda s: s.emp.select("id").sameSemantics(s.emp.select("id")),
    observe=lambda s: s.emp.observe("o", s.F.count("*").alias("n")).count(),
)

# ---- missing values and statistics ----------------------------------------------------------------------------

many(
    "na",
    drop=lambda s: s.holes.na.drop(),
    drop_all=lambda s: s.holes.dropna(how="all"),
    drop_thresh=lambda s: s.holes.dropna(thresh=3),
    drop_subset=lambda s: s.holes.dropna(subset=["s"]),
    fill_number=lambda s: s.holes.fillna(0),
    fill_float=lambda s: s.holes.fillna(1.5),
    fill_text=lambda s: s.holes.fillna("x"),
    fill_bool=lambda s: s.holes.fillna(True),
    fill_dict=lambda s: s.holes.fillna({"i": 7, "s": "none", "d": 0.5, "b": False}),
    fill_subset=lambda s: s.holes.na.fill(9, ["i"]),
    fill_wrong_type=lambda s: s.holes.na.fill("x", ["i"]),
    fill_unknown=lambda s: s.holes.na.fill({"nope": 1}),
    replace=lambda s: s.holes.replace("a", "z"),
    replace_many=lambda s: s.holes.na.replace(["a", "c"], ["A", "C"], "s"),
    replace_dict=lambda s: s.holes.replace({1: 100, 2: 200}),
    replace_none=lambda s: s.holes.na.replace({"a": None}),
    replace_mixed=lambda s: s.holes.replace({"a": 1}),
    replace_bool=lambda s: s.holes.replace(True, False),
)

many(
    "stat",
    describe=lambda s: s.emp.describe(),
    describe_some=lambda s: s.emp.describe("pay", "name"),
    summary=lambda s: s.emp.select("id", "pay", "name").summary(),
    summary_some=lambda s: s.emp.select("id").summary("count", "min", "25%", "max"),
    summary_bad=lambda s: s.emp.summary("nope"),
    corr=lambda s: round(s.sales.stat.corr("year", "amount"), 9),
    cov=lambda s: round(s.sales.cov("year", "amount"), 9),
    crosstab=lambda s: s.sales.crosstab("year", "item"),
    freq=lambda s: sorted(map(str, s.sales.freqItems(["item"], 0.4).collect()[0][0])),
    freq_columns=lambda s: s.sales.coalesce(1).freqItems(["year", "item"]),
    freq_kinds=lambda s: s.emp.coalesce(1).stat.freqItems(("id", "name", "pay", "hired"), 0.2),
    freq_false=lambda s: (
        s.spark.range(1000)
        .coalesce(1)
        .selectExpr("id % 37 as a", "case when id % 2 = 0 then 7 else id end as b", "cast(id as string) as c")
        .freqItems(["a", "b", "c"], 0.1)
    ),
    freq_numbers=lambda s: (
        s.spark.range(30)
        .coalesce(1)
        .selectExpr("id * 10000000007 as a", "id / 7 - 2 as b", "-id as c")
        .freqItems(["a", "b", "c"])
    ),
    freq_support=lambda s: s.emp.freqItems(["id"], 2.0),
    freq_text=lambda s: s.emp.freqItems("id"),
    freq_unknown=lambda s: s.emp.freqItems(["nowhere"]),
    quantile=lambda s: s.emp.approxQuantile("id", [0.0, 0.5, 1.0], 0.0),
    quantiles=lambda s: s.emp.stat.approxQuantile(["id", "pay"], [0.25, 0.5], 0.0),
    corr_text=lambda s: s.emp.stat.corr("name", "id"),
)

# ---- creating -------------------------------------------------------------------------------------------------

many(
    "create",
    tuples=lambda s: s.spark.createDataFrame([(1, "a"), (2, None)], ["n", "t"]),
    no_names=lambda s: s.spark.createDataFrame([(1, "a")]),
    rows=lambda s: s.spark.createDataFrame([s.Row(a=1, b="x"), s.Row(a=2, b="y")]),
    dicts=lambda s: s.spark.createDataFrame([{"b": 1, "a": "x"}, {"a": "y"}]),
    ddl=lambda s: s.spark.createDataFrame([(1, 2.5)], "a int, b double"),
    struct=lambda s: s.spark.createDataFrame(
        [(1, [1, 2], {"k": 1})],
        s.T.StructType(
            [
                s.T.StructField("a", s.T.ShortType(), False),
                s.T.StructField("b", s.T.ArrayType(s.T.LongType())),
                s.T.StructField("c", s.T.MapType(s.T.StringType(), s.T.IntegerType())),
            ]
        ),
    ),
    single=lambda s: s.spark.createDataFrame([1, 2, 3], "int"),
    single_type=lambda s: s.spark.createDataFrame(["a", "b"], s.T.StringType()),
    inferred=lambda s: s.spark.createDataFrame(
        [
            (
                1,
                1.5,
                "a",
                True,
                None,
                datetime.date(2020, 1, 1),
                datetime.datetime(2020, 1, 1),
                decimal.Decimal("1.5"),
                b"x",
                [1],
                {"a": 1},
            )
        ],
        list("abcdfghijkl"),
    ),
    nested_rows=lambda s: s.spark.createDataFrame([s.Row(a=s.Row(b=1, c=[s.Row(d=2)]))]),
    nested_dict=lambda s: s.spark.createDataFrame([{"a": {"b": 1}, "c": [1, None]}]),
    empty=lambda s: s.spark.createDataFrame([], "a int, b string"),
    empty_no_schema=lambda s: s.spark.createDataFrame([]),
    all_none=lambda s: s.spark.createDataFrame([(None,)], ["a"]),
    merge=lambda s: s.spark.createDataFrame([(1,), ("a",)], ["a"]),
    int_and_float=lambda s: s.spark.createDataFrame([(1,), (2.5,)], ["a"]),
    wrong=lambda s: s.spark.createDataFrame([("a",)], "a int"),
    not_nullable=lambda s: s.spark.createDataFrame(
        [(None,)], s.T.StructType([s.T.StructField("a", s.T.IntegerType(), False)])
    ),
    too_long=lambda s: s.spark.createDataFrame([(1, 2, 3)], "a int, b int"),
    out_of_range=lambda s: s.spark.createDataFrame([(3_000_000_000,)], "a int"),
    pandas=lambda s: s.spark.createDataFrame(
        __import__("pandas").DataFrame({"a": [1, 2], "b": ["x", "y"], "c": [1.5, None]})
    ),
    pandas_schema=lambda s: s.spark.createDataFrame(
        __import__("pandas").DataFrame({"a": [1, 2], "b": ["x", "y"]}), "p long, q string"
    ),
    arrow=lambda s: s.spark.createDataFrame(__import__("pyarrow").table({"a": [1, 2], "b": ["x", None]})),
    numpy=lambda s: s.spark.createDataFrame(__import__("numpy").array([[1, 2], [3, 4]])),
    generator=lambda s: s.spark.createDataFrame(((i, str(i)) for i in range(3)), ["i", "t"]),
    names_struct=lambda s: s.spark.createDataFrame([(1, 2)], ["a", "b"]).schema.simpleString(),
    to_pandas=lambda s: s.emp.toPandas().dtypes.astype(str).to_dict(),
    to_pandas_values=lambda s: (
        s.emp.orderBy("id").select("id", "name", "pay").toPandas().fillna(-1).values.tolist()
    ),
    to_arrow=lambda s: str(s.emp.select("id", "name", "hired").toArrow().schema),
    to_json=lambda s: sorted(s.emp.select("id", "name", "dept", "hired").toJSON().collect()),
    row_dict=lambda s: s.nested.orderBy("id").collect()[0].asDict(recursive=True),
    row_use=lambda s: (
        lambda r: (
            r.id,
            r["name"],
            r[0],
            list(r),
            len(r),
            "id" in r,
            r.asDict(),
            str(r),
            r == s.emp.orderBy("id").collect()[0],
            hash(r) == hash(tuple(r)),
        )
    )(s.emp.select("id", "name").orderBy("id").first()),
    row_missing=lambda s: s.emp.first().nope,
    row_key_missing=lambda s: s.emp.first()["nope"],
    row_class=lambda s: (lambda P: (P(1, 2), P(1, 2).a, str(P(1, 2))))(s.Row("a", "b")),
)

# ---- Python functions -----------------------------------------------------------------------------------------


def _udf_decorated(s: Any) -> Any:
    @s.F.udf(returnType="int")
    def plus(x: Any) -> Any:
        return None if x is None else x + 1

    return s.emp.select("id", plus("boss"), plus(s.emp.id).alias("p"))


def _udf_bare(s: Any) -> Any:
    @s.F.udf
    def shout(x: Any) -> Any:
        return x.upper() if x else "none"

    return s.emp.select(shout("dept"))


def _udf_sql(s: Any) -> Any:
    s.spark.udf.register("tripled", lambda x: x * 3, s.T.IntegerType())
    return s.spark.sql("select id, tripled(cast(id as int)) from range(3)")


def _udf_registered_returns(s: Any) -> Any:
    f = s.spark.udf.register("upped", s.F.udf(lambda x: x.upper()))
    return s.emp.select(f("name"))


def _udf_replaced(s: Any) -> Any:
    s.spark.udf.register("twice_named", lambda x: 1, "int")
    s.spark.udf.register("twice_named", lambda x: 2, "int")
    return s.spark.sql("select twice_named(0)")


def _udf_pandas(s: Any) -> Any:
    @s.F.pandas_udf("double")
    def half(x):  # type: ignore
        return x / 2

    return s.emp.select("id", half("pay").alias("h"))


def _udf_pandas_hints(s: Any) -> Any:
    import pandas as pd

    def plus_one(x: pd.Series) -> pd.Series:
        return x + 1

    plus_one.__annotations__ = {"x": pd.Series, "return": pd.Series}
    return s.emp.select(s.F.pandas_udf(plus_one, "long")("id"))


def _udf_pandas_aggregate(s: Any) -> Any:
    import pandas as pd

    def mean(x: pd.Series) -> float:
        return float(x.mean())

    mean.__annotations__ = {"x": pd.Series, "return": float}
    return s.emp.groupBy("dept").agg(s.F.pandas_udf(mean, "double")("pay").alias("m"))


def _udf_pandas_iterator(s: Any) -> Any:
    from collections.abc import Iterator

    import pandas as pd

    def doubled(xs: Any) -> Any:
        for x in xs:
            yield x * 2

    doubled.__annotations__ = {"xs": Iterator[pd.Series], "return": Iterator[pd.Series]}
    return s.emp.select(s.F.pandas_udf(doubled, "long")("id").alias("d"))


def _udf_arrow(s: Any) -> Any:
    import pyarrow as pa

    def upper(x: pa.Array) -> pa.Array:
        import pyarrow.compute as pc

        return pc.utf8_upper(x)

    upper.__annotations__ = {"x": pa.Array, "return": pa.Array}
    return s.emp.select(s.F.arrow_udf(upper, "string")("name").alias("u"))


def _udf_error(s: Any) -> Any:
    return s.emp.select(s.F.udf(lambda x: 1 // 0, "int")("id")).collect()


def _map_pandas(s: Any) -> Any:
    def adults(frames: Any) -> Any:
        for frame in frames:
            yield frame[frame.id > 3][["id", "name"]]

    return s.emp.mapInPandas(adults, "id int, name string")


def _map_arrow(s: Any) -> Any:
    def same(batches: Any) -> Any:
        yield from batches

    return s.emp.mapInArrow(same, s.emp.schema)


def _apply_pandas(s: Any) -> Any:
    def demean(frame: Any) -> Any:
        return frame.assign(pay=frame.pay - frame.pay.mean())[["id", "pay"]]

    return s.emp.groupBy("dept").applyInPandas(demean, "id int, pay double")


def _apply_pandas_key(s: Any) -> Any:
    import pandas as pd

    def total(key: Any, frame: Any) -> Any:
        return pd.DataFrame([(key[0], len(frame))])

    return s.sales.groupBy("year").applyInPandas(total, "year int, n long")


_KEYED = """
    select * from values
    (1, 'a', date'2020-01-01', timestamp'2020-01-01 01:02:03', true, 1.5d, cast(1.25 as decimal(5,2)), array(1), x'61'),
    (null, null, null, null, null, null, null, null, null) t(i, s, d, t, b, f, c, a, x)
"""


def _key_of(column: str, kind: str) -> Any:
    def case(s: Any) -> Any:
        import pandas as pd
        import pyarrow as pa

        def pandas_key(key: Any, frame: Any) -> Any:
            return pd.DataFrame({"key": [f"{key!r} {type(key[0]).__name__}"]})

        def arrow_key(key: Any, table: Any) -> Any:
            return pa.table({"key": [f"{key!r} {type(key[0]).__name__}"]})

        groups = s.spark.sql(_KEYED).groupBy(column)
        if kind == "pandas":
            return groups.applyInPandas(pandas_key, "key string")
        return groups.applyInArrow(arrow_key, "key string")

    return case


def _apply_arrow(s: Any) -> Any:
    import pyarrow as pa

    def size(table: Any) -> Any:
        return pa.table({"n": pa.array([table.num_rows], pa.int64())})

    return s.sales.groupBy("year").applyInArrow(size, "n long")


def _udf_class(s: Any) -> Any:
    class Adder:
        def __call__(self, x: Any) -> Any:
            return x + 10

    return s.emp.select(s.F.udf(Adder(), "int")("id"))


def _udtf(s: Any) -> Any:
    class Squares:
        def eval(self, n: int) -> Any:
            for i in range(n):
                yield i, i * i

    return s.F.udtf(Squares, returnType="i int, sq int")(s.F.lit(3))


many(
    "udf",
    decorated=_udf_decorated,
    bare=_udf_bare,
    lambda_=lambda s: s.emp.select(s.F.udf(lambda x: x * 2, s.T.IntegerType())("id")),
    default_string=lambda s: s.emp.select(s.F.udf(lambda x: x)("id"), s.F.udf(lambda x: [x])("id")),
    two_args=lambda s: s.emp.select(s.F.udf(lambda a, b: f"{a}-{b}")("name", "dept").alias("k")),
    no_args=lambda s: s.emp.select("id", s.F.udf(lambda: 7, "int")().alias("seven")),
    nulls=lambda s: s.emp.select(s.F.udf(lambda x: x is None, "boolean")("pay").alias("n")),
    structs=lambda s: s.emp.limit(1).select(
        s.F.udf(lambda x: (1, "b"), "a int, b string")("id").alias("a"),
        s.F.udf(lambda x: {"b": "q", "a": 3}, "a int, b string")("id").alias("b"),
        s.F.udf(lambda x: None, "a int, b string")("id").alias("e"),
    ),
    containers=lambda s: s.emp.limit(1).select(
        s.F.udf(lambda x: [1, None], "array<int>")("id").alias("a"),
        s.F.udf(lambda x: {"a": 1, "b": None}, "map<string,int>")("id").alias("b"),
        s.F.udf(lambda x: [("x", 1)], "array<struct<t:string,n:int>>")("id").alias("c"),
    ),
    struct_of_list=lambda s: (
        s.emp.limit(1).select(s.F.udf(lambda x: [1, "b"], "a int, b string")("id").alias("d")).collect()
    ),
    struct_short=lambda s: (
        s.emp.limit(1).select(s.F.udf(lambda x: (1,), "a int, b string")("id").alias("a")).collect()
    ),
    struct_argument=lambda s: s.nested.select(
        s.F.udf(lambda r: None if r is None else r.x * 10, "int")("s").alias("a"),
        s.F.udf(lambda m: None if m is None else sorted(m), "array<string>")("m").alias("b"),
        s.F.udf(lambda xs: None if xs is None else sum(xs), "long")("xs").alias("c"),
        s.F.udf(lambda r: type(r).__name__)("s").alias("d"),
    ),
    dates=lambda s: s.emp.select(
        s.F.udf(lambda d: d and d.year, "int")("hired").alias("y"),
        s.F.udf(lambda d: d and d + datetime.timedelta(1), "date")("hired").alias("n"),
        s.F.udf(lambda d: d and datetime.datetime(d.year, 1, 1, 12), "timestamp")("hired").alias("t"),
    ),
    timestamps=lambda s: s.spark.sql(
        "select timestamp'2020-01-01 10:00:00.5' t, timestamp_ntz'2020-01-01 10:00:00' n"
    ).select(
        s.F.udf(lambda t: repr(t))("t").alias("a"),
        s.F.udf(lambda t: repr(t))("n").alias("b"),
        s.F.udf(lambda t: t, "timestamp")("t").alias("c"),
        s.F.udf(lambda t: t, "timestamp_ntz")("n").alias("d"),
    ),
    decimals=lambda s: s.spark.sql(
        "select 1.50 d, cast(2 as float) f, 5Y b, x'41' x, interval 1 day i"
    ).select(
        s.F.udf(lambda v: repr(v))("d").alias("a"),
        s.F.udf(lambda v: repr(v))("f").alias("b"),
        s.F.udf(lambda v: repr(v))("x").alias("c"),
        s.F.udf(lambda v: repr(v))("i").alias("e"),
        s.F.udf(lambda v: repr(v))("b").alias("f"),
    ),
    in_filter=lambda s: s.emp.filter(s.F.udf(lambda x: x % 2 == 0, "boolean")("id")).select("id"),
    in_group=lambda s: s.emp.groupBy(s.F.udf(lambda x: (x or "?")[0])("dept").alias("c")).count(),
    of_aggregate=lambda s: s.emp.groupBy("dept").agg(
        s.F.udf(lambda x: sorted(x), "array<int>")(s.F.collect_list("id")).alias("l")
    ),
    in_aggregate=lambda s: s.emp.groupBy("dept").agg(
        s.F.sum(s.F.udf(lambda x: x * 2, "int")("id")).alias("l")
    ),
    in_order=lambda s: [r.id for r in s.emp.orderBy(s.F.udf(lambda x: -x, "int")("id")).collect()],
    in_join=lambda s: s.emp.join(
        s.dept, s.F.udf(lambda a, b: a == b, "boolean")(s.emp.dept, s.dept.dept)
    ).select("id", "city"),
    nested_calls=lambda s: (
        lambda f: s.emp.select(
            f(f("id")).alias("x"), f(s.F.col("id") + 1).alias("y"), (f("id") + 1).alias("z")
        )
    )(s.F.udf(lambda x: x + 1, "int")),
    in_with_column=lambda s: (
        s.emp.withColumn("n", s.F.udf(len, "int")("name")).filter("n = 3").select("id", "n")
    ),
    in_window=lambda s: s.emp.select(
        "id", s.F.sum(s.F.udf(lambda x: x * 2, "int")("id")).over(s.W.orderBy("id")).alias("w")
    ),
    sql=_udf_sql,
    registered=_udf_registered_returns,
    replaced=_udf_replaced,
    nondeterministic=lambda s: s.emp.select(s.F.udf(lambda: 1, "int").asNondeterministic()().alias("x")),
    names=lambda s: (
        s.emp.select(s.F.udf(lambda x: x, "int")(s.emp.id + 1), s.F.udf(len, "int")("name")).columns
    ),
    named_arguments=lambda s: s.emp.select(
        s.F.udf(lambda a, b=5: a + b, "int")("id", b=s.F.lit(2)).alias("x")
    ),
    call=lambda s: (
        s.spark.udf.register("quad", lambda x: x * 4, "long"),
        s.spark.range(3).select(s.F.call_udf("quad", "id"), s.F.call_function("quad", s.F.col("id"))),
    )[1],
    class_=_udf_class,
    attributes=lambda s: (lambda f: (f.returnType.simpleString(), f.deterministic, f.func(3), f.evalType))(
        s.F.udf(lambda x: x * 2, "int")
    ),
    error=_udf_error,
    wrong_count=lambda s: s.emp.select(s.F.udf(lambda a, b: a, "int")("id")).collect(),
    bad_type=lambda s: s.F.udf(lambda x: x, 5)("id"),
    not_callable=lambda s: s.F.udf(5, "int"),
    pandas=_udf_pandas,
    pandas_hints=_udf_pandas_hints,
    pandas_aggregate=_udf_pandas_aggregate,
    pandas_iterator=_udf_pandas_iterator,
    arrow=_udf_arrow,
    map_pandas=_map_pandas,
    map_arrow=_map_arrow,
    apply_pandas=_apply_pandas,
    apply_pandas_key=_apply_pandas_key,
    apply_arrow=_apply_arrow,
    **{
        f"key_{column}_{kind}": _key_of(column, kind)
        for column in "isdtbfcax"
        for kind in ("pandas", "arrow")
    },
    use_arrow=lambda s: s.emp.select(
        s.F.udf(lambda x: x * 2, "int", useArrow=True)("id").alias("x"),
        s.F.udf(lambda x: str(x), "string", useArrow=True)("pay").alias("y"),
    ),
    use_arrow_wrong=lambda s: s.emp.select(
        s.F.udf(lambda x: "text", "int", useArrow=True)("id").alias("x")
    ).collect(),
    use_arrow_cast=lambda s: s.emp.select(s.F.udf(lambda x: str(x), "int", useArrow=True)("id").alias("x")),
    udtf=_udtf,
)


def _returns(value: Any, kind: str) -> Callable[[Any], Any]:
    """Return a program whose function gives a value that is not quite of its type."""
    return lambda s: s.emp.limit(1).select(s.F.udf(lambda x: value, kind)("id").alias("a")).collect()


many(
    "udf_returns",
    text_for_int=_returns("text", "int"),
    number_text_for_int=_returns("12", "int"),
    float_for_int=_returns(1.5, "int"),
    whole_float_for_int=_returns(2.0, "int"),
    bool_for_int=_returns(True, "int"),
    int_for_double=_returns(1, "double"),
    int_for_bool=_returns(1, "boolean"),
    int_for_string=_returns(7, "string"),
    bool_for_string=_returns(True, "string"),
    list_for_string=_returns([1, None, "q"], "string"),
    big_for_int=_returns(3_000_000_000, "int"),
    big_for_tiny=_returns(300, "tinyint"),
    huge_for_long=_returns(2**70, "bigint"),
    int_for_decimal=_returns(5, "decimal(10,2)"),
    long_decimal=_returns(decimal.Decimal("1.239"), "decimal(10,2)"),
    text_for_date=_returns("2020-01-01", "date"),
    datetime_for_date=_returns(datetime.datetime(2020, 1, 1, 10), "date"),
    date_for_timestamp=_returns(datetime.date(2020, 1, 1), "timestamp"),
    text_for_binary=_returns("ab", "binary"),
    tuple_for_array=_returns((1, 2), "array<int>"),
    nan_for_float=_returns(float("nan"), "float"),
)

# ---- printing -------------------------------------------------------------------------------------------------


def shown(call: Callable[[], Any]) -> str:
    """Return what a call prints."""
    import contextlib
    import io

    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        call()
    return out.getvalue()


many(
    "show",
    plain=lambda s: shown(lambda: s.emp.orderBy("id").show()),
    some=lambda s: shown(lambda: s.emp.orderBy("id").show(2)),
    cut=lambda s: shown(lambda: s.emp.orderBy("id").show(2, 3)),
    full=lambda s: shown(lambda: s.nested.orderBy("id").show(truncate=False)),
    vertical=lambda s: shown(lambda: s.nested.orderBy("id").show(2, vertical=True)),
    schema=lambda s: shown(lambda: s.nested.printSchema()),
    schema_level=lambda s: (shown(lambda: s.nested.printSchema(1)), shown(lambda: s.nested.printSchema(2))),
    tree=lambda s: s.nested.schema.treeString(),
    dtypes=lambda s: (
        s.nested.dtypes,
        s.nested.columns,
        s.nested.schema.simpleString(),
        s.nested.schema.json(),
        repr(s.nested),
        repr(s.nested.schema),
    ),
    ddl=lambda s: s.T.StructType.fromDDL("a int, b struct<c: array<string>>").jsonValue(),
    wide=lambda s: shown(
        lambda: s.spark.sql(
            "select 'a\tb' as t, '日本' as j, null as n, 1.0D as d, cast(1 as decimal(5, 2)) as e, true as b"
        ).show()
    ),
)

# ---- catalog, sql with arguments, session ---------------------------------------------------------------------


def _with_view(s: Any, work: Callable[[], Any]) -> Any:
    s.emp.createOrReplaceTempView("people")
    try:
        return work()
    finally:
        s.spark.catalog.dropTempView("people")


many(
    "session",
    view=lambda s: _with_view(s, lambda: s.spark.sql("select name from people where id = 1").collect()),
    table=lambda s: _with_view(s, lambda: s.spark.table("people").count()),
    view_exists=lambda s: _with_view(s, lambda: s.emp.createTempView("people")),
    table_exists=lambda s: _with_view(
        s, lambda: (s.spark.catalog.tableExists("people"), s.spark.catalog.tableExists("nowhere"))
    ),
    list_columns=lambda s: _with_view(
        s, lambda: [(c.name, c.dataType, c.nullable) for c in s.spark.catalog.listColumns("people")]
    ),
    drop=lambda s: (
        s.emp.createOrReplaceTempView("gone"),
        s.spark.catalog.dropTempView("gone"),
        s.spark.catalog.dropTempView("gone"),
    ),
    global_view=lambda s: (
        s.emp.createOrReplaceGlobalTempView("everyone"),
        s.spark.sql("select count(*) from global_temp.everyone").collect(),
        s.spark.catalog.tableExists("everyone"),
        s.spark.catalog.dropGlobalTempView("everyone"),
    ),
    current=lambda s: (s.spark.catalog.currentDatabase(), s.spark.catalog.currentCatalog()),
    databases=lambda s: [d.name for d in s.spark.catalog.listDatabases()],
    function_exists=lambda s: (
        s.spark.catalog.functionExists("upper"),
        s.spark.catalog.functionExists("nope"),
    ),
    named_args=lambda s: s.spark.sql(
        "select id from range(5) where id > :low and id < :high", args={"low": 1, "high": 4}
    ),
    positional_args=lambda s: s.spark.sql("select ? as a, ? as b", args=[1, "x"]),
    array_arg=lambda s: s.spark.sql(
        "select array_contains(:xs, 2) as f", args={"xs": s.F.array(s.F.lit(1), s.F.lit(2))}
    ),
    date_arg=lambda s: s.spark.sql("select :d as d", args={"d": datetime.date(2020, 1, 1)}),
    missing_arg=lambda s: s.spark.sql("select :a as a", args={"b": 1}),
    missing_positional=lambda s: s.spark.sql("select ?, ?", args=[1]),
    no_args=lambda s: s.spark.sql("select :a"),
    udf_of_types_that_arrow_has_not=lambda s: s.emp.select(s.F.udf(lambda x: "a", "varchar(3)")("name")),
    udf_of_such_elements=lambda s: s.emp.select(s.F.udf(lambda x: ["a"], "array<char(3)>")("name")),
    order_by_a_star=lambda s: s.emp.orderBy("*"),
    order_by_a_tables_star=lambda s: s.emp.alias("e").orderBy(s.F.col("e.*").desc()),
    order_by_a_star_after_grouping=lambda s: s.emp.groupBy("dept").count().orderBy("*"),
    frame_argument=lambda s: s.spark.sql("select count(*) from {df} where id > {low}", df=s.emp, low=2),
    column_argument=lambda s: s.spark.sql("select {c} from {df} where id = 1", c=s.emp.name, df=s.emp),
    identifier=lambda s: s.spark.sql("select identifier(:c) from range(1)", args={"c": "id"}),
    conf=lambda s: (
        s.spark.conf.set("spark.sql.shuffle.partitions", 2),
        s.spark.conf.get("spark.sql.shuffle.partitions"),
        s.spark.conf.get("no.such", "d"),
    ),
    conf_missing=lambda s: s.spark.conf.get("no.such.key"),
    conf_bad_int=lambda s: s.spark.conf.set("spark.sql.shuffle.partitions", "many"),
    conf_bad_bool=lambda s: s.spark.conf.set("spark.sql.ansi.enabled", "perhaps"),
    tvf=lambda s: s.spark.tvf.explode(s.F.array(s.F.lit(1), s.F.lit(2))),
    tvf_range=lambda s: s.spark.tvf.range(3),
    tvf_inline=lambda s: s.spark.tvf.inline(
        s.F.array(s.F.struct(s.F.lit(1).alias("a"), s.F.lit("x").alias("b")))
    ),
    tvf_stack=lambda s: s.spark.tvf.stack(s.F.lit(2), s.F.lit(1), s.F.lit(2)),
    tvf_posexplode=lambda s: s.spark.tvf.posexplode(s.F.array(s.F.lit("a"))),
    version=lambda s: s.spark.version,
    keywords=lambda s: s.spark.tvf.sql_keywords(),
)


def _databases(s: Any) -> Any:
    c = s.spark.catalog
    c.createDatabase("shelf")
    c.createDatabase("shelf", ifNotExists=True)
    s.spark.sql("create schema if not exists shelf2")
    found = [d.name for d in c.listDatabases("shelf*")], c.databaseExists("SHELF")
    s.spark.sql("drop database shelf2 cascade")
    c.dropDatabase("shelf", cascade=True)
    c.dropDatabase("shelf", ifExists=True)
    return found, c.databaseExists("shelf"), c.databaseExists("shelf2")


def _database_twice(s: Any) -> Any:
    s.spark.sql("create database if not exists shelf3")
    return s.spark.catalog.createDatabase("shelf3")


many(
    "write",
    noop=lambda s: s.emp.write.format("noop").mode("overwrite").save(),
    noop_append=lambda s: s.emp.write.save(format="noop", mode="append"),
    noop_error=lambda s: s.emp.write.format("noop").save(),
    noop_ignore=lambda s: s.emp.write.format("noop").mode("ignore").save(),
    noop_fails=lambda s: s.emp.selectExpr("cast(name as int)").write.format("noop").mode("append").save(),
)
many(
    "database",
    life=_databases,
    twice=_database_twice,
    drop_unknown=lambda s: s.spark.catalog.dropDatabase("nowhere"),
    drop_default=lambda s: s.spark.sql("drop database default"),
)


def _over(s: Any, frame: Callable[[Any], Any], *columns: str) -> Any:
    """Return what a pandas function that aggregates makes of a window over each row."""
    import pandas as pd

    def total(pay: pd.Series, boss: pd.Series) -> float:
        return float(pay.sum() + boss.sum())

    total.__annotations__ = {"pay": pd.Series, "boss": pd.Series, "return": float}
    function = s.F.pandas_udf(total, "double")
    value = function("pay", "boss").over(frame(s.W.partitionBy("dept")))
    return s.emp.select("id", value, (value + 1).alias("more")).orderBy("id")


many(
    "pandas_over",
    all_rows=lambda s: _over(s, lambda w: w),
    ordered=lambda s: _over(s, lambda w: w.orderBy("id")),
    rows=lambda s: _over(s, lambda w: w.orderBy("id").rowsBetween(-1, 0)),
    range=lambda s: _over(s, lambda w: w.orderBy("id").rangeBetween(-1, 1)),
    of_a_plain_function=lambda s: s.emp.select(
        s.F.udf(lambda x: x, "int")("id").over(s.W.partitionBy("dept"))
    ),
)


# ---- RDDs -------------------------------------------------------------------------------------------------------


def told(*attempts: Callable[[], Any]) -> str:
    """Return what each attempt gives, or how it fails."""
    found = []
    for attempt in attempts:
        try:
            found.append(repr(attempt()))
        except Exception as error:
            condition = getattr(error, "getCondition", lambda: None)()
            found.append(f"{type(error).__name__} {condition}")
    return "\n".join(found)


@program
def rdds_of_frames(e: Any) -> Any:
    rdd = e.emp.rdd
    stream = e.spark.readStream.format("rate").load()
    return told(
        rdd.collect,
        rdd.count,
        rdd.isEmpty,
        e.emp.filter("id > 9").rdd.isEmpty,
        lambda: rdd.map(lambda r: (r.dept, r.id)).reduceByKey(lambda a, b: a + b).sortBy(str).collect(),
        lambda: rdd.map(lambda r: r.dept).distinct().sortBy(str).collect(),
        lambda: rdd.toDF().schema.simpleString(),
        lambda: rdd.map(lambda r: 1 / (r.id - 1)).collect(),
        lambda: stream.rdd,
        stream.toJSON,
    )


@program
def rdds_as_json(e: Any) -> Any:
    frame = e.emp.select(
        e.F.struct("id", "name").alias("s"),
        e.F.array("id"),
        e.F.lit(None),
        "pay",
        e.F.col("hired").cast("timestamp"),
    )
    return told(
        frame.toJSON().collect,
        e.nested.toJSON().collect,
        e.emp.toJSON().first,
        e.emp.limit(0).toJSON().collect,
    )


@program
def rdds_of_values(e: Any) -> Any:
    sc = e.spark.sparkContext
    pairs = sc.parallelize([("a", 1), ("b", 2), ("a", 3)])
    numbers = sc.parallelize([3, 1, 2])
    words = sc.parallelize(["a b", "b c"])
    return told(
        lambda: numbers.sortBy(lambda x: -x).collect(),
        lambda: (
            numbers.sum(),
            numbers.min(),
            numbers.max(),
            numbers.mean(),
            numbers.first(),
            numbers.count(),
        ),
        lambda: (numbers.take(2), numbers.top(2), numbers.takeOrdered(2), numbers.reduce(lambda a, b: a * b)),
        lambda: sorted(
            words.flatMap(str.split).map(lambda w: (w, 1)).reduceByKey(lambda a, b: a + b).collect()
        ),
        lambda: sorted(pairs.groupByKey().mapValues(list).collect()),
        lambda: sorted(pairs.join(sc.parallelize([("a", 2), ("c", 3)])).collect()),
        lambda: (
            pairs.keys().collect(),
            pairs.values().collect(),
            pairs.lookup("a"),
            dict(pairs.countByKey()),
        ),
        lambda: pairs.sortByKey(ascending=False).collectAsMap(),
        lambda: numbers.union(sc.range(1, 7, 2)).zipWithIndex().collect(),
        lambda: sorted(numbers.groupBy(lambda x: x % 2).mapValues(sorted).collect()),
        lambda: sc.parallelize([("a", [1, 2])]).flatMapValues(lambda x: x).keyBy(str).collect(),
        lambda: sc.emptyRDD().first(),
        lambda: sc.parallelize([]).max(),
        lambda: sc.parallelize([]).reduce(max),
        lambda: sc.parallelize([]).sum(),
    )


@program
def rdds_to_frames(e: Any) -> Any:
    sc, create = e.spark.sparkContext, e.spark.createDataFrame
    return told(
        lambda: sc.parallelize([("a", 1), ("b", 2)]).toDF(["k", "n"]).collect(),
        lambda: sc.parallelize([e.Row(a=1, b="x"), e.Row(a=2, b=None)]).toDF().schema,
        lambda: sc.parallelize([(None, 1), ("x", 2)]).toDF().schema,
        lambda: sc.parallelize([(None,)]).toDF(),
        lambda: sc.parallelize([]).toDF(),
        lambda: create(sc.parallelize([(1, "x")]), "a int, b string").collect(),
        lambda: create(sc.parallelize([1, 2]), e.T.IntegerType()).collect(),
        lambda: create(sc.parallelize([{"a": 1, "b": 2}])).collect(),
        lambda: create(sc.emptyRDD(), "a int").collect(),
    )


# ---- what the examples in PySpark's docstrings showed -----------------------------------------------------------


def printed(frame: Any, truncate: bool = False) -> str:
    """Return what `show` prints."""
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        frame.show(truncate=truncate)
    return text.getvalue()


@program
def schemas_as_texts(e: Any) -> Any:
    F, T = e.F, e.T
    frame = e.spark.createDataFrame([('{"a": 1, "b": ["x"]}', "1,2")], "j string, c string")
    schema = T.StructType(
        [T.StructField("a", T.IntegerType()), T.StructField("b", T.ArrayType(T.StringType()), False)]
    )
    pair = T.StructType([T.StructField("p", T.IntegerType()), T.StructField("q", T.IntegerType())])

    def of(*columns: Any) -> Callable[[], Any]:
        return lambda: (frame.select(*columns).schema.json(), frame.select(*columns).collect())

    return told(
        of(F.from_json("j", schema), F.from_json("j", schema.json()), F.from_json("j", F.lit(schema.json()))),
        of(F.from_json(F.lit("[1, 2]"), T.ArrayType(T.IntegerType(), False))),
        of(
            F.from_json("j", F.schema_of_json(F.lit('{"a": 1}'))),
            F.from_csv("c", F.schema_of_csv(F.lit("1,2"))),
        ),
        of(
            F.expr("from_json(j, concat('a ', 'int'))"), F.expr("from_json(j, schema_of_json('{\"b\": []}'))")
        ),
        of(F.from_csv("c", pair.json())),
        lambda: F.from_json("j", T.IntegerType()) is None,
        of(F.from_json("j", T.IntegerType())),
        of(F.from_json("j", '{"type": "nonsense"}')),
        of(F.from_json("j", "a intx")),
        of(F.from_json("j", F.col("c"))),
        lambda: F.from_csv("c", pair),
    )


@program
def dropped_columns(e: Any) -> Any:
    F = e.F
    frame = e.spark.createDataFrame([(14, "Tom", 1)], ["age", "name", "a.b.c"])
    twice = e.emp.crossJoin(e.dept.withColumnRenamed("city", "name"))
    return told(
        lambda: frame.drop(F.col("a.b.c")).columns,
        lambda: frame.drop(F.col("`a.b.c`")).columns,
        lambda: frame.drop("a.b.c").columns,
        lambda: frame.drop("`a.b.c`", F.col("none"), "nor this").columns,
        lambda: frame.alias("f").drop(F.col("f.age"), "f.name").columns,
        lambda: e.nested.drop(F.col("s.x"), "s.y", F.col("id") + 1).columns,
        lambda: e.nested.drop(F.col("s.none")).columns,
        lambda: twice.drop(F.col("name")).columns,
        lambda: twice.drop(F.col("NAME")).columns,
        lambda: twice.drop("name", F.col("floor")).columns,
        lambda: twice.drop(e.emp.name).columns,
    )


@program
def arguments_by_name(e: Any) -> Any:
    plus = e.F.udf(lambda a, b: a + 10 * b, "long")
    e.spark.udf.register("plus_ten", plus)
    twice = plus(b=e.F.col("id") * 10, a=e.F.col("id"))
    return e.emp.select(twice, plus("id", b=e.F.lit(1)), e.F.expr("plus_ten(b => id, a => id + 1)"))


@program
def calendar_intervals_shown(e: Any) -> Any:
    frame = e.spark.sql(
        "select make_interval(100, 11, 1, 1, 12, 30, 1.001001) i, make_interval() j, make_interval(id, -id) k, id "
        "from values (1), (null) t(id)"
    )
    return printed(frame) + printed(frame, True)


many(
    "casts",
    of_casts_are_named_by_the_column=lambda e: (
        e.emp.select(
            e.F.col("id").cast("string").cast("bigint"), e.F.expr("cast(try_cast(name as int) as double)"),
            e.F.col("id").alias("n").cast("string"), e.F.upper("name").alias("u").cast("string").cast("binary"),
            (e.F.col("id") + 1).cast("string").cast("int"),
        )
    ),
    in_groups_keep_their_text=lambda e: e.emp.groupBy(e.F.col("id").cast("string").cast("int")).count(),
)  # fmt: skip
many(
    "sorts_above_groups",
    below_is_a_filter=lambda e: (
        e.emp.groupBy("dept").agg(e.F.sum("id").alias("s")).filter("s > 1").orderBy(e.F.max("id"), "dept")
    ),
    count_of_a_star=lambda e: e.emp.groupBy("dept").agg(e.F.sum("id")).orderBy(e.F.count("*")),
    count_of_a_star_in_text=lambda e: (
        e.emp.groupBy("dept").agg(e.F.sum("id")).orderBy(e.F.expr("count(*)"), "dept")
    ),
)


@program
def a_frame_in_its_own_subquery(e: Any) -> Any:
    C, F = e.F.col, e.F
    one, other = e.emp.alias("o"), e.emp.alias("i")
    same = other.where(C("i.dept") == C("o.dept").outer())
    more = same.where(C("i.pay") > C("o.pay").outer())
    nested = e.emp.alias("n").where(C("n.dept") == C("i.dept").outer()).select(F.max("n.id")).scalar()

    def names(frame: Any) -> Callable[[], Any]:
        return lambda: sorted(map(str, frame().collect()))

    return told(
        names(lambda: one.where(C("pay") > same.select(F.avg("pay")).scalar()).select("name")),
        names(lambda: one.select("name", same.select(F.max("pay")).scalar().alias("m"))),
        names(lambda: one.where(more.exists()).select("name")),
        names(lambda: one.where(~more.exists()).select("name")),
        names(lambda: one.where(C("o.pay").isin(same.select(F.max("pay")))).select("name")),
        names(lambda: one.lateralJoin(more.select(C("i.name").alias("n"))).select("o.name", "n")),
        names(lambda: one.where(same.where(C("i.id") < nested).exists()).select("name")),
        names(
            lambda: e.emp.where(
                C("pay") > e.emp.where(C("dept") == C("dept").outer()).select(F.avg("pay")).scalar()
            )
        ),
        names(lambda: one.where(other.where(other.dept == one.dept.outer()).exists()).select("name")),
        names(lambda: e.emp.where(e.dept.where(e.dept.dept == e.emp.dept.outer()).exists())),
        names(lambda: e.emp.where(F.struct("id", "dept").isin(e.emp.select("boss", "dept")))),
        names(lambda: e.emp.where(F.struct("id", "dept").isin(e.emp.select(F.struct("boss", "dept"))))),
    )


@program
def values_of_rdds_are_copies(e: Any) -> Any:
    given = [[1], [2]]
    made = e.spark.sparkContext.parallelize(given)
    changed = made.map(lambda values: values.append(9) or values)
    empty = e.spark.sparkContext.parallelize([])
    return told(
        changed.collect, changed.collect, made.collect, lambda: given, empty.mean, lambda: made.take(-1)
    )


@program
def frames_in_sql_text(e: Any) -> Any:
    sql, emp = e.spark.sql, e.emp

    def rows(text: str, *args: Any, **named: Any) -> Callable[[], Any]:
        return lambda: sql(text, *args, **named).collect()

    return told(
        rows("select {df.id}, {df[name]} from {df} order by 1", df=emp),
        rows("select {c} from {df} where {df[id]} > :m order by 1", {"m": 3}, df=emp, c=emp.name),
        rows("select {x} + 1, {s} from range({n})", x=1, s="it's", n=2),
        rows("select count(*) from {df} a join {df} b on a.id = b.id", df=emp),
        rows("select '{{x}}' from range({n})", n=1),
        rows("select {x}", x=e.F.lit(1) + 2),
        rows("select {nope} from {df}", df=emp),
    )


def cached(spark: Any, name: str, *others: str) -> list[bool]:
    """Return whether a table is known as cached by each of its names."""
    spark.sql(f"create table {name} as select 1 a")
    try:
        spark.catalog.cacheTable(name)
        found = [spark.catalog.isCached(other) for other in (name, *others)]
        spark.catalog.uncacheTable(others[-1])
        return [*found, spark.catalog.isCached(name)]
    finally:
        spark.sql(f"drop table {name}")


@program
def nullable_types_and_names(e: Any) -> Any:
    T, catalog = e.T, e.spark.catalog
    array = T.ArrayType(T.StructType([T.StructField("a", T.IntegerType(), False)]), False)
    e.spark.udf.register("of_this_session", lambda value: value)
    return told(
        lambda: (array.toNullable(), T.MapType(T.StringType(), array, False).toNullable()),
        lambda: (
            catalog.databaseExists("spark_catalog.default"),
            catalog.databaseExists("spark_catalog.none"),
        ),
        lambda: catalog.getDatabase("spark_catalog.default").name,
        lambda: [found.name for found in catalog.listFunctions(pattern="of_this*")],
        lambda: cached(e.spark, "cached_table", "default.cached_table", "spark_catalog.default.cached_table"),
    )


@program
def groups_through_iterators(e: Any) -> Any:
    import pandas as pd
    import pyarrow as pa

    def few(frames: Any) -> Any:
        for frame in frames:
            yield frame[["id"]][frame.id > 1]

    def keyed(key: Any, frames: Any) -> Any:
        for frame in frames:
            yield frame.assign(k=str(key[0]))[["k", "id"]]
            yield frame.assign(k="again")[["k", "id"]]

    def batches(key: Any, given: Any) -> Any:
        for batch in given:
            k, n = pa.array([key[0].as_py()], pa.string()), pa.array([batch.num_rows], pa.int64())
            yield pa.RecordBatch.from_pydict({"k": k, "n": n})

    def unannotated(key: Any, frames: Any) -> Any:
        yield from frames

    of, kind, keys = Iterator[pd.DataFrame], Iterator[pa.RecordBatch], tuple[Any, ...]
    few.__annotations__ = {"frames": of, "return": of}
    keyed.__annotations__ = {"key": keys, "frames": of, "return": of}
    batches.__annotations__ = {"key": keys, "given": kind, "return": kind}
    unannotated.__annotations__ = {"frames": of, "return": of}
    groups = e.emp.select("id", "dept").groupBy("dept")

    def rows(frame: Any) -> Callable[[], Any]:
        return lambda: sorted(map(str, frame.collect()))

    return told(
        rows(groups.applyInPandas(few, "id int")),
        rows(groups.applyInPandas(keyed, "k string, id int")),
        rows(groups.applyInArrow(batches, "k string, n long")),
        rows(groups.applyInPandas(unannotated, "id int, dept string")),
    )


many(
    "frames_of_windows",
    of_values=lambda e: e.emp.select(
        e.F.sum("id").over(e.W.orderBy("pay").rangeBetween(-20, 5000000000)),
        e.F.sum("id").over(e.W.orderBy("id").rowsBetween(0, -1)),
    ),
    of_dates=lambda e: e.emp.select(e.F.sum("id").over(e.W.orderBy("hired").rangeBetween(-1, 2))),
    too_large=lambda e: e.emp.select(e.F.sum("id").over(e.W.orderBy("id").rangeBetween(-1, 5000000000))),
    backwards=lambda e: e.emp.select(e.F.sum("id").over(e.W.orderBy("id").rowsBetween(2, 1))),
    beyond=lambda e: e.emp.select(e.F.sum("id").over(e.W.orderBy("id").rowsBetween(0, 2**40))),
    no_number=lambda e: e.W.rowsBetween("a", 1),  # type: ignore[arg-type]
)

many(
    "stars",
    counted=lambda e: e.emp.select(
        e.F.count("*"), e.F.count(e.F.col("*")), e.F.count(e.emp["*"]), e.F.call_function("count", "*")
    ),
    distinct=lambda e: e.emp.select(e.F.count_distinct(e.emp["*"]), e.F.countDistinct("*")),
    shown=lambda e: repr(e.F.count("*")),
)


def _keyed(e: Any) -> tuple[Any, Any]:
    e.spark.range(3).toDF("a").createOrReplaceTempView("ls_x")
    e.spark.sql("select id a, id * 2 n from range(1, 5)").createOrReplaceTempView("ls_y")
    return e.spark.table("ls_x"), e.spark.table("ls_y")


def _using(how: str) -> dict[str, Callable[[Any], Any]]:
    def joined(e: Any, function: Callable[[Any, Any, Any], Any]) -> Any:
        x, y = _keyed(e)
        return function(x.join(y, "a", how), x, y)

    return {
        "keys": lambda e: joined(e, lambda df, x, y: df.select(x.a, y.a, "a", y["*"])),
        "missing": lambda e: joined(e, lambda df, x, y: df.filter(y.a.isNull() | (x.a > 1)).select(y.a, x.a)),
        "grouped": lambda e: joined(e, lambda df, x, y: df.groupBy(y.a).agg(e.F.max(x.a), e.F.count("n"))),
        "of_keys": lambda e: joined(e, lambda df, x, y: df.groupBy("a").agg(e.F.max(y.a), e.F.count(x.a))),
        "computed": lambda e: joined(e, lambda df, x, y: df.withColumn("k", e.F.coalesce(x.a, y.a))),
        "twice": lambda e: joined(
            e, lambda df, x, y: df.join(e.spark.range(4).toDF("a"), "a", "left").select(x.a, y.a, "a", y.n)
        ),
        "gone": lambda e: joined(e, lambda df, x, y: df.drop("a").select("a")),
        "in_sql": lambda e: (
            _keyed(e)
            and e.spark.sql(
                f"select ls_x.a, ls_y.a b, a, ls_y.* from ls_x {how} join ls_y using (a) where ls_y.a is null or n > 2"
            )
        ),
    }


for _how in ("inner", "left", "right", "full"):
    many(f"using_{_how}", **_using(_how))

many(
    "same_columns",
    union=lambda e: e.emp.union(e.emp.filter("id > 3")).filter(e.emp.id > 2).groupBy(e.emp.dept).count(),
    by_name=lambda e: e.emp.unionByName(e.emp.limit(0)).select(e.emp.id, e.emp.name),
    cast=lambda e: e.emp.select("id").union(e.emp.select("pay")).select(e.emp.id),
    intersect=lambda e: e.emp.intersect(e.emp).select(e.emp.id),
    except_all=lambda e: e.emp.exceptAll(e.emp.filter("id < 4")).sort(e.emp.id).select(e.emp.name),
    alias=lambda e: e.emp.alias("x").union(e.emp).select("x.id"),
    twice=lambda e: e.emp.select("id", "id").union(e.emp.select("id", "boss")),
    renamed_beside=lambda e: (
        lambda u: u.alias("u").join(e.emp.alias("x"), "id", "left").select("u.name", "x.boss")
    )(e.emp.union(e.emp.filter("id > 4"))),
    dropped_beside=lambda e: (lambda u: u.join(e.emp, u.id == e.emp.id).drop(e.emp.id).columns)(
        e.emp.union(e.emp.filter("id > 4"))
    ),
    over_windows=lambda e: e.emp.union(e.emp).withColumn(
        "r", e.F.dense_rank().over(e.W.partitionBy(e.emp.dept).orderBy(e.emp.id.desc()))
    ),
    of_second=lambda e: (lambda y: e.emp.union(y).select(y.n))(e.emp.withColumnRenamed("id", "n")),
    self_join=lambda e: (lambda y: e.emp.join(y, "id").select("id", y.z))(
        e.emp.filter("id > 2").withColumnRenamed("name", "z")
    ),
    of_another=lambda e: e.emp.groupBy(e.dept.dept).count(),
    nullable=lambda e: (lambda x, y: x.join(y, x.id == y.n, "left").select(y.n, y.n + 1, x.id))(
        e.spark.range(3), e.spark.range(2).toDF("n")
    ),
)

many(
    "odd_arguments",
    sort_nothing=lambda e: e.emp.sort([]),
    sort_star=lambda e: e.emp.sort("*"),
    sort_own_star=lambda e: e.emp.sort(e.emp["*"]),
    group_star=lambda e: e.emp.groupBy("*").count(),
    rollup_own_star=lambda e: e.emp.rollup(e.emp["*"]).count(),
    join_how=lambda e: e.emp.join(e.dept, "dept", ""),
    lateral_how=lambda e: e.emp.lateralJoin(e.dept, how=""),
    no_duplicates=lambda e: e.emp.dropDuplicates([]).count(),
    no_weights=lambda e: e.emp.randomSplit([]),
    no_weight=lambda e: e.emp.randomSplit([0.0, 0.0]),
    fractions=lambda e: e.emp.sampleBy("dept", {"it": -0.5}),
    covariance=lambda e: (e.emp.limit(1).cov("id", "pay"), e.emp.limit(0).cov("id", "pay")),
    correlation=lambda e: e.emp.corr("id", "pay", "spearman"),
    quantiles=lambda e: e.emp.approxQuantile("pay", 0.5, 0.0),
    quantile=lambda e: e.emp.approxQuantile("pay", [1.5], 0.0),
    quantiles_of_text=lambda e: e.emp.approxQuantile("name", [0.5], 0.0),
    percentile=lambda e: e.emp.summary("100.5%"),
    to_twice=lambda e: e.emp.select("id", "id").to(e.T.StructType().add("id", "long")),
    field_by_number=lambda e: e.nested.select(e.nested.s[0]),
    formatted_none=lambda e: e.spark.sql("select {x}", x=None),
)


def _deep(e: Any) -> Any:
    return e.spark.createDataFrame(
        [((1, "x"), [(1, 2), None], {"k": (1, 2)}, 5, "7", None), (None, None, None, None, None, (3,))],
        "s struct<a int, b string>, l array<struct<a int, b int>>, m map<string, struct<a int, b int>>, "
        "i int, t string, n struct<a int>",
    )


def _to(schema: str) -> Callable[[Any], Any]:
    return lambda e: _deep(e).to(e.T.StructType.fromDDL(schema))


def _not_null_elements(e: Any) -> Any:
    elements = e.T.ArrayType(e.T.LongType(), False)
    return e.spark.sql("select array(1, null) a").to(e.T.StructType([e.T.StructField("a", elements)]))


def _not_null_values(e: Any) -> Any:
    values = e.T.MapType(e.T.StringType(), e.T.LongType(), False)
    return e.spark.sql("select map('k', int(null)) m").to(e.T.StructType([e.T.StructField("m", values)]))


many(
    "to",
    fields_by_name=_to("s struct<b string, a int>"),
    field_left_out=_to("s struct<b string>"),
    field_new=_to("s struct<a bigint, c int>, N struct<A int>"),
    field_missing=_to("s struct<c int not null>"),
    field_null=_to("s struct<a int not null>"),
    element_fields=_to("l array<struct<b int, a bigint>>"),
    elements_of_another_kind=_to("l array<int>"),
    value_fields=_to("m map<string, struct<b int, a bigint>>"),
    stored=_to("i bigint, t string"),
    text_as_number=_to("t int"),
    text_as_date=_to("t date"),
    number_as_boolean=_to("i boolean"),
    number_as_time=_to("i timestamp"),
    struct_as_text=_to("s string"),
    null_elements=_not_null_elements,
    null_values=_not_null_values,
    metadata=lambda e: [
        e.emp.withMetadata("id", {"own": 1})
        .to(e.T.StructType([e.T.StructField("id", kind, True, new)]))
        .schema.json()
        for kind in (e.T.IntegerType(), e.T.LongType())
        for new in (None, {"new": 2})
    ],
)


def _by_number(sql: str, number: int) -> Callable[[Any], Any]:
    def work(e: Any) -> Any:
        frame = e.spark.sql(sql)
        return frame.select(frame[number])

    return work


many(
    "by number",
    last=_by_number("select 1 as a, 2 as b", -1),
    twice=_by_number("select 1 as a, 2 as a, 3 as b", 0),
    with_a_dot=_by_number("select 1 as `x.y`, struct(5 as y) as x", 0),
    in_another_case=_by_number("select 1 as a, 2 as A", 1),
)


def _declared(e: Any) -> Any:
    f, kinds = e.T.StructField, (e.T.IntegerType(), e.T.ArrayType(e.T.DecimalType(5, 2), False))
    odd = e.T.StructType([f("y z", e.T.DateType(), False, {"comment": "in"}), f("d`e", e.T.CharType(3))])
    names = ("a", "b c", "1a", "é", "", "a.b", "_x", "select")
    comments = ("", "it's", 'a"b\\n\n')
    schema = e.T.StructType(
        [f(n, kinds[i % 2], bool(i % 3), {"comment": comments[i % 3]}) for i, n in enumerate(names)]
    )
    schema.add(f("m", e.T.MapType(e.T.StringType(), odd)))
    return [schema.toDDL(), e.T.StructType([]).toDDL(), repr(e.T.ArrayType.fromJson(kinds[1].jsonValue()))]


many(
    "declared",
    schema=_declared,
    read_back=lambda e: e.T.StructType.fromDDL(e.emp.schema.toDDL()) == e.emp.schema,
    name_of_cast=lambda e: e.spark.sql("select cast(named_struct('x', 1) as struct<`a b`: int>)").columns,
)


many(
    "names_inside",
    call=lambda e: e.emp.select(e.F.upper(e.F.col("name").alias("z"))),
    nested=lambda e: e.emp.select(e.F.max(e.F.upper(e.F.col("name").alias("z")).alias("y"))),
    topmost=lambda e: e.emp.select(e.F.upper(e.F.col("name").alias("z")).alias("y")),
    operator=lambda e: e.emp.select(e.F.col("id").alias("z") + e.F.lit(1).alias("one")),
    odd=lambda e: e.emp.select(
        *(e.F.upper(e.F.col("name").alias(n)) for n in ("a b", "a.b", "1", "é", "", "q`q"))
    ),
    in_structs=lambda e: e.emp.select(
        e.F.struct(e.F.col("id").alias("a b"), e.F.upper(e.F.col("name").alias("z")))
    ),
    of_constant=lambda e: e.emp.select(e.F.date_format(e.F.lit("2020-01-01").alias("d"), "yyyy")),
    cast=lambda e: e.emp.select(
        e.F.col("id").alias("z").cast("string") + 1, e.F.col("id").alias("z").cast("string")
    ),
    case=lambda e: e.emp.select(
        e.F.when(e.F.col("id").alias("z") == 1, e.F.col("boss").alias("y")).otherwise(0)
    ),
    isin=lambda e: e.emp.select(e.F.col("id").alias("z").isin(e.F.col("boss").alias("q"), 1)),
    window=lambda e: e.emp.select(
        e.F.sum(e.F.col("id").alias("y")).over(
            e.W.partitionBy(e.F.col("dept").alias("p")).orderBy(e.F.col("id").alias("z"))
        )
    ),
    lambdas=lambda e: e.nested.select(e.F.filter(e.F.col("xs").alias("z"), lambda x: (x > 1).alias("p"))),
    elements=lambda e: e.nested.select(e.F.col("xs").alias("z")[0], e.F.col("s").alias("z").x),
    generator=lambda e: e.nested.select(e.F.posexplode(e.F.col("xs").alias("z"))),
    udf=lambda e: e.emp.select(e.F.udf(lambda x: x, "string")(e.F.col("name").alias("z"))),
    groups=lambda e: e.emp.groupBy(e.F.upper(e.F.col("dept").alias("z"))).agg(
        e.F.sum(e.F.col("id").alias("y"))
    ),
    keys=lambda e: e.emp.groupBy(e.F.col("id").alias("z") + 1).agg(e.F.max(e.F.col("boss").alias("m"))),
    pivots=lambda e: (
        e.sales.groupBy("item").pivot("year").agg(e.F.sum(e.F.col("amount").alias("z")), e.F.max("amount"))
    ),
    stars=lambda e: e.nested.groupBy("id").agg(e.F.count("s.*")),
    expr=lambda e: e.emp.select(e.F.expr("id as z") + 1),
)


many(
    "above_aggregation",
    sort=lambda e: e.emp.groupBy("dept").agg(e.F.max("id").alias("m")).orderBy(e.F.max("id")),
    selected=lambda e: (
        e.emp.groupBy("dept").agg(e.F.max("id").alias("m")).select("dept").orderBy(e.F.max("id"))
    ),
    filtered=lambda e: (
        e.emp.groupBy("dept").agg(e.F.max("id").alias("m")).select("m").filter(e.F.max("id") > 3)
    ),
    added=lambda e: (
        e.emp.groupBy("dept")
        .agg(e.F.max("id").alias("m"))
        .withColumn("z", e.F.col("m"))
        .orderBy(e.F.max("id"))
    ),
    dropped=lambda e: e.emp.groupBy("dept").agg(e.F.max("id").alias("m")).drop("m").orderBy(e.F.max("id")),
    renamed=lambda e: e.emp.groupBy("dept").agg(e.F.max("id")).toDF("x", "y").orderBy(e.F.max("id")),
    lost=lambda e: e.emp.groupBy("dept").agg(e.F.max("id").alias("m")).select("dept").orderBy("m"),
    named_twice=lambda e: e.spark.sql("select 1 a, 2 a").describe(),
    named_twice_in_part=lambda e: e.spark.sql("select 1 a, 2 a, 3 b").summary("count"),
    named_twice_beside=lambda e: e.spark.sql("select 1 a, 2 a, 3 b").describe("b"),
)


def _lost(step: Callable[[Any, Any], Any]) -> Callable[[Any], Any]:
    """A join of largest ids by department with the table that they come from."""
    return lambda e: step(
        e.emp.groupBy("dept").agg(e.F.max("id").alias("top")).join(e.emp, e.F.col("top") == e.emp.id), e
    )


many(
    "lost_columns",
    joined=_lost(lambda joined, e: joined),
    dropped=_lost(lambda joined, e: joined.drop(e.emp.id)),
    by_name=_lost(lambda joined, e: joined.select("id", "top")),
    of_union=lambda e: (
        e.emp.select("id").union(e.dept.select("floor")).join(e.dept.select("floor")).drop(e.dept.floor)
    ),
    of_both_in_union=lambda e: (
        e.emp.select("id")
        .union(e.dept.select("floor"))
        .join(e.dept.select("floor"), e.F.col("id") == e.dept.floor)
    ),
    other_side=lambda e: e.emp.join(e.emp.groupBy("dept").agg(e.F.max("id").alias("top")), "dept").select(
        e.emp.id, "top"
    ),
    twice=lambda e: (
        e.emp.join(e.dept, e.emp.dept == e.dept.dept)
        .drop(e.dept.dept, e.dept.city)
        .withColumnRenamed("floor", "f")
        .join(e.dept, e.F.col("f") == e.dept.floor)
        .drop(e.dept.dept)
    ),
)

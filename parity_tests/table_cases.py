"""The catalog, how tables are laid out, and settings that are refused, for test_frames.py."""

from __future__ import annotations

from typing import Any

from frames_cases import many


def _described(s: Any) -> Any:
    catalog = s.spark.catalog
    schema = s.T.StructType().add("a", "int")
    catalog.createTable("described", schema=schema, description="what it holds")
    found = [t.description for t in catalog.listTables("spark_catalog.default") if t.name == "described"]
    s.spark.sql("drop table described")
    return found


def _laid_out(*calls: Any) -> Any:
    """Return a case that writes a table in a layout, and reads it."""

    def case(s: Any) -> Any:
        writer = s.emp.select("id", "name").write.mode("overwrite")
        for method, *given in calls:
            writer = getattr(writer, method)(*given)
        writer.saveAsTable("laid_out")
        found = sorted(tuple(row) for row in s.spark.table("laid_out").collect())
        s.spark.sql("drop table laid_out")
        return found

    return case


def _inserted(method: str, *given: Any) -> Any:
    def case(s: Any) -> Any:
        s.spark.sql("create table if not exists inserted (id int)")
        getattr(s.spark.range(1).write, method)(*given).insertInto("inserted")

    return case


def _in_schema(*steps: Any) -> Any:
    """Return a case that runs statements and calls in a schema `shop`, from USE on, and lists their answers."""

    def case(s: Any) -> Any:
        sql, found = s.spark.sql, []
        for text in (
            "drop schema if exists shop cascade",
            "drop table if exists goods",
            "create schema shop",
        ):
            sql(text)
        sql("create table goods using parquet as select 1 id, 'default' place")
        sql("create table shop.goods using parquet as select 2 id, 'shop' place, struct(3 as p) s")
        try:
            sql("use shop")
            for step in steps:
                answer = step(s) if callable(step) else sql(step)
                rows = answer.collect() if hasattr(answer, "collect") else answer
                found.append(sorted(map(tuple, rows)) if isinstance(rows, list) else rows)
        finally:
            sql("use default")
            sql("drop schema shop cascade")
            sql("drop table goods")
        return found

    return case


many(
    "current_schema",
    names=_in_schema(
        "select current_schema(), current_database(), current_path()", "show current schema", "select * from goods",
        "select * from default.goods", "show tables", "show tables in default", "describe goods",
        lambda s: s.spark.catalog.currentDatabase(), lambda s: s.spark.table("goods").count(),
        lambda s: s.spark.catalog.tableExists("goods"), lambda s: s.spark.newSession().catalog.currentDatabase(),
        "use schema default", "select place from goods", "use SHOP", "select current_schema()",
        "use spark_catalog.shop",
        "select place from goods", "use spark_catalog", "select current_schema()",
        lambda s: s.spark.catalog.setCurrentDatabase("default"), "select place from goods",
    ),
    written=_in_schema(
        "create table made using parquet as select 5 a", "insert into made values (6)", "select * from shop.made",
        lambda s: s.spark.range(3).write.saveAsTable("saved"), lambda s: s.spark.range(2).write.insertInto("saved"),
        "select * from shop.saved", lambda s: s.spark.range(1).write.saveAsTable("default.elsewhere"),
        "select * from default.elsewhere", "drop table default.elsewhere", "drop table made", "show tables",
        "truncate table goods", "select count(*) from goods", "select count(*) from default.goods",
    ),
    columns=_in_schema(
        "select shop.goods.id, goods.s.p, shop.goods.s.p, spark_catalog.shop.goods.place from goods",
        "select default.goods.id, shop.goods.id from goods join default.goods on s.p > default.goods.id",
        "select default.goods.* from default.goods",
        "select id from goods g where g.id = (select max(shop.goods.id) from goods)",
        lambda s: s.spark.table("default.goods").select("default.goods.id", "goods.place").collect(),
    ),
    not_there=_in_schema("drop table goods", "select * from goods"),
    no_schema=_in_schema("use nowhere"),
    no_database=_in_schema(lambda s: s.spark.catalog.setCurrentDatabase("nowhere")),
    not_in_the_other=_in_schema("select default.goods.id from goods"),
    suggestions=_in_schema("select goods.zz from goods"),
    suggestions_of_two=_in_schema("select zz from goods join default.goods"),
    schema_is_gone=_in_schema("create schema gone", "use gone", "drop schema gone", "create table made (a int)"),
    no_arguments=_in_schema("select current_schema('x')"),
)  # fmt: skip
many(
    "catalog",
    description=_described,
    no_columns=lambda s: s.spark.catalog.createTable("no_columns"),
    schema_type=lambda s: s.spark.catalog.createTable("typed", schema=5),
    databases_described=lambda s: [d.description for d in s.spark.catalog.listDatabases("default")],
    tables_of_catalog=lambda s: s.spark.catalog.listTables("spark_catalog.nowhere"),
    functions_of_nowhere=lambda s: s.spark.catalog.listFunctions("nowhere"),
    not_functions=lambda s: [f.name for f in s.spark.catalog.listFunctions("default", "timestampa*|[[]]")],
    no_table=lambda s: s.spark.catalog.listColumns("nowhere"),
    cached=lambda s: (s.emp.is_cached, s.spark.range(1).cache().is_cached),
    pivot_text=lambda s: repr(s.emp.groupBy("dept").pivot("id")),
    limit_negative=lambda s: s.emp.limit(-1),
    where_aggregate=lambda s: s.emp.where(s.F.sum("id") + s.F.max("id") > 1),
    partitioning=lambda s: s.F.partitioning.__name__.rpartition(".")[2],
)
many(
    "layout",
    buckets=_laid_out(("bucketBy", 2, "id")),
    buckets_sorted=_laid_out(("bucketBy", 2, ["id", "name"]), ("sortBy", ["name"])),
    clustered=_laid_out(("clusterBy", "id")),
    number_of_buckets=_laid_out(("bucketBy", "id", "name")),
    list_and_names=_laid_out(("bucketBy", 2, ["id"], "name")),
    list_of_numbers=_laid_out(("sortBy", [1])),
    names_of_numbers=_laid_out(("bucketBy", 2, "id", 1)),
    sorted_only=_laid_out(("sortBy", "id")),
    clustered_and_partitioned=_laid_out(("clusterBy", "id"), ("partitionBy", "name")),
    clustered_and_buckets=_laid_out(("clusterBy", "id"), ("bucketBy", 2, "name")),
    no_clusters=_laid_out(("clusterBy",)),
    insert_buckets=_inserted("bucketBy", 2, "id"),
    insert_partitions=_inserted("partitionBy", "id"),
)
many(
    "setting",
    choice=lambda s: s.spark.conf.set("spark.sql.sources.partitionOverwriteMode", "sideways"),
    number=lambda s: s.spark.conf.set("spark.sql.shuffle.partitions", "many"),
    truth=lambda s: s.spark.conf.set("spark.sql.adaptive.enabled", "perhaps"),
    known=lambda s: [
        s.spark.conf.get(f"spark.sql.{key}")
        for key in (
            "autoBroadcastJoinThreshold", "execution.arrow.maxRecordsPerBatch", "pivotMaxValues",
            "execution.arrow.pyspark.enabled", "execution.pyspark.binaryAsBytes", "files.maxPartitionBytes",
        )
    ],
)  # fmt: skip


def _arrow(schema: Any, **columns: Any) -> Any:
    def case(s: Any) -> Any:
        import pyarrow as pa

        return s.spark.createDataFrame(
            pa.table({name: pa.array(*given) for name, given in columns.items()}), schema
        )

    return case


many(
    "arrow_table",
    null_where_none_may_be=_arrow("a int not null", a=([1, None],)),
    not_null=_arrow("a int not null", a=([1, 2],)),
    bytes_of_one_length=lambda s: _arrow(None, a=([b"ab", None], __import__("pyarrow").binary(2)))(s),
)


def _source(name: Any) -> Any:
    return lambda s: s.spark.readStream.format("rate").name(name).load().columns


many(
    "source_name",
    plain=_source("events"),
    two_words=_source("two words"),
    empty=_source(""),
    number=_source(5),
    table=lambda s: s.spark.readStream.name("events").table("nowhere"),
)


def _exploded(*names: str) -> Any:
    return lambda s: s.spark.range(1).select(s.F.explode(s.F.create_map(s.F.lit("k"), "id")).alias(*names))


many(
    "generator_names",
    one=_exploded("a"),
    two=_exploded("a", "b"),
    three=_exploded("a", "b", "c"),
    in_sql=lambda s: s.spark.sql("select posexplode(array(1)) as (a, b, c)"),
    lateral_view=lambda s: s.spark.sql("select * from range(1) lateral view explode(map(1, 2)) t as a, b, c"),
)

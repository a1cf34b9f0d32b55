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

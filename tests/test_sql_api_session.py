"""Sessions, settings, the catalog, SQL statements and tables, as Spark 4.3.0 has them."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sql_api_fixtures import condition_of, spark

import lightstream
import lightstream.sql.functions as F
from lightstream import pyspark_names
from lightstream.sql import DataFrame, Row, SparkSession

__all__ = ["spark"]


@pytest.fixture
def df(spark: SparkSession) -> DataFrame:
    df = spark.createDataFrame([(1, "a", 1.5), (2, "bb", None)], "id int, name string, v double")
    df.createOrReplaceTempView("tv")
    return df


def answer(df: DataFrame) -> tuple[str, list[tuple[Any, ...]]]:
    fields = (f"{f.name} {f.dataType.simpleString()}{'' if f.nullable else '!'}" for f in df.schema.fields)
    return ",".join(fields), [tuple(row) for row in df.collect()]


# ---- sessions -------------------------------------------------------------------------------------------------


def test_there_is_one_session(spark: SparkSession) -> None:
    assert SparkSession.builder.getOrCreate() is spark
    assert SparkSession.getActiveSession() is SparkSession.active() is spark
    assert SparkSession.builder is not SparkSession.builder
    assert SparkSession.builder.config("x.y", 1).getOrCreate().conf.get("x.y") == "1"
    assert SparkSession.builder.config(map={"q": True}).getOrCreate().conf.get("q") == "true"
    conf = pyspark_names.SparkConf().set("r", "s")
    assert SparkSession.builder.config(conf=conf).getOrCreate().conf.get("r") == "s"
    assert spark.version == "4.3.0"
    assert spark.catalog is spark.catalog
    assert spark.read is not spark.read


def test_a_new_session_has_its_own_settings_and_views(spark: SparkSession, df: DataFrame) -> None:
    spark.sql("create table t as select 1 a")
    spark.conf.set("spark.sql.ansi.enabled", False)
    new = spark.newSession()
    assert new.conf.get("spark.sql.ansi.enabled") == "true"
    assert new.conf.get("spark.app.name") == "tests"
    assert not new.catalog.tableExists("tv")
    assert new.table("t").collect() == [Row(a=1)]


def test_a_stopped_session_says_so(spark: SparkSession, df: DataFrame) -> None:
    new = spark.newSession()
    spark.stop()
    spark.stop()
    for use in (df.collect, lambda: spark.range(1), lambda: new.sql("select 1")):
        assert condition_of(use) == "PySparkRuntimeError LIGHTSTREAM_SESSION_STOPPED"
    assert SparkSession.getActiveSession() is None
    assert condition_of(SparkSession.active) == "PySparkRuntimeError NO_ACTIVE_OR_DEFAULT_SESSION"


def test_tables_stay_in_the_file(tmp_path: Path) -> None:
    path = str(tmp_path / "results.db")
    with lightstream.session(path) as session:
        session.range(3).write.saveAsTable("numbers")
        assert condition_of(lambda: lightstream.session(str(tmp_path / "other.db"))) == (
            "PySparkRuntimeError LIGHTSTREAM_DATABASE_IN_USE"
        )
        assert lightstream.session(path) is session
    with lightstream.session(path) as session:
        assert session.table("numbers").count() == 3


def test_the_context_stands_in_for_sparks(spark: SparkSession) -> None:
    context = spark.sparkContext
    context.setLogLevel("warn")
    assert repr(context) == "<SparkContext master=local[*] appName=tests>"
    assert context.defaultParallelism >= 1
    assert context.uiWebUrl is None
    assert context.getConf().get("spark.app.name") == "tests"
    assert pyspark_names.SparkContext.getOrCreate() is context
    assert condition_of(lambda: context.pickleFile("a")) == (
        "UnsupportedOperationException LIGHTSTREAM_UNSUPPORTED"
    )
    assert condition_of(lambda: context.setLogLevel("foo")) == "IllegalArgumentException None"
    assert condition_of(lambda: SparkSession.builder.remote("sc://x")) == (
        "UnsupportedOperationException LIGHTSTREAM_UNSUPPORTED"
    )


# ---- settings -------------------------------------------------------------------------------------------------


def test_settings(spark: SparkSession) -> None:
    conf = spark.conf
    assert conf.get("foo", "x") == "x"
    assert conf.get("foo", None) is None
    conf.set("a.b", 1)
    assert conf.get("a.b") == "1"
    conf.unset("a.b")
    conf.set("spark.sql.ansi.enabled", True)
    assert conf.get("spark.sql.ansi.enabled") == "true"
    assert conf.getAll["spark.sql.session.timeZone"] == "UTC"
    keys = ("spark.sql.ansi.enabled", "spark.driver.memory", "zz", "spark.sql.warehouse.dir")
    assert [conf.isModifiable(key) for key in keys] == [True, False, False, False]


@pytest.mark.parametrize(
    ("use", "condition"),
    [
        (lambda c: c.get("foo"), "SparkNoSuchElementException SQL_CONF_NOT_FOUND"),
        (lambda c: c.get(1), "PySparkTypeError NOT_EXPECTED_TYPE"),
        (lambda c: c.get("a", 5), "PySparkTypeError NOT_EXPECTED_TYPE"),
        (lambda c: c.set("a", None), "IllegalArgumentException None"),
        (lambda c: c.set("a", 1.5), "PySparkTypeError NOT_EXPECTED_TYPE"),
        (lambda c: c.set("spark.sql.ansi.enabled", "maybe"),
         "IllegalArgumentException INVALID_CONF_VALUE.TYPE_MISMATCH"),
        (lambda c: c.set("spark.sql.session.timeZone", "Foo/Bar"),
         "IllegalArgumentException INVALID_CONF_VALUE.TIME_ZONE"),
        (lambda c: c.set("spark.sql.session.timeZone", "UTC+05:30"),
         "UnsupportedOperationException LIGHTSTREAM_UNSUPPORTED"),
        (lambda c: c.set("spark.driver.memory", "1g"), "AnalysisException CANNOT_MODIFY_CONFIG"),
        (lambda c: c.set("spark.sql.warehouse.dir", "x"), "AnalysisException CANNOT_MODIFY_STATIC_CONFIG"),
        (lambda c: c.set("lightstream.database", "x"), "AnalysisException CANNOT_MODIFY_STATIC_CONFIG"),
    ],
)  # fmt: skip
def test_settings_that_are_refused(spark: SparkSession, use: Callable[[Any], Any], condition: str) -> None:
    assert condition_of(lambda: use(spark.conf)) == condition


# ---- range and SQL --------------------------------------------------------------------------------------------


def test_range(spark: SparkSession) -> None:
    assert answer(spark.range(3)) == ("id bigint!", [(0,), (1,), (2,)])
    assert [r.id for r in spark.range(1, 10, 3).collect()] == [1, 4, 7]
    assert [r.id for r in spark.range(5, 1, -2).collect()] == [5, 3]
    assert condition_of(lambda: spark.range(1, 2, 0)) == "IllegalArgumentException None"


def test_sql_takes_parameters(spark: SparkSession, df: DataFrame) -> None:
    assert answer(spark.sql("select :a + 1 x", {"a": 1})) == ("x int!", [(2,)])
    assert answer(spark.sql("select ? + 1 x", [1])) == ("x int!", [(2,)])
    assert spark.sql("select * from {d} where id > {m}", d=df, m=1).count() == 1
    assert spark.sql("select {c}, {e} from {d}", c=F.col("id"), e=df.v, d=df).columns == ["id", "v"]
    assert spark.sql("select {s} a, {n} b, {t} c", s="it's \\", n=1.5, t=True).collect() == [
        ("it's \\", 1.5, True)
    ]
    assert [view for view in spark._state.views if "lightstream" in view] == []
    assert condition_of(lambda: spark.sql("select :b", {"a": 1})) == "AnalysisException UNBOUND_SQL_PARAMETER"
    assert condition_of(lambda: spark.sql("select :b", 5)) == "PySparkTypeError INVALID_TYPE"
    with pytest.raises(Exception, match="Syntax error at or near"):
        spark.sql("select {zz} a")


TABLES = "namespace string!,tableName string!,isTemporary boolean!"
DESCRIBED = "col_name string!,data_type string!,comment string"
SETTING = "key string!,value string!"


# In this order, in one session; what Spark answered.
STATEMENTS: list[tuple[str, Any]] = [
    ("show tables", (TABLES, [("", "tv", True)])),
    ("show tables like 'x*'", (TABLES, [])),
    ("show views", ("namespace string!,viewName string!,isTemporary boolean!", [("", "tv", True)])),
    ("show databases", ("namespace string!", [("default",)])),
    ("show catalogs", ("catalog string!", [("spark_catalog",)])),
    ("show columns in tv", ("col_name string!", [("id",), ("name",), ("v",)])),
    ("describe tv", (DESCRIBED, [("id", "int", None), ("name", "string", None), ("v", "double", None)])),
    ("desc query select 1 a", (DESCRIBED, [("a", "int", None)])),
    ("set spark.sql.shuffle.partitions=7", (SETTING, [("spark.sql.shuffle.partitions", "7")])),
    ("set spark.sql.shuffle.partitions", (SETTING, [("spark.sql.shuffle.partitions", "7")])),
    ("reset spark.sql.shuffle.partitions", ("", [])),
    ("set spark.sql.shuffle.partitions", (SETTING, [("spark.sql.shuffle.partitions", "200")])),
    ("set foo", (SETTING, [("foo", "<undefined>")])),
    ("set time zone 'Asia/Tokyo'", (SETTING, [("spark.sql.session.timeZone", "Asia/Tokyo")])),
    ("create temp view w as select 1 a", ("", [])),
    ("create or replace temporary view w (x, y comment 'c') as select 1, 2", ("", [])),
    ("select * from w", ("x int!,y int!", [(1, 2)])),
    ("create temp view w as select 1", "AnalysisException TEMP_TABLE_OR_VIEW_ALREADY_EXISTS"),
    ("create temp view n as select * from nope", "AnalysisException TABLE_OR_VIEW_NOT_FOUND"),
    ("drop view w", ("", [])),
    ("drop view w", "AnalysisException TABLE_OR_VIEW_NOT_FOUND"),
    ("drop view if exists w", ("", [])),
    ("cache table tv", ("", [])),
    ("uncache table nope", "AnalysisException TABLE_OR_VIEW_NOT_FOUND"),
    ("clear cache", ("", [])),
    ("create table t1 as select 1 a, 'x' b", ("", [])),
    ("create table t1 as select 1 a", "AnalysisException TABLE_OR_VIEW_ALREADY_EXISTS"),
    ("create table if not exists t1 as select 5 a", ("", [])),
    ("insert into t1 values (2, 'y')", ("", [])),
    ("insert into t1 (b, a) values ('q', 9)", ("", [])),
    ("insert into t1 (a) values (5)", ("", [])),
    ("insert into t1 by name select 'r' b, 6 a", ("", [])),
    ("insert into t1 (zz) values (1)", "AnalysisException UNRESOLVED_COLUMN.WITH_SUGGESTION"),
    ("insert into t1 values (1)", "AnalysisException INSERT_COLUMN_ARITY_MISMATCH.NOT_ENOUGH_DATA_COLUMNS"),
    (
        "insert into t1 values (1, 'a', 2)",
        "AnalysisException INSERT_COLUMN_ARITY_MISMATCH.TOO_MANY_DATA_COLUMNS",
    ),
    (
        "insert into t1 values ('abc', 'y')",
        "AnalysisException INCOMPATIBLE_DATA_FOR_TABLE.CANNOT_SAFELY_CAST",
    ),
    ("insert into nope values (1)", "AnalysisException TABLE_OR_VIEW_NOT_FOUND"),
    ("select * from t1 order by a", ("a int,b string", [(1, "x"), (2, "y"), (5, None), (6, "r"), (9, "q")])),
    ("insert overwrite t1 select a, b from t1", "AnalysisException UNSUPPORTED_OVERWRITE.TABLE"),
    ("insert overwrite t1 select 7, 'z'", ("", [])),
    ("select * from default.t1", ("a int,b string", [(7, "z")])),
    ("show tables", (TABLES, [("default", "t1", False), ("", "tv", True)])),
    ("describe t1", (DESCRIBED, [("a", "int", None), ("b", "string", None)])),
    ("truncate table t1", ("", [])),
    ("select count(*) c from t1", ("c bigint!", [(0,)])),
    ("drop table t1", ("", [])),
    ("drop table t1", "AnalysisException TABLE_OR_VIEW_NOT_FOUND"),
    ("drop table if exists t1", ("", [])),
    ("create table t2 (a int, b string not null)", ("", [])),
    ("insert into t2 values (1, null)", ("", [])),
    ("create table t3 as select interval '1' day d", "UnsupportedOperationException LIGHTSTREAM_UNSUPPORTED"),
    ("create table t3 using csv as select 1 a", "UnsupportedOperationException LIGHTSTREAM_UNSUPPORTED"),
    ("create table nope.t as select 1 a", "AnalysisException SCHEMA_NOT_FOUND"),
    ("use default", ("", [])),
    ("use nope", "AnalysisException SCHEMA_NOT_FOUND"),
    ("create view v as select 1", "UnsupportedOperationException LIGHTSTREAM_UNSUPPORTED"),
    ("drop table tv", ("", [])),
    ("values (1, 2)", ("col1 int!,col2 int!", [(1, 2)])),
]


def test_statements(spark: SparkSession, df: DataFrame) -> None:
    for text, expected in STATEMENTS:
        if isinstance(expected, str):
            assert condition_of(lambda text=text: spark.sql(text)) == expected, text
        else:
            assert answer(spark.sql(text)) == expected, text


def test_a_failed_insert_changes_nothing(spark: SparkSession) -> None:
    spark.sql("create table t as select 1 a")
    spark.createDataFrame([("1",), ("x",)], "s string").createOrReplaceTempView("texts")
    with pytest.raises(Exception, match="CAST_INVALID_INPUT"):
        spark.sql("insert overwrite t select cast(s as int) from texts")
    assert spark.table("t").collect() == [Row(a=1)]
    with pytest.raises(Exception, match="CAST_INVALID_INPUT"):
        spark.sql("create table t4 as select cast(s as int) a from texts")
    assert not spark.catalog.tableExists("t4")


def test_explain_is_a_statement_too(spark: SparkSession) -> None:
    schema, rows = answer(spark.sql("explain select 1"))
    assert schema == "plan string"
    assert rows[0][0].startswith("== Physical Plan ==\nProject [1 AS 1#")


# ---- writing tables -------------------------------------------------------------------------------------------


def test_save_modes(spark: SparkSession, df: DataFrame) -> None:
    df.write.saveAsTable("w")
    exists = "AnalysisException TABLE_OR_VIEW_ALREADY_EXISTS"
    assert condition_of(lambda: df.write.saveAsTable("w")) == exists
    df.select("v", "id", "name").write.mode("append").saveAsTable("w")
    assert sorted(row.id for row in spark.table("w").collect()) == [1, 1, 2, 2]
    df.write.mode("ignore").saveAsTable("w")
    df.limit(1).write.insertInto("w")
    assert spark.table("w").count() == 5
    df.write.mode("overwrite").saveAsTable("w")
    assert spark.table("w").count() == 2
    df.limit(1).write.insertInto("w", overwrite=True)
    df.write.format("duckdb").option("dbtable", "w").mode("append").save()
    assert spark.table("w").count() == 3
    assert spark.table("w").schema == df.schema


@pytest.mark.parametrize(
    ("use", "condition"),
    [
        (lambda df: df.write.mode("foo"), "AnalysisException INVALID_SAVE_MODE"),
        (lambda df: df.write.insertInto("nope"), "AnalysisException TABLE_OR_VIEW_NOT_FOUND"),
        (lambda df: df.select("id").write.insertInto("w"),
         "AnalysisException INSERT_COLUMN_ARITY_MISMATCH.NOT_ENOUGH_DATA_COLUMNS"),
        (lambda df: df.select("id").write.mode("append").saveAsTable("w"), "AnalysisException _LEGACY_ERROR_TEMP_1161"),
        (lambda df: df.toDF("id", "name", "q").write.mode("append").saveAsTable("w"),
         "AnalysisException _LEGACY_ERROR_TEMP_1162"),
        (lambda df: df.write.xml("x"), "UnsupportedOperationException LIGHTSTREAM_UNSUPPORTED"),
        (lambda df: df.write.save(), "IllegalArgumentException _LEGACY_ERROR_TEMP_2047"),
        (lambda df: df.writeTo("x").partitionedBy("id"), "UnsupportedOperationException LIGHTSTREAM_UNSUPPORTED"),
        (lambda df: df.select("id", "id").write.saveAsTable("x"), "AnalysisException COLUMN_ALREADY_EXISTS"),
        (lambda df: df.write.saveAsTable("a b"), "ParseException PARSE_SYNTAX_ERROR"),
    ],
)  # fmt: skip
def test_writing_refuses(df: DataFrame, use: Callable[[DataFrame], Any], condition: str) -> None:
    df.write.saveAsTable("w")
    assert condition_of(lambda: use(df)) == condition


# ---- catalog --------------------------------------------------------------------------------------------------


def test_catalog(spark: SparkSession, df: DataFrame) -> None:
    catalog = spark.catalog
    df.write.saveAsTable("t")
    assert [tuple(table) for table in catalog.listTables()] == [
        ("t", "spark_catalog", ["default"], None, "MANAGED", False),
        ("tv", None, [], None, "TEMPORARY", True),
    ]
    assert catalog.listTables()[0].database == "default"
    assert [table.name for table in catalog.listTables(pattern="t")] == ["t"]
    assert catalog.getTable("tv").isTemporary
    assert catalog.getTable("default.T").name == "t"
    assert (catalog.tableExists("tv"), catalog.tableExists("t", "default"), catalog.tableExists("nope")) == (
        True,
        True,
        False,
    )
    assert [(c.name, c.dataType, c.nullable) for c in catalog.listColumns("tv")][1] == (
        "name",
        "string",
        True,
    )
    assert (catalog.currentDatabase(), catalog.currentCatalog()) == ("default", "spark_catalog")
    assert [database.name for database in catalog.listDatabases()] == ["default"]
    assert catalog.functionExists("count")
    assert not catalog.functionExists("zz")
    assert catalog.getFunction("count").name == "count"
    assert catalog.listFunctions(pattern="coun*")
    catalog.cacheTable("tv")
    assert catalog.isCached("tv")
    catalog.uncacheTable("tv")
    assert not catalog.isCached("tv")
    catalog.setCurrentDatabase("default")
    assert catalog.dropTempView("tv")
    assert not catalog.dropTempView("tv")
    catalog.truncateTable("t")
    catalog.dropTable("t")
    assert catalog.listTables() == []
    not_found = "AnalysisException TABLE_OR_VIEW_NOT_FOUND"
    for use in (catalog.getTable, catalog.listColumns, catalog.isCached, catalog.dropTable):
        assert condition_of(lambda use=use: use("nope")) == not_found
    assert condition_of(lambda: catalog.listTables("zz")) == "AnalysisException SCHEMA_NOT_FOUND"
    assert condition_of(lambda: catalog.setCurrentDatabase("zz")) == "AnalysisException SCHEMA_NOT_FOUND"


# ---- readers --------------------------------------------------------------------------------------------------


def test_json_files(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"a":1,"b":"x"}\n{"a":2}\n')
    path = str(tmp_path)
    assert answer(spark.read.json(path)) == ("a bigint,b string", [(1, "x"), (2, None)])
    assert answer(spark.read.schema("b string").format("json").load(path))[0] == "b string"
    assert spark.read.option("pathGlobFilter", "b*").schema("a int").json([path]).count() == 0
    assert spark.readStream.json(path, schema="a int").isStreaming


@pytest.mark.parametrize(
    ("use", "condition"),
    [
        (lambda s: s.read.schema(1), "PySparkTypeError NOT_EXPECTED_TYPE"),
        (lambda s: s.read.schema("a foo"), "ParseException UNSUPPORTED_DATATYPE"),
        (lambda s: s.read.json(1), "PySparkTypeError NOT_EXPECTED_TYPE"),
        (lambda s: s.read.json("/nope"), "AnalysisException PATH_NOT_FOUND"),
        (lambda s: s.read.format("zzz").load("/nope"), "AnalysisException DATA_SOURCE_NOT_FOUND"),
        (lambda s: s.read.jdbc("a", "b"), "UnsupportedOperationException LIGHTSTREAM_UNSUPPORTED"),
        (lambda s: s.table("nope"), "AnalysisException TABLE_OR_VIEW_NOT_FOUND"),
        (lambda s: s.table(1), "PySparkTypeError NOT_EXPECTED_TYPE"),
        (lambda s: s.table("a b"), "ParseException PARSE_SYNTAX_ERROR"),
        (lambda s: s.readStream.json(1), "PySparkTypeError NOT_EXPECTED_TYPE"),
        (lambda s: s.readStream.load(" "), "PySparkValueError VALUE_NOT_NON_EMPTY_STR"),
        (lambda s: s.readStream.format("json").schema("a int").load(),
         "IllegalArgumentException _LEGACY_ERROR_TEMP_2047"),
        (lambda s: s.readStream.schema("a int").json("/nope"), "AnalysisException PATH_NOT_FOUND"),
    ],
)  # fmt: skip
def test_readers_refuse(spark: SparkSession, use: Callable[[SparkSession], Any], condition: str) -> None:
    assert condition_of(lambda: use(spark)) == condition


# ---- modules --------------------------------------------------------------------------------------------------


def test_every_module_of_pyspark_has_a_stand_in() -> None:
    sql = ("catalog", "column", "conf", "dataframe", "datasource", "functions", "functions.builtin",
           "functions.partitioning", "group", "merge", "observation", "pandas.functions", "pandas.group_ops",
           "readwriter", "session", "streaming", "streaming.listener", "streaming.query", "streaming.readwriter",
           "streaming.state", "streaming.stateful_processor", "tvf", "types", "udf", "utils", "window")  # fmt: skip
    for module in (*(f"lightstream.sql.{name}" for name in sql), *pyspark_names.MODULES.values()):
        found = importlib.import_module(module)
        for name in getattr(found, "__all__", ()):
            assert getattr(found, name) is not None, (module, name)


def test_importing_the_api_imports_nothing_heavy() -> None:
    code = (
        "import sys; from lightstream.sql import SparkSession; import lightstream.sql.functions as F; "
        "F.col('a') + 1; "
        "heavy = {'duckdb', 'polars', 'pyarrow', 'pandas', 'numpy', 'sqlglot', 'watchdog', 'typer', 'rich'}; "
        "print(sorted(heavy & set(sys.modules))); SparkSession.builder.getOrCreate(); "
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n['duckdb']\n"

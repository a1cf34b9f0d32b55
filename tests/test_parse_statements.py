"""Statements: text and the commands they become."""

from __future__ import annotations

from typing import Any

import pytest
from parse_rendering import outline

from lightstream.errors import ParseException, UnsupportedOperationException
from lightstream.parse import parse_statement
from lightstream.plan import types as t
from lightstream.plan.relations import Command, Project, With

VIEW = {
    "name": ("v",), "columns": (), "comment": None, "properties": {}, "replace": False, "if_not_exists": False,
    "temporary": True, "is_global": False, "text": "select 1",
}  # fmt: skip
TABLE = {
    "name": ("t",), "if_not_exists": False, "schema": None, "format": None, "options": {}, "partition_by": (),
    "location": None, "comment": None, "properties": {},
}  # fmt: skip
INSERT = {"name": ("t",), "overwrite": False, "columns": (), "by_name": False}
A_INT = t.StructType([t.StructField("a", t.IntegerType())])


@pytest.mark.parametrize(
    ("text", "kind", "args"),
    [
        ("create temp view v as select 1", "create_view", VIEW),
        ("create or replace temporary view v as select 1;", "create_view", {**VIEW, "replace": True}),
        ("create global temp view v as select 1", "create_view", {**VIEW, "is_global": True}),
        ("create view if not exists db.v as select 1", "create_view",
         {**VIEW, "name": ("db", "v"), "temporary": False, "if_not_exists": True}),
        ("create temp view v (a, b comment 'x') comment 'c' as (select 1, 2) ", "create_view",
         {**VIEW, "columns": (("a", None), ("b", "x")), "comment": "c", "text": "(select 1, 2)"}),
        ("create view v tblproperties ('a' = 'b', c.d 1) as select 1", "create_view",
         {**VIEW, "temporary": False, "properties": {"a": "b", "c.d": "1"}}),
        ("create temporary view v using json options (path '/tmp/x', 'b.c' = true)", "create_view_using",
         {"name": ("v",), "replace": False, "is_global": False, "schema": None, "format": "json",
          "options": {"path": "/tmp/x", "b.c": "true"}}),
        ("create temp view v (a int) using json", "create_view_using",
         {"name": ("v",), "replace": False, "is_global": False, "schema": A_INT, "format": "json", "options": {}}),
        ("create table t (a int)", "create_table", {**TABLE, "schema": A_INT}),
        ("create table if not exists t (a int not null comment 'x', b struct<c: char(3)>) using parquet",
         "create_table",
         {**TABLE, "if_not_exists": True, "format": "parquet", "schema": t.StructType([
             t.StructField("a", t.IntegerType(), False, {"comment": "x"}),
             t.StructField("b", t.StructType([t.StructField("c", t.CharType(3))])),
         ])}),
        ("create table t using csv options (header 'true', sep = ',') partitioned by (a) location '/x' comment 'c' "
         "tblproperties ('k' = 'v') as select 1 as a", "create_table",
         {**TABLE, "format": "csv", "options": {"header": "true", "sep": ","}, "partition_by": ("a",),
          "location": "/x", "comment": "c", "properties": {"k": "v"}}),
        ("create table t select 1", "create_table", TABLE),
        ("drop table t", "drop_table", {"name": ("t",), "if_exists": False, "purge": False}),
        ("drop table if exists db.t purge", "drop_table", {"name": ("db", "t"), "if_exists": True, "purge": True}),
        ("drop view if exists v", "drop_view", {"name": ("v",), "if_exists": True}),
        ("truncate table t", "truncate_table", {"name": ("t",)}),
        ("insert into t select 1", "insert", INSERT),
        ("insert into table t values (1, 2)", "insert", INSERT),
        ("insert into t (a, `b c`) select 1, 2", "insert", {**INSERT, "columns": ("a", "b c")}),
        ("insert into t (select 1)", "insert", INSERT),
        ("insert into t by name select 1 as a", "insert", {**INSERT, "by_name": True}),
        ("insert overwrite table db.t table u", "insert", {**INSERT, "name": ("db", "t"), "overwrite": True}),
        ("insert into table select 1", "insert", {**INSERT, "name": ("table",)}),
        ("cache lazy table t options (a 'b') as select 1", "cache_table",
         {"name": ("t",), "lazy": True, "options": {"a": "b"}}),
        ("cache table db.t", "cache_table", {"name": ("db", "t"), "lazy": False, "options": {}}),
        ("uncache table if exists t", "uncache_table", {"name": ("t",), "if_exists": True}),
        ("clear cache", "clear_cache", {}),
        ("refresh table t", "refresh_table", {"name": ("t",)}),
        ("show tables", "show_tables", {"database": None, "pattern": None}),
        ("show tables from db like 'a*'", "show_tables", {"database": ("db",), "pattern": "a*"}),
        ("show views in a.b 'x'", "show_views", {"database": ("a", "b"), "pattern": "x"}),
        ("show databases like 'a*'", "show_databases", {"pattern": "a*"}),
        ("show schemas", "show_databases", {"pattern": None}),
        ("show user functions in db", "show_functions", {"scope": "user", "database": ("db",), "pattern": None}),
        ("show functions abs", "show_functions", {"scope": "all", "database": None, "pattern": "abs"}),
        ("show columns in t from db", "show_columns", {"name": ("t",), "database": ("db",)}),
        ("show current schema", "show_current_database", {}),
        ("show catalogs", "show_catalogs", {"pattern": None}),
        ("describe t", "describe_table", {"name": ("t",), "extended": False, "column": None}),
        ("desc table formatted db.t a.b", "describe_table",
         {"name": ("db", "t"), "extended": True, "column": ("a", "b")}),
        ("describe query", "describe_table", {"name": ("query",), "extended": False, "column": None}),
        ("describe query select 1", "describe_query", {}),
        ("desc values (1)", "describe_query", {}),
        ("describe function extended abs", "describe_function", {"name": ("abs",), "extended": True}),
        ("describe function +", "describe_function", {"name": ("+",), "extended": False}),
        ("explain select 1", "explain", {"mode": "simple"}),
        ("explain formatted insert into t select 1", "explain", {"mode": "formatted"}),
        ("use db", "use", {"name": ("db",)}),
        ("use schema `a b`", "use", {"name": ("a b",)}),
        ("set", "set", {}),
        ("set -v;", "set", {"verbose": True}),
        ("set a.b", "set", {"key": "a.b"}),
        ("SET spark.sql.shuffle.partitions = 10;", "set", {"key": "spark.sql.shuffle.partitions", "value": "10"}),
        ("set a=b=c d", "set", {"key": "a", "value": "b=c d"}),
        ("set a.b='c'", "set", {"key": "a.b", "value": "'c'"}),
        ("set a.b=", "set", {"key": "a.b", "value": ""}),
        ("-- why\n/* so */ set `a b`=`c;d`", "set", {"key": "a b", "value": "c;d"}),
        ("set spark.a=1 -- c", "set", {"key": "spark.a", "value": "1 -- c"}),
        ("set time zone 'Europe/Paris'", "set_time_zone", {"value": "Europe/Paris"}),
        ("set time zone local;", "set_time_zone", {"value": "LOCAL"}),
        ("set time zone interval -'1:30' hour to minute", "set_time_zone", {"value": "-01:30"}),
        ("set timezone = 'UTC'", "set", {"key": "timezone", "value": "'UTC'"}),
        ("reset", "reset", {}),
        ("reset `a.b` ;", "reset", {"key": "a.b"}),
    ],
)  # fmt: skip
def test_statements_become_commands(text: str, kind: str, args: dict[str, Any]) -> None:
    found = parse_statement(text)
    assert isinstance(found, Command)
    assert (found.kind, found.args) == (kind, args)


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("create temp view v as select 1", "select 1"),
        ("create table t as with x as (select 1) table x", "with x as (select 1) table x"),
        ("insert into t values (1), (2)", "values (1), (2)"),
        ("insert into t (a) (select 1)", "select 1"),
        ("insert into t from u select a", "select a from u"),
        ("cache table t select 1", "select 1"),
        ("describe with x as (select 1) select * from x", "with x as (select 1) select * from x"),
        ("explain cost (select 1)", "select 1"),
        ("explain show tables", "show tables"),
        ("with x as (select 1) insert into t select * from x", "with x as (select 1) select * from x"),
    ],
)
def test_commands_hold_their_query(text: str, query: str) -> None:
    found = parse_statement(text)
    assert isinstance(found, Command)
    assert found.query is not None
    assert outline(found.query) == outline(parse_statement(query))


def test_a_statement_without_a_query_has_none() -> None:
    found = parse_statement("create table t (a int)")
    assert isinstance(found, Command)
    assert found.query is None
    assert isinstance(parse_statement("with x as (select 1) select * from x"), With)
    assert isinstance(parse_statement("select 1"), Project)


REFUSED = """alter table t add columns (a int)
analyze table t compute statistics
merge into t using u on t.a = u.a when matched then delete
delete from t where a
update t set a = 1
replace table t as select 1
create or replace table t as select 1
create table t like u
create table t (a int default 5)
create table t (a int) stored as parquet
create table t (a int, primary key (a))
create table t (a int generated always as (1))
create table t using json partitioned by (years(a))
create table t (a int) partitioned by (b string)
create external table t (a int) location '/x'
create function f as 'x'
create database d location '/x'
create materialized view v as select 1
create index i on t (a)
create view v with schema binding as select 1
drop function f
insert into t partition (a = 1) select 2
insert overwrite directory '/tmp/x' using json select 1
insert into t replace where a = 1 select 2
show create table t
show partitions t
show tblproperties t
show table extended like 'a*'
describe database db
describe table t partition (a = 1)
desc table extended t as json
refresh function f
refresh '/a/path'
truncate table t partition (a = 1)
set catalog c
msck repair table t
load data inpath 'x' into table t
add jar 'x'
list jars
comment on table t is 'x'
call f()
begin select 1; end""".splitlines()


@pytest.mark.parametrize("text", REFUSED)
def test_what_spark_has_and_we_have_not_is_refused_by_name(text: str) -> None:
    with pytest.raises(UnsupportedOperationException) as caught:
        parse_statement(text)
    assert caught.value.getCondition() == "LIGHTSTREAM_UNSUPPORTED"


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("set a b", "INVALID_SET_SYNTAX"),
        ("set spark.x = /tmp/a;b", "INVALID_SET_SYNTAX"),
        ("set a-b=c", "INVALID_SET_SYNTAX"),
        ("reset a b", "INVALID_RESET_COMMAND_FORMAT"),
        ("create temp view a.b as select 1", "INVALID_TEMP_OBJ_QUALIFIER"),
        ("create or replace view if not exists v as select 1", "CREATE_VIEW_WITH_IF_NOT_EXISTS_AND_REPLACE"),
        ("grant select on t to u", "INVALID_STATEMENT_OR_CLAUSE"),
        ("create table t (a int) as select 1", "_LEGACY_ERROR_TEMP_0035"),
        ("create temp view if not exists v as select 1", "_LEGACY_ERROR_TEMP_0053"),
        ("set time zone utc", "_LEGACY_ERROR_TEMP_0035"),
        ("set time zone interval 1 day", "_LEGACY_ERROR_TEMP_0035"),
        ("foo bar", "PARSE_SYNTAX_ERROR"),
        ("show foo", "PARSE_SYNTAX_ERROR"),
        ("drop table", "PARSE_SYNTAX_ERROR"),
        ("insert t select 1", "PARSE_SYNTAX_ERROR"),
        ("create temp view v select 1", "PARSE_SYNTAX_ERROR"),
    ],
)
def test_impossible_statements_fail_with_sparks_condition(text: str, condition: str) -> None:
    with pytest.raises(ParseException) as caught:
        parse_statement(text)
    assert caught.value.getCondition() == condition

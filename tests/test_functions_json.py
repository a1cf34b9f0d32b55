"""from_json, to_json and their like: through DuckDB, Python and back, by Spark's rules (looked up by running Spark)."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

import pytest

from lightstream.errors import PySparkException
from lightstream.sql import SparkSession


@pytest.fixture(scope="module")
def session() -> Iterator[SparkSession]:
    session = SparkSession.builder.config("spark.sql.session.timeZone", "America/Los_Angeles").create()
    yield session
    session.stop()


def value(session: SparkSession, expression: str) -> Any:
    (row,) = session.sql(f"select {expression} as v").collect()
    return row.v


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("from_json('{\"a\":1}', 'a int').a", 1),
        ("from_json('{\"a\":\"x\", \"b\":2}', 'a int, b int')", (None, 2)),
        ("from_json('bad', 'a int')", (None,)),
        ("from_json('[{\"a\":1}]', 'a int')", (None,)),
        ("from_json('  ', 'a int')", None),
        ("from_json('bad', 'a int, _corrupt_record string')", (None, "bad")),
        ("from_json('{\"a\":1}', 'array<struct<a:int>>')", [(1,)]),
        ("from_json('[1,\"x\"]', 'array<int>')", None),
        ("from_json('[{\"a\":\"x\",\"b\":2}]', 'array<struct<a:int,b:int>>')", [(None, 2)]),
        ("from_json('{\"a\":1,\"b\":null}', 'map<string,int>')", {"a": 1, "b": None}),
        ('from_json(\'{"a":{"b":1.10, "c":[1, 2]}}\', \'a string\').a', '{"b":1.1,"c":[1,2]}'),
        ("from_json('{\"a\":\"2020-01-01\"}', 'a date').a", datetime.date(2020, 1, 1)),
        ("to_json(named_struct('a', 1, 'b', cast(null as int)))", '{"a":1}'),
        ("to_json(named_struct('a', 1.5D, 'b', double('NaN')))", '{"a":1.5,"b":"NaN"}'),
        ("to_json(named_struct('a', timestamp'2020-01-01 10:00:00'))", '{"a":"2020-01-01T10:00:00.000-08:00"}'),
        ("to_json(map('k', array(1, null)))", '{"k":[1,null]}'),
        ("to_json(named_struct('b', 1, 'a', 2), map('sortKeys', 'true'))", '{"a":2,"b":1}'),
        ("get_json_object('{\"a\":[{\"b\":1},{\"b\":2}]}', '$.a[*].b')", "[1,2]"),
        ("get_json_object('{\"a\":[{\"b\":\"x\"}]}', '$.a[0].b')", "x"),
        ("get_json_object('{\"a\":null,\"a\":2}', '$.a')", "2"),
        ("get_json_object('{\"a\":1', '$.a')", None),
        ("json_array_length('[1,[2,3]]')", 2),
        ("json_array_length('{}')", None),
        ("json_object_keys('{\"b\":1,\"a\":{\"c\":2}}')", ["b", "a"]),
        ("schema_of_json('[{\"a\":1},{\"a\":1.5}]')", "ARRAY<STRUCT<a: DOUBLE>>"),
    ],
)  # fmt: skip
def test_values(session: SparkSession, expression: str, expected: Any) -> None:
    assert value(session, expression) == expected


def test_a_batch_of_rows_and_a_second_cursor(session: SparkSession) -> None:
    frame = session.sql("""select from_json('{"n":' || id || '}', 'n int').n as n from range(5000)""")
    assert frame.selectExpr("sum(n)").collect()[0][0] == 5000 * 4999 // 2
    assert frame.where("n = 7").count() == 1


def test_json_tuple_makes_columns(session: SparkSession) -> None:
    rows = session.sql("""select json_tuple('{"a":1,"b":{"c":"x"}}', 'a', 'b', 'z')""").collect()
    assert rows == [("1", '{"c":"x"}', None)]


@pytest.mark.parametrize(
    ("expression", "condition"),
    [
        ("from_json('bad', 'a int', map('mode', 'FAILFAST'))", "MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION"),
        ("from_json('x', 'a int', map('mode', 'DROPMALFORMED'))", "PARSE_MODE_UNSUPPORTED"),
        ("from_json('x', 'int')", "DATATYPE_MISMATCH.INVALID_JSON_SCHEMA"),
        ("from_json('{\"a\":1,\"a\":2}', 'map<string,int>')", "LIGHTSTREAM_UNSUPPORTED"),
        ("to_json(5)", "DATATYPE_MISMATCH.INVALID_JSON_SCHEMA"),
    ],
)  # fmt: skip
def test_errors_come_through_duckdb(session: SparkSession, expression: str, condition: str) -> None:
    with pytest.raises(PySparkException) as failed:
        value(session, expression)
    assert failed.value.getCondition() == condition

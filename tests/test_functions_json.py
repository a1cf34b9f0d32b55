"""from_json, to_json and their like: through DuckDB, Python and back, by Spark's rules (looked up by running Spark)."""

from __future__ import annotations

import datetime
import json
import random
from collections.abc import Iterator
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from lightstream.errors import PySparkException
from lightstream.execute.natives import json_batches, json_values
from lightstream.functions import json_texts
from lightstream.functions.interned import name_of
from lightstream.functions.spelling import duck_type
from lightstream.plan import types as t
from lightstream.plan.ddl import parse_schema
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


# ---- many texts at once -----------------------------------------------------------------------------------------

_VALUES = (
    "1", "-1", "0", "-0", "1.0", "1e2", "1.5", "9223372036854775807", "9223372036854775808", '"x"', '""', '"1"', "true",
    "null", "NaN", "-Infinity", "Inf", '"NaN"', "{}", "[]", "[1,2]", '["a",null]', '{"p":1,"q":"z"}', '{"p":"1"}',
    "1e400", "1e-400", "01", "+1", ".5", '"\\u0041"', '"\\ud83d\\ude00"', '"\\ud83d"', '"a\nb"', '"\\n"', '"INFO: NaN"',
    "300", "70000", "3000000000", "1" * 30, "1" * 1100, '"' + "y" * 1200 + '"', "-0.0", "0.1", "tru", '"\u00e9"',
    "1.7976931348623159e308", "2.5e-5",
)  # fmt: skip
_TEXTS = (
    "", "null", "[]", '[{"a":1}]', "{", "}", "{}", "{}{}", ' {"a":1}', '{"a":1} ', '{"a":1}x', '{"a":1}{"a":2}', '"s"',
    '{"a":1,}', '{"a":1}\n', '{"a"}', "{a:1}", "{'a':1}", '{"a":1//c\n}', '{"a":' * 1001 + "1" + "}" * 1001,
)  # fmt: skip


def _drawn_texts(count: int) -> list[str]:
    draw = random.Random(7)

    def one() -> str:
        if draw.random() < 0.05:
            return draw.choice(_TEXTS)
        members = (
            f'"{draw.choice(("a", "b", "c", "z", "A"))}":{draw.choice(("", " "))}{draw.choice(_VALUES)}'
            for _ in range(draw.randint(0, 4))
        )
        return "{" + draw.choice((",", ", ")).join(members) + "}"

    return [one() for _ in range(count)]


@pytest.mark.parametrize(
    "schema",
    ["a bigint", "a int, b string", "a double, b boolean, c string", "b struct<p:int,q:string>, a array<double>",
     "c array<string>, a tinyint, b smallint", "a array<struct<p:int>>, b array<bigint>"],
)  # fmt: skip
def test_texts_that_are_not_read_one_by_one_have_the_same_meaning(schema: str) -> None:
    texts = _drawn_texts(250)
    wanted = t.as_nullable(parse_schema(schema))
    settings = json.dumps({"options": {}, "time_zone": "UTC", "corrupt_column": "_corrupt_record"})

    def checked(some: list[str | None]) -> list[str | None]:
        count = len(some)
        found: list[str | None] = json_batches.checked_json(
            pa.array(some, pa.string()), pa.array([name_of(wanted.json(), settings)] * count)
        ).to_pylist()
        return found

    alone = [checked([text])[0] for text in texts]
    exact = [json_values.from_json(text, wanted.json(), settings) for text in texts]
    as_they_are = [text for text, found in zip(texts, alone, strict=True) if found == text]
    assert 50 < len(as_they_are) < 200
    assert checked([*as_they_are, None]) == [*as_they_are, None]  # together too
    structure = json.dumps(json_texts._structure(wanted))
    rows = pa.table({"n": range(len(texts)), "alone": alone, "exact": exact})
    with duckdb.connect() as connection:
        connection.register("rows", rows)
        columns = f"json_transform(alone, '{structure}'), CAST(exact::JSON AS {duck_type(wanted)})"
        query = f"SELECT {columns} FROM rows ORDER BY n"
        for text, (found, expected) in zip(texts, connection.execute(query).fetchall(), strict=True):
            assert repr(found) == repr(expected), text

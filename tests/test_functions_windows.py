"""Window functions and digests; the expected values are Spark 4.3's."""

# ruff: noqa: E501
from __future__ import annotations

import pytest
from sql_api_fixtures import condition_of, spark  # noqa: F401

from lightstream.functions import registry

# fmt: off
WINDOWS = [
    ("select row_number() over (order by v) from values (1),(1),(2),(cast(null as int)) t(v)", "int", ['1', '2', '3', '4']),
    ("select rank() over (order by v) from values (1),(1),(2),(null) t(v)", "int", ['1', '2', '2', '4']),
    ("select dense_rank() over (order by v) from values (1),(1),(2),(null) t(v)", "int", ['1', '2', '2', '3']),
    ("select percent_rank() over (order by v) from values (1),(1),(2),(null) t(v)", "double", ['0.0', '0.3333333333333333', '0.3333333333333333', '1.0']),
    ("select cume_dist() over (order by v) from values (1),(1),(2),(null) t(v)", "double", ['0.25', '0.75', '0.75', '1.0']),
    ("select ntile(2) over (order by v) from values (1),(1),(2),(null),(5) t(v)", "int", ['1', '1', '1', '2', '2']),
    ("select ntile() over (order by v) from values (1),(1),(2),(null),(5) t(v)", "int", ['1', '1', '1', '1', '1']),
    ("select ntile(3) over (order by v desc) from values (1),(1),(2),(null),(5) t(v)", "int", ['1', '1', '2', '2', '3']),
    ("select ntile(1+1) over (order by v desc) from values (1),(1),(2),(null),(5) t(v)", "int", ['1', '1', '1', '2', '2']),
    ("select lag(v) over (order by v) from values (1),(3),(2),(null) t(v)", "int", ['None', 'None', '1', '2']),
    ("select lag(v, 2) over (order by v) from values (1),(3),(2),(null) t(v)", "int", ['None', 'None', 'None', '1']),
    ("select lag(v, -1) over (order by v) from values (1),(3),(2),(null) t(v)", "int", ['1', '2', '3', 'None']),
    ("select lag(v, 1, 99) over (order by v) from values (1),(3),(2),(null) t(v)", "int", ['99', 'None', '1', '2']),
    ("select lag(v, 1, '7') over (order by v) from values (1),(3),(2),(null) t(v)", "int", ['7', 'None', '1', '2']),
    ("select lag(v, 1, 2.5) over (order by v) from values (1),(3),(2),(null) t(v)", "int", ['2', 'None', '1', '2']),
    ("select lag(v, 1, 5L) over (order by v) from values (1),(3),(2) t(v)", "int", ['5', '1', '2']),
    ("select lag(v, 1, v) over (order by v) from values (1),(3),(2) t(v)", "int", ['1', '1', '2']),
    ("select lag(v, 0) over (order by v) from values (1),(3),(2) t(v)", "int", ['1', '2', '3']),
    ("select lag(v, 1+1) over (order by v) from values (1),(3),(2) t(v)", "int", ['None', 'None', '1']),
    ("select lag(v) ignore nulls over (order by k) from values (1,1),(2,null),(3,3),(4,null),(5,null),(6,7) t(k,v)", "int", ['None', '1', '1', '3', '3', '3']),
    ("select lag(v, 2) ignore nulls over (order by k) from values (1,1),(2,null),(3,3),(4,null),(5,null),(6,7) t(k,v)", "int", ['None', 'None', 'None', '1', '1', '1']),
    ("select lag(v, 2, -1) ignore nulls over (order by k) from values (1,1),(2,null),(3,3),(4,null),(5,null),(6,7) t(k,v)", "int", ['-1', '-1', '-1', '1', '1', '1']),
    ("select lag(v, 0, -1) ignore nulls over (order by k) from values (1,1),(2,null),(3,3),(4,null),(5,null),(6,7) t(k,v)", "int", ['1', 'None', '3', 'None', 'None', '7']),
    ("select lead(v) ignore nulls over (order by k) from values (1,1),(2,null),(3,3),(4,null),(5,null),(6,7) t(k,v)", "int", ['3', '3', '7', '7', '7', 'None']),
    ("select lead(v, 2, k) ignore nulls over (order by k) from values (1,1),(2,null),(3,3),(4,null),(5,null),(6,7) t(k,v)", "int", ['7', '7', '3', '4', '5', '6']),
    ("select lead(v) over (order by v) from values (1),(3),(2),(null) t(v)", "int", ['1', '2', '3', 'None']),
    ("select lead(v, 2, 0) over (partition by v order by v) from values (1),(3),(2),(null) t(v)", "int", ['0', '0', '0', '0']),
    ("select lead(v, 1, 1) respect nulls over (order by k) from values (1,1),(2,null),(3,3) t(k,v)", "int", ['None', '3', '1']),
    ("select lead(v, 1, 1.5) over (order by v) from values (1.25),(3.25) t(v)", "decimal(3,2)", ['3.25', '1.50']),
    ("select nth_value(v, 2) over (order by v) from values (1),(3),(2),(null) t(v)", "int", ['None', '1', '1', '1']),
    ("select nth_value(v, 2) over (order by v rows between unbounded preceding and unbounded following) from values (1),(3),(2),(null) t(v)", "int", ['1', '1', '1', '1']),
    ("select nth_value(v, 2) ignore nulls over (order by k) from values (1,1),(2,null),(3,3),(4,null),(5,null),(6,7) t(k,v)", "int", ['None', 'None', '3', '3', '3', '3']),
    ("select nth_value(v, 2) ignore nulls over (order by k rows between unbounded preceding and unbounded following) from values (1,1),(2,null),(3,3),(4,null),(5,null),(6,7) t(k,v)", "int", ['3', '3', '3', '3', '3', '3']),
    ("select nth_value(v, 1L) over (order by v) from values (1),(3),(2) t(v)", "int", ['1', '1', '1']),
    ("select nth_value(v, '1') over (order by v) from values (1),(3),(2) t(v)", "int", ['1', '1', '1']),
    ("select rank(v) over (order by v) from values (1),(3) t(v)", "int", ['1', '2']),
    ("select dense_rank(v) over (order by v) from values (1),(3) t(v)", "int", ['1', '2']),
    ("select row_number() over (order by v rows between unbounded preceding and current row) from values (1),(3) t(v)", "int", ['1', '2']),
    ("select nth_value(v, 2) over (order by v rows between 1 preceding and 1 following) from values (1),(3),(4) t(v)", "int", ['3', '3', '4']),
    ("select row_number() over (order by v) + 1 from values (1),(3),(4) t(v)", "int", ['2', '3', '4']),
    ("select lag(array(v),1,array()) over (order by v) from values (1),(3) t(v)", "array<int>", ['[]', '[1]']),
    ("select lag('a') over (order by v) from values (1),(3) t(v)", "string", ['None', 'a']),
    ("select first_value(v) over (order by v) from values (1),(3) t(v)", "int", ['1', '1']),
    ("select last_value(v) over (order by v) from values (1),(3) t(v)", "int", ['1', '3']),
    ("select first(v, true) over (order by v) from values (null),(3) t(v)", "int", ['None', '3']),
    ("select first_value(v) ignore nulls over (order by v) from values (null),(3) t(v)", "int", ['None', '3']),
    ("select any_value(v) over (order by k) from values (1,1),(2,null),(3,3),(4,null) t(k,v)", "int", ['1', '1', '1', '1']),
    ("select lag(v, 1, 2, true) over (order by v) from values (1),(3) t(v)", "int", ['2', '1']),
    ("select lag(v, 1, 2, false) over (order by v) from values (1),(3) t(v)", "int", ['2', '1']),
    ("select lead(v, 1, null, true) over (order by k) from values (1,1),(2,null),(3,3) t(k,v)", "int", ['3', '3', 'None']),
    ("select nth_value(v, 2, true) over (order by k) from values (1,1),(2,null),(3,3) t(k,v)", "int", ['None', 'None', '3']),
    ("select nth_value(v, 2, false) over (order by k) from values (1,1),(2,null),(3,3) t(k,v)", "int", ['None', 'None', 'None']),
    ("select nth_value(v, 1.7) over (order by k) from values (1,1),(2,null),(3,3) t(k,v)", "int", ['1', '1', '1']),
    ("select nth_value(v, 1+1) over (order by k) from values (1,1),(2,null),(3,3) t(k,v)", "int", ['None', 'None', 'None']),
    ("select lag(v, 2, -1) ignore nulls over (partition by p order by k) from values (1,1,1),(1,2,null),(1,3,3),(2,4,null),(2,5,null),(2,6,7) t(p,k,v)", "int", ['-1', '-1', '-1', '-1', '-1', '-1']),
    ("select lag(v, -1, 5) ignore nulls over (order by k) from values (1,1),(2,null),(3,3),(4,null),(5,null),(6,7) t(k,v)", "int", ['3', '3', '7', '7', '7', '5']),
    ("select lag(v, -2, 5) ignore nulls over (order by k) from values (1,1),(2,null),(3,3),(4,null),(5,null),(6,7) t(k,v)", "int", ['7', '7', '5', '5', '5', '5']),
    ("select lead(v, -2, 5) over (order by k) from values (1,1),(2,null),(3,3),(4,null),(5,null),(6,7) t(k,v)", "int", ['5', '5', '1', 'None', '3', 'None']),
    ("select lead(v, 0, 5) over (order by k) from values (1,1),(2,null),(3,3),(4,null),(5,null),(6,7) t(k,v)", "int", ['1', 'None', '3', 'None', 'None', '7']),
    ("select lag(null) over (order by k) from values (1,1),(2,null) t(k,v)", "void", ['None', 'None']),
    ("select rank(1, v) over (order by k) from values (1,1),(2,null) t(k,v)", "int", ['1', '2']),
    ("select percent_rank(v) over (order by k) from values (1,1),(2,null) t(k,v)", "double", ['0.0', '1.0']),
    ("select ntile(4) over (order by k) from values (1,1),(2,null) t(k,v)", "int", ['1', '2']),
    ("select percent_rank() over (partition by k order by v) from values (1,1),(2,null) t(k,v)", "double", ['0.0', '0.0']),
]
ERRORS: dict[str, str] = {
    "select ntile(0) over (order by v desc) from values (1),(1),(2),(null),(5) t(v)": "DATATYPE_MISMATCH.VALUE_OUT_OF_RANGE",
    "select ntile(v) over (order by v desc) from values (1),(1),(2),(null),(5) t(v)": "DATATYPE_MISMATCH.NON_FOLDABLE_INPUT",
    "select ntile(2L) over (order by v desc) from values (1),(1),(2),(null),(5) t(v)": "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE",
    "select ntile('2') over (order by v desc) from values (1),(1),(2),(null),(5) t(v)": "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE",
    "select lag(v, 1, 'x') over (order by v) from values (1),(3),(2),(null) t(v)": "CAST_INVALID_INPUT",
    "select lag(v, v) over (order by v) from values (1),(3),(2) t(v)": "DATATYPE_MISMATCH.NON_FOLDABLE_INPUT",
    "select lag(v, 1L) over (order by v) from values (1),(3),(2) t(v)": "_LEGACY_ERROR_TEMP_1035",
    "select lag(v, null) over (order by v) from values (1),(3),(2) t(v)": "_LEGACY_ERROR_TEMP_1035",
    "select lag(v, 1.0) over (order by v) from values (1),(3),(2) t(v)": "_LEGACY_ERROR_TEMP_1035",
    "select nth_value(v, 0) over (order by v) from values (1),(3),(2) t(v)": "DATATYPE_MISMATCH.VALUE_OUT_OF_RANGE",
    "select nth_value(v, -1) over (order by v) from values (1),(3),(2) t(v)": "DATATYPE_MISMATCH.VALUE_OUT_OF_RANGE",
    "select nth_value(v, v) over (order by v) from values (1),(3),(2) t(v)": "DATATYPE_MISMATCH.NON_FOLDABLE_INPUT",
    "select nth_value(v, null) over (order by v) from values (1),(3),(2) t(v)": "DATATYPE_MISMATCH.VALUE_OUT_OF_RANGE",
    "select nth_value(v) over (order by v) from values (1),(3),(2) t(v)": "WRONG_NUM_ARGS.WITHOUT_SUGGESTION",
    "select row_number(v) over (order by v) from values (1),(3) t(v)": "WRONG_NUM_ARGS.WITHOUT_SUGGESTION",
    "select row_number() + 1 over (order by v) from values (1),(3),(4) t(v)": "PARSE_SYNTAX_ERROR",
    "select row_number() filter (where true) over (order by v) from values (1),(3),(4) t(v)": "INVALID_SQL_SYNTAX.FUNCTION_WITH_UNSUPPORTED_SYNTAX",
    "select row_number() ignore nulls over (order by v) from values (1),(3),(4) t(v)": "INVALID_SQL_SYNTAX.FUNCTION_WITH_UNSUPPORTED_SYNTAX",
    "select lag(distinct v) over (order by v) from values (1),(3),(4) t(v)": "INVALID_SQL_SYNTAX.FUNCTION_WITH_UNSUPPORTED_SYNTAX",
    "select ntile(null) over (order by v) from values (1),(3) t(v)": "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE",
    "select lag(v,1,2,3) over (order by v) from values (1),(3) t(v)": "INVALID_PARAMETER_VALUE.BOOLEAN",
    "select nth_value(v, true) over (order by k) from values (1,1),(2,null),(3,3) t(k,v)": "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE",
    "select lag(v, 1, date'2020-01-01') over (order by k) from values (1,1),(2,null) t(k,v)": "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE",
    "select lag(v, 1, 3000000000L) over (order by k) from values (1,1),(2,null) t(k,v)": "CAST_OVERFLOW",
    "select ntile(2, 3) over (order by k) from values (1,1),(2,null) t(k,v)": "WRONG_NUM_ARGS.WITHOUT_SUGGESTION",
    "select cume_dist(v) over (order by k) from values (1,1),(2,null) t(k,v)": "WRONG_NUM_ARGS.WITHOUT_SUGGESTION",
    "select ntile(-3) over (order by k) from values (1,1),(2,null) t(k,v)": "DATATYPE_MISMATCH.VALUE_OUT_OF_RANGE",
}
DIGESTS: dict[str, str] = {
    "md5('a')": "0cc175b9c0f1b6a831c399e269772661",
    "md5(X'ff00')": "e0e8bfafbb0689563b2fba789c97b3cc",
    "md5(null)": "None",
    "md5('é')": "66ddcd97cfdeabb2f6fb8a999b4bc76f",
    "sha('a')": "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8",
    "sha1('a')": "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8",
    "sha1(X'ff')": "85e53271e14006f0265921d02d4d736cdc580b0b",
    "sha2('a', 256)": "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb",
    "sha2('a', 0)": "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb",
    "sha2('a', 1)": "None",
    "sha2('a', null)": "None",
    "sha2('a', '256')": "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb",
    "sha2(X'ff00', 256)": "ea5dbf9596d187e9500f23e9a680109475341cf4e81f7e043f7d97152c10772f",
    "sha2(null, 256)": "None",
    "sha2('a', 256L)": "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb",
    "crc32('a')": "3904355907",
    "crc32('')": "0",
    "crc32('hello world é')": "2868859595",
    "crc32(X'ff00')": "3539857293",
    "crc32(null)": "None",
}
# fmt: on


@pytest.mark.parametrize(("query", "kind", "values"), WINDOWS)
def test_windows(spark, query, kind, values):  # noqa: F811
    frame = spark.sql(query)
    assert frame.schema.fields[0].dataType.simpleString() == kind
    assert [str(row[0]) for row in frame.collect()] == values


@pytest.mark.parametrize(("query", "condition"), ERRORS.items())
def test_window_errors(spark, query, condition):  # noqa: F811
    assert condition_of(lambda: spark.sql(query).collect()).split(" ", 1)[1] == condition


def test_digests(spark):  # noqa: F811
    row = spark.sql("select " + ", ".join(f"{e} as c{i}" for i, e in enumerate(DIGESTS))).collect()[0]
    assert dict(zip(DIGESTS, map(str, row), strict=True)) == DIGESTS


def test_checksums_of_rows(spark):  # noqa: F811
    query = "select crc32(v), md5(v) from values ('a'), (null), ('') t(v)"
    assert [tuple(row) for row in spark.sql(query).collect()] == [
        (3904355907, "0cc175b9c0f1b6a831c399e269772661"),
        (None, None),
        (0, "d41d8cd98f00b204e9800998ecf8427e"),
    ]


@pytest.mark.parametrize("call", ["sha2('a', 512)", "sha2('a', v)"])
def test_digests_that_duckdb_has_not_are_refused(spark, call):  # noqa: F811
    query = f"select {call} from values (256) t(v)"
    assert condition_of(lambda: spark.sql(query)) == "UnsupportedOperationException LIGHTSTREAM_UNSUPPORTED"


def test_entries_say_what_frame_they_have():
    assert [registry.lookup(name).extra.get("frame") for name in ("rank", "lag", "nth_value")] == [
        "rows",
        "offset",
        None,
    ]

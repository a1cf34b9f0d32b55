"""Casts: time zones, errors and the text of every type, evaluated in DuckDB. Values: see test_functions_answers."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from lightstream.errors import ArithmeticException, NumberFormatException, PySparkException
from lightstream.functions.casts import can_cast, cast_nullable, cast_sql, macros, pretty_sql
from lightstream.functions.errors import translate
from lightstream.functions.registry import SqlContext
from lightstream.functions.spelling import let
from lightstream.plan import types as t
from lightstream.plan.ddl import parse_type

NEW_YORK = SqlContext(True, "America/New_York")


@pytest.fixture
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    yield connection
    connection.close()


def cast(
    database: duckdb.DuckDBPyConnection,
    value: str,
    source: str,
    target: str,
    mode: str = "ansi",
    context: SqlContext = SqlContext(),  # noqa: B008
) -> object:
    """Return a cast's value as text; raise what DuckDB's error stands for."""
    sql = cast_sql(value, parse_type(source), parse_type(target), mode, context)
    try:
        row = database.execute(f"SELECT CAST({sql} AS VARCHAR)").fetchone()
    except duckdb.Error as error:
        raise translate(str(error)) or error from None
    assert row is not None
    return row[0]


def test_no_macros_are_needed() -> None:
    assert macros() == []


@pytest.mark.parametrize(
    ("text", "instant"),
    (
        ("2025-03-09 01:59:59", "2025-03-09 06:59:59+00"),
        ("2025-03-09 02:30:00", "2025-03-09 07:30:00+00"),  # no such time: an hour later
        ("2025-03-09 03:00:00", "2025-03-09 07:00:00+00"),
        ("2025-11-02 01:30:00", "2025-11-02 05:30:00+00"),  # twice: the first
        ("2025-11-02 02:00:00", "2025-11-02 07:00:00+00"),
        ("2025-11-02 12:00:00", "2025-11-02 17:00:00+00"),
        ("2025-07-01 12:00:00Z", "2025-07-01 12:00:00+00"),
        ("2025-07-01 12:00:00 Asia/Tokyo", "2025-07-01 03:00:00+00"),
        ("1800-01-01 00:00:00", "1800-01-01 04:56:02+00"),  # local mean time
    ),
)
def test_text_is_local_time(database: duckdb.DuckDBPyConnection, text: str, instant: str) -> None:
    sql = cast_sql(f"'{text}'", t.StringType(), t.TimestampType(), "ansi", NEW_YORK)
    database.execute("SET TimeZone = 'America/New_York'")
    database.execute(f"CREATE TABLE r AS SELECT {sql} AS v")
    database.execute("SET TimeZone = 'UTC'")
    assert database.execute("SELECT CAST(v AS VARCHAR) FROM r").fetchone() == (instant,)


@pytest.mark.parametrize(
    ("us", "text"),
    (
        (1762061400000000, "2025-11-02 01:30:00"),
        (1762065000000000, "2025-11-02 01:30:00"),
        (1741503600500000, "2025-03-09 03:00:00.5"),
        (0, "1969-12-31 19:00:00"),
    ),
)
def test_timestamps_show_in_the_session_zone(database: duckdb.DuckDBPyConnection, us: int, text: str) -> None:
    database.execute("SET TimeZone = 'America/New_York'")
    assert cast(database, f"make_timestamptz({us})", "timestamp", "string", "ansi", NEW_YORK) == text
    day = cast(database, f"make_timestamptz({us})", "timestamp", "date", "ansi", NEW_YORK)
    assert day == text[:10]


def test_errors_carry_spark_condition_and_the_value(database: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(NumberFormatException) as caught:
        cast(database, "'it''s \"x\" {}'", "string", "int")
    assert caught.value.getCondition() == "CAST_INVALID_INPUT"
    assert caught.value.getSqlState() == "22018"
    assert '\'it\'s "x" {}\' of the type "STRING" cannot be cast to "INT"' in str(caught.value)
    with pytest.raises(ArithmeticException) as narrow:
        cast(database, "CAST(300 AS INTEGER)", "int", "tinyint")
    assert (narrow.value.getCondition(), narrow.value.getSqlState()) == ("CAST_OVERFLOW", "22003")
    with pytest.raises(ArithmeticException) as range_error:
        cast(database, "CAST(1234 AS INTEGER)", "int", "decimal(3,0)")
    assert range_error.value.getCondition() == "NUMERIC_VALUE_OUT_OF_RANGE.WITH_SUGGESTION"


def test_null_is_never_an_error(database: duckdb.DuckDBPyConnection) -> None:
    for source in ("string", "int", "double", "timestamp", "date", "array<int>"):
        for target in (
            "string",
            "int",
            "double",
            "date",
            "timestamp",
            "decimal(5,1)",
            "boolean",
            "array<string>",
        ):
            for mode in ("ansi", "try", "legacy"):
                if can_cast(parse_type(source), parse_type(target), mode):
                    carrier = {"string": "VARCHAR", "timestamp": "TIMESTAMPTZ", "array<int>": "INTEGER[]"}
                    value = f"CAST(NULL AS {carrier.get(source, source)})"
                    assert cast(database, value, source, target, mode) is None, (source, target, mode)


@pytest.mark.parametrize(
    ("value", "source", "target", "expected"),
    (
        ("'1.9'", "string", "int", "1"),
        ("'.'", "string", "int", "0"),
        ("'1.5x'", "string", "int", None),
        ("CAST(300 AS INTEGER)", "int", "tinyint", "44"),
        ("CAST(3000000000 AS BIGINT)", "bigint", "int", "-1294967296"),
        ("CAST(1e20 AS DOUBLE)", "double", "int", "2147483647"),
        ("CAST(1e20 AS DOUBLE)", "double", "tinyint", "-1"),
        ("CAST(-300.7 AS DOUBLE)", "double", "tinyint", "-44"),
        ("CAST('nan' AS DOUBLE)", "double", "int", "0"),
        ("CAST(12345 AS INTEGER)", "int", "decimal(3,1)", None),
        ("CAST(99999999999 AS DECIMAL(11,0))", "decimal(11,0)", "int", "1215752191"),
        ("'x'", "string", "date", None),
        ("DATE '2020-01-01'", "date", "int", None),
    ),
)
def test_without_ansi_values_wrap_or_are_null(
    database: duckdb.DuckDBPyConnection, value: str, source: str, target: str, expected: str | None
) -> None:
    assert cast(database, value, source, target, "legacy", SqlContext(False)) == expected


@pytest.mark.parametrize(
    ("value", "data_type", "shown"),
    (
        ("NULL::INTEGER", "int", "NULL"),
        ("from_hex('FF41')", "binary", "[FF 41]"),
        ("[from_hex('41'), NULL]", "array<binary>", "[[41], NULL]"),
        ("map(['a'], [NULL::INTEGER])", "map<string,int>", "{a -> NULL}"),
        ("{'x': NULL::INTEGER, 'y': 1e10::DOUBLE}", "struct<x:int,y:double>", "{NULL, 1.0E10}"),
        ("CAST(90000000 AS BIGINT)", "interval day to second", "INTERVAL '0 00:01:30' DAY TO SECOND"),
    ),
)
def test_show_writes_nulls_and_bytes_its_own_way(
    database: duckdb.DuckDBPyConnection, value: str, data_type: str, shown: str
) -> None:
    assert database.execute(f"SELECT {pretty_sql(value, parse_type(data_type))}").fetchone() == (shown,)


def test_what_spark_declares_nullable() -> None:
    assert cast_nullable(False, t.StringType(), t.IntegerType(), "ansi")
    assert not cast_nullable(False, t.IntegerType(), t.StringType(), "ansi")
    assert not cast_nullable(False, t.IntegerType(), t.DecimalType(10, 0), "ansi")
    assert cast_nullable(False, t.IntegerType(), t.DecimalType(5, 1), "ansi")
    assert cast_nullable(True, t.IntegerType(), t.LongType(), "ansi")
    assert cast_nullable(False, t.IntegerType(), t.ByteType(), "try")


def test_long_operands_are_bound_once() -> None:
    assert let('"a"', lambda v: f"{v} + {v}") == '"a" + "a"'
    long = "f(" + "x + " * 30 + "1)"
    bound = let(long, lambda v: f"{v} + {v}", "once")
    assert bound.count(long) == 1


def test_an_error_that_prints_an_expression_is_not_taken_for_one_inside_it() -> None:
    inner = 'CASE WHEN (x % 2) THEN error(\'lightstream-error:{"condition": "X"}\') END'
    for operator, condition in (("//", "DIVIDE_BY_ZERO"), ("%", "REMAINDER_BY_ZERO")):
        text = f"Invalid Input Error: Division by zero in expression (({inner}) {operator} y). Use TRY(...)"
        found = translate(text)
        assert found is not None
        assert found.getCondition() == condition


def test_products_of_short_decimals_have_room(database: duckdb.DuckDBPyConnection) -> None:
    from lightstream.functions.decimals import arithmetic

    kind = t.DecimalType(12, 4)
    result = t.DecimalType(25, 8)
    value = "CAST('12345678.1234' AS DECIMAL(12,4))"
    for operator, expected in (("*", "152415768326597.34562756"), ("/", "1.00000000")):
        sql = arithmetic(operator, value, value, (kind, kind), result, True)
        assert database.execute(f"SELECT CAST({sql} AS VARCHAR)").fetchone() == (expected,)


def test_unknown_errors_are_left_alone() -> None:
    assert translate("Catalog Error: Table with name t does not exist!") is None
    assert isinstance(
        translate("Out of Range Error: Overflow in addition of INT32 (2147483647 + 1)!"), PySparkException
    )

"""Expressions: what `test_parse_spark` does not show, and where the result differs from that of Spark's parser."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from parse_rendering import render

from lightstream.errors import AnalysisException, PySparkException, UnsupportedOperationException
from lightstream.parse import parse_expression, parse_statement
from lightstream.plan import types as t
from lightstream.plan.expressions import (
    Alias,
    Cast,
    FrameBoundary,
    LambdaFunction,
    LambdaVariable,
    Literal,
    SubqueryExpression,
    UnresolvedAttribute,
    UnresolvedExtractValue,
    UnresolvedFunction,
    WindowExpression,
)
from lightstream.plan.relations import Project

DAY = 86_400_000_000
HOUR = 3_600_000_000
SECOND = 1_000_000


@pytest.mark.parametrize(
    ("text", "value", "data_type"),
    [
        ("1", 1, t.IntegerType()),
        ("2147483647", 2147483647, t.IntegerType()),
        ("2147483648", 2147483648, t.LongType()),
        ("-2147483648", -2147483648, t.IntegerType()),
        ("9223372036854775808", Decimal(9223372036854775808), t.DecimalType(19, 0)),
        ("-9223372036854775808", -9223372036854775808, t.LongType()),
        ("1L", 1, t.LongType()),
        ("1s", 1, t.ShortType()),
        ("-128Y", -128, t.ByteType()),
        ("1.5", Decimal("1.5"), t.DecimalType(2, 1)),
        (".05", Decimal("0.05"), t.DecimalType(2, 2)),
        ("5.", Decimal(5), t.DecimalType(1, 0)),
        ("100.00", Decimal("100.00"), t.DecimalType(5, 2)),
        ("1e3", 1000.0, t.DoubleType()),
        ("1.5D", 1.5, t.DoubleType()),
        ("1.1F", 1.100000023841858, t.FloatType()),
        ("1.50BD", Decimal("1.50"), t.DecimalType(3, 2)),
        ("1e3BD", Decimal(1000), t.DecimalType(4, 0)),
        ("NULL", None, t.NullType()),
        ("true", True, t.BooleanType()),
        ("X'1F'", b"\x1f", t.BinaryType()),
        ("x 'ABC'", b"\x0a\xbc", t.BinaryType()),
        ("'it\\'s'", "it's", t.StringType()),
        ("'it''s'", "it's", t.StringType()),
        ('"say ""x"""', 'say "x"', t.StringType()),
        ("'a' \"b\" 'c'", "abc", t.StringType()),
        (r"'\n\t\0\Z\\\q\%\_'", "\n\t\0\x1a\\q\\%\\_", t.StringType()),
        (r"'\u0041\U0001F600\101\477'", "A😀A477", t.StringType()),
        (r"'\ud83d\ude00'", "😀", t.StringType()),
        (r"'\''''", "''", t.StringType()),
        (r"'\\'''", "\\'", t.StringType()),
        (r"r'a\nb'", "a\\nb", t.StringType()),
        (r"""R"it's" """, "it's", t.StringType()),
        ("DATE'2024-1-2'", dt.date(2024, 1, 2), t.DateType()),
        ("date '2024'", dt.date(2024, 1, 1), t.DateType()),
        ("date 'epoch'", dt.date(1970, 1, 1), t.DateType()),
        ("TIMESTAMP'1970-01-02T00:00:00Z'", DAY, t.TimestampType()),
        ("TIMESTAMP'1970-01-01 02:00:00.5+02:00'", 500_000, t.TimestampType()),
        ("TIMESTAMP'2024-07-01 02:00:00 Europe/Paris'", 1719792000 * SECOND, t.TimestampType()),
        ("TIMESTAMP'1969-12-31 23:59:59.999999 UTC'", -1, t.TimestampType()),
        ("TIMESTAMP_NTZ'1970-01-01 00:00:01'", SECOND, t.TimestampNTZType()),
        ("TIME'01:00:00.25'", HOUR + 250_000, t.TimeType(6)),
        ("interval 1 day", DAY, t.DayTimeIntervalType(0, 0)),
        ("interval '1' day 2 hours", DAY + 2 * HOUR, t.DayTimeIntervalType(0, 1)),
        ("interval -'1.5' second", -1_500_000, t.DayTimeIntervalType(3, 3)),
        ("interval 2 weeks 3 milliseconds", 14 * DAY + 3000, t.DayTimeIntervalType(0, 3)),
        ("interval '1 02:03:04.5' day to second", DAY + 7384 * SECOND + 500_000, t.DayTimeIntervalType(0, 3)),
        ("interval '10 minutes'", 600 * SECOND, t.DayTimeIntervalType(2, 2)),
        ("interval '1-2' year to month", 14, t.YearMonthIntervalType(0, 1)),
        ("interval -'1-2' year to month", -14, t.YearMonthIntervalType(0, 1)),
        ("interval 3 months 2 years", 27, t.YearMonthIntervalType(0, 1)),
    ],
)
def test_constants_have_sparks_values_and_types(text: str, value: Any, data_type: t.DataType) -> None:
    found = parse_expression(text)
    assert found == Literal(value, data_type)
    assert isinstance(found, Literal)
    assert type(found.value) is type(value)


def test_a_timestamp_without_a_zone_waits_for_the_session() -> None:
    found = parse_expression("timestamp '2024-01-02 03:04:05'")
    assert found == Cast(Literal("2024-01-02 03:04:05", t.StringType()), t.TimestampType(), "literal")


def test_negative_constants_are_constants_and_other_minus_signs_are_calls() -> None:
    one = Literal(-1, t.IntegerType())
    assert parse_expression("- 1") == one
    assert parse_expression("-1::bigint") == Cast(one, t.LongType())
    assert parse_expression("- -1") == UnresolvedFunction("(-)", (one,))
    assert render(parse_expression("2 -1")) == "(2 - 1)"
    assert render(parse_expression("2--1\n")) == "2"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        # Spark has nodes of its own for these; here they are functions of the catalogue.
        ("(a, b)", "'struct('a, 'b)"),
        ("struct(a as x, b)", "'struct('a AS x, 'b)"),
        ("first(a ignore nulls)", "'first('a) IGNORE NULLS"),
        ("last(a) respect nulls over (order by b)",
         "'last('a) RESPECT NULLS windowspecdefinition('b ASC NULLS FIRST, unspecifiedframe$())"),
        ("a is unknown", "isnull('a)"),
        ("a is not unknown", "isnotnull('a)"),
        ("a like any ('x', 'y')", "'likeany('a, x, y)"),
        ("a not like all ('x', 'y')", "'notlikeall('a, x, y)"),
        ("a like any ('x', b)", "('a LIKE x OR 'a LIKE 'b)"),
        ("a not ilike some ('x', b)", "(NOT ilike('a, x, \\) OR NOT ilike('a, 'b, \\))"),
        ("trim(both from a)", "'trim('a)"),
        ("trim(leading 'x' from a)", "'ltrim(x, 'a)"),
        ("trim(trailing b from a)", "'rtrim('b, 'a)"),
        ("trim('x' from a)", "'trim(x, 'a)"),
        ("position('x' in a)", "'locate(x, 'a)"),
        ("substring(a from 2 for 3)", "'substring('a, 2, 3)"),
        ("overlay(a placing 'x' from 2)", "'overlay('a, x, 2)"),
        ("extract(YEAR from a)", "'extract(YEAR, 'a)"),
        ("dateadd(DAY, 1, a)", "'timestampadd(DAY, 1, 'a)"),
        ("datediff(hour, a, b)", "'timestampdiff(hour, 'a, 'b)"),
        ("date_add(day, 1)", "'date_add('day, 1)"),
        ("datediff(day, b)", "'datediff('day, 'b)"),
        ("* except (a, b.c)", "* EXCEPT (a, b.c)"),
        ("t.* except (a)", "t.* EXCEPT (a)"),
        ("a in (select x from t)", "'a IN [Project items=['x];   UnresolvedTable name=[t]]"),
        ("(a, b) not in (select x, y from t)",
         "NOT ('a, 'b) IN [Project items=['x, 'y];   UnresolvedTable name=[t]]"),
        ("exists (select 1)", "exists [Project items=[1];   OneRow]"),
        ("((select 1) union all table t)",
         "scalar [SetOperation kind=union;   Project items=[1];     OneRow;   UnresolvedTable name=[t]]"),
        ("case -1 when 1 then 2 end", "CASE WHEN (-1 = 1) THEN 2 END"),
        ("case - 1", "('case - 1)"),
        ("cast(a as char(3))", "cast('a as string)"),
        ("cast(a as array<varchar(3)>)", "cast('a as array<string>)"),
        ("cast(a as map<int, /* of */ struct<x: int>>)", "cast('a as map<int,struct<x:int>>)"),
        ("a::timestamp without time zone", "cast('a as timestamp_ntz)"),
    ],
)  # fmt: skip
def test_constructs_become_functions(text: str, shown: str) -> None:
    assert render(parse_expression(text)) == shown


def test_names_keep_their_case_and_split_at_dots() -> None:
    assert parse_expression("A.`b c`.C") == UnresolvedAttribute(("A", "b c", "C"))
    assert parse_expression("a[0]['k'].f") == UnresolvedExtractValue(
        UnresolvedExtractValue(
            UnresolvedExtractValue(UnresolvedAttribute(("a",)), Literal(0, t.IntegerType())),
            Literal("k", t.StringType()),
        ),
        Literal("f", t.StringType()),
    )
    assert parse_expression("Count(*)") == UnresolvedFunction("Count", (Literal(1, t.IntegerType()),))
    assert parse_expression("db.f(1)") == UnresolvedFunction("db.f", (Literal(1, t.IntegerType()),))


def test_aliases() -> None:
    a = UnresolvedAttribute(("a",))
    assert parse_expression("a as b") == parse_expression("a b") == Alias(a, ("b",))
    assert parse_expression("f(a) as (k, `v 1`)") == Alias(UnresolvedFunction("f", (a,)), ("k", "v 1"))


def test_keywords_are_names_where_they_can_be() -> None:
    for word in ("select", "order", "end", "interval", "case", "limit", "date", "exists", "window", "values"):
        assert parse_expression(f"{word} + 1") == UnresolvedFunction(
            "+", (UnresolvedAttribute((word,)), Literal(1, t.IntegerType()))
        )
    assert parse_expression("window.end") == UnresolvedAttribute(("window", "end"))


def test_lambda_variables_are_those_of_the_nearest_lambda() -> None:
    x, y = LambdaVariable("x"), LambdaVariable("y")
    found = parse_expression("f(a, (x, y) -> g(X, y -> y + x.b, z))")
    assert found == UnresolvedFunction(
        "f",
        (
            UnresolvedAttribute(("a",)),
            LambdaFunction(
                UnresolvedFunction(
                    "g",
                    (
                        x,
                        LambdaFunction(
                            UnresolvedFunction(
                                "+", (y, UnresolvedExtractValue(x, Literal("b", t.StringType())))
                            ),
                            (y,),
                        ),
                        UnresolvedAttribute(("z",)),
                    ),
                ),
                (x, y),
            ),
        ),
    )
    assert parse_expression("x") == UnresolvedAttribute(("x",))


def test_arguments_by_name() -> None:
    found = parse_expression("f(1, b => a, c => x -> x)")
    assert isinstance(found, UnresolvedFunction)
    assert found.args == (Literal(1, t.IntegerType()),)
    assert [name for name, _ in found.named] == ["b", "c"]
    with pytest.raises(AnalysisException, match="UNEXPECTED_POSITIONAL_ARGUMENT"):
        parse_expression("f(b => 1, 2)")


TWO = Literal(2, t.IntegerType())


@pytest.mark.parametrize(
    ("text", "lower", "upper"),
    [
        ("rows between 2 preceding and current row", FrameBoundary(TWO, preceding=True), 0),
        ("rows 0 preceding", FrameBoundary(Literal(0, t.IntegerType()), preceding=True), 0),
        ("rows between 2 following and unbounded following", TWO, None),
        ("range unbounded preceding", None, 0),
        ("range between interval 1 day preceding and 1.5 following",
         FrameBoundary(Literal(DAY, t.DayTimeIntervalType(0, 0)), preceding=True),
         Literal(Decimal("1.5"), t.DecimalType(2, 1))),
    ],
)  # fmt: skip
def test_window_frames(text: str, lower: Any, upper: Any) -> None:
    found = parse_expression(f"sum(a) over (order by b {text})")
    assert isinstance(found, WindowExpression)
    assert found.frame is not None
    assert found.frame.kind == text.split()[0]
    bounds = tuple(b if isinstance(b, FrameBoundary) else FrameBoundary(b) for b in (lower, upper))
    assert (found.frame.lower, found.frame.upper) == bounds


def test_parameters_are_replaced() -> None:
    one, two = Literal(1, t.IntegerType()), Literal("2", t.StringType())
    found = parse_statement("select :x, :y_1, :x", {"x": one, "y_1": two, "z": one})
    assert isinstance(found, Project)
    assert found.items == (one, two, one)
    for text, args in (
        ("select :x", {"y": one}),
        ("select ?, ?", [one]),
        ("select ?", None),
        ("select :x", [one]),
    ):
        with pytest.raises(AnalysisException) as caught:
            parse_statement(text, args)
        assert caught.value.getCondition() == "UNBOUND_SQL_PARAMETER"
    with pytest.raises(AnalysisException, match="UNBOUND_SQL_PARAMETER"):
        parse_expression(":x")


def test_parameters_inside_what_is_read_twice_keep_their_places() -> None:
    values = [Literal(number, t.IntegerType()) for number in range(3)]
    found = parse_statement("select * from ((t join u on t.a = ?)) where b = ? limit ?", values)
    twice = parse_statement("select * from ((t join u on t.a = 0)) where b = 1 limit 2")
    assert found == twice


def test_scalar_subqueries_hold_their_query() -> None:
    found = parse_expression("(select max(a) from t)")
    assert isinstance(found, SubqueryExpression)
    assert found.kind == "scalar"
    assert isinstance(found.plan, Project)


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("128Y", "INVALID_NUMERIC_LITERAL_RANGE"),
        ("9223372036854775808L", "INVALID_NUMERIC_LITERAL_RANGE"),
        ("1e400", "INVALID_NUMERIC_LITERAL_RANGE"),
        ("1e40F", "INVALID_NUMERIC_LITERAL_RANGE"),
        ("123456789012345678901234567890123456789", "DECIMAL_PRECISION_EXCEEDS_MAX_PRECISION"),
        ("X'1G'", "INVALID_TYPED_LITERAL"),
        ("date'2024-02-30'", "INVALID_TYPED_LITERAL"),
        ("timestamp'2024-01-01 00:00:00 No/Where'", "INVALID_TYPED_LITERAL"),
        ("timestamp'2024-01-01 25:00:00'", "INVALID_TYPED_LITERAL"),
        ("time'25:00:00'", "INVALID_TYPED_LITERAL"),
        ("interval 'abc'", "INVALID_TYPED_LITERAL"),
        ("foo'bar'", "UNSUPPORTED_TYPED_LITERAL"),
        ("interval 1.5 day", "INVALID_INTERVAL_FORMAT.INVALID_FRACTION"),
        ("interval 1 nanosecond", "INVALID_INTERVAL_FORMAT.INVALID_UNIT"),
        ("interval 999999999999 days", "INVALID_INTERVAL_FORMAT.ARITHMETIC_EXCEPTION"),
        ("interval '1-13' year to month", "INVALID_INTERVAL_FORMAT.INTERVAL_PARSING"),
        ("interval '1' day to hour", "INVALID_INTERVAL_FORMAT.UNMATCHED_FORMAT_STRING_WITH_NOTICE"),
        ("interval '1 25:00' day to minute", "INVALID_INTERVAL_FORMAT.DAY_TIME_PARSING"),
        ("interval '1' second to day", "INVALID_INTERVAL_FORMAT.UNSUPPORTED_FROM_TO_EXPRESSION"),
        ("interval 1 month 1 day", "_LEGACY_ERROR_TEMP_0029"),
        ("cast(a as foo)", "UNSUPPORTED_DATATYPE"),
        ("cast(a as decimal(39, 0))", "DECIMAL_PRECISION_EXCEEDS_MAX_PRECISION"),
        ("a like 'x' escape 'ab'", "INVALID_ESC"),
        ("a in ()", "INVALID_SQL_SYNTAX.EMPTY_IN_PREDICATE"),
        ("a like any ()", "INVALID_SQL_SYNTAX.EMPTY_QUANTIFIED_PATTERN"),
        ("timestampadd('day', 1, a)", "INVALID_PARAMETER_VALUE.DATETIME_UNIT"),
        ("sum(a) over w", "MISSING_WINDOW_SPECIFICATION"),
        ("sum(a) over (order by b rows between unbounded following and current row)",
         "DATATYPE_MISMATCH.SPECIFIED_WINDOW_FRAME_INVALID_BOUND"),
        ("année", "INVALID_IDENTIFIER"),
    ],
)  # fmt: skip
def test_impossible_values_fail_with_sparks_condition(text: str, condition: str) -> None:
    with pytest.raises(PySparkException) as caught:
        parse_expression(text)
    assert caught.value.getCondition() == condition


@pytest.mark.parametrize(
    "text",
    [
        "a collate utf8_lcase", "cast(a as string collate utf8_lcase)", "date'now'",
        "timestamp'today'", "timestamp'12:30:00'", "date'-0001-01-01'", "timestamp'99999-01-01 00:00:00'",
    ],
)  # fmt: skip
def test_what_spark_has_and_we_have_not_is_refused_by_name(text: str) -> None:
    with pytest.raises(UnsupportedOperationException, match="LIGHTSTREAM_UNSUPPORTED"):
        parse_expression(text)


# Spark 4.3.0 gave these with spark.sql.parser.escapedStringLiterals: what is between the first and the last character.
@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r"'a\nb'", r"a\nb"),
        ("'a''b'", "a''b"),
        (r"'a\'b'", r"a\'b"),
        (r"r'a\nb'", r"'a\nb"),
        (r"'a' 'b\n'", r"ab\n"),
        (r"'\u0041'", r"\u0041"),
    ],
)
def test_strings_as_they_are_written(text: str, value: str) -> None:
    assert parse_expression(text, True) == Literal(value, t.StringType())
    assert parse_expression("date'2020-01-01\\n'", True) == parse_expression("date'2020-01-01'")

"""Columns and functions: how they print, what they refuse, and the expressions that they make."""

from __future__ import annotations

import datetime
import inspect
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from sql_api_fixtures import condition_of

import lightstream.sql.functions as F
from lightstream.plan import expressions as e
from lightstream.plan import types as t
from lightstream.sql import Column, Window

a, b = F.col("a"), F.col("b")
frame = Window.partitionBy("b").orderBy("c").rowsBetween(-1, 0)


# Spark 4.3.0 printed these.
@pytest.mark.parametrize(
    ("column", "text"),
    [
        (-a, "negative(a)"), (~a, "!(a)"), (a + 1, "+(a, 1)"), (1 + a, "+(a, 1)"), (1 - a, "-(1, a)"),
        (a**2, "power(a, 2)"), (2**a, "power(2, a)"), (a == 1, "=(a, 1)"), (a != 1, "!(=(a, 1))"),
        (a.eqNullSafe(None), "<=>(a, NULL)"), (a & b, "and(a, b)"), (True & a, "and(a, true)"), (a | b, "or(a, b)"),
        (a.getItem(0), "a[0]"), (a.getField("x"), "a['x']"), (a["k"], "a['k']"), (a.k, "a['k']"),
        (a[1:2], "substr(a, 1, 2)"), (a.between(1, 2), "and(>=(a, 1), <=(a, 2))"), (a.isin(1, 2), "in(a, 1, 2)"),
        (a.isin([1, b]), "in(a, 1, b)"), (a.isin(), "in(a)"), (a.like("x"), "like(a, 'x')"),
        (a.startswith("x"), "startswith(a, 'x')"), (a.isNull(), "isNull(a)"), (a.bitwiseAND(1), "&(a, 1)"),
        (F.when(a > 1, "x").when(a > 2, b), "CASE WHEN >(a, 1) THEN 'x' WHEN >(a, 2) THEN b END"),
        (F.when(a > 1, "x").otherwise("z"), "CASE WHEN >(a, 1) THEN 'x' ELSE 'z' END"),
        (a.withField("q", F.lit(1)), "update_field(a, q, 1)"),
        (a.dropFields("q", "r"), "drop_field(drop_field(a, q), r)"),
        (a.cast("int"), "CAST(a AS INT)"), (a.try_cast("int"), "TRY_CAST(a AS INT)"),
        (a.cast("array<decimal(3,1)>"), "CAST(a AS ARRAY<DECIMAL(3,1)>)"),
        (F.lit(None), "NULL"), (F.lit("it's"), "'it\\'s'"), (F.lit(2**40), "1099511627776L"), (F.lit(1e20), "1.0E20"),
        (F.lit(datetime.date(2020, 1, 1)), "2020-01-01"), (F.lit(Decimal("1.50")), "1.50"),
        (F.lit(datetime.datetime(2020, 1, 1)), "2020-01-01 00:00:00.0"), (F.lit([1, 2]), "array(1, 2)"),
        (F.col("a.b.c"), "a.b.c"), (F.col("`a b`.c"), "a b.c"), (F.col("*"), "*"), (F.count("*"), "count(*)"),
        (F.countDistinct("a", "b"), "count(a, b)"), (F.mean("a"), "avg(a)"), (a.desc(), "a DESC NULLS LAST"),
        (a.asc_nulls_last(), "a ASC NULLS LAST"), (a.alias("x"), "a AS x"), (a.alias("x", "y"), "a AS (x, y)"),
        (F.sum("a").over(frame),
         "sum(a) OVER (PARTITION BY b ORDER BY c ASC NULLS FIRST ROWS BETWEEN -1 AND CURRENT ROW)"),
        (F.to_json(a, {"k": "v"}), "to_json(a, map('k', 'v'))"), (F.from_json("a", "a int"), "from_json(a, 'a int')"),
        (a.transform(F.upper), "upper(a)"),
    ],
)  # fmt: skip
def test_columns_print_as_in_spark(column: Column, text: str) -> None:
    assert repr(column) == f"Column<'{text}'>"


@pytest.mark.parametrize(
    ("function", "condition"),
    [
        (lambda: bool(a > 1), "PySparkValueError CANNOT_CONVERT_COLUMN_INTO_BOOL"),
        (lambda: list(a), "PySparkTypeError NOT_ITERABLE"),
        (lambda: 1 in a, "PySparkValueError CANNOT_APPLY_IN_FOR_COLUMN"),
        (lambda: a.cast(1), "PySparkTypeError NOT_EXPECTED_TYPE"),
        (lambda: a.cast("foo"), "ParseException UNSUPPORTED_DATATYPE"),
        (lambda: a.alias("a", "b", metadata={}), "PySparkValueError ONLY_ALLOWED_FOR_SINGLE_COLUMN"),
        (lambda: a.substr(1, F.lit(2)), "PySparkTypeError NOT_SAME_TYPE"),
        (lambda: a.substr("1", "2"), "PySparkTypeError NOT_EXPECTED_TYPE"),
        (lambda: a.when(True, 1), "PySparkTypeError NOT_EXPECTED_TYPE"),
        (lambda: a.when(a > 1, 1), "IllegalArgumentException None"),
        (lambda: F.when(a > 1, 1).otherwise(2).when(a > 2, 1), "IllegalArgumentException None"),
        (lambda: F.when(a > 1, 1).otherwise(2).otherwise(1), "IllegalArgumentException None"),
        (lambda: a.otherwise(2), "IllegalArgumentException None"),
        (lambda: a.over(1), "PySparkTypeError NOT_EXPECTED_TYPE"),
        (lambda: a.withField(1, a), "PySparkTypeError NOT_EXPECTED_TYPE"),
        (lambda: a.withField("a", 1), "PySparkTypeError NOT_EXPECTED_TYPE"),
        (lambda: a.__foo__, "PySparkAttributeError CANNOT_ACCESS_TO_DUNDER"),
        (lambda: a[1:2:3], "PySparkValueError SLICE_WITH_STEP"),
        (lambda: F.sum(1), "PySparkTypeError NOT_EXPECTED_TYPE"),
        (lambda: F.struct(a, ["b"]), "PySparkTypeError NOT_EXPECTED_TYPE"),
        (lambda: F.when(1, 2), "PySparkTypeError NOT_EXPECTED_TYPE"),
        (lambda: F.transform("a", lambda x: 1), "PySparkValueError HIGHER_ORDER_FUNCTION_SHOULD_RETURN_COLUMN"),
        (lambda: F.transform("a", lambda *x: x),
         "PySparkValueError UNSUPPORTED_PARAM_TYPE_FOR_HIGHER_ORDER_FUNCTION"),
        (lambda: F.sha2("a", 1), "PySparkValueError VALUE_NOT_ALLOWED"),
        (lambda: F.make_timestamp("a", date="b"), "PySparkValueError CANNOT_SET_TOGETHER"),
        (lambda: F.instr("a", "b", occurrence=1), "PySparkTypeError ARGUMENT_REQUIRED"),
        (lambda: Window.orderBy(1), "PySparkTypeError NOT_EXPECTED_TYPE"),
        (lambda: F.sum("a").over(Window.rowsBetween(Window.unboundedPreceding, Window.unboundedPreceding)),
         "AnalysisException DATATYPE_MISMATCH.SPECIFIED_WINDOW_FRAME_WRONG_COMPARISON"),
        (lambda: F.lit({1}), "PySparkTypeError UNSUPPORTED_DATA_TYPE"),
        (lambda: F.lit(2**63), "PySparkValueError VALUE_OUT_OF_BOUNDS"),
    ],
)  # fmt: skip
def test_columns_refuse_what_spark_refuses(function: Callable[[], Any], condition: str) -> None:
    assert condition_of(function) == condition


def test_a_column_cannot_be_a_key() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(a)


@pytest.mark.parametrize(
    ("value", "data_type", "stored"),
    [
        (True, t.BooleanType(), True), (1, t.IntegerType(), 1), (2**31, t.LongType(), 2**31),
        (1.5, t.DoubleType(), 1.5),
        ("x", t.StringType(), "x"), (b"x", t.BinaryType(), b"x"),
        (Decimal("1.50"), t.DecimalType(3, 2), Decimal("1.50")),
        (Decimal("0.001"), t.DecimalType(3, 3), Decimal("0.001")),
        (Decimal("1E+2"), t.DecimalType(3, 0), Decimal("1E+2")),
        (datetime.date(2020, 1, 1), t.DateType(), datetime.date(2020, 1, 1)),
        (datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC), t.TimestampType(), 1577836800000000),
        (datetime.timedelta(days=1, microseconds=5), t.DayTimeIntervalType(), 86_400_000_005),
        (datetime.time(1, 2, 3, 4), t.TimeType(6), 3723000004),
    ],
)  # fmt: skip
def test_constants_have_spark_types(value: Any, data_type: t.DataType, stored: Any) -> None:
    assert F.lit(value)._expression == e.Literal(stored, data_type)


def call(name: str, *args: e.Expression, distinct: bool = False) -> e.Expression:
    return e.UnresolvedFunction(name, args, distinct)


def name(text: str) -> e.Expression:
    return e.UnresolvedAttribute((text,))


def text(value: str) -> e.Expression:
    return e.Literal(value, t.StringType())


def number(value: int) -> e.Expression:
    return e.Literal(value, t.IntegerType())


# What pyspark's own client sends for the same call.
@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (F.abs("a"), call("abs", name("a"))),
        (F.pow("a", 2), call("power", name("a"), number(2))),
        (F.date_format("a", "yyyy"), call("date_format", name("a"), text("yyyy"))),
        (F.round("a"), call("round", name("a"))),
        (F.round("a", 2), call("round", name("a"), number(2))),
        (F.concat_ws(",", "a", "b"), call("concat_ws", text(","), name("a"), name("b"))),
        (F.array(["a", "b"]), call("array", name("a"), name("b"))),
        (F.create_map("a", "b"), call("map", name("a"), name("b"))),
        (F.count_distinct("a", "b"), call("count", name("a"), name("b"), distinct=True)),
        (F.sum_distinct("a"), call("sum", name("a"), distinct=True)),
        (F.trim("a", F.lit("x")), call("trim", text("x"), name("a"))),
        (F.log("a"), call("ln", name("a"))),
        (F.log(2, "a"), call("log", e.Literal(2.0, t.DoubleType()), name("a"))),
        (F.lag("a"), call("lag", name("a"), number(1))),
        (F.lead("a", 2, 0), call("lead", name("a"), number(2), number(0))),
        (F.mask("a"), call("mask", name("a"), text("X"), text("x"), text("n"), e.Literal(None, t.NullType()))),
        (F.split("a", ","), call("split", name("a"), text(","), number(-1))),
        (F.array_contains("a", "x"), call("array_contains", name("a"), text("x"))),
        (F.array_contains("a", b), call("array_contains", name("a"), name("b"))),
        (F.percentile_approx("a", (0.25,)), call("percentile_approx", name("a"),
                                                call("array", e.Literal(0.25, t.DoubleType())), number(10000))),
        (F.window("a", "1 hour"), call("window", name("a"), text("1 hour"))),
        (F.window("a", "1 hour", startTime="5 minutes"),
         call("window", name("a"), text("1 hour"), text("1 hour"), text("5 minutes"))),
        (F.session_window("a", b), call("session_window", name("a"), name("b"))),
        (F.unix_timestamp(), call("unix_timestamp")),
        (F.make_timestamp(date="a", time="b"), call("make_timestamp", name("a"), name("b"))),
        (F.timestamp_diff("HOUR", "a", "b"), call("timestampdiff", text("HOUR"), name("a"), name("b"))),
        (F.call_function("foo", "a"), call("foo", name("a"))),
        (F.from_json("a", t.StructType([t.StructField("x", t.LongType())])),
         call("from_json", name("a"), text('{"fields":[{"metadata":{},"name":"x","nullable":true,"type":"long"}],'
                                           '"type":"struct"}'))),
    ],
)  # fmt: skip
def test_functions_make_calls(column: Column, expected: e.Expression) -> None:
    assert column._expression == expected


def test_first_and_last_say_whether_they_ignore_nulls() -> None:
    assert F.first("a")._expression == e.UnresolvedFunction("first", (name("a"),))
    assert F.last("a", True)._expression == e.UnresolvedFunction("last", (name("a"),), ignore_nulls=True)


def test_lambdas_bind_their_parameters() -> None:
    expression = F.transform("a", lambda x, i: x + i)._expression
    assert isinstance(expression, e.UnresolvedFunction)
    function = expression.args[1]
    assert isinstance(function, e.LambdaFunction)
    assert function.body == e.UnresolvedFunction("+", function.parameters)
    assert len({p.name for p in function.parameters}) == 2


def test_every_function_has_its_signature_and_text() -> None:
    names = [n for n in F.__all__ if n.islower()]
    assert len(names) > 550
    assert set(names) <= set(dir(F))
    for each in names:
        function = getattr(F, each)
        assert function.__doc__, each
        inspect.signature(function)


def test_star_import_brings_the_functions() -> None:
    names: dict[str, Any] = {}
    exec("from lightstream.sql.functions import *", names)
    assert names["date_format"] is F.date_format
    assert "countDistinct" not in names  # as in pyspark, where it is there all the same
    assert F.countDistinct


def test_a_wrong_number_of_arguments_is_named() -> None:
    with pytest.raises(TypeError, match=r"date_format\(\) missing a required argument: 'format'"):
        F.date_format("a")
    with pytest.raises(TypeError, match=r"abs\(\) too many positional arguments"):
        F.abs("a", "b")
    with pytest.raises(AttributeError, match="no_such_function"):
        F.no_such_function  # noqa: B018


def test_signatures_are_those_of_pyspark() -> None:
    theirs = pytest.importorskip("pyspark.sql.functions", reason="pyspark is not installed")

    def shape(function: Any) -> list[tuple[str, str, str]]:
        parameters = inspect.signature(function).parameters.values()
        return [(p.name, p.kind.name, repr(p.default)) for p in parameters]

    assert set(F.__all__) == set(theirs.__all__)
    for each in theirs.__all__:
        if each.islower():
            assert shape(getattr(F, each)) == shape(getattr(theirs, each)), each


def test_each_function_can_be_made() -> None:
    """They are made from their signatures when they are asked for."""
    assert all(callable(getattr(F, name)) for name in F.__all__)
    assert str(F.product("a")._expression).count("(product)") == 1

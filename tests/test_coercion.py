"""Implicit conversions, against a grid of what Spark 4.3 makes of every pair of types."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lightstream.conf import Conf
from lightstream.errors import PySparkException
from lightstream.functions import casts, coercion, registry
from lightstream.plan import types as t
from lightstream.plan.ddl import parse_type
from lightstream.plan.expressions import Attribute, Cast, Expression, Literal

GRID: dict[str, Any] = json.loads(
    (Path(__file__).parent / "golden" / "coercion.json").read_text(encoding="utf-8")
)
TYPES: list[t.DataType] = [t.NullType() if name == "void" else parse_type(name) for name in GRID["types"]]


def column(position: int) -> Expression:
    """Return a column of the grid's type at a position; NULL stands for itself."""
    if isinstance(TYPES[position], t.NullType):
        return Literal(None, t.NullType())
    return Attribute(f"c{position}", TYPES[position], True, position + 1)


def bound(operator: str, left: int, right: int) -> str:
    """Return the result type of an operator over two columns, or the last part of the error's condition."""
    try:
        call = registry.bind_call(operator, (column(left), column(right)), Conf())
    except PySparkException as error:
        return str(error.getCondition()).rpartition(".")[2]
    return call.type.simpleString()


@pytest.mark.parametrize("operator", GRID["operators"])
def test_result_types_and_errors_of_operators(operator: str) -> None:
    wrong = []
    for left, row in enumerate(GRID["operators"][operator]):
        for right, expected in enumerate(row):
            found = bound(operator, left, right)
            names = GRID["types"][left], GRID["types"][right]
            # Intervals of months, days and time at once are refused by name, as is a string next to an interval.
            refused = found == "LIGHTSTREAM_UNSUPPORTED" or "interval" in names
            if found != expected and not refused:
                wrong.append(f"{names[0]} {operator} {names[1]}: {found}, not {expected}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("mode", ("ansi", "legacy"))
def test_which_casts_there_are(mode: str) -> None:
    wrong = []
    for left, row in enumerate(GRID["casts"][mode]):
        for right, expected in enumerate(row):
            source, target = TYPES[left], TYPES[right]
            found = ""
            if not casts.can_cast(source, target, mode):
                found = str(casts.refused_cast("x", source, target, mode).getCondition()).rpartition(".")[2]
            if found != expected:
                wrong.append(
                    f"{source.simpleString()} to {target.simpleString()}: {found!r}, not {expected!r}"
                )
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("names", "expected"),
    (
        (("int", "bigint", "smallint"), "bigint"),
        (("string", "int", "double"), "double"),
        (("int", "string"), "bigint"),
        (("date", "string", "timestamp"), "timestamp"),
        (("float", "int"), "double"),
        (("decimal(38,18)", "decimal(38,0)"), "decimal(38,0)"),
        (("array<int>", "array<string>"), "array<bigint>"),
        (("struct<a:int>", "struct<A:bigint>"), "struct<a:bigint>"),
        (("map<string,int>", "map<string,double>"), "map<string,double>"),
    ),
)
def test_common_type_of_several(names: tuple[str, ...], expected: str) -> None:
    found = coercion.common_type([parse_type(name) for name in names])
    assert found is not None
    assert found.simpleString() == expected


def test_no_common_type() -> None:
    assert coercion.common_type([t.IntegerType(), t.BooleanType()]) is None
    assert coercion.common_type([t.IntegerType(), t.ArrayType(t.IntegerType())]) is None


def test_elements_that_are_parsed_may_be_null() -> None:
    found = coercion.common_type([t.ArrayType(t.IntegerType(), False), t.ArrayType(t.StringType(), False)])
    assert found == t.ArrayType(t.LongType(), True)


def test_without_ansi_strings_stay_strings() -> None:
    assert coercion.common_type([t.StringType(), t.IntegerType()], ansi=False) == t.StringType()


def test_constants_stay_constants_where_their_text_stays() -> None:
    one = Literal(1, t.IntegerType())
    assert coercion.implicit_cast(one, t.LongType()) == Literal(1, t.LongType())
    assert coercion.implicit_cast(Literal(None, t.NullType()), t.DateType()) == Literal(None, t.DateType())
    to_double = coercion.implicit_cast(one, t.DoubleType())
    assert isinstance(to_double, Cast)  # as a literal it would show as 1.0
    assert to_double.implicit


def test_what_does_not_convert_unasked() -> None:
    array = Attribute("a", t.ArrayType(t.IntegerType()), True, 1)
    assert coercion.implicit_cast(array, t.StringType()) is None
    assert coercion.implicit_cast(Attribute("b", t.BooleanType(), True, 2), t.IntegerType()) is None
    assert coercion.implicit_cast(Attribute("s", t.StringType(), True, 3), t.IntegerType()) is not None


@pytest.mark.parametrize(
    ("operator", "one", "other", "expected"),
    (
        ("+", (10, 2), (5, 1), (11, 2)),
        ("*", (20, 2), (20, 2), (38, 4)),
        ("/", (10, 2), (10, 2), (23, 13)),
        ("/", (38, 18), (38, 18), (38, 6)),
        ("%", (10, 2), (5, 1), (6, 2)),
        ("+", (38, 18), (38, 18), (38, 17)),
    ),
)
def test_decimal_results(
    operator: str, one: tuple[int, int], other: tuple[int, int], expected: tuple[int, int]
) -> None:
    found = coercion.arithmetic_decimal(operator, t.DecimalType(*one), t.DecimalType(*other))
    assert (found.precision, found.scale) == expected


def test_a_whole_constant_next_to_a_decimal_takes_its_own_digits() -> None:
    price = Attribute("p", t.DecimalType(10, 2), True, 1)
    assert registry.bind_call("*", (price, Literal(2, t.IntegerType())), Conf()).type == t.DecimalType(12, 2)
    count = Attribute("n", t.IntegerType(), True, 2)
    assert registry.bind_call("*", (price, count), Conf()).type == t.DecimalType(21, 2)

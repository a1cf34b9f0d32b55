"""`pyspark.testing` on both engines: what is the same, and what the errors say."""

from __future__ import annotations

import datetime
import sys
from collections.abc import Callable, Mapping
from decimal import Decimal
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest

NAN, INF = float("nan"), float("inf")
THREE = [(1, "a", 1.0), (2, "b", 2.0), (3, None, None)]
COLUMNS = "id long, s string, d double"
DAY = datetime.date(2020, 1, 1)

# Rows and columns of the one frame and of the other, and the arguments.
FRAMES: Mapping[str, tuple[Any, ...]] = {
    "the same in another order": (THREE, COLUMNS, THREE[::-1], COLUMNS, {}),
    "the order counts": (THREE, COLUMNS, THREE[::-1], COLUMNS, {"checkRowOrder": True}),
    "different": (THREE, COLUMNS, [(1, "a", 1.0), (2, "x", 2.0), (4, None, None)], COLUMNS, {}),
    "only what differs": (THREE, COLUMNS, [(2, "x", 2.0), (1, "a", 1.0)], COLUMNS, {"showOnlyDiff": True}),
    "one error": (THREE, COLUMNS, [(7, "x", 2.0), (8, "a", 1.0)], COLUMNS, {"maxErrors": 1}),
    "five errors": (THREE, COLUMNS, [(7, "x", 2.0), (8, "a", 1.0)], COLUMNS, {"maxErrors": 5}),
    "the rows that differ": (THREE, COLUMNS, [(1, "a", 1.0)], COLUMNS, {"includeDiffRows": True}),
    "more rows": (THREE[:1], COLUMNS, THREE, COLUMNS, {}),
    "no rows": ([], COLUMNS, THREE, COLUMNS, {}),
    "no rows at all": ([], COLUMNS, [], COLUMNS, {}),
    "rows more than once": ([(1,), (1,), (2,)], "a int", [(1,), (2,), (2,)], "a int", {}),
    "one is near, one is not": (
        [(1.0, 5), (2.0, 6)], "a double, b int", [(1.000001, 5), (2.0, 7)], "a double, b int", {},
    ),
    "another type": ([(1,)], "a int", [(1,)], "a long", {}),
    "any type: whole numbers": (
        [(1, 2.0)], "a int, b double", [(1, 2.0)], "a long, b float", {"ignoreColumnType": True},
    ),
    "any type: text": ([(1,)], "a int", [("1",)], "a string", {"ignoreColumnType": True}),
    "any type: another number": ([(1,)], "a int", [(1.0000001,)], "a double", {"ignoreColumnType": True}),
    "any type: no number": ([("a",)], "a string", [(1,)], "a int", {"ignoreColumnType": True}),
    "any type: a date": ([(DAY,)], "a date", [("2020-01-01",)], "a string", {"ignoreColumnType": True}),
    "any type: other columns": ([(1,)], "a int", [(1, 2)], "a long, b int", {"ignoreColumnType": True}),
    "another name": ([(1,)], "a int", [(1,)], "A int", {}),
    "any name": ([(1,)], "a int", [(2,)], "b int", {"ignoreColumnName": True}),
    "any name: more columns": ([(1,)], "a int", [(1, 2)], "b int, c int", {"ignoreColumnName": True}),
    "another order": ([(1, 2)], "a int, b int", [(2, 1)], "b int, a int", {}),
    "any order": ([(1, 2)], "a int, b int", [(2, 1)], "b int, a int", {"ignoreColumnOrder": True}),
    "any order: other names": ([(1, 2)], "a int, b int", [(2, 1)], "c int, a int", {"ignoreColumnOrder": True}),
    "any order and name": (
        [(1, "x")], "a int, c string", [("x", 1)], "d string, b int",
        {"ignoreColumnOrder": True, "ignoreColumnName": True},
    ),
    "not null": ([(1,)], "a int not null", [(1,)], "a int", {}),
    "not null counts": ([(1,)], "a int not null", [(1,)], "a int", {"ignoreNullable": False}),
    "arrays": ([([1.0, None],)], "a array<double>", [([1.0000001, None],)], "a array<double>", {}),
    "arrays of other lengths": ([([1.0, 2.0],)], "a array<double>", [([1.0],)], "a array<double>", {}),
    "maps": (
        [({"a": 1.0, "b": 2.0},)], "a map<string,double>", [({"b": 2.0, "a": 1.0000001},)], "a map<string,double>", {},
    ),
    "maps with other keys": ([({"a": 1.0},)], "a map<string,double>", [({"b": 1.0},)], "a map<string,double>", {}),
    "structs": ([((1.0, "x"),)], "a struct<b:double,c:string>", [((1.1, "x"),)], "a struct<b:double,c:string>", {}),
    "dates": ([(DAY,)], "a date", [(DAY.replace(day=2),)], "a date", {}),
    "decimals": ([(Decimal("1.00"),)], "a decimal(9,6)", [(Decimal("1.01"),)], "a decimal(9,6)", {}),
    "decimals that are near": ([(Decimal(1),)], "a decimal(9,6)", [(Decimal("1.000001"),)], "a decimal(9,6)", {}),
    **{
        f"{x} and {y} {given}": ([(x,)], "a double", [(y,)], "a double", given)
        for x, y, given in (
            (1.0, 1.00001, {}), (1.0, 1.0001, {}), (1.0, 1.0001, {"rtol": 1e-2}), (0.0, 1e-9, {}), (0.0, 1e-7, {}),
            (1.0, 1.5, {"rtol": 0, "atol": 1}), (NAN, NAN, {}), (NAN, None, {}), (INF, INF, {}), (INF, 1.0, {}),
            (None, 1.0, {}), (-0.0, 0.0, {}),
        )
    },
}  # fmt: skip

# Two lists.
LISTS: Mapping[str, Callable[[Any], tuple[Any, Any]]] = {
    "rows": lambda e: ([e.Row(a=1)], [e.Row(a=2)]),
    "rows with other names": lambda e: ([e.Row(a=1)], [e.Row(b=1)]),
    "rows of other lengths": lambda e: ([e.Row(a=1)], [e.Row(a=1, b=2)]),
    "a row and a tuple": lambda e: ([e.Row(a=1.0)], [(1.0,)]),
    "a row and a tuple that is near": lambda e: ([e.Row(a=1.0)], [(1.0000001,)]),
    "fewer, in the middle": lambda e: ([1, 2, 3, 4], [1, 3, 4]),
    "more, and others": lambda e: ([2, 3], [1, 3, 4]),
    "none of them": lambda e: ([1, 2, 3], [7, 8]),
    "tuples": lambda e: ([(1.0,)], [(1.0000001,)]),
    "values": lambda e: ([1, None, [1.0], {"a": 1.0}], [1.0, None, [1.0000001], {"a": 1.0000001}]),
    "a number and its text": lambda e: ([1], ["1"]),
    "a frame and rows": lambda e: (e.frame([(2,), (1,)], "a int"), [e.Row(a=1), e.Row(a=2)]),
    "rows and a frame": lambda e: ([e.Row(a=2)], e.frame([(1,)], "b int")),
    "nothing": lambda e: (None, None),
    "nothing and a frame": lambda e: (None, e.frame([(1,)], "a int")),
    "a frame and nothing": lambda e: (e.frame([(1,)], "a int"), None),
    "a number": lambda e: (e.frame([(1,)], "a int"), 1),
    "a tuple of rows": lambda e: ((e.Row(a=1),), [e.Row(a=1)]),
    "streams": lambda e: (e.stream(), e.stream()),
    "a stream and a frame": lambda e: (e.stream(), e.frame([(1,)], "a int")),
}

# Two schemas, made of the engine's types, and the arguments.
SCHEMAS: Mapping[str, Callable[[Any], tuple[Any, Any, dict[str, Any]]]] = {
    "same": lambda t: (_schema(t, "a int, b string"), _schema(t, "a int, b string"), {}),
    "another name": lambda t: (_schema(t, "a int, b string"), _schema(t, "a int, c string"), {}),
    "any name": lambda t: (_schema(t, "a int, b string"), _schema(t, "a int, c string"), {"ignoreColumnName": True}),
    "another order": lambda t: (_schema(t, "a int, b string"), _schema(t, "b string, a int"), {}),
    "any order": lambda t: (_schema(t, "a int, b string"), _schema(t, "b string, a int"), {"ignoreColumnOrder": True}),
    "order within": lambda t: (
        _schema(t, "a struct<x:int,y:int>"), _schema(t, "a struct<y:int,x:int>"), {"ignoreColumnOrder": True},
    ),
    "not null": lambda t: (_schema(t, "a int not null"), _schema(t, "a int"), {}),
    "not null counts": lambda t: (_schema(t, "a int not null"), _schema(t, "a int"), {"ignoreNullable": False}),
    "not null within": lambda t: (_schema(t, "a struct<x:int not null>"), _schema(t, "a struct<x:int>"), {}),
    "another type": lambda t: (_schema(t, "a decimal(10,2)"), _schema(t, "a decimal(12,2)"), {}),
    "metadata": lambda t: (_with_metadata(t), _schema(t, "a int"), {}),
    "metadata counts": lambda t: (_with_metadata(t), _schema(t, "a int"), {"ignoreNullable": False}),
    "no schema": lambda t: (None, _schema(t, "a int"), {}),
    "a text": lambda t: (_schema(t, "a int"), "a int", {}),
    "another kind of type": lambda t: (t.IntegerType(), t.LongType(), {}),
}  # fmt: skip


def _schema(types: Any, text: str) -> Any:
    return types.StructType.fromDDL(text)


def _with_metadata(types: Any) -> Any:
    return types.StructType([types.StructField("a", types.IntegerType(), True, {"x": 1})])


def without_pandas(function: Callable[..., Any]) -> Callable[..., Any]:
    """With pandas 3 Spark's assertion fails, for pyspark.pandas cannot be imported; without pandas it does not try."""

    def called(*given: Any, **named: Any) -> Any:
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(sys.modules, "pandas", None)
            return function(*given, **named)

    return called


def engine(session: Any, package: str, testing: Any, adapted: Callable[..., Any]) -> SimpleNamespace:
    """An engine's assertions, rows, types and frames."""
    return SimpleNamespace(
        Row=import_module(package).Row,
        types=import_module(f"{package}.types"),
        assert_frames=adapted(testing.assertDataFrameEqual),
        assert_schemas=testing.assertSchemaEqual,
        frame=session.createDataFrame,
        stream=lambda: session.readStream.format("rate").load(),
    )


@pytest.fixture
def both(spark: Any, lightstream: Any) -> list[SimpleNamespace]:
    import pyspark.testing

    import lightstream.testing as ours

    return [
        engine(spark, "pyspark.sql", pyspark.testing, without_pandas),
        engine(lightstream, "lightstream.sql", ours, lambda function: function),
    ]


def told(assertion: Callable[[], Any]) -> Any:
    """What an assertion gives, or all that its error says."""
    try:
        return assertion()
    except AssertionError as error:
        return error.getCondition(), str(error), repr(error.data)  # type: ignore[attr-defined]
    except Exception as error:  # the text of other errors is each engine's own
        return error.getCondition()  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", list(FRAMES))
def test_frames(both: list[SimpleNamespace], name: str) -> None:
    left, left_columns, right, right_columns, given = FRAMES[name]
    spark, ours = (
        told(lambda e=e: e.assert_frames(e.frame(left, left_columns), e.frame(right, right_columns), **given))
        for e in both
    )
    assert ours == spark


@pytest.mark.parametrize("name", list(LISTS))
def test_lists(both: list[SimpleNamespace], name: str) -> None:
    spark, ours = (told(lambda e=e: e.assert_frames(*LISTS[name](e))) for e in both)
    assert ours == spark


@pytest.mark.parametrize("name", list(SCHEMAS))
def test_schemas(both: list[SimpleNamespace], name: str) -> None:
    def assertion(e: SimpleNamespace) -> None:
        left, right, given = SCHEMAS[name](e.types)
        e.assert_schemas(left, right, **given)

    spark, ours = (told(lambda e=e: assertion(e)) for e in both)
    assert ours == spark

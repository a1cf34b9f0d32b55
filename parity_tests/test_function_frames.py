"""What Python functions are given: the types and values of pandas' and Arrow's columns, in the session's time zone."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import pytest

from lightstream.parity.answers import failed, plain

ZONE = "America/Los_Angeles"

# One value of each type, named by the column.
VALUES = {
    "i": "1", "s": "'a'", "d": "date'2020-01-01'", "t": "timestamp'2020-07-01 01:02:03.123456'", "b": "true",
    "f": "1.5d", "g": "cast(1.5 as float)", "c": "cast(1.25 as decimal(5,2))", "x": "x'61'", "h": "2S", "y": "3Y",
    "l": "4L", "n": "timestamp_ntz'2020-01-01 01:02:03'", "v": "interval '1' day", "z": "null",
    "a": "array(1, null)", "ah": "array(1)", "at": "array(timestamp'2020-01-01 01:02:03', null)",
    "an": "array(timestamp_ntz'2020-01-01 01:02:03')", "ad": "array(date'2020-01-01')",
    "aa": "array(array(timestamp'2020-01-01 01:02:03'))", "m": "map('a', 1, 'b', null)",
    "mt": "map(date'2020-01-01', timestamp'2020-01-01 01:02:03')",
    "st": "named_struct('p', 1, 't', timestamp'2020-01-01 01:02:03')",
    "ss": "named_struct('p', 1, 's', 'a', 't', timestamp'2020-01-01 01:02:03')",
    "as": "array(named_struct('p', cast(null as int), 't', timestamp'2020-01-01 01:02:03'))",
}  # fmt: skip
PLAIN = [name for name in VALUES if name in ["i", "d", "t", "b", "f", "g", "x", "h", "y", "l", "n"]]


def told(series: Any) -> str:
    """Return a column's type, and the type and text of each value."""
    values = [(type(v).__name__, getattr(getattr(v, "dtype", None), "name", ""), str(v)) for v in series]
    return f"{series.dtype}: {values}"


def shown(frame: Any) -> str:
    return "\n".join(f"{name} {told(frame[name])}" for name in frame.columns)


def pandas_result(F: Any, df: Any) -> Any:
    return shown(df.coalesce(1).toPandas())


def map_in_pandas(F: Any, df: Any) -> Any:
    import pandas

    def told(frames: Iterator[Any]) -> Iterator[Any]:
        for frame in frames:
            yield pandas.DataFrame({"x": [shown(frame)]})

    return df.coalesce(1).mapInPandas(told, "x string").collect()


def apply_in_pandas(F: Any, df: Any) -> Any:
    import pandas

    def told(frame: Any) -> Any:
        return pandas.DataFrame({"x": [shown(frame)]})

    return df.groupBy().applyInPandas(told, "x string").collect()


def series_function(F: Any, df: Any) -> Any:
    import pandas

    def one(given):  # type: ignore[no-untyped-def]
        text = shown(given) if isinstance(given, pandas.DataFrame) else told(given)
        return pandas.Series([text] * len(given))

    function = F.pandas_udf(one, "string")
    return df.coalesce(1).select(*(function(name) for name in df.columns)).collect()


def arrow_function(F: Any, df: Any) -> Any:
    import pyarrow

    function = F.arrow_udf(lambda given: pyarrow.array([f"{given.type} {given}"] * len(given)), "string")
    return df.coalesce(1).select(*(function(name) for name in df.columns)).collect()


def map_in_arrow(F: Any, df: Any) -> Any:
    import pyarrow

    def told(batches: Iterator[Any]) -> Iterator[Any]:
        for batch in batches:
            yield pyarrow.RecordBatch.from_pydict({"x": [f"{batch.schema} {batch.to_pylist()}"]})

    return df.coalesce(1).mapInArrow(told, "x string").collect()


def apply_in_arrow(F: Any, df: Any) -> Any:
    import pyarrow

    def told(key: Any, table: Any) -> Any:
        return pyarrow.table({"x": [f"{key!r} {table.schema} {table.to_pylist()}"]})

    return df.groupBy(df.columns[0]).applyInArrow(told, "x string").collect()


USES = (
    pandas_result,
    map_in_pandas,
    apply_in_pandas,
    series_function,
    arrow_function,
    map_in_arrow,
    apply_in_arrow,
)


def answer(session: Any, package: str, use: Callable[[Any, Any], Any], text: str) -> Any:
    before = session.conf.get("spark.sql.session.timeZone")
    session.conf.set("spark.sql.session.timeZone", ZONE)
    try:
        found = use(import_module(f"{package}.functions"), session.sql(text))
        return sorted(map(plain, found), key=repr) if isinstance(found, list) else found
    except Exception as error:  # every engine's errors are what is compared
        return failed(error).error
    finally:
        session.conf.set("spark.sql.session.timeZone", before)


@pytest.fixture(scope="module", autouse=True)
def carried_by_value() -> None:
    """Let Spark's workers have this module's functions, which they cannot import."""
    from pyspark import cloudpickle

    cloudpickle.register_pickle_by_value(sys.modules[__name__])


@pytest.mark.filterwarnings("ignore::FutureWarning")  # PySpark's, of pandas 3
@pytest.mark.parametrize("nulls", [False, True], ids=["values", "with nulls"])
@pytest.mark.parametrize("columns", [list(VALUES), PLAIN, ["t"], ["st"]], ids=["all", "plain", "t", "st"])
@pytest.mark.parametrize("use", USES, ids=lambda use: use.__name__)
def test_given(spark: Any, lightstream: Any, use: Any, columns: list[str], nulls: bool) -> None:
    rows = f"({', '.join(VALUES[name] for name in columns)})"
    if nulls:
        rows += f", ({', '.join('null' for _ in columns)})"
    names = ", ".join(f"`{name}`" for name in columns)
    text = f"select * from values {rows} v({names})"
    ours, theirs = answer(lightstream, "lightstream.sql", use, text), answer(spark, "pyspark.sql", use, text)
    assert ours == theirs


def annotated(function: str, hints: dict[str, Any]) -> Callable[[Any, Any], Any]:
    """Return a use of a function of one or two columns that says what it is given."""

    def use(F: Any, df: Any) -> Any:
        def one(x):  # type: ignore[no-untyped-def]
            return what(x)

        def two(x, y):  # type: ignore[no-untyped-def]
            return what(x)

        def what(x: Any) -> Any:
            import pandas

            name = type(x).__name__
            if name == "Series":
                return pandas.Series([f"{name} of {len(x)}"] * len(x)) if to_column else name
            if not hasattr(x, "__next__"):
                return name
            parts = list(x)
            if to_column:
                return iter([pandas.Series([str(type(part).__name__)] * 2) for part in parts])
            return f"iterator of {[type(part).__name__ for part in parts]}"

        to_column = "Series" in str(hints.get("return", "Series"))
        chosen = two if "y" in hints else one
        chosen.__annotations__ = {name: hint for name, hint in hints.items() if hint is not None}
        made = getattr(F, function)(chosen, "string")
        columns = ["i", "l"][: 2 if "y" in hints else 1]
        return df.coalesce(1).select(made(*columns)).collect()

    return use


def signatures() -> dict[str, dict[str, Any]]:
    from collections.abc import Iterator
    from typing import Union

    import pandas as pd
    import pyarrow as pa

    series, frame = pd.Series, pd.DataFrame
    return {
        "none": {},
        "any": {"x": Any, "return": Any},
        "one of two": {"x": series, "y": None, "return": series},
        "no result": {"x": series},
        "series": {"x": series, "return": series},
        "series and series": {"x": series, "y": series, "return": series},
        "either": {"x": Union[series, frame], "return": series},  # noqa: UP007
        "either, new": {"x": series | frame, "return": series},
        "either result": {"x": series, "return": series | frame},
        "iterator": {"x": Iterator[series], "return": Iterator[series]},
        "iterator of tuples": {"x": Iterator[tuple[series, ...]], "return": Iterator[series]},
        "aggregate": {"x": series, "return": str},
        "aggregate of two": {"x": series, "y": series, "return": str},
        "aggregate of an iterator": {"x": Iterator[series], "return": str},
        "aggregate of tuples": {"x": Iterator[tuple[series, ...]], "return": str},
        "series to iterator": {"x": series, "return": Iterator[series]},
        "series to tuple": {"x": series, "return": tuple[series, series]},
        "list of series": {"x": list[series], "return": series},
        "plain": {"x": int, "return": str},
        "arrays": {"x": pa.Array, "return": str},
        "kind of array": {"x": pa.Int32Array, "return": str},
    }


@pytest.mark.filterwarnings(
    "ignore::UserWarning", "ignore::FutureWarning"
)  # PySpark's, of annotations and pandas
@pytest.mark.parametrize("function", ["pandas_udf", "udf"])
@pytest.mark.parametrize("hints", list(signatures()))
def test_annotations(spark: Any, lightstream: Any, function: str, hints: str) -> None:
    use = annotated(function, signatures()[hints])
    text = "select * from values (1, 1L), (2, 2L) v(i, l)"
    ours, theirs = answer(lightstream, "lightstream.sql", use, text), answer(spark, "pyspark.sql", use, text)
    assert ours == theirs

"""Assertions of tests: two DataFrames, or two schemas, are equal (`pyspark.testing`)."""

from __future__ import annotations

import difflib
import itertools
import sys
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

from lightstream.errors import PySparkAssertionError, PySparkTypeError, unsupported
from lightstream.plan.types import StructField, StructType, as_nullable
from lightstream.sql.dataframe import DataFrame
from lightstream.sql.row import Row

if TYPE_CHECKING:
    from lightstream.sql.column import Column

__all__ = ["assertDataFrameEqual", "assertSchemaEqual"]

# Whether two rows are the same; and pairs of them: whether they are, and the row, or none, of each side.
Same: TypeAlias = Callable[[Any, Any], bool]
Pairs: TypeAlias = Iterator[tuple[bool, Sequence[Any], Sequence[Any]]]

_RED, _END = "\033[31m", "\033[0m"


def assertDataFrameEqual(
    actual: Any,
    expected: Any,
    checkRowOrder: bool = False,
    rtol: float = 1e-5,
    atol: float = 1e-8,
    ignoreNullable: bool = True,
    ignoreColumnOrder: bool = False,
    ignoreColumnName: bool = False,
    ignoreColumnType: bool = False,
    maxErrors: int | None = None,
    showOnlyDiff: bool = False,
    includeDiffRows: bool = False,
) -> bool | None:
    """Assert that two DataFrames have the same schema and rows.

    Args:
        actual: a DataFrame, or a list of Rows; or a pandas frame, which is compared with another.
        expected: likewise.
        checkRowOrder: whether rows are compared in their order; otherwise in that of their texts.
        rtol: how far floats and decimals may be apart, as a part of the expected one.
        atol: how far they may be apart besides.
        ignoreNullable: whether nullability, and metadata with it, may differ.
        ignoreColumnOrder: whether columns are compared by name instead of position.
        ignoreColumnName: whether names may differ.
        ignoreColumnType: whether values are compared as texts, whole numbers of all types being the same.
        maxErrors: after how many different rows to stop; all are compared without it.
        showOnlyDiff: whether the message leaves out rows that are the same.
        includeDiffRows: whether the error's `data` has the pairs of rows that differ.

    Raises:
        PySparkAssertionError: DIFFERENT_SCHEMA, DIFFERENT_ROWS, DIFFERENT_PANDAS_DATAFRAME,
            INVALID_TYPE_DF_EQUALITY_ARG; UNSUPPORTED_OPERATION for streams.
    """
    if actual is None and expected is None:
        return True
    for name, given in (("actual", actual), ("expected", expected)):
        if not (isinstance(given, DataFrame | list) or _is_pandas(given)):
            raise _wrong_type(name, given)
    if _is_pandas(actual) or _is_pandas(expected):
        for name, given in (("actual", actual), ("expected", expected)):
            if not _is_pandas(given):
                raise _wrong_type(name, given)
        _assert_pandas_equal(actual, expected, rtol, atol)
        return None
    if ignoreColumnOrder:
        actual, expected = (given.select(*sorted(given.columns)) for given in _frames(actual, expected))
    if ignoreColumnName:
        actual, expected = (_numbered(given) for given in _frames(actual, expected))
    if ignoreColumnType:
        actual, expected = (
            given.select(*map(_as_text, given.columns)) for given in _frames(actual, expected)
        )
    if isinstance(actual, DataFrame) and isinstance(expected, DataFrame):
        assertSchemaEqual(actual.schema, expected.schema, ignoreNullable)
    left, right = _rows(actual), _rows(expected)
    if not checkRowOrder:
        left, right = sorted(left, key=str), sorted(right, key=str)
    _assert_rows_equal(left, right, rtol, atol, checkRowOrder, maxErrors, showOnlyDiff, includeDiffRows)
    return None


def assertSchemaEqual(
    actual: StructType,
    expected: StructType,
    ignoreNullable: bool = True,
    ignoreColumnOrder: bool = False,
    ignoreColumnName: bool = False,
) -> None:
    """Assert that two schemas are equal; `assertDataFrameEqual` says what may be ignored.

    Raises:
        PySparkAssertionError: DIFFERENT_SCHEMA.
        PySparkTypeError: NOT_EXPECTED_TYPE.
    """
    for name, given in (("actual", actual), ("expected", expected)):
        if not isinstance(given, StructType):
            kind = type(given).__name__
            raise PySparkTypeError(
                "NOT_EXPECTED_TYPE",
                f"Argument `{name}` should be struct type, got {kind}.",
                parameters={"arg_name": name, "expected_type": "struct type", "arg_type": kind},
            )
    if ignoreColumnOrder:
        actual, expected = (StructType(sorted(s.fields, key=lambda f: f.name)) for s in (actual, expected))
    if ignoreColumnName:
        actual, expected = (
            StructType([StructField(str(i), f.dataType, f.nullable, f.metadata) for i, f in enumerate(s)])
            for s in (actual, expected)
        )
    # Only the JSON has the metadata.
    seen = [as_nullable(s) if ignoreNullable else s.json() for s in (actual, expected)]
    if seen[0] != seen[1]:
        lines = difflib.ndiff(str(actual).splitlines(), str(expected).splitlines())
        shown = "\n".join(("Schemas do not match.", "--- actual", "+++ expected", *lines))
        raise _different("DIFFERENT_SCHEMA", shown)


# ---- DataFrames -----------------------------------------------------------------------------------------------


def _frames(*given: Any) -> Sequence[DataFrame]:
    if not all(isinstance(some, DataFrame) for some in given):
        raise unsupported(
            "assertDataFrameEqual of lists without regard to columns", "Compare two DataFrames."
        )
    return given


def _numbered(df: DataFrame) -> DataFrame:
    return df.toDF(*map(str, range(len(df.columns))))


def _as_text(name: str) -> Column:
    from lightstream.sql.functions import col, when

    value = col(name)
    number, whole = value.cast("float"), value.cast("int")
    is_whole = number.isNotNull() & (number == whole)
    text: Column = when(is_whole, whole.cast("string")).otherwise(value.cast("string"))
    return text.alias(name)


def _rows(given: DataFrame | list[Any]) -> list[Any]:
    if not isinstance(given, DataFrame):
        return given
    if given.isStreaming:
        operation = "assertDataFrameEqual on streaming DataFrame"
        raise PySparkAssertionError(
            "UNSUPPORTED_OPERATION", f"{operation} is not supported.", parameters={"operation": operation}
        )
    return given.collect()


def _is_pandas(given: Any) -> bool:
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(given, pandas.DataFrame)


def _assert_pandas_equal(actual: Any, expected: Any, rtol: float, atol: float) -> None:
    import pandas

    try:
        pandas.testing.assert_frame_equal(actual, expected, rtol=rtol, atol=atol)
    except AssertionError:
        shown = {
            "left": actual.to_string(),
            "left_dtype": str(actual.dtypes),
            "right": expected.to_string(),
            "right_dtype": str(expected.dtypes),
        }
        raise PySparkAssertionError(
            "DIFFERENT_PANDAS_DATAFRAME",
            "DataFrames are not almost equal:\nLeft:\n{left}\n{left_dtype}\nRight:\n{right}\n{right_dtype}".format(
                **shown
            ),
            parameters=shown,
        ) from None


# ---- rows -----------------------------------------------------------------------------------------------------


def _assert_rows_equal(
    actual: list[Any],
    expected: list[Any],
    rtol: float,
    atol: float,
    ordered: bool,
    most: int | None,
    only_different: bool,
    include: bool,
) -> None:
    def same(left: Any, right: Any) -> bool:
        return _is_same(left, right, rtol, atol)

    pairs = _merged if not ordered and len(actual) != len(expected) else _side_by_side
    different: list[tuple[Any, Any]] = []
    shown: tuple[list[str], list[str]] = ([], [])
    for is_same, left, right in pairs(actual, expected, same):
        if not is_same:
            different.append((*left, None)[:1] + (*right, None)[:1])
        if not (is_same and only_different):
            for lines, row in zip(shown, (left, right), strict=True):
                lines += map(str, row)
        if not is_same and most is not None and len(different) >= most:
            break
    if not different:
        return
    sections = _sections(*shown)
    titled = ("*** actual ***", *sections[0], "", "", "*** expected ***", *sections[1]) if sections else ("",)
    share = 100 * len(different) / max(len(actual), len(expected))
    error = _different("DIFFERENT_ROWS", "\n".join((f"Results do not match: ( {share:.5f} % )", *titled)))
    error.data = different if include else None
    raise error


def _side_by_side(actual: list[Any], expected: list[Any], same: Same) -> Pairs:
    """Yield the rows of each place; one that is missing counts, and is shown, as None."""
    for left, right in itertools.zip_longest(actual, expected):
        yield same(left, right), (left,), (right,)


def _merged(actual: list[Any], expected: list[Any], same: Same) -> Pairs:
    """Yield the rows of two sorted lists, those that are the same together, all others alone."""
    a = b = 0
    while a < len(actual) or b < len(expected):
        left, right = actual[a : a + 1], expected[b : b + 1]
        is_same = bool(left and right) and same(left[0], right[0])
        if left and right and not is_same:
            if str(left[0]) < str(right[0]):
                right = []
            else:
                left = []
        yield is_same, left, right
        a, b = a + len(left), b + len(right)


def _is_same(left: Any, right: Any, rtol: float, atol: float) -> bool:
    """Return whether two values are the same; Rows may differ in names and, as in Spark, in length."""

    def each(pairs: Iterator[tuple[Any, Any]]) -> bool:
        return all(_is_same(a, b, rtol, atol) for a, b in pairs)

    if isinstance(left, Row) and isinstance(right, Row):
        return each(zip(left, right, strict=False))
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and each(zip(left, right, strict=True))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and each((left[key], right[key]) for key in left)
    if left == right or (left != left and right != right):  # the latter: both are NaN
        return True
    if isinstance(left, float) and isinstance(right, float):
        return abs(left - right) <= atol + rtol * abs(right)
    if isinstance(left, Decimal) and isinstance(right, Decimal):
        return abs(left - right) <= Decimal(atol) + Decimal(rtol) * abs(right)
    return False


def _sections(actual: list[str], expected: list[str]) -> list[list[str]]:
    """Return the lines of both with marks; none of a side without a mark, no sections where all texts are the same."""
    steps = difflib.SequenceMatcher(None, actual, expected).get_opcodes()
    if all(tag == "equal" for tag, *_ in steps):
        return []
    left: list[str] = []
    right: list[str] = []
    for tag, a, b, c, d in steps:
        for lines, rows, sign in ((left, actual[a:b], "-"), (right, expected[c:d], "+")):
            mark = {"equal": " ", "replace": "!"}.get(tag, sign)
            lines += [f"  {row}" if mark == " " else f"{_RED}{mark} {row}{_END}" for row in rows]
    return [lines if any(line.startswith(_RED) for line in lines) else [] for lines in (left, right)]


# ---- errors ---------------------------------------------------------------------------------------------------


def _different(condition: str, shown: str) -> PySparkAssertionError:
    return PySparkAssertionError(condition, shown, parameters={"error_msg": shown})


def _wrong_type(name: str, given: Any) -> PySparkAssertionError:
    expected = "Union[DataFrame, ps.DataFrame, List[Row]]"
    kind = None if given is None else type(given)
    return PySparkAssertionError(
        "INVALID_TYPE_DF_EQUALITY_ARG",
        f"Expected type {expected} for `{name}` but got type {kind}.",
        parameters={"expected_type": expected, "arg_name": name, "actual_type": kind},  # type: ignore[dict-item]
    )

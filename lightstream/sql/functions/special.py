"""The functions of `pyspark.sql.functions` that do more than pass their arguments on."""

from __future__ import annotations

import functools
import inspect
import itertools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from lightstream.errors import PySparkValueError, unsupported
from lightstream.plan.expressions import (
    Expression,
    LambdaFunction,
    LambdaVariable,
    UnresolvedFunction,
)
from lightstream.plan.types import DataType, StringType
from lightstream.sql.arguments import cannot_set_together, need_str, not_expected
from lightstream.sql.column import (
    Column,
    ResolvedStar,
    column_expression,
    name_expression,
    spread,
    to_expression,
)
from lightstream.sql.literals import literal

if TYPE_CHECKING:
    from lightstream.sql.dataframe import DataFrame


def _call(name: str, *args: Expression) -> Column:
    return Column(UnresolvedFunction(name, tuple(part for arg in args for part in spread(arg))))


# ---- columns and constants ------------------------------------------------------------------------------------


def col(col: str) -> Column:
    """Return the column of a name; dots lead into structs, backquotes keep a dot in the name."""
    return Column(name_expression(need_str("col", col)))


column = col


def lit(col: Any) -> Column:
    """Return a constant; a Column is returned as it is, a list becomes an array."""
    return col if isinstance(col, Column) else Column(literal(col))


def expr(str: str) -> Column:
    """Return the column that an SQL expression describes.

    Raises:
        ParseException: the text is not an expression.
    """
    from lightstream.parse import parse_expression
    from lightstream.sql.session import SparkSession

    session = SparkSession.getActiveSession()
    as_written = session is not None and session._state.conf.escaped_string_literals
    return Column(parse_expression(need_str("str", str), as_written))


def when(condition: Column, value: Any) -> Column:
    """Return `value` where the condition holds; goes on with `.when(...)` and `.otherwise(...)`."""
    if not isinstance(condition, Column):
        raise not_expected("condition", "Column", condition)
    return _call("when", condition._expression, to_expression(value))


def asc(col: Any) -> Column:
    """Sort upwards, NULLs first."""
    return Column(column_expression(col)).asc()


def asc_nulls_first(col: Any) -> Column:
    """Sort upwards, NULLs first."""
    return Column(column_expression(col)).asc_nulls_first()


def asc_nulls_last(col: Any) -> Column:
    """Sort upwards, NULLs last."""
    return Column(column_expression(col)).asc_nulls_last()


def desc(col: Any) -> Column:
    """Sort downwards, NULLs last."""
    return Column(column_expression(col)).desc()


def desc_nulls_first(col: Any) -> Column:
    """Sort downwards, NULLs first."""
    return Column(column_expression(col)).desc_nulls_first()


def desc_nulls_last(col: Any) -> Column:
    """Sort downwards, NULLs last."""
    return Column(column_expression(col)).desc_nulls_last()


def call_function(funcName: str, *cols: Any) -> Column:
    """Call a function by name."""
    return _call(need_str("funcName", funcName), *map(column_expression, cols))


def call_udf(udfName: str, *cols: Any) -> Column:
    """Call a registered function by name."""
    return call_function(udfName, *cols)


def broadcast(df: DataFrame) -> DataFrame:
    """Return the DataFrame: on one machine there is nothing to send."""
    from lightstream.sql.frame import Frame

    if not isinstance(df, Frame):
        raise not_expected("df", "DataFrame", df)
    return df


# ---- aggregates and window functions --------------------------------------------------------------------------


def count(col: Any) -> Column:
    """Count the rows with a value that is not NULL; `count("*")` counts all."""
    expression = column_expression(col)
    return _call("count", literal(1) if isinstance(expression, ResolvedStar) else expression)


def first(col: Any, ignorenulls: bool = False) -> Column:
    """Return the first value of a group, or the first that is not NULL."""
    return _ignoring_nulls("first", (column_expression(col),), ignorenulls)


def last(col: Any, ignorenulls: bool = False) -> Column:
    """Return the last value of a group, or the last that is not NULL."""
    return _ignoring_nulls("last", (column_expression(col),), ignorenulls)


def nth_value(col: Any, offset: int, ignoreNulls: bool | None = False) -> Column:
    """Return the value in the `offset`-th row of the frame, counted from 1."""
    return _ignoring_nulls("nth_value", (column_expression(col), literal(offset)), bool(ignoreNulls))


def _ignoring_nulls(name: str, args: tuple[Expression, ...], ignore: bool) -> Column:
    return Column(UnresolvedFunction(name, args, ignore_nulls=True if ignore else None))


def lag(col: Any, offset: int = 1, default: Any | None = None) -> Column:
    """Return the value `offset` rows before this one, `default` where there is none."""
    return _shifted("lag", col, offset, default)


def lead(col: Any, offset: int = 1, default: Any | None = None) -> Column:
    """Return the value `offset` rows after this one, `default` where there is none."""
    return _shifted("lead", col, offset, default)


def _shifted(name: str, col: Any, offset: int, default: Any) -> Column:
    args = [column_expression(col), literal(offset)]
    if default is not None:
        args.append(to_expression(default))
    return _call(name, *args)


def count_min_sketch(col: Any, eps: Any, confidence: Any, seed: Any | None = None) -> Column:
    """Return a count-min sketch of the values."""
    given = (eps, confidence) if seed is None else (eps, confidence, seed)
    return _call("count_min_sketch", column_expression(col), *map(to_expression, given))


# ---- time -----------------------------------------------------------------------------------------------------


def window(
    timeColumn: Any, windowDuration: str, slideDuration: str | None = None, startTime: str | None = None
) -> Column:
    """Group times into windows of a fixed length, sliding if `slideDuration` is given."""
    if not windowDuration or not isinstance(windowDuration, str):
        raise not_expected("windowDuration", "str", windowDuration)
    for name, value in (("slideDuration", slideDuration), ("startTime", startTime)):
        if value is not None:
            need_str(name, value)
    args = [windowDuration]
    if slideDuration or startTime:
        args.append(slideDuration or windowDuration)
    if startTime:
        args.append(startTime)
    return _call("window", column_expression(timeColumn), *map(literal, args))


def session_window(timeColumn: Any, gapDuration: Column | str) -> Column:
    """Group times into sessions that end after a gap."""
    if gapDuration is None or not isinstance(gapDuration, Column | str):
        raise not_expected("gapDuration", "Column or str", gapDuration)
    return _call("session_window", column_expression(timeColumn), to_expression(gapDuration))


def unix_timestamp(timestamp: Any | None = None, format: str = "yyyy-MM-dd HH:mm:ss") -> Column:
    """Return seconds since the epoch, of now without an argument."""
    if timestamp is None:
        return _call("unix_timestamp")
    return _call("unix_timestamp", column_expression(timestamp), literal(format))


def convert_timezone(sourceTz: Column | None, targetTz: Column, sourceTs: Any) -> Column:
    """Move a local time from one time zone to another."""
    zones = (targetTz,) if sourceTz is None else (sourceTz, targetTz)
    return _call("convert_timezone", *map(column_expression, zones), column_expression(sourceTs))


def _make_timestamp(
    name: str, parts: tuple[Any, ...], timezone: Any | None, date: Any | None, time: Any | None
) -> Column:
    if any(p is not None for p in parts) and (date is not None or time is not None):
        raise cannot_set_together("years|months|days|hours|mins|secs and date|time")
    chosen = (date, time) if date is not None or time is not None else parts
    given = chosen if timezone is None else (*chosen, timezone)
    return _call(name, *map(column_expression, given))


def make_timestamp(
    years: Any | None = None,
    months: Any | None = None,
    days: Any | None = None,
    hours: Any | None = None,
    mins: Any | None = None,
    secs: Any | None = None,
    timezone: Any | None = None,
    date: Any | None = None,
    time: Any | None = None,
) -> Column:
    """Return a timestamp from its fields, or from a date and a time."""
    parts = (years, months, days, hours, mins, secs)
    return _make_timestamp("make_timestamp", parts, timezone, date, time)


def try_make_timestamp(
    years: Any | None = None,
    months: Any | None = None,
    days: Any | None = None,
    hours: Any | None = None,
    mins: Any | None = None,
    secs: Any | None = None,
    timezone: Any | None = None,
    date: Any | None = None,
    time: Any | None = None,
) -> Column:
    """Return a timestamp from its fields, or from a date and a time; NULL where there is no such time."""
    parts = (years, months, days, hours, mins, secs)
    return _make_timestamp("try_make_timestamp", parts, timezone, date, time)


def make_timestamp_ntz(
    years: Any | None = None,
    months: Any | None = None,
    days: Any | None = None,
    hours: Any | None = None,
    mins: Any | None = None,
    secs: Any | None = None,
    date: Any | None = None,
    time: Any | None = None,
) -> Column:
    """Return a local timestamp from its fields, or from a date and a time."""
    return _make_timestamp("make_timestamp_ntz", (years, months, days, hours, mins, secs), None, date, time)


def try_make_timestamp_ntz(
    years: Any | None = None,
    months: Any | None = None,
    days: Any | None = None,
    hours: Any | None = None,
    mins: Any | None = None,
    secs: Any | None = None,
    date: Any | None = None,
    time: Any | None = None,
) -> Column:
    """Return a local timestamp from its fields, or from a date and a time; NULL where there is no such time."""
    parts = (years, months, days, hours, mins, secs)
    return _make_timestamp("try_make_timestamp_ntz", parts, None, date, time)


# ---- text and numbers -----------------------------------------------------------------------------------------


def trim(col: Any, trim: Any | None = None) -> Column:
    """Remove spaces, or the characters of `trim`, at both ends."""
    return _trimmed("trim", col, trim)


def ltrim(col: Any, trim: Any | None = None) -> Column:
    """Remove spaces, or the characters of `trim`, at the start."""
    return _trimmed("ltrim", col, trim)


def rtrim(col: Any, trim: Any | None = None) -> Column:
    """Remove spaces, or the characters of `trim`, at the end."""
    return _trimmed("rtrim", col, trim)


def _trimmed(name: str, col: Any, trim: Any) -> Column:
    # Spark's function takes the characters first.
    if trim is None:
        return _call(name, column_expression(col))
    return _call(name, column_expression(trim), column_expression(col))


def levenshtein(left: Any, right: Any, threshold: int | None = None) -> Column:
    """Return the edit distance, -1 when it is above the threshold."""
    args = [column_expression(left), column_expression(right)]
    if threshold is not None:
        args.append(literal(threshold))
    return _call("levenshtein", *args)


def log(arg1: Any, arg2: Any | None = None) -> Column:
    """Return the natural logarithm of `arg1`, or the logarithm of `arg2` to the base `arg1`."""
    if arg2 is None:
        return _call("ln", column_expression(arg1))
    return _call("log", literal(float(arg1)), column_expression(arg2))


def sha2(col: Any, numBits: int) -> Column:
    """Return the SHA-2 hash of 224, 256, 384 or 512 bits (0 is 256) in hexadecimal."""
    if numBits not in (0, 224, 256, 384, 512):
        raise PySparkValueError(
            "VALUE_NOT_ALLOWED",
            "Value for `numBits` has to be amongst the following values: [0, 224, 256, 384, 512].",
            parameters={"arg_name": "numBits", "allowed_values": "[0, 224, 256, 384, 512]"},
        )
    return _call("sha2", column_expression(col), literal(numBits))


def rand(seed: int | None = None) -> Column:
    """Return random doubles between 0 and 1."""
    return _call("rand", *(() if seed is None else (literal(seed),)))


random = rand


def randn(seed: int | None = None) -> Column:
    """Return random doubles of the standard normal distribution."""
    return _call("randn", *(() if seed is None else (literal(seed),)))


def randstr(length: Column | int, seed: Column | int | None = None) -> Column:
    """Return random text."""
    return _call("randstr", *map(to_expression, (length,) if seed is None else (length, seed)))


def uniform(min: Any, max: Any, seed: Column | int | None = None) -> Column:
    """Return random numbers between two bounds."""
    return _call("uniform", *map(to_expression, (min, max) if seed is None else (min, max, seed)))


def uuid(seed: Column | int | None = None) -> Column:
    """Return random UUIDs as text."""
    return _call("uuid", *(() if seed is None else (to_expression(seed),)))


def shuffle(col: Any, seed: Column | int | None = None) -> Column:
    """Return an array in random order."""
    return _call("shuffle", column_expression(col), *(() if seed is None else (to_expression(seed),)))


# ---- JSON, CSV, XML -------------------------------------------------------------------------------------------


def _options(options: Mapping[str, str] | None) -> tuple[Expression, ...]:
    if not options:
        return ()
    entries = [literal(str(part)) for pair in options.items() for part in pair]
    return (UnresolvedFunction("map", tuple(entries)),)


def _parsed(name: str, col: Any, schema: Any, options: Mapping[str, str] | None) -> Column:
    if isinstance(schema, DataType):
        schema = schema.json()
    elif not isinstance(schema, Column | str):
        raise not_expected("schema", "Column, StructType or str", schema)
    return _call(name, column_expression(col), to_expression(schema), *_options(options))


def from_json(col: Any, schema: Any, options: Mapping[str, str] | None = None) -> Column:
    """Parse JSON text into a struct, array or map."""
    return _parsed("from_json", col, schema, options)


def from_csv(col: Any, schema: Any, options: Mapping[str, str] | None = None) -> Column:
    """Parse a line of CSV into a struct."""
    if isinstance(schema, DataType):
        raise not_expected("schema", "Column or str", schema)
    return _parsed("from_csv", col, schema, options)


def from_xml(col: Any, schema: Any, options: Mapping[str, str] | None = None) -> Column:
    """Parse XML text into a struct."""
    return _parsed("from_xml", col, schema, options)


def to_json(col: Any, options: Mapping[str, str] | None = None) -> Column:
    """Return a struct, array or map as JSON text."""
    return _call("to_json", column_expression(col), *_options(options))


def to_csv(col: Any, options: Mapping[str, str] | None = None) -> Column:
    """Return a struct as a line of CSV."""
    return _call("to_csv", column_expression(col), *_options(options))


def to_xml(col: Any, options: Mapping[str, str] | None = None) -> Column:
    """Return a struct as XML text."""
    return _call("to_xml", column_expression(col), *_options(options))


def schema_of_json(json: Column | str, options: Mapping[str, str] | None = None) -> Column:
    """Return the schema of a JSON text as DDL."""
    return _call("schema_of_json", to_expression(json), *_options(options))


def schema_of_csv(csv: Column | str, options: Mapping[str, str] | None = None) -> Column:
    """Return the schema of a line of CSV as DDL."""
    return _call("schema_of_csv", to_expression(csv), *_options(options))


def schema_of_xml(xml: Column | str, options: Mapping[str, str] | None = None) -> Column:
    """Return the schema of an XML text as DDL."""
    return _call("schema_of_xml", to_expression(xml), *_options(options))


# ---- functions that take functions ----------------------------------------------------------------------------

_lambda_names = itertools.count()


def _lambda(function: Callable[..., Column], allowed: tuple[int, ...]) -> LambdaFunction:
    name = getattr(function, "__name__", "function")
    parameters = inspect.signature(function).parameters.values()
    if any(p.kind not in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters):
        raise PySparkValueError(
            "UNSUPPORTED_PARAM_TYPE_FOR_HIGHER_ORDER_FUNCTION",
            f"Function `{name}` should use only POSITIONAL or POSITIONAL OR KEYWORD arguments.",
            parameters={"func_name": name},
        )
    if len(parameters) not in allowed:
        raise PySparkValueError(
            "WRONG_NUM_ARGS_FOR_HIGHER_ORDER_FUNCTION",
            f"Function `{name}` should take {' or '.join(map(str, allowed))} arguments, but takes "
            f"{len(parameters)}.",
            parameters={"func_name": name, "num_args": str(len(parameters))},
        )
    variables = tuple(
        LambdaVariable(f"{letter}_{next(_lambda_names)}")
        for letter, _ in zip("xyz", parameters, strict=False)
    )
    result = function(*map(Column, variables))
    if not isinstance(result, Column):
        raise PySparkValueError(
            "HIGHER_ORDER_FUNCTION_SHOULD_RETURN_COLUMN",
            f"Function `{name}` should return Column, got {type(result).__name__}.",
            parameters={"func_name": name, "return_type": type(result).__name__},
        )
    return LambdaFunction(result._expression, variables)


def transform(col: Any, f: Callable[..., Column]) -> Column:
    """Return the array with a function applied to each element (and its position)."""
    return _call("transform", column_expression(col), _lambda(f, (1, 2)))


def filter(col: Any, f: Callable[..., Column]) -> Column:
    """Return the elements of an array for which a condition holds."""
    return _call("filter", column_expression(col), _lambda(f, (1, 2)))


def exists(col: Any, f: Callable[[Column], Column]) -> Column:
    """Return whether a condition holds for some element."""
    return _call("exists", column_expression(col), _lambda(f, (1,)))


def forall(col: Any, f: Callable[[Column], Column]) -> Column:
    """Return whether a condition holds for every element."""
    return _call("forall", column_expression(col), _lambda(f, (1,)))


def _folded(
    name: str,
    col: Any,
    initial: Any,
    merge: Callable[[Column, Column], Column],
    finish: Callable[[Column], Column] | None,
) -> Column:
    functions = [_lambda(merge, (2,))]
    if finish is not None:
        functions.append(_lambda(finish, (1,)))
    return _call(name, column_expression(col), column_expression(initial), *functions)


def aggregate(
    col: Any,
    initialValue: Any,
    merge: Callable[[Column, Column], Column],
    finish: Callable[[Column], Column] | None = None,
) -> Column:
    """Fold an array's elements into one value."""
    return _folded("aggregate", col, initialValue, merge, finish)


def reduce(
    col: Any,
    initialValue: Any,
    merge: Callable[[Column, Column], Column],
    finish: Callable[[Column], Column] | None = None,
) -> Column:
    """Fold an array's elements into one value."""
    return _folded("reduce", col, initialValue, merge, finish)


def array_sort(col: Any, comparator: Callable[[Column, Column], Column] | None = None) -> Column:
    """Sort an array, NULLs last, or by a comparison that gives -1, 0 or 1."""
    if comparator is None:
        return _call("array_sort", column_expression(col))
    return _call("array_sort", column_expression(col), _lambda(comparator, (2,)))


def zip_with(left: Any, right: Any, f: Callable[[Column, Column], Column]) -> Column:
    """Combine two arrays element by element."""
    return _call("zip_with", column_expression(left), column_expression(right), _lambda(f, (2,)))


def transform_keys(col: Any, f: Callable[[Column, Column], Column]) -> Column:
    """Return a map with a function applied to each key."""
    return _call("transform_keys", column_expression(col), _lambda(f, (2,)))


def transform_values(col: Any, f: Callable[[Column, Column], Column]) -> Column:
    """Return a map with a function applied to each value."""
    return _call("transform_values", column_expression(col), _lambda(f, (2,)))


def map_filter(col: Any, f: Callable[[Column, Column], Column]) -> Column:
    """Return the entries of a map for which a condition holds."""
    return _call("map_filter", column_expression(col), _lambda(f, (2,)))


def map_zip_with(col1: Any, col2: Any, f: Callable[[Column, Column, Column], Column]) -> Column:
    """Combine two maps key by key."""
    return _call("map_zip_with", column_expression(col1), column_expression(col2), _lambda(f, (3,)))


# ---- not supported --------------------------------------------------------------------------------------------


def bucket(numBuckets: Column | int, col: Any) -> Column:
    """Refused: a transform for partitioned tables."""
    raise unsupported("The partition transform bucket")


def unwrap_udt(col: Any) -> Column:
    """Refused: user-defined types."""
    raise unsupported("unwrap_udt")


def udf(f: Any = None, returnType: Any = StringType(), *, useArrow: bool | None = None) -> Any:  # noqa: B008
    """Make a function for columns of a Python function of values; also a decorator."""
    from lightstream.sql.udf import decorated, row_function

    return decorated(f, returnType, lambda func, kind: row_function(func, kind, useArrow))


def pandas_udf(f: Any = None, returnType: Any = None, functionType: Any = None) -> Any:
    """Make a function for columns of a Python function of pandas series; also a decorator."""
    from lightstream.sql.udf import PandasUDFType

    return _vectorized(f, returnType, functionType, PandasUDFType, "pandas")


def arrow_udf(f: Any = None, returnType: Any = None, functionType: Any = None) -> Any:
    """Make a function for columns of a Python function of Arrow arrays; also a decorator."""
    from lightstream.sql.udf import ArrowUDFType

    return _vectorized(f, returnType, functionType, ArrowUDFType, "pyarrow")


def polars_udf(f: Any = None, returnType: Any = None, functionType: Any = None) -> Any:
    """Make a function for columns of a Python function of `polars.Series`; also a decorator.

    An extension: Spark has no such function. Annotations tell an aggregate (it returns a value, no series).
    """
    from lightstream.sql.udf import PolarsUDFType

    return _vectorized(f, returnType, functionType, PolarsUDFType, "polars")


def _vectorized(f: Any, returnType: Any, functionType: Any, kinds: Any, module: str) -> Any:
    from lightstream.sql.udf import decorated, vectorized_function

    if isinstance(f, str | DataType) and functionType is None and isinstance(returnType, int):
        functionType = returnType  # both given in their places, as a decorator's
    return decorated(
        f, returnType, lambda func, kind: vectorized_function(func, kind, functionType, kinds, module)
    )


def udtf(cls: Any = None, *, returnType: Any = None, useArrow: bool | None = None) -> Any:
    """Make a table function of a Python class; also a decorator.

    Its `eval` is called with each row and gives rows; `terminate`, if there is one, gives rows after the last one.

    Args:
        returnType: the columns of the rows, a StructType or DDL text; without it the class has a static `analyze`.

    Raises:
        PySparkAttributeError: INVALID_UDTF_NO_EVAL, INVALID_UDTF_RETURN_TYPE...
    """
    from lightstream.sql.udtf import table_function

    if cls is None:
        return functools.partial(table_function, returnType=returnType, useArrow=useArrow)
    return table_function(cls, returnType, useArrow)


def arrow_udtf(cls: Any = None, *, returnType: Any = None) -> Any:
    """Make a table function of a Python class that takes and gives Arrow record batches; also a decorator."""
    from lightstream.sql.udtf import arrow_table_function

    if cls is None:
        return functools.partial(arrow_table_function, returnType=returnType)
    return arrow_table_function(cls, returnType)


__all__ = [
    "aggregate", "array_sort", "arrow_udf", "arrow_udtf", "asc", "asc_nulls_first", "asc_nulls_last", "broadcast",
    "bucket", "call_function", "call_udf", "col", "column", "convert_timezone", "count", "count_min_sketch", "desc",
    "desc_nulls_first", "desc_nulls_last", "exists", "expr", "filter", "first", "forall", "from_csv", "from_json",
    "from_xml", "lag", "last", "lead", "levenshtein", "lit", "log", "ltrim", "make_timestamp", "make_timestamp_ntz",
    "map_filter", "map_zip_with", "nth_value", "pandas_udf", "rand", "randn", "randstr", "reduce", "rtrim",
    "schema_of_csv", "schema_of_json", "schema_of_xml", "session_window", "sha2", "shuffle", "to_csv", "to_json",
    "to_xml", "transform", "transform_keys", "transform_values", "trim", "try_make_timestamp",
    "try_make_timestamp_ntz", "udf", "udtf", "uniform", "unix_timestamp", "unwrap_udt", "when", "window", "zip_with",
]  # fmt: skip

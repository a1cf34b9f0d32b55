"""What a Python function in a query is given and what becomes of its results, by Spark's rules for Arrow.

A function here takes the types and the Arrow columns of its arguments and the number of rows, and returns an Arrow
array of the type in which DuckDB carries the results.
"""

from __future__ import annotations

import array
import datetime
import decimal
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from lightstream.dataclass import dataclass
from lightstream.errors import PySparkRuntimeError, PySparkTypeError, PySparkValueError, unsupported
from lightstream.plan import types as t

if TYPE_CHECKING:
    import pyarrow

Kinds = Sequence[t.DataType]
Columns = Sequence["pyarrow.ChunkedArray"]
Convert = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class RowFunction:
    """Calls the user's function with each row; the last arguments go by the given names."""

    func: Callable[..., Any]
    type: t.DataType
    keywords: tuple[str, ...] = ()

    def __call__(self, kinds: Kinds, columns: Columns, count: int) -> Any:
        """Return the results."""
        values = [python_values(column, kind) for column, kind in zip(columns, kinds, strict=True)]
        func, plain = self.func, len(values) - len(self.keywords)
        if not values:
            results = [func() for _ in range(count)]
        elif self.keywords:
            results = [
                func(*row[:plain], **dict(zip(self.keywords, row[plain:], strict=True)))
                for row in zip(*values, strict=True)
            ]
        else:
            results = [func(*row) for row in zip(*values, strict=True)]
        return carried(results_array(results, self.type), self.type)


@dataclass(frozen=True, slots=True)
class VectorFunction:
    """Calls the user's function with whole columns.

    `form` is what these are: arrow (arrays), pandas or polars (series); `kind` is scalar, iterator, aggregate or
    aggregate iterator. The last arguments go by the given names.
    """

    func: Callable[..., Any]
    type: t.DataType
    form: str
    kind: str = "scalar"
    keywords: tuple[str, ...] = ()

    def __call__(self, kinds: Kinds, columns: Columns, count: int) -> Any:
        """Return the results."""
        if self.kind.startswith("aggregate"):
            return carried(self._of_groups(kinds, columns, count), self.type)
        found = self._of_rows(kinds, columns)
        if len(found) > count and self.kind == "iterator":
            raise PySparkRuntimeError(
                "OUTPUT_EXCEEDS_INPUT_ROWS",
                "The number of output rows must not exceed the number of input rows.",
            )
        if len(found) != count:
            raise PySparkRuntimeError(
                "RESULT_ROWS_MISMATCH",
                f"The number of output rows ({len(found)}) must match the number of input rows ({count}).",
                parameters={"output_length": str(len(found)), "input_length": str(count)},
            )
        return carried(found, self.type)

    def _of_rows(self, kinds: Kinds, columns: Columns) -> Any:
        import pyarrow as pa

        arguments_of, array_of, _ = _FORMS[self.form]
        given = arguments_of(kinds, columns)
        if self.kind == "scalar":
            return array_of(self._column(self._call(given)), self.type)
        batches = _one_batch(given)
        parts = [array_of(self._column(part), self.type) for part in self.func(batches)]
        if next(batches, None) is not None:
            raise PySparkRuntimeError(
                "INPUT_NOT_FULLY_CONSUMED", "The input iterator must be fully consumed."
            )
        return _plain(pa.chunked_array(parts)) if parts else pa.array([])

    def _of_groups(self, kinds: Kinds, columns: Columns, count: int) -> Any:
        import pyarrow as pa

        arguments_of, _, array_of = _FORMS[self.form]
        inner = [k.elementType for k in kinds if isinstance(k, t.ArrayType)]
        lists = [column.combine_chunks() for column in columns]
        results = []
        for row in range(count):
            given = arguments_of(inner, [pa.chunked_array([_elements(one, row)]) for one in lists])
            results.append(self._call(given) if self.kind == "aggregate" else self.func(_one_batch(given)))
        return array_of(results, self.type)

    def _column(self, found: Any) -> Any:
        """Return what the function returned for rows, refused where it is no column of pandas'."""
        if self.form != "pandas" or hasattr(found, "columns"):
            return found
        if not hasattr(found, "iloc"):
            raise PySparkTypeError(
                "UDF_RETURN_TYPE",
                "Return type of the user-defined function should be pandas.Series, but is "
                f"{type(found).__name__}.",
                parameters={"expected": "pandas.Series", "actual": type(found).__name__},
            )
        if isinstance(self.type, t.StructType):
            raise PySparkValueError(
                message="Invalid return type. Please make sure that the UDF returns a pandas.DataFrame when the "
                "specified return type is StructType."
            )
        return found

    def _call(self, values: Sequence[Any]) -> Any:
        plain = len(values) - len(self.keywords)
        return self.func(*values[:plain], **dict(zip(self.keywords, values[plain:], strict=True)))


def _one_batch(given: list[Any]) -> Iterator[Any]:
    return iter([given[0] if len(given) == 1 else tuple(given)])


def _elements(lists: Any, row: int) -> Any:
    found = lists[row].values
    return lists.values.slice(0, 0) if found is None else found


# ---- values for the function ----------------------------------------------------------------------------------


def python_values(column: Any, kind: t.DataType) -> list[Any]:
    """Return an Arrow column's values as a row-by-row function sees them: Rows, dicts, naive datetimes."""
    from lightstream.sql.rows import converter

    convert = converter(kind)
    values: list[Any] = column.to_pylist(maps_as_pydicts="strict")
    if convert is None:
        return values
    return [None if value is None else convert(value) for value in values]


def _arrow_arguments(kinds: Kinds, columns: Columns) -> list[Any]:
    from lightstream.sql.rows import to_arrow

    table = to_arrow(_table(columns), _schema(kinds), session_zone())
    return [column.combine_chunks() for column in table.columns]


def _series(kinds: Kinds, columns: Columns) -> list[Any]:
    from lightstream.sql.pandas_frames import to_pandas
    from lightstream.sql.rows import to_arrow

    schema = _schema(kinds)
    table = to_arrow(_table(columns), schema)
    frame = to_pandas(table, schema, session_zone())
    found = []
    for position, kind in enumerate(kinds):
        if isinstance(kind, t.StructType):
            struct = table.column(position).combine_chunks()
            found.append(to_pandas(_struct_table(struct), kind, session_zone(), "frame"))
        else:
            found.append(frame.iloc[:, position])
    return found


def _polars_series(kinds: Kinds, columns: Columns) -> list[Any]:
    import polars

    return [polars.Series("", column) for column in _arrow_arguments(kinds, columns)]


def _struct_table(struct: Any) -> Any:
    import pyarrow as pa

    return pa.Table.from_arrays(struct.flatten(), schema=pa.schema(list(struct.type)))


def _table(columns: Columns) -> Any:
    import pyarrow as pa

    return pa.Table.from_arrays(list(columns), names=[f"_{i}" for i in range(len(columns))])


def _schema(kinds: Kinds) -> t.StructType:
    return t.StructType([t.StructField(f"_{i}", kind) for i, kind in enumerate(kinds)])


def session_zone() -> str:
    """Return the active session's time zone."""
    from lightstream.sql.session import SparkSession

    return SparkSession.active()._state.conf.time_zone


# ---- what the function returned -------------------------------------------------------------------------------


def results_array(results: list[Any], kind: t.DataType) -> Any:
    """Return Python values as an Arrow array; what the type does not take at once is cast, as Spark does it."""
    import pyarrow as pa

    from lightstream.sql.rows import arrow_type

    convert = result_converter(kind)
    values = results if convert is None else list(map(convert, results))
    wanted = arrow_type(kind)
    try:
        return pa.array(values, type=wanted)
    except pa.ArrowInvalid:
        return pa.array(values).cast(wanted, safe=True)


def carried(found: Any, kind: t.DataType) -> Any:
    """Return an array in the type that DuckDB is given."""
    from lightstream.sql.rows import arrow_type, as_type

    return as_type(found, arrow_type(kind, carried=True))


def _arrow_result(found: Any, kind: t.DataType) -> Any:
    import pyarrow as pa

    from lightstream.sql.rows import arrow_type

    if isinstance(found, pa.ChunkedArray):
        found = found.combine_chunks()
    wanted = arrow_type(kind)
    return found if found.type == wanted else found.cast(wanted)


def _series_result(found: Any, kind: t.DataType) -> Any:
    import pyarrow as pa

    from lightstream.sql.local_data import _carried
    from lightstream.sql.rows import arrow_type

    if isinstance(kind, t.StructType) and hasattr(found, "columns"):
        by_name = all(isinstance(name, str) for name in found.columns)
        parts = [
            _series_result(found[field.name] if by_name else found.iloc[:, i], field.dataType)
            for i, field in enumerate(kind)
        ]
        return pa.StructArray.from_arrays(parts, fields=list(arrow_type(kind)))
    if isinstance(kind, t.TimestampType | t.TimestampNTZType):
        values = _plain(pa.Array.from_pandas(found))
        if pa.types.is_date(values.type):
            raise PySparkTypeError(message=f"Dates do not become {kind.simpleString()}: return timestamps.")
        return _carried(values, kind, session_zone())
    wanted = arrow_type(kind)
    try:
        return _plain(pa.Array.from_pandas(found, type=wanted, safe=True))
    except pa.ArrowInvalid:
        return _plain(pa.Array.from_pandas(found)).cast(wanted, safe=True)


def _polars_result(found: Any, kind: t.DataType) -> Any:
    if not hasattr(found, "to_arrow"):
        raise PySparkRuntimeError(
            "LIGHTSTREAM_INVALID_RESULT",
            f"A function of Polars series has to return a series, got {type(found).__name__}.",
        )
    return _arrow_result(found.to_arrow(), kind)


def _polars_values(values: list[Any], kind: t.DataType) -> Any:
    return results_array([v.to_list() if hasattr(v, "to_list") else v for v in values], kind)


def _arrow_values(values: list[Any], kind: t.DataType) -> Any:
    import pyarrow as pa

    from lightstream.sql.rows import arrow_type

    return pa.array(values, type=arrow_type(kind))


def _series_values(values: list[Any], kind: t.DataType) -> Any:
    import pandas
    import pyarrow as pa

    from lightstream.sql.rows import arrow_type

    found = [_series_result(pandas.Series([value]), kind) for value in values]  # each by itself, as in Spark
    return pa.concat_arrays(found) if found else pa.array([], type=arrow_type(kind))


def _plain(found: Any) -> Any:
    import pyarrow as pa

    return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found


# What a function is given, and what becomes of a result for each row and of the results of groups.
_FORMS: dict[str, tuple[Callable[[Kinds, Columns], list[Any]], Callable[..., Any], Callable[..., Any]]] = {
    "arrow": (_arrow_arguments, _arrow_result, _arrow_values),
    "pandas": (_series, _series_result, _series_values),
    "polars": (_polars_series, _polars_result, _polars_values),
}


def result_converter(kind: t.DataType) -> Convert | None:
    """Return the function that brings a result to what Arrow takes for a type; None where nothing is to be done."""
    match kind:
        case t.StructType():
            return _struct_converter(kind)
        case t.ArrayType():
            element = result_converter(kind.elementType)
            if element is None:  # Spark: any sequence that Arrow takes, tuples too
                return None
            return _known(lambda value: [element(v) for v in value], (list, array.array))
        case t.MapType():
            key, item = _or_same(result_converter(kind.keyType)), _or_same(result_converter(kind.valueType))
            return _known(lambda value: [(key(k), item(v)) for k, v in value.items()], (dict,))
        case t.BinaryType():
            return _known(bytes, (bytes, bytearray))
        case t.TimestampType():
            return _known(lambda value: value.astimezone(datetime.UTC), (datetime.datetime,))
        case t.TimestampNTZType():
            return _known(_naive, (datetime.datetime,))
        case t.DecimalType():
            return _decimal_converter(kind)
        case t.StringType() | t.CharType() | t.VarcharType():
            return _text
        case t.NullType():
            return _nothing
        case t.VariantType():
            raise unsupported("A variant as a result of a Python function")
    return None


def _or_same(convert: Convert | None) -> Convert:
    return convert or (lambda value: value)


def _known(convert: Convert, kinds: tuple[type, ...]) -> Convert:
    def checked(value: Any) -> Any:
        if value is None:
            return None
        assert isinstance(value, kinds), f"{type(value)} {value}"
        return convert(value)

    return checked


def _naive(value: datetime.datetime) -> datetime.datetime:
    assert value.tzinfo is None
    return value


def _nothing(value: Any) -> None:
    if value is not None:
        raise PySparkValueError(message=f"input for NullType() must be None, but got {value}")


def _text(value: Any) -> Any:
    if value is None or type(value) is str:
        return value
    if isinstance(value, bool):  # as the JVM writes it
        return "true" if value else "false"
    return str(value)


def _decimal_converter(kind: t.DecimalType) -> Convert:
    unit = decimal.Decimal(f"1E-{kind.scale}")
    context = decimal.Context(prec=kind.precision, rounding=decimal.ROUND_HALF_EVEN)

    def convert(value: decimal.Decimal) -> decimal.Decimal | None:
        return None if value.is_nan() else value.quantize(unit, context=context)

    return _known(convert, (decimal.Decimal,))


def _struct_converter(kind: t.StructType) -> Convert:
    names = kind.names
    parts = [_or_same(result_converter(field.dataType)) for field in kind]

    def convert(value: Any) -> Any:
        if value is None:
            return None
        if isinstance(value, tuple):
            if len(value) != len(names):
                raise PySparkValueError(
                    "AXIS_LENGTH_MISMATCH",
                    f"Length mismatch: Expected axis has {len(names)} elements, new values have {len(value)} elements.",
                    parameters={"expected_length": str(len(names)), "actual_length": str(len(value))},
                )
            values: Iterator[Any] = iter(value)
        else:
            if not isinstance(value, dict):
                assert hasattr(value, "__dict__"), f"{type(value)} {value}"
                value = value.__dict__
            values = (value.get(name) for name in names)
        return {name: part(v) for name, part, v in zip(names, parts, values, strict=True)}

    return convert

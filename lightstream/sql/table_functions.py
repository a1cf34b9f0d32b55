"""Running a Python table function: its arguments from an Arrow table, its rows into one."""

from __future__ import annotations

import copy
import inspect
import itertools
from collections.abc import Iterable, Iterator
from typing import Any

from lightstream.errors import PySparkException, PySparkRuntimeError, PythonException
from lightstream.execute.python_functions import python_exception
from lightstream.plan import types as t
from lightstream.plan.table_functions import TableFunctionArgument, TableFunctionInput, TableFunctionShape
from lightstream.sql.python_frames import BATCH_ROWS, collected, columns_of_frame
from lightstream.sql.python_functions import carried, python_values, result_converter, session_zone
from lightstream.sql.row import Row, row_of
from lightstream.sql.rows import arrow_type, to_arrow
from lightstream.sql.udtf import SkipRestOfInputTableException

Call = tuple[tuple[Any, ...], dict[str, Any]]
Made = list[tuple[int, tuple[Any, ...]]]  # the place of the row that a row was made for, and its values


class Program:
    """Calls a table function with the rows of a table, one instance of its class for each partition."""

    def __init__(
        self, handler: type, name: str, shape: TableFunctionShape, given: TableFunctionInput
    ) -> None:
        self._handler: Any = handler
        self._name = name
        self._shape = shape
        self._given = given
        self._fields = shape.schema.fields

    def __call__(self, tables: list[Any]) -> Any:
        """Return the rows for those of the one table.

        Raises:
            PythonException: the function failed, or gave what is no row of its type.
        """
        try:
            return self._table(tables[0])
        except PythonException:
            raise
        except Exception as error:
            raise python_exception(error) from None

    def _table(self, table: Any) -> Any:
        import pyarrow as pa

        table = table.rename_columns([f"c{i}" for i in range(table.num_columns)])
        # Without rows nothing is called. Spark may call `terminate`, and fails when that makes rows.
        made = self._made(self._calls(table), self._keys(table)) if table.num_rows else []
        columns = list(zip(*(row for _, row in made), strict=True)) if made else [()] * len(self._fields)
        arrays = [self._array(values, f.dataType) for values, f in zip(columns, self._fields, strict=True)]
        places = pa.array([place for place, _ in made], pa.int64())
        arrays = [*(table.column(i).take(places) for i in range(self._given.kept)), *arrays]
        return pa.Table.from_arrays(arrays, names=[f"c{i}" for i in range(len(arrays))])

    # ---- what the function is given ---------------------------------------------------------------------------

    def _calls(self, table: Any) -> Iterator[Call]:
        """Yield the arguments for each row."""
        columns: list[Iterable[Any]] = []
        names: list[str | None] = []
        at = self._given.kept
        for argument in self._given.arguments:
            names.append(argument.name)
            if isinstance(argument.type, t.StructType) and argument.is_table:
                width = len(argument.type)
                parts = [
                    python_values(table.column(at + i), field.dataType)
                    for i, field in enumerate(argument.type)
                ]
                columns.append(_rows(argument.type.names, parts, table.num_rows))
                at += width
            else:
                columns.append(python_values(table.column(at), argument.type))
                at += 1
        plain = sum(name is None for name in names)
        keywords = [name for name in names if name is not None]
        for values in zip(*columns, strict=True) if columns else itertools.repeat((), table.num_rows):
            yield values[:plain], dict(zip(keywords, values[plain:], strict=True))

    def _keys(self, table: Any) -> list[tuple[Any, ...]] | None:
        """Return for each row what tells its partition from the one before; None for one partition."""
        keys = self._given.keys
        if not keys.fields:
            return None
        first = table.num_columns - len(keys)
        values = [python_values(table.column(first + i), field.dataType) for i, field in enumerate(keys)]
        return list(zip(*values, strict=True))

    def _make(self) -> Any:
        arguments = inspect.getfullargspec(self._handler).args
        result = self._shape.result
        if len(arguments) > (1 if result is None else 2):
            condition = "UDTF_CONSTRUCTOR_INVALID_" + (
                "NO_ANALYZE_METHOD" if result is None else "IMPLEMENTS_ANALYZE_METHOD"
            )
            raise PySparkRuntimeError(
                condition,
                f"The constructor of the table function '{self._name}' takes too many arguments: only 'self', and what "
                "'analyze' returned if there is one.",
                parameters={"name": self._name},
            )
        try:
            return self._handler(copy.copy(result)) if len(arguments) == 2 else self._handler()
        except Exception as error:
            raise _failed("__init__", error) from error

    # ---- what it makes ----------------------------------------------------------------------------------------

    def _made(self, calls: Iterator[Call], keys: list[tuple[Any, ...]] | None) -> Made:
        """Call the function with each row; return what it makes.

        Spark: rows of `terminate` stand beside the last row that was taken; `cleanup` is called of the last instance.
        """
        function, made, place, skips = self._make(), [], 0, False
        try:
            for place, (args, kwargs) in enumerate(calls):
                if not place:
                    _check_signature(self._name, function, args, kwargs)
                elif keys is not None and keys[place] != keys[place - 1]:
                    made += self._rows(function, "terminate", place)
                    function, skips = self._make(), False
                if skips:
                    continue
                try:
                    made += self._rows(function, "eval", place, *args, **kwargs)
                except SkipRestOfInputTableException:
                    skips = True
                    if keys is None:
                        break
            made += self._rows(function, "terminate", place)
        finally:
            if hasattr(function, "cleanup"):
                function.cleanup()
        return made

    def _rows(self, function: Any, method: str, place: int, *args: Any, **kwargs: Any) -> Made:
        return [(place, self._values(row, method)) for row in self._called(function, method, *args, **kwargs)]

    def _called(self, function: Any, method: str, *args: Any, **kwargs: Any) -> Iterable[Any]:
        """Return what a method gives, which there may not be."""
        call = getattr(function, method, None)
        if call is None:
            return []
        try:
            found = call(*args, **kwargs)
        except SkipRestOfInputTableException:
            raise
        except Exception as error:
            raise _failed(method, error) from error
        if found is None:
            return []
        if not isinstance(found, Iterable):
            kind = type(found).__name__
            raise PySparkRuntimeError(
                "UDTF_RETURN_NOT_ITERABLE",
                f"'{method}' of a table function has to return an iterable of rows, got {kind}.",
                parameters={"type": kind, "func": method},
            )
        return found

    def _check_width(self, width: int, method: str) -> None:
        expected = len(self._fields)
        if width != expected:
            raise PySparkRuntimeError(
                "UDTF_RETURN_SCHEMA_MISMATCH",
                f"A row of '{method}' has {width} values, but the function's type has {expected} columns.",
                parameters={"expected": str(expected), "actual": str(width), "func": method},
            )

    def _values(self, row: Any, method: str) -> tuple[Any, ...]:
        """Return a row's values in the order of the columns."""
        fields = self._fields
        if not isinstance(row, tuple) and len(fields) == 1:
            row = (row,)
        if isinstance(row, tuple):
            for position, (value, field) in enumerate(zip(row, fields, strict=False)):
                _check_nulls(value, field.dataType, field.nullable, position)
        if row is None:
            return (None,) * len(fields)
        if isinstance(row, dict):
            return tuple(row.get(field.name) for field in fields)
        if not isinstance(row, tuple) and hasattr(row, "__dict__"):
            return tuple(row.__dict__.get(field.name) for field in fields)
        self._check_width(len(row), method)
        return tuple(row)

    def _array(self, values: Iterable[Any], kind: t.DataType) -> Any:
        import pyarrow as pa

        convert = result_converter(kind)
        try:
            found = list(values) if convert is None else list(map(convert, values))
            return carried(pa.array(found, type=arrow_type(kind)), kind)
        except PySparkException:
            raise
        except Exception as error:
            raise PySparkRuntimeError(
                "UDTF_ARROW_DATA_CONVERSION_ERROR",
                f"A row of the table function '{self._name}' does not fit its type "
                f"{self._shape.schema.simpleString()}: {error}",
                parameters={"schema": self._shape.schema.simpleString()},
            ) from error


class ArrowProgram(Program):
    """Calls a table function with Arrow record batches, and arrays for single values; it gives tables or batches."""

    def _table(self, table: Any) -> Any:
        if not table.num_rows:
            return collected(iter(()), self._shape.schema)
        zone = session_zone()
        keys = self._keys(table)
        function, skips, made = self._make(), False, []
        fields = [
            field
            for one in self._given.arguments
            for field in (
                one.type.fields if one.is_table and isinstance(one.type, t.StructType) else [_field(one)]
            )
        ]
        given = to_arrow(table.select(range(len(fields))), t.StructType(fields), zone) if fields else table
        try:
            for start, stop in _segments(keys, table.num_rows):
                if keys is not None and start and keys[start] != keys[start - 1]:
                    made += self._frames(function, "terminate", zone)
                    function, skips = self._make(), False
                if skips:
                    continue
                args, kwargs = self._batches(given.slice(start, stop - start))
                if not start:
                    _check_signature(self._name, function, args, kwargs)
                try:
                    made += self._frames(function, "eval", zone, *args, **kwargs)
                except SkipRestOfInputTableException:
                    skips = True
            made += self._frames(function, "terminate", zone)
        finally:
            if hasattr(function, "cleanup"):
                function.cleanup()
        return collected(iter(made), self._shape.schema)

    def _batches(self, table: Any) -> Call:
        import pyarrow as pa

        columns = [column.combine_chunks() for column in table.columns]
        args: list[Any] = []
        kwargs: dict[str, Any] = {}
        for one in self._given.arguments:
            value: Any
            if one.is_table and isinstance(one.type, t.StructType):
                parts = [columns.pop(0) for _ in one.type]
                value = pa.RecordBatch.from_arrays(parts, names=one.type.names)
            else:
                value = columns.pop(0)
            if one.name is None:
                args.append(value)
            else:
                kwargs[one.name] = value
        return tuple(args), kwargs

    def _frames(self, function: Any, method: str, zone: str, *args: Any, **kwargs: Any) -> list[Any]:
        import pyarrow as pa

        made = []
        for frame in self._called(function, method, *args, **kwargs):
            if not isinstance(frame, pa.Table | pa.RecordBatch):
                raise PySparkRuntimeError(
                    "UDTF_ARROW_TYPE_CONVERSION_ERROR",
                    f"'{method}' of a table function on Arrow has to give tables or record batches, got "
                    f"{type(frame).__name__}.",
                )
            self._check_width(frame.num_columns, method)
            made.append(columns_of_frame(frame, self._shape.schema, "arrow", zone))
        return made


def _field(argument: TableFunctionArgument) -> t.StructField:
    return t.StructField("argument", argument.type)


def _segments(keys: list[tuple[Any, ...]] | None, count: int) -> Iterator[tuple[int, int]]:
    """Yield from where to where each batch goes: rows of one partition, and no more than Spark's."""
    start = 0
    for place in range(1, count + 1):
        changed = keys is not None and place < count and keys[place] != keys[place - 1]
        if place == count or changed or place - start == BATCH_ROWS:
            yield start, place
            start = place


def _rows(names: list[str], columns: list[list[Any]], count: int) -> list[Row]:
    if not columns:
        return [row_of(names, ()) for _ in range(count)]
    return [row_of(names, values) for values in zip(*columns, strict=True)]


def _check_signature(name: str, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    try:
        inspect.signature(function.eval).bind(*args, **kwargs)
    except TypeError as error:
        raise PySparkRuntimeError(
            "UDTF_EVAL_METHOD_ARGUMENTS_DO_NOT_MATCH_SIGNATURE",
            f"The arguments of the table function '{name}' do not fit its method 'eval': {error}.",
            parameters={"name": name, "reason": str(error)},
        ) from None


def _failed(method: str, error: Exception) -> PySparkRuntimeError:
    return PySparkRuntimeError(
        "UDTF_EXEC_ERROR",
        f"User defined table function encountered an error in the '{method}' method: {error}",
        parameters={"method_name": method, "error": str(error)},
    )


def _check_nulls(value: Any, kind: t.DataType, nullable: bool, position: int) -> None:
    """Refuse None where the function's type has no NULL, inside arrays, maps and structs too."""
    if value is None:
        if not nullable:
            raise _failed(
                "eval' or 'terminate",
                ValueError(
                    f"Column {position} within a returned row had a value of None, but its type has no NULL there."
                ),
            )
        return
    match kind:
        case t.ArrayType() if isinstance(value, list):
            parts: Iterable[tuple[Any, t.DataType, bool]] = (
                (one, kind.elementType, kind.containsNull) for one in value
            )
        case t.MapType() if isinstance(value, dict):
            parts = itertools.chain(
                ((key, kind.keyType, False) for key in value),
                ((one, kind.valueType, kind.valueContainsNull) for one in value.values()),
            )
        case t.StructType() if isinstance(value, tuple):
            parts = ((v, f.dataType, f.nullable) for v, f in zip(value, kind, strict=False))
        case _:
            return
    for part, inner, optional in parts:
        _check_nulls(part, inner, optional, position)


__all__ = ["ArrowProgram", "Program"]

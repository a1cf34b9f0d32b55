"""The groups of a batch as a user's function sees them, and what it gives as Arrow tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from lightstream.errors import PySparkRuntimeError, PySparkTypeError
from lightstream.plan import types as t

if TYPE_CHECKING:
    import pyarrow

_FRAME_ROWS = 10_000  # Spark: spark.sql.execution.arrow.maxRecordsPerBatch


class PandasGroups:
    """Keys and rows of the groups of a batch, as pandas frames.

    Args:
        keys: a row for each group.
        rows: `n` and the columns, by group.
        key_schema: the keys' types.
        schema: names and types of the columns.
        zone: the session's time zone.
    """

    def __init__(
        self,
        keys: pyarrow.Table,
        rows: pyarrow.Table,
        key_schema: t.StructType,
        schema: t.StructType,
        zone: str,
    ) -> None:
        from lightstream.sql.rows import to_arrow

        self._schema, self._key_schema, self._zone = schema, key_schema, zone
        self._keys = to_arrow(keys, key_schema)
        self._rows = to_arrow(rows.drop_columns(["n"]), schema)
        self.spans = spans(rows)

    def key(self, number: int) -> tuple[Any, ...]:
        """Return a group's key, its values as pandas has them."""
        frame = self._pandas(self._keys.slice(number, 1), self._key_schema)
        return tuple(frame.iloc[0, i] for i in range(frame.shape[1]))

    def frames(self, number: int) -> Iterator[Any]:
        """Yield a group's rows in frames."""
        begin, end = self.spans[number]
        for start in range(begin, end, _FRAME_ROWS):
            yield self._pandas(self._rows.slice(start, min(_FRAME_ROWS, end - start)), self._schema)

    def nothing(self) -> Iterator[Any]:
        """Yield what a group without rows is given: a frame without rows."""
        yield self._pandas(self._rows.slice(0, 0), self._schema)

    def _pandas(self, table: Any, schema: t.StructType) -> Any:
        from lightstream.sql.pandas_frames import to_pandas

        return to_pandas(table, schema, self._zone)


class PolarsGroups:
    """Keys and rows of the groups of a batch, as Polars frames."""

    def __init__(
        self,
        keys: pyarrow.Table,
        rows: pyarrow.Table,
        key_schema: t.StructType,
        schema: t.StructType,
        zone: str,
    ) -> None:
        import polars

        from lightstream.sql.rows import to_arrow

        self._keys = keys_of(keys, key_schema)
        self._rows: Any = polars.from_arrow(to_arrow(rows.drop_columns(["n"]), schema))
        self.spans = spans(rows)

    def key(self, number: int) -> tuple[Any, ...]:
        """Return a group's key."""
        return self._keys[number]

    def frames(self, number: int) -> Any:
        """Return a group's rows."""
        begin, end = self.spans[number]
        return self._rows.slice(begin, end - begin)

    def nothing(self) -> Any:
        """Return what a group without rows is given: a frame without rows."""
        return self._rows.clear()


def spans(rows: pyarrow.Table) -> dict[int, tuple[int, int]]:
    """Return where each group's rows are in a table that is ordered by `n`."""
    import numpy as np

    numbers = rows.column("n").to_numpy()
    found, starts = np.unique(numbers, return_index=True)
    ends = [*starts[1:], len(numbers)][: len(starts)]
    return {int(n): (int(start), int(end)) for n, start, end in zip(found, starts, ends, strict=True)}


def keys_of(keys: pyarrow.Table, schema: t.StructType) -> list[tuple[Any, ...]]:
    """Return the keys of all groups in Python's types."""
    from lightstream.sql.python_functions import python_values

    columns = [python_values(c, f.dataType) for c, f in zip(keys.columns, schema, strict=True)]
    return list(zip(*columns, strict=True)) if columns else [()] * keys.num_rows


def state_rows(table: pyarrow.Table, types: Sequence[t.DataType]) -> dict[int, list[tuple[Any, ...]]]:
    """Return the stored rows of each group, in their order."""
    from lightstream.sql.python_functions import python_values

    found: dict[int, list[tuple[Any, ...]]] = {}
    if table.num_rows:
        columns = [python_values(table.column(f"v{i}"), kind) for i, kind in enumerate(types)]
        for number, *values in zip(table.column("n").to_pylist(), *columns, strict=True):
            row = (tuple(value) if isinstance(value, tuple) else value for value in values)
            found.setdefault(number, []).append(tuple(row))
    return found


def state_table(rows: dict[int, list[tuple[Any, ...]]], types: Sequence[t.DataType]) -> pyarrow.Table:
    """Return the rows to be stored for groups as an Arrow table."""
    import pyarrow as pa

    from lightstream.sql.local_data import carried_type
    from lightstream.sql.verify import column_converters

    fields = [t.StructField(f"v{i}", kind) for i, kind in enumerate(types)]
    converters = column_converters(t.StructType(fields))
    flat = [(number, place, row) for number, found in rows.items() for place, row in enumerate(found)]
    arrays = [
        pa.array([number for number, _, _ in flat], pa.int64()),
        pa.array([place for _, place, _ in flat], pa.int64()),
        *(
            pa.array([convert(row[i]) for _, _, row in flat], carried_type(field.dataType))
            for i, (convert, field) in enumerate(zip(converters, fields, strict=True))
        ),
    ]
    return pa.Table.from_arrays(arrays, names=["n", "place", *(field.name for field in fields)])


# ---- what the function gave -----------------------------------------------------------------------------------


def pandas_output(frames: Sequence[Any], schema: t.StructType, zone: str) -> pyarrow.Table:
    """Return pandas frames as one Arrow table of the schema."""
    import pandas

    from lightstream.sql.python_frames import collected, columns_of_frame

    found = [frame for frame in frames if len(frame)]
    tables = []
    if found:
        same = all(list(frame.columns) == list(found[0].columns) for frame in found)
        for frame in [pandas.concat(found, ignore_index=True)] if same else found:
            tables.append(columns_of_frame(frame, schema, "pandas", zone))
    return collected(iter(tables), schema)


def polars_output(frames: Sequence[Any], schema: t.StructType, zone: str) -> pyarrow.Table:
    """Return Polars frames as one Arrow table of the schema."""
    from lightstream.sql.local_data import plain_strings
    from lightstream.sql.python_frames import collected, columns_of_frame

    tables = (
        columns_of_frame(plain_strings(frame.to_arrow()), schema, "arrow", zone)
        for frame in frames
        if len(frame)
    )
    return collected(tables, schema)


def checked_pandas(made: Any, width: int) -> Iterator[Any]:
    """Yield the frames that a function gave.

    Raises:
        PySparkTypeError: UDF_RETURN_TYPE, it gave something else.
        PySparkRuntimeError: RESULT_COLUMN_SCHEMA_MISMATCH.
    """
    import pandas

    if isinstance(made, pandas.DataFrame):
        raise _not_that("iterable of pandas.DataFrame", type(made).__name__)
    if not hasattr(made, "__iter__"):
        raise _not_that("iterable", type(made).__name__)
    for frame in made:
        if not isinstance(frame, pandas.DataFrame):
            raise _not_that("iterator of pandas.DataFrame", f"iterator of {type(frame).__name__}")
        if len(frame.columns) != width and not (len(frame.columns) == 0 and frame.empty):
            raise PySparkRuntimeError(
                "RESULT_COLUMN_SCHEMA_MISMATCH",
                f"The function returned {len(frame.columns)} columns, expected {width}.",
                parameters={"expected": str(width), "actual": str(len(frame.columns))},
            )
        yield frame


def checked_polars(made: Any, width: int) -> Iterator[Any]:
    """Yield the frames that a function gave: one, several, or None for nothing.

    Raises:
        PySparkTypeError: UDF_RETURN_TYPE, it gave something else.
    """
    import polars

    if made is None:
        return
    if isinstance(made, polars.DataFrame):
        made = (made,)
    if not hasattr(made, "__iter__"):
        raise _not_that("polars.DataFrame", type(made).__name__)
    for frame in made:
        if not isinstance(frame, polars.DataFrame):
            raise _not_that("polars.DataFrame", type(frame).__name__)
        yield frame


def _not_that(expected: str, actual: str) -> PySparkTypeError:
    return PySparkTypeError(
        "UDF_RETURN_TYPE",
        f"Return type of the user-defined function should be {expected}, but is {actual}.",
        parameters={"expected": expected, "actual": actual},
    )

"""Grouped rows: `df.groupBy(...)`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lightstream.errors import AnalysisException, UnsupportedOperationException
from lightstream.plan import relations as r
from lightstream.plan.expressions import Alias, Expression, Literal, UnresolvedFunction, UnresolvedStar
from lightstream.plan.types import IntegerType, NumericType, StructType
from lightstream.sql.arguments import need_str, not_expected
from lightstream.sql.column import Column, column_expression, name_expression, spread
from lightstream.sql.literals import literal
from lightstream.sql.unsupported import refuses

if TYPE_CHECKING:
    from lightstream.plan.relations import Relation
    from lightstream.sql.dataframe import DataFrame
    from lightstream.sql.pandas.group_ops import PandasCogroupedOps
    from lightstream.sql.streaming.stateful_processor import StatefulProcessor

__all__ = ["GroupedData"]

_KINDS = {"groupby": "GroupBy", "rollup": "Rollup", "cube": "Cube", "sets": "GroupingSets"}


@refuses("GroupedData", apply="udf")
class GroupedData:
    """Rows of a DataFrame in groups, to be aggregated."""

    def __init__(
        self,
        df: DataFrame,
        keys: tuple[Expression, ...],
        kind: str,
        pivot: tuple[Expression, tuple[Expression, ...]] | None = None,
    ) -> None:
        self._df = df
        self._keys = keys
        self._kind = kind
        self._pivot = pivot
        self._sets: tuple[tuple[int, ...], ...] = ()
        self.session = df.sparkSession

    def agg(self, *exprs: Any) -> DataFrame:
        """Aggregate: columns of aggregate functions, or one dict of column name to function name."""
        assert exprs, "exprs should not be empty"
        if len(exprs) == 1 and isinstance(exprs[0], dict):
            from lightstream.sql.map_order import map_order

            functions = exprs[0]
            names = map_order(functions) if all(isinstance(name, str) for name in functions) else functions
            items = [_by_name(functions[column], column) for column in names]
        else:
            assert all(isinstance(c, Column) for c in exprs), "all exprs should be Column"
            items = [part for c in exprs for part in spread(c._expression)]
        return self._aggregate(tuple(items))

    def count(self) -> DataFrame:
        """Count the rows of each group."""
        return self._aggregate(
            (Alias(UnresolvedFunction("count", (Literal(1, IntegerType()),)), ("count",)),)
        )

    def avg(self, *cols: str) -> DataFrame:
        """Return the average of each numeric column (or of those given)."""
        return self._numeric("avg", cols)

    mean = avg

    def max(self, *cols: str) -> DataFrame:
        """Return the largest value of each numeric column (or of those given)."""
        return self._numeric("max", cols)

    def min(self, *cols: str) -> DataFrame:
        """Return the smallest value of each numeric column (or of those given)."""
        return self._numeric("min", cols)

    def sum(self, *cols: str) -> DataFrame:
        """Return the sum of each numeric column (or of those given)."""
        return self._numeric("sum", cols)

    def pivot(self, pivot_col: str, values: list[Any] | None = None) -> GroupedData:
        """Turn the values of a column into columns; without `values` they are read first, at most 10,000.

        Raises:
            AnalysisException: on a stream, without `values`.
            UnsupportedOperationException: REPEATED_CLAUSE, a second pivot.
        """
        if self._pivot is not None:
            raise UnsupportedOperationException(
                "REPEATED_CLAUSE",
                "The PIVOT clause may be used at most once per SUBQUERY operation.",
                sqlstate="42614",
                parameters={"clause": "PIVOT", "operation": "SUBQUERY"},
            )
        if self._kind != "groupby":
            raise UnsupportedOperationException(
                "UNSUPPORTED_FEATURE.PIVOT_AFTER_GROUP_BY",
                "A pivot is only possible after groupBy.",
                sqlstate="0A000",
            )
        if self._df.isStreaming and values is None:
            raise AnalysisException(
                "_LEGACY_ERROR_TEMP_3063", "pivot is not supported on a streaming DataFrames/Datasets"
            )
        column = name_expression(pivot_col) if isinstance(pivot_col, str) else column_expression(pivot_col)
        chosen = self._pivot_values(column) if values is None else values
        return GroupedData(self._df, self._keys, self._kind, (column, tuple(map(_constant, chosen))))

    def _pivot_values(self, column: Expression) -> list[Any]:
        df = self._df
        limit = df._state.conf.integer("spark.sql.pivotMaxValues")
        named = Alias(column, ("value",))
        rows = df._with(r.Project(df._plan, (named,))).distinct().limit(limit + 1).sort("value").collect()
        if len(rows) > limit:
            raise AnalysisException(
                "_LEGACY_ERROR_TEMP_1324",
                f"The pivot column has more than {limit} distinct values, this could indicate an error. If this was "
                "intended, set spark.sql.pivotMaxValues to at least the number of distinct values of the pivot column.",
            )
        return [row[0] for row in rows]

    def applyInPandas(self, func: Any, schema: Any) -> DataFrame:
        """Return the rows that a function makes of each group's pandas frame: `func(frame)` or `func(key, frame)`.

        A function annotated as one over an `Iterator[pandas.DataFrame]` is given, and gives, frames one by one.
        """
        from lightstream.sql.python_frames import apply_groups

        return apply_groups((self,), func, schema, "pandas")

    def applyInArrow(self, func: Any, schema: Any) -> DataFrame:
        """Return the rows that a function makes of each group's Arrow table: `func(table)` or `func(key, table)`.

        A function annotated as one over an `Iterator[pyarrow.RecordBatch]` is given, and gives, batches one by one.
        """
        from lightstream.sql.python_frames import apply_groups

        return apply_groups((self,), func, schema, "arrow")

    def applyInPolars(self, func: Any, schema: Any) -> DataFrame:
        """Return the rows that a function makes of each group: `func(frame)` or `func(key, frame)`.

        An extension: Spark has no such method. Frames are `polars.DataFrame`s.
        """
        from lightstream.sql.python_frames import apply_groups

        return apply_groups((self,), func, schema, "polars")

    def applyInPandasWithState(
        self,
        func: Any,
        outputStructType: StructType | str,
        stateStructType: StructType | str,
        outputMode: str,
        timeoutConf: str,
    ) -> DataFrame:
        """Return the rows that a function makes of each group of a stream and of what it keeps for the group.

        `func(key, frames, state)` is given the key's values, an iterator of pandas frames and a
        `pyspark.sql.streaming.state.GroupState`, and gives an iterator of pandas frames.
        """
        from lightstream.sql.streaming.group_state import PANDAS, apply_with_state

        return apply_with_state(
            self, func, outputStructType, stateStructType, outputMode, timeoutConf, PANDAS
        )

    def applyInPolarsWithState(
        self,
        func: Any,
        outputStructType: StructType | str,
        stateStructType: StructType | str,
        outputMode: str,
        timeoutConf: str,
    ) -> DataFrame:
        """Return the rows that a function makes of each group of a stream, as Polars frames.

        An extension: Spark has no such method. `func(key, frame, state)` is given the key's values in Python's types,
        all rows of the group as one `polars.DataFrame` (without rows when the group has timed out), and a
        `pyspark.sql.streaming.state.GroupState`. It gives a frame, an iterable of frames, or None. Otherwise it is
        `applyInPandasWithState`.
        """
        from lightstream.sql.streaming.group_state import POLARS, apply_with_state

        return apply_with_state(
            self, func, outputStructType, stateStructType, outputMode, timeoutConf, POLARS
        )

    def transformWithStateInPandas(
        self,
        statefulProcessor: StatefulProcessor,
        outputStructType: StructType | str,
        outputMode: str,
        timeMode: str,
        initialState: GroupedData | None = None,
        eventTimeColumnName: str = "",
    ) -> DataFrame:
        """Return the rows that a processor makes of the groups of a stream, given as pandas frames."""
        from lightstream.sql.streaming.processor import transform_with_state

        return transform_with_state(
            self,
            statefulProcessor,
            outputStructType,
            outputMode,
            timeMode,
            initialState,
            eventTimeColumnName,
            True,
        )

    def transformWithState(
        self,
        statefulProcessor: StatefulProcessor,
        outputStructType: StructType | str,
        outputMode: str,
        timeMode: str,
        initialState: GroupedData | None = None,
        eventTimeColumnName: str = "",
    ) -> DataFrame:
        """Return the rows that a processor makes of the groups of a stream, given as Rows."""
        from lightstream.sql.streaming.processor import transform_with_state

        return transform_with_state(
            self,
            statefulProcessor,
            outputStructType,
            outputMode,
            timeMode,
            initialState,
            eventTimeColumnName,
            False,
        )

    def cogroup(self, other: GroupedData) -> PandasCogroupedOps:
        """Return both groupings, to apply a function to the groups of one key."""
        from lightstream.sql.pandas.group_ops import PandasCogroupedOps

        return PandasCogroupedOps(self, other)

    def _numeric(self, function: str, cols: tuple[str, ...]) -> DataFrame:
        df = self._df
        if cols:
            chosen = []
            for name in cols:
                column = df._column(need_str("cols", name))._expression
                if not isinstance(getattr(column, "type", None), NumericType):
                    raise AnalysisException(
                        "_LEGACY_ERROR_TEMP_1323",
                        f'"{name}" is not a numeric column. Aggregation function can only be applied on a numeric '
                        "column.",
                        parameters={"colName": name},
                    )
                chosen.append(column)
        else:
            chosen = [a for a in df._plan.output if isinstance(a.type, NumericType)]
        return self._aggregate(tuple(UnresolvedFunction(function, (column,)) for column in chosen))

    def _aggregate(self, items: tuple[Expression, ...]) -> DataFrame:
        plan = self._df._plan
        relation: Relation
        if self._pivot is not None:
            column, values = self._pivot
            relation = r.Pivot(plan, self._keys, column, values, items)
        else:
            relation = r.Aggregate(
                plan, self._keys, items, self._kind, keys_first=True, grouping_sets=self._sets
            )
        return self._df._with(relation)

    def __repr__(self) -> str:
        keys = ", ".join(repr(Column(key))[len("Column<'") : -len("'>")] for key in self._keys)
        fields = [f"{name}: {kind}" for name, kind in self._df.dtypes]
        shown = ", ".join(fields[:2])
        if (more := len(fields) - 2) > 0:
            shown += f" ... {more} more field{'s' if more > 1 else ''}"
        kind = _KINDS[self._kind] if self._pivot is None else "Pivot"
        return f"GroupedData[grouping expressions: [{keys}], value: [{shown}], type: {kind}]"


def _by_name(function: Any, column: Any) -> Expression:
    if not isinstance(function, str) or not isinstance(column, str):
        raise not_expected("exprs", "dict of column name to function name", {column: function})
    name = function.lower()
    if name in ("avg", "average", "mean"):
        name = "avg"
    elif name in ("stddev", "std"):
        name = "stddev"
    elif name in ("count", "size"):
        name = "count"
    argument = name_expression(column)
    if isinstance(argument, UnresolvedStar) and name == "count":
        argument = Literal(1, IntegerType())
    return UnresolvedFunction(name, (argument,))


def _constant(value: Any) -> Expression:
    return value._expression if isinstance(value, Column) else literal(value)

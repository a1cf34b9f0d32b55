"""DataFrames: columns, selection, and the parts that stand in files of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lightstream.errors import AnalysisException, PySparkAttributeError, PySparkValueError
from lightstream.plan import relations as r
from lightstream.plan.expressions import (
    Alias,
    Literal,
    SubqueryExpression,
    TableArgument,
    UnresolvedRegex,
)
from lightstream.plan.types import IntegerType, StructType
from lightstream.sql.arguments import need_str, not_expected
from lightstream.sql.column import Column, column_expression, named_in_casts
from lightstream.sql.dataframe_missing import DataFrameNaFunctions, Missing
from lightstream.sql.dataframe_rows import Rows
from lightstream.sql.dataframe_stat import DataFrameStatFunctions, Statistics
from lightstream.sql.dataframe_views import Views
from lightstream.sql.unsupported import refuses

if TYPE_CHECKING:
    from lightstream.sql.observation import Observation
    from lightstream.sql.rdd import RDD
    from lightstream.sql.readwriter import DataFrameWriter
    from lightstream.sql.session import SparkSession
    from lightstream.sql.streaming.writer import DataStreamWriter
    from lightstream.sql.table_arg import TableArg

__all__ = ["DataFrame", "DataFrameNaFunctions", "DataFrameStatFunctions"]


@refuses(
    "DataFrame",
    mergeInto="table, condition",
    nearestByJoin="other, rankingExpression, numResults, mode, direction, *, joinType='inner'",
    pandas_api="index_col=None",
    plot="property",
)
class DataFrame(Rows, Views, Missing, Statistics):
    """Rows with named, typed columns: a plan that an action runs, or that a streaming query runs batch by batch."""

    # ---- columns ----------------------------------------------------------------------------------------------

    @property
    def sparkSession(self) -> SparkSession:
        """The session that made this DataFrame."""
        return self._session

    @property
    def schema(self) -> StructType:
        """The columns with their types."""
        return self._plan.schema

    @property
    def columns(self) -> list[str]:
        """The column names, in order."""
        return [attribute.name for attribute in self._plan.output]

    @property
    def dtypes(self) -> list[tuple[str, str]]:
        """The column names with their types as text."""
        return [(attribute.name, attribute.type.simpleString()) for attribute in self._plan.output]

    @property
    def isStreaming(self) -> bool:
        """Whether this DataFrame reads a stream."""
        return self._plan.is_streaming

    @property
    def rdd(self) -> RDD:
        """The rows for functions over them, one by one (see `lightstream.sql.rdd`)."""
        from lightstream.sql.rdd import RDD

        if self.isStreaming:
            self.collect()  # which is refused
        return RDD(self.collect, self._session)

    def toJSON(self, use_unicode: bool = True) -> RDD:
        """Return each row as a JSON text.

        Raises:
            UnsupportedOperationException: without `use_unicode`.
        """
        from lightstream.errors import unsupported
        from lightstream.sql import functions as F

        if not use_unicode:
            raise unsupported("toJSON(use_unicode=False)")
        texts = self.select(F.to_json(F.struct(*(Column(a) for a in self._plan.output))).alias("value"))
        return texts.rdd.map(lambda row: row[0])

    def __getitem__(self, item: Any) -> Any:
        if isinstance(item, str):
            return self._column(item)
        if isinstance(item, Column):
            return self.filter(item)
        if isinstance(item, list | tuple):
            return self.select(*item)
        if isinstance(item, int):
            return self._column(self.columns[item])
        raise not_expected("item", "Column, int, list or str", item)

    def __getattr__(self, name: str) -> Column:
        # Without these two there are no columns yet: an object that is being copied.
        if not name.startswith("__") and name not in ("_plan", "_session") and name in self.columns:
            return self._column(f"`{name.replace('`', '``')}`" if "." in name else name)
        raise PySparkAttributeError(
            "ATTRIBUTE_NOT_SUPPORTED",
            f"Attribute `{name}` is not supported.",
            sqlstate="0A000",
            parameters={"attr_name": name},
        )

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *(name for name in self.columns if name.isidentifier())})

    def __repr__(self) -> str:
        return f"DataFrame[{', '.join(f'{name}: {kind}' for name, kind in self.dtypes)}]"

    def colRegex(self, colName: str) -> Column:
        """Return the columns whose names match a pattern in backquotes, or the column of a name."""
        need_str("colName", colName)
        if len(colName) > 1 and colName.startswith("`") and colName.endswith("`"):
            return Column(UnresolvedRegex(colName[1:-1]))
        return self._column(colName)

    def metadataColumn(self, colName: str) -> Column:
        """Return a hidden column, such as `_metadata` of a file source."""
        return self._column(need_str("colName", colName))

    # ---- selection --------------------------------------------------------------------------------------------

    def select(self, *cols: Any) -> DataFrame:
        """Return the given columns."""
        return self._with(r.Project(self._plan, tuple(map(named_in_casts, self._items(cols)))))

    def selectExpr(self, *expr: str | list[str]) -> DataFrame:
        """Return the columns that SQL expressions describe."""
        from lightstream.parse import parse_expression

        texts = expr[0] if len(expr) == 1 and isinstance(expr[0], list) else expr
        as_written = self._session._state.conf.escaped_string_literals
        items = (parse_expression(need_str("expr", text), as_written) for text in texts)
        return self._with(r.Project(self._plan, tuple(map(named_in_casts, items))))

    def filter(self, condition: Column | str) -> DataFrame:
        """Return the rows for which a condition holds."""
        if isinstance(condition, str):
            from lightstream.parse import parse_expression

            expression = parse_expression(condition, self._session._state.conf.escaped_string_literals)
        elif isinstance(condition, Column):
            expression = condition._expression
        else:
            raise not_expected("condition", "Column or str", condition)
        return self._with(r.Filter(self._plan, expression))

    where = filter

    def withColumn(self, colName: str, col: Column) -> DataFrame:
        """Return the DataFrame with a column added or replaced."""
        need_str("colName", colName)
        return self.withColumns({colName: col})

    def withColumns(self, *colsMap: dict[str, Column]) -> DataFrame:
        """Return the DataFrame with several columns added or replaced."""
        assert len(colsMap) == 1, "withColumns takes one dict"
        (columns,) = colsMap
        if not isinstance(columns, dict):
            raise not_expected("colsMap", "dict", columns)
        items = []
        for name, column in columns.items():
            if not isinstance(column, Column):
                raise not_expected("col", "Column", column)
            items.append(Alias(column._expression, (name,)))
        return self._with(r.WithColumns(self._plan, tuple(items)))

    def withColumnRenamed(self, existing: str, new: str) -> DataFrame:
        """Return the DataFrame with a column renamed; unchanged when there is no such column."""
        return self.withColumnsRenamed({need_str("existing", existing): need_str("new", new)})

    def withColumnsRenamed(self, colsMap: dict[str, str]) -> DataFrame:
        """Return the DataFrame with several columns renamed; unknown ones are left out."""
        if not isinstance(colsMap, dict):
            raise not_expected("colsMap", "dict", colsMap)
        return self._with(r.WithColumnsRenamed(self._plan, tuple(colsMap.items())))

    def withMetadata(self, columnName: str, metadata: dict[str, Any]) -> DataFrame:
        """Return the DataFrame with other metadata on a column."""
        if not isinstance(metadata, dict):
            raise not_expected("metadata", "dict", metadata)
        expression = self._column(need_str("columnName", columnName))._expression
        return self._with(r.WithColumns(self._plan, (Alias(expression, (columnName,), metadata),)))

    def toDF(self, *cols: str) -> DataFrame:
        """Return the DataFrame with new names for all columns."""
        for name in cols:
            need_str("cols", name)
        return self._with(r.ToDF(self._plan, cols))

    def to(self, schema: StructType) -> DataFrame:
        """Return the columns of a schema, by name, in its order and of its types."""
        if not isinstance(schema, StructType):
            raise not_expected("schema", "StructType", schema)
        return self._with(r.ToSchema(self._plan, schema))

    def drop(self, *cols: Any) -> DataFrame:
        """Return the DataFrame without some columns; names that do not exist are left out."""
        columns = tuple(c if isinstance(c, str) else column_expression(c) for c in cols)
        return self._with(r.Drop(self._plan, columns))

    def alias(self, alias: str) -> DataFrame:
        """Return the DataFrame under a name, for references such as `name.column`."""
        assert isinstance(alias, str), "alias should be a string"
        return self._with(r.SubqueryAlias(self._plan, alias))

    def transform(self, func: Callable[..., DataFrame], *args: Any, **kwargs: Any) -> DataFrame:
        """Return `func(self, *args, **kwargs)`, for chains of functions."""
        result = func(self, *args, **kwargs)
        assert isinstance(result, DataFrame), f"Func returned {type(result)}; it should be a DataFrame."
        return result

    def mapInPandas(self, func: Any, schema: Any, barrier: bool = False, profile: Any = None) -> DataFrame:
        """Return the rows that a function makes of an iterator over pandas frames."""
        from lightstream.sql.python_frames import map_frames

        return map_frames(self, func, schema, "pandas")

    def mapInArrow(self, func: Any, schema: Any, barrier: bool = False, profile: Any = None) -> DataFrame:
        """Return the rows that a function makes of an iterator over Arrow record batches."""
        from lightstream.sql.python_frames import map_frames

        return map_frames(self, func, schema, "arrow")

    def mapInPolars(self, func: Any, schema: Any) -> DataFrame:
        """Return the rows that a function makes of an iterator over `polars.DataFrame`s.

        An extension: Spark has no such method. The function gives an iterator of frames with the schema's columns.
        """
        from lightstream.sql.python_frames import map_frames

        return map_frames(self, func, schema, "polars")

    def observe(self, observation: Observation | str, *exprs: Column) -> DataFrame:
        """Return the same rows; aggregates of them are told to an Observation, or under a name to a stream's progress.

        Raises:
            AnalysisException: INVALID_OBSERVED_METRICS, DUPLICATED_METRICS_NAME.
        """
        from lightstream.sql.observation import observed

        return observed(self, observation, exprs)

    def asTable(self) -> TableArg:
        """Return this DataFrame as an argument for a table function."""
        from lightstream.sql.table_arg import TableArg

        return TableArg(TableArgument(self._plan))

    def scalar(self) -> Column:
        """Return the one value of a DataFrame of one row and column, for use in another's expressions."""
        return Column(SubqueryExpression("scalar", self._as_relation()))

    def exists(self) -> Column:
        """Return whether this DataFrame has rows, for use in another's conditions."""
        return Column(SubqueryExpression("exists", self._as_relation()))

    # ---- first and last rows ----------------------------------------------------------------------------------

    def limit(self, num: int) -> DataFrame:
        """Return the first `num` rows."""
        return self._with(r.Limit(self._plan, _count("num", num)))

    def offset(self, num: int) -> DataFrame:
        """Return all but the first `num` rows."""
        return self._with(r.Offset(self._plan, _count("num", num)))

    # ---- other faces ------------------------------------------------------------------------------------------

    @property
    def executionInfo(self) -> Any:
        """Not there, as in Spark without Spark Connect.

        Raises:
            PySparkValueError: CLASSIC_OPERATION_NOT_SUPPORTED_ON_DF.
        """
        raise PySparkValueError(
            "CLASSIC_OPERATION_NOT_SUPPORTED_ON_DF",
            "The property 'executionInfo' is there in Spark Connect only.",
            sqlstate="0A000",
            parameters={"member": "queryExecution"},
        )

    @property
    def na(self) -> DataFrameNaFunctions:
        """Functions for missing values."""
        return DataFrameNaFunctions(self)

    @property
    def stat(self) -> DataFrameStatFunctions:
        """Functions for statistics."""
        return DataFrameStatFunctions(self)

    @property
    def write(self) -> DataFrameWriter:
        """The writer of this DataFrame.

        Raises:
            AnalysisException: CALL_ON_STREAMING_DATASET_UNSUPPORTED.
        """
        from lightstream.sql.readwriter import DataFrameWriter

        return DataFrameWriter(self)

    def writeTo(self, table: str) -> Any:
        """Refused: use `write`."""
        from lightstream.sql.readwriter import DataFrameWriterV2, refuse_stream

        refuse_stream(self, "writeTo")
        return DataFrameWriterV2(self, table)

    @property
    def writeStream(self) -> DataStreamWriter:
        """The writer of a streaming DataFrame.

        Raises:
            AnalysisException: WRITE_STREAM_NOT_ALLOWED.
        """
        from lightstream.sql.streaming.writer import DataStreamWriter

        if not self.isStreaming:
            raise AnalysisException(
                "WRITE_STREAM_NOT_ALLOWED",
                "`writeStream` can be called only on streaming Dataset/DataFrame.",
                sqlstate="42601",
            )
        return DataStreamWriter(self)


def _count(argument: str, value: Any) -> Literal:
    if not isinstance(value, int) or isinstance(value, bool):
        raise not_expected(argument, "int", value)
    return Literal(value, IntegerType())

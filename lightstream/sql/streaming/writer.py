"""`df.writeStream`: where a streaming query's output goes, and its start."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lightstream.conf import DEFAULT_SCHEMA
from lightstream.errors import (
    AnalysisException,
    IllegalArgumentException,
    PySparkException,
    PySparkTypeError,
    PySparkValueError,
)
from lightstream.sql.streaming.query import StreamingQuery
from lightstream.stream import triggers
from lightstream.stream.triggers import Trigger, trigger_of

if TYPE_CHECKING:
    from lightstream.plan.logical import LogicalPlan
    from lightstream.sql.dataframe import DataFrame
    from lightstream.sql.row import Row
    from lightstream.sql.session import SparkSession
    from lightstream.stream.start import QueryRequest

    OptionalPrimitiveType = bool | float | int | str | None

__all__ = ["DataStreamWriter"]

_FOREACH = "foreach"
_FOREACH_BATCH = "foreachBatch"


class DataStreamWriter:
    """Describes the output of a streaming query; `start()` or `toTable()` runs it."""

    def __init__(self, df: DataFrame) -> None:
        self._df = df
        self._spark: SparkSession = df.sparkSession
        self._output_mode = "append"
        self._format: str | None = None
        self._options: dict[str, str] = {}
        self._partition_by: tuple[str, ...] = ()
        self._cluster_by: tuple[str, ...] = ()
        self._query_name: str | None = None
        self._trigger = Trigger()
        self._foreach: Any = None
        self._foreach_batch: Callable[[DataFrame, int], Any] | None = None

    def outputMode(self, outputMode: str) -> DataStreamWriter:
        """Set which rows go to the sink: `append`, `complete` or `update`.

        Raises:
            PySparkValueError: VALUE_NOT_NON_EMPTY_STR.
            IllegalArgumentException: STREAMING_OUTPUT_MODE.INVALID.
        """
        _check_text("outputMode", outputMode)
        if outputMode.lower() not in ("append", "complete", "update"):
            raise IllegalArgumentException(
                "STREAMING_OUTPUT_MODE.INVALID",
                f"Invalid streaming output mode: {outputMode}. Accepted output modes are 'Append', 'Complete', "
                "'Update'.",
                sqlstate="42KDE",
                parameters={"outputMode": outputMode},
            )
        self._output_mode = outputMode.lower()
        return self

    def format(self, source: str) -> DataStreamWriter:
        """Set the sink by its name: `memory`, `console`, `noop`, `duckdb`."""
        if not isinstance(source, str):
            from lightstream.sql.arguments import not_expected

            raise not_expected("source", "str", source)
        self._format = source
        return self

    def option(self, key: str, value: OptionalPrimitiveType) -> DataStreamWriter:
        """Set an option of the sink or of the query (`checkpointLocation`); None leaves it as it is."""
        if value is not None:
            self._options[str(key).lower()] = str(value).lower() if isinstance(value, bool) else str(value)
        return self

    def options(self, **options: OptionalPrimitiveType) -> DataStreamWriter:
        """Set several options."""
        for key, value in options.items():
            self.option(key, value)
        return self

    def partitionBy(self, *cols: str | list[str]) -> DataStreamWriter:
        """Set the columns that files are laid out by."""
        if self._cluster_by:
            raise _both_layouts()
        self._partition_by = _names(cols)
        return self

    def clusterBy(self, *cols: str | list[str]) -> DataStreamWriter:
        """Set the columns that data is clustered by; it has no effect on the sinks here."""
        if self._partition_by:
            raise _both_layouts()
        self._cluster_by = _names(cols)
        return self

    def queryName(self, queryName: str) -> DataStreamWriter:
        """Set the query's name, which no other active query of the session may have.

        Raises:
            PySparkValueError: VALUE_NOT_NON_EMPTY_STR.
        """
        _check_text("queryName", queryName)
        self._query_name = queryName
        return self

    def trigger(
        self,
        *,
        processingTime: str | None = None,
        once: bool | None = None,
        continuous: str | None = None,
        availableNow: bool | None = None,
        realTime: str | None = None,
    ) -> DataStreamWriter:
        """Set when batches start; without it, as soon as there is data and the batch before is done.

        Raises:
            PySparkValueError: ONLY_ALLOW_SINGLE_TRIGGER, VALUE_NOT_NON_EMPTY_STR, VALUE_NOT_ALLOWED.
            IllegalArgumentException: the interval cannot be read, has months, or is negative.
        """
        given = {
            triggers.PROCESSING_TIME: processingTime,
            triggers.ONCE: once,
            triggers.CONTINUOUS: continuous,
            triggers.AVAILABLE_NOW: availableNow,
            triggers.REAL_TIME: realTime,
        }
        chosen = [(kind, value) for kind, value in given.items() if value is not None]
        if len(chosen) != 1:
            raise PySparkValueError("ONLY_ALLOW_SINGLE_TRIGGER", "Only a single trigger is allowed.")
        kind, value = chosen[0]
        if kind in (triggers.ONCE, triggers.AVAILABLE_NOW):
            if value is not True:
                raise PySparkValueError(
                    "VALUE_NOT_ALLOWED",
                    f"Value for `{kind}` has to be amongst the following values: [True].",
                    parameters={"arg_name": kind, "allowed_values": "[True]"},
                )
            self._trigger = trigger_of(kind)
        else:
            _check_text(kind, value)
            self._trigger = trigger_of(kind, str(value).strip())
        return self

    def foreach(self, f: Callable[[Row], None] | Any) -> DataStreamWriter:
        """Give each row to a function, or to an object with `process(row)` and optionally `open(partition_id,
        epoch_id)` and `close(error)`.

        Raises:
            PySparkAttributeError: ATTRIBUTE_NOT_CALLABLE.
        """
        from lightstream.sinks.python_function import ForeachSink

        ForeachSink(f, lambda plan: ())  # checks the methods
        self._foreach = f
        self._format = _FOREACH
        return self

    def foreachBatch(self, func: Callable[[DataFrame, int], None]) -> DataStreamWriter:
        """Give each batch to a function, as a DataFrame with the batch id.

        Raises:
            PySparkTypeError: NOT_CALLABLE.
        """
        if not callable(func):
            kind = type(func).__name__
            raise PySparkTypeError(
                "NOT_CALLABLE",
                f"Argument `func` should be a callable, got {kind}.",
                parameters={"arg_name": "func", "arg_type": kind},
            )
        self._foreach_batch = func
        self._format = _FOREACH_BATCH
        return self

    def start(
        self,
        path: str | None = None,
        format: str | None = None,
        outputMode: str | None = None,
        partitionBy: str | list[str] | None = None,
        queryName: str | None = None,
        **options: OptionalPrimitiveType,
    ) -> StreamingQuery:
        """Start the query and return its handle.

        Raises:
            AnalysisException: Spark refuses the query, its output mode, its sink or its trigger.
            IllegalArgumentException: an option cannot be, or an active query has the name.
            SparkRuntimeException: the checkpoint cannot be used.
        """
        self._take(format, outputMode, partitionBy, queryName, options)
        if path is not None:
            if "path" in self._options:
                raise AnalysisException(
                    "_LEGACY_ERROR_TEMP_1188",
                    "There is a 'path' option set and start() is called with a path parameter. Either remove the "
                    "path option, or call start() without the parameter.",
                    parameters={"method": "start", "config": "spark.sql.legacy.pathOptionBehavior.enabled"},
                )
            return self._start(None, {"path": path})
        return self._start(None, {})

    def toTable(
        self,
        tableName: str,
        format: str | None = None,
        outputMode: str | None = None,
        partitionBy: str | list[str] | None = None,
        queryName: str | None = None,
        **options: OptionalPrimitiveType,
    ) -> StreamingQuery:
        """Start the query with a table of the session's database as its sink; the table is created if need be.

        Raises:
            AnalysisException: as for `start`; without a checkpoint location; the table has other columns.
        """
        self._take(format, outputMode, partitionBy, queryName, options)
        if self._format in (_FOREACH, _FOREACH_BATCH):
            raise PySparkException(
                "DATA_SOURCE_NOT_FOUND",
                f"Failed to find the data source: {self._format}. Use either {self._format} with start(), or toTable.",
                sqlstate="42K02",
                parameters={"provider": self._format},
            )
        from lightstream.sinks.registry import table_name

        table, schema = table_name(tableName), self._df.sparkSession._state.conf.schema
        return self._start(table if len(table) > 1 or schema == DEFAULT_SCHEMA else (schema, *table), {})

    def _take(
        self,
        format: str | None,
        outputMode: str | None,
        partitionBy: str | list[str] | None,
        queryName: str | None,
        options: dict[str, OptionalPrimitiveType],
    ) -> None:
        self.options(**options)
        if outputMode is not None:
            self.outputMode(outputMode)
        if partitionBy is not None:
            self.partitionBy(partitionBy)
        if format is not None:
            self.format(format)
        if queryName is not None:
            self.queryName(queryName)

    def _start(self, table: tuple[str, ...] | None, more: dict[str, str]) -> StreamingQuery:
        from lightstream.stream.start import start_query

        return StreamingQuery(start_query(self._request(table, more)))

    def _request(self, table: tuple[str, ...] | None, more: dict[str, str]) -> QueryRequest:
        from lightstream.sinks.registry import SinkRequest
        from lightstream.stream.start import QueryRequest

        self._spark._check_running()
        self._spark.streams  # noqa: B018  SparkSession.stop() ends queries when this part of the session exists
        state = self._spark._state
        conf = state.conf.copy()
        default = "" if table is not None else conf.get("spark.sql.sources.default") or "parquet"
        chosen = self._format if self._format is not None else default
        session = _clone(self._spark) if chosen in (_FOREACH, _FOREACH_BATCH) else self._spark
        sink = SinkRequest(
            format=chosen,
            schema=self._df._plan.schema,
            output_mode=self._output_mode,
            options={**self._options, **more},
            query_name=self._query_name,
            table=table,
            partition_by=self._partition_by,
            foreach=self._foreach if chosen == _FOREACH else None,
            foreach_batch=self._foreach_batch if chosen == _FOREACH_BATCH else None,
            frame_of=lambda plan: _frame(plan, session),
            rows_of=lambda plan: _frame(plan, session).collect(),
        )
        return QueryRequest(self._df._plan, state, conf, sink, self._trigger)


def _frame(plan: LogicalPlan, session: SparkSession) -> DataFrame:
    from lightstream.sql.dataframe import DataFrame

    return DataFrame(plan, session)


def _clone(session: SparkSession) -> SparkSession:
    """Return the session that a query's functions see: settings and views as they are now, its own from then on."""
    clone = session.newSession()
    clone._state.conf.values.update(session._state.conf.values)
    clone._state.views.update(session._state.views)
    clone._state.connectors.update(session._state.connectors)
    return clone


def _names(cols: tuple[str | list[str], ...]) -> tuple[str, ...]:
    if len(cols) == 1 and isinstance(cols[0], list | tuple):
        return tuple(cols[0])
    return tuple(str(column) for column in cols)


def _check_text(argument: str, value: Any) -> None:
    if not value or not isinstance(value, str) or not value.strip():
        raise PySparkValueError(
            "VALUE_NOT_NON_EMPTY_STR",
            f"Value for `{argument}` must be a non-empty string, got '{value}'.",
            parameters={"arg_name": argument, "arg_value": str(value)},
        )


def _both_layouts() -> AnalysisException:
    return AnalysisException(
        "SPECIFY_CLUSTER_BY_WITH_PARTITIONED_BY_IS_NOT_ALLOWED",
        "Cannot specify both CLUSTER BY and PARTITIONED BY: choose one of clusterBy and partitionBy.",
        sqlstate="42908",
    )

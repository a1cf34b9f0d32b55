"""Reading through a connector: batches with partitions and filters, streams with offsets that are JSON."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lightstream.errors import (
    PySparkException,
    PySparkNotImplementedError,
    PySparkValueError,
    SparkRuntimeException,
)
from lightstream.functions.spelling import quote
from lightstream.plan.required import Required
from lightstream.plan.types import StructType
from lightstream.sources.contract import Scan
from lightstream.sql.connector import (
    Made,
    copied,
    guarded,
    mismatch,
    own_traceback,
    planned,
    read_partitions,
    row_tables,
)
from lightstream.sql.datasource import (
    DataSource,
    DataSourceReader,
    DataSourceStreamReader,
    Filter,
    InputPartition,
    SimpleDataSourceStreamReader,
)
from lightstream.sql.streaming.datasource import (
    ReadAllAvailable,
    ReadLimit,
    ReadMaxBytes,
    ReadMaxFiles,
    ReadMaxRows,
    ReadMinRows,
    SupportsTriggerAvailableNow,
)

if TYPE_CHECKING:
    import duckdb
    import pyarrow

    from lightstream.conf import Conf
    from lightstream.plan.expressions import Attribute, Expression

_LIMITS = (ReadAllAvailable, ReadMinRows, ReadMaxRows, ReadMaxFiles, ReadMaxBytes)
_PUSHDOWN = "spark.sql.python.filterPushdown.enabled"


class ConnectorReader:
    """A connector with its options and schema. Spark: what it plans to read is asked for once, by the first query."""

    metadata: StructType | None = None

    def __init__(self, source: DataSource, schema: StructType, conf: Conf) -> None:
        self.schema = schema
        self.name = type(source).name()
        self._source = source
        self._conf = conf
        self._plan: tuple[DataSourceReader, Sequence[InputPartition]] | None = None

    def scan(self, columns: tuple[Required, ...], cursor: duckdb.DuckDBPyConnection) -> Scan:
        """Return all rows, for a batch query.

        Raises:
            AnalysisException: PYTHON_DATA_SOURCE_ERROR, before anything is read.
            PythonException: reading failed.
        """
        if self._plan is None:
            self._plan = _partitioned(self._reader())
        reader, partitions = self._plan
        rows = read_partitions(reader, partitions, self.schema, self.name, self._conf.time_zone)
        return table_scan(rows, self.schema, columns)

    def filtered(
        self, conditions: Sequence[Expression], columns: Sequence[Attribute]
    ) -> tuple[ConnectorReader, Sequence[Expression]]:
        """Return the reader that evaluates what the connector takes over, and the conditions that are left.

        Raises:
            AnalysisException: PYTHON_DATA_SOURCE_ERROR.
        """
        if not conditions or not self._conf.boolean(_PUSHDOWN):
            return self, conditions
        from lightstream.sql.connector_filters import filter_of, not_null

        pairs = [(condition, filter_of(condition, columns)) for condition in conditions]
        pushed = [found for _, found in pairs if found is not None]
        offered = [*not_null(pushed, columns), *pushed]
        if not offered:
            return self, conditions
        reader = self._reader()
        refused = planned("initialize", "reader", lambda: _refused(reader, offered))
        filtering = ConnectorReader(self._source, self.schema, self._conf)
        filtering._plan = _partitioned(reader)
        return filtering, [condition for condition, found in pairs if found is None or id(found) in refused]

    def _reader(self) -> DataSourceReader:
        def made() -> DataSourceReader:
            reader = copied(self._source).reader(schema=self.schema)
            if not isinstance(reader, DataSourceReader):
                raise mismatch("an instance of DataSourceReader", type(reader).__name__)
            own = getattr(reader.pushFilters, "__func__", None) is not DataSourceReader.pushFilters
            if own and not self._conf.boolean(_PUSHDOWN):
                raise PySparkException(
                    "DATA_SOURCE_PUSHDOWN_DISABLED",
                    f"{type(reader).__name__} implements pushFilters() but filter pushdown is disabled. Set "
                    f"{_PUSHDOWN} to true, or leave the method out.",
                    parameters={"type": type(reader).__name__, "conf": _PUSHDOWN},
                )
            return reader

        return planned("initialize", "reader", made)

    def open_stream(self, source_directory: str | None, durable: bool, conf: Conf) -> ConnectorStream:
        """Start reading as a stream; where it stands is in the query's offset log alone.

        Raises:
            AnalysisException: PYTHON_DATA_SOURCE_ERROR: there is no stream reader.
        """

        def made() -> DataSourceStreamReader | SimpleDataSourceStreamReader:
            source = copied(self._source)
            try:
                return source.streamReader(schema=self.schema)
            except PySparkNotImplementedError:
                return source.simpleStreamReader(schema=self.schema)

        return ConnectorStream(made, self.schema, self.name, conf.time_zone)


def _refused(reader: DataSourceReader, offered: list[Filter]) -> set[int]:
    """Return the identities of the filters that a reader does not take over."""
    left = list(reader.pushFilters(offered))
    known = {id(one) for one in offered}
    extraneous = [one for one in left if id(one) not in known]
    if extraneous:
        raise PySparkValueError(
            "DATA_SOURCE_EXTRANEOUS_FILTERS",
            f"{type(reader).__name__}.pushFilters() returned filters that are not part of the input. Make sure that "
            f"each returned filter is one of the input filters by reference: {extraneous}",
            parameters={
                "type": type(reader).__name__,
                "input": str(offered),
                "extraneous": str(extraneous),
            },
        )
    return {id(one) for one in left}


def _partitioned(reader: DataSourceReader) -> tuple[DataSourceReader, Sequence[InputPartition]]:
    # Spark: what `partitions` changes in the reader is not seen by `read`.
    pristine = copied(reader)

    def partitions() -> Sequence[InputPartition]:
        try:
            found = reader.partitions()
        except NotImplementedError:
            found = [InputPartition(None)]
        if not isinstance(found, list):
            raise mismatch("'partitions' to return a list", type(found).__name__)
        if not all(isinstance(one, InputPartition) for one in found):
            kinds = ", ".join(f"'{type(one).__name__}'" for one in found)
            raise mismatch("elements in 'partitions' to be of type 'InputPartition'", kinds)
        return found or [InputPartition(None)]

    return pristine, planned("generate", "read partitions", partitions)


def table_scan(rows: pyarrow.Table, schema: StructType, columns: tuple[Required, ...]) -> Scan:
    """Return the columns that are needed of a table whose columns are named by position."""
    positions = {name: position for position, name in enumerate(schema.names)}
    items = ", ".join(f"c{positions[column.path[0]]} AS {quote(column.output)}" for column in columns)
    frame = f"lightstream_rows_{id(rows)}"
    return Scan(f"(SELECT {items or '1 AS one'} FROM {frame})", {frame: rows}, rows=rows.num_rows)


# ---- streams --------------------------------------------------------------------------------------------------


class ConnectorStream:
    """One query's reading through a connector. The reader that says what there is and the one that reads are two."""

    needs_polling = True

    def __init__(
        self,
        make: Callable[[], DataSourceStreamReader | SimpleDataSourceStreamReader],
        schema: StructType,
        name: str,
        zone: str,
    ) -> None:
        def driver() -> DataSourceStreamReader:
            found = make()
            return (
                _Prefetching(found, self._rows) if isinstance(found, SimpleDataSourceStreamReader) else found
            )

        self._make = make
        self._schema, self._name, self._zone = schema, name, zone
        self._driver = planned("initialize", "reader", driver)
        self._reading: Any = None
        self._initial: str | None = None
        self._default: ReadLimit | None = None
        simple = isinstance(self._driver, _Prefetching)
        self._admits = simple or bool(inspect.signature(self._driver.latestOffset).parameters)
        self._stops = self._driver.simple if isinstance(self._driver, _Prefetching) else self._driver
        kind = "WithAdmissionControl" if self._admits else ""
        if isinstance(self._stops, SupportsTriggerAvailableNow):
            kind = "WithTriggerAvailableNow"
        self.description = (
            "org.apache.spark.sql.execution.datasources.v2.python."
            f"PythonMicroBatchStream{kind}@{id(self) & 0xFFFFFFFF:x}"
        )

    # ---- offsets ----------------------------------------------------------------------------------------------

    def latest_offset(self, start: str | None, *, ignore_limits: bool = False) -> str | None:
        """Ask the reader for the end of the next batch."""
        if not self._admits:
            old: Any = self._driver.latestOffset
            return _offset(self._called("latestOffset", old))
        limit = ReadAllAvailable() if ignore_limits else self._limit()
        from_ = json.loads(self._first() if start is None else start)
        return _offset(self._called("latestOffset", lambda: self._driver.latestOffset(from_, limit)))

    def reported(self, end: str | None) -> tuple[str | None, Mapping[str, str]]:
        """Return the newest offset, where the reader tells one; one without limits reads up to it."""
        if not self._admits:
            return end, {}
        newest = self._called("reportLatestOffset", self._driver.reportLatestOffset)
        return None if newest is None else _offset(newest), {}

    def _limit(self) -> ReadLimit:
        if self._default is None:
            limit = self._called("getDefaultReadLimit", self._driver.getDefaultReadLimit)
            if not isinstance(limit, _LIMITS):
                raise _runtime_error(
                    "getDefaultReadLimit", f"name '{type(limit).__name__}' is not registered."
                )
            self._default = limit
        return self._default

    def _first(self) -> str:
        if self._initial is None:
            self._initial = _offset(self._called("initialOffset", self._driver.initialOffset))
        return self._initial

    def prepare_available_now(self) -> bool:
        """Let the reader remember what there is, if it can."""
        if not isinstance(self._stops, SupportsTriggerAvailableNow):
            return False
        self._called("prepareForTriggerAvailableNow", self._stops.prepareForTriggerAvailableNow)
        return True

    def commit(self, end: str) -> None:
        """Tell the reader that a batch is done."""
        self._called("commitSource", lambda: self._driver.commit(json.loads(end)))

    # ---- rows -------------------------------------------------------------------------------------------------

    def input_of(self, start: str | None, end: str | None) -> tuple[str, str]:
        """Return the offsets of a batch."""
        first = self._first() if start is None else start
        return first, first if end is None else end

    def expected(self, count: int) -> Sequence[object]:
        """Nothing is read early."""
        return ()

    def scan(
        self, what: tuple[str, str], columns: tuple[Required, ...], cursor: duckdb.DuckDBPyConnection
    ) -> Scan:
        """Return the rows between two offsets.

        Raises:
            PythonException: reading failed.
        """
        start, end = (json.loads(offset) for offset in what)
        if isinstance(self._driver, _Prefetching):
            rows = self._driver.fetched(*what)
            if rows is None:
                rows = self._rows(lambda: self._reader().readBetweenOffsets(start, end))
        else:
            partitions = self._called("planPartitions", lambda: list(self._driver.partitions(start, end)))
            rows = read_partitions(self._reader(), partitions, self._schema, self._name, self._zone)
        return table_scan(rows, self._schema, columns)

    def _reader(self) -> Any:
        if self._reading is None:
            self._reading = planned("initialize", "reader", self._make)
        return self._reading

    def _rows(self, call: Callable[[], Iterator[Any]]) -> pyarrow.Table:
        from lightstream.sql.python_frames import collected

        return guarded(
            lambda: collected(row_tables(iter(call()), self._schema, self._name, self._zone), self._schema)
        )

    # ---- life -------------------------------------------------------------------------------------------------

    def _called(self, action: str, call: Callable[[], Made]) -> Made:
        try:
            return call()
        except Exception as error:
            raise _runtime_error(action, own_traceback(error)) from error

    def interrupt(self) -> None:
        """The connector's methods are left to end."""

    def set_wakeup(self, wakeup: Callable[[], None]) -> None:
        """The reader cannot tell when something arrives: it is asked again and again."""

    def stop(self) -> None:
        """Stop the reader."""
        self._driver.stop()


class _Prefetching(DataSourceStreamReader):
    """A simple reader, whose rows are kept from the look that found them until their batch is done."""

    def __init__(
        self,
        simple: SimpleDataSourceStreamReader,
        rows_of: Callable[[Callable[[], Iterator[Any]]], pyarrow.Table],
    ) -> None:
        self.simple = simple
        self._rows_of = rows_of
        self._kept: list[tuple[str, str, pyarrow.Table]] = []

    def initialOffset(self) -> dict[str, Any]:
        return self.simple.initialOffset()

    def latestOffset(self, start: dict[str, Any], limit: ReadLimit) -> dict[str, Any]:
        rows, end = self.simple.read(start)
        table = self._rows_of(lambda: rows)
        first, last = _offset(start), _offset(end)
        if first != last:
            self._kept.append((first, last, table))
        elif table.num_rows:
            raise PySparkException(
                "SIMPLE_STREAM_READER_OFFSET_DID_NOT_ADVANCE",
                "SimpleDataSourceStreamReader.read() returned rows, and an end offset that is its start: the same "
                f"rows would be read for ever. Start: {first}. End: {last}.",
                parameters={"start_offset": first, "end_offset": last},
            )
        return end

    def fetched(self, start: str, end: str) -> pyarrow.Table | None:
        """Return the rows between two offsets, None when they were not kept."""
        import pyarrow as pa

        starts, ends = [first for first, _, _ in self._kept], [last for _, last, _ in self._kept]
        if start not in starts or end not in ends:
            return None
        return pa.concat_tables(
            table for _, _, table in self._kept[starts.index(start) : ends.index(end) + 1]
        )

    def commit(self, end: dict[str, Any]) -> None:
        done = [last for _, last, _ in self._kept]
        if (offset := _offset(end)) in done:
            del self._kept[: done.index(offset) + 1]
        self.simple.commit(end)

    def read(self, partition: InputPartition) -> Iterator[tuple[Any, ...]]:
        raise NotImplementedError


def _offset(value: dict[str, Any]) -> str:
    return json.dumps(value)


def _runtime_error(action: str, text: str) -> SparkRuntimeException:
    return SparkRuntimeException(
        "PYTHON_STREAMING_DATA_SOURCE_RUNTIME_ERROR",
        f"Failed when Python streaming data source perform {action}: {text}",
        sqlstate="38000",
        parameters={"action": action, "msg": text},
    )

"""`transformWithState` and `transformWithStateInPandas`: a StatefulProcessor over the groups of a stream."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lightstream.errors import AnalysisException, IllegalArgumentException, PySparkException, unsupported
from lightstream.execute.python_functions import python_exception
from lightstream.operators.groups import GroupBatch, GroupResult, StateTable
from lightstream.plan import logical as lp
from lightstream.plan import types as t
from lightstream.sql.streaming import group_frames
from lightstream.sql.streaming.group_state import (
    columns_of,
    df_of,
    mode_of,
    schema_of,
    struct_type,
    with_keys,
)
from lightstream.sql.streaming.processor_state import (
    EVENT_TIME,
    NONE,
    PROCESSING_TIME,
    TIMERS,
    ProcessorState,
)
from lightstream.sql.streaming.stateful_processor import (
    ExpiredTimerInfo,
    StatefulProcessor,
    StatefulProcessorHandle,
    TimerValues,
)

if TYPE_CHECKING:
    from lightstream.sql.dataframe import DataFrame
    from lightstream.sql.group import GroupedData


class RowGroups:
    """Keys and rows of the groups of a batch, as Rows."""

    def __init__(
        self, keys: Any, rows: Any, key_schema: t.StructType, schema: t.StructType, zone: str
    ) -> None:
        from lightstream.sql.rows import to_arrow

        self._keys = _tuples(to_arrow(keys, key_schema), zone)
        self._rows = to_arrow(rows.drop_columns(["n"]), schema)
        self._names = schema.names
        self._zone = zone
        self.spans = group_frames.spans(rows)

    def key(self, number: int) -> tuple[Any, ...]:
        """Return a group's key."""
        return self._keys[number]

    def parts(self, number: int) -> Iterator[Any]:
        """Yield a group's rows."""
        from lightstream.sql.row import row_of

        begin, end = self.spans[number]
        for values in _tuples(self._rows.slice(begin, end - begin), self._zone):
            yield row_of(self._names, values)


class FrameGroups:
    """Keys and rows of the groups of a batch, as pandas frames of Python's values."""

    def __init__(
        self, keys: Any, rows: Any, key_schema: t.StructType, schema: t.StructType, zone: str
    ) -> None:
        from lightstream.sql.rows import to_arrow

        self._keys = to_arrow(keys, key_schema)
        self._rows = to_arrow(rows.drop_columns(["n"]), schema)
        self._key_schema, self._schema, self._zone = key_schema, schema, zone
        self.spans = group_frames.spans(rows)

    def key(self, number: int) -> tuple[Any, ...]:
        """Return a group's key."""
        found = self._tuples(self._keys.slice(number, 1), self._key_schema)
        return found[0] if found else ()

    def parts(self, number: int) -> Iterator[Any]:
        """Yield a group's rows in frames."""
        import pandas

        begin, end = self.spans[number]
        for start in range(begin, end, 10_000):
            rows = self._tuples(self._rows.slice(start, min(10_000, end - start)), self._schema)
            yield pandas.DataFrame(rows, columns=self._schema.names)

    def _tuples(self, table: Any, schema: t.StructType) -> list[tuple[Any, ...]]:
        from lightstream.sql.pandas_frames import to_pandas

        return list(to_pandas(table, schema, self._zone).itertuples(index=False, name=None))


class ProcessorProgram:
    """Calls a processor for each group with rows, then for each timer whose time has come."""

    def __init__(
        self,
        processor: StatefulProcessor,
        uses_frames: bool,
        schema: t.StructType,
        time_mode: str,
        key_schema: t.StructType,
        input_schema: t.StructType,
        initial_schema: t.StructType,
        event_time: str,
        zone: str,
    ) -> None:
        self.name = "transformWithStateInPandasExec" if uses_frames else "transformWithStateInPySparkExec"
        self._processor = processor
        self._uses_frames = uses_frames
        self._groups = FrameGroups if uses_frames else RowGroups
        self._schema, self._key_schema = schema, key_schema
        self._input_schema, self._initial_schema = input_schema, initial_schema
        self._event_time = event_time
        self._time_mode = time_mode
        self._zone = zone
        self._definitions = ProcessorState(time_mode, 0).definitions
        self.drops_late_rows = time_mode == EVENT_TIME
        self.waits_for_watermark = time_mode != PROCESSING_TIME
        self.waits_for_clock = (TIMERS, "v0") if time_mode == PROCESSING_TIME else None

    def open(self) -> Sequence[StateTable]:
        """Return a table for each state variable, and one for timers.

        Raises:
            PythonException: `init` raised an error.
        """
        state = ProcessorState(self._time_mode, 0)
        processor = copy.copy(self._processor)
        try:
            processor.init(StatefulProcessorHandle(state))
            processor.close()
        except Exception as error:
            raise python_exception(error) from error
        self._definitions = state.definitions
        tables = [StateTable(name, found.types) for name, found in state.definitions.items()]
        return (*tables, StateTable(TIMERS, (t.LongType(),), counted=False))

    def due(self, timestamp_ms: int, watermark_ms: int) -> Sequence[tuple[str, str]]:
        """Return which timers' time has come, and which values have expired."""
        found = []
        if self._time_mode != NONE:
            found.append((TIMERS, f"v0 <= {self._now(timestamp_ms, watermark_ms)}"))
        for name, definition in self._definitions.items():
            if definition.ttl_ms is not None:
                found.append((name, f"v{len(definition.types) - 1} <= {timestamp_ms}"))
        return found

    def _now(self, timestamp_ms: int, watermark_ms: int) -> int:
        return timestamp_ms if self._time_mode == PROCESSING_TIME else watermark_ms

    def run(self, batch: GroupBatch) -> GroupResult:
        """Call the processor.

        Raises:
            PythonException: it raised an error.
        """
        state = ProcessorState(self._time_mode, batch.timestamp_ms, batch.state)
        result = GroupResult(None)
        try:
            made = self._call(batch, state)
            result.output = self._output(made)
        except PySparkException as error:
            raise (
                error if error.condition == "LIGHTSTREAM_UNSUPPORTED" else python_exception(error)
            ) from error
        except Exception as error:
            raise python_exception(error) from error
        self._check_times(result.output, batch.watermark_ms)
        changed = {}
        for table, numbers in state.changed.items():
            rows = state.new_rows(table)
            types = (t.LongType(),) if table == TIMERS else state.definitions[table].types
            changed[table] = (sorted(numbers), group_frames.state_table(rows, types))
        result.changed, result.updated, result.removed = changed, state.updated, state.removed
        return result

    def _call(self, batch: GroupBatch, state: ProcessorState) -> list[Any]:
        made: list[Any] = []
        processor = copy.copy(self._processor)
        processor.init(StatefulProcessorHandle(state))
        state.initializing = False
        groups = self._groups(batch.keys, batch.rows, self._key_schema, self._input_schema, self._zone)
        first = None
        if batch.initial is not None:
            first = self._groups(
                batch.keys, batch.initial, self._key_schema, self._initial_schema, self._zone
            )
        times = TimerValues()
        if self._time_mode != NONE:
            times = TimerValues(batch.timestamp_ms, batch.watermark_ms)
        count = batch.keys.num_rows
        for state.current in range(count):
            if first is not None and state.current in first.spans:
                for part in first.parts(state.current):
                    processor.handleInitialState(groups.key(state.current), part, times)
            if state.current in groups.spans:
                made.extend(
                    processor.handleInputRows(groups.key(state.current), groups.parts(state.current), times)
                )
        if self._time_mode != NONE:
            for expiry_ms, number in self._expired(batch, state, count):
                state.current = number
                info = ExpiredTimerInfo(expiry_ms)
                made.extend(
                    processor.handleExpiredTimer(
                        key=groups.key(number), timerValues=times, expiredTimerInfo=info
                    )
                )
                state.delete_timer(expiry_ms)
        state.drop_expired(count)
        state.current = -1
        processor.close()
        return made

    def _expired(self, batch: GroupBatch, state: ProcessorState, count: int) -> list[tuple[int, int]]:
        now_ms = self._now(batch.timestamp_ms, batch.watermark_ms)
        found = []
        for state.current in range(count):
            found += [(expiry_ms, state.current) for expiry_ms in state.timers() if expiry_ms <= now_ms]
        return sorted(found)

    def _output(self, made: list[Any]) -> Any:
        import pyarrow as pa

        from lightstream.sql.python_functions import carried
        from lightstream.sql.rows import arrow_type

        if self._uses_frames:
            frames = list(group_frames.checked_pandas(made, len(self._schema)))
            return group_frames.pandas_output(frames, self._schema, self._zone)
        rows = [row.asDict(True) for row in made]
        arrays = [
            carried(pa.array([row.get(f.name) for row in rows], arrow_type(f.dataType)), f.dataType)
            for f in self._schema
        ]
        return pa.Table.from_arrays(arrays, names=[f"c{i}" for i in range(len(arrays))])

    def _check_times(self, output: Any, watermark_ms: int) -> None:
        """Refuse rows that are late for what comes after."""
        if not self._event_time:
            return
        import pyarrow.compute as pc

        position = self._schema.names.index(self._event_time)
        earliest = pc.min(output.column(position).cast("int64")).as_py()
        if earliest is not None and earliest // 1000 < watermark_ms:
            raise AnalysisException(
                "EMITTING_ROWS_OLDER_THAN_WATERMARK_NOT_ALLOWED",
                f"Previous node emitted a row with eventTime={earliest} which is older than "
                f"current_watermark_value={watermark_ms * 1000}. This can lead to correctness issues in the stateful "
                "operators downstream in the execution pipeline. Please correct the operator logic to emit rows after "
                "current global watermark value.",
                sqlstate="42815",
                parameters={
                    "emittedRowEventTime": str(earliest),
                    "currentWatermark": str(watermark_ms * 1000),
                },
            )


def _tuples(table: Any, zone: str) -> list[tuple[Any, ...]]:
    """Return the rows of an Arrow table, instants in a time zone."""
    import pyarrow as pa

    columns = []
    for column in table.columns:
        if pa.types.is_timestamp(column.type) and column.type.tz is not None:
            column = column.cast(pa.timestamp("us", zone))
        columns.append(column.to_pylist())
    return list(zip(*columns, strict=True)) if columns else [()] * table.num_rows


_TIME_MODES = {"none": NONE, "processingtime": PROCESSING_TIME, "eventtime": EVENT_TIME}


def transform_with_state(
    grouping: GroupedData,
    processor: Any,
    output: Any,
    output_mode: str,
    time_mode: str,
    initial: GroupedData | None,
    event_time: str,
    uses_frames: bool,
) -> DataFrame:
    """Return the rows that a processor makes of the groups of a stream.

    Raises:
        IllegalArgumentException: STATEFUL_PROCESSOR_UNKNOWN_TIME_MODE, STREAMING_OUTPUT_MODE.INVALID.
    """
    df = grouping._df
    mode = _TIME_MODES.get(time_mode.lower())
    if mode is None:
        raise IllegalArgumentException(
            "STATEFUL_PROCESSOR_UNKNOWN_TIME_MODE",
            f"Unknown time mode {time_mode}. Accepted timeMode modes are 'none', 'processingTime', 'eventTime'.",
            sqlstate="42802",
            parameters={"timeMode": time_mode},
        )
    if not df.isStreaming:
        raise unsupported("transformWithState in a batch query")
    schema = struct_type(output)
    input_plan, keys, values = with_keys(grouping)
    columns = columns_of(schema)
    if event_time:
        columns = _with_event_time(columns, event_time, values)
    first: tuple[Any, ...] = (None, (), ())
    if initial is not None:
        if initial._df.isStreaming:
            raise unsupported("An initial state that is a stream")
        first = with_keys(initial)
        if [key.type for key in first[1]] != [key.type for key in keys]:
            raise unsupported("An initial state with keys of other types than the stream's")
    program = ProcessorProgram(
        processor,
        uses_frames,
        schema,
        mode,
        schema_of(keys if grouping._keys else ()),
        schema_of(values),
        schema_of(first[2]),
        event_time,
        df._state.conf.time_zone,
    )
    node = lp.GroupsWithState(input_plan, keys, values, columns, program, mode_of(output_mode), *first)
    return df_of(df, node)


def _with_event_time(columns: Any, name: str, values: Any) -> Any:
    """Return the output with a column marked as event time, by the watermark of the input."""
    delays = [a.metadata[lp.DELAY_MARK] for a in values if lp.DELAY_MARK in (a.metadata or {})]
    found = next((column for column in columns if column.name == name), None)
    if found is not None and not isinstance(found.type, t.TimestampType | t.TimestampNTZType):
        raise AnalysisException(
            "EVENT_TIME_IS_NOT_ON_TIMESTAMP_TYPE",
            f"The event time `{name}` has the invalid type {found.type.simpleString()}, but expected TIMESTAMP.",
            sqlstate="42K09",
            parameters={"eventName": f"`{name}`", "eventType": found.type.simpleString()},
        )
    if found is None:
        raise AnalysisException(
            "UNRESOLVED_COLUMN.WITH_SUGGESTION",
            f"A column `{name}` for the event time cannot be resolved among the output columns.",
            sqlstate="42703",
            parameters={"objectName": f"`{name}`"},
        )
    delay_ms = delays[0] if delays else 0
    return tuple(
        replace(column, metadata={**(column.metadata or {}), lp.DELAY_MARK: delay_ms})
        if column.name == name
        else column
        for column in columns
    )

"""`applyInPandasWithState` and `applyInPolarsWithState`: a function with a GroupState for each group."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from lightstream.dataclass import dataclass
from lightstream.errors import (
    IllegalArgumentException,
    PySparkTypeError,
    UnsupportedOperationException,
    unsupported,
)
from lightstream.execute.python_functions import python_exception
from lightstream.operators.groups import GroupBatch, GroupResult, StateTable
from lightstream.plan import logical as lp
from lightstream.plan import relations as r
from lightstream.plan import types as t
from lightstream.plan.expressions import Alias, Attribute, Literal, fresh_id
from lightstream.sql.streaming import group_frames
from lightstream.sql.streaming.state import GroupState, GroupStateTimeout

if TYPE_CHECKING:
    from lightstream.sql.dataframe import DataFrame
    from lightstream.sql.group import GroupedData

_STATE = "state"


@dataclass(frozen=True, slots=True)
class Frames:
    """How a kind of frame is made of groups, checked, and taken back."""

    groups: type[group_frames.PandasGroups] | type[group_frames.PolarsGroups]
    checked: Callable[[Any, int], Iterator[Any]]
    output: Callable[[Sequence[Any], t.StructType, str], Any]


PANDAS = Frames(group_frames.PandasGroups, group_frames.checked_pandas, group_frames.pandas_output)
POLARS = Frames(group_frames.PolarsGroups, group_frames.checked_polars, group_frames.polars_output)


class GroupStateProgram:
    """Calls `func(key, frames, state)` for each group with rows, then for each whose time is up.

    The state table has the value, NULL where there is only a timeout, and the timeout in milliseconds, NULL for none.
    """

    name = "applyInPandasWithState"

    def __init__(
        self,
        func: Callable[..., Any],
        frames: Frames,
        schema: t.StructType,
        state_schema: t.StructType,
        timeout: str,
        key_schema: t.StructType,
        input_schema: t.StructType,
        has_watermark: bool,
        zone: str,
    ) -> None:
        self._func, self._frames = func, frames
        self._schema, self._state_schema = schema, state_schema
        self._timeout = timeout
        self._key_schema, self._input_schema = key_schema, input_schema
        self._has_watermark = has_watermark
        self._zone = zone
        self._types = (state_schema, t.LongType())
        self.drops_late_rows = self.waits_for_watermark = timeout == GroupStateTimeout.EventTimeTimeout
        by_clock = timeout == GroupStateTimeout.ProcessingTimeTimeout
        self.waits_for_clock = (_STATE, "v1 + 1") if by_clock else None

    def open(self) -> Sequence[StateTable]:
        """Return the table of state."""
        return (StateTable(_STATE, self._types),)

    def due(self, timestamp_ms: int, watermark_ms: int) -> Sequence[tuple[str, str]]:
        """Return which groups have timed out."""
        if self._timeout == GroupStateTimeout.NoTimeout:
            return ()
        return ((_STATE, f"v1 < {self._threshold(timestamp_ms, watermark_ms)}"),)

    def _threshold(self, timestamp_ms: int, watermark_ms: int) -> int:
        return watermark_ms if self.waits_for_clock is None else timestamp_ms

    def run(self, batch: GroupBatch) -> GroupResult:
        """Call the function.

        Raises:
            PythonException: it raised an error.
        """
        groups = self._frames.groups(batch.keys, batch.rows, self._key_schema, self._input_schema, self._zone)
        stored = group_frames.state_rows(batch.state[_STATE], self._types)
        made: list[Any] = []
        result = GroupResult(None)
        changed: dict[int, list[tuple[Any, ...]]] = {}
        # Spark: first all groups with rows, then those that have timed out.
        with_rows = [n for n in range(batch.keys.num_rows) if n in groups.spans]
        timed_out = [n for n in range(batch.keys.num_rows) if n not in groups.spans]
        try:
            for number in (*with_rows, *timed_out):
                value = stored[number][0][0] if number in stored else None
                has_rows = number in groups.spans
                state = GroupState(
                    value,
                    batch.timestamp_ms,
                    batch.watermark_ms if self._has_watermark else GroupState.NO_TIMESTAMP,
                    self._timeout,
                    not has_rows,
                    self._has_watermark,
                    value is not None,
                    False,
                    False,
                    GroupState.NO_TIMESTAMP,
                    b"",
                    self._state_schema,
                )
                frames = groups.frames(number) if has_rows else groups.nothing()
                given = self._func(groups.key(number), frames, state)
                made.extend(self._frames.checked(given, len(self._schema)))
                self._take(number, state, changed, result)
            result.output = self._frames.output(made, self._schema, self._zone)
        except Exception as error:
            raise python_exception(error) from error
        rows = {number: found for number, found in changed.items() if found}
        result.changed = {_STATE: (list(changed), group_frames.state_table(rows, self._types))}
        return result

    def _take(
        self,
        number: int,
        state: GroupState,
        changed: dict[int, list[tuple[Any, ...]]],
        result: GroupResult,
    ) -> None:
        """Note what a call did to the state."""
        timeout = None if state._timeout_timestamp == GroupState.NO_TIMESTAMP else state._timeout_timestamp
        if state._removed and timeout is None:
            changed[number] = []
            result.removed += 1
        elif state._updated or state._removed or timeout is not None:
            # Spark: a call that changes nothing leaves the timeout as it was.
            changed[number] = [(state._value if state._defined else None, timeout)]
            result.updated += 1


def apply_with_state(
    grouping: GroupedData,
    func: Callable[..., Any],
    output: Any,
    state: Any,
    output_mode: str,
    timeout: str,
    frames: Frames,
) -> DataFrame:
    """Return the rows that a function makes of each group and of what it keeps for the group."""
    if timeout not in ("NoTimeout", "ProcessingTimeTimeout", "EventTimeTimeout"):
        raise AssertionError  # as Spark: without a word
    df = grouping._df
    schema, state_schema = struct_type(output), struct_type(state)
    input_plan, keys, values = with_keys(grouping)
    program = GroupStateProgram(
        func,
        frames,
        schema,
        state_schema,
        timeout,
        schema_of(keys if grouping._keys else ()),
        schema_of(values),
        any(lp.DELAY_MARK in (a.metadata or {}) for a in values),
        df._state.conf.time_zone,
    )
    if not df.isStreaming:
        raise UnsupportedOperationException(
            "_LEGACY_ERROR_TEMP_3176",
            "applyInPandasWithState is unsupported in batch query. Use applyInPandas instead.",
        )
    mode = mode_of(output_mode)
    if mode == "complete":
        raise IllegalArgumentException(None, "The output mode of function should be append or update")
    return df_of(df, lp.GroupsWithState(input_plan, keys, values, columns_of(schema), program, mode))


def with_keys(
    grouping: GroupedData,
) -> tuple[lp.LogicalPlan, tuple[Attribute, ...], tuple[Attribute, ...]]:
    """Return the input of a grouping with the keys as columns of their own, the keys, and the other columns."""
    if grouping._kind != "groupby" or grouping._pivot is not None:
        raise unsupported("Functions with state after rollup, cube or pivot")
    df = grouping._df
    keys = grouping._keys or (Literal(1, t.IntegerType()),)
    named = tuple(Alias(key, (f"key{i}",)) for i, key in enumerate(keys))
    plan = df._with(r.Project(df._plan, (*df._plan.output, *named)))._plan
    width = len(df._plan.output)
    return plan, plan.output[width:], plan.output[:width]


def df_of(df: DataFrame, plan: lp.LogicalPlan) -> DataFrame:
    """Return the DataFrame of a plan, of the session of another DataFrame."""
    from lightstream.sql.dataframe import DataFrame

    return DataFrame(plan, df.sparkSession)


def columns_of(schema: t.StructType) -> tuple[Attribute, ...]:
    """Return new columns of a schema."""
    return tuple(Attribute(f.name, f.dataType, f.nullable, fresh_id(), (), f.metadata) for f in schema)


def schema_of(columns: Sequence[Attribute]) -> t.StructType:
    """Return the schema of columns."""
    return t.StructType([t.StructField(a.name, a.type, a.nullable) for a in columns])


def struct_type(schema: Any) -> t.StructType:
    """Return a schema that was given as a type or as DDL text."""
    found = t.DataType.fromDDL(schema) if isinstance(schema, str) else schema
    if not isinstance(found, t.StructType):
        raise PySparkTypeError(message="The schema must be a StructType or DDL text of columns.")
    return found


def mode_of(output_mode: str) -> str:
    """Return an output mode's name.

    Raises:
        IllegalArgumentException: STREAMING_OUTPUT_MODE.INVALID.
    """
    mode = output_mode.lower()
    if mode not in ("append", "update", "complete"):
        raise IllegalArgumentException(
            "STREAMING_OUTPUT_MODE.INVALID",
            f"Invalid streaming output mode: {output_mode}. Accepted output modes are 'Append', 'Complete', 'Update'.",
            sqlstate="42KDE",
            parameters={"outputMode": output_mode},
        )
    return mode

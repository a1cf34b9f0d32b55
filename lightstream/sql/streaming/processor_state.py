"""The state of a `transformWithState` processor: its variables and timers, for the groups of one batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from lightstream.dataclass import dataclass
from lightstream.errors import PySparkRuntimeError, unsupported
from lightstream.plan import types as t
from lightstream.sql.row import Row
from lightstream.sql.streaming.group_frames import state_rows
from lightstream.sql.streaming.state import python_value

if TYPE_CHECKING:
    import pyarrow

TIMERS = "$timers"
NONE, PROCESSING_TIME, EVENT_TIME = "none", "processingtime", "eventtime"
_SHOWN = {NONE: "NoTime", PROCESSING_TIME: "ProcessingTime", EVENT_TIME: "EventTime"}
_Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Definition:
    """A state variable: `kind` is value, list or map; its rows have a struct of each schema, and when they expire."""

    kind: str
    schemas: tuple[t.StructType, ...]
    ttl_ms: int | None

    @property
    def types(self) -> tuple[t.DataType, ...]:
        """Return the types of a stored row: a list is one row, as in Spark, which counts it as one."""
        expiry = (t.LongType(),) if self.ttl_ms is not None else ()
        if self.kind == "list":
            return (t.ArrayType(self.schemas[0]), *(t.ArrayType(kind) for kind in expiry), *expiry)
        return (*self.schemas, *expiry)

    def decoded(self, stored: list[_Row]) -> list[_Row]:
        """Return the variable's rows of its stored ones."""
        if self.kind != "list":
            return stored
        parts = 1 if self.ttl_ms is None else 2
        return [
            (tuple(value), *expiry) for row in stored for value, *expiry in zip(*row[:parts], strict=True)
        ]

    def encoded(self, rows: list[_Row]) -> list[_Row]:
        """Return the rows to be stored."""
        if self.kind != "list" or not rows:
            return rows
        columns = [list(column) for column in zip(*rows, strict=True)]
        return [(*columns, min(columns[1])) if self.ttl_ms is not None else tuple(columns)]


class ProcessorState:
    """State variables and timers of the group that is being handled.

    Args:
        time_mode: none, processingtime or eventtime.
        timestamp_ms: the batch's processing time.
        stored: the stored rows of the batch's groups by table; None while the variables are being collected.
    """

    def __init__(
        self, time_mode: str, timestamp_ms: int, stored: Mapping[str, pyarrow.Table] | None = None
    ) -> None:
        self._time_mode = time_mode
        self.timestamp_ms = timestamp_ms
        self._stored = stored
        self.definitions: dict[str, Definition] = {}
        self.current = -1
        """The number of the group."""
        self.initializing = True
        self.changed: dict[str, set[int]] = {}
        self.updated = self.removed = 0
        self._rows: dict[str, dict[int, list[_Row]]] = {}

    # ---- variables ----------------------------------------------------------------------------------------------

    def variable(
        self, kind: str, name: str, schemas: tuple[t.StructType | str, ...], ttl_ms: int | None
    ) -> Variable:
        """Define a state variable."""
        what = f"get_{kind}_state"
        self._check_initializing(what)
        if name in self.definitions:
            raise _failed(
                f"Error initializing {kind} state",
                "STATEFUL_PROCESSOR_DUPLICATE_STATE_VARIABLE_DEFINED",
                f"State variable with name {name} has already been defined in the StatefulProcessor.",
            )
        if name.lower() in map(str.lower, self.definitions):
            raise unsupported("Two state variables whose names differ in case only")
        ttl_ms = ttl_ms or None  # Spark: 0 is none
        if ttl_ms is not None and self._time_mode != PROCESSING_TIME:
            raise _failed(
                f"Error initializing {kind} state",
                "STATEFUL_PROCESSOR_INCORRECT_TIME_MODE_TO_ASSIGN_TTL",
                f"Cannot use TTL for state={name} in timeMode={_SHOWN[self._time_mode]}, use "
                "TimeMode.ProcessingTime() instead.",
            )
        parsed = tuple(_struct(schema) for schema in schemas)
        definition = Definition(kind, parsed, ttl_ms)
        self.definitions[name] = definition
        return Variable(self, name, definition)

    def delete_variable(self, name: str) -> None:
        """Forget a variable of an earlier run: as these are those of this run, there is none to forget."""
        self._check_initializing("delete_if_exists")
        if name in self.definitions:
            raise unsupported("deleteIfExists of a state variable that the processor defines")

    def rows(self, table: str) -> list[_Row]:
        """Return the rows of the current group in a table."""
        if self._stored is None or self.current < 0:
            raise PySparkRuntimeError(
                message=f"The state {table} can be used while a group is handled, not in init() or close()."
            )
        if table not in self._rows:
            found = state_rows(self._stored[table], self._types(table))
            if table != TIMERS:
                found = {n: self.definitions[table].decoded(rows) for n, rows in found.items()}
            self._rows[table] = found
        return self._rows[table].get(self.current, [])

    def replace(self, table: str, rows: list[_Row]) -> None:
        """Set the rows of the current group in a table."""
        before = self.rows(table)
        if rows != before:
            self._rows[table][self.current] = rows
            self.changed.setdefault(table, set()).add(self.current)

    def drop_expired(self, groups: int) -> None:
        """Remove values whose time to live is over, of all groups of the batch."""
        for name, definition in self.definitions.items():
            if definition.ttl_ms is None:
                continue
            for number in range(groups):
                self.current = number
                kept = [row for row in self.rows(name) if row[-1] > self.timestamp_ms]
                self.replace(name, kept)

    def new_rows(self, table: str) -> dict[int, list[_Row]]:
        """Return the rows to be stored of the groups that have changed."""
        found = {n: self._rows[table][n] for n in self.changed[table] if self._rows[table][n]}
        if table == TIMERS:
            return found
        return {n: self.definitions[table].encoded(rows) for n, rows in found.items()}

    def _types(self, table: str) -> tuple[t.DataType, ...]:
        return (t.LongType(),) if table == TIMERS else self.definitions[table].types

    def _check_initializing(self, what: str) -> None:
        if not self.initializing:
            raise _failed(
                f"Error in {what}",
                "STATEFUL_PROCESSOR_CANNOT_PERFORM_OPERATION_WITH_INVALID_HANDLE_STATE",
                f"Failed to perform stateful processor operation={what} with invalid handle state=INITIALIZED. "
                "State variables are asked for in init().",
            )

    # ---- timers -------------------------------------------------------------------------------------------------

    def timers(self) -> list[int]:
        """Return the current group's timers, the earliest first."""
        self._check_timers("list_timers", "Error listing timers")
        return sorted(row[0] for row in self.rows(TIMERS))

    def register_timer(self, expiry_ms: int) -> None:
        """Register a timer of the current group."""
        self._check_timers("register_timer", "Error register timer")
        if (expiry_ms,) not in self.rows(TIMERS):
            self.replace(TIMERS, [*self.rows(TIMERS), (int(expiry_ms),)])

    def delete_timer(self, expiry_ms: int) -> None:
        """Remove a timer of the current group."""
        self._check_timers("delete_timer", "Error deleting timer")
        self.replace(TIMERS, [row for row in self.rows(TIMERS) if row[0] != expiry_ms])

    def _check_timers(self, what: str, failed: str) -> None:
        if self._time_mode == NONE:
            raise _failed(
                failed,
                "STATEFUL_PROCESSOR_CANNOT_PERFORM_OPERATION_WITH_INVALID_TIME_MODE",
                f"Failed to perform stateful processor operation={what} with invalid timeMode=NoTime.",
            )
        if self.initializing:
            raise _failed(
                failed,
                "STATEFUL_PROCESSOR_CANNOT_PERFORM_OPERATION_WITH_INVALID_HANDLE_STATE",
                f"Failed to perform stateful processor operation={what} in init().",
            )


class Variable:
    """The rows of a state variable of the current group, without those that have expired."""

    def __init__(self, state: ProcessorState, name: str, definition: Definition) -> None:
        self._state = state
        self._name = name
        self._definition = definition
        self._converters = [_normal(schema) for schema in definition.schemas]

    def rows(self) -> list[_Row]:
        """Return the rows."""
        rows = self._state.rows(self._name)
        if self._definition.ttl_ms is None:
            return rows
        return [row for row in rows if row[-1] > self._state.timestamp_ms]

    def row(self, *parts: Any) -> _Row:
        """Return a new row."""
        values = tuple(self.normal(part, i) for i, part in enumerate(parts))
        ttl_ms = self._definition.ttl_ms
        return values if ttl_ms is None else (*values, self._state.timestamp_ms + ttl_ms)

    def normal(self, value: Any, part: int) -> _Row:
        """Return a value as it will be read back."""
        return self._converters[part](value)

    def put(self, rows: list[_Row], written: int = 1) -> None:
        """Set the rows, of which so many are new."""
        self._state.replace(self._name, rows)
        self._state.updated += written

    def remove(self, rows: list[_Row], removed: int = 1) -> None:
        """Set the rows, after so many were removed."""
        self._state.replace(self._name, rows)
        self._state.removed += removed

    def refuse_empty(self) -> PySparkRuntimeError:
        """Return the error for a list without values."""
        return _failed(
            "Error updating value state",
            "ILLEGAL_STATE_STORE_VALUE.EMPTY_LIST_VALUE",
            f"Illegal value provided to the State Store: cannot write empty list values for StateName {self._name}.",
        )


def _normal(schema: t.StructType) -> Callable[[Any], _Row]:
    """Return the function from a value that a program gives to the one that it gets back.

    Spark: what is of another kind than its field becomes NULL.
    """
    from lightstream.sql.verify import column_converters, row_values

    names, converters = schema.names, column_converters(schema)
    plain = [isinstance(f.dataType, t.NumericType | t.StringType | t.BooleanType) for f in schema]

    def convert(value: Any) -> _Row:
        if not isinstance(value, dict | Row):
            value = tuple(map(python_value, value))
        found = []
        for given, converter, is_plain in zip(row_values(value, names), converters, plain, strict=True):
            converted = converter(given)
            found.append(converted if is_plain or converted is None else given)
        return tuple(found)

    return convert


def _struct(schema: t.StructType | str) -> t.StructType:
    found = t.DataType.fromDDL(schema) if isinstance(schema, str) else schema
    return found if isinstance(found, t.StructType) else t.StructType([t.StructField("value", found)])


def _failed(what: str, condition: str, message: str) -> PySparkRuntimeError:
    """Return Spark's error: a condition in the words of another."""
    return PySparkRuntimeError(message=f"{what}: [{condition}] {message}")

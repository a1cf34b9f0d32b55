"""`rate` and `rate-micro-batch`: rows of a timestamp and a counter, to try a query on."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from lightstream.atomic import create_once
from lightstream.clock import SYSTEM_CLOCK
from lightstream.conf import Conf
from lightstream.dataclass import dataclass
from lightstream.errors import (
    IllegalArgumentException,
    NumberFormatException,
    SparkRuntimeException,
    internal,
)
from lightstream.functions.spelling import quote
from lightstream.plan.required import Required
from lightstream.plan.types import LongType, StructField, StructType, TimestampType
from lightstream.sources.contract import Scan
from lightstream.sources.file_options import duration_us

if TYPE_CHECKING:
    import duckdb

SCHEMA = StructType([StructField("timestamp", TimestampType()), StructField("value", LongType())])
_VERSION = "v1"
_LONG_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Values:
    """Counters from `first` up to and without `end`; their times are `start_ms` and, evenly spread, `span_ms` on."""

    first: int
    end: int
    start_ms: int
    span_ms: int

    def scan(self, columns: tuple[Required, ...]) -> Scan:
        """Return the columns that are needed."""
        count = self.end - self.first
        spread = (
            f"floor((value - {self.first}) * CAST({self.span_ms / count if count else 0!r} AS DOUBLE) + 0.5)"
        )
        texts = {
            "timestamp": f"make_timestamptz(({self.start_ms} + CAST({spread} AS BIGINT)) * 1000)",
            "value": "value",
        }
        items = ", ".join(f"{texts[column.path[0]]} AS {quote(column.output)}" for column in columns)
        rows = f"range({self.first}, {self.end}) AS counted(value)"
        return Scan(f"(SELECT {items or '1 AS one'} FROM {rows})", rows=count)


class _Generator(Protocol):
    """What makes the rows of one stream."""

    needs_polling: bool
    reports_latest: bool

    def latest_offset(self, start: str | None) -> str:
        """Return the end of the next batch."""

    def values(self, start: str | None, end: str) -> Values:
        """Return the rows of a batch."""


class GeneratedReader:
    """A format whose rows are made, not read."""

    schema = SCHEMA
    metadata: StructType | None = None

    def __init__(
        self, name: str, description: str, generator: Callable[[str | None, bool], _Generator]
    ) -> None:
        self.name = name
        self._description = description
        self._generator = generator

    def scan(self, columns: tuple[Required, ...], cursor: duckdb.DuckDBPyConnection) -> Scan:
        """Refuse: there are no rows without a stream."""
        raise internal(f"a batch read of {self.name}")

    def open_stream(self, source_directory: str | None, durable: bool, conf: Conf) -> GeneratedStream:
        """Begin to make rows."""
        return GeneratedStream(self._description, self._generator(source_directory, durable))


class GeneratedStream:
    """One query's reading of made rows."""

    def __init__(self, description: str, generator: _Generator) -> None:
        self.description = description
        self.needs_polling = generator.needs_polling
        self._generator = generator
        self._available_now = False
        self._horizon: str | None = None

    def latest_offset(self, start: str | None, *, ignore_limits: bool = False) -> str | None:
        """Return the end of the next batch."""
        if not self._available_now:
            return self._generator.latest_offset(start)
        if self._horizon is None:
            self._horizon = self._generator.latest_offset(start)
        return self._horizon

    def input_of(self, start: str | None, end: str | None) -> Values:
        """Return the rows of a batch."""
        return Values(0, 0, 0, 0) if end is None or start == end else self._generator.values(start, end)

    def expected(self, count: int) -> Sequence[object]:
        """Nothing is read early."""
        return ()

    def scan(self, what: Values, columns: tuple[Required, ...], cursor: duckdb.DuckDBPyConnection) -> Scan:
        """Return the columns that are needed."""
        return what.scan(columns)

    def reported(self, end: str | None) -> tuple[str | None, Mapping[str, str]]:
        """Return the end of the batch, where Spark's source of this kind tells it."""
        return (end if self._generator.reports_latest else None), {}

    def prepare_available_now(self) -> bool:
        """Take what there is when the query first looks."""
        self._available_now = True
        return True

    def commit(self, end: str) -> None:
        """Nothing is kept."""

    def interrupt(self) -> None:
        """Nothing waits here."""

    def set_wakeup(self, wakeup: Callable[[], None]) -> None:
        """Nothing arrives: the loop looks at the clock."""

    def stop(self) -> None:
        """Nothing is held."""


# ---- rate --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Rate:
    """`rowsPerSecond` rows a second since the query's first start; offsets are whole seconds."""

    rows_per_second: int
    ramp_up_seconds: int
    created_ms: int
    needs_polling = True
    reports_latest = True

    def latest_offset(self, start: str | None) -> str:
        # Spark: a clock that was set back makes no rows until it has caught up.
        seconds = max((SYSTEM_CLOCK.now_ms() - self.created_ms) // 1000, 0)
        return str(max(seconds, 0 if start is None else int(start)))

    def values(self, start: str | None, end: str) -> Values:
        first_s, end_s = 0 if start is None else int(start), int(end)
        if self.rows_per_second * end_s > _LONG_MAX:
            raise SparkRuntimeException(
                "INTERNAL_ERROR",
                f"Integer overflow. Max offset with {self.rows_per_second} rowsPerSecond is "
                f"{_LONG_MAX // self.rows_per_second}, but it's {end_s} now.",
                sqlstate="XX000",
            )
        return Values(
            self._value_at(first_s),
            self._value_at(end_s),
            self.created_ms + first_s * 1000,
            (end_s - first_s) * 1000,
        )

    def _value_at(self, second: int) -> int:
        ramp = self.ramp_up_seconds
        step = self.rows_per_second // (ramp + 1)
        ramped = min(second, ramp)
        return step * ramped * (ramped + 1) // 2 + (second - ramped) * self.rows_per_second


def open_rate(options: Mapping[str, str], parallelism: int) -> GeneratedReader:
    """Return the reader of `rate`.

    Raises:
        IllegalArgumentException: an option cannot be.
    """
    rows = _number(options, "rowsPerSecond", 1)
    _require(rows > 0, rows, "rowsPerSecond", "be positive")
    ramp_up_s = duration_us(options.get("rampuptime", "0s"), "s") // 1_000_000
    _require(ramp_up_s >= 0, ramp_up_s, "rampUpTime", "not be negative")
    partitions = _number(options, "numPartitions", parallelism)
    _require(partitions > 0, partitions, "numPartitions", "be positive")
    shown = partitions if "numpartitions" in options else "default"
    # Spark's own text has no closing bracket either.
    description = f"RateStreamV2[rowsPerSecond={rows}, rampUpTimeSeconds={ramp_up_s}, numPartitions={shown}"

    def generator(directory: str | None, durable: bool) -> _Rate:
        return _Rate(rows, ramp_up_s, _created_ms(directory, durable))

    return GeneratedReader("rate", description, generator)


def _created_ms(directory: str | None, durable: bool) -> int:
    """Return when the stream was first started; a checkpoint keeps it, in Spark's file."""
    now_ms = SYSTEM_CLOCK.now_ms()
    if directory is None:
        return now_ms
    path = os.path.join(directory, "0")
    try:
        with open(path, encoding="utf-8") as file:
            version, _, text = file.read().partition("\n")
    except FileNotFoundError:
        os.makedirs(directory, exist_ok=True)
        create_once(directory, "0", f"{_VERSION}\n{now_ms}".encode(), durable=durable)
        return now_ms
    if version != _VERSION or not text.strip().isdecimal():
        raise SparkRuntimeException(
            "LIGHTSTREAM_LOG_DAMAGED",
            f"The file {path} should hold {_VERSION} and the time of the first start in milliseconds. Restore the "
            "checkpoint from a copy, or start the query with a new checkpoint directory.",
        )
    return int(text)


# ---- rate-micro-batch --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _RatePerMicroBatch:
    """`rowsPerBatch` rows at each trigger; offsets tell the next value and the next batch's time."""

    rows_per_batch: int
    start_ms: int
    advance_ms: int
    needs_polling = True
    reports_latest = False

    def latest_offset(self, start: str | None) -> str:
        value, time_ms = self._parts(start)
        return f'{{"offset":{value + self.rows_per_batch},"timestamp":{time_ms + self.advance_ms}}}'

    def values(self, start: str | None, end: str) -> Values:
        (first, time_ms), (last, _) = self._parts(start), self._parts(end)
        return Values(first, last, time_ms, 0)

    def _parts(self, offset: str | None) -> tuple[int, int]:
        if offset is None:
            return 0, self.start_ms
        import json

        found = json.loads(offset)
        return int(found["offset"]), int(found["timestamp"])


def open_rate_per_micro_batch(options: Mapping[str, str], parallelism: int) -> GeneratedReader:
    """Return the reader of `rate-micro-batch`.

    Raises:
        IllegalArgumentException: an option cannot be, or `rowsPerBatch` is missing.
    """
    rows = _number(options, "rowsPerBatch", 0)
    _require(rows > 0, rows, "rowsPerBatch", "be positive")
    partitions = _number(options, "numPartitions", parallelism)
    _require(partitions > 0, partitions, "numPartitions", "be positive")
    start_ms = _number(options, "startTimestamp", 0)
    _require(start_ms >= 0, start_ms, "startTimestamp", "be non-negative")
    advance_ms = _number(options, "advanceMillisPerBatch", 1000)
    _require(advance_ms >= 0, advance_ms, "advanceMillisPerBatch", "be non-negative")
    description = (
        f"RatePerMicroBatchStream[rowsPerBatch={rows}, numPartitions={partitions}, startTimestamp={start_ms}, "
        f"advanceMsPerBatch={advance_ms}]"
    )

    def generator(directory: str | None, durable: bool) -> _RatePerMicroBatch:
        return _RatePerMicroBatch(rows, start_ms, advance_ms)

    return GeneratedReader("rate-micro-batch", description, generator)


def _number(options: Mapping[str, str], name: str, default: int) -> int:
    text = options.get(name.lower())
    if text is None:
        return default
    try:
        return int(text)
    except ValueError:
        raise NumberFormatException(None, f'For input string: "{text}"') from None


def _require(holds: bool, value: int, name: str, what: str) -> None:
    if not holds:
        raise IllegalArgumentException(None, f"Invalid value '{value}'. The option '{name}' must {what}")

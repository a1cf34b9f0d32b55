"""Values of ORC files: from Arrow's to Spark's and back, where Arrow and Spark mean the same by them.

A TIMESTAMP of ORC is a local time: Spark takes it in the zone of its JVM, which is the machine's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lightstream.conf import local_time_zone
from lightstream.errors import PySparkException, unsupported
from lightstream.plan import types as t
from lightstream.sources.arrow_values import Rebuild, arrow_type

if TYPE_CHECKING:
    import pyarrow as pa

# Days since 1970. Before this one ORC and Spark count days by different calendars.
_GREGORIAN = -141427
_DAY_US = 86_400_000_000
_WHOLE = (t.ByteType, t.ShortType, t.IntegerType, t.LongType)
_INTERVALS = (t.DayTimeIntervalType, t.YearMonthIntervalType)


def reading(path: str, case_sensitive: bool) -> Rebuild:
    """Return what makes a file's columns Spark's, of the types that are asked for."""

    def refused(found: t.DataType, wanted: t.DataType) -> PySparkException:
        return unsupported(
            f"Reading the ORC type {found.simpleString()} of {path} as {wanted.simpleString()}",
            "Read it as what it is, and cast it.",
        )

    def leaf(array: pa.Array, found: t.DataType, wanted: t.DataType) -> pa.Array:
        if isinstance(found, t.TimestampType) and isinstance(wanted, t.TimestampType):
            return _read_timestamps(array, path)
        if isinstance(found, t.DateType) and isinstance(wanted, t.DateType):
            return _checked_dates(array, f"Reading dates of {path}")
        if type(found) is type(wanted) and (found == wanted or isinstance(found, _INTERVALS)):
            return array.cast(arrow_type(wanted, True))
        if _widens(found, wanted):
            return array.cast(arrow_type(wanted, True))
        raise refused(found, wanted)

    return Rebuild(leaf, case_sensitive, refused)


def writing() -> Rebuild:
    """Return what makes Spark's columns those of a file."""
    import pyarrow as pa

    def refused(found: t.DataType, wanted: t.DataType) -> PySparkException:
        return unsupported(f"An ORC column of the type {found.simpleString()}")

    def leaf(array: pa.Array, found: t.DataType, wanted: t.DataType) -> pa.Array:
        match found:
            case t.TimestampType():
                return _written_timestamps(array)
            case t.TimestampNTZType():
                return array.cast(pa.timestamp("us")).cast(pa.int64())
            case t.DateType():
                return _checked_dates(array, "Writing dates to ORC files")
        return array.cast(arrow_type(found, True))

    return Rebuild(leaf, True, refused)


def _widens(found: t.DataType, wanted: t.DataType) -> bool:
    if isinstance(found, _WHOLE) and isinstance(wanted, _WHOLE):
        return _WHOLE.index(type(found)) < _WHOLE.index(type(wanted))
    if isinstance(found, t.DecimalType) and isinstance(wanted, t.DecimalType):
        more_scale = wanted.scale - found.scale
        return more_scale >= 0 and wanted.precision - found.precision >= more_scale
    return False


# ---- dates ------------------------------------------------------------------------------------------------------


def _checked_dates(array: pa.Array, what: str) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    first = pc.min(array.cast(pa.int32())).as_py()
    if first is not None and first < _GREGORIAN:
        raise unsupported(f"{what} before 1582-10-15", "ORC files have another calendar there.")
    return array


# ---- timestamps -------------------------------------------------------------------------------------------------


def _read_timestamps(array: pa.Array, path: str) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    local = pc.floor_temporal(array, unit="microsecond").cast(pa.timestamp("us", array.type.tz))
    ticks = local.cast(pa.int64())
    near = pc.and_(pc.greater(ticks, -_DAY_US), pc.less(ticks, _DAY_US))
    if _any(pc.and_(near, _has_fraction(local))):
        raise unsupported(
            f"Reading times of {path} within a day of 1970-01-01 00:00:00 that have a fraction of a second",
            "Readers of ORC do not agree on them.",
        )
    if array.type.tz is not None:
        return local.cast(pa.timestamp("us", "UTC"))
    return _instants(local, f"Reading times of {path}")


def _written_timestamps(array: pa.Array) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    zone = local_time_zone()
    instants = array.cast(pa.timestamp("us", "UTC"))
    local = pc.local_timestamp(instants.cast(pa.timestamp("us", zone)))
    ticks = local.cast(pa.int64())
    if _any(pc.and_(pc.less(ticks, 0), _has_fraction(local))):
        raise unsupported("Writing times before 1970 that have a fraction of a second to ORC files")
    try:
        local.cast(pa.timestamp("ns"))
    except pa.ArrowInvalid:
        raise unsupported(
            "Writing times before 1677-09-22 or after 2262-04-11 to ORC files", "Write Parquet files."
        ) from None
    _instants(local, "Writing times to ORC files")
    return local


def _instants(local: pa.Array, what: str) -> pa.Array:
    """Return local times of this machine as moments.

    Raises:
        UnsupportedOperationException: two moments have the same local time, or none has.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    zone = local_time_zone()
    moments = pa.timestamp("us", "UTC")
    if zone in ("UTC", "GMT", "Etc/UTC"):
        return pc.assume_timezone(local, "UTC").cast(moments)
    try:
        return pc.assume_timezone(local, zone, ambiguous="raise", nonexistent="raise").cast(moments)
    except pa.ArrowInvalid as error:
        raise unsupported(
            f"{what} that {zone} has twice or not at all ({error})",
            "Run with the environment variable TZ=UTC.",
        ) from error


def _has_fraction(times: pa.Array) -> Any:
    import pyarrow.compute as pc

    return pc.not_equal(pc.floor_temporal(times, unit="second"), times)


def _any(found: Any) -> bool:
    import pyarrow.compute as pc

    return pc.any(found).as_py() is True

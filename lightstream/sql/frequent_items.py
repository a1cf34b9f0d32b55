"""`freqItems`: values that fill a share of the rows, found in one pass (Misra and Gries), with Spark's false ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lightstream.analyze.analyzer import attributes_of
from lightstream.analyze.table_functions import through_python
from lightstream.errors import IllegalArgumentException, unsupported
from lightstream.plan import relations as r
from lightstream.plan import types as t
from lightstream.sql.arguments import need_str, not_expected

if TYPE_CHECKING:
    from lightstream.plan.logical import LogicalPlan
    from lightstream.sql.frame import Frame


def frequent_items(df: Frame, cols: Any, support: float | None) -> LogicalPlan:
    """Return the plan of one row with an array of frequent values for each column.

    Raises:
        PySparkTypeError: NOT_EXPECTED_TYPE.
        IllegalArgumentException: the support is not between 0.0001 and 1.
    """
    if not isinstance(cols, list | tuple):
        raise not_expected("cols", "list or tuple", cols)
    share = float(support) if support else 0.01
    if not 1e-4 <= share <= 1:
        raise IllegalArgumentException(
            message=f"requirement failed: Support must be in [1e-4, 1], but got {share}."
        )
    size = int(1 / share)
    columns = tuple(df._column(need_str("cols", name))._expression for name in cols)
    plan = df._state.analyze(r.Project(df._plan, columns))
    if plan.is_streaming:
        raise unsupported("freqItems of a stream")
    made = t.StructType(
        [t.StructField(f"{a.name}_freqItems", t.ArrayType(a.type, a.nullable), False) for a in plan.output]
    )

    def row(tables: list[Any]) -> Any:
        import pyarrow as pa

        (table,) = tables
        arrays = []
        for column, attribute in zip(table.columns, plan.output, strict=True):
            found = column.combine_chunks()
            places = _in_order(_counted(found.to_pylist(), size), attribute.type)
            arrays.append(
                pa.ListArray.from_arrays([0, len(places)], found.take(pa.array(places, pa.int64())))
            )
        return pa.Table.from_arrays(arrays, names=[f"c{i}" for i in range(len(arrays))])

    return through_python((plan,), attributes_of(made), row, df._state)


def _counted(values: list[Any], size: int) -> list[tuple[Any, int]]:
    """Return the values that are left, each with the place of one."""
    counts: dict[Any, int] = {}
    places: dict[Any, int] = {}
    originals: dict[Any, Any] = {}
    for place, value in enumerate(values):
        key = repr(value) if isinstance(value, list | dict) else value
        if key in counts:
            counts[key] += 1
            continue
        if len(counts) < size:
            counts[key], places[key], originals[key] = 1, place, value
            continue
        least = min(counts.values(), default=0)
        if least <= 1:  # the new one would be counted once, so that it falls out with those that were
            counts = {k: n - least for k, n in counts.items() if n > least}
    return [(originals[key], places[key]) for key in counts]


def _in_order(found: list[tuple[Any, int]], kind: t.DataType) -> list[int]:
    """Return the places of values in the order in which a Scala hash map has them."""
    hashed = [(_hash(value, kind), place) for value, place in found]
    if any(code is None for code, _ in hashed):
        return [place for _, place in hashed]
    buckets = 16
    while len(hashed) >= buckets * 3 // 4:
        buckets *= 2
    mixed = [(code ^ ((code & 0xFFFFFFFF) >> 16), place) for code, place in hashed if code is not None]
    return [place for code, place in sorted(mixed, key=lambda one: (one[0] & (buckets - 1), one[0]))]


def _hash(value: Any, kind: t.DataType) -> int | None:
    """Return the JVM's hash code of a value, as a signed number; None where it is not known."""
    from lightstream.execute.natives.hashes import murmur3_of_bytes

    match kind:
        case _ if value is None:
            return 0
        case t.StringType():
            return murmur3_of_bytes(value.encode(), 42)
        case t.BooleanType():
            return 1231 if value else 1237
        case t.IntegralType():
            return _of_long(value)
        case t.FloatType() | t.DoubleType() if value == value and abs(value) < 2**63 and value == int(value):
            return _of_long(int(value))
        case t.DoubleType() if value == value and _as_float(value) == value:
            return _hash(value, t.FloatType())
        case t.DoubleType():
            import struct

            (bits,) = struct.unpack(">q", struct.pack(">d", value))
            return _signed(bits ^ (bits >> 32 & 0xFFFFFFFF))
        case t.FloatType():
            import struct

            return int(struct.unpack(">i", struct.pack(">f", value))[0])
        case t.DateType():
            return int(value.toordinal()) - 719163
    return None


def _as_float(value: float) -> float:
    import struct

    try:
        return float(struct.unpack(">f", struct.pack(">f", value))[0])
    except OverflowError:
        return float("inf")


def _of_long(value: int) -> int:
    return value if -(2**31) <= value < 2**31 else _signed(value ^ (value >> 32))


def _signed(code: int) -> int:
    code &= 0xFFFFFFFF
    return code - 2**32 if code >> 31 else code

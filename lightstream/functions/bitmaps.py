"""Bitmaps of 32768 bits, by which Spark counts distinct whole numbers."""

from __future__ import annotations

from lightstream.conf import Conf
from lightstream.functions import mismatch
from lightstream.functions.registry import AggregateParts, Binder, Bound, aggregate, any_nullable, scalar
from lightstream.functions.spelling import native_sql
from lightstream.plan import types as t
from lightstream.plan.expressions import Expression, type_of

_SIZE = 32768
scalar(
    "bitmap_bit_position",
    "bigint -> bigint",
    f"CASE WHEN {{0}} > 0 THEN ({{0}} - 1) % {_SIZE} ELSE CAST(-CAST({{0}} AS HUGEINT) % {_SIZE} AS BIGINT) END",
)
scalar(
    "bitmap_bucket_number",
    "bigint -> bigint",
    f"CASE WHEN {{0}} > 0 THEN 1 + ({{0}} - 1) // {_SIZE} ELSE {{0}} // {_SIZE} END",
)


def _bind_bitmap(result: t.DataType, *, nullable: bool) -> Binder:
    """Bind a bitmap. Spark: nothing else is cast to one, not even NULL."""

    def bind(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
        if len(args) != 1:
            raise mismatch.wrong_count(name, "1", len(args))
        if not isinstance(type_of(args[0]), t.BinaryType):
            raise mismatch.unexpected_input(name, args, 0, '"BINARY"')
        return Bound(args, result, nullable and any_nullable(args))

    return bind


scalar("bitmap_count", _bind_bitmap(t.LongType(), nullable=True), native_sql("bitmap_count", "{0}"))

_ALL = ("flatten(list({0}))",)
_of_bitmaps = _bind_bitmap(t.BinaryType(), nullable=False)
for _name, _bind in (("construct", "bigint -> binary!"), ("or", _of_bitmaps), ("and", _of_bitmaps)):
    _final = native_sql(f"bitmap_{_name}", "coalesce(list_filter({0}, lambda ls_e: ls_e IS NOT NULL), [])")
    aggregate(f"bitmap_{_name}_agg", _bind, AggregateParts(("list({0})",), _final, _ALL))

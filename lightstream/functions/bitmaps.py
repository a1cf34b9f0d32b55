"""Bitmaps of 32768 bits, by which Spark counts distinct whole numbers."""

from __future__ import annotations

from lightstream.functions.registry import AggregateParts, aggregate, scalar
from lightstream.functions.spelling import native_sql

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
scalar("bitmap_count", "binary -> bigint", native_sql("bitmap_count", "{0}"))

_ALL = ("flatten(list({0}))",)
for _name, _type in (("construct", "bigint"), ("or", "binary"), ("and", "binary")):
    _final = native_sql(f"bitmap_{_name}", "coalesce(list_filter({0}, lambda ls_e: ls_e IS NOT NULL), [])")
    aggregate(f"bitmap_{_name}_agg", f"{_type} -> binary!", AggregateParts(("list({0})",), _final, _ALL))

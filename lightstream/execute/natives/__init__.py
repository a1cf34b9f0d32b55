"""Functions that DuckDB calls back: what has no spelling in its SQL, in Python, one call a row.

A spelling calls one by `functions.spelling.native_sql`. Only when a statement does is it made known to DuckDB, and only
when it is called is its module imported: the first costs some 0.3 s once (DuckDB's Python imports numpy), a call about
2 microseconds beside its own work.
"""

from __future__ import annotations

import functools
import importlib
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lightstream.functions.spelling import NATIVE

if TYPE_CHECKING:
    import duckdb

_TEXT = "VARCHAR"
_VARIANT = 'STRUCT("value" BLOB, metadata BLOB)'
# Name to module, the parameters' types and the result's. Where an argument is NULL, so is the result (but hashes).
_FUNCTIONS: dict[str, tuple[str, tuple[str, ...], str]] = {
    "from_json": ("json_values", (_TEXT, _TEXT, _TEXT), _TEXT),
    "get_json_object": ("json_values", (_TEXT, _TEXT), _TEXT),
    "json_array_length": ("json_values", (_TEXT,), "INTEGER"),
    "json_object_keys": ("json_values", (_TEXT,), "VARCHAR[]"),
    "json_tuple": ("json_values", (_TEXT, "VARCHAR[]"), "VARCHAR[]"),
    "schema_of_json": ("json_values", (_TEXT, _TEXT), _TEXT),
    "from_csv": ("csv_values", (_TEXT, _TEXT, _TEXT), _TEXT),
    "schema_of_csv": ("csv_values", (_TEXT, _TEXT), _TEXT),
    "parse_url": ("urls", (_TEXT, _TEXT, "BOOLEAN"), _TEXT),
    "parse_url_query": ("urls", (_TEXT, _TEXT, "BOOLEAN"), _TEXT),
    "make_valid_utf8": ("texts", ("BLOB",), _TEXT),
    "to_base32": ("texts", ("BLOB",), _TEXT),
    "from_base32": ("texts", (_TEXT,), "BLOB"),
    "hmac": ("hashes", ("BLOB", "BLOB", _TEXT), "BLOB"),
    "bitmap_construct": ("bitmaps", ("BIGINT[]",), "BLOB"),
    "bitmap_or": ("bitmaps", ("BLOB[]",), "BLOB"),
    "bitmap_and": ("bitmaps", ("BLOB[]",), "BLOB"),
    "bitmap_count": ("bitmaps", ("BLOB",), "BIGINT"),
    "to_char": ("number_formats", (_TEXT, _TEXT), _TEXT),
    "to_number": ("number_formats", (_TEXT, _TEXT, "BOOLEAN"), _TEXT),
    "instr": ("texts", (_TEXT, _TEXT, "INTEGER", "INTEGER"), "INTEGER"),
    "jaro_winkler_similarity": ("texts", (_TEXT, _TEXT), "DOUBLE"),
    "levenshtein": ("texts", (_TEXT, _TEXT), "INTEGER"),
    "decimal_negative": ("number_formats", (_TEXT,), _TEXT),
    "format_double": ("number_formats", (_TEXT, "INTEGER"), _TEXT),
    "round_text": ("number_formats", (_TEXT, "INTEGER", "BOOLEAN"), _TEXT),
    "decimal_operation": ("number_formats", (_TEXT, _TEXT, _TEXT, "INTEGER"), _TEXT),
    "random_double": ("randoms", ("BIGINT", "BIGINT"), "DOUBLE"),
    "random_gaussian": ("randoms", ("BIGINT", "BIGINT"), "DOUBLE"),
    "random_text": ("randoms", ("BIGINT", "BIGINT", "INTEGER"), _TEXT),
    "upper": ("texts", (_TEXT,), _TEXT),
    "initcap": ("texts", (_TEXT,), _TEXT),
    "soundex": ("texts", (_TEXT,), _TEXT),
    "java_pattern": ("patterns", (_TEXT,), _TEXT),
    "java_replaced_pattern": ("patterns", (_TEXT,), _TEXT),
    "java_replacement": ("patterns", (_TEXT, _TEXT), _TEXT),
    "interval_parts": ("texts", (_TEXT,), "BIGINT[]"),
    "parse_json": ("variants", (_TEXT, "BOOLEAN"), _VARIANT),
    "to_variant": ("variants", (_TEXT, _TEXT), _VARIANT),
    "variant_json": ("variants", (_VARIANT, _TEXT), _TEXT),
    "variant_text": ("variants", (_VARIANT, _TEXT), _TEXT),
    "variant_get": ("variants", (_VARIANT, _TEXT), _VARIANT),
    "variant_value": (
        "variants",
        (_VARIANT,),
        'STRUCT(kind VARCHAR, whole BIGINT, "text" VARCHAR, bytes BLOB)',
    ),
    "variant_items": ("variants", (_VARIANT, _TEXT, "BOOLEAN"), _VARIANT + "[]"),
    "variant_entries": (
        "variants",
        (_VARIANT, _TEXT, "BOOLEAN"),
        f'STRUCT("key" VARCHAR, "value" {_VARIANT})[]',
    ),
    "variant_fields": ("variants", (_VARIANT, "VARCHAR[]", _TEXT, "BOOLEAN"), _VARIANT + "[]"),
    "variant_explode": (
        "variants",
        (_VARIANT,),
        f'STRUCT(pos INTEGER, "key" VARCHAR, "value" {_VARIANT})[]',
    ),
    "variant_change": ("variants", (_VARIANT, _TEXT, _VARIANT, _TEXT), _VARIANT),
    "variant_delete": ("variants", (_VARIANT, "VARCHAR[]"), _VARIANT),
    "variant_strip_nulls": ("variants", (_VARIANT, "BOOLEAN"), _VARIANT),
    "is_variant_null": ("variants", (_VARIANT,), "BOOLEAN"),
    "is_valid_variant": ("variants", (_VARIANT,), "BOOLEAN"),
    "variant_schema": ("variants", (_VARIANT,), _TEXT),
    "variant_schemas": ("variants", ("VARCHAR[]",), _TEXT),
}
# Hashes of a value, and of all values of an array, after a hash so far.
_KINDS = {
    "int": "INTEGER", "long": "BIGINT", "float": "FLOAT", "double": "DOUBLE", "bytes": "BLOB", "big": "VARCHAR",
}  # fmt: skip
_FUNCTIONS |= {
    f"{name}_{kind}{ending}": ("hashes", (_KINDS[kind] + suffix, carrier), carrier)
    for name, carrier in (("murmur3", "INTEGER"), ("xxhash64", "BIGINT"))
    for kind in _KINDS
    for ending, suffix in (("", ""), ("s", "[]"))
}
# Those that are called with Arrow arrays, a batch of rows at a time.
_ON_ARROW = {"checked_json": ("json_batches", (_TEXT, _TEXT), _TEXT)}
_NULL_IS_GIVEN: Any = "special"  # DuckDB's stubs ask for an enum that it does not export
_CALLS = re.compile(NATIVE + r"(\w+)\(")


def make_known(cursor: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Make the functions that a statement calls known to the cursor's database, where they are not yet."""
    if NATIVE not in sql:
        return
    import duckdb

    for name in set(_CALLS.findall(sql)):
        on_arrow = name in _ON_ARROW
        kind: Any = "arrow" if on_arrow else "native"
        module, parameters, result = _ON_ARROW[name] if on_arrow else _FUNCTIONS[name]
        function = _later(module, name, len(parameters))
        try:
            cursor.create_function(
                NATIVE + name,
                function,
                list(parameters),
                result,
                type=kind,
                null_handling=_NULL_IS_GIVEN,
            )
        except (duckdb.NotImplementedException, duckdb.CatalogException):  # known already
            continue


@functools.cache  # and kept: DuckDB lets go of a function with the cursor that made it known, and still calls it
def _later(module: str, name: str, count: int) -> Callable[..., Any]:
    """Return a function that imports what it calls when it is called first. DuckDB counts its parameters."""
    found: list[Callable[..., Any]] = []

    def call(*args: Any) -> Any:
        if name not in _ON_ARROW and None in args and not name.startswith(("murmur3", "xxhash64")):
            return None
        if not found:
            found.append(getattr(importlib.import_module(f"{__name__}.{module}"), name))
        return found[0](*args)

    if count == 1:
        return lambda a: call(a)
    if count == 2:
        return lambda a, b: call(a, b)
    if count == 3:
        return lambda a, b, c: call(a, b, c)
    return lambda a, b, c, d: call(a, b, c, d)

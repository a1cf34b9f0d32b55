"""Functions that make rows of arrays and maps. A generator's type is the struct of the columns that it makes."""

from __future__ import annotations

from lightstream.conf import Conf
from lightstream.functions import mismatch
from lightstream.functions.coercion import cast_to, common_type
from lightstream.functions.registry import Bound, generator
from lightstream.plan import types as t
from lightstream.plan.expressions import Expression, Literal, nullable_of, type_of


def _bind_explode(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if len(args) != 1:
        raise mismatch.wrong_count(name, "1", len(args))
    outer = name.endswith("_outer")
    found = type_of(args[0])
    fields = []
    if name.startswith("pos"):
        fields.append(t.StructField("pos", t.IntegerType(), outer))
    if isinstance(found, t.ArrayType):
        fields.append(t.StructField("col", found.elementType, outer or found.containsNull))
    elif isinstance(found, t.MapType):
        fields.append(t.StructField("key", found.keyType, outer))
        fields.append(t.StructField("value", found.valueType, outer or found.valueContainsNull))
    else:
        raise mismatch.unexpected_input(name, args, 0, '("ARRAY" or "MAP")')
    return Bound(args, t.StructType(fields), False)


def _bind_inline(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if len(args) != 1:
        raise mismatch.wrong_count(name, "1", len(args))
    found = type_of(args[0])
    if not isinstance(found, t.ArrayType) or not isinstance(found.elementType, t.StructType):
        raise mismatch.unexpected_input(name, args, 0, '"ARRAY<STRUCT>"')
    null = name.endswith("_outer") or found.containsNull
    fields = [t.StructField(f.name, f.dataType, null or f.nullable) for f in found.elementType]
    return Bound(args, t.StructType(fields), False)


def _bind_stack(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if len(args) < 2:
        raise mismatch.wrong_count(name, "> 1", len(args))
    rows, values = args[0], args[1:]
    if not isinstance(rows, Literal) or not isinstance(rows.value, int):
        raise mismatch.not_constant(name, args, 0, "n")
    if rows.value <= 0:
        raise mismatch.data_mismatch(
            "VALUE_OUT_OF_RANGE",
            name,
            args,
            f"The `n` must be between (0, 2147483647] (current value = {rows.value}).",
        )
    width = -(-len(values) // rows.value)
    fields, coerced = [], list(values)
    for column in range(width):
        cells = list(range(column, len(values), width))
        target = common_type([type_of(values[i]) for i in cells], conf.ansi)
        if target is None:
            raise mismatch.different_types(name, args, [type_of(values[i]) for i in cells])
        for i in cells:
            coerced[i] = cast_to(values[i], target, conf.ansi)
        null = len(cells) < rows.value or any(nullable_of(coerced[i]) for i in cells)
        fields.append(t.StructField(f"col{column}", target, null))
    return Bound((rows, *coerced), t.StructType(fields), False)


generator("explode", _bind_explode)
generator("explode_outer", _bind_explode, outer=True)
generator("posexplode", _bind_explode, positions=True)
generator("posexplode_outer", _bind_explode, positions=True, outer=True)
generator("inline", _bind_inline)
generator("inline_outer", _bind_inline, outer=True)
generator("stack", _bind_stack)

"""Functions that make rows of arrays and maps. A generator's type is the struct of the columns that it makes."""

from __future__ import annotations

from collections.abc import Sequence

from lightstream.conf import Conf
from lightstream.errors import unsupported
from lightstream.functions import mismatch
from lightstream.functions.coercion import cast_to, common_type
from lightstream.functions.registry import Bound, SqlContext, generator, is_constant
from lightstream.functions.spelling import duck_type
from lightstream.plan import types as t
from lightstream.plan.expressions import Call, Cast, Expression, Literal, type_of


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
    if not isinstance(type_of(rows), t.IntegerType):
        raise mismatch.unexpected_input(name, args, 0, '"INT"')
    if not is_constant(rows):
        raise mismatch.not_constant(name, args, 0, "n")
    if isinstance(rows, Cast) and isinstance(rows.child, Literal) and rows.child.value is None:
        rows = Literal(None, t.IntegerType())
    if not isinstance(rows, Literal):
        raise unsupported("stack with a computed number of rows")
    if rows.value is None or rows.value <= 0:
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
        kinds = [type_of(values[i]) for i in cells]
        typed = [t.as_nullable(kind) for kind in kinds if not isinstance(kind, t.NullType)]
        if any(kind != typed[0] for kind in typed):
            raise mismatch.data_mismatch(
                "STACK_COLUMN_DIFF_TYPES",
                name,
                args,
                f"The values of the column ({column}) are not of one type: "
                + ", ".join(f'"{kind.sql()}"' for kind in kinds),
            )
        target = common_type(kinds, conf.ansi) or t.NullType()
        for i in cells:
            coerced[i] = cast_to(values[i], target, conf.ansi)
        fields.append(t.StructField(f"col{column}", target, True))
    return Bound((rows, *coerced), t.StructType(fields), False)


def _explode_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    is_map = isinstance(type_of(call.args[0]), t.MapType)
    items = f"map_entries({args[0]})" if is_map else args[0]
    values = "k := ls_e.key, v := ls_e.value" if is_map else "c := ls_e"
    if call.name.startswith("pos"):
        return f"list_transform({items}, lambda ls_e, ls_i: struct_pack(p := CAST(ls_i - 1 AS INTEGER), {values}))"
    return f"list_transform({items}, lambda ls_e: struct_pack({values}))"


def _stack_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    assert isinstance(call.type, t.StructType)
    count, width = call.args[0], len(call.type.fields)
    assert isinstance(count, Literal)
    rows = []
    for start in range(1, 1 + count.value * width, width):
        cells = args[start : start + width]
        cells = [*cells, *["NULL"] * (width - len(cells))]
        typed = (f"CAST({c} AS {duck_type(f.dataType)})" for c, f in zip(cells, call.type, strict=True))
        rows.append(f"struct_pack({', '.join(f'c{i} := {cell}' for i, cell in enumerate(typed))})")
    return f"[{', '.join(rows)}]"


_COLLECTION, _INPUT = ("collection",), ("input",)
for _name, _outer in (("explode", False), ("explode_outer", True)):
    generator(_name, _bind_explode, _explode_sql, outer=_outer, parameters=_COLLECTION)
    generator(
        f"pos{_name}", _bind_explode, _explode_sql, positions=True, outer=_outer, parameters=_COLLECTION
    )
generator("inline", _bind_inline, lambda call, args, ctx: args[0], parameters=_INPUT)
generator("inline_outer", _bind_inline, lambda call, args, ctx: args[0], outer=True, parameters=_INPUT)
generator("stack", _bind_stack, _stack_sql)

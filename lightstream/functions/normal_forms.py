"""One form for values that are equal: Spark groups by it, and gives it out.

0.0 and -0.0 are equal, and so are maps with the same entries in another order.
"""

from __future__ import annotations

from lightstream.functions.spelling import quote, text_sql
from lightstream.plan import types as t


def has_several_forms(data_type: t.DataType) -> bool:
    """Return whether values of a type may be equal and differ."""
    return t.holds(data_type, t.FloatType, t.DoubleType, t.MapType)


def normal_form(sql: str, data_type: t.DataType, depth: int = 0) -> str:
    """Return a value in the form that all its equals have."""
    if not has_several_forms(data_type):
        return sql
    v = f"ls_f{depth}"
    match data_type:
        case t.ArrayType():
            item = normal_form(v, data_type.elementType, depth + 1)
            return f"list_transform({sql}, lambda {v}: {item})"
        case t.MapType():
            key = normal_form(f"{v}.key", data_type.keyType, depth + 1)
            value = normal_form(f"{v}.value", data_type.valueType, depth + 1)
            entries = f"list_transform(map_entries({sql}), lambda {v}: struct_pack(k := {key}, v := {value}))"
            return f"map_from_entries(list_sort({entries}))"
        case t.StructType():
            fields = ", ".join(
                f"{quote(f.name)} := {normal_form(f'struct_extract({v}, {text_sql(f.name)})', f.dataType, depth + 1)}"
                for f in data_type
            )
            packed = f"CASE WHEN {v} IS NOT NULL THEN struct_pack({fields}) END"
            return f"list_transform([{sql}], lambda {v}: {packed})[1]"
    return f"({sql} + 0)"

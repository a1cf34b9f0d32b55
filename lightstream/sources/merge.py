"""The schema of files with different columns (`mergeSchema`)."""

from __future__ import annotations

from lightstream.errors import QueryExecutionException
from lightstream.plan import types as t


def merged(left: t.StructType, right: t.StructType, case_sensitive: bool) -> t.StructType:
    """Return the columns of both, those of `left` first.

    Raises:
        QueryExecutionException: CANNOT_MERGE_SCHEMAS.
    """
    found = _merged(left, right, case_sensitive)
    if not isinstance(found, t.StructType):
        raise QueryExecutionException(
            "CANNOT_MERGE_SCHEMAS",
            f"Failed merging schemas: initial schema: {left.sql()}, schema that cannot be merged with it: "
            f"{right.sql()}.",
            sqlstate="42KD9",
            parameters={"left": f'"{left.sql()}"', "right": f'"{right.sql()}"'},
        )
    return found


def _merged(left: t.DataType, right: t.DataType, case_sensitive: bool) -> t.DataType | None:
    """Return the type that has what both have; None where there is none."""
    if isinstance(left, t.StructType) and isinstance(right, t.StructType):
        return _merged_struct(left, right, case_sensitive)
    if isinstance(left, t.ArrayType) and isinstance(right, t.ArrayType):
        element = _merged(left.elementType, right.elementType, case_sensitive)
        nullable = left.containsNull or right.containsNull
        return None if element is None else t.ArrayType(element, nullable)
    if isinstance(left, t.MapType) and isinstance(right, t.MapType):
        key = _merged(left.keyType, right.keyType, case_sensitive)
        value = _merged(left.valueType, right.valueType, case_sensitive)
        nullable = left.valueContainsNull or right.valueContainsNull
        return None if key is None or value is None else t.MapType(key, value, nullable)
    if isinstance(left, t.DecimalType) and isinstance(right, t.DecimalType):
        same = left.scale == right.scale
        return t.DecimalType(max(left.precision, right.precision), left.scale) if same else None
    return left if left == right else None


def _merged_struct(left: t.StructType, right: t.StructType, case_sensitive: bool) -> t.StructType | None:
    def key(name: str) -> str:
        return name if case_sensitive else name.lower()

    others = {key(field.name): field for field in right}
    fields = []
    for field in left:
        other = others.pop(key(field.name), None)
        data_type: t.DataType | None = field.dataType
        if other is not None:
            data_type = _merged(field.dataType, other.dataType, case_sensitive)
        if data_type is None:
            return None
        nullable = field.nullable or (other is not None and other.nullable)
        fields.append(t.StructField(field.name, data_type, nullable, field.metadata))
    return t.StructType([*fields, *others.values()])

"""`DataFrame.to`: columns, and the fields of their structs, by name in the order and the types of a schema."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from lightstream.analyze.analyzer import Analyzer, rule
from lightstream.analyze.scope import unresolved_column
from lightstream.errors import AnalysisException
from lightstream.functions.casts import can_store
from lightstream.plan import expressions as e
from lightstream.plan import logical as lp
from lightstream.plan import relations as r
from lightstream.plan import types as t

Same = Callable[[str, str], bool]
Path = tuple[str, ...]
F = TypeVar("F", e.Attribute, t.StructField)


@rule(r.ToSchema)
def _to_schema(relation: r.ToSchema, analyzer: Analyzer) -> lp.LogicalPlan:
    child = analyzer.plan(relation.input)
    resolver = analyzer.over(child)
    same = resolver.scope.same
    items: list[e.Alias | e.Attribute] = []
    for field in relation.schema:
        found = _only([a for a in child.output if same(a.name, field.name)], (), field)
        if found is None:
            if not field.nullable:
                raise unresolved_column((field.name,), child.output)
            value: e.Expression = e.Literal(None, field.dataType)
        else:
            _check_nulls(found.nullable, field, (field.name,))
            fitted = _fitted(replace(found, name=field.name), found.type, field.dataType, (field.name,), same)
            value = resolver.resolve(fitted)
        metadata = {**((found and found.metadata) or {}), **field.metadata}
        items.append(e.Alias(value, (field.name,), metadata or None, id=e.fresh_id()))
    return lp.Project(child, tuple(items))


def _fitted(
    value: e.Expression, source: t.DataType, target: t.DataType, path: Path, same: Same
) -> e.Expression:
    """Return a value of one type as one of another: struct fields by name, all else by ANSI assignment."""
    if source == target:
        return value
    match source, target:
        case t.StructType(), t.StructType():
            return _fitted_struct(value, source, target, path, same)
        case t.ArrayType(), t.ArrayType():
            if source.containsNull and not target.containsNull:
                raise _holds_null("ARRAY_ELEMENT", "array element", path)
            return _each(value, source.elementType, target.elementType, (*path, "element"), same)
        case t.MapType(), t.MapType():
            if source.valueContainsNull and not target.valueContainsNull:
                raise _holds_null("MAP_VALUE", "map value", path)
            keys, values = _call("map_keys", value), _call("map_values", value)
            return _call(
                "map_from_arrays",
                _each(keys, source.keyType, target.keyType, (*path, "key"), same),
                _each(values, source.valueType, target.valueType, (*path, "value"), same),
            )
    if can_store(source, target):
        return e.Cast(value, target, "ansi", implicit=True)
    raise AnalysisException(
        "INVALID_COLUMN_OR_FIELD_DATA_TYPE",
        f'Column or field {_shown(path)} is of type "{source.sql()}" while it\'s required to be "{target.sql()}".',
        sqlstate="42000",
        parameters={
            "name": _shown(path),
            "type": f'"{source.sql()}"',
            "expectedType": f'"{target.sql()}"',
        },
    )


def _fitted_struct(
    value: e.Expression, source: t.StructType, target: t.StructType, path: Path, same: Same
) -> e.Expression:
    parts: list[e.Expression] = []
    for field in target:
        found = _only([f for f in source if same(f.name, field.name)], path, field)
        if found is None:
            if not field.nullable:
                raise _no_field(field.name, source, path)
            part: e.Expression = e.Literal(None, field.dataType)
        else:
            inner = (*path, field.name)
            _check_nulls(found.nullable, field, inner)
            taken = e.UnresolvedExtractValue(value, e.Literal(found.name, t.StringType()))
            part = _fitted(taken, found.dataType, field.dataType, inner, same)
        parts += [e.Literal(field.name, t.StringType()), part]
    made = _call("named_struct", *parts)
    return _call("if", _call("isnull", value), e.Literal(None, t.NullType()), made)


def _each(
    values: e.Expression, source: t.DataType, target: t.DataType, path: Path, same: Same
) -> e.Expression:
    """Return an array with each of its elements fitted."""
    name = f"_{len(path)}"  # one of its own at each depth
    body = _fitted(e.UnresolvedAttribute((name,)), source, target, path, same)
    if source == target:
        return values
    return _call("transform", values, e.LambdaFunction(body, (e.LambdaVariable(name),)))


def _call(name: str, *args: e.Expression) -> e.Expression:
    return e.UnresolvedFunction(name, args)


def _only(matches: list[F], path: Path, field: t.StructField) -> F | None:
    if len(matches) > 1:
        name = _shown((*path, field.name))
        raise AnalysisException(
            "AMBIGUOUS_COLUMN_OR_FIELD",
            f"Column or field {name} is ambiguous and has {len(matches)} matches.",
            sqlstate="42702",
            parameters={"name": name, "n": str(len(matches))},
        )
    return matches[0] if matches else None


def _check_nulls(nullable: bool, field: t.StructField, path: Path) -> None:
    if nullable and not field.nullable:
        raise AnalysisException(
            "NULLABLE_COLUMN_OR_FIELD",
            f"Column or field {_shown(path)} is nullable while it's required to be non-nullable.",
            sqlstate="42000",
            parameters={"name": _shown(path)},
        )


def _holds_null(kind: str, what: str, path: Path) -> AnalysisException:
    return AnalysisException(
        f"NOT_NULL_CONSTRAINT_VIOLATION.{kind}",
        f"Assigning a NULL is not allowed here. The {what} of {_shown(path)} is defined to contain only elements "
        "that are NOT NULL.",
        sqlstate="42000",
        parameters={"columnPath": _shown(path)},
    )


def _no_field(name: str, source: t.StructType, path: Path) -> AnalysisException:
    proposal = ", ".join(f"`{field.name}`" for field in source)
    return AnalysisException(
        "UNRESOLVED_FIELD.WITH_SUGGESTION",
        f"A field with name `{name}` cannot be resolved with the struct-type column {_shown(path)}. "
        f"Did you mean one of the following? [{proposal}].",
        sqlstate="42703",
        parameters={"fieldName": f"`{name}`", "columnPath": _shown(path), "proposal": proposal},
    )


def _shown(path: Path) -> str:
    return ".".join(f"`{part}`" for part in path)

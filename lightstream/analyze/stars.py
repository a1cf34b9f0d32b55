"""What `*`, `t.*`, `struct.*` and column patterns stand for, and `EXCEPT (...)` behind them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lightstream.analyze.naming import shown, trim_alias
from lightstream.analyze.scope import Scope, outer_reference
from lightstream.conf import Conf
from lightstream.errors import AnalysisException, internal, unsupported
from lightstream.plan import expressions as e
from lightstream.plan import types as t

if TYPE_CHECKING:
    from lightstream.analyze.expressions import ExpressionResolver

Column = e.Attribute | e.Alias
# What EXCEPT leaves out: a column, and the positions that lead to a field in it.
Excluded = tuple[int, tuple[int, ...]]


def expanded(resolver: ExpressionResolver, star: e.Expression) -> Sequence[Column]:
    """Return the columns that `*`, `t.*`, `struct.*` or a pattern stand for.

    Raises:
        AnalysisException: CANNOT_RESOLVE_STAR_EXPAND, EXCEPT_OVERLAPPING_COLUMNS, UNRESOLVED_COLUMN.
    """
    scope = resolver.scope
    if isinstance(star, e.UnresolvedRegex):
        flags = 0 if resolver.conf.case_sensitive else re.IGNORECASE
        pattern = re.compile(star.pattern, flags)
        return [a for a in scope.attributes if pattern.fullmatch(a.name)]
    if not isinstance(star, e.UnresolvedStar):
        raise internal("not a star")
    if not star.target:
        found: Sequence[Column] = scope.attributes
    else:
        found = (
            scope.of_table(star.target)
            or _of_outer_table(scope, star.target)
            or _of_struct(scope, star.target)
        )
    if not star.excluded:
        return found
    below = Scope([_column(item) for item in found], resolver.conf.case_sensitive)
    excluded = [_place(below, parts) for parts in star.excluded]
    names = ", ".join(".".join(parts) for parts in star.excluded)
    return _without(found, excluded, names, resolver.conf)


def _column(item: Column) -> e.Attribute:
    return item if isinstance(item, e.Attribute) else item.to_attribute()


def _of_outer_table(scope: Scope, target: tuple[str, ...]) -> list[e.Alias]:
    """Return the columns of a table of the enclosing query; Spark looks no further out."""
    enclosing, passed = scope.outer, [scope]
    while enclosing is not None:
        columns = enclosing.of_table(target)
        if columns or enclosing.attributes:
            return [e.Alias(outer_reference(a, passed), (a.name,), id=e.fresh_id()) for a in columns]
        passed.append(enclosing)  # the empty scope between a query and its subquery
        enclosing = enclosing.outer
    return []


def _of_struct(scope: Scope, target: tuple[str, ...]) -> list[e.Alias]:
    struct = scope.find(target)
    struct_type = e.type_of(trim_alias(struct)) if struct is not None else None
    if struct is None or not isinstance(struct_type, t.StructType):
        text = ".".join(f"`{part}`" for part in target)
        columns = ", ".join(f"`{a.name}`" for a in scope.attributes)
        raise AnalysisException(
            "CANNOT_RESOLVE_STAR_EXPAND",
            f"Cannot resolve {text}.* given input columns {columns}. Please check that the specified table or "
            "struct exists and is accessible in the input columns.",
            sqlstate="42704",
            parameters={"targetString": text, "columns": columns},
        )
    return _fields(trim_alias(struct), struct_type)


def _fields(struct: e.Expression, struct_type: t.StructType) -> list[e.Alias]:
    null = e.nullable_of(struct)
    return [
        e.Alias(e.GetField(struct, f.name, i, f.dataType, null or f.nullable), (f.name,), id=e.fresh_id())
        for i, f in enumerate(struct_type.fields)
    ]


def _place(scope: Scope, parts: tuple[str, ...]) -> Excluded:
    """Return the column, and the field in it, that a name in EXCEPT means."""
    path: list[int] = []
    node = trim_alias(scope.resolve(parts))
    while isinstance(node, e.GetField):
        if not isinstance(e.type_of(node.child), t.StructType):
            raise AnalysisException(
                "EXCEPT_NESTED_COLUMN_INVALID_TYPE",
                f"EXCEPT column {shown(node)} was resolved and expected to be a struct, but found the type "
                f"{e.type_of(node).sql()}.",
                sqlstate="428H2",
                parameters={"columnName": shown(node), "dataType": e.type_of(node).sql()},
            )
        path.insert(0, node.ordinal)
        node = node.child
    if not isinstance(node, e.Attribute):
        raise unsupported(f"EXCEPT ({'.'.join(parts)}), which is part of a map")
    return node.id, tuple(path)


def _without(columns: Sequence[Column], excluded: Sequence[Excluded], names: str, conf: Conf) -> list[Column]:
    found: list[Column] = []
    for column in columns:
        paths = [path for id, path in excluded if id == column.id]
        if not paths:
            found.append(column)
            continue
        if () in paths:
            if len(paths) > 1:
                raise AnalysisException(
                    "EXCEPT_OVERLAPPING_COLUMNS",
                    f"Columns in an EXCEPT list must be distinct and non-overlapping, but got ({names}).",
                    sqlstate="42702",
                    parameters={"columns": names},
                )
            continue
        found.append(_rebuilt(column, paths, names, conf))
    return found


def _rebuilt(column: Column, paths: Sequence[tuple[int, ...]], names: str, conf: Conf) -> e.Alias:
    """Return a struct without some fields. Spark: one that was NULL becomes a struct of NULLs."""
    from lightstream.functions import registry

    struct = trim_alias(column)
    struct_type = e.type_of(struct)
    if not isinstance(struct_type, t.StructType):
        raise internal("a field of what is no struct")
    fields = _fields(struct, struct_type)
    kept = _without(fields, [(fields[path[0]].id, path[1:]) for path in paths], names, conf)
    if not kept:
        raise unsupported("EXCEPT of all fields of a struct")
    parts = [part for f in kept for part in (e.Literal(f.name, t.StringType()), trim_alias(f))]
    return e.Alias(registry.bind_call("named_struct", tuple(parts), conf), (column.name,), id=e.fresh_id())

"""Expressions, before and after resolution.

The unresolved vocabulary follows Spark Connect's expressions: operators are functions by name (`+`, `==`, `and`,
`in`, `when`, `like`), and only what is no function has a class of its own. Resolution replaces
`UnresolvedAttribute`, `UnresolvedStar`, `UnresolvedExtractValue` and `UnresolvedFunction` by `Attribute` and `Call`,
every one with a type; the other classes stay.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import field, fields, replace
from typing import TYPE_CHECKING, Any

from lightstream.dataclass import dataclass
from lightstream.plan.types import BooleanType, DataType

if TYPE_CHECKING:
    from lightstream.plan.logical import LogicalPlan
    from lightstream.plan.relations import Relation

_ids = itertools.count(1)


def fresh_id() -> int:
    """Return an expression id that no other attribute has."""
    return next(_ids)


_names_by_class: dict[type, tuple[str, ...]] = {}


def _field_names(kind: type) -> tuple[str, ...]:
    names = _names_by_class.get(kind)
    if names is None:
        names = _names_by_class[kind] = tuple(item.name for item in fields(kind))
    return names


@dataclass(frozen=True, slots=True)
class Expression:
    """Base of all expressions."""

    @property
    def children(self) -> tuple[Expression, ...]:
        """Return the direct sub-expressions."""
        found: list[Expression] = []
        for name in _field_names(type(self)):
            value = getattr(self, name)
            if isinstance(value, Expression):
                found.append(value)
            elif isinstance(value, tuple):
                found.extend(part for part in value if isinstance(part, Expression))
        return tuple(found)

    def map_children(self, function: Callable[[Expression], Expression]) -> Expression:
        """Return this expression with `function` applied to each direct sub-expression."""
        changes: dict[str, Any] = {}
        for name in _field_names(type(self)):
            value = getattr(self, name)
            if isinstance(value, Expression):
                new: Any = function(value)
                if new is not value:
                    changes[name] = new
            elif isinstance(value, tuple) and any(isinstance(part, Expression) for part in value):
                new = tuple(function(part) if isinstance(part, Expression) else part for part in value)
                if any(a is not b for a, b in zip(new, value, strict=True)):
                    changes[name] = new
        return replace(self, **changes) if changes else self

    def transform_up(self, function: Callable[[Expression], Expression]) -> Expression:
        """Return this tree with `function` applied to every node, leaves first."""
        return function(self.map_children(lambda child: child.transform_up(function)))

    def walk(self) -> Iterator[Expression]:
        """Yield this expression and all below it."""
        yield self
        for child in self.children:
            yield from child.walk()


# ---- both before and after resolution -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Literal(Expression):
    """A constant.

    `value` is None or, by type: bool, int, float, str, bytes, `decimal.Decimal`, `datetime.date`, for timestamps
    an int of microseconds since the epoch (UTC, or local for TIMESTAMP_NTZ), for TIME an int of microseconds since
    midnight, for day-time intervals an int of microseconds, for year-month intervals an int of months, for arrays a
    tuple, for structs a tuple in field order, for maps a tuple of pairs, for calendar intervals (months, days, us).
    `local` is a timestamp's text in the session's time zone, `label` the text of what the constant stands for, both
    for naming.
    """

    value: Any
    type: DataType
    local: str | None = field(default=None, compare=False)
    label: str | None = field(default=None, compare=False)

    @property
    def nullable(self) -> bool:
        """Return whether the constant is NULL."""
        return self.value is None


@dataclass(frozen=True, slots=True)
class Alias(Expression):
    """An expression with a name. `id` is set by resolution; several `names` only for generators."""

    child: Expression
    names: tuple[str, ...]
    metadata: dict[str, Any] | None = field(default=None, compare=False)
    id: int = 0

    @property
    def name(self) -> str:
        """Return the (first) name."""
        return self.names[0]

    @property
    def type(self) -> DataType:
        """Return the type of the named expression."""
        return type_of(self.child)

    @property
    def nullable(self) -> bool:
        """Return whether the named expression can be NULL."""
        return nullable_of(self.child)

    def to_attribute(self) -> Attribute:
        """Return the reference to this alias's column."""
        child = self.child
        metadata = self.metadata
        if metadata is None and isinstance(child, Attribute):
            metadata = child.metadata
        return Attribute(self.name, self.type, self.nullable, self.id, (), metadata)


@dataclass(frozen=True, slots=True)
class Cast(Expression):
    """A conversion. `implicit` ones (put in by the analyser) do not show in column names.

    `mode` is "ansi" (fails on bad values), "try" (NULL on bad values) or "legacy" (Spark's non-ANSI cast); before
    resolution also "literal": `TIMESTAMP'...'`, whose text the session's time zone makes a constant.
    """

    child: Expression
    type: DataType
    mode: str = "ansi"
    implicit: bool = False
    nullable: bool = True


@dataclass(frozen=True, slots=True)
class SortOrder(Expression):
    """A sort key."""

    child: Expression
    ascending: bool = True
    nulls_first: bool = True


@dataclass(frozen=True, slots=True)
class FrameBoundary:
    """One end of a window frame: `offset` None means unbounded, 0 the current row.

    An expression counts backwards with `preceding`; resolved it is a literal with its sign, and `text` names it.
    """

    offset: Expression | int | None
    preceding: bool = False
    text: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class WindowFrame:
    """A window frame; `kind` is "rows" or "range"."""

    kind: str
    lower: FrameBoundary
    upper: FrameBoundary


@dataclass(frozen=True, slots=True)
class WindowExpression(Expression):
    """A function over a window (`... over (partition by ... order by ...)`)."""

    function: Expression
    partition_by: tuple[Expression, ...]
    order_by: tuple[SortOrder, ...]
    frame: WindowFrame | None = None

    @property
    def type(self) -> DataType:
        """Return the type of the function."""
        return type_of(self.function)

    @property
    def nullable(self) -> bool:
        """Return whether the result can be NULL."""
        return nullable_of(self.function)


@dataclass(frozen=True, slots=True)
class LambdaVariable(Expression):
    """A parameter of a lambda; `type` is None before resolution."""

    name: str
    type: DataType | None = None
    nullable: bool = True


@dataclass(frozen=True, slots=True)
class LambdaFunction(Expression):
    """`(x, y) -> body`."""

    body: Expression
    parameters: tuple[LambdaVariable, ...]

    @property
    def type(self) -> DataType:
        """Return the type of the body."""
        return type_of(self.body)

    @property
    def nullable(self) -> bool:
        """Return whether the body can be NULL."""
        return nullable_of(self.body)


@dataclass(frozen=True, slots=True)
class SubqueryExpression(Expression):
    """A query inside an expression.

    `kind` is "scalar", "exists" or "in" (`values` IN (plan)). `plan` is a Relation before and a LogicalPlan after
    resolution; `outer` lists the attributes of the enclosing query that a correlated one refers to.
    """

    kind: str
    plan: Relation | LogicalPlan
    values: tuple[Expression, ...] = ()
    type: DataType = field(default_factory=BooleanType)
    nullable: bool = True
    outer: tuple[Attribute, ...] = ()


@dataclass(frozen=True, slots=True)
class PythonUdf(Expression):
    """A call of a user's Python function.

    `function` makes an Arrow array of the arguments' (see `lightstream.sql.python_functions`); it is compared by
    identity. One that `aggregates` is given each group's values as a list. The last arguments may be given by their
    names, the `keywords`. Resolution sets `sql_name`, the name under which the database knows the function.
    """

    name: str
    function: Any
    args: tuple[Expression, ...]
    type: DataType
    aggregates: bool = False
    deterministic: bool = True
    nullable: bool = True
    sql_name: str = ""
    keywords: tuple[str, ...] = ()


# ---- before resolution ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TableArgument(Expression):
    """`TABLE (query) PARTITION BY ... ORDER BY ...`: a table that a table function is given."""

    relation: Relation | LogicalPlan
    partition_by: tuple[Expression, ...] = ()
    order_by: tuple[SortOrder, ...] = ()
    single_partition: bool = False


@dataclass(frozen=True, slots=True)
class LazyExpression(Expression):
    """`Column.outer()`: names that mean nothing before the DataFrame that has them stands in an enclosing query."""

    child: Expression


@dataclass(frozen=True, slots=True)
class UnresolvedAttribute(Expression):
    """A name as written, split at its dots: `("t", "a", "field")`."""

    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UnresolvedStar(Expression):
    """`*`, `t.*` or `struct_column.*`, with `* except (...)`'s names."""

    target: tuple[str, ...] = ()
    excluded: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class AllColumns(Expression):
    """What ORDER BY ALL sorts by."""


@dataclass(frozen=True, slots=True)
class UnresolvedRegex(Expression):
    """All columns whose name matches (`df.colRegex`)."""

    pattern: str


@dataclass(frozen=True, slots=True)
class UnresolvedFunction(Expression):
    """A call by name, operators included. `named` are the SQL arguments given as `name => value`."""

    name: str
    args: tuple[Expression, ...] = ()
    distinct: bool = False
    filter: Expression | None = None
    order_by: tuple[SortOrder, ...] = ()
    ignore_nulls: bool | None = None
    named: tuple[tuple[str, Expression], ...] = ()


@dataclass(frozen=True, slots=True)
class UnresolvedExtractValue(Expression):
    """`child[extraction]`: a field, an element or a map value."""

    child: Expression
    extraction: Expression


@dataclass(frozen=True, slots=True)
class UnresolvedOrdinal(Expression):
    """A position in the select list (`order by 1`), counted from 1."""

    position: int


# ---- after resolution -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Attribute(Expression):
    """A column of a relation. Two attributes are the same column when their ids are equal."""

    name: str = field(compare=False)
    type: DataType = field(compare=False)
    nullable: bool = field(compare=False)
    id: int
    qualifier: tuple[str, ...] = field(default=(), compare=False)
    metadata: dict[str, Any] | None = field(default=None, compare=False)

    @property
    def children(self) -> tuple[Expression, ...]:
        """Return nothing: an attribute is a leaf."""
        return ()


@dataclass(frozen=True, slots=True)
class OuterReference(Expression):
    """A column of an enclosing query, in a correlated subquery."""

    name: str = field(compare=False)
    type: DataType = field(compare=False)
    nullable: bool = field(compare=False)
    id: int
    qualifier: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class GetField(Expression):
    """A struct's field (`type` is the field's), or of an array of structs the array of that field."""

    child: Expression
    name: str
    ordinal: int
    type: DataType
    nullable: bool


@dataclass(frozen=True, slots=True)
class Call(Expression):
    """A resolved call of a catalogue function with coerced arguments.

    `name` is the catalogue's canonical name; `shown` the name as the user wrote it, for column names. `distinct`,
    `filter` and `order_by` belong to aggregates; `ignore_nulls` to first, last, lead, lag and the like.
    """

    name: str
    args: tuple[Expression, ...]
    type: DataType
    nullable: bool
    shown: str = ""
    distinct: bool = False
    filter: Expression | None = None
    order_by: tuple[SortOrder, ...] = ()
    ignore_nulls: bool = False


def type_of(expression: Expression) -> DataType:
    """Return the type of a resolved expression."""
    found = getattr(expression, "type", None)
    if found is None:
        if isinstance(expression, SortOrder):
            return type_of(expression.child)
        from lightstream.errors import internal

        raise internal(f"{type(expression).__name__} has no type: it was not resolved")
    return found  # type: ignore[no-any-return]


def nullable_of(expression: Expression) -> bool:
    """Return whether a resolved expression can be NULL."""
    return bool(getattr(expression, "nullable", True))


def references(expression: Expression) -> set[int]:
    """Return the ids of the attributes that an expression reads, those of correlated subqueries included."""
    found: set[int] = set()
    for node in expression.walk():
        if isinstance(node, Attribute):
            found.add(node.id)
        elif isinstance(node, SubqueryExpression):
            found.update(attribute.id for attribute in node.outer)
    return found

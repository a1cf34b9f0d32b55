"""Resolved plans: every name bound, every expression typed. The analyser builds them, the compiler reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import field, fields, replace
from typing import TYPE_CHECKING, Any

from lightstream.dataclass import dataclass
from lightstream.plan.expressions import Alias, Attribute, Expression, SortOrder
from lightstream.plan.types import StructField, StructType, as_nullable

if TYPE_CHECKING:
    from lightstream.plan.relations import Relation

DELAY_MARK = "spark.watermarkDelayMs"
"""The key in the metadata of an event-time column, as in Spark: its delay in milliseconds."""


@dataclass(frozen=True, slots=True, eq=False)
class LogicalPlan:
    """Base of all resolved plans. Plans are compared by identity."""

    @property
    def output(self) -> tuple[Attribute, ...]:
        """Return the columns, in order."""
        raise NotImplementedError

    @property
    def hidden(self) -> tuple[Attribute, ...]:
        """Return the columns that can be named but are not part of `*`.

        These are the `_metadata` of a file source below, and keys of USING, which are named with their table only.
        """
        return ()

    @property
    def children(self) -> tuple[LogicalPlan, ...]:
        """Return the inputs."""
        found: list[LogicalPlan] = []
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, LogicalPlan):
                found.append(value)
            elif isinstance(value, tuple):
                found.extend(part for part in value if isinstance(part, LogicalPlan))
        return tuple(found)

    @property
    def is_streaming(self) -> bool:
        """Return whether any part reads a stream."""
        return any(child.is_streaming for child in self.children)

    @property
    def schema(self) -> StructType:
        """Return the schema of the output."""
        return StructType([StructField(a.name, a.type, a.nullable, a.metadata) for a in self.output])

    def map_children(self, function: Callable[[LogicalPlan], LogicalPlan]) -> LogicalPlan:
        """Return this plan with `function` applied to each input."""
        changes: dict[str, Any] = {}
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, LogicalPlan):
                new: Any = function(value)
                if new is not value:
                    changes[item.name] = new
            elif isinstance(value, tuple) and value and isinstance(value[0], LogicalPlan):
                new = tuple(function(part) for part in value)
                if any(a is not b for a, b in zip(new, value, strict=True)):
                    changes[item.name] = new
        return replace(self, **changes) if changes else self

    def transform_up(self, function: Callable[[LogicalPlan], LogicalPlan]) -> LogicalPlan:
        """Return this plan with `function` applied to every node, inputs first."""
        return function(self.map_children(lambda child: child.transform_up(function)))

    def walk(self) -> Iterator[LogicalPlan]:
        """Yield this plan and all below it, top first."""
        yield self
        for child in self.children:
            yield from child.walk()

    def walk_up(self) -> Iterator[LogicalPlan]:
        """Yield this plan and all below it, inputs first."""
        for child in self.children:
            yield from child.walk_up()
        yield self


@dataclass(frozen=True, slots=True, eq=False)
class Leaf(LogicalPlan):
    """A plan without inputs; `columns` are its output."""

    columns: tuple[Attribute, ...]

    @property
    def output(self) -> tuple[Attribute, ...]:
        return self.columns


@dataclass(frozen=True, slots=True, eq=False)
class OneRow(Leaf):
    """One row without columns."""


@dataclass(frozen=True, slots=True, eq=False)
class Range(Leaf):
    """Integers from `start` to `end` (exclusive) by `step`."""

    start: int
    end: int
    step: int


@dataclass(frozen=True, slots=True, eq=False)
class Values(Leaf):
    """Rows of constant expressions."""

    rows: tuple[tuple[Expression, ...], ...]


@dataclass(frozen=True, slots=True, eq=False)
class LocalScan(Leaf):
    """Rows that live in Python, as an Arrow table or a function that gives one; columns as in `columns`, c0, c1, ..."""

    data: Any


@dataclass(frozen=True, slots=True, eq=False)
class TableScan(Leaf):
    """A DuckDB table by its quoted, qualified name; `source_names` are its column names, in `columns`' order."""

    table: str
    source_names: tuple[str, ...]
    streaming: bool = False  # it holds a batch of a stream
    asked: set[int] = field(default_factory=set)  # ids of columns that compiled statements read

    @property
    def is_streaming(self) -> bool:
        return self.streaming


@dataclass(frozen=True, slots=True, eq=False)
class DataSourceScan(Leaf):
    """A batch or streaming read through a format.

    `reader` is what `lightstream.sources` returned for the format: it knows schema, files and options, and gives the
    SQL to read from. `metadata` is the hidden `_metadata` struct column, if the format has one: it is resolved by
    name but is not part of `*`. A streaming scan stands for one source: the same DataFrame used twice is one source.
    """

    reader: Any
    streaming: bool = False
    metadata: Attribute | None = None

    @property
    def is_streaming(self) -> bool:
        return self.streaming

    @property
    def hidden(self) -> tuple[Attribute, ...]:
        return (self.metadata,) if self.metadata is not None else ()


def expressions(plan: LogicalPlan) -> Iterator[Expression]:
    """Yield the expressions of a plan."""
    for node in plan.walk():
        for item in fields(node):
            value = getattr(node, item.name)
            found = value if isinstance(value, tuple) else (value,)
            yield from (part for part in found if isinstance(part, Expression))


def streaming_scans(plan: LogicalPlan) -> tuple[DataSourceScan, ...]:
    """Return the distinct streaming sources of a plan, in its order."""
    found: list[DataSourceScan] = []
    for node in plan.walk():
        if isinstance(node, DataSourceScan) and node.is_streaming and all(node is not n for n in found):
            found.append(node)
    return tuple(found)


def from_state(columns: Iterable[Attribute]) -> tuple[Attribute, ...]:
    """Return columns as they come out of a streaming operator with state: nullable in all parts, as in Spark 4.3."""
    return tuple(replace(a, type=as_nullable(a.type), nullable=True) for a in columns)


@dataclass(frozen=True, slots=True, eq=False)
class Unary(LogicalPlan):
    """A plan with one input that passes its columns through."""

    child: LogicalPlan

    @property
    def output(self) -> tuple[Attribute, ...]:
        return self.child.output


@dataclass(frozen=True, slots=True, eq=False)
class RowByRow(Unary):
    """A plan whose rows are rows of its input: what is hidden there can be named above."""

    @property
    def hidden(self) -> tuple[Attribute, ...]:
        return self.child.hidden


@dataclass(frozen=True, slots=True, eq=False)
class Project(RowByRow):
    """SELECT of named expressions (Alias or Attribute); `keys` are those of USING that can be named all the same."""

    items: tuple[Alias | Attribute, ...]
    keys: tuple[Attribute, ...] = ()

    @property
    def output(self) -> tuple[Attribute, ...]:
        return tuple(i if isinstance(i, Attribute) else i.to_attribute() for i in self.items)

    @property
    def hidden(self) -> tuple[Attribute, ...]:
        return (*self.child.hidden, *self.keys)


@dataclass(frozen=True, slots=True, eq=False)
class Filter(RowByRow):
    """WHERE `condition`."""

    condition: Expression


@dataclass(frozen=True, slots=True, eq=False)
class SubqueryAlias(RowByRow):
    """The input under a name, of a table also its catalog and schema: same columns, qualified by it."""

    alias: str
    namespace: tuple[str, ...] = ()

    @property
    def output(self) -> tuple[Attribute, ...]:
        return tuple(replace(a, qualifier=(*self.namespace, self.alias)) for a in self.child.output)


@dataclass(frozen=True, slots=True, eq=False)
class Rename(Unary):
    """The input's columns under new ids (and names), by position; qualifiers as given. What is hidden, likewise."""

    columns: tuple[Attribute, ...]
    hidden_columns: tuple[Attribute, ...] = ()

    @property
    def output(self) -> tuple[Attribute, ...]:
        return self.columns

    @property
    def hidden(self) -> tuple[Attribute, ...]:
        return self.hidden_columns


@dataclass(frozen=True, slots=True, eq=False)
class Aggregate(Unary):
    """GROUP BY `keys`: one row a group, with the keys and then the `aggregates`.

    Each aggregate is an Alias over a Call of an aggregate function, nothing else: what a query computes from them
    stands in a Project above. `grouping_sets` (positions into `keys`) is set for rollup, cube and grouping sets; a
    BIGINT column `grouping_id` then comes last.
    """

    keys: tuple[Alias | Attribute, ...]
    aggregates: tuple[Alias, ...]
    grouping_sets: tuple[tuple[int, ...], ...] = ()
    grouping_id: Attribute | None = None

    @property
    def output(self) -> tuple[Attribute, ...]:
        keys = tuple(k if isinstance(k, Attribute) else k.to_attribute() for k in self.keys)
        found = (*keys, *(a.to_attribute() for a in self.aggregates))
        if self.grouping_id is not None:
            in_all = set.intersection(*(set(s) for s in self.grouping_sets)) if self.grouping_sets else set()
            found = tuple(
                a if i in in_all or i >= len(keys) else replace(a, nullable=True) for i, a in enumerate(found)
            )
            found = (*found, self.grouping_id)
        return from_state(found) if self.is_streaming else found


@dataclass(frozen=True, slots=True, eq=False)
class MergedSessions(Unary):
    """The input with `session`, a window, widened by all that it overlaps or touches among rows of equal `keys`."""

    keys: tuple[Attribute, ...]
    session: Attribute


@dataclass(frozen=True, slots=True, eq=False)
class Window(Unary):
    """The input's columns and one column for each item, an Alias over a WindowExpression."""

    items: tuple[Alias, ...]

    @property
    def output(self) -> tuple[Attribute, ...]:
        return (*self.child.output, *(item.to_attribute() for item in self.items))


@dataclass(frozen=True, slots=True, eq=False)
class Generate(Unary):
    """The input's columns and those of a generator (`explode(...)`), one row per generated row."""

    generator: Expression
    generated: tuple[Attribute, ...]
    outer: bool

    @property
    def output(self) -> tuple[Attribute, ...]:
        return (*self.child.output, *self.generated)


@dataclass(frozen=True, slots=True, eq=False)
class Expand(Unary):
    """The input's columns and `column`, one row for each element of `elements`, an expression that gives a list."""

    elements: Expression
    column: Attribute

    @property
    def output(self) -> tuple[Attribute, ...]:
        return (*self.child.output, self.column)


@dataclass(frozen=True, slots=True, eq=False)
class Sort(RowByRow):
    """ORDER BY."""

    orders: tuple[SortOrder, ...]
    is_global: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Limit(RowByRow):
    """The first `count` rows, after `offset`; `count` None is all."""

    count: int | None
    offset: int = 0

    @property
    def output(self) -> tuple[Attribute, ...]:
        return from_state(self.child.output) if self.is_streaming else self.child.output


@dataclass(frozen=True, slots=True, eq=False)
class Tail(Unary):
    """The last `count` rows."""

    count: int


@dataclass(frozen=True, slots=True, eq=False)
class Deduplicate(Unary):
    """One row for each value of `keys`."""

    keys: tuple[Attribute, ...]
    within_watermark: bool = False

    @property
    def output(self) -> tuple[Attribute, ...]:
        return from_state(self.child.output) if self.is_streaming else self.child.output


@dataclass(frozen=True, slots=True, eq=False)
class GroupsWithState(Unary):
    """A Python function with state, called with the rows (`values`) of each value of `keys`; it gives `columns`.

    `program` is an `operators.groups.GroupProgram`. `initial` gives the state that a query begins with, by keys.
    """

    keys: tuple[Attribute, ...]
    values: tuple[Attribute, ...]
    columns: tuple[Attribute, ...]
    program: Any
    output_mode: str
    initial: LogicalPlan | None = None
    initial_keys: tuple[Attribute, ...] = ()
    initial_values: tuple[Attribute, ...] = ()

    @property
    def output(self) -> tuple[Attribute, ...]:
        return self.columns


@dataclass(frozen=True, slots=True, eq=False)
class Sample(Unary):
    """A random sample."""

    lower: float
    upper: float
    with_replacement: bool
    seed: int


@dataclass(frozen=True, slots=True, eq=False)
class Watermark(RowByRow):
    """`column` is event time, late by at most `delay_ms`."""

    column: Attribute
    delay_ms: int

    @property
    def output(self) -> tuple[Attribute, ...]:
        def marked(attribute: Attribute) -> Attribute:
            metadata = {k: v for k, v in (attribute.metadata or {}).items() if k != DELAY_MARK}
            if attribute.id == self.column.id:
                metadata[DELAY_MARK] = self.delay_ms
            return replace(attribute, metadata=metadata or None)

        return tuple(marked(attribute) for attribute in self.child.output)


@dataclass(frozen=True, slots=True, eq=False)
class MapFrames(LogicalPlan):
    """A Python function over whole Arrow tables of streams' batches (`mapInPandas` and its kin); it gives `columns`.

    `function` takes a table for each input and gives one with columns c0, c1, ...
    """

    inputs: tuple[LogicalPlan, ...]
    columns: tuple[Attribute, ...]
    function: Callable[[list[Any]], Any]

    @property
    def output(self) -> tuple[Attribute, ...]:
        return self.columns


@dataclass(frozen=True, slots=True, eq=False)
class TableFunction(Leaf):
    """A call of a Python table function whose arguments use columns of an enclosing query: a lateral join's right side.

    `program` gives the function over a table with the left side's rows, so many columns, and the arguments.
    """

    arguments: tuple[Expression, ...]
    program: Callable[[int], Any]
    deterministic: bool


class NoEnclosingQuery(Exception):
    """A column of `Column.outer` was met where there is no enclosing query."""


@dataclass(frozen=True, slots=True, eq=False)
class Deferred(LogicalPlan):
    """A relation that may use columns of an enclosing query (`Column.outer`): it is resolved again where it stands.

    `settle` resolves it as a query of its own.
    """

    relation: Relation
    settle: Callable[[], LogicalPlan]

    @property
    def output(self) -> tuple[Attribute, ...]:
        return self.settle().output


@dataclass(frozen=True, slots=True, eq=False)
class CollectMetrics(RowByRow):
    """Aggregates of the rows that pass (`observe`). `observation` is told those of a batch query's first run."""

    name: str
    items: tuple[Alias | Attribute, ...]
    observation: Any = None


@dataclass(frozen=True, slots=True, eq=False)
class Join(LogicalPlan):
    """`kind`: inner, cross, leftouter, rightouter, fullouter, leftsemi, leftanti."""

    left: LogicalPlan
    right: LogicalPlan
    kind: str
    condition: Expression | None
    lateral: tuple[Attribute, ...] | None = None  # what the right side uses of the left, for a lateral join

    @property
    def output(self) -> tuple[Attribute, ...]:
        left, right = self.left.output, self.right.output
        if self.left.is_streaming and self.right.is_streaming:
            left, right = from_state(left), from_state(right)
        return self._joined(left, right)

    @property
    def hidden(self) -> tuple[Attribute, ...]:
        if self.left.is_streaming and self.right.is_streaming:  # whose rows are kept as they come out
            return ()
        return self._joined(self.left.hidden, self.right.hidden)

    def _joined(self, left: tuple[Attribute, ...], right: tuple[Attribute, ...]) -> tuple[Attribute, ...]:
        if self.kind in ("leftsemi", "leftanti"):
            return left
        if self.kind in ("rightouter", "fullouter"):
            left = tuple(replace(a, nullable=True) for a in left)
        if self.kind in ("leftouter", "fullouter"):
            right = tuple(replace(a, nullable=True) for a in right)
        return (*left, *right)


@dataclass(frozen=True, slots=True, eq=False)
class RecursiveReference(Leaf):
    """The rows of the round before, inside the step of a recursive query."""


@dataclass(frozen=True, slots=True, eq=False)
class Recursive(LogicalPlan):
    """`anchor UNION ALL step`, the step run on its own last rows (`reference`) until it gives none."""

    anchor: LogicalPlan
    step: LogicalPlan
    columns: tuple[Attribute, ...]
    reference: RecursiveReference

    @property
    def output(self) -> tuple[Attribute, ...]:
        return self.columns


@dataclass(frozen=True, slots=True, eq=False)
class Shared(Unary):
    """A table of WITH that may give other rows each time: it is computed once for all that read it."""


@dataclass(frozen=True, slots=True, eq=False)
class SetOperation(LogicalPlan):
    """`kind`: union, except, intersect. Inputs agree in number and types of columns."""

    left: LogicalPlan
    right: LogicalPlan
    kind: str
    all: bool
    columns: tuple[Attribute, ...]

    @property
    def output(self) -> tuple[Attribute, ...]:
        return self.columns


@dataclass(frozen=True, slots=True, eq=False)
class Command(Leaf):
    """A SQL statement that the session runs; `columns` describe its answer."""

    kind: str
    args: dict[str, Any] = field(default_factory=dict)
    query: LogicalPlan | Relation | None = None

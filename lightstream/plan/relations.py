"""Relations as written, before resolution. The vocabulary follows Spark Connect's relations.

An input is another relation or a plan that is resolved already (`lightstream.plan.logical.LogicalPlan`): the
DataFrame API puts one relation on top of a resolved plan, so that a chain of n calls costs n small analyses.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any

from lightstream.dataclass import dataclass
from lightstream.plan.expressions import Expression, SortOrder
from lightstream.plan.types import StructType

if TYPE_CHECKING:
    from lightstream.plan.logical import LogicalPlan


@dataclass(frozen=True, slots=True)
class Relation:
    """Base of all unresolved relations."""


@dataclass(frozen=True, slots=True)
class UnresolvedTable(Relation):
    """A table, temporary view or streaming view by name; `is_streaming` for `readStream.table`."""

    name: tuple[str, ...]
    is_streaming: bool = False
    options: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UnresolvedTableFunction(Relation):
    """A table-valued function in FROM: `range(5)`, `explode(...)`; `function` is one that was called from Python."""

    name: str
    args: tuple[Expression, ...]
    named: tuple[tuple[str, Expression], ...] = ()
    function: Any = None


@dataclass(frozen=True, slots=True)
class DataSourceRead(Relation):
    """A batch or streaming read through a format; `format` None means the session's default source."""

    format: str | None
    schema: StructType | None
    options: dict[str, str]
    paths: tuple[str, ...] = ()
    is_streaming: bool = False


@dataclass(frozen=True, slots=True)
class LocalData(Relation):
    """Rows from Python as an Arrow table (or anything DuckDB can scan), with their Spark schema."""

    schema: StructType
    data: Any = field(compare=False)


@dataclass(frozen=True, slots=True)
class Range(Relation):
    """`id` from `start` (inclusive) to `end` (exclusive) by `step`."""

    start: int
    end: int
    step: int = 1


@dataclass(frozen=True, slots=True)
class Values(Relation):
    """`VALUES (1, 2), (3, 4)`: rows of expressions; columns are col1, col2, ..."""

    rows: tuple[tuple[Expression, ...], ...]


@dataclass(frozen=True, slots=True)
class OneRow(Relation):
    """The FROM of a SELECT without FROM: one row, no columns."""


@dataclass(frozen=True, slots=True)
class Project(Relation):
    """SELECT; becomes an aggregation without keys when an item holds an aggregate function."""

    input: Relation | LogicalPlan
    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Filter(Relation):
    """WHERE."""

    input: Relation | LogicalPlan
    condition: Expression


@dataclass(frozen=True, slots=True)
class Aggregate(Relation):
    """GROUP BY.

    `items` are the output columns. From the DataFrame API they are the aggregates only and `keys_first` puts the
    keys before them; from SQL they are the whole select list. `kind` is "groupby", "rollup", "cube" or "sets" (with
    `grouping_sets`, positions into `keys`). `piped` is `|> AGGREGATE`: whole numbers among its keys are
    columns that come in, and each item has an aggregate.
    """

    input: Relation | LogicalPlan
    keys: tuple[Expression, ...]
    items: tuple[Expression, ...]
    kind: str = "groupby"
    keys_first: bool = False
    having: Expression | None = None
    grouping_sets: tuple[tuple[int, ...], ...] = ()
    piped: bool = False


@dataclass(frozen=True, slots=True)
class Qualify(Relation):
    """QUALIFY: a condition on the window functions of a SELECT (a Project or an Aggregate)."""

    input: Relation
    condition: Expression


@dataclass(frozen=True, slots=True)
class Pivot(Relation):
    """`groupBy(keys).pivot(column, values).agg(items)`; SQL PIVOT leaves `keys` None (all other columns)."""

    input: Relation | LogicalPlan
    keys: tuple[Expression, ...] | None
    column: Expression
    values: tuple[Expression, ...] | None
    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class UnpivotGroup:
    """The columns that become one row of an unpivot, and their name in the variable column (None: their own)."""

    columns: tuple[Expression, ...]
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Unpivot(Relation):
    """Columns to rows: `ids` None means all columns that no group has, `values` None all but the ids."""

    input: Relation | LogicalPlan
    ids: tuple[Expression, ...] | None
    values: tuple[UnpivotGroup, ...] | None
    variable_name: str
    value_names: tuple[str, ...]
    include_nulls: bool = True


@dataclass(frozen=True, slots=True)
class Join(Relation):
    """`kind`: inner, cross, leftouter, rightouter, fullouter, leftsemi, leftanti."""

    left: Relation | LogicalPlan
    right: Relation | LogicalPlan
    kind: str = "inner"
    condition: Expression | None = None
    using: tuple[str, ...] = ()
    natural: bool = False
    lateral: bool = False


@dataclass(frozen=True, slots=True)
class SetOperation(Relation):
    """`kind`: union, except, intersect."""

    left: Relation | LogicalPlan
    right: Relation | LogicalPlan
    kind: str
    all: bool = True
    by_name: bool = False
    allow_missing: bool = False


@dataclass(frozen=True, slots=True)
class Sort(Relation):
    """ORDER BY (`is_global`) or SORT BY."""

    input: Relation | LogicalPlan
    orders: tuple[SortOrder, ...]
    is_global: bool = True


@dataclass(frozen=True, slots=True)
class Limit(Relation):
    """LIMIT."""

    input: Relation | LogicalPlan
    count: Expression


@dataclass(frozen=True, slots=True)
class Offset(Relation):
    """OFFSET."""

    input: Relation | LogicalPlan
    count: Expression


@dataclass(frozen=True, slots=True)
class Tail(Relation):
    """The last `count` rows."""

    input: Relation | LogicalPlan
    count: int


@dataclass(frozen=True, slots=True)
class Deduplicate(Relation):
    """`dropDuplicates(columns)`; all columns when `columns` is None (also `distinct`)."""

    input: Relation | LogicalPlan
    columns: tuple[str, ...] | None = None
    within_watermark: bool = False


@dataclass(frozen=True, slots=True)
class PipeInput(Relation):
    """What a pipe operator (`|>`) is given: it sees what comes out, and no names below."""

    input: Relation | LogicalPlan


@dataclass(frozen=True, slots=True)
class SubqueryAlias(Relation):
    """`relation AS alias (column, ...)`."""

    input: Relation | LogicalPlan
    alias: str
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WithColumns(Relation):
    """Add or replace columns by name (each item an Alias); with `only_present` they must be there."""

    input: Relation | LogicalPlan
    items: tuple[Expression, ...]
    only_present: bool = False


@dataclass(frozen=True, slots=True)
class WithColumnsRenamed(Relation):
    """Rename columns; unknown names are ignored, as in Spark."""

    input: Relation | LogicalPlan
    renames: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ToDF(Relation):
    """Rename all columns by position."""

    input: Relation | LogicalPlan
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ToSchema(Relation):
    """`df.to(schema)`: reorder, cast and check against a schema."""

    input: Relation | LogicalPlan
    schema: StructType


@dataclass(frozen=True, slots=True)
class Drop(Relation):
    """Remove columns; what does not exist is ignored, unless `only_present`.

    A name means all columns of that name, whatever dots it has; an expression means the column that it refers to.
    """

    input: Relation | LogicalPlan
    columns: tuple[str | Expression, ...]
    only_present: bool = False


@dataclass(frozen=True, slots=True)
class Generate(Relation):
    """`LATERAL VIEW [OUTER] generator(...) alias AS column, ...`."""

    input: Relation | LogicalPlan
    generator: Expression
    outer: bool = False
    alias: str | None = None
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sample(Relation):
    """A random sample of rows."""

    input: Relation | LogicalPlan
    lower: float
    upper: float
    with_replacement: bool = False
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class SampleBy(Relation):
    """A random sample with a fraction for each value of a column (0 for values that have none)."""

    input: Relation | LogicalPlan
    column: Expression
    fractions: dict[Any, float]
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class WithWatermark(Relation):
    """`withWatermark(column, delay)`."""

    input: Relation | LogicalPlan
    column: str
    delay: str


@dataclass(frozen=True, slots=True)
class CollectMetrics(Relation):
    """`observe(name, *metrics)`; `observation` is who is told the metrics of a batch query."""

    input: Relation | LogicalPlan
    name: str
    metrics: tuple[Expression, ...]
    observation: Any = None


@dataclass(frozen=True, slots=True)
class With(Relation):
    """`WITH name AS (...), ... query`."""

    tables: tuple[tuple[str, Relation, tuple[str, ...]], ...]
    input: Relation
    recursive: bool = False


# ---- commands: SQL statements that do something; run by the session -------------------------------------------


@dataclass(frozen=True, slots=True)
class Command(Relation):
    """A statement: `kind` names it (`set`, `show_tables`, `create_view`, ...), `args` are its parts by name."""

    kind: str
    args: dict[str, Any] = field(default_factory=dict)
    query: Relation | None = None

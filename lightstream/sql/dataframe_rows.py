"""The part of DataFrame that changes which rows there are: joins, set operations, order, groups, duplicates."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lightstream.errors import (
    AnalysisException,
    IllegalArgumentException,
    PySparkIndexError,
    PySparkTypeError,
    PySparkValueError,
    unsupported,
)
from lightstream.plan import relations as r
from lightstream.plan import types as t
from lightstream.plan.expressions import (
    Alias,
    Attribute,
    Expression,
    SortOrder,
    UnresolvedAttribute,
    UnresolvedFunction,
)
from lightstream.plan.logical import Deferred
from lightstream.sql.arguments import cannot_be_empty, need_int, need_str, not_expected
from lightstream.sql.column import Column, column_expression, flatten, without_stars
from lightstream.sql.frame import Frame

if TYPE_CHECKING:
    from lightstream.sql.dataframe import DataFrame
    from lightstream.sql.group import GroupedData

_JOINS = {
    "inner": "inner", "outer": "fullouter", "full": "fullouter", "fullouter": "fullouter", "leftouter": "leftouter",
    "left": "leftouter", "rightouter": "rightouter", "right": "rightouter", "leftsemi": "leftsemi",
    "semi": "leftsemi", "leftanti": "leftanti", "anti": "leftanti", "cross": "cross",
}  # fmt: skip
_JOIN_NAMES = (
    "'inner', 'outer', 'full', 'fullouter', 'full_outer', 'leftouter', 'left', 'left_outer', 'rightouter', 'right', "
    "'right_outer', 'leftsemi', 'left_semi', 'semi', 'leftanti', 'left_anti', 'anti', 'cross'"
)
_SIDES = ("__left_side", "__right_side")


class Rows(Frame):
    """Joins, set operations, order, groups and duplicates of a DataFrame."""

    # ---- joins ------------------------------------------------------------------------------------------------

    def join(self, other: DataFrame, on: Any = None, how: str | None = None) -> DataFrame:
        """Join with another DataFrame, on columns that both have or on a condition."""
        right = _frame("other", other)
        assert how is None or isinstance(how, str), "how should be a string"
        kind = join_kind("inner" if how is None else how)
        if on is None:
            return self._with(r.Join(self._plan, right._plan, kind))
        if not isinstance(on, list):
            on = [on]
        if isinstance(on[0], str):
            assert all(isinstance(name, str) for name in on), "on should be column names or conditions"
            return self._with(r.Join(self._plan, right._plan, kind, using=tuple(on)))
        assert all(isinstance(c, Column) for c in on), "on should be a Column or a list of Columns"
        condition = on[0]
        for part in on[1:]:
            condition = condition & part
        left_side, right_side, expression = _self_join(self, right, condition._expression)
        return self._with(r.Join(left_side, right_side, kind, expression))

    def crossJoin(self, other: DataFrame) -> DataFrame:
        """Return every pair of rows."""
        return self._with(r.Join(self._plan, _frame("other", other)._plan, "cross"))

    # ---- set operations ---------------------------------------------------------------------------------------

    def _set_operation(self, other: DataFrame, kind: str, all: bool) -> DataFrame:
        return self._with(r.SetOperation(self._plan, _frame("other", other)._plan, kind, all))

    def union(self, other: DataFrame) -> DataFrame:
        """Return the rows of both, by column position; duplicates stay."""
        return self._set_operation(other, "union", True)

    unionAll = union

    def unionByName(self, other: DataFrame, allowMissingColumns: bool = False) -> DataFrame:
        """Return the rows of both, by column name."""
        right = _frame("other", other)._plan
        return self._with(
            r.SetOperation(self._plan, right, "union", by_name=True, allow_missing=allowMissingColumns)
        )

    def intersect(self, other: DataFrame) -> DataFrame:
        """Return the distinct rows that are in both."""
        return self._set_operation(other, "intersect", False)

    def intersectAll(self, other: DataFrame) -> DataFrame:
        """Return the rows that are in both, as often as in both."""
        return self._set_operation(other, "intersect", True)

    def subtract(self, other: DataFrame) -> DataFrame:
        """Return the distinct rows that are not in the other."""
        return self._set_operation(other, "except", False)

    def exceptAll(self, other: DataFrame) -> DataFrame:
        """Return the rows that are left when the other's are taken away one by one."""
        return self._set_operation(other, "except", True)

    # ---- order ------------------------------------------------------------------------------------------------

    def sort(self, *cols: Any, **kwargs: Any) -> DataFrame:
        """Sort by columns, column names or positions; `ascending=` is a boolean or a list of them."""
        return self._with(r.Sort(self._plan, self._sort_orders(cols, kwargs)))

    orderBy = sort

    def sortWithinPartitions(self, *cols: Any, **kwargs: Any) -> DataFrame:
        """Sort: there is one partition."""
        return self._with(r.Sort(self._plan, self._sort_orders(cols, kwargs), False))

    def _sort_orders(self, cols: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[SortOrder, ...]:
        columns = flatten(cols)
        if not cols:
            raise cannot_be_empty("cols")
        found = [self._sort_column(c) for c in columns]
        ascending = kwargs.get("ascending", True)
        if isinstance(ascending, bool | int):
            directions = [bool(ascending)] * len(found)
        elif isinstance(ascending, list):
            directions = [bool(a) for a in ascending] + [True] * len(found)
        else:
            raise not_expected("ascending", "bool, int or list", ascending)
        orders = (c if up else c.desc() for c, up in zip(found, directions, strict=False))
        return tuple(_order(without_stars(c._expression, "Sort")) for c in orders)

    def _sort_column(self, column: Any) -> Column:
        if isinstance(column, int) and not isinstance(column, bool):
            if column == 0:
                raise PySparkIndexError("ZERO_INDEX", "Index must be non-zero.")
            found = Column(self._plan.output[abs(column) - 1])
            return found if column > 0 else found.desc()
        return Column(column_expression(column))

    # ---- groups -----------------------------------------------------------------------------------------------

    def _grouped(self, cols: tuple[Any, ...], kind: str) -> GroupedData:
        from lightstream.sql.dataframe import DataFrame
        from lightstream.sql.group import GroupedData

        keys = tuple(self._group_key(c) for c in flatten(cols))
        assert isinstance(self, DataFrame)
        return GroupedData(self, keys, kind)

    def _group_key(self, column: Any) -> Expression:
        if isinstance(column, int) and not isinstance(column, bool):
            if column < 1:
                raise PySparkIndexError(
                    "INDEX_NOT_POSITIVE",
                    f"Index must be positive, got '{column}'.",
                    parameters={"index": str(column)},
                )
            return self._plan.output[column - 1]
        return without_stars(column_expression(column), "Aggregate")

    def groupBy(self, *cols: Any) -> GroupedData:
        """Group by columns, column names or positions."""
        return self._grouped(cols, "groupby")

    groupby = groupBy

    def rollup(self, *cols: Any) -> GroupedData:
        """Group by the columns, by all but the last, ... and over all rows."""
        return self._grouped(cols, "rollup")

    def cube(self, *cols: Any) -> GroupedData:
        """Group by every combination of the columns."""
        return self._grouped(cols, "cube")

    def groupingSets(self, groupingSets: Sequence[Sequence[Any]], *cols: Any) -> GroupedData:
        """Group by each of the given sets of columns; `cols` are all of them, in the order of the output.

        Raises:
            PySparkValueError: a set names a column that `cols` does not.
        """
        grouped = self._grouped(cols, "sets")
        positions = [tuple(map(self._group_key, columns)) for columns in groupingSets]
        for key in (key for columns in positions for key in columns):
            if key not in grouped._keys:
                raise PySparkValueError(
                    "GROUPING_COLUMN_MISMATCH",
                    f"A grouping set names {Column(key)!r}, which is none of the columns given after the sets.",
                    sqlstate="42803",
                )
        if not any(positions):
            raise unsupported("groupingSets with no set of columns", "Use groupBy() for the grand total.")
        grouped._sets = tuple(tuple(map(grouped._keys.index, columns)) for columns in positions)
        return grouped

    def agg(self, *exprs: Any) -> DataFrame:
        """Aggregate over all rows."""
        return self.groupBy().agg(*exprs)

    def distinct(self) -> DataFrame:
        """Return each row once."""
        return self._with(r.Deduplicate(self._plan))

    def dropDuplicates(self, subset: list[str] | None = None) -> DataFrame:
        """Return one row for each value of the columns (of all columns without `subset`)."""
        return self._with(r.Deduplicate(self._plan, _subset(subset)))

    drop_duplicates = dropDuplicates

    def dropDuplicatesWithinWatermark(self, subset: list[str] | None = None) -> DataFrame:
        """Drop duplicates that come within the watermark's delay of the first."""
        return self._with(r.Deduplicate(self._plan, _subset(subset), within_watermark=True))

    def withWatermark(self, eventTime: str, delayThreshold: str) -> DataFrame:
        """Name the event time column and how late its rows may come."""
        if not eventTime or not isinstance(eventTime, str):
            raise not_expected("eventTime", "str", eventTime)
        if not delayThreshold or not isinstance(delayThreshold, str):
            raise not_expected("delayThreshold", "str", delayThreshold)
        return self._with(r.WithWatermark(self._plan, eventTime, delayThreshold))

    # ---- columns to rows --------------------------------------------------------------------------------------

    def unpivot(self, ids: Any, values: Any, variableColumnName: str, valueColumnName: str) -> DataFrame:
        """Turn columns into rows of (ids, column name, value); all columns but the ids without `values`."""
        need_str("variableColumnName", variableColumnName)
        need_str("valueColumnName", valueColumnName)
        groups = None
        if values is not None:
            groups = tuple(r.UnpivotGroup((column,)) for column in self._items(_listed(values)))
        relation = r.Unpivot(
            self._plan, self._items(_listed(ids)), groups, variableColumnName, (valueColumnName,)
        )
        return self._with(relation)

    melt = unpivot

    def sample(
        self,
        withReplacement: float | bool | None = None,
        fraction: int | float | None = None,
        seed: int | None = None,
    ) -> DataFrame:
        """Return a random sample: `sample(0.1)`, `sample(0.1, seed)` or `sample(False, 0.1, seed)`."""
        given: tuple[Any, Any, Any] = (withReplacement, fraction, seed)
        if isinstance(withReplacement, float | int) and not isinstance(withReplacement, bool):
            given = (None, withReplacement, fraction if seed is None else seed)
        replacement, part, chosen = given
        if not isinstance(part, float | int) or not isinstance(replacement, bool | None):
            raise PySparkTypeError(
                "NOT_EXPECTED_TYPE",
                "Argument `withReplacement (optional), fraction (required) and seed (optional)` should be bool, "
                "float or int.",
                sqlstate="42K09",
                parameters={
                    "arg_name": "withReplacement (optional), fraction (required) and seed (optional)",
                    "expected_type": "bool, float or int",
                    "arg_type": ", ".join(type(v).__name__ for v in (withReplacement, fraction, seed)),
                },
            )
        return self._with(
            r.Sample(self._plan, 0.0, part, bool(replacement), None if chosen is None else int(chosen))
        )

    def randomSplit(self, weights: list[float], seed: int | None = None) -> list[DataFrame]:
        """Return the rows in random parts whose sizes have about these weights.

        Raises:
            PySparkValueError: a weight is negative.
        """
        from lightstream.functions.signatures import is_orderable

        for weight in weights:
            if weight < 0.0:
                raise PySparkValueError(
                    "VALUE_NOT_POSITIVE",
                    f"Value `weights` must be positive, got '{weight}'.",
                    parameters={"arg_name": "weights", "arg_value": str(weight)},
                )
        if sum(weights) <= 0:
            raise IllegalArgumentException(
                message="requirement failed: Sum of weights must be positive, but got "
                f"[{','.join(map(str, weights))}]"
            )
        chosen = random.getrandbits(63) if seed is None else int(seed)
        # Spark: the rows are sorted, so that each part sees them in one order.
        sortable = tuple(SortOrder(a) for a in self._plan.output if is_orderable(a.type))
        rows = self._with(r.Sort(self._plan, sortable, is_global=False))._plan if sortable else self._plan
        total, bounds = sum(weights), [0.0]
        for weight in weights:
            bounds.append(bounds[-1] + weight / total)
        return [
            self._with(r.Sample(rows, low, high, False, chosen)) for low, high in itertools.pairwise(bounds)
        ]

    def sampleBy(self, col: Any, fractions: dict[Any, float], seed: int | None = None) -> DataFrame:
        """Return a random sample with a fraction for each value of a column; values without one are left out."""
        if not isinstance(fractions, dict):
            raise not_expected("fractions", "dict", fractions)
        for key, fraction in fractions.items():
            if not isinstance(key, float | int | str):
                raise not_expected("fractions", "dict with float, int or str keys", key)
            fractions[key] = float(fraction)
        if not all(0 <= fraction <= 1 for fraction in fractions.values()):
            given = ", ".join(f"{key} -> {fraction}" for key, fraction in fractions.items())
            raise IllegalArgumentException(
                message=f"requirement failed: Fractions must be in [0, 1], but got Map({given})."
            )
        return self._with(r.SampleBy(self._plan, column_expression(col), dict(fractions), seed))

    def zip(self, other: DataFrame) -> DataFrame:
        """Return the columns of both, side by side; both are selections of columns of one DataFrame.

        Raises:
            AnalysisException: ZIP_PLANS_NOT_MERGEABLE.
        """
        from lightstream.sql.dataframe import DataFrame
        from lightstream.sql.zipped import zipped

        return DataFrame(zipped(self._plan, _frame("other", other)._plan), self._session)

    def zipWithIndex(self, indexColName: str = "index") -> DataFrame:
        """Return the rows with their positions, counted from 0, in a further column."""
        one = UnresolvedFunction("monotonically_increasing_id", ())
        return self._with(r.Project(self._plan, (*self._plan.output, Alias(one, (indexColName,)))))

    def lateralJoin(self, other: DataFrame, on: Any = None, how: str | None = None) -> DataFrame:
        """Join with a DataFrame that uses this one's columns by `Column.outer`, such as a table function of them."""
        kind = join_kind("inner" if how is None else how)
        condition = None if on is None else column_expression(on)
        if kind not in ("inner", "cross", "leftouter"):
            raise AnalysisException(
                "UNSUPPORTED_JOIN_TYPE",
                f"Unsupported join type '{how}'. Supported join types include: inner, leftouter, cross.",
                sqlstate="0A000",
                parameters={"typ": str(how), "supported": "inner, leftouter, cross"},
            )
        right = _frame("other", other)._plan
        return self._with(r.Join(self._plan, right, kind, condition, lateral=isinstance(right, Deferred)))

    # ---- what has no effect on one machine --------------------------------------------------------------------

    def repartition(self, numPartitions: Any, *cols: Any) -> DataFrame:
        """Return the same rows: there is one partition."""
        if isinstance(numPartitions, int):
            _positive(numPartitions)
            return self._same(cols)
        if isinstance(numPartitions, str | Column):
            return self._same((numPartitions, *cols))
        raise not_expected("numPartitions", "Column, int or str", numPartitions)

    def repartitionByRange(self, numPartitions: Any, *cols: Any) -> DataFrame:
        """Return the same rows: there is one partition."""
        if isinstance(numPartitions, int) and not cols:
            raise cannot_be_empty("partition-by expression")
        return self.repartition(numPartitions, *cols)

    def repartitionById(self, numPartitions: int, partitionIdCol: Any) -> DataFrame:
        """Return the same rows: there is one partition."""
        return self.repartition(need_int("numPartitions", numPartitions), partitionIdCol)

    def coalesce(self, numPartitions: int) -> DataFrame:
        """Return the same rows: there is one partition."""
        _positive(numPartitions)
        return self._same(())

    def hint(self, name: str, *parameters: Any) -> DataFrame:
        """Return the same rows: DuckDB plans without hints."""
        need_str("name", name)
        return self._same(())

    def _same(self, cols: tuple[Any, ...]) -> DataFrame:
        from lightstream.sql.dataframe import DataFrame

        if cols:
            # Spark: names that do not exist are errors
            for column in self._with(r.Project(self._plan, self._items(cols))).schema:
                if t.holds(column.dataType, t.VariantType):
                    raise AnalysisException(
                        "UNSUPPORTED_FEATURE.PARTITION_BY_VARIANT",
                        "Cannot use VARIANT producing expressions to partition a DataFrame, but the type of "
                        f'expression "{column.name}" is "{column.dataType.sql()}".',
                        sqlstate="0A000",
                        parameters={"expr": f'"{column.name}"', "dataType": f'"{column.dataType.sql()}"'},
                    )
        return DataFrame(self._plan, self._session)


def join_kind(how: str) -> str:
    """Return the join type that a name stands for.

    Raises:
        AnalysisException: UNSUPPORTED_JOIN_TYPE.
    """
    kind = _JOINS.get(how.lower().replace("_", ""))
    if kind is None:
        raise AnalysisException(
            "UNSUPPORTED_JOIN_TYPE",
            f"Unsupported join type '{how}'. Supported join types include: {_JOIN_NAMES}.",
            sqlstate="0A000",
            parameters={"typ": how, "supported": _JOIN_NAMES},
        )
    return kind


def _self_join(left: Frame, right: Frame, condition: Expression) -> tuple[Any, Any, Expression]:
    """Return both sides and the condition of a join, `a = a` over a column of both sides read as left.a = right.a.

    Spark: so that `df.join(df, df.id == df.id)` means what it can only mean.
    """
    shared = {a.id for a in left._plan.output} & {a.id for a in right._plan.output}
    found = False

    def told_apart(node: Expression) -> Expression:
        nonlocal found
        match node:
            case UnresolvedFunction("==" | "<=>", (Attribute() as one, Attribute() as other)):
                if one.id == other.id and one.id in shared:
                    found = True
                    sides = (UnresolvedAttribute((side, one.name)) for side in _SIDES)
                    return UnresolvedFunction(node.name, tuple(sides))
        return node

    changed = condition.transform_up(told_apart) if shared else condition
    if not found:
        return left._plan, right._plan, condition
    return r.SubqueryAlias(left._plan, _SIDES[0]), r.SubqueryAlias(right._plan, _SIDES[1]), changed


def _order(expression: Expression) -> SortOrder:
    return expression if isinstance(expression, SortOrder) else SortOrder(expression)


def _frame(argument: str, value: Any) -> Frame:
    if not isinstance(value, Frame):
        raise not_expected(argument, "DataFrame", value)
    return value


def _subset(subset: list[str] | None) -> tuple[str, ...] | None:
    if subset is None:
        return None
    if not isinstance(subset, list | tuple):
        raise not_expected("subset", "list or tuple", subset)
    return tuple(need_str("subset", name) for name in subset)


def _listed(columns: Any) -> tuple[Any, ...]:
    return tuple(columns) if isinstance(columns, list | tuple) else (columns,)


def _positive(partitions: int) -> None:
    if not isinstance(partitions, int) or isinstance(partitions, bool):
        raise not_expected("numPartitions", "int", partitions)
    if partitions <= 0:
        raise IllegalArgumentException(
            message=f"requirement failed: Number of partitions ({partitions}) must be positive."
        )

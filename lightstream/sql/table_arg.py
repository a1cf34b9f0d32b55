"""`pyspark.sql.table_arg`: a DataFrame that a table function is given."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lightstream.errors import IllegalArgumentException
from lightstream.plan.expressions import SortOrder, TableArgument
from lightstream.sql.column import column_expression, flatten

__all__ = ["TableArg"]


class TableArg:
    """A table argument: `df.asTable()`, and how its rows are cut and sorted."""

    def __init__(self, argument: TableArgument) -> None:
        self._argument = argument

    @property
    def _is_cut(self) -> bool:
        return bool(self._argument.partition_by) or self._argument.single_partition

    def partitionBy(self, *cols: Any) -> TableArg:
        """Give the function the rows of each value of the columns by themselves."""
        self._check_not_cut("partitionBy")
        return TableArg(replace(self._argument, partition_by=tuple(map(column_expression, flatten(cols)))))

    def orderBy(self, *cols: Any) -> TableArg:
        """Sort the rows of each partition."""
        if not self._is_cut:
            raise IllegalArgumentException(
                message="Please call partitionBy() or withSinglePartition() before orderBy()."
            )
        expressions = map(column_expression, flatten(cols))
        orders = tuple(one if isinstance(one, SortOrder) else SortOrder(one) for one in expressions)
        return TableArg(replace(self._argument, order_by=orders))

    def withSinglePartition(self) -> TableArg:
        """Give the function all rows as one partition."""
        self._check_not_cut("withSinglePartition")
        return TableArg(replace(self._argument, single_partition=True))

    def _check_not_cut(self, method: str) -> None:
        if self._is_cut:
            raise IllegalArgumentException(
                message=f"Cannot call {method}() after partitionBy() or withSinglePartition() has been called."
            )

"""`pyspark.sql.pandas.group_ops`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lightstream.sql.dataframe import DataFrame
    from lightstream.sql.group import GroupedData

__all__ = ["PandasCogroupedOps"]


class PandasCogroupedOps:
    """Two groupings by the same keys; made by `GroupedData.cogroup`."""

    def __init__(self, gd1: GroupedData, gd2: GroupedData) -> None:
        self._gd1 = gd1
        self._gd2 = gd2

    def applyInPandas(self, func: Any, schema: Any) -> DataFrame:
        """Return the rows that a function makes of the two pandas frames of each key."""
        from lightstream.sql.python_frames import apply_groups

        return apply_groups((self._gd1, self._gd2), func, schema, "pandas")

    def applyInArrow(self, func: Any, schema: Any) -> DataFrame:
        """Return the rows that a function makes of the two Arrow tables of each key."""
        from lightstream.sql.python_frames import apply_groups

        return apply_groups((self._gd1, self._gd2), func, schema, "arrow")

    def applyInPolars(self, func: Any, schema: Any) -> DataFrame:
        """Return the rows that a function makes of the two Polars frames of each key. An extension: not in Spark."""
        from lightstream.sql.python_frames import apply_groups

        return apply_groups((self._gd1, self._gd2), func, schema, "polars")

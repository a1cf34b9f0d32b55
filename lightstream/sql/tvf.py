"""`pyspark.sql.tvf`: table functions as methods, `spark.tvf`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lightstream.plan import relations as r
from lightstream.plan.expressions import UnresolvedFunction
from lightstream.sql.column import Column, column_expression
from lightstream.sql.frame import analyzed
from lightstream.sql.unsupported import refuses

if TYPE_CHECKING:
    from lightstream.sql.dataframe import DataFrame
    from lightstream.sql.session import SparkSession

__all__ = ["TableValuedFunction"]


@refuses(
    "TableValuedFunction",
    collations="",
    python_worker_logs="",
)
class TableValuedFunction:
    """Functions that make DataFrames."""

    def __init__(self, sparkSession: SparkSession) -> None:
        self._sparkSession = sparkSession

    def range(
        self, start: int, end: int | None = None, step: int = 1, numPartitions: int | None = None
    ) -> DataFrame:
        """Return the numbers from `start` to `end` (exclusive) as the column `id`."""
        return self._sparkSession.range(start, end, step, numPartitions)

    def explode(self, collection: Column) -> DataFrame:
        """Return a row for each element of an array or entry of a map."""
        return self._rows("explode", collection)

    def explode_outer(self, collection: Column) -> DataFrame:
        """Return a row for each element or entry, one of NULLs where there is none."""
        return self._rows("explode_outer", collection)

    def posexplode(self, collection: Column) -> DataFrame:
        """Return a row for each element or entry, with its position."""
        return self._rows("posexplode", collection)

    def posexplode_outer(self, collection: Column) -> DataFrame:
        """Return a row for each element or entry with its position, one of NULLs where there is none."""
        return self._rows("posexplode_outer", collection)

    def inline(self, input: Column) -> DataFrame:
        """Return a row for each struct of an array."""
        return self._rows("inline", input)

    def inline_outer(self, input: Column) -> DataFrame:
        """Return a row for each struct of an array, one of NULLs where there is none."""
        return self._rows("inline_outer", input)

    def json_tuple(self, input: Column, *fields: Column) -> DataFrame:
        """Return fields of a JSON text."""
        return self._rows("json_tuple", input, *fields)

    def stack(self, n: Column, *fields: Column) -> DataFrame:
        """Return the values in `n` rows."""
        return self._rows("stack", n, *fields)

    def variant_explode(self, input: Column) -> DataFrame:
        """Return a row for each field or element of a variant, with its position, name and value."""
        return self._rows("(variant_explode)", input)

    def variant_explode_outer(self, input: Column) -> DataFrame:
        """Return a row for each field or element of a variant, one of NULLs where there is none."""
        return self._rows("(variant_explode_outer)", input)

    def sql_keywords(self) -> DataFrame:
        """Return the keywords of Spark's SQL, and whether they are reserved: none is."""
        from lightstream.sql.dataframe import DataFrame

        call = r.UnresolvedTableFunction("sql_keywords", ())
        return DataFrame(self._sparkSession._state.analyze(call), self._sparkSession)

    def _rows(self, name: str, *columns: Any) -> DataFrame:
        from lightstream.sql.dataframe import DataFrame

        call = UnresolvedFunction(name, tuple(map(column_expression, columns)))
        plan = analyzed(r.Project(r.OneRow(), (call,)), self._sparkSession)
        return DataFrame(plan, self._sparkSession)

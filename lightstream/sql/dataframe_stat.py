"""The part of DataFrame about statistics: `describe`, `summary`, correlation."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from lightstream.errors import (
    AnalysisException,
    IllegalArgumentException,
    PySparkValueError,
)
from lightstream.plan import relations as r
from lightstream.plan import types as t
from lightstream.plan.expressions import Alias, Attribute, Cast, Expression, Literal, UnresolvedFunction
from lightstream.sql.arguments import need_str, not_allowed, not_expected
from lightstream.sql.dataframe_actions import Actions
from lightstream.sql.literals import literal

if TYPE_CHECKING:
    from lightstream.sql.dataframe import DataFrame

_DESCRIBED = ("count", "mean", "stddev", "min", "max")
_SUMMARY = ("count", "mean", "stddev", "min", "25%", "50%", "75%", "max")
_FUNCTIONS = {
    "count": "count", "mean": "avg", "stddev": "stddev", "min": "min", "max": "max",
    "approx_count_distinct": "approx_count_distinct", "count_distinct": "count",
}  # fmt: skip


class Statistics(Actions):
    """Statistics of a DataFrame."""

    def describe(self, *cols: str | list[str]) -> DataFrame:
        """Return count, mean, standard deviation, minimum and maximum of numeric and text columns, as text."""
        names = cols[0] if len(cols) == 1 and isinstance(cols[0], list) else cols
        columns = [self._described(need_str("cols", name)) for name in names]
        return self._statistics(_DESCRIBED, columns or self._describable())

    def summary(self, *statistics: str) -> DataFrame:
        """Return statistics of numeric and text columns, as text.

        Args:
            statistics: count, mean, stddev, min, max, approx_count_distinct, count_distinct or percentages (`25%`).
        """
        chosen = statistics[0] if len(statistics) == 1 and isinstance(statistics[0], list) else statistics
        return self._statistics(tuple(chosen) or _SUMMARY, self._describable())

    def _describable(self) -> list[Attribute]:
        columns = [a for a in self._plan.output if isinstance(a.type, t.NumericType | t.StringType)]
        for column in columns:
            self._described(f"`{column.name}`")  # of two of a name it is ambiguous
        return columns

    def _described(self, name: str) -> Attribute:
        column = self._column(name)._expression
        if not isinstance(column, Attribute):
            raise AnalysisException(None, f"The column {name} cannot be described.")
        return column

    def _statistics(self, statistics: tuple[str, ...], columns: list[Attribute]) -> DataFrame:
        from lightstream.sql.local_data import local_rows

        for name in statistics:
            _check_statistic(name)
        items = tuple(
            Alias(Cast(_statistic(name, column), t.StringType()), (f"s{i}_{j}",))
            for i, name in enumerate(statistics)
            for j, column in enumerate(columns)
        )
        names = ("summary", *(column.name for column in columns))
        schema = t.StructType([t.StructField(name, t.StringType()) for name in names])
        found = self._run(r.Aggregate(self._plan, (), items)).tuples()[0] if items else ()
        width = len(columns)
        rows = [(name, *found[i * width : (i + 1) * width]) for i, name in enumerate(statistics)]
        return local_rows(rows, schema, self._session)

    def corr(self, col1: str, col2: str, method: str | None = None) -> float:
        """Return Pearson's correlation of two numeric columns."""
        if (method or "pearson") != "pearson":
            raise not_allowed("method", ["pearson"])
        return self._pair("corr", "correlation", math.nan, col1, col2)

    def cov(self, col1: str, col2: str) -> float:
        """Return the sample covariance of two numeric columns."""
        return self._pair("covar_samp", "covariance", 0.0, col1, col2)

    def approxQuantile(self, col: Any, probabilities: Any, relativeError: float) -> Any:
        """Return quantiles of a numeric column, or a list of them for a list of columns; NULL and NaN do not count.

        They are exact: Spark's are when `relativeError` is 0, and otherwise lie within it.
        """
        if not isinstance(col, str | list | tuple):
            raise not_expected("col", "list, str or tuple", col)
        if not isinstance(probabilities, list | tuple):
            raise not_expected("probabilities", "list or tuple", probabilities)
        for probability in probabilities:
            if not isinstance(probability, float | int) or not 0 <= probability <= 1:
                raise not_expected("probabilities", "list[float, int]", probability)
        if not isinstance(relativeError, float | int):
            raise not_expected("relativeError", "float or int", relativeError)
        if relativeError < 0:
            raise PySparkValueError(
                "NEGATIVE_VALUE",
                f"Value for `relativeError` must be greater than or equal to 0, got '{relativeError}'.",
                parameters={"arg_name": "relativeError", "arg_value": str(relativeError)},
            )
        names = [col] if isinstance(col, str) else [need_str("col", name) for name in col]
        found = [self._quantiles(self._described(name), probabilities) for name in names]
        return found[0] if isinstance(col, str) else found

    def _quantiles(self, column: Attribute, probabilities: Any) -> list[float]:
        if not isinstance(column.type, t.NumericType):
            raise IllegalArgumentException(
                message=f"requirement failed: Quantile calculation for column {column.name} with data type "
                f"{type(column.type).__name__} is not supported."
            )
        value = Cast(column, t.DoubleType())
        items = (Alias(UnresolvedFunction("collect_list", (value,)), ("values",)),)
        found: list[float] = self._run(r.Aggregate(self._plan, (), items)).tuples()[0][0] or []
        values = sorted(v for v in found if v == v)
        if not values:
            return []
        return [values[max(0, math.ceil(p * len(values)) - 1)] for p in probabilities]

    def crosstab(self, col1: str, col2: str) -> DataFrame:
        """Return how often each pair of values of two columns occurs: one row a value of the first."""
        from lightstream.sql.local_data import local_rows

        texts = tuple(
            UnresolvedFunction(
                "coalesce", (Cast(self._described_any(need_str(a, name)), t.StringType()), literal("null"))
            )
            for a, name in (("col1", col1), ("col2", col2))
        )
        count = Alias(UnresolvedFunction("count", (literal(1),)), ("count",))
        counts = self._run(r.Aggregate(self._plan, texts, (count,), keys_first=True)).tuples()
        columns = sorted({pair[1] for pair in counts})
        rows: dict[str, dict[str, int]] = {}
        for one, other, number in counts:
            rows.setdefault(one, {})[other] = number
        fields = [t.StructField(f"{col1}_{col2}", t.StringType())]
        fields.extend(t.StructField(name, t.LongType(), False) for name in columns)
        found = [(one, *(others.get(name, 0) for name in columns)) for one, others in rows.items()]
        return local_rows(found, t.StructType(fields), self._session)

    def freqItems(self, cols: list[str] | tuple[str, ...], support: float | None = None) -> DataFrame:
        """Return one row with the frequent values of each column: all that fill the share `support` of the rows.

        Spark: there may be values among them that do not; here these are those of one partition.
        """
        from lightstream.sql.dataframe import DataFrame
        from lightstream.sql.frequent_items import frequent_items

        return DataFrame(frequent_items(self, cols, support), self._session)

    def transpose(self, indexColumn: Any = None) -> DataFrame:
        """Return the columns as rows: the values of the index column (the first) name the new columns.

        Raises:
            AnalysisException: TRANSPOSE_NO_LEAST_COMMON_TYPE, TRANSPOSE_EXCEED_ROW_LIMIT...
        """
        from lightstream.sql.transpose import transposed

        return transposed(self, indexColumn)

    def _described_any(self, name: str) -> Expression:
        return self._column(name)._expression

    def _pair(self, function: str, what: str, of_few: float, col1: str, col2: str) -> float:
        columns = [self._described(need_str(f"col{i}", name)) for i, name in enumerate((col1, col2), 1)]
        for column in columns:
            if not isinstance(column.type, t.NumericType):
                raise IllegalArgumentException(
                    message=f"requirement failed: Currently {what} calculation for columns with dataType "
                    f"{column.type.typeName()} not supported."
                )
        # Spark: NULL counts as 0 here, unlike in the functions corr and covar_samp.
        zero = literal(0.0)
        args = tuple(UnresolvedFunction("coalesce", (Cast(c, t.DoubleType()), zero)) for c in columns)
        items = (Alias(UnresolvedFunction(function, args), (function,)),)
        value: Any = self._run(r.Aggregate(self._plan, (), items)).tuples()[0][0]
        return of_few if value is None else float(value)


def _check_statistic(name: str) -> None:
    if name in _FUNCTIONS:
        return
    match = re.fullmatch(r"(-?\d+(?:\.\d+)?)%", name)
    if match is not None and not 0 <= float(match[1]) <= 100:
        raise IllegalArgumentException(message="requirement failed: Percentiles must be in the range [0, 1]")
    if match is None:
        raise IllegalArgumentException(
            "UNRECOGNIZED_STATISTIC",
            f"The statistic '{name}' is not recognized. Use count, count_distinct, approx_count_distinct, mean, "
            "stddev, min, max or a percentage from 0% to 100%.",
            sqlstate="42704",
            parameters={"stats": f"'{name}'"},
        )


def _statistic(name: str, column: Attribute) -> Expression:
    value: Expression = column
    is_text = isinstance(column.type, t.StringType)
    if name.endswith("%"):
        if is_text:
            value = Cast(column, t.DoubleType(), "try")
        share = Literal(float(name[:-1]) / 100, t.DoubleType())
        return UnresolvedFunction("approx_percentile", (value, share, literal(10000)))
    if is_text and name in ("mean", "stddev"):
        value = Cast(column, t.DoubleType(), "try")
    return UnresolvedFunction(_FUNCTIONS[name], (value,), distinct=name == "count_distinct")


class DataFrameStatFunctions:
    """`df.stat`: functions for statistics."""

    def __init__(self, df: DataFrame) -> None:
        self.df = df

    def corr(self, col1: str, col2: str, method: str | None = None) -> float:
        """Return `df.corr(...)`."""
        return self.df.corr(col1, col2, method)

    def cov(self, col1: str, col2: str) -> float:
        """Return `df.cov(...)`."""
        return self.df.cov(col1, col2)

    def approxQuantile(self, col: Any, probabilities: Any, relativeError: float) -> Any:
        """Return `df.approxQuantile(...)`."""
        return self.df.approxQuantile(col, probabilities, relativeError)

    def crosstab(self, col1: str, col2: str) -> DataFrame:
        """Return `df.crosstab(...)`."""
        return self.df.crosstab(col1, col2)

    def freqItems(self, cols: list[str] | tuple[str, ...], support: float | None = None) -> DataFrame:
        """Return `df.freqItems(...)`."""
        return self.df.freqItems(cols, support)

    def sampleBy(self, col: str, fractions: dict[Any, float], seed: int | None = None) -> DataFrame:
        """Return `df.sampleBy(...)`."""
        return self.df.sampleBy(col, fractions, seed)

"""The part of DataFrame about missing values: `fillna`, `dropna`, `replace`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lightstream.errors import PySparkValueError
from lightstream.plan import relations as r
from lightstream.plan import types as t
from lightstream.plan.expressions import Alias, Attribute, Cast, Expression, Literal, UnresolvedFunction
from lightstream.sql.arguments import not_allowed, not_expected, required
from lightstream.sql.frame import Frame
from lightstream.sql.literals import literal

if TYPE_CHECKING:
    from lightstream.sql.dataframe import DataFrame

_NO_VALUE: Any = type("_NoValue", (), {"__repr__": lambda self: "<no value>"})()


class Missing(Frame):
    """Missing values of a DataFrame."""

    def dropna(
        self,
        how: str = "any",
        thresh: int | None = None,
        subset: str | tuple[str, ...] | list[str] | None = None,
    ) -> DataFrame:
        """Return the rows without NULL or NaN in any (or `how="all"`: not in all) of the columns.

        Args:
            thresh: keep rows with at least so many values; goes before `how`.
        """
        if how not in ("any", "all"):
            raise not_allowed("how", ["any", "all"])
        columns = self._chosen(subset)
        if thresh is None:
            thresh = len(columns) if how == "any" else 1
        return self._with(r.Filter(self._plan, _at_least(thresh, columns)))

    def fillna(self, value: Any, subset: str | tuple[str, ...] | list[str] | None = None) -> DataFrame:
        """Return the DataFrame with NULL (and NaN) replaced in the columns whose type fits the value.

        Args:
            value: one value for all columns, or a dict of column name to value.
        """
        if not isinstance(value, bool | dict | float | int | str):
            raise not_expected("value", "bool, dict, float, int or str", value)
        if isinstance(value, dict):
            fills = {self._attribute(name).id: literal(v) for name, v in value.items()}
            return self._filled(fills)
        kinds = _fitting_types(value)
        # Spark: a whole number is a double here.
        constant = literal(float(value) if isinstance(value, int) and not isinstance(value, bool) else value)
        return self._filled({a.id: constant for a in self._chosen(subset) if isinstance(a.type, kinds)})

    def _filled(self, fills: dict[int, Expression]) -> DataFrame:
        items: list[Expression] = []
        for attribute in self._plan.output:
            constant = fills.get(attribute.id)
            items.append(attribute if constant is None else _fill(attribute, constant))
        return self._with(r.Project(self._plan, tuple(items)))

    def replace(self, to_replace: Any, value: Any = _NO_VALUE, subset: list[str] | None = None) -> DataFrame:
        """Return the DataFrame with values replaced: one by one, several by one, or by a dict.

        Only columns whose type fits the values are touched.
        """
        if value is _NO_VALUE:
            if not isinstance(to_replace, dict):
                raise required("value", "`to_replace` is dict")
            value = None
        pairs = _pairs(to_replace, value)
        if subset is not None and not isinstance(subset, list | tuple | str):
            raise not_expected("subset", "list, str or tuple", subset)
        if not pairs:
            return self._with(r.Project(self._plan, self._plan.output))
        kinds = _replaced_types(pairs)
        chosen = {a.id for a in self._chosen(subset) if isinstance(a.type, kinds)}
        items = [_replaced(a, pairs) if a.id in chosen else a for a in self._plan.output]
        return self._with(r.Project(self._plan, tuple(items)))

    def _chosen(self, subset: str | tuple[str, ...] | list[str] | None) -> list[Attribute]:
        if subset is None:
            return list(self._plan.output)
        if isinstance(subset, str):
            subset = [subset]
        if not isinstance(subset, list | tuple):
            raise not_expected("subset", "list, str or tuple", subset)
        return [self._attribute(name) for name in subset]

    def _attribute(self, name: str) -> Attribute:
        expression = self._column(name)._expression
        if not isinstance(expression, Attribute):
            raise not_expected("subset", "names of columns", name)
        return expression


def _at_least(number: int, columns: list[Attribute]) -> Expression:
    """Return the condition that so many of the columns have values: neither NULL nor NaN."""
    # One condition on all of them, even where it is "each": Spark's optimizer does not take parts of it down a stream.
    total: Expression = literal(0)
    for column in columns:
        one = UnresolvedFunction("when", (_missing(column), literal(0), literal(1)))
        total = UnresolvedFunction("+", (total, one))
    return UnresolvedFunction(">=", (total, literal(number)))


def _missing(column: Attribute) -> Expression:
    missing = UnresolvedFunction("isNull", (column,))
    if not isinstance(column.type, t.DoubleType | t.FloatType):
        return missing
    return UnresolvedFunction("or", (missing, UnresolvedFunction("isNaN", (column,))))


def _fill(column: Attribute, constant: Expression) -> Expression:
    value: Expression = column
    if isinstance(column.type, t.DoubleType | t.FloatType):
        value = UnresolvedFunction("nanvl", (column, Literal(None, column.type)))
    filled = UnresolvedFunction("coalesce", (value, _cast(constant, column.type)))
    return Alias(filled, (column.name,))


def _cast(constant: Expression, data_type: t.DataType) -> Expression:
    return constant if getattr(constant, "type", None) == data_type else Cast(constant, data_type)


def _fitting_types(value: Any) -> tuple[type[t.DataType], ...]:
    if isinstance(value, bool):
        return (t.BooleanType,)
    return (t.StringType,) if isinstance(value, str) else (t.NumericType,)


def _pairs(to_replace: Any, value: Any) -> list[tuple[Any, Any]]:
    if not isinstance(to_replace, bool | float | int | str | list | tuple | dict):
        raise not_expected("to_replace", "bool, dict, float, int, list, str or tuple", to_replace)
    if isinstance(to_replace, dict):
        return list(to_replace.items())
    if not isinstance(value, bool | float | int | str | list | tuple) and value is not None:
        raise not_expected("value", "bool, float, int, list, None, str or tuple", value)
    if not isinstance(to_replace, list | tuple):
        return [(to_replace, value)]
    if not isinstance(value, list | tuple):
        return [(old, value) for old in to_replace]
    if len(to_replace) != len(value):
        raise PySparkValueError(
            "LENGTH_SHOULD_BE_THE_SAME",
            f"to_replace and value should be of the same length, got {len(to_replace)} and {len(value)}.",
            parameters={
                "arg1": "to_replace",
                "arg2": "value",
                "arg1_length": str(len(to_replace)),
                "arg2_length": str(len(value)),
            },
        )
    return list(zip(to_replace, value, strict=True))


def _replaced_types(pairs: list[tuple[Any, Any]]) -> tuple[type[t.DataType], ...]:
    kinds = {_fitting_types(value) for pair in pairs for value in pair if value is not None}
    if len(kinds) != 1 or any(old is None for old, _ in pairs):
        raise PySparkValueError("MIXED_TYPE_REPLACEMENT", "Mixed type replacements are not supported.")
    return kinds.pop()


def _replaced(column: Attribute, pairs: list[tuple[Any, Any]]) -> Expression:
    args: list[Expression] = []
    for old, new in pairs:
        args.append(UnresolvedFunction("==", (column, _constant(old))))
        args.append(Literal(None, column.type) if new is None else _cast(_constant(new), column.type))
    return Alias(UnresolvedFunction("when", (*args, column)), (column.name,))


def _constant(value: Any) -> Expression:
    # Spark: numbers are compared and put in as doubles.
    return literal(float(value) if isinstance(value, int) and not isinstance(value, bool) else value)


class DataFrameNaFunctions:
    """`df.na`: functions for missing values."""

    def __init__(self, df: DataFrame) -> None:
        self.df = df

    def drop(
        self,
        how: str = "any",
        thresh: int | None = None,
        subset: str | tuple[str, ...] | list[str] | None = None,
    ) -> DataFrame:
        """Return `df.dropna(...)`."""
        return self.df.dropna(how, thresh, subset)

    def fill(self, value: Any, subset: list[str] | None = None) -> DataFrame:
        """Return `df.fillna(...)`."""
        return self.df.fillna(value, subset)

    def replace(self, to_replace: Any, value: Any = _NO_VALUE, subset: list[str] | None = None) -> DataFrame:
        """Return `df.replace(...)`."""
        return self.df.replace(to_replace, value, subset)

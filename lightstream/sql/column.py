"""Columns: expressions over the columns of a DataFrame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lightstream.dataclass import dataclass
from lightstream.errors import (
    IllegalArgumentException,
    PySparkAttributeError,
    PySparkTypeError,
    PySparkValueError,
)
from lightstream.plan.expressions import (
    Alias,
    Attribute,
    Cast,
    Expression,
    LazyExpression,
    SortOrder,
    SubqueryExpression,
    UnresolvedAttribute,
    UnresolvedExtractValue,
    UnresolvedFunction,
    UnresolvedRegex,
    UnresolvedStar,
)
from lightstream.plan.types import DataType
from lightstream.sql.arguments import cannot_be_empty, need_str, not_expected
from lightstream.sql.literals import literal

if TYPE_CHECKING:
    from lightstream.sql.window import WindowSpec

__all__ = ["Column"]


@dataclass(frozen=True, slots=True)
class ResolvedStar(Expression):
    """`df["*"]`: the columns of one DataFrame, wherever it has gone since."""

    attributes: tuple[Attribute, ...]


def spread(expression: Expression) -> tuple[Expression, ...]:
    """Return the columns of `df["*"]`, or the one expression that was given."""
    return expression.attributes if isinstance(expression, ResolvedStar) else (expression,)


def without_stars(expression: Expression, place: str) -> Expression:
    """Return a sort or grouping key; refuse one that is, or holds, all columns."""
    from lightstream.analyze.expressions import star_refused

    if any(isinstance(node, ResolvedStar | UnresolvedStar | UnresolvedRegex) for node in expression.walk()):
        raise star_refused(place)
    return expression


def named_in_casts(item: Expression) -> Expression:
    """Return an item whose innermost cast has its name: Spark calls casts of casts of a column by its name.

    Spark: so in a DataFrame only, and where there is more than one cast.
    """
    if not isinstance(item, Cast) or not isinstance(item.child, Cast):
        return item
    inner = item.child
    named = isinstance(inner.child, UnresolvedAttribute | Attribute)
    return replace(item, child=Alias(inner, ()) if named else named_in_casts(inner))


def to_expression(value: Any) -> Expression:
    """Return a Column's expression, or the constant for any other value."""
    return value._expression if isinstance(value, Column) else literal(value)


def name_expression(name: str) -> Expression:
    """Return the reference that a column name stands for: `a`, `t.a`, `*`, `t.*`.

    Raises:
        ParseException: the name is not a column name.
    """
    if name == "*":
        return UnresolvedStar()
    if name.isidentifier():
        return UnresolvedAttribute((name,))
    from lightstream.parse.identifier import parse_identifier

    if name.endswith(".*"):
        return UnresolvedStar(parse_identifier(name[:-2]))
    return UnresolvedAttribute(parse_identifier(name))


def column_expression(value: Any, argument: str = "col") -> Expression:
    """Return the expression of a Column or of a column's name; refuse anything else."""
    if isinstance(value, Column):
        return value._expression
    if isinstance(value, str):
        return name_expression(value)
    raise not_expected(argument, "Column or str", value)


def flatten(columns: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the arguments of `f("a", "b")` and of `f(["a", "b"])` alike."""
    if len(columns) == 1 and isinstance(columns[0], list | tuple):
        return tuple(columns[0])
    return columns


class Column:
    """An expression, made from `df.a`, `col("a")` or `lit(1)` and combined by operators and functions."""

    __slots__ = ("_expression",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, expression: Expression) -> None:
        self._expression = expression

    def _call(self, name: str, *others: Any) -> Column:
        return Column(UnresolvedFunction(name, (self._expression, *map(to_expression, others))))

    def _reversed(self, name: str, other: Any) -> Column:
        return Column(UnresolvedFunction(name, (to_expression(other), self._expression)))

    # ---- arithmetic -------------------------------------------------------------------------------------------

    def __neg__(self) -> Column:
        return self._call("negative")

    def __add__(self, other: Any) -> Column:
        return self._call("+", other)

    def __sub__(self, other: Any) -> Column:
        return self._call("-", other)

    def __mul__(self, other: Any) -> Column:
        return self._call("*", other)

    def __truediv__(self, other: Any) -> Column:
        return self._call("/", other)

    def __mod__(self, other: Any) -> Column:
        return self._call("%", other)

    def __pow__(self, other: Any) -> Column:
        return self._call("power", other)

    # Spark: `1 + a` and `2 * a` are `a + 1` and `a * 2`, which shows in column names.
    __radd__ = __add__
    __rmul__ = __mul__
    __div__ = __truediv__

    def __rsub__(self, other: Any) -> Column:
        return self._reversed("-", other)

    def __rtruediv__(self, other: Any) -> Column:
        return self._reversed("/", other)

    __rdiv__ = __rtruediv__

    def __rmod__(self, other: Any) -> Column:
        return self._reversed("%", other)

    def __rpow__(self, other: Any) -> Column:
        return self._reversed("power", other)

    # ---- comparison and logic ---------------------------------------------------------------------------------

    def __eq__(self, other: Any) -> Column:  # type: ignore[override]
        return self._call("==", other)

    def __ne__(self, other: Any) -> Column:  # type: ignore[override]
        return self._call("==", other)._call("not")

    def __lt__(self, other: Any) -> Column:
        return self._call("<", other)

    def __le__(self, other: Any) -> Column:
        return self._call("<=", other)

    def __gt__(self, other: Any) -> Column:
        return self._call(">", other)

    def __ge__(self, other: Any) -> Column:
        return self._call(">=", other)

    def eqNullSafe(self, other: Any) -> Column:
        """Compare with `<=>`: NULL equals NULL."""
        return self._call("<=>", other)

    def __and__(self, other: Any) -> Column:
        return self._call("and", other)

    def __or__(self, other: Any) -> Column:
        return self._call("or", other)

    def __invert__(self) -> Column:
        return self._call("not")

    __rand__ = __and__
    __ror__ = __or__

    def between(self, lowerBound: Any, upperBound: Any) -> Column:
        """Return whether the value lies between two bounds, both included."""
        return self._call(">=", lowerBound) & self._call("<=", upperBound)

    def isin(self, *cols: Any) -> Column:
        """Return whether the value is one of the given values, or of the rows of a DataFrame."""
        from lightstream.sql.frame import Frame

        if len(cols) == 1 and isinstance(cols[0], list | set):
            cols = tuple(cols[0])
        if len(cols) == 1 and isinstance(cols[0], Frame):
            own = self._expression
            # Spark: the fields of a struct that is made here are compared one by one.
            values = own.args if isinstance(own, UnresolvedFunction) and own.name == "struct" else (own,)
            return Column(SubqueryExpression("in", cols[0]._as_relation(), values))
        return self._call("in", *cols)

    def isNull(self) -> Column:
        """Return whether the value is NULL."""
        return self._call("isNull")

    def isNotNull(self) -> Column:
        """Return whether the value is not NULL."""
        return self._call("isNotNull")

    def isNaN(self) -> Column:
        """Return whether the value is NaN."""
        return self._call("isNaN")

    def bitwiseAND(self, other: Any) -> Column:
        """Return the bitwise AND."""
        return self._call("&", other)

    def bitwiseOR(self, other: Any) -> Column:
        """Return the bitwise OR."""
        return self._call("|", other)

    def bitwiseXOR(self, other: Any) -> Column:
        """Return the bitwise XOR."""
        return self._call("^", other)

    # ---- text -------------------------------------------------------------------------------------------------

    def like(self, other: str) -> Column:
        """Match a SQL LIKE pattern."""
        return self._call("like", other)

    def ilike(self, other: str) -> Column:
        """Match a SQL LIKE pattern without regard to case."""
        return self._call("ilike", other)

    def rlike(self, other: str) -> Column:
        """Return whether a (Java) regular expression is found in the text."""
        return self._call("rlike", other)

    def startswith(self, other: Any) -> Column:
        """Return whether the text starts with another."""
        return self._call("startswith", other)

    def endswith(self, other: Any) -> Column:
        """Return whether the text ends with another."""
        return self._call("endswith", other)

    def contains(self, other: Any) -> Column:
        """Return whether the text contains another."""
        return self._call("contains", other)

    def substr(self, startPos: int | Column, length: int | Column) -> Column:
        """Return `length` characters from position `startPos`, counted from 1."""
        if type(startPos) is not type(length):
            raise PySparkTypeError(
                "NOT_SAME_TYPE",
                f"Argument `startPos` and `length` should be the same type, got {type(startPos).__name__} and "
                f"{type(length).__name__}.",
                sqlstate="42K09",
                parameters={
                    "arg_name1": "startPos",
                    "arg_name2": "length",
                    "arg_type1": type(startPos).__name__,
                    "arg_type2": type(length).__name__,
                },
            )
        if not isinstance(startPos, int | Column):
            raise not_expected("startPos", "Column or int", startPos)
        return self._call("substr", startPos, length)

    # ---- parts ------------------------------------------------------------------------------------------------

    def getItem(self, key: Any) -> Column:
        """Return an array's element, a map's value or a struct's field."""
        return Column(UnresolvedExtractValue(self._expression, to_expression(key)))

    def getField(self, name: Any) -> Column:
        """Return a struct's field."""
        return self.getItem(name)

    def __getitem__(self, k: Any) -> Column:
        if isinstance(k, slice):
            if k.step is not None:
                raise PySparkValueError("SLICE_WITH_STEP", "Slice with step is not supported.")
            return self.substr(k.start, k.stop)
        return self.getItem(k)

    def __getattr__(self, item: Any) -> Column:
        if item == "_expression" or item.startswith("__"):
            raise PySparkAttributeError(
                "CANNOT_ACCESS_TO_DUNDER", "Attributes with two underscores are no fields of a column."
            )
        return self.getItem(item)

    def withField(self, fieldName: str, col: Column) -> Column:
        """Return the struct with a field added or replaced."""
        need_str("fieldName", fieldName)
        if not isinstance(col, Column):
            raise not_expected("col", "Column", col)
        return self._call("(field)", fieldName, col)

    def dropFields(self, *fieldNames: str) -> Column:
        """Return the struct without some fields."""
        result: Column = self
        for name in fieldNames:
            result = result._call("(field)", name)
        return result

    def outer(self) -> Column:
        """Return the same column, for a DataFrame that is to stand in another's query and uses its columns."""
        return Column(LazyExpression(self._expression))

    # ---- type, name, order ------------------------------------------------------------------------------------

    def cast(self, dataType: DataType | str) -> Column:
        """Convert to a type; under ANSI rules a value that cannot be converted is an error."""
        return Column(Cast(self._expression, _data_type(dataType)))

    astype = cast

    def try_cast(self, dataType: DataType | str) -> Column:
        """Convert to a type; NULL where the value cannot be converted."""
        return Column(Cast(self._expression, _data_type(dataType), "try"))

    def alias(self, *alias: str, **kwargs: Any) -> Column:
        """Name the column (several names for a generator), with `metadata=` if wanted."""
        metadata = kwargs.pop("metadata", None)
        assert not kwargs, f"Unexpected keyword arguments: {kwargs}"
        if not alias:
            raise cannot_be_empty("alias")
        if len(alias) > 1 and metadata is not None:
            raise PySparkValueError(
                "ONLY_ALLOWED_FOR_SINGLE_COLUMN",
                "Argument `metadata` can only be provided for a single column.",
                parameters={"arg_name": "metadata"},
            )
        return Column(Alias(self._expression, alias, metadata))

    name = alias

    def asc(self) -> Column:
        """Sort upwards, NULLs first."""
        return Column(SortOrder(self._expression))

    def asc_nulls_first(self) -> Column:
        """Sort upwards, NULLs first."""
        return Column(SortOrder(self._expression))

    def asc_nulls_last(self) -> Column:
        """Sort upwards, NULLs last."""
        return Column(SortOrder(self._expression, True, False))

    def desc(self) -> Column:
        """Sort downwards, NULLs last."""
        return Column(SortOrder(self._expression, False, False))

    def desc_nulls_first(self) -> Column:
        """Sort downwards, NULLs first."""
        return Column(SortOrder(self._expression, False, True))

    def desc_nulls_last(self) -> Column:
        """Sort downwards, NULLs last."""
        return Column(SortOrder(self._expression, False, False))

    # ---- CASE, OVER, and the rest -----------------------------------------------------------------------------

    def when(self, condition: Column, value: Any) -> Column:
        """Add a branch to `functions.when(...)`."""
        if not isinstance(condition, Column):
            raise not_expected("condition", "Column", condition)
        case = self._case("when() can only be applied on a Column previously generated by when() function")
        if len(case.args) % 2:
            raise IllegalArgumentException(message="when() cannot be applied once otherwise() is applied")
        return Column(UnresolvedFunction("when", (*case.args, condition._expression, to_expression(value))))

    def otherwise(self, value: Any) -> Column:
        """Give the value for rows that no branch of `functions.when(...)` takes; NULL without it."""
        case = self._case("otherwise() can only be applied on a Column previously generated by when()")
        if len(case.args) % 2:
            raise IllegalArgumentException(
                message="otherwise() can only be applied once on a Column previously generated by when()"
            )
        return Column(UnresolvedFunction("when", (*case.args, to_expression(value))))

    def _case(self, message: str) -> UnresolvedFunction:
        if isinstance(self._expression, UnresolvedFunction) and self._expression.name == "when":
            return self._expression
        raise IllegalArgumentException(message=message)

    def over(self, window: WindowSpec) -> Column:
        """Compute the function over a window."""
        from lightstream.sql.window import WindowSpec

        if not isinstance(window, WindowSpec):
            raise not_expected("window", "WindowSpec", window)
        return Column(window._over(self._expression))

    def transform(self, f: Callable[[Column], Column]) -> Column:
        """Return `f(self)`, for chains of functions."""
        return f(self)

    # ---- what a column is not ---------------------------------------------------------------------------------

    def __contains__(self, item: Any) -> bool:
        raise PySparkValueError(
            "CANNOT_APPLY_IN_FOR_COLUMN",
            "`in` does not work on a column. Use `contains` for text and `array_contains` for an array.",
        )

    def __iter__(self) -> Any:
        raise PySparkTypeError(
            "NOT_ITERABLE",
            "Column is not iterable.",
            sqlstate="42K09",
            parameters={"objectName": "Column"},
        )

    def __bool__(self) -> bool:
        text = self._text()
        raise PySparkValueError(
            "CANNOT_CONVERT_COLUMN_INTO_BOOL",
            f"Cannot convert column into bool (offending column: {text}): use '&' for 'and', '|' for 'or', '~' for "
            "'not' in conditions on columns, with parentheses around comparisons.",
            parameters={"column": text},
        )

    __nonzero__ = __bool__

    def _text(self) -> str:
        from lightstream.sql.column_text import text_of

        return text_of(self._expression)

    def __repr__(self) -> str:
        return f"Column<'{self._text()}'>"


def _data_type(value: Any) -> DataType:
    if isinstance(value, DataType):
        return value
    if isinstance(value, str):
        from lightstream.plan.ddl import parse_type

        return parse_type(value)
    raise not_expected("dataType", "DataType or str", value)

"""`pyspark.sql.udf`: Python functions in queries."""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from lightstream.errors import (
    PySparkNotImplementedError,
    PySparkTypeError,
    PySparkValueError,
    unsupported,
)
from lightstream.plan.expressions import Expression, PythonUdf
from lightstream.plan.types import (
    CalendarIntervalType,
    CharType,
    DataType,
    StringType,
    StructType,
    VarcharType,
    YearMonthIntervalType,
    holds,
)
from lightstream.sql.arguments import need_str, not_expected
from lightstream.sql.column import Column, column_expression
from lightstream.sql.function_kinds import is_annotated, kind_of

if TYPE_CHECKING:
    from lightstream.sql.session import SparkSession

__all__ = ["UDFRegistration", "UserDefinedFunction"]


class PandasUDFType:
    """Kinds of pandas functions; kept for programs that name them."""

    SCALAR: ClassVar[int] = 200
    GROUPED_MAP: ClassVar[int] = 201
    GROUPED_AGG: ClassVar[int] = 202
    SCALAR_ITER: ClassVar[int] = 204
    GROUPED_AGG_ITER: ClassVar[int] = 217


class ArrowUDFType:
    """Kinds of Arrow functions; kept for programs that name them."""

    SCALAR: ClassVar[int] = 250
    SCALAR_ITER: ClassVar[int] = 251
    GROUPED_AGG: ClassVar[int] = 252
    GROUPED_AGG_ITER: ClassVar[int] = 254


class PolarsUDFType:
    """Kinds of Polars functions: an extension, Spark has none."""

    SCALAR: ClassVar[int] = 900
    SCALAR_ITER: ClassVar[int] = 901
    GROUPED_AGG: ClassVar[int] = 902
    GROUPED_AGG_ITER: ClassVar[int] = 903


_PICKLED, _BATCHED = 100, 101
_NOT_IN_ARROW = (CharType, VarcharType, YearMonthIntervalType, CalendarIntervalType)
# What a vectorized function is given, and how often it is called.
_KINDS = {
    kind: (form, name)
    for form, kinds in (("pandas", PandasUDFType), ("arrow", ArrowUDFType), ("polars", PolarsUDFType))
    for kind, name in (
        (kinds.SCALAR, "scalar"), (kinds.SCALAR_ITER, "iterator"),
        (kinds.GROUPED_AGG, "aggregate"), (kinds.GROUPED_AGG_ITER, "aggregate iterator"),
    )
}  # fmt: skip


class UserDefinedFunction:
    """A Python function that stands in queries; made by `functions.udf` and `spark.udf.register`."""

    def __init__(
        self,
        func: Callable[..., Any],
        returnType: DataType | str = StringType(),  # noqa: B008
        name: str | None = None,
        evalType: int = _PICKLED,
        deterministic: bool = True,
    ) -> None:
        if not callable(func):
            raise not_expected("func", "callable", func)
        if not isinstance(returnType, DataType | str):
            raise not_expected("returnType", "DataType or str", returnType)
        if not isinstance(evalType, int):
            raise not_expected("evalType", "int", evalType)
        self.func = func
        self._declared = returnType
        self._name = name or getattr(func, "__name__", None) or type(func).__name__
        self.evalType = evalType
        self.deterministic = deterministic
        self._functions: dict[tuple[str, ...], Any] = {}

    @property
    def returnType(self) -> DataType:
        """The type of the results."""
        if isinstance(self._declared, str):
            self._declared = DataType.fromDDL(self._declared)
        form, kind = _KINDS.get(self.evalType, ("", ""))
        struct_of_group = (form, kind) == ("pandas", "aggregate") and isinstance(self._declared, StructType)
        if struct_of_group or (self.evalType != _PICKLED and holds(self._declared, *_NOT_IN_ARROW)):
            kind = "grouped aggregate" if kind.startswith("aggregate") else "scalar"
            what = f"{kind} {form.capitalize()} UDFs" if form else "Arrow-optimized Python UDF"
            feature = f"Invalid return type with {what}: {self._declared!r}"
            raise PySparkNotImplementedError(
                "NOT_IMPLEMENTED",
                f"{feature} is not implemented.",
                sqlstate="0A000",
                parameters={"feature": feature},
            )
        return self._declared

    def _function(self, keywords: tuple[str, ...]) -> Any:
        # One object for each way to call it: by it the database knows the function again.
        if keywords not in self._functions:
            from lightstream.sql import python_functions as p

            form, kind = _KINDS.get(self.evalType, ("", ""))
            if not form:
                self._functions[keywords] = p.RowFunction(self.func, self.returnType, keywords)
            else:
                self._functions[keywords] = p.VectorFunction(self.func, self.returnType, form, kind, keywords)
        return self._functions[keywords]

    def _call(self, args: tuple[Expression, ...], named: tuple[tuple[str, Expression], ...]) -> PythonUdf:
        keywords = tuple(name for name, _ in named)
        return PythonUdf(
            self._name,
            self._function(keywords),
            (*args, *(value for _, value in named)),
            self.returnType,
            aggregates=_KINDS.get(self.evalType, ("", ""))[1].startswith("aggregate"),
            deterministic=self.deterministic,
            keywords=keywords,
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Column:
        named = tuple((name, column_expression(value)) for name, value in kwargs.items())
        return Column(self._call(tuple(map(column_expression, args)), named))

    def asNondeterministic(self) -> UserDefinedFunction:
        """Say that the function may give another value each time."""
        self.deterministic = False
        return self

    def _wrapped(self) -> Any:
        """Return a plain function that calls this one, with the user's name and docstring."""

        def wrapper(*args: Any, **kwargs: Any) -> Column:
            return self(*args, **kwargs)

        known = [name for name in functools.WRAPPER_ASSIGNMENTS if hasattr(self.func, name)]
        functools.update_wrapper(wrapper, self.func, assigned=known, updated=())
        wrapper.__name__ = self._name
        found: Any = wrapper
        found.func = self.func
        found.returnType = self.returnType
        found.evalType = self.evalType
        found.deterministic = self.deterministic
        found.asNondeterministic = functools.wraps(self.asNondeterministic)(
            lambda: self.asNondeterministic()._wrapped()
        )
        found._udf = self
        return found


def decorated(f: Any, returnType: Any, make: Callable[[Any, Any], Any]) -> Any:
    """Return a function made of `f`, or a decorator where `f` is missing or is the type of the results."""
    if f is None or isinstance(f, str | DataType):
        kind = f if f is not None else returnType
        return lambda func: make(func, kind)
    return make(f, returnType)


def row_function(f: Any, returnType: Any, useArrow: bool | None) -> Any:
    """Return the function for `functions.udf`.

    Raises:
        UnsupportedOperationException: `useArrow=False`, the rules of pickled rows.
    """
    if useArrow is False:
        raise unsupported(
            "functions.udf with useArrow=False", "Its conversions are those of Arrow, Spark's default."
        )
    kind = _BATCHED
    if useArrow is None and callable(f) and is_annotated(f):
        # Spark, too, sees a vectorized function by its annotations, and takes any others for a function of rows.
        for kinds, module in ((PandasUDFType, "pandas"), (ArrowUDFType, "pyarrow")):
            with contextlib.suppress(Exception):  # a text that is no Python, too
                kind = kind_of(f, kinds, module)
                break
    return UserDefinedFunction(f, returnType, evalType=kind)._wrapped()


def vectorized_function(f: Any, returnType: Any, functionType: Any, kinds: Any, module: str) -> Any:
    """Return the function for `pandas_udf` and `arrow_udf`; its kind comes from `functionType` or the annotations."""
    if returnType is None:
        raise PySparkTypeError(
            "CANNOT_BE_NONE",
            "Argument `returnType` cannot be None.",
            parameters={"arg_name": "returnType"},
        )
    kind = functionType if functionType is not None else kind_of(f, kinds, module)
    if kind not in _KINDS:
        raise unsupported(
            f"The kind {kind} of a Python function", "Use applyInPandas for functions over groups."
        )
    if not _KINDS[kind][1].startswith("aggregate") and callable(f) and not _takes_columns(f):
        what = f"0-arg {_KINDS[kind][0]}_udfs are not supported."
        raise PySparkValueError(
            "INVALID_PANDAS_UDF",
            f"Invalid function: {what}",
            parameters={
                "detail": f"{what} Instead, create a 1-arg {_KINDS[kind][0]}_udfs and ignore the arg in your function."
            },
        )
    return UserDefinedFunction(f, returnType, evalType=int(kind))._wrapped()


def _takes_columns(f: Any) -> bool:
    try:
        return bool(inspect.signature(f).parameters)
    except (TypeError, ValueError):  # some that are built in do not tell
        return True


class UDFRegistration:
    """Gives Python functions names for SQL text: `spark.udf`."""

    def __init__(self, sparkSession: SparkSession) -> None:
        self.sparkSession = sparkSession

    def register(self, name: str, f: Any, returnType: Any = None) -> Any:
        """Register a function, replacing one of the name; return it for use with columns.

        Raises:
            PySparkTypeError: CANNOT_SPECIFY_RETURN_TYPE_FOR_UDF.
        """
        need_str("name", name)
        known = getattr(f, "_udf", f if isinstance(f, UserDefinedFunction) else None)
        if known is not None:
            if returnType is not None:
                raise PySparkTypeError(
                    "CANNOT_SPECIFY_RETURN_TYPE_FOR_UDF",
                    "returnType can not be specified when `f` is a user-defined function, but got "
                    f"{returnType}.",
                    parameters={"arg_name": "f", "return_type": str(returnType)},
                )
            made = UserDefinedFunction(
                known.func, known.returnType, name, known.evalType, known.deterministic
            )
        else:
            made = UserDefinedFunction(f, StringType() if returnType is None else returnType, name, _BATCHED)
        if not name.strip():
            raise PySparkValueError(message="The name of a function must not be empty.")
        self.sparkSession._state.functions[name.lower()] = made._call
        self.sparkSession._state.sql_functions.pop(name.lower(), None)
        return made._wrapped()

    def registerJavaFunction(self, name: str, javaClassName: str, returnType: Any = None) -> None:
        """Refused: there is no JVM."""
        raise unsupported("UDFRegistration.registerJavaFunction")

    def registerJavaUDAF(self, name: str, javaClassName: str) -> None:
        """Refused: there is no JVM."""
        raise unsupported("UDFRegistration.registerJavaUDAF")

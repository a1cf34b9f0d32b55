"""`pyspark.sql.udtf`: Python table functions, which make rows."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import (  # not our own: programs make subclasses of these with the standard one
    dataclass,
    field,
)
from typing import TYPE_CHECKING, Any

from lightstream.errors import (
    AnalysisException,
    PySparkAttributeError,
    PySparkTypeError,
    unsupported,
)
from lightstream.plan import relations as r
from lightstream.plan.expressions import Expression
from lightstream.plan.table_functions import (
    TableFunctionArgument,
    TableFunctionInput,
    TableFunctionShape,
)
from lightstream.plan.types import DataType, StructType
from lightstream.sql.arguments import need_str
from lightstream.sql.column import column_expression

if TYPE_CHECKING:
    from lightstream.sql.dataframe import DataFrame
    from lightstream.sql.session import SparkSession

__all__ = [
    "AnalyzeArgument",
    "AnalyzeResult",
    "OrderingColumn",
    "PartitioningColumn",
    "SelectedColumn",
    "SkipRestOfInputTableException",
    "UDTFRegistration",
]

_TABLE, _ARROW_TABLE, _ARROW = 300, 301, 302


@dataclass(frozen=True)
class AnalyzeArgument:
    """What `analyze` is told of an argument; `value` is that of a constant one."""

    dataType: DataType
    value: Any | None
    isTable: bool
    isConstantExpression: bool


@dataclass(frozen=True)
class PartitioningColumn:
    """A column, or SQL expression, by which the table argument is cut."""

    name: str


@dataclass(frozen=True)
class OrderingColumn:
    """A column, or SQL expression, by which the rows of a partition are sorted."""

    name: str
    ascending: bool = True
    overrideNullsFirst: bool | None = None


@dataclass(frozen=True)
class SelectedColumn:
    """A column, or SQL expression with an alias, of the table argument that `eval` is given."""

    name: str
    alias: str = ""


@dataclass
class AnalyzeResult:
    """What `analyze` returns: the columns of the function's rows, and how the table argument is to be given."""

    schema: StructType
    withSinglePartition: bool = False
    partitionBy: Sequence[PartitioningColumn] = field(default_factory=tuple)
    orderBy: Sequence[OrderingColumn] = field(default_factory=tuple)
    select: Sequence[SelectedColumn] = field(default_factory=tuple)


class SkipRestOfInputTableException(Exception):
    """Raised by `eval`: it wants no more rows of this partition."""


class UserDefinedTableFunction:
    """A Python table function; made by `functions.udtf`. Called with columns and tables it gives a DataFrame."""

    def __init__(
        self,
        func: type,
        returnType: StructType | str | None,
        name: str | None = None,
        evalType: int = _TABLE,
        deterministic: bool = False,
    ) -> None:
        _check_handler(func, returnType)
        self.func = func
        self._returnType = returnType
        self._name = name or func.__name__
        self.evalType = evalType
        self.deterministic = deterministic

    @property
    def returnType(self) -> StructType | None:
        """The columns of the rows; None for a function that has `analyze`.

        Raises:
            PySparkTypeError: UDTF_RETURN_TYPE_MISMATCH.
        """
        if self._returnType is None:
            return None
        found = DataType.fromDDL(self._returnType) if isinstance(self._returnType, str) else self._returnType
        if not isinstance(found, StructType):
            raise PySparkTypeError(
                "UDTF_RETURN_TYPE_MISMATCH",
                f"The return type of the table function {self._name} should be a StructType, got {found}.",
                parameters={"name": self._name, "return_type": f"{found}"},
            )
        return found

    def asDeterministic(self) -> UserDefinedTableFunction:
        """Say that the function gives the same rows each time."""
        self.deterministic = True
        return self

    def __call__(self, *args: Any, **kwargs: Any) -> DataFrame:
        from lightstream.sql.dataframe import DataFrame
        from lightstream.sql.frame import analyzed
        from lightstream.sql.session import SparkSession

        session = SparkSession.active()
        named = tuple((name, _argument(value)) for name, value in kwargs.items())
        call = r.UnresolvedTableFunction(self._name, tuple(map(_argument, args)), named, self)
        return DataFrame(analyzed(call, session), session)

    # ---- what the analyser asks -------------------------------------------------------------------------------

    def shape_of(self, arguments: tuple[TableFunctionArgument, ...]) -> TableFunctionShape:
        """Return the columns of a call's rows, and what the function asks of its table."""
        schema = self.returnType
        return TableFunctionShape(schema) if schema is not None else _analyzed(self, arguments)

    def program(self, shape: TableFunctionShape, given: TableFunctionInput) -> Callable[[list[Any]], Any]:
        """Return the function from an Arrow table of arguments to one of rows."""
        from lightstream.sql.table_functions import ArrowProgram, Program

        if self.evalType == _ARROW and given.kept:
            raise AnalysisException(
                "LATERAL_JOIN_WITH_ARROW_UDTF_UNSUPPORTED",
                "A lateral join with a table function on Arrow is not supported. Use udtf, which is called row by row.",
                sqlstate="0A000",
            )
        made = ArrowProgram if self.evalType == _ARROW else Program
        return made(self.func, self._name, shape, given)


def table_function(
    cls: Any, returnType: StructType | str | None = None, useArrow: bool | None = None
) -> UserDefinedTableFunction:
    """Return the function for `functions.udtf`.

    Raises:
        UnsupportedOperationException: `useArrow=False`, the rules of pickled rows.
    """
    if useArrow is False:
        raise unsupported(
            "functions.udtf with useArrow=False", "Its conversions are those of Arrow, Spark's default."
        )
    return UserDefinedTableFunction(cls, returnType, evalType=_ARROW_TABLE)


def arrow_table_function(cls: Any, returnType: StructType | str | None = None) -> UserDefinedTableFunction:
    """Return the function for `functions.arrow_udtf`.

    Raises:
        PySparkAttributeError: INVALID_ARROW_UDTF_WITH_ANALYZE.
    """
    _check_handler(cls, returnType)
    if hasattr(cls, "analyze"):
        raise PySparkAttributeError(
            "INVALID_ARROW_UDTF_WITH_ANALYZE",
            f"The table function '{cls.__name__}' is invalid: on Arrow it cannot have 'analyze'. Give a returnType.",
            parameters={"name": cls.__name__},
        )
    return UserDefinedTableFunction(cls, returnType, evalType=_ARROW)


class UDTFRegistration:
    """Gives Python table functions names for SQL text: `spark.udtf`."""

    def __init__(self, sparkSession: SparkSession) -> None:
        self.sparkSession = sparkSession

    def register(self, name: str, f: UserDefinedTableFunction) -> UserDefinedTableFunction:
        """Register a function, replacing one of the name; return it under this name.

        Raises:
            PySparkTypeError: CANNOT_REGISTER_UDTF.
        """
        if not isinstance(f, UserDefinedTableFunction):
            raise PySparkTypeError(
                "CANNOT_REGISTER_UDTF",
                f"Cannot register the table function '{name}': it is no UserDefinedTableFunction. Make it one by "
                "functions.udtf.",
                parameters={"name": name},
            )
        made = UserDefinedTableFunction(
            f.func, f.returnType, need_str("name", name), f.evalType, f.deterministic
        )
        self.sparkSession._state.table_functions[name.lower()] = made
        return made


def _argument(value: Any) -> Expression:
    from lightstream.sql.table_arg import TableArg

    return value._argument if isinstance(value, TableArg) else column_expression(value)


def _check_handler(cls: Any, returnType: Any) -> None:
    if not isinstance(cls, type):
        kind = type(cls).__name__
        raise PySparkTypeError(
            "INVALID_UDTF_HANDLER_TYPE",
            f"A table function is made of a class, got {kind}.",
            parameters={"type": kind},
        )
    name, analyze = cls.__name__, hasattr(cls, "analyze")
    if not hasattr(cls, "eval"):
        condition, why = "INVALID_UDTF_NO_EVAL", "has no method 'eval'"
    elif returnType is None and not (
        analyze and isinstance(inspect.getattr_static(cls, "analyze"), staticmethod)
    ):
        condition, why = "INVALID_UDTF_RETURN_TYPE", "has neither a returnType nor a static method 'analyze'"
    elif returnType is not None and analyze:
        condition, why = "INVALID_UDTF_BOTH_RETURN_TYPE_AND_ANALYZE", "has both a returnType and 'analyze'"
    else:
        return
    raise PySparkAttributeError(
        condition, f"The table function '{name}' is invalid: it {why}.", parameters={"name": name}
    )


def _analyzed(
    function: UserDefinedTableFunction, given: tuple[TableFunctionArgument, ...]
) -> TableFunctionShape:
    from lightstream.sql.rows import to_rows

    args: list[AnalyzeArgument] = []
    kwargs: dict[str, AnalyzeArgument] = {}
    for one in given:
        value = one.value
        if value is not None:
            value = to_rows([(value,)], StructType().add("value", one.type))[0][0]
        argument = AnalyzeArgument(one.type, value, one.is_table, one.is_constant)
        if one.name is None:
            args.append(argument)
        else:
            kwargs[one.name] = argument
    handler: Any = function.func
    try:
        inspect.signature(handler.analyze).bind(*args, **kwargs)
        result = handler.analyze(*args, **kwargs)
    except Exception as error:
        raise _failed(function, f"{type(error).__name__}: {error}") from error
    if not isinstance(result, AnalyzeResult):
        raise _failed(
            function, f"its 'analyze' has to return an AnalyzeResult, not a {type(result).__name__}"
        )
    if not isinstance(result.schema, StructType):
        raise _failed(function, "its 'analyze' returned a schema that is no StructType")
    has_table = any(one.is_table for one in given)
    if not has_table and (result.withSinglePartition or len(result.partitionBy) > 0):
        raise _failed(function, "its 'analyze' asks for partitions, but the call has no table argument")
    for name, kind in (
        ("partitionBy", PartitioningColumn), ("orderBy", OrderingColumn), ("select", SelectedColumn)
    ):  # fmt: skip
        items = getattr(result, name)
        if not isinstance(items, list | tuple) or not all(isinstance(item, kind) for item in items):
            raise _failed(function, f"'{name}' of its AnalyzeResult is no list of {kind.__name__}s")
    return TableFunctionShape(
        result.schema,
        result.withSinglePartition,
        tuple(column.name for column in result.partitionBy),
        tuple((c.name, c.ascending, c.overrideNullsFirst) for c in result.orderBy),
        tuple((column.name, column.alias) for column in result.select),
        result,
    )


def _failed(function: UserDefinedTableFunction, why: str) -> AnalysisException:
    return AnalysisException(
        "TABLE_VALUED_FUNCTION_FAILED_TO_ANALYZE_IN_PYTHON",
        f"Failed to analyze the Python user defined table function {function._name}: {why}.",
        sqlstate="38000",
        parameters={"msg": why},
    )

"""What a Python table function is asked and told: its arguments, what its rows look like, how its input is cut."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from lightstream.dataclass import dataclass
from lightstream.plan.types import DataType, StructType


@dataclass(frozen=True, slots=True)
class TableFunctionArgument:
    """One argument; `type` is a struct of its columns for a table, `value` comes as the database gives it."""

    type: DataType
    is_table: bool = False
    is_constant: bool = False
    value: Any = None
    name: str | None = None  # of one that is given by name


@dataclass(frozen=True, slots=True)
class TableFunctionShape:
    """What a function says of a call: its columns, and of its table how it is cut, sorted and what it has."""

    schema: StructType
    single_partition: bool = False
    partition_by: tuple[str, ...] = ()
    order_by: tuple[tuple[str, bool, bool | None], ...] = ()  # SQL text, ascending, NULLs first
    select: tuple[tuple[str, str], ...] = ()  # SQL text and alias
    result: Any = None  # what its `analyze` returned, for its constructor


@dataclass(frozen=True, slots=True)
class TableFunctionInput:
    """The columns of the table that a program reads: first `kept` ones, then the arguments', then the `keys`.

    A table argument has a column for each field of its type. The rows that the function makes come with the kept
    values of the row that they were made for.
    """

    arguments: tuple[TableFunctionArgument, ...]
    kept: int = 0
    keys: StructType = StructType([])


class PythonTableFunction(Protocol):
    """A Python table function, as it is registered."""

    deterministic: bool

    def shape_of(self, arguments: tuple[TableFunctionArgument, ...]) -> TableFunctionShape:
        """Return what the rows of a call look like.

        Raises:
            AnalysisException: TABLE_VALUED_FUNCTION_FAILED_TO_ANALYZE_IN_PYTHON.
        """
        ...

    def program(self, shape: TableFunctionShape, given: TableFunctionInput) -> Callable[[list[Any]], Any]:
        """Return the function from an Arrow table of arguments to one of rows."""
        ...

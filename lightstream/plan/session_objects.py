"""What SQL text keeps in a session: variables, and functions that are written in SQL."""

from __future__ import annotations

from lightstream.dataclass import dataclass
from lightstream.plan.expressions import Expression, Literal
from lightstream.plan.relations import Relation
from lightstream.plan.types import DataType, StructField

SESSION = ("system", "session")


@dataclass(frozen=True, slots=True)
class Variable:
    """A session variable: its value, of its type, and the expression of its default."""

    name: str
    value: Literal
    default: Expression | None


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a SQL function."""

    name: str
    type: DataType
    default: Expression | None = None


@dataclass(frozen=True, slots=True)
class SqlFunction:
    """A function whose body is SQL: an expression, or for a table function a query.

    `returns` is the type, or the columns; None where the body says them.
    """

    name: str
    parameters: tuple[Parameter, ...]
    body: Expression | Relation
    returns: DataType | tuple[StructField, ...] | None

    @property
    def makes_table(self) -> bool:
        """Return whether it is called in FROM."""
        return isinstance(self.body, Relation)


def session_name(parts: tuple[str, ...]) -> str | None:
    """Return the name of an object of the session, which may be qualified; None for a name of something else."""
    *prefix, name = parts
    if [part.lower() for part in prefix] in ([], ["session"], list(SESSION)):
        return name.lower()
    return None

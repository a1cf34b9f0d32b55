"""What all parts of a DataFrame rest on: a resolved plan and its session."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lightstream.errors import AnalysisException
from lightstream.plan import relations as r
from lightstream.plan.expressions import Attribute, Expression, UnresolvedAttribute, UnresolvedStar
from lightstream.plan.logical import Deferred, LogicalPlan, NoEnclosingQuery
from lightstream.sql.column import Column, ResolvedStar, column_expression, flatten, spread

if TYPE_CHECKING:
    from lightstream.execute.session import SessionState
    from lightstream.plan.relations import Relation
    from lightstream.sql.dataframe import DataFrame
    from lightstream.sql.session import SparkSession


def analyzed(relation: Relation, session: SparkSession) -> LogicalPlan:
    """Return the plan of a relation; one that uses columns of an enclosing query waits for it (`Column.outer`)."""
    try:
        return session._state.analyze(relation)
    except NoEnclosingQuery:
        return Deferred(relation, functools.cache(lambda: session._state.analyze(relation, is_settled=True)))


class Frame:
    """Base of DataFrame."""

    def __init__(self, plan: LogicalPlan, session: SparkSession) -> None:
        self._plan = plan
        self._session = session

    @property
    def _state(self) -> SessionState:
        return self._session._state

    def _with(self, relation: Relation) -> DataFrame:
        """Return the DataFrame of a relation over this one; errors come here, on the user's own line."""
        from lightstream.sql.dataframe import DataFrame

        return DataFrame(analyzed(relation, self._session), self._session)

    def _as_relation(self) -> Relation:
        return r.Project(self._plan, (UnresolvedStar(),))

    def _column(self, name: str) -> Column:
        """Return the column of a name, bound to this DataFrame.

        Raises:
            AnalysisException: UNRESOLVED_COLUMN, AMBIGUOUS_REFERENCE.
        """
        if name == "*":
            return Column(ResolvedStar(self._plan.output))
        if name.isidentifier():
            parts: tuple[str, ...] = (name,)
        else:
            from lightstream.parse.identifier import parse_identifier

            parts = parse_identifier(name)
        same = self._same_name
        matches = [a for a in self._plan.output if same(a.name, parts[-1])] if len(parts) == 1 else []
        if len(matches) == 1:
            # Spark: the column takes the spelling of the reference.
            return Column(replace(matches[0], name=parts[0]))
        if not any(same(a.name, part) for a in self._visible() for part in parts):
            raise unresolved_column(parts, [a.name for a in self._plan.output])
        plan = self._state.analyze(r.Project(self._plan, (UnresolvedAttribute(parts),)))
        (item,) = plan.items  # type: ignore[attr-defined]
        return Column(item if isinstance(item, Attribute) else replace(item, id=0))

    def _visible(self) -> tuple[Attribute, ...]:
        return (*self._plan.output, *self._plan.hidden)

    def _same_name(self, left: str, right: str) -> bool:
        if self._state.conf.case_sensitive:
            return left == right
        return left.lower() == right.lower()

    def _items(self, columns: tuple[Any, ...]) -> tuple[Expression, ...]:
        """Return the expressions of columns and column names, with `df["*"]` spread out."""
        return tuple(part for c in flatten(columns) for part in spread(column_expression(c)))


def unresolved_column(parts: tuple[str, ...], names: list[str]) -> AnalysisException:
    """Return UNRESOLVED_COLUMN for `df["name"]`, which proposes the columns in their order."""
    text = ".".join(f"`{part}`" for part in parts)
    if not names:
        return AnalysisException(
            "UNRESOLVED_COLUMN.WITHOUT_SUGGESTION",
            f"A column with name {text} cannot be resolved.",
            sqlstate="42703",
            parameters={"objectName": text},
        )
    proposal = ", ".join(f"`{name}`" for name in names[:5])
    return AnalysisException(
        "UNRESOLVED_COLUMN.WITH_SUGGESTION",
        f"A column with name {text} cannot be resolved. Did you mean one of the following? [{proposal}].",
        sqlstate="42703",
        parameters={"objectName": text, "proposal": proposal},
    )

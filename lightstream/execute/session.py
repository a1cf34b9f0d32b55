"""What a session is below its API: settings, the database, temporary views, and how a plan is analysed and run."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Protocol

from lightstream.conf import Conf
from lightstream.database.connection import Database
from lightstream.errors import AnalysisException
from lightstream.plan import expressions, logical, relations, types

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lightstream.execute.batch import Result
    from lightstream.plan.session_objects import SqlFunction, Variable
    from lightstream.plan.table_functions import PythonTableFunction
    from lightstream.sinks.contract import Sink
    from lightstream.sinks.registry import SinkRequest
    from lightstream.sources.contract import Reader

    Arguments = tuple[expressions.Expression, ...]
    NamedArguments = tuple[tuple[str, expressions.Expression], ...]
    FunctionBuilder = Callable[[Arguments, NamedArguments], expressions.PythonUdf]


class Connector(Protocol):
    """A format that a program has registered."""

    def open_reader(self, relation: relations.DataSourceRead, conf: Conf) -> Reader:
        """Return the reader of a query's read."""

    def open_sink(self, request: SinkRequest, time_zone: str) -> Sink:
        """Return the sink of a streaming query, not yet opened."""


class SessionState:
    """Settings, database and temporary views of one session."""

    def __init__(self, conf: Conf, database: Database) -> None:
        self.conf = conf
        self.database = database
        self.views: dict[str, logical.LogicalPlan] = {}
        # Python functions that SQL text can call, by name in small letters: from arguments to the call.
        self.functions: dict[str, FunctionBuilder] = {}
        self.table_functions: dict[str, PythonTableFunction] = {}
        # What SQL text has made, by name in small letters; and values that are known by a name where no column is.
        self.variables: dict[str, Variable] = {}
        self.sql_functions: dict[str, SqlFunction] = {}
        self.named_values: dict[tuple[str, ...], expressions.Expression] = {}
        # Formats that programs have registered, by name in small letters, and who finds others that are installed.
        self.connectors: dict[str, Connector] = {}
        self.installed_connector: Callable[[str], Connector | None] = lambda name: None

    def new_session(self) -> SessionState:
        """Return a session with the same database and its own settings and views."""
        return SessionState(Conf(self.conf.values), self.database)

    def analyze(
        self, relation: relations.Relation | logical.LogicalPlan, is_settled: bool = False
    ) -> logical.LogicalPlan:
        """Resolve a relation; raise AnalysisException where Spark would."""
        from lightstream.analyze.analyzer import analyze

        state = self
        while True:
            try:
                return analyze(relation, state, is_settled)
            except AnalysisException as error:
                # A name that a column may have, anywhere below, is the column's: variables come in when none has it.
                values = state._variable_of(error)
                if not values:
                    raise
                state = state.with_values(values)

    def _variable_of(self, error: AnalysisException) -> dict[tuple[str, ...], expressions.Expression]:
        """Return the values by names that a query lacks, and has not been given yet."""
        missing = (error.getMessageParameters() or {}).get("objectName")
        if not self.variables or missing is None:
            return {}
        from lightstream.analyze.session_objects import values_of
        from lightstream.parse.identifier import parse_identifier

        parts = tuple(part.lower() for part in parse_identifier(missing))
        found = {}
        for length in range(1, len(parts) + 1):
            variable = self.variables.get(parts[length - 1])
            values = values_of(variable) if variable is not None else {}
            if parts[:length] in values and parts[:length] not in self.named_values:
                found[parts[:length]] = values[parts[:length]]
        return found

    def with_values(self, values: Mapping[tuple[str, ...], expressions.Expression]) -> SessionState:
        """Return this session with more values that are known by a name where no column is."""
        state = copy.copy(self)
        state.named_values = {**self.named_values, **values}
        return state

    def run(self, plan: logical.LogicalPlan) -> Result:
        """Run a batch plan."""
        from lightstream.execute.batch import run

        return run(plan, self)

    def constant(self, expression: expressions.Expression) -> expressions.Literal:
        """Return what an expression without columns comes to, as a constant: of a type that Python has as it is."""
        row = relations.Project(relations.OneRow(), (expressions.Alias(expression, ("value",)),))
        result = self.run(self.analyze(row))
        return expressions.Literal(result.tuples()[0][0], result.schema.fields[0].dataType)

    def table(
        self, name: tuple[str, ...], is_streaming: bool, options: Mapping[str, str]
    ) -> logical.LogicalPlan | None:
        """Return the plan of a temporary view or of a table in the database; None when there is none.

        Args:
            is_streaming: whether a table is read as a stream of the rows that are appended to it.
            options: of that stream.
        """
        if len(name) == 2 and name[0].lower() == "global_temp":
            view: logical.LogicalPlan | None = self.database.global_views.get(name[1].lower())
            return view
        if len(name) == 1 and (view := self.views.get(name[0].lower())) is not None:
            return view
        from lightstream.execute.tables import find_stream, find_table

        return find_stream(name, self, options) if is_streaming else find_table(name, self)

    def python_function(self, udf: expressions.PythonUdf, arguments: tuple[types.DataType, ...]) -> str:
        """Return the name under which the database runs a Python function on arguments of these types."""
        from lightstream.execute.python_functions import sql_name

        return sql_name(self.database, udf, arguments)

    def connector(self, name: str | None) -> Connector | None:
        """Return the connector of a format; None when the format is built in, or nobody's."""
        from lightstream.sources.registry import is_built_in

        if name is None or is_built_in(name):
            return None
        return self.connectors.get(name.lower()) or self.installed_connector(name.lower())

    def reads_files(self, name: str) -> bool:
        """Return whether a name in front of a path means the files there."""
        from lightstream.sources.registry import FILE_FORMATS

        return name.lower() in (*FILE_FORMATS, "delta")

    def read(self, relation: relations.DataSourceRead) -> logical.LogicalPlan:
        """Open a format's reader: find files, infer or take the schema."""
        from lightstream.sources.registry import open_reader, scan_of

        connector = self.connector(relation.format)
        if connector is not None:
            return scan_of(connector.open_reader(relation, self.conf), relation.is_streaming)
        return open_reader(relation, self.conf, self.database)

"""The part of DataFrame that runs the plan, or prints it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from lightstream.errors import AnalysisException, IllegalArgumentException, unsupported
from lightstream.plan import relations as r
from lightstream.plan.expressions import Alias, Cast, Literal, UnresolvedFunction
from lightstream.plan.logical import DataSourceScan, LogicalPlan, TableScan
from lightstream.plan.types import CalendarIntervalType, IntegerType, StringType
from lightstream.sql.arguments import cannot_set_together, need_bool, need_int, not_expected
from lightstream.sql.frame import Frame, analyzed

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

    from lightstream.execute.batch import Result
    from lightstream.plan.relations import Relation
    from lightstream.sql.row import Row

_MODES = ("simple", "extended", "codegen", "cost", "formatted")


class Actions(Frame):
    """Actions of a DataFrame.

    Raises:
        AnalysisException: an action on a streaming DataFrame.
    """

    def _run(self, relation: Relation | None = None) -> Result:
        self._session._check_running()
        if self._plan.is_streaming:
            raise streaming_action(self._plan)
        plan = self._plan if relation is None else analyzed(relation, self._session)
        return self._state.run(plan)

    def _rows(self, relation: Relation | None = None) -> list[Row]:
        from lightstream.sql.rows import to_rows

        result = self._run(relation)
        return to_rows(result.tuples(), result.schema)

    def collect(self) -> list[Row]:
        """Return all rows."""
        return self._rows()

    def take(self, num: int) -> list[Row]:
        """Return the first `num` rows."""
        return self._rows(r.Limit(self._plan, Literal(need_int("num", num), IntegerType())))

    def head(self, n: int | None = None) -> Any:
        """Return the first row (None when there is none), or the first `n` rows as a list."""
        if n is None:
            rows = self.take(1)
            return rows[0] if rows else None
        return self.take(n)

    def first(self) -> Row | None:
        """Return the first row, None when there is none."""
        row: Row | None = self.head()
        return row

    def tail(self, num: int) -> list[Row]:
        """Return the last `num` rows."""
        return self._rows(r.Tail(self._plan, max(0, need_int("num", num))))

    def count(self) -> int:
        """Return the number of rows."""
        one = UnresolvedFunction("count", (Literal(1, IntegerType()),))
        result = self._run(r.Aggregate(self._plan, (), (Alias(one, ("count",)),)))
        return int(result.tuples()[0][0])

    def isEmpty(self) -> bool:
        """Return whether there are no rows."""
        return not self._run(r.Limit(r.Project(self._plan, ()), Literal(1, IntegerType()))).tuples()

    def toLocalIterator(self, prefetchPartitions: bool = False) -> Iterator[Row]:
        """Return an iterator over all rows."""
        return iter(self.collect())

    def foreach(self, f: Callable[[Row], None]) -> None:
        """Call a function with each row, in this process."""
        for row in self.collect():
            f(row)

    def foreachPartition(self, f: Callable[[Iterator[Row]], None]) -> None:
        """Call a function with an iterator over all rows: there is one partition."""
        f(iter(self.collect()))

    # ---- frames -----------------------------------------------------------------------------------------------

    def toArrow(self) -> pyarrow.Table:
        """Return all rows as an Arrow table."""
        from lightstream.sql.rows import to_arrow

        result = self._run()
        return to_arrow(result.arrow(), result.schema)

    def toPandas(self) -> pandas.DataFrame:
        """Return all rows as a pandas frame; timestamps are naive, in the session's time zone."""
        from lightstream.sql.pandas_frames import to_pandas

        return to_pandas(self.toArrow(), self._plan.schema, self._state.conf.time_zone, "result")

    def toPolars(self) -> polars.DataFrame:
        """Return all rows as a Polars frame. pyspark has no such method."""
        result = self._run()
        frame = result.polars()
        names = result.schema.names
        if len({name.lower() for name in names}) == len(names):
            frame.columns = names
        return frame

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.toArrow().__arrow_c_stream__(requested_schema)

    # ---- printing ---------------------------------------------------------------------------------------------

    def show(self, n: int = 20, truncate: bool | int = True, vertical: bool = False) -> None:
        """Print the first `n` rows as a table; `truncate` is whether, or at how many characters, to cut cells."""
        print(self._show_text(n, truncate, vertical))

    def _show_text(self, n: int, truncate: bool | int, vertical: bool) -> str:
        from lightstream.execute.show import show_rows

        need_int("n", n)
        need_bool("vertical", vertical)
        if isinstance(truncate, bool):
            width = 20 if truncate else 0
        else:
            try:
                width = int(truncate)
            except ValueError:
                raise not_expected("truncate", "bool", truncate) from None
        limit = max(0, n)
        plan = r.Limit(_with_texts(self._plan), Literal(min(limit, 2**31 - 2) + 1, IntegerType()))
        result = self._run(plan)
        zone = self._state.conf.time_zone
        return show_rows(result.tuples(), result.schema, limit, width, vertical, zone)

    def _repr_html_(self) -> str | None:
        """Return None: only Spark's eager evaluation shows rows in notebooks."""
        return None

    def printSchema(self, level: int | None = None) -> None:
        """Print the schema as a tree, down to `level`."""
        schema = self._plan.schema
        print(schema.treeString() if level is None else schema.treeString(level))

    def explain(self, extended: bool | str | None = None, mode: str | None = None) -> None:
        """Print the plan and the DuckDB statement that it becomes."""
        from lightstream.sql.explain import explained

        if extended is not None and mode is not None:
            raise cannot_set_together("extended and mode")
        if extended is not None and not isinstance(extended, bool | str):
            raise not_expected("extended", "bool or str", extended)
        if mode is not None and not isinstance(mode, str):
            raise not_expected("mode", "str", mode)
        chosen = mode if mode is not None else extended if isinstance(extended, str) else None
        if chosen is None:
            chosen = "extended" if extended else "simple"
        if chosen.lower() not in _MODES:
            raise IllegalArgumentException(
                message=f"Unknown explain mode: {chosen}. Accepted explain modes are 'simple', 'extended', 'codegen', "
                "'cost', 'formatted'."
            )
        print(explained(self._plan, self._state.conf, chosen.lower()))

    def inputFiles(self) -> list[str]:
        """Return the files that the DataFrame reads."""
        if self._plan.is_streaming:
            raise streaming_action(self._plan)
        if any(isinstance(node, TableScan) for node in self._plan.walk()):
            raise unsupported(
                "inputFiles of a table", "Tables are DuckDB tables, which have no files of their own."
            )
        scans = [node for node in self._plan.walk() if isinstance(node, DataSourceScan)]
        return list(dict.fromkeys(file for scan in scans for file in getattr(scan.reader, "input_files", ())))

    def isLocal(self) -> bool:
        """Return False: every action runs a query."""
        return False

    def sameSemantics(self, other: Any) -> bool:
        """Return whether both are the same plan. Spark also recognises equal plans that were built apart."""
        if not isinstance(other, Frame):
            raise not_expected("other", "DataFrame", other)
        return self._plan is other._plan

    def semanticHash(self) -> int:
        """Return a hash of the plan."""
        return hash(id(self._plan))


def _with_texts(plan: LogicalPlan) -> Relation | LogicalPlan:
    """Return a plan whose intervals of months, days and time are text: Python has no value for them."""
    if not any(isinstance(column.type, CalendarIntervalType) for column in plan.output):
        return plan
    items = (
        Alias(Cast(column, StringType()), (column.name,))
        if isinstance(column.type, CalendarIntervalType)
        else column
        for column in plan.output
    )
    return r.Project(plan, tuple(items))


def streaming_action(plan: LogicalPlan) -> AnalysisException:
    """Return the error for an action on a streaming DataFrame."""
    message = (
        "Queries with streaming sources must be executed with writeStream.start(), or from a streaming table or flow "
        "definition within a Spark Declarative Pipeline."
    )
    from lightstream.sql.explain import tree

    return AnalysisException(
        "_LEGACY_ERROR_TEMP_3102", f"{message};\n{tree(plan)}", parameters={"msg": message}
    )

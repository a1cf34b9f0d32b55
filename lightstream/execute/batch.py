"""Running a batch plan: compile, bind scans, run, and hand the result to Python."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from lightstream.compile.compiler import Compiled, CompiledScan, compile_plan
from lightstream.errors import AnalysisException, internal
from lightstream.execute.errors import translated
from lightstream.execute.natives import make_known
from lightstream.execute.pushdown import with_pushed_filters
from lightstream.functions.spelling import text_sql
from lightstream.plan import logical as lp
from lightstream.plan import types as t
from lightstream.sources.contract import Scan

if TYPE_CHECKING:
    import duckdb
    import polars
    import pyarrow

    from lightstream.conf import Conf
    from lightstream.execute.session import SessionState


Taken = TypeVar("Taken")


def run(plan: lp.LogicalPlan, session: SessionState) -> Result:
    """Run a batch plan and return its result.

    Raises:
        AnalysisException: the plan reads a stream.
    """
    if plan.is_streaming:
        raise AnalysisException(
            "_LEGACY_ERROR_TEMP_3102",
            "Queries with streaming sources must be executed with writeStream.start(), or from a streaming table or "
            "flow definition within a Spark Declarative Pipeline.",
        )
    cursor = session.database.cursor(session.conf.time_zone)
    compiled = compile_observed(plan, session.conf, cursor)
    if "lightstream_now" in compiled.template:
        set_now(cursor, time.time_ns() // 1000)
    return Result(plan.schema, compiled, cursor)


def compile_observed(plan: lp.LogicalPlan, conf: Conf, cursor: duckdb.DuckDBPyConnection) -> Compiled:
    """Compile a batch plan; observations in it are told their metrics, for which their rows are put into tables."""
    plan = with_pushed_filters(plan)
    if any(isinstance(node, lp.CollectMetrics) for node in plan.walk()):
        from lightstream.execute.observed import with_observations

        plan = with_observations(plan, conf, cursor)
    return compile_plan(plan, conf)


def set_now(cursor: duckdb.DuckDBPyConnection, now_us: int) -> None:
    """Fix the value of `current_timestamp()` for a cursor, in microseconds since the epoch."""
    cursor.execute(f"SET VARIABLE lightstream_now = make_timestamptz(CAST({now_us} AS BIGINT))")


class Result:
    """The rows of a batch query. Each way to fetch them runs the query."""

    def __init__(self, schema: t.StructType, compiled: Compiled, cursor: duckdb.DuckDBPyConnection) -> None:
        self.schema = schema
        self.cursor = cursor
        self._compiled = compiled

    def tuples(self) -> list[tuple[Any, ...]]:
        """Return the rows as tuples; TIMESTAMP values, nested ones too, as microseconds since the epoch."""
        fields = list(zip(self.schema, self._compiled.names, strict=True))
        projection = None
        if any(t.holds(field.dataType, t.TimestampType) for field, _ in fields):
            items = (
                f"{portable(_quoted(name), field.dataType)} AS {_quoted(name)}" for field, name in fields
            )
            projection = ", ".join(items)
        try:
            rows = fetch_compiled(self._compiled, self.cursor, batch_scan, projection)
        except Exception as error:
            raise translated(error) from None
        return rows if self.schema.fields else [() for _ in rows]

    def arrow(self) -> pyarrow.Table:
        """Return the rows as an Arrow table with the columns' own names."""
        table: pyarrow.Table = self._kept().to_arrow_table()
        return table.rename_columns(self.schema.names) if self.schema.fields else table

    def polars(self) -> polars.DataFrame:
        """Return the rows as a Polars frame (columns of the same name are numbered)."""
        # `polars.DataFrame(relation)` would do without pyarrow, but leaves objects that DuckDB complains of at exit.
        frame: polars.DataFrame = self._kept().pl()
        return frame

    def take(self, before: str, behind: str) -> None:
        """Run a statement that takes the rows, such as COPY: its text before their SELECT, and behind it.

        Raises:
            PySparkException: Spark's error for what DuckDB refused.
        """
        execute_compiled(self._compiled, self.cursor, batch_scan, prefix=before, suffix=behind).fetchall()

    def discard(self) -> None:
        """Compute all rows."""
        self._kept()

    def _kept(self) -> duckdb.DuckDBPyRelation:
        """Return the rows as a relation over a temporary table: a relation cannot be tried twice."""
        execute_compiled(
            self._compiled,
            self.cursor,
            batch_scan,
            prefix="CREATE OR REPLACE TEMP TABLE lightstream_result AS ",
        )
        return self.cursor.query("SELECT * FROM temp.main.lightstream_result")


def portable(text: str, data_type: t.DataType) -> str:
    """Return a value with timestamps as microseconds: DuckDB needs one more package to make Python objects of them."""
    if not t.holds(data_type, t.TimestampType):
        return text
    match data_type:
        case t.ArrayType():
            return f"list_transform({text}, lambda x: {portable('x', data_type.elementType)})"
        case t.MapType():
            keys = f"list_transform(map_keys({text}), lambda x: {portable('x', data_type.keyType)})"
            values = f"list_transform(map_values({text}), lambda x: {portable('x', data_type.valueType)})"
            return f"CASE WHEN {text} IS NOT NULL THEN map({keys}, {values}) END"
        case t.StructType():
            fields = ", ".join(
                f"{_quoted(f.name)} := {portable(f'struct_extract({text}, {text_sql(f.name)})', f.dataType)}"
                for f in data_type
            )
            return f"CASE WHEN {text} IS NOT NULL THEN struct_pack({fields}) END"
    return f"epoch_us({text})"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def batch_scan(scan: CompiledScan, cursor: duckdb.DuckDBPyConnection) -> Scan:
    """Return the rows of a batch scan: a frame from Python, or what the reader gives."""
    node = scan.node
    if isinstance(node, lp.LocalScan):
        frame = f"lightstream_frame_{id(node.data)}"
        # A function gives the rows anew each time they are read: mapInPandas and its like.
        return Scan(_frame_sql(scan, frame), {frame: node.data() if callable(node.data) else node.data})
    found: Scan = node.reader.scan(scan.columns, cursor)
    return found


def _frame_sql(scan: CompiledScan, frame: str) -> str:
    # Columns of a frame are named, and asked for, by position, so that two may share a name.
    if not scan.columns:
        return f"(SELECT 1 AS one FROM {frame})"
    items = ", ".join(f"c{r.path[0]} AS {_quoted(r.output)}" for r in scan.columns)
    return f"(SELECT {items} FROM {frame})"


def execute_compiled(
    compiled: Compiled, cursor: duckdb.DuckDBPyConnection, scan_of: Any, *, prefix: str, suffix: str = ""
) -> duckdb.DuckDBPyConnection:
    """Run a compiled statement that takes the rows (`prefix` + SELECT, such as `CREATE OR REPLACE TEMP TABLE x AS `).

    Scans that turn out inexact are replaced by their exact form, and the statement runs again.

    Raises:
        PySparkException: Spark's error for what DuckDB refused.
    """
    return _until_exact(
        compiled, cursor, scan_of, lambda scans: _run(compiled, cursor, scans, prefix, suffix=suffix)
    )


def insert_compiled(
    compiled: Compiled, cursor: duckdb.DuckDBPyConnection, scan_of: Any, first: Sequence[str], prefix: str
) -> None:
    """Run some statements and then `prefix` + SELECT in a transaction, which inexact scans take back.

    Raises:
        PySparkException: Spark's error for what DuckDB refused.
    """
    import duckdb

    def attempt(scans: Sequence[Scan]) -> None:
        cursor.execute("BEGIN")
        for statement in first:
            cursor.execute(statement)
        _run(compiled, cursor, scans, prefix).fetchall()

    def undo() -> None:
        with suppress(duckdb.Error):  # what failed may have been the BEGIN, or rolled back already
            cursor.execute("ROLLBACK")

    _until_exact(compiled, cursor, scan_of, attempt, undo)
    try:
        cursor.execute("COMMIT")
    except Exception as error:
        undo()
        raise translated(error) from None


def fetch_compiled(
    compiled: Compiled, cursor: duckdb.DuckDBPyConnection, scan_of: Any, projection: str | None = None
) -> list[tuple[Any, ...]]:
    """Run a compiled statement and return its rows; scans that turn out inexact are replaced as above.

    Raises:
        PySparkException: Spark's error for what DuckDB refused.
    """
    # DuckDB reads as rows are taken: a value that is not certain may come late.
    return _until_exact(
        compiled, cursor, scan_of, lambda scans: _run(compiled, cursor, scans, "", projection).fetchall()
    )


def _until_exact(
    compiled: Compiled,
    cursor: duckdb.DuckDBPyConnection,
    scan_of: Any,
    attempt: Callable[[Sequence[Scan]], Taken],
    undo: Callable[[], None] = lambda: None,
) -> Taken:
    scans: list[Scan] = [scan_of(scan, cursor) for scan in compiled.scans]
    while True:
        error: Exception | None = None
        try:
            taken = attempt(scans)
        except Exception as failed:
            error = failed
        else:
            if all(scan.verified is None or scan.verified() for scan in scans):
                return taken
        undo()
        if all(scan.exact is None for scan in scans):
            raise (
                translated(error) if error is not None else internal("a scan that cannot be made exact")
            ) from None
        try:
            scans = [scan if scan.exact is None else scan.exact(cursor, error) for scan in scans]
        except Exception as refused:
            raise translated(refused) from None


def _run(
    compiled: Compiled,
    cursor: duckdb.DuckDBPyConnection,
    scans: Sequence[Scan],
    prefix: str,
    projection: str | None = None,
    suffix: str = "",
) -> duckdb.DuckDBPyConnection:
    for scan in scans:
        for name, frame in scan.frames.items():
            cursor.register(name, frame)
    make_known(cursor, compiled.template)
    sql = compiled.render([scan.sql for scan in scans])
    if projection is not None:
        sql = f"SELECT {projection} FROM ({sql})"
    return cursor.execute(prefix + sql + suffix)

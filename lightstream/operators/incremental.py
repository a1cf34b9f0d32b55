"""A streaming plan that runs batch by batch: scans bound to offsets, stateful operators, what is above them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from lightstream.analyze.refusals import check_streaming
from lightstream.compile.compiler import Compiled, CompiledScan, compile_plan
from lightstream.conf import Conf
from lightstream.errors import internal
from lightstream.execute.batch import batch_scan, execute_compiled, set_now
from lightstream.execute.natives import make_known
from lightstream.operators.aggregate import AggregateOperator
from lightstream.operators.ahead import ReadAhead
from lightstream.operators.contract import BatchInput, BatchOutput, EventTimeStats, StateMetrics
from lightstream.operators.profile import rows_read
from lightstream.operators.state import StateDatabase
from lightstream.plan import logical as lp
from lightstream.sources.contract import Scan, Stream

if TYPE_CHECKING:
    import duckdb

_OUTPUT = "temp.main.lightstream_output"


class IncrementalPlan:
    """A streaming plan compiled once and run for each micro-batch."""

    def __init__(self, plan: lp.LogicalPlan, output_mode: str, conf: Conf) -> None:
        self.plan = plan
        self.schema = plan.schema
        self.output_mode = output_mode
        self.conf = conf
        self.scans = _streaming_scans(plan)
        self.watermark_delays_ms: tuple[int, ...] = ()
        self.aggregate: AggregateOperator | None = None
        node = next((n for n in plan.walk() if isinstance(n, lp.Aggregate) and n.is_streaming), None)
        if node is not None:
            self.aggregate = AggregateOperator(node, 0, output_mode, conf)
            scan = self.aggregate.output_plan()
            plan = plan.transform_up(lambda n: scan if n is node else n)
        self.final = compile_plan(plan, conf)
        # What is above an aggregation can be read from the merged groups as often as a sink likes, if it gives the
        # same each time and reads nothing else.
        self._final_is_a_view = (
            self.aggregate is not None and not self.final.scans and _is_deterministic(plan)
        )
        self._state: StateDatabase | None = None
        self._cursor: duckdb.DuckDBPyConnection | None = None
        self._streams: tuple[Stream, ...] = ()
        self._metrics: tuple[StateMetrics, ...] = ()
        self._times: dict[str, float] = {}
        self._groups = 0
        self._ahead: ReadAhead | None = None
        self._uses_now = any(
            "lightstream_now" in text for text in (self.final.template, self._reading.template)
        )

    @classmethod
    def of(cls, plan: lp.LogicalPlan, output_mode: str, conf: Conf) -> IncrementalPlan:
        """Check a streaming plan against the output mode and compile it.

        Raises:
            AnalysisException: Spark refuses the plan in this mode.
            UnsupportedOperationException: lightstream does not support an operator on a stream yet.
        """
        check_streaming(plan, output_mode, conf)
        return cls(plan, output_mode, conf)

    @property
    def is_stateful(self) -> bool:
        """Return whether the plan keeps state between batches."""
        return self.aggregate is not None

    @property
    def operator_names(self) -> str:
        """The stateful operators as Spark's errors name them."""
        name = "" if self.aggregate is None else self.aggregate.name
        return f"[(OperatorId: 0 -> OperatorName: {name})]"

    # ---- life -------------------------------------------------------------------------------------------------

    def open(
        self,
        cursor: duckdb.DuckDBPyConnection,
        streams: tuple[Stream, ...],
        state_directory: str,
        durable: bool,
    ) -> int | None:
        """Attach the state; return the id of the last batch in it, None when it is new or there is none."""
        self._cursor, self._streams = cursor, streams
        # Row counts of scans come from the profile of the statement that read them.
        cursor.execute("SET enable_profiling = 'no_output'")
        reading = self._reading
        if len(reading.scans) == 1 and len(self.scans) == 1 and not self._uses_now:
            self._ahead = ReadAhead(cursor, self.conf.time_zone, reading, streams[0])
        if self.aggregate is None:
            return None
        self._state = StateDatabase(cursor, state_directory, durable)
        operator = self.aggregate
        self._state.check_operator(0, operator.name, operator.key_schema(), operator.value_schema())
        self._groups = self._state.row_count(operator.table)
        return self._state.last_batch_id

    def close(self) -> None:
        """End what is being read and detach the state."""
        if self._ahead is not None:
            self._ahead.close()
            self._ahead = None
        if self._state is not None:
            self._state.close()
            self._state = None

    def interrupt(self) -> None:
        """Cancel the statement that is running, from another thread."""
        cursor, ahead = self._cursor, self._ahead
        if cursor is not None:
            cursor.interrupt()
        if ahead is not None:
            ahead.interrupt()

    # ---- one batch --------------------------------------------------------------------------------------------

    def run(self, batch: BatchInput) -> BatchOutput:
        """Compute a batch into temporary tables. Nothing durable is written."""
        cursor = self._cursor
        if cursor is None:
            raise internal("the plan was not opened")
        if self._uses_now:
            set_now(cursor, batch.timestamp_ms * 1000)
        early = None
        if self._ahead is not None:
            early = self._ahead.take(self._streams[0].input_of(batch.starts[0], batch.ends[0]))
        bound = _BoundScans(self, batch, cursor, self._reading)
        if self.aggregate is None:
            if early is not None:
                return BatchOutput(f"SELECT * FROM {early[0]}", (early[1],), self._event_times())
            _create(_OUTPUT, self.final, cursor, bound)
            rows = bound.rows()
            return BatchOutput(f"SELECT * FROM {_OUTPUT}", rows, self._event_times())
        started = time.perf_counter()
        self._run_aggregate(self.aggregate, cursor, bound, early[0] if early is not None else None)
        self._times["updates"] = time.perf_counter() - started
        rows = bound.rows() if early is None else (early[1],)
        if self._final_is_a_view:
            make_known(cursor, self.final.template)
            return BatchOutput(self.final.render(()), rows, self._event_times())
        _create(_OUTPUT, self.final, cursor, _BoundScans(self, batch, cursor, self.final))
        return BatchOutput(f"SELECT * FROM {_OUTPUT}", rows, self._event_times())

    def read_ahead(self) -> None:
        """Begin to read what the next batches are expected to read; for the time after `run`."""
        if self._ahead is not None:
            self._ahead.start()

    def _run_aggregate(
        self,
        operator: AggregateOperator,
        cursor: duckdb.DuckDBPyConnection,
        bound: _BoundScans,
        early: str | None,
    ) -> None:
        if self._state is None:
            raise internal("the state was not opened")
        operator.delta = early or operator.own_delta
        stored = operator.stored(self._state)
        if early is None and (operator.rewrites_all or stored is None):
            # One statement reads, aggregates and merges.
            merge = operator.merge_sql(operator.partial.template, stored)
            compiled = Compiled(merge, operator.partial.scans, operator.partial.names)
            _create(operator.merged, compiled, cursor, bound)
            return
        if early is None:
            _create(operator.delta, operator.partial, cursor, bound)
            bound.count()
        cursor.execute(
            f"CREATE OR REPLACE TEMP TABLE {_bare(operator.merged)} AS "
            + operator.merge_sql(f"SELECT * FROM {operator.delta}", stored)
        )

    @property
    def _reading(self) -> Compiled:
        """The statement that reads the sources."""
        return self.final if self.aggregate is None else self.aggregate.partial

    def _event_times(self) -> tuple[EventTimeStats, ...]:
        return ()

    def commit_state(self, batch_id: int) -> None:
        """Write the batch's new state and its id in one transaction."""
        if self._state is None or self.aggregate is None or self._cursor is None:
            return
        operator, state = self.aggregate, self._state
        started = time.perf_counter()
        *deleted, inserted = state.commit(batch_id, operator.commit_statements(state))
        state.created(operator.table)
        seconds = time.perf_counter() - started
        self._groups += inserted - sum(deleted)
        updated = inserted
        if deleted and operator.rewrites_all:
            [(updated,)] = self._cursor.execute(
                f"SELECT count(*) FROM {operator.merged} WHERE touched"
            ).fetchall()
        self._metrics = (
            StateMetrics(
                operator.name, self._groups, updated, 0, 0, round(self._times.get("updates", 0) * 1000), 0,
                round(seconds * 1000), 0, {},
            ),
        )  # fmt: skip

    def metrics(self) -> tuple[StateMetrics, ...]:
        """Return the last batch's numbers, the last operator of the flow first."""
        return self._metrics

    def wants_no_data_batch(self, next_watermark_ms: int, used_watermark_ms: int) -> bool:
        """Return whether a stateful operator asks for a batch without data."""
        return False

    def explain(self) -> dict[str, Any]:
        """Return the compiled statements by step."""
        steps: dict[str, Any] = {}
        if self.aggregate is not None:
            steps["aggregate the batch"] = self.aggregate.partial.shown()
            steps["merge with the state"] = self.aggregate.merge_sql("batch", "state")
        steps["output"] = self.final.shown()
        return steps


class _BoundScans:
    """The scans of one statement bound to a batch's offsets, and the rows that they read.

    With one streaming scan and nothing else to read, the statement reads the source itself and its profile tells the
    rows. Otherwise each source is read into a temporary table first, once, also if the plan reads it twice.
    """

    def __init__(
        self, plan: IncrementalPlan, batch: BatchInput, cursor: duckdb.DuckDBPyConnection, reading: Compiled
    ) -> None:
        self._plan, self._batch, self._cursor = plan, batch, cursor
        self._rows: dict[int, int] = {}
        self._direct = len(reading.scans) == 1 and len(plan.scans) == 1
        self._reads = bool(reading.scans)
        self._counted = False
        self._reading = reading

    def scan_of(self, scan: CompiledScan, cursor: duckdb.DuckDBPyConnection) -> Scan:
        """Return what stands in the statement for a scan."""
        node = scan.node
        if not isinstance(node, lp.DataSourceScan) or not node.is_streaming:
            return batch_scan(scan, cursor)
        index = next(i for i, known in enumerate(self._plan.scans) if known is node)
        start, end = self._batch.starts[index], self._batch.ends[index]
        stream = self._plan._streams[index]
        if self._direct:
            return stream.scan(stream.input_of(start, end), scan.columns, cursor)
        position = next(i for i, known in enumerate(self._reading.scans) if known is scan)
        table = f"temp.main.lightstream_input_{position}"
        whole = Compiled("SELECT * FROM \x01scan0\x01 AS scan_0", (scan,), ())
        _create(table, whole, cursor, _Once(stream, start, end))
        [(rows,)] = cursor.execute(f"SELECT count(*) FROM {table}").fetchall()
        # Spark: a source that is read twice counts its rows twice.
        self._rows[index] = self._rows.get(index, 0) + rows
        return Scan(table)

    def count(self) -> None:
        """Take the row count from the profile of the statement that was just run."""
        if self._direct and not self._counted:
            self._rows[0] = rows_read(self._cursor)
            self._counted = True

    def rows(self) -> tuple[int, ...]:
        """Return the rows read, by source."""
        self.count()
        return tuple(self._rows.get(i, 0) for i in range(len(self._plan.scans)))


class _Once:
    """One stream's rows between two offsets."""

    def __init__(self, stream: Stream, start: str | None, end: str | None) -> None:
        self._stream, self._start, self._end = stream, start, end

    def scan_of(self, scan: CompiledScan, cursor: duckdb.DuckDBPyConnection) -> Scan:
        return self._stream.scan(self._stream.input_of(self._start, self._end), scan.columns, cursor)


def _create(
    table: str, compiled: Compiled, cursor: duckdb.DuckDBPyConnection, scans: _BoundScans | _Once
) -> None:
    execute_compiled(
        compiled, cursor, scans.scan_of, prefix=f"CREATE OR REPLACE TEMP TABLE {_bare(table)} AS "
    )


def _is_deterministic(plan: lp.LogicalPlan) -> bool:
    from lightstream.compile.compiler import is_volatile

    for node in plan.walk():
        items = node.items if isinstance(node, lp.Project | lp.Window) else ()
        conditions = (node.condition,) if isinstance(node, lp.Filter) else ()
        if any(is_volatile(item) for item in (*items, *conditions)):
            return False
    return True


def _bare(table: str) -> str:
    return table.rsplit(".", 1)[1]


def _streaming_scans(plan: lp.LogicalPlan) -> tuple[lp.DataSourceScan, ...]:
    found: list[lp.DataSourceScan] = []
    for node in plan.walk():
        if isinstance(node, lp.DataSourceScan) and node.is_streaming and all(node is not n for n in found):
            found.append(node)
    return tuple(found)

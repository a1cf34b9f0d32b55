"""A streaming plan that runs batch by batch: scans bound to offsets, steps with tables of their own, what is above."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from lightstream.analyze.metrics import check_metric_names
from lightstream.analyze.refusals import check_streaming, is_stream_join
from lightstream.analyze.time_windows import is_session
from lightstream.compile.compiler import Compiled, compile_plan
from lightstream.conf import Conf
from lightstream.errors import internal
from lightstream.execute.batch import set_now
from lightstream.execute.natives import make_known
from lightstream.functions.information import NO_DATA_VARIABLE
from lightstream.operators.aggregate import AggregateOperator
from lightstream.operators.ahead import ReadAhead
from lightstream.operators.batch import BatchRun, qualified
from lightstream.operators.contract import BatchInput, BatchOutput, StateMetrics
from lightstream.operators.deduplicate import DeduplicateOperator
from lightstream.operators.event_time import EventTimeStep
from lightstream.operators.flow import Flow, Step
from lightstream.operators.frames import FramesStep
from lightstream.operators.grouping_sets import without_grouping_sets
from lightstream.operators.join import JoinOperator
from lightstream.operators.limit import LimitOperator
from lightstream.operators.observe import MetricsStep
from lightstream.operators.pushdown import push_filters
from lightstream.operators.session import SessionOperator
from lightstream.operators.state import StateDatabase, check_no_state
from lightstream.operators.stateful import Changes, StatefulOperator
from lightstream.plan import logical as lp
from lightstream.sources.contract import Stream

if TYPE_CHECKING:
    import duckdb

_OUTPUT = "lightstream_output"


class IncrementalPlan:
    """A streaming plan compiled once and run for each micro-batch.

    The plan is cut where rows are kept in a table: at watermarks, whose event times are looked at, and at operators
    with state. What lies between two cuts is one statement.
    """

    def __init__(self, plan: lp.LogicalPlan, output_mode: str, conf: Conf) -> None:
        self.plan = plan
        self.schema = plan.schema
        self.output_mode = output_mode
        self.conf = conf
        self.scans = lp.streaming_scans(plan)
        self.steps: list[Step] = []
        self._flow = Flow(conf.boolean("spark.sql.streaming.statefulOperator.allowMultiple"))
        plan = plan.transform_up(without_grouping_sets)
        plan = push_filters(plan).transform_up(_combined_limits).transform_up(self._cut)
        self.final = compile_plan(plan, conf)
        for step in reversed(self.steps):
            step.compile()  # what is above has asked for its columns
        self.operators = [step for step in self.steps if isinstance(step, StatefulOperator)]
        self._reported = [s for s in self._flow.top_first() if isinstance(s, StatefulOperator)]
        self.watermark_delays_ms = tuple(s.delay_ms for s in self.steps if isinstance(s, EventTimeStep))
        # What is above the last operator can be read from its table as often as a sink likes, if it gives the same
        # each time and reads nothing else.
        self._final_is_a_view = bool(self.operators) and not self.final.scans and _is_deterministic(plan)
        self._uses_now = any("lightstream_now" in compiled.template for compiled in self._statements())
        self._asks_for_data = any(NO_DATA_VARIABLE in compiled.template for compiled in self._statements())
        self._state: StateDatabase | None = None
        self._cursor: duckdb.DuckDBPyConnection | None = None
        self._streams: tuple[Stream, ...] = ()
        self._direct: dict[int, Compiled] = {}
        self._ahead: dict[int, ReadAhead] = {}
        self._pending: list[tuple[StatefulOperator, Changes, float]] = []
        self._metrics: tuple[StateMetrics, ...] = ()

    @classmethod
    def of(cls, plan: lp.LogicalPlan, output_mode: str, conf: Conf) -> IncrementalPlan:
        """Check a streaming plan against the output mode and compile it.

        Raises:
            AnalysisException: Spark refuses the plan in this mode.
            UnsupportedOperationException: lightstream does not support an operator on a stream yet.
        """
        check_streaming(plan, output_mode, conf)
        check_metric_names(plan)
        return cls(plan, output_mode, conf)

    def _cut(self, node: lp.LogicalPlan) -> lp.LogicalPlan:
        """Return what stands for a node whose rows are kept in a table; the first in the flow are cut first."""
        if not node.is_streaming:
            return node
        step: Step
        if isinstance(node, lp.Watermark):
            step = EventTimeStep(node, len(self.steps), self.conf)
        elif isinstance(node, lp.CollectMetrics):
            step = MetricsStep(node, len(self.steps), self.conf)
        elif isinstance(node, lp.MapFrames):
            step = FramesStep(node, len(self.steps), self.conf)
        elif isinstance(node, lp.Aggregate) and any(map(is_session, node.keys)):
            step = SessionOperator(node, self._next_id(), self.output_mode, self.conf)
        elif isinstance(node, lp.Aggregate):
            step = AggregateOperator(node, self._next_id(), self.output_mode, self.conf)
        elif isinstance(node, lp.Deduplicate):
            step = DeduplicateOperator(node, self._next_id(), self.conf)
        elif isinstance(node, lp.Limit) and self.output_mode == "append":
            step = LimitOperator(node, self._next_id(), self.conf)
        elif isinstance(node, lp.Join) and is_stream_join(node):
            step = JoinOperator(node, self._next_id(), self.conf)
        elif isinstance(node, lp.GroupsWithState):
            from lightstream.operators.arbitrary import ArbitraryStateOperator

            step = ArbitraryStateOperator(node, self._next_id(), self.conf)
        else:
            return node
        self._flow.add(step, node)
        self.steps.append(step)
        return step.output

    def _next_id(self) -> int:
        return sum(isinstance(step, StatefulOperator) for step in self.steps)

    def _statements(self) -> list[Compiled]:
        return [*(reading for step in self.steps for reading in step.readings), self.final]

    @property
    def is_stateful(self) -> bool:
        """Return whether the plan keeps state between batches."""
        return bool(self.operators)

    @property
    def operator_names(self) -> str:
        """The stateful operators as Spark's errors name them."""
        listed = (f"(OperatorId: {op.operator_id} -> OperatorName: {op.name})" for op in self.operators)
        return f"[{', '.join(listed)}]"

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
        self._direct = self._directly_read()
        if not self._uses_now:
            self._ahead = {
                index: ReadAhead(cursor, self.conf.time_zone, compiled, streams[index])
                for index, compiled in self._direct.items()
            }
        if not self.operators:
            check_no_state(state_directory)
            return None
        self._state = StateDatabase(cursor, state_directory, durable)
        for operator in self.operators:
            operator.open(self._state)
        self._state.check_operators(len(self.operators))
        return self._state.last_batch_id

    def _directly_read(self) -> dict[int, Compiled]:
        """Return the statements that read one stream and nothing else, by the stream that nobody else reads."""
        found = {}
        for index, known in enumerate(self.scans):
            reading = [c for c in self._statements() for scan in c.scans if scan.node is known]
            # The profile does not tell a stream's rows from those of another file in the same statement.
            if len(reading) == 1 and len(reading[0].scans) == 1:
                found[index] = reading[0]
        return found

    def close(self) -> None:
        """End what is being read and detach the state."""
        for ahead in self._ahead.values():
            ahead.close()
        self._ahead = {}
        if self._state is not None:
            self._state.close()
            self._state = None

    def interrupt(self) -> None:
        """Cancel the statement that is running, from another thread."""
        cursor = self._cursor
        if cursor is not None:
            cursor.interrupt()
        for ahead in self._ahead.values():
            ahead.interrupt()
        for stream in self._streams:
            stream.interrupt()

    # ---- one batch --------------------------------------------------------------------------------------------

    def run(self, batch: BatchInput) -> BatchOutput:
        """Compute a batch into temporary tables. Nothing durable is written."""
        cursor = self._cursor
        if cursor is None:
            raise internal("the plan was not opened")
        if self._uses_now:
            set_now(cursor, batch.timestamp_ms * 1000)
        if self._asks_for_data:
            for position, (start, end) in enumerate(zip(batch.starts, batch.ends, strict=True)):
                is_empty = end is None or end == start
                cursor.execute(f"SET VARIABLE {NO_DATA_VARIABLE}{position} = {is_empty}")
        run = BatchRun(batch, cursor, self.scans, self._streams, self._direct, self._ahead)
        self._pending = []
        watermarks_ms = (batch.watermark_ms, batch.late_watermark_ms)
        for step in self.steps:
            if not isinstance(step, StatefulOperator):
                step.run(run)
                continue
            started = time.perf_counter()
            changes = step.run(run.at(*(self._flow.watermark_ms(step, ms) for ms in watermarks_ms)))
            self._pending.append((step, changes, time.perf_counter() - started))
        if self._final_is_a_view:
            make_known(cursor, self.final.template)
            sql = run.place(self.final.render(()))
        else:
            run.read(_OUTPUT, self.final)
            sql = run.place(f"SELECT * FROM {qualified(_OUTPUT)}")
        return BatchOutput(sql, run.rows(), tuple(run.event_times), run.metrics)

    def read_ahead(self) -> None:
        """Begin to read what the next batches are expected to read; for the time after `run`."""
        for ahead in self._ahead.values():
            ahead.start()

    def commit_state(self, batch_id: int) -> None:
        """Write the batch's new state and its id in one transaction."""
        if self._state is None:
            return
        started = time.perf_counter()
        with self._state.transaction(batch_id):
            for _, changes, _ in self._pending:
                changes.write()
        commit_ms = round((time.perf_counter() - started) * 1000)
        numbers = {id(pending[0]): pending for pending in self._pending}
        self._metrics = tuple(
            StateMetrics(
                operator.name, operator.rows, changes.updated, changes.removed, changes.dropped,
                round(seconds * 1000), 0, commit_ms, 0, changes.custom,
            )
            for operator, changes, seconds in (numbers[id(o)] for o in self._reported)
        )  # fmt: skip

    def metrics(self) -> tuple[StateMetrics, ...]:
        """Return the last batch's numbers, the last operator of the flow first."""
        return self._metrics

    def wants_no_data_batch(self, next_watermark_ms: int, used_watermark_ms: int) -> bool:
        """Return whether a stateful operator asks for a batch without data."""
        return bool(self.watermark_delays_ms) and any(
            operator.wants_no_data_batch(
                self._flow.watermark_ms(operator, next_watermark_ms),
                self._flow.watermark_ms(operator, used_watermark_ms),
            )
            for operator in self.operators
        )

    def due_ms(self) -> int | None:
        """Return the earliest processing time at which a stateful operator asks for a batch without data."""
        times = [due for operator in self.operators if (due := operator.due_ms()) is not None]
        return min(times, default=None)

    def explain(self) -> dict[str, Any]:
        """Return the compiled statements by step."""
        steps: dict[str, Any] = {}
        for step in self.steps:
            steps.update(step.explain())
        steps["output"] = self.final.shown()
        return steps


def _combined_limits(node: lp.LogicalPlan) -> lp.LogicalPlan:
    """Return a limit of a limit as one, as Spark's optimizer does: it is one operator with one state."""
    if isinstance(node, lp.Limit) and isinstance(node.child, lp.Limit) and not node.offset:
        counts = [c for c in (node.count, node.child.count) if c is not None]
        return lp.Limit(node.child.child, min(counts, default=None), node.child.offset)
    return node


def _is_deterministic(plan: lp.LogicalPlan) -> bool:
    from lightstream.compile.compiler import is_volatile

    for node in plan.walk():
        items = node.items if isinstance(node, lp.Project | lp.Window) else ()
        conditions = (node.condition,) if isinstance(node, lp.Filter) else ()
        if any(is_volatile(item) for item in (*items, *conditions)):
            return False
    return True

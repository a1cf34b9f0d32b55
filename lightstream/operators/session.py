"""Session windows over a stream: rows of a key that are closer than a gap, merged as they come."""

from __future__ import annotations

from lightstream.analyze.time_windows import is_session
from lightstream.compile.sessions import numbered
from lightstream.conf import Conf
from lightstream.errors import AnalysisException
from lightstream.operators.aggregate_states import AggregateStates
from lightstream.operators.batch import BatchRun, qualified
from lightstream.operators.keyed import KeyedTable, same_keys
from lightstream.operators.state import StateDatabase
from lightstream.operators.stateful import Changes, StatefulOperator, at_or_before
from lightstream.plan import logical as lp


class SessionOperator(StatefulOperator):
    """`GROUP BY session_window(...)` and other keys (Spark's sessionWindowStateStoreSaveExec).

    A batch's rows are aggregated by the session that each would be alone; late ones of these are dropped. They are
    merged with one another and with all stored sessions of their keys, whose sessions are then written anew. In append
    mode a session comes out, and leaves the state, when the watermark has reached its end.
    """

    name = "sessionWindowStateStoreSaveExec"

    def __init__(self, node: lp.Aggregate, operator_id: int, output_mode: str, conf: Conf) -> None:
        super().__init__(operator_id)
        self.output_mode = output_mode
        position = next(i for i, key in enumerate(node.keys) if is_session(key))
        session = node.output[position]
        self._session = f"k{position}"
        self._start, self._end = (f"struct_extract({self._session}, '{part}')" for part in ("start", "end"))
        self._states = AggregateStates(node, conf, order=f"{self._start}, touched")
        self.reading = self._states.reading
        self._keys = [key for key in self._states.keys if key != self._session]
        self._type = session.type if lp.DELAY_MARK in (session.metadata or {}) else None
        self._delta = f"lightstream_delta_{operator_id}"
        self._in_time = f"lightstream_in_time_{operator_id}"
        self._merged = f"lightstream_merged_{operator_id}"
        self._out = f"lightstream_sessions_{operator_id}"
        self.output = self._states.output(qualified(self._out))

    def open(self, state: StateDatabase) -> None:
        """Compare the stored schemas and look at the stored sessions."""
        if not self._keys:
            raise AnalysisException(
                "_LEGACY_ERROR_TEMP_3072",
                "Global aggregation with session window in streaming query is not supported.",
            )
        state.check_operator(
            self.operator_id, self.name, self._states.key_schema(), self._states.value_schema()
        )
        # A key's sessions are read and written together.
        columns = self._states.columns
        self.stored = KeyedTable(state, f"session_{self.operator_id}", self._keys, columns)

    @property
    def rows(self) -> int:
        """Return how many sessions are stored."""
        return self.stored.rows

    def run(self, run: BatchRun) -> Changes:
        """Merge the batch's sessions with the stored ones of their keys and choose what comes out."""
        changes = Changes()
        run.read(self._delta, self.reading)
        arrived = qualified(self._delta)
        if self._type is not None:
            late = self._reached(run.batch.late_watermark_ms)
            changes.dropped = run.value(f"SELECT count(*) FROM {arrived} WHERE {late}")
            if changes.dropped:
                run.statement(self._in_time, f"SELECT * FROM {arrived} WHERE ({late}) IS NOT TRUE")
                arrived = qualified(self._in_time)
        stored = self.stored.of(arrived, run)
        merged = run.statement(self._merged, self._merge(f"SELECT * FROM {arrived}", stored))
        known = gone = 0
        if stored is not None:
            known = run.value(f"SELECT count(*) FROM ({stored})")
            # Spark tells stored sessions apart by their start: those that took another one are removed.
            same = f"{same_keys(self._keys)} AND {self._start_of('s')} = {self._start_of('d')}"
            gone = run.value(
                f"SELECT count(*) FROM ({stored}) s ANTI JOIN {qualified(self._merged)} d ON {same}"
            )
        listed = ", ".join(self._states.columns)
        condition = ""
        if self.output_mode == "append":
            condition = self._reached(run.batch.watermark_ms)
        out = f"SELECT {listed} FROM {qualified(self._merged)}{f' WHERE {condition}' if condition else ''}"
        # Stored sessions are looked at when the watermark has moved, or when all come out.
        moved = self.output_mode == "complete" or self.watermark_moved(run.batch)
        others = self.stored.all(condition) if moved else None
        if others is not None:
            touched = qualified(self._merged)
            out += f" UNION ALL SELECT s.* FROM ({others}) s ANTI JOIN {touched} d ON {same_keys(self._keys)}"
        came_out = run.statement(self._out, out)
        evicted = came_out if self.output_mode == "append" else 0
        changes.removed = gone + evicted
        changes.write = lambda: self._write(run, changes, arrived, merged - known, evicted)
        return changes

    def _write(self, run: BatchRun, changes: Changes, arrived: str, new: int, evicted: int) -> None:
        rows = f"SELECT {', '.join(self._states.columns)} FROM {qualified(self._merged)}"
        changes.updated = self.stored.put(rows, run.place(arrived), new)
        if evicted:
            # A session only grows: what it was before is reached with it.
            self.stored.remove(self._reached(run.batch.watermark_ms), evicted)
        self.stored.fold()

    def _start_of(self, relation: str) -> str:
        return f"struct_extract({relation}.{self._session}, 'start')"

    def _reached(self, watermark_ms: int) -> str:
        return at_or_before(self._session, self._type, watermark_ms)

    def _merge(self, batch: str, stored: str | None) -> str:
        """Return the SELECT that merges a batch's sessions with one another and with stored ones."""
        columns = ", ".join(self._states.columns)
        rows = batch
        if stored is not None:
            rows = f"{batch} UNION ALL SELECT {columns}, FALSE AS touched FROM ({stored})"
        merged = f'struct_pack("start" := min({self._start}), "end" := max({self._end})) AS {self._session}'
        items = [merged if key == self._session else key for key in self._states.keys]
        source = numbered(f"({rows})", self._keys, self._start, self._end, "number")
        return (
            f"SELECT {', '.join([*items, *self._states.merges])} FROM {source} "
            f"GROUP BY {', '.join([*self._keys, 'number'])}"
        )

    def wants_no_data_batch(self, next_watermark_ms: int, used_watermark_ms: int) -> bool:
        """Return whether sessions may come out: in append mode, whenever the watermark moves."""
        return self.output_mode != "complete" and next_watermark_ms > used_watermark_ms

    def explain(self) -> dict[str, str]:
        """Return the statements by step."""
        return {
            "aggregate the batch by single sessions": self.reading.shown(),
            "merge with the sessions of their keys": self._merge("batch", "state"),
        }

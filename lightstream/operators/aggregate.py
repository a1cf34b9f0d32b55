"""Streaming aggregation: one row of mergeable states for each group."""

from __future__ import annotations

from lightstream.compile.compiler import Compiled
from lightstream.conf import Conf
from lightstream.operators.aggregate_states import AggregateStates
from lightstream.operators.batch import BatchRun, qualified
from lightstream.operators.keyed import KeyedTable, same_keys
from lightstream.operators.state import StateDatabase
from lightstream.operators.stateful import (
    Changes,
    StatefulOperator,
    at_or_before,
    check_event_times,
    event_time,
)
from lightstream.plan import logical as lp


class AggregateOperator(StatefulOperator):
    """`GROUP BY` over a stream (Spark's stateStoreSave).

    A batch's rows are aggregated to partial states, which are merged with the stored ones of the same groups. What
    comes out: in complete mode every group; in update mode those that the batch touched; in append mode those whose
    event time the watermark has reached, once, and with them they leave the state.
    """

    name = "stateStoreSave"

    def __init__(self, node: lp.Aggregate, operator_id: int, output_mode: str, conf: Conf) -> None:
        super().__init__(operator_id)
        self.output_mode = output_mode
        self.delta = f"lightstream_delta_{operator_id}"
        self.merged = f"lightstream_merged_{operator_id}"
        self.closed = f"lightstream_closed_{operator_id}"
        self.states = AggregateStates(node, conf)
        self.reading, self.keys, self.columns = self.states.reading, self.states.keys, self.states.columns
        self._merges_all = output_mode == "complete" or not self.keys
        self._conf = conf
        self._key_columns = keys = node.output[: len(node.keys)]
        self.event_key = event_time(keys)
        self._event_column = "" if self.event_key is None else self.keys[keys.index(self.event_key)]
        table = qualified(self.closed if output_mode == "append" else self.merged)
        self.output = self.states.output(f"{table} WHERE touched" if output_mode == "update" else table)

    # ---- one batch --------------------------------------------------------------------------------------------

    def open(self, state: StateDatabase) -> None:
        """Compare the stored schemas and look at the stored groups."""
        check_event_times(self._key_columns, self._conf)
        table = f"aggregate_{self.operator_id}"
        state.check_operator(
            self.operator_id,
            self.name,
            self.states.key_schema(),
            self.states.value_schema(),
            self.states.shown_as(table),
        )
        self.stored = KeyedTable(state, table, self.keys, self.columns)

    @property
    def rows(self) -> int:
        """Return how many groups are stored."""
        return self.stored.rows

    def run(self, run: BatchRun) -> Changes:
        """Merge the batch's groups with the stored ones and choose what comes out."""
        changes = Changes()
        everything = self._merges_all
        evicting = self.output_mode != "complete" and self.event_key is not None
        early = run.early(self.delta, self.reading) is not None
        if everything and not early:
            # One statement reads, aggregates and merges.
            merge = self._merge(self.reading.template, self.stored.all())
            rows = run.create(self.merged, Compiled(merge, self.reading.scans, self.reading.names))
        else:
            if not early:
                run.create(self.delta, self.reading)
            delta = f"SELECT * FROM {qualified(self.delta)}"
            if evicting:
                late = self._reached(run.batch.late_watermark_ms)
                changes.dropped = run.value(f"SELECT count(*) FROM {qualified(self.delta)} WHERE {late}")
                if changes.dropped:
                    delta += f" WHERE ({late}) IS NOT TRUE"
            stored = self.stored.all() if everything else self.stored.of(qualified(self.delta), run)
            rows = run.statement(self.merged, self._merge(delta, stored))
        if evicting:
            changes.removed = self._evict(run)
        changes.write = lambda: self._write(run, changes, rows)
        return changes

    def _evict(self, run: BatchRun) -> int:
        """Find the groups that the watermark has reached; in append mode they come out."""
        reached = self._reached(run.batch.watermark_ms)
        columns = ", ".join(self.columns)
        closed = f"SELECT {columns} FROM {qualified(self.merged)} WHERE touched AND {reached}"
        # Stored groups are looked at when the watermark has moved.
        stored = self.stored.all(reached) if self.watermark_moved(run.batch) else None
        if stored is not None:
            others = f"(SELECT * FROM {qualified(self.merged)} WHERE touched)"
            closed += (
                f" UNION ALL SELECT s.* FROM ({stored}) s ANTI JOIN {others} d ON {same_keys(self.keys)}"
            )
        return run.statement(self.closed, closed)

    def _write(self, run: BatchRun, changes: Changes, merged: int) -> None:
        touched = f"{qualified(self.merged)} WHERE touched"
        every = f"SELECT {', '.join(self.columns)} FROM {qualified(self.merged)}"
        if self._merges_all and self.stored.replace(every, merged):
            changes.updated = run.value(f"SELECT count(*) FROM {touched}")
            return
        new = run.value(f"SELECT count(*) FROM {touched} AND NOT known") if self.stored.needs_count else None
        rows = f"SELECT {', '.join(self.columns)} FROM {touched}"
        changes.updated = self.stored.put(rows, f"(SELECT * FROM {touched})", new)
        if changes.removed:
            self.stored.remove(self._reached(run.batch.watermark_ms), changes.removed)
        self.stored.fold()

    def wants_no_data_batch(self, next_watermark_ms: int, used_watermark_ms: int) -> bool:
        """Return whether groups may be closed: in append and update mode, whenever the watermark moves."""
        return self.output_mode != "complete" and next_watermark_ms > used_watermark_ms

    def explain(self) -> dict[str, str]:
        """Return the statements by step."""
        return {
            "aggregate the batch": self.reading.shown(),
            "merge with the state": self._merge("batch", "state"),
        }

    def _reached(self, watermark_ms: int) -> str:
        assert self.event_key is not None
        return at_or_before(self._event_column, self.event_key.type, watermark_ms)

    def _merge(self, batch: str, stored: str | None) -> str:
        """Return the SELECT that merges a batch's partial states with stored ones."""
        items = [
            *self.keys,
            *self.states.merges,
            "bool_or(touched) AS touched",
            "bool_or(NOT touched) AS known",
        ]
        rows = f"({batch})"
        if stored is not None:
            rows = f"({batch} UNION ALL SELECT {', '.join(self.columns)}, FALSE AS touched FROM ({stored}))"
        group = f" GROUP BY {', '.join(self.keys)}" if self.keys else ""
        return f"SELECT {', '.join(items)} FROM {rows}{group}"

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
        # Where little is stored it is quicker to go through all of it than to find the groups of the batch.
        whole = self._merges_all or self.stored.is_small
        evicting = self.output_mode != "complete" and self.event_key is not None
        groups = run.early(self.delta, self.reading)
        if whole and groups is None and not evicting:
            # One statement reads, aggregates and merges.
            merge = self._merge(self.reading.template, self.stored.all())
            rows = run.create(self.merged, Compiled(merge, self.reading.scans, self.reading.names))
        else:
            if groups is None:
                groups = run.create(self.delta, self.reading)
            delta = f"SELECT * FROM {qualified(self.delta)}"
            if evicting:
                late = self._reached(run.batch.late_watermark_ms)
                changes.dropped = run.value(f"SELECT count(*) FROM {qualified(self.delta)} WHERE {late}")
                if changes.dropped:
                    delta += f" WHERE ({late}) IS NOT TRUE"
                    groups -= changes.dropped
            stored = self.stored.all() if whole else self.stored.of(qualified(self.delta), run)
            rows = run.statement(self.merged, self._merge(delta, stored))
        if evicting:
            changes.removed = self._evict(run, whole)
        changes.write = lambda: self._write(run, changes, groups, rows if whole else None)
        return changes

    def _evict(self, run: BatchRun, whole: bool) -> int:
        """Find the groups that the watermark has reached; in append mode they come out."""
        reached = self._reached(run.batch.watermark_ms)
        columns = ", ".join(self.columns)
        closed = f"SELECT {columns} FROM {qualified(self.merged)} WHERE {reached}"
        # Stored groups are looked at when the watermark has moved.
        moved = self.watermark_moved(run.batch)
        if not whole:
            closed += " AND touched"
            stored = self.stored.all(reached) if moved else None
            if stored is not None:
                others = f"(SELECT * FROM {qualified(self.merged)} WHERE touched)"
                closed += (
                    f" UNION ALL SELECT s.* FROM ({stored}) s ANTI JOIN {others} d ON {same_keys(self.keys)}"
                )
        return run.statement(self.closed, closed)

    def _write(self, run: BatchRun, changes: Changes, groups: int | None, all_rows: int | None) -> None:
        """Store what the batch changed.

        Args:
            groups: how many groups the batch has; None when they were not counted.
            all_rows: how many rows are merged, if these are all there are.
        """
        columns = ", ".join(self.columns)
        touched = f"{qualified(self.merged)} WHERE touched"
        if all_rows is not None:
            staying = f"SELECT {columns} FROM {qualified(self.merged)}"
            if changes.removed:
                staying += f" WHERE ({self._reached(run.batch.watermark_ms)}) IS NOT TRUE"
            if self.stored.replace(staying, all_rows - changes.removed):
                changes.updated = run.value(f"SELECT count(*) FROM {touched}") if groups is None else groups
                return
        new = run.value(f"SELECT count(*) FROM {touched} AND NOT known") if self.stored.needs_count else None
        changes.updated = self.stored.put(
            f"SELECT {columns} FROM {touched}", f"(SELECT * FROM {touched})", new
        )
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

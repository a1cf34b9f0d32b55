"""A user's function with state over the groups of a stream (applyInPandasWithState, transformWithState)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from lightstream.compile.compiler import Compiled, Compiler
from lightstream.conf import Conf
from lightstream.execute.batch import batch_scan, execute_compiled
from lightstream.functions.spelling import quote
from lightstream.operators.batch import BatchRun, qualified
from lightstream.operators.groups import GroupBatch, GroupProgram
from lightstream.operators.keyed import KeyedTable, same_keys
from lightstream.operators.state import StateDatabase
from lightstream.operators.stateful import Changes, StatefulOperator, at_or_before, event_time
from lightstream.plan import logical as lp
from lightstream.plan.expressions import Attribute

if TYPE_CHECKING:
    import pyarrow


class ArbitraryStateOperator(StatefulOperator):
    """Calls a function for each group of a batch's rows, with what it keeps for the group.

    The state is in tables by key (`operators.keyed`); a key may have several rows, which have a place. Only the rows of
    the batch's keys, and of those whose time has come, are read; what the calls have changed is written back.
    """

    def __init__(self, node: lp.GroupsWithState, operator_id: int, conf: Conf) -> None:
        super().__init__(operator_id)
        self.node = node
        self.program: GroupProgram = node.program
        self.name = self.program.name
        self._conf = conf
        self._keys = [f"k{i}" for i in range(len(node.keys))]
        self._arrived, self._initial, self._touched, self._made = (
            f"lightstream_{what}_{operator_id}" for what in ("arrived", "initial", "touched", "made")
        )
        names = tuple(f"c{i}" for i in range(len(node.columns)))
        self.output = lp.TableScan(node.columns, qualified(self._made), names, streaming=True)
        self._time = event_time(node.values) if self.program.drops_late_rows else None

    def compile(self) -> None:
        """Compile the statements that read the rows and the initial state."""
        self.reading = self._compiled(self.node.child, self.node.keys, self.node.values)
        self._first = None
        if self.node.initial is not None:
            keys, values = self.node.initial_keys, self.node.initial_values
            self._first = self._compiled(self.node.initial, keys, values)

    def _compiled(
        self, plan: lp.LogicalPlan, keys: Sequence[Attribute], values: Sequence[Attribute]
    ) -> Compiled:
        compiler = Compiler(self._conf)
        columns = [(key.id, f"k{i}") for i, key in enumerate(keys)]
        columns += [(value.id, f"c{i}") for i, value in enumerate(values)]
        select = compiler.plan(plan, {i for i, _ in columns})
        return Compiled(select.text(columns), tuple(compiler.scans), tuple(name for _, name in columns))

    def open(self, state: StateDatabase) -> None:
        """Compare the stored schemas and look at the stored rows."""
        tables = self.program.open()
        state.check_operator(
            self.operator_id,
            self.name,
            [key.type.jsonValue() for key in self.node.keys],
            {table.name: [kind.jsonValue() for kind in table.types] for table in tables},
        )
        self._counted = [table.name for table in tables if table.counted]
        self._columns = {table.name: [f"v{i}" for i in range(len(table.types))] for table in tables}
        self.stored = {
            name: KeyedTable(
                state, f"groups_{self.operator_id}_{name}", self._keys, [*self._keys, "place", *v]
            )
            for name, v in self._columns.items()
        }

    @property
    def rows(self) -> int:
        """Return how many rows of state there are."""
        return sum(self.stored[name].rows for name in self._counted)

    # ---- one batch --------------------------------------------------------------------------------------------

    def run(self, run: BatchRun) -> Changes:
        """Call the function for each group."""
        changes = Changes()
        batch = run.batch
        run.read(self._arrived, self.reading)
        if self._time is not None:
            column = f"c{self.node.values.index(self._time)}"
            late = at_or_before(column, self._time.type, batch.late_watermark_ms)
            changes.dropped = run.value(f"SELECT count(*) FROM {qualified(self._arrived)} WHERE {late}")
            where = f" WHERE ({late}) IS NOT TRUE"
        else:
            where = ""
        rows = f"(SELECT *, rowid AS row FROM {qualified(self._arrived)}{where})"
        first = ""
        if self._first is not None and batch.batch_id == 0:
            prefix = f"CREATE OR REPLACE TEMP TABLE {self._initial} AS "
            execute_compiled(self._first, run.cursor, batch_scan, prefix=prefix)
            first = f"(SELECT *, rowid AS row FROM {qualified(self._initial)})"
        groups = self._number_groups(run, rows, first)
        result = self.program.run(
            GroupBatch(
                groups,
                self._by_group(run, rows, len(self.node.values)),
                self._by_group(run, first, len(self.node.initial_values)) if first else None,
                {name: self._state_of(run, name) for name in self.stored},
                batch.timestamp_ms,
                batch.watermark_ms,
            )
        )
        run.take(self._made, result.output)
        writes = []
        for name, (numbers, changed) in result.changed.items():
            if len(numbers):
                writes.append(self._change(run, name, numbers, changed))
        changes.updated, changes.removed = result.updated, result.removed

        def write() -> None:
            for one in writes:
                one()

        changes.write = write
        return changes

    def _number_groups(self, run: BatchRun, rows: str, first: str) -> pyarrow.Table:
        """Number the keys that have rows or are due, in their order; return them."""
        keys = ", ".join(self._keys)
        parts = [f"SELECT {keys} FROM {relation}" for relation in (rows, first) if relation]
        for table, condition in self.program.due(run.batch.timestamp_ms, run.batch.watermark_ms):
            waiting = self.stored[table].all(condition)
            if waiting is not None:
                parts.append(f"SELECT {keys} FROM ({waiting})")
        order = ", ".join(f"{key} NULLS FIRST" for key in self._keys)
        run.statement(
            self._touched,
            f"SELECT *, row_number() OVER (ORDER BY {order}) - 1 AS n "
            f"FROM (SELECT DISTINCT {keys} FROM ({' UNION ALL '.join(parts)}))",
        )
        return run.arrow(f"SELECT {keys} FROM {qualified(self._touched)} ORDER BY n")

    def _by_group(self, run: BatchRun, rows: str, width: int) -> pyarrow.Table:
        columns = ", ".join(["d.n", *(f"s.c{i}" for i in range(width))])
        return run.arrow(
            f"SELECT {columns} FROM {rows} s JOIN {qualified(self._touched)} d ON {same_keys(self._keys)} "
            "ORDER BY d.n, s.row",
        )

    def _state_of(self, run: BatchRun, name: str) -> pyarrow.Table:
        """Return the stored rows of a table for the groups; without columns when there are none."""
        import pyarrow as pa

        touched = qualified(self._touched)
        stored = self.stored[name].of(touched, run)
        if stored is None:
            return pa.table({"n": pa.array([], pa.int64())})
        columns = ", ".join(["d.n", "s.place", *(f"s.{v}" for v in self._columns[name])])
        return run.arrow(
            f"SELECT {columns} FROM ({stored}) s JOIN {touched} d ON {same_keys(self._keys)} "
            "ORDER BY d.n, s.place",
        )

    def _change(
        self, run: BatchRun, name: str, numbers: Sequence[int], rows: pyarrow.Table
    ) -> Callable[[], None]:
        """Return what writes the new rows of some groups to a state table, in the state's transaction."""
        import pyarrow as pa

        stored = self.stored[name]
        new, changed = (f"lightstream_{what}_{self.operator_id}_{name}" for what in ("new", "changed"))
        run.take(new, rows)
        run.take(changed, pa.table({"n": pa.array(numbers, pa.int64())}))
        touched, new, changed = qualified(self._touched), qualified(quote(new)), qualified(quote(changed))
        keys = ", ".join(f"d.{key}" for key in self._keys)
        filled = f"(SELECT {keys} FROM {touched} d SEMI JOIN {new} w ON d.n = w.n)"
        emptied = f"(SELECT {keys} FROM {touched} d SEMI JOIN {changed} w ON d.n = w.n ANTI JOIN {new} v ON d.n = v.n)"
        values = ", ".join(["w.place", *(f"w.{v}" for v in self._columns[name])])

        def known(groups: str) -> int:
            found = stored.of(groups, run)
            return 0 if found is None else run.value(f"SELECT count(*) FROM ({found})")

        gone, replaced = known(emptied), known(filled)

        def write() -> None:
            if gone:
                stored.remove(f"EXISTS (SELECT 1 FROM {emptied} d WHERE {same_keys(self._keys)})", gone)
            if rows.num_rows:
                select = f"SELECT {keys}, {values} FROM {new} w JOIN {touched} d ON d.n = w.n"
                stored.put(select, filled, rows.num_rows - replaced)
            stored.fold()

        return write

    def wants_no_data_batch(self, next_watermark_ms: int, used_watermark_ms: int) -> bool:
        """Return whether something may be due."""
        return self.program.waits_for_watermark and next_watermark_ms > used_watermark_ms

    def due_ms(self) -> int | None:
        """Return the earliest processing time that is waited for."""
        if self.program.waits_for_clock is None:
            return None
        table, due = self.program.waits_for_clock
        return self.stored[table].earliest(due)

    def explain(self) -> dict[str, str]:
        """Return the statements by step."""
        return {f"rows for {self.name}": self.reading.shown()}

"""`dropDuplicates` and `dropDuplicatesWithinWatermark` over a stream: the first row of each key."""

from __future__ import annotations

from lightstream.compile.compiler import Compiled, Compiler
from lightstream.conf import Conf
from lightstream.errors import internal
from lightstream.functions.spelling import quote
from lightstream.operators.batch import BatchRun, qualified
from lightstream.operators.keyed import KeyedTable, same_keys
from lightstream.operators.state import Shown, StateDatabase
from lightstream.operators.stateful import (
    Changes,
    StatefulOperator,
    at_or_before,
    check_event_times,
    event_time,
)
from lightstream.plan import logical as lp


class DeduplicateOperator(StatefulOperator):
    """Lets the first row of a key pass and remembers the key.

    Late rows are dropped first, when the event time is among the columns that are read. A key is forgotten when the
    watermark reaches its event time, where that is part of the key; `within_watermark`, when it reaches the first
    row's time and the delay.
    """

    def __init__(self, node: lp.Deduplicate, operator_id: int, conf: Conf) -> None:
        super().__init__(operator_id)
        self.name = "dedupeWithinWatermark" if node.within_watermark else "dedupe"
        self.node = node
        self._conf = conf
        self._arrived = f"lightstream_arrived_{operator_id}"
        self._passed = f"lightstream_passed_{operator_id}"
        ids = [key.id for key in node.keys]
        self.keys = [f"k{i}" for i in range(len(ids))]
        others = [a.id for a in node.output if a.id not in ids]
        self._names = dict(
            zip((*ids, *others), (*self.keys, *(f"c{i}" for i in range(len(others)))), strict=True)
        )
        names = tuple(self._names[a.id] for a in node.output)
        self.output = lp.TableScan(node.output, qualified(self._passed), names, streaming=True, asked=set())
        self._time = event_time(node.output)
        key_times = [key for key in node.keys if lp.DELAY_MARK in (key.metadata or {})]
        self._key_time = None if node.within_watermark or not key_times else key_times[0]

    def compile(self) -> None:
        """Compile the statement that reads the rows; when all that is above has been compiled."""
        needed = {*self.output.asked, *(key.id for key in self.node.keys)}
        if self._time is not None and self.node.within_watermark:
            needed.add(self._time.id)
        elif self._time is not None and self._time.id not in needed:
            # Spark leaves columns out that nobody reads, and cannot tell late rows then.
            self._time = None
        self._read = needed
        compiler = Compiler(self._conf)
        select = compiler.plan(self.node.child, needed)
        columns = [(i, name) for i, name in self._names.items() if i in needed]
        self.reading = Compiled(select.text(columns), tuple(compiler.scans), tuple(n for _, n in columns))

    def open(self, state: StateDatabase) -> None:
        """Compare the stored schemas and look at the stored keys."""
        check_event_times((a for a in self.node.output if a.id in self._read), self._conf)
        within = self.node.within_watermark
        schema = [key.type.jsonValue() for key in self.node.keys]
        table = f"deduplicate_{self.operator_id}"
        keys = [(a.name, a.type.jsonValue(), key) for a, key in zip(self.node.keys, self.keys, strict=True)]
        values = [("expiresAtMicros", "long", "expires")] if within else [("__dummy__", "void", "NULL")]
        state.check_operator(
            self.operator_id,
            self.name,
            schema,
            ["expiresAtMicros"] if within else [],
            Shown(table, self.keys, keys, values),
        )
        columns = [*self.keys, "expires"] if within else self.keys
        self.stored = KeyedTable(state, table, self.keys, columns)

    @property
    def rows(self) -> int:
        """Return how many keys are stored."""
        return self.stored.rows

    def run(self, run: BatchRun) -> Changes:
        """Find the rows whose keys are new."""
        changes = Changes()
        rows = run.read(self._arrived, self.reading)
        arrived = qualified(self._arrived)
        kept = ""
        if self._time is not None:
            late = at_or_before(self._column(self._time.id), self._time.type, run.batch.late_watermark_ms)
            changes.dropped = run.value(f"SELECT count(*) FROM {arrived} WHERE {late}")
            kept = f" WHERE ({late}) IS NOT TRUE" if changes.dropped else ""
        listed = ", ".join(self.keys)
        first = f"SELECT DISTINCT ON ({listed}) * FROM {arrived}{kept} ORDER BY rowid"
        stored = self.stored.of(arrived, run)
        known = f" ANTI JOIN ({stored}) d ON {same_keys(self.keys)}" if stored is not None else ""
        changes.updated = run.statement(self._passed, f"SELECT s.* FROM ({first}) s{known}")
        changes.custom["numDroppedDuplicateRows"] = rows - changes.dropped - changes.updated
        changes.write = lambda: self._write(run, changes)
        return changes

    def _write(self, run: BatchRun, changes: Changes) -> None:
        items = ", ".join(self.keys)
        if self.node.within_watermark:
            if self._time is None:
                raise internal("deduplication within a watermark without one")
            delay_us = (self._time.metadata or {})[lp.DELAY_MARK] * 1000
            items += f", coalesce(epoch_us({self._column(self._time.id)}), 0) + {delay_us} AS expires"
        rows = f"SELECT {items} FROM {qualified(self._passed)}"
        self.stored.add(rows)
        expired = self._expired(run.batch.watermark_ms)
        if expired is not None:
            changes.removed = self.stored.remove(expired)
        self.stored.fold()

    def _expired(self, watermark_ms: int) -> str | None:
        if self.node.within_watermark:
            return f"expires <= {watermark_ms * 1000}"
        if self._key_time is None:
            return None
        return at_or_before(self._column(self._key_time.id), self._key_time.type, watermark_ms)

    def _column(self, attribute_id: int) -> str:
        return quote(self._names[attribute_id])

    def wants_no_data_batch(self, next_watermark_ms: int, used_watermark_ms: int) -> bool:
        """Return whether keys may be forgotten: whenever the watermark moves."""
        return next_watermark_ms > used_watermark_ms

    def explain(self) -> dict[str, str]:
        """Return the statements by step."""
        return {"rows to be compared with known keys": self.reading.shown()}

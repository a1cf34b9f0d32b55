"""`limit` over a stream in append mode: the first rows of the whole life of the query."""

from __future__ import annotations

from lightstream.compile.compiler import Compiled, Compiler
from lightstream.conf import Conf
from lightstream.operators.batch import BatchRun, qualified
from lightstream.operators.keyed import KeyedTable
from lightstream.operators.state import Shown, StateDatabase
from lightstream.operators.stateful import Changes, StatefulOperator
from lightstream.plan import logical as lp


class LimitOperator(StatefulOperator):
    """Counts the rows that have passed, and lets no more than `count` pass."""

    name = "globalLimit"

    def __init__(self, node: lp.Limit, operator_id: int, conf: Conf) -> None:
        super().__init__(operator_id)
        self._node = node
        self._conf = conf
        self._passed = f"lightstream_passed_{operator_id}"
        names = tuple(f"c{i}" for i in range(len(node.output)))
        self._names = dict(zip((a.id for a in node.output), names, strict=True))
        self.output = lp.TableScan(node.output, qualified(self._passed), names, streaming=True, asked=set())

    def compile(self) -> None:
        """Compile the statement that reads the rows; when all that is above has been compiled."""
        needed = set(self.output.asked) or {self._node.output[0].id}
        compiler = Compiler(self._conf)
        select = compiler.plan(self._node.child, needed)
        columns = [(i, name) for i, name in self._names.items() if i in needed]
        self.reading = Compiled(select.text(columns), tuple(compiler.scans), tuple(n for _, n in columns))

    def open(self, state: StateDatabase) -> None:
        """Look up how many rows have passed."""
        shown = Shown(
            f"limit_{self.operator_id}",
            [],
            [("key", "void", "NULL")],
            [("value", "long", "CAST(passed AS BIGINT)")],
        )
        state.check_operator(self.operator_id, self.name, [], ["rowCount"], shown)
        self.stored = KeyedTable(state, f"limit_{self.operator_id}", [], ["passed"])
        rows = self.stored.all()
        self._count = 0 if rows is None else int(state.value(rows))

    @property
    def rows(self) -> int:
        """Return how many rows are stored: the count, once there is one."""
        return self.stored.rows

    def run(self, run: BatchRun) -> Changes:
        """Let the rows pass that are still wanted."""
        arrived = f"lightstream_arrived_{self.operator_id}"
        run.read(arrived, self.reading)
        left = max((self._node.count or 0) - self._count, 0)
        passed = run.statement(
            self._passed, f"SELECT * FROM {qualified(arrived)} ORDER BY rowid LIMIT {left}"
        )
        changes = Changes()

        def write() -> None:
            if not passed:
                return
            self._count += passed
            changes.updated = self.stored.put(f"SELECT {self._count} AS passed", "(SELECT 1)")

        changes.write = write
        return changes

    def explain(self) -> dict[str, str]:
        """Return the statements by step."""
        return {"rows before the limit": self.reading.shown()}

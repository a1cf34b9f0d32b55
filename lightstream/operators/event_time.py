"""`withWatermark`: the rows of a batch that reach it, and their event times."""

from __future__ import annotations

from lightstream.compile.compiler import Compiled, Compiler
from lightstream.compile.select import distinct_names
from lightstream.conf import Conf
from lightstream.functions.spelling import quote
from lightstream.operators.batch import BatchRun, qualified
from lightstream.operators.contract import EventTimeStats
from lightstream.plan import logical as lp


class EventTimeStep:
    """Keeps a batch's rows at one watermark node and tells their event times.

    They are taken before any row is dropped as late, and before filters above: so the rows are kept in a table, with
    the columns that are asked for above.
    """

    reading: Compiled

    def __init__(self, node: lp.Watermark, position: int, conf: Conf) -> None:
        self.delay_ms = node.delay_ms
        self.table = f"lightstream_events_{position}"
        self._node = node
        self._conf = conf
        names = tuple(distinct_names(node.output))
        self.output = lp.TableScan(node.output, qualified(self.table), names, streaming=True, asked=set())
        self._names = {a.id: name for a, name in zip(node.output, names, strict=True)}
        time = quote(self._names[node.column.id])
        # Spark: a row without an event time counts as one at 1970-01-01.
        us = f"coalesce(epoch_us({time}), 0)"
        self._times = f"SELECT min({us}), max({us}), avg({us} // 1000) FROM {qualified(self.table)}"

    @property
    def readings(self) -> tuple[Compiled, ...]:
        """The statement that reads the rows."""
        return (self.reading,)

    def compile(self) -> None:
        """Compile the statement that reads the rows; when all that is above has been compiled."""
        needed = {*self.output.asked, self._node.column.id}
        compiler = Compiler(self._conf)
        select = compiler.plan(self._node.child, needed)
        columns = [(i, name) for i, name in self._names.items() if i in needed]
        self.reading = Compiled(select.text(columns), tuple(compiler.scans), tuple(n for _, n in columns))

    def run(self, run: BatchRun) -> None:
        """Read the rows and look at their times."""
        run.read(self.table, self.reading)
        [(least, most, average)] = run.cursor.execute(run.place(self._times)).fetchall()
        if most is None:
            run.event_times.append(EventTimeStats(None, None, None, self.delay_ms))
        else:
            # Milliseconds are cut off downwards, before 1970 too.
            run.event_times.append(EventTimeStats(least // 1000, most // 1000, int(average), self.delay_ms))

    def explain(self) -> dict[str, str]:
        """Return the statements by step."""
        return {"read the rows": self.reading.shown(), "look at event times": self._times}

"""Python functions over the rows of a batch: mapInPandas and its kin in a stream. They keep nothing."""

from __future__ import annotations

from lightstream.compile.compiler import Compiled, Compiler
from lightstream.conf import Conf
from lightstream.operators.batch import BatchRun, qualified
from lightstream.plan import logical as lp


class FramesStep:
    """Gives the rows of a batch to a function, and keeps what it makes of them in a table."""

    readings: tuple[Compiled, ...]

    def __init__(self, node: lp.MapFrames, position: int, conf: Conf) -> None:
        self._node = node
        self._conf = conf
        self._given = [f"lightstream_given_{position}_{i}" for i in range(len(node.inputs))]
        self._made = f"lightstream_mapped_{position}"
        names = tuple(f"c{i}" for i in range(len(node.columns)))
        self.output = lp.TableScan(node.columns, qualified(self._made), names, streaming=True)

    def compile(self) -> None:
        """Compile the statements that read the rows."""
        self.readings = tuple(map(self._compiled, self._node.inputs))

    def _compiled(self, plan: lp.LogicalPlan) -> Compiled:
        compiler = Compiler(self._conf)
        columns = [(attribute.id, f"c{i}") for i, attribute in enumerate(plan.output)]
        select = compiler.plan(plan, {i for i, _ in columns})
        return Compiled(select.text(columns), tuple(compiler.scans), tuple(name for _, name in columns))

    def run(self, run: BatchRun) -> None:
        """Read the rows and call the function.

        Raises:
            PythonException: it raised an error.
        """
        for table, reading in zip(self._given, self.readings, strict=True):
            run.read(table, reading)
        tables = [run.arrow(f"SELECT * FROM {qualified(table)}") for table in self._given]
        run.take(self._made, self._node.function(tables))

    def explain(self) -> dict[str, str]:
        """Return the statements by step."""
        return {f"rows {i} for a function": one.shown() for i, one in enumerate(self.readings)}

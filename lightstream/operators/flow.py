"""How the steps of a plan feed each other, and the watermark of each: the query's, held back by joins before it."""

from __future__ import annotations

from lightstream.operators.event_time import EventTimeStep
from lightstream.operators.frames import FramesStep
from lightstream.operators.observe import MetricsStep
from lightstream.operators.stateful import StatefulOperator
from lightstream.plan import logical as lp

Step = EventTimeStep | MetricsStep | FramesStep | StatefulOperator


class Flow:
    """Which steps feed which.

    Spark: a step's watermark is the least of those that its inputs give out; an input without a watermark has no say.
    A join gives out rows that are older than its own watermark.
    """

    def __init__(self, chained: bool) -> None:
        self._chained = chained  # otherwise all have the query's watermark
        self._steps: list[Step] = []
        self._inputs: dict[int, list[Step]] = {}

    def add(self, step: Step, plan: lp.LogicalPlan) -> None:
        """Note a step that reads a plan, in which earlier steps are tables."""
        below = list(plan.walk())
        self._inputs[id(step)] = [s for s in self._steps if any(s.output is node for node in below)]
        self._steps.append(step)

    def top_first(self) -> list[Step]:
        """Return the steps as Spark lists them: each before those that feed it, the left input's before the right's."""
        fed = {id(s) for inputs in self._inputs.values() for s in inputs}
        return [s for top in self._steps if id(top) not in fed for s in self._with_inputs(top)]

    def _with_inputs(self, step: Step) -> list[Step]:
        return [step, *(s for below in self._inputs[id(step)] for s in self._with_inputs(below))]

    def watermark_ms(self, step: Step, query_ms: int) -> int:
        """Return a step's watermark, by that of the query."""
        if not self._chained:
            return query_ms
        return max(self._input_ms(step, query_ms) or 0, 0) if query_ms else 0

    def _input_ms(self, step: Step, query_ms: int) -> int | None:
        found = [ms for s in self._inputs[id(step)] if (ms := self._output_ms(s, query_ms)) is not None]
        return min(found, default=None)

    def _output_ms(self, step: Step, query_ms: int) -> int | None:
        if isinstance(step, EventTimeStep):
            return query_ms
        input_ms = self._input_ms(step, query_ms)
        if input_ms is None or not isinstance(step, StatefulOperator):
            return input_ms
        return step.output_watermark_ms(input_ms)

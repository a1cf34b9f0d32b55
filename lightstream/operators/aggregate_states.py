"""The aggregates of a streaming aggregation as columns that can be stored and merged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lightstream.compile.compiler import Compiled, Compiler
from lightstream.conf import Conf
from lightstream.dataclass import dataclass
from lightstream.errors import unsupported
from lightstream.functions import registry
from lightstream.functions.spelling import duck_type, quote
from lightstream.operators.state import Shown
from lightstream.plan import expressions as e
from lightstream.plan import logical as lp
from lightstream.plan import types as t

_ORDERED_MERGES = frozenset({"first", "last", "any_value"})


@dataclass(frozen=True, slots=True)
class _Core:
    """One state column: how a batch computes it and how two of them merge."""

    name: str
    partial: str
    merge: str
    value: str  # the core's result from its state


class AggregateStates:
    """An aggregation's statement over a batch, which gives a row of states for each group, and how these merge.

    Args:
        node: the aggregation.
        conf: the query's settings.
        order: the order in which states are merged, where that matters: of columns of the rows that are merged, among
            them `touched`, which is true for a batch's own.

    Attributes:
        keys: the columns of the grouping keys.
        columns: the keys, then the states.
        reading: the statement: the columns, and `touched`.
        merges: the states, as aggregates over rows of states.
        finals: the aggregates' results over a row of states.
    """

    def __init__(self, node: lp.Aggregate, conf: Conf, order: str = "touched") -> None:
        if node.grouping_sets:
            raise unsupported("rollup, cube or grouping sets on a stream")
        self.node = node
        self.keys = [f"k{i}" for i in range(len(node.keys))]
        self._order = order
        self.shown: list[tuple[str, Any, str]] = []
        self.reading, cores, self.finals = self._compile(conf)
        self.columns = [*self.keys, *(core.name for core in cores)]
        self.merges = [f"{core.merge} AS {core.name}" for core in cores]

    def _compile(self, conf: Conf) -> tuple[Compiled, list[_Core], list[str]]:
        compiler = Compiler(conf)
        node = self.node
        source = compiler.aggregate_input(node, node.aggregates)
        key_texts = [source.columns[key.id] for key in node.output[: len(node.keys)]]
        items = [f"{text} AS {name}" for text, name in zip(key_texts, self.keys, strict=True)]
        cores: list[_Core] = []
        finals: list[str] = []
        for aggregate in node.aggregates:
            call = aggregate.child
            if not isinstance(call, e.Call):
                raise unsupported("This aggregate on a stream")
            entry = registry.lookup(call.name)
            if entry is not None and not entry.extra.get("mergeable", True):
                raise unsupported(f"The aggregate {call.name} on a stream")
            parts, _, texts = compiler.expressions.aggregate(call, source.columns)
            values = []
            first = len(cores)
            for text, merge in zip(texts, parts.merges, strict=True):
                name = f"s{len(cores)}"
                if merge is None:
                    core = _Core(name, f"{text} EXPORT_STATE", f"combine_aggr({name})", f"finalize({name})")
                elif "{0}" in merge:
                    core = _Core(name, text, merge.format(name), name)
                else:
                    # The stored value comes before the batch's: that matters to first and last.
                    order = f" ORDER BY {self._order}" if merge in _ORDERED_MERGES else ""
                    core = _Core(name, text, f"{merge}({name}{order})", name)
                cores.append(core)
                values.append(core.value)
                items.append(f"{core.partial} AS {name}")
            self.shown += _shown(call, [core.value for core in cores[first:]], parts.merges)
            # A merge may widen a type (the sum of counts is a HUGEINT): the result has the call's own.
            finals.append(f"CAST({parts.final.format(*values)} AS {duck_type(call.type)})")
        select = f"SELECT {', '.join([*items, 'TRUE AS touched'])} FROM {source.source}"
        if source.where:
            select += " WHERE " + " AND ".join(source.where)
        if key_texts:
            select += " GROUP BY " + ", ".join(key_texts)
        names = (*self.keys, *(core.name for core in cores), "touched")
        return Compiled(select, tuple(compiler.scans), names), cores, finals

    def key_schema(self) -> object:
        """Return the types of the keys."""
        return [key.type.jsonValue() for key in self.node.output[: len(self.keys)]]

    def value_schema(self) -> object:
        """Return the functions and their types."""
        calls = [a.child for a in self.node.aggregates]
        return [
            {"function": c.name, "type": c.type.jsonValue()} if isinstance(c, e.Call) else None for c in calls
        ]

    def shown_as(self, table: str) -> Shown:
        """Return what Spark's state data source shows of these states: the buffers of its aggregates."""
        output = self.node.output[: len(self.keys)]
        keys = []
        for key, attribute, column in zip(self.node.keys, output, self.keys, strict=True):
            # Spark: a column has its own name, whatever it is called in the result, and an expression this one.
            found = key.child if isinstance(key, e.Alias) else key
            name = found.name if isinstance(found, e.Attribute) else "_groupingexpression"
            keys.append((name, attribute.type.jsonValue(), column))
        refused = ", ".join(name for name, kind, _ in self.shown if kind is None)
        return Shown(table, self.keys, keys, [] if refused else self.shown, refused)

    def output(self, rows: str) -> lp.TableScan:
        """Return the plan that stands for the aggregation in what is above it.

        Args:
            rows: a table of states, or a part of one: what stands after FROM.
        """
        names = [f"c{i}" for i in range(len(self.node.output))]
        values = [*self.keys, *self.finals]
        items = ", ".join(f"{value} AS {quote(name)}" for value, name in zip(values, names, strict=True))
        return lp.TableScan(self.node.output, f"(SELECT {items} FROM {rows})", tuple(names), streaming=True)


def _shown(call: e.Call, values: Sequence[str], merges: Sequence[str | None]) -> list[tuple[str, Any, str]]:
    """Return an aggregate's states under the names of Spark's buffers; without a type where they are others."""
    name = "avg" if call.name == "mean" else call.name
    exact = isinstance(call.type, t.DecimalType | t.AnsiIntervalType)  # Spark keeps more of these
    if None not in merges:
        if len(values) == 1 and (name in ("count", "min", "max") or (name == "sum" and not exact)):
            return [(name, call.type.jsonValue(), f"CAST({values[0]} AS {duck_type(call.type)})")]
        if len(values) == 2 and name == "avg" and not exact:
            total = ("sum", t.DoubleType().jsonValue(), f"coalesce(CAST({values[0]} AS DOUBLE), 0)")
            return [total, ("count", t.LongType().jsonValue(), f"CAST({values[1]} AS BIGINT)")]
    return [(name, None, "")]

"""Streaming aggregation: one row of mergeable states for each group."""

from __future__ import annotations

from dataclasses import dataclass

from lightstream.compile.compiler import Compiled, Compiler
from lightstream.conf import Conf
from lightstream.errors import unsupported
from lightstream.functions import registry
from lightstream.functions.spelling import duck_type, quote
from lightstream.operators.state import StateDatabase
from lightstream.plan import expressions as e
from lightstream.plan import logical as lp

_ORDERED_MERGES = frozenset({"first", "last", "any_value"})


@dataclass(frozen=True, slots=True)
class _Core:
    """One state column: how a batch computes it and how two of them merge."""

    name: str
    partial: str
    merge: str
    value: str  # the core's result from its state


class AggregateOperator:
    """`GROUP BY` over a stream (Spark's stateStoreSave).

    A batch's rows are aggregated to partial states, merged with the stored ones, and written back by `commit`. In
    complete mode every group comes out, in update mode those that the batch touched.
    """

    name = "stateStoreSave"

    def __init__(self, node: lp.Aggregate, operator_id: int, output_mode: str, conf: Conf) -> None:
        if node.grouping_sets:
            raise unsupported("rollup, cube or grouping sets on a stream")
        self.node = node
        self.operator_id = operator_id
        self.output_mode = output_mode
        self.conf = conf
        self.table = f"aggregate_{operator_id}"
        self.merged = f"temp.main.lightstream_merged_{operator_id}"
        self.own_delta = f"temp.main.lightstream_delta_{operator_id}"
        self.delta = (
            self.own_delta
        )  # where the batch's partial states are: there, or where they were read ahead
        self.keys = [f"k{i}" for i in range(len(node.keys))]
        self.partial, self.cores, self.finals = self._compile()

    def _compile(self) -> tuple[Compiled, list[_Core], list[str]]:
        compiler = Compiler(self.conf)
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
            for text, merge in zip(texts, parts.merges, strict=True):
                name = f"s{len(cores)}"
                if merge is None:
                    core = _Core(name, f"{text} EXPORT_STATE", f"combine_aggr({name})", f"finalize({name})")
                elif "{0}" in merge:
                    core = _Core(name, text, merge.format(name), name)
                else:
                    # The stored value comes before the batch's: that matters to first and last.
                    order = " ORDER BY touched" if merge in _ORDERED_MERGES else ""
                    core = _Core(name, text, f"{merge}({name}{order})", name)
                cores.append(core)
                values.append(core.value)
                items.append(f"{core.partial} AS {name}")
            # A merge may widen a type (the sum of counts is a HUGEINT): the result has the call's own.
            finals.append(f"CAST({parts.final.format(*values)} AS {duck_type(call.type)})")
        select = f"SELECT {', '.join([*items, 'TRUE AS touched'])} FROM {source.source}"
        if source.where:
            select += " WHERE " + " AND ".join(source.where)
        if key_texts:
            select += " GROUP BY " + ", ".join(key_texts)
        names = (*self.keys, *(core.name for core in cores), "touched")
        return Compiled(select, tuple(compiler.scans), names), cores, finals

    # ---- one batch --------------------------------------------------------------------------------------------

    @property
    def columns(self) -> str:
        """Return the state table's columns, keys first."""
        return ", ".join([*self.keys, *(core.name for core in self.cores)])

    def merge_sql(self, batch: str, state: str | None) -> str:
        """Return the SELECT that merges a batch's partial states with stored ones."""
        items = [
            *self.keys,
            *(f"{core.merge} AS {core.name}" for core in self.cores),
            "bool_or(touched) AS touched",
        ]
        rows = f"({batch})"
        if state is not None:
            rows = f"({batch} UNION ALL SELECT {self.columns}, FALSE AS touched FROM {state})"
        group = f" GROUP BY {', '.join(self.keys)}" if self.keys else ""
        return f"SELECT {', '.join(items)} FROM {rows}{group}"

    @property
    def rewrites_all(self) -> bool:
        """Return whether a batch merges with, and rewrites, the whole state: all of it comes out, or it is one row."""
        return self.output_mode == "complete" or not self.keys

    def stored(self, state: StateDatabase) -> str | None:
        """Return what of the state has to be merged: all of it, or the rows of the batch's keys."""
        if not state.has_table(self.table):
            return None
        table = state.table(self.table)
        if self.rewrites_all:
            return table
        same = " AND ".join(f"s.{key} IS NOT DISTINCT FROM d.{key}" for key in self.keys)
        return f"(SELECT s.* FROM {table} s SEMI JOIN {self.delta} d ON {same})"

    def output_plan(self) -> lp.TableScan:
        """Return the plan that stands for the aggregation in what is above it."""
        names = [f"c{i}" for i in range(len(self.node.output))]
        values = [*self.keys, *self.finals]
        items = ", ".join(f"{value} AS {quote(name)}" for value, name in zip(values, names, strict=True))
        touched = "" if self.output_mode == "complete" else " WHERE touched"
        return lp.TableScan(self.node.output, f"(SELECT {items} FROM {self.merged}{touched})", tuple(names))

    def commit_statements(self, state: StateDatabase) -> list[str]:
        """Return the statements that bring the batch's groups into the state."""
        table = state.table(self.table)
        insert = f"INSERT INTO {table} SELECT {self.columns} FROM {self.merged}"
        if not state.has_table(self.table):
            return [f"CREATE TABLE {table} AS SELECT {self.columns} FROM {self.merged}"]
        if self.rewrites_all:
            return [f"DELETE FROM {table}", insert]
        same = " AND ".join(f"s.{key} IS NOT DISTINCT FROM d.{key}" for key in self.keys)
        return [f"DELETE FROM {table} s USING {self.delta} d WHERE {same}", insert]

    def key_schema(self) -> object:
        """Return the grouping keys' types, as recorded with the state."""
        return [key.type.jsonValue() for key in self.node.output[: len(self.node.keys)]]

    def value_schema(self) -> object:
        """Return what the state columns hold, as recorded with the state."""
        calls = [a.child for a in self.node.aggregates]
        return [
            {"function": c.name, "type": c.type.jsonValue()} if isinstance(c, e.Call) else None for c in calls
        ]

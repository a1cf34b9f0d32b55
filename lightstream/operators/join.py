"""A join of two streams (Spark's symmetricHashJoin): each row meets those of the other side, before and after it."""

from __future__ import annotations

from typing import Any

from lightstream.analyze.stream_join import JoinCondition, folded, time_bound_ms
from lightstream.compile.compiler import Compiled, Compiler, compile_plan
from lightstream.conf import Conf
from lightstream.dataclass import dataclass
from lightstream.errors import AnalysisException
from lightstream.execute.natives import make_known
from lightstream.functions import registry
from lightstream.operators.batch import BatchRun, qualified
from lightstream.operators.joined import ArrivedRows, StoredRows
from lightstream.operators.state import StateDatabase
from lightstream.operators.stateful import (
    Changes,
    StatefulOperator,
    at_or_before,
    check_event_times,
    event_time,
)
from lightstream.plan import expressions as e
from lightstream.plan import logical as lp


@dataclass(slots=True)
class _Side:
    """One side of a join; `l` or `r` in statements."""

    letter: str
    plan: lp.LogicalPlan
    keys: tuple[e.Expression, ...]
    own: tuple[e.Expression, ...]  # conditions on this side alone
    is_outer: bool  # rows without a match come out
    arrived: str = ""
    numbered: bool = False  # rows are told apart, as it matters which have found a match
    attributes: tuple[e.Attribute, ...] = ()  # the columns that are kept
    key_names: tuple[str, ...] = ()
    time: e.Attribute | None = None
    stored: StoredRows | None = None
    evicts_at_ms: int | None = None
    reading: Compiled | None = None

    def name(self, attribute: e.Attribute) -> str:
        """Return a kept column's name."""
        return f"{self.letter}{self.attributes.index(attribute)}"

    @property
    def names(self) -> list[str]:
        """The names of all kept columns; a key that is a column is not kept twice."""
        own = [self.name(a) for a in self.attributes]
        return [*own, *(name for name in self.key_names if name not in own)]


class JoinOperator(StatefulOperator):
    """Joins each side's new rows with the other side's stored ones, and with its new ones.

    Rows that come too late are dropped. A row is stored until the watermark says that it can find no further match;
    when it leaves without having found one and its side is an outer one, it comes out, with nulls for the other side.
    A row that fails a condition on its own side is not stored: it comes out at once, or never. A left row of a semi
    join comes out at its first match, and is not stored any longer.
    """

    name = "symmetricHashJoin"

    def __init__(self, node: lp.Join, operator_id: int, conf: Conf) -> None:
        super().__init__(operator_id)
        self.node = node
        self._conf = conf
        self.condition = JoinCondition.of(node)
        self._others = [folded(condition) for condition in self.condition.others]
        kind = node.kind
        self._semi = kind == "leftsemi"
        keys = self.condition.keys
        left = _Side("l", node.left, tuple(k.left for k in keys), self.condition.left,
                     kind in ("leftouter", "fullouter"))  # fmt: skip
        right = _Side("r", node.right, tuple(k.right for k in keys), self.condition.right,
                      kind in ("rightouter", "fullouter"))  # fmt: skip
        self.sides = left, right
        for side in self.sides:
            side.arrived = f"lightstream_arrived_{operator_id}_{side.letter}"
            side.numbered = side.is_outer or (self._semi and side is left)
        self._marked = any(side.numbered for side in self.sides)
        self._pairs = f"lightstream_pairs_{operator_id}"
        self._joined = f"lightstream_joined_{operator_id}"
        names = tuple(f"c{i}" for i in range(len(node.output)))
        self.output = lp.TableScan(node.output, qualified(self._joined), names, streaming=True, asked=set())

    @property
    def readings(self) -> tuple[Compiled, ...]:
        """The statements that read the two sides."""
        return tuple(side.reading for side in self.sides if side.reading is not None)

    # ---- compilation --------------------------------------------------------------------------------------------

    def compile(self) -> None:
        """Compile the statements that read the two sides; when all that is above has been compiled."""
        used = set(self.output.asked)
        for key in self.condition.keys:
            used |= e.references(key.left) | e.references(key.right)
        for condition in self.condition.others:
            used |= e.references(condition)
        for side in self.sides:
            self._compile_side(side, used)
        columns = {a.id: f"{s.letter}.{s.name(a)}" for s in self.sides for a in s.attributes}
        compiler = Compiler(self._conf)
        # Spark: null keys are equal, of `=` too. They meet in full outer joins; in others they are left out before.
        equal = [
            f"l.{a} IS NOT DISTINCT FROM r.{b}"
            for a, b in zip(*(s.key_names for s in self.sides), strict=True)
        ]
        rest = [compiler.sql(condition, columns) for condition in self.condition.both]
        self._on = " AND ".join([*equal, *rest])
        self._result = {
            a.id: name
            for a, name in zip(self.node.output, self.output.source_names, strict=True)
            if a.id in self.output.asked
        }

    def _compile_side(self, side: _Side, used: set[int]) -> None:
        side.attributes = tuple(a for a in side.plan.output if a.id in used)
        side.time = event_time(side.attributes)
        items: list[e.Alias | e.Attribute] = list(side.attributes)
        names = []
        for position, key in enumerate(side.keys):
            if isinstance(key, e.Attribute):
                names.append(side.name(key))
            else:
                names.append(f"{side.letter}k{position}")
                items.append(e.Alias(key, (names[-1],), id=e.fresh_id()))
        side.key_names = tuple(names)
        own: e.Expression | None = None
        for condition in side.own:
            own = condition if own is None else registry.bind_call("and", (own, condition), self._conf)
        if own is not None:
            items.append(e.Alias(own, ("passes",), id=e.fresh_id()))
        compiled = compile_plan(lp.Project(side.plan, tuple(items)), self._conf)
        names = [*side.names, *(["passes"] if own is not None else [])]
        select = f"SELECT * FROM ({compiled.template}) AS arrived({', '.join(names)})"
        side.reading = Compiled(select, compiled.scans, tuple(names))

    # ---- watermarks ---------------------------------------------------------------------------------------------

    def _bound_ms(self, side: _Side, watermark_ms: int) -> int | None:
        """Return the event time up to which a side's stored rows find no match any more."""
        if self.condition.time_key is not None:
            return watermark_ms
        if side.time is None:
            return None
        other = self.sides[side is self.sides[0]]
        return time_bound_ms(self._others, side.attributes, other.attributes, watermark_ms)

    def _reached(self, side: _Side, watermark_ms: int) -> str | None:
        """Return the condition that a stored row of a side finds no match any more; None when there is no such."""
        bound_ms = self._bound_ms(side, watermark_ms)
        if bound_ms is None:
            return None
        key = self.condition.time_key
        if key is not None:
            return at_or_before(side.key_names[key], e.type_of(side.keys[key]), bound_ms)
        assert side.time is not None
        return at_or_before(side.name(side.time), side.time.type, bound_ms)

    def output_watermark_ms(self, input_ms: int) -> int:
        """Return the watermark of what comes out: no row that comes later has an event time before it."""
        bounds = [self._bound_ms(side, input_ms) for side in self.sides]
        return min([input_ms, *(bound for bound in bounds if bound is not None)])

    def wants_no_data_batch(self, next_watermark_ms: int, used_watermark_ms: int) -> bool:
        """Return whether stored rows may leave: when the watermark moves and tells anything about them."""
        moved = next_watermark_ms > used_watermark_ms
        return moved and any(self._bound_ms(side, next_watermark_ms) is not None for side in self.sides)

    # ---- one batch ----------------------------------------------------------------------------------------------

    def open(self, state: StateDatabase) -> None:
        """Compare the stored schemas and look at the stored rows.

        Raises:
            AnalysisException: there is no equality to find rows by, or a side has two event times.
        """
        if not self.condition.keys:
            raise AnalysisException(
                "_LEGACY_ERROR_TEMP_1181",
                "Stream-stream join without equality predicate is not supported.",
            )
        for side in self.sides:
            check_event_times(side.attributes, self._conf)
        keys = [e.type_of(key).jsonValue() for key in self.sides[0].keys]
        values: list[Any] = [
            {"columns": [a.type.jsonValue() for a in side.attributes], "marked": side.is_outer}
            for side in self.sides
        ]
        state.check_operator(self.operator_id, self.name, keys, values)
        for side in self.sides:
            side.stored = StoredRows(
                state,
                f"join_{self.operator_id}_{side.letter}",
                side.names,
                side.key_names,
                side.numbered,
            )
        make_known(state.cursor, self._on)

    @property
    def rows(self) -> int:
        """Return how many rows are stored, of both sides."""
        return sum(side.stored.rows for side in self.sides if side.stored is not None)

    def run(self, run: BatchRun) -> Changes:
        """Join a batch's rows with those that are stored."""
        changes = Changes()
        evicting = self.watermark_moved(run.batch)
        batch = [self._arrived(side, run, changes, evicting) for side in self.sides]
        if self._marked:
            found = run.statement(self._pairs, self._matches(run, batch))
            run.statement(self._joined, self._chosen(batch))
        else:
            found = run.statement(self._joined, self._matches(run, batch))
        changes.write = lambda: self._write(run, batch, changes, found > 0)
        return changes

    def _arrived(self, side: _Side, run: BatchRun, changes: Changes, evicting: bool) -> ArrivedRows:
        """Read a side's new rows."""
        assert side.reading is not None and side.stored is not None
        count = run.read(side.arrived, side.reading)
        late = "FALSE"
        if side.time is not None:
            late = at_or_before(side.name(side.time), side.time.type, run.batch.late_watermark_ms)
        in_time = f"({late}) IS NOT TRUE"
        kept = f"{in_time} AND passes" if side.own else in_time
        reached = self._reached(side, run.batch.watermark_ms)
        conditions = (late, f"{kept} AND ({reached or 'FALSE'})")
        counts = ", ".join(f"count(*) FILTER (WHERE {condition})" for condition in conditions)
        dropped, leaving = run.values(f"SELECT {counts} FROM {qualified(side.arrived)}")
        changes.dropped += dropped
        return ArrivedRows(
            run.place(qualified(side.arrived)),
            side.stored,
            side.names,
            side.key_names,
            kept,
            f"{in_time} AND passes IS NOT TRUE",
            reached,
            evicting,
            count,
            leaving,
        )

    def _matches(self, run: BatchRun, batch: list[ArrivedRows]) -> str:
        """Return the SELECT of all pairs: new rows with new ones, with stored ones, and stored ones with new ones."""
        sides = self.sides[:1] if self._semi else self.sides
        items = [
            f"{s.letter}.{s.name(a)}" + ("" if self._marked else f" AS {self._result[a.id]}")
            for s in sides
            for a in s.attributes
            if self._marked or a.id in self._result
        ]
        items += [f"{s.letter}.id AS {s.letter}id" for s in self.sides if s.numbered]
        text = ", ".join(items) or "1 AS one"
        left, right = (arrived.rows for arrived in batch)
        staying = right
        if self._semi and batch[1].leaving_count:
            # Spark stores the right side's new rows before it looks for those of the left, and not those that leave.
            staying = f"(SELECT * FROM {right} WHERE ({batch[1].reached}) IS NOT TRUE)"
        pairs = [(left, staying)]
        for side, arrived, other in zip(self.sides, batch, (right, left), strict=True):
            # Those whose keys may match are few: they are taken out first.
            met = f"{side.arrived}_met"
            listed = ", ".join((*arrived.columns, "id") if side.numbered else arrived.columns)
            found = arrived.stored.maybe_equal(other, listed)
            if found is not None and run.statement(met, found):
                pairs.append((qualified(met), right) if other is right else (left, qualified(met)))
        return " UNION ALL ".join(
            f"SELECT {text} FROM {one} l JOIN {other} r ON {self._on}" for one, other in pairs
        )

    def _chosen(self, batch: list[ArrivedRows]) -> str:
        """Return the SELECT of what comes out, where that is not just the pairs."""
        pairs = qualified(self._pairs)
        if self._semi:
            return f"SELECT DISTINCT ON (lid) {self._items(self.sides[0])} FROM {pairs}"
        parts = [f"SELECT {self._items(*self.sides)} FROM {pairs}"]
        for side, arrived in zip(self.sides, batch, strict=True):
            if not side.is_outer:
                continue
            items = self._items(side)
            if side.own:
                parts.append(f"SELECT {items} FROM {arrived.table} WHERE {arrived.failing}")
            leaving = arrived.leaving()
            if leaving is not None:
                parts.append(
                    f"SELECT {items} FROM ({leaving}) s ANTI JOIN {pairs} d ON s.id = d.{side.letter}id"
                )
        return " UNION ALL ".join(parts)

    def _items(self, *sides: _Side) -> str:
        """Return the select list of what comes out, with nulls for the columns of a side that is not there."""
        kept = {a.id: side.name(a) for side in sides for a in side.attributes}
        items = (f"{kept.get(i, 'NULL')} AS {name}" for i, name in self._result.items())
        return ", ".join(items) or "1 AS one"

    def _write(self, run: BatchRun, batch: list[ArrivedRows], changes: Changes, found: bool) -> None:
        for side, arrived in zip(self.sides, batch, strict=True):
            stored = arrived.stored
            ids = f"SELECT {side.letter}id FROM {qualified(self._pairs)}"
            if found and side.is_outer:
                stored.mark(f"SELECT DISTINCT {side.letter}id AS id FROM {qualified(self._pairs)}")
            elif found and side.numbered and stored.rows:
                changes.removed += stored.remove(ids)
            if stored.rows and arrived.evicting and arrived.reached is not None:
                changes.removed += stored.evict(arrived.reached)
            self._store(run, side, arrived, ids, changes)
            stored.fold()
            if side.numbered:
                stored.next_id += arrived.count

    def _store(self, run: BatchRun, side: _Side, arrived: ArrivedRows, ids: str, changes: Changes) -> None:
        """Store a side's new rows; those that leave at once are counted only.

        Spark: the right side does not store what leaves in the same batch, unless to let it come out without a match.
        """
        new = arrived.rows
        if self._semi and side.numbered:
            new = f"(SELECT * FROM {new} WHERE id NOT IN ({ids}))"
        remaining, gone = "", 0
        if arrived.leaving_count:
            leaving = f"SELECT count(*) FROM {new} WHERE {arrived.reached}"
            gone = run.value(leaving)
            remaining = f" WHERE ({arrived.reached}) IS NOT TRUE" if gone else ""
            if gone and side is self.sides[1]:
                gone = run.value(f"{leaving} AND id NOT IN ({ids})") if side.is_outer else 0
        added = arrived.stored.add(f"SELECT * FROM {new}{remaining}")
        changes.updated += added + gone
        changes.removed += gone

    def explain(self) -> dict[str, str]:
        """Return the statements by step."""
        left, right = (reading.shown() for reading in self.readings)
        return {"left rows": left, "right rows": right, "match": self._on}

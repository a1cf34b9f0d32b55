"""What the condition of a join of two streams says: its keys, and how long a stored row can still find a match."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lightstream.analyze.conjuncts import OPPOSITE, conjuncts
from lightstream.dataclass import dataclass
from lightstream.plan import expressions as e
from lightstream.plan import logical as lp
from lightstream.plan import types as t


@dataclass(frozen=True, slots=True)
class Key:
    """One equality of a left and a right expression; `null_safe` is `<=>`."""

    left: e.Expression
    right: e.Expression
    null_safe: bool


@dataclass(frozen=True, slots=True)
class JoinCondition:
    """A join's condition in its parts: `left` and `right` concern one side alone, `both` is the rest."""

    keys: tuple[Key, ...]
    left: tuple[e.Expression, ...]
    right: tuple[e.Expression, ...]
    both: tuple[e.Expression, ...]

    @classmethod
    def of(cls, join: lp.Join) -> JoinCondition:
        """Take the condition of a join apart."""
        ids = {a.id for a in join.left.output}, {a.id for a in join.right.output}
        keys: list[Key] = []
        parts: tuple[list[e.Expression], ...] = ([], [], [])
        for part in conjuncts(join.condition):
            key = _key(part, *ids)
            if key is not None:
                keys.append(key)
                continue
            used = e.references(part)
            parts[next((i for i in (0, 1) if used <= ids[i]), 2)].append(part)
        return cls(tuple(keys), *map(tuple, parts))

    @property
    def others(self) -> tuple[e.Expression, ...]:
        """All but the keys."""
        return (*self.left, *self.right, *self.both)

    @property
    def time_key(self) -> int | None:
        """Which of the keys is an event time: the first of the left side, else the first of the right."""
        for side in ("left", "right"):
            for position, key in enumerate(self.keys):
                expression = getattr(key, side)
                if not key.null_safe and is_event_time(expression):
                    return position
        return None


def _key(part: e.Expression, left: set[int], right: set[int]) -> Key | None:
    if not isinstance(part, e.Call) or part.name not in ("==", "<=>"):
        return None
    one, other = part.args
    ones, others = e.references(one), e.references(other)
    if not ones or not others:
        return None
    if ones <= left and others <= right:
        return Key(one, other, part.name == "<=>")
    if ones <= right and others <= left:
        return Key(other, one, part.name == "<=>")
    return None


def is_event_time(expression: e.Expression) -> bool:
    """Return whether an expression is a column with a watermark."""
    return isinstance(expression, e.Attribute) and lp.DELAY_MARK in (expression.metadata or {})


# ---- watermarks of stored rows --------------------------------------------------------------------------------


def time_bound_ms(
    conditions: Iterable[e.Expression],
    stored: Sequence[e.Attribute],
    other: Sequence[e.Attribute],
    watermark_ms: int,
) -> int | None:
    """Return the event time up to which stored rows of one side find no match any more; None when there is no such.

    A condition `other.time + c1 < stored.time + c2` says it, when `other.time` has a watermark.

    Spark: the smallest of several, solved in doubles; of a BETWEEN that was not taken apart only the first bound.
    """
    if not any(map(is_event_time, other)):
        return None
    bounds = []
    for condition in conditions:
        bound = _bound_ms(condition, stored, other, watermark_ms)
        if bound is not None:
            bounds.append(bound)
    return min(bounds, default=None)


def _bound_ms(
    condition: e.Expression, stored: Sequence[e.Attribute], other: Sequence[e.Attribute], watermark_ms: int
) -> int | None:
    if not isinstance(condition, e.Call):
        return None
    if condition.name == "between":
        first, second = condition.args[3].children
        found = _bound_ms(first, stored, other, watermark_ms)
        return found if found is not None else _bound_ms(second, stored, other, watermark_ms)
    if condition.name not in OPPOSITE:
        return None
    low, high = condition.args if condition.name in ("<", "<=") else reversed(condition.args)
    bound = _solved_ms(low, high, stored, other, watermark_ms)
    # Rows at the bound are removed as well: those of `<=` can still match.
    return bound if bound is None or condition.name in ("<", ">") else bound - 1


def _solved_ms(
    low: e.Expression,
    high: e.Expression,
    stored: Sequence[e.Attribute],
    other: Sequence[e.Attribute],
    watermark_ms: int,
) -> int | None:
    """Return the watermark of `stored.time` in `low < high`, with the watermark in the place of the other time."""
    stored_ids, other_ids = {a.id for a in stored}, {a.id for a in other}
    terms: list[tuple[e.Expression, int]] = []
    if not (_collect(low, 1, terms) and _collect(high, -1, terms)):
        return None
    columns = {term.id for term, _ in terms if isinstance(term, e.Attribute)}
    wanted = [sign for term, sign in terms if isinstance(term, e.Attribute) and term.id in stored_ids]
    # One column of each side, and the stored one on the greater side.
    if len(columns & other_ids) > 1 or wanted != [-1] or len(terms) == 1:
        return None
    total_us = 0.0
    for term, sign in terms:
        if isinstance(term, e.Attribute):
            if term.id in stored_ids:
                continue
            if not is_event_time(term):
                return None
            total_us += sign * watermark_ms * 1000.0
        else:
            micros = _micros(term)
            if micros is None:
                return None
            total_us += sign * micros
    return int(total_us / 1000.0)


def _collect(expression: e.Expression, sign: int, terms: list[tuple[e.Expression, int]]) -> bool:
    """Split sums and differences into columns and constants with their signs; False when there is anything else."""
    match expression:
        case e.Attribute() | e.Literal():
            terms.append((expression, sign))
            return True
        case e.Cast(type=t.NumericType() | t.TimestampType()):
            return _collect(expression.child, sign, terms)
        case e.Call(name="negative"):
            return _collect(expression.args[0], -sign, terms)
        case e.Call(name="+" | "-") if not _is_difference_of_times(expression):
            one, other = expression.args
            return _collect(one, sign, terms) and _collect(
                other, sign if expression.name == "+" else -sign, terms
            )
    return False


def folded(expression: e.Expression) -> e.Expression:
    """Return an expression with products of constant intervals worked out, as Spark's optimizer does."""

    def fold(node: e.Expression) -> e.Expression:
        match node:
            case e.Call(
                name="*", type=t.DayTimeIntervalType(), args=(e.Literal() as one, e.Literal() as other)
            ):
                if isinstance(one.value, int) and isinstance(other.value, int):
                    return e.Literal(one.value * other.value, node.type)
        return node

    return expression.transform_up(fold)


def _is_difference_of_times(call: e.Call) -> bool:
    return isinstance(call.type, t.DayTimeIntervalType) and not isinstance(
        e.type_of(call.args[0]), t.DayTimeIntervalType
    )


def _micros(term: e.Expression) -> float | None:
    """Return a constant in microseconds: an interval without months, or a number of seconds."""
    if not isinstance(term, e.Literal) or term.value is None:
        return None
    match term.type:
        case t.DayTimeIntervalType():
            return float(term.value)
        case t.CalendarIntervalType():
            months, days, us = term.value
            return None if months else days * 86_400_000_000.0 + us
        case t.NumericType():
            return float(term.value) * 1_000_000.0
    return None

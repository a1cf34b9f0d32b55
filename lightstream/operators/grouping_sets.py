"""Rollup, cube and grouping sets of a stream: each row is counted once for each set, as in Spark."""

from __future__ import annotations

from dataclasses import replace

from lightstream.conf import Conf
from lightstream.errors import unsupported
from lightstream.functions import registry
from lightstream.plan import expressions as e
from lightstream.plan import logical as lp
from lightstream.plan import types as t


def without_grouping_sets(node: lp.LogicalPlan) -> lp.LogicalPlan:
    """Return an aggregation of a stream by grouping sets as one by plain keys, the number of the set among them.

    Raises:
        UnsupportedOperationException: a set stands twice.
    """
    if not (isinstance(node, lp.Aggregate) and node.grouping_sets and node.is_streaming):
        return node
    assert node.grouping_id is not None
    keys = node.output[: len(node.keys)]
    if len({frozenset(positions) for positions in node.grouping_sets}) < len(node.grouping_sets):
        raise unsupported("A grouping set that stands twice, on a stream")
    # What a key is computed from stays as it is for aggregates: keys have columns of their own.
    own = tuple(
        replace(key, id=e.fresh_id())
        if isinstance(key, e.Alias)
        else e.Alias(key, (key.name,), id=e.fresh_id())
        for key in node.keys
    )
    bits = [1 << (len(own) - 1 - position) for position in range(len(own))]
    numbers = tuple(
        e.Literal(sum(bit for i, bit in enumerate(bits) if i not in positions), t.LongType())
        for positions in node.grouping_sets
    )
    number = replace(node.grouping_id, id=e.fresh_id())
    rows = lp.Project(node.child, (*node.child.output, *own))
    rows_by_set = lp.Expand(rows, registry.bind_call("array", numbers, Conf()), number)
    grouped = tuple(
        e.Alias(_unless(number, bit, mine.to_attribute()), (key.name,), key.metadata, key.id)
        for key, mine, bit in zip(keys, own, bits, strict=True)
    )
    number_key = e.Alias(number, (number.name,), id=node.grouping_id.id)
    counted = lp.Aggregate(rows_by_set, (*grouped, number_key), node.aggregates)
    found = counted.output
    width = len(keys)
    return lp.Project(counted, (*found[:width], *found[width + 1 :], found[width]))


def _unless(number: e.Attribute, bit: int, key: e.Attribute) -> e.Expression:
    """Return a key where the set has it, else NULL."""
    zero = e.Literal(0, t.LongType())
    has = registry.bind_call(
        "==", (registry.bind_call("&", (number, e.Literal(bit, t.LongType())), Conf()), zero), Conf()
    )
    return registry.bind_call("if", (has, key, e.Literal(None, key.type)), Conf())

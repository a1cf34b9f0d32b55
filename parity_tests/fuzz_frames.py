"""A drawn query as calls of the DataFrame API: the same calls on either engine."""

from __future__ import annotations

import functools
import inspect
import re
from typing import Any

from fuzz_drawing import Node, Query

_CALL = re.compile(r"(\w+)\($")
_OPERATORS: dict[str, Any] = {
    " + ": lambda a, b: a + b, " - ": lambda a, b: a - b, " * ": lambda a, b: a * b, " / ": lambda a, b: a / b,
    " % ": lambda a, b: a % b, " = ": lambda a, b: a == b, " == ": lambda a, b: a == b, " <> ": lambda a, b: a != b,
    " < ": lambda a, b: a < b, " <= ": lambda a, b: a <= b, " > ": lambda a, b: a > b, " >= ": lambda a, b: a >= b,
    " <=> ": lambda a, b: a.eqNullSafe(b), " and ": lambda a, b: a & b, " or ": lambda a, b: a | b,
    " & ": lambda a, b: a.bitwiseAND(b), " | ": lambda a, b: a.bitwiseOR(b), " ^ ": lambda a, b: a.bitwiseXOR(b),
}  # fmt: skip
_METHODS: dict[tuple[str, ...], Any] = {
    ("(", " is null)"): lambda a: a.isNull(), ("(", " is not null)"): lambda a: a.isNotNull(),
    ("(not ", ")"): lambda a: ~a, ("(- ", ")"): lambda a: -a, ("", ".s"): lambda a: a.getField("s"),
    ("cast(", " as string)"): lambda a: a.cast("string"), ("cast(", " as int)"): lambda a: a.cast("int"),
    ("cast(", " as double)"): lambda a: a.cast("double"), ("try_cast(", " as int)"): lambda a: a.try_cast("int"),
    ("(", " between ", " and ", ")"): lambda a, b, c: a.between(b, c),
    ("(", " in (", ", ", "))"): lambda a, b, c: a.isin(b, c),
    ("", "[", "]"): lambda a, b: a[b],
}  # fmt: skip


@functools.cache
def _takes_columns(name: str, count: int) -> bool:
    """Tell whether pyspark's function takes so many columns, and nothing else."""
    import pyspark.sql.functions

    function = getattr(pyspark.sql.functions, name, None)
    if function is None or name in ("expr", "lit", "col", "column"):
        return False
    parameters = list(inspect.signature(function).parameters.values())
    if len(parameters) == 1 and parameters[0].kind is parameters[0].VAR_POSITIONAL:
        return "ColumnOrName" in str(parameters[0].annotation) and count > 0
    if not all(p.kind is p.POSITIONAL_OR_KEYWORD for p in parameters) or count > len(parameters):
        return False
    needed = sum(p.default is p.empty for p in parameters)
    return needed <= count and all("ColumnOrName" in str(p.annotation) for p in parameters[:count])


def column(node: Node, functions: Any) -> Any:
    """Return an expression as a Column: by operators, methods and functions where there are some, as SQL elsewhere."""
    children = node.children
    texts = tuple(piece for piece in node.pieces if isinstance(piece, str))
    if (
        len(children) == 2
        and len(texts) == 3
        and texts[0] == "("
        and texts[2] == ")"
        and texts[1] in _OPERATORS
    ):
        return _OPERATORS[texts[1]](*(column(child, functions) for child in children))
    shape = texts if isinstance(node.pieces[0], str) else ("", *texts)
    if children and shape in _METHODS and len(children) == len(shape) - 1:
        return _METHODS[shape](*(column(child, functions) for child in children))
    call = _CALL.match(texts[0]) if texts else None
    if (
        call
        and texts[-1] == ")"
        and set(texts[1:-1]) <= {", "}
        and len(children) == len(texts) - 1
        and _takes_columns(call[1], len(children))
    ):
        return getattr(functions, call[1])(*(column(child, functions) for child in children))
    if not children and re.fullmatch(r"[a-z]\w*", node.sql) and node.sql not in ("true", "false", "null"):
        return functions.col(node.sql)
    return functions.expr(node.sql)


def frame_of(query: Query, session: Any, functions: Any) -> Any:
    """Return a query as a DataFrame."""
    frame = session.table("t") if query.nested is None else frame_of(query.nested, session, functions)
    frame = frame.alias("t")
    if query.join is not None:
        how, condition = query.join
        on = None if condition is None else column(condition, functions)
        frame = frame.join(session.table("u").alias("u"), on, how.replace(" ", "_"))
    if query.lateral is not None:
        call, _, names = query.lateral.sql.removeprefix("outer ").rpartition(" l as ")
        frame = frame.select("*", functions.expr(call).alias(*names.split(", ")))
    if query.where is not None:
        frame = frame.filter(column(query.where, functions))
    items = [
        column(node, functions).alias(alias) if alias else column(node, functions)
        for node, alias in query.items
    ]
    if query.group is None:
        frame = frame.select(*items)
    else:
        keys = [column(node, functions) for node in query.group]
        calls = items[len(keys) :] or [functions.count("*")]
        how = {"": frame.groupBy, "rollup": frame.rollup, "cube": frame.cube, "sets": frame.rollup}[
            query.grouping
        ]
        frame = how(*keys).agg(*calls)
    if query.distinct:
        frame = frame.distinct()
    if query.set_operation is not None:
        name, other = query.set_operation
        method = {
            "union": lambda a, b: a.union(b).distinct(), "union all": lambda a, b: a.unionAll(b),
            "intersect": lambda a, b: a.intersect(b), "except": lambda a, b: a.subtract(b),
            "intersect all": lambda a, b: a.intersectAll(b), "except all": lambda a, b: a.exceptAll(b),
        }[name]  # fmt: skip
        frame = method(frame, frame_of(other, session, functions))
    if query.ordered:
        frame = frame.orderBy(*(_order(text, frame, functions) for text in query.ordered))
    return frame if query.limit is None else frame.limit(query.limit)


def _order(text: str, frame: Any, functions: Any) -> Any:
    position, _, direction = text.partition(" ")
    if not position.isdigit():
        return functions.expr(text.removesuffix(" desc nulls first")).desc_nulls_first()
    key = functions.col(f"`{frame.columns[int(position) - 1].replace('`', '``')}`")
    return {"": key.asc, "desc": key.desc, "nulls last": key.asc_nulls_last}[direction]()

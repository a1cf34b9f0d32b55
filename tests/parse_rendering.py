"""What the parser returns, as short text: expressions in the notation of Spark's own parser, relations as trees."""

from __future__ import annotations

from dataclasses import MISSING, fields, replace
from decimal import Decimal
from typing import Any

from lightstream.plan import expressions as e
from lightstream.plan import relations as r
from lightstream.plan import types as t

_BETWEEN_OPERANDS = {
    "+": "+", "-": "-", "*": "*", "/": "/", "%": "%", "div": "div", "==": "=", "<": "<", "<=": "<=", ">": ">",
    ">=": ">=", "<=>": "<=>", "and": "AND", "or": "OR", "&": "&", "|": "|", "^": "^", "<<": "<<", ">>": ">>",
    ">>>": ">>>",
}  # fmt: skip
_DAY_TIME = (("DAY", 86_400_000_000), ("HOUR", 3_600_000_000), ("MINUTE", 60_000_000), ("SECOND", 1_000_000))


def render(node: e.Expression) -> str:
    """Return an expression as Spark's `parseExpression(text).toString` shows it."""
    if isinstance(node, e.Literal):
        return _literal(node)
    if isinstance(node, e.UnresolvedAttribute):
        return "'" + ".".join(part if part.replace("_", "").isalnum() else f"`{part}`" for part in node.parts)
    if isinstance(node, e.AllColumns):
        return "ALL"
    if isinstance(node, e.UnresolvedStar):
        excluded = ", ".join(".".join(parts) for parts in node.excluded)
        return ".".join((*node.target, "*")) + (f" EXCEPT ({excluded})" if excluded else "")
    if isinstance(node, e.UnresolvedOrdinal):
        return f"#{node.position}"
    if isinstance(node, e.LambdaVariable):
        return f"lambda '{node.name}"
    if isinstance(node, e.LambdaFunction):
        return f"lambdafunction({render(node.body)}, {_all(node.parameters)}, false)"
    if isinstance(node, e.Alias):
        names = node.name if len(node.names) == 1 else f"({', '.join(node.names)})"
        return f"{render(node.child)} AS {names}"
    if isinstance(node, e.UnresolvedExtractValue):
        return f"{render(node.child)}[{render(node.extraction)}]"
    if isinstance(node, e.Cast):
        prefix = "try_" if node.mode == "try" else ""
        return f"{prefix}cast({render(node.child)} as {node.type.simpleString()})"
    if isinstance(node, e.SortOrder):
        direction = "ASC" if node.ascending else "DESC"
        return f"{render(node.child)} {direction} NULLS {'FIRST' if node.nulls_first else 'LAST'}"
    if isinstance(node, e.WindowExpression):
        return _window(node)
    if isinstance(node, e.SubqueryExpression):
        shown = "; ".join(outline(node.plan))
        if node.kind == "in":
            values = ", ".join(map(render, node.values))
            return f"{values} IN [{shown}]" if len(node.values) == 1 else f"({values}) IN [{shown}]"
        return f"{node.kind} [{shown}]"
    assert isinstance(node, e.UnresolvedFunction), node
    return _function(node)


def _function(node: e.UnresolvedFunction) -> str:
    name, args = "struct" if node.name == "(,)" else node.name, [render(arg) for arg in node.args]
    if name in _BETWEEN_OPERANDS and len(args) == 2:
        return f"({args[0]} {_BETWEEN_OPERANDS[name]} {args[1]})"
    if name == "not":
        return f"NOT {args[0]}"
    if name in ("(-)", "~"):
        return f"{'-' if name == '(-)' else '~'}{args[0]}"
    if name in ("positive", "concat", "isnull", "isnotnull"):
        return f"{name}({', '.join(args)})"
    if name == "like":
        return f"{args[0]} LIKE {args[1]}" + (f" ESCAPE '{args[2]}'" if len(args) > 2 else "")
    if name == "ilike":
        return f"ilike({args[0]}, {args[1]}, {args[2] if len(args) > 2 else chr(92)})"
    if name == "rlike":
        return f"RLIKE({', '.join(args)})"
    if name == "in":
        return f"{args[0]} IN ({','.join(args[1:])})"
    if name == "when":
        pairs = "".join(f" WHEN {a} THEN {b}" for a, b in zip(args[::2], args[1::2], strict=False))
        return f"CASE{pairs}{f' ELSE {args[-1]}' if len(args) % 2 else ''} END"
    if name == "count" and args == ["*"]:
        args = ["1"]
    args += [f"{key} => {render(value)}" for key, value in node.named]
    args += [render(node.filter)] if node.filter is not None else []
    args += [render(order) for order in node.order_by]
    nulls = {True: " IGNORE NULLS", False: " RESPECT NULLS", None: ""}[node.ignore_nulls]
    return f"'{name}({'distinct ' if node.distinct else ''}{', '.join(args)}){nulls}"


def _window(node: e.WindowExpression) -> str:
    parts = [*map(render, node.partition_by), *map(render, node.order_by)]
    frame = node.frame
    if frame is None:
        parts.append("unspecifiedframe$()")
    else:
        lower, upper = _boundary(frame.lower, "preceding"), _boundary(frame.upper, "following")
        kind = "RowFrame" if frame.kind == "rows" else "RangeFrame"
        parts.append(f"specifiedwindowframe({kind}, {lower}, {upper})")
    return f"{render(node.function)} windowspecdefinition({', '.join(parts)})"


def _boundary(boundary: e.FrameBoundary, side: str) -> str:
    if boundary.offset is None:
        return f"unbounded{side}$()"
    if isinstance(boundary.offset, int):
        return "currentrow$()"
    offset = boundary.offset
    if boundary.preceding:
        if isinstance(offset, e.Literal) and isinstance(offset.type, t.NumericType | t.AnsiIntervalType):
            return render(replace(offset, value=-offset.value))
        offset = e.UnresolvedFunction("(-)", (offset,))
    return render(offset)


def _all(nodes: Any) -> str:
    return ", ".join(map(render, nodes))


def _literal(node: e.Literal) -> str:
    value, data_type = node.value, node.type
    if value is None:
        return "null"
    if isinstance(data_type, t.BooleanType):
        return str(value).lower()
    if isinstance(data_type, t.BinaryType):
        return "0x" + value.hex().upper()
    if isinstance(data_type, t.YearMonthIntervalType):
        sign, months = "-" if value < 0 else "", abs(value)
        if data_type.startField != data_type.endField:
            return f"INTERVAL '{sign}{months // 12}-{months % 12}' YEAR TO MONTH"
        amount = f"{months // 12}' YEAR" if data_type.startField == 0 else f"{months}' MONTH"
        return f"INTERVAL '{sign}{amount}"
    if isinstance(data_type, t.DayTimeIntervalType):
        return _day_time(value, data_type)
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _day_time(value: int, data_type: t.DayTimeIntervalType) -> str:
    first, last = data_type.startField, data_type.endField
    text, rest = "", abs(value)
    for field in range(first, last + 1):
        amount, rest = divmod(rest, _DAY_TIME[field][1])
        separator = "" if field == first else " " if field == 1 else ":"
        text += separator + (str(amount) if field == 0 else f"{amount:02}")
    if last == 3 and rest:
        text += f".{rest:06}".rstrip("0")
    unit = _DAY_TIME[first][0] + ("" if first == last else f" TO {_DAY_TIME[last][0]}")
    return f"INTERVAL '{'-' if value < 0 else ''}{text}' {unit}"


def outline(relation: Any) -> list[str]:
    """Return a relation as indented lines, each `Class field=value ...` without the fields that have defaults."""
    lines: list[str] = []
    _outline(relation, 0, lines)
    return lines


def _outline(relation: Any, depth: int, lines: list[str]) -> None:
    parts, inputs = [], []
    for item in fields(relation):
        value = getattr(relation, item.name)
        if isinstance(value, r.Relation):
            inputs.append(value)
        elif item.name == "tables" and isinstance(relation, r.With):
            for name, query, columns in value:
                parts.append(name + (f"({', '.join(columns)})" if columns else ""))
                inputs.append(query)
        elif not _is_default(item, value):
            parts.append(f"{item.name}={_shown(value)}")
    lines.append("  " * depth + " ".join([type(relation).__name__, *parts]))
    for one in inputs:
        _outline(one, depth + 1, lines)


def _is_default(item: Any, value: Any) -> bool:
    if item.default is not MISSING:
        return bool(value == item.default)
    return value is None or value == () or value == {}


def _shown(value: Any) -> str:
    if isinstance(value, e.Expression):
        return render(value)
    if isinstance(value, r.UnpivotGroup):
        named = f" AS {value.name}" if value.name else ""
        return "(" + ", ".join(map(render, value.columns)) + f"){named}"
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_shown, value)) + "]"
    return str(value)

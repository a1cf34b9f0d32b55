"""How a column prints: `Column<'>(a, 1)'>`, the notation of Spark's own column nodes."""

from __future__ import annotations

import datetime
from typing import Any

from lightstream.plan import expressions as e
from lightstream.plan import types as t

# Operators that print under another name than the plan has for them.
_NAMES = {"==": "=", "not": "!"}


def text_of(expression: e.Expression) -> str:
    """Return the text of an expression as written, before resolution."""
    match expression:
        case e.UnresolvedAttribute(parts):
            return ".".join(parts)
        case e.Attribute():
            return expression.name
        case e.UnresolvedStar(target):
            return ".".join((*target, "*"))
        case e.Literal(value, data_type):
            return _literal(value, data_type)
        case e.LazyExpression(child):
            return text_of(child)
        case e.Alias(child, names):
            shown = names[0] if len(names) == 1 else f"({', '.join(names)})"
            return f"{text_of(child)} AS {shown}"
        case e.Cast(child, data_type, mode):
            return f"{'TRY_CAST' if mode == 'try' else 'CAST'}({text_of(child)} AS {data_type.sql()})"
        case e.SortOrder(child, ascending, nulls_first):
            return f"{text_of(child)} {'ASC' if ascending else 'DESC'} NULLS {'FIRST' if nulls_first else 'LAST'}"
        case e.UnresolvedFunction():
            return _function(expression)
        case e.UnresolvedExtractValue(child, key):
            return f"{text_of(child)}[{text_of(key)}]"
        case e.LambdaFunction(body, parameters):
            return f"({', '.join(p.name for p in parameters)}) -> {text_of(body)}"
        case e.LambdaVariable():
            return expression.name
        case e.WindowExpression():
            return _window(expression)
        case e.UnresolvedRegex():
            return "unresolvedregex()"
        case e.SubqueryExpression():
            return f"{expression.kind}(subquery)"
    from lightstream.analyze.naming import shown as resolved_text

    return resolved_text(expression)


def _function(call: e.UnresolvedFunction) -> str:
    args = [text_of(argument) for argument in call.args]
    if call.name == "when":
        branches = "".join(
            f" WHEN {condition} THEN {value}" for condition, value in zip(args[::2], args[1::2], strict=False)
        )
        default = f" ELSE {args[-1]}" if len(args) % 2 else ""
        return f"CASE{branches}{default} END"
    if call.name == "(field)" and isinstance(call.args[1], e.Literal):
        args[1] = str(call.args[1].value)
        return f"{'update' if len(args) > 2 else 'drop'}_field({', '.join(args)})"
    return f"{_NAMES.get(call.name, call.name)}({', '.join(args)})"


def _window(window: e.WindowExpression) -> str:
    parts = []
    if window.partition_by:
        parts.append(f"PARTITION BY {', '.join(map(text_of, window.partition_by))}")
    if window.order_by:
        parts.append(f"ORDER BY {', '.join(map(text_of, window.order_by))}")
    if window.frame is not None:
        lower = _boundary(window.frame.lower, "PRECEDING")
        upper = _boundary(window.frame.upper, "FOLLOWING")
        parts.append(f"{window.frame.kind.upper()} BETWEEN {lower} AND {upper}")
    return f"{text_of(window.function)} OVER ({' '.join(parts)})"


def _boundary(boundary: e.FrameBoundary, unbounded: str) -> str:
    offset = boundary.offset
    if offset is None:
        return f"UNBOUNDED {unbounded}"
    return text_of(offset) if isinstance(offset, e.Expression) else "CURRENT ROW"


def _literal(value: Any, data_type: t.DataType) -> str:
    if value is None:
        return "NULL"
    if isinstance(data_type, t.StringType):
        escaped = str(value).replace("'", "\\'")
        return f"'{escaped}'"
    if isinstance(data_type, t.LongType):
        return f"{value}L"
    if isinstance(data_type, t.DateType) and isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(data_type, t.TimestampType | t.TimestampNTZType):
        local = datetime.datetime.fromtimestamp(value // 1_000_000)
        fraction = f"{value % 1_000_000:06}".rstrip("0") or "0"
        return f"{local:%Y-%m-%d %H:%M:%S}.{fraction}"
    if isinstance(data_type, t.TimeType):
        from lightstream.execute.show import time_text

        return time_text(value)
    from lightstream.plan.literal_texts import literal_text

    return literal_text(value, data_type)

"""How Spark prints an expression as a column name: `sum((a + 1))`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lightstream.plan import expressions as e
from lightstream.plan import types as t
from lightstream.plan.literal_texts import shown_literal
from lightstream.plan.logical import LogicalPlan, expressions


def shown(expression: e.Expression) -> str:
    """Return the text of a resolved (or unresolved) expression as Spark names its column.

    Spark: casts that the analyser put in, and those to nested types, do not show; column names come without their
    qualifier.
    """
    match expression:
        case e.Attribute():
            return expression.name
        case e.OuterReference():
            return f"outer({'.'.join((*expression.qualifier, expression.name))})"
        case e.Literal():
            return shown_literal(expression)
        case e.Alias():
            return shown(expression.child)
        case e.Cast():
            if expression.implicit or isinstance(expression.type, t.ArrayType | t.MapType | t.StructType):
                return shown(expression.child)
            word = "TRY_CAST" if expression.mode == "try" else "CAST"
            return f"{word}({shown(expression.child)} AS {expression.type.sql()})"
        case e.GetField():
            return f"{shown(expression.child)}.{expression.name}"
        case e.Call():
            return _call(expression)
        case e.SortOrder():
            direction = "ASC" if expression.ascending else "DESC"
            nulls = "FIRST" if expression.nulls_first else "LAST"
            return f"{shown(expression.child)} {direction} NULLS {nulls}"
        case e.WindowExpression():
            return _window(expression)
        case e.LambdaVariable():
            return "namedlambdavariable()"
        case e.LambdaFunction():
            return f"lambdafunction({', '.join(map(shown, (expression.body, *expression.parameters)))})"
        case e.SubqueryExpression(kind="scalar"):
            return f"scalarsubquery({_outer(expression)})"
        case e.SubqueryExpression(kind="in"):
            return f"({_row(expression.values)} IN (listquery({_outer(expression)})))"
        case e.SubqueryExpression():
            return f"exists({_outer(expression)})"
        case e.PythonUdf():
            from lightstream.analyze.argument_names import argument_text

            over = [argument for argument in expression.args if isinstance(argument, e.WindowExpression)]
            if expression.aggregates and over:  # it stands outside the windows of its lists
                given = [shown(argument.function) for argument in over]
                window = shown(over[0]).removeprefix(shown(over[0].function))
            else:
                given, window = list(map(argument_text, expression.args)), ""
            by_place = len(given) - len(expression.keywords)
            named = map("{} => {}".format, expression.keywords, given[by_place:])
            return f"{expression.name}({', '.join((*given[:by_place], *named))}){window}"
        case e.UnresolvedAttribute():
            return ".".join(expression.parts)
        case e.UnresolvedFunction():
            return f"{expression.name}({', '.join(map(shown, expression.args))})"
        case e.UnresolvedExtractValue():
            return f"{shown(expression.child)}[{shown(expression.extraction)}]"
        case e.UnresolvedStar():
            return ".".join((*expression.target, "*"))
    return type(expression).__name__


def _outer(subquery: e.SubqueryExpression) -> str:
    """Return the columns of the enclosing query, each as often and in the order in which the subquery has them."""
    if not isinstance(subquery.plan, LogicalPlan):
        return ", ".join(attribute.name for attribute in subquery.outer)
    nodes = (node for expression in expressions(subquery.plan) for node in expression.walk())
    return ", ".join(node.name for node in nodes if isinstance(node, e.OuterReference))


def _call(call: e.Call) -> str:
    from lightstream.functions import registry

    text = registry.shown(call, [shown(argument) for argument in call.args])
    entry = registry.lookup(call.name)
    if call.order_by and entry is not None and not entry.extra.get("within_group"):
        text += f" WITHIN GROUP (ORDER BY {', '.join(map(shown, call.order_by))})"
    if call.filter is not None:
        text += f" FILTER (WHERE {shown(call.filter)})"
    return text


def _window(window: e.WindowExpression) -> str:
    parts = []
    if window.partition_by:
        parts.append("PARTITION BY " + ", ".join(map(shown, window.partition_by)))
    if window.order_by:
        parts.append("ORDER BY " + ", ".join(map(shown, window.order_by)))
    frame = window.frame
    fixed = _fixed_frame(window.function) if frame is None else None
    if fixed is not None:
        kind, lower, upper = fixed
    elif frame is None:
        kind, lower, upper = "ROWS", "UNBOUNDED PRECEDING", "UNBOUNDED FOLLOWING"
        if window.order_by:
            kind, upper = "RANGE", "CURRENT ROW"
    else:
        kind = frame.kind.upper()
        lower = _boundary(frame.lower, "PRECEDING")
        upper = _boundary(frame.upper, "FOLLOWING")
    parts.append(f"{kind} BETWEEN {lower} AND {upper}")
    return f"{shown(window.function)} OVER ({' '.join(parts)})"


def _fixed_frame(function: e.Expression) -> tuple[str, str, str] | None:
    """Return the frame that Spark gives to ranks, and to lag and lead, and prints."""
    from lightstream.functions import registry

    entry = registry.lookup(function.name) if isinstance(function, e.Call) else None
    found = entry.extra.get("frame") if entry is not None else None
    if found == "rows":
        return "ROWS", "UNBOUNDED PRECEDING", "CURRENT ROW"
    if found == "offset" and isinstance(function, e.Call):
        offset = function.args[1] if len(function.args) > 1 else e.Literal(1, t.IntegerType())
        rows = whole_constant(offset)
        if rows is None:
            place = f"{'-' if function.name == 'lag' else ''}{shown(offset)}"
        else:
            place = str(-rows if function.name == "lag" else rows)
        return "ROWS", f"{place} FOLLOWING", f"{place} FOLLOWING"
    return None


def _row(values: Sequence[e.Expression]) -> str:
    """Return the value, or the values as Spark makes a struct of them, that IN looks for in a query."""
    if len(values) == 1:
        return shown(values[0])
    fields = []
    for place, value in enumerate(values):
        bare = value.child if isinstance(value, e.Cast) and value.implicit else value
        match bare:
            case e.Attribute() | e.GetField():
                name = shown(bare)
            case e.Literal(None) | e.Literal(type=t.StringType() | t.NumericType()):
                name = shown(bare)
            case _:
                name = f"_{place}"
        fields.append(f"'{name}', {shown(value)}")
    return f"named_struct({', '.join(fields)})"


def whole_constant(expression: e.Expression) -> int | None:
    """Return the value of a constant whole number, sums and products of them included."""
    if isinstance(expression, e.Literal):
        return expression.value if isinstance(expression.value, int) else None
    if not isinstance(expression, e.Call):
        return None
    values = [whole_constant(argument) for argument in expression.args]
    match expression.name, values:
        case "negative", [int(one)]:
            return -one
        case "+", [int(one), int(other)]:
            return one + other
        case "-", [int(one), int(other)]:
            return one - other
        case "*", [int(one), int(other)]:
            return one * other
    return None


def _boundary(boundary: e.FrameBoundary, unbounded: str) -> str:
    if boundary.text:
        return boundary.text
    return f"UNBOUNDED {unbounded}" if boundary.offset is None else "CURRENT ROW"


def trim_alias(expression: e.Expression) -> e.Expression:
    """Return what an Alias names: below the top of a select item names mean nothing."""
    while isinstance(expression, e.Alias):
        expression = expression.child
    return expression


def name_item(expression: e.Expression) -> e.Alias | e.Attribute:
    """Return a resolved item with the name that Spark gives it."""
    if isinstance(expression, e.Attribute):
        return expression
    if isinstance(expression, e.Alias):
        return replace(expression, id=expression.id or e.fresh_id())
    if isinstance(expression, e.OuterReference):
        return e.Alias(expression, (expression.name,), id=e.fresh_id())
    if isinstance(expression, e.Cast) and not expression.implicit:
        name = _part_name(expression.child)
        if name is not None:
            return e.Alias(expression, (name,), id=e.fresh_id())
    return e.Alias(expression, (shown(expression),), id=e.fresh_id())


def _part_name(expression: e.Expression) -> str | None:
    """Return the name of a column, or of a part of a variant, which Spark keeps for what it is cast to."""
    if isinstance(expression, e.Attribute):
        return expression.name
    if isinstance(expression, e.Call) and expression.name == "(extract)":
        from lightstream.functions.variant_paths import last_name

        return last_name(shown(expression.args[1]))
    return None

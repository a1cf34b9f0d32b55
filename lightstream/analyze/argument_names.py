"""How Spark prints the arguments of a Python function in a column's name: `f(cast(a as string), NOT b)`.

Spark prints them by another routine than other expressions: constants come without their type's word, operators
and functions as the JVM's classes write themselves, some with settings that no query gives.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lightstream.analyze.naming import shown
from lightstream.plan import expressions as e
from lightstream.plan import types as t
from lightstream.plan.literal_texts import literal_text

_FORMS: dict[str, Callable[..., str]] = {
    "not": "NOT {}".format,
    "negative": "-{}".format,
    "positive": "positive({})".format,
    "isnull": "isnull({})".format,
    "isnotnull": "isnotnull({})".format,
    "in": lambda value, *found: f"{value} IN ({','.join(found)})",
    "if": "if ({}) {} else {}".format,
    "size": "size({}, false)".format,
    "hash": lambda *values: f"hash({', '.join(values)}, 42)",
}


def argument_text(argument: e.Expression) -> str:
    """Return the text of an argument."""
    match argument:
        case e.Alias():
            return f"{argument_text(argument.child)} AS {argument.name}"
        case e.Cast() if not argument.implicit:
            word = "try_cast" if argument.mode == "try" else "cast"
            return f"{word}({argument_text(argument.child)} as {argument.type.simpleString()})"
        case e.Literal(label=None):
            return _constant(argument)
        case e.Call(order_by=(), filter=None):
            return _call(argument)
    return shown(argument)


def _constant(literal: e.Literal) -> str:
    if literal.value is not None and isinstance(literal.type, t.BinaryType):
        return f"0x{bytes(literal.value).hex().upper()}"
    if literal.local is not None:
        return literal.local
    text = literal_text(literal.value, literal.type)
    if (
        isinstance(literal.type, t.DateType | t.TimestampType | t.TimestampNTZType)
        and literal.value is not None
    ):
        return text.split("'")[1]
    return text


def _call(call: e.Call) -> str:
    from lightstream.functions import registry

    texts = list(map(argument_text, call.args))
    if call.name == "struct":
        return f"struct({', '.join(_fields(call.args, texts))})"
    form = _FORMS.get(call.name)
    return registry.shown(call, texts) if form is None else form(*texts)


def _fields(values: Sequence[e.Expression], texts: Sequence[str]) -> list[str]:
    """Return names and values of a struct, one after the other, as Spark keeps them."""
    found = []
    for place, (value, text) in enumerate(zip(values, texts, strict=True), 1):
        named = isinstance(value, e.Attribute | e.Alias | e.GetField)
        found += [value.name if named else f"col{place}", text]  # type: ignore[attr-defined]
    return found

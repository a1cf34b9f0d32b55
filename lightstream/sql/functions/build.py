"""Building a function from its line in the table."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from lightstream.dataclass import dataclass
from lightstream.errors import PySparkTypeError
from lightstream.plan.expressions import Expression, UnresolvedFunction
from lightstream.sql.arguments import not_expected
from lightstream.sql.column import Column, column_expression, spread, to_expression
from lightstream.sql.literals import literal

_LINE = re.compile(r"(\w+)\((.*?)\)(?: -> (\S+))?$")
_PARAMETER = re.compile(r"(\*?)(\w+)([!#%]?)(\[\])?(?:=([^?]*))?(?:\?(.*))?$")
_NOTHING = object()


@dataclass(frozen=True, slots=True)
class _Parameter:
    name: str
    convert: Callable[[Any], Expression]
    variadic: bool
    takes_list: bool
    default: Any
    instead_of_none: Any


def build(line: str) -> Callable[..., Column]:
    """Return the function that a line of the table describes."""
    match = _LINE.match(line)
    assert match is not None, line
    name = match[1]
    target, _, distinct = (match[3] or name).partition("!")
    parameters = [_parameter(text) for text in re.split(r", (?=[a-zA-Z*])", match[2])] if match[2] else []
    signature = _signature(parameters)

    def call(*args: Any, **kwargs: Any) -> Column:
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{name}() {error}") from None
        bound.apply_defaults()
        return Column(
            UnresolvedFunction(target, _arguments(name, parameters, bound.arguments), bool(distinct))
        )

    call.__name__ = call.__qualname__ = name
    call.__module__ = "lightstream.sql.functions"
    call.__doc__ = f"Return a call of the Spark SQL function `{target}` as a column."
    call.__signature__ = signature  # type: ignore[attr-defined]
    return call


def _arguments(name: str, parameters: list[_Parameter], given: dict[str, Any]) -> tuple[Expression, ...]:
    result: list[Expression] = []
    missing = ""
    for parameter in parameters:
        value = given[parameter.name]
        if parameter.variadic:
            if parameter.takes_list and len(value) == 1 and isinstance(value[0], list | tuple | set):
                value = value[0]
            result.extend(part for v in value for part in spread(parameter.convert(v)))
            continue
        if value is None and parameter.default is None:
            if parameter.instead_of_none is _NOTHING:
                missing = missing or parameter.name
                continue
            value = parameter.instead_of_none
            result.append(literal(value))
            continue
        if missing:
            raise PySparkTypeError(
                "ARGUMENT_REQUIRED",
                f"Argument `{missing}` of {name} is required when `{parameter.name}` is given.",
                parameters={"arg_name": missing, "condition": f"`{parameter.name}` is given"},
            )
        result.extend(spread(parameter.convert(value)))
    return tuple(result)


def _parameter(text: str) -> _Parameter:
    match = _PARAMETER.match(text)
    assert match is not None, text
    star, name, mark, brackets, default, instead = match.groups()
    return _Parameter(
        name,
        _CONVERTERS[mark],
        bool(star),
        bool(brackets),
        inspect.Parameter.empty if default is None else ast.literal_eval(default),
        _NOTHING if instead is None else Decimal(0) if instead == "D0" else ast.literal_eval(instead),
    )


def _signature(parameters: list[_Parameter]) -> inspect.Signature:
    return inspect.Signature(
        [
            inspect.Parameter(
                p.name,
                inspect.Parameter.VAR_POSITIONAL if p.variadic else inspect.Parameter.POSITIONAL_OR_KEYWORD,
                default=inspect.Parameter.empty if p.variadic else p.default,
            )
            for p in parameters
        ]
    )


def _number_or_column(value: Any) -> Expression:
    if isinstance(value, int | float):
        return literal(value)
    if isinstance(value, Column | str):
        return column_expression(value)
    raise not_expected("col", "Column, int or str", value)


def _constant_or_list(value: Any) -> Expression:
    return literal(list(value)) if isinstance(value, tuple) else to_expression(value)


_CONVERTERS: dict[str, Callable[[Any], Expression]] = {
    "": column_expression,
    "!": to_expression,
    "#": _number_or_column,
    "%": _constant_or_list,
}

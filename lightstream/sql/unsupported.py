"""What pyspark has and lightstream has not (yet): classes and methods that exist and say so."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from lightstream.errors import unsupported

C = TypeVar("C", bound=type)


def refused_class(name: str, hint: str = "") -> type:
    """Return a class that cannot be made."""

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        raise unsupported(name, hint)

    return type(name, (), {"__init__": __init__, "__doc__": f"Refused: {name} is not supported."})


def refuses(shown: str, **methods: str) -> Callable[[C], C]:
    """Return a class decorator that adds methods which raise LIGHTSTREAM_UNSUPPORTED.

    Args:
        shown: the class's name in messages.
        methods: for each method its parameters as in pyspark (`"func, schema, barrier=False"`), or `"property"`.
    """

    def decorate(cls: C) -> C:
        for name, parameters in methods.items():
            made: Any = _refused_function(f"{shown}.{name}", name, parameters)
            if parameters == "property":
                made = property(made)
            setattr(cls, name, made)
        return cls

    return decorate


def _refused_function(what: str, name: str, parameters: str) -> Callable[..., Any]:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        raise unsupported(what)

    method.__name__ = name
    method.__qualname__ = what
    method.__doc__ = "Refused: not supported."
    if parameters != "property":
        method.__signature__ = _signature(parameters)  # type: ignore[attr-defined]
    return method


def _signature(parameters: str) -> inspect.Signature:
    kind: Any = inspect.Parameter.POSITIONAL_OR_KEYWORD
    result = [inspect.Parameter("self", kind)]
    for text in filter(None, parameters.split(", ")):
        name, _, default = text.partition("=")
        if name == "*":
            kind = inspect.Parameter.KEYWORD_ONLY
            continue
        if name.startswith("**"):
            result.append(inspect.Parameter(name[2:], inspect.Parameter.VAR_KEYWORD))
        elif name.startswith("*"):
            result.append(inspect.Parameter(name[1:], inspect.Parameter.VAR_POSITIONAL))
            kind = inspect.Parameter.KEYWORD_ONLY
        else:
            result.append(inspect.Parameter(name, kind, default=_DEFAULTS.get(default, default)))
    return inspect.Signature(result)


_DEFAULTS: dict[str, Any] = {
    "": inspect.Parameter.empty, "None": None, "True": True, "False": False, "1": 1, "-1": -1, "''": "",
    "'index'": "index", "'inner'": "inner",
}  # fmt: skip

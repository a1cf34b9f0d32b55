"""The kind of a vectorized Python function, by the annotations of its parameters and result."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterator
from typing import Any

from lightstream.errors import PySparkNotImplementedError, PySparkValueError

_COLUMNS = {"pandas": ("Series", "DataFrame"), "pyarrow": ("Array",), "polars": ("Series",)}


def is_annotated(func: Callable[..., Any]) -> bool:
    """Return whether a function takes something and has any annotation."""
    try:
        signature = inspect.signature(func)
    except (TypeError, ValueError):  # some that are built in do not tell
        return False
    found = [*(p.annotation for p in signature.parameters.values()), signature.return_annotation]
    return len(found) > 1 and any(hint is not inspect.Signature.empty for hint in found)


def kind_of(func: Callable[..., Any], kinds: Any, module: str) -> int:
    """Return the kind of a function of pandas' series (`module` "pandas") or of Arrow's arrays ("pyarrow").

    Args:
        func: The user's function.
        kinds: The class that names the kinds: SCALAR, SCALAR_ITER, GROUPED_AGG, GROUPED_AGG_ITER.
        module: The package whose classes stand for columns; also "polars" for its Series.

    Raises:
        PySparkValueError: TYPE_HINT_SHOULD_BE_SPECIFIED, for some parameters or the result only.
        PySparkNotImplementedError: UNSUPPORTED_SIGNATURE, other annotations.
    """
    signature = inspect.signature(func)
    hints = _hints(func)
    given = [hints.get(p.name, p.annotation) for p in signature.parameters.values()]
    result = hints.get("return", signature.return_annotation)
    if all(hint is inspect.Signature.empty for hint in (*given, result)):
        return int(kinds.SCALAR)
    for found, target in ((given, "all parameters"), ([result], "the return type")):
        if inspect.Signature.empty in found:
            raise PySparkValueError(
                "TYPE_HINT_SHOULD_BE_SPECIFIED",
                f"Type hints for {target} should be specified; however, got {signature}.",
                parameters={"target": target, "sig": str(signature)},
            )

    def is_class(hint: Any) -> bool:
        name = getattr(hint, "__module__", "") or ""
        return name.partition(".")[0] == module and getattr(hint, "__name__", "") in _COLUMNS[module]

    def is_column(hint: Any) -> bool:
        either = typing.get_origin(hint) is typing.Union  # not A | B: PySpark does not know it
        return all(map(is_class, typing.get_args(hint))) if either else is_class(hint)

    def is_column_or_tuple(hint: Any) -> bool:
        if typing.get_origin(hint) is tuple:
            return all(part is ... or is_column(part) for part in typing.get_args(hint))
        return is_column(hint)

    def is_iterator(hint: Any, of: Callable[[Any], bool]) -> bool:
        return typing.get_origin(hint) is Iterator and all(map(of, typing.get_args(hint)))

    is_value = not is_class(result) and typing.get_origin(result) not in (Iterator, tuple)
    if all(map(is_column, given)) and (is_class(result) or is_value):
        return int(kinds.GROUPED_AGG if is_value else kinds.SCALAR)
    if len(given) == 1 and is_iterator(given[0], is_column_or_tuple):
        if is_iterator(result, is_class):
            return int(kinds.SCALAR_ITER)
        if is_value:
            return int(kinds.GROUPED_AGG_ITER)
    raise PySparkNotImplementedError(
        "UNSUPPORTED_SIGNATURE",
        f"Unsupported signature: {signature}.",
        parameters={"signature": str(signature)},
    )


def takes_iterator(func: Callable[..., Any]) -> bool:
    """Return whether a function over groups takes and gives an iterator of frames, with the key before it or not."""
    hints = _hints(func)
    names = [*inspect.signature(func).parameters]
    if not set(names) <= hints.keys() or not 1 <= len(names) <= 2:
        return False
    return all(
        typing.get_origin(hint) is Iterator
        and [getattr(of, "__name__", "") for of in typing.get_args(hint)] in (["DataFrame"], ["RecordBatch"])
        for hint in (hints[names[-1]], hints.get("return"))
    )


def _hints(func: Callable[..., Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(
            func if hasattr(func, "__annotations__") else func.__call__  # type: ignore[operator]
        )
    except (NameError, TypeError, AttributeError):
        return {}

"""Python functions in SQL: each is registered in the database once for each list of argument types."""

from __future__ import annotations

import inspect
import itertools
import json
import threading
import traceback
from typing import TYPE_CHECKING, Any

from lightstream.errors import PythonException
from lightstream.functions.spelling import ERROR_MARK, duck_type
from lightstream.plan import types as t

if TYPE_CHECKING:
    from lightstream.database.connection import Database
    from lightstream.plan.expressions import PythonUdf

_lock = threading.Lock()
_numbers = itertools.count(1)


def sql_name(database: Database, udf: PythonUdf, arguments: tuple[t.DataType, ...]) -> str:
    """Return the SQL name of a Python function for arguments of these types; it is registered when it is new."""
    kinds = tuple(duck_type(kind) for kind in arguments)
    # The function is part of the key, so that its identity is not given to another one.
    key = (udf.function, kinds, repr(arguments), repr(udf.type), udf.deterministic)
    with _lock:
        known = database.python_functions.get(key)
        if known is not None:
            return known[0]
        name = f"lightstream_python_{next(_numbers)}"
        # DuckDB does not keep the Python function alive: the cursor that it was registered on does.
        database.python_functions[key] = (name, _register(database, name, udf, arguments, kinds))
    return name


def _register(
    database: Database, name: str, udf: PythonUdf, arguments: tuple[t.DataType, ...], kinds: tuple[str, ...]
) -> object:
    def run(*columns: Any) -> Any:
        try:
            return udf.function(arguments, columns if arguments else (), len(columns[0]))
        except Exception as error:
            raise ValueError(_told(error)) from None

    # DuckDB counts the parameters.
    kind = inspect.Parameter.POSITIONAL_ONLY
    places = [inspect.Parameter(f"c{i}", kind) for i in range(len(kinds) or 1)]
    run.__signature__ = inspect.Signature(places)  # type: ignore[attr-defined]
    cursor: Any = database.cursor()
    cursor.create_function(
        name,
        run,
        list(kinds) or ["INTEGER"],
        duck_type(udf.type),
        type="arrow",
        null_handling="special",
        side_effects=not udf.deterministic,
    )
    return cursor, run


def python_exception(error: Exception) -> PythonException:
    """Return Spark's error for what a user's function raised."""
    return PythonException("PYTHON_EXCEPTION", _message(error), sqlstate="38000")


def _told(error: Exception) -> str:
    """Return the text by which the error comes out of DuckDB as Spark's PythonException."""
    payload = {
        "condition": "PYTHON_EXCEPTION",
        "message": _message(error).replace("{}", "{ }"),
        "sqlstate": "38000",
        "kind": "PythonException",
    }
    return ERROR_MARK + json.dumps(payload)


def _message(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    # What lightstream does before the user's function is called is of no interest.
    while len(frames) > 1 and "/lightstream/" in frames[0].filename.replace("\\", "/"):
        del frames[0]
    lines = "".join([*traceback.format_list(frames), *traceback.format_exception_only(error)])
    return f"An exception was thrown from the Python worker:\nTraceback (most recent call last):\n{lines}"

"""Database files that are whole or not there: DuckDB itself leaves half a header when it is stopped as it makes one."""

from __future__ import annotations

import contextlib
import itertools
import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from lightstream.atomic import publish, temporary_path
from lightstream.functions.spelling import text_sql

if TYPE_CHECKING:
    import duckdb


_DETACHING_S = 10
_ATTEMPTS = 5
_numbers = itertools.count(1)


def ensure_database(path: str, make: Callable[[str], object]) -> None:
    """Let an empty database be at `path` if nothing is; `make` opens and closes a database at the path it is given.

    Raises:
        duckdb.Error: it cannot be made.
    """
    import duckdb

    real = os.path.realpath(path)
    temporary = temporary_path(*os.path.split(real))
    if not os.path.exists(real):
        try:
            _make(temporary, make)
            with contextlib.suppress(FileExistsError, FileNotFoundError):  # another process made it just now
                publish(temporary, real)
        except duckdb.Error as error:
            _forget(temporary)
            raise type(error)(str(error).replace(temporary, real)) from None
        except OSError as error:
            _forget(temporary)
            raise duckdb.IOException(f"IO Error: {error}") from None
    _forget(temporary)


def attach(cursor: duckdb.DuckDBPyConnection, path: str, alias: str) -> None:
    """Attach a database if it is not, also where it was detached a moment ago.

    A database that was detached stays open until the statements of other cursors end that had already seen it (any
    look at the catalogue sees all databases).

    Raises:
        duckdb.Error: it cannot be attached, or is attached by another name.
    """
    import duckdb

    deadline = time.monotonic() + _DETACHING_S
    while True:
        try:
            cursor.execute(f"ATTACH IF NOT EXISTS {text_sql(path)} AS {alias}")
            return
        except duckdb.Error as error:
            if "file handle conflict" not in str(error) or time.monotonic() >= deadline:
                raise
        time.sleep(0.01)


def attach_once(cursor: duckdb.DuckDBPyConnection, path: str) -> None:
    """Attach a database and detach it."""
    # A statement of another cursor that looks at the catalogue twice must not meet two databases of one name.
    alias = f"lightstream_made_{next(_numbers)}"
    cursor.execute(f"ATTACH {text_sql(path)} AS {alias}")
    cursor.execute(f"DETACH {alias}")


def _make(temporary: str, make: Callable[[str], object]) -> None:
    import duckdb

    for left in reversed(range(_ATTEMPTS)):
        try:
            make(temporary)
            return
        except duckdb.Error as error:
            # A process may have left it that was stopped in the middle of this, or a statement of another cursor may
            # look at it, so that it cannot be closed.
            locked = "lock" in str(error).lower() and "Detached database" not in str(error)
            if locked or not left or not os.path.exists(temporary):
                raise
            os.unlink(temporary)


def _forget(temporary: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(temporary)

"""Database files that are whole or not there: DuckDB itself leaves half a header when it is stopped as it makes one."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from lightstream.atomic import publish, temporary_path
from lightstream.functions.spelling import text_sql

if TYPE_CHECKING:
    import duckdb


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
            try:
                make(temporary)
            except duckdb.Error as error:
                if "lock" in str(error).lower() or not os.path.exists(temporary):
                    raise
                # What a process left that was stopped in the middle of this.
                os.unlink(temporary)
                make(temporary)
            with contextlib.suppress(FileExistsError, FileNotFoundError):  # another process made it just now
                publish(temporary, real)
        except duckdb.Error as error:
            _forget(temporary)
            raise type(error)(str(error).replace(temporary, real)) from None
        except OSError as error:
            _forget(temporary)
            raise duckdb.IOException(f"IO Error: {error}") from None
    _forget(temporary)


def attach_once(cursor: duckdb.DuckDBPyConnection, path: str, alias: str) -> None:
    """Attach a database and detach it."""
    cursor.execute(f"ATTACH {text_sql(path)} AS {alias}")
    cursor.execute(f"DETACH {alias}")


def _forget(temporary: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(temporary)

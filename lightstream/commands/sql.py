"""`lightstream sql`: the door for SQL users."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Generator
from contextlib import closing
from enum import StrEnum
from typing import TYPE_CHECKING

from lightstream.conf import local_time_zone
from lightstream.database import peer
from lightstream.database.reading import Message, Style, answer
from lightstream.errors import PySparkException
from lightstream.run import INTERRUPTED, OK, USAGE

if TYPE_CHECKING:
    import duckdb

# A process that has just opened the file may not listen yet, and one that writes to it now and then gives it back.
_PATIENCE_SECONDS = 3.0
_PAUSE_SECONDS = 0.05


class Format(StrEnum):
    """How rows are printed."""

    table = "table"
    csv = "csv"
    json = "json"


def run(database: str, statement: str | None, form: Format, limit: int) -> int:
    """Print the results of SQL statements; return the exit code."""
    if statement is None or statement == "-":
        if sys.stdin.isatty():
            print('lightstream sql: what is the statement? lightstream sql DB "select ..."', file=sys.stderr)
            return USAGE
        statement = sys.stdin.read()
    from lightstream.commands.printing import printer

    try:
        with closing(read(database, statement, "json" if form is Format.json else "text")) as messages:
            printer(form.value, limit).print_all(messages)
        sys.stdout.flush()
    except BrokenPipeError:  # `... | head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        return INTERRUPTED
    return OK


def read(database: str, sql: str, style: Style) -> Generator[Message, None, None]:
    """Run statements on a database file, or have them run by the process that has it open.

    Gives the messages of `lightstream.database.reading.answer`.

    Raises:
        PySparkException: LIGHTSTREAM_DATABASE_NOT_FOUND, LIGHTSTREAM_DATABASE_LOCKED when a process holds it that does
            not answer, LIGHTSTREAM_DATABASE_UNUSABLE, or the statement fails.
    """
    if not os.path.isfile(database):
        raise PySparkException(
            "LIGHTSTREAM_DATABASE_NOT_FOUND", f"There is no database file {database}. Check the path."
        )
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            yield from peer.ask(database, sql, style, local_time_zone())
            return
        except peer.Unanswered:
            pass
        connection = _open(database, last=time.monotonic() >= deadline)
        if connection is not None:
            with closing(connection), closing(answer(connection, sql, style, local_time_zone())) as messages:
                yield from messages
            return
        time.sleep(_PAUSE_SECONDS)


def _open(database: str, last: bool) -> duckdb.DuckDBPyConnection | None:
    import duckdb

    try:
        return duckdb.connect(database, read_only=True)
    except duckdb.Error as error:
        text = str(error)
        if "Could not set lock" not in text:
            raise PySparkException(
                "LIGHTSTREAM_DATABASE_UNUSABLE", f"The database {database} cannot be opened: {text.strip()}"
            ) from None
        if not last:
            return None
        holder = re.search(r"held in (.+?) \(PID (\d+)\)", text)
        who = f"process {holder[2]} ({holder[1]})" if holder else "another process"
        raise PySparkException(
            "LIGHTSTREAM_DATABASE_LOCKED",
            f"The database {database} is held by {who}, and no lightstream program of yours answers for it. "
            "Stop that process, or query the database there.",
        ) from None

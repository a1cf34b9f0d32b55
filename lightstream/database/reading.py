"""Statements that only read, for people who query a database with SQL, and their results as text.

A result is a sequence of plain messages, so that it can be printed at once or sent to another process
(`lightstream.database.peer`): for each statement `{"columns": [[name, type], ...]}`, then any number of
`{"rows": [[text, ...], ...]}`. DuckDB itself writes the values, so no type loses anything on the way.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any, Literal

from lightstream.errors import PySparkException

if TYPE_CHECKING:
    import duckdb

Style = Literal["text", "json"]
Message = dict[str, Any]

_READS = ("SELECT", "EXPLAIN", "MULTI")  # MULTI is what DuckDB makes of PIVOT; two statements are two entries
_ROWS_A_MESSAGE = 1000


def answer(
    cursor: duckdb.DuckDBPyConnection, sql: str, style: Style = "text", time_zone: str | None = None
) -> Generator[Message, None, None]:
    """Run statements that only read, in one read-only transaction, and give their results message by message.

    Args:
        cursor: a cursor of its own; it is left without a transaction.
        sql: one or more statements.
        style: how each value is written: as DuckDB prints it, or as JSON.
        time_zone: the zone in which timestamps are printed; DuckDB's setting without it.

    Raises:
        PySparkException: LIGHTSTREAM_SQL_NOT_READING for a statement that could write, LIGHTSTREAM_SQL_FAILED with
            DuckDB's words for one that fails.
    """
    import duckdb

    try:
        statements = duckdb.extract_statements(sql)
    except duckdb.Error as error:
        raise _failed(error) from None
    for statement in statements:
        if statement.type.name not in _READS:
            raise _not_reading(statement.type.name)
    try:
        # A misspelt table must not find a Python variable of that name.
        cursor.execute("SET python_enable_replacements = false")
        if time_zone is not None:
            cursor.execute("SET TimeZone = '" + time_zone.replace("'", "''") + "'")
        cursor.execute("BEGIN TRANSACTION READ ONLY")
        try:
            for statement in statements:
                yield from _run(cursor, statement.query, statement.type.name, style)
        finally:
            cursor.execute("ROLLBACK")
    except duckdb.Error as error:
        raise _failed(error) from None


def _run(cursor: duckdb.DuckDBPyConnection, query: str, kind: str, style: Style) -> Iterator[Message]:
    import duckdb

    if kind == "EXPLAIN":
        cursor.execute(query)
        yield {"columns": [[column[0], str(column[1])] for column in cursor.description or ()]}
        yield from _rows(cursor)
        return
    try:
        relation = cursor.sql(query)
    except (duckdb.BinderException, duckdb.CatalogException):
        cursor.execute(query)  # fails again, and this error points into the text
        raise
    yield {"columns": [[n, str(t)] for n, t in zip(relation.columns, relation.types, strict=True)]}
    aliases = [f"c{i}" for i in range(len(relation.columns))]  # names may occur twice
    write = "CAST({} AS VARCHAR)" if style == "text" else "CAST(to_json({}) AS VARCHAR)"
    columns = ", ".join(write.format(alias) for alias in aliases)
    cursor.execute(f"SELECT {columns} FROM (\n{_without_end(query)}\n) AS t({', '.join(aliases)})")
    yield from _rows(cursor)


def _without_end(query: str) -> str:
    """Return a statement without the semicolons that end it, and without the comments after those."""
    import duckdb

    text = query.encode()  # tokens have byte offsets
    for start, kind in reversed(duckdb.tokenize(query)):
        if kind != duckdb.token_type.comment and text[start : start + 1] != b";":
            break
        text = text[:start]
    return text.decode()


def _rows(cursor: duckdb.DuckDBPyConnection) -> Iterator[Message]:
    while rows := cursor.fetchmany(_ROWS_A_MESSAGE):
        yield {"rows": rows}


def _failed(error: Exception) -> PySparkException:
    return PySparkException("LIGHTSTREAM_SQL_FAILED", str(error).strip())


def _not_reading(kind: str) -> PySparkException:
    return PySparkException(
        "LIGHTSTREAM_SQL_NOT_READING",
        f"{kind} is not a statement that only reads. This door takes SELECT, FROM, WITH, VALUES, DESCRIBE, SHOW, "
        "SUMMARIZE, PIVOT and EXPLAIN; a program writes, with toTable or writeStream.",
    )

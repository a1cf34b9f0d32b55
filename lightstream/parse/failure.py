"""Errors of SQL text, with the place in the text as Spark shows it."""

from __future__ import annotations

from lightstream.errors import ParseException


def syntax_error(sql: str, at: int, near: str, hint: str = "") -> ParseException:
    """Return PARSE_SYNTAX_ERROR at a position; an empty `near` means the end of the text.

    Spark: the hint names a superfluous or missing token where its parser finds one. Ours knows fewer of them.
    """
    shown = f"'{near}'" if near else "end of input"
    return ParseException(
        "PARSE_SYNTAX_ERROR",
        f"Syntax error at or near {shown}{hint}.",
        sqlstate="42601",
        parameters={"error": shown, "hint": hint},
        context=_pointer(sql, at),
    )


def empty_statement(sql: str) -> ParseException:
    """Return PARSE_EMPTY_STATEMENT."""
    return ParseException(
        "PARSE_EMPTY_STATEMENT",
        "Syntax error, unexpected empty statement.",
        sqlstate="42617",
        context=_pointer(sql, len(sql)),
    )


def located(
    sql: str,
    start: int,
    end: int,
    condition: str,
    message: str,
    sqlstate: str | None = None,
    parameters: dict[str, str] | None = None,
) -> ParseException:
    """Return an error about the fragment `sql[start:end]`, underlined as Spark underlines it."""
    line_start = sql.rfind("\n", 0, start) + 1
    lines = []
    at = line_start
    while True:
        line_end = sql.find("\n", at)
        line_end = len(sql) if line_end < 0 else line_end
        first, last = max(start, at), min(end, line_end)
        lines.append(sql[at:line_end])
        lines.append(" " * (first - at) + "^" * max(last - first, 1))
        if line_end >= end:
            break
        at = line_end + 1
    number = sql.count("\n", 0, start) + 1
    block = "\n".join(lines)
    return ParseException(
        condition,
        message,
        sqlstate=sqlstate,
        parameters=parameters,
        context=f"\n== SQL (line {number}, position {start - line_start + 1}) ==\n{block}",
    )


def _pointer(sql: str, at: int) -> str:
    line_start = sql.rfind("\n", 0, at) + 1
    line_end = sql.find("\n", at)
    number = sql.count("\n", 0, at) + 1
    column = at - line_start
    before = sql if line_end < 0 else sql[:line_end]
    after = "" if line_end < 0 else sql[line_end:]
    return f" (line {number}, pos {column})\n\n== SQL ==\n{before}\n{'-' * column}^^^{after}"

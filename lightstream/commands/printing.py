"""Results on the terminal, in a pipe, as CSV and as JSON lines."""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, Protocol, TextIO

from lightstream.database.reading import Message

Row = tuple[str | None, ...]

_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
_NUMBERS = {"DECIMAL", "DOUBLE", "FLOAT", *_INTEGERS, *("U" + name for name in _INTEGERS)}


class Printer(Protocol):
    """Prints the results of statements."""

    def print_all(self, messages: Iterable[Message]) -> None:
        """Print the messages of `lightstream.database.reading.answer`."""


def printer(form: str, limit: int) -> Printer:
    """Return the printer of a format; for people on a terminal a table is drawn with rich."""
    if form == "csv":
        return _Csv(sys.stdout)
    if form == "json":
        return _Json(sys.stdout)
    return (_RichTable if sys.stdout.isatty() else _PlainTable)(sys.stdout, limit)


def results(messages: Iterable[Message]) -> Iterator[tuple[list[tuple[str, str]], Iterator[Row]]]:
    """Group messages by statement: columns (name, type), and the rows as they come.

    Each statement's rows have to be taken, or left, before the next one.
    """
    waiting = iter(messages)
    head: Message | None = next(waiting, None)
    while head is not None:
        following: list[Message] = []

        def rows(following: list[Message] = following) -> Iterator[Row]:
            for message in waiting:
                if "columns" in message:
                    following.append(message)
                    return
                yield from map(tuple, message["rows"])

        stream = rows()
        yield [(name, kind) for name, kind in head["columns"]], stream
        for _ in stream:
            pass
        head = following[0] if following else None


class _Csv:
    def __init__(self, out: TextIO) -> None:
        self._out = out

    def print_all(self, messages: Iterable[Message]) -> None:
        for columns, rows in results(messages):
            self._write(name for name, _ in columns)
            for row in rows:
                self._write(row)

    def _write(self, cells: Iterable[str | None]) -> None:
        self._out.write(",".join(map(_csv_cell, cells)) + "\n")


def _csv_cell(text: str | None) -> str:
    # NULL is nothing between two commas, an empty text is "", so that a reader can tell them apart.
    if text is None:
        return ""
    if not text or any(c in text for c in ',"\r\n') or text != text.strip():
        return '"' + text.replace('"', '""') + '"'
    return text


class _Json:
    def __init__(self, out: TextIO) -> None:
        self._out = out

    def print_all(self, messages: Iterable[Message]) -> None:
        for columns, rows in results(messages):
            keys = [json.dumps(name, ensure_ascii=False) for name in distinct(name for name, _ in columns)]
            for row in rows:
                # The values are JSON already, written by DuckDB.
                cells = (f"{key}:{_json_value(value)}" for key, value in zip(keys, row, strict=True))
                self._out.write("{" + ",".join(cells) + "}\n")


def _json_value(text: str | None) -> str:
    if text is None:
        return "null"
    if "NaN" not in text and "Infinity" not in text:
        return text
    # Python reads these three, JSON does not have them: they become text.
    return json.dumps(json.loads(text, parse_constant=str), ensure_ascii=False, separators=(",", ":"))


class _PlainTable:
    """A table as `show()` draws it: names and numbers to the right, text to the left."""

    def __init__(self, out: TextIO, limit: int) -> None:
        self._out = out
        self._limit = limit

    def print_all(self, messages: Iterable[Message]) -> None:
        for columns, rows in results(messages):
            if is_plan(columns):
                print_plan(self._out, rows)
                continue
            shown, more = first_rows(rows, self._limit)
            cells = [[_shown(value) for value in row] for row in shown]
            widths = [
                max(map(_width, chain([name], (row[i] for row in cells))))
                for i, (name, _) in enumerate(columns)
            ]
            line = "+" + "+".join("-" * (width + 2) for width in widths) + "+\n"
            right = [is_number(kind) for _, kind in columns]
            self._out.write(line)
            self._write([_shown(name) for name, _ in columns], widths, right)
            self._out.write(line)
            for row in cells:
                self._write(row, widths, right)
            if cells:
                self._out.write(line)
            self._out.write(footer(len(shown), more) + "\n")

    def _write(self, cells: list[str], widths: list[int], right: list[bool]) -> None:
        parts = []
        for cell, width, to_right in zip(cells, widths, right, strict=True):
            gap = " " * (width - _width(cell))
            parts.append(gap + cell if to_right else cell + gap)
        self._out.write("| " + " | ".join(parts) + " |\n")


class _RichTable:
    def __init__(self, out: TextIO, limit: int) -> None:
        self._out = out
        self._limit = limit

    def print_all(self, messages: Iterable[Message]) -> None:
        from rich import box
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        console = Console(file=self._out)
        for columns, rows in results(messages):
            if is_plan(columns):
                print_plan(self._out, rows)
                continue
            table = Table(box=box.SIMPLE_HEAD, header_style="bold")
            for name, kind in columns:
                heading = Text.assemble(_shown(name), "\n", (kind.lower(), "dim not bold"))
                table.add_column(heading, justify="right" if is_number(kind) else "left", overflow="fold")
            shown, more = first_rows(rows, self._limit)
            for row in shown:
                table.add_row(*(Text("NULL", "dim") if v is None else Text(_shown(v)) for v in row))
            console.print(table)
            console.print(footer(len(shown), more), style="dim", highlight=False)


def is_plan(columns: list[tuple[str, str]]) -> bool:
    """Return whether a result is EXPLAIN's drawing, which is printed as it is."""
    return [name for name, _ in columns] == ["explain_key", "explain_value"]


def print_plan(out: TextIO, rows: Iterable[Row]) -> None:
    """Print EXPLAIN's drawing."""
    for row in rows:
        out.write((row[1] or "") + "\n")


def first_rows(rows: Iterator[Row], limit: int) -> tuple[list[Row], bool]:
    """Return at most `limit` rows (all with 0), and whether there are more."""
    shown: list[Row] = []
    for row in rows:
        if limit and len(shown) == limit:
            return shown, True
        shown.append(row)
    return shown, False


def footer(count: int, more: bool) -> str:
    """Return the line below a table."""
    if more:
        return f"(the first {count:,} rows; --rows 0 prints all)"
    return f"({count:,} row)" if count == 1 else f"({count:,} rows)"


def is_number(kind: str) -> bool:
    """Return whether a DuckDB type is a number."""
    return kind.partition("(")[0] in _NUMBERS


def distinct(names: Iterable[str]) -> list[str]:
    """Return names with `_1`, `_2`, ... where one occurs again: an object has each key once."""
    given = list(names)
    taken: set[str] = set()
    for position, name in enumerate(given):
        unique, number = name, 0
        while unique in taken or (number and unique in given):
            number += 1
            unique = f"{name}_{number}"
        taken.add(unique)
        given[position] = unique
    return given


def _shown(value: Any) -> str:
    if value is None:
        return "NULL"
    text = str(value)
    if text.isprintable():
        return text
    # A line break or an escape sequence in a value must not move the terminal's cursor.
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _width(text: str) -> int:
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )

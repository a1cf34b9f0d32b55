"""CSV files, schemas and options drawn at random."""

# ruff: noqa: E501
from __future__ import annotations

from random import Random
from typing import Any

from json_drawing import CORRUPT, Drawn

_CELLS: tuple[str, ...] = (
    "", "", "0", "1", "-7", "+3", "007", "2147483648", "1.5", "-0.25", ".5", "1e3", "1e400", "NaN", "Inf", "-Inf", "true",
    "FALSE", "t", "2025-01-02", "2025-1-2", "2025-02-30", "2025-01-02 03:04:05", "2025-01-02T03:04:05Z",
    "2025-01-02T03:04:05.123+02:00", "10:11", "a", "abc", "é", "😀", "NA", "null", " a", "a ", "  ", "#", "#x", "\\", "a\\b",
)  # fmt: skip
_PIECES = ('"', '"', '""', '\\"', "\\", "a", "b", " ", ",", ";", "'", "x\ny", "\r", "\t", "#", "\0")
_TYPES = (
    "string", "string", "integer", "long", "short", "byte", "double", "float", "boolean", "date", "timestamp",
    "timestamp_ntz", "decimal(10,2)", "decimal(38,10)",
)  # fmt: skip
_SEPARATORS = (",", ",", ",", ",", ";", "\t", "|")
_OPTIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("mode", ("PERMISSIVE", "DROPMALFORMED", "FAILFAST")), ("header", ("true",)), ("quote", ("'", "")),
    ("escape", ('"', "", "|")), ("comment", ("#",)), ("nullValue", ("NA", "a", "0")), ("emptyValue", ("E", "NA")),
    ("nanValue", ("x", "a")), ("ignoreLeadingWhiteSpace", ("true",)), ("ignoreTrailingWhiteSpace", ("true",)),
    ("multiLine", ("true",)), ("charToEscapeQuoteEscaping", ("\\", "|")), ("columnPruning", ("false",)),
    ("dateFormat", ("yyyy-MM-dd", "yyyy-M-d")), ("timestampFormat", ("yyyy-MM-dd HH:mm:ss", "yyyy-MM-dd'T'HH:mm:ss[.SSS]XXX")),
    ("unescapedQuoteHandling", ("STOP_AT_CLOSING_QUOTE", "RAISE_ERROR")), ("lineSep", (";;", "\n")),
)  # fmt: skip


def draw_csv(random: Random) -> Drawn:
    """Return files with a schema and options to read them by."""
    separator = random.choice(_SEPARATORS)
    options = {} if separator == "," else {"sep": separator}
    for name, values in random.sample(_OPTIONS, random.choice((0, 0, 1, 1, 2, 3))):
        options[name] = random.choice(values)
    width = random.randint(1, 5)
    fields: list[dict[str, Any]] = [
        {"name": f"c{i}", "type": random.choice(_TYPES), "nullable": True, "metadata": {}}
        for i in range(width)
    ]
    if random.random() < 0.4:
        corrupt = {"name": CORRUPT, "type": "string", "nullable": True, "metadata": {}}
        fields.insert(random.randint(0, width), corrupt)
    names = [f["name"] for f in fields]
    columns = None
    if random.random() < 0.3:
        columns = tuple(random.sample(names, random.randint(1, len(names))))
        columns = None if columns == (CORRUPT,) else columns
    odd = random.choice((0.0, 0.02, 0.15))
    quoted = random.choice((0.0, 0.2))
    end = options.get("lineSep", random.choice(("\n", "\n", "\n", "\r\n")))
    kinds = [f["type"] for f in fields if f["name"] != CORRUPT]
    files = {
        f"{i:03}.csv": end.join([*_lines(random, kinds, separator, odd, quoted), ""]).encode()
        for i in range(random.randint(2, 6))
    }
    return Drawn(
        {"type": "struct", "fields": fields},
        files,
        options,
        columns,
        time_zone=random.choice(("UTC", "UTC", "America/New_York")),
        format="csv",
    )


_FITTING = {
    "string": ("a", "abc", "é", "x y"), "integer": ("1", "-7"), "long": ("5", "123456789012"), "short": ("3",),
    "byte": ("4",), "double": ("1.5", "-2"), "float": ("0.5",), "boolean": ("true", "false"), "date": ("2025-01-02",),
    "timestamp": ("2025-01-02 03:04:05", "2025-01-02T03:04:05Z"), "timestamp_ntz": ("2025-01-02 03:04:05",),
    "decimal(10,2)": ("1.25", "7"), "decimal(38,10)": ("1.5",),
}  # fmt: skip


def _lines(random: Random, kinds: list[str], separator: str, odd: float, quoted: float) -> list[str]:
    lines = []
    for _ in range(random.randint(1, 12)):
        if random.random() < odd:
            lines.append(random.choice(("", " ", "\t", "#x", separator, separator * 3, "a")))
            continue
        cells = [_cell(random, kind, odd, quoted) for kind in kinds]
        if random.random() < odd:
            cells = cells[: random.randint(0, len(cells))] + ["more"] * random.randint(0, 2)
        lines.append(separator.join(cells))
    return lines


def _cell(random: Random, kind: str, odd: float, quoted: float) -> str:
    if random.random() < odd:
        return "".join(random.choice(_PIECES) for _ in range(random.randint(1, 6)))
    text = random.choice(_CELLS) if random.random() < 0.15 else random.choice((*_FITTING[kind], ""))
    return f'"{text}"' if random.random() < quoted else text


_WRITE_PIECES = (
    '"',
    '""',
    "\\",
    '\\"',
    "a",
    "b",
    " ",
    "\t",
    ",",
    ";",
    "|",
    "'",
    "\n",
    "\r",
    "#",
    "é",
    "\x1f",
    "NA",
    "1",
    "😀",
    "null",
)
_WRITE_OPTIONS: tuple[tuple[str, tuple[Any, ...]], ...] = (
    ("sep", (";", "|", "\t", "||", "é", " ")), ("quote", ("'", "", "|")), ("escape", ('"', "", "|", "'")),
    ("nullValue", ("NA", "  ", "a,b", '"x"', '"', "#")), ("emptyValue", ("", "E", '""', "a;b")), ("quoteAll", (True,)),
    ("escapeQuotes", (False,)), ("charToEscapeQuoteEscaping", ("|", "\\")), ("ignoreTrailingWhiteSpace", (False,)), ("header", (True,)),
    ("lineSep", (";", "\r\n", "ab", "\r")), ("encoding", ("UTF-16LE", "ISO-8859-1")), ("comment", ("a",)),
)  # fmt: skip


def draw_writing(random: Random) -> tuple[list[tuple[Any, ...]], str, dict[str, Any], tuple[str, ...]]:
    """Return rows, their columns, options to write them by, and the columns that are directories."""

    def text() -> str | None:
        count = random.choice((0, 1, 1, 2, 3, 5))
        return None if random.random() < 0.12 else "".join(random.choice(_WRITE_PIECES) for _ in range(count))

    width = random.randint(1, 3)
    rows = [
        (
            *(text() for _ in range(width)),
            random.choice((None, 0.0, 1e-7, 123456789.125, float("nan"), 1e22)),
            random.choice((None, True, False)),
        )
        for _ in range(random.randint(1, 12))
    ]
    columns = ", ".join([*(f"s{index} string" for index in range(width)), "d double, b boolean"])
    chosen = random.sample(_WRITE_OPTIONS, random.choice((0, 1, 1, 2, 3)))
    by = ("s0",) if width > 1 and random.random() < 0.2 else ()
    return rows, columns, {name: random.choice(values) for name, values in chosen}, by

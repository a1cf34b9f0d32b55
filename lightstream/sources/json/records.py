"""From a file's content to its records: encoding, lines."""

from __future__ import annotations

import re

from lightstream.sources.json.options import JsonOptions

_BOM = b"\xef\xbb\xbf"
_LINE = re.compile(rb"\r\n|\r|\n")


def split_records(data: bytes, options: JsonOptions) -> list[bytes]:
    """Return the records of a file's content: lines, or with multiLine the whole content."""
    if options.multi_line:
        return [data] if data else []
    return split_lines(data, options.line_separator)


def split_lines(data: bytes, separator: bytes | None) -> list[bytes]:
    """Return the lines of a file's content, which a separator or, without one, any line end closes."""
    if data.startswith(_BOM):
        data = data[len(_BOM) :]
    if separator is not None:
        lines = data.split(separator)
    elif b"\r" in data:
        lines = _LINE.split(data)
    else:
        lines = data.split(b"\n")
    if lines and not lines[-1]:
        lines.pop()
    return lines

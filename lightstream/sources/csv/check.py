"""Which CSV files have lines or cells where DuckDB sees them and Spark's parser does not, or the other way round.

What is certain is a file without quotes, or whose quotes all stand around whole cells with nothing to escape in them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache, partial

from lightstream.sources.csv.options import CsvOptions
from lightstream.sources.file_bytes import codec_of

_CHUNK_BYTES = 1 << 20
# Of a buffer, up to an end, at the beginning of a file or not: is there something to be read exactly?
Look = Callable[[bytearray, int, bool], bool]
_BLANKS = bytes(range(0x21))
_BOM = b"\xef\xbb\xbf"


def find_suspects(paths: Sequence[str], options: CsvOptions, width: int | None = None) -> list[str]:
    """Return the files to be read exactly.

    `width`: how many cells a line must have, where that matters.

    Raises:
        OSError: a file cannot be read.
    """
    odd = _odd_quotes(
        options.quote, options.separator, options.escape, options.escape_escape,
        options.empty_value == options.null_value,
    )  # fmt: skip
    look = partial(_part_is_suspect, quote=options.quote.encode(), odd=odd, options=options, width=width)
    buffer = bytearray(_CHUNK_BYTES)
    return [path for path in paths if _is_suspect(path, buffer, look)]


def _is_suspect(path: str, buffer: bytearray, look: Look) -> bool:
    if codec_of(path) is not None:
        from lightstream.errors import PySparkException
        from lightstream.sources.file_bytes import read_file

        try:
            data = bytearray(read_file(path) or b"")
        except PySparkException:
            return True  # the exact reader says what is wrong with it
        return look(data, len(data), True)
    with open(path, "rb", buffering=0) as file:
        carried, first = 0, True
        while True:
            with memoryview(buffer) as view:
                count = file.readinto(view[carried:])
            filled = carried + (count or 0)
            if not count:
                return filled > 0 and look(buffer, filled, first)
            end = buffer.rfind(b"\n", 0, filled) + 1
            if not end:  # a line longer than the buffer
                carried = filled
                if carried == len(buffer):
                    buffer.extend(bytes(len(buffer)))
                continue
            if look(buffer, end, first):
                return True
            buffer[: filled - end] = buffer[end:filled]
            carried, first = filled - end, False


def _part_is_suspect(
    buffer: bytearray,
    end: int,
    first: bool,
    *,
    quote: bytes,
    odd: Callable[[bytearray, int], bool],
    options: CsvOptions,
    width: int | None,
) -> bool:
    """Look at complete lines, `buffer[:end]`, which are the first of a file or not."""
    if first and options.header and _begins_blank(buffer, end):
        return True
    if buffer.find(0, 0, end) >= 0:
        return True
    if buffer.find(0x0D, 0, end) >= 0:
        if options.line_separator is not None:  # then it is part of a cell
            return True
        returns, ends = buffer.count(b"\r", 0, end), buffer.count(b"\n", 0, end)
        if not returns == ends == buffer.count(b"\r\n", 0, end):
            return True
    if width is not None and _may_have_more(buffer, end, options.separator.encode(), quote, width):
        return True
    return (buffer.find(quote, 0, end) >= 0 and odd(buffer, end)) or _has_long_line(
        buffer, end, options.max_columns
    )


def _begins_blank(buffer: bytearray, end: int) -> bool:
    """Return whether the first line is blank: Spark looks for the header behind it."""
    line = buffer.find(b"\n", 0, end)
    return not bytes(buffer[: end if line < 0 else line]).removeprefix(_BOM).strip(_BLANKS)


def _may_have_more(buffer: bytearray, end: int, separator: bytes, quote: bytes, width: int) -> bool:
    """Return whether a line may end with a separator and nothing: DuckDB does not count that cell."""
    last = (separator, separator + b"\n", separator + b"\r")
    if not buffer.endswith(last[0], 0, end) and all(buffer.find(stop, 0, end) < 0 for stop in last[1:]):
        return False
    lines = buffer.count(b"\n", 0, end) + (buffer[end - 1] != 0x0A)
    return buffer.find(quote, 0, end) >= 0 or buffer.count(separator, 0, end) != (width - 1) * lines


def _has_long_line(buffer: bytearray, end: int, length: int) -> bool:
    """Return whether a line is so long that it may have more cells than Spark's parser takes."""
    position = 0
    while end - position > length:
        position = buffer.rfind(b"\n", position, position + length) + 1
        if not position:
            return True
    return False


@cache
def _odd_quotes(
    quote: str, separator: str, escape: str, escape_escape: str, empty: bool
) -> Callable[[bytearray, int], bool]:
    """Return the function that tells whether a quote in some lines is not one of a pair around a plain cell."""
    mark, stop = re.escape(quote.encode()), re.escape(separator.encode())
    inner = b"".join(
        re.escape(c.encode()) for c in dict.fromkeys((quote, escape, escape_escape)) if c.isascii()
    )
    many = b"*" if empty else b"+"
    pattern = re.compile(
        b"(?:(?<=["
        + stop
        + b"\n])|\\A)"
        + mark
        + b"[^"
        + inner
        + b"\r\n\0]"
        + many
        + mark
        + b"(?=["
        + stop
        + b"\r\n]|\\Z)"
    )
    byte = quote.encode()

    def odd(buffer: bytearray, end: int) -> bool:
        return 2 * len(pattern.findall(buffer, 0, end)) != buffer.count(byte, 0, end)

    return odd

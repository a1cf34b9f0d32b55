"""Which files have bytes that DuckDB reads otherwise than Spark, without an error.

DuckDB accepts a comma before a closing bracket, `nan` and `inf` in any spelling, a carriage return or form feed
between tokens, and numbers, names and nesting of any size. A file that may have one of these is read exactly.
A file that is named without need costs time only; one that is missed would give wrong rows.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING

from lightstream.sources.file_bytes import codec_of, escape_glob
from lightstream.sources.json.record_reader import (
    MAX_DEPTH,
    MAX_NAME_CHARS,
    MAX_NUMBER_CHARS,
    MAX_STRING_CHARS,
)

if TYPE_CHECKING:
    import duckdb

Search = Callable[[bytes], bool]

_CHUNK_BYTES = 1 << 20

# What may be a comma before a bracket or a word that is no JSON; it is none inside a string.
_ODD = re.compile(rb",[ \t\r]*[}\]]|[:\[,][ \t\r]*(?:[-+]?(?i:nan|inf|infinity))(?=[ \t\r\n,}\]]|\Z)")
_ACCEPTED = re.compile(rb"[:\[,][ \t\r]*(?:NaN|-?Infinity)\Z")
_MAX_ODD_LINES = 500
_NULL_LINE = re.compile(rb"(?:\A|\n)[ \t\r]*n")
_NUMBER = re.compile(rb"[0-9][0-9.eE+-]{%d}" % MAX_NUMBER_CHARS)

# What can begin a word that is no JSON: two bytes that are rare, and the words themselves.
_WORDS = (
    (b"n", (b"na", b"nA")), (b"N", (b"N",)), (b"i", (b"i",)), (b"I", (b"I",)),
    (b"-n", (b"-n",)), (b"-N", (b"-N",)), (b"-i", (b"-i",)), (b"-I", (b"-I",)),
)  # fmt: skip


def _needles(start: bytes) -> tuple[tuple[bytes, tuple[bytes, ...]], ...]:
    """Return, for each word after a start, the pair of bytes to look for first and what to look for then."""
    return tuple(
        (begin if len(begin) == 2 else start[-1:] + begin, tuple(start + word for word in words))
        for begin, words in _WORDS
    )


_AFTER_COLON, _AFTER_COLON_SPACE = _needles(b":"), _needles(b": ")
_IN_ARRAY = _needles(b"[") + _needles(b",")
_IN_ARRAY_SPACE = _needles(b"[ ") + _needles(b", ")
# One of these is in each spelling of nan, inf and infinity that has no N.
_PARTS_OF_WORDS = (b"nan", b"nAn", b"nf", b"nF")
_SPACE_CLOSE = (b" }", b" ]", b"\t}", b"\t]")
# As many lines as follow each other without one that is longer than this.
_SHORT_LINE_BYTES = 2 * MAX_DEPTH
_SHORT_LINES = re.compile(rb"(?s)(?:.{0,%d}\n)*" % (_SHORT_LINE_BYTES - 1))


def find_suspects(
    paths: Sequence[str],
    cursor: duckdb.DuckDBPyConnection | None = None,
    *,
    null_lines: bool = False,
    decimals: bool = False,
) -> list[str]:
    """Return the files that have bytes that DuckDB might read otherwise than Spark.

    Raises:
        OSError: a file cannot be read.
    """
    plain = [path for path in paths if codec_of(path) is None]
    words: set[str] | None = None
    if cursor is not None and len(plain) == len(paths):
        words = _words_by_sql(plain, cursor)
    buffer = bytearray()
    return [
        path
        for path in paths
        if is_suspect(
            path,
            null_lines=null_lines,
            decimals=decimals,
            words=words is None or null_lines or path in words,
            buffer=buffer,
        )
    ]


def is_suspect(
    path: str,
    *,
    null_lines: bool = False,
    decimals: bool = False,
    words: bool = True,
    buffer: bytearray | None = None,
) -> bool:
    """Return whether a file has bytes that DuckDB might read otherwise than Spark.

    Args:
        path: the file; compression by its name.
        null_lines: also look for lines that are `null`.
        decimals: also look for fractions with more digits than a double keeps.
        words: look for words and commas; when they are known to be in order only the rest is looked at.
        buffer: room to read into, which grows; for several files in turn.

    Raises:
        OSError: the file cannot be read.
    """
    if codec_of(path) is not None:
        return _compressed_is_suspect(path, null_lines, decimals)
    with open(path, "rb", buffering=0) as file:
        buffer = bytearray() if buffer is None else buffer
        missing = min(_CHUNK_BYTES, os.fstat(file.fileno()).st_size + 1) + 1 - len(buffer)
        if missing > 0:
            buffer.extend(bytes(missing))
        carried = 0
        while True:
            if carried + 1 >= len(buffer):
                buffer.extend(bytes(len(buffer)))  # a line longer than the buffer
            with memoryview(buffer) as view:
                count = file.readinto(view[carried : len(buffer) - 1])
            filled = carried + (count or 0)
            if not count:
                return filled > 0 and _region_is_suspect(buffer, filled, null_lines, decimals, words)
            end = buffer.rfind(b"\n", carried, filled) + 1
            if end:
                if _region_is_suspect(buffer, end, null_lines, decimals, words):
                    return True
                buffer[: filled - end] = buffer[end:filled]
                carried = filled - end
            else:
                carried = filled


def _compressed_is_suspect(path: str, null_lines: bool, decimals: bool) -> bool:
    from lightstream.errors import PySparkException
    from lightstream.sources.file_bytes import read_file

    try:
        data = read_file(path)
    except PySparkException:
        return True  # the exact reader says what is wrong with it
    if not data:
        return False
    return _region_is_suspect(bytearray(data) + b"\0", len(data), null_lines, decimals, words=True)


def _region_is_suspect(buffer: bytearray, end: int, null_lines: bool, decimals: bool, words: bool) -> bool:
    """Look at complete lines: `buffer[:end]`, with room for one byte more."""
    if end == 1 and buffer[0] not in b"\n\r\t ":
        return True  # DuckDB leaves out a file of one byte
    kept, buffer[end] = buffer[end], 0
    try:
        return (
            _odd_bytes(buffer, end)
            or (words and _odd_words(buffer, end, null_lines))
            or _oversized(buffer, end)
            or (decimals and _has_long_fraction(buffer, end))
        )
    finally:
        buffer[end] = kept


def _odd_bytes(buffer: bytearray, end: int) -> bool:
    find = buffer.find
    if find(0, 0, end) >= 0 or find(0x0B, 0, end) >= 0 or find(0x0C, 0, end) >= 0:
        return True
    if find(0x0D, 0, end) < 0:
        return False
    return buffer.count(b"\r", 0, end) != buffer.count(b"\r\n", 0, end)


def _odd_words(buffer: bytearray, end: int, null_lines: bool) -> bool:
    has = _searcher(buffer, end)
    # A single byte is found at twice the speed of a pair: what is not there at all needs no search for pairs.
    spaces, arrays, tabs, capitals = (buffer.find(byte, 0, end) >= 0 for byte in (b" ", b"[", b"\t", b"N"))
    spaced = spaces and has(b", ")
    spaced_values = spaced or (spaces and (has(b": ") or (arrays and has(b"[ "))))
    rare = has if capitals else _without(b"N", has)
    maybe_odd = (
        has(b",}")
        or (arrays and has(b",]"))
        or ((spaced or tabs) and any(map(has, _SPACE_CLOSE)))
        or (spaced_values and has(b"  "))
        or tabs  # carriage returns are known to end lines
    )
    if not maybe_odd and (capitals or any(map(has, _PARTS_OF_WORDS))):
        maybe_odd = (
            _any_of(_AFTER_COLON, rare)
            or (arrays and _any_of(_IN_ARRAY, rare))
            or (spaced_values and _any_of(_AFTER_COLON_SPACE, rare))
            or (spaced_values and arrays and _any_of(_IN_ARRAY_SPACE, rare))
        )
    if maybe_odd and _has_odd_line(buffer, end):
        return True
    if not null_lines:
        return False
    maybe_null = buffer[0] in b"n \t" or has(b"\nn") or has(b"\n ") or has(b"\n\t")
    return maybe_null and _NULL_LINE.search(buffer, 0, end) is not None


def _without(byte: bytes, has: Search) -> Search:
    """Return a search in what is known not to have a byte."""
    return lambda needle: byte not in needle and has(needle)


def _has_odd_line(buffer: bytearray, end: int) -> bool:
    looked_at, judged_to = 0, 0
    for match in _ODD.finditer(buffer, 0, end):
        if match.start() < judged_to or _ACCEPTED.match(match.group()):
            continue
        begin = buffer.rfind(b"\n", 0, match.start()) + 1
        judged_to = buffer.find(b"\n", match.end() - 1, end)
        judged_to = end if judged_to < 0 else judged_to
        looked_at += 1
        if looked_at > _MAX_ODD_LINES or not _is_json(bytes(buffer[begin:judged_to])):
            return True
    return False


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _any_of(needles: tuple[tuple[bytes, tuple[bytes, ...]], ...], has: Search) -> bool:
    return any(has(first) and (words == (first,) or any(map(has, words))) for first, words in needles)


def _oversized(buffer: bytearray, end: int) -> bool:
    """Find numbers, names and nesting beyond what Spark's parser takes; only long lines can have them."""
    # A number that is too long covers this many evenly spaced bytes in a row.
    samples = buffer[:end:_STRIDE].translate(_NUMBER_BYTES)
    if _TOO_MANY in samples and _NUMBER.search(buffer, 0, end) is not None:
        return True
    position = 0
    while end - position > _SHORT_LINE_BYTES:
        match = _SHORT_LINES.match(buffer, position, end)
        position = match.end() if match else position
        if end - position <= _SHORT_LINE_BYTES:
            return False
        newline = buffer.find(b"\n", position, end)
        newline = end if newline < 0 else newline
        if _long_line_is_suspect(bytes(buffer[position:newline])):
            return True
        position = newline + 1
    return False


# Fractions of five digits, and those behind a whole part of eleven.
_LONG_FRACTION = re.compile(rb"\.(?:[0-9]{5}|(?<=[0-9]{11}\.)[0-9])")
_LONG_MANTISSA = re.compile(rb"(?<=[0-9]{15})[eE]")
_DIGITS_AROUND = re.compile(rb"[0-9]*\.[0-9]*")
_DOUBLE_DIGITS = 15
_MAX_FRACTION_SPAN = 400


def _has_long_fraction(buffer: bytearray, end: int) -> bool:
    """Return whether a number has a fraction and more digits than any double gives back."""
    for match in _LONG_FRACTION.finditer(buffer, 0, end):
        begin = match.start()
        while begin > 0 and match.start() - begin <= _DOUBLE_DIGITS and 0x30 <= buffer[begin - 1] <= 0x39:
            begin -= 1
        number = _DIGITS_AROUND.match(buffer, begin, min(end, begin + _MAX_FRACTION_SPAN))
        if number is not None and number.end() - begin - 1 > _DOUBLE_DIGITS:
            return True
    return _LONG_MANTISSA.search(buffer, 0, end) is not None


_STRIDE = 50
_NUMBER_BYTES = bytes(1 if chr(code) in "0123456789.eE+-" else 0 for code in range(256))
_TOO_MANY = bytes([1]) * (MAX_NUMBER_CHARS // _STRIDE)


_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def _long_line_is_suspect(line: bytes) -> bool:
    if line.count(b"{") + line.count(b"[") > MAX_DEPTH and _depth(line) > MAX_DEPTH:
        return True
    return len(line) > MAX_NAME_CHARS and _has_long_text(line)


def _depth(line: bytes) -> int:
    depth = deepest = 0
    for bracket in _STRING.sub(b"", line).translate(None, _NO_BRACKETS):
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _has_long_text(line: bytes) -> bool:
    for match in _STRING.finditer(line):
        length = match.end() - match.start() - 2
        if length >= MAX_STRING_CHARS:
            return True
        if length >= MAX_NAME_CHARS and line[match.end() : match.end() + 100].lstrip()[:1] in (b":", b""):
            return True
    return False


def _searcher(buffer: bytearray, end: int) -> Search:
    """Return the function that tells whether a short string occurs in `buffer[:end]`; a 0 follows there."""
    strstr = _c_search()
    if strstr is None:
        return lambda needle: buffer.find(needle, 0, end) >= 0
    import ctypes

    address = ctypes.addressof(ctypes.c_char.from_buffer(buffer))
    return lambda needle: strstr(address, needle) is not None


_SQL_WORDS = r"""SELECT filename FROM read_text(?) WHERE regexp_matches(content, ',[ \t\r]*[}\]]')
OR regexp_matches(content, ':[ \t\r]*[-+]?(?i:nan|inf)')
OR (contains(content, '[') AND regexp_matches(content, '[\[,][ \t\r]*[-+]?(?i:nan|inf)'))"""


def _words_by_sql(paths: Sequence[str], cursor: duckdb.DuckDBPyConnection) -> set[str] | None:
    """Return the files in which words and commas have to be looked at; None when that cannot be told."""
    import duckdb

    try:
        return {
            row[0] for row in cursor.execute(_SQL_WORDS, [[escape_glob(path) for path in paths]]).fetchall()
        }
    except duckdb.Error:
        return None


@cache
def c_search_is_fast() -> bool:
    """Return whether the C library searches at the speed of memory, as it does with wide vector instructions."""
    sample = bytearray(b'"a":1,"b":"c",' * 9000) + b"\0"
    has = _searcher(sample, len(sample) - 1)
    best = float("inf")
    for _ in range(4):
        begin = time.perf_counter()
        has(b",}")
        best = min(best, time.perf_counter() - begin)
    return best < len(sample) / _FAST_BYTES_PER_SECOND


_FAST_BYTES_PER_SECOND = 8e9


@cache
def _c_search() -> Callable[..., int | None] | None:
    """Return C's strstr, which runs without Python's lock."""
    import ctypes
    import sys

    try:
        function = ctypes.CDLL("msvcrt" if sys.platform == "win32" else None).strstr
    except (OSError, AttributeError):
        return None
    function.restype = ctypes.c_void_p
    function.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
    return function

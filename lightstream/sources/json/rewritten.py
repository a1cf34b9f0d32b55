"""Records in a named encoding, and compressed multiLine files.

Spark reads those through a character stream. It cannot copy the raw text of a value into a string column then,
and writes the value anew: without spaces, numbers in Java's notation.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from lightstream.sources.json import tokens as k
from lightstream.sources.json.characters import identifier_part
from lightstream.sources.json.options import JsonOptions
from lightstream.sources.json.record_reader import BadValue, Tolerance
from lightstream.sources.json.tokens import Tokenizer

_ESCAPES = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}
QUOTED = str.maketrans(
    _ESCAPES | {chr(code): f"\\u{code:04X}" for code in range(0x20) if chr(code) not in _ESCAPES}
)


def detect_encoding(record: bytes) -> str | None:
    """Return the UTF-16 or UTF-32 that a record's first bytes speak for, without an `encoding` option; else None.

    Raises:
        BadValue: a byte order that no decoder knows.
    """
    if len(record) < 4:
        if len(record) < 2 or (record[0] and record[1]):
            return None
        return "utf-16-le" if record[0] else "utf-16-be"
    quad = int.from_bytes(record[:4], "big")
    if quad == 0x0000FEFF or quad >> 8 == 0:
        return "utf-32-be"
    if quad == 0xFFFE0000 or quad & 0x00FFFFFF == 0:
        return "utf-32-le"
    if quad in (0x0000FFFE, 0xFEFF0000) or quad & 0xFF00FFFF == 0 or quad & 0xFFFF00FF == 0:
        raise BadValue("unusual byte order")
    pair = quad >> 16
    if pair == 0xFEFF or pair & 0xFF00 == 0:
        return "utf-16-be"
    if pair == 0xFFFE or pair & 0x00FF == 0:
        return "utf-16-le"
    return None


def make_detected_tokenizer(record: bytes, encoding: str, options: JsonOptions, raw_text: bool) -> Tokenizer:
    """Return the tokens of a record in an encoding that was detected.

    Raises:
        BadValue: a character beyond Unicode.
    """
    if encoding.startswith("utf-32"):
        record = record[: len(record) // 4 * 4]  # an unfinished character at the end goes unnoticed
    try:
        text = record.decode(encoding, "replace" if encoding.startswith("utf-16") else "strict")
    except UnicodeDecodeError:
        raise BadValue("not in the encoding") from None
    make: type[Tokenizer] = _CharacterTokenizer
    if raw_text:
        # Spark looks for the raw text by byte offsets, which it does not have here: in a record it finds nothing,
        # in a file that fails.
        make = _FailingTokenizer if options.multi_line else _EmptyTokenizer
    return make(text.removeprefix("\ufeff").encode("utf-8"), options.tolerance)


def make_character_tokenizer(encoding: str, tolerance: Tolerance) -> Callable[[bytes], Tokenizer]:
    """Return the function from a record in an encoding to its tokens.

    The function raises BadValue for bytes that are not in that encoding.
    """

    def tokenizer(record: bytes) -> Tokenizer:
        try:
            text = record.decode(encoding)
        except UnicodeDecodeError as error:
            # An unfinished character at the very end goes unnoticed when the record is complete before it.
            text = record[: error.start].decode(encoding)
            if error.reason not in ("unexpected end of data", "truncated data") or not text.strip():
                raise BadValue("not in the encoding") from None
        return _CharacterTokenizer(text.encode("utf-8"), tolerance)

    return tokenizer


class RewritingTokenizer(Tokenizer):
    """Tokens whose raw text is written anew."""

    __slots__ = ()

    def raw(self) -> bytes:
        parts: list[str] = []
        token = self.token
        if token not in (k.START_OBJECT, k.START_ARRAY):
            if token in (k.END_OBJECT, k.END_ARRAY):
                raise BadValue("a closing bracket alone cannot be written")
            self._write(token, parts)
            return "".join(parts).encode("utf-8")
        depth = 0
        after_value = False
        while True:
            if token in (k.END_OBJECT, k.END_ARRAY):
                parts.append("}" if token == k.END_OBJECT else "]")
                depth -= 1
                after_value = True
                if depth == 0:
                    return "".join(parts).encode("utf-8")
            else:
                if after_value:
                    parts.append(",")
                self._write(token, parts)
                after_value = token not in (k.START_OBJECT, k.START_ARRAY, k.FIELD_NAME)
                depth += token in (k.START_OBJECT, k.START_ARRAY)
            token = self.next_token()
            if token is None:
                return "".join(parts).encode("utf-8")

    def _write(self, token: int | None, parts: list[str]) -> None:
        if token == k.STRING:
            parts.append(_quote(self.string()))
        elif token == k.FIELD_NAME:
            parts.append(_quote(self.current_name() or "") + ":")
        elif token == k.INT:
            parts.append(str(int(self.number)))
        elif token == k.FLOAT:
            parts.append(_java_double(self.number))
        else:
            parts.append(_WORDS.get(token or 0, ""))


class _CharacterTokenizer(RewritingTokenizer):
    __slots__ = ()

    _looks_at_surrogates = False

    def __init__(self, record: bytes, tolerance: Tolerance) -> None:
        super().__init__(record, tolerance)
        self._ptr = 0  # a byte order mark is a character here, one that no JSON begins with

    def _skip_word(self) -> None:
        while self._ptr < self._end:
            before = self._ptr
            self._ptr += 1
            if not identifier_part(self._char_for_error_here(self._buf[before])):
                self._ptr = before
                return


class _EmptyTokenizer(_CharacterTokenizer):
    __slots__ = ()

    def raw(self) -> bytes:
        self.skip_children()
        return b""


class _FailingTokenizer(_CharacterTokenizer):
    __slots__ = ()

    def raw(self) -> bytes:
        self.skip_children()
        raise BadValue("no raw text")


_WORDS = {
    k.START_OBJECT: "{", k.START_ARRAY: "[", k.TRUE: "true", k.FALSE: "false", k.NULL: "null",
}  # fmt: skip


def _quote(units: str) -> str:
    text = units.translate(QUOTED)
    return f'"{text if text.isascii() else _SURROGATES.sub(_escaped, text)}"'


_SURROGATES = re.compile("[\ud800-\udfff\U00010000-\U0010ffff]")


def _escaped(match: re.Match[str]) -> str:
    units = match.group().encode("utf-16-be", "surrogatepass").hex().upper()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def _java_double(text: str) -> str:
    if text[-1] in "NyFn" or not text[-1].isdigit():
        word = text.lstrip("+").replace("INF", "Infinity")
        return f'"{word}"'
    value = float(text)
    if value in (float("inf"), float("-inf")):
        return '"Infinity"' if value > 0 else '"-Infinity"'
    return java_double(value)


def java_double(value: float) -> str:
    """Return a finite double as Java's Double.toString does: `1.0E10`, `0.001`, `1.0E-4`."""
    digits, exponent = _digits(value)
    sign = "-" if str(value).startswith("-") else ""
    if value == 0:
        return sign + "0.0"
    if -3 <= exponent < 7:
        if exponent < 0:
            return f"{sign}0.{'0' * (-exponent - 1)}{digits}"
        whole, fraction = digits[: exponent + 1].ljust(exponent + 1, "0"), digits[exponent + 1 :]
        return f"{sign}{whole}.{fraction or '0'}"
    return f"{sign}{digits[0]}.{digits[1:] or '0'}E{exponent}"


def _digits(value: float) -> tuple[str, int]:
    mantissa, _, exponent = f"{abs(value)!r}".partition("e")
    whole, _, fraction = mantissa.partition(".")
    shift = int(exponent or 0) + len(whole) - 1
    all_digits = whole + fraction
    stripped = all_digits.lstrip("0")
    shift -= len(all_digits) - len(stripped)
    return stripped.rstrip("0") or "0", shift

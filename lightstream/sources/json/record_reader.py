"""The bytes of one record: white space, comments, strings, base64; and what is tolerated beyond standard JSON."""

from __future__ import annotations

import re

from lightstream.dataclass import dataclass
from lightstream.sources.json.characters import identifier_part, is_text, two_units, unquoted_name_char

SPACE, LF, CR, TAB = 0x20, 0x0A, 0x0D, 0x09
QUOTE, APOS, BACKSLASH, SLASH = 0x22, 0x27, 0x5C, 0x2F

_PLAIN = re.compile(rb'[^"\\\x00-\x1f\x80-\xff]*')
_PLAIN_APOS = re.compile(rb"[^\"'\\\x00-\x1f\x80-\xff]*")
_ESCAPES = {
    0x62: "\b", 0x74: "\t", 0x6E: "\n", 0x66: "\f", 0x72: "\r", QUOTE: '"', SLASH: "/", BACKSLASH: "\\",
}  # fmt: skip
_HEX = {ord(c): int(c, 16) for c in "0123456789abcdefABCDEF"}

MAX_NUMBER_CHARS = 1000
MAX_NAME_CHARS = 50_000
MAX_STRING_CHARS = 20_000_000
MAX_DEPTH = 1000


class BadValue(Exception):
    """A value that is not JSON, or not of the type asked for."""


@dataclass(frozen=True, slots=True)
class Tolerance:
    """What the tokenizer accepts beyond standard JSON (Spark's `allow…` options)."""

    single_quotes: bool = True
    unquoted_names: bool = False
    comments: bool = False
    leading_zeros: bool = False
    non_numeric_numbers: bool = True
    any_escape: bool = False
    control_chars: bool = False
    max_depth: int = MAX_DEPTH
    max_number_chars: int = MAX_NUMBER_CHARS
    max_string_chars: int = MAX_STRING_CHARS


STANDARD = Tolerance()


class RecordReader:
    """A position in a record. After an error it stays where the error was found."""

    __slots__ = ("_buf", "_end", "_ptr", "_tolerance")

    _looks_at_surrogates = True

    def __init__(self, record: bytes, tolerance: Tolerance) -> None:
        self._buf = record
        self._ptr = 3 if len(record) > 3 and record.startswith(b"\xef\xbb\xbf") else 0
        self._end = len(record)
        self._tolerance = tolerance

    def _byte(self) -> int:
        if self._ptr >= self._end:
            raise BadValue("unexpected end")
        self._ptr += 1
        return self._buf[self._ptr - 1]

    # --- white space, comments, words

    def _check_space(self, char: int) -> None:
        if char != SPACE and char != TAB and char != LF and char != CR:
            raise BadValue("control character between tokens")

    def _skip_comment(self) -> None:
        if not self._tolerance.comments:
            raise BadValue("comments are not allowed")
        kind = self._byte()
        if kind == SLASH:
            while self._ptr < self._end:
                char = self._byte()
                if char in (LF, CR):
                    return
                self._comment_char(char)
            return
        if kind != 0x2A:
            raise BadValue("not a comment")
        while self._ptr < self._end:
            char = self._byte()
            if char == 0x2A:
                if self._ptr < self._end and self._buf[self._ptr] == SLASH:
                    self._ptr += 1
                    return
            else:
                self._comment_char(char)
        raise BadValue("unexpected end in a comment")

    def _comment_char(self, char: int) -> None:
        if char >= 0x80:
            self._utf8_loose(char)
        elif char < SPACE and char not in (TAB, LF, CR):
            raise BadValue("control character in a comment")

    def _skip_word(self) -> None:
        while self._ptr < self._end:
            char = self._buf[self._ptr]
            self._ptr += 1
            if not identifier_part(self._char_for_error_here(char)):
                return

    def _char_for_error(self, char: int) -> str:
        # Looks at the byte that `_ptr` is on; consumes the bytes that follow it, as if it had been consumed.
        return chr(char) if char < 0x80 else self._char_for_error_here(char)

    def _char_for_error_here(self, char: int) -> str:
        return chr(char) if char < 0x80 else chr(self._utf8_loose(char) & 0xFFFF)

    # --- names and strings

    def _unquoted_name(self, char: int) -> str:
        if not unquoted_name_char(char):
            raise BadValue("name expected")
        begin = self._ptr - 1
        while True:
            if self._ptr >= self._end:
                raise BadValue("unexpected end in a name")
            if not unquoted_name_char(self._buf[self._ptr]):
                break
            self._ptr += 1
        try:
            return self._buf[begin : self._ptr].decode("utf-8")
        except UnicodeDecodeError:
            raise BadValue("invalid UTF-8 in a name") from None

    def _read_string(self, quote: int, *, is_name: bool = False, skip: bool = False) -> str:
        buf = self._buf
        plain = _PLAIN if quote == QUOTE else _PLAIN_APOS
        parts: list[str] = []
        length = 0
        while True:
            match = plain.match(buf, self._ptr)
            assert match is not None
            if match.end() > self._ptr:
                text = match.group().decode("ascii")
                parts.append(text)
                length += len(text)
                self._ptr = match.end()
            char = self._byte()
            if char == quote:
                break
            if char == BACKSLASH:
                parts.append(self._escape())
            elif char >= 0x80:
                # A skipped string is looked at less closely than one that is wanted.
                code = self._utf8_loose(char) if skip else self._utf8(char)
                parts.append(chr(code) if char < 0xF0 or 0x10000 <= code < 0x110000 else two_units(code))
            elif char < SPACE and not self._tolerance.control_chars:
                raise BadValue("control character in a string")
            else:
                parts.append(chr(char))
            length += 1
        if length > self._tolerance.max_string_chars and not is_name and not skip:
            raise BadValue("string too long")
        # Escapes in a name have to be whole pairs; what bytes beyond Unicode give, two units at once, is let through.
        odd = is_name and self._looks_at_surrogates and not all(map(str.isascii, parts))
        if odd and not is_text("".join(part if len(part) == 1 else "x" for part in parts)):
            raise BadValue("half a surrogate pair in a name")
        return "".join(parts)

    def _escape(self) -> str:
        char = self._byte()
        known = _ESCAPES.get(char)
        if known is not None:
            return known
        if char != 0x75:
            text = self._char_for_error_here(char)
            if self._tolerance.any_escape or (char == APOS and self._tolerance.single_quotes):
                return text
            raise BadValue("unknown escape")
        value = 0
        for _ in range(4):
            digit = _HEX.get(self._byte())
            if digit is None:
                raise BadValue("hex digit expected")
            value = value << 4 | digit
        return chr(value)

    def _utf8(self, first: int) -> int:
        value = self._utf8_loose(first)
        if 0xD800 <= value <= 0xDFFF:
            raise BadValue("a surrogate in UTF-8")
        return value

    def _utf8_loose(self, first: int) -> int:
        # Overlong forms are not refused, nor numbers beyond Unicode.
        if first & 0xE0 == 0xC0:
            value, more = first & 0x1F, 1
        elif first & 0xF0 == 0xE0:
            value, more = first & 0x0F, 2
        elif first & 0xF8 == 0xF0:
            value, more = first & 0x07, 3
        else:
            raise BadValue("invalid UTF-8")
        for _ in range(more):
            byte = self._byte()
            if byte & 0xC0 != 0x80:
                raise BadValue("invalid UTF-8")
            value = value << 6 | byte & 0x3F
        return value

    # --- base64

    def _read_base64(self) -> bytes:
        out = bytearray()
        while True:
            char = self._byte()
            if char <= SPACE:
                continue
            bits = _BASE64.get(char, -1)
            if bits < 0:
                if char == QUOTE:
                    return bytes(out)
                bits = self._base64_escape(char, skip_space=True)
                if bits < 0:
                    continue
            group = bits
            for index in (1, 2, 3):
                char = self._byte()
                bits = _BASE64.get(char, -1)
                if bits < 0 and not (index > 1 and bits == _PADDING):
                    if index > 1 and char == QUOTE:
                        self._ptr -= 1
                        raise BadValue("padding expected")
                    bits = self._base64_escape(char)
                if bits == _PADDING:
                    if index == 1:
                        raise BadValue("not base64")
                    break
                group = group << 6 | bits
            if bits != _PADDING:
                out += group.to_bytes(3, "big")
            elif index == 2:
                char = self._byte()
                if char != 0x3D and self._base64_escape(char) != _PADDING:
                    raise BadValue("padding expected")
                out.append(group >> 4)
            else:
                out += (group >> 2).to_bytes(2, "big")

    def _base64_escape(self, char: int, *, skip_space: bool = False) -> int:
        if char != BACKSLASH:
            raise BadValue("not base64")
        code = ord(self._escape())
        if code <= SPACE and skip_space:
            return -1
        bits = _BASE64.get(code, -1)
        if bits == -1:
            raise BadValue("not base64")
        return bits


_PADDING = -2
_BASE64 = {
    ord(c): i for i, c in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
} | {0x3D: _PADDING}

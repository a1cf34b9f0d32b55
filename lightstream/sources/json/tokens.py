"""A tokenizer with the tolerance, and the behaviour after an error, of the parser that Spark reads JSON with.

Spark goes on reading a record after a field that could not be converted, from wherever the parser stopped.
So the state that an error leaves behind (position, pending comma, current name) is part of what can be
observed, and is kept here step by step.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

NOT_STARTED = 0
START_OBJECT = 1
END_OBJECT = 2
START_ARRAY = 3
END_ARRAY = 4
FIELD_NAME = 5
STRING = 6
INT = 7
FLOAT = 8
TRUE = 9
FALSE = 10
NULL = 11

_ROOT, _ARRAY, _OBJECT = 0, 1, 2

_SPACE, _LF, _CR, _TAB = 0x20, 0x0A, 0x0D, 0x09
_QUOTE, _APOS, _BACKSLASH, _SLASH, _COMMA, _COLON = 0x22, 0x27, 0x5C, 0x2F, 0x2C, 0x3A
_ZERO, _NINE = 0x30, 0x39

_PLAIN = re.compile(rb'[^"\\\x00-\x1f\x80-\xff]*')
_PLAIN_APOS = re.compile(rb"[^\"'\\\x00-\x1f\x80-\xff]*")
_DIGITS = re.compile(rb"[0-9]*")
_NO_DIGIT = re.compile(rb"[^0-9]+")
_ESCAPES = {
    0x62: "\b", 0x74: "\t", 0x6E: "\n", 0x66: "\f", 0x72: "\r", _QUOTE: '"', _SLASH: "/", _BACKSLASH: "\\",
}  # fmt: skip
_HEX = {ord(c): int(c, 16) for c in "0123456789abcdefABCDEF"}
_LITERALS = {0x74: (b"true", TRUE), 0x66: (b"false", FALSE), 0x6E: (b"null", NULL)}

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


class _Context:
    __slots__ = ("depth", "index", "kind", "name", "parent")

    def __init__(self, parent: _Context | None, kind: int, depth: int) -> None:
        self.parent = parent
        self.kind = kind
        self.depth = depth
        self.index = -1
        self.name: str | None = None


class Tokenizer:
    """Tokens of one record (UTF-8 bytes), on demand."""

    __slots__ = (
        "_buf", "_ctx", "_end", "_incomplete", "_next", "_ptr", "_text", "_tolerance", "number", "start", "token",
    )  # fmt: skip

    def __init__(self, record: bytes, tolerance: Tolerance) -> None:
        self._buf = record
        self._ptr = 3 if len(record) > 3 and record.startswith(b"\xef\xbb\xbf") else 0
        self._end = len(record)
        self._tolerance = tolerance
        self._ctx = _Context(None, _ROOT, 0)
        self._incomplete = False
        self._next: int | None = None
        self._text = ""
        self.token: int | None = NOT_STARTED
        # Text of the current number, without superfluous leading zeros.
        self.number = ""
        # Where the current value begins in the record.
        self.start = 0

    # --- what the converters use

    def current_name(self) -> str | None:
        """Return the name of the field that the current token belongs to."""
        if self.token in (START_OBJECT, START_ARRAY):
            parent = self._ctx.parent
            if parent is not None:
                return parent.name
        return self._ctx.name

    def string(self) -> str:
        """Return the text of the current string token, as UTF-16 code units where it is no valid text."""
        if self._incomplete:
            self._incomplete = False
            self._text = self._read_string(_QUOTE)
        return self._text

    def raw(self) -> bytes:
        """Skip the current value and return its bytes as written."""
        start = self.start
        self.skip_children()
        return self._buf[start : self._ptr]

    def skip_children(self) -> None:
        """Go to the end of the current object or array; nothing for other tokens."""
        if self.token not in (START_OBJECT, START_ARRAY):
            return
        depth = 1
        while True:
            token = self.next_token()
            if token is None:
                self._end_of_input()
                return
            if token in (START_OBJECT, START_ARRAY):
                depth += 1
            elif token in (END_OBJECT, END_ARRAY):
                depth -= 1
                if depth == 0:
                    return

    def next_token(self) -> int | None:
        """Advance and return the token, or None at the end of the record."""
        if self.token == FIELD_NAME:
            return self._after_name()
        if self._incomplete:
            self._incomplete = False
            self._read_string(_QUOTE, skip=True)
        char = self._skip_space_or_end()
        if char < 0:
            self.token = None
            return None
        ctx = self._ctx
        if char == 0x5D or char == 0x7D:
            self.start = self._ptr - 1
            wanted, token = (_ARRAY, END_ARRAY) if char == 0x5D else (_OBJECT, END_OBJECT)
            if ctx.kind != wanted or ctx.parent is None:
                raise BadValue("mismatched closing bracket")
            self._ctx = ctx.parent
            self.token = token
            return token
        ctx.index += 1
        if ctx.kind != _ROOT and ctx.index > 0:
            if char != _COMMA:
                if char == _SLASH:
                    self._skip_comment()
                raise BadValue("comma expected")
            char = self._skip_space()
        if ctx.kind != _OBJECT:
            self.start = self._ptr - 1
            token = self._value(char)
            if token == START_ARRAY:
                self._open(_ARRAY)
            elif token == START_OBJECT:
                self._open(_OBJECT)
            self.token = token
            return token
        ctx.name = self._name(char)
        self.token = FIELD_NAME
        char = self._skip_colon()
        self.start = self._ptr - 1
        self._next = self._value(char)
        return FIELD_NAME

    # --- structure

    def _after_name(self) -> int | None:
        token, self._next = self._next, None
        if token == START_ARRAY:
            self._open(_ARRAY)
        elif token == START_OBJECT:
            self._open(_OBJECT)
        self.token = token
        return token

    def _open(self, kind: int) -> None:
        self._ctx = _Context(self._ctx, kind, self._ctx.depth + 1)
        if self._ctx.depth > self._tolerance.max_depth:
            raise BadValue("nested too deeply")

    def _end_of_input(self) -> None:
        if self._ctx.kind != _ROOT:
            raise BadValue("unexpected end")

    def _byte(self) -> int:
        if self._ptr >= self._end:
            raise BadValue("unexpected end")
        self._ptr += 1
        return self._buf[self._ptr - 1]

    # --- white space and comments

    def _skip_space_or_end(self) -> int:
        while self._ptr < self._end:
            char = self._buf[self._ptr]
            self._ptr += 1
            if char > _SPACE:
                if char == _SLASH:
                    self._skip_comment()
                    continue
                return char
            self._check_space(char)
        self._end_of_input()
        return -1

    def _skip_space(self) -> int:
        while self._ptr < self._end:
            char = self._buf[self._ptr]
            self._ptr += 1
            if char > _SPACE:
                if char == _SLASH:
                    self._skip_comment()
                    continue
                return char
            self._check_space(char)
        raise BadValue("unexpected end")

    def _skip_colon(self) -> int:
        char = self._skip_space()
        if char != _COLON:
            raise BadValue("colon expected")
        return self._skip_space()

    def _check_space(self, char: int) -> None:
        if char != _SPACE and char != _TAB and char != _LF and char != _CR:
            raise BadValue("control character between tokens")

    def _skip_comment(self) -> None:
        if not self._tolerance.comments:
            raise BadValue("comments are not allowed")
        kind = self._byte()
        if kind == _SLASH:
            while self._ptr < self._end:
                char = self._byte()
                if char in (_LF, _CR):
                    return
                self._comment_char(char)
            return
        if kind != 0x2A:
            raise BadValue("not a comment")
        while self._ptr < self._end:
            char = self._byte()
            if char == 0x2A:
                if self._ptr < self._end and self._buf[self._ptr] == _SLASH:
                    self._ptr += 1
                    return
            else:
                self._comment_char(char)
        raise BadValue("unexpected end in a comment")

    def _comment_char(self, char: int) -> None:
        if char >= 0x80:
            self._utf8_loose(char)
        elif char < _SPACE and char not in (_TAB, _LF, _CR):
            raise BadValue("control character in a comment")

    # --- values

    def _value(self, char: int) -> int:
        if char == _QUOTE:
            self._incomplete = True
            return STRING
        if char == 0x7B:
            return START_OBJECT
        if char == 0x5B:
            return START_ARRAY
        if _ZERO <= char <= _NINE:
            return self._number(char, "")
        if char == 0x2D:
            digit = self._byte()
            if not _ZERO <= digit <= _NINE:
                return self._signed_word(digit, "-")
            return self._number(digit, "-")
        literal = _LITERALS.get(char)
        if literal is not None:
            self._match(literal[0], 1)
            return literal[1]
        return self._unusual_value(char)

    def _unusual_value(self, char: int) -> int:
        if char == _APOS and self._tolerance.single_quotes:
            self._text = self._read_string(_APOS)
            return STRING
        if char == 0x4E:
            return self._special_number(b"NaN", 1)
        if char == 0x49:
            return self._special_number(b"Infinity", 1)
        if char == 0x2B:
            return self._signed_word(self._byte(), "+")
        if _identifier_start(char):
            self._skip_word()
        raise BadValue("no JSON value")

    def _signed_word(self, char: int, sign: str) -> int:
        if char == 0x49:
            char = self._byte()
            if char == 0x4E:
                return self._special_number((sign + "INF").encode(), 3)
            if char == 0x6E:
                return self._special_number((sign + "Infinity").encode(), 3)
        raise BadValue("digit expected")

    def _special_number(self, word: bytes, matched: int) -> int:
        self._match(word, matched)
        if not self._tolerance.non_numeric_numbers:
            raise BadValue("special numbers are not allowed")
        self.number = word.decode()
        return FLOAT

    def _match(self, word: bytes, matched: int) -> None:
        for expected in word[matched:]:
            if self._ptr >= self._end or self._buf[self._ptr] != expected:
                self._skip_word()
                raise BadValue("unknown word")
            self._ptr += 1
        if self._ptr < self._end:
            char = self._buf[self._ptr]
            if (
                char >= _ZERO
                and char != 0x5D
                and char != 0x7D
                and identifier_part(self._char_for_error(char))
            ):
                self._skip_word()
                raise BadValue("unknown word")

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

    def _number(self, char: int, sign: str) -> int:
        buf, end = self._buf, self._end
        begin = self._ptr - 1
        if char == _ZERO and self._ptr < end and _ZERO <= buf[self._ptr] <= _NINE:
            if not self._tolerance.leading_zeros:
                raise BadValue("leading zeros are not allowed")
            while self._ptr < end and buf[self._ptr] == _ZERO:
                self._ptr += 1
            begin = self._ptr
            if not (self._ptr < end and _ZERO <= buf[self._ptr] <= _NINE):
                begin -= 1
        position = self._digits(self._ptr)
        kind = INT
        if position < end and buf[position] == 0x2E:
            kind = FLOAT
            fraction = self._digits(position + 1)
            if fraction == position + 1:
                self._ptr = min(fraction + 1, end)
                raise BadValue("digit expected after the decimal point")
            position = fraction
        if position < end and buf[position] in (0x65, 0x45):
            kind = FLOAT
            position += 1
            if position < end and buf[position] in (0x2B, 0x2D):
                position += 1
            exponent = self._digits(position)
            if exponent == position:
                self._ptr = min(position + 1, end)
                raise BadValue("digit expected in the exponent")
            position = exponent
        self._ptr = position
        if self._ctx.kind == _ROOT and position < end:
            self._ptr += 1
            if buf[position] not in (_SPACE, _TAB, _LF, _CR):
                raise BadValue("white space expected after a top-level number")
        text = buf[begin:position]
        if len(text) > self._tolerance.max_number_chars and (
            len(_NO_DIGIT.sub(b"", text)) > self._tolerance.max_number_chars
        ):
            raise BadValue("number too long")
        self.number = sign + text.decode("ascii")
        return kind

    def _digits(self, position: int) -> int:
        match = _DIGITS.match(self._buf, position)
        return match.end() if match else position

    # --- names and strings

    def _name(self, char: int) -> str:
        if char == _QUOTE:
            name = self._read_string(_QUOTE, is_name=True)
        elif char == _APOS and self._tolerance.single_quotes:
            name = self._read_string(_APOS, is_name=True)
        elif self._tolerance.unquoted_names:
            name = self._unquoted_name(char)
        else:
            self._char_for_error_here(char)
            raise BadValue("name expected")
        if len(name) > MAX_NAME_CHARS:
            raise BadValue("name too long")
        return name

    def _unquoted_name(self, char: int) -> str:
        if not _unquoted_name_char(char):
            raise BadValue("name expected")
        begin = self._ptr - 1
        while True:
            if self._ptr >= self._end:
                raise BadValue("unexpected end in a name")
            if not _unquoted_name_char(self._buf[self._ptr]):
                break
            self._ptr += 1
        return _decode_units(self._buf[begin : self._ptr])

    def _read_string(self, quote: int, *, is_name: bool = False, skip: bool = False) -> str:
        buf = self._buf
        plain = _PLAIN if quote == _QUOTE else _PLAIN_APOS
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
            if char == _BACKSLASH:
                parts.append(self._escape())
            elif char >= 0x80:
                # A skipped string is looked at less closely than one that is wanted.
                code = self._utf8_loose(char) if skip else self._utf8(char)
                parts.append(chr(code) if char < 0xF0 or 0x10000 <= code < 0x110000 else _two_units(code))
            elif char < _SPACE and not self._tolerance.control_chars:
                raise BadValue("control character in a string")
            else:
                parts.append(chr(char))
            length += 1
        if length > self._tolerance.max_string_chars and not is_name and not skip:
            raise BadValue("string too long")
        return "".join(parts)

    def _escape(self) -> str:
        char = self._byte()
        known = _ESCAPES.get(char)
        if known is not None:
            return known
        if char != 0x75:
            text = self._char_for_error_here(char)
            if self._tolerance.any_escape or (char == _APOS and self._tolerance.single_quotes):
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

    def binary(self) -> bytes:
        """Return the bytes of the current string token, which is base64 with padding.

        White space is allowed between groups of four.
        """
        if self._incomplete:
            data = self._read_base64()
            self._incomplete = False
            return data
        if '"' in self._text or "\\" in self._text or not self._text.isascii():
            raise BadValue("not base64")
        return Tokenizer(self._text.encode() + b'"', self._tolerance)._read_base64()

    def _read_base64(self) -> bytes:
        out = bytearray()
        while True:
            char = self._byte()
            if char <= _SPACE:
                continue
            bits = _BASE64.get(char, -1)
            if bits < 0:
                if char == _QUOTE:
                    return bytes(out)
                bits = self._base64_escape(char, skip_space=True)
                if bits < 0:
                    continue
            group = bits
            for index in (1, 2, 3):
                char = self._byte()
                bits = _BASE64.get(char, -1)
                if bits < 0 and not (index > 1 and bits == _PADDING):
                    if index > 1 and char == _QUOTE:
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
        if char != _BACKSLASH:
            raise BadValue("not base64")
        code = ord(self._escape())
        if code <= _SPACE and skip_space:
            return -1
        bits = _BASE64.get(code, -1)
        if bits == -1:
            raise BadValue("not base64")
        return bits


_PADDING = -2
_BASE64 = {
    ord(c): i for i, c in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
} | {0x3D: _PADDING}


def _two_units(code: int) -> str:
    # What splitting a number beyond Unicode into a surrogate pair gives.
    low = code - 0x10000
    return chr((0xD800 | low >> 10) & 0xFFFF) + chr(0xDC00 | low & 0x3FF)


def _identifier_start(char: int) -> bool:
    text = chr(char)
    return text in "_$" or text.isalpha() or 0xA2 <= char <= 0xA5


def identifier_part(text: str) -> bool:
    """Return whether a character can be part of a Java identifier."""
    code = ord(text)
    if code <= 8 or 0xE <= code <= 0x1B or 0x7F <= code <= 0x9F:
        return True
    return text in "_$" or text.isalnum() or text.isidentifier() or ("a" + text).isidentifier()


def _unquoted_name_char(char: int) -> bool:
    # ASCII letters, digits and a few signs; bytes of multi-byte characters pass here.
    return char >= 0x80 or char in _NAME_BYTES


_NAME_BYTES = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_$@#*-+")


def _decode_units(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise BadValue("invalid UTF-8 in a name") from None


def to_text(units: str) -> str:
    """Join surrogate pairs, and replace what is left of them as Java does when it encodes text."""
    if units.isascii():
        return units
    try:
        units.encode("utf-8")
        return units
    except UnicodeEncodeError:
        joined = units.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
        return joined.encode("utf-8", "replace").decode("utf-8")

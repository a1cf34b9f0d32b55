"""A tokenizer with the tolerance, and the behaviour after an error, of the parser that Spark reads JSON with.

Spark goes on reading a record after a field that could not be converted, from wherever the parser stopped.
So the state that an error leaves behind (position, pending comma, current name) is part of what can be
observed, and is kept here step by step.
"""

from __future__ import annotations

import re

from lightstream.sources.json.characters import identifier_part, identifier_start
from lightstream.sources.json.record_reader import (
    APOS,
    CR,
    LF,
    MAX_NAME_CHARS,
    QUOTE,
    SLASH,
    SPACE,
    TAB,
    BadValue,
    RecordReader,
    Tolerance,
)

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

_COMMA, _COLON = 0x2C, 0x3A
_ZERO, _NINE = 0x30, 0x39

_DIGITS = re.compile(rb"[0-9]*")
_NO_DIGIT = re.compile(rb"[^0-9]+")
_LITERALS = {0x74: (b"true", TRUE), 0x66: (b"false", FALSE), 0x6E: (b"null", NULL)}


class _Context:
    __slots__ = ("depth", "index", "kind", "name", "parent")

    def __init__(self, parent: _Context | None, kind: int, depth: int) -> None:
        self.parent = parent
        self.kind = kind
        self.depth = depth
        self.index = -1
        self.name: str | None = None


class Tokenizer(RecordReader):
    """Tokens of one record (UTF-8 bytes), on demand."""

    __slots__ = ("_ctx", "_incomplete", "_next", "_text", "number", "start", "token")

    def __init__(self, record: bytes, tolerance: Tolerance) -> None:
        super().__init__(record, tolerance)
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
            self._text = self._read_string(QUOTE)
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
            self._read_string(QUOTE, skip=True)
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
                if char == SLASH:
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

    # --- white space and comments

    def _skip_space_or_end(self) -> int:
        while self._ptr < self._end:
            char = self._buf[self._ptr]
            self._ptr += 1
            if char > SPACE:
                if char == SLASH:
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
            if char > SPACE:
                if char == SLASH:
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

    # --- values

    def _value(self, char: int) -> int:
        if char == QUOTE:
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
        if char == APOS and self._tolerance.single_quotes:
            self._text = self._read_string(APOS)
            return STRING
        if char == 0x4E:
            return self._special_number(b"NaN", 1)
        if char == 0x49:
            return self._special_number(b"Infinity", 1)
        if char == 0x2B:
            return self._signed_word(self._byte(), "+")
        if identifier_start(char):
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
            if buf[position] not in (SPACE, TAB, LF, CR):
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
        if char == QUOTE:
            name = self._read_string(QUOTE, is_name=True)
        elif char == APOS and self._tolerance.single_quotes:
            name = self._read_string(APOS, is_name=True)
        elif self._tolerance.unquoted_names:
            name = self._unquoted_name(char)
        else:
            self._char_for_error_here(char)
            raise BadValue("name expected")
        if len(name) > MAX_NAME_CHARS:
            raise BadValue("name too long")
        return name

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

"""Characters as the parser that Spark reads JSON with judges them."""

from __future__ import annotations

import re

_ENCODED_SURROGATE = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]")


def shown_text(data: bytes) -> str:
    """Return bytes as text, with what is no UTF-8 replaced as Java does it: one U+FFFD for an encoded surrogate."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return _ENCODED_SURROGATE.sub("\ufffd".encode(), data).decode("utf-8", "replace")


def two_units(code: int) -> str:
    """Return what splitting a number beyond Unicode into a surrogate pair gives."""
    low = code - 0x10000
    return chr((0xD800 | low >> 10) & 0xFFFF) + chr(0xDC00 | low & 0x3FF)


def identifier_start(char: int) -> bool:
    """Return whether a byte, as a character, can begin a Java identifier."""
    text = chr(char)
    return text in "_$" or text.isalpha() or 0xA2 <= char <= 0xA5


def identifier_part(text: str) -> bool:
    """Return whether a character can be part of a Java identifier."""
    code = ord(text)
    if code <= 8 or 0xE <= code <= 0x1B or 0x7F <= code <= 0x9F:
        return True
    return text in "_$" or text.isalnum() or text.isidentifier() or ("a" + text).isidentifier()


def unquoted_name_char(char: int) -> bool:
    """Return whether a byte can be part of a name without quotes; those of multi-byte characters can."""
    return char >= 0x80 or char in _NAME_BYTES


_NAME_BYTES = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_$@#*-+")


def is_basic(text: str) -> bool:
    """Return whether all characters are of Unicode's basic plane: Java takes digits beyond it for none."""
    return text.isascii() or max(text) <= "\uffff"


def is_text(units: str) -> bool:
    """Return whether all surrogates are in pairs."""
    if units.isascii():
        return True
    try:
        units.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
    except UnicodeDecodeError:
        return False
    return True


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

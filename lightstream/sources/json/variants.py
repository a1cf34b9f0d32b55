"""JSON read as variants."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any, NoReturn

from lightstream.errors import SparkRuntimeException, unsupported
from lightstream.plan import variants as v
from lightstream.plan.variants import Tree
from lightstream.sources.json import tokens as k
from lightstream.sources.json.characters import is_text, to_text
from lightstream.sources.json.record_reader import (
    MAX_NAME_CHARS,
    MAX_NUMBER_CHARS,
    MAX_STRING_CHARS,
    BadValue,
)
from lightstream.sources.json.scalars import SPECIAL
from lightstream.sources.json.tokens import Tokenizer

_LONG = 1 << 63
_MOST_DIGITS = 38
_DEEPEST = 200  # beyond, levels are counted by the exact reader


class _Unclear(Exception):
    """What Python's parser and Spark's might take differently."""


def number(text: str, *, whole: bool) -> bytes:
    """Return a number as Spark's parse_json types it: whole, decimal where all digits fit, else double."""
    if whole:
        value = int(text)
        if -_LONG <= value < _LONG:
            return v.from_int(value)
    if "e" not in text and "E" not in text:
        sign, digits, exponent = Decimal(text).as_tuple()
        assert isinstance(exponent, int)
        if len(digits) <= _MOST_DIGITS and -exponent <= _MOST_DIGITS:
            unscaled = int("".join(map(str, digits)))
            return v.from_decimal(-unscaled if sign else unscaled, -exponent)
    return v.from_double(float(text))


def duplicate_key(name: str) -> SparkRuntimeException:
    """Return VARIANT_DUPLICATE_KEY."""
    return SparkRuntimeException(
        "VARIANT_DUPLICATE_KEY",
        f"Failed to build variant because of a duplicate object key `{name}`.",
        sqlstate="22023",
    )


# ---- the quick way: what Python's parser takes, where it cannot differ from Spark's ---------------------------


def _whole(text: str) -> bytes:
    if len(text) > MAX_NUMBER_CHARS:
        raise _Unclear
    return number(text, whole=True)


def _fraction(text: str) -> bytes:
    if len(text) > MAX_NUMBER_CHARS:
        raise _Unclear
    return number(text, whole=False)


def _constant(text: str) -> NoReturn:
    raise _Unclear


_PLAIN: dict[Any, bytes] = {None: v.NULL, True: v.TRUE, False: v.FALSE}


def _object(pairs: list[tuple[str, Any]]) -> Tree:
    found = {name: _tree(value) for name, value in pairs}
    if len(found) < len(pairs) or any(len(name) > MAX_NAME_CHARS for name in found):
        raise _Unclear
    return found


def _tree(value: Any) -> Tree:
    if isinstance(value, bytes | dict):
        return value
    if isinstance(value, str):
        return v.from_text(value)
    if isinstance(value, list):
        return [_tree(item) for item in value]
    return _PLAIN[value]


_quick = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_whole, parse_float=_fraction, parse_constant=_constant
).decode


def parse(text: str, tokenizer: Callable[[bytes], Tokenizer]) -> Tree | None:
    """Return the variant of a text, whose tokens tell what Python's parser does not; None where there is none.

    Raises:
        BadValue: the text is no JSON that Spark reads.
        SparkRuntimeException: VARIANT_DUPLICATE_KEY.
    """
    if len(text) <= MAX_STRING_CHARS and max(text.count("["), text.count("{")) <= _DEEPEST:
        try:
            return _tree(_quick(text))
        except (ValueError, _Unclear):  # UnicodeEncodeError is one: half a surrogate pair
            pass
    tokens = tokenizer(text.encode())
    if tokens.next_token() is None:
        return None
    try:
        return from_tokens(tokens)
    except RecursionError:  # though Spark may not even read so many levels
        tokens = tokenizer(text.encode())
        tokens.next_token()
        tokens.skip_children()
        raise unsupported("A variant of so many levels") from None


# ---- the exact way --------------------------------------------------------------------------------------------


def from_tokens(p: Tokenizer) -> Tree:
    """Return the variant of the current token's value."""
    match p.token:
        case k.START_OBJECT:
            found: dict[str, Tree] = {}
            twice = None
            while p.next_token() != k.END_OBJECT:
                name = to_text(p.current_name() or "")
                p.next_token()
                value = from_tokens(p)
                twice = name if name in found else twice
                found[name] = value
            if twice is not None:  # Spark: it is noticed when the object ends
                raise duplicate_key(twice)
            return found
        case k.START_ARRAY:
            items = []
            while p.next_token() != k.END_ARRAY:
                items.append(from_tokens(p))
            return items
        case k.STRING:
            text = p.string()
            if not is_text(text):
                raise BadValue("half a surrogate pair")
            return v.from_text(to_text(text))
        case k.INT | k.FLOAT:
            if p.number in SPECIAL:
                return v.from_double(SPECIAL[p.number])
            return number(p.number, whole=p.token == k.INT)
        case k.TRUE | k.FALSE:
            return v.TRUE if p.token == k.TRUE else v.FALSE
        case k.NULL:
            return v.NULL
    raise BadValue("no value")


def converted(p: Tokenizer) -> dict[str, bytes]:
    """Return the variant of the current token's value in the form that DuckDB is given.

    Raises:
        BadValue: it is none.
    """
    try:
        value, metadata = v.encode(from_tokens(p))
    except SparkRuntimeException as error:
        raise BadValue(error.message) from None
    except RecursionError:
        raise unsupported("A variant of so many levels") from None
    return {"value": value, "metadata": metadata}

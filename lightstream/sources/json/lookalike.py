"""A regular expression for records that look like some that were seen."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

# No possessive groups: before Python 3.11.5 they match what they should not (possessive characters are right).
_INTEGER = r"-?+(?:[1-8][0-9]{18}|[1-9][0-9]{0,17}+|0)"
_FLOAT = r"-?+(?:[1-9][0-9]{0,99}+|0)(?:\.[0-9]{1,99}+)?(?:[eE][-+]?+[0-9]{1,9}+)?"
_STRING = r'"[^"\\\x00-\x1f]*+(?:\\["\\/bfnrt][^"\\\x00-\x1f]*+)*"'
_BOOLEAN = r"(?:true|false)"
_MAX_PATTERN_CHARS = 20_000
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.$@ -]+\Z")


class _NoPatternError(Exception):
    pass


def lookalike_pattern(sample: Sequence[Any], text: bytes) -> re.Pattern[bytes] | None:
    """Return an expression for runs of lines whose records cannot change the schema of the sample.

    It matches a line only when it is one valid object with the sample's keys, in their order, each at most once,
    and with values of the kinds that the sample has there, or null.

    Args:
        sample: records as lists of (name, value), objects in them too.
        text: one of the records as written; for the spaces after colons and commas.

    Returns:
        The expression (to be matched at the beginning of a line), None when the records are too unlike each other.
    """
    space = " ?" if re.search(rb"[,:] ", text) else ""
    try:
        record = _object([value for value in sample if value], space)
    except _NoPatternError:
        return None
    if len(record) > _MAX_PATTERN_CHARS:
        return None
    # Nothing to go back to in a line that matched: keeping that for all lines takes more than twice the time.
    return re.compile(rf"(?:(?>{record}\r?\n))*".encode())


def _object(values: Sequence[Any], space: str) -> str:
    order = _key_order(values)
    if not order:
        raise _NoPatternError
    members = {name: [value for pairs in values for key, value in pairs if key == name] for name in order}
    required = {name for name in order if len(members[name]) == len(values)}
    first = next((i for i, name in enumerate(order) if name in required), None)
    if first is None:
        raise _NoPatternError
    parts = []
    for index, name in enumerate(order):
        member = f'"{re.escape(name)}":{space}{_value(members[name], space)}'
        # A comma goes with the members that may be missing: behind them before the first that is always there.
        if index < first:
            parts.append(f"(?:{member},{space})?")
        elif index == first:
            parts.append(member)
        else:
            member = f"(?:,{space}{member})"
            parts.append(member if name in required else f"{member}?")
    return rf"\{{{''.join(parts)}\}}"


def _key_order(values: Sequence[Any]) -> list[str]:
    """Return an order of all keys that every object keeps to."""
    order: list[str] = []
    for pairs in values:
        names = [name for name, _ in pairs]
        if len(set(names)) != len(names) or not all(map(_PLAIN_NAME.match, names)):
            raise _NoPatternError
        position = 0
        for name in names:
            if name in order:
                found = order.index(name)
                if found < position:
                    raise _NoPatternError
                position = found + 1
            else:
                order.insert(position, name)
                position += 1
    return order


def _value(values: Sequence[Any], space: str) -> str:
    kinds = {type(value) for value in values}
    objects = [value for value in values if isinstance(value, list) and type(value) is not list]
    lists = [value for value in values if type(value) is list]
    # An empty string counts as null.
    patterns = ["null", '""']
    if any(type(value) is str and value for value in values):
        patterns.insert(0, _STRING)
    if float in kinds:
        patterns.insert(0, _FLOAT)
    elif int in kinds and all(-(2**63) <= value < 2**63 for value in values if type(value) is int):
        patterns.insert(0, _INTEGER)
    if bool in kinds:
        patterns.append(_BOOLEAN)
    if objects:
        patterns.append(_object([value for value in objects if value], space))
    if lists:
        element = _value([item for value in lists for item in value], space)
        patterns.append(rf"\[(?:{element}(?:,{space}{element})*)?\]")
    return f"(?:{'|'.join(patterns)})"

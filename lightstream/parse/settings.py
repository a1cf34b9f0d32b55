"""SET and RESET. Values hold any characters, so these are read from the text and not from tokens."""

from __future__ import annotations

import re

from lightstream.errors import unsupported
from lightstream.parse.failure import located
from lightstream.plan.relations import Command

_SPACE = r"(?:\s+|--[^\n]*\n|/\*.*?\*/)*"
_SET = re.compile(_SPACE + r"SET\b(?P<rest>.*)", re.IGNORECASE | re.DOTALL)
_RESET = re.compile(_SPACE + r"RESET\b(?P<rest>.*)", re.IGNORECASE | re.DOTALL)
_KEY = r"(?:`(?P<quoted>(?:[^`]|``)+)`|(?P<key>\w+(?:[.:]\w+)*))"
_ASSIGNMENT = re.compile(
    _KEY + r"\s*=\s*(?:`(?P<quoted_value>(?:[^`]|``)*)`|(?P<value>[^;]*?))\s*;*\s*", re.DOTALL
)
_ONLY_KEY = re.compile(_KEY + r"\s*;*\s*")


def parse_setting(sql: str) -> Command | None:
    """Return the command of SET key, SET key=value, SET, SET -v and RESET; None for other texts.

    Values hold any characters, so these are read from the text and not from tokens.

    Raises:
        ParseException: INVALID_SET_SYNTAX, INVALID_RESET_COMMAND_FORMAT.
    """
    match = _SET.fullmatch(sql)
    if match:
        return _set(sql, match.group("rest"))
    match = _RESET.fullmatch(sql)
    if match is None:
        return None
    rest = match.group("rest").strip()
    if not rest.strip(";").strip():
        return Command("reset")
    key = _ONLY_KEY.fullmatch(rest)
    if key is None:
        raise located(
            sql,
            0,
            len(sql),
            "INVALID_RESET_COMMAND_FORMAT",
            "Expected format is 'RESET' or 'RESET key'. Put a key with special characters in backquotes.",
            "42000",
        )
    return Command("reset", {"key": _setting_key(key)})


def _set(sql: str, text: str) -> Command | None:
    rest = text.strip()
    words = rest.upper().split()
    if words[:2] == ["TIME", "ZONE"]:
        return None
    if words and len(words) > 1 and not words[1].startswith("="):
        if words[0] in ("VAR", "VARIABLE"):
            return None
        if words[0] == "CATALOG":
            raise unsupported("SET CATALOG")
    bare = rest.rstrip(";").rstrip()
    if not bare:
        return Command("set")
    if bare == "-v":
        return Command("set", {"verbose": True})
    match = _ONLY_KEY.fullmatch(rest)
    if match:
        return Command("set", {"key": _setting_key(match)})
    match = _ASSIGNMENT.fullmatch(rest)
    if match is None:
        raise located(
            sql,
            0,
            len(sql),
            "INVALID_SET_SYNTAX",
            "Expected format is 'SET', 'SET key', or 'SET key=value'. Put a key with special characters, or a value "
            "with a semicolon, in backquotes.",
            "42000",
        )
    quoted = match.group("quoted_value")
    value = match.group("value") if quoted is None else quoted.replace("``", "`")
    return Command("set", {"key": _setting_key(match), "value": value})


def _setting_key(match: re.Match[str]) -> str:
    quoted = match.group("quoted")
    return match.group("key") if quoted is None else quoted.replace("``", "`")

"""Hadoop's glob patterns: `*`, `?`, `[a-c]`, `[^a]`, `{x,y}`, and a backslash before any of them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import pairwise

from lightstream.errors import IllegalArgumentException
from lightstream.sources.paths import is_glob


def illegal_glob(pattern: str, reason: str) -> IllegalArgumentException:
    """Return the error for a pattern that cannot be read."""
    return IllegalArgumentException(
        "LIGHTSTREAM_ILLEGAL_FILE_PATTERN",
        f"Illegal file pattern: {reason}: `{pattern}`. Put a backslash before a character that stands for itself.",
        parameters={"pattern": pattern},
    )


@lru_cache(maxsize=256)
def name_pattern(glob: str) -> re.Pattern[str]:
    """Return the regular expression, for `fullmatch`, of a glob over one file name.

    Raises:
        IllegalArgumentException: an unclosed class or group.
    """
    out: list[str] = []
    groups = 0
    position = 0
    while position < len(glob):
        char = glob[position]
        position += 1
        if char == "\\":
            text, position = _escaped(glob, position)
            out.append(text)
        elif char == "*":
            out.append(".*")
        elif char == "?":
            out.append(".")
        elif char == "{":
            groups += 1
            out.append("(?:")
        elif char == "}" and groups:
            groups -= 1
            out.append(")")
        elif char == "," and groups:
            out.append("|")
        elif char == "[":
            text, position = _class(glob, position, groups)
            out.append(text)
        else:
            out.append(re.escape(char))
    if groups:
        raise illegal_glob(glob, "an unclosed group")
    try:
        return re.compile("".join(out), re.DOTALL)
    except re.error as error:
        raise illegal_glob(glob, str(error)) from None


def _escaped(glob: str, position: int) -> tuple[str, int]:
    following = glob[position : position + 1]
    # Hadoop hands the two characters on as a regular expression: `\\d` would be a digit there.
    if not following or (following.isascii() and following.isalnum()):
        raise illegal_glob(glob, f"a backslash before {following!r}")
    return re.escape(following), position + 1


def _class(glob: str, position: int, groups: int) -> tuple[str, int]:
    """Return the regular expression of the class whose `[` is before `position`, and where it ends."""
    out = ["["]
    if glob[position : position + 1] in ("!", "^"):
        out.append("^")
        position += 1
    first = position
    while position < len(glob):
        char = glob[position]
        position += 1
        if char == "]" and position > first + 1:
            return "".join(out) + "]", position
        if char == "\\":
            text, position = _escaped(glob, position)
            out.append(text)
        elif char in "[{" or (groups and char in "},"):
            # Hadoop takes these for the beginning of another class, or part of a group.
            raise illegal_glob(glob, f"{char!r} in a character class")
        else:
            out.append(char if char == "-" else re.escape(char))
    raise illegal_glob(glob, "an unclosed character class")


def expand_slashes(glob: str) -> list[str]:
    """Return the patterns that `{a,b/c}` groups with a slash inside stand for; other groups stay as they are."""
    start, level, cuts = -1, 0, [0]
    slash = False
    position = 0
    while position < len(glob):
        char = glob[position]
        if char == "\\":
            position += 2
            continue
        if char == "{":
            if level == 0:
                start, cuts, slash = position, [position], False
            level += 1
        elif char == "," and level == 1:
            cuts.append(position)
        elif char == "/" and level:
            slash = True
        elif char == "}" and level:
            level -= 1
            if level == 0 and slash:
                cuts.append(position)
                found: list[str] = []
                for left, right in pairwise(cuts):
                    found += expand_slashes(glob[:start] + glob[left + 1 : right] + glob[position + 1 :])
                return found
        position += 1
    if level:
        raise illegal_glob(glob, "an unclosed group")
    return [glob]


@lru_cache(maxsize=64)
def split_glob(path: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Split an absolute path into (literal directory, patterns of the components below it), for each alternative."""
    found = []
    for alternative in expand_slashes(path):
        components = [component for component in alternative.split("/") if component]
        literal = 0
        while literal < len(components) and not is_glob(components[literal]):
            literal += 1
        base = "/" + "/".join(components[:literal])
        for component in components[literal:]:
            name_pattern(component)
        found.append((base, tuple(components[literal:])))
    return tuple(found)


def expand_glob(
    path: str,
    names: Callable[[str], list[str]] = os.listdir,
    exists: Callable[[str], bool] = os.path.lexists,
) -> list[str]:
    """Return the existing paths that match an absolute pattern, sorted, each once."""
    found: set[str] = set()
    for base, patterns in split_glob(path):
        found.update(_expand(base, patterns, names, exists))
    return sorted(found)


def _expand(
    base: str, patterns: tuple[str, ...], names: Callable[[str], list[str]], exists: Callable[[str], bool]
) -> Iterator[str]:
    if not patterns:
        if exists(base):
            yield base
        return
    pattern = name_pattern(patterns[0])
    try:
        there = names(base)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return
    for name in there:
        if pattern.fullmatch(name):
            yield from _expand(os.path.join(base, name), patterns[1:], names, exists)

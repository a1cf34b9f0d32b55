"""Java's regular expressions as RE2's, which DuckDB uses: translated where they mean the same, else refused."""

from __future__ import annotations

import functools
import importlib
import re
from typing import Any

from lightstream.errors import SparkRuntimeException, unsupported

# A dot in Java matches all but these.
_NOT_LINE_ENDS = r"[^\n\r\x{85}\x{2028}\x{2029}]"
_POSIX = {
    "Lower": "[:lower:]", "Upper": "[:upper:]", "ASCII": "[:ascii:]", "Alpha": "[:alpha:]", "Digit": "[:digit:]",
    "Alnum": "[:alnum:]", "Punct": "[:punct:]", "Graph": "[:graph:]", "Print": "[:print:]", "Blank": "[:blank:]",
    "Cntrl": "[:cntrl:]", "XDigit": "[:xdigit:]", "Space": "[:space:]",
}  # fmt: skip
_UNICODE = re.compile(r"(?:Is)?((?:L[ultmo]?|M[nce]?|N[dlo]?|P[cdseifo]?|S[mcko]?|Z[slp]?|C[cf]?))$")
_SCRIPT = re.compile(r"Is(Latin|Greek|Cyrillic|Arabic|Hebrew|Han|Hiragana|Katakana|Hangul|Thai|Devanagari)$")
_SAME_ESCAPES = frozenset("dDwWbBAtnrfQE")
_MAX_REPEAT = 1000
_PARSER: Any = importlib.import_module(
    "re._parser"
)  # it knows how short a match can be, which `re` does not tell
_NAMED_GROUP, _PROPERTY = re.compile(r"\(\?<(?=[A-Za-z])"), re.compile(r"\\[pP](?:\{\w+\}|[A-Z])")


class _Reader:
    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0
        self.out: list[str] = []
        self.dot_all = False
        self.ends = False
        self.groups = 0
        self.depth = 0

    def refuse(self, what: str) -> Exception:
        return unsupported(f"{what} in the regular expression '{self.pattern}'")

    def peek(self, offset: int = 0) -> str:
        at = self.at + offset
        return self.pattern[at] if at < len(self.pattern) else ""

    def run(self) -> str:
        while self.at < len(self.pattern):
            char = self.pattern[self.at]
            if char == "\\":
                self.escape(in_class=False)
            elif char == "[":
                self.char_class()
            elif char == "(":
                self.depth += 1
                self.group()
            elif char == ")":
                self.depth -= 1
                self.at += 1
                self.out.append(")")
                if self.depth < 0:
                    raise self.invalid()
            elif char in "*+?{":
                self.quantifier()
            elif char == ".":
                self.at += 1
                self.out.append("(?s:.)" if self.dot_all else _NOT_LINE_ENDS)
            elif char == "$":
                self.at += 1
                self.ends = True
                self.out.append(r"\z")
            else:
                self.at += 1
                self.out.append(char)
        if self.depth:
            raise self.invalid()
        return "".join(self.out)

    def invalid(self) -> Exception:
        return SparkRuntimeException(
            "INVALID_PARAMETER_VALUE.PATTERN",
            f"The value of parameter(s) `regexp` is invalid: '{self.pattern}'.",
            sqlstate="22023",
        )

    def quantifier(self) -> None:
        text = self.pattern[self.at]
        if text == "{":
            match = re.match(r"\{(\d+)(,(\d*))?\}", self.pattern[self.at :])
            if match is None:
                raise self.refuse("A brace that opens no repetition")
            if int(match.group(1)) > _MAX_REPEAT or int(match.group(3) or 0) > _MAX_REPEAT:
                raise self.refuse(f"More than {_MAX_REPEAT} repetitions")
            text = match.group()
        self.at += len(text)
        if self.peek() == "+":
            raise self.refuse("A possessive quantifier")
        if self.peek() == "?":
            self.at += 1
            text += "?"
        self.out.append(text)

    def group(self) -> None:
        rest = self.pattern[self.at :]
        if not rest.startswith("(?"):
            self.groups += 1
            self.at += 1
            self.out.append("(")
            return
        named = re.match(r"\(\?<([A-Za-z][A-Za-z0-9]*)>", rest)
        if named:
            self.groups += 1
            self.at += named.end()
            self.out.append(f"(?P<{named.group(1)}>")
            return
        if rest.startswith("(?:"):
            self.at += 3
            self.out.append("(?:")
            return
        flags = re.match(r"\(\?([is]+)\)", rest)
        if flags and self.at == 0:
            self.depth -= 1
            self.at += flags.end()
            self.dot_all = "s" in flags.group(1)
            if "i" in flags.group(1):
                if not self.pattern.isascii():
                    raise self.refuse("Case-insensitive matching of letters other than ASCII")
                self.out.append("(?i)")
            return
        names = {"(?=": "Lookahead", "(?!": "Lookahead", "(?<": "Lookbehind", "(?>": "An atomic group"}
        raise self.refuse(names.get(rest[:3], "A flag"))

    def escape(self, in_class: bool) -> None:
        char = self.peek(1)
        if not char:
            raise self.refuse("A lone backslash at the end")
        self.at += 2
        if not char.isalnum():
            self.out.append("\\" + char if char.isascii() else char)
        elif char in "123456789" or char == "k":
            raise self.refuse("A reference to a group")
        elif char == "s":
            self.out.append(r"\s\x0B" if in_class else r"[\s\x0B]")
        elif char == "S" and not in_class:
            self.out.append(r"[^\s\x0B]")
        elif char == "z" and not in_class:
            self.out.append(r"\z")
        elif char in "pP":
            self.property(char, in_class)
        elif char == "x" and re.match(r"[0-9a-fA-F]{2}|\{[0-9a-fA-F]+\}", self.pattern[self.at :]):
            self.out.append(r"\x")
        elif char == "u" and re.match(r"[0-9a-fA-F]{4}", self.pattern[self.at :]):
            self.out.append(rf"\x{{{self.pattern[self.at : self.at + 4]}}}")
            self.at += 4
        elif char == "e":
            self.out.append(r"\x1B")
        elif char == "a":
            self.out.append(r"\x07")
        elif char == "Q" and not in_class:
            end = self.pattern.find("\\E", self.at)
            quoted = self.pattern[self.at : end if end >= 0 else len(self.pattern)]
            self.out.append(quoted_literal(quoted))
            self.at = end + 2 if end >= 0 else len(self.pattern)
        elif char in _SAME_ESCAPES and char not in "QE" and not (in_class and char in "bBA"):
            self.out.append("\\" + char)
        else:
            raise self.refuse(f"The escape \\{char}")

    def property(self, sign: str, in_class: bool) -> None:
        match = re.match(r"\{(\w+)\}|(\w)", self.pattern[self.at :])
        if match is None:
            raise self.refuse("A character property without a name")
        self.at += match.end()
        name = match.group(1) or match.group(2)
        if name in _POSIX:
            inner = _POSIX[name] if sign == "p" else _POSIX[name].replace("[:", "[:^")
            if name == "Space":
                inner = r"\s\x0B" if sign == "p" else ""
            if not inner:
                raise self.refuse("\\P{Space}")
            self.out.append(inner if in_class else f"[{inner}]")
            return
        unicode, script = _UNICODE.match(name), _SCRIPT.match(name)
        found = unicode or script
        if found is None:
            raise self.refuse(f"The character property {name}")
        self.out.append(f"\\{sign}{{{found.group(1)}}}")

    def char_class(self) -> None:
        self.at += 1
        self.out.append("[")
        if self.peek() == "^":
            self.at += 1
            self.out.append("^")
        first = True
        while True:
            char = self.peek()
            if not char:
                raise self.refuse("A character class without an end")
            if char == "]" and not first:
                self.at += 1
                self.out.append("]")
                return
            if char == "]":
                raise self.refuse("A bracket at the start of a character class")
            if char == "[":
                raise self.refuse("A character class inside another")
            if char == "&" and self.peek(1) == "&":
                raise self.refuse("An intersection of character classes")
            first = False
            if char == "\\":
                self.escape(in_class=True)
            else:
                self.at += 1
                self.out.append(char)


class Translated:
    """A translated pattern: RE2 text, whether it looks for the end of the text, and how many groups it has."""

    def __init__(self, pattern: str) -> None:
        reader = _Reader(pattern)
        self.java = pattern
        self.re2 = reader.run()
        self.looks_for_end = reader.ends
        self.groups = reader.groups

    @property
    def may_match_nothing(self) -> bool:
        """Return whether an empty match is possible; patterns that Python cannot read count as such."""
        as_pythons = _PROPERTY.sub(r"\\w", _NAMED_GROUP.sub("(?P<", self.java))
        try:
            shortest, _ = _PARSER.parse(as_pythons).getwidth()
        except re.error:
            return True
        return bool(shortest == 0)

    @property
    def may_replace_nothing(self) -> bool:
        """Return whether there may be an empty match after another one."""
        return self.may_match_nothing and (not self.java.startswith("^") or "|" in self.java)


@functools.lru_cache(maxsize=512)
def translate(pattern: str) -> Translated:
    """Return a Java pattern as RE2's.

    Raises:
        UnsupportedOperationException: the pattern has what RE2 lacks or reads otherwise (lookaround, references to
            groups, possessive quantifiers, nested character classes).
    """
    return Translated(pattern)


def quoted_literal(text: str) -> str:
    """Return text as a pattern that matches just it."""
    return re.sub(r"([^\w\s])", r"\\\1", text) if text.isascii() else "".join(
        f"\\{c}" if c.isascii() and not c.isalnum() and not c.isspace() and c != "_" else c for c in text
    )  # fmt: skip


def is_literal(pattern: str) -> str | None:
    """Return the text that a pattern without any special character matches, else None."""
    plain = re.sub(r"\\([^\w\s])", r"\1", pattern)
    rest = re.sub(r"\\[^\w\s]", "", pattern)
    return plain if not re.search(r"[\\^$.|?*+()\[\]{}]", rest) else None


def replacement(text: str, groups: int) -> str:
    """Return Java's replacement text (`$1`) as RE2's (`\\1`).

    Raises:
        UnsupportedOperationException: a reference to a named group, or to more than nine.
    """
    out, at = [], 0
    while at < len(text):
        char = text[at]
        if char == "\\" and at + 1 < len(text):
            out.append("\\\\" if text[at + 1] == "\\" else text[at + 1])
            at += 2
        elif char == "$":
            match = re.match(r"\$(\d)", text[at:])
            if match is None or int(match.group(1)) > groups or groups > 9:
                raise unsupported(f"The replacement text '{text}' of a regular expression")
            out.append(f"\\{match.group(1)}")
            at += 2
        else:
            out.append("\\\\" if char == "\\" else char)
            at += 1
    return "".join(out)

"""A place in a list of tokens: what the grammar's files share."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn, TypeVar

from lightstream.errors import ParseException
from lightstream.parse.failure import empty_statement, located, syntax_error
from lightstream.parse.literals import InvalidLiteral, unquote, unquote_identifier
from lightstream.parse.tokens import BAD, END, NUMBER, OPERATOR, QUOTED, STRING, WORD, Token, tokenize

T = TypeVar("T")

# Operators an expression can begin with.
_PREFIXES = frozenset("(-+~!*:?")


class Cursor:
    """Reads the tokens of one text from left to right. `token` is the one to be read next."""

    def __init__(self, sql: str) -> None:
        self.sql = sql
        self.tokens = tokenize(sql)
        self.at = 0
        self.token = self.tokens[0]
        if not sql.strip():
            raise empty_statement(sql)

    # ---- reading ----

    def advance(self) -> Token:
        """Return the current token and go to the next."""
        token = self.token
        if token.kind != END:
            self.at += 1
            self.token = self.tokens[self.at]
        return token

    def ahead(self, distance: int = 1) -> Token:
        """Return the token `distance` places ahead (END beyond the end)."""
        return self.tokens[min(self.at + distance, len(self.tokens) - 1)]

    def seek(self, at: int) -> None:
        """Go to the token with an index."""
        self.at = at
        self.token = self.tokens[at]

    def sees(self, *keys: str) -> bool:
        """Return whether these keywords or operators come next."""
        if self.token.key != keys[0]:
            return False
        return all(self.ahead(distance).key == key for distance, key in enumerate(keys[1:], 1))

    def accept(self, *keys: str) -> bool:
        """Read these keywords or operators if they come next."""
        if not self.sees(*keys):
            return False
        self.seek(self.at + len(keys))
        return True

    def accept_any(self, *keys: str) -> str:
        """Read one of these keywords or operators; return it, or "" when none comes next."""
        return self.advance().key if self.token.key in keys else ""

    def expect(self, *keys: str) -> None:
        """Read these keywords or operators; raise PARSE_SYNTAX_ERROR when others come next."""
        for key in keys:
            if self.token.key != key:
                if self.token.kind != END and self.ahead().key == key:
                    self.fail(f": extra input '{self.token.text}'")
                self.fail()
            self.advance()

    def separated(self, item: Callable[[], T]) -> list[T]:
        """Read one or more items with commas between them."""
        found = [item()]
        while self.accept(","):
            found.append(item())
        return found

    def in_parentheses(self, item: Callable[[], T]) -> list[T]:
        """Read `(item, ...)`."""
        self.expect("(")
        found = self.separated(item)
        self.expect(")")
        return found

    # ---- names and strings ----

    def is_name(self, token: Token) -> bool:
        """Return whether a token can be a name. Spark: every keyword can."""
        return token.kind in (WORD, QUOTED)

    def name(self) -> str:
        """Read a name."""
        token = self.token
        if token.kind == QUOTED:
            return unquote_identifier(self.advance().text)
        if token.kind != WORD:
            self.fail()
        if not token.text.isascii():
            raise self.located(
                token,
                token,
                "INVALID_IDENTIFIER",
                f"The unquoted identifier {token.text} is invalid: write `{token.text}`. Unquoted identifiers "
                "hold only the letters a to z and A to Z, digits and underscores.",
                "42602",
                {"ident": token.text},
            )
        return self.advance().text

    def names(self) -> tuple[str, ...]:
        """Read a dotted name."""
        found = [self.name()]
        while self.accept("."):
            found.append(self.name())
        return tuple(found)

    def string(self, as_written: bool = False) -> str:
        """Read a string, or several in a row, which are one; perhaps what is between the quotes as it is written."""
        if self.token.kind != STRING:
            self.fail()
        parts = []
        while self.token.kind == STRING:
            text = self.advance().text
            # Spark: of r'a' the first and the last character are taken off, too.
            parts.append(text[1:-1] if as_written else unquote(text))
        return "".join(parts)

    def text_between(self, first: int, last: int) -> str:
        """Return the original text of the tokens from index `first` to before index `last`."""
        return self.sql[self.tokens[first].start : self.tokens[last - 1].end]

    # ---- judging what comes next ----

    def starts_expression(self, token: Token) -> bool:
        """Return whether an expression can begin with a token."""
        if token.kind == OPERATOR:
            return token.key in _PREFIXES
        return token.kind in (WORD, QUOTED, STRING, NUMBER, BAD)

    def starts_query(self, distance: int = 0) -> bool:
        """Return whether a query begins here, as against a name that looks like a keyword."""
        token, after = self.ahead(distance), self.ahead(distance + 1)
        key = token.key
        if key == "SELECT":
            return self.starts_expression(after)
        if key == "VALUES":
            return after.key == "(" or after.kind in (STRING, NUMBER)
        if key in ("FROM", "TABLE"):
            return self.is_name(after) or (key == "FROM" and after.key == "(")
        return key == "WITH" and self.is_name(after)

    # ---- failing ----

    def fail(self, hint: str = "") -> NoReturn:
        """Raise PARSE_SYNTAX_ERROR at the current token."""
        raise syntax_error(self.sql, self.token.start, self.token.text, hint)

    def located(
        self,
        first: Token,
        last: Token,
        condition: str,
        message: str,
        sqlstate: str | None = None,
        parameters: dict[str, str] | None = None,
    ) -> ParseException:
        """Return an error about the text from one token to another."""
        return located(self.sql, first.start, last.end, condition, message, sqlstate, parameters)

    def invalid(self, first: Token, error: InvalidLiteral) -> ParseException:
        """Return the error of a literal that began at `first` and ends before the current token."""
        last = self.tokens[max(self.at - 1, 0)]
        return self.located(first, last, error.condition, error.message, error.sqlstate, error.parameters)

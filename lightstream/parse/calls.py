"""Calls: arguments, what follows them (FILTER, OVER, ...), and the calls with words between their arguments."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from lightstream.dataclass import dataclass
from lightstream.errors import AnalysisException, unsupported
from lightstream.parse.expressions import Expressions, call
from lightstream.parse.identifier import parse_identifier
from lightstream.parse.tokens import END, STRING, Token
from lightstream.plan import types as t
from lightstream.plan.expressions import (
    Cast,
    Expression,
    FrameBoundary,
    Literal,
    SortOrder,
    UnresolvedAttribute,
    UnresolvedFunction,
    UnresolvedStar,
    WindowExpression,
    WindowFrame,
)

Window = tuple[tuple[Expression, ...], tuple[SortOrder, ...], WindowFrame | None]

_DATETIME_UNITS = frozenset((
    "YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "DAYOFYEAR", "HOUR", "MINUTE", "SECOND", "MILLISECOND",
    "MICROSECOND",
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class NamedWindow(Expression):
    """`function OVER name`, until the query's WINDOW clause is known."""

    function: Expression
    name: str
    at: int


class Calls(Expressions):
    """Reads calls."""

    # The named windows that were met and whose definition is not known yet, by their place.
    named_windows: dict[int, str]

    def call_of(self, parts: list[str], key: str) -> Expression:
        """Read the arguments of a function; `key` is its name as a keyword, when it was written as one word."""
        if [part.lower() for part in parts[:-1]] in (["builtin"], ["system", "builtin"]):
            parts = parts[-1:]
        self.expect("(")
        read = _CALLS.get(key)
        if read is not None:
            found = read(self)
            if found is not None:
                return found
        distinct = False
        if self.token.key in ("DISTINCT", "ALL") and self.starts_expression(self.ahead()):
            distinct = self.advance().key == "DISTINCT"
        args, named = self.arguments(
            ".".join(parts), self.named_expression if key == "STRUCT" else self.expression
        )
        if args == (UnresolvedStar(),) and not distinct and [part.lower() for part in parts] == ["count"]:
            args = (Literal(1, t.IntegerType()),)
        function = UnresolvedFunction(".".join(parts), args, distinct, named=named)
        if key in ("FIRST", "LAST", "ANY_VALUE") and self.accept("IGNORE", "NULLS"):
            self.expect(")")
            return replace(function, ignore_nulls=True)  # Spark: nothing may follow this form
        self.expect(")")
        return self._after_call(function)

    def arguments(
        self, routine: str, item: Callable[[], Expression], value: Callable[[], Expression] | None = None
    ) -> tuple[tuple[Expression, ...], tuple[tuple[str, Expression], ...]]:
        """Read arguments up to the closing parenthesis: those by position (`item`) and those by name (`value`)."""
        args: list[Expression] = []
        named: list[tuple[str, Expression]] = []
        if self.token.key == ")":
            return (), ()
        while True:
            if self.is_name(self.token) and self.ahead().key == "=>":
                name = self.name()
                self.advance()
                named.append((name, (value or self.expression)()))
            else:
                if named:
                    raise AnalysisException(
                        "UNEXPECTED_POSITIONAL_ARGUMENT",
                        "An argument by position cannot follow one by name.",
                        sqlstate="4274K",
                        parameters={"routineName": f"`{routine}`", "parameterName": f"`{named[0][0]}`"},
                    )
                args.append(item())
            if not self.accept(","):
                return tuple(args), tuple(named)

    def _after_call(self, function: UnresolvedFunction) -> Expression:
        if self.sees("WITHIN", "GROUP", "("):
            self.seek(self.at + 3)
            self.expect("ORDER", "BY")
            function = replace(function, order_by=tuple(self.separated(self.sort_order)))
            self.expect(")")
        if self.sees("FILTER", "(", "WHERE"):
            self.seek(self.at + 3)
            function = replace(function, filter=self.expression())
            self.expect(")")
        if self.token.key in ("IGNORE", "RESPECT") and self.ahead().key == "NULLS":
            function = replace(function, ignore_nulls=self.advance().key == "IGNORE")
            self.advance()
        if self.token.key == "OVER":
            after = self.ahead()
            if after.key == "(" or (self.is_name(after) and after.key != "FROM"):
                self.advance()
                return self._over(function)
        return function

    def sort_order(self) -> SortOrder:
        """Read a sort key. Spark: nulls come first in ascending and last in descending order by default."""
        child = self.expression()
        ascending = self.accept_any("ASC", "DESC") != "DESC"
        if self.token.key == "NULLS" and self.ahead().key in ("FIRST", "LAST"):
            self.advance()
            return SortOrder(child, ascending, self.advance().key == "FIRST")
        return SortOrder(child, ascending, ascending)

    # ---- windows ----

    def _over(self, function: UnresolvedFunction) -> Expression:
        found = self.window()
        if isinstance(found, str):
            self.named_windows[self.at] = found
            return NamedWindow(function, found, self.at)
        return WindowExpression(function, *found)

    def window(self) -> Window | str:
        """Read a window: its parts, or the name of one that the WINDOW clause defines."""
        if self.token.key != "(":
            return self.name()
        self.advance()
        if self.is_name(self.token) and self.ahead().key == ")":
            name = self.name()
            self.advance()
            return name
        partition_by: list[Expression] = []
        order_by: list[SortOrder] = []
        if self.accept("CLUSTER", "BY"):
            partition_by = self.separated(self.expression)
        else:
            if self.token.key in ("PARTITION", "DISTRIBUTE") and self.ahead().key == "BY":
                self.seek(self.at + 2)
                partition_by = self.separated(self.expression)
            if self.token.key in ("ORDER", "SORT") and self.ahead().key == "BY":
                self.seek(self.at + 2)
                order_by = self.separated(self.sort_order)
        frame = self._frame()
        self.expect(")")
        return tuple(partition_by), tuple(order_by), frame

    def _frame(self) -> WindowFrame | None:
        kind = self.accept_any("ROWS", "RANGE")
        if not kind:
            return None
        if self.accept("BETWEEN"):
            lower = self._boundary("PRECEDING")
            self.expect("AND")
            return WindowFrame(kind.lower(), lower, self._boundary("FOLLOWING"))
        return WindowFrame(kind.lower(), self._boundary("PRECEDING"), FrameBoundary(0))

    def _boundary(self, unbounded: str) -> FrameBoundary:
        if self.accept("CURRENT", "ROW"):
            return FrameBoundary(0)
        if self.token.key == "UNBOUNDED" and self.ahead().key in ("PRECEDING", "FOLLOWING"):
            first, last = self.advance(), self.advance()
            if last.key != unbounded:
                raise self.located(
                    first,
                    last,
                    "DATATYPE_MISMATCH.SPECIFIED_WINDOW_FRAME_INVALID_BOUND",
                    "A window frame begins at UNBOUNDED PRECEDING and ends at UNBOUNDED FOLLOWING, not the "
                    "other way round.",
                    "42K09",
                )
            return FrameBoundary(None)
        offset = self.expression()
        direction = self.accept_any("PRECEDING", "FOLLOWING")
        if not direction:
            self.fail()
        return FrameBoundary(offset, direction == "PRECEDING")

    # ---- calls with words between their arguments (the opening parenthesis was read) ----

    def _word_ahead(self, word: str) -> bool:
        # Before the parenthesis that closes the call, and in no other parentheses.
        return any(token.key == word for token in self._outer_tokens())

    def _outer_tokens(self) -> Iterator[Token]:
        depth, distance = 0, 0
        while True:
            token = self.ahead(distance)
            if token.kind == END or (depth == 0 and token.key == ")"):
                return
            if depth == 0:
                yield token
            depth += (token.key in ("(", "[")) - (token.key in (")", "]"))
            distance += 1

    def _extract(self) -> Expression | None:
        if not (self.is_name(self.token) and self.ahead().key == "FROM"):
            return None
        field = Literal(self.name(), t.StringType())
        self.advance()
        return self._closed("extract", field, self.value())

    def _position(self) -> Expression | None:
        if not self._word_ahead("IN"):
            return None
        part = self.value()
        self.expect("IN")
        return self._closed("locate", part, self.value())

    def _substring(self) -> Expression | None:
        if not self._word_ahead("FROM"):
            return None
        args = [self.value()]
        self.expect("FROM")
        args.append(self.value())
        if self.accept("FOR"):
            args.append(self.value())
        return self._closed("substring", *args)

    def _trim(self) -> Expression | None:
        if not self._word_ahead("FROM"):
            return None
        side = self.accept_any("BOTH", "LEADING", "TRAILING")
        args = [] if side and self.token.key == "FROM" else [self.value()]
        self.expect("FROM")
        name = {"LEADING": "ltrim", "TRAILING": "rtrim"}.get(side, "trim")
        return self._closed(name, *args, self.value())

    def _overlay(self) -> Expression | None:
        if not self._word_ahead("PLACING"):
            return None
        args = [self.value()]
        self.expect("PLACING")
        args.append(self.value())
        self.expect("FROM")
        args.append(self.value())
        if self.accept("FOR"):
            args.append(self.value())
        return self._closed("overlay", *args)

    def _with_unit(self, name: str) -> Expression | None:
        unit = self.token
        if not (unit.key in _DATETIME_UNITS or unit.kind == STRING) or self.ahead().key != ",":
            return None
        if sum(token.key == "," for token in self._outer_tokens()) != 2:
            return None
        if unit.kind == STRING:
            raise self.located(
                self.ahead(-2),
                unit,
                "INVALID_PARAMETER_VALUE.DATETIME_UNIT",
                f"The value of parameter(s) `unit` in `{name}` is invalid: it is one of "
                f"{', '.join(sorted(_DATETIME_UNITS))}, without quotes, but got {unit.text}.",
                "22023",
                {"functionName": f"`{name}`", "parameter": "`unit`", "invalidValue": unit.text},
            )
        self.advance()
        self.expect(",")
        first = self.value()
        self.expect(",")
        return self._closed(name, Literal(unit.text, t.StringType()), first, self.value())

    def _identifier_clause(self) -> Expression:
        name = self._identifier_name()
        if self.accept("("):
            args, named = self.arguments(".".join(name), self.expression)
            self.expect(")")
            return UnresolvedFunction(".".join(name), args, named=named)
        return UnresolvedAttribute(name)

    def object_name(self) -> tuple[str, ...]:
        """Read the name of a table, a view or a schema, perhaps as `IDENTIFIER(text)`."""
        return self.identifier_clause() if self.sees("IDENTIFIER", "(") else self.names()

    def identifier_clause(self) -> tuple[str, ...]:
        """Read `IDENTIFIER(text)`: the name that a constant text is."""
        self.advance()
        self.expect("(")
        return self._identifier_name()

    def _identifier_name(self) -> tuple[str, ...]:
        first = self.ahead(-1)
        try:
            expression = self.expression()
            text = _constant_text(expression)
        except AnalysisException as error:
            if error.getCondition() != "UNBOUND_SQL_PARAMETER":
                raise
            raise unsupported("IDENTIFIER(...) of a parameter that has no value") from None
        self.expect(")")
        if text is None and any(isinstance(node, UnresolvedAttribute) for node in expression.walk()):
            raise unsupported("IDENTIFIER(...) of a session variable", "Use EXECUTE IMMEDIATE.")
        if text is None:
            raise self.located(
                first,
                self.tokens[self.at - 1],
                "NOT_A_CONSTANT_STRING.NOT_CONSTANT",
                "The expression in IDENTIFIER(...) must be a constant string.",
                "42601",
            )
        return parse_identifier(text)

    def _closed(self, name: str, *args: Expression) -> Expression:
        self.expect(")")
        return call(name, *args)

    def _cast(self, mode: str) -> Expression:
        child = self.expression()
        self.expect("AS")
        data_type = self.data_type()
        self.expect(")")
        return Cast(child, data_type, mode)


def _constant_text(expression: Expression) -> str | None:
    if isinstance(expression, Literal):
        return expression.value if isinstance(expression.value, str) else None
    if isinstance(expression, UnresolvedFunction) and expression.name == "concat":
        parts = [_constant_text(argument) for argument in expression.args]
        return None if None in parts else "".join(part for part in parts if part is not None)
    return None


_CALLS: dict[str, Callable[[Any], Expression | None]] = {
    "CAST": lambda parser: parser._cast("ansi"),
    "TRY_CAST": lambda parser: parser._cast("try"),
    "EXTRACT": Calls._extract,
    "POSITION": Calls._position,
    "SUBSTR": Calls._substring,
    "SUBSTRING": Calls._substring,
    "TRIM": Calls._trim,
    "OVERLAY": Calls._overlay,
    "IDENTIFIER": Calls._identifier_clause,
    **dict.fromkeys(
        ("TIMESTAMPADD", "DATEADD", "DATE_ADD"), lambda parser: parser._with_unit("timestampadd")
    ),
    **dict.fromkeys(
        ("TIMESTAMPDIFF", "DATEDIFF", "DATE_DIFF", "TIMEDIFF"),
        lambda parser: parser._with_unit("timestampdiff"),
    ),
}

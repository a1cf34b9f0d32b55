"""What stands between operators: constants, columns, calls, CASE, CAST, subqueries, and what follows each of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeGuard, cast

from lightstream.errors import AnalysisException, unsupported
from lightstream.parse import intervals, literals
from lightstream.parse.calls import Calls
from lightstream.parse.expressions import call
from lightstream.parse.literals import InvalidLiteral
from lightstream.parse.tokens import END, NUMBER, OPERATOR, QUOTED, STRING, WORD, Token
from lightstream.plan import types as t
from lightstream.plan.expressions import (
    Alias,
    Cast,
    Expression,
    LambdaFunction,
    LambdaVariable,
    Literal,
    SubqueryExpression,
    UnresolvedAttribute,
    UnresolvedExtractValue,
    UnresolvedStar,
)
from lightstream.plan.relations import Relation

Arguments = Mapping[str, Expression] | Sequence[Expression]

_CONSTANTS = {
    "NULL": Literal(None, t.NullType()),
    "TRUE": Literal(True, t.BooleanType()),
    "FALSE": Literal(False, t.BooleanType()),
}


class Primaries(Calls):
    """Reads what stands between operators."""

    def __init__(self, sql: str, args: Arguments | None = None, *, as_written: bool = False) -> None:
        super().__init__(sql)
        self.args = args
        self._as_written = as_written
        self.named_windows = {}
        self._lambda_scopes: list[dict[str, str]] = []

    def query_from(self, plan: Relation) -> Relation:
        """Read on in a query whose first, parenthesized part was read already."""
        raise NotImplementedError

    def primary(self) -> Expression:
        """Read what stands between operators."""
        found = self._atom()
        while True:
            key = self.token.key
            if key == "[":
                self.advance()
                found = UnresolvedExtractValue(found, self.value())
                self.expect("]")
            elif key == ".":
                self.advance()
                found = _field(found, self.name())
            elif key == "::":
                self.advance()
                found = Cast(found, self.data_type())
            elif key == "COLLATE" and self.is_name(self.ahead()):
                raise unsupported("COLLATE")
            elif key == ":" and (self.is_name(self.ahead()) or self.ahead().key == "["):
                self.advance()
                found = call("(extract)", found, Literal(self._variant_path(), t.StringType()))
            else:
                return found

    def _variant_path(self) -> str:
        """Read the path of `variant:name.name['name'][0]`. Spark: what quotes a name is no part of it."""
        path = "$" if self.token.key == "[" else f"$.{self.name()}"
        while True:
            if self.accept("."):
                path += f".{self.name()}"
            elif self._at_step():
                self.advance()
                is_name = self.token.kind == STRING
                path += f"['{self.string()}']" if is_name else f"[{self.advance().text}]"
                self.expect("]")
            elif path == "$":
                self.fail()
            else:
                return path

    def _at_step(self) -> bool:
        """Return whether a step of a path comes: in brackets a name in single quotes, or a plain number."""
        inside = self.ahead()
        if self.token.key != "[" or self.ahead(2).key != "]":
            return False
        return inside.text.startswith("'") if inside.kind == STRING else inside.text.isdigit()

    def _atom(self) -> Expression:
        token = self.token
        kind = token.kind
        if kind == WORD:
            read = _WORDS.get(token.key)
            found = read(self) if read is not None else None
            if found is not None:
                return found
            if self.ahead().kind == STRING:
                return self._typed_literal()
            return self._column_or_call()
        if kind == STRING:
            return Literal(self.string(self._as_written), t.StringType())
        if kind == NUMBER:
            return self._number(negative=False)
        if kind == QUOTED:
            return self._column_or_call()
        if kind == OPERATOR:
            if token.key == "(":
                return self._parenthesized()
            if token.key == "*":
                self.advance()
                return self._star(())
            if token.key in (":", "?"):
                return self._parameter()
            if token.key == "-":  # the caller saw that a number follows
                self.advance()
                return self._number(negative=True)
        self.fail()

    # ---- constants and parameters ----

    def _number(self, negative: bool) -> Literal:
        token = self.advance()
        try:
            return literals.number(token.text, negative)
        except InvalidLiteral as error:
            raise self.invalid(token, error) from None

    def _typed_literal(self) -> Expression:
        first = self.token
        name = self.name()
        try:
            return literals.typed(name, self.string())
        except InvalidLiteral as error:
            raise self.invalid(first, error) from None

    def _constant(self) -> Expression:
        return _CONSTANTS[self.advance().key]

    def _parameter(self) -> Expression:
        if self.advance().key == "?":
            position = sum(token.key == "?" for token in self.tokens[: self.at - 1])
            if isinstance(self.args, Sequence) and position < len(self.args):
                return self.args[position]
            raise self._unbound(f"_{self.tokens[self.at - 1].start}", ":")
        name = self.name()
        if isinstance(self.args, Mapping) and name in self.args:
            return self.args[name]
        raise self._unbound(name, "?")

    def _unbound(self, name: str, other: str) -> AnalysisException:
        if any(token.key == other for token in self.tokens):
            return AnalysisException(
                "INVALID_QUERY_MIXED_QUERY_PARAMETERS",
                "A query has either parameters by name or by position, not both.",
                sqlstate="42613",
            )
        return _unbound(name)

    def _interval(self) -> Expression | None:
        if not (self._amount_ahead(1) or self.ahead().kind == STRING):
            if self.ahead().kind == NUMBER:
                self.seek(self.at + 2)
                self.fail()
            return None
        first = self.advance()
        try:
            return self._interval_value(first)
        except InvalidLiteral as error:
            raise self.invalid(first, error) from None

    def _amount_ahead(self, distance: int) -> bool:
        if self.ahead(distance).key in ("+", "-"):
            distance += 1
        if self.ahead(distance).kind not in (STRING, NUMBER):
            return False
        return self.ahead(distance + 1).key in intervals.UNITS

    def _interval_value(self, first: Token) -> Literal:
        if not self._amount_ahead(0):
            text = self.string()
            return intervals.from_text(text, self.sql[first.start : self.tokens[self.at - 1].end])
        pairs: list[tuple[str, str]] = []
        while self._amount_ahead(0):
            sign = self.accept_any("+", "-")
            is_string = self.token.kind == STRING
            amount = literals.unquote(self.advance().text) if is_string else self.advance().text
            unit = self.advance().key
            fields = intervals.FIELDS
            if not pairs and unit in fields and self.token.key == "TO" and self.ahead().key in fields:
                self.advance()
                return intervals.from_span(amount, sign == "-", unit, self.advance().key)
            if sign == "-":
                amount = amount.strip()
                amount = amount[1:] if amount.startswith("-") else f"-{amount.removeprefix('+')}"
            pairs.append((amount, unit))
        return intervals.from_units(pairs, self.sql[first.start : self.tokens[self.at - 1].end])

    # ---- columns, stars, lambdas ----

    def _column_or_call(self) -> Expression:
        first = self.token
        parts = [self.name()]
        while self.token.key == ".":
            if self.ahead().key == "*":
                self.seek(self.at + 2)
                return self._star(tuple(parts))
            self.advance()
            parts.append(self.name())
        if self.token.key == "(":
            return self.call_of(parts, first.key if len(parts) == 1 else "")
        if len(parts) == 1 and self.token.key == "->":
            return self._lambda(parts)
        return self._column(parts)

    def _column(self, parts: list[str]) -> Expression:
        folded = parts[0].lower()
        for scope in reversed(self._lambda_scopes):
            if folded in scope:
                found: Expression = LambdaVariable(scope[folded])
                for part in parts[1:]:
                    found = _field(found, part)
                return found
        return UnresolvedAttribute(tuple(parts))

    def _star(self, target: tuple[str, ...]) -> Expression:
        excluded: tuple[tuple[str, ...], ...] = ()
        if self.sees("EXCEPT", "(") and not self.starts_query(2):
            self.advance()
            excluded = tuple(self.in_parentheses(self.names))
        return UnresolvedStar(target, excluded)

    def _lambda(self, parameters: list[str]) -> Expression:
        self.expect("->")
        self._lambda_scopes.append({name.lower(): name for name in parameters})
        body = self.expression()
        self._lambda_scopes.pop()
        return LambdaFunction(body, tuple(LambdaVariable(name) for name in parameters))

    def _lambda_parameters(self) -> list[str] | None:
        # `(x, y) ->`. One parameter in parentheses is no lambda in Spark.
        distance = 1
        while self.is_name(self.ahead(distance)) and self.ahead(distance + 1).key == ",":
            distance += 2
        if distance == 1 or not self.is_name(self.ahead(distance)):
            return None
        if self.ahead(distance + 1).key != ")" or self.ahead(distance + 2).key != "->":
            return None
        return self.in_parentheses(self.name)

    # ---- parentheses ----

    def _parenthesized(self) -> Expression:
        if self.starts_query(1):
            self.advance()
            plan = self.query()
            self.expect(")")
            return SubqueryExpression("scalar", plan, type=t.NullType())
        parameters = self._lambda_parameters()
        if parameters is not None:
            return self._lambda(parameters)
        self.advance()
        is_nested = self.token.key == "("
        items = self.separated(self.named_expression)
        first = items[0]
        if len(items) > 1:
            self.expect(")")
            return call("(,)", *items)
        if isinstance(first, Alias):
            self.fail()
        if is_nested and self.token.key != ")" and _is_scalar_subquery(first):
            # ((SELECT ...) UNION SELECT ...)
            first = replace(first, plan=self.query_from(cast(Relation, first.plan)))
        self.expect(")")
        return first

    # ---- CASE, CAST and types ----

    def _case(self) -> Expression | None:
        if not self._when_ahead():
            return None
        self.advance()
        operand = None if self.token.key == "WHEN" else self.expression()
        args: list[Expression] = []
        while self.accept("WHEN"):
            condition = self.expression()
            args.append(condition if operand is None else call("==", operand, condition))
            self.expect("THEN")
            args.append(self.expression())
        if not args:
            self.fail()
        if self.accept("ELSE"):
            args.append(self.expression())
        self.expect("END")
        return call("when", *args)

    def _when_ahead(self) -> bool:
        # As against a column named case: a WHEN follows, not inside parentheses and before a comma.
        depth, distance = 0, 1
        while True:
            token = self.ahead(distance)
            if token.kind == END or (depth == 0 and token.key in (",", ")", ";")):
                return False
            if depth == 0 and token.key == "WHEN":
                return True
            depth += (token.key in ("(", "[")) - (token.key in (")", "]"))
            distance += 1

    def _from(self) -> Expression | None:
        if (self.is_name(self.ahead()) and self.ahead().key != "FROM") or self.ahead().key == "(":
            self.fail()
        return None


def _field(child: Expression, name: str) -> Expression:
    if isinstance(child, UnresolvedAttribute):
        return UnresolvedAttribute((*child.parts, name))
    return UnresolvedExtractValue(child, Literal(name, t.StringType()))


def _is_scalar_subquery(expression: Expression) -> TypeGuard[SubqueryExpression]:
    return isinstance(expression, SubqueryExpression) and expression.kind == "scalar"


def _unbound(name: str) -> AnalysisException:
    return AnalysisException(
        "UNBOUND_SQL_PARAMETER",
        f"The parameter {name} has no value. Give one in `args`.",
        sqlstate="42P02",
        parameters={"name": name},
    )


_WORDS: dict[str, Callable[[Any], Expression | None]] = {
    "NULL": Primaries._constant,
    "TRUE": Primaries._constant,
    "FALSE": Primaries._constant,
    "CASE": Primaries._case,
    "INTERVAL": Primaries._interval,
    "FROM": Primaries._from,
}

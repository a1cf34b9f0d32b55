"""Spark's expression grammar, from OR down to the operators. What operators stand between is in `primaries`.

Spark: the levels are those of its own grammar, which differ from most SQL dialects: all comparisons bind equally,
`&`, `^` and `|` bind differently from each other, `||` binds like `+`, and IS, IN, LIKE and BETWEEN stand above the
comparisons and do not chain.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from lightstream.parse.data_types import DataTypes
from lightstream.parse.tokens import STRING
from lightstream.plan.expressions import (
    Alias,
    Expression,
    Literal,
    SubqueryExpression,
    UnresolvedFunction,
)
from lightstream.plan.relations import Relation
from lightstream.plan.types import BooleanType, StringType

_COMPARISON, _ADDITION, _SHIFT, _MULTIPLICATION = 1, 6, 5, 7
_BINDINGS = {
    **dict.fromkeys(("=", "==", "<=>", "<>", "!=", "<", "<=", "!>", ">", ">=", "!<"), _COMPARISON),
    "|": 2,
    "^": 3,
    "&": 4,
    **dict.fromkeys(("<<", ">>", ">>>"), _SHIFT),
    **dict.fromkeys(("+", "-", "||"), _ADDITION),
    **dict.fromkeys(("*", "/", "%", "DIV"), _MULTIPLICATION),
}
_NAMES = {"=": "==", "!<": ">=", "!>": "<=", "||": "concat", "DIV": "div"}
_UNARY = {"-": "(-)", "+": "positive", "~": "~"}
_MATCHERS = {"LIKE": "like", "ILIKE": "ilike", "RLIKE": "rlike", "REGEXP": "rlike"}

_SET_OPERATORS = frozenset(("UNION", "EXCEPT", "MINUS", "INTERSECT"))
_AFTER_SET_OPERATOR = frozenset(("SELECT", "ALL", "DISTINCT", "(", "FROM", "TABLE", "VALUES"))
_CLAUSES_WITH_BY = frozenset(("GROUP", "ORDER", "SORT", "CLUSTER", "DISTRIBUTE"))
_CLAUSES_WITH_EXPRESSION = frozenset(("WHERE", "HAVING", "QUALIFY", "LIMIT", "OFFSET"))


def call(name: str, *args: Expression) -> UnresolvedFunction:
    """Return the call of an operator or function by name."""
    return UnresolvedFunction(name, args)


def row_values(value: Expression) -> tuple[Expression, ...]:
    """Return the parts of a row `(a, b)`, or the value itself."""
    if isinstance(value, UnresolvedFunction) and value.name in ("(,)", "struct") and value.args:
        return tuple(arg.child if isinstance(arg, Alias) else arg for arg in value.args)
    return (value,)


class Expressions(DataTypes):
    """Reads expressions, without and with a name."""

    def primary(self) -> Expression:
        """Read what stands between operators."""
        raise NotImplementedError

    def query(self) -> Relation:
        """Read a query."""
        raise NotImplementedError

    # ---- names of expressions ----

    def named_expression(self) -> Expression:
        """Read an expression with its alias, if it has one."""
        expression = self.expression()
        if self.accept("AS"):
            if self.token.key == "(":
                return Alias(expression, tuple(self.in_parentheses(self.name)))
            return Alias(expression, (self.name(),))
        if self.token.key == "(":
            return Alias(expression, tuple(self.in_parentheses(self.name)))
        if self.is_name(self.token) and not self.at_clause():
            return Alias(expression, (self.name(),))
        return expression

    def at_clause(self) -> bool:
        """Return whether a clause of the query begins here, as against an alias that looks like a keyword."""
        key, after = self.token.key, self.ahead()
        if key in _CLAUSES_WITH_BY:
            return after.key == "BY"
        if key in _CLAUSES_WITH_EXPRESSION:
            return self.starts_expression(after) and after.key != "FROM"
        if key == "FROM":
            return self.is_name(after) or after.key == "("
        if key in _SET_OPERATORS:
            return after.key in _AFTER_SET_OPERATOR
        if key == "LATERAL":
            return after.key == "VIEW"
        if key == "WINDOW":
            return self.is_name(after) and self.ahead(2).key == "AS"
        if key == "FOR":
            return after.key == "(" or self.ahead(2).key == "IN"
        return False

    # ---- AND, OR, NOT ----

    def expression(self) -> Expression:
        """Read an expression."""
        return self._chain("OR", "or", self._conjunction)

    def _conjunction(self) -> Expression:
        return self._chain("AND", "and", self._negation)

    def _chain(self, key: str, name: str, operand: Callable[[], Expression]) -> Expression:
        first = operand()
        if self.token.key != key:
            return first
        operands = [first]
        while self.accept(key):
            operands.append(operand())
        return _balanced(name, operands)

    def _negation(self) -> Expression:
        key = self.token.key
        if key == "!" or (key == "NOT" and self.starts_expression(self.ahead())):
            self.advance()
            return call("not", self._negation())
        if key == "EXISTS" and self.ahead().key == "(" and self._query_in_parentheses(2):
            self.advance()
            self.advance()
            plan = self.query()
            self.expect(")")
            return SubqueryExpression("exists", plan)
        return self._predicate(self.value())

    def _query_in_parentheses(self, distance: int) -> bool:
        while self.ahead(distance).key == "(":
            distance += 1
        return self.starts_query(distance)

    # ---- predicates ----

    def _predicate(self, value: Expression) -> Expression:
        key = self.token.key
        if key == "IS":
            return self._is(value)
        negated = key == "NOT"
        if negated:
            key = self.ahead().key
        after = self.ahead(2 if negated else 1)
        if key == "IN":
            read: Callable[[Expression], Expression] | None = self._in if after.key == "(" else None
        elif key == "BETWEEN" or key in _MATCHERS:
            wanted = self.starts_expression(after) and after.key != "FROM"
            read = (self._between if key == "BETWEEN" else self._matches) if wanted else None
        else:
            read = None
        if read is None:
            return value
        if negated:
            self.advance()
        self.advance()
        if negated and read == self._matches:
            return self._matches(value, negated=True)
        found = read(value)
        return call("not", found) if negated else found

    def _is(self, value: Expression) -> Expression:
        negated = self.ahead().key == "NOT"
        kind = self.ahead(2 if negated else 1).key
        if kind not in ("NULL", "TRUE", "FALSE", "UNKNOWN", "DISTINCT"):
            return value
        self.seek(self.at + (3 if negated else 2))
        if kind in ("NULL", "UNKNOWN"):
            return call("isnotnull" if negated else "isnull", value)
        if kind == "DISTINCT":
            self.expect("FROM")
            same = call("<=>", value, self.value())
            return same if negated else call("not", same)
        found = call("<=>", value, Literal(kind == "TRUE", BooleanType()))
        return call("not", found) if negated else found

    def _in(self, value: Expression) -> Expression:
        first = self.tokens[self.at - 1]
        self.expect("(")
        if self.starts_query():
            plan = self.query()
            self.expect(")")
            return SubqueryExpression("in", plan, row_values(value))
        if self.accept(")"):
            raise self.located(
                first,
                self.tokens[self.at - 1],
                "INVALID_SQL_SYNTAX.EMPTY_IN_PREDICATE",
                "Invalid SQL syntax: IN needs at least one value.",
                "42000",
            )
        options = self.separated(self.expression)
        self.expect(")")
        return call("in", value, *options)

    def _between(self, value: Expression) -> Expression:
        low = self.value()
        self.expect("AND")
        return call("between", value, low, self.value())

    def _matches(self, value: Expression, negated: bool = False) -> Expression:
        matcher = self.tokens[self.at - 1]
        name = _MATCHERS[matcher.key]
        if name != "rlike" and self.token.key in ("ANY", "SOME", "ALL") and self.ahead().key == "(":
            is_all = self.advance().key == "ALL"
            if self.sees("(", ")"):
                raise self.located(
                    matcher,
                    self.ahead(),
                    "INVALID_SQL_SYNTAX.EMPTY_QUANTIFIED_PATTERN",
                    "Invalid SQL syntax: Expected something between '(' and ')'.",
                    "42000",
                )
            patterns = self.in_parentheses(self.expression)
            if all(isinstance(p, Literal) and isinstance(p.value, str) for p in patterns):
                if name == "ilike":
                    value = call("lower", value)
                    patterns = [replace(p, value=p.value.lower()) for p in patterns if isinstance(p, Literal)]
                quantified = f"{'not' if negated else ''}like{'all' if is_all else 'any'}"
                return call(quantified, value, *patterns)
            matches: list[Expression] = [call(name, value, pattern) for pattern in patterns]
            if negated:
                matches = [call("not", match) for match in matches]
            return _balanced("and" if is_all else "or", matches)
        found = call(name, value, self.value())
        if name != "rlike" and self.token.key == "ESCAPE" and self.ahead().kind == STRING:
            self.advance()
            escape = self.string()
            if len(escape) != 1:
                raise self.located(
                    matcher,
                    self.tokens[self.at - 1],
                    "INVALID_ESC",
                    f"Found an invalid escape string: '{escape}'. It must be one character.",
                    "42604",
                    {"invalidEscape": f"'{escape}'"},
                )
            if escape != "\\":
                found = call(name, *found.args, Literal(escape, StringType()))
        return call("not", found) if negated else found

    # ---- operators ----

    def value(self, binding: int = _COMPARISON) -> Expression:
        """Read operands and the operators between them that bind at least as tightly as `binding`."""
        left = self._unary()
        while True:
            key = self.token.key
            found = _BINDINGS.get(key)
            if found is None or found < binding:
                return left
            if key == "DIV" and not self.starts_expression(self.ahead()):
                return left
            self.advance()
            right = self.value(found + 1)
            if key in ("<>", "!="):
                left = call("not", call("==", left, right))
            else:
                left = call(_NAMES.get(key, key), left, right)

    def _unary(self) -> Expression:
        name = _UNARY.get(self.token.key)
        if name is None:
            return self.primary()
        if name == "(-)" and self.ahead().kind == "number":
            return self.primary()
        self.advance()
        return call(name, self._unary())


def _balanced(name: str, operands: list[Expression]) -> Expression:
    # Spark balances chains of four and more; generated column names show it.
    if len(operands) == 1:
        return operands[0]
    middle = (len(operands) + 1) // 2
    return call(name, _balanced(name, operands[:middle]), _balanced(name, operands[middle:]))

"""What stands in FROM: tables, subqueries, joins, table functions, samples, LATERAL VIEW, PIVOT and UNPIVOT."""

from __future__ import annotations

from collections.abc import Callable

from lightstream.errors import ParseException, unsupported
from lightstream.parse.expressions import call
from lightstream.parse.intervals import UNITS
from lightstream.parse.literals import unquote
from lightstream.parse.primaries import Primaries
from lightstream.parse.tokens import NUMBER, STRING, Token
from lightstream.plan import relations as r
from lightstream.plan.expressions import (
    Expression,
    Literal,
    SortOrder,
    TableArgument,
    UnresolvedAttribute,
    UnresolvedFunction,
)

# Words that cannot be a table's alias in Spark either.
_NO_ALIAS = frozenset((
    "ANTI", "CROSS", "EXCEPT", "FULL", "INNER", "INTERSECT", "JOIN", "LATERAL", "LEFT", "MINUS", "NATURAL",
    "ON", "RIGHT", "SEMI", "UNION", "USING",
))  # fmt: skip
_TIME_TRAVEL = frozenset(("VERSION", "SYSTEM_VERSION", "TIMESTAMP", "SYSTEM_TIME"))
_UNNAMED = "__auto_generated_subquery_name"
# By the words before JOIN.
_JOINS = {
    (): "inner",
    ("INNER",): "inner",
    ("CROSS",): "cross",
    ("LEFT",): "leftouter",
    ("LEFT", "OUTER"): "leftouter",
    ("RIGHT",): "rightouter",
    ("RIGHT", "OUTER"): "rightouter",
    ("FULL",): "fullouter",
    ("FULL", "OUTER"): "fullouter",
    ("SEMI",): "leftsemi",
    ("LEFT", "SEMI"): "leftsemi",
    ("ANTI",): "leftanti",
    ("LEFT", "ANTI"): "leftanti",
}
_JOIN_WORDS = frozenset(word for words in _JOINS for word in words)


class Tables(Primaries):
    """Reads FROM clauses."""

    def values(self) -> r.Relation:
        """Read VALUES."""
        raise NotImplementedError

    def from_clause(self) -> r.Relation:
        """Read what follows FROM, with its joins and lateral views."""
        found = self._relation()
        while self.accept(","):
            lateral = self._accept_lateral()
            found = self._extended(r.Join(found, self._joinable(lateral), lateral=lateral))
        return self.lateral_views(found)

    def _relation(self) -> r.Relation:
        return self._extended(self._joinable(self._accept_lateral()))

    def _accept_lateral(self) -> bool:
        return self.token.key == "LATERAL" and self.ahead().key != "VIEW" and self.accept("LATERAL")

    # ---- joins ----

    def _extended(self, found: r.Relation, once: bool = False) -> r.Relation:
        while True:
            if self.token.key in ("PIVOT", "UNPIVOT") and self._at_pivot():
                found = self._pivot(found) if self.advance().key == "PIVOT" else self._unpivot(found)
                continue
            natural, words = self._join_ahead()
            if words is None:
                return found
            kind = _JOINS.get(words)
            if kind is None:
                self.seek(self.at + int(natural) + 1)
                self.fail()
            first = self.token
            self.seek(self.at + int(natural) + len(words) + 1)
            if natural and kind == "cross":
                raise self.located(
                    first,
                    self.tokens[self.at - 1],
                    "INCOMPATIBLE_JOIN_TYPES",
                    "The join types NATURAL and CROSS are incompatible.",
                    "42613",
                )
            lateral = self._accept_lateral()
            right = self._joinable(lateral)
            condition: Expression | None = None
            using: tuple[str, ...] = ()
            if not natural and self.accept("ON"):
                condition = self.expression()
            elif not natural and self.accept("USING"):
                using = tuple(self.in_parentheses(self.name))
            found = r.Join(found, right, kind, condition, using, natural, lateral)
            if once:
                return found

    def _join_ahead(self) -> tuple[bool, tuple[str, ...] | None]:
        distance = int(self.token.key == "NATURAL")
        words: list[str] = []
        while self.ahead(distance).key in _JOIN_WORDS:
            words.append(self.ahead(distance).key)
            distance += 1
        if self.ahead(distance).key != "JOIN":
            return False, None
        return self.token.key == "NATURAL", tuple(words)

    def _joinable(self, lateral: bool) -> r.Relation:
        first = self.token
        found = self._table()
        if lateral and not _is_subquery_or_function(found):
            raise self.located(
                first,
                self.tokens[self.at - 1],
                "INVALID_SQL_SYNTAX.LATERAL_WITHOUT_SUBQUERY_OR_TABLE_VALUED_FUNC",
                "Invalid SQL syntax: LATERAL can only be used with subqueries and table-valued functions.",
                "42000",
            )
        return found

    # ---- one table ----

    def _table(self) -> r.Relation:
        token, after = self.token, self.ahead()
        if token.key == "(":
            return self._parenthesized_table()
        if token.key == "VALUES" and self.starts_query():
            return self.values()
        if token.key == "STREAM" and (after.key == "(" or self._is_stream_of(after)):
            self.advance()
            name = self.in_parentheses(self.names)[0] if after.key == "(" else self.names()
            self._refuse_options()
            return self._decorated(r.UnresolvedTable(name, is_streaming=True))
        at_identifier = token.key == "IDENTIFIER" and after.key == "("
        name = self.identifier_clause() if at_identifier else self.names()
        if self.token.key == "(":
            return self._table_function(name)
        if self.token.key == "FOR" and self.ahead().key in _TIME_TRAVEL:
            raise unsupported("Time travel (FOR VERSION or TIMESTAMP)")
        if self.token.key in _TIME_TRAVEL and self.ahead().key == "AS" and self.ahead(2).key == "OF":
            raise unsupported("Time travel (VERSION or TIMESTAMP AS OF)")
        self._refuse_options()
        return self._decorated(r.UnresolvedTable(name))

    def _refuse_options(self) -> None:
        if self.sees("WITH", "("):
            raise unsupported("Options of a table (WITH (...))")

    def _is_stream_of(self, token: Token) -> bool:
        if not self.is_name(token) or token.key in _NO_ALIAS or token.key in ("AS", "WHERE"):
            return False
        self.advance()
        is_clause = self._at_table_clause()
        self.seek(self.at - 1)
        return not is_clause

    def _parenthesized_table(self) -> r.Relation:
        start, windows = self.at, dict(self.named_windows)
        failure: ParseException | None = None
        if self.starts_query(1) or self.ahead().key == "(":
            self.advance()
            try:
                query = self.query()
                self.expect(")")
            except ParseException as error:
                # ((a JOIN b)) begins like ((SELECT ...)).
                if self.tokens[start + 1].key != "(":
                    raise
                failure, reached = error, self.at
                self.seek(start)
                self.named_windows = windows
            else:
                return self._decorated(query, _UNNAMED)
        self.advance()
        try:
            found = self._relation()
            self.expect(")")
        except ParseException:
            if failure is not None and reached > self.at:
                raise failure from None
            raise
        return self._decorated(found)

    def _table_function(self, name: tuple[str, ...]) -> r.Relation:
        self.expect("(")
        item = self._table_function_argument
        args, named = self.arguments(".".join(name), item, item)
        self.expect(")")
        return self.aliased(r.UnresolvedTableFunction(".".join(name), args, named))

    def _table_function_argument(self) -> Expression:
        after = self.ahead()
        if self.token.key != "TABLE" or not (after.key == "(" or self.is_name(after)):
            return self.expression()
        first = self.advance()
        if not self.accept("("):
            name = self.names()
            raise self.located(
                first,
                self.tokens[self.at - 1],
                "INVALID_SQL_SYNTAX.INVALID_TABLE_FUNCTION_IDENTIFIER_ARGUMENT_MISSING_PARENTHESES",
                f"Invalid SQL syntax: a table argument needs parentheses: TABLE({'.'.join(name)}).",
                "42000",
                {"argumentName": ".".join(f"`{part}`" for part in name)},
            )
        found = self.query() if self.starts_query() else r.UnresolvedTable(self.names())
        self.expect(")")
        single = self.accept("WITH", "SINGLE", "PARTITION")
        keys: tuple[Expression, ...] = ()
        if not single and self.token.key in ("PARTITION", "DISTRIBUTE") and self.ahead().key == "BY":
            self.seek(self.at + 2)
            key = self.expression()
            in_parentheses = isinstance(key, UnresolvedFunction) and key.name == "(,)"
            keys = key.args if isinstance(key, UnresolvedFunction) and in_parentheses else (key,)
            self._refuse_more("PARTITION BY")
        orders: tuple[SortOrder, ...] = ()
        if (keys or single) and self.token.key in ("ORDER", "SORT") and self.ahead().key == "BY":
            self.seek(self.at + 2)
            orders = self._table_orders()
            self._refuse_more("ORDER BY")
        return TableArgument(found, keys, orders, single)

    def _table_orders(self) -> tuple[SortOrder, ...]:
        start = self.at
        if self.token.key == "(":
            try:
                found = tuple(self.in_parentheses(self.sort_order))
            except ParseException:
                found = ()
            if found and self.token.key in (",", ")"):
                return found
            self.seek(start)
        return (self.sort_order(),)

    def _refuse_more(self, clause: str) -> None:
        """Refuse a list without parentheses; an argument by name may follow.

        Raises:
            ParseException: INVALID_SQL_SYNTAX.INVALID_TABLE_FUNCTION_TABLE_ARGUMENT_PARTITIONING.
        """
        if self.token.key == "," and not (self.is_name(self.ahead()) and self.ahead(2).key == "=>"):
            raise self.located(
                self.token,
                self.token,
                "INVALID_SQL_SYNTAX.INVALID_TABLE_FUNCTION_TABLE_ARGUMENT_PARTITIONING",
                f"Syntax error: several columns of {clause} of a table argument must be in parentheses.",
                "42000",
            )

    def _decorated(self, found: r.Relation, unnamed: str = "") -> r.Relation:
        # The alias comes last in the text and innermost in the plan.
        sampled = self._sample() if self.sees("TABLESAMPLE", "(") else None
        watermarked = self._watermark() if self._at_watermark() else None
        found = self.aliased(found, unnamed)
        if sampled is not None:
            found = sampled(found)
        return watermarked(found) if watermarked is not None else found

    def aliased(self, found: r.Relation, unnamed: str = "") -> r.Relation:
        """Read a table's alias and put it around the relation; `unnamed` is the alias when there is none."""
        if self.accept("AS"):
            if not self.is_name(self.token) or self.token.key in _NO_ALIAS:
                self.fail()
        elif not self.is_name(self.token) or self._at_table_clause():
            return r.SubqueryAlias(found, unnamed) if unnamed else found
        alias = self.name()
        columns: tuple[str, ...] = ()
        if self.token.key == "(":
            columns = tuple(self.in_parentheses(self.name))
        return r.SubqueryAlias(found, alias, columns)

    def _at_table_clause(self) -> bool:
        key, after = self.token.key, self.ahead()
        if key in _NO_ALIAS or self.at_clause():
            return True
        if key in ("PIVOT", "UNPIVOT"):
            return self._at_pivot()
        if key == "TABLESAMPLE":
            return after.key == "("
        if key == "WATERMARK":
            return self._at_watermark()
        if key == "SELECT":
            return self.starts_expression(after)
        if key == "INSERT":
            return after.key in ("INTO", "OVERWRITE")
        return False

    # ---- watermarks ----

    def _at_watermark(self) -> bool:
        if self.token.key != "WATERMARK" or not self.is_name(self.ahead()):
            return False
        return self.ahead(2).key in ("DELAY", ".", "(", "AS")

    def _watermark(self) -> Callable[[r.Relation], r.Relation]:
        self.advance()
        column = self.name()
        if self.token.key != "DELAY":
            raise unsupported("A computed column in WATERMARK", "Compute it in a subquery.")
        self.expect("DELAY", "OF", "INTERVAL")
        start, is_text = self.at, self.token.kind == STRING and self.ahead().key not in UNITS
        self.seek(start - 1)
        self.value()
        delay = unquote(self.tokens[start].text) if is_text else self.text_between(start, self.at)
        return lambda found: r.WithWatermark(found, column, delay.replace("'", ""))

    # ---- samples ----

    def _sample(self) -> Callable[[r.Relation], r.Relation]:
        first = self.token
        self.seek(self.at + 2)
        if self.accept("BUCKET"):
            numerator = self._whole_number()
            self.expect("OUT", "OF")
            denominator = self._whole_number()
            self.expect(")")
            return self._fraction(first, numerator / denominator if denominator else 2.0)
        amount = self.expression()
        unit = self.accept_any("PERCENT", "ROWS")
        if not unit:
            raise unsupported("TABLESAMPLE by bytes")
        self.expect(")")
        if unit == "ROWS":
            self._repeatable()  # Spark: which means nothing here
            return lambda found: r.Limit(found, amount)
        if not isinstance(amount, Literal):
            raise unsupported("A computed percentage in TABLESAMPLE")
        return self._fraction(first, float(amount.value) / 100)

    def _fraction(self, first: Token, fraction: float) -> Callable[[r.Relation], r.Relation]:
        if not 0 <= fraction <= 1:
            raise self.located(
                first,
                self.tokens[self.at - 1],
                "INVALID_TABLESAMPLE_FRACTION",
                f"Sampling fraction ({fraction}) must be on interval [0, 1].",
                "22023",
            )
        seed = self._repeatable()
        return lambda found: r.Sample(found, 0.0, fraction, seed=seed)

    def _repeatable(self) -> int | None:
        if not self.accept("REPEATABLE", "("):
            return None
        seed = self._whole_number()
        self.expect(")")
        return seed

    def _whole_number(self) -> int:
        if self.token.kind != NUMBER or not self.token.text.isdigit():
            self.fail()
        return int(self.advance().text)

    # ---- LATERAL VIEW ----

    def lateral_views(self, found: r.Relation) -> r.Relation:
        """Read `LATERAL VIEW [OUTER] generator(...) alias [AS column, ...]`, any number of them."""
        while self.accept("LATERAL", "VIEW"):
            outer = self.token.key == "OUTER" and self.is_name(self.ahead())
            if outer:
                self.advance()
            start = self.token
            generator = self.primary()
            if not isinstance(generator, UnresolvedFunction):
                self.seek(self.tokens.index(start))
                self.fail()
            alias = self.name()
            columns: list[str] = []
            if self.accept("AS") or (self.is_name(self.token) and not self._at_table_clause()):
                columns = self.separated(self.name)
            found = r.Generate(found, generator, outer, alias, tuple(columns))
        return found

    # ---- PIVOT and UNPIVOT ----

    def _at_pivot(self) -> bool:
        after = self.ahead()
        return after.key == "(" or (after.key in ("INCLUDE", "EXCLUDE") and self.ahead(2).key == "NULLS")

    def _pivot(self, found: r.Relation) -> r.Relation:
        self.expect("(")
        items = tuple(self.separated(self.named_expression))
        self.expect("FOR")
        if self.token.key == "(":
            columns = [UnresolvedAttribute((name,)) for name in self.in_parentheses(self.name)]
            column: Expression = call("(,)", *columns) if len(columns) > 1 else columns[0]
        else:
            column = UnresolvedAttribute((self.name(),))
        self.expect("IN")
        values = tuple(self.in_parentheses(self.named_expression))
        self.expect(")")
        return self._alias_only(r.Pivot(found, None, column, values, items))

    def _unpivot(self, found: r.Relation) -> r.Relation:
        include_nulls = self.accept("INCLUDE", "NULLS")
        if not include_nulls:
            self.accept("EXCLUDE", "NULLS")
        self.expect("(")
        several = self.token.key == "("
        names = tuple(self.in_parentheses(self.name)) if several else (self.name(),)
        self.expect("FOR")
        variable = self.name()
        self.expect("IN")
        groups = self.in_parentheses(self._unpivot_group if several else self._unpivot_column)
        self.expect(")")
        return self._alias_only(r.Unpivot(found, None, tuple(groups), variable, names, include_nulls))

    def _unpivot_group(self) -> r.UnpivotGroup:
        columns = tuple(UnresolvedAttribute(name) for name in self.in_parentheses(self.names))
        return r.UnpivotGroup(columns, self._unpivot_alias())

    def _unpivot_column(self) -> r.UnpivotGroup:
        column = UnresolvedAttribute(self.names())
        return r.UnpivotGroup((column,), self._unpivot_alias())

    def _unpivot_alias(self) -> str | None:
        return self.name() if self.accept("AS") or self.is_name(self.token) else None

    def _alias_only(self, found: r.Relation) -> r.Relation:
        if self.accept("AS") or (self.is_name(self.token) and not self._at_table_clause()):
            return r.SubqueryAlias(found, self.name())
        return found


def _is_subquery_or_function(relation: r.Relation) -> bool:
    while isinstance(relation, r.SubqueryAlias):
        if relation.alias == _UNNAMED:
            return True
        relation = relation.input  # type: ignore[assignment]
    return not isinstance(relation, r.UnresolvedTable | r.Values)

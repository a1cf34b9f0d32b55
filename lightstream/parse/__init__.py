"""Spark SQL text to unresolved relations and expressions.

The grammar follows Spark's own, rule by rule; what Spark has and this project has not is refused by name. The parser
is loaded when the first text is met.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from lightstream.errors import ParseException
from lightstream.parse.identifier import parse_identifier as parse_identifier

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lightstream.plan.expressions import Expression
    from lightstream.plan.relations import Relation


def parse_statement(
    sql: str,
    args: Mapping[str, Expression] | Sequence[Expression] | None = None,
    *,
    as_written: bool = False,
) -> Relation:
    """Parse one statement: a query to its relation, another statement to a `Command`.

    Args:
        sql: the text; a semicolon at its end is allowed.
        args: the values of `:name` (by name) or of `?` (by position).
        as_written: whether strings keep their backslashes (`spark.sql.parser.escapedStringLiterals`).

    Raises:
        ParseException: PARSE_SYNTAX_ERROR and the other errors of Spark's parser.
        AnalysisException: UNBOUND_SQL_PARAMETER.
        UnsupportedOperationException: for what Spark has and lightstream has not.
    """
    from lightstream.parse.settings import parse_setting
    from lightstream.parse.statements import Statements

    setting = parse_setting(sql)
    if setting is not None:
        return setting
    try:
        return Statements(sql, args, as_written=as_written).statement()
    except RecursionError:
        raise _too_complex() from None


@lru_cache(maxsize=512)
def parse_expression(sql: str, as_written: bool = False) -> Expression:
    """Parse an expression with its alias, if it has one, as `F.expr`, `selectExpr` and `filter` take it.

    Args:
        sql: the text.
        as_written: whether strings keep their backslashes (`spark.sql.parser.escapedStringLiterals`).

    Raises:
        ParseException: PARSE_SYNTAX_ERROR and the other errors of Spark's parser.
        UnsupportedOperationException: for what Spark has and lightstream has not.
    """
    from lightstream.parse.queries import Queries

    try:
        return Queries(sql, as_written=as_written).single_expression()
    except RecursionError:
        raise _too_complex() from None


def _too_complex() -> ParseException:
    return ParseException(
        "FAILED_TO_PARSE_TOO_COMPLEX",
        "The statement is nested too deeply to be parsed. Write it as several smaller ones.",
        sqlstate="54001",
    )

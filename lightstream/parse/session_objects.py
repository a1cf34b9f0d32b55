"""DECLARE, SET VAR, EXECUTE IMMEDIATE and the functions written in SQL, as `Command`s.

| kind | args |
|---|---|
| `declare_variable` | names, type, default, replace |
| `set_variable` | assignments: name and expression (None for DEFAULT) |
| `set_variables` | names; `query` gives the row |
| `drop_variable` | name, if_exists |
| `create_function` | name, parameters, returns, body, replace |
| `drop_function` | name, if_exists |
| `execute_immediate` | text, into, using: expressions, each perhaps an `Alias` |
"""

from __future__ import annotations

from lightstream.errors import unsupported
from lightstream.parse.failure import located
from lightstream.parse.inspections import Inspections
from lightstream.parse.tokens import STRING
from lightstream.plan.expressions import (
    Alias,
    Expression,
    SubqueryExpression,
    UnresolvedRegex,
    UnresolvedStar,
)
from lightstream.plan.relations import Command, OneRow, Project, Relation
from lightstream.plan.session_objects import Parameter
from lightstream.plan.types import DataType, NullType, StructField

_NO_TYPE = ("=", "DEFAULT", ",", ";")


def _value_of(query: Relation) -> Expression:
    """Return the value that a function's query gives; Spark takes `SELECT value` for the value."""
    if isinstance(query, Project) and isinstance(query.input, OneRow) and len(query.items) == 1:
        [item] = query.items
        if not isinstance(item, UnresolvedStar | UnresolvedRegex):
            return item.child if isinstance(item, Alias) else item
    return SubqueryExpression("scalar", query, type=NullType())


class SessionObjects(Inspections):
    """Reads what makes, changes and drops variables and functions of a session."""

    # ---- variables ----

    def declare_variable(self) -> Relation:
        """Read DECLARE [OR REPLACE] [VARIABLE] names [type] [DEFAULT | = expression]."""
        first = self.at
        self.advance()
        replace = self.accept("OR", "REPLACE")
        if self.token.key in ("VARIABLE", "VAR") and self.is_name(self.ahead()):
            self.advance()
        names = tuple(self.separated(self.names))
        data_type = None
        if self.is_name(self.token) and self.token.key not in _NO_TYPE:
            data_type = self.declared_type()
        default = self.expression() if self.accept_any("DEFAULT", "=") else None
        if data_type is None and default is None:
            raise located(
                self.sql,
                self.tokens[first].start,
                self.tokens[self.at - 1].end,
                "INVALID_SQL_SYNTAX.VARIABLE_TYPE_OR_DEFAULT_REQUIRED",
                "The definition of a SQL variable requires either a datatype or a DEFAULT clause.",
                "42000",
            )
        args = {"names": names, "type": data_type, "default": default, "replace": replace}
        return Command("declare_variable", args)

    def set_variable(self) -> Relation:
        """Read SET VAR name = expression, ..., or SET VAR (names) = (query)."""
        self.seek(2)
        if self.token.key == "(":
            names = tuple(self.in_parentheses(self.names))
            self.expect("=")
            self.expect("(")
            query = self.query()
            self.expect(")")
            return Command("set_variables", {"names": names}, query)
        return Command("set_variable", {"assignments": tuple(self.separated(self._variable_assignment))})

    def _variable_assignment(self) -> tuple[tuple[str, ...], Expression | None]:
        name = self.names()
        self.expect("=")
        if self.token.key == "DEFAULT" and self.ahead().key not in (".", "("):
            self.advance()
            return name, None
        return name, self.expression()

    def execute_immediate(self) -> Relation:
        """Read EXECUTE IMMEDIATE text [INTO names] [USING values]."""
        self.advance()
        self.expect("IMMEDIATE")
        text = self.expression()
        into = tuple(self.separated(self.names)) if self.accept("INTO") else ()
        using: tuple[Expression, ...] = ()
        if self.accept("USING"):
            if self.token.key == "(" and not self.starts_query(1):
                using = tuple(self.in_parentheses(self.named_expression))
            else:
                using = tuple(self.separated(self.named_expression))
        return Command("execute_immediate", {"text": text, "into": into, "using": using})

    # ---- functions ----

    def create_function(self, replace: bool, temporary: bool) -> Relation:
        """Read the rest of CREATE [OR REPLACE] [TEMPORARY] FUNCTION."""
        first = self.at
        self.advance()
        if_not_exists = self.accept("IF", "NOT", "EXISTS")
        name = self.names()
        if self.token.key == "AS" or self.token.kind == STRING:
            raise unsupported("CREATE FUNCTION of a Java class", "Use spark.udf.register.")
        if not temporary:
            raise unsupported("CREATE FUNCTION", "Use CREATE TEMPORARY FUNCTION.")
        if if_not_exists:
            raise located(
                self.sql,
                self.tokens[first].start,
                self.tokens[self.at - 1].end,
                "INVALID_SQL_SYNTAX.CREATE_TEMP_FUNC_WITH_IF_NOT_EXISTS",
                "CREATE TEMPORARY FUNCTION with IF NOT EXISTS is not allowed.",
                "42000",
            )
        self.expect("(")
        parameters = () if self.token.key == ")" else tuple(self.separated(self._function_parameter))
        self.expect(")")
        is_table = False
        returns: DataType | tuple[StructField, ...] | None = None
        if self.accept("RETURNS"):
            if self.accept("TABLE"):
                is_table = True
                returns = tuple(self.in_parentheses(self._returned_column)) if self.token.key == "(" else None
            else:
                returns = self.declared_type()
        while not self.accept("RETURN"):
            self._function_characteristic()
        body: Relation | Expression
        if is_table:
            body = self.query()
        elif self.starts_query():
            body = _value_of(self.query())
        else:
            body = self.expression()
        args = {"name": name, "parameters": parameters, "returns": returns, "body": body, "replace": replace}
        return Command("create_function", args)

    def _function_parameter(self) -> Parameter:
        name, data_type, default = self.name(), self.declared_type(), None
        while self.token.key not in (",", ")"):
            if self.accept("DEFAULT"):
                default = self.expression()
            elif self.accept("COMMENT"):
                self.string()
            else:
                self.fail()
        return Parameter(name, data_type, default)

    def _returned_column(self) -> StructField:
        name, data_type = self.name(), self.declared_type()
        if self.accept("COMMENT"):
            self.string()
        return StructField(name, data_type)

    def _function_characteristic(self) -> None:
        if self.accept("COMMENT"):
            self.string()
        elif self.accept("LANGUAGE"):
            if not self.accept("SQL"):
                raise unsupported(f"LANGUAGE {self.token.key} of a function", "Use spark.udf.register.")
        elif not (
            self.accept("DETERMINISTIC")
            or self.accept("NOT", "DETERMINISTIC")
            or self.accept("CONTAINS", "SQL")
            or self.accept("READS", "SQL", "DATA")
            or self.accept("SQL", "SECURITY", "DEFINER")
            or self.accept("SQL", "SECURITY", "INVOKER")
        ):
            self.fail()

    def drop_session_object(self, kind: str) -> Relation:
        """Read the rest of DROP TEMPORARY VARIABLE or FUNCTION."""
        self.advance()
        if_exists = self.accept("IF", "EXISTS")
        return Command(f"drop_{kind.lower()}", {"name": self.names(), "if_exists": if_exists})

"""Spark's statements. Queries become relations, the others `Command`s.

| kind | args |
|---|---|
| `create_view` | name, columns (name, comment), comment, properties, replace, if_not_exists, temporary, is_global, |
| | text (of the query) |
| `create_view_using` | name, replace, is_global, schema, format, options |
| `create_table` | name, if_not_exists, schema, format, options, partition_by, location, comment, properties |
| `create_database` | name, if_not_exists |
| `drop_database` | name, if_exists, cascade |
| `drop_table`, `drop_view` | name, if_exists (and for tables purge) |
| `insert` | name, overwrite, columns, by_name |
| `truncate_table`, `refresh_table` | name |
| `cache_table` | name, lazy, options |
| `uncache_table` | name, if_exists |
| `clear_cache` | |
| `show_tables`, `show_views`, `show_functions` | database, pattern (and for functions scope: all, user, system) |
| `show_databases` | pattern |
| `show_columns` | name, database |
| `show_current_database`, `show_catalogs` | (pattern for catalogs) |
| `describe_table` | name, extended, column |
| `describe_query` | |
| `describe_function` | name, extended |
| `explain` | mode: simple, extended, formatted, cost, codegen |
| `use` | name |
| `set` | key and value; key; verbose; or nothing |
| `reset` | key, or nothing |
| `set_time_zone` | value: a zone, an offset, or "LOCAL" |
| variables, functions, EXECUTE IMMEDIATE | see `session_objects` |

Names are tuples of parts. `query` holds the query of those that have one (for `explain` any statement).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from lightstream.errors import ParseException, unsupported
from lightstream.parse.failure import located
from lightstream.parse.session_objects import SessionObjects
from lightstream.parse.tokens import END, STRING
from lightstream.plan.expressions import Literal
from lightstream.plan.relations import Command, Relation, With
from lightstream.plan.types import DayTimeIntervalType, StructField, StructType

_QUERY_WORDS = ("SELECT", "WITH", "FROM", "VALUES", "TABLE", "(")
# Statements that Spark has and this project has not. What begins otherwise is a syntax error.
_REFUSED = frozenset((
    "ALTER", "ANALYZE", "MERGE", "UPDATE", "DELETE", "MSCK", "REPAIR", "LOAD", "ADD", "LIST", "COMMENT",
    "CALL", "BEGIN", "MAP", "REDUCE", "REPLACE",
))  # fmt: skip
_INVALID = frozenset((
    "GRANT", "REVOKE", "COMMIT", "ROLLBACK", "START", "LOCK", "UNLOCK", "EXPORT", "IMPORT", "DFS",
))  # fmt: skip

_CONSTRAINTS = ("CONSTRAINT", "PRIMARY", "FOREIGN", "CHECK", "UNIQUE")
_COLUMN_CLAUSES = ("DEFAULT", "GENERATED", "COLLATE", *_CONSTRAINTS)
# Spark's clauses of CREATE TABLE that are not supported here.
_TABLE_CLAUSES = ("ROW", "STORED", "CLUSTERED", "CLUSTER", "LIKE", "SKEWED", "DEFAULT", "WITH")


class Statements(SessionObjects):
    """Reads one statement."""

    def statement(self) -> Relation:
        """Read a statement and the end of the text."""
        if self.sees("SET", "TIME", "ZONE"):
            found = self._set_time_zone()
        elif self.sees("SET", "VAR") or self.sees("SET", "VARIABLE"):
            found = self.set_variable()
        else:
            found = self._any()
        while self.accept(";"):
            pass
        self.expect_end()
        return found

    def _any(self) -> Relation:
        key = self.token.key
        if key in _QUERY_WORDS:
            return self._query_or_insert()
        read = _STATEMENTS.get(key)
        if read is not None:
            return read(self)
        if key in _INVALID and (self.is_name(self.ahead()) or self.ahead().kind == END):
            raise located(
                self.sql,
                0,
                len(self.sql),
                "INVALID_STATEMENT_OR_CLAUSE",
                f"The statement or clause: {key} is not valid.",
                "42601",
            )
        if key in _REFUSED and self.ahead().kind != END:
            raise unsupported(f"The statement {key}")
        self.fail()

    def _query_or_insert(self) -> Relation:
        if self.token.key != "WITH":
            return self.query()
        recursive, tables = self.with_tables()
        if self.token.key != "INSERT":
            return With(tables, self.query(), recursive)
        command = self._insert()
        assert command.query is not None
        return Command(command.kind, command.args, With(tables, command.query, recursive))

    # ---- views and tables ----

    def _create(self) -> Relation:
        self.advance()
        replace = self.accept("OR", "REPLACE")
        is_global = self.token.key == "GLOBAL" and self.ahead().key in ("TEMPORARY", "TEMP")
        if is_global:
            self.advance()
        temporary = bool(self.accept_any("TEMPORARY", "TEMP"))
        if self.accept("VIEW"):
            return self._create_view(replace, is_global, temporary)
        if self.token.key == "TABLE" and not temporary and not replace:
            self.advance()
            return self._create_table()
        if self.token.key in _DATABASE and not (temporary or replace):
            self.advance()
            return self._create_database()
        if self.token.key == "FUNCTION" and not is_global:
            return self.create_function(replace, temporary)
        if self.token.key in _CREATABLE:
            raise unsupported(f"CREATE {'OR REPLACE ' if replace else ''}{self.token.key}")
        self.fail()

    def _create_database(self) -> Relation:
        if_not_exists = self.accept("IF", "NOT", "EXISTS")
        name = self.object_name()
        if self.token.key in ("COMMENT", "LOCATION", "MANAGED", "WITH"):
            raise unsupported(f"{self.token.key} of a schema")
        return Command("create_database", {"name": name, "if_not_exists": if_not_exists})

    def _create_view(self, replace: bool, is_global: bool, temporary: bool) -> Relation:
        first = self.tokens[0]
        if_not_exists = self.accept("IF", "NOT", "EXISTS")
        name = self.object_name()
        if temporary and len(name) > 1:
            raise self.located(
                first,
                self.tokens[self.at - 1],
                "INVALID_TEMP_OBJ_QUALIFIER",
                f"Temporary VIEW `{name[-1]}` cannot be qualified with `{'`.`'.join(name[:-1])}`.",
                "42602",
            )
        if temporary and (self.token.key == "USING" or self._schema_ahead()):
            return self._create_view_using(name, replace, is_global)
        columns: list[tuple[str, str | None]] = []
        if self.token.key == "(":
            columns = self.in_parentheses(self._view_column)
        comment: str | None = None
        properties: dict[str, str] = {}
        while self.token.key != "AS":
            if comment is None and self.accept("COMMENT"):
                comment = self.string()
            elif not properties and self.accept("TBLPROPERTIES"):
                properties = self.options()
            elif self.token.key in ("PARTITIONED", "WITH", "DEFAULT", "METRIC", "LANGUAGE", "SQL"):
                raise unsupported(f"{self.token.key} of a view")
            else:
                self.fail()
        self.expect("AS")
        start = self.at
        query = self.query()
        if temporary and if_not_exists:
            raise self._not_allowed(
                "A TEMPORARY view cannot be defined with IF NOT EXISTS.", "_LEGACY_ERROR_TEMP_0053"
            )
        if replace and if_not_exists:
            raise self._not_allowed(
                "CREATE VIEW cannot have both IF NOT EXISTS and REPLACE.",
                "CREATE_VIEW_WITH_IF_NOT_EXISTS_AND_REPLACE",
                "42601",
            )
        if temporary and properties:
            raise self._not_allowed("TBLPROPERTIES can't coexist with CREATE TEMPORARY VIEW.")
        args = {
            "name": name,
            "columns": tuple(columns),
            "comment": comment,
            "properties": properties,
            "replace": replace,
            "if_not_exists": if_not_exists,
            "temporary": temporary,
            "is_global": is_global,
            "text": self.text_between(start, self.at),
        }
        return Command("create_view", args, query)

    def _view_column(self) -> tuple[str, str | None]:
        name = self.name()
        return name, self.string() if self.accept("COMMENT") else None

    def _schema_ahead(self) -> bool:
        return self.token.key == "(" and self.ahead(2).key not in (",", ")", "COMMENT")

    def _create_view_using(self, name: tuple[str, ...], replace: bool, is_global: bool) -> Relation:
        schema = self._schema() if self.token.key == "(" else None
        self.expect("USING")
        args = {"name": name, "replace": replace, "is_global": is_global, "schema": schema}
        args["format"] = ".".join(self.names())
        args["options"] = self.options() if self.accept("OPTIONS") else {}
        return Command("create_view_using", args)

    def _create_table(self) -> Relation:
        if_not_exists = self.accept("IF", "NOT", "EXISTS")
        args: dict[str, Any] = {"name": self.object_name(), "if_not_exists": if_not_exists, "schema": None}
        if self.token.key == "(" and not self.starts_query(1):
            args["schema"] = self._schema()
        if self.accept("USING"):
            args["format"] = ".".join(self.names())
        clauses: dict[str, tuple[str, Callable[[], Any]]] = {
            "OPTIONS": ("options", self.options),
            "LOCATION": ("location", self.string),
            "COMMENT": ("comment", self.string),
            "TBLPROPERTIES": ("properties", self.options),
        }
        while self.token.key not in (*_QUERY_WORDS, "AS", ";") and self.token.kind != END:
            if self.token.key in clauses:
                key, read = clauses[self.token.key]
                if key in args:
                    self.fail()
                self.advance()
                args[key] = read()
            elif self.accept("PARTITIONED", "BY"):
                args["partition_by"] = tuple(self.in_parentheses(self._partition_column))
            elif self.token.key in _TABLE_CLAUSES:
                raise unsupported(f"{self.token.key} in CREATE TABLE")
            else:
                self.fail()
        query = None
        if self.accept("AS") or self.token.key in _QUERY_WORDS:
            query = self.query()
            if args["schema"] is not None:
                raise self._not_allowed("A schema cannot be given in CREATE TABLE ... AS SELECT.")
        defaults: dict[str, Any] = {"format": None, "options": {}, "partition_by": (), "location": None}
        return Command("create_table", {**defaults, "comment": None, "properties": {}, **args}, query)

    def _schema(self) -> StructType:
        return StructType(self.in_parentheses(self._schema_field))

    def _schema_field(self) -> StructField:
        if self.token.key in _CONSTRAINTS and (
            self.ahead().key in ("KEY", "(") or self.ahead(2).key == "PRIMARY"
        ):
            raise unsupported("A constraint in CREATE TABLE")
        name = self.name()
        data_type = self.declared_type()
        nullable = True
        metadata: dict[str, Any] = {}
        while True:
            if self.accept("NOT", "NULL"):
                nullable = False
            elif self.accept("COMMENT"):
                metadata["comment"] = self.string()
            elif self.token.key in _COLUMN_CLAUSES:
                raise unsupported(f"{self.token.key} of a column")
            else:
                return StructField(name, data_type, nullable, metadata)

    def _partition_column(self) -> str:
        name = self.name()
        if self.token.key not in (",", ")"):
            raise unsupported("Partitioning by an expression or by a typed column")
        return name

    def _drop(self) -> Relation:
        self.advance()
        if self.accept_any("TEMPORARY", "TEMP"):
            if self.token.key not in ("VARIABLE", "FUNCTION"):
                self.fail()
            return self.drop_session_object(self.token.key)
        kind = self.accept_any("TABLE", "VIEW")
        if self.accept_any(*_DATABASE):
            if_exists = self.accept("IF", "EXISTS")
            name = self.object_name()
            return Command(
                "drop_database",
                {
                    "name": name,
                    "if_exists": if_exists,
                    "cascade": self.accept_any("CASCADE", "RESTRICT") == "CASCADE",
                },
            )
        if not kind:
            if self.token.key in _CREATABLE and self.token.key != "VARIABLE":
                raise unsupported(f"DROP {self.token.key}")
            self.fail()
        if_exists = self.accept("IF", "EXISTS")
        args = {"name": self.object_name(), "if_exists": if_exists}
        if kind == "TABLE":
            args["purge"] = self.accept("PURGE")
        return Command(f"drop_{kind.lower()}", args)

    def _truncate(self) -> Relation:
        self.advance()
        self.expect("TABLE")
        name = self.object_name()
        if self.token.key == "PARTITION":
            raise unsupported("PARTITION in TRUNCATE TABLE")
        return Command("truncate_table", {"name": name})

    # ---- INSERT ----

    def _insert(self) -> Command:
        self.advance()
        overwrite = self.accept_any("INTO", "OVERWRITE") == "OVERWRITE"
        if self.tokens[self.at - 1].key == "INSERT":
            self.fail()
        if overwrite and self.token.key in ("DIRECTORY", "LOCAL") and self.ahead().key != ".":
            raise unsupported("INSERT OVERWRITE DIRECTORY")
        if self.token.key == "TABLE" and self.is_name(self.ahead()) and not self.starts_query(1):
            self.advance()
        name = self.object_name()
        if self.token.key in ("PARTITION", "REPLACE", "WATERMARK") and self.ahead().key != ".":
            raise unsupported(f"{self.token.key} in INSERT")
        by_name = self.accept("BY", "NAME")
        columns: tuple[str, ...] = ()
        if self.token.key == "(" and not by_name and self.is_name(self.ahead()) and not self.starts_query(1):
            columns = tuple(self.in_parentheses(self.name))
        query = self.query()
        args = {"name": name, "overwrite": overwrite, "columns": columns, "by_name": by_name}
        return Command("insert", args, query)

    def _explain(self) -> Relation:
        self.advance()
        mode = self.accept_any("EXTENDED", "FORMATTED", "COST", "CODEGEN") or "SIMPLE"
        return Command("explain", {"mode": mode.lower()}, self._any())

    def _use(self) -> Relation:
        self.advance()
        if self.token.key in ("NAMESPACE", "SCHEMA", "DATABASE") and self.is_name(self.ahead()):
            self.advance()
        return Command("use", {"name": self.object_name()})

    def _set_time_zone(self) -> Relation:
        # SET TIME ZONE; the other forms of SET are no matter of tokens.
        self.seek(3)
        if self.accept("LOCAL"):
            return Command("set_time_zone", {"value": "LOCAL"})
        if self.token.kind == STRING:
            return Command("set_time_zone", {"value": self.string()})
        if self.token.key == "INTERVAL":
            value = cast(Literal, self.primary())
            limit = 18 * 3_600_000_000
            is_day_time = isinstance(value, Literal) and isinstance(value.type, DayTimeIntervalType)
            if is_day_time and abs(value.value) <= limit and value.value % 1_000_000 == 0:
                return Command("set_time_zone", {"value": _offset(value.value // 1_000_000)})
            raise self._not_allowed(
                "An offset of a time zone is an interval of at most 18 hours, in whole seconds."
            )
        raise self._not_allowed("Invalid time zone displacement value.")

    def _not_allowed(
        self, message: str, condition: str = "_LEGACY_ERROR_TEMP_0035", sqlstate: str | None = None
    ) -> ParseException:
        return located(self.sql, 0, self.tokens[self.at - 1].end, condition, message, sqlstate)


def _offset(seconds: int) -> str:
    hours, rest = divmod(abs(seconds), 3600)
    text = f"{'-' if seconds < 0 else '+'}{hours:02}:{rest // 60:02}"
    return f"{text}:{rest % 60:02}" if rest % 60 else text


_DATABASE = ("DATABASE", "SCHEMA", "NAMESPACE")
_CREATABLE = frozenset((
    "TABLE", "FUNCTION", "DATABASE", "SCHEMA", "NAMESPACE", "INDEX", "MATERIALIZED", "STREAMING", "FLOW",
    "VARIABLE", "EXTERNAL", "TEMPORARY", "PROCEDURE", "CATALOG", "METRIC", "SQL",
))  # fmt: skip
_STATEMENTS: dict[str, Callable[[Any], Relation]] = {
    "CREATE": Statements._create,
    "DROP": Statements._drop,
    "INSERT": Statements._insert,
    "TRUNCATE": Statements._truncate,
    "CACHE": Statements.cache_table,
    "UNCACHE": Statements.uncache_table,
    "CLEAR": Statements.clear_cache,
    "REFRESH": Statements.refresh_table,
    "SHOW": Statements.show,
    "DESCRIBE": Statements.describe,
    "DESC": Statements.describe,
    "DECLARE": Statements.declare_variable,
    "EXECUTE": Statements.execute_immediate,
    "EXPLAIN": Statements._explain,
    "USE": Statements._use,
}

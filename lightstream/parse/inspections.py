"""SHOW, DESCRIBE and the statements about caches, as `Command`s. Their arguments are listed in `statements`."""

from __future__ import annotations

from typing import Any

from lightstream.errors import unsupported
from lightstream.parse.literals import unquote
from lightstream.parse.queries import Queries
from lightstream.parse.tokens import END, NUMBER, STRING
from lightstream.plan.relations import Command, Relation

_QUERY_WORDS = ("SELECT", "WITH", "FROM", "VALUES", "TABLE", "(")


class Inspections(Queries):
    """Reads SHOW, DESCRIBE and the statements about caches."""

    def options(self) -> dict[str, str]:
        """Read `(key [=] value, ...)`."""
        return dict(self.in_parentheses(self._option))

    def _option(self) -> tuple[str, str]:
        key = unquote(self.advance().text) if self.token.kind == STRING else ".".join(self.names())
        self.accept("=")
        if self.token.kind == STRING:
            return key, self.string()
        sign = "-" if self.accept("-") else ""
        if self.token.kind == NUMBER:
            return key, sign + self.advance().text
        word = self.accept_any("TRUE", "FALSE")
        if not word or sign:
            self.fail()
        return key, word.lower()

    # ---- cache ----

    def cache_table(self) -> Relation:
        """Read CACHE TABLE."""
        self.advance()
        lazy = self.accept("LAZY")
        self.expect("TABLE")
        args: dict[str, Any] = {"name": self.object_name(), "lazy": lazy}
        args["options"] = self.options() if self.accept("OPTIONS") else {}
        query = None
        if self.accept("AS") or self.token.key in _QUERY_WORDS:
            query = self.query()
        return Command("cache_table", args, query)

    def uncache_table(self) -> Relation:
        """Read UNCACHE TABLE."""
        self.advance()
        self.expect("TABLE")
        if_exists = self.accept("IF", "EXISTS")
        return Command("uncache_table", {"name": self.object_name(), "if_exists": if_exists})

    def clear_cache(self) -> Relation:
        """Read CLEAR CACHE."""
        self.advance()
        self.expect("CACHE")
        return Command("clear_cache")

    def refresh_table(self) -> Relation:
        """Read REFRESH TABLE."""
        self.advance()
        if not self.accept("TABLE"):
            raise unsupported("REFRESH of a function or a path")
        return Command("refresh_table", {"name": self.object_name()})

    # ---- SHOW and DESCRIBE ----

    def show(self) -> Relation:
        """Read SHOW."""
        self.advance()
        key = self.token.key
        if key in ("TABLES", "VIEWS"):
            self.advance()
            return Command(f"show_{key.lower()}", self._database_and_pattern())
        if self.accept_any("DATABASES", "SCHEMAS", "NAMESPACES"):
            args = self._database_and_pattern()
            if args["database"] is not None:
                raise unsupported("SHOW DATABASES IN a catalog")
            return Command("show_databases", {"pattern": args["pattern"]})
        if key == "CATALOGS":
            self.advance()
            return Command("show_catalogs", {"pattern": self._database_and_pattern()["pattern"]})
        if key == "CURRENT":
            self.advance()
            if not self.accept_any("SCHEMA", "NAMESPACE", "DATABASE"):
                self.fail()
            return Command("show_current_database")
        if key == "COLUMNS":
            return self._show_columns()
        if key == "FUNCTIONS" or self.ahead().key == "FUNCTIONS":
            return self._show_functions()
        if key in ("CREATE", "PARTITIONS", "TBLPROPERTIES", "TABLE"):
            raise unsupported(f"SHOW {key}")
        self.advance()
        self.fail()

    def _database_and_pattern(self) -> dict[str, Any]:
        database = self.object_name() if self.accept_any("IN", "FROM") else None
        is_like = self.accept("LIKE")
        pattern = self.string() if is_like or self.token.kind == STRING else None
        return {"database": database, "pattern": pattern}

    def _show_columns(self) -> Relation:
        self.advance()
        if not self.accept_any("IN", "FROM"):
            self.fail()
        name = self.object_name()
        database = self.object_name() if self.accept_any("IN", "FROM") else None
        return Command("show_columns", {"name": name, "database": database})

    def _show_functions(self) -> Relation:
        scope = "all"
        if self.token.key != "FUNCTIONS":
            scope = self.accept_any("ALL", "USER", "SYSTEM").lower()
            if not scope:
                self.fail()
        self.expect("FUNCTIONS")
        args = self._database_and_pattern()
        if args["pattern"] is None and self.is_name(self.token):
            args["pattern"] = ".".join(self.names())
        return Command("show_functions", {"scope": scope, **args})

    def describe(self) -> Relation:
        """Read DESCRIBE."""
        self.advance()
        if self.token.key == "FUNCTION" and self.ahead().kind != END:
            self.advance()
            extended = self.accept("EXTENDED")
            if self.is_name(self.token):
                name = self.object_name()
            else:
                name = (self.string() if self.token.kind == STRING else self.advance().text,)
            return Command("describe_function", {"name": name, "extended": extended})
        if self.token.key in ("DATABASE", "SCHEMA", "NAMESPACE", "CATALOG", "PROCEDURE") and self.is_name(
            self.ahead()
        ):
            raise unsupported(f"DESCRIBE {self.token.key}")
        if self.token.key == "QUERY" and (self.starts_query(1) or self.ahead().key == "("):
            self.advance()
            return Command("describe_query", {}, self.query())
        if (self.starts_query() and self.token.key != "TABLE") or self.token.key == "(":
            return Command("describe_query", {}, self.query())
        if self.token.key == "TABLE" and self.is_name(self.ahead()):
            self.advance()
        extended = False
        if self.token.key in ("EXTENDED", "FORMATTED") and self.is_name(self.ahead()):
            self.advance()
            extended = True
        name = self.object_name()
        if self.token.key == "PARTITION" or self.sees("AS", "JSON"):
            raise unsupported(f"{self.token.key} in DESCRIBE TABLE")
        column = self.names() if self.is_name(self.token) else None
        return Command("describe_table", {"name": name, "extended": extended, "column": column})

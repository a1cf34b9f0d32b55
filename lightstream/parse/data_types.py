"""Types in SQL text: `CAST(a AS ...)`, `a::...`, the columns of CREATE TABLE."""

from __future__ import annotations

from lightstream.errors import ParseException, unsupported
from lightstream.parse.cursor import Cursor
from lightstream.parse.intervals import FIELDS
from lightstream.parse.tokens import END, NUMBER, WORD
from lightstream.plan import types as t
from lightstream.plan.ddl import parse_type


class DataTypes(Cursor):
    """Reads types."""

    def data_type(self) -> t.DataType:
        """Read a type of a value. Spark: CHAR and VARCHAR are strings there."""
        return _without_length(self.declared_type())

    def declared_type(self) -> t.DataType:
        """Read a type as a schema declares it."""
        start = self.at
        if self.token.kind != WORD:
            self.fail()
        word = self.advance().key
        text = None
        if word in ("ARRAY", "MAP", "STRUCT") and self.token.key in ("<", "<>"):
            self._skip_type_arguments()
        elif self.token.key == "(":
            self.advance()
            while self.token.kind == NUMBER or self.token.key == ",":
                self.advance()
            self.expect(")")
        elif word == "INTERVAL" and self.token.key in FIELDS:
            self.advance()
            if self.token.key == "TO" and self.ahead().key in FIELDS:
                self.seek(self.at + 2)
        elif word == "TIMESTAMP" and self.accept("WITHOUT", "TIME", "ZONE"):
            text = "timestamp_ntz"
        elif word == "TIMESTAMP" and self.accept("WITH", "LOCAL", "TIME", "ZONE"):
            text = "timestamp_ltz"
        elif word == "STRING" and self.token.key == "COLLATE":
            raise unsupported("COLLATE")
        # Joined from tokens, since the type reader knows no comments.
        text = text or " ".join(token.text for token in self.tokens[start : self.at])
        try:
            return parse_type(text)
        except ParseException as error:
            raise self.located(
                self.tokens[start],
                self.tokens[self.at - 1],
                error.condition or "PARSE_SYNTAX_ERROR",
                error.message,
                error.sqlstate,
                error.parameters,
            ) from None

    def _skip_type_arguments(self) -> None:
        depth = 0
        while True:
            text = self.token.key
            if self.token.kind == END:
                self.fail()
            if text == "<":
                depth += 1
            elif text in (">", ">>", ">>>"):
                depth -= len(text)
            self.advance()
            if depth == 0:
                return
            if depth < 0:
                self.seek(self.at - 1)
                self.fail()


def _without_length(data_type: t.DataType) -> t.DataType:
    if isinstance(data_type, t.CharType | t.VarcharType):
        return t.StringType()
    if isinstance(data_type, t.ArrayType):
        return t.ArrayType(_without_length(data_type.elementType), data_type.containsNull)
    if isinstance(data_type, t.MapType):
        return t.MapType(
            _without_length(data_type.keyType),
            _without_length(data_type.valueType),
            data_type.valueContainsNull,
        )
    if isinstance(data_type, t.StructType):
        return t.StructType(
            [t.StructField(f.name, _without_length(f.dataType), f.nullable, f.metadata) for f in data_type]
        )
    return data_type

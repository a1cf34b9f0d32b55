"""Type text (`array<struct<a:int>>`, `decimal(10,2)`) and schema lists (`a int, b string NOT NULL`)."""

from __future__ import annotations

import re

from lightstream.errors import ParseException
from lightstream.plan import types as t

_TOKEN = re.compile(r"\s*(?:(`(?:[^`]|``)*`)|('(?:[^'\\]|\\.)*')|([\w$]+)|([<>(),:]))", re.UNICODE)

_NAMES: dict[str, t.DataType] = {
    "boolean": t.BooleanType(), "tinyint": t.ByteType(), "byte": t.ByteType(), "smallint": t.ShortType(),
    "short": t.ShortType(), "int": t.IntegerType(), "integer": t.IntegerType(), "bigint": t.LongType(),
    "long": t.LongType(), "float": t.FloatType(), "real": t.FloatType(), "double": t.DoubleType(),
    "date": t.DateType(), "timestamp": t.TimestampType(), "timestamp_ltz": t.TimestampType(),
    "timestamp_ntz": t.TimestampNTZType(), "string": t.StringType(), "binary": t.BinaryType(),
    "void": t.NullType(), "variant": t.VariantType(),
}  # fmt: skip
_DAY_TIME = {"day": 0, "hour": 1, "minute": 2, "second": 3}
_YEAR_MONTH = {"year": 0, "month": 1}


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[str] = []
        position = 0
        stripped = text.rstrip()
        while position < len(stripped):
            match = _TOKEN.match(stripped, position)
            if match is None:
                raise self.error(stripped[position:].strip()[:1])
            self.tokens.append(match.group().strip())
            position = match.end()
        self.at = 0

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def next(self) -> str:
        token = self.peek()
        self.at += 1
        return token

    def accept(self, token: str) -> bool:
        if self.peek().lower() == token:
            self.at += 1
            return True
        return False

    def expect(self, token: str) -> None:
        if not self.accept(token):
            raise self.error(self.peek())

    def error(self, near: str) -> ParseException:
        where = f"'{near}'" if near else "end of input"
        return ParseException(
            "PARSE_SYNTAX_ERROR",
            f"Syntax error at or near {where} in the type or schema text {self.text!r}.",
            sqlstate="42601",
            parameters={"error": where, "hint": ""},
        )

    def name(self) -> str:
        token = self.next()
        if token.startswith("`"):
            return token[1:-1].replace("``", "`")
        if not token or not (token[0].isalnum() or token[0] in "_$"):
            raise self.error(token)
        return token

    def number(self) -> int:
        token = self.next()
        if not token.isdigit():
            raise self.error(token)
        return int(token)

    def type(self) -> t.DataType:
        word = self.next()
        name = word.lower()
        if name == "array":
            self.expect("<")
            element = self.type()
            self.expect(">")
            return t.ArrayType(element)
        if name == "map":
            self.expect("<")
            key = self.type()
            self.expect(",")
            value = self.type()
            self.expect(">")
            return t.MapType(key, value)
        if name == "struct":
            self.expect("<")
            fields = [] if self.peek() == ">" else self.fields()
            self.expect(">")
            return t.StructType(fields)
        if name in ("decimal", "dec", "numeric"):
            precision, scale = 10, 0
            if self.accept("("):
                precision = self.number()
                scale = self.number() if self.accept(",") else 0
                self.expect(")")
            return decimal_type(precision, scale)
        if name in ("char", "character", "varchar"):
            self.expect("(")
            length = self.number()
            self.expect(")")
            return t.VarcharType(length) if name == "varchar" else t.CharType(length)
        if name == "time":
            digits = 6
            if self.accept("("):
                digits = self.number()
                self.expect(")")
            return t.TimeType(digits)
        if name == "interval":
            return self.interval()
        if name == "timestamp" and self.accept("without"):
            self.expect("time")
            self.expect("zone")
            return t.TimestampNTZType()
        known = _NAMES.get(name)
        if known is None:
            if not word or not (word[0].isalpha() or word[0] == "_"):
                raise self.error(word)
            raise ParseException(
                "UNSUPPORTED_DATATYPE",
                f'Unsupported data type "{word.upper()}".',
                sqlstate="0A000",
                parameters={"typeName": f'"{word.upper()}"'},
            )
        return known

    def interval(self) -> t.DataType:
        start = self.peek().lower()
        for units, make in ((_DAY_TIME, t.DayTimeIntervalType), (_YEAR_MONTH, t.YearMonthIntervalType)):
            if start in units:
                self.next()
                end = start
                if self.accept("to"):
                    end = self.next().lower()
                    if end not in units:
                        raise self.error(end)
                return make(units[start], units[end])
        return t.CalendarIntervalType()

    def fields(self, colons: bool = True) -> list[t.StructField]:
        result = []
        while True:
            name = self.name()
            if colons:
                self.accept(":")
            data_type = self.type()
            nullable = True
            if self.accept("not"):
                self.expect("null")
                nullable = False
            metadata = {}
            if self.accept("comment"):
                text = self.next()
                metadata["comment"] = text[1:-1]
            result.append(t.StructField(name, data_type, nullable, metadata))
            if not self.accept(","):
                return result


def decimal_type(precision: int, scale: int) -> t.DecimalType:
    """Return DECIMAL(precision, scale) or raise Spark's error for an impossible one."""
    if precision > 38:
        raise ParseException(
            "DECIMAL_PRECISION_EXCEEDS_MAX_PRECISION",
            f"Decimal precision {precision} exceeds max precision 38.",
            sqlstate="22003",
            parameters={"precision": str(precision), "maxPrecision": "38"},
        )
    if scale > precision:
        raise ParseException(
            "_LEGACY_ERROR_TEMP_1228",
            f"Decimal scale ({scale}) cannot be greater than precision ({precision}).",
        )
    return t.DecimalType(precision, scale)


def parse_type(text: str) -> t.DataType:
    """Parse one data type."""
    reader = _Reader(text)
    try:
        result = reader.type()
    except ParseException as error:
        if (
            error.getCondition() == "UNSUPPORTED_DATATYPE" and reader.peek()
        ):  # Spark: names come after the syntax
            raise reader.error(reader.peek()) from None
        raise
    if reader.peek():
        raise reader.error(reader.peek())
    return result


def parse_schema(text: str) -> t.StructType:
    """Parse a schema list, `a int, b string`, as readers take it: without colons, and nothing else.

    Raises:
        ParseException: PARSE_EMPTY_STATEMENT, PARSE_SYNTAX_ERROR.
    """
    reader = _Reader(text)
    if not reader.tokens:
        raise ParseException(
            "PARSE_EMPTY_STATEMENT",
            "The schema is empty. Write it as 'name string, age int'.",
            sqlstate="42617",
        )
    fields = reader.fields(colons=False)
    if reader.peek():
        raise reader.error(reader.peek())
    return t.StructType(fields)


def parse_type_or_schema(text: str) -> t.DataType:
    """Parse a schema list if the text is one, else a single type, as `DataType.fromDDL` does."""
    reader = _Reader(text)
    if not reader.tokens:
        return t.StructType([])
    try:
        fields = reader.fields()
        if not reader.peek():
            return t.StructType(fields)
    except ParseException:
        pass
    return parse_type(text)

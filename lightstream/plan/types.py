"""Spark's data types, with the interface of `pyspark.sql.types`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, ClassVar, cast, overload

from lightstream.errors import PySparkKeyError, PySparkTypeError, PySparkValueError


class DataType:
    """Base of all data types. Values are compared by their fields."""

    _name: ClassVar[str] = "data"
    _fields: ClassVar[tuple[str, ...]] = ()

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and all(
            getattr(self, name) == getattr(other, name) for name in self._fields
        )

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash((type(self), *(getattr(self, name) for name in self._fields)))

    @classmethod
    def typeName(cls) -> str:
        """Return the type's name in JSON schemas, e.g. `long`."""
        return cls._name

    def simpleString(self) -> str:
        """Return the type's name in SQL, e.g. `bigint`."""
        return self._name

    def jsonValue(self) -> str | dict[str, Any]:
        """Return the type as Spark writes it in JSON schemas."""
        return self._name

    def json(self) -> str:
        """Return `jsonValue` as text."""
        return json.dumps(self.jsonValue(), separators=(",", ":"), sort_keys=True)

    def sql(self) -> str:
        """Return the type as Spark prints it in expressions and messages, e.g. `BIGINT`."""
        return self.simpleString().upper()

    @classmethod
    def fromDDL(cls, ddl: str) -> DataType:
        """Parse type text or a schema list (`a int, b string`)."""
        from lightstream.plan.ddl import parse_type_or_schema

        return parse_type_or_schema(ddl)

    def toNullable(self) -> DataType:
        """Return the same type with every part nullable."""
        return as_nullable(self)

    def needConversion(self) -> bool:
        """Return whether Python values differ from Spark's internal ones."""
        return False

    def toInternal(self, obj: Any) -> Any:
        """Return a Python value in Spark's internal form."""
        return obj

    def fromInternal(self, obj: Any) -> Any:
        """Return Spark's internal value in Python form."""
        return obj


class NullType(DataType):
    """The type of NULL."""

    _name = "void"


class AtomicType(DataType):
    """A type without parts."""


class NumericType(AtomicType):
    """A number."""


class IntegralType(NumericType):
    """A whole number."""


class FractionalType(NumericType):
    """A number with a fraction."""


class StringType(AtomicType):
    """Text in UTF-8."""

    _name = "string"

    def __init__(self, collation: str | None = None) -> None:
        if collation not in (None, "UTF8_BINARY"):
            from lightstream.errors import unsupported

            raise unsupported(f"The collation {collation}")

    @property
    def collation(self) -> str:
        """The collation; only `UTF8_BINARY` is supported."""
        return "UTF8_BINARY"


class CharType(AtomicType):
    """Text of a fixed length, padded with spaces."""

    _name = "char"
    _fields = ("length",)

    def __init__(self, length: int) -> None:
        self.length = length

    def __repr__(self) -> str:
        return f"CharType({self.length})"

    def simpleString(self) -> str:
        return f"char({self.length})"

    jsonValue = simpleString


class VarcharType(AtomicType):
    """Text of a limited length."""

    _name = "varchar"
    _fields = ("length",)

    def __init__(self, length: int) -> None:
        self.length = length

    def __repr__(self) -> str:
        return f"VarcharType({self.length})"

    def simpleString(self) -> str:
        return f"varchar({self.length})"

    jsonValue = simpleString


class BinaryType(AtomicType):
    """Bytes."""

    _name = "binary"


class BooleanType(AtomicType):
    """True or false."""

    _name = "boolean"


class DatetimeType(AtomicType):
    """A date or a timestamp."""


class DateType(DatetimeType):
    """A calendar date (proleptic Gregorian)."""

    _name = "date"


class TimestampType(DatetimeType):
    """An instant in microseconds; shown in the session's time zone."""

    _name = "timestamp"


class TimestampNTZType(DatetimeType):
    """A local date and time in microseconds, without a time zone."""

    _name = "timestamp_ntz"


class TimeType(DatetimeType):
    """A time of day."""

    _name = "time"
    _fields = ("precision",)

    def __init__(self, precision: int = 6) -> None:
        self.precision = precision

    def __repr__(self) -> str:
        return f"TimeType({self.precision})"

    def simpleString(self) -> str:
        return f"time({self.precision})"

    jsonValue = simpleString


class DecimalType(FractionalType):
    """A decimal number of `precision` digits, `scale` of them after the point."""

    _name = "decimal"
    _fields = ("precision", "scale")

    def __init__(self, precision: int = 10, scale: int = 0) -> None:
        self.precision = precision
        self.scale = scale
        self.hasPrecisionInfo = True

    def __repr__(self) -> str:
        return f"DecimalType({self.precision},{self.scale})"

    def simpleString(self) -> str:
        return f"decimal({self.precision},{self.scale})"

    jsonValue = simpleString


class DoubleType(FractionalType):
    """A 64-bit float."""

    _name = "double"


class FloatType(FractionalType):
    """A 32-bit float."""

    _name = "float"


class ByteType(IntegralType):
    """An 8-bit integer."""

    _name = "byte"

    def simpleString(self) -> str:
        return "tinyint"


class ShortType(IntegralType):
    """A 16-bit integer."""

    _name = "short"

    def simpleString(self) -> str:
        return "smallint"


class IntegerType(IntegralType):
    """A 32-bit integer."""

    _name = "integer"

    def simpleString(self) -> str:
        return "int"


class LongType(IntegralType):
    """A 64-bit integer."""

    _name = "long"

    def simpleString(self) -> str:
        return "bigint"


class AnsiIntervalType(AtomicType):
    """An interval of months or of microseconds, from the unit of `startField` to that of `endField`."""

    _fields = ("startField", "endField")
    _units: ClassVar[tuple[str, ...]]

    def __init__(self, startField: int | None = None, endField: int | None = None) -> None:
        last = len(self._units) - 1
        if startField is None and endField is None:
            startField, endField = 0, last
        elif startField is not None and endField is None:
            endField = startField
        if startField is None or endField is None or not (0 <= startField <= endField <= last):
            raise PySparkValueError(
                "INVALID_INTERVAL_CASTING",
                f"interval {startField} to {endField} is not a valid range of fields.",
            )
        self.startField: int = startField
        self.endField: int = endField

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.startField}, {self.endField})"

    def simpleString(self) -> str:
        start, end = self._units[self.startField], self._units[self.endField]
        return f"interval {start}" if start == end else f"interval {start} to {end}"

    def jsonValue(self) -> str:
        return self.simpleString()


class DayTimeIntervalType(AnsiIntervalType):
    """An interval in microseconds."""

    _name = "daytimeinterval"

    DAY = 0
    HOUR = 1
    MINUTE = 2
    SECOND = 3
    _units: ClassVar[tuple[str, ...]] = ("day", "hour", "minute", "second")


class YearMonthIntervalType(AnsiIntervalType):
    """An interval in months."""

    _name = "yearmonthinterval"

    YEAR = 0
    MONTH = 1
    _units: ClassVar[tuple[str, ...]] = ("year", "month")


class CalendarIntervalType(DataType):
    """Months, days and microseconds, each on its own."""

    _name = "interval"


class VariantType(AtomicType):
    """A value of any type."""

    _name = "variant"


class ArrayType(DataType):
    """A list of elements of one type."""

    _name = "array"
    _fields = ("elementType", "containsNull")

    def __init__(self, elementType: DataType, containsNull: bool = True) -> None:
        if not isinstance(elementType, DataType):
            raise _not_a_type("elementType", elementType)
        self.elementType = elementType
        self.containsNull = containsNull

    def __repr__(self) -> str:
        return f"ArrayType({self.elementType!r}, {self.containsNull})"

    def simpleString(self) -> str:
        return f"array<{self.elementType.simpleString()}>"

    def sql(self) -> str:
        return f"ARRAY<{self.elementType.sql()}>"

    @classmethod
    def fromJson(cls, json: dict[str, Any]) -> ArrayType:
        """Build the type from its JSON form."""
        from lightstream.plan.type_texts import from_json_value

        return cast(ArrayType, from_json_value(json))

    def jsonValue(self) -> dict[str, Any]:
        return {
            "type": "array",
            "elementType": self.elementType.jsonValue(),
            "containsNull": self.containsNull,
        }


class MapType(DataType):
    """Keys of one type to values of another."""

    _name = "map"
    _fields = ("keyType", "valueType", "valueContainsNull")

    def __init__(self, keyType: DataType, valueType: DataType, valueContainsNull: bool = True) -> None:
        if not isinstance(keyType, DataType):
            raise _not_a_type("keyType", keyType)
        if not isinstance(valueType, DataType):
            raise _not_a_type("valueType", valueType)
        self.keyType = keyType
        self.valueType = valueType
        self.valueContainsNull = valueContainsNull

    def __repr__(self) -> str:
        return f"MapType({self.keyType!r}, {self.valueType!r}, {self.valueContainsNull})"

    def simpleString(self) -> str:
        return f"map<{self.keyType.simpleString()},{self.valueType.simpleString()}>"

    def sql(self) -> str:
        return f"MAP<{self.keyType.sql()}, {self.valueType.sql()}>"

    @classmethod
    def fromJson(cls, json: dict[str, Any]) -> MapType:
        """Build the type from its JSON form."""
        from lightstream.plan.type_texts import from_json_value

        return cast(MapType, from_json_value(json))

    def jsonValue(self) -> dict[str, Any]:
        return {
            "type": "map",
            "keyType": self.keyType.jsonValue(),
            "valueType": self.valueType.jsonValue(),
            "valueContainsNull": self.valueContainsNull,
        }


class StructField(DataType):
    """A named, typed part of a struct or schema."""

    _fields = ("name", "dataType", "nullable")

    def __init__(
        self,
        name: str,
        dataType: DataType,
        nullable: bool = True,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        if not isinstance(name, str):
            raise PySparkTypeError("NOT_STR", f"A field name must be a string, not {type(name).__name__}.")
        if not isinstance(dataType, DataType):
            raise _not_a_type("dataType", dataType)
        self.name = name
        self.dataType = dataType
        self.nullable = nullable
        self.metadata = metadata or {}

    def __repr__(self) -> str:
        return f"StructField('{self.name}', {self.dataType!r}, {self.nullable})"

    def simpleString(self) -> str:
        return f"{self.name}:{self.dataType.simpleString()}"

    def sql(self) -> str:
        return self._declared(": ")

    def _declared(self, between: str) -> str:
        """Return the field as it is declared in SQL, with what stands between name and type."""
        from lightstream.plan.type_texts import name_sql

        text = name_sql(self.name) + between + self.dataType.sql()
        if not self.nullable:
            text += " NOT NULL"
        if "comment" in self.metadata:
            comment = str(self.metadata["comment"]).replace("\\", "\\\\").replace("'", "\\'")
            text += f" COMMENT '{comment}'"
        return text

    def jsonValue(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "type": self.dataType.jsonValue(),
            "nullable": self.nullable,
            "metadata": self.metadata,
        }

    @classmethod
    def fromJson(cls, json: dict[str, Any]) -> StructField:
        """Build a field from its JSON form."""
        from lightstream.plan.type_texts import from_json_value

        return StructField(
            json["name"], from_json_value(json["type"]), json.get("nullable", True), json.get("metadata")
        )


class StructType(DataType):
    """A list of fields: a struct, or the schema of a table."""

    _name = "struct"
    _fields = ("fields",)

    def __init__(self, fields: list[StructField] | None = None) -> None:
        self.fields: list[StructField] = list(fields or [])
        self.names: list[str] = [field.name for field in self.fields]

    def __hash__(self) -> int:
        return hash((StructType, tuple(self.fields)))

    def __repr__(self) -> str:
        return f"StructType([{', '.join(map(repr, self.fields))}])"

    def __iter__(self) -> Iterator[StructField]:
        return iter(self.fields)

    def __len__(self) -> int:
        return len(self.fields)

    @overload
    def __getitem__(self, key: str | int) -> StructField: ...
    @overload
    def __getitem__(self, key: slice) -> StructType: ...
    def __getitem__(self, key: str | int | slice) -> StructField | StructType:
        if isinstance(key, str):
            for field in self.fields:
                if field.name == key:
                    return field
            raise PySparkKeyError("KEY_NOT_EXISTS", f"No StructField named `{key}`.", parameters={"key": key})
        if isinstance(key, slice):
            return StructType(self.fields[key])
        return self.fields[key]

    def add(
        self,
        field: str | StructField,
        data_type: str | DataType | None = None,
        nullable: bool = True,
        metadata: dict[str, Any] | None = None,
    ) -> StructType:
        """Append a field and return this schema."""
        if isinstance(field, StructField):
            self.fields.append(field)
        else:
            if data_type is None:
                raise PySparkValueError(
                    "ARGUMENT_REQUIRED",
                    "`data_type` is required when passing name of struct_field to create.",
                    parameters={
                        "arg_name": "data_type",
                        "condition": "passing name of struct_field to create",
                    },
                )
            resolved = _of_json_name(data_type) if isinstance(data_type, str) else data_type
            self.fields.append(StructField(field, resolved, nullable, metadata))
        self.names = [item.name for item in self.fields]
        return self

    def fieldNames(self) -> list[str]:
        """Return the field names."""
        return list(self.names)

    def simpleString(self) -> str:
        return f"struct<{','.join(field.simpleString() for field in self.fields)}>"

    def sql(self) -> str:
        return f"STRUCT<{', '.join(field.sql() for field in self.fields)}>"

    def jsonValue(self) -> dict[str, Any]:
        return {"type": "struct", "fields": [field.jsonValue() for field in self.fields]}

    @classmethod
    def fromJson(cls, json: dict[str, Any]) -> StructType:
        """Build a schema from its JSON form."""
        return StructType([StructField.fromJson(field) for field in json["fields"]])

    def toDDL(self) -> str:
        """Return the schema as it is declared in SQL: `a INT NOT NULL,b STRING`."""
        return ",".join(field._declared(" ") for field in self.fields)

    def toNullable(self) -> StructType:
        """Return the same schema with every part nullable."""
        return cast(StructType, as_nullable(self))

    def treeString(self, maxDepth: int = 2**31 - 1) -> str:
        """Return the schema as `printSchema` shows it."""
        from lightstream.plan.type_texts import tree_string

        return tree_string(self, maxDepth)


def _of_json_name(text: str) -> DataType:
    """Return the type that has a text as its JSON form: `integer`, not `int`, as in Spark.

    Raises:
        PySparkValueError: CANNOT_PARSE_DATATYPE.
    """
    from lightstream.errors import PySparkException
    from lightstream.plan.type_texts import from_json_value

    if text == "decimal":
        return DecimalType()
    try:
        found = from_json_value(text)
    except PySparkException:
        found = None
    name = found.jsonValue() if found is not None else None
    if found is None or not isinstance(name, str) or name.replace(" ", "") != text.replace(" ", ""):
        raise PySparkValueError(
            "CANNOT_PARSE_DATATYPE", f"Unable to parse datatype. {text}.", parameters={"msg": text}
        )
    return found


def _not_a_type(argument: str, value: object) -> PySparkTypeError:
    return PySparkTypeError(
        "NOT_EXPECTED_TYPE",
        f"Argument `{argument}` should be a DataType, got {type(value).__name__}.",
        parameters={"arg_name": argument, "arg_type": type(value).__name__},
    )


def same_structure(one: DataType, other: DataType) -> bool:
    """Return whether two types differ in nothing but the names of struct fields and what may be NULL."""
    if isinstance(one, StructType) and isinstance(other, StructType):
        return len(one) == len(other) and all(
            same_structure(a.dataType, b.dataType) for a, b in zip(one, other, strict=True)
        )
    if isinstance(one, ArrayType) and isinstance(other, ArrayType):
        return same_structure(one.elementType, other.elementType)
    if isinstance(one, MapType) and isinstance(other, MapType):
        return same_structure(one.keyType, other.keyType) and same_structure(one.valueType, other.valueType)
    return one == other


def with_nulls_of(one: DataType, other: DataType) -> DataType:
    """Return a type in which whatever may be NULL in it, or in another one of its structure, may be NULL."""
    match one, other:
        case StructType(), StructType():
            return StructType(
                [
                    StructField(
                        a.name, with_nulls_of(a.dataType, b.dataType), a.nullable or b.nullable, a.metadata
                    )
                    for a, b in zip(one, other, strict=True)
                ]
            )
        case ArrayType(), ArrayType():
            element = with_nulls_of(one.elementType, other.elementType)
            return ArrayType(element, one.containsNull or other.containsNull)
        case MapType(), MapType():
            key = with_nulls_of(one.keyType, other.keyType)
            value = with_nulls_of(one.valueType, other.valueType)
            return MapType(key, value, one.valueContainsNull or other.valueContainsNull)
    return one


def holds(data_type: DataType, *kinds: type[DataType]) -> bool:
    """Return whether a type is of one of some kinds, or has one somewhere in it."""
    if isinstance(data_type, kinds):
        return True
    if isinstance(data_type, StructType):
        return any(holds(field.dataType, *kinds) for field in data_type.fields)
    if isinstance(data_type, ArrayType):
        return holds(data_type.elementType, *kinds)
    return isinstance(data_type, MapType) and (
        holds(data_type.keyType, *kinds) or holds(data_type.valueType, *kinds)
    )


def as_nullable(data_type: DataType) -> DataType:
    """Return the type with every nested part nullable."""
    if isinstance(data_type, StructType):
        return StructType(
            [StructField(f.name, as_nullable(f.dataType), True, f.metadata) for f in data_type.fields]
        )
    if isinstance(data_type, ArrayType):
        return ArrayType(as_nullable(data_type.elementType), True)
    if isinstance(data_type, MapType):
        return MapType(as_nullable(data_type.keyType), as_nullable(data_type.valueType), True)
    return data_type

"""The type of one JSON value, and the type that fits two of them, as Spark infers schemas."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from lightstream.errors import AnalysisException
from lightstream.plan import types as t
from lightstream.sources.json import tokens as k
from lightstream.sources.json.characters import to_text
from lightstream.sources.json.numbers import parse_decimal
from lightstream.sources.json.options import JsonOptions
from lightstream.sources.json.record_reader import BadValue
from lightstream.sources.json.temporal import timestamp_parser
from lightstream.sources.json.tokens import Tokenizer

MAX_PRECISION = 38
_LONG = t.DecimalType(20, 0)  # holds every bigint


def name_order(name: str) -> bytes:
    """Return the key that sorts field names as Java sorts strings."""
    return name.encode("utf-16-be", "surrogatepass")


def struct_of(fields: list[tuple[str, t.DataType]]) -> t.StructType:
    """Return a struct of fields sorted by name; a name may be there twice."""
    return t.StructType(
        [t.StructField(name, kind) for name, kind in sorted(fields, key=lambda item: name_order(item[0]))]
    )


def wider(left: t.DataType, right: t.DataType) -> t.DataType:
    """Return the type that fits values of both types: string where nothing else does."""
    if left == right or isinstance(right, t.NullType):
        return left
    if isinstance(left, t.NullType):
        return right
    if isinstance(left, t.StructType) and isinstance(right, t.StructType):
        return _merged(left, right)
    if isinstance(left, t.ArrayType) and isinstance(right, t.ArrayType):
        return t.ArrayType(wider(left.elementType, right.elementType))
    kinds = (type(left), type(right))
    if t.DoubleType in kinds and kinds[kinds[0] is t.DoubleType] in (t.LongType, t.DecimalType):
        return t.DoubleType()
    if isinstance(left, t.LongType) and isinstance(right, t.DecimalType):
        return _wider_decimal(_LONG, right)
    if isinstance(left, t.DecimalType) and isinstance(right, t.LongType):
        return _wider_decimal(left, _LONG)
    if isinstance(left, t.DecimalType) and isinstance(right, t.DecimalType):
        return _wider_decimal(left, right)
    return t.StringType()


def widest(types: Iterable[t.DataType]) -> t.DataType:
    """Return the type that fits values of all types; null's for none."""
    found: t.DataType = t.NullType()
    for data_type in types:
        found = wider(found, data_type)
    return found


def _wider_decimal(left: t.DecimalType, right: t.DecimalType) -> t.DataType:
    scale = max(left.scale, right.scale)
    whole = max(left.precision - left.scale, right.precision - right.scale)
    return t.DoubleType() if whole + scale > MAX_PRECISION else t.DecimalType(whole + scale, scale)


def _merged(left: t.StructType, right: t.StructType) -> t.StructType:
    fields: list[t.StructField] = []
    ours, theirs = list(left.fields), list(right.fields)
    while ours and theirs:
        a, b = name_order(ours[0].name), name_order(theirs[0].name)
        if a == b:
            one, other = ours.pop(0), theirs.pop(0)
            fields.append(t.StructField(one.name, wider(one.dataType, other.dataType)))
        else:
            fields.append((ours if a < b else theirs).pop(0))
    return t.StructType(fields + ours + theirs)


def final_type(data_type: t.DataType, options: JsonOptions) -> t.DataType | None:
    """Return an inferred type without what has no values: nulls become strings, empty structs go."""
    if isinstance(data_type, t.ArrayType):
        element = final_type(data_type.elementType, options)
        return None if element is None else t.ArrayType(element)
    if isinstance(data_type, t.StructType):
        fields = []
        for field in data_type.fields:
            kind = final_type(field.dataType, options)
            if field.name and kind is not None:
                fields.append(t.StructField(field.name, kind))
        return t.StructType(fields) if fields else None
    if isinstance(data_type, t.NullType):
        return None if options.drop_field_if_all_null else t.StringType()
    return data_type


def integer_type(number: int, options: JsonOptions) -> t.DataType:
    """Return the type of an integer token."""
    if options.primitives_as_string:
        return t.StringType()
    if -(2**63) <= number < 2**63:
        return t.LongType()
    digits = len(str(abs(number)))
    return t.DecimalType(digits, 0) if digits <= MAX_PRECISION else t.DoubleType()


def make_inferrer(options: JsonOptions) -> Callable[[Tokenizer], t.DataType]:
    """Return the function that gives the type of the value at the current token.

    It raises BadValue for a value that is no JSON.
    """
    if options.infer_timestamp:
        timestamp = timestamp_parser(options, with_fallback=False)

    def infer(p: Tokenizer) -> t.DataType:
        token = p.token
        while token == k.FIELD_NAME:
            token = p.next_token()
        if token is None or token == k.NULL:
            return t.NullType()
        if token == k.STRING:
            return string(p.string())
        if token == k.START_OBJECT:
            fields: list[tuple[str, t.DataType]] = []
            while p.next_token() not in (None, k.END_OBJECT):
                fields.append((to_text(p.current_name() or ""), infer(p)))
            return struct_of(fields)
        if token == k.START_ARRAY:
            elements: list[t.DataType] = []
            while p.next_token() not in (None, k.END_ARRAY):
                elements.append(infer(p))
            return t.ArrayType(widest(elements))
        if token == k.INT:
            return integer_type(int(p.number), options)
        if token == k.FLOAT:
            if options.primitives_as_string:
                return t.StringType()
            return _decimal_type(p.number) if options.prefers_decimal else t.DoubleType()
        if token in (k.TRUE, k.FALSE):
            return t.StringType() if options.primitives_as_string else t.BooleanType()
        raise BadValue("no value")

    def string(text: str) -> t.DataType:
        if not text:
            return t.NullType()
        if options.prefers_decimal:
            try:
                precision, scale = _precision_and_scale(text.replace(",", ""))
            except BadValue:
                pass
            else:
                if scale <= precision <= MAX_PRECISION and scale >= 0:
                    return t.DecimalType(precision, scale)
        if options.infer_timestamp and timestamp(text) is not None:
            return t.TimestampType()
        return t.StringType()

    return infer


def _decimal_type(text: str) -> t.DataType:
    precision, scale = _precision_and_scale(text)
    precision = max(precision, scale)
    if precision > MAX_PRECISION:
        return t.DoubleType()
    if scale < 0:
        raise AnalysisException(
            "NEGATIVE_SCALE_DISALLOWED",
            f"The number {text} would be a decimal with the negative scale {scale}. Give the schema, or leave out "
            "the option prefersDecimal.",
            sqlstate="0A000",
            parameters={"scale": str(scale), "sqlConf": '"spark.sql.legacy.allowNegativeScaleOfDecimal"'},
        )
    return t.DecimalType(precision, scale)


def _precision_and_scale(text: str) -> tuple[int, int]:
    _, digits, exponent = parse_decimal(text).as_tuple()
    assert isinstance(exponent, int)
    return max(len("".join(map(str, digits)).lstrip("0")), 1), -exponent

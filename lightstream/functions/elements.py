"""An element of an array or map by its index or key."""

from __future__ import annotations

from collections.abc import Sequence

from lightstream.conf import Conf
from lightstream.errors import AnalysisException
from lightstream.functions import mismatch
from lightstream.functions.coercion import cast_to, implicit_cast
from lightstream.functions.registry import Bound, SqlContext, any_nullable, scalar
from lightstream.functions.spelling import error_with_value_sql, let
from lightstream.plan import types as t
from lightstream.plan.expressions import Call, Expression, Literal, nullable_of, type_of


def _bind_element(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    """Bind `container[key]`."""
    container, key = args
    found = type_of(container)
    if isinstance(found, t.ArrayType):
        if not isinstance(type_of(key), t.IntegralType | t.NullType):
            raise mismatch.unexpected_input(name, args, 1, '"INTEGRAL"')
        if isinstance(type_of(key), t.NullType):
            key = cast_to(key, t.IntegerType(), conf.ansi)
        return Bound((container, key), found.elementType, element_nullable(container, key, 0, conf.ansi))
    if isinstance(found, t.MapType):
        cast = implicit_cast(key, found.keyType, conf.ansi)
        if cast is None:
            raise mismatch.unexpected_input(name, args, 1, f'"{found.keyType.sql()}"')
        return Bound((container, cast), found.valueType, True)
    if isinstance(found, t.NullType):
        return Bound(args, found, True)
    if isinstance(found, t.StructType):
        raise AnalysisException(
            "INVALID_EXTRACT_FIELD_TYPE",
            f'The field of a struct is named by a constant text, not by "{mismatch.text_of(key)}".',
            sqlstate="42000",
            parameters={"extraction": f'"{mismatch.text_of(key)}"'},
        )
    raise AnalysisException(
        "INVALID_EXTRACT_BASE_FIELD_TYPE",
        f'Can\'t extract a value from "{mismatch.text_of(container)}". Need a complex type [STRUCT, ARRAY, MAP] but '
        f'got "{found.sql()}".',
        sqlstate="42000",
        parameters={"base": f'"{mismatch.text_of(container)}"', "other": f'"{found.sql()}"'},
    )


def array_type(args: tuple[Expression, ...]) -> t.ArrayType:
    """Return the type of the first argument, an array."""
    found = type_of(args[0])
    assert isinstance(found, t.ArrayType)
    return found


def element_type(args: tuple[Expression, ...]) -> t.DataType:
    """Return the type of the first argument's elements."""
    return array_type(args).elementType


def element_nullable(array: Expression, index: Expression, first: int, fails: bool) -> bool:
    """Return whether Spark declares an element nullable; `first` is the first element's index.

    Spark: it looks into `array(...)` when the index is constant, and takes other constant indexes for missing.
    """
    found = type_of(array)
    assert isinstance(found, t.ArrayType)
    if isinstance(index, Literal) and index.value is not None:
        if isinstance(array, Call) and array.name == "array":
            if first and index.value == 0:  # it fails
                return False
            # With indexes from 1, negative ones count from the end.
            at = index.value + len(array.args) if first and index.value < 0 else index.value - first
            if 0 <= at < len(array.args):
                return nullable_of(array.args[at])
            return not fails
        return True
    return not fails or found.containsNull or any_nullable((array, index))


def _element_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    container, key = args
    if isinstance(call.type, t.NullType) and isinstance(type_of(call.args[0]), t.NullType):
        return "NULL"
    if isinstance(type_of(call.args[0]), t.MapType):
        return f"map_extract_value({container}, {key})"

    def body(values: str) -> str:
        value = f"{values}[CAST({key} AS BIGINT) + 1]"
        if not ctx.ansi:
            return f"CASE WHEN {key} >= 0 THEN {value} END"
        failure = index_failure(key, f"len({values})")
        return f"CASE WHEN {key} < 0 OR {key} >= len({values}) THEN {failure} ELSE {value} END"

    return let(container, body, "array")


def index_failure(index: str, size: str, condition: str = "INVALID_ARRAY_INDEX", instead: str = "get") -> str:
    """Return the failure of an array index out of bounds."""
    return error_with_value_sql(
        condition,
        f"The index is out of bounds: {{}}. Use the SQL function `{instead}()` to tolerate accessing an element at an "
        "invalid index and return NULL instead.",
        f"'index ' || {index} || ', the array has ' || {size} || ' elements'",
        "22003",
        "ArrayIndexOutOfBoundsException",
    )


scalar("[]", _bind_element, _element_sql, shown="{0}[{1}]")

"""`VariantVal`: a variant as Python has it."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lightstream.plan.variants import Tree

_EPOCH = datetime.datetime(1970, 1, 1)


class VariantVal:
    """A variant: its value and the metadata with the names of its fields, as bytes in Spark's encoding.

    >>> VariantVal.parseJson('{"a": [1, 2.5]}').toPython()
    {'a': [1, Decimal('2.5')]}
    """

    def __init__(self, value: bytes | bytearray, metadata: bytes | bytearray) -> None:
        self.value = value
        self.metadata = metadata

    def __str__(self) -> str:
        return self.toJson()

    def __repr__(self) -> str:
        return f"VariantVal({self.value!r}, {self.metadata!r})"

    def toPython(self) -> Any:
        """Return dicts, lists and plain values. Spark: instants are in UTC.

        Raises:
            PySparkValueError: MALFORMED_VARIANT.
        """
        return _python(self._tree())

    def toJson(self, zone_id: str = "UTC") -> str:
        """Return the variant as JSON, with values as Python writes them; `zone_id` is that of its instants.

        Raises:
            PySparkValueError: MALFORMED_VARIANT.
        """
        from zoneinfo import ZoneInfo

        zone = ZoneInfo(zone_id)
        return _json(self._tree(), lambda value: value.astimezone(zone))

    @classmethod
    def parseJson(cls, json_str: str) -> VariantVal:
        """Return the variant of a JSON text. Spark: of fields of one name the last one counts."""
        from lightstream.plan.variants import encode

        return cls(*encode(_parsed(json_str)))

    def _tree(self) -> Tree:
        from lightstream.errors import PySparkValueError, SparkRuntimeException
        from lightstream.plan.variants import Reader

        try:
            return Reader(bytes(self.value), bytes(self.metadata)).tree()
        except SparkRuntimeException as error:
            raise PySparkValueError(error.condition, error.message, sqlstate=error.sqlstate) from None


def _python(tree: Tree) -> Any:
    if isinstance(tree, dict):
        return {name: _python(child) for name, child in tree.items()}
    if isinstance(tree, list):
        return [_python(child) for child in tree]
    from lightstream.plan.variants import kind_of, value_of

    value: Any = value_of(tree)
    match kind_of(tree):
        case "decimal":
            sign, digits, exponent = value.as_tuple()
            unscaled = int("".join(map(str, digits))) * (-1 if sign else 1)
            return Decimal(unscaled) * Decimal(10) ** exponent  # Spark: of 28 digits
        case "date":
            return _EPOCH.date() + datetime.timedelta(days=value)
        case "timestamp":
            from zoneinfo import ZoneInfo

            return (_EPOCH + datetime.timedelta(microseconds=value)).replace(tzinfo=ZoneInfo("UTC"))
        case "timestamp_ntz":
            return _EPOCH + datetime.timedelta(microseconds=value)
        case "uuid":
            from uuid import UUID

            return UUID(value)
    return value


def _json(tree: Tree, in_zone: Callable[[datetime.datetime], datetime.datetime]) -> str:
    if isinstance(tree, dict):
        pairs = (f"{json.dumps(name)}:{_json(child, in_zone)}" for name, child in tree.items())
        return "{" + ",".join(pairs) + "}"
    if isinstance(tree, list):
        return "[" + ",".join(_json(child, in_zone) for child in tree) + "]"
    value = _python(tree)
    match value:
        case None | bool():
            return json.dumps(value)
        case str():
            return json.dumps(value)
        case bytes():
            import base64

            return f'"{base64.b64encode(value).decode()}"'
        case int() | float() | Decimal():
            return str(value)
        case datetime.datetime() if value.tzinfo is not None:
            return f'"{in_zone(value)}"'
    return f'"{value}"'


def _parsed(text: str) -> Tree:
    from lightstream.plan import variants as v
    from lightstream.sources.json.variants import number

    plain: dict[Any, bytes] = {None: v.NULL, True: v.TRUE, False: v.FALSE}

    def tree(value: Any) -> Tree:
        if isinstance(value, bytes | dict):
            return value
        if isinstance(value, str):
            return v.from_text(value)
        if isinstance(value, float):  # NaN and infinities, which Python's JSON has
            return v.from_double(value)
        return [tree(item) for item in value] if isinstance(value, list) else plain[value]

    return tree(
        json.loads(
            text,
            object_pairs_hook=lambda pairs: {name: tree(value) for name, value in pairs},
            parse_int=lambda digits: number(digits, whole=True),
            parse_float=lambda digits: number(digits, whole=False),
        )
    )

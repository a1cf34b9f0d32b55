"""Values of the type VARIANT: Spark's two texts of bytes for one, and the tree that they say.

The encoding is the open one of Apache Parquet: the metadata is a dictionary of the names of fields, the value refers to
them. A tree is a list for an array, a dict for an object, and the encoded bytes of anything without parts, so that what
is only moved keeps its type to the bit.
"""

from __future__ import annotations

import functools
import itertools
import struct
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from lightstream.errors import SparkRuntimeException, unsupported

Tree = Any  # bytes | list[Tree] | dict[str, Tree]; mypy has no recursive alias that isinstance narrows

NULL, TRUE, FALSE = b"\x00", b"\x04", b"\x08"
MAX_BYTES = 128 * 1024 * 1024
_VERSION = 1
_PRIMITIVE, _SHORT_TEXT, _OBJECT, _ARRAY = range(4)
_DECIMALS = ((8, 4, 9), (9, 8, 18), (10, 16, 38))  # code, bytes, most digits
_FIXED = {3: "<b", 4: "<h", 5: "<i", 6: "<q", 7: "<d", 11: "<i", 12: "<q", 13: "<q", 14: "<f"}
_SIZES = {
    0: 1,
    1: 1,
    2: 1,
    3: 2,
    4: 3,
    5: 5,
    6: 9,
    7: 9,
    8: 6,
    9: 10,
    10: 18,
    11: 5,
    12: 9,
    13: 9,
    14: 5,
    20: 17,
}
# What the kinds of values without parts are called.
KINDS = {
    0: "null", 1: "boolean", 2: "boolean", 3: "long", 4: "long", 5: "long", 6: "long", 7: "double", 8: "decimal",
    9: "decimal", 10: "decimal", 11: "date", 12: "timestamp", 13: "timestamp_ntz", 14: "float", 15: "binary",
    16: "string", 20: "uuid",
}  # fmt: skip


def malformed() -> SparkRuntimeException:
    """Return MALFORMED_VARIANT."""
    return SparkRuntimeException(
        "MALFORMED_VARIANT",
        "Variant binary is malformed. Check that the data source is valid.",
        sqlstate="22023",
    )


# ---- values without parts, to bytes ---------------------------------------------------------------------------


def from_int(value: int) -> bytes:
    """Return a whole number of 64 bits in as few bytes as hold it."""
    if -0x80 <= value < 0x80:
        return b"\x0c" + value.to_bytes(1, "little", signed=True)
    if -0x8000 <= value < 0x8000:
        return b"\x10" + value.to_bytes(2, "little", signed=True)
    size = 4 if -0x8000_0000 <= value < 0x8000_0000 else 8
    return (b"\x14" if size == 4 else b"\x18") + value.to_bytes(size, "little", signed=True)


def from_decimal(unscaled: int, scale: int) -> bytes:
    """Return a decimal of at most 38 digits, in as few bytes as hold its digits and its scale."""
    digits = max(len(str(abs(unscaled))), scale)
    code, size, _ = next(kind for kind in _DECIMALS if digits <= kind[2])
    return bytes((code << 2, scale)) + unscaled.to_bytes(size, "little", signed=True)


def from_double(value: float) -> bytes:
    """Return a double."""
    return b"\x1c" + struct.pack("<d", value)


def from_float(value: float) -> bytes:
    """Return a 32-bit float."""
    return b"\x38" + struct.pack("<f", value)


def from_text(value: str) -> bytes:
    """Return a string."""
    data = value.encode()
    if len(data) < 64:
        return bytes((len(data) << 2 | _SHORT_TEXT,)) + data
    return b"\x40" + struct.pack("<I", len(data)) + data


def from_bytes(value: bytes) -> bytes:
    """Return a binary value."""
    return b"\x3c" + struct.pack("<I", len(value)) + value


def from_date(days: int) -> bytes:
    """Return a date, in days since 1970."""
    return b"\x2c" + struct.pack("<i", days)


def from_instant(us: int, *, local: bool) -> bytes:
    """Return a timestamp, or with `local` one without a zone, in microseconds since 1970."""
    return (b"\x34" if local else b"\x30") + struct.pack("<q", us)


# ---- values without parts, from bytes -------------------------------------------------------------------------


def kind_of(tree: Tree) -> str:
    """Return what a value is: array, object, or one of `KINDS`.

    Raises:
        SparkRuntimeException: UNKNOWN_PRIMITIVE_TYPE_IN_VARIANT.
    """
    if isinstance(tree, list):
        return "array"
    if isinstance(tree, dict):
        return "object"
    if tree[0] & 3 == _SHORT_TEXT:
        return "string"
    return KINDS[tree[0] >> 2]


def value_of(tree: bytes) -> Any:
    """Return a value without parts: a `Decimal` has its scale, dates and times are numbers, uuids text."""
    code = tree[0] >> 2
    if tree[0] & 3 == _SHORT_TEXT:
        return _text(tree[1:])
    if code in _FIXED:
        return struct.unpack(_FIXED[code], tree[1:])[0]
    match code:
        case 0:
            return None
        case 1 | 2:
            return code == 1
        case 8 | 9 | 10:
            unscaled = int.from_bytes(tree[2:], "little", signed=True)
            most = _DECIMALS[code - 8][2]
            if tree[1] > most or abs(unscaled) >= 10**most:
                raise malformed()
            return Decimal((int(unscaled < 0), tuple(map(int, str(abs(unscaled)))), -tree[1]))
        case 16:
            return _text(tree[5:])
        case 20:
            text = tree[1:].hex()
            return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
    return tree[5:]


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise unsupported("A variant with a string of bytes that are not UTF-8") from None


# ---- a tree to bytes ------------------------------------------------------------------------------------------


def encode(tree: Tree) -> tuple[bytes, bytes]:
    """Return the value and the metadata of a tree: names in the order in which they are met.

    Raises:
        SparkRuntimeException: VARIANT_CONSTRUCTOR_SIZE_LIMIT.
    """
    ids: dict[str, int] = {}
    value = _encoded(tree, ids)
    names = [name.encode() for name in ids]
    total = sum(map(len, names))
    if len(value) > MAX_BYTES or total > MAX_BYTES:
        raise SparkRuntimeException(
            "VARIANT_CONSTRUCTOR_SIZE_LIMIT",
            f"Cannot construct a Variant larger than {MAX_BYTES // 1024 // 1024} MiB.",
            sqlstate="22023",
        )
    size = _width(max(total, len(names)))
    header = bytes((_VERSION | (size - 1) << 6,)) + len(names).to_bytes(size, "little")
    return value, b"".join((header, _packed(_offsets(names), size), *names))


def _encoded(tree: Tree, ids: dict[str, int]) -> bytes:
    if isinstance(tree, bytes):
        return tree
    if isinstance(tree, list):
        items = [_encoded(item, ids) for item in tree]
        offsets = _offsets(items)
        size, large = _width(offsets[-1]), len(items) > 255
        head = _ARRAY | (size - 1) << 2 | large << 4
        return b"".join((bytes((head,)), _count(len(items), large), _packed(offsets, size), *items))
    numbers = {}  # before those of the names inside
    parts = []
    for name, child in tree.items():
        numbers[name] = ids.setdefault(name, len(ids))
        parts.append(_encoded(child, ids))
    offsets = _offsets(parts)
    places = dict(zip(numbers, offsets, strict=False))
    names = _sorted(numbers)
    size, id_size, large = _width(offsets[-1]), _width(max(numbers.values(), default=0)), len(names) > 255
    head = _OBJECT | (size - 1) << 2 | (id_size - 1) << 4 | large << 6
    return b"".join(
        (
            bytes((head,)),
            _count(len(names), large),
            _packed([numbers[name] for name in names], id_size),
            _packed([*(places[name] for name in names), offsets[-1]], size),
            *parts,
        )
    )


def _sorted(names: Iterable[str]) -> list[str]:
    found = sorted(names)
    # In Java's order only characters beyond the basic plane stand elsewhere.
    return found if "".join(found).isascii() else sorted(found, key=in_java_order)


def in_java_order(name: str) -> bytes:
    """Return what names are sorted by: their UTF-16 units."""
    return name.encode("utf-16-be")


def _width(number: int) -> int:
    return 1 if number < 1 << 8 else 2 if number < 1 << 16 else 3 if number < 1 << 24 else 4


def _count(count: int, large: bool) -> bytes:
    return count.to_bytes(4 if large else 1, "little")


def _offsets(parts: Sequence[bytes]) -> list[int]:
    return list(itertools.accumulate(map(len, parts), initial=0))


def _packed(numbers: Sequence[int], size: int) -> bytes:
    return bytes(numbers) if size == 1 else b"".join([number.to_bytes(size, "little") for number in numbers])


# ---- bytes to a tree ------------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=256)  # the rows of a column mostly have the same names
def names_of(metadata: bytes) -> tuple[str, ...]:
    """Return the dictionary of names of a metadata.

    Raises:
        SparkRuntimeException: MALFORMED_VARIANT.
    """
    try:
        size = (metadata[0] >> 6) + 1
        count = int.from_bytes(metadata[1 : 1 + size], "little")
        start = 1 + size * (count + 2)
        if start > len(metadata):
            raise malformed()
        ends = [int.from_bytes(metadata[at : at + size], "little") for at in range(1 + size, start, size)]
        if start + ends[-1] > len(metadata):
            raise malformed()
        pairs = itertools.pairwise(ends)
        return tuple(metadata[start + low : start + high].decode() for low, high in pairs)
    except (IndexError, UnicodeDecodeError):
        raise malformed() from None


class Reader:
    """A variant's bytes, of which only what is asked for is read. Places are positions in the value."""

    def __init__(self, value: bytes, metadata: bytes) -> None:
        if metadata[:1] == b"" or metadata[0] & 0xF != _VERSION:
            raise malformed()
        self._value = value
        self._metadata = metadata

    @property
    def _names(self) -> tuple[str, ...]:
        return names_of(self._metadata)

    def part(self, at: int) -> bytes:
        """Return the bytes of what stands at a place: with the whole's metadata they are a variant."""
        basic = self._byte(at) & 3
        if basic in (_SHORT_TEXT, _PRIMITIVE):
            return self._plain(at)
        return self._value[at : self._object(at)[2] if basic == _OBJECT else self._array(at)[1]]

    def parts(self) -> list[tuple[str | None, bytes]] | None:
        """Return the names (of an array's elements: None) and the bytes of the parts; None where there are none."""
        basic = self._byte(0) & 3
        if basic == _ARRAY:
            return [(None, self.part(place)) for place in self._array(0)[0]]
        if basic != _OBJECT:
            return None
        ids, places, _ = self._object(0)
        try:
            return [(self._names[i], self.part(place)) for i, place in zip(ids, places, strict=True)]
        except IndexError:
            raise malformed() from None

    def tree(self, at: int = 0) -> Tree:
        """Return what stands at a place."""
        basic = self._byte(at) & 3
        if basic == _OBJECT:
            ids, places, _ = self._object(at)
            names = self._names
            try:
                found = {names[number]: self.tree(place) for number, place in zip(ids, places, strict=True)}
            except IndexError:
                raise malformed() from None
            if len(found) < len(ids):
                raise unsupported("A variant with two fields of one name")
            return found
        if basic == _ARRAY:
            return [self.tree(place) for place in self._array(at)[0]]
        return self._plain(at)

    def field(self, at: int, name: str) -> int | None:
        """Return the place of a field, None where there is no such field or object."""
        if self._byte(at) & 3 != _OBJECT:
            return None
        ids, places, _ = self._object(at)
        names = self._names
        try:
            return next((p for i, p in zip(ids, places, strict=True) if names[i] == name), None)
        except IndexError:
            raise malformed() from None

    def element(self, at: int, index: int) -> int | None:
        """Return the place of an array's element, None where there is no such element or array."""
        if self._byte(at) & 3 != _ARRAY:
            return None
        places, _ = self._array(at)
        return places[index] if index < len(places) else None

    def _byte(self, at: int) -> int:
        if not 0 <= at < len(self._value):
            raise malformed()
        return self._value[at]

    def _numbers(self, at: int, count: int, size: int) -> Sequence[int]:
        data = self._value[at : at + count * size]
        if len(data) < count * size:
            raise malformed()
        if size == 1:
            return data
        return [int.from_bytes(data[i : i + size], "little") for i in range(0, count * size, size)]

    def _object(self, at: int) -> tuple[Sequence[int], list[int], int]:
        """Return the ids of the names, the places of the values, and the end."""
        head = self._byte(at) >> 2
        size, id_size, count_size = (head & 3) + 1, (head >> 2 & 3) + 1, 4 if head >> 4 & 1 else 1
        count = self._numbers(at + 1, 1, count_size)[0]
        start = at + 1 + count_size
        ids = self._numbers(start, count, id_size)
        offsets = self._numbers(start + count * id_size, count + 1, size)
        data = start + count * id_size + (count + 1) * size
        return ids, [data + offset for offset in offsets[:-1]], data + offsets[-1]

    def _array(self, at: int) -> tuple[list[int], int]:
        """Return the places of the elements, and the end."""
        head = self._byte(at) >> 2
        size, count_size = (head & 3) + 1, 4 if head >> 2 & 1 else 1
        count = self._numbers(at + 1, 1, count_size)[0]
        offsets = self._numbers(at + 1 + count_size, count + 1, size)
        data = at + 1 + count_size + (count + 1) * size
        return [data + offset for offset in offsets[:-1]], data + offsets[-1]

    def _plain(self, at: int) -> bytes:
        head = self._byte(at)
        code = head >> 2
        if head & 3 == _SHORT_TEXT:
            size = 1 + code
        elif code in (15, 16):
            size = 5 + self._numbers(at + 1, 1, 4)[0]
        elif code in _SIZES:
            size = _SIZES[code]
        else:
            raise SparkRuntimeException(
                "UNKNOWN_PRIMITIVE_TYPE_IN_VARIANT",
                f"Unknown primitive type with id {code} was found in a variant value.",
                sqlstate="22023",
            )
        data = self._value[at : at + size]
        if len(data) < size:
            raise malformed()
        return data

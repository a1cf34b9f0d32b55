"""The order in which Spark goes through a dict that a program gives it: that of the JVM's hash maps."""

from __future__ import annotations

from collections.abc import Iterable

_MASK = 0xFFFFFFFF


def map_order(keys: Iterable[str]) -> list[str]:
    """Return the keys as Spark meets them: a Java map's order, and past four keys that of a Scala map made of it."""
    found = _java_order(list(keys))
    return found if len(found) <= 4 else _scala_order(found, 0)


def _hash(text: str) -> int:
    """Return Java's `String.hashCode` (over UTF-16 units), unsigned."""
    units = text.encode("utf-16-le", "surrogatepass")
    value = 0
    for i in range(0, len(units), 2):
        value = (31 * value + units[i] + (units[i + 1] << 8)) & _MASK
    return value


def _java_order(keys: list[str]) -> list[str]:
    # HashMap starts with 16 buckets and doubles past three quarters; within a bucket keys stay in their order.
    buckets = 16
    while len(keys) > buckets * 3 // 4:
        buckets *= 2
    return sorted(keys, key=lambda key: (_hash(key) ^ (_hash(key) >> 16)) & (buckets - 1))


def _improved(text: str) -> int:
    h = _hash(text)
    h = (h + ~(h << 9)) & _MASK
    h ^= h >> 14
    h = (h + (h << 4)) & _MASK
    return h ^ (h >> 10)


def _scala_order(keys: list[str], shift: int) -> list[str]:
    # A trie over five bits of the hash a level: at each node first the keys that are alone at their place.
    places: dict[int, list[str]] = {}
    for key in keys:
        places.setdefault(_improved(key) >> shift & 31 if shift < 32 else 0, []).append(key)
    if shift >= 35:
        return keys
    alone = [found[0] for _, found in sorted(places.items()) if len(found) == 1]
    shared = [found for _, found in sorted(places.items()) if len(found) > 1]
    return alone + [key for found in shared for key in _scala_order(found, shift + 5)]

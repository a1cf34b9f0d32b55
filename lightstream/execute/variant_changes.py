"""Variants changed at a path. A tree is changed in place: it is a copy of what the bytes say."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lightstream.errors import SparkRuntimeException, unsupported
from lightstream.functions.variant_paths import Step, steps_of
from lightstream.plan import variants as v
from lightstream.plan.variants import Tree
from lightstream.sources.json.variants import duplicate_key

_MOST_NULLS = 1_000_000


def insert(tree: Tree, path: str, value: Tree, name: str) -> Tree:
    """Return a variant with a field or element more; steps that are missing are made.

    Raises:
        SparkRuntimeException: INVALID_VARIANT_PATH, VARIANT_PATH_TYPE_MISMATCH, VARIANT_DUPLICATE_KEY.
    """

    def last(parent: Tree, step: Step) -> None:
        if isinstance(step, str):
            if step in parent:
                raise duplicate_key(step)
            parent[step] = value
        else:
            _pad(parent, step)
            parent.insert(step, value)

    return _changed(tree, path, name, last, makes=True)


def put(tree: Tree, path: str, value: Tree, name: str, makes: bool) -> Tree:
    """Return a variant with a field or element replaced; where it is missing it is made, or nothing is done.

    Raises:
        SparkRuntimeException: INVALID_VARIANT_PATH, VARIANT_PATH_TYPE_MISMATCH.
    """

    def last(parent: Tree, step: Step) -> None:
        if not makes and not _has(parent, step):
            return
        if isinstance(step, int):
            _pad(parent, step + 1)
        parent[step] = value

    return _changed(tree, path, name, last, makes=makes)


def append(tree: Tree, path: str, value: Tree, name: str) -> Tree:
    """Return a variant with an element more at the end of an array; where the array is missing nothing is done.

    Raises:
        SparkRuntimeException: INVALID_VARIANT_PATH, VARIANT_PATH_TYPE_MISMATCH.
    """
    steps = _steps(path, name)
    found = tree
    for i, step in enumerate(steps):
        _check(found, step, path, steps[:i], name)
        if not _has(found, step):
            return tree
        found = found[step]
    if not isinstance(found, list):
        raise _mismatch(path, steps, name)
    found.append(value)
    return tree


def delete(tree: Tree, path: str, name: str) -> Tree:
    """Return a variant without a field or element; where there is none nothing is done.

    Raises:
        SparkRuntimeException: INVALID_VARIANT_PATH.
    """
    *before, last = _target(path, name)
    found = tree
    for step in before:
        if not _has(found, step):
            return tree
        found = found[step]
    if _has(found, last):
        del found[last]
    return tree


def without_nulls(tree: Tree, arrays: bool) -> Tree:
    """Return a variant without fields that are null, and perhaps without elements that are."""
    if isinstance(tree, dict):
        return {name: without_nulls(child, arrays) for name, child in tree.items() if child != v.NULL}
    if isinstance(tree, list):
        return [without_nulls(child, arrays) for child in tree if not arrays or child != v.NULL]
    return tree


def _changed(tree: Tree, path: str, name: str, last: Callable[[Tree, Step], None], makes: bool) -> Tree:
    steps = _target(path, name)
    found = tree
    for i, step in enumerate(steps[:-1]):
        _check(found, step, path, steps[:i], name)
        if not _has(found, step):
            if not makes:
                return tree
            made: Tree = {} if isinstance(steps[i + 1], str) else []
            if isinstance(step, int):
                _pad(found, step + 1)
            found[step] = made
        found = found[step]
    _check(found, steps[-1], path, steps[:-1], name)
    last(found, steps[-1])
    return tree


def _has(tree: Tree, step: Step) -> bool:
    if isinstance(step, str):
        return isinstance(tree, dict) and step in tree
    return isinstance(tree, list) and step < len(tree)


def _pad(items: list[Tree], length: int) -> None:
    if length - len(items) > _MOST_NULLS:
        raise unsupported(f"A variant with {length - len(items)} nulls before a new element")
    items.extend([v.NULL] * (length - len(items)))


def _check(tree: Tree, step: Step, path: str, before: Sequence[Step], name: str) -> None:
    if not isinstance(tree, dict if isinstance(step, str) else list):
        raise _mismatch(path, before, name)


def _mismatch(path: str, before: Sequence[Step], name: str) -> SparkRuntimeException:
    place = "$" + "".join(f".{step}" if isinstance(step, str) else f"[{step}]" for step in before)
    return SparkRuntimeException(
        "VARIANT_PATH_TYPE_MISMATCH",
        f"The path '{path}' is incompatible with the variant value at '{place}' in `{name}`.",
        sqlstate="22023",
    )


def _steps(path: str, name: str) -> Sequence[Step]:
    steps = steps_of(path)
    if steps is None:
        raise _invalid(path, name)
    return steps


def _target(path: str, name: str) -> Sequence[Step]:
    steps = _steps(path, name)
    if not steps:
        raise _invalid(path, name)
    return steps


def _invalid(path: str, name: str) -> SparkRuntimeException:
    return SparkRuntimeException(
        "INVALID_VARIANT_PATH", f"The path '{path}' is not a valid `{name}` target.", sqlstate="22023"
    )

"""Every public method of pyspark's DataFrame API exists here, with its parameters; docs/api.md tells which work."""

from __future__ import annotations

import importlib
import inspect
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scripts"))

import api_table

# What differs, by class and member, with the reason.
KNOWN: dict[str, str] = {}


def _theirs(name: str) -> type:
    pytest.importorskip("pyspark", reason="pyspark is not installed")
    module = importlib.import_module(f"pyspark.sql.{api_table.CLASSES[name]}")
    return getattr(module, name)  # type: ignore[no-any-return]


def _kind(member: Any) -> str:
    if isinstance(member, staticmethod | classmethod):
        return "method"
    if isinstance(member, property) or type(member).__name__ in ("cached_property", "classproperty"):
        return "property"
    return "method" if callable(member) else "value"


def _parameters(member: Any) -> list[tuple[str, str, str]]:
    if isinstance(member, staticmethod | classmethod):
        member = member.__func__
    parameters = inspect.signature(member).parameters.values()
    return [
        (p.name, p.kind.name, repr(p.default)) for p in parameters if p.name not in ("self", "cls", "session")
    ]


@pytest.mark.parametrize("name", api_table.CLASSES)
def test_every_member_of_pyspark_is_here(name: str) -> None:
    theirs, ours = dict(api_table.public(_theirs(name))), dict(api_table.public(api_table.ours(name)))
    missing = sorted(member for member in theirs if member not in ours and f"{name}.{member}" not in KNOWN)
    assert not missing


@pytest.mark.parametrize("name", api_table.CLASSES)
def test_signatures_are_those_of_pyspark(name: str) -> None:
    theirs, ours = dict(api_table.public(_theirs(name))), dict(api_table.public(api_table.ours(name)))
    wrong = {}
    for member in sorted(theirs.keys() & ours.keys()):
        one, other = theirs[member], ours[member]
        if f"{name}.{member}" in KNOWN or inspect.isclass(one) or _kind(one) != "method":
            continue
        if _kind(other) != "method":
            wrong[member] = "not a method"
        elif _parameters(one) != _parameters(other):
            wrong[member] = f"{_parameters(one)} here {_parameters(other)}"
    assert not wrong, "\n".join(f"{member}: {what}" for member, what in wrong.items())

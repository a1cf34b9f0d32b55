"""The tables of known differences and of the short run name what there is."""

from __future__ import annotations

import importlib
from pathlib import Path

import known
import short_run


def test_each_known_difference_is_a_case() -> None:
    for module in sorted(Path(__file__).parent.glob("test_*.py")):
        importlib.import_module(module.stem)
    assert known.unmatched() == set()


def test_the_short_run_names_tests() -> None:
    for name in short_run.ONE_OF:
        module, test = name.split("::")
        assert hasattr(importlib.import_module(module.removesuffix(".py")), test), name

"""The table of known differences names cases that there are."""

from __future__ import annotations

import importlib
from pathlib import Path

import known


def test_each_known_difference_is_a_case() -> None:
    for module in sorted(Path(__file__).parent.glob("test_*.py")):
        importlib.import_module(module.stem)
    assert known.unmatched() == set()

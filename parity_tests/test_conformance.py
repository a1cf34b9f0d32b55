"""docs/conformance.md is true: no function has become worse, and one that has become better is written there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from conformance import ROOT, VERDICTS, Result, ask, compare, counted, examples, read_page

SHOWN = read_page()


@pytest.fixture(scope="module")
def results(spark: Any, lightstream: Any) -> list[Result]:
    """The verdict on every documented example."""
    return compare(examples(spark), lambda example: ask(spark, example), lightstream)


def told(results: list[Result], is_told: Callable[[Result], bool]) -> str:
    return "\n".join(f"{r.example.statement}\n{r.detail}" for r in results if is_told(r))


def test_no_function_is_worse_than_the_page_says(results: list[Result]) -> None:
    worse = []
    for name, found in counted(results, lambda example: example.function).items():
        same, _, different = SHOWN.get(name, (0, 0, 0))
        if found["same"] < same or found["different"] > different:
            shown = told(results, lambda r, name=name: r.example.function == name and r.verdict != "same")
            worse.append(f"{name}: {dict(found)}, the page has {SHOWN.get(name)}\n{shown}")
    assert not worse, "\n\n".join(worse)


def test_the_page_says_what_is_better(results: list[Result]) -> None:
    found = counted(results, lambda example: example.function)
    fresh = {name: tuple(counts[verdict] for verdict in VERDICTS) for name, counts in found.items()}
    stale = {name: counts for name, counts in fresh.items() if SHOWN.get(name) != counts}
    assert not stale, f"Write {ROOT.name}/docs/conformance.md again: scripts/conformance --write"


def test_nothing_is_different(results: list[Result]) -> None:
    shown = told(results, lambda r: r.verdict == "different")
    assert not shown, shown

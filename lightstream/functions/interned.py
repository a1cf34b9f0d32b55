"""Long constants by short names: DuckDB gives a function that it calls back its constants anew with every row."""

from __future__ import annotations

import itertools

_numbers = itertools.count()
_names: dict[tuple[str, ...], str] = {}
_texts: dict[str, tuple[str, ...]] = {}


def name_of(*texts: str) -> str:
    """Return the name of some texts, for this process."""
    known = _names.get(texts)
    if known is None:
        known = _names[texts] = f"#{next(_numbers)}"
        _texts[known] = texts
    return known


def texts_of(name: str) -> tuple[str, ...]:
    """Return the texts of a name."""
    return _texts[name]

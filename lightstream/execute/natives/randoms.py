"""Random numbers and texts by seed and row: those that Spark gives to the rows of one partition."""

from __future__ import annotations

import functools

from lightstream.functions.randoms import LETTERS
from lightstream.functions.sampling import Gaussians, Letters, Randoms

_randoms = functools.lru_cache(maxsize=16)(Randoms)
_gaussians = functools.lru_cache(maxsize=16)(Gaussians)
_letters = functools.lru_cache(maxsize=16)(Letters)


def random_double(seed: int, row: int) -> float:
    """Return the number from 0 to 1 that a row has."""
    return _randoms(seed).at(row)


def random_gaussian(seed: int, row: int) -> float:
    """Return the number of the standard normal distribution that a row has."""
    return _gaussians(seed).at(row)


def random_text(seed: int, row: int, length: int) -> str:
    """Return the text of letters and digits that a row has, when all rows have texts of this length."""
    at = _letters(seed).at
    return "".join(LETTERS[int(at(i))] for i in range(row * length, (row + 1) * length))

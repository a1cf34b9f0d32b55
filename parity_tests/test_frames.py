"""DataFrame programs on both engines: what they return, or the error's condition."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import path_cases  # noqa: F401 - its programs are added to PROGRAMS
import pytest
import python_function_cases  # noqa: F401 - likewise
import table_cases  # noqa: F401 - likewise
import tws_tester_cases  # noqa: F401 - likewise
import udtf_cases  # noqa: F401 - likewise
from frames_cases import PROGRAMS, engine
from known import known

from lightstream.parity.answers import Answer, columns_of, difference, failed, plain, rows_of


def cases() -> Iterator[Any]:
    for name in PROGRAMS:
        yield known(f"frames: {name}", name, id=name)


def _engine(session: Any, package: str) -> Any:
    functions, types = (import_module(f"{package}.{name}") for name in ("functions", "types"))
    return engine(session, functions, types, import_module(package))


@pytest.fixture(scope="session")
def in_spark(spark: Any) -> Any:
    """Spark, with the DataFrames that the programs use."""
    return _engine(spark, "pyspark.sql")


@pytest.fixture(scope="session")
def here(lightstream: Any) -> Any:
    """Lightstream, with the same DataFrames."""
    return _engine(lightstream, "lightstream.sql")


def answer(name: str, engine: Any) -> Answer:
    """Return what a program returns."""
    try:
        found = PROGRAMS[name](engine)
        if hasattr(found, "collect") and hasattr(found, "schema"):
            return Answer(columns_of(found), rows_of(found))
        return Answer((), (plain(found),))
    except Exception as error:  # every engine's errors are what is compared
        return failed(error)


@pytest.mark.parametrize("name", list(cases()))
def test_program(in_spark: Any, here: Any, name: str) -> None:
    ours = answer(name, here)
    found = difference(answer(name, in_spark), ours)
    assert found is None, found

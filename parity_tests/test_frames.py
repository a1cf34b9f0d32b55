"""DataFrame programs on both engines: what they return, or the error's condition."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from frames_cases import PROGRAMS, engine
from known import known

from lightstream.parity.answers import Answer, columns_of, difference, failed, plain, rows_of


def cases() -> Iterator[Any]:
    for name in PROGRAMS:
        case = f"frames: {name}"
        yield known(case, name, id=name)


@pytest.fixture(scope="session")
def in_spark(spark: Any) -> Any:
    """Spark, with the DataFrames that the programs use."""
    import pyspark.sql
    import pyspark.sql.functions
    import pyspark.sql.types

    return engine(spark, pyspark.sql.functions, pyspark.sql.types, pyspark.sql)


@pytest.fixture(scope="session")
def here(lightstream: Any) -> Any:
    """Lightstream, with the same DataFrames."""
    import lightstream.sql
    import lightstream.sql.functions
    import lightstream.sql.types

    return engine(lightstream, lightstream.sql.functions, lightstream.sql.types, lightstream.sql)


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

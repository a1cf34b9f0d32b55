"""What the tests of the API share: a session of their own, and Spark's way of naming an error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lightstream.errors import PySparkException
from lightstream.sql import SparkSession


@pytest.fixture
def spark() -> Iterator[SparkSession]:
    """A session in memory, in UTC."""
    session = SparkSession.builder.appName("tests").config("spark.sql.session.timeZone", "UTC").getOrCreate()
    try:
        yield session
    finally:
        session.stop()


def condition_of(function: Callable[[], Any]) -> str:
    """Return the condition of the error that a call raises, with its class: `AnalysisException X`."""
    with pytest.raises(PySparkException) as caught:
        function()
    return f"{type(caught.value).__name__} {caught.value.getCondition()}"

"""The fixture `engine`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lightstream.errors import PySparkException
from lightstream.parity.queries import ENGINES, Engine, engine_of


@pytest.fixture(params=ENGINES)
def engine(request: Any, tmp_path: Path) -> Engine:
    """One of the two engines: a test that asks for it runs on each.

    Where pyspark or Java are missing, the test is skipped for Spark, and the reason says what to install.
    """
    try:
        return engine_of(request.param, tmp_path)
    except PySparkException as error:
        if error.getCondition() not in ("PACKAGE_NOT_INSTALLED", "LIGHTSTREAM_JAVA_MISSING"):
            raise
        pytest.skip(str(error))

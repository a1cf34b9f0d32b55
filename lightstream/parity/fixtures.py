"""The fixture `engine`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lightstream.errors import PySparkException
from lightstream.parity.queries import ENGINES, Engine, engine_of


def pytest_configure(config: pytest.Config) -> None:
    """Keep pytest from rewriting the asserts of lightstream's modules, as it does of all that come with a plugin.

    They have none for tests. It takes time, and in Python 3.11 it can fail where threads import at once, as queries do.
    """
    hook = config.pluginmanager.rewrite_hook
    marked: set[str] = getattr(hook, "_must_rewrite", set())
    marked.difference_update([name for name in marked if name.partition(".")[0] == "lightstream"])


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

"""The two engines: one session each, in UTC, for all tests."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from typing import Any

import pytest

from lightstream import real_spark

# Times are given to Python in the zone of the machine; in both engines it is this one. Before Java starts.
os.environ["TZ"] = "UTC"
time.tzset()

SPARK_SETTINGS = {
    "spark.ui.enabled": "false",
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.session.timeZone": "UTC",
    # What follows changes no answer. Thousands of tiny queries are faster interpreted than compiled.
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.maxPlanStringLength": "100",
    "spark.sql.streaming.metricsEnabled": "false",
}


def start_spark(warehouse: str) -> Any:
    """Return a session of real Spark with these settings."""
    real_spark.prepare()
    from pyspark.sql import SparkSession

    logging.getLogger("SQLQueryContextLogger").disabled = True  # every refusal with its Java stack
    builder = SparkSession.builder.master("local[2]").appName("parity")
    for name, value in SPARK_SETTINGS.items():
        builder = builder.config(name, value)
    session = builder.config("spark.sql.warehouse.dir", warehouse).getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    return session


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Real Spark."""
    session = start_spark(str(tmp_path_factory.mktemp("warehouse")))
    yield session
    session.stop()


@pytest.fixture(scope="session")
def lightstream() -> Iterator[Any]:
    """A session of lightstream."""
    from lightstream.sql import SparkSession

    session = SparkSession.builder.create()
    session.conf.set("spark.sql.session.timeZone", "UTC")
    yield session
    session.stop()

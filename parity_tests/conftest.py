"""The two engines: one session each, in UTC, for all tests."""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Iterator
from typing import Any

import pytest
import short_run

from lightstream import real_spark

# Times are given to Python in the zone of the machine; in both engines it is this one. Before Java starts.
os.environ["TZ"] = "UTC"
time.tzset()

SPARK_SETTINGS = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.session.timeZone": "UTC",
    # What follows changes no answer. Thousands of tiny queries are faster interpreted than compiled.
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.maxPlanStringLength": "100",
    "spark.sql.streaming.metricsEnabled": "false",
    # A third of the time: files are created without a process that sets their permissions, and without checksums ...
    "spark.hadoop.fs.file.impl": "org.apache.hadoop.fs.RawLocalFileSystem",
    "spark.sql.streaming.checkpointFileManagerClass": (
        "org.apache.spark.sql.execution.streaming.checkpointing.FileSystemBasedCheckpointFileManager"
    ),
    # ... and Java compiles fast instead of well. Deep plans, which are drawn, take more stack than it gives.
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xss8m",
    # Rows that the reader leaves out by filters would not count as input (docs/parity.md).
    "spark.sql.json.filterPushdown.enabled": "false",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option of the short run."""
    parser.addoption("--short", action="store_true", help="leave out what parity_tests/short_run.py names")


def pytest_configure(config: pytest.Config) -> None:
    """Name the marker of the long run."""
    config.addinivalue_line("markers", "long: left out of the short run")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what the short run leaves out."""
    if config.getoption("--short"):
        items[:], others = short_run.split(items)
        config.hook.pytest_deselected(items=others)


@contextlib.contextmanager
def _standard_output(descriptor: int) -> Iterator[None]:
    """Let processes that are started meanwhile print to a file: what Spark's JVM prints is compared too."""
    kept = os.dup(1)
    os.dup2(descriptor, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def start_spark(warehouse: str) -> Any:
    """Return a session of real Spark with these settings."""
    real_spark.prepare()
    from pyspark.sql import SparkSession

    for name in ("SQLQueryContextLogger", "DataFrameQueryContextLogger"):  # every refusal with its Java stack
        logging.getLogger(name).disabled = True
    builder = SparkSession.builder.master("local[2]").appName("parity")
    for name, value in SPARK_SETTINGS.items():
        builder = builder.config(name, value)
    session = builder.config("spark.sql.warehouse.dir", warehouse).getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    return session


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Real Spark."""
    warehouse = tmp_path_factory.mktemp("warehouse")
    console = tmp_path_factory.mktemp("console") / "stdout"
    with console.open("wb") as file, _standard_output(file.fileno()):
        session = start_spark(str(warehouse))
    session.conf.set("parity.console", str(console))
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

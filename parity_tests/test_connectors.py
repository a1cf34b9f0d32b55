"""Connectors written in Python: the same module on both engines. Each call into Spark's planner takes it a second."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from connector_module import load
from stream_cases import Cases, Engine, compare

CASES = Cases("connectors")


def register(engine: Engine) -> None:
    ours = type(engine.spark).__module__.startswith("lightstream")
    module = load("lightstream" if ours else "pyspark")
    for source in (module.Shop, module.Drip):
        engine.spark.dataSource.register(source)


def logged(engine: Engine) -> list[Any]:
    """Return what the writers noted; the tasks of Spark are put together."""
    path = Path(engine.path("log"))
    found = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    path.unlink(missing_ok=True)
    return found


@CASES
def batches(engine: Engine) -> None:
    register(engine)
    engine.tell_frame(engine.spark.read.format("SHOP").load())
    engine.set("spark.sql.python.filterPushdown.enabled", "true")
    filtered = engine.spark.read.format("shop").option("filters", "1").load()
    engine.tell_frame(filtered.where("k = 7 and s is not null").select("k", "s"))
    frame = engine.spark.createDataFrame([(1, "a"), (2, None)], "k int, s string").coalesce(1)
    writer = frame.write.format("shop").option("log", engine.path("log"))
    writer.mode("overwrite").save()
    engine.tell(logged(engine))
    for broken in ("schema", "read"):
        read = engine.spark.read.format("shop").option("broken", broken)
        engine.attempt(broken, lambda read=read: read.load().collect())  # type: ignore[misc]
    engine.attempt("commit", writer.option("broken", "commit").save)
    engine.tell(logged(engine))


@CASES
def streams(engine: Engine) -> None:
    register(engine)
    frame = engine.spark.readStream.format("shop").option("top", 3).load()
    writer = frame.writeStream.format("shop").option("log", engine.path("log"))
    engine.attempt("no checkpoint", writer.start)
    query = writer.option("checkpointLocation", engine.path("checkpoint")).trigger(availableNow=True).start()
    assert query.awaitTermination(120)
    engine.tell(logged(engine))
    engine.tell([Path(engine.path(f"checkpoint/offsets/{n}")).read_text().splitlines()[2:] for n in range(2)])
    for report in query.recentProgress:
        (source,) = json.loads(report.json)["sources"]
        engine.tell([source[key] for key in ("startOffset", "endOffset", "latestOffset", "numInputRows")])
        engine.tell(source["description"].partition("@")[0], report.sink.description.partition("@")[0])
        engine.tell(report.sink.numOutputRows)


@CASES
def a_simple_stream_run_again(engine: Engine) -> None:
    register(engine)
    for _ in range(2):
        query = engine.start(engine.spark.readStream.format("drip").load())
        query.processAllAvailable()
        query.stop()
        for name in ("1", ".1.crc"):
            Path(engine.path(f"checkpoint/commits/{name}")).unlink(missing_ok=True)


@pytest.mark.parametrize("program", CASES)
def test_connectors(spark: Any, lightstream: Any, tmp_path: Path, program: Callable[[Engine], None]) -> None:
    compare(spark, lightstream, tmp_path, program)

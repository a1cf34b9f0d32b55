"""Queries of one session that start, stop and go on side by side, each with a table of its own."""

from __future__ import annotations

import json
import os
import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from lightstream.sql import SparkSession

THREADS, QUERIES, FILES = 4, 6, 4


@pytest.fixture
def spark(tmp_path: Path) -> Iterator[Any]:
    if (running := SparkSession.getActiveSession()) is not None:
        running.stop()  # another module's: it may have another database
    database = str(tmp_path / "results.duckdb")
    session = SparkSession.builder.config("lightstream.database", database).create()
    yield session
    session.stop()


def counted(spark: Any, directory: Path, name: str, seed: int) -> tuple[Counter[Any], Counter[Any]]:
    """Count and deduplicate files that arrive, with stops between them; return what is in the table and what should."""
    draw = random.Random(seed)
    (directory / "in").mkdir(parents=True)
    rows: Counter[str] = Counter()
    in_complete_mode = draw.random() < 0.5

    def start() -> Any:
        frame = spark.readStream.schema("k string").json(str(directory / "in"))
        frame = frame.groupBy("k").count() if in_complete_mode else frame.distinct()
        writer = frame.writeStream.outputMode("complete" if in_complete_mode else "append")
        return writer.option("checkpointLocation", str(directory / "checkpoint")).toTable(name)

    query = None
    for number in range(FILES):
        keys = [draw.choice("abcd") for _ in range(20)]
        rows.update(keys)
        path = directory / f"{number}.json"
        path.write_text("".join(json.dumps({"k": key}) + "\n" for key in keys))
        os.rename(path, directory / "in" / path.name)
        query = query or start()
        if draw.random() < 0.5:
            query.processAllAvailable()
        if draw.random() < 0.7:
            query.stop()
            query = None
    query = query or start()
    query.processAllAvailable()
    query.stop()
    found = Counter(tuple(row) for row in spark.table(name).collect())
    return found, Counter(rows.items() if in_complete_mode else [(key,) for key in rows])


def test_queries_that_start_and_stop_at_the_same_time(spark: Any, tmp_path: Path) -> None:
    def several(thread: int) -> list[tuple[Counter[Any], Counter[Any]]]:
        numbers = range(thread * QUERIES, (thread + 1) * QUERIES)
        return [counted(spark, tmp_path / str(i), f"table_{i}", seed=i) for i in numbers]

    with ThreadPoolExecutor(THREADS) as threads:
        for outcomes in threads.map(several, range(THREADS)):
            for found, expected in outcomes:
                assert found == expected
    assert spark.streams.active == []

"""Checkpoints of killed queries in the hands of real Spark: read all of them, go on with some."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kills import expected
from kills.logs import read_logs

if TYPE_CHECKING:
    from kills.matrix import Outcome

EXTRA = "f99.json"  # arrives before Spark goes on
CONTINUED = 10


def continued_by_spark(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Yield what went wrong when Spark went on, with a filter, from the checkpoint of each scenario.

    All are read: Spark must take the one new file, in the next batch, and nothing else. For `CONTINUED` queries that
    are such a filter the last commit is removed, too: Spark must give the batch again with the same rows.
    """
    from pyspark.sql import SparkSession

    spark = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
    spark.sparkContext.setLogLevel("OFF")
    again = 0
    for outcome in outcomes:
        if outcome.differences:
            continue
        repeat = outcome.scenario.plan == "append" and not outcome.scenario.archive and again < CONTINUED
        again += repeat
        try:
            problem = _go_on(spark, Path(outcome.directory), repeat)
        except Exception as error:
            problem = f"{type(error).__name__}: {str(error)[:500]}"
        if problem:
            yield f"Spark, {outcome.directory} {outcome.scenario}: {problem}"
    print(f"Spark went on with {len(outcomes)} checkpoints, and repeated the last batch of {again}")
    spark.stop()


def _go_on(spark: Any, at: Path, repeat: bool) -> str:
    checkpoint = at / "checkpoint-of-spark"
    shutil.copytree(at / "checkpoint", checkpoint, ignore=shutil.ignore_patterns("state", ".*"))
    logs = read_logs(str(checkpoint))
    last = max(logs.offsets)
    given: dict[int, Counter[Any]] = {}
    wanted = {last + 1: _kept([EXTRA])}
    if repeat:
        os.unlink(checkpoint / "commits" / str(last))
        start = logs.offsets.get(last - 1, -1)
        names = [
            n for log_id, names in logs.files.items() if start < log_id <= logs.offsets[last] for n in names
        ]
        wanted[last] = _kept(names)
    expected.put(str(at / "in"), EXTRA)

    def keep(frame: Any, batch_id: int) -> None:
        given[batch_id] = Counter(tuple(row) for row in frame.collect())

    stream = spark.readStream.schema("k string, n int").json(str(at / "in")).where("n % 2 = 0")
    writer = stream.writeStream.option("checkpointLocation", str(checkpoint)).foreachBatch(keep)
    writer.trigger(availableNow=True).start().awaitTermination()
    identity = json.loads((checkpoint / "metadata").read_text())["id"]
    if identity != json.loads((at / "checkpoint" / "metadata").read_text())["id"]:
        return "the query's id has changed"
    return "" if given == wanted else f"it gave {given}, not {wanted}"


def _kept(names: Sequence[str]) -> Counter[Any]:
    return Counter(expected.outputs("append", [names])[0])

"""(p) What a trigger costs with 1,000 objects in a store already seen."""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from benchmarks.contract import Bar, Benchmark, Contender, Values, Work
from benchmarks.data import PROJECT
from benchmarks.engines import LIGHTSTREAM, open_session
from benchmarks.triggers import timed_triggers, trigger_measures

_ROW = b'{"gt":"sit","x":1.0}\n'
_AT_ONCE = 16


@contextmanager
def _filled(work: Work, objects: int) -> Iterator[tuple[Any, Any]]:
    """Give a server, and a bucket with objects of one row each."""
    sys.path.append(str(PROJECT / "tests"))
    tests = importlib.import_module("s3_server")
    with tests.running_apart() as server:
        bucket = server.bucket("bench")
        names = [f"{bucket.root}/in/{number:06d}.json" for number in range(objects)]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(lambda name: bucket.write(name, _ROW), names))
        yield server, bucket


def stream(work: Work, sorted_names: bool, stored: bool) -> Values:
    """Take what is there, then one new object at a time; `stored`: output and checkpoint are in the store too."""
    seen, triggers = work.scaled(1000, 50), work.scaled(40, 4)
    with _filled(work, seen) as (server, bucket):
        spark = open_session(work, LIGHTSTREAM)
        for key, value in server.conf.items():
            spark.conf.set(key, value)
        root = bucket.root if stored else work.scratch
        reader = spark.readStream.schema("gt string, x double").option("namesSortByTime", str(sorted_names))
        writer = (
            reader.json(f"{bucket.root}/in").writeStream.format("json").trigger(processingTime="0 seconds")
        )
        started_s = time.monotonic()
        query = writer.option("checkpointLocation", f"{root}/checkpoint").start(f"{root}/out")
        query.processAllAvailable()
        first_s = time.monotonic() - started_s
        values = timed_triggers(
            triggers,
            lambda number: bucket.write(f"{bucket.root}/in/t-{number:06d}.json", _ROW),
            query.processAllAvailable,
        )
        query.stop()
        rows = spark.read.schema("gt string").json(f"{root}/out").count()
        if rows != seen + triggers:
            raise SystemExit(f"{rows} rows were written of {seen + triggers}")
        return {**values, "first_s": first_s}


BENCHMARKS = (
    Benchmark(
        "p",
        "a trigger with 1,000 objects of a store already seen",
        (
            Contender("lightstream, names in any order", stream, {"sorted_names": False, "stored": False}),
            Contender("lightstream, names sort by time", stream, {"sorted_names": True, "stored": False}),
            Contender("lightstream, all in the store", stream, {"sorted_names": True, "stored": True}),
        ),
        trigger_measures("object"),
        (
            Bar(
                "names that sort are faster",
                "trigger_ms",
                1,
                "lightstream, names in any order",
                contender="lightstream, names sort by time",
            ),
        ),
        "S3 by moto, a process on the same machine, which takes 0.3 s for a listing of 1,000 names and 4 ms for an "
        "object. From the put of an object of one row until the query is idle again, median of 40 triggers, JSON files "
        "to JSON files. In the last line the sink's directory and the checkpoint are in the store too, and names sort; "
        "in the others they are on disk.",
        most_rounds=1,
    ),
)

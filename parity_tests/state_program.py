"""Run by `test_stream_arbitrary_state` on both engines, each in a process of its own: RocksDB needs Spark's own file
system, which the session of the other tests has not. Prints batches, rows and the state's numbers."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql.streaming import StatefulProcessor
from pyspark.sql.types import IntegerType, StructField, StructType

ROCKSDB = "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider"
OUTPUT = "u string, n int, total int, what string"
FILES = [
    [("a", "00:00:10", 1), ("b", "00:01:00", 2), ("a", "00:02:10", 4)],
    [("a", "00:12:00", 3), ("c", "00:13:00", 7)],
    [("b", "00:40:00", 5)],
    [("a", "00:01:00", 5), ("c", "02:00:00", 8)],
]


class Sums(StatefulProcessor):
    """A value, a list and a map of each user, and a timer."""

    def init(self, handle: Any) -> None:
        self.handle = handle
        self.count = handle.getValueState("count", StructType([StructField("n", IntegerType())]))
        self.values = handle.getListState("values", "v int")
        self.parities = handle.getMapState("parities", "k string", "x int")

    def handleInputRows(self, key: Any, rows: Any, timerValues: Any) -> Iterator[Any]:
        count = self.count.get()[0] if self.count.exists() else 0
        for frame in rows:
            count += len(frame)
            for v in frame.v:
                self.values.appendValue((int(v),))
                self.parities.updateValue((str(v % 2),), (int(v),))
        self.count.update((count,))
        total = sum(value for (value,) in self.values.get())
        if timerValues.getCurrentWatermarkInMs() > 0:
            self.handle.registerTimer(timerValues.getCurrentWatermarkInMs() + 700_000)
        text = ",".join(sorted(f"{k}={x}" for (k,), (x,) in self.parities.iterator()))
        yield pd.DataFrame({"u": [key[0]], "n": [count], "total": [total], "what": [text]})

    def handleExpiredTimer(self, key: Any, timerValues: Any, expiredTimerInfo: Any) -> Iterator[Any]:
        self.count.clear()
        for expiry in list(self.handle.listTimers()):
            yield pd.DataFrame({"u": [key[0]], "n": [-1], "total": [0], "what": [str(expiry)]})


class Rows(Sums):
    """The same by rows, which stand alone."""

    def handleInputRows(self, key: Any, rows: Any, timerValues: Any) -> Iterator[Any]:
        for row in rows:
            self.values.appendValue((row.v,))
            yield Row(u=key[0], n=row.v, total=sum(v for (v,) in self.values.get()), what="row")

    def handleExpiredTimer(self, key: Any, timerValues: Any, expiredTimerInfo: Any) -> Iterator[Any]:
        yield Row(u=key[0], n=0, total=0, what="timer")


def show(frame: DataFrame, batch_id: int) -> None:
    """Print a batch."""
    print(batch_id, sorted((tuple(row) for row in frame.collect()), key=str))


def main() -> None:
    """Run the queries in the working directory."""
    builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    builder = builder.config("spark.sql.shuffle.partitions", "2").config("spark.sql.session.timeZone", "UTC")
    spark = builder.config("spark.sql.streaming.stateStore.providerClass", ROCKSDB).getOrCreate()
    spark.sparkContext.setLogLevel("OFF")

    def put(number: int) -> None:
        rows = [{"u": u, "t": f"2025-01-01 {t}", "v": v} for u, t, v in FILES[number]]
        text = "\n".join(json.dumps(row) for row in rows)
        with open(f"in/{number}.json", "w", encoding="utf-8") as file:
            file.write(text + "\n")
        os.utime(f"in/{number}.json", (1_700_000_000 + number,) * 2)

    os.makedirs("in")
    stream = (
        spark.readStream.schema("u string, t timestamp, v int").option("maxFilesPerTrigger", 1).json("in")
    )
    users = stream.withWatermark("t", "5 minutes").groupBy("u")
    for numbers in ((0, 1, 2), (3,)):
        for number in numbers:
            put(number)
        for name, frame, mode in (
            ("frames", users.transformWithStateInPandas(Sums(), OUTPUT, "Append", "EventTime"), "append"),
            ("rows", users.transformWithState(Rows(), OUTPUT, "Update", "EventTime"), "update"),
        ):
            writer = frame.writeStream.foreachBatch(show).outputMode(mode)
            query = (
                writer.option("checkpointLocation", f"checkpoints/{name}").trigger(availableNow=True).start()
            )
            query.awaitTermination()
            for progress in query.recentProgress:
                [state] = progress.stateOperators
                numbers_of = (state.numRowsTotal, state.numRowsUpdated, state.numRowsRemoved)
                print(
                    name, progress.batchId, progress.numInputRows, numbers_of, state.numRowsDroppedByWatermark
                )


if __name__ == "__main__":
    main()

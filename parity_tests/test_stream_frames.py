"""mapInPandas, applyInPandas and their kin over the batches of a stream: they keep nothing from batch to batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from stream_cases import Cases, Engine, compare

CASES = Cases("frames of a stream")


def _functions() -> dict[str, Callable[..., Any]]:
    """Return what the cases use. Functions of a function go to Spark's workers by value."""

    def doubled(frames: Iterator[Any]) -> Iterator[Any]:
        """Return k and twice n."""
        for frame in frames:
            yield frame.assign(n=frame.n * 2)[["k", "n"]]

    def same(frames: Iterator[Any]) -> Iterator[Any]:
        """Return what is given."""
        yield from frames

    def sizes(frame: Any) -> Any:
        """Return a group's key and number of rows."""
        return frame.head(1)[["k"]].assign(rows=len(frame))

    def largest(key: tuple[Any, ...], frame: Any) -> Any:
        """Return a group's key as text and its largest n."""
        return frame.head(1)[[]].assign(key=repr(key), n=frame.n.max())

    def both(left: Any, right: Any) -> Any:
        """Return how many rows each side of a key has."""
        found = left if len(left) else right
        return found.head(1)[["k"]].assign(left=len(left), right=len(right))

    return {f.__name__: f for f in (doubled, same, sizes, largest, both)}


FUNCTIONS = _functions()


@CASES
def frames_one_by_one(engine: Engine) -> None:
    engine.put(0, 1, 2, 3)
    engine.run(engine.stream(maxFilesPerTrigger=1).mapInPandas(FUNCTIONS["doubled"], "k string, n double"))


@CASES
def arrow_batches(engine: Engine) -> None:
    engine.put(0, 1)
    engine.run(
        engine.stream(maxFilesPerTrigger=1).mapInArrow(
            FUNCTIONS["same"], "k string, n int, x double, ts timestamp"
        )
    )


def _times() -> Any:
    """Return a class for table functions: so many rows as it is given, and at the end how many calls there were."""

    class Times:
        def __init__(self) -> None:
            self.calls = 0

        def eval(self, n: Any) -> Any:
            self.calls += 1
            for i in range(min(int(n or 0), 3)):
                yield ("row", i)

        def terminate(self) -> Any:
            yield ("calls", self.calls)

    return Times


def _keys_seen() -> Any:
    class KeysSeen:
        def __init__(self) -> None:
            self.keys: list[str] = []

        def eval(self, row: Any) -> None:
            self.keys.append(str(row["k"]))

        def terminate(self) -> Any:
            yield (",".join(sorted(self.keys)),)

    return KeysSeen


@CASES
def table_function_of_columns(engine: Engine) -> None:
    engine.put(0, 1)
    times = engine.F.udtf(_times(), returnType="what string, i int")
    stream = engine.stream(maxFilesPerTrigger=1).select("k", "n")
    engine.run(
        stream.lateralJoin(times(engine.F.col("n").outer())).where("what = 'row'").select("k", "n", "i")
    )


@CASES
def table_function_of_a_stream(engine: Engine) -> None:
    engine.put(0, 1, 3)
    keys_seen = engine.F.udtf(_keys_seen(), returnType="keys string")
    engine.run(keys_seen(engine.stream(maxFilesPerTrigger=1).asTable().withSinglePartition()))


@CASES
def groups_of_each_batch(engine: Engine) -> None:
    engine.put(0, 1, 3)
    engine.run(
        engine.stream(maxFilesPerTrigger=1)
        .groupBy("k")
        .applyInPandas(FUNCTIONS["sizes"], "k string, rows long")
    )


@CASES
def groups_with_their_keys(engine: Engine) -> None:
    engine.put(0, 3)
    frame = engine.stream(maxFilesPerTrigger=1).where("k is not null").groupBy("k", engine.F.col("n") % 2)
    engine.run(frame.applyInPandas(FUNCTIONS["largest"], "key string, n double"), "update")


@CASES
def groups_of_two_streams(engine: Engine) -> None:
    engine.put(0, 1)
    engine.write("0.json", [{"k": "a", "n": 1}, {"k": "z", "n": 2}], into="more")
    left = engine.stream().groupBy("k")
    engine.run(
        left.cogroup(engine.stream("more").groupBy("k")).applyInPandas(
            FUNCTIONS["both"], "k string, left int, right int"
        )
    )


@CASES
def groups_of_a_stream_and_a_table(engine: Engine) -> None:
    engine.put(0, 1)
    table = engine.spark.createDataFrame([("a", 1), ("z", 2)], "k string, m int").groupBy("k")
    frame = engine.stream(maxFilesPerTrigger=1).groupBy("k")
    engine.run(frame.cogroup(table).applyInPandas(FUNCTIONS["both"], "k string, left int, right int"))


@CASES
def an_aggregation_above(engine: Engine) -> None:
    engine.put(0, 1, 3)
    frame = engine.stream(maxFilesPerTrigger=1).mapInPandas(FUNCTIONS["doubled"], "k string, n double")
    engine.run(frame.groupBy("k").agg(engine.F.sum("n"), engine.F.count("*")), "complete")


@CASES
def an_aggregation_below(engine: Engine) -> None:
    engine.put(0, 1, 3)
    frame = engine.stream(maxFilesPerTrigger=1).groupBy("k").agg(engine.F.sum("n").alias("n"))
    engine.run(frame.mapInPandas(FUNCTIONS["doubled"], "k string, n double"), "update")


@CASES
def a_filter_and_duplicates_above(engine: Engine) -> None:
    engine.put(0, 1, 3)
    frame = engine.stream(maxFilesPerTrigger=1).mapInPandas(FUNCTIONS["doubled"], "k string, n double")
    engine.run(frame.where("n > 2").dropDuplicates(["k"]))


@CASES
def a_watermark_below(engine: Engine) -> None:
    engine.put(0, 1, 3)
    frame = engine.stream(maxFilesPerTrigger=1).withWatermark("ts", "5 minutes")
    engine.run(frame.mapInPandas(FUNCTIONS["doubled"], "k string, n double"))


@CASES
def a_watermark_above(engine: Engine) -> None:
    engine.put(0, 1, 3, 4)
    frame = engine.stream(maxFilesPerTrigger=1).mapInPandas(
        FUNCTIONS["same"], "k string, n double, x double, ts timestamp"
    )
    counts = frame.withWatermark("ts", "5 minutes").groupBy(engine.F.window("ts", "10 minutes")).count()
    engine.run(counts)


@CASES
def what_is_refused(engine: Engine) -> None:
    frame = engine.stream().mapInPandas(FUNCTIONS["doubled"], "k string, n double")
    for mode in ("complete",):
        engine.attempt(mode, lambda m=mode: frame.writeStream.format("noop").outputMode(m).start())
    parts = engine.F.udtf(_keys_seen(), returnType="keys string")(engine.stream().asTable().partitionBy("k"))
    engine.attempt("partitions", lambda: parts.writeStream.format("noop").start())
    watermarked = (
        engine.stream()
        .withWatermark("ts", "5 minutes")
        .mapInPandas(FUNCTIONS["same"], engine.stream().schema)
    )
    counts = watermarked.groupBy(engine.F.window("ts", "10 minutes")).count()
    engine.attempt("the watermark is lost", lambda: counts.writeStream.format("noop").start())


@pytest.mark.parametrize("program", list(CASES))
def test_frames_of_a_stream(
    spark: Any, lightstream: Any, tmp_path: Any, program: Callable[[Engine], None]
) -> None:
    compare(spark, lightstream, tmp_path, program)

"""Restarts from a checkpoint: after every file, in the middle, with another program, with parts of the logs gone."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import pytest
from stream_cases import Cases, Engine, compare

CASES = Cases("stream restart")


def logs(engine: Engine, name: str = "checkpoint") -> None:
    """Tell the files of a checkpoint that every stateless query has."""
    for part in ("offsets", "commits"):
        names = [int(n) for n in os.listdir(engine.path(f"{name}/{part}")) if n.isdecimal()]
        engine.tell(part, sorted(names))


def forget(engine: Engine, *parts: str) -> None:
    """Delete files of the checkpoint, and the checksums that Spark keeps of them."""
    for part in parts:
        directory, name = os.path.split(engine.path(f"checkpoint/{part}"))
        for file in (name, f".{name}.crc"):
            if os.path.exists(os.path.join(directory, file)):
                os.unlink(os.path.join(directory, file))


def after_each_file(mode: str, make: Callable[[Any, Any], Any]) -> Callable[[Engine], None]:
    def program(engine: Engine) -> None:
        for position in (0, 1, 2, 3, 4):
            engine.put(position)
            engine.run(make(engine.stream(), engine.F), mode)
        logs(engine)

    return program


EACH: dict[str, tuple[str, Callable[[Any, Any], Any]]] = {
    "a filter": ("append", lambda df, F: df.where("n % 2 = 1").select("k", "n")),
    "counts, complete": ("complete", lambda df, F: df.groupBy("k").count()),
    "measures, update": ("update", lambda df, F: df.groupBy("k").agg(F.avg("x"), F.max("ts"), F.stddev("n"))),
    "no keys, update": ("update", lambda df, F: df.agg(F.sum("n"), F.min("k"))),
    "expressions as keys": ("complete", lambda df, F: df.groupBy(F.col("n") % 2, F.upper("k")).count()),
}
for name, (mode, make) in EACH.items():
    CASES.add(f"after each file: {name}", after_each_file(mode, make))


@CASES
def after_a_stop_in_the_middle(engine: Engine) -> None:
    engine.put(0, 1)
    query = engine.start(engine.stream(maxFilesPerTrigger=1).groupBy("k").count(), "update")
    query.processAllAvailable()
    query.stop()
    engine.put(3, 4)
    query = engine.start(engine.stream(maxFilesPerTrigger=1).groupBy("k").count(), "update")
    query.processAllAvailable()
    engine.tell_progress(query)
    query.stop()
    logs(engine)


@CASES
def the_id_stays_and_the_run_changes(engine: Engine) -> None:
    engine.put(0)
    first = engine.run(engine.stream())
    engine.put(1)
    second = engine.run(engine.stream())
    engine.tell(first.id == second.id, first.runId == second.runId, len(first.id), len(first.runId))
    with open(engine.path("checkpoint/metadata")) as file:
        engine.tell(json.load(file)["id"] == first.id)
    other = engine.run(engine.stream(), checkpoint="other", once=True)
    engine.tell(other.id == first.id)


@CASES
def with_another_filter(engine: Engine) -> None:
    engine.put(0, 1)
    engine.run(engine.stream(maxFilesPerTrigger=1).where("n % 2 = 1"))
    engine.put(3, 4)
    engine.run(engine.stream(maxFilesPerTrigger=1).where("k || '' = 'a'"))


@CASES
def with_other_columns(engine: Engine) -> None:
    engine.put(0)
    engine.run(engine.stream().select("k"))
    engine.put(1)
    engine.run(engine.stream().select((engine.F.col("n") * 2).alias("twice"), "ts"))


@CASES
def with_another_schema(engine: Engine) -> None:
    engine.put(0)
    engine.run(engine.stream(schema="k string"))
    engine.put(1)
    engine.run(engine.stream(schema="n double, z string"))


@CASES
def with_other_limits_and_triggers(engine: Engine) -> None:
    engine.put(0, 1, 3)
    engine.run(engine.stream(maxFilesPerTrigger=2).select("k"))
    engine.put(4)
    engine.write("more.json", [{"k": "z"}], at=9)
    engine.run(engine.stream(maxFilesPerTrigger=1).select("k"), once=True)
    engine.write("most.json", [{"k": "y"}], at=10)
    engine.run(engine.stream(maxBytesPerTrigger=1, latestFirst=True).select("k"))


@CASES
def with_another_sink(engine: Engine) -> None:
    engine.put(0)
    engine.run(engine.stream().select("k"))
    engine.put(1)
    writer = engine.stream().select("k").writeStream.format("noop").trigger(once=True)
    engine.finish(writer.option("checkpointLocation", engine.path("checkpoint")).start())
    engine.put(3)
    engine.run(engine.stream().select("k"))


@CASES
def with_another_name_and_mode(engine: Engine) -> None:
    for position, (name, mode) in enumerate(
        (("first", "complete"), ("second", "update"), (None, "complete"))
    ):
        engine.put((0, 1, 3)[position])
        writer = engine.writer(engine.stream().groupBy("k").count(), mode, once=True)
        query = (writer if name is None else writer.queryName(name)).start()
        engine.finish(query)
        engine.tell(query.name, query.lastProgress["name"])


@CASES
def with_another_directory(engine: Engine) -> None:
    engine.put(0)
    engine.run(engine.stream())
    engine.write("elsewhere.json", [{"k": "e", "n": 1}], into="elsewhere", at=20)
    engine.run(engine.stream("elsewhere"))
    engine.put(1)
    engine.run(engine.stream())


@CASES
def with_other_keys(engine: Engine) -> None:
    engine.put(0)
    engine.run(engine.stream().groupBy("k").count(), "complete")
    engine.put(1)
    engine.attempt("start", lambda: engine.run(engine.stream().groupBy("n").count(), "complete"))


@CASES
def with_state_where_there_was_none(engine: Engine) -> None:
    engine.put(0)
    engine.run(engine.stream().select("k"))
    engine.put(1)
    engine.attempt("start", lambda: engine.run(engine.stream().groupBy("k").count(), "complete"))


@CASES
def without_a_commit(engine: Engine) -> None:
    engine.put(0, 1)
    engine.run(engine.stream(maxFilesPerTrigger=1).select("k"))
    forget(engine, "commits/1")
    engine.put(3)
    engine.run(engine.stream(maxFilesPerTrigger=1).select("k"))
    logs(engine)


@CASES
def without_a_commit_and_once(engine: Engine) -> None:
    engine.put(0, 1)
    engine.run(engine.stream(maxFilesPerTrigger=1).select("k"))
    forget(engine, "commits/1")
    engine.put(3)
    engine.run(engine.stream(maxFilesPerTrigger=1).select("k"), once=True)
    engine.run(engine.stream(maxFilesPerTrigger=1).select("k"), once=True)


@CASES
def without_the_only_commit(engine: Engine) -> None:
    engine.put(0)
    engine.run(engine.stream().select("k"))
    forget(engine, "commits/0")
    engine.run(engine.stream().where("n + 0 > 1").select("n"))


@CASES
def without_the_last_batch(engine: Engine) -> None:
    engine.put(0, 1)
    engine.run(engine.stream(maxFilesPerTrigger=1).select("k"))
    forget(engine, "commits/1", "offsets/1")
    engine.put(3)
    engine.run(engine.stream(maxFilesPerTrigger=1).select("k"))
    logs(engine)


@CASES
def without_the_ids(engine: Engine) -> None:
    engine.put(0)
    engine.run(engine.stream())
    forget(engine, "metadata")
    engine.attempt("start", lambda: engine.run(engine.stream()))


@CASES
def after_a_batch_that_failed(engine: Engine) -> None:
    engine.put(0, 1)
    told: list[Any] = []

    def batch(rows: Any, batch_id: int) -> None:
        told.append([batch_id, rows.count()])
        if batch_id == 1 and len(told) == 2:
            raise ValueError("not this time")

    def start() -> Any:
        frame = engine.stream(maxFilesPerTrigger=1)
        writer = frame.writeStream.foreachBatch(batch).trigger(availableNow=True)
        return writer.option("checkpointLocation", engine.path("checkpoint")).start()

    engine.fail(start())
    logs(engine)
    engine.put(3)
    engine.finish(start())
    engine.tell(told)


@CASES
def many_batches(engine: Engine) -> None:
    for position in range(13):
        engine.write(f"{position}.json", [{"n": position}])
    engine.run(engine.stream(schema="n int", maxFilesPerTrigger=1).select("n"))
    engine.write("late.json", [{"n": 100}])
    engine.run(engine.stream(schema="n int", maxFilesPerTrigger=1).select("n"))
    logs(engine)


@CASES
def few_batches_are_kept(engine: Engine) -> None:
    engine.set("spark.sql.streaming.minBatchesToRetain", "2")
    for position in range(6):
        engine.write(f"{position}.json", [{"n": position}])
    engine.run(engine.stream(schema="n int", maxFilesPerTrigger=1).select("n"))
    logs(engine)


@CASES
def what_the_logs_say(engine: Engine) -> None:
    engine.put(0, 1)
    engine.run(engine.stream(maxFilesPerTrigger=1).select("k"))
    with open(engine.path("checkpoint/offsets/1")) as file:
        version, metadata, offset = file.read().split("\n")
    parsed = json.loads(metadata)
    engine.tell(version, sorted(parsed), sorted(parsed["conf"]), parsed["batchWatermarkMs"], offset)
    with open(engine.path("checkpoint/commits/1")) as file:
        engine.tell(file.read())
    with open(engine.path("checkpoint/sources/0/1")) as file:
        engine.tell(file.read().replace(engine.path(""), "/"))


@CASES
def a_memory_table_is_filled_anew(engine: Engine) -> None:
    for position in (0, 1):
        engine.put(position)
        writer = engine.stream().groupBy("k").count().writeStream.format("memory").queryName("anew")
        writer = writer.outputMode("complete").option("checkpointLocation", engine.path("checkpoint"))
        engine.finish(writer.trigger(availableNow=True).start())
        engine.tell_frame(engine.spark.table("anew"))


@CASES
def a_memory_table_that_lost_its_rows(engine: Engine) -> None:
    engine.put(0)
    for mode in ("append", "update"):
        writer = engine.stream().writeStream.format("memory").queryName(f"lost_{mode}").outputMode(mode)
        writer = writer.option("checkpointLocation", engine.path(mode)).trigger(once=True)
        writer.start().awaitTermination(60)
        try:
            writer.start()
        except Exception as error:
            engine.tell(type(error).__name__, error.getCondition())


@CASES
def two_queries_of_one_source(engine: Engine) -> None:
    engine.put(0, 1)
    frame = engine.stream(maxFilesPerTrigger=1)
    first = engine.run(frame.select("k"), checkpoint="one")
    second = engine.run(frame.groupBy("k").count(), "complete", checkpoint="two")
    engine.tell(first.id == second.id)
    engine.put(3)
    engine.run(frame.select("k"), checkpoint="one")


@CASES
def two_queries_at_the_same_time(engine: Engine) -> None:
    engine.put(0, 1)
    frame = engine.stream(maxFilesPerTrigger=1)
    told: dict[str, list[Any]] = {"a": [], "b": []}

    def writer(name: str) -> Any:
        function = lambda rows, batch_id: told[name].append((batch_id, rows.count()))  # noqa: E731
        writing = frame.writeStream.foreachBatch(function).queryName(name)
        return writing.option("checkpointLocation", engine.path(name))

    queries = [writer("a").start(), writer("b").start()]
    for query in queries:
        query.processAllAvailable()
    engine.put(3)
    for query in queries:
        query.processAllAvailable()
    engine.tell(told["a"], told["b"])


@CASES
def a_start_on_a_checkpoint_in_use(engine: Engine) -> None:
    engine.put(0)
    first = engine.start(engine.stream())
    first.processAllAvailable()
    second = engine.start(engine.stream())
    engine.tell(first.isActive, first.exception(), second.isActive, first.id == second.id)
    engine.put(1)
    second.processAllAvailable()
    engine.tell_progress(second)
    second.stop()


@CASES
def a_checkpoint_below_the_sessions(engine: Engine) -> None:
    engine.set("spark.sql.streaming.checkpointLocation", engine.path("all"))
    engine.put(0)
    writer = engine.stream().writeStream.format("noop").queryName("named").trigger(once=True)
    engine.finish(writer.start())
    engine.tell([sorted(n for n in os.listdir(engine.path(p)) if n[0] != ".") for p in ("all", "all/named")])
    engine.put(1)
    query = writer.start()
    engine.finish(query)


@CASES
def settings_that_a_checkpoint_keeps(engine: Engine) -> None:
    engine.set("spark.sql.shuffle.partitions", "2")
    engine.put(0)
    engine.run(engine.stream().groupBy("k").count(), "complete")
    engine.set("spark.sql.shuffle.partitions", "3")
    engine.put(1)
    engine.run(engine.stream().groupBy("k").count(), "complete")
    with open(engine.path("checkpoint/offsets/1")) as file:
        engine.tell(json.loads(file.read().split("\n")[1])["conf"]["spark.sql.shuffle.partitions"])


@pytest.mark.parametrize("program", list(CASES))
def test_restart(spark: Any, lightstream: Any, tmp_path: Any, program: Callable[[Engine], None]) -> None:
    compare(spark, lightstream, tmp_path, program)

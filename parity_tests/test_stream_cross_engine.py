"""Stateless queries that one engine begins and the other goes on with, from one checkpoint directory."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from stream_cases import FIRST_TIME_S

HERE, SPARK = "here", "spark"


class Shared:
    """A directory of files and a checkpoint that both engines use, and the rows that each batch gave."""

    def __init__(self, spark: Any, lightstream: Any, directory: Path) -> None:
        self.sessions = {SPARK: spark, HERE: lightstream}
        self.arriving, self.checkpoint = directory / "in", directory / "checkpoint"
        self.arriving.mkdir()
        self.written = 0
        self.batches: list[tuple[int, list[int]]] = []

    def put(self, files: int = 1, into: str = ".") -> None:
        """Let files arrive, each with the two rows of its number."""
        for _ in range(files):
            path = self.arriving / into / f"part {self.written}%.json"
            path.parent.mkdir(exist_ok=True)
            rows = [{"n": self.written}, {"n": self.written, "more": "unread"}]
            hidden = self.arriving.parent / "hidden"
            hidden.write_text("".join(json.dumps(row) + "\n" for row in rows))
            os.utime(hidden, (FIRST_TIME_S + self.written,) * 2)
            hidden.rename(path)
            self.written += 1

    def run(self, engine: str, trigger: str = "availableNow", path: str = "", **options: Any) -> Any:
        """Run the query on an engine until all is read; return it."""

        def batch(rows: Any, batch_id: int) -> None:
            self.batches.append((batch_id, sorted(row.n for row in rows.collect())))

        read = self.sessions[engine].readStream.schema("n int").options(**options)
        frame = read.json(str(self.arriving) + path).where("n >= 0").select("n")
        writer = frame.writeStream.foreachBatch(batch).option("checkpointLocation", str(self.checkpoint))
        if trigger == "default":
            query = writer.start()
            query.processAllAvailable()
            query.stop()
        else:
            query = writer.trigger(**{trigger: True}).start()
            assert query.awaitTermination(120)
        return query

    def check(self, repeated: int = 0) -> None:
        """Fail unless each file was read once, in batches that are numbered on; but for so many that were repeated."""
        ids = [batch_id for batch_id, _ in self.batches]
        last = dict(self.batches)
        assert sorted(last) == list(range(len(last)))
        assert len(ids) == len(last) + repeated
        assert ids == sorted(ids)
        assert sorted(n for rows in last.values() for n in rows) == sorted(2 * list(range(self.written)))
        for batch_id, rows in self.batches:
            assert rows == last[batch_id], "a batch that is repeated has the same rows"

    def forget(self, *parts: str) -> None:
        """Delete files of the checkpoint."""
        for part in parts:
            path = self.checkpoint / part
            path.unlink()
            path.with_name(f".{path.name}.crc").unlink(missing_ok=True)

    def last(self, part: str) -> str:
        """Return the name of the newest entry of a log."""
        numbers = [int(n) for n in os.listdir(self.checkpoint / part) if n.isdecimal()]
        return f"{part}/{max(numbers)}"


@pytest.fixture
def shared(spark: Any, lightstream: Any, tmp_path: Path) -> Iterator[Shared]:
    yield Shared(spark, lightstream, tmp_path)


BOTH_WAYS = pytest.mark.parametrize(("first", "second"), [(SPARK, HERE), (HERE, SPARK)])


@BOTH_WAYS
def test_the_other_goes_on(shared: Shared, first: str, second: str) -> None:
    shared.put(2)
    begun = shared.run(first, maxFilesPerTrigger=1)
    shared.put(3)
    went_on = shared.run(second, maxFilesPerTrigger=1)
    shared.check()
    assert begun.id == went_on.id
    assert [len(rows) for _, rows in shared.batches] == [2] * 5


@BOTH_WAYS
def test_they_take_turns(shared: Shared, first: str, second: str) -> None:
    for turn in range(5):
        shared.put(1 + turn % 2)
        shared.run((first, second)[turn % 2])
    shared.check()
    assert [len(rows) for _, rows in shared.batches] == [2, 4, 2, 4, 2]


@BOTH_WAYS
def test_nothing_is_left_to_do(shared: Shared, first: str, second: str) -> None:
    shared.put(2)
    shared.run(first)
    shared.run(second)
    shared.run(first)
    shared.check()
    assert len(shared.batches) == 1


@BOTH_WAYS
def test_a_batch_without_a_commit_is_repeated(shared: Shared, first: str, second: str) -> None:
    shared.put(2)
    shared.run(first, maxFilesPerTrigger=1)
    shared.forget(shared.last("commits"))
    shared.put()
    shared.run(second, maxFilesPerTrigger=1)
    shared.check(repeated=1)


@BOTH_WAYS
def test_the_first_batch_without_a_commit_is_repeated(shared: Shared, first: str, second: str) -> None:
    shared.put(2)
    shared.run(first, trigger="once")
    shared.forget("commits/0")
    shared.put()
    shared.run(second, trigger="once")
    assert len(shared.batches) == 2, "one attempt, one batch"
    shared.run(second, trigger="once")
    shared.check(repeated=1)


@BOTH_WAYS
def test_files_that_were_logged_but_not_planned_are_taken(shared: Shared, first: str, second: str) -> None:
    # A crash between the source's log and the offsets.
    shared.put(2)
    shared.run(first, maxFilesPerTrigger=1)
    shared.forget("commits/1", "offsets/1")
    shared.batches.pop()
    shared.put()
    shared.run(second, maxFilesPerTrigger=1)
    ids = [batch_id for batch_id, _ in shared.batches]
    assert ids == sorted(set(ids))
    assert sorted(n for _, rows in shared.batches for n in rows) == [0, 0, 1, 1, 2, 2]


@BOTH_WAYS
def test_logs_that_were_compacted(shared: Shared, first: str, second: str) -> None:
    shared.put(12)
    shared.run(first, maxFilesPerTrigger=1)
    shared.put(3)
    shared.run(second, maxFilesPerTrigger=1)
    shared.put(1)
    shared.run(first)
    shared.check()


@BOTH_WAYS
def test_the_second_compacts_what_the_first_wrote(shared: Shared, first: str, second: str) -> None:
    shared.put(7)
    shared.run(first, maxFilesPerTrigger=1)
    shared.put(6)
    shared.run(second, maxFilesPerTrigger=1)
    shared.put(9)
    shared.run(first, maxFilesPerTrigger=1)
    shared.put(1)
    shared.run(second)
    shared.check()


@BOTH_WAYS
def test_queries_that_run_until_they_are_stopped(shared: Shared, first: str, second: str) -> None:
    shared.put(1)
    shared.run(first, trigger="default")
    shared.put(2)
    shared.run(second, trigger="default", maxFilesPerTrigger=1)
    shared.put(1)
    shared.run(first, trigger="default")
    shared.check()


@BOTH_WAYS
def test_files_in_directories(shared: Shared, first: str, second: str) -> None:
    shared.put(into="day=1")
    shared.put(into="day=2 a")
    shared.run(first, path="/day=*")
    shared.put(into="day=1")
    shared.put(into="day=ü")
    shared.run(second, path="/day=*")
    shared.check()


@BOTH_WAYS
def test_other_options(shared: Shared, first: str, second: str) -> None:
    shared.put(3)
    shared.run(first, latestFirst=True, maxFilesPerTrigger=2)
    shared.put(2)
    shared.run(second, maxBytesPerTrigger=1)
    shared.put(1)
    shared.run(first, maxFileAge="1000d")
    shared.check()


@BOTH_WAYS
def test_an_old_file_is_too_old_for_both(shared: Shared, first: str, second: str) -> None:
    shared.put(2)
    shared.run(first, maxFileAge="60s")
    old = shared.arriving / "old.json"
    old.write_text('{"n":99}\n')
    os.utime(old, (FIRST_TIME_S - 1000,) * 2)
    shared.put(1)
    shared.run(second, maxFileAge="60s")
    shared.check()


@BOTH_WAYS
def test_few_batches_are_kept(shared: Shared, first: str, second: str) -> None:
    for session in shared.sessions.values():
        session.conf.set("spark.sql.streaming.minBatchesToRetain", "2")
    try:
        shared.put(5)
        shared.run(first, maxFilesPerTrigger=1)
        shared.put(5)
        shared.run(second, maxFilesPerTrigger=1)
        shared.put(2)
        shared.run(first, maxFilesPerTrigger=1)
    finally:
        for session in shared.sessions.values():
            session.conf.unset("spark.sql.streaming.minBatchesToRetain")
    shared.check()


@BOTH_WAYS
def test_two_sources(shared: Shared, first: str, second: str) -> None:
    told: list[tuple[int, list[int]]] = []

    def run(engine: str) -> None:
        read = shared.sessions[engine].readStream.schema("n int").option("maxFilesPerTrigger", 1)
        frame = read.json(f"{shared.arriving}/a").union(read.json(f"{shared.arriving}/b"))
        writer = frame.writeStream.foreachBatch(
            lambda rows, i: told.append((i, [r.n for r in rows.collect()]))
        )
        query = writer.option("checkpointLocation", str(shared.checkpoint)).trigger(availableNow=True).start()
        assert query.awaitTermination(120)

    shared.put(2, into="a")
    shared.put(1, into="b")
    run(first)
    shared.put(1, into="a")
    shared.put(2, into="b")
    run(second)
    assert [batch_id for batch_id, _ in told] == [0, 1, 2, 3]
    assert sorted(n for _, rows in told for n in rows) == sorted(2 * list(range(6)))


def test_console_and_noop(shared: Shared) -> None:
    numbers = []
    for turn, (engine, sink) in enumerate(
        ((SPARK, "noop"), (HERE, "console"), (SPARK, "console"), (HERE, "noop"))
    ):
        shared.put(1 + turn % 2)
        frame = shared.sessions[engine].readStream.schema("n int").json(str(shared.arriving))
        writer = frame.writeStream.format(sink).option("checkpointLocation", str(shared.checkpoint))
        query = writer.trigger(availableNow=True).start()
        assert query.awaitTermination(120)
        numbers += [(p["batchId"], p["numInputRows"]) for p in query.recentProgress if p["numInputRows"]]
    assert numbers == [(0, 2), (1, 4), (2, 2), (3, 4)]


def test_state_is_not_shared(shared: Shared) -> None:
    """Spark refuses our stateful checkpoints, and we Spark's: nothing is counted wrongly."""
    from lightstream.errors import PySparkException

    def run(engine: str, checkpoint: str) -> None:
        frame = (
            shared.sessions[engine].readStream.schema("n int").json(str(shared.arriving)).groupBy("n").count()
        )
        writer = frame.writeStream.format("noop").outputMode("complete").trigger(availableNow=True)
        writer.option("checkpointLocation", f"{shared.checkpoint}-{checkpoint}").start().awaitTermination()

    shared.put()
    run(SPARK, "a")
    run(HERE, "b")
    shared.put()
    with pytest.raises(PySparkException):
        run(HERE, "a")
    from pyspark.errors import StreamingQueryException

    with pytest.raises(StreamingQueryException):
        run(SPARK, "b")

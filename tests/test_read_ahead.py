"""The next batches' rows are read while a batch is written; nobody can tell but by the time."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lightstream.errors import StreamingQueryException
from lightstream.operators import ahead
from lightstream.operators.ahead import ReadAhead
from lightstream.sources import files
from lightstream.sql import SparkSession


@pytest.fixture
def spark() -> Iterator[Any]:
    session = SparkSession.builder.create()
    yield session
    session.stop()


@pytest.fixture(autouse=True)
def any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_MIN_BYTES_AHEAD", 0)


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """For each batch, whether its rows had been read ahead."""
    found: list[bool] = []
    take = ReadAhead.take

    def noted(self: ReadAhead, what: object) -> tuple[str, int] | None:
        early = take(self, what)
        found.append(early is not None)
        return early

    monkeypatch.setattr(ReadAhead, "take", noted)
    return found


READS: list[Any] = []


@pytest.fixture(autouse=True)
def reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that was begun to be read ahead."""
    READS.clear()
    begin = ahead._Reader.begin

    def noted(self: Any, read: Any) -> None:
        READS.append(read)
        begin(self, read)

    monkeypatch.setattr(ahead._Reader, "begin", noted)


def put(directory: Path, position: int, *numbers: int) -> Path:
    directory.mkdir(exist_ok=True)
    path = directory / f"{position}.json"
    path.write_text("".join(f'{{"n": {n}}}\n' for n in numbers))
    os.utime(path, (1_700_000_000 + position, 1_700_000_000 + position))
    return path


def wait_for_reads() -> None:
    for read in READS:
        assert read.done.wait(30)


def run(
    spark: Any, directory: Path, seen: list[Any], between: Callable[[int], None], transform: Any = None
) -> Any:
    """Run a file a batch; `between` is called in each batch's sink, when what was read ahead is there."""
    frame = spark.readStream.schema("n int").option("maxFilesPerTrigger", 1).json(str(directory / "in"))
    frame = frame if transform is None else transform(frame)

    def batch(rows: Any, batch_id: int) -> None:
        seen.append((batch_id, sorted(tuple(row) for row in rows.collect())))
        wait_for_reads()
        between(batch_id)

    writer = frame.writeStream.foreachBatch(batch).outputMode("append" if transform is None else "update")
    query = (
        writer.option("checkpointLocation", str(directory / "checkpoint")).trigger(availableNow=True).start()
    )
    query.awaitTermination(60)
    return query


def nothing(batch_id: int) -> None:
    pass


def test_all_but_the_first_batch_are_read_ahead(spark: Any, tmp_path: Path, taken: list[bool]) -> None:
    for position in range(6):
        put(tmp_path / "in", position, position, position)
    seen: list[Any] = []
    query = run(spark, tmp_path, seen, nothing)
    assert seen == [(i, [(i,), (i,)]) for i in range(6)]
    assert taken == [False, True, True, True, True, True]
    assert [entry.numInputRows for entry in query.recentProgress] == [2] * 6


def test_groups_merge_with_what_was_read_ahead(spark: Any, tmp_path: Path, taken: list[bool]) -> None:
    for position in range(5):
        put(tmp_path / "in", position, 7, position % 2)
    seen: list[Any] = []
    run(spark, tmp_path, seen, nothing, lambda frame: frame.groupBy("n").count())
    assert seen == [
        (0, [(0, 1), (7, 1)]),
        (1, [(1, 1), (7, 2)]),
        (2, [(0, 2), (7, 3)]),
        (3, [(1, 2), (7, 4)]),
        (4, [(0, 3), (7, 5)]),
    ]
    assert taken == [False, True, True, True, True]


@pytest.mark.parametrize("kind", ["join", "union"])
def test_two_streams_are_read_ahead_where_each_has_a_statement_of_its_own(
    spark: Any, tmp_path: Path, taken: list[bool], kind: str
) -> None:
    for position in range(4):
        for side in ("left", "right"):
            put(tmp_path / side, position, *range(position, position + 3))
    left, right = (
        spark.readStream.schema("n int").option("maxFilesPerTrigger", 1).json(str(tmp_path / side))
        for side in ("left", "right")
    )
    frame = left.join(right, "n") if kind == "join" else left.union(right)
    seen: list[Any] = []

    def sink(batch: Any, _: int) -> None:
        wait_for_reads()
        seen.extend(row.n for row in batch.collect())

    query = frame.writeStream.foreachBatch(sink).trigger(availableNow=True).start()
    query.awaitTermination()
    held = [n for position in range(4) for n in range(position, position + 3)]
    if kind == "union":  # one statement reads both: its profile would not tell whose rows there were
        assert sorted(seen) == sorted(2 * held)
        assert taken == []
    else:
        assert sorted(seen) == sorted(n for n in held for m in held if n == m)
        assert taken == [False, False] + [True] * 6
    assert [
        [source.numInputRows for source in entry.sources]
        for entry in query.recentProgress
        if entry.numInputRows
    ] == [[3, 3]] * 4


def test_a_file_that_has_changed_is_read_again(spark: Any, tmp_path: Path, taken: list[bool]) -> None:
    for position in range(4):
        put(tmp_path / "in", position, position)
    frame = spark.readStream.schema("n int").option("maxFilesPerTrigger", 1).json(str(tmp_path / "in"))
    seen: list[Any] = []

    def batch(rows: Any, batch_id: int) -> None:
        seen.append([row.n for row in rows.collect()])
        wait_for_reads()
        if batch_id == 0:
            put(tmp_path / "in", 1, 100, 200)

    query = frame.writeStream.foreachBatch(batch).start()  # looks at each file again when its batch comes
    query.processAllAvailable()
    query.stop()
    assert seen == [[0], [100, 200], [2], [3]]
    assert taken[:2] == [False, False]
    assert True in taken


def test_an_early_read_that_fails_fails_its_own_batch(spark: Any, tmp_path: Path) -> None:
    paths = [put(tmp_path / "in", position, position) for position in range(4)]
    paths[2].write_bytes(b'{"n": 2}\n{"n": \xff\n')  # read early, this fails in DuckDB
    os.utime(paths[2], (1_700_000_002, 1_700_000_002))
    seen: list[Any] = []
    frame = spark.readStream.schema("n int").option("maxFilesPerTrigger", 1).option("mode", "FAILFAST")
    stream = frame.json(str(tmp_path / "in"))
    writer = stream.writeStream.foreachBatch(lambda rows, i: seen.append((i, rows.count())))
    writer = writer.option("checkpointLocation", str(tmp_path / "checkpoint")).trigger(availableNow=True)
    query = writer.start()
    with pytest.raises(StreamingQueryException) as caught:
        query.awaitTermination(60)
    assert "2.json" in str(caught.value)
    assert seen == [(0, 1), (1, 1)]
    assert sorted(os.listdir(tmp_path / "checkpoint/commits")) == ["0", "1"]


def test_what_is_read_ahead_is_given_up_when_the_query_stops(
    spark: Any, tmp_path: Path, taken: list[bool]
) -> None:
    for position in range(5):
        put(tmp_path / "in", position, position)
    frame = spark.readStream.schema("n int").option("maxFilesPerTrigger", 1).json(str(tmp_path / "in"))
    reached, go_on = threading.Event(), threading.Event()

    def batch(rows: Any, batch_id: int) -> None:
        reached.set()
        assert go_on.wait(30)

    query = frame.writeStream.foreachBatch(batch).option("checkpointLocation", str(tmp_path / "c")).start()
    assert reached.wait(30)
    stopping = threading.Thread(target=query.stop)
    stopping.start()
    go_on.set()
    stopping.join(30)
    assert not stopping.is_alive()
    assert not [t for t in threading.enumerate() if t.name == "lightstream-read-ahead"]
    # Every file comes out once, over both runs.
    seen: list[int] = []
    again = frame.writeStream.foreachBatch(lambda rows, i: seen.extend(row.n for row in rows.collect()))
    again = again.option("checkpointLocation", str(tmp_path / "c")).trigger(availableNow=True).start()
    again.awaitTermination(60)

    assert seen == list(range(5 - len(seen), 5))
    assert len(seen) >= 4

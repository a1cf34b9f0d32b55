"""Damaged, missing, locked and lost files: one clear error, Spark's where it has one, and nothing lost once mended.

Each case ends with the tables of a run that nothing happened to.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from lightstream import crash
from lightstream.errors import PySparkException, StreamingQueryException
from lightstream.sources.file_source import FileSource
from lightstream.sql import SparkSession
from lightstream.sql import functions as F

FILES = 4
MTIME = 1_700_000_000


@pytest.fixture(scope="module")
def spark() -> Any:
    return SparkSession.builder.getOrCreate()


def put(source: Path, number: int, text: str | None = None) -> Path:
    """Write input file `number`, complete when it appears."""
    rows = [{"k": "abc"[(number + i) % 3], "n": 10 * number + i} for i in range(3)]
    path, hidden = source / f"f{number}.json", source / f".f{number}"
    hidden.write_text("".join(json.dumps(row) + "\n" for row in rows) if text is None else text)
    os.utime(hidden, (MTIME + number, MTIME + number))
    hidden.rename(path)
    return path


def kept(*numbers: int) -> list[tuple[str, int]]:
    """Return the rows that the filter leaves of these files."""
    rows = [("abc"[(number + i) % 3], 10 * number + i) for number in numbers for i in range(3)]
    return sorted(row for row in rows if row[1] % 2 == 0)


class Query:
    """A query over `in` with its checkpoint and its DuckDB file below one directory."""

    def __init__(self, spark: Any, at: Path, kind: str = "filter", **options: Any) -> None:
        self.at, self.kind, self.spark, self.options = at, kind, spark, options
        self.source, self.checkpoint, self.database = at / "in", at / "checkpoint", at / "out.duckdb"
        self.source.mkdir(exist_ok=True)

    def start(self, now: bool = True, **options: Any) -> Any:
        reader = self.spark.readStream.schema("k string, n int").option("maxFilesPerTrigger", 1)
        for key, value in self.options.items():
            reader = reader.option(key, value)
        stream = reader.json(str(self.source))
        if self.kind == "filter":
            frame, mode = stream.where("n % 2 = 0"), "append"
        else:
            frame, mode = stream.groupBy("k").agg(F.count("*").alias("c")), "complete"
        writer = frame.writeStream.outputMode(mode).option("checkpointLocation", str(self.checkpoint))
        writer = writer.format("duckdb").option("path", str(self.database)).option("dbtable", "result")
        for key, value in {"lockTimeout": 0, **options}.items():
            writer = writer.option(key, value)
        return (writer.trigger(availableNow=True) if now else writer).start()

    def run(self) -> None:
        self.start().awaitTermination()

    def error(self) -> PySparkException:
        """Run, and return the error that it ends with."""
        with pytest.raises(PySparkException) as caught:
            self.run()
        found = caught.value
        if isinstance(found, StreamingQueryException):
            assert isinstance(found.__cause__, PySparkException), found
            found = found.__cause__
        assert "Traceback" not in str(found)
        return found

    def rows(self) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.database), read_only=True) as connection:
            return sorted(connection.execute("SELECT * FROM result").fetchall())

    def expected(self, files: int = FILES + 1) -> list[tuple[Any, ...]]:
        return kept(*range(files)) if self.kind == "filter" else [(k, files) for k in "abc"]


@pytest.fixture(scope="module")
def finished(spark: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Queries that have taken four files, one a batch."""
    found = {}
    for kind in ("filter", "count"):
        query = Query(spark, tmp_path_factory.mktemp(kind), kind)
        for number in range(FILES):
            put(query.source, number)
        query.run()
        found[kind] = query.at
    return found


@pytest.fixture
def again(spark: Any, finished: dict[str, Path], tmp_path: Path) -> Callable[..., Query]:
    """A copy of a finished query, with one file more to take."""

    def copy(kind: str = "filter", **options: Any) -> Query:
        # The source log names absolute paths: the copy reads the same directory of its own input.
        at = tmp_path / kind
        shutil.copytree(finished[kind], at)
        for path in (at / "checkpoint" / "sources" / "0").iterdir():
            path.write_text(path.read_text().replace(str(finished[kind]), str(at)))
        query = Query(spark, at, kind, **options)
        put(query.source, FILES)
        return query

    return copy


# ---- the logs ---------------------------------------------------------------------------------------------------

DAMAGED = "LIGHTSTREAM_CHECKPOINT_DAMAGED"


def write(path: str, text: str) -> Callable[[Path], None]:
    return lambda checkpoint: (checkpoint / path).write_text(text) and None


def cut(path: str, size: int) -> Callable[[Path], None]:
    return lambda checkpoint: os.truncate(checkpoint / path, size)


def remove(*paths: str) -> Callable[[Path], None]:
    def damage(checkpoint: Path) -> None:
        for path in paths:
            whole = checkpoint / path
            shutil.rmtree(whole) if whole.is_dir() else whole.unlink()

    return damage


# In Spark 4.3 those that are DAMAGED here end with a Java exception without a condition.
DAMAGES = {
    "offsets cut to nothing": (cut("offsets/3", 0), DAMAGED),
    "offsets cut": (cut("offsets/3", 50), DAMAGED),
    "offsets without sources": (cut("offsets/3", 3), DAMAGED),
    "offsets of another version": (
        write("offsets/3", "v9\n{}\n"),
        "INVALID_LOG_VERSION.MAX_SUPPORTED_VERSION",
    ),
    "offsets that are none": (write("offsets/3", "hello\nworld"), "MALFORMED_LOG_FILE"),
    "offsets missing before the last": (remove("offsets/2"), DAMAGED),
    "offsets missing before the one to run again": (remove("offsets/2", "commits/3"), DAMAGED),
    "last offsets missing": (remove("offsets/3"), "CONCURRENT_STREAM_LOG_UPDATE"),
    "all offsets missing": (remove("offsets"), DAMAGED),
    "commits ahead": (write("commits/4", 'v1\n{"nextBatchWatermarkMs":0}'), "CONCURRENT_STREAM_LOG_UPDATE"),
    "commits that are none": (write("commits/3", "hello"), "MALFORMED_LOG_FILE"),
    "metadata missing": (remove("metadata"), "STREAMING_CHECKPOINT_MISSING_METADATA_FILE"),
    "metadata cut to nothing": (cut("metadata", 0), DAMAGED),
    "metadata that is none": (write("metadata", "hello"), DAMAGED),
    "source log missing": (remove("sources"), DAMAGED),
    "last of the source log missing": (remove("sources/0/3"), DAMAGED),
    "middle of the source log missing": (remove("sources/0/1"), DAMAGED),
    "source log of the batch to run again missing": (remove("sources/0/3", "commits/3"), DAMAGED),
    "source log cut to nothing": (cut("sources/0/3", 0), DAMAGED),
    "source log cut": (cut("sources/0/3", 30), DAMAGED),
    "source log that is none": (write("sources/0/3", "v1\nhello"), DAMAGED),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_logs_are_one_error_and_lose_nothing(again: Any, tmp_path: Path, damage: str) -> None:
    query = again()
    good = tmp_path / "backup"
    shutil.copytree(query.checkpoint, good)
    action, condition = DAMAGES[damage]
    action(query.checkpoint)
    for _ in range(2):  # the failed start makes nothing better, and nothing worse
        assert query.error().getCondition() == condition
    assert query.rows() == query.expected(FILES)
    shutil.rmtree(query.checkpoint)
    good.rename(query.checkpoint)
    query.run()
    assert query.rows() == query.expected()


@pytest.mark.parametrize(
    "damage",
    [remove("offsets/0", "offsets/1"), remove("commits"), cut("commits/3", 0), remove("commits/3")],
    ids=["old offsets missing", "all commits missing", "commit cut to nothing", "commit missing"],
)
@pytest.mark.parametrize("kind", ["filter", "count"])
def test_logs_that_say_enough(again: Any, kind: str, damage: Callable[[Path], None]) -> None:
    query = again(kind)
    damage(query.checkpoint)
    query.run()
    assert query.rows() == query.expected()


# ---- the state --------------------------------------------------------------------------------------------------

MISSING_STATE = "STREAMING_STATEFUL_OPERATOR_MISSING_STATE_DIRECTORY"
STATES = {
    "missing": (remove("state"), MISSING_STATE),
    "no file": (remove("state/state.duckdb"), MISSING_STATE),
    "cut to nothing": (cut("state/state.duckdb", 0), "LIGHTSTREAM_STATE_UNREADABLE"),
    "cut in the header": (cut("state/state.duckdb", 6000), "LIGHTSTREAM_STATE_UNREADABLE"),
    "cut after the header": (cut("state/state.duckdb", 12288), "LIGHTSTREAM_STATE_UNREADABLE"),
    "cut in the data": (cut("state/state.duckdb", 100_000), "LIGHTSTREAM_STATE_UNREADABLE"),
    "no database": (write("state/state.duckdb", "hello" * 5000), "LIGHTSTREAM_STATE_UNREADABLE"),
}


@pytest.mark.parametrize("damage", STATES)
def test_a_damaged_state_is_one_error_and_loses_nothing(again: Any, tmp_path: Path, damage: str) -> None:
    query = again("count")
    good = tmp_path / "backup"
    shutil.copytree(query.checkpoint / "state", good)
    action, condition = STATES[damage]
    action(query.checkpoint)
    for _ in range(2):
        assert query.error().getCondition() == condition
    assert query.rows() == query.expected(FILES)
    shutil.rmtree(query.checkpoint / "state")
    good.rename(query.checkpoint / "state")
    query.run()
    assert query.rows() == query.expected()


def test_an_older_state_is_one_error(again: Any, finished: dict[str, Path], tmp_path: Path) -> None:
    query = again("count")
    older = tmp_path / "older"
    shutil.copytree(query.checkpoint / "state", older)
    query.run()
    shutil.rmtree(query.checkpoint / "state")
    older.rename(query.checkpoint / "state")
    assert query.error().getCondition() == "LIGHTSTREAM_STATE_OUT_OF_STEP"


# ---- the output -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 6000, 12288, 100_000])
def test_a_damaged_output_is_one_error_and_loses_nothing(again: Any, tmp_path: Path, size: int) -> None:
    query = again()
    good = tmp_path / "backup"
    shutil.copy(query.database, good)
    os.truncate(query.database, size)
    for _ in range(2):
        assert query.error().getCondition() == "LIGHTSTREAM_DATABASE_UNUSABLE"
    assert query.database.stat().st_size == size
    good.rename(query.database)
    query.run()
    assert query.rows() == query.expected()


def test_an_older_output_is_refused(again: Any, tmp_path: Path) -> None:
    query = again()
    older = tmp_path / "older"
    shutil.copy(query.database, older)
    query.run()
    newer = tmp_path / "newer"
    query.database.rename(newer)
    older.rename(query.database)
    put(query.source, 5)
    error = query.error()
    assert error.getCondition() == "LIGHTSTREAM_SINK_BEHIND_CHECKPOINT"
    newer.rename(query.database)
    query.run()
    assert query.rows() == query.expected(6)


def test_a_deleted_output_is_told(again: Any, caplog: pytest.LogCaptureFixture) -> None:
    query = again()
    query.database.unlink()
    query.run()
    # Spark, too, goes on; the rows of the batches before are gone with the file.
    assert query.rows() == kept(FILES)
    assert "begins with batch 4" in caplog.text


def test_a_deleted_output_of_complete_mode_is_whole_again(again: Any) -> None:
    query = again("count")
    query.database.unlink()
    query.run()
    assert query.rows() == query.expected()


# ---- held by another process ------------------------------------------------------------------------------------

HOLDER = """
    import sys, time
    sys.path[:0] = {path!r}
    {hold}
    print("held", flush=True)
    time.sleep(600)
"""


class Holder:
    """Another process that holds something, until it is killed."""

    def __init__(self, hold: str) -> None:
        program = textwrap.dedent(HOLDER).format(path=sys.path, hold=hold)
        self.process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None and self.process.stdout.readline() == "held\n"

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def test_a_checkpoint_that_another_process_holds(again: Any) -> None:
    query = again()
    holder = Holder(
        "from lightstream.checkpoint.directory import CheckpointDirectory\n"
        f"kept = CheckpointDirectory({str(query.checkpoint)!r})"
    )
    try:
        error = query.error()
    finally:
        holder.kill()
    assert error.getCondition() == "LIGHTSTREAM_CHECKPOINT_LOCKED"
    assert f"process {holder.process.pid}" in str(error)
    query.run()
    assert query.rows() == query.expected()


@pytest.mark.parametrize("what", ["output", "state"])
def test_a_database_that_another_process_holds(again: Any, what: str) -> None:
    query = again("count")
    path = query.database if what == "output" else query.checkpoint / "state" / "state.duckdb"
    holder = Holder(f"import duckdb; kept = duckdb.connect({str(path)!r})")
    try:
        error = query.error()
    finally:
        holder.kill()
    assert error.getCondition() == "LIGHTSTREAM_DATABASE_LOCKED"
    query.run()
    assert query.rows() == query.expected()


# ---- the input --------------------------------------------------------------------------------------------------


def test_a_source_directory_that_is_away_between_runs(again: Any) -> None:
    query = again()
    away = query.at / "away"
    query.source.rename(away)
    assert query.error().getCondition() == "PATH_NOT_FOUND"
    away.rename(query.source)
    query.run()
    assert query.rows() == query.expected()


def test_a_source_directory_that_is_away_for_a_while(again: Any) -> None:
    query = again()
    running = query.start(now=False)
    running.processAllAvailable()
    away = query.at / "away"
    query.source.rename(away)
    running.processAllAvailable()
    assert running.isActive  # Spark: waits, too
    put(away, 5)
    away.rename(query.source)
    running.processAllAvailable()
    running.stop()
    assert query.rows() == query.expected(6)


def planned_and_not_read(query: Query, number: int) -> None:
    """Leave a batch that is planned, with a file of its own, and not run."""
    put(query.source, number)
    query.run()
    (query.checkpoint / "commits" / str(number)).unlink()
    shutil.copy(query.at / "before", query.database)


@pytest.mark.parametrize("ignore", ["false", "true"])
def test_a_file_of_a_planned_batch_that_is_gone(
    again: Any, caplog: pytest.LogCaptureFixture, ignore: str
) -> None:
    query = again(ignoreMissingFiles=ignore)
    query.run()
    shutil.copy(query.database, query.at / "before")
    planned_and_not_read(query, 5)
    (query.source / "f5.json").unlink()
    put(query.source, 6)
    query.run()
    # Spark runs the batch without it, whatever ignoreMissingFiles says; here it is told.
    assert query.rows() == kept(*range(5), 6)
    assert "f5.json was taken for a batch and is gone" in caplog.text


@pytest.mark.parametrize("ignore", ["false", "true"])
def test_a_file_that_vanishes_while_its_batch_is_read(
    again: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, ignore: str
) -> None:
    query = again(ignoreMissingFiles=ignore)
    query.run()
    vanishing = put(query.source, 5)
    scan = FileSource.scan

    def remove(source: FileSource, *args: Any) -> Any:
        vanishing.unlink(missing_ok=True)
        return scan(source, *args)

    with monkeypatch.context() as patched:
        patched.setattr(FileSource, "scan", remove)
        if ignore == "true":
            query.run()
        else:
            error = query.error()
            assert error.getCondition() == "FAILED_READ_FILE.FILE_NOT_EXIST"
            assert "f5.json" in str(error)
    assert query.rows() == kept(*range(5))
    put(query.source, 6)
    query.run()
    # Spark: what was planned and is gone at the start again is left out.
    assert query.rows() == kept(*range(5), 6)
    assert ignore == "true" or "f5.json was taken for a batch and is gone" in caplog.text


def test_a_file_that_vanishes_between_planning_and_reading(
    again: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    query = again()
    query.run()
    vanishing = put(query.source, 5)

    def remove(point: str, batch_id: int | None = None) -> None:
        if point == "after-offsets":
            vanishing.unlink(missing_ok=True)

    with monkeypatch.context() as patched:
        patched.setattr(crash, "at", remove)
        query.run()
    assert query.rows() == kept(*range(5))
    assert "f5.json was taken for a batch and is gone" in caplog.text


def test_a_file_of_a_planned_batch_that_was_rewritten(again: Any) -> None:
    query = again()
    query.run()
    shutil.copy(query.database, query.at / "before")
    planned_and_not_read(query, 5)
    put(query.source, 5, '{"k":"z","n":100}\n')
    query.run()
    assert query.rows() == sorted([*kept(*range(5)), ("z", 100)])  # Spark: as it is now


# ---- the clock --------------------------------------------------------------------------------------------------


def test_a_file_from_the_future_keeps_its_age(again: Any) -> None:
    query = again()
    query.run()
    late = time.time() + 30 * 86400
    os.utime(put(query.source, 5), (late, late))
    query.run()
    assert query.rows() == query.expected(6)
    # Spark: maxFileAge counts from the newest file, so that one of today is too old now. It can be taken back.
    os.utime(put(query.source, 6))
    query.run()
    assert query.rows() == query.expected(6)
    Query(query.spark, query.at, maxFileAge="60d").run()
    assert query.rows() == query.expected(7)

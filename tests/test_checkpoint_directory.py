"""The checkpoint directory: the query's id, the lock, and where a query goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lightstream.checkpoint.directory import LOCK_FILE, CheckpointDirectory
from lightstream.checkpoint.logs import CommitEntry, OffsetEntry
from lightstream.checkpoint.restart import RestartPoint, decide_restart
from lightstream.errors import SparkRuntimeException


def offsets(*values: int | None, watermark_ms: int = 0, timestamp_ms: int = 0) -> OffsetEntry:
    texts = tuple(None if value is None else f'{{"logOffset":{value}}}' for value in values)
    return OffsetEntry(watermark_ms, timestamp_ms, texts, {"spark.sql.shuffle.partitions": "7"})


def restart(planned: dict[int, OffsetEntry], committed: dict[int, CommitEntry]) -> RestartPoint:
    newest = max(planned.items(), key=lambda item: item[0], default=None)
    done = max(committed.items(), key=lambda item: item[0], default=None)
    return decide_restart(newest, done, planned.get, "/ckpt")


def text(value: int) -> str:
    return f'{{"logOffset":{value}}}'


# Where a query goes on


def test_nothing_planned_is_batch_0() -> None:
    assert restart({}, {}) == RestartPoint(0, False, (), None, 0, None, {})


def test_all_committed_goes_on_with_the_next_batch() -> None:
    point = restart({3: offsets(5), 4: offsets(6, watermark_ms=10)}, {3: CommitEntry(10), 4: CommitEntry(25)})
    assert point == RestartPoint(5, False, (text(6),), None, 25, None, {"spark.sql.shuffle.partitions": "7"})


def test_the_watermark_never_falls_behind_that_of_the_last_batch() -> None:
    assert restart({0: offsets(0, watermark_ms=50)}, {0: CommitEntry(20)}).watermark_ms == 50


def test_one_uncommitted_batch_is_run_again_exactly() -> None:
    planned = {3: offsets(5), 4: offsets(7, watermark_ms=10, timestamp_ms=99)}
    point = restart(planned, {3: CommitEntry(11)})
    assert (point.batch_id, point.rerun) == (4, True)
    assert (point.start_offsets, point.end_offsets) == ((text(5),), (text(7),))
    assert (point.watermark_ms, point.batch_timestamp_ms) == (10, 99)


def test_batch_0_without_a_commit_is_run_again_from_the_beginning() -> None:
    point = restart({0: offsets(2)}, {})
    assert (point.batch_id, point.rerun, point.start_offsets, point.end_offsets) == (0, True, (), (text(2),))


def test_commits_that_are_far_behind_run_the_newest_batch_again() -> None:
    point = restart({n: offsets(n) for n in range(4)}, {1: CommitEntry(1)})
    assert (point.batch_id, point.rerun, point.start_offsets) == (3, True, (text(2),))


def test_a_source_without_an_offset_keeps_the_one_before() -> None:
    planned = {3: offsets(5, None), 4: offsets(None, 1)}
    assert restart(planned, {4: CommitEntry()}).start_offsets == (text(5), text(1))
    assert restart(planned, {3: CommitEntry()}).end_offsets == (text(5), text(1))


@pytest.mark.parametrize("committed", [{}, {2: CommitEntry()}, {3: CommitEntry()}])
def test_missing_offsets_of_the_batch_before_are_damage(committed: dict[int, CommitEntry]) -> None:
    with pytest.raises(SparkRuntimeException, match="/ckpt/offsets/2") as caught:
        restart({3: offsets(3)}, committed)
    assert caught.value.getCondition() == "LIGHTSTREAM_CHECKPOINT_DAMAGED"


def test_a_commit_ahead_of_the_offsets_is_another_writer() -> None:
    with pytest.raises(SparkRuntimeException, match="/ckpt/commits/4") as caught:
        restart({2: offsets(2), 3: offsets(3)}, {4: CommitEntry()})
    assert caught.value.getCondition() == "CONCURRENT_STREAM_LOG_UPDATE"


def test_commits_without_any_offsets_are_damage() -> None:
    with pytest.raises(SparkRuntimeException, match="/ckpt/offsets/3 cannot be used"):
        restart({}, {3: CommitEntry()})


# The directory


def test_the_id_is_spark_s_and_stays(tmp_path: Path) -> None:
    with CheckpointDirectory(str(tmp_path / "new" / "ck")) as first:
        query_id = first.query_id
    assert (tmp_path / "new/ck/metadata").read_text() == f'{{"id":"{query_id}"}}'
    assert len((tmp_path / "new/ck/metadata").read_text()) == 45
    with CheckpointDirectory(str(tmp_path / "new" / "ck")) as second:
        assert second.query_id == query_id


def test_layout(tmp_path: Path) -> None:
    with CheckpointDirectory(str(tmp_path), durable=False) as checkpoint:
        checkpoint.offsets.add(0, offsets(0))
        checkpoint.commits.add(0, CommitEntry())
        assert checkpoint.source_directory(1) == str(tmp_path / "sources" / "1")
        assert checkpoint.state_directory == str(tmp_path / "state")
    found = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert found == {"metadata", "offsets/0", "commits/0", LOCK_FILE}


def test_batches_without_an_id_are_refused(tmp_path: Path) -> None:
    with CheckpointDirectory(str(tmp_path)) as checkpoint:
        checkpoint.offsets.add(0, offsets(0))
    (tmp_path / "metadata").unlink()
    with pytest.raises(SparkRuntimeException) as caught:
        CheckpointDirectory(str(tmp_path))
    assert caught.value.getCondition() == "STREAMING_CHECKPOINT_MISSING_METADATA_FILE"
    assert caught.value.getSqlState() == "42K03"
    assert not (tmp_path / "metadata").exists()


@pytest.mark.parametrize("content", ["zz", "{}", '{"id":7}', "[]", '{"id":""}'])
def test_a_damaged_id_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "metadata").write_text(content)
    with pytest.raises(SparkRuntimeException, match="metadata cannot be used") as caught:
        CheckpointDirectory(str(tmp_path))
    assert caught.value.getCondition() == "LIGHTSTREAM_CHECKPOINT_DAMAGED"


def test_an_id_left_empty_by_a_power_failure_is_made_again_only_without_batches(tmp_path: Path) -> None:
    (tmp_path / "metadata").write_text("")
    with CheckpointDirectory(str(tmp_path)) as checkpoint:
        assert checkpoint.query_id
        checkpoint.offsets.add(0, offsets(0))
    (tmp_path / "metadata").write_text("")
    with pytest.raises(SparkRuntimeException, match="LIGHTSTREAM_CHECKPOINT_DAMAGED"):
        CheckpointDirectory(str(tmp_path))


def test_restart_is_planned_from_disk(tmp_path: Path) -> None:
    with CheckpointDirectory(str(tmp_path)) as checkpoint:
        assert checkpoint.plan_restart(1).batch_id == 0
        checkpoint.offsets.add(0, offsets(0))
        checkpoint.commits.add(0, CommitEntry(30))
        checkpoint.offsets.add(1, offsets(1))
    with CheckpointDirectory(str(tmp_path)) as checkpoint:
        point = checkpoint.plan_restart(1)
    assert (point.batch_id, point.rerun, point.start_offsets, point.end_offsets) == (
        1,
        True,
        (text(0),),
        (text(1),),
    )


def test_another_number_of_sources_is_refused(tmp_path: Path) -> None:
    with CheckpointDirectory(str(tmp_path)) as checkpoint:
        checkpoint.offsets.add(0, offsets(0, 1))
        with pytest.raises(
            SparkRuntimeException, match=r"There are \[2\] sources .* now there are \[1\] sources"
        ):
            checkpoint.plan_restart(1)
        assert checkpoint.plan_restart(2).rerun


def test_unfinished_files_of_a_power_failure_are_dropped(tmp_path: Path) -> None:
    with CheckpointDirectory(str(tmp_path)) as checkpoint:
        checkpoint.offsets.add(0, offsets(0))
    (tmp_path / "commits").mkdir()
    (tmp_path / "commits" / "0").write_text("")
    (tmp_path / "offsets" / "1").write_text("")
    with CheckpointDirectory(str(tmp_path)) as checkpoint:
        assert checkpoint.plan_restart(1).batch_id == 0
        assert (checkpoint.offsets.ids(), checkpoint.commits.ids()) == ((0,), ())


def test_empty_offsets_of_a_committed_batch_are_damage(tmp_path: Path) -> None:
    with CheckpointDirectory(str(tmp_path)) as checkpoint:
        checkpoint.offsets.add(0, offsets(0))
        checkpoint.commits.add(0, CommitEntry())
    (tmp_path / "offsets" / "0").write_text("")
    with (
        CheckpointDirectory(str(tmp_path)) as checkpoint,
        pytest.raises(SparkRuntimeException, match="offsets/0"),
    ):
        checkpoint.plan_restart(1)


def test_purge_keeps_the_last_batches(tmp_path: Path) -> None:
    with CheckpointDirectory(str(tmp_path), durable=False) as checkpoint:
        for batch_id in range(6):
            checkpoint.offsets.add(batch_id, offsets(batch_id))
            checkpoint.commits.add(batch_id, CommitEntry())
            checkpoint.purge(batch_id, 3)
        assert checkpoint.offsets.ids() == checkpoint.commits.ids() == (2, 3, 4, 5)
        checkpoint.purge(5, 100)
        assert checkpoint.offsets.ids() == (2, 3, 4, 5)


def test_a_path_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SparkRuntimeException, match="LIGHTSTREAM_CHECKPOINT_UNUSABLE"):
        CheckpointDirectory(str(tmp_path / "file"))


# The lock

HOLD = """
import sys, time
from lightstream.checkpoint.directory import CheckpointDirectory
checkpoint = CheckpointDirectory(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


def holder(path: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    return process


def test_a_second_query_in_this_process_is_refused(tmp_path: Path) -> None:
    with (
        CheckpointDirectory(str(tmp_path)),
        pytest.raises(SparkRuntimeException, match=f"process {os.getpid()} on") as caught,
    ):
        CheckpointDirectory(str(tmp_path))
    assert caught.value.getCondition() == "LIGHTSTREAM_CHECKPOINT_LOCKED"
    CheckpointDirectory(str(tmp_path)).close()


def test_another_process_s_lock_is_named_and_ends_with_it(tmp_path: Path) -> None:
    with holder(tmp_path) as process:
        try:
            with pytest.raises(SparkRuntimeException, match=f"process {process.pid} on"):
                CheckpointDirectory(str(tmp_path))
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
    with CheckpointDirectory(str(tmp_path)) as checkpoint:
        assert checkpoint.query_id


def test_a_failed_start_gives_the_lock_back(tmp_path: Path) -> None:
    (tmp_path / "metadata").write_text("zz")
    with pytest.raises(SparkRuntimeException, match="metadata"):
        CheckpointDirectory(str(tmp_path))
    (tmp_path / "metadata").unlink()
    CheckpointDirectory(str(tmp_path)).close()


def test_a_forked_worker_does_not_keep_the_lock(tmp_path: Path) -> None:
    checkpoint = CheckpointDirectory(str(tmp_path))
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(write_end)
        os.read(read_end, 1)  # until the parent is done
        os._exit(0)
    try:
        checkpoint.close()
        CheckpointDirectory(str(tmp_path)).close()
    finally:
        os.close(write_end)
        os.close(read_end)
        os.waitpid(child, 0)

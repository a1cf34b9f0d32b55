"""The offset and commit logs: Spark's text, byte for byte, and what happens to files that are not as written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lightstream.atomic import TEMPORARY_SUFFIX, create_once, temporary_path
from lightstream.checkpoint.logs import CommitEntry, CommitLog, OffsetEntry, OffsetLog, offset_conf
from lightstream.errors import PySparkException, SparkRuntimeException

# As Spark 4.3.0 wrote them.
SPARK_OFFSETS = (
    'v1\n{"batchWatermarkMs":0,"batchTimestampMs":1795385200790,"conf":{"spark.sql.streaming.stateStore.providerClass":'
    '"org.apache.spark.sql.execution.streaming.state.HDFSBackedStateStoreProvider",'
    '"spark.sql.dropDuplicates.deterministicKeyOrder.enabled":"true",'
    '"spark.sql.streaming.stateStore.rocksdb.mergeOperatorVersion":"2",'
    '"spark.sql.streaming.stateStore.rocksdb.formatVersion":"5",'
    '"spark.sql.streaming.queryEvolution.enableSourceEvolution":"false",'
    '"spark.sql.streaming.stateStore.encodingFormat":"unsaferow",'
    '"spark.sql.streaming.statefulOperator.useStrictDistribution":"true",'
    '"spark.sql.streaming.flatMapGroupsWithState.stateFormatVersion":"2",'
    '"spark.sql.streaming.multipleWatermarkPolicy":"min","spark.sql.streaming.stateStore.rowChecksum.enabled":"false",'
    '"spark.sql.streaming.statefulOperator.alwaysNullableOutput.enabled":"true",'
    '"spark.sql.streaming.aggregation.stateFormatVersion":"2","spark.sql.function.protobufExtensions.enabled":"false",'
    '"spark.sql.shuffle.partitions":"1","spark.sql.streaming.join.stateFormatVersion":"2",'
    '"spark.sql.streaming.stateStore.compression.codec":"lz4",'
    '"spark.sql.optimizer.pruneFiltersCanPruneStreamingSubplan":"false"}}\n{"logOffset":0}'
)
SPARK_COMMIT = 'v1\n{"nextBatchWatermarkMs":1735689300000}'


def entry(log_offset: int, watermark_ms: int = 0) -> OffsetEntry:
    return OffsetEntry(watermark_ms, 5, (f'{{"logOffset":{log_offset}}}',))


def refused(action: object) -> PySparkException:
    with pytest.raises(PySparkException) as caught:
        action()  # type: ignore[operator]
    return caught.value


def test_offsets_are_written_as_spark_writes_them(tmp_path: Path) -> None:
    log = OffsetLog(str(tmp_path), durable=True)
    log.add(0, OffsetEntry(0, 1795385200790, ('{"logOffset":0}',), offset_conf(1)))
    assert (tmp_path / "0").read_text() == SPARK_OFFSETS


def test_offsets_of_spark_are_read(tmp_path: Path) -> None:
    (tmp_path / "7").write_text(SPARK_OFFSETS)
    (tmp_path / ".7.crc").write_bytes(b"crc\x00")
    log = OffsetLog(str(tmp_path), durable=True)
    assert log.latest() == (7, OffsetEntry(0, 1795385200790, ('{"logOffset":0}',), offset_conf(1)))


def test_commits_are_written_and_read_as_spark_does(tmp_path: Path) -> None:
    log = CommitLog(str(tmp_path), durable=True)
    log.add(0, CommitEntry(1735689300000))
    assert (tmp_path / "0").read_text() == SPARK_COMMIT
    assert CommitLog(str(tmp_path), durable=True).latest() == (0, CommitEntry(1735689300000))


def test_a_commit_without_a_watermark_is_at_zero(tmp_path: Path) -> None:
    (tmp_path / "0").write_text("v1\n{}")
    assert CommitLog(str(tmp_path), durable=True).latest() == (0, CommitEntry(0))


def test_sources_without_an_offset_are_dashes(tmp_path: Path) -> None:
    log = OffsetLog(str(tmp_path), durable=False)
    written = OffsetEntry(1, 2, (None, '{"logOffset":3}', None))
    log.add(0, written)
    assert (tmp_path / "0").read_text().split("\n")[2:] == ["-", '{"logOffset":3}', "-"]
    assert log.get(0) == written


def test_an_entry_is_never_replaced(tmp_path: Path) -> None:
    ours, theirs = OffsetLog(str(tmp_path), durable=False), OffsetLog(str(tmp_path), durable=False)
    theirs.add(0, entry(1))
    error = refused(lambda: ours.add(0, entry(2)))
    assert (error.getCondition(), error.getSqlState()) == ("CONCURRENT_STREAM_LOG_UPDATE", "40000")
    assert theirs.get(0) == entry(1)
    assert sorted(os.listdir(tmp_path)) == ["0"]


def test_a_stale_checksum_of_spark_goes_with_the_new_file(tmp_path: Path) -> None:
    (tmp_path / ".4.crc").write_bytes(b"of an earlier 4")
    OffsetLog(str(tmp_path), durable=False).add(4, entry(0))
    assert os.listdir(tmp_path) == ["4"]


def test_other_names_are_passed_over_and_own_leftovers_removed(tmp_path: Path) -> None:
    for name in ("junk", ".5.tmp", "_x", "6x", "-1", "²"):
        (tmp_path / name).write_text("x")
    (tmp_path / "9").mkdir()
    leftover = Path(temporary_path(str(tmp_path), "8"))
    leftover.write_text("v1\n")
    log = OffsetLog(str(tmp_path), durable=False)
    assert log.ids() == ()
    assert not leftover.exists() and leftover.name.endswith(TEMPORARY_SUFFIX)


def test_ids_are_ordered_as_numbers(tmp_path: Path) -> None:
    log = OffsetLog(str(tmp_path), durable=False)
    for batch_id in (9, 10, 2):
        log.add(batch_id, entry(batch_id))
    assert log.ids() == (2, 9, 10) == OffsetLog(str(tmp_path), durable=False).ids()
    assert log.latest() == (10, entry(10))


def test_purge_removes_older_entries_without_listing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = OffsetLog(str(tmp_path), durable=False)
    for batch_id in range(5):
        log.add(batch_id, entry(batch_id))
    (tmp_path / ".1.crc").write_bytes(b"")
    monkeypatch.setattr(os, "scandir", lambda path: pytest.fail("listed"))
    monkeypatch.setattr(os, "listdir", lambda path: pytest.fail("listed"))
    log.purge(3)
    monkeypatch.undo()
    assert log.ids() == (3, 4)
    assert sorted(os.listdir(tmp_path)) == ["3", "4"]
    assert log.get(1) is None


@pytest.mark.parametrize(
    ("text", "condition", "reason"),
    [
        ("", "LIGHTSTREAM_CHECKPOINT_DAMAGED", "empty"),
        ("v1", "LIGHTSTREAM_CHECKPOINT_DAMAGED", "ends after its first line"),
        (SPARK_OFFSETS[:60], "LIGHTSTREAM_CHECKPOINT_DAMAGED", "not JSON"),
        ("v1\n\n{}", "LIGHTSTREAM_CHECKPOINT_DAMAGED", "not JSON"),
        ("v1\n[]\n{}", "LIGHTSTREAM_CHECKPOINT_DAMAGED", "not a JSON object"),
        ('v1\n{"conf":3}\n{}', "LIGHTSTREAM_CHECKPOINT_DAMAGED", "conf"),
        ('v1\n{"batchWatermarkMs":"x"}\n{}', "LIGHTSTREAM_CHECKPOINT_DAMAGED", "batchWatermarkMs"),
        ('v1\n{}\n{"logOff', "LIGHTSTREAM_CHECKPOINT_DAMAGED", "line 3"),
        ("v2\n{}\n{}", "INVALID_LOG_VERSION.MAX_SUPPORTED_VERSION", "v2"),
        ("xx\n{}", "MALFORMED_LOG_FILE", "'xx'"),
    ],
)
def test_damaged_offsets_are_one_clear_error(tmp_path: Path, text: str, condition: str, reason: str) -> None:
    (tmp_path / "3").write_text(text)
    error = refused(OffsetLog(str(tmp_path), durable=False).latest)
    assert isinstance(error, SparkRuntimeException)
    assert (error.getCondition(), error.getSqlState()) == (condition, "KD002")
    assert str(tmp_path / "3") in str(error) and reason in str(error)


def test_bytes_that_are_no_text_are_damage(tmp_path: Path) -> None:
    (tmp_path / "3").write_bytes(b"v1\n\xff\xfe")
    assert (
        refused(CommitLog(str(tmp_path), durable=False).latest).getCondition()
        == "LIGHTSTREAM_CHECKPOINT_DAMAGED"
    )


def test_a_full_disk_is_spark_s_write_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = CommitLog(str(tmp_path), durable=True)

    def full(*arguments: object, **named: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("lightstream.checkpoint.logs.create_once", full)
    error = refused(lambda: log.add(0, CommitEntry()))
    assert error.getCondition() == "STREAMING_CHECKPOINT_LOG_WRITE_FAILURE.COMMIT_LOG"
    assert log.ids() == ()


def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space"):
        create_once(str(tmp_path), "0", b"v1", durable=True)
    monkeypatch.undo()
    assert os.listdir(tmp_path) == []


def test_short_writes_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: whole(descriptor, bytes(data[:3])))
    create_once(str(tmp_path), "0", b"0123456789", durable=False)
    assert (tmp_path / "0").read_bytes() == b"0123456789"


def test_without_hard_links_the_file_is_renamed_into_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(source: str, target: str) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    create_once(str(tmp_path), "0", b"first", durable=True)
    with pytest.raises(FileExistsError):
        create_once(str(tmp_path), "0", b"second", durable=True)
    assert os.listdir(tmp_path) == ["0"]
    assert (tmp_path / "0").read_bytes() == b"first"


def test_only_durable_logs_force_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forced: list[bool] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: forced.append((tmp_path / "0").exists()))
    CommitLog(str(tmp_path), durable=False).add(1, CommitEntry())
    assert forced == []
    OffsetLog(str(tmp_path), durable=True).add(0, entry(0))
    assert forced == [True]  # with the name in place, so that one force covers both


def test_an_offset_of_two_lines_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="one line"):
        OffsetLog(str(tmp_path), durable=False).add(0, OffsetEntry(0, 0, ("{\n}",)))


def test_files_left_empty_by_a_power_failure_count_for_nothing(tmp_path: Path) -> None:
    for name, text in (("0", "v1\n{}"), ("1", ""), ("2", "")):
        (tmp_path / name).write_text(text)
    log = CommitLog(str(tmp_path), durable=False)
    log.discard_unfinished()
    assert log.ids() == (0,)
    assert os.listdir(tmp_path) == ["0"]


def test_in_a_durable_log_only_the_newest_can_be_unfinished(tmp_path: Path) -> None:
    for name in ("1", "2"):
        (tmp_path / name).write_text("")
    log = OffsetLog(str(tmp_path), durable=True)
    log.discard_unfinished()
    assert log.ids() == (1,)
    assert refused(log.latest).getCondition() == "LIGHTSTREAM_CHECKPOINT_DAMAGED"

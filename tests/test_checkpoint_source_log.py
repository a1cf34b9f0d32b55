"""The file source's log: Spark's text, and compactions that Spark can read and that history does not slow down."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lightstream.checkpoint.source_log import SourceLog, SourceLogEntry, spark_compact_interval
from lightstream.errors import SparkRuntimeException


def line(number: int, batch_id: int | None = None) -> str:
    batch_id = number if batch_id is None else batch_id
    return f'{{"path":"file:///in/f{number}.json","timestamp":{1000 + number},"batchId":{batch_id}}}'


def fill(log: SourceLog, count: int) -> None:
    for _ in range(count):
        number = log.latest_id + 1
        assert log.add([(f"file:///in/f{number}.json", 1000 + number)]) == number


def expected(count: int) -> list[SourceLogEntry]:
    return [SourceLogEntry(f"file:///in/f{number}.json", 1000 + number, number) for number in range(count)]


def names(path: Path) -> list[str]:
    return sorted(name for name in os.listdir(path) if not name.startswith("."))


def spark_reads(path: Path, default_interval: int = 10) -> list[str]:
    """The lines that Spark would read: from the compaction that it derives, under the names that it derives."""
    compact = sorted(int(name.split(".")[0]) for name in names(path) if name.endswith(".compact"))
    plain = [int(name) for name in names(path) if not name.endswith(".compact")]
    latest = max(compact + plain)
    interval = spark_compact_interval(compact, default_interval)
    first = max(0, (latest + 1) // interval * interval - 1)
    lines: list[str] = []
    for number in range(first, latest + 1):
        name = f"{number}.compact" if (number + 1) % interval == 0 else str(number)
        header, *entries = (path / name).read_text().split("\n")
        assert header == "v1"
        lines += entries
    return lines


def test_an_entry_is_written_as_spark_writes_it(tmp_path: Path) -> None:
    log = SourceLog(str(tmp_path))
    log.add([("file:///data/in1/a.json", 1760000001000), ("file:///data/in1/ué%20b.json", 1760000001001)])
    assert (tmp_path / "0").read_text() == (
        'v1\n{"path":"file:///data/in1/a.json","timestamp":1760000001000,"batchId":0}\n'
        '{"path":"file:///data/in1/ué%20b.json","timestamp":1760000001001,"batchId":0}'
    )


def test_an_empty_log(tmp_path: Path) -> None:
    log = SourceLog(str(tmp_path / "sources" / "0"))
    assert log.latest_id == -1
    assert list(log.entries()) == []
    assert log.entries_between(-1, -1) == []


def test_a_log_in_memory() -> None:
    log = SourceLog(None)
    fill(log, 30)
    assert list(log.entries()) == expected(30)
    assert log.entries_between(3, 6) == expected(30)[4:7]


@pytest.mark.parametrize("reopen", [False, True])
def test_every_length_is_readable_by_spark_and_by_us(tmp_path: Path, reopen: bool) -> None:
    log = SourceLog(str(tmp_path), durable=False)
    for count in range(1, 400):
        fill(log, 1)
        if reopen:
            log = SourceLog(str(tmp_path), durable=False)
        if count % 7 == 0 or count < 45:
            assert spark_reads(tmp_path) == [line(number) for number in range(count)]
            if count >= 10:
                # With another default interval too, once there is a compaction.
                assert len(spark_reads(tmp_path, 5)) == count
            assert list(log.entries()) == expected(count)


def test_the_distance_of_compactions_doubles_up_to_a_limit(tmp_path: Path) -> None:
    log = SourceLog(str(tmp_path), durable=False)
    compacted = []
    for _ in range(5000):
        fill(log, 1)
        if (tmp_path / f"{log.latest_id}.compact").exists():
            compacted.append(log.latest_id)
    assert compacted == [9, 18, 36, 72, 138, 276, 546, 1092, 2098, 3108, 4110]
    assert len(names(tmp_path)) == 5000 - 4110
    assert len(spark_reads(tmp_path)) == 5000


def test_entries_of_some_ids_come_from_plain_files_and_from_the_compaction(tmp_path: Path) -> None:
    log = SourceLog(str(tmp_path), durable=False)
    fill(log, 23)
    for start, end in ((-1, 22), (3, 4), (17, 19), (18, 22), (20, 20), (21, 22)):
        assert log.entries_between(start, end) == expected(23)[start + 1 : end + 1]
        assert SourceLog(str(tmp_path)).entries_between(start, end) == expected(23)[start + 1 : end + 1]


def test_an_id_beyond_the_log_is_damage(tmp_path: Path) -> None:
    log = SourceLog(str(tmp_path), durable=False)
    fill(log, 3)
    with pytest.raises(SparkRuntimeException, match="the log ends at 2") as caught:
        log.entries_between(1, 3)
    assert caught.value.getCondition() == "LIGHTSTREAM_CHECKPOINT_DAMAGED"


def spark_directory(path: Path, count: int) -> None:
    """A log as Spark leaves it: all plain files (they live on for ten minutes), each tenth a compaction."""
    path.mkdir(exist_ok=True)
    for number in range(count):
        if (number + 1) % 10 == 0:
            text, name = "\n".join(line(each) for each in range(number + 1)), f"{number}.compact"
        else:
            text, name = line(number), str(number)
        (path / name).write_text(f"v1\n{text}")
        (path / f".{name}.crc").write_bytes(b"crc")


@pytest.mark.parametrize("count", [1, 9, 10, 15, 20, 25, 30, 99, 100, 101, 257])
def test_a_log_of_spark_is_continued_and_stays_readable_for_it(tmp_path: Path, count: int) -> None:
    spark_directory(tmp_path, count)
    log = SourceLog(str(tmp_path), durable=False)
    assert list(log.entries()) == expected(count)
    for total in range(count + 1, count + 120):
        fill(log, 1)
        assert spark_reads(tmp_path) == [line(number) for number in range(total)]
    assert list(SourceLog(str(tmp_path)).entries()) == expected(count + 119)


def test_a_long_log_of_spark_gets_rid_of_the_short_interval(tmp_path: Path) -> None:
    spark_directory(tmp_path, 1000)
    log = SourceLog(str(tmp_path), durable=False)
    fill(log, 10)
    assert (tmp_path / "1008.compact").exists()  # 1009 is prime
    fill(log, 1200)
    assert len(spark_reads(tmp_path)) == 2210
    assert sum(name.endswith(".compact") for name in names(tmp_path)) == 1


def test_a_crash_between_a_compaction_and_the_removal_of_the_last_one(tmp_path: Path) -> None:
    log = SourceLog(str(tmp_path), durable=False)
    fill(log, 18)
    old = {name: (tmp_path / name).read_bytes() for name in names(tmp_path)}
    fill(log, 1)
    for name, data in old.items():
        (tmp_path / name).write_bytes(data)
    assert {"9.compact", "18.compact"} <= set(names(tmp_path))
    log = SourceLog(str(tmp_path))
    assert list(log.entries()) == expected(19)
    assert names(tmp_path) == ["18.compact"]


def test_a_crash_before_a_compaction_is_complete_leaves_the_log_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = SourceLog(str(tmp_path), durable=False)
    fill(log, 9)

    def crash(*arguments: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "link", crash)
    with pytest.raises(OSError, match="Input/output"):
        fill(log, 1)
    monkeypatch.undo()
    log = SourceLog(str(tmp_path))
    assert log.latest_id == 8
    fill(log, 1)
    assert names(tmp_path) == ["9.compact"]
    assert list(log.entries()) == expected(10)


def test_a_second_writer_is_noticed(tmp_path: Path) -> None:
    ours, theirs = SourceLog(str(tmp_path), durable=False), SourceLog(str(tmp_path), durable=False)
    fill(theirs, 1)
    with pytest.raises(SparkRuntimeException, match="CONCURRENT_STREAM_LOG_UPDATE"):
        ours.add([("file:///other.json", 1)])
    assert list(SourceLog(str(tmp_path)).entries()) == expected(1)


def test_missing_files_are_named(tmp_path: Path) -> None:
    fill(SourceLog(str(tmp_path), durable=False), 14)
    (tmp_path / "11").unlink()
    with pytest.raises(SparkRuntimeException, match="/11 cannot be used: it is missing, while 12 is there"):
        SourceLog(str(tmp_path))


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("", "LIGHTSTREAM_CHECKPOINT_DAMAGED"),
        ("v1\n{zz", "LIGHTSTREAM_CHECKPOINT_DAMAGED"),
        ('v1\n{"path":"file:///a","timestamp":1}', "LIGHTSTREAM_CHECKPOINT_DAMAGED"),
        ('v1\n{"path":"file:///a","timestamp":1,"batchId":', "LIGHTSTREAM_CHECKPOINT_DAMAGED"),
        ("v9\n{}", "INVALID_LOG_VERSION.MAX_SUPPORTED_VERSION"),
        ("zz", "MALFORMED_LOG_FILE"),
    ],
)
def test_damaged_entries_are_one_clear_error(tmp_path: Path, text: str, condition: str) -> None:
    fill(SourceLog(str(tmp_path), durable=False), 3)
    (tmp_path / "1").write_text(text)
    with pytest.raises(SparkRuntimeException, match=str(tmp_path / "1")) as caught:
        list(SourceLog(str(tmp_path)).entries())
    assert (caught.value.getCondition(), caught.value.getSqlState()) == (condition, "KD002")


def test_the_newest_entry_left_empty_by_a_power_failure_is_dropped(tmp_path: Path) -> None:
    fill(SourceLog(str(tmp_path), durable=False), 3)
    (tmp_path / "2").write_text("")
    log = SourceLog(str(tmp_path))
    assert log.latest_id == 1
    fill(log, 1)
    assert list(log.entries()) == expected(3)


def test_lines_written_in_another_way_are_read(tmp_path: Path) -> None:
    (tmp_path / "0").write_text(
        'v1\n{ "timestamp": 1, "path": "file:///a\\u0062", "batchId": 0, "more": [] }\n'
        '{"path":"file:///c","timestamp":2,"batchId":0,"more":1}'
    )
    assert list(SourceLog(str(tmp_path)).entries()) == [
        SourceLogEntry("file:///ab", 1, 0),
        SourceLogEntry("file:///c", 2, 0),
    ]


@pytest.mark.parametrize(
    ("compact_ids", "interval"),
    [
        ([], 10),
        ([9], 10),
        ([4], 5),
        ([9, 19], 10),
        ([19], 20),
        ([39], 10),
        ([18], 19),
        ([276], 277),
        ([276, 553], 277),
    ],
)
def test_the_interval_that_spark_derives(compact_ids: list[int], interval: int) -> None:
    assert spark_compact_interval(compact_ids) == interval

"""What each batch of a file stream takes: rules, limits, restarts, horizons, cleaning."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lightstream.checkpoint.source_log import SourceLog
from lightstream.errors import (
    IllegalArgumentException,
    SparkRuntimeException,
)
from lightstream.sources.files import FileStream
from lightstream.sources.filesystems import Trust
from lightstream.sources.paths import to_uri

T0 = 1_760_000_000  # seconds


class Query:
    """Steps a stream as the engine does."""

    def __init__(self, base: Path, **options: Any) -> None:
        self.base = base
        self.input = base / "in"
        self.input.mkdir(exist_ok=True)
        self.options = options
        self.start: str | None = None
        self.stream = self.open()

    def open(self, path: str = "", **arguments: Any) -> FileStream:
        options = {name: str(value) for name, value in self.options.items()}
        log = str(self.base / "ck" / "sources" / "0")
        self.stream = FileStream(f"{self.input}{path}", options, log, durable=False, **arguments)
        return self.stream

    def restart(self, path: str = "", **arguments: Any) -> None:
        self.stream.stop()
        self.open(path, **arguments)

    def batch(self, *, ignore_limits: bool = False) -> list[str]:
        """Run a batch; return the paths below the input directory, [] when there is no batch."""
        end = self.stream.latest_offset(self.start, ignore_limits=ignore_limits)
        if end == self.start:
            return []
        assert end is not None
        files = self.stream.files_between(self.start, end)
        self.start = end
        return [os.path.relpath(file.path, self.input) for file in files]

    def batches(self) -> list[list[str]]:
        found = []
        while files := self.batch():
            found.append(files)
        return found

    def write(self, *names: str, at_s: int | None = None, text: str = "x") -> None:
        for name in names:
            path = self.input / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            if at_s is not None:
                os.utime(path, (T0 + at_s, T0 + at_s))

    def logged(self) -> list[tuple[str, int]]:
        prefix = f"file://{self.input}/"
        entries = SourceLog(str(self.base / "ck/sources/0"), durable=False).entries()
        return [(entry.uri.removeprefix(prefix), entry.batch_id) for entry in entries]


@pytest.fixture
def query(tmp_path: Path) -> Iterator[Any]:
    opened: list[Query] = []

    def make(**options: Any) -> Query:
        opened.append(Query(tmp_path, **options))
        return opened[-1]

    yield make
    for each in opened:
        each.stream.stop()


# What is taken, and when


def test_description_and_offsets(query: Any) -> None:
    q = query()
    assert q.stream.description == f"FileStreamSource[file:{q.input}]"
    assert q.stream.latest_offset(None) is None
    q.write("a")
    assert q.stream.latest_offset(None) == '{"logOffset":0}'
    assert q.stream.latest_offset('{"logOffset":0}') == '{"logOffset":0}'
    q.write("b")
    assert q.stream.latest_offset('{"logOffset":0}') == '{"logOffset":1}'
    assert [f.path for f in q.stream.files_between('{"logOffset":0}', '{"logOffset":1}')] == [f"{q.input}/b"]
    assert len(q.stream.files_between(None, '{"logOffset":1}')) == 2
    assert q.stream.files_between('{"logOffset":1}', '{"logOffset":1}') == []


def test_files_come_in_the_order_of_their_times_then_paths(query: Any) -> None:
    q = query()
    q.write("c", "a", at_s=5)
    q.write("b", at_s=6)
    q.write("d", at_s=4)
    assert q.batch() == ["d", "a", "c", "b"]
    assert q.logged() == [("d", 0), ("a", 0), ("c", 0), ("b", 0)]


def test_latest_first(query: Any) -> None:
    q = query(latestFirst="true", maxFilesPerTrigger=2)
    for number, name in enumerate("abcde"):
        q.write(name, at_s=number)
    assert q.batch() == ["e", "d"]
    q.write("z", at_s=100)  # listed again for every batch
    assert q.batches() == [["z", "c"], ["b", "a"]]


def test_a_file_is_taken_once_even_if_it_changes(query: Any) -> None:
    q = query()
    q.write("a")
    assert q.batch() == ["a"]
    q.write("a", text="more")
    assert q.batch() == []
    shutil.copy(q.input / "a", q.input / "copy")
    assert q.batch() == ["copy"]


def test_hidden_files_and_directories(query: Any) -> None:
    q = query()
    q.write("_a", ".b", "c._COPYING_", "_h/d", ".t/e", "x/f", "g.txt")
    assert q.batches() == [["g.txt"]]
    q.write("x/later", "_h/later", "_later")
    assert q.batches() == []


def test_empty_and_metadata_files_are_taken_but_give_no_rows(query: Any) -> None:
    q = query()
    q.write("empty", text="")
    q.write("_metadata", at_s=1)
    end = q.stream.latest_offset(None)
    assert q.stream.files_between(None, end) == []
    assert sorted(name for name, _ in q.logged()) == ["_metadata", "empty"]


def test_recursion_and_name_filter(query: Any) -> None:
    q = query(recursiveFileLookup="true", pathGlobFilter="*.json")
    q.write("a.json", "x/b.json", "x/y/c.json", "k=1/d.json", "e.txt", "x/_h/f.json")
    assert sorted(q.batch()) == ["a.json", "k=1/d.json", "x/b.json", "x/y/c.json"]
    q.write("x/new/deep/g.json")
    assert q.batch() == ["x/new/deep/g.json"]


def test_the_age_limit_is_that_of_the_newest_file_taken(query: Any) -> None:
    q = query(maxFileAge="10s")
    q.restart(audit_interval_s=0)  # to notice the touch below
    q.write("old", at_s=0)
    q.write("new", at_s=1000)
    assert q.batch() == ["old", "new"]  # the first batch takes all
    q.write("late", at_s=989)
    assert q.batch() == []
    q.write("edge", at_s=990)
    assert q.batch() == ["edge"]
    os.utime(q.input / "late", (T0 + 1001, T0 + 1001))
    assert q.batch() == ["late"]


def test_an_old_file_that_was_forgotten_is_new_again_when_touched(query: Any) -> None:
    q = query(maxFileAge="10s")
    q.write("a", at_s=0)
    q.write("b", at_s=100)
    assert q.batch() == ["a", "b"]
    os.utime(q.input / "a", (T0 + 95, T0 + 95))
    os.utime(q.input / "b", (T0 + 101, T0 + 101))
    q.restart()
    assert q.batch() == ["a"]


def test_file_name_only(query: Any) -> None:
    q = query(fileNameOnly="true", recursiveFileLookup="true")
    q.write("x/a", at_s=1)
    q.write("y/a", at_s=2)
    assert q.batch() == ["x/a", "y/a"]  # found by one listing
    q.write("z/a", "z/b", at_s=3)
    assert q.batch() == ["z/b"]
    q.restart()
    q.write("w/b", "w/c", at_s=4)
    assert q.batch() == ["w/c"]
    q.write("v/new")  # now: more than seven days later, so that earlier names are forgotten
    assert q.batch() == ["v/new"]
    q.write("v/a")
    assert "v/a" in q.batch()


# Limits


def test_max_files(query: Any) -> None:
    q = query(maxFilesPerTrigger=2)
    for number, name in enumerate("abcde"):
        q.write(name, at_s=number)
    assert q.batches() == [["a", "b"], ["c", "d"], ["e"]]
    assert q.logged() == [("a", 0), ("b", 0), ("c", 1), ("d", 1), ("e", 2)]


def test_max_bytes_takes_the_first_file_whatever_its_size(query: Any) -> None:
    q = query(maxBytesPerTrigger=10)
    for number, size in enumerate((30, 4, 6, 1, 5, 5)):
        q.write(f"f{number}", at_s=number, text="x" * size)
    assert q.batches() == [["f0"], ["f1", "f2"], ["f3", "f4"], ["f5"]]


def test_without_limits_for_once(query: Any) -> None:
    q = query(maxFilesPerTrigger=2)
    q.write("a", "b", "c", at_s=1)
    assert q.batch(ignore_limits=True) == ["a", "b", "c"]


def test_what_was_listed_is_taken_before_what_came_later(query: Any) -> None:
    q = query(maxFilesPerTrigger=2)
    for number, name in enumerate("abcdef"):
        q.write(name, at_s=number + 10)
    assert q.batch() == ["a", "b"]
    q.write("older", at_s=0)
    assert q.batches() == [["c", "d"], ["e", "f"], ["older"]]


def test_too_few_leftovers_are_listed_again(query: Any) -> None:
    q = query(maxFilesPerTrigger=10, discardCachedInputRatio="0.2")
    for number in range(11):
        q.write(f"f{number:02d}", at_s=number + 10)
    assert len(q.batch()) == 10
    q.write("older", at_s=0)
    assert q.batch() == ["older", "f10"]


def test_leftovers_are_cached_up_to_a_number(query: Any) -> None:
    q = query(maxFilesPerTrigger=2, maxCachedFiles=1)
    for number, name in enumerate("abcde"):
        q.write(name, at_s=number + 10)
    assert q.batch() == ["a", "b"]
    q.write("older", at_s=0)
    assert q.batches() == [["c"], ["older", "d"], ["e"]]


def test_cached_leftovers_that_are_deleted_are_passed_over(query: Any) -> None:
    q = query(maxFilesPerTrigger=1)
    for number, name in enumerate("abcd"):
        q.write(name, at_s=number)
    assert q.batch() == ["a"]
    (q.input / "b").unlink()
    assert q.batches() == [["c"], ["d"]]


@pytest.mark.parametrize(
    "options",
    [
        {"maxFilesPerTrigger": "0"},
        {"cleanSource": "zz"},
        {"modifiedBefore": "2020-01-01T00:00:00"},
        {"maxFileAge": "x"},
    ],
)
def test_bad_options_fail_as_the_stream_opens(tmp_path: Path, options: dict[str, str]) -> None:
    with pytest.raises(IllegalArgumentException):
        FileStream(str(tmp_path), options, str(tmp_path / "ck"))
    assert not (tmp_path / "ck").exists()


def test_a_single_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    with pytest.raises(IllegalArgumentException, match="Option 'basePath' must be a directory"):
        FileStream(str(tmp_path / "a"), {}, None)


def test_of_a_sinks_directory_the_files_that_its_log_names(query: Any) -> None:
    q = query()
    assert q.batch() == []
    q.write("part-0", "orphan")
    entry = json.dumps(
        {"path": to_uri(f"{q.input}/part-0"), "size": 1, "modificationTime": 5, "action": "add"}
    )
    q.write("_spark_metadata/0", text=f"v1\n{entry}")
    assert q.batch() == ["part-0"]
    q.write("part-1")
    assert q.batch() == []
    q.write("_spark_metadata/1", text="v1\n" + entry.replace("part-0", "part-1"))
    assert q.batch() == ["part-1"]
    q.restart()
    q.write("orphan-too", "part-2")
    q.write(
        "_spark_metadata/2.compact",
        text="\n".join(["v1", *(entry.replace("part-0", f"part-{i}") for i in range(3))]),
    )
    assert q.batch() == ["part-2"]


# Patterns


@pytest.mark.parametrize("trust", list(Trust))
def test_patterns_follow_new_directories(query: Any, trust: Trust) -> None:
    q = query()
    q.write("a1/x", "b/y", "a2/deep/z", "a3")
    q.restart("/a*", trust=trust, quiet_ms=0)
    assert sorted(q.batch()) == ["a1/x", "a3"]
    q.write("a4/new", "a1/new", "b/new", "a5", "_a6")
    assert sorted(q.batch()) == ["a1/new", "a4/new", "a5"]


def test_patterns_of_several_components(query: Any) -> None:
    q = query()
    q.write("x/in/f1.json", "x/out/f2.json", "y/in/f3.txt")
    q.restart("/*/in/*.json")
    assert q.batch() == ["x/in/f1.json"]
    q.write("z/in/f4.json", "y/in/f5.json", "y/in/_f6.json")
    assert sorted(q.batch()) == ["y/in/f5.json", "z/in/f4.json"]


def test_a_pattern_that_matches_nothing_yet(query: Any) -> None:
    q = query()
    q.restart("/later/*")
    assert q.batch() == []
    q.write("later/a")
    assert q.batch() == ["later/a"]


def test_patterns_may_match_hidden_directories_but_no_hidden_files(query: Any) -> None:
    q = query()
    q.write(".h/x", "_u/y", "v/z", "_f", ".g")
    q.restart("/*")
    assert sorted(q.batch()) == [".h/x", "_u/y", "v/z"]


# Partitions


def values(q: Query) -> dict[str, dict[str, str | None]]:
    end = q.stream.latest_offset(q.start)
    assert end is not None
    files = q.stream.files_between(q.start, end)
    q.start = end
    return {os.path.relpath(file.path, q.input): file.partition_values for file in files}


def test_partition_values(query: Any) -> None:
    q = query()
    q.write("k=1/a", "k=a%20b/b", "k=__HIVE_DEFAULT_PARTITION__/x/c", "root")
    assert values(q) == {
        "k=1/a": {"k": "1"},
        "k=a%20b/b": {"k": "a%20b"},
        "k=__HIVE_DEFAULT_PARTITION__/x/c": {"k": None},
    }
    assert ("root", 0) in q.logged()  # taken, but without a place in the table
    q.write("k=2/d")
    assert values(q) == {"k=2/d": {"k": "2"}}


def test_files_beside_partitions_are_read_where_there_are_none_in_the_batch(query: Any) -> None:
    q = query()
    q.write("k=1/a")
    assert values(q) == {"k=1/a": {"k": "1"}}
    q.write("root")
    assert values(q) == {"root": {}}


def test_values_without_a_base_are_not_looked_for(query: Any) -> None:
    q = query()
    q.write("k=1/a", "k=2/b")
    q.restart("/k=*")
    assert values(q) == {"k=1/a": {}, "k=2/b": {}}


def test_values_below_a_given_base(query: Any, tmp_path: Path) -> None:
    q = query(basePath=str(tmp_path / "in"))
    q.write("k=1/a", "k=2/b")
    q.restart("/k=*")
    assert values(q) == {"k=1/a": {"k": "1"}, "k=2/b": {"k": "2"}}


@pytest.mark.parametrize(
    ("later", "condition"),
    [
        ("x/c", "CONFLICTING_DIRECTORY_STRUCTURES"),
        ("j=1/c", "CONFLICTING_PARTITION_COLUMN_NAMES"),
        ("k=1/j=1/c", "CONFLICTING_PARTITION_COLUMN_NAMES"),
    ],
)
def test_directories_that_do_not_fit_fail_before_they_are_taken(
    query: Any, later: str, condition: str
) -> None:
    q = query()
    q.write("k=1/b")
    assert q.batch() == ["k=1/b"]
    q.write(later)
    for _ in range(2):
        with pytest.raises(SparkRuntimeException) as caught:
            q.batch()
        assert caught.value.getCondition() == condition
    assert q.logged() == [("k=1/b", 0)]
    (q.input / later).unlink()
    q.write("k=2/d")
    assert q.batch() == ["k=2/d"]


def test_directories_below_are_read_once_there_are_partitions(query: Any) -> None:
    q = query()
    q.write("x/k=1/c")
    assert values(q) == {"x/k=1/c": {"k": "1"}}


def test_partition_columns_that_came_or_went_are_refused(query: Any) -> None:
    q = query()
    q.write("k=1/a")
    q.restart(columns=["a"])
    with pytest.raises(SparkRuntimeException, match=r"have gained the partition column.*k"):
        q.batch()
    q.start = None
    q.restart(columns=["a", "K"], partition_columns=["K"])
    assert values(q) == {"k=1/a": {"k": "1"}}
    q.write("root")
    with pytest.raises(SparkRuntimeException, match=r"have lost the partition column.*k"):
        q.batch()


# Restarts


def test_a_restart_knows_what_was_taken(query: Any) -> None:
    q = query(maxFilesPerTrigger=2)
    names = ["a b", "c%20d", "é", "h#", "n\u00a0"]
    for number, name in enumerate(names):
        q.write(name, at_s=number)
    assert q.batches() == [names[:2], names[2:4], names[4:]]
    q.restart()
    assert q.batch() == []
    q.write("new")
    assert q.batch() == ["new"]
    assert [batch_id for _, batch_id in q.logged()] == [0, 0, 1, 1, 2, 3]


def test_planned_batches_are_read_again_from_the_log(query: Any) -> None:
    q = query(maxFilesPerTrigger=1)
    for number in range(25):
        q.write(f"f{number:02d}", at_s=number)
    q.batches()
    q.restart()
    between = q.stream.files_between('{"logOffset":7}', '{"logOffset":21}')
    assert [os.path.basename(file.path) for file in between] == [f"f{number:02d}" for number in range(8, 22)]
    assert (between[0].size, between[0].mtime_ms) == (1, (T0 + 8) * 1000)


def test_files_logged_but_never_planned_are_in_the_next_batch(query: Any) -> None:
    q = query()
    q.write("a")
    q.batch()
    q.write("b")
    q.stream.latest_offset(q.start)  # written to the source log; the crash comes before the offset log
    q.restart()
    assert q.batch() == ["b"]


def test_a_file_deleted_before_a_restart_is_left_out(query: Any, caplog: pytest.LogCaptureFixture) -> None:
    q = query()
    q.write("a", "b", at_s=1)
    q.stream.latest_offset(None)
    q.restart()
    (q.input / "a").unlink()
    assert q.batch() == ["b"]
    assert "is gone" in caplog.text


def test_a_file_deleted_while_it_waits_is_left_out(query: Any, caplog: pytest.LogCaptureFixture) -> None:
    q = query(maxFilesPerTrigger=1)
    q.write("a", "b", at_s=1)
    q.stream.prepare_available_now()
    assert q.batch() == ["a"]
    (q.input / "b").unlink()
    assert q.batch() == []
    assert "is gone" in caplog.text


def test_offsets_beyond_the_log_are_damage(query: Any) -> None:
    q = query()
    q.write("a")
    q.batch()
    for action in (
        lambda: q.stream.latest_offset('{"logOffset":4}'),
        lambda: q.stream.files_between('{"logOffset":0}', '{"logOffset":4}'),
    ):
        with pytest.raises(SparkRuntimeException, match="LIGHTSTREAM_CHECKPOINT_DAMAGED"):
            action()


@pytest.mark.parametrize("offset", ["zz", "{}", '{"logOffset":"x"}', "[]"])
def test_offsets_that_are_none(query: Any, offset: str) -> None:
    with pytest.raises(SparkRuntimeException, match="LIGHTSTREAM_CHECKPOINT_DAMAGED"):
        query().stream.files_between(None, offset)


def test_a_log_in_memory(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    stream = FileStream(str(tmp_path), {}, None)
    end = stream.latest_offset(None)
    assert json.loads(end or "") == {"logOffset": 0}
    assert len(stream.files_between(None, end or "")) == 1
    stream.stop()
    assert os.listdir(tmp_path) == ["a"]


def test_another_writer_on_the_source_log_is_noticed(query: Any, tmp_path: Path) -> None:
    q = query()
    other = FileStream(str(q.input), {}, str(tmp_path / "ck/sources/0"), durable=False)
    q.write("a")
    other.latest_offset(None)
    with pytest.raises(SparkRuntimeException, match="CONCURRENT_STREAM_LOG_UPDATE"):
        q.batch()
    other.stop()


# availableNow


def test_the_horizon_is_fixed_by_one_listing(query: Any) -> None:
    q = query(maxFilesPerTrigger=2)
    for number, name in enumerate("abc"):
        q.write(name, at_s=number)
    assert q.stream.prepare_available_now() is True
    q.write("late", at_s=0)
    assert q.batches() == [["a", "b"], ["c"]]
    q.restart()
    q.stream.prepare_available_now()
    assert q.batches() == [["late"]]


def test_a_horizon_takes_each_name_once_where_names_are_all(query: Any) -> None:
    q = query(fileNameOnly="true", recursiveFileLookup="true", maxFilesPerTrigger=1)
    q.write("x/a", at_s=1)
    q.write("y/a", at_s=2)
    q.write("z/b", at_s=3)
    q.stream.prepare_available_now()
    assert q.batches() == [["x/a"], ["z/b"]]


def test_a_file_being_written_is_beyond_the_horizon(query: Any) -> None:
    q = query()
    q.write("a", at_s=1)
    with open(q.input / "b", "w") as writer:
        writer.write("half")
        writer.flush()
        q.stream.prepare_available_now()
    assert q.batches() == [["a"]]
    assert q.stream.held_files == (str(q.input / "b"),)


# cleanSource


def clean_all(q: Query) -> None:
    """Run all batches, each committed as the next is planned; wait for the cleaner."""
    ends: list[str] = []
    while q.batch():
        assert q.start is not None
        if ends:
            q.stream.commit(ends[-1])
        ends.append(q.start)
    q.stream.stop()


def test_delete_acts_as_the_next_batch_is_planned(query: Any) -> None:
    q = query(maxFilesPerTrigger=1, cleanSource="delete")
    for number, name in enumerate("abc"):
        q.write(name, at_s=number)
    clean_all(q)
    assert os.listdir(q.input) == ["c"]


def test_archive_keeps_the_whole_path(query: Any, tmp_path: Path) -> None:
    q = query(maxFilesPerTrigger=1, cleanSource="archive", sourceArchiveDir=f"file:{tmp_path}/arch")
    for number, name in enumerate(("k=1/a", "k=2/b", "k=3/c")):
        q.write(name, at_s=number)
    clean_all(q)
    archived = tmp_path / "arch" / str(q.input).lstrip("/")
    assert sorted(str(p.relative_to(archived)) for p in archived.rglob("*") if p.is_file()) == [
        "k=1/a",
        "k=2/b",
    ]
    assert [str(p.relative_to(q.input)) for p in q.input.rglob("*") if p.is_file()] == ["k=3/c"]


def test_cleaning_after_a_restart_and_again(query: Any) -> None:
    q = query(maxFilesPerTrigger=1, cleanSource="delete")
    for number, name in enumerate("abc"):
        q.write(name, at_s=number)
    q.batches()
    q.restart()
    q.stream.commit('{"logOffset":1}')
    q.stream.commit('{"logOffset":1}')
    q.stream.commit('{"logOffset":2}')
    q.stream.stop()
    assert os.listdir(q.input) == ["a"]  # as in Spark: what an earlier process left behind stays


def test_a_file_that_cannot_be_cleaned_is_logged(query: Any, caplog: pytest.LogCaptureFixture) -> None:
    q = query(cleanSource="delete")
    q.write("a")
    q.batch()
    (q.input / "a").unlink()
    q.stream.commit(q.start)
    q.stream.stop()
    assert "could not clean" in caplog.text


@pytest.mark.parametrize("archive", ["in", "", "in/arch", "../{parent}/in/x", "in/../in"])
def test_archives_that_could_be_read_again_are_refused(tmp_path: Path, archive: str) -> None:
    (tmp_path / "in").mkdir()
    options = {
        "cleanSource": "archive",
        "sourceArchiveDir": f"{tmp_path}/{archive.format(parent=tmp_path.name)}",
    }
    with pytest.raises(IllegalArgumentException, match="Base archive path cannot be set to the path where"):
        FileStream(str(tmp_path / "in"), options, None)


def test_archives_beside_a_pattern(tmp_path: Path) -> None:
    def open_with(archive: str) -> None:
        options = {"cleanSource": "archive", "sourceArchiveDir": f"{tmp_path}/{archive}"}
        FileStream(f"{tmp_path}/in*/x", options, None).stop()

    open_with("out")
    open_with("in1/y")
    for archive in ("in1/x", "in2/x/deep", "in1"):
        with pytest.raises(IllegalArgumentException, match="Base archive path"):
            open_with(archive)
    with pytest.raises(IllegalArgumentException, match="Can not create a Path from an empty string"):
        FileStream(str(tmp_path), {"cleanSource": "archive", "sourceArchiveDir": ""}, None)


# Directories that come and go


@pytest.mark.parametrize("trust", list(Trust))
def test_a_directory_that_is_removed_and_made_again(query: Any, trust: Trust) -> None:
    q = query()
    q.restart(trust=trust, quiet_ms=0)
    q.write("a", "k=1/b")
    q.batch()
    shutil.rmtree(q.input)
    assert q.batch() == []
    q.write("c", "k=2/d")
    assert q.batch() == ["k=2/d"]
    assert ("c", 1) in q.logged()


@pytest.mark.parametrize("trust", list(Trust))
def test_a_link_that_is_turned_to_another_directory(query: Any, trust: Trust, tmp_path: Path) -> None:
    q = query()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.json").write_text("x")
    os.symlink(tmp_path / "one", q.input / "current")
    q.restart("/current", trust=trust, quiet_ms=0)
    assert q.batch() == ["current/one.json"]
    os.symlink(tmp_path / "two", tmp_path / "next")
    os.rename(tmp_path / "next", q.input / "current")
    assert q.batch() == ["current/two.json"]


@pytest.mark.parametrize("trust", list(Trust))
def test_directories_that_are_moved_in_and_out(query: Any, trust: Trust, tmp_path: Path) -> None:
    q = query(recursiveFileLookup="true")
    q.restart(trust=trust, quiet_ms=0)
    assert q.batch() == []
    (tmp_path / "staged/deep").mkdir(parents=True)
    (tmp_path / "staged/deep/a").write_text("x")
    (tmp_path / "staged/b").write_text("x")
    os.rename(tmp_path / "staged", q.input / "d")
    assert sorted(q.batch()) == ["d/b", "d/deep/a"]
    os.rename(q.input / "d", tmp_path / "away")
    (tmp_path / "away/c").write_text("x")
    assert q.batch() == []
    os.rename(tmp_path / "away", q.input / "e")
    assert sorted(q.batch()) == ["e/b", "e/c", "e/deep/a"]


def test_a_directory_that_may_not_be_listed_is_named(query: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    q = query()

    def denied(path: str) -> list[str]:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "listdir", denied)
    with pytest.raises(SparkRuntimeException, match=f"LIGHTSTREAM_CANNOT_LIST.*{q.input}"):
        q.batch()

"""Which files a batch read takes."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from lightstream.errors import (
    AnalysisException,
    IllegalArgumentException,
    SparkRuntimeException,
)
from lightstream.sources.listing import FileListing, list_files
from lightstream.sources.paths import to_uri
from lightstream.sources.trees import is_data, is_listed

Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def make(*names: str, text: str = "x", mtime_s: int | None = None) -> Path:
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            if mtime_s is not None:
                os.utime(path, (mtime_s, mtime_s))
        return tmp_path

    return make


def names(listing: FileListing, base: Path) -> list[str]:
    return [os.path.relpath(file.path, base) for file in listing.files]


def listed(base: Path, path: str = "", **options: str) -> list[str]:
    return names(list_files([f"{base}/{path}"], options), base)


def test_hidden_names() -> None:
    shown = ["a", "a.json", "_k=1", "g.json.tmp", "h._COPYING_.json", "_metadata", "_common_metadata_x"]
    hidden = ["_a", ".a", ".k=1", "c._COPYING_", "_spark_metadata", "_temporary"]
    assert [name for name in shown + hidden if is_listed(name)] == shown
    assert [name for name in shown + hidden if is_data(name)] == [*shown[:5], "c._COPYING_"]


def test_files_of_the_directory_itself(make: Make) -> None:
    base = make("b.json", "a.txt", "x/c.json", "_h/d.json", ".e", "_f", "_metadata", "g._COPYING_")
    make("empty.json", text="")
    assert listed(base) == ["a.txt", "b.json"]


def test_entries_carry_what_a_reader_needs(make: Make) -> None:
    base = make("a b.json", text="12345", mtime_s=1760000000)
    (entry,) = list_files([str(base)]).files
    assert (entry.path, entry.size, entry.mtime_ms) == (f"{base}/a b.json", 5, 1760000000000)
    assert entry.uri == f"file://{base}/a%20b.json"
    assert entry.partition_values == {}


def test_recursion_on_request(make: Make) -> None:
    base = make("a.json", "x/c.json", "x/y/d.json", "k=1/e.json", "x/_h/f.json", "x/.g/h.json")
    assert listed(base, recursiveFileLookup="true") == ["a.json", "k=1/e.json", "x/c.json", "x/y/d.json"]


def test_single_files_patterns_and_several_paths(make: Make) -> None:
    base = make("a1/x.json", "a2/y.json", "b/z.json", "a3.json", "_h.json")
    assert listed(base, "a3.json") == ["a3.json"]
    assert listed(base, "_h.json") == []
    assert listed(base, "a*") == ["a1/x.json", "a2/y.json", "a3.json"]
    assert listed(base, "{a1,b/z.json}") == ["a1/x.json", "b/z.json"]
    paths = [f"{base}/b", f"file:{base}/a1", f"{base}/b"]
    assert names(list_files(paths), base) == ["b/z.json", "a1/x.json", "b/z.json"]  # Spark: twice too


def test_the_name_filter(make: Make) -> None:
    base = make("a.json", "b.json", "c.txt", "k=1/a.json")
    assert listed(base, pathGlobFilter="a*") == ["k=1/a.json"]
    # The partitions are those of all files, whose names count or not: a file beside them is in none.
    assert listed(base, pathGlobFilter="*.txt") == []
    assert listed(base, pathGlobFilter="") == []
    assert [
        os.path.basename(file.path) for file in list_files([str(base)], {"pathglobfilter": "*.txt"}).named
    ] == ["c.txt"]


def test_modification_times(make: Make) -> None:
    for second in range(5):
        base = make(f"f{second}", mtime_s=1760000000 + second)
    assert listed(base, modifiedBefore="2025-10-09T08:53:22") == ["f0", "f1"]
    assert listed(base, modifiedAfter="2025-10-09T08:53:22") == ["f3", "f4"]
    assert listed(base, modifiedAfter="2025-10-09T10:53:22", timeZone="+02:00") == ["f3", "f4"]
    assert len(listed(base, modifiedAfter="2025-10-09")) == 5
    zone = {"modifiedAfter": "2025-10-09T10:53:22"}
    assert names(list_files([str(base)], zone, time_zone="Europe/Berlin"), base) == ["f3", "f4"]


def test_a_time_that_is_none(make: Make) -> None:
    with pytest.raises(AnalysisException) as caught:
        listed(make("a"), modifiedAfter="zz")
    assert str(caught.value) == (
        "The timestamp provided for the 'modifiedafter' option is invalid. The expected format is "
        "'YYYY-MM-DDTHH:mm:ss', but the provided timestamp: zz."
    )


def test_partitions(make: Make) -> None:
    base = make("k=1/a.json", "k=__HIVE_DEFAULT_PARTITION__/b.json", "k=2/x/c.json", "root.json")
    listing = list_files([str(base)])
    assert {os.path.relpath(f.path, base): f.partition_values for f in listing.files} == {
        "k=1/a.json": {"k": "1"},
        "k=2/x/c.json": {"k": "2"},
        "k=__HIVE_DEFAULT_PARTITION__/b.json": {"k": None},
    }
    assert listing.partition_columns == ("k",)
    assert [(name, data_type.simpleString()) for name, data_type in listing.partition_types()] == [
        ("k", "int")
    ]


def test_partitions_below_a_base(make: Make) -> None:
    base = make("k=1/a.json", "k=2/b.json")
    for path in ("k=1", "k=1/a.json", "k=*", "*/*.json"):
        assert list_files([f"{base}/{path}"]).partition_columns == ()
        listing = list_files([f"{base}/{path}"], {"basePath": str(base)})
        assert listing.partition_columns == ("k",)
        assert listing.files[0].partition_values == {"k": "1"}


def test_directories_without_data_do_not_count(make: Make) -> None:
    base = make("k=1/_h", "k=1/.i", "a.json")
    make("j=1/empty_is_data", text="")
    assert list_files([str(base)]).partition_columns == ("j",)
    os.unlink(base / "j=1" / "empty_is_data")
    assert list_files([str(base)]).partition_columns == ()
    assert listed(base) == ["a.json"]


def test_bases_that_are_refused(make: Make) -> None:
    base = make("in/a.json", "other/b.json")
    with pytest.raises(IllegalArgumentException, match="Option 'basePath' must be a directory"):
        listed(base, "in", basePath=f"{base}/in/a.json")
    with pytest.raises(
        IllegalArgumentException, match=f"Wrong basePath {base}/other for the root path: file:{base}/in"
    ):
        listed(base, "in", basePath=f"{base}/other")


@pytest.mark.parametrize("path", ["nope", "nope*", "no*pe/x"])
def test_paths_that_do_not_exist(make: Make, path: str) -> None:
    base = make("a")
    with pytest.raises(AnalysisException, match=r"\[PATH_NOT_FOUND\] Path does not exist: file:") as caught:
        listed(base, path)
    assert caught.value.getSqlState() == "42K03"


def test_streams_wait_for_a_pattern_but_not_for_a_path(make: Make) -> None:
    base = make("a")
    assert list_files([f"{base}/nope*"], streaming=True).files == ()
    with pytest.raises(AnalysisException, match=f"Path does not exist: {base}/nope"):
        list_files([f"{base}/nope"], streaming=True)


def test_links(make: Make, tmp_path: Path) -> None:
    base = make("in/a.json", "real/b.json")
    os.symlink(tmp_path / "real/b.json", base / "in/link.json")
    os.symlink(tmp_path / "nowhere", base / "in/broken.json")
    os.symlink(tmp_path / "in", base / "alias")
    assert listed(base, "alias") == ["alias/a.json", "alias/link.json"]
    os.symlink(tmp_path / "in", base / "in/again")
    assert listed(base, "in", recursiveFileLookup="true") == ["in/a.json", "in/link.json"]


def test_what_is_no_file_is_passed_over(make: Make) -> None:
    base = make("a")
    os.mkfifo(base / "pipe")
    assert listed(base) == ["a"]


def test_of_a_sinks_directory_the_files_that_its_log_names(make: Make) -> None:
    base = make("p=1/part-0.json", "p=1/orphan")
    log = base / "_spark_metadata"
    log.mkdir()
    entry = json.dumps({"path": to_uri(f"{base}/p=1/part-0.json"), "size": 7, "modificationTime": 5})
    (log / "0").write_text("v1\n" + entry)
    listing = list_files([str(base)])
    assert [(names(listing, base), file.size, file.mtime_ms) for file in listing.files] == [
        (["p=1/part-0.json"], 7, 5)
    ]
    assert listing.partition_columns == ("p",)
    assert len(list_files([str(base)], ignore_sink_log=True).files) == 2
    assert len(list_files([f"{base}/*"]).files) == 2
    (log / "2").write_text("v1")
    with pytest.raises(SparkRuntimeException, match="1 cannot be used: it is missing, while 2 is there"):
        list_files([str(base)])


def test_directories_that_contradict_each_other(make: Make) -> None:
    with pytest.raises(SparkRuntimeException, match="CONFLICTING_PARTITION_COLUMN_NAMES"):
        listed(make("k=1/a", "j=1/b"))

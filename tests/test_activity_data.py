"""The activity data: the same bytes everywhere, and the committed sample is what the script makes."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
from collections import Counter
from fractions import Fraction
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).resolve().parent.parent
SCRIPT = PROJECT / "scripts" / "generate_activity_data.py"
SAMPLE = PROJECT / "data" / "activity-data"
README = PROJECT / "data" / "README.md"

KEYS = ["Arrival_Time", "Creation_Time", "Device", "Index", "Model", "User", "gt", "x", "y", "z"]
FULL_COUNTS = {
    "sit": 984_714,
    "stand": 910_783,
    "stairsdown": 749_059,
    "walk": 1_060_402,
    "stairsup": 836_598,
    "null": 835_725,
    "bike": 863_710,
}
MINUTE_NS = 60 * 10**9


sys.path.append(str(SCRIPT.parent))
script = importlib.import_module("generate_activity_data")


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(directory.iterdir())}


def rows_of(directory: Path) -> list[list[dict[str, Any]]]:
    """Return the rows of each file, in the order of the names."""
    return [[json.loads(line) for line in data.splitlines()] for data in contents(directory).values()]


def lateness_ns(files: list[list[dict[str, Any]]]) -> list[int]:
    """Return by how much each out-of-order row is older than the newest row before it."""
    newest = 0
    late = []
    for row in (row for file in files for row in file):
        if row["Creation_Time"] < newest:
            late.append(newest - row["Creation_Time"])
        newest = max(newest, row["Creation_Time"])
    return late


@pytest.fixture(scope="module")
def sample() -> list[list[dict[str, Any]]]:
    return rows_of(SAMPLE)


def test_committed_sample_is_what_the_script_makes(tmp_path: Path) -> None:
    assert script.main([str(tmp_path), "--sample"]) == 0
    made, committed = contents(tmp_path), contents(SAMPLE)
    assert list(made) == list(committed)
    assert [name for name in made if made[name] != committed[name]] == []


def test_bytes_depend_on_neither_hash_seed_nor_workers(tmp_path: Path) -> None:
    size = ["--rows", "3000", "--files", "7"]
    assert script.main([str(tmp_path / "here"), *size]) == 0
    for hash_seed, workers in (("1", "1"), ("2", "2")):
        output = tmp_path / hash_seed
        subprocess.run(
            [sys.executable, str(SCRIPT), str(output), *size, "--workers", workers],
            check=True,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
        )
        assert contents(output) == contents(tmp_path / "here")


def test_script_needs_only_the_standard_library(tmp_path: Path) -> None:
    command = [sys.executable, "-I", "-S", str(SCRIPT), str(tmp_path / "out"), "--rows", "9", "--files", "1"]
    assert subprocess.run(command, capture_output=True).returncode == 0


def test_full_size_plan_has_the_exact_counts() -> None:
    counts: Counter[str] = Counter()
    for bout in script.plan_bouts(script.FULL_ROWS):
        counts[bout.gt] += bout.end - bout.start
    assert counts == FULL_COUNTS
    assert script.FULL_ROWS == 6_240_991
    assert script.FULL_FILES == 80


@pytest.mark.parametrize(
    ("rows", "files"), [(1, 1), (6, 6), (64, 3), (1_000, 80), (5_003, 1), (12_345, 4), (40_000, 11)]
)
def test_counts_are_proportional_and_files_equal(rows: int, files: int) -> None:
    activity = script.ActivitySet(rows, files)
    made = [[json.loads(line) for line in activity.lines(number)] for number in range(files)]
    assert {len(file) for file in made} <= {rows // files, -(-rows // files)}
    counts = Counter(row["gt"] for file in made for row in file)

    exact = {gt: Fraction(rows * count, script.FULL_ROWS) for gt, count in FULL_COUNTS.items()}
    assert counts.total() == rows
    up = [exact[gt] % 1 for gt in exact if counts[gt] == int(exact[gt]) + 1]
    down = [exact[gt] % 1 for gt in exact if counts[gt] == int(exact[gt])]
    assert len(up) + len(down) == len(exact)
    assert min(up, default=1) >= max(down, default=0)

    created = [row["Creation_Time"] for file in made for row in file]
    assert len(set(created)) == rows


def test_sample_schema(sample: list[list[dict[str, Any]]]) -> None:
    for row in (row for file in sample for row in file):
        assert list(row) == KEYS
        assert [type(row[key]) for key in KEYS] == [int, int, str, int, str, str, str, float, float, float]
        assert row["Device"] in ("nexus4_1", "nexus4_2")
        assert row["Model"] == "nexus4"
    rows = [row for file in sample for row in file]
    assert {row["User"] for row in rows} == set("abcdefghi")
    assert {row["gt"] for row in rows} == set(FULL_COUNTS)
    assert {row["Device"] for row in rows} == {"nexus4_1", "nexus4_2"}
    february_23, february_27 = 1_424_649_600, 1_424_995_200
    assert all(february_23 <= row["Creation_Time"] / 1e9 < february_27 for row in rows)


def test_sample_has_values_that_spark_prints_with_an_exponent(sample: list[list[dict[str, Any]]]) -> None:
    values = [abs(row[axis]) for file in sample for row in file for axis in "xyz"]
    assert sum(0 < value < 1e-3 for value in values) > 100
    assert any(re.search(rb'"[xyz]":-?\d\.\d+e-05', data) for data in contents(SAMPLE).values())


def test_each_sample_file_has_several_people_and_activities(sample: list[list[dict[str, Any]]]) -> None:
    for file in sample:
        assert len({row["User"] for row in file}) >= 3
        assert len({row["gt"] for row in file}) >= 3


def test_people_do_activities_in_bouts_and_one_at_a_time(sample: list[list[dict[str, Any]]]) -> None:
    by_user: dict[str, list[dict[str, Any]]] = {}
    for row in sorted((row for file in sample for row in file), key=lambda row: row["Creation_Time"]):
        by_user.setdefault(row["User"], []).append(row)
    for rows in by_user.values():
        bouts = [len(list(bout)) for _, bout in groupby(rows, key=lambda row: row["gt"])]
        assert sum(bouts) / len(bouts) > 15
        # Somebody recorded in two places at once would have two readings of the same number side by side.
        for before, after in pairwise(rows):
            assert after["Index"] in (0, before["Index"], before["Index"] + 1)
            assert (after["Index"], after["Device"]) != (before["Index"], before["Device"])


def test_rows_are_in_order_of_arrival_and_some_were_created_long_before(
    sample: list[list[dict[str, Any]]],
) -> None:
    rows = [row for file in sample for row in file]
    assert all(a["Arrival_Time"] <= b["Arrival_Time"] for a, b in pairwise(rows))
    assert all(row["Creation_Time"] < row["Arrival_Time"] * 10**6 for row in rows)
    late = lateness_ns(sample)
    assert 50 < len(late) < len(rows) / 50
    assert any(2 * 10**9 < by < MINUTE_NS for by in late)
    assert any(by > 5 * MINUTE_NS for by in late)
    assert max(late) < 15 * MINUTE_NS
    oldest = [min(row["Creation_Time"] for row in file) for file in sample]
    newest = [max(row["Creation_Time"] for row in file) for file in sample]
    carried = [number for number in range(1, len(sample)) if oldest[number] < newest[number - 1]]
    assert len(carried) > len(sample) / 2


def test_readme_figures_are_those_of_the_sample(sample: list[list[dict[str, Any]]]) -> None:
    text = README.read_text(encoding="utf-8")
    counts = Counter(row["gt"] for file in sample for row in file)
    table = [f"| {gt} | {counts[gt]:,} | {full:,} |" for gt, full in FULL_COUNTS.items()]
    table.append(f"| **all** | {counts.total():,} | {sum(FULL_COUNTS.values()):,} |")
    assert "\n".join(table) in text
    words = " ".join(text.split())
    assert f"{counts.total():,} rows in {len(sample)} files" in words
    late = lateness_ns(sample)
    minutes_late = sum(by > MINUTE_NS for by in late)
    assert f"{len(late)} rows of the sample were created before" in words
    assert f"{minutes_late} of these by more than a minute" in words
    assert "No row is late by more than 15 minutes" in words
    listed = re.findall(r"^\| (`.+?) \| `", text, flags=re.MULTILINE)
    assert re.findall(r"`(\w+)`", " ".join(listed)) == KEYS


@pytest.mark.parametrize("live", [[], ["--live", "0"]])
def test_modification_times_increase_by_at_least_a_millisecond(tmp_path: Path, live: list[str]) -> None:
    assert script.main([str(tmp_path), "--rows", "200", "--files", "20", *live]) == 0
    times_ms = [path.stat().st_mtime_ns // 10**6 for path in sorted(tmp_path.iterdir())]
    assert len(times_ms) == 20
    assert all(a < b for a, b in pairwise(times_ms))


def test_live_drops_whole_files_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size = ["--rows", "900", "--files", "6"]
    assert script.main([str(tmp_path / "all"), *size]) == 0
    expected = contents(tmp_path / "all")
    output = tmp_path / "live"
    replace = os.replace
    dropped: list[str] = []

    def watched_replace(source: Path, target: Path) -> None:
        assert source.parent == target.parent == output
        assert source.name.startswith(".")
        assert [path.name for path in output.iterdir() if path != source and path.name not in dropped] == []
        assert source.read_bytes() == expected[target.name]
        replace(source, target)
        dropped.append(target.name)

    monkeypatch.setattr(script.os, "replace", watched_replace)
    assert script.main([str(output), *size, "--live", "0"]) == 0
    assert dropped == list(expected)
    assert contents(output) == expected


def test_live_waits_between_files_and_stops_on_interrupt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    waits: list[float] = []

    def interrupted_sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(script.time, "sleep", interrupted_sleep)
    assert script.main([str(tmp_path), "--rows", "900", "--files", "6", "--live", "2.5"]) == 130
    assert waits == [2.5, 2.5, 2.5]
    assert [len(rows) for rows in rows_of(tmp_path)] == [150, 150, 150]
    assert "stopped" in capsys.readouterr().err


def test_refuses_a_directory_with_files_in_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / ".gitkeep").touch()
    assert script.main([str(tmp_path), "--rows", "30", "--files", "3"]) == 1
    message = capsys.readouterr().err
    assert "notes.txt" in message
    assert "--overwrite" in message
    assert sorted(contents(tmp_path)) == [".gitkeep", "notes.txt"]


def test_overwrite_replaces_its_own_files_only(tmp_path: Path) -> None:
    assert script.main([str(tmp_path), "--rows", "60", "--files", "6"]) == 0
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / ".part-00009.json.tmp").write_text("left by a run that was killed")
    assert script.main([str(tmp_path), "--rows", "30", "--files", "2", "--overwrite"]) == 0
    assert sorted(contents(tmp_path)) == ["notes.txt", "part-00000.json", "part-00001.json"]
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert (
        sum(len(data.splitlines()) for name, data in contents(tmp_path).items() if name != "notes.txt") == 30
    )


@pytest.mark.parametrize("below", ["", "deeper"])
def test_output_that_cannot_be_a_directory(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], below: str
) -> None:
    (tmp_path / "file").write_text("mine")
    assert script.main([str(tmp_path / "file" / below), "--rows", "30", "--files", "3"]) == 1
    assert "cannot write to" in capsys.readouterr().err
    assert (tmp_path / "file").read_text() == "mine"


def test_a_failed_write_leaves_no_partial_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full_disk(source: Path, target: Path) -> None:
        raise OSError(28, "No space left on device", str(target))

    monkeypatch.setattr(script.os, "replace", full_disk)
    assert script.main([str(tmp_path), "--rows", "30", "--files", "3"]) == 1
    assert "No space left on device" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_failure_in_one_of_several_workers_ends_them_all(tmp_path: Path) -> None:
    (tmp_path / "part-00003.json").mkdir()
    with pytest.raises(OSError, match=r"part-00003\.json"):
        list(script.write_all(script.ActivitySet(60, 6), tmp_path, 2))
    assert not (tmp_path / "part-00005.json").exists()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_worker_that_was_killed_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(script, "write_share", die_without_a_word)
    assert script.main([str(tmp_path), "--rows", "60", "--files", "6", "--workers", "2"]) == 1
    assert "killed" in capsys.readouterr().err


def die_without_a_word(*_: object) -> None:
    os._exit(9)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--rows", "0"], "--rows"),
        (["--rows", "many"], "'many'"),
        (["--files", "-1"], "--files"),
        (["--rows", "5", "--files", "6"], "5 rows cannot be divided into 6 files"),
        (["--sample", "--rows", "10"], "--sample"),
        (["--live", "-1"], "--live"),
        (["--live", "nan"], "--live"),
        (["--workers", "0"], "--workers"),
        ([], "OUTPUT"),
    ],
)
def test_wrong_options_exit_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], named: str
) -> None:
    output = tmp_path / "out"
    with pytest.raises(SystemExit) as stopped:
        script.main([str(output), *options] if options else [])
    assert stopped.value.code == 2
    assert named in capsys.readouterr().err
    assert not output.exists()

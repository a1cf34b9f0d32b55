"""Disks that are full, fail or cannot be written: one clear error, and the right tables once they are well again."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from kills import disk_faults
from kills.matrix import Kill, Run, Scenario

ERRORS = {
    "LIGHTSTREAM_CHECKPOINT_UNUSABLE",
    "LIGHTSTREAM_DATABASE_UNUSABLE",
    "LIGHTSTREAM_DISK_ERROR",
    "STREAMING_CHECKPOINT_LOG_WRITE_FAILURE.OFFSET_LOG",
    "STREAMING_CHECKPOINT_LOG_WRITE_FAILURE.COMMIT_LOG",
}

needs_compiler = pytest.mark.skipif(
    disk_faults.library() is None, reason="no C compiler (or no Linux) to make a disk fail with"
)


def conditions(directory: Path, kill: Kill, plan: str, sink: str) -> set[str]:
    """Run a query into a fault and once more without it; return the conditions of its errors."""
    outcome = Run(Scenario(0, plan, sink, (kill,), archive=True, retain=2), str(directory)).run()
    assert outcome.differences == []
    return {condition for _, condition in outcome.faults}


# The numbers are of changes to the disk: of the start (some 25), of the first batch, of a later one.
@needs_compiler
@pytest.mark.parametrize(
    ("how", "number", "plan", "sink"),
    [
        ("full", 3, "append", "function"),
        ("full", 22, "complete", "file"),
        ("full", 40, "update", "table"),
        ("full", 75, "append", "table"),
        ("fail", 33, "complete", "table"),
        ("fail", 48, "complete", "table"),
        ("fail", 70, "keyed", "file"),
        ("read-only", 1, "append", "file"),
        ("read-only", 50, "complete", "table"),
    ],
)
def test_a_disk_that_fails_at_one_step(tmp_path: Path, how: str, number: int, plan: str, sink: str) -> None:
    assert conditions(tmp_path, Kill(how, str(number)), plan, sink) <= ERRORS


@needs_compiler
def test_the_disk_that_fails_notes_what_is_written(tmp_path: Path) -> None:
    # Else the tests above would test nothing.
    variables = disk_faults.environment([str(tmp_path / "a")], "full", 2, log=str(tmp_path / "log"))
    program = f"import pathlib; [pathlib.Path({str(tmp_path)!r}, name).write_text('x') for name in 'ba']"
    command = [sys.executable, "-c", program]
    done = subprocess.run(
        command, env={**os.environ, **variables}, capture_output=True, text=True, check=False
    )
    assert "No space left on device" in done.stderr
    notes = (tmp_path / "log").read_text().splitlines()
    assert [note.split()[1:] for note in notes[:2]] == [
        ["create", f"{tmp_path}/a"],
        ["write", f"{tmp_path}/a"],
    ]
    assert (tmp_path / "b").read_text() == "x"


# RLIMIT_FSIZE needs no privilege and no compiler: a file that grows beyond it fails with EFBIG.
@pytest.mark.parametrize(
    ("size", "plan", "sink"),
    [(40, "complete", "table"), (1000, "append", "function"), (12000, "update", "file")],
)
def test_files_that_may_not_grow(tmp_path: Path, size: int, plan: str, sink: str) -> None:
    found = conditions(tmp_path, Kill("limit", str(size)), plan, sink)
    assert found and found <= ERRORS


@pytest.fixture(scope="module")
def namespace() -> list[str]:
    """A command that runs another one where it may mount."""
    if shutil.which("unshare") is None:
        pytest.skip("there is no unshare to make a small or read-only file system with")
    for command in (["unshare", "-rm"], ["unshare", "-m"]):
        trial = [*command, "sh", "-c", "mount -t tmpfs -o size=1m none /mnt"]
        if subprocess.run(trial, capture_output=True, check=False).returncode == 0:
            return command
    pytest.skip("this machine lets nobody mount: no small or read-only file system")


def test_a_small_file_system(tmp_path: Path, namespace: list[str]) -> None:
    rooms = ["0", "20480", "53248", "81920"]
    command = [*namespace, sys.executable, "-m", "kills.small_disk", str(tmp_path), *rooms]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    outcomes = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(outcomes) == len(rooms), done.stderr
    assert [differences for _, differences in outcomes if differences] == []
    found = [condition for faults, _ in outcomes for _, condition in faults]
    assert set(found) <= {*ERRORS, "no error"} and found[0] == "LIGHTSTREAM_DATABASE_UNUSABLE"


@pytest.mark.parametrize("what", ["checkpoint", "state", "offsets", "output"])
def test_a_directory_that_cannot_be_written(tmp_path: Path, namespace: list[str], what: str) -> None:
    run = Run(Scenario(0, "complete", "file", ()), str(tmp_path))
    run._feed(3)
    assert run._ended(run._start({})) == 0
    run._feed(6)
    directory = {
        "checkpoint": tmp_path / "checkpoint",
        "state": tmp_path / "checkpoint" / "state",
        "offsets": tmp_path / "checkpoint" / "offsets",
        "output": tmp_path / "out",
    }[what]
    mount = f"mount --bind {directory} {directory} && mount -o remount,bind,ro {directory} && exec "
    program = " ".join(f"'{part}'" for part in run.command)
    done = subprocess.run(
        [*namespace, "sh", "-c", mount + program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1 and "Read-only file system" in done.stderr
    assert any(f"[{condition}]" in done.stderr for condition in ERRORS)
    run._left_alone()
    run._note_query_id()
    run._compare()
    assert run.outcome.differences == []

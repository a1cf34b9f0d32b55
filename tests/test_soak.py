"""The long run, in short: its program runs, and it sees what grows."""

from __future__ import annotations

import importlib
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

SCRIPTS = Path(__file__).resolve().parent.parent / "scripts"
sys.path.append(str(SCRIPTS))
contract = importlib.import_module("benchmarks.contract")
soak = importlib.import_module("benchmarks.soak")


@pytest.mark.parametrize("mode", soak.MODES)
def test_it_runs(mode: str) -> None:
    command = [sys.executable, "-m", "benchmarks.soak", mode, "--batches", "12", "--every", "5"]
    done = subprocess.run(command, cwd=SCRIPTS, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    rows = [line.split("|") for line in done.stdout.splitlines() if "|" in line]
    assert [row[0].strip() for row in rows] == ["batches", "5", "10", "12"]
    assert {len(row) for row in rows} == {1 + len(soak.COLUMNS)}


def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **grown: float) -> list[str]:
    """Let 300 batches pass in which everything stays at 1,000 but for what is given, from batch 200 on."""
    work = contract.Work(str(tmp_path), str(tmp_path), True, time.monotonic())
    watch = soak.Watch(work, "complete", 300, 100)
    monkeypatch.setattr(watch, "feed", lambda until: None)
    flat = {column.key: min(1000.0, column.limit or 1000.0) for column in soak.COLUMNS}

    def look(batches: int) -> dict[str, Any]:
        return flat if batches < 200 else {**flat, **grown}

    monkeypatch.setattr(watch, "_look", look)
    for batch in range(1, 301):
        watch.after(batch)
    assert watch.done.is_set()
    return list(watch.failed)


def test_what_stays_small_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert watched(tmp_path, monkeypatch, threads=3000.0, database=3.0 * soak.FLOOR_BYTES) == []


@pytest.mark.parametrize("key", ["threads", "handles", "memory", "logs", "log_bytes", "source_bytes"])
def test_what_grows_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    failed = watched(tmp_path, monkeypatch, **{key: 3001.0})
    assert len(failed) == 2
    assert failed[0].startswith("complete, batch 200: ")

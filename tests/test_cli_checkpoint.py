"""`lightstream checkpoint`: what it shows, what it finds wrong, and going back."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lightstream.checkpoint.directory import CheckpointDirectory
from lightstream.commands.app import call
from lightstream.sql import SparkSession
from lightstream.sql import functions as F


@pytest.fixture(scope="module")
def spark() -> Any:
    return SparkSession.builder.getOrCreate()


def start(spark: Any, at: Path, kind: str = "filter", table: str = "out") -> Any:
    """Start a query over the files of `at/in`, one a batch, with its checkpoint in `at/checkpoint`."""
    rows = spark.readStream.schema("k STRING, n LONG").option("maxFilesPerTrigger", 1).json(str(at / "in"))
    frame = rows.where("n > 0") if kind == "filter" else rows.groupBy("k").agg(F.sum("n").alias("n"))
    writer = frame.writeStream.option("checkpointLocation", str(at / "checkpoint"))
    writer = writer.outputMode("append" if kind == "filter" else "complete").trigger(availableNow=True)
    if table == "foreachBatch":
        return writer.foreachBatch(lambda frame, batch_id: None).start()
    return writer.toTable(f"{table}_{at.parent.name}_{at.name}".replace("-", "_"))


def run(spark: Any, at: Path, kind: str = "filter", table: str = "out") -> None:
    (at / "in").mkdir(exist_ok=True)
    for number in range(3):
        path = at / "in" / f"{number}.json"
        if not path.exists():
            path.write_text(json.dumps({"k": "ab"[number % 2], "n": number + 1}) + "\n")
            os.utime(path, (1_700_000_000 + number,) * 2)
    start(spark, at, kind, table).awaitTermination()


def lightstream(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Run a command; return its exit code, output and errors."""
    code = call(["checkpoint", *words])
    out, err = capsys.readouterr()
    return code, out, err


def test_show(spark: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(spark, tmp_path)
    checkpoint = str(tmp_path / "checkpoint")
    code, out, err = lightstream(capsys, "show", checkpoint, "-n", "1")
    assert (code, err) == (0, "")
    assert "in use by   no process" in out
    assert "source 0    3 files seen, up to log offset 2" in out
    assert out.endswith('source 0: {"logOffset":2}\n')
    assert out.count("logOffset") == 1

    code, out, _ = lightstream(capsys, "show", checkpoint, "--json")
    found = json.loads(out)
    assert [(batch["batch_id"], batch["done"]) for batch in found["batches"]] == [
        (0, True),
        (1, True),
        (2, True),
    ]
    assert found["query_id"] == json.loads((tmp_path / "checkpoint" / "metadata").read_text())["id"]
    assert (found["state"], found["holder"], found["faults"]) == (None, None, [])


def test_show_state(spark: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(spark, tmp_path, "count")
    code, out, _ = lightstream(capsys, "show", str(tmp_path / "checkpoint"))
    assert code == 0
    assert "bytes on disk, of batch 2" in out
    assert "operator 0  stateStoreSave" in out
    assert "2 rows" in out


def test_show_while_a_query_runs(spark: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "checkpoint" / "offsets").mkdir(parents=True)
    hidden = tmp_path / "checkpoint" / "offsets" / ".1.lightstream.tmp"
    with CheckpointDirectory(str(tmp_path / "checkpoint")):
        hidden.write_text("being written")
        code, out, _ = lightstream(capsys, "show", str(tmp_path / "checkpoint"))
        assert hidden.exists()
    assert (code, f"in use by   process {os.getpid()} on" in out) == (0, True)


def test_a_whole_checkpoint(spark: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(spark, tmp_path, "count")
    code, out, err = lightstream(capsys, "verify", str(tmp_path / "checkpoint"))
    assert (code, err) == (0, "")
    assert "is whole: 3 batches in its logs, 3 files seen" in out


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:20])


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "an offset cut": (lambda at: _cut(at / "offsets" / "1"), "offsets/1 cannot be used"),
    "an offset missing": (
        lambda at: (at / "offsets" / "1").unlink(),
        "offsets/1 is missing, while 2 is there",
    ),
    "all offsets missing": (
        lambda at: [path.unlink() for path in (at / "offsets").iterdir()],
        "offsets/2 cannot be used: it is missing",
    ),
    "a commit cut": (lambda at: _cut(at / "commits" / "2"), "commits/2 cannot be used"),
    "a commit too many": (
        lambda at: (at / "commits" / "7").write_text('v1\n{"nextBatchWatermarkMs":0}'),
        "Another query wrote",
    ),
    "no id": (lambda at: (at / "metadata").unlink(), "metadata is missing"),
    "another id": (lambda at: (at / "metadata").write_text("{}"), "metadata does not hold the query's id"),
    "files of the source gone": (
        lambda at: (at / "sources" / "0" / "2").unlink(),
        "ends with 1, and the newest batch reads up to 2",
    ),
    "a gap in the source": (lambda at: (at / "sources" / "0" / "1").unlink(), "sources/0/1 cannot be used"),
    "no source log": (lambda at: (at / "sources").rename(at / "elsewhere"), "sources/0 is missing"),
    "the state gone": (lambda at: (at / "state" / "state.duckdb").unlink(), "state.duckdb is missing"),
    "the state cut": (lambda at: _cut(at / "state" / "state.duckdb"), "state.duckdb cannot be opened"),
}


@pytest.mark.parametrize(("damage", "said"), DAMAGES.values(), ids=DAMAGES)
def test_damage(
    spark: Any,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    damage: Callable[[Path], object],
    said: str,
) -> None:
    run(spark, tmp_path, "count")
    damage(tmp_path / "checkpoint")
    code, _, err = lightstream(capsys, "verify", str(tmp_path / "checkpoint"))
    assert code == 1
    assert said in err
    assert all(line.startswith("damaged: ") for line in err.splitlines())


def test_state_of_another_batch(spark: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(spark, tmp_path, "count")
    for log in ("commits", "offsets"):
        (tmp_path / "checkpoint" / log / "2").unlink()
    code, _, err = lightstream(capsys, "verify", str(tmp_path / "checkpoint"))
    assert (code, "is of batch 2, while the logs end with batch 1" in err) == (1, True)


def test_no_checkpoint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["show"], ["verify"], ["rewind", "--to", "0"]):
        code, _, err = lightstream(capsys, words[0], str(tmp_path / "none"), *words[1:])
        assert (code, "LIGHTSTREAM_CHECKPOINT_NOT_FOUND" in err) == (1, True)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("died", ["not at all", "between the logs"])
def test_rewind(spark: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], died: str) -> None:
    seen: list[tuple[int, int]] = []

    def note(frame: Any, batch_id: int) -> None:
        seen.extend((batch_id, row["n"]) for row in frame.collect())

    def once() -> None:
        rows = spark.readStream.schema("k STRING, n LONG").json(str(tmp_path / "in"))
        writer = rows.writeStream.foreachBatch(note).option(
            "checkpointLocation", str(tmp_path / "checkpoint")
        )
        writer.trigger(availableNow=True).start().awaitTermination()

    run(spark, tmp_path, table="foreachBatch")
    code, out, _ = lightstream(capsys, "rewind", str(tmp_path / "checkpoint"), "--to", "0")
    assert (code, "goes on with batch 1" in out) == (0, True)
    assert sorted(os.listdir(tmp_path / "checkpoint" / "offsets")) == ["0"]
    assert sorted(os.listdir(tmp_path / "checkpoint" / "commits")) == ["0"]
    if died == "between the logs":
        # As if batch 1 had been planned and the process had died: it is run again, and nothing else.
        offsets = tmp_path / "checkpoint" / "offsets"
        (offsets / "1").write_text((offsets / "0").read_text().replace('"logOffset":0', '"logOffset":1'))
        once()
        assert seen == [(1, 2), (2, 3)]
        return
    once()
    assert seen == [(1, 2), (1, 3)]
    assert lightstream(capsys, "verify", str(tmp_path / "checkpoint"))[0] == 0


def test_a_table_is_not_written_twice_after_a_rewind(
    spark: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(spark, tmp_path)
    assert lightstream(capsys, "rewind", str(tmp_path / "checkpoint"), "--to", "1")[0] == 0
    with pytest.raises(Exception, match="LIGHTSTREAM_SINK_AHEAD_OF_CHECKPOINT"):
        start(spark, tmp_path).awaitTermination()


def test_rewind_is_refused(spark: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(spark, tmp_path, "count")
    checkpoint = str(tmp_path / "checkpoint")
    code, _, err = lightstream(capsys, "rewind", checkpoint, "--to", "1")
    assert (code, "The state of earlier batches is not kept" in err) == (3, True)
    code, _, err = lightstream(capsys, "rewind", checkpoint, "--to", "8")
    assert (code, "it has the batches 0 to 2" in err) == (1, True)
    with CheckpointDirectory(checkpoint):
        code, _, err = lightstream(capsys, "rewind", checkpoint, "--to", "2")
    assert (code, "LIGHTSTREAM_CHECKPOINT_LOCKED" in err) == (1, True)
    assert lightstream(capsys, "verify", checkpoint)[0] == 0

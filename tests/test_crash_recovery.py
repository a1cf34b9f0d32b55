"""A query killed with SIGKILL at every step of a batch, started again: the tables of an uninterrupted run."""

import json
import os
import subprocess
import sys
import textwrap

import duckdb
import pytest

from lightstream.crash import STEPS

PROGRAM = textwrap.dedent(
    """
    import sys
    from lightstream.sql import SparkSession, functions as F

    source, database, checkpoint, kind = sys.argv[1:]
    spark = SparkSession.builder.config("lightstream.database", database).getOrCreate()
    stream = spark.readStream.schema("k string, n int").option("maxFilesPerTrigger", 1).json(source)
    frames = {
        "append": (stream.where("n % 2 = 0").select("k", "n"), "append"),
        "complete": (stream.groupBy("k").agg(F.count("*").alias("c"), F.sum("n").alias("s")), "complete"),
        "update": (stream.groupBy("k").agg(F.count("*").alias("c"), F.sum("n").alias("s")), "update"),
    }
    frame, mode = frames[kind]
    query = (
        frame.writeStream.outputMode(mode).option("checkpointLocation", checkpoint).trigger(availableNow=True)
        .toTable("result")
    )
    query.awaitTermination()
    """
)
FILES = 4


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    directory = tmp_path_factory.mktemp("in")
    for position in range(FILES):
        path = directory / f"f{position}.json"
        rows = [{"k": "abc"[(position + i) % 3], "n": 10 * position + i} for i in range(6)]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        os.utime(path, (1_700_000_000 + position, 1_700_000_000 + position))
    return directory


def run(source, directory, kind, crash_at=""):
    command = [
        sys.executable,
        "-c",
        PROGRAM,
        source,
        directory / "result.duckdb",
        directory / "checkpoint",
        kind,
    ]
    environment = {**os.environ, "LIGHTSTREAM_CRASH_AT": crash_at}
    return subprocess.run(
        list(map(str, command)), env=environment, capture_output=True, text=True, check=False
    )


def table(directory):
    with duckdb.connect(str(directory / "result.duckdb"), read_only=True) as connection:
        return sorted(connection.execute("SELECT * FROM result").fetchall())


@pytest.fixture(scope="module")
def expected(source, tmp_path_factory):
    found = {}
    for kind in ("append", "complete", "update"):
        directory = tmp_path_factory.mktemp(kind)
        assert run(source, directory, kind).returncode == 0
        found[kind] = table(directory)
    assert len(found["append"]) == 3 * FILES and len(found["complete"]) == 3
    return found


def latest(rows):
    """Return the last row of each key: counts only grow."""
    return {key: (count, total) for key, count, total in sorted(rows, key=lambda row: row[1])}


@pytest.mark.parametrize("kind", ["append", "complete", "update"])
@pytest.mark.parametrize("point", STEPS)
def test_a_kill_at_every_step_changes_nothing(source, tmp_path, expected, point, kind):
    crashed = run(source, tmp_path, kind, f"{point}@{1 if kind != 'update' else 2}")
    if point == "after-state" and kind == "append":
        # A query without state has no such step: it runs through.
        assert crashed.returncode == 0, crashed.stderr
    else:
        assert crashed.returncode == -9, crashed.stderr
    again = run(source, tmp_path, kind)
    assert again.returncode == 0, again.stderr
    # Spark: files that were noted in the source log, but not in the offset log yet, go into one batch with the next.
    merged = point == "before-offsets"
    if kind == "update" and merged:
        assert latest(table(tmp_path)) == latest(expected[kind])
    else:
        assert table(tmp_path) == expected[kind]
    commits = sorted(int(name) for name in os.listdir(tmp_path / "checkpoint" / "commits") if name.isdigit())
    assert commits == list(range(FILES - merged))

"""State in two levels: what is stored does not depend on what was folded when."""

from __future__ import annotations

import json
import os
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lightstream.errors import UnsupportedOperationException
from lightstream.operators import key_index, keyed
from lightstream.operators.key_index import IndexedTable, Wanted
from lightstream.sql import SparkSession
from lightstream.sql import functions as F

BATCHES = 12


@pytest.fixture
def spark() -> Iterator[Any]:
    session = SparkSession.builder.create()
    session.conf.set("spark.sql.session.timeZone", "UTC")
    yield session
    session.stop()


@pytest.fixture
def batches(tmp_path: Path) -> list[list[dict[str, Any]]]:
    """Rows of some batches, with keys that come again soon, late or never; one file each."""
    draw = random.Random(7)
    found = []
    (tmp_path / "in").mkdir()
    for batch in range(BATCHES):
        rows = [
            {
                "k": draw.choice([None, f"k{draw.randrange(10 + 5 * batch)}"]),
                "m": 10 * batch + draw.randrange(-25, 10),
            }
            for _ in range(20)
        ]
        found.append(rows)
        path = tmp_path / "in" / f"{batch:02}.json"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        os.utime(path, (1_700_000_000 + batch, 1_700_000_000 + batch))
    return found


def run(
    spark: Any, directory: Path, make: Any, mode: str, stops: tuple[int, ...]
) -> tuple[dict[int, Any], list[Any]]:
    """Run a file a batch, stopped and started again after some batches; return rows by batch and the progress."""
    given: dict[int, Any] = {}
    progress: list[Any] = []
    files = sorted((directory / "in").iterdir())
    (directory / "arriving").mkdir(exist_ok=True)
    for begin, end in zip((0, *stops), (*stops, BATCHES), strict=True):
        for path in files[begin:end]:
            os.link(path, directory / "arriving" / path.name)
        frame = spark.readStream.schema("k string, m int").option("maxFilesPerTrigger", 1)
        frame = make(frame.json(str(directory / "arriving")))
        writer = frame.writeStream.outputMode(mode).option(
            "checkpointLocation", str(directory / "checkpoint")
        )
        query = writer.foreachBatch(lambda rows, i: given.__setitem__(i, rows.collect())).trigger(
            availableNow=True
        )
        query = query.start()
        query.awaitTermination(60)
        progress += query.recentProgress
    return given, progress


@pytest.fixture(params=["a scan", "a copy", "an index", "an index with collisions"])
def looked_up(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """How the large level is looked up."""
    if request.param == "a scan":
        return
    monkeypatch.setattr(key_index, "_MIN_ROWS", 1)
    monkeypatch.setattr(key_index, "_FRACTION", 1)
    if request.param != "a copy":
        monkeypatch.setattr(keyed, "copy_of", lambda *_: None)  # as where a type cannot be copied
    if request.param == "an index with collisions":
        hashes = key_index.hash_of
        monkeypatch.setattr(keyed, "hash_of", lambda keys: f"({hashes(keys)} % 5 * {1 << 60})")


@pytest.mark.parametrize("stops", [(), (3, 4, 9)])
@pytest.mark.parametrize(("fold_rows", "fraction"), [(3, 8), (3, 1), (20_000, 8)])
@pytest.mark.usefixtures("looked_up")
def test_groups_that_batches_touch(
    spark: Any,
    batches: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fold_rows: int,
    fraction: int,
    stops: tuple[int, ...],
) -> None:
    monkeypatch.setattr(keyed, "_MIN_FOLD_ROWS", fold_rows)
    monkeypatch.setattr(keyed, "_FOLD_FRACTION", fraction)  # with 1, the middle level is used
    given, progress = run(spark, tmp_path, lambda df: df.groupBy("k").count(), "update", stops)
    totals: Counter[Any] = Counter()
    for batch, rows in enumerate(batches):
        totals.update(row["k"] for row in rows)
        touched = {row["k"] for row in rows}
        assert {row.k: row["count"] for row in given[batch]} == {k: totals[k] for k in touched}
        state = progress[batch].stateOperators[0]
        assert (state.numRowsTotal, state.numRowsUpdated) == (len(totals), len(touched))


@pytest.mark.parametrize("fold_rows", [3, 20_000])
@pytest.mark.usefixtures("looked_up")
def test_keys_that_were_seen(
    spark: Any, batches: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fold_rows: int
) -> None:
    monkeypatch.setattr(keyed, "_MIN_FOLD_ROWS", fold_rows)
    given, progress = run(spark, tmp_path, lambda df: df.select("k").distinct(), "append", (5,))
    seen: set[Any] = set()
    for batch, rows in enumerate(batches):
        new = {row["k"] for row in rows} - seen
        seen |= new
        assert {row.k for row in given[batch]} == new
        assert len(given[batch]) == len(new)
        assert progress[batch].stateOperators[0].numRowsTotal == len(seen)


@pytest.mark.parametrize("fold_rows", [3, 20_000])
def test_windows_are_closed_once_and_leave_the_state(
    spark: Any, batches: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fold_rows: int
) -> None:
    monkeypatch.setattr(keyed, "_MIN_FOLD_ROWS", fold_rows)

    def make(df: Any) -> Any:
        df = df.withColumn("ts", F.expr("timestamp_seconds(1700000000 + 60 * m)"))
        return df.withWatermark("ts", "5 minutes").groupBy(F.window("ts", "10 minutes"), "k").count()

    given, progress = run(spark, tmp_path, make, "append", (6,))
    closed = [(row.window.start, row.k) for rows in given.values() for row in rows]
    assert len(closed) == len(set(closed)), "a window comes out once"
    dropped_or_counted = sum(row["count"] for rows in given.values() for row in rows)
    last = progress[-1].stateOperators[0]
    assert 0 < dropped_or_counted <= 20 * BATCHES
    removed = sum(entry.stateOperators[0].numRowsRemoved for entry in progress)
    assert removed == len(closed)
    assert last.numRowsTotal < removed
    # The watermark of a batch is the largest time of those before, less the delay: windows before it are closed.
    for entry in progress:
        for row in given[entry.batchId]:
            assert row.window.end.strftime("%Y-%m-%dT%H:%M:%S") <= entry.eventTime["watermark"][:19]


def test_two_watermarks_on_one_branch_are_refused(spark: Any, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    frame = spark.readStream.schema("ts timestamp").json(str(tmp_path / "in"))
    twice = frame.withWatermark("ts", "1 minute").withWatermark("ts", "2 minutes")
    with pytest.raises(UnsupportedOperationException, match="Two watermarks"):
        twice.writeStream.format("noop").start()


def test_a_limit_reads_each_batch_whole(spark: Any, batches: Any, tmp_path: Path) -> None:
    given, progress = run(spark, tmp_path, lambda df: df.limit(30), "append", (4,))
    assert [len(rows) for rows in given.values()] == [20, 10] + [0] * (BATCHES - 2)
    assert [entry.numInputRows for entry in progress] == [20] * BATCHES


def test_an_index_is_not_used_when_rows_may_have_moved(tmp_path: Path) -> None:
    """A table whose rows were deleted, also before a restart: DuckDB moves the others when it writes the table anew."""
    import duckdb

    with duckdb.connect(str(tmp_path / "state.duckdb")) as connection:
        connection.execute("CREATE TABLE t AS SELECT i AS k FROM range(10) t(i)")
        index = IndexedTable.of(connection, "t", "hash(k)", "near")
        assert index is not None
        connection.execute("CREATE TABLE wanted AS SELECT unnest([3, 7, 99]) AS k")
        assert Wanted.of(connection, "wanted", "hash(k)", 128) is None, "more than a 64th of the rows"
        wanted = Wanted.of(connection, "wanted", "hash(k)", 192)
        assert wanted is not None
        near = connection.execute(f"SELECT k FROM {index.near(wanted)} ORDER BY k")
        assert near.fetchall() == [(3,), (7,)]
        index.close()
        connection.execute("DELETE FROM t WHERE k = 5")
        assert IndexedTable.of(connection, "t", "hash(k)", "near") is None
    with duckdb.connect(str(tmp_path / "state.duckdb")) as connection:
        whole = IndexedTable.of(connection, "t", "hash(k)", "near") is not None
        assert not whole or connection.execute("SELECT max(rowid) FROM t").fetchone() == (8,)


def test_the_file_stays_small_while_windows_come_and_go(tmp_path: Path) -> None:
    """`scripts/soak windows` does it with a query, for twenty thousand windows."""
    from lightstream.database.connection import Database
    from lightstream.operators.state import StateDatabase

    connection = Database(None).cursor()
    state = StateDatabase(connection, str(tmp_path), durable=True)
    rows = keyed.KeyedTable(state, "windows", ["w", "k"], ["w", "k", "n"])
    sizes = []
    for batch in range(400):
        with state.transaction(batch):
            items = f"SELECT {batch} - i % 10 AS w, 'key' || i AS k, {batch} AS n FROM range(100) r(i)"
            connection.execute(f"CREATE OR REPLACE TEMP TABLE changed AS {items}")
            rows.put("SELECT * FROM changed", "changed")
            rows.remove(f"w < {batch - 20}")
            rows.fold()
        sizes.append(sum(path.stat().st_size for path in tmp_path.iterdir()))
    assert (
        rows.rows == connection.execute(f"SELECT count(*) FROM {state.table('windows_recent')}").fetchone()[0]
    )
    assert max(sizes[200:]) <= 3 * max(sizes[:100])
    state.close()

"""The DuckDB table sink: modes, keys, schemas, other files, and exactly once."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import duckdb
import pytest
from engine_fakes import SCHEMA, Gate, Rig, Rows, grouped, new_session

from lightstream.errors import (
    AnalysisException,
    PySparkException,
    SparkRuntimeException,
    StreamingQueryException,
)
from lightstream.plan import types as t
from lightstream.sinks.attached import AttachedFile, attached_file
from lightstream.sinks.contract import Batch
from lightstream.sinks.duckdb_table import DuckDBTableSink
from lightstream.stream import triggers
from lightstream.stream.triggers import Trigger

NOW = Trigger(triggers.AVAILABLE_NOW)
ROWS = [("a", 1), ("b", 2), ("a", 3)]


@pytest.fixture
def rig(tmp_path: Path) -> Any:
    rig = Rig(new_session(str(tmp_path / "out.db")))
    yield rig
    rig.close()


def run(rig: Rig, source: Any, table: str = "t", **kwargs: Any) -> Any:
    started = rig.start(source, "", table=(table,), trigger=NOW, **kwargs)
    started.await_termination(10)
    return started


# ---- modes ----------------------------------------------------------------------------------------------------


def test_append_adds_rows(rig: Rig, tmp_path: Path) -> None:
    query = run(rig, Rows(*ROWS, limit=1), checkpoint=tmp_path / "c")
    assert sorted(rig.sql("from t")) == sorted(ROWS)
    assert [report["sink"] for report in query.recent_progress()] == [
        {"description": "DuckDBTable[t]", "numOutputRows": 1}
    ] * 3


def test_complete_replaces_rows(rig: Rig, tmp_path: Path) -> None:
    run(rig, grouped(Rows(*ROWS, limit=1)), mode="complete", checkpoint=tmp_path / "c")
    assert sorted(rig.sql("from t")) == [("a", 2, 4), ("b", 1, 2)]


def test_update_adds_what_changed(rig: Rig, tmp_path: Path) -> None:
    run(rig, grouped(Rows(*ROWS, limit=1)), mode="update", checkpoint=tmp_path / "c")
    assert sorted(rig.sql("from t")) == [("a", 1, 1), ("a", 2, 4), ("b", 1, 2)]


def test_keys_keep_one_row_each_null_too(rig: Rig, tmp_path: Path) -> None:
    rows = [*ROWS, (None, 5), (None, 6)]
    run(rig, grouped(Rows(*rows, limit=1)), mode="update", checkpoint=tmp_path / "c", options={"keys": "K"})
    assert sorted(rig.sql("from t"), key=str) == [("a", 2, 4), ("b", 1, 2), (None, 2, 11)]


def test_keys_go_with_a_primary_key(rig: Rig, tmp_path: Path) -> None:
    rig.sql("create table t (k varchar primary key, n bigint, s bigint)")
    run(rig, grouped(Rows(*ROWS, limit=1)), mode="update", checkpoint=tmp_path / "c", options={"keys": "k"})
    assert sorted(rig.sql("from t")) == [("a", 2, 4), ("b", 1, 2)]


def test_keys_that_do_not_tell_rows_apart_are_an_error(rig: Rig, tmp_path: Path) -> None:
    with pytest.raises(StreamingQueryException, match="LIGHTSTREAM_DUPLICATE_KEY"):
        run(rig, Rows(*ROWS), mode="update", checkpoint=tmp_path / "c", options={"keys": "k"})
    assert rig.sql("from t") == []


def test_keys_must_be_columns() -> None:
    with pytest.raises(AnalysisException, match="UNRESOLVED_COLUMN"):
        DuckDBTableSink(("t",), SCHEMA, keys=("zz",))


# ---- tables ---------------------------------------------------------------------------------------------------


def test_types_are_those_of_the_query(rig: Rig) -> None:
    kinds = {
        "b": (t.BooleanType(), "BOOLEAN"),
        "i": (t.IntegerType(), "INTEGER"),
        "d": (t.DecimalType(12, 3), "DECIMAL(12,3)"),
        "ts": (t.TimestampType(), "TIMESTAMP WITH TIME ZONE"),
        "l": (t.ArrayType(t.DoubleType()), "DOUBLE[]"),
        "s": (t.StructType([t.StructField("x y", t.DateType())]), 'STRUCT("x y" DATE)'),
        "m": (t.MapType(t.StringType(), t.LongType()), "MAP(VARCHAR, BIGINT)"),
    }
    schema = t.StructType([t.StructField(name, kind) for name, (kind, _) in kinds.items()])
    for _ in range(2):  # made, then compared with itself
        DuckDBTableSink(("typed",), schema).open("id", rig.session.database.cursor())
    found = rig.sql("SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = 'typed'")
    assert dict(found) == {name: text for name, (_, text) in kinds.items()}


def test_a_table_that_is_there_is_written_by_name(rig: Rig, tmp_path: Path) -> None:
    rig.sql("create table t (V bigint, K varchar)")
    run(rig, Rows(("a", 1)), checkpoint=tmp_path / "c")
    assert rig.sql("from t") == [(1, "a")]


@pytest.mark.parametrize(
    ("columns", "subcondition"),
    [
        ("k varchar", "EXTRA_COLUMNS"),
        ("k varchar, v bigint, w int", "CANNOT_FIND_DATA"),
        ("k varchar, v integer", "CANNOT_SAFELY_CAST"),
    ],
)
def test_a_table_of_other_columns_is_refused_before_anything_runs(
    rig: Rig, tmp_path: Path, columns: str, subcondition: str
) -> None:
    rig.sql(f"create table t ({columns})")
    with pytest.raises(AnalysisException) as caught:
        rig.start(Rows(("a", 1)), "", table=("t",), checkpoint=tmp_path / "c")
    assert caught.value.getCondition() == f"INCOMPATIBLE_DATA_FOR_TABLE.{subcondition}"
    assert not (tmp_path / "c" / "offsets").exists()
    rig.start(Rows(("a", 1)), "", table=("other",), checkpoint=tmp_path / "c").stop()  # the lock is free


def test_a_view_is_refused(rig: Rig, tmp_path: Path) -> None:
    rig.sql("create view t as select 'a' as k, 1::bigint as v")
    with pytest.raises(AnalysisException, match="EXPECT_TABLE_NOT_VIEW"):
        rig.start(Rows(), "", table=("t",), checkpoint=tmp_path / "c")


def test_a_schema_must_be_there(rig: Rig, tmp_path: Path) -> None:
    with pytest.raises(AnalysisException, match="SCHEMA_NOT_FOUND"):
        rig.start(Rows(), "", table=("nosuch", "t"), checkpoint=tmp_path / "c")
    rig.sql("create schema shop")
    rig.start(
        Rows(("a", 1)), "", table=("shop", "t"), checkpoint=tmp_path / "c", trigger=NOW
    ).await_termination(10)
    assert rig.sql("from shop.t") == [("a", 1)]


def test_a_checkpoint_is_needed(rig: Rig) -> None:
    with pytest.raises(AnalysisException) as caught:
        rig.start(Rows(), "", table=("t",))
    assert caught.value.getCondition() == "_LEGACY_ERROR_TEMP_1298"


# ---- exactly once ---------------------------------------------------------------------------------------------


def batch(rig: Rig, batch_id: int, cursor: Any, rerun: bool = False) -> Batch:
    return Batch(batch_id, f"SELECT 'x' AS k, {batch_id}::BIGINT AS v", SCHEMA, "append", cursor, rerun)


def test_a_batch_that_the_table_has_is_skipped_when_it_is_run_again(rig: Rig) -> None:
    for _ in range(2):
        cursor = rig.session.database.cursor()
        sink = DuckDBTableSink(("t",), SCHEMA)
        sink.open("query", cursor)
        assert sink.write(batch(rig, 0, cursor, rerun=True)) in (0, 1)
    assert rig.sql("from t") == [("x", 0)]
    assert rig.sql("from lightstream.batches") == [("query", "main.t", 0)]


def test_queries_and_tables_have_books_of_their_own(rig: Rig) -> None:
    cursor = rig.session.database.cursor()
    for query_id, table in (("one", "t"), ("two", "t"), ("one", "u")):
        sink = DuckDBTableSink((table,), SCHEMA)
        sink.open(query_id, cursor)
        assert sink.write(batch(rig, 0, cursor)) == 1
    assert rig.sql("select count(*) from t") == [(2,)]
    assert sorted(rig.sql("from lightstream.batches")) == [
        ("one", "main.t", 0), ("one", "main.u", 0), ("two", "main.t", 0),
    ]  # fmt: skip


def test_a_batch_of_the_past_is_an_error(rig: Rig) -> None:
    cursor = rig.session.database.cursor()
    sink = DuckDBTableSink(("t",), SCHEMA)
    sink.open("query", cursor)
    sink.write(batch(rig, 0, cursor))
    sink.write(batch(rig, 1, cursor))
    for again in (batch(rig, 1, cursor), batch(rig, 0, cursor, rerun=True)):
        with pytest.raises(SparkRuntimeException, match="LIGHTSTREAM_SINK_AHEAD_OF_CHECKPOINT"):
            sink.write(again)


def test_a_write_that_fails_leaves_neither_rows_nor_id(rig: Rig) -> None:
    cursor = rig.session.database.cursor()
    sink = DuckDBTableSink(("t",), SCHEMA)
    sink.open("query", cursor)
    bad = Batch(0, "SELECT 'x' AS k, error('no') AS v FROM range(3)", SCHEMA, "append", cursor)
    with pytest.raises(duckdb.Error):
        sink.write(bad)
    assert rig.sql("from t") == []
    assert rig.sql("select batch_id from lightstream.batches") == [(-1,)]
    assert sink.write(batch(rig, 0, cursor)) == 1


def test_books_that_vanish_are_an_error(rig: Rig) -> None:
    cursor = rig.session.database.cursor()
    sink = DuckDBTableSink(("t",), SCHEMA)
    sink.open("query", cursor)
    rig.sql("delete from lightstream.batches")
    with pytest.raises(SparkRuntimeException, match="LIGHTSTREAM_SINK_BOOKS_LOST"):
        sink.write(batch(rig, 0, cursor))
    assert rig.sql("from t") == []


def test_two_queries_can_write_to_one_table(rig: Rig, tmp_path: Path) -> None:
    sources = [Rows(*[(name, i) for i in range(20)], limit=1) for name in ("one", "two")]
    queries = [
        rig.start(source, "", table=("t",), checkpoint=tmp_path / str(i), trigger=NOW)
        for i, source in enumerate(sources)
    ]
    for query in queries:
        query.await_termination(30)
    assert rig.sql("select k, count(*), sum(v) from t group by k order by k") == [
        ("one", 20, 190),
        ("two", 20, 190),
    ]


# ---- files of others ------------------------------------------------------------------------------------------


def file_args(tmp_path: Path, **more: str) -> dict[str, Any]:
    return {
        "format": "duckdb",
        "checkpoint": tmp_path / "c",
        "options": {"path": str(tmp_path / "target.db"), "dbtable": "t", **more},
    }


def read(path: Path, sql: str = "from t") -> list[Any]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_a_file_is_free_for_others_when_the_query_is_idle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig, source, idle = Rig(), Rows(*ROWS, limit=1), threading.Event()
    give_back = AttachedFile.give_back

    def noted(self: AttachedFile, cursor: Any) -> None:
        give_back(self, cursor)
        idle.set()

    query = rig.start(source, **file_args(tmp_path))
    query.process_all_available()
    monkeypatch.setattr(AttachedFile, "give_back", noted)
    source.add(("d", 4))
    query.process_all_available()
    assert idle.wait(10)
    assert query.is_active
    assert in_other_process(tmp_path / "target.db") == "4"
    source.add(("e", 5))
    query.process_all_available()
    query.stop()
    assert len(read(tmp_path / "target.db")) == 5
    assert read(tmp_path / "target.db", "select batch_id from lightstream.batches") == [(4,)]
    rig.close()


def in_other_process(path: Path) -> str:
    import subprocess
    import sys

    program = f"import duckdb; print(len(duckdb.connect({str(path)!r}, read_only=True).execute('from t').fetchall()))"
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_the_sessions_own_file_is_not_attached(rig: Rig, tmp_path: Path) -> None:
    assert attached_file(rig.session.database, str(tmp_path / "out.db")) is None
    options = {"path": str(tmp_path / "out.db"), "dbtable": "t"}
    rig.start(
        Rows(("a", 1)), "duckdb", checkpoint=tmp_path / "c", options=options, trigger=NOW
    ).await_termination(10)
    assert rig.sql("from t") == [("a", 1)]


def test_queries_share_a_file(tmp_path: Path) -> None:
    rig = Rig()
    queries = []
    for i in range(2):
        args = file_args(tmp_path)
        args["checkpoint"] = tmp_path / f"c{i}"
        queries.append(rig.start(Rows(*[("k", j) for j in range(15)], limit=1), trigger=NOW, **args))
    for query in queries:
        query.await_termination(30)
    assert read(tmp_path / "target.db", "select count(*), sum(v) from t") == [(30, 210)]
    rig.close()


def test_a_file_that_another_holds_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    holder = Holder(tmp_path / "target.db")
    tried = threading.Event()
    attach = AttachedFile._attach

    def noted(self: AttachedFile, cursor: Any, timeout_s: float) -> None:
        tried.set()
        attach(self, cursor, timeout_s)

    monkeypatch.setattr(AttachedFile, "_attach", noted)
    rig = Rig()
    started: list[Any] = []
    starting = threading.Thread(
        target=lambda: started.append(rig.start(Rows(("a", 1)), **file_args(tmp_path)))
    )
    starting.start()
    assert tried.wait(10)
    holder.close()
    starting.join(20)
    started[0].process_all_available()
    rig.close()
    assert read(tmp_path / "target.db") == [("a", 1)]


def test_a_file_that_stays_held_is_an_error(tmp_path: Path) -> None:
    holder = Holder(tmp_path / "target.db")
    rig = Rig()
    with pytest.raises(PySparkException) as caught:
        rig.start(Rows(("a", 1)), **file_args(tmp_path, locktimeout="0.05"))
    assert caught.value.getCondition() == "LIGHTSTREAM_DATABASE_LOCKED"
    holder.close()
    rig.close()


def test_a_file_that_is_no_database_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "target.db").write_text("no database, by any reading of it" * 1000)
    rig = Rig()
    with pytest.raises(PySparkException) as caught:
        rig.start(Rows(("a", 1)), **file_args(tmp_path))
    assert caught.value.getCondition() == "LIGHTSTREAM_DATABASE_UNUSABLE"
    rig.close()


def test_a_file_is_given_back_now_and_then_under_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(AttachedFile, "longest_s", 0.0)
    detached = []
    detach = AttachedFile._detach

    def noted(self: AttachedFile, cursor: Any) -> None:
        detached.append(self._attached_at is not None)
        detach(self, cursor)

    monkeypatch.setattr(AttachedFile, "_detach", noted)
    rig = Rig()
    rig.start(Rows(*ROWS, limit=1), trigger=NOW, **file_args(tmp_path)).await_termination(10)
    assert detached.count(True) >= 3
    rig.close()
    assert len(read(tmp_path / "target.db")) == 3


class Holder:
    """Another process that has a DuckDB file open for writing."""

    def __init__(self, path: Path) -> None:
        import subprocess
        import sys

        program = f"import duckdb, sys; c = duckdb.connect({str(path)!r}); print('open', flush=True); sys.stdin.read()"
        self._process = subprocess.Popen(
            [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "open\n"

    def close(self) -> None:
        self._process.communicate()


def test_stop_during_a_write_finishes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate()
    write = DuckDBTableSink._write

    def held(self: DuckDBTableSink, found: Batch) -> int:
        gate()
        return write(self, found)

    monkeypatch.setattr(DuckDBTableSink, "_write", held)
    rig = Rig(new_session(str(tmp_path / "out.db")))
    query = rig.start(Rows(("a", 1)), "", table=("t",), checkpoint=tmp_path / "c")
    assert gate.reached.wait(10)
    query.request_stop()
    gate.open.set()
    assert query.wait_ended(10)
    assert query.failure is None
    assert rig.sql("from t") == [("a", 1)]
    assert (tmp_path / "c" / "commits" / "0").exists()
    rig.close()

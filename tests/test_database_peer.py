"""Questions to a database that another process, or this one, has open for writing."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from lightstream.database import peer
from lightstream.database.connection import Database
from lightstream.errors import PySparkException


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Sockets go below a directory of this test; a short one, for their paths may have 100 bytes."""
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        sockets = Path(directory) / "lightstream"
        monkeypatch.setattr(peer, "directories", lambda: [str(sockets)])
        yield sockets


@pytest.fixture
def database(tmp_path: Path, runtime: Path) -> Iterator[Database]:
    database = Database(str(tmp_path / "a.duckdb"))
    cursor = database.cursor()
    cursor.execute("CREATE TABLE t AS SELECT i AS a, 'row ' || i AS b FROM range(3) r(i)")
    wait_until_answering(database)
    yield database
    database.close()


def wait_until_answering(database: Database) -> None:
    """Wait for the server's thread: it has either started to listen or will within moments."""
    server = peer._servers[os.path.realpath(database.path or "")]
    assert server.listening.wait(10)


def rows(messages: Iterator[dict]) -> list[list]:
    return [row for message in messages for row in message.get("rows", [])]


def test_answers_with_columns_types_and_text(database: Database) -> None:
    messages = list(peer.ask(database.path, "SELECT a, b, a * 1.50 AS a FROM t ORDER BY 1"))
    assert messages[0] == {"columns": [["a", "BIGINT"], ["b", "VARCHAR"], ["a", "DECIMAL(22,2)"]]}
    assert rows(messages) == [["0", "row 0", "0.00"], ["1", "row 1", "1.50"], ["2", "row 2", "3.00"]]


def test_json_style_keeps_numbers_and_nesting(database: Database) -> None:
    messages = peer.ask(
        database.path, "SELECT 1, 'x', NULL, {'k': [1, 2]}, 12345678901234567890::HUGEINT", "json"
    )
    assert rows(messages) == [["1", '"x"', None, '{"k":[1,2]}', "12345678901234567890"]]


def test_time_zone_of_the_one_who_asks(database: Database) -> None:
    sql = "SELECT TIMESTAMPTZ '2025-01-01 00:00:00+00'"
    assert rows(peer.ask(database.path, sql, "text", "Asia/Tokyo")) == [["2025-01-01 09:00:00+09"]]
    assert rows(peer.ask(database.path, sql, "text", "UTC")) == [["2025-01-01 00:00:00+00"]]


def test_several_statements(database: Database) -> None:
    messages = list(peer.ask(database.path, "SELECT 1 AS x; -- first;\nSELECT 'é;b' AS y -- second;"))
    assert [m["columns"][0][0] for m in messages if "columns" in m] == ["x", "y"]
    assert rows(messages) == [["1"], ["é;b"]]


@pytest.mark.parametrize(
    "sql",
    [
        "SHOW TABLES",
        "DESCRIBE t",
        "SUMMARIZE t",
        "FROM t",
        "WITH x AS (FROM t) FROM x",
        "VALUES (1)",
        "PIVOT t ON b USING count(*)",
        "EXPLAIN FROM t",
    ],
)
def test_statements_that_read(database: Database, sql: str) -> None:
    assert rows(peer.ask(database.path, sql))


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO t VALUES (9, 'x')",
        "DELETE FROM t RETURNING a",
        "CREATE TABLE u AS FROM t",
        "DROP TABLE t",
        "COPY t TO 'stolen.csv'",
        "ATTACH 'other.db'",
        "SET threads = 1",
        "CALL pragma_version()",
        "CHECKPOINT",
        "SELECT 1; DROP TABLE t",
        "BEGIN",
    ],
)
def test_statements_that_could_write_are_refused(database: Database, sql: str) -> None:
    with pytest.raises(PySparkException) as refused:
        list(peer.ask(database.path, sql))
    assert refused.value.condition == "LIGHTSTREAM_SQL_NOT_READING"
    assert rows(peer.ask(database.path, "SELECT count(*) FROM t")) == [["3"]]


@pytest.mark.parametrize(
    "sql", ["EXPLAIN ANALYZE INSERT INTO t VALUES (9, 'x')", "WITH x AS (DELETE FROM t RETURNING a) FROM x"]
)
def test_a_write_inside_a_read_fails(database: Database, sql: str) -> None:
    with pytest.raises(PySparkException) as refused:
        list(peer.ask(database.path, sql))
    assert refused.value.condition == "LIGHTSTREAM_SQL_FAILED"
    assert "read-only" in refused.value.message
    assert rows(peer.ask(database.path, "SELECT count(*) FROM t")) == [["3"]]


def test_errors_come_back_with_the_text_that_was_asked(database: Database) -> None:
    with pytest.raises(PySparkException, match=r"LINE 1: SELECT nope FROM t") as failed:
        list(peer.ask(database.path, "SELECT nope FROM t"))
    assert failed.value.condition == "LIGHTSTREAM_SQL_FAILED"
    with pytest.raises(PySparkException, match="syntax error"):
        list(peer.ask(database.path, "SELEC 1"))
    with pytest.raises(PySparkException, match="Could not convert string"):
        list(peer.ask(database.path, "SELECT b::INTEGER FROM t"))


def test_a_misspelt_table_finds_no_python_variable(database: Database) -> None:
    with pytest.raises(PySparkException, match="statements does not exist"):
        list(peer.ask(database.path, "FROM statements"))


def test_sees_what_is_committed_and_nothing_else(database: Database) -> None:
    writer = database.cursor()
    writer.execute("BEGIN")
    writer.execute("INSERT INTO t VALUES (9, 'open')")
    assert rows(peer.ask(database.path, "SELECT count(*) FROM t")) == [["3"]]
    writer.execute("COMMIT")
    assert rows(peer.ask(database.path, "SELECT count(*) FROM t")) == [["4"]]


def test_many_rows_and_many_clients(database: Database) -> None:
    counts: list[int] = []

    def client() -> None:
        counts.append(len(rows(peer.ask(database.path, "SELECT i, repeat('é', 50) FROM range(5000) r(i)"))))

    threads = [threading.Thread(target=client) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert counts == [5000] * 10


def test_only_the_same_user_can_reach_the_socket(database: Database, runtime: Path) -> None:
    assert stat.S_IMODE(runtime.stat().st_mode) == 0o700
    [address] = runtime.iterdir()
    assert stat.S_IMODE(address.stat().st_mode) == 0o600


def test_another_users_process_is_not_answered(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer, "_same_user", lambda connection: False)
    with pytest.raises(peer.Unanswered):
        list(peer.ask(database.path, "SELECT 1"))


def test_user_ids_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    with ours, theirs:
        assert peer._same_user(ours)
        user = os.getuid()
        monkeypatch.setattr(os, "getuid", lambda: user + 1)
        assert not peer._same_user(ours)


def test_a_directory_others_can_enter_is_not_used(
    tmp_path: Path, runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime.mkdir()
    runtime.chmod(0o755)
    assert not peer._private(str(runtime), create=True)
    runtime.chmod(0o700)
    assert peer._private(str(runtime), create=True)
    link = tmp_path / "link"
    link.symlink_to(runtime)
    assert not peer._private(str(link), create=True)


def test_closing_takes_the_socket_away(tmp_path: Path, runtime: Path) -> None:
    database = Database(str(tmp_path / "b.duckdb"))
    database.cursor()
    wait_until_answering(database)
    assert len(list(runtime.iterdir())) == 1
    database.close()
    assert list(runtime.iterdir()) == []
    with pytest.raises(peer.Unanswered):
        list(peer.ask(database.path, "SELECT 1"))
    database.cursor()  # opened again, answered again
    wait_until_answering(database)
    assert rows(peer.ask(database.path, "SELECT 1")) == [["1"]]
    database.close()


def test_closing_ends_a_long_statement(database: Database) -> None:
    failures: list[str] = []

    def client() -> None:
        try:
            list(peer.ask(database.path, "SELECT 'begun'; SELECT count(*) FROM range(1000000000000)"))
        except PySparkException as error:
            failures.append(str(error.condition))

    thread = threading.Thread(target=client)
    server = peer._servers[os.path.realpath(database.path or "")]
    thread.start()
    while not server._answering:
        assert thread.is_alive()
    database.close()
    thread.join(30)
    assert failures == ["LIGHTSTREAM_SQL_FAILED"]
    assert all(patience.ended.is_set() for patience in list(server._answering))


def test_a_client_that_leaves_ends_its_statement(database: Database) -> None:
    server = peer._servers[os.path.realpath(database.path or "")]
    messages = peer.ask(database.path, "SELECT 'begun'; SELECT count(*) FROM range(1000000000000)")
    next(messages)
    [patience] = server._answering
    messages.close()
    assert patience.ended.wait(30)


def test_stale_sockets_are_swept(tmp_path: Path, runtime: Path, database: Database) -> None:
    dead = runtime / "dead.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(dead))
    assert dead.exists()
    peer.sweep(str(runtime))
    assert not dead.exists()
    assert rows(peer.ask(database.path, "SELECT 1")) == [["1"]]  # the living one stays


def test_a_socket_left_by_a_killed_process_is_taken_over(tmp_path: Path, runtime: Path) -> None:
    path = str(tmp_path / "c.duckdb")
    runtime.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(runtime / peer.name_of(path)))
    with pytest.raises(peer.Unanswered):
        list(peer.ask(path, "SELECT 1"))
    database = Database(path)
    database.cursor()
    wait_until_answering(database)
    assert rows(peer.ask(path, "SELECT 1")) == [["1"]]
    database.close()


def test_two_sessions_of_one_process(tmp_path: Path, database: Database) -> None:
    second = Database(database.path)
    second.cursor()
    database.close()
    assert rows(peer.ask(second.path or "", "SELECT count(*) FROM t")) == [["3"]]
    second.close()


def test_another_process_asks_through_a_symlink(tmp_path: Path, database: Database, runtime: Path) -> None:
    link = tmp_path / "link.duckdb"
    link.symlink_to(database.path or "")
    code = (
        "import sys; from lightstream.database import peer; peer.directories = lambda: [sys.argv[2]]\n"
        "print(list(peer.ask(sys.argv[1], 'SELECT count(*) AS n FROM t')))\n"
        "print('duckdb' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(link), str(runtime)], capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "[{'columns': [['n', 'BIGINT']]}, {'rows': [['3']]}]\nFalse\n", done.stderr
    with pytest.raises(subprocess.CalledProcessError):  # and DuckDB itself really does not let it in
        subprocess.run(
            [
                sys.executable,
                "-c",
                "import duckdb, sys; duckdb.connect(sys.argv[1], read_only=True)",
                str(link),
            ],
            check=True,
            capture_output=True,
            timeout=60,
        )


def test_databases_in_memory_have_no_socket(runtime: Path) -> None:
    database = Database()
    database.cursor()
    assert not runtime.exists()
    database.close()


def test_directories_are_private_to_the_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("TMPDIR", "/var/tmp")
    found = peer.directories()
    assert found[0] == str(tmp_path / "lightstream")
    assert f"/var/tmp/lightstream-{os.getuid()}" in found
    assert found[-1] == f"/tmp/lightstream-{os.getuid()}"


def test_a_read_only_reader_leaves_no_transaction(tmp_path: Path) -> None:
    from lightstream.database.reading import answer

    connection = duckdb.connect(str(tmp_path / "d.duckdb"))
    list(answer(connection, "SELECT 1"))
    with pytest.raises(PySparkException):
        list(answer(connection, "SELECT nope"))
    connection.execute("BEGIN")  # would fail inside a transaction
    connection.execute("ROLLBACK")
    connection.close()

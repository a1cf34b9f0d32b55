"""The programs in docs/recipes.md, as they are printed there."""

# ruff: noqa: F811
from __future__ import annotations

import glob
import os
import pwd
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sql_api_fixtures import spark  # noqa: F401

PAGE = (Path(__file__).parent.parent / "docs" / "recipes.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def printed(word: str) -> str:
    """Return the block of the page that has a word."""
    (found,) = [block for block in BLOCKS if word in block]
    return str(found)


@pytest.fixture
def recipe() -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(printed("def append"), names)
    exec(printed("def upsert"), names)
    return names


@pytest.fixture(scope="module")
def postgresql_server() -> Iterator[str]:
    """Start a server of this machine's own, reached by a socket."""
    found = shutil.which("initdb") or max(glob.glob("/usr/lib/postgresql/*/bin/initdb"), default=None)
    if found is None:
        pytest.skip("no PostgreSQL server is installed here (Debian: apt-get install postgresql)")
    programs = os.path.dirname(os.path.realpath(found))
    directory = tempfile.mkdtemp(prefix="lightstream-pg-", dir="/tmp")  # the path of a socket is short
    user: dict[str, Any] = {}
    if os.geteuid() == 0:  # which PostgreSQL refuses
        names = {entry.pw_name for entry in pwd.getpwall()}
        user = {"user": next(name for name in ("postgres", "nobody") if name in names), "cwd": "/"}
        os.chown(directory, pwd.getpwnam(user["user"]).pw_uid, -1)
    data = os.path.join(directory, "data")

    def run(program: str, *arguments: str) -> None:
        command = [os.path.join(programs, program), "-D", data, *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=60, **user)

    try:
        run("initdb", "-A", "trust", "-U", "app", "--no-sync")
        options = f"-c listen_addresses='' -c fsync=off -k {directory}"
        run("pg_ctl", "-o", options, "-l", os.path.join(directory, "log"), "-w", "start")
        try:
            yield f"postgresql:///postgres?host={directory}&user=app"
        finally:
            run("pg_ctl", "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(directory)


@pytest.fixture(params=["sqlite", "postgresql"])
def connect(request: Any, tmp_path: Path) -> Callable[[], Any]:
    if request.param == "sqlite":
        import adbc_driver_sqlite.dbapi as sqlite

        return lambda: sqlite.connect(str(tmp_path / "shop.db"))
    import adbc_driver_postgresql.dbapi as postgresql

    server = request.getfixturevalue("postgresql_server")
    with postgresql.connect(server, autocommit=True) as database, database.cursor() as cursor:
        cursor.execute("DROP SCHEMA public CASCADE")
        cursor.execute("CREATE SCHEMA public")
    return lambda: postgresql.connect(server)


def asked(connect: Callable[[], Any], sql: str) -> list[tuple[Any, ...]]:
    with connect() as database, database.cursor() as cursor:
        cursor.execute(sql)
        return [tuple(row) for row in cursor.fetchall()]


def put(directory: Path, number: int, *rows: str) -> None:
    directory.mkdir(exist_ok=True)
    (directory / f"{number}.json").write_text("\n".join(rows))


def run(frame: Any, write: Any, checkpoint: Path, mode: str = "append") -> None:
    writer = frame.writeStream.foreachBatch(write).outputMode(mode).trigger(availableNow=True)
    writer.option("checkpointLocation", str(checkpoint)).start().awaitTermination()


def forget_last_commit(checkpoint: Path) -> None:
    """Leave the checkpoint as a process leaves it that dies before it notes that a batch is done."""
    commits = checkpoint / "commits"
    last = max((p for p in commits.iterdir() if p.name.isdigit()), key=lambda p: int(p.name))
    last.unlink()


def test_each_batch_is_there_once(spark: Any, tmp_path: Path, connect: Any, recipe: dict[str, Any]) -> None:
    put(tmp_path / "in", 0, '{"id": 1, "at": "2024-07-01T12:00:00Z"}', '{"id": 2}')
    orders = spark.readStream.schema("id int, at timestamp").option("maxFilesPerTrigger", 1)
    orders = orders.json(str(tmp_path / "in"))
    checkpoint = tmp_path / "checkpoint"

    class KilledError(BaseException):
        pass

    class Dying:
        """A database that goes away before it has committed."""

        def __init__(self) -> None:
            self._database = connect()

        def __enter__(self) -> Any:
            self._database.__enter__()
            return self

        def __exit__(self, *error: Any) -> Any:
            return self._database.__exit__(*error)

        def cursor(self) -> Any:
            return self._database.cursor()

        def commit(self) -> None:
            raise KilledError

    with pytest.raises(KilledError):
        recipe["append"](Dying, "orders", "all")(spark.sql("select 1 id"), 0)
    write = recipe["append"](connect, "orders", "all")
    run(orders, write, checkpoint)
    forget_last_commit(checkpoint)
    put(tmp_path / "in", 1, '{"id": 3}')
    run(orders, write, checkpoint)
    assert asked(connect, "SELECT id FROM orders ORDER BY id") == [(1,), (2,), (3,)]
    assert asked(connect, "SELECT * FROM lightstream_batches") == [("all", 1)]
    ((at,),) = asked(connect, "SELECT at FROM orders WHERE id = 1")
    assert str(at).replace("T", " ").startswith("2024-07-01 12:00:00")
    with pytest.raises(Exception, match="its checkpoint is new, or was set back to 0"):
        run(orders, write, tmp_path / "another")


def test_rows_by_key(spark: Any, tmp_path: Path, connect: Any, recipe: dict[str, Any]) -> None:
    with connect() as database, database.cursor() as cursor:
        cursor.execute("CREATE TABLE totals (k TEXT PRIMARY KEY, n BIGINT)")
        database.commit()
    put(tmp_path / "in", 0, '{"k": "a", "n": 1}', '{"k": "b", "n": 2}')
    put(tmp_path / "in", 1, '{"k": "a", "n": 10}')
    rows = (
        spark.readStream.schema("k string, n int").option("maxFilesPerTrigger", 1).json(str(tmp_path / "in"))
    )
    totals = rows.groupBy("k").sum("n").toDF("k", "n")
    write = recipe["upsert"](connect, "totals", ["k"], "totals")
    run(totals, write, tmp_path / "checkpoint", "update")
    forget_last_commit(tmp_path / "checkpoint")
    put(tmp_path / "in", 2, '{"k": "b", "n": 20}', '{"k": "c", "n": 5}')
    run(totals, write, tmp_path / "checkpoint", "update")
    assert asked(connect, "SELECT k, n FROM totals ORDER BY k") == [("a", 11), ("b", 22), ("c", 5)]


@pytest.mark.parametrize("word", ["adbc_driver_sqlite", "adbc_driver_postgresql"])
def test_starting_them(
    spark: Any, tmp_path: Path, monkeypatch: Any, recipe: dict[str, Any], word: str, request: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    program = printed(f"import {word}")
    if "postgresql" in word:
        server = request.getfixturevalue("postgresql_server")
        program = program.replace("postgresql://localhost/shop", server)
    put(tmp_path / "in", 0, '{"id": 1}')
    recipe["orders"] = spark.readStream.schema("id int").json(str(tmp_path / "in"))
    exec(program, recipe)
    (query,) = spark.streams.active
    query.processAllAvailable()
    query.stop()
    assert query.exception() is None

"""What streaming cases are made of: a program that runs on both engines and tells what it sees, to be compared."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from known import known

from lightstream.parity.answers import columns_of, failed, rows_of, same

SCHEMA = "k string, n int, x double, ts timestamp"
FILES: list[list[dict[str, Any]]] = [
    [
        {"k": "a", "n": 1, "x": 0.5, "ts": "2025-01-01T00:01:00Z"},
        {"k": "b", "n": 2, "x": -1.25, "ts": "2025-01-01T00:02:00Z"},
        {"k": None, "n": 3, "x": 4.0, "ts": "2025-01-01T00:06:00Z"},
    ],
    [{"k": "a", "n": None, "x": 2.1, "ts": "2025-01-01T00:04:00Z"}, {"k": "c", "n": 7, "x": 8.0, "ts": None}],
    [],
    [
        {"k": "b", "n": 5, "x": 0.3, "ts": "2025-01-01T00:21:00Z"},
        {"k": "b", "n": 5, "x": None, "ts": "2025-01-01T00:22:00Z"},
        {"k": None, "n": 1, "x": 1.0, "ts": "2025-01-01T00:03:00Z"},
    ],
    [
        {"k": "d", "n": 9, "x": 16.7, "ts": "2025-01-01T00:02:30Z"},
        {"k": "a", "n": 4, "x": 0.5, "ts": "2025-01-01T01:00:00Z"},
    ],
]
FIRST_TIME_S = 1_700_000_000
_END_S = 120
_CONDITION = re.compile(r"\[([A-Z][A-Z0-9]*_[A-Z0-9_]*(?:\.[A-Z0-9_]+)?)\]")


class Engine:
    """One of the two engines, as a program has it: a session, its functions and types, and a directory of its own.

    A program says with `tell` what it sees; what the two engines tell must be the same.
    """

    def __init__(self, spark: Any, functions: Any, types: Any, directory: Path, console: Path | None) -> None:
        self.spark, self.F, self.T = spark, functions, types
        self.directory = directory
        self.told: list[Any] = []
        self._console = console
        self._console_read = console.stat().st_size if console else 0
        self._printed = io.StringIO()
        self._settings: dict[str, str | None] = {}
        self._arrived = 0
        (directory / "in").mkdir(parents=True, exist_ok=True)

    # ---- files --------------------------------------------------------------------------------------------------

    def put(self, *positions: int) -> None:
        """Let files of `FILES` arrive, each with a time of its own: that is the order in which they are taken."""
        for position in positions:
            self.write(f"{position}.json", FILES[position], at=position)

    def write(self, name: str, content: Any, at: int | None = None, into: str = "in") -> Path:
        """Let a file arrive: rows, text or bytes, with a modification time `at` seconds after the first."""
        path = self.directory / into / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, list):
            content = "".join(json.dumps(row) + "\n" for row in content)
        hidden = self.directory / "arriving"
        hidden.write_bytes(content if isinstance(content, bytes) else content.encode())
        self._arrived += 1
        at = self._arrived if at is None else at
        os.utime(hidden, (FIRST_TIME_S + at, FIRST_TIME_S + at))
        hidden.rename(path)
        return path

    def path(self, name: str) -> str:
        """Return a path in the engine's directory."""
        return str(self.directory / name)

    # ---- queries ------------------------------------------------------------------------------------------------

    def stream(self, path: str = "in", schema: Any = SCHEMA, **options: Any) -> Any:
        """Return the files as a stream; `schema` None infers it."""
        reader = self.spark.readStream.options(**options)
        return (reader if schema is None else reader.schema(schema)).json(self.path(path))

    def writer(self, frame: Any, mode: str = "append", checkpoint: str = "checkpoint", **trigger: Any) -> Any:
        """Return a writer that tells the id, schema and rows of each batch."""

        def batch(rows: Any, batch_id: int) -> None:
            self.tell("batch", batch_id, columns_of(rows), rows_of(rows))

        writer = frame.writeStream.outputMode(mode).foreachBatch(batch)
        writer = writer.option("checkpointLocation", self.path(checkpoint))
        return writer.trigger(**trigger) if trigger else writer

    def start(self, frame: Any, mode: str = "append", checkpoint: str = "checkpoint", **trigger: Any) -> Any:
        """Start a query that tells its batches."""
        return self.writer(frame, mode, checkpoint, **trigger).start()

    def run(self, frame: Any, mode: str = "append", checkpoint: str = "checkpoint", **trigger: Any) -> Any:
        """Run a query over all that is there, tell its batches and its progress."""
        return self.finish(self.start(frame, mode, checkpoint, **(trigger or {"availableNow": True})))

    def finish(self, query: Any) -> Any:
        """Wait for the end of a query, and tell of its progress."""
        assert query.awaitTermination(_END_S)
        self.tell_progress(query)
        return query

    def fail(self, query: Any) -> None:
        """Wait until a query has failed, and tell how."""
        try:
            query.awaitTermination(_END_S)
        except Exception as error:  # every engine's errors are what is compared
            self.tell("failed", *failed(error).error, error.getSqlState(), cause_of(error))
            self.tell(type(query.exception()).__name__)
            self.tell(query.isActive, bool(query.status["message"].startswith("Terminated with exception: ")))
        else:
            self.tell("no failure", query.isActive, query.exception())
            query.stop()

    # ---- telling ------------------------------------------------------------------------------------------------

    def tell(self, *what: Any) -> None:
        """Say what is seen."""
        self.told.append(list(what))

    def tell_frame(self, frame: Any) -> None:
        """Tell a table: its columns and rows."""
        self.tell(columns_of(frame), rows_of(frame))

    def tell_progress(self, query: Any) -> None:
        """Tell the numbers of each batch that do not depend on time or machine."""
        # Reports of idle triggers depend on the time that passes: only batches are told.
        ran = [entry for entry in query.recentProgress if "addBatch" in entry["durationMs"]]
        self.tell("progress", [[entry["batchId"], entry["numInputRows"]] for entry in ran])
        states = [[[s["numRowsTotal"], s["numRowsUpdated"]] for s in e["stateOperators"]] for e in ran]
        self.tell("state", states, [entry.get("eventTime", {}) for entry in ran])

    def attempt(self, what: str, action: Callable[[], Any]) -> None:
        """Tell how something is refused, or that it is not."""
        try:
            action()
        except Exception as error:  # every engine's errors are what is compared
            self.tell(what, *refusal_of(error))
        else:
            self.tell(what, "no error")

    def until(self, condition: Callable[[], Any]) -> None:
        """Wait for what another thread does and tells nobody."""
        deadline = time.monotonic() + _END_S
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def printed(self) -> str:
        """Return what was printed since the last call, by Python and by Spark's JVM."""
        text = self._printed.getvalue()
        self._printed.seek(0)
        self._printed.truncate()
        if self._console is not None:
            with self._console.open("rb") as file:
                file.seek(self._console_read)
                more = file.read()
            self._console_read += len(more)
            text += more.decode()
        return text

    def set(self, key: str, value: str) -> None:
        """Change a setting for this program."""
        self._settings.setdefault(key, self.spark.conf.get(key, None))
        self.spark.conf.set(key, value)

    def unset(self) -> None:
        """Give the settings back the values that they had before `set`."""
        for key, value in self._settings.items():
            if value is None:
                self.spark.conf.unset(key)
            else:
                self.spark.conf.set(key, value)
        self._settings.clear()

    # ---- life ---------------------------------------------------------------------------------------------------

    def play(self, program: Callable[[Engine], None]) -> list[Any]:
        """Run a program, clean up after it, and return what it told."""
        self.spark.streams.resetTerminated()
        try:
            with contextlib.redirect_stdout(self._printed):
                program(self)
        finally:
            for query in self.spark.streams.active:
                query.stop()
            self.unset()
        return self.told


def cause_of(error: Exception) -> str:
    """Return the condition that ended a query; for one without, the words that a program could match on."""
    text = str(error).partition("terminated with exception:")[2] or str(error)
    found = [condition for condition in _CONDITION.findall(text) if condition != "STREAM_FAILED"]
    return found[0] if found else re.split(r"[\n;]| SQLSTATE", text.strip())[0]


def refusal_of(error: Exception) -> list[Any]:
    """Return class and condition of an error; of Spark's unnamed conditions the text too, which is all they have."""
    found = failed(error)
    assert found.error is not None
    legacy = (found.error[1] or "_LEGACY").startswith("_LEGACY")
    # It ends where the plan begins; advice may follow the first sentence.
    return [*found.error, re.split(r"[;\n]|\. ", found.text)[0].rstrip(".") if legacy else None]


def engines(spark: Any, lightstream: Any, directory: Path) -> tuple[Engine, Engine]:
    """Return both engines, each with a directory of its own."""
    import pyspark.sql.functions as spark_functions
    import pyspark.sql.types as spark_types

    import lightstream.sql.functions as our_functions
    import lightstream.sql.types as our_types

    console = Path(spark.conf.get("parity.console"))
    return (
        Engine(spark, spark_functions, spark_types, directory / "spark", console),
        Engine(lightstream, our_functions, our_types, directory / "lightstream", None),
    )


def compare(spark: Any, lightstream: Any, directory: Path, program: Callable[[Engine], None]) -> None:
    """Run a program on both engines and compare what it tells."""
    in_spark, here = (engine.play(program) for engine in engines(spark, lightstream, directory))
    assert in_spark, "a program that tells nothing compares nothing"
    for position, (expected, found) in enumerate(zip(in_spark, here, strict=False)):
        # Spark spreads rows over tasks and adds up their sums: doubles may differ in the last digits (see `same`).
        assert same(expected, found), f"at {position}:\nspark: {expected}\n here: {found}"
    assert len(in_spark) == len(here), f"spark: {in_spark}\n here: {here}"


class Cases:
    """The cases of a module: a decorator that collects its programs, and their parameters for pytest."""

    def __init__(self, subject: str) -> None:
        self._subject = subject
        self._programs: dict[str, Callable[[Engine], None]] = {}

    def __call__(self, program: Callable[[Engine], None]) -> Callable[[Engine], None]:
        self.add(program.__name__.replace("_", " "), program)
        return program

    def add(self, name: str, program: Callable[[Engine], None]) -> None:
        """Add a program by a name."""
        assert name not in self._programs, f"two cases are called {name}"
        self._programs[name] = program

    def __iter__(self) -> Iterator[Any]:
        for name, program in self._programs.items():
            yield known(f"{self._subject}: {name}", program)


class Events:
    """What a listener hears, in order; `until` waits for an event."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, Any]] = []
        self._changed = threading.Condition()

    def add(self, kind: str, event: Any) -> None:
        """Take an event."""
        with self._changed:
            self.heard.append((kind, event))
            self._changed.notify_all()

    def until(self, kind: str, count: int = 1) -> None:
        """Wait until so many events of a kind were heard."""
        with self._changed:
            assert self._changed.wait_for(lambda: [k for k, _ in self.heard].count(kind) >= count, _END_S)

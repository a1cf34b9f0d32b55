"""Kill queries at every step, at every write and at random times; start them again; compare what they have written.

One scenario is one query with a checkpoint of its own: started, killed, started, killed ... and at last left to end.
After each kill the checkpoint must be one that Spark can read; at the end the tables must hold exactly what Python says
they must, the batches must be without gaps, and each file must be in exactly one of them.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import dataclasses
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kills import disk_faults, expected, program
from kills.logs import Logs, read_logs, read_sink_log
from kills.program import Job
from kills.store import new_bucket, pull, server
from lightstream.crash import POINTS

TIMEOUT_S = 120
WORDS = {
    "write": "before",
    "torn": "in",
    "full": "full disk:",
    "fail": "bad disk:",
    "read-only": "read-only disk:",
}
WORDS |= {"limit": "files of at most", "room": "full disk with room for"}
FAULTS = ("full", "fail", "read-only", "limit", "room")
ON_DISK = (  # the beginnings of points that a query whose checkpoint is in an object store does not come to
    "lock", "database", "table", "state", "operator", "file", "rows", "batch", "clean", "after-state"
)  # fmt: skip
END = (
    "file-detaching",
    "file-detached",
    "state-detaching",
    "state-detached",
    "database-closing",
    "database-closed",
)


@dataclass(frozen=True, slots=True)
class Kill:
    """One kill: at a named point, at the n-th write (or in the middle of it), or after a time."""

    how: str  # point, write, torn, time; or no kill but one of FAULTS
    where: str  # a crash point with #n; the number of a write; seconds after the checkpoint was taken; bytes


@dataclass(frozen=True, slots=True)
class Scenario:
    """One query and its kills. `arriving`: files come while it runs. `retain`: batches whose log entries are kept."""

    number: int
    plan: str
    sink: str
    kills: tuple[Kill, ...]
    arriving: bool = False
    archive: bool = False
    retain: int = 100
    limit: int = 1
    fold: bool = False  # the state's two levels are merged at each batch
    checkpoints: bool = False  # DuckDB moves its write-ahead log into the file at each commit


@dataclass(slots=True)
class Outcome:
    """What became of a scenario: the steps at which it was really killed, and what was not as it should be."""

    scenario: Scenario
    directory: str
    kills: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)
    faults: list[tuple[str, str]] = field(default_factory=list)  # what failed, and the condition of the error
    repaired: int = 0  # kills after which Spark would have needed a start of lightstream in between


class Run:
    """One scenario in one directory."""

    def __init__(self, scenario: Scenario, directory: str) -> None:
        self.scenario = scenario
        self.outcome = Outcome(scenario, directory)
        self.at = Path(directory)
        self._said = ""  # by the last process
        self._waiting = list(expected.NAMES)
        self._query_ids: set[str] = set()
        self.bucket = new_bucket() if scenario.sink in program.STORED else None
        root = self.bucket.root if self.bucket is not None else directory
        self.checkpoint = str(self.at / "checkpoint")  # or what is there of the one in a store
        self.files = str(self.at / "out" / "files")
        for name in ("in", "out", "out/batches"):
            (self.at / name).mkdir()
        conf = {
            "spark.sql.streaming.fileSource.log.compactInterval": "3",
            "spark.sql.streaming.fileSink.log.compactInterval": "3",
            "spark.sql.streaming.fileSink.log.cleanupDelay": "0",
        }
        if scenario.retain < 100:
            conf["spark.sql.streaming.minBatchesToRetain"] = str(scenario.retain)
        self.job = Job(
            source=str(self.at / "in"),
            output=f"{root}/out",
            checkpoint=f"{root}/checkpoint",
            plan=scenario.plan,
            sink=scenario.sink,
            limit=scenario.limit,
            archive=str(self.at / "archive") if scenario.archive else "",
            done=str(self.at / "done") if scenario.arriving else "",
            conf=conf,
            fold=scenario.fold,
            duckdb=("SET GLOBAL checkpoint_threshold = '1B'",) if scenario.checkpoints else (),
        )

    def run(self) -> Outcome:
        """Kill, start again, compare."""
        if not self.scenario.arriving:
            self._feed(len(self._waiting))
        share = -(-len(self._waiting) // (len(self.scenario.kills) + 1))
        for kill in self.scenario.kills:
            self._killed(kill, share)
            if self.outcome.differences:
                return self.outcome
        self._left_alone()
        if not self.outcome.differences:
            self._compare()
        return self.outcome

    # ---- processes ----------------------------------------------------------------------------------------------

    @property
    def command(self) -> list[str]:
        """The command line of the query's program."""
        return [sys.executable, program.__file__, json.dumps(dataclasses.asdict(self.job))]

    def _start(self, environment: dict[str, str]) -> subprocess.Popen[bytes]:
        # A pipe: there may be no room for a file.
        if self.bucket is not None:
            environment = {**environment, **server().environment}
        return subprocess.Popen(
            self.command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )

    def _ended(self, process: subprocess.Popen[bytes]) -> int | None:
        """Return the process's code, None when it hung and was killed."""
        code: int | None
        try:
            _, said = process.communicate(timeout=TIMEOUT_S)
            code = process.returncode
        except subprocess.TimeoutExpired:
            process.kill()
            _, said = process.communicate()
            code = None
        self._said = said.decode(errors="replace")
        if self.bucket is not None:
            pull(self.bucket, str(self.at))
        return code

    def _killed(self, kill: Kill, share: int) -> None:
        log = self.at / "writes"
        log.unlink(missing_ok=True)
        environment = {}
        if kill.how == "point":
            environment = {"LIGHTSTREAM_CRASH_AT": kill.where}
        elif kill.how == "limit":
            environment = {program.LIMIT: kill.where}
        elif kill.how == "room":
            self._leave_room(int(kill.where))
        elif kill.how != "time":
            how = "kill" if kill.how == "write" else kill.how
            environment = disk_faults.environment(
                [self.job.checkpoint, self.job.output], how, int(kill.where), log=str(log)
            )
        before = _signed(self.checkpoint)
        process = self._start(environment)
        label = kill.where.partition("#")[0] if kill.how == "point" else ""
        if kill.how == "time":
            label = "at a random time"
            _until(lambda: _signed(self.checkpoint) != before or process.poll() is not None)
            self._feed_while(process, share)
            _wait(process, float(kill.where))
            process.kill()
        elif self.scenario.arriving:
            self._feed_while(process, share)
            if not _wait(process, 1.0):
                label = "at a random time"
                process.kill()
        code = self._ended(process)
        if code is None:
            self._differs(f"{kill} hangs")
            return
        (self.at / "filler").unlink(missing_ok=True)
        if kill.how in ("limit", "room"):
            label = f"{WORDS[kill.how]} {kill.where}"
        elif label == "":
            label = f"{WORDS[kill.how]} {_write(log, int(kill.where))}"
        if kill.how in FAULTS and code in (0, 1):
            condition = _condition(self._errors()) if code else "no error"
            self.outcome.faults.append((label, condition))
            if not condition:
                self._differs(f"{label}: no clear error, but {self._errors()}")
        elif code == -9:
            self.outcome.kills.append(label)
        elif code == 0:
            self.outcome.missed.append(label)
        else:
            self._differs(f"the process failed before {kill}: {self._errors()}")
            return
        complaints = read_logs(self.checkpoint).complaints
        # Two .compact files of different distances: for Spark the log is whole again when lightstream has seen it.
        self.outcome.repaired += bool(complaints)
        for complaint in complaints:
            if "Spark looks for" not in complaint or len(_compactions(self.checkpoint)) < 2:
                self._differs(f"after a kill {label}: {complaint}")
        self._note_query_id()

    def _leave_room(self, size: int) -> None:
        """Fill the file system up to a rest of so many bytes."""
        with open(self.at / "filler", "wb") as filler:
            free = os.statvfs(self.at)
            os.posix_fallocate(filler.fileno(), 0, max(free.f_bavail * free.f_frsize - size, 1))

    def _left_alone(self) -> None:
        self._feed(len(self._waiting))
        if self.job.done:
            Path(self.job.done).touch()
        process = self._start({})
        code = self._ended(process)
        if code != 0:
            self._differs(f"the last process {'hangs' if code is None else 'failed'}: {self._errors()}")
        self._note_query_id()

    def _feed(self, count: int) -> None:
        for name in self._waiting[:count]:
            expected.put(self.job.source, name)
        del self._waiting[:count]

    def _feed_while(self, process: subprocess.Popen[bytes], count: int) -> None:
        if not self.scenario.arriving:
            return
        self._feed(1)
        _until(lambda: os.path.exists(os.path.join(self.checkpoint, "offsets")) or process.poll() is not None)
        for _ in range(count - 1):
            if _wait(process, 0.02):
                return
            self._feed(1)

    def _note_query_id(self) -> None:
        try:
            text = (self.at / "checkpoint" / "metadata").read_text()
        except FileNotFoundError:
            return
        self._query_ids.add(text)
        if len(self._query_ids) > 1:
            self._differs(f"the query's id has changed: {self._query_ids}")

    def _errors(self) -> str:
        return self._said[-3000:]

    def _differs(self, text: str) -> None:
        self.outcome.differences.append(text)

    # ---- comparison ---------------------------------------------------------------------------------------------

    def _compare(self) -> None:
        logs = read_logs(self.checkpoint)
        for complaint in logs.complaints:
            self._differs(complaint)
        self._compare_logs(logs)
        plan = self.scenario.plan
        given = (
            expected.outputs(plan, logs.batches())
            if self.scenario.retain >= 100 and plan not in expected.BY_WATERMARK
            else None
        )
        if self.scenario.sink == "function":
            found = self._function_batches()
            if given is not None and [Counter(rows) for rows in found] != [Counter(rows) for rows in given]:
                self._differs(f"the function was given {found}, not {given}")
            rows = expected.table(plan, found)
        else:
            last = max(logs.offsets, default=-1)
            rows = (
                self._files(last)
                if self.scenario.sink in (*program.FILES, *program.STORED)
                else self._table(last)
            )
            if given is not None and rows != expected.table(plan, given):
                self._differs(f"the table has {rows}, not {expected.table(plan, given)}")
        if expected.digest(plan, rows.elements()) != expected.final(plan):
            self._differs(f"the rows are {rows}, those of an uninterrupted run {expected.final(plan)}")
        self._compare_state(max(logs.offsets, default=-1))
        left = [
            str(p)
            for what in ("checkpoint/**/*.tmp", "**/*.wal", "out/files/**/_temporary")
            for p in self.at.glob(what)
        ]
        if left:
            self._differs(f"files are left over: {left}")

    def _compare_logs(self, logs: Logs) -> None:
        if sorted(logs.commits) != sorted(logs.offsets):
            self._differs(f"offsets {sorted(logs.offsets)}, commits {sorted(logs.commits)}")
        if self.scenario.retain >= 100 and sorted(logs.offsets) != list(range(len(logs.offsets))):
            self._differs(f"the batches are {sorted(logs.offsets)}")
        names = sorted(name for names in logs.files.values() for name in names)
        if names != sorted(expected.NAMES):
            self._differs(f"the files {names} were taken, not {sorted(expected.NAMES)}")
        if logs.offsets and max(logs.offsets.values()) != max(logs.files):
            self._differs("files are in the source log and in no batch")
        there = {path.name for path in (self.at / "in").iterdir()}
        there |= {path.name for path in (self.at / "archive").rglob("*.json")}
        if there != set(expected.NAMES):
            self._differs(f"of the input {sorted(set(expected.NAMES) - there)} is gone")

    def _function_batches(self) -> list[list[expected.Row]]:
        names = sorted((p for p in Path(self.job.batches).glob("*.json")), key=lambda p: int(p.stem))
        if [int(p.stem) for p in names] != list(range(len(names))):
            self._differs(f"the function was given the batches {[p.stem for p in names]}")
        return [[tuple(row) for row in json.loads(path.read_text())] for path in names]

    def _delta(self, last: int) -> Counter[expected.Row]:
        from deltalake import DeltaTable

        table = DeltaTable(self.job.delta)
        noted = table.transaction_version(json.loads(next(iter(self._query_ids)))["id"])
        if noted != last or table.version() != last:
            self._differs(
                f"the Delta table is at {table.version()} and notes {noted}, the logs end with {last}"
            )
        return Counter(tuple(row.values()) for row in table.to_pyarrow_table().to_pylist())

    def _iceberg(self, last: int) -> Counter[expected.Row]:
        from pyiceberg.catalog import load_catalog

        table = load_catalog("default", **self.job.iceberg).load_table("kills.result")
        noted = table.properties[f"lightstream.batch-id.{json.loads(next(iter(self._query_ids)))['id']}"]
        if int(noted) != last:
            self._differs(f"the Iceberg table notes {noted}, the logs end with {last}")
        return Counter(tuple(row.values()) for row in table.scan().to_arrow().to_pylist())

    def _table(self, last: int) -> Counter[expected.Row]:
        if self.scenario.sink == "delta":
            return self._delta(last)
        if self.scenario.sink == "iceberg":
            return self._iceberg(last)
        import duckdb

        path = self.job.database if self.scenario.sink == "table" else self.job.file
        with duckdb.connect(path, read_only=True) as connection:
            rows = Counter(connection.execute("SELECT * FROM result").fetchall())
            books = connection.execute(
                "SELECT query_id, table_name, batch_id FROM lightstream.batches"
            ).fetchall()
        query_id = json.loads(next(iter(self._query_ids)))["id"]
        if books != [(query_id, "main.result", last)]:
            self._differs(f"the books say {books}, the logs end with {last}")
        return rows

    def _files(self, last: int) -> Counter[expected.Row]:
        """Return the rows of the files that the sink's log names; there must be no others."""
        import duckdb

        if self.bucket is None:
            newest, named = read_sink_log(self.files)
        else:
            newest, named = read_sink_log(self.files, self.bucket.root, str(self.at))
        if newest != last:
            self._differs(f"the sink's log ends with {newest}, the logs with {last}")
        below = Path(self.files)
        there = sorted(
            str(path) for path in below.rglob("*") if path.is_file() and path.parent.name != "_spark_metadata"
        )
        if there != sorted(named):
            self._differs(f"there are the files {there}, and the log names {sorted(named)}")
        rows: Counter[expected.Row] = Counter()
        for path in named:
            if self.scenario.sink == "parquet":
                rows.update(duckdb.sql(f"SELECT * FROM read_parquet('{path}')").fetchall())
                continue
            parts = Path(path).parent.relative_to(below).parts
            values = [
                int(v) if v.lstrip("-").isdigit() else v for v in (part.partition("=")[2] for part in parts)
            ]
            for line in Path(path).read_text().splitlines():
                row = json.loads(line)
                # What is NULL is left out; only the last column of two can be.
                rows[(*values, *(row.values() or (None,)))] += 1
        return rows

    def _compare_state(self, last: int) -> None:
        import duckdb

        if self.scenario.plan == "append":
            return
        with duckdb.connect(
            os.path.join(self.checkpoint, "state", "state.duckdb"), read_only=True
        ) as connection:
            ids = connection.execute("SELECT DISTINCT batch_id FROM progress").fetchall()
        if ids != [(last,)]:
            self._differs(f"the state ends with batch {ids}, the logs with {last}")


def _wait(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Return whether the process ended within this time."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def _until(condition) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.002)


def _signed(checkpoint: str) -> int:
    """Return a number that changes when a process takes the checkpoint."""
    try:
        return os.stat(os.path.join(checkpoint, ".lightstream.lock")).st_mtime_ns
    except FileNotFoundError:
        return 0


def _compactions(checkpoint: str) -> list[str]:
    return [
        name for name in os.listdir(os.path.join(checkpoint, "sources", "0")) if name.endswith(".compact")
    ]


def _condition(errors: str) -> str:
    """Return the condition of the error that ended a process."""
    ended = r"^lightstream\.\S+: \[(\S+)\](?:.*?terminated with exception: \[(\S+)\])?"
    return next((inner or outer for outer, inner in reversed(re.findall(ended, errors, re.M))), "")


def _write(log: Path, number: int) -> str:
    """Return the write of this number, or the last one, without what differs from run to run."""
    lines = log.read_text().splitlines() if log.exists() else []
    if not lines:
        return "anything"
    _, operation, path = lines[min(number, len(lines)) - 1].split(" ", 2)
    parts = Path(path).parts
    name = "".join(c for c in parts[-1] if not c.isdigit()).replace("..", ".") or "N"
    if name in ("checkpoint", "state", "offsets", "commits", "sources"):
        return f"{operation} {name}"
    return f"{operation} {parts[-2] if not parts[-2].isdigit() else 'sources'}/{name}"


# ---- which scenarios --------------------------------------------------------------------------------------------


def scenarios(
    seed: int,
    points: Sequence[str] = POINTS,
    plans: Sequence[str] = program.PLANS,
    sinks: Sequence[str] = program.SINKS,
) -> Iterator[Scenario]:
    """Yield scenarios without end: every point in turn, and kills at writes and random times between."""
    chance = random.Random(seed)
    can_count = disk_faults.library() is not None
    number = 0
    while True:
        turn = list(points)
        chance.shuffle(turn)
        for point in turn:
            yield _scenario(number, point, chance, can_count, plans, sinks)
            number += 1


def _scenario(
    number: int,
    point: str,
    chance: random.Random,
    can_count: bool,
    plans: Sequence[str],
    sinks: Sequence[str],
) -> Scenario:
    sink, plan = chance.choice(sinks), plans[number % len(plans)]
    if sink in program.STORED:
        stored = [p for p in POINTS if not p.startswith(ON_DISK)]
        wanted = [point if point in stored else chance.choice(stored), *chance.sample(stored, 2)]
        kills = [Kill("point", f"{p}#{chance.choice((1, 1, 2, 3))}") for p in wanted]
        retain = 2 if any(p.startswith(("purge", "sink-log-removing")) for p in wanted) else 100
        return Scenario(number, "append", sink, tuple(kills), retain=retain)
    if point.startswith(("part", "sink-log")):
        sink = chance.choice(program.FILES)
    archive, retain, arriving = chance.random() < 0.25, chance.choice((100, 100, 2)), chance.random() < 0.4
    if point.startswith("file-"):
        sink = "file"
    elif point.startswith(("table-", "rows-", "batch-")):
        sink = chance.choice(("table", "file"))
    elif point.startswith("database-"):
        sink = "table"
    if point.startswith(("state-", "operator-", "after-state")) and plan in ("append", "keyed"):
        plan = chance.choice([p for p in plans if p not in ("append", "keyed")] or plans)
    if sink == "function" and plan == "keyed":
        plan = "update"
    if sink in ("delta", "iceberg") and plan in program.BY_KEY:
        sink = "table"
    if sink in program.FILES and plan not in program.APPENDS:
        plan = chance.choice([p for p in plans if p in program.APPENDS and p != "append"] or [plan])
        sink = sink if plan in program.APPENDS else "file"
    kills = [Kill("point", f"{point}#{1 if point in POINTS[:12] + END else chance.randint(1, 3)}")]
    for _ in range(chance.randint(1, 3)):
        how = chance.choice(("time", "time", "point", *(("write", "torn") if can_count else ())))
        if how == "time":
            kills.append(Kill(how, f"{chance.random() * 0.5:.3f}"))
        elif how == "point":
            kills.append(Kill(how, f"{chance.choice(POINTS)}#{chance.choice((1, 1, 2))}"))
        else:
            kills.append(Kill(how, str(chance.randint(1, 70))))
    if chance.random() < 0.5 and point not in (
        "metadata-begun",
        "metadata-written",
        "metadata-named",
        "metadata-forced",
    ):
        kills.insert(0, kills.pop())
    return Scenario(
        number,
        plan,
        sink,
        tuple(kills),
        arriving=arriving and not any(kill.where.partition("#")[0] in END for kill in kills),
        archive=archive or point.startswith("clean-"),
        retain=2 if point.startswith("purge") or point == "sink-log-removing" else retain,
        limit=chance.choice((1, 1, 2))
        if not point.startswith(("purge", "compaction", "sink-log-removing"))
        else 1,
        fold=chance.random() < 0.3,
        checkpoints=chance.random() < 0.3,
    )


_MOST_DIFFERENT = 10


def run_kills(
    wanted: int,
    seed: int,
    jobs: int,
    directory: str,
    tell=lambda outcome: None,
    points: Sequence[str] = POINTS,
    plans: Sequence[str] = program.PLANS,
    sinks: Sequence[str] = program.SINKS,
) -> list[Outcome]:
    """Run scenarios until so many processes were killed, or ten of them ended otherwise than they should."""
    outcomes: list[Outcome] = []
    killed = different = 0
    lock = threading.Lock()
    endless = scenarios(seed, points, plans, sinks)

    def work() -> None:
        nonlocal killed, different
        while True:
            with lock:
                if killed >= wanted or different >= _MOST_DIFFERENT:
                    return
                scenario = next(endless)
            at = os.path.join(directory, f"{scenario.number}-{scenario.plan}-{scenario.sink}")
            os.mkdir(at)
            outcome = Run(scenario, at).run()
            with lock:
                killed += len(outcome.kills)
                different += bool(outcome.differences)
                outcomes.append(outcome)
                tell(outcome)

    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for future in [pool.submit(work) for _ in range(jobs)]:
            future.result()
    return outcomes


def report(outcomes: Sequence[Outcome]) -> str:
    """Return the table by step."""
    killed = Counter(label for outcome in outcomes for label in outcome.kills)
    different = Counter(label for outcome in outcomes if outcome.differences for label in outcome.kills)
    order = {point: position for position, point in enumerate(POINTS)}
    labels = sorted(killed, key=lambda label: (order.get(label, len(order)), label))
    width = max(map(len, labels), default=0)
    lines = [f"{'killed':{width}}  kills  in runs with differences"]
    lines += [f"{label:{width}}  {killed[label]:5}  {different[label]:5}" for label in labels]
    lines.append(f"{'all':{width}}  {killed.total():5}  {different.total():5}")
    never = [point for point in POINTS if point not in killed]
    if never:
        lines.append(f"never killed at: {', '.join(never)}")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the matrix; return 1 when anything differed."""
    parser = argparse.ArgumentParser(prog="kill_matrix", description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--spark", action="store_true", help="let Spark read, and continue, the checkpoints")
    parser.add_argument(
        "--point", action="append", choices=POINTS, help="begin scenarios with these points only"
    )
    parser.add_argument("--plan", action="append", choices=program.PLANS, help="queries of these plans only")
    parser.add_argument(
        "--sink",
        action="append",
        choices=(*program.SINKS, *program.STORED, *program.SLOW_SINKS),
        help="queries into these sinks only",
    )
    options = parser.parse_args(arguments)
    if disk_faults.library() is None:
        print("no C compiler: no kills at single writes")
    directory = tempfile.mkdtemp(prefix="kill-matrix-")
    started = time.monotonic()

    def tell(outcome: Outcome) -> None:
        for difference in outcome.differences:
            print(
                f"{outcome.directory}\n  {outcome.scenario}\n  killed {outcome.kills}\n  {difference}",
                flush=True,
            )
        if not outcome.differences and not options.spark:
            shutil.rmtree(outcome.directory)

    points, plans = options.point or POINTS, options.plan or program.PLANS
    sinks = options.sink or program.SINKS
    outcomes = run_kills(options.kills, options.seed, options.jobs, directory, tell, points, plans, sinks)
    print(report(outcomes))
    seconds = time.monotonic() - started
    bad = sum(bool(outcome.differences) for outcome in outcomes)
    print(
        f"{sum(len(outcome.kills) for outcome in outcomes)} kills in {len(outcomes)} queries, {bad} of them with "
        f"differences, {seconds:.0f} s; seed {options.seed}"
    )
    if options.spark:
        from kills.spark import continued_by_spark

        for problem in continued_by_spark(outcomes):
            print(problem)
            bad += 1
    if bad:
        print(f"kept: {directory}")
        return 1
    shutil.rmtree(directory)
    return 0


if __name__ == "__main__":
    sys.exit(main())

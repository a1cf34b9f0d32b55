"""A checkpoint directory as Spark reads it, written once more and apart from lightstream's own reader."""

from __future__ import annotations

import itertools
import json
import os
from dataclasses import dataclass, field
from urllib.parse import unquote

SPARK_INTERVAL = 10  # spark.sql.streaming.fileSource.log.compactInterval


@dataclass(slots=True)
class Logs:
    """What the logs of a file query say. `offsets`: batch id to the last id of the source log that is in it."""

    offsets: dict[int, int] = field(default_factory=dict)
    commits: set[int] = field(default_factory=set)
    files: dict[int, list[str]] = field(default_factory=dict)  # source log id to names of files
    complaints: list[str] = field(default_factory=list)

    def batches(self) -> list[list[str]]:
        """Return the files of each planned batch, from batch 0 on; only where no offsets were purged."""
        ends = [-1] + [self.offsets[batch_id] for batch_id in sorted(self.offsets)]
        return [
            [name for log_id in range(start + 1, end + 1) for name in self.files.get(log_id, [])]
            for start, end in itertools.pairwise(ends)
        ]


def read_logs(checkpoint: str) -> Logs:
    """Read all logs; what Spark would stumble on is in `complaints`."""
    logs = Logs()
    for name in _names(os.path.join(checkpoint, "offsets")):
        lines = _lines(logs, os.path.join(checkpoint, "offsets", name), 3)
        if lines is not None:
            logs.offsets[int(name)] = json.loads(lines[2])["logOffset"]
    for name in _names(os.path.join(checkpoint, "commits")):
        if _lines(logs, os.path.join(checkpoint, "commits", name), 2) is not None:
            logs.commits.add(int(name))
    _read_source_log(logs, os.path.join(checkpoint, "sources", "0"))
    _check(logs, checkpoint)
    return logs


def _names(directory: str) -> list[str]:
    try:
        return sorted(
            (n for n in os.listdir(directory) if not n.startswith(".")), key=lambda n: int(n.split(".")[0])
        )
    except FileNotFoundError:
        return []


def _lines(logs: Logs, path: str, count: int) -> list[str] | None:
    with open(path) as file:
        lines = file.read().split("\n")
    try:
        if lines[0] != "v1" or (count and len(lines) != count):
            raise ValueError(f"{len(lines)} lines")
        for line in lines[1:]:
            json.loads(line)
    except ValueError as error:
        logs.complaints.append(f"{path} is damaged: {error}")
        return None
    return lines


def _read_source_log(logs: Logs, directory: str) -> None:
    names = _names(directory)
    compact = [int(name.split(".")[0]) for name in names if name.endswith(".compact")]
    plain = [int(name) for name in names if not name.endswith(".compact")]
    if not names:
        return
    latest = max(compact + plain)
    interval = _interval(compact)
    first = max(0, (latest + 1) // interval * interval - 1)
    for log_id in range(first, latest + 1):
        name = f"{log_id}.compact" if (log_id + 1) % interval == 0 else str(log_id)
        if name not in names:
            logs.complaints.append(f"Spark looks for {directory}/{name} and finds {names}")
    kept = [f"{compact[-1]}.compact"] if compact else []
    kept += [str(log_id) for log_id in plain if not compact or log_id > compact[-1]]
    for name in kept:
        lines = _lines(logs, os.path.join(directory, name), 0)
        for line in (lines or [])[1:]:
            entry = json.loads(line)
            logs.files.setdefault(entry["batchId"], []).append(unquote(os.path.basename(entry["path"])))


def _interval(compact: list[int]) -> int:
    """Return the interval that Spark derives (CompactibleFileStreamLog)."""
    if len(compact) >= 2:
        return compact[-1] - compact[-2]
    if not compact:
        return SPARK_INTERVAL
    size = compact[0] + 1
    if size / 2 <= SPARK_INTERVAL:
        return size
    return next(d for d in range(SPARK_INTERVAL, size + 1) if size % d == 0)


def _check(logs: Logs, checkpoint: str) -> None:
    ids, complain = sorted(logs.offsets), logs.complaints.append
    if ids and ids != list(range(ids[0], ids[-1] + 1)):
        complain(f"the ids of the offsets are {ids}")
    done = sorted(logs.commits)
    if done and done != list(range(done[0], done[-1] + 1)):
        complain(f"the ids of the commits are {done}")
    if done and not ids:
        complain(f"commits {done} without offsets")
    if ids and (done[-1] if done else -1) not in (ids[-1], ids[-1] - 1):
        complain(f"the offsets end with {ids[-1]}, the commits with {done[-1:]}")
    ends = [logs.offsets[batch_id] for batch_id in ids]
    if ends != sorted(ends):  # a batch without data has the offsets of the one before
        complain(f"the offsets are {ends}")
    latest = max(logs.files, default=-1)
    if ends and latest < ends[-1]:
        complain(f"the offsets end with the log id {ends[-1]}, the source log with {latest}")
    if sorted(logs.files) != list(range(latest + 1)):
        complain(f"the ids of the source log are {sorted(logs.files)}")
    names = [name for names in logs.files.values() for name in names]
    if len(names) != len(set(names)):
        complain(f"files twice in the source log: {sorted(names)}")
    metadata = os.path.join(checkpoint, "metadata")
    if os.path.exists(metadata):
        with open(metadata) as file:
            json.load(file)
    elif ids:
        complain("there are offsets and no metadata")


def read_sink_log(directory: str, root: str = "file://", local: str = "") -> tuple[int, list[str]]:
    """Return the newest id of a file sink's log, and the paths of the files that it names.

    `local` is where what is below `root` can be read.
    """
    log = os.path.join(directory, "_spark_metadata")
    names = _names(log)
    compact = [name for name in names if name.endswith(".compact")]
    start = names.index(compact[-1]) if compact else 0
    ids = [int(name.split(".")[0]) for name in names[start:]]
    if ids != list(range(ids[0], ids[0] + len(ids))) or (ids[0] and not compact):
        raise AssertionError(f"the sink's log has {names}")
    paths = []
    for name in names[start:]:
        with open(os.path.join(log, name)) as file:
            version, *lines = file.read().split("\n")
        if version != "v1":
            raise AssertionError(f"{name} begins with {version}")
        for line in lines:
            entry = json.loads(line)
            assert entry["path"].startswith(root), entry
            path = local + unquote(entry["path"].removeprefix(root))
            if entry["size"] != os.path.getsize(path) or entry["action"] != "add":
                raise AssertionError(f"{name} has {entry}")
            paths.append(path)
    return ids[-1], paths

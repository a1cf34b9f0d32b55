"""The input files, and what a query over them must have written, worked out in plain Python."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Sequence

Row = tuple  # of a result
FILES = 9
LIMIT = 7
BY_WATERMARK = (  # plans whose batches depend on the watermark
    "within", "windows", "windows-update", "chained", "sessions", "joined", "padded"
)  # fmt: skip
NAMES = tuple(f"f{position}.json" for position in range(FILES))


def rows_of(name: str) -> list[tuple[str, int]]:
    """Return the rows (k, n) of an input file."""
    position = int(name[1:].split(".")[0])
    return [("abc"[(position + i) % 3], 10 * position + i) for i in range(2 + position % 4)]


def put(directory: str, name: str) -> None:
    """Let an input file appear, complete."""
    hidden = os.path.join(directory, f".{name}.tmp")
    with open(hidden, "w") as file:
        file.writelines(json.dumps({"k": k, "n": n}) + "\n" for k, n in rows_of(name))
    seconds = 1_700_000_000 + int(name[1:].split(".")[0])
    os.utime(hidden, (seconds, seconds))
    os.rename(hidden, os.path.join(directory, name))


def outputs(plan: str, batches: Sequence[Iterable[str]]) -> list[list[Row]]:
    """Return what each batch gives to the sink; not for plans in `BY_WATERMARK`."""
    groups: dict[str, tuple[int, int]] = {}
    given: list[list[Row]] = []
    seen: set[int] = set()
    for names in batches:
        rows = [row for name in names for row in rows_of(name)]
        if plan == "append":
            given.append([row for row in rows if row[1] % 2 == 0])
            continue
        if plan == "limit":
            given.append(list(rows[: max(LIMIT - sum(map(len, given)), 0)]))
            continue
        if plan == "distinct":
            new = {n % 7 for _, n in rows} - seen
            seen |= new
            given.append([(m,) for m in new])
            continue
        for k, n in rows:
            count, total = groups.get(k, (0, 0))
            groups[k] = (count + 1, total + n)
        touched = groups if plan == "complete" else {k for k, _ in rows}
        given.append([(k, *groups[k]) for k in touched])
    return given


def table(plan: str, given: Sequence[Iterable[Row]]) -> Counter[Row]:
    """Return the rows of a table after these batches."""
    if plan == "complete":
        return Counter(given[-1]) if given else Counter()
    if plan == "keyed":
        return Counter({row[0]: row for rows in given for row in rows}.values())
    return Counter(row for rows in given for row in rows)


def digest(plan: str, rows: Iterable[Row]) -> Counter[Row]:
    """Return what of a final table does not depend on which files went into one batch."""
    if plan in ("update", "windows-update", "groups"):
        latest = {row[0]: row for row in sorted(rows, key=lambda row: row[1])}  # counts only grow
        return Counter(latest.values())
    return Counter(rows)


def final(plan: str) -> Counter[Row]:
    """Return the digest after all files."""
    numbers = [n for name in NAMES for _, n in rows_of(name)]
    if plan == "within":  # rows of a key are less than the delay apart: all but the first are dropped
        return Counter((m,) for m in {n // 16 for n in numbers})
    if plan in ("joined", "padded"):
        rows = [row for name in NAMES for row in rows_of(name)]
        pairs = Counter((n, m) for k, n in rows for j, m in rows if k == j and n < m < n + 10)
        if plan == "padded":
            watermark, matched = max(numbers) - 5, {n for n, _ in pairs}
            pairs.update((n, None) for n in numbers if n not in matched and n <= watermark - 10)
        return pairs
    if plan == "sessions":
        watermark = max(numbers) - 5
        found: list[list] = []
        for k, n in sorted(row for name in NAMES for row in rows_of(name)):
            if found and found[-1][0] == k and n <= found[-1][2]:
                found[-1][2:] = [n + 4, found[-1][3] + 1]
            else:
                found.append([k, n, n + 4, 1])
        return Counter(tuple(row) for row in found if row[2] <= watermark)
    if plan in BY_WATERMARK:
        length = 40 if plan == "chained" else 20
        watermark = max(numbers) - 5
        counts = Counter(n // length * length for n in numbers)
        ended = length if plan != "windows-update" else -max(numbers)
        return Counter((start, count) for start, count in counts.items() if start + ended <= watermark)
    return digest(plan, table(plan, outputs(plan, [NAMES])).elements())

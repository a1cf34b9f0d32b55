"""The paths by which parts of variants are named: `$.name[0]['other name']`."""

from __future__ import annotations

import functools
import re

Step = str | int  # the name of a field, the place of an element
_STEP = re.compile(r"\[(\d+)\]|\.([^.\[]+)|\['([^']*)'\]|\[\"([^\"]*)\"\]")
_MOST = 2**31 - 1


@functools.lru_cache(maxsize=256)
def steps_of(path: str) -> tuple[Step, ...] | None:
    """Return the steps of a path, None where it is none."""
    if not path.startswith("$"):
        return None
    steps: list[Step] = []
    at = 1
    while at < len(path):
        match = _STEP.match(path, at)
        if match is None:
            return None
        index = match[1]
        if index is None:
            steps.append(next(name for name in match.groups()[1:] if name is not None))
        elif int(index) > _MOST:
            return None
        else:
            steps.append(int(index))
        at = match.end()
    return tuple(steps)


def last_name(path: str) -> str | None:
    """Return the last field that a path names: after it Spark names a column `v:a.b[0]`."""
    return next((step for step in reversed(steps_of(path) or ()) if isinstance(step, str)), None)

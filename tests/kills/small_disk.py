"""Queries on a small tmpfs that is nearly full. Run as `unshare -rm python -m kills.small_disk <directory> <room>...`.

Prints what became of each as JSON: [step, condition] pairs and differences.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

from kills.matrix import Kill, Run, Scenario

PLANS = (("complete", "table"), ("append", "file"), ("update", "file"))


def main(directory: str, rooms: list[str]) -> None:
    """Run a query for each rest of room."""
    for number, room in enumerate(rooms):
        at = os.path.join(directory, room)
        os.mkdir(at)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", at], check=True)
        plan, sink = PLANS[number % len(PLANS)]
        outcome = Run(Scenario(number, plan, sink, (Kill("room", room),), retain=2), at).run()
        print(json.dumps([outcome.faults, outcome.differences]), flush=True)
        subprocess.run(["umount", at], check=False)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])

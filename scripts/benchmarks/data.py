"""The input: the full set of activity data, made once, or the small one that comes with the project."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent.parent
SAMPLE = PROJECT / "data" / "activity-data"
CACHE = PROJECT / ".data"


def input_directory(given: str | None, small: bool) -> str:
    """Return the directory of the files to read; the full set is made when it is not there."""
    if given is not None:
        return given
    if small:
        return str(SAMPLE)
    directory = CACHE / "activity-full"
    complete = directory / ".complete"
    if not complete.exists():
        print(f"making the data in {directory} (once, 1.2 GB)", file=sys.stderr)
        script = PROJECT / "scripts" / "generate_activity_data.py"
        subprocess.run([sys.executable, script, directory, "--overwrite"], check=True)
        complete.touch()
    return str(directory)


def warm(directory: str) -> tuple[int, int]:
    """Read all files once, so that the first contender does not wait for the disk; return their count and bytes."""
    count = size = 0
    for path in sorted(Path(directory).glob("*.json")):
        with path.open("rb", buffering=0) as file:
            while read := len(file.read(1 << 22)):
                size += read
        count += 1
    if not count:
        raise SystemExit(f"there are no *.json files in {directory}")
    return count, size

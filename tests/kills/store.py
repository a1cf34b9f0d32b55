"""The object store of the sink `s3`: a server in this process, and what processes have left there as local files."""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import shutil
import uuid
from pathlib import Path

from s3_server import S3, running

from lightstream.storage.objects import ObjectStore
from lightstream.storage.paths import split

_open = contextlib.ExitStack()
atexit.register(_open.close)


@functools.cache
def server() -> S3:
    """Return the server, which runs as long as this process."""
    return _open.enter_context(running())


def new_bucket() -> ObjectStore:
    """Return a bucket that nobody else uses."""
    return server().bucket(f"kills-{uuid.uuid4()}")


def pull(bucket: ObjectStore, directory: str) -> None:
    """Make the directories `checkpoint` and `out/files` what they are in the bucket."""
    for name in ("checkpoint", "out/files"):
        shutil.rmtree(os.path.join(directory, name), ignore_errors=True)
    for found in bucket.objects(bucket.root):
        path = Path(directory, split(found.path)[1])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bucket.read(found.path))

"""Checkpoints in object stores: their logs in a mirror, in which each entry is created in the store first.

An entry is created on the condition that there is none of its name, so of two queries on one checkpoint the slower
one is refused. State is not kept there: queries that have some need a local directory.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from lightstream.storage.mirror import Mirror
from lightstream.storage.opening import open_store
from lightstream.storage.paths import is_remote
from lightstream.storage.settings import Settings

_LOGS = ("offsets/", "commits/", "sources/")
_STATE = "state/state.duckdb"


def mirror_of(path: str, settings: Settings) -> Mirror:
    """Return a mirror of the logs of a checkpoint; where it has state, an empty file stands for that.

    Raises:
        SparkRuntimeException: the store cannot be reached.
    """
    store = open_store(path, settings)
    found = Mirror(store, path, wanted=lambda name: name == "metadata" or name.startswith(_LOGS))
    if store.find(f"{path}/{_STATE}") is not None:
        state = os.path.join(found.directory, _STATE)
        os.makedirs(os.path.dirname(state))
        open(state, "wb").close()
    return found


@contextmanager
def local_copy(path: str) -> Iterator[str]:
    """Give a local directory that holds a checkpoint's logs: a local path itself, or a copy from a store."""
    if not is_remote(path):
        yield path
        return
    mirror = mirror_of(path, {})
    try:
        yield mirror.directory
    finally:
        mirror.close()

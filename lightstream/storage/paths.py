"""Paths in object stores, as programs write them: `s3a://bucket/directory/name`."""

from __future__ import annotations

import posixpath
import re

from lightstream.errors import IllegalArgumentException

SCHEMES = ("s3", "s3a", "gs", "az", "abfs", "abfss")
originals: dict[str, str] = {}
"""The whole paths of the objects that local files are copies of."""
_REMOTE = re.compile(rf"({'|'.join(SCHEMES)}):(.*)", re.DOTALL | re.IGNORECASE)


def is_remote(path: str) -> bool:
    """Return whether a path is one in an object store.

    >>> is_remote("s3a://bucket/in"), is_remote("/in")
    (True, False)
    """
    return not path.startswith("/") and _REMOTE.match(path) is not None


def normal(text: str) -> str:
    """Return a path in an object store without what means nothing: as Hadoop's paths are.

    >>> normal("S3A://bucket//in/./x/")
    's3a://bucket/in/x'

    Raises:
        IllegalArgumentException: it names no bucket.
    """
    match = _REMOTE.fullmatch(text)
    bucket, _, key = (
        match[2][2:].partition("/") if match is not None and match[2][:2] == "//" else ("", "", "")
    )
    if match is None or not bucket:
        raise IllegalArgumentException(
            None, f"The path {text} names no bucket. Write it as s3a://bucket/directory."
        )
    root = f"{match[1].lower()}://{bucket}"
    key = posixpath.normpath(f"/{key}").lstrip("/")
    return f"{root}/{key}" if key else root


def split(path: str) -> tuple[str, str]:
    """Return a normal path's root, and the key in it.

    >>> split("s3a://bucket/in/x")
    ('s3a://bucket', 'in/x')
    """
    scheme, _, rest = path.partition("://")
    bucket, _, key = rest.partition("/")
    return f"{scheme}://{bucket}", key

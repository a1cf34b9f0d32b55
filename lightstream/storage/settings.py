"""Hadoop's settings of file systems, where Spark's programs set them."""

from __future__ import annotations

from collections.abc import Mapping

Settings = Mapping[str, str]
"""Settings by Hadoop's own names: `fs.s3a.access.key`."""


def settings_of(conf: Mapping[str, str], options: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the settings of file systems among a session's settings, and a reader's or writer's options.

    >>> settings_of({"spark.hadoop.fs.s3a.endpoint": "http://store:9000", "spark.app.name": "x"})
    {'fs.s3a.endpoint': 'http://store:9000'}
    """
    found: dict[str, str] = {}
    for given in (conf, options or {}):
        for key, value in given.items():
            name = key.removeprefix("spark.hadoop.")
            if name.startswith(("fs.", "google.cloud.")):
                found[name] = value
    return found

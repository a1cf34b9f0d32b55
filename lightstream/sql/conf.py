"""`spark.conf`: the settings of a session, read and changed while it runs."""

from __future__ import annotations

from typing import Any

from lightstream.conf import DEFAULTS, Conf
from lightstream.errors import AnalysisException, IllegalArgumentException
from lightstream.sql.arguments import need_str, not_expected

__all__ = ["RuntimeConfig"]

_NO_VALUE: Any = type("_NoValue", (), {"__repr__": lambda self: "<no value>"})()

# Settings that Spark takes only when a session starts.
_STATIC = frozenset(
    {"spark.sql.warehouse.dir", "spark.sql.extensions", "spark.sql.catalogImplementation",
     "spark.sql.streaming.streamingQueryListeners", "spark.sql.streaming.ui.enabled", "lightstream.database"}
)  # fmt: skip
# Keys of these families belong to the running cluster: Spark refuses to change the ones that it knows.
_CORE = ("spark.driver.", "spark.executor.", "spark.master", "spark.submit.", "spark.ui.", "spark.memory.")


class RuntimeConfig:
    """The settings of a session."""

    def __init__(self, conf: Conf) -> None:
        self._conf = conf

    def set(self, key: str, value: str | int | bool) -> None:
        """Set a key.

        Raises:
            AnalysisException: CANNOT_MODIFY_STATIC_CONFIG, CANNOT_MODIFY_CONFIG.
            IllegalArgumentException: a value that the key cannot have.
        """
        need_str("key", key)
        if value is None:
            raise IllegalArgumentException(message=f"requirement failed: value cannot be null for key: {key}")
        if not isinstance(value, str | int):
            raise not_expected("value", "str, int or bool", value)
        check_modifiable(key)
        self._conf.set(key, setting_text(value))

    def get(self, key: str, default: str | None = _NO_VALUE) -> str | None:
        """Return the value of a key, its default, or `default`.

        Raises:
            SparkNoSuchElementException: the key is not set and no default is known.
        """
        need_str("key", key)
        if default is _NO_VALUE:
            return self._conf.get(key)
        if default is not None and not isinstance(default, str):
            raise not_expected("default", "str", default)
        return self._conf.values.get(key, default)

    @property
    def getAll(self) -> dict[str, str]:
        """The settings that were given."""
        return dict(self._conf.values)

    def unset(self, key: str) -> None:
        """Take a key back to its default."""
        check_modifiable(need_str("key", key))
        self._conf.unset(key)

    def isModifiable(self, key: str) -> bool:
        """Return whether a key is known and may be changed while the session runs."""
        return key in DEFAULTS and key not in _STATIC and not key.startswith(_CORE)


def setting_text(value: Any) -> str:
    """Return a setting as Spark keeps it: booleans in lower case."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def check_modifiable(key: str) -> None:
    """Raise Spark's error for a key that cannot be changed while the session runs."""
    if key in _STATIC:
        raise AnalysisException(
            "CANNOT_MODIFY_STATIC_CONFIG",
            f'Cannot modify the value of the static Spark config: "{key}". Give it to SparkSession.builder.',
            sqlstate="46110",
            parameters={"key": f'"{key}"'},
        )
    if key.startswith(_CORE):
        raise AnalysisException(
            "CANNOT_MODIFY_CONFIG",
            f'Cannot modify the value of the Spark config: "{key}". Give it to SparkSession.builder.',
            sqlstate="46110",
            parameters={"key": f'"{key}"'},
        )

"""`pyspark.sql.streaming.datasource`: how much a stream reader may take, and readers that know an end."""

from __future__ import annotations

from abc import ABC, abstractmethod

from lightstream.dataclass import dataclass

__all__ = [
    "ReadAllAvailable",
    "ReadLimit",
    "ReadMaxBytes",
    "ReadMaxFiles",
    "ReadMaxRows",
    "ReadMinRows",
    "SupportsTriggerAvailableNow",
]


class ReadLimit:
    """How much `latestOffset` may go on by; the classes below are all there are."""


@dataclass()
class ReadAllAvailable(ReadLimit):
    """All there is, whatever the source's options say."""


@dataclass()
class ReadMinRows(ReadLimit):
    """At least so many rows: with fewer the source stays where it is."""

    min_rows: int


@dataclass()
class ReadMaxRows(ReadLimit):
    """At most so many rows."""

    max_rows: int


@dataclass()
class ReadMaxFiles(ReadLimit):
    """At most so many files."""

    max_files: int


@dataclass()
class ReadMaxBytes(ReadLimit):
    """At most so many bytes."""

    max_bytes: int


class SupportsTriggerAvailableNow(ABC):
    """Mixed into a stream reader that can stop at what is there when an `availableNow` query starts."""

    @abstractmethod
    def prepareForTriggerAvailableNow(self) -> None:
        """Remember the offset of what is there now: `latestOffset` never goes beyond it from here on."""

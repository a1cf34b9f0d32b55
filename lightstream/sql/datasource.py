"""`pyspark.sql.datasource`: connectors written in Python. A class of these, registered, is a format."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import UserDict
from collections.abc import Iterable, Iterator, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any

from lightstream.dataclass import dataclass
from lightstream.errors import PySparkNotImplementedError
from lightstream.sql.streaming.datasource import ReadAllAvailable, ReadLimit

if TYPE_CHECKING:
    from pyarrow import RecordBatch

    from lightstream.plan.types import StructType
    from lightstream.sql.row import Row
    from lightstream.sql.session import SparkSession

__all__ = [
    "DataSource",
    "DataSourceArrowWriter",
    "DataSourceReader",
    "DataSourceRegistration",
    "DataSourceStreamArrowWriter",
    "DataSourceStreamReader",
    "DataSourceStreamWriter",
    "DataSourceWriter",
    "EqualNullSafe",
    "EqualTo",
    "Filter",
    "GreaterThan",
    "GreaterThanOrEqual",
    "In",
    "InputPartition",
    "IsNotNull",
    "IsNull",
    "LessThan",
    "LessThanOrEqual",
    "Not",
    "SimpleDataSourceStreamReader",
    "StringContains",
    "StringEndsWith",
    "StringStartsWith",
    "WriterCommitMessage",
]

ColumnPath = tuple[str, ...]


def _not_implemented(feature: str) -> PySparkNotImplementedError:
    return PySparkNotImplementedError(
        "NOT_IMPLEMENTED",
        f"{feature} is not implemented by this data source.",
        sqlstate="0A000",
        parameters={"feature": feature},
    )


class DataSource(ABC):
    """Base of connectors: a format that can be read, written, or both, in batches, in streams, or both.

    Args:
        options: those of the reader or writer, by name in any case.
    """

    def __init__(self, options: MutableMapping[str, str]) -> None:
        self.options = options

    @classmethod
    def name(cls) -> str:
        """Return the name of the format; the class's without an own one."""
        return cls.__name__

    def schema(self) -> StructType | str:
        """Return the columns, as a StructType or DDL text, where the program gives none."""
        raise _not_implemented("schema")

    def reader(self, schema: StructType) -> DataSourceReader:
        """Return the reader of batch queries."""
        raise _not_implemented("reader")

    def writer(self, schema: StructType, overwrite: bool) -> DataSourceWriter:
        """Return the writer of batch queries."""
        raise _not_implemented("writer")

    def streamWriter(self, schema: StructType, overwrite: bool) -> DataSourceStreamWriter:
        """Return the writer of streaming queries; `overwrite` in complete mode."""
        raise _not_implemented("streamWriter")

    def simpleStreamReader(self, schema: StructType) -> SimpleDataSourceStreamReader:
        """Return a reader of streams that reads and finds the end at once; asked when `streamReader` is missing."""
        raise _not_implemented("simpleStreamReader")

    def streamReader(self, schema: StructType) -> DataSourceStreamReader:
        """Return the reader of streams."""
        raise _not_implemented("streamReader")


# ---- filters --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Filter(ABC):
    """Base of the conditions that a reader may take over; a column is the tuple of its name's parts."""


@dataclass(frozen=True)
class EqualTo(Filter):
    """`column = value`."""

    attribute: ColumnPath
    value: Any


@dataclass(frozen=True)
class EqualNullSafe(Filter):
    """`column <=> value`."""

    attribute: ColumnPath
    value: Any


@dataclass(frozen=True)
class GreaterThan(Filter):
    """`column > value`."""

    attribute: ColumnPath
    value: Any


@dataclass(frozen=True)
class GreaterThanOrEqual(Filter):
    """`column >= value`."""

    attribute: ColumnPath
    value: Any


@dataclass(frozen=True)
class LessThan(Filter):
    """`column < value`."""

    attribute: ColumnPath
    value: Any


@dataclass(frozen=True)
class LessThanOrEqual(Filter):
    """`column <= value`."""

    attribute: ColumnPath
    value: Any


@dataclass(frozen=True)
class In(Filter):
    """`column IN (values)`."""

    attribute: ColumnPath
    value: tuple[Any, ...]


@dataclass(frozen=True)
class IsNull(Filter):
    """`column IS NULL`."""

    attribute: ColumnPath


@dataclass(frozen=True)
class IsNotNull(Filter):
    """`column IS NOT NULL`."""

    attribute: ColumnPath


@dataclass(frozen=True)
class Not(Filter):
    """The opposite of another."""

    child: Filter


@dataclass(frozen=True)
class StringStartsWith(Filter):
    """`column LIKE 'value%'`."""

    attribute: ColumnPath
    value: str


@dataclass(frozen=True)
class StringEndsWith(Filter):
    """`column LIKE '%value'`."""

    attribute: ColumnPath
    value: str


@dataclass(frozen=True)
class StringContains(Filter):
    """`column LIKE '%value%'`."""

    attribute: ColumnPath
    value: str


# ---- reading --------------------------------------------------------------------------------------------------


class InputPartition:
    """A part of what is read, as `partitions` gives it to `read`."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __repr__(self) -> str:
        attributes = ", ".join(f"{name}={value!r}" for name, value in self.__dict__.items())
        return f"{self.__class__.__name__}({attributes})"


class DataSourceReader(ABC):
    """Base of batch readers. Each partition is read by a copy of the reader."""

    def pushFilters(self, filters: list[Filter]) -> Iterable[Filter]:
        """Return those of the filters that the reader does not take over.

        Only asked with `spark.sql.python.filterPushdown.enabled`.
        """
        return filters

    def partitions(self) -> Sequence[InputPartition]:
        """Return the list of parts to be read; one without a value by default."""
        return [InputPartition(None)]

    @abstractmethod
    def read(self, partition: InputPartition) -> Iterator[tuple[Any, ...]] | Iterator[RecordBatch]:
        """Return an iterator over the rows of a part: tuples, lists, Rows (by name), or Arrow record batches.

        Polars frames too, which Spark does not take.
        """


class DataSourceStreamReader(ABC):
    """Base of stream readers. Offsets are dicts that JSON can hold."""

    def initialOffset(self) -> dict[str, Any]:
        """Return where a new query begins."""
        raise _not_implemented("initialOffset")

    def latestOffset(self, start: dict[str, Any], limit: ReadLimit) -> dict[str, Any]:
        """Return where the next batch ends: `start` itself when there is nothing new.

        A method without parameters, as before Spark 4.2, is called without.
        """
        raise _not_implemented("latestOffset")

    def getDefaultReadLimit(self) -> ReadLimit:
        """Return the limit that the source's options ask for."""
        return ReadAllAvailable()

    def reportLatestOffset(self) -> dict[str, Any] | None:
        """Return the newest offset there is, for the progress."""
        return None

    def partitions(self, start: dict[str, Any], end: dict[str, Any]) -> Sequence[InputPartition]:
        """Return the parts of what lies between two offsets."""
        raise _not_implemented("partitions")

    @abstractmethod
    def read(self, partition: InputPartition) -> Iterator[tuple[Any, ...]] | Iterator[RecordBatch]:
        """Return an iterator over the rows of a part, as `DataSourceReader.read` does; the same ones every time."""

    def commit(self, end: dict[str, Any]) -> None:
        """Learn that everything up to an offset is done, and that only what follows is asked for from now on."""

    def stop(self) -> None:
        """Release what is held."""


class SimpleDataSourceStreamReader(ABC):
    """Base of stream readers for small amounts: one call reads and says how far."""

    def initialOffset(self) -> dict[str, Any]:
        """Return where a new query begins."""
        raise _not_implemented("initialOffset")

    def read(self, start: dict[str, Any]) -> tuple[Iterator[tuple[Any, ...]], dict[str, Any]]:
        """Return the rows after an offset, and the offset after them."""
        raise _not_implemented("read")

    def readBetweenOffsets(self, start: dict[str, Any], end: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
        """Return the rows between two offsets: those that `read` has given once, when a batch is run again."""
        raise _not_implemented("readBetweenOffsets")

    def commit(self, end: dict[str, Any]) -> None:
        """Learn that everything up to an offset is done."""


# ---- writing --------------------------------------------------------------------------------------------------


class WriterCommitMessage:
    """Base of what `write` tells `commit` and `abort`."""


class DataSourceWriter(ABC):
    """Base of batch writers. A copy writes; the writer itself commits or aborts."""

    @abstractmethod
    def write(self, iterator: Iterator[Row]) -> WriterCommitMessage:
        """Write rows; return what `commit` needs to know."""

    def commit(self, messages: list[WriterCommitMessage | None]) -> None:
        """Make what was written count."""

    def abort(self, messages: list[WriterCommitMessage | None]) -> None:
        """Take back what was written: a `write` has failed, and its message is None."""


class DataSourceArrowWriter(DataSourceWriter):
    """Base of batch writers of Arrow record batches."""

    @abstractmethod
    def write(self, iterator: Iterator[RecordBatch]) -> WriterCommitMessage:
        """Write record batches; return what `commit` needs to know."""


class DataSourceStreamWriter(ABC):
    """Base of stream writers. Each batch is written by a writer of its own, and committed by another.

    Guarantee: at least once. A batch that is written again has the same id and the same rows, so that a `commit` that
    remembers ids makes it exactly once.
    """

    @abstractmethod
    def write(self, iterator: Iterator[Row]) -> WriterCommitMessage:
        """Write the rows of a batch; return what `commit` needs to know."""

    def commit(self, messages: list[WriterCommitMessage | None], batchId: int) -> None:
        """Make a batch count."""

    def abort(self, messages: list[WriterCommitMessage | None], batchId: int) -> None:
        """Take a batch back: its `write` has failed, and its message is None."""


class DataSourceStreamArrowWriter(DataSourceStreamWriter):
    """Base of stream writers of Arrow record batches."""

    @abstractmethod
    def write(self, iterator: Iterator[RecordBatch]) -> WriterCommitMessage:
        """Write the record batches of a batch; return what `commit` needs to know."""


class DataSourceRegistration:
    """`spark.dataSource`."""

    def __init__(self, sparkSession: SparkSession) -> None:
        self.sparkSession = sparkSession

    def register(self, dataSource: type[DataSource]) -> None:
        """Make a connector a format of this session, by its name in any case; one that has the name gives way.

        Raises:
            AnalysisException: DATA_SOURCE_ALREADY_EXISTS for the name of a format that is built in.
        """
        from lightstream.sql.connector import register

        register(self.sparkSession._state, dataSource)


class CaseInsensitiveDict(UserDict[str, Any]):
    """Options, whose names are the same in any case."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()
        self.update(*args, **kwargs)

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key.lower(), value)

    def __getitem__(self, key: str) -> Any:
        return super().__getitem__(key.lower())

    def __delitem__(self, key: str) -> None:
        super().__delitem__(key.lower())

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and super().__contains__(key.lower())

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Set several options."""
        for key, value in dict(*args, **kwargs).items():
            self[key] = value

    def copy(self) -> CaseInsensitiveDict:
        """Return a copy."""
        return type(self)(self)

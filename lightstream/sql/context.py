"""What stands in for Spark's context: configuration, storage levels, and the small part of SparkContext that has a
meaning on one machine."""

from __future__ import annotations

import copy
import functools
import operator
import os
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from lightstream.errors import IllegalArgumentException
from lightstream.sql.unsupported import refused_class, refuses

if TYPE_CHECKING:
    from lightstream.sql.rdd import RDD
    from lightstream.sql.session import SparkSession
    from lightstream.sql.shared import Accumulator, AccumulatorParam, Broadcast

SPARK_VERSION = "4.3.0"
__version__ = SPARK_VERSION  # `from pyspark.version import __version__`
_LOG_LEVELS = ("ALL", "DEBUG", "ERROR", "FATAL", "INFO", "OFF", "TRACE", "WARN")


class SparkConf:
    """Settings to start a session with."""

    def __init__(self, loadDefaults: bool = True, _jvm: Any = None, _jconf: Any = None) -> None:
        self._values: dict[str, str] = {}

    def set(self, key: str, value: str) -> SparkConf:
        """Set a key."""
        self._values[key] = str(value)
        return self

    def setIfMissing(self, key: str, value: str) -> SparkConf:
        """Set a key that is not set yet."""
        self._values.setdefault(key, str(value))
        return self

    def setMaster(self, value: str) -> SparkConf:
        """Set the master; it has no effect."""
        return self.set("spark.master", value)

    def setAppName(self, value: str) -> SparkConf:
        """Set the application's name."""
        return self.set("spark.app.name", value)

    def setSparkHome(self, value: str) -> SparkConf:
        """Set Spark's directory; it has no effect."""
        return self.set("spark.home", value)

    def setExecutorEnv(
        self, key: str | None = None, value: str | None = None, pairs: list[tuple[str, str]] | None = None
    ) -> SparkConf:
        """Set environment variables of executors; they have no effect."""
        for name, text in [*([(key, value)] if key is not None else []), *(pairs or [])]:
            self.set(f"spark.executorEnv.{name}", str(text))
        return self

    def setAll(self, pairs: Iterable[tuple[str, str]]) -> SparkConf:
        """Set several keys."""
        for key, value in pairs:
            self.set(key, value)
        return self

    def get(self, key: str, defaultValue: str | None = None) -> str | None:
        """Return the value of a key, or the default."""
        return self._values.get(key, defaultValue)

    def getAll(self) -> list[tuple[str, str]]:
        """Return all keys and values."""
        return list(self._values.items())

    def contains(self, key: str) -> bool:
        """Return whether a key is set."""
        return key in self._values

    def toDebugString(self) -> str:
        """Return the keys and values, a line each."""
        return "\n".join(f"{key}={value}" for key, value in sorted(self._values.items()))


class StorageLevel:
    """Where cached rows would be kept. It has no effect: results are read from DuckDB again."""

    DISK_ONLY: ClassVar[StorageLevel]
    DISK_ONLY_2: ClassVar[StorageLevel]
    DISK_ONLY_3: ClassVar[StorageLevel]
    MEMORY_AND_DISK: ClassVar[StorageLevel]
    MEMORY_AND_DISK_2: ClassVar[StorageLevel]
    MEMORY_AND_DISK_DESER: ClassVar[StorageLevel]
    MEMORY_ONLY: ClassVar[StorageLevel]
    MEMORY_ONLY_2: ClassVar[StorageLevel]
    NONE: ClassVar[StorageLevel]
    OFF_HEAP: ClassVar[StorageLevel]

    def __init__(
        self, useDisk: bool, useMemory: bool, useOffHeap: bool, deserialized: bool, replication: int = 1
    ) -> None:
        self.useDisk = useDisk
        self.useMemory = useMemory
        self.useOffHeap = useOffHeap
        self.deserialized = deserialized
        self.replication = replication

    def _key(self) -> tuple[bool, bool, bool, bool, int]:
        return self.useDisk, self.useMemory, self.useOffHeap, self.deserialized, self.replication

    def __repr__(self) -> str:
        return f"StorageLevel({', '.join(map(str, self._key()))})"

    def __str__(self) -> str:
        words = [
            word
            for word, used in (
                ("Disk", self.useDisk), ("Memory", self.useMemory), ("OffHeap", self.useOffHeap),
                ("Deserialized" if self.deserialized else "Serialized", True),
            )
            if used
        ]  # fmt: skip
        return f"{' '.join(words)} {self.replication}x Replicated"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StorageLevel) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())


StorageLevel.NONE = StorageLevel(False, False, False, False)
StorageLevel.DISK_ONLY = StorageLevel(True, False, False, False)
StorageLevel.DISK_ONLY_2 = StorageLevel(True, False, False, False, 2)
StorageLevel.DISK_ONLY_3 = StorageLevel(True, False, False, False, 3)
StorageLevel.MEMORY_ONLY = StorageLevel(False, True, False, False)
StorageLevel.MEMORY_ONLY_2 = StorageLevel(False, True, False, False, 2)
StorageLevel.MEMORY_AND_DISK = StorageLevel(True, True, False, False)
StorageLevel.MEMORY_AND_DISK_2 = StorageLevel(True, True, False, False, 2)
StorageLevel.MEMORY_AND_DISK_DESER = StorageLevel(True, True, False, True)
StorageLevel.OFF_HEAP = StorageLevel(True, True, True, False, 1)


@refuses(
    "SparkContext",
    addFile="path, recursive=False", addPyFile="path", addArchive="path",
    binaryFiles="path, minPartitions=None", binaryRecords="path, recordLength",
    hadoopFile="path, inputFormatClass, keyClass, valueClass", pickleFile="name, minPartitions=None",
    runJob="rdd, partitionFunc, partitions=None, allowLocal=False", sequenceFile="path, keyClass=None",
    wholeTextFiles="path, minPartitions=None, use_unicode=True",
)  # fmt: skip
class SparkContext:
    """The part of Spark's context that programs ask a session for. RDDs are local (see `lightstream.sql.rdd`)."""

    _active: ClassVar[SparkContext | None] = None

    def __init__(
        self, master: str | None = None, appName: str | None = None, conf: SparkConf | None = None, **_: Any
    ) -> None:
        from lightstream.sql.session import SparkSession

        builder = SparkSession.builder
        if conf is not None:
            builder = builder.config(conf=conf)
        if master is not None:
            builder = builder.master(master)
        if appName is not None:
            builder = builder.appName(appName)
        self._bind(builder.getOrCreate())

    def _bind(self, session: SparkSession) -> None:
        self._session = session
        self._app_name = session.conf.get("spark.app.name") or ""
        self.startTime = time.time_ns() // 1_000_000

    @classmethod
    def _of(cls, session: SparkSession) -> SparkContext:
        context = object.__new__(cls)
        context._bind(session)
        return context

    @classmethod
    def getOrCreate(cls, conf: SparkConf | None = None) -> SparkContext:
        """Return the context of the active session, starting one if there is none."""
        from lightstream.sql.session import SparkSession

        builder = SparkSession.builder
        if conf is not None:
            builder = builder.config(conf=conf)
        return builder.getOrCreate().sparkContext

    def getConf(self) -> SparkConf:
        """Return a copy of the settings."""
        return SparkConf().setAll(self._session.conf.getAll.items())

    @property
    def appName(self) -> str:
        """The application's name."""
        return self._app_name

    @property
    def master(self) -> str:
        """What `builder.master` was given; it has no effect."""
        return self._session.conf.get("spark.master") or ""

    @property
    def applicationId(self) -> str:
        """An id of this run."""
        return f"local-{self.startTime}"

    @property
    def defaultParallelism(self) -> int:
        """The number of processors."""
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

    @property
    def defaultMinPartitions(self) -> int:
        """At most two, as in Spark."""
        return min(self.defaultParallelism, 2)

    @property
    def version(self) -> str:
        """The version of Spark that lightstream follows."""
        return SPARK_VERSION

    @property
    def _jsc(self) -> _HadoopSettings:
        """Stands in for the JVM's context where programs set the keys of an object store through it."""
        return _HadoopSettings(self._session)

    @property
    def uiWebUrl(self) -> str | None:
        """None: there is no Spark UI."""
        return None

    def parallelize(self, c: Iterable[Any], numSlices: int | None = None) -> RDD:
        """Return values as an RDD. Functions are given copies: what they change in them stays with them."""
        from lightstream.sql.rdd import RDD

        values = copy.deepcopy(list(c))
        return RDD(lambda: copy.deepcopy(values), self._session)

    def emptyRDD(self) -> RDD:
        """Return an RDD without values."""
        return self.parallelize(())

    def range(self, start: int, end: int | None = None, step: int = 1, numSlices: int | None = None) -> RDD:
        """Return numbers from `start` to `end` (exclusive); from 0 with one argument."""
        return self.parallelize(range(start) if end is None else range(start, end, step))

    def textFile(self, name: str, minPartitions: int | None = None, use_unicode: bool = True) -> RDD:
        """Return the lines of text files."""
        return self._session.read.text(name.split(",")).rdd.map(lambda row: row[0])

    def union(self, rdds: Iterable[RDD]) -> RDD:
        """Return the values of several."""
        found = list(rdds)
        return found[0].union(self.emptyRDD()) if len(found) == 1 else functools.reduce(operator.add, found)

    def broadcast(self, value: Any) -> Broadcast[Any]:
        """Return a value for functions to read."""
        from lightstream.sql.shared import Broadcast

        return Broadcast(value)

    def accumulator(self, value: Any, accum_param: AccumulatorParam[Any] | None = None) -> Accumulator[Any]:
        """Return a value for functions to add to."""
        from lightstream.sql.shared import accumulator

        return accumulator(value, accum_param)

    def sparkUser(self) -> str:
        """Return the user's name."""
        import getpass

        return getpass.getuser()

    def setLogLevel(self, logLevel: str) -> None:
        """Accept a log level; there is no JVM whose log it would set."""
        if logLevel.upper() not in _LOG_LEVELS:
            raise IllegalArgumentException(
                message=f"The log level {logLevel} is none of: {', '.join(_LOG_LEVELS)}."
            )

    def setJobGroup(self, groupId: str, description: str, interruptOnCancel: bool = False) -> None:
        """Accept a group; it has no effect."""

    def setJobDescription(self, value: str) -> None:
        """Accept a description; it has no effect."""

    def setLocalProperty(self, key: str, value: str | None) -> None:
        """Accept a property; it has no effect."""

    def getLocalProperty(self, key: str) -> str | None:
        """Return None: properties are not kept."""

    def setCheckpointDir(self, dirName: str) -> None:
        """Accept a directory; `DataFrame.checkpoint` needs none here."""

    def stop(self) -> None:
        """Stop the session."""
        self._session.stop()

    def __enter__(self) -> SparkContext:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<SparkContext master={self.master} appName={self.appName}>"


class _HadoopSettings:
    """What programs reach by `sparkContext._jsc.hadoopConfiguration()`: settings of the session."""

    def __init__(self, session: SparkSession) -> None:
        self._conf = session.conf

    def hadoopConfiguration(self) -> _HadoopSettings:
        return self

    def set(self, name: str, value: str) -> None:
        self._conf.set(f"spark.hadoop.{name}", value)

    def get(self, name: str, default: str | None = None) -> str | None:
        return self._conf.get(f"spark.hadoop.{name}", default)

    def unset(self, name: str) -> None:
        self._conf.unset(f"spark.hadoop.{name}")


SQLContext = refused_class("SQLContext", "Use SparkSession.")
HiveContext = refused_class("HiveContext", "Use SparkSession.")

"""The session: where programs begin."""

from __future__ import annotations

import threading
import weakref
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from lightstream.conf import Conf
from lightstream.database.connection import Database
from lightstream.errors import IllegalArgumentException, PySparkRuntimeError, PySparkTypeError, unsupported
from lightstream.execute.session import SessionState
from lightstream.plan import relations as r
from lightstream.sql.arguments import need_str
from lightstream.sql.conf import RuntimeConfig, setting_text
from lightstream.sql.context import SPARK_VERSION, SparkConf, SparkContext
from lightstream.sql.dataframe import DataFrame
from lightstream.sql.unsupported import refuses

if TYPE_CHECKING:
    from lightstream.execute.session import Connector
    from lightstream.plan.types import StructType
    from lightstream.sql.catalog import Catalog
    from lightstream.sql.datasource import DataSourceRegistration
    from lightstream.sql.readwriter import DataFrameReader
    from lightstream.sql.streaming.manager import StreamingQueryManager
    from lightstream.sql.streaming.reader import DataStreamReader
    from lightstream.sql.tvf import TableValuedFunction
    from lightstream.sql.udf import UDFRegistration
    from lightstream.sql.udtf import UDTFRegistration

__all__ = ["SparkSession"]

_lock = threading.RLock()


def _installed_connector(name: str) -> Connector | None:
    from lightstream.sql.connector import installed

    return installed().get(name)


class _FreshBuilder:
    def __get__(self, instance: Any, owner: Any) -> Builder:
        return Builder()


class Builder:
    """Describes a session; `getOrCreate()` gives it."""

    def __init__(self) -> None:
        self._options: dict[str, str] = {}

    def appName(self, name: str) -> Builder:
        """Name the application."""
        return self.config("spark.app.name", name)

    def master(self, master: str) -> Builder:
        """Name a master, as Spark needs it; it has no effect."""
        return self.config("spark.master", master)

    def remote(self, url: str) -> Builder:
        """Refused: the session is in this process."""
        raise unsupported("SparkSession.builder.remote", "The session runs in this process: leave it out.")

    def config(
        self,
        key: str | None = None,
        value: Any = None,
        conf: SparkConf | None = None,
        *,
        map: dict[str, Any] | None = None,
    ) -> Builder:
        """Set a key, all keys of a SparkConf, or all keys of a dict."""
        if conf is not None:
            self._options.update(conf.getAll())
        if map is not None:
            self._options.update({k: setting_text(v) for k, v in map.items()})
        if key is not None and conf is None and map is None:
            self._options[key] = setting_text(value)
        return self

    def enableHiveSupport(self) -> Builder:
        """Accept it: tables live in the session's DuckDB database."""
        return self

    def getOrCreate(self) -> SparkSession:
        """Return the active session with these settings added, or a new one.

        Raises:
            PySparkException: its database cannot be opened.
            PySparkRuntimeError: the active session has another database.
        """
        with _lock:
            session = SparkSession._active or SparkSession._default
            if session is None:
                return self.create()
            session._adopt(self._options)
            SparkSession._active = session
            return session

    def create(self) -> SparkSession:
        """Return a new session with these settings.

        Raises:
            PySparkException: its database cannot be opened.
            PySparkRuntimeError: the active session has another database.
        """
        with _lock:
            conf = Conf()
            for key, value in self._options.items():
                conf.set(key, value)
            default = SparkSession._default
            path = conf.get("lightstream.database")
            if default is None:
                database = Database(path)
                database.open()
            else:
                default._check_database(path)
                database = default._state.database
            session = SparkSession._of(SessionState(conf, database), default and default._root)
            SparkSession._active = session
            if default is None:
                SparkSession._default = session
            return session


@refuses(
    "SparkSession",
    addArtifact="*path, pyfile=False, archive=False, file=False",
    addArtifacts="*path, pyfile=False, archive=False, file=False",
    client="property",
    copyFromLocalToFs="local_path, dest_path",
    profile="property",
)
class SparkSession:
    """The entry point: makes DataFrames from files, tables, SQL and Python data, and reads streams.

    Made by `SparkSession.builder.getOrCreate()`.
    """

    builder = _FreshBuilder()
    Builder: ClassVar[type[Builder]] = Builder

    _active: ClassVar[SparkSession | None] = None
    _default: ClassVar[SparkSession | None] = None

    def __init__(
        self, sparkContext: SparkContext, jsparkSession: Any = None, options: dict[str, Any] | None = None
    ) -> None:
        session = sparkContext._session
        self._start(session._state.new_session(), session._root)
        self._adopt({key: setting_text(value) for key, value in (options or {}).items()})

    @classmethod
    def _of(cls, state: SessionState, root: SparkSession | None = None) -> SparkSession:
        session = object.__new__(cls)
        session._start(state, root)
        return session

    def _start(self, state: SessionState, root: SparkSession | None = None) -> None:
        self._state = state
        state.installed_connector = _installed_connector
        # Sessions of one database end together.
        self._root = root or self
        self._sessions: weakref.WeakSet[SparkSession] = weakref.WeakSet() if root is None else root._sessions
        self._sessions.add(self)
        self._stopped = False
        self._tags: set[str] = set()

    def _adopt(self, options: dict[str, str]) -> None:
        self._check_database(options.get("lightstream.database"))
        for key, value in options.items():
            if key != "lightstream.database":
                self._state.conf.set(key, value)

    def _check_database(self, path: str | None) -> None:
        if path is None:
            return
        wanted, present = Database(path).path, self._state.database.path
        if wanted != present:
            raise PySparkRuntimeError(
                "LIGHTSTREAM_DATABASE_IN_USE",
                f"The session that runs has the database {present or 'in memory'}; {wanted or 'one in memory'} cannot "
                "be opened beside it. Stop the session first, or set lightstream.database before the first session.",
            )

    # ---- which session ----------------------------------------------------------------------------------------

    @classmethod
    def getActiveSession(cls) -> SparkSession | None:
        """Return the active session, None when there is none."""
        return SparkSession._active

    @classmethod
    def active(cls) -> SparkSession:
        """Return the active session.

        Raises:
            PySparkRuntimeError: NO_ACTIVE_OR_DEFAULT_SESSION.
        """
        session = SparkSession._active or SparkSession._default
        if session is None:
            raise PySparkRuntimeError(
                "NO_ACTIVE_OR_DEFAULT_SESSION",
                "No active or default Spark session found. Create one with SparkSession.builder.getOrCreate().",
                sqlstate="08003",
            )
        return session

    def newSession(self) -> SparkSession:
        """Return a session with the same database, and settings and temporary views of its own."""
        state = SessionState(Conf(), self._state.database)
        for key in ("spark.app.name", "spark.master", "lightstream.database"):
            if key in self._state.conf.values:
                state.conf.values[key] = self._state.conf.values[key]
        return SparkSession._of(state, self._root)

    def stop(self) -> None:
        """Stop the session's streaming queries and close its database."""
        import sys

        with _lock:
            if self._root._stopped:
                return
            # The sessions of one database end together, and so do their queries.
            if "lightstream.stream.active" in sys.modules:
                from lightstream.stream.active import stop_queries

                stop_queries(self._state.database)
            self._root._stopped = True
            self._state.database.close()
            SparkSession._active = SparkSession._default = None

    def __enter__(self) -> SparkSession:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _repr_html_(self) -> str:
        name = self.conf.get("spark.app.name")
        where = self._state.database.path or "in memory"
        return f"<p><b>lightstream</b> (Spark {SPARK_VERSION}) <code>{name}</code>, database <code>{where}</code></p>"

    # ---- settings and parts -----------------------------------------------------------------------------------

    @property
    def version(self) -> str:
        """The version of Spark that lightstream follows."""
        return SPARK_VERSION

    @cached_property
    def conf(self) -> RuntimeConfig:
        """The settings."""
        return RuntimeConfig(self._state.conf)

    @cached_property
    def sparkContext(self) -> SparkContext:
        """The part of Spark's context that has a meaning here."""
        return SparkContext._of(self)

    @cached_property
    def catalog(self) -> Catalog:
        """Tables, views and functions."""
        from lightstream.sql.catalog import Catalog

        return Catalog(self)

    @cached_property
    def tvf(self) -> TableValuedFunction:
        """Functions that make DataFrames."""
        from lightstream.sql.tvf import TableValuedFunction

        return TableValuedFunction(self)

    @cached_property
    def udf(self) -> UDFRegistration:
        """Python functions for SQL text."""
        from lightstream.sql.udf import UDFRegistration

        return UDFRegistration(self)

    @cached_property
    def udtf(self) -> UDTFRegistration:
        """Python table functions for SQL text."""
        from lightstream.sql.udtf import UDTFRegistration

        return UDTFRegistration(self)

    @cached_property
    def dataSource(self) -> DataSourceRegistration:
        """Connectors written in Python, to be registered as formats."""
        from lightstream.sql.datasource import DataSourceRegistration

        return DataSourceRegistration(self)

    @cached_property
    def streams(self) -> StreamingQueryManager:
        """The streaming queries."""
        from lightstream.sql.streaming.manager import StreamingQueryManager

        return StreamingQueryManager(self)

    @property
    def read(self) -> DataFrameReader:
        """A reader of files and tables."""
        from lightstream.sql.readwriter import DataFrameReader

        return DataFrameReader(self)

    @property
    def readStream(self) -> DataStreamReader:
        """A reader of streams."""
        from lightstream.sql.streaming.reader import DataStreamReader

        return DataStreamReader(self)

    # ---- DataFrames -------------------------------------------------------------------------------------------

    def createDataFrame(
        self,
        data: Any,
        schema: Any = None,
        samplingRatio: float | None = None,
        verifySchema: bool = True,
    ) -> DataFrame:
        """Return a DataFrame of Python data: rows, a pandas or Polars frame, an Arrow table, a NumPy array.

        Args:
            schema: a StructType, DDL text, a list of names, or the type of single values; inferred without it.
            samplingRatio: has no effect: all rows are looked at.
            verifySchema: check every value against the schema.

        Raises:
            PySparkValueError: CANNOT_INFER_EMPTY_SCHEMA, CANNOT_DETERMINE_TYPE, FIELD_NOT_NULLABLE...
            PySparkTypeError: CANNOT_MERGE_TYPE, FIELD_DATA_TYPE_UNACCEPTABLE...
        """
        from lightstream.sql.local_data import create

        self._check_running()
        if isinstance(data, DataFrame):
            raise PySparkTypeError(
                "INVALID_TYPE",
                "Argument `data` should not be a DataFrame.",
                parameters={"arg_name": "data", "arg_type": "DataFrame"},
            )
        return create(self, data, schema, verifySchema)

    def emptyDataFrame(self, schema: StructType | str) -> DataFrame:
        """Return a DataFrame without rows."""
        return self.createDataFrame([], schema)

    def range(
        self, start: int, end: int | None = None, step: int = 1, numPartitions: int | None = None
    ) -> DataFrame:
        """Return the numbers from `start` to `end` (exclusive) as the column `id`; from 0 with one argument."""
        low, high = (0, start) if end is None else (start, end)
        if int(step) == 0:
            raise IllegalArgumentException(message="requirement failed: step (0) cannot be 0")
        self._check_running()
        return DataFrame(self._state.analyze(r.Range(int(low), int(high), int(step))), self)

    def table(self, tableName: str) -> DataFrame:
        """Return a table or temporary view.

        Raises:
            AnalysisException: TABLE_OR_VIEW_NOT_FOUND.
        """
        return self.read.table(need_str("tableName", tableName))

    def sql(self, sqlQuery: str, args: dict[str, Any] | list[Any] | None = None, **kwargs: Any) -> DataFrame:
        """Run a SQL statement, or return the DataFrame of a query.

        Args:
            args: values for `:name` or `?` in the statement.
            kwargs: DataFrames, columns and values for `{name}` in the statement.

        Raises:
            ParseException: the statement cannot be read.
            AnalysisException: Spark refuses it.
        """
        from lightstream.sql.statements import run

        self._check_running()
        if args is not None and not isinstance(args, dict | list | tuple):
            raise PySparkTypeError(
                "INVALID_TYPE",
                f"Argument `args` should not be a {type(args).__name__}.",
                parameters={"arg_name": "args", "arg_type": type(args).__name__},
            )
        return run(self, need_str("sqlQuery", sqlQuery), args, kwargs)

    def _check_running(self) -> None:
        if self._root._stopped:
            raise PySparkRuntimeError(
                "LIGHTSTREAM_SESSION_STOPPED", "The session is stopped. Start one with SparkSession.builder."
            )

    # ---- tags and handlers: there is nothing to interrupt from outside ----------------------------------------

    def addTag(self, tag: str) -> None:
        """Keep a tag; it has no effect."""
        self._tags.add(tag)

    def removeTag(self, tag: str) -> None:
        """Forget a tag."""
        self._tags.discard(tag)

    def getTags(self) -> set[str]:
        """Return the tags."""
        return set(self._tags)

    def clearTags(self) -> None:
        """Forget all tags."""
        self._tags.clear()

    def interruptAll(self) -> list[str]:
        """Refused."""
        raise unsupported("SparkSession.interruptAll")

    def interruptTag(self, tag: str) -> list[str]:
        """Refused."""
        raise unsupported("SparkSession.interruptTag")

    def interruptOperation(self, op_id: str) -> list[str]:
        """Refused."""
        raise unsupported("SparkSession.interruptOperation")

    def registerProgressHandler(self, handler: Any) -> None:
        """Accept a handler; batch queries report no progress."""

    def removeProgressHandler(self, handler: Any) -> None:
        """Forget a handler."""

    def clearProgressHandlers(self) -> None:
        """Forget all handlers."""

"""`spark.catalog`: tables, views and functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from lightstream.analyze.analyzer import table_not_found
from lightstream.errors import AnalysisException, unsupported
from lightstream.functions.registry import SEARCH_PATH
from lightstream.plan import relations as r
from lightstream.plan import types as t
from lightstream.sql import tables
from lightstream.sql.arguments import need_str, not_expected
from lightstream.sql.context import StorageLevel
from lightstream.sql.schemas import create_schema, drop_schema, use_schema
from lightstream.sql.unsupported import refuses

if TYPE_CHECKING:
    from lightstream.functions.registry import Function as CatalogueEntry
    from lightstream.sql.dataframe import DataFrame
    from lightstream.sql.session import SparkSession

__all__ = ["Catalog"]


# What SQL writes in another way than as a function of this name.
_NOT_IN_SPARK = ("[]", "timestampadd", "timestampdiff")


class CatalogMetadata(NamedTuple):
    """A catalog."""

    name: str
    description: str | None


class Database(NamedTuple):
    """A schema of the session's database; DuckDB's `main` is called `default`."""

    name: str
    catalog: str | None
    description: str | None
    locationUri: str


class Table(NamedTuple):
    """A table, a view of the database, or a temporary view."""

    name: str
    catalog: str | None
    namespace: list[str] | None
    description: str | None
    tableType: str
    isTemporary: bool

    @property
    def database(self) -> str | None:
        """The schema, None for a temporary view."""
        return self.namespace[0] if self.namespace is not None and len(self.namespace) == 1 else None


class Column(NamedTuple):
    """A column of a table or view."""

    name: str
    description: str | None
    dataType: str
    nullable: bool
    isPartition: bool
    isBucket: bool
    isCluster: bool


class Function(NamedTuple):
    """A function."""

    name: str
    catalog: str | None
    namespace: list[str] | None
    description: str | None
    className: str | None
    isTemporary: bool


@refuses(
    "Catalog",
    createExternalTable="tableName, path=None, source=None, schema=None, **options",
    getCreateTableString="tableName, asSerde=False",
    getTableProperties="tableName",
    listPartitions="tableName",
    recoverPartitions="tableName",
    registerFunction="name, f, returnType=None",
)
class Catalog:
    """The tables, views and functions that SQL can name."""

    def __init__(self, sparkSession: SparkSession) -> None:
        self._session = sparkSession
        self._cached: set[str] = set()

    # ---- catalogs and schemas ---------------------------------------------------------------------------------

    def currentCatalog(self) -> str:
        """Return Spark's name for the one catalog."""
        return "spark_catalog"

    def setCurrentCatalog(self, catalogName: str) -> None:
        """Accept the one catalog."""
        if catalogName.lower() != "spark_catalog":
            raise AnalysisException(
                "CATALOG_NOT_FOUND",
                f"The catalog `{catalogName}` not found.",
                sqlstate="42P08",
                parameters={"catalogName": f"`{catalogName}`"},
            )

    def listCatalogs(self, pattern: str | None = None) -> list[CatalogMetadata]:
        """Return the one catalog."""
        return [CatalogMetadata("spark_catalog", None)] if tables.matches("spark_catalog", pattern) else []

    def currentDatabase(self) -> str:
        """Return the schema that names without one are looked up in."""
        return self._session._state.conf.schema

    def setCurrentDatabase(self, dbName: str) -> None:
        """Make a schema the one that names without one are looked up in, as USE does.

        Raises:
            AnalysisException: SCHEMA_NOT_FOUND.
        """
        use_schema(self._session._state, tables.table_name(need_str("dbName", dbName)))

    def listDatabases(self, pattern: str | None = None) -> list[Database]:
        """Return the schemas of the database."""
        return [self.getDatabase(name) for name in tables.schemas(self._session._state, pattern)]

    def getDatabase(self, dbName: str) -> Database:
        """Return a schema.

        Raises:
            AnalysisException: SCHEMA_NOT_FOUND.
        """
        if not self.databaseExists(dbName):
            raise tables.schema_not_found(dbName)
        path = self._session._state.database.path
        name = dbName.rpartition(".")[2]
        about = "default database" if name.lower() == "default" else ""
        return Database(name, "spark_catalog", about, f"file:{path}" if path else "")

    def createDatabase(
        self, dbName: str, ifNotExists: bool = False, properties: dict[str, str] | None = None
    ) -> None:
        """Create a schema of the session's database.

        Raises:
            AnalysisException: SCHEMA_ALREADY_EXISTS.
        """
        if properties:
            raise unsupported("Properties of a schema")
        name = tables.table_name(need_str("dbName", dbName))
        create_schema(self._session._state, name, ifNotExists)

    def dropDatabase(self, dbName: str, ifExists: bool = False, cascade: bool = False) -> None:
        """Drop a schema of the session's database; with `cascade` its tables and views too.

        Raises:
            AnalysisException: SCHEMA_NOT_FOUND, SCHEMA_NOT_EMPTY.
        """
        name = tables.table_name(need_str("dbName", dbName))
        drop_schema(self._session._state, name, ifExists, cascade)

    def databaseExists(self, dbName: str) -> bool:
        """Return whether there is a schema of this name."""
        known = {name.lower() for name in tables.schemas(self._session._state)}
        return _in_catalog(dbName).lower() in known

    # ---- tables and views -------------------------------------------------------------------------------------

    def listTables(self, dbName: str | None = None, pattern: str | None = None) -> list[Table]:
        """Return the tables and views of a schema, and the temporary views."""
        schema = None if dbName is None else _in_catalog(dbName)
        return [_table(entry) for entry in tables.entries(self._session._state, schema, pattern)]

    def listViews(self, dbName: str | None = None, pattern: str | None = None) -> list[Table]:
        """Return the views of a schema, and the temporary views."""
        return [table for table in self.listTables(dbName, pattern) if table.tableType != "MANAGED"]

    def getTable(self, tableName: str) -> Table:
        """Return a table or view.

        Raises:
            AnalysisException: TABLE_OR_VIEW_NOT_FOUND.
        """
        parts = tables.table_name(need_str("tableName", tableName))
        if len(parts) == 1 and parts[0].lower() in self._session._state.views:
            return _table(tables.TableEntry(parts[0], None, "TEMPORARY"))
        path = tables.path_of(self._session._state, parts)
        if tables.find(self._session._state, parts) is not None:
            for entry in tables.entries(self._session._state, path.schema):
                if not entry.is_temporary and entry.name.lower() == path.name.lower():
                    return _table(entry)
        raise table_not_found(parts)

    def tableExists(self, tableName: str, dbName: str | None = None) -> bool:
        """Return whether there is a table or view of this name."""
        parts = tables.table_name(need_str("tableName", tableName))
        if dbName is not None:
            parts = (dbName, *parts)
        if len(parts) == 1 and parts[0].lower() in self._session._state.views:
            return True
        return tables.find(self._session._state, parts) is not None

    def listColumns(self, tableName: str, dbName: str | None = None) -> list[Column]:
        """Return the columns of a table or view.

        Raises:
            AnalysisException: TABLE_OR_VIEW_NOT_FOUND.
        """
        parts = tables.table_name(need_str("tableName", tableName))
        plan = self._session._state.analyze(r.UnresolvedTable(parts if dbName is None else (dbName, *parts)))
        return [
            Column(
                f.name, f.metadata.get("comment"), f.dataType.simpleString(), f.nullable, False, False, False
            )
            for f in plan.schema.fields
        ]

    def createTable(
        self,
        tableName: str,
        path: str | None = None,
        source: str | None = None,
        schema: t.StructType | None = None,
        description: str | None = None,
        **options: str,
    ) -> DataFrame:
        """Create an empty table of the session's database."""
        if path is not None or (source or "duckdb").lower() not in ("duckdb", "parquet"):
            raise unsupported("A table over files", "Tables live in the session's DuckDB database.")
        if schema is not None and not isinstance(schema, t.StructType):
            raise not_expected("schema", "struct type", schema)
        parts, state = tables.table_name(need_str("tableName", tableName)), self._session._state
        if tables.find(state, parts) is not None:
            raise tables.exists_already(tables.path_of(self._session._state, parts))
        if not schema:
            raise AnalysisException(
                "UNABLE_TO_INFER_SCHEMA",
                f"Unable to infer schema for the table {tableName}: give createTable a schema.",
                sqlstate="42KD9",
                parameters={"format": "Parquet"},
            )
        tables.create_table(state, tables.path_of(self._session._state, parts), schema, comment=description)
        return self._session.table(tableName)

    def dropTable(self, tableName: str, ifExists: bool = False, purge: bool = False) -> None:
        """Drop a table."""
        self._drop("TABLE", tableName, ifExists)

    def dropView(self, viewName: str, ifExists: bool = False) -> None:
        """Drop a view."""
        self._drop("VIEW", viewName, ifExists)

    def _drop(self, kind: str, name: str, if_exists: bool) -> None:
        quoted = ".".join(f"`{part.replace('`', '``')}`" for part in tables.table_name(name))
        self._session.sql(f"DROP {kind} {'IF EXISTS ' if if_exists else ''}{quoted}")

    def truncateTable(self, tableName: str) -> None:
        """Remove all rows of a table."""
        quoted = ".".join(f"`{part.replace('`', '``')}`" for part in tables.table_name(tableName))
        self._session.sql(f"TRUNCATE TABLE {quoted}")

    def dropTempView(self, viewName: str) -> bool:
        """Drop a temporary view; return whether there was one."""
        return self._session._state.views.pop(viewName.lower(), None) is not None

    def dropGlobalTempView(self, viewName: str) -> bool:
        """Drop a global temporary view; return whether there was one."""
        return self._session._state.database.global_views.pop(viewName.lower(), None) is not None

    # ---- functions --------------------------------------------------------------------------------------------

    def functionExists(self, functionName: str, dbName: str | None = None) -> bool:
        """Return whether lightstream has a function of this name, or the session a Python function."""
        from lightstream.functions import registry

        state = self._session._state
        if functionName.lower() in (*state.functions, *state.table_functions, *state.sql_functions):
            return True
        entry = registry.lookup(functionName)
        return entry is not None and not entry.extra.get("refused")

    def listFunctions(self, dbName: str | None = None, pattern: str | None = None) -> list[Function]:
        """Return the functions that lightstream has, and those of the session."""
        from lightstream.functions import registry

        state = self._session._state
        if dbName is not None and not self.databaseExists(dbName):
            raise tables.schema_not_found(_in_catalog(dbName))
        known = {name for name in registry.names() if name not in _NOT_IN_SPARK}
        names = {*known, *state.functions, *state.sql_functions, *state.table_functions}
        return [_function(name) for name in sorted(names) if tables.matches(name, pattern)]

    def getFunction(self, functionName: str) -> Function:
        """Return a function.

        Raises:
            AnalysisException: UNRESOLVED_ROUTINE.
        """
        from lightstream.functions import registry

        entry: CatalogueEntry | None = registry.lookup(functionName)
        if entry is None:
            raise AnalysisException(
                "UNRESOLVED_ROUTINE",
                f"Cannot resolve routine `{functionName}` on search path {SEARCH_PATH}.",
                sqlstate="42883",
                parameters={"routineName": f"`{functionName}`", "searchPath": SEARCH_PATH},
            )
        return _function(functionName)

    # ---- what has no effect: nothing is kept ------------------------------------------------------------------

    def isCached(self, tableName: str) -> bool:
        """Return whether `cacheTable` was called; it has no effect."""
        self._session.table(tableName)
        return _short(tableName) in self._cached

    def cacheTable(self, tableName: str, storageLevel: StorageLevel | None = None) -> None:
        """Accept it: each query reads its sources again."""
        self._session.table(tableName)
        self._cached.add(_short(tableName))

    def uncacheTable(self, tableName: str) -> None:
        """Take back `cacheTable`."""
        self._session.table(tableName)
        self._cached.discard(_short(tableName))

    def clearCache(self) -> None:
        """Take back every `cacheTable`."""
        self._cached.clear()

    def analyzeTable(self, tableName: str, noScan: bool = False) -> None:
        """Accept it: DuckDB keeps its own statistics.

        Raises:
            AnalysisException: TABLE_OR_VIEW_NOT_FOUND.
        """
        self._session.table(tableName)

    def refreshTable(self, tableName: str) -> None:
        """Accept it: each query reads its sources again."""
        self._session.table(tableName)

    def refreshByPath(self, path: str) -> None:
        """Accept it: each query reads its sources again."""


def _table(entry: tables.TableEntry) -> Table:
    if entry.is_temporary:
        return Table(entry.name, None, [], None, "TEMPORARY", True)
    return Table(entry.name, "spark_catalog", [entry.schema or "default"], entry.comment, entry.kind, False)


def _in_catalog(name: str) -> str:
    return name[len("spark_catalog.") :] if name.lower().startswith("spark_catalog.") else name


def _short(name: str) -> str:
    return name.lower().removeprefix("spark_catalog.").removeprefix("default.")


def _function(name: str) -> Function:
    return Function(name.lower(), None, None, None, None, True)

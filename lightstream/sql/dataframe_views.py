"""The part of DataFrame that gives it a name, or keeps its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightstream.errors import AnalysisException, ParseException
from lightstream.sql.arguments import need_str
from lightstream.sql.context import StorageLevel
from lightstream.sql.dataframe_actions import Actions, streaming_action
from lightstream.sql.tables import table_name

if TYPE_CHECKING:
    from lightstream.plan.logical import LogicalPlan
    from lightstream.sql.dataframe import DataFrame
    from lightstream.sql.session import SparkSession


class Views(Actions):
    """Temporary views, and what Spark would keep in memory."""

    _storage = StorageLevel.NONE

    # ---- temporary views --------------------------------------------------------------------------------------

    def createTempView(self, name: str) -> None:
        """Name the DataFrame for SQL.

        Raises:
            AnalysisException: TEMP_TABLE_OR_VIEW_ALREADY_EXISTS.
        """
        create_view(self._session, view_name(name), self._plan, replace=False)

    def createOrReplaceTempView(self, name: str) -> None:
        """Name the DataFrame for SQL, in place of what had the name."""
        create_view(self._session, view_name(name), self._plan, replace=True)

    registerTempTable = createOrReplaceTempView

    def createGlobalTempView(self, name: str) -> None:
        """Name the DataFrame for SQL, as `global_temp.<name>`; it lives as long as the session's database is open."""
        create_view(self._session, view_name(name), self._plan, replace=False, is_global=True)

    def createOrReplaceGlobalTempView(self, name: str) -> None:
        """Name the DataFrame for SQL, as `global_temp.<name>`, in place of what had the name."""
        create_view(self._session, view_name(name), self._plan, replace=True, is_global=True)

    # ---- kept rows --------------------------------------------------------------------------------------------

    @property
    def storageLevel(self) -> StorageLevel:
        """The level that `persist` was given; it has no effect."""
        return self._storage

    @property
    def is_cached(self) -> bool:
        """Whether `cache` or `persist` was called; it has no effect."""
        return self._storage != StorageLevel.NONE

    def cache(self) -> DataFrame:
        """Return this DataFrame. Nothing is kept: each action reads its sources again."""
        return self.persist()

    def persist(self, storageLevel: StorageLevel = StorageLevel.MEMORY_AND_DISK_DESER) -> DataFrame:
        """Return this DataFrame. Nothing is kept: each action reads its sources again."""
        if self._plan.is_streaming:
            raise streaming_action(self._plan)
        if self._storage == StorageLevel.NONE:  # Spark: the first level stays
            self._storage = storageLevel
        return self  # type: ignore[return-value]

    def unpersist(self, blocking: bool = False) -> DataFrame:
        """Return this DataFrame."""
        self._storage = StorageLevel.NONE
        return self  # type: ignore[return-value]

    def checkpoint(self, eager: bool = True) -> DataFrame:
        """Run the plan and return its rows as a new DataFrame, in memory."""
        from lightstream.sql.local_data import local_frame

        result = self._run()
        return local_frame(result.arrow(), result.schema, self._session)

    def localCheckpoint(self, eager: bool = True, storageLevel: StorageLevel | None = None) -> DataFrame:
        """Run the plan and return its rows as a new DataFrame, in memory."""
        return self.checkpoint(eager)


def view_name(name: str) -> str:
    """Return a view's name without its backquotes.

    Raises:
        AnalysisException: it is no name, or has several parts.
    """
    try:
        parts = table_name(need_str("name", name))
    except ParseException:
        raise AnalysisException(
            "_LEGACY_ERROR_TEMP_1321", f"Invalid view name: {name}.", parameters={"viewName": name}
        ) from None
    if len(parts) > 1:
        raise AnalysisException(
            "TEMP_VIEW_NAME_TOO_MANY_NAME_PARTS",
            f"A temporary view has a name of one part, but this one is: {name}.",
            sqlstate="428EK",
            parameters={"actualName": name},
        )
    return parts[0]


def create_view(
    session: SparkSession, name: str, plan: LogicalPlan, replace: bool, is_global: bool = False
) -> None:
    """Name a plan for SQL, in this session or (as `global_temp.<name>`) in all sessions of the database."""
    views = session._state.database.global_views if is_global else session._state.views
    if not replace and name.lower() in views:
        raise AnalysisException(
            "TEMP_TABLE_OR_VIEW_ALREADY_EXISTS",
            f"Cannot create the temporary view `{name}` because it already exists. Choose a different name, or drop "
            "or replace the existing view.",
            sqlstate="42P07",
            parameters={"relationName": f"`{name}`"},
        )
    views[name.lower()] = plan

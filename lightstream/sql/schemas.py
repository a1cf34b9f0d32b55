"""Schemas of the session's DuckDB database: created and dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightstream.errors import AnalysisException, unsupported
from lightstream.functions.spelling import quote
from lightstream.sql import tables

if TYPE_CHECKING:
    from lightstream.execute.session import SessionState

# DuckDB's own, and ours.
_RESERVED = frozenset(
    ("main", "temp", "system", "information_schema", "pg_catalog", "lightstream", "global_temp")
)


def create_schema(state: SessionState, name: tuple[str, ...], if_not_exists: bool) -> None:
    """Create a schema of the session's database.

    Raises:
        AnalysisException: SCHEMA_ALREADY_EXISTS.
    """
    schema = _schema_name(name)
    if _has_schema(state, schema):
        if if_not_exists:
            return
        raise AnalysisException(
            "SCHEMA_ALREADY_EXISTS",
            f"Cannot create schema `{schema}` because it already exists. Choose another name, or add IF NOT EXISTS.",
            sqlstate="42P06",
            parameters={"schemaName": f"`{schema}`"},
        )
    cursor = state.database.cursor()
    with tables.transaction(cursor):
        cursor.execute(f"CREATE SCHEMA {quote(schema)}")


def drop_schema(state: SessionState, name: tuple[str, ...], if_exists: bool, cascade: bool) -> None:
    """Drop a schema of the session's database; with `cascade` its tables and views too.

    Raises:
        AnalysisException: SCHEMA_NOT_FOUND, SCHEMA_NOT_EMPTY, UNSUPPORTED_FEATURE.DROP_DATABASE.
    """
    schema = _schema_name(name)
    if schema.lower() == "default":
        raise AnalysisException(
            "UNSUPPORTED_FEATURE.DROP_DATABASE",
            "The feature is not supported: drop the default schema `spark_catalog`.`default`.",
            sqlstate="0A000",
            parameters={"database": "`spark_catalog`.`default`"},
        )
    if not _has_schema(state, schema):
        if if_exists:
            return
        raise tables.schema_not_found(schema)
    if not cascade and any(not entry.is_temporary for entry in tables.entries(state, schema)):
        raise AnalysisException(
            "SCHEMA_NOT_EMPTY",
            f"Cannot drop a schema `{schema}` because it contains objects. Use CASCADE to drop them with it.",
            sqlstate="2BP01",
            parameters={"schemaName": f"`{schema}`"},
        )
    cursor = state.database.cursor()
    with tables.transaction(cursor):
        cursor.execute(f"DROP SCHEMA {quote(schema)} CASCADE")


def use_schema(state: SessionState, name: tuple[str, ...]) -> None:
    """Make a schema the session's current one; the name of the one catalog changes nothing.

    Raises:
        AnalysisException: SCHEMA_NOT_FOUND.
    """
    if len(name) == 1 and name[0].lower() == "spark_catalog":
        return
    wanted = name[-1]
    if (
        not _has_schema(state, wanted)
        or len(name) > 2
        or (len(name) == 2 and name[0].lower() != "spark_catalog")
    ):
        raise tables.schema_not_found(".".join(name))
    state.conf.schema = wanted


def _schema_name(name: tuple[str, ...]) -> str:
    left = name[1:] if len(name) > 1 and name[0].lower() == "spark_catalog" else name
    if len(left) != 1 or left[0].lower() in _RESERVED:
        raise unsupported(f"A schema of the name {'.'.join(name)}")
    return left[0]


def _has_schema(state: SessionState, name: str) -> bool:
    return any(known.lower() == name.lower() for known in tables.schemas(state))

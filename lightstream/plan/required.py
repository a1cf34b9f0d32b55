"""What a query needs of a source: the vocabulary between the compiler and the sources."""

from __future__ import annotations

from lightstream.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Required:
    """A column that a query needs: the source's field `name` (or `_metadata.x` as ("_metadata", "x")), and the SQL
    column name it must come out as."""

    path: tuple[str, ...]
    output: str

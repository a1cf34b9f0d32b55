"""A SELECT under construction: operators are merged into one statement as long as that keeps its meaning."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import field, replace

from lightstream.dataclass import dataclass
from lightstream.functions.spelling import quote
from lightstream.plan import expressions as e

_COLUMN = re.compile(r'(?:\w+\.)?"(?:[^"]|"")*"')


@dataclass(frozen=True, slots=True)
class Select:
    """`SELECT <columns> FROM <source> WHERE ... GROUP BY ... HAVING ... ORDER BY ... LIMIT ...`.

    `columns` maps each attribute id to its text over `source`; what is selected in the end is up to the reader.
    """

    source: str
    columns: dict[int, str]
    where: tuple[str, ...] = ()
    group: str | None = None
    having: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    limit: int | None = None
    offset: int = 0
    distinct: str = ""
    volatile: frozenset[int] = field(default_factory=frozenset)  # columns that must be computed once

    @property
    def is_bare(self) -> bool:
        """Return whether this is nothing but a source with its columns."""
        return (
            not self.where
            and self.group is None
            and not self.order
            and self.limit is None
            and not self.offset
            and not self.distinct
            and all(map(is_column, self.columns.values()))
        )

    @property
    def takes_where(self) -> bool:
        """Return whether a further WHERE condition may be added."""
        return self.group is None and self.limit is None and not self.offset and not self.distinct

    def text(self, output: Iterable[tuple[int, str]]) -> str:
        """Return the statement that selects the given attributes under the given names."""
        items = ", ".join(_item(self.columns[i], name) for i, name in output)
        parts = [f"SELECT {self.distinct + ' ' if self.distinct else ''}{items or '1'}"]
        if self.source:
            parts.append(f"FROM {self.source}")
        if self.where:
            parts.append("WHERE " + " AND ".join(self.where))
        if self.group:
            parts.append(f"GROUP BY {self.group}")
        elif self.group == "" and not items:
            parts[0] = "SELECT count(*)"
        if self.having:
            parts.append("HAVING " + " AND ".join(self.having))
        if self.order:
            parts.append("ORDER BY " + ", ".join(self.order))
        if self.limit is not None:
            parts.append(f"LIMIT {self.limit}")
        if self.offset:
            parts.append(f"OFFSET {self.offset}")
        return " ".join(parts)

    def with_where(self, *conditions: str) -> Select:
        """Return this SELECT with more conditions."""
        return replace(self, where=(*self.where, *conditions))


def _item(text: str, name: str) -> str:
    quoted = quote(name)
    return text if text == quoted else f"{text} AS {quoted}"


def is_column(text: str) -> bool:
    """Return whether a text is nothing but a column reference."""
    return _COLUMN.fullmatch(text) is not None


def distinct_names(attributes: Iterable[e.Attribute]) -> list[str]:
    """Return SQL names for columns: their own, numbered where DuckDB could not tell them apart."""
    taken: set[str] = set()
    names: list[str] = []
    for attribute in attributes:
        name, number = attribute.name or "column", 1
        while name.lower() in taken:
            number += 1
            name = f"{attribute.name}_{number}"
        taken.add(name.lower())
        names.append(name)
    return names

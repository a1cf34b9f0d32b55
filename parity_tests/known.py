"""Cases that answer otherwise than Spark, with the reason. Their tests must fail: one that passes leaves the table."""

# ruff: noqa: E501
from __future__ import annotations

from typing import Any

import pytest
from refused import REFUSED_CASES

_YEARS = "Python has no dates outside the years 1 to 9999: Spark raises ValueError, here they are text"

# Case, as its test calls it, to reason.
# fmt: off
KNOWN: dict[str, str] = {
    "rows_that_a_filter_keeps": "Spark's JSON reader drops rows by simple filters before they count as input",
    "stream reader: a question mark in a name": "Spark reads the other files of the batch twice",
    "stream reader: partitions that a filter leaves out": "Spark does not read their files, nor count their rows",
    "stream restart: with another directory": "Spark looks for the files of the last batch below the new one, and fails",
    "stream progress: a batch that fails in foreach batch": "Spark computes a batch when the function asks for it, and the function fails",
    "stream query: state below a sort": "Spark looks at its input before it sorts, and counts state rows twice",
    "sessions of a batch: filter on the session": "Spark filters rows by the session of each alone, before it merges them",
    "stream joins: itself": "Spark reads a stream once for two sides that are the same, and counts its rows for one",
    "stream joins, changed: another kind": "Spark takes the state of a left join for that of a full one",
    "changed query: no new data": "the state is compared when the query starts, in Spark when a batch runs",
    "textbook: the first rows of the files": "Spark reads a table's largest file first, here they are read by path",
    "operators: array(1)[NULL]": "Spark takes it for not nullable, and shows what a NULL leaves behind",
    "operators: NULL[0] = 1": "Spark names what is taken from NULL, also where names mean nothing",
    "dates in UTC: timestampadd(HOUR, 9223372036854775807L, timestamp'2024-03-09 02:30:00')": "the overflow is reported as one of its multiplication",
    "date_texts in UTC: to_timestamp(20200105, 'yyyyMMdd')": "an internal error of Spark's",
    "date_texts in UTC: from_unixtime(9223372036854775807L)": "Spark's multiplication of seconds overflows silently",
    "date_makers in UTC: make_date(10000, 1, 1)": _YEARS,
    "date_makers in UTC: make_date(-1, 1, 1)": _YEARS,
    "date_makers in UTC: make_date(300000, 1, 1)": _YEARS,
    "dates in America/New_York: timestampadd(HOUR, 9223372036854775807L, timestamp'2024-03-09 02:30:00')": "the overflow is reported as one of its multiplication",
    "date_texts in America/New_York: to_timestamp(20200105, 'yyyyMMdd')": "an internal error of Spark's",
    "date_texts in America/New_York: from_unixtime(9223372036854775807L)": "Spark's multiplication of seconds overflows silently",
    "date_makers in America/New_York: make_date(10000, 1, 1)": _YEARS,
    "date_makers in America/New_York: make_date(-1, 1, 1)": _YEARS,
    "date_makers in America/New_York: make_date(300000, 1, 1)": _YEARS,
    "queries of windows in UTC: select lag(v, '1') over (order by v) from values (1),(3),(2) t(v)": "the offset is refused by another condition",
    "sql tables 9: insert into tt values (99999999999, 'x')": "the overflow is reported as that of a cast",
    "sql errors 1: select from emp": "Spark takes the word for a column",
    "frames: rows_union_missing_struct": "fields of structs that are missing are not filled in",
    "frames: rows_same_semantics": "equal plans that were built apart are not recognised",
    "frames: stat_describe": "the last digit of a standard deviation, as text",
}
# fmt: on

_SEEN: set[str] = set()


def known(case: str, *values: Any, id: str | None = None) -> Any:
    """Return a case's parameters for pytest; a case of the table must fail."""
    _SEEN.add(case)
    reason = KNOWN.get(case) or ("refused by name" if case in REFUSED_CASES else None)
    marks = [] if reason is None else [pytest.mark.xfail(reason=reason, strict=True)]
    return pytest.param(*values, marks=marks, id=id or case)


def unmatched() -> set[str]:
    """Return what of the table no case is called, once all test modules were imported."""
    return {*KNOWN, *REFUSED_CASES} - _SEEN

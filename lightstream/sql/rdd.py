"""RDDs, as far as ordinary programs meet them beside DataFrames: local rows and functions over them.

There are no partitions: what tells them apart (`glom`, `getNumPartitions`, ...) is refused, as is all else that is not
here. Each action runs all functions anew. What Spark shuffles comes in an order of ours; it has none to promise.
"""

from __future__ import annotations

import functools
import heapq
import itertools
import operator
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from lightstream.errors import PySparkException, PySparkValueError, unsupported

if TYPE_CHECKING:
    from lightstream.sql.dataframe import DataFrame
    from lightstream.sql.session import SparkSession

_REFUSED = "RDDs are small here: use DataFrames, or collect() and Python."


class RDD:
    """Values that are made when an action asks for them."""

    def __init__(self, make: Callable[[], Iterable[Any]], session: SparkSession) -> None:
        self._make = make
        self._session = session

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise unsupported(f"RDD.{name}", _REFUSED)

    def _values(self) -> Iterator[Any]:
        from lightstream.execute.python_functions import python_exception

        try:
            yield from self._make()
        except (PySparkException, GeneratorExit):
            raise
        except Exception as error:
            raise python_exception(error) from error

    def _through(self, change: Callable[[Iterator[Any]], Iterable[Any]]) -> RDD:
        return RDD(lambda: change(iter(self._make())), self._session)

    @property
    def context(self) -> Any:
        """The context."""
        return self._session.sparkContext

    # ---- one by one ---------------------------------------------------------------------------------------------

    def map(self, f: Callable[[Any], Any], preservesPartitioning: bool = False) -> RDD:
        """Return what a function makes of each value."""
        return self._through(lambda values: map(f, values))

    def flatMap(self, f: Callable[[Any], Iterable[Any]], preservesPartitioning: bool = False) -> RDD:
        """Return all values that a function makes of each."""
        return self._through(lambda values: itertools.chain.from_iterable(map(f, values)))

    def filter(self, f: Callable[[Any], bool]) -> RDD:
        """Return the values for which a function is true."""
        return self._through(lambda values: filter(f, values))

    def mapPartitions(
        self, f: Callable[[Iterator[Any]], Iterable[Any]], preservesPartitioning: bool = False
    ) -> RDD:
        """Return what a function makes of all values: they are one partition."""
        return self._through(f)

    def keyBy(self, f: Callable[[Any], Any]) -> RDD:
        """Return pairs of what a function makes of each value, and the value."""
        return self.map(lambda value: (f(value), value))

    def mapValues(self, f: Callable[[Any], Any]) -> RDD:
        """Return pairs with the same keys."""
        return self.map(lambda pair: (pair[0], f(pair[1])))

    def flatMapValues(self, f: Callable[[Any], Iterable[Any]]) -> RDD:
        """Return pairs of each key with each value that a function makes of its value."""
        return self.flatMap(lambda pair: ((pair[0], value) for value in f(pair[1])))

    def keys(self) -> RDD:
        """Return the first of each pair."""
        return self.map(operator.itemgetter(0))

    def values(self) -> RDD:
        """Return the second of each pair."""
        return self.map(operator.itemgetter(1))

    def zipWithIndex(self) -> RDD:
        """Return each value with its place."""
        return self._through(lambda values: ((value, place) for place, value in enumerate(values)))

    def union(self, other: RDD) -> RDD:
        """Return the values of both."""
        return RDD(lambda: itertools.chain(self._make(), other._make()), self._session)

    __add__ = union

    # ---- all together -------------------------------------------------------------------------------------------

    def distinct(self, numPartitions: int | None = None) -> RDD:
        """Return each value once."""
        return self._through(dict.fromkeys)

    def sortBy(
        self, keyfunc: Callable[[Any], Any], ascending: bool = True, numPartitions: int | None = None
    ) -> RDD:
        """Return the values in the order of what a function makes of them."""
        return self._through(lambda values: sorted(values, key=keyfunc, reverse=not ascending))

    def sortByKey(
        self,
        ascending: bool = True,
        numPartitions: int | None = None,
        keyfunc: Callable[[Any], Any] = lambda key: key,
    ) -> RDD:
        """Return pairs in the order of their keys."""
        return self.sortBy(lambda pair: keyfunc(pair[0]), ascending)

    def groupByKey(self, numPartitions: int | None = None) -> RDD:
        """Return each key with its values."""

        def grouped(values: Iterator[Any]) -> Iterable[Any]:
            found: dict[Any, list[Any]] = defaultdict(list)
            for key, value in values:
                found[key].append(value)
            return found.items()

        return self._through(grouped)

    def groupBy(self, f: Callable[[Any], Any], numPartitions: int | None = None) -> RDD:
        """Return the values by what a function makes of them."""
        return self.keyBy(f).groupByKey()

    def reduceByKey(self, func: Callable[[Any, Any], Any], numPartitions: int | None = None) -> RDD:
        """Return each key with what a function makes of its values, two by two."""
        return self.groupByKey().mapValues(lambda values: functools.reduce(func, values))

    def join(self, other: RDD, numPartitions: int | None = None) -> RDD:
        """Return each key with each pair of a value here and a value there."""

        def joined() -> Iterator[Any]:
            there = other.groupByKey().collectAsMap()
            for key, value in self._make():
                yield from ((key, (value, found)) for found in there.get(key, ()))

        return RDD(joined, self._session)

    # ---- actions ------------------------------------------------------------------------------------------------

    def collect(self) -> list[Any]:
        """Return all values."""
        return list(self._values())

    def toLocalIterator(self, prefetchPartitions: bool = False) -> Iterator[Any]:
        """Return the values one by one."""
        return self._values()

    def take(self, num: int) -> list[Any]:
        """Return the first values."""
        return list(itertools.islice(self._values(), max(0, num)))

    def first(self) -> Any:
        """Return the first value.

        Raises:
            ValueError: there is none.
        """
        for value in self._values():
            return value
        raise ValueError("RDD is empty")

    def isEmpty(self) -> bool:
        """Return whether there is no value."""
        return not self.take(1)

    def count(self) -> int:
        """Return how many values there are."""
        return sum(1 for _ in self._values())

    def top(self, num: int, key: Callable[[Any], Any] | None = None) -> list[Any]:
        """Return the greatest values, the greatest first."""
        return heapq.nlargest(num, self._values(), key)

    def takeOrdered(self, num: int, key: Callable[[Any], Any] | None = None) -> list[Any]:
        """Return the least values, the least first."""
        return heapq.nsmallest(num, self._values(), key)

    def reduce(self, f: Callable[[Any, Any], Any]) -> Any:
        """Return what a function makes of all values, two by two.

        Raises:
            ValueError: there is none.
        """
        values = self.collect()
        if not values:
            raise ValueError("Can not reduce() empty RDD")
        return functools.reduce(f, values)

    def sum(self) -> Any:
        """Return the sum."""
        return sum(self._values())

    def max(self, key: Callable[[Any], Any] | None = None) -> Any:
        """Return the greatest value."""
        return self.reduce(lambda a, b: max(a, b, key=key))

    def min(self, key: Callable[[Any], Any] | None = None) -> Any:
        """Return the least value."""
        return self.reduce(lambda a, b: min(a, b, key=key))

    def mean(self) -> Any:
        """Return the mean."""
        values = self.collect()
        return sum(values) / len(values) if values else 0.0

    def countByValue(self) -> dict[Any, int]:
        """Return how often each value is there."""
        return defaultdict(int, Counter(self._values()))

    def countByKey(self) -> dict[Any, int]:
        """Return how often each key is there."""
        return self.keys().countByValue()

    def collectAsMap(self) -> dict[Any, Any]:
        """Return pairs as a dict."""
        return dict(self._values())

    def lookup(self, key: Any) -> list[Any]:
        """Return the values of a key."""
        return [value for found, value in self._values() if found == key]

    def foreach(self, f: Callable[[Any], None]) -> None:
        """Call a function with each value."""
        self.map(f).count()

    def foreachPartition(self, f: Callable[[Iterator[Any]], Any]) -> None:
        """Call a function with all values: they are one partition."""
        self.mapPartitions(lambda values: f(values) or ()).count()

    # ---- what has no effect -------------------------------------------------------------------------------------

    def cache(self) -> RDD:
        """Return it as it is."""
        return self

    def persist(self, storageLevel: Any = None) -> RDD:
        """Return it as it is."""
        return self

    def unpersist(self, blocking: bool = False) -> RDD:
        """Return it as it is."""
        return self

    def repartition(self, numPartitions: int) -> RDD:
        """Return it as it is: there are no partitions."""
        return self

    def coalesce(self, numPartitions: int, shuffle: bool = False) -> RDD:
        """Return it as it is: there are no partitions."""
        return self

    # ---- to DataFrames ------------------------------------------------------------------------------------------

    def toDF(self, schema: Any = None, sampleRatio: float | None = None) -> DataFrame:
        """Return the values as a DataFrame; see `SparkSession.createDataFrame`."""
        return self._session.createDataFrame(self, schema, sampleRatio)


def schema_rows(rows: list[Any]) -> list[Any]:
    """Return the rows of an RDD whose types make its schema: the first, and more where it has a NULL.

    Raises:
        ValueError: there is none.
    """
    from lightstream.sql.infer import infer_schema

    if not rows:
        raise ValueError("RDD is empty")
    for count in range(1, min(len(rows), 100) + 1):
        try:
            infer_schema(rows[:count], False)
        except PySparkValueError as error:
            if error.getCondition() != "CANNOT_DETERMINE_TYPE":
                raise
        else:
            return rows[:count]
    return rows[:100]

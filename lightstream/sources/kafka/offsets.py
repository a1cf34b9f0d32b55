"""Offsets of Kafka's partitions: as JSON in Spark's form, and as the brokers tell them."""

from __future__ import annotations

import json
import logging
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lightstream.errors import IllegalArgumentException, SparkRuntimeException
from lightstream.sources.kafka.client import client, configuration, is_away, made, text_of, unreachable

if TYPE_CHECKING:
    from lightstream.sources.kafka.options import KafkaOptions, Place

Partition = tuple[str, int]
Offsets = dict[Partition, int]

LATEST, EARLIEST = -1, -2
_INTERNAL = ("__consumer_offsets", "__transaction_state")
_START_TIMEOUT_S = 10.0
logger = logging.getLogger(__name__)


def offsets_text(offsets: Mapping[Partition, int]) -> str:
    """Return offsets as Spark writes them.

    >>> offsets_text({("b", 1): 5, ("a", 0): 23, ("b", 0): 2})
    '{"a":{"0":23},"b":{"0":2,"1":5}}'
    """
    found: dict[str, dict[str, int]] = {}
    for (topic, number), offset in sorted(offsets.items()):
        found.setdefault(topic, {})[str(number)] = offset
    return json.dumps(found, separators=(",", ":"), ensure_ascii=False)


def parse_offsets(text: str, what: str = "") -> Offsets:
    """Return offsets from JSON, as a program or a checkpoint has them.

    Raises:
        IllegalArgumentException: it is not of that form.
    """
    try:
        found: Any = json.loads(text)
        return {
            (topic, int(number)): int(offset)
            for topic, numbers in found.items()
            for number, offset in numbers.items()
        }
    except (ValueError, TypeError, AttributeError):
        raise IllegalArgumentException(
            None,
            f'Expected e.g. {{"topicA":{{"0":23,"1":-1}},"topicB":{{"0":-2}}}}{" for " + what if what else ""}, '
            f"got {text}",
        ) from None


def limited(limit: int, begin: Offsets, end: Offsets, earliest: Mapping[Partition, int]) -> Offsets:
    """Return the offsets up to which a batch reads that takes about `limit` offsets, shared out by what there is.

    >>> limited(5, {("t", 0): 0, ("t", 1): 0}, {("t", 0): 90, ("t", 1): 10}, {})
    {('t', 0): 4, ('t', 1): 1}
    """
    sizes = {}
    for partition, last in end.items():
        first = begin.get(partition, earliest.get(partition))
        if first is not None and last > first:
            sizes[partition] = (first, last - first)
    total = sum(size for _, size in sizes.values())
    found = dict(end)
    for partition, (first, size) in sizes.items():
        share = limit * (size / total)
        # A small partition is not left out altogether.
        found[partition] = min(end[partition], first + (math.ceil(share) if share < 1 else math.floor(share)))
    return found


def data_loss(kind: str, reason: str) -> SparkRuntimeException:
    """Return Spark's error for records that are gone."""
    return SparkRuntimeException(
        f"KAFKA_DATA_LOSS.{kind}",
        "Records that the query was to read are not in Kafka any more: they were aged out, or a topic was deleted. To "
        f"go on without them, set the option failOnDataLoss to false. {reason}",
        sqlstate="22000",
        parameters={"reason": reason},
    )


class DataLoss:
    """What to do about records that are gone: fail, or say so and go on."""

    def __init__(self, fails: bool) -> None:
        self._fails = fails

    def report(self, kind: str, reason: str) -> None:
        """Fail, or write a warning.

        Raises:
            SparkRuntimeException: KAFKA_DATA_LOSS.
        """
        if self._fails:
            raise data_loss(kind, reason)
        logger.warning("Records may be missing (failOnDataLoss is false). %s", reason)


class Brokers:
    """What the brokers know: partitions, and their first and last offsets."""

    def __init__(self, options: KafkaOptions) -> None:
        kafka = client()
        self._options = options
        admin = {k: v for k, v in options.client.items() if not k.startswith(("group.", "isolation."))}
        from confluent_kafka.admin import AdminClient

        self._admin = made(AdminClient, configuration(admin))
        committed = options.client.get("isolation.level") == "read_committed"
        levels = kafka.IsolationLevel
        self._level = levels.READ_COMMITTED if committed else levels.READ_UNCOMMITTED
        self._pattern = None if options.pattern is None else re.compile(options.pattern)
        self.servers = options.client["bootstrap.servers"]

    def partitions(self, timeout_s: float | None = None) -> tuple[Partition, ...]:
        """Return the partitions that the program asks for and that there are.

        Raises:
            KafkaException: no broker answers.
            SparkRuntimeException: a topic that is named is not there.
        """
        if self._options.assigned:
            return self._options.assigned
        timeout_s = timeout_s or _START_TIMEOUT_S
        named: Sequence[str] = self._options.topics
        if self._pattern is not None:
            everything = self._admin.list_topics(timeout=timeout_s).topics
            named = [name for name in everything if name not in _INTERNAL and self._pattern.fullmatch(name)]
            if not named:
                return ()
        found: list[Partition] = []
        missing = []
        kafka = client()
        # Asked for by name here, a topic is not made where brokers make what is asked for.
        asked = self._admin.describe_topics(kafka.TopicCollection(list(named)), request_timeout=timeout_s)
        for name, future in asked.items():
            try:
                found.extend((name, part.id) for part in _result(future, timeout_s).partitions)
            except kafka.KafkaException as error:
                if error.args[0].code() != kafka.KafkaError.UNKNOWN_TOPIC_OR_PART:
                    raise
                if self._pattern is None:
                    missing.append(name)
        if missing:
            raise SparkRuntimeException(
                "LIGHTSTREAM_KAFKA_UNKNOWN_TOPIC",
                f"There is no topic {', '.join(missing)} at {self.servers}. Create it, or look at the"
                " option subscribe.",
                sqlstate="42K03",
                parameters={"topics": ", ".join(missing)},
            )
        return tuple(sorted(found))

    def offsets(
        self, places: Mapping[Partition, Any], timeout_s: float | None = None
    ) -> dict[Partition, int | None]:
        """Return the offset at a place of each partition (confluent_kafka's `OffsetSpec`); None where there is none.

        Raises:
            KafkaException: no broker answers.
        """
        if not places:
            return {}
        timeout_s = timeout_s or _START_TIMEOUT_S
        kafka = client()
        asked = {kafka.TopicPartition(*partition): place for partition, place in places.items()}
        futures = self._admin.list_offsets(asked, isolation_level=self._level, request_timeout=timeout_s)
        found: dict[Partition, int | None] = {}
        for partition, future in futures.items():
            offset = _result(future, timeout_s).offset
            found[partition.topic, partition.partition] = None if offset < 0 else int(offset)
        return found

    def latest(self, partitions: Iterable[Partition], timeout_s: float | None = None) -> Offsets:
        """Return the offset after the last record of each partition."""
        from confluent_kafka.admin import OffsetSpec

        return _known(self.offsets({p: OffsetSpec.latest() for p in partitions}, timeout_s))

    def earliest(self, partitions: Iterable[Partition], timeout_s: float | None = None) -> Offsets:
        """Return the offset of the first record of each partition."""
        from confluent_kafka.admin import OffsetSpec

        return _known(self.offsets({p: OffsetSpec.earliest() for p in partitions}, timeout_s))

    def resolved(self, place: Place, is_start: bool, loss: DataLoss) -> Offsets:
        """Return the offsets that a program's place stands for.

        Raises:
            SparkRuntimeException: no broker answers; partitions are missing, or not there; a time has no offset.
        """
        try:
            return self._resolved(place, is_start, loss)
        except client().KafkaException as error:
            if is_away(error):
                raise unreachable(self.servers, text_of(error)) from error
            raise failed(error) from error

    def _resolved(self, place: Place, is_start: bool, loss: DataLoss) -> Offsets:
        partitions = self.partitions()
        if place.all is not None:
            return self.earliest(partitions) if place.all == EARLIEST else self.latest(partitions)
        if place.time is not None or place.times is not None:
            times = place.times if place.times is not None else dict.fromkeys(partitions, place.time or 0)
            return self._at_times(times, partitions, is_start)
        given = place.each or {}
        _check_partitions(given, partitions, "KAFKA_START_OFFSET_DOES_NOT_MATCH_ASSIGNED", "offsets")
        first, last = self.earliest(partitions), self.latest(partitions)
        found: Offsets = {}
        for partition in partitions:
            offset = given[partition]
            offset = (
                last[partition] if offset == LATEST else first[partition] if offset == EARLIEST else offset
            )
            if is_start and not first[partition] <= offset <= last[partition]:
                loss.report(
                    "START_OFFSET_RESET",
                    f"Starting offset for {_shown(partition)} was {offset} but consumer reset to {first[partition]}.",
                )
                offset = first[partition]
            found[partition] = offset
        return found

    def _at_times(self, times: Offsets, partitions: Sequence[Partition], is_start: bool) -> Offsets:
        from confluent_kafka.admin import OffsetSpec

        _check_partitions(
            times, partitions, "KAFKA_TIMESTAMP_OFFSET_DOES_NOT_MATCH_ASSIGNED", "timestamp based offsets"
        )
        found = self.offsets({p: OffsetSpec.for_timestamp(time) for p, time in times.items()})
        missing = [partition for partition, offset in found.items() if offset is None]
        if missing and is_start and not self._options.latest_without_time:
            partition = missing[0]
            raise SparkRuntimeException(
                "LIGHTSTREAM_KAFKA_NO_OFFSET_AT_TIME",
                f"No offset matched from request of topic-partition {_shown(partition)} and timestamp "
                f"{times[partition]}: it has no record that is as new. Choose an earlier time, or set the option "
                "startingOffsetsByTimestampStrategy to latest.",
                sqlstate="22023",
            )
        last = self.latest(missing)
        return {
            partition: last[partition] if offset is None else offset for partition, offset in found.items()
        }


def failed(error: BaseException) -> SparkRuntimeException:
    """Return the error for what the Kafka client reports and nothing can be done about here."""
    return SparkRuntimeException("LIGHTSTREAM_KAFKA_ERROR", f"Kafka: {text_of(error)}", sqlstate="58000")


def _result(future: Any, timeout_s: float) -> Any:
    """Return what a request gives; the client ends one that takes too long, and should it not, so does this."""
    try:
        return future.result(timeout_s + 1)
    except TimeoutError:
        kafka = client()
        raise kafka.KafkaException(kafka.KafkaError(kafka.KafkaError._TIMED_OUT)) from None


def _known(offsets: Mapping[Partition, int | None]) -> Offsets:
    return {partition: offset for partition, offset in offsets.items() if offset is not None}


def _check_partitions(
    given: Mapping[Partition, int], partitions: Sequence[Partition], condition: str, what: str
) -> None:
    if set(given) != set(partitions):
        specified, assigned = (", ".join(map(_shown, sorted(some))) for some in (given, partitions))
        raise SparkRuntimeException(
            condition,
            f"Partitions specified for Kafka {what} don't match what are assigned: each partition has to be named "
            f"(-1 is its end, -2 its beginning). Specified: {specified}. Assigned: {assigned}.",
            parameters={"specifiedPartitions": specified, "assignedPartitions": assigned},
        )


def _shown(partition: Partition) -> str:
    return f"{partition[0]}-{partition[1]}"

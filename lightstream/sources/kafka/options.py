"""The options of Kafka's source, checked: which partitions, where to start and end, how much a batch takes."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import field
from typing import Any

from lightstream.dataclass import dataclass
from lightstream.errors import IllegalArgumentException, unsupported
from lightstream.sources.file_options import duration_us
from lightstream.sources.kafka.client import kafka_options
from lightstream.sources.kafka.offsets import EARLIEST, LATEST, Offsets, Partition, parse_offsets

_STRATEGIES = ("assign", "subscribe", "subscribepattern")


@dataclass(frozen=True, slots=True)
class Place:
    """Where to start or end: the same for all partitions (EARLIEST, LATEST, a time), or one for each of them.

    Times are in milliseconds since the epoch.
    """

    all: int | None = None
    each: Offsets | None = None
    time: int | None = None
    times: Offsets | None = None


@dataclass(frozen=True, slots=True)
class KafkaOptions:
    """What a program says about a Kafka source."""

    client: dict[str, str]  # without `kafka.`
    topics: tuple[str, ...] = ()
    pattern: str | None = None
    assigned: tuple[Partition, ...] = ()
    start: Place = field(default_factory=Place)
    end: Place = field(default_factory=Place)
    latest_without_time: bool = False  # startingOffsetsByTimestampStrategy
    max_offsets: int | None = None
    max_per_partition: int | None = None
    min_offsets: int | None = None
    max_delay_ms: int = 900_000
    fail_on_data_loss: bool = True
    headers: bool = False
    poll_timeout_ms: int = 120_000

    @property
    def description(self) -> str:
        """The partitions as Spark's progress names them."""
        if self.pattern is not None:
            return f"SubscribePattern[{self.pattern}]"
        if self.assigned:
            return f"Assign[{', '.join(f'{topic}-{number}' for topic, number in self.assigned)}]"
        return f"Subscribe[{', '.join(self.topics)}]"


def source_options(options: Mapping[str, str], streaming: bool) -> KafkaOptions:
    """Return the options of a Kafka source.

    Raises:
        IllegalArgumentException: one cannot be, or one that is needed is missing.
    """
    given = {key.lower(): value for key, value in options.items()}
    client = kafka_options(options, "consumer")
    topics, pattern, assigned = _partitions(given)
    if streaming:
        for name in ("endingoffsets", "endingoffsetsbytimestamp", "endingtimestamp"):
            if name in given:
                what = "offset" if name == "endingoffsets" else "timestamp"
                raise IllegalArgumentException(None, f"ending {what} not valid in streaming queries")
    start, end = _place(given, "starting"), _place(given, "ending")
    if not streaming:
        _check_batch(start, end)
    if "group.id" not in client:
        prefix = given.get("groupidprefix", "spark-kafka-source" if streaming else "spark-kafka-relation")
        client["group.id"] = f"{prefix}-{uuid.uuid4()}"
    strategy = given.get("startingoffsetsbytimestampstrategy", "error").lower()
    if strategy not in ("error", "latest"):
        raise IllegalArgumentException(
            None,
            f"startingOffsetsByTimestampStrategy is error or latest, not {strategy}.",
        )
    found = KafkaOptions(
        client=client,
        topics=topics,
        pattern=pattern,
        assigned=assigned,
        start=start if start != Place() else Place(all=LATEST if streaming else EARLIEST),
        end=end if end != Place() else Place(all=LATEST),
        latest_without_time=strategy == "latest",
        max_offsets=_count(given, "maxOffsetsPerTrigger"),
        max_per_partition=_count(given, "maxRecordsPerPartition"),
        min_offsets=_count(given, "minOffsetsPerTrigger"),
        max_delay_ms=duration_us(given.get("maxtriggerdelay", "15m"), "ms") // 1000,
        fail_on_data_loss=_flag(given, "failOnDataLoss", True),
        headers=_flag(given, "includeHeaders", False),
        poll_timeout_ms=_count(given, "kafkaConsumer.pollTimeoutMs") or 120_000,
    )
    if found.max_per_partition is not None and streaming:
        raise unsupported(
            "The option maxRecordsPerPartition of Kafka", "It divides tasks of Spark: leave it out."
        )
    if (
        found.min_offsets is not None
        and found.max_offsets is not None
        and found.min_offsets > found.max_offsets
    ):
        raise IllegalArgumentException(
            None,
            f"The value of minOffsetPerTrigger({found.min_offsets}) is higher than the maxOffsetsPerTrigger"
            f"({found.max_offsets}).",
        )
    return found


def _partitions(given: Mapping[str, str]) -> tuple[tuple[str, ...], str | None, tuple[Partition, ...]]:
    named = [name for name in _STRATEGIES if name in given]
    shown = ", ".join(("assign", "subscribe", "subscribePattern"))
    if not named:
        raise IllegalArgumentException(
            None, f"One of the following options must be specified for Kafka source: {shown}."
        )
    if len(named) > 1:
        raise IllegalArgumentException(
            None, f"Only one of the following options can be specified for Kafka source: {shown}."
        )
    [name] = named
    text = given[name].strip()
    if name == "assign":
        return (), None, _assigned(text)
    if name == "subscribe":
        topics = tuple(topic.strip() for topic in text.split(",") if topic.strip())
        if not topics:
            raise IllegalArgumentException(
                None,
                f"No topics to subscribe to as specified value for option 'subscribe' is '{given[name]}'",
            )
        return topics, None, ()
    if not text:
        raise IllegalArgumentException(
            None, "Pattern to subscribe is empty as specified value for option 'subscribePattern' is ''"
        )
    try:
        re.compile(text)
    except re.error as error:
        raise IllegalArgumentException(None, f"The option subscribePattern is no pattern: {error}.") from None
    return (), text, ()


def _assigned(text: str) -> tuple[Partition, ...]:
    try:
        found: Any = json.loads(text)
        return tuple(
            sorted((str(topic), int(number)) for topic, numbers in found.items() for number in numbers)
        )
    except (ValueError, TypeError, AttributeError):
        raise IllegalArgumentException(
            None, f'Expected e.g. {{"topicA":[0,1],"topicB":[0,1]}} for the option assign, got {text}'
        ) from None


def _place(given: Mapping[str, str], which: str) -> Place:
    """Return where to start or end. Spark: of several options, one time for all goes before times, and these before
    offsets."""
    if (text := given.get(f"{which}timestamp")) is not None:
        if not text.strip().isdecimal():
            raise IllegalArgumentException(
                None, f"The option {which}Timestamp is a number of milliseconds since the epoch, not {text}."
            )
        return Place(time=int(text))
    if (text := given.get(f"{which}offsetsbytimestamp")) is not None:
        return Place(times=parse_offsets(text, f"{which}OffsetsByTimestamp"))
    text = given.get(f"{which}offsets")
    if text is None:
        return Place()
    match text.strip().lower():
        case "latest":
            return Place(all=LATEST)
        case "earliest":
            return Place(all=EARLIEST)
    return Place(each=parse_offsets(text, f"{which}Offsets"))


def _check_batch(start: Place, end: Place) -> None:
    if start.all == LATEST:
        raise IllegalArgumentException(None, "starting offset can't be latest for batch queries on Kafka")
    if end.all == EARLIEST:
        raise IllegalArgumentException(None, "ending offset can't be earliest for batch queries on Kafka")
    for place, which, refused, word in (
        (start, "startingOffsets", LATEST, "latest"),
        (end, "ending offset", EARLIEST, "earliest"),
    ):
        for (topic, number), offset in (place.each or {}).items():
            if offset == refused:
                raise IllegalArgumentException(
                    None, f"{which} for {topic}-{number} can't be {word} for batch queries on Kafka"
                )
    if start.each and end.each:
        for partition, offset in start.each.items():
            last = end.each.get(partition, LATEST)
            if last >= 0 and offset > last:
                raise IllegalArgumentException(
                    "UNRESOLVED_START_OFFSET_GREATER_THAN_END_OFFSET",
                    f"The specified start offset {offset} is greater than the end offset {last} for topic "
                    f"{partition[0]} partition {partition[1]}.",
                )


def _count(given: Mapping[str, str], name: str) -> int | None:
    text = given.get(name.lower())
    if text is None:
        return None
    if not text.strip().isdecimal() or int(text) < 1:
        raise IllegalArgumentException(None, f"The option {name} is a number above 0, not {text}.")
    return int(text)


def _flag(given: Mapping[str, str], name: str, default: bool) -> bool:
    text = given.get(name.lower(), str(default)).lower()
    if text not in ("true", "false"):
        raise IllegalArgumentException(None, f"The option {name} is true or false, not {text}.")
    return text == "true"

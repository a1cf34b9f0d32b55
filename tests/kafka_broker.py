"""A Kafka broker for tests: a process of its own, with a directory of its own."""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

QUIET = logging.getLogger("kafka_broker")  # what clients say about brokers that are stopped
QUIET.setLevel(logging.CRITICAL)


def binary() -> str:
    """Return the path of the broker, which PyPI's noida-db brings."""
    spec = importlib.util.find_spec("noida_db")
    assert spec is not None and spec.origin is not None, "noida-db is not installed"
    return str(Path(spec.origin).parent / "noida-db")


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
    return port


class Broker:
    """A broker with its data in a directory; it can go and come back."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.port = free_port()
        self.servers = f"127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None
        self._admin: Any = None
        self._producer: Any = None

    def start(self) -> None:
        """Start, and wait until it listens."""
        command = [binary(), "start", "--data-dir", str(self._directory), "--host", "127.0.0.1"]
        command += ["--only", "kafka", "--kafka-port", str(self.port)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while True:
            assert self._process.poll() is None and time.monotonic() < deadline, "the broker did not start"
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.005)

    def stop(self) -> None:
        """Stop, with its data written."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:  # what it has to write is much
                self._process.kill()
                self._process.wait(20)
            self._process = None

    @property
    def admin(self) -> Any:
        """An admin client."""
        if self._admin is None:
            from confluent_kafka.admin import AdminClient

            self._admin = AdminClient({"bootstrap.servers": self.servers, "logger": QUIET})
        return self._admin

    def create(self, topic: str, partitions: int = 1) -> None:
        """Make a topic whose records stay."""
        from confluent_kafka.admin import NewTopic

        made = NewTopic(topic, partitions, 1, config={"retention.ms": "-1"})
        self.admin.create_topics([made])[topic].result(10)

    def grow(self, topic: str, partitions: int) -> None:
        """Give a topic more partitions."""
        from confluent_kafka.admin import NewPartitions

        self.admin.create_partitions([NewPartitions(topic, partitions)])[topic].result(10)
        self._producer = None  # it would not know them yet

    def delete(self, topic: str) -> None:
        """Remove a topic."""
        self.admin.delete_topics([topic])[topic].result(10)

    def drop_before(self, topic: str, partition: int, offset: int) -> None:
        """Remove the records before an offset."""
        from confluent_kafka import TopicPartition

        for done in self.admin.delete_records([TopicPartition(topic, partition, offset)]).values():
            done.result(10)

    def put(self, topic: str, values: Sequence[Any], partition: int = 0, **more: Any) -> None:
        """Add records: values, or dicts of `Producer.produce`'s arguments."""
        from confluent_kafka import Producer

        if self._producer is None:
            self._producer = Producer({"bootstrap.servers": self.servers, "linger.ms": 0, "logger": QUIET})
        for value in values:
            given = value if isinstance(value, dict) else {"value": value}
            self._producer.produce(**{"topic": topic, "partition": partition, **more, **given})
        assert self._producer.flush(20) == 0

    def records(self, topic: str, **config: Any) -> list[Any]:
        """Return all messages of a topic."""
        from confluent_kafka import Consumer, TopicPartition

        consumer = Consumer({"bootstrap.servers": self.servers, "group.id": "look", "enable.partition.eof": True,
                             "enable.auto.commit": False, "logger": QUIET, **config})  # fmt: skip
        numbers = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        consumer.assign([TopicPartition(topic, number, 0) for number in numbers])
        found, ended = [], 0
        while ended < len(numbers):
            for message in consumer.consume(1000, 0.05):
                if message.error() is None:
                    found.append(message)
                else:
                    ended += 1
        consumer.close()
        return found


@contextlib.contextmanager
def running(directory: Path) -> Iterator[Broker]:
    """Give a broker that runs for the time of a block."""
    broker = Broker(directory)
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()

"""confluent-kafka: its configuration from Spark's `kafka.` options, and its errors."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any

from lightstream.errors import (
    IllegalArgumentException,
    SparkRuntimeException,
    missing_package,
    unsupported,
)

logger = logging.getLogger("lightstream.kafka")


class _Quiet:
    """What librdkafka says while it tries again and again: it is told as an error when it matters."""

    def log(self, level: int, message: str, *args: Any) -> None:
        """Write a line of librdkafka's log."""
        logger.debug(message, *args)


# Spark: what would break reading or writing if a program set it, with what to do instead.
_FORBIDDEN = {
    "auto.offset.reset": "Set the option 'startingoffsets' to 'earliest' or 'latest' to say where to start: the query "
    "itself keeps track of what it has read.",
    "key.deserializer": "Keys are read as bytes: convert them with DataFrame operations.",
    "value.deserializer": "Values are read as bytes: convert them with DataFrame operations.",
    "key.serializer": "Keys are written as bytes: convert them with DataFrame operations.",
    "value.serializer": "Values are written as bytes: convert them with DataFrame operations.",
    "enable.auto.commit": "The query itself keeps track of what it has read.",
    "interceptor.classes": "There are no interceptors here.",
}
# Names that Java's client has and librdkafka has otherwise, and those that have no meaning in it.
_RENAMED = {
    "fetch.max.wait.ms": "fetch.wait.max.ms",
    "max.request.size": "message.max.bytes",
    "send.buffer.bytes": "socket.send.buffer.bytes",
    "receive.buffer.bytes": "socket.receive.buffer.bytes",
    "default.api.timeout.ms": "",
    "max.poll.records": "",
    "max.block.ms": "",
    "buffer.memory": "",
    "client.dns.lookup": "client.dns.lookup",
    "exclude.internal.topics": "",
    "ssl.keystore.type": "",
    "ssl.truststore.type": "",
}
_LOGIN = re.compile(r'(\w+)\s*=\s*"((?:[^"\\]|\\.)*)"')


def client() -> Any:
    """Return the module confluent_kafka.

    Raises:
        PySparkImportError: PACKAGE_NOT_INSTALLED.
    """
    try:
        import confluent_kafka
    except ImportError:
        raise missing_package("Kafka", "confluent-kafka", "kafka") from None
    return confluent_kafka


def kafka_options(options: Mapping[str, str], side: str) -> dict[str, str]:
    """Return the options that begin with `kafka.`, without it; `side` is "consumer" or "producer".

    Raises:
        IllegalArgumentException: there are no servers, or one that cannot be set is set.
    """
    found = {key[6:].lower(): value for key, value in options.items() if key.lower().startswith("kafka.")}
    if not found.get("bootstrap.servers", "").strip():
        raise IllegalArgumentException(
            None, f"Option 'kafka.bootstrap.servers' must be specified for configuring Kafka {side}"
        )
    for name, instead in _FORBIDDEN.items():
        if name in found:
            raise IllegalArgumentException(None, f"Kafka option '{name}' is not supported. {instead}")
    return found


def configuration(given: Mapping[str, str]) -> dict[str, Any]:
    """Return librdkafka's configuration for options in the names of Java's client, or in its own.

    Raises:
        UnsupportedOperationException: Java's key stores, and ways to log in that librdkafka has not.
    """
    found: dict[str, Any] = {"logger": _Quiet(), "log.connection.close": False}
    for name, value in given.items():
        if name == "sasl.jaas.config":
            found.update(_login(value))
        elif name == "ssl.truststore.location":
            if not value.endswith(".pem"):
                raise unsupported(
                    f"The option kafka.{name} with a Java key store",
                    "Name a PEM file, or set kafka.ssl.ca.location.",
                )
            found["ssl.ca.location"] = value
        elif name == "ssl.endpoint.identification.algorithm":
            found[name] = value or "none"
        elif renamed := _RENAMED.get(name, name):
            found[renamed] = value
    return found


def _login(text: str) -> dict[str, str]:
    """Return user name and password from Java's text for a log-in."""
    module, values = text.split(maxsplit=1)[0], dict(_LOGIN.findall(text))
    if not module.endswith(("PlainLoginModule", "ScramLoginModule")):
        raise unsupported(
            f"The log-in module {module} in kafka.sasl.jaas.config", "Set librdkafka's kafka.sasl.* options."
        )
    return {"sasl.username": values.get("username", ""), "sasl.password": values.get("password", "")}


def made(kind: Any, configured: Mapping[str, Any]) -> Any:
    """Return a consumer, producer or admin client.

    Raises:
        IllegalArgumentException: librdkafka does not know an option, or its value.
    """
    try:
        return kind(dict(configured))
    except client().KafkaException as error:
        raise IllegalArgumentException(
            None,
            f"The Kafka client refuses its options: {text_of(error)}. Options beginning with kafka. are those of "
            "librdkafka, and those of Java's client that have a counterpart in it.",
        ) from None


def text_of(error: BaseException) -> str:
    """Return what an error of the client says."""
    inner = error.args[0] if error.args else error
    told = getattr(inner, "str", None)
    return str(told()) if callable(told) else str(inner)


def is_away(error: BaseException) -> bool:
    """Return whether an error says that no broker answers: it may come back."""
    kafka = client().KafkaError
    inner: Any = error.args[0] if error.args else None
    code = inner.code() if hasattr(inner, "code") else None
    return code in (
        kafka._TRANSPORT, kafka._ALL_BROKERS_DOWN, kafka._TIMED_OUT, kafka._WAIT_COORD, kafka._RESOLVE,
        kafka.REQUEST_TIMED_OUT, kafka.LEADER_NOT_AVAILABLE, kafka.NOT_LEADER_FOR_PARTITION,
        kafka.BROKER_NOT_AVAILABLE, kafka.NETWORK_EXCEPTION,
    )  # fmt: skip


def unreachable(servers: str, reason: str) -> SparkRuntimeException:
    """Return the error for brokers that do not answer."""
    return SparkRuntimeException(
        "LIGHTSTREAM_KAFKA_UNREACHABLE",
        f"No Kafka broker of {servers} answers: {reason}. Look at kafka.bootstrap.servers and at the brokers; a query "
        "that is started again goes on where it was.",
        sqlstate="08000",
        parameters={"servers": servers},
    )

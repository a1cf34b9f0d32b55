"""An S3 for tests: moto's server, in a thread of this process or in one of its own."""

from __future__ import annotations

import contextlib
import logging
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

from lightstream.storage.objects import ObjectStore
from lightstream.storage.opening import open_store

KEYS = {"fs.s3a.access.key": "tester", "fs.s3a.secret.key": "secret", "fs.s3a.path.style.access": "true"}


class S3:
    """A running server."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.settings = {**KEYS, "fs.s3a.endpoint": endpoint}

    @property
    def conf(self) -> dict[str, str]:
        """The settings as a Spark program has them."""
        return {f"spark.hadoop.{name}": value for name, value in self.settings.items()}

    @property
    def environment(self) -> dict[str, str]:
        """The settings as the environment has them."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "tester",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_REGION": "us-east-1",
        }

    def bucket(self, name: str) -> ObjectStore:
        """Return a new bucket."""
        self.ask("PUT", f"/{name}")
        return open_store(f"s3a://{name}", self.settings)

    def ask(self, method: str, path: str, data: bytes | None = None) -> bytes:
        """Send a request without a signature."""
        headers = {"Content-Type": "application/octet-stream"}
        request = urllib.request.Request(self.endpoint + path, data=data, headers=headers, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            said: bytes = answer.read()
        return said

    def deny(self, denied: bool = True) -> None:
        """Let no credentials in, or all again."""
        self.ask("POST", "/moto-api/reset-auth", b"0" if denied else b"inf")


@contextlib.contextmanager
def running() -> Iterator[S3]:
    """Give a server that is up."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    server: Any = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield S3(f"http://{host}:{port}")
    finally:
        server.stop()


@contextlib.contextmanager
def running_apart() -> Iterator[S3]:
    """Give a server in a process of its own, which takes nothing of this one's time."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 30
        while True:
            assert process.poll() is None and time.monotonic() < deadline, "the server did not start"
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.01)
        yield S3(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait()

"""The process in which a compared program runs: a script with one JSON argument."""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from typing import Any

from lightstream.parity.observer import Observer, failure_of
from lightstream.parity.recording import Recording
from lightstream.run import Run, start


def main(order: dict[str, Any]) -> int:
    """Run a program on an engine and take down what it does."""
    recording = Recording(order["recording"])
    directory, checkpoints = os.getcwd(), order["checkpoints"]
    if order["engine"] == "spark":
        from lightstream import real_spark
        from lightstream.parity import on_spark

        real_spark.prepare()
        observer = Observer(recording, directory, checkpoints)
        on_spark.install(observer)
    else:
        from lightstream.conf import DEFAULTS
        from lightstream.parity import on_lightstream

        DEFAULTS["spark.sql.streaming.numRecentProgressUpdates"] = "1000000"
        observer = Observer(recording, directory, checkpoints, on_lightstream.inspect)
        on_lightstream.install(observer)
        on_lightstream.take_ties_in_order(order["files"], directory)
    show = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: Any) -> None:
        recording.tell("failed", failure_of(error))
        show(kind, error, trace)

    sys.excepthook = hook
    try:
        return start(Run(order["program"], tuple(order["arguments"]), order["engine"]))
    finally:
        _stop_session(order["engine"])
        recording.tell("ended")


def _stop_session(engine: str) -> None:
    """Stop the session, whose hooks tell how everything ended."""
    names: Any = import_module("pyspark.sql" if engine == "spark" else "lightstream.sql")
    session = names.SparkSession.getActiveSession()
    if session is not None:
        session.stop()


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))

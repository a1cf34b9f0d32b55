"""Runs one contender once: `python -m benchmarks.child`, with its orders in the environment."""

from __future__ import annotations

import importlib
import json
import os


def main() -> None:
    """Run the program and leave what it has measured in a file."""
    orders = json.loads(os.environ["LIGHTSTREAM_BENCH_ORDERS"])
    from benchmarks.contract import Work

    program = getattr(importlib.import_module(orders["module"]), orders["function"])
    values = program(Work(**orders["work"]), **orders["arguments"])
    with open(orders["result"], "w", encoding="utf-8") as file:
        json.dump(values, file)


if __name__ == "__main__":
    main()

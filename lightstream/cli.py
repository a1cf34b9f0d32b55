"""The command `lightstream`."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line and return the exit code."""
    words = sys.argv[1:]
    if words[:1] == ["run"]:
        # A program's start is felt: no command-line library for this one.
        from lightstream.run import parse, start

        run = parse(words[1:])
        if run is not None:
            return start(run)
    from lightstream.commands.app import call

    return call(words)


if __name__ == "__main__":
    sys.exit(main())

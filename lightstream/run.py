"""Runs a PySpark program as it is: `lightstream run app.py`, or `lightstream run -m pytest`.

This path imports as little as it can: what it takes is part of every program's start.
"""

from __future__ import annotations

import os
import sys
from types import CodeType, ModuleType, TracebackType
from typing import Any

from lightstream.dataclass import dataclass
from lightstream.errors import PySparkException

OK = 0
FAILED = 1
USAGE = 2
NOT_HERE = 3
INTERRUPTED = 130

ENGINES = ("lightstream", "spark")
STANDS_IN = "LIGHTSTREAM_STANDS_IN"  # set in processes below `lightstream run -m`
_SHELL_NAMES = ("spark", "sc")


@dataclass(frozen=True, slots=True)
class Run:
    """One call of `lightstream run`; with `is_module` the program is a module's name, as of `python -m`."""

    program: str
    arguments: tuple[str, ...] = ()
    engine: str = "lightstream"
    database: str | None = None
    is_module: bool = False


def parse(words: list[str]) -> Run | None:
    """Return the call that the words after `lightstream run` make; None when they are not a plain one.

    What follows the program is the program's, as with `python`.
    """
    options = {"--engine": "lightstream", "--database": ""}
    position = 0
    while position < len(words) and words[position].startswith("--"):
        option, equals, value = words[position].partition("=")
        if option not in options:
            return None
        if not equals:
            position += 1
            if position == len(words):
                return None
            value = words[position]
        options[option] = value
        position += 1
    is_module = words[position : position + 1] == ["-m"]
    position += is_module
    if position == len(words) or words[position].startswith("-") or options["--engine"] not in ENGINES:
        return None
    arguments = tuple(words[position + 1 :])
    return Run(words[position], arguments, options["--engine"], options["--database"] or None, is_module)


def start(run: Run) -> int:
    """Run a program as `python app.py` would; return the exit code. `SystemExit` passes through."""
    if run.is_module:
        return _start_module(run)
    try:
        code, shell_names = _load(run)
    except OSError as error:
        return _complain(f"can't open file {run.program!r}: {error.strerror}", USAGE)
    except (SyntaxError, ValueError) as error:
        _show(error.with_traceback(None))
        return FAILED
    try:
        _prepare_engine(run)
    except PySparkException as error:
        return _complain(str(error), NOT_HERE)
    except _Usage as error:
        return _complain(str(error), USAGE)
    main = _main_module(code.co_filename)
    sys.modules["__main__"] = main
    sys.argv = [run.program, *run.arguments]
    if not sys.flags.safe_path:
        sys.path[0] = os.path.dirname(os.path.realpath(run.program))
    try:
        _provide(main, shell_names)
        exec(code, main.__dict__)
    except SystemExit:
        raise
    except KeyboardInterrupt as error:
        _show(error.with_traceback(_own_traceback(error, code)))
        return INTERRUPTED
    except BaseException as error:
        _show(error.with_traceback(_own_traceback(error, code)))
        return NOT_HERE if _not_supported(error) else FAILED
    return OK


def _start_module(run: Run) -> int:
    """Run a module as `python -m` would: a test runner, say, whose tests import pyspark."""
    import runpy
    from importlib.util import find_spec

    import lightstream

    try:
        _prepare_engine(run)
    except PySparkException as error:
        return _complain(str(error), NOT_HERE)
    except _Usage as error:
        return _complain(str(error), USAGE)
    if run.engine == "lightstream":
        # What a test runner starts to share the work does the same (`lightstream.parity`).
        os.environ[STANDS_IN] = "1"
    if not sys.flags.safe_path:
        sys.path[0] = os.getcwd()
    sys.argv = [run.program, *run.arguments]
    # pytest rewrites its plugins' assertions when they are imported: it need not warn that this one was before.
    lightstream.__doc__ = f"{lightstream.__doc__}\nPYTEST_DONT_REWRITE"
    try:
        if find_spec(run.program) is None:
            return _complain(f"No module named {run.program}", FAILED)
        runpy.run_module(run.program, run_name="__main__", alter_sys=True)
    except SystemExit:
        raise
    except KeyboardInterrupt:
        return INTERRUPTED
    except BaseException as error:
        _show(error)
        return NOT_HERE if _not_supported(error) else FAILED
    return OK


class _Usage(Exception):
    """A call that cannot be meant."""


def _load(run: Run) -> tuple[CodeType, set[str]]:
    path = os.path.abspath(run.program)
    with open(path, "rb") as file:
        source = file.read()
    code = compile(source, path, "exec", dont_inherit=True)
    return code, unbound_shell_names(source, path)


def _prepare_engine(run: Run) -> None:
    if run.engine == "spark":
        if run.database is not None:
            raise _Usage("--database is lightstream's: Spark keeps its tables in spark-warehouse/")
        from lightstream.real_spark import prepare

        prepare()
        return
    if run.database is not None and run.database != ":memory:":
        directory = os.path.dirname(os.path.abspath(run.database))
        if not os.path.isdir(directory):
            raise _Usage(f"--database: there is no directory {directory}")
        from lightstream.conf import DEFAULTS

        # A default, so that a program that names a database of its own gets that one.
        DEFAULTS["lightstream.database"] = os.path.abspath(run.database)
    from lightstream.pyspark_imports import install

    install()


def _main_module(path: str) -> ModuleType:
    from importlib.machinery import SourceFileLoader

    main = ModuleType("__main__")
    main.__dict__.update(
        __builtins__=__builtins__,
        __cached__=None,
        __file__=path,
        __loader__=SourceFileLoader("__main__", path),
        __package__=None,
        __spec__=None,
    )
    return main


def unbound_shell_names(source: bytes, path: str) -> set[str]:
    """Return which of the shell's names (`spark`, `sc`) a program reads and never binds.

    Programs that were written for the pyspark shell or a notebook use a session that is there already.
    """
    wanted = {name for name in _SHELL_NAMES if name.encode() in source}
    if not wanted:
        return set()
    import symtable

    read: set[str] = set()
    bound: set[str] = set()

    def visit(table: symtable.SymbolTable, is_module: bool) -> None:
        for name in wanted:
            if name not in table.get_identifiers():
                continue
            symbol = table.lookup(name)
            if is_module or symbol.is_global():
                if symbol.is_referenced():
                    read.add(name)
                if symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace():
                    bound.add(name)
        for child in table.get_children():
            visit(child, False)

    # symtable takes text; only names matter, and those of a strange encoding are not the shell's.
    visit(symtable.symtable(source.decode("utf-8", "replace").removeprefix("\ufeff"), path, "exec"), True)
    return read - bound


def _provide(main: ModuleType, names: set[str]) -> None:
    if not names:
        return
    from importlib import import_module

    session: Any = import_module("pyspark.sql").SparkSession.builder.getOrCreate()
    if "spark" in names:
        main.__dict__["spark"] = session
    if "sc" in names:
        main.__dict__["sc"] = session.sparkContext


# --- a program that fails ---------------------------------------------------------------------------------------


def _show(error: BaseException) -> None:
    sys.excepthook(type(error), error, error.__traceback__)


def _complain(message: str, code: int) -> int:
    print(f"lightstream run: {message}", file=sys.stderr)
    return code


def _own_traceback(error: BaseException, code: CodeType) -> TracebackType | None:
    """Return the traceback without the runner's frames, and of lightstream's own errors without its inside."""
    frames: list[TracebackType] = []
    step = error.__traceback__
    while step is not None and step.tb_frame.f_code is not code:
        step = step.tb_next
    while step is not None:
        frames.append(step)
        step = step.tb_next
    if isinstance(error, PySparkException):
        while len(frames) > 1 and _inside(frames[-1].tb_frame.f_code.co_filename):
            frames.pop()
    rebuilt: TracebackType | None = None
    for frame in reversed(frames):
        rebuilt = TracebackType(rebuilt, frame.tb_frame, frame.tb_lasti, frame.tb_lineno)
    return rebuilt


def _inside(filename: str) -> bool:
    """Return whether code is lightstream's or the standard library's."""
    package, library = os.path.dirname(os.path.abspath(__file__)), os.path.dirname(os.__file__)
    if filename.startswith(("<frozen ", package + os.sep)):
        return True
    return filename.startswith(library + os.sep) and f"{os.sep}site-packages{os.sep}" not in filename


def _not_supported(error: BaseException) -> bool:
    """Return whether what failed is something that Spark has and lightstream does not."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, PySparkException) and seen.getCondition() == "LIGHTSTREAM_UNSUPPORTED":
            return True
        seen = seen.__cause__
    return False

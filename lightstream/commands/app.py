"""The commands, their options and their help."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from lightstream import run as runner
from lightstream.commands.sql import Format
from lightstream.errors import PySparkException

_EXAMPLES = """
[bold]Examples[/bold]
lightstream demo
lightstream run app.py
lightstream run --database activity.duckdb app.py
lightstream sql activity.duckdb "show tables"
lightstream parity app.py
lightstream checkpoint show /tmp/checkpoints/counts
"""
_EXIT_CODES = """
[bold]Exit codes[/bold]
0    it went well
1    the program, the query or the statement failed;
     engines differ; a checkpoint is damaged
2    called wrongly: an unknown option, a file that is not there
3    not to be done here: unsupported by lightstream, pyspark or
     Java missing, a database that another process holds
130  interrupted with Ctrl-C
"""


def _paragraphs(*paragraphs: str) -> str:
    # typer keeps the line breaks of a docstring; a paragraph is one line, so that the terminal's width decides.
    return "\n\n".join(paragraphs)


app = typer.Typer(
    name="lightstream",
    help="Spark Structured Streaming programs on one machine, on DuckDB, without a JVM.",
    epilog=_EXAMPLES + _EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class Engine(StrEnum):
    """What runs a program."""

    lightstream = "lightstream"
    spark = "spark"


def call(words: list[str]) -> int:
    """Run the command line; return the exit code."""
    try:
        app(words, prog_name="lightstream")
    except PySparkException as error:
        print(f"lightstream: {error}", file=sys.stderr)
        return exit_code_of(error)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else runner.OK
    return runner.OK


def exit_code_of(error: PySparkException) -> int:
    """Return the exit code for an error that ends a command."""
    condition = error.getCondition() or ""
    if condition == "LIGHTSTREAM_DATABASE_NOT_FOUND":
        return runner.USAGE
    not_here = (
        "LIGHTSTREAM_UNSUPPORTED",
        "LIGHTSTREAM_DATABASE_",
        "LIGHTSTREAM_JAVA_MISSING",
        "PACKAGE_NOT_",
    )
    return runner.NOT_HERE if condition.startswith(not_here) else runner.FAILED


def _version(wanted: bool) -> None:
    if wanted:
        from lightstream import __version__

        print(f"lightstream {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Spark Structured Streaming programs on one machine, on DuckDB, without a JVM."""


@app.command(
    name="run",
    context_settings={"allow_interspersed_args": False, "ignore_unknown_options": False},
    help=_paragraphs(
        "Run a PySpark program, unedited.",
        "The program runs as with [bold]python app.py[/bold]; only [bold]import pyspark[/bold] gives lightstream's "
        "modules. A program that was written for the pyspark shell or a notebook, and reads [bold]spark[/bold] "
        "without making it, finds one. Streaming queries that still run when the program ends are stopped.",
    ),
    epilog="""
[bold]Examples[/bold]
[dim]# what follows the program is the program's own[/dim]
lightstream run app.py data/ --fast

[dim]# memory tables and toTable stay in this file[/dim]
lightstream run --database activity.duckdb app.py

[dim]# the same file on pyspark[/dim]
lightstream run --engine spark app.py

[dim]# a module, as with python -m: the tests of a PySpark project[/dim]
lightstream run -m pytest tests/
""",
)
def run_command(
    program: Annotated[str, typer.Argument(metavar="APP.PY", help="A PySpark program.", show_default=False)],
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="ARGS", help="The program's own arguments.")
    ] = None,
    module: Annotated[
        bool, typer.Option("-m", help="APP.PY is the name of a module, as with python -m.")
    ] = False,
    engine: Annotated[
        Engine, typer.Option(help="lightstream, or real pyspark if that is installed.")
    ] = Engine.lightstream,
    database: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="The DuckDB file that results live in; in memory without it."),
    ] = None,
) -> None:
    """Run a PySpark program."""
    run = runner.Run(program, tuple(arguments or ()), engine.value, database, module)
    raise typer.Exit(runner.start(run))


@app.command(
    name="parity",
    context_settings={"allow_interspersed_args": False, "ignore_unknown_options": False},
    help=_paragraphs(
        "Run a PySpark program on real Spark and on lightstream, and compare.",
        "Each streaming query is compared batch by batch, and so is what the program asks for: schemas, rows, numbers "
        "of input rows, errors. The first difference is printed as a small table; the exit code is then 1.",
    ),
    epilog="""
[bold]Examples[/bold]
[dim]# what follows the program is the program's own[/dim]
lightstream parity app.py data/

[dim]# checkpoints, files and output of both engines stay in this directory[/dim]
lightstream parity --keep /tmp/compared app.py
""",
)
def parity_command(
    program: Annotated[Path, typer.Argument(metavar="APP.PY", help="A PySpark program.", show_default=False)],
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="ARGS", help="The program's own arguments.")
    ] = None,
    timeout: Annotated[
        float, typer.Option(min=1, metavar="S", help="Seconds that each engine may take.")
    ] = 600.0,
    keep: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A new directory for all that both engines make.")
    ] = None,
) -> None:
    """Run a PySpark program on both engines and compare."""
    from lightstream.commands import parity

    raise typer.Exit(parity.run(program, tuple(arguments or ()), timeout, keep))


@app.command(
    name="sql",
    help=_paragraphs(
        "Query a results database, also while a program is writing to it.",
        "The SQL is DuckDB's, and it can only read. While a lightstream program has the file open, DuckDB lets no "
        "other process in; that program then answers, over a socket that only you can use. What you see is what was "
        "committed.",
    ),
    epilog="""
[bold]Examples[/bold]
lightstream sql activity.duckdb "show tables"
lightstream sql activity.duckdb "select * from activity_counts"
lightstream sql activity.duckdb -f csv "from simple_transform" > out.csv
lightstream sql activity.duckdb < report.sql
""",
)
def sql_command(
    database: Annotated[Path, typer.Argument(metavar="DB", help="A DuckDB file.", show_default=False)],
    statement: Annotated[
        str | None,
        typer.Argument(metavar="SQL", help="Statements that read; from standard input without it."),
    ] = None,
    form: Annotated[
        Format, typer.Option("--format", "-f", help="How rows are printed; json is one object a line.")
    ] = Format.table,
    rows: Annotated[
        int,
        typer.Option("--rows", "-n", min=0, metavar="N", help="Rows of a table to print at most; 0: all."),
    ] = 500,
) -> None:
    """Query a results database."""
    from lightstream.commands import sql

    raise typer.Exit(sql.run(str(database), statement, form, rows))


@app.command(
    name="demo",
    epilog="""
[bold]Examples[/bold]
[dim]# keep the results in a file of your own[/dim]
lightstream demo --database mine.duckdb

[dim]# the full-size set (scripts/generate_activity_data.py makes it)[/dim]
lightstream demo --data /tmp/activity
""",
)
def demo_command(
    data: Annotated[
        Path | None,
        typer.Option(
            help="A directory of activity data; the sample without it.", exists=True, file_okay=False
        ),
    ] = None,
    database: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A DuckDB file to make; in a new temporary directory without it."),
    ] = None,
    pace: Annotated[
        float | None,
        typer.Option(
            min=0, metavar="S", help="Seconds from file to file; by default 0.2 on a terminal, else 0."
        ),
    ] = None,
) -> None:
    """Stream the activity data through three queries, file by file, and watch the counts grow."""
    from lightstream.commands import demo

    raise typer.Exit(demo.run(data, database, pace))


@app.command(name="doctor")
def doctor_command() -> None:
    """Print what is installed here, and whether programs could also run on real Spark."""
    from lightstream.commands import doctor

    raise typer.Exit(doctor.run())


checkpoints = typer.Typer(
    help="Look at the checkpoint of a query, check it, or go back in it.", no_args_is_help=True
)
app.add_typer(checkpoints, name="checkpoint")
_Checkpoint = Annotated[str, typer.Argument(metavar="DIR", help="A checkpointLocation.", show_default=False)]


@checkpoints.command(name="show")
def show_command(
    directory: _Checkpoint,
    batches: Annotated[
        int, typer.Option("--batches", "-n", min=0, metavar="N", help="Newest batches to print; 0: all.")
    ] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="Print all of it as JSON.")] = False,
) -> None:
    """Print what a checkpoint holds: batches, offsets, watermarks, files seen, state."""
    from lightstream.commands import checkpoint

    raise typer.Exit(checkpoint.show(directory, batches, as_json))


@checkpoints.command(name="verify")
def verify_command(directory: _Checkpoint) -> None:
    """Read all of a checkpoint and tell what is damaged, missing or contradictory; the exit code is then 1."""
    from lightstream.commands import checkpoint

    raise typer.Exit(checkpoint.verify(directory))


@checkpoints.command(
    name="rewind",
    help=_paragraphs(
        "Go back to where a batch had just ended: the query then runs the following ones anew.",
        "No query may be running on it. What a sink has of later batches stays there: give the query another table or "
        "directory, or remove those rows. Queries with state cannot go back: the state of earlier batches is not kept.",
    ),
)
def rewind_command(
    directory: _Checkpoint,
    to: Annotated[int, typer.Option("--to", min=0, metavar="N", help="The last batch that stays.")],
) -> None:
    """Go back to an earlier batch."""
    from lightstream.commands import checkpoint

    raise typer.Exit(checkpoint.rewind(directory, to))

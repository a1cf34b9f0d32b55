"""Comparisons on the terminal: a line for each query, and the first difference as a small table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lightstream.parity.compare import DIFFERENT, SAME, Comparison, Difference

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

_MOST_CELLS = 12
_MOST_CHARACTERS = 60
_STYLES = {SAME: "green", DIFFERENT: "bold red"}


def print_comparison(console: Console, comparison: Comparison) -> None:
    """Print what was compared, and the first difference."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    table.add_column("", overflow="fold")
    table.add_column("compared", overflow="fold")
    table.add_column("rows", justify="right")
    table.add_column("", no_wrap=True)
    for line in comparison.lines:
        what = Text(line.what)
        if line.note:
            what.append(f"\n{line.note}", style="dim")
        rows = f"{line.rows:,}" if line.rows else ""
        table.add_row(
            Text(line.name), what, rows, Text(line.verdict, style=_STYLES.get(line.verdict, "yellow"))
        )
    console.print(table)
    if comparison.differences:
        console.print(drawn(comparison.differences[0]))
        others = len(comparison.differences) - 1
        if others:
            console.print(f"{others:,} more {'difference' if others == 1 else 'differences'}.", style="dim")


def drawn(difference: Difference) -> RenderableType:
    """Return a difference as a table: what, Spark's, lightstream's."""
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.ROUNDED, header_style="bold", show_lines=False)
    for title in ("", "Spark", "lightstream"):
        table.add_column(title, overflow="fold")
    cells = difference.cells
    if len(cells) > _MOST_CELLS:
        # What differs, and a few that tell which row it is.
        unequal = [cell for cell in cells if cell[1] != cell[2]]
        equal = [cell for cell in cells if cell[1] == cell[2]]
        kept = [id(cell) for cell in [*unequal, *equal][:_MOST_CELLS]]
        cells = tuple(cell for cell in cells if id(cell) in kept)
    for what, spark, ours in cells:
        style = "" if _shown(spark) == _shown(ours) else "bold red"
        table.add_row(Text(what), Text(_shown(spark), style=style), Text(_shown(ours), style=style))
    parts: list[Any] = [Text(f"The first difference: {difference.where}", style="bold"), table]
    if difference.more:
        parts.append(Text(difference.more))
    return Group(*parts)


def text_of(difference: Difference) -> str:
    """Return a difference as text, for an error's message."""
    from io import StringIO

    from rich.console import Console

    out = StringIO()
    Console(file=out, width=110, no_color=True, force_terminal=False).print(drawn(difference))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


def _shown(value: Any) -> str:
    text = "NULL" if value is None else value if isinstance(value, str) else repr(value)
    return text if len(text) <= _MOST_CHARACTERS else text[:_MOST_CHARACTERS] + "..."

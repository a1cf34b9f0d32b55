"""The figures as text: the same Markdown on the terminal and in docs/benchmarks.md."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from benchmarks.contract import Benchmark
from benchmarks.runner import Results, Verdict, median

_HEADING = re.compile(r"^## \((\w+)\) .*$", re.MULTILINE)


def section(benchmark: Benchmark, results: Results, verdicts: Sequence[Verdict], about: str) -> str:
    """Return a benchmark's heading, note, table of medians (least) and bars."""
    parts = [f"## ({benchmark.letter}) {benchmark.title}\n"]
    if benchmark.note:
        parts.append(benchmark.note + "\n")
    rounds = max((len(found) for found in results.values()), default=0)
    parts.append(f"Median (least) of {rounds} round{'s' if rounds != 1 else ''}. {about}\n")
    parts.append(_table(benchmark, results))
    if verdicts:
        parts.append("\n".join(f"- {_line(benchmark, verdict)}" for verdict in verdicts) + "\n")
    return "\n".join(parts)


def _table(benchmark: Benchmark, results: Results) -> str:
    first = next(iter(results))
    main = benchmark.measures[0].key
    compared = [("ratio", main)]
    if any(measure.key == "cpu_s" for measure in benchmark.measures):
        compared.append(("CPU ratio", "cpu_s"))
    rows = [["", *(measure.label for measure in benchmark.measures), *(label for label, _ in compared)]]
    for contender, found in results.items():
        cells = []
        for measure in benchmark.measures:
            middle = median(results, contender, measure.key)
            if middle is None:
                cells.append("")
                continue
            least = min(values[measure.key] for values in found if measure.key in values)
            cells.append(f"{_number(middle, measure.unit)} ({_number(least, '')})")
        for _, key in compared:
            own, value = median(results, first, key), median(results, contender, key)
            cells.append(f"{value / own:.2f}" if value is not None and own else "")
        rows.append([contender, *cells])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    rows.insert(1, ["-" * width for width in widths])
    lines = (" | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(f"| {line} |" for line in lines) + "\n"


def _line(benchmark: Benchmark, verdict: Verdict) -> str:
    bar = verdict.bar
    unit = next((measure.unit for measure in benchmark.measures if measure.key == bar.key), "")
    who = "" if bar.contender == "lightstream" else f"{bar.contender}: "
    if verdict.value is None or verdict.limit is None:
        return f"not measured: {bar.text}"
    mark = "holds" if verdict.holds else "**does not hold**"
    return f"{mark}: {bar.text} ({who}{_number(verdict.value, unit)}, bar {_number(verdict.limit, unit)})"


def _number(value: float, unit: str) -> str:
    text = f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
    return f"{text} {unit}".strip()


def write(path: Path, sections: dict[str, str], machine: dict[str, str], data: str) -> None:
    """Put sections into the page; those of benchmarks that were not run stay as they are."""
    kept = _sections(path.read_text(encoding="utf-8")) if path.exists() else {}
    everything = {**kept, **sections}
    head = [
        "# Benchmarks",
        "",
        "<!-- Written by scripts/bench --write: change the program or run it again, not this page. -->",
        "",
        f"The last figures of `scripts/bench`, on {data}. `ratio` and `CPU ratio` are to the first line.",
        "Each contender's run is a process of its own, and the contenders take turns; the input is in the page cache.",
        "A shared machine is noisy: read the ratios, and CPU (user and system, all processes) where wall times swing.",
        "",
        *(f"- {name}: {value}" for name, value in machine.items()),
        "",
    ]
    text = "\n".join(head) + "".join("\n" + everything[letter] for letter in sorted(everything))
    path.write_text(text, encoding="utf-8")


def _sections(text: str) -> dict[str, str]:
    starts = list(_HEADING.finditer(text))
    ends = [start.start() for start in starts[1:]] + [len(text)]
    return {
        start.group(1): text[start.start() : end].rstrip() + "\n"
        for start, end in zip(starts, ends, strict=True)
    }

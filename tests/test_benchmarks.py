"""The benchmarks' programs run and give their figures. No figure is judged here."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parent.parent / "scripts"
sys.path.append(str(SCRIPTS))
catalogue = importlib.import_module("benchmarks.catalogue")
command = importlib.import_module("benchmarks.__main__")
contract = importlib.import_module("benchmarks.contract")
report = importlib.import_module("benchmarks.report")
runner = importlib.import_module("benchmarks.runner")


def test_every_bar_names_what_is_measured() -> None:
    for benchmark in catalogue.BENCHMARKS.values():
        contenders = {contender.name for contender in benchmark.contenders}
        measures = {measure.key for measure in benchmark.measures}
        for bar in benchmark.bars:
            assert {bar.contender, bar.to or bar.contender} <= contenders
            assert {bar.key, bar.to_key or bar.key} <= measures


def test_a_table_of_figures(capsys: pytest.CaptureFixture[str]) -> None:
    """One benchmark of a query over files, one that looks into the engine."""
    assert command.main(["--small", "--without-spark", "--rounds", "1", "a", "h"]) == 0
    lines = capsys.readouterr().out.splitlines()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line.startswith("|")]
    measured = {row[0]: row[1:] for row in rows}
    assert {"lightstream", "hand-written loop", "append", "temporary checkpoint"} <= measured.keys()
    assert all(cell for cell in measured["lightstream"])
    assert "not measured: at least 12 times faster than Spark" in "\n".join(lines)


def test_bars_are_judged_by_medians() -> None:
    bar = contract.Bar("at most twice as slow, plus 1", "seconds", 2, "other", plus=1.0)
    benchmark = contract.Benchmark("x", "nothing", (), (contract.Measure("seconds", "query"),), (bar,))
    results = {
        "lightstream": [{"seconds": 9.0}, {"seconds": 3.0}, {"seconds": 3.1}],
        "other": [{"seconds": 1.0}, {"seconds": 1.05}, {"seconds": 9.0}],
    }
    [verdict] = runner.judge(benchmark, results)
    assert (verdict.value, verdict.limit, verdict.holds) == (3.1, 3.1, True)
    results["lightstream"][1]["seconds"] = 3.2
    [verdict] = runner.judge(benchmark, results)
    assert verdict.holds is False
    assert "**does not hold**" in report.section(benchmark, results, [verdict], "")
    del results["other"]
    assert runner.judge(benchmark, results)[0].holds is None


def test_contenders_must_agree(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = iter(({"rows": 5.0}, {"rows": 6.0}))
    monkeypatch.setattr(runner, "_run_once", lambda *_: next(found))
    contenders = tuple(contract.Contender(name, print) for name in ("one", "other"))
    benchmark = contract.Benchmark("x", "nothing", contenders, ())
    with pytest.raises(runner.ProgramFailed, match="results differ"):
        runner.run(benchmark, str(tmp_path), True, 1, False, lambda _: None)


def test_the_page_keeps_what_was_not_run(tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"
    report.write(page, {"a": "## (a) one\n\nold\n", "b": "## (b) two\n\nkept\n"}, {"Python": "3"}, "data")
    report.write(page, {"a": "## (a) one\n\nnew\n"}, {"Python": "3"}, "data")
    text = page.read_text(encoding="utf-8")
    assert "old" not in text
    assert text.index("new") < text.index("## (b) two\n\nkept\n")

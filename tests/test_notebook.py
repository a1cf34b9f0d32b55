"""docs/structured_streaming.ipynb: it runs from top to bottom, and ends with the counts that it shows."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import nbformat
import pytest

import lightstream

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOK = ROOT / "docs" / "structured_streaming.ipynb"


def printed(notebook: Any, tag: str) -> str:
    """Return what the cell with a tag has printed."""
    (cell,) = [cell for cell in notebook.cells if tag in cell.metadata.get("tags", ())]
    return "".join(output.text for output in cell.outputs if output.output_type == "stream")


@pytest.fixture(scope="module")
def committed() -> Any:
    return nbformat.read(NOTEBOOK, as_version=4)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The notebook after a run in a directory of its own, which holds the data and nothing else."""
    from nbclient import NotebookClient

    directory = tmp_path_factory.mktemp("notebook")
    (directory / "data").symlink_to(ROOT / "data", target_is_directory=True)
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = []
    paths = [str(Path(lightstream.__file__).parent.parent), os.environ.get("PYTHONPATH", "")]
    client = NotebookClient(notebook, timeout=60, resources={"metadata": {"path": str(directory)}})
    client.execute(env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))})
    return notebook


@pytest.fixture(scope="module")
def counts() -> Counter[str]:
    """The counts, without any engine."""
    files = (ROOT / "data" / "activity-data").glob("*.json")
    return Counter(json.loads(line)["gt"] for file in files for line in file.read_text().splitlines())


def test_no_cell_fails(fresh: Any) -> None:
    kinds = {output.output_type for cell in fresh.cells for output in cell.get("outputs", ())}
    assert kinds == {"stream", "execute_result", "display_data"}
    warnings = [
        output.text
        for cell in fresh.cells
        for output in cell.get("outputs", ())
        if output.get("name") == "stderr"
    ]
    assert warnings == []


def test_the_counts_are_those_of_the_files(fresh: Any, counts: Counter[str]) -> None:
    table = [line.strip("|").split("|") for line in printed(fresh, "counts").splitlines() if "|" in line]
    assert [cell.strip() for cell in table[0]] == ["gt", "count"]
    assert [(gt.strip(), int(count)) for gt, count in table[1:]] == sorted(counts.items())
    lines = printed(fresh, "counts-in-database").splitlines()
    assert lines == [f"{gt} {count}" for gt, count in sorted(counts.items())]
    for activity in ("stairsup", "stairsdown"):
        assert f"|{activity:>10}|{counts[activity]:>8}|" in printed(fresh, "stairs")


def test_the_notebook_shows_what_a_run_gives(fresh: Any, committed: Any) -> None:
    for tag in ("counts", "stairs", "triggers", "counts-in-database"):
        assert printed(committed, tag) == printed(fresh, tag) != ""
    pictures = [
        output
        for cell in committed.cells
        for output in cell.get("outputs", ())
        if "image/png" in output.get("data", {})
    ]
    assert len(pictures) == 2
    assert NOTEBOOK.stat().st_size < 300_000
    assert str(Path.home()) not in NOTEBOOK.read_text() and str(ROOT) not in NOTEBOOK.read_text()

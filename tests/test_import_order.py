"""Imports only point down the rooms of docs/architecture.md (the contract is in pyproject.toml)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent


def lint_imports(config: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from importlinter.cli import lint_imports_command; "
            "lint_imports_command(['--no-cache', '--config', sys.argv[1]])",
            str(config),
        ],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_imports_only_point_down_the_rooms() -> None:
    done = lint_imports(PROJECT / "pyproject.toml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 kept, 0 broken" in done.stdout


def test_the_contract_can_fail(tmp_path: Path) -> None:
    text = (PROJECT / "pyproject.toml").read_text(encoding="utf-8")
    upside_down = text.replace('    "errors : clock : conf : crash : atomic",\n', "").replace(
        '    "cli",\n', '    "errors : clock : conf : crash : atomic",\n    "cli",\n'
    )
    assert upside_down != text
    config = tmp_path / "pyproject.toml"
    config.write_text(upside_down, encoding="utf-8")
    done = lint_imports(config)
    assert done.returncode == 1
    assert "is not allowed to import lightstream.errors" in done.stdout

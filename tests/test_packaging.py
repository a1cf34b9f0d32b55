"""The lock file, the scripts and the metadata hold together."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

import lightstream

PROJECT = Path(__file__).resolve().parent.parent
SETTINGS = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
LOCK = (PROJECT / "uv.lock").read_text(encoding="utf-8")


def test_the_lock_names_the_public_registry_only() -> None:
    assert set(re.findall(r"https?://([^/\"]+)", LOCK)) == {"pypi.org", "files.pythonhosted.org"}


def test_the_lock_has_every_dependency() -> None:
    locked = {package["name"] for package in tomllib.loads(LOCK)["package"]}
    groups = SETTINGS["dependency-groups"].values()
    extras = SETTINGS["project"]["optional-dependencies"].values()
    wanted = [*SETTINGS["project"]["dependencies"], *(name for group in (*groups, *extras) for name in group)]
    assert wanted
    assert {re.match(r"[\w-]+", name)[0].lower() for name in wanted} <= locked  # type: ignore[index]


def test_one_version() -> None:
    assert SETTINGS["project"]["version"] == lightstream.__version__


def test_the_plugin_of_pytest_is_there() -> None:
    for name, module in SETTINGS["project"]["entry-points"]["pytest11"].items():
        assert name == module  # or pytest would load it twice where it is named as well
        assert callable(import_module(module).engine)


def test_the_licence_is_there() -> None:
    assert "Apache License" in (PROJECT / "LICENSE").read_text(encoding="utf-8")
    assert SETTINGS["project"]["license"] == "Apache-2.0"


@pytest.mark.parametrize(
    "script",
    ["scripts/bench", "scripts/demo", "scripts/soak", "scripts/test", "scripts/prepare.sh", ".ci/run"],
)
def test_scripts_are_plain_sh(script: str) -> None:
    assert subprocess.run(["sh", "-n", PROJECT / script], timeout=30).returncode == 0


def copy_of_scripts(tmp_path: Path, prepared: str) -> Path:
    """Return a directory with the scripts and a `prepare` that installs nothing."""
    (tmp_path / "scripts").mkdir()
    for name in ("demo", "test"):
        shutil.copy(PROJECT / "scripts" / name, tmp_path / "scripts" / name)
    (tmp_path / "scripts" / "prepare.sh").write_text(prepared, encoding="utf-8")
    return tmp_path


_FAKE = """
say() { echo "$*" >&2; }
prepare() { echo "prepare $*"; }
"""


def fake_program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)


def test_demo_passes_its_options_on(tmp_path: Path) -> None:
    root = copy_of_scripts(tmp_path, _FAKE)
    fake_program(root / ".venv/bin/lightstream", 'printf "[%s]" "$@"')
    done = subprocess.run(
        ["sh", root / "scripts/demo", "--data", "a b"], capture_output=True, text=True, timeout=30
    )
    assert done.stdout == "prepare demo --no-default-groups\n[demo][--data][a b]"


def test_test_runs_every_check_and_fails_when_one_fails(tmp_path: Path) -> None:
    root = copy_of_scripts(tmp_path, _FAKE)
    fake_program(root / ".venv/bin/python", 'echo "ran $2"; [ "$2" != mypy ]')
    (root / "parity_tests").mkdir()

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", root / "scripts/test", *words], capture_output=True, text=True, timeout=30
        )

    done = run()
    assert re.findall(r"ran (\w+)", done.stdout) == ["ruff", "ruff", "mypy", "pytest"]
    assert (done.returncode, done.stderr) == (1, "\nfailed: mypy\n")
    (root / "parity_tests/test_one.py").touch()
    assert re.findall(r"ran (\w+)", run().stdout) == ["ruff", "ruff", "mypy", "pytest", "pytest"]
    assert "prepare test-spark --group parity" in run().stdout
    assert re.findall(r"ran (\w+)", run("--without-spark").stdout) == ["ruff", "ruff", "mypy", "pytest"]
    assert run("--bogus").returncode == 2
    fake_program(root / ".venv/bin/python", "exit 0")
    assert run().returncode == 0


@pytest.mark.parametrize(
    ("pip", "venv", "told"),
    [(False, False, "apt-get install python3-pip"), (True, False, "fetching the installer")],
)
def test_prepare_says_what_is_missing(tmp_path: Path, pip: bool, venv: bool, told: str) -> None:
    """With a Python that has neither pip nor venv; and with a pip that reaches nothing."""
    fake_program(
        tmp_path / "bin/python3",
        'case "$*" in\n'
        "*version_info*) exit 0 ;;\n"
        '*sys.executable*) echo "$0" ;;\n'
        f'"-m pip --version") exit {0 if pip else 1} ;;\n'
        "*) exit 1 ;;\n"
        "esac",
    )
    (tmp_path / "root").mkdir()
    for name in ("uv.lock", "pyproject.toml", "scripts/prepare.sh"):
        (tmp_path / "root" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "root" / name).touch()
    done = subprocess.run(
        [
            "sh",
            "-c",
            f'set -eu; root=$1; . "{PROJECT}/scripts/prepare.sh"; prepare demo',
            "sh",
            tmp_path / "root",
        ],
        env={"PATH": f"{tmp_path}/bin:/usr/bin:/bin", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 3
    assert told in done.stderr
    assert not (tmp_path / "root/.venv").exists()


def test_prepare_wants_a_new_python(tmp_path: Path) -> None:
    fake_program(tmp_path / "bin/python3", "exit 1")
    done = subprocess.run(
        ["/bin/sh", "-c", f'root=$1; . "{PROJECT}/scripts/prepare.sh"; find_python', "sh", tmp_path],
        env={"PATH": f"{tmp_path}/bin"},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 3
    assert "Python 3.11 or newer" in done.stderr

"""The one command: what it says without doing anything, and what stops it. Only the standard library may it need."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
RUN = ROOT / "run"


def run(*arguments, cwd=ROOT, command=None, **environment):
    kept = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
    return subprocess.run(
        command or [sys.executable, str(RUN), *arguments],
        cwd=cwd,
        env=kept | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_needs_nothing_but_the_standard_library():
    names = set()
    for node in ast.walk(ast.parse(RUN.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module)
    assert names <= sys.stdlib_module_names


def test_it_may_be_executed():
    assert os.access(RUN, os.X_OK)


def test_its_help_names_every_command():
    told = run("--help").stdout
    for command in ("web", "worker", "demo", "manage", "test", "bench"):
        assert f"./run {command}" in told


def test_an_unknown_command_is_told_in_one_line():
    done = run("fly")
    assert done.returncode == 2
    assert done.stderr == "opperweb cannot start: there is no ./run fly; ./run --help lists what there is\n"


def test_the_benchmarks_are_listed_without_installing_anything():
    assert run("bench").returncode == 0


@pytest.fixture
def clone(tmp_path):
    """A folder with nothing but what the installer reads."""
    for name in ("run", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def test_a_python_without_venv_is_told_the_package_to_install(clone):
    # `-c` puts a module of the same name before the real one, as on a Debian without python3-venv.
    (clone / "venv.py").write_text(
        "raise SystemExit('The virtual environment was not created: ensurepip is not available')"
    )
    done = run(command=[sys.executable, str(clone / "run")], cwd=clone, PATH="/nowhere", PYTHONPATH=str(clone))
    assert done.returncode == 1
    assert "this Python has no venv module; install it (Debian, Ubuntu: apt install python" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_old_python_is_told_so(clone):
    old = clone / "old.py"
    old.write_text(
        "import runpy, sys\nsys.version_info = (3, 9, 2, 'final', 0)\nrunpy.run_path('run', run_name='__main__')\n"
    )
    done = run(command=[sys.executable, str(old)], cwd=clone)
    assert done.returncode == 1
    assert done.stderr.startswith("opperweb cannot start: it needs Python 3.11 or newer, and this is 3.9")
    assert done.stderr.count("\n") == 1

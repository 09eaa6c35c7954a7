"""The virtual environment makes itself: with real pip and a package of one line, without any index."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from bootstrap.virtual_environment import RUNTIME
from tests.architecture.sources import PROJECT
from tests.waiting import wait_until

ENTER = (
    "import sys; from pathlib import Path; sys.path.insert(0, {project!r})\n"
    "from bootstrap import virtual_environment\n"
    "from bootstrap.problem import Problem\n"
    "try: virtual_environment.enter(Path({here!r}), ['-c', 'import tiny; print(tiny.WORD)'], developer=False)\n"
    "except Problem as problem: sys.exit(str(problem))\n"
)
ADD = (
    "add(Path({here!r}), 'requirements-more.txt'); "
    "import subprocess; subprocess.run(['.venv/bin/python', '-c', 'import tiny; print(tiny.WORD)'])"
)
WHEEL = "tiny-1-py3-none-any.whl"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a project that needs one package, whose wheel lies in its folder ``wheels``."""
    wheel = tmp_path / "wheels" / WHEEL
    wheel.parent.mkdir()
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tiny.py", "WORD = 'installed'\n")
        archive.writestr("tiny-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1\n")
        archive.writestr("tiny-1.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("tiny-1.dist-info/RECORD", "")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (tmp_path / RUNTIME).write_text(f"tiny==1 \\\n    --hash=sha256:{digest}\n")
    return tmp_path


def test_two_starts_at_once_install_once_and_both_go_on(project: Path) -> None:
    both = [_enter(project), _enter(project)]
    results = [process.communicate(timeout=120) for process in both]
    assert [output for output, _ in results] == ["installed\n", "installed\n"]
    assert "".join(errors for _, errors in results).count("1 packages in") == 1


def test_interrupted_installation_is_not_believed(project: Path) -> None:
    first = _enter(project)
    wait_until((project / ".venv" / "pyvenv.cfg").exists, seconds=30, what="the environment is being made")
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()
    output, errors = _enter(project).communicate(timeout=120)
    assert output == "installed\n", errors


def test_package_that_is_not_the_pinned_one_is_refused_in_one_line(project: Path) -> None:
    (project / RUNTIME).write_text(f"tiny==1 --hash=sha256:{'0' * 64}\n")
    process = _enter(project)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    last = errors.strip().splitlines()[-1]
    assert last.startswith(f"The packages of {RUNTIME} could not be installed: ")
    assert last.endswith("then run the same command again; it starts over cleanly.")
    assert "Traceback" not in errors


def test_further_requirements_are_added_to_the_environment(project: Path) -> None:
    (project / RUNTIME).rename(project / "requirements-more.txt")
    (project / RUNTIME).write_text("")
    program = ENTER.replace("enter(Path({here!r}), ['-c', 'import tiny; print(tiny.WORD)'], developer=False)", ADD)
    output, errors = _start(project, program).communicate(timeout=120)
    assert output == "installed\n", errors
    assert (project / ".venv" / "requirements-more.sha256").exists()


def _enter(project: Path) -> subprocess.Popen[str]:
    """Start what manage.py does first, with the system's own Python, no uv and no index."""
    return _start(project, ENTER)


def _start(project: Path, program: str) -> subprocess.Popen[str]:
    variables = {
        name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_", "COUNTERSIGN"))
    }
    variables |= {"PATH": "/usr/bin:/bin", "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(project / "wheels")}
    python = getattr(sys, "_base_executable", sys.executable)
    return subprocess.Popen(
        [python, "-c", program.format(project=str(PROJECT), here=str(project))],
        cwd=project,
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )

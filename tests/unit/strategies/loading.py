"""Ways to run a strategy package in a test: as the process that it is, or its modules one by one."""

from __future__ import annotations

import atexit
import functools
import importlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

from improvement.engine.packages import BUILTIN, find_builtin

PACKAGES = BUILTIN
EXAMPLE = PACKAGES.parents[1] / "examples" / "circle_packing"


@functools.cache
def laid_kit() -> str:
    """Lay out the folder ``kit`` as the host lays it beside every package, and return where."""
    folder = tempfile.mkdtemp(prefix="countersign-kit-")
    atexit.register(shutil.rmtree, folder)
    for path, data in find_builtin("evolution").files.items():
        if path.startswith("kit/"):
            Path(folder, path).parent.mkdir(parents=True, exist_ok=True)
            Path(folder, path).write_bytes(data)
    return folder


def modules(folder: Path, *names: str) -> list[ModuleType]:
    """Import modules that expect their own folder on the path, without leaving it or them there."""
    sys.path[:0] = [str(folder), laid_kit()]
    try:
        return [importlib.import_module(name) for name in names]
    finally:
        del sys.path[:2]
        for name, module in list(sys.modules.items()):
            if str(getattr(module, "__file__", "") or "").startswith(str(folder)):
                del sys.modules[name]


class PackageProcess:
    """A strategy package running as a script that is spoken to in JSON lines."""

    def __init__(self, name: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-B", str(PACKAGES / name / "main.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": laid_kit()},
        )

    def request(self, message: dict[str, Any]) -> dict[str, Any]:
        """Send one message and return the answer; fails with the process's log when there is none."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(message) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, self.log()
        return json.loads(line)

    def log(self) -> str:
        """End the process and return what it wrote to its log."""
        return self.process.communicate()[1]

    def __enter__(self) -> PackageProcess:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.process.communicate()


def init(files: dict[str, str], **changes: Any) -> dict[str, Any]:
    """Return an init message.

    `better`, `score`, `space`, `seed`, `parameters` and `state` may be given, further `metrics`, and the `start`'s.
    """
    return {
        "type": "init",
        "protocol": 1,
        "seed": changes.get("seed", 1),
        "parameters": changes.get("parameters", {}),
        "task": {
            "name": "test",
            "kind": "code",
            "files": files,
            "metric": {"name": "score", "better": changes.get("better", "higher")},
            "metrics": [
                {"name": "score", "better": changes.get("better", "higher"), "guard": None},
                *changes.get("metrics", []),
            ],
            "start": changes.get("start", {}),
            "space": changes.get("space", []),
            "score": changes.get("score"),
        },
        "state": changes.get("state"),
    }


def told(results: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """Return a tell message."""
    return {
        "type": "tell",
        "results": results,
        "decisions": more.get("decisions", []),
        "champion": more.get("champion"),
    }


def result(number: int, score: float | None, feedback: str = "", **metrics: float) -> dict[str, Any]:
    """Return one result: ok with a score, failed without."""
    outcome = "failed" if score is None else "ok"
    return {"number": number, "outcome": outcome, "score": score, "metrics": metrics, "feedback": feedback}

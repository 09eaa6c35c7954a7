"""A strategy package: its ``main.py`` runs as a script that reads messages on stdin and answers on stdout."""

from __future__ import annotations

import os
import sys
from types import ModuleType

from improvement.sandbox.inside.modules import job_folder


def script(reading: int, writing: int, arguments: list[str]) -> None:
    """Run the script of ``arguments`` in the job's folder, whose folder is importable from."""
    os.dup2(reading, 0)
    os.dup2(writing, 1)
    os.close(reading)
    os.close(writing)
    path = f"{job_folder()}/{arguments[0]}"
    sys.argv = [path]
    sys.path.insert(0, os.path.dirname(path))
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    module = sys.modules["__main__"] = ModuleType("__main__")
    module.__file__ = path
    with open(path, "rb") as file:
        code = compile(file.read(), path, "exec")
    exec(code, module.__dict__)  # noqa: S102 - running the package is what this process is for

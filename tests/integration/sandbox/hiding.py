"""Run as an ordinary user by ``test_identities``: programs that keep their worker from looking into them."""

from __future__ import annotations

import json
import sys
import textwrap

from improvement.sandbox import levels, nursery, spawn
from improvement.sandbox.limits import Limits
from improvement.sandbox.program import Family, Program
from improvement.sandbox.runner import run

HONEST = "import subprocess, time; subprocess.run(['/bin/sleep', '0.3']); time.sleep(0.3)"
BY_ITSELF = "import ctypes, time; ctypes.CDLL(None).prctl(4, 0, 0, 0, 0); time.sleep(3)"
BY_ITS_FILE = """
import os, shutil, time
copy = os.environ["TMPDIR"] + "/sleep"
target = os.open(copy, os.O_CREAT | os.O_WRONLY, 0o111)
os.write(target, open("/bin/sleep", "rb").read())
os.close(target)
os.execv(copy, ["sleep", "3"])
"""


def main() -> None:
    """Print how each program ended, by level and way."""
    levels.try_zygotes()
    ended = {f"{level} {forked}": _ended(level, forked) for level in (3, 2) for forked in (True, False)}
    sys.stdout.write(json.dumps(ended) + "\n")
    nursery.shared().retire_all()


def _ended(level: int, forked: bool) -> list[str]:
    family = Family("hiding") if forked else None
    codes = [textwrap.dedent(code).encode() for code in (HONEST, BY_ITSELF, BY_ITS_FILE)]
    programs = [Program("script", files={"main.py": code}, arguments=("main.py",), family=family) for code in codes]
    with spawn.at(level):
        return [run(program, limits=Limits(seconds=5)).cause for program in programs]


if __name__ == "__main__":
    main()

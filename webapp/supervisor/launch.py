"""Become another program that dies with its supervisor: `python launch.py SUPERVISOR_PID PROGRAM ARGUMENTS...`.

Run as a file and before anything else is imported, so it costs a few milliseconds. Doing this between fork and exec in
the supervisor itself (``preexec_fn``) could deadlock, since that process has threads.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Ask the kernel to kill this process when its parent dies, then execute the program in its place."""
    supervisor, program = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != supervisor:  # it died before the kernel was asked
        sys.exit(1)
    os.execv(program[0], program)


if __name__ == "__main__":
    main()

"""Who this process is among those that take work."""

from __future__ import annotations

import os
import socket


def worker_name() -> str:
    """Return what this process signs its leases with: machine and process."""
    return f"{socket.gethostname()}-{os.getpid()}"

"""Offering somebody at a terminal to install what is missing."""

from __future__ import annotations

import subprocess
import sys

from django.conf import settings

from improvement.engine import extras
from improvement.exceptions import MissingExtra


def accepted(missing: MissingExtra) -> bool:
    """Whether the extra that was missing is there now: asks on a terminal, and installs it on a yes."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    extra = extras.find(missing.extra)
    sys.stderr.write(f"{missing.message}\nInstall it now? [Y/n] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in {"", "y", "yes"}:
        return False
    command = [sys.executable, "manage.py", "extras", extra.name]
    subprocess.run(command, cwd=settings.BASE_DIR, check=False)
    return extra.installed

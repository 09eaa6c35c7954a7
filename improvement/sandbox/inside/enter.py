"""The first code that runs in a sandbox: it sets the limits, says hello and hands over to a role.

Started as a script with: role, descriptor to read, descriptor to write, the limits, the package folders, arguments.
"""

from __future__ import annotations

import builtins
import os
import resource
import sys

ROLES = "improvement.sandbox.inside"
LIMITS = (
    resource.RLIMIT_CPU,
    resource.RLIMIT_AS,
    resource.RLIMIT_NPROC,
    resource.RLIMIT_FSIZE,
    resource.RLIMIT_NOFILE,
)
NOTHING = (resource.RLIMIT_CORE, resource.RLIMIT_MSGQUEUE, resource.RLIMIT_MEMLOCK)


def main(role: str, reading: int, writing: int, limits: str, packages: str, arguments: list[str]) -> None:
    """Prepare this process and run the role; the role's module, below this script, has a function of that name.

    Without limits (a zygote has none of its own) only what belongs to nobody is closed.
    """
    if limits:
        limit(limits)
    close_the_rest({0, 1, 2, reading, writing})
    inside = os.path.dirname(sys.argv[0])
    sys.path.insert(0, inside)
    start = getattr(__import__(f"{ROLES}.{role}", fromlist=[role]), role)
    sys.path.remove(inside)
    sys.path.extend(filter(None, packages.split(":")))
    os.environ["PYTHONPATH"] = packages  # for interpreters that the program starts itself
    builtins.exit = builtins.quit = sys.exit  # what ``site`` would have added
    say_hello(writing)
    start(reading, writing, arguments)


def limit(limits: str) -> None:
    """Set this process's limits, as the host wrote them: one number for each of ``LIMITS``."""
    for kind, value in zip(LIMITS, map(int, limits.split(",")), strict=True):
        resource.setrlimit(kind, (value, value))
    for kind in NOTHING:
        resource.setrlimit(kind, (0, 0))


def close_the_rest(keep: set[int]) -> None:
    """Close every descriptor but these."""
    bounds = [-1, *sorted(keep), resource.getrlimit(resource.RLIMIT_NOFILE)[0]]
    for before, after in zip(bounds, bounds[1:], strict=False):
        if before + 1 < after:  # an empty range would be read as "to the end"
            os.closerange(before + 1, after)


def say_hello(writing: int) -> None:
    """Tell the host that everything is set up; what comes next may be the program's."""
    os.write(writing, b'{"hello":1}\n')


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], sys.argv[5], sys.argv[6:])

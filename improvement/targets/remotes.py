"""Bringing commits in from elsewhere and champions out, without passwords, prompts or hooks."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

import pygit2

from improvement.exceptions import TargetError

__all__ = ["MAX_FETCH_BYTES", "fetch", "push"]

MAX_FETCH_BYTES = 100 * 1024 * 1024


def fetch(git: pygit2.Repository, location: str, branch: str) -> str:
    """Fetch a branch into ``refs/external/`` and return its commit (hex); raises TargetError."""
    address, shown = _address(location)
    source = _branch_reference(branch)
    with _clear_errors("fetch from", address, shown):
        remote = git.remotes.create_anonymous(address)
        there = {head.name: str(head.oid) for head in remote.list_heads(callbacks=_Callbacks(), proxy=True)}
        if source not in there:
            raise TargetError(f"{shown}: there is no branch {branch}. Name a branch that is there.")
        place = f"refs/external/{hashlib.sha256(address.encode()).hexdigest()[:16]}/{branch}"
        remote.fetch([f"+{source}:{place}"], callbacks=_Callbacks(), proxy=True)
        return str(git.references[place].peel(pygit2.Commit).id)


def push(git: pygit2.Repository, location: str, *, source: str, branch: str) -> None:
    """Push the branch ``source`` to ``branch`` elsewhere, forwards only; raises TargetError."""
    address, shown = _address(location)
    _refuse_managed(address, shown)
    target = _branch_reference(branch)
    with _clear_errors("push to", address, shown):
        git.remotes.create_anonymous(address).push(
            [f"refs/heads/{source}:{target}"], callbacks=_Callbacks(), proxy=True
        )


class _Callbacks(pygit2.RemoteCallbacks):
    """Answers libgit2 while it talks to the other side: no credentials, no endless transfer, no silent refusal."""

    def credentials(self, url: str, username_from_url: str | None, allowed_types: object) -> NoReturn:
        raise TargetError("it asks for a password or key, and none is ever sent. Use a public address or a directory")

    def transfer_progress(self, stats: pygit2.remotes.TransferProgress) -> None:
        if stats.received_bytes > MAX_FETCH_BYTES:
            raise TargetError("it sends more than 100 MB. Use a smaller repository")

    def push_update_reference(self, refname: str, message: str | None) -> None:
        if message is not None:
            raise TargetError(f"it refuses {refname}: {message}")


def _address(location: str) -> tuple[str, str]:
    """Return the address for libgit2, and the one to show, which never holds a password."""
    if location.startswith("https://"):
        parts = urlsplit(location)
        return location, parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    path = Path(location).expanduser()
    if "://" in location or not path.is_dir():
        kind = location.partition("://")[0] + "://" if "://" in location else location
        raise TargetError(f"{kind}: neither a directory that exists nor an https:// address. Name one of these.")
    return str(path.resolve()), location


def _branch_reference(branch: str) -> str:
    name = f"refs/heads/{branch}"
    if not pygit2.reference_is_valid_name(name) or "*" in name:
        raise TargetError(f"{branch!a} cannot be the name of a branch. Use letters, digits and -.")
    return name


def _refuse_managed(address: str, shown: str) -> None:
    """Refuse to push past the people of another installation of this program."""
    if address.startswith("https://"):
        return
    with _clear_errors("push to", address, shown):
        if "countersign.managed" in pygit2.Repository(address).config:
            raise TargetError("its champion moves only by release, never by push. Use target pull on that side")


@contextmanager
def _clear_errors(action: str, address: str, shown: str) -> Iterator[None]:
    try:
        yield
    except TargetError as error:
        already = error.message.startswith(shown)
        raise error if already else TargetError(f"{shown}: cannot {action} it: {error.message}.") from error
    except (pygit2.GitError, OSError, KeyError, ValueError) as error:
        reason = " ".join(str(error).replace(address, shown).split()).rstrip(".")
        raise TargetError(f"{shown}: cannot {action} it: {reason}. Check the address and the branch.") from error

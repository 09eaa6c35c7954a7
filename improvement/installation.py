"""Where this installation keeps its data and its keys, and which models its environment states."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from secrets import token_bytes
from typing import IO
from urllib.parse import unquote, urlsplit

from django.conf import settings

from improvement.broker.environment import Stated
from improvement.broker.environment import stated_models as stated_in
from improvement.exceptions import Invalid


def data_directory() -> Path:
    """Return the directory that holds everything of this installation."""
    return Path(settings.COUNTERSIGN_DATA)


def import_roots() -> tuple[Path, ...]:
    """Return the directories below which pages may read a target from the server; none: they may not."""
    return tuple(map(Path, settings.COUNTERSIGN_IMPORT_ROOTS))


def repository_path(target_name: str) -> Path:
    """Return where the git repository of a target is."""
    return data_directory() / "repos" / f"{target_name}.git"


def uploads() -> Path:
    """Return where files that people uploaded wait for a worker."""
    return data_directory() / "uploads"


def blob_path(digest: str) -> Path:
    """Return where a file that is named for the SHA-256 of its content is."""
    return data_directory() / "blobs" / digest


def keep_blob(digest: str, data: bytes) -> None:
    """Write a file under the SHA-256 of its content, whole or not at all; that it is there already is fine."""
    path = blob_path(digest)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.with_suffix(f".{os.getpid()}")
    part.write_bytes(data)
    part.replace(path)


def log_key_path() -> Path:
    """Return where the key that signs checkpoints is."""
    return data_directory() / "keys" / "log.key"


def halt_file() -> Path:
    """Return the file whose existence means that everything is stopped; every runner polls it."""
    return data_directory() / "run" / "halt"


def stop_file(run_id: int) -> Path:
    """Return the file whose existence means that this run's sandboxes must die."""
    return data_directory() / "run" / f"stop-R-{run_id}"


@contextmanager
def alone(doing: str) -> Iterator[None]:
    """Wait until no other process of this installation does this, and keep the others out until the block ends."""
    with _lock(doing) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def alone_or_not(doing: str) -> Iterator[bool]:
    """Tell at once whether no other process of this installation does this; if so, keep the others out."""
    with _lock(doing) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def _lock(doing: str) -> IO[str]:
    path = data_directory() / "run" / f"{doing}.lock"
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path.open("w")


def raise_flag(path: Path) -> None:
    """Make a flag file, with its directory when that is missing."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.touch(mode=0o600)


def lower_flag(path: Path) -> None:
    """Remove a flag file; that it is gone already is fine."""
    path.unlink(missing_ok=True)


@lru_cache(maxsize=4)
def _key_at(path: Path) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return path.read_bytes()
    with os.fdopen(descriptor, "wb") as file:
        file.write(token_bytes(32))
    return path.read_bytes()


def kernel_key() -> bytes:
    """Return the 32 secret bytes from which confirmation and holdout seeds are derived; made at first use."""
    return _key_at(data_directory() / "keys" / "kernel.key")


def models_key() -> bytes:
    """Return the 32 secret bytes that seal the keys of language models; made at first use."""
    return _key_at(data_directory() / "keys" / "models.key")


def secrets() -> list[str]:
    """Return the secret texts that the settings hold, which no text that leaves may contain."""
    addresses = [str(settings.DATABASES["default"].get("PASSWORD") or ""), urlsplit(settings.REDIS_URL).password or ""]
    return [settings.SECRET_KEY, *map(unquote, filter(None, addresses))]


def pace_file(model_name: str) -> Path:
    """Return the file in which all processes count the requests to a language model."""
    return data_directory() / "run" / "models" / f"{model_name}.pace"


def installation_id() -> str:
    """Return eight letters and digits that tell this installation's log from others; made at first use."""
    return _key_at(data_directory() / "keys" / "installation.id").hex()[:8]


def stated_models() -> tuple[Stated, ...]:
    """Return the language models that the environment states; raises ``Invalid`` naming what is wrong in the file."""
    file = settings.COUNTERSIGN_MODELS
    try:
        text = Path(file).expanduser().read_text(encoding="utf-8") if file else ""
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"{file}, which COUNTERSIGN_MODELS names, cannot be read. Check the file.") from error
    return stated_in(text, where=file, variables={**os.environ, **settings.MODEL_KEYS})

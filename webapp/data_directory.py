"""The directory that holds everything of an installation: who may read it, its secrets, its sockets."""

from __future__ import annotations

import hashlib
import os
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

# sockaddr_un holds 108 bytes with the closing zero; valkey also makes a temporary name beside the socket.
_LONGEST_SOCKET_PATH = 100


@dataclass(frozen=True)
class DataDirectory:
    """Paths below COUNTERSIGN_DATA, and the few secrets that settings need at start."""

    root: Path

    @property
    def run(self) -> Path:
        """Return the directory of sockets, locks and logs of running processes."""
        return self.root / "run"

    @property
    def keys(self) -> Path:
        """Return the directory of secrets."""
        return self.root / "keys"

    @property
    def static(self) -> Path:
        """Return the directory of collected static files."""
        return self.root / "static"

    @property
    def socket(self) -> Path:
        """Return the embedded server's socket: below ``run`` unless that path is too long for a socket."""
        inside = self.run / "valkey.sock"
        if len(os.fsencode(inside)) <= _LONGEST_SOCKET_PATH:
            return inside
        mark = hashlib.sha256(os.fsencode(self.root)).hexdigest()[:12]
        return Path(tempfile.gettempdir(), f"countersign-{os.getuid()}-{mark}", "valkey.sock")

    def create(self) -> None:
        """Make the directories, readable by their owner alone; ImproperlyConfigured when that is not possible."""
        try:
            for directory in (self.root, self.run, self.keys):
                directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._check_writable()
        except OSError as error:
            raise ImproperlyConfigured(
                f"The data directory {self.root} cannot be written: {error.strerror or error}. "
                "Give it to the user who runs Countersign, or name another with COUNTERSIGN_DATA (or up --data DIR)."
            ) from error

    def secret(self, name: str) -> str:
        """Return the secret text kept in ``keys``/``name``, made at first use; two processes get the same one."""
        path = self.keys / name
        if not path.exists():
            self._publish(path, secrets.token_urlsafe(48))
        try:
            return path.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ImproperlyConfigured(f"The key file {path} cannot be read: {error}.") from error

    def _check_writable(self) -> None:
        descriptor, name = tempfile.mkstemp(prefix=".write-", dir=self.run)
        os.close(descriptor)
        Path(name).unlink()

    def _publish(self, path: Path, text: str) -> None:
        """Write a whole file under its name unless somebody else was first: readers never see half a secret."""
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}-", dir=self.keys)
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(text)
            os.link(temporary, path)
        except FileExistsError:
            pass
        finally:
            Path(temporary).unlink()

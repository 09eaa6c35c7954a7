"""What one sandboxed process may use."""

from __future__ import annotations

from dataclasses import dataclass

ADDRESS_SPACE_SLACK_MB = 1024
"""Address space that libraries map without using it (numpy alone maps about 300 MB)."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of one sandbox: times in seconds, sizes in MB or KB, as the names say.

    ``memory_mb`` bounds the proportional memory (PSS) of the whole process tree; a single process cannot even
    map more than that plus ``slack_mb``. ``cpus`` is the number of threads numerical libraries start.
    ``tmp_mb`` and ``tmp_files`` bound what may lie in the temporary folder.
    ``output_kb`` bounds everything printed, ``message_kb`` one message on the private channel.
    """

    seconds: float = 10.0
    cpu_seconds: int = 11
    memory_mb: int = 512
    slack_mb: int | None = None
    cpus: int = 1
    processes: int = 64
    open_files: int = 256
    file_mb: int = 64
    tmp_mb: int = 64
    tmp_files: int = 16_384
    output_kb: int = 4096
    log_kb: int = 32
    message_kb: int = 4096

    @property
    def address_space_mb(self) -> int:
        """Return the address space of one process, in MB."""
        return self.memory_mb + (ADDRESS_SPACE_SLACK_MB if self.slack_mb is None else self.slack_mb)

    @property
    def for_inside(self) -> str:
        """Write the limits that are set inside, as ``inside.enter`` reads them: cpu,as,nproc,fsize,nofile."""
        megabyte = 1 << 20
        values = (
            self.cpu_seconds,
            self.address_space_mb * megabyte,
            self.processes,
            self.file_mb * megabyte,
            self.open_files,
        )
        return ",".join(str(value) for value in values)

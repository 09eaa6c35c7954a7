"""Unpacking an archive that somebody uploaded: bounded in number and size, and nothing outside of its folder."""

from __future__ import annotations

import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path

from improvement.exceptions import TargetError
from improvement.targets.importing import check_limits

_UNREADABLE = (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError)


def unpack(archive: Path, out: Path) -> Path:
    """Unpack a .zip or a .tar, compressed or not, into an empty directory and return the folder that it holds.

    Raises TargetError for what is no whole archive, holds too much, or names places outside of itself.
    """
    try:
        if zipfile.is_zipfile(archive):
            _unzip(archive, out)
        else:
            _untar(archive, out)
    except tarfile.FilterError as error:
        raise TargetError(
            f"The archive names {_shown(error.tarinfo.name)}, a place outside of it or no plain file. "
            "Pack the folder without links and devices."
        ) from error
    except (RuntimeError, NotImplementedError) as error:
        raise TargetError(
            "The archive is encrypted or packed in an unusual way. Upload a plain .zip or .tar.gz of the folder."
        ) from error
    except _UNREADABLE as error:
        raise TargetError(
            "This is no archive, or it is damaged. Upload a .zip, .tar or .tar.gz of the folder."
        ) from error
    inside = list(out.iterdir())
    if not inside:
        raise TargetError("The archive holds no file. Pack the folder that holds the target.")
    return inside[0] if len(inside) == 1 and inside[0].is_dir() else out


def _untar(path: Path, out: Path) -> None:
    with tarfile.open(path) as archive:
        members: list[tarfile.TarInfo] = []
        size = 0
        for member in archive:  # one by one: what is too much is not decompressed to its end
            members.append(member)
            size += member.size
            check_limits("The archive", files=len(members), size=size)
        archive.extractall(out, members=members, filter="data")


def _unzip(path: Path, out: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        inside = archive.infolist()
        check_limits("The archive", files=len(inside), size=sum(info.file_size for info in inside))
        _check_places(info.filename for info in inside)
        archive.extractall(out)  # noqa: S202 - every name was checked above


def _check_places(names: Iterable[str]) -> None:
    for name in names:
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise TargetError(f"The archive names {_shown(name)}, which lies outside of it.")


def _shown(name: str) -> str:
    return f"{name[:80]!a}"

"""Unpacking an upload: the folder in it, within the limits, or one plain sentence."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from improvement.exceptions import TargetError
from improvement.targets import archives
from improvement.targets.importing import MAX_BYTES, MAX_FILES


def _tar(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for info, content in members:
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def _file(name: str, content: bytes = b"x") -> tuple[tarfile.TarInfo, bytes]:
    return tarfile.TarInfo(name), content


def _link(name: str, to: str) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = tarfile.SYMTYPE, to
    return info, b""


def _zip(path: Path, **files: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def _unpacked(archive: Path, tmp_path: Path) -> Path:
    out = tmp_path / "out"
    out.mkdir()
    return archives.unpack(archive, out)


def test_the_one_folder_inside_is_the_target(tmp_path: Path) -> None:
    found = _unpacked(_tar(tmp_path / "a.tar.gz", _file("task/f.py"), _file("task/evaluator.py")), tmp_path)
    assert (found.name, sorted(path.name for path in found.iterdir())) == ("task", ["evaluator.py", "f.py"])


def test_loose_files_are_the_target(tmp_path: Path) -> None:
    found = _unpacked(_zip(tmp_path / "a.zip", **{"f.py": b"", "evaluator.py": b""}), tmp_path)
    assert sorted(path.name for path in found.iterdir()) == ["evaluator.py", "f.py"]


def _encrypted(path: Path) -> Path:
    content = bytearray(_zip(path, f=b"x").read_bytes())
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(bytes(content))
    return path


def _written(content: bytes) -> Callable[[Path], Path]:
    def write(path: Path) -> Path:
        path.write_bytes(content)
        return path

    return write


def _cut(path: Path) -> Path:
    whole = _tar(path, _file("task/f.py", bytes(range(256)) * 400)).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    return path


DAMAGED = "This is no archive, or it is damaged. Upload a .zip, .tar or .tar.gz of the folder."
REFUSED: dict[str, tuple[Callable[[Path], Path], str]] = {
    "nothing": (_written(b""), DAMAGED),
    "text": (_written(b"hello, this is no archive"), DAMAGED),
    "half": (_cut, DAMAGED),
    "gzip of nothing": (_written(b"\x1f\x8b\x08\x00"), DAMAGED),
    "outside": (lambda path: _tar(path, _file("../f.py")), "The archive names '../f.py', a place outside of it"),
    "absolute in a zip": (lambda path: _zip(path, **{"/etc/x": b""}), "The archive names '/etc/x', which lies outside"),
    "link out": (lambda path: _tar(path, _link("a", "/etc/passwd")), "The archive names 'a', a place outside of it"),
    "encrypted": (_encrypted, "The archive is encrypted or packed in an unusual way."),
    "many": (
        lambda path: _tar(path, *(_file(f"t/{number}", b"") for number in range(MAX_FILES + 1))),
        "The archive holds more than 2,000 files.",
    ),
    "large": (
        lambda path: _tar(path, *(_file(f"t/{number}", bytes(MAX_BYTES // 2 + 1)) for number in range(2))),
        "The archive holds more than 20 MB.",
    ),
    "large zip": (lambda path: _zip(path, f=bytes(MAX_BYTES + 1)), "The archive holds more than 20 MB."),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_taken_is_one_plain_sentence(tmp_path: Path, case: str) -> None:
    make, sentence = REFUSED[case]
    with pytest.raises(TargetError) as caught:
        _unpacked(make(tmp_path / "upload"), tmp_path)
    assert caught.value.message.startswith(sentence)
    assert "\n" not in caught.value.message

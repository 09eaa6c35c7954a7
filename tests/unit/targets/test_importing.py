"""Importing from a directory: every file as it is, and nothing from outside it."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from improvement.exceptions import ManifestError, TargetError
from improvement.targets import importing
from improvement.targets.importing import load, read_directory


def target(root: Path, files: dict[str, bytes]) -> Path:
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
    return root


def message(path: Path) -> str:
    with pytest.raises(TargetError) as caught:
        read_directory(path)
    assert "\n" not in caught.value.message
    return caught.value.message


def test_read_directory_reads_everything_in_order(tmp_path: Path) -> None:
    files = {"b.py": b"x\r\n", "a/z.bin": b"\xff\x00", "a/deep/c": b"", ".hidden": b"h"}
    assert list(read_directory(target(tmp_path, files)).items()) == sorted(files.items())


def test_read_directory_leaves_out_what_is_no_source(tmp_path: Path) -> None:
    files = {"a.py": b"", ".git/config": b"", "d/__pycache__/a.pyc": b"", "b.pyc": b"", "d/.git": b"gitdir: x"}
    assert read_directory(target(tmp_path, files)) == {"a.py": b""}


def test_read_directory_link_inside_is_read_as_the_file(tmp_path: Path) -> None:
    target(tmp_path, {"a.py": b"x", "d/b.py": b"y"})
    (tmp_path / "d" / "link.py").symlink_to("../a.py")
    assert read_directory(tmp_path) == {"a.py": b"x", "d/b.py": b"y", "d/link.py": b"x"}


@pytest.mark.parametrize(
    ("end", "said"),
    [
        ("../secret", "link: is a link that leads out of the target. Copy the file instead."),
        ("..", "link: is a link that leads out of the target. Copy the file instead."),
        ("d", "link: is a link to a folder. Copy the folder instead."),
        ("link", "link: is a link that leads nowhere. Remove it."),
        ("none", "link: is a link that leads nowhere. Remove it."),
    ],
)
def test_read_directory_other_links_are_refused(tmp_path: Path, end: str, said: str) -> None:
    (tmp_path / "secret").write_bytes(b"key")
    root = target(tmp_path / "t", {"d/a.py": b""})
    (root / "link").symlink_to(end)
    assert message(root) == said


def test_read_directory_root_itself_may_be_a_link(tmp_path: Path) -> None:
    target(tmp_path / "t", {"a.py": b"x"})
    (tmp_path / "link").symlink_to("t")
    assert read_directory(tmp_path / "link") == {"a.py": b"x"}


def test_read_directory_pipes_and_sockets_are_refused(tmp_path: Path) -> None:
    target(tmp_path / "pipe", {"a.py": b""})
    os.mkfifo(tmp_path / "pipe" / "p")
    target(tmp_path / "sock", {"a.py": b""})
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "sock" / "s"))
        assert message(tmp_path / "sock").endswith("s is no plain file (a socket, pipe or device). Remove it.")
    assert message(tmp_path / "pipe").endswith("p is no plain file (a socket, pipe or device). Remove it.")


def test_read_directory_size_of_all_files_together_is_limited(tmp_path: Path) -> None:
    half = bytes(importing.MAX_BYTES // 2)
    assert len(read_directory(target(tmp_path, {"a": half, "b": half}))) == 2
    assert message(target(tmp_path, {"c": b"x"})).endswith(
        "holds more than 20 MB. Move what the target does not need elsewhere."
    )


def test_read_directory_bad_names_are_refused(tmp_path: Path) -> None:
    target(tmp_path, {"a\nb": b""})
    assert "'a\\nb' has a backslash or an unprintable character. Rename that file." in message(tmp_path)


def test_read_directory_mistaken_path_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "empty").mkdir()
    assert message(tmp_path / "none") == f"{tmp_path / 'none'}: there is no such directory. Check the path."
    assert "is not a directory" in message(tmp_path / "file")
    assert "there is no file in this directory" in message(tmp_path / "empty")


OPENEVOLVE = {
    "initial_program.py": b"# EVOLVE-BLOCK-START\nx = 1\n# EVOLVE-BLOCK-END\n",
    "evaluator.py": b"def evaluate(program_path):\n    return {}\n",
}


@pytest.mark.parametrize(
    ("folder", "name", "expected"),
    [("Circle Packing_26", None, "circle-packing-26"), ("t", "mine", "mine"), ("___", None, "target")],
)
def test_load_names_an_imported_task(tmp_path: Path, folder: str, name: str | None, expected: str) -> None:
    assert load(target(tmp_path / folder, OPENEVOLVE), name=name).manifest.name == expected


def test_load_recognises_or_takes_the_word_for_it(tmp_path: Path) -> None:
    root = target(tmp_path, OPENEVOLVE)
    assert load(root, "auto").format == load(root, "openevolve").format == "openevolve"
    with pytest.raises(ManifestError, match=r"There is no countersign\.toml"):
        load(root, "countersign")


def test_too_many_files_are_refused_while_the_directory_is_walked(tmp_path: Path) -> None:
    for number in range(importing.MAX_FILES + 1):
        (tmp_path / str(number)).touch()
    assert message(tmp_path) == f"{tmp_path} holds more than 2,000 files. Name the folder of one target alone."

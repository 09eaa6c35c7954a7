"""Who may read the data directory, and its secrets."""

from __future__ import annotations

import stat
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from webapp.data_directory import DataDirectory


@pytest.fixture
def data(tmp_path: Path) -> DataDirectory:
    directory = DataDirectory(tmp_path / "data")
    directory.create()
    return directory


def test_directories_belong_to_their_owner_alone(data: DataDirectory) -> None:
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (data.root, data.run, data.keys)}
    assert modes == {"data": 0o700, "run": 0o700, "keys": 0o700}


def test_making_it_twice_changes_nothing(data: DataDirectory) -> None:
    secret = data.secret("key")
    data.create()
    assert data.secret("key") == secret
    assert [path.name for path in data.run.iterdir()] == []


def test_secret_is_long_and_its_file_private(data: DataDirectory) -> None:
    assert len(data.secret("key")) >= 48
    assert stat.S_IMODE((data.keys / "key").stat().st_mode) == 0o600
    assert [path.name for path in data.keys.iterdir()] == ["key"]


def test_processes_that_start_together_get_the_same_secret(data: DataDirectory) -> None:
    with ThreadPoolExecutor(16) as pool:
        secrets = set(pool.map(lambda _: data.secret("key"), range(64)))
    assert len(secrets) == 1


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(
        ImproperlyConfigured, match=r"The data directory .*/file/data cannot be written: Not a directory"
    ):
        DataDirectory(tmp_path / "file" / "data").create()


def test_socket_lies_in_the_data_directory_while_its_path_is_short() -> None:
    assert DataDirectory(Path("/srv/data")).socket == Path("/srv/data/run/valkey.sock")


def test_socket_of_a_long_path_is_short_private_and_its_own() -> None:
    first, second = (DataDirectory(Path("/srv", "x" * 120, name)).socket for name in "ab")
    assert len(str(first)) < 108
    assert first.is_relative_to(tempfile.gettempdir())
    assert first != second

"""Importing in the browser: who may name a directory of the server, which ones, and what came of the last ones."""

from __future__ import annotations

import html
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import Settings

from improvement.models import TargetImport, User
from improvement.services import targets
from tests import factories as make

Browsers = Callable[[User | None], Client]

pytestmark = pytest.mark.django_db


@pytest.fixture
def tasks(tmp_path: Path, settings: Settings) -> Path:
    """A directory below which administrators may import, with one task and a link that leads out of it."""
    root = tmp_path / "tasks"
    (root / "mine").mkdir(parents=True)
    (root / "out").symlink_to("/etc")
    settings.COUNTERSIGN_IMPORT_ROOTS = [str(root)]
    return root


def _sent(browser: Client, **form: object) -> tuple[int, str]:
    answer = browser.post("/targets/new/", {"format": "auto", "name": "", **form})
    return answer.status_code, html.unescape(answer.content.decode())


def test_an_administrator_imports_from_below_a_root(tasks: Path, signed_in: Browsers) -> None:
    status, _ = _sent(signed_in(make.user("alice")), path=f"{tasks}/mine/../mine")
    assert (status, TargetImport.objects.get().source) == (302, str(tasks / "mine"))


@pytest.mark.parametrize(
    "path", ["{tasks}/../", "{tasks}-too", "{tasks}/out/ssl", "/", "/root", "mine", "~", "{tasks}/../x"]
)
def test_nothing_outside_the_roots_is_read(tasks: Path, signed_in: Browsers, path: str) -> None:
    named = path.format(tasks=tasks)
    status, text = _sent(signed_in(make.user("alice")), path=named)
    assert (status, TargetImport.objects.exists()) == (422, False)
    assert f"{named} is not below {tasks}, and other directories are not read from here." in text


@pytest.mark.usefixtures("tasks")
def test_an_operator_uploads_and_names_no_directory(signed_in: Browsers, tasks: Path) -> None:
    browser = signed_in(make.user("olga", "operator"))
    assert 'name="path"' not in browser.get("/targets/new/").content.decode()
    assert _sent(browser, path=f"{tasks}/mine")[0] == 422
    assert not TargetImport.objects.exists()
    assert _sent(browser, upload=SimpleUploadedFile("task.zip", b"PK"))[0] == 302


def test_without_roots_no_directory_is_asked_for(signed_in: Browsers) -> None:
    browser = signed_in(make.user("alice"))
    assert 'name="path"' not in browser.get("/targets/new/").content.decode()
    assert _sent(browser, path="/tmp")[0] == 422
    assert not TargetImport.objects.exists()


def test_the_last_imports_are_listed_with_what_came_of_them_and_for_whom(signed_in: Browsers) -> None:
    alice, bob = signed_in(make.user("alice")), signed_in(make.user("olga", "operator"))
    _sent(alice, upload=SimpleUploadedFile("task.zip", b"PK"), name="mine")
    asked = TargetImport.objects.get()
    assert f'href="/targets/imports/{asked.pk}/"' in alice.get("/targets/new/").content.decode()
    targets.finish_import(asked.pk, target=None, message="This is no archive.")
    assert "mine: This is no archive." in alice.get("/targets/new/").content.decode()
    assert "This is no archive." not in bob.get("/targets/new/").content.decode()

"""What the page of a target says of how its candidates are run."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from improvement.models import User
from tests import factories as make

pytestmark = pytest.mark.django_db


def test_the_command_that_runs_candidates_is_shown_where_there_is_one(
    signed_in: Callable[[User | None], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    bob = signed_in(make.user("bob"))
    make.target("python")
    assert "Run by" not in bob.get("/targets/python/").content.decode()
    path = make.manifest().edit_files[0]
    lines = f'[candidate]\ncommand = ["/usr/bin/perl", "{path}"]\n[evaluate]\nprotocol = "program"'
    monkeypatch.setattr(make, "MANIFEST", make.MANIFEST.replace("[evaluate]", lines))
    make.target("perl")
    assert f"<dt>Run by</dt><dd><code>/usr/bin/perl {path}</code></dd>" in bob.get("/targets/perl/").content.decode()

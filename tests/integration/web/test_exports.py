"""Taking the trail away: asked for by a form, and always on record."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from django.test import Client

from improvement.models import AuditEvent, Checkpoint, User
from improvement.selectors import audit as read
from tests import factories as make
from tests.integration.web.conftest import World

Browsers = Callable[[User | None], Client]


@pytest.mark.parametrize("form", ["bundle", "jsonl", "csv"])
def test_an_export_is_recorded_with_its_form_and_its_scope(world: World, signed_in: Browsers, form: str) -> None:
    bob, before = signed_in(make.user("bob")), AuditEvent.objects.count()
    answer = bob.post(f"/audit/export/{form}/", {"run": str(world.run.pk)})
    assert answer.getvalue()
    recorded = AuditEvent.objects.filter(type="export.created").get()
    body = read.body(recorded)
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert body["data"] == {"size": before, "scope": f"R-{world.run.pk}", "form": form}
    assert body["actor"]["name"] == "bob"


def test_json_lines_hold_the_whole_log_with_the_export_itself(world: World, signed_in: Browsers) -> None:
    lines = signed_in(make.user("bob")).post("/audit/export/jsonl/", {"run": ""}).getvalue().splitlines()
    assert len(lines) == AuditEvent.objects.count()
    assert json.loads(lines[-1])["type"] == "export.created"


@pytest.mark.parametrize("form", ["bundle", "jsonl", "csv"])
def test_following_a_link_exports_and_writes_nothing(world: World, signed_in: Browsers, form: str) -> None:
    written = AuditEvent.objects.count(), Checkpoint.objects.count()
    assert signed_in(make.user("bob")).get(f"/audit/export/{form}/").status_code == 405
    assert (AuditEvent.objects.count(), Checkpoint.objects.count()) == written


def test_an_export_needs_the_token_of_the_page(world: World) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(make.user("bob"))
    assert browser.post("/audit/export/csv/").status_code == 403
    assert not AuditEvent.objects.filter(type="export.created").exists()


def test_an_unknown_form_is_refused_before_anything_is_recorded(world: World, signed_in: Browsers) -> None:
    assert signed_in(make.user("bob")).post("/audit/export/pdf/").status_code == 404
    assert not AuditEvent.objects.filter(type="export.created").exists()


@pytest.mark.parametrize("form", ["bundle", "jsonl", "csv"])
@pytest.mark.parametrize(("run", "status"), [("R-999999999", 404), ("the second", 422), ("9" * 40, 422)])
def test_a_run_that_the_trail_does_not_know_is_refused_before_anything_is_recorded(
    world: World, signed_in: Browsers, form: str, run: str, status: int
) -> None:
    answer = signed_in(make.user("bob")).post(f"/audit/export/{form}/", {"run": run})
    assert (answer.status_code, AuditEvent.objects.filter(type="export.created").exists()) == (status, False)

"""The audit page: decisions first, everything one click away, and what it takes to verify an export."""

from __future__ import annotations

import html
import re
from collections.abc import Callable

import pytest
from django.test import Client

from improvement.ledger.event import sentence
from improvement.models import AuditEvent, User
from improvement.services import audit
from tests import factories as make
from tests.integration.web.conftest import World

Browsers = Callable[[User | None], Client]
OF_THE_LOOP = {"generation.proposed", "candidate.nominated", "evidence.recorded", "review.opened"}


def _shown(browser: Client, query: str = "") -> set[str]:
    """Return the types of the events that the page lists."""
    text = browser.get(f"/audit/{query}").content.decode()
    return set(re.findall(r'<dt>type</dt><dd class="mono">([a-z_.]+)</dd>', text))


@pytest.fixture
def bob(world: World, signed_in: Browsers) -> Client:
    """Bob's browser, on a trail with a run and a decision."""
    make.vote(world.candidate, make.bob(), "reject")
    return signed_in(make.user("bob"))


def test_the_page_shows_decisions_and_leaves_out_what_the_loop_records(bob: Client) -> None:
    shown = _shown(bob)
    assert {"review.voted", "review.rejected", "policy.changed", "target.added", "run.started"} <= shown
    assert not shown & OF_THE_LOOP


def test_everything_is_one_link_away(bob: Client) -> None:
    assert 'href="?show=everything"' in bob.get("/audit/").content.decode()
    assert _shown(bob, "?show=everything") == set(AuditEvent.objects.values_list("type", flat=True))


@pytest.mark.parametrize(
    ("query", "said", "link"),
    [
        ("", "Nobody decided anything yet", "?show=everything"),
        ("?show=everything", "Nothing has happened yet", ""),
        ("?run=7", "No decision matches", "?run=7&amp;show=everything"),
        ("?run=7&show=everything", "No event matches", "/audit/?show=everything"),
    ],
)
def test_an_empty_list_says_what_there_is_none_of(
    db: None, signed_in: Browsers, query: str, said: str, link: str
) -> None:
    bob = User.objects.create_user("bob", role="reviewer")
    page = signed_in(bob).get(f"/audit/{query}").content.decode()
    empty = page.partition('<div class="empty">')[2].partition("</div>")[0]
    assert f"<strong>{said}</strong>" in empty
    assert re.findall(r'<a href="(.*?)"', empty) == ([link] if link else [])


def test_a_type_that_is_asked_for_is_shown_whichever_share_it_belongs_to(bob: Client) -> None:
    assert _shown(bob, "?type=candidate.nominated") == {"candidate.nominated"}


@pytest.mark.parametrize(
    ("score", "told"), [("2.635983078114", "2.6360"), ("0.00001234567", "1.23e-05"), ("-4", "-4.0000"), ("n/a", "n/a")]
)
def test_a_score_is_rounded_in_the_sentence(score: str, told: str) -> None:
    event = {
        "type": "candidate.nominated",
        "actor": {"kind": "system", "id": "system"},
        "subject": {"kind": "candidate", "id": "C-1"},
        "data": {"score": score},
    }
    assert sentence(event) == f"C-1 was nominated with score {told}"


def test_the_public_key_is_the_one_that_the_command_prints(bob: Client) -> None:
    answer = bob.get("/audit/key/")
    assert answer.getvalue().decode() == audit.signing_key().vkey + "\n"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="countersign.vkey"'


@pytest.mark.parametrize(
    ("query", "bundle"), [("", "countersign-audit.tar"), ("?run=R-{}", "countersign-audit-R-{}.tar")]
)
def test_the_page_names_the_command_with_the_files_as_they_are_downloaded(
    world: World, bob: Client, query: str, bundle: str
) -> None:
    text = html.unescape(bob.get("/audit/" + query.format(world.run.pk)).content.decode())
    named = bundle.format(world.run.pk)
    assert f"python3 -m improvement.ledger.verify {named} --key countersign.vkey" in text
    answer = bob.post("/audit/export/bundle/", {"run": str(world.run.pk) if query else ""})
    assert answer.getvalue()[257:262] == b"ustar"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{named}"'

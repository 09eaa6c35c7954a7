"""Comments on lines on a candidate's page: where they stand, who is offered what, and that they stop an approval."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from improvement.models import Candidate, Thread, User, Vote
from improvement.selectors.comments import Place
from improvement.services import comments
from improvement.services.actors import Actor
from tests import factories as make
from tests.integration.web.conftest import World

Browsers = Callable[[User | None], Client]
NEW, OLD = Place("f.py", "new", 2), Place("f.py", "old", 2)


def _said(candidate: Candidate, actor: Actor, text: str = "why 2?", place: Place = NEW, share: bool = True) -> Thread:
    now = timezone.now()
    return comments.comment(candidate.pk, place, text=text, share=share, actor=actor, now=now).thread


def _page(browser: Client, candidate: Candidate, query: str = "") -> str:
    return browser.get(f"/candidates/{candidate.pk}/{query}").content.decode()


@pytest.mark.parametrize("view", ["unified", "split"])
def test_every_line_can_be_commented_on_and_the_form_stands_below_it(
    world: World, signed_in: Browsers, view: str
) -> None:
    bob = signed_in(make.user("bob"))
    page = _page(bob, world.candidate, f"?view={view}&line=new:2:f.py")
    labels = set(re.findall(r'aria-label="(Comment on line [^"]*)"', page))
    assert {f"Comment on line 2 of the {whose}" for whose in ("champion", "candidate")} <= labels
    form = page[page.index('id="saying"') :]
    assert re.findall(r'name="(path|side|line)" value="([^"]*)"', form)[:3] == [
        ("path", "f.py"),
        ("side", "new"),
        ("line", "2"),
    ]
    assert page.count('id="saying"') == 1


@pytest.mark.parametrize("line", ["new:99:f.py", "new:2:evaluator.py", "left:2:f.py", "new:x:f.py", "nonsense", ""])
def test_an_address_that_names_no_line_shows_no_form(world: World, signed_in: Browsers, line: str) -> None:
    assert 'id="saying"' not in _page(signed_in(make.user("bob")), world.candidate, f"?line={line}")


def test_a_comment_leads_back_to_itself(world: World, signed_in: Browsers) -> None:
    form = {"path": "f.py", "side": "new", "line": "2", "text": "<b>why</b> 2?", "share": "yes"}
    bob, path = signed_in(make.user("bob")), f"/candidates/{world.candidate.pk}/"
    answer = bob.post(f"{path}comments/", form, follow=True)
    thread = Thread.objects.get()
    assert answer.redirect_chain == [(f"{path}#thread-{thread.pk}", 302)]
    page = answer.content.decode()
    assert "You commented on line 2 of f.py." in page
    assert f'id="thread-{thread.pk}"' in page
    assert "&lt;b&gt;why&lt;/b&gt; 2?" in page


@pytest.mark.parametrize("view", ["unified", "split"])
def test_what_is_said_stands_below_its_line_once(world: World, signed_in: Browsers, view: str) -> None:
    threads = [_said(world.candidate, make.bob()), _said(world.candidate, make.bob(), "was fine", OLD)]
    page = _page(signed_in(make.user("carol")), world.candidate, f"?view={view}")
    assert [page.count(f'id="thread-{thread.pk}"') for thread in threads] == [1, 1]
    assert "not shown here any more" not in page


def test_what_is_about_lines_that_changed_since_stands_apart(world: World, signed_in: Browsers) -> None:
    _said(world.candidate, make.bob())
    Thread.objects.update(code="    return 7.0")
    page = _page(signed_in(make.user("carol")), world.candidate)
    apart = page[page.index("Said of lines that are not shown here any more") :]
    assert "f.py, line 2 of the candidate: <code>    return 7.0</code>" in apart


def test_each_is_offered_what_they_may_do(world: World, signed_in: Browsers) -> None:
    thread = _said(world.candidate, make.bob(), share=False)
    shown = {name: _page(signed_in(make.user(name)), world.candidate) for name in ("alice", "bob", "carol")}
    shown["mallory"] = _page(signed_in(make.user("mallory", "viewer")), world.candidate)
    assert all("why 2?" in page and "not told to the strategy" in page for page in shown.values())
    resolve, answer = (f"/comments/{thread.pk}/{what}/" for what in ("resolve", "answer"))
    offered = {name: (resolve in page, answer in page, 'class="say"' in page) for name, page in shown.items()}
    assert offered == {
        "alice": (False, True, True),
        "bob": (True, True, True),
        "carol": (True, True, True),
        "mallory": (False, False, False),
    }


def test_nobody_is_offered_to_countersign_while_a_comment_is_open(world: World, signed_in: Browsers) -> None:
    thread, carol = _said(world.candidate, make.bob()), signed_in(make.user("carol"))
    waiting = _page(carol, world.candidate)
    assert "Nobody can countersign while 1 comment on the change is open: resolve what was said first." in waiting
    assert "comments on lines that wait to be resolved: 1" in waiting
    assert 'value="approve"' not in waiting
    carol.post(f"/candidates/{world.candidate.pk}/comments/{thread.pk}/resolve/")
    resolved = _page(carol, world.candidate)
    assert 'value="approve"' in resolved
    assert "Resolved by carol" in resolved


def test_an_approval_that_was_on_its_way_is_a_conflict(world: World, signed_in: Browsers) -> None:
    shown = make.shown(world.candidate)
    _said(world.candidate, make.bob())
    signs = {"patch": shown.patch, "base": shown.base, "evidence": shown.evidence, "policy": shown.policy}
    answer = signed_in(make.user("carol")).post(
        f"/candidates/{world.candidate.pk}/decide/", {**signs, "verdict": "approve"}
    )
    assert (answer.status_code, Vote.objects.count()) == (409, 0)
    said = f"1 comment on a line is open for C-{world.candidate.pk}: resolve what was said, then countersign."
    assert said in answer.content.decode()


def test_what_was_ticked_stands_beside_the_vote(world: World, signed_in: Browsers) -> None:
    shown, bob = make.shown(world.candidate), signed_in(make.user("bob"))
    signs = {"patch": shown.patch, "base": shown.base, "evidence": shown.evidence, "policy": shown.policy}
    form = {**signs, "verdict": "reject", "reason": "no", "grounds": ["unsafe", "too_complex"], "share_reason": "yes"}
    page = bob.post(f"/candidates/{world.candidate.pk}/decide/", form, follow=True).content.decode()
    assert [ground for ground in ("Too complex", "Unsafe", "Unclear") if f'chip">{ground}<' in page] == [
        "Too complex",
        "Unsafe",
    ]


def test_the_page_asks_the_database_no_more_for_more_comments(world: World, signed_in: Browsers) -> None:
    bob = signed_in(make.user("bob"))
    _said(world.candidate, make.bob())
    few = _queries(bob, world.candidate)
    for number in range(1, 3):
        _said(world.candidate, make.carol(), f"{number}", Place("f.py", "old", number))
    assert _queries(bob, world.candidate) == few


def _queries(browser: Client, candidate: Candidate) -> int:
    with CaptureQueriesContext(connection) as asked:
        _page(browser, candidate)
    return len(asked)

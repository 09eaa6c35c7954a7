"""Wherever a candidate is named, it is by its whole change, with who proposed it beside."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from improvement.models import User
from improvement.runner import confirming
from improvement.runner.releasing import finish_release
from improvement.runner.repositories import repository
from tests import factories as make
from tests.integration.web.conftest import World

Browsers = Callable[[User | None], Client]
TITLE = "number: 1.0 → 2.0"


@pytest.mark.parametrize("path", ["/", "/review/", "/candidates/{candidate}/", "/runs/{run}/"])
def test_pages_name_the_whole_change(world: World, signed_in: Browsers, path: str) -> None:
    answer = signed_in(make.user("bob")).get(path.format(**world.numbers))
    assert TITLE in answer.content.decode()


def test_the_feed_tells_what_was_sent_to_review(world: World) -> None:
    texts = [event.payload.get("text", "") for event in world.run.events.all()]
    assert any(text.startswith(f"C-{world.candidate.pk} sent to review ({TITLE}): ") for text in texts)


def test_the_candidates_page_says_who_proposed_it(world: World, signed_in: Browsers) -> None:
    page = signed_in(make.user("bob")).get(f"/candidates/{world.candidate.pk}/").content.decode()
    assert "proposed by literal" in page
    assert "answer 2.0" in page


def test_a_nomination_is_named_against_the_champion_of_now(world: World) -> None:
    (earlier,) = make.measured_candidates(make.run(world.run.target), 3.0)
    assert earlier.title == "number: 1.0 → 3.0"
    make.vote(world.candidate, make.bob())
    finish_release(make.intended_release(world.run.target).pk)

    confirming.begin(make.fresh(earlier), why="for this test")

    assert make.fresh(earlier).title == "number: 2.0 → 3.0"


def test_a_rebased_candidate_gets_a_title_against_the_new_champion(world: World) -> None:
    make.move_champion_elsewhere(world.run.target, {"f.py": b"def number():\n    return 1.0\n\n\nSIZE = 3\n"})
    confirming.confirm_again(world.candidate.pk)
    assert make.fresh(world.candidate).title == TITLE


def test_the_title_is_the_subject_of_the_releases_commit(world: World) -> None:
    make.vote(world.candidate, make.bob())
    finish_release(make.intended_release(world.run.target).pk)
    assert repository(world.run.target.name).history()[0].message.partition("\n")[0] == TITLE

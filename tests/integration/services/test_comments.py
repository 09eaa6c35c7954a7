"""Comments on lines of a change: who may speak, what they stop, and what of them reaches the strategy."""

from __future__ import annotations

import pytest
from django.utils import timezone

from improvement.engine.decisions import Decision, Ground, LineComment, Verdict
from improvement.exceptions import Conflict, Invalid, NotAllowed, NotFound
from improvement.models import Candidate, Comment, Review, Thread
from improvement.runner import confirming
from improvement.selectors import loop
from improvement.selectors import reviews as read
from improvement.selectors.comments import Place
from improvement.selectors.people import person_of
from improvement.services import comments, halt, reviews
from improvement.services.actors import SYSTEM, Actor
from tests import factories as make
from tests import trail

pytestmark = pytest.mark.django_db
LINE = Place("f.py", "new", 2)


@pytest.fixture
def team() -> Candidate:
    """Give a candidate of alice's run that bob and carol may decide about."""
    make.bob(), make.carol()
    make.follow("team")
    return make.reviewed_candidate(make.run())


def say(
    candidate: Candidate, actor: Actor, text: str = "why 2?", place: Place = LINE, *, share: bool = True
) -> Comment:
    """Comment on a line of the small target's program."""
    return comments.comment(candidate.pk, place, text=text, share=share, actor=actor, now=timezone.now())


def answer(thread: Thread, actor: Actor, text: str) -> Comment:
    """Say something more in a thread."""
    return comments.answer(thread.candidate_id, thread.pk, text=text, share=True, actor=actor, now=timezone.now())


def resolve(thread: Thread, actor: Actor) -> Thread:
    """Resolve a thread."""
    return comments.resolve(thread.candidate_id, thread.pk, actor=actor, now=timezone.now())


def test_a_comment_names_the_line_and_is_in_the_trail(team: Candidate) -> None:
    before = trail.size()
    thread = say(team, make.bob()).thread
    assert (thread.path, thread.side, thread.line, thread.code) == ("f.py", "new", 2, "    return 2.0")
    stated = {"path": "f.py", "side": "new", "line": 2, "text": "why 2?", "shared": True}
    assert (trail.kinds_since(before), trail.recorded("review.commented")) == (["review.commented"], [stated])
    trail.assert_holds()


def test_the_champions_line_can_be_spoken_of_too(team: Candidate) -> None:
    assert say(team, make.bob(), place=Place("f.py", "old", 2)).thread.code == "    return 1.0"


def test_an_answer_joins_what_was_said_of_the_line_and_opens_it_again(team: Candidate) -> None:
    thread = resolve(say(team, make.bob()).thread, make.carol())
    answer(thread, make.alice(), "it is the measured optimum")
    say(team, make.carol(), "measured where?")
    thread.refresh_from_db()
    assert [one.text for one in thread.comments.all()] == ["why 2?", "it is the measured optimum", "measured where?"]
    assert (Thread.objects.count(), thread.is_open) == (1, True)


def test_the_same_words_sent_twice_are_one_comment(team: Candidate) -> None:
    assert say(team, make.bob()) == say(team, make.bob())
    assert (Comment.objects.count(), len(trail.recorded("review.commented"))) == (1, 1)


@pytest.mark.parametrize(
    ("place", "message"),
    [
        (Place("f.py", "new", 9), "The candidate's f.py has 2 lines; there is no line 9."),
        (Place("f.py", "new", 0), "there is no line 0"),
        (Place("evaluator.py", "new", 1), "does not change evaluator.py"),
    ],
)
def test_only_lines_of_the_change_can_be_spoken_of(team: Candidate, place: Place, message: str) -> None:
    with pytest.raises(Invalid, match=message):
        say(team, make.bob(), place=place)


@pytest.mark.parametrize(("side", "line"), [("left", "1"), ("new", "-1"), ("new", "one"), ("new", "²"), ("old", "")])
def test_a_place_that_is_none_is_refused(side: str, line: str) -> None:
    with pytest.raises(Invalid, match="is no line of a change"):
        Place.parse("f.py", side, line)


def test_nothing_is_said_without_words(team: Candidate) -> None:
    with pytest.raises(Invalid, match="Write what you want to say"):
        say(team, make.bob(), "  ")
    assert Thread.objects.count() == 0


def test_what_was_said_of_one_candidate_is_not_found_at_another(team: Candidate) -> None:
    thread = say(team, make.bob()).thread
    with pytest.raises(NotFound, match="There is no such comment on C-"):
        comments.resolve(team.pk + 1, thread.pk, actor=make.bob(), now=timezone.now())


def test_who_may_speak(team: Candidate) -> None:
    say(team, make.alice(), "I started this, and may explain it")
    with pytest.raises(NotAllowed, match="mallory may not comment here"):
        say(team, make.mallory())
    with pytest.raises(NotAllowed, match="Only a person"):
        say(team, SYSTEM)
    with pytest.raises(NotFound):
        comments.comment(team.pk + 9, LINE, text="x", share=True, actor=make.bob(), now=timezone.now())


def test_whoever_started_the_run_cannot_resolve_what_others_said_of_it(team: Candidate) -> None:
    thread = say(team, make.bob()).thread
    with pytest.raises(NotAllowed, match="You started or wrote this"):
        resolve(thread, make.alice())
    resolve(thread, make.carol())
    own = say(team, make.alice(), "see the log", Place("f.py", "new", 1)).thread
    assert not resolve(own, make.alice()).is_open


def test_an_open_comment_stops_approvals_and_the_release(team: Candidate) -> None:
    thread = say(team, make.bob()).thread
    with pytest.raises(Conflict, match="1 comment on a line is open for C-"):
        make.vote(team, make.carol())
    asked = read.standing(make.review_of(team), person_of(make.user("carol"))).requirements
    unmet = {one.name: one.why for one in asked if not one.met}
    assert unmet["No open comment"] == "comments on lines that wait to be resolved: 1"
    resolve(thread, make.carol())
    make.vote(team, make.carol())
    assert make.fresh(team).state == "approved"


def test_a_comment_after_the_first_of_two_approvals_holds_up_the_second_until_it_is_resolved(team: Candidate) -> None:
    Review.objects.update(needed=2, tier="high")
    make.vote(team, make.bob())
    thread = say(team, make.bob()).thread
    with pytest.raises(Conflict):
        make.vote(team, make.carol())
    resolve(thread, make.bob())
    make.vote(team, make.carol())
    assert make.fresh(team).state == "approved"


def test_an_approval_that_waits_for_a_comment_takes_effect_when_that_is_resolved(team: Candidate) -> None:
    now = timezone.now()
    halt.halt(actor=make.alice(), reason="a drill", now=now)
    make.vote(team, make.bob())
    thread = say(team, make.carol()).thread
    for person in (make.bob(), make.carol()):
        halt.resume(actor=person, reason="over", now=now)
    assert (reviews.settle_approved(now=now), make.fresh(team).state) == (0, "in_review")
    resolve(thread, make.carol())
    assert make.fresh(team).state == "approved"


def test_rejecting_and_asking_for_changes_wait_for_no_comment(team: Candidate) -> None:
    say(team, make.bob())
    make.vote(team, make.bob(), "request_changes", reason="see the line")
    assert make.fresh(team).state == "changes_requested"


def test_nothing_more_is_said_of_what_was_decided(team: Candidate) -> None:
    thread = say(team, make.bob()).thread
    make.vote(team, make.bob(), "reject", reason="no")
    for act in (lambda: say(team, make.carol(), "late"), lambda: resolve(thread, make.carol())):
        with pytest.raises(NotAllowed, match="is not in review"):
            act()


def test_what_was_spoken_of_is_not_superseded(team: Candidate) -> None:
    say(team, make.bob())
    (better,) = make.measured_candidates(team.run, 3.0)
    confirming.begin(better, why="for this test")
    make.settle(better)
    assert make.values([team, better]) == ["in_review", "in_review"]


def test_the_strategy_is_told_what_people_let_it_read(team: Candidate) -> None:
    said = say(team, make.bob()).thread
    say(team, make.carol(), "between us", share=False)
    resolve(say(team, make.bob(), "shorter", Place("f.py", "old", 1)).thread, make.carol())
    reviews.vote(
        team.pk,
        verdict="reject",
        digests=make.shown(team),
        reason="too clever",
        grounds=["unclear", "too_complex"],
        actor=make.bob(),
        now=timezone.now(),
    )
    assert trail.recorded("review.voted")[0]["grounds"] == ["too_complex", "unclear"]
    told = Decision(
        team.number,
        Verdict.REJECTED,
        "too clever",
        (Ground.TOO_COMPLEX, Ground.UNCLEAR),
        (
            LineComment("f.py", "new", 2, said.code, "why 2?", resolved=False),
            LineComment("f.py", "old", 1, "def number():", "shorter", resolved=True),
        ),
    )
    assert loop.undelivered_decisions(team.run_id) == [(team.pk, told)]


def test_a_reason_to_tick_that_is_none_is_refused(team: Candidate) -> None:
    with pytest.raises(Invalid, match="'ugly' is none of the reasons to tick: too_complex"):
        reviews.vote(
            team.pk,
            verdict="reject",
            digests=make.shown(team),
            reason="no",
            grounds=["ugly"],
            actor=make.bob(),
            now=timezone.now(),
        )

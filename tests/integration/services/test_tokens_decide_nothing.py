"""A program that shows a token of an administrator: whatever a person decides, it cannot."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.utils import timezone

from improvement.engine.budget import Limit
from improvement.exceptions import NotAllowed
from improvement.models import AuditEvent
from improvement.selectors import audit as read
from improvement.selectors.comments import Place
from improvement.selectors.reviews import Shown
from improvement.services import (
    budgets,
    champions,
    comments,
    halt,
    people,
    policies,
    proposals,
    quarantine,
    targets,
    tokens,
)
from improvement.services import language_models as models
from improvement.services.actors import Actor
from tests import factories as make

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_directory", "nothing_enqueued")]
NOW = timezone.now()
LINE = Place("f.py", "new", 2)
DECISIONS: dict[str, Callable[[Actor], object]] = {
    "vote": lambda program: make.vote(make.reviewed_candidate(make.run()), program),
    "comment on a change": lambda program: comments.comment(
        make.reviewed_candidate(make.run()).pk, LINE, text="why?", share=True, actor=program, now=NOW
    ),
    "roll a champion back": lambda program: champions.order_rollback(
        "small", to="0" * 9, actor=program, reason="so", now=NOW
    ),
    "take over a champion": lambda program: champions.check_may_take_over(make.target(), actor=program, reason="so"),
    "dismiss a proposed rollback": lambda program: proposals.dismiss(1, actor=program, reason="so", now=NOW),
    "put a branch back": lambda program: targets.check_may_put_back(make.target(), actor=program),
    "import a target": lambda program: targets.request_import_from_server(
        path=".", name="x", format="auto", actor=program, now=NOW
    ),
    "change what a run may spend": lambda program: budgets.change(
        make.run().pk, limits={Limit.EVALUATIONS: 2000}, actor=program, reason="so", now=NOW
    ),
    "say whether a score is possible": lambda program: quarantine.clear(
        make.reviewed_candidate(make.run()).pk, shown=Shown("", ""), actor=program, reason="so", now=NOW
    ),
    "choose a policy": lambda program: policies.choose_preset("team", actor=program, reason="so", now=NOW),
    "manage people": lambda program: people.invite("trudy", role="admin", actor=program, now=NOW),
    "have a password": lambda program: people.set_password("a-long-passphrase", current=None, actor=program, now=NOW),
    "make or end a token": lambda program: tokens.create(
        make.user("alice"), name="more", scopes=["observe"], actor=program, now=NOW
    ),
    "manage language models": models.check_may_manage,
    "stop or resume everything": lambda program: halt.resume(actor=program, reason="so", now=NOW),
}


@pytest.mark.parametrize("decision", DECISIONS)
def test_a_token_decides_nothing(decision: str) -> None:
    text = tokens.create(make.user("alice"), name="feeder", scopes=["observe"], actor=make.alice(), now=NOW)
    program = tokens.actor_of(text, scope="observe", now=NOW)
    assert program.person == make.alice().person
    with pytest.raises(NotAllowed, match=f"Only a person can {decision}"):
        DECISIONS[decision](program)
    assert "token" not in {read.body(event)["actor"]["kind"] for event in AuditEvent.objects.all()}

"""What somebody might slip past the gate: rows without events, a policy loosened alone, files that are not theirs."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from improvement.exceptions import Conflict, Invalid
from improvement.models import Release, Vote
from improvement.runner import importing, releasing
from improvement.services import halt, policies, targets
from tests import factories as make

pytestmark = pytest.mark.django_db


def test_vote_without_its_event_releases_nothing() -> None:
    make.alice(), make.bob(), make.carol()
    make.follow("team")
    candidate = make.reviewed_candidate(make.run(actor=make.alice()))
    make.vote(candidate, make.bob())
    Vote.objects.update(person_id=make.carol().person_id)

    releasing.finish_release(make.intended_release(candidate.target).pk)

    assert list(Release.objects.filter(kind="release").values_list("state", flat=True)) == ["failed"]
    assert make.values([candidate]) == ["stale"]


def test_policy_is_not_loosened_by_one_of_several_reviewers() -> None:
    make.alice(), make.bob()
    make.follow("team")

    with pytest.raises(Conflict, match="stays team"):
        policies.choose_preset("solo", actor=make.alice(), reason="quicker", now=timezone.now())


def test_reason_is_no_novel() -> None:
    with pytest.raises(Invalid, match="keep it under 4000"):
        halt.halt(actor=make.alice(), reason="x" * 4001, now=timezone.now())


@pytest.mark.parametrize("named", ["uploads/../mine.txt", "mine.txt"])
def test_refused_import_removes_only_uploads(named: str) -> None:
    data = Path(settings.COUNTERSIGN_DATA)
    (data / "uploads").mkdir(exist_ok=True)
    mine = data / "mine.txt"
    mine.write_text("mine")
    asked = targets.request_import_of_upload(
        archive=str(data / named), name="", format="auto", actor=make.alice(), now=timezone.now()
    )

    importing.import_asked(asked.pk)

    asked.refresh_from_db()
    assert (asked.state, mine.exists()) == ("refused", True)

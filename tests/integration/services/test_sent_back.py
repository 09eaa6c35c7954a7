"""What people send back for changes is answered by the loop's next candidate in review, or ends with the run."""

from __future__ import annotations

import pytest
from django.utils import timezone

from improvement.models import AuditEvent, Candidate, Run
from improvement.runner import confirming
from improvement.services import runs
from tests import factories as make

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nothing_enqueued")]


def test_next_candidate_in_review_answers_what_was_sent_back() -> None:
    run = make.run()
    earlier = _sent_back(run)

    answer = make.reviewed_candidate(run, 3.0)

    earlier = make.fresh(earlier)
    assert (earlier.state, earlier.message) == ("superseded", f"C-{answer.pk} answers it.")
    assert AuditEvent.objects.filter(type="review.superseded", subject=f"C-{earlier.pk}").count() == 1


def test_what_the_strategy_has_not_heard_of_yet_is_not_answered() -> None:
    run = make.run()
    under_way = make.confirming_candidate(run, 3.0)
    earlier = _sent_back(run)

    confirming.conclude(under_way.pk)

    assert make.settle(under_way).state == "in_review"
    assert make.fresh(earlier).state == "changes_requested"


def test_another_run_answers_nothing() -> None:
    run = make.run()
    earlier = _sent_back(run)

    make.reviewed_candidate(make.run(run.target, seed=2), 3.0)

    assert make.fresh(earlier).state == "changes_requested"


@pytest.mark.parametrize("end", ["complete", "stop", "fail"])
def test_what_no_answer_came_to_is_withdrawn_with_its_run(end: str) -> None:
    run = make.run()
    earlier = _sent_back(run)

    if end == "stop":
        runs.stop(run.pk, actor=make.alice(), now=timezone.now())
    else:
        getattr(runs, end)(run.pk, reason="it is over", now=timezone.now())

    earlier = make.fresh(earlier)
    assert (earlier.state, earlier.message) == ("withdrawn", "Its run ended before an answer came.")


def _sent_back(run: Run) -> Candidate:
    """Return a candidate that bob asked to be changed."""
    candidate = make.reviewed_candidate(run)
    make.vote(candidate, make.bob(), "request_changes", reason="simpler, please")
    return make.fresh(candidate)

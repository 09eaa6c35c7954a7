"""What people send back for changes is answered by the loop's next candidate in review, or ends with the run."""

from __future__ import annotations

import pytest
from django.utils import timezone

from improvement.models import AuditEvent, Candidate, Run
from improvement.runner import confirming
from improvement.selectors import loop
from improvement.services import runs
from tests import factories as make

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nothing_enqueued")]


def test_next_candidate_in_review_answers_what_was_sent_back() -> None:
    run = make.run()
    earlier = _told(_sent_back(run))

    answer = make.reviewed_candidate(run, 3.0)

    earlier = make.fresh(earlier)
    assert (earlier.state, earlier.message) == ("superseded", f"C-{answer.pk} answers it.")
    assert AuditEvent.objects.filter(type="review.superseded", subject=f"C-{earlier.pk}").count() == 1


def test_what_the_strategy_has_not_heard_of_yet_is_not_answered() -> None:
    run = make.run()
    earlier = make.reviewed_candidate(run)
    under_way = make.confirming_candidate(run, 3.0)
    _send_back(earlier)

    assert make.settle(under_way).state == "in_review"
    assert make.fresh(earlier).state == "changes_requested"


def test_what_was_proposed_before_the_strategy_heard_of_it_answers_nothing() -> None:
    run = make.run()
    (older,) = make.measured_candidates(run, 3.0)
    earlier = _told(_sent_back(run))

    confirming.begin(older, why="the best that is left")

    assert make.settle(older).state == "in_review"
    assert make.fresh(earlier).state == "changes_requested"


@pytest.mark.parametrize(("later", "state"), [(True, "superseded"), (False, "changes_requested")])
def test_an_edit_answers_what_was_sent_back_before_its_person_proposed_it(later: bool, state: str) -> None:
    target = make.target()
    earlier, answer = make.measured_edit(target, 2.0), None if later else make.measured_edit(target, 3.0)
    _send_back(_reviewed(earlier))

    assert _reviewed(answer or make.measured_edit(target, 3.0)).state == "in_review"
    assert make.fresh(earlier).state == state


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
    elif end == "complete":
        runs.complete(run.pk, budget=loop.budget(run), reason="it is over", now=timezone.now())
    else:
        runs.fail(run.pk, reason="it is over", now=timezone.now())

    earlier = make.fresh(earlier)
    assert (earlier.state, earlier.message) == ("withdrawn", "Its run is over, so nobody answers.")


def test_what_is_sent_back_to_a_run_that_was_stopped_is_withdrawn_at_once() -> None:
    run = make.run()
    candidate = make.reviewed_candidate(run)
    runs.stop(run.pk, actor=make.alice(), now=timezone.now())
    assert _send_back(candidate).state == "withdrawn"


def _reviewed(edit: Candidate) -> Candidate:
    confirming.consider_edit(edit.pk)
    return make.settle(edit)


def _told(candidate: Candidate) -> Candidate:
    """Return a candidate after a generation at whose end the strategy was told what became of it."""
    make.measured_candidates(candidate.run, 0.5)
    return make.fresh(candidate)


def _sent_back(run: Run) -> Candidate:
    """Return a candidate that bob asked to be changed."""
    return _send_back(make.reviewed_candidate(run))


def _send_back(candidate: Candidate) -> Candidate:
    make.vote(candidate, make.bob(), "request_changes", reason="simpler, please")
    return make.fresh(candidate)

"""Stale reviews are confirmed again when somebody opens them or they are next, with or without a server."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from django.utils import timezone

from improvement import installation
from improvement.models import Candidate, Run
from improvement.runner import confirming
from improvement.runner.foreground import run_foreground, settle_target
from improvement.selectors import loop
from improvement.services import halt, runs
from tests import factories as make
from tests import trail
from tests.integration.commands.console import said
from tests.integration.runner.champions import stale_candidates

pytestmark = pytest.mark.django_db


def test_without_a_server_the_next_stale_review_is_confirmed_again() -> None:
    target, (first, second) = stale_candidates(3.0, 4.0)
    settle_target(target.name)
    assert make.values([first, second]) == ["in_review", "stale"]
    settle_target(target.name)
    assert make.values([first, second]) == ["in_review", "stale"], "one at a time"
    make.vote(first, make.alice(), "reject", reason="too clever")
    settle_target(target.name)
    assert make.values([first, second]) == ["rejected", "in_review"]
    trail.assert_holds()


def test_showing_a_stale_review_without_a_server_confirms_it_though_another_is_next() -> None:
    target, (first, second) = stale_candidates(3.0, 4.0)
    shown = said("review", "show", f"C-{second.pk}")
    target.refresh_from_db()
    assert (shown["state"], shown["digests"]["base"]) == ("in_review", target.champion_commit)
    assert make.fresh(first).state == "stale"


def test_listing_the_queue_without_a_server_confirms_what_is_next() -> None:
    _, (first, _) = stale_candidates(3.0, 4.0)
    listed = said("review", "list")["reviews"]
    assert {row["candidate"]: row["state"] for row in listed}[f"C-{first.pk}"] == "in_review"


def test_listing_says_what_it_did_and_one_target_that_cannot_go_on_holds_nobody_up(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _, (first,) = stale_candidates(3.0)
    broken = make.target("broken")
    make.vote(make.reviewed_candidate(make.run(broken)), make.alice())
    shutil.rmtree(installation.repository_path(broken.name))
    said("review", "list")
    assert make.fresh(first).state == "in_review"
    refused, done = capsys.readouterr().err.splitlines()
    assert refused.startswith("broken: ")
    assert "no repository that can be read" in refused
    assert done == "small: carried out what was due."
    said("review", "list")
    assert "small: " not in capsys.readouterr().err


def test_nothing_is_confirmed_again_while_everything_is_stopped() -> None:
    target, (first,) = stale_candidates(3.0)
    halt.halt(actor=make.alice(), reason="smoke", now=timezone.now())
    settle_target(target.name)
    assert make.fresh(first).state == "stale"


def test_approvals_that_had_to_wait_are_carried_out_without_a_server() -> None:
    candidate = approved_under_a_stop()
    settle_target(candidate.target.name)
    assert make.fresh(candidate).state == "released"


def test_a_run_in_the_foreground_carries_out_no_approvals(data_directory: Path) -> None:
    candidate = approved_under_a_stop()
    other = make.run(candidate.target, seed=2)
    Run.objects.filter(pk=other.pk).update(exhausted=True)
    assert run_foreground(other.pk, workers=2).state == "completed"
    assert make.fresh(candidate).state == "in_review"


def approved_under_a_stop() -> Candidate:
    """Return a candidate that alice approved while everything was stopped, which it is no more."""
    candidate = make.reviewed_candidate(make.run())
    halt.halt(actor=make.alice(), reason="smoke", now=timezone.now())
    make.vote(candidate, make.alice())
    halt.resume(actor=make.alice(), reason="no fire", now=timezone.now())
    return candidate


def test_an_edit_that_was_measured_before_is_confirmed_without_a_server() -> None:
    target = make.target()
    edit = make.measured_edit(target, 3.0)
    settle_target(target.name)
    assert make.fresh(edit).state == "in_review"


def test_confirming_again_keeps_to_the_allowance_of_the_run() -> None:
    _, (first,) = stale_candidates(3.0)
    Run.objects.filter(pk=first.run_id).update(confirm_evaluations=first.run.confirm_allowance)
    confirming.confirm_again(first.pk)
    withdrawn = make.fresh(first)
    assert (withdrawn.state, make.review_of(first).outcome) == ("withdrawn", "withdrawn")
    assert "spent what it may use for confirming" in trail.recorded("candidate.withdrawn")[0]["reason"]
    trail.assert_holds()


def test_the_loop_in_the_foreground_confirms_its_stale_review_again(data_directory: Path) -> None:
    target, (first,) = stale_candidates(3.0)
    assert loop.stale_next(target.pk) == first
    run = first.run
    Run.objects.filter(pk=run.pk).update(exhausted=True)
    runs.park(run.pk, reason="waits for its open reviews", now=timezone.now())
    assert run_foreground(run.pk, workers=2).state == "parked"
    assert make.fresh(first).state == "in_review"

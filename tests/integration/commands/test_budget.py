"""`improve` with limits, and `run raise`: a run that spent its budget goes on with more of it."""

from __future__ import annotations

from typing import Any

import pytest

from improvement.models import Run
from tests import factories as make
from tests import trail
from tests.integration.commands.console import Console, refusal


def test_a_spent_run_is_raised_and_goes_on(reviewing: Console, first_run: Any) -> None:
    raised = reviewing.json(
        "run",
        "raise",
        first_run["run"],
        "--evaluations",
        "20",
        "--usd",
        "1.5",
        "--as",
        first_run["started_by"],
        "--reason",
        "it climbs",
    )
    assert (raised["state"], raised["budget"], raised["evaluations"]) == (first_run["state"], 20, 12)
    assert [(one["name"], one["limit"]) for one in raised["limits"]] == [("evaluations", 20), ("microusd", 1_500_000)]
    trail_text = reviewing.run("run", "show", first_run["run"]).out
    assert "12 of 20" in trail_text
    assert "$0.00 of $1.50" in trail_text


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--reason", "so"], "invalid", "No limit would change"),
        (["--evaluations", "2", "--reason", " "], "invalid", "Say why"),
        (["--evaluations", "0", "--reason", "so"], "invalid", "choose between 1 and"),
        (["--tokens", "5", "--reason", "so", "--as", "mallory"], "not_allowed", "mallory may not start a run"),
    ],
)
def test_raise_refused(data_directory: object, arguments: list[str], code: str, says: str) -> None:
    run = make.run()
    make.mallory()
    who = [] if "--as" in arguments else ["--as", "alice"]
    refused = refusal("run", "raise", f"R-{run.pk}", *arguments, *who)
    assert (refused["code"], says in refused["message"]) == (code, True)
    assert trail.recorded("run.limits_changed") == []
    assert Run.objects.get(pk=run.pk).budget == 1000

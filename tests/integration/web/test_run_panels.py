"""The panels below a run's chart: what they show, as a part and as a download, and what they cost."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from improvement import events
from improvement.broker.configuration import Dialect, ModelConfig
from improvement.engine.model_calls import Message, ModelRequest, Speaker
from improvement.models import Candidate, Evaluation, Run, User
from improvement.services import model_calls
from improvement.services.model_calls import Asked
from tests import factories as make
from tests import questions

Browsers = Callable[[User | None], Client]

pytestmark = pytest.mark.django_db


@pytest.fixture
def mallory(signed_in: Browsers) -> Client:
    """A browser of somebody who may only look."""
    return signed_in(make.user("mallory", "viewer"))


def _three_generations() -> int:
    run = make.run()
    for value in (1.5, 1.6, 1.7):
        make.measured_candidates(run, value, value + 0.01)
    return run.pk


def _something_happens(run_id: int) -> None:
    with transaction.atomic():
        events.record(Run.objects.get(pk=run_id), "note", {}, now=timezone.now())


def test_a_run_without_scores_has_no_panel(mallory: Client) -> None:
    page = mallory.get(f"/runs/{make.run().pk}/").content.decode()
    assert 'id="panels"' in page
    assert 'class="card panel"' not in page


def test_the_page_and_the_part_show_the_same_panels(mallory: Client) -> None:
    run_id = _three_generations()
    page, part = (mallory.get(path).content.decode() for path in (f"/runs/{run_id}/", f"/runs/{run_id}/panels/"))
    assert "Learning by generation" in page
    assert part.strip() in page


def test_what_models_cost_shows_with_what_is_under_way_before_there_are_scores(mallory: Client) -> None:
    run = make.run()
    config = ModelConfig(
        "local", Dialect.COMPATIBLE, "https://models.example.org/v1", "tiny-1", Decimal(3), Decimal(15)
    )
    other = replace(config, name="other")
    questions.answered_question(run, config)
    page = mallory.get(f"/runs/{run.pk}/panels/").content.decode()
    assert _cells(page) == ["local", "1", "3", "1", "$0.000024", "–"]
    asked = Asked(run.pk, 1, 0, "d" * 64)
    request = ModelRequest((Message(Speaker.USER, "Make it 2."),), "other", max_tokens=100)
    model_calls.reserve(request, other, asked=asked, now=timezone.now())
    page = mallory.get(f"/runs/{run.pk}/panels/").content.decode()
    assert _cells(page)[6:] == [
        *("other", "1", "0", "0", "$0", "105 tokens, $0.0015"),
        *("all of them", "2", "3", "1", "$0.000024", "105 tokens, $0.0015"),
    ]
    rows = b"".join(mallory.get(f"/runs/{run.pk}/panels/spend.csv").streaming_content).decode()  # type: ignore[attr-defined]
    assert rows.splitlines()[1:] == ["local,1,3,1,24,0,0", "other,1,0,0,0,105,1515"]


def _cells(page: str) -> list[str]:
    """Return what the cells of a page's tables say."""
    return [
        re.sub(r"<[^>]+>", "", cell).strip()
        for cell in re.findall(r"<t[hd] (?:scope=\"row\"|class=\"n\")>(.*?)</t[hd]>", page)
    ]


def test_operators_show_when_there_are_two(mallory: Client) -> None:
    run_id = _three_generations()
    assert "What operators brought" not in mallory.get(f"/runs/{run_id}/").content.decode()
    Candidate.objects.filter(run_id=run_id, number=0).update(operator="crossover")
    _something_happens(run_id)
    assert "What operators brought" in mallory.get(f"/runs/{run_id}/").content.decode()


def test_a_run_of_several_strategies_shows_their_shares(mallory: Client) -> None:
    run_id = _three_generations()
    assert "How strategies share the run" not in mallory.get(f"/runs/{run_id}/").content.decode()
    Run.objects.filter(pk=run_id).update(strategy="evolution+parameters")
    Candidate.objects.filter(run_id=run_id).update(operator="parameters: tpe")
    Candidate.objects.filter(run_id=run_id, number=0).update(operator="evolution: swap")
    _something_happens(run_id)
    assert "How strategies share the run" in mallory.get(f"/runs/{run_id}/").content.decode()
    rows = mallory.get(f"/runs/{run_id}/panels/strategies.csv")
    assert b"".join(rows).decode().splitlines()[0].startswith("strategy,proposals")


def test_panels_are_made_anew_only_when_something_happened(mallory: Client) -> None:
    run_id = _three_generations()
    costs = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as captured:
            shown = mallory.get(f"/runs/{run_id}/panels/").content
        costs.append(len(captured))
    assert costs[1] < costs[0]
    Candidate.objects.filter(run_id=run_id).update(score=2.5)
    assert mallory.get(f"/runs/{run_id}/panels/").content == shown
    _something_happens(run_id)
    assert "2.5000" in mallory.get(f"/runs/{run_id}/panels/").content.decode()


def test_one_download_reads_what_one_panel_is_made_of(mallory: Client) -> None:
    run_id = _three_generations()
    with CaptureQueriesContext(connection) as captured:
        b"".join(mallory.get(f"/runs/{run_id}/panels/curves.csv"))
    assert not [one for one in captured if "improvement_evaluation" in one["sql"]]


def test_a_panels_table_is_downloaded(mallory: Client) -> None:
    answer = mallory.get(f"/runs/{_three_generations()}/panels/curves.csv")
    lines = b"".join(answer).decode().splitlines()
    assert lines[0] == "generation,best,median,tenth,nine tenths,measured"
    assert [line.partition(",")[0] for line in lines[1:]] == ["1", "2", "3"]


def test_a_panel_that_a_run_does_not_have_is_not_found(mallory: Client) -> None:
    assert mallory.get(f"/runs/{_three_generations()}/panels/operators.csv").status_code == 404


def test_panels_cost_the_same_with_one_candidate_and_with_three(mallory: Client) -> None:
    counts = []
    for many in (1, 3):
        run = make.run(make.target(f"with-{many}"))
        make.measured_candidates(run, *(1.5 + one for one in range(many)))
        Evaluation.objects.update(metrics={"score": 1.0, "cost": 2.0})
        with CaptureQueriesContext(connection) as captured:
            assert mallory.get(f"/runs/{run.pk}/panels/").status_code == 200
        counts.append(len(captured))
    assert counts[0] == counts[1]

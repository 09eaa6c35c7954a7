"""Every route as every role, and signed out: one table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from django.db import transaction
from django.test import Client
from django.urls import get_resolver

from improvement.models import User
from improvement.policies import Digests
from tests import factories as make
from tests.integration.web.conftest import World

ROLES = {"alice": "admin", "bob": "reviewer", "olga": "operator", "mallory": "viewer"}
ALL = (200, 200, 200, 200)
SIGN_IN = "/sign-in/?next="
REJECT = {"verdict": "reject", "reason": "no"}
SAY = {"path": "f.py", "side": "new", "line": "2", "text": "why?"}
CLEAR = {"verdict": "clear", "reason": "so"}
NINE = {"target": "{target}", "strategy": "evolution", "budget": "9"}
VIEWS_THERE = {"person": "{bob}", "target": "{target}", "role": "viewer"}
LLAMA = {
    "name": "llama", "dialect": "compatible", "address": "https://llama.example.org/v1", "model": "llama-4",
    "price_in": "0", "price_out": "0", "max_tokens": "100", "seconds": "10", "requests_per_minute": "60",
}  # fmt: skip
PHRASE = {"new": "a long new phrase", "again": "a long new phrase"}


@dataclass(frozen=True)
class Route:
    """A request, and the statuses that admin, reviewer, operator and viewer get; signed out means the sign-in page."""

    name: str
    path: str
    statuses: tuple[int, int, int, int]
    post: dict[str, str] | None = None
    open: int | None = None
    signs: bool = False

    def __str__(self) -> str:
        return f"{'GET' if self.post is None else 'POST'} {self.path}"


ROUTES = (
    Route("home", "/", ALL),
    Route("queue", "/review/", ALL),
    Route("candidate", "/candidates/{candidate}/", ALL),
    Route("decide", "/candidates/{candidate}/decide/", (403, 302, 403, 403), REJECT, signs=True),
    Route("comment", "/candidates/{candidate}/comments/", (302, 302, 302, 302)),
    Route("comment", "/candidates/{candidate}/comments/", (302, 302, 403, 403), SAY),
    Route("comment", "/candidates/{candidate}/comments/", (422, 422, 422, 422), {**SAY, "line": "nine"}),
    Route("comment-answer", "/candidates/{candidate}/comments/7/answer/", (302, 302, 302, 302)),
    Route("comment-answer", "/candidates/{candidate}/comments/7/answer/", (404, 404, 404, 404), {"text": "so"}),
    Route("comment-resolve", "/candidates/{candidate}/comments/7/resolve/", (302, 302, 302, 302)),
    Route("comment-resolve", "/candidates/{candidate}/comments/7/resolve/", (404, 404, 404, 404), {}),
    Route("quarantine", "/candidates/{candidate}/quarantine/", (302, 302, 302, 302)),
    Route("quarantine", "/candidates/{candidate}/quarantine/", (403, 409, 403, 403), CLEAR),
    Route("runs", "/runs/", ALL),
    Route("run-new", "/runs/new/", (200, 200, 200, 403)),
    Route("run-new", "/runs/new/", (302, 302, 302, 403), NINE),
    Route("run", "/runs/{run}/", ALL),
    Route("run-live", "/runs/{run}/live/?after=0", ALL),
    Route("run-candidates", "/runs/{run}/candidates/?sort=-score", ALL),
    Route("run-csv", "/runs/{run}/scores.csv", ALL),
    Route("run-panels", "/runs/{run}/panels/", ALL),
    Route("run-panel-csv", "/runs/{run}/panels/curves.csv", (404, 404, 404, 404)),
    Route("run-pause", "/runs/{run}/pause/", (302, 302, 302, 403), {}),
    Route("run-resume", "/runs/{run}/resume/", (409, 409, 409, 403), {}),
    Route("run-stop", "/runs/{run}/stop/", ALL),
    Route("run-stop", "/runs/{run}/stop/", (302, 302, 302, 403), {"reason": "enough"}),
    Route("run-budget", "/runs/{run}/budget/", ALL),
    Route("run-budget", "/runs/{run}/budget/", (302, 302, 302, 403), {"evaluations": "2000", "reason": "it climbs"}),
    Route("run-budget", "/runs/{run}/budget/", (422, 422, 422, 403), {"evaluations": "1000", "reason": "it climbs"}),
    Route("targets", "/targets/", ALL),
    Route("target-new", "/targets/new/", (200, 403, 200, 403)),
    Route("target-new", "/targets/new/", (422, 403, 422, 403), {"path": "/nowhere", "format": "auto"}),
    Route("table-new", "/targets/new/table/", (200, 403, 200, 403)),
    Route("table-new", "/targets/new/table/", (422, 403, 422, 403), {}),
    Route("table", "/targets/tables/{table}/", (200, 403, 404, 403)),
    Route("table", "/targets/tables/{table}/", (302, 403, 404, 403), {"predict": "1", "holdout": "25"}),
    Route("target-import", "/targets/imports/7/", (404, 404, 404, 404)),
    Route("target", "/targets/{target}/", ALL),
    Route("target-rollback", "/targets/{target}/roll-back/", (404, 404, 403, 403), {"to": "0" * 40, "reason": "worse"}),
    Route("proposal-dismiss", "/targets/{target}/proposals/7/dismiss/", (404, 404, 404, 404), {"reason": "so"}),
    Route("stream-skip", "/targets/{target}/stream/7/skip/", (404, 404, 404, 404), {"last": "9", "reason": "so"}),
    Route("shadow-end", "/targets/{target}/stream/7/end/", (404, 404, 404, 404), {"reason": "so"}),
    Route("strategies", "/strategies/", ALL),
    Route("models", "/models/", ALL),
    Route("model-new", "/models/new/", (200, 403, 403, 403)),
    Route("model-new", "/models/new/", (302, 403, 403, 403), LLAMA),
    Route("model-edit", "/models/{model}/edit/", (200, 403, 403, 403)),
    Route("model-edit", "/models/{model}/edit/", (302, 403, 403, 403), LLAMA),
    Route("model-test", "/models/{model}/test/", (302, 403, 403, 403), {}),
    Route("model-remove", "/models/{model}/remove/", (302, 403, 403, 403), {}),
    Route("audit", "/audit/?type=run.started&since=2026-01-01", ALL),
    Route("audit-verify", "/audit/verify/", (302, 302, 302, 302)),
    Route("audit-verify", "/audit/verify/", ALL, {}),
    Route("audit-key", "/audit/key/", ALL),
    Route("audit-export", "/audit/export/csv/", (200, 200, 403, 403), {}),
    Route("audit-export", "/audit/export/jsonl/", (200, 200, 403, 403), {"run": "{run}"}),
    Route("audit-export", "/audit/export/bundle/", (200, 200, 403, 403), {}),
    Route("audit-export", "/audit/export/pdf/", (404, 404, 403, 403), {}),
    Route("team", "/team/", ALL),
    Route("team-invite", "/team/invite/", (302, 302, 302, 302)),
    Route("team-invite", "/team/invite/", (200, 403, 403, 403), {"name": "dave", "role": "viewer"}),
    Route("team-policy", "/team/policy/", (302, 403, 403, 403), {"preset": "team", "reason": "as before"}),
    Route("team-role", "/team/{bob}/role/", (302, 403, 403, 403), {"role": "viewer"}),
    Route("team-link", "/team/{bob}/link/", (302, 302, 302, 302)),
    Route("team-link", "/team/{bob}/link/", (200, 403, 403, 403), {"name": "bob"}),
    Route("team-lock", "/team/{bob}/lock/", (302, 403, 403, 403), {}),
    Route("team-unlock", "/team/{bob}/unlock/", (302, 403, 403, 403), {}),
    Route("team-narrow", "/team/narrow/", (302, 403, 403, 403), VIEWS_THERE),
    Route("account", "/you/", ALL),
    Route("account-password", "/you/password/", (302, 302, 302, 302)),
    Route("account-password", "/you/password/", (302, 302, 302, 302), PHRASE),
    Route("account-keyboard", "/you/keyboard/", (302, 302, 302, 302), {}),
    Route("sign-in", "/sign-in/", (302, 302, 302, 302), open=200),
    Route("sign-out", "/sign-out/", (302, 302, 302, 302), {}),
    Route("enter", "/enter/unknown/", (404, 404, 404, 404), open=404),
    Route("set-password", "/set-password/", ALL),
    Route("frame", "/frame/?next=/audit/", ALL),
    Route("halt", "/stop/", ALL),
    Route("halt", "/stop/", (302, 302, 302, 403), {"reason": "drill"}),
    Route("halt-lift", "/stop/lift/", (409, 409, 403, 403), {"reason": "done"}),
    Route("healthz", "/healthz", ALL, open=200),
)  # fmt: skip
TRIED_ELSEWHERE = {"readyz", "api-observations"}  # by the processes around it; by tokens, in test_observations.py


def _answer(browser: Client, route: Route, world: World) -> int:
    """Return the status of a route; what it changed is taken back."""
    path = route.path.format(**world.numbers)
    with transaction.atomic():
        if route.post is None:
            answer = browser.get(path)
        else:
            data = {key: value.format(**world.numbers) for key, value in route.post.items()}
            data |= _signed(make.shown(world.candidate)) if route.signs else {}
            answer = browser.post(path, data)
        b"".join(answer)  # a download ends when it is read
        transaction.set_rollback(True)
    return int(answer.status_code)


def _signed(digests: Digests) -> dict[str, str]:
    return {"patch": digests.patch, "base": digests.base, "evidence": digests.evidence, "policy": digests.policy}


@pytest.mark.parametrize(
    "route", ROUTES, ids=lambda route: f"{'POST' if route.post is not None else 'GET'} {route.path}"
)
def test_route_as_every_role(world: World, signed_in: Callable[[User | None], Client], route: Route) -> None:
    browsers = {name: signed_in(make.user(name, role)) for name, role in ROLES.items()}
    found = tuple(_answer(browser, route, world) for browser in browsers.values())
    assert dict(zip(ROLES, found, strict=True)) == dict(zip(ROLES, route.statuses, strict=True))


@pytest.mark.parametrize(
    "route", ROUTES, ids=lambda route: f"{'POST' if route.post is not None else 'GET'} {route.path}"
)
@pytest.mark.django_db
def test_route_signed_out(route: Route) -> None:
    path = route.path.format(run=1, candidate=1, target="small", bob=1, model="gone", table=1)
    answer = Client().get(path) if route.post is None else Client().post(path, route.post)
    if route.open is not None:
        assert answer.status_code == route.open
    else:
        assert (answer.status_code, answer.headers["Location"][: len(SIGN_IN)]) == (302, SIGN_IN)


def test_every_route_is_in_the_table() -> None:
    known = {name for name in get_resolver().reverse_dict if isinstance(name, str)}
    assert known == {route.name for route in ROUTES} | TRIED_ELSEWHERE

"""What a supervisor or a load balancer asks: is the process alive, and can it do its work."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import redis
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from improvement.engine.wording import counted
from improvement.sandbox import levels
from improvement.selectors import targets
from webapp import heartbeats

DEGRADING = ("sandbox", "branches")
"""What stops evaluations, or the releases of some targets, but not the server: pages say why, and reviews go on."""
WORKERS = ("control", "evaluations", heartbeats.BEAT)


@dataclass(frozen=True)
class Part:
    """One thing the server needs, and whether it is there; ``detail`` never names paths or addresses."""

    ok: bool
    detail: str


@login_not_required
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Return 200 as long as the process answers."""
    return HttpResponse("ok\n", content_type="text/plain")


@login_not_required
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Return 200 with the state of each part when pages and work can be served, 503 otherwise.

    ``degraded`` says that they can, though not all of them.
    """
    parts = {
        "database": _database(),
        "redis": _redis(),
        "workers": _workers(),
        "sandbox": _sandbox(),
        "branches": _branches(),
    }
    ready = all(part.ok for name, part in parts.items() if name not in DEGRADING)
    degraded = ready and not all(part.ok for part in parts.values())
    body = {"ready": ready, "degraded": degraded, **{name: asdict(part) for name, part in parts.items()}}
    return JsonResponse(body, status=200 if ready else 503, headers={"Cache-Control": "no-store"})


def _database() -> Part:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        return Part(False, type(error).__name__)
    return Part(True, connection.vendor)


def _redis() -> Part:
    try:
        heartbeats.connection().ping()
    except redis.RedisError as error:
        return Part(False, type(error).__name__)
    return Part(True, "answers")


def _workers() -> Part:
    try:
        present = {name.partition("@")[0] for name in heartbeats.alive()}
    except redis.RedisError as error:
        return Part(False, type(error).__name__)
    missing = [name for name in WORKERS if name not in present]
    return Part(not missing, f"not heard of: {', '.join(missing)}" if missing else "all heard of")


def _sandbox() -> Part:
    probe = levels.probe()
    return Part(probe.level >= settings.SANDBOX_MIN_LEVEL, f"level {probe.level}, {settings.SANDBOX_MIN_LEVEL} wanted")


def _branches() -> Part:
    try:
        moved = len(targets.strayed())
    except DatabaseError as error:
        return Part(False, type(error).__name__)
    said = f"the branch of {counted(moved, 'target')} was moved by hand; the target's page says what to do"
    return Part(not moved, said if moved else "at the champions")

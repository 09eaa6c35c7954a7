"""A champion and the shadow behind it on the same labels: what speaks for the shadow is proposed to people."""

from __future__ import annotations

from django.utils import timezone

from improvement.engine.standing import Standing
from improvement.models import Serving
from improvement.selectors import streams as read
from improvement.selectors.targets import stream_of, task_at
from improvement.services import proposals, serving


def compare(target_id: int) -> None:
    """Propose the rollback when the shadow did better since the release; end a shadow that was compared for long."""
    roles = read.following(target_id)
    champion, shadow = roles.get(Serving.Role.CHAMPION), roles.get(Serving.Role.SHADOW)
    if champion is None or shadow is None:
        return
    before = Standing.from_json(shadow.standing) if shadow.standing else Standing(last=champion.since)
    last = min(champion.position, shadow.position)
    mine, theirs = (read.outcomes(one, after=before.last) for one in (champion, shadow))
    standing = before.after(mine, theirs, last=last)
    if not serving.record_standing(champion.pk, shadow.pk, before=shadow.standing, standing=standing.as_json()):
        return
    if standing.regressed:
        _propose(champion, shadow, standing)
    if standing.labels >= stream_of(task_at(champion.stream.target.name, champion.commit).manifest).shadow:
        reason = f"compared on {standing.labels} labels"
        serving.end_shadow(shadow.pk, reason=reason, now=timezone.now())


def _propose(champion: Serving, shadow: Serving, standing: Standing) -> None:
    evidence = standing.evidence()
    summary = (
        f"on {standing.labels} labels {champion.commit[:9]} had {evidence['champion']} % right, "
        f"{shadow.commit[:9]} {evidence['shadow']} %"
    )
    proposals.propose(champion.pk, shadow.pk, evidence=evidence, summary=summary, now=timezone.now())

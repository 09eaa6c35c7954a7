"""The stop over everything, and how it is lifted."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from improvement import dispatch, events, installation, permissions
from improvement.exceptions import Conflict
from improvement.models import Halt, Run, User
from improvement.permissions import Right
from improvement.policies import Preset
from improvement.selectors import system
from improvement.selectors.people import person_of
from improvement.services import audit, clock, policies, reasons
from improvement.services.actors import Actor, require_person
from improvement.states import LIVE_RUN_STATES


def halt(*, actor: Actor, reason: str, now: datetime) -> Halt:
    """Stop everything: no evaluation and no release until it is lifted.

    The flag file is made first, so that running sandboxes die even when the database cannot be written.
    """
    _check(actor, Right.HALT, reason)
    installation.raise_flag(installation.halt_file())
    with audit.turn():
        transaction.on_commit(show_flag)
        standing = Halt.objects.select_for_update(of=("self",)).filter(lifted_at__isnull=True).first()
        if standing is not None:
            return standing
        order = Halt.objects.create(ordered_by=actor.name, reason=reason.strip(), ordered_at=now)
        audit.append(
            "halt.started",
            actor=actor,
            subject={"kind": "halt", "id": f"halt-{order.pk}"},
            data={"reason": reason.strip()},
            now=now,
        )
        clock.stop_all(now=now)
        _tell_pages("halt", f"{actor.name} stopped everything: “{order.reason}”", now)
        return order


@audit.turn()
def resume(*, actor: Actor, reason: str, now: datetime) -> Halt:
    """Lift the stop. Under ``team`` the first person asks and a second person's resume completes it."""
    _check(actor, Right.LIFT_HALT, reason)
    order = Halt.objects.select_for_update(of=("self",)).filter(lifted_at__isnull=True).first()
    if order is None:
        show_flag()
        raise Conflict("Nothing is stopped, so there is nothing to resume.")
    needs_two = policies.current(now=now).preset == Preset.TEAM.value
    if needs_two and _asked_by(order) in {None, actor.person_id}:
        return _ask(order, actor=actor, reason=reason, now=now)
    return _lift(order, actor=actor, reason=reason, now=now)


def _asked_by(order: Halt) -> int | None:
    """Return who asked to resume, as long as that person may still lift a stop."""
    asked = User.objects.filter(pk=order.resume_asked_by_id or 0).first()
    return asked.pk if asked and permissions.may(person_of(asked), Right.LIFT_HALT) else None


def _ask(order: Halt, *, actor: Actor, reason: str, now: datetime) -> Halt:
    if _asked_by(order) == actor.person_id:
        raise Conflict("You asked to resume already; a second person must agree.")
    order.resume_asked_by, order.resume_asked_by_id = actor.name, actor.person_id
    order.resume_reason = reason.strip()
    order.save(update_fields=["resume_asked_by", "resume_asked_by_id", "resume_reason"])
    subject = {"kind": "halt", "id": f"halt-{order.pk}"}
    audit.append("halt.resume_requested", actor=actor, subject=subject, data={"reason": reason.strip()}, now=now)
    return order


def _lift(order: Halt, *, actor: Actor, reason: str, now: datetime) -> Halt:
    order.lifted_by, order.lifted_at = actor.name, now
    order.save(update_fields=["lifted_by", "lifted_at"])
    subject = {"kind": "halt", "id": f"halt-{order.pk}"}
    audit.append("halt.lifted", actor=actor, subject=subject, data={"reason": reason.strip()}, now=now)
    transaction.on_commit(show_flag)
    clock.go_on(now=now)
    _tell_pages("halt.lifted", f"{actor.name} lifted the stop over everything", now)
    dispatch.enqueue_on_commit("tick")
    return order


def _tell_pages(kind: str, text: str, now: datetime) -> None:
    for run in Run.objects.filter(state__in=[state.value for state in LIVE_RUN_STATES]):
        events.record(run, kind, {"text": text}, now=now)
    events.announce(kind)


def show_flag() -> None:
    """Make the flag file say what the database says, whichever of two orders at once was last."""
    with installation.alone("halt-flag"):
        if system.halted():
            installation.raise_flag(installation.halt_file())
        else:
            installation.lower_flag(installation.halt_file())


def _check(actor: Actor, right: Right, reason: str) -> None:
    person = require_person(actor, "stop or resume everything")
    permissions.check_may(person, right)
    reasons.checked(reason, needed="Say why; the reason goes into the audit trail.")

"""People: who manages them, what each change records, links that work once, and a policy that follows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from improvement.exceptions import Conflict, Invalid, NotAllowed, NotFound
from improvement.models import AuditEvent, PolicyVersion, SignInLink, TargetRole, User
from improvement.services import halt, people, policies
from improvement.services.actors import SYSTEM, Actor, human
from tests import factories as make
from tests import trail

pytestmark = pytest.mark.django_db

ROLES = ["viewer", "operator", "reviewer", "admin", "auditor"]
NOW = timezone.now()


def token(path: str) -> str:
    """Return the token of a link."""
    return path.strip("/").rpartition("/")[2]


def preset() -> str:
    """Return the preset in force."""
    return policies.current(now=NOW).preset


# Who may


def invite(actor: Actor) -> None:
    """Invite somebody."""
    people.invite("dora", role="viewer", actor=actor, now=NOW)


def promote(actor: Actor) -> None:
    """Give somebody another role."""
    people.change_role(make.user("erin", "viewer").pk, role="operator", actor=actor, now=NOW)


def lock_out(actor: Actor) -> None:
    """Keep somebody out."""
    people.set_active(make.user("erin", "viewer").pk, False, actor=actor, now=NOW)


def renew(actor: Actor) -> None:
    """Make somebody a new link."""
    people.renew_invitation(make.user("erin", "viewer").pk, actor=actor, now=NOW)


def choose(actor: Actor) -> None:
    """Put a policy in force."""
    policies.choose_preset("team", actor=actor, reason="we are many", now=NOW)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("step", [invite, promote, lock_out, renew, choose])
def test_only_administrators_manage_people_and_policy(role: str, step: Callable[[Actor], None]) -> None:
    somebody = human(make.user(f"a-{role}", role))
    make.user("erin", "viewer")
    events = trail.size()
    if role == "admin":
        step(somebody)
        assert trail.size() == events + 1
    else:
        with pytest.raises(NotAllowed, match=f"a-{role} may not "):
            step(somebody)
        assert trail.size() == events


@pytest.mark.parametrize("step", [invite, promote, lock_out, renew])
def test_no_machine_manages_people(step: Callable[[Actor], None]) -> None:
    make.user("erin", "viewer")
    with pytest.raises(NotAllowed, match="Only a person can manage people"):
        step(SYSTEM)


# Coming in


def test_the_first_administrator_is_made_once_and_old_links_end() -> None:
    first = people.ensure_first_administrator(now=NOW)
    second = people.ensure_first_administrator(now=NOW)
    assert (User.objects.count(), SignInLink.objects.count()) == (1, 1)
    with pytest.raises(NotFound):
        people.check_link(token(first), now=NOW)
    assert people.use_link(token(second), now=NOW).username == "admin"
    assert trail.kinds_since(0) == ["log.started", "user.invited", "policy.changed", "user.link_made", "user.joined"]
    assert preset() == "solo"


def test_passwords_and_links_leave_their_trace() -> None:
    dora, alice = human(make.user("dora", "viewer")), make.alice()
    before = trail.size()
    people.set_password("a long enough phrase", current=None, actor=dora, now=NOW)
    with pytest.raises(Invalid, match="current password is not right"):
        people.set_password("a third long phrase", current="a guess", actor=dora, now=NOW)
    people.set_password("another long phrase", current="a long enough phrase", actor=dora, now=NOW)
    people.use_link(token(people.renew_invitation(make.user("dora").pk, actor=alice, now=NOW)), now=NOW)
    assert list(AuditEvent.objects.filter(seq__gte=before).values_list("type", "actor", "subject")) == [
        ("user.password_set", "dora", "dora"),
        ("user.password_changed", "dora", "dora"),
        ("user.link_made", "alice", "dora"),
        ("user.password_ended", "dora", "dora"),
        ("user.joined", "dora", "dora"),
    ]
    with pytest.raises(NotAllowed, match="Only a person can have a password"):
        people.set_password("another long phrase", current=None, actor=SYSTEM, now=NOW)
    trail.assert_holds()


def test_a_link_works_once() -> None:
    link = token(people.invite("dora", role="viewer", actor=make.alice(), now=NOW))
    assert people.check_link(link, now=NOW).username == "dora"
    assert people.use_link(link, now=NOW).username == "dora"
    with pytest.raises(Conflict, match="was used already"):
        people.use_link(link, now=NOW)


@pytest.mark.parametrize(("days", "works"), [(6.9, True), (7, False)])
def test_an_invitation_holds_for_seven_days(days: float, works: bool) -> None:
    link = token(people.invite("dora", role="viewer", actor=make.alice(), now=NOW))
    later = NOW + timedelta(days=days)
    if works:
        assert people.use_link(link, now=later).username == "dora"
    else:
        with pytest.raises(Conflict, match="has expired"):
            people.use_link(link, now=later)


def test_a_link_of_somebody_locked_out_is_not_known() -> None:
    link = token(people.invite("dora", role="viewer", actor=make.alice(), now=NOW))
    people.set_active(make.user("dora").pk, False, actor=make.alice(), now=NOW)
    with pytest.raises(NotFound, match="This link is not known here"):
        people.use_link(link, now=NOW)


def test_the_token_itself_is_not_stored() -> None:
    link = token(people.invite("dora", role="viewer", actor=make.alice(), now=NOW))
    assert link not in str(SignInLink.objects.values_list())


@pytest.mark.parametrize("name", ["", " bob", "-bob", "bob smith", "b" * 81, "bob\n", "bøb"])
def test_a_name_that_cannot_be_one_is_refused(name: str) -> None:
    with pytest.raises(Invalid, match="cannot be a name"):
        people.invite(name, role="viewer", actor=make.alice(), now=NOW)


def test_a_name_is_given_once_however_it_is_written() -> None:
    alice = make.alice()
    with pytest.raises(Conflict, match="There is already a person named Alice"):
        people.invite("Alice", role="viewer", actor=alice, now=NOW)


def test_a_role_that_is_none_is_refused() -> None:
    with pytest.raises(Invalid, match="There is no role 'king': choose one of viewer, operator, reviewer"):
        people.invite("dora", role="king", actor=make.alice(), now=NOW)


# Roles


def test_a_role_change_is_recorded_with_what_it_was() -> None:
    people.change_role(make.user("bob", "viewer").pk, role="operator", actor=make.alice(), now=NOW)
    assert make.user("bob").role == "operator"
    assert trail.recorded("user.role_changed") == [{"role": "operator", "before": "viewer", "target": ""}]


def test_a_role_on_one_target_narrows_and_is_lifted() -> None:
    target, bob = make.target(), make.user("bob", "reviewer")
    people.change_role(bob.pk, role="viewer", target_name=target.name, actor=make.alice(), now=NOW)
    assert TargetRole.objects.get().role == "viewer"
    people.change_role(bob.pk, role="", target_name=target.name, actor=make.alice(), now=NOW)
    assert not TargetRole.objects.exists()
    assert make.user("bob").role == "reviewer"


def demote(alice: Actor, dave: Actor) -> None:
    """Take the administrator's role from alice, by her own hand."""
    people.change_role(alice.person_id or 0, role="viewer", actor=alice, now=NOW)


def shut_out(alice: Actor, dave: Actor) -> None:
    """Lock alice out, by somebody who was an administrator a moment ago."""
    people.set_active(alice.person_id or 0, False, actor=dave, now=NOW)


@pytest.mark.parametrize("step", [demote, shut_out])
def test_the_last_administrator_stays(step: Callable[[Actor, Actor], None]) -> None:
    alice, dave = make.alice(), human(make.user("dave", "admin"))
    people.change_role(dave.person_id or 0, role="viewer", actor=alice, now=NOW)
    with pytest.raises(Conflict, match="This is the last administrator"):
        step(alice, dave)
    assert (make.user("alice").is_active, make.user("alice").role) == (True, "admin")


def test_nobody_locks_themselves_out() -> None:
    alice = make.alice()
    with pytest.raises(NotAllowed, match="You cannot lock yourself out"):
        people.set_active(alice.person_id or 0, False, actor=alice, now=NOW)


# The policy follows


def test_the_second_reviewer_brings_the_team_policy() -> None:
    alice = make.alice()
    people.invite("olga", role="operator", actor=alice, now=NOW)
    assert preset() == "solo"
    people.invite("bob", role="reviewer", actor=alice, now=NOW)
    assert preset() == "team"
    assert trail.recorded("policy.changed")[-1]["reason"] == "a second person may review now"


def test_a_second_reviewer_brings_the_team_policy_whatever_one_person_chose_before() -> None:
    alice = make.alice()
    policies.choose_preset(
        "solo", actor=alice, reason="runs shall wait", when_waiting="park", agent_hosts=["pypi.org"], now=NOW
    )
    people.invite("bob", role="reviewer", actor=alice, now=NOW)
    assert preset() == "team"
    rules = policies.parsed(policies.current(now=NOW))
    assert (rules.when_waiting, rules.agent_hosts.texts) == ("park", ("pypi.org",))


@pytest.mark.parametrize("step", ["promote", "let in"])
def test_whoever_becomes_the_second_reviewer_brings_the_team_policy(step: str) -> None:
    alice, bob = make.alice(), make.user("bob", "viewer" if step == "promote" else "reviewer")
    if step == "promote":
        people.change_role(bob.pk, role="reviewer", actor=alice, now=NOW)
    else:
        people.set_active(bob.pk, True, actor=alice, now=NOW)
    assert preset() == "team"


def test_a_policy_is_a_new_version_and_says_who_and_why() -> None:
    version = policies.choose_preset("team", actor=make.alice(), reason="we are many", now=NOW)
    assert (version.version, version.preset, version.created_by) == (2, "team", "alice")
    stated = trail.recorded("policy.changed")[-1]
    assert (stated["version"], stated["preset"], stated["reason"]) == (2, "team", "we are many")
    assert stated["policy_sha256"] == version.digest
    assert policies.parsed(version).approvals["high"] == 2


@pytest.mark.parametrize(
    ("chosen", "reason", "said"), [("anarchy", "so", "There is no policy preset 'anarchy'"), ("team", " ", "Say why")]
)
def test_a_policy_that_cannot_be_is_refused(chosen: str, reason: str, said: str) -> None:
    alice = make.alice()
    with pytest.raises(Invalid, match=said):
        policies.choose_preset(chosen, actor=alice, reason=reason, now=NOW)
    assert PolicyVersion.objects.count() == 1


# The stop over everything


@pytest.mark.parametrize("role", ROLES)
def test_who_may_stop_everything(role: str) -> None:
    somebody = human(make.user(f"a-{role}", role))
    if role in {"operator", "reviewer", "admin"}:
        assert halt.halt(actor=somebody, reason="smoke", now=NOW).ordered_by == f"a-{role}"
        assert trail.recorded("halt.started") == [{"reason": "smoke"}]
    else:
        with pytest.raises(NotAllowed, match="may not stop everything"):
            halt.halt(actor=somebody, reason="smoke", now=NOW)


@pytest.mark.parametrize("role", ROLES)
def test_who_may_lift_the_stop_when_alone(role: str) -> None:
    alice, somebody = make.alice(), human(make.user(f"a-{role}", role))
    halt.halt(actor=alice, reason="smoke", now=NOW)
    if role in {"reviewer", "admin"}:
        assert halt.resume(actor=somebody, reason="no fire", now=NOW).lifted_by == f"a-{role}"
    else:
        with pytest.raises(NotAllowed, match="may not lift the stop"):
            halt.resume(actor=somebody, reason="no fire", now=NOW)


def test_under_team_a_second_person_lifts_the_stop() -> None:
    make.bob()
    make.follow("team")
    halt.halt(actor=make.alice(), reason="smoke", now=NOW)
    asked = halt.resume(actor=make.alice(), reason="no fire", now=NOW)
    assert (asked.lifted_at, asked.resume_asked_by) == (None, "alice")
    with pytest.raises(Conflict, match="a second person must agree"):
        halt.resume(actor=make.alice(), reason="no fire", now=NOW)
    lifted = halt.resume(actor=make.bob(), reason="agreed", now=NOW)
    assert lifted.lifted_by == "bob"
    assert trail.kinds_since(trail.size() - 3) == ["halt.started", "halt.resume_requested", "halt.lifted"]
    trail.assert_holds()


@pytest.mark.parametrize("reason", ["", "  "])
def test_a_stop_and_its_end_need_a_reason(reason: str) -> None:
    alice = make.alice()
    with pytest.raises(Invalid, match="Say why"):
        halt.halt(actor=alice, reason=reason, now=NOW)
    halt.halt(actor=alice, reason="smoke", now=NOW)
    with pytest.raises(Invalid, match="Say why"):
        halt.resume(actor=alice, reason=reason, now=NOW)


def test_what_is_not_stopped_cannot_be_resumed() -> None:
    with pytest.raises(Conflict, match="Nothing is stopped"):
        halt.resume(actor=make.alice(), reason="no fire", now=NOW)

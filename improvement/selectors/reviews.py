"""Reading reviews: the case a policy judges, the queue, and what a decision would sign."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from improvement import permissions, policies
from improvement.engine.decisions import Ground
from improvement.models import Candidate, Evidence, Review, User, Vote
from improvement.permissions import Person, Right
from improvement.policies import Case, CastVote, Digests, Policy, Requirement, Tier
from improvement.selectors import policies as read_policies
from improvement.selectors import system, targets
from improvement.selectors.people import person_of
from improvement.states import CandidateState


@dataclass(frozen=True, slots=True)
class VoteLine:
    """One vote as the page shows it: whose, what, why, and why it does not count (empty when it does)."""

    person: str
    verdict: str
    reason: str
    grounds: tuple[Ground, ...]
    at: datetime
    self_countersigned: bool
    via: str
    not_counted: str


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a review stands for one person; ``own_verdict`` is what they said themselves, empty before that."""

    review: Review
    case: Case
    policy: Policy
    requirements: tuple[Requirement, ...]
    votes: tuple[VoteLine, ...]
    approvals: int
    needed: int
    involved: bool
    may_vote: bool
    why_not: str
    own_verdict: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """One line of the queue."""

    candidate_id: int
    title: str
    target: str
    isolation: str
    run_id: int | None
    tier: str
    approvals: int
    needed: int
    opened_at: datetime
    expires_at: datetime
    summary: str
    state: str
    may_vote: bool
    why_not: str
    claimed_by: str
    has_voted: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """The digests of a quarantined candidate's change, and of its evidence when it has any yet."""

    patch: str
    evidence: str


@dataclass(frozen=True, slots=True)
class Suspect:
    """A quarantined candidate, and why somebody cannot clear or reject it (empty when they can)."""

    candidate: Candidate
    why_not: str


def latest(candidate_id: int) -> Review | None:
    """Return the open review of a candidate, or else its last one."""
    return _with_everything().filter(candidate_id=candidate_id).order_by("-pk").first()


def digests(review: Review) -> Digests:
    """Return what a vote in this review signs."""
    return Digests(review.patch_digest, review.base_commit, review.evidence.digest, review.policy.digest)


def open_comments(review: Review) -> int:
    """Return how many threads on lines of what is under review are open."""
    return sum(thread.is_open for thread in review.candidate.threads.all())


def involved(candidate: Candidate) -> frozenset[int]:
    """Return the ids of the people who started, edited or wrote what is under review."""
    people = {candidate.author_id, candidate.run.started_by_id if candidate.run else None}
    return frozenset(person for person in people if person is not None)


def case(review: Review, *, halted: bool | None = None) -> Case:
    """Return everything that decides whether this review's candidate may be released now.

    A list asks once whether everything is stopped and passes the answer on as ``halted``.
    """
    payload = review.evidence.payload
    blocking = [f["text"] for f in payload.get("findings", []) if f.get("severity") == "block"]
    return Case(
        digests=digests(review),
        tier=Tier(review.tier) if review.tier in set(Tier) else None,
        involved=involved(review.candidate),
        votes=tuple(_cast(vote) for vote in _standing_votes(review)),
        evidence_better=review.evidence.better,
        sandbox_level=int(payload.get("sandbox_level", 0)),
        sandbox_min_level=settings.SANDBOX_MIN_LEVEL,
        halted=system.halted() if halted is None else halted,
        strayed=targets.how_strayed(review.target.stray_head),
        quarantined=review.candidate.state == CandidateState.QUARANTINED.value,
        blocking_findings=tuple(blocking),
        open_comments=open_comments(review),
    )


def standing(review: Review, person: Person, *, halted: bool | None = None) -> Standing:
    """Return where a review stands, as one person sees it."""
    facts = case(review, halted=halted)
    policy = policies.parse_policy(review.policy.text, version=review.policy.version)
    why_not = why_may_not_vote(review, facts, policy, person)
    return Standing(
        review=review,
        case=facts,
        policy=policy,
        requirements=policies.requirements(facts, policy),
        votes=tuple(_line(vote, facts, policy) for vote in _standing_votes(review)),
        approvals=len(policies.counted_approvals(facts, policy)),
        needed=review.needed,
        involved=person.id in facts.involved,
        may_vote=not why_not,
        why_not=why_not,
        own_verdict=next((vote.verdict for vote in _standing_votes(review) if vote.person_id == person.id), ""),
    )


def eligible(place: Standing) -> int:
    """Return how many people may approve here by their role and by the policy, whether they did or not."""
    people = [person_of(user) for user in User.objects.filter(is_active=True).prefetch_related("target_roles")]
    target, own = place.review.target_id, place.case.involved
    may = [person for person in people if permissions.may(person, Right.REVIEW, target)]
    return sum(person.id not in own or place.policy.self_countersign for person in may)


def why_may_not_vote(review: Review, facts: Case, policy: Policy, person: Person) -> str:
    """Return why this person cannot approve here, or an empty text when they can."""
    if review.state != Review.State.OPEN:
        return "it is measured again on the new champion" if review.state == Review.State.SUSPENDED else "it is closed"
    return _why_may_not_decide(person, review.target_id, facts.involved, alone=policy.self_countersign)


def quarantined(person: Person) -> list[Candidate]:
    """Return the candidates that this person may see and whose score waits to be cleared or rejected, oldest first."""
    rows = Candidate.objects.filter(state=CandidateState.QUARANTINED.value).select_related("target", "run")
    return [row for row in rows.order_by("pk") if permissions.may(person, Right.VIEW, row.target_id)]


def put_aside(candidate: Candidate) -> Shown:
    """Return what a decision about a quarantined candidate is about."""
    newest = Evidence.objects.filter(candidate=candidate).order_by("-revision").values_list("digest", flat=True).first()
    return Shown(candidate.patch_digest, newest or "")


def why_may_not_clear(candidate: Candidate, person: Person) -> str:
    """Return why this person cannot say whether a score is possible, or an empty text when they can."""
    return _why_may_not_clear(candidate, person, alone=_may_decide_alone())


def suspects(person: Person) -> list[Suspect]:
    """Return what ``quarantined`` does, with why this person cannot decide about each."""
    alone = _may_decide_alone()
    return [Suspect(one, _why_may_not_clear(one, person, alone=alone)) for one in quarantined(person)]


def count_to_clear(person: Person) -> int:
    """Return how many quarantined candidates this very person may clear, in at most two queries."""
    if not permissions.may(person, Right.REVIEW):
        return 0
    waiting = Candidate.objects.filter(state=CandidateState.QUARANTINED.value).exclude(target_id__in=_elsewhere(person))
    others = waiting.exclude(Q(author_id=person.id) | Q(run__started_by_id=person.id))
    return waiting.count() if _may_decide_alone() else others.count()


def _why_may_not_clear(candidate: Candidate, person: Person, *, alone: bool) -> str:
    return _why_may_not_decide(person, candidate.target_id, involved(candidate), alone=alone)


def _why_may_not_decide(person: Person, target_id: int, own: Collection[int], *, alone: bool) -> str:
    if not permissions.may(person, Right.REVIEW, target_id):
        return "your role does not include reviewing; ask an administrator"
    if person.id in own and not alone:
        return "you started or edited this; somebody else must decide"
    return ""


def _may_decide_alone() -> bool:
    """Whether the policy in force lets somebody decide about what they started or edited."""
    newest = read_policies.current()
    return newest is not None and policies.parse_policy(newest.text, version=newest.version).self_countersign


def awaiting(person: Person) -> list[Waiting]:
    """Return the open reviews that this person may see, oldest first."""
    rows = _with_everything().exclude(state=Review.State.CLOSED).order_by("opened_at", "pk")
    halted = system.halted()
    seen = [review for review in rows if permissions.may(person, Right.VIEW, review.target_id)]
    return [_waiting(review, person, halted) for review in seen]


def count_for(person: Person) -> int:
    """Return how many reviews wait for this very person's vote.

    Every page says it, so it is what ``awaiting`` would tell, in two queries that read no evidence.
    """
    if not permissions.may(person, Right.REVIEW):
        return 0
    voted = Vote.objects.filter(review=OuterRef("pk"), person_id=person.id, replaced=False)
    waiting = Review.objects.filter(~Exists(voted), state=Review.State.OPEN).exclude(target_id__in=_elsewhere(person))
    own = Q(candidate__author_id=person.id) | Q(candidate__run__started_by_id=person.id)
    return waiting.exclude(own).count() + _self_countersigned(waiting.filter(own))


def _elsewhere(person: Person) -> list[int]:
    """Return the targets on which this person may not review, though they may in general."""
    return [target for target, _ in person.target_roles if not permissions.may(person, Right.REVIEW, target)]


def _self_countersigned(own: QuerySet[Review]) -> int:
    """Count those of one's own that the policy they are judged by lets one approve."""
    by_policy = own.order_by().values_list("policy__version", "policy__text").annotate(count=Count("pk"))
    return sum(
        count for version, text, count in by_policy if policies.parse_policy(text, version=version).self_countersign
    )


def neighbours(candidate_id: int, person: Person) -> tuple[int | None, int | None, int, int]:
    """Return the previous and next candidate in the queue, this one's place (from 1; 0: not in it) and the length."""
    queue = [row.candidate_id for row in awaiting(person)]
    if candidate_id not in queue:
        return None, (queue[0] if queue else None), 0, len(queue)
    at = queue.index(candidate_id)
    return (queue[at - 1] if at else None), (queue[at + 1] if at + 1 < len(queue) else None), at + 1, len(queue)


def _with_everything() -> QuerySet[Review]:
    return Review.objects.select_related(
        "candidate__run__target", "candidate__target", "evidence", "policy", "claimed_by", "target"
    ).prefetch_related("votes__person__target_roles", "candidate__threads")


def _standing_votes(review: Review) -> list[Vote]:
    return [vote for vote in review.votes.all() if not vote.replaced]


def _cast(vote: Vote) -> CastVote:
    person: User = vote.person
    return CastVote(
        person_id=person.pk,
        person_name=person.get_username(),
        verdict=vote.verdict,
        digests=Digests(vote.patch_digest, vote.base_commit, vote.evidence_digest, vote.policy_digest),
        reason=vote.reason,
        may_review=permissions.may(person_of(person), Right.REVIEW, vote.review.target_id),
        suspended=vote.suspended,
    )


def _line(vote: Vote, facts: Case, policy: Policy) -> VoteLine:
    counts = policies.why_not_counted(_cast(vote), facts, policy) if vote.verdict == Vote.Verdict.APPROVE else ""
    return VoteLine(
        person=vote.person.get_username(),
        verdict=vote.verdict,
        reason=vote.reason,
        grounds=tuple(map(Ground, vote.grounds)),
        at=vote.at,
        self_countersigned=vote.self_countersigned,
        via=vote.via,
        not_counted=counts,
    )


def _waiting(review: Review, person: Person, halted: bool) -> Waiting:
    place = standing(review, person, halted=halted)
    candidate = review.candidate
    return Waiting(
        candidate_id=candidate.pk,
        title=candidate.title,
        target=review.target.name,
        isolation=review.target.isolation,
        run_id=candidate.run_id,
        tier=review.tier,
        approvals=place.approvals,
        needed=review.needed,
        opened_at=review.opened_at,
        expires_at=review.expires_at,
        summary=review.evidence.summary,
        state=candidate.state,
        may_vote=place.may_vote,
        why_not=place.why_not,
        claimed_by=review.claimed_by.get_username() if review.claimed_by else "",
        has_voted=any(vote.person_id == person.id for vote in _standing_votes(review)),
    )

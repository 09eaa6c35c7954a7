"""People, a small target, runs, candidates and reviews, made through the services as the product makes them.

Nothing here starts a sandbox: a measurement is what the target's evaluator says of the number in ``f.py``, worked out
by the same arithmetic in this process.
"""

from __future__ import annotations

import ast
import random
from collections.abc import Callable, Sequence
from datetime import datetime

from django.utils import timezone

from improvement import installation
from improvement.engine.asktell import Proposal, Result, ToldOutcome, tell_message
from improvement.engine.generation import plan
from improvement.engine.manifest import Manifest, parse_manifest
from improvement.engine.measurement import Measurement, Outcome, Task
from improvement.engine.packages import StrategyPackage, find_builtin
from improvement.engine.patches import diff_stats, patch_digest
from improvement.engine.session import Tell, entry_for
from improvement.models import Candidate, Evaluation, Release, Review, Run, Target, User, Vote
from improvement.policies import Digests
from improvement.runner import confirming, releasing
from improvement.runner.repositories import repository
from improvement.selectors import filesets, loop
from improvement.selectors import reviews as read_reviews
from improvement.selectors.targets import task_at
from improvement.services import champions, evaluations, generations, policies, reviews, runs, targets
from improvement.services.actors import Actor, human
from improvement.services.evaluations import Order
from improvement.services.targets import Added
from improvement.targets.repository import Author, Repository
from tests.small_target import EVALUATOR, HOLDOUT, MANIFEST, NOISE, PROGRAM

LEVEL = 3
START = 1.0
SOMEBODY = Author("Somebody", "somebody@example.org")


def program(value: float) -> str:
    """Return the text of ``f.py`` that answers a number."""
    return PROGRAM.format(value=value)


def tree(value: float = START, declares: str = "") -> dict[str, bytes]:
    """Return all files of the small target, path to bytes; its manifest ends with what it ``declares``."""
    files = {"countersign.toml": MANIFEST + declares, "evaluator.py": EVALUATOR, "holdout.py": HOLDOUT}
    more = {"f.py": program(value), "NOTES": "What came before.\n"}
    return {path: text.encode() for path, text in {**files, **more}.items()}


def manifest() -> Manifest:
    """Return the small target's manifest."""
    return parse_manifest(MANIFEST)


# People


def user(name: str, role: str = "admin") -> User:
    """Return the person of a name, made with this role when there is none."""
    person, made = User.objects.get_or_create(username=name, defaults={"role": role})
    if made:
        person.set_unusable_password()
        person.save()
        policies.current(now=timezone.now())
    return person


def alice() -> Actor:
    """Return the administrator, as she is now."""
    return human(user("alice", "admin"))


def bob() -> Actor:
    """Return a reviewer, as he is now."""
    return human(user("bob", "reviewer"))


def carol() -> Actor:
    """Return a second reviewer, as she is now."""
    return human(user("carol", "reviewer"))


def mallory() -> Actor:
    """Return somebody who may only look."""
    return human(user("mallory", "viewer"))


def follow(preset: str) -> None:
    """Put a policy preset in force."""
    policies.choose_preset(preset, actor=alice(), reason="for this test", now=timezone.now())


# Targets and runs


def target(name: str = "small", *, actor: Actor | None = None, declares: str = "") -> Target:
    """Return a new target with a real repository."""
    task = Task(parse_manifest(MANIFEST + declares), tree(declares=declares))
    path = installation.repository_path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    repo = Repository.create(path, task.tree, message=f"Import {name}", author=SOMEBODY, when=timezone.now())
    made = Added(
        name=name,
        manifest=task.manifest,
        format="countersign",
        warnings=(),
        commit=repo.head(),
        tree=repo.tree_id(repo.head()),
        evaluator_digest=task.evaluator_digest,
        score=START,
        seconds=0.25,
    )
    return targets.add(made, actor=actor or alice(), now=timezone.now())


def strategy() -> StrategyPackage:
    """Return a built-in strategy; no process of it is started here."""
    return find_builtin("parameters")


def queued_run(on: Target, *, actor: Actor | None = None, budget: int = 1000, seed: int = 1) -> Run:
    """Return a run that waits for its first measurement."""
    return runs.start(
        target_name=on.name,
        package=strategy(),
        budget=budget,
        seed=seed,
        actor=actor or alice(),
        now=timezone.now(),
    )


def run(on: Target | None = None, *, actor: Actor | None = None, budget: int = 1000, seed: int = 1) -> Run:
    """Return a run whose loop has begun."""
    waiting = queued_run(on or target(), actor=actor, budget=budget, seed=seed)
    return runs.record_start(waiting.pk, score=START, now=timezone.now())


# Generations and measurements


def propose(of: Run, *values: float) -> list[Candidate]:
    """Record a generation that proposes these numbers, and return its candidates: they wait to be measured."""
    fresh = Run.objects.select_related("target").get(pk=of.pk)
    champion = task_at(fresh.target.name, fresh.target.champion_commit)
    proposals = [
        Proposal(
            fresh.proposals + index, {**champion.editable, "f.py": program(value)}, (), "literal", f"answer {value}"
        )
        for index, value in enumerate(values)
    ]
    generations.open_generation(
        of.pk,
        planned=plan(champion.manifest, champion.editable, proposals, loop.seen_syntax(of.pk)),
        entry=entry_for(len(values), proposals),
        base_commit=fresh.target.champion_commit,
        base_files=champion.editable,
        journal_index=loop.journal_length(of.pk),
        now=timezone.now(),
    )
    return list(Candidate.objects.filter(run=of, number__gte=fresh.proposals).order_by("number"))


def close_generation(of: Run) -> Run:
    """Tell the strategy what the open generation came to, and end it."""
    opened = loop.open_generation(of.pk)
    assert opened is not None, f"R-{of.pk} has no open generation"
    scores = {candidate.number: candidate.score for candidate in opened.candidates}
    results = [
        Result(number, ToldOutcome.OK, score)
        if (score := scores.get(number)) is not None
        else Result(number, ToldOutcome.FAILED)
        for number in opened.numbers
    ]
    decisions = loop.undelivered_decisions(of.pk)
    return generations.close_generation(
        of.pk,
        entry=Tell(tell_message(results, [decision for _, decision in decisions], None)),
        journal_index=loop.journal_length(of.pk),
        decided=[candidate_id for candidate_id, _ in decisions],
        champion=None,
        now=timezone.now(),
    )


def number_in(text: str) -> float:
    """Return the number that a program answers."""
    function = ast.parse(text).body[0]
    assert isinstance(function, ast.FunctionDef)
    returned = function.body[0]
    assert isinstance(returned, ast.Return)
    assert returned.value is not None
    return float(ast.literal_eval(returned.value))


def measured(order: Order, *, level: int = LEVEL) -> Measurement:
    """Return what the target's evaluator answers to an order."""
    task = task_at(order.target_name, order.base_commit)
    value = number_in(filesets.load(order.files_digest)["f.py"])
    score = value * (order.case + 1)
    if order.stage != "holdout":
        score = value + random.Random(f"{order.seed}/{value!r}").gauss(0.0, NOISE)
    return ok(score, evaluator_digest=task.evaluator_digest, level=level)


def barely_better(order: Order) -> Measurement:
    """Answer as if every change gained a tenth of what it does."""
    honest = measured(order)
    score = START + 0.1 * (honest.metrics["score"] - START)
    return ok(score, evaluator_digest=honest.evaluator_digest)


def ok(score: float, *, evaluator_digest: str = "", level: int = LEVEL) -> Measurement:
    """Return a measurement that ended well."""
    return Measurement(
        outcome=Outcome.OK,
        cause="",
        message="",
        metrics={"score": score},
        seconds=0.25,
        cpu_seconds=0.125,
        memory_mb=32.0,
        level=level,
        evaluator_digest=evaluator_digest,
    )


def failed(outcome: Outcome = Outcome.FAILED, cause: str = "crash", message: str = "it crashed") -> Measurement:
    """Return a measurement that gave no score."""
    return Measurement(outcome=outcome, cause=cause, message=message, level=LEVEL)


def claim(evaluation: Evaluation, *, worker: str = "worker-1", now: datetime | None = None) -> Order:
    """Lease an evaluation to a worker for 60 seconds."""
    order = evaluations.claim(evaluation.pk, worker=worker, seconds=60, now=now or timezone.now())
    assert order is not None, f"evaluation {evaluation.pk} is {evaluation.state} and was not leased"
    return order


def answer(evaluation: Evaluation, measurement: Measurement | None = None) -> Evaluation:
    """Lease an evaluation and record its answer: an honest one unless another is given."""
    order = claim(evaluation)
    return evaluations.record(order, measurement or measured(order), metric=manifest().primary, now=timezone.now())


def answer_all(answers: Callable[[Order], Measurement] = measured) -> int:
    """Measure everything that waits, in order, and return how much that was."""
    waiting = list(Evaluation.objects.filter(state=Evaluation.State.QUEUED).order_by("pk"))
    for evaluation in waiting:
        order = claim(evaluation)
        evaluations.record(order, answers(order), metric=manifest().primary, now=timezone.now())
    return len(waiting)


# Candidates on their way


def fresh(candidate: Candidate) -> Candidate:
    """Return a candidate as it is in the database now."""
    return Candidate.objects.select_related("run__target", "target").get(pk=candidate.pk)


def measured_candidates(of: Run, *values: float) -> list[Candidate]:
    """Return candidates of one finished generation that were measured."""
    candidates = propose(of, *values)
    answer_all()
    close_generation(of)
    return [fresh(candidate) for candidate in candidates]


def confirming_candidate(of: Run, value: float = 2.0) -> Candidate:
    """Return a candidate whose confirm measurements are ordered."""
    (candidate,) = measured_candidates(of, value)
    confirming.begin(candidate, why="for this test")
    return fresh(candidate)


def measured_edit(on: Target, value: float, *, actor: Actor | None = None) -> Candidate:
    """Return a person's own edit that was measured: alice's unless somebody else is named."""
    champion, files = task_at(on.name, on.champion_commit).editable, {"f.py": program(value)}
    edit = targets.take_in_edit(
        on.name,
        champion=on.champion_commit,
        files=files,
        patch_digest=patch_digest(champion, files),
        syntax_digest="",
        lines=diff_stats(champion, files),
        seed=1,
        note=f"answer {value}",
        actor=actor or alice(),
        now=timezone.now(),
    )
    answer_all()
    return fresh(edit)


def settle(candidate: Candidate, answers: Callable[[Order], Measurement] = measured) -> Candidate:
    """Measure and conclude a confirmation to its end, and return the candidate."""
    while answer_all(answers):
        confirming.conclude(candidate.pk)
    return fresh(candidate)


def reviewed_candidate(of: Run, value: float = 2.0) -> Candidate:
    """Return a candidate whose review is open."""
    candidate = settle(confirming_candidate(of, value))
    assert candidate.state == "in_review", f"C-{candidate.pk} is {candidate.state}: {candidate.message}"
    return candidate


# Reviews and releases


def review_of(candidate: Candidate) -> Review:
    """Return the newest review of a candidate."""
    found = read_reviews.latest(candidate.pk)
    assert found is not None, f"C-{candidate.pk} was never sent to review"
    return found


def shown(candidate: Candidate) -> Digests:
    """Return the digests that a person sees on the candidate's page."""
    return read_reviews.digests(review_of(candidate))


def vote(
    candidate: Candidate,
    actor: Actor,
    verdict: str = "approve",
    *,
    reason: str = "reads well",
    digests: Digests | None = None,
) -> Vote:
    """Cast a vote on what is shown, unless other digests are given."""
    return reviews.vote(
        candidate.pk,
        verdict=verdict,
        digests=digests or shown(candidate),
        reason=reason,
        actor=actor,
        now=timezone.now(),
    )


def intended_release(on: Target) -> Release:
    """Return the release of a target that is to be carried out."""
    return Release.objects.get(target=on, state=Release.State.INTENDED)


def move_champion_elsewhere(on: Target, changes: dict[str, bytes | None], *, actor: Actor | None = None) -> str:
    """Make a commit as somebody outside would, have it taken over as champion, and return its id."""
    ordered = ordered_takeover(on, changes, actor=actor)
    releasing.finish_release(ordered.pk)
    return ordered.ordered_commit


def ordered_takeover(on: Target, changes: dict[str, bytes | None], *, actor: Actor | None = None) -> Release:
    """Return the order, not carried out yet, that a commit made outside becomes champion."""
    repo = repository(on.name)
    before = repo.head()
    commit = repo.commit(before, changes, message="Made elsewhere", author=SOMEBODY, when=timezone.now())
    return champions.order_takeover(
        on.name,
        previous=before,
        commit=commit,
        tree=repo.tree_id(commit),
        score=number_in(repo.read_tree(commit)["f.py"].decode()),
        actor=actor or alice(),
        reason="merged by hand",
        now=timezone.now(),
    )


def values(candidates: Sequence[Candidate]) -> list[str]:
    """Return the states of candidates as they are now."""
    return [fresh(candidate).state for candidate in candidates]

"""`manage.py demo`: what the gate makes of programs that want a score more than an improvement."""

from __future__ import annotations

import ast
import sys
import time
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from django.conf import settings

from improvement.commandline import caller, server
from improvement.commandline.answer import Answer
from improvement.commandline.command import Actions, CountersignCommand
from improvement.models import Candidate, Target
from improvement.runner import edits
from improvement.runner.foreground import settle_target
from improvement.runner.importing import add_target
from improvement.selectors import candidates, reviews
from improvement.services.actors import Actor
from improvement.states import CandidateState, words

EXAMPLE = "valley"
EDITED = {EXAMPLE: "walk.py", "hollow": "initial.py"}
"""Each example with the file that its attempts replace: a target of our own form, and an imported task."""

ATTEMPTS = "attempts"
PATIENCE_SECONDS = 600.0
_POLL_SECONDS = 1.0
_UNDER_WAY = {CandidateState.MEASURING, CandidateState.MEASURED, CandidateState.NOMINATED, CandidateState.CONFIRMING}


class Command(CountersignCommand):
    """Demonstrations: cheats."""

    help = "Shows on an example what the gate makes of cheats."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the actions."""
        actions = Actions(parser)
        cheats = actions.add(
            "cheats", _cheats, "put known cheats and honest changes to the gate, and say what became of each"
        )
        caller.add_as(cheats)


def _cheats(options: Namespace) -> Answer:
    actor = caller.actor(options)
    proposed = {example: _propose_all(example, actor) for example in EDITED}
    for example, attempts in proposed.items():
        _settle(example, [candidate.pk for _, candidate in attempts])
    found = {
        example: [(path, candidates.get(one.pk, caller.reader())) for path, one in attempts]
        for example, attempts in proposed.items()
    }
    lines = [line for example, attempts in found.items() for line in _report(example, [one for _, one in attempts])]
    values = [_value(example, path, one) for example, attempts in found.items() for path, one in attempts]
    return Answer({"target": EXAMPLE, "targets": list(EDITED), "attempts": values}, lines)


def _propose_all(example: str, actor: Actor) -> list[tuple[Path, Candidate]]:
    folder = Path(settings.BASE_DIR) / "examples" / example
    target = Target.objects.filter(name=example).first()
    if target is None:
        target = add_target(folder, name=example, format="auto", actor=actor)
    attempts = sorted((folder / ATTEMPTS).glob("*.py"))
    return [(path, _propose(target, path, actor)) for path in attempts]


def _propose(target: Target, path: Path, actor: Actor) -> Candidate:
    text = path.read_text(encoding="utf-8")
    said = (ast.get_docstring(ast.parse(text)) or path.stem).splitlines()[0]
    return edits.propose(target, files={EDITED[target.name]: text}, what=path.name, note=said, actor=actor)


def _settle(target_name: str, ids: list[int]) -> None:
    """Wait until the workers have judged every attempt, or judge them here when there are none."""
    if not server.has_workers():
        settle_target(target_name)
        return
    deadline = time.monotonic() + PATIENCE_SECONDS
    left = len(ids)
    while left and time.monotonic() < deadline:
        sys.stderr.write(f"\r{target_name}: {len(ids) - left} of {len(ids)} attempts judged")
        time.sleep(_POLL_SECONDS)
        left = Candidate.objects.filter(pk__in=ids, state__in=[state.value for state in _UNDER_WAY]).count()
    sys.stderr.write("\n")


def _why(candidate: Candidate) -> str:
    """Return why an attempt was set aside, or what people are told before they decide."""
    if candidate.message:
        return candidate.message
    review = reviews.latest(candidate.pk)
    found = candidates.evidence(candidate.pk)
    findings = [one["text"] for one in found.payload["findings"]] if found else []
    summary = found.summary if found else ""
    return " ".join([f"{review.tier} risk." if review else "", summary, *findings]).strip()


def _report(example: str, found: list[Candidate]) -> list[str]:
    target = Target.objects.get(name=example)
    return [f"{example} ({target.isolation})", *(line for one in found for line in _lines(one))]


def _lines(candidate: Candidate) -> list[str]:
    state = words(CandidateState(candidate.state))
    return [f"C-{candidate.pk}  {candidate.note}", f"    {state}: {_why(candidate)}"]


def _value(example: str, path: Path, candidate: Candidate) -> dict[str, Any]:
    found = candidates.evidence(candidate.pk)
    return {
        "target": example,
        "file": path.name,
        "candidate": f"C-{candidate.pk}",
        "attempt": candidate.note,
        "state": candidate.state,
        "measured": candidate.score,
        "why": _why(candidate),
        "findings": [one["code"] for one in found.payload["findings"]] if found else [],
    }

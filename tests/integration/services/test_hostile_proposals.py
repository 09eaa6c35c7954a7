"""What a strategy writes reaches the database as text that every database can hold."""

from __future__ import annotations

import pytest
from django.utils import timezone

from improvement.engine.asktell import read_proposals
from improvement.engine.generation import plan
from improvement.engine.session import entry_for
from improvement.exceptions import StrategyError
from improvement.models import Candidate
from improvement.selectors import loop
from improvement.selectors.targets import task_at
from improvement.services import generations
from tests import factories as make

pytestmark = pytest.mark.django_db

CASES = [
    (where, text)
    for where in ("note", "operator", "file", "path")
    for text in ("a\x00b", "a\ud800b", "a\u202eb", "a\x1b[31mb", "é " * 10_000)
    if where in {"note", "operator"} or "\ud800" not in text
]


@pytest.mark.parametrize(("where", "text"), CASES)
def test_whatever_a_strategy_writes_becomes_a_candidate(where: str, text: str) -> None:
    run = make.run()
    champion = task_at("small", run.start_commit)
    said = {"files": {"f.py": make.program(2.0)}, "parents": [], "operator": "literal", "note": "better"}
    if where in {"note", "operator"}:
        said[where] = text
    else:
        said["files"] = {"f.py": text} if where == "file" else {text: "x"}
    proposals = read_proposals({"type": "proposals", "proposals": [said]}, count=1, first=0, files=champion.editable)
    generations.open_generation(
        run.pk,
        planned=plan(champion.manifest, champion.editable, proposals, loop.seen_syntax(run.pk)),
        entry=entry_for(1, proposals),
        base_commit=run.start_commit,
        base_files=champion.editable,
        journal_index=0,
        now=timezone.now(),
    )
    candidate = Candidate.objects.get()
    assert candidate.state == ("measuring" if where in {"note", "operator"} else "blocked")
    assert all(character.isprintable() for character in candidate.note + candidate.operator + candidate.title)


@pytest.mark.parametrize("files", [{"f.py": "a\ud800b"}, {"a\ud800b": "x"}])
def test_half_a_character_ends_the_conversation_with_one_sentence(files: dict[str, str]) -> None:
    said = {"files": files, "parents": [], "operator": "literal", "note": "better"}
    with pytest.raises(StrategyError, match="Proposal 0 holds half a character"):
        read_proposals({"type": "proposals", "proposals": [said]}, count=1, first=0, files={})

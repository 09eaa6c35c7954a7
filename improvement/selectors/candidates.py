"""Reading candidates: one with everything around it, and the pages of a run's table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import OuterRef, Q, Subquery

from improvement.exceptions import NotFound
from improvement.models import Candidate, Evaluation, Evidence, Release
from improvement.permissions import Person
from improvement.selectors import filesets, targets
from improvement.selectors.access import check_may_view

SORTS = {
    "number": ("pk",),
    "-number": ("-pk",),
    "score": ("score", "pk"),
    "-score": ("-score", "-pk"),
    "state": ("state", "-pk"),
    "-state": ("-state", "-pk"),
    "lines": ("added", "removed", "-pk"),
    "-lines": ("-added", "-removed", "-pk"),
    "seconds": ("seconds", "-pk"),
    "-seconds": ("-seconds", "-pk"),
}


def get(candidate_id: int, person: Person) -> Candidate:
    """Return a candidate that a person may see, or raise ``NotFound``."""
    around = ("run__target", "run__started_by", "target", "author", "model_call")
    candidate = Candidate.objects.select_related(*around).filter(pk=candidate_id).first()
    if candidate is None:
        raise NotFound(f"There is no candidate C-{candidate_id}.")
    check_may_view(person, candidate.target_id, f"candidate C-{candidate_id}")
    return candidate


def files(candidate: Candidate) -> dict[str, str]:
    """Return all editable files of a candidate, path to text."""
    return filesets.load(candidate.files_id)


def base_files(candidate: Candidate) -> dict[str, str]:
    """Return the editable files of the champion that a candidate would replace, path to text."""
    compared = Evaluation.objects.filter(
        target_id=candidate.target_id,
        base_commit=candidate.base_commit,
        candidate__isnull=True,
        stage__in=["measure", "confirm"],
    )
    known = compared.values_list("files_id", flat=True).first()
    if known is not None:
        return filesets.load(known)
    return _from_repository(candidate)


def parents(candidate: Candidate) -> list[Candidate]:
    """Return the candidates that this one descends from."""
    return list(Candidate.objects.filter(run=candidate.run, number__in=candidate.parents).order_by("number"))


def children(candidate: Candidate, limit: int = 50) -> list[Candidate]:
    """Return the candidates of the same run that descend from this one."""
    later = Candidate.objects.filter(run=candidate.run, number__gt=candidate.number).order_by("number")
    return [
        row
        for row in later.only("pk", "parents", "score", "state", "number", "title")[:2000]
        if candidate.number in row.parents
    ][:limit]


def evaluations(candidate_id: int) -> list[Evaluation]:
    """Return the measurements about a candidate, its own and the champion's in comparison; never show their seeds."""
    about = Q(candidate_id=candidate_id) | Q(subject_id=candidate_id)
    return list(Evaluation.objects.filter(about).order_by("revision", "stage", "index", "candidate_id"))


def evidence(candidate_id: int) -> Evidence | None:
    """Return the newest evidence about a candidate."""
    return Evidence.objects.filter(candidate_id=candidate_id).order_by("-revision").first()


def release(candidate_id: int) -> Release | None:
    """Return the newest release of a candidate, carried out or not."""
    return Release.objects.filter(candidate_id=candidate_id, kind=Release.Kind.RELEASE).order_by("-pk").first()


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a run's table: the candidate, how long it took (seconds), its evidence and its parents' ids."""

    candidate: Candidate
    seconds: float | None
    evidence: dict[str, Any] | None
    parents: tuple[int, ...]


def of_run(run_id: int, *, sort: str = "-number", state: str = "", number: int = 1, size: int = 25) -> Page[Row]:
    """Return one page of a run's candidates, in three queries whatever the size."""
    own = Evaluation.objects.filter(candidate=OuterRef("pk"), stage="measure").values("seconds")[:1]
    newest = Evidence.objects.filter(candidate=OuterRef("pk")).order_by("-revision").values("payload")[:1]
    rows = Candidate.objects.filter(run_id=run_id).annotate(seconds=Subquery(own), evidence_payload=Subquery(newest))
    if state:
        rows = rows.filter(state=state)
    page: Page[Any] = Paginator(rows.order_by(*SORTS.get(sort, SORTS["-number"])), size).get_page(number)
    candidates = list(page.object_list)
    ids = _ids_by_number(run_id, candidates)
    page.object_list = [
        Row(one, one.seconds, one.evidence_payload, tuple(ids[parent] for parent in one.parents if parent in ids))
        for one in candidates
    ]
    return page


def _ids_by_number(run_id: int, candidates: Iterable[Candidate]) -> dict[int, int]:
    wanted = {parent for candidate in candidates for parent in candidate.parents}
    return dict(Candidate.objects.filter(run_id=run_id, number__in=wanted).values_list("number", "pk"))


def _from_repository(candidate: Candidate) -> dict[str, str]:
    return targets.task_at(candidate.target.name, candidate.base_commit).editable

"""What a confirmation measures: pairs on fresh seeds, one look after the other, then the cases of the holdout."""

from __future__ import annotations

from improvement.engine.evidence import Evidence
from improvement.engine.exhibits import Verdict
from improvement.engine.manifest import Manifest
from improvement.engine.seeds import confirm_seeds, holdout_seed
from improvement.engine.sequential import FIRST, Look, next_look

Planned = tuple[int, int]
"""Index (on the holdout: the case) and seed of one pair."""


def cost_of_one(manifest: Manifest) -> int:
    """Say how many evaluations a confirmation takes that is clear at its first look, both sides of a pair counted."""
    return cost_of_going_on(manifest, 0, FIRST)


def cost_of_going_on(manifest: Manifest, taken: int, look: Look) -> int:
    """Say how many evaluations a confirmation still takes that is clear at ``look``, after ``taken`` pairs."""
    return 2 * (look.pairs - taken) + 2 * cases(manifest)


def cases(manifest: Manifest) -> int:
    """Return the number of holdout cases."""
    return manifest.holdout.cases if manifest.holdout else 0


def seed_pairs(key: bytes, digest: str, look: Look) -> list[Planned]:
    """Return the pairs on fresh seeds up to a look; those of an earlier look come first."""
    return list(enumerate(confirm_seeds(key, digest, look.pairs)))


def case_pairs(key: bytes, digest: str, manifest: Manifest) -> list[Planned]:
    """Return the pairs on the holdout, one for each case."""
    return [(case, holdout_seed(key, digest, case)) for case in range(cases(manifest))]


def goes_on_to(look: Look, evidence: Evidence) -> Look | None:
    """Return the look that evidence from this one calls for; None when it says what it ever will."""
    if evidence.better or evidence.verdict is Verdict.FAILED or evidence.primary is None:
        return None
    return next_look(look, evidence.primary)

"""A target that is measured in stages and cases: find the number that scores best."""

from __future__ import annotations

from pathlib import Path

from tests.integration.offline_factories import write_task

EVALUATE = """\
[evaluate]
cases = 4
give_up = 2

[[evaluate.stages]]
name = "quick"
threshold = -10

"""
EVALUATOR = """\
def evaluate(candidate, *, seed, stage, case):
    score = -((candidate.call("answer") - 3.0 - 0.1 * case) ** 2)
    return {"metrics": {"score": score}, "feedback": f"{stage} {case}"}
"""


def write_staged(folder: Path) -> Path:
    """Write the target; 0 is the best score, the start's is about -10 and passes the stage with -9."""
    write_task(folder, bound=0.0)
    manifest, evaluator = folder / "countersign.toml", folder / "evaluator.py"
    head, _, tail = manifest.read_text().partition("[evaluate]\n")
    settings, _, rest = tail.partition("\n\n")
    before, _, stages = EVALUATE.partition("\n\n")
    manifest.write_text(f"{head}{before}\n{settings}\n\n{stages}{rest}")
    evaluator.write_text(EVALUATOR)
    return folder

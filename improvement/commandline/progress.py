"""A progress bar on the standard error, where that is a terminal."""

from __future__ import annotations

import sys
from types import TracebackType

from tqdm import tqdm

from improvement.commandline.text import score
from improvement.models import Run


class Bar:
    """Shows how far a run is: evaluations of its budget, the best score, and what the loop is doing."""

    def __init__(self, run: Run) -> None:
        self._bar = tqdm(
            total=run.budget, desc=f"R-{run.pk}", unit="eval", disable=not sys.stderr.isatty(), file=sys.stderr
        )

    def __enter__(self) -> Bar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()

    def show(self, run: Run) -> None:
        """Move the bar to where the run is."""
        self._bar.set_postfix_str(f"best {score(run.best_score)}, {run.state}", refresh=False)
        self._bar.update(run.evaluations - self._bar.n)

"""How much each parameter had to do with the score."""

from __future__ import annotations

from improvement.engine.wording import counted
from improvement.selectors.importances import Importances
from webapp.presenters.panels.parts import Cell, Head, Panel, Rows, Table

MOST_ROWS = 12


def panel(found: Importances | None) -> Panel | None:
    """Return the parameters with their shares, nothing while they were not weighed."""
    if found is None or not found.shares:
        return None
    most = max(found.shares.values()) or 1.0
    shown = list(found.shares.items())[:MOST_ROWS]
    rows = tuple((Cell(name), Cell(f"{100 * share:.1f} %", bar=share / most)) for name, share in shown)
    return Panel(
        "importances",
        "What made the difference",
        Table((Head("Parameter", False), Head("Share")), rows, _left_out(found)),
        note=f"What tells the best tenth of {found.of:,} candidates from all of them, by PED-ANOVA.",
    )


def rows(found: Importances | None) -> Rows:
    """Return a row for each parameter."""
    return (("parameter", "share"), *found.shares.items()) if found and found.shares else ()


def _left_out(found: Importances) -> str:
    left = len(found.shares) - MOST_ROWS
    return f"{counted(left, 'further parameter')} had less." if left > 0 else ""

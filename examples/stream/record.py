"""Makes segments.csv and drifts.csv, once: the rows that river bundles in a drawn order, and the drifts laid over them.

Run by hand in an environment with river; targets read the two files and never this program.
"""

from __future__ import annotations

import csv
import random
from pathlib import Path

HERE = Path(__file__).parent
SEED = 20
OPEN, HELD_BACK = 1380, 690
BEFORE, SWAPPED, DIMMED, TURNED = "as recorded", "red and blue exchanged", "dimmed", "upside down"
DRIFTS = {
    "open": ((0, 0, BEFORE), (460, 0, SWAPPED), (860, 160, DIMMED)),
    "abrupt": ((0, 0, BEFORE), (300, 0, DIMMED)),
    "gradual": ((0, 0, BEFORE), (240, 120, SWAPPED)),
    "returning": ((0, 0, BEFORE), (210, 0, TURNED), (450, 0, BEFORE)),
}
"""Stream to its drifts: the first observation concerned, over how many it comes, and what it turns the rows into."""


def main() -> None:
    """Write both files."""
    write_rows()
    write_drifts()


def write_rows() -> None:
    """Write the rows of river's ImageSegments in a drawn order, each once; the last ones are for the holdout."""
    from river.datasets import ImageSegments

    known = {tuple(round(float(value), 4) for value in x.values()): y for x, y in ImageSegments()}
    rows = sorted(known.items())
    random.Random(SEED).shuffle(rows)
    with (HERE / "segments.csv").open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow([*next(iter(ImageSegments()))[0], "category"])
        table.writerows([*x, y] for x, y in rows[: OPEN + HELD_BACK])


def write_drifts() -> None:
    """Write what each observation of each stream is turned into."""
    with (HERE / "drifts.csv").open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["stream", "observation", "as"])
        for name, drifts in DRIFTS.items():
            chance = random.Random(f"{SEED} {name}")
            for number in range(OPEN if name == "open" else HELD_BACK):
                table.writerow([name, number, at(drifts, number, chance)])


def at(drifts: tuple[tuple[int, int, str], ...], number: int, chance: random.Random) -> str:
    """Return what an observation is turned into: in a gradual drift, more and more often the new."""
    form = drifts[0][2]
    for begins, over, new in drifts[1:]:
        if number >= begins and (over == 0 or chance.random() < (number - begins) / over):
            form = new
    return form


if __name__ == "__main__":
    main()

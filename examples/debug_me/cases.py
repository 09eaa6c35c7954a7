"""The tests: what is asked of the library, an example of each that is shown, and how others of its kind are drawn."""

from dataclasses import dataclass
from typing import Any, Callable

PROJECTS = ["atlas", "birch", "cedar", "delta"]
DAYS = [[2025, 3, 3], [2025, 3, 4], [2025, 3, 5]]


@dataclass(frozen=True)
class Test:
    """One test; ``draw`` takes a source of chance and how far out the values lie (1 for the tests), and gives arguments."""

    name: str
    module: str
    function: str
    example: list[Any]
    draw: Callable[[Any, int], list[Any]]


def spans(chance, far):
    """Return spans of a day, some inside of others, some that touch."""
    found = []
    for _ in range(chance.randint(2, 3 + far)):
        start = chance.randrange(0, 900, 15)
        end = start + chance.randrange(60, 300, 15)
        found += [[start, end], [start + 15, end - 15]] if chance.random() < 0.6 else [[start, end], [end, end + 30]]
    chance.shuffle(found)
    return found


def touching(chance, far):
    """Return spans that touch or lie apart, none inside of another."""
    edges = sorted(chance.sample(range(0, 1440, 5), 4 + 2 * far))
    pairs = [list(pair) for pair in zip(edges, edges[1:]) if chance.random() < 0.7] or [edges[:2]]
    chance.shuffle(pairs)
    return pairs


def inside(chance, far):
    """Return a span with shorter ones inside."""
    start, end = chance.randint(0, 300), chance.randint(600, 900 + 100 * far)
    return [[start, end], [start + 10, end - chance.randint(10, 200)], [start + 20, start + 25]]


def entries(chance, far):
    """Return what several people wrote down, in no order."""
    found = []
    for _ in range(chance.randint(4, 5 + far)):
        start = chance.randrange(300, 1000, 5)
        found.append([chance.choice(PROJECTS), chance.choice(DAYS), [start, start + chance.randrange(10, 200, 5)]])
    return found


def duration(chance, far):
    """Return a positive duration as text."""
    hours, minutes = chance.randint(1, 9 * far), chance.randint(1, 59)
    return chance.choice([f"{hours}h{minutes}m", f"{hours}h", f"{minutes}m", f"{hours}h {minutes}m"])


def day(chance, far, months=(1, 12)):
    """Return a date."""
    return [chance.randint(2000, 2000 + 30 * far), chance.randint(*months), chance.randint(1, 28)]


def to_december(chance, far):
    """Return a date and a number of months that lead into a December, forwards or backwards."""
    date = day(chance, far)
    return [date, 12 - date[1] + 12 * chance.randint(-far, far)]


def window(chance, far):
    """Return spans and a start and an end, with something free at the end."""
    found = touching(chance, far)
    return [found, min(found)[0] - 20, max(found)[1] + chance.randint(10, 200 * far)]


def lists(chance, far):
    """Return minutes worked by day, some days short, and the daily limit."""
    return [[chance.randint(300, 480), *(chance.randint(300, 700) for _ in range(3 + far))], 480]


SHEET = [
    ["birch", [2025, 3, 3], [540, 600]],
    ["atlas", [2025, 3, 3], [600, 725]],
    ["birch", [2025, 3, 3], [570, 630]],
    ["birch", [2025, 3, 4], [540, 585]],
]

TESTS = [
    Test("parse", "durations", "parse", ["1h30m"], lambda c, far: [duration(c, far)]),
    Test("parse_negative", "durations", "parse", ["-1h30m"], lambda c, far: [f"-{duration(c, far)}"]),
    Test("show", "durations", "show", [90], lambda c, far: [c.choice([0, 60, c.randint(1, 600 * far)])]),
    Test("show_negative", "durations", "show", [-75], lambda c, far: [-c.randint(1, 600 * far)]),
    Test("round_up", "durations", "round_up", [45, 15], lambda c, far: [c.randint(0, 20 * far) * 5, c.choice([5, 15])]),
    Test("merge_touching", "spans", "merge", [[[600, 660], [540, 600]]], lambda c, far: [touching(c, far)]),
    Test("merge_inside", "spans", "merge", [[[540, 720], [600, 630]]], lambda c, far: [inside(c, far)]),
    Test("total", "spans", "total", [[[540, 720], [600, 630], [700, 750]]], lambda c, far: [spans(c, far)]),
    Test("gaps", "spans", "gaps", [[[540, 600], [660, 720]], 480, 780], window),
    Test("clip", "spans", "clip", [[[500, 600], [700, 800]], 540, 720], lambda c, far: [spans(c, far), 300, 700 + far]),
    Test("leap_years", "dates", "is_leap", [2000], lambda c, far: [c.randint(16, 20 + 4 * far) * 100]),
    Test("month_length", "dates", "month_length", [2024, 2], lambda c, far: day(c, far)[:2]),
    Test("add_months", "dates", "add_months", [[2024, 1, 31], 1], lambda c, far: [day(c, far, (1, 5)), c.randint(1, 6)]),
    Test("add_months_to_december", "dates", "add_months", [[2024, 10, 31], 2], to_december),
    Test("next_day", "dates", "next_day", [[2024, 12, 31]], lambda c, far: [day(c, far)]),
    Test("by_project", "sheet", "by_project", [SHEET], lambda c, far: [entries(c, far)]),
    Test("billed", "sheet", "billed", [SHEET, 15], lambda c, far: [entries(c, far), 15]),
    Test("overtime", "sheet", "overtime", [[500, 420, 480], 480], lists),
    Test("lines", "sheet", "lines", [SHEET], lambda c, far: [entries(c, far)]),
]

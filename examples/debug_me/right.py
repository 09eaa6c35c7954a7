"""What the library has to answer, written in another way; neither the loop nor a candidate ever sees it."""

import calendar
from datetime import date, timedelta


def parse(text):
    """Return the minutes of a duration."""
    text = text.replace(" ", "")
    hours, found, rest = text.lstrip("-").rpartition("h")
    minutes = 60 * int(hours) if found else 0
    minutes += int(rest.removesuffix("m") or 0)
    return -minutes if text.startswith("-") else minutes


def show(minutes):
    """Return minutes as people write them."""
    sign, minutes = "-" if minutes < 0 else "", abs(minutes)
    parts = [f"{minutes // 60}h" if minutes >= 60 else "", f"{minutes % 60}m" if minutes % 60 else ""]
    return sign + ("".join(parts) or "0m")


def round_up(minutes, step):
    """Return the smallest multiple that is not below."""
    return -(-minutes // step) * step


def merge(spans):
    """Return what is covered, in order."""
    covered = sorted({minute for start, end in spans for minute in range(start, end)})
    merged = []
    for minute in covered:
        if merged and merged[-1][1] == minute:
            merged[-1][1] = minute + 1
        else:
            merged.append([minute, minute + 1])
    return merged


def total(spans):
    """Return how many minutes are covered."""
    return len({minute for start, end in spans for minute in range(start, end)})


def gaps(spans, start, end):
    """Return what is not covered between start and end."""
    covered = {minute for begin, finish in spans for minute in range(begin, finish)}
    return merge([[minute, minute + 1] for minute in range(start, end) if minute not in covered])


def clip(spans, start, end):
    """Return the parts between start and end."""
    cut = ((max(begin, start), min(finish, end)) for begin, finish in spans)
    return [[begin, finish] for begin, finish in cut if begin < finish]


def is_leap(year):
    """Tell whether a year has a 29th of February."""
    return calendar.isleap(year)


def month_length(year, month):
    """Return how many days a month has."""
    return calendar.monthrange(year, month)[1]


def add_months(day, months):
    """Return the same day so many months later, or the month's last."""
    year, month = divmod(day[0] * 12 + day[1] - 1 + months, 12)
    return [year, month + 1, min(day[2], month_length(year, month + 1))]


def next_day(day):
    """Return the day after."""
    after = date(*day) + timedelta(days=1)
    return [after.year, after.month, after.day]


def _worked(entries):
    found = {}
    for project, day, span in entries:
        found.setdefault((project, tuple(day)), []).append(span)
    return {key: total(spans) for key, spans in found.items()}


def by_project(entries):
    """Return the minutes of each project."""
    worked = _worked(entries)
    return {name: sum(n for (other, _), n in worked.items() if other == name) for name, _ in worked}


def billed(entries, step):
    """Return the minutes to bill for each project."""
    worked = {key: round_up(minutes, step) for key, minutes in _worked(entries).items()}
    return {name: sum(n for (other, _), n in worked.items() if other == name) for name, _ in worked}


def overtime(minutes_by_day, daily):
    """Return the minutes beyond the daily limit."""
    return sum(max(0, worked - daily) for worked in minutes_by_day)


def lines(entries):
    """Return one line for each project."""
    return [f"{name}: {show(minutes)}" for name, minutes in sorted(by_project(entries).items())]

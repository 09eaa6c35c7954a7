"""A time sheet: entries of a project, a day and the spans worked on it."""

import durations
import spans


def by_project(entries, totals={}):
    """Return the minutes worked on each project; spans of one day that overlap count once."""
    worked = {}
    for project, day, span in entries:
        worked.setdefault((project, tuple(day)), []).append(span)
    for (project, _), day in worked.items():
        totals[project] = totals.get(project, 0) + spans.total(day)
    return totals


def billed(entries, step):
    """Return the minutes to bill for each project: each day's work rounded up to the step."""
    worked = {}
    for project, day, span in entries:
        worked.setdefault((project, tuple(day)), []).append(span)
    bill = {}
    for (project, _), day in worked.items():
        bill[project] = bill.get(project, 0) + durations.round_up(spans.total(day), step)
    return bill


def overtime(minutes_by_day, daily):
    """Return the minutes worked beyond the daily limit, each day by itself: a short day makes up for nothing."""
    return sum(worked - daily for worked in minutes_by_day)


def lines(entries):
    """Return one line for each project, in alphabetical order: its name, a colon, a space and the time worked."""
    totals = by_project(entries)
    return [f"{project}: {durations.show(totals[project])}" for project in totals]

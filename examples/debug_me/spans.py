"""Spans of a day: pairs of start and end in minutes since midnight, the end not included."""


def merge(spans):
    """Return the spans that cover the same minutes, in order, with none that overlap or touch."""
    merged = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1][1] = end
        else:
            merged.append([start, end])
    return merged


def total(spans):
    """Return how many minutes are covered, those that several spans cover counted once."""
    return sum(end - start for start, end in merge(spans))


def gaps(spans, start, end):
    """Return the spans between start and end that nothing covers, in order."""
    free = []
    at = start
    for begin, finish in merge(spans):
        if begin > at:
            free.append([at, min(begin, end)])
        at = max(at, finish)
        if at >= end:
            break
    return free


def clip(spans, start, end):
    """Return the parts of the spans that lie between start and end, in the given order, without empty ones."""
    cut = [[max(begin, start), min(finish, end)] for begin, finish in spans]
    return [[begin, finish] for begin, finish in cut if begin < finish]

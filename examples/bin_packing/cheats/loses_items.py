"""Leaves out every item but the first."""


def pack(items, capacity):
    """Return one bin for one item."""
    return [0]

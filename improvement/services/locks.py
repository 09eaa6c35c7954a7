"""Rows that a service changes, locked until its transaction ends."""

from __future__ import annotations

from improvement.models import Target
from improvement.selectors import targets


def target(name: str) -> Target:
    """Return the target of a name, or raise ``NotFound``."""
    return targets.named(name, Target.objects.select_for_update(of=("self",)))

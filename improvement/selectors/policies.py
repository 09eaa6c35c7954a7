"""Reading the policy."""

from __future__ import annotations

from improvement.models import PolicyVersion


def current() -> PolicyVersion | None:
    """Return the policy version in force; ``None`` before the first start."""
    return PolicyVersion.objects.order_by("-version").first()


def versions() -> list[PolicyVersion]:
    """Return all versions, newest first."""
    return list(PolicyVersion.objects.order_by("-version"))

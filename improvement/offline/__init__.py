"""The whole loop without server or database: for benchmarks, for runs of strategies on strategies, for a first try."""

from __future__ import annotations

from improvement.offline.loop import improve
from improvement.offline.plan import Plan, Progress
from improvement.offline.result import Confirmation, OfflineResult, Standing, Tried

__all__ = ["Confirmation", "OfflineResult", "Plan", "Progress", "Standing", "Tried", "improve"]

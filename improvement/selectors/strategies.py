"""Reading the strategies that a run can use."""

from __future__ import annotations

from improvement.engine.packages import StrategyPackage, builtin_names, find_builtin


def all_strategies() -> list[StrategyPackage]:
    """Return the built-in strategy packages by name."""
    return [find_builtin(name) for name in builtin_names()]


def package(name: str) -> StrategyPackage:
    """Return the strategy package of a name, or raise ``StrategyError`` naming the nearest one."""
    return find_builtin(name)

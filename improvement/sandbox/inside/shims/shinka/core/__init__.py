"""What evaluators import: ``from shinka.core import run_shinka_eval``."""

from __future__ import annotations

from shinka.core.wrap_eval import run_shinka_eval

__all__ = ["run_shinka_eval"]

"""What an evaluator imports: ``from countersign import CandidateFailed``."""

from __future__ import annotations


class CandidateFailed(Exception):
    """The candidate failed, ended, took too long or answered something unusable; the text says which."""

    __module__ = "countersign"  # whatever imported it first

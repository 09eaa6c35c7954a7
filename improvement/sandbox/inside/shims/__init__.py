"""Modules that evaluators may import: ``countersign`` and a stand-in for OpenEvolve's result type."""

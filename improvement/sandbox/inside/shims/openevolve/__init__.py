"""The one part of OpenEvolve that its evaluators import."""

"""The one part of ShinkaEvolve that its evaluators import."""

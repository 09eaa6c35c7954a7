"""Modules that evaluators may import: ``countersign``, and stand-ins for parts of OpenEvolve and ShinkaEvolve."""

"""Before Django: a virtual environment with the pinned packages, tests and checks. Standard library only."""

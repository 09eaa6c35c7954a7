"""`manage.py seed_demo`: an example target and a run on it, for the first look around."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from improvement.commandline.answer import Answer
from improvement.commandline.command import CountersignCommand, sole_action
from improvement.engine.packages import find_builtin
from improvement.exceptions import CountersignError
from improvement.models import Run, Target
from improvement.runner.importing import add_target
from improvement.sandbox import zygotes
from improvement.services import runs
from improvement.services.actors import SYSTEM

EXAMPLE = "circle_packing"
NAME = "circle-packing"
STRATEGY, BUDGET, SEED = "evolution", 2_000, 7


class Command(CountersignCommand):
    """Add the example and start its run, once; a machine that cannot evaluate is told so and loses nothing."""

    help = "Adds the example target and starts a demo run on it, unless they are there."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        sole_action(parser, _seed)


def _seed(options: Namespace) -> Answer:
    run = Run.objects.filter(demo=True).order_by("pk").first()
    if run is not None:
        return Answer(_value(run, ""), [])
    try:
        run = _start()
    except CountersignError as error:
        return Answer(_value(None, error.message), [f"The demo was left out: {error.message}"])
    return Answer(_value(run, ""), [f"The demo is R-{run.pk} on {NAME}."])


def _start() -> Run:
    if not Target.objects.filter(name=NAME).exists():
        add_target(Path(settings.BASE_DIR) / "examples" / EXAMPLE, name=NAME, format="auto", actor=SYSTEM)
        zygotes.retire_all()  # whoever starts the demo goes on for long without measuring anything
    return runs.start(
        target_name=NAME,
        package=find_builtin(STRATEGY),
        budget=BUDGET,
        seed=SEED,
        demo=True,
        actor=SYSTEM,
        now=timezone.now(),
    )


def _value(run: Run | None, message: str) -> dict[str, str | None]:
    return {"target": NAME if run else None, "run": f"R-{run.pk}" if run else None, "message": message}

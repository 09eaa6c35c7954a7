"""The target that a person names: one that is there, or the folder of a task, which is added first when it is new."""

from __future__ import annotations

from pathlib import Path

from improvement.engine.formats import Imported
from improvement.exceptions import Conflict, NotFound
from improvement.models import Target
from improvement.runner.importing import add_target
from improvement.runner.repositories import repository
from improvement.services.actors import Actor
from improvement.targets import importing


def check_exists(named: str) -> None:
    """Raise ``NotFound`` unless there is a target or a folder of a name."""
    if not Target.objects.filter(name=named).exists() and not _is_folder(named):
        raise NotFound(f"There is no target {named}, and no folder of that name. {_those_there()}")


def found_or_added(named: str, *, actor: Actor) -> Target:
    """Return the target of a name, or the one of a task's folder.

    A folder whose target is there already names that one, if it began with the same files. Raises ``NotFound`` when
    there is neither, ``Conflict`` when a target of that name began with other files.
    """
    target = Target.objects.filter(name=named).first()
    if target is not None:
        return target
    check_exists(named)
    folder = Path(named)
    imported = importing.load(folder)
    target = Target.objects.filter(name=imported.manifest.name).first()
    if target is None:
        return add_target(folder, name=None, format="auto", actor=actor)
    _check_same_start(target, imported, folder)
    return target


def _is_folder(named: str) -> bool:
    try:
        return Path(named).is_dir()
    except OSError:  # too long a name, or below a folder that may not be entered
        return False


def _check_same_start(target: Target, imported: Imported, folder: Path) -> None:
    if repository(target.name).read_tree(target.start_commit) != dict(imported.tree):
        raise Conflict(
            f"There is already a target {target.name}, and it began with other files than those in {folder}. "
            f"Improve that one by its name, or add yours under another: target add {folder} --name NAME"
        )


def _those_there() -> str:
    names = ", ".join(Target.objects.order_by("name").values_list("name", flat=True)[:10])
    return f"There are: {names}." if names else "Name the folder of a task, or add one: target add PATH"

"""What a change is, in a few plain words made from the two sets of files alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from improvement.engine import pipelines, program_changes, setting_changes
from improvement.engine.lines import changes, split
from improvement.engine.setting_changes import Setting, printable
from improvement.engine.wording import counted

LONGEST = 90
NOTHING = "no difference to the champion"


def title(base: Mapping[str, str], files: Mapping[str, str]) -> str:
    """Return a line of at most 90 characters that says what changes from ``base`` to ``files`` (path to text).

    It names functions with what is new in them ("construct: new loop, 3 literals") and settings with their values
    ("3 parameters: lr 0.1 → 0.05, …"), and tells pipelines as sentences; of what it cannot read it counts the lines.
    """
    settings: list[Setting] = []
    parts: list[str] = []
    for path in sorted(base.keys() | files.keys()):
        old, new = base.get(path), files.get(path)
        if old != new:
            found = _of_file(path, printable(path), old, new)
            settings += found[0]
            parts += found[1]
    if settings and not parts:
        return _settings_alone(settings)
    return _joined([*parts, *map(str, settings)], between="; ") or NOTHING


def _of_file(path: str, name: str, old: str | None, new: str | None) -> tuple[list[Setting], list[str]]:
    """Return the settings that changed in one file, and what else did."""
    if old is None or new is None:
        return [], [f"{name} {'removed' if new is None else 'added'}"]
    if path.endswith(".py"):
        found = program_changes.between(old, new)
        if found is not None:
            return found.settings, found.phrases or ([] if found.settings else [f"{name}: comments or layout only"])
    if path == pipelines.FILE_NAME and (told := _pipeline_told(old, new)):
        return [], told
    settings = setting_changes.between(path, old, new)
    return (settings, []) if settings else ([], [_lines_told(name, old, new)])


def _pipeline_told(old: str, new: str) -> list[str]:
    """Tell what changed in a pipeline in its own words; nothing when one of both cannot be read as such."""
    try:
        return pipelines.changes(old, new)
    except pipelines.PipelineError:
        return []


def _lines_told(name: str, old: str, new: str) -> str:
    found = changes(split(old), split(new))
    added = sum(one.new_end - one.new_start for one in found)
    removed = sum(one.old_end - one.old_start for one in found)
    return f"{name}: {counted(added, 'line')} added, {removed} removed"


def _settings_alone(settings: list[Setting]) -> str:
    lead = f"{len(settings)} parameters: " if len(settings) > 1 else ""
    return _joined([str(one) for one in settings], between=", ", lead=lead)


def _joined(parts: Sequence[str], *, between: str, lead: str = "") -> str:
    """Return as many parts as fit, and how many more there are; the first is cut when even that is too long."""
    for count in range(len(parts), 0, -1):
        rest = len(parts) - count
        more = [] if not rest else ["…"] if lead else [f"{rest} more"]
        line = lead + between.join([*parts[:count], *more])
        if len(line) <= LONGEST:
            return line
    return f"{lead}{parts[0]}"[: LONGEST - 1].rstrip() + "…" if parts else ""

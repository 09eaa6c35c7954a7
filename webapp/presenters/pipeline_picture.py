"""A pipeline before and after a change, as the stations that a row passes, with what changed at each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from improvement.engine.pipelines import FILE_NAME, SECTIONS, PipelineError, steps


@dataclass(frozen=True, slots=True)
class Phrase:
    """Something that is done at a station, and whether only this side has it."""

    text: str
    marked: bool


@dataclass(frozen=True, slots=True)
class Station:
    """One station: nothing is done at one without phrases; ``changed`` when both sides differ there."""

    title: str
    phrases: tuple[Phrase, ...]
    changed: bool


@dataclass(frozen=True, slots=True)
class PipelinePicture:
    """The stations before and after, the same ones in the same order."""

    before: tuple[Station, ...]
    after: tuple[Station, ...]

    @property
    def sides(self) -> tuple[tuple[str, tuple[Station, ...]], ...]:
        """Both with their names."""
        return ("Champion", self.before), ("Candidate", self.after)


def picture(base: Mapping[str, str], files: Mapping[str, str]) -> PipelinePicture | None:
    """Return a changed pipeline as a picture, nothing for other changes and for one that cannot be read."""
    old, new = base.get(FILE_NAME), files.get(FILE_NAME)
    if old is None or new is None or old == new:
        return None
    try:
        before, after = _told(old), _told(new)
    except PipelineError:
        return None
    passed = [section for section in SECTIONS if section in before or section in after]
    return PipelinePicture(
        tuple(_station(section, before, after) for section in passed),
        tuple(_station(section, after, before) for section in passed),
    )


def _told(text: str) -> dict[str, tuple[str, ...]]:
    return {step.title: step.phrases for step in steps(text)}


def _station(section: str, own: Mapping[str, tuple[str, ...]], other: Mapping[str, tuple[str, ...]]) -> Station:
    mine, theirs = own.get(section, ()), other.get(section, ())
    phrases = tuple(Phrase(text, text not in theirs) for text in mine)
    return Station(section.capitalize(), phrases, mine != theirs)

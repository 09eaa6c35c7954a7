"""Reading which language models there are: what the environment states, and what administrators added."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from difflib import get_close_matches

from improvement import installation
from improvement.broker import vault
from improvement.broker.configuration import Dialect, ModelConfig
from improvement.exceptions import Invalid, NotFound
from improvement.models import LanguageModel


@dataclass(frozen=True, slots=True)
class Known:
    """One model without its key. ``key_end`` shows which key it has; ``is_shadowed`` by one of the environment."""

    config: ModelConfig
    by_environment: bool
    has_key: bool
    key_end: str
    lacks_key: bool = False
    is_shadowed: bool = False
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Usable:
    """One model with what is needed to ask it."""

    config: ModelConfig
    key: str | None = field(repr=False)


def all_models() -> list[Known]:
    """Return every model by name; raises ``Invalid`` when the environment's file is wrong."""
    stated = installation.stated_models()
    names = {one.config.name for one in stated}
    ours = [
        Known(
            one.config,
            by_environment=True,
            has_key=one.key is not None,
            key_end=vault.end_of(one.key or ""),
            lacks_key=one.wants_key and one.key is None,
        )
        for one in stated
    ]
    theirs = [
        Known(
            config_of(row),
            by_environment=False,
            has_key=bool(row.sealed_key),
            key_end=row.key_end,
            is_shadowed=row.name in names,
            changed_at=row.changed_at,
        )
        for row in _rows()
    ]
    return sorted([*ours, *theirs], key=lambda known: (known.config.name, not known.by_environment))


def known(name: str) -> Known:
    """Return the model of a name, or raise ``NotFound`` naming the nearest one."""
    found = {one.config.name: one for one in all_models() if not one.is_shadowed}
    if name not in found:
        raise NotFound(_unknown(name, list(found)))
    return found[name]


def usable(name: str) -> Usable:
    """Return what is needed to ask a model; raises ``NotFound``, and ``Invalid`` when its key cannot be used."""
    found = known(name)
    if found.lacks_key:
        raise Invalid(f"The model {name} has no key: set the environment variable that its configuration names.")
    if found.by_environment:
        return next(Usable(one.config, one.key) for one in installation.stated_models() if one.config.name == name)
    return Usable(found.config, key_of(added(name)))


def askable() -> dict[str, Usable]:
    """Return by name every model that can be asked now; none while the environment's file is wrong."""
    found = {}
    with suppress(Invalid):
        for one in all_models():
            with suppress(Invalid):
                found[one.config.name] = usable(one.config.name)
    return found


def added(name: str) -> LanguageModel:
    """Return the model of a name that an administrator added, or raise ``NotFound``."""
    found = LanguageModel.objects.filter(name=name, removed_at__isnull=True).first()
    if found is None:
        raise NotFound(_unknown(name, [one.name for one in _rows()]))
    return found


def config_of(row: LanguageModel) -> ModelConfig:
    """Return what a row configures."""
    return ModelConfig(
        name=row.name,
        dialect=Dialect(row.dialect),
        base_url=row.base_url,
        model=row.model,
        price_in=row.price_in,
        price_out=row.price_out,
        max_tokens=row.max_tokens,
        seconds=row.seconds,
        requests_per_minute=row.requests_per_minute,
        private=row.private,
    )


def key_of(row: LanguageModel) -> str | None:
    """Return the key of a row, ``None`` where it has none; raises ``Invalid`` when it cannot be opened."""
    if not row.sealed_key:
        return None
    return vault.unseal(bytes(row.sealed_key), config_of(row), by=installation.models_key())


def secrets() -> list[str]:
    """Return every secret of this installation that must not reach a model: its own, and the keys of all models."""
    keys = [one.key for one in installation.stated_models()]
    for one in _rows():
        try:
            keys.append(key_of(one))
        except Invalid:
            continue  # what cannot be opened cannot leave
    return [*installation.secrets(), *filter(None, keys)]


def _rows() -> list[LanguageModel]:
    return list(LanguageModel.objects.filter(removed_at__isnull=True).order_by("name"))


def _unknown(name: str, names: list[str]) -> str:
    near = get_close_matches(name, names, n=1)
    hint = f" Did you mean {near[0]}?" if near else " The Models page lists those that there are."
    return f"There is no language model named {name[:60]}.{hint}"

"""Language models that administrators add, change and remove; their keys are sealed and never read back by people."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from improvement import installation, permissions
from improvement.broker import vault
from improvement.broker.configuration import ModelConfig
from improvement.exceptions import Conflict, Invalid
from improvement.models import LanguageModel
from improvement.permissions import Right
from improvement.selectors import language_models
from improvement.services import audit
from improvement.services.actors import Actor, require_person


@dataclass(frozen=True, slots=True)
class _Sealed:
    """A key as it is stored, and its end, as it is shown."""

    key: bytes
    end: str

    @classmethod
    def of(cls, key: str, config: ModelConfig) -> _Sealed:
        """Seal a key for the address of a model; an empty one is stored empty."""
        return cls(vault.seal(key, config, by=installation.models_key()) if key else b"", vault.end_of(key))


def check_may_manage(actor: Actor) -> None:
    """Raise ``NotAllowed`` unless this is a person who may manage language models."""
    person = require_person(actor, "manage language models")
    permissions.check_may(person, Right.MANAGE_MODELS)


def add(config: ModelConfig, *, key: str, actor: Actor, now: datetime) -> LanguageModel:
    """Add a model; an empty key is right for a server that wants none."""
    check_may_manage(actor)
    sealed = _Sealed.of(vault.check_key(key), config)
    if _is_stated(config.name):
        raise _taken(config.name)
    with audit.turn():
        if LanguageModel.objects.filter(name=config.name, removed_at__isnull=True).exists():
            raise _taken(config.name)
        model = LanguageModel(name=config.name)
        _configure(model, config, sealed, now=now)
        _record("model.added", config, {"key": _told(key), **_about(config)}, actor=actor, now=now)
        return model


def change(config: ModelConfig, *, key: str, actor: Actor, now: datetime) -> LanguageModel:
    """Change the model of this name. An empty key leaves the stored one, which only its own address gets."""
    check_may_manage(actor)
    given = vault.check_key(key)
    sealed = _Sealed.of(given, config) if given else None
    _check_may_change(config.name)
    with audit.turn():
        model = _locked(config.name)
        if model.sealed_key and not given and _place(language_models.config_of(model)) != _place(config):
            raise Invalid(
                "Enter the key again: a stored key goes only to the address that it was given for, and the address "
                "changes."
            )
        _configure(model, config, sealed, now=now)
        data = {"key": "a new one" if given else "as before", **_about(config)}
        _record("model.changed", config, data, actor=actor, now=now)
        return model


def remove(name: str, *, actor: Actor, now: datetime) -> None:
    """Remove a model and forget its key; what was asked of it and what that cost stays."""
    check_may_manage(actor)
    _check_may_change(name)
    with audit.turn():
        model = _locked(name)
        model.removed_at, model.sealed_key, model.key_end = now, b"", ""
        model.save()
        _record("model.removed", language_models.config_of(model), {}, actor=actor, now=now)


def _is_stated(name: str) -> bool:
    return any(one.config.name == name for one in installation.stated_models())


def _taken(name: str) -> Conflict:
    return Conflict(f"There is already a model named {name}. Choose another name, or change that one.")


def _check_may_change(name: str) -> None:
    """Raise ``Conflict`` for a model that nobody can change here."""
    if _is_stated(name):
        raise Conflict(f"The model {name} is stated by the environment of the server. Change it there.")


def _locked(name: str) -> LanguageModel:
    """Return the model of a name, locked until the transaction ends."""
    return LanguageModel.objects.select_for_update(of=("self",)).get(pk=language_models.added(name).pk)


def _configure(model: LanguageModel, config: ModelConfig, sealed: _Sealed | None, *, now: datetime) -> None:
    """Write what is stated of a model, and its key where one is given."""
    model.dialect, model.base_url, model.model = config.dialect.value, config.base_url, config.model
    model.price_in, model.price_out = config.price_in, config.price_out
    model.max_tokens, model.seconds = config.max_tokens, config.seconds
    model.requests_per_minute, model.private = config.requests_per_minute, config.private
    model.changed_at = now
    if sealed is not None:
        model.sealed_key, model.key_end = sealed.key, sealed.end
    model.save()


def _place(config: ModelConfig) -> tuple[str, str]:
    return config.dialect.value, config.base_url


def _told(key: str) -> str:
    return "a new one" if key.strip() else "none"


def _about(config: ModelConfig) -> dict[str, str | int | bool]:
    return {
        "dialect": config.dialect.value,
        "model": config.model,
        "address_sha256": hashlib.sha256(config.base_url.encode()).hexdigest(),
        "price_in": str(config.price_in),
        "price_out": str(config.price_out),
        "max_tokens": config.max_tokens,
        "seconds": config.seconds,
        "requests_per_minute": config.requests_per_minute,
        "private": config.private,
    }


def _record(kind: str, config: ModelConfig, data: dict[str, str | int | bool], *, actor: Actor, now: datetime) -> None:
    audit.append(kind, actor=actor, subject=subject(config.name), data=data, now=now)


def subject(name: str) -> dict[str, str]:
    """Return what an event about a language model names."""
    return {"kind": "model", "id": f"model:{name}", "name": name}

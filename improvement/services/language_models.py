"""Language models that administrators add, change and remove; their keys are sealed and never read back by people."""

from __future__ import annotations

import hashlib
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


def check_may_manage(actor: Actor) -> None:
    """Raise ``NotAllowed`` unless this is a person who may manage language models."""
    person = require_person(actor, "manage language models")
    permissions.check_may(person, Right.MANAGE_MODELS)


@audit.turn()
def add(config: ModelConfig, *, key: str, actor: Actor, now: datetime) -> LanguageModel:
    """Add a model; an empty key is right for a server that wants none."""
    check_may_manage(actor)
    if any(one.config.name == config.name for one in language_models.all_models()):
        raise Conflict(f"There is already a model named {config.name}. Choose another name, or change that one.")
    model = LanguageModel(name=config.name)
    _configure(model, config, now=now)
    _give_key(model, config, vault.check_key(key))
    model.save()
    _record("model.added", config, {"key": _told(key), **_about(config)}, actor=actor, now=now)
    return model


@audit.turn()
def change(config: ModelConfig, *, key: str, actor: Actor, now: datetime) -> LanguageModel:
    """Change the model of this name. An empty key leaves the stored one, which only its own address gets."""
    check_may_manage(actor)
    model = _locked(config.name)
    before = language_models.config_of(model)
    given = vault.check_key(key)
    if model.sealed_key and not given and _place(before) != _place(config):
        raise Invalid(
            "Enter the key again: a stored key goes only to the address that it was given for, and the address changes."
        )
    _configure(model, config, now=now)
    if given:
        _give_key(model, config, given)
    model.save()
    data = {"key": "a new one" if given else "as before", **_about(config)}
    _record("model.changed", config, data, actor=actor, now=now)
    return model


@audit.turn()
def remove(name: str, *, actor: Actor, now: datetime) -> None:
    """Remove a model and forget its key; what was asked of it and what that cost stays."""
    check_may_manage(actor)
    model = _locked(name)
    model.removed_at, model.sealed_key, model.key_end = now, b"", ""
    model.save()
    _record("model.removed", language_models.config_of(model), {}, actor=actor, now=now)


def _locked(name: str) -> LanguageModel:
    """Return the model of a name that people may change, locked until the transaction ends."""
    if any(one.config.name == name for one in installation.stated_models()):
        raise Conflict(f"The model {name} is stated by the environment of the server. Change it there.")
    return LanguageModel.objects.select_for_update(of=("self",)).get(pk=language_models.added(name).pk)


def _configure(model: LanguageModel, config: ModelConfig, *, now: datetime) -> None:
    model.dialect, model.base_url, model.model = config.dialect.value, config.base_url, config.model
    model.price_in, model.price_out = config.price_in, config.price_out
    model.max_tokens, model.seconds = config.max_tokens, config.seconds
    model.requests_per_minute, model.private = config.requests_per_minute, config.private
    model.changed_at = now


def _give_key(model: LanguageModel, config: ModelConfig, key: str) -> None:
    model.sealed_key = vault.seal(key, config, by=installation.models_key()) if key else b""
    model.key_end = vault.end_of(key)


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

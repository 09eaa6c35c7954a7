"""Language models as the Models page shows them: what each is, what it cost, whether it answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from django.utils import timezone

from improvement.broker.configuration import Dialect, ModelConfig
from improvement.permissions import Person, Right, may
from improvement.selectors import language_models, model_calls
from improvement.selectors.language_models import Known
from improvement.selectors.model_calls import RunSpend, Spend
from webapp.presenters import words
from webapp.presenters.words import Chip

if TYPE_CHECKING:
    from improvement.models import ModelCall

DAYS = 30
MOST_RUNS = 20
_SERVERS = {
    Dialect.OPENAI: "OpenAI",
    Dialect.ANTHROPIC: "Anthropic",
    Dialect.GEMINI: "Gemini",
    Dialect.XAI: "xAI",
    Dialect.COMPATIBLE: "OpenAI-compatible",
}


@dataclass(frozen=True, slots=True)
class ModelLine:
    """One model; ``may_change`` is false for one of the environment, ``may_test`` for one that lacks what it needs."""

    name: str
    model: str
    server: str
    address: str
    key: str
    price: str
    today: str
    month: str
    state: Chip
    said: str
    by_environment: bool
    may_test: bool
    may_change: bool


@dataclass(frozen=True, slots=True)
class RunLine:
    """What one run spent on one model."""

    run: int
    target: str
    model: str
    calls: str
    tokens_in: str
    tokens_out: str
    cost: str


@dataclass(frozen=True, slots=True)
class ModelsPage:
    """All models, and which runs spent what on them in the last 30 days."""

    models: tuple[ModelLine, ...]
    runs: tuple[RunLine, ...]
    today: str
    month: str
    may_manage: bool
    is_testing: bool


def page(person: Person, *, now: datetime) -> ModelsPage:
    """Return the models as one person sees them; addresses of this machine or network are for those who set them."""
    known = language_models.all_models()
    midnight = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    today, month = model_calls.by_model(midnight), model_calls.by_model(now - timedelta(days=DAYS))
    tests = model_calls.latest_tests(one.config.name for one in known)
    manages = may(person, Right.MANAGE_MODELS)
    return ModelsPage(
        models=tuple(_line(one, today, month, tests.get(one.config.name), manages=manages) for one in known),
        runs=tuple(map(_run, model_calls.by_run(person, now - timedelta(days=DAYS), most=MOST_RUNS))),
        today=_total(today),
        month=_total(month),
        may_manage=manages,
        is_testing=any(test.answered_at is None for test in tests.values()),
    )


def _line(
    known: Known, today: dict[str, Spend], month: dict[str, Spend], test: ModelCall | None, *, manages: bool
) -> ModelLine:
    config, name = known.config, known.config.name
    state, said = _state(known, test)
    return ModelLine(
        name=name,
        model=config.model,
        server=_SERVERS[config.dialect],
        address=config.base_url if manages or not config.private else "an address of this machine or network",
        key=_key(known),
        price=_price(config),
        today=words.money(today[name].cost_microusd if name in today else 0),
        month=words.money(month[name].cost_microusd if name in month else 0),
        state=state,
        said=said,
        by_environment=known.by_environment,
        may_test=manages and not known.lacks_key and not known.is_shadowed,
        may_change=manages and not known.by_environment and not known.is_shadowed,
    )


def _state(known: Known, test: ModelCall | None) -> tuple[Chip, str]:
    """Return whether a model answers, as far as is known since it was last changed, and what it said."""
    if known.is_shadowed:
        return Chip("wait", "ban", "Hidden"), "The environment names another model so; that one is used."
    if known.lacks_key:
        return Chip("bad", "key-round", "No key"), "The variable that its configuration names is not set."
    if test is None or (known.changed_at is not None and test.asked_at < known.changed_at):
        return Chip("", "circle", "Not tested"), ""
    if test.answered_at is None:
        return Chip("wait", "clock", "Being tested"), ""
    if test.error:
        return Chip("bad", "x", "Does not answer"), test.error
    cost = f"for {words.money(test.cost_microusd)}" if test.cost_microusd else "at no cost"
    return Chip("ok", "check", "Answers"), f"in {words.seconds(test.seconds)}, {cost}"


def _key(known: Known) -> str:
    if not known.has_key:
        return "no key"
    return f"key …{known.key_end}" if known.key_end else "a key"


def _price(config: ModelConfig) -> str:
    if not config.price_in and not config.price_out:
        return "free"
    return f"{_dollars(config.price_in)} in, {_dollars(config.price_out)} out"


def _dollars(price: Decimal) -> str:
    return f"${price.normalize():f}"


def _run(one: RunSpend) -> RunLine:
    return RunLine(
        run=one.run.pk,
        target=one.run.target.name,
        model=one.model,
        calls=f"{one.spend.calls:,}",
        tokens_in=f"{one.spend.tokens_in:,}",
        tokens_out=f"{one.spend.tokens_out:,}",
        cost=words.money(one.spend.cost_microusd),
    )


def _total(spend: dict[str, Spend]) -> str:
    return words.money(sum(one.cost_microusd for one in spend.values()))

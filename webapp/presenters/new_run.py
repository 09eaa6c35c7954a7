"""The page that starts a run: the chosen target, and every strategy with what it needs and costs there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from improvement.engine.fitting import needs_of
from improvement.engine.wording import counted, listed
from improvement.selectors import language_models, model_calls
from improvement.selectors.paces import Pace, Source
from improvement.selectors.strategies import Offer
from webapp.presenters import words

if TYPE_CHECKING:
    from django.forms import BoundField

    from improvement.broker.configuration import ModelConfig
    from improvement.models import Target
    from webapp.forms import NewRunForm

TYPICAL_IN, TYPICAL_OUT = 4_000, 1_000
_UNKNOWN = "How long an evaluation takes is not known yet"
_MEASURED = {
    Source.OWN: "an evaluation in its earlier runs here",
    Source.OTHERS: "an evaluation in earlier runs here",
    Source.START: "to measure the start",
}


@dataclass(frozen=True, slots=True)
class Choice:
    """A strategy that fits: what it needs and costs here, whether it asks models, the fields of its settings.

    ``also`` says that it shares the run with the chosen one.
    """

    name: str
    version: str
    description: str
    needs: str
    cost: str
    best: bool
    chosen: bool
    asks: bool
    also: bool
    settings: tuple[BoundField, ...]


@dataclass(frozen=True, slots=True)
class Unfit:
    """A strategy that cannot work on the target, and why."""

    name: str
    description: str
    why: str


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """A language model that the run may ask, and what that costs."""

    name: str
    model: str
    cost: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class NewRunPage:
    """What can be improved (names and isolations), what is chosen, and the strategies for it.

    ``models`` are the language models that ``models_for``, the strategies that ask some, may ask; none without those.
    """

    targets: tuple[tuple[str, str], ...]
    target: str
    isolation: str
    form: NewRunForm
    choices: tuple[Choice, ...]
    unfit: tuple[Unfit, ...]
    models: tuple[ModelChoice, ...]
    models_for: str


def page(known: Sequence[Target], chosen: Target, form: NewRunForm, offers: Sequence[Offer]) -> NewRunPage:
    """Return the page for a chosen target; ``offers`` come best first."""
    fitting = [offer for offer in offers if not offer.why_not]
    asking = [offer.package.name for offer in fitting if offer.package.asks_for_help]
    return NewRunPage(
        targets=tuple((one.name, one.isolation) for one in known),
        target=chosen.name,
        isolation=chosen.isolation,
        form=form,
        choices=tuple(_choice(offer, form, best=offer is fitting[0]) for offer in fitting),
        unfit=tuple(
            Unfit(offer.package.name, offer.package.description, offer.why_not) for offer in offers if offer.why_not
        ),
        models=_models(form) if asking else (),
        models_for=listed(asking, "and") if asking else "",
    )


def _models(form: NewRunForm) -> tuple[ModelChoice, ...]:
    models = language_models.askable()
    usual, chosen, budget = model_calls.usual_costs(models), form["models"].value() or [], _budget(form)
    return tuple(
        ModelChoice(name, one.config.model, _price(one.config, usual.get(name), budget), name in chosen)
        for name, one in models.items()
    )


def _price(config: ModelConfig, usual: float | None, budget: int) -> str:
    """Say what a question costs, and what a question for each evaluation would."""
    if not config.price_in and not config.price_out:
        return "Free"
    one = config.cost_microusd(TYPICAL_IN, TYPICAL_OUT) if usual is None else round(usual)
    why = f"with {TYPICAL_IN:,} tokens in and {TYPICAL_OUT:,} out" if usual is None else "on average so far"
    return f"{words.money(one)} a question {why}: {counted(budget, 'question')} cost about {words.money(one * budget)}"


def _choice(offer: Offer, form: NewRunForm, *, best: bool) -> Choice:
    package = offer.package
    return Choice(
        name=package.name,
        version=package.version,
        description=package.description,
        needs=needs_of(package),
        cost=_cost(offer.pace, _budget(form)),
        best=best,
        chosen=form["strategy"].value() == package.name,
        asks=package.asks_for_help,
        also=package.name in (form["also"].value() or []),
        settings=tuple(form.settings_of(package)),
    )


def _cost(pace: Pace, budget: int) -> str:
    """Say how long the budget takes, one evaluation after the other."""
    if pace.seconds is None:
        return _UNKNOWN
    whole = f"{counted(budget, 'evaluation')} take about {words.seconds(pace.seconds * budget)} of sandbox time"
    return f"{words.seconds(pace.seconds)} {_MEASURED[pace.source]}: {whole}"


def _budget(form: NewRunForm) -> int:
    """Return the budget that is typed, or the one that is proposed where that is no number."""
    typed = str(form["budget"].value())
    return int(typed) if typed.isdecimal() and len(typed) < 10 else int(form.fields["budget"].initial)

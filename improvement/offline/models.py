"""Models in a run without a server: asked by this process, paid out of the run's budget, kept in its record."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from improvement.broker import answering
from improvement.broker.client import Client
from improvement.broker.cutting import Cut
from improvement.broker.environment import Stated, models_of_file, stated_models
from improvement.engine.consulting import Cost, Offer, Round, read_choice
from improvement.engine.model_calls import ModelAnswer, ModelRequest
from improvement.engine.session import Help
from improvement.exceptions import Invalid
from improvement.offline.record import Record

FILE_VARIABLE = "COUNTERSIGN_MODELS"
HOW = f"name a TOML file with tables [models.NAME] by --models, or in the environment as {FILE_VARIABLE}"


@dataclass(frozen=True)
class Chosen:
    """A model of a run with its weight; the key is never shown."""

    stated: Stated = field(repr=False)
    weight: float

    @property
    def offer(self) -> Offer:
        """What the strategy may know of it."""
        return self.stated.config.offer(self.weight)


def choose(asked: str, variables: Mapping[str, str], *, needed: bool) -> tuple[Chosen, ...]:
    """Return the models that ``--models`` asks for: all of a TOML file, or by name those that the environment states.

    ``needed`` says that the strategy cannot do without. Raises Invalid, which says how to configure one.
    """
    if asked.endswith(".toml"):
        listed = models_of_file(_text(asked), where=asked, variables=variables)
        return tuple(Chosen(_with_key(one), 1.0) for one in listed)
    file = variables.get(FILE_VARIABLE, "")
    known = {one.config.name: one for one in stated_models(_text(file), where=file, variables=variables)}
    weights = read_choice(asked, list(known), needed=needed, how=HOW)
    return tuple(Chosen(_with_key(known[name]), weight) for name, weight in weights.items())


def _text(file: str) -> str:
    try:
        return Path(file).expanduser().read_text(encoding="utf-8") if file else ""
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"The models in {file} cannot be read. Name a TOML file with tables [models.NAME].") from error


def _with_key(stated: Stated) -> Stated:
    if stated.wants_key and stated.key is None:
        raise Invalid(f"The model {stated.config.name} has no key: set the environment variable that its table names.")
    return stated


class OfflineModels:
    """The models of one run; ``spent`` is what they did cost, recorded rounds of an earlier process included."""

    def __init__(self, models: Sequence[Chosen], can_pay: Callable[[Cost], bool], record: Record) -> None:
        secrets = [model.stated.key for model in models if model.stated.key]
        self._paces = tempfile.TemporaryDirectory(prefix="countersign-models-", ignore_cleanup_errors=True)
        self._offers = {model.offer.name: model.offer for model in models}
        self._cut = Cut()
        self._asks = {model.offer.name: self._client(model.stated, secrets).answer for model in models}
        self._can_pay = can_pay
        self._record = record
        self._set_aside = Cost()
        self.spent = Cost()
        self.lacking: Cost | None = None

    def _client(self, stated: Stated, secrets: Sequence[str]) -> Client:
        pace = Path(self._paces.name) / stated.config.name
        return Client(stated.config, stated.key, pace_file=pace, secrets=secrets, cut=self._cut)

    def close(self) -> None:
        """Leave nothing behind."""
        self._paces.cleanup()

    def answer(self, requests: Sequence[ModelRequest]) -> Round:
        """Put a round of questions; it is in the record when this returns."""
        found = answering.put(
            requests,
            asks=self._asks,
            offers=self._offers,
            ledger=self,
            stop=lambda: False,
            beat=lambda: None,
            cut=self._cut,
        )
        self._record.helped(found)
        self.lacking = found.lacking
        return found

    def recall(self, rounds: Sequence[Help]) -> None:
        """Count what models did cost in the rounds of an ask that the record answers."""
        asked = [one for one in rounds if isinstance(one, Round)]
        self.spent = sum((one.cost for one in asked), self.spent)
        self.lacking = asked[-1].lacking if asked else None

    def known(self, index: int, request: ModelRequest) -> ModelAnswer | None:
        """Return None: what is kept here are whole rounds."""
        return None

    def reserve(self, index: int, request: ModelRequest, most: Cost) -> bool:
        """Set aside what a question may cost, if the budget has that much left."""
        if not self._can_pay(self.spent + self._set_aside + most):
            return False
        self._set_aside += most
        return True

    def settle(self, index: int, request: ModelRequest, most: Cost, answer: ModelAnswer) -> None:
        """Count what a question did cost."""
        self._set_aside -= most
        self.spent += Cost.of(answer)

"""A strategy's questions to language models within one ask: what is on offer, a round of questions, and its record.

A strategy may answer ``ask`` with questions instead of proposals. The host puts them to the models and hands the
answers back; it records every round before that, so that a lost process is told the same again and no model is asked
twice.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from improvement.engine.model_calls import ModelAnswer, ModelRequest
from improvement.exceptions import Invalid, StrategyError

MAX_REQUESTS = 64
MAX_ROUND_BYTES = 4_000_000
MAX_WEIGHT = 1000.0
TOO_DEAR = "What is left of this run's budget is too little for this question."
TOO_LITTLE_LEFT = "what is left of the budget is too little for another question to a model"

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Cost:
    """What model calls cost, or may cost at most: tokens in and out, and millionths of a US dollar."""

    tokens: int = 0
    microusd: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.tokens + other.tokens, self.microusd + other.microusd)

    def __sub__(self, other: Cost) -> Cost:
        return Cost(self.tokens - other.tokens, self.microusd - other.microusd)

    @classmethod
    def of(cls, answer: ModelAnswer) -> Cost:
        """Return what an answer did cost."""
        return cls(answer.tokens_in + answer.tokens_out, answer.cost_microusd)


@dataclass(frozen=True, slots=True)
class Offer:
    """A model that a run may use: its name, its weight beside the others, and US dollars for a million tokens."""

    name: str
    weight: float = 1.0
    price_in: float = 0.0
    price_out: float = 0.0
    max_tokens: int = 8192

    def as_json(self) -> Json:
        """Give what a strategy is told of it."""
        return {
            "name": self.name,
            "weight": self.weight,
            "price_in": self.price_in,
            "price_out": self.price_out,
            "max_tokens": self.max_tokens,
        }

    def most(self, request: ModelRequest) -> Cost:
        """Return what an answer may cost at most."""
        asked, answered = request.most_tokens_in, min(request.max_tokens, self.max_tokens)
        return Cost(asked + answered, math.ceil(asked * self.price_in + answered * self.price_out))


@dataclass(frozen=True, slots=True)
class Round:
    """Questions by their digests and what was answered; ``lacking`` is what the cheapest refused question may cost.

    It is None unless one was refused because the budget's rest is too little for it.
    """

    kind: ClassVar = "models"
    questions: tuple[str, ...]
    answers: tuple[ModelAnswer, ...]
    lacking: Cost | None = None

    @property
    def cost(self) -> Cost:
        """What the answers did cost together."""
        return sum(map(Cost.of, self.answers), Cost())

    def message(self) -> Json:
        """Give the message that hands the answers over, each with the name of what was asked and answered."""
        named = zip(self.questions, self.answers, strict=True)
        answers = [{**answer.as_json(), "transcript": question} for question, answer in named]
        return {"type": self.kind, "answers": answers}

    @property
    def transcripts(self) -> tuple[str, ...]:
        """What a proposal may name that rests on an answer: the digests of the questions."""
        return self.questions

    def as_json(self) -> Json:
        """Give the round as plain JSON."""
        return {
            "questions": list(self.questions),
            "answers": [answer.as_json() for answer in self.answers],
            "lacking": None if self.lacking is None else [self.lacking.tokens, self.lacking.microusd],
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Round:
        """Read back what ``as_json`` gave."""
        lacking = value["lacking"]
        return cls(
            tuple(value["questions"]),
            tuple(ModelAnswer.from_json(answer) for answer in value["answers"]),
            None if lacking is None else Cost(*lacking),
        )


class Models(Protocol):
    """Whoever puts questions to models: answers all of them, and has recorded the round when it returns."""

    def answer(self, requests: Sequence[ModelRequest]) -> Round:
        """Return one answer for each question, in their order."""


class NoModels:
    """A run without models: a strategy that asks one is refused."""

    def answer(self, requests: Sequence[ModelRequest]) -> Round:
        """Refuse."""
        raise StrategyError(f"The strategy asks the model {requests[0].model!r}, and this run has no models.")


def read_choice(asked: str, known: Sequence[str], *, needed: bool, how: str) -> dict[str, float]:
    """Read the models of a run, ``NAME[=WEIGHT],NAME…``, and return their weights by name.

    Without a choice it is the only model there is, if the strategy needs one. ``known`` are those that are configured,
    ``how`` says how to configure one. Raises Invalid.
    """
    if asked.strip():
        return dict(_weighted(one, known, how) for one in asked.split(","))
    if not needed:
        return {}
    if not known:
        raise Invalid(f"This strategy asks language models, and none is configured: {how}.")
    if len(known) > 1:
        raise Invalid(f"This strategy asks language models. Choose some: there are {', '.join(known)}.")
    return {known[0]: 1.0}


def _weighted(text: str, known: Sequence[str], how: str) -> tuple[str, float]:
    name, equals, weight = text.strip().partition("=")
    if name not in known:
        there = f"there are {', '.join(known)}" if known else f"none is configured: {how}"
        raise Invalid(f"There is no model {name[:80]!r}; {there}.")
    try:
        value = float(weight) if equals else 1.0
    except ValueError:
        value = 0.0
    if not 0 < value <= MAX_WEIGHT:
        raise Invalid(f"The weight of model {name} is {weight[:40]!r}; write a number above 0, up to {MAX_WEIGHT:g}.")
    return name, value


def round_of(requests: Sequence[ModelRequest], answers: Sequence[ModelAnswer], lacking: Cost | None = None) -> Round:
    """Put a round together."""
    return Round(tuple(request.digest for request in requests), tuple(answers), lacking)


def read_requests(answer: Mapping[str, Any], offered: Sequence[str]) -> tuple[ModelRequest, ...]:
    """Check an answer of type ``models``; ``offered`` are the names of this run's models. Raises StrategyError."""
    listed = answer.get("requests")
    if not isinstance(listed, list) or not 1 <= len(listed) <= MAX_REQUESTS:
        raise StrategyError(f"The strategy may put from 1 to {MAX_REQUESTS} questions to models at a time.")
    requests = tuple(map(ModelRequest.from_json, listed))
    for request in requests:
        if request.model not in offered:
            known = ", ".join(offered) or "none"
            raise StrategyError(f"The strategy asks the model {request.model!r}; this run has {known}.")
    size = sum(len(message.text.encode()) for request in requests for message in request.messages)
    if size > MAX_ROUND_BYTES:
        raise StrategyError(f"The strategy asks models {size} bytes at a time; {MAX_ROUND_BYTES} are accepted.")
    return requests

"""`manage.py model`: the language models that runs may ask: list, add, test, remove."""

from __future__ import annotations

import argparse
import getpass
import sys
from argparse import ArgumentParser, Namespace
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils import timezone

from improvement.broker.configuration import ADDRESSES, Dialect, ModelConfig
from improvement.commandline import caller
from improvement.commandline.answer import Answer
from improvement.commandline.command import Actions, CountersignCommand
from improvement.commandline.text import columns
from improvement.exceptions import Invalid
from improvement.runner import trying_models
from improvement.selectors import language_models as read
from improvement.selectors import model_calls
from improvement.selectors.language_models import Known
from improvement.selectors.model_calls import Spend
from improvement.services import language_models

DAYS = 30


class Command(CountersignCommand):
    """Language models: list, add, test, remove."""

    help = "Lists, adds, tests and removes the language models that runs may ask."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the actions."""
        actions = Actions(parser)
        actions.add("list", _list, "list the models and what was spent on them in 30 days")
        self._add_adding(actions)
        for name, act, summary in (
            ("test", _test, "ask a model one tiny question and say what came"),
            ("remove", _remove, "remove a model and forget its key; what was asked of it stays"),
        ):
            one = actions.add(name, act, summary)
            one.add_argument("name", metavar="NAME", help="the model's name")
            caller.add_as(one)

    def _add_adding(self, actions: Actions) -> None:
        adding = actions.add("add", _add, "add a model")
        adding.add_argument("name", metavar="NAME", help="what runs call it")
        adding.add_argument("--dialect", required=True, choices=[one.value for one in Dialect], help="what it speaks")
        adding.add_argument("--model", required=True, metavar="ID", help="what its server calls it")
        adding.add_argument("--address", metavar="URL", help="its server's address (default: the provider's)")
        adding.add_argument("--private", action="store_true", help="the address is one of this machine or network")
        for way in ("in", "out"):
            what = f"US dollars for a million tokens {way} (default: 0)"
            adding.add_argument(f"--price-{way}", type=_price, default=Decimal(0), metavar="USD", help=what)
        adding.add_argument("--max-tokens", type=int, default=8192, metavar="N", help="longest answer (default: 8192)")
        adding.add_argument("--seconds", type=int, default=180, metavar="S", help="longest wait (default: 180)")
        adding.add_argument("--requests-per-minute", type=int, default=60, metavar="N", help="most (default: 60)")
        adding.add_argument("--key-stdin", action="store_true", help="read its key from standard input, or ask for it")
        caller.add_as(adding)


def _price(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of US dollars") from None


def _list(options: Namespace) -> Answer:
    caller.reader()
    spent = model_calls.by_model(timezone.now() - timedelta(days=DAYS))
    models = [(known, spent.get(known.config.name, Spend())) for known in read.all_models()]
    rows = [
        (known.config.name, known.config.dialect.value, known.config.model, _key(known), _dollars(spend))
        for known, spend in models
    ]
    head = ("name", "dialect", "model", "key", f"{DAYS} days")
    return Answer({"models": [_value(known, spend) for known, spend in models]}, columns(head, rows))


def _add(options: Namespace) -> Answer:
    dialect = Dialect(options.dialect)
    address = options.address or ADDRESSES.get(dialect)
    if address is None:
        raise Invalid("A compatible server has no usual address: say where it is with --address.")
    config = ModelConfig(
        name=options.name,
        dialect=dialect,
        base_url=address,
        model=options.model,
        price_in=options.price_in,
        price_out=options.price_out,
        max_tokens=options.max_tokens,
        seconds=options.seconds,
        requests_per_minute=options.requests_per_minute,
        private=options.private,
    )
    key = _asked_key(config.name) if options.key_stdin else ""
    language_models.add(config, key=key, actor=caller.actor(options), now=timezone.now())
    lines = [f"{config.name} is added. See whether it answers: python3 manage.py model test {config.name}"]
    return Answer(_value(read.known(config.name), Spend()), lines)


def _test(options: Namespace) -> Answer:
    call = trying_models.test(options.name, actor=caller.actor(options))
    value = {
        "model": call.model,
        "ok": not call.error,
        "seconds": round(call.seconds, 3),
        "tokens_in": call.tokens_in,
        "tokens_out": call.tokens_out,
        "cost_microusd": call.cost_microusd,
        "error": call.error or None,
    }
    if call.error:
        return Answer(value, [f"{call.model} did not answer. {call.error}"], ok=False)
    took = f"{call.seconds:.2f} s: {call.tokens_in} tokens in, {call.tokens_out} out"
    return Answer(value, [f"{call.model} answered in {took}."])


def _remove(options: Namespace) -> Answer:
    language_models.remove(options.name, actor=caller.actor(options), now=timezone.now())
    return Answer({"model": options.name, "removed": True}, [f"{options.name} is removed and its key forgotten."])


def _asked_key(name: str) -> str:
    """Return the key that was typed; it is never an argument, for other users of the machine can read those."""
    return getpass.getpass(f"Key of {name}: ") if sys.stdin.isatty() else sys.stdin.readline()


def _key(known: Known) -> str:
    if not known.has_key:
        return "missing" if known.lacks_key else "none"
    return f"…{known.key_end}"


def _dollars(spend: Spend) -> str:
    return f"${spend.cost_microusd / 1_000_000:.4f}"


def _value(known: Known, spend: Spend) -> dict[str, Any]:
    config = known.config
    return {
        "model": config.name,
        "dialect": config.dialect.value,
        "address": config.base_url,
        "model_id": config.model,
        "price_in": float(config.price_in),
        "price_out": float(config.price_out),
        "max_tokens": config.max_tokens,
        "seconds": config.seconds,
        "requests_per_minute": config.requests_per_minute,
        "private": config.private,
        "by_environment": known.by_environment,
        "usable": not known.lacks_key and not known.is_shadowed,
        "has_key": known.has_key,
        "key_end": known.key_end,
        "days": DAYS,
        "calls": spend.calls,
        "tokens_in": spend.tokens_in,
        "tokens_out": spend.tokens_out,
        "cost_microusd": spend.cost_microusd,
    }

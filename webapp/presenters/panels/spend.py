"""What a run spent on language models: questions, tokens and money of each, and what those under way may still cost."""

from __future__ import annotations

from collections.abc import Mapping

from improvement.selectors.model_calls import Spend
from webapp.presenters import words
from webapp.presenters.panels.parts import Cell, Head, Panel, Rows, Table

_HEADS = (
    Head("Model", False),
    Head("Questions"),
    Head("Tokens in"),
    Head("Tokens out"),
    Head("Cost"),
    Head("Under way, at most"),
)


def panel(by_model: Mapping[str, Spend]) -> Panel | None:
    """Return what each model did cost, or nothing when none was asked."""
    if not by_model:
        return None
    whole = sum(one.cost_microusd for one in by_model.values()) or 1
    lines = tuple(_line(name, one, one.cost_microusd / whole) for name, one in by_model.items())
    everything = (_line("all of them", sum(by_model.values(), Spend()), 1.0),) if len(by_model) > 1 else ()
    return Panel("spend", "Spent on language models", Table(_HEADS, (*lines, *everything)))


def rows(by_model: Mapping[str, Spend]) -> Rows:
    """Return a row for each model, costs in millionths of a US dollar."""
    if not by_model:
        return ()
    heads = (
        "model",
        "questions",
        "tokens in",
        "tokens out",
        "cost in microusd",
        "reserved tokens",
        "reserved microusd",
    )
    told = (
        (name, one.calls, one.tokens_in, one.tokens_out, one.cost_microusd, one.reserved_tokens, one.reserved_microusd)
        for name, one in by_model.items()
    )
    return (heads, *told)


def _line(name: str, one: Spend, share: float) -> tuple[Cell, ...]:
    under_way = f"{one.reserved_tokens:,} tokens, {words.money(one.reserved_microusd)}" if one.reserved_tokens else "–"
    return (
        Cell(name),
        Cell(f"{one.calls:,}"),
        Cell(f"{one.tokens_in:,}"),
        Cell(f"{one.tokens_out:,}"),
        Cell(words.money(one.cost_microusd), bar=share),
        Cell(under_way),
    )

"""Each hostile snippet is held by the full profile, both ways, and gets through without the layers that it names."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from improvement.sandbox import zygotes
from tests.integration.sandbox.hostile import on_host, on_kernel, on_limits
from tests.integration.sandbox.hostile.snippet import FAMILY, THROUGH, Layer, Removal, Snippet

SNIPPETS = (*on_host.EVERYTHING, *on_kernel.EVERYTHING, *on_limits.EVERYTHING)
PROVEN = [snippet for snippet in SNIPPETS if snippet.without and snippet.can_be_tried()]
ONE_KEPT = [(snippet, kept) for snippet in PROVEN if len(snippet.without) > 1 for kept in range(len(snippet.without))]
FEWEST = 60


@pytest.mark.usefixtures("both_ways")
@pytest.mark.parametrize("snippet", SNIPPETS, ids=str)
def test_a_snippet_is_held(snippet: Snippet) -> None:
    expected = (snippet.held, snippet.forked) if snippet.forked and zygotes.allowed() else snippet.held
    with snippet.host() as host:
        assert snippet.try_it(host, snippet.limits, FAMILY).startswith(expected)


@pytest.mark.parametrize("snippet", PROVEN, ids=str)
def test_a_snippet_gets_through_without_its_layers(snippet: Snippet, monkeypatch: pytest.MonkeyPatch) -> None:
    assert tried_without(snippet.without, snippet, monkeypatch) == THROUGH


@pytest.mark.parametrize(("snippet", "kept"), ONE_KEPT, ids=str)
def test_one_of_several_layers_is_enough(snippet: Snippet, kept: int, monkeypatch: pytest.MonkeyPatch) -> None:
    others = snippet.without[:kept] + snippet.without[kept + 1 :]
    assert tried_without(others, snippet, monkeypatch) != THROUGH


def tried_without(layers: Sequence[Layer], snippet: Snippet, patch: pytest.MonkeyPatch) -> str:
    """Take the layers away and return what the snippet says then, started from nothing."""
    with snippet.host() as host:
        removal = Removal(patch, host, snippet.limits)
        for layer in layers:
            layer(removal)
        return snippet.try_it(host, removal.limits, None)


def test_there_are_enough_and_their_names_differ() -> None:
    assert len(PROVEN) >= FEWEST
    assert len({snippet.name for snippet in SNIPPETS}) == len(SNIPPETS)

"""`manage.py model`, by the very lines of docs/models.md, and what the page says of files."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from improvement.broker.configuration import ADDRESSES, Dialect, ModelConfig
from improvement.broker.environment import Stated, stated_models
from tests.integration.commands.console import ROOT, Console
from tests.model_server import KEY, Fault, ModelServer

PAGE = Path(ROOT, "docs", "models.md").read_text()
LINES = re.findall(r"^    python3 manage\.py (model .*)$", PAGE, re.MULTILINE)


@pytest.fixture
def server() -> Iterator[ModelServer]:
    """A model's server."""
    with ModelServer(lambda prompt: "ready") as model:
        yield model


def _words(line: str, server: ModelServer) -> list[str]:
    """Return a line of the page as words, with the test's server for the one that the page names."""
    line = line.partition(" < ")[0].replace("http://127.0.0.1:11434/v1", server.url())
    return shlex.split(line)


def test_the_lines_of_the_page_do_what_they_say(empty: Console) -> None:
    assert [line.split()[1] for line in LINES] == ["add", "add", "test", "list", "remove"]
    with ModelServer(lambda prompt: "ready", key=None) as server:
        told = [empty.run(*_words(line, server), typed=f"{KEY}\n") for line in LINES]
    assert [(done.status, done.err) for done in told] == [(0, "")] * 5, told
    assert told[1].out == "local is added. See whether it answers: python3 manage.py model test local\n"
    assert re.fullmatch(r"local answered in [\d.]+ s: 6 tokens in, 1 out\.\n", told[2].out)
    assert [asked.body["model"] for asked in server.asked] == ["qwen3"]
    assert re.search(r"^local +compatible +qwen3 +none +\$0\.0000$", told[3].out, re.MULTILINE)
    assert re.search(r"^sonnet +anthropic +claude-sonnet-5-5 +…ghij +\$0\.0000$", told[3].out, re.MULTILINE)
    assert told[4].out == "local is removed and its key forgotten.\n"


def test_a_test_tells_what_came_and_ends_with_1_when_nothing_did(empty: Console, server: ModelServer) -> None:
    added = ["model", "add", "small", "--dialect", "gemini", "--model", "g", "--private", "--price-out", "2.5"]
    value = empty.json(*added, "--address", server.url(Dialect.GEMINI), "--key-stdin", typed=KEY)
    assert (value["model"], value["price_out"], value["key_end"], value["usable"]) == ("small", 2.5, "ghij", True)
    assert KEY not in str(value)

    tested = empty.json("model", "test", "small")
    assert (tested["ok"], tested["tokens_in"], tested["tokens_out"], tested["cost_microusd"]) == (True, 6, 1, 3)

    server.faults.append(Fault(500, says="on fire"))
    failed = empty.run("model", "test", "small", "--json")
    assert failed.status == 1
    assert failed.value["error"] == "Its server answered 500: it is overloaded or broken. It says: on fire"

    (listed,) = empty.json("model", "list")["models"]
    assert (listed["calls"], listed["cost_microusd"], listed["by_environment"]) == (2, 3, False)


def test_the_usual_variables_make_models_available(empty: Console) -> None:
    console = Console(empty.data, {"ANTHROPIC_API_KEY": "sk-ant-0123456789abcdef", "COUNTERSIGN_MODELS": ""})
    (listed,) = console.json("model", "list")["models"]
    assert (listed["model"], listed["by_environment"], listed["key_end"]) == ("anthropic", True, "cdef")
    assert "sk-ant" not in str(listed)


def test_a_wrong_file_is_named_in_one_line(empty: Console, tmp_path: Path) -> None:
    file = tmp_path / "models.toml"
    file.write_text("[models.x]\nmodel = 'm'\ndialekt = 'openai'\n")
    done = Console(empty.data, {"COUNTERSIGN_MODELS": str(file)}).run("model", "list", "--json")
    assert done.error["message"].startswith(f"{file}, [models.x]: there is no dialekt; a model has dialect, address")


def test_the_file_on_the_page_is_read_as_it_says() -> None:
    text = PAGE.partition("```toml\n")[2].partition("```")[0]
    here = ModelConfig(
        "here",
        Dialect.COMPATIBLE,
        "http://127.0.0.1:8080/v1",
        "qwen3-coder",
        max_tokens=4096,
        seconds=600,
        requests_per_minute=30,
        private=True,
    )
    quick = ModelConfig(
        "quick", Dialect.OPENAI, ADDRESSES[Dialect.OPENAI], "gpt-6.1-sol", price_in=Decimal(2), price_out=Decimal(10)
    )
    found = stated_models(text, where="the page", variables={"OPENAI_API_KEY": KEY})
    assert found[0] == Stated(here, None, wants_key=False)
    assert found[-1] == Stated(quick, KEY)

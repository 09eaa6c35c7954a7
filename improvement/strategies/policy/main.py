"""Start of the policy strategy: answers the host over standard input and output."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from controller import Controller, Settings
from protocol import serve


def create(message: dict[str, Any]) -> Controller:
    """Return the search that an init message asks for, fresh or taken up where its state was left."""
    known = Settings.__dataclass_fields__
    chosen = {name: value for name, value in message["parameters"].items() if name in known}
    search = Controller(message["task"], message["seed"], Settings(**chosen))
    if message["state"] is not None:
        search.restore(message["state"])
    return search


if __name__ == "__main__":
    package = tomllib.loads((Path(__file__).parent / "strategy.toml").read_text(encoding="utf-8"))
    serve(package["name"], package["version"], create)

"""Start of the parameters strategy: answers the host over standard input and output."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from protocol import serve
from tuner import Settings, Tuner


def create(message: dict[str, Any]) -> Tuner:
    """Return the tuner that an init message asks for, fresh or taken up where its state was left."""
    known = Settings.__dataclass_fields__
    chosen = {name: value for name, value in message["parameters"].items() if name in known}
    tuner = Tuner(message["task"], message["seed"], Settings(**chosen))
    if message["state"] is not None:
        tuner.restore(message["state"])
    return tuner


if __name__ == "__main__":
    package = tomllib.loads((Path(__file__).parent / "strategy.toml").read_text(encoding="utf-8"))
    serve(package["name"], package["version"], create)

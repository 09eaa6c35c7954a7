"""The limits of a run as options of a command, the same with and without a server."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable

from improvement.engine.budget import Limit, microusd


def add_limits(parser: ArgumentParser, *, seconds: Callable[[str], float] = int) -> None:
    """Let a command take every limit but the number of evaluations; ``seconds`` reads a number of seconds."""
    parser.add_argument(
        "--seconds", type=seconds, metavar="S", help="start no generation after running so long; waiting does not count"
    )
    parser.add_argument("--cpu-seconds", type=seconds, metavar="S", help="processor seconds of all evaluations")
    parser.add_argument("--tokens", type=int, metavar="N", help="tokens of all model calls")
    parser.add_argument("--usd", type=microusd, metavar="X", help="dollars of all model calls, such as 2.50")


def asked(options: Namespace) -> dict[Limit, int]:
    """Return those limits that were given."""
    given = {
        Limit.SECONDS: options.seconds,
        Limit.CPU_SECONDS: options.cpu_seconds,
        Limit.TOKENS: options.tokens,
        Limit.MICROUSD: options.usd,
    }
    return {limit: value for limit, value in given.items() if value is not None}

"""A program for another identity: run the self-test, one measurement and one strategy, and print what happened."""

from __future__ import annotations

import json
import os
import sys

from improvement.sandbox import bubblewrap, levels, selftest
from improvement.sandbox.strategy import StrategyProcess
from tests.integration.sandbox.small_targets import measured, native

STRATEGY = b"import json, sys, numpy\nfor line in sys.stdin: print(json.dumps({'sum': int(numpy.arange(4).sum())}))"


def main(binary: str) -> None:
    """Print one JSON object; ``binary`` ("" for the usual one) is the bubblewrap to use."""
    if binary:
        bubblewrap.SYSTEM_BINARY = "/nowhere/bwrap"
    probe = levels.probe()
    with StrategyProcess({"main.py": STRATEGY}) as strategy:
        answer = strategy.request({}, 60)
    found = bubblewrap.find()
    sys.stdout.write(
        json.dumps(
            {
                "uid": os.getuid(),
                "bubblewrap": found.path if found else None,
                "level": probe.level,
                "why": probe.why,
                "not_held": [(test.name, test.detail) for test in selftest.run() if not test.held],
                "score": dict(measured(native(), "import numpy\ndef double(n): return n * 2", seed=1).metrics),
                "strategy": answer,
            }
        )
    )


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")

"""Attack: write a result on every channel that it finds, and end the process before the evaluator can."""

import os

LINE = b'{"result":{"metrics":{"combined_score":0.0},"notes":{},"incorrect":null}}\n'


def search(height):
    """Return nothing: the process is over."""
    for channel in range(3, 64):
        try:
            os.write(channel, LINE)
        except OSError:
            continue
    os._exit(0)

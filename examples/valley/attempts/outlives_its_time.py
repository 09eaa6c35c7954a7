"""Attack: leave a process behind that goes on after the evaluation, and let the evaluation wait for ever."""

import os
import time


def search(bumps, low, high):
    """Never answer."""
    if os.fork() == 0:
        os.setsid()
    while True:
        time.sleep(0.01)

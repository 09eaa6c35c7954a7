"""Attack: read the memory of other processes by a system call."""

import ctypes


def search(bumps, low, high):
    """Look into process 1."""
    ctypes.CDLL(None).ptrace(16, 1, 0, 0)
    return low

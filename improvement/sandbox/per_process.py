"""Values that a process makes once, and a forked child makes anew."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class PerProcess(Generic[Value]):
    """A value made at its first use, by any thread; threads, locks and clean-up do not survive a fork, nor does it."""

    def __init__(self, make: Callable[[], Value], *, let_go: Callable[[Value], None] = lambda _: None) -> None:
        self._make = make
        self._let_go = let_go
        self._value: Value | None = None
        self._lock = threading.Lock()
        os.register_at_fork(after_in_child=self._start_anew)

    def get(self) -> Value:
        """Return this process's value."""
        with self._lock:
            if self._value is None:
                self._value = self._make()
            return self._value

    def _start_anew(self) -> None:
        self._lock = threading.Lock()
        if self._value is not None:
            self._let_go(self._value)
            self._value = None

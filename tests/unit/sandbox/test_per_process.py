"""A forked child makes its own values."""

from __future__ import annotations

import os

from improvement.sandbox.per_process import PerProcess


def test_a_value_is_made_once_and_again_in_a_child() -> None:
    made, let_go = [], []
    value = PerProcess(lambda: made.append(os.getpid()) or os.getpid(), let_go=let_go.append)
    assert [value.get(), value.get(), made] == [os.getpid(), os.getpid(), [os.getpid()]]
    child = os.fork()
    if child == 0:
        right = value.get() == os.getpid() and let_go == [os.getppid()]
        os._exit(0 if right else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert let_go == []

"""The small standard-library programs that run inside the sandbox.

They import next to nothing, to start fast: ``typing`` and ``collections.abc`` alone would cost more than the start of
the interpreter. Type checkers read those imports all the same (they take ``TYPE_CHECKING`` for true).
"""

"""Start of the parameters strategy: answers the host over standard input and output."""

from __future__ import annotations

from kit.conversation import serve
from tuner import Settings, Tuner

if __name__ == "__main__":
    serve(Tuner, Settings)

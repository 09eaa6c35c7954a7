"""Start of the online strategy: answers the host over standard input and output."""

from __future__ import annotations

from challengers import Challengers, Settings
from kit.conversation import serve

if __name__ == "__main__":
    serve(Challengers, Settings)

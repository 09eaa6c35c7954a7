"""Start of the command strategy: answers the host over standard input and output."""

from __future__ import annotations

from kit.conversation import serve
from search import Search, Settings

if __name__ == "__main__":
    serve(Search, Settings)

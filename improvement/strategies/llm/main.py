"""Start of the llm strategy: answers the host over standard input and output."""

from __future__ import annotations

from kit.conversation import serve
from writer import Settings, Writer

if __name__ == "__main__":
    serve(Writer, Settings)

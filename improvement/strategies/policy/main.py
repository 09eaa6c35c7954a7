"""Start of the policy strategy: answers the host over standard input and output."""

from __future__ import annotations

from controller import Controller, Settings
from kit.conversation import serve

if __name__ == "__main__":
    serve(Controller, Settings)

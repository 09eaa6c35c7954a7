"""The log is tried in a data directory that only the test knows."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _on_its_own(data_directory: object, nothing_enqueued: object) -> None:
    """Give every test its own data directory and let it take every step itself."""

"""Imported tasks are measured in the real sandbox."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from improvement.sandbox import nursery


@pytest.fixture(autouse=True, scope="module")
def _no_zygote_stays() -> Iterator[None]:
    yield
    nursery.shared().retire_all()

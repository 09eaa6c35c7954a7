"""What every test may use, and the rules: no network beyond this machine, and nothing skips under CI."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from bootstrap import postgresql, system_packages
from tests.waiting import wait_until
from webapp.supervisor import valkey

CONTINUOUS_INTEGRATION = os.environ.get("CI", "").lower() in {"1", "true"}


def pytest_configure() -> None:
    """Answer Ctrl-C as usual: a shell that starts the tests in the background has every process of theirs ignore it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what drives a browser or the real processes, so that it runs alone, and what uses the database."""
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        if item.get_closest_marker("django_db") or {"db", "transactional_db"} & set(fixtures):
            item.add_marker(pytest.mark.database)
        if "e2e" in Path(item.path).parts:
            item.add_marker(pytest.mark.e2e)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip into a failure under CI: what was not tried does not count as right."""
    report = yield
    if CONTINUOUS_INTEGRATION and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, and nothing may be skipped under CI: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """Return the URL of a real server, the one that the settings name; it lives as long as the test session."""
    configuration = valkey.write_configuration(
        socket=settings.DATA.socket, password=settings.DATA.secret("redis_password"), directory=settings.DATA.run
    )
    with subprocess.Popen([valkey.program(), configuration], stdout=subprocess.DEVNULL) as server:
        wait_until(lambda: valkey.answers(settings.REDIS_URL), seconds=10, what="the embedded server answers")
        yield settings.REDIS_URL
        server.terminate()


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """Return the URL of a real PostgreSQL server: the one the session runs on, else a temporary one."""
    if settings.DATABASES["default"]["ENGINE"].endswith("postgresql"):
        yield os.environ["DATABASE_URL"]
        return
    programs = system_packages.postgresql()
    assert programs is not None, system_packages.advice([system_packages.POSTGRESQL])
    with postgresql.temporary_server(programs) as url:
        yield url


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Use the system's Chromium, which needs no sandbox of its own when root tests in a container."""
    program = system_packages.chromium()
    assert program is not None, system_packages.advice([system_packages.CHROMIUM])
    options = ["--no-sandbox"] if os.geteuid() == 0 else []
    return {**browser_type_launch_args, "executable_path": str(program), "args": options}

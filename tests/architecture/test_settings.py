"""Every setting comes through the one reader and stands in .env.example."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import Counter

from django.conf import settings

from tests.architecture import sources
from tests.architecture.sources import PROJECT
from webapp.environment import example_file, parse_env_file

READERS = frozenset(
    {
        "webapp/settings.py",  # the reader's owner
        "webapp/asgi.py",  # name the settings module
        "webapp/celery.py",
        "webapp/management/commands/up.py",  # hand the environment to the parts
        "webapp/supervisor/supervisor.py",
    }
)


def test_the_example_file_is_what_the_settings_read() -> None:
    assert (PROJECT / ".env.example").read_text(encoding="utf-8") == example_file(settings.ENVIRONMENT.settings)


def test_the_example_file_can_be_used_as_it_is() -> None:
    text = (PROJECT / ".env.example").read_text(encoding="utf-8")
    names = [setting.name for setting in settings.ENVIRONMENT.settings]
    assert parse_env_file(text) == {}
    uncommented = "\n".join(line[1:] for line in text.splitlines() if line.startswith("#") and line[1:2].isupper())
    assert list(parse_env_file(uncommented)) == names
    assert len(set(names)) == len(names)


def test_every_setting_is_explained_in_a_sentence() -> None:
    unexplained = [setting.name for setting in settings.ENVIRONMENT.settings if not setting.explanation.endswith(".")]
    assert unexplained == []


def test_nobody_else_reads_settings_from_the_environment() -> None:
    found = [
        f"{source.path}:{node.lineno}"
        for source in sources.of("webapp")
        if source.path.as_posix() not in READERS
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"}
    ]
    assert found == []


def test_no_middleware_stands_twice() -> None:
    assert [name for name, count in Counter(settings.MIDDLEWARE).items() if count > 1] == []


def test_settings_load_without_a_server_and_in_little_time() -> None:
    program = "import webapp.settings, sys; sys.exit('django.db' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=PROJECT, timeout=20, check=False).returncode == 0

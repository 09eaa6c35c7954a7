"""The one reader of environment variables: typed, remembering what it was asked for, and clear about mistakes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})
_ASSIGNMENT = re.compile(r"(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*=\s*(?P<value>.*)")


@dataclass(frozen=True)
class Setting:
    """One variable that the settings read, as ``.env.example`` shows it."""

    name: str
    default: str
    explanation: str


@dataclass
class Environment:
    """Typed access to environment variables; ``settings`` lists every one that was asked for, in that order."""

    values: Mapping[str, str]
    settings: list[Setting] = field(default_factory=list)

    def text(self, name: str, default: str, explanation: str) -> str:
        """Return the variable's text, or the default when it is unset or empty."""
        self.settings.append(Setting(name, default, explanation))
        return self.values.get(name, "").strip() or default

    def choice(self, name: str, default: str, explanation: str, *, among: Iterable[str]) -> str:
        """Return one of the allowed words; ImproperlyConfigured otherwise."""
        allowed = tuple(among)
        value = self.text(name, default, explanation)
        if value not in allowed:
            raise _wrong(name, f"one of {', '.join(allowed)}", value)
        return value

    def flag(self, name: str, default: bool, explanation: str) -> bool:
        """Return True for 1, true, yes, on and False for 0, false, no, off; ImproperlyConfigured otherwise."""
        value = self.text(name, "1" if default else "0", explanation).lower()
        if value not in _TRUE | _FALSE:
            raise _wrong(name, "1 or 0", value)
        return value in _TRUE

    def number(self, name: str, default: int, explanation: str, *, low: int, high: int) -> int:
        """Return a whole number from low to high, both included; ImproperlyConfigured otherwise."""
        value = self.text(name, str(default), explanation)
        if not value.isascii() or not value.isdigit() or not low <= int(value) <= high:
            raise _wrong(name, f"a whole number from {low} to {high}", value)
        return int(value)

    def items(self, name: str, default: Iterable[str], explanation: str) -> list[str]:
        """Return the comma-separated parts of the variable, without spaces around them."""
        value = self.text(name, ",".join(default), explanation)
        return [part.strip() for part in value.split(",") if part.strip()]

    def path(self, name: str, default: Path, explanation: str, *, below: Path) -> Path:
        """Return an absolute path; a relative one counts from ``below``."""
        shown = f"./{default.relative_to(below)}" if default.is_relative_to(below) else str(default)
        value = self.text(name, shown, explanation)
        return Path(below, Path(value).expanduser()).resolve()


def parse_env_file(text: str, *, where: str = ".env") -> dict[str, str]:
    """Return the assignments of a ``.env`` file: NAME=value lines, # comments, optional quotes, nothing expanded.

    Raises ImproperlyConfigured with the number of the first line that is something else.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        assignment = _ASSIGNMENT.fullmatch(stripped)
        if assignment is None:
            raise ImproperlyConfigured(f"Line {number} of {where} is not of the form NAME=value: {stripped}")
        found[assignment["name"]] = _unquoted(assignment["value"].strip())
    return found


def read_env_file(path: Path) -> dict[str, str]:
    """Return the assignments of the file at ``path``; nothing when there is no such file."""
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ImproperlyConfigured(f"{path} cannot be read: {error}.") from error
    return parse_env_file(text, where=str(path))


def example_file(settings: Iterable[Setting]) -> str:
    """Return the text of ``.env.example``: every setting with its explanation, commented out at its default."""
    blocks = [
        "# Every setting of Countersign, at its default. Copy this file to .env and change what you need;\n"
        "# variables of the real environment win over the file. `python3 manage.py docs` writes this file."
    ]
    blocks += [f"# {setting.explanation}\n#{setting.name}={setting.default}" for setting in settings]
    return "\n\n".join(blocks) + "\n"


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "'\"":
        return value[1:-1]
    return re.split(r"\s+#", value, maxsplit=1)[0]


def _wrong(name: str, wanted: str, value: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(
        f"The setting {name} must be {wanted}, not {value!r}. Change it in the environment or in .env."
    )

"""Static files: what is vendored is what it says, colours are legible, scripts are small and safe."""

from __future__ import annotations

import hashlib
import json
import re
from itertools import product
from pathlib import Path

import plotly.offline
import pytest
from django.conf import settings

STATIC = Path(settings.BASE_DIR) / "static"
TEMPLATES = Path(settings.BASE_DIR) / "templates"
VENDORED = json.loads((STATIC / "vendor" / "vendored.json").read_text())["files"]
SCRIPTS = sorted((STATIC / "js").rglob("*.js"))
PAGES = sorted(TEMPLATES.rglob("*.html"))
READABLE = 4.5  # WCAG 2.2 AA for text


@pytest.mark.parametrize("entry", VENDORED, ids=lambda entry: entry["file"])
def test_a_vendored_file_is_what_its_list_says(entry: dict[str, str]) -> None:
    folder = STATIC / "vendor"
    assert hashlib.sha256((folder / entry["file"]).read_bytes()).hexdigest() == entry["sha256"]
    assert (folder / entry["licence_file"]).read_text().strip()
    assert f"`{entry['file']}`" in (folder / "VENDORED.md").read_text()
    assert entry["version"] in (folder / "VENDORED.md").read_text()


def test_every_vendored_file_is_listed() -> None:
    files = {path.name for path in (STATIC / "vendor").iterdir() if path.is_file()}
    assert files == {entry["file"] for entry in VENDORED} | {"VENDORED.md", "vendored.json"}


def test_the_chart_library_is_the_one_that_python_pins() -> None:
    version = next(entry["version"] for entry in VENDORED if entry["file"] == "plotly-basic.min.js")
    assert version == plotly.offline.get_plotlyjs_version()


def test_the_sprite_holds_the_icons_that_are_used_and_no_others() -> None:
    base = Path(settings.BASE_DIR)
    held = set(re.findall(r'<symbol id="([\w-]+)"', (STATIC / "vendor" / "icons.svg").read_text()))
    shown = set(re.findall(r'{% icon "([\w-]+)"', "".join(path.read_text() for path in PAGES)))
    code = [*(base / "webapp").rglob("*.py"), *SCRIPTS, *PAGES]
    quoted = {name for path in code for name in re.findall(r"""["'#]([\w-]+)["']""", path.read_text())}
    assert (shown - held, held - quoted) == (set(), set())


def _tokens() -> tuple[dict[str, str], dict[str, str]]:
    text = (STATIC / "css" / "tokens.css").read_text()
    light, dark = text.split("@media (prefers-color-scheme: dark)")
    find = re.compile(r"--([\w-]+):\s*(#[0-9a-f]{6});")
    return dict(find.findall(light)), dict(find.findall(light)) | dict(find.findall(dark))


def _luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(first: str, second: str) -> float:
    low, high = sorted((_luminance(first), _luminance(second)))
    return (high + 0.05) / (low + 0.05)


PROSE = ("text", "muted", "faint", "ink-text", "seal", "wax", "amber")
CODE = ("text", "code-comment", "code-keyword", "code-string", "code-number", "code-name")
TINTS = ("ink", "seal", "wax", "amber")
PAIRS = [
    *product(PROSE, ("paper", "sheet", "sunken")),
    *product(CODE, ("sheet", "add", "add-strong", "del", "del-strong")),
    *((tint if tint != "ink" else "ink-text", f"{tint}-soft") for tint in TINTS),
    *(("text", f"{tint}-soft") for tint in TINTS),
    ("muted", "ink-soft"),
    ("on-seal", "seal"),
    ("on-wax", "wax"),
]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_text_can_be_read_on_every_ground(dark: bool) -> None:
    colours = _tokens()[dark]
    ratios = {pair: round(_contrast(colours[pair[0]], colours[pair[1]]), 2) for pair in PAIRS}
    assert {pair: ratio for pair, ratio in ratios.items() if ratio < READABLE} == {}


def test_only_one_file_names_colours() -> None:
    named = re.compile(r"#[0-9a-f]{3,8}\b(?=[^{]*;)|\b(?:rgb|hsl)a?\(")
    found = {path.name for path in (STATIC / "css").glob("*.css") if named.search(path.read_text())}
    assert found == {"tokens.css"}


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_script_is_small_and_makes_no_markup_of_text(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 150
    assert not re.search(r"\beval\(|new Function|innerHTML|outerHTML =|document\.write|insertAdjacentHTML", text)
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(TEMPLATES).as_posix())
def test_a_template_has_no_inline_style_or_script(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"\sstyle=|<style|\son[a-z]+=|javascript:", text)
    assert all('src="' in tag for tag in re.findall(r"<script[^>]*>", text))
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text)


def test_the_chart_sends_nothing_away() -> None:
    text = (STATIC / "js" / "lib" / "drawing.js").read_text()
    for setting in ('plotlyServerURL: ""', "showSendToCloud: false", "displaylogo: false", "responsive: true"):
        assert setting in text
    others = [path.name for path in SCRIPTS if "Plotly" in path.read_text() and path.name != "drawing.js"]
    assert others == []

"""Screening: what can be said about a proposed change without running any of it."""

from __future__ import annotations

import tokenize
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from improvement.engine.blocks import blocks, outside_blocks_changed
from improvement.engine.globs import path_problem
from improvement.engine.manifest import Manifest
from improvement.engine.syntax import comment_lines, parse_python, syntax_digest
from improvement.engine.visible import lone_returns

__all__ = ["MAX_BYTES", "Screened", "screen", "syntax_digest"]

MAX_BYTES = 200_000
PASS, BLOCKED, DUPLICATE = "pass", "blocked", "duplicate"


@dataclass(frozen=True, slots=True)
class Screened:
    """The answer of screening.

    ``verdict`` is pass, blocked or duplicate; ``code`` is the stable reason and ``message`` one sentence, both empty
    for pass. ``syntax_digest`` is empty when the files are blocked; ``of`` is the earlier proposal that a duplicate is
    the same as, None for the base.
    """

    verdict: str
    code: str = ""
    message: str = ""
    syntax_digest: str = ""
    of: int | None = None


@dataclass(frozen=True, slots=True)
class _Problem:
    code: str
    message: str


def screen(
    task_manifest: Manifest,
    base_files: Mapping[str, str],
    files: Mapping[str, object],
    *,
    seen: Mapping[str, int],
    max_bytes: int = MAX_BYTES,
) -> Screened:
    """Check a proposal, the texts of all editable files, against the base's editable files.

    ``seen`` maps the syntax digests of earlier candidates to their numbers; ``max_bytes`` limits all files together.
    """
    texts = {path: text for path, text in files.items() if isinstance(text, str)}
    problem = next(_problems(task_manifest, base_files, files, texts, max_bytes), None)
    if problem:
        return Screened(BLOCKED, problem.code, problem.message)
    return _compared(base_files, texts, seen)


def _problems(
    manifest: Manifest,
    base: Mapping[str, str],
    files: Mapping[str, object],
    texts: Mapping[str, str],
    max_bytes: int,
) -> Iterator[_Problem]:
    """Yield what is wrong, the most basic first: later checks rely on the earlier ones."""
    yield from _path_problems(manifest, files)
    yield from _missing_files(manifest, base, files)
    yield from _text_problems(files, texts)
    size = sum(len(text.encode()) for text in texts.values())
    if size > max_bytes:
        yield _Problem("too_large", f"The files hold {size:,} bytes together; {max_bytes:,} are allowed.")
    for path in sorted(texts):
        yield from _content_problems(path, base.get(path, ""), texts[path])


def _path_problems(manifest: Manifest, files: Mapping[str, object]) -> Iterator[_Problem]:
    for path in sorted(files):
        if problem := path_problem(path):
            yield _Problem("bad_path", f"The path {path[:80]!a} {problem}.")
        elif not manifest.is_editable(path):
            yield _Problem("not_editable", f"{path} is not one of the editable files.")
        elif any(other.startswith(f"{path}/") for other in files):
            yield _Problem("bad_path", f"{path} is a file and a folder at once.")


def _missing_files(manifest: Manifest, base: Mapping[str, str], files: Mapping[str, object]) -> Iterator[_Problem]:
    for path in sorted(base.keys() - files.keys()):
        if path in manifest.edit_files or blocks(base[path]):
            yield _Problem("missing_file", f"{path} is missing; a proposal holds every editable file.")
    if not files:
        yield _Problem("missing_file", "The proposal holds no file.")


def _text_problems(files: Mapping[str, object], texts: Mapping[str, str]) -> Iterator[_Problem]:
    for path in sorted(files):
        text = texts.get(path)
        if text is None:
            yield _Problem("not_text", f"{path} is not text.")
        elif "\0" in text:
            yield _Problem("not_text", f"{path} holds a NUL character, so it is not text.")
        elif any("\ud800" <= character <= "\udfff" for character in text):
            yield _Problem("not_text", f"{path} holds a character that UTF-8 cannot express.")


def _content_problems(path: str, base_text: str, text: str) -> Iterator[_Problem]:
    if lone_returns(text) > lone_returns(base_text):
        yield _Problem("hidden_line", f"{path} ends a line by a carriage return alone, which readers would not see.")
    if outside_blocks_changed(base_text, text):
        yield _Problem("outside_block", f"{path} is changed outside its EVOLVE-BLOCK markers.")
    if not path.endswith(".py"):
        return
    try:
        parse_python(text)
    except SyntaxError as error:
        yield _Problem("syntax", f"{path}, line {error.lineno or 1}: not valid Python: {error.msg}.")
        return
    except (ValueError, RecursionError, MemoryError):
        yield _Problem("syntax", f"{path} is nested too deeply, or holds too large a number, to be parsed.")
        return
    if blocks(base_text) and _markers_hidden(text):
        yield _Problem(
            "outside_block", f"{path} hides an EVOLVE-BLOCK marker inside a text, so fixed lines lose effect."
        )


def _markers_hidden(text: str) -> bool:
    """Tell whether a marker line is no comment any more because a text opened above swallows it.

    A carriage return alone ends a line for Python but not for the markers, so it counts as hiding.
    """
    try:
        comments = comment_lines(text)
    except (tokenize.TokenError, SyntaxError):
        return True
    markers = {line for block in blocks(text) for line in (block.start, block.end + 1)}
    return not markers <= comments or "\r" in text.replace("\r\n", "\n")


def _compared(base: Mapping[str, str], texts: Mapping[str, str], seen: Mapping[str, int]) -> Screened:
    digest = syntax_digest(texts)
    if digest == syntax_digest(base):
        return Screened(DUPLICATE, "unchanged", "This does the same as the base: nothing of effect is changed.", digest)
    if (earlier := seen.get(digest)) is not None:
        said = f"Proposal {earlier} was the same but for layout, comments, names or sums."
        return Screened(DUPLICATE, "duplicate", said, digest, earlier)
    return Screened(PASS, syntax_digest=digest)

"""`manage.py audit`: export the trail, verify a bundle, print the signed head."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from django.utils import timezone

from improvement.commandline import caller
from improvement.commandline.answer import Answer
from improvement.commandline.command import Actions, CountersignCommand
from improvement.commandline.text import run_id
from improvement.engine.wording import counted
from improvement.exceptions import LedgerError
from improvement.ledger.checkpoint import read_checkpoint
from improvement.ledger.verify import Verdict, verify_bundle
from improvement.services import audit, trail


class Command(CountersignCommand):
    """The audit log: export, verify, checkpoint."""

    help = "Exports the audit trail, verifies an exported bundle, and prints the signed head of the log."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the actions."""
        actions = Actions(parser)
        exporting = actions.add("export", _export, "write a bundle that anybody can verify offline")
        exporting.add_argument("out", metavar="OUT", type=Path, help="a new directory, or a new file ending in .tar")
        exporting.add_argument("--run", metavar="RUN", help="only what belongs to one run, such as R-7")
        caller.add_as(exporting)
        verifying = actions.add(
            "verify", _verify, "verify a bundle, or without one this installation's log and what must agree with it"
        )
        verifying.add_argument("bundle", metavar="BUNDLE", nargs="?", type=Path, help="the directory or .tar file")
        verifying.add_argument(
            "--key", metavar="FILE", type=Path, help="the log's .vkey (default: this installation's)"
        )
        verifying.add_argument(
            "--known", metavar="CHECKPOINT", type=Path, action="append", default=[], help="a checkpoint that you kept"
        )
        actions.add("checkpoint", _checkpoint, "print the signed head of the log, to be kept elsewhere")
        actions.add("key", _key, "print the public key that verifies this log, to be given to whoever checks it")


def _export(options: Namespace) -> Answer:
    number = run_id(options.run) if options.run else None
    written = trail.export(options.out, run_id=number, actor=caller.actor(options), now=timezone.now())
    value = {
        "ok": True,
        "size": written.checkpoint.size,
        "root": written.checkpoint.root.hex(),
        "problems": [],
        "path": str(written.path),
        "events": written.events,
        "log": written.checkpoint.origin,
    }
    lines = [
        f"{written.path} holds {counted(written.events, 'event')} of the log {written.checkpoint.origin}, "
        f"root {written.checkpoint.root.hex()}",
        f"Verify it with: python3 -m improvement.ledger.verify {written.path} --key FILE",
        "FILE is what `manage.py audit key` prints, kept elsewhere than the bundle.",
    ]
    return Answer(value, lines)


def _verify(options: Namespace) -> Answer:
    if options.bundle is None:
        return _verify_here(options)
    if not options.bundle.exists():
        raise LedgerError(f"There is no bundle at {options.bundle}: name the directory or the .tar file of an export.")
    key = _text(options.key) if options.key else audit.signing_key().vkey
    verdict = verify_bundle(options.bundle, key, [_text(path) for path in options.known])
    return Answer(_value(verdict), _lines(verdict, "bundle"), ok=verdict.ok)


def _verify_here(options: Namespace) -> Answer:
    key, kept = _text(options.key) if options.key else "", [_text(path) for path in options.known]
    verdict = trail.verify_log(now=timezone.now(), key=key, kept=kept)
    return Answer(_value(verdict), _lines(verdict, "trail"), ok=verdict.ok)


def _checkpoint(options: Namespace) -> Answer:
    signed = trail.head(now=timezone.now())
    head = read_checkpoint(signed.checkpoint.text)
    value = {
        "ok": True,
        "size": head.size,
        "root": head.root.hex(),
        "problems": [],
        "checkpoint": signed.checkpoint.text,
        "key": signed.vkey,
    }
    return Answer(value, signed.checkpoint.text.rstrip("\n").split("\n"))


def _value(verdict: Verdict) -> dict[str, object]:
    return {
        "ok": verdict.ok,
        "size": verdict.size,
        "root": verdict.root,
        "problems": list(verdict.problems),
        "warnings": list(verdict.warnings),
        "log": verdict.log,
        "events": verdict.events,
        "partial": verdict.partial,
    }


def _lines(verdict: Verdict, what: str) -> list[str]:
    scope = "part of the log" if verdict.partial else "the whole log"
    good = f"The {what} holds: log {verdict.log}, {counted(verdict.events, 'event')} ({scope}), root {verdict.root}"
    last = good if verdict.ok else f"The {what} does not hold: {counted(len(verdict.problems), 'problem')}."
    found = [f"warning: {text}" for text in verdict.warnings] + [f"problem: {text}" for text in verdict.problems]
    return [_plain(line) for line in [*found, last]]


def _plain(text: str) -> str:
    """What a bundle says may hold characters that a terminal would obey."""
    return "".join(character if character.isprintable() else "?" for character in text)


def _text(path: Path) -> str:
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            return stream.read()
    except (OSError, UnicodeDecodeError) as error:
        raise LedgerError(f"{path} cannot be read: {error}.") from error


def _key(options: Namespace) -> Answer:
    vkey = audit.signing_key().vkey
    return Answer({"key": vkey}, [vkey])

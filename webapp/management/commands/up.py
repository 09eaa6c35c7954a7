"""`manage.py up`: the whole of Countersign on this machine, with one line per part."""

from __future__ import annotations

import os
import sys
import threading
import time
import webbrowser
from argparse import ArgumentParser
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import StringIO
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.db import connection

from improvement.commandline.command import ExactCommand
from improvement.sandbox import levels
from improvement.selectors import system
from improvement.services import people
from webapp.supervisor import lock, parts, preparation
from webapp.supervisor.address import Address, allowed_hosts, listen
from webapp.supervisor.supervisor import Supervisor


@dataclass
class Report:
    """The lines that a person sees: what, how it is, and when (seconds since the start)."""

    output: Any
    started: float = field(default_factory=time.monotonic)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def tell(self, what: str, how: str) -> None:
        """Print one line; called by the supervisor and by the threads that read the parts' output."""
        # Nobody may be reading any more (a closed terminal, a pipe to head): no reason to stop working.
        with self.lock, suppress(OSError):
            self.output.write(f"{time.monotonic() - self.started:7.1f} s  {what:<19} {how}\n")
            self.output.flush()


class Command(ExactCommand):
    """Start everything: database, message server, web server, workers, clock."""

    help = "Starts Countersign and prints the address with a one-time sign-in link. Ctrl-C stops it."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on; 0.0.0.0 means all")
        parser.add_argument("--port", type=int, default=8000, help="port to listen on; 0 takes a free one")
        parser.add_argument("--data", metavar="DIR", help="data directory, in place of COUNTERSIGN_DATA")
        parser.add_argument("--no-demo", action="store_true", help="start without the example target and run")
        parser.add_argument("--no-browser", action="store_true", help="do not open a browser")
        parser.add_argument(
            "--workers", type=_positive, default=_processors(), help="evaluations at once (default: processors)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Start, watch, stop."""
        report = Report(self.stdout)
        preparation.check_models()
        listening, address = listen(Address(options["host"], options["port"]))
        with listening, lock.held(settings.DATA.run / "up.lock", url=address.url):
            supervisor = Supervisor(settings.DATA.run, report.tell, _environment(address))
            supervisor.listen_to_signals()
            try:
                plan = parts.Plan(address, listening, options["workers"])
                self._start(supervisor, plan, report, demo=not options["no_demo"])
                if not supervisor.asked_to_stop:
                    self._invite(address, browser=not options["no_browser"])
                supervisor.watch()
                report.tell("everything", "stopping")
            finally:
                supervisor.stop()
        report.tell("everything", "stopped")

    def _start(self, supervisor: Supervisor, plan: parts.Plan, report: Report, *, demo: bool) -> None:
        """Start the parts in order; return early when a signal comes in between."""
        if server := parts.redis_server():
            supervisor.start([server])
        report.tell("database", preparation.migrate())
        report.tell("static files", preparation.collect_static_files(settings.STATIC_ROOT))
        if not supervisor.asked_to_stop:
            supervisor.start(parts.application(plan))
        _tell_sandbox(report)
        if demo and not supervisor.asked_to_stop:
            said = StringIO()
            call_command("seed_demo", stdout=said)
            report.tell("demo", said.getvalue().strip() or "there already")
        _tell_halt(report)
        connection.close()

    def _invite(self, address: Address, *, browser: bool) -> None:
        """Print the address with a one-time link, and open it where there is a screen."""
        link = f"{address.url}{people.ensure_first_administrator(now=datetime.now(UTC))}"
        connection.close()
        self.stdout.write(f"\nCountersign is running at {address.url}/\nSign in (one use): {link}\nCtrl-C stops it.\n")
        self.stdout.flush()
        if browser and _has_screen():
            webbrowser.open(link)


def _environment(address: Address) -> dict[str, str]:
    """Return the variables of every part: the settings as read here, and logs that machines can read."""
    return {
        **os.environ,
        "COUNTERSIGN_DATA": str(settings.COUNTERSIGN_DATA),
        "ALLOWED_HOSTS": ",".join(allowed_hosts(address, settings.ALLOWED_HOSTS)),
        "LOG_FORMAT": "json",
        "PYTHONUNBUFFERED": "1",
    }


def _tell_sandbox(report: Report) -> None:
    """Say how strongly candidates are isolated, and what to do where that is not enough to evaluate any."""
    probe = levels.probe()
    if probe.level >= settings.SANDBOX_MIN_LEVEL:
        report.tell("sandbox", f"level {probe.level} ({probe.backend})")
        return
    wanted = settings.SANDBOX_MIN_LEVEL
    words = " ".join((*probe.why, *probe.remedies(wanted)))
    report.tell("sandbox", f"WARNING: level {probe.level}, {wanted} wanted: nothing will be evaluated. {words}")


def _tell_halt(report: Report) -> None:
    """Say that nothing goes on while everything is stopped, since when, by whom, why, and how that is lifted."""
    stop = system.halt()
    if stop is not None:
        report.tell(
            "HALTED",
            f"everything is stopped since {stop.ordered_at:%H:%M on %d %B %Y} UTC by {stop.ordered_by}: {stop.reason}. "
            "Lift it on any page, or with: python3 manage.py resume --as USER --reason TEXT",
        )


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def _has_screen() -> bool:
    return sys.platform == "darwin" or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))

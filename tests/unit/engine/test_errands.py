"""What a strategy may have programs do, and that it hears the same again when it is rebuilt from the record."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from improvement.engine.asktell import Init, Message
from improvement.engine.errands import MAX_COMMANDS, Command, Done, Outing, outing_of, read_commands
from improvement.engine.session import Entry, Session, entry_for, entry_from_json, entry_to_json
from improvement.exceptions import StrategyError

COMMAND: dict[str, Any] = {"argv": ["agent", "-x"], "files": {"a.py": "a = 1\n"}, "task": "Do it.", "seconds": 60}
DONE = Done("exit", 0, "", {"a.py": "a = 2\n"}, ("history",), "said", 1.5, "f" * 64)
INIT = Init(seed=1, parameters={}, task={"files": {"a.py": "a = 1\n"}})


class Asking:
    """A strategy process that has a program run before it proposes what came of it."""

    def __init__(self, *, rounds: int = 1, transcript: str = DONE.transcript, **changes: Any) -> None:
        self.rounds, self.transcript, self.changes = rounds, transcript, changes
        self.heard: list[Message] = []

    def request(self, message: Message, seconds: float) -> Message:
        kind = message["type"]
        if kind == "init":
            return {"type": "ready"}
        if kind == "ask":
            self.heard = []
        else:
            self.heard.append(message)
        if len(self.heard) < self.rounds:
            return {"type": "commands", "commands": [{**COMMAND, **self.changes}]}
        files = self.heard[-1]["answers"][0]["files"]
        return {"type": "proposals", "proposals": [{"files": files, "transcript": self.transcript}]}


class Counting:
    """Programs that keep what they were asked for."""

    def __init__(self) -> None:
        self.outings: list[Outing] = []

    def run(self, commands: Sequence[Command]) -> Outing:
        self.outings.append(outing_of(commands, [DONE for _ in commands]))
        return self.outings[-1]


def session(process: Asking, journal: Sequence[Entry] = ()) -> tuple[Session, Counting]:
    restored, programs = Session.restore(process, INIT, None, journal), Counting()
    restored.programs = programs
    return restored, programs


def test_a_strategy_hears_what_its_programs_did_and_proposes() -> None:
    process = Asking()
    asked, programs = session(process)
    proposals = asked.ask(1)
    assert (proposals[0].files, proposals[0].transcript) == ({"a.py": "a = 2\n"}, DONE.transcript)
    assert process.heard == [{"type": "commands", "answers": [DONE.as_json()]}]
    assert programs.outings[0].questions == (Command.from_json(COMMAND).digest,)


def test_a_rebuilt_strategy_hears_the_record_and_nothing_runs_again() -> None:
    asked, programs = session(Asking(rounds=2))
    entry = entry_for(1, asked.ask(1))
    assert len(programs.outings) == 2
    journal = [entry_from_json(json.loads(json.dumps(entry_to_json(one)))) for one in (*programs.outings, entry)]
    _, again = session(Asking(rounds=2), journal)
    assert again.outings == []


def test_an_ask_that_was_cut_short_goes_on_where_it_was() -> None:
    asked, programs = session(Asking(rounds=2))
    expected = asked.ask(1)
    resumed, again = session(Asking(rounds=2), programs.outings[:1])
    assert (resumed.ask(1), len(again.outings)) == (expected, 1)


def test_a_strategy_that_asks_for_something_else_than_on_record_is_refused() -> None:
    asked, programs = session(Asking())
    entry = entry_for(1, asked.ask(1))
    with pytest.raises(StrategyError, match="after a restart, it asked for something else"):
        session(Asking(task="Do something else."), [*programs.outings, entry])


def test_rounds_without_end_and_made_up_transcripts_are_refused() -> None:
    with pytest.raises(StrategyError, match="asked for help 8 times and still proposes nothing"):
        session(Asking(rounds=99))[0].ask(1)
    with pytest.raises(StrategyError, match="names a transcript that nothing in this ask left"):
        session(Asking(transcript="0" * 64))[0].ask(1)


def test_without_programs_a_strategy_is_refused() -> None:
    with pytest.raises(StrategyError, match="asks for the program 'agent', and this run has none"):
        Session(Asking(), INIT).ask(1)


@pytest.mark.parametrize(
    "commands",
    [
        None,
        [],
        [COMMAND] * (MAX_COMMANDS + 1),
        ["agent"],
        [{**COMMAND, "environment": {}}],
        [{**COMMAND, "argv": []}],
        [{**COMMAND, "argv": [""]}],
        [{**COMMAND, "argv": ["a\0b"]}],
        [{**COMMAND, "argv": [1]}],
        [{**COMMAND, "argv": ["x"] * 65}],
        [{**COMMAND, "files": {"a.py": 1}}],
        [{**COMMAND, "files": {"a.py": "x" * 1_000_001}}],
        [{**COMMAND, "task": "\ud800"}],
        [{**COMMAND, "seconds": 0}],
        [{**COMMAND, "seconds": 3601}],
        [{**COMMAND, "seconds": 1.5}],
        [{**COMMAND, "seconds": True}],
    ],
)
def test_a_command_of_another_form_is_refused(commands: object) -> None:
    with pytest.raises(StrategyError):
        read_commands({"type": "commands", "commands": commands})

"""The verifier as its users run it: another process, the standard library alone, plain lines or JSON."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import improvement.ledger.verify
from improvement.ledger.verify import History, Refused, main, read_event, verify_bundle
from tests.unit.ledger.story import Story, digest

SOURCE = Path(improvement.ledger.verify.__file__)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """An honest bundle, with the log's key beside it as log.vkey and a kept checkpoint as kept."""
    story = Story(tmp_path / "story").approved()
    story.write()
    shutil.move(story.folder / "bundle", tmp_path / "bundle")
    (tmp_path / "log.vkey").write_text(story.key.vkey + "\n")
    (tmp_path / "kept").write_text(story.checkpoints[-1])
    return tmp_path / "bundle"


def alone(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a copy of the verifier's one file, isolated from everything that is installed."""
    copy = shutil.copy(SOURCE, folder / "verify.py")
    command = [sys.executable, "-I", "-S", copy, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env={})


def test_the_one_file_alone_verifies_a_bundle(bundle: Path) -> None:
    folder = bundle.parent
    done = alone(folder, bundle, "--key", folder / "log.vkey", "--known", folder / "kept")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("OK: log countersign.example/acme, 11 events (the whole log), root ")


def test_the_one_file_alone_refuses_an_edited_bundle(bundle: Path) -> None:
    events = bundle / "events.jsonl"
    events.write_bytes(events.read_bytes().replace(b"user:bob", b"user:ben"))
    done = alone(bundle.parent, bundle, "--key", bundle.parent / "log.vkey")
    assert (done.returncode, done.stderr) == (1, "")
    assert "PROBLEM: ALTERED" in done.stdout
    assert done.stdout.endswith("NOT OK: 1 problem(s).\n")


def test_as_a_module_it_prints_one_json_value(bundle: Path) -> None:
    command = [sys.executable, "-m", "improvement.ledger.verify", bundle, "--key", bundle.parent / "log.vkey", "--json"]
    root = SOURCE.parents[2]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False, cwd=root)
    answer = json.loads(done.stdout)
    assert (done.returncode, answer["ok"], answer["size"], answer["problems"]) == (0, True, 11, [])
    assert len(bytes.fromhex(answer["root"])) == 32


def test_it_imports_the_standard_library_only() -> None:
    program = f"import runpy, sys; runpy.run_path({str(SOURCE)!r}); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=True)
    imported = {name.partition(".")[0] for name in done.stdout.split()}
    assert imported <= set(sys.stdlib_module_names) | {"__main__"}


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["{bundle}"],
        ["{bundle}", "--key", "{folder}/none.vkey"],
        ["{bundle}", "--key", "{bundle}/VERIFY.md"],
        ["{folder}/none", "--key", "{folder}/log.vkey"],
        ["{bundle}", "--key", "{folder}/log.vkey", "--known", "{folder}/none"],
        ["{bundle}", "--key", "{folder}/log.vkey", "--what"],
    ],
)
def test_wrong_use_exits_with_2(bundle: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([argument.format(bundle=bundle, folder=bundle.parent) for argument in arguments])
    assert stopped.value.code == 2
    assert "Traceback" not in capsys.readouterr().err


def test_what_a_bundle_says_cannot_command_a_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    story = Story(tmp_path).begin()
    story.forge("x\x1b[2J\ud7ff\u202e", subject={"kind": "x", "id": "x"}, payloads=[7])
    (tmp_path / "log.vkey").write_text(story.key.vkey)
    assert main([str(story.write()), "--key", str(tmp_path / "log.vkey")]) == 1
    assert "PROBLEM: event 5 (x?[2J??): a payload has no SHA-256." in capsys.readouterr().out


def test_a_key_that_is_none_is_a_problem(bundle: Path) -> None:
    assert verify_bundle(bundle, "nonsense").problems == ("The key is not a verifier key of the form name+id+base64.",)


def test_no_single_changed_byte_passes(bundle: Path) -> None:
    key, events = (bundle.parent / "log.vkey").read_text(), bundle / "events.jsonl"
    honest, choose = events.read_bytes(), random.Random(1)
    for _ in range(60):
        place, value = choose.randrange(len(honest)), choose.randrange(1, 256)
        events.write_bytes(honest[:place] + bytes([honest[place] ^ value]) + honest[place + 1 :])
        assert not verify_bundle(bundle, key).ok, place


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["", "user:bob", "C-12", digest("patch")]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "seq", "user"]), inner, max_size=3)
    ),
    max_leaves=5,
)


@pytest.fixture(scope="module")
def honest_lines(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """A log that ends with a release and its rollback."""
    story = Story(tmp_path_factory.mktemp("honest")).approved()
    story.roll_back()
    return story.lines


@settings(deadline=None, max_examples=300)
@given(data=st.data())
def test_no_event_makes_the_verifier_crash(honest_lines: list[bytes], data: st.DataObject) -> None:
    """Whatever value stands in whatever place of an event, the history takes it or refuses it."""
    history = History()
    for line in honest_lines:
        event = json.loads(line)
        part = data.draw(st.sampled_from(sorted(event)))
        if isinstance(event[part], dict) and event[part] and data.draw(st.booleans()):
            event[part][data.draw(st.sampled_from(sorted(event[part])))] = data.draw(JSON)
        elif data.draw(st.integers(0, 3)) == 0:
            event[part] = data.draw(JSON)
        with suppress(Refused):
            history.read(read_event(json.dumps(event).encode()))

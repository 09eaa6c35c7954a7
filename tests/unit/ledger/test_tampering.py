"""Whoever alters an exported log, or the log itself, is found out: every way we know, on real bundles."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from improvement.ledger.canonical import canonical
from improvement.ledger.checkpoint import SigningKey
from improvement.ledger.merkle import Frontier, leaf_hash
from improvement.ledger.verify import verify_bundle
from tests.unit.ledger.story import DIFF, LOG, Story

Lines = list[bytes]


@pytest.fixture
def story(tmp_path: Path) -> Story:
    """An honest log with a release, a signed checkpoint in the middle, and a payload."""
    return Story(tmp_path).approved()


def read_lines(bundle: Path) -> Lines:
    return (bundle / "events.jsonl").read_bytes().splitlines()


def write_lines(bundle: Path, lines: Lines) -> None:
    (bundle / "events.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))


def changed(line: bytes, **parts: object) -> bytes:
    return canonical({**json.loads(line), **parts})


def resign(bundle: Path, key: SigningKey) -> None:
    """Sign whatever the bundle holds, as the holder of that key can, and make the manifest agree."""
    frontier = Frontier()
    for line in read_lines(bundle):
        frontier.append(leaf_hash(line))
    (bundle / "checkpoint").write_text(key.sign(LOG, frontier.size, frontier.root()))
    manifest = json.loads((bundle / "manifest.json").read_text())
    manifest.update(size=frontier.size, root=frontier.root().hex())
    (bundle / "manifest.json").write_text(json.dumps(manifest))


def test_the_honest_bundle_passes(story: Story) -> None:
    verdict = story.verdict()
    assert (verdict.problems, verdict.warnings, verdict.ok) == ((), (), True)
    assert (verdict.size, verdict.events, verdict.root) == (11, 11, story.head.root().hex())


def edit(lines: Lines) -> Lines:
    return [*lines[:7], lines[7].replace(b'"verdict":"approve"', b'"verdict":"abstain"'), *lines[8:]]


def delete(lines: Lines) -> Lines:
    return lines[:7] + lines[8:]


def delete_and_renumber(lines: Lines) -> Lines:
    return lines[:7] + [changed(line, seq=7 + place) for place, line in enumerate(lines[8:])]


def reorder(lines: Lines) -> Lines:
    return [*lines[:5], lines[6], lines[5], *lines[7:]]


def insert(lines: Lines) -> Lines:
    forged = [changed(lines[7], seq=8, actor={"kind": "human", "id": "user:carol"})]
    return lines[:8] + forged + [changed(line, seq=9 + place) for place, line in enumerate(lines[8:])]


def repeat_a_key(lines: Lines) -> Lines:
    return [*lines[:7], lines[7].replace(b'{"actor"', b'{"v":1,"actor"', 1), *lines[8:]]


def reformat(lines: Lines) -> Lines:
    return [*lines[:7], lines[7].replace(b'"v":1', b'"v": 1'), *lines[8:]]


def cut_tail(lines: Lines) -> Lines:
    return lines[:-1]


def add_tail(lines: Lines) -> Lines:
    return [*lines, changed(lines[-1], seq=len(lines))]


EDITS = [
    (edit, "ALTERED"),
    (delete, "it says it is number"),
    (delete_and_renumber, "10 events, but the checkpoint signs 11"),
    (reorder, "clock went back"),
    (insert, "12 events, but the checkpoint signs 11"),
    (repeat_a_key, "a key occurs twice"),
    (reformat, "ALTERED"),
    (cut_tail, "10 events, but the checkpoint signs 11"),
    (add_tail, "12 events, but the checkpoint signs 11"),
]


@pytest.mark.parametrize(("attack", "found"), EDITS)
def test_an_altered_log_is_found_out(story: Story, attack: Callable[[Lines], Lines], found: str) -> None:
    bundle = story.write()
    write_lines(bundle, attack(read_lines(bundle)))
    verdict = verify_bundle(bundle, story.key.vkey)
    assert not verdict.ok
    assert any(found in problem for problem in verdict.problems), verdict.problems


@pytest.mark.parametrize(("attack", "found"), EDITS)
def test_an_altered_log_signed_with_another_key_is_found_out(
    story: Story, tmp_path: Path, attack: Callable[[Lines], Lines], found: str
) -> None:
    bundle, forger = story.write(), SigningKey.create(tmp_path / "forger.key", LOG)
    write_lines(bundle, attack(read_lines(bundle)))
    resign(bundle, forger)
    (bundle / "log.vkey").write_text(forger.vkey + "\n")
    shutil.rmtree(bundle / "checkpoints")
    verdict = verify_bundle(bundle, story.key.vkey)
    assert verdict.problems == ("checkpoint: it is not signed by the given key.",)


@pytest.mark.parametrize("attack", [edit, delete_and_renumber, insert])
def test_a_rewrite_with_the_stolen_key_is_found_out_by_a_kept_checkpoint(
    story: Story, attack: Callable[[Lines], Lines]
) -> None:
    bundle = story.write()
    kept = (bundle / "checkpoint").read_text()
    write_lines(bundle, [*attack(read_lines(bundle)), changed(story.lines[4], seq=99)])
    resign(bundle, story.key)
    verdict = verify_bundle(bundle, story.key.vkey, known=[kept])
    assert any("known checkpoint 1" in problem for problem in verdict.problems), verdict.problems


def test_a_rewrite_before_an_earlier_checkpoint_is_located(story: Story) -> None:
    bundle = story.write()
    lines = read_lines(bundle)
    lines[3] = lines[3].replace(b'"name":"Alice"', b'"name":"Mallory"')
    write_lines(bundle, lines)
    resign(bundle, story.key)
    verdict = verify_bundle(bundle, story.key.vkey)
    assert verdict.problems == ("INCONSISTENT: the first 5 events are not what checkpoints/0000 signs.",)


def test_a_cut_log_under_an_older_checkpoint_is_found_out_by_a_kept_one(story: Story) -> None:
    old = story.checkpoints[0]
    bundle = story.write()
    kept = (bundle / "checkpoint").read_text()
    write_lines(bundle, read_lines(bundle)[:5])
    (bundle / "checkpoint").write_text(old)
    resign(bundle, story.key)
    assert verify_bundle(bundle, story.key.vkey).ok, "nothing inside the bundle can show this"
    verdict = verify_bundle(bundle, story.key.vkey, known=[kept])
    assert verdict.problems == ("CUT SHORT or out of date: known checkpoint 1 covers 11 events, this only 5.",)


def test_two_histories_of_one_size_are_found_out(story: Story) -> None:
    bundle = story.write()
    kept = (bundle / "checkpoint").read_text()
    lines = read_lines(bundle)
    write_lines(bundle, [*lines[:-1], lines[-1][:-1] + b',"x":1}'])
    resign(bundle, story.key)
    verdict = verify_bundle(bundle, story.key.vkey, known=[kept])
    assert "INCONSISTENT: the first 11 events are not what known checkpoint 1 signs." in verdict.problems


def test_a_kept_checkpoint_of_the_same_log_agrees(story: Story) -> None:
    kept = [*story.checkpoints, story.key.sign(LOG, 0, Frontier().root())]
    assert verify_bundle(story.write(), story.key.vkey, known=kept).ok


def test_the_wrong_key_is_found_out(story: Story, tmp_path: Path) -> None:
    other = SigningKey.create(tmp_path / "other.key", LOG)
    assert verify_bundle(story.write(), other.vkey).problems == ("checkpoint: it is not signed by the given key.",)


def test_the_checkpoint_of_another_log_is_found_out(story: Story, tmp_path: Path) -> None:
    bundle, other = story.write(), SigningKey.create(tmp_path / "other.key", "other.example")
    (bundle / "checkpoint").write_text(other.sign("other.example", story.head.size, story.head.root()))
    assert verify_bundle(bundle, story.key.vkey).problems == (
        f"checkpoint: it is of the log 'other.example', and the key is of the log '{LOG}'.",
    )


def test_events_of_another_log_are_found_out(story: Story) -> None:
    story.add_line(changed(story.lines[0], seq=11, log="other.example", ts=story.head.last_ts))
    assert story.verdict().problems == ("event 11: it belongs to another log, 'other.example'.",)


def test_a_swapped_payload_is_found_out(story: Story) -> None:
    bundle = story.write()
    (payload,) = (bundle / "payloads").iterdir()
    payload.write_bytes(DIFF.replace(b"relaxed", b"doubled"))
    assert verify_bundle(bundle, story.key.vkey).problems == (
        f"payloads/{payload.name}: ALTERED, its content has another SHA-256.",
    )


def test_an_erased_payload_is_only_a_warning(story: Story) -> None:
    bundle = story.write()
    shutil.rmtree(bundle / "payloads")
    verdict = verify_bundle(bundle, story.key.vkey)
    assert (verdict.ok, verdict.warnings) == (True, ("1 payload(s) that events refer to are not in the bundle",))


def test_a_payload_of_another_size_is_found_out(story: Story) -> None:
    payload = {"name": "diff", "sha256": next(iter(story.payloads)), "size": 1}
    story.forge("candidate.evaluated", subject={"kind": "candidate", "id": "C-12"}, payloads=[payload])
    assert any("states another size" in problem for problem in story.verdict().problems)


def test_a_manifest_that_contradicts_the_checkpoint_is_found_out(story: Story) -> None:
    bundle = story.write()
    manifest = json.loads((bundle / "manifest.json").read_text())
    (bundle / "manifest.json").write_text(json.dumps(manifest | {"size": 12}))
    assert verify_bundle(bundle, story.key.vkey).problems == (
        "manifest.json: it states another log, size or root than the signed checkpoint.",
    )


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (b"", "not valid JSON"),
        (b"[]", "not an event of version 1"),
        (b'{"v":2}', "not an event of version 1"),
        (b'{"v":1}', "'seq' is missing"),
        (b'{"v":1,"seq":11.0}', "the number 11.0 is not allowed"),
        (b'{"v":1,"seq":NaN}', "the number NaN is not allowed"),
        (b'{"v":1,"seq":' + b"9" * 5000 + b"}", "not valid JSON"),
        (b"[" * 100_000, "not valid JSON"),
        (b'{"v":1,"x":"\xff"}', "not valid JSON"),
        (
            b'{"actor":{},"data":[],"log":"l","seq":1,"subject":{},"ts":"","type":"t","v":1}',
            "'data' is of the wrong type",
        ),
    ],
)
def test_a_line_that_is_no_strict_event_is_found_out(story: Story, line: bytes, found: str) -> None:
    story.add_line(line)
    (problem,) = story.verdict().problems
    assert problem.startswith("event 11: ")
    assert found in problem


@pytest.mark.parametrize(
    "ts",
    [
        "2026-05-01 12:00:00.000000Z",
        "2026-13-01T12:00:00.000000Z",
        "2026-05-01T12:00:00Z",
        "٢٠26-05-01T12:00:00.000000Z",
    ],
)
def test_a_time_of_another_form_is_found_out(story: Story, ts: str) -> None:
    story.add_line(changed(story.lines[4], seq=11, ts=ts))
    assert any("is not of the form" in problem for problem in story.verdict().problems)


def test_a_clock_that_goes_back_is_found_out(story: Story) -> None:
    story.add_line(changed(story.lines[4], seq=11))
    assert any("the clock went back" in problem for problem in story.verdict().problems)


def test_a_last_line_without_its_end_is_found_out(story: Story) -> None:
    bundle = story.write()
    (bundle / "events.jsonl").write_bytes((bundle / "events.jsonl").read_bytes()[:-1])
    assert any("cut off" in problem for problem in verify_bundle(bundle, story.key.vkey).problems)


@pytest.mark.parametrize("name", ["checkpoint", "manifest.json", "events.jsonl"])
def test_a_bundle_that_lacks_a_file_is_found_out(story: Story, name: str) -> None:
    bundle = story.write()
    (bundle / name).unlink()
    (problem,) = verify_bundle(bundle, story.key.vkey).problems
    assert f"The bundle has no '{name}'" in problem


def test_many_problems_are_counted_not_flooded(story: Story) -> None:
    for _ in range(60):
        story.add_line(b"{}")
    problems = story.verdict().problems
    assert (len(problems), problems[-1]) == (51, "… and 10 more.")

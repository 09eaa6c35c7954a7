"""Bundles: whole or of one run, as a directory or a .tar, never half written, never unpacked by the verifier."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from improvement.exceptions import LedgerError
from improvement.ledger.bundle import Written, receipt, write_bundle, write_run_bundle
from improvement.ledger.merkle import Tree, leaf_hash
from improvement.ledger.verify import verify_bundle
from tests.unit.ledger.story import Story, person


@pytest.fixture
def story(tmp_path: Path) -> Story:
    """An honest log of run R-7, with something of another run before and after."""
    begun = Story(tmp_path / "story")
    begun.tell("run.started", subject={"kind": "run", "id": "R-6"}, context={"run": "R-6"})
    begun.approved()
    begun.tell("run.started", subject={"kind": "run", "id": "R-8"}, context={"run": "R-8"})
    return begun


def write_run(story: Story, out: Path, run: str = "R-7") -> Written:
    return write_run_bundle(
        out, run=run, lines=story.lines, checkpoint=story.sign(), vkey=story.key.vkey, earlier=story.checkpoints[:-1],
        payloads=story.payloads.get,
    )  # fmt: skip


def test_a_bundle_holds_the_stored_bytes(story: Story) -> None:
    bundle = story.write()
    assert (bundle / "events.jsonl").read_bytes().splitlines() == story.lines
    assert (bundle / "log.vkey").read_text() == story.key.vkey + "\n"
    assert sorted(path.name for path in bundle.iterdir()) == [
        "VERIFY.md", "checkpoint", "checkpoints", "events.jsonl", "log.vkey", "manifest.json", "payloads",
    ]  # fmt: skip


def test_a_tar_holds_the_same_and_is_the_same_every_time(story: Story) -> None:
    first, second = story.write("one.tar"), story.write("two.tar")
    verdict = verify_bundle(first, story.key.vkey)
    assert (verdict.ok, verdict.problems, verdict.events) == (True, (), 13)
    with tarfile.open(first) as tar, tarfile.open(second) as again:
        kept = [name for name in tar.getnames() if not name.startswith("checkpoint")]
        assert [again.getmember(name).mtime for name in kept] == [0] * len(kept)
        assert all(tar.extractfile(n).read() == again.extractfile(n).read() for n in kept)  # type: ignore[union-attr]


def test_events_after_the_checkpoint_stay_out(story: Story, tmp_path: Path) -> None:
    signed = story.sign()
    story.tell("run.paused", person("alice"), subject={"kind": "run", "id": "R-8"})
    written = write_bundle(tmp_path / "out", lines=story.lines, checkpoint=signed, vkey=story.key.vkey)
    assert (written.events, written.checkpoint.size, written.payloads) == (13, 13, 0)
    assert verify_bundle(tmp_path / "out", story.key.vkey).ok


def test_the_log_of_no_events_can_be_exported(tmp_path: Path) -> None:
    verdict = Story(tmp_path).verdict()
    assert (verdict.ok, verdict.size, verdict.problems) == (True, 0, ())


@pytest.mark.parametrize("name", ["run", "run.tar"])
def test_a_bundle_of_one_run_proves_each_event(story: Story, tmp_path: Path, name: str) -> None:
    written = write_run(story, tmp_path / name)
    verdict = verify_bundle(tmp_path / name, story.key.vkey, known=story.checkpoints)
    assert (verdict.problems, verdict.ok, verdict.partial) == ((), True, True)
    assert (written.events, verdict.events, verdict.size) == (10, 10, 13)
    assert verdict.warnings[0].startswith("partial: 10 of 13 events, those of R-7")


def test_a_bundle_of_one_run_tells_nothing_of_others(story: Story, tmp_path: Path) -> None:
    write_run(story, tmp_path / "run")
    assert b"R-8" not in (tmp_path / "run" / "events.jsonl").read_bytes()


def alter_event(bundle: Path) -> None:
    events = bundle / "events.jsonl"
    events.write_bytes(events.read_bytes().replace(b'"verdict":"approve"', b'"verdict":"abstain"'))


def swap_proofs(bundle: Path) -> None:
    one, two = sorted((bundle / "proofs").iterdir())[:2]
    one_text = one.read_text()
    one.write_text(two.read_text())
    two.write_text(one_text)


def renumber_proof(bundle: Path) -> None:
    proof = bundle / "proofs" / "8.tlog-proof"
    proof.write_text(proof.read_text().replace("index 8", "index 9"))


def remove_proof(bundle: Path) -> None:
    (bundle / "proofs" / "8.tlog-proof").unlink()


def shorten_proof(bundle: Path) -> None:
    proof = bundle / "proofs" / "8.tlog-proof"
    lines = proof.read_text().split("\n")
    proof.write_text("\n".join(lines[:2] + lines[3:]))


def proof_under_another_checkpoint(bundle: Path) -> None:
    proof, earlier = bundle / "proofs" / "8.tlog-proof", (bundle / "checkpoints" / "0000").read_text()
    proof.write_text(proof.read_text().partition("\n\n")[0] + "\n\n" + earlier)


def reorder_events(bundle: Path) -> None:
    events = bundle / "events.jsonl"
    events.write_bytes(b"".join(reversed(events.read_bytes().splitlines(keepends=True))))


def leave_out_the_vote(bundle: Path) -> None:
    events = bundle / "events.jsonl"
    events.write_bytes(
        b"".join(line for line in events.read_bytes().splitlines(keepends=True) if b"review.voted" not in line)
    )


def alter_consistency(bundle: Path) -> None:
    (proof,) = (bundle / "consistency").iterdir()
    proof.write_text("".join(reversed(proof.read_text().splitlines(keepends=True))))


@pytest.mark.parametrize(
    ("attack", "found"),
    [
        (alter_event, "ALTERED"),
        (swap_proofs, "its proof is malformed or for another event"),
        (renumber_proof, "its proof is malformed or for another event"),
        (remove_proof, "has no 'proofs/8.tlog-proof'"),
        (shorten_proof, "ALTERED"),
        (proof_under_another_checkpoint, "its proof is under another checkpoint"),
        (reorder_events, "out of order"),
        (leave_out_the_vote, "that is no vote before it"),
        (alter_consistency, "INCONSISTENT"),
    ],
)
def test_an_altered_bundle_of_one_run_is_found_out(
    story: Story, tmp_path: Path, attack: Callable[[Path], None], found: str
) -> None:
    write_run(story, tmp_path / "run")
    attack(tmp_path / "run")
    problems = verify_bundle(tmp_path / "run", story.key.vkey).problems
    assert any(found in problem for problem in problems), problems


def test_a_kept_checkpoint_that_a_partial_bundle_cannot_be_compared_with_fails(story: Story, tmp_path: Path) -> None:
    write_run(story, tmp_path / "run")
    kept = story.key.sign(story.head.log, 2, Tree(map(leaf_hash, story.lines)).root(2))
    (problem,) = verify_bundle(tmp_path / "run", story.key.vkey, known=[kept]).problems
    assert "ask for a bundle of the whole log" in problem


def test_a_run_without_events_is_refused(story: Story, tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="no event of R-99"):
        write_run(story, tmp_path / "run", "R-99")
    assert not (tmp_path / "run").exists()


def test_a_run_of_a_damaged_log_is_refused_and_the_whole_log_is_exported(story: Story, tmp_path: Path) -> None:
    signed = story.sign()
    story.lines[3] = b"damaged"
    with pytest.raises(LedgerError, match="export and verify the whole log"):
        write_run_bundle(tmp_path / "run", run="R-7", lines=story.lines, checkpoint=signed, vkey=story.key.vkey)
    write_bundle(tmp_path / "all", lines=story.lines, checkpoint=signed, vkey=story.key.vkey)
    problems = verify_bundle(tmp_path / "all", story.key.vkey).problems
    assert any(problem.startswith("event 3: it is not valid JSON") for problem in problems)


def test_an_export_replaces_nothing(story: Story, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(LedgerError, match="exists already"):
        write_bundle(tmp_path / "out", lines=story.lines, checkpoint=story.sign(), vkey=story.key.vkey)
    assert (tmp_path / "out").read_text() == "mine"


def test_an_export_that_fails_half_way_leaves_nothing(story: Story, tmp_path: Path) -> None:
    def lines() -> object:
        yield from story.lines[:4]
        raise LedgerError("The database went away.")

    with pytest.raises(LedgerError, match="went away"):
        write_bundle(tmp_path / "out.tar", lines=lines(), checkpoint=story.sign(), vkey=story.key.vkey)  # type: ignore[arg-type]
    assert [path.name for path in tmp_path.iterdir()] == ["story"]


def test_an_export_into_a_missing_directory_is_refused(story: Story, tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="cannot be written"):
        write_bundle(tmp_path / "no" / "out", lines=story.lines, checkpoint=story.sign(), vkey=story.key.vkey)


def test_a_receipt_proves_one_event(story: Story) -> None:
    text = receipt(Tree(map(leaf_hash, story.lines)), 8, story.sign())
    lines = text.split("\n")
    assert lines[:2] == ["c2sp.org/tlog-proof@v1", "index 8"]
    assert text.endswith("\n\n" + story.checkpoints[-1])


def hostile_tar(path: Path, member: tarfile.TarInfo, data: bytes = b"") -> None:
    member.size = len(data)
    with tarfile.open(path, "a:") as tar:
        tar.addfile(member, io.BytesIO(data))


def special(name: str, kind: bytes) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, "/etc/passwd"
    return member


@pytest.mark.parametrize(
    ("member", "found"),
    [
        (special("payloads/x", tarfile.SYMTYPE), "a link or a special file"),
        (special("payloads/x", tarfile.LNKTYPE), "a link or a special file"),
        (special("payloads/x", tarfile.FIFOTYPE), "a link or a special file"),
        (special("payloads/x", tarfile.CHRTYPE), "a link or a special file"),
        (tarfile.TarInfo("/etc/passwd"), "unsafe or repeated name"),
        (tarfile.TarInfo("../outside"), "unsafe or repeated name"),
        (tarfile.TarInfo("payloads/../../outside"), "unsafe or repeated name"),
        (tarfile.TarInfo("checkpoint"), "unsafe or repeated name"),
        (tarfile.TarInfo("./checkpoint"), "unsafe or repeated name"),
    ],
)
def test_an_unsafe_tar_is_refused(story: Story, member: tarfile.TarInfo, found: str) -> None:
    bundle = story.write("bundle.tar")
    hostile_tar(bundle, member)
    (problem,) = verify_bundle(bundle, story.key.vkey).problems
    assert found in problem


def test_a_link_in_a_directory_is_refused(story: Story, tmp_path: Path) -> None:
    bundle = story.write()
    (bundle / "payloads" / "x").symlink_to(tmp_path)
    (problem,) = verify_bundle(bundle, story.key.vkey).problems
    assert "a link or a special file" in problem


@pytest.mark.parametrize("content", [b"", b"not a tar", bytes(1024)])
def test_what_is_no_bundle_is_a_problem_not_a_crash(story: Story, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.tar").write_bytes(content)
    verdict = verify_bundle(tmp_path / "x.tar", story.key.vkey)
    assert (verdict.ok, len(verdict.problems)) == (False, 1)


def test_a_cut_tar_is_a_problem_not_a_crash(story: Story, tmp_path: Path) -> None:
    bundle = story.write("bundle.tar")
    with tarfile.open(bundle) as tar:
        end = max(member.offset_data + member.size for member in tar)
    for length in range(0, end, 300):
        (tmp_path / "cut.tar").write_bytes(bundle.read_bytes()[:length])
        verdict = verify_bundle(tmp_path / "cut.tar", story.key.vkey)
        assert verdict.problems or verdict.warnings, length


def test_a_manifest_that_claims_a_run_does_not_hide_the_rest(story: Story) -> None:
    bundle = story.write()
    manifest = json.loads((bundle / "manifest.json").read_text())
    (bundle / "manifest.json").write_text(json.dumps(manifest | {"run": "R-7"}))
    verdict = verify_bundle(bundle, story.key.vkey)
    assert verdict.partial
    assert any("tlog-proof" in problem for problem in verdict.problems)

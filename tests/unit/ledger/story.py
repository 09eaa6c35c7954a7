"""A factory of real audit logs: one target, one run, one candidate, and whatever happens to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha1, sha256
from pathlib import Path
from typing import Any

from improvement.ledger.bundle import write_bundle
from improvement.ledger.canonical import canonical
from improvement.ledger.checkpoint import SigningKey
from improvement.ledger.event import timestamp
from improvement.ledger.head import Head
from improvement.ledger.merkle import Frontier, leaf_hash
from improvement.ledger.verify import Verdict, verify_bundle

Json = dict[str, Any]
LOG = "countersign.example/acme"
SYSTEM: Json = {"kind": "system", "id": "system:engine", "name": "The engine"}


def digest(name: str) -> str:
    """Return a SHA-256 that stands for a named thing."""
    return sha256(name.encode()).hexdigest()


def commit(name: str) -> str:
    """Return a git object id that stands for a named commit or tree."""
    return sha1(name.encode()).hexdigest()


def person(name: str, kind: str = "human") -> Json:
    """Return a person as the actor of an event."""
    return {"kind": kind, "id": f"user:{name}", "name": name.title()}


DIFF = b"-    return centers, radii\n+    return relaxed(centers), radii\n"


@dataclass
class Story:
    """A log that grows by named steps; every step returns the seq of its event."""

    folder: Path
    preset: str = "team"
    lines: list[bytes] = field(default_factory=list)
    checkpoints: list[str] = field(default_factory=list)
    payloads: dict[str, bytes] = field(default_factory=dict)
    head: Head = field(default_factory=lambda: Head(LOG))
    now: datetime = datetime(2026, 5, 1, 12, tzinfo=UTC)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.key = SigningKey.create(self.folder / "log.key", LOG)

    def tell(self, type: str, actor: Mapping[str, Any] = SYSTEM, **parts: Any) -> int:
        """Append an event as the application does."""
        self.now += timedelta(seconds=1)
        parts.setdefault("subject", {"kind": "log", "id": LOG})
        self.head, entry = self.head.append(now=self.now, type=type, actor=actor, **parts)
        self.lines.append(entry.line)
        return entry.seq

    def forge(self, type: str, actor: Mapping[str, Any] = SYSTEM, **parts: Any) -> int:
        """Append an event as somebody with full control over the application could: without any check."""
        self.now += timedelta(seconds=1)
        event = {
            "v": 1,
            "seq": self.head.size,
            "log": LOG,
            "ts": timestamp(self.now),
            "type": type,
            "actor": actor,
            **parts,
        }
        self.add_line(canonical(event), event["ts"])
        return len(self.lines) - 1

    def add_line(self, line: bytes, ts: str = "") -> None:
        """Append bytes to the log, whatever they are."""
        frontier = Frontier.load(self.head.size, self.head.frontier)
        frontier.append(leaf_hash(line))
        self.head = Head(LOG, frontier.size, frontier.dump(), max(self.head.last_ts, ts))
        self.lines.append(line)

    def sign(self) -> str:
        """Sign the log as it is now."""
        text = self.key.sign(LOG, self.head.size, self.head.root())
        self.checkpoints.append(text)
        return text

    # Steps

    def begin(self, *, starter: Json | None = None) -> Story:
        """Tell everything up to the running loop."""
        self.tell("log.started")
        self.policy(self.preset)
        target = {"kind": "target", "id": "circle-packing"}
        start = {"champion": commit("start"), "tree": commit("start tree")}
        self.tell("target.added", person("alice"), subject=target, data=start)
        self.tell(
            "run.created", starter or person("alice"), subject={"kind": "run", "id": "R-7"},
            context={"target": "circle-packing", "run": "R-7", "policy_sha256": self.policy_digest},
            data={"strategy": "evolution@1.0.0"},
        )  # fmt: skip
        self.tell("run.started", subject={"kind": "run", "id": "R-7"}, context={"run": "R-7"})
        self.sign()
        return self

    def policy(self, preset: str, version: int = 1) -> int:
        """Put a policy in force."""
        self.preset, self.policy_digest = preset, digest(f"policy {preset} {version}")
        data = {"version": version, "preset": preset, "policy_sha256": self.policy_digest}
        return self.tell("policy.changed", person("alice"), subject={"kind": "policy", "id": "policy"}, data=data)

    def about(self, **changed: Any) -> Json:
        """Return subject and context as everything about the candidate states them; name what should differ."""
        subject = {"kind": "candidate", "id": "C-12", "patch_sha256": digest("patch"), "base": commit("start")}
        context = {
            "target": "circle-packing", "run": "R-7", "evidence_sha256": digest("evidence"), "preset": self.preset,
            "policy_version": 1, "policy_sha256": self.policy_digest,
        }  # fmt: skip
        for key, value in changed.items():
            part = subject if key in subject else context
            part[key] = value
        return {"subject": subject, "context": {key: value for key, value in context.items() if value is not None}}

    def evidence(self, *, tree: str = "tree", **changed: Any) -> int:
        """Record the evidence for the candidate, with its diff as a payload."""
        parts = self.about(**changed)
        parts["subject"]["tree"] = commit(tree)
        self.payloads[sha256(DIFF).hexdigest()] = DIFF
        payload = {"name": "diff", "sha256": sha256(DIFF).hexdigest(), "size": len(DIFF)}
        return self.tell("evidence.recorded", **parts, data={"score": "2.6212"}, payloads=[payload])

    def open_review(self, *, required: int = 1, **changed: Any) -> int:
        """Put the candidate before people."""
        return self.tell("review.opened", **self.about(**changed), data={"tier": "medium", "required": required})

    def vote(self, name: str, verdict: str = "approve", *, marked: bool = False, **changed: Any) -> int:
        """Cast a person's vote."""
        data = {"verdict": verdict, "reason": "Read and run.", "self_countersigned": marked, "via": "web"}
        return self.tell("review.voted", person(name), **self.about(**changed), data=data)

    def release(
        self, *votes: tuple[str, int], new: str = "new", previous: str = "start", tree: str = "tree", **changed: Any
    ) -> int:
        """Make the candidate the champion, counting the given votes (person, seq)."""
        parts = self.about(**changed)
        data = {"commit": commit(new), "tree": commit(tree), "previous": commit(previous)}
        data["approvals"] = [{"user": f"user:{name}", "seq": seq} for name, seq in votes]
        return self.tell("release.done", **parts, data=data)

    def intend(self, **changed: Any) -> int:
        """Record the intent to release the candidate."""
        data = {"commit": commit("new"), "previous": commit("start")}
        return self.tell("release.intended", **self.about(**changed), data=data)

    def roll_back(self, *kinds: str, actor: Json | None = None, **changed: Any) -> None:
        """Record these steps of a rollback of the target to its first champion; both unless some are named."""
        data = {
            "commit": commit("back"),
            "tree": commit("start tree"),
            "to": commit("start"),
            "previous": commit("new"),
        }
        data |= {"reason": "Too slow at n = 32.", **changed}
        for kind in kinds or ("rollback.ordered", "rollback.done"):
            self.forge_move(kind, actor, data)

    def take_over(self, *kinds: str, actor: Json | None = None, **changed: Any) -> None:
        """Record these steps of a takeover of a commit made elsewhere."""
        data = {"commit": commit("outside"), "tree": commit("t"), "previous": commit("start"), "reason": "A hot fix."}
        for kind in kinds:
            self.forge_move(kind, actor, data | changed)

    def fail(self) -> int:
        """End what was ordered for the target."""
        about = {"subject": {"kind": "target", "id": "circle-packing"}, "context": {"target": "circle-packing"}}
        return self.tell("release.failed", **about, data={"reason": "The branch was moved."})

    def forge_move(self, kind: str, actor: Json | None, data: Json) -> int:
        """Record a step of a move that a person orders: alice, unless somebody else is named."""
        return self.forge(kind, actor or person("alice"), subject={"kind": "target", "id": "circle-packing"}, data=data)

    def approved(self) -> Story:
        """Tell an honest way to a release by bob's approval."""
        self.begin()
        self.evidence()
        self.open_review()
        vote = self.vote("bob")
        self.tell("review.approved", **self.about())
        self.intend()
        self.release(("bob", vote))
        return self

    # The export

    def write(self, name: str = "bundle") -> Path:
        """Sign the log and export it."""
        text = self.sign()
        out = self.folder / name
        write_bundle(
            out, lines=self.lines, checkpoint=text, vkey=self.key.vkey, earlier=self.checkpoints[:-1],
            payloads=self.payloads.get,
        )  # fmt: skip
        return out

    def verdict(self) -> Verdict:
        """Export the log and verify it under the story's own key."""
        return verify_bundle(self.write(), self.key.vkey)

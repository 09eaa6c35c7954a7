"""What the commands say about a candidate in review."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from improvement.commandline.text import facts, moment, score
from improvement.engine.findings import Severity
from improvement.engine.patches import unified_diff
from improvement.engine.wording import counted
from improvement.models import Candidate, Thread
from improvement.selectors import candidates, comments
from improvement.selectors.reviews import Standing, VoteLine

_SEVERITIES = {
    Severity.BLOCK: "nothing may release it",
    Severity.SECOND_PERSON: "a second person must agree",
    Severity.NOTE: "worth knowing",
}


def value(candidate: Candidate, standing: Standing) -> dict[str, Any]:
    """Return a case as ``review show --json`` prints it, and every decision after it."""
    review, payload = standing.review, standing.review.evidence.payload
    return {
        "candidate": f"C-{candidate.pk}",
        "state": candidate.state,
        "target": candidate.target.name,
        "run": f"R-{candidate.run_id}" if candidate.run_id else None,
        "title": candidate.title,
        "note": candidate.note,
        "score": candidate.score,
        "tier": review.tier,
        "digests": _digests(standing),
        "requirements": [{"name": one.name, "met": one.met, "why": one.why} for one in standing.requirements],
        "findings": [_finding(finding) for finding in payload.get("findings", [])],
        "evidence": {"summary": review.evidence.summary, "better": review.evidence.better, **payload},
        "approvals": {"given": standing.approvals, "needed": standing.needed},
        "votes": [_vote(vote) for vote in standing.votes],
        "comments": [_thread(thread) for thread in comments.threads(candidate.pk)],
        "lines": {"added": candidate.added, "removed": candidate.removed},
        "patch": patch(candidate),
        "opened_at": moment(review.opened_at),
        "expires_at": moment(review.expires_at),
        "champion": candidate.target.champion_commit,
    }


def lines(candidate: Candidate, standing: Standing, *, with_patch: bool) -> list[str]:
    """Return a case as people read it; the patch comes last."""
    review, digests = standing.review, standing.case.digests
    findings = review.evidence.payload.get("findings", [])
    return [
        f"C-{candidate.pk} for {candidate.target.name}: {candidate.state.replace('_', ' ')}",
        *facts(
            [
                ("  change", f"+{candidate.added} −{candidate.removed}  {candidate.title}"),
                ("  measured", score(candidate.score)),
                ("  evidence", review.evidence.summary),
                ("  risk", f"{review.tier}, {standing.approvals} of {counted(standing.needed, 'approval')}"),
                ("  signs", f"patch {digests.patch[:12]}  base {digests.base[:12]}"),
                ("", f"evidence {digests.evidence[:12]}  policy {digests.policy[:12]}"),
                ("  open", f"since {moment(review.opened_at)} until {moment(review.expires_at)}"),
            ]
        ),
        *(f"  {'met    ' if one.met else 'not met'}  {one.name}: {one.why}" for one in standing.requirements),
        *(f"  finding  {_SEVERITIES[one['severity']]}: {one['text']}" for one in findings),
        *(f"  vote     {_in_words(vote)}" for vote in standing.votes),
        *(line for thread in comments.threads(candidate.pk) for line in _talk(thread)),
        *(["", *patch(candidate).split("\n")[:-1]] if with_patch else []),
    ]


def patch(candidate: Candidate) -> str:
    """Return the change from the champion that was compared to the candidate, as ``git apply`` reads it."""
    return unified_diff(candidates.base_files(candidate), candidates.files(candidate))


def _digests(standing: Standing) -> dict[str, str]:
    digests = standing.case.digests
    return {
        "patch": digests.patch,
        "base": digests.base,
        "evidence": digests.evidence,
        "policy": digests.policy,
    }


def _finding(finding: Mapping[str, Any]) -> dict[str, Any]:
    return {"code": finding["code"], "severity": finding["severity"], "text": finding["text"]}


def _vote(vote: VoteLine) -> dict[str, Any]:
    return {
        "person": vote.person,
        "verdict": vote.verdict,
        "reason": vote.reason,
        "grounds": [ground.value for ground in vote.grounds],
        "at": moment(vote.at),
        "self_countersigned": vote.self_countersigned,
        "via": vote.via,
        "not_counted": vote.not_counted,
    }


def _thread(thread: Thread) -> dict[str, Any]:
    said = [
        {"person": one.person.get_username(), "text": one.text, "told": one.share, "at": moment(one.at)}
        for one in thread.comments.all()
    ]
    about = {"path": thread.path, "side": thread.side, "line": thread.line, "code": thread.code}
    return {"number": thread.pk, **about, "open": thread.is_open, "said": said}


def _talk(thread: Thread) -> list[str]:
    state = "open" if thread.is_open else "resolved"
    head = f"  comment {thread.pk}, {state}: {thread.path}, line {thread.line} of the {thread.get_side_display()}"
    return [head, *(f"           {one.person.get_username()}: {one.text}" for one in thread.comments.all())]


def _in_words(vote: VoteLine) -> str:
    marks = [vote.via, *(["self-countersigned"] if vote.self_countersigned else [])]
    if vote.not_counted:
        marks.append(f"does not count: {vote.not_counted}")
    grounds = "".join(f", {ground.words.lower()}" for ground in vote.grounds)
    reason = f" “{vote.reason}”" if vote.reason else ""
    return f"{vote.person}: {vote.verdict.replace('_', ' ')}{grounds}{reason} ({', '.join(marks)})"
